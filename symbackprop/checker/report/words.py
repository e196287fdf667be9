"""What every form of a report says in the same words: the source with its markers, the numbers of a counterexample, the end.

What is said is a `Message`, which a form says in its language; `said` does that, and makes it printable.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

from symbackprop.checker.verdicts import Counterexample, Judgement, Report, Status, Step
from symbackprop.languages import Language, Message

__all__ = [
    "PASSED", "STATUSES", "SourceLine", "against_opening", "closing", "heading", "judged", "numbers", "place", "printable", "said",
    "source_lines", "verdict",
]  # fmt: skip

PASSED = frozenset({Status.RIGHT, Status.CONVENTION, Status.SCHEMATIC})
"""The verdicts of a step that holds; a definition claims nothing, so it neither passes nor fails."""


STATUSES: Mapping[Status, Message] = {
    Status.RIGHT: Message("right"), Status.CONVENTION: Message("right in another convention"), Status.SCHEMATIC: Message("right but schematic"),
    Status.DEFINITION: Message("definition"), Status.WRONG: Message("wrong"), Status.UNDECIDED: Message("undecided"),
}  # fmt: skip


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


def said(text: str, language: Language) -> str:
    """A message in a language, printable; a plain string is a name and stays as it is."""
    return printable(language.say(text))


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


def place(step: Step) -> Message:
    """Where a step stands, in words."""
    return Message("line {line}, column {column}", line=step.line, column=step.column)


def judged(judgement: Judgement) -> Message:
    """A verdict with its reason.

    >>> judged(Judgement(Status.RIGHT, "proved for all sizes"))
    'right: proved for all sizes'
    """
    status = STATUSES[judgement.status]
    return Message("{status}: {because}", status=status, because=judgement.because) if judgement.because else status


def against_opening(step: Step) -> str:
    """What is to be said of a step against the left side that opens its chain, where that is another verdict than its own."""
    if step.opening is None or step.opening.status is step.status or {step.opening.status, step.status} <= PASSED:
        return ""
    return Message("against the left side that opens the chain: {judged}", judged=judged(step.opening))


def numbers(counterexample: Counterexample) -> tuple[tuple[Message, str], ...]:
    """The lines of a counterexample, each a label and what it says.

    >>> numbers(Counterexample("j = 2", "0.5", "-0.5", {"a_1": "3"}, {"n": 4}))
    (('at', 'j = 2'), ('with', 'n = 4, a_1 = 3'), ('expected', '0.5'), ('found', '-0.5'))
    """
    given = ", ".join(f"{name} = {value}" for name, value in (*counterexample.sizes.items(), *counterexample.given.items()))
    lines = (
        (Message("at"), counterexample.entry), (Message("with"), given), (Message("expected"), counterexample.expected),
        (Message("found"), counterexample.found),
    )  # fmt: skip
    return tuple((label, printable(text)) for label, text in lines if text)


def heading(report: Report) -> str:
    """The name of the submission and what was asked."""
    return printable(": ".join(part for part in (report.name, report.problem) if part)) or Message("submission")


def closing(report: Report) -> Iterator[str]:
    """The sentences at the end: the verdict, the first wrong step, what was reached of what was asked."""
    yield from verdict(report)
    if report.failure:
        return
    reached = [Message("{name} (step {number})", name=t.name, number=t.step) for t in report.targets if t.step is not None]
    missed = [t.name for t in report.targets if t.step is None]
    if reached:
        yield Message("Reached: {names}.", names=_listed(reached))
    if missed:
        yield Message("Asked for and not reached: {names}.", names=_listed(missed))


def verdict(report: Report) -> Iterator[str]:
    """The same without what was asked."""
    if report.failure:
        yield report.failure
        return
    counts = [(status, sum(s.status is status for s in report.steps)) for status in Status]
    listed = [Message("{number} {status}", number=number, status=STATUSES[status]) for status, number in counts if number]
    if not report.steps:
        yield Message("No step was found that could be judged.")
    elif len(report.steps) == 1:
        yield Message("1 step: {counts}.", counts=_listed(listed))
    else:
        yield Message("{number} steps: {counts}.", number=len(report.steps), counts=_listed(listed))
    if (wrong := report.first_wrong) is not None:
        yield Message("The first wrong step is step {number} ({place}).", number=wrong.number, place=place(wrong))
    if report.right_answer_wrong_step:
        yield Message(
            "Right answer, wrong step: a chain ends in what agrees with the left side that opens it although a step of it is wrong."
        )


def _listed(parts: Sequence[str]) -> str:
    return reduce(lambda first, second: Message("{first}, {second}", first=first, second=second), parts)
