"""Conditions as factors that are 1 or 0."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sympy import Add, And, Eq, Gt, KroneckerDelta, Mul, Piecewise
from sympy.core.relational import Relational

__all__ = ["indicators"]

def indicators(condition: Any, normal: Callable[[Any], Any]) -> list[Any] | None:
    """Factors that are all 1 where a condition holds, and one of them 0 elsewhere; None for what is no relation.

    Whether two indices are equal is a Kronecker delta, so that it collapses under the sums it meets.
    """
    found = []
    for part in condition.args if isinstance(condition, And) else (condition,):
        if not isinstance(part, Relational):
            return None
        found.append(_indicator(part, normal))
    return found


def _indicator(condition: Any, normal: Callable[[Any], Any]) -> Any:
    """Every relation is said by whether a difference is positive and whether it is zero, and the difference has one sign."""
    left, right = condition.lhs, condition.rhs
    if condition.rel_op in ("==", "!=") and _is_index(left) and _is_index(right):
        delta = KroneckerDelta(left, right)
        return delta if condition.rel_op == "==" else 1 - delta
    if condition.rel_op in ("<", "<="):
        left, right = right, left
    difference = normal(Add(left, Mul(-1, right, evaluate=False), evaluate=False))
    turned = difference.could_extract_minus_sign()
    difference = -difference if turned else difference
    positive, zero = (Piecewise((1, relation(difference, 0)), (0, True)) for relation in (Gt, Eq))
    match condition.rel_op:
        case "==":
            return zero
        case "!=":
            return 1 - zero
        case ">" | "<":
            return 1 - positive - zero if turned else positive
    return 1 - positive if turned else positive + zero


def _is_index(i: Any) -> bool:
    return bool(i.is_integer and (i.is_Symbol or i.is_Integer))
