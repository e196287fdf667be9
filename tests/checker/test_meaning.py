"""Derivations of the kinds that people hand in, for many networks and notations: no right line is wrong, no wrong line is right.

Each file of `meaning/` declares a problem (or names one of the examples) and lists lines that hold in it and lines that do not,
as textbooks, courses and blogs have them; the oracle is the literature, the judge works by values that it does not see.
"""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from symbackprop.checker.judge import check
from symbackprop.checker.problem import Problem, load_problem, problem_from

HERE = Path(__file__).parent
PROBLEMS = HERE.parents[1] / "examples" / "problems"
FILES = {p.stem: tomllib.loads(p.read_text(encoding="utf-8")) for p in sorted((HERE / "meaning").glob("*.toml"))}
VERDICTS = {"right": "right", "wrong": "wrong", "convention": "right in another convention", "undecided": "undecided"}
LINES = [
    pytest.param(name, line, "py" if kind.startswith("python") else "txt", verdict, id=f"{name}-{kind}-{number}")
    for name, data in FILES.items()
    for kind in data
    if (verdict := VERDICTS.get(kind.removeprefix("python_")))
    for number, line in enumerate(data[kind], 1)
]


@cache
def problem(name: str) -> Problem:
    data: dict[str, Any] = FILES[name]
    return load_problem(PROBLEMS / f"{data['use']}.toml") if "use" in data else problem_from(data["problem"], name)


def test_there_are_many() -> None:
    assert len(FILES) >= 25
    assert len(LINES) >= 120


@pytest.mark.parametrize(("name", "line", "kind", "verdict"), LINES)
def test_a_line_gets_its_verdict(name: str, line: str, kind: str, verdict: str) -> None:
    report = check(line, problem(name), kind=kind)
    assert report.steps
    assert not report.failure
    for step in report.steps:
        assert step.status == verdict, step.before.because
