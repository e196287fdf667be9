"""Numbers as they are printed, and formulas with numbers in the place of their letters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Context, Decimal
from fractions import Fraction
from typing import Any

from sympy import Symbol

from symbackprop.documents.blocks import Equations, Proved
from symbackprop.equations import Equation, entries
from symbackprop.evaluate.balls import ball, precision
from symbackprop.languages import Language, Message
from symbackprop.notation import Notation
from symbackprop.prove import Proof
from symbackprop.typeset import tree as t
from symbackprop.typeset.build import Builder
from symbackprop.typeset.build_names import WORDS, fence
from symbackprop.worked.numbers import DIGITS, Line, Number

__all__ = ["Printer", "decimal"]

AT_VALUES = Proof(Message("at the given values"), "both sides agree to 40 digits, derivatives by power series")
_PLAIN = (-4, 7)  # powers of ten between which a number is written without one
_SPARE = 40  # digits of what was given that are shown in full


def decimal(number: Number, digits: int) -> tuple[str, bool]:
    """A number to so many significant digits, and whether it had to be rounded; one that was given as a decimal stays as it is.

    >>> from symbackprop.worked.numbers import given
    >>> decimal(given(Fraction(1, 3)), 4), decimal(given(Fraction("0.123456")), 4)
    (('0.3333', True), ('0.123456', False))
    """
    with precision(DIGITS):
        whole = Decimal(number.ball.mid().str(DIGITS - 10, radius=False))
        shown = Context(prec=_SPARE).plus(whole)
        if not number.given or Fraction(shown) != number.fraction:
            shown = Context(prec=digits).plus(whole)
        rounded = not (number.ball - ball(Fraction(shown))).contains(0)
    if not rounded:
        shown = shown.normalize()
    low, high = _PLAIN
    plain = not shown or low <= shown.adjusted() < max(high, digits)
    return f"{shown:f}" if plain else f"{shown:e}", rounded


class Printer(Builder):
    """Builds formulas with numbers in the place of letters; a dot stands between factors, and a sign before them."""

    def __init__(
        self, numbers: Mapping[Any, Number], digits: int, exact: bool, notation: Notation, language: Language, samples: Any, last: Any,
    ) -> None:  # fmt: skip
        super().__init__(notation, samples, {name: language.say(word) for name, word in WORDS.items()}, last, 0)
        self.numbers, self.digits, self.exact = numbers, digits, exact

    def number_of(self, number: Number) -> tuple[t.Node, bool]:
        """A number as it is printed, and whether it had to be rounded."""
        if self.exact and number.fraction is not None:
            return _over(number.fraction), False
        text, rounded = decimal(number, self.digits)
        return t.number(text), rounded

    def expr(self, expr: Any) -> t.Node:
        """An expression; a letter that has a number is that number."""
        return self.number_of(self.numbers[expr])[0] if expr in self.numbers else super().expr(expr)

    def signed(self, expr: Any) -> tuple[bool, t.Node]:
        """A negative number gives its sign to the term that it begins."""
        negative, node = super().signed(expr)
        items = t.row(node).items
        if items[:1] != (t.Operator("minus_unary"),):
            return negative, node
        return (True, fence(node)) if negative else (True, t.row(*items[1:]))

    def side_by_side(self, nodes: Any) -> t.Node:
        """Factors with a dot between them."""
        return t.join([node for node, _ in nodes], t.Operator("cdot"))

    def value(self, entry: Any) -> t.Node:
        """The number of an entry as it is printed."""
        return self.number_of(self.numbers[entry])[0]

    def block(self, lines: Iterable[Line], *above: Proved) -> Equations:
        """Lines one below the other; each is printed when the numbers before it are known. What is `above` is not said twice."""
        found = [p for line in lines for p in self.proved(line)]
        said = {(p.equation.lhs, p.equation.rhs) for p in found}
        return Equations((*(p for p in above if (p.equation.lhs, p.equation.rhs) not in said), *found))

    def proved(self, line: Line) -> Iterator[Proved]:
        """A line as it is printed: the formula, below it the formula with numbers and what comes of it."""
        value, rounded = self.number_of(line.number)
        if line.formula in self.numbers:
            plain = Builder(self.notation, self.samples, self.words, self.last, 0)
            shown = t.row(plain.expr(line.formula), _sign(rounded), value)
            yield Proved(Equation(line.lhs, shown, relation=line.relation), AT_VALUES)
            return
        used = {*entries(line.formula), *line.formula.atoms(Symbol)} & self.numbers.keys()
        near = any(self.number_of(self.numbers[e])[1] for e in used)
        yield Proved(Equation(line.lhs, line.formula, relation=line.relation), AT_VALUES)
        if not line.formula.is_Number:
            yield Proved(Equation(None, t.row(self.expr(line.formula), _sign(rounded), value), relation="approx" if near else "="), AT_VALUES)


def _over(value: Fraction) -> t.Node:
    """A fraction as it is, one that a short decimal could say too."""
    if value < 0:
        return t.row(t.Operator("minus_unary"), _over(-value))
    above = t.Number(str(value.numerator))
    return above if value.denominator == 1 else t.Fraction(above, t.Number(str(value.denominator)))


def _sign(rounded: bool) -> t.Operator:
    return t.Operator("approx" if rounded else "=")
