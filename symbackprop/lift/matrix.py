"""The nodes of a matrix expression and their shapes.

A vector is a matrix with one column or one row, a scalar a matrix of one entry. Nothing broadcasts but `Broadcast`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise
from typing import Any

from sympy import Integer, Symbol, sympify

from symbackprop.equations import Tensor

ONE = Integer(1)


class ShapeError(ValueError):
    """Two parts of a matrix expression do not fit together."""


@dataclass(frozen=True)
class Node:
    """A matrix expression."""


@dataclass(frozen=True)
class Var(Node):
    """A stored tensor; `axes` of its index form run down the rows and across the columns, None for an axis of one."""

    tensor: Tensor
    axes: tuple[int | None, int | None]


@dataclass(frozen=True)
class Const(Node):
    """A scalar as a matrix of one entry."""

    value: Any


@dataclass(frozen=True)
class Ones(Node):
    """A matrix of ones."""

    rows: Any
    columns: Any


@dataclass(frozen=True)
class Identity(Node):
    """The identity matrix."""

    size: Any


@dataclass(frozen=True)
class Diag(Node):
    """The diagonal matrix of a column vector."""

    vector: Node


@dataclass(frozen=True)
class Transpose(Node):
    """The transpose of a matrix."""

    arg: Node


@dataclass(frozen=True)
class MatMul(Node):
    """A matrix product, in order."""

    args: tuple[Node, ...]


@dataclass(frozen=True)
class Hadamard(Node):
    """A product entry by entry of matrices of one shape."""

    args: tuple[Node, ...]


@dataclass(frozen=True)
class Plus(Node):
    """A sum of matrices of one shape."""

    args: tuple[Node, ...]


@dataclass(frozen=True)
class Scale(Node):
    """A matrix times a scalar expression without indices."""

    factor: Any
    arg: Node


@dataclass(frozen=True)
class Apply(Node):
    """A named function, or its derivative of some order, applied to each entry: `sigma'(Z)`."""

    name: str
    order: int
    arg: Node


@dataclass(frozen=True)
class Map(Node):
    """A SymPy expression in the symbols `placeholder(1)`, `placeholder(2)`, ... applied to each entry of `args`."""

    function: Any
    args: tuple[Node, ...]


@dataclass(frozen=True)
class SumAxis(Node):
    """The sum over the `rows` (one row is left), over the `columns` (one column is left), or over `all` entries."""

    arg: Node
    axis: str


@dataclass(frozen=True)
class Broadcast(Node):
    """One row repeated down `size` rows, or one column repeated across `size` columns."""

    arg: Node
    axis: str
    size: Any


@dataclass(frozen=True)
class SquaredNorm(Node):
    """The sum of the squares of all entries."""

    arg: Node


@cache
def placeholder(number: int) -> Any:
    """The symbol that stands for an entry of a map's argument, counted from 1."""
    return Symbol(f"x_{number}", real=True)


def children(node: Node) -> tuple[Node, ...]:
    """The matrices a node is built from, left to right."""
    match node:
        case MatMul(args) | Hadamard(args) | Plus(args) | Map(_, args):
            return args
        case Transpose(arg) | Scale(_, arg) | Apply(_, _, arg) | SquaredNorm(arg):
            return (arg,)
        case SumAxis(arg, _) | Broadcast(arg, _, _):
            return (arg,)
        case Diag(vector):
            return (vector,)
    return ()


def with_children(node: Node, args: tuple[Node, ...]) -> Node:
    """The same node over other matrices."""
    match node:
        case MatMul() | Hadamard() | Plus() | Map():
            return replace(node, args=args)
        case Diag():
            return Diag(*args)
        case Transpose() | Scale() | Apply() | SumAxis() | Broadcast() | SquaredNorm():
            return replace(node, arg=args[0])
    return node


def shape(node: Node) -> tuple[Any, Any]:
    """The numbers of rows and columns.

    >>> shape(MatMul((Var(Tensor("w", (3, 2)), (0, 1)), Var(Tensor("a", (2,)), (0, None)))))
    (3, 1)

    Raises:
        ShapeError: two parts do not fit together.
    """
    match node:
        case Var(tensor, (row, column)):
            return ONE if row is None else tensor.shape[row], ONE if column is None else tensor.shape[column]
        case Ones(rows, columns):
            return sympify(rows, strict=True), sympify(columns, strict=True)
        case Identity(size):
            return sympify(size, strict=True), sympify(size, strict=True)
        case Diag(vector):
            rows, columns = shape(vector)
            if columns != 1:
                raise ShapeError("Diag takes a column")
            return rows, rows
        case Transpose(arg):
            return shape(arg)[1], shape(arg)[0]
        case MatMul(args):
            shapes = [shape(a) for a in args]
            if any(left[1] != right[0] for left, right in pairwise(shapes)):
                raise ShapeError(f"MatMul has parts of shapes {shapes}")
            return shapes[0][0], shapes[-1][1]
        case Hadamard(args) | Plus(args) | Map(_, args):
            shapes = [shape(a) for a in args]
            if any(s != shapes[0] for s in shapes):
                raise ShapeError(f"{type(node).__name__} has parts of shapes {shapes}")
            return shapes[0]
        case Scale(_, arg) | Apply(_, _, arg):
            return shape(arg)
        case SumAxis(arg, axis):
            rows, columns = shape(arg)
            return ONE if axis in ("rows", "all") else rows, ONE if axis in ("columns", "all") else columns
        case Broadcast(arg, axis, size):
            rows, columns = shape(arg)
            if (rows if axis == "rows" else columns) != 1:
                raise ShapeError(f"Broadcast repeats {rows} by {columns} along its {axis}")
            return (sympify(size, strict=True), columns) if axis == "rows" else (rows, sympify(size, strict=True))
        case SquaredNorm(arg):
            shape(arg)
    return ONE, ONE
