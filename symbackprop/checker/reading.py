"""From what was typed to what it means: each node of a parsed formula as a term with rows and columns, in one context, at one layer.

Where two readings are possible, `Reader.choose` answers with one and records that there was a choice; the judge tries them all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction
from itertools import product

from symbackprop.checker.applied import listed, written_with
from symbackprop.checker.bars import function_name, magnitude
from symbackprop.checker.context import Context, Function, Misfit, Quantity, Unreadable
from symbackprop.checker.entries import whole
from symbackprop.checker.faces import Typed
from symbackprop.checker.functions import call, coupled
from symbackprop.checker.names import differential, gradient, symbol, variable
from symbackprop.checker.products import power, quotient, squared_norm, stacked
from symbackprop.checker.products import product as product_of
from symbackprop.checker.slopes import depends_on, derived, increment
from symbackprop.checker.sums import big, cases, test
from symbackprop.checker.symbols import key
from symbackprop.checker.terms import ONE, Fn, Leaf, Num, Term, leaves, negative
from symbackprop.checker.walk import Choices, Walk
from symbackprop.equations import Tensor
from symbackprop.languages import Message
from symbackprop.parse.tree import (
    Big,
    Call,
    Cases,
    Derivative,
    Dots,
    Fence,
    Indicator,
    Infix,
    Juxtaposed,
    Listed,
    Matrix,
    Nabla,
    Name,
    Number,
    Relation,
    Root,
    Script,
    Signed,
    Span,
    Text,
    Tree,
)
from symbackprop.parse.tree import Fraction as Frac

__all__ = ["Reader", "derivative", "is_letter", "is_quantity", "nabla", "reached", "reaching", "readings", "side_by_side", "with_bracket"]


_DEEPEST, _MOST = 200, 5_000  # trees read inside each other, and in all: a name stands for its formula wherever it is used


class Reader(Walk):
    """Reads the trees of one line in one context; each node has its rule."""

    def read(self, tree: Tree) -> Typed:
        """What a tree means. Raises `Misfit` for shapes that do not fit, `Unreadable` for what has no meaning."""
        self.depth += 1
        self.count += 1
        if self.depth > _DEEPEST or self.count > _MOST:
            raise Unreadable(Message("the line is too large once its names are written out"), tree.span)
        try:
            return self._read(tree)
        finally:
            self.depth -= 1

    def _read(self, tree: Tree) -> Typed:
        named = self.context.named.get(key(tree)) if isinstance(tree, (Call, Script, Juxtaposed, Nabla)) else None
        if named is not None:
            return self.read(named)
        match tree:
            case Number(text):
                if len(text.lower().partition("e")[2]) > 4:
                    raise Unreadable(Message("this number is too large"), tree.span)
                return Typed(Num(Fraction(text)))
            case Name() | Script():
                return symbol(self, tree)
            case Signed(op, arg):
                found = self.read(arg)
                return replace(found, term=negative(found.term)) if op == "-" else found
            case Infix("+" | "-" as op, left, right):
                a, b = self.read(left), self.read(right)
                return self.labels.total([a, replace(b, term=negative(b.term)) if op == "-" else b], tree.span, self.broadcast)
            case Infix("/" | "./" | "oslash", above, below) | Frac(above, below):
                return quotient(self, self.read(above), self.read(below), tree.span)
            case Infix("**", base, exponent):
                return power(self, self.read(base), self.read(exponent), tree.span)
            case Infix(op, left, right):
                return product_of(self, op, self.read(left), self.read(right), tree.span)
            case Juxtaposed(items):
                return side_by_side(self, items, tree.span)
            case Fence("|", body, "|"):
                return magnitude(self, body, tree.span)
            case Fence("||", body, "||"):
                return power(self, squared_norm(self, self.read(body)), Typed(Num(Fraction(1, 2))), tree.span)
            case Fence("<", Listed((left, right)), ">"):
                return self.labels.inner(self.read(left), self.read(right), tree.span)
            case Fence("[" | "(", Listed(items, ";" | ","), _):
                return stacked(self, [self.read(i) for i in items], tree.span)
            case Fence(_, body, _):
                return self.read(body)
            case Root(arg, degree):
                order = Typed(Num(Fraction(2))) if degree is None else self.read(degree)
                return power(self, self.read(arg), quotient(self, Typed(ONE), order, tree.span), tree.span)
            case Derivative():
                return derivative(self, tree)
            case Nabla():
                return nabla(self, tree)
            case Big():
                return big(self, tree)
            case Call():
                return call(self, tree)
            case Indicator(condition):
                return test(self, condition)
            case Cases(pieces):
                return cases(self, pieces, tree.span)
            case Matrix(rows) if all(len(r) == 1 for r in rows):
                return stacked(self, [self.read(r[0]) for r in rows], tree.span)
            case Relation():
                return test(self, tree)
            case Dots():
                raise Unreadable(Message("dots are not read: write the sum with its sign"), tree.span)
            case Text(text):
                raise Unreadable(Message("the words '{text}' stand where a formula should", text=text), tree.span)
        raise Unreadable(Message("this construct is not read"), tree.span)


def readings(trees: Sequence[Tree], context: Context, env: Mapping[str, int], python: bool) -> Iterator[tuple[int, ...]]:
    """All ways of reading trees: a number for each place where there is a choice."""
    choices = Choices()
    reader = Reader(context, env, choices, python=python)
    with suppress(Misfit, Unreadable):
        for tree in trees:
            reader.read(tree)
    return product(*(range(len(options)) for _, options, _ in choices.offered))


def side_by_side(reader: Walk, items: tuple[Tree, ...], span: Span) -> Typed:
    """A product without a sign; `d` before a quantity makes it a gradient or a differential, and one that was declared is one thing."""
    factors: list[Typed] = []
    rest = [t for t in items if not isinstance(t, Text)]
    while rest:
        count = next((n for n in range(len(rest), 1, -1) if key(Juxtaposed(tuple(rest[:n]))) in reader.context.named), 0)
        if count:
            factors.append(reader.read(reader.context.named[key(Juxtaposed(tuple(rest[:count])))]))
            rest = rest[count:]
        elif (reach := reaching(reader, rest)) > 1:
            factors.append(reader.read(reached(rest[:reach])))
            rest = rest[reach:]
        elif len(rest) > 1 and (whole := with_bracket(reader, rest[0], rest[1])) is not None:
            factors.append(reader.read(whole))
            rest = rest[2:]
        elif len(rest) > 1 and key(rest[0]) == "d" and "d" not in reader.context.symbols and is_letter(rest[1]):
            whole = differential(rest[1])
            factors.append(symbol(reader, whole) if reader.lookup(whole) is not None else gradient(reader, rest[1]))
            rest = rest[2:]
        elif len(rest) > 1 and key(rest[0]) == "d" and "d" not in reader.context.symbols and reader.context.increments is not None:
            factors.append(increment(reader, reader.read(rest[1]), span))
            rest = rest[2:]
        else:
            factors.append(reader.read(rest[0]))
            rest = rest[1:]
    found = factors[0]
    for factor in factors[1:]:
        found = product_of(reader, "", found, factor, span)
    return found


def reaching(reader: Walk, factors: Sequence[Tree]) -> int:
    r"""How many factors belong to a function without brackets: in `\cos xy` writers differ, of `\log 2 \pi s` they take the logarithm."""
    call = factors[0]
    if not isinstance(call, Call) or not call.args or call.args[-1].span.end != call.span.end or isinstance(call.args[-1], Fence):
        return 1
    count = next((n for n, f in enumerate(factors[1:], 1) if not isinstance(f, (Name, Script, Number, Frac))), len(factors))
    if count == 1:
        return 1
    if isinstance(call.args[-1], Number):
        return count
    way = reader.choose(f"the argument of {key(call.function)}", ("the next factor", "the product behind it"), call.span)
    return count if way == "the product behind it" else 1


def reached(factors: Sequence[Tree]) -> Tree:
    """A function of the product of all that stands behind it."""
    call, *more = factors
    assert isinstance(call, Call)
    span = Span(call.args[-1].span.start, more[-1].span.end)
    return replace(call, args=(Juxtaposed((call.args[-1], *more), span=span),), span=Span(call.span.start, span.end + 1))


def with_bracket(reader: Walk, tree: Tree, bracket: Tree) -> Tree | None:
    """The quantity that is written with a bracket behind it, `J(w)`, without the bracket; None where the bracket is a factor."""
    if not isinstance(bracket, Fence) or bracket.open != "(":
        return None
    known = reader.context.applied.get(key(tree))
    if known is None:
        return tree if is_quantity(reader, tree) and depends_on(reader, reader.read(tree), bracket.body) else None
    return written_with(known, tree, listed(bracket.body))


def derivative(reader: Walk, tree: Derivative) -> Typed:
    """A derivative written as a fraction; of a function by its argument it is that of the function."""
    if len(tree.by) != 1:
        raise Unreadable(Message("second derivatives are not read"), tree.span)
    if tree.of is None:
        raise Unreadable(Message("nothing is differentiated here"), tree.span)
    by = reader.read(tree.by[0]) if is_quantity(reader, tree.by[0]) else None
    function = function_name(reader, tree.of)
    if function is not None and by is not None:
        declared = reader.lookup(tree.of)
        if declared is not None and isinstance(declared[0].meaning, Function) and declared[0].meaning.coupled:
            return coupled(reader, function, by, 1, tree)
        return replace(by, term=Fn(function, by.term, 1))
    return derived(reader, reader.read(tree.of), variable(reader, tree.by[0]), tree.span)


def is_quantity(reader: Walk, tree: Tree) -> bool:
    """Whether a tree is a symbol that was declared."""
    return isinstance(tree, (Name, Script)) and reader.lookup(tree) is not None


def nabla(reader: Walk, tree: Nabla) -> Typed:
    """A gradient, by the quantity below its sign."""
    if tree.by is None and (pair := taken_at(reader, tree.of)) is not None:
        return derived(reader, reader.read(pair[0]), variable(reader, pair[1]), tree.span)
    if tree.by is None:
        of = reader.read(tree.of)
        said = reader.context.applied.get(key(tree.of.function if isinstance(tree.of, Call) else tree.of))
        if said is not None and len(said.arguments) == 1 and is_quantity(reader, said.arguments[0]):  # J(w) is a function of w
            return derived(reader, of, variable(reader, said.arguments[0]), tree.span)
        found = sources(reader, of.term)
        if len(found) != 1:
            raise Unreadable(Message("the gradient needs what it is taken by, as in {example}", example="\\nabla_a C"), tree.span)
        return derived(reader, of, found[0], tree.span)
    return derived(reader, reader.read(tree.of), variable(reader, tree.by), tree.span)


def taken_at(reader: Walk, tree: Tree) -> tuple[Tree, Tree] | None:
    """A quantity and the one that stands in brackets behind it, `f(w)`: the gradient is taken by that."""
    match tree:
        case Juxtaposed((of, Fence("(", by, ")"))) | Call(of, (by,)):
            return (of, by) if is_quantity(reader, of) and is_quantity(reader, by) and reader.read(of).is_scalar else None
    return None


def sources(reader: Walk, term: Term) -> list[Typed]:
    """The quantities without an equation that a term depends on, each whole."""
    waiting = [t.tensor for t in leaves(term) if isinstance(t, Leaf)]
    given: dict[Tensor, None] = {}
    while waiting:
        tensor = waiting.pop()
        uses = reader.context.uses.get(tensor)
        waiting += uses or ()
        given |= {} if uses else {tensor: None}
    quantities = [s.meaning for symbols in reader.context.symbols.values() for s in symbols if isinstance(s.meaning, Quantity)]
    return [whole(reader, t, next(q for q in quantities if t in q.faces)) for t in given if any(t in q.faces for q in quantities)]


def is_letter(tree: Tree) -> bool:
    """Whether a tree is a letter with or without scripts."""
    return isinstance(tree, Name) or (isinstance(tree, Script) and is_letter(tree.base))
