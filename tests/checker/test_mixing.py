"""Two conventions in one derivation: rows beside columns, w_{to,from} beside w_{from,to}.

The oracle is a table of the same equations as books of either convention print them.
"""

# ruff: noqa: E501 - a case of a table is one line

from __future__ import annotations

from typing import Any

import pytest

from symbackprop.checker import Report, check
from symbackprop.checker.problem import problem_from

ROWS = [
    r"Z = X W + b", r"\frac{\partial C}{\partial Z} = \frac{\partial C}{\partial A} \odot f'(Z)", r"\frac{\partial C}{\partial W} = X^T \frac{\partial C}{\partial Z}",
    r"\frac{\partial C}{\partial X} = \frac{\partial C}{\partial Z} W^T", r"\frac{\partial C}{\partial A} = \frac{\partial C}{\partial Y} V^T",
    r"\frac{\partial C}{\partial Z} = \left( \frac{\partial C}{\partial Y} V^T \right) \odot f'(Z)", r"\frac{\partial C}{\partial V} = A^T \frac{\partial C}{\partial Y}",
]  # fmt: skip
COLUMNS = [
    r"Z = W X + b", r"\frac{\partial C}{\partial Z} = \frac{\partial C}{\partial A} \odot f'(Z)", r"\frac{\partial C}{\partial W} = \frac{\partial C}{\partial Z} X^T",
    r"\frac{\partial C}{\partial X} = W^T \frac{\partial C}{\partial Z}", r"\frac{\partial C}{\partial A} = V^T \frac{\partial C}{\partial Y}",
    r"\frac{\partial C}{\partial Z} = \left( V^T \frac{\partial C}{\partial Y} \right) \odot f'(Z)", r"\frac{\partial C}{\partial V} = \frac{\partial C}{\partial Y} A^T",
]  # fmt: skip
BOTH = {1}  # the lines that are the same in both
TO_FROM = [r"z_j = \sum_k w_{jk} x_k", r"\frac{\partial C}{\partial w_{jk}} = x_k \frac{\partial C}{\partial z_j}", r"\frac{\partial C}{\partial x_k} = \sum_j w_{jk} \frac{\partial C}{\partial z_j}"]
FROM_TO = [r"z_j = \sum_k w_{kj} x_k", r"\frac{\partial C}{\partial w_{kj}} = x_k \frac{\partial C}{\partial z_j}", r"\frac{\partial C}{\partial x_k} = \sum_j w_{kj} \frac{\partial C}{\partial z_j}"]


def judged(lines: list[str], rows: bool) -> Report:
    turned: Any = (lambda *shape: list(shape)) if rows else (lambda *shape: list(shape[::-1]))
    problem = {
        "equations": ["Z = X W + b", "A = f(Z)", "Y = A V"] if rows else ["Z = W X + b", "A = f(Z)", "Y = V A"], "loss": "C", "samples": "N",
        "abstract": {"C": ["Y"]}, "functions": {"f": "abstract"}, "conventions": {"broadcast": True},
        "shapes": {"X": turned("N", "D"), "W": turned("D", "H"), "b": turned(1, "H"), "V": turned("H", "K")},
    }  # fmt: skip
    return check("\n".join(lines), problem_from(problem))


@pytest.mark.parametrize("rows", [True, False])
@pytest.mark.parametrize("others", [{2, 3}, {3, 4}, {5, 6}, {0, 2, 6}, {2, 3, 5, 6}])
def test_lines_in_the_other_convention_are_named_as_such(rows: bool, others: set[int]) -> None:
    ours, theirs = (ROWS, COLUMNS) if rows else (COLUMNS, ROWS)
    report = judged([theirs[n] if n in others else ours[n] for n in range(len(ours))], rows)
    assert {n for n, s in enumerate(report.steps) if s.status == "wrong"} == others
    assert {n for n, s in enumerate(report.steps) if s.diagnosis and s.diagnosis.kind == "mixed conventions"} == others
    said = report.steps[min(others)].diagnosis.sentence
    assert f"right with examples as {'columns' if rows else 'rows'}" in said
    assert f"(line {', '.join(str(n + 1) for n in range(len(ours)) if n not in others | BOTH)})" in said


@pytest.mark.parametrize("rows", [True, False])
def test_a_derivation_in_one_convention_mixes_none(rows: bool) -> None:
    assert all(s.status == "right" for s in judged(ROWS if rows else COLUMNS, rows).steps)
    turned = judged(COLUMNS if rows else ROWS, rows).steps
    assert [n for n, s in enumerate(turned) if s.status == "wrong"] == [n for n in range(len(ROWS)) if n not in BOTH]
    assert all(s.diagnosis.kind != "mixed conventions" for s in turned if s.diagnosis)


def test_one_line_alone_is_a_slip_and_a_note() -> None:
    report = judged([*ROWS[:3], COLUMNS[3]], True)
    assert report.first_wrong.diagnosis.kind != "mixed conventions"
    assert report.first_wrong.notes == ("it is right with examples as columns; the derivation has examples as rows elsewhere (line 1, 3)",)


def test_another_mistake_is_no_other_convention() -> None:
    report = judged([*ROWS[:3], r"\frac{\partial C}{\partial X} = -\frac{\partial C}{\partial Z} W^T", r"\frac{\partial C}{\partial V} = 2 A^T \frac{\partial C}{\partial Y}"], True)
    assert [s.diagnosis.kind for s in report.steps if s.diagnosis] == ["sign", "factor"]
    assert not any(s.notes for s in report.steps)


@pytest.mark.parametrize("to_from", [True, False])
def test_the_order_of_the_indices_of_weights(to_from: bool) -> None:
    ours, theirs = (TO_FROM, FROM_TO) if to_from else (FROM_TO, TO_FROM)
    problem = problem_from({
        "equations": [ours[0]], "loss": "C", "abstract": {"C": ["z"]}, "shapes": {"x": ["m"], "w": ["n", "m"] if to_from else ["m", "n"], "z": ["n"]},
    })  # fmt: skip
    report = check("\n".join([ours[0], theirs[1], theirs[2]]), problem)
    assert [s.status for s in report.steps] == ["right", "wrong", "wrong"]
    other, own = ("from, to", "to, from") if to_from else ("to, from", "from, to")
    for step in report.steps[1:]:
        assert step.diagnosis.sentence == f"Two conventions are mixed: this is right with weights written {other}, but the derivation has weights written {own} elsewhere (line 1)."
