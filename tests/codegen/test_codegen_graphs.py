"""Random graphs of layers and typed equations, against autograd run over the same graph and against central differences."""

from __future__ import annotations

from typing import Any

import autograd.numpy as anp
import codegen_oracles as oracles
import numpy as np
import pytest
from autograd import grad
from hypothesis import given, settings
from hypothesis import strategies as st

import symbackprop as sb
from symbackprop.codegen.backends import BACKENDS

SMOOTH = ["identity", "sigmoid", "tanh", "softplus", "silu", "gelu", "gelu_tanh", "softmax", "log_softmax"]
WIDTH = 3


@st.composite
def layers(draw: Any) -> list[dict[str, Any]]:
    """Layers of one width, each fed by anything before it; the first has weights, so that there is something to learn."""
    made: list[dict[str, Any]] = [{"name": "n0", "rule": "affine", "inputs": ["x"], "size": WIDTH}]
    for n in range(1, draw(st.integers(2, 6))):
        known = ["x", "v", *(layer["name"] for layer in made)]
        rule = draw(st.sampled_from(["affine", "linear", "elementwise", "add", "multiply"]))
        recent = made[-1]["name"]
        layer: dict[str, Any] = {"name": f"n{n}", "rule": rule, "inputs": [recent]}
        if rule in ("add", "multiply"):
            layer["inputs"] = [recent, draw(st.sampled_from(known))]
        if rule in ("affine", "linear"):
            layer["size"] = WIDTH
        if rule == "elementwise":
            layer["activation"] = draw(st.sampled_from(SMOOTH))
        made.append(layer)
    return made


def forward(params: dict[str, Any], x: Any, v: Any, y: Any, made: list[dict[str, Any]]) -> Any:
    known, number = {"x": x, "v": v}, 0
    for layer in made:
        a = known[layer["inputs"][0]]
        match layer["rule"]:
            case "affine" | "linear":
                number += 1
                bias = params[f"b{number}"] if layer["rule"] == "affine" else 0.0
                known[layer["name"]] = anp.dot(a, params[f"W{number}"]) + bias
            case "elementwise":
                known[layer["name"]] = oracles.ACTIVATIONS[layer["activation"]](a)
            case "add":
                known[layer["name"]] = a + known[layer["inputs"][1]]
            case "multiply":
                known[layer["name"]] = a * known[layer["inputs"][1]]
    return anp.mean(anp.sum((known[made[-1]["name"]] - y) ** 2, axis=1)) / 2


@settings(max_examples=40, deadline=None, derandomize=True)
@given(layers(), st.integers(0, 1000))
def test_random_graphs_agree_with_autograd(made: list[dict[str, Any]], seed: int) -> None:
    f = sb.compile(sb.graph({"x": WIDTH, "v": WIDTH}, made, samples="m"))
    rng = np.random.default_rng(seed)
    params = {name: rng.normal(size=shape) / 2 for name, shape in f.params.items()}
    x, v, y = (rng.normal(size=(4, WIDTH)) / 2 for _ in range(3))
    given_inputs = [{"x": x, "v": v}[g.tensor.name] for g in f.program.inputs]
    loss, grads = f(params, *given_inputs, y)
    expected = grad(forward)(params, x, v, y, made)
    assert np.isclose(loss, forward(params, x, v, y, made), rtol=1e-12)
    for name, value in expected.items():
        np.testing.assert_allclose(grads[name], value, rtol=1e-9, atol=1e-11)


def checked(equations: list[str], tensors: dict[str, Any], parameters: list[str], **rest: Any) -> None:
    f = sb.compile(sb.Network.from_equations(equations, tensors=tensors, parameters=parameters, **rest))
    rng = np.random.default_rng(2)
    params = {name: rng.normal(size=shape) for name, shape in f.params.items()}
    data = [rng.normal(size=[int(n) if n.is_Integer else 4 for n in g.shape]) for g in (*f.program.inputs, *f.program.targets)]
    report = f.check(params, *data, **dict.fromkeys(f.program.scalars, 0.7))
    assert report.ok, report


def test_tensors_of_rank_three() -> None:
    checked(["h[i,j,k] = tanh(t[i,j,k]*x[k] + sum(q, u[i,q,k]*x[q]))", "C = sum(i, j, k, h[i,j,k]**2)"],
            {"t": (3, 2, 4), "x": (4,), "u": (3, 4, 4)}, ["t", "u"])  # fmt: skip


def test_attention() -> None:
    checked(["s[i,j] = sum(k, q[i,k]*r[j,k])", "p[i,j] = exp(s[i,j])/sum(k, exp(s[i,k]))", "o[i,k] = sum(j, p[i,j]*v[j,k])",
             "C = sum(i, k, (o[i,k] - y[i,k])**2)"],
            {"q": (3, 2), "r": (4, 2), "v": (4, 5), "y": (3, 5)}, ["q", "r", "v"], targets=["y"])  # fmt: skip


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("places", ["i,k,j", "k,i,j", "k,j,i"])
def test_a_log_sum_exp_along_each_axis_of_three(places: str, backend: str) -> None:
    """The oracle is NumPy's sum of exponentials, which are small."""
    pytest.importorskip(BACKENDS[backend].needs)
    net = sb.Network.from_equations(
        [f"h[k,j] = log(sum(i, exp(s[{places}])))", "C = sum(k, j, h[k,j]**2)"], tensors={"s": (3, 4, 2)}, parameters=["s"]
    )
    s = np.random.default_rng(0).normal(size=(3, 4, 2)).astype("float32")
    axis = places.split(",").index("i")
    h = np.log(np.sum(np.exp(s), axis=axis, keepdims=True))
    loss, grads = sb.compile(net, backend, "float32")({"s": s})
    assert np.isclose(float(loss), np.sum(h**2), rtol=1e-5)
    np.testing.assert_allclose(np.asarray(grads["s"]), 2 * h * np.exp(s - h), rtol=1e-5, atol=1e-6)


def test_numbers_diagonals_and_single_entries() -> None:
    checked(["h[j] = g*x[j] + w[j,j] + x[2]", "C = log(sum(j, exp(2*h[j]))) + h[1]**2 + c*g"],
            {"g": (), "x": (4,), "w": (4, 4)}, ["g", "w", "x"], scalars=["c"])  # fmt: skip


def test_sizes_with_names_are_read_off_the_arrays() -> None:
    f = sb.compile(sb.Network.from_equations(["C = sum(j, k, w[j]*x[j,k])/n"], tensors={"x": ("n", "d"), "w": ("n",)}, parameters=["w"]))
    for n, d in ((3, 2), (5, 4)):
        _, grads = f({"w": np.ones(n)}, np.ones((n, d)))
        np.testing.assert_allclose(grads["w"], np.full(n, d / n))


def test_a_parameter_that_the_loss_does_not_see_has_gradient_zero() -> None:
    net = sb.Network.from_equations(["C = sum(j, w[j]**2)"], tensors={"w": (3,), "v": (2, 2)}, parameters=["w", "v"])
    _, grads = sb.compile(net)({"w": np.ones(3), "v": np.ones((2, 2))})
    np.testing.assert_array_equal(grads["v"], np.zeros((2, 2)))


def test_sizes_of_one_are_axes_like_any_other() -> None:
    for sizes in ([1, 1], [1, 3, 1], [3, 1, 2]):
        f = sb.compile(sb.mlp(sizes, activation="tanh", samples="m"))
        rng = np.random.default_rng(0)
        params = {name: rng.normal(size=shape) for name, shape in f.params.items()}
        for count in (1, 4):
            assert f.check(params, rng.normal(size=(count, sizes[0])), rng.normal(size=(count, sizes[-1]))).ok


def test_a_deep_residual_network_stays_linear() -> None:
    made: list[dict[str, Any]] = []
    last = "x"
    for n in range(12):
        made += [{"name": f"z{n}", "rule": "affine", "inputs": [last], "size": 3}, {"name": f"f{n}", "rule": "elementwise", "inputs": [f"z{n}"],
                 "activation": "tanh"}, {"name": f"r{n}", "rule": "add", "inputs": [f"f{n}", last]}]  # fmt: skip
        last = f"r{n}"
    f = sb.compile(sb.graph({"x": 3}, made, samples="m"))
    assert len(f.source.splitlines()) < 12 * 20
    assert max(len(str(s.value)) for s in f.program.statements) < 2000


@pytest.mark.parametrize(
    ("equations", "tensors", "parameters"),
    [
        (["C = sum(j, max(w[j], 0) + min(w[j], x[j]) + sqrt(1 + w[j]**2) + abs(w[j]))"], {"w": (3,), "x": (3,)}, ["w"]),
        (["C = sum(j, (1 + w[j]**2)**c) + sum(j, sin(w[j])*cos(w[j]))"], {"w": (3,)}, ["w"]),
        (["h[i,j] = w[i,j]*x[j,i]", "C = sum(i, j, h[i,j]*h[j,i])"], {"w": (3, 3), "x": (3, 3)}, ["w"]),
        (["C = sum(j, where(w[j] > 0, 2, 3)*w[j])"], {"w": (3,)}, ["w"]),
        (["C = sum(j, w[j]) + g"], {"w": (3,), "g": ()}, ["w", "g"]),
        (["C = sum(j, k, delta(j, k)*w[j,k]*x[j])"], {"w": (3, 3), "x": (3,)}, ["w"]),
        (["C = sum(s, log(sum(j, exp(w[j,s]))))"], {"w": (3, 4)}, ["w"]),
        (["p[i,j] = exp(s[i,j])/sum(k, exp(s[k,j]))", "C = sum(i, j, p[i,j]**2*v[i,j])"], {"s": (3, 4), "v": (3, 4)}, ["s"]),
        (["a[i,j] = exp(s[j,i])/sum(k, exp(s[j,k]))", "C = sum(i, j, a[i,j]**2 - v[i,j]*log(a[i,j]))"], {"s": (3, 3), "v": (3, 3)}, ["s"]),
        (["p[i] = exp(s[i]/c)/sum(k, exp(s[k]/c))", "C = -sum(i, v[i]*log(p[i]))"], {"s": (3,), "v": (3,)}, ["s"]),
        (["a[i] = sigmoid(2*s[i])", "C = -sum(i, v[i]*log(a[i]) + (1 - v[i])*log(1 - a[i]))"], {"s": (3,), "v": (3,)}, ["s"]),
        (["h[i,j] = where(v[i,j] > 0, w[j,i], w[i,j]**2)", "C = sum(i, j, tanh(h[i,j]))"], {"w": (3, 3), "v": (3, 3)}, ["w", "v"]),
        (["h[i,j] = where(w[i,i] + v[j] > 0, sum(k, w[i,k]), w[i,j]*v[j])", "C = sum(i, j, tanh(h[i,j]))"], {"w": (3, 3), "v": (3,)}, ["w", "v"]),
        (["h[i,k] = sum(j, delta(j, k)*where(w[i,k] > 0, w[i,k], v[j]))", "C = sum(i, k, tanh(h[i,k]))"], {"w": (4, 3), "v": (3,)}, ["w", "v"]),
        (["h[i,j] = where(g - v[j] > 0, g*w[i,j], erf(g))", "C = sum(i, j, tanh(h[i,j]))"], {"w": (4, 3), "v": (3,), "g": ()}, ["w", "v", "g"]),
        (["p[i,j] = exp((2*w[i] + 1)*v[j])/sum(k, exp((2*w[i] + 1)*v[k]))", "C = sum(i, j, tanh(p[i,j]))"], {"w": (2,), "v": (3,)}, ["w", "v"]),
        (["h[i,j] = where(2 > 1, w[i,j]**2, v[j])", "C = sum(i, j, tanh(h[i,j]))"], {"w": (4, 3), "v": (3,)}, ["w", "v"]),
        (["h[j] = where(0*w[j] > 1, w[j], where(w[j] > 0, v[j]*w[j], w[j]**2))", "C = sum(j, tanh(h[j]))"], {"w": (3,), "v": (3,)}, ["w", "v"]),
        (["h[i,j] = 2", "C = tanh(sum(i, j, h[i,j]**2))"], {"w": (4, 3), "h": (4, 3)}, ["w"]),
        (["p[j] = exp((v[j] + s[j])*s[j])/sum(k, exp((v[k] + s[k])*s[k]))", "C = sum(j, tanh(p[j]))"], {"s": (3,), "v": (3,)}, ["s", "v"]),
    ],
)
def test_typed_equations_of_every_kind(equations: list[str], tensors: dict[str, Any], parameters: list[str]) -> None:
    open_numbers = ["c"] if any("c)" in e or "**c" in e for e in equations) else []
    checked(equations, tensors, parameters, scalars=open_numbers)


def test_single_precision_stays_single_whatever_numbers_stand_in_the_formulas() -> None:
    net = sb.Network.from_equations(
        ["C = sum(j, where(w[j] > 0, 2, 3)*w[j]) + sum(j, where(w[j] > x[j], 1, 0)) + sum(j, sqrt(2)*exp(c)*max(w[j], 0))/3"],
        tensors={"w": (3,), "x": (3,)}, parameters=["w"], scalars=["c"],
    )  # fmt: skip
    loss, grads = sb.compile(net, dtype="float32")({"w": np.ones(3, "float32")}, np.zeros(3, "float32"), c=np.float64(0.5))
    assert grads["w"].dtype == "float32"
    assert np.asarray(loss).dtype == "float32"
