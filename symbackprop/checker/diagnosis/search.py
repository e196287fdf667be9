"""The search for the change that mends a line: every single change by its cost, then a missing factor or term by its value, then pairs."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from symbackprop.checker.compare import compared
from symbackprop.checker.conventions import leading_block
from symbackprop.checker.problem import Problem
from symbackprop.checker.symbols import key
from symbackprop.parse.tree import Tree

from .changes import changes, rank
from .found import Found
from .kinds import COSTS
from .line import Edit
from .missing import CHEAPEST, missing, scaled
from .scene import Scene
from .target import Place, Target
from .writing import ATOM, Written

__all__ = ["Search"]

_PAIRS = 0.6  # seconds of the search for a second mistake: there are thousands of pairs, and what is found late is far-fetched
_DEAR = COSTS["factor"]  # what costs more is not one of two mistakes
_SCALES = ("sign", "factor")
_SCALING = (*_SCALES, "counted twice", "inverse")
_SHAPELESS = (*_SCALES, "prime", "power")
_FREE = ("operand", "function", "missing factor", "missing term")  # could put the left side itself, which mends nothing


@dataclass(frozen=True)
class Search:
    """The search for what mends a line; it gives up where `until` comes first."""

    scene: Scene
    target: Target
    problem: Problem
    conditions: Sequence[Tree]
    opening: Tree | None
    until: float
    off: list[Edit] = field(default_factory=list)  # what mends nothing alone, and may be one of two mistakes
    near: list[Edit] = field(default_factory=list)  # what leaves the line off by a number only

    def mended(self) -> Found | None:
        """The cheapest change that mends the line."""
        scene, target = self.scene, self.target
        for edit in (self._zero(),) if self.zero else _merged(scene, target):
            tree = scene.mended(edit)
            if self.late():
                return None
            if tree is None:
                continue
            values = list(target.values(tree))
            if self.mends(scene, edit, values):
                return _single(scene, edit)
            if COSTS[edit.kind] <= _DEAR:
                scaled = edit.kind not in _SCALES and any(place.ratio(value) is not None for place, value in values)
                (self.near if scaled else self.off).append(edit)
        return None

    @cached_property
    def zero(self) -> bool:
        """Whether the left side vanishes, though it is not typed as 0: then no formula is right but that."""
        return key(self.scene.left) != "0" and self.target.vanishes

    def _zero(self) -> Edit:
        return self.scene.edit("vanishes", self.scene.tree, None, Written("0", ATOM))

    def mended_twice(self) -> Found | None:
        """Two changes that mend the line together."""
        if self.zero:
            return None
        search = replace(self, until=min(self.until, time.thread_time() + _PAIRS))
        for edit in (*self.near, *self.off):
            tree = self.scene.read(edit.done(self.scene.text))
            if tree is None:
                continue
            after = self.scene.after(edit, tree)
            for second in changes(after):
                if COSTS[second.kind] > _DEAR:
                    break
                if search.late():
                    return None
                again = after.mended(second)
                if again is not None and search.mends(after, second, list(self.target.values(again))):
                    return _pair(self.scene, edit, after, second)
        return None

    def late(self) -> bool:
        return time.thread_time() > self.until

    def is_right(self, tree: Tree) -> bool:
        """Whether a right side makes the line true at every layer and point, or is a stack of which the left side is the first block."""
        s = self.scene
        if compared(s.left, tree, self.problem, s.context, self.conditions, s.python, self.opening).kind == "agree":
            return True
        return leading_block(s.left, tree, self.problem, s.context, s.python) is not None

    def mends(self, scene: Scene, edit: Edit, values: Sequence[tuple[Place, Any]]) -> bool:
        """Whether a change makes the line true: by its values at one point, then as it would be typed, everywhere."""
        if not any(self.target.meets(place, value) for place, value in values):
            return False
        tree = scene.read(edit.done(scene.text))
        return tree is not None and not (edit.kind in _FREE and self.target.is_left(tree)) and self.is_right(tree)


def _merged(scene: Scene, target: Target) -> Iterator[Edit]:
    """Changes by their cost; what values tell of comes in its place, and is not asked for before.

    Where the line is off by one number, what changes it by a number comes first; where its shapes do not fit, what leaves them as they
    are is no cure.
    """
    scales = tuple(scaled(scene, target))
    waiting = [e for e in changes(scene) if e.kind not in _SHAPELESS or not scene.misfits]
    first = [e for e in waiting if scales and e.kind in _SCALING]
    rest = [e for e in waiting if not scales or e.kind not in _SCALING]
    yield from sorted((*scales, *first), key=rank)
    yield from sorted((e for e in rest if COSTS[e.kind] < CHEAPEST), key=rank)
    yield from sorted((*missing(scene, target), *(e for e in rest if COSTS[e.kind] >= CHEAPEST)), key=rank)


def _single(scene: Scene, edit: Edit) -> Found:
    return Found(edit.kind, edit.start, edit.end, edit.done(scene.text), {"old": edit.old.strip(), "new": edit.mended.strip()})


def _pair(scene: Scene, first: Edit, after: Scene, second: Edit) -> Found:
    words = {"old": first.old.strip(), "new": first.mended.strip(), "second_old": second.old.strip(), "second_new": second.mended.strip()}
    return Found("two mistakes", first.start, first.end, second.done(after.text), words)
