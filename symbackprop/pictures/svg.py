"""A picture as SVG: lines are paths, formulas are MathML; no script, nothing loaded."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from symbackprop.pictures.shapes import TONES, Box, Dot, Label, Line, Picture, Place, Shape, extent
from symbackprop.typeset.mathml import CSS, mathml

__all__ = ["svg", "svg_file"]

_EM = 16  # units of the drawing in an em: text smaller than a few pixels is not set well
_MATHML = "http://www.w3.org/1998/Math/MathML"
_INNER = "width:100%;height:100%;display:flex;align-items:center;justify-content:center;white-space:nowrap;line-height:1"


def svg(picture: Picture, title: str = "") -> str:
    """The picture as an element `svg` for a page; `title` is read to those who cannot see it.

    >>> from symbackprop.pictures.shapes import Dot
    >>> print(svg(Picture((Dot((0, 0)),)), "a dot"))
    <svg class="picture" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 14.72 14.72" width="0.92em" height="0.92em" role="img" \
aria-label="a dot" font-size="16" style="max-width:100%;height:auto">
    <circle class="ink" cx="7.36" cy="7.36" r="2.56" fill="currentColor"/>
    </svg>
    """
    return _element(picture, title, "em", "")


def svg_file(picture: Picture, title: str = "") -> str:
    """The picture as a file of its own, on white, with the style of its formulas."""
    style = f"<style>svg {{ color: #{TONES['ink']}; }}\n{CSS}</style>\n"
    ground = '<rect width="100%" height="100%" fill="#fff"/>\n'
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + _element(picture, title, "", style + ground) + "\n"


def _element(picture: Picture, title: str, unit: str, before: str) -> str:
    wide, high = picture.size
    scale = 1 if unit else _EM
    named = f' aria-label="{escape(title)}"' if title else ""
    opening = (
        f'<svg class="picture" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide * _EM:.6g} {high * _EM:.6g}" '
        f'width="{wide * scale:.6g}{unit}" height="{high * scale:.6g}{unit}" role="img"{named} font-size="{_EM}" style="max-width:100%;height:auto">'
    )
    drawn = "\n".join(map(_Page(picture).shape, picture.shapes))
    return f"{opening}\n{before}{drawn}\n</svg>"


class _Page:
    """Places of a picture as places of the drawing, whose y runs downwards."""

    def __init__(self, picture: Picture) -> None:
        self.left, self.top = picture.low[0], picture.high[1]

    def at(self, place: Place) -> tuple[str, str]:
        return f"{(place[0] - self.left) * _EM:.5g}", f"{(self.top - place[1]) * _EM:.5g}"

    def path(self, points: Sequence[Place]) -> str:
        return " ".join(",".join(self.at(p)) for p in points)

    def shape(self, shape: Shape) -> str:
        match shape:
            case Label():
                return self.label(shape)
            case Box(at, wide, _, True):
                x, y = self.at(at)
                return f'<circle class="node" cx="{x}" cy="{y}" r="{wide / 2 * _EM:.5g}" {_FRAME}/>'
            case Box(_, wide, high):
                (left, bottom), _ = shape.corners
                x, y = self.at((left, bottom + high))
                return f'<rect class="node" x="{x}" y="{y}" width="{wide * _EM:.5g}" height="{high * _EM:.5g}" rx="{0.3 * _EM:.4g}" {_FRAME}/>'
            case Line():
                dashes = ' stroke-dasharray="5 4"' if shape.dashed else ""
                stroke = f'fill="none" stroke="currentColor" stroke-width="{shape.thick * _EM:.4g}"{dashes}'
                drawn = f'<polyline {_toned(shape.tone)} points="{self.path(shape.shaft)}" {stroke}/>'
                head = f'<polygon {_toned(shape.tone)} points="{self.path(shape.head)}" fill="currentColor"/>'
                return drawn + head if shape.arrow else drawn
            case Dot(at, tone, radius):
                x, y = self.at(at)
                return f'<circle {_toned(tone)} cx="{x}" cy="{y}" r="{radius * _EM:.4g}" fill="currentColor"/>'

    def label(self, label: Label) -> str:
        wide, high = extent(label.node)
        formula = mathml(label.node, "inline").replace("<math", f'<math xmlns="{_MATHML}"', 1)  # a file of its own is XML
        x, y = self.at((label.at[0] - wide / 2, label.at[1] + high / 2))
        inner = f'<div xmlns="http://www.w3.org/1999/xhtml" style="{_INNER}">{formula}</div>'
        place = f'x="{x}" y="{y}" width="{wide * _EM:.5g}" height="{high * _EM:.5g}"'
        return f'<foreignObject {_toned(label.tone)} {place} overflow="visible">{inner}</foreignObject>'


_FRAME = f'fill="currentColor" fill-opacity="0.04" stroke="currentColor" stroke-width="{0.045 * _EM:.4g}"'


def _toned(tone: str) -> str:
    """The class by which a style sheet can choose another colour, and the colour."""
    return f'class="{tone}"' if tone == "ink" else f'class="{tone}" color="#{TONES[tone]}"'
