"""What every form of a report says in the same words: the source with its markers, the numbers of a counterexample, the end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from symbackprop.checker.verdicts import Counterexample, Judgement, Report, Status, Step

__all__ = ["PASSED", "SourceLine", "against_opening", "closing", "heading", "judged", "numbers", "place", "printable", "source_lines", "verdict"]

PASSED = frozenset({Status.RIGHT, Status.CONVENTION, Status.SCHEMATIC})
"""The verdicts of a step that holds; a definition claims nothing, so it neither passes nor fails."""


@dataclass(frozen=True)
class SourceLine:
    """One line of what was submitted; `start` to `end` is the part that the diagnosis is about, empty where it is elsewhere."""

    number: int
    text: str
    start: int = 0
    end: int = 0

    @property
    def marker(self) -> str:
        """Signs that stand under the part, in the columns of a terminal; empty if there is none.

        >>> print("d = z^2\\n" + SourceLine(1, "d = z^2", 4, 7).marker)
        d = z^2
            ^^^
        """
        from rich.cells import cell_len

        before, under = self.text[: self.start], self.text[self.start : self.end]
        return " " * cell_len(before) + "^" * cell_len(under) if under.strip() else ""


def printable(text: str) -> str:
    """Text that cannot steer a terminal, as long as before: white space is spaces, other control characters are shown as replaced.

    >>> printable("a\\x1b[31mb")
    'a�[31mb'
    """
    return "".join(c if c.isprintable() else " " if c.isspace() else "\N{REPLACEMENT CHARACTER}" for c in text)


def source_lines(step: Step) -> tuple[SourceLine, ...]:
    r"""The lines of a step, each with the part of it that the diagnosis is about.

    >>> from symbackprop.checker.verdicts import Diagnosis
    >>> step = Step(1, "d &= a \\\\\n  &= -b", 7, 3, "latex", Judgement(Status.WRONG, ""), diagnosis=Diagnosis("sign", "", start=15, end=17))
    >>> [(line.number, line.text[line.start:line.end]) for line in source_lines(step)]
    [(7, ''), (8, '-b')]
    """
    found, offset = [], 0
    start, end = (step.diagnosis.start, step.diagnosis.end) if step.diagnosis else (0, 0)
    for number, raw in enumerate(step.text.split("\n"), step.line):
        cut = [min(max(at - offset, 0), len(raw)) for at in (start, end)]
        found.append(SourceLine(number, printable(raw), *cut))
        offset += len(raw) + 1
    return tuple(found)


def place(step: Step) -> str:
    """Where a step stands, in words."""
    return f"line {step.line}, column {step.column}"


def judged(judgement: Judgement) -> str:
    """A verdict with its reason.

    >>> judged(Judgement(Status.RIGHT, "proved for all sizes"))
    'right: proved for all sizes'
    """
    return printable(f"{judgement.status}: {judgement.because}" if judgement.because else str(judgement.status))


def against_opening(step: Step) -> str:
    """What is to be said of a step against the left side that opens its chain, where that is another verdict than its own."""
    if step.opening is None or step.opening.status is step.status or {step.opening.status, step.status} <= PASSED:
        return ""
    return f"against the left side that opens the chain: {judged(step.opening)}"


def numbers(counterexample: Counterexample) -> tuple[tuple[str, str], ...]:
    """The lines of a counterexample, each a label and what it says.

    >>> numbers(Counterexample("j = 2", "0.5", "-0.5", {"a_1": "3"}, {"n": 4}))
    (('at', 'j = 2'), ('with', 'n = 4, a_1 = 3'), ('expected', '0.5'), ('found', '-0.5'))
    """
    given = ", ".join(f"{name} = {value}" for name, value in (*counterexample.sizes.items(), *counterexample.given.items()))
    lines = (("at", counterexample.entry), ("with", given), ("expected", counterexample.expected), ("found", counterexample.found))
    return tuple((label, printable(text)) for label, text in lines if text)


def heading(report: Report) -> str:
    """The name of the submission and what was asked."""
    return printable(": ".join(part for part in (report.name, report.problem) if part)) or "submission"


def closing(report: Report) -> Iterator[str]:
    """The sentences at the end: the verdict, the first wrong step, what was reached of what was asked."""
    yield from verdict(report)
    if report.failure:
        return
    reached = [f"{printable(t.name)} (step {t.step})" for t in report.targets if t.step is not None]
    missed = [printable(t.name) for t in report.targets if t.step is None]
    if reached:
        yield f"Reached: {', '.join(reached)}."
    if missed:
        yield f"Asked for and not reached: {', '.join(missed)}."


def verdict(report: Report) -> Iterator[str]:
    """The same without what was asked."""
    if report.failure:
        yield printable(report.failure)
        return
    counts = [(status, sum(s.status is status for s in report.steps)) for status in Status]
    said = ", ".join(f"{number} {status}" for status, number in counts if number)
    yield f"{_plural(len(report.steps), 'step')}: {said}." if report.steps else "No step was found that could be judged."
    if (wrong := report.first_wrong) is not None:
        yield f"The first wrong step is step {wrong.number} ({place(wrong)})."
    if report.right_answer_wrong_step:
        yield "Right answer, wrong step: a chain ends in what agrees with the left side that opens it although a step of it is wrong."


def _plural(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
