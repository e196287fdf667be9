"""Reports on a terminal. The oracle is what a reader sees: columns counted in cells, and no control character."""

from __future__ import annotations

import io
from itertools import pairwise

import pytest
from rich.cells import cell_len
from rich.console import Console
from sample_reports import ALL_RIGHT, EVERY, FAILED, HOSTILE, LUCKY, MIXED, SLIP, WRONG

from symbackprop.checker.report.terminal import plain, terminal_lines
from symbackprop.checker.report.words import source_lines
from symbackprop.checker.verdicts import Diagnosis, Judgement, Report, Status, Step


def marked_in(text: str) -> list[str]:
    """What stands above each marker, found by columns alone."""
    lines = text.split("\n")
    found = []
    for above, below in pairwise(lines):
        body = below.partition("|")[2]
        if "^" in body and set(body) <= {" ", "^"}:
            cells = [c for c in above for _ in range(cell_len(c))]
            found.append("".join(c for c, mark in zip(cells, below, strict=False) if mark == "^"))
    return found


def test_the_marker_stands_under_the_offending_part() -> None:
    assert marked_in(plain(MIXED)) == ["W^{(2)}"]


def test_a_marker_stands_right_behind_wide_letters_and_tabs() -> None:
    text = "\t誤差 = b"
    step = Step(1, text, 1, 1, "latex", WRONG, None, Diagnosis("x", "s", start=text.index("b"), end=text.index("b") + 1))
    assert marked_in(plain(Report((step,)))) == ["b"]


def test_a_part_over_several_lines_is_marked_on_each() -> None:
    text = "a = b\n + c\n + d"
    step = Step(1, text, 5, 1, "latex", WRONG, None, Diagnosis("x", "s", start=text.index("b"), end=text.index(" + d")))
    assert marked_in(plain(Report((step,)))) == ["b", " + c"]
    assert [line.number for line in source_lines(step)] == [5, 6, 7]


def test_everything_that_was_found_is_said() -> None:
    text = plain(MIXED)
    for said in (
        "    4 | " + SLIP, "wrong: the two sides differ", "W^{(2)} has to be transposed here.", "j = 2", "n_1 = 2, n_2 = 3, W^{(2)}_{21} = 0.5",
        "expected  0.375", "found  -0.75", "mended: = \\left({W^{(2)}}^T", "note: a note", "right in another convention: right with samples",
        "against the left side that opens the chain: wrong", "The first wrong step is step 2 (line 4, column 10).", "Reached: dC/dW1 (step 3).",
        "Asked for and not reached: dC/db1.", "6 steps: 2 right, 1 right in another convention, 1 definition, 1 wrong, 1 undecided.",
    ):  # fmt: skip
        assert said in text


def test_a_right_answer_after_a_wrong_step_is_said() -> None:
    assert "Right answer, wrong step" in plain(LUCKY)
    assert "Right answer, wrong step" not in plain(MIXED)
    assert "Right answer" not in plain(ALL_RIGHT)


def test_what_could_not_be_judged_says_why() -> None:
    assert plain(FAILED).splitlines()[-1] == FAILED.failure
    assert "No step was found" in plain(Report(()))


@pytest.mark.parametrize("report", EVERY, ids=lambda r: r.name or "nameless")
def test_no_submission_can_steer_the_terminal(report: Report) -> None:
    assert all(c.isprintable() or c == "\n" for c in plain(report))


@pytest.mark.parametrize("report", EVERY, ids=lambda r: r.name or "nameless")
def test_prose_fits_a_terminal_of_100_columns(report: Report) -> None:
    sources = {line.text for step in report.steps for line in source_lines(step)}
    for line in plain(report).split("\n"):
        if len(line) > 100:
            assert "mended:" in line or line.partition("| ")[2] in sources or line == plain(report).split("\n")[0]


def shown(monkeypatch: pytest.MonkeyPatch, *, terminal: bool, no_color: bool) -> str:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    if no_color:
        monkeypatch.setenv("NO_COLOR", "1")
    file = io.StringIO()
    console = Console(file=file, force_terminal=terminal, color_system="standard" if terminal else "auto", width=200)
    for line in terminal_lines(MIXED):
        console.print(line, soft_wrap=True)
    return file.getvalue()


def test_colour_is_for_a_terminal_that_wants_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "\x1b[1;31m" in shown(monkeypatch, terminal=True, no_color=False)
    assert "31m" not in shown(monkeypatch, terminal=True, no_color=True)
    assert shown(monkeypatch, terminal=False, no_color=False) == plain(MIXED) + "\n"


def test_every_verdict_has_a_colour() -> None:
    for status in Status:
        assert str(status) in plain(Report((Step(1, "a", 1, 1, "latex", Judgement(status, "")),)))


def test_a_hostile_name_is_shown_and_not_obeyed() -> None:
    assert plain(HOSTILE).startswith("<b>.tex: ")


def test_printing_a_report_shows_it() -> None:
    assert str(MIXED) == plain(MIXED)
