"""Element by element: an index equation written out for a small network, `z_1 = w_11 x_1 + w_12 x_2 + b_1`, ..."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

from sympy import Add, Integer, KroneckerDelta, Mul, Sum

from symbackprop.equations import Entry, Equation, Func, Tensor, add, rebuild, substitute

__all__ = ["instances", "places", "written_out"]


def instances(equation: Equation) -> Iterator[Equation]:
    """The equation at each value of its free indices, its sums still standing; its sizes must be numbers.

    >>> from symbackprop.equations import index
    >>> z, x, j = Tensor("z", (2,)), Tensor("x", (2,)), index("j")
    >>> [str(e) for e in instances(Equation(z[j], 2 * x[j]))]
    ['z[1] = 2*x[1]', 'z[2] = 2*x[2]']
    """
    lhs = equation.lhs
    free = [(i, n) for i, n in zip(lhs.indices, lhs.tensor.shape, strict=True) if i.is_Symbol]
    for values in product(*(range(1, int(n) + 1) for _, n in free)):
        at = {i: Integer(v) for (i, _), v in zip(free, values, strict=True)}
        yield Equation(substitute(lhs, at), substitute(equation.rhs, at), equation.rule, equation.label, equation.relation)


def places(tensor: Tensor) -> Iterator[Entry]:
    """Every entry of a tensor whose sizes are numbers.

    >>> [str(x) for x in places(Tensor("w", (1, 2)))]
    ['w[1, 1]', 'w[1, 2]']
    """
    return (Entry(tensor, *place) for place in product(*(range(1, int(n) + 1) for n in tensor.shape)))


def written_out(expr: Any) -> Any:
    """Every sum over a range of numbers written out term by term, terms in the order of the index.

    >>> from symbackprop.equations import index
    >>> x, k = Tensor("x", (2,)), index("k")
    >>> written_out(Sum(x[k], (k, 1, 2))).args
    (x[1], x[2])
    """
    if isinstance(expr, Sum):
        terms = [expr.function]
        for k, low, high in reversed(expr.limits):
            if not (low.is_Integer and high.is_Integer):
                return expr
            terms = [substitute(t, {k: Integer(v)}) for t in terms for v in range(int(low), int(high) + 1)]
        return _flat(add(*(written_out(t) for t in terms)))
    if (isinstance(expr, (Entry, Tensor, Func, KroneckerDelta)) and not isinstance(expr, Func)) or not getattr(expr, "args", ()):
        return expr
    return _flat(rebuild(expr, tuple(written_out(a) for a in expr.args)))


def _flat(expr: Any) -> Any:
    """Open sums that stand in sums, order kept."""
    if isinstance(expr, Add) and any(isinstance(a, Add) for a in expr.args):
        return add(*(b for a in expr.args for b in (a.args if isinstance(a, Add) else (a,))))
    if isinstance(expr, Mul) and any(a == 0 for a in expr.args):
        return Integer(0)
    return expr
