"""Nodes and frames: what depends on what, and the values of entries as series, with one entry moved by `eps` or none."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from itertools import product
from typing import Any, NamedTuple

import sympy as sp
from flint import arb, arb_series

from symbackprop.errors import InputError, SpecError
from symbackprop.evaluate.balls import CAP, Undecided, ball, lift

__all__ = ["Code", "Definition", "Env", "Frame", "Node", "OutOfRange"]

Env = dict[Any, Any]
Code = Callable[[Env, "Frame"], Any]

_STRIDE = 24  # layers evaluated at once by recursion; deeper graphs are filled in from below
_BUSY: Any = object()


class OutOfRange(InputError, IndexError):
    """An index that is not between 1 and the size of its axis."""


class Definition(NamedTuple):
    """An equation `lhs = rhs` with the layer symbols that are `static` in it put in as numbers."""

    lhs: Any
    rhs: Any
    static: Env


class Node:
    """A tensor at a concrete layer, or a scalar symbol: its shape, and what defines its entries or else draws them.

    `compile` turns a definition into the pattern of its left side (symbols and whole numbers) and its code, and collects the nodes the
    code asks for in the dictionary it is given.
    """

    def __init__(
        self, label: str, shape: tuple[int, ...], definitions: Sequence[Definition],
        compile: Callable[[Definition, dict[Node, None]], tuple[list[Any], Code]], draw: Callable[[tuple[int, ...]], Any],
    ) -> None:  # fmt: skip
        self.label, self.shape, self.definitions = label, shape, definitions
        self._compile, self._draw = compile, draw

    def check(self, indices: tuple[int, ...]) -> None:
        """`OutOfRange` if there is no such entry."""
        for axis, (i, n) in enumerate(zip(indices, self.shape, strict=True), start=1):
            if not 1 <= i <= n:
                raise OutOfRange(f"{self.label}{list(indices)}: axis {axis} runs from 1 to {n}, not to {i}")

    def compute(self, indices: tuple[int, ...], frame: Frame) -> Any:
        """The value of an entry by its definition, what that leans on as in `frame`."""
        self.check(indices)
        if not self.definitions:
            return ball(self._draw(indices))
        for pattern, code in self._compiled[0]:
            if all(isinstance(p, sp.Symbol) or p == i for p, i in zip(pattern, indices, strict=True)):
                return code(dict(zip(pattern, indices, strict=True)), frame)
        raise SpecError(f"no equation defines {self.label}{list(indices)}")

    @cached_property
    def _compiled(self) -> tuple[list[tuple[list[Any], Code]], dict[Node, None]]:
        below: dict[Node, None] = {}
        return [self._compile(definition, below) for definition in self.definitions], below

    @property
    def below(self) -> dict[Node, None]:
        """What the definitions of this node mention, in order."""
        return self._compiled[1]

    @cached_property
    def ancestors(self) -> frozenset[Node]:
        """Everything this node depends on, itself only if it is recurrent."""
        found: dict[Node, None] = {}  # in order, for compiling a node is what gives sizes their numbers
        stack = [self]
        while stack:
            new = [b for b in stack.pop().below if b not in found]
            found |= dict.fromkeys(new)
            stack.extend(new)
        return frozenset(found)

    @cached_property
    def steps(self) -> list[Node]:
        """The nodes below whose depth is a multiple of the stride, deepest last; recurrent ones are left to recursion."""
        depth: dict[Node, int] = {}
        found: list[Node] = []
        stack = [(self, False)]
        while stack:
            node, done = stack.pop()
            if done:
                depth[node] = 1 + max((depth[b] for b in node.below), default=0)
                if depth[node] % _STRIDE == 0 and node not in node.below:
                    found.append(node)
            elif node not in depth:
                depth[node] = 0
                stack.append((node, True))
                stack.extend((b, False) for b in node.below if b not in depth)
        return found


class Frame:
    """Values of entries as series of one length. A child frame moves one entry by eps.

    With `wrt`, everything downstream of that node is computed anew (a total derivative); without, all else is held.
    """

    __slots__ = ("length", "memo", "parent", "wrt")

    def __init__(self, parent: Frame | None = None, length: int = 1, wrt: Node | None = None) -> None:
        self.parent, self.length, self.wrt = parent, length, wrt
        self.memo: dict[Any, Any] = {}

    def get(self, node: Node, indices: tuple[int, ...]) -> Any:
        """The value of an entry in this frame."""
        key = (node, indices)
        found = self.memo.get(key)
        if found is not None:
            if found is _BUSY:
                raise SpecError(f"{node.label}{list(indices)} is defined through itself")
            return found
        if self.parent is not None and (self.wrt is None or self.wrt not in node.ancestors):
            value = lift(self.parent.get(node, indices), self.length)
        else:
            self.memo[key] = _BUSY
            try:
                value = node.compute(indices, self)
            finally:
                del self.memo[key]
        self.memo[key] = value
        return value

    def warm(self, nodes: Iterable[Node]) -> None:
        """Fill in deep graphs from below, so that recursion stays shallow however many layers there are."""
        for node in nodes:
            for step in node.steps:
                for indices in product(*(range(1, n + 1) for n in step.shape)):
                    self.get(step, indices)

    def solid(self) -> Frame:
        """The nearest frame in which nothing is held: a total derivative does not vary with a local one's variable."""
        frame = self
        while frame.parent is not None and frame.wrt is None:
            frame = frame.parent
        return frame

    def slope(self, moved: tuple[Node, tuple[int, ...]], run: Callable[[Frame], Any], *, total: bool = False) -> Any:
        """The derivative of `run` by the entry `moved`: all else held, or `total`, with what is downstream of it moving along."""
        value = self.get(*moved)

        def shifted(inner: Frame, eps: Any) -> Any:
            inner.memo[moved] = lift(value, inner.length) + eps
            return run(inner)

        return self.tangent(shifted, moved[0] if total else None)

    def tangent(self, run: Callable[[Frame, Any], Any], wrt: Node | None = None) -> Any:
        """The coefficient of eps of `run(inner frame, eps)`.

        The outer values are series in x of length n. With eps = x^n in series of length 2n,
        f(u + eps) - f(u) = x^n f'(u) + O(x^2n): so derivatives nest without a second variable.
        """
        n = self.length
        if 2 * n > CAP:
            raise Undecided("derivatives are nested too deep to be evaluated")
        result = run(Frame(self, 2 * n, wrt), arb_series([0] * n + [1], 2 * n))
        if n > 1:
            result = result - run(Frame(self, 2 * n, wrt), arb_series([], 2 * n))
        if not isinstance(result, arb_series):
            return arb(0)
        return result[1] if n == 1 else arb_series([result[i] for i in range(n, 2 * n)], n)
