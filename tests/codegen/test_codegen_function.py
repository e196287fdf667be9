"""Every rule of the registry, compiled, against autograd and against backpropagation written by hand."""

from __future__ import annotations

import copy
import pickle
import threading
from typing import Any

import codegen_oracles as oracles
import numpy as np
import pytest
from autograd import grad

import symbackprop as sb
from symbackprop.codegen.backends import BACKENDS
from symbackprop.errors import UnknownName
from symbackprop.rules import ACTIVATIONS, LOSSES, PENALTIES

TOLERANCE = {"float64": 1e-12, "float32": 2e-5}


def close(got: Any, expected: Any, dtype: str) -> bool:
    scale = max(1.0, float(np.abs(expected).max()))
    return bool(np.abs(np.asarray(got, dtype="float64") - expected).max() <= TOLERANCE[dtype] * scale)


def agrees(dtype: str, **described: Any) -> None:
    """The compiled perceptron against autograd, with batches of two sizes."""
    sizes = [3, 4, 3]
    net = sb.mlp(sizes, samples="m", **described)
    f = sb.compile(net, dtype=dtype)
    rng = np.random.default_rng(7)
    numbers = {n: oracles.NUMBERS[n] for n in f.program.scalars}
    for count in (5, 2):
        params = oracles.parameters(sizes, rng, dtype)
        x, y = rng.normal(size=(count, 3)).astype(dtype), oracles.targets(net, count, 3, rng, dtype)
        loss, grads = f(params, x, y, **numbers)

        rest = (described["activation"], described["output"], described["loss"], described.get("penalty"))
        exact = {k: v.astype("float64") for k, v in params.items()}
        data = (x.astype("float64"), y if y.dtype.kind == "i" else y.astype("float64"), *rest)
        assert close(loss, oracles.cost(exact, *data), dtype)
        expected = grad(oracles.cost)(exact, *data)
        assert list(grads) == list(params)
        for name, value in expected.items():
            assert grads[name].dtype == dtype
            assert grads[name].shape == params[name].shape
            assert grads[name].flags.owndata or grads[name].base is not None
            assert close(grads[name], value, dtype), name


def test_the_oracles_cover_the_registry() -> None:
    assert set(oracles.ACTIVATIONS) == set(ACTIVATIONS)
    assert set(oracles.LOSSES) == set(LOSSES)
    assert set(oracles.PENALTIES) == set(PENALTIES)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_activation_compiles_and_is_right(name: str, dtype: str) -> None:
    agrees(dtype, activation=name, output=name, loss="quadratic")


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_compiles_and_is_right(name: str, dtype: str) -> None:
    agrees(dtype, activation="tanh", output=oracles.OUTPUT.get(name, "identity"), loss=name)


@pytest.mark.parametrize("name", PENALTIES)
def test_every_penalty_compiles_and_is_right(name: str) -> None:
    agrees("float64", activation="tanh", output="identity", loss="quadratic", penalty=name)


@pytest.mark.parametrize("notation", ["ng", "nielsen", "rows", "saito", "three_blue_one_brown", "wt"])
@pytest.mark.parametrize("samples", ["m", None])
def test_layouts_differ_only_in_how_arrays_lie(notation: str, samples: str | None) -> None:
    net = sb.mlp([3, 4, 2], activation="tanh", output="softmax", loss="cross_entropy", samples=samples)
    f = sb.compile(net, notation=notation)
    rng = np.random.default_rng(3)
    params = {name: rng.normal(size=shape) for name, shape in f.params.items()}
    data = []
    for g in (*f.program.inputs, *f.program.targets):
        shape = [int(n) if n.is_Integer else 6 for n in g.tensor.shape]
        values = rng.normal(size=shape) if g in f.program.inputs else np.eye(2)[:, rng.integers(0, 2, size=shape[1:])]
        data.append(np.transpose(values, g.axes))
    assert f.check(params, *data).ok


def by_hand(p: dict[str, Any], x: Any, y: Any) -> tuple[float, dict[str, Any]]:
    """Sigmoid and softmax with cross-entropy, backpropagated with loops over the examples."""
    grads = {k: np.zeros_like(v) for k, v in p.items()}
    loss = 0.0
    for one, wanted in zip(x, y, strict=True):
        a1 = 1 / (1 + np.exp(-(one @ p["W1"] + p["b1"])))
        e = np.exp(a1 @ p["W2"] + p["b2"])
        share = e / e.sum()
        loss -= float(np.log(share[wanted.argmax()])) / len(x)
        d2 = (share - wanted) / len(x)
        d1 = (p["W2"] @ d2) * a1 * (1 - a1)
        for name, left, right in (("W2", a1, d2), ("W1", one, d1)):
            grads[name] += np.outer(left, right)
        grads["b2"] += d2
        grads["b1"] += d1
    return loss, grads


def test_backpropagation_written_by_hand_agrees() -> None:
    f = sb.compile(sb.mlp([4, 5, 3], output="softmax", loss="cross_entropy", samples="m"))
    rng = np.random.default_rng(0)
    params, x, y = oracles.parameters([4, 5, 3], rng), rng.normal(size=(7, 4)), np.eye(3)[rng.integers(0, 3, 7)]
    loss, grads = f(params, x, y)
    expected, gradients = by_hand(params, x, y)
    assert abs(loss - expected) < 1e-13
    for name, value in gradients.items():
        assert np.abs(grads[name] - value).max() < 1e-14


def case() -> tuple[Any, dict[str, Any], Any, Any]:
    rng = np.random.default_rng(1)
    f = sb.compile(sb.mlp([3, 2], activation="tanh", samples="m"))
    return f, oracles.parameters([3, 2], rng), rng.normal(size=(4, 3)), rng.normal(size=(4, 2))


def test_arrays_of_any_layout_in_memory_are_right_and_untouched() -> None:
    f, params, x, y = case()
    loss, grads = f(params, x, y)
    wide = np.zeros((8, 6))
    wide[::2, ::2] = x
    readonly = np.broadcast_to(params["b1"], (2,))
    others = {"W1": np.asfortranarray(params["W1"]), "b1": readonly}
    before = {k: v.copy() for k, v in others.items()}
    again, gradients = f(others, wide[::2, ::2], np.asfortranarray(y))
    assert np.isclose(loss, again, rtol=1e-15)
    for name in grads:
        np.testing.assert_allclose(grads[name], gradients[name], rtol=1e-13)
        np.testing.assert_array_equal(others[name], before[name])


def test_results_share_no_memory_with_what_was_given_or_with_each_other() -> None:
    net = sb.Network.from_equations(["C = sum(j, w[j]*x[j]) + sum(j, v[j]*x[j])"], tensors={"w": (3,), "v": (3,), "x": (3,)}, parameters=["w", "v"])
    f, x = sb.compile(net), np.arange(3.0)
    _, grads = f({"w": x, "v": x}, x)
    grads["w"][0] = 9
    assert x[0] == 0
    assert grads["v"][0] == 0
    single = sb.compile(sb.mlp([2, 2], activation="identity"))
    _, grads = single({"W1": np.eye(2), "b1": np.zeros(2)}, np.ones(2), np.zeros(2))
    assert not any(np.shares_memory(a, b) for k, a in grads.items() for m, b in grads.items() if k != m)


def test_threads_do_not_disturb_each_other() -> None:
    f, params, x, y = case()
    expected = f(params, x, y)[1]
    wrong: list[str] = []

    def work() -> None:
        for _ in range(50):
            if not np.array_equal(f(params, x, y)[1]["W1"], expected["W1"]):
                wrong.append("W1")

    threads = [threading.Thread(target=work) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong


def test_a_flat_vector_goes_there_and_back() -> None:
    f, params, x, y = case()
    theta = f.flatten(params)
    for name, value in f.unflatten(theta).items():
        np.testing.assert_array_equal(value, params[name])
    loss, gradient = f.flat(theta, x, y)
    assert isinstance(loss, float)
    np.testing.assert_array_equal(gradient, f.flatten(f(params, x, y)[1]))
    for _ in range(200):
        theta = theta - 0.1 * f.flat(theta, x, y)[1]
    assert f.flat(theta, x, y)[0] < loss / 2


@pytest.mark.parametrize("method", ["differences", "complex"])
def test_what_is_not_finite_is_no_agreement(method: str) -> None:
    f = sb.compile(sb.Network.from_equations(["C = sum(j, sqrt(w[j]))"], tensors={"w": (3,)}, parameters=["w"]))
    with np.errstate(all="ignore"):
        report = f.check({"w": np.array([1.0, -1.0, 2.0])}, method=method)
    assert not report.ok
    assert "relative error inf" in str(report)
    good = f.check({"w": np.array([1.0, 1.0, 2.0])}, method=method)
    assert good.ok
    assert f"and {'complex steps' if method == 'complex' else 'differences'} give" in str(good)


def test_the_check_says_in_words_where_the_error_is() -> None:
    from dataclasses import replace

    f, params, x, y = case()
    good = f.check(params, x, y)
    assert good.ok
    assert "W1: largest relative error" in str(good)

    def skewed(p: Any, *data: Any) -> Any:
        loss, grads = f.run(p, *data)
        return loss, {**grads, "W1": grads["W1"] + np.eye(3, 2)[::-1] * 0.1}

    bad = replace(f, run=skewed).check(params, x, y)
    assert not bad.ok
    assert "at W1[" in str(bad)
    assert next(c for c in bad.parameters if c.name == "b1").error < 1e-7


@pytest.mark.parametrize("backend", [*BACKENDS])
def test_a_function_is_sent_to_other_processes(backend: str) -> None:
    """The oracle is the function itself; the copy shares nothing with it."""
    pytest.importorskip(BACKENDS[backend].needs)
    f = sb.compile(sb.mlp([3, 2], output="softmax", loss="cross_entropy", samples="m"), backend, "float32")
    params = {"W1": np.ones((3, 2), "float32"), "b1": np.zeros(2, "float32")}
    x, y = np.ones((4, 3), "float32"), np.eye(2, dtype="float32")[[0, 1, 1, 1]]
    loss, grads = f(params, x, y)
    for other in (pickle.loads(pickle.dumps(f)), copy.deepcopy(f)):
        again, gradients = other(params, x, y)
        assert (float(again), other.source, repr(other)) == (float(loss), f.source, repr(f))
        for name, g in grads.items():
            np.testing.assert_array_equal(np.asarray(gradients[name]), np.asarray(g))


def test_a_function_says_what_it_is() -> None:
    f = sb.compile(sb.mlp([3, 2], activation="leaky_relu", samples="m"), dtype="float32")
    assert repr(f) == "<loss and gradients of 'mlp': f(params, X, Y, alpha=...); numpy, float32>"


@pytest.mark.parametrize("dtype", ["float32", np.float32, np.dtype("float32")])
def test_a_dtype_is_a_name_or_that_of_a_library(dtype: Any) -> None:
    f = sb.compile(sb.mlp([2, 1], samples="m"), dtype=dtype)
    assert f.dtype == "float32"
    params = {name: np.ones(shape, dtype) for name, shape in f.params.items()}
    assert f(params, np.ones((3, 2), dtype), np.ones((3, 1), dtype))[1]["W1"].dtype == np.float32


@pytest.mark.parametrize("dtype", [float, int, None, np.float16, np.dtype("complex128"), "float"])
def test_other_dtypes_are_refused(dtype: Any) -> None:
    with pytest.raises(UnknownName, match=r"unknown dtype '.*Known: float32, float64"):
        sb.compile(sb.mlp([2, 1]), dtype=dtype)
