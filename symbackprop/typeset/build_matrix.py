"""Matrix expressions as typographic nodes: products side by side, parentheses where the order of operations needs them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sympy import Add, Mul, Pow, S, sympify

from symbackprop.lift import (
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
    placeholder,
    shape,
)  # fmt: skip
from symbackprop.typeset import tree as t
from symbackprop.typeset.build_index import Elements
from symbackprop.typeset.build_names import BOLD, fence, juxtaposed

_ONES = t.Symbol("1", "bold_upright")
_SUM, _SCALED, _ENTRYWISE, _PRODUCT, _ATOM = range(5)
_THIN = t.Space("thin")


class Matrices(Elements):
    """Matrix expressions, on top of the expressions in index notation that stand in them as scalars."""

    def matrix(self, node: Node) -> t.Node:
        """Any matrix expression; TypeError names one that is unknown here."""
        match node:
            case Var(tensor):
                return self.whole(tensor)
            case Const(value):
                return self.expr(sympify(value, strict=True))
            case Ones(rows, columns):
                row_of_ones = rows == 1 and columns != 1
                return t.Number("1") if rows == columns == 1 else self._ones_row() if row_of_ones else _ONES
            case Identity():
                return t.Symbol("I", BOLD[self.notation.bold] or "italic")
            case Diag(vector):
                return t.row(t.Symbol("diag", "upright"), fence(self.matrix(vector)))
            case Transpose(arg):
                return self._transpose(arg)
            case MatMul(args):
                return juxtaposed([self._operand(a, _PRODUCT, first=n == 0) for n, a in enumerate(args)])
            case Hadamard(args):
                return self._hadamard(args)
            case Plus(args):
                return self._plus(args)
            case Scale():
                negative, inner = self._sign(node)
                return t.row(t.Operator("minus_unary"), inner) if negative else inner
            case Apply(name, order, arg):
                return t.row(self.function_name(name, order), fence(self.matrix(arg)))
            case Map(function, args):
                return self._map(function, args)
            case SumAxis(arg, axis):
                return self._sum_axis(arg, axis)
            case Broadcast(arg, axis):
                return self._broadcast(arg, axis)
            case SquaredNorm(arg):
                frobenius = t.Symbol("F") if 1 not in shape(arg) else None
                return t.Scripts(fence(self.matrix(arg), "norm", "norm"), frobenius, t.Number("2"))
        raise TypeError(f"nobody knows how to print a {type(node).__name__}")

    def _level(self, node: Node) -> int:
        """How tightly a node holds together: below the level of its surroundings it needs parentheses."""
        match node:
            case Plus():
                return _SUM
            case Const(value):
                return _SUM if isinstance(value, Add) else _SCALED if isinstance(value, Mul) or sympify(value, strict=True).is_negative else _ATOM
            case Scale(factor):
                return _SUM if self.signed(sympify(factor, strict=True))[0] else _SCALED
            case Hadamard(args):
                return _ATOM if isinstance(self._hadamard(args), t.Fraction) else _ENTRYWISE
            case MatMul() | SumAxis():
                return _PRODUCT
            case Broadcast(arg):
                return _PRODUCT if self.notation.explicit_broadcast else self._level(arg)
            case Map(function):
                return _SUM if isinstance(function, Add) or self.signed(function)[0] else _ENTRYWISE if isinstance(function, Mul) else _ATOM
        return _ATOM

    def _operand(self, node: Node, needed: int, first: bool = True) -> t.Node:
        if isinstance(node, Broadcast) and needed == _PRODUCT:
            return self._broadcast(node.arg, node.axis, explicit=True)
        out = self.matrix(node)
        level = self._level(node)
        return out if level >= needed or (level == _SCALED and needed == _PRODUCT and first) else fence(out)

    def _ones_row(self) -> t.Node:
        return t.Scripts(_ONES, None, self.transposed)

    def _transpose(self, arg: Node) -> t.Node:
        if isinstance(arg, Ones):
            return self.matrix(Ones(arg.columns, arg.rows))
        plain = self.matrix(arg)
        if isinstance(arg, Var):
            last = t.row(plain).items[-1]
            has_layer = isinstance(last, t.Scripts) and last.sup is not None
            named = not isinstance(plain, t.Fraction) and t.row(plain).items[0] != t.Scripts(t.Symbol("nabla"))
            whole = self.whole(arg.tensor, self.transposed)
            if named and whole != plain and (not has_layer or self.notation.transpose_style == "merged"):
                return whole
        return t.Scripts(fence(plain), None, self.transposed)

    def _plus(self, args: Sequence[Node]) -> t.Node:
        parts: list[t.Node] = []
        for n, arg in enumerate(args):
            negative, node = self._sign(arg)
            if negative or n:
                parts.append(t.Operator("minus_unary" if not n else "-" if negative else "+"))
            parts.append(node)
        return t.row(*parts)

    def _sign(self, node: Node) -> tuple[bool, t.Node]:
        """Whether a minus sign stands before a node, and what stands behind it."""
        if isinstance(node, Const):
            return self.signed(sympify(node.value, strict=True))
        if isinstance(node, Broadcast) and not self.notation.explicit_broadcast:
            return self._sign(node.arg)
        if not isinstance(node, Scale):
            return False, self.matrix(node)
        negative, factor = self.signed(sympify(node.factor, strict=True))
        inner = self._operand(node.arg, _SCALED)
        if factor == t.Number("1"):
            return negative, inner
        return negative, juxtaposed([fence(factor) if isinstance(node.factor, Add) else factor, inner])

    def _hadamard(self, args: Sequence[Node]) -> t.Node:
        """Entry by entry; scalars go in front, and what stands before a reciprocal goes over it."""
        scalars = [a for a in args if _is_scalar(a) and _reciprocal(a) is None]
        pieces: list[tuple[list[Node], list[Node]]] = [([], [])]
        for a in args:
            below = _reciprocal(a)
            if below is not None:
                pieces[-1][1].append(below)
            elif a in scalars:
                continue
            elif pieces[-1][1]:
                pieces.append(([a], []))
            else:
                pieces[-1][0].append(a)
        front = [self._operand(a.arg, _ATOM) for a in scalars if isinstance(a, Broadcast)]
        nodes = [self._divided(above, below, len(pieces) == 1) for above, below in pieces if above or below]
        product = [nodes[0] if len(nodes) == 1 else self._entrywise(nodes)] if nodes else []
        return juxtaposed([*front, *product])

    def _divided(self, above: list[Node], below: list[Node], alone: bool) -> t.Node:
        def product(nodes: list[Node], closed: bool) -> t.Node:
            if len(nodes) == 1 and closed:
                return self.matrix(nodes[0])
            return self._entrywise([self._operand(n, _ATOM) for n in nodes]) if nodes else t.Number("1")

        if not below:
            return product(above, False)
        if self.notation.division == "fraction":
            if above and isinstance(first := self.matrix(above[0]), t.Fraction):
                rest = self._divided(above[1:], below, alone)  # a fraction in a numerator is hard to read
                return self._entrywise([first, rest])
            return t.Fraction(product(above, True), product(below, True))
        parts = [product(above, False) if above else _ONES, *(self._operand(n, _ATOM) for n in below)]
        slashed = t.join(parts, t.Operator("oslash"))
        return slashed if alone else fence(slashed)

    def _entrywise(self, nodes: Sequence[t.Node]) -> t.Node:
        return t.join(nodes, t.Operator(self.notation.hadamard))

    def _map(self, function: Any, args: Sequence[Node]) -> t.Node:
        if function == 1 / placeholder(1):
            return self._divided([], [args[0]], True)
        outer, self.holes = self.holes, {}
        nodes = {placeholder(n): self.matrix(a) for n, a in enumerate(args, 1)}
        # an argument that is a sum or a product takes parentheses where the function is more than a name before it
        plain = isinstance(function, Pow) or function.is_Mul or function.is_Add
        self.holes = {p: fence(n) if plain and self._level(a) < _ATOM else n for (p, n), a in zip(nodes.items(), args, strict=True)}
        try:
            return self.expr(function)
        finally:
            self.holes = outer

    def _sum_axis(self, arg: Node, axis: str) -> t.Node:
        rows, columns = shape(arg)
        left = (self._ones_row(),) if axis in ("rows", "all") and rows != 1 else ()
        right = (_THIN, _ONES) if axis in ("columns", "all") and columns != 1 else ()
        return t.row(*left, self._operand(arg, _PRODUCT, first=not left), *right)

    def _broadcast(self, arg: Node, axis: str, explicit: bool = False) -> t.Node:
        if not explicit and not self.notation.explicit_broadcast:
            return self.matrix(arg)
        inner = self._operand(arg, _PRODUCT, first=axis == "columns")
        return t.row(_ONES, _THIN, inner) if axis == "rows" else t.row(inner, _THIN, self._ones_row())


def _reciprocal(node: Node) -> Node | None:
    """What a node divides by, entry by entry, if that is what it does."""
    if isinstance(node, Map) and node.function == S.One / placeholder(1):
        return node.args[0]
    if isinstance(node, Broadcast):
        below = _reciprocal(node.arg)
        return None if below is None else Broadcast(below, node.axis, node.size)
    return None


def _is_scalar(node: Node) -> bool:
    return isinstance(node, Broadcast) and shape(node.arg) == (1, 1)
