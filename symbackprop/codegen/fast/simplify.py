"""Operations put together so that they cost less, with the same result up to rounding.

The forms of the rules are written out, so that softmax, its logarithm and the loss share their exponentials. Numbers are gathered
into one factor, a sign goes to the smaller of two terms, a sum of products of entries becomes one product of vectors.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import sympy
from sympy import Integer

from symbackprop.codegen.arrays import Op
from symbackprop.codegen.fast.exponentials import GUARDED, SHIFTED
from symbackprop.codegen.fast.graph import ARRAY, CALL, Graph, Node, dimensions, given_node
from symbackprop.codegen.forms import FORMS, UNGUARDED, read_form
from symbackprop.codegen.program import Program

__all__ = ["Reduced", "reduced"]

# What is done to known numbers is done at once and exactly.
_NUMBERS: Mapping[str, Callable[..., Any]] = {
    "add": lambda a, b: a + b, "sub": lambda a, b: a - b, "mul": lambda a, b: a * b, "div": lambda a, b: a / b, "pow": lambda a, b: a**b,
    "neg": lambda a: -a, "sqrt": sympy.sqrt, "exp": sympy.exp, "log": sympy.log,
}  # fmt: skip
_CONSTANTS = {"pi": sympy.pi, "e": sympy.E}


@dataclass(frozen=True)
class Reduced:
    """A program as a graph: where what is named stands, and which statements each place computes."""

    program: Program
    graph: Graph
    places: Mapping[str, int]
    said: Mapping[int, Sequence[str]] = field(default_factory=dict)

    @property
    def loss(self) -> int:
        """The place of the loss."""
        return self.places[self.program.loss]

    @property
    def gradients(self) -> tuple[int, ...]:
        """The places of the gradients, in the order of the parameters."""
        return tuple(self.places[g] for g in self.program.gradients.values())

    @cached_property
    def order(self) -> list[int]:
        """The places that lead to the loss and the gradients, in the order of the statements."""
        return self.graph.ordered([self.loss, *self.gradients], list(self.said))


def reduced(program: Program) -> Reduced:
    """The graph of a program.

    >>> from symbackprop.builders import mlp
    >>> from symbackprop.codegen.program import array_program
    >>> found = reduced(array_program(mlp([3, 2], activation="tanh", samples="m")))
    >>> found.graph[found.places["Z1"]].op, found.graph[found.loss].op
    ('add', 'mul')
    """
    builder = _Builder(Graph())
    graph, places = builder.graph, builder.places
    labels = program.targets if program.net.target == "class" else ()
    for g in (*program.params, *program.inputs, *program.targets):
        places[g.name] = graph.put(given_node(g, "i" if g in labels else "f"))
    for size, name in program.size_names.items():
        places[name] = graph.put(Node("size", (), size))
    for name in program.scalars:
        places[name] = graph.put(Node("name", (), name, (), CALL))
    said: dict[int, list[str]] = {}
    for s in program.statements:
        place = builder.place(s.value, places)
        if graph[place].shape is None:
            place = graph.put(replace(graph[place], shape=dimensions(s.shape)))
        places[s.name] = place
        said.setdefault(place, []).append(f"{s.name}, {s.label}")
    return Reduced(program, graph, places, said)


@dataclass
class _Builder:
    graph: Graph
    places: dict[str, int] = field(default_factory=dict)

    def place(self, op: Op, names: Mapping[str, int], axis: int = 0) -> int:
        """The place of an operation; `axis` is what forms reduce over."""
        if op.op == "name":
            return names[op.data]
        args = [self.place(a, names, axis) for a in op.args]
        return self.combine(op.op, args, op.data, axis)

    def combine(self, op: str, args: list[int], data: Any, axis: int = 0) -> int:
        match op:
            case "number":
                return self.number(data)
            case "constant":
                return self.number(_CONSTANTS[data])
            case "neg":
                return self.negative(args[0])
            case "add":
                return self.plus(args)
            case "mul":
                return self.times(args)
            case "div":
                return self.divided(*args)
            case "pow":
                return self.power(*args)
            case "outer":
                return self.times([self.select(args[0], (":", None)), args[1]])
            case "sum":
                return self.total(args[0], data)
            case "copy":
                return args[0]
            case "full" if len(args) == 1:
                return args[0]
            case "select":
                return self.select(args[0], data)
            case "permute":
                return self.permute(args[0], data)
            case "compare":
                return self.compare(data, *args)
            case "reduce" if data == "squeeze":
                return self.select(args[0], (*(":",) * axis, 0))
            case "reduce":
                found = self.total(args[0], axis) if data == "sum" else self.make(data, *args, data=axis)
                return self.select(found, (*(":",) * axis, None))
            case "form":
                return self.form(args, data)
            case "call" if data in GUARDED:
                return self.make(data, *args, data=None if data == "within" else axis)
        return self.make(op, *args, data=data)

    def make(self, op: str, *args: int, data: Any = None) -> int:
        """An operation on nodes; of numbers that are known the result."""
        how = _NUMBERS.get(data if op == "call" else op)
        if how is not None and all(self.graph[a].op == "number" for a in args):
            return self.number(how(*(self.graph[a].data for a in args)))
        inner = self.graph[args[0]] if op == "call" and len(args) == 1 else None
        if inner is not None and inner.op == "select" and all(d in (":", None) for d in inner.data):
            return self.select(self.make(op, *inner.args, data=data), inner.data)  # axes of one are added when they are needed
        return self.graph.make(op, *args, data=data)

    def form(self, args: Sequence[int], data: Any) -> int:
        """The lines of a form, its last the value."""
        key, axis = (data[0], data[1] if data[2] > 1 else 0) if isinstance(data, tuple) else (data, 0)
        shifted = SHIFTED.get(key) if self.graph[args[0]].level == ARRAY else None  # what comes of numbers alone is computed as it is written
        form = shifted or UNGUARDED.get(key, FORMS[key])
        names = dict(zip(form.arguments, args, strict=False))
        for line in form.lines:
            left, _, right = line.rpartition(" = ")
            names[left] = self.place(read_form(right), names, axis)
        return names[""]

    def number(self, value: Any) -> int:
        return self.graph.put(Node("number", (), value))

    def is_number(self, place: int, value: int) -> bool:
        return self.graph[place].op == "number" and bool(self.graph[place].data == value)

    def negative(self, x: int) -> int:
        node = self.graph[x]
        match node.op:
            case "neg":
                return node.args[0]
            case "sub":
                return self.make("sub", *reversed(node.args))
            case "add" if self.graph[node.args[0]].rank != self.graph[node.args[1]].rank:
                big, small = sorted(node.args, key=lambda a: -self.graph[a].rank)
                return self.make("sub", self.negative(small), big)
            case "mul" if self.graph[node.args[1]].number:
                return self.make("mul", node.args[0], self.negative(node.args[1]))
        return self.make("neg", x)

    def plus(self, terms: Sequence[int]) -> int:
        """Terms added up, those that are taken away last."""
        away = [t for t in terms if self.graph[t].op == "neg"]
        found = None
        for t in terms:
            if t not in away:
                found = t if found is None else self.make("add", found, t)
        if found is None:
            return self.negative(self.plus([self.graph[t].args[0] for t in away]))
        for t in away:
            found = self.make("sub", found, self.graph[t].args[0])
        return found

    def times(self, factors: Sequence[int]) -> int:
        """Arrays multiplied in order; the numbers, as one, go to the smallest array, or come last."""
        numbers = [f for f in factors if self.graph[f].number and not self.is_number(f, 1)]
        arrays = [f for f in factors if not self.graph[f].number]
        coefficient = None
        for n in numbers:
            coefficient = n if coefficient is None else self.scalar("mul", coefficient, n)
        if not arrays:
            return self.number(Integer(1)) if coefficient is None else coefficient
        if coefficient is None:
            return self.folded(arrays)
        smallest = min(arrays, key=lambda a: self.graph[a].rank)
        if self.graph[smallest].rank < max(self.graph[a].rank for a in arrays) and self.graph[smallest].kind == "f":
            return self.folded([self.scaled(a, coefficient) if a == smallest else a for a in arrays])
        return self.scaled(self.folded(arrays), coefficient)

    def folded(self, arrays: Sequence[int]) -> int:
        found = arrays[0]
        for a in arrays[1:]:
            found = self.make("mul", found, a)
        return found

    def scaled(self, x: int, c: int) -> int:
        node = self.graph[x]
        if node.op == "mul" and self.graph[node.args[1]].number:
            return self.scaled(node.args[0], self.scalar("mul", node.args[1], c))
        if node.op == "neg":
            return self.scaled(node.args[0], self.negative(c))
        if self.is_number(c, -1):
            return self.negative(x)
        return x if self.is_number(c, 1) else self.make("mul", x, c)

    def scalar(self, op: str, a: int, b: int) -> int:
        """Two numbers put together, at once if they are known."""
        if op == "mul" and self.is_number(a, 1):
            return b
        return a if self.is_number(b, 1) else self.make(op, a, b)

    def divided(self, a: int, b: int) -> int:
        above, below = self.graph[a], self.graph[b]
        if below.number and above.number:
            return self.scalar("div", a, b)
        if below.number:
            return self.times([a, self.scalar("div", self.number(Integer(1)), b)])
        return self.make("div", a, b)

    def power(self, base: int, exponent: int) -> int:
        p = self.graph[exponent].data
        if self.graph[base].number or p not in (Integer(2), Integer(3), Integer(4)):
            return self.make("pow", base, exponent)
        square = self.make("call", base, data="square")
        return square if p == 2 else self.make("mul", square, base if p == 3 else square)

    def total(self, x: int, axis: int | None) -> int:
        """A sum; signs and numbers are taken out of it."""
        node = self.graph[x]
        if node.kind != "f" or node.shape is None or node.level < ARRAY:
            return self.make("sum", x, data=axis)
        match node.op:
            case "neg":
                return self.negative(self.total(node.args[0], axis))
            case "mul" if axis is None and self.graph[node.args[1]].number:
                return self.scaled(self.total(node.args[0], axis), node.args[1])
            case "permute" | "sum" if axis is None:
                return self.total(node.args[0], None)
            case "mul" if axis is None and self.alike(*node.args):
                return self.make("vdot", *node.args)
            case "call" if axis is None and node.data == "square":
                return self.make("vdot", node.args[0], node.args[0])
        return self.make("sum", x, data=axis)

    def alike(self, a: int, b: int) -> bool:
        left, right = self.graph[a], self.graph[b]
        return left.shape == right.shape and left.kind == right.kind == "f" and not {left.op, right.op} & {"permute", "select"}

    def compare(self, sign: str, a: int, b: int) -> int:
        """x > 0 if and only if max(x, 0) > 0, which keeps x from being kept."""
        rectified = self.graph.find(self.graph.node("call", a, b, data="maximum")) if sign == ">" and self.is_number(b, 0) else None
        return self.make("compare", a if rectified is None else rectified, b, data=sign)

    def select(self, x: int, data: tuple[Any, ...]) -> int:
        node = self.graph[x]
        if all(d == ":" for d in data):
            return x
        if node.op == "select" and data == tuple(0 if d is None else d for d in node.data):
            return node.args[0]
        return self.make("select", x, data=data)

    def permute(self, x: int, order: tuple[int, ...]) -> int:
        node = self.graph[x]
        if node.op == "permute":
            return self.permute(node.args[0], tuple(node.data[k] for k in order))
        return x if order == tuple(range(len(order))) else self.make("permute", x, data=order)
