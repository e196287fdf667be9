"""What the notes print, the checker reads: every chain of the notes in every notation is right at every step, and wrong once spoilt.

The oracle is the other half of the package: the notes come from the calculus and are proved there, the verdicts from the text alone,
by numbers. A spoilt line is false whatever the line was, for its value is not zero: it has the other sign or twice the size.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

import symbackprop as sb
from symbackprop.checker import Report, Status, check, steps
from symbackprop.documents.blocks import Chain
from symbackprop.network import Network
from symbackprop.notation import notation_names
from symbackprop.typeset.build import Builder
from symbackprop.typeset.latex import latex

NETWORKS = {
    "deep": sb.deep(activation="sigmoid"),
    "batch": sb.mlp([3, 4, 2], activation="sigmoid", output="softmax", loss="cross_entropy", samples="m"),
    "one example": sb.mlp([3, 4, 2], activation="tanh", output="identity", loss="quadratic"),
    "penalty": sb.mlp([3, 4, 2], activation="tanh", loss="squared_error", samples="m", penalty="l2"),
}
CASES = [pytest.param(name, notation, id=f"{notation} {name}") for notation in notation_names() for name in NETWORKS]
PASSED = (Status.RIGHT, Status.CONVENTION, Status.SCHEMATIC, Status.DEFINITION)


@pytest.fixture(autouse=True)
def _values_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proof and a diagnosis change no verdict, take their time, and are tested elsewhere."""
    monkeypatch.setattr(steps, "proof_of", lambda *arguments: "")
    monkeypatch.setattr(steps, "diagnose", lambda *arguments: None)


@cache
def chains(net: Network, notation: str) -> tuple[tuple[str, ...], ...]:
    """The sides of each chain of the notes, of its entries and where there is one of its matrices, as they are printed."""
    found: list[tuple[str, ...]] = []
    for section in sb.derive(net, notation=notation).sections:
        builder = Builder(section.notation, section.samples, last=section.last)
        for block in section.blocks:
            if isinstance(block, Chain):
                d = block.derivation
                found.append(printed(builder, d.lhs, *(step.expression for step in d.steps)))
                if d.matrix is not None:
                    found.append(printed(builder, d.matrix.lhs, d.matrix.rhs))
    return tuple(found)


def printed(builder: Builder, *sides: Any) -> tuple[str, ...]:
    about = builder.about(*sides)
    return tuple(latex(about.build(side)) for side in sides)


def unexpected(report: Report, *wanted: Status) -> Iterator[str]:
    if report.failure:
        yield report.failure
    for step in report.steps:
        if step.status not in wanted:
            yield f"{step.status}: {step.text}: {step.before.because}"


@pytest.mark.parametrize(("name", "notation"), CASES)
def test_every_step_of_the_notes_is_right(name: str, notation: str) -> None:
    net = NETWORKS[name]
    written = chains(net, notation)
    assert len(written) > 4
    report = check("\n".join(" = ".join(sides) for sides in written), net, notation=notation, timeout=60)
    assert len(report.steps) == sum(len(sides) - 1 for sides in written)
    assert list(unexpected(report, Status.RIGHT)) == []


@pytest.mark.parametrize(("name", "notation"), CASES)
def test_no_spoilt_step_of_the_notes_is_right(name: str, notation: str) -> None:
    net = NETWORKS[name]
    spoilt = []
    for n, sides in enumerate(chains(net, notation)):
        if sides[-1] != "0":
            spoilt.append(f"{sides[0]} = {('-', '2')[n % 2]} \\left( {sides[-1]} \\right)")
    report = check("\n".join(spoilt), net, notation=notation, timeout=60)
    assert len(report.steps) == len(spoilt)
    assert list(unexpected(report, Status.WRONG, Status.UNDECIDED)) == []
    assert sum(step.status is Status.WRONG for step in report.steps) > len(spoilt) / 2
