"""Which way comparisons go: a line that is right on one side of a kink may be wrong on the other, so points on both are looked for.

An expression whose sign decides a case is a `Turn`: of a term, or of an equation of the problem, and so is what takes one of two numbers.
Comparisons of indices go every way at every point and are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise, product
from typing import Any

import sympy
from sympy.core.relational import Relational

from symbackprop.checker.terms import Compare, Extreme, Fn, Leaf, Num, Sum, Term, add, free, negative, parts_of
from symbackprop.checker.values import World, evaluate
from symbackprop.equations import Entry, Equation, Func, Tensor, substitute, tensors
from symbackprop.evaluate import Undecided
from symbackprop.evaluate.balls import sign
from symbackprop.rules import ACTIVATIONS

__all__ = ["Both", "Sides", "Turn", "of_choice", "of_equations", "of_terms"]

Ranges = Mapping[Any, Any]  # how far each index runs
Functions = Callable[[str], tuple[Any, Any] | None]  # the variable and the formula of a function


@dataclass(frozen=True)
class Turn:
    """What is above zero on one side of a kink and below on the other, and the sizes of its indices."""

    what: Any
    ranges: tuple[tuple[Any, Any], ...]

    def signs(self, world: World) -> set[int]:
        """The signs that it takes at a point; those of entries that have none there are left out."""
        sizes = {k: world.size(n) for k, n in self.ranges}
        try:
            if isinstance(self.what, Term):
                return {sign(v) for v in evaluate(self.what, world, sizes).array.flat}
            places = product(*(range(1, n + 1) for n in sizes.values()))
            return {sign(world.point.value(self.what, dict(zip(sizes, place, strict=True)))) for place in places}
        except Undecided:
            return set()


@dataclass(frozen=True)
class Both:
    """A label and a kink: what a label multiplies is not seen where the label is zero."""

    label: Turn
    kink: Turn

    def signs(self, world: World) -> set[tuple[int, int]]:
        """The pairs of signs that the two take at a point."""
        return set(product(self.label.signs(world), self.kink.signs(world)))


@dataclass
class Sides:
    """The signs that some turns took so far."""

    turns: Iterable[Turn | Both]
    seen: dict[Turn | Both, set[Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.seen = {t: set() for t in self.turns}

    def visit(self, world: World) -> bool:
        """Take a point in; whether it shows a side that no other did."""
        fresh = False
        for turn, signs in self.seen.items():
            if len(signs) < _ways(turn):
                before = len(signs)
                signs |= turn.signs(world)
                fresh = fresh or len(signs) > before
        return fresh

    @property
    def complete(self) -> bool:
        """Whether each turn went every way."""
        return all(len(signs) >= _ways(turn) for turn, signs in self.seen.items())


def _ways(turn: Turn | Both) -> int:
    return 4 if isinstance(turn, Both) else 2


def of_terms(terms: Iterable[Term], sizes: Mapping[str, Any]) -> Iterator[Turn]:
    """The turns in terms whose free labels run over `sizes`."""
    for term in terms:
        bound = {p.label: p.size for p in parts_of(term) if isinstance(p, Sum)}
        for part in parts_of(term):
            for what in _decided_by(part):
                if any(isinstance(p, Leaf) for p in parts_of(what)):
                    known = {**sizes, **bound}
                    yield Turn(what, tuple((k, known[k]) for k in sorted(free(what)) if known.get(k) is not None))


def of_choice(tensor: Tensor, middle: Fraction, fixed: int | None = None) -> Turn:
    """What is given one of few numbers goes below and above their `middle`; along an axis with one number different the first entry does."""
    labels = tuple(f"#{n}" for n in range(tensor.rank))
    entry = Leaf(tensor, tuple(1 if n == fixed else k for n, k in enumerate(labels)))
    return Turn(add(entry, Num(-middle)), tuple((k, size) for n, (k, size) in enumerate(zip(labels, tensor.shape, strict=True)) if n != fixed))


def _decided_by(term: Term) -> Iterator[Term]:
    match term:
        case Compare("<" | "<=" | ">" | ">=", left, right):
            yield add(left, negative(right))
        case Extreme(_, args):
            yield from (add(a, negative(b)) for a, b in pairwise(args))
        case Fn("abs" | "sign", arg, _):
            yield arg
        case Fn(name, arg, _) if name in ACTIVATIONS and ACTIVATIONS[name].kinks:
            yield arg


def of_equations(equations: Iterable[Equation], formula: Functions) -> Iterator[Turn]:
    """The turns in the forward equations of a problem, and in the formulas of their functions."""
    for e in equations:
        ranges = dict(zip(e.lhs.indices if isinstance(e.lhs, Entry) else (), e.tensor.shape, strict=False))
        yield from _turns(e.rhs, ranges, formula)


def _turns(expr: Any, ranges: Ranges, formula: Functions) -> Iterator[Turn]:
    if isinstance(expr, Func) and (found := formula(expr.name)) is not None:
        yield from _turns(substitute(found[1], {found[0]: expr.argument}), ranges, formula)
    if isinstance(expr, sympy.Sum):
        ranges = {**ranges, **{k: high for k, low, high in expr.limits if low == 1}}
    for what in _compared(expr):
        if tensors(what):
            yield Turn(what, tuple((k, n) for k, n in ranges.items() if k in what.free_symbols))
    if not isinstance(expr, Entry):
        for a in getattr(expr, "args", ()):
            yield from _turns(a, ranges, formula)


def _compared(expr: Any) -> Iterator[Any]:
    match expr:
        case sympy.Eq() | sympy.Ne():
            return
        case Relational():
            yield expr.lhs - expr.rhs
        case sympy.Max() | sympy.Min():
            yield from (a - b for a, b in pairwise(expr.args))
        case sympy.Abs() | sympy.sign():
            yield expr.args[0]
