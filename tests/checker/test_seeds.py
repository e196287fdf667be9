"""The four texts that this product answers to: what is right in them is right, and each slip in them is found.

The oracle is the list of formulas and slips that readers of the texts made; how they are declared stands in `seeds/`.
"""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from symbackprop.checker.judge import check
from symbackprop.checker.problem import Problem, problem_from
from symbackprop.checker.verdicts import Step

SEEDS = Path(__file__).parent / "seeds"
FILES: dict[str, dict[str, Any]] = {p.stem: tomllib.loads(p.read_text(encoding="utf-8")) for p in sorted(SEEDS.glob("*.toml"))}
VERDICTS = {"right": "right", "wrong": "wrong", "schematic": "right but schematic", "undecided": "undecided"}
LINES = [
    pytest.param(name, line, "py" if kind.startswith("python") else "txt", verdict, id=f"{name}-{kind}-{number}")
    for name, data in FILES.items()
    for kind in data
    if (verdict := VERDICTS.get(kind.removeprefix("python_")))
    for number, line in enumerate(data[kind], 1)
]


@cache
def problem(name: str) -> Problem:
    return problem_from(FILES[name]["problem"], name)


def step(name: str, line: str) -> Step:
    (found,) = check(line, problem(name)).steps
    return found


@pytest.mark.parametrize(("name", "line", "kind", "verdict"), LINES)
def test_a_formula_of_the_texts_gets_its_verdict(name: str, line: str, kind: str, verdict: str) -> None:
    report = check(line, problem(name), kind=kind)
    assert report.steps
    for found in report.steps:
        assert found.status == verdict, found.before.because


def test_the_layer_of_the_weights_is_named() -> None:
    found = step("c_rows", "Z^{(1)} = X W^{(2)} + b^{(1)}")
    assert found.diagnosis is not None
    assert found.diagnosis.kind == "layer"
    assert found.diagnosis.mended.replace(" ", "") == "XW^{(1)}+b^{(1)}"


def test_equations_of_columns_do_not_fit_a_batch_of_rows() -> None:
    found = step("c_rows", r"\frac{\partial J}{\partial Z^{(1)}} = W^{(2)T} \frac{\partial J}{\partial Z^{(2)}}")
    assert found.status == "wrong"
    assert "shape" in found.before.because


def test_a_sum_of_numbers_is_added_up() -> None:
    found = step("d_affine", r"1 \cdot 4 + 2 \cdot 5 + 3 \cdot 8 = 32")
    assert "38" in found.before.because
    assert "32" in found.before.because


def test_right_answer_after_a_wrong_step() -> None:
    wrong = r"\frac{\partial L}{\partial x_2} = \sum_j \exp(x_j) \\ = \frac{1}{\sum_j \exp(x_j)}".replace(r" \\ ", "\n")
    assert check(wrong, problem("d_softmax")).right_answer_wrong_step
