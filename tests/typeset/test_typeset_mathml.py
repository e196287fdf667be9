"""MathML from every node: golden strings, and well-formed XML made of the elements of MathML Core."""

from __future__ import annotations

from typing import Any, get_args
from xml.etree import ElementTree

import pytest

from symbackprop.glyphs import ACCENTS, BIG, FENCES, GLYPHS, MATRIX_FENCES, SIGNS, STYLES
from symbackprop.typeset.mathml import CSS, mathml
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
    row,
)

S, O, N = Symbol, Operator, Number  # noqa: E741 - short names for what stands on every line
a, j, l, x = (S(letter) for letter in "ajlx")  # noqa: E741 - letters of the mathematics
HOSTILE = "<script>&\x00\"'</script>"
# what MathML Core knows, and we use
CORE = "math mi mn mo mtext mspace mrow mfrac msqrt msub msup msubsup munder mover munderover mtable mtr mtd".split()  # noqa: SIM905

PRIME = '<mo lspace="0em" rspace="0em">′</mo>'
PRIME2 = PRIME.replace("′", "″")

GOLDEN: list[tuple[Node, str]] = [
    (S("w"), "<mi>w</mi>"),
    (S("delta"), "<mi>δ</mi>"),
    (S("nabla"), '<mi mathvariant="normal">∇</mi>'),
    (S("T", "upright"), '<mi mathvariant="normal">T</mi>'),
    (S("loss"), "<mi>𝑙𝑜𝑠𝑠</mi>"),
    (S("hash"), "<mi>ℎ𝑎𝑠ℎ</mi>"),
    (S("w", "bold"), "<mi>𝒘</mi>"),
    (S("delta", "bold"), "<mi>𝜹</mi>"),
    (S("partial", "bold"), "<mi>𝝏</mi>"),
    (S("phi", "bold"), "<mi>𝝓</mi>"),
    (S("varphi", "bold"), "<mi>𝝋</mi>"),
    (S("epsilon", "bold"), "<mi>𝝐</mi>"),
    (S("varepsilon", "bold"), "<mi>𝜺</mi>"),
    (S("1", "bold_upright"), "<mi>𝟏</mi>"),
    (S("Delta", "bold_upright"), "<mi>𝚫</mi>"),
    (S("L", "calligraphic"), "<mi>ℒ</mi>"),
    (S("J", "calligraphic"), "<mi>𝒥</mi>"),
    (S("R", "blackboard"), "<mi>ℝ</mi>"),
    (N("0.5"), "<mn>0.5</mn>"),
    (O("lt"), "<mo>&lt;</mo>"),
    (O("minus_unary"), '<mo form="prefix">−</mo>'),
    (EMPTY, "<mrow></mrow>"),
    (Row((a, O("="), x)), "<mrow><mi>a</mi><mo>=</mo><mi>x</mi></mrow>"),
    (row(S("log", "upright"), x), '<mrow><mi>log</mi><mo>\u2061</mo><mspace width="0.167em"></mspace><mi>x</mi></mrow>'),
    (row(x, S("log", "upright")), '<mrow><mi>x</mi><mspace width="0.167em"></mspace><mi>log</mi></mrow>'),
    (
        row(S("diag", "upright"), Fence(x)),
        (
        '<mrow><mi>diag</mi><mo>\u2061</mo><mrow><mo form="prefix" fence="true" stretchy="false">(</mo><mi>x</mi>'
        '<mo form="postfix" fence="true" stretchy="false">)</mo></mrow></mrow>'
        ),
    ),
    (Fraction(a, x), "<mfrac><mi>a</mi><mi>x</mi></mfrac>"),
    (Scripts(a), "<mi>a</mi>"),
    (Scripts(a, j), "<msub><mi>a</mi><mi>j</mi></msub>"),
    (
        Scripts(a, j, row(l, O("-"), N("1"))),
        '<msubsup><mi>a</mi><mi>j</mi><mrow><mi>l</mi><mo form="infix" lspace="0em" rspace="0em">−</mo><mn>1</mn></mrow></msubsup>',
    ),
    (Scripts(Scripts(a, None, l), None, N("2")), "<msup><msup><mi>a</mi><mi>l</mi></msup><mn>2</mn></msup>"),
    (Prime(S("sigma")), f"<mrow><mi>σ</mi>{PRIME}</mrow>"),
    (Scripts(Prime(S("f"), 2), j), f"<msub><mrow><mi>f</mi>{PRIME2}</mrow><mi>j</mi></msub>"),
    (Scripts(Prime(S("f")), j, l), f"<msubsup><mrow><mi>f</mi>{PRIME}</mrow><mi>j</mi><mi>l</mi></msubsup>"),
    (Prime(Scripts(a, j, l)), f"<mrow><msubsup><mi>a</mi><mi>j</mi><mi>l</mi></msubsup>{PRIME}</mrow>"),
    (
        BigOperator("sum", j, l, x),
        '<mrow><munderover><mo movablelimits="false">∑</mo><mi>j</mi><mi>l</mi></munderover><mi>x</mi></mrow>',
    ),
    (BigOperator("sum", None, None, x), '<mrow><mo movablelimits="false">∑</mo><mi>x</mi></mrow>'),
    (Fence(x, "none", "none"), "<mrow><mi>x</mi></mrow>"),
    (Root(x), "<msqrt><mi>x</mi></msqrt>"),
    (Accent(x, "hat"), '<mover accent="true"><mi>x</mi><mo stretchy="false">ˆ</mo></mover>'),
    (Accent(row(a, x), "bar"), '<mrow class="sb-overline"><mrow><mi>a</mi><mi>x</mi></mrow></mrow>'),
    (Accent(row(a, x), "hat"), '<mover accent="true"><mrow><mi>a</mi><mi>x</mi></mrow><mo>\u0302</mo></mover>'),
    (
        Matrix(((a, x),), "none"),
        '<mrow><mtable class="sb-matrix"><mtr><mtd><mi>a</mi></mtd><mtd><mi>x</mi></mtd></mtr></mtable></mrow>',
    ),
    (
        Cases(((x, Text("otherwise")),)),
        (
        '<mrow><mo form="prefix" fence="true" stretchy="true">{</mo><mtable class="sb-cases"><mtr><mtd><mi>x</mi></mtd>'
        "<mtd><mtext>otherwise</mtext></mtd></mtr></mtable></mrow>"
        ),
    ),
    (Text("if <x> "), "<mtext>if &lt;x&gt;\u00a0</mtext>"),
    (Space("quad"), '<mspace width="1.0em"></mspace>'),
    (Marked(x), '<mrow class="sb-marked"><mi>x</mi></mrow>'),
    (Brace(x, j), '<munder><munder><mi>x</mi><mo stretchy="true">⏟</mo></munder><mi>j</mi></munder>'),
    (
        Aligned(((a, row(O("="), x), None), (EMPTY, row(O("="), j), Text("why")))),
        (
        '<mtable class="sb-aligned" displaystyle="true">'
        '<mtr><mtd class="sb-left"><mi>a</mi></mtd><mtd><mrow><mo>=</mo><mi>x</mi></mrow></mtd></mtr>'
        '<mtr><mtd class="sb-left"><mrow></mrow></mtd><mtd><mrow><mo>=</mo><mi>j</mi></mrow></mtd>'
        '<mtd class="sb-note"><mrow><mo form="prefix" fence="true" stretchy="false">(</mo><mtext>why</mtext>'
        '<mo form="postfix" fence="true" stretchy="false">)</mo></mrow></mtd></mtr></mtable>'
        ),
    ),
]  # fmt: skip

TABLES: list[Node] = [
    *(row(x, O(name), j) for name in SIGNS),
    *(S(name, style) for name in GLYPHS for style in STYLES),
    *(S(HOSTILE, style) for style in STYLES),
    *(BigOperator(name, below, above, x) for name in BIG for below in (j, None) for above in (l, None)),
    *(Fence(x, name, name, grow) for name in FENCES for grow in (True, False)),
    *(Matrix(((a, x), (x, Fraction(a, x))), name) for name in MATRIX_FENCES),
    *(Accent(base, kind) for kind in ACCENTS for base in (x, row(a, x))),
    Text(HOSTILE),
    Text(""),
    Text(" "),
    N(HOSTILE),
]


@pytest.mark.parametrize(("node", "expected"), GOLDEN, ids=lambda value: value if isinstance(value, str) else "")
def test_mathml_golden(node: Node, expected: str) -> None:
    assert mathml(node) == f'<math display="block">{expected}</math>'


def test_golden_mathml_covers_every_node() -> None:
    assert set(get_args(Node)) == {type(node) for node, _ in GOLDEN}


@pytest.mark.parametrize("display", ["block", "inline"])
def test_all_mathml_is_well_formed_and_core(display: Any) -> None:
    arity = {"mfrac": 2, "msub": 2, "msup": 2, "munder": 2, "mover": 2, "msubsup": 3, "munderover": 3}
    for node in (*TABLES, *(node for node, _ in GOLDEN)):
        text = mathml(node, display)
        for element in ElementTree.fromstring(text).iter():
            assert element.tag in CORE, text
            assert len(element) == arity.get(element.tag, len(element)), text


def test_limits_stand_beside_the_sign_in_running_text() -> None:
    assert "movablelimits" not in mathml(BigOperator("sum", j, None, x), "inline")
    assert 'movablelimits="false"' in mathml(Aligned(((x, BigOperator("sum", j, None, x), None),)), "inline")


def test_the_style_sheet_knows_every_class() -> None:
    for name in ("sb-aligned", "sb-left", "sb-note", "sb-cases", "sb-matrix", "sb-overline", "sb-vec", "sb-marked"):
        assert f".{name}" in CSS


@pytest.mark.parametrize("stranger", [None, "x", object()])
def test_mathml_names_an_unknown_node(stranger: Any) -> None:
    with pytest.raises(TypeError, match=type(stranger).__name__):
        mathml(stranger)


def test_an_unknown_display_is_refused() -> None:
    display: Any = "blok"
    with pytest.raises(ValueError, match="blok"):
        mathml(x, display)
