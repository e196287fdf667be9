"""Arrays that are returned: never written to while anybody can see them, and used again when nobody can. The oracle is a copy made at once."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from test_codegen_backends import need

import symbackprop as sb

NET = sb.mlp([40, 30, 20], activation="tanh", loss="quadratic", samples="m")


@pytest.fixture(params=["numpy", "numba"])
def f(request: pytest.FixtureRequest) -> Any:
    need(request.param)
    return sb.compile(NET, request.param)


def given(seed: int, m: int = 8) -> tuple[dict[str, Any], Any, Any]:
    rng = np.random.default_rng(seed)
    params = {"W1": rng.normal(size=(40, 30)), "b1": rng.normal(size=30), "W2": rng.normal(size=(30, 20)), "b2": rng.normal(size=20)}
    return params, rng.normal(size=(m, 40)), rng.normal(size=(m, 20))


HOLDERS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "the dict": lambda grads: grads,
    "one array": lambda grads: grads["b2"],
    "a part": lambda grads: grads["W1"][3:5, ::2],
    "a transpose of a part": lambda grads: grads["W2"][1:].T,
    "a buffer": lambda grads: memoryview(grads["b1"]),
    "an array of its buffer": lambda grads: np.frombuffer(grads["b1"]),
    "an interface": lambda grads: np.asarray(Interface(grads["W2"])),
    "a capsule": lambda grads: np.from_dlpack(grads["W2"]),
    "flat": lambda grads: grads["W1"].flat,
    "addresses": lambda grads: grads["W1"].ctypes,
    "a method": lambda grads: grads["W1"].sum,
    "a cell": lambda grads: lambda: grads["W1"],
    "a cycle": lambda grads: cycle(grads["W1"]),
}


class Interface:
    """What is an array by NumPy's protocol alone."""

    def __init__(self, array: Any) -> None:
        self.array, self.__array_interface__ = array, array.__array_interface__


def cycle(array: Any) -> list[Any]:
    found = [array]
    found.append(found)
    return found


def values(held: Any) -> Any:
    """What can be seen of an array through what holds it."""
    match held:
        case dict():
            return [*held.values()]
        case list():
            return held[0]
        case np.ndarray() | memoryview():
            return held
        case np.flatiter():
            return held.base
    return held() if callable(held) else held._arr


@pytest.mark.parametrize("holder", HOLDERS.values(), ids=HOLDERS)
def test_what_is_held_is_not_written_to(f: Any, holder: Callable[[dict[str, Any]], Any]) -> None:
    held = [holder(f(*given(0))[1]) for _ in range(4)]
    before = [np.copy(x) for h in held for x in (values(h) if isinstance(h, dict) else [values(h)])]
    for seed in range(1, 9):
        f(*given(seed))
    after = [x for h in held for x in (values(h) if isinstance(h, dict) else [values(h)])]
    for x, y in zip(before, after, strict=True):
        np.testing.assert_array_equal(x, y)


def test_what_nobody_holds_is_written_again(f: Any) -> None:
    """A loop that holds the last gradients while it computes the next needs two sets of arrays, however long it runs."""
    places, sizes = set(), (8, 5, 8, 8, 3)  # the batch does not matter, the gradients' shapes do not depend on it
    for seed in range(20):
        loss, grads = f(*given(seed, sizes[seed % len(sizes)]))
        places.add(grads["W1"].ctypes.data)
        assert loss > 0
    assert len(places) == 2


def test_a_weak_reference_never_sees_other_numbers(f: Any) -> None:
    _, grads = f(*given(0))
    kept, seen = grads["W1"].copy(), weakref.ref(grads["W1"])
    del grads
    for seed in range(1, 5):
        f(*given(seed))
        now = seen()
        assert now is None or np.array_equal(now, kept)


@pytest.mark.parametrize("change", [
    lambda g: setattr(g, "shape", (1, *g.shape)), lambda g: g.setflags(write=False), lambda g: g.__setattr__("dtype", "int64"),
], ids=["shape", "read-only", "dtype"])  # fmt: skip
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # newer versions of NumPy advise against it
def test_an_array_that_was_changed_in_place_is_not_returned_again(f: Any, change: Callable[[Any], Any]) -> None:
    _, expected = f(*given(1))
    expected = {name: g.copy() for name, g in expected.items()}
    gc.collect()
    for _ in range(3):
        _, grads = f(*given(0))
        for g in grads.values():
            change(g)
        del grads, g
        _, again = f(*given(1))
        for name, g in again.items():
            assert (g.dtype, g.shape, g.flags.writeable) == (np.dtype("float64"), expected[name].shape, True)
            np.testing.assert_array_equal(g, expected[name])
        del again, g


def test_gradients_may_be_given_back_as_parameters(f: Any) -> None:
    params, x, y = given(0)
    for _ in range(5):
        kept = {name: p.copy() for name, p in params.items()}
        _, grads = f(params, x, y)
        for name, p in params.items():
            np.testing.assert_array_equal(p, kept[name])
        params = grads


def test_arrays_go_from_thread_to_thread(f: Any) -> None:
    """What one thread computed is read by others, and let go by them, while it computes on."""
    expected = [{name: g.copy() for name, g in f(*given(seed))[1].items()} for seed in range(4)]

    def right(seed: int, grads: dict[str, Any]) -> bool:
        return all(np.array_equal(g, expected[seed % 4][name]) for name, g in grads.items())

    with ThreadPoolExecutor(3) as readers:
        found = [readers.submit(right, n, f(*given(n % 4))[1]) for n in range(200)]
        assert all(r.result() for r in found)
