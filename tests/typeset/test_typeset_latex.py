"""LaTeX from every node: golden strings, and a real TeX run over all of them."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any, get_args

import pytest
from programs import needs

from symbackprop.glyphs import ACCENTS, BIG, FENCES, FUNCTIONS, GLYPHS, MATRIX_FENCES, SIGNS, SPACES, STYLES
from symbackprop.typeset.latex import display, escape, inline, latex
from symbackprop.typeset.tree import (
    EMPTY,
    Accent,
    Aligned,
    BigOperator,
    Brace,
    Cases,
    Fence,
    Fraction,
    Marked,
    Matrix,
    Node,
    Number,
    Operator,
    Prime,
    Root,
    Row,
    Scripts,
    Space,
    Symbol,
    Text,
    join,
    number,
    row,
)
from symbackprop.typeset.widths import break_line, width

S, O, N = Symbol, Operator, Number  # noqa: E741 - short names for what stands on every line
a, j, k, l, x, z = (S(letter) for letter in "ajklxz")  # noqa: E741 - letters of the mathematics
n, C = S("n"), S("C")
l_1 = row(l, O("-"), N("1"))
a_lj, w_ljk = Scripts(a, j, l), Scripts(S("w"), row(j, k), l)
dC = Fraction(row(S("partial"), C), row(S("partial"), w_ljk))
HOSTILE = "50% of {x} & #1_2^3 ~ \\input{|/etc/passwd} $ <b> | \x00end"

GOLDEN: list[tuple[Node, str]] = [
    (S("w"), "w"),
    (S("delta"), r"\delta"),
    (S("δ"), r"\delta"),
    (S("loss"), r"\mathit{loss}"),
    (S("hidden_1"), r"\textit{hidden\_1}"),
    (S("w", "bold"), r"\boldsymbol{w}"),
    (S("delta", "bold"), r"\boldsymbol{\delta}"),
    (S("W", "bold_upright"), r"\mathbf{W}"),
    (S("1", "bold_upright"), r"\mathbf{1}"),
    (S("sigma", "bold_upright"), r"\boldsymbol{\sigma}"),
    (S("L", "calligraphic"), r"\mathcal{L}"),
    (S("R", "blackboard"), r"\mathbb{R}"),
    (S("T", "upright"), r"\mathrm{T}"),
    (S("softmax", "upright"), r"\operatorname{softmax}"),
    (S("log", "upright"), r"\log"),
    (N("0.25"), "0.25"),
    (N("10,000"), "10{,}000"),
    (number("-1.5e-05"), r"-1.5 \times 10^{-5}"),
    (O("odot"), r"\odot"),
    (row(S("sigma"), z), r"\sigma z"),
    (row(S("sigma"), Fence(z)), r"\sigma(z)"),
    (row(S("log", "upright"), a_lj), r"\log a^l_j"),
    (row(S("diag", "upright"), Fence(z)), r"\operatorname{diag}(z)"),
    (row(z, O("="), S("W"), a, O("+"), S("b")), "z = W a + b"),
    (row(O("minus_unary"), x, O("+"), N("1")), "-x + 1"),
    (row(x, O("="), O("minus_unary"), z), "x = -z"),
    (row(x, row(O("minus_unary"), z)), "x {-}z"),
    (row(S("f"), Fence(join((x, z), O("comma")))), "f(x, z)"),
    (EMPTY, ""),
    (dC, r"\frac{\partial C}{\partial w^l_{jk}}"),
    (Fraction(row(O("minus_unary"), x), N("2")), r"\frac{-x}{2}"),
    (Scripts(a), "a"),
    (Scripts(a, None, l_1), "a^{l-1}"),
    (Scripts(a, S("sigma"), S("T", "upright")), r"a^{\mathrm{T}}_{\sigma}"),
    (Scripts(Scripts(a, None, l), None, S("T")), "{a^l}^T"),
    (Scripts(Scripts(a, j), None, N("2")), "a^2_j"),
    (Scripts(Fence(a_lj), None, N("2")), "(a^l_j)^2"),
    (Scripts(Fraction(x, z), None, N("2")), r"{\frac{x}{z}}^2"),
    (Scripts(a, None, row(S("sigma"), S("in"), O("in"), j)), r"a^{\sigma\mathit{in}\in j}"),
    (row(Prime(S("sigma")), Fence(z)), r"\sigma'(z)"),
    (Prime(S("f"), 2), "f''"),
    (Scripts(Prime(S("sigma")), l), r"\sigma'_l"),
    (Scripts(Prime(S("f")), j, l), r"f^{\prime\,l}_j"),
    (Prime(a_lj), r"a^{l\prime}_j"),
    (BigOperator("sum", row(j, O("="), N("1")), n, a_lj), r"\sum_{j=1}^n a^l_j"),
    (BigOperator("max", j, None, a), r"\max_j a"),
    (BigOperator("argmax", j, None, a), r"\operatorname*{arg\,max}_j a"),
    (Fence(x), "(x)"),
    (Fence(Fraction(x, z), grow=True), r"\left( \frac{x}{z} \right)"),
    (row(S("sigma"), Fence(Fraction(x, z), grow=True)), r"\sigma\!\left( \frac{x}{z} \right)"),
    (Fence(x, "|", "|"), r"\lvert x\rvert"),
    (Fence(x, "norm", "norm", True), r"\left\lVert x \right\rVert"),
    (Fence(x, "{", "}"), r"\{x\}"),
    (Scripts(Fence(S("f"), "none", "|", True), row(x, O("="), N("0"))), r"\left. f \right\rvert_{x=0}"),
    (Root(row(x, O("+"), N("1"))), r"\sqrt{x + 1}"),
    (Accent(S("y"), "hat"), r"\hat{y}"),
    (Accent(row(x, z), "bar"), r"\overline{x z}"),
    (Matrix(((x, z), (a, j))), r"\begin{bmatrix} x & z \\ a & j \end{bmatrix}"),
    (Matrix(((x,), (Fraction(x, z),)), "|"), r"\begin{vmatrix} x \\[4pt] \frac{x}{z} \end{vmatrix}"),
    (Matrix(((x,), (Fence(z, "[", "]"),)), "("), r"\begin{pmatrix} x \\ {}[z] \end{pmatrix}"),
    (Matrix((tuple([x] * 11),), "("), r"\left( \begin{array}{ccccccccccc} " + " & ".join("x" * 11) + r" \end{array} \right)"),
    (
        Cases(((z, row(z, O("gt"), N("0"))), (N("0"), Text("otherwise")))),
        r"\begin{cases} z & z > 0 \\ 0 & \text{otherwise} \end{cases}",
    ),
    (Text("if "), r"\text{if }"),
    (Text("a_b & 5%"), r"\text{a\_b \& 5\%}"),
    (Space("quad"), r"\quad"),
    (row(x, Space("thin"), z, Space("quad"), a), r"x \, z \quad a"),
    (Marked(row(z, a)), r"\boxed{z a}"),
    (row(x, O("="), Marked(row(z, a))), r"x = \boxed{z a}"),
    (Brace(row(x, z), Text("error")), r"\underbrace{x z}_{\text{error}}"),
    (
        Aligned(((dC, row(O("="), x), Text("chain rule")), (EMPTY, row(O("="), z), None), (EMPTY, row(O("="), a), dC))),
        "\\begin{aligned}\n"
        r"\frac{\partial C}{\partial w^l_{jk}} &= x &&\text{(chain rule)} \\" + "\n"
        r"&= z \\" + "\n"
        r"&= a &&(\frac{\partial C}{\partial w^l_{jk}})" + "\n"
        "\\end{aligned}",
    ),
    (Aligned(((Fence(x, "[", "]"), row(O("minus_unary"), x), None),)), "\\begin{aligned}\n{}[x] &{-}x\n\\end{aligned}"),
]  # fmt: skip


@pytest.mark.parametrize(("node", "expected"), GOLDEN, ids=lambda value: value if isinstance(value, str) else "")
def test_latex_golden(node: Node, expected: str) -> None:
    assert latex(node) == expected


def test_golden_latex_covers_every_node() -> None:
    assert set(get_args(Node)) == {type(node) for node, _ in GOLDEN}


@pytest.mark.parametrize("stranger", [None, "x", object()])
def test_an_unknown_node_is_named(stranger: Any) -> None:
    with pytest.raises(TypeError, match=type(stranger).__name__):
        latex(stranger)
    with pytest.raises(TypeError, match=type(stranger).__name__):
        width(row(x, stranger))


@pytest.mark.parametrize(
    "make",
    [
        lambda: S("w", "itallic"),
        lambda: O("odott"),
        lambda: BigOperator("summ", None, None, x),
        lambda: Fence(x, "(("),
        lambda: Accent(x, "hatt"),
        lambda: Matrix(((x,),), "[["),
        lambda: Space("quadd"),
    ],
)
def test_a_misspelt_name_gets_a_hint(make: Any) -> None:
    with pytest.raises(ValueError, match="did you mean"):
        make()


def test_a_ragged_matrix_is_refused() -> None:
    with pytest.raises(ValueError, match="one length"):
        Matrix(((x,), (x, z)))


def test_inline_and_display() -> None:
    assert inline(a_lj) == r"\(a^l_j\)"
    assert display(a_lj, "BP_1") == "\\[\na^l_j \\tag{BP\\_1}\n\\]"


def test_escaped_text_holds_no_command() -> None:
    assert "input{" not in escape(HOSTILE)
    assert "\x00" not in escape(HOSTILE)


def test_break_line_keeps_every_item_and_its_limit() -> None:
    terms = [t for i in range(12) for t in (O("+" if i % 2 else "-"), a_lj, Fence(row(x, O("+"), z)))][1:]
    line = Row(tuple(terms))
    pieces = break_line(line, 14)
    assert len(pieces) > 1
    assert all(width(piece) <= 14 for piece in pieces)
    assert all(piece.items[0] in (O("+"), O("-")) for piece in pieces[1:])
    assert row(*pieces) == line


def test_break_line_leaves_what_cannot_be_broken() -> None:
    line = row(O("minus_unary"), x, a_lj)
    assert break_line(line, 0.1) == (line,)
    assert break_line(EMPTY, 1) == ()


def everything() -> list[str]:
    """Every golden node and every entry of every table, as LaTeX."""
    tables: list[Node] = [
        *(row(x, O(name), z) for name in SIGNS),
        *(S(name, style) for name in GLYPHS for style in STYLES),
        *(S("W", style) for style in STYLES),
        *(row(S(name, "upright"), x) for name in FUNCTIONS),
        *(BigOperator(name, j, n, x) for name in BIG),
        *(Fence(x, name, name, grow) for name in FENCES for grow in (True, False)),
        *(Matrix(((x, z), (dC, j)), name) for name in MATRIX_FENCES),
        *(Accent(base, kind) for kind in ACCENTS for base in (x, w_ljk)),
        *(row(x, Space(kind), z) for kind in SPACES),
        Text(HOSTILE),
        S(HOSTILE[:9], "upright"),
    ]
    return [latex(node) for node in (*tables, *(node for node, _ in GOLDEN))]


@needs("pdflatex")
def test_everything_compiles(tmp_path: Path) -> None:
    formulas = "\n\n".join(rf"\[ {formula} \]" for formula in everything())
    source = rf"""\documentclass{{article}}
\usepackage[T1]{{fontenc}}\usepackage{{amsmath,amssymb}}
\begin{{document}}
{formulas}
{display(dC, "BP4")}
\end{{document}}
"""
    (tmp_path / "all.tex").write_text(source, encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-no-shell-escape", "all.tex"]
    run = subprocess.run(command, check=False, cwd=tmp_path, capture_output=True, timeout=120)
    log = (tmp_path / "all.log").read_text(encoding="latin-1")
    complaints = re.findall(r"^.*(?:undefined|Missing character|Overfull).*$|^!.*\n.*\n.*$", log, re.MULTILINE)
    assert not complaints, "\n".join(complaints)
    assert run.returncode == 0
