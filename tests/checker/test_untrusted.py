r"""Texts made to hurt: they end as undecided, soon, in every report, and nothing in them is ever run.

The oracles: the clock, what the operating system counts as memory, the encoding of what is printed, and the source of the package
itself, in which no call stands that evaluates text.
"""

from __future__ import annotations

import ast
import json
import resource
import sys
import time
from itertools import pairwise
from pathlib import Path

import pytest

import symbackprop
from symbackprop.checker import Report, Status, check, load_problem
from symbackprop.checker.batch import check_many, checking_pool
from symbackprop.checker.limits import mapped
from symbackprop.checker.report.data import json_text
from symbackprop.checker.submissions import Submission

# An alarm that rings inside a callback of the garbage collector is lost, and rings again; hypothesis leaves such a callback behind.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

ROOT = Path(__file__).resolve().parents[2]
PROBLEMS = {name: load_problem(ROOT / "examples/problems" / f"{name}.toml") for name in ("scalars", "nielsen", "ng")}
SECONDS = 2.0  # what a check is given
SLACK = 5.0  # a busy machine hears the alarm late


@pytest.fixture(autouse=True)
def _alarms_may_ring_in_finalizers(monkeypatch: pytest.MonkeyPatch) -> None:
    """An alarm that rings in a finalizer is lost there and rings again; pytest would take the lost one for an error of the test."""
    monkeypatch.setattr(sys, "unraisablehook", lambda unraisable: None)



def nested(before: str, inside: str, after: str, depth: int) -> str:
    return f"x = {before * depth}{inside}{after * depth}"


def cells(source: object, count: int = 1) -> str:
    return json.dumps({"cells": [{"cell_type": "markdown", "source": source}] * count})


ALPHABET = "ABCDEFGHIJKLMNOPQRSTWYZ"
LATEX = {
    "tower": "x = 9^{9^{9^9}}",
    "tower on both sides": "9^{9^{9^9}} = 9^{9^{9^9}}",
    "power of a sum": "x = (u + v)^{99999999999999999999}",
    "digits": "x = " + "9" * 1_000_000,
    "digits in an index": "x = x_{" + "9" * 4_999 + "}",
    "digits in a power": "x = x^{" + "9" * 4_301 + "}",
    "decimals": "x = 0." + "1" * 50_000,
    "exponent": "x = 1e999999999",
    "nested fractions": nested(r"\frac{1}{1 + ", "x", "}", 10_000),
    "megabyte of fractions": "x = " + r"\frac" * 200_000,
    "brackets": "x = " + "(" * 100_000,
    "closed brackets": nested("(", "x", ")", 50_000),
    "braces": nested("{", "x", "}", 50_000),
    "left and right": nested(r"\left(", "x", r"\right)", 10_000),
    "superscripts": nested("x^{", "x", "}", 5_000),
    "subscripts": nested("x_{", "x", "}", 5_000),
    "exponentials": nested("e^{", "x", "}", 60),
    "functions": nested(r"\exp(", "x", ")", 5_000),
    "roots": nested(r"\sqrt{", "x", "}", 5_000),
    "transposes": "x = x" + "^T" * 5_000,
    "signs": "x = " + "-" * 19_000 + "x",
    "long sum": "x = x" + " + x" * 100_000,
    "long product": "x = " + "(x + u)" * 2_000,
    "derivative of a long product": r"x = \frac{d}{dx} (" + "(x + u)" * 140 + ")",
    "sum over an undeclared range": r"x = \sum_{k=1}^{K} k x",
    "sum to a power": r"x = \sum_{k=1}^{10^{9}} k x",
    "product to a billion": r"x = \prod_{k=1}^{1000000000} k x",
    "names of each other": "p := q + 1\nq := p + 1\nx = p",
    "name of itself": "p := p + 1\nx = p",
    "names that double": "\n".join(["A := x + x", *(f"{b} := {a} {a} + {a}" for a, b in pairwise(ALPHABET)), "x = Y"]),
    "commands of each other": r"\def\a{\b\b}\def\b{\a\a} x = \a",
    "new commands": r"\newcommand{\lol}{ha}\newcommand{\lolol}{\lol\lol} x = \lolol",
    "input": r"\input{/etc/passwd} x = \write18{echo hi} x",
    "matrix": r"x = \begin{bmatrix}" + r"\\".join(["&".join("1" * 300)] * 300) + r"\end{bmatrix}",
    "zero byte": "x\0 = \0 x",
    "half a character": "x = \ud800 x",
    "direction": "x = \u202e x \u2066",
    "terminal": "x = \x1b[31m x \x1b]0;title\x07",
    "markup": "x = [red] x [/red] <script>alert(1)</script>",
    "import": "x = __import__('os').system('echo hi')",
}
PYTHON = {
    "tower": "x = 9**9**9**9",
    "brackets": "x = " + "(" * 150 + "x",
    "closed brackets": nested("(", "x", ")", 9_000),
    "signs": "x = " + "-" * 19_000 + "x",
    "hexadecimal": "x = 0x" + "f" * 5_000,
    "float": "x = 1e99999999",
    "zero byte": "x = \0",
    "half a character": "x = '\ud800'",
    "import": "x = __import__('os').system('echo hi')",
    "lambda": "x = (lambda: 0)()",
    "attributes": "x = x.__class__.__mro__[1].__subclasses__()",
    "comprehension": "x = [x for x in range(10**9)]",
    "string": "x = f'{__import__(\"os\")}'",
    "zeros": "x = np.zeros((10**9, 10**9))",
    "load": "x = np.load('/etc/passwd', allow_pickle=True)",
}
NOTEBOOKS = {
    "cut": '{"cells": [',
    "null": "null",
    "list": "[]",
    "deep": "[" * 200_000,
    "no list": '{"cells": 7}',
    "numbers": '{"cells": [1, 2]}',
    "types": '{"cells": [{"cell_type": [], "source": {}}]}',
    "digits": '{"cells": ' + "9" * 5_000 + "}",
    "mixed sources": cells([1, None, {"a": 1}]),
    "half a character": cells("$x = \ud800 x$"),
    "nothing": "",
    "zero byte": "\0",
}
ALL = [(kind, name, text) for kind, texts in (("txt", LATEX), ("py", PYTHON), ("ipynb", NOTEBOOKS)) for name, text in texts.items()]


def printed(report: Report) -> str:
    """A report as text, after every form of it has been written."""
    for text in (json_text([report]), report._repr_html_(), str(report)):
        text.encode()
    return str(report)


@pytest.mark.parametrize(("kind", "name", "text"), ALL, ids=[f"{kind} {name}" for kind, name, _ in ALL])
def test_ends_undecided_soon_and_small(kind: str, name: str, text: str) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    report = check(text, PROBLEMS["scalars"], kind=kind, timeout=SECONDS)
    shown = printed(report)
    assert time.perf_counter() - start < SECONDS + SLACK
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000
    assert "undecided" in shown or not report.steps
    assert report.status is Status.UNDECIDED
    assert "the checker failed" not in shown


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a power that has a value", "x = 10^{1000000}"),
        ("its inverse", r"x = \frac{1}{10^{1000000}}"),
        ("a sum of as many", r"x = \sum_{k=1}^{1000000000} x"),
        ("a number with an exponent", "x = 1e999"),
        ("derivatives in a row", "x = " + r"\frac{d}{dx} " * 20 + "x^{20}"),
    ],
)
def test_large_numbers_that_have_a_value_are_refuted_by_it(name: str, text: str) -> None:
    report = check(text, PROBLEMS["scalars"], timeout=SECONDS)
    assert report.status in (Status.WRONG, Status.UNDECIDED)
    assert "the checker failed" not in printed(report)
    assert report.seconds < SECONDS + SLACK


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (r"a^{l+100000000000} = a^l", "nielsen"),
        (r"a^{10^{9}} = a^l", "nielsen"),
        ("x = x_{" + "9" * 1_000 + "}", "scalars"),
        (r"a^l = \sigma" + "'" * 5_000 + "(z^l)", "nielsen"),
        (r"C = " + "".join(rf"\sum_{c}" for c in "ijkmpqrstuv") + " ".join(f"a^l_{c}" for c in "ijkmpqrstuv"), "nielsen"),
        (r"C = " + " ".join(f"a^l_{c}" for c in "ijkmpqrstuv"), "nielsen"),
        (r"\frac{\partial C}{\partial w^l} = " + r" \cdot ".join(["w^l"] * 40), "nielsen"),
        ("dW^{[1]} = " + r"\cdot".join(["A^{[1]}"] * 30), "ng"),
    ],
    ids=[
        "layer far away", "layer as a power", "index of a thousand digits", "primes", "nested sums", "outer product", "ambiguous products",
        "products of matrices",
    ],
)  # fmt: skip
def test_combinations_are_not_right_and_end(text: str, problem: str) -> None:
    start = time.perf_counter()
    report = check(text, PROBLEMS[problem], timeout=SECONDS)
    assert "the checker failed" not in printed(report)
    assert time.perf_counter() - start < SECONDS + SLACK
    assert report.status is not Status.RIGHT


def test_what_was_judged_before_the_time_was_over_is_kept() -> None:
    heavy = LATEX["derivative of a long product"]
    report = check("x = x\nx = 2 * x\n" + heavy, PROBLEMS["scalars"], timeout=1.5)
    assert [s.status for s in report.steps] == [Status.RIGHT, Status.WRONG]
    assert report.failure == "undecided: out of time: it takes more than 1.5 s"


def test_many_lines_end_with_the_time(tmp_path: Path) -> None:
    for kind, text in (("txt", "\n".join(["x = x"] * 200_000)), ("ipynb", cells("$x = x$", 50_000))):
        report = check(text, PROBLEMS["scalars"], kind=kind, timeout=0.5)
        assert report.failure == "undecided: out of time: it takes more than 0.5 s"
        assert report.seconds < 0.5 + SLACK


def test_memory_that_a_check_may_take_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    def greedy(*of: object) -> None:
        bytearray(300 * 2**20)

    monkeypatch.setattr("symbackprop.checker.judge.Judge", greedy)
    assert check("x = x", PROBLEMS["scalars"], memory=100).failure == "undecided: too large: it needs more than 100 MB"


def test_memory_stays_flat_over_all_of_them() -> None:
    submissions = [Submission(name, text, kind) for kind, name, text in ALL if len(text) < 100_000 and "\ud800" not in text]
    with checking_pool(1, SECONDS, 512) as pool:
        for _ in range(2):
            list(check_many(submissions, PROBLEMS["scalars"], pool, timeout=SECONDS, memory=512))
        before = pool.submit(mapped).result()
        list(check_many(submissions, PROBLEMS["scalars"], pool, timeout=SECONDS, memory=512))
        assert pool.submit(mapped).result() - before < 16 * 2**20


# ---------------------------------------------------------------- nothing is evaluated

EVALUATE = {"eval", "exec", "compile", "parse_expr", "parse_latex", "__import__", "import_module", "literal_eval", "lambdify", "S", "system", "Popen"}
OURS = {("pool.py", "Popen")}  # the workers are processes of Python itself, started with one fixed line
READERS = sorted(path for room in ("parse", "checker") for path in (Path(symbackprop.__file__).parent / room).rglob("*.py"))


def name_of(function: ast.expr) -> str:
    """The last name of what is called; of the methods of `re` none, for a pattern is compiled too."""
    match function:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=ast.Name(id="re")):
            return ""
        case ast.Attribute(attr=name):
            return name
    return ""


@pytest.mark.parametrize("path", READERS, ids=[str(p.relative_to(Path(symbackprop.__file__).parent)) for p in READERS])
def test_no_reader_evaluates_text(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    assert {name for call in calls if (name := name_of(call.func)) in EVALUATE and (path.name, name) not in OURS} == set()
    for call in calls:  # a strict sympify takes no text
        strict = any(k.arg == "strict" and isinstance(k.value, ast.Constant) and k.value.value is True for k in call.keywords)
        assert name_of(call.func) != "sympify" or strict
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, (ast.Import, ast.ImportFrom)) for alias in node.names}
    assert imported & (EVALUATE - {"S"}) == set()  # S.Half is a number


def test_nothing_is_run(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    lines = [f"x = open({str(mark)!r}, 'w')", f"x = __import__('os').system('touch {mark}')", f"x = np.save({str(mark)!r}, x)"]
    for kind in ("txt", "py", "md"):
        check("\n".join(lines), PROBLEMS["scalars"], kind=kind)
    assert not mark.exists()
