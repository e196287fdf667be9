"""Kronecker deltas and the sums that they take away."""

from __future__ import annotations

from typing import Any

from sympy import Add, KroneckerDelta, Mul, Piecewise, S, Sum, expand_mul
from sympy.core.function import AppliedUndef

from symbackprop.equations import Entry, Tensor, evaluated, rebuild, summation

__all__ = ["collapse"]


def collapse(expr: Any) -> Any:
    """Let every Kronecker delta that meets its sum take the sum away: `sum_k w_k delta_kp = w_p`."""
    if isinstance(expr, Sum):
        return _collapse_sum(collapse(expr.function), expr.limits)
    if isinstance(expr, (Entry, Tensor, AppliedUndef)) or not getattr(expr, "args", ()) or not expr.has(KroneckerDelta):
        return expr
    args = tuple(collapse(a) for a in expr.args)
    if isinstance(expr, Piecewise):
        return _split_cases(Piecewise(*args, evaluate=False))
    return evaluated(rebuild(expr, args))


def _collapse_sum(body: Any, limits: tuple[Any, ...]) -> Any:
    if not body.has(KroneckerDelta):
        return summation(body, *limits)
    collapsed, rest = [], []
    for term in _delta_terms(body):
        hit = next((d for d in Mul.make_args(term) if isinstance(d, KroneckerDelta) and _solved(d, limits)), None)
        if hit is None:
            outside = [d for d in Mul.make_args(term) if isinstance(d, KroneckerDelta) and not d.has(*(k for k, *_ in limits))]
            if outside:  # drawn out, where the sum that it belongs to can see it
                collapsed.append(Mul(*outside, summation(Mul(*(f for f in Mul.make_args(term) if f not in outside)), *limits)))
            else:
                rest.append(term)
            continue
        k, other = _solved(hit, limits)
        remaining = [lim for lim in limits if lim[0] != k]
        inner = Mul(*(f for f in Mul.make_args(term) if f is not hit)).xreplace({k: other})
        collapsed.append(_collapse_sum(inner, tuple(remaining)) if remaining else inner)
    return Add(*collapsed, *([summation(Add(*rest), *limits)] if rest else []))


def _delta_terms(body: Any) -> list[Any]:
    """The terms of a sum, multiplied out only where a delta stands inside a bracket."""
    terms: list[Any] = []
    for term in Add.make_args(evaluated(body)):
        bracket = next((f for f in Mul.make_args(term) if isinstance(f, Add) and f.has(KroneckerDelta)), None)
        if bracket is None:
            terms.append(term)
        else:
            rest = Mul(*(f for f in Mul.make_args(term) if f is not bracket))
            terms += [t for part in bracket.args for t in _delta_terms(part * rest)]
    return terms


def _solved(delta: Any, limits: tuple[Any, ...]) -> Any:
    """The summation index that the delta fixes, and what it becomes: an index of the same axis, never a shifted one.

    A sum that starts further on keeps its delta: an index of the whole axis may lie before it.
    """
    for k, other in (delta.args, delta.args[::-1]):
        if any(k == lim[0] and lim[1] == 1 for lim in limits) and (other.is_Symbol or other.is_Integer):
            return k, other
    return None


def _split_cases(expr: Piecewise) -> Any:
    """Cases are linear in their values: draw the deltas out, so that sums can see them."""
    parts: dict[Any, list[Any]] = {}
    for n, (v, _) in enumerate(expr.args):
        for term in Add.make_args(expand_mul(evaluated(v))):
            factors = Mul.make_args(term)
            deltas = Mul(*(f for f in factors if isinstance(f, KroneckerDelta)))
            values = parts.setdefault(deltas, [S.Zero] * len(expr.args))
            values[n] += Mul(*(f for f in factors if not isinstance(f, KroneckerDelta)))
    cases = {d: [(v, c) for v, (_, c) in zip(values, expr.args, strict=True)] for d, values in parts.items() if any(values)}
    return Add(*(d * Piecewise(*cases[d], evaluate=False) for d in sorted(cases, key=str)))
