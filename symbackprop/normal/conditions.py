"""Conditions as factors that are 1 or 0."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sympy import Add, And, Eq, Ge, Gt, KroneckerDelta, Mul, Ne, Piecewise, S
from sympy.core.relational import Relational

__all__ = ["indicators"]

_RELATIONS = {">": Gt, "<": Gt, ">=": Ge, "<=": Ge, "==": Eq, "!=": Ne}  # "<" with its sides exchanged is ">"


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
    left, right = condition.lhs, condition.rhs
    if condition.rel_op in ("==", "!=") and _is_index(left) and _is_index(right):
        delta = KroneckerDelta(left, right)
        return delta if condition.rel_op == "==" else 1 - delta
    if condition.rel_op in ("<", "<="):
        left, right = right, left
    difference = normal(Add(left, Mul(-1, right, evaluate=False), evaluate=False))
    relation = _RELATIONS[condition.rel_op]
    if relation(difference, 0) in (S.true, S.false):
        return S.One if relation(difference, 0) == S.true else S.Zero
    return Piecewise((1, relation(difference, 0, evaluate=False)), (0, True), evaluate=False)


def _is_index(i: Any) -> bool:
    return bool(i.is_integer and (i.is_Symbol or i.is_Integer))
