"""What a picture is made of: boxes, lines, dots and labels at places in ems, x to the right and y upwards. Three printers draw it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from math import hypot
from typing import TypeAlias

from symbackprop.typeset.heights import height
from symbackprop.typeset.tree import Fraction, Matrix, Node
from symbackprop.typeset.widths import width

__all__ = ["TONES", "Box", "Dot", "Label", "Line", "Picture", "Place", "Shape", "below", "extent", "moved"]

Place: TypeAlias = tuple[float, float]

TONES = {"ink": "1a1a1a", "gradient": "a03030", "curve": "24508c", "faint": "808080"}
"""The colours by what they say; ink is that of the text around."""

_SMALL = 0.77  # a fraction in a line of text is set smaller than one on a line of its own
_BRACKETS = 0.5  # what the brackets of a matrix stand out above and below its rows, together
_TIP = 0.62  # length of the head of an arrow
_SIDE = 0.21  # half its width
_NOTCH = 0.45  # where the line meets it
_MARGIN = 0.3  # around the whole picture


@dataclass(frozen=True)
class Label:
    """A formula or a word centred at a place."""

    node: Node
    at: Place
    tone: str = "ink"

    @cached_property
    def corners(self) -> tuple[Place, ...]:
        """The lower left and the upper right corner of the room that it takes."""
        (x, y), (wide, high) = self.at, extent(self.node)
        return (x - wide / 2, y - high / 2), (x + wide / 2, y + high / 2)


@dataclass(frozen=True)
class Box:
    """A frame around a place, `wide` by `high`: a circle if `round`, otherwise a rectangle."""

    at: Place
    wide: float
    high: float
    round: bool = False

    @property
    def corners(self) -> tuple[Place, ...]:
        """The lower left and the upper right corner."""
        return (self.at[0] - self.wide / 2, self.at[1] - self.high / 2), (self.at[0] + self.wide / 2, self.at[1] + self.high / 2)


@dataclass(frozen=True)
class Line:
    """A line through places, with a head at its end if it is an arrow."""

    points: tuple[Place, ...]
    tone: str = "ink"
    arrow: bool = False
    dashed: bool = False
    thick: float = 0.045

    @property
    def corners(self) -> tuple[Place, ...]:
        """The places that it goes through, and the corners of its head."""
        return (*self.points, *self.head)

    @property
    def head(self) -> tuple[Place, ...]:
        """The corners of the head: the tip, one side, the notch, the other side; none if it is no arrow."""
        if not self.arrow:
            return ()
        (x0, y0), (x1, y1) = self.points[-2:]
        length = hypot(x1 - x0, y1 - y0)
        dx, dy = (x1 - x0) / length, (y1 - y0) / length
        x, y = x1 - _TIP * dx, y1 - _TIP * dy
        return (x1, y1), (x - _SIDE * dy, y + _SIDE * dx), (x1 - _NOTCH * dx, y1 - _NOTCH * dy), (x + _SIDE * dy, y - _SIDE * dx)

    @property
    def shaft(self) -> tuple[Place, ...]:
        """The places without the part that the head covers."""
        return (*self.points[:-1], self.head[2]) if self.arrow else self.points


@dataclass(frozen=True)
class Dot:
    """A filled circle at a place."""

    at: Place
    tone: str = "ink"
    radius: float = 0.16

    @property
    def corners(self) -> tuple[Place, ...]:
        """The lower left and the upper right corner."""
        (x, y), r = self.at, self.radius
        return (x - r, y - r), (x + r, y + r)


Shape: TypeAlias = Label | Box | Line | Dot


@dataclass(frozen=True)
class Picture:
    """Shapes in the order in which they are drawn.

    >>> Picture((Dot((0, 0)), Dot((3, 0)))).size
    (3.92, 0.92)
    """

    shapes: tuple[Shape, ...]

    @property
    def low(self) -> Place:
        """The lower left corner."""
        xs, ys = zip(*self._corners, strict=True)
        return round(min(xs) - _MARGIN, 2), round(min(ys) - _MARGIN, 2)

    @property
    def high(self) -> Place:
        """The upper right corner."""
        xs, ys = zip(*self._corners, strict=True)
        return round(max(xs) + _MARGIN, 2), round(max(ys) + _MARGIN, 2)

    @property
    def size(self) -> tuple[float, float]:
        """Width and height in ems."""
        (x0, y0), (x1, y1) = self.low, self.high
        return round(x1 - x0, 2), round(y1 - y0, 2)

    def _repr_html_(self) -> str:
        from symbackprop.pictures.svg import svg

        return svg(self)

    @cached_property
    def _corners(self) -> list[Place]:
        return [c for s in self.shapes for c in s.corners]


def extent(node: Node) -> tuple[float, float]:
    """The width and the height of a formula as it is set in a line of text, roughly."""
    if isinstance(node, Fraction):
        return _SMALL * width(node), _SMALL * height(node)
    if isinstance(node, Matrix):
        return width(node), height(node) + _BRACKETS
    return width(node), height(node)


def moved(shape: Shape, dx: float, dy: float) -> Shape:
    """The shape at another place.

    >>> moved(Dot((1, 2)), 1, -1).at
    (2, 1)
    """
    if isinstance(shape, Line):
        return replace(shape, points=tuple((x + dx, y + dy) for x, y in shape.points))
    return replace(shape, at=(shape.at[0] + dx, shape.at[1] + dy))


def below(pictures: Iterable[Picture], apart: float) -> Picture:
    """Pictures one below the other, their left sides in line.

    >>> below([Picture((Dot((0, 0)),)), Picture((Dot((5, 5)),))], 1.0).size
    (0.92, 2.84)
    """
    return Picture(tuple(_stacked(pictures, apart)))


def _stacked(pictures: Iterable[Picture], apart: float) -> Iterator[Shape]:
    top = 0.0
    for picture in pictures:
        dx, dy = -picture.low[0], top - picture.high[1]
        yield from (moved(s, dx, dy) for s in picture.shapes)
        top -= picture.size[1] + apart
