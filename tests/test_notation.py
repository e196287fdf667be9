"""Every shipped notation loads; what is misspelt is answered with the near miss."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import pytest
from sympy import Integer

import symbackprop as sb
from symbackprop.backprop import Named
from symbackprop.checker.of_network import problem_of
from symbackprop.documents.about_network import backward_chains
from symbackprop.equations import Grad, Tensor, index
from symbackprop.errors import InputError, SpecError, UnknownName
from symbackprop.lift import lift
from symbackprop.notation import CHOICES, Notation, load_notation, notation_names, with_cost_of
from symbackprop.translate import side_by_side
from symbackprop.translate.differences import differences
from symbackprop.translate.sides import Side, side_of
from symbackprop.typeset.build import Builder
from symbackprop.typeset.build_names import glyph
from symbackprop.typeset.latex import latex


def write(folder: Path, text: str, name: str = "mine.toml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("name", notation_names())
def test_every_shipped_notation_loads(name: str) -> None:
    notation = load_notation(name)
    assert notation.name == name
    assert notation.title
    assert notation.source
    for batched in (False, True):
        assert notation.layout(batched).axes(Tensor("w", (3, 2)))
        assert set(notation.named(batched)) == set(notation.gradients)


def test_the_six_notations_are_there() -> None:
    assert {"nielsen", "ng", "three_blue_one_brown", "rows", "wt", "saito"} <= set(notation_names())


def test_every_choice_is_a_setting() -> None:
    assert set(CHOICES) <= {f.name for f in fields(Notation)}
    plain = Notation("plain")
    assert all(getattr(plain, key) in choices for key, choices in CHOICES.items())


def test_an_unknown_name_is_answered_with_the_near_miss() -> None:
    with pytest.raises(UnknownName, match="unknown notation 'nielson'; did you mean 'nielsen'"):
        load_notation("nielson")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('layer_stile = "plain"', "unknown key 'layer_stile'; did you mean 'layer_style'"),
        ('layer_style = "bracket"', "did you mean 'brackets'"),
        ('name = "mine"', "unknown key 'name'"),
        ('extends = "nielson"', "did you mean 'nielsen'"),
        ('[gradients]\nz = {simbol = "dz"}', "gradients.z must look like"),
        ('[gradients]\nz = {symbol = "dz", faktor = "m"}', "did you mean 'factor'"),
        ('[gradients]\nz = {symbol = "d z"}', "must look like"),
        ('[gradients]\nz = {symbol = "dz", factor = "n"}', "unknown factor 'n'"),
        ('explicit_broadcast = "yes"', "'explicit_broadcast' is a true or false"),
        ("bold = true", "'bold' is a text"),
        ("[symbols]\nz = 3", "symbols.z is a letter"),
        ('symbols = "z"', "'symbols' is a table"),
        ('[indices]\ns = "i"', "permutation"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        load_notation(write(tmp_path, text))


def test_a_file_extends_a_notation(tmp_path: Path) -> None:
    mine = load_notation(write(tmp_path, 'extends = "ng"\ntitle = "Mine"\n[symbols]\nJ = "E"\n[functions]\nsigma = "f"'))
    assert (mine.name, mine.title, mine.layer_style) == ("mine", "Mine", "brackets")
    assert mine.symbols == {**load_notation("ng").symbols, "J": "E"}
    assert mine.functions["sigma"] == "f"


def test_an_empty_table_clears_and_files_extend_files(tmp_path: Path) -> None:
    write(tmp_path, 'extends = "nielsen"\nlayer_style = "brackets"', "base.toml")
    mine = load_notation(str(write(tmp_path, 'extends = "base.toml"\n[gradients]\n')))
    assert mine.layer_style == "brackets"
    assert mine.gradients == {}


def test_notations_in_a_circle_are_refused(tmp_path: Path) -> None:
    write(tmp_path, 'extends = "b.toml"', "a.toml")
    with pytest.raises(SpecError, match="circle"):
        load_notation(write(tmp_path, 'extends = "a.toml"', "b.toml"))


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot read"):
        load_notation(tmp_path / "absent.toml")
    with pytest.raises(InputError, match="not a TOML file"):
        load_notation(write(tmp_path, "= 1"))


def test_gradients_have_the_number_of_samples_as_factor() -> None:
    ng = load_notation("ng")
    assert ng.named(batched=False)["z"] == Named("dz", 1)
    assert ng.named(batched=True)["z"] == Named("dz", index("m"))
    assert ng.named(batched=True, samples=4)["z"] == Named("dz", 4)
    assert ng.named(batched=True)["w"] == Named("dw", 1)


@pytest.mark.parametrize("name", notation_names())
def test_a_gradient_by_its_letter_lies_like_what_it_is_taken_of(name: str) -> None:
    notation = load_notation(name)
    for batched in (False, True):
        stored = notation.layout(batched)
        for of, shape in {"w": (3, 2), "z": (3, 5), "b": (3,), "L": (5,)}.items():
            tensor = Tensor(of, shape)
            letters = notation.with_gradients((of,))
            across = tensor.rank == 1 and notation.jacobian == "numerator"  # a Jacobian of one row
            gradients = {stored.axes(Tensor(n, shape)) for n in letters - {of}} | {stored.axes(Grad(Tensor("C"), tensor))}
            assert gradients == {stored.axes(tensor)[::-1] if across else stored.axes(tensor)}


# ---------------------------------------------------------------- settings that contradict each other, and letters that are none


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[symbols]\na = "h"\nz = "h"', r"the pre-activations \(z\) and the activations \(a\) have one letter, 'h'"),
        ('[matrix]\nw = "A"\na = "A"', r"the weights \(w\) and the activations \(a\) have one letter, 'A'"),
        ('[symbols]\nd = "z"\n[gradients]\nz = {symbol = "d"}', r"the pre-activations \(z\) and the gradients of the pre-activations \(d\)"),
        ('[symbols]\nout = "y"\n[output]\na = "out"', r"the target \(y\) and the activations \(a\) in the last layer have one letter"),
        ('[scalars]\nm = "n"', "the number of examples"),
        ("[symbols]\nz = '{\\bf z'", r"the braces of '\{\\bf z' do not match"),
        ("[symbols]\nz = '\\matbf{z}'", "unknown command 'matbf'; did you mean 'mathbf'"),
        ('[symbols]\nz = "detla"', "'detla' is no letter; did you mean 'delta'"),
        ('[symbols]\nz = "hta:z"', "unknown style or mark 'hta'; did you mean 'hat'"),
        ('[symbols]\nz = "bold:upright:z"', "two styles at once"),
        ('weight_layer = "from"', "need an input layer with the number 1"),
        ("input_layer = 2", "unknown choice for input_layer '2'"),
        ("input_layer = true", "'input_layer' is a number"),
        ('jacobian = "numerater"', "did you mean 'numerator'"),
        ('hadamard = "bulet"', "did you mean 'bullet'"),
        ('factor_order = ["slop"]', "did you mean 'slope'"),
        ('factor_order = ["a", "a"]', "names a factor twice"),
        ('size_style = "layer"\nlayer_style = "subscript"', "leave size_style out"),
        ('batch_cost = "sum"\nregulariser = "lambda/2m"', 'take "lambda/2" instead'),
        ('weights = "from_to"', "give both the same value"),
        ('transpose_style = "merged"', "reads as a product"),
        ('sample_style = "superscript"', "reads as a function of s"),
        ('sample_style = "first"', 'take sample_style = "subscript" or "superscript"'),
        ('regulariser = "lambda/2n"', "did you mean 'lambda/2'"),
        ('batch_cost = "sum"\n[gradients]\nz = {symbol = "dz", factor = "m"}', "leave one of them out"),
        ('[losses]\nquadratc = "quadratic"', "did you mean 'quadratic'"),
        ('[losses]\nquadratic = "squared"', "unknown loss 'squared'"),
        ('[output]\na = "hat:y"', "is the name of a quantity"),
    ],
)
def test_contradictions_are_explained(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        load_notation(write(tmp_path, text))


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("hat:y", r"\hat{y}"),
        (r"\hat{y}", r"\hat{y}"),
        (r"\mathcal{L}", r"\mathcal{L}"),
        (r"\bar{z}", r"\bar{z}"),
        (r"E_{\mathrm{total}}", r"E_{\mathrm{total}}"),
        ("upright:net", r"\mathrm{net}"),
        ("bold:hat:y", r"\hat{\boldsymbol{y}}"),
        ("d z", "d z"),
    ],
)
def test_letters_under_marks_and_in_tex(text: str, printed: str) -> None:
    assert latex(glyph(text)) == printed


def test_gradients_under_a_bar(tmp_path: Path) -> None:
    path = write(tmp_path, 'extends = "nielsen"\nfactor_order = []\n[symbols]\nzbar = "bar:z"\n[gradients]\nz = {symbol = "zbar"}')
    mine = load_notation(path)
    printed = {c.derivation.name: latex(Builder(mine).build(c.derivation.matrix)) for c in backward_chains(sb.deep(), mine) if c.derivation.matrix}
    assert printed["BP3"] == r"\frac{\partial C}{\partial b^l} = \bar{z}^l"


@pytest.mark.parametrize(
    ("jacobian", "gradient", "of_vector"),
    [("shape", (0, None), (0, 1)), ("numerator", (None, 0), (0, 1)), ("denominator", (0, None), (1, 0))],
)
def test_the_three_ways_to_lay_out_a_derivative(jacobian: str, gradient: tuple[int | None, ...], of_vector: tuple[int, int]) -> None:
    """As the article on matrix calculus in Wikipedia has them: numerator layout makes the gradient of a number a row."""
    stored = replace(load_notation("nielsen"), jacobian=jacobian).layout(False)
    x, p = Tensor("x", (3,)), Tensor("p", (2,))
    assert stored.axes(Grad(Tensor("C"), x)) == gradient
    assert stored.axes(Grad(p, x)) == of_vector


# ---------------------------------------------------------------- the books


BOOKS = {
    "ufldl": {
        "forward": "z^{(l+1)} = W^{(l)} a^{(l)} + b^{(l)}",
        "BP2": r"\delta^{(l)} = ((W^{(l)})^T \delta^{(l+1)}) \bullet f'(z^{(l)})",
        "BP3": r"\nabla_{b^{(l)}} J = \delta^{(l+1)}",
        "BP4": r"\nabla_{W^{(l)}} J = \delta^{(l+1)} (a^{(l)})^T",
    },
    "goodfellow": {
        "BP2": r"\boldsymbol{g}^{(k)} = (\boldsymbol{W}^{(k+1)\top} \boldsymbol{g}^{(k+1)}) \odot f'(\boldsymbol{a}^{(k)})",
        "BP3": r"\nabla_{\boldsymbol{b}^{(k)}} J = \boldsymbol{g}^{(k)}",
        "BP4": r"\nabla_{\boldsymbol{W}^{(k)}} J = \boldsymbol{g}^{(k)} \boldsymbol{h}^{(k-1)\top}",
    },
    "bishop": {
        "index BP2": r"\delta^{(l)}_j = h'(a^{(l)}_j) \sum_{k=1}^{M_{l+1}} w^{(l+1)}_{kj} \delta^{(l+1)}_k",
        "index BP4": r"\frac{\partial E_n}{\partial w^{(l)}_{ji}} = \delta^{(l)}_j z^{(l-1)}_i",
    },
    "mazur": {"index BP4": r"\frac{\partial E_{\mathrm{total}}}{\partial w_{l,jk}} = \delta_{l,j} \, \mathrm{out}_{l-1,k}"},
    "cs224n": {
        "forward": r"\boldsymbol{z}^{(l)} = \boldsymbol{W}^{(l)} \boldsymbol{h}^{(l-1)} + \boldsymbol{b}^{(l)}",
        "BP4": r"\frac{\partial J}{\partial \boldsymbol{W}^{(l)}} = (\boldsymbol{\delta}^{(l)})^T (\boldsymbol{h}^{(l-1)})^T",
    },
    "d2l": {
        "forward": r"\mathbf{z}^{(l)} = \mathbf{h}^{(l-1)} \mathbf{W}^{(l)} + \mathbf{b}^{(l)}",
        "BP4": r"\frac{\partial J}{\partial \mathbf{W}^{(l)}} = (\mathbf{h}^{(l-1)})^{\top} \frac{\partial J}{\partial \mathbf{z}^{(l)}}",
    },
    "nielsen": {"index BP4": r"\frac{\partial C}{\partial w^l_{jk}} = a^{l-1}_k \delta^l_j"},
}


@pytest.mark.parametrize("name", BOOKS)
def test_the_equations_read_as_in_the_books(name: str) -> None:
    """Typed from the books, but for the layers that Bishop, Mazur and CS224n leave to words."""
    style, net = load_notation(name), sb.deep()
    b = Builder(style, last=net.last_layer)
    derived = [c.derivation for c in backward_chains(net, style)]
    printed = {d.name: latex(b.build(d.matrix)) for d in derived if d.matrix is not None}
    printed |= {f"index {d.name}": latex(b.build(d.result)) for d in derived}
    printed["forward"] = latex(b.build(lift(net.equations[0], style.layout(False))))
    assert {key: printed[key] for key in BOOKS[name]} == BOOKS[name]


def test_mazur_calls_layers_by_letters() -> None:
    b = Builder(load_notation("mazur"))
    z, j = Tensor("z", (2,), 1), index("j")
    assert latex(b.build(z[j])) == r"\mathrm{net}_{hj}"


@pytest.mark.parametrize(("last", "printed"), [(1, r"\mathrm{net}_{1,j}"), (2, r"\mathrm{net}_{hj}"), (4, r"\mathrm{net}_{1,j}")])
def test_letters_stand_for_layers_only_where_each_layer_has_one(last: int, printed: str) -> None:
    b = Builder(load_notation("mazur"), last=Integer(last))
    assert latex(b.build(Tensor("z", (2,), 1)[index("j")])) == printed


def test_outputs_have_letters_of_their_own() -> None:
    net = sb.mlp([2, 3, 1])
    b = Builder(load_notation("cs224n"), last=net.last_layer)
    assert [latex(b.whole(Tensor(n, (1,), 2))) for n in "za"] == [r"\boldsymbol{\theta}", r"\hat{\boldsymbol{y}}"]
    assert latex(b.whole(Tensor("a", (3,), 1))) == r"\boldsymbol{h}^{(1)}"


CHECKED = {
    "softmax of any depth": sb.deep(activation="tanh", output="softmax", loss="cross_entropy"),
    "a batch of any depth": sb.deep(samples="m", activation="sigmoid", loss="quadratic"),
}


def unread(side: Side) -> list[tuple[str, object]]:
    """What is printed of a network and its gradients, with the layers it holds for, and is not read back as right."""
    printed = []
    for d in side.derivations.values():
        printed += [d.result, *((d.matrix,) if d.matrix is not None else ())]
    lines = []
    for e in printed:
        about = side.builder.about(e.lhs, e.rhs)
        lines.append(latex(about.on_layers(about.build(e), e.layers)))
    report = sb.check("\n".join(lines), problem_of(side.net, side.notation), timeout=120)
    assert len(report.steps) >= len(lines)
    return [(s.text, s.before.because) for s in report.steps if s.status.value != "right"]


@pytest.mark.parametrize("network", CHECKED)
@pytest.mark.parametrize("name", notation_names())
def test_results_are_read_back_as_the_same_equations(name: str, network: str) -> None:
    """The oracle is the checker, which knows the text alone."""
    assert unread(side_of(CHECKED[network], load_notation(name))) == []


@pytest.mark.parametrize("widths", [[2, 2], [2, 3, 2], [2, 3, 2, 2]])
def test_layers_with_and_without_letters_are_read_back(widths: list[int]) -> None:
    assert unread(side_of(sb.mlp(widths), load_notation("mazur"))) == []


# ---------------------------------------------------------------- every switch acts where it is printed, read and translated

SWITCHES: dict[str, tuple[dict[str, object], str, str]] = {
    "layer_style": ({"layer_style": "brackets"}, "forward", r"z^{[l]}_{js} = \sum_{k=1}^{n_{l-1}} w^{[l]}_{jk} a^{[l-1]}_{ks} + b^{[l]}_j"),
    "input_layer": ({"input_layer": 0}, "layers", r"l = 1, \ldots, L"),
    "weight_layer": ({"weight_layer": "from"}, "forward matrix", r"Z^{l+1} = w^l A^l + b^l"),
    "sample_style": ({"sample_style": "superscript", "layer_style": "brackets", "symbols": {"J": "C", "L": "ell"}, "vector": {}}, "forward",
        r"z^{[l](s)}_j = \sum_{k=1}^{n_{l-1}} w^{[l]}_{jk} a^{[l-1](s)}_k + b^{[l]}_j",
    ),
    "size_style": (
        {"size_style": "layer", "layer_style": "brackets"}, "forward",
        r"z^{[l]}_{js} = \sum_{k=1}^{n^{[l-1]}} w^{[l]}_{jk} a^{[l-1]}_{ks} + b^{[l]}_j",
    ),
    "samples and vectors": (
        {"samples": "rows", "vectors": "row", "sample_style": "first", "weights": "from_to", "weight_index": "from_to"}, "BP4 matrix",
        r"\frac{\partial C}{\partial w^l} = (A^{l-1})^T \Delta^l",
    ),
    "weights": ({"weights": "from_to", "weight_index": "from_to"}, "forward matrix", r"Z^l = (w^l)^T A^{l-1} + b^l"),
    "weight_index": (
        {"weights": "from_to", "weight_index": "from_to"}, "BP4", r"\frac{\partial C}{\partial w^l_{kj}} = \sum_{s=1}^m a^{l-1}_{ks} \delta^l_{js}",
    ),
    "jacobian": ({"jacobian": "numerator"}, "BP3 matrix", r"\frac{\partial C}{\partial b^l} = (\Delta^l \, \mathbf{1})^T"),
    "batch_cost": ({"batch_cost": "sum", "regulariser": "lambda/2"}, "cost", r"C = \sum_{s=1}^m C_s"),
    "losses": ({"losses": {"quadratic": "squared_error"}}, "loss", r"C_s = \sum_{j=1}^{n_L} (y_{js} - a^L_{js})^2"),
    "bold": ({"bold": "upright"}, "forward matrix", r"\mathbf{Z}^l = \mathbf{w}^l \mathbf{A}^{l-1} + \mathbf{b}^l"),
    "hadamard": ({"hadamard": "circ"}, "BP2 matrix", r"\Delta^l = ((w^{l+1})^T \Delta^{l+1}) \circ A^l \circ (\mathbf{1} - A^l)"),
    "transpose": ({"transpose": "top"}, "BP4 matrix", r"\frac{\partial C}{\partial w^l} = \Delta^l (A^{l-1})^{\top}"),
    "transpose_style": ({"transpose_style": "merged", "layer_style": "brackets"}, "BP4 matrix",
        r"\frac{\partial C}{\partial w^{[l]}} = \Delta^{[l]} A^{[l-1]T}",
    ),
    "indices": (
        {"indices": {"j": "i", "i": "j"}}, "BP4", r"\frac{\partial C}{\partial w^l_{ik}} = \sum_{s=1}^m a^{l-1}_{ks} \delta^l_{is}",
    ),
    "factor_order": (
        {"factor_order": ("delta", "a", "x")}, "BP4", r"\frac{\partial C}{\partial w^l_{jk}} = \sum_{s=1}^m \delta^l_{js} a^{l-1}_{ks}",
    ),
    "gradients": (
        {"gradients": {"z": {"symbol": "e", "factor": "m"}}, "matrix": {"x": "X", "z": "Z", "a": "A", "y": "Y", "e": "E"}},
        "BP4 matrix", r"\frac{\partial C}{\partial w^l} = \frac{1}{m} E^l (A^{l-1})^T",
    ),
    "nabla": ({"nabla": ("w",)}, "BP4 matrix", r"\nabla_{w^l} C = \Delta^l (A^{l-1})^T"),
    "kept": ({"gradients": {}, "kept": ("z",)}, "BP4 matrix", r"\frac{\partial C}{\partial w^l} = \frac{\partial C}{\partial Z^l} (A^{l-1})^T"),
    "symbols": ({"symbols": {"J": "C", "L": "C", "a": "h"}, "matrix": {"z": "Z", "a": "H", "y": "Y", "delta": "Delta"}}, "forward matrix",
                r"Z^l = w^l H^{l-1} + b^l"),
    "output": (
        {"output": {"a": "yhat"}, "symbols": {"J": "C", "L": "C", "yhat": "hat:y"}}, "loss",
        r"C_s = \frac{1}{2} \sum_{j=1}^{n_L} (y_{js} - \hat{y}_{js})^2",
    ),
    "functions": ({"functions": {"sigmoid": "f"}}, "activation", "a^l_{js} = f(z^l_{js})"),
    "scalars": ({"scalars": {"m": "N"}}, "cost", r"C = \frac{1}{N} \sum_{s=1}^N C_s"),
    "sum_limits": ({"sum_limits": "index"}, "cost", r"C = \frac{1}{m} \sum_s C_s"),
}  # fmt: skip


@pytest.fixture(scope="module")
def nielsen() -> Side:
    return side_of(CHECKED["a batch of any depth"], load_notation("nielsen"))


def printed(side: Side) -> dict[str, str]:
    """The forward pass and the gradients of a batch as a notation prints them."""
    plain, results = side.builder, side.derivations
    found = dict(zip(("forward", "activation", "loss", "cost"), side.net.equations, strict=True))
    forms = {**found, **{name: d.result for name, d in results.items()}}
    forms |= {f"{name} matrix": lift(e, side.layout) for name, e in found.items()}
    forms |= {f"{name} matrix": d.matrix for name, d in results.items() if d.matrix is not None}
    lines = {name: latex(plain.about(e.lhs, e.rhs).build(e)) for name, e in forms.items()}
    return {**lines, "layers": latex(plain.about(forms["forward"].lhs, forms["forward"].rhs).build(forms["forward"].layers))}


@pytest.mark.parametrize("switch", SWITCHES)
def test_a_switch_acts_in_notes_in_reading_and_in_translation(switch: str, nielsen: Side) -> None:
    """Beside what Nielsen prints, typed by hand; what is printed is read back, and the translation names a difference."""
    changes, where, expected = SWITCHES[switch]
    side = side_of(CHECKED["a batch of any depth"], replace(nielsen.notation, **changes))  # type: ignore[arg-type]
    assert printed(side)[where] == expected != printed(nielsen)[where]
    assert unread(side) == []
    assert differences(nielsen, side)


@pytest.mark.parametrize(
    ("regulariser", "expected"),
    [
        ("lambda/2", r"\frac{\lambda}{2} \sum"),
        ("lambda", r"\lambda \sum"),
        ("lambda/2m", r"\frac{\lambda}{2 m} \sum"),
        ("lambda/m", r"\frac{\lambda}{m} \sum"),
    ],
)
def test_what_stands_before_the_squares_of_the_weights(regulariser: str, expected: str) -> None:
    net = sb.mlp([3, 2], activation="identity", samples="m", penalty="l2")
    style = replace(load_notation("nielsen"), regulariser=regulariser)
    cost = with_cost_of(net, style)
    assert expected in latex(Builder(style, net.samples, last=net.last_layer).build(cost.equations[-1]))
    assert unread(side_of(net, style)) == []
    other = replace(style, regulariser="lambda/m" if regulariser == "lambda" else "lambda")
    assert {d.kind for d in side_by_side(net, style, other).differences} >= {"cost"}
    assert with_cost_of(sb.mlp([3, 2], samples="m", penalty="l2_full"), style) == sb.mlp([3, 2], samples="m", penalty="l2_full")
