"""Wrong answers that look right: the changes by which the checker names mistakes, made to a right line, and judged by it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random

from symbackprop.checker.context import Constant, Size
from symbackprop.checker.diagnosis.changes import changes
from symbackprop.checker.diagnosis.kinds import COSTS, KINDS
from symbackprop.checker.diagnosis.line import Edit
from symbackprop.checker.diagnosis.scene import Scene
from symbackprop.checker.diagnosis.target import Target
from symbackprop.checker.judge import check
from symbackprop.checker.problem import Problem
from symbackprop.checker.report.formulas import laid_out
from symbackprop.checker.verdicts import Status
from symbackprop.errors import ReadError
from symbackprop.parse.latex import read_formula
from symbackprop.typeset.tree import Node
from symbackprop.worksheet.lines import Line

__all__ = ["MISTAKES", "Distractor", "distractors"]

MISTAKES: Mapping[str, str] = {
    "sign": "sign", "transpose": "transpose", "layer": "layer", "prime": "prime", "hadamard": "matrix product", "matrix product": "hadamard",
    "indices": "indices", "index": "index", "outer product": "outer product", "order": "order", "evaluation point": "evaluation point",
    "sum": "sum", "factor": "factor", "bracket": "bracket", "power": "power", "inverse": "inverse", "operand": "operand",
    "extra factor": "missing factor", "counted twice": "missing factor", "extra term": "missing term",
}  # fmt: skip
"""The kinds of changes that make distractors, and the kind of mistake that undoes such a change."""

_JITTER = 12.0  # in tenths, as the costs are: so far the seed reorders the kinds
_BRACKETED = ("transpose", "outer product", "power", "bracket", "inverse")
_CLUMSY = re.compile(r"-\(-|\)\^\{?1\}?(?!\d)|\^\{?T\}?\)\^\{?T|\\frac\{\\frac|\}\{1\}|\\left\( \\left\(|^-?\w \\frac\{1\}\{\w\}$")
_EXPONENT = re.compile(r"\)\^\{?(?:\\odot)?\s*\d")  # a power that has the looks of a layer
_SUMS = re.compile(r"\\sum_\{?(\w)")
_TRIES = 60
_PATIENCE = 120.0  # seconds for a verdict, many more than it takes


@dataclass(frozen=True)
class Distractor:
    """A wrong right side, the kind of mistake that leads to it, and what in it is wrong and what should stand there."""

    text: str
    kind: str
    shown: Node
    old: Node
    new: Node

    @property
    def sentence(self) -> str:
        """What is said of the mistake, with `{old}` and `{new}` for the two formulas."""
        return KINDS[self.kind]


def distractors(line: Line, problem: Problem, rng: Random, printed: Collection[str] = (), count: int = 3) -> tuple[Distractor, ...]:
    """Up to `count` wrong variants of a line, of different kinds as far as there are some; the checker judges each of them wrong.

    `printed` are the formulas around it: what stands for another quantity is one of theirs. There are fewer variants where a line has
    too few parts to be wrong in.
    """
    found: list[Distractor] = []
    waiting: list[Edit] = []  # of a kind that there is already
    for edit in list(_likely(line, problem, rng, printed))[:_TRIES]:
        if len(found) < count and MISTAKES[edit.kind] not in {d.kind for d in found}:
            found += _new(_distractor(line, edit, problem), found)
        else:
            waiting.append(edit)
    for edit in waiting:
        if len(found) < count:
            found += _new(_distractor(line, edit, problem), found)
    return tuple(found)


def _new(made: Distractor | None, found: Sequence[Distractor]) -> list[Distractor]:
    """What was made, if it looks like none before."""
    return [] if made is None or made.shown in [d.shown for d in found] else [made]


def _likely(line: Line, problem: Problem, rng: Random, printed: Collection[str]) -> Iterator[Edit]:
    """The changes of a line, one of each kind in turn, the common kinds sooner."""
    by_kind: dict[str, list[Edit]] = {}
    for edit in _edits(line, problem):
        if _plausible(edit, line, problem, printed):
            by_kind.setdefault(edit.kind, []).append(edit)
    for edits in by_kind.values():
        rng.shuffle(edits)
    order = sorted(by_kind, key=lambda kind: COSTS[kind] + rng.uniform(0, _JITTER))
    for turn in range(max(map(len, by_kind.values()), default=0)):
        yield from (by_kind[kind][turn] for kind in order if turn < len(by_kind[kind]))


def _edits(line: Line, problem: Problem) -> list[Edit]:
    context = problem.context
    left, right = (link.tree for link in read_formula(f"{line.left} = {line.right}", context.vocabulary).items)
    if left is None or right is None:
        return []
    target = Target.of(left, right, problem.worlds[1], context, (), False, None)
    scene = None if target is None else Scene.of(line.right, left, line.left, context, target.places[0].env, False)
    return [] if scene is None else changes(replace(scene, fits=True))


def _plausible(edit: Edit, line: Line, problem: Problem, printed: Collection[str]) -> bool:
    """Whether somebody might write it: nothing is put in brackets or under fractions for the change, and sums keep their letters."""
    if edit.kind not in MISTAKES or not edit.old.strip() or not edit.mended.strip():
        return False
    text, longer = edit.done(line.right), len(edit.mended) > len(edit.old)
    if _CLUMSY.search(text) or (edit.kind != "sum" and _SUMS.findall(text) != _SUMS.findall(line.right)):
        return False
    if text.count("(") > line.right.count("(") and edit.kind not in _BRACKETED:
        return False
    whole = edit.end - edit.start >= len(line.right.strip())
    match edit.kind:
        case "sum":
            return not longer
        case "factor":
            return whole or not longer
        case "power" | "inverse" if not re.search("[_^]", edit.old):
            return False  # of a number, where a teacher would speak of a wrong factor
        case "layer":
            return not _EXPONENT.search(edit.mended)
        case "prime":
            return not edit.mended.strip()[0].isdigit()  # 3 a^2 for a^3, whose number is a layer
        case "operand" | "evaluation point":
            if any(isinstance(s.meaning, (Size, Constant)) for s in problem.context.symbols.get(edit.old, ())):
                return False
            known = any(edit.mended in formula for formula in printed) and edit.mended not in line.right
            return known and ("_" in edit.old) is ("_" in edit.mended)
    return not whole or edit.kind not in _BRACKETED


def _distractor(line: Line, edit: Edit, problem: Problem) -> Distractor | None:
    """The distractor that a change makes; None where the line is not judged wrong.

    What the checker would call the mistake is not asked: it looks for that only so long, and a sheet must not depend on time.
    """
    text = edit.done(line.right)
    if check(f"\\[{line.with_right(text)}\\]", problem, kind="tex", timeout=_PATIENCE).status is not Status.WRONG:
        return None
    try:
        shown, old, new = (laid_out(part, "latex") for part in (text, edit.mended, edit.old))
    except (ReadError, ValueError):
        return None
    return Distractor(text, MISTAKES[edit.kind], shown, old, new)
