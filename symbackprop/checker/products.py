"""Products, quotients, powers and stacks, by the sign between two terms and what the conventions say of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from math import prod

from sympy import Integer

from symbackprop.checker.context import Misfit, Unreadable
from symbackprop.checker.faces import Typed
from symbackprop.checker.terms import Add, Affine, Compare, Div, Index, Mul, Num, Position, Pow, Scalar, Term, Where, mul, relabel
from symbackprop.checker.walk import Walk
from symbackprop.languages import Message
from symbackprop.parse.tree import Span

__all__ = ["constant", "matrix_product", "power", "product", "quotient", "squared_norm", "stacked"]

_ELEMENTWISE = {"odot", "circ", ".*", "bullet", "ast", "star", "./", "oslash"}


def product(reader: Walk, op: str, x: Typed, y: Typed, span: Span) -> Typed:
    """The product of two terms, by the sign between them and what the conventions say of it."""
    if op == "@" and (isinstance(x.term, Num) or isinstance(y.term, Num)):
        raise Misfit(Message("the sign @ stands between matrices, not beside a number"), span)
    if x.is_scalar or y.is_scalar:
        return Typed(mul(x.term, y.term), x.rows or y.rows, x.cols or y.cols)
    conventions, labels = reader.context.conventions, reader.labels
    if op in _ELEMENTWISE:
        return labels.elementwise(x, y, span, reader.broadcast)
    if op == "otimes":
        return labels.matmul(x, labels.transpose(y), span)
    if op == "@" or (op == "" and conventions.juxtaposition == "matrix"):
        return matrix_product(reader, x, y, span)
    way = "elementwise" if reader.python else conventions.star if op == "*" else conventions.juxtaposition if op == "" else conventions.cdot
    if way == "elementwise":
        return labels.elementwise(x, y, span, reader.broadcast)
    if way == "matrix":
        return labels.matmul(x, y, span)
    fits, conforms = labels.fits(x, y), labels.conforms(x, y)
    if fits and (conforms or x.is_vector):
        other = "matrix product" if conforms else "inner product"
        way = reader.choose(f"the sign {op or 'of juxtaposition'}", ("product entry by entry", other), span)
        return (
            labels.elementwise(x, y, span) if way == "product entry by entry" else labels.matmul(x, y, span) if conforms else labels.inner(x, y, span)
        )
    return labels.elementwise(x, y, span) if fits else labels.matmul(x, y, span)


def matrix_product(reader: Walk, x: Typed, y: Typed, span: Span) -> Typed:
    """A matrix product; in Python a vector lies as it is needed."""
    if reader.python and not reader.labels.conforms(x, y):
        for a, b in ((x, reader.labels.transpose(y)) if y.is_vector else (x, y), (reader.labels.transpose(x) if x.is_vector else x, y)):
            if reader.labels.conforms(a, b):
                return reader.labels.matmul(a, b, span)
    return reader.labels.matmul(x, y, span)


def quotient(reader: Walk, x: Typed, y: Typed, span: Span) -> Typed:
    """A quotient, entry by entry."""
    if y.term == Num(Fraction(0)):
        raise Unreadable(Message("a division by zero"), span)
    x, y = reader.labels.onto(x, y, span, Message("a quotient entry by entry"), reader.broadcast)
    if isinstance(x.term, Num) and isinstance(y.term, Num):
        return Typed(Num(x.term.value / y.term.value))
    return Typed(Div(x.term, y.term), x.rows or y.rows, x.cols or y.cols)


def power(reader: Walk, x: Typed, exponent: Typed, span: Span) -> Typed:
    """A power, entry by entry."""
    if not exponent.is_scalar:
        raise Misfit(Message("an exponent is a number, not a matrix of shape {shape}", shape=reader.labels.shape(exponent)), span)
    match x.term, constant(exponent.term):
        case Pow(base, Num(a)), Num(b) if (a * b).denominator == 1 and a.denominator == 2:
            return replace(x, term=base if a * b == 1 else Pow(base, Num(a * b)))
        case Num(a), Num(b) if b.denominator == 1 and abs(b) <= 64 and (a or b > 0):
            return Typed(Num(Fraction(a) ** int(b)))
        case _, Num(b) if abs(b) > 10**6:
            raise Unreadable(Message("this power is too large"), span)
        case base, Num() as number:
            return replace(x, term=Pow(base, number))
    return replace(x, term=Pow(x.term, exponent.term))


def constant(term: Term) -> Term:
    """A sum, product or quotient of numbers as the number that it is; anything else as it stands."""
    match term:
        case Add(terms) | Mul(terms):
            found = [constant(t) for t in terms]
            values = [t.value for t in found if isinstance(t, Num)]
            if len(values) == len(found):
                return Num(sum(values, Fraction(0)) if isinstance(term, Add) else prod(values, start=Fraction(1)))
        case Div(above, below):
            match constant(above), constant(below):
                case Num(a), Num(b) if b:
                    return Num(a / b)
    return term


def squared_norm(reader: Walk, x: Typed) -> Typed:
    """The sum of the squares of all entries."""
    return reader.labels.summed(replace(x, term=Pow(x.term, Num(Fraction(2)))), "all")


def stacked(reader: Walk, pieces: Sequence[Typed], span: Span) -> Typed:
    """Column vectors one below the other."""
    if not all(p.rows is not None and p.cols is None for p in pieces):
        raise Unreadable(Message("only column vectors are stacked"), span)
    sizes = [reader.labels.sizes.get(p.rows or "") for p in pieces]
    if any(n is None for n in sizes):
        raise Unreadable(Message("the pieces of a stack need known sizes"), span)
    label, start, found = reader.labels.new(sum((n for n in sizes if n is not None), Integer(0))), Integer(0), []
    for p, n in zip(pieces, sizes, strict=True):
        shifted: Index = Affine(((label, 1),), -start) if start != 0 else label
        inside = mul(Compare(">", Position(label), Scalar(start)), Compare("<=", Position(label), Scalar(start + n)))
        found.append(Where(inside, relabel(p.term, {p.rows or "": shifted}), Num(Fraction(0))))
        start += n
    return Typed(Add(tuple(found)), rows=label)
