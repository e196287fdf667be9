"""Networks joined from named layers; gradients against the oracle of `sympy.diff` on the expanded loss."""

from __future__ import annotations

from typing import Any

import pytest

from symbackprop.backprop import backpropagate
from symbackprop.errors import InputError
from symbackprop.graphs import graph
from symbackprop.prove import end_to_end
from symbackprop.rules import LAYERS
from symbackprop.specification import load_network

Z = {"name": "z", "rule": "affine", "inputs": ["x"], "size": 2}
A = {"name": "a", "rule": "elementwise", "inputs": ["z"], "activation": "tanh"}
GRAPHS: dict[str, tuple[dict[str, Any], list[dict[str, Any]], str]] = {
    "affine": ({"x": 3}, [Z], "quadratic"),
    "linear": ({"x": 3}, [{"name": "z", "rule": "linear", "inputs": ["x"], "size": 2}], "squared_error"),
    "elementwise": ({"x": 3}, [Z, A], "quadratic"),
    "add": ({"x": 2}, [Z, A, {"name": "r", "rule": "add", "inputs": ["a", "x"]}], "quadratic"),
    "multiply": ({"x": 2}, [Z, A, {"name": "r", "rule": "multiply", "inputs": ["a", "a"]}], "quadratic"),
}


def test_every_registered_layer_stands_in_a_tested_graph() -> None:
    assert set(GRAPHS) == set(LAYERS)


@pytest.mark.parametrize("name", GRAPHS)
def test_gradients_agree_with_the_expanded_loss(name: str) -> None:
    inputs, layers, loss = GRAPHS[name]
    report = end_to_end(graph(inputs, layers, loss=loss))
    assert report.count > 0
    assert not report.disagreements


def test_a_softmax_layer_takes_the_cross_entropy() -> None:
    net = graph({"x": 2}, [Z, {"name": "p", "rule": "elementwise", "inputs": ["z"], "activation": "softmax"}], loss="cross_entropy")
    assert net.target == "one_hot"
    assert net.facts


def test_a_node_used_twice_receives_both_gradients() -> None:
    net = graph({"x": 2}, [Z, {"name": "r", "rule": "add", "inputs": ["z", "z"]}])
    equation = next(b.equation for b in backpropagate(net) if b.tensor.name == "z")
    assert str(equation.rhs) == "2*dC/dr[j]"


def test_a_batch_keeps_its_example_index() -> None:
    net = graph({"x": 2}, [Z, A], samples="m")
    assert [str(e.lhs) for e in net.equations] == ["z[j, s]", "a[j, s]", "L[s]", "J"]


def test_a_graph_is_read_from_toml(tmp_path: Any) -> None:
    path = tmp_path / "residual.toml"
    path.write_text(
        '[graph]\ninputs = { x = 2 }\n[[graph.layers]]\nname = "z"\nrule = "affine"\ninputs = ["x"]\nsize = 2\n'
        '[[graph.layers]]\nname = "r"\nrule = "add"\ninputs = ["z", "x"]\n'
    )
    assert [e.tensor.name for e in load_network(path).equations] == ["z", "r", "C"]


@pytest.mark.parametrize(
    ("inputs", "layers", "loss", "words"),
    [
        ({}, [Z], "quadratic", "needs inputs"),
        ({"x": 2}, [], "quadratic", "at least one layer"),
        ({"x": 2}, [{**Z, "rule": "afine"}], "quadratic", "did you mean 'affine'"),
        ({"x": 2}, [{**Z, "inputs": ["xx"]}], "quadratic", "unknown input 'xx'"),
        ({"x": 2}, [{**Z, "sizes": 2}], "quadratic", "did you mean 'size'"),
        ({"x": 2}, [{k: v for k, v in Z.items() if k != "size"}], "quadratic", "needs size"),
        ({"x": 2}, [Z, {**A, "activation": "tanhh"}], "quadratic", "did you mean 'tanh'"),
        ({"x": 3}, [Z, {"name": "r", "rule": "add", "inputs": ["z", "x"]}], "quadratic", "different sizes"),
        ({"x": 2}, [Z, {**Z}], "quadratic", "is taken"),
        ({"x": 2}, [{"name": "r", "rule": "add", "inputs": ["x"]}], "quadratic", "takes 2 inputs"),
        ({"x": 2}, [Z], "cross_entropy", "takes probabilities"),
        ({"x": 2}, [Z, {**A, "activation": "softmax"}], "cross_entropy_logits", "takes logits"),
    ],
)
def test_what_does_not_fit_is_said(inputs: dict[str, Any], layers: list[dict[str, Any]], loss: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        graph(inputs, layers, loss=loss)
