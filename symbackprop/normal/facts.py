"""What is known of given quantities: sums that are one, and that of a one-hot target one entry is 1 and all others are 0.

A fact is an equation: `sum_j y_j = 1`, and for a one-hot y also `y_j y_k = delta_jk y_j`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from sympy import Integer, KroneckerDelta, Mul, Sum

from symbackprop.equations import Entry, Equation, Tensor, index, mul, rebuild, summation

__all__ = ["one_hot", "one_of_each", "through_choice", "use_fact"]


def one_hot(tensor: Tensor, axis: int) -> tuple[Equation, Equation]:
    """The facts that one entry along an axis is 1 and the others 0.

    >>> for fact in one_hot(Tensor("y", (3,)), 0):
    ...     print(fact)
    Sum(y[j], (j, 1, 3)) = 1
    y[j]*y[k] = KroneckerDelta(j, k)*y[j]
    """
    at = [index(c) for c in "jstuv"[: tensor.rank]]
    k = index("k")
    first, second = tensor[tuple(at)], tensor[tuple(k if n == axis else i for n, i in enumerate(at))]
    total = Equation(summation(first, (at[axis], 1, tensor.shape[axis])), Integer(1))
    return total, Equation(mul(first, second), mul(KroneckerDelta(at[axis], k), first))


def use_fact(monomial: Any, bound: dict[Any, Any], facts: Iterable[Equation]) -> Any:
    """A monomial with a sum that is known put in; None if there is none."""
    factors = Mul.make_args(monomial)
    for fact in facts:
        if not (isinstance(fact.lhs, Sum) and isinstance(fact.lhs.function, Entry) and len(fact.lhs.limits) == 1):
            continue
        pattern, summed = fact.lhs.function, fact.lhs.limits[0][0]
        if not all(i.is_Symbol for i in pattern.indices) or len(set(pattern.indices)) < pattern.tensor.rank:
            continue  # a fact about one place, or about a diagonal, says nothing about the others
        axis = pattern.indices.index(summed)
        for f in factors:
            if isinstance(f, Entry) and f.tensor == pattern.tensor and f.indices[axis] in bound:
                k = f.indices[axis]
                rest = Mul(*(g for g in factors if g is not f))
                if not rest.has(k) and f.indices.count(k) == 1 and bound[k] == tuple(fact.lhs.limits[0][1:]):
                    del bound[k]
                    return rest * fact.rhs.xreplace(dict(zip(pattern.indices, f.indices, strict=True)))
    return None


def _chosen(facts: Iterable[Equation]) -> Iterator[tuple[Tensor, int]]:
    """The one-hot quantities, and the axis along which one entry is 1."""
    for fact in facts:
        factors: Any = fact.lhs.args if isinstance(fact.lhs, Mul) else ()
        if len(factors) == 2 and all(isinstance(f, Entry) for f in factors) and factors[0].tensor == factors[1].tensor:
            apart = [n for n, (i, j) in enumerate(zip(factors[0].indices, factors[1].indices, strict=True)) if i != j]
            if len(apart) == 1:
                yield factors[0].tensor, apart[0]


def one_of_each(monomial: Any, facts: Iterable[Equation]) -> Any:
    """A product in which a one-hot quantity stands once at each place of its other axes."""
    for tensor, axis in _chosen(facts):
        first: dict[Any, Any] = {}
        factors = []
        for f in Mul.make_args(monomial):
            base, exponent = f.as_base_exp()
            if not (isinstance(base, Entry) and base.tensor == tensor and exponent.is_Integer and exponent > 0):
                factors.append(f)
                continue
            place = tuple(i for n, i in enumerate(base.indices) if n != axis)
            known = first.setdefault(place, base)
            factors.append(base if known is base else KroneckerDelta(known.indices[axis], base.indices[axis]))
        monomial = Mul(*factors)
    return monomial


def through_choice(expr: Any, inner: Any, facts: Iterable[Equation]) -> Any:
    """`f(sum_k y_k x_k)` as `sum_k y_k f(x_k)` for a one-hot y, where the argument of `expr` is `inner`; None where that is no such sum."""
    if not isinstance(inner, Sum) or len(inner.limits) != 1:
        return None
    k = inner.limits[0][0]
    factors = Mul.make_args(inner.function)
    for tensor, axis in _chosen(facts):
        for f in factors:
            if isinstance(f, Entry) and f.tensor == tensor and [n for n, i in enumerate(f.indices) if i.has(k)] == [axis] and f.indices[axis] == k:
                x = Mul(*(g for g in factors if g is not f))
                outer = rebuild(expr, tuple(x if a == _argument(expr) else a for a in expr.args))
                return summation(mul(f, outer), *inner.limits)
    return None


def _argument(expr: Any) -> Any:
    return next(a for a in expr.args if a.has(Entry))
