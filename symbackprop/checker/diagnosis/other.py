"""Right formulas for something else: another gradient, the value itself, one over it, or the diagonal of a Jacobian alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np

from symbackprop.checker.context import Misfit, Unreadable
from symbackprop.checker.faces import Labels, Typed
from symbackprop.checker.problem import Problem
from symbackprop.checker.symbols import key
from symbackprop.checker.terms import Derived, Div, Leaf, Num, Term, free, mul
from symbackprop.checker.values import evaluate
from symbackprop.equations import Tensor
from symbackprop.evaluate import Undecided
from symbackprop.parse.tree import Tree

from .found import Found
from .scene import Scene
from .target import Place, Target, close, named

__all__ = ["other_quantity", "typed_as"]


def other_quantity(s: Scene, target: Target, problem: Problem) -> Found | None:
    """What the right side is worth, if it is a derivative, but not the one on the left."""
    place = target.places[0]
    if not isinstance(place.typed.term, Derived):
        return None
    for found, labels in _readings(target, s.tree, place):
        for kind, other in _others(target, place, found, labels, problem):
            old = s.text if kind == "inverse derivative" else s.left_text or key(s.left)
            return Found(kind, 0, len(s.text), words={"old": old, "new": typed_as(s, target, place, other)})
    return None


def _readings(target: Target, right: Tree, place: Place) -> Iterator[tuple[Typed, Labels]]:
    try:
        yield from target.readings(right, place)
    except (Misfit, Unreadable):
        return


def typed_as(s: Scene, target: Target, place: Place, other: Term) -> str:
    """How a quantity or a derivative would be typed in this line."""
    for text in (*s.whole_symbols, *s.names, *s.beside(("", "-1", "+1")), *s.derivatives(("-1", "+1"))):
        tree = s.read(text)
        if tree is not None and any(named(found.term) == named(other) for found, _ in _readings(target, tree, place)):
            return text
    return f"d{other.of}/d{other.by}" if isinstance(other, Derived) else str(named(other))


def _others(target: Target, place: Place, found: Typed, labels: Labels, problem: Problem) -> Iterator[tuple[str, Term]]:
    """What the right side is: the kind of mistake, and the quantity or derivative that it is about."""
    term = place.typed.term
    assert isinstance(term, Derived)
    here = _here(target, place, found, labels)
    quantities = dict.fromkeys(e.tensor for e in problem.equations if e.tensor != term.of)
    quantities |= {t: None for ts in target.context.uses.values() for t in ts}
    for by in quantities:
        if by != term.by and not term.of.rank and _is_gradient(target, term, by, found, labels):
            yield "another quantity", Derived(term.of, (), by, ())
    if here is None:
        return
    if _same(here, target.number(Leaf(term.of, term.of_indices), place)):
        yield "value for derivative", Leaf(term.of, ())
    if place.typed.is_scalar and not place.letters and _same(here, target.number(Div(Num(Fraction(1)), term), place)):
        yield "inverse derivative", term
    for middle in quantities:
        alike = middle.rank == 1 and term.by.rank == 1 and middle.shape == term.by.shape and middle not in (term.by, term.of)
        if alike and _is_coupled(target, middle, term.by) and _same(here, target.number(_diagonal(term, middle), place)):
            yield "diagonal", Leaf(middle, ())


def _is_coupled(target: Target, of: Tensor, by: Tensor) -> bool:
    """Whether entries of one vector depend on other entries of the other."""
    slopes = target.world.slopes(of, by, False)
    return any(not v.contains(0) for (i, j), v in np.ndenumerate(slopes) if i != j)


def _diagonal(term: Derived, middle: Tensor) -> Term:
    i = term.by_indices
    return mul(Derived(term.of, term.of_indices, middle, i), Derived(middle, i, term.by, i))


def _here(target: Target, place: Place, found: Typed, labels: Labels) -> Any:
    """The value of what was read over the axes of the left side, whatever its own are called."""
    if [k is None for k in found.face] != [k is None for k in place.typed.face]:
        return None
    moved = labels.moved(found, {k: j for k, j in zip(found.face, place.typed.face, strict=True) if k is not None and j is not None})
    return target.number(moved.term, place, labels)


def _same(a: Any, b: Any) -> bool:
    return a is not None and b is not None and a.shape == b.shape and close(a, b)


def _is_gradient(target: Target, term: Derived, by: Tensor, found: Typed, labels: Labels) -> bool:
    """Whether what was read is the gradient by another quantity, in its own shape."""
    axes = [k for k in found.face if k is not None]
    order = axes or sorted(k for k in free(found.term) if k not in found.face)
    if len(order) != by.rank or [labels.sizes.get(k) for k in order] != list(by.shape):
        return False
    sizes = {k: target.world.size(labels.sizes[k]) for k in order}
    try:
        value = evaluate(found.term, target.world, sizes).along(order)
        wanted = evaluate(replace(term, by=by, by_indices=tuple(order)), target.world, sizes).along(order)
    except (Undecided, KeyError):
        return False
    shape = [sizes[k] for k in order]
    return all((a - b).contains(0) for a, b in zip(np.broadcast_to(value, shape).flat, np.broadcast_to(wanted, shape).flat, strict=True))
