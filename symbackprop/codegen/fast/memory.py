"""Which array each result is written to: in place where an operand is used for the last time, else one that has become free."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from math import prod
from typing import Any

import numpy as np

from symbackprop.codegen.fast.graph import CALL, VIEWS, Graph, Node
from symbackprop.codegen.fast.operations import is_ufunc, written_into

__all__ = ["Memory", "laid_out", "side_by_side"]

_LINE = 64  # bytes that a processor fetches at once, and the longest vector that it computes with


@dataclass
class Memory:
    """The arrays of a workspace, and the one that holds the result of each place; a place without one makes an array of its own."""

    arrays: dict[str, tuple[tuple[Any, ...], str]] = field(default_factory=dict)
    of: dict[int, str] = field(default_factory=dict)


def laid_out(graph: Graph, order: Sequence[int], results: dict[int, str], kept: Collection[int]) -> Memory:
    """The memory of the places in `order`; `results` are written to arrays of their own, `kept` are needed to the end.

    >>> graph = Graph()
    >>> x = graph.put(Node("name", (), "x", (3,), 2))
    >>> y = graph.make("call", x, data="exp")
    >>> z = graph.make("call", y, data="tanh")
    >>> laid_out(graph, [x, y, z], {}, [z]).of
    {1: 'B0', 2: 'B0'}
    """
    memory = Memory()
    last = _last_uses(graph, order, kept)
    free: dict[tuple[tuple[Any, ...], str], list[str]] = {}
    for position, place in enumerate(order):
        node = graph[place]
        if node.level < CALL or not written_into(graph, node):
            continue
        operands = {_root(graph, a): a for a in node.args}
        dying = [root for root in operands if root in memory.of and memory.of[root] in memory.arrays and last[root] == position]
        if place in results:
            memory.of[place] = results[place]
        else:
            kind = (node.shape or (), node.kind)
            own = next((r for r in _in_place(graph, node) if r in dying and memory.arrays[memory.of[r]] == kind), None)
            waiting = free.setdefault(kind, [])
            if own is not None:
                memory.of[place] = memory.of[own]
                dying.remove(own)
            elif waiting:
                memory.of[place] = waiting.pop()
            else:
                memory.of[place] = f"B{len(memory.arrays)}"
                memory.arrays[memory.of[place]] = kind
        for root in dying:
            free.setdefault(memory.arrays[memory.of[root]], []).append(memory.of[root])
    return memory


def _last_uses(graph: Graph, order: Sequence[int], kept: Collection[int]) -> dict[int, int]:
    """The position at which each array is read for the last time, through views as well."""
    last = {place: position for position, place in enumerate(order)}
    for position, place in enumerate(order):
        if graph[place].op not in VIEWS:
            for a in graph[place].args:
                last[_root(graph, a)] = position
    return last | {_root(graph, place): len(order) for place in kept}


def _in_place(graph: Graph, node: Node) -> list[int]:
    """The operands that a result may overwrite."""
    if node.op == "where":
        return [node.args[2]] if _root(graph, node.args[0]) != node.args[2] != _root(graph, node.args[1]) else []
    if node.op == "shift":
        return [node.args[0]]
    if not (is_ufunc(node) or node.op == "log_share"):
        return []
    return [a for a in node.args if all(b == a or _root(graph, b) != a for b in node.args)]


def _root(graph: Graph, place: int) -> int:
    while graph[place].op in VIEWS:
        place = graph[place].args[0]
    return place


def side_by_side(dtype: Any, *shapes: tuple[int, ...]) -> list[Any]:
    """New arrays in one block of memory, each on lines of its own: what starts within a line takes longer to read and to write.

    >>> [a, b] = side_by_side("float32", (3,), (2, 2))
    >>> a.shape, b.shape, (b.ctypes.data - a.ctypes.data) % 64, a.base is b.base
    ((3,), (2, 2), 0, True)
    """
    dtype = np.dtype(dtype)
    starts = list(accumulate((-(-prod(s) * dtype.itemsize // _LINE) * _LINE for s in shapes), initial=0))
    block = np.empty(starts[-1] + _LINE, np.uint8)
    first = -block.ctypes.data % _LINE
    return [np.ndarray(s, dtype, block, first + at) for s, at in zip(shapes, starts, strict=False)]
