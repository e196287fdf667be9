"""Right lines with one mistake put in: none of them is called right where numbers refute it.

The oracle is the value of both sides at points that the judge does not use. What is no mistake after all (a transpose of what is
symmetric, a factor that cancels) the numbers do not refute, and nothing is asked of it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import cache

import pytest
from mutations import PROBLEMS, Mutant, mutants, right_lines

from symbackprop.checker import Problem, check, load_problem, steps
from symbackprop.checker.compare import compared
from symbackprop.parse.latex import read_formula

LINES = list(dict.fromkeys(right_lines()))
_NAMED = 0.9  # of the refuted mutants have to be called by their names


@cache
def problem(name: str) -> Problem:
    return load_problem(PROBLEMS / f"{name}.toml")


@cache
def elsewhere(name: str) -> Problem:
    """The same problem at points of its own."""
    other = replace(problem(name))
    other.__dict__["worlds"] = tuple(other._world(number) for number in (101, 102))
    return other


def refuted(mutant: Mutant) -> bool:
    asked = elsewhere(mutant.problem)
    formula = read_formula(mutant.line, asked.context.vocabulary)
    left, right = (item.tree for item in formula.items)
    return compared(left, right, asked, conditions=formula.conditions).kind in ("differ", "misfit")


@pytest.mark.parametrize(("name", "line"), LINES, ids=[f"{name}-{n}" for n, (name, _) in enumerate(LINES)])
def test_no_mutant_is_right_where_numbers_refute_it(name: str, line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "SECONDS", 0.0)
    for mutant in dict.fromkeys(mutants(name, line)):
        statuses = {str(s.status) for s in check(mutant.line, problem(name)).steps}
        if "right" in statuses:
            assert not refuted(mutant), mutant.line
        if "wrong" in statuses:
            assert refuted(mutant), mutant.line


def test_mistakes_are_called_by_their_names() -> None:
    counts = Counter[bool]()
    for name, line in LINES[::6]:
        for mutant in dict.fromkeys(mutants(name, line)):
            step = check(mutant.line, problem(name)).first_wrong
            if step is not None:
                counts[step.diagnosis is not None and step.diagnosis.kind in mutant.kinds] += 1
    assert counts[True] >= _NAMED * counts.total()
