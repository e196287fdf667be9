"""The fast form against the readable module of the same program, against autograd, and for what it promises of memory and threads."""

from __future__ import annotations

import copy
import gc
import pickle
import re
import threading
import weakref
from types import MappingProxyType
from typing import Any

import codegen_oracles as oracles
import mpmath
import numpy as np
import pytest
from autograd import grad
from hypothesis import given, settings
from hypothesis import strategies as st
from test_codegen_backends import need
from test_codegen_graphs import WIDTH, layers

import symbackprop as sb
from symbackprop.codegen.loading import loaded
from symbackprop.codegen.numpy_source import numpy_source
from symbackprop.errors import InputError
from symbackprop.rules import ACTIVATIONS, LOSSES

BOTH = pytest.mark.parametrize("backend", ["numpy", "numba"])


def readable(f: Any) -> Any:
    """The module that is emitted for NumPy, run as it stands: the reference of the fast form."""
    return loaded(numpy_source(f.program))["loss_and_gradients"]


def perceptron(
    sizes: list[int], count: int, dtype: str = "float64", seed: int = 0, backend: str = "numpy", **described: Any
) -> tuple[Any, dict[str, Any], Any, Any, Any]:
    need(backend)
    net = sb.mlp(sizes, samples="m", **described)
    f, rng = sb.compile(net, backend, dtype), np.random.default_rng(seed)
    numbers = {n: oracles.NUMBERS[n] for n in f.program.scalars}
    x = rng.normal(size=(count, sizes[0])).astype(dtype)
    return f, oracles.parameters(sizes, rng, dtype), x, oracles.targets(net, count, sizes[-1], rng, dtype), numbers


def same(got: Any, expected: Any, tolerance: float = 1e-12) -> None:
    (loss, grads), (reference, gradients) = got, expected
    assert np.isclose(loss, reference, rtol=tolerance, atol=tolerance)
    assert list(grads) == list(gradients)
    for name, value in gradients.items():
        scale = max(1.0, float(np.abs(value).max()))
        assert np.abs(grads[name] - value).max() <= tolerance * scale, name


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_activation_runs_as_it_is_written(name: str, dtype: str) -> None:
    f, params, x, y, numbers = perceptron([20, 40, 30], 16, dtype, activation=name, output=name, loss="quadratic")
    same(f(params, x, y, **numbers), readable(f)(params, x, y, **numbers), 1e-12 if dtype == "float64" else 2e-5)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_runs_as_it_is_written(name: str, dtype: str) -> None:
    f, params, x, y, numbers = perceptron([20, 40, 30], 16, dtype, output=oracles.OUTPUT.get(name, "identity"), loss=name)
    same(f(params, x, y, **numbers), readable(f)(params, x, y, **numbers), 1e-12 if dtype == "float64" else 2e-5)


@pytest.mark.parametrize("sizes", [[5, 1], [30, 70, 80, 4], [64] * 6, [784, 30, 10], [80, 130, 3]])
@pytest.mark.parametrize("count", [1, 33])
def test_shapes_of_every_kind_agree_with_autograd(sizes: list[int], count: int) -> None:
    f, params, x, y, _ = perceptron(sizes, count, output="softmax", loss="cross_entropy")
    data = (x, y, "sigmoid", "softmax", "cross_entropy")
    for _ in range(2):  # the second call finds its workspace used
        same(f(params, x, y), (oracles.cost(params, *data), grad(oracles.cost)(params, *data)))


@settings(max_examples=40, deadline=None, derandomize=True)
@given(layers(), st.integers(0, 1000), st.integers(1, 70))
def test_random_graphs_run_as_they_are_written(made: list[dict[str, Any]], seed: int, count: int) -> None:
    f = sb.compile(sb.graph({"x": WIDTH, "v": WIDTH}, made, samples="m"))
    rng = np.random.default_rng(seed)
    params = {name: rng.normal(size=shape) / 2 for name, shape in f.params.items()}
    data = [rng.normal(size=(count, WIDTH)) / 2 for _ in range(len(f.program.inputs) + 1)]
    before = copy.deepcopy((params, data))
    same(f(params, *data), readable(f)(params, *data), 1e-10)
    for name, value in before[0].items():
        np.testing.assert_array_equal(params[name], value)
    for value, kept in zip(data, before[1], strict=True):
        np.testing.assert_array_equal(value, kept)


def test_layers_of_many_kinds_run_as_they_are_written() -> None:
    for equations, tensors, parameters in (
        (["h[i,j,k] = tanh(t[i,j,k]*x[k] + sum(q, u[i,q,k]*x[q]))", "C = sum(i, j, k, h[i,j,k]**2)"],
         {"t": (3, 2, 4), "x": (4,), "u": (3, 4, 4)}, ["t", "u"]),
        (["s[i,j] = sum(k, q[i,k]*r[j,k])", "p[i,j] = exp(s[i,j])/sum(k, exp(s[i,k]))", "C = sum(i, j, p[i,j]**3) + w[2,1]"],
         {"q": (9, 6), "r": (8, 6), "w": (3, 3)}, ["q", "r", "w"]),
        (["B1[j] = add[j]*s1", "C = sum(j, exp(B1[j])*c1[j] + max(ones[j], 0)**2)"],
         {"add": (9,), "s1": (), "c1": (9,), "ones": (9,)}, ["add", "s1", "ones"]),
        (["C = g"], {"g": ()}, ["g"]),
    ):  # fmt: skip
        f = sb.compile(sb.Network.from_equations(equations, tensors=tensors, parameters=parameters))
        rng = np.random.default_rng(4)
        params = {name: np.asarray(rng.normal(size=shape)) for name, shape in f.params.items()}
        data = [rng.normal(size=[int(n) for n in g.shape]) for g in f.program.inputs]
        loss, grads = f(params, *data)
        same((loss, grads), readable(f)(params, *data))
        assert not any(np.shares_memory(loss, x) for x in params.values())


# -- memory ----------------------------------------------------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize("sizes", [[2, 2], [40, 30]])
def test_results_are_new_arrays_unless_asked_otherwise(backend: str, sizes: list[int]) -> None:
    f, params, x, y, _ = perceptron(sizes, 1, backend=backend)
    _, first = f(params, x, y)
    kept = {k: v.copy() for k, v in first.items()}
    f(params, x + 1, y)
    for name, value in kept.items():
        np.testing.assert_array_equal(first[name], value)

    _, own = f(params, x, y, reuse=True)
    same((0, own), (0, kept), 1e-15)
    _, again = f(params, x + 1, y, reuse=True)
    assert all(own[name] is again[name] for name in own)
    assert not np.array_equal(own["b1"], kept["b1"])
    assert not any(np.shares_memory(own[k], first[k]) for k in own)


@BOTH
@pytest.mark.parametrize("sizes", [[2, 2], [40, 30]])
def test_gradients_are_written_where_the_caller_wants_them(backend: str, sizes: list[int]) -> None:
    f, params, x, y, _ = perceptron(sizes, 3, backend=backend)
    expected = f(params, x, y)
    wide = np.zeros((2 * sizes[0], 2 * sizes[1]))
    for w in (np.empty(sizes), np.empty(sizes, order="F"), wide[::2, ::2]):
        out = {"W1": w, "b1": np.empty(sizes[1])}
        for _ in range(2):
            loss, grads = f(params, x, y, out=out)
            assert all(grads[name] is out[name] for name in out)
            same((loss, grads), expected, 1e-15)
    assert not wide[1::2].any()
    assert not wide[:, 1::2].any()


@BOTH
def test_arrays_that_cannot_be_written_to_are_refused(backend: str) -> None:
    f, params, x, y, _ = perceptron([3, 2], 4, backend=backend)
    good = {"W1": np.empty((3, 2)), "b1": np.empty(2)}
    f(params, x, y, out=good)
    frozen = np.empty(2)
    frozen.flags.writeable = False
    one = np.empty(8)
    for out, says in (
        ({"W1": good["W1"]}, "out\\['b1'\\] must be an array of shape \\(2,\\) .* it is missing"),
        ({**good, "b1": np.empty(3)}, "it is an array of shape \\(3,\\)"),
        ({**good, "b1": np.empty(2, "float32")}, "dtype float32"),
        ({**good, "b1": frozen}, "read-only"),
        ({**good, "b2": np.empty(2)}, "unknown gradient 'b2'"),
        ({**good, "W1": params["W1"]}, "with which W1 shares memory"),
        ({**good, "W1": x[:3, :2].T.T}, "with which X shares memory|must be an array"),
        ({"W1": one[:6].reshape(3, 2), "b1": one[5:7]}, "two arrays of out share memory"),
        ([1, 2], "out is a dict of arrays, W1, b1; not list"),
    ):
        with pytest.raises(InputError, match=says):
            f(params, x, y, out=out)
    with pytest.raises(InputError, match="not both"):
        f(params, x, y, out=good, reuse=True)


@BOTH
def test_threads_with_batches_of_different_sizes(backend: str) -> None:
    f, params, _, _, _ = perceptron([30, 40, 10], 4, output="softmax", loss="cross_entropy", backend=backend)
    rng, wrong = np.random.default_rng(5), list[int]()
    batches = {n: (rng.normal(size=(n, 30)), np.eye(10)[rng.integers(0, 10, n)]) for n in (1, 3, 50, 51, 52, 53, 54)}
    expected = {n: readable(f)(params, *batch) for n, batch in batches.items()}

    def work(order: list[int]) -> None:
        for n in order * 12:
            loss, grads = f(params, *batches[n], reuse=True)
            if not np.isclose(loss, expected[n][0], rtol=1e-12) or not np.allclose(grads["W1"], expected[n][1]["W1"], rtol=1e-9, atol=1e-14):
                wrong.append(n)

    threads = [threading.Thread(target=work, args=([*batches][k:] + [*batches][:k],)) for k in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong
    assert len(f.run._kept.spaces) <= 4


def test_a_workspace_that_makes_room_gives_its_memory_back_at_once() -> None:
    f, params, _, _, _ = perceptron([30, 40, 10], 4, output="softmax", loss="cross_entropy")
    rng, seen = np.random.default_rng(6), []
    gc.disable()
    try:
        for m in range(10, 20):
            f(params, rng.normal(size=(m, 30)), np.eye(10)[rng.integers(0, 10, m)], reuse=m % 2 == 0)
            seen.append(weakref.ref(f.run._kept.last[1]))
        assert [r() is None for r in seen] == [True] * 6 + [False] * 4
    finally:
        gc.enable()


# -- what is not finite ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("activation", ["sigmoid", "relu", "tanh", "elu", "leaky_relu", "softplus", "gelu", "softmax", "identity"])
@pytest.mark.parametrize(("sizes", "count"), [([3, 2], 1), ([9, 8, 7, 6], 5)])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_found_wherever_it_stands(activation: str, sizes: list[int], count: int, bad: float) -> None:
    f, params, x, y, numbers = perceptron(sizes, count, activation=activation, output="softmax", loss="cross_entropy")
    f(params, x, y, **numbers)
    for zeros in (False, True):
        for name in (*params, "X", "Y"):
            given = {k: np.zeros_like(v) if zeros else v.copy() for k, v in params.items()}
            data = {"X": x * (not zeros), "Y": y.copy()}
            array = given[name] if name in given else data[name]
            array.reshape(-1)[-1] = bad
            with pytest.raises(InputError, match=rf"{name} is not finite in 1 of \d+ entries"):
                f(given, data["X"], data["Y"], **numbers)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_finite_numbers_that_overflow_on_the_way_are_no_error(dtype: str) -> None:
    f, params, x, y, _ = perceptron([9, 8, 3], 4, dtype, output="softmax", loss="cross_entropy")
    huge = 1e30 if dtype == "float32" else 1e200
    with np.errstate(all="raise"):
        loss, grads = f(params, x * huge, y)
    assert np.isfinite(loss)
    assert np.isfinite(grads["W2"]).all()


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("count", [1, 40])
def test_extreme_logits_are_right_to_the_last_digits(dtype: str, count: int) -> None:
    rng = np.random.default_rng(0)
    x = np.concatenate([np.array([[1e4, -1e4, 0.0]]), rng.choice([1e4, -1e4, 3.0, 0.5, 0.0], size=(count - 1, 3))]).astype(dtype)
    right_to_the_last_digits(x, np.eye(3, dtype=dtype)[rng.integers(0, 3, count)])


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("part", [1e-3, 0.1, 0.3, 0.33, 0.34, 0.5, 0.99, 1.01, 1.5, 3.0])
def test_logits_on_both_sides_of_where_exponentials_leave_the_range(dtype: str, part: float) -> None:
    """Shifted and not, likely labels and unlikely ones, shares as well; the size of the logits is a part of the logarithm of the largest number."""
    rng, largest = np.random.default_rng(1), part * float(np.log(np.finfo(dtype).max))
    x = rng.choice([largest, -largest, largest / 2, 1.0, 0.0], size=(24, 3)).astype(dtype)
    right_to_the_last_digits(x, np.eye(3, dtype=dtype)[rng.integers(0, 3, 24)])
    right_to_the_last_digits(x, np.eye(3, dtype=dtype)[x.argmax(axis=1)])
    shares = rng.choice([0.5, 0.75, 1.5], size=(24, 3)).astype(dtype)
    right_to_the_last_digits(x, shares / shares.sum(axis=1, keepdims=True))


def right_to_the_last_digits(x: Any, y: Any) -> None:
    """Softmax and cross-entropy of the logits x; oracle: the sums of the definition in 60 digits."""
    dtype, count = x.dtype, len(x)
    f = sb.compile(sb.mlp([3, 3], activation="identity", output="softmax", loss="cross_entropy", samples="m"), dtype=dtype.name)
    params = {"W1": np.eye(3, dtype=dtype), "b1": np.zeros(3, dtype)}
    f(params, x, y)  # the next call comes through the door
    loss, grads = f(params, x, y)
    with mpmath.workdps(60):
        exact, delta = mpmath.mpf(0), mpmath.matrix(1, 3)
        for z, t in zip(x.astype(float), y, strict=True):
            e = [mpmath.exp(mpmath.mpf(v)) for v in z]
            for j in range(3):
                exact -= float(t[j]) * (mpmath.mpf(z[j]) - mpmath.log(sum(e))) / count
                delta[j] += (e[j] / sum(e) - float(t[j])) / count
        unit = float(np.finfo(dtype).eps)
        assert abs(float(loss) - float(exact)) <= 8 * unit * max(1.0, float(exact))
        for j in range(3):
            assert abs(float(grads["b1"][j]) - float(delta[j])) <= 8 * unit


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_sigmoid_keeps_its_digits_at_both_ends(dtype: str) -> None:
    f = sb.compile(sb.mlp([1, 1], activation="sigmoid", loss="quadratic", samples="m"), dtype=dtype)
    for z in (-80.0, -20.0, -1.0, 1.0, 20.0, 1e4, -1e4):
        loss, _ = f({"W1": np.ones((1, 1), dtype), "b1": np.zeros(1, dtype)}, np.full((300, 1), z, dtype), np.zeros((300, 1), dtype))
        with mpmath.workdps(50):
            a = 1 / (1 + mpmath.exp(-mpmath.mpf(z)))
            expected = float(a * a / 2)
        assert abs(float(loss) - expected) <= 40 * float(np.finfo(dtype).eps) * expected + float(np.finfo(dtype).tiny)


@pytest.mark.parametrize("layout", ["rows", "columns", "single"])
@pytest.mark.parametrize("size", [1.0, 1e4])
def test_logits_that_are_needed_again_are_not_shifted(layout: str, size: float) -> None:
    """Oracle: the readable module, which shifts in arrays of its own. The logits stand in a penalty too, along every axis."""
    net = sb.graph({"x": 60}, [
        {"name": "z", "rule": "affine", "inputs": ["x"], "size": 40},
        {"name": "p", "rule": "elementwise", "inputs": ["z"], "activation": "softmax"},
        {"name": "q", "rule": "elementwise", "inputs": ["z"], "activation": "tanh"},
        {"name": "a", "rule": "add", "inputs": ["p", "q"]},
    ], loss="quadratic", samples=None if layout == "single" else "m")  # fmt: skip
    f, rng = sb.compile(net, layout=layout), np.random.default_rng(2)
    params = {name: rng.normal(size=shape) * size for name, shape in f.params.items()}
    shape = {"rows": (30,), "columns": (), "single": ()}[layout], {"columns": (30,)}.get(layout, ())
    data = [rng.normal(size=(*shape[0], n, *shape[1])) for n in (60, 40)]
    for _ in range(2):
        same(f(params, *data), readable(f)(params, *data))
    assert f.run._kept.last[1].form == "arrays"


@BOTH
def test_what_is_given_is_looked_at_in_every_call(backend: str) -> None:
    """After a call that was right: the door lets nothing in that the close look refuses, and all that it takes."""
    f, params, x, y, _ = perceptron([30, 40, 10], 6, output="softmax", loss="cross_entropy", backend=backend)
    expected = f(params, x, y)
    edge = np.zeros((6, 10))
    edge[:, 0] = 1.0
    bad_labels = [edge + d for d in (np.eye(6, 10) * 2e-3, np.eye(6, 10, 1) * -1e-4, np.eye(6, 10) * 1e-4, np.eye(6, 10, 1) * -5e-324, edge * 1e-15)]
    for call, says in (
        *(((params, x, label), "Y must sum to 1|from 0 to 1") for label in bad_labels),
        ((params, x, np.where(edge > 0, np.nan, 0)), r"Y is not finite in 6 of \d+ entries"),
        ((params, x.astype("float32"), y), "X has dtype float32"),
        ((params, x.astype(">f8"), y), "bytes in this machine's order"),
        ((params, x.astype(complex), y), "X has dtype complex128"),
        ((params, x[:5], y), "but X has m = 5"),
        ((params, x[:, :29], y), r"expected \(m, 30\)"),
        ((params, x[0], y), "X has shape"),
        ((params, x, y, y), "3 were given"),
        ((params, x), "1 were given"),
        (({**params, "W3": x}, x, y), "unknown parameter 'W3'"),
        (({n: p for n, p in params.items() if n != "b1"}, x, y), "params lacks b1"),
        (({**params, "b1": np.zeros((1, 40))}, x, y), "b1 has shape"),
        (({**params, "W2": params["W2"].astype(int)}, x, y), "W2 has dtype int64"),
        ((list(params.values()), x, y), "params is a dict"),
        (({**params, "W1": np.ma.masked_array(params["W1"], params["W1"] > 0)}, x, y), "W1 has masked entries"),
    ):  # fmt: skip
        for reuse in (False, True):
            with pytest.raises(InputError, match=says):
                f(*call, reuse=reuse)
            same(f(params, x, y), expected, 1e-15)
    unpickled = pickle.loads(pickle.dumps((params, x, y)))
    for call in (
        unpickled, (params, np.asfortranarray(x), y), (params, x, np.asfortranarray(y)), (params, x, y.astype(int)), (params, x.view(Own), y),
        (params, np.repeat(x, 2, axis=0)[::2], np.repeat(y, 2, axis=1)[:, ::2]), (MappingProxyType(params), x, y), (params, x.tolist(), y),
        (params, x, np.where(y == 0, -0.0, y)),
    ):  # fmt: skip
        same(f(*call), expected, 1e-14)
        same(f(*call, reuse=True), expected, 1e-14)


class Own(np.ndarray):
    """A class of arrays of the caller's own."""


@BOTH
@pytest.mark.parametrize("sizes", [[2, 2], [40, 30]])
def test_gradients_of_the_last_call_cannot_be_given_where_they_are_written_over(backend: str, sizes: list[int]) -> None:
    f, params, x, y, _ = perceptron(sizes, 1, backend=backend)
    for _ in range(2):
        _, own = f(params, x, y, reuse=True)
    kept = {name: g.copy() for name, g in own.items()}
    same(f(own, x, y), f(kept, x, y), 1e-15)  # new arrays are written to, so these can be read
    whole = np.frombuffer(memoryview(own["W1"]).cast("B"), dtype="float64").reshape(own["W1"].shape)
    for bad in ({**params, "W1": own["W1"]}, {**params, "W1": own["W1"][:]}, {**params, "W1": whole}, {**params, "b1": own["b1"][::-1]}):
        with pytest.raises(InputError, match=r"those of the last call with reuse=True, with which [Wb]1 shares memory"):
            f(bad, x, y, reuse=True)
    views = {name: np.concatenate([p, p])[: len(p)] for name, p in params.items()}
    same(f(views, x[:], y, reuse=True), f(params, x, y), 1e-15)


# -- how it is done ------------------------------------------------------------------------------------------------------------------


def test_the_fast_module_allocates_nothing_on_the_way() -> None:
    f, *_ = perceptron([30, 40, 10], 4, output="softmax", loss="cross_entropy")
    body = f.fast_source.partition("def loss_and_gradients(")[2]
    statements = [line.strip() for line in body.splitlines()[1:] if line.strip() and not line.strip().startswith(("#", "return"))]
    assert all(line.endswith(")") or "[...] = " in line or re.match("if |else:|t[0-9]+ = v[0-9]+.dot", line) for line in statements)
    assert not any(word in body for word in ("empty(", "zeros(", "side_by_side(", ".copy(", " @ ", "np."))
    assert body.count(".dot(") >= 6
    assert "# dW2, BP4-2 (40, 10)" in body
    assert f.form(m=4) == "arrays"


def test_buffers_are_shared_by_layers_that_do_not_need_them_at_once() -> None:
    counts = [sb.compile(sb.mlp([8] * depth, samples="m")).fast_source.partition("def loss_and")[0].count(" (m, 8)") for depth in (10, 20)]
    assert 9 <= counts[1] - counts[0] <= 11  # one array a layer: its activation, which the way back needs


def test_a_complex_step_agrees_to_the_last_digits_and_is_refused_where_it_is_wrong() -> None:
    for described in ({"output": "softmax", "loss": "cross_entropy"}, {"activation": "silu", "output": "sigmoid", "loss": "binary_cross_entropy"},
                      {"activation": "softplus"}, {"activation": "gelu_tanh", "penalty": "l2"}):  # fmt: skip
        f, params, x, y, numbers = perceptron([5, 4, 3], 6, **described)
        report = f.check(params, x, y, method="complex", **numbers)
        assert report.ok
        assert max(c.error for c in report.parameters) < 1e-12
    for activation, loss, what in (("relu", "quadratic", "maximum"), ("tanh", "l1", "abs"), ("gelu", "quadratic", "erfc")):
        f, params, x, y, numbers = perceptron([5, 4, 3], 6, activation=activation, output="identity", loss=loss)
        with pytest.raises(InputError, match=f"analytic, but this one uses '{what}'"):
            f.check(params, x, y, method="complex", **numbers)
    with pytest.raises(InputError, match="unknown method 'complx'; did you mean 'complex'"):
        f.check(params, x, y, method="complx", **numbers)


def test_a_deep_network_stays_linear() -> None:
    lines = [len(sb.compile(sb.mlp([4] * n, samples="m")).fast_source.splitlines()) for n in (20, 40, 60)]
    assert lines[2] - lines[1] == lines[1] - lines[0]


def test_numbers_alone_need_no_array_and_compile() -> None:
    """Oracle: the derivative by hand, 2 (w x - y) x."""
    shapes: dict[str, tuple[int, ...]] = {"w": (), "x": (), "y": ()}
    net = sb.Network.from_equations(["C = (w*x - y)**2"], tensors=shapes, parameters=["w"], targets=["y"])
    loss, grads = sb.compile(net)({"w": np.array(2.0)}, np.array(3.0), np.array(1.0))
    assert (float(loss), float(grads["w"])) == (25.0, 30.0)
