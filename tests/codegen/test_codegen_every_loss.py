"""What a caller may give and what is refused, the same for every loss of the registry: what is given is never changed.

The oracle of right answers is the same call with plain C-ordered, writable copies; those are compared with autograd elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import codegen_oracles as oracles
import numpy as np
import pytest

import symbackprop as sb
from symbackprop.codegen.backends import BACKENDS
from symbackprop.errors import InputError, UnknownName
from symbackprop.rules import LOSSES

SIZES = [3, 4, 3]
COUNT = 5


@dataclass
class Call:
    """One call's arguments, so that a test can spoil one of them."""

    f: Any
    arrays: dict[str, Any]
    scalars: dict[str, float]

    @property
    def target(self) -> str:
        """What the target is called: a letter in lower case if it is a vector."""
        return str(self.f.program.targets[0].name)

    def run(self, **options: Any) -> Any:
        params = {name: self.arrays[name] for name in self.arrays if name not in ("X", "Y")}
        return self.f(params, self.arrays["X"], self.arrays["Y"], **self.scalars, **options)

    def bytes(self) -> dict[str, Any]:
        return {name: (a.tobytes(), a.shape, a.strides, a.dtype, a.flags.writeable) for name, a in self.arrays.items() if isinstance(a, np.ndarray)}


@cache
def compiled(loss: str, activation: str, dtype: str) -> Any:
    net = sb.mlp(SIZES, activation=activation, output=oracles.OUTPUT.get(loss, "identity"), loss=loss, samples="m")
    return sb.compile(net, dtype=dtype)


def call(loss: str, activation: str = "sigmoid", dtype: str = "float64") -> Call:
    f = compiled(loss, activation, dtype)
    rng = np.random.default_rng(11)
    params = oracles.parameters(SIZES, rng, dtype)
    X, Y = rng.normal(size=(COUNT, SIZES[0])).astype(dtype), oracles.targets(f.program.net, COUNT, SIZES[-1], rng, dtype)
    return Call(f, {**params, "X": X, "Y": Y}, {n: oracles.NUMBERS[n] for n in f.program.scalars})


def refused(c: Call, *says: str, error: type[InputError] = InputError) -> None:
    """The call raises, its message holds every one of `says`, and what was given is as before, bit for bit."""
    before = c.bytes()
    with pytest.raises(error) as raised:
        c.run()
    for part in says:
        assert part in str(raised.value)
    assert c.bytes() == before


every_loss = pytest.mark.parametrize("loss", LOSSES)


@every_loss
def test_missing_and_extra_parameters(loss: str) -> None:
    for name in ("W1", "b2"):
        c = call(loss)
        del c.arrays[name]
        refused(c, f"params lacks {name}; it needs W1, b1, W2, b2")
    c = call(loss)
    c.arrays["b3"] = np.zeros(3)
    refused(c, "unknown parameter 'b3'", "Known: W1, W2, b1, b2", error=UnknownName)


@every_loss
def test_wrong_shapes_name_the_array_and_both_shapes(loss: str) -> None:
    for name in ("W1", "b1", "W2", "b2", "X"):
        good = call(loss).arrays[name]
        for bad in (good[:-1] if name != "X" else good[:, :-1], good[None], np.concatenate([good, good], axis=-1), good.ravel()[0], good[..., None]):
            c = call(loss)
            c.arrays[name] = bad
            refused(c, f"{name} has shape {np.shape(bad)}; expected ")
    c = call(loss)
    c.arrays["Y"] = c.arrays["Y"][:-1]
    refused(c, f"{c.target} has shape {c.arrays['Y'].shape}, so m is 4; but X has m = 5")
    c.arrays["Y"] = c.arrays["Y"][..., None]
    refused(c, f"{c.target} has shape {c.arrays['Y'].shape}; expected (m")


@every_loss
def test_an_empty_batch(loss: str) -> None:
    c = call(loss)
    c.arrays["X"], c.arrays["Y"] = c.arrays["X"][:0], c.arrays["Y"][:0]
    refused(c, "X has shape (0, 3): it is empty")


@every_loss
@pytest.mark.parametrize("dtype", ["int64", "int8", "uint8", "bool", "complex128", "complex64", "float16", "float32", "object", "longdouble", ">f8"])
def test_wrong_dtypes_name_the_array_and_what_to_do(loss: str, dtype: str) -> None:
    for name in ("W1", "b2", "X"):
        c = call(loss)
        c.arrays[name] = c.arrays[name].astype(dtype) if not dtype.startswith("complex") else c.arrays[name] + np.zeros((), dtype)
        remedy = f"{name}.real and {name}.imag" if dtype.startswith("complex") else f"{name}.astype('float64')"
        refused(c, f"{name} has dtype {c.arrays[name].dtype}", "float64", remedy)


@every_loss
def test_targets_of_a_wrong_dtype(loss: str) -> None:
    c = call(loss)
    c.arrays["Y"] = c.arrays["Y"].astype("complex128")
    refused(c, f"{c.target} h", "complex128")
    c.arrays["Y"] = call(loss).arrays["Y"].astype("float32")
    refused(c, f"{c.target} h", "float32")


@every_loss
@pytest.mark.parametrize("activation", ["sigmoid", "relu"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_found_in_every_array(loss: str, activation: str, value: float) -> None:
    """Wherever it stands, also where it would vanish in a saturated sigmoid, a dead unit or a comparison."""
    for dtype in ("float64", "float32"):
        for name in ("W1", "b1", "W2", "b2", "X", "Y"):
            for place in (0, -1):
                c = call(loss, activation, dtype)
                if c.arrays[name].dtype.kind != "f":
                    continue
                c.arrays[name].flat[place] = value
                where = np.unravel_index(range(c.arrays[name].size)[place], c.arrays[name].shape)
                refused(c, f"{name} is not finite in 1 of {c.arrays[name].size} entries, the first at {name}[{', '.join(map(str, where))}]: {value}")


@every_loss
def test_numbers_that_are_finite_are_computed_with_however_large(loss: str) -> None:
    """An overflow in the result is the caller's to see, not a complaint about what was given."""
    c = call(loss)
    c.arrays["W2"] *= 1e200
    before = c.bytes()
    with np.errstate(all="ignore"):
        value, grads = c.run()
    assert np.ndim(value) == 0
    assert {name: g.shape for name, g in grads.items()} == c.f.params
    assert c.bytes() == before


BAD_LABELS: dict[str, dict[str, Callable[[Any], Any]]] = {
    "class": {"above": lambda Y: Y + 3, "below": lambda Y: Y - 3, "one above": lambda Y: np.where(np.arange(len(Y)) == 2, 3, Y)},
    "one_hot": {"two": lambda Y: 2 * Y, "none": lambda Y: 0 * Y, "negative": lambda Y: Y - 1, "all": lambda Y: Y * 0 + 1},
    "binary": {"above": lambda Y: Y + 1.5, "below": lambda Y: Y - 1.5},
    "sign": {"zero": lambda Y: Y * 0, "large": lambda Y: 2 * Y},
    "real": {},
}


@every_loss
def test_labels_out_of_range(loss: str) -> None:
    kind = LOSSES[loss].target
    for spoil in BAD_LABELS[kind].values():
        c = call(loss)
        c.arrays["Y"] = spoil(c.arrays["Y"])
        refused(c, f"{c.target} ")


def test_every_kind_of_target_is_spoiled() -> None:
    assert {rule.target for rule in LOSSES.values()} <= set(BAD_LABELS)


ARRANGED: dict[str, Callable[[Any], Any]] = {
    "Fortran": np.asfortranarray,
    "every second": lambda a: np.repeat(np.repeat(a, 2, axis=0), 2, axis=-1)[::2, ..., ::2] if a.ndim > 1 else np.repeat(a, 2)[::2],
    "backwards": lambda a: a[::-1, ...].copy()[::-1, ...],
    "inside": lambda a: np.pad(a, 1)[(slice(1, -1),) * a.ndim],
    "unaligned": lambda a: np.frombuffer(b"x" + a.tobytes(), a.dtype, offset=1).reshape(a.shape),
    "subclass": lambda a: a.view(np.memmap),
}


@every_loss
@pytest.mark.parametrize("arranged", ARRANGED)
@pytest.mark.parametrize("writable", [True, False])
def test_however_arrays_lie_the_answer_is_the_same(loss: str, arranged: str, writable: bool) -> None:
    for dtype, tolerance in (("float64", 1e-13), ("float32", 2e-6)):
        c = call(loss, "tanh", dtype)
        expected, slopes = c.run()
        for name, a in c.arrays.items():
            c.arrays[name] = ARRANGED[arranged](a)
            if not writable:
                c.arrays[name].flags.writeable = False
            assert np.array_equal(c.arrays[name], a)
        before = c.bytes()
        value, grads = c.run()
        assert c.bytes() == before
        np.testing.assert_allclose(value, expected, rtol=tolerance)
        for name, g in grads.items():
            np.testing.assert_allclose(g, slopes[name], rtol=tolerance, atol=tolerance)
            assert type(g) is np.ndarray
            assert g.flags.writeable


@every_loss
def test_broadcast_arrays(loss: str) -> None:
    """One number, or one row, seen as a whole array through strides of zero."""
    c = call(loss, "tanh")
    arrays = c.arrays
    arrays["W1"] = np.broadcast_to(0.25, arrays["W1"].shape)
    arrays["b1"] = np.broadcast_to(-0.5, arrays["b1"].shape)
    arrays["X"] = np.broadcast_to(arrays["X"][1], arrays["X"].shape)
    arrays["Y"] = np.broadcast_to(arrays["Y"][1], arrays["Y"].shape)
    before = c.bytes()
    value, grads = c.run()
    assert c.bytes() == before
    plain = Call(c.f, {name: np.array(a) for name, a in arrays.items()}, c.scalars)
    expected, slopes = plain.run()
    np.testing.assert_allclose(value, expected, rtol=1e-13)
    for name, g in grads.items():
        np.testing.assert_allclose(g, slopes[name], rtol=1e-12, atol=1e-13)


@every_loss
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_results_belong_to_the_caller(loss: str, dtype: str) -> None:
    """They share memory with nothing given and not with each other, and the next call, another batch or a failure leaves them alone."""
    c = call(loss, dtype=dtype)
    value, grads = c.run()
    results = [np.asarray(value), *grads.values()]
    for i, one in enumerate(results):
        assert not any(np.shares_memory(one, a) for a in c.arrays.values())
        assert not any(np.shares_memory(one, other) for other in results[i + 1 :])
    before = [r.tobytes() for r in results]
    other = call(loss, dtype=dtype)
    other.arrays["X"], other.arrays["Y"] = other.arrays["X"][1:] * 2, other.arrays["Y"][1:]
    other.run()
    other.arrays["X"] = c.arrays["X"] * 3
    with pytest.raises(InputError):
        other.run()
    c.run()
    assert [r.tobytes() for r in results] == before
    for g in grads.values():
        g[...] = 7  # writing to a result changes no later one
    again = c.run()[1]
    assert [again[name].tobytes() for name in grads] == before[1:]


@every_loss
def test_one_array_may_be_given_twice(loss: str) -> None:
    """Shared weights, and labels that are the input itself, are read as two arrays."""
    c = call(loss, "tanh")
    c.arrays["b2"] = np.linspace(-1, 1, 3)
    c.arrays["W2"] = np.arange(12.0).reshape(4, 3) / 12
    c.arrays["b1"] = c.arrays["W2"].ravel()[:4]
    c.arrays["W1"] = c.arrays["W2"].T
    before = c.bytes()
    value, grads = c.run()
    assert c.bytes() == before
    apart = Call(c.f, {name: a.copy() for name, a in c.arrays.items()}, c.scalars)
    expected, slopes = apart.run()
    np.testing.assert_allclose(value, expected, rtol=1e-13)
    for name, g in grads.items():
        np.testing.assert_allclose(g, slopes[name], rtol=1e-12, atol=1e-13)


@every_loss
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_gradients_written_over_are_the_same_ones(loss: str, dtype: str) -> None:
    """With `reuse` and `out`, after a call that went well and after one that was refused: same answers, inputs as before."""
    c = call(loss, dtype=dtype)
    expected, slopes = c.run()
    own = {name: np.full(shape, 7, dtype) for name, shape in c.f.params.items()}
    before = c.bytes()
    for options in ({"reuse": True}, {"out": own}, {"reuse": True}):
        value, grads = c.run(**options)
        assert c.bytes() == before
        assert value == expected
        assert {name: g.tobytes() for name, g in grads.items()} == {name: g.tobytes() for name, g in slopes.items()}
        assert all(g is own[name] for name, g in grads.items()) == ("out" in options)
        spoiled = call(loss, dtype=dtype)
        spoiled.arrays["b1"][1] = np.inf
        as_given = spoiled.bytes()
        with pytest.raises(InputError, match=r"b1 is not finite in 1 of \d+ entries, the first at b1\[1\]: inf"):
            spoiled.run(**options)
        assert spoiled.bytes() == as_given


SPOILED: dict[str, list[Callable[[Any], Any]]] = {
    "W1": [lambda a: a.T, lambda a: a.astype(int), lambda a: a + 0j, lambda a: a.astype("float64"), lambda a: a * np.nan],
    "X": [lambda a: a[:, 0], lambda a: a.astype(int), lambda a: a + 0j, lambda a: a * np.inf, lambda a: a[:2], lambda a: a[:0]],
    "Y": [lambda a: a[:, :2], lambda a: a + 0j, lambda a: 2 * a, lambda a: a * np.nan, lambda a: a[1:]],
}


@pytest.mark.parametrize("backend", BACKENDS)
def test_every_backend_refuses_in_the_same_words(backend: str) -> None:
    """The oracle is what NumPy's function says, which the tests above pin down."""
    pytest.importorskip(BACKENDS[backend].needs)
    c = call("cross_entropy", dtype="float32")
    net = c.f.program.net
    other = Call(sb.compile(net, backend, "float32"), c.arrays, {})
    np.testing.assert_allclose(np.asarray(other.run()[0]), c.run()[0], rtol=1e-5)
    good = dict(c.arrays)
    for name, ways in SPOILED.items():
        for spoil in ways:
            c.arrays[name] = spoil(good[name])
            with pytest.raises(InputError) as said:
                c.run()
            refused(other, str(said.value))
        c.arrays[name] = good[name]
    del c.arrays["b2"]
    refused(other, "params lacks b2; it needs W1, b1, W2, b2")
    c.arrays |= {"b2": good["b2"], "b_2": good["b2"]}
    refused(other, "unknown parameter 'b_2'; did you mean 'b2'?", error=UnknownName)
