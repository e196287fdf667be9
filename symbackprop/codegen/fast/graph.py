"""A program as a graph of single operations: what is the same stands once, and every operation knows the shape of its result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sympy import Integer

from symbackprop.codegen.program import Given

__all__ = ["ARRAY", "CALL", "FIXED", "Graph", "Node", "dimensions", "given_node"]

FIXED, CALL, ARRAY = 0, 1, 2
"""When a value is known: once the sizes are, once the open numbers are, once the arrays are."""

VIEWS = ("permute", "select")
_MAKERS = ("eye", "full", "one_hot")


@dataclass(frozen=True)
class Node:
    """One operation on earlier nodes, which `args` counts from 0.

    `shape` is None where it is not known, `level` says when the value is, `kind` what the entries are: f, b or i.
    """

    op: str
    args: tuple[int, ...] = ()
    data: Any = None
    shape: tuple[Any, ...] | None = ()
    level: int = FIXED
    kind: str = "f"

    @property
    def rank(self) -> int:
        """The number of axes."""
        return len(self.shape or ())

    @property
    def holds(self) -> bool:
        """Whether the value is an array with axes."""
        return self.shape != ()

    @property
    def number(self) -> bool:
        """Whether the value is a number that is known before the arrays are."""
        return self.shape == () and self.level < ARRAY


@dataclass
class Graph:
    """The nodes in the order in which they are computed."""

    nodes: list[Node] = field(default_factory=list)
    _known: dict[Node, int] = field(default_factory=dict)

    def __getitem__(self, place: int) -> Node:
        return self.nodes[place]

    def find(self, node: Node) -> int | None:
        """The place of a node that is there already."""
        return self._known.get(node)

    def put(self, node: Node) -> int:
        """The place of a node, a new one only if the same is not there yet."""
        if node not in self._known:
            self._known[node] = len(self.nodes)
            self.nodes.append(node)
        return self._known[node]

    def node(self, op: str, *args: int, data: Any = None) -> Node:
        """An operation on nodes, its shape worked out."""
        of = [self.nodes[a] for a in args]
        kinds = {n.kind for n in of}
        kind = of[0].kind if op in VIEWS else "b" if op in ("compare", "within") or (op == "mul" and kinds == {"b"}) else "f"
        return Node(op, args, data, self._shape(op, of, data), max((n.level for n in of), default=FIXED), kind)

    def make(self, op: str, *args: int, data: Any = None) -> int:
        """The place of an operation on nodes."""
        return self.put(self.node(op, *args, data=data))

    def ordered(self, wanted: Sequence[int], among: Sequence[int]) -> list[int]:
        """The places that lead to those that are wanted, arguments first and in turn, those `among` them in their order."""
        found, waiting = set(wanted), list(wanted)
        while waiting:
            new = set(self.nodes[waiting.pop()].args) - found
            found |= new
            waiting += new
        order: dict[int, None] = {}
        for root in (*among, *wanted):
            stack = [root] if root in found else []
            while stack:
                missing = [a for a in self.nodes[stack[-1]].args if a not in order]
                if missing:
                    stack.append(missing[0])
                else:
                    order[stack.pop()] = None
        return list(order)

    def _shape(self, op: str, of: Sequence[Node], data: Any) -> tuple[Any, ...] | None:
        """The shape of a result, None where it is not known."""
        shapes = [n.shape for n in of]
        if op in _MAKERS:
            return self._made(op, of)
        known = [s for s in shapes if s is not None]
        if len(known) < len(shapes):
            return None
        match op:
            case "matmul":
                return _product(known[0], known[1])
            case "vdot" | "within":
                return ()
            case "sum" | "max":
                return () if data is None else (*known[0][:data], *known[0][data + 1 :])
            case "permute":
                return tuple(known[0][k] for k in data)
            case "select":
                return _selected(known[0], data)
            case "einsum":
                inside, _, outside = data.partition("->")
                sizes = {k: n for letters, s in zip(inside.split(","), known, strict=True) for k, n in zip(letters, s, strict=True)}
                return tuple(sizes[k] for k in outside)
            case "add" | "sub" | "mul" | "div" | "neg" | "call" | "compare" | "where" | "pow" | "number" | "constant" | "shift" | "log_share":
                return _broadcast(known)
        return None

    def _made(self, op: str, of: Sequence[Node]) -> tuple[Any, ...] | None:
        """The shape of an array made from its sizes."""
        sizes = [int(n.data) if n.op == "number" else n.data if n.op == "size" else None for n in (of[1:] if op == "full" else of[:1])]
        if None in sizes:
            return None
        if op == "full":
            return tuple(sizes)
        return (*(of[1].shape or ()), sizes[0]) if op == "one_hot" else (sizes[0], sizes[0])


def given_node(given: Given, kind: str = "f") -> Node:
    """What the caller gives as a node."""
    return Node("name", (), given.name, dimensions(given.shape), ARRAY, kind)


def dimensions(shape: Sequence[Any]) -> tuple[Any, ...]:
    """A shape with numbers of Python's own where it has numbers.

    >>> dimensions((Integer(3),))
    (3,)
    """
    return tuple(int(n) if isinstance(n, Integer) else n for n in shape)


def _broadcast(shapes: Sequence[tuple[Any, ...]]) -> tuple[Any, ...] | None:
    rank = max(map(len, shapes), default=0)
    axes = []
    for column in zip(*((1,) * (rank - len(s)) + s for s in shapes), strict=True):
        sizes = {n for n in column if n != 1}
        if len(sizes) > 1:
            return None
        axes.append(sizes.pop() if sizes else 1)
    return tuple(axes)


def _product(left: tuple[Any, ...], right: tuple[Any, ...]) -> tuple[Any, ...] | None:
    if not 1 <= len(left) <= 2 or not 1 <= len(right) <= 2:
        return None
    return left[:-1] + (right[1:] if len(right) == 2 else ())


def _selected(shape: tuple[Any, ...], data: Sequence[Any]) -> tuple[Any, ...] | None:
    rest, found = list(shape), list[Any]()
    for d in data:
        if d is None:
            found.append(1)
        elif isinstance(d, int) and rest:
            rest.pop(0)
        elif d == ":" and rest:
            found.append(rest.pop(0))
        else:
            return None
    return (*found, *rest)
