"""A report as Gradescope's results.json: points by the rubric of the problem."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from symbackprop.checker.report.terminal import plain
from symbackprop.checker.report.words import PASSED, against_opening, judged, numbers, place, source_lines
from symbackprop.checker.verdicts import Report, Status, Step

__all__ = ["STEPS", "gradescope_text", "results"]

STEPS = "steps"
"""The entry of a rubric whose points all steps share; every other entry is a target's."""


def gradescope_text(report: Report, rubric: Mapping[str, float]) -> str:
    """The text of results.json."""
    return json.dumps(results(report, rubric), indent=2, ensure_ascii=False) + "\n"


def results(report: Report, rubric: Mapping[str, float]) -> dict[str, Any]:
    """What Gradescope reads: a test for each target and for each step that claims something, with points.

    The steps share the points of `steps` equally. Without a rubric each is worth one point; a rubric that gives `steps` none, or
    does not name them, grades the targets alone. An undecided step earns nothing and says that a person should look at it.

    >>> from symbackprop.checker.verdicts import Judgement, Target
    >>> right = Step(1, "d = a - y", 1, 1, "latex", Judgement(Status.RIGHT, "proved for all sizes"))
    >>> graded = results(Report((right,), targets=(Target("dC/dW", None),)), {"steps": 4, "dC/dW": 6})
    >>> [(test["name"], test["score"], test["max_score"]) for test in graded["tests"]]
    [('dC/dW', 0.0, 6.0), ('Step 1 (line 1, column 1)', 4.0, 4.0)]
    """
    tests = [_target(name, points, report) for name, points in rubric.items() if name != STEPS]
    claims = [s for s in report.steps if s.status is not Status.DEFINITION]
    total = float(rubric.get(STEPS, 0.0 if rubric else max(len(claims), 1)))
    tests += [_step(s, total / len(claims)) for s in claims]
    if not claims and total:
        tests.append(_test("Steps", False, total, report.failure or "no step was found that could be judged"))
    return {
        "score": round(sum(t["score"] for t in tests), 6),
        "execution_time": round(report.seconds, 3),
        "output": plain(report),
        "output_format": "text",
        "visibility": "visible",
        "tests": tests,
    }


def _target(name: str, points: float, report: Report) -> dict[str, Any]:
    step = next((t.step for t in report.targets if t.name == name), None)
    said = "no step reaches it rightly" if step is None else f"reached in step {step}"
    return _test(name, step is not None, float(points), said)


def _step(step: Step, points: float) -> dict[str, Any]:
    said = [part for line in source_lines(step) for part in (line.text, line.marker) if part]
    said += [part for part in (judged(step.before), against_opening(step)) if part]
    if step.diagnosis is not None:
        said += [step.diagnosis.sentence, *([f"mended: {step.diagnosis.mended}"] if step.diagnosis.mended else [])]
    if step.before.counterexample is not None:
        said += [f"{label}: {text}" for label, text in numbers(step.before.counterexample)]
    if step.status is Status.UNDECIDED:
        said.append("This step could not be decided by the program; a person should look at it.")
    return _test(f"Step {step.number} ({place(step)})", step.status in PASSED, points, "\n".join([*said, *step.notes]))


def _test(name: str, passed: bool, points: float, said: str) -> dict[str, Any]:
    return {
        "name": name,
        "score": round(points, 6) if passed else 0.0,
        "max_score": round(points, 6),
        "status": "passed" if passed else "failed",
        "output": said,
        "output_format": "text",
        "visibility": "visible",
    }
