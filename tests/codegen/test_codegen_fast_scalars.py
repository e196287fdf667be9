"""The element-wise form against the readable module and against HIPS autograd: another way to the same numbers, chosen for tiny networks."""

from __future__ import annotations

from typing import Any

import codegen_oracles as oracles
import numpy as np
import pytest
from autograd import grad
from test_codegen_fast import perceptron, readable, same

import symbackprop as sb
from symbackprop.errors import InputError
from symbackprop.rules import ACTIVATIONS, LOSSES


def run(f: Any, *given: Any, **numbers: Any) -> Any:
    """A call that is certain to be computed entry by entry."""
    f(*given, **numbers)
    assert f.run._kept.last[1].form == "scalars"
    return f(*given, **numbers)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_activation(name: str, dtype: str) -> None:
    f, params, x, y, numbers = perceptron([2, 2], 1, dtype, activation=name, output=name, loss="quadratic")
    same(run(f, params, x, y, **numbers), readable(f)(params, x, y, **numbers), 1e-14 if dtype == "float64" else 1e-6)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", LOSSES)
def test_every_loss(name: str, dtype: str) -> None:
    f, params, x, y, numbers = perceptron([2, 2, 2], 1, dtype, activation="tanh", output=oracles.OUTPUT.get(name, "identity"), loss=name)
    loss, grads = run(f, params, x, y, **numbers)
    same((loss, grads), readable(f)(params, x, y, **numbers), 1e-14 if dtype == "float64" else 1e-6)
    assert loss.dtype == grads["W1"].dtype == dtype


@pytest.mark.parametrize(("sizes", "count"), [([2, 2, 1], 1), ([2, 2, 1], 3), ([3, 3, 3, 3, 2], 1), ([4, 4, 3], 1)])
def test_tiny_networks_agree_with_autograd(sizes: list[int], count: int) -> None:
    f, params, x, y, _ = perceptron(sizes, count, activation="tanh", output="sigmoid", loss="quadratic")
    data = (x, y, "tanh", "sigmoid", "quadratic")
    same(run(f, params, x, y), (oracles.cost(params, *data), grad(oracles.cost)(params, *data)), 1e-14)


def test_the_choice_is_made_by_counting_and_can_be_seen() -> None:
    tiny, large = sb.compile(sb.mlp([2, 2, 1])), sb.compile(sb.mlp([30, 30, 10]))
    assert (tiny.form(), large.form()) == ("scalars", "arrays")
    f, params, *_ = perceptron([2, 2, 1], 1)
    forms = [f.form(m=m) for m in (1, 2, 100, 1000)]
    assert forms == sorted(forms, reverse=True)
    assert (forms[0], forms[-1]) == ("scalars", "arrays")
    rng = np.random.default_rng(0)
    for m in (1, 100, 2, 1, 1000, 1):  # from the one to the other and back
        x, y = rng.normal(size=(m, 2)), rng.normal(size=(m, 1))
        same(f(params, x, y), readable(f)(params, x, y), 1e-13)
    with pytest.raises(InputError, match=r"say how large m is: form\(m=\.\.\.\)"):
        f.form()
    with pytest.raises(InputError, match="unknown size 'n'"):
        f.form(n=1)


def test_one_function_holds_everything_and_shares_what_is_common() -> None:
    f, params, x, y, _ = perceptron([2, 2, 1], 1)
    run(f, params, x, y)
    text = f.run._kept.last[1]._run.__doc__
    assert text.count("exp(") == 3  # one for each unit
    assert "W1_0_0*X_0_0 + W1_1_0*X_0_1" in text


@pytest.mark.parametrize("z", [-1000.0, 1000.0])
def test_plain_numbers_that_overflow_are_left_to_arrays(z: float) -> None:
    f, params, x, y, _ = perceptron([2, 2, 1], 1)
    params = {k: np.full_like(v, z) for k, v in params.items()}
    x = np.ones_like(x)
    loss, grads = f(params, x, y)
    same((loss, grads), readable(f)(params, x, y), 1e-14)
    assert np.isfinite(loss)


def test_what_is_given_is_looked_at_as_closely() -> None:
    f, params, x, y, _ = perceptron([2, 2], 1, output="softmax", loss="cross_entropy")
    run(f, params, x, y)
    for bad, says in (
        ((params, x.astype("float32"), y), "X has dtype float32"),
        ((params, x.astype(int), y), "X has dtype int64"),
        ((params, x[0], y), "X has shape"),
        ((params, x, np.array([[0.5, 0.6]])), "must sum to 1"),
        ((params, x, np.array([[np.nan, 1.0]])), r"Y is not finite in 1 of \d+ entries"),
        ((params, x, y[:0]), "it is empty"),
        ((params, x, y[0]), "Y has shape"),
        ((params, x, y, y), "3 were given"),
        (({**params, "W2": x}, x, y), "unknown parameter 'W2'"),
        (({"W1": params["W1"]}, x, y), "params lacks b1"),
        (({**params, "b1": [0.0, "a"]}, x, y), "b1 has dtype"),
        (({**params, "b1": np.zeros((1, 2))}, x, y), "b1 has shape"),
        (([1, 2], x, y), "params is a dict"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=says):
            f(*bad)
    with pytest.raises(InputError, match="leave no number open"):
        f(params, x, y, alpha=1.0)
    same(f(params, x, y.astype(int)), f(params, x, y), 1e-15)
    same(f({k: v.tolist() for k, v in params.items()}, x.tolist(), y), f(params, x, y), 1e-15)


def test_results_are_new_unless_reused() -> None:
    f, params, x, y, _ = perceptron([2, 2, 1], 1)
    first, second = run(f, params, x, y)[1], run(f, params, x, y)[1]
    own, again = f(params, x, y, reuse=True)[1], f(params, x, y, reuse=True)[1]
    assert not any(np.shares_memory(first[k], second[k]) or np.shares_memory(first[k], own[k]) for k in first)
    assert all(own[k] is again[k] for k in own)
    assert all(v.flags.writeable for v in (*first.values(), *own.values()))
    assert not np.shares_memory(first["W1"], first["b1"])
    same((0, own), (0, first), 1e-16)
