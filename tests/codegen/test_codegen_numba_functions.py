"""The functions put into numba's modules, run as the Python they are, against mpmath and NumPy."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest

from symbackprop.codegen import numba_functions as functions
from symbackprop.codegen import numba_single as single


@pytest.mark.parametrize(
    ("dtype", "name", "low", "high", "last_digits"),
    [
        ("float64", "exp", -708, 709.7, 1), ("float64", "exp", -1, 1, 1), ("float64", "expm1", -60, 709.7, 2), ("float64", "expm1", -1, 1, 2),
        ("float64", "expm1", -1e-8, 1e-8, 1), ("float64", "tanh", -30, 30, 2), ("float64", "tanh", -1, 1, 3), ("float64", "tanh", -1e-8, 1e-8, 2),
        ("float32", "exp", -87, 88.7, 1), ("float32", "exp", -1, 1, 1), ("float32", "expm1", -30, 88.7, 2), ("float32", "expm1", -1, 1, 2),
        ("float32", "expm1", -1e-4, 1e-4, 1), ("float32", "tanh", -15, 15, 3), ("float32", "tanh", -1, 1, 3), ("float32", "tanh", -1e-4, 1e-4, 2),
    ],
)  # fmt: skip
def test_they_are_right_to_the_last_digits(dtype: str, name: str, low: float, high: float, last_digits: int) -> None:
    function = getattr(single if dtype == "float32" else functions, name)
    with mpmath.workdps(40):
        for x in np.random.default_rng(0).uniform(low, high, 400).astype(dtype):
            found = function(x)
            assert found.dtype == dtype
            assert abs(mpmath.mpf(float(found)) - getattr(mpmath, name)(mpmath.mpf(float(x)))) <= last_digits * float(np.spacing(abs(found)))


def test_ends_and_numbers_that_are_none() -> None:
    with np.errstate(all="ignore"):
        assert [functions.exp(x) for x in (-math.inf, -800.0, 0.0, 800.0, math.inf)] == [0, 0, 1, math.inf, math.inf]
        assert 0 < functions.exp(-740.0) < 1e-308  # gradual, not cut off
        assert [functions.expm1(x) for x in (-math.inf, -800.0, 0.0, 800.0, math.inf)] == [-1, -1, 0, math.inf, math.inf]
        assert [functions.tanh(x) for x in (-math.inf, -1e3, 0.0, 1e3, math.inf)] == [-1, -1, 0, 1, 1]
        assert all(math.isnan(f(math.nan)) for f in (functions.exp, functions.expm1, functions.tanh))


def test_ends_in_single_precision() -> None:
    ends = [np.float32(x) for x in (-math.inf, -1e3, 0, 1e3, math.inf)]
    with np.errstate(all="ignore"):
        assert [single.exp(x) for x in ends] == [0, 0, 1, math.inf, math.inf]
        assert 0 < single.exp(np.float32(-100)) < 1e-42  # gradual, not cut off
        assert [single.expm1(x) for x in ends] == [-1, -1, 0, math.inf, math.inf]
        assert [single.tanh(x) for x in ends] == [-1, -1, 0, 1, 1]
        assert all(math.isnan(f(np.float32(math.nan))) for f in (single.exp, single.expm1, single.tanh))


def test_what_does_not_know_its_precision_computes_in_double() -> None:
    x = np.linspace(-80, 80, 321, dtype="float32")
    found = np.array([functions.exp(v) for v in x])
    np.testing.assert_allclose(found, np.exp(x.astype("float64")), rtol=1e-15)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_one_number_that_is_not_finite_is_found(value: float) -> None:
    array = np.zeros((3, 4))
    assert functions.finite(array)
    assert functions.between(array, 0, 1)
    array[2, 1] = value
    with np.errstate(invalid="ignore"):
        assert not functions.finite(array)
    assert not functions.between(array, 0, 1)


def test_labels() -> None:
    y = np.eye(3)[[0, 2]]
    assert functions.shares(y.reshape(-1, 3, 1))
    assert not functions.shares(y.reshape(-1, 2, 3))
    assert functions.shares(y.T.copy().reshape(-1, 3, 2))
    assert not functions.shares(np.full((2, 3, 1), math.nan))
    assert functions.signs(np.array([1.0, -1.0]))
    assert not functions.signs(np.array([1.0, 0.0]))
    assert not functions.signs(np.array([1.0, math.nan]))
