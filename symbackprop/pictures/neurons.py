"""A network of layers: its neurons with the weights between them, or a box for each layer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import hypot, inf

from symbackprop.equations import Abstract, Entry, Equation, Tensor, tensors
from symbackprop.errors import SpecError
from symbackprop.lift import Layout
from symbackprop.network import Network
from symbackprop.pictures.gates import right_side
from symbackprop.pictures.graph import DOTS, Drawing, unrolled
from symbackprop.pictures.layers import WIDEST, Gate, Wire, flow
from symbackprop.pictures.shapes import Box, Label, Line, Picture, Place, Shape, extent
from symbackprop.rules import ACTIVATIONS, LAYERS
from symbackprop.typeset import tree as t
from symbackprop.typeset.build import Builder

__all__ = ["LayersDrawing", "NeuronsDrawing", "Stage", "network_drawing", "stages"]

_LABELLED = 3  # neurons of a layer whose weights are all named
_DRAWN = 6  # neurons of a layer that are drawn at all
_SHOWN = 4  # layers that are drawn side by side; of more the inner ones are left out
_APART = 0.9  # between two neurons
_COLUMNS = 13.0  # from one layer to the next, with names on the lines
_PLAIN = 8.5  # without
_AROUND = 0.2  # between a line and the name that interrupts it
_NAMES = 1.75  # between two names
_STUB = 1.3  # length of the arrow of a bias


@dataclass(frozen=True)
class Stage:
    """A layer: the equation of its pre-activations and, if it has one, that of its activations."""

    joined: Equation
    activated: Equation | None

    @property
    def output(self) -> Tensor:
        """What the layer hands on."""
        return (self.activated or self.joined).tensor

    @property
    def parameters(self) -> tuple[Tensor, ...]:
        """The weights, and the biases if it has some."""
        return tuple(x for name in LAYERS[self.joined.rule].parameters for x in tensors(self.joined.rhs) if x.name == name)


def stages(net: Network) -> tuple[tuple[Stage | None, ...], tuple[Equation, ...]]:
    """The layers from the input on, None for those a network of any depth leaves open, and the equations of the cost.

    `SpecError` for a network that is no chain of layers.

    >>> from symbackprop.builders import mlp
    >>> [str(s.output) for s in stages(mlp([2, 3, 1]))[0]]
    ['a(1)', 'a(2)']
    """
    found: list[Stage | None] = []
    rest = unrolled(net)
    while rest and (rest[0] is None or _weighs(rest[0])):
        joined = rest.pop(0)
        if joined is None:
            found = [*found[:-1], None, found[-1], None] if found else [None]
            continue
        before = found[-1].output if found and found[-1] is not None else None
        if before is not None and before not in tensors(joined.rhs):
            raise _no_layers(net)
        found.append(Stage(joined, rest.pop(0) if rest and _activates(rest[0], joined.tensor) else None))
    cost = tuple(e for e in rest if e is not None)
    if not found or any(e.rule in ACTIVATIONS or e.rule in LAYERS for e in cost):
        raise _no_layers(net)
    return tuple(found), cost


def _weighs(equation: Equation) -> bool:
    return equation.tensor.rank > 0 and equation.rule in LAYERS and bool(LAYERS[equation.rule].parameters)


def _activates(equation: Equation | None, z: Tensor) -> bool:
    return equation is not None and equation.tensor.shape == z.shape and tensors(equation.rhs) == (z,)


def _no_layers(net: Network) -> SpecError:
    return SpecError(
        f"'{net.name}' is no chain of layers, each an affine one and an activation, so that it has no neurons to draw; "
        "its computational graph can be drawn: choose graph"
    )


def network_drawing(net: Network, layout: Layout) -> Drawing:
    """The picture that suits the size: neuron by neuron, or layer by layer. `SpecError` for a network that is no chain of layers."""
    found, _ = stages(net)
    widths = [s.output.shape[0] for s in found if s is not None] + [net.inputs[0].shape[0]]
    small = all(n.is_Integer and n <= _DRAWN for n in widths) and len(found) < _SHOWN
    return NeuronsDrawing(net) if small else LayersDrawing(net, layout)


# ---------------------------------------------------------------- a box for each layer


@dataclass(frozen=True)
class LayersDrawing(Drawing):
    """A box for each layer with its rule and its size, and one for the cost."""

    net: Network
    layout: Layout
    widest: float = WIDEST

    def picture(self, builder: Builder) -> Picture:
        """The boxes from the input to the cost; of many layers those in the middle are left out."""
        found, cost = stages(self.net)
        builder = builder.about(*(s.joined.rhs for s in found if s is not None))
        shown = (*found[:2], None, found[-1]) if len(found) > _SHOWN and None not in found else found
        gates = [Gate((self._space(self.net.inputs[0], builder),)), *(DOTS if s is None else self._box(s, builder) for s in shown)]
        if cost and not isinstance(cost[-1].rhs, Abstract):
            gates.append(Gate(tuple(self._line(e, builder) for e in cost)))
        wires = [Wire(n, (n + 1,)) for n in range(len(gates) - 1)]
        return flow(gates, [*wires, Wire(len(gates) - 1, ())], self.widest)

    def _box(self, stage: Stage, builder: Builder) -> Gate:
        lines = [self._line(e, builder) for e in (stage.joined, stage.activated) if e is not None]
        return Gate((*lines, self._space(stage.output, builder)))

    def _line(self, equation: Equation, builder: Builder) -> t.Node:
        if equation.rule in ACTIVATIONS:
            argument = next(iter(tensors(equation.rhs)))
            right: t.Node = t.row(builder.function_name(equation.rule), t.Fence(builder.whole(argument)))
        else:
            right = right_side(equation, builder, self.layout)
        return t.row(builder.whole(equation.tensor), t.Operator("="), right)

    def _space(self, tensor: Tensor, builder: Builder) -> t.Node:
        """The shape as it is stored."""
        axes = self.layout.axes(tensor)
        sizes = [tensor.shape[a] for a in axes if a is not None]
        return t.row(builder.whole(tensor), t.Operator("in"), t.Scripts(t.Symbol("R", "blackboard"), None, builder.shape(sizes)))


# ---------------------------------------------------------------- neuron by neuron


@dataclass(frozen=True)
class NeuronsDrawing(Drawing):
    """A circle for each input and each neuron, a line for each weight; in a small network its name stands in each line."""

    net: Network

    def picture(self, builder: Builder) -> Picture:
        """The columns from the input to the output."""
        found, _ = stages(self.net)
        layers = [s for s in found if s is not None]
        return _Neurons(self.net.inputs[0], layers, builder.about(*(s.joined.rhs for s in layers))).picture()


class _Neurons:
    def __init__(self, inputs: Tensor, layers: Sequence[Stage], builder: Builder) -> None:
        self.layers, self.builder = layers, builder
        self.columns = [_one(inputs), *(_one(s.output) for s in layers)]
        self.counts = [int(c.shape[0]) for c in self.columns]
        self.labelled = max(self.counts) <= _LABELLED
        names = [self._name(c, j) for c in range(len(self.columns)) for j in range(self.counts[c])]
        self.radius = max(max(extent(n)) for n in names) / 2 + 0.35
        self.across = _COLUMNS if self.labelled else _PLAIN
        biased = self.labelled and any(len(s.parameters) > 1 for s in layers)
        self.apart = max(2 * self.radius + _APART + (_STUB + 1.3 if biased else 0), _NAMES * (max(self.counts) + 1) if self.labelled else 0)

    def picture(self) -> Picture:
        """Lines first, the names on them, and the circles."""
        shapes: list[Shape] = []
        for n, stage in enumerate(self.layers):
            shapes += [s for j in range(self.counts[n + 1]) for k in range(self.counts[n]) for s in self._weight(n, stage, j, k)]
            if not self.labelled:
                shapes.append(self._together(n, stage))
            elif len(stage.parameters) > 1:
                shapes += [s for j in range(self.counts[n + 1]) for s in self._bias(n, stage, j)]
        for c, count in enumerate(self.counts):
            for j in range(count):
                shapes += [Box(self._at(c, j), 2 * self.radius, 2 * self.radius, True), Label(self._name(c, j), self._at(c, j))]
        for j in range(self.counts[-1]):
            x, y = self._at(len(self.columns) - 1, j)
            shapes.append(Line(((x + self.radius, y), (x + self.radius + 1.6, y)), arrow=True))
        return Picture(tuple(shapes))

    def _at(self, column: int, j: int) -> Place:
        return column * self.across, ((self.counts[column] - 1) / 2 - j) * self.apart

    def _name(self, column: int, j: int) -> t.Node:
        return self.builder.expr(Entry(self.columns[column], j + 1))

    def _weight(self, n: int, stage: Stage, j: int, k: int) -> Iterator[Shape]:
        (x0, y0), (x1, y1) = self._at(n, k), self._at(n + 1, j)
        length = hypot(x1 - x0, y1 - y0)
        dx, dy = (x1 - x0) / length * self.radius, (y1 - y0) / length * self.radius
        start, end = (x0 + dx, y0 + dy), (x1 - dx, y1 - dy)
        if not self.labelled:
            yield Line((start, end))
            return
        name = self.builder.expr(Entry(stage.parameters[0], j + 1, k + 1))
        part = 1 / (self.counts[n + 1] + 1)  # there the lines from all neurons pass at even distances
        x, y = x0 + part * (x1 - x0), y0 + part * (y1 - y0)
        wide, high = extent(name)
        gap = min((wide / 2 + _AROUND) / abs(dx), (high / 2 + _AROUND) / abs(dy) if dy else inf)
        yield Line((start, (x - gap * dx, y - gap * dy)))
        yield Label(name, (x, y))
        yield Line(((x + gap * dx, y + gap * dy), end), arrow=True)

    def _bias(self, n: int, stage: Stage, j: int) -> Iterator[Shape]:
        x, y = self._at(n + 1, j)
        foot = y - self.radius - _STUB
        yield Line(((x, foot), (x, y - self.radius)), arrow=True)
        name = self.builder.expr(Entry(stage.parameters[1], j + 1))
        yield Label(name, (x, foot - 0.2 - extent(name)[1] / 2))

    def _together(self, n: int, stage: Stage) -> Label:
        """The parameters of a layer below the lines."""
        foot = -(max(self.counts) - 1) / 2 * self.apart - self.radius - 0.9
        letters = t.join(map(self.builder.whole, stage.parameters), t.row(t.Operator("comma"), t.Space("thin")))
        return Label(letters, ((n + 0.5) * self.across, foot))


def _one(tensor: Tensor) -> Tensor:
    """The same quantity of one example."""
    return Tensor(tensor.name, tensor.shape[:1], tensor.layer) if tensor.rank > 1 else tensor
