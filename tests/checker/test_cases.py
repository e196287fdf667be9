"""The published derivations of `cases.toml`: each step gets the verdict that its author's readers gave it.

The oracle is the collection itself: what was published as right, what was published and corrected, and the correction.
"""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from symbackprop.checker.judge import check
from symbackprop.checker.problem import Problem, load_problem
from symbackprop.checker.verdicts import Report, Status

HERE = Path(__file__).parent
PROBLEMS = HERE.parents[1] / "examples" / "problems"
CASES: list[dict[str, Any]] = tomllib.loads((HERE / "cases.toml").read_text(encoding="utf-8"))["case"]
WRITTEN = [(c, syntax) for c in CASES for syntax in ("lines", "python") if syntax in c]
NAMES = [f"{c['id']}-{syntax}" for c, syntax in WRITTEN]


@cache
def problem(name: str) -> Problem:
    return load_problem(PROBLEMS / f"{name}.toml")


def judged(case: dict[str, Any], lines: list[str], syntax: str = "lines") -> Report:
    return check("\n".join(lines), problem(case["problem"]), kind="txt" if syntax == "lines" else "py")


def plain(status: Status) -> str:
    """Right in another convention and right but schematic are right."""
    return "right" if status.startswith("right") else str(status)


@pytest.mark.parametrize(("case", "syntax"), WRITTEN, ids=NAMES)
def test_every_step_gets_its_verdict(case: dict[str, Any], syntax: str) -> None:
    report = judged(case, case[syntax], syntax)
    lines = [next(n for n, line in enumerate(case[syntax], 1) if n == s.line) for s in report.steps]
    assert [plain(s.status) for s in report.steps] == [case["expect"][n - 1] for n in lines]
    assert set(lines) == set(range(1, len(case[syntax]) + 1))
    if "opening" in case:
        assert [plain((s.opening or s.before).status) for s in report.steps] == case["opening"]


@pytest.mark.parametrize("case", [c for c in CASES if "right" in c], ids=lambda c: c["id"])
def test_the_correction_of_a_wrong_step_is_right(case: dict[str, Any]) -> None:
    wrong = case["lines"][case["expect"].index("wrong")]
    left = wrong.split("=", 1)[0]
    for line in case["right"]:
        corrected = line if " = " in line else f"{left} = {line}"
        report = judged(case, [corrected])
        assert report.steps
        assert all(plain(s.status) == "right" for s in report.steps), [s.before.because for s in report.steps]


def test_the_kind_of_most_mistakes_is_named() -> None:
    missed = []
    wrong = [c for c in CASES if "kinds" in c]
    for case in wrong:
        first = judged(case, case["lines"]).first_wrong
        if first is None or first.diagnosis is None or first.diagnosis.kind not in case["kinds"]:
            missed.append(case["id"])
    assert len(wrong) >= 15
    assert len(missed) <= len(wrong) - 13, missed
