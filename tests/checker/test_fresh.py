"""Derivations as people type them, from textbooks, courses and blogs, right ones and ones with the usual slips.

Each file of `fresh/` declares problems as a teacher would and lists derivations with the verdict on each step; for some of the wrong
ones it names the kinds of mistake that say what is wrong. The oracle is the literature, by hand; the judge goes by values.
"""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from symbackprop.checker.judge import check
from symbackprop.checker.problem import Problem, problem_from

HERE = Path(__file__).parent
FILES: dict[str, dict[str, Any]] = {p.stem: tomllib.loads(p.read_text(encoding="utf-8")) for p in sorted((HERE / "fresh").glob("*.toml"))}
DERIVATIONS = [pytest.param(name, d, id=f"{name}-{d['about']}") for name, data in FILES.items() for d in data["derivation"]]
SHORT = {"right in another convention": "convention", "right but schematic": "schematic"}


@cache
def problem(file: str, name: str) -> Problem:
    return problem_from(FILES[file]["problems"][name], name)


def test_there_are_many() -> None:
    assert len(DERIVATIONS) >= 80
    assert sum(len(d["expect"]) for data in FILES.values() for d in data["derivation"]) >= 400


@pytest.mark.parametrize(("file", "derivation"), DERIVATIONS)
def test_each_step_gets_its_verdict(file: str, derivation: dict[str, Any]) -> None:
    report = check(derivation["text"], problem(file, derivation["problem"]), kind=derivation.get("kind", "txt"), timeout=60)
    assert not report.failure
    assert [SHORT.get(s.status, str(s.status)) for s in report.steps] == derivation["expect"], [(s.text, s.before.because) for s in report.steps]
    wrong = [s for s in report.steps if s.status == "wrong"]
    for step, kinds in ((step, kinds) for step, kinds in zip(wrong, derivation.get("kinds", ()), strict=False) if kinds):
        assert step.diagnosis is not None
        assert step.diagnosis.kind in kinds, (step.text, step.diagnosis.sentence, step.diagnosis.mended)
