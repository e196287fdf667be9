"""Gradient descent in one variable: the curve of the cost, tangents at the starts, and the steps that lead down from both sides.

A step goes sideways, by the rate times the slope, and then down to the curve.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from math import hypot
from typing import Any

from sympy import Rational

from symbackprop.equations import Equation, Partial
from symbackprop.pictures.graph import Drawing
from symbackprop.pictures.shapes import Dot, Label, Line, Picture, Place, Shape, extent
from symbackprop.typeset import tree as t
from symbackprop.typeset.build import Builder

__all__ = ["DescentDrawing"]

_WIDE, _HIGH = 24.0, 15.0
_TANGENT = 7.0  # length of a tangent below its point; a third of it stands above
_TICK = 0.25
_POINTS = 60
_SHORTEST = 1.0  # a step that is shorter than the head of its arrow is seen by its points


@dataclass(frozen=True)
class DescentDrawing(Drawing):
    """The curve of an `equation` J = ... over one variable `w` from `low` to `high`, its derivative `slope`, and steps of gradient descent.

    Each of `paths` is a start and the places that follow.
    """

    equation: Equation
    w: Any
    slope: Any
    paths: tuple[tuple[Any, ...], ...]
    low: Any
    high: Any

    def picture(self, builder: Builder) -> Picture:
        """Axes, curve, tangents, points and steps."""
        return Picture(tuple(self._shapes(builder)))

    def value(self, w: Any) -> float:
        """The height of the curve."""
        return float(self.equation.rhs.subs(self.w, w))

    def _at(self, w: Any) -> Place:
        return float((w - self.low) / (self.high - self.low)) * _WIDE, self.value(w) / self._top * _HIGH

    @property
    def _top(self) -> float:
        return max(self.value(self.low), self.value(self.high))

    def _shapes(self, builder: Builder) -> Iterator[Shape]:
        variable, cost = builder.build(self.w), builder.build(self.equation.lhs)
        yield Line(((-0.6, 0), (_WIDE + 1, 0)), arrow=True)
        yield Line(((0, -0.6), (0, _HIGH + 1)), arrow=True)
        yield Label(variable, (_WIDE + 1.3 + extent(variable)[0] / 2, 0))
        yield Label(cost, (0, _HIGH + 1.3 + extent(cost)[1] / 2))
        grid = [self.low + (self.high - self.low) * Rational(n, _POINTS) for n in range(_POINTS + 1)]
        yield Line(tuple(map(self._at, grid)), "curve", thick=0.08)
        for path in self.paths:
            yield from self._start(path[0], builder)
            for a, b in pairwise(path):
                (x0, y0), (x1, y1) = self._at(a), self._at(b)
                if abs(x1 - x0) > _SHORTEST:
                    yield Line(((x1, y0), (x1, y1)), "faint", dashed=True)
                    yield Line(((x0, y0), (x1, y0)), "gradient", arrow=True, thick=0.07)
            yield from (Dot(self._at(w), "gradient") for w in path)

    def _start(self, w: Any, builder: Builder) -> Iterator[Shape]:
        """The start marked on the axis, the tangent there, and above the first step the sign of the slope."""
        x, y = self._at(w)
        value = builder.build(w)
        yield Line(((x, 0), (x, y)), "faint", dashed=True)
        yield Line(((x, -_TICK), (x, _TICK)))
        yield Label(value, (x, -_TICK - 0.3 - extent(value)[1] / 2))
        slope = float(self.slope.subs(self.w, w))
        rise = slope * (_HIGH / self._top) / (_WIDE / float(self.high - self.low))
        run = _TANGENT / hypot(1, rise) * (1 if rise > 0 else -1)
        yield Line(((x - run, y - rise * run), (x + run / 3, y + rise * run / 3)))
        sign = t.row(builder.build(Partial(self.equation.lhs, self.w)), t.Operator("lt" if slope < 0 else "gt"), t.Number("0"))
        aside = extent(sign)[0] / 2 + 0.5
        yield Label(sign, (x + (aside if slope < 0 else -aside), y + 0.5 + extent(sign)[1] / 2))
