"""How numbers, sums, products, powers and elementary functions are evaluated."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import sympy as sp
from flint import arb
from sympy.core.function import AppliedUndef
from sympy.functions.elementary.integers import RoundFunction

from symbackprop.equations import Entry, Func
from symbackprop.errors import InputError
from symbackprop.evaluate.balls import apply, ball, power
from symbackprop.evaluate.nodes import Code, Env, Frame
from symbackprop.evaluate.scope import Scope, structural

__all__ = ["WRITERS"]

_FUNCTIONS: dict[Any, str] = {
    sp.exp: "exp", sp.log: "log", sp.sin: "sin", sp.cos: "cos", sp.tan: "tan", sp.asin: "asin", sp.acos: "acos",
    sp.atan: "atan", sp.erf: "erf", sp.erfc: "erfc", sp.tanh: "tanh", sp.sinh: "sinh", sp.cosh: "cosh",
}  # fmt: skip
_CONSTANTS: dict[Any, Callable[[], Any]] = {sp.pi: arb.pi, sp.E: arb.const_e, sp.EulerGamma: arb.const_euler}


def _constant(scope: Scope, e: Any) -> Code:
    if e not in _CONSTANTS and not e.is_Rational:
        raise InputError(f"cannot evaluate the number {e}: write it exactly, as a fraction")
    number = _CONSTANTS[e]() if e in _CONSTANTS else ball(e)
    return lambda env, frame: number


def _symbol(scope: Scope, e: Any) -> Code:
    if e in scope.bound:
        return lambda env, frame: ball(env[e]) if isinstance(env[e], int) else env[e]
    if e in scope.static or e.is_integer:
        number = ball(scope.whole(e)({}))
        return lambda env, frame: number
    node = scope.node(e)
    return lambda env, frame: frame.get(node, ())


def _counted(scope: Scope, e: Any) -> Code:
    whole = scope.whole(e)
    return lambda env, frame: ball(whole(env))


def _add(scope: Scope, e: Any) -> Code:
    first, *rest = map(scope.code, e.args)

    def run(env: Env, frame: Frame) -> Any:
        value = first(env, frame)
        for part in rest:
            value = value + part(env, frame)
        return value

    return run


def _mul(scope: Scope, e: Any) -> Code:
    guards = [scope.code(a) for a in e.args if _is_guard(a)]
    rest = [scope.code(a) for a in e.args if not _is_guard(a)]

    def run(env: Env, frame: Frame) -> Any:
        value = None
        for guard in guards:
            factor = guard(env, frame)
            if factor.is_zero():
                return factor
            value = factor if value is None else value * factor
        for part in rest:
            value = part(env, frame) if value is None else value * part(env, frame)
        return value

    return run


def _is_guard(e: Any) -> bool:
    """Whether a factor is evaluated first: where it is 0, the factors beside it may not exist."""
    return isinstance(e, sp.KroneckerDelta) or (isinstance(e, sp.Piecewise) and all(v.is_Integer for v, _ in e.args))


def _pow(scope: Scope, e: Any) -> Code:
    if e.base is sp.E:
        return _function(scope, sp.exp(e.exp, evaluate=False))
    base, n = scope.code(e.base), e.exp
    if n.is_Integer:
        number = int(n)
        return lambda env, frame: power(base(env, frame), number)
    if n.is_integer and not n.has(Entry, Func):
        whole = scope.whole(n)
        return lambda env, frame: power(base(env, frame), int(whole(env)))
    if n.is_Rational and n.q == 2:
        return lambda env, frame: power(apply("sqrt", base(env, frame)), int(n.p))
    exponent = scope.code(n)
    return lambda env, frame: apply("exp", apply("log", base(env, frame)) * exponent(env, frame))


def _function(scope: Scope, e: Any) -> Code:
    name, argument = _FUNCTIONS[e.func], scope.code(e.args[0])
    return lambda env, frame: apply(name, argument(env, frame))


def _loop(scope: Scope, e: Any) -> Code:
    return _limits(scope, e, tuple(e.limits))


def _limits(scope: Scope, e: Any, limits: tuple[Any, ...]) -> Code:
    if not limits:
        return scope.code(e.function)
    if len(limits[-1]) != 3:
        raise InputError(f"{e}: the summation index needs a lower and an upper limit")
    *inner, (k, low, high) = limits
    start, stop = scope.whole(low), scope.whole(high)
    adds = isinstance(e, sp.Sum)
    empty = arb(0 if adds else 1)
    terms: Callable[[Env], Iterable[tuple[Code, Env]]]
    if k in structural(e):
        # The layer decides which tensor is meant, so each layer is compiled on its own.
        parts = [_limits(scope.fix(k, v), e, tuple(inner)) for v in range(int(start({})), int(stop({})) + 1)]
        terms = lambda env: ((part, env) for part in parts)  # noqa: E731 - the counterpart of the next
    else:
        body = _limits(scope.bind(k), e, tuple(inner))
        terms = lambda env: ((body, {**env, k: v}) for v in range(int(start(env)), int(stop(env)) + 1))  # noqa: E731

    def run(env: Env, frame: Frame) -> Any:
        value = None
        for part, inside in terms(env):
            term = part(inside, frame)
            value = term if value is None else value + term if adds else value * term
        return empty if value is None else value

    return run


WRITERS: dict[Any, Callable[[Scope, Any], Code]] = {
    sp.Number: _constant, sp.NumberSymbol: _constant, sp.Symbol: _symbol,
    AppliedUndef: _counted, RoundFunction: _counted, sp.Mod: _counted,
    sp.Add: _add, sp.Mul: _mul, sp.Pow: _pow, sp.Sum: _loop, sp.Product: _loop,
    **dict.fromkeys(_FUNCTIONS, _function),
}  # fmt: skip
