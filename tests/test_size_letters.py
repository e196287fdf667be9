"""A size may be called by a letter that indices usually have; the oracle is the same network with its size called otherwise."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import symbackprop as sb

NETWORKS: list[dict[str, Any]] = [
    {"sizes": [3, 2], "samples": "#"},
    {"sizes": ["#", 2], "samples": "m"},
    {"sizes": [3, "#", 2], "samples": "m", "output": "softmax", "loss": "cross_entropy", "penalty": "l2"},
    {"sizes": [3, "#"], "output": "log_softmax"},
]


def network(described: dict[str, Any], letter: str) -> Any:
    called = {key: letter if value == "#" else value for key, value in described.items()}
    return sb.mlp(**{**called, "sizes": [letter if n == "#" else n for n in described["sizes"]]})


@pytest.mark.parametrize("letter", ["i", "j", "k", "s", "t"])
@pytest.mark.parametrize("described", NETWORKS)
def test_it_is_derived_and_proved_as_under_another_name(described: dict[str, Any], letter: str) -> None:
    assert sb.derive(network(described, letter)).counts() == sb.derive(network(described, "q")).counts()


@pytest.mark.parametrize("letter", ["i", "j", "k", "s", "t"])
@pytest.mark.parametrize("described", NETWORKS)
def test_it_is_computed_as_under_another_name(described: dict[str, Any], letter: str) -> None:
    f, g = sb.compile(network(described, letter)), sb.compile(network(described, "q"))
    rng = np.random.default_rng(0)

    def filled(shape: Any) -> Any:
        return rng.normal(size=tuple(n if isinstance(n, int) else 4 for n in map(_number, shape)))

    params = {name: filled(shape) for name, shape in f.params.items()}
    x, y = (filled(a.shape) for a in (*f.program.inputs, *f.program.targets))
    if f.program.net.target == "one_hot":
        y = np.eye(2)[np.arange(4) % 2]
    numbers = dict.fromkeys(f.program.scalars, 0.1)
    loss, grads = f(params, x, y, **numbers)
    wanted, gradients = g(params, x, y, **numbers)
    assert loss == wanted
    for name in params:
        np.testing.assert_array_equal(grads[name], gradients[name])


def _number(n: Any) -> Any:
    return int(n) if getattr(n, "is_Integer", isinstance(n, int)) else n


def test_layers_joined_by_name() -> None:
    net = sb.graph({"x": "j"}, [
        {"name": "z", "rule": "affine", "inputs": ["x"], "size": "j"},
        {"name": "a", "rule": "elementwise", "inputs": ["z"], "activation": "tanh"},
        {"name": "r", "rule": "add", "inputs": ["a", "x"]},
    ], loss="quadratic")  # fmt: skip
    assert [str(e.lhs) for e in net.equations][:3] == ["z[k]", "a[k]", "r[k]"]
    assert sb.derive(net).counts()["for all sizes"] > 0
