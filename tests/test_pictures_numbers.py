"""Numbers on a computational graph are those of the compiled function; one picture by itself, from Python and from the command line."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from click.testing import CliRunner

import symbackprop as sb
from symbackprop.cli.commands import command
from symbackprop.documents.blocks import Figure
from symbackprop.drawing import FORMATS, KINDS, picture, picture_files
from symbackprop.elements import places
from symbackprop.equations import Tensor
from symbackprop.errors import InputError, SpecError, UnknownName
from symbackprop.notation import load_notation
from symbackprop.pictures.graph import ElementsDrawing, GraphDrawing
from symbackprop.pictures.tikz import tikz
from symbackprop.sources import _numbers
from symbackprop.typeset.latex import latex
from symbackprop.worked import worked

NET = sb.mlp([2, 3, 2], activation="tanh", output="softmax", loss="cross_entropy")
VALUES = {
    "w1": [[0.1, -0.2], [0.3, 0.4], [-0.5, 0.6]], "b1": [0.1, 0.2, -0.3], "w2": [[0.7, -0.8, 0.9], [0.15, 0.25, -0.35]], "b2": [0.05, -0.05],
    "x": [1.5, -2], "y": [0, 1],
}  # fmt: skip


def numbers(node: Any) -> np.ndarray:
    """The numbers of a formula, row by row."""
    rows = re.sub(r"\\(begin|end)\{bmatrix\}|\{|\}", "", latex(node)).split(r"\\")
    return np.array([[float(cell.replace(" ", "").replace("{-}", "-")) for cell in row.split("&")] for row in rows])


def graph_of(**options: Any) -> GraphDrawing:
    notes = worked(NET, VALUES, **options)
    found = [b.drawing for s in notes.sections for b in s.blocks if isinstance(b, Figure)]
    assert len(found) == 1
    assert isinstance(found[0], GraphDrawing)
    return found[0]


@pytest.mark.parametrize("notation", ["nielsen", "rows", "wt", "mazur"])
def test_the_numbers_are_those_of_the_compiled_function(notation: str) -> None:
    """The oracle: the compiled function at the same values, its arrays stored as the notation stores them, rounded to the digits shown."""
    drawing = graph_of(notation=notation)
    f = sb.compile(NET, notation=notation)
    program = f.program
    given = {g.name: np.array(VALUES[f"{g.tensor.name}{'' if g.tensor.layer is None else g.tensor.layer}"], dtype=float).transpose(g.axes)
             for g in (*program.params, *program.inputs, *program.targets)}  # fmt: skip
    loss, grads = f({g.name: given[g.name] for g in program.params}, *(given[g.name] for g in (*program.inputs, *program.targets)))
    assert float(numbers(drawing.values[NET.loss.tensor]).squeeze()) == pytest.approx(float(loss), rel=1e-3)
    for g in program.params:
        assert numbers(drawing.values[g.tensor]).squeeze() == pytest.approx(given[g.name])
        assert numbers(drawing.slopes[g.tensor]).squeeze() == pytest.approx(grads[g.name].squeeze(), rel=1e-3), g.name
    for e in NET.equations[:-1]:
        assert e.tensor in drawing.values
        assert e.tensor in drawing.slopes
    assert numbers(drawing.slopes[NET.loss.tensor]) == 1
    assert not {*NET.inputs, *NET.targets} & set(drawing.slopes)


def test_a_factor_of_the_notation_is_taken_out() -> None:
    """In a batch of two the letter dZ stands for twice the derivative of the mean; on the line stands the derivative itself."""
    net = sb.mlp([1, 1], activation="identity", samples=2, bias=False)
    values = {"w1": [[1]], "x": [[1, 2]], "y": [[0, 0]]}
    plain, lettered = (worked(net, values, notation=n) for n in ("wt", "ng"))
    shown = [next(b.drawing for s in notes.sections for b in s.blocks if isinstance(b, Figure)) for notes in (plain, lettered)]
    z = net.equations[0].tensor
    assert all(isinstance(d, GraphDrawing) for d in shown)
    assert [numbers(d.slopes[z]).ravel().tolist() for d in shown] == [[0.5, 1.0], [0.5, 1.0]]  # 1/2 w x for each example


def test_fractions_stay_fractions() -> None:
    net = sb.mlp([1, 1], activation="identity", loss="quadratic")
    text = tikz(picture(net, values={"w1": [["1/2"]], "b1": [1], "x": [3], "y": [1]}, exact=True))
    for number in (r"\frac{1}{2}", r"\frac{5}{2}", r"\frac{3}{2}", r"\frac{9}{2}", r"\frac{9}{8}"):  # z, dC/dz, dC/dw, C, by hand
        assert rf"\({number}\)" in text


def test_a_gate_at_numbers() -> None:
    """1*4 + 2*5 + 3*8 = 38, and each input receives the other."""
    net = sb.Network.from_equations(["h[j] = x[j]*w[j]", "u = sum(j, h[j])"], tensors={"x": (3,), "w": (3,)}, parameters=["x", "w"])
    notes = worked(net, {"x": [1, 2, 3], "w": [4, 5, 8]})
    drawing = next(b.drawing for s in notes.sections for b in s.blocks if isinstance(b, Figure))
    assert isinstance(drawing, ElementsDrawing)
    assert numbers(drawing.values[net.loss]) == 38
    assert [float(numbers(drawing.slopes[x]).squeeze()) for x in places(Tensor("x", (3,)))] == [4, 5, 8]
    assert [float(numbers(drawing.slopes[w]).squeeze()) for w in places(Tensor("w", (3,)))] == [1, 2, 3]


def test_the_fourth_text_has_its_gates_in_numbers() -> None:
    """The oracle: 1/(1 + e) of -1 and its slope s(1 - s), and the inner product by hand."""
    (section,) = _numbers(load_notation("saito"), lambda name: None)
    graphs = [b.drawing for b in section.blocks if isinstance(b, Figure)]
    assert all(isinstance(g, GraphDrawing) for g in graphs)
    product, sigmoid = (next(v for x, v in g.values.items() if x.name == "u") for g in graphs)
    s = 1 / (1 + np.exp(-1))
    assert (numbers(product), numbers(sigmoid)) == (38, pytest.approx(s, rel=1e-3))
    assert numbers(next(v for x, v in graphs[1].slopes.items() if x.name == "x")) == pytest.approx(s * (1 - s), rel=1e-3)


def test_what_is_too_large_keeps_its_letter() -> None:
    net = sb.mlp([12, 1], bias=False)
    text = tikz(picture(net, values={"w1": [[0.5] * 12], "x": [1] * 12, "y": [0]}))
    assert r"\(w^" in text
    assert text.count("bmatrix") == 0


# ---------------------------------------------------------------- one picture by itself


SPEC = '[mlp]\nsizes = [2, 2, 1]\nbias = false\n'
WITH_VALUES = SPEC + "[values]\nw1 = [[0.5, 1], [2, 3]]\nw2 = [[1, -1]]\nx = [1, 2]\ny = [1]\n"


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "net.toml"
    path.write_text(WITH_VALUES)
    return path


def test_a_file_gives_a_picture_in_every_format(spec: Path) -> None:
    for kind in KINDS:
        files = picture_files(spec, kind, formats=tuple(FORMATS))
        assert list(files) == [f"{kind}.{name}" for name in FORMATS]
        ElementTree.fromstring(files[f"{kind}.svg"])
        assert files[f"{kind}.tex"].startswith(r"\begin{tikzpicture}")
        assert files[f"{kind}.typ"].startswith("#box(")
    assert "0.5" in picture_files(spec)["graph.svg"]


def test_a_picture_shows_itself_in_a_notebook() -> None:
    assert picture(NET)._repr_html_().startswith("<svg")


@pytest.mark.parametrize(("kind", "options", "error", "said"), [
    ("grph", {}, UnknownName, "did you mean 'graph'"),
    ("graph", {"notation": "nilsen"}, UnknownName, "did you mean 'nielsen'"),
    ("network", {"values": VALUES}, InputError, "choose graph"),
    ("graph", {"values": {"w1": [[1]]}}, InputError, "no numbers are given for b1, w2"),
])  # fmt: skip
def test_what_cannot_be_drawn_is_said(kind: str, options: dict[str, Any], error: type[InputError], said: str) -> None:
    with pytest.raises(error, match=said):
        picture(NET, kind, **options)


def test_a_network_without_layers_has_only_a_graph() -> None:
    net = sb.Network.from_equations(["h = x*w", "C = h*h"], tensors={"x": (), "w": ()}, parameters=["w"])
    assert picture(net).size > (5, 2)
    with pytest.raises(SpecError, match="choose graph"):
        picture(net, "network")


def test_the_command_writes_pictures(spec: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = CliRunner().invoke(command, ["picture", str(spec), "--kind", "network", "--format", "svg, tex", "-o", str(out)])
    assert done.exit_code == 0, done.output
    assert sorted(p.name for p in out.iterdir()) == ["network.svg", "network.tex"]


@pytest.mark.parametrize(("arguments", "said"), [
    (["--kind", "netwrk"], "did you mean 'network'"),
    (["--format", "svgg"], "did you mean 'svg'"), (["--notation", "bishp"], "did you mean 'bishop'"),
])  # fmt: skip
def test_the_command_refuses_what_it_does_not_know(spec: Path, tmp_path: Path, arguments: list[str], said: str) -> None:
    done = CliRunner().invoke(command, ["picture", str(spec), "-o", str(tmp_path / "out"), *arguments])
    assert isinstance(done.exception, InputError)
    assert said in str(done.exception)
    assert not (tmp_path / "out").exists()


def test_a_graph_with_more_equations_than_can_be_seen_takes_no_numbers() -> None:
    net = sb.mlp([1] * 10)
    values = {f"{p.name}{p.layer}": [[1]] if p.rank == 2 else [1] for p in net.parameters} | {"x": [1], "y": [1]}
    with pytest.raises(InputError, match="of up to 16 equations, and 'mlp' has 19; leave the values out"):
        picture(net, values=values)
    assert picture(net).shapes
