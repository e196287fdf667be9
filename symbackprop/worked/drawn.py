"""The computational graph of a network with numbers on its lines."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from symbackprop.backprop import Named
from symbackprop.documents.blocks import Figure
from symbackprop.documents.drawn import MOST
from symbackprop.equations import Entry, Tensor
from symbackprop.evaluate.balls import ball, precision
from symbackprop.languages import Message
from symbackprop.lift import Layout
from symbackprop.network import Network
from symbackprop.pictures.graph import graph_drawing
from symbackprop.typeset import tree as t
from symbackprop.worked.lines import Printer
from symbackprop.worked.numbers import DIGITS, Number, Slope

__all__ = ["numbers_figure"]


def numbers_figure(
    net: Network, layout: Layout, named: Mapping[str, Named], slopes: Mapping[Tensor, Slope], printer: Printer
) -> list[Figure]:
    """The graph with the numbers that `printer` knows; none of a network with more equations than can be seen at once."""
    if len(net.equations) > MOST:
        return []

    def gradient(x: Entry) -> t.Node:
        if x == net.loss:
            return t.Number("1")
        slope = slopes[x.tensor]
        found, factor = printer.numbers[slope.at(x.indices)], Fraction(str(slope.factor))
        with precision(DIGITS):
            plain = Number(found.ball / ball(factor), None if found.fraction is None else found.fraction / factor)
        return printer.number_of(plain)[0]

    drawing = graph_drawing(net, layout, named).with_numbers(printer.value, gradient, {net.loss.tensor, *slopes})
    return [Figure(drawing, Message("The computational graph in numbers: values above the lines, their gradients below"))]
