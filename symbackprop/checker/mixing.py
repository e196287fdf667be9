"""Conventions that are mixed within one derivation: some lines have examples as rows and some as columns, or weights by w_{to,from} and w_{from,to}.

A wrong line that is right once every matrix is read as its transpose, or every weight, is in the other convention; the lines that are
right only as the course has it show that the two are mixed. One line alone may as well be a slip, and keeps its diagnosis.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from symbackprop.checker.compare import compared
from symbackprop.checker.context import Context, Quantity, Symbol
from symbackprop.checker.diagnosis.kinds import KINDS
from symbackprop.checker.problem import Problem
from symbackprop.checker.steps import Judged
from symbackprop.checker.verdicts import Diagnosis, Status
from symbackprop.equations import Tensor, entries
from symbackprop.languages import Message

__all__ = ["told"]

_ROWS, _COLUMNS = Message("examples as rows"), Message("examples as columns")
_ROW, _COLUMN = Message("vectors as rows"), Message("vectors as columns")
_TO_FROM, _FROM_TO = Message("weights written to, from"), Message("weights written from, to")
_OPPOSITE = {_ROWS: _COLUMNS, _COLUMNS: _ROWS, _ROW: _COLUMN, _COLUMN: _ROW, _TO_FROM: _FROM_TO, _FROM_TO: _TO_FROM}


@dataclass(frozen=True)
class _Other:
    """Another convention: what the course has, and how its symbols are to be read."""

    ours: Message
    of: Callable[[Context], Context]

    @property
    def theirs(self) -> Message:
        return _OPPOSITE[self.ours]


def told(steps: Sequence[Judged], problem: Problem) -> list[Judged]:
    """The steps; a wrong one that is right in another convention says so where the derivation has the course's own elsewhere."""
    found = list(steps)
    wrong = [n for n, s in enumerate(steps) if s.step.status is Status.WRONG]
    right = [s for s in steps if s.step.status is Status.RIGHT]
    for other in _others(problem) if wrong and right else ():
        theirs = [n for n in wrong if _holds(steps[n], problem, other)]
        ours = [s for s in right if _holds(s, problem, other) is False] if theirs else []
        words = {"old": _lines(ours), "new": other.theirs, "second_new": other.ours}
        for n in theirs if ours else ():
            step = steps[n].step
            if len(theirs) == 1:
                note = Message("it is right with {new}; the derivation has {second_new} elsewhere (line {old})", **words)
                step = replace(step, notes=(*step.notes, note))
            else:
                known = step.diagnosis or Diagnosis("", "", "", 0, len(step.text))
                sentence = Message(KINDS["mixed conventions"], **words)
                step = replace(step, diagnosis=replace(known, kind="mixed conventions", sentence=sentence))
            found[n] = replace(steps[n], step=step)
    return found


def _lines(steps: Sequence[Judged]) -> str:
    return ", ".join(map(str, dict.fromkeys(s.step.line for s in steps)))


def _holds(judged: Judged, problem: Problem, other: _Other) -> bool | None:
    """Whether a step is right in another convention; None where nothing can be said."""
    if judged.left is None or judged.tree is None or judged.context is None:
        return None
    outcome = compared(judged.left, judged.tree, problem, other.of(judged.context), judged.conditions, judged.step.syntax == "python")
    return {"agree": True, "differ": False, "misfit": False}.get(outcome.kind)


def _others(problem: Problem) -> Iterator[_Other]:
    """The conventions that a course may not have: all matrices turned, or the weights alone."""
    context, weights = problem.context, _weights(problem)
    tensors = {t: face for s in _quantities(context) for t, face in s.faces.items()}
    down = [face[0] is not None and t.shape[face[0]] == context.samples for t, face in tensors.items() if face and context.samples in t.shape]
    if context.samples is not None and down:
        yield _Other(_ROWS if all(down) else _COLUMNS, lambda c: _turned(c, lambda tensor: True))
    elif context.samples is None:
        yield _Other(_ROW if context.conventions.vectors == "row" else _COLUMN, lambda c: _turned(c, lambda tensor: True))
    if weights:
        yield _Other(_TO_FROM if all(weights.values()) else _FROM_TO, lambda c: _turned(c, weights.__contains__, vectors=False))


def _weights(problem: Problem) -> Mapping[Tensor, bool]:
    """The matrices that are given and take one quantity to another, and whether their first index is of what they lead to."""
    computed = {e.tensor for e in problem.equations}
    found = {}
    for e in problem.equations:
        for w in entries(e.rhs):
            if w.tensor.rank == 2 and w.tensor not in computed and problem.context.samples not in w.tensor.shape:
                leads = [i in e.lhs.indices for i in w.indices]
                if any(leads) and not all(leads):
                    found[w.tensor] = leads[0]
    return found


def _quantities(context: Context) -> Iterator[Quantity]:
    for symbols in context.symbols.values():
        yield from (s.meaning for s in symbols if isinstance(s.meaning, Quantity))


def _turned(context: Context, which: Callable[[Tensor], bool], vectors: bool = True) -> Context:
    """A context in which matrices are read as their transposes."""

    def turned(s: Symbol) -> Symbol:
        if not isinstance(s.meaning, Quantity) or s.meaning.classes:
            return s
        faces = {t: face[::-1] if face is not None and which(t) else face for t, face in s.meaning.faces.items()}
        return replace(s, meaning=replace(s.meaning, faces=faces))

    conventions: Any = context.conventions
    if vectors:
        conventions = replace(conventions, vectors="row" if conventions.vectors == "column" else "column")
        conventions = replace(conventions, softmax="columns" if conventions.softmax == "rows" else "rows")
    return replace(context, symbols={k: tuple(map(turned, symbols)) for k, symbols in context.symbols.items()}, conventions=conventions)
