"""A network as its computational graph: a node for each equation, what flows forward above the lines, what flows back below them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any, cast

from symbackprop.backprop import Named
from symbackprop.elements import instances, places, written_out
from symbackprop.equations import Abstract, Entry, Equation, Grad, Tensor, entries, tensors
from symbackprop.lift import Layout
from symbackprop.network import Network
from symbackprop.pictures.gates import gate, taken
from symbackprop.pictures.layers import WIDEST, Gate, Wire, flow
from symbackprop.pictures.shapes import Picture
from symbackprop.typeset import tree as t
from symbackprop.typeset.build import Builder

__all__ = ["DOTS", "Drawing", "ElementsDrawing", "GraphDrawing", "graph_drawing", "unrolled"]

_FEW = 26  # entries of all quantities that are drawn one by one
_READABLE = 0.5  # of its size
_LONGEST = 4  # rows and columns of a matrix that stands above a line

DOTS = Gate((t.Operator("cdots"),), framed=False)
"""The layers that are left out."""


class Drawing:
    """Something that can be drawn, in any notation."""

    def picture(self, builder: Builder) -> Picture:
        """The picture, its formulas laid out by `builder`."""
        raise NotImplementedError

    def fitted(self, builder: Builder, room: tuple[float, float]) -> Picture:
        """The picture for a room of so many ems; it is made smaller where it is larger."""
        return self.picture(builder)


@dataclass(frozen=True)
class GraphDrawing(Drawing):
    """The computational graph of a network; `layout` says how matrices are stored, `named` which gradients have letters.

    With `values` and `slopes` there are numbers on the lines, with letters only in front of them. `span` is the part that is drawn, from one
    node to before another; what flows into it and out of it stands at its sides.
    """

    net: Network
    layout: Layout
    named: Mapping[str, Named] = field(default_factory=dict, hash=False)
    values: Mapping[Any, t.Node] = field(default_factory=dict, hash=False)
    slopes: Mapping[Any, t.Node] = field(default_factory=dict, hash=False)
    widest: float = WIDEST
    span: tuple[int, int | None] = (0, None)

    def picture(self, builder: Builder) -> Picture:
        """The gates from the inputs to the cost."""
        every = [p for p in self.parts() if p is None or not _ends(p)]
        parts = every[slice(*self.span)]
        builder = builder.about(*(e.rhs for e in parts if e is not None))
        gates = [DOTS if e is None else self._gate(e, builder) for e in parts]
        made: dict[Any, int] = {}
        used: dict[Any, list[int]] = {}
        for n, e in enumerate(parts):
            takes, makes = (self.takes(e), self.makes(e)) if e is not None else _skipped(parts, n)
            made[makes] = n
            for operand in takes:
                used.setdefault(operand, []).append(n)
        leading = _leading(self.net, every)
        wires = [self._wire(x, made.get(x), tuple(used.get(x, ())), leading, builder) for x in dict.fromkeys((*used, *made)) if not x.is_Number]
        wires += [Wire(None, (n,), builder.build(x), light=True) for x in used if x.is_Number for n in used[x]]
        return flow(gates, wires, self.widest)

    def parts(self) -> list[Equation | None]:
        """The equations that are drawn, None for what is left out."""
        return unrolled(self.net)

    def takes(self, equation: Equation) -> tuple[Any, ...]:
        """The quantities, and the numbers of a single operation, that a gate takes."""
        single = taken(equation)
        return tensors(equation.rhs) if single is None else tuple(x.tensor if isinstance(x, Entry) else x for x in single)

    def makes(self, equation: Equation) -> Any:
        """The quantity that a gate makes."""
        return equation.tensor

    def letter(self, x: Any, builder: Builder) -> t.Node:
        """What a quantity is called."""
        return builder.whole(x)

    def gradient(self, x: Any, builder: Builder) -> t.Node:
        """What its gradient is called."""
        name = self.named.get(x.name)
        return builder.whole(Grad(self.net.loss.tensor, x) if name is None else Tensor(name.symbol, x.shape, x.layer))

    def node(self, equation: Equation, builder: Builder) -> Gate:
        """The node of an equation, its formula in matrix form."""
        return gate(equation, builder, self.layout)

    def with_numbers(self, value: Callable[[Entry], t.Node], slope: Callable[[Entry], t.Node], sloping: Collection[Tensor]) -> GraphDrawing:
        """The same with the number of each entry on the lines, and of its gradient where it is one of `sloping`; large matrices keep their letter."""
        small = [x for x in _quantities(self.net) if x.rank <= 2 and all(n <= _LONGEST for n in x.shape)]
        values = {x: _array(x, self.layout, value) for x in small}
        return replace(self, values=values, slopes={x: _array(x, self.layout, slope) for x in small if x in sloping})

    def _gate(self, equation: Equation, builder: Builder) -> Gate:
        """The node of an equation; a formula says what it computes where there are only numbers on the lines."""
        found = self.node(equation, builder)
        if found.sign or not self.values:
            return found
        return Gate((t.row(self.letter(self.makes(equation), builder), t.Operator("="), *found.lines),))

    def _wire(self, x: Any, source: int | None, targets: tuple[int, ...], leading: set[Tensor], builder: Builder) -> Wire:
        tensor, letter = x.tensor if isinstance(x, Entry) else x, self.letter(x, builder)
        parameter = tensor in self.net.parameters or (self.net.depth is not None and tensor.name in {p.name for p in self.net.parameters})
        given = tensor in self.net.targets or (tensor in self.net.inputs and not parameter)
        light = parameter or tensor in self.net.targets
        if self.values:
            return Wire(source, targets, self.values.get(x, letter), self.slopes.get(x), letter, light)
        back = None if given or tensor not in leading else t.Number("1") if tensor == self.net.loss.tensor else self.gradient(x, builder)
        return Wire(source, targets, letter, back, light=light)


@dataclass(frozen=True)
class ElementsDrawing(GraphDrawing):
    """The computational graph of a small network entry by entry, every sum written out; `coarser` is what a smaller room is given."""

    coarser: Drawing | None = None

    def fitted(self, builder: Builder, room: tuple[float, float]) -> Picture:
        """The picture, or the coarser one where this could not be read any more."""
        found = self.picture(builder)
        scale = min(most / size for most, size in zip(room, found.size, strict=True))
        return found if scale >= _READABLE or self.coarser is None else self.coarser.fitted(builder, room)

    def parts(self) -> list[Equation | None]:
        """The equations for every value of their indices."""
        return [replace(e, rhs=written_out(e.rhs)) for equation in self.net.equations for e in instances(equation)]

    def takes(self, equation: Equation) -> tuple[Any, ...]:
        """The entries, and the numbers of a single operation."""
        single = taken(equation)
        return tuple(dict.fromkeys(entries(equation.rhs))) if single is None else single

    def makes(self, equation: Equation) -> Any:
        """The entry on the left."""
        return equation.lhs

    def letter(self, x: Any, builder: Builder) -> t.Node:
        """An entry with its indices."""
        return builder.expr(x)

    def gradient(self, x: Any, builder: Builder) -> t.Node:
        """The derivative of the cost by an entry."""
        name = self.named.get(x.tensor.name)
        by = Grad(self.net.loss.tensor, x.tensor) if name is None else Tensor(name.symbol, x.tensor.shape, x.tensor.layer)
        return builder.expr(Entry(by, *x.indices))

    def node(self, equation: Equation, builder: Builder) -> Gate:
        """The node of an equation, its formula as it is written out."""
        return gate(equation, builder, None)

    def with_numbers(self, value: Callable[[Entry], t.Node], slope: Callable[[Entry], t.Node], sloping: Collection[Tensor]) -> GraphDrawing:
        """The same with a number for each entry."""
        every = [x for tensor in _quantities(self.net) for x in places(tensor)]
        coarser = GraphDrawing(self.net, self.layout, self.named).with_numbers(value, slope, sloping)
        return replace(self, values={x: value(x) for x in every}, slopes={x: slope(x) for x in every if x.tensor in sloping}, coarser=coarser)


def graph_drawing(net: Network, layout: Layout, named: Mapping[str, Named]) -> GraphDrawing:
    """The graph that suits the size: entry by entry if there are few, else with a node for each equation.

    >>> from symbackprop.builders import mlp
    >>> from symbackprop.lift import layout
    >>> [type(graph_drawing(mlp([n, 2, 1]), layout(), {})).__name__ for n in (2, 20)]
    ['ElementsDrawing', 'GraphDrawing']
    """
    sizes = [x.shape for x in _quantities(net)]
    few = net.depth is None and all(n.is_Integer for shape in sizes for n in shape) and sum(prod(map(int, shape)) for shape in sizes) <= _FEW
    vectors = few and any(sizes) and not any(e.tensor.rank > 1 or e.rhs.has(Abstract) for e in net.equations)
    whole = GraphDrawing(net, layout, named)
    return ElementsDrawing(net, layout, named, coarser=whole) if vectors else whole


def _quantities(net: Network) -> list[Tensor]:
    return list(dict.fromkeys((*net.inputs, *net.parameters, *(e.tensor for e in net.equations), *net.targets)))


def _array(tensor: Tensor, layout: Layout, number: Callable[[Entry], t.Node]) -> t.Node:
    """The numbers of a tensor, or of its gradient, as it is stored; that of a single entry without brackets."""
    every = list(places(tensor))
    if len(every) == 1:
        return number(every[0])
    axes = layout.axes(tensor)
    rows: dict[Any, list[t.Node]] = {}
    for entry in sorted(every, key=lambda e: [1 if axis is None else int(e.indices[axis]) for axis in axes]):
        rows.setdefault(1 if axes[0] is None else entry.indices[axes[0]], []).append(number(entry))
    return t.Matrix(tuple(map(tuple, rows.values())))


def unrolled(net: Network) -> list[Equation | None]:
    """The equations in their order; of a network of any depth those of layer l, of the last layer, and None for what is left out between.

    >>> from symbackprop.builders import deep
    >>> [None if e is None else str(e.lhs) for e in unrolled(deep())]
    ['z(l)[j]', 'a(l)[j]', None, 'z(L)[j]', 'a(L)[j]', 'C']
    """
    layered = [e for e in net.equations if e.layers is not None]
    if not layered:
        return list(net.equations)
    last = [e.at_layer(net.depth) for e in layered if e.layers is not None and e.layers.high == net.depth]
    return [*(replace(e, layers=None) for e in layered), None, *last, *(e for e in net.equations if e.layers is None)]


def _skipped(parts: Sequence[Equation | None], at: int) -> tuple[tuple[Tensor, ...], Tensor]:
    """What the layers that are left out take, and what they make."""
    before, after = cast(Equation, parts[at - 1]), cast(Equation, parts[at + 1])
    return (before.tensor,), next(x for x in tensors(after.rhs) if x.name == before.tensor.name)


def _ends(equation: Equation) -> bool:
    """Whether an equation only says that what comes before it enters some cost."""
    return isinstance(equation.rhs, Abstract) and len(equation.rhs.arguments) == 1


def _leading(net: Network, parts: Sequence[Equation | None]) -> set[Tensor]:
    """What the cost depends on."""
    found = {net.loss.tensor, *(x for e in net.equations if _ends(e) for x in tensors(e.rhs))}
    for n, e in reversed(list(enumerate(parts))):
        takes, makes = (tensors(e.rhs), e.tensor) if e is not None else _skipped(parts, n)
        found |= set(takes) if makes in found else set()
    return found
