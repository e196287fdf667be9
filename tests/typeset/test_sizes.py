"""How much room a formula takes: TeX itself is the oracle."""

from __future__ import annotations

import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from programs import needs

import symbackprop as sb
from symbackprop.documents.rendering import LATEX, render_notes
from symbackprop.typeset.heights import height
from symbackprop.typeset.latex import latex
from symbackprop.typeset.tree import EMPTY, Accent, Brace, Cases, Fraction, Matrix, Node, Number, Operator, Root, Scripts, Symbol, Text, row
from symbackprop.typeset.widths import text_width, width

EM = 10.95  # of Computer Modern in a document of 11 pt
DOCUMENT = r"""\documentclass[11pt]{article}
\usepackage[T1]{fontenc}\usepackage{lmodern}\usepackage{amsmath,amssymb}
\begin{document}
%s
\end{document}
"""


def formulas(notation: str) -> dict[tuple[str, bool], Node]:
    """Every formula of notes on a network, with whether it stands in running text."""
    found: dict[tuple[str, bool], Node] = {}

    def noted(inline: bool) -> object:
        return lambda node: found.setdefault((latex(node), inline), node) and latex(node)

    net = sb.mlp([3, 4, 2], activation="gelu", output="softmax", loss="cross_entropy", samples="m", penalty="l2")
    render_notes(sb.derive(net, notation, "full"), replace(LATEX, inline=noted(True), display=noted(False)))  # type: ignore[arg-type]
    return {key: node for key, node in found.items() if node != EMPTY}


def measured(asked: list[tuple[str, bool]], folder: Path) -> list[tuple[float, float]]:
    """Width and height of each formula in ems, as TeX sets it."""
    style = {True: "", False: r"\displaystyle "}
    boxes = [rf"\setbox0\hbox{{${style[i]}{f}$}}\typeout{{SIZE \the\wd0 \space\the\ht0 \space\the\dp0}}" for f, i in asked]
    (folder / "sizes.tex").write_text(DOCUMENT % "\n".join(boxes), encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "sizes.tex"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, errors="replace", timeout=120)
    sizes = re.findall(r"SIZE ([\d.]+)pt ([\d.]+)pt ([\d.]+)pt", done.stdout)
    return [(float(w) / EM, (float(h) + float(d)) / EM) for w, h, d in sizes]


@needs("pdflatex")
@pytest.mark.parametrize("notation", ["nielsen", "ng", "goodfellow"])
def test_estimates_are_near_what_tex_sets(notation: str, tmp_path: Path) -> None:
    """Hardly ever less, so that nothing runs off a slide, and not much more, so that slides are full."""
    found = formulas(notation)
    sizes = measured(list(found), tmp_path)
    assert len(sizes) == len(found) > 40
    wide = sorted(width(node, inline) / w for ((_, inline), node), (w, _) in zip(found.items(), sizes, strict=True) if w > 3)
    high = sorted(height(node, inline) / max(h, 1.24) for ((_, inline), node), (_, h) in zip(found.items(), sizes, strict=True))
    assert wide[0] > 0.88
    assert wide[-1] < 1.3
    assert 0.97 < wide[len(wide) // 2] < 1.12
    assert high[-1] < 1.8
    tall = sorted(height(node, inline) / h for ((_, inline), node), (_, h) in zip(found.items(), sizes, strict=True) if h > 1.3)
    assert tall[0] > 0.9


x, y = Symbol("x"), Symbol("y")


@pytest.mark.parametrize(
    ("smaller", "larger"),
    [(x, Scripts(x, y)), (x, Fraction(x, y)), (Fraction(x, y), Fraction(Fraction(x, y), y)), (x, Root(x)), (x, Accent(x, "hat")), (x, Brace(x, y)),
     (Matrix(((x,),)), Matrix(((x,), (y,)))), (Cases(((x, y),)), Cases(((x, y), (y, x))))],
)  # fmt: skip
def test_more_is_higher(smaller: Node, larger: Node) -> None:
    assert height(larger) > height(smaller)
    assert height(larger, inline=True) <= height(larger)


def test_scripts_are_set_tight_and_running_text_small() -> None:
    sum_ = row(x, Operator("+"), Number("1"))
    assert width(Scripts(x, sum_)) < width(x) + width(sum_)
    assert width(Fraction(sum_, y), inline=True) < width(Fraction(sum_, y))


def test_a_chinese_character_is_twice_as_wide_as_a_letter() -> None:
    assert text_width("反向传播") > text_width("back")
    assert width(Text("若")) == 1.0


def test_what_is_no_node_is_refused() -> None:
    with pytest.raises(TypeError, match="not a typographic node"):
        width("x")  # type: ignore[arg-type]
