"""A picture as Typst: lines, curves and formulas put at their places, without any package."""

from __future__ import annotations

from collections.abc import Sequence

from symbackprop.pictures.shapes import TONES, Box, Dot, Label, Line, Picture, Place, Shape
from symbackprop.typeset.tree import Matrix
from symbackprop.typeset.typst import display, inline

__all__ = ["typst_picture"]

_LABEL = """\
let label(x, y, body) = place(dx: x, dy: y, context {
    let m = measure(body)
    place(dx: -m.width / 2, dy: -m.height / 2, body)
  })"""


def typst_picture(picture: Picture) -> str:
    """The picture as an expression of Typst, a box of its size; one em of the text around is one unit.

    >>> from symbackprop.pictures.shapes import Dot
    >>> print(typst_picture(Picture((Dot((0, 0)),))).splitlines()[0])
    box(width: 0.92em, height: 0.92em, {
    """
    wide, high = picture.size
    page = _Page(picture)
    lines = [f"box(width: {wide:.5g}em, height: {high:.5g}em, {{", '  set text(top-edge: "bounds", bottom-edge: "bounds")', f"  {_LABEL}"]
    return "\n".join([*lines, *(f"  {page.shape(s)}" for s in picture.shapes), "})"])


class _Page:
    """Places of a picture as places from the upper left corner of a box."""

    def __init__(self, picture: Picture) -> None:
        self.left, self.top = picture.low[0], picture.high[1]

    def at(self, place: Place) -> str:
        return ", ".join(self.both(place))

    def both(self, place: Place) -> tuple[str, str]:
        return f"{place[0] - self.left:.5g}em", f"{self.top - place[1]:.5g}em"

    def placed(self, place: Place, what: str) -> str:
        x, y = self.both(place)
        return f"place(dx: {x}, dy: {y}, {what})"

    def path(self, points: Sequence[Place], options: str, closed: bool = False) -> str:
        first, *rest = points
        parts = [f"curve.move(({self.at(first)}))", *(f"curve.line(({self.at(p)}))" for p in rest), *(["curve.close()"] if closed else [])]
        return f"place(curve({options}, {', '.join(parts)}))"

    def shape(self, shape: Shape) -> str:
        match shape:
            case Label(node, at, tone):
                formula = display(node) if isinstance(node, Matrix) else inline(node)  # in a line of text Typst makes a matrix small
                body = f"[{formula}]" if tone == "ink" else f"text(fill: {_colour(tone)})[{formula}]"
                return f"label({self.at(at)}, {body})"
            case Box(at, wide, _, True):
                corner = (at[0] - wide / 2, at[1] + wide / 2)
                return self.placed(corner, f"circle(radius: {wide / 2:.4g}em, {_FRAME})")
            case Box(at, wide, high):
                corner = (at[0] - wide / 2, at[1] + high / 2)
                return self.placed(corner, f"rect(width: {wide:.4g}em, height: {high:.4g}em, radius: 0.3em, {_FRAME})")
            case Line():
                dash = ", dash: (0.3em, 0.25em)" if shape.dashed else ""
                stroke = f"stroke: (paint: {_colour(shape.tone)}, thickness: {shape.thick:.4g}em{dash})"
                drawn = self.path(shape.shaft, stroke)
                return f"{drawn}; {self.path(shape.head, f'fill: {_colour(shape.tone)}', closed=True)}" if shape.arrow else drawn
            case Dot(at, tone, radius):
                corner = (at[0] - radius, at[1] + radius)
                return self.placed(corner, f"circle(radius: {radius:.4g}em, fill: {_colour(tone)})")


_FRAME = "fill: luma(96%), stroke: 0.045em"


def _colour(tone: str) -> str:
    return f'rgb("#{TONES[tone]}")'
