"""What was typed, laid out again. The oracle is the text itself: what is written back reads as what was typed, and as nothing else."""

from __future__ import annotations

import re

import pytest

from symbackprop.checker.report.formulas import laid_out
from symbackprop.typeset import tree as t
from symbackprop.typeset.latex import latex
from symbackprop.typeset.mathml import mathml


def same(text: str) -> str:
    """LaTeX without what does not show: white space, and braces that TeX does not need."""
    return re.sub(r"\s+|\\left(?![a-z])|\\right(?![a-z])|\\!|\\,", "", text)


BACK = [
    r"\delta^{L}_{j} = \frac{\partial C}{\partial a^{L}_{j}} \sigma'(z^{L}_{j})",
    r"\delta^{l} = (w^{l+1 \, T} \delta^{l+1}) \odot \sigma'(z^{l})",
    r"\frac{\partial C}{\partial w^{l}_{jk}} = a^{l-1}_{k} \delta^{l}_{j}",
    r"C = -\frac{1}{m} \sum_{i=1}^{m} \sum_{k} y_{ik} \log p_{ik}",
    r"p_{j} = \frac{e^{z_{j}}}{\sum_{k} e^{z_{k}}}",
    r"\nabla_{a} C = a - y",
    r"dZ^{[l]} = dA^{[l]} \circ g'(Z^{[l]})",
    r"\hat{y} \equiv \boldsymbol{W} x",
    r"x \approx \sqrt{a + b} \cdot 0.5",
    r"\lVert a - y\rVert^{2}",
    r"\delta_{ij} := \mathbf{1}\{i = j\}",
    r"(a + b) / n \times c \otimes d",
]


@pytest.mark.parametrize("text", BACK)
def test_what_was_typed_is_written_back(text: str) -> None:
    back = latex(laid_out(text, "latex"))
    assert same(back).replace("{", "").replace("}", "") == same(text).replace("{", "").replace("}", "")


SHOWN = [
    (r"\begin{cases} z & z > 0 \\ 0 & \text{otherwise} \end{cases}", "mtable"),
    (r"\begin{pmatrix} a & b \\ c & d \end{pmatrix}", "mtable"),
    (r"f(x) = x, \quad \forall x \ne 0", "≠"),
    (r"\sum_{k \ne i} a_k", "≠"),
    (r"\frac{\partial^2 C}{\partial x \partial y} = 0", "<mn>2</mn>"),
    (r"a_1 + \cdots + a_n", "…"),
    (r"\frac{d}{dx} (x - u)^2", "<mfrac>"),
    (r"a^{[l-1]T}", "<msup>"),
    (r"\mathbf{W}^\top \mathbf{x}", "⊤"),
    (r"\left.\frac{\partial f}{\partial x}\right|_{x=0}", "<mfrac>"),
]


@pytest.mark.parametrize(("text", "holds"), SHOWN)
def test_every_construct_is_shown(text: str, holds: str) -> None:
    assert holds in mathml(laid_out(text, "latex"))


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("dW1 = (dZ1 @ X.T) / m", "<mtext>\N{NO-BREAK SPACE}@\N{NO-BREAK SPACE}</mtext>"),
        ("db = np.sum(dZ, axis=1, keepdims=True)", "<mi>keepdims</mi>"),
        ("d = a * (1 - a)", "∗"),
        ("C = 0.5 * np.sum((a - y)**2)", "<msup>"),
    ],
)
def test_python_lines_are_typeset_too(text: str, holds: str) -> None:
    assert holds in mathml(laid_out(text, "python"))


def test_brackets_stand_where_they_were_typed() -> None:
    assert latex(laid_out(r"\log p", "latex")) == r"\log p"
    assert latex(laid_out(r"\log(p)", "latex")) == r"\log(p)"
    assert latex(laid_out(r"\tanh[p]", "latex")) == r"\tanh[p]"


# ---------------------------------------------------------------- marks


def boxed(text: str, part: str, at: int = 0) -> list[str]:
    start = -1
    for _ in range(at + 1):
        start = text.index(part, start + 1)
    return re.findall(r"\\boxed\{((?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*)\}", latex(laid_out(text, "latex", start, start + len(part))))


@pytest.mark.parametrize(
    ("text", "part", "at", "shown"),
    [
        (r"d = W \delta^{l+1} \odot s", "W", 0, ["W"]),
        (r"d = W \delta^{l+1} \odot s", r"\delta^{l+1}", 0, [r"\delta^{l+1}"]),
        (r"d = W \delta^{l+1} \odot s", "l+1", 0, ["l+1"]),
        (r"d = W \delta^{l+1} \odot s", r"\odot", 0, [r"\odot"]),
        (r"d = a + a", "a", 1, ["a"]),
        (r"d = W \delta^{l+1} \odot s", r"W \delta^{l+1} \odot s", 0, [r"W \delta^{l+1} \odot s"]),
        (r"\frac{a}{b} = c", "b", 0, ["b"]),
        (r"d = \sigma'(z)", r"\sigma'(z)", 0, [r"\sigma'(z)"]),
        (r"d = a b c", "a b", 0, ["a b"]),
        (r"d = a b \sigma(z)", r"\sigma(z)", 0, [r"\sigma(z)"]),
    ],
)
def test_the_offending_part_is_marked_and_nothing_else(text: str, part: str, at: int, shown: list[str]) -> None:
    assert boxed(text, part, at) == shown


def test_without_a_part_nothing_is_marked() -> None:
    assert "boxed" not in latex(laid_out("a = b", "latex"))
    assert not any(isinstance(item, t.Marked) for item in t.row(laid_out("a = b", "latex")).items)


@pytest.mark.parametrize("text", [r"\frac{", "((((", r"\sqrt[3]{x}", r"\unknowncommand x"])
def test_what_cannot_be_shown_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        mathml(laid_out(text, "latex"))
