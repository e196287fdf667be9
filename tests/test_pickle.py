"""What is sent to other processes comes back the same. The oracle is equality, and that the copy computes the same."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from sympy import Symbol

from symbackprop.equations import Abstract, Entry, Func, Grad, Partial, Tensor, index
from symbackprop.evaluate import one_hot
from symbackprop.evaluate.samplers import Draw, simplex

J = index("j")
A = Tensor("a", (3,), 1)
W = Tensor("w", (Symbol("n"), 2), 1)
C = Tensor("C")


@pytest.mark.parametrize(
    "value",
    [A, W, C, A[J], W[J, 1], C(), Grad(C, W), Grad(C, W)[J, 1], Func("sigmoid", A[J], 1), Abstract(C, A), Partial(C(), A[J]), Entry(A, 2) ** 2],
    ids=str,
)
def test_nodes_come_back_equal(value: Any) -> None:
    copy = pickle.loads(pickle.dumps(value))
    assert copy == value
    assert str(copy) == str(value)
    assert type(copy) is type(value)
    assert getattr(copy, "shape", None) == getattr(value, "shape", None)


@pytest.mark.parametrize("sampler", [one_hot(), one_hot(1), simplex()])
def test_samplers_come_back_and_draw_the_same(sampler: Any) -> None:
    copy = pickle.loads(pickle.dumps(sampler))
    for place in [(1, 1), (2, 3)]:
        assert copy(place, Draw("y", place, (3, 4))) == sampler(place, Draw("y", place, (3, 4)))
