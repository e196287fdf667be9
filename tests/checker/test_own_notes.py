"""What the notes print, the checker reads: every chain of the notes in every notation is right at every step, and wrong once spoilt.

The oracle is the other half of the package: the notes come from the calculus and are proved there, the verdicts from the text alone,
by numbers. A spoilt line is false whatever the line was, for its value is not zero: it has the other sign or twice the size.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Any

import pytest

import symbackprop as sb
from symbackprop.checker import Report, Status, check, steps
from symbackprop.checker.of_network import problem_of
from symbackprop.documents.blocks import Chain
from symbackprop.documents.manner import style_of
from symbackprop.equations import Equation, Tensor, index, tensors
from symbackprop.errors import SpecError
from symbackprop.network import Network
from symbackprop.notation import load_notation, notation_names
from symbackprop.specification import described
from symbackprop.typeset.build import Builder
from symbackprop.typeset.latex import latex

NETWORKS = {
    "deep": sb.deep(activation="sigmoid"),
    "batch": sb.mlp([3, 4, 2], activation="sigmoid", output="softmax", loss="cross_entropy", samples="m"),
    "one example": sb.mlp([3, 4, 2], activation="tanh", output="identity", loss="quadratic"),
    "one unit": sb.mlp([2, 2, 1], activation="sigmoid", output="sigmoid", loss="quadratic"),
    "one unit, many examples": sb.mlp([3, 1, 1], activation="tanh", loss="squared_error", samples="m"),
    "graph": described(
        {"graph": {"inputs": {"x": 3}, "loss": "quadratic", "layers": [
            {"name": "z", "rule": "affine", "inputs": ["x"], "size": 3},
            {"name": "a", "rule": "elementwise", "inputs": ["z"], "activation": "tanh"},
            {"name": "r", "rule": "add", "inputs": ["a", "x"]},
            {"name": "o", "rule": "affine", "inputs": ["r"], "size": 2},
        ]}},
        "here",
    ),
    "penalty": sb.mlp([3, 4, 2], activation="tanh", loss="squared_error", samples="m", penalty="l2"),
    "residual": sb.Network.from_equations(
        ["z[j] = sum(k, w[j, k]*x[k])", "h[j] = tanh(z[j]) + x[j]", "C = 1/2*sum(j, (y[j] - h[j])**2)"],
        tensors={"w": (3, 3), "x": (3,), "y": (3,)}, parameters=["w"], targets=["y"],
    ),
    "letters that are others' elsewhere": sb.Network.from_equations(
        ["h[j] = sum(k, w[j, k]*x[k])", "y[j] = h[j] + h[j]", "C = 1/2*sum(j, (y[j] - t[j])**2)"],
        tensors={"w": (3, 2), "x": (2,), "t": (3,)}, parameters=["w"], targets=["t"],
    ),
    "letters in two cases": sb.Network.from_equations(
        ["a[j] = sum(k, w[j, k]*x[k])", "z[j] = tanh(a[j])", "A[j] = z[j]*z[j]", "t[j] = A[j]*A[j]", "C = 1/2*sum(j, (t[j] - y[j])**2)"],
        tensors={"w": (3, 2), "x": (2,), "y": (3,)}, parameters=["w"], targets=["y"],
    ),
    "convolution": sb.Network.from_equations(
        ["z[i] = sum(u, w[u]*x[i+u-1]) + b", "a[i] = tanh(z[i])", "C = 1/2*sum(i, (y[i] - a[i])**2)"],
        tensors={"x": (7,), "w": (3,), "b": (), "y": (5,), "z": (5,)}, parameters=["w", "b"], targets=["y"],
    ),
    "channels": sb.Network.from_equations(
        ["z[p, i] = sum(q, sum(u, w[p, q, u]*x[q, i+u-1]))", "C = 1/2*sum(p, sum(i, (y[p, i] - z[p, i])**2))"],
        tensors={"x": (4, 7), "w": (2, 4, 3), "y": (2, 5), "z": (2, 5)}, parameters=["w"], targets=["y"],
    ),
    "heads": sb.Network.from_equations(
        ["q[h, i, t] = sum(k, w[h, t, k]*x[i, k])", "s[h, i, j] = sum(t, q[h, i, t]*x[j, t])",
         "C = 1/2*sum(h, sum(i, sum(j, (y[h, i, j] - s[h, i, j])**2)))"],
        tensors={"x": (4, 3), "w": (2, 3, 3), "y": (2, 4, 4)}, parameters=["w"], targets=["y"],
    ),
}  # fmt: skip
_READ_AS_A_VECTOR = ("one unit", "one unit, many examples")  # a matrix of one row is, and where gradients by vectors are turned so is its own
CASES = [
    pytest.param(name, notation, id=f"{notation} {name}") for notation in notation_names() for name in NETWORKS
    if name not in _READ_AS_A_VECTOR or load_notation(notation).jacobian != "numerator"
]  # fmt: skip
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
    assert len(written) > 2
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


TWO_WAYS = sb.Network.from_equations(
    ["h[j] = sum(k, w[j, k]*x[k])", "g[i] = sum(j, v[i, j]*h[j])", "u[i] = tanh(g[i])*h[i]", "C = 1/2*sum(i, (y[i] - u[i])**2)"],
    tensors={"w": (3, 2), "x": (2,), "v": (3, 3), "y": (3,)}, parameters=["w", "v"], targets=["y"],
)  # fmt: skip


@pytest.mark.parametrize("notation", ["nielsen", "rows"])
def test_a_line_that_is_right_in_another_convention_does_not_make_the_next_one_wrong(notation: str) -> None:
    """Where a quantity acts in two ways, the chain rule of the notes has local derivatives, and is another sum if they are read as total ones."""
    written = chains(TWO_WAYS, notation)
    report = check("\n".join(" = ".join(sides) for sides in written), TWO_WAYS, notation=notation, timeout=60)
    assert list(unexpected(report, Status.RIGHT, Status.CONVENTION)) == []
    assert Status.CONVENTION in {step.status for step in report.steps}
    (sides,) = (s for s in written if len(s) > 2 and s[0].endswith("\\partial h_j}"))
    for spoilt in (f"2 \\left( {sides[-1]} \\right)", f"{sides[-1]} + 1"):
        report = check(" = ".join([*sides[:-1], spoilt]), TWO_WAYS, notation=notation, timeout=60)
        assert report.steps[-1].status is Status.WRONG


@pytest.mark.parametrize("notation", ["nielsen", "rows", "bishop"])
@pytest.mark.parametrize(
    ("line", "says"),
    [
        (r"w_{pq} = 0", "w_{pq} has 2 indices, but the quantity has 3 axes"),
        (r"w_{pquu} = 0", "w_{pquu} has 4 indices, but the quantity has 3 axes"),
        (r"w = 0", "w has 3 axes: write its indices"),
        (r"w_p + 1 = 0", "w_p has 1 indices, but the quantity has 3 axes"),
    ],
)
def test_indices_that_are_not_as_many_as_the_axes_are_said(line: str, says: str, notation: str) -> None:
    (step,) = check(line, NETWORKS["channels"], notation=notation).steps
    assert step.status is Status.UNDECIDED
    assert says in str(step.before.because)


def test_a_layer_without_matrix_form_whose_axes_the_notation_turns_is_refused() -> None:
    """A rule of one's own in a batch: its index form would be read with the examples where the units are."""
    made = sb.mlp([4, 3], activation="tanh", samples="m")
    z, x, s, j = made.equations[0].tensor, made.inputs[0], index("s"), index("j")
    shifted = Equation(z[j, s], x[j + 1, s])
    net = replace(made, equations=(shifted, *made.equations[1:]), parameters=())
    with pytest.raises(SpecError, match=r"has no matrix form, and z.* is stored with its axes in another order"):
        problem_of(net, "rows")
    assert problem_of(net, "ng").equations


TYPED = [name for name, net in NETWORKS.items() if net.typed]


@pytest.mark.parametrize("notation", notation_names())
@pytest.mark.parametrize("name", TYPED)
def test_no_two_quantities_are_printed_by_one_letter(name: str, notation: str) -> None:
    net = NETWORKS[name]
    builder = Builder(style_of(net, load_notation(notation)), net.samples, last=net.last_layer)
    quantities = list(dict.fromkeys(t for e in net.equations for t in (e.tensor, *tensors(e.rhs))))
    for printed in (builder.whole, lambda t: builder.whole(Tensor(t.name, (), t.layer))):
        assert len({latex(printed(t)) for t in quantities}) == len(quantities)


def test_a_letter_that_clashes_with_none_is_the_notation_s() -> None:
    net = NETWORKS["residual"]
    builder = Builder(style_of(net, load_notation("bishop")), net.samples, last=net.last_layer)
    assert latex(builder.whole(net.targets[0])) == r"\mathbf{t}"
