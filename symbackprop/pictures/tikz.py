"""A picture as TikZ, without any of its libraries: it stands in articles, in fragments and on slides."""

from __future__ import annotations

from collections.abc import Sequence

from symbackprop.pictures.shapes import TONES, Box, Dot, Label, Line, Picture, Place, Shape
from symbackprop.typeset.latex import inline

__all__ = ["tikz"]


def tikz(picture: Picture) -> str:
    """The picture as an environment `tikzpicture`; one em of the text around is one unit.

    >>> from symbackprop.pictures.shapes import Dot
    >>> print(tikz(Picture((Dot((0, 0)),))))
    \\begin{tikzpicture}[x=1em, y=1em]
    \\useasboundingbox (-0.46,-0.46) rectangle (0.46,0.46);
    \\fill (0,0) circle[radius=0.16];
    \\end{tikzpicture}
    """
    tones = {s.tone for s in picture.shapes if not isinstance(s, Box)} - {"ink"}
    colours = [rf"\definecolor{{sb{tone}}}{{HTML}}{{{TONES[tone].upper()}}}" for tone in TONES if tone in tones]
    lines = [r"\begin{tikzpicture}[x=1em, y=1em]", *colours]
    lines.append(rf"\useasboundingbox {_at(picture.low)} rectangle {_at(picture.high)};")
    return "\n".join([*lines, *map(_shape, picture.shapes), r"\end{tikzpicture}"])


def _shape(shape: Shape) -> str:
    match shape:
        case Label(node, at, tone):
            options = ", ".join(["inner sep=0pt", *_colour(tone)])
            return rf"\node[{options}] at {_at(at)} {{{inline(node)}}};"
        case Box(at, wide, _, True):
            return rf"\draw[line width=0.045em, fill=black!4] {_at(at)} circle[radius={wide / 2:.4g}];"
        case Box():
            low, high = shape.corners
            return rf"\draw[line width=0.045em, fill=black!4, rounded corners=0.3em] {_at(low)} rectangle {_at(high)};"
        case Line():
            dashes = ["dash pattern=on 0.3em off 0.25em"] if shape.dashed else []
            options = ", ".join([f"line width={shape.thick:.4g}em", *_colour(shape.tone), *dashes])
            drawn = rf"\draw[{options}] {_path(shape.shaft)};"
            return rf"{drawn} \fill{_options(shape.tone)} {_path(shape.head)} -- cycle;" if shape.arrow else drawn
        case Dot(at, tone, radius):
            return rf"\fill{_options(tone)} {_at(at)} circle[radius={radius:.4g}];"


def _colour(tone: str) -> list[str]:
    return [] if tone == "ink" else [f"sb{tone}"]


def _options(tone: str) -> str:
    return "" if tone == "ink" else f"[sb{tone}]"


def _path(points: Sequence[Place]) -> str:
    return " -- ".join(map(_at, points))


def _at(place: Place) -> str:
    return f"({place[0]:.4g},{place[1]:.4g})"
