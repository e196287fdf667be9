r"""One mistake put into a right line, of a kind that is known: what a diagnosis should name."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROBLEMS = ROOT / "examples" / "problems"

# What stands on the right side, what stands there instead, and the kinds that a teacher may call it by.
_CHANGES: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    (r"(?<=[\w})])\s*-(?=[\s\w\\(])(?!\d\})", " + ", ("sign", "order", "index", "layer")),
    (r"(?<=[\w})])\s*\+(?=[\s\w\\(])(?![^{}]*\})", " - ", ("sign", "order")),
    (r"\^T|\^\{T\}|\^\\top|\^\\intercal", "", ("transpose", "outer product", "order")),
    (r"'", "", ("prime", "index")),
    (r"\\(odot|circ)\b", " ", ("hadamard",)),
    (r"\\frac\{1\}\{[a-zA-Z]\}", "", ("factor", "counted twice", "extra factor", "missing factor")),
    (r"\\sum_\{?[a-z]'?\}?(?!=|\\)", "", ("sum", "examples")),
    (r"(?<=[\^{])([a-zA-Z])\+1(?=\})", r"\1", ("layer", "index", "another quantity")),
    (r"(?<=[\^{])([a-zA-Z])-1(?=\})", r"\1", ("layer", "index", "another quantity")),
    (r"(?<=\[)2(?=\])", "1", ("layer", "another quantity")),
    (r"(?<=\[)1(?=\])", "2", ("layer", "another quantity")),
    (r"_\{([a-z])([a-z])\}", r"_{\2\1}", ("indices", "transpose")),
    (r"\^2\b|\^\{2\}", "", ("power",)),
    (r"(?<![_^])\b2(?=[\s(\\])", "3", ("factor", "missing term")),
    (r"(?<=\^)2\b", "3", ("power",)),
)
_WHOLE: tuple[tuple[str, tuple[str, ...]], ...] = (
    (r"-\left({}\right)", ("sign", "order")),
    (r"3 \left({}\right)", ("factor",)),
)


@dataclass(frozen=True)
class Mutant:
    """A line with one mistake in it; `kinds` are the names that it may be given."""

    problem: str
    line: str
    right: str
    kinds: tuple[str, ...]


def right_lines() -> Iterator[tuple[str, str]]:
    """The lines of the published cases and of the worked problems that are right and stand alone, and their problems."""
    for case in tomllib.loads((ROOT / "tests/checker/cases.toml").read_text(encoding="utf-8"))["case"]:
        for line, expected in zip(case["lines"], case["expect"], strict=True):
            if expected == "right" and not line.startswith("=") and line.count(" = ") == 1:
                yield case["problem"], line
    for path in sorted(PROBLEMS.glob("*.right.md")):
        for formula in path.read_text(encoding="utf-8").split("$$")[1::2]:
            line = formula.strip()
            if line.count(" = ") == 1 and "\\begin" not in line:
                yield path.name.removesuffix(".right.md"), line


def mutants(problem: str, line: str) -> Iterator[Mutant]:
    """Every line that one change makes of a right one.

    >>> [m.line for m in mutants("nielsen", r"x = a^T - b")]
    ['x = a^T + b', 'x = a - b', 'x = -\\\\left(a^T - b\\\\right)', 'x = 3 \\\\left(a^T - b\\\\right)']
    """
    left, _, right = line.partition(" = ")
    right, comma, rest = right.partition(r",\quad")
    for pattern, new, kinds in _CHANGES:
        for found in re.finditer(pattern, right):
            changed = right[: found.start()] + found.expand(new) + right[found.end() :]
            yield Mutant(problem, f"{left} = {changed}{comma}{rest}", line, kinds)
    for template, kinds in _WHOLE:
        yield Mutant(problem, f"{left} = {template.format(right)}{comma}{rest}", line, kinds)
