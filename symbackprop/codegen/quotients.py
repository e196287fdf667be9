"""Sums of exponentials, what divides by them, and what stands above: the patterns of softmax and log-sum-exp."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

from sympy import Add, Mul, Pow, Sum, Symbol, exp, log

from symbackprop.codegen.logistic import without
from symbackprop.equations import Entry, add, entries, evaluated, index, mul, rebuild, substitute, summation

__all__ = ["dividing", "exponentials", "flat", "matching", "moved_inside", "negated_entry", "places_of", "softmax_factors", "with_places"]


def exponentials(expr: Any) -> tuple[Any, Any] | None:
    """The exponent and the index of a sum of exponentials; of a sum along several axes, the logarithm of the sums along all but one."""
    limits, expr = flat(expr)
    if not limits or not isinstance(expr, exp):
        return None
    return log(summation(expr, *limits[1:])) if limits[1:] else expr.args[0], limits[0][0]


def negated_entry(expr: Any) -> Entry | None:
    """The entry a in -a."""
    if isinstance(expr, Mul) and len(expr.args) == 2 and expr.args[0] == -1 and isinstance(expr.args[1], Entry):
        return expr.args[1]
    return None


def matching(f: Any, g: Any, k: Any) -> Any:
    """The index j for which f is g with k replaced by j: a letter, a letter further on or a number."""
    return (places_of(f, g, [k]) or {}).get(k)


def places_of(f: Any, g: Any, bound: Sequence[Any]) -> dict[Any, Any] | None:
    """What stands in f for each bound index of g, where f is g but for these."""
    places, wanted = dict.fromkeys(i for e in entries(f) for i in e.indices), generic(f)
    tried = (dict(zip(bound, js, strict=True)) for js in product(places, repeat=len(bound)))
    return next((at for at in tried if generic(substitute(g, at)) == wanted), None)


def generic(expr: Any) -> Any:
    """An expression in SymPy's own form, the letters of its sums numbered."""
    return evaluated(_numbered(expr, 0)) if expr.has(Sum) else evaluated(expr)


def with_places(expr: Any, indices: Sequence[Any]) -> Any:
    """An expression with its letters numbered, the same whatever they are."""
    return generic(substitute(expr, {i: Symbol(f"_{n}") for n, i in enumerate(indices)}))


def _numbered(e: Any, depth: int) -> Any:
    if isinstance(e, Entry) or not e.args or not e.has(Sum):
        return e
    if isinstance(e, Sum):
        to = {k: index(f"bound {depth + n}") for n, (k, *_) in enumerate(e.limits)}
        return summation(_numbered(substitute(e.function, to), depth + len(to)), *((to[k], low, high) for k, low, high in e.limits))
    return rebuild(e, tuple(_numbered(a, depth) for a in e.args))


def flat(total: Any) -> tuple[list[Any], Any]:
    """The limits of sums that stand one in the other, and what is summed."""
    limits: list[Any] = []
    while isinstance(total, Sum):
        limits += total.limits
        total = total.function
    return limits, total


def softmax_factors(factors: Any) -> tuple[Any, Any, Any, Any, Any] | None:
    """The factors exp(g_j) and 1 / sum_k exp(g_k), or a higher power of it, with g_k, k and j."""
    for below in factors:
        over = dividing(below)
        if over is None:
            continue
        for above in factors:
            j = matching(above.args[0], *over) if isinstance(above, exp) else None
            if j is not None:
                return above, below, *over, j
    return None


def dividing(factor: Any) -> tuple[Any, Any] | None:
    """The exponent and the index of a sum of exponentials that divides."""
    divides = isinstance(factor, Pow) and not isinstance(factor, exp) and factor.exp.is_Integer and factor.exp.is_negative
    return exponentials(factor.base) if divides else None


def moved_inside(factors: list[Any]) -> Any:
    """`sum_i(.. exp(g_i)) / sum_k exp(g_k)` with the divisor under the sum, where it meets its exponential; and so in a bracket."""
    for below in factors:
        over = dividing(below)
        if over is None:
            continue
        for f in (f for f in factors if isinstance(f, (Add, Sum)) and _meets(f, below.base, over)):
            divisor = Pow(below.base, -1, evaluate=False)
            left = [Pow(below.base, below.exp + 1, evaluate=False)] if below.exp != -1 else []
            parts = f.args if isinstance(f, Add) else (f.function,)
            divided = [mul(part, divisor) for part in parts]
            inside = add(*divided) if isinstance(f, Add) else summation(*divided, *f.limits)
            return mul(*without(factors, f, below), *left, inside)
    return None


def _meets(expr: Any, base: Any, over: tuple[Any, Any]) -> bool:
    """Whether every term of `expr` has an exponential that a sum of such is to divide, and is not divided by it yet."""
    if isinstance(expr, Add):
        return all(_meets(t, base, over) for t in expr.args)
    if isinstance(expr, Sum):
        return not {k for k, *_ in expr.limits} & _indices(base) and _meets(expr.function, base, over)
    factors = Mul.make_args(expr)
    if any(dividing(f) is not None and f.base == base for f in factors):
        return False
    inner = (f for f in factors if isinstance(f, (Add, Sum)))
    return any(isinstance(g, exp) and matching(g.args[0], *over) is not None for g in factors) or any(_meets(f, base, over) for f in inner)


def _indices(expr: Any) -> set[Any]:
    """The indices that stand in `expr`, free or bound."""
    return {i for e in entries(expr) for i in e.indices} | {k for s in expr.atoms(Sum) for k, *_ in s.limits}
