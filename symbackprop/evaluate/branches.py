"""How case distinctions are evaluated: signs, maxima, deltas and cases, each decided by a ball or not at all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy as sp
from flint import arb

from symbackprop.errors import InputError
from symbackprop.evaluate.balls import Undecided, sign
from symbackprop.evaluate.nodes import Code, Env, Frame
from symbackprop.evaluate.scope import Scope

__all__ = ["WRITERS"]

_RELATIONS: dict[Any, tuple[int, ...]] = {
    sp.StrictLessThan: (-1,), sp.LessThan: (-1, 0), sp.Equality: (0,), sp.Unequality: (-1, 1), sp.GreaterThan: (0, 1),
    sp.StrictGreaterThan: (1,),
}  # fmt: skip


def _abs(scope: Scope, e: Any) -> Code:
    argument = scope.code(e.args[0])

    def run(env: Env, frame: Frame) -> Any:
        u = argument(env, frame)
        if isinstance(u, arb):
            return abs(u)
        return u if sign(u) >= 0 else -u

    return run


def _sign(scope: Scope, e: Any) -> Code:
    argument = scope.code(e.args[0])
    return lambda env, frame: arb(sign(argument(env, frame)))


def _heaviside(scope: Scope, e: Any) -> Code:
    argument, middle = map(scope.code, e.args)

    def run(env: Env, frame: Frame) -> Any:
        s = sign(argument(env, frame))
        return middle(env, frame) if s == 0 else arb(int(s > 0))

    return run


def _extreme(scope: Scope, e: Any) -> Code:
    first, *rest = map(scope.code, e.args)
    wanted = 1 if isinstance(e, sp.Max) else -1

    def run(env: Env, frame: Frame) -> Any:
        best = first(env, frame)
        for part in rest:
            u = part(env, frame)
            if isinstance(u, arb) and isinstance(best, arb):
                best = best.max(u) if wanted > 0 else best.min(u)
            elif sign(u - best) == wanted:
                best = u
        return best

    return run


def _delta(scope: Scope, e: Any) -> Code:
    i, j = (scope.whole(a, index=True) for a in e.args[:2])
    zero, one = arb(0), arb(1)
    return lambda env, frame: one if i(env) == j(env) else zero


def _cases(scope: Scope, e: Any) -> Code:
    branches = [(_condition(scope, c), scope.code(v)) for v, c in e.args]

    def run(env: Env, frame: Frame) -> Any:
        for holds, value in branches:
            if holds(env, frame):
                return value(env, frame)
        raise Undecided(f"no case of {e} applies")

    return run


def _condition(scope: Scope, c: Any) -> Callable[[Env, Frame], bool]:
    if c in (sp.true, sp.false):
        truth = bool(c)
        return lambda env, frame: truth
    if type(c) in _RELATIONS:
        left, right, signs = scope.code(c.lhs), scope.code(c.rhs), _RELATIONS[type(c)]
        return lambda env, frame: sign(left(env, frame) - right(env, frame)) in signs
    if not isinstance(c, (sp.And, sp.Or, sp.Not, sp.ITE)):
        raise InputError(f"cannot decide the condition {c}")
    parts = [_condition(scope, a) for a in c.args]
    if isinstance(c, sp.ITE):
        return lambda env, frame: parts[1 if parts[0](env, frame) else 2](env, frame)
    if isinstance(c, sp.Not):
        return lambda env, frame: not parts[0](env, frame)
    every = all if isinstance(c, sp.And) else any
    return lambda env, frame: every(p(env, frame) for p in parts)


WRITERS: dict[Any, Callable[[Scope, Any], Code]] = {
    sp.Abs: _abs, sp.sign: _sign, sp.Heaviside: _heaviside, sp.Max: _extreme, sp.Min: _extreme,
    sp.KroneckerDelta: _delta, sp.Piecewise: _cases,
}  # fmt: skip
