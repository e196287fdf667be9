"""Lifting: from an index expression to the matrix expression that holds all its entries, under a layout.

Each factor becomes a matrix over the indices it depends on; the bound indices of a sum say how these multiply. Only at
the end is the result turned to lie as its left side is stored, which puts the transposes where a layout needs them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sympy import Add, Expr, KroneckerDelta, Mul, Pow, Sum, Symbol, preorder_traversal, sympify
from sympy.core.function import Application, AppliedUndef
from sympy.core.relational import Relational
from sympy.core.symbol import Str
from sympy.functions.elementary.piecewise import ExprCondPair
from sympy.logic.boolalg import Boolean

from symbackprop.equations import Entry, Equation, Func, Layers, Tensor, fresh, mul, rebuild, substitute
from symbackprop.lift.contract import Piece, Sizes, aligned, product, spread, total
from symbackprop.lift.layout import Layout, NotLiftable
from symbackprop.lift.matrix import (
    Apply,
    Const,
    Identity,
    Map,
    Node,
    ShapeError,
    SquaredNorm,
    Transpose,
    Var,
    placeholder,
    shape,
)
from symbackprop.lift.tidy import neat, scale

__all__ = ["MatrixEquation", "lift", "lift_equation", "lift_expression"]


@dataclass(frozen=True)
class MatrixEquation:
    """An equation between matrices; both sides lie as the left side is stored. `layers` are those it holds for, if there are many."""

    lhs: Var
    rhs: Node
    relation: str = "="
    layers: Layers | None = None


def lift(equation: Equation, layout: Layout) -> MatrixEquation:
    """The matrix form of an index equation: `z_j = sum_k w_jk a_k + b_j` becomes `z = W a + b`.

    >>> from symbackprop.equations import index
    >>> j, k = index("j"), index("k")
    >>> z, w, a = Tensor("z", (3,)), Tensor("w", (3, 2)), Tensor("a", (2,))
    >>> lift(Equation(z[j], Sum(w[j, k]*a[k], (k, 1, 2))), Layout("columns")).rhs
    MatMul(args=(Var(tensor=w, axes=(0, 1)), Var(tensor=a, axes=(0, None))))

    Raises:
        NotLiftable: there is no matrix form of rank two at most that is known here.
    """
    lhs = equation.lhs
    if not isinstance(lhs, Entry):
        raise NotLiftable(f"the left side {lhs} is not the entry of a tensor")
    tensor, indices = lhs.tensor, lhs.indices
    if len(set(indices)) < len(indices) or not all(isinstance(i, Symbol) for i in indices):
        raise NotLiftable(f"the indices of {lhs} are not different letters")
    axes = layout.axes(tensor)
    row, column = (None if axis is None else indices[axis] for axis in axes)
    sizes = dict(zip(indices, tensor.shape, strict=True))
    return MatrixEquation(Var(tensor, axes), lift_expression(equation.rhs, row, column, layout, sizes), equation.relation, equation.layers)


def lift_equation(equation: Equation, layout: Layout) -> MatrixEquation | None:
    """The matrix form of an equation, or None where it has none."""
    try:
        return lift(equation, layout)
    except NotLiftable:
        return None


def lift_expression(expr: Any, row: Any = None, column: Any = None, layout: Layout | None = None, sizes: Mapping[Any, Any] | None = None) -> Node:
    """The matrix whose entry at `row`, `column` is `expr`; None stands for an axis of one.

    `sizes` gives the sizes of the two indices; those it leaves out are read from the tensors that carry them.

    Raises:
        NotLiftable: there is no matrix form of rank two at most that is known here.
    """
    expr, known = sympify(expr, strict=True), dict(sizes or {})
    wanted = {k: known[k] if k in known else _size_of(k, expr) for k in (row, column) if k is not None}
    if row is not None and row == column:
        raise NotLiftable(f"{row} cannot run along both axes")
    try:
        piece = _Lifter(layout or Layout("columns")).build(expr, wanted)
        node = spread(piece, row, column, wanted)
        expected = tuple(sympify(1 if k is None else wanted[k], strict=True) for k in (row, column))
        if shape(node) != expected:
            raise ShapeError(f"the result has shape {shape(node)}, not {expected}")
    except ShapeError as error:
        raise NotLiftable(str(error)) from error
    return node


def _size_of(k: Any, expr: Any) -> Any:
    for node in preorder_traversal(expr):
        if isinstance(node, Entry) and k in node.indices:
            return node.tensor.shape[node.indices.index(k)]
    raise NotLiftable(f"nothing tells how far {k} runs")


def _free(expr: Any, active: Sizes) -> set[Any]:
    """Those `active` indices that stand free in `expr`; the sizes and layers of its tensors do not count."""
    if expr in active:
        return {expr}
    if isinstance(expr, (Tensor, Str)):
        return set()
    if isinstance(expr, Sum):
        bound = {limit[0] for limit in expr.limits}
        ends = set().union(*(_free(end, active) for limit in expr.limits for end in limit[1:]))
        return ends | _free(expr.function, {k: n for k, n in active.items() if k not in bound})
    return set().union(*(_free(a, active) for a in expr.args))


def _is_scalar(expr: Any, active: Sizes) -> bool:
    """Whether nothing in `expr` has an index or needs a matrix."""
    if isinstance(expr, (Tensor, Str)):
        return True
    if expr in active or isinstance(expr, (Sum, KroneckerDelta)) or (isinstance(expr, Entry) and expr.indices):
        return False
    return all(_is_scalar(a, active) for a in expr.args)


def _opened(factors: Sequence[Any]) -> list[Any]:
    return [g for f in factors for g in (_opened(f.args) if isinstance(f, Mul) else (f,))]


class _Lifter:
    def __init__(self, layout: Layout) -> None:
        self.layout = layout

    def build(self, expr: Any, sizes: Sizes) -> Piece:
        """The matrix of `expr` over those indices of `sizes` that it depends on."""
        if _is_scalar(expr, sizes):
            return Piece(Const(expr))
        if isinstance(expr, Entry):
            return self.entry(expr, sizes)
        if isinstance(expr, KroneckerDelta):
            return self.delta(expr, sizes)
        if isinstance(expr, Add):
            return total([self.build(t, sizes) for t in expr.args], sizes)
        if isinstance(expr, (Mul, Sum)):
            return self.term([expr], {}, sizes)
        if isinstance(expr, Func):
            inner = self.build(expr.argument, sizes)
            return Piece(neat(Apply(expr.name, expr.order, inner.node)), inner.indices)
        if isinstance(expr, (Pow, Application)) and isinstance(expr, Expr) and not isinstance(expr, AppliedUndef):
            return self.elementwise(expr, sizes)
        raise NotLiftable(f"{expr} has no matrix form")

    def entry(self, expr: Entry, sizes: Sizes) -> Piece:
        axes = self.layout.axes(expr.tensor)
        for k, extent in zip(expr.indices, expr.tensor.shape, strict=True):
            if k not in sizes:
                raise NotLiftable(f"{k} in {expr} is not an index of the equation")
            if sizes[k] != extent:
                raise NotLiftable(f"{k} runs to {sizes[k]}, but the axis of {expr} to {extent}")
        if len(set(expr.indices)) < len(expr.indices):
            raise NotLiftable(f"{expr} lies on a diagonal")
        node: Node = Var(expr.tensor, axes)
        if axes == (None, 0):
            node = Transpose(node)
        return Piece(node, tuple(expr.indices[axis] for axis in axes if axis is not None))

    def delta(self, expr: Any, sizes: Sizes) -> Piece:
        i, j = expr.args[:2]
        if i not in sizes or j not in sizes or sizes[i] != sizes[j]:
            raise NotLiftable(f"{expr} does not join two indices of the equation that run equally far")
        return Piece(Identity(sizes[i]), (i, j))

    def term(self, factors: Sequence[Any], bound: Sizes, sizes: Sizes) -> Piece:
        """The product of `factors` summed over `bound`. What can be lifted whole keeps the author's grouping."""
        active = {**sizes, **bound}
        factors = _opened(factors)
        scalars = [f for f in factors if _is_scalar(f, active)]
        rest = [f for f in factors if not _is_scalar(f, active)]
        for n, f in enumerate(rest):
            wide = len(_free(f, active)) > 2
            around = [*scalars, *rest[:n]], rest[n + 1 :]
            if isinstance(f, Sum) and (len(rest) == 1 or wide):
                body, more = self.limits(f, active, [*around[0], *around[1]])
                return self.term([*around[0], body, *around[1]], {**bound, **more}, sizes)
            # p_i (delta_ij - p_j) reads diag(p) - p p^T, which only the expanded form shows.
            if isinstance(f, Add) and (wide or any(isinstance(g, KroneckerDelta) for g in _opened(f.args))):
                return total([self.term([*around[0], t, *around[1]], bound, sizes) for t in f.args], sizes)
        used = set().union(*(_free(f, active) for f in rest))
        factor = mul(*scalars, *(n for k, n in bound.items() if k not in used))
        over = [k for k in bound if k in used]
        if not rest or factor == 0:
            return Piece(Const(factor))
        done = self.norm(rest, over, used, active) or product([self.build(f, active) for f in rest], over, active)
        return Piece(scale(factor, done.node), done.indices)

    def limits(self, expr: Any, active: Sizes, around: Sequence[Any]) -> tuple[Any, dict[Any, Any]]:
        """The body of a sum and the sizes of its indices, renamed where they are in use outside."""
        body, sizes = expr.function, {}
        outside = set(active).union(*(f.atoms(Symbol) for f in around))
        for limit in expr.limits:
            k, low, high = limit if len(limit) == 3 else (None, None, None)
            if low != 1 or _free(high, {**active, **dict.fromkeys(v[0] for v in expr.limits)}):
                raise NotLiftable(f"the sum over {limit[0]} does not run over an axis")
            if k in outside:
                new = fresh(outside | expr.atoms(Symbol), str(k)[:1])
                body, k = substitute(body, {k: new}), new
            outside.add(k)
            sizes[k] = high
        return body, sizes

    def norm(self, factors: Sequence[Any], over: Sequence[Any], used: set[Any], active: Sizes) -> Piece | None:
        """`sum_jk X_jk^2`, where that is the whole term."""
        square = factors[0]
        whole = len(factors) == 1 and over and used == set(over) and len(over) <= 2
        if not whole or not isinstance(square, Pow) or square.exp != 2:
            return None
        piece = self.build(square.base, active)
        if set(piece.indices) != used:
            return None
        node = piece.node
        return Piece(SquaredNorm(node.arg if isinstance(node, Transpose) else node))

    def elementwise(self, expr: Any, sizes: Sizes) -> Piece:
        """A function of entries: each argument with indices is lifted, the rest stays in the function."""
        holes: dict[Any, Any] = {}

        def open_(e: Any) -> Any:
            if _is_scalar(e, sizes):
                return e
            if isinstance(e, (Boolean, Relational, ExprCondPair)):
                return e.func(*map(open_, e.args))
            return holes.setdefault(e, placeholder(len(holes) + 1))

        function = rebuild(expr, tuple(map(open_, expr.args)))
        nodes, indices = aligned([self.build(e, sizes) for e in holes], sizes)
        return Piece(neat(Map(function, tuple(nodes))), indices)
