"""A report on a terminal: the source with markers, the verdict beside each step, and the numbers that refute it."""

from __future__ import annotations

from collections.abc import Iterator

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from symbackprop.checker.report.words import against_opening, closing, heading, judged, numbers, said, source_lines
from symbackprop.checker.verdicts import Diagnosis, Report, Status, Step
from symbackprop.languages import ENGLISH, Language, Message

__all__ = ["STYLES", "plain", "terminal_lines"]

STYLES = {
    Status.RIGHT: "green", Status.CONVENTION: "green", Status.SCHEMATIC: "green", Status.DEFINITION: "blue", Status.WRONG: "bold red",
    Status.UNDECIDED: "yellow",
}  # fmt: skip
_WIDTH = 96
_LABEL = 10
_BAR = " | "
_MENDED = Message("mended: {formula}")


def plain(report: Report, language: Language = ENGLISH) -> str:
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
    return "\n".join(line.plain for line in terminal_lines(report, language))


def terminal_lines(report: Report, language: Language = ENGLISH) -> Iterator[Text]:
    """The lines of a report, coloured by what they say."""
    yield Text(said(heading(report), language), "bold")
    yield Text()
    gutter = max((len(str(line.number)) for step in report.steps for line in source_lines(step)), default=1) + 3
    for step in report.steps:
        yield from _step(step, gutter, language)
        yield Text()
    for sentence in closing(report):
        for line in _wrapped(said(sentence, language), _WIDTH):
            yield Text(line, STYLES[report.status])


def _step(step: Step, gutter: int, language: Language) -> Iterator[Text]:
    style = STYLES[step.status]
    for line in source_lines(step):
        yield _line(str(line.number), gutter, Text(line.text))
        if line.marker:
            yield _line("", gutter, Text(line.marker, "bold red"))
    yield from _prose(said(judged(step.before), language), gutter, style)
    if step.opening is not None and (words := against_opening(step)):
        yield from _prose(said(words, language), gutter, STYLES[step.opening.status])
    if step.diagnosis is not None:
        yield from _diagnosis(step.diagnosis, gutter, language)
    if step.before.counterexample is not None:
        for label, text in numbers(step.before.counterexample):
            yield from _prose(text, gutter, "", _label(language.say(label)))
    for note in step.notes:
        yield from _prose(said(note, language), gutter, "dim", language.say(Message("note:")) + " ")


def _diagnosis(diagnosis: Diagnosis, gutter: int, language: Language) -> Iterator[Text]:
    yield from _prose(said(diagnosis.sentence, language), gutter, "bold")
    if diagnosis.mended:
        before, after = language.text(_MENDED).split("{formula}")
        yield _line("", gutter, Text.assemble(before, (said(diagnosis.mended, language), "green"), after))


def _prose(text: str, gutter: int, style: str, before: str = "") -> Iterator[Text]:
    indent = cell_len(before)
    for number, line in enumerate(_wrapped(text, _WIDTH - gutter - len(_BAR) - indent) or [""]):
        yield _line("", gutter, Text.assemble((" " * indent if number else before, "dim"), (line, style)))


def _label(text: str) -> str:
    return " " * (_LABEL - cell_len(text)) + text + "  "


def _wrapped(text: str, width: int) -> list[str]:
    """Lines of at most so many columns; Chinese has no spaces to break at, and its signs are two columns wide."""
    return [line.plain.rstrip() for line in Text(text).wrap(Console(width=width), width)]


def _line(number: str, gutter: int, body: Text) -> Text:
    return Text.assemble((f"{number:>{gutter}}{_BAR}", "dim"), body)
