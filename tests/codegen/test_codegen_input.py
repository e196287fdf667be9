"""What cannot be used is refused with the name of the array, what it is and what was expected; nothing given is changed."""

from __future__ import annotations

from collections import OrderedDict
from importlib.util import find_spec
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest

import symbackprop as sb
from symbackprop.errors import InputError, UnknownName

F = sb.compile(sb.mlp([3, 2], activation="tanh", samples="m"))


def call(f: Any = F, **changed: Any) -> Any:
    given = {"W1": np.ones((3, 2)), "b1": np.zeros(2), "X": np.ones((4, 3)), "Y": np.zeros((4, 2)), **changed}
    params = {k: given[k] for k in ("W1", "b1") if given[k] is not None}
    return f(params, given["X"], given["Y"])


def with_nan() -> Any:
    x = np.ones((4, 3))
    x[2, 1] = np.nan
    return x


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"b1": None}, "params lacks b1; it needs W1, b1"),
        ({"W1": np.ones((2, 3))}, r"W1 has shape \(2, 3\); expected \(3, 2\)"),
        ({"b1": np.zeros((2, 1))}, r"b1 has shape \(2, 1\); expected \(2,\)"),
        ({"X": np.ones((4, 5))}, r"X has shape \(4, 5\); expected \(m, 3\)"),
        ({"X": np.ones(3)}, r"X has shape \(3,\); expected \(m, 3\)"),
        ({"Y": np.zeros((5, 2))}, r"Y has shape \(5, 2\), so m is 5; but X has m = 4"),
        ({"X": np.ones((0, 3)), "Y": np.ones((0, 2))}, r"X has shape \(0, 3\): it is empty"),
        ({"X": np.ones((4, 3), dtype=int)}, r"X has dtype int64, but the function computes in float64; use X.astype\('float64'\)"),
        ({"W1": np.ones((3, 2), dtype=complex)}, "W1 has dtype complex128"),
        ({"X": np.ones((4, 3), dtype="float32")}, "compile with dtype='float32'"),
        ({"X": with_nan()}, r"X is not finite in 1 of \d+ entries, the first at X\[2, 1\]: nan"),
        ({"W1": np.full((3, 2), np.inf)}, "W1 is not finite in 6 of 6 entries"),
        ({"X": [[1.0, 2.0], [1.0]]}, "X is no array"),
        ({"X": "text"}, "X has dtype"),
    ],
)  # fmt: skip
def test_arrays_that_do_not_fit(changed: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says):
        call(**changed)


def test_parameters_that_nobody_knows_get_the_near_miss() -> None:
    with pytest.raises(UnknownName, match="unknown parameter 'W11'; did you mean 'W1'"):
        F({"W11": np.ones((3, 2)), "b1": np.zeros(2)}, np.ones((4, 3)), np.ones((4, 2)))
    with pytest.raises(InputError, match="params is a dict of arrays"):
        F([np.ones((3, 2))], np.ones((4, 3)), np.ones((4, 2)))
    with pytest.raises(InputError, match="2 arrays come after params, X, Y; 1 were given"):
        F({"W1": np.ones((3, 2)), "b1": np.zeros(2)}, np.ones((4, 3)))


def test_large_numbers_whose_sum_overflows_are_finite() -> None:
    assert np.isfinite(call(W1=np.zeros((3, 2)), X=np.full((4, 3), 1e308))[0])


@pytest.mark.parametrize(
    ("loss", "output", "y", "says"),
    [
        ("negative_log_likelihood", "softmax", np.array([0, 3]), "class numbers from 0 to 1, but 0 to 3 were found"),
        ("negative_log_likelihood", "softmax", np.array([-1, 1]), "from 0 to 1, but -1 to 1"),
        ("negative_log_likelihood", "softmax", np.array([0.0, 1.0]), "must be an integer, not float64"),
        ("cross_entropy", "softmax", np.array([[1.0, 1.0], [0.0, 1.0]]), "must sum to 1"),
        ("cross_entropy", "softmax", np.array([[2.0, -1.0], [0.0, 1.0]]), "from 0 to 1, but -1.0 to 2.0"),
        ("binary_cross_entropy", "sigmoid", np.array([[2.0, 0.0], [0.0, 1.0]]), "from 0 to 1"),
        ("hinge", "identity", np.array([[0.0, 1.0], [-1.0, 1.0]]), "signs"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("notation", ["rows", "ng"])
def test_labels_out_of_range(loss: str, output: str, y: Any, says: str, notation: str) -> None:
    f = sb.compile(sb.mlp([3, 2], activation=output, output=output, loss=loss, samples="m"), notation=notation)
    params = {name: np.ones(shape) for name, shape in f.params.items()}
    x = np.ones((2, 3)) if notation == "rows" else np.ones((3, 2))
    with pytest.raises(InputError, match=says):
        f(params, x, y if notation == "rows" else y.T)


def test_labels_counted_in_integers_are_welcome() -> None:
    f = sb.compile(sb.mlp([3, 2], output="softmax", loss="cross_entropy", samples="m"), dtype="float32")
    params = {name: np.ones(shape, "float32") for name, shape in f.params.items()}
    loss, grads = f(params, np.ones((2, 3), "float32"), np.eye(2, dtype=int))
    assert loss.dtype == grads["W1"].dtype == "float32"


def test_open_numbers_are_given_by_name() -> None:
    f = sb.compile(sb.mlp([3, 2], activation="leaky_relu", penalty="l2", samples="m"))
    params, x, y = {"W1": np.ones((3, 2)), "b1": np.zeros(2)}, np.ones((4, 3)), np.zeros((4, 2))
    assert np.isfinite(f(params, x, y, alpha=0.1, lambda_=np.float64(0.01))[0])
    with pytest.raises(InputError, match=r"give alpha=\.\.\., lambda_=\.\.\."):
        f(params, x, y)
    with pytest.raises(UnknownName, match="did you mean 'lambda_'"):
        f(params, x, y, alpha=0.1, lamda_=0.2)
    for wrong in (float("nan"), "0.1", True, 1j):
        with pytest.raises(InputError, match="alpha is a finite number"):
            f(params, x, y, alpha=wrong, lambda_=0.0)
    with pytest.raises(UnknownName, match=r"leave no number open: unknown argument 'alpha'"):
        F({"W1": np.ones((3, 2)), "b1": np.zeros(2)}, x, y, alpha=0.1)
    with pytest.raises(UnknownName, match="did you mean 'reuse'"):
        F({"W1": np.ones((3, 2)), "b1": np.zeros(2)}, x, y, reus=True)
    with pytest.raises(UnknownName, match="did you mean 'reuse'"):
        f(params, x, y, reus=True, alpha=0.1, lambda_=0.2)


@pytest.mark.parametrize("name", ["out", "reuse", "method", "params", "given", "self", "theta", "X"])
def test_an_open_number_may_have_any_name(name: str) -> None:
    """The oracle is the derivative by hand of c sum_j w_j^2."""
    net = sb.Network.from_equations([f"C = {name}*sum(j, w[j]**2)"], tensors={"w": (3,)}, parameters=["w"], scalars=[name])
    f = sb.compile(net)
    (called,) = f.program.scalars
    assert called in (name, f"{name}_")
    w = np.array([1.0, 2.0, 3.0])
    loss, grads = f({"w": w}, **{called: 0.5})
    assert loss == 7
    np.testing.assert_array_equal(grads["w"], w)
    assert f.check({"w": w}, **{called: 0.5}).ok
    assert f.check({"w": w}, method="complex", **{called: 0.5}).ok
    np.testing.assert_array_equal(f.flat(w, **{called: 0.5})[1], w)


def test_the_order_of_bytes_is_named() -> None:
    with pytest.raises(InputError, match=r"X has dtype >f8, but .* float64, bytes in this machine's order; use X.astype\('float64'\)$"):
        call(X=np.ones((4, 3), ">f8"))
    with pytest.raises(InputError, match=r"bytes in this machine's order; use X.astype\('float64'\), or compile with dtype='float32'$"):
        call(X=np.ones((4, 3), ">f4"))


def test_masked_entries_are_not_computed_with() -> None:
    mask = np.zeros((4, 3), bool)
    assert np.isfinite(call(X=np.ma.masked_array(np.ones((4, 3)), mask))[0])  # nothing is masked: nothing is lost
    mask[1, 2] = True
    with pytest.raises(InputError, match=r"X has masked entries, .* X.filled\(0\)"):
        call(X=np.ma.masked_array(np.ones((4, 3)), mask))


@pytest.mark.parametrize("reuse", ["no", 1, 0, None, np.ones(2)])
def test_reuse_is_true_or_false(reuse: Any) -> None:
    with pytest.raises(InputError, match="reuse is True or False, not"):
        F({"W1": np.ones((3, 2)), "b1": np.zeros(2)}, np.ones((4, 3)), np.zeros((4, 2)), reuse=reuse)


@pytest.mark.parametrize("count", [1, 4, 500])
@pytest.mark.parametrize("way", ["itself", "view", "bytes", "inside another"])
def test_what_reuse_writes_to_cannot_be_given(count: int, way: str) -> None:
    """For a small and a large batch, which are computed entry by entry and as arrays; the oracle is the call with copies."""
    x, y = np.ones((count, 3)) / 3, np.ones((count, 2))
    _, grads = F({"W1": np.ones((3, 2)), "b1": np.zeros(2)}, x, y, reuse=True)
    shared = {
        "itself": lambda g: g, "view": lambda g: g[::-1], "bytes": lambda g: np.frombuffer(memoryview(g).cast("B"), g.dtype).reshape(g.shape),
        "inside another": lambda g: np.lib.stride_tricks.as_strided(g, g.shape, (0,) * g.ndim),
    }[way]  # fmt: skip
    before = {name: g.copy() for name, g in grads.items()}
    for name in grads:
        given = {n: shared(g) if n == name else g.copy() for n, g in grads.items()}
        with pytest.raises(InputError, match=f"with which {name} shares memory; give {name}.copy()"):
            F(given, x, y, reuse=True)
        assert all(np.array_equal(g, before[n]) for n, g in grads.items())
        loss, right = F(given, x, y)
        copies = {n: g.copy() for n, g in given.items()}
        again, expected = F(copies, x, y, reuse=True)
        assert loss == again
        assert all(np.array_equal(right[n], expected[n]) for n in right)
        for n, g in before.items():
            grads[n][...] = g


def test_a_step_in_place_reuses() -> None:
    """The loop that reuse is for: parameters change in place, gradients are read and written over."""
    p, x, y = {"W1": np.ones((3, 2)), "b1": np.zeros(2)}, np.ones((4, 3)), np.zeros((4, 2))
    losses = []
    for _ in range(5):
        loss, grads = F(p, x, y, reuse=True)
        losses.append(loss)
        for name, g in grads.items():
            p[name] -= 0.1 * g
    assert losses == sorted(losses, reverse=True)


@pytest.mark.parametrize("backend", ["numpy", "numba", "jax", "torch"])
@pytest.mark.parametrize("wrong", [[2, 0], [0, -1], [1, 3]])
def test_class_numbers_where_the_count_is_read_off_arrays(backend: str, wrong: list[int]) -> None:
    pytest.importorskip(backend)
    net = sb.mlp(["n", "c"], samples="m", output="softmax", loss="negative_log_likelihood")
    f = sb.compile(net, backend, "float32")
    p, x = {"W1": np.ones((3, 2), "float32"), "b1": np.zeros(2, "float32")}, np.ones((2, 3), "float32")
    assert np.isclose(float(f(p, x, np.array([0, 1]))[0]), np.log(2))
    for kind in ("int64", "int8", ">i8"):
        with pytest.raises(InputError, match="y holds class numbers from 0 to 1"):
            f(p, x, np.array(wrong, kind))


def test_class_numbers_of_another_order_of_bytes() -> None:
    f = sb.compile(sb.mlp([3, 2], samples="m", output="softmax", loss="negative_log_likelihood"))
    p, x = {"W1": np.ones((3, 2)), "b1": np.zeros(2)}, np.ones((2, 3))
    assert f(p, x, np.array([0, 1], ">i8"))[0] == f(p, x, np.array([0, 1]))[0]
    with pytest.raises(InputError, match="class numbers from 0 to 1"):
        f(p, x, np.array([0, 2**56], ">i8"))


def test_a_flat_vector_that_does_not_fit() -> None:
    with pytest.raises(InputError, match=r"theta is a vector of 8 real numbers, not an array of shape \(7,\)"):
        F.flat(np.zeros(7), np.ones((4, 3)), np.ones((4, 2)))
    with pytest.raises(InputError, match="theta is no array"):
        F.flat([[1.0], [1.0, 2.0]], np.ones((4, 3)), np.ones((4, 2)))
    with pytest.raises(InputError, match="theta has masked entries"):
        F.unflatten(np.ma.masked_array(np.ones(8), np.eye(8)[0]))


@pytest.mark.parametrize(
    ("params", "says"),
    [
        ({"W1": np.ones((3, 2))}, "params lacks b1; it needs W1, b1"),
        ({"W1": np.ones((3, 2)), "b1": np.ones(2), 2: 1.0}, "unknown parameter '2'"),
        ({"W1": np.ones((2, 3)), "b1": np.ones(2)}, r"W1 has shape \(2, 3\) and dtype float64; expected \(3, 2\) and real numbers"),
        ({"W1": np.ones((3, 2)) * 1j, "b1": np.ones(2)}, "W1 has shape .* complex128; expected .* real numbers"),
        ({"W1": [[1.0], [1.0, 2.0]], "b1": np.ones(2)}, "W1 is no array"),
        ([np.ones((3, 2))], "params is a dict of arrays, W1, b1; not list"),
        (None, "params is a dict of arrays, W1, b1; not NoneType"),
    ],
)
def test_parameters_that_make_no_vector(params: Any, says: str) -> None:
    with pytest.raises(InputError, match=says):
        F.flatten(params)


class Default(dict[str, Any]):
    """A dict that makes what it lacks."""

    def __missing__(self, key: str) -> Any:
        self[key] = np.zeros(2)
        return self[key]


def test_a_mapping_is_not_asked_for_what_it_lacks() -> None:
    for backend in ("numpy", "numba", "torch"):
        if find_spec(backend) is None:
            continue
        f = sb.compile(sb.mlp([3, 2], activation="tanh", samples="m"), backend)
        params, x, y = {"W1": np.ones((3, 2)), "b1": np.zeros(2)}, np.ones((4, 3)), np.zeros((4, 2))
        wanted = float(f(params, x, y)[0])
        for wrong in (Default(W1=params["W1"]), Default(W1=params["W1"], b_1=params["b1"])):
            keys = list(wrong)
            with pytest.raises(InputError, match=r"params lacks b1|did you mean 'b1'"):
                f(wrong, x, y)
            assert list(wrong) == keys
        for fits in (Default(params), OrderedDict(params), MappingProxyType(params)):
            assert float(f(fits, x, y)[0]) == wanted
        with pytest.raises(InputError, match="params is a dict of arrays, W1, b1; not ndarray"):
            f(np.zeros((), [("W1", float, (3, 2))]), x, y)


@pytest.mark.parametrize("backend", ["numpy", "numba", "torch"])
def test_arrays_by_name_are_answered_with_their_order(backend: str) -> None:
    pytest.importorskip(backend)
    f = sb.compile(sb.mlp([3, 2], activation="tanh", samples="m"), backend)
    params, x, y = {"W1": np.ones((3, 2)), "b1": np.zeros(2)}, np.ones((4, 3)), np.zeros((4, 2))
    f(params, x, y)
    for given, named in (((), {"X": x, "Y": y}), ((x,), {"Y": y})):
        with pytest.raises(InputError, match=r"arrays are given in order and not by name: f\(params, X, Y\)"):
            f(params, *given, **named)


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (np.ones((4, 3)) * 1j, r"complex numbers have no place in it, so give X.real and X.imag"),
        (None, "NoneType is no array of numbers"),
        ({"X": 1}, "dict is no array of numbers"),
        ((x for x in ()), "generator is no array of numbers"),
        ([[1, 2, 3]] * 4, r"use np.asarray\(X, 'float64'\)"),
        (np.ones((4, 3), "M8[s]"), "what it holds is no array of numbers"),
        (np.ones((4, 3), "O"), r"use X.astype\('float64'\)"),
    ],
)
def test_the_remedy_fits_what_was_given(value: Any, says: str) -> None:
    with pytest.raises(InputError, match=f"X has dtype .*; {says}"):
        call(X=value)


@pytest.mark.parametrize("strides", [(0, 8), (8, 8), (16, 0)])
def test_gradients_are_not_written_to_one_place(strides: tuple[int, int]) -> None:
    place = np.lib.stride_tricks.as_strided(np.zeros(8), (3, 2), strides)
    with pytest.raises(InputError, match=r"out\['W1'\] must have a place of its own for every entry"):
        F({"W1": np.ones((3, 2)), "b1": np.zeros(2)}, np.ones((4, 3)), np.zeros((4, 2)), out={"W1": place, "b1": np.zeros(2)})


@pytest.mark.parametrize("name", ["out", "reuse"])
def test_a_check_writes_nowhere(name: str) -> None:
    with pytest.raises(InputError, match=f"{name}= says where a call puts its gradients"):
        F.check({"W1": np.ones((3, 2)), "b1": np.zeros(2)}, np.ones((4, 3)), np.zeros((4, 2)), **{name: True})


@pytest.mark.parametrize("size", [0, -1, 2.5, "a", True])
def test_a_size_is_a_whole_number(size: Any) -> None:
    with pytest.raises(InputError, match="m is a whole number from 1, not"):
        F.form(m=size)
