"""One letter, one meaning: where a letter is a size, the indices of that name are called otherwise."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sympy import KroneckerDelta, Sum, Symbol
from sympy.core.symbol import Str

from symbackprop.equations.equation import Equation
from symbackprop.equations.expressions import fresh, rebuild, tensors
from symbackprop.equations.nodes import Entry, Tensor
from symbackprop.errors import SpecError

__all__ = ["indices_apart"]


def indices_apart(equations: Sequence[Equation]) -> tuple[Equation, ...]:
    """The equations with other letters for indices that are called as a size is: what a sum or a left side binds may have any name.

    `SpecError` where such a letter stands alone, as the k in `sum(k, k*x[k])`: it may be the size or the index.

    >>> from symbackprop.equations import index, size, summation
    >>> n, x = size("n"), Tensor("x", (size("n"),))
    >>> [str(e) for e in indices_apart([Equation(Tensor("C")(), summation(x[n], (n, 1, n)) / n)])]
    ['C = Sum(x[k], (k, 1, n))/n']
    """
    involved = dict.fromkeys(t for e in equations for t in (*tensors(e.lhs), *tensors(e.rhs)))
    sizes = {s for t in involved for n in t.shape for s in n.free_symbols}
    clashing = dict.fromkeys(k for e in equations for k in _bound(e) if k in sizes)
    if not clashing:
        return tuple(equations)
    taken = sizes | {s for e in equations for s in (*e.lhs.free_symbols, *e.rhs.free_symbols, *_bound(e))}
    to: dict[Any, Any] = {}
    for k in clashing:
        to[k] = fresh(taken, "kjipq")
        taken.add(to[k])
    return tuple(_renamed(e, to) for e in equations)


def _bound(equation: Equation) -> Iterable[Any]:
    """The letters that are indices of an equation."""
    yield from (i for i in getattr(equation.lhs, "indices", ()) if i.is_Symbol)
    yield from (k for side in (equation.lhs, equation.rhs) for s in sorted(side.atoms(Sum), key=str) for k, *_ in s.limits)


def _renamed(equation: Equation, to: Mapping[Any, Any]) -> Equation:
    free = {i: to[i] for i in getattr(equation.lhs, "indices", ()) if i in to}
    lhs, rhs = (_visit(side, free, to, equation) for side in (equation.lhs, equation.rhs))
    return replace(equation, lhs=lhs, rhs=rhs)


def _visit(e: Any, here: Mapping[Any, Any], to: Mapping[Any, Any], equation: Equation) -> Any:
    """`e` where the letters of `here` are indices, in `to` all that may become one."""
    if isinstance(e, Symbol):
        if e in here:
            raise SpecError(f"in {equation}: '{e}' is the name of a size and of an index; call one of them otherwise")
        return e
    if isinstance(e, Entry):
        return Entry(e.tensor, *(_place(i, here, to, equation) for i in e.indices))
    if isinstance(e, KroneckerDelta):
        return rebuild(e, tuple(_place(i, here, to, equation) for i in e.args[:2]))
    if isinstance(e, Sum):
        inside = {**here, **{k: to[k] for k, *_ in e.limits if k in to}}
        return rebuild(e, (_visit(e.function, inside, to, equation), *((inside.get(k, k), low, high) for k, low, high in e.limits)))
    if not e.args or isinstance(e, (Str, Tensor)):
        return e
    args = tuple(_visit(a, here, to, equation) for a in e.args)
    return e if all(a is b for a, b in zip(args, e.args, strict=True)) else rebuild(e, args)


def _place(i: Any, here: Mapping[Any, Any], to: Mapping[Any, Any], equation: Equation) -> Any:
    """What stands as an index; a class label there is an entry of its own."""
    return _visit(i, here, to, equation) if isinstance(i, Entry) else i.xreplace(dict(here))
