"""Why a step is wrong: the cheapest small change that makes it right, or the quantity whose formula it is, in a sentence."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np

from symbackprop.checker.compare import compared, instances, on_one_face
from symbackprop.checker.context import Context, Misfit, Unreadable
from symbackprop.checker.edits import LATEX, PYTHON, Edit, edits
from symbackprop.checker.faces import Labels, Typed
from symbackprop.checker.problem import Problem
from symbackprop.checker.reading import Reader
from symbackprop.checker.symbols import key
from symbackprop.checker.terms import Derived, Div, Leaf, Num, Term, free, mul
from symbackprop.checker.values import evaluate
from symbackprop.checker.verdicts import Diagnosis
from symbackprop.evaluate import Undecided
from symbackprop.errors import ReadError
from symbackprop.parse.latex import read_formula
from symbackprop.parse.python import read_python
from symbackprop.parse.tree import Span, Tree

__all__ = ["KINDS", "diagnose"]

# What is said of each kind of mistake; {old} and {new} are the part as it was written and as it should be.
KINDS: Mapping[str, str] = {
    "sign": "A sign is wrong: it should be {new}.",
    "transpose": "A transpose is missing or one too many: {old} should be {new}.",
    "order": "The factors stand in the wrong order: {old} should be {new}.",
    "outer product": "An inner product stands where an outer product belongs: {old} should be {new}.",
    "layer": "The layer is wrong: {old} should be {new}.",
    "index": "An index is wrong: {old} should be {new}.",
    "indices": "The indices are swapped: {old} should be {new}.",
    "operand": "The wrong quantity stands here: {old} should be {new}.",
    "prime": "The function and its derivative are mixed up: {old} should be {new}.",
    "evaluation point": "The function is taken at the wrong place: {old} should be {new}.",
    "hadamard": "A product entry by entry belongs here, not a matrix product: {old} should be {new}.",
    "matrix product": "A matrix product belongs here, not a product entry by entry: {old} should be {new}.",
    "factor": "A constant factor is wrong: {old} should be {new}.",
    "extra factor": "There is a factor too many: {old} should not be there.",
    "missing factor": "A factor is missing: {new}.",
    "missing term": "There is a term too many: {old} should not be there.",
    "sum": "A sum is missing or one too many: {old} should be {new}.",
    "sum condition": "The sum leaves out a term that belongs to it: {old} should be {new}.",
    "power": "A power is wrong: {old} should be {new}.",
    "bracket": "A bracket closes at the wrong place: {old} should be {new}.",
    "inverse": "The fraction is upside down: {old} should be {new}.",
    "inverse derivative": "The derivative is the wrong way up: this is one over what it should be.",
    "another quantity": "This is the right formula for another quantity: it is {new}, not {old}.",
    "value for derivative": "This is the value of {new}, not its derivative.",
    "diagonal": "Only the diagonal of the Jacobian was used: each {new} depends on all entries, so the sum over them belongs here.",
    "shapes": "The shapes do not fit: {old}.",
}
SECONDS = 1.5  # for one diagnosis


def diagnose(
    left: Tree, right: Tree, problem: Problem, context: Context, conditions: Sequence[Tree], python: bool, text: str, offset: int
) -> Diagnosis | None:
    """The cheapest explanation of why `left = right` is wrong; None if none is found.

    `text` is what the right side was read from, with it starting at `offset` of what its spans count.
    """
    target = _Target.of(left, problem, context, python)
    if target is None:
        return None
    start = time.perf_counter()
    found = _other_quantity(target, right, problem, context, python, key(left))
    small = _small_change(target, left, right, problem, context, conditions, python, text, offset, start + SECONDS)
    if small is not None and (found is None or small[1] <= 2):
        return small[0]
    return found or (small[0] if small is not None else None)


class _Target:
    """The value that the right side should have, at one layer and point, with the labels of its axes."""

    def __init__(self, typed: Typed, labels: Labels, env: Mapping[str, int], problem: Problem, context: Context, python: bool) -> None:
        self.typed, self.labels, self.env, self.problem, self.context, self.python = typed, labels, env, problem, context, python
        self.world = problem.worlds[1]
        self.letters = tuple(sorted(free(typed.term) | {k for k in typed.face if k is not None}))
        self.shape = [self.world.size(labels.sizes[k]) for k in self.letters]
        self.value = np.broadcast_to(evaluate(typed.term, self.world, self.sizes(self.letters, labels)).along(self.letters), self.shape)

    @staticmethod
    def of(left: Tree, problem: Problem, context: Context, python: bool) -> _Target | None:
        for env in reversed(instances((left,), context)):
            labels = Labels()
            try:
                return _Target(Reader(context, env, labels=labels, python=python).read(left), labels, env, problem, context, python)
            except (Misfit, Unreadable, Undecided, KeyError):
                continue
        return None

    def sizes(self, letters: Sequence[str], labels: Labels) -> dict[str, int]:
        return {k: self.world.size(labels.sizes[k]) for k in letters}

    def meets(self, found: Typed, labels: Labels) -> bool:
        """Whether a reading has the wanted value here."""
        try:
            _, found = on_one_face(self.typed, found, labels, Span(0, 0))
            if not free(found.term) <= set(self.letters):
                return False
            value = evaluate(found.term, self.world, self.sizes(self.letters, labels)).along(self.letters)
        except (Misfit, Undecided, KeyError, TypeError):
            return False
        try:
            return all((a - b).contains(0) for a, b in zip(np.broadcast_to(value, self.shape).flat, self.value.flat, strict=True))
        except ValueError:
            return False

    def reads(self, tree: Tree) -> bool:
        """Whether a tree has the wanted value here."""
        labels = self.fresh()
        try:
            found = Reader(self.context, self.env, labels=labels, python=self.python).read(tree)
        except (Misfit, Unreadable):
            return False
        return self.meets(found, labels)

    def fresh(self) -> Labels:
        labels = Labels(dict(self.labels.sizes))
        labels._fresh = type(labels._fresh)(10_000)
        return labels


def _small_change(
    target: _Target, left: Tree, right: Tree, problem: Problem, context: Context, conditions: Sequence[Tree], python: bool, text: str,
    offset: int, until: float,
) -> tuple[Diagnosis, int] | None:  # fmt: skip
    """The first of the changes, in their order, that makes the step true everywhere."""
    read = read_python if python else read_formula
    start, end = right.span.start - offset, right.span.end - offset
    source = text[start:end]
    moved = _reread(read, source, context)
    if moved is None:
        return None
    tried = set[str]()
    second: list[tuple[Edit, str, Tree]] = []
    for edit, mended, tree in _candidates(read, source, moved, left, context, python, tried):
        if time.perf_counter() > until:
            return None
        if target.reads(tree) and compared(left, tree, problem, context, conditions, python).kind == "agree":
            return _said(edit, mended, source, start), edit.cost
        if edit.cost <= 2 and edit.kind in _FIRST:
            second.append((edit, mended, tree))
    for edit, mended, tree in second:  # two mistakes at once: a transpose and a product, most often
        for other, both, again in _candidates(read, mended, tree, left, context, python, tried):
            if time.perf_counter() > until:
                return None
            if other.cost <= 2 and target.reads(again) and compared(left, again, problem, context, conditions, python).kind == "agree":
                return _said(edit, both, source, start), edit.cost + other.cost
    return None


_FIRST = ("transpose", "order", "sign", "factor", "prime")


def _candidates(read: Any, source: str, tree: Tree, left: Tree, context: Context, python: bool, tried: set[str]) -> Iterator[tuple[Edit, str, Tree]]:
    for edit in edits(source, tree, left, context, PYTHON if python else LATEX):
        mended = source[: edit.start] + edit.new + source[edit.end :]
        if mended in tried:
            continue
        tried.add(mended)
        found = _reread(read, mended, context)
        if found is not None:
            yield edit, mended, found


def _reread(read: Any, source: str, context: Context) -> Tree | None:
    try:
        items = read(source, context.vocabulary).items
    except ReadError:
        return None
    return items[0].tree if len(items) == 1 else None


def _said(edit: Edit, mended: str, source: str, start: int) -> Diagnosis:
    old, new = (t.strip() for t in edit.words)
    sentence = KINDS[edit.kind].format(old=old or source, new=new or mended)
    return Diagnosis(edit.kind, sentence, mended, start + edit.start, start + edit.end)


def _other_quantity(target: _Target, right: Tree, problem: Problem, context: Context, python: bool, left: str) -> Diagnosis | None:
    """Right formulas for something else: another gradient, the value itself, one over it, or the diagonal alone."""
    labels = Labels()
    try:
        found = Reader(context, target.env, labels=labels, python=python).read(right)
    except (Misfit, Unreadable):
        return None
    term = target.typed.term
    length = right.span.end - right.span.start
    say = lambda kind, old="", new="": Diagnosis(kind, KINDS[kind].format(old=old, new=new), "", 0, length)  # noqa: E731 - four uses below
    if isinstance(term, Derived):
        others = dict.fromkeys(e.tensor for e in problem.equations if e.tensor != term.of)
        others |= {t: None for ts in context.uses.values() for t in ts}
        for by in others:
            if by != term.by and not term.of.rank and _is(Derived(term.of, (), by, tuple(f"@{n}" for n in range(by.rank))), by, found, labels, target, context):
                return say("another quantity", left, f"d{term.of}/d{by}")
        if _is_value(Leaf(term.of, term.of_indices), found, labels, target):
            return say("value for derivative", left, str(term.of))
        if found.face == (None, None) and target.typed.is_scalar and _is_value(Div(Num(Fraction(1)), term), found, labels, target):
            return say("inverse derivative")
        for middle in others:
            if middle.rank == 1 and term.by.rank == 1 and middle.shape == term.by.shape and middle != term.by:
                i = term.by_indices
                diagonal = mul(Derived(term.of, term.of_indices, middle, i), Derived(middle, i, term.by, i))
                if _is_value(diagonal, found, labels, target):
                    return say("diagonal", left, str(middle))
    return None


def _is_value(term: Term, found: Typed, labels: Labels, target: _Target) -> bool:
    """Whether what was read has the value of a term over the axes of the left side."""
    fresh = Labels(dict(target.labels.sizes) | {k: v for k, v in labels.sizes.items() if k not in target.labels.sizes})
    try:
        wanted = evaluate(term, target.world, target.sizes(target.letters, target.labels)).along(target.letters)
        names = {k: j for k, j in zip(found.face, target.typed.face, strict=True) if k is not None and j is not None}
        moved = labels.moved(found, dict(names))
        value = evaluate(moved.term, target.world, target.sizes(target.letters, fresh)).along(target.letters)
        pairs = zip(np.broadcast_to(value, target.shape).flat, np.broadcast_to(wanted, target.shape).flat, strict=True)
        return all((a - b).contains(0) for a, b in pairs)
    except (Misfit, Undecided, KeyError, ValueError, TypeError):
        return False


def _is(term: Derived, by: Any, found: Typed, labels: Labels, target: _Target, context: Context) -> bool:
    """Whether what was read is the gradient by another quantity, in its own shape."""
    axes = [k for k in found.face if k is not None]
    letters = sorted(k for k in free(found.term) if k not in found.face)
    order = axes or letters
    if len(order) != by.rank or [labels.sizes.get(k) for k in order] != list(by.shape):
        return False
    sizes = {k: target.world.size(labels.sizes[k]) for k in order}
    try:
        value = evaluate(found.term, target.world, sizes).along(order)
        wanted = evaluate(replace(term, by_indices=tuple(order)), target.world, sizes).along(order)
    except (Undecided, KeyError):
        return False
    shape = [sizes[k] for k in order]
    return all((a - b).contains(0) for a, b in zip(np.broadcast_to(value, shape).flat, np.broadcast_to(wanted, shape).flat, strict=True))


