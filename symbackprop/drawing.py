"""One picture by itself: a network by its neurons or its layers, or its computational graph, with numbers where there are some."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from symbackprop.documents.about_network import layout_of, letters_of, style_of
from symbackprop.documents.blocks import Figure
from symbackprop.documents.drawn import MOST
from symbackprop.errors import InputError, one_of
from symbackprop.network import Network
from symbackprop.notation import load_notation, with_cost_of
from symbackprop.pictures.graph import Drawing, GraphDrawing, graph_drawing
from symbackprop.pictures.neurons import network_drawing
from symbackprop.pictures.shapes import Picture
from symbackprop.pictures.svg import svg_file
from symbackprop.pictures.tikz import tikz
from symbackprop.pictures.typst import typst_picture
from symbackprop.specification import load_specification
from symbackprop.typeset.build import Builder
from symbackprop.worked import worked

__all__ = ["FORMATS", "KINDS", "graph_at", "picture", "picture_files"]

KINDS = ("graph", "network")

FORMATS: Mapping[str, Callable[[Picture, str], str]] = {
    "svg": svg_file,
    "tex": lambda picture, title: f"{tikz(picture)}\n",
    "typ": lambda picture, title: f"#{typst_picture(picture)}\n",
}


def picture(net: Network, kind: str = "graph", notation: str = "nielsen", values: Mapping[str, Any] | None = None, exact: bool = False) -> Picture:
    """The picture of a network, which shows itself in a notebook: `graph`, its computational graph, or `network`, its neurons or layers.

    `values` are arrays by name as `worked` takes them; then numbers stand on the lines of the graph, fractions if `exact`. Raises
    `UnknownName` for a kind or a notation, `SpecError` for the neurons of a network that is no chain of layers, `InputError` for
    numbers that do not fit or that no graph is drawn with.

    >>> from symbackprop.builders import mlp
    >>> wide, high = picture(mlp([2, 2, 1])).size
    >>> wide > high
    True
    """
    one_of("picture", kind, KINDS)
    chosen = load_notation(notation)
    net, style = with_cost_of(net, chosen), style_of(net, chosen)
    layout = layout_of(net, style)
    drawing: Drawing
    if values is not None:
        if kind != "graph":
            raise InputError("numbers stand on the lines of a computational graph: choose graph, or leave the values out")
        drawing = graph_at(net, values, notation, exact).drawing
    else:
        drawing = network_drawing(net, layout) if kind == "network" else graph_drawing(net, layout, letters_of(net, style))
    return drawing.picture(Builder(style, last=net.last_layer))


def graph_at(net: Network, values: Mapping[str, Any], notation: str = "nielsen", exact: bool = False) -> Figure:
    """The computational graph with numbers on its lines, for a document; every number was found in the ways `worked` finds it.

    Raises `InputError` for numbers that do not fit, and for more equations than can be seen at once.

    >>> from symbackprop.builders import mlp
    >>> drawing = graph_at(mlp([1, 1], bias=False), {"w1": [[2]], "x": [0], "y": [1]}).drawing
    >>> len(drawing.values), len(drawing.slopes)
    (6, 4)
    """
    notes = worked(net, values, exact=exact, notation=notation)
    for figure in (b for s in notes.sections for b in s.blocks if isinstance(b, Figure) and isinstance(b.drawing, GraphDrawing)):
        return figure
    raise InputError(f"numbers stand on graphs of up to {MOST} equations, and '{net.name}' has {len(net.equations)}; leave the values out")


def picture_files(spec: str | Path, kind: str = "graph", notation: str | None = None, formats: tuple[str, ...] = ("svg",)) -> dict[str, str]:
    """The picture of the network that a TOML file describes, by file name: graph.svg, graph.tex to be read in by `\\input`, graph.typ.

    The graph has numbers where the file gives `[values]`. Errors as in `picture` and `load_specification`, with the file named.
    """
    names = [one_of("format of a picture", name, FORMATS) for name in formats]
    one_of("picture", kind, KINDS)
    if notation is not None:
        load_notation(notation)
    described = load_specification(spec)
    chosen = next(name for name in (notation, described.notation, "nielsen") if name is not None)
    try:
        values = described.values if kind == "graph" and described.values else None
        found = picture(described.network, kind, chosen, values)
    except InputError as error:
        error.args = (f"{spec}: {error}",)
        raise
    return {f"{kind}.{name}": FORMATS[name](found, described.network.name) for name in names}
