"""Calls bound to arrays: the same answers as calls with arguments, which have oracles of their own, and NumPy by hand in a loop."""

from __future__ import annotations

import gc
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from test_codegen_backends import need

import symbackprop as sb
from symbackprop.codegen.loading import loaded
from symbackprop.errors import InputError

NETS = {
    "scalars": sb.mlp([2, 2, 1], activation="sigmoid", output="sigmoid", loss="quadratic", samples="m"),
    "arrays": sb.mlp([30, 20, 10], activation="tanh", output="softmax", loss="cross_entropy", samples="m"),
    "class": sb.mlp([6, 5, 4], activation="relu", output="softmax", loss="negative_log_likelihood", samples="m"),
    "numbers": sb.mlp([6, 5, 4], activation="leaky_relu", loss="quadratic", penalty="l2", samples="m"),
}
NUMBERS = {"alpha": 0.1, "lambda_": 0.01}
BOTH = pytest.mark.parametrize("backend", ["numpy", "numba"])


def given(f: Any, m: int = 3) -> tuple[dict[str, Any], list[Any], dict[str, Any]]:
    rng = np.random.default_rng(5)
    program, target = f.program, f.program.net.target
    params = {name: np.asarray(rng.normal(size=shape), f.dtype) for name, shape in f.params.items()}
    n, k = (int(program.inputs[0].shape[1]), int([*f.params.values()][-1][0]))
    labels = rng.integers(0, k, m)
    y = labels if target == "class" else (np.eye(k)[labels] if target == "one_hot" else rng.random((m, k))).astype(f.dtype)
    return params, [np.asarray(rng.normal(size=(m, n)), f.dtype), y], {n: NUMBERS[n] for n in program.scalars}


def same(found: tuple[Any, dict[str, Any]], expected: tuple[Any, dict[str, Any]], tolerance: float = 1e-13) -> None:
    assert type(found[0]) is type(expected[0])
    np.testing.assert_allclose(found[0], expected[0], tolerance)
    assert [*found[1]] == [*expected[1]]
    for name, g in expected[1].items():
        assert (found[1][name].dtype, found[1][name].shape) == (g.dtype, g.shape)
        np.testing.assert_allclose(found[1][name], g, tolerance, tolerance, err_msg=name)


@BOTH
@pytest.mark.parametrize(("net", "dtype"), [*((net, "float64") for net in NETS.values()), (NETS["arrays"], "float32")], ids=[*NETS, "float32"])
def test_a_step_reads_the_arrays_as_they_are(backend: str, net: Any, dtype: str) -> None:
    need(backend)
    f = sb.compile(net, backend, dtype)
    params, data, numbers = given(f)
    step, tolerance = f.bind(params, *data, **numbers), {"float64": 1e-13, "float32": 1e-5}[dtype]
    first = step()
    same(first, f(params, *data, **numbers), tolerance)
    for p in params.values():
        p *= 0.5
    data[0][...] += 1
    second = step()
    same(second, f(params, *data, **numbers), tolerance)
    assert all(first[1][name] is g for name, g in second[1].items())


@BOTH
def test_gradient_descent_in_place(backend: str) -> None:
    """The oracle is the same loop in NumPy by hand."""
    need(backend)
    f = sb.compile(NETS["arrays"], backend)
    params, (X, Y), _ = given(f, 8)
    W1, b1, W2, b2 = (p.copy() for p in params.values())
    step = f.bind(params, X, Y)
    for _ in range(20):
        loss, grads = step()
        for name, p in params.items():
            p -= 0.1 * grads[name]
        A = np.tanh(X @ W1 + b1)
        E = np.exp(A @ W2 + b2)
        P = E / E.sum(1, keepdims=True)
        assert loss == pytest.approx(-np.log((P * Y).sum(1)).mean(), 1e-12)
        D2 = (P - Y) / 8
        D1 = D2 @ W2.T * (1 - A * A)
        for p, g in ((W2, A.T @ D2), (b2, D2.sum(0)), (W1, X.T @ D1), (b1, D1.sum(0))):
            p -= 0.1 * g
    for p, q in zip(params.values(), (W1, b1, W2, b2), strict=True):
        np.testing.assert_allclose(p, q, 1e-10, 1e-12)


@BOTH
@pytest.mark.parametrize("net", [NETS["scalars"], NETS["arrays"]], ids=["scalars", "arrays"])
def test_what_is_not_finite_is_named_at_the_step_that_meets_it(backend: str, net: Any) -> None:
    need(backend)
    f = sb.compile(net, backend)
    params, data, _ = given(f)
    step = f.bind(params, *data)
    expected = f(params, *data)
    for array, name in ((params["W1"], "W1"), (params["b2"], "b2"), (data[0], "X")):
        at = (0,) * array.ndim
        kept = array[at]
        for bad in (np.nan, np.inf, -np.inf):
            array[at] = bad
            with pytest.raises(InputError, match=rf"{name} is not finite in 1 of \d+ entries"):
                step()
        array[at] = kept
        same(step(), expected)


@BOTH
def test_labels_are_looked_at_in_every_step(backend: str) -> None:
    need(backend)
    f = sb.compile(NETS["class"], backend)
    params, (X, y), _ = given(f)
    step = f.bind(params, X, y)
    expected = step()[0]
    y[1], kept = 4, y[1]
    with pytest.raises(InputError, match=r"y|Y"):
        step()
    y[1] = kept
    assert step()[0] == expected


@BOTH
@pytest.mark.parametrize(
    ("loss", "width", "right", "wrong"),
    [("negative_log_likelihood", 3, 2, (3, -1)), ("binary_cross_entropy", 1, 0.25, (1.5, -0.1, np.nan)), ("hinge", 1, -1.0, (0.0, 2.0, np.inf))],
)
def test_the_label_of_a_single_example_is_looked_at_too(backend: str, loss: str, width: int, right: float, wrong: tuple[float, ...]) -> None:
    """The oracle is the same example as a batch of one."""
    need(backend)
    ends: dict[str, Any] = {"output": "softmax" if width > 1 else "sigmoid" if loss[0] == "b" else "identity", "loss": loss}
    one, batch = sb.compile(sb.mlp([2, width], **ends), backend), sb.compile(sb.mlp([2, width], samples="m", **ends))
    rng, kind = np.random.default_rng(1), int if width > 1 else float
    params, x = {name: rng.normal(size=shape) for name, shape in one.params.items()}, rng.normal(size=2)
    y = np.array(right, kind) if not one.program.targets[0].shape else np.array([right], kind)
    step = one.bind(params, x, y)
    same(step(), batch(params, x[None], y.reshape(1, -1) if y.ndim else y[None]), 1e-12)
    same(one(params, x, y), step(), 1e-12)
    for bad in wrong:
        y[...] = bad
        for call in (step, lambda: one(params, x, y)):
            with pytest.raises(InputError, match=r"y|Y"):
                call()
    y[...] = right
    step()


@BOTH
def test_numbers_that_plain_arithmetic_cannot_hold(backend: str) -> None:
    """An exponential of plain numbers raises where one of arrays is infinite, and the gradient right all the same."""
    need(backend)
    f = sb.compile(NETS["scalars"], backend)
    params, data, _ = given(f)
    step = f.bind(params, *data)
    params["b1"][...] = -1e4
    loss, grads = step()
    A2 = 1 / (1 + np.exp(-params["b2"]))
    np.testing.assert_allclose(loss, 0.5 * ((A2 - data[1]) ** 2).sum() / 3, 1e-14)
    assert np.array_equal(grads["W1"], np.zeros((2, 2)))
    same((loss, grads), f(params, *data))


@BOTH
@pytest.mark.parametrize("net", ["arrays", "numbers", "scalars"])
def test_arrays_and_numbers_live_as_long_as_the_step(backend: str, net: str) -> None:
    need(backend)
    f = sb.compile(NETS[net], backend)
    params, data, numbers = given(f)
    expected, step = f(params, *data, **numbers), f.bind(params, *data, **numbers)
    del params, data
    gc.collect()
    others = [np.full(shape, 7.0) for shape in ((30, 20), 2, 3, 6) for _ in range(50)]  # would lie where they lay
    same(step(), expected)
    del others


def test_numba_binds_a_network_of_many_layers() -> None:
    """It has no one compiled function: each statement is compiled apart."""
    need("numba")
    net = sb.mlp([3] * 60, activation="tanh", loss="quadratic", samples="m")
    f, by_numpy = sb.compile(net, "numba"), sb.compile(net)
    params, data, _ = given(f)
    step = f.bind(params, *data)
    for _ in range(2):
        loss, grads = step()
        same((loss, grads), by_numpy(params, *data), 1e-12)
        data[0] += 1
    assert step()[1]["W1"] is grads["W1"]


@BOTH
def test_every_binding_has_gradients_of_its_own(backend: str) -> None:
    need(backend)
    f = sb.compile(NETS["arrays"], backend)
    params, data, _ = given(f, 16)
    parts = [(data[0][k : k + 4].copy(), data[1][k : k + 4].copy()) for k in range(0, 16, 4)]
    steps = [f.bind(params, *part) for part in parts]
    expected = [f(params, *part) for part in parts]
    with ThreadPoolExecutor(4) as threads:
        for _ in range(10):
            for found, wanted in zip(threads.map(lambda step: step(), steps), expected, strict=True):
                same(found, wanted)


@BOTH
def test_what_would_be_copied_cannot_be_bound(backend: str) -> None:
    need(backend)
    f = sb.compile(NETS["arrays"], backend)
    params, (X, Y), _ = given(f)
    for bad, said in (
        ((params, X.tolist(), Y), "X must be an ndarray of dtype float64.*, not list"),
        ((params, X, Y.astype(int)), "Y must be an ndarray of dtype float64.*, not ndarray of dtype int64"),
        ((params, X, Y.view(np.recarray)), "Y must be an ndarray of dtype float64.*, not recarray"),
        (({**params, "b1": params["b1"].astype("float32")}, X, Y), "b1 has dtype float32, but the function computes in float64"),
        (({**params, "b1": params["b1"][:-1]}, X, Y), re.escape("b1 has shape (19,); expected (20,)")),
        (({"W1": params["W1"]}, X, Y), "params lacks b1, W2, b2"),
        ((params, X), "2 arrays come after params"),
    ):
        with pytest.raises(InputError, match=said):
            f.bind(*bad)


def test_arrays_of_any_order_are_bound_where_they_are_read_by_numpy() -> None:
    f = sb.compile(NETS["arrays"])
    params, (X, Y), _ = given(f)
    turned, apart = np.asfortranarray(X), np.repeat(Y, 2, axis=1)[:, ::2]
    turned.setflags(write=False)
    same(f.bind(params, turned, apart)(), f(params, X, Y))


def test_numba_binds_only_what_it_reads_in_place() -> None:
    need("numba")
    f = sb.compile(NETS["arrays"], "numba")
    params, (X, Y), _ = given(f)
    with pytest.raises(InputError, match="X must be an ndarray of dtype float64, in C order and not read-only"):
        f.bind(params, np.asfortranarray(X), Y)
    g, labels = sb.compile(NETS["class"], "numba"), np.zeros(3, np.int32)
    params, (X, _), _ = given(g)
    with pytest.raises(InputError, match="must be an ndarray of dtype int64, not ndarray of dtype int32"):
        g.bind(params, X, labels)
    assert g(params, X, labels)[0] == g(params, X, labels.astype(int))[0]


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_a_backend_that_cannot_bind_says_so(backend: str) -> None:
    need(backend)
    with pytest.raises(InputError, match=f"the {backend} backend cannot bind"):
        sb.compile(NETS["arrays"], backend, "float32").bind({})


@BOTH
@pytest.mark.parametrize("of", ["A1[0, 3]", "A1"])
def test_a_derivative_is_bound_too(backend: str, of: str) -> None:
    """The oracle is the readable module for NumPy."""
    need(backend)
    f = sb.compile(NETS["arrays"], backend, of=of, wrt=["W1", "X"])
    params, (X, _), _ = given(f)
    params = {name: params[name] for name in f.params}
    step = f.bind(params, X)
    X += 1
    found = loaded(sb.compile(NETS["arrays"], of=of, wrt=["W1", "X"]).source)["loss_and_gradients"](params, X)
    np.testing.assert_allclose(step()[0], found[0], 1e-13)
    for name, g in step()[1].items():
        np.testing.assert_allclose(g, found[1][name], 1e-12, 1e-14)


def test_numba_writes_products_where_they_belong_and_copies_the_rest() -> None:
    """Two biases have one gradient, one weight is in two products, and sizes are on both sides of where BLAS is called."""
    need("numba")
    net = sb.Network.from_equations(
        [
            "z[s, i] = sum(j, x[s, j]*w[j, i]) + b[i] + c[i]", "a[s, i] = tanh(z[s, i])",
            "u[s, q] = sum(i, a[s, i]*v[i, q])", "J = sum(s, q, (u[s, q] - y[s, q])**2) + sum(j, i, w[j, i]**2)",
        ],
        tensors={"x": ("m", 12), "w": (12, 9), "b": (9,), "c": (9,), "v": (9, 2), "y": ("m", 2)}, parameters=["w", "b", "c", "v"], targets=["y"],
    )  # fmt: skip
    f, plain = (sb.compile(net, backend) for backend in ("numba", "numpy"))
    for m in (1, 40):
        rng = np.random.default_rng(m)
        params = {name: rng.normal(size=shape) for name, shape in f.params.items()}
        data = [rng.normal(size=(m, 12)), rng.normal(size=(m, 2))]
        step = f.bind(params, *data)
        step()
        for p in params.values():
            p *= 0.5
        same(step(), plain(params, *data))


@pytest.mark.parametrize("letter", ["at_", "address_", "g0_", "pointer", "carray"])
@pytest.mark.parametrize("size", [2, 30])
def test_letters_of_the_caller_are_not_those_that_numba_opens_addresses_with(letter: str, size: int) -> None:
    need("numba")
    net = sb.Network.from_equations(
        [f"z[i] = sum(j, x[j]*{letter}[j, i]) + b[i]", "J = sum(i, (tanh(z[i]) - y[i])**2)"],
        tensors={"x": (size,), letter: (size, size), "b": (size,), "y": (size,)}, parameters=[letter, "b"], targets=["y"],
    )  # fmt: skip
    f, plain = (sb.compile(net, backend) for backend in ("numba", "numpy"))
    rng = np.random.default_rng(size)
    params, data = {name: rng.normal(size=shape) for name, shape in f.params.items()}, [rng.normal(size=size) for _ in range(2)]
    same(f.bind(params, *data)(), plain(params, *data))
