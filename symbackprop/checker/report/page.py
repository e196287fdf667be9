"""A report as a page of its own: the derivation typeset, the verdict beside each step, no script and nothing loaded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from symbackprop.checker.report.formulas import laid_out
from symbackprop.checker.report.tally import Tally
from symbackprop.checker.report.words import STATUSES, against_opening, heading, numbers, place, printable, said, source_lines, verdict
from symbackprop.checker.verdicts import Judgement, Report, Step
from symbackprop.documents.templates import environment
from symbackprop.languages import ENGLISH, Language, Message
from symbackprop.typeset.mathml import CSS, mathml

__all__ = ["fragment", "index_page", "page"]


def page(report: Report, language: Language = ENGLISH) -> str:
    """A whole HTML page of one report."""
    return _render("report.html", language, title=escape(said(heading(report), language)), report=_report(report, language))


def fragment(report: Report, language: Language = ENGLISH) -> str:
    """The report for a notebook: the style sheet and the body, without a page around them."""
    return _render("report_fragment.html", language, report=_report(report, language))


def index_page(rows: Sequence[Mapping[str, str]], tally: Tally, language: Language = ENGLISH) -> str:
    """The page that leads to the pages of many submissions: `rows` hold name, link, status, and what is to be said."""
    tables = [
        {
            "title": escape(language.say(title)),
            "columns": [escape(language.say(c)) for c in columns],
            "rows": [[escape(language.say(cell)) for cell in cells] for cells in cells_of],
        }
        for title, columns, cells_of in tally.tables()
    ]
    escaped = [{key: escape(language.say(value)) for key, value in r.items()} for r in rows]
    title = language.say(Message("{number} submissions", number=tally.submissions))
    return _render("report_index.html", language, title=title, rows=escaped, tables=tables)


def _render(template: str, language: Language, **context: Any) -> str:
    return environment("html", language).get_template(template).render(css=CSS, language=language, **context)


def _report(report: Report, language: Language) -> dict[str, Any]:
    return {
        "name": escape(said(report.name or Message("Submission"), language)),
        "problem": escape(printable(report.problem)),
        "status": _css(str(report.status)),
        "verdict": escape(language.say(STATUSES[report.status])),
        "closing": [escape(said(sentence, language)) for sentence in verdict(report)],
        "targets": [{"name": _inline(t.name, "latex"), "step": t.step} for t in report.targets if not report.failure],
        "steps": [_step(s, report, language) for s in report.steps],
    }


def _step(step: Step, report: Report, language: Language) -> dict[str, Any]:
    diagnosis = step.diagnosis
    start, end = (diagnosis.start, diagnosis.end) if diagnosis is not None else (0, 0)
    mended = diagnosis.mended if diagnosis is not None else ""
    return {
        "number": step.number,
        "place": escape(said(place(step), language)),
        "status": _css(str(step.status)),
        "verdict": escape(language.say(STATUSES[step.status])),
        "because": escape(said(step.before.because, language)),
        "opening": escape(said(against_opening(step), language)),
        "formula": _formula(step.text, step.syntax, start, end),
        "source": "\n".join(_marked(line.text, line.start, line.end) for line in source_lines(step)),
        "kind": escape(diagnosis.kind if diagnosis is not None else ""),
        "sentence": escape(said(diagnosis.sentence, language)) if diagnosis is not None else "",
        "mended": _formula(mended, step.syntax) if mended else "",
        "mended_source": escape(printable(mended)),
        "numbers": _numbers(step.before, step.syntax, language),
        "notes": [escape(said(note, language)) for note in step.notes],
        "first": report.first_wrong is step,
    }


def _formula(text: str, syntax: str, start: int = 0, end: int = 0) -> str:
    """The formula typeset; the source itself where no layout is known for it."""
    try:
        return mathml(laid_out(text, syntax, start, end), "block")
    except ValueError:
        return f"<code>{_marked(printable(text), start, end)}</code>"


def _numbers(judgement: Judgement, syntax: str, language: Language) -> list[dict[str, str]]:
    if (shown := judgement.counterexample) is None:
        return []
    given = [(name, str(value)) for name, value in (*shown.sizes.items(), *shown.given.items())]
    shown_as = {label: _inline(text, syntax) for label, text in numbers(shown)}
    if given:
        shown_as[Message("with")] = ", ".join(f"<span>{_inline(name, syntax)} = {_inline(value, syntax)}</span>" for name, value in given)
    return [{"kind": str(label), "label": language.say(label), "text": text} for label, text in shown_as.items()]


def _inline(text: str, syntax: str) -> str:
    """The same in running text."""
    try:
        return mathml(laid_out(text, syntax), "inline")
    except ValueError:
        return escape(printable(text))


def _marked(text: str, start: int, end: int) -> str:
    if end <= start:
        return escape(text)
    return f"{escape(text[:start])}<mark>{escape(text[start:end])}</mark>{escape(text[end:])}"


def _css(status: str) -> str:
    return status.replace(" ", "-")
