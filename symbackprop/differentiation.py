"""Differentiation as it is done by hand: one rule at a time, the derivatives still to be taken left standing as d/dz (...).

SymPy's `diff` gives the answer at once; a worked derivation needs the way there. Each round applies one rule to every
derivative that is left. What comes out at the end is proved equal to what `diff` says, like every other step.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sympy import Abs, Add, Derivative, KroneckerDelta, Mul, Piecewise, Pow, S, Sum, erf, exp, log, pi, sign, sqrt

from symbackprop.deltas import collapse
from symbackprop.equations import Entry, Func, add, mul, rebuild, summation

__all__ = ["Round", "derivative_of", "worked_rounds"]


@dataclass(frozen=True)
class Round:
    """An expression after one round of rules, and the names of the rules that were applied."""

    expression: Any
    rules: tuple[str, ...]


@dataclass
class _Rules:
    """Which rules a round has used, in order."""

    wrt: Any
    used: dict[str, None] = field(default_factory=dict)

    def note(self, rule: str) -> None:
        self.used.setdefault(rule)


def derivative_of(expr: Any, wrt: Any) -> Any:
    """The derivative still to be taken, printed as d/dz (...)."""
    return Derivative(expr, wrt, evaluate=False)


def worked_rounds(expr: Any, wrt: Any) -> list[Round]:
    """The rounds of differentiating `expr` with respect to a symbol or an entry.

    >>> from symbackprop.equations import scalar
    >>> z = scalar("z")
    >>> [r.rules for r in worked_rounds(1 / (1 + exp(-z)), z)]
    [('quotient rule',), ('exponential function', 'chain rule')]
    """
    rounds: list[Round] = []
    current = derivative_of(expr, wrt)
    while current.has(Derivative):
        rules = _Rules(wrt)
        current = _apply(current, rules)
        rounds.append(Round(current, tuple(rules.used)))
    if current.has(Sum) and current.has(KroneckerDelta):
        shorter = _collapse_inside(current)
        if shorter != current:
            rounds.append(Round(shorter, ("one term",)))
    return rounds


def _collapse_inside(expr: Any) -> Any:
    """Collapse each sum where it stands, leaving the rest as it is written."""
    if isinstance(expr, Sum) and expr.has(KroneckerDelta):
        return collapse(expr)
    if not expr.args or isinstance(expr, (Entry, Func)):
        return expr
    return rebuild(expr, tuple(_collapse_inside(a) for a in expr.args))


def _apply(expr: Any, rules: _Rules) -> Any:
    if isinstance(expr, Derivative):
        return _rule(expr.expr, rules)
    if isinstance(expr, Sum):
        return summation(_apply(expr.function, rules), *expr.limits)
    if not expr.args or isinstance(expr, (Entry, Func)) or not expr.has(Derivative):
        return expr
    args = tuple(_apply(a, rules) for a in expr.args)
    if isinstance(expr, Mul) and isinstance(args[-1], Add) and all(a.is_number for a in args[:-1]):
        return add(*(mul(*args[:-1], t) for t in args[-1].args))  # a number before a long sum stands better before each term
    return rebuild(expr, args)


def _depends(expr: Any, wrt: Any) -> bool:
    if isinstance(wrt, Entry):
        return any(e.tensor == wrt.tensor for e in expr.atoms(Entry))
    return bool(expr.has(wrt))


def _d(expr: Any, rules: _Rules) -> Any:
    """A derivative inside a rule: what is plain to see is taken at once, the rest is left standing."""
    wrt = rules.wrt
    if not _depends(expr, wrt):
        return S.Zero
    if expr == wrt:
        return S.One
    if isinstance(expr, Entry):
        return mul(*(KroneckerDelta(i, p) for i, p in zip(expr.indices, wrt.indices, strict=True)))
    if isinstance(expr, Add):
        return add(*(_d(t, rules) for t in expr.args))
    if isinstance(expr, Mul):
        constant = [f for f in expr.args if not _depends(f, wrt)]
        if constant:
            return mul(*constant, _d(mul(*(f for f in expr.args if _depends(f, wrt))), rules))
    if isinstance(expr, Sum):
        return summation(_d(expr.function, rules), *expr.limits)
    return derivative_of(expr, wrt)


def _rule(expr: Any, rules: _Rules) -> Any:
    """One rule applied to the derivative of `expr`."""
    simple = _d(expr, rules)
    if simple != derivative_of(expr, rules.wrt):
        rules.note("sum rule" if isinstance(expr, (Add, Sum)) else "constant factor" if isinstance(expr, Mul) else "power rule")
        return simple
    if isinstance(expr, Piecewise):
        rules.note("case by case")
        return Piecewise(*((_d(v, rules), c) for v, c in expr.args), evaluate=False)
    if isinstance(expr, Mul):
        return _product(expr, rules)
    if isinstance(expr, Pow) and not isinstance(expr, exp):
        return _power(expr, rules)
    if isinstance(expr, (exp, log, erf, Abs, Func)):
        return _function(expr, rules)
    rules.note("table of derivatives")
    return expr.diff(rules.wrt)


def _product(expr: Mul, rules: _Rules) -> Any:
    below = [f for f in expr.args if isinstance(f, Pow) and not isinstance(f, exp) and f.exp.is_negative]
    above = [f for f in expr.args if f not in below]
    if below:
        u, v = mul(*above), mul(*(Pow(f.base, -f.exp, evaluate=False) if f.exp != -1 else f.base for f in below))
        rules.note("quotient rule")
        return mul(add(mul(_d(u, rules), v), mul(-1, u, _d(v, rules))), Pow(v, -2, evaluate=False))
    rules.note("product rule")
    return add(*(mul(*above[:n], _d(f, rules), *above[n + 1 :]) for n, f in enumerate(above)))


def _power(expr: Pow, rules: _Rules) -> Any:
    base, n = expr.base, expr.exp
    if n == -1:
        rules.note("quotient rule")
        return mul(-1, _d(base, rules), Pow(base, -2, evaluate=False))
    rules.note("power rule")
    if base != rules.wrt:
        rules.note("chain rule")
    return mul(n, Pow(base, n - 1, evaluate=False) if n != 2 else base, _d(base, rules))


def _function(expr: Any, rules: _Rules) -> Any:
    u = expr.argument if isinstance(expr, Func) else expr.args[0]
    names = {exp: "exponential function", log: "logarithm", erf: "error function", Abs: "absolute value"}
    rules.note("derivative of a known function" if isinstance(expr, Func) else names[expr.func])
    if u != rules.wrt and not isinstance(u, Entry):
        rules.note("chain rule")
    inner = _d(u, rules)
    if isinstance(expr, Func):
        return mul(Func(expr.name, u, expr.order + 1), inner)
    if isinstance(expr, exp):
        return mul(expr, inner)
    if isinstance(expr, Abs):
        return mul(sign(u), inner)
    if isinstance(expr, log):
        return mul(inner, Pow(u, -1, evaluate=False))
    return mul(2, Pow(sqrt(pi), -1, evaluate=False), exp(mul(-1, Pow(u, 2, evaluate=False))), inner)
