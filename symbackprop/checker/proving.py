"""What is known of an equation that its values do not refute: proved for all sizes where the prover finds it so."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from symbackprop.checker.compare import Outcome
from symbackprop.checker.indexed import NoIndexForm, index_expression
from symbackprop.checker.problem import POINTS, Problem
from symbackprop.equations import Entry, Func, Tensor, tensors
from symbackprop.languages import Message
from symbackprop.network import Network
from symbackprop.normal import equal
from symbackprop.unfolding import by_chain_rule, unfolded, with_formulas

__all__ = ["network_of", "proof_of"]

_LARGE = 160  # nodes of an equation beyond which no normal form is tried: it grows with the product of sums
_STEPS = 3  # so often the chain rule is applied


def proof_of(outcome: Outcome, problem: Problem) -> str:
    """In words: proved for all sizes, or agreeing to 50 digits at several points of pairwise different sizes."""
    net = network_of(problem)
    if net is not None and outcome.terms and all(_proved(a, b, net) for a, b, _ in outcome.terms):
        return Message("proved for all sizes")
    return Message("both sides agree to 50 digits at {points} random points of pairwise different sizes", points=POINTS)


def _proved(a: Any, b: Any, net: Network) -> bool:
    try:
        return _by_normal_form(index_expression(a), index_expression(b), net)
    except NoIndexForm:
        return False


@lru_cache(maxsize=4096)
def _by_normal_form(left: Any, right: Any, net: Network) -> bool:
    """Whether both sides have one normal form: as they stand, by the chain rule, or with activations and loss put in."""
    named = set(net.parameters)
    forward = tuple(e for e in net.equations if not named & set(tensors(e.rhs)))
    theirs = with_formulas(unfolded(right, forward, net)) if right.has(Entry) else right
    for _ in range(_STEPS):
        ours = unfolded(left, (), net)
        if _same(ours, right, net):
            return True
        if _same(with_formulas(unfolded(ours, forward, net)), theirs, net):
            return True
        left = by_chain_rule(ours, net)
        if left == ours:
            return False
    return False


def _same(left: Any, right: Any, net: Network) -> bool:
    if _count(left) + _count(right) > _LARGE:
        return False
    return equal(left, right, net.facts) or bool((left.has(Func) or right.has(Func)) and _same_with_formulas(left, right, net))


def _same_with_formulas(left: Any, right: Any, net: Network) -> bool:
    left, right = with_formulas(left), with_formulas(right)
    return _count(left) + _count(right) <= _LARGE and equal(left, right, net.facts)


def _count(expr: Any) -> int:
    return 1 if isinstance(expr, (Entry, Tensor)) else 1 + sum(_count(a) for a in getattr(expr, "args", ()))


@lru_cache(maxsize=32)
def network_of(problem: Problem) -> Network | None:
    """The network that a problem's equations make, if its loss is one."""
    equations = problem.equations
    loss = problem.context.loss or (equations[-1].tensor if equations else None)
    if loss is None or loss.rank:
        return None
    computed = {e.tensor for e in equations}
    end = next(set(tensors(e.rhs)) for e in equations if e.tensor == loss)
    given = dict.fromkeys(t for e in equations for t in tensors(e.rhs) if t not in computed)
    return Network(equations, Entry(loss), parameters=tuple(t for t in given if t not in end), facts=problem.facts)
