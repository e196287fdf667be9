"""Sizes that are no indices: a size may be called k, and so may an index that runs over another axis."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sympy import KroneckerDelta, Sum, Symbol
from sympy.core.symbol import Str

from symbackprop.equations import Entry, Equation, Tensor, rebuild, tensors
from symbackprop.errors import SpecError
from symbackprop.network import Network

__all__ = ["Size", "with_sizes"]


class Size(Symbol):  # type: ignore[misc]
    """A size with a name: it prints as the index of that name does, and is another symbol."""


def with_sizes(net: Network) -> Network:
    """The network with a `Size` wherever a letter is a size: in shapes, as the end of a sum, and as a number that stands alone.

    `SpecError` where a letter that stands alone may be the size of that name as well as the index.

    >>> from symbackprop.builders import mlp
    >>> net = with_sizes(mlp([2, "k"], samples="m"))
    >>> [type(n).__name__ for n in (*net.parameters[0].shape, net.samples)]
    ['Size', 'Integer', 'Size']
    """
    known = dict.fromkeys(t for e in (*net.equations, *net.facts) for t in (*tensors(e.lhs), *tensors(e.rhs)))
    known |= dict.fromkeys((*net.parameters, *net.inputs, *net.targets))
    letters = {s for t in known for n in t.shape for s in n.free_symbols if not isinstance(s, Size)}
    if not letters:
        return net
    to = {s: Size(s.name, **s.assumptions0) for s in letters}
    sized = {t: t.xreplace(to) for t in known}
    equations = tuple(_sized(e, to, sized) for e in net.equations)
    return replace(
        net, equations=equations, facts=tuple(_sized(f, to, sized) for f in net.facts), samples=to.get(net.samples, net.samples),
        parameters=tuple(sized[t] for t in net.parameters), inputs=tuple(sized[t] for t in net.inputs), targets=tuple(sized[t] for t in net.targets),
    )  # fmt: skip


def _sized(equation: Equation, to: Mapping[Any, Any], sized: Mapping[Tensor, Tensor]) -> Equation:
    free = frozenset(i for i in getattr(equation.lhs, "indices", ()) if i.is_Symbol)
    try:
        return replace(equation, lhs=_visit(equation.lhs, free, to, sized), rhs=_visit(equation.rhs, free, to, sized))
    except SpecError as error:
        raise SpecError(f"in {equation}: {error}") from error


def _visit(e: Any, indices: frozenset[Any], to: Mapping[Any, Any], sized: Mapping[Tensor, Tensor]) -> Any:
    """`e` where the letters `indices` are indices."""
    if isinstance(e, Symbol):
        if e in indices and e in to:
            raise SpecError(f"'{e}' is the name of a size and of an index; call one of them otherwise")
        return to.get(e, e)
    if isinstance(e, Entry):
        return Entry(sized[e.tensor], *(_place(i, indices, to, sized) for i in e.indices))
    if isinstance(e, KroneckerDelta):
        return rebuild(e, tuple(_place(i, indices, to, sized) for i in e.args[:2]))
    if isinstance(e, Sum):
        body = _visit(e.function, indices | {k for k, *_ in e.limits}, to, sized)
        return rebuild(e, (body, *((k, low, high.xreplace(to)) for k, low, high in e.limits)))
    if not e.args or isinstance(e, Str):
        return e
    args = tuple(_visit(a, indices, to, sized) for a in e.args)
    return e if all(a is b for a, b in zip(args, e.args, strict=True)) else rebuild(e, args)


def _place(i: Any, indices: frozenset[Any], to: Mapping[Any, Any], sized: Mapping[Tensor, Tensor]) -> Any:
    """What stands as an index: letters that no sum and no left side binds are sizes there."""
    if isinstance(i, Entry):
        return _visit(i, indices, to, sized)
    return i if i.is_Symbol else i.xreplace({k: n for k, n in to.items() if k not in indices})
