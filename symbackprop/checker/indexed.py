"""Terms as index expressions: what the prover, the network and the printer understand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sympy
from sympy import Integer, KroneckerDelta, Piecewise, Pow, Product, Rational, S

from symbackprop.checker.terms import (
    Add,
    Affine,
    Compare,
    Delta,
    Derived,
    Div,
    Extreme,
    Fn,
    Index,
    Leaf,
    Mul,
    Num,
    Position,
    Scalar,
    Sum,
    Term,
    Where,
)
from symbackprop.checker.terms import Pow as Power
from symbackprop.equations import Entry, Func, Grad, Partial, add, index, mul, summation
from symbackprop.unfolding import derivative_at

__all__ = ["NoIndexForm", "index_expression", "index_of"]

_FUNCTIONS: Mapping[str, Any] = {
    "exp": sympy.exp, "log": sympy.log, "sin": sympy.sin, "cos": sympy.cos, "sinh": sympy.sinh, "cosh": sympy.cosh, "erf": sympy.erf,
    "abs": sympy.Abs, "sign": sympy.sign, "atan": sympy.atan, "sqrt": lambda x: Pow(x, S.Half, evaluate=False),
}  # fmt: skip
_RELATIONS: Mapping[str, Any] = {
    "=": sympy.Eq, "!=": sympy.Ne, "<": sympy.StrictLessThan, "<=": sympy.LessThan, ">": sympy.StrictGreaterThan, ">=": sympy.GreaterThan,
}  # fmt: skip


class NoIndexForm(Exception):
    """A term that index expressions have no node for: it is judged by its values alone."""


def index_of(i: Index) -> Any:
    """An index as SymPy has it."""
    if isinstance(i, int):
        return Integer(i)
    if isinstance(i, Affine):
        return sum((c * index_of(k) for k, c in i.parts), sympy.sympify(i.constant, strict=True))
    return index("".join(c if c.isalnum() else {"'": "_prime", "#": "k_", "@": "d_"}.get(c, "_") for c in i))


def index_expression(term: Term) -> Any:
    """The term as an index expression, factors and terms in their order.

    Raises `NoIndexForm` for the derivative of what is no scalar along all paths, and of a written expression.
    """
    match term:
        case Num(value):
            return Rational(value.numerator, value.denominator)
        case Scalar(symbol):
            return symbol
        case Position(i):
            return index_of(i)
        case Leaf(tensor, indices):
            return Entry(tensor, *map(index_of, indices))
        case Derived(of, _, by, by_indices, False) if not of.rank:
            return S.One if of == by else Entry(Grad(of, by), *map(index_of, by_indices))
        case Derived(of, of_indices, by, by_indices, True):
            return Partial(Entry(of, *map(index_of, of_indices)), Entry(by, *map(index_of, by_indices)))
        case Delta(left, right):
            return KroneckerDelta(index_of(left), index_of(right))
        case Add(terms):
            return add(*map(index_expression, terms))
        case Mul(factors):
            return mul(*map(index_expression, factors))
        case Div(above, below):
            return mul(index_expression(above), Pow(index_expression(below), -1, evaluate=False))
        case Power(base, exponent):
            return Pow(index_expression(base), index_expression(exponent), evaluate=False)
        case Fn(name, arg, 0) if name in _FUNCTIONS:
            return _FUNCTIONS[name](index_expression(arg))
        case Fn(name, arg, order) if name in _FUNCTIONS:
            return derivative_at(_FUNCTIONS[name], order, index_expression(arg))
        case Fn(name, arg, order):
            return Func(name, index_expression(arg), order)
        case Extreme(name, args):
            return (sympy.Max if name == "max" else sympy.Min)(*map(index_expression, args))
        case Where(condition, then, otherwise):
            return Piecewise((index_expression(then), _condition(condition)), (index_expression(otherwise), True), evaluate=False)
        case Compare():
            return Piecewise((1, _condition(term)), (0, True), evaluate=False)
        case Sum(body, label, size, "sum"):
            return summation(index_expression(body), (index_of(label), 1, size))
        case Sum(body, label, size, _):
            return Product(index_expression(body), (index_of(label), 1, size))
    raise NoIndexForm(f"no index form is known for {type(term).__name__}")


def _condition(term: Term) -> Any:
    """A term that is 1 or 0 as the condition that it is 1."""
    match term:
        case Compare(sign, left, right):
            return _RELATIONS[sign](index_expression(left), index_expression(right), evaluate=False)
        case Mul(factors):
            return sympy.And(*map(_condition, factors), evaluate=False)
    return sympy.Eq(index_expression(term), 1, evaluate=False)
