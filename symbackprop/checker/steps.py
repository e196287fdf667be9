"""The steps of a submission, one after the other, each against the one before it and against what opened its chain."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from symbackprop.checker.applied import with_dummies
from symbackprop.checker.beside import heading, parted
from symbackprop.checker.compare import Difference, Outcome, compared, instances
from symbackprop.checker.context import Context, Macro, Misfit, OutOfLayers, Symbol, Unreadable
from symbackprop.checker.conventions import in_another_convention, is_schematic, may_move, update
from symbackprop.checker.counterexample import counterexample_of, short
from symbackprop.checker.diagnose import SECONDS, diagnose
from symbackprop.checker.diagnosis.found import Found
from symbackprop.checker.increments import in_differentials, moved_by
from symbackprop.checker.problem import Problem
from symbackprop.checker.proving import proof_of
from symbackprop.checker.reading import Reader
from symbackprop.checker.symbols import Unwritable, index_parts, key, letter_key, letters_of, pattern_of, stripped
from symbackprop.checker.terms import Sum, Term, free, parts_of
from symbackprop.checker.verdicts import Diagnosis, Judgement, Status, Step
from symbackprop.errors import ReadError, TooLarge
from symbackprop.languages import Message
from symbackprop.parse.document import Line
from symbackprop.parse.latex import read_formula
from symbackprop.parse.python import read_python
from symbackprop.parse.tree import Command, Formula, Link, Name, Number, Script, Tree

__all__ = ["Judge", "Judged"]

_EQUAL = ("=", "equiv", ":=", "=:", "triangleq", "gets")
_SHARE = 5  # so many diagnoses could take as long as one may
_DEFINES = (":=", "equiv", "triangleq")


@dataclass(frozen=True)
class Judged:
    """A step, with the trees of what opens its chain and of what it says; None where there is none.

    Where it was judged, `left` is what it was judged against, under `conditions` and in a `context`.
    """

    step: Step
    opening: Tree | None
    tree: Tree | None
    left: Tree | None = None
    conditions: tuple[Tree, ...] = ()
    context: Context | None = None


@dataclass
class Judge:
    """Goes through a submission line by line: knows what was named so far, what a line continues, and what opened its chain."""

    problem: Problem
    macros: Mapping[str, Command] = field(default_factory=dict)
    seconds: float = 6.0  # of work for all diagnoses together

    def __post_init__(self) -> None:
        context = self.problem.context
        self.context = replace(context, vocabulary=replace(context.vocabulary, macros=self.macros)) if self.macros else context
        self.before: Tree | None = None
        self.opening: Tree | None = None
        self.otherwise = False  # whether what stands before is right in another convention alone, so that here it has another value
        self.gradients = False  # whether a line was right in which a d makes gradients
        self.number = 0

    def steps(self, lines: Iterable[Line]) -> Iterable[Judged]:
        for line in lines:
            try:
                formula = (read_python if line.syntax == "python" else read_formula)(line.text, self.context.vocabulary)
            except (ReadError, TooLarge) as error:
                row, column = _place(line, error.offset)
                words = Message("cannot be read at line {line}, column {column}: {problem}", line=row, column=column, problem=error.problem)
                yield self.unread(line, words)
                self.before = self.opening = None
                continue
            yield from self.formula(formula, line)

    def unread(self, line: Line, words: str) -> Judged:
        self.number += 1
        step = Step(self.number, line.text, line.line, line.column, line.syntax, Judgement(Status.UNDECIDED, words))
        return Judged(step, None, None)

    def formula(self, formula: Formula, line: Line) -> Iterable[Judged]:
        """A line's equations: names that it gives beside its chain, the chain, and further chains beside it."""
        reader = Reader(self.context, {}, python=line.syntax == "python")
        names, chains, conditions = parted(formula, line.text, reader)
        for chain in names:
            yield from self.chain(chain, line)
        head = heading(formula, reader)
        if head is None:
            yield from self.chain(formula.items, line, conditions)
        for chain in chains:
            yield from self.chain(chain, line, () if head is None else (head, *conditions))

    def chain(self, links: Sequence[Link], line: Line, conditions: Sequence[Tree] = ()) -> Iterable[Judged]:
        """Each link against the one before it, and against what opened the chain."""
        left: int | None = None
        for link in links:
            if link.tree is None:
                continue
            if not link.relation:
                self.before = self.opening = link.tree
                self.context = replace(self.context, symbols=with_dummies(link.tree, self.context.symbols))
                left = link.span.start
                continue
            if link.relation in ("implies", "iff"):
                self.before = self.opening = link.tree
                continue
            start, left = link.span.start if left is None else left, None  # the first relation is shown with its left side
            text = line.text[start : link.span.end] if link.span.end else line.text
            self.number += 1
            place = Step(self.number, text, *_place(line, start), line.syntax, Judgement(Status.UNDECIDED, ""))
            if self.before is None or self.opening is None:
                words = Message("nothing stands before this line that it could follow from")
                yield Judged(replace(place, before=Judgement(Status.UNDECIDED, words)), None, link.tree)
                self.before = self.opening = link.tree
                continue
            if link.relation not in _EQUAL:
                words = Message("the relation '{relation}' is not judged", relation=link.relation)
                yield Judged(replace(place, before=Judgement(Status.UNDECIDED, words)), self.opening, link.tree)
                self.before = link.tree
                continue
            judged = self.judged(place, link.relation, link.tree, start, conditions, line.syntax == "python")
            if judged.step.status is Status.WRONG and _is_posed(links):
                words = Message("an equation that is to be solved is not judged")
                judged = replace(judged, step=replace(place, before=Judgement(Status.UNDECIDED, words)))
            self.settle(link.tree, judged.step.before.status, line.syntax == "python")
            yield judged
            if judged.step.before.status not in (Status.SCHEMATIC, Status.UNDECIDED):  # nothing can be compared with what has no value
                self.before = link.tree
                self.otherwise = judged.step.before.status is Status.CONVENTION

    def settle(self, tree: Tree, status: Status, python: bool) -> None:
        """A line that is right with the d of the loss as a differential says what every d after it is; so does one of gradients."""
        assert self.opening is not None
        if status is not Status.RIGHT:
            return
        env = next(iter(instances((self.opening, tree), self.context)), {})
        if in_differentials((self.opening, tree), self.context, env, python) is not self.context:
            self.context = replace(self.context, conventions=replace(self.context.conventions, d="differential"))
        elif moved_by((tree,), self.context, env, python) and not may_move(self.opening, tree, self.context, python):
            self.gradients = True

    def judged(self, place: Step, relation: str, tree: Tree, offset: int, conditions: Sequence[Tree], python: bool) -> Judged:
        """The verdict on a link; where the checker itself fails there is none, and the other links are judged all the same."""
        try:
            return self.link(place, relation, tree, offset, conditions, python)
        except MemoryError:
            raise
        except Exception as error:
            deep = isinstance(error, RecursionError)
            failed = Message("the checker failed on it: {error}", error=f"{type(error).__name__}: {error}")
            words = Message("too large: it is nested too deep") if deep else failed
            return Judged(replace(place, before=Judgement(Status.UNDECIDED, words)), self.opening, tree)

    def link(self, place: Step, relation: str, tree: Tree, offset: int, conditions: Sequence[Tree], python: bool) -> Judged:
        last, start = self.before, self.opening
        assert last is not None
        assert start is not None
        first = last is start
        if relation == "=:":  # the name stands behind what it is given to
            named = self.definition(tree, last, ":=", python)
            if named is not None:
                return Judged(replace(place, before=named), start, tree)
        defined = self.definition(last, tree, relation, python) if first else None
        if defined is not None:
            return Judged(replace(place, before=defined), start, tree)
        if first and relation in (":=", "gets", "="):
            moved = update(last, tree, self.problem, self.context, python)
            if moved is not None:
                return Judged(replace(place, before=moved), start, tree)
        outcome = compared(last, tree, self.problem, self.context, conditions, python, None if first else start)
        opening = None
        if not first:
            against = compared(start, tree, self.problem, self.context, conditions, python)
            opening, _ = self.judgement(against, start, tree, conditions, python, offset, "")
        again = opening is not None and opening.status is Status.RIGHT
        before, diagnosis = self.judgement(outcome, last, tree, conditions, python, offset, "" if again else place.text)
        if before.status is Status.WRONG and self.otherwise and opening is not None and opening.status in (Status.RIGHT, Status.CONVENTION):
            before, diagnosis = opening, None
        elif again and before.status is Status.WRONG:
            diagnosis = Found("restored", *tree.span).at(-offset)
        return Judged(replace(place, before=before, opening=opening, diagnosis=diagnosis), start, tree, last, tuple(conditions), self.context)

    def judgement(
        self, outcome: Outcome, left: Tree, right: Tree, conditions: Sequence[Tree], python: bool, offset: int, text: str
    ) -> tuple[Judgement, Any]:
        """The verdict that an outcome amounts to; a wrong step is diagnosed where its text is given."""
        match outcome.kind:
            case "agree":
                proof = proof_of(outcome, self.problem)
                words = Message("{proof} (read with {reading})", proof=proof, reading=outcome.reading) if outcome.reading else proof
                return Judgement(Status.RIGHT, words), None
            case "undecided":
                return Judgement(Status.UNDECIDED, outcome.words), None
        schematic = is_schematic(left, right, self.problem, self.context)
        if schematic is not None and outcome.kind != "differ":
            return schematic, None
        if outcome.kind == "unreadable":
            return Judgement(Status.UNDECIDED, outcome.words), None
        other = in_another_convention(left, right, self.problem, self.context, conditions, python, moving=not self.gradients)
        if other is not None:
            return Judgement(Status.CONVENTION, other), None
        diagnosis = self.diagnosis(outcome, left, right, conditions, python, offset, text) if text else None
        if outcome.difference is None:
            return Judgement(Status.WRONG, outcome.words), diagnosis
        env = outcome.difference.env
        typed = Reader(in_differentials((left, right), self.context, env, python, self.opening), env, python=python).read(left)
        twice = _summed_and_free(outcome.terms[0][1])
        words = Message("the index {index} is summed and stands free as well", index=twice) if twice else self.words(outcome.difference)
        return Judgement(Status.WRONG, words, counterexample_of(outcome, typed, self.context)), diagnosis

    def diagnosis(
        self, outcome: Outcome, left: Tree, right: Tree, conditions: Sequence[Tree], python: bool, offset: int, text: str
    ) -> Diagnosis | None:
        """Why a step is wrong; it stays refuted where that cannot be said."""
        opening = None if left is self.opening else self.opening
        start = time.thread_time()
        try:
            world = None if outcome.difference is None else outcome.difference.world
            seconds = min(SECONDS, self.seconds / _SHARE)
            env = next(iter(instances((left, right), self.context)), {}) if outcome.difference is None else outcome.difference.env
            context = in_differentials((left, right), self.context, env, python, self.opening)
            return diagnose(left, right, self.problem, context, conditions, python, text, offset, opening, world, seconds)
        except MemoryError:
            raise
        except Exception as error:
            warnings.warn(f"the diagnosis of '{text[:80]}' failed: {type(error).__name__}: {error}", RuntimeWarning, stacklevel=2)
            return None
        finally:
            self.seconds -= time.thread_time() - start

    def words(self, difference: Difference) -> str:
        layer = ", ".join(f"{k} = {v}" for k, v in difference.env.items())
        values = {"left": short(difference.left), "right": short(difference.right)}
        if layer:
            return Message("the two sides differ: {left} is not {right} at {layer}", layer=layer, **values)
        return Message("the two sides differ: {left} is not {right}", **values)

    def definition(self, left: Tree, right: Tree, relation: str, python: bool) -> Judgement | None:
        """The verdict on a line that gives a name to something, known from there on; None for any other line.

        A name stands for what is defined already, so no name stands for itself.
        """
        if not isinstance(left, (Name, Script)) or key(left) in self.context.named:
            return None
        reader = Reader(self.context, next(iter(instances((left, right), self.context)), {}), python=python)
        if reader.lookup(left) is not None or not _undefined(reader, left):
            return None
        letter = letter_key(left)
        if relation not in _DEFINES and len(letter) > 1 and reader.near(letter) is not None:
            return None
        if words := _undefined(reader, right):
            return Judgement(Status.UNDECIDED, words)
        try:
            letters = tuple(k for k in map(key, index_parts(left)) if k in letters_of(right) and k not in self.context.families)
            pattern, part = pattern_of(stripped(left, set(letters)), self.context.families)
        except Unwritable:
            return None
        family = "" if part is None else next((f for f in self.context.families if f in letters_of(part)), "")
        symbol = Symbol(pattern, Macro(right, family, 0, letters))
        symbols = {**self.context.symbols, pattern.base: (*self.context.symbols.get(pattern.base, ()), symbol)}
        self.context = replace(self.context, symbols=symbols)
        return Judgement(Status.DEFINITION, Message("{name} is defined here", name=key(left)))


def _summed_and_free(term: Term) -> str:
    """The letter of an index that a sum binds in one place and that is free in another, as i in `\\sum_i A_{ij} u_i + u_i`."""
    summed = {t.label.partition("#")[0] for t in parts_of(term) if isinstance(t, Sum)}
    return next((k for k in sorted(free(term)) if k in summed), "")


def _is_posed(links: Sequence[Link]) -> bool:
    """Whether a line sets something to zero and draws conclusions, instead of saying what follows: `0 = \\nabla L \\implies ...`."""
    zeros = [isinstance(link.tree, Number) and link.tree.text == "0" for link in links]
    return zeros[0] or (any(zeros) and any(link.relation in ("implies", "iff") for link in links))


def _undefined(reader: Reader, tree: Tree) -> str:
    """What is said of a name in a tree that nothing defines; empty if there is none."""
    try:
        reader.read(tree)
    except (OutOfLayers, Misfit):
        return ""
    except Unreadable as error:
        return error.words if "is not defined" in error.words else ""
    return ""


def _place(line: Line, offset: int) -> tuple[int, int]:
    """The line and the column of a place in a formula, counted from 1 in the submission."""
    before = line.text[:offset]
    return line.line + before.count("\n"), offset - before.rfind("\n") + (0 if "\n" in before else line.column - 1)
