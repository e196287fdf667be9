"""A report as a page of its own: the derivation typeset, the verdict beside each step, no script and nothing loaded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from symbackprop.checker.report.formulas import laid_out
from symbackprop.checker.report.tally import Tally
from symbackprop.checker.report.words import against_opening, heading, numbers, place, printable, source_lines, verdict
from symbackprop.checker.verdicts import Judgement, Report, Step
from symbackprop.documents.templates import environment
from symbackprop.typeset.mathml import CSS, mathml

__all__ = ["fragment", "index_page", "page"]


def page(report: Report) -> str:
    """A whole HTML page of one report."""
    return _render("report.html", title=escape(heading(report)), report=_report(report))


def fragment(report: Report) -> str:
    """The report for a notebook: the style sheet and the body, without a page around them."""
    return _render("report_fragment.html", report=_report(report))


def index_page(rows: Sequence[Mapping[str, str]], tally: Tally) -> str:
    """The page that leads to the pages of many submissions: `rows` hold name, link, status, and what is to be said."""
    tables = [
        {"title": title, "columns": [escape(c) for c in columns], "rows": [[escape(cell) for cell in cells] for cells in cells_of]}
        for title, columns, cells_of in tally.tables()
    ]
    escaped = [{key: escape(value) for key, value in r.items()} for r in rows]
    return _render("report_index.html", title=f"{tally.submissions} submissions", rows=escaped, tables=tables)


def _render(template: str, **context: Any) -> str:
    return environment("html").get_template(template).render(css=CSS, **context)


def _report(report: Report) -> dict[str, Any]:
    return {
        "name": escape(printable(report.name or "Submission")),
        "problem": escape(printable(report.problem)),
        "status": _css(str(report.status)),
        "verdict": escape(str(report.status)),
        "closing": [escape(sentence) for sentence in verdict(report)],
        "targets": [{"name": _inline(t.name, "latex"), "step": t.step} for t in report.targets if not report.failure],
        "steps": [_step(s, report) for s in report.steps],
    }


def _step(step: Step, report: Report) -> dict[str, Any]:
    diagnosis = step.diagnosis
    start, end = (diagnosis.start, diagnosis.end) if diagnosis is not None else (0, 0)
    mended = diagnosis.mended if diagnosis is not None else ""
    return {
        "number": step.number,
        "place": escape(place(step)),
        "status": _css(str(step.status)),
        "verdict": escape(str(step.status)),
        "because": escape(printable(step.before.because)),
        "opening": escape(against_opening(step)),
        "formula": _formula(step.text, step.syntax, start, end),
        "source": "\n".join(_marked(line.text, line.start, line.end) for line in source_lines(step)),
        "kind": escape(diagnosis.kind if diagnosis is not None else ""),
        "sentence": escape(printable(diagnosis.sentence)) if diagnosis is not None else "",
        "mended": _formula(mended, step.syntax) if mended else "",
        "mended_source": escape(printable(mended)),
        "numbers": _numbers(step.before, step.syntax),
        "notes": [escape(printable(note)) for note in step.notes],
        "first": report.first_wrong is step,
    }


def _formula(text: str, syntax: str, start: int = 0, end: int = 0) -> str:
    """The formula typeset; the source itself where no layout is known for it."""
    try:
        return mathml(laid_out(text, syntax, start, end), "block")
    except ValueError:
        return f"<code>{_marked(printable(text), start, end)}</code>"


def _numbers(judgement: Judgement, syntax: str) -> list[dict[str, str]]:
    if (shown := judgement.counterexample) is None:
        return []
    given = [(name, str(value)) for name, value in (*shown.sizes.items(), *shown.given.items())]
    said = {label: _inline(text, syntax) for label, text in numbers(shown)}
    if given:
        said["with"] = ", ".join(f"<span>{_inline(name, syntax)} = {_inline(value, syntax)}</span>" for name, value in given)
    return [{"label": label, "text": text} for label, text in said.items()]


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
