"""Functions inside typed equations get names of their own; HIPS autograd, over the emitted forward pass, is the oracle of the gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import symbackprop as sb
from symbackprop.codegen.apart import with_functions_apart
from symbackprop.codegen.backward import backward_equations

autograd = pytest.importorskip("autograd")

GATED = [
    "r[s, j] = sigmoid(sum(k, wr[j, k]*x[s, k]) + sum(k, ur[j, k]*h[s, k]))",
    "z[s, j] = sigmoid(sum(k, wz[j, k]*x[s, k]) + sum(k, uz[j, k]*h[s, k]))",
    "n[s, j] = tanh(sum(k, wn[j, k]*x[s, k]) + r[s, j]*sum(k, un[j, k]*h[s, k]))",
    "g[s, j] = (1 - z[s, j])*n[s, j] + z[s, j]*h[s, j]",
    "C = 1/2*sum(s, j, (g[s, j] - y[s, j])**2)",
]
GATED_SHAPES: dict[str, Any] = {f"w{c}": (4, 3) for c in "rzn"} | {f"u{c}": (4, 4) for c in "rzn"} | {"x": ("m", 3), "h": ("m", 4), "y": ("m", 4)}
UNROLLED = [f"h{t}[j] = tanh(sum(k, w[j, k]*x{t}[k]) + sum(i, u[j, i]*h{t - 1}[i]) + b[j])" for t in (1, 2, 3)] + ["C = sum(j, h3[j]**2)"]
UNROLLED_SHAPES: dict[str, Any] = {"w": (4, 3), "u": (4, 4), "b": (4,), "h0": (4,), "x1": (3,), "x2": (3,), "x3": (3,)}
NETWORKS: dict[str, tuple[list[str], dict[str, Any], list[str]]] = {
    "gated": (GATED, GATED_SHAPES, [*(f"w{c}" for c in "rzn"), *(f"u{c}" for c in "rzn")]),
    "unrolled": (UNROLLED, UNROLLED_SHAPES, ["w", "u", "b"]),
    "under a sum": (["C = sum(j, (y[j] - sigmoid(sum(k, w[j, k]*x[k])))**2)"], {"w": (3, 2), "x": (2,), "y": (3,)}, ["w"]),
    "one in another": (["C = sum(j, tanh(sigmoid(w[j]*x[j]) + x[j]))"], {"w": (3,), "x": (3,)}, ["w"]),
    "the same twice": (["p[j] = tanh(w[j])*x[j]", "C = sum(j, p[j]*tanh(w[j]))"], {"w": (3,), "x": (3,)}, ["w"]),
    "transposed": (["p[i, j] = tanh(w[i, j]) + tanh(w[j, i])", "C = sum(i, j, p[i, j]**2*x[i, j])"], {"w": (3, 3), "x": (3, 3)}, ["w"]),
    "of a shift": (["p[i] = sigmoid(x[i + 1] - x[i + 2])*w[i]", "C = sum(i, p[i]**2)"], {"w": (3,), "x": (5,), "p": (3,)}, ["w"]),
    "additive attention": (
        ["e[t] = sum(d, v[d]*tanh(sum(k, w[d, k]*x[t, k]) + q[d]))", "C = sum(t, exp(e[t])/sum(u, exp(e[u]))*x[t, 1])"],
        {"v": (4,), "w": (4, 3), "x": ("T", 3), "q": (4,)}, ["v", "w", "q"],
    ),
}  # fmt: skip


def network(name: str) -> sb.Network:
    equations, tensors, parameters = NETWORKS[name]
    return sb.Network.from_equations(equations, tensors=tensors, parameters=parameters, targets=["y"] if "y" in tensors else [])


@pytest.mark.parametrize("name", NETWORKS)
def test_gradients_are_those_of_autograd(name: str) -> None:
    f = sb.compile(network(name))
    rng = np.random.default_rng(0)

    def filled(shape: Any) -> Any:
        return rng.normal(size=tuple(int(n) if n.is_Integer else 5 for n in shape))

    params = {g.name: filled(g.shape) for g in f.program.params}
    data = [filled(g.shape) for g in (*f.program.inputs, *f.program.targets)]
    traced: dict[str, Any] = {}
    exec(f.source.replace("import numpy as np", "import autograd.numpy as np").replace(", optimize=True", ""), traced)
    wanted = autograd.grad(lambda p: traced["loss_and_gradients"](p, *data)[0])(params)
    _, grads = f(params, *data)
    for key, g in grads.items():
        np.testing.assert_allclose(g, wanted[key], rtol=1e-12, atol=1e-13)


def test_no_slope_evaluates_its_function_again() -> None:
    source = sb.compile(network("unrolled")).source
    assert source.count("np.tanh(") == 3
    assert "dz_h1 = (u.T @ dz_h2) * (1 - h1**2)  # dC-dz_h1 (4,)" in source
    assert "dw = np.outer(dz_h1, x1) + np.outer(dz_h2, x2) + np.outer(dz_h3, x3)  # dC-dw (4, 3)" in source


def test_what_is_the_same_is_computed_once() -> None:
    assert [str(e.lhs) for e in with_functions_apart(network("the same twice")).equations] == ["tanh_w[j]", "p[j]", "C"]


def test_names_of_the_author_are_left_alone() -> None:
    net = sb.Network.from_equations(
        ["z_h[j] = x[j]**2", "h[j] = tanh(sum(k, w[j, k]*z_h[k]))", "C = sum(j, h[j])"], tensors={"w": (2, 2), "x": (2,)}, parameters=["w"])
    assert [str(e.lhs) for e in with_functions_apart(net).equations] == ["z_h[j]", "z_h2[j]", "h[j]", "C"]


@pytest.mark.parametrize("net", [sb.mlp([2, 3, 1]), sb.mlp([2, 1], activation="gelu", loss="binary_cross_entropy_logits", output="identity")])
def test_what_stands_alone_already_is_left_as_it_is(net: sb.Network) -> None:
    assert with_functions_apart(net) is net


def test_a_sum_whose_tail_has_a_form_of_its_own_keeps_its_function() -> None:
    net = sb.Network.from_equations(["C = sum(j, x[j]*(1 + tanh(x[j])))"], tensors={"x": (2,)}, parameters=["x"])
    assert with_functions_apart(net).equations == net.equations


def test_two_products_are_two_statements() -> None:
    """A gradient that is a sum stands under a name where the next would sum it again: `dq = ds @ k`, `dwq = x.T @ dq`."""
    net = sb.Network.from_equations(
        ["q[t, d] = sum(e, x[t, e]*w[e, d])", "p[t] = sum(d, q[t, d]*k[d])", "C = sum(t, p[t]**2)"],
        tensors={"x": ("T", 3), "w": (3, 2), "k": (2,)}, parameters=["w", "x"],
    )  # fmt: skip
    for found in backward_equations(net, {}, net.parameters):
        assert "Sum(Sum" not in str(found.equation).replace(" ", "")


def test_the_delta_of_an_outer_sum_is_drawn_out_of_the_inner_one() -> None:
    """Layer normalisation: the slope of the variance of example t by the mean of example s needs no m by m array."""
    net = sb.Network.from_equations(
        ["mu[s] = 1/5*sum(j, x[s, j])", "v[s] = 1/5*sum(j, (x[s, j] - mu[s])**2)", "C = sum(s, v[s]**3)"], tensors={"x": ("m", 5)}, parameters=["x"])
    assert "eye" not in sb.compile(net).source
    assert not any("KroneckerDelta" in str(found.equation) for found in backward_equations(net, {}, net.parameters))
