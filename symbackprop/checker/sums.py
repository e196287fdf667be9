"""Sums and products over indices and layers, conditions, and cases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

from sympy import Integer

from symbackprop.checker.classes import is_class
from symbackprop.checker.context import Misfit, Unreadable
from symbackprop.checker.faces import Typed
from symbackprop.checker.names import identifier
from symbackprop.checker.products import product
from symbackprop.checker.symbols import family_number, key
from symbackprop.checker.terms import ONE, Add, Compare, Num, Position, Scalar, Sum, Term, Where, add, mul, negative
from symbackprop.checker.walk import Walk, affine
from symbackprop.languages import Message
from symbackprop.parse.tree import Big, Fence, Listed, Name, Number, Relation, Script, Span, Text, Tree

__all__ = ["big", "cases", "compared", "condition", "over_layers", "sum_range", "test", "where"]


def big(reader: Walk, tree: Big) -> Typed:
    """A sum or product over indices, over layers, or over all entries."""
    if tree.kind not in ("sum", "prod"):
        raise Unreadable(Message("'{kind}' over an index is not read", kind=tree.kind), tree.span)
    if not tree.indices:
        return reader.labels.summed(reader.read(tree.body), "all")
    if key(tree.indices[0]) in reader.context.families and key(tree.indices[0]) not in reader.bound:
        return over_layers(reader, tree)
    first, *others = tree.indices
    letter = key(first)
    label = reader.labels.new(like=letter)
    before = reader.bound.get(letter)
    reader.bound[letter] = label
    if isinstance(tree.low, Number) and tree.low.text == "0":
        reader.from_zero.add(label)
    try:
        body = reader.read(replace(tree, indices=tuple(others), low=None, high=None)) if others else reader.read(tree.body)
        guard = None if tree.condition is None or others else condition(reader, tree.condition)
        start = ONE if tree.low is None else reader.read(tree.low).term
    finally:
        if before is None:
            del reader.bound[letter]
        else:
            reader.bound[letter] = before
    size = reader.labels.sizes.get(label)
    end: Term | None = None
    if tree.high is not None:
        size, end = sum_range(reader, tree, letter, size, start)
    if size is None:
        raise Unreadable(Message("nothing says how far the sum over {letter} runs", letter=letter), tree.span)
    reader.labels.sizes[label] = size
    term = body.term if guard is None else Where(guard, body.term, Num(Fraction(0 if tree.kind == "sum" else 1)))
    if start != ONE and start != Num(Fraction(0)):
        term = Where(Compare(">=", Position(label), start), term, Num(Fraction(0 if tree.kind == "sum" else 1)))
    if end is not None:
        term = Where(Compare("<=", Position(label), end), term, Num(Fraction(0 if tree.kind == "sum" else 1)))
    return replace(body, term=Sum(term, label, size, tree.kind))


def sum_range(reader: Walk, tree: Big, letter: str, size: Any, start: Term) -> tuple[Any, Term | None]:
    """How far a sum runs by its limits: along its whole axis, or to a place some entries before the end, which is given as well."""
    assert tree.high is not None
    term = reader.read(tree.high).term
    high, shift = _counted(term)
    if high is None:
        raise Unreadable(Message("the upper end of the sum over {letter} is no size", letter=letter), tree.high.span)
    if start == Num(Fraction(0)):  # from 0 to n - 1 are n, as from 1 to n
        high, shift = (high, shift + 1) if shift or size != high else (high, shift)
    if size is None or high + shift == size:
        return high + shift, None
    beyond = size - high - shift
    if shift and beyond.is_Integer and beyond > 0:
        return size, add(Scalar(high) if not high.is_Integer else Num(Fraction(int(high))), Num(Fraction(shift)))
    raise Misfit(Message("the sum over {letter} runs to {high}, but its axis has {size}", letter=letter, high=high + shift, size=size), tree.span)


def _counted(term: Term) -> tuple[Any, int]:
    """A size and a whole number added to it; None for any other term."""
    match term:
        case Scalar(size):
            return size, 0
        case Num(value) if value.denominator == 1:
            return Integer(int(value)), 0
        case Add((Scalar(size), Num(value))) if value.denominator == 1:
            return size, int(value)
    return None, 0


def over_layers(reader: Walk, tree: Big) -> Typed:
    """A sum over layers, written out."""
    letter = key(tree.indices[0])
    low, high = reader.context.families[letter]
    everything = {**reader.env, **reader.context.depths}
    if tree.low is not None:
        low = family_number(tree.low, everything) or low
    if tree.high is not None:
        found = family_number(tree.high, everything)
        if found is None:
            raise Unreadable(Message("the upper end of the sum over the layers {letter} is no layer", letter=letter), tree.high.span)
        high = found
    pieces = []
    for n in range(low, high + 1):
        with reader.at({**reader.env, letter: n}):
            pieces.append(reader.read(tree.body))
    if not pieces:
        return Typed(Num(Fraction(0)))
    if tree.kind == "sum":
        return reader.labels.total(pieces, tree.span, False)
    found_product = pieces[0]
    for piece in pieces[1:]:
        found_product = product(reader, "", found_product, piece, tree.span)
    return found_product


def condition(reader: Walk, tree: Tree) -> Term:
    """A relation between numbers, as 1 or 0."""
    found = test(reader, tree)
    if not found.is_scalar:
        raise Misfit(
            Message("a condition on single numbers was expected, not on a matrix of shape {shape}", shape=reader.labels.shape(found)), tree.span
        )
    return found.term


def test(reader: Walk, tree: Tree) -> Typed:
    """A relation between numbers, indices or class numbers as 1 or 0, entry by entry between matrices."""
    match tree:
        case Relation(op, left, right) if op in ("=", "!=", "<", "<=", ">", ">="):
            for number, other in ((left, right), (right, left)):
                entry = is_class(reader, number, other, tree) if op in ("=", "!=") else None
                if entry is not None:
                    return Typed(entry if op == "=" else Add((ONE, negative(entry))))
            a, b = reader.labels.onto(
                compared(reader, left), compared(reader, right), tree.span, Message("a condition entry by entry"), reader.broadcast
            )
            return Typed(Compare(op, a.term, b.term), a.rows or b.rows, a.cols or b.cols)
        case Fence(_, body, _):
            return test(reader, body)
        case Listed(items):
            return Typed(mul(*(condition(reader, i) for i in items)))
        case Text(text):
            raise Unreadable(
                Message("the words '{text}' may be a condition, and words are not read: say it as {example}", text=text, example="i \\ne j"),
                tree.span,
            )
    raise Unreadable(Message("a condition such as {example} was expected here", example="z > 0"), tree.span)


def compared(reader: Walk, tree: Tree) -> Typed:
    """One side of a condition: an index or a quantity."""
    if isinstance(tree, Name) and key(tree) in reader.bound:
        bound = reader.bound[key(tree)]
        assert isinstance(bound, str)
        return Typed(Position(affine(bound, 1, -1) if reader.counts_from_zero(bound) else bound))
    if (
        isinstance(tree, (Name, Script))
        and reader.lookup(tree) is None
        and not (reader.python and isinstance(tree, Name) and identifier(reader, tree.name))
    ):
        return Typed(Position(reader.index(tree, tree)))
    return reader.read(tree)


def cases(reader: Walk, pieces: Sequence[tuple[Tree, Tree | None]], span: Span) -> Typed:
    """Values under conditions, the last for all others."""
    *first, (last, _) = pieces
    found = reader.read(last)
    for value, when in reversed(first):
        if when is None:
            raise Unreadable(Message("each case but the last needs a condition"), span)
        found = where(reader, test(reader, when), reader.read(value), found, span)
    return found


def where(reader: Walk, test: Typed, then: Typed, otherwise: Typed, span: Span) -> Typed:
    """One matrix where a condition holds, the other elsewhere."""
    then, otherwise = reader.labels.onto(then, otherwise, span, Message("the cases"), reader.broadcast)
    whole, test = reader.labels.onto(otherwise if then.is_scalar else then, test, span, Message("a condition and its cases"), reader.broadcast)
    return Typed(Where(test.term, then.term, otherwise.term), whole.rows or test.rows, whole.cols or test.cols)
