"""Products and powers in index notation: what stands over a line, what needs parentheses, where a sign stands between matrices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sympy import Add, Derivative, Float, Mul, Piecewise, Pow, Rational, S, Sum, log

from symbackprop.equations import Entry, Func, Grad, entries
from symbackprop.typeset import tree as t
from symbackprop.typeset.build_names import Names, fence, juxtaposed

__all__ = ["Products", "has_short_decimal"]

_ONE = t.Number("1")


class Products(Names):
    """Products and powers. `holes` are symbols that stand for nodes already set, entry by entry."""

    holes: dict[Any, t.Node]

    def signed(self, expr: Any) -> tuple[bool, t.Node]:
        """Whether a minus sign stands before an expression, and what stands behind it."""
        if isinstance(expr, (Rational, Float)) and expr < 0:
            return True, self.expr(-expr)
        if isinstance(expr, Mul) and expr.args[0].is_Number and expr.args[0].is_negative:
            head = -expr.args[0]
            return True, self.product((*(() if head == 1 else (head,)), *expr.args[1:]))
        return False, self.product(expr.args) if isinstance(expr, Mul) else self.expr(expr)

    def product_of(self, expr: Mul) -> t.Node:
        negative, node = self.signed(expr)
        return t.row(t.Operator("minus_unary"), node) if negative else node

    def product(self, factors: Sequence[Any]) -> t.Node:
        """Factors in order; those before an inverse stand over it in one fraction, but a leading number stands alone."""
        factors = self.ordered(factors)
        head, rest = (factors[0], list(factors[1:])) if len(factors) > 1 and _is_fraction(factors[0]) else (None, list(factors))
        pieces: list[tuple[list[Any], list[Any]]] = [([], [])]
        if head is not None and rest and _inverse(rest[0]) is not None:
            pieces = [([head.p] if head.p != 1 else [], [S(head.q)])]
        elif head is not None:
            pieces = [([], []), ([], [])]
        for f in rest:
            below = _inverse(f)
            if below is not None:
                pieces[-1][1].append(below)
            elif pieces[-1][1]:
                pieces.append(([f], []))
            else:
                pieces[-1][0].append(f)
        nodes: list[tuple[t.Node, bool]] = []
        for n, (above, below) in enumerate(pieces):
            if n == 0 and head is not None and not above and not below:
                nodes.append((self.expr(head), False))
            elif below:
                # a fraction in a numerator is hard to read
                apart = max((i for i, f in enumerate(above, 1) if isinstance(self.expr(f), t.Fraction)), default=0)
                nodes += self.listed(above[:apart], False, bool(nodes))
                above = above[apart:]
                fraction = t.Fraction(self.factors(above) if above else _ONE, self.factors(below))
                nodes.append((fraction, any(self.open_(f) for f in (*above, *below))))
            elif above:
                nodes += self.listed(above, n == len(pieces) - 1, bool(nodes))
        return self.side_by_side(nodes)

    def ordered(self, factors: Sequence[Any]) -> Sequence[Any]:
        """The factors that the notation's order names in that order, at the places they take up together; the others stay.

        So does one that a bracket has again: in a(1 - a) they belong together.
        """
        order = self.notation.factor_order
        named = {n: order.index(kind) for n, f in enumerate(factors) if (kind := _kind_of(f)) in order} if not self.holes else {}
        again = {e for f in factors if isinstance(f, Add) for e in entries(f)} if named else set()
        ranks = {n: rank for n, rank in named.items() if factors[n] not in again}
        taken = iter([factors[n] for n in sorted(ranks, key=lambda n: ranks[n])])
        return [next(taken) if n in ranks else f for n, f in enumerate(factors)]

    def factors(self, factors: Sequence[Any]) -> t.Node:
        """The factors above or below a line."""
        return self.expr(factors[0]) if len(factors) == 1 else self.side_by_side(self.listed(factors, True, False))

    def listed(self, factors: Sequence[Any], last: bool, follows: bool) -> list[tuple[t.Node, bool]]:
        return [(self.factor(f, last and n == len(factors) - 1, bool(n) or follows), self.open_(f)) for n, f in enumerate(factors)]

    def open_(self, expr: Any) -> bool:
        """Whether matrices stand in an expression."""
        return bool(self.holes) and bool(expr.has(*self.holes))

    def side_by_side(self, nodes: Sequence[tuple[t.Node, bool]]) -> t.Node:
        """Factors in a row; between matrices a product entry by entry has a sign of its own."""
        parts: list[t.Node] = []
        for n, (node, is_matrix) in enumerate(nodes):
            if n and is_matrix and nodes[n - 1][1]:
                parts.append(t.Operator(self.notation.hadamard))
            parts.append(node)
        return juxtaposed(parts)

    def factor(self, expr: Any, last: bool, follows: bool) -> t.Node:
        """A factor of a product, in parentheses where it would be misread."""
        node = self.expr(expr)
        loose = isinstance(expr, (Sum, Derivative, Piecewise)) or (isinstance(expr, log) and not _fenced(node))
        negative = node != t.EMPTY and t.row(node).items[0] == t.Operator("minus_unary")
        if isinstance(expr, Add) or (negative and follows) or (loose and not last) or (isinstance(expr, Mul) and not last and _ends_open(expr)):
            return fence(node)
        if expr in self.holes and isinstance(node, t.Row):
            return fence(node)
        return node

    def power(self, expr: Pow) -> t.Node:
        base, exponent = expr.args
        if exponent.is_number and exponent.is_negative:
            return t.Fraction(_ONE, self.expr(_inverse(expr)))
        if exponent == S.Half:
            return t.Root(self.expr(base))
        sup: t.Node = self.expr(exponent)
        if self.open_(expr):
            sup = t.row(t.Operator(self.notation.hadamard), sup)
        node = self.expr(base)
        if isinstance(base, Func):
            word, argument = t.row(node).items
            if self.notation.function_powers == "name" and base.order == 0:
                return t.row(t.Scripts(word, None, sup), argument)
            return t.Scripts(node, None, sup)
        if isinstance(node, t.Scripts) and node.sup is None:
            return t.Scripts(node.base, node.sub, sup)
        letter = isinstance(node, (t.Symbol, t.Number, t.Fence))
        return t.Scripts(node if letter else fence(node), None, sup)


def _kind_of(factor: Any) -> str:
    """What a factor order calls a factor: the name of a quantity, gradient, slope or sum."""
    if isinstance(factor, Entry):
        return "gradient" if isinstance(factor.tensor, Grad) else str(factor.tensor.name)
    return "slope" if isinstance(factor, Func) and factor.order else "sum" if isinstance(factor, Sum) else ""


def has_short_decimal(q: int) -> bool:
    """Whether a fraction with this denominator ends as a decimal."""
    for p in (2, 5):
        while q % p == 0:
            q //= p
    return q == 1


def _is_fraction(expr: Any) -> bool:
    return isinstance(expr, Rational) and expr.q != 1 and not (expr.q > 100 and has_short_decimal(expr.q))


def _inverse(expr: Any) -> Any:
    """What stands below the line, for a power with a negative exponent; None for others."""
    if not isinstance(expr, Pow) or not expr.exp.is_number or not expr.exp.is_negative:
        return None
    return expr.base if expr.exp == -1 else Pow(expr.base, -expr.exp, evaluate=False)


def _fenced(node: t.Node) -> bool:
    items = t.row(node).items
    return bool(items) and isinstance(items[-1], t.Fence)


def _ends_open(expr: Any) -> bool:
    """Whether what follows an expression would be read as part of it."""
    last = expr.args[-1] if isinstance(expr, Mul) else expr
    return isinstance(last, (Sum, Derivative, Piecewise, log))
