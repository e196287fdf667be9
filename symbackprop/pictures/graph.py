"""A network as its computational graph: a node for each equation, what flows forward above the lines, what flows back below them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from symbackprop.backprop import Named
from symbackprop.equations import Abstract, Equation, Grad, Tensor, tensors
from symbackprop.lift import Layout
from symbackprop.network import Network
from symbackprop.pictures.gates import gate, taken
from symbackprop.pictures.layers import WIDEST, Gate, Wire, flow
from symbackprop.pictures.shapes import Picture
from symbackprop.typeset import tree as t
from symbackprop.typeset.build import Builder

__all__ = ["DOTS", "Drawing", "GraphDrawing", "unrolled"]

DOTS = Gate((t.Operator("cdots"),), framed=False)
"""The layers that are left out."""


class Drawing:
    """Something that can be drawn, in any notation."""

    def picture(self, builder: Builder) -> Picture:
        """The picture, its formulas laid out by `builder`."""
        raise NotImplementedError


@dataclass(frozen=True)
class GraphDrawing(Drawing):
    """The computational graph of a network; `layout` says how matrices are stored, `named` which gradients have letters.

    With `values` and `slopes` there are numbers on the lines, with letters only in front of them.
    """

    net: Network
    layout: Layout
    named: Mapping[str, Named] = field(default_factory=dict, hash=False)
    values: Mapping[Tensor, t.Node] = field(default_factory=dict, hash=False)
    slopes: Mapping[Tensor, t.Node] = field(default_factory=dict, hash=False)
    widest: float = WIDEST

    def picture(self, builder: Builder) -> Picture:
        """The gates from the inputs to the cost."""
        parts = [p for p in unrolled(self.net) if p is None or not _ends(p)]
        builder = builder.about(*(e.rhs for e in parts if e is not None))
        gates = [DOTS if e is None else self._gate(e, builder) for e in parts]
        made: dict[Tensor, int] = {}
        used: dict[Any, list[int]] = {}
        constants: list[tuple[Any, int]] = []
        for n, e in enumerate(parts):
            passed = _skipped(parts, n) if e is None else None
            for operand in taken(e) if e is not None else [passed[0]] if passed else []:
                if isinstance(operand, Tensor):
                    used.setdefault(operand, []).append(n)
                else:
                    constants.append((operand, n))
            if e is not None:
                made[e.tensor] = n
            elif passed:
                made[passed[1]] = n
        leading = _leading(self.net, parts)
        wires = [self._wire(x, made.get(x), tuple(used.get(x, ())), leading, builder) for x in dict.fromkeys((*used, *made))]
        wires += [Wire(None, (n,), builder.build(value), light=True) for value, n in constants]
        return flow(gates, wires, self.widest)

    def _gate(self, equation: Equation, builder: Builder) -> Gate:
        """The node of an equation; a formula says what it computes where there are only numbers on the lines."""
        found = gate(equation, builder, self.layout)
        if found.sign or not self.values:
            return found
        return Gate((t.row(builder.whole(equation.tensor), t.Operator("="), *found.lines),))

    def _wire(self, x: Tensor, source: int | None, targets: tuple[int, ...], leading: set[Tensor], builder: Builder) -> Wire:
        letter = builder.whole(x)
        parameter = x in self.net.parameters or (self.net.depth is not None and x.name in {p.name for p in self.net.parameters})
        given = x in self.net.targets or (x in self.net.inputs and not parameter)
        back = self._back(x, builder) if x in leading and not given else None
        light = parameter or x in self.net.targets
        if not self.values:
            return Wire(source, targets, letter, back, light=light)
        return Wire(source, targets, self.values.get(x, letter), back, letter, light)

    def _back(self, x: Tensor, builder: Builder) -> t.Node | None:
        """What flows back: a number, or the letter of the gradient; nothing where numbers are given, but none of it."""
        cost = self.net.loss.tensor
        if self.values:
            return self.slopes.get(x)
        if x == cost:
            return t.Number("1")
        name = self.named.get(x.name)
        return builder.whole(Grad(cost, x) if name is None else Tensor(name.symbol, x.shape, x.layer))


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


def _skipped(parts: Sequence[Equation | None], at: int) -> tuple[Tensor, Tensor] | None:
    """What the layers that are left out take, and what they make."""
    before, after = parts[at - 1], parts[at + 1]
    if before is None or after is None:
        return None
    return before.tensor, next(x for x in tensors(after.rhs) if x.name == before.tensor.name)


def _ends(equation: Equation) -> bool:
    """Whether an equation only says that what comes before it enters some cost."""
    return isinstance(equation.rhs, Abstract) and len(equation.rhs.arguments) == 1


def _leading(net: Network, parts: Sequence[Equation | None]) -> set[Tensor]:
    """What the cost depends on."""
    found = {net.loss.tensor, *(x for e in net.equations if _ends(e) for x in tensors(e.rhs))}
    for n in range(len(parts) - 1, -1, -1):
        e = parts[n]
        found |= set(_passing(parts, n, found)) if e is None else {x for x in tensors(e.rhs) if e.tensor in found}
    return found


def _passing(parts: Sequence[Equation | None], at: int, found: set[Tensor]) -> Iterator[Tensor]:
    skipped = _skipped(parts, at)
    if skipped is not None and skipped[1] in found:
        yield skipped[0]
