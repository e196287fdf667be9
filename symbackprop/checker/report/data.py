"""Reports as data: JSON by the schema in `docs/report-schema.json`."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from symbackprop.checker.verdicts import Judgement, Report, Step

__all__ = ["VERSION", "as_data", "json_text"]

VERSION = 1
"""The version of the schema; it rises when a field changes its meaning or goes, not when one is added."""


def json_text(reports: Iterable[Report]) -> str:
    """One JSON document of all reports, by the schema.

    >>> print(json_text([Report((), name="empty.tex", failure="too large")]).splitlines()[1])
      "version": 1,
    """
    return json.dumps({"version": VERSION, "reports": [as_data(r) for r in reports]}, indent=2, ensure_ascii=False) + "\n"


def as_data(report: Report) -> dict[str, Any]:
    """One report as plain dicts, lists, strings and numbers.

    >>> as_data(Report((), name="empty.tex", failure="too large"))["status"]
    'undecided'
    """
    wrong = report.first_wrong
    return {
        "name": report.name,
        "problem": report.problem,
        "status": str(report.status),
        "failure": report.failure,
        "first_wrong": None if wrong is None else wrong.number,
        "right_answer_wrong_step": report.right_answer_wrong_step,
        "targets": [{"name": t.name, "step": t.step} for t in report.targets],
        "steps": [_step(s) for s in report.steps],
        "seconds": round(report.seconds, 6),
    }


def _step(step: Step) -> dict[str, Any]:
    return {
        "number": step.number,
        "text": step.text,
        "syntax": step.syntax,
        "line": step.line,
        "column": step.column,
        "status": str(step.status),
        "before": _judgement(step.before),
        "opening": None if step.opening is None else _judgement(step.opening),
        "diagnosis": None if step.diagnosis is None else asdict(step.diagnosis),
        "notes": list(step.notes),
    }


def _judgement(judgement: Judgement) -> dict[str, Any]:
    shown = judgement.counterexample
    numbers = None
    if shown is not None:
        numbers = {"entry": shown.entry, "expected": shown.expected, "found": shown.found, "given": dict(shown.given), "sizes": dict(shown.sizes)}
    return {"status": str(judgement.status), "because": judgement.because, "counterexample": numbers}
