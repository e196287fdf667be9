"""Programs as tapes for numba: as small as the kinds of their steps, in little memory, and right where results share memory in turn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from test_codegen_backends import need

import symbackprop as sb
from symbackprop.codegen.numba_parts import kinds_of
from symbackprop.codegen.numba_tape import Step, numba_tape, written_down
from symbackprop.codegen.program import array_program


def deep(layers: int, width: int = 4) -> Any:
    return sb.mlp([width] * (layers + 1), activation="tanh", output="softmax", loss="cross_entropy", samples="m")


def test_the_source_is_the_same_for_every_depth_and_size() -> None:
    """So that what was compiled for one network serves all others of its kind."""
    sources = {numba_tape(array_program(net), "float64").source for net in (deep(3), deep(60), deep(5, 9))}
    assert len(sources) == 1


def test_every_name_is_written_before_it_is_read_and_once() -> None:
    program = array_program(deep(7))
    tape = numba_tape(program, "float64")
    known = {g.name for g in (*program.params, *program.inputs, *program.targets)} | {*program.sizes, *program.scalars}
    for step in tape.steps:
        assert {*step.reads} <= known
        assert not {*step.writes} & known
        known |= {*step.writes}
    assert known >= {*kinds_of(program)} - {"like"}


def test_a_step_is_written_down_as_its_kind_its_length_and_its_arrays() -> None:
    """By hand: A of shape (2, 3) in place 4 and the size m = 7 are read, the number J in place 5 is written."""
    tape = numba_tape(array_program(deep(2)), "float64")
    tape = type(tape)(tape.source, tape.entry, (Step(6, ("A", "m"), ("J",)),), tape.passed, tape.shapes)
    assert written_down(tape, {"A": 4, "J": 5}, {"A": (2, 3), "J": ()}, {"m": 7}).tolist() == [6, 8, 4, 2, 3, 7, 5, 1]


@pytest.mark.parametrize("layers", [1, 2, 3, 40])
def test_arrays_take_turns_in_memory_and_nothing_is_lost(layers: int) -> None:
    """The oracle is NumPy; errors of two layers are all that is alive at once, so a layer more takes as much memory as its activations."""
    need("numba")
    f, plain = sb.compile(deep(layers, 6), "numba"), sb.compile(deep(layers, 6))
    rng = np.random.default_rng(layers)
    params = {name: rng.normal(size=shape) for name, shape in f.params.items()}
    for m in (5, 1, 5):
        X, Y = rng.normal(size=(m, 6)), np.eye(6)[rng.integers(0, 6, m)]
        for _ in range(2):
            (loss, grads), (expected, gradients) = f(params, X, Y), plain(params, X, Y)
            assert np.isclose(loss, expected, rtol=1e-11)
            for name, g in gradients.items():
                np.testing.assert_allclose(grads[name], g, 1e-9, 1e-12, err_msg=name)


def test_memory_grows_by_what_a_layer_must_remember() -> None:
    need("numba")
    from symbackprop.codegen.backends.numba_spaces import _memory

    def size(layers: int) -> int:
        program = array_program(deep(layers, 6))
        tape = numba_tape(program, "float64")
        shapes = {name: tuple(6 if str(n) == "6" else 100 for n in shape) for name, shape in tape.shapes.items()}
        arrays = _memory(tape, shapes, {program.loss}, "float64")
        return len({x.ctypes.data for x in arrays.values()})

    assert size(30) - size(20) == 20 - 10  # A of every layer, which the derivative of tanh reads; Z and Delta take turns


def test_a_gradient_that_two_parameters_share_is_copied_under_a_name_that_nothing_has() -> None:
    """By hand: both biases, one of which is called db, have the gradient 2 z."""
    need("numba")
    net = sb.Network.from_equations(
        ["z[i] = sum(j, x[j]*w[j, i]) + b[i] + db[i]", "J = sum(i, z[i]**2)"],
        tensors={"x": (3,), "w": (3, 2), "b": (2,), "db": (2,)}, parameters=["w", "b", "db"],
    )  # fmt: skip
    f, rng = sb.compile(net, "numba"), np.random.default_rng(0)
    params, x = {name: rng.normal(size=shape) for name, shape in f.params.items()}, rng.normal(size=3)
    loss, grads = f(params, x)
    z = x @ params["w"] + params["b"] + params["db"]
    assert np.isclose(loss, z @ z)
    for name, g in (("w", np.outer(x, 2 * z)), ("b", 2 * z), ("db", 2 * z)):
        np.testing.assert_allclose(grads[name], g, 1e-13)
    grads["b"] *= 0
    np.testing.assert_allclose(grads["db"], 2 * z, 1e-13)
