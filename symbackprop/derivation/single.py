"""Axes with one place: their index is 1, and a sum over them is its one term."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from sympy import Basic, S, Sum
from sympy.core.symbol import Str

from symbackprop.derivation.steps import Derivation, Reason, Step
from symbackprop.equations import Entry, Equation, Tensor, entries, rebuild, substitute, summation

__all__ = ["single", "single_equation"]


def single_equation(equation: Equation) -> Equation:
    """The equation with 1 for every index that has no other value: `z_1 = sum_k w_1k x_k` where the layer has one unit.

    >>> from symbackprop.builders import mlp
    >>> net = mlp([2, 1])
    >>> [str(single_equation(e).lhs) for e in net.equations], single_equation(net.equations[-1]).rhs.has(Sum)
    (['z(1)[1]', 'a(1)[1]', 'C'], False)
    """
    ones = _ones((equation.lhs, equation.rhs))
    return replace(equation, lhs=_put_in(equation.lhs, ones), rhs=_put_in(equation.rhs, ones))


def single(derivation: Derivation) -> Derivation:
    """The derivation with 1 for every index that has no other value; a step that says nothing new by then is left out.

    >>> from symbackprop.backprop import backpropagate
    >>> from symbackprop.builders import mlp
    >>> from symbackprop.derivation import gradient_derivation
    >>> net = mlp([2, 1])
    >>> b = next(b for b in backpropagate(net) if b.tensor.name == "z")
    >>> [str(s.expression) for s in single(gradient_derivation(net, b, name="BP1"))]
    ['dC/da(1)[1]*da(1)[1]/dz(1)[1]', '(1 - a(1)[1])*dC/da(1)[1]*a(1)[1]']
    """
    ones = _ones((derivation.lhs, *(s.expression for s in derivation.steps)))
    steps: list[Step] = []
    for step in derivation.steps:
        expression = _put_in(step.expression, ones)
        if steps and expression == steps[-1].expression:
            continue
        reason = Reason(step.reason.rule, step.reason.text, {name: _said(slot, ones) for name, slot in step.reason.slots.items()})
        nothing = () in reason.slots.values()  # it was about such indices only
        if nothing or (reason.rule in ("one term", "factor") and not steps[-1].expression.has(Sum)):
            reason = Reason("simplify", "Simplify:")
        steps.append(replace(step, expression=expression, reason=reason))
    return replace(derivation, lhs=_put_in(derivation.lhs, ones), steps=tuple(steps), local=tuple(single(d) for d in derivation.local))


def _ones(expressions: Iterable[Any]) -> dict[Any, Any]:
    """The letters of all indices whose only value is 1."""
    axes = (pair for expr in expressions for e in entries(expr) for pair in zip(e.indices, e.tensor.shape, strict=True))
    return {i: S.One for i, n in axes if n == 1 and i.is_Symbol}


def _put_in(expr: Any, ones: Mapping[Any, Any]) -> Any:
    return substitute(_terms(expr), ones)


def _terms(expr: Any) -> Any:
    """The expression with the one term in the place of each sum that has no other."""
    if not getattr(expr, "args", ()) or isinstance(expr, (Str, Tensor, Entry)) or not expr.has(Sum):
        return expr
    if not isinstance(expr, Sum):
        return rebuild(expr, tuple(_terms(a) for a in expr.args))
    only = {k: low for k, low, high in expr.limits if low == high == 1}
    limits = [limit for limit in expr.limits if limit[0] not in only]
    body = substitute(_terms(expr.function), only)
    return summation(body, *limits) if limits else body


def _said(slot: Any, ones: Mapping[Any, Any]) -> Any:
    """What stands in a sentence, with 1 for these indices; that an index of them is another says nothing."""
    if isinstance(slot, tuple):
        found = (_said(s, ones) for s in slot)
        return tuple(s for s in found if not (isinstance(s, Equation) and s.lhs == s.rhs))
    if isinstance(slot, Equation):
        here = {**ones, **_ones((slot.lhs, slot.rhs))}
        return replace(slot, lhs=_put_in(slot.lhs, here), rhs=_put_in(slot.rhs, here))
    return _put_in(slot, {**ones, **_ones((slot,))}) if isinstance(slot, Basic) else slot
