"""How graphs of named layers are printed: numbers of weights that only count, one sign for the gradients of what is computed, one letter a quantity.

Oracle: what a reader may take a sign for, typed here by hand; and layered networks, of which nothing changes.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from programs import needs

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


@needs("pdflatex")
@needs("pdftotext")
def test_a_heading_stands_on_the_page_of_its_picture(tmp_path: Path) -> None:
    """Wide pictures: the graph of a deep and narrow network fills the line; how much stands before it is tried."""
    net = sb.mlp([1, 1, 1, 1], activation="tanh", output="identity")
    source = Path(sb.derive(net, "goodfellow", "results").save(str(tmp_path), ["tex"])[0]).read_text(encoding="utf-8")
    for room in (0, 4, 8, 12):
        (tmp_path / "t.tex").write_text(source.replace(r"\tableofcontents", rf"\vspace*{{{room}em}}"), encoding="utf-8")
        subprocess.run(["pdflatex", "-interaction=batchmode", "t.tex"], cwd=tmp_path, check=True, capture_output=True)
        text = subprocess.run(["pdftotext", "-layout", "t.pdf", "-"], cwd=tmp_path, check=True, capture_output=True, text=True).stdout
        (page,) = (p for p in text.split("\f") if re.search(r"^\s*2\s+The gradients", p, re.M))
        assert "The computational graph" in page, room


def test_a_network_that_computes_much_is_not_written_out_element_by_element() -> None:
    """Nine parameters, but 88 numbers between them and the cost."""
    equations = [
        "q[i, t] = sum(k, u[t, k]*x[i, k])", "s[i, j] = sum(t, q[i, t]*x[j, t])", "p[i, j] = exp(s[i, j])/sum(k, exp(s[i, k]))",
        "C = 1/2*sum(i, j, (p[i, j] - y[i, j])**2)",
    ]  # fmt: skip
    net = Network.from_equations(equations, tensors={"u": (3, 3), "x": (4, 3), "y": (4, 4)}, parameters=["u"], targets=["y"])
    assert "elements" not in [s.key for s in sb.derive(net).sections]
    assert "elements" in [s.key for s in sb.derive(sb.mlp([2, 2, 1])).sections]


def test_in_a_graph_the_number_of_a_weight_is_no_layer_of_units() -> None:
    layers = [{"name": name, "rule": "affine", "inputs": [of], "size": 3} for name, of in (("u", "x"), ("v", "x"), ("h", "u"), ("k", "v"))]
    layers.append({"name": "o", "rule": "add", "inputs": ["h", "k"]})
    net = described({"graph": {"inputs": {"x": 4}, "loss": "quadratic", "layers": layers}}, "here")
    body = sb.derive(net, "nielsen", "results")._repr_latex_()
    assert "number of units" not in body
    assert all(rf"b^{{({n})}}" in body for n in (1, 2, 3, 4))
