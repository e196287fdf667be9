"""The whole numbers that sizes `m`, widths `n(2)` and layer symbols stand for at a point."""

from __future__ import annotations

from typing import Any

import sympy as sp

from symbackprop.equations import Equation, Grad, Tensor
from symbackprop.errors import InputError

__all__ = ["Sizes"]


class Sizes:
    """What is not given becomes pairwise different numbers 2, 3, ... in order of need, recorded in `numbers`.

    `known` are the symbols that stand in a shape or at an end of a sum; `layers` count layers and never get a number by themselves,
    but for the depth, which is 3.
    """

    def __init__(self) -> None:
        self.numbers: dict[Any, int] = {}
        self.known: set[Any] = set()
        self.layers: set[Any] = set()
        self._widths: dict[tuple[str, tuple[int, ...]], int] = {}

    def note(self, expr: Any) -> None:
        """Record the sizes that `expr` mentions."""
        for node in sp.preorder_traversal(expr):
            if isinstance(node, Tensor) and not isinstance(node, Grad):
                self.known |= node.shape.free_symbols
            elif isinstance(node, (sp.Sum, sp.Product)):
                self.known |= {s for _, *ends in node.limits for e in ends for s in e.free_symbols}

    def note_layers(self, equations: tuple[Equation, ...]) -> None:
        """Record the layer symbols, and give those that no equation runs over (the depth) the number 3."""
        families = [e.layers for e in equations if e.layers is not None]
        running = {f.symbol for f in families}
        ends = {s for f in families for end in (f.low, f.high) for s in sp.sympify(end, strict=True).free_symbols}
        self.layers = running | ends
        for symbol in sorted(ends - running, key=str):
            self.numbers.setdefault(symbol, 3)

    def give(self, width: Any, arguments: tuple[int, ...], number: int) -> None:
        """Set the width `n(2)`."""
        self._widths[width.func.__name__, arguments] = self.numbers[width.func(*arguments)] = number

    def width(self, width: Any, arguments: tuple[int, ...]) -> int:
        """The number of `n(2)`, one of its own if none was given."""
        if (width.func.__name__, arguments) not in self._widths:
            self.give(width, arguments, self._next())
        return self._widths[width.func.__name__, arguments]

    def assign(self, symbol: Any) -> int:
        """A number for a symbol that has none."""
        if symbol in self.layers:
            raise InputError(f"no value is given for the layer {symbol}")
        self.numbers[symbol] = self._next()
        return self.numbers[symbol]

    def _next(self) -> int:
        used = {v for k, v in self.numbers.items() if k not in self.layers}
        return next(n for n in range(2, len(used) + 3) if n not in used)
