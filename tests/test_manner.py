"""How graphs of named layers are printed: numbers of weights that only count, one sign for the gradients of what is computed, one letter a quantity.

Oracle: what a reader may take a sign for, typed here by hand; and layered networks, of which nothing changes.
"""

from __future__ import annotations

import re

import pytest

import symbackprop as sb
from symbackprop.documents.blocks import Table
from symbackprop.documents.manner import style_of
from symbackprop.network import Network
from symbackprop.notation import load_notation, notation_names
from symbackprop.specification import described
from symbackprop.typeset.build import Builder
from symbackprop.typeset.latex import latex


def residual(last: str = "o") -> Network:
    layers = [
        {"name": "z", "rule": "affine", "inputs": ["x"], "size": 3},
        {"name": "a", "rule": "elementwise", "inputs": ["z"], "activation": "tanh"},
        {"name": "r", "rule": "add", "inputs": ["a", "x"]},
        {"name": last, "rule": "affine", "inputs": ["r"], "size": 2},
    ]
    return described({"name": "residual", "graph": {"inputs": {"x": 3}, "loss": "quadratic", "layers": layers}}, "here")


def matrix_forms(net: Network, notation: str) -> list[str]:
    """The left sides of the results in matrix form."""
    section = next(s for s in sb.derive(net, notation).sections if s.key == "results")
    builder = Builder(section.notation, section.samples, last=section.last)
    (table,) = (b for b in section.blocks if isinstance(b, Table))
    return [latex(builder.build(row[2])).partition(" = ")[0] for row in table.rows]


@pytest.mark.parametrize("name", notation_names())
def test_the_number_of_a_weight_looks_like_no_power_and_counts_from_1(name: str) -> None:
    net = residual()
    notation = style_of(net, load_notation(name))
    w = latex(Builder(notation).build(net.parameters[0][1, 2]))
    assert re.search(r"\^\{[(\[]1[)\]]\}|_\{1,", w), w
    assert not re.search(r"\^\d", w)


def test_in_nielsens_notation_all_that_is_computed_has_a_nabla() -> None:
    assert matrix_forms(residual(), "nielsen") == [
        r"\nabla_o C", r"\nabla_r C", r"\nabla_a C", r"\nabla_z C",
        *(rf"\frac{{\partial C}}{{\partial {p}^{{({n})}}}}" for n in (2, 1) for p in "bw"),
    ]  # fmt: skip


def test_in_goodfellows_every_gradient_has_one() -> None:
    assert all(f.startswith(r"\nabla") for f in matrix_forms(residual(), "goodfellow"))


def test_in_ngs_every_gradient_has_a_d() -> None:
    assert matrix_forms(residual(), "ng") == ["d o", "d r", "d a", "d z", "d b^{[2]}", "d W^{[2]}", "d b^{[1]}", "d W^{[1]}"]


def test_where_activations_have_no_nabla_neither_have_other_quantities() -> None:
    found = matrix_forms(residual(), "ufldl")
    assert [f.startswith(r"\nabla") for f in found] == [False, False, False, False, True, True, True, True]


def test_two_quantities_that_would_look_alike_keep_their_names() -> None:
    """Mazur writes an activation as an upright out, and this network has a layer of that name."""
    notation = style_of(residual("out"), load_notation("mazur"))
    assert "a" not in notation.symbols
    assert style_of(residual("o"), load_notation("mazur")).symbols["a"] == "upright:out"


@pytest.mark.parametrize("name", notation_names())
def test_numbered_layers_are_printed_as_the_notation_says(name: str) -> None:
    notation = load_notation(name)
    assert style_of(sb.mlp([2, 3, 1]), notation) == notation
    assert style_of(sb.deep(), notation) == notation
