"""Notes for every activation under every output, loss and notation: they prove, print, and leave no stand-in behind."""

from __future__ import annotations

import re

import pytest

import symbackprop as sb
from symbackprop.documents.blocks import Equations
from symbackprop.notation import load_notation, notation_names
from symbackprop.rules import ACTIVATIONS
from symbackprop.typeset.build import build_equation
from symbackprop.typeset.latex import latex

ENDS = [("softmax", "cross_entropy"), ("sigmoid", "binary_cross_entropy"), ("identity", "quadratic")]
ELEMENTWISE = [name for name, rule in ACTIVATIONS.items() if not rule.vector]


@pytest.mark.parametrize("activation", ELEMENTWISE)
@pytest.mark.parametrize(("output", "loss"), ENDS)
def test_every_activation_under_every_output(activation: str, output: str, loss: str) -> None:
    notes = sb.derive(sb.mlp([2, 3, 2], activation=activation, output=output, loss=loss))
    assert all(p.holds for p in notes.proofs)
    assert not re.search(r"\b_\d|Dummy", notes._repr_latex_())


@pytest.mark.parametrize("notation", notation_names())
@pytest.mark.parametrize("samples", [None, "m", 5])
def test_every_notation_with_and_without_examples(notation: str, samples: str | int | None) -> None:
    net = sb.mlp([2, 3, 2], activation="relu", output="softmax", loss="cross_entropy", samples=samples, penalty="l2")
    notes = sb.derive(net, notation=notation)
    assert all(p.holds for p in notes.proofs)
    body = notes._repr_latex_()
    if samples == 5:
        assert r"\frac{1}{m}" not in body  # of five examples there is no m
    assert notes["BP1"].matrix is not None


def test_typed_equations_keep_their_own_axes_in_every_notation() -> None:
    net = sb.Network.from_equations(
        ["h[s, j] = sum(k, x[s, k]*w[k, j])", "C = 1/2*sum(s, j, (y[s, j] - h[s, j])**2)"],
        tensors={"x": (4, 2), "w": (2, 3), "y": (4, 3)}, parameters=["w"], targets=["y"],
    )  # fmt: skip
    for name in notation_names():
        notes = sb.derive(net, notation=name)
        derivation = notes["dC-dw"]
        assert derivation.matrix is not None
        printed = latex(build_equation(derivation.matrix, load_notation(name)))
        assert re.search(r"= \S+?\^\S*\(.* - ", printed), printed  # x^T (h - y), whatever the notation stores
        section = notes.sections[0]
        forward = [latex(build_equation(i.equation, section.notation)) for b in section.blocks if isinstance(b, Equations) for i in b.items]
        # x w: whatever the letters and the order of factors, the last index of x is the first of w
        pairs = re.findall(r"_\{(\w)(\w)\}", next(line for line in forward if r"\sum" in line).partition(r"\sum")[2])[-2:]
        assert pairs[0][1] == pairs[1][0] or pairs[1][1] == pairs[0][0], forward
