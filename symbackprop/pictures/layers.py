"""Gates joined by wires, drawn from left to right: what is computed first stands first, and long drawings go on on the next line.

A wire carries a quantity. On the way from its source its letter or number stands above it, what flows back below it; where it
has more than one target it parts at a dot. Between two columns of gates there is room first for these labels, then for the lines
that part, so that no line crosses a label.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import hypot

from symbackprop.pictures.ordering import ordered, settled
from symbackprop.pictures.shapes import Box, Dot, Label, Line, Picture, Place, Shape, below, extent
from symbackprop.typeset.tree import Node

__all__ = ["WIDEST", "Gate", "Wire", "flow"]

WIDEST = 48.0  # ems; a page has a few less, and a picture that is a little too wide is made smaller
_ABOVE = 0.28  # between a line and what stands above it
_BACK = 0.38  # between a line and the arrow that goes back
_AIR = 0.2  # between two labels
_LINES = 0.35  # between the lines in a box
_PORTS = 0.62  # between two arrows that arrive at one side of a box
_LEVEL = 0.05  # heights that differ by less are one
_SYSTEMS = 1.6  # between a line of the drawing and the next


@dataclass(frozen=True)
class Gate:
    """A node with its formulas, one below the other: in a circle where it is one sign, without a frame where it stands for what is left out.

    `sign` says that its formula is that of a single operation.
    """

    lines: tuple[Node, ...]
    round: bool = False
    framed: bool = True
    sign: bool = False

    @cached_property
    def size(self) -> tuple[float, float]:
        """Width and height."""
        wide, high = max(extent(line)[0] for line in self.lines), sum(self.heights)
        if self.round:
            return (max(wide + 0.7, 1.9),) * 2
        return (wide + 1.0, max(high + 0.8, 1.9)) if self.framed else (wide + 0.4, 1.0)

    @property
    def heights(self) -> tuple[float, ...]:
        """The room of each line."""
        more = _LINES if len(self.lines) > 1 else 0.0
        return tuple(extent(line)[1] + more for line in self.lines)

    def labels(self, at: Place) -> Iterator[Label]:
        """The lines around the middle of the node."""
        top = at[1] + sum(self.heights) / 2
        for line, high in zip(self.lines, self.heights, strict=True):
            yield Label(line, (at[0], top - high / 2))
            top -= high


@dataclass(frozen=True)
class Wire:
    """A quantity on its way from the gate that makes it, if one does, to those that use it.

    `name` stands before a wire that comes from no gate of its line; `light` is one that need not be straight, as that of a parameter.
    """

    source: int | None
    targets: tuple[int, ...]
    above: Node | None = None
    back: Node | None = None
    name: Node | None = None
    light: bool = False


def flow(gates: Sequence[Gate], wires: Sequence[Wire], widest: float = WIDEST) -> Picture:
    """The picture of gates joined by wires, in as many lines as the width asks for."""
    return below(_lines(gates, wires, widest), _SYSTEMS)


def _lines(gates: Sequence[Gate], wires: Sequence[Wire], widest: float) -> Iterator[Picture]:
    """Each line with as many columns as fit, as words stand on a page; it has one in any case."""
    columns = _columns(gates, wires)
    first, last = 1, max(columns)
    while first <= last:
        line = _Line(gates, wires, columns, first, first).picture()
        end = first + 1
        while end <= last and (longer := _Line(gates, wires, columns, first, end).picture()).size[0] <= widest:
            line, end = longer, end + 1
        yield line
        first = end


def _columns(gates: Sequence[Gate], wires: Sequence[Wire]) -> list[int]:
    """The column of each gate: one behind the last of those it waits for; gates stand in the order in which they can be computed."""
    columns = [1] * len(gates)
    for n in range(len(gates)):
        before = [columns[w.source] for w in wires if n in w.targets and w.source is not None]
        columns[n] = 1 + max(before, default=0)
    return columns


@dataclass(frozen=True)
class _Item:
    """What stands in a column on one height: a gate, the start of a wire that comes from elsewhere, or a wire passing through."""

    column: int
    gate: int | None
    wire: int | None


class _Line:
    """One line of the drawing: the gates of the columns from `low` to `high`."""

    def __init__(self, gates: Sequence[Gate], wires: Sequence[Wire], columns: Sequence[int], low: int, high: int) -> None:
        self.gates, self.wires, self.columns, self.low, self.high = gates, wires, columns, low, high
        self.items: list[_Item] = []
        self.links: list[tuple[int, int]] = []
        made = {w.source: n for n, w in enumerate(wires)}
        at = {g: self._add(_Item(c, g, made.get(g))) for g, c in enumerate(columns) if low <= c <= high}
        for n, w in sorted(enumerate(wires), key=lambda pair: pair[1].light):
            targets = sorted({g for g in w.targets if g in at}, key=lambda g: columns[g])
            if not targets:
                continue
            here = at[w.source] if w.source in at else self._add(_Item(columns[targets[0]] - 1, None, n))
            for c in range(self.items[here].column + 1, columns[targets[-1]] + 1):
                self.links += [(here, at[g]) for g in targets if columns[g] == c]
                if c < columns[targets[-1]]:
                    through = self._add(_Item(c, None, n))
                    self.links.append((here, through))
                    here = through
        self.starts = {i for i, item in enumerate(self.items) if item.gate is None and not any(b == i for _, b in self.links)}
        rows = [[i for i, item in enumerate(self.items) if item.column == c] for c in range(low - 1, high + 1)]
        self.rows = ordered(rows, self.links)
        light = frozenset(i for i in self.starts if wires[self._wire(i)].light)
        self.y = settled(self.rows, self.links, {i: self._rooms(i) for i in range(len(self.items))}, light)

    def _add(self, item: _Item) -> int:
        self.items.append(item)
        return len(self.items) - 1

    def _wire(self, i: int) -> int:
        number = self.items[i].wire
        if number is None:
            raise ValueError("a gate makes nothing")
        return number

    def _labelled(self, i: int) -> Wire | None:
        """The wire whose labels stand behind an item."""
        item = self.items[i]
        return self.wires[item.wire] if item.wire is not None and (item.gate is not None or i in self.starts) else None

    def _rooms(self, i: int) -> tuple[float, float]:
        """The room above and below an item, that of its labels included."""
        item, wire = self.items[i], self._labelled(i)
        half = self.gates[item.gate].size[1] / 2 if item.gate is not None else 0.3
        above = _ABOVE + extent(wire.above)[1] if wire is not None and wire.above is not None else 0
        under = _BACK + _ABOVE + extent(wire.back)[1] if wire is not None and wire.back is not None else 0
        return max(half, above) + _AIR, max(half, under) + _AIR

    def _wide(self, i: int) -> float:
        item = self.items[i]
        if item.gate is not None:
            return self.gates[item.gate].size[0]
        wire = self._labelled(i)
        return extent(wire.name)[0] + 0.35 if wire is not None and wire.name is not None else 0.0

    # ------------------------------------------------------------ places

    def picture(self) -> Picture:
        """The line drawn."""
        shapes: list[Shape] = []
        for i in range(len(self.items)):
            shapes += self._item(i)
        return Picture(tuple(shapes))

    @cached_property
    def _across(self) -> list[tuple[float, float, float]]:
        """Of each column the left side, the right side, and where the wires behind it part."""
        found, left = [], 0.0
        for column in self.rows:
            right = left + max((self._wide(i) for i in column), default=0.0)
            end = right + max((self._stem(i) for i in column), default=0.0)
            found.append((left, right, end))
            steepest = max((abs(self.y[a] - self.y[b]) for a, b in self.links if a in column), default=0.0)
            left = end + (0.8 if steepest < _LEVEL else min(1.6 + 0.22 * steepest, 4.0))
        return found

    def _stem(self, i: int) -> float:
        wire = self._labelled(i)
        nodes = [n for n in (wire.above, wire.back) if n is not None] if wire is not None else []
        return max([0.8, *(extent(n)[0] + 0.7 for n in nodes)])

    def _sides(self, i: int) -> tuple[float, float, float]:
        return self._across[self.items[i].column - self.low + 1]

    def _item(self, i: int) -> Iterator[Shape]:
        """A gate, the wire behind it with its labels, and the lines in which it parts."""
        item, y = self.items[i], self.y[i]
        left, right, end = self._sides(i)
        begin = right if i in self.starts else left
        if item.gate is not None:
            gate, at = self.gates[item.gate], ((left + right) / 2, y)
            begin = at[0] + gate.size[0] / 2
            if gate.framed:
                yield Box(at, *gate.size, gate.round)
            yield from gate.labels(at)
        onward = [b for a, b in self.links if a == i]
        if len(onward) > 1:
            yield Line(((begin, y), (end, y)))
            yield Dot((end, y))
        for b in onward:
            before = () if len(onward) > 1 else ((begin, y),)
            yield Line(_plain((*before, (end, y), *self._landing(i, b))), arrow=self._is_framed(b))
        if item.wire is not None and not onward:
            yield Line(((begin, y), (end + 0.6, y)), arrow=True)
        yield from self._labels(i)

    def _is_framed(self, i: int) -> bool:
        gate = self.items[i].gate
        return gate is not None and self.gates[gate].framed

    def _labels(self, i: int) -> Iterator[Shape]:
        wire, y = self._labelled(i), self.y[i]
        _, right, end = self._sides(i)
        if wire is None:
            return
        middle = (right + end) / 2
        if wire.name is not None and i in self.starts:
            yield Label(wire.name, (right - extent(wire.name)[0] / 2 - 0.25, y))
        if wire.above is not None:
            yield Label(wire.above, (middle, y + _ABOVE + extent(wire.above)[1] / 2))
        if wire.back is not None:
            yield Line(((end - 0.2, y - _BACK), (right + 0.2, y - _BACK)), "gradient", arrow=True)
            yield Label(wire.back, (middle, y - _BACK - _ABOVE - extent(wire.back)[1] / 2), "gradient")

    def _landing(self, a: int, b: int) -> tuple[Place, ...]:
        """Where a line meets what it leads to: a circle on the way to its middle; a box side by side with others, a straight one staying so."""
        left, right, _ = self._sides(b)
        y, gate = self.y[b], self.items[b].gate
        if gate is None:
            return ((left, y),)
        wide, high = self.gates[gate].size
        x = (left + right) / 2
        if self.gates[gate].round:
            from_x, from_y = self._sides(a)[2], self.y[a]
            length = hypot(x - from_x, y - from_y)
            return ((x - wide / 2 * (x - from_x) / length, y - wide / 2 * (y - from_y) / length),)
        others = sorted((self.y[c] for c, d in self.links if d == b), reverse=True)
        straight = [n for n, v in enumerate(others) if abs(v - y) < _LEVEL]
        middle = straight[0] if straight else (len(others) - 1) / 2
        farthest = max(middle, len(others) - 1 - middle, 1)
        return ((x - wide / 2, y + (middle - others.index(self.y[a])) * min(_PORTS, (high / 2 - 0.3) / farthest)),)


def _plain(points: Sequence[Place]) -> tuple[Place, ...]:
    """The points without those that stand between two others on one height."""
    return tuple(p for n, p in enumerate(points) if n in (0, len(points) - 1) or not points[n - 1][1] == p[1] == points[n + 1][1])
