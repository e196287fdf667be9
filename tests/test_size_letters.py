"""A size may be called by a letter that indices usually have; the oracle is the same network with its size called otherwise."""

from __future__ import annotations

import re
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


TYPED: list[tuple[list[str], dict[str, tuple[Any, ...]], list[str]]] = [
    (["z[j] = sum(n, w[j, n]*x[n])", "C = sum(j, z[j]**2)"], {"w": ("m", "n"), "x": ("n",)}, ["w"]),
    (["z[m, j] = sum(k, w[j, k]*x[m, k])", "C = sum(m, j, z[m, j]**2)/m"], {"w": (3, 2), "x": ("m", 2)}, ["w"]),
    (["a[j] = sum(k, x[j, k])/k", "C = sum(j, a[j]**2)"], {"x": (3, "k")}, ["x"]),
    (["p[t, u] = exp(s[t, u])/sum(r, exp(s[t, r]))", "C = sum(t, u, p[t, u]*y[t, u])/t"], {"s": ("t", "u"), "y": ("t", "u")}, ["s"]),
]  # fmt: skip


@pytest.mark.parametrize(("equations", "shapes", "parameters"), TYPED)
def test_typed_equations_with_one_letter_for_a_size_and_an_index(
    equations: list[str], shapes: dict[str, tuple[Any, ...]], parameters: list[str]
) -> None:
    """The sizes called N_m, N_n... are the oracle: only letters that stand alone mean them."""

    def named(n: Any) -> Any:
        return n if isinstance(n, int) else f"N_{n}"

    def read(equations: list[str], shapes: Any) -> sb.Network:
        return sb.Network.from_equations(equations, tensors=shapes, parameters=parameters, targets=["y"] if "y" in shapes else [])

    other = read([re.sub(r"/([mkt])$|(?<=\))/([mkt])$", lambda m: f"/N_{m[1] or m[2]}", e) for e in equations],
                 {key: tuple(map(named, shape)) for key, shape in shapes.items()})  # fmt: skip
    net = read(equations, shapes)
    assert sb.derive(net).counts() == sb.derive(other).counts()
    f, g = sb.compile(net), sb.compile(other)
    rng = np.random.default_rng(0)
    arrays = {a.name: rng.normal(size=tuple(int(n) if n.is_Integer else 4 for n in a.shape))
              for a in (*f.program.params, *f.program.inputs, *f.program.targets)}  # fmt: skip
    data = [arrays[a.name] for a in (*f.program.inputs, *f.program.targets)]
    params = {a.name: arrays[a.name] for a in f.program.params}
    (value, grads), (wanted, gradients) = f(params, *data), g(params, *data)
    assert value == wanted
    for key in params:
        np.testing.assert_array_equal(grads[key], gradients[key])


@pytest.mark.parametrize("text", ["C = sum(k, k*x[k]**2)", "C = sum(k, x[k])*sum(j, x[j]*sum(k, x[k]**k))"])
def test_a_letter_that_may_be_either_is_refused_where_it_is_read(text: str) -> None:
    with pytest.raises(sb.errors.SpecError, match=r"in C = .*'k' is the name of a size and of an index; call one of them otherwise"):
        sb.Network.from_equations([text], tensors={"x": ("k",)}, parameters=["x"])


def test_a_fact_keeps_its_meaning() -> None:
    net = sb.Network.from_equations(
        ["C = sum(k, y[k]*log(p[k]))"], tensors={"y": ("k",), "p": ("k",)}, parameters=["p"], targets=["y"], facts=["sum(k, y[k]) = 1"]
    )
    assert [str(f) for f in net.facts] == ["Sum(y[j], (j, 1, k)) = 1"]
