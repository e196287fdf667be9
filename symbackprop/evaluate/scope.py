"""Turning an expression into nested closures: the walk, and the arithmetic of whole numbers (sizes, layers, indices) on the way."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import lru_cache
from typing import Any, Protocol

import sympy as sp
from sympy.core.function import AppliedUndef

from symbackprop.equations import Entry, Tensor
from symbackprop.errors import InputError
from symbackprop.evaluate.balls import ball, whole_number
from symbackprop.evaluate.nodes import Code, Env, Frame, Node, OutOfRange
from symbackprop.evaluate.samplers import Values
from symbackprop.evaluate.sizes import Sizes

__all__ = ["Formula", "Names", "Scope", "structural"]

_WHOLE: dict[Any, Callable[..., Any]] = {
    sp.Add: lambda *v: sum(v), sp.Mul: lambda *v: math.prod(v), sp.Max: max, sp.Min: min, sp.Abs: abs,
    sp.Pow: lambda b, n: Fraction(b) ** int(n), sp.floor: math.floor, sp.ceiling: math.ceil, sp.Mod: lambda a, b: a % b,
}  # fmt: skip


@dataclass(frozen=True)
class Formula:
    """A function of one variable, compiled, and the nodes it leans on."""

    variable: Any
    code: Code
    below: dict[Node, None]


class Names(Protocol):
    """What names mean: sizes, values, the nodes of tensors, the formulas of functions, and how each kind of expression is written."""

    sizes: Sizes
    values: Values
    root: Frame
    used: set[str]

    @property
    def writers(self) -> Mapping[Any, Callable[[Scope, Any], Code]]: ...

    def node(self, source: Any, static: Env) -> Node: ...

    def formula(self, name: str) -> Formula | None: ...


@dataclass(frozen=True)
class Scope:
    """Where an expression is compiled: symbols in `static` are numbers already, those in `bound` come with each call.

    The nodes that the code asks for are collected in `below`.
    """

    names: Names
    static: Env
    bound: frozenset[Any] = frozenset()
    below: dict[Node, None] = field(default_factory=dict)

    def fix(self, symbol: Any, number: int) -> Scope:
        """This scope with `symbol` a number."""
        return replace(self, static={**self.static, symbol: number}, bound=self.bound - {symbol})

    def bind(self, symbol: Any) -> Scope:
        """This scope with `symbol` coming with each call."""
        return replace(self, static={s: v for s, v in self.static.items() if s != symbol}, bound=self.bound | {symbol})

    def node(self, source: Any) -> Node:
        """The node of a tensor or of a scalar symbol, noted as one the code asks for."""
        for index in self.bound & source.free_symbols:
            raise InputError(f"the index {index} cannot say which layer or which size of {source} is meant")
        node = self.names.node(source, self.static)
        self.below.setdefault(node)
        return node

    def code(self, e: Any) -> Code:
        """The value of `e` as a function of the bound symbols and a frame."""
        for kind in type(e).__mro__:
            if kind in self.names.writers:
                return self.names.writers[kind](self, e)
        raise InputError(f"cannot evaluate {type(e).__name__}: {e}")

    def whole(self, e: Any, *, index: bool = False) -> Callable[[Env], Any]:
        """Arithmetic of whole numbers. An unknown symbol gets a number if it is a size; in an `index` it must be known to be one."""
        if e.is_Rational:
            number = int(e) if e.is_Integer else Fraction(int(e.p), int(e.q))
            return lambda env: number
        if isinstance(e, sp.Symbol):
            return self._symbol(e, index)
        if isinstance(e, Entry):
            # The number of a class, as in log p_y: data, which no derivative moves.
            node, where, root = self.node(e.tensor), self.indices(e), self.names.root
            return lambda env: whole_number(e, root.get(node, where(env)))
        parts = [self.whole(a, index=index) for a in e.args]
        if isinstance(e, AppliedUndef):
            sizes = self.names.sizes
            return lambda env: sizes.width(e, tuple(int(p(env)) for p in parts))
        if e.func not in _WHOLE:
            raise InputError(f"cannot read {e} as a whole number")
        fold = _WHOLE[e.func]
        return lambda env: fold(*[p(env) for p in parts])

    def _symbol(self, e: Any, index: bool) -> Callable[[Env], Any]:
        sizes, given = self.names.sizes, self.names.values.given
        if e in self.bound:
            return lambda env: env[e]
        if e in self.static:
            number = int(self.static[e])
        elif e in given:
            return lambda env: whole_number(e, ball(given[e]))
        elif index and e not in sizes.known:
            raise InputError(f"no value is given for the index {e}")
        else:
            number = sizes.assign(e)
        return lambda env: number

    def indices(self, e: Entry) -> Callable[[Env], tuple[int, ...]]:
        """The place of an entry in whole numbers."""
        if all(i in self.bound for i in e.indices):
            letters = e.indices
            return lambda env: tuple([env[i] for i in letters])
        parts = [self.whole(i, index=True) for i in e.indices]

        def where(env: Env) -> tuple[int, ...]:
            values = [p(env) for p in parts]
            if any(v != int(v) for v in values):
                raise OutOfRange(f"{e}: the index {max(values, key=lambda v: v % 1)} is not whole")
            return tuple(map(int, values))

        return where


@lru_cache(maxsize=4096)  # a point asks it again for every value of the indices
def structural(expr: Any) -> frozenset[Any]:
    """The symbols that say which tensor or width is meant (layers), and those that end a sum over layers.

    They need numbers before anything is compiled.
    """
    found: set[Any] = set()
    for node in sp.postorder_traversal(expr):
        if isinstance(node, (Tensor, AppliedUndef)):
            found |= node.free_symbols
        elif isinstance(node, (sp.Sum, sp.Product)):
            for k, *ends in node.limits:
                if k in found:
                    found |= {s for end in ends for s in end.free_symbols}
    return frozenset(found)
