"""The end-to-end oracle: plain `sympy.diff` of the fully expanded loss of a small network.

It shares no code with any calculus and none with the chain rule between named quantities: sizes become small numbers, sums are
written out, names are replaced by what defines them down to plain symbols, and SymPy differentiates the one long expression.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import sympy as sp
from flint import arb
from sympy.core.function import AppliedUndef

from .equations import Abstract, Entry, Equation, Func, Grad, Partial, Tensor
from .errors import InputError
from .evaluate import Disagreement, Point, Undecided

__all__ = ["Report", "compare_with_oracle", "expanded", "oracle_gradient"]

Functions = Callable[[str], tuple[Any, Any] | None]
Place = tuple[str, Any, tuple[int, ...]]


@dataclass(frozen=True)
class Report:
    """How many gradient entries were compared with the oracle, and those that differ for certain."""

    count: int
    disagreements: tuple[tuple[Tensor, Disagreement], ...]


def expanded(
    equations: Sequence[Equation], loss: Entry, sizes: Mapping[Any, int], functions: Functions = lambda name: None,
) -> Any:
    """The loss as one expression in plain symbols, `w_1_2_3` for the entry (2, 3) of w in layer 1.

    >>> from symbackprop.equations import Func, Tensor, index, size
    >>> w, C, j, n = Tensor("w", (size("n"),)), Tensor("C"), index("j"), size("n")
    >>> expanded([Equation(C(), sp.Sum(w[j]**2, (j, 1, n)))], C(), {n: 2})
    w_1**2 + w_2**2
    """
    return _Expansion(equations, sizes, functions).entry(loss, {})


def oracle_gradient(
    equations: Sequence[Equation], loss: Entry, wrt: Tensor, sizes: Mapping[Any, int], functions: Functions = lambda name: None,
) -> dict[tuple[int, ...], Any]:
    """d loss / d wrt for every entry of `wrt`, by `sympy.diff`; `wrt` may be an intermediate quantity.

    >>> from symbackprop.equations import Tensor, index
    >>> w, C, j = Tensor("w", (2,)), Tensor("C"), index("j")
    >>> oracle_gradient([Equation(C(), sp.Sum(w[j]**2, (j, 1, 2)))], C(), w, {})
    {(1,): 2*w_1, (2,): 2*w_2}
    """
    return _gradient(_Expansion(equations, sizes, functions, cut=wrt), loss, wrt)


def compare_with_oracle(
    point: Point, loss: Entry, wrt_tensors: Iterable[Tensor], claimed: Callable[[Tensor, tuple[int, ...]], arb],
    *, budget: int = 20_000,
) -> Report:
    """Compare `claimed(wrt, idx)` with the oracle's gradient of the network of `point`, both at that point.

    Raises `Undecided` if the expanded loss has more than `budget` operations: choose smaller sizes.
    """
    point.value(loss)  # so that every size has its number
    count, wrong = 0, []
    for wrt in wrt_tensors:
        expansion = _Expansion(point.equations, point.sizes, point.functions, cut=wrt, budget=budget)
        gradient = _gradient(expansion, loss, wrt)
        symbols = set(expansion.symbols).union(*(d.free_symbols for d in gradient.values()))
        values = {s: point.value(expansion.symbols.get(s, s)) for s in symbols}
        plain = Point([], {}, digits=point.digits, values=values, functions=_unknown)
        for place, derivative in gradient.items():
            count += 1
            expected, claim = plain.value(derivative), claimed(wrt, place)
            with point._precision():
                difference = expected - claim
                if not difference.contains(0):
                    indices = {str(axis): i for axis, i in enumerate(place, start=1)}
                    wrong.append((wrt, Disagreement(indices, claim, expected, point)))
                elif not difference.rad() <= arb("1e-30"):
                    raise Undecided(f"the gradient by {wrt}{list(place)} is known to {difference.str(5)} only")
    return Report(count, tuple(wrong))


def _unknown(name: str) -> tuple[Any, Any] | None:
    raise InputError(f"the oracle needs the formula of {name}")


def _gradient(expansion: _Expansion, loss: Entry, wrt: Tensor) -> dict[tuple[int, ...], Any]:
    whole = expansion.entry(loss, {})
    concrete = expansion.concrete(wrt, {})
    places = product(*(range(1, int(s) + 1) for s in concrete.shape))
    return {place: sp.diff(whole, expansion.symbol(concrete, place)) for place in places}


class _Expansion:
    """Replaces names by definitions. It works by substitution alone, unlike `evaluate`, which compiles."""

    def __init__(
        self, equations: Sequence[Equation], sizes: Mapping[Any, int], functions: Functions,
        cut: Tensor | None = None, budget: int = 20_000,
    ) -> None:
        self.functions, self.budget, self.spent = functions, budget, 0
        self.plain = {k: sp.Integer(v) for k, v in sizes.items() if isinstance(k, sp.Symbol)}
        self.widths = {(k.func.__name__, tuple(a.xreplace(self.plain) for a in k.args)): sp.Integer(v)
                       for k, v in sizes.items() if isinstance(k, AppliedUndef)}
        self.definitions: dict[tuple[str, Any], list[Equation]] = {}
        self.symbols: dict[sp.Symbol, Entry] = {}
        self.memo: dict[Place, Any] = {}
        for e in equations:
            if e.relation != "=" or not isinstance(e.lhs, Entry) or isinstance(e.tensor, Grad):
                continue
            ends = (None, None) if e.layers is None else (self.number(e.layers.low), self.number(e.layers.high))
            for layer in [None] if ends[0] is None else range(ends[0], ends[1] + 1):
                here = e if layer is None else e.at_layer(layer)
                self.definitions.setdefault(self.name(here.tensor, {}), []).append(here)
        if cut is not None:
            self.definitions.pop(self.name(cut, {}), None)

    def number(self, expr: Any, env: Mapping[Any, Any] = {}) -> int:
        value = sp.sympify(expr, strict=True).xreplace({**self.plain, **env})
        value = value.replace(lambda e: isinstance(e, AppliedUndef), self.width)
        if not value.is_Integer:
            raise InputError(f"the oracle needs a number for {value}")
        return int(value)

    def width(self, e: Any) -> Any:
        return self.widths.get((e.func.__name__, e.args), e)

    def name(self, tensor: Tensor, env: Mapping[Any, Any]) -> tuple[str, Any]:
        return tensor.name, None if tensor.layer is None else self.number(tensor.layer, env)

    def concrete(self, tensor: Tensor, env: Mapping[Any, Any]) -> Tensor:
        name, layer = self.name(tensor, env)
        return Tensor(name, tuple(self.number(s, env) for s in tensor.shape), layer)

    def symbol(self, tensor: Tensor, place: tuple[int, ...]) -> sp.Symbol:
        parts = [tensor.name, *([] if tensor.layer is None else [tensor.layer]), *place]
        found, entry = sp.Symbol("_".join(map(str, parts)), real=True), Entry(tensor, *place)
        if self.symbols.setdefault(found, entry) != entry:
            raise InputError(f"{entry} and {self.symbols[found]} would both be called {found} here: rename a tensor")
        return found

    def entry(self, e: Entry, env: Mapping[Any, Any]) -> Any:
        if isinstance(e.tensor, Grad):
            raise InputError(f"the oracle differentiates losses that are given by formulas, not by the gradient {e}")
        name, place = self.name(e.tensor, env), tuple(self.number(i, env) for i in e.indices)
        key = (*name, place)
        if key not in self.memo:
            if name not in self.definitions:
                self.memo[key] = self.symbol(self.concrete(e.tensor, env), place)
            else:
                value = self.define(name, place)
                self.spent += int(value.count_ops())
                if self.spent > self.budget:
                    raise Undecided(f"the expanded loss has more than {self.budget} operations: choose smaller sizes")
                self.memo[key] = value
        return self.memo[key]

    def define(self, name: tuple[str, Any], place: tuple[int, ...]) -> Any:
        for equation in self.definitions[name]:
            pairs = list(zip(equation.lhs.indices, map(sp.Integer, place), strict=True))
            if all(i == v or isinstance(i, sp.Symbol) for i, v in pairs):
                return self.expand(equation.rhs, dict(pairs))
        raise InputError(f"no equation defines {name[0]}{list(place)}")

    def expand(self, e: Any, env: Mapping[Any, Any]) -> Any:
        if isinstance(e, Entry):
            return self.entry(e, env)
        if isinstance(e, (sp.Sum, sp.Product)):
            return self.loop(e, list(e.limits), env)
        if isinstance(e, Func):
            return self.apply(e, self.expand(e.argument, env))
        if isinstance(e, sp.Symbol):
            return env.get(e, self.plain.get(e, e))
        if isinstance(e, AppliedUndef):
            return sp.Integer(self.number(e, env))
        if isinstance(e, (Abstract, Partial, sp.Derivative)):
            raise InputError(f"the oracle needs a loss given by a formula, and {e} is none")
        if isinstance(e, sp.Piecewise):
            return self.cases(e, env)
        if not e.args:
            return e
        if isinstance(e, sp.Mul):
            # Deltas and cases first: where one vanishes, the entries beside it may not exist.
            value = sp.S.One
            for factor in sorted(e.args, key=lambda a: not isinstance(a, (sp.KroneckerDelta, sp.Piecewise))):
                value = value * self.expand(factor, env)
                if value == 0:
                    break
            return value
        return e.func(*(self.expand(a, env) for a in e.args))

    def cases(self, e: Any, env: Mapping[Any, Any]) -> Any:
        # Cases that do not apply are not expanded: their entries may not exist.
        kept = []
        for value, condition in e.args:
            holds = self.expand(condition, env)
            if holds != sp.false:
                kept.append((self.expand(value, env), holds))
            if holds == sp.true:
                break
        return sp.Piecewise(*kept)

    def loop(self, e: Any, limits: list[Any], env: Mapping[Any, Any]) -> Any:
        if not limits:
            return self.expand(e.function, env)
        *inner, (k, low, high) = limits
        span = range(self.number(low, env), self.number(high, env) + 1)
        terms = [self.loop(e, inner, {**env, k: sp.Integer(v)}) for v in span]
        return sp.Add(*terms) if isinstance(e, sp.Sum) else sp.Mul(*terms)

    def apply(self, e: Func, argument: Any) -> Any:
        record = self.functions(e.name)
        if record is None:
            raise InputError(f"the oracle needs the formula of {e.name}")
        variable, formula = record
        # A formula may use other functions, as silu uses sigmoid: none may survive, for nothing would say what it means.
        return sp.diff(self.expand(formula, {variable: variable}), variable, e.order).subs(variable, argument)
