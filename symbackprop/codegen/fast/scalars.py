"""The element-wise form: the loss and every entry of every gradient as an explicit expression of plain numbers.

A network of few numbers spends its time in calling NumPy, not in computing. Written out entry by entry, each named quantity an
expression that is shared by all that use it, it is one call of one Python function made by `sympy.lambdify`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from math import prod
from typing import Any

import numpy as np
import sympy
from sympy import Abs, Add, And, Eq, Float, Integer, Max, Min, Mul, Piecewise, Pow, Symbol
from sympy.printing.pycode import PythonCodePrinter

from symbackprop.codegen.fast.graph import VIEWS, Node
from symbackprop.codegen.fast.simplify import Reduced
from symbackprop.codegen.given import SUM_TOLERANCE, classes
from symbackprop.codegen.program import Given

__all__ = ["counted", "fewer_than_calls", "sized", "statements", "written_out"]


def _of_c(name: str) -> Callable[[Any], Any]:
    """A function that SymPy knows from C; its module is imported when it is needed, which is seldom."""
    return lambda a: getattr(import_module("sympy.codegen.cfunctions"), name)(a)


expm1, log1p = _of_c("expm1"), _of_c("log1p")
_ENTRYWISE: Mapping[str, Callable[..., Any]] = {
    "add": Add, "sub": lambda a, b: a - b, "mul": lambda a, b: _product(a, b), "div": lambda a, b: a / b, "neg": lambda a: -a, "pow": Pow,
    "where": lambda c, a, b: Piecewise((a, c), (b, True)), "exp": sympy.exp, "log": sympy.log, "sqrt": sympy.sqrt, "tanh": sympy.tanh,
    "sin": sympy.sin, "cos": sympy.cos, "sinh": sympy.sinh, "cosh": sympy.cosh, "erf": sympy.erf,
    "erfc": lambda a: sympy.erfc(a, evaluate=False), "abs": Abs, "expm1": expm1, "log1p": log1p,
    "maximum": Max, "minimum": Min, "square": lambda a: Mul(a, a, evaluate=False), "power": Pow, "sign": sympy.sign,
    "logaddexp": lambda a, b: Max(a, b) + log1p(sympy.exp(-Abs(a - b))),
    "heaviside": lambda a, b: Piecewise((Integer(0), a < 0), (Integer(1), a > 0), (b, True)),
    "log_share": lambda s, p, t, small: s - sympy.log(t),
    ">": sympy.Gt, ">=": sympy.Ge, "<": sympy.Lt, "<=": sympy.Le, "==": Eq, "!=": sympy.Ne,
}  # fmt: skip
_WHOLE = ("within", "shift", "matmul", "vdot", "sum", "max", "einsum", "one_hot", "full", "eye")

# Microseconds that one operation on plain numbers and one call of NumPy take, measured once from 2-2-1 to 10-10-5 networks: the
# former takes 0.010 to 0.02, arrays made and lists read included, the latter 0.4 to 0.6.
_OPERATION, _CALL = 0.02, 0.5


def fewer_than_calls(reduced: Reduced, sizes: Mapping[Any, int]) -> bool:
    """Whether the operations on single numbers take less time than the calls of NumPy that do the same for whole arrays.

    >>> from symbackprop.builders import mlp
    >>> from symbackprop.codegen.fast.simplify import reduced
    >>> from symbackprop.codegen.program import array_program
    >>> [fewer_than_calls(reduced(array_program(mlp(s))), {}) for s in ([2, 2, 1], [30, 30, 10])]
    [True, False]
    """
    graph = reduced.graph
    if graph[reduced.loss].holds:
        return False
    nodes = [graph[p] for p in reduced.order if graph[p].op not in VIEWS and graph[p].args]
    if any(n.shape is None or not (_key(n) in _ENTRYWISE or n.op in _WHOLE) for n in nodes):
        return False
    operations, calls = counted(reduced, sizes)
    return _OPERATION * operations < _CALL * calls


def counted(reduced: Reduced, sizes: Mapping[Any, int]) -> tuple[int, int]:
    """How many operations on single numbers there are, and how many on whole arrays."""
    graph, operations, calls = reduced.graph, 0, 0
    for n in (graph[p] for p in reduced.order if graph[p].op not in VIEWS and graph[p].args):
        inner = 2 * sized(graph[n.args[0]].shape or (), sizes)[-1] * _count(n, sizes) if n.op == "matmul" else 0
        operations += inner or max(_count(graph[a], sizes) for a in (*n.args, graph.put(n)))
        calls += n.holds
    return operations, calls


def written_out(reduced: Reduced, sizes: Mapping[Any, int]) -> Callable[..., Any]:
    """The function of all given numbers, nested as `tolist` gives them: `[mark, loss, every entry of the gradients]`.

    The mark is finite only if all that is given is, and targets are of the kind that the loss takes.
    """
    return _Writer(reduced, sizes).function()


def statements(reduced: Reduced, sizes: Mapping[Any, int], called: Mapping[str, str]) -> tuple[list[str], str, list[str]]:
    """The same as statements on arrays that are `called` so, the mark, and the entries of the loss and the gradients.

    >>> from symbackprop.builders import mlp
    >>> from symbackprop.codegen.fast.simplify import reduced
    >>> from symbackprop.codegen.program import array_program
    >>> called = {"W1": "A", "b1": "B", "x": "C", "y": "D"}
    >>> lines, mark, results = statements(reduced(array_program(mlp([1, 1], activation="tanh"))), {}, called)
    >>> lines[0], lines[4:6], mark, results[0]
    ('W1_0_0 = A[0, 0]', ['q_0 = W1_0_0*x_0', 'q_1 = b1_0 + q_0'], 'W1_0_0 + b1_0 + x_0 + y_0', 'q_5')
    """
    writer = _Writer(reduced, sizes)
    arguments, (mark, *results) = writer.written()
    said = PythonCodePrinter({"fully_qualified_modules": False}).doprint
    entries = [f"{a[at]} = {called[name]}[{', '.join(map(str, at))}]" for name, a in arguments.items() if a.shape for at in np.ndindex(*a.shape)]
    return [*entries, *(f"{symbol} = {said(e)}" for symbol, e in writer.named)], said(mark), [*map(said, results)]


@dataclass
class _Writer:
    reduced: Reduced
    sizes: Mapping[Any, int]
    values: dict[int, Any] = field(default_factory=dict)
    named: list[tuple[Symbol, Any]] = field(default_factory=list)

    def function(self) -> Callable[..., Any]:
        arguments, results = self.written()
        return sympy.lambdify([a.tolist() for a in arguments.values()], results, modules="math", cse=lambda _: (self.named, results))  # type: ignore[no-any-return]

    def written(self) -> tuple[dict[str, Any], list[Any]]:
        """The symbols of all that is given, by name; the mark, and every entry of the loss and the gradients."""
        program, graph = self.reduced.program, self.reduced.graph
        arguments, given, fit = dict[str, Any](), list[Any](), list[Any]()
        for g in (*program.params, *program.inputs, *program.targets):
            symbols = arguments[g.name] = self.symbols(g.name, sized(g.shape, self.sizes))
            given += list(symbols.reshape(-1))
            fit += self.labels(g, symbols) if g in program.targets else ()
        arguments |= {name: self.symbols(name, ()) for name in program.scalars}
        self.values = {self.reduced.places[name]: symbols for name, symbols in arguments.items()}
        for place in self.reduced.order:
            if place not in self.values:
                self.values[place] = self.value(graph[place])
        entries = [v for p in (self.reduced.loss, *self.reduced.gradients) for v in self.values[p].reshape(-1)]
        mark = Add(*given) + Piecewise((0, And(*fit)), (sympy.nan, True), evaluate=False) if fit else Add(*given)
        return arguments, [mark, *entries]

    def labels(self, given: Given, y: Any) -> Iterator[Any]:
        """What holds if targets are of the kind that the loss takes."""
        program = self.reduced.program
        kind, entries = program.net.target, y.reshape(-1)
        top = classes(program).xreplace(dict(self.sizes)) - 1 if kind == "class" else Integer(1)
        for e in entries if kind in ("binary", "one_hot", "class") else ():
            yield from (e >= 0, e <= top)
        if kind == "sign":
            yield from (Eq(Abs(e), 1) for e in entries)
        if kind == "one_hot":
            totals = np.sum(y, axis=given.axes.index(0), dtype=object)
            yield from (Abs(total - 1) <= SUM_TOLERANCE for total in np.asarray(totals).reshape(-1))

    def symbols(self, name: str, shape: Sequence[int]) -> Any:
        found = np.empty(shape, dtype=object)
        for at in np.ndindex(*shape):
            found[at] = Symbol("_".join([name, *map(str, at)]))
        return found

    def value(self, node: Node) -> Any:
        """The entries of a result: numbers, and symbols that name expressions."""
        a = [self.values[k] for k in node.args]
        match node.op:
            case "size":
                return _single(Integer(self.sizes[node.data]))
            case "number":
                return _single(node.data if node.data.is_Integer else Float(node.data.evalf(17), 17))
            case "permute":
                return a[0].transpose(node.data)
            case "select":
                return np.asarray(a[0][tuple(slice(None) if d == ":" else d for d in node.data)], dtype=object)
            case "eye":
                return np.array(sympy.eye(int(a[0][()])).tolist(), dtype=object)
            case "full":
                return np.broadcast_to(a[0], sized(node.shape or (), self.sizes))
        entries = self.whole(node, a) if node.op in _WHOLE else np.frompyfunc(_ENTRYWISE[_key(node)], len(a), 1)(*a)
        found = np.asarray(entries, dtype=object)
        named = np.empty(found.shape, dtype=object)
        for at in np.ndindex(*found.shape):
            named[at] = self.name(found[at])
        return named

    def whole(self, node: Node, a: Sequence[Any]) -> Any:
        """An operation that puts entries together."""
        match node.op:
            case "within":
                return _single(Integer(0))  # plain numbers are always shifted
            case "shift":
                return a[0] - np.apply_along_axis(lambda x: [Max(*x)], node.data, a[0])
            case "matmul":
                return np.dot(*a)
            case "vdot":
                return np.dot(a[0].reshape(-1), a[1].reshape(-1))
            case "einsum":
                return np.einsum(node.data, *a)
            case "one_hot":
                return np.array([[_equal(y, j) for j in range(int(a[0][()]))] for y in a[1].reshape(-1)], dtype=object).reshape(*a[1].shape, -1)
        together = Add if node.op == "sum" else Max
        return _single(together(*a[0].reshape(-1))) if node.data is None else np.apply_along_axis(lambda x: together(*x), node.data, a[0])

    def name(self, expr: Any) -> Any:
        if expr.is_Symbol or expr.is_number:
            return expr
        symbol = Symbol(f"q_{len(self.named)}")
        self.named.append((symbol, expr))
        return symbol


def _key(node: Node) -> Any:
    return node.data if node.op in ("call", "compare") else node.op


def _count(node: Node, sizes: Mapping[Any, int]) -> int:
    return prod(sized(node.shape or (), sizes))


def sized(shape: Sequence[Any], sizes: Mapping[Any, int]) -> tuple[int, ...]:
    """A shape as numbers."""
    return tuple(n if type(n) is int else sizes[n] if n in sizes else int(sympy.sympify(n, strict=True).xreplace(dict(sizes))) for n in shape)


def _single(value: Any) -> Any:
    found = np.empty((), dtype=object)
    found[()] = value
    return found


def _product(a: Any, b: Any) -> Any:
    """A product; a condition counts as one or nothing."""
    if b.is_Boolean or b.is_Relational:
        return Piecewise((a, b), (Integer(0), True))
    return Mul(a, b)


def _equal(y: Any, j: int) -> Any:
    return Piecewise((Integer(1), Eq(y, j)), (Integer(0), True))
