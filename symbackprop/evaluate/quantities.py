"""How named quantities are evaluated: entries, their derivatives, named functions and the abstract cost."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from random import Random
from typing import Any

import sympy as sp
from flint import arb, arb_series

from symbackprop.equations import Abstract, Entry, Func, Grad, Partial
from symbackprop.errors import InputError
from symbackprop.evaluate.balls import Undecided, lift
from symbackprop.evaluate.nodes import Code, Env, Frame, Node
from symbackprop.evaluate.scope import Scope

__all__ = ["WRITERS", "jacobian", "named"]

Place = tuple[int, ...]
Where = Callable[[Env], tuple[int, ...]]


def _entry(scope: Scope, e: Entry) -> Code:
    where = scope.indices(e)
    if isinstance(e.tensor, Grad):
        return _total(scope.node(e.tensor.of), scope.node(e.tensor.wrt), where)
    node = scope.node(e.tensor)
    return lambda env, frame: frame.get(node, where(env))


def _total(of: Node, wrt: Node, where: Where) -> Code:
    """d of / d wrt[where], every path from wrt to of counted."""
    if of.shape:
        raise InputError(f"the gradient of {of.label}, which is no scalar")
    if not of.definitions:
        raise InputError(f"no equation defines {of.label}, whose gradient is asked for")

    def downstream(inner: Frame) -> Any:
        inner.warm([of])
        return inner.get(of, ())

    def run(env: Env, frame: Frame) -> Any:
        outer, moved = frame.solid(), (wrt, where(env))
        key = ("d", of, moved)
        if key not in outer.memo:
            above: Frame | None = outer
            while above is not None and above.wrt is not None:
                if above.wrt is not wrt and wrt in above.wrt.ancestors:
                    raise Undecided(f"a second derivative by {wrt.label} and by {above.wrt.label}, which depends on it")
                above = above.parent
            outer.memo[key] = outer.slope(moved, downstream, total=True)
        return lift(outer.memo[key], frame.length)

    return run


def _partial(scope: Scope, e: Partial) -> Code:
    of, wrt = scope.node(e.of.tensor), scope.node(e.wrt.tensor)
    which, where = scope.indices(e.of), scope.indices(e.wrt)
    if not of.shape and of.definitions and e.of.tensor.name not in scope.names.used:
        return _total(of, wrt, where)

    def run(env: Env, frame: Frame) -> Any:
        target, moved = which(env), (wrt, where(env))
        if (of, target) == moved:
            return arb(1)
        of.check(target)
        if not of.definitions:
            wrt.check(moved[1])
            return arb(0)
        return frame.slope(moved, lambda inner: of.compute(target, inner))

    return run


def _derivative(scope: Scope, e: Any) -> Code:
    *first, (x, count) = e.variable_count
    if x in scope.bound or x in scope.static or x.is_integer:
        raise InputError(f"{e}: cannot differentiate by {x}, an index or a whole number")
    again = [*first, (x, count - 1)] if count > 1 else first
    inner = scope.code(sp.Derivative(e.expr, *again, evaluate=False) if again else e.expr)
    node = scope.node(x.tensor if isinstance(x, Entry) else x)
    where: Where = scope.indices(x) if isinstance(x, Entry) else lambda env: ()
    return lambda env, frame: frame.slope((node, where(env)), lambda inside: inner(env, inside))


def _named(scope: Scope, e: Func) -> Code:
    argument, at, order = scope.code(e.argument), named(scope, e.name), e.order
    return lambda env, frame: at(argument(env, frame), frame, order)


def named(scope: Scope, name: str) -> Callable[[Any, Frame, int], Any]:
    """A function by its name, at a ball or series, in a frame, differentiated some number of times."""
    formula = scope.names.formula(name)
    body: Callable[[Any, Frame], Any]
    if formula is None:
        body = _generic(f"{scope.names.values.seed}|{name}")
    else:
        z, code = formula.variable, formula.code
        scope.below.update(formula.below)
        body = lambda u, frame: code({z: u}, frame)  # noqa: E731 - the counterpart of _generic

    def at(u: Any, frame: Frame, order: int) -> Any:
        if order == 0:
            return body(u, frame)
        return frame.tangent(lambda inner, eps: at(lift(u, inner.length) + eps, inner, order - 1))

    return at


def jacobian(of: Node, wrt: Node, root: Frame, *, local: bool) -> dict[tuple[Place, Place], Any]:
    """The derivative of each entry of `of` by each entry of `wrt`, one frame for each entry that is moved."""
    found: dict[tuple[Place, Place], Any] = {}
    targets, moved = (list(product(*(range(1, n + 1) for n in node.shape))) for node in (of, wrt))
    for place in moved:
        inner = Frame(root, 2, None if local else wrt)
        inner.memo[wrt, place] = lift(root.get(wrt, place), 2) + arb_series([0, 1], 2)
        for target in targets:
            within = local and of is not wrt and bool(of.definitions)
            value = of.compute(target, inner) if within else inner.get(of, target)
            found[target, place] = value[1] if isinstance(value, arb_series) else arb(0)
    return found


def _generic(key: str) -> Callable[[Any, Frame], Any]:
    """A fixed analytic function in place of an unknown one: c1 sin(u + c0) + c3 sin(c2 u), bounded so that depth does no harm."""
    ((c0, c1, c2, c3),) = _coefficients(key, 1, 4)
    return lambda u, frame: c1 * (u + c0).sin() + c3 * (c2 * u).sin()


def _cost(scope: Scope, e: Abstract) -> Code:
    """A fixed analytic function in place of an unknown cost: sum r u^2 + sum s u v over neighbours u, v + sin(sum q u)."""
    nodes = [scope.node(t) for t in e.arguments]
    places = [(n, i) for n in nodes for i in product(*(range(1, s + 1) for s in n.shape))]
    name = scope.names.node(e.value, scope.static).label  # not noted: the cost does not lean on itself
    r, q, s = _coefficients(f"{scope.names.values.seed}|{name}", 3, len(places))

    def run(env: Env, frame: Frame) -> Any:
        x = [frame.get(*place) for place in places]
        squares = sum((c * u * u for c, u in zip(r, x, strict=True)), arb(0))
        pairs = sum((c * u * v for c, u, v in zip(s, x, x[1:], strict=False)), arb(0))
        return squares + pairs + sum((c * u for c, u in zip(q, x, strict=True)), arb(0)).sin()

    return run


def _coefficients(key: str, rows: int, columns: int) -> list[list[Any]]:
    random = Random(key)
    return [[arb(random.randint(20, 150)) * random.choice((-1, 1)) / 100 for _ in range(columns)] for _ in range(rows)]


WRITERS: dict[Any, Callable[[Scope, Any], Code]] = {
    Entry: _entry, Func: _named, Abstract: _cost, Partial: _partial, sp.Derivative: _derivative,
}  # fmt: skip
