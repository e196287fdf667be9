"""Whether two index expressions have one normal form, their denominators cleared."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sympy import Add, Integer, Mul, Pow, S, Sum

from symbackprop.equations import Equation, Func, summation

from .form import Term, normal_terms

__all__ = ["equal"]


def equal(left: Any, right: Any, facts: Iterable[Equation] = ()) -> bool:
    """Whether both sides have the same normal form, denominators cleared: then they are equal for all sizes."""
    facts = tuple(facts)
    difference = normal_terms(Add(left, Mul(-1, right, evaluate=False), evaluate=False), facts)
    for _ in range(12):
        if not difference:
            return True
        cleared = _clear_one_denominator(difference)
        if cleared is None:
            return False
        difference = normal_terms(cleared, facts)
    return False


def _clear_one_denominator(terms: dict[Term, Any]) -> Any:
    """Multiply by the largest power of one denominator that no summation index reaches."""
    for (monomial, limits), _ in terms.items():
        summed = {k for k, _, _ in limits}
        for f in Mul.make_args(monomial):
            base, exponent = f.as_base_exp()
            reached = isinstance(base, (Add, Sum, Func)) and not base.free_symbols & summed
            if reached and exponent.is_Rational and exponent < 0 and all(_order(m, base).is_Rational for m, _ in terms):
                return _times(terms, base)
    return None


def _order(monomial: Any, base: Any) -> Any:
    return next((e for b, e in (f.as_base_exp() for f in Mul.make_args(monomial)) if b == base), S.Zero)


def _times(terms: dict[Term, Any], base: Any) -> Any:
    lowest = min(_order(m, base) for m, _ in terms)
    cleared = []
    for (monomial, limits), coefficient in terms.items():
        e = _order(monomial, base)
        rest = Mul(*(f for f in Mul.make_args(monomial) if f.as_base_exp()[0] != base))
        power = e - lowest
        whole = Pow(base, Integer(int(power)), evaluate=False) if power == int(power) and power != 1 else Pow(base, power) if power != 1 else base
        part = Mul(coefficient, rest, evaluate=False)
        cleared.append(Mul(summation(part, *limits) if limits else part, whole, evaluate=False))
    return Add(*cleared, evaluate=False)
