"""Documents: the built-in lecture is complete, proved and typesets cleanly; notes on any network; what fails is not written."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from sympy import Basic

import symbackprop as sb
from symbackprop.backprop import backpropagate
from symbackprop.cli.documents import counted
from symbackprop.derivation import DETAILS, Derivation, Step, gradient_derivation
from symbackprop.documents import lecture as builtin
from symbackprop.documents.about_network import backward_chains, kink_note, layout_of, proved_chain, style_of, symbols_table
from symbackprop.documents.blocks import Chain, Equations, Figure, Notes, Prose, Section, Table
from symbackprop.documents.lecture import batches
from symbackprop.documents.rendering import HTML, LATEX, render_notes
from symbackprop.documents.saving import documents
from symbackprop.equations import Grad, Tensor, add, mul
from symbackprop.errors import NotProved, UnknownName
from symbackprop.lift import lift_equation
from symbackprop.network import Network
from symbackprop.notation import load_notation, notation_names, with_cost_of
from symbackprop.pictures.descent import DescentDrawing
from symbackprop.prove import Proof, naming_equations
from symbackprop.rules import ACTIVATIONS, LOSSES
from symbackprop.typeset import tree
from symbackprop.typeset.build import Builder, build_equation
from symbackprop.typeset.latex import latex


@cache
def classifier() -> Notes:
    return sb.derive(sb.mlp([2, 3, 2], activation="tanh", output="softmax", loss="cross_entropy"))


def section(notes: Notes, key: str) -> Section:
    return next(s for s in notes.sections if s.key == key)


def chains(s: Section) -> dict[str, Derivation]:
    return {b.derivation.name: b.derivation for b in s.blocks if isinstance(b, Chain)}


def index_form(d: Derivation, s: Section) -> str:
    return latex(build_equation(d.result, s.notation))


# ---------------------------------------------------------------- the lecture: everything is there


SECTIONS = (
    "conventions",
    "activations", "descent", "one-variable", "one-neuron", "logistic", "two-two-one", "four-equations", "softmax", "chosen-quadratic",
    "chosen-entropy", "columns", "rows", "softmax-cross-entropy", "gates",
)  # fmt: skip


def test_every_section_is_there_once_and_in_order(lecture: Notes) -> None:
    assert tuple(s.key for s in lecture.sections) == SECTIONS
    assert len(set(builtin.LECTURE)) == len(builtin.LECTURE)
    assert all(s.title for s in lecture.sections)


@pytest.mark.parametrize("name", [n for n, rule in ACTIVATIONS.items() if not rule.vector])
def test_every_elementwise_activation_is_derived(name: str, lecture: Notes) -> None:
    found = lecture[f"activation-{name}"]
    assert found.steps
    if name == "sigmoid":
        assert any("quotient rule" in str(s.reason.slots) for s in found)


@pytest.mark.parametrize("name", [n for n, rule in ACTIVATIONS.items() if not rule.vector and rule.kinks])
def test_every_kink_is_mentioned(name: str, lecture: Notes) -> None:
    words = [b for b in section(lecture, "activations").blocks if isinstance(b, Prose) and "kink" in b.text]
    assert any(f"Func({name}" in str(b.slots) or name in str(b.slots) for b in words)


@pytest.mark.parametrize(("name", "doubted"), [("relu", False), ("leaky_relu", True), ("elu", True)])
def test_a_kink_is_doubted_only_where_a_parameter_decides(name: str, doubted: bool) -> None:
    """With alpha = 1 leaky relu is the identity and elu has slope 1 on both sides; relu has a kink whatever happens."""
    ((at, slope),) = ACTIVATIONS[name].kinks
    assert ("in general" in kink_note(name, at, slope).text) == doubted


def test_shapes_that_are_alike_are_said_once(lecture: Notes) -> None:
    said = [b for b in section(lecture, "gates").blocks if isinstance(b, Prose) and b.text.startswith("The shapes")]
    for prose in said:
        parts = prose.slots["shapes"]
        assert len({str(p.slots["shape"].sizes) for p in parts}) == len(parts)
    assert max(len(p.slots.get("tensors", ())) for prose in said for p in prose.slots["shapes"]) == 6  # z, y, u, p, g, h


def test_gradient_descent_has_the_argument_the_rule_and_the_picture(lecture: Notes) -> None:
    assert "descent" in chains(section(lecture, "descent"))
    items = [item.equation for b in section(lecture, "descent").blocks if isinstance(b, Equations) for item in b.items]
    assert "to" in [getattr(e, "relation", "=") for e in items]
    blocks = section(lecture, "one-variable").blocks
    figure = next(b for b in blocks if isinstance(b, Figure))
    assert isinstance(figure.drawing, DescentDrawing)
    for path in figure.drawing.paths:
        heights = [figure.drawing.value(w) for w in path]
        assert heights == sorted(heights, reverse=True)
    assert {path[0] < path[-1] for path in figure.drawing.paths} == {True, False}  # from both sides
    assert any(isinstance(b, Table) for b in blocks)


def test_one_neuron_a_layer(lecture: Notes) -> None:
    s = section(lecture, "one-neuron")
    assert set(chains(s)) == {"weight", "bias", "activation below"}
    assert index_form(chains(s)["weight"], s).count("a^{L-1}") == 1


def test_logistic_regression_ends_in_a_minus_y(lecture: Notes) -> None:
    s = section(lecture, "logistic")
    assert index_form(chains(s)["dC-dz"], s) in (r"\frac{\partial C}{\partial z} = a - y", r"\delta = a - y")
    assert any(isinstance(b, Prose) and "cancelled" in b.text for b in s.blocks)


def test_the_two_two_one_network_is_written_out_in_full(lecture: Notes) -> None:
    written = [item.equation for b in section(lecture, "two-two-one").blocks if isinstance(b, Equations) for item in b.items]
    gradients = [e for e in written if isinstance(e.lhs.tensor, Grad) and e.lhs.tensor.wrt.name in "wb"]
    assert len(gradients) == 9  # 2*2 + 2 weights, 2 + 1 biases
    assert all(i.is_Integer for e in written for i in e.lhs.indices)


@pytest.mark.parametrize("key", ["four-equations", "columns", "rows"])
def test_the_four_equations_are_there_in_index_and_in_matrix_form(key: str, lecture: Notes) -> None:
    s = section(lecture, key)
    table = [b for b in s.blocks if isinstance(b, Table)][-1]
    assert len(table.rows) >= 5
    assert "no matrix form" not in [cell for row in table.rows for cell in row if isinstance(cell, str)]
    if key != "rows":
        assert {"BP1", "BP2", "BP3", "BP4"} <= set(chains(s))
        assert all(d.matrix is not None for name, d in chains(s).items() if name.startswith("BP"))


def test_chosen_costs_give_formulas(lecture: Notes) -> None:
    s = section(lecture, "chosen-entropy")
    assert index_form(chains(s)["BP1"], s) == r"\delta^L_j = a^L_j - y_j"
    s = section(lecture, "chosen-quadratic")
    assert "sigma" not in index_form(chains(s)["BP1"], s)


@pytest.mark.parametrize(
    ("notation", "key", "own", "mean"),
    [
        ("ng", "columns", True, [False, False, True, True]),
        ("nielsen", "columns", True, [True, False, False, False]),
        ("bishop", "columns", False, [False, False, True, True]),
        ("bishop", "rows", True, [False] * 4),  # a sum has no 1/m
    ],
)
def test_a_batch_is_said_in_the_notation_of_the_notes_where_its_examples_lie_so(notation: str, key: str, own: bool, mean: list[bool]) -> None:
    """The oracle: which of the four equations holds the 1/m is what the book of each notation prints."""
    s = next(s for s in batches(load_notation(notation), lambda name: None) if s.key == key)
    assert (s.notation.name == notation) == own
    forms = [index_form(chains(s)[name], s) for name in ("BP1", "BP2", "BP3", "BP4")]
    assert [r"\frac{1}{m}" in form or r"\frac{1}{N}" in form for form in forms] == mean


ATTENTION = [
    "q[t, i] = sum(k, x[t, k]*w[i, k])", "e[t, s] = sum(i, q[t, i]*u[s, i])", "p[t, s] = exp(e[t, s])/sum(r, exp(e[t, r]))",
    "h[t, i] = sum(s, p[t, s]*v[s, i])", "C = 1/2*sum(t, i, (y[t, i] - h[t, i])**2)",
]  # fmt: skip


def test_equations_that_were_typed_keep_the_names_of_gradients_that_are_sums() -> None:
    """The oracle: the backward pass of attention as papers print it, each gradient said with the one above it."""
    shapes = {"x": ("T", "D"), "w": ("d", "D"), "u": ("T", "d"), "v": ("T", "d"), "y": ("T", "d")}
    net = Network.from_equations(ATTENTION, tensors=shapes, parameters=["w", "u", "v"], targets=["y"])
    notation = style_of(net, load_notation("nielsen"))
    found = {c.derivation.name: latex(build_equation(c.derivation.matrix, notation)) for c in backward_chains(net, notation)}
    gradient = r"\frac{\partial C}{\partial %s}".__mod__
    assert found["dC-dh"] == rf"{gradient('h')} = h - Y"
    assert found["dC-dp"] == rf"{gradient('p')} = (h - Y) v^T"
    assert found["dC-de"].startswith(rf"{gradient('e')} = {gradient('p')} \odot p - p \odot")
    assert found["dC-dq"] == rf"{gradient('q')} = {gradient('e')} u"
    assert found["dC-dw"].endswith(r"^T X")
    assert "exp" not in found["dC-de"]


def test_one_row_of_the_symbols_stands_for_many_layers() -> None:
    notation = load_notation("rows")
    for sizes, rows in (([5, 4, 3], {"W": 2, "b": 2}), ([5, 4, 3, 3, 2], {"W": 1, "b": 1})):
        net = sb.mlp(sizes, activation="relu", samples="m")
        table = symbols_table(net, notation)
        meanings = Counter(str(row[1]) for row in table.rows)
        assert meanings["weights, from each unit below to each unit of the layer"] == rows["W"]
        assert meanings["biases"] == rows["b"]
    counted = next(row[2] for row in table.rows if isinstance(row[1], Prose) and "layers" in row[1].slots)
    assert latex(counted) == "5, 4, 3, 3, 2"


def test_softmax_in_one_line_and_in_two_cases(lecture: Notes) -> None:
    s = section(lecture, "softmax")
    assert index_form(chains(s)["softmax-jacobian"], s) == r"\frac{\partial p_j}{\partial z_k} = p_j(\delta_{jk} - p_k)"
    cases = [item.equation for b in s.blocks if isinstance(b, Equations) for item in b.items][1:3]
    assert index_form(chains(s)["log-softmax-jacobian"], s).endswith(r"= \delta_{jk} - e^{g_k}")
    assert [latex(build_equation(e, s.notation)) for e in cases] == [
        r"\frac{\partial p_j}{\partial z_j} = p_j(1 - p_j)", r"\frac{\partial p_j}{\partial z_k} = -p_j p_k",
    ]  # fmt: skip


def test_softmax_with_cross_entropy_in_three_ways(lecture: Notes) -> None:
    s = section(lecture, "softmax-cross-entropy")
    first, second = chains(s)["dC-dz"], chains(s)["log-sum-exp-gradient"]
    third = lecture["softmax with cross-entropy: dC-dz"]
    ends = [index_form(d, s).partition(" = ")[2] for d in (first, second, third)]
    assert ends == ["p_j - y_j"] * 3
    assert [step.reason.rule for step in first].count("fact") == 1
    assert first.steps[-1].reason.rule == "fact"
    assert "fact" in [step.reason.rule for step in chains(s)["log-sum-exp"]]


@pytest.mark.parametrize(
    ("gate", "ends"),
    [
        ("multiply", 2), ("add", 2), ("matrix product", 2), ("broadcast add", 2), ("affine layer in two gates", 4), ("sigmoid in four gates", 4),
        ("softmax with cross-entropy", 7),
    ],
)  # fmt: skip
def test_every_gate_is_derived(gate: str, ends: int, lecture: Notes) -> None:
    assert len([name for name in chains(section(lecture, "gates")) if name.startswith(f"{gate}: ")]) == ends


def test_every_section_explains_itself(lecture: Notes) -> None:
    for s in lecture.sections:
        assert isinstance(s.blocks[0], Prose), s.key
        assert all(step.reason.text.endswith((":", ".")) for b in s.blocks if isinstance(b, Chain) for step in b.derivation), s.key


def test_a_symbol_is_defined_before_it_is_used(lecture: Notes) -> None:
    """A section on a network starts with its table of symbols or its equations, before the first derivation."""
    for s in lecture.sections:
        kinds = [type(b) for b in s.blocks]
        if Chain in kinds:
            assert Equations in kinds[: kinds.index(Chain)], s.key


# ---------------------------------------------------------------- the lecture: everything is proved


def test_every_equation_has_a_proof_that_holds(lecture: Notes) -> None:
    for s in lecture.sections:
        for b in s.blocks:
            if isinstance(b, Chain):
                assert len(b.proofs) == len(b.derivation.steps) + (b.derivation.matrix is not None), (s.key, b.derivation.name)
            if isinstance(b, Equations):
                assert b.items, s.key
    assert all(isinstance(p, Proof) and p.holds and p.detail for p in lecture.proofs)


def test_the_counts_add_up_and_most_is_proved_for_all_sizes(lecture: Notes) -> None:
    counts = lecture.counts()
    assert sum(counts.values()) == len(lecture.proofs) > 300
    assert not {"refuted", "undecided"} & set(counts)
    claims = len(lecture.proofs) - counts["definition"]
    assert counts["for all sizes"] > 0.9 * claims


def test_the_oracle_saw_every_final_gradient(lecture: Notes) -> None:
    assert lecture.oracle["networks"] >= 4
    assert lecture.oracle["entries"] >= 40
    assert lecture.oracle["disagreements"] == 0


def test_only_definitions_go_without_a_proof(lecture: Notes) -> None:
    for chain in lecture.chains:
        for step, proof in zip(chain.derivation.steps, chain.proofs, strict=False):
            assert (proof.kind == "definition") == (step.relation == "equiv"), chain.derivation.name


def _bp2() -> tuple[Network, Derivation]:
    net = sb.deep()
    notation = load_notation("nielsen")
    b = next(b for b in backpropagate(net, notation.named(False)) if str(b.equation.lhs) == "delta(l)[j]")
    return net, gradient_derivation(net, b, name="BP2", layout=notation.layout(False))


@pytest.mark.parametrize("number", [2, 3, 4])
@pytest.mark.parametrize("wrong", ["sign", "factor", "more"])
def test_a_step_that_does_not_hold_stops_the_document_and_is_named(number: int, wrong: str) -> None:
    net, right = _bp2()
    definitions = naming_equations(net, load_notation("nielsen").named(False))
    proved_chain(right, definitions)
    step = right.steps[number - 1]
    assert isinstance(step, Step)
    spoilt = {"sign": mul(-1, step.expression), "factor": mul(2, step.expression), "more": add(step.expression, 1)}[wrong]
    steps = (*right.steps[: number - 1], replace(step, expression=spoilt), *right.steps[number:])
    with pytest.raises(NotProved, match=rf"^step {number} of BP2 .* is refuted: at .* the left side is .* and the right side"):
        proved_chain(replace(right, steps=steps), definitions)


def test_a_matrix_form_that_does_not_hold_stops_the_document() -> None:
    net, right = _bp2()
    other = next(c.derivation for c in backward_chains(net, load_notation("nielsen")) if c.derivation.name == "BP3")
    assert right.matrix is not None
    assert other.matrix is not None
    with pytest.raises(NotProved, match=r"^the matrix form of BP2"):
        proved_chain(replace(right, matrix=replace(right.matrix, rhs=other.matrix.rhs)), naming_equations(net, load_notation("nielsen").named(False)))


# ---------------------------------------------------------------- the four equations, as the books have them


BOOKS = {
    "nielsen": {
        "BP1": r"\delta^L = \nabla_a C \odot \sigma'(z^L)",
        "BP2": r"\delta^l = ((w^{l+1})^T \delta^{l+1}) \odot \sigma'(z^l)",
        "BP3": r"\frac{\partial C}{\partial b^l} = \delta^l",
        "BP4": r"\frac{\partial C}{\partial w^l} = \delta^l (a^{l-1})^T",
    },
    "ng": {
        "BP2": r"d Z^{[l]} = d A^{[l]} \odot g'(Z^{[l]})",
        "BP3": r"d b^{[l]} = \frac{1}{m} d Z^{[l]} \, \mathbf{1}",
        "BP4": r"d W^{[l]} = \frac{1}{m} d Z^{[l]} \, A^{[l-1]T}",
    },
    "rows": {
        "BP2": r"\Delta^{(l)} = (\Delta^{(l+1)} (W^{(l+1)})^{\top}) \odot \sigma'(Z^{(l)})",
        "BP3": r"\frac{\partial J}{\partial b^{(l)}} = \mathbf{1}^{\top} \Delta^{(l)}",
        "BP4": r"\frac{\partial J}{\partial W^{(l)}} = (A^{(l-1)})^{\top} \Delta^{(l)}",
    },
    "wt": {
        "BP2": r"\boldsymbol{\delta}^{(l)} = (\mathbf{W}^{(l+1)} \boldsymbol{\delta}^{(l+1)}) \odot \sigma'(\mathbf{z}^{(l)})",
        "BP4": r"\frac{\partial C}{\partial \mathbf{W}^{(l)}} = \mathbf{a}^{(l-1)} (\boldsymbol{\delta}^{(l)})^{\top}",
    },
}


@pytest.mark.parametrize("notation", BOOKS)
def test_the_four_equations_read_as_in_the_books(notation: str) -> None:
    """The matrix forms, typed from the books; `tests/golden` has all that is printed. Batches where the book has them."""
    style = load_notation(notation)
    net = sb.deep(samples="m", loss="quadratic") if notation in ("ng", "rows") else sb.deep()
    printed = {c.derivation.name: latex(build_equation(c.derivation.matrix, style)) for c in backward_chains(net, style)}
    assert {name: printed[name] for name in BOOKS[notation]} == BOOKS[notation]


@pytest.mark.parametrize("notation", notation_names())
def test_every_notation_builds_the_four_equations(notation: str) -> None:
    sections = tuple(builtin.four_equations(load_notation(notation), lambda name: None))
    notes = Notes("four equations", sections, "full")
    assert {"BP1", "BP2", "BP3", "BP4"} <= set(chains(sections[0]))
    assert all(p.holds for p in notes.proofs)
    files = documents(notes, ("tex", "html"))
    assert_clean(files["notes.tex"], notation)
    assert not formula_problems(files["notes.html"])


# ---------------------------------------------------------------- the doors


def test_notes_are_iterated_by_step_and_looked_up_by_name() -> None:
    notes = sb.derive(sb.deep())
    steps = list(notes)
    assert steps == [step for chain in notes.chains for step in chain.derivation]
    assert all(isinstance(step, Step) for step in steps)
    assert str(notes["BP2"].lhs) == "delta(l)[j]"
    assert str(notes["BP1"].lhs) == "delta(L)[j]"
    assert [notes[name].name for name in ("BP3", "BP4")] == ["BP3", "BP4"]
    with pytest.raises(UnknownName, match="unknown derivation 'BP5'; did you mean"):
        notes["BP5"]


@pytest.mark.parametrize("keyword", [{"notation": "nilsen"}, {"detail": "stepz"}])
def test_an_unknown_choice_is_answered_with_the_near_miss(keyword: dict[str, str]) -> None:
    with pytest.raises(UnknownName, match="did you mean"):
        sb.derive(sb.mlp([2, 1]), **keyword)
    with pytest.raises(UnknownName, match="did you mean"):
        sb.lecture(**keyword)


@pytest.mark.parametrize("keyword", ["notaton", "sizes"])
def test_an_unknown_keyword_is_refused(keyword: str) -> None:
    with pytest.raises(TypeError, match=keyword):
        sb.derive(sb.mlp([2, 1]), **{keyword: "x"})


def test_more_detail_prints_more() -> None:
    lengths = [len(replace(classifier(), detail=detail)._repr_latex_()) for detail in DETAILS]
    assert lengths == sorted(set(lengths))
    results = replace(classifier(), detail="results")._repr_latex_()
    assert "chain rule" not in results
    assert "chain rule" in classifier()._repr_latex_()


def test_save_writes_where_it_is_told(tmp_path: Path) -> None:
    written = sb.derive(sb.mlp([2, 1])).save(str(tmp_path / "o"), ("html",))
    assert written == [str(tmp_path / "o" / "notes.html")]
    assert (tmp_path / "o" / "notes.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


SKIP = """
name = "a skip connection"
equations = ["z[j] = sum(k, w[j, k]*x[k])", "h[j] = tanh(z[j]) + x[j]", "u[j] = h[j]*z[j]", "C = 1/2*sum(j, (y[j] - u[j])**2)"]
parameters = ["w"]
targets = ["y"]
[tensors]
w = [3, 3]
x = [3]
y = [3]
"""


def _skip(folder: Path) -> Network:
    path = folder / "skip.toml"
    path.write_text(SKIP, encoding="utf-8")
    return sb.load_specification(path).network


NETWORKS: dict[str, dict[str, Any]] = {
    "softmax and cross-entropy": {"sizes": [2, 3, 2], "output": "softmax", "loss": "cross_entropy"},
    "a batch with a penalty": {"sizes": [3, 2, 1], "activation": "tanh", "samples": "m", "penalty": "l2"},
    "a batch of four": {"sizes": [2, 3, 1], "output": "sigmoid", "loss": "binary_cross_entropy", "samples": 4},
    "relu and huber": {"sizes": [3, 2], "activation": "relu", "output": "identity", "loss": "huber"},
    "l1 twice": {"sizes": [2, 3], "activation": "silu", "loss": "l1", "penalty": "l1"},
    "no bias": {"sizes": [2, 3, 1], "activation": "gelu", "bias": False},
    "logits": {"sizes": [2, 3], "output": "identity", "loss": "cross_entropy_logits"},
    "class numbers": {"sizes": [2, 3], "output": "softmax", "loss": "negative_log_likelihood"},
    "hinge": {"sizes": [2, 3], "output": "identity", "loss": "multiclass_hinge"},
    "sizes with names": {"sizes": ["d", "h", "c"], "activation": "elu", "loss": "mean_squared_error"},
}


@pytest.mark.parametrize("kind", [*NETWORKS, "a skip connection"])
@pytest.mark.parametrize("notation", ["nielsen", "rows"])
def test_notes_on_a_network(kind: str, notation: str, tmp_path: Path) -> None:
    net = sb.mlp(**NETWORKS[kind]) if kind in NETWORKS else _skip(tmp_path)
    notes = sb.derive(net, notation, "full")
    assert all(p.holds for p in notes.proofs)
    derived = [c.derivation for c in notes.chains]
    for parameter in net.parameters:
        name = f"{parameter.name}({parameter.layer})" if parameter.layer is not None else parameter.name
        assert any(re.match(rf"d\w+/d{re.escape(name)}\[", str(d.result.lhs)) or str(d.lhs).endswith(name) for d in derived), parameter
    files = documents(notes, ("tex", "html"))
    assert_clean(files["notes.tex"], kind)
    assert not formula_problems(files["notes.html"])


def test_both_ways_of_a_skip_connection_add_up(tmp_path: Path) -> None:
    notes = sb.derive(_skip(tmp_path))
    assert notes["dC-dz"].result.rhs.is_Add  # by way of h, and as a factor of u
    assert "through" in notes["dC-dz"].steps[1 if notes["dC-dz"].steps[0].relation == "equiv" else 0].reason.text


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_every_loss_can_end_a_network(name: str) -> None:
    rule = LOSSES[name]
    output = {"logits": "identity"}.get(rule.input, "softmax" if rule.target in ("one_hot", "class") else "sigmoid")
    notes = sb.derive(sb.mlp([2, 3], output=output, loss=name), detail="full")
    assert all(p.holds for p in notes.proofs)
    assert not formula_problems(notes._repr_html_())


# ---------------------------------------------------------------- LaTeX


@pytest.fixture(scope="session")
def rendered(lecture: Notes) -> list[dict[str, Any]]:
    return render_notes(replace(lecture, detail="full"), LATEX)


def formulas(rendered: list[dict[str, Any]]) -> Iterator[str]:
    """Every mathematical string of a rendered document: lines of displays, and what stands between \\( and \\)."""

    def strings(value: Any) -> Iterator[str]:
        if isinstance(value, str):
            yield from re.findall(r"\\\((.*?)\\\)", value, re.S)
        elif isinstance(value, dict):
            for key, v in value.items():
                if key in ("left", "right"):
                    yield v
                else:
                    yield from strings(v)
        elif isinstance(value, list):
            for v in value:
                yield from strings(v)

    return strings(rendered)


def test_formulas_can_be_pasted_into_markdown(rendered: list[dict[str, Any]]) -> None:
    """KaTeX and MathJax take neither labels nor environments of a page inside a formula; a line break or an alignment is the template's."""
    found = [f for f in formulas(rendered) if f]
    assert len(found) > 1000
    environment = r"\\begin\{(align|equation|gather)"
    for f in found:
        assert not re.search(environment, f), f
        assert not re.search(r"\\label|\\tag|\\ref|\\eqref|\\intertext|\\mathbb\{1\}", f), f
        assert "$" not in f
        assert f.count("{") - f.count(r"\{") == f.count("}") - f.count(r"\}"), f
        assert not set(re.findall(r"\\begin\{(\w+)\}", f)) - {"cases", "aligned", "bmatrix", "pmatrix"}, f


def test_each_display_has_at_most_one_tag_and_every_reference_its_label(lecture: Notes) -> None:
    source = documents(lecture, ("tex",))["notes.tex"]
    for display in re.findall(r"\\begin\{align\*\}.*?\\end\{align\*\}", source, re.S):
        assert display.count(r"\tag{") <= 1
        assert display.count(r"\label{") == display.count(r"\tag{")
    labels = Counter(re.findall(r"\\label\{([^}]*)\}", source))
    assert max(labels.values()) == 1
    assert set(re.findall(r"\\(?:eq)?ref\{([^}]*)\}", source)) <= set(labels)
    tags = Counter(re.findall(r"\\tag\{([^}]*)\}", source))
    assert max(tags.values()) == 1


def assert_clean(source: str, name: str) -> None:
    """LaTeX source that is balanced and holds nothing a template or a printer forgot."""
    assert source.isascii(), (name, sorted(set(re.findall(r"[^\x00-\x7f]", source))))
    assert not re.search(r"<<|>>|<%|%>|\bNone\b|Traceback|object at 0x|Undefined", source), name
    environments = [(kind, env) for kind, env in re.findall(r"\\(begin|end)\{([\w*]+)\}", source)]
    opened: list[str] = []
    for kind, env in environments:
        if kind == "begin":
            opened.append(env)
        else:
            assert opened.pop() == env, name
    assert not opened


def pdflatex(folder: Path, name: str) -> str:
    """The log of the last of as many passes as it takes for references to settle, at least two."""
    log = ""
    for number in range(4):
        done = subprocess.run(
            ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", name],
            cwd=folder, env={**os.environ, "max_print_line": "100000"}, capture_output=True, text=True, errors="replace", timeout=300,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout[-2000:]
        log = (folder / name).with_suffix(".log").read_text(encoding="latin-1")
        if number and "Rerun to get" not in log:
            break
    return log


@pytest.mark.skipif(shutil.which("pdflatex") is None and "CI" not in os.environ, reason="pdflatex is not installed")
@pytest.mark.parametrize("detail", DETAILS)
def test_the_lecture_compiles_without_a_warning_that_shows(detail: str, lecture: Notes, tmp_path: Path) -> None:
    (tmp_path / "notes.tex").write_text(documents(replace(lecture, detail=detail), ("tex",))["notes.tex"], encoding="utf-8")
    log = pdflatex(tmp_path, "notes.tex")
    assert not re.findall(r".*(?:undefined|multiply[ -]defined|Missing character|Overfull).*|^!.*", log, re.M)


@pytest.mark.skipif(shutil.which("pdflatex") is None and "CI" not in os.environ, reason="pdflatex is not installed")
@pytest.mark.parametrize("notation", notation_names())
def test_notes_on_a_network_compile_in_every_notation(notation: str, tmp_path: Path) -> None:
    net = sb.mlp([3, 2, 2], activation="tanh", output="softmax", loss="cross_entropy", samples="m", penalty="l2", name="50% of a_b & c")
    for name, text in documents(sb.derive(net, notation, "full"), ("tex",)).items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    log = pdflatex(tmp_path, "notes.tex")
    assert not re.findall(r".*(?:undefined|multiply[ -]defined|Missing character|Overfull).*|^!.*", log, re.M)


# ---------------------------------------------------------------- HTML


class Balance(HTMLParser):
    """The elements of a page that are closed out of order or never."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.opened: list[str] = []
        self.wrong: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("meta", "br"):
            self.opened.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        if not self.opened or self.opened.pop() != tag:
            self.wrong.append(tag)


CHILDREN = {"mfrac": 2, "msup": 2, "msub": 2, "mover": 2, "munder": 2, "msubsup": 3, "munderover": 3, "mroot": 2}


def formula_problems(page: str) -> list[str]:
    """What is wrong with the markup of a page: unbalanced elements, formulas that are no XML or lack an argument."""
    balance = Balance(page)
    problems = [*balance.wrong, *balance.opened]
    found = re.findall(r"<math.*?</math>", page, re.S)
    if not found:
        problems.append("no formulas")
    for text in dict.fromkeys(found):
        for element in ElementTree.fromstring(text).iter():
            if len(element) != CHILDREN.get(element.tag.rpartition("}")[2], len(element)):
                problems.append(text)
    return problems


@pytest.mark.parametrize("detail", DETAILS)
def test_the_page_is_well_formed_and_stands_alone(detail: str, lecture: Notes) -> None:
    page = documents(replace(lecture, detail=detail), ("html",))["notes.html"]
    assert formula_problems(page) == []
    assert page.count("<math") > 500
    assert "\ufffd" not in page
    assert not re.search(r"<script|<link|<iframe|<merror|@import|url\((?!#)|\ssrc=|\son\w+=|\{\{|\bNone\b", page)
    assert re.findall(r'href="([^#"][^"]*)"', page) == []
    ids = Counter(re.findall(r'\sid="([^"]+)"', page))
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(ids)
    assert max(ids.values()) == 1
    assert {f"sec-{key}" for key in (*SECTIONS, "proofs")} <= set(ids)


def test_the_document_ends_with_the_proof_table(lecture: Notes) -> None:
    for text in documents(lecture, ("tex", "html")).values():
        if "How the equations were proved" not in text:
            continue
        end = text[text.rindex("How the equations were proved") :]
        for kind, number in lecture.counts().items():
            assert kind in end
            assert str(number) in end
        assert str(lecture.oracle["entries"]) in end


def test_a_notebook_shows_notes_with_their_style() -> None:
    shown = classifier()._repr_html_()
    assert formula_problems(shown) == []
    assert "<style>" in shown
    assert "<html" not in shown
    assert "<script" not in shown


def test_every_fragment_is_a_section_of_the_article(lecture: Notes) -> None:
    files = documents(lecture, ("tex",))
    assert {n for n in files if n.startswith("fragments/")} == {f"fragments/{key}.tex" for key in (*SECTIONS, "proofs")}
    for key in SECTIONS:
        body = "\n".join(line for line in files[f"fragments/{key}.tex"].splitlines() if not line.startswith("%"))
        assert rf"\label{{sec:{key}}}" in body
        assert not re.search(r"\\documentclass|\\usepackage|\\begin\{document\}", body)


def test_both_media_number_alike(lecture: Notes) -> None:
    files = documents(lecture, ("tex", "html"))
    tags = re.findall(r"\\tag\{([^}]*)\}", files["notes.tex"])
    shown = re.findall(r'<span id="eq-[^"]*">\(([^<]*)\)</span>', files["notes.html"])
    assert tags == shown
    assert len(tags) == len(lecture.chains)
    assert len(render_notes(lecture, HTML)) == len(lecture.sections)


def test_the_readme_shows_the_real_summary(lecture: Notes) -> None:
    readme = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
    assert f"\n{counted(lecture)}\n" in readme
    assert f"\nend to end: {lecture.oracle['entries']} gradient entries of {lecture.oracle['networks']} small networks" in readme


# ---------------------------------------------------------------- the table of symbols


def letters_in(node: object) -> set[str]:
    """The letters of a tree, scripts and the limits of sums left out: what a reader looks up in the table of symbols."""
    if isinstance(node, tree.Symbol):
        return {node.name}
    if isinstance(node, tree.Scripts):
        return letters_in(node.base)
    if isinstance(node, tree.BigOperator):
        return letters_in(node.body)
    parts = [getattr(node, f.name) for f in fields(node)] if is_dataclass(node) else node if isinstance(node, tuple) else []
    return set().union(*(letters_in(part) for part in parts))


@pytest.mark.parametrize("name", notation_names())
def test_the_table_has_every_symbol_and_no_other(name: str) -> None:
    """The oracle is the printed tree of the equations and of every gradient, in index form and in matrix form."""
    style = load_notation(name)
    for plain in (sb.deep(), sb.deep(samples="m", activation="tanh", output="sigmoid", loss="binary_cross_entropy"), sb.mlp([2, 3, 1], penalty="l2")):
        net = with_cost_of(plain, style)
        builder = Builder(style, net.samples, last=net.last_layer)
        forms: list[Any] = [*net.equations, *(lifted for e in net.equations if (lifted := lift_equation(e, layout_of(net, style))) is not None)]
        for d in (c.derivation for c in backward_chains(net, style)):
            forms += [d.result, *((d.matrix,) if d.matrix is not None else ())]
        used = set().union(*(letters_in(builder.about(e.lhs, e.rhs).build(e)) for e in forms)) - {"partial", "nabla", "log", "1"}
        table = symbols_table(net, style)
        cells = [builder.whole(c) if isinstance(c, Tensor) else builder.build(c) if isinstance(c, Basic) else c for c, *_ in table.rows]
        listed = set().union(*map(letters_in, cells))
        assert used - listed == set()
        numbers = {"n", "m", "N", "M", "d", "s", "D", "L", "l", "n_l"}  # sizes stand in the limits of sums
        assert listed - used - numbers == set()
