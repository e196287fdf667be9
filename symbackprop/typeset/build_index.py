"""Expressions in index notation as typographic nodes; factors and terms keep the order in which they were written."""

from __future__ import annotations

from decimal import Decimal, localcontext
from typing import Any

from sympy import (
    Abs,
    Add,
    And,
    Derivative,
    E,
    Eq,
    Float,
    Ge,
    Gt,
    KroneckerDelta,
    Le,
    Lt,
    Mul,
    Ne,
    Or,
    Piecewise,
    Pow,
    Rational,
    S,
    Sum,
    Symbol,
    exp,
    log,
    sympify,
)  # fmt: skip
from sympy.core.function import Application, AppliedUndef
from sympy.core.relational import Relational

from symbackprop.equations import Abstract, Entry, Func, Grad, Partial, Tensor
from symbackprop.glyphs import GLYPHS
from symbackprop.rules import ACTIVATIONS, FUNCTIONS
from symbackprop.typeset import tree as t
from symbackprop.typeset.build_names import fence, glyph, tall
from symbackprop.typeset.build_products import Products, has_short_decimal

_RELATIONS = {Eq: "=", Ne: "ne", Lt: "lt", Le: "le", Gt: "gt", Ge: "ge"}
_WORDS = {"sign": "sgn", "Max": "max", "Min": "min", "asin": "arcsin", "acos": "arccos", "atan": "arctan"}
_FUNCTIONS = {*_WORDS, "erf", "erfc", "sin", "cos", "tan", "sinh", "cosh", "tanh", "sech", "coth"}


class Elements(Products):
    """Expressions in index notation."""

    def expr(self, expr: Any) -> t.Node:
        """Any expression; TypeError names one that is unknown here."""
        if isinstance(expr, (int, float)) and not isinstance(expr, bool):
            expr = sympify(expr, strict=True)
        if self.holes and expr in self.holes:
            return self.holes[expr]
        for kinds, method in _METHODS:
            if isinstance(expr, kinds):
                node: t.Node = method(self, expr)
                return node
        if isinstance(expr, Application) and type(expr).__name__ in _FUNCTIONS:
            word = t.Symbol(_WORDS.get(type(expr).__name__, type(expr).__name__), "upright")
            return t.row(word, fence(t.join(map(self.expr, expr.args), t.Operator("comma"))))
        raise TypeError(f"nobody knows how to print a {type(expr).__name__}: {expr}")

    # ------------------------------------------------------------ sums of terms

    def sum_of_terms(self, expr: Add) -> t.Node:
        terms = _flat_terms(expr)
        parts: list[t.Node] = []
        for n, term in enumerate(terms):
            negative, node = self.signed(term)
            if negative or n:
                parts.append(t.Operator("minus_unary" if not n else "-" if negative else "+"))
            parts.append(node if n == len(terms) - 1 or not _ends_in_cases(term) else fence(node))
        return t.row(*parts)

    # ------------------------------------------------------------ everything else

    def total(self, expr: Sum) -> t.Node:
        negative = t.Operator("minus_unary")
        node = self.expr(expr.function)
        body: t.Node = fence(node) if isinstance(expr.function, Add) or t.row(node).items[:1] == (negative,) else node
        for k, low, high in reversed(expr.limits):
            full = self.notation.sum_limits == "full" or low != 1
            below = t.row(self.number(k), t.Operator("="), self.number(low)) if full else self.number(k)
            body = t.BigOperator("sum", below, self.number(high) if full else None, body)
        return body

    def function(self, expr: Func) -> t.Node:
        return t.row(self.function_name(expr.name, expr.order), fence(self.expr(expr.argument)))

    def function_name(self, name: str, order: int = 0) -> t.Node:
        """The symbol of a function, σ or softmax, with its primes."""
        registered = next((registry[name].symbol for registry in (ACTIVATIONS, FUNCTIONS) if name in registry), name)
        text = self.notation.functions.get(name) or registered
        words, _, sub = text.partition("_")
        *front, last = (t.Symbol(w, "italic" if len(w) == 1 or w in GLYPHS else "upright") for w in words.split())
        letter: t.Node = t.Scripts(last, t.Symbol(sub, "upright")) if sub else last
        letter = t.Prime(letter, order) if order else letter
        return t.row(*(part for f in front for part in (f, t.Space("thin"))), letter) if front else letter

    def abstract(self, expr: Abstract) -> t.Node:
        return t.row(self.whole(expr.value), t.Fence(t.join(map(self.whole, expr.arguments), t.Operator("comma"))))

    def derivative(self, expr: Derivative) -> t.Node:
        order = sum(n for _, n in expr.variable_count)
        sign = t.Symbol("d" if all(isinstance(v, Symbol) for v, _ in expr.variable_count) else "partial")
        above: t.Node = sign if order == 1 else t.Scripts(sign, None, self.expr(order))
        below: list[t.Node] = []
        for v, n in expr.variable_count:
            node = self.expr(v)
            below += [sign, node if n == 1 else t.Scripts(node if isinstance(node, t.Symbol) else fence(node), None, self.expr(n))]
        if isinstance(expr.expr, Entry) and not isinstance(expr.expr.tensor, Grad):
            return t.Fraction(t.row(above, self.entry(expr.expr)), t.row(*below))
        body = self.expr(expr.expr)
        loose = isinstance(expr.expr, (Add, Mul)) and not isinstance(body, t.Fraction)
        if loose:
            return t.row(t.Fraction(above, t.row(*below)), fence(body))
        gap = () if t.is_word(t.row(body).items[0]) else (t.Space("thin"),)
        return t.row(t.Fraction(above, t.row(*below)), *gap, body)

    def exponential(self, expr: exp) -> t.Node:
        node = self.expr(expr.args[0])
        if self.holes or tall(node) or self.notation.exponential == "function":
            return t.row(t.Symbol("exp", "upright"), fence(node))
        return t.Scripts(t.Symbol("e"), None, node)

    def logarithm(self, expr: log) -> t.Node:
        node = self.expr(expr.args[0])
        bare = not self.holes and isinstance(expr.args[0], (Entry, Symbol)) and not isinstance(node, t.Fraction)
        return t.row(t.Symbol("log", "upright"), node if bare else fence(node))

    def cases(self, expr: Piecewise) -> t.Node:
        lines: list[tuple[t.Node, t.Node]] = []
        for value, condition in expr.args:
            if condition == True:  # noqa: E712 - SymPy's true is no bool
                lines.append((self.expr(value), t.Text(self.words["otherwise"])))
            else:
                lines.append((self.expr(value), t.row(t.Text(f"{self.words['if']} "), self.expr(condition))))
        return t.Cases(tuple(lines))

    def relation(self, expr: Relational) -> t.Node:
        return t.row(self.expr(expr.lhs), t.Operator(_RELATIONS[type(expr)]), self.expr(expr.rhs))

    def connective(self, expr: Any) -> t.Node:
        word = self.words["and" if isinstance(expr, And) else "or"]
        return t.join(map(self.expr, expr.args), t.Text(f" {word} "))

    def kronecker(self, expr: KroneckerDelta) -> t.Node:
        return t.Scripts(glyph(self.notation.kronecker), self.subscript(expr.args[:2]))

    def rational(self, number: Any) -> t.Node:
        if isinstance(number, Float):
            return t.number(repr(float(number)))
        if number < 0:
            return t.row(t.Operator("minus_unary"), self.rational(-number))
        if number.q == 1:
            return t.Number(str(number.p))
        if number.q > 100 and has_short_decimal(number.q):
            with localcontext(prec=60):
                return t.Number(f"{Decimal(number.p) / Decimal(number.q):f}")
        return t.Fraction(t.Number(str(number.p)), t.Number(str(number.q)))


def _flat_terms(expr: Any) -> list[Any]:
    return [u for a in expr.args for u in (_flat_terms(a) if isinstance(a, Add) else (a,))]


def _ends_in_cases(expr: Any) -> bool:
    if isinstance(expr, (Mul, Sum, Derivative)):
        return _ends_in_cases(expr.args[-1] if isinstance(expr, Mul) else expr.args[0])
    return isinstance(expr, Piecewise)


_METHODS: tuple[tuple[Any, Any], ...] = (
    (Entry, Elements.entry),
    (Tensor, Elements.whole),
    (Func, Elements.function),
    (Abstract, Elements.abstract),
    (Partial, lambda b, e: b.partial(e.of, e.wrt)),
    (Add, Elements.sum_of_terms),
    (Mul, Elements.product_of),
    (Pow, Elements.power),
    (Sum, Elements.total),
    (Derivative, Elements.derivative),
    (KroneckerDelta, Elements.kronecker),
    (Piecewise, Elements.cases),
    (exp, Elements.exponential),
    (log, Elements.logarithm),
    (Abs, lambda b, e: fence(b.expr(e.args[0]), "|", "|")),
    (AppliedUndef, Elements.size),
    (Symbol, Elements.scalar),
    ((Rational, Float), Elements.rational),
    (Relational, Elements.relation),
    ((And, Or), Elements.connective),
    (type(S.Pi), lambda b, e: t.Symbol("pi")),
    (type(E), lambda b, e: t.Symbol("e")),
    (type(S.Infinity), lambda b, e: t.Symbol("infty")),
    (type(S.NegativeInfinity), lambda b, e: t.row(t.Operator("minus_unary"), t.Symbol("infty"))),
)
