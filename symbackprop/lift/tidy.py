"""Constructors that keep matrix expressions in one form: scalars in front, few transposes, no idle identities."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sympy import sympify

from symbackprop.equations import mul
from symbackprop.lift.matrix import (
    ONE,
    Broadcast,
    Const,
    Diag,
    Hadamard,
    Identity,
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
    shape,
    with_children,
)

FLIP = {"rows": "columns", "columns": "rows", "all": "all"}


def _cost(node: Node) -> int:
    return isinstance(node, Transpose) + sum(map(_cost, children(node)))


def _flip(node: Node) -> Node:
    args = tuple(transpose(a) for a in children(node))
    return replace(node, arg=args[0], axis=FLIP[node.axis]) if isinstance(node, SumAxis) else with_children(node, args)


def _outside(inner: int, outer: int) -> bool:
    """Whether one transpose outside over `inner` of them reads better than `outer` of them inside."""
    return inner + 1 < outer or (inner == 0 and outer > 0)


def transpose(node: Node) -> Node:
    """The transpose, with as few transposes in it as it can be written.

    >>> from symbackprop.equations import Tensor
    >>> a, y = (Var(Tensor(n, (3, 2)), (0, 1)) for n in "ay")
    >>> transpose(MatMul((Transpose(a), y))) == MatMul((Transpose(y), a))
    True
    >>> transpose(Plus((a, y))) == Transpose(Plus((a, y)))
    True
    """
    match node:
        case Transpose(arg):
            return arg
        case Const() | Identity() | Diag() | SquaredNorm() | SumAxis(_, "all") | Var(_, (None, None)):
            return node
        case Ones(rows, columns):
            return Ones(columns, rows)
        case Var():
            return Transpose(node)
        case Broadcast(arg, axis, size):
            return Broadcast(transpose(arg), FLIP[axis], size)
        case Scale(factor, arg):
            return Scale(factor, transpose(arg))
        case MatMul(args):
            return MatMul(tuple(transpose(a) for a in reversed(args)))
    inside = _flip(node)
    return Transpose(node) if _outside(_cost(node), _cost(inside)) else inside


def neat(node: Node) -> Node:
    """The same matrix with a transpose common to its parts taken outside."""
    if shape(node) == (1, 1):
        return node
    turned = _flip(node)
    return Transpose(turned) if _outside(_cost(turned), _cost(node)) else node


def scale(factor: Any, node: Node) -> Node:
    """`factor * node`; factors of a scaled matrix are gathered in one."""
    match node:
        case Const(value):
            return Const(mul(factor, value))
        case Scale(inner, arg):
            return scale(mul(factor, inner), arg)
    return node if factor == 1 else Scale(sympify(factor, strict=True), node)


def _unscaled(args: tuple[Node, ...]) -> tuple[Any, list[Node]]:
    factor = mul(*(a.factor for a in args if isinstance(a, Scale)))
    return factor, [a.arg if isinstance(a, Scale) else a for a in args]


def hadamard(*args: Node) -> Node:
    """The product entry by entry, scalars in front, matrices of ones left out."""
    factor, parts = _unscaled(args)
    flat = [p for part in parts for p in (part.args if isinstance(part, Hadamard) else (part,))]
    kept = [p for p in flat if not isinstance(p, Ones)] or flat[:1]
    return scale(factor, kept[0] if len(kept) == 1 else neat(Hadamard(tuple(kept))))


def matmul(*args: Node) -> Node:
    """The matrix product, scalars in front, identities left out."""
    factor, parts = _unscaled(args)
    flat = [p for part in parts for p in (part.args if isinstance(part, MatMul) else (part,))]
    kept = [p for p in flat if not isinstance(p, Identity)] or flat[:1]
    return scale(factor, kept[0] if len(kept) == 1 else MatMul(tuple(kept)))


def plus(*args: Node) -> Node:
    """The sum, nested sums opened."""
    flat = [p for part in args for p in (part.args if isinstance(part, Plus) else (part,))]
    return flat[0] if len(flat) == 1 else neat(Plus(tuple(flat)))


def sum_axis(node: Node, axis: str) -> Node:
    """The sum over an axis; sums over both axes become one over all."""
    match node:
        case Scale(factor, arg):
            return scale(factor, sum_axis(arg, axis))
        case Transpose(arg) if axis == "all":
            return sum_axis(arg, "all")
        case SumAxis(arg, _) if axis == "all":
            return SumAxis(arg, "all")
        case Identity(size) if axis != "all":
            return Ones(ONE, size) if axis == "rows" else Ones(size, ONE)
    return neat(SumAxis(node, axis))
