"""Networks from Python, from text and from TOML: what is built, and what is refused with words that help.

Oracle: the equations of small networks as a textbook writes them, and for each mistake the word a user would need.
"""

# ruff: noqa: E501 - a case of a table is one line

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
import sympy as sp
from sympy import SympifyError

from symbackprop.builders import deep, mlp
from symbackprop.equations import Abstract, Entry, Func, Tensor, add, evaluated, index, mul, size, summation
from symbackprop.errors import InputError, SpecError, UnknownName
from symbackprop.network import Network
from symbackprop.specification import load_network

j, k, s, ell, L, m = (index(c) for c in "jkslLm")


def names(net: Network) -> list[str]:
    return [str(e.lhs) for e in net.equations]


# ---------------------------------------------------------------- builders


def test_a_perceptron_is_its_textbook_equations() -> None:
    net = mlp([2, 3, 1], activation="tanh", output="sigmoid")
    assert names(net) == ["z(1)[j]", "a(1)[j]", "z(2)[j]", "a(2)[j]", "C"]
    x, w, b = Tensor("x", (2,)), Tensor("w", (3, 2), 1), Tensor("b", (3,), 1)
    assert evaluated(net.equations[0].rhs) == evaluated(sp.Sum(w[j, k] * x[k], (k, 1, 2)) + b[j])
    assert net.equations[1].rhs == Func("tanh", net.equations[0].lhs)
    assert net.equations[3].rhs == Func("sigmoid", net.equations[2].lhs)
    a, y = net.equations[3].tensor, Tensor("y", (1,))
    assert sp.expand(net.equations[4].rhs.doit() - (y[1] - a[1]) ** 2 / 2) == 0
    assert list(map(str, net.parameters)) == ["w(1)", "b(1)", "w(2)", "b(2)"]
    assert (net.inputs, net.targets, net.loss) == ((x,), (y,), Entry(Tensor("C")))


def test_samples_are_a_second_axis_of_everything_but_parameters() -> None:
    net = mlp([2, 3], samples="m")
    assert names(net) == ["z(1)[j, s]", "a(1)[j, s]", "L[s]", "J"]
    assert [p.shape for p in net.parameters] == [sp.Tuple(3, 2), sp.Tuple(3)]
    assert net.inputs[0].shape == sp.Tuple(2, m)
    each = net.equations[2].tensor
    assert evaluated(net.equations[3].rhs) == evaluated(sp.Sum(each[s], (s, 1, m)) / m)


@pytest.mark.parametrize("kind", ["softmax", "log_softmax"])
def test_a_vector_activation_is_written_out(kind: str) -> None:
    z = Tensor("z", (3,), 1)
    total = sp.Sum(sp.exp(z[k]), (k, 1, 3))
    expected = {"softmax": sp.exp(z[j]) / total, "log_softmax": z[j] - sp.log(total)}[kind]
    assert evaluated(mlp([2, 3], output=kind).equations[1].rhs) == evaluated(expected)


def test_a_loss_of_logits_is_taken_before_the_last_activation() -> None:
    assert names(mlp([2, 3], output="identity", loss="softmax_cross_entropy")) == ["z(1)[j]", "C"]


def test_without_bias_there_is_none() -> None:
    net = mlp([2, 3, 4], bias=False)
    assert [p.name for p in net.parameters] == ["w", "w"]


def test_a_one_hot_target_brings_its_fact() -> None:
    facts = mlp([2, 3], output="softmax", loss="cross_entropy").facts
    y = Tensor("y", (3,))
    assert [(evaluated(f.lhs), f.rhs) for f in facts] == [(summation(y[k], (k, 1, 3)), 1)]
    assert not mlp([2, 3]).facts


def test_the_network_of_any_depth_covers_its_layers() -> None:
    net = deep()
    assert names(net) == ["z(l)[j]", "a(l)[j]", "C"]
    assert isinstance(net.equations[-1].rhs, Abstract)
    at_last = net.equation(Tensor("z", (size("n", L),), L))
    assert at_last is not None
    assert str(at_last.lhs) == "z(L)[j]"
    assert net.equation(Tensor("a", (size("n", 0),), 0)) is None
    softmax = deep(activation="sigmoid", output="softmax", loss="cross_entropy", samples="m")
    assert names(softmax) == ["z(l)[j, s]", "a(l)[j, s]", "a(L)[j, s]", "L[s]", "J"]
    assert [e.layers.high for e in softmax.equations if e.layers] == [L, L - 1]


@pytest.mark.parametrize(("change", "words"), [
    ({"sizes": [2]}, "input and an output"), ({"sizes": []}, "input and an output"), ({"sizes": [2, 0]}, "positive"), ({"sizes": [2, -1]}, "positive"),
    ({"sizes": [2, 1.5]}, "1.5"), ({"sizes": [2, None]}, "None"), ({"sizes": [2, True]}, "True"), ({"sizes": [2, "a b"]}, "a b"), ({"sizes": [[2], 3]}, "size"),
    ({"sizes": 5}, "list"), ({"sizes": "ab"}, "list"), ({"activation": "sigmod"}, "did you mean 'sigmoid'"), ({"activation": 3}, "3"),
    ({"activation": ""}, "name"), ({"activation": None}, "None"), ({"output": "sofmax"}, "did you mean 'softmax'"), ({"output": 3}, "3"),
    ({"loss": "quadratc"}, "did you mean 'quadratic'"), ({"loss": 3}, "3"), ({"loss": ["x"]}, "x"), ({"loss": None}, "None"),
    ({"penalty": "l3"}, "Known: l1, l2"), ({"penalty": 3}, "3"), ({"samples": 0}, "samples"), ({"samples": 1.5}, "samples"), ({"samples": True}, "samples"),
    ({"samples": [1]}, "samples"), ({"bias": "no"}, "bias"), ({"bias": 1}, "bias"), ({"output": "sigmoid", "loss": "cross_entropy"}, "use 'softmax'"),
    ({"output": "softmax", "loss": "binary_cross_entropy"}, "use 'sigmoid'"), ({"output": "softmax", "loss": "softmax_cross_entropy"}, "'identity'"),
])  # fmt: skip
def test_a_perceptron_that_cannot_be_is_refused(change: dict[str, Any], words: str) -> None:
    arguments: dict[str, Any] = {"sizes": [2, 3], **change}
    with pytest.raises(InputError) as caught:
        mlp(arguments.pop("sizes"), **arguments)
    assert words in str(caught.value)


@pytest.mark.parametrize("sizes", [[2, 3], (2, 3), ["n", "k_out"], [2, "n", 4]])
def test_sizes_are_numbers_or_names(sizes: Any) -> None:
    assert len(mlp(sizes).equations) == 2 * (len(sizes) - 1) + 1


@pytest.mark.parametrize("unknown", ["activatin", "layers"])
def test_an_option_nobody_knows_is_an_error(unknown: str) -> None:
    with pytest.raises(TypeError, match=unknown):
        mlp([2, 3], **{unknown: "relu"})


def test_the_deep_network_refuses_what_does_not_fit() -> None:
    with pytest.raises(InputError, match="softmax"):
        deep(activation="sigmoid", loss="cross_entropy")
    with pytest.raises(InputError, match="did you mean 'sigmoid'"):
        deep(activation="sigmiod")


# ---------------------------------------------------------------- equations as text

TEXT = ["h[j] = tanh(sum(k, w[j, k]*x[k]) + b[j])", "t = sum(j, h[j])", "r[j] = h[j]/t", "C = 1/2*sum(j, (y[j] - r[j])**2) + t"]
SHAPES = {"w": (3, 2), "x": (2,), "b": (3,), "y": (3,)}


@pytest.mark.parametrize("order", list(permutations(range(4)))[::3])
def test_equations_may_be_typed_in_any_order(order: tuple[int, ...]) -> None:
    net = Network.from_equations([TEXT[n] for n in order], tensors=SHAPES, parameters=["w", "b"], targets=["y"], loss="C")
    assert names(net) == ["h[j]", "t", "r[j]", "C"]
    assert [str(t) for t in (*net.parameters, *net.inputs, *net.targets)] == ["w", "b", "x", "y"]
    assert net.equations[0].tensor.shape == sp.Tuple(3)
    assert {e.tensor.name for e in net.equations[3].rhs.atoms(Entry)} == {"y", "r", "t"}


def test_the_shape_of_a_computed_quantity_follows_from_its_indices() -> None:
    net = Network.from_equations(["q[k, j] = x[j]*u[k]", "C = sum(k, j, q[k, j])"], tensors={"x": (2,), "u": (5,)})
    assert net.equations[0].tensor.shape == sp.Tuple(5, 2)


@pytest.mark.parametrize(("equations", "words"), [
    (["C = sum(j, hiden[j])", "hidden[j] = x[j]"], "did you mean 'hidden'"), (["C = sum(j, q[j])"], "unknown tensor 'q'"),
    (["C = totl + 1", "total = sum(j, x[j])"], "'totl' is not defined"), (["h[j] = g[j]", "g[j] = h[j]", "C = sum(j, h[j])"], "cycle"),
    (["h[j] = h[j] + x[j]", "C = sum(j, h[j])"], "cycle"), (["c = d", "d = c", "C = c"], "cycle"), (["C = sum(j, x[j])", "C = 2"], "twice"),
    (["h[j] = x[j]", "h[j] = 2*x[j]", "C = sum(j, h[j])"], "h is defined twice"), (["h[j] = x[j]"], "single number"),
    (["C = sum(j, x[j] + u[j])"], "2 and 3"), (["h[j] = sum(k, w[j, k]*u[k])", "C = sum(j, h[j])"], "2 and 3"), (["h[j] = x[j] + u[j]", "C = sum(j, h[j])"], "axis 'j'"),
    (["h[j, k] = x[j]", "C = sum(j, k, h[j, k])"], "axis 'k'"), (["C = x[7]"], "7"), (["C = x[0]"], "0"), (["C = x[j]"], "the index j"),
    (["C = sum(k, x[k])*u[k]"], "the index k"), (["C = x"], "axes"), (["C"], "no equation"), (["C := 1"], "no equation"), (["2 = C"], "no equation"), ([], "at least one"),
    (["C = sigmod(x[1])"], "did you mean 'sigmoid'"), (["C = sum(j, x[j])**9**9**9"], "too large"), (["C = __import__('os')"], "no meaning"),
])  # fmt: skip
def test_equations_that_do_not_hold_together_are_refused(equations: list[str], words: str) -> None:
    with pytest.raises(InputError) as caught:
        Network.from_equations(equations, tensors={"x": (2,), "u": (3,), "w": (3, 2)})
    assert words in str(caught.value)


@pytest.mark.parametrize(("change", "words"), [
    ({"parameters": ["v"]}, "parameters 'v'"), ({"parameters": ["xx"]}, "did you mean 'x'"), ({"targets": ["yy"]}, "targets 'yy'"), ({"loss": "D"}, "'D' has no equation"),
    ({"loss": "h"}, "single number"), ({"facts": ["sum(j, x[j])"]}, "no equation"), ({"tensors": {"x": (2.5,)}}, "2.5"), ({"tensors": {"x": (0,)}}, "positive"),
    ({"tensors": {"x": ([1],)}}, "size"), ({"tensors": {"x": 2}}, "list of sizes"), ({"tensors": {"x": ("n m",)}}, "n m"), ({"tensors": {"a b": (2,)}}, "a b"),
])  # fmt: skip
def test_a_declaration_that_fits_nothing_is_refused(change: dict[str, Any], words: str) -> None:
    arguments: dict[str, Any] = {"tensors": {"x": (2,)}, **change}
    with pytest.raises(InputError) as caught:
        Network.from_equations(["h[j] = tanh(x[j])", "C = sum(j, h[j])"], **arguments)
    assert words in str(caught.value)


def test_a_cycle_between_declared_tensors_is_named_round() -> None:
    with pytest.raises(SpecError, match=r"h needs g needs h|g needs h needs g"):
        Network.from_equations(["h[j] = g[j]", "g[j] = 2*h[j]", "C = sum(j, h[j])"], tensors={"h": (2,), "g": (2,)})


# ---------------------------------------------------------------- TOML

GOOD = {
    "[mlp]\nsizes = [2, 3, 1]\nactivation = 'tanh'\noutput = 'sigmoid'\nloss = 'binary_cross_entropy'": ["z(1)[j]", "a(1)[j]", "z(2)[j]", "a(2)[j]", "C"],
    "[mlp]\nsizes = [2, 'n']\nsamples = 'm'\npenalty = 'l2'\nbias = false": ["z(1)[j, s]", "a(1)[j, s]", "L[s]", "J"],
    "[deep]": ["z(l)[j]", "a(l)[j]", "C"],
    "[deep]\nactivation = 'sigmoid'\noutput = 'softmax'\nloss = 'cross_entropy'\nsamples = 'm'": ["z(l)[j, s]", "a(l)[j, s]", "a(L)[j, s]", "L[s]", "J"],
    "equations = ['C = sum(j, h[j])', 'h[j] = beta*x[j]']\nscalars = ['beta']\nparameters = ['x']\n[tensors]\nx = [2]": ["h[j]", "C"],
    "loss = 'D'\nequations = ['C = sum(j, x[j])', 'D = C**2']\nfacts = ['sum(j, x[j]) = 1']\n[tensors]\nx = ['n']": ["C", "D"],
}  # fmt: skip


def spec(folder: Path, text: str | bytes) -> Path:
    path = folder / "net.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize("text", GOOD)
def test_a_file_is_read(tmp_path: Path, text: str) -> None:
    net = load_network(spec(tmp_path, text))
    assert names(net) == GOOD[text]
    assert net.name == "net"
    assert load_network(spec(tmp_path, "name = 'mine'\n" + text)).name == "mine"


@pytest.mark.parametrize(("text", "words"), [
    ("[mlp]\nsizes = [2, 3]\nactivaton = 'relu'", "did you mean 'activation'"), ("[mpl]\nsizes = [2, 3]", "did you mean 'mlp'"), ("[deep]\nlos = 'x'", "did you mean 'loss'"),
    ("equation = ['C = 1']", "did you mean 'equations'"), ("[mlp]", "sizes"), ("[mlp]\nsizes = 3", "sizes"), ("mlp = 3", "mlp must be a table"), ("", "[mlp]"), ("name = 'x'", "equations"),
    ("[mlp]\nsizes = [2, 3]\nactivation = 3", "activation"), ("[mlp]\nsizes = [2, 3]\nbias = 'no'", "bias"), ("[mlp]\nsizes = [2, 3]\nloss = 2", "loss"),
    ("[mlp]\nsizes = [2, 'x y']", "x y"), ("[mlp]\nsizes = [[2], 3]", "size"), ("[mlp]\nsizes = [2, 1.5]", "size"), ("[mlp]\nsizes = [2, 3]\nsamples = [1]", "samples"),
    ("[mlp]\nsizes = [2, 3]\nactivation = 'sigmod'", "did you mean 'sigmoid'"), ("[mlp]\nsizes = [2, 3]\nloss = 'cross_entropy'", "softmax"),
    ("[mlp]\nsizes = [2, 3]\n[deep]", "deep"), ("loss = 'D'\n[mlp]\nsizes = [2, 3]", "loss"), ("equations = 'C = 1'", "equations"), ("equations = ['C = 1', 3]", "equations"),
    ("equations = []", "equation"), ("tensors = 3\nequations = ['C = 1']", "tensors"), ("equations = ['C = sum(j, x[j])']\n[tensors]\nx = 2", "x"),
    ("equations = ['C = sum(j, x[j])']\n[tensors]\nx = [2.5]", "2.5"), ("equations = ['C = sum(j, x[j])']\nloss = 3\n[tensors]\nx = [2]", "3"),
    ("equations = ['C = sum(j, x[j])']\nparameters = 'x'\n[tensors]\nx = [2]", "parameters"), ("equations = ['h[j] = x[j]']\n[tensors]\nx = [2]", "single number"),
    ("equations = ['C = sum(j, xx[j])']\n[tensors]\nx = [2]", "did you mean 'x'"), ("equations = ['C = D', 'D = C']", "cycle"), ("this is not toml", "TOML"), (b"\xff\xfe", "[mlp]"), (b"\x80 = 1", "text"),
])  # fmt: skip
def test_a_file_that_cannot_be_used_is_named_with_what_is_wrong(tmp_path: Path, text: str | bytes, words: str) -> None:
    path = spec(tmp_path, text)
    with pytest.raises(InputError) as caught:
        load_network(path)
    assert words in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("name", ["missing.toml", "."])
def test_a_file_that_is_none_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="cannot read"):
        load_network(tmp_path / name)


def test_an_unknown_name_is_an_input_error() -> None:
    assert issubclass(UnknownName, InputError)
    assert issubclass(SpecError, InputError)


@pytest.mark.parametrize(
    "made",
    [
        lambda text: Tensor("w", (text,)), lambda text: Tensor("w", (3,), text), lambda text: Tensor("w", (3,))[text],
        lambda text: add(index("j"), text), lambda text: mul(2, text), lambda text: summation(text, (index("j"), 1, 3)), lambda text: Func("tanh", text),
    ],
)  # fmt: skip
def test_a_text_is_never_run_as_an_expression(made: Callable[[str], object], capfd: pytest.CaptureFixture[str]) -> None:
    """SymPy's own reader of texts calls `eval`: what would be printed shows that it was not asked."""
    with pytest.raises(SympifyError):
        made("print('run')")
    assert capfd.readouterr().out == ""
