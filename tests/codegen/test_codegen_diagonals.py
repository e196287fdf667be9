"""Softmax and its logarithm read elsewhere than along the axis they run over, against autograd over a forward pass of the tests' own."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import autograd.numpy as anp
import numpy as np
import pytest
from autograd import value_and_grad

import symbackprop as sb

S = "s[i,j] = sum(k, u[i,k]*v[j,k])"
ROWS = "exp(s[i,i])/sum(j, exp(s[i,j]))"
COLUMNS = "exp(s[i,i])/sum(j, exp(s[j,i]))"


def log_softmax(s: Any, axis: int) -> Any:
    shifted = s - anp.max(s, axis=axis, keepdims=True)
    return shifted - anp.log(anp.sum(anp.exp(shifted), axis=axis, keepdims=True))


def diagonal(s: Any, axis: int) -> Any:
    return anp.sum(log_softmax(s, axis) * np.eye(4), axis=1)


CASES: dict[str, tuple[list[str], Callable[[Any], Any]]] = {
    "the logarithm of a quotient": ([f"C = -sum(i, log({ROWS}))"], lambda s: -anp.sum(diagonal(s, 1))),
    "less a log-sum-exp": (["C = -sum(i, s[i,i] - log(sum(j, exp(s[i,j]))))"], lambda s: -anp.sum(diagonal(s, 1))),
    "a quotient with a name": (["p[i] = " + ROWS, "C = sum(i, p[i]**2)"], lambda s: anp.sum(anp.exp(2 * diagonal(s, 1)))),
    "a softmax with a name": (["p[i,j] = exp(s[i,j])/sum(k, exp(s[i,k]))", "C = -sum(i, log(p[i,i]))"], lambda s: -anp.sum(diagonal(s, 1))),
    "down the columns": ([f"C = -sum(i, log({COLUMNS}))"], lambda s: -anp.sum(diagonal(s, 0))),
    "both ways at once": ([f"C = -sum(i, log({ROWS}) + log({COLUMNS}))/8"], lambda s: -anp.sum(diagonal(s, 0) + diagonal(s, 1)) / 8),
    "one column": (["C = -sum(i, log(exp(s[i,2])/sum(j, exp(s[i,j]))))"], lambda s: -anp.sum(log_softmax(s, 1)[:, 1])),
    "a column of a quotient": (["C = sum(i, exp(s[i,2])/sum(j, exp(s[i,j])))"], lambda s: anp.sum(anp.exp(log_softmax(s, 1)[:, 1]))),
    "a transposed name": (
        ["p[j,i] = exp(s[i,j])/sum(k, exp(s[i,k]))", "C = sum(i, j, p[i,j]*s[j,i])"],
        lambda s: anp.sum(anp.exp(log_softmax(s, 1)) * s),
    ),
}


@pytest.mark.parametrize("scale", [1, 30])
@pytest.mark.parametrize("case", CASES)
def test_entries_of_a_softmax(case: str, scale: float) -> None:
    equations, loss = CASES[case]
    net = sb.Network.from_equations([S, *equations], tensors={"u": (4, 3), "v": (4, 3)}, parameters=["u", "v"])
    rng = np.random.default_rng(3)
    params = {name: scale * rng.normal(size=(4, 3)) for name in ("u", "v")}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found, grads = sb.compile(net)(params)
    value, expected = value_and_grad(lambda p: loss(anp.dot(p["u"], p["v"].T)))(params)
    assert np.isclose(found, value, rtol=1e-13)
    for name, g in expected.items():
        np.testing.assert_allclose(grads[name], g, rtol=1e-12, atol=1e-13 * scale)


def test_each_form_of_one_source_has_a_name_of_its_own() -> None:
    net = sb.Network.from_equations([S, CASES["both ways at once"][0][0]], tensors={"u": (4, 3), "v": (4, 3)}, parameters=["u", "v"])
    names = [line.split(" = ")[0].strip() for line in sb.compile(net).source.splitlines() if "softmax(s, " in line]
    assert len(names) == len(set(names)) == 4
