"""Lowering: the entry of a matrix expression at a row and a column, as an index expression."""

from __future__ import annotations

from typing import Any

from sympy import Basic, Integer, KroneckerDelta, Symbol, sympify

from symbackprop.equations import Entry, Func, add, fresh, mul, substitute, summation
from symbackprop.lift.matrix import (
    Apply,
    Broadcast,
    Const,
    Diag,
    Hadamard,
    Identity,
    Map,
    MatMul,
    Node,
    Ones,
    Plus,
    Scale,
    SquaredNorm,
    SumAxis,
    Transpose,
    Var,
    children,
    placeholder,
    shape,
)

__all__ = ["lower"]


def lower(node: Node, row: Any = 1, column: Any = 1) -> Any:
    """The entry of `node` at `row` and `column`; leave out the index of an axis of one.

    `(A B)_{ij} = sum_k A_{ik} B_{kj}`, and so on: each node's definition, with bound indices that occur nowhere else.

    >>> from symbackprop.equations import Tensor, index
    >>> w, a = Tensor("w", (3, 2)), Tensor("a", (2,))
    >>> lower(MatMul((Var(w, (0, 1)), Var(a, (0, None)))), index("j")).limits
    ((k, 1, 2),)

    Raises:
        ShapeError: parts of `node` do not fit together.
    """
    shape(node)
    row, column = sympify(row, strict=True), sympify(column, strict=True)
    return _Lowering(_symbols(node) | _named(row) | _named(column)).entry(node, row, column)


def _symbols(node: Node) -> set[Basic]:
    found: set[Basic] = set().union(*(_symbols(c) for c in children(node)))
    match node:
        case Var(tensor, _):
            return found | _named(tensor)
        case Const(value):
            return found | _named(value)
        case Scale(factor, _):
            return found | _named(factor)
        case Map(function, _):
            return found | _named(function)
        case Ones(rows, columns):
            return found | _named(rows) | _named(columns)
        case Identity(size) | Broadcast(_, _, size):
            return found | _named(size)
    return found


def _named(expr: Any) -> set[Basic]:
    return set(sympify(expr, strict=True).atoms(Symbol))


class _Lowering:
    def __init__(self, taken: set[Basic]) -> None:
        self.taken = taken

    def entry(self, node: Node, row: Any, column: Any) -> Any:
        match node:
            case Var(tensor, axes):
                at = dict(zip(axes, (row, column), strict=True))
                return Entry(tensor, *(at[axis] for axis in range(tensor.rank)))
            case Const(value):
                return value
            case Ones():
                return Integer(1)
            case Identity():
                return KroneckerDelta(row, column)
            case Diag(vector):
                return mul(KroneckerDelta(row, column), self.entry(vector, row, Integer(1)))
            case Transpose(arg):
                return self.entry(arg, column, row)
            case MatMul(args):
                return self.chain(args, row, column)
            case Hadamard(args):
                return mul(*(self.entry(a, row, column) for a in args))
            case Plus(args):
                return add(*(self.entry(a, row, column) for a in args))
            case Scale(factor, arg):
                return mul(factor, self.entry(arg, row, column))
            case Apply(name, order, arg):
                return Func(name, self.entry(arg, row, column), order)
            case Map(function, args):
                return substitute(function, {placeholder(n): self.entry(a, row, column) for n, a in enumerate(args, 1)})
            case Broadcast(arg, axis, _):
                return self.entry(arg, Integer(1), column) if axis == "rows" else self.entry(arg, row, Integer(1))
            case SumAxis(arg, axis):
                rows, columns = shape(arg)
                i, down = self.bind(rows) if axis in ("rows", "all") else (row, ())
                j, across = self.bind(columns) if axis in ("columns", "all") else (column, ())
                return _summed(self.entry(arg, i, j), down + across)
            case SquaredNorm(arg):
                (i, down), (j, across) = map(self.bind, shape(arg))
                return _summed(self.entry(arg, i, j) ** 2, down + across)
        raise TypeError(f"not a matrix node: {node!r}")

    def bind(self, size: Any) -> tuple[Any, tuple[Any, ...]]:
        """An index over an axis and its limits; the index of an axis of one is 1."""
        if size == 1:
            return Integer(1), ()
        k = fresh(self.taken, "k")
        self.taken.add(k)
        return k, ((k, 1, size),)

    def chain(self, args: tuple[Node, ...], row: Any, column: Any) -> Any:
        at, limits, factors = row, (), []
        for left in args[:-1]:
            k, limit = self.bind(shape(left)[1])
            factors.append(self.entry(left, at, k))
            at, limits = k, limits + limit
        return _summed(mul(*factors, self.entry(args[-1], at, column)), limits)


def _summed(body: Any, limits: tuple[Any, ...]) -> Any:
    return summation(body, *limits) if limits else body
