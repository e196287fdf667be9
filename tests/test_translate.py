"""One derivation in two notations: what is said to differ does, what is not said does not.

The oracles are the books: what differs between two of them is typed here by hand, and the formulas of each are those that
`test_documents` and `test_notation` compare with the printed page.
"""

from __future__ import annotations

import re
import subprocess
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser
from itertools import permutations
from pathlib import Path

import pytest
from click.testing import CliRunner
from programs import needs

import symbackprop as sb
from symbackprop.cli.commands import command
from symbackprop.errors import InputError, SpecError, UnknownName
from symbackprop.languages import Message, load_language
from symbackprop.notation import load_notation, notation_names, with_cost_of
from symbackprop.translate import Translation, side_by_side
from symbackprop.translate.differences import differences
from symbackprop.translate.sides import side_of
from symbackprop.typeset.latex import latex
from symbackprop.typeset.tree import Node

NETWORKS = {
    "deep": sb.deep(),
    "batch": sb.mlp([2, 3, 1], samples="m"),
    "one": sb.mlp([2, 3, 1]),
}


@cache
def translated(network: str, first: str, second: str) -> Translation:
    return side_by_side(NETWORKS[network], first, second)


def printed(side: Node | Message) -> str:
    return side if isinstance(side, Message) else latex(side)


def kinds(t: Translation) -> dict[str, list[tuple[str, str, str]]]:
    found: dict[str, list[tuple[str, str, str]]] = {}
    for d in t.differences:
        found.setdefault(d.kind, []).append((d.what, printed(d.first), printed(d.second)))
    return found


@pytest.mark.parametrize("name", notation_names())
@pytest.mark.parametrize("network", NETWORKS)
def test_a_notation_does_not_differ_from_itself(network: str, name: str) -> None:
    assert translated(network, name, name).differences == ()


@pytest.mark.parametrize(("first", "second"), [(a, b) for a, b in permutations(notation_names(), 2) if "nielsen" in (a, b)])
def test_turned_round_the_same_differs(first: str, second: str) -> None:
    there, back = translated("deep", first, second), translated("deep", second, first)
    found = [{(d.kind, printed(d.first), printed(d.second)) for d in t.differences} for t in (there, back)]
    assert found[0] == {(kind, b, a) for kind, a, b in found[1]}
    assert found[0]


def test_nielsen_and_ufldl_differ_in_letters_and_layers() -> None:
    """UFLDL: W^(l) leads from l to l + 1, the last layer is n_l, in both the input is layer 1, the sign is a bullet, J the cost, f the activation."""
    found = kinds(translated("deep", "nielsen", "ufldl"))
    assert {(a, b) for _, a, b in found["layers"]} == {("z^l", "z^{(l)}"), ("l", "l + 1"), ("L", "n_l")}
    assert [(a, b) for _, a, b in found["sign"]] == [(r"\odot", r"\bullet")]
    assert {("C", "J"), (r"\sigma", "f")} <= {(a, b) for _, a, b in found["letter"]}
    assert [(a, b) for _, a, b in found["indices"]] == [("i", "p")]  # i is the example in UFLDL
    assert [what for what, _, _ in found["order"]] == ["the order of factors in BP2"]  # f' stands behind the sum in Nielsen's index form
    assert {(a, b) for what, a, b in found["gradient"] if what.endswith("weights")} == {(r"\frac{\partial C}{\partial w^l}", r"\nabla_{W^{(l)}} J")}
    assert not {"layout", "factor", "transposes"} & set(found)


def test_columns_and_rows_differ_in_layout_transposes_and_the_mean() -> None:
    """Ng keeps the 1/m out of dZ and puts it into dW and db; with X W + b and the derivative of the mean it is the other way round."""
    found = kinds(translated("batch", "ng", "rows"))
    assert ("an example in a batch", "a column", "a row") in found["layout"]
    assert next((a, b) for _, a, b in found["indices"]) == ("w_{jk}, j, k", "w_{kj}, j, k")
    places = {what.rpartition(" ")[2]: (r"\frac{1}{m}" in a, r"\frac{1}{m}" in b) for what, a, b in found["factor"] if "BP" in what}
    assert places == {"BP1": (False, True), **{f"BP{k}-{layer}": (True, False) for k in (3, 4) for layer in (1, 2)}}
    forms = {what.rpartition(" ")[2]: (a, b) for what, a, b in found["order"] if "BP" in what}
    assert forms["BP4-1"] == (r"d W^{[1]} = \frac{1}{m} d Z^{[1]} \, X^T", r"\frac{\partial J}{\partial W^{(1)}} = X^{\top} \Delta^{(1)}")
    gradients = {what.rpartition(" ")[2]: (a, b) for what, a, b in found["gradient"]}
    assert gradients["pre-activations"] == (
        r"d Z^{[1]} = m \frac{\partial J}{\partial Z^{[1]}}", r"\Delta^{(1)} = \frac{\partial J}{\partial Z^{(1)}}",
    )  # fmt: skip


def test_the_row_of_a_jacobian_is_said() -> None:
    """CS224n: delta is one row, and dJ/dW is delta^T x^T."""
    found = kinds(translated("one", "nielsen", "cs224n"))
    assert ("a vector of biases", "a column whose gradient is a column", "a column whose gradient is a row") in found["layout"]
    forms = {what.rpartition(" ")[2]: b for what, a, b in found["transposes"]}
    assert forms["BP4-1"].endswith(r"= (\boldsymbol{\delta}^{(1)})^T \boldsymbol{x}^T")


def test_the_cost_is_that_of_the_notation() -> None:
    """3Blue1Brown has C_0 = (a - y)^2 without a half; Bishop sums the errors of the patterns where others take the mean."""
    half = kinds(translated("one", "nielsen", "three_blue_one_brown"))["cost"]
    assert len(half) == 1
    assert (r"\frac{1}{2}" in half[0][1], r"\frac{1}{2}" in half[0][2]) == (True, False)
    mean = kinds(translated("batch", "nielsen", "bishop"))["cost"]
    assert [(r"\frac{1}{m}" in a, r"\frac{1}{N}" in b) for _, a, b in mean] == [(True, False)]
    assert r"\frac{1}{N}" not in "".join(latex(r.second) for r in translated("batch", "nielsen", "bishop").rows if r.second is not None)


STYLES: dict[str, tuple[object, str, str]] = {
    "transpose_style": ("outside", "W^{[l]T}", "(W^{[l]})^T"),
    "sum_limits": ("index", r"\sum_{j=1}^n a_j", r"\sum_j a_j"),
    "division": ("oslash", r"\frac{y}{a}", r"y \oslash a"),
    "exponential": ("function", "e^{z_j}", r"\exp(z_j)"),
    "function_powers": ("name", r"{\tanh(z_j)}^2", r"\tanh^2(z_j)"),
    "explicit_broadcast": (True, "b", r"b \, \mathbf{1}^T"),
}


@pytest.mark.parametrize("setting", STYLES)
def test_a_style_is_shown_on_an_example(setting: str) -> None:
    """What each setting prints, by hand; the words of the setting itself are nothing that a reader knows."""
    value, *printed = STYLES[setting]
    ng = load_notation("ng")
    first, second = (side_of(NETWORKS["one"], style) for style in (ng, replace(ng, **{setting: value})))  # type: ignore[arg-type]
    shown = [(latex(d.first), latex(d.second)) for d in differences(first, second) if d.kind == "style"]
    assert shown == [tuple(printed)]


def test_a_cost_that_somebody_typed_stays() -> None:
    net = sb.Network.from_equations(["C = (y - w)**2"], tensors={"y": (), "w": ()}, parameters=["w"], targets=["y"])
    assert with_cost_of(net, load_notation("bishop")) is net
    assert side_by_side(net, "nielsen", "three_blue_one_brown").rows


def test_both_sides_are_proved_and_hold_the_same_derivations() -> None:
    t = translated("batch", "ng", "d2l")
    assert list(t.first.derivations) == list(t.second.derivations)
    assert all(p.holds for side in (t.first, t.second) for c in side.chains for p in c.proofs)


def test_names_that_do_not_exist_are_answered_with_the_near_miss(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="did you mean 'nielsen'"):
        side_by_side(sb.deep(), "nielson", "ng")
    with pytest.raises(InputError, match=r"unknown ending '\.txt'.*Known: \.html, \.tex"):
        translated("deep", "nielsen", "ng").save(tmp_path / "t.txt")
    constant = sb.Network.from_equations(["C = y**2"], tensors={"y": ()}, targets=["y"])
    with pytest.raises(SpecError, match="depends on no parameter"):
        side_by_side(constant, "nielsen", "ng")


class _Cells(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.columns: list[int] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("meta", "br"):
            self.open.append(tag)
        if tag == "tr":
            self.columns.append(0)
        if tag in ("td", "th"):
            self.columns[-1] += int(dict(attrs).get("colspan") or 1)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_has_two_columns(tmp_path: Path) -> None:
    t = translated("deep", "ng", "rows")
    reader = _Cells()
    reader.feed(t.save(tmp_path / "t.html").read_text(encoding="utf-8"))
    assert reader.open == []
    assert set(reader.columns) == {2, 3}
    assert t._repr_html_().count("<math") >= 2 * len([r for r in t.rows if r.first and r.second])


@needs("pdflatex")
@pytest.mark.parametrize(("network", "first", "second"), [("batch", "ng", "d2l"), ("deep", "ufldl", "cs224n")])
def test_the_document_compiles_without_a_warning(network: str, first: str, second: str, tmp_path: Path) -> None:
    translated(network, first, second).save(tmp_path / "t.tex")
    for _ in range(3):  # a long table is measured, then set
        subprocess.run(["pdflatex", "-interaction=batchmode", "-halt-on-error", "t.tex"], cwd=tmp_path, check=True, capture_output=True)
    log = (tmp_path / "t.log").read_text(encoding="latin-1")
    assert not re.search(r"^!|Warning|Overfull|Missing character|undefined", log, re.M), re.findall(r".*(?:Warning|Overfull|Missing).*", log)


def test_the_command(tmp_path: Path) -> None:
    out = tmp_path / "t.html"
    result = CliRunner().invoke(command, ["translate", "--from", "nielsen", "--to", "ufldl", "-o", str(out)], catch_exceptions=False)
    assert result.exit_code == 0
    assert "the product entry by entry: \\odot | \\bullet" in result.output
    assert out.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


def test_notes_in_another_notation() -> None:
    notes = sb.derive(sb.mlp([2, 1]), "nielsen")
    again = notes.in_notation("ng")
    assert str(again["BP1"].lhs) == "dz(1)[1]"
    assert again.sections[0].notation.name == "ng"
    assert all(p.holds for p in again.proofs)
    with pytest.raises(UnknownName, match="did you mean 'nielsen'"):
        notes.in_notation("nielson")
    with pytest.raises(SpecError, match="several networks"):
        replace(notes, net=None).in_notation("ng")


def test_notes_in_another_notation_have_its_cost() -> None:
    """Nielsen halves the squares, Goodfellow, Bengio and Courville do not; back again the half is back."""
    notes = sb.derive(sb.mlp([2, 1], activation="identity"), "nielsen")
    there = notes.in_notation("goodfellow")
    found = [str(n["dC-da-1"].result.rhs) for n in (notes, there, there.in_notation("nielsen"))]
    assert found == ["a(1)[1] - y[1]", "2*(a(1)[1] - y[1])", "a(1)[1] - y[1]"]


@pytest.mark.parametrize("code", ["vi", "zh_Hans", "zh_Hant"])
@pytest.mark.parametrize(("network", "first", "second"), [("batch", "ng", "d2l"), ("deep", "ufldl", "mazur"), ("batch", "nielsen", "goodfellow")])
def test_no_english_is_left(code: str, network: str, first: str, second: str, tmp_path: Path) -> None:
    """The oracle is the English page: no sentence of it stands in the other, and the formulas are the same."""
    english = translated(network, first, second)
    language = load_language(code)
    other = replace(english, first=replace(english.first, language=language), second=replace(english.second, language=language))
    page = other.html()
    assert f'<html lang="{language.tag}">' in page
    for d in english.differences:
        for text in (d.what, *(side for side in (d.first, d.second) if isinstance(side, Message))):
            assert isinstance(text, Message)
            assert language.say(text) != text
            assert f">{text}<" not in page
            assert f">{language.say(text)}<" in page
    assert "Where they differ" not in page
    assert [d.said(language).split(": ", 1)[1] for d in other.differences if not isinstance(d.first, Message)] == [
        str(d).split(": ", 1)[1] for d in english.differences if not isinstance(d.first, Message)
    ]


@needs("xelatex")
@pytest.mark.parametrize("code", ["vi", "zh_Hans", "zh_Hant"])
def test_the_document_compiles_in_every_language(code: str, tmp_path: Path) -> None:
    side_by_side(sb.mlp([2, 2], samples="m"), "ng", "d2l", code).save(tmp_path / "t.tex")
    assert (tmp_path / "t.tex").read_text(encoding="utf-8").startswith("% !TEX program = xelatex")
    subprocess.run(["xelatex", "-interaction=batchmode", "-halt-on-error", "t.tex"], cwd=tmp_path, check=True, capture_output=True)
    assert "Missing character" not in (tmp_path / "t.log").read_text(encoding="utf-8", errors="replace")


def test_a_language_that_is_not_there_is_refused() -> None:
    with pytest.raises(UnknownName, match="unknown language 'zh_Han'; did you mean"):
        side_by_side(sb.mlp([2, 1]), "ng", "d2l", "zh_Han")
    result = CliRunner().invoke(command, ["translate", "--to", "ng", "--lang", "vi"], catch_exceptions=False)
    assert "tích từng phần tử" in result.output or "tầng" in result.output
