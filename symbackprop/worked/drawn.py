"""The computational graph of a network with numbers on its lines."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from symbackprop.backprop import Named
from symbackprop.documents.blocks import Figure
from symbackprop.equations import Entry, Tensor
from symbackprop.languages import Message
from symbackprop.lift import Layout
from symbackprop.network import Network
from symbackprop.pictures.graph import GraphDrawing
from symbackprop.typeset import tree as t
from symbackprop.worked.lines import Printer
from symbackprop.worked.numbers import Slope

__all__ = ["numbers_figure"]

_MOST = 16  # equations of a graph that is still read at one glance
_LONGEST = 4  # rows and columns of a matrix that stands above a line


def numbers_figure(
    net: Network, layout: Layout, named: Mapping[str, Named], slopes: Mapping[Tensor, Slope], printer: Printer
) -> list[Figure]:
    """The graph with the numbers that `printer` knows; none of a network with more equations than can be seen at once."""
    if len(net.equations) > _MOST:
        return []
    tensors = dict.fromkeys((*net.inputs, *net.parameters, *(e.tensor for e in net.equations), *net.targets))
    small = [x for x in tensors if x.rank <= 2 and all(n <= _LONGEST for n in x.shape)]
    values = {x: _array(x, layout, partial(Entry, x), printer) for x in small}
    backward = {x: _array(x, layout, lambda *place, slope=slopes[x]: slope.at(place), printer) for x in small if x in slopes}
    for x in backward:
        if slopes[x].factor != 1:
            backward[x] = t.row(printer.whole(slopes[x].entry.tensor), t.Operator("="), backward[x])
    caption = Message("The computational graph in numbers: values above the lines, their gradients below")
    return [Figure(GraphDrawing(net, layout, named, values, {net.loss.tensor: t.Number("1"), **backward}), caption)]


def _array(tensor: Tensor, layout: Layout, entry: Callable[..., Entry], printer: Printer) -> t.Node:
    """The numbers of a tensor, or of its gradient, as it is stored; that of a single entry without brackets."""
    axes = layout.axes(tensor)
    if all(n == 1 for n in tensor.shape):
        return printer.value(entry(*(1,) * tensor.rank))
    down, across = (1 if axis is None else int(tensor.shape[axis]) for axis in axes)
    places = [[{axes[0]: i, axes[1]: j} for j in range(1, across + 1)] for i in range(1, down + 1)]
    return t.Matrix(tuple(tuple(printer.value(entry(*(at[axis] for axis in range(tensor.rank)))) for at in row) for row in places))
