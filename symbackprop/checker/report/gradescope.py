"""A report as Gradescope's results.json: points by the rubric of the problem."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from symbackprop.checker.report.terminal import plain
from symbackprop.checker.report.words import PASSED, against_opening, judged, numbers, place, said, source_lines
from symbackprop.checker.verdicts import Report, Status, Step
from symbackprop.languages import ENGLISH, Language, Message

__all__ = ["STEPS", "gradescope_text", "results"]

STEPS = "steps"
"""The entry of a rubric whose points all steps share; every other entry is a target's."""


def gradescope_text(report: Report, rubric: Mapping[str, float], language: Language = ENGLISH) -> str:
    """The text of results.json."""
    return json.dumps(results(report, rubric, language), indent=2, ensure_ascii=False) + "\n"


def results(report: Report, rubric: Mapping[str, float], language: Language = ENGLISH) -> dict[str, Any]:
    """What Gradescope reads: a test for each target and for each step that claims something, with points.

    The steps share the points of `steps` equally, in hundredths that add up to all of them. Without a rubric each is worth one point; a
    rubric that gives `steps` none, or does not name them, grades the targets alone. An undecided step earns nothing and says that a
    person should look at it.

    >>> from symbackprop.checker.verdicts import Judgement, Target
    >>> right = Step(1, "d = a - y", 1, 1, "latex", Judgement(Status.RIGHT, "proved for all sizes"))
    >>> graded = results(Report((right,), targets=(Target("dC/dW", None),)), {"steps": 4, "dC/dW": 6})
    >>> [(test["name"], test["score"], test["max_score"]) for test in graded["tests"]]
    [('dC/dW', 0.0, 6.0), ('Step 1 (line 1, column 1)', 4.0, 4.0)]
    """
    tests = [_target(name, points, report, language) for name, points in rubric.items() if name != STEPS]
    claims = [s for s in report.steps if s.status is not Status.DEFINITION]
    total = float(rubric.get(STEPS, 0.0 if rubric else max(len(claims), 1)))
    tests += [_step(s, points, language) for s, points in zip(claims, _shares(total, len(claims)), strict=True)]
    if not claims and total:
        nothing = report.failure or Message("No step was found that could be judged.")
        tests.append(_test(language.say(Message("Steps")), False, total, said(nothing, language)))
    return {
        "score": round(sum(t["score"] for t in tests), 6),
        "execution_time": round(report.seconds, 3),
        "output": plain(report, language),
        "output_format": "text",
        "visibility": "visible",
        "tests": tests,
    }


def _shares(total: float, number: int) -> list[float]:
    """Equal shares that add up to the total: what is rounded is the sum up to each of them, so that no error adds up.

    >>> _shares(10.0, 3), _shares(0.005, 1)
    ([3.33, 3.34, 3.33], [0.005])
    """
    reached = [round(total * n / number, 2) for n in range(number)] + [total]
    return [round(after - before, 6) for before, after in pairwise(reached)]


def _target(name: str, points: float, report: Report, language: Language) -> dict[str, Any]:
    step = next((t.step for t in report.targets if t.name == name), None)
    words = Message("no step reaches it rightly") if step is None else Message("reached in step {number}", number=step)
    return _test(name, step is not None, float(points), language.say(words))


def _step(step: Step, points: float, language: Language) -> dict[str, Any]:
    source = [part for line in source_lines(step) for part in (line.text, line.marker) if part]
    words = [part for part in (judged(step.before), against_opening(step)) if part]
    if step.diagnosis is not None:
        words.append(step.diagnosis.sentence)
        words += [Message("mended: {formula}", formula=step.diagnosis.mended)] if step.diagnosis.mended else []
    if step.before.counterexample is not None:
        words += [Message("{label}: {value}", label=label, value=text) for label, text in numbers(step.before.counterexample)]
    if step.status is Status.UNDECIDED:
        words.append(Message("This step could not be decided by the program; a person should look at it."))
    name = Message("Step {number} ({place})", number=step.number, place=place(step))
    return _test(language.say(name), step.status in PASSED, points, "\n".join([*source, *(said(w, language) for w in (*words, *step.notes))]))


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
