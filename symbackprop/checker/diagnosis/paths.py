"""The chain rule as a sum over paths: which of them a wrong line left out, or got wrong."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations, count
from typing import Any

import numpy as np

from symbackprop.checker.problem import Problem
from symbackprop.checker.terms import Derived, Leaf, Sum, Term, mul
from symbackprop.equations import Tensor
from symbackprop.languages import Message
from symbackprop.parse.tree import Tree

from .found import Found
from .other import typed_as
from .scene import Scene
from .target import Place, Target, close
from .terms import Addend, addends, is_sum

__all__ = ["wrong_path"]

_MANY = 6  # of that many paths every choice is tried, of more only one alone and all but one


@dataclass(frozen=True, eq=False)
class _Path:
    """What a derivative owes to one quantity that is made of what it is taken by."""

    through: Tensor
    value: Any


def wrong_path(s: Scene, target: Target, problem: Problem) -> Found | None:
    """The paths that a right side lacks: what it is worth and what they are worth make the left side."""
    for place, value in target.values(s.tree):
        term = place.typed.term
        if not isinstance(term, Derived) or term.local:
            return None
        paths = list(_paths(target, place, term, problem))
        if len(paths) < 2:
            return None
        lacking = place.value - value
        for lost in _choices(paths):
            total = sum(p.value for p in lost)
            if np.any(np.abs(total) > 1e-9) and close(lacking[place.allowed], total[place.allowed]):
                return _said(s, target, place, "missing path", typed_as(s, target, place, Leaf(term.by, ())), lost, 0, len(s.text))
        return _wrong_term(s, target, place, value, paths)
    return None


def _wrong_term(s: Scene, target: Target, place: Place, value: Any, paths: list[_Path]) -> Found | None:
    """The one term of a sum that is wrong, where the others are what comes along paths, alone or together."""
    for part, parent in s.parts(s.tree):
        if not is_sum(part) or (parent is not None and is_sum(parent)):
            continue
        terms = addends(s, part)
        values = [_alone(s, target, place, part, parent, t) for t in terms]
        if len(terms) < 2 or any(v is None for v in values) or not close(sum(values), value):
            continue
        for n, term in enumerate(terms):
            rest = sum(v for m, v in enumerate(values) if m != n)
            for right in _choices(paths):
                if np.any(np.abs(rest) > 1e-9) and close(rest[place.allowed], sum(p.value for p in right)[place.allowed]):
                    lost = tuple(p for p in paths if p not in right)
                    return _said(s, target, place, "path", s.slice(term.tree), lost, *term.tree.span)
    return None


def _alone(s: Scene, target: Target, place: Place, part: Tree, parent: Tree | None, term: Addend) -> Any:
    """What the line is worth with one term of a sum alone."""
    whole = s.written(term.tree)
    new = s.dialect.negative(whole) if term.sign == "-" else whole
    tree = s.mended(s.edit("", part, parent, new))
    return None if tree is None else next((v for p, v in target.values(tree) if p is place), None)


def _paths(target: Target, place: Place, term: Derived, problem: Problem) -> Iterator[_Path]:
    """The paths from what a derivative is of down to what it is taken by, told by their last step."""
    for e in problem.equations:
        if term.by in target.context.uses.get(e.tensor, ()):
            value = target.number(_through(term, e.tensor), place)
            if value is not None and np.any(np.abs(value) > 1e-12):
                yield _Path(e.tensor, value)


def _through(term: Derived, middle: Tensor) -> Term:
    if middle == term.of:
        return Derived(term.of, term.of_indices, term.by, term.by_indices, local=True)
    fresh = count(1)
    along = tuple(f"#path{next(fresh)}" for _ in middle.shape)
    found: Term = mul(Derived(term.of, term.of_indices, middle, along), Derived(middle, along, term.by, term.by_indices, local=True))
    for label, size in zip(along, middle.shape, strict=True):
        found = Sum(found, label, size)
    return found


def _choices(paths: list[_Path]) -> Iterator[tuple[_Path, ...]]:
    """Some of the paths, but not all: few before many."""
    for n in range(1, len(paths)):
        if len(paths) <= _MANY or n in (1, len(paths) - 1):
            yield from combinations(paths, n)


def _said(s: Scene, target: Target, place: Place, kind: str, old: str, paths: tuple[_Path, ...], start: int, end: int) -> Found:
    names = [typed_as(s, target, place, Leaf(p.through, ())) for p in paths]
    new = names[0]
    for name in names[1:]:
        new = Message("{first}, {second}", first=new, second=name)
    return Found(kind, start, end, words={"old": old, "new": new})
