"""Expressions in index notation as typographic nodes; factors and terms keep the order in which they were written."""

from __future__ import annotations

from collections.abc import Sequence
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
from symbackprop.typeset.build_names import Names, fence, glyph, juxtaposed, tall

_RELATIONS = {Eq: "=", Ne: "ne", Lt: "lt", Le: "le", Gt: "gt", Ge: "ge"}
_WORDS = {"sign": "sgn", "Max": "max", "Min": "min", "asin": "arcsin", "acos": "arccos", "atan": "arctan"}
_FUNCTIONS = {*_WORDS, "erf", "erfc", "sin", "cos", "tan", "sinh", "cosh", "tanh", "sech", "coth"}
_ONE = t.Number("1")


class Elements(Names):
    """Expressions in index notation. `holes` are symbols that stand for nodes already set, entry by entry."""

    holes: dict[Any, t.Node]

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

    def signed(self, expr: Any) -> tuple[bool, t.Node]:
        """Whether a minus sign stands before an expression, and what stands behind it."""
        if isinstance(expr, (Rational, Float)) and expr < 0:
            return True, self.expr(-expr)
        if isinstance(expr, Mul) and expr.args[0].is_Number and expr.args[0].is_negative:
            head = -expr.args[0]
            return True, self.product((*(() if head == 1 else (head,)), *expr.args[1:]))
        return False, self.product(expr.args) if isinstance(expr, Mul) else self.expr(expr)

    def sum_of_terms(self, expr: Add) -> t.Node:
        terms = _flat_terms(expr)
        parts: list[t.Node] = []
        for n, term in enumerate(terms):
            negative, node = self.signed(term)
            if negative or n:
                parts.append(t.Operator("minus_unary" if not n else "-" if negative else "+"))
            parts.append(node if n == len(terms) - 1 or not _ends_in_cases(term) else fence(node))
        return t.row(*parts)

    # ------------------------------------------------------------ products

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
        """The factors that the notation's order names in that order, at the places they take up together; the others stay."""
        order = self.notation.factor_order
        ranks = {n: order.index(kind) for n, f in enumerate(factors) if (kind := _kind_of(f)) in order} if not self.holes else {}
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
        if number.q > 100 and _has_short_decimal(number.q):
            with localcontext(prec=60):
                return t.Number(f"{Decimal(number.p) / Decimal(number.q):f}")
        return t.Fraction(t.Number(str(number.p)), t.Number(str(number.q)))


def _kind_of(factor: Any) -> str:
    """What a factor order calls a factor: the name of a quantity, gradient, slope or sum."""
    if isinstance(factor, Entry):
        return "gradient" if isinstance(factor.tensor, Grad) else str(factor.tensor.name)
    return "slope" if isinstance(factor, Func) and factor.order else "sum" if isinstance(factor, Sum) else ""


def _flat_terms(expr: Any) -> list[Any]:
    return [u for a in expr.args for u in (_flat_terms(a) if isinstance(a, Add) else (a,))]


def _has_short_decimal(q: int) -> bool:
    for p in (2, 5):
        while q % p == 0:
            q //= p
    return q == 1


def _is_fraction(expr: Any) -> bool:
    return isinstance(expr, Rational) and expr.q != 1 and not (expr.q > 100 and _has_short_decimal(expr.q))


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
