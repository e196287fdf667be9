"""One gradient, Jacobians, Hessians times vectors and layouts, against HIPS autograd and central differences."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import autograd.numpy as anp
import codegen_oracles as oracles
import numpy as np
import pytest
from autograd import grad, jacobian

import symbackprop as sb
from symbackprop.codegen.backends import BACKENDS
from symbackprop.codegen.function import emit
from symbackprop.codegen.loading import loaded
from symbackprop.errors import InputError, SpecError, UnknownName
from symbackprop.rules import ACTIVATIONS, LOSSES

SIZES = [3, 4, 2]
DEEP = {"activation": "tanh", "output": "softmax", "loss": "cross_entropy"}


def case(seed: int = 0, **described: Any) -> tuple[sb.Network, dict[str, Any], Any, Any]:
    net = sb.mlp(SIZES, samples="m", **(described or DEEP))
    rng = np.random.default_rng(seed)
    return net, oracles.parameters(SIZES, rng), rng.normal(size=(5, 3)), oracles.targets(net, 5, 2, rng)


def outputs(params: dict[str, Any], x: Any) -> Any:
    """What the network of `DEEP` computes, written by hand."""
    return oracles.softmax(anp.dot(anp.tanh(anp.dot(x, params["W1"]) + params["b1"]), params["W2"]) + params["b2"])


def test_one_gradient_and_that_by_the_inputs() -> None:
    net, params, x, y = case()
    f = sb.compile(net, wrt=["W1", "X"])
    loss, grads = f(params, x, y)
    rest = (y, "tanh", "softmax", "cross_entropy")
    assert np.isclose(loss, oracles.cost(params, x, *rest))
    assert list(grads) == ["W1", "X"]
    np.testing.assert_allclose(grads["W1"], grad(oracles.cost)(params, x, *rest)["W1"], rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(grads["X"], grad(oracles.cost, 1)(params, x, *rest), rtol=1e-12, atol=1e-14)
    assert "dW2" not in f.source
    assert "db1" not in f.source


def test_the_jacobian_of_the_outputs_by_everything() -> None:
    net, params, x, _ = case()
    f = sb.compile(net, of="A2", wrt=["W1", "b1", "W2", "b2", "X", "Z2"])
    value, found = f(params, x)
    np.testing.assert_allclose(value, outputs(params, x), rtol=1e-13)
    for name, expected in _by_parameter(params, x).items():
        assert found[name].shape == expected.shape
        np.testing.assert_allclose(found[name], expected, rtol=1e-11, atol=1e-14)
    np.testing.assert_allclose(found["X"], jacobian(outputs, 1)(params, x), rtol=1e-11, atol=1e-14)
    logits = anp.dot(anp.tanh(anp.dot(x, params["W1"]) + params["b1"]), params["W2"]) + params["b2"]
    np.testing.assert_allclose(found["Z2"], jacobian(oracles.softmax)(logits), rtol=1e-11, atol=1e-14)


def _by_parameter(params: dict[str, Any], x: Any) -> dict[str, Any]:
    return {name: jacobian(lambda w, name=name: outputs({**params, name: w}, x))(value) for name, value in params.items()}


def test_one_entry_of_a_jacobian_is_a_gradient() -> None:
    net, params, x, _ = case()
    _, whole = sb.compile(net, of="A2", wrt=["W1", "Z1"])(params, x)
    for s, j in ((0, 1), (4, 0)):
        value, found = sb.compile(net, of=f"A2[{s}, {j}]", wrt=["W1", "Z1"])(params, x)
        assert np.isclose(value, outputs(params, x)[s, j])
        for name in found:
            np.testing.assert_allclose(found[name], whole[name][s, j], rtol=1e-12, atol=1e-15)


def test_the_jacobian_of_a_softmax_by_its_logits() -> None:
    net = sb.Network.from_equations(
        ["p[j] = exp(z[j])/sum(k, exp(z[k]))", "C = -sum(j, y[j]*log(p[j]))"], tensors={"z": (4,), "y": (4,)}, parameters=["z"], targets=["y"]
    )
    z = np.array([0.3, -1.0, 2.0, 0.0])
    p, found = sb.compile(net, of="p")({"z": z})
    np.testing.assert_allclose(found["z"], np.diag(p) - np.outer(p, p), rtol=1e-13, atol=1e-16)


def test_what_does_not_depend_has_a_jacobian_of_zeros() -> None:
    net, params, x, _ = case()
    _, found = sb.compile(net, of="A1", wrt=["W2", "b1"])(params, x)
    np.testing.assert_array_equal(found["W2"], np.zeros((5, 4, 4, 2)))
    assert found["b1"].any()


def hessian_vector(cost: Any, params: dict[str, Any], v: dict[str, Any]) -> dict[str, Any]:
    """autograd's derivative of <gradient, v>."""

    def slope(p: dict[str, Any]) -> Any:
        g = grad(cost)(p)
        return sum(anp.sum(g[k] * v[k]) for k in p)

    return grad(slope)(params)


def agrees(net: sb.Network, params: dict[str, Any], x: Any, y: Any, rest: tuple[Any, ...]) -> None:
    f = sb.compile(sb.directional(net))
    rng = np.random.default_rng(9)
    v = {k: rng.normal(size=p.shape) for k, p in params.items()}
    numbers = {n: oracles.NUMBERS[n] for n in f.program.scalars}
    slope, found = f(params, *v.values(), x, y, **numbers)

    def cost(p: dict[str, Any]) -> Any:
        return oracles.cost(p, x, y, *rest)

    gradient = grad(cost)(params)
    assert np.isclose(slope, sum(np.sum(gradient[k] * v[k]) for k in v), rtol=1e-10, atol=1e-13)
    for name, expected in hessian_vector(cost, params, v).items():
        np.testing.assert_allclose(found[name], expected, rtol=1e-9, atol=1e-11 * max(1.0, float(np.abs(expected).max())))


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_the_hessian_times_a_vector_for_every_activation(name: str) -> None:
    net, params, x, y = case(3, activation=name, output=name, loss="quadratic")
    agrees(net, params, x, y, (name, name, "quadratic"))


@pytest.mark.parametrize("name", LOSSES)
def test_the_hessian_times_a_vector_for_every_loss(name: str) -> None:
    output = oracles.OUTPUT.get(name, "identity")
    net, params, x, y = case(4, activation="tanh", output=output, loss=name)
    agrees(net, params, x, y, ("tanh", output, name))


def test_the_hessian_times_a_vector_is_what_differences_of_gradients_say() -> None:
    net, params, x, y = case()
    rng = np.random.default_rng(1)
    v = {k: rng.normal(size=p.shape) for k, p in params.items()}
    first, h = sb.compile(net), 1e-5
    above, below = (first({k: p + sign * h * v[k] for k, p in params.items()}, x, y)[1] for sign in (1, -1))
    _, found = sb.compile(sb.directional(net))(params, *v.values(), x, y)
    for name in params:
        np.testing.assert_allclose(found[name], (above[name] - below[name]) / (2 * h), rtol=1e-6, atol=1e-8)


def test_a_third_derivative_is_a_direction_more() -> None:
    net = sb.Network.from_equations(["C = sum(j, w[j]**4)"], tensors={"w": (3,)}, parameters=["w"])
    f = sb.compile(sb.directional(sb.directional(net)))
    w, u, v = np.array([1.0, 2.0, 3.0]), np.array([1.0, 0.0, 2.0]), np.array([0.5, 1.0, 1.0])
    value, found = f({"w": w}, u, v)
    assert np.isclose(value, np.sum(12 * w**2 * u * v))
    np.testing.assert_allclose(found["w"], 24 * w * u * v)


@pytest.mark.parametrize("samples", ["m", None])
@pytest.mark.parametrize("layout", ["rows", "columns"])
@pytest.mark.parametrize("notation", ["ng", "nielsen", "rows"])
def test_a_layout_says_how_arrays_lie_whatever_the_notation(notation: str, layout: str, samples: str | None) -> None:
    net = sb.mlp(SIZES, samples=samples, **DEEP)  # type: ignore[arg-type]
    f = sb.compile(net, notation=notation, layout=layout)
    rng = np.random.default_rng(0)
    first = next(iter(f.params))
    assert f.params[first] == ((3, 4) if layout == "rows" else (4, 3))
    params = {name: rng.normal(size=shape) for name, shape in f.params.items()}
    x, y = rng.normal(size=(5, 3)), np.eye(2)[rng.integers(0, 2, size=5)]
    data = (x[0], y[0]) if samples is None else (x, y) if layout == "rows" else (x.T, y.T)
    assert f.check(params, *data).ok


def test_a_single_example_has_no_axis_of_samples() -> None:
    f = sb.compile(sb.mlp(SIZES, **DEEP), layout="single")  # type: ignore[arg-type]
    assert list(f.params.values()) == [(4, 3), (4,), (2, 4), (2,)]
    assert [g.shape for g in f.program.inputs] == [(3,)]
    with pytest.raises(InputError, match=r"no axis for the m samples of 'mlp'; choose rows or columns"):
        sb.compile(sb.mlp(SIZES, samples="m"), layout="single")


@pytest.mark.parametrize(
    ("wrong", "error", "says"),
    [
        ({"layout": "row"}, UnknownName, "unknown layout 'row'; did you mean 'rows'. Known: columns, rows, single"),
        ({"of": "A3"}, UnknownName, "unknown computed quantity 'A3'. Known: A1, A2, J, L, Z1, Z2"),
        ({"of": "X"}, UnknownName, "unknown computed quantity 'X'"),
        ({"wrt": ["W3"]}, UnknownName, "unknown quantity 'W3'. Known: A1, "),
        ({"wrt": "W1"}, InputError, r"wrt is a list of names, wrt=\['W1'\]"),
        ({"wrt": []}, InputError, r"wrt names nothing; leave it out for all parameters, or list some, wrt=\['W1', 'b1'\]"),
        ({"of": "A2", "wrt": ["A2"]}, InputError, "differentiated by itself"),
        ({"of": "A2[7]"}, InputError, r"'A2\[7\]' is no entry: the array has shape \(m, 2\)"),
        ({"of": "A2[0, 2]"}, InputError, "counted from 0"),
        ({"of": "A2[j, 1]"}, InputError, "one number for each axis"),
    ],
)
def test_what_cannot_be_asked_for(wrong: dict[str, Any], error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        sb.compile(sb.mlp(SIZES, samples="m"), **wrong)


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_entry_that_a_call_does_not_have_is_refused(backend: str) -> None:
    """Left to the libraries one raises, another answers with the last entry there is."""
    pytest.importorskip(BACKENDS[backend].needs)
    f = sb.compile(sb.mlp(SIZES, activation="tanh", samples="m"), backend, "float32", of="A2[5, 0]")
    params = oracles.parameters(SIZES, np.random.default_rng(0), "float32")
    x = np.linspace(-1, 1, 21, dtype="float32").reshape(7, 3)
    hidden = np.tanh(x[:6] @ params["W1"] + params["b1"])
    for _ in range(2):  # the second call takes the usual way
        found = f(params, x[:6])[0]
        assert np.isclose(float(found), np.tanh(hidden @ params["W2"] + params["b2"])[5, 0], rtol=1e-5)
        with pytest.raises(InputError, match=r"X has shape \(5, 3\), so m is 5; but entry number 6 along it is read"):
            f(params, x[:5])


CONVOLVED = sb.Network.from_equations(
    ["z[s,i] = sum(u, w[u]*x[s,i+u-1]) + b[i]", "a[s,i] = tanh(z[s,i])", "q[s,i] = sum(u, v[u]*a[s,i+u-1])", "C = sum(s, sum(i, q[s,i]**2))/m"],
    tensors={"x": ("m", 9), "w": (3,), "b": (7,), "z": ("m", 7), "v": (2,), "q": ("m", 6)}, parameters=["w", "b", "v"],
)  # fmt: skip
ASKED: list[tuple[sb.Network, dict[str, Any]]] = [
    *((sb.mlp(SIZES, samples="m", **DEEP), asked) for asked in (  # type: ignore[arg-type]
        {"wrt": ["W1", "X"]}, {"wrt": ["A2"]}, {"of": "L", "wrt": ["W1"]}, {"of": "A2"}, {"of": "A2[0, 1]"}, {"of": "A1", "wrt": ["W2", "b1"]},
    )),
    *((CONVOLVED, asked) for asked in (
        {"wrt": ["w"]}, {"wrt": ["x", "z"]}, {"of": "q", "wrt": ["w", "b"]}, {"of": "a", "wrt": ["x"]}, {"of": "q[1, 2]"}, {},
    )),
]  # fmt: skip


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("net", "asked"), ASKED)
def test_the_fast_form_of_any_derivative(net: sb.Network, asked: dict[str, Any], dtype: str) -> None:
    """The oracle is the readable module; derivatives are new arrays unless `reuse` or `out` says otherwise."""
    f = sb.compile(net, dtype=dtype, **asked)
    params, data = arrays(f, dtype)
    expected, slopes = loaded(f.source)["loss_and_gradients"](params, *data)
    tolerance = {"float64": 1e-12, "float32": 2e-4}[dtype]
    out = {name: np.empty_like(g) for name, g in slopes.items()}
    first = f(params, *data)
    kept = [np.array(first[0]), *(g.copy() for g in first[1].values())]
    for options in ({}, {"reuse": True}, {"out": out}, {"reuse": True}):
        value, found = f(params, *data, **options)
        np.testing.assert_allclose(value, expected, rtol=tolerance, atol=tolerance)
        assert list(found) == list(slopes)
        for name, g in found.items():
            assert g.shape == slopes[name].shape
            assert g.dtype == dtype
            np.testing.assert_allclose(g, slopes[name], rtol=tolerance, atol=tolerance)
            assert (g is out[name]) == ("out" in options)
    f(params, *(2 * x if n < len(f.program.inputs) else x for n, x in enumerate(data)), reuse=True)
    assert all(np.array_equal(a, b) for a, b in zip(kept, [first[0], *first[1].values()], strict=True))
    data[0][0, 0] = np.nan
    with pytest.raises(InputError, match=r"not finite in 1 of [0-9]+ entr(y|ies), the first at"):
        f(params, *data)


def arrays(f: Any, dtype: str) -> tuple[dict[str, Any], list[Any]]:
    """Parameters, and data for five examples."""
    rng = np.random.default_rng(2)
    one_hot = f.program.net.target == "one_hot"

    def made(g: Any) -> Any:
        shape = [int(n) if n.is_Integer else 5 for n in g.shape]
        return (np.eye(shape[1])[rng.integers(0, shape[1], 5)] if g in f.program.targets and one_hot else rng.normal(size=shape)).astype(dtype)

    return {g.name: made(g) for g in f.program.params}, [made(g) for g in (*f.program.inputs, *f.program.targets)]


SOME = [ASKED[0], ASKED[4], ASKED[8], ASKED[-1]]  # what is compiled to machine code takes seconds


@pytest.mark.parametrize(("backend", "net", "asked"), [(b, *a) for b in ("jax", "torch", "numba") for a in (SOME if b == "numba" else ASKED)])
def test_any_derivative_on_every_backend(
    net: sb.Network, asked: dict[str, Any], backend: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The oracle is NumPy's function, which the tests above compare with autograd."""
    pytest.importorskip(backend)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    ours = sb.compile(net, dtype="float32", **asked)
    params, data = arrays(ours, "float32")
    expected, slopes = ours(params, *data)
    value, found = sb.compile(net, backend, "float32", **asked)(params, *data)
    np.testing.assert_allclose(np.asarray(value), expected, rtol=2e-4, atol=2e-5)
    assert list(found) == list(slopes)
    for name, g in slopes.items():
        np.testing.assert_allclose(np.asarray(found[name]), g, rtol=2e-4, atol=2e-5)


def test_numbers_that_are_not_needed_are_not_given() -> None:
    net = sb.mlp(SIZES, samples="m", activation="leaky_relu", output="identity", penalty="l2")
    params, x = case()[1:3]
    assert sb.compile(net).program.scalars == ("alpha", "lambda_")
    assert sb.compile(net, wrt=["W1"]).program.scalars == ("alpha", "lambda_")
    f = sb.compile(net, of="A2", wrt=["Z1"])
    assert f.program.scalars == ("alpha",)
    assert f(params, x, alpha=0.5)[1]["Z1"].shape == (5, 2, 5, 4)
    _, by_bias = sb.compile(net, of="Z1", wrt=["b1"])(params, x)
    np.testing.assert_array_equal(by_bias["b1"], np.broadcast_to(np.eye(4), (5, 4, 4)))


def test_what_needs_a_whole_gradient_says_so() -> None:
    net, params, x, y = case()
    f = sb.compile(net, wrt=["W1"])
    with pytest.raises(InputError, match="this function computes value and derivative of J by W1"):
        f.check(params, x, y)
    with pytest.raises(InputError, match="this function computes value and derivative of J by W1"):
        f.flat(np.zeros(3), x, y)
    with pytest.raises(SpecError, match="depends on no parameter"):
        sb.directional(sb.Network.from_equations(["C = sum(j, x[j]**2)"], tensors={"x": (3,)}))


def test_the_source_says_what_it_computes() -> None:
    source = emit(sb.mlp(SIZES, samples="m"), of="A2", wrt=["Z2"])
    assert "Value and derivative of A2 by Z2 of the network" in source
    assert "def loss_and_gradients(params, X):" in source  # targets are not needed
    assert "(m, 2, m, 2)" in source
    assert "slope = " in emit(sb.directional(sb.mlp(SIZES, samples="m")))
