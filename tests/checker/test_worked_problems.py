"""Worked problems and what was handed in for them: the right ones are right, of the wrong ones exactly the changed steps are wrong.

The oracle of the wrong ones is their right brother: a step is wrong where the two texts differ.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from symbackprop.checker.judge import check
from symbackprop.checker.problem import load_problem

PROBLEMS = Path(__file__).parents[2] / "examples" / "problems"
RIGHT = sorted(PROBLEMS.glob("*.right.md"))


@pytest.mark.parametrize("path", RIGHT, ids=lambda p: p.name)
def test_a_right_submission(path: Path) -> None:
    report = check(path.read_text(encoding="utf-8"), load_problem(PROBLEMS / path.name.replace(".right.md", ".toml")), kind="md")
    assert report.steps
    assert all(s.status == "right" for s in report.steps), [(s.text, s.before.because) for s in report.steps if s.status != "right"]


@pytest.mark.parametrize("path", RIGHT, ids=lambda p: p.name)
def test_its_wrong_brother(path: Path) -> None:
    wrong = path.with_name(path.name.replace(".right.", ".wrong."))
    report = check(wrong.read_text(encoding="utf-8"), load_problem(PROBLEMS / path.name.replace(".right.md", ".toml")), kind="md")
    right, changed = (p.read_text(encoding="utf-8").split("$$")[1::2] for p in (path, wrong))
    expected = [n for n, (a, b) in enumerate(zip(right, changed, strict=True), 1) if a != b]
    assert expected
    assert [s.number for s in report.steps if s.status == "wrong"] == expected
