"""A point: a number for everything a network's equations leave open, and the value of any expression there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

import sympy as sp
from flint import arb

from symbackprop.equations import Equation, Tensor
from symbackprop.evaluate.balls import Undecided, precision
from symbackprop.evaluate.model import Functions, Model
from symbackprop.evaluate.nodes import Code, Node
from symbackprop.evaluate.quantities import jacobian, named
from symbackprop.evaluate.samplers import Sampler
from symbackprop.evaluate.scope import structural

__all__ = ["Point"]


class Point:
    """Values for everything: whole numbers for sizes, balls for free tensors and scalars, equations for the rest.

    An equation defines the entries of its left side; `relation` other than "=" (an update) and gradients on the left define
    nothing. Sizes that are not given become pairwise different numbers 2, 3, ... in order of need, recorded in `sizes`.
    Factors that are Kronecker deltas or 0-1 cases are evaluated first: where they vanish, the rest is not evaluated.

    >>> from fractions import Fraction
    >>> from symbackprop.equations import Equation, Grad, Tensor, index
    >>> w, C, j = Tensor("w", (2,)), Tensor("C"), index("j")
    >>> square = Equation(C(), sp.Sum(w[j]**2, (j, 1, 2)))
    >>> p = Point([square], {}, values={w: {(1,): Fraction(3), (2,): Fraction(1, 2)}})
    >>> p.value(C()), p.value(Grad(C, w)[1])        # C = w_1^2 + w_2^2,  dC/dw_1 = 2 w_1
    (9.25000000000000, 6.00000000000000)
    """

    def __init__(
        self, equations: Sequence[Equation], sizes: Mapping[Any, int], *, seed: int = 0, digits: int = 60,
        functions: Functions = lambda name: None, free: Mapping[Tensor, Sampler] = {}, values: Mapping[Any, Any] = {},
    ) -> None:  # fmt: skip
        self.equations, self.seed, self.digits, self.functions = tuple(equations), seed, digits, functions
        self._model = Model(self.equations, sizes, seed, functions, free, values)
        self._programs: dict[Any, tuple[Code, dict[Node, None]]] = {}

    @property
    def sizes(self) -> dict[Any, int]:
        """The numbers of all sizes, widths and layer symbols that were given or needed so far."""
        return self._model.sizes.numbers

    def size(self, expr: Any, indices: Mapping[Any, int] = {}) -> int:
        """The whole number that a size stands for here, `n(l) -> 4`."""
        return self._model.size(expr, indices)

    def value(self, expr: Any, indices: Mapping[Any, int] = {}) -> arb:
        """The value of `expr`, a ball that contains it, its free indices and layer symbols as in `indices`."""
        expr = sp.sympify(expr, strict=True)
        layers = structural(expr)
        static = {s: int(v) for s, v in indices.items() if s in layers}
        env = {s: int(v) for s, v in indices.items() if s not in layers}
        with self._precision():
            code, below = self._compiled(expr, static, frozenset(env))
            try:
                self._model.root.warm(below)
                result: arb = code(env, self._model.root)
            except ZeroDivisionError:
                raise Undecided(f"a division by zero in {expr}") from None
            if not result.is_finite():
                raise Undecided(f"{expr} has no finite value at this point")
            return result

    def jacobian(self, of: Tensor, wrt: Tensor, *, local: bool = False) -> dict[tuple[tuple[int, ...], tuple[int, ...]], arb]:
        """The derivative of every entry of `of` by every entry of `wrt`: along every path, or `local`ly in the equation of `of`.

        >>> from symbackprop.equations import Equation, Tensor, index
        >>> x, s, j = Tensor("x", (2,)), Tensor("s", (2,)), index("j")
        >>> Point([Equation(s[j], x[j]**2)], {}, values={x: {(1,): 3, (2,): 5}}).jacobian(s, x)[(2,), (2,)]
        10.0000000000000
        """
        scope = self._model.scope()
        above, below = scope.node(of), scope.node(wrt)
        with self._precision():
            self._model.root.warm([above])
            return jacobian(above, below, self._model.root, local=local)

    def function(self, name: str, order: int, value: arb) -> arb:
        """A named function of one variable, or its derivative of some order, at a ball."""
        with self._precision():
            return named(self._model.scope(), name)(value, self._model.root, order)

    def _compiled(self, expr: Any, static: Mapping[Any, int], bound: frozenset[Any]) -> tuple[Code, dict[Node, None]]:
        key = (expr, tuple(static.items()), bound)
        if key not in self._programs:
            self._model.sizes.note(expr)
            scope = self._model.scope(static, bound)
            self._programs[key] = scope.code(expr), scope.below
        return self._programs[key]

    def _precision(self) -> AbstractContextManager[None]:
        return precision(self.digits)
