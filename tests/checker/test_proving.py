"""Right lines are proved for all sizes, and no line that numbers refute is ever proved.

The oracle of the first part is the collection of published derivations, that of the second ball arithmetic, which shares no code with
the normal form: it refutes the wrong lines, and right ones that are spoilt here.
"""

from __future__ import annotations

import tomllib
from functools import cache
from itertools import product
from pathlib import Path

import pytest

from symbackprop.checker import Problem, load_problem
from symbackprop.checker.compare import Outcome, compared
from symbackprop.checker.proving import PROVED, proof_of
from symbackprop.parse.latex import read_formula

ROOT = Path(__file__).resolve().parents[2]
CASES = tomllib.loads((ROOT / "tests/checker/cases.toml").read_text(encoding="utf-8"))["case"]
EXPECTED = [(case["problem"], line, expected) for case in CASES for line, expected in zip(case["lines"], case["expect"], strict=True)]
WHOLE = [(name, line, expected) for name, line, expected in EXPECTED if not line.startswith("=")]
SPOILT = {"sign": r"-\left({}\right)"}
BLOCKS = {r"da_{prev}"}  # right for a block of a stack of vectors: in another convention


@cache
def problem(name: str) -> Problem:
    return load_problem(ROOT / "examples/problems" / f"{name}.toml")


def outcome(name: str, line: str, spoilt: str = "{}") -> Outcome:
    asked = problem(name)
    formula = read_formula(line, asked.context.vocabulary)
    left, right = formula.items[0].tree, formula.items[-1].tree
    assert left is not None
    assert right is not None
    text = spoilt.format(line[right.span.start : right.span.end])
    changed = read_formula(text, asked.context.vocabulary).items[0].tree
    assert changed is not None
    return compared(left, changed, asked, conditions=formula.conditions)


@pytest.mark.parametrize(("name", "line"), [(n, t) for n, t, expected in WHOLE if expected == "right" and t.split(" = ")[0] not in BLOCKS])
def test_every_published_line_that_is_right_is_proved(name: str, line: str) -> None:
    found = outcome(name, line)
    assert found.kind == "agree"
    assert proof_of(found, problem(name)) == PROVED


@pytest.mark.parametrize(("name", "line"), [(n, t) for n, t, expected in WHOLE if expected == "wrong"])
def test_no_published_line_that_is_wrong_is_proved(name: str, line: str) -> None:
    found = outcome(name, line)
    assert found.kind != "agree"
    assert not found.terms or proof_of(found, problem(name)) != PROVED


@pytest.mark.parametrize(("spoilt", "name", "line"), [(s, n, t) for s, (n, t, e) in product(SPOILT, WHOLE) if e == "right"])
def test_no_line_that_is_spoilt_is_proved(spoilt: str, name: str, line: str) -> None:
    found = outcome(name, line, SPOILT[spoilt])
    assert found.kind != "agree"
    assert not found.terms or proof_of(found, problem(name)) != PROVED
