"""A submission that declares its own problem, and derivatives that are local. Oracle: verdicts known by hand."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

import symbackprop as sb
from symbackprop.cli.commands import command
from symbackprop.errors import InputError

FRONT = '+++\nequations = ["y = x w"]\nloss = "L"\n[shapes]\nx = ["N", "D"]\nw = ["D", "M"]\n[upstream]\ndy = "y"\n+++\n'
CHAIN = {
    "equations": ["h = w x", "u = h x", "C = u^2"], "loss": "C", "shapes": {"w": [], "x": []},
}  # fmt: skip


def test_front_matter_declares_the_problem() -> None:
    report = sb.check(FRONT + "$$dw = x^T dy$$\n$$dx = dy w$$\n", kind="md")
    assert [s.status.value for s in report.steps] == ["right", "wrong"]


def test_a_problem_that_is_given_goes_before_what_a_submission_says_of_itself() -> None:
    given = {"equations": ["y = x w^T"], "loss": "L", "shapes": {"x": ["N", "D"], "w": ["M", "D"]}, "upstream": {"dy": "y"}}
    assert sb.check(FRONT + "$$dw = x^T dy$$\n", given, kind="md").steps[0].status.value == "wrong"


def test_no_problem_at_all_is_said() -> None:
    with pytest.raises(InputError, match="declares no problem in its front matter"):
        sb.check("$$dw = x^T dy$$", kind="md")
    with pytest.raises(InputError, match="is no TOML"):
        sb.check("+++\nequations = [\n+++\n$$a = b$$", kind="md")


def test_the_command_needs_no_problem_file(tmp_path: Path) -> None:
    (tmp_path / "own.md").write_text(FRONT + "$$dw = x^T dy$$\n", encoding="utf-8")
    done = CliRunner().invoke(command, ["check", str(tmp_path / "own.md")])
    assert (done.exit_code, "1 right" in done.output) == (0, True)


@pytest.mark.parametrize(
    ("total", "line", "status"),
    [
        # u = h x and h = w x: along every path du/dx = h + w x, in its own equation alone du/dx = h
        ("auto", r"\frac{\partial u}{\partial x} = h + w x", "right"),
        ("auto", r"\frac{\partial u}{\partial x} = h", "right in another convention"),
        ("auto", r"\frac{\partial u}{\partial x} = w x^2", "wrong"),
        ("total", r"\frac{\partial u}{\partial x} = h", "wrong"),
        ("local", r"\frac{\partial u}{\partial x} = h", "right"),
        ("local", r"\frac{\partial u}{\partial x} = h + w x", "wrong"),
        ("local", r"\frac{\partial C}{\partial h} = 2 u x", "right"),
    ],
)  # fmt: skip
def test_a_derivative_is_total_or_local_as_the_problem_says(total: str, line: str, status: str) -> None:
    problem = {**CHAIN, "conventions": {"total": total}}
    assert [s.status.value for s in sb.check(line, problem).steps] == [status]
