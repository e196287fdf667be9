"""A report on a terminal: the source with markers, the verdict beside each step, and the numbers that refute it."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import wrap

from rich.text import Text

from symbackprop.checker.report.words import against_opening, closing, heading, judged, numbers, printable, source_lines
from symbackprop.checker.verdicts import Diagnosis, Report, Status, Step

__all__ = ["STYLES", "plain", "terminal_lines"]

STYLES = {
    Status.RIGHT: "green", Status.CONVENTION: "green", Status.SCHEMATIC: "green", Status.DEFINITION: "blue", Status.WRONG: "bold red",
    Status.UNDECIDED: "yellow",
}  # fmt: skip
_WIDTH = 96


def plain(report: Report) -> str:
    """The report as plain text, lines of prose at most 96 columns wide and source lines as long as they are.

    >>> from symbackprop.checker.verdicts import Judgement
    >>> step = Step(1, r"\\delta = a - y", 3, 5, "latex", Judgement(Status.RIGHT, "proved for all sizes"))
    >>> print(plain(Report((step,), name="hand.tex")))
    hand.tex
    <BLANKLINE>
       3 | \\delta = a - y
         | right: proved for all sizes
    <BLANKLINE>
    1 step: 1 right.
    """
    return "\n".join(line.plain for line in terminal_lines(report))


def terminal_lines(report: Report) -> Iterator[Text]:
    """The lines of a report, coloured by what they say."""
    yield Text(heading(report), "bold")
    yield Text()
    gutter = max((len(str(line.number)) for step in report.steps for line in source_lines(step)), default=1) + 3
    for step in report.steps:
        yield from _step(step, gutter)
        yield Text()
    for sentence in closing(report):
        for line in wrap(sentence, _WIDTH):
            yield Text(line, STYLES[report.status])


def _step(step: Step, gutter: int) -> Iterator[Text]:
    style = STYLES[step.status]
    for line in source_lines(step):
        yield _line(str(line.number), gutter, Text(line.text))
        if line.marker:
            yield _line("", gutter, Text(line.marker, "bold red"))
    yield from _prose(judged(step.before), gutter, style)
    if step.opening is not None and (words := against_opening(step)):
        yield from _prose(words, gutter, STYLES[step.opening.status])
    if step.diagnosis is not None:
        yield from _diagnosis(step.diagnosis, gutter)
    if step.before.counterexample is not None:
        for label, text in numbers(step.before.counterexample):
            yield from _prose(text, gutter, "", f"{label:>10}  ")
    for note in step.notes:
        yield from _prose(printable(note), gutter, "dim", "note: ")


def _diagnosis(diagnosis: Diagnosis, gutter: int) -> Iterator[Text]:
    yield from _prose(printable(diagnosis.sentence), gutter, "bold")
    if diagnosis.mended:
        yield _line("", gutter, Text.assemble("mended: ", (printable(diagnosis.mended), "green")))


def _prose(text: str, gutter: int, style: str, before: str = "") -> Iterator[Text]:
    lines = wrap(text, _WIDTH - gutter - len(before)) or [""]
    for number, line in enumerate(lines):
        yield _line("", gutter, Text.assemble((" " * len(before) if number else before, "dim"), (line, style)))


def _line(number: str, gutter: int, body: Text) -> Text:
    return Text.assemble((f"{number:>{gutter}} | ", "dim"), body)
