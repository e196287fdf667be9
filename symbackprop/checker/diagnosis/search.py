"""The search for the change that mends a line: every single change by its cost, then a missing factor or term by its value, then pairs."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from symbackprop.checker.compare import compared
from symbackprop.checker.problem import Problem
from symbackprop.parse.tree import Tree

from .changes import changes, rank
from .found import Found
from .kinds import COSTS
from .line import Edit
from .missing import CHEAPEST, missing, scaled
from .scene import Scene
from .target import Target

__all__ = ["mended"]

_DEAR = COSTS["factor"]  # what costs more is not one of two mistakes
_SCALES = ("sign", "factor")
_FREE = ("operand", "function", "missing factor", "missing term")  # could put the left side itself, which mends nothing


@dataclass(frozen=True)
class _Search:
    scene: Scene
    target: Target
    problem: Problem
    conditions: Sequence[Tree]
    opening: Tree | None
    until: float

    def late(self) -> bool:
        return time.thread_time() > self.until

    def is_right(self, tree: Tree) -> bool:
        """Whether a right side makes the line true at every layer and point."""
        s = self.scene
        return compared(s.left, tree, self.problem, s.context, self.conditions, s.python, self.opening).kind == "agree"

    def right(self, tree: Tree) -> bool:
        """The same, with a look at one point first."""
        return any(self.target.meets(place, value) for place, value in self.target.values(tree)) and self.is_right(tree)

    def ratio(self, tree: Tree) -> float | None:
        """The one number by which a right side is too large; None if there is none."""
        for place, value in self.target.values(tree):
            found = place.ratio(value)
            if found is not None:
                return found
        return None


def mended(
    scene: Scene, target: Target, problem: Problem, conditions: Sequence[Tree], opening: Tree | None, below: int, until: float
) -> Found | None:
    """The cheapest change that mends a line, or two of them, if it costs less than `below`; None where `until` comes first."""
    search = _Search(scene, target, problem, conditions, opening, until)
    off: list[tuple[Edit, Scene]] = []
    near: list[tuple[Edit, Scene]] = []
    for edit in _merged(scene, target):
        tree = scene.read(edit.done(scene.text))
        if search.late():
            return None
        if tree is None:
            continue
        after = scene.after(edit, tree)
        if any(target.meets(place, value) for place, value in target.values(tree)):
            if not (edit.kind in _FREE and target.is_left(tree)) and search.is_right(tree):
                return _single(scene, edit)
        elif COSTS[edit.kind] <= _DEAR:
            (near if edit.kind not in _SCALES and search.ratio(tree) is not None else off).append((edit, after))
    for edit, after in (*near, *off) if below > COSTS["two mistakes"] else ():
        for second in changes(after):
            if COSTS[second.kind] > _DEAR:
                break
            if search.late():
                return None
            again = after.read(second.done(after.text))
            if again is not None and search.right(again):
                return _pair(scene, edit, after, second)
    return None


def _merged(scene: Scene, target: Target) -> Iterator[Edit]:
    """Changes by their cost; what values tell of comes in its place, and is not asked for before."""
    waiting = changes(scene)
    yield from sorted((*scaled(scene, target), *(e for e in waiting if COSTS[e.kind] < CHEAPEST)), key=rank)
    yield from sorted((*missing(scene, target), *(e for e in waiting if COSTS[e.kind] >= CHEAPEST)), key=rank)


def _single(scene: Scene, edit: Edit) -> Found:
    return Found(edit.kind, edit.start, edit.end, edit.done(scene.text), {"old": edit.old.strip(), "new": edit.mended.strip()})


def _pair(scene: Scene, first: Edit, after: Scene, second: Edit) -> Found:
    words = {"old": first.old.strip(), "new": first.mended.strip(), "second_old": second.old.strip(), "second_new": second.mended.strip()}
    return Found("two mistakes", first.start, first.end, second.done(after.text), words)
