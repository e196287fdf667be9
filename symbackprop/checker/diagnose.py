"""Why a step is wrong: the likeliest small change that makes it right, or the quantity whose formula it is, in a sentence."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

from symbackprop.checker.context import Context
from symbackprop.checker.diagnosis.kinds import COSTS, KINDS
from symbackprop.checker.diagnosis.other import other_quantity
from symbackprop.checker.diagnosis.paths import wrong_path
from symbackprop.checker.diagnosis.scene import Scene
from symbackprop.checker.diagnosis.search import Search
from symbackprop.checker.diagnosis.target import Target
from symbackprop.checker.diagnosis.where import misfit, where_they_differ
from symbackprop.checker.problem import Problem
from symbackprop.checker.values import World
from symbackprop.checker.verdicts import Diagnosis
from symbackprop.parse.tree import Tree

__all__ = ["KINDS", "SECONDS", "diagnose"]

SECONDS = 1.2  # of work for one diagnosis


def diagnose(
    left: Tree, right: Tree, problem: Problem, context: Context, conditions: Sequence[Tree], python: bool, text: str, offset: int,
    opening: Tree | None = None, world: World | None = None, seconds: float = SECONDS,
) -> Diagnosis | None:  # fmt: skip
    r"""The likeliest explanation of why `left = right` is wrong; None where the left side has no value to go by.

    `text` is what the right side was read from, with it starting at `offset` of what its spans count; `opening` is the left side
    that opens the chain, and `world` the point that refutes the line. The search ends after `seconds` of work.

    >>> from symbackprop.checker.problem import problem_from
    >>> from symbackprop.parse.latex import read_formula
    >>> problem = problem_from({"shapes": {"x": [], "u": []}})
    >>> line = r"\frac{d}{dx} x^2 u = 2 x^2 u"
    >>> left, right = read_formula(line, problem.context.vocabulary).items
    >>> found = diagnose(left.tree, right.tree, problem, problem.context, (), False, line, 0)
    >>> found.kind, found.mended, line[found.start : found.end]
    ('power', '2 x u', 'x^2')
    """
    until = time.thread_time() + seconds
    worlds = (problem.worlds[1], *(() if world is None else (world,)))
    targets = (Target.of(left, right, w, context, conditions, python, opening) for w in worlds)
    target = next((t for t in targets if t is not None and t.shows(right)), None)
    if target is None:
        return None
    start = right.span.start - offset
    left_text = text[left.span.start - offset : left.span.end - offset] if left.span.start >= offset else ""
    scene = Scene.of(text[start : right.span.end - offset], left, left_text, context, target.places[0].env, python)
    if scene is None:
        return None
    other = other_quantity(scene, target, problem)
    fits = any(True for _ in target.values(scene.tree))
    scene = replace(scene, fits=fits, misfits=not fits and misfit(scene, target) is not None)
    search = Search(scene, target, problem, conditions, opening, until)
    found = search.mended()
    if other is not None and (found is None or COSTS[found.kind] >= COSTS[other.kind]):
        found = replace(other, mended=found.mended if found is not None else "")
    if found is None:
        path = wrong_path(scene, target, problem)
        two = search.mended_twice() if path is None or COSTS[path.kind] > COSTS["two mistakes"] else None
        found = two or path or where_they_differ(scene, target)
    return None if found is None else found.at(start)
