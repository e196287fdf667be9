"""The backward equations as a programmer computes them: each quantity's gradient once, put into the next where it is used once.

They are the results of the notes' derivations, so that softmax and cross-entropy end in `(p - y) / m` in code as on paper. Only
where the notes would write a gradient out twice, code keeps it under a name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from sympy import Mul, S, Sum

from symbackprop.backprop import Backward, Named, backpropagate
from symbackprop.derivation import known_put_in, name_of
from symbackprop.equations import Equation, Grad, Tensor, entries, rename_tensors, tensors
from symbackprop.local import stand_ins
from symbackprop.network import Network
from symbackprop.writing import length

__all__ = ["Found", "backward_equations"]

_TINY, _SHORT, _LONG = 6, 12, 24  # symbols of a gradient that is put in anywhere, in two places, in one; a longer one if it cancels


@dataclass(frozen=True)
class Found:
    """The equation of one gradient, what the notes call it, and the factor of its letter."""

    tensor: Tensor
    equation: Equation
    label: str
    factor: Any = S.One


def backward_equations(net: Network, named: Mapping[str, Named], wrt: Sequence[Tensor]) -> Iterator[Found]:
    """The gradients of `net` from the loss to what is `wrt`; that of a parameter as soon as what it needs is there.

    >>> from symbackprop.builders import mlp
    >>> from symbackprop.notation import load_notation
    >>> rows, net = load_notation("rows"), mlp([2, 2], samples="m")
    >>> [(f.label, str(f.equation)) for f in backward_equations(net, rows.named(True), net.parameters)][-1]
    ('BP3-1', 'dJ/db(1)[j] = Sum(delta(1)[j, s], (s, 1, m))')
    """
    sought = {*wrt}
    listed = [b for b in backpropagate(net, named) if b.tensor in sought or net.equation(b.tensor) is not None]
    users = Counter(t for b in listed for t in tensors(b.equation.rhs))
    known: dict[Tensor, Equation] = {}
    found: list[Found] = []
    for b in listed:
        own = b.equation.lhs.tensor
        equation = _result(net, b.equation, known)
        if b.tensor not in sought and _is_put_in(equation.rhs, users[own]):
            lettered = b.definition is not None
            if not lettered or users[own] == 1:
                known[own] = equation
        found.append(Found(b.tensor, equation, name_of(net, b), _factor(b)))
    yield from _in_order(found, [t for t in wrt if net.equation(t) is None])


def _is_put_in(gradient: Any, uses: int) -> bool:
    """Whether a gradient is written out where it is used, and not kept under a name."""
    return uses == 1 or (not gradient.has(Sum) and length(gradient) <= (_SHORT if uses == 2 else _TINY))


def _result(net: Network, equation: Equation, known: dict[Tensor, Equation]) -> Equation:
    """The equation with the gradients found before put in; what holds a sum is not computed twice, nor under another sum."""
    uses = Counter(e.tensor for e in entries(equation.rhs))
    summed = {t for total in equation.rhs.atoms(Sum) for t in tensors(total)}
    usable = [known[t] for t in uses if t in known and not (known[t].rhs.has(Sum) and (uses[t] > 1 or t in summed))]
    long = max((n for k in usable if (n := length(k.rhs)) > _LONG), default=0)
    if not usable:
        return equation
    found = _with(net, equation, usable)
    if long and length(found.rhs) > long:
        return _result(net, equation, {t: k for t, k in known.items() if length(k.rhs) <= _LONG})
    return found


def _with(net: Network, equation: Equation, usable: Sequence[Equation]) -> Equation:
    """The equation with the right sides of others put in, what cancels cancelled."""
    involved = tuple(dict.fromkeys(t for e in (equation.rhs, *(k.rhs for k in usable)) for t in tensors(e)))
    groups = (
        [k for k in usable if isinstance(k.tensor, Grad)], [k for k in usable if not isinstance(k.tensor, Grad)],
        [f for f in net.facts if {*tensors(f.lhs)} & {*involved}], [e for e in net.using(involved) if e.layers is None and isinstance(e.rhs, Mul)],
    )  # fmt: skip
    stand_in, back = stand_ins(dict.fromkeys((*involved, *(t for g in groups for e in g for x in (e.lhs, e.rhs) for t in tensors(x)))))
    generic = (tuple(Equation(rename_tensors(e.lhs, stand_in), rename_tensors(e.rhs, stand_in)) for e in g) for g in groups)
    return replace(equation, rhs=rename_tensors(_generic_result(rename_tensors(equation.rhs, stand_in), *generic), back))


@lru_cache(maxsize=4096)
def _generic_result(rhs: Any, *known: tuple[Equation, ...]) -> Any:
    """What comes of putting known gradients in: the same for all layers of one kind."""
    steps = known_put_in(rhs, *known)
    return steps[-1].expression if steps else rhs


def _factor(b: Backward) -> Any:
    """m in dZ = m dJ/dZ."""
    return S.One if b.definition is None or not b.definition.rhs.is_Mul else b.definition.rhs.args[0]


def _in_order(found: list[Found], given: Sequence[Tensor]) -> Iterator[Found]:
    """What is given, in its own order, right behind the last gradient that its own needs: nothing else needs that."""
    rank = {p: n for n, p in enumerate(given)}
    place = {f.equation.lhs.tensor: n for n, f in enumerate(found) if f.tensor not in rank}
    behind: dict[int, list[Found]] = {}
    for f in sorted((f for f in found if f.tensor in rank), key=lambda f: rank[f.tensor]):
        behind.setdefault(max((place[t] for t in tensors(f.equation.rhs) if t in place), default=-1), []).append(f)
    yield from behind.get(-1, [])
    for n, f in enumerate(found):
        if f.tensor not in rank:
            yield f
            yield from behind.get(n, [])
