"""The backward equations as a programmer computes them: each quantity's gradient once, put into the next where it is used once.

They are the results of the notes' derivations, so that softmax and cross-entropy end in `(p - y) / m` in code as on paper. Only
where the notes would write a gradient out twice, code keeps it under a name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from sympy import S, Sum

from symbackprop.backprop import Backward, backpropagate
from symbackprop.derivation import gradient_derivation
from symbackprop.documents.about_network import name_of
from symbackprop.equations import Equation, Grad, Tensor, entries, tensors
from symbackprop.lift import Layout
from symbackprop.network import Network
from symbackprop.notation import Notation
from symbackprop.writing import length

__all__ = ["Found", "backward_equations"]

_SHORT = 12  # symbols of a gradient that is put in wherever it is used, if no sum stands in it


@dataclass(frozen=True)
class Found:
    """The equation of one gradient, what the notes call it, and the factor of its letter."""

    tensor: Tensor
    equation: Equation
    label: str
    factor: Any = S.One


def backward_equations(net: Network, notation: Notation, layout: Layout) -> Iterator[Found]:
    """The gradients of `net` from the loss to the parameters; a parameter's as soon as what it needs is there.

    >>> from symbackprop.builders import mlp
    >>> from symbackprop.notation import load_notation
    >>> rows, net = load_notation("rows"), mlp([2, 2], samples="m")
    >>> [(f.label, str(f.equation)) for f in backward_equations(net, rows, rows.layout(True))][-1]
    ('BP3-1', 'dJ/db(1)[j] = Sum(delta(1)[j, s], (s, 1, m))')
    """
    named = notation.named(net.samples is not None, net.samples)
    listed = [b for b in backpropagate(net, named) if b.tensor not in net.inputs]
    users = Counter(t for b in listed for t in tensors(b.equation.rhs))
    known: dict[Tensor, Equation] = {}
    found: list[Found] = []
    for b in listed:
        own = b.equation.lhs.tensor
        equation = _result(net, b, known, layout)
        label = name_of(net, b)
        if b.tensor not in net.parameters and (users[own] == 1 or (not equation.rhs.has(Sum) and length(equation.rhs) <= _SHORT)):
            lettered = b.definition is not None
            if not lettered or users[own] == 1:
                known[own] = replace(equation, label=label)
        found.append(Found(b.tensor, equation, label, _factor(b)))
    yield from _in_order(found, net)


def _result(net: Network, b: Backward, known: dict[Tensor, Equation], layout: Layout) -> Equation:
    """The equation with the gradients found before put in, each at most once where it holds a sum."""
    uses = Counter(e.tensor for e in entries(b.equation.rhs))
    usable = [known[t] for t in uses if t in known and (uses[t] == 1 or not known[t].rhs.has(Sum))]
    if not usable:
        return b.equation
    insert = [e for e in usable if isinstance(e.lhs.tensor, Grad)]
    offer = [e for e in usable if not isinstance(e.lhs.tensor, Grad)]
    derivation = gradient_derivation(net, b, name=name_of(net, b), insert=insert, offer=offer, layout=None)
    return replace(b.equation, rhs=derivation.result.rhs)


def _factor(b: Backward) -> Any:
    """m in dZ = m dJ/dZ."""
    return S.One if b.definition is None or not b.definition.rhs.is_Mul else b.definition.rhs.args[0]


def _in_order(found: list[Found], net: Network) -> Iterator[Found]:
    """Parameters, in their own order, right behind the last gradient that they need."""
    rank = {p: n for n, p in enumerate(net.parameters)}
    place = {f.equation.lhs.tensor: n for n, f in enumerate(found) if f.tensor not in rank}
    behind: dict[int, list[Found]] = {}
    for f in sorted((f for f in found if f.tensor in rank), key=lambda f: rank[f.tensor]):
        behind.setdefault(max((place[t] for t in tensors(f.equation.rhs) if t in place), default=-1), []).append(f)
    yield from behind.get(-1, [])
    for n, f in enumerate(found):
        if f.tensor not in rank:
            yield f
            yield from behind.get(n, [])
