"""Convolutions and other shifted indices, against the same sums over slices written for autograd, and against central differences."""

from __future__ import annotations

from typing import Any

import autograd.numpy as anp
import numpy as np
import pytest
from autograd import grad

import symbackprop as sb
from symbackprop.equations import Equation, Tensor, index, summation


def against(cost: Any, equations: list[str], tensors: dict[str, Any], parameters: list[str], given: dict[str, Any] | None = None) -> None:
    """Loss and gradients beside `cost`, which is written by hand in the letters of the equations; the rest are inputs."""
    f = sb.compile(sb.Network.from_equations(equations, tensors=tensors, parameters=parameters))
    rng = np.random.default_rng(4)
    values = {**(given or {}), **{name: rng.normal(size=shape) for name, shape in f.params.items()}}
    data = [values[g.name] for g in f.program.inputs]
    loss, grads = f({p: values[p] for p in parameters}, *data)
    rest = {k: v for k, v in values.items() if k not in parameters}
    assert np.isclose(loss, cost(**values), rtol=1e-13)
    for name, expected in grad(lambda p: cost(**p, **rest))({p: values[p] for p in parameters}).items():
        assert grads[name].shape == expected.shape
        np.testing.assert_allclose(grads[name], expected, rtol=1e-11, atol=1e-12)


def test_two_convolutions_along_one_axis() -> None:
    def cost(w: Any, b: Any, v: Any, x: Any) -> Any:
        a = anp.tanh(sum(w[u] * x[u : u + 7] for u in range(3)) + b)
        return anp.sum(sum(v[u] * a[u : u + 6] for u in range(2)) ** 2)

    against(
        cost, ["z[i] = sum(u, w[u]*x[i+u-1]) + b", "a[i] = tanh(z[i])", "q[i] = sum(u, v[u]*a[i+u-1])", "C = sum(i, q[i]**2)"],
        {"x": (9,), "w": (3,), "b": (), "z": (7,), "v": (2,), "q": (6,)}, ["w", "b", "v", "x"],
    )  # fmt: skip


def test_two_convolutions_of_pictures_with_channels_in_a_batch() -> None:
    def convolved(x: Any, w: Any, rows: int, columns: int) -> Any:
        return sum(
            anp.einsum("scij,kc->skij", x[:, :, u : u + rows, v : v + columns], w[:, :, u, v]) for u in range(w.shape[2]) for v in range(w.shape[3])
        )

    def cost(w: Any, g: Any, x: Any) -> Any:
        return anp.sum(convolved(anp.tanh(convolved(x, w, 4, 4)), g, 3, 2) ** 2) / 5

    against(
        cost,
        ["z[s,k,i,j] = sum(c, sum(u, sum(v, w[k,c,u,v]*x[s,c,i+u-1,j+v-1])))", "a[s,k,i,j] = tanh(z[s,k,i,j])",
         "q[s,k,i,j] = sum(c, sum(u, sum(v, g[k,c,u,v]*a[s,c,i+u-1,j+v-1])))", "C = sum(s, sum(k, sum(i, sum(j, q[s,k,i,j]**2))))/m"],
        {"x": ("m", 2, 6, 5), "w": (3, 2, 3, 2), "z": ("m", 3, 4, 4), "g": (2, 3, 2, 3), "q": ("m", 2, 3, 2)}, ["w", "g"],
        {"x": np.random.default_rng(0).normal(size=(5, 2, 6, 5))},
    )  # fmt: skip


def test_neighbours_a_mirror_a_step_of_two_and_a_kernel_for_each_place() -> None:
    def neighbours(w: Any, x: Any) -> Any:
        return anp.sum(anp.tanh(x[2:7] - w * x[1:6]) ** 2)

    against(neighbours, ["z[i] = x[i+2] - w[i]*x[i+1]", "C = sum(i, tanh(z[i])**2)"], {"x": (7,), "w": (5,), "z": (5,)}, ["w", "x"])

    def mirror(x: Any) -> Any:
        return anp.sum(anp.tanh(x[1:6] * x[:5][::-1]) ** 2)

    against(mirror, ["z[i] = x[i+1]*x[6-i]", "C = sum(i, tanh(z[i])**2)"], {"x": (7,), "z": (5,)}, ["x"])

    def every_second(x: Any) -> Any:
        return anp.sum(anp.tanh(x[1:6:2]) ** 2)

    against(every_second, ["z[i] = x[i+i]", "C = sum(i, tanh(z[i])**2)"], {"x": (7,), "z": (3,)}, ["x"])

    def own_kernel(w: Any, g: Any, x: Any) -> Any:
        h = g * x
        return anp.sum(anp.tanh(sum(w[u] * h[:, u : u + 5] for u in range(3))) ** 2) / 4

    against(
        own_kernel, ["h[s,i] = g[i]*x[s,i]", "z[s,i] = sum(u, w[u,i]*h[s,i+u-1])", "C = sum(s, sum(i, tanh(z[s,i])**2))/m"],
        {"x": ("m", 7), "z": ("m", 5), "w": (3, 5), "g": (7,)}, ["w", "g"], {"x": np.random.default_rng(1).normal(size=(4, 7))},
    )  # fmt: skip


def test_functions_of_windows() -> None:
    def cost(w: Any, v: Any, x: Any) -> Any:
        z = sum(anp.exp(w[u] * x[u : u + 5]) for u in range(3))
        return anp.sum(anp.tanh(sum(anp.log(1 + anp.exp(v[u] * z[u : u + 4] / 9)) for u in range(2))) ** 2)

    against(
        cost, ["z[i] = sum(u, exp(w[u]*x[i+u-1]))", "y[i] = sum(u, log(1+exp(v[u]*z[i+u-1]/9)))", "C = sum(i, tanh(y[i])**2)"],
        {"x": (7,), "z": (5,), "w": (3,), "v": (2,), "y": (4,)}, ["x", "w", "v"],
    )  # fmt: skip


def test_a_step_through_time_written_out() -> None:
    """h_t = tanh(w h_(t-1) + x_t) for three times, each an equation: one weight collects the gradients of all."""

    def cost(w: Any, x: Any) -> Any:
        h = anp.tanh(x[0])
        for t in (1, 2):
            h = anp.tanh(anp.dot(w, h) + x[t])
        return anp.sum(h**2)

    steps = [f"h{t}[j] = tanh(sum(k, w[j,k]*h{t - 1}[k]) + x[{t},j])" for t in (2, 3)]
    against(cost, ["h1[j] = tanh(x[1,j])", *steps, "C = sum(j, h3[j]**2)"], {"w": (4, 4), "x": (3, 4)}, ["w", "x"])


@pytest.mark.parametrize("low", [2, 4])
def test_sums_that_do_not_start_at_one(low: int) -> None:
    w, x, c, j, k = Tensor("w", (3, 5)), Tensor("x", (5,)), Tensor("C"), index("j"), index("k")
    z = Tensor("z", (3,))
    equations = [
        Equation(z[j], summation(w[j, k] * x[k], (k, low, 5))), Equation(c(), summation(z[j] ** 2, (j, 2, 3))),
    ]  # fmt: skip
    f = sb.compile(sb.Network.from_equations(equations, tensors={"w": (3, 5), "x": (5,)}, parameters=["w", "x"]))
    rng = np.random.default_rng(0)
    p = {"w": rng.normal(size=(3, 5)), "x": rng.normal(size=5)}

    def cost(p: dict[str, Any]) -> Any:
        return anp.sum(anp.dot(p["w"][:, low - 1 :], p["x"][low - 1 :])[1:] ** 2)

    loss, grads = f(p)
    assert np.isclose(loss, cost(p))
    for name, expected in grad(cost)(p).items():
        np.testing.assert_allclose(grads[name], expected, rtol=1e-12, atol=1e-13)


def test_single_precision_stays_single() -> None:
    net = sb.Network.from_equations(
        ["z[i] = sum(u, w[u]*x[i+u-1])", "C = sum(i, tanh(z[i])**2)"], tensors={"x": (9,), "w": (3,), "z": (7,)}, parameters=["w", "x"]
    )
    loss, grads = sb.compile(net, dtype="float32")({"w": np.ones(3, "float32"), "x": np.ones(9, "float32")})
    assert loss.dtype == grads["w"].dtype == grads["x"].dtype == "float32"
