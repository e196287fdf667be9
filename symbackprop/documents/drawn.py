"""The pictures of notes: a network by its neurons or its layers, and its computational graph."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from math import ceil

from symbackprop.backprop import Named
from symbackprop.documents.blocks import Figure
from symbackprop.errors import SpecError
from symbackprop.languages import Message
from symbackprop.lift import Layout
from symbackprop.network import Network
from symbackprop.pictures.graph import GraphDrawing, graph_drawing
from symbackprop.pictures.neurons import NeuronsDrawing, network_drawing

__all__ = ["MOST", "graph_figure", "network_figures"]

MOST = 16  # equations of a graph that is still read at one glance


def network_figures(net: Network, layout: Layout) -> list[Figure]:
    """The picture of a network: its neurons if they are few, else its layers; none for a network that is no chain of layers."""
    try:
        drawing = network_drawing(net, layout)
    except SpecError:
        return []
    small = isinstance(drawing, NeuronsDrawing)
    return [Figure(drawing, Message("The network, neuron by neuron") if small else Message("The network, layer by layer"))]


def graph_figure(net: Network, layout: Layout, named: Mapping[str, Named]) -> list[Figure]:
    """The computational graph of a network with its letters; in several pictures where its equations are more than can be seen at once."""
    caption = Message("The computational graph: values above the lines, their gradients below")
    if len(net.equations) <= MOST:
        return [Figure(graph_drawing(net, layout, named), caption)]
    pictures = ceil(len(net.equations) / MOST)
    ends = [len(net.equations) * n // pictures for n in range(pictures + 1)]
    more = Message("The computational graph, continued")
    return [Figure(GraphDrawing(net, layout, named, span=span), more if span[0] else caption) for span in pairwise(ends)]
