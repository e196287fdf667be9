"""Compiling takes time in proportion to the depth: counted in calls of the interpreter, which no slow machine disturbs."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import codegen_oracles as oracles
import numpy as np
import pytest
from autograd import grad

import symbackprop as sb
from symbackprop.codegen.function import emit
from symbackprop.codegen.program import array_program


def calls(run: Callable[[], Any]) -> int:
    """How many Python functions are called while `run` runs."""
    count = 0

    def seen(frame: FrameType, event: str, arg: Any) -> None:
        nonlocal count
        count += event == "call"

    gc.collect()
    sys.setprofile(seen)
    try:
        run()
    finally:
        sys.setprofile(None)
    return count


def perceptron(depth: int) -> sb.Network:
    return sb.mlp([4] * (depth + 1), output="softmax", loss="cross_entropy", samples="m")


def residual(depth: int) -> sb.Network:
    made: list[dict[str, Any]] = []
    last = "x"
    for n in range(depth):
        made += [{"name": f"z{n}", "rule": "affine", "inputs": [last], "size": 3}, {"name": f"f{n}", "rule": "elementwise", "inputs": [f"z{n}"],
                 "activation": "tanh"}, {"name": f"r{n}", "rule": "add", "inputs": [f"f{n}", last]}]  # fmt: skip
        last = f"r{n}"
    return sb.graph({"x": 3}, made, samples="m")


@pytest.mark.parametrize("make", [perceptron, residual])
def test_each_layer_costs_the_same_however_many_there_are(make: Callable[[int], sb.Network]) -> None:
    def cost(depth: int) -> int:
        net = make(depth)
        return calls(lambda: emit(net))

    cost(3)  # what happens once is not the layers'
    few, more, many = cost(20), cost(40), cost(80)
    assert many - more < 2.2 * (more - few)


def test_the_hessian_times_a_vector_is_linear_in_depth_too() -> None:
    def cost(depth: int) -> int:
        net = perceptron(depth)
        return calls(lambda: emit(sb.directional(net)))

    cost(4)
    few, more, many = cost(10), cost(20), cost(40)
    assert many - more < 2.3 * (more - few)


def test_a_thousand_layers() -> None:
    net = perceptron(1000)
    program = array_program(net)
    assert len(program.gradients) == 2000
    assert len(program.statements) == 5003
    assert max(len(str(s.value)) for s in program.statements) < 2000


def test_deep_programs_are_right() -> None:
    """Twenty layers against autograd."""
    f = sb.compile(sb.mlp([3] * 21, activation="tanh", output="softmax", loss="cross_entropy", samples="m"))
    rng = np.random.default_rng(0)
    params, x, y = oracles.parameters([3] * 21, rng), rng.normal(size=(4, 3)), np.eye(3)[rng.integers(0, 3, size=4)]
    loss, grads = f(params, x, y)
    rest = (x, y, "tanh", "softmax", "cross_entropy")
    assert np.isclose(loss, oracles.cost(params, *rest), rtol=1e-13)
    for name, expected in grad(oracles.cost)(params, *rest).items():
        np.testing.assert_allclose(grads[name], expected, rtol=1e-10, atol=1e-16)
