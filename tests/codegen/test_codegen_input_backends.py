"""Every backend takes the same arrays and refuses the same mistakes, in the first call and once it is compiled."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest

import symbackprop as sb
from symbackprop.codegen.backends import BACKENDS
from symbackprop.errors import InputError, UnknownName


@pytest.fixture(scope="module", params=[*BACKENDS])
def function(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """One function of each backend for all tests: what a first wrong call left behind would be seen in the next."""
    if find_spec(BACKENDS[request.param].needs) is None:
        pytest.skip(f"{BACKENDS[request.param].needs} is not installed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        if request.param == "jax":
            import jax

            before = jax.config.jax_enable_x64
            jax.config.update("jax_enable_x64", True)
        yield sb.compile(sb.mlp([3, 2], activation="tanh", output="softmax", loss="cross_entropy", samples="m", penalty="l2"), request.param)
        if request.param == "jax":
            jax.config.update("jax_enable_x64", before)


RIGHT = {
    "W1": np.linspace(-1, 1, 6).reshape(3, 2), "b1": np.array([0.5, -0.5]),
    "X": np.linspace(-1, 2, 12).reshape(4, 3), "Y": np.eye(2)[[0, 1, 1, 0]],
}  # fmt: skip
LAMBDA = 0.25


def call(f: Any, numbers: Any = None, **changed: Any) -> Any:
    given = {**RIGHT, **changed}
    params = {k: x for k, x in given.items() if k not in "XY" and x is not None}
    loss, grads = f(params, given["X"], given["Y"], **({"lambda_": LAMBDA} if numbers is None else numbers))
    return float(loss), {k: np.asarray(g) for k, g in grads.items()}


def by_hand(x: Any, y: Any) -> Any:
    """The oracle: one layer of softmax with cross-entropy and half of lambda |W|^2, in NumPy."""
    w, b, m = RIGHT["W1"], RIGHT["b1"], len(x)
    z = x @ w + b
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    return -np.sum(y * np.log(p)) / m + LAMBDA / 2 * np.sum(w**2), {"W1": x.T @ (p - y) / m + LAMBDA * w, "b1": (p - y).sum(axis=0) / m}


def right(f: Any) -> None:
    loss, grads = call(f)
    wanted, gradients = by_hand(RIGHT["X"], RIGHT["Y"])
    assert abs(loss - wanted) < 1e-14
    for name, g in gradients.items():
        np.testing.assert_allclose(grads[name], g, rtol=1e-12, atol=1e-15)


def with_one(array: Any, value: float) -> Any:
    found = array.copy()
    found[-1, 1] = value
    return found


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"b1": None}, "params lacks b1; it needs W1, b1"),
        ({"w1": np.ones((3, 2))}, "unknown parameter 'w1'"),
        ({"W2": np.ones((3, 2))}, "unknown parameter 'W2'"),
        ({"W1": np.ones((2, 3))}, r"W1 has shape \(2, 3\); expected \(3, 2\)"),
        ({"b1": np.zeros((2, 1))}, r"b1 has shape \(2, 1\); expected \(2,\)"),
        ({"b1": np.zeros(1)}, r"b1 has shape \(1,\); expected \(2,\)"),
        ({"X": np.ones((4, 2))}, r"X has shape \(4, 2\); expected \(m, 3\)"),
        ({"X": np.ones((4, 3, 1))}, r"X has shape \(4, 3, 1\)"),
        ({"Y": np.eye(2)}, r"Y has shape \(2, 2\), so m is 2; but X has m = 4"),
        ({"X": np.ones((0, 3)), "Y": np.ones((0, 2))}, r"X has shape \(0, 3\): it is empty"),
        ({"X": np.ones((4, 3), dtype=int)}, r"X has dtype int64, but the function computes in float64; use X.astype\('float64'\)"),
        ({"W1": np.ones((3, 2), dtype=bool)}, "W1 has dtype bool"),
        ({"W1": np.ones((3, 2), dtype=complex)}, "W1 has dtype complex128"),
        ({"X": np.ones((4, 3), dtype="float32")}, "compile with dtype='float32'"),
        ({name: x.astype("float32") for name, x in RIGHT.items()}, "compile with dtype='float32'"),
        ({"X": with_one(RIGHT["X"], np.nan)}, r"X is not finite in 1 of \d+ entries, the first at X\[3, 1\]: nan"),
        ({"W1": with_one(RIGHT["W1"], -np.inf)}, r"W1 is not finite in 1 of \d+ entries, the first at W1\[2, 1\]: -inf"),
        ({"b1": np.array([np.inf, 0])}, r"b1 is not finite in 1 of \d+ entries"),
        ({"Y": with_one(RIGHT["Y"], np.nan)}, r"Y is not finite in 1 of \d+ entries"),
        ({"Y": with_one(RIGHT["Y"], 2.0)}, "from 0 to 1"),
        ({"Y": np.zeros((4, 2))}, "must sum to 1"),
        ({"X": "text"}, "X has dtype"),
        ({"X": [[1.0, 2.0], [1.0]]}, "X is no array"),
        ({"numbers": {}}, r"give lambda_=\.\.\."),
        ({"numbers": {"lambda_": 0.1, "alpha": 0.1}}, "unknown argument 'alpha'"),
        ({"numbers": {"lambda_": np.nan}}, "lambda_ is a finite number"),
        ({"numbers": {"lambda_": True}}, "lambda_ is a finite number"),
        ({"numbers": {"lambda_": "0.1"}}, "lambda_ is a finite number"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_refused_with_its_name(function: Any, changed: dict[str, Any], says: str) -> None:
    before = {name: x.copy() for name, x in changed.items() if isinstance(x, np.ndarray)}
    for _ in range(2):
        with pytest.raises((InputError, UnknownName), match=says):
            call(function, **changed)
        right(function)
    for name, x in before.items():
        np.testing.assert_array_equal(changed[name], x)


def test_no_mapping_and_too_few_arrays(function: Any) -> None:
    with pytest.raises(InputError, match="params is a dict of arrays"):
        function([RIGHT["W1"]], RIGHT["X"], RIGHT["Y"], lambda_=LAMBDA)
    with pytest.raises(InputError, match="2 arrays come after params, X, Y; 1 were given"):
        function({"W1": RIGHT["W1"], "b1": RIGHT["b1"]}, RIGHT["X"], lambda_=LAMBDA)


WAYS = {
    "fortran": np.asfortranarray,
    "turned": lambda x: x[::-1][::-1],
    "strided": lambda x: np.repeat(x, 2, axis=-1)[..., ::2],
    "transposed": lambda x: np.ascontiguousarray(x.T).T,
    "lists": np.ndarray.tolist,
}


@pytest.mark.parametrize("way", WAYS)
def test_arrays_may_lie_in_memory_as_they_like(function: Any, way: str) -> None:
    changed = {name: WAYS[way](x.copy()) for name, x in RIGHT.items()}
    wanted, gradients = call(function)
    for writable in (True, False):
        for x in changed.values():
            if isinstance(x, np.ndarray) and not writable:
                x.setflags(write=False)
        loss, grads = call(function, **changed)
        assert np.isclose(loss, wanted, rtol=1e-14)
        for name, g in gradients.items():
            np.testing.assert_allclose(grads[name], g, rtol=1e-12, atol=1e-15)
    for name, x in changed.items():
        np.testing.assert_array_equal(x, RIGHT[name])


def test_broadcast_arrays_and_whole_numbers_as_labels(function: Any) -> None:
    x, y = np.broadcast_to(RIGHT["X"][0], (5, 3)), np.broadcast_to(np.array([1, 0]), (5, 2))
    wanted, gradients = by_hand(x, y)
    loss, grads = call(function, X=x, Y=y)
    assert abs(loss - wanted) < 1e-14
    np.testing.assert_allclose(grads["W1"], gradients["W1"], rtol=1e-12)


def test_numbers_of_other_kinds_are_numbers(function: Any) -> None:
    for number in (1, np.float32(1), np.float64(1), np.int8(1)):
        assert call(function, {"lambda_": number})[0] == call(function, {"lambda_": 1.0})[0]
