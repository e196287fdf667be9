"""Many submissions at once, and the command that checks them. The oracles: exit codes, files, clocks and what the operating system counts."""

from __future__ import annotations

import io
import json
import multiprocessing
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree as ET

import pytest
from jsonschema import validate

from symbackprop import cli
from symbackprop.checker import judge
from symbackprop.checker.batch import check_many, checking_pool
from symbackprop.checker.limits import mapped
from symbackprop.checker.problem import Problem, load_problem
from symbackprop.checker.submissions import Submission, find, read
from symbackprop.checker.verdicts import Report, Status

PROBLEM = r"""
title = "An affine layer"
equations = ["y = x w"]
loss = "L"
[shapes]
x = ["N", "D"]
w = ["D", "M"]
[upstream]
'\partial L/\partial y' = "y"
[rubric]
steps = 6
"""
RIGHT = r"$$\frac{\partial L}{\partial x} = \frac{\partial L}{\partial y} w^T$$"
WRONG = r"$$\frac{\partial L}{\partial x} = -\frac{\partial L}{\partial y} w^T$$"
UNDEFINED = r"$$\frac{\partial L}{\partial x} = q$$"


@pytest.fixture(scope="module")
def problem(tmp_path_factory: pytest.TempPathFactory) -> Problem:
    path = tmp_path_factory.mktemp("problem") / "P.toml"
    path.write_text(PROBLEM, encoding="utf-8")
    return load_problem(path)


def handed_in(*texts: str) -> Iterator[Submission]:
    return (Submission(f"s{number}.md", text, "md") for number, text in enumerate(texts))


# ---------------------------------------------------------------- many


def test_reports_come_in_order_and_a_bad_one_does_not_stop_the_rest(problem: Problem) -> None:
    submissions = [*handed_in(RIGHT, WRONG), Submission("bad.md", refused="'bad.md' is not text"), *handed_in("no formula", RIGHT)]
    reports = list(check_many(submissions, problem))
    assert [r.name for r in reports] == ["s0.md", "s1.md", "bad.md", "s0.md", "s1.md"]
    assert [r.status for r in reports] == [Status.RIGHT, Status.WRONG, Status.UNDECIDED, Status.UNDECIDED, Status.RIGHT]
    assert reports[2].failure == "'bad.md' is not text"
    assert {r.problem for r in reports if not r.failure} == {"An affine layer"}


def test_the_problem_may_have_been_used_before_it_is_sent(problem: Problem) -> None:
    judge.check(RIGHT, problem, kind="md")
    assert [r.status for r in check_many(handed_in(WRONG), problem)] == [Status.WRONG]


def test_out_of_time_is_undecided_and_said_in_words(problem: Problem) -> None:
    reports = list(check_many(handed_in(RIGHT, RIGHT), problem, timeout=0.0005))
    assert [r.status for r in reports] == [Status.UNDECIDED] * 2
    assert {r.failure for r in reports} == {"undecided: out of time: it takes more than 0.0005 s"}
    assert reports[0].name == "s0.md"


@pytest.mark.parametrize(
    "text",
    ["$$ y = 9^{9^{9^9}} $$", "$$ y = " + r"\frac{" * 10_000 + "$$", "$$" + r"\frac" * 200_000 + "$$", "(" * 100_000 + "=1"],
    ids=["tower", "nested", "megabyte", "brackets"],
)
def test_bombs_end_within_the_limit_and_are_never_right(text: str, problem: Problem) -> None:
    start = time.monotonic()
    reports = list(check_many(handed_in(text, RIGHT), problem, timeout=10))
    assert reports[0].status is not Status.RIGHT
    assert reports[1].status is Status.RIGHT
    assert time.monotonic() - start < 60


def test_memory_stays_flat(problem: Problem) -> None:
    with checking_pool(1, 30, 1024) as pool:
        list(check_many(handed_in(*[RIGHT, WRONG, UNDEFINED] * 10), problem, pool, timeout=30))
        before = pool.submit(mapped).result()
        list(check_many(handed_in(*[RIGHT, WRONG, UNDEFINED] * 40), problem, pool, timeout=30))
        assert pool.submit(mapped).result() - before < 32 * 2**20


def test_submissions_are_read_as_they_are_needed(problem: Problem) -> None:
    taken = 0

    def endless() -> Iterator[Submission]:
        nonlocal taken
        while True:
            taken += 1
            yield Submission(f"{taken}.md", refused="unread")

    reports = check_many(endless(), problem)
    assert next(reports).name == "1.md"
    assert taken < 1000
    reports.close()  # type: ignore[attr-defined]


# ---------------------------------------------------------------- executors of others


def test_processes_of_others_keep_the_limits(problem: Problem) -> None:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as executor, warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        assert [r.status for r in check_many(handed_in(RIGHT, WRONG), problem, executor)] == [Status.RIGHT, Status.WRONG]
        assert next(check_many(handed_in(RIGHT), problem, executor, timeout=0.0005)).failure.startswith("undecided: out of time")


def test_threads_are_used_with_a_warning(problem: Problem) -> None:
    with ThreadPoolExecutor(2) as executor, pytest.warns(RuntimeWarning, match="let no limits") as said:
        assert [r.status for r in check_many(handed_in(RIGHT, WRONG), problem, executor)] == [Status.RIGHT, Status.WRONG]
    assert len(said) == 1


@pytest.mark.filterwarnings("ignore:the workers of this executor")
@pytest.mark.parametrize(
    ("error", "words"),
    [
        (RecursionError("too deep"), "undecided: the checker failed on it: RecursionError: too deep"),
        (KeyError("x"), "undecided: the checker failed on it: KeyError: 'x'"),
    ],
    ids=["recursion", "bug"],
)
def test_a_check_that_fails_costs_only_its_own_submission(error: Exception, words: str, problem: Problem, monkeypatch: pytest.MonkeyPatch) -> None:
    real = judge.check

    def check(text: str, *arguments: Any, **options: Any) -> Report:
        if text == "bomb":
            raise error
        return real(text, *arguments, **options)

    monkeypatch.setattr(judge, "check", check)
    with ThreadPoolExecutor(1) as executor:
        reports = list(check_many(handed_in("bomb", RIGHT), problem, executor))
    assert reports[0].failure == words
    assert reports[0].source == "bomb"
    assert reports[1].status is Status.RIGHT


def test_an_executor_that_is_closed_is_reported(problem: Problem) -> None:
    executor = ThreadPoolExecutor(1)
    executor.shutdown()
    assert "the executor failed" in next(check_many(handed_in(RIGHT), problem, executor)).failure


# ---------------------------------------------------------------- what is handed in


def test_files_are_found_in_folders_and_by_patterns_once(tmp_path: Path) -> None:
    for name in ("a.tex", "b.md", "sub/c.ipynb", ".hidden/d.tex", "e.pdf", "sub/f.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("", encoding="utf-8")
    found = [str(Path(p).relative_to(tmp_path)) for p in find([str(tmp_path / "*.md"), str(tmp_path), str(tmp_path / "a.tex")])]
    assert found == ["b.md", "a.tex", "sub/c.ipynb", "sub/f.py"]


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.tex", None, "there is no file"),
        ("*.tex", None, "no file matches"),
        ("a.pdf", b"", "the suffix of"),
        ("a.tex", b"abc\xff", "byte 4"),
        ("a.tex", b"x" * (9 * 2**20), "too large"),
    ],
    ids=["missing", "pattern", "suffix", "encoding", "size"],
)
def test_what_cannot_be_used_says_why(name: str, content: bytes | None, says: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    (tmp_path / "alice.tex").write_text("", encoding="utf-8")
    submission = read(str(tmp_path / name))
    assert says in submission.refused
    assert submission.text == ""


def test_a_folder_without_submissions_and_a_near_miss_are_said(tmp_path: Path) -> None:
    assert "holds no file" in read(find([str(tmp_path)])[0]).refused
    (tmp_path / "alice.tex").write_text("", encoding="utf-8")
    assert "did you mean" in read(str(tmp_path / "alce.tex")).refused


# ---------------------------------------------------------------- the command


class Ran(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def check(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> Callable[..., Ran]:
    """Run `symbackprop check` in a folder with a problem and two submissions."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "P.toml").write_text(PROBLEM, encoding="utf-8")
    for name, text in (("hw/right.md", RIGHT), ("hw/wrong.md", WRONG), ("hw/sub/right.md", RIGHT)):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")

    def run(*arguments: str) -> Ran:
        monkeypatch.setattr(sys, "argv", ["symbackprop", "check", *arguments])
        code: Any = 0
        try:
            cli.main()
        except SystemExit as stop:
            code = stop.code
        return Ran(code, *capfd.readouterr())

    return run


def test_exit_codes(check: Callable[..., Ran], tmp_path: Path) -> None:
    (tmp_path / "undefined.md").write_text(UNDEFINED, encoding="utf-8")
    assert check("hw/right.md", "-p", "P.toml").code == 0
    assert check("hw/wrong.md", "-p", "P.toml").code == 1
    assert check("undefined.md", "-p", "P.toml").code == 1
    assert check("hw/right.md", "missing.md", "-p", "P.toml").code == 1
    assert check("missing.md", "-p", "P.toml").code == 2


def test_what_cannot_be_used_is_said_on_standard_error_and_the_rest_is_shown(check: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch) -> None:
    ran = check("missing.md", "-p", "P.toml")
    assert (ran.code, ran.out, ran.err) == (2, "", "symbackprop: there is no file 'missing.md'\n")
    ran = check("hw/right.md", "hw/rigt.md", "", "-p", "P.toml")
    assert (ran.code, ran.err.splitlines()) == (
        1, ["symbackprop: there is no file 'hw/rigt.md'; did you mean 'hw/right.md'?", "symbackprop: the name of a submission is empty"],
    )  # fmt: skip
    assert ran.out.startswith("hw/right.md: An affine layer\n")
    assert "missing" not in ran.out
    ran = check("missing.md", "-p", "P.toml", "-f", "json")
    assert ran.code == 2
    assert json.loads(ran.out)["reports"][0]["failure"] == "there is no file 'missing.md'"
    monkeypatch.setattr(sys, "stdin", None)
    ran = check("-", "hw/right.md", "-p", "P.toml")
    assert (ran.code, ran.err) == (1, "symbackprop: standard input is closed\n")
    assert check("-", "-p", "P.toml").code == 2


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("hw/right.md",), "no problem is given with --problem"),
        (("hw/right.md", "-p", "Q.toml"), "Q.toml"),
        (("hw/right.md", "-p", "P.toml", "-f", "jsn"), "did you mean 'json'?"),
        (("-p", "P.toml"), "SUBMISSION"),
        (("hw/right.md", "-p", "P.toml", "--timeout", "0"), "--timeout is a positive number"),
        (("hw/right.md", "-p", "P.toml", "--timeout", "inf"), "--timeout is a positive number of at most 1,000,000, not inf"),
        (("hw/right.md", "-p", "P.toml", "--memory", "nan"), "'nan' is not a valid integer; symbackprop check --help says what it takes"),
        (("hw/right.md", "-p", "P.toml", "--timeout", "nan"), "not nan"),
        (("hw/right.md",), "; there is P.toml"),
        (("hw/right.md", "-p", "p.tml"), "did you mean 'P.toml'?"),
        (("hw/right.md", "-p", "P.toml", "-n", "ng"), "P.toml: its equations are typed in letters of their own"),
        (("hw/right.md", "-p", "P.toml", "-o", "hw/right.md"), "cannot write 'hw/right.md': it is read, and would be lost"),
        (("hw/right.md", "-p", "P.toml", "-o", "P.toml"), "cannot write 'P.toml': it is read, and would be lost"),
        (("hw/right.md", "-p", "P.toml", "--jobs", "-1"), "--jobs is a positive number"),
        (("-", "-p", "P.toml", "--kind", "docx"), "unknown kind 'docx'"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_paragraph(arguments: tuple[str, ...], says: str, check: Callable[..., Ran]) -> None:
    ran = check(*arguments)
    assert ran.code == 2
    assert says in ran.err
    assert ran.out == ""
    assert ran.err.count("\n") == 1


def test_the_terminal_shows_the_line_and_the_part(check: Callable[..., Ran]) -> None:
    ran = check("hw/wrong.md", "-p", "P.toml")
    lines = ran.out.splitlines()
    above = next(number for number, line in enumerate(lines) if set(line.partition("|")[2].strip()) == {"^"})
    assert lines[above - 1].startswith("   1 | ")
    assert "The first wrong step is step 1" in ran.out
    assert "\x1b" not in ran.out


def test_standard_input(check: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(WRONG.encode())))
    ran = check("-", "-p", "P.toml", "--kind", "md")
    assert ran.code == 1
    assert ran.out.startswith("standard input: An affine layer\n")


def test_json_of_one_is_all_that_is_printed(check: Callable[..., Ran]) -> None:
    ran = check("hw/wrong.md", "-p", "P.toml", "-f", "json")
    data = json.loads(ran.out)
    validate(data, json.loads((Path(__file__).parents[2] / "docs" / "report-schema.json").read_text(encoding="utf-8")))
    assert data["reports"][0]["name"] == "hw/wrong.md"
    assert data["reports"][0]["first_wrong"] == 1


def test_junit_and_gradescope_are_written_where_they_should_be(check: Callable[..., Ran], tmp_path: Path) -> None:
    assert check("hw/wrong.md", "-p", "P.toml", "-f", "junit", "-o", "out/report.xml").out == "wrote out/report.xml\n"
    assert ET.parse(tmp_path / "out" / "report.xml").getroot().get("failures") == "1"
    assert check("hw/right.md", "-p", "P.toml", "-f", "gradescope", "-o", "results.json").code == 0
    assert json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))["score"] == 6


def test_many_get_a_page_each_an_index_and_tables(check: Callable[..., Ran], tmp_path: Path) -> None:
    (tmp_path / "hw" / "bad.md").write_bytes(b"\xff")
    ran = check("hw", "-p", "P.toml", "-f", "html", "-o", "pages")
    assert ran.code == 1
    written = sorted(str(p.relative_to(tmp_path / "pages")) for p in (tmp_path / "pages").rglob("*") if p.is_file())
    assert written == ["bad.md.html", "index.html", "right.md.html", "sub/right.md.html", "wrong.md.html"]
    index = (tmp_path / "pages" / "index.html").read_text(encoding="utf-8")
    assert all(f'href="{name}"' in index for name in written if name != "index.html")
    assert "By kind of mistake" in ran.out
    assert "wrote 5 files: see pages/index.html" in ran.out


def test_a_folder_that_cannot_be_written_is_said(check: Callable[..., Ran], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    ran = check("hw", "-p", "P.toml", "-f", "json", "-o", "file")
    assert ran.code == 2
    assert "cannot write" in ran.err


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (["hw"], ["right.md.json", "sub/right.md.json", "wrong.md.json"]),
        (["hw/"], ["right.md.json", "sub/right.md.json", "wrong.md.json"]),
        (["{here}/hw"], ["right.md.json", "sub/right.md.json", "wrong.md.json"]),
        (["hw/*.md"], ["right.md.json", "wrong.md.json"]),
        (["hw/**/*.md"], ["right.md.json", "sub/right.md.json", "wrong.md.json"]),
        (["hw/sub"], ["right.md.json"]),
        (["hw/sub", "one"], ["hw/sub/right.md.json", "one/a.md.json"]),
        (["hw/sub/right.md", "hw/right.md"], ["right.md.json", "sub/right.md.json"]),
        (["one/../two/a.md", "two/a.md", "{here}/one/a.md"], ["one/a.md.json", "two/a.md.json"]),
        (["one/a.md", "one/nowhere.md"], ["a.md.json", "nowhere.md.json"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_reports_keep_their_places_below_what_was_named(arguments: list[str], found: list[str], check: Callable[..., Ran], tmp_path: Path) -> None:
    """A folder of one submission is a folder too; nothing is written outside the output, and the same file is checked once."""
    for name in ("one/a.md", "two/a.md"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(RIGHT, encoding="utf-8")
    before = set(tmp_path.rglob("*"))
    check(*[a.format(here=tmp_path) for a in arguments], "-p", "P.toml", "-f", "json", "-o", "out")
    assert sorted(str(p.relative_to(tmp_path / "out")) for p in (tmp_path / "out").rglob("*") if p.is_file()) == found
    assert {p for p in set(tmp_path.rglob("*")) - before if tmp_path / "out" not in (p, *p.parents)} == set()


def test_a_place_that_ends_like_a_folder_is_one(check: Callable[..., Ran], tmp_path: Path) -> None:
    assert check("hw/right.md", "-p", "P.toml", "-f", "json", "-o", "new/").out == "wrote new/right.md.json\n"
    assert check("hw/right.md", "-p", "P.toml", "-f", "json", "-o", "file").out == "wrote file\n"
