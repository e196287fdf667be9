"""What a right side should be worth: the left side at one point, layer by layer, with which thousands of candidates are compared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np

from symbackprop.checker.compare import instances, measure, on_one_face
from symbackprop.checker.context import Context, Misfit, OutOfLayers, Unreadable
from symbackprop.checker.conventions import on_leading_block
from symbackprop.checker.faces import Labels, Typed
from symbackprop.checker.reading import Reader
from symbackprop.checker.sums import condition
from symbackprop.checker.terms import Derived, Leaf, Term, free
from symbackprop.checker.values import World, evaluate
from symbackprop.checker.walk import Choices
from symbackprop.evaluate import Undecided
from symbackprop.parse.tree import Span, Tree

from .rereading import Memory, Rereader

__all__ = ["Place", "Target", "close", "named"]

_READINGS = 4


@dataclass(frozen=True)
class Place:
    """The left side at one layer: its term, the labels of its axes, and its value over them; `allowed` where the conditions hold."""

    typed: Typed
    labels: Labels
    env: Mapping[str, int]
    letters: tuple[str, ...]
    shape: tuple[int, ...]
    value: Any
    allowed: Any
    memory: Memory

    def ratio(self, value: Any) -> float | None:
        """The one number by which a value is too large; None if there is none."""
        a, b = value[self.allowed], self.value[self.allowed]
        if not a.size or np.any(np.abs(b) < 1e-9) or np.any(np.abs(a) < 1e-9):
            return None
        found = a / b
        return float(found.flat[0]) if close(found, found.flat[0]) else None


@dataclass(frozen=True)
class Target:
    """The left side at its layers, those where everything has a neighbour first."""

    context: Context
    world: World
    python: bool
    places: tuple[Place, ...]

    @staticmethod
    def of(
        left: Tree, right: Tree, world: World, context: Context, conditions: Sequence[Tree], python: bool, opening: Tree | None
    ) -> Target | None:
        """The target of a line at a point; None where its left side has no value."""
        target = Target(context, world, python, ())
        trees = (left, right, *conditions, *(() if opening is None else (opening,)))
        found = [p for env in _inside_out(instances(trees, context)) for p in target._place(left, right, conditions, env, opening)]
        return Target(context, world, python, tuple(found)) if found else None

    def _place(self, left: Tree, right: Tree, conditions: Sequence[Tree], env: Mapping[str, int], opening: Tree | None) -> Iterator[Place]:
        labels = Labels()
        reader = Reader(self.context, env, labels=labels, python=self.python)
        try:
            if opening is not None:
                reader.read(opening)
            typed = reader.read(left)
            self._measured(typed, right, labels, env)
            masks = [condition(reader, c) for c in conditions if not self._about_layers(c)]
            measure(masks, labels)
            letters = tuple(sorted(free(typed.term) | {k for k in typed.face if k is not None} | {k for m in masks for k in free(m)}))
            shape = tuple(self.world.size(labels.sizes[k]) for k in letters)
            place = Place(typed, labels, env, letters, shape, None, np.ones(shape, dtype=bool), Memory(dict(labels.sizes)))
            allowed = [place.allowed, *(self._number(m, place, labels) == 1 for m in masks)]
            yield replace(place, value=self._number(typed.term, place, labels), allowed=np.logical_and.reduce(allowed))
        except (Misfit, Unreadable, Undecided, KeyError):
            return

    def _measured(self, typed: Typed, right: Tree, labels: Labels, env: Mapping[str, int]) -> None:
        """How far a letter of the left side runs may be said by the right side alone: u in x_{i+u-1}."""
        unknown = [k for k in free(typed.term) if labels.sizes.get(k) is None]
        if not unknown:
            return
        inside = Labels(dict(labels.sizes))
        with suppress(Misfit, Unreadable):
            Reader(self.context, env, labels=inside, python=self.python).read(right)
        labels.sizes |= {k: inside.sizes[k] for k in unknown if inside.sizes.get(k) is not None}

    def _about_layers(self, condition: Tree) -> bool:
        return len(instances((condition,), self.context)) > 1

    def _number(self, term: Term, place: Place, labels: Labels) -> Any:
        """A term over the labels of a place, as floating-point numbers."""
        sizes = {k: self.world.size(labels.sizes[k]) for k in place.letters}
        found = evaluate(term, self.world, sizes).along(place.letters)
        return np.broadcast_to(np.vectorize(float, otypes=[float])(found), place.shape)

    def number(self, term: Term, place: Place, labels: Labels | None = None) -> Any:
        """The values of a term over the labels of a place; None where it has none, or others."""
        if not free(term) <= set(place.letters):
            return None
        try:
            return self._number(term, place, labels or place.labels)
        except (Undecided, KeyError, TypeError, ValueError):
            return None

    def readings(self, tree: Tree, place: Place) -> Iterator[tuple[Typed, Labels]]:
        """What a tree may mean at a place. Raises `Misfit` or `Unreadable` where it means nothing."""
        offered: list[tuple[int, ...]] = [()]
        seen = 0
        while seen < min(len(offered), _READINGS):
            choices = Choices(offered[seen])
            reader = Rereader(self.context, place.env, place.memory, choices, self.python)
            seen += 1
            try:
                yield reader.read(tree), reader.labels
            except Misfit:
                if not choices.offered:
                    raise
            if seen == 1:
                offered += list(product(*(range(len(options)) for _, options, _ in choices.offered)))[1:]

    def values(self, tree: Tree) -> Iterator[tuple[Place, Any]]:
        """The values that a tree may have, over the axes of the left side, at the first layer where it means something."""
        for place in self.places:
            try:
                for found, labels in self.readings(tree, place):
                    moved = on_leading_block(place.typed, found, labels) or on_one_face(place.typed, found, labels, Span(0, 0))[1]
                    value = self.number(moved.term, place, labels)
                    if value is not None:
                        yield place, value
                return
            except OutOfLayers:
                continue
            except (Misfit, Unreadable):
                return

    def is_left(self, tree: Tree) -> bool:
        """Whether a tree is the left side itself by another name: it mends nothing."""
        place = self.places[0]
        try:
            terms = [found.term for found, _ in self.readings(tree, place)]
        except (Misfit, Unreadable):
            return False
        return any(named(t) is not None and named(t) == named(place.typed.term) for t in terms)

    @property
    def vanishes(self) -> bool:
        """Whether the left side is zero wherever the conditions hold, as the derivative by what a quantity is not made of."""
        return all(close(place.value[place.allowed], 0.0) for place in self.places)

    def shows(self, tree: Tree) -> bool:
        """Whether a tree has another value here than the left side, or none that could be compared."""
        return not any(self.meets(place, value) for place, value in self.values(tree))

    def meets(self, place: Place, value: Any) -> bool:
        """Whether a value is the wanted one, wherever the conditions hold."""
        return close(value[place.allowed], place.value[place.allowed])


def named(term: Term) -> object:
    """What quantity or derivative a term is an entry of; None for any other."""
    match term:
        case Leaf(tensor, _):
            return tensor
        case Derived(of, _, by, _, _):
            return of, by
    return None


def close(a: Any, b: Any) -> bool:
    """Whether two arrays agree as far as floating point tells."""
    return bool(np.allclose(a, b, rtol=1e-9, atol=1e-12))


def _inside_out(envs: Sequence[Mapping[str, int]]) -> list[Mapping[str, int]]:
    """The middle ones first: at the ends a neighbour is missing, or another equation holds."""
    middle = (len(envs) - 1) / 2
    return [e for _, e in sorted(enumerate(envs), key=lambda p: abs(p[0] - middle))]
