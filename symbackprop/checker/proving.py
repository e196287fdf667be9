"""What is known of an equation that its values do not refute: proved for all sizes where the prover finds it so."""

from __future__ import annotations

from functools import lru_cache
from math import prod
from typing import Any

from sympy import Add, KroneckerDelta, Mul, Pow, Sum

from symbackprop.calculus import VALUE, activation_derivative
from symbackprop.checker.compare import Outcome
from symbackprop.checker.differentials import Paths
from symbackprop.checker.indexed import NoIndexForm, index_expression
from symbackprop.checker.problem import POINTS, Problem
from symbackprop.checker.terms import Term
from symbackprop.equations import Entry, Func, Grad, Tensor, rebuild, substitute, tensors
from symbackprop.evaluate import Undecided
from symbackprop.languages import Message
from symbackprop.network import Network
from symbackprop.normal import equal
from symbackprop.rules.record import VARIABLE
from symbackprop.unfolding import by_chain_rule, unfolded, with_formulas

__all__ = ["PROVED", "network_of", "proof_of"]

PROVED = Message("proved for all sizes")
_PIECES = 400  # terms of an equation, multiplied out, beyond which no normal form is tried


def proof_of(outcome: Outcome, problem: Problem) -> str:
    """In words: proved for all sizes, or agreeing to 50 digits at several points of pairwise different sizes."""
    net = network_of(problem)
    if outcome.terms and all(_proved(a, b, net) for a, b, _ in outcome.terms):
        return PROVED
    return Message("both sides agree to 50 digits at {points} random points of pairwise different sizes", points=POINTS)


def _proved(a: Term, b: Term, net: Network) -> bool:
    paths = Paths({e.tensor: e for e in net.equations}, net.loss.tensor)
    try:
        return _by_normal_form(*(index_expression(paths.written_out(t)) for t in (a, b)), net)
    except (NoIndexForm, Undecided):
        return False


@lru_cache(maxsize=4096)
def _by_normal_form(left: Any, right: Any, net: Network) -> bool:
    """Whether both sides have one normal form: as they stand, by the chain rule down to what comes from upstream, or with all put in."""
    left, right = unfolded(left, (), net), unfolded(right, (), net)
    named = set(net.parameters)
    forward = tuple(e for e in net.equations if not named & set(tensors(e.rhs)))
    theirs = unfolded(right, forward, net)
    upstream = _gradients(right)
    for _ in range(len(net.equations) + 1):
        if _gradients(left) == upstream and (_same(left, right, net) or _same(unfolded(left, forward, net), theirs, net)):
            return True
        further = unfolded(by_chain_rule(left, net, upstream), (), net)
        if further == left or _pieces(further) > _PIECES:
            break
        left = further
    return _same(_all_put_in(left, net), _all_put_in(right, net), net)


def _gradients(expr: Any) -> set[Tensor]:
    return {t for t in tensors(expr) if isinstance(t, Grad)}


def _all_put_in(expr: Any, net: Network) -> Any:
    """An expression in what no equation defines, as far as it stays within bounds."""
    for _ in net.equations:
        further = unfolded(by_chain_rule(expr, net), net.equations, net)
        if further == expr or _pieces(further) > _PIECES:
            break
        expr = further
    return expr


def _same(left: Any, right: Any, net: Network) -> bool:
    """Whether two sides agree, known functions by their names, by the equations that their derivatives meet, or by their formulas."""
    if _pieces(left) + _pieces(right) > _PIECES:  # written with formulas they have more
        return False
    for said in (_as_it_stands, _with_slopes, with_formulas):
        if said is not _as_it_stands and not (left.has(Func) or right.has(Func)):
            return False
        a, b = said(left), said(right)
        if _pieces(a) + _pieces(b) <= _PIECES and equal(a, b, net.facts):
            return True
    return False


def _as_it_stands(expr: Any) -> Any:
    return expr


def _with_slopes(expr: Any) -> Any:
    """Derivatives of known functions said with the functions themselves: sigma' is sigma (1 - sigma)."""
    if isinstance(expr, Func) and expr.order == 1 and (found := activation_derivative(expr.name)) is not None:
        argument = _with_slopes(expr.argument)
        return substitute(found, {VALUE: Func(expr.name, argument), VARIABLE: argument})
    if not getattr(expr, "args", ()) or isinstance(expr, (Entry, Tensor)):
        return expr
    return rebuild(expr, tuple(map(_with_slopes, expr.args)))


def _pieces(expr: Any) -> int:
    """How many terms an expression has when it is multiplied out, and all that stands inside of its functions and powers."""
    terms, inside = _multiplied_out(expr)
    return terms + inside


def _multiplied_out(expr: Any) -> tuple[int, int]:
    if isinstance(expr, (Entry, Tensor, KroneckerDelta)) or not getattr(expr, "args", ()):
        return 1, 0
    parts = [_multiplied_out(a) for a in expr.args]
    inside = sum(i for _, i in parts)
    if isinstance(expr, Add):
        return sum(n for n, _ in parts), inside
    if isinstance(expr, Mul):
        return min(prod(n for n, _ in parts), _PIECES + 1), inside
    if isinstance(expr, Pow) and expr.exp.is_Integer and expr.exp > 0:
        return min(parts[0][0] ** int(expr.exp), _PIECES + 1), inside
    if isinstance(expr, Sum):
        return parts[0]
    return 1, sum(n for n, _ in parts) + inside


@lru_cache(maxsize=32)
def network_of(problem: Problem) -> Network:
    """The network that a problem's equations make; one without a loss has one that nothing leads to."""
    equations = problem.equations
    loss = problem.context.loss or (equations[-1].tensor if equations else None)
    if loss is None or loss.rank:
        loss = Tensor("")
    computed = {e.tensor for e in equations}
    end = {t for e in equations if e.tensor == loss for t in tensors(e.rhs)}
    given = dict.fromkeys(t for e in equations for t in tensors(e.rhs) if t not in computed)
    return Network(equations, Entry(loss), parameters=tuple(t for t in given if t not in end), facts=problem.facts)
