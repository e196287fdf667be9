"""Pictures: nothing stands on anything else, lines end where they should, and every printer's output is read by the program it is for."""

from __future__ import annotations

import random
import re
import subprocess
from functools import cache
from itertools import combinations, pairwise, permutations
from math import hypot
from pathlib import Path
from xml.etree import ElementTree

import pytest
from programs import needs
from sympy import Integer, Rational, S

from symbackprop.builders import deep, mlp
from symbackprop.documents.about_network import layout_of, letters_of, style_of
from symbackprop.documents.classics import chain_network
from symbackprop.documents.drawn import MOST, graph_figure
from symbackprop.equations import Equation, Tensor
from symbackprop.errors import SpecError
from symbackprop.graphs import graph
from symbackprop.network import Network
from symbackprop.notation import load_notation, notation_names
from symbackprop.pictures.descent import DescentDrawing
from symbackprop.pictures.graph import Drawing, graph_drawing
from symbackprop.pictures.layers import Gate, Wire, flow
from symbackprop.pictures.neurons import LayersDrawing, NeuronsDrawing, network_drawing, stages
from symbackprop.pictures.ordering import crossings, ordered, spread
from symbackprop.pictures.shapes import Box, Dot, Label, Line, Picture, Place
from symbackprop.pictures.svg import svg, svg_file
from symbackprop.pictures.tikz import tikz
from symbackprop.pictures.typst import typst_picture
from symbackprop.typeset import tree as t
from symbackprop.typeset.build import Builder

RESIDUAL = graph({"x": 3}, [
    {"name": "z", "rule": "affine", "inputs": ["x"], "size": 3},
    {"name": "a", "rule": "elementwise", "inputs": ["z"], "activation": "tanh"},
    {"name": "r", "rule": "add", "inputs": ["a", "x"]}])  # fmt: skip
SOFTMAX = Network.from_equations(
    ["u[j] = exp(z[j])", "r = sum(k, u[k])", "p[j] = u[j]/r", "g[j] = log(p[j])", "h[j] = t[j]*g[j]", "v = sum(k, h[k])", "L = -v"],
    tensors={"z": ("n",), "t": ("n",)}, targets=["t"], parameters=["z"])  # fmt: skip
TWICE = Network.from_equations(
    ["u = x*y", "v = x + u", "h = u*v", "q = -x", "C = h*q + v"], tensors={"x": (), "y": ()}, parameters=["x", "y"])  # fmt: skip
NETS = {
    "2-2-1": mlp([2, 2, 1]),
    "softmax": mlp([2, 3, 2], activation="tanh", output="softmax", loss="cross_entropy"),
    "batch": mlp([2, 2, 1], samples="m", output="sigmoid", loss="binary_cross_entropy", penalty="l2"),
    "classes": mlp([4, 3], output="identity", loss="multiclass_hinge", bias=False),
    "medium": mlp([4, 6, 5], activation="relu"),
    "large": mlp([784, 512, 256, 10], output="softmax", loss="cross_entropy", samples="m"),
    "long": mlp([8, 8, 8, 8, 8, 8, 3], activation="softplus"),
    "deep": deep(),
    "deep entropy": deep(activation="tanh", output="softmax", loss="cross_entropy", samples="m"),
    "one neuron": chain_network(),
    "residual": RESIDUAL,
    "gates": SOFTMAX,
    "twice": TWICE,
}
LAYERED = [name for name in NETS if name not in ("one neuron", "residual", "gates", "twice")]


@cache
def drawn(name: str, notation: str, kind: str = "graph") -> Picture:
    net = NETS[name]
    style = style_of(net, load_notation(notation))
    layout = layout_of(net, style)
    drawing: Drawing = graph_drawing(net, layout, letters_of(net, style)) if kind == "graph" else network_drawing(net, layout)
    return drawing.picture(Builder(style, last=net.last_layer))


def descent() -> DescentDrawing:
    w = Tensor("w")()
    halves = tuple(tuple(2 + (start - 2) * Rational(3, 5) ** n for n in range(6)) for start in (Integer(-1), Integer(5)))
    return DescentDrawing(Equation(Tensor("J")(), (w - 2) ** 2 / 2 + S.Half), w, w - 2, halves, Rational(-3, 2), Rational(11, 2))


CASES = [(n, s, "graph") for n in NETS for s in notation_names()] + [(n, s, "network") for n in LAYERED for s in notation_names()]


# ---------------------------------------------------------------- what stands where


def overlap(a: Label | Box, b: Label | Box, room: float = 0.0) -> bool:
    (ax0, ay0), (ax1, ay1), (bx0, by0), (bx1, by1) = *a.corners, *b.corners
    return min(ax1, bx1) - max(ax0, bx0) > room and min(ay1, by1) - max(ay0, by0) > room


def crosses(p: Place, q: Place, label: Label) -> bool:
    """Whether the way from p to q enters the room of a label: clipped to it, as Liang and Barsky do."""
    (x0, y0), (x1, y1) = label.corners
    low, high = 0.0, 1.0
    for at, step, least, most in ((p[0], q[0] - p[0], x0, x1), (p[1], q[1] - p[1], y0, y1)):
        if abs(step) < 1e-12:
            if not least < at < most:
                return False
            continue
        first, last = sorted(((least - at) / step, (most - at) / step))
        low, high = max(low, first), min(high, last)
    return low < high - 1e-9


def on_border(place: Place, box: Box) -> bool:
    (x0, y0), (x1, y1) = box.corners
    if box.round:
        return abs(hypot(place[0] - box.at[0], place[1] - box.at[1]) - box.wide / 2) < 1e-6
    sides = (place[0] - x0, place[0] - x1, place[1] - y0, place[1] - y1)
    return x0 - 1e-6 < place[0] < x1 + 1e-6 and y0 - 1e-6 < place[1] < y1 + 1e-6 and min(map(abs, sides)) < 1e-6


@pytest.mark.parametrize(("name", "notation", "kind"), CASES)
def test_nothing_stands_on_anything_else(name: str, notation: str, kind: str) -> None:
    picture = drawn(name, notation, kind)
    boxes = [s for s in picture.shapes if isinstance(s, Box)]
    labels = [s for s in picture.shapes if isinstance(s, Label)]
    lines = [s for s in picture.shapes if isinstance(s, Line)]
    assert all((boxes, labels, lines))
    for a, b in combinations(boxes, 2):
        assert not overlap(a, b), (a, b)
    for a, b in combinations(labels, 2):
        assert not overlap(a, b), (a.node, b.node)
    for label in labels:
        inside = [b for b in boxes if overlap(label, b)]
        assert len(inside) <= 1
        for b in inside:
            assert all(b.corners[0][i] <= c[i] <= b.corners[1][i] for c in label.corners for i in (0, 1)), label.node
        for line in lines:
            assert not any(crosses(p, q, label) for p, q in pairwise(line.points)), (label.node, line)
    (x0, y0), (x1, y1) = picture.low, picture.high
    assert all(x0 < x < x1 and y0 < y < y1 for s in picture.shapes for x, y in s.corners)


@pytest.mark.parametrize(("name", "notation", "kind"), CASES)
def test_arrows_end_at_a_border_or_lead_on(name: str, notation: str, kind: str) -> None:
    picture = drawn(name, notation, kind)
    boxes = [s for s in picture.shapes if isinstance(s, Box)]
    arrows = [s for s in picture.shapes if isinstance(s, Line) and s.arrow and s.tone == "ink"]
    leading = [a for a in arrows if not any(on_border(a.points[-1], b) for b in boxes)]
    assert all(a.points[-1][1] == a.points[-2][1] for a in leading)  # to the right, out of the picture
    assert all(a.points[-1][0] > a.points[-2][0] for a in leading)
    for line in (s for s in picture.shapes if isinstance(s, Line)):
        middle = [p for b in boxes for p in line.points if all(b.corners[0][i] + 1e-6 < p[i] < b.corners[1][i] - 1e-6 for i in (0, 1))]
        assert not [p for p in middle if not any(on_border(p, b) or b.round for b in boxes)], line


@pytest.mark.parametrize("name", NETS)
def test_a_picture_fits_a_page_or_is_made_a_little_smaller(name: str) -> None:
    wide, high = drawn(name, "nielsen").size
    assert wide < 50  # a page has 41 ems
    assert high < 80  # and 62


def test_what_is_used_twice_parts_at_a_dot() -> None:
    picture = drawn("twice", "nielsen")
    assert sum(isinstance(s, Dot) for s in picture.shapes) >= 3


def test_a_descent_goes_down_on_both_sides() -> None:
    drawing = descent()
    for path in drawing.paths:
        heights = [drawing.value(w) for w in path]
        assert heights == sorted(heights, reverse=True)
    picture = drawing.picture(Builder(load_notation("ng")))
    arrows = [s for s in picture.shapes if isinstance(s, Line) and s.tone == "gradient"]
    assert {a.points[1][0] > a.points[0][0] for a in arrows} == {True, False}


# ---------------------------------------------------------------- layout


def test_the_order_has_few_crossings() -> None:
    """The oracle tries every order of two small columns."""
    draw = random.Random(0)
    worse = 0
    for _ in range(60):
        links = sorted({(draw.randrange(4), 4 + draw.randrange(4)) for _ in range(6)})
        best = min(crossings([list(a), list(b)], links) for a in permutations(range(4)) for b in [(4, 5, 6, 7)])
        found = crossings(ordered([[0, 1, 2, 3], [4, 5, 6, 7]], links), links)
        assert found <= crossings([[0, 1, 2, 3], [4, 5, 6, 7]], links)
        worse += found > best
    assert worse <= 6


def test_places_are_the_nearest_that_keep_apart() -> None:
    """No move of one place, or of a run of neighbours, that keeps the distances comes nearer."""
    draw = random.Random(1)
    for _ in range(50):
        wanted = [draw.uniform(-5, 5) for _ in range(6)]
        apart = [draw.uniform(0.5, 2) for _ in range(5)]
        weights = [draw.choice([1.0, 0.01]) for _ in range(6)]
        found = spread(wanted, apart, weights)
        gaps = [b - a for a, b in pairwise(found)]
        assert all(g >= d - 1e-9 for g, d in zip(gaps, apart, strict=True))
        cost = sum(w * (a - b) ** 2 for a, b, w in zip(found, wanted, weights, strict=True))
        for i in range(6):
            for j in range(i + 1, 7):
                for step in (-1e-3, 1e-3):
                    other = [v + step * (i <= n < j) for n, v in enumerate(found)]
                    if all(b - a >= d - 1e-12 for (a, b), d in zip(pairwise(other), apart, strict=True)):
                        assert sum(w * (a - b) ** 2 for a, b, w in zip(other, wanted, weights, strict=True)) >= cost - 1e-9


def test_the_way_of_the_inputs_is_straight() -> None:
    """From the input to the cost all gates of a chain stand on one height, whatever comes in from below."""
    for name in ("softmax", "medium", "one neuron", "deep"):
        boxes = [s for s in drawn(name, "nielsen").shapes if isinstance(s, Box)]
        rows = {round(b.at[1], 1) for b in boxes}
        assert len(rows) <= 2  # one for each line of the drawing


def test_a_long_graph_goes_on_on_the_next_line() -> None:
    node = t.Symbol("f")
    gates = [Gate((node,), True) for _ in range(20)]
    wires = [Wire(None, (0,), node)] + [Wire(n, (n + 1,) if n < 19 else (), node, node) for n in range(20)]
    one, four = flow(gates, wires, 1000), flow(gates, wires, 25)
    assert one.size[0] > 75
    assert four.size[0] <= 25
    assert four.size[1] > 3 * one.size[1]
    assert sum(isinstance(s, Box) for s in four.shapes) == 20


# ---------------------------------------------------------------- which picture


@pytest.mark.parametrize("layers", [6, 12, 40])
def test_a_graph_of_many_equations_goes_on_in_the_next_picture(layers: int) -> None:
    """Every equation has its node in one of the pictures, each of which fits a page; what leads from one to the next stands in both."""
    notation = load_notation("nielsen")
    net = mlp([5] * layers, activation="tanh")
    figures = graph_figure(net, layout_of(net, notation), letters_of(net, notation))
    builder = Builder(notation, last=net.last_layer)
    pictures = [figure.drawing.picture(builder) for figure in figures]
    assert len(pictures) == -(-len(net.equations) // MOST)
    assert sum(isinstance(s, Box) for p in pictures for s in p.shapes) == len(net.equations)
    assert all(p.size[0] < 48.1 and p.size[1] < 62 for p in pictures)
    for before, after in pairwise(pictures):
        labels = [[s.node for s in p.shapes if isinstance(s, Label)] for p in (before, after)]
        assert [node for node in labels[0] if node in labels[1]]
    assert len({figure.caption for figure in figures}) == min(len(figures), 2)


@pytest.mark.parametrize(("name", "kind"), [("2-2-1", NeuronsDrawing), ("medium", NeuronsDrawing), ("large", LayersDrawing), ("long", LayersDrawing),
                                            ("deep", LayersDrawing), ("deep entropy", LayersDrawing)])  # fmt: skip
def test_small_networks_are_drawn_neuron_by_neuron(name: str, kind: type) -> None:
    net = NETS[name]
    assert isinstance(network_drawing(net, layout_of(net, load_notation("nielsen"))), kind)


@pytest.mark.parametrize("name", ["one neuron", "residual", "gates", "twice"])
def test_what_is_no_chain_of_layers_has_no_neurons(name: str) -> None:
    with pytest.raises(SpecError, match="no chain of layers"):
        stages(NETS[name])


def test_every_weight_of_a_small_network_has_its_name() -> None:
    text = tikz(drawn("2-2-1", "ng", "network"))
    for name in (*(rf"w^{{[1]}}_{{{j}{k}}}" for j in (1, 2) for k in (1, 2)), r"w^{[2]}_{11}", r"w^{[2]}_{12}", r"b^{[1]}_2", "x_2", r"a^{[2]}_1"):
        assert text.count(rf"\({name}\)") == 1, name


def test_the_graph_of_a_gate_says_what_flows_where() -> None:
    text = tikz(drawn("twice", "nielsen"))
    assert {r"\(\times\)", r"\(+\)", r"\(-1\)"} <= set(re.findall(r"\{(\\\(.*?\\\))\}", text))
    for name in "uvhqx":
        assert rf"\(\frac{{\partial C}}{{\partial {name}}}\)" in text


def test_a_network_of_any_depth_has_dots() -> None:
    for kind in ("graph", "network"):
        assert r"\(\cdots\)" in tikz(drawn("deep", "nielsen", kind))


# ---------------------------------------------------------------- printers


@pytest.mark.parametrize(("name", "notation", "kind"), CASES)
def test_svg_is_well_formed_and_everything_is_inside(name: str, notation: str, kind: str) -> None:
    picture = drawn(name, notation, kind)
    root = ElementTree.fromstring(svg_file(picture, 'a "title" & more'))
    _, _, wide, high = map(float, root.attrib["viewBox"].split())
    assert root.attrib["aria-label"] == 'a "title" & more'
    tags = {e.tag.rpartition("}")[2] for e in root.iter()}
    assert not tags & {"script", "image", "a", "use"}
    assert {e.tag for e in root.iter() if e.tag.endswith("math")} == {"{http://www.w3.org/1998/Math/MathML}math"}
    assert not re.search(r"(src|href|url\(|@import|\bid=)", svg(picture))
    for e in root.iter():
        if e.tag.endswith("foreignObject"):
            x, y, w, h = (float(e.attrib[k]) for k in ("x", "y", "width", "height"))
            assert min(x, y, wide - x - w, high - y - h) >= 0


@needs("pdflatex")
def test_tikz_compiles_without_a_warning(tmp_path: Path) -> None:
    pictures = [drawn(*case) for case in CASES if case[1] in ("nielsen", "ng", "saito", "mazur", "bishop")]
    pictures.append(descent().picture(Builder(load_notation("ng"))))
    shown = "\n\n".join(rf"\noindent\adjustbox{{max width=\linewidth, max totalheight=0.72\textheight}}{{{tikz(p)}}}" for p in pictures)
    head = r"\documentclass[11pt]{article}\usepackage[margin=25mm]{geometry}\usepackage{amsmath,amssymb,tikz,adjustbox}\raggedbottom\begin{document}"
    (tmp_path / "p.tex").write_text(f"{head}\n{shown}\n\\end{{document}}\n")
    done = subprocess.run(["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "p.tex"], cwd=tmp_path, capture_output=True, text=True)
    log = (tmp_path / "p.log").read_text(errors="replace")
    assert done.returncode == 0, log[-2000:]
    assert not re.search(r"^(! |.*Warning: (?!Label).*|Overfull|Missing character)", log, re.M)


def test_typst_compiles() -> None:
    typst = pytest.importorskip("typst")
    shown = "\n\n".join(f"#{typst_picture(drawn(*case))}" for case in CASES)
    assert typst.compile(f"{shown}\n\n#{typst_picture(descent().picture(Builder(load_notation('ng'))))}\n".encode())[:4] == b"%PDF"


@needs("chromium")
def test_formulas_in_a_browser_keep_to_the_room_they_were_given(tmp_path: Path) -> None:
    """The oracle is the browser: it measures each formula, and says by how many ems one is larger than its room."""
    pictures = "\n".join(svg(drawn(n, s, k)) for n, s, k in CASES if s in ("nielsen", "ng", "saito", "mazur", "bishop"))
    script = """<script>let worst = [0, ''];
      for (const f of document.querySelectorAll('foreignObject')) {
        const m = f.querySelector('math').getBoundingClientRect(), s = f.ownerSVGElement;
        const scale = s.getBoundingClientRect().width / s.viewBox.baseVal.width, w = m.width / scale - f.width.baseVal.value;
        if (w > worst[0]) worst = [w, f.textContent]; }
      document.title = 'worst ' + (worst[0] / 16).toFixed(2) + ' ' + worst[1];</script>"""
    from symbackprop.typeset.mathml import CSS

    (tmp_path / "p.html").write_text(f"<!DOCTYPE html><meta charset='utf-8'><title></title><style>{CSS}</style>{pictures}{script}")
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom", f"file://{tmp_path}/p.html"]
    dom = subprocess.run(command, capture_output=True, text=True, timeout=120).stdout
    found = re.search(r"<title>worst ([\d.]+) (.*?)</title>", dom)
    assert found is not None
    assert float(found[1]) < 0.5, found[2]


def test_gradients_stand_below_parameters_and_not_below_data() -> None:
    """Inputs and targets have no gradient below them, parameters have."""
    expected = {"softmax": ("W^{[1]}", "b^{[2]}", "z^{[1]}", "a^{[2]}"), "2-2-1": ("w^{[1]}_{21}", "b^{[2]}_1", "z^{[1]}_2", "a^{[2]}_1")}
    for name, letters in expected.items():
        text = tikz(drawn(name, "ng"))
        assert all(rf"\(d {x}\)" in text for x in letters)
        assert not re.search(r"\\\(d [xy]", text)


def test_a_slide_is_given_what_can_be_read_on_it() -> None:
    net = NETS["2-2-1"]
    style = load_notation("nielsen")
    drawing = graph_drawing(net, layout_of(net, style), letters_of(net, style))
    page, slide = (drawing.fitted(Builder(style, last=net.last_layer), room) for room in ((42.0, 44.0), (36.0, 15.5)))
    assert len([s for s in page.shapes if isinstance(s, Box)]) == 7  # two and two of z and a, one and one, and the cost
    assert len([s for s in slide.shapes if isinstance(s, Box)]) == 5
    assert min(36 / slide.size[0], 15.5 / slide.size[1]) > 0.5
