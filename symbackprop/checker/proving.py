"""What is known of an equation that its values do not refute: proved for all sizes where the prover finds it so."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from symbackprop.checker.compare import Outcome
from symbackprop.checker.indexed import NoIndexForm, index_expression
from symbackprop.checker.problem import POINTS, Problem
from symbackprop.equations import Entry
from symbackprop.network import Network
from symbackprop.prove import same_normal_form

__all__ = ["network_of", "proof_of"]

_LARGE = 400  # nodes of an expression beyond which no normal form is tried


def proof_of(outcome: Outcome, problem: Problem) -> str:
    """In words: proved for all sizes, or agreeing to 50 digits at several points of pairwise different sizes."""
    net = network_of(problem)
    if net is not None and outcome.terms and all(_proved(a, b, net) for a, b, _ in outcome.terms):
        return "proved for all sizes"
    return f"both sides agree to 50 digits at {POINTS} random points of pairwise different sizes"


def _proved(a: Any, b: Any, net: Network) -> bool:
    try:
        left, right = index_expression(a), index_expression(b)
    except NoIndexForm:
        return False
    if _count(left) + _count(right) > _LARGE:
        return False
    return same_normal_form(left, right, (), net)


def _count(expr: Any) -> int:
    return 1 + sum(_count(a) for a in getattr(expr, "args", ()))


@lru_cache(maxsize=32)
def network_of(problem: Problem) -> Network | None:
    """The network that a problem's equations make, if its loss is one."""
    loss = problem.context.loss
    if loss is None and problem.equations:
        loss = problem.equations[-1].tensor
    if loss is None or loss.rank:
        return Network(problem.equations, Entry(loss)) if loss is not None and not loss.rank else None
    return Network(problem.equations, Entry(loss))
