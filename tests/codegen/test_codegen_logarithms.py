"""Logarithms of exponentials, and quotients of them, as practitioners type them: against autograd of stable forms written by hand."""

from __future__ import annotations

import inspect
import warnings
from typing import Any

import autograd.numpy as anp
import numpy as np
import pytest
from autograd import grad, value_and_grad
from test_codegen_backends import need

import symbackprop as sb
from symbackprop.codegen.logarithms import with_logarithms


def lse(z: Any, axis: Any = -1) -> Any:
    top = anp.max(z, axis=axis, keepdims=True)
    return anp.log(anp.sum(anp.exp(z - top), axis=axis, keepdims=True)) + top


def log_softmax(z: Any, axis: Any = -1) -> Any:
    return z - lse(z, axis)


def softmax(z: Any, axis: Any = -1) -> Any:
    return anp.exp(log_softmax(z, axis))


def softplus(z: Any) -> Any:
    return anp.maximum(z, 0) + anp.log(1 + anp.exp(-anp.abs(z)))


def sigmoid(z: Any) -> Any:
    return anp.exp(-softplus(-z))


def weighed(s: Any, M: Any) -> Any:
    w = M * anp.exp(s - anp.max(s, axis=1, keepdims=True))
    return w / anp.sum(w, axis=1, keepdims=True)


def mixture(v: Any, a: Any, r: Any, x: Any) -> Any:
    return -anp.sum(lse(log_softmax(v) - r - ((x[:, None] - a) / anp.exp(r)) ** 2 / 2, 1))


def focal(z: Any, y: Any) -> Any:
    p = sigmoid(z)
    return anp.sum(y * (1 - p) ** 2 * softplus(-z) + (1 - y) * p**2 * softplus(z))


GAUSS = "exp(-1/2*((x[s] - a[k])/exp(r[k]))**2)/exp(r[k])"
CASES: dict[str, tuple[list[str], dict[str, Any], list[str], Any]] = {
    "softmax along two axes": (
        ["C = sum(i, j, t[i,j]*exp(z[i,j])/sum(k, l, exp(z[k,l])))"],
        {"z": (3, 4), "t": (3, 4)}, ["z"], lambda z, t: anp.sum(t * softmax(z, (0, 1))),
    ),
    "squares of a softmax along two axes, with a name": (
        ["p[i,j] = exp(z[i,j])/sum(k, l, exp(z[k,l]))", "C = sum(i, j, (t[i,j] - p[i,j])**2)"],
        {"z": (3, 4), "t": (3, 4)}, ["z"], lambda z, t: anp.sum((t - softmax(z, (0, 1))) ** 2),
    ),
    "its logarithm": (
        ["C = -sum(i, j, t[i,j]*log(exp(z[i,j])/sum(k, l, exp(z[k,l]))))"],
        {"z": (3, 4), "t": (3, 4)}, ["z"], lambda z, t: -anp.sum(t * log_softmax(z, (0, 1))),
    ),
    "its logarithm, with a name and a batch": (
        ["p[s,i,j] = exp(z[i,j]*b[s])/sum(k, l, exp(z[k,l]*b[s]))", "C = -sum(s, i, j, t[i,j]*log(p[s,i,j]))"],
        {"z": (3, 4), "t": (3, 4), "b": (2,)}, ["z"], lambda z, t, b: -anp.sum(t * log_softmax(z * b[:, None, None], (1, 2))),
    ),
    "a quotient of sums along two axes": (
        ["C = sum(i, j, t[i,j]*exp(z[i,j]))/sum(i, j, exp(z[i,j]))"],
        {"z": (3, 4), "t": (3, 4)}, ["z"], lambda z, t: anp.sum(t * softmax(z, (0, 1))),
    ),
    "softmax in three steps": (
        ["e[s,j] = exp(z[s,j])", "n[s] = sum(j, e[s,j])", "p[s,j] = e[s,j]/n[s]", "C = -sum(s, j, t[s,j]*log(p[s,j]))"],
        {"z": (3, 4), "t": (3, 4)}, ["z"], lambda z, t: -anp.sum(t * log_softmax(z)),
    ),
    "weights of importance": (
        ["w[s] = exp(v[s])", "C = sum(s, w[s]*f[s])/sum(s, w[s])"], {"v": (5,), "f": (5,)}, ["v"], lambda v, f: anp.sum(softmax(v) * f),
    ),
    "factors before the exponentials": (
        ["a[s,j] = M[s,j]*exp(z[s,j])/sum(k, M[s,k]*exp(z[s,k]))", "C = sum(s, j, (a[s,j] - t[s,j])**2)"],
        {"z": (3, 4), "M": (3, 4), "t": (3, 4)}, ["z"], lambda z, M, t: anp.sum((weighed(z, M**2) - t) ** 2),
    ),
    "a temperature that is learned": (
        ["p[j] = exp((z[j] + g[j])/h)/sum(k, exp((z[k] + g[k])/h))", "C = sum(j, p[j]*t[j])"],
        {"z": (4,), "g": (4,), "h": (), "t": (4,)}, ["z", "h"], lambda z, g, h, t: anp.sum(softmax((z + g) / h**2) * t),
    ),
    "distillation": (
        ["p[s,j] = exp(t[s,j]/2)/sum(k, exp(t[s,k]/2))", "q[s,j] = exp(z[s,j]/2)/sum(k, exp(z[s,k]/2))",
         "C = -4*sum(s, j, p[s,j]*log(q[s,j]))"],
        {"z": (3, 4), "t": (3, 4)}, ["z"], lambda z, t: -4 * anp.sum(softmax(t / 2) * log_softmax(z / 2)),
    ),
    "divergence of two softmaxes": (
        ["p[s,j] = exp(a[s,j])/sum(k, exp(a[s,k]))", "q[s,j] = exp(b[s,j])/sum(k, exp(b[s,k]))", "C = sum(s, j, p[s,j]*log(p[s,j]/q[s,j]))"],
        {"a": (3, 4), "b": (3, 4)}, ["a", "b"], lambda a, b: anp.sum(softmax(a) * (log_softmax(a) - log_softmax(b))),
    ),
    "cross-entropy less entropy": (
        ["p[j] = exp(z[j])/sum(k, exp(z[k]))", "C = -sum(j, t[j]*log(p[j])) + 0.1*sum(j, p[j]*log(p[j]))"],
        {"z": (4,), "t": (4,)}, ["z"], lambda z, t: anp.sum((0.1 * softmax(z) - t) * log_softmax(z)),
    ),
    "mixture of densities, in one formula": (
        [f"C = -sum(s, log(sum(k, exp(v[k])/sum(q, exp(v[q]))*{GAUSS})))"],
        {"v": (3,), "a": (3,), "r": (3,), "x": (5,)}, ["v", "a", "r"], mixture,
    ),
    "mixture of densities, in four": (
        ["w[k] = exp(v[k])/sum(q, exp(v[q]))", f"N[s,k] = {GAUSS}", "d[s] = sum(k, w[k]*N[s,k])", "C = -sum(s, log(d[s]))"],
        {"v": (3,), "a": (3,), "r": (3,), "x": (5,)}, ["v", "a", "r"], mixture,
    ),
    "mixture of two": (
        ["w = sigmoid(v)", "C = -sum(s, log(w*exp(-(x[s] - a)**2/2) + (1 - w)*exp(-(x[s] + a)**2/2)))"],
        {"v": (), "a": (), "x": (5,)}, ["v", "a"],
        lambda v, a, x: -anp.sum(anp.logaddexp(-softplus(-v) - (x - a) ** 2 / 2, -softplus(v) - (x + a) ** 2 / 2)),
    ),
    "the deviation as a parameter": (
        ["C = -sum(s, log(sum(k, exp(-(x[s] - a[k])**2/2)/h[k])))"], {"x": (5,), "a": (3,), "h": (3,)}, ["a", "h"],
        lambda x, a, h: -anp.sum(lse(-((x[:, None] - a) ** 2) / 2 - anp.log(h**2), 1)),
    ),
    "the logarithm of a density": (
        ["p[s] = exp(-(x[s] - a)**2/(2*exp(r)**2))/(sqrt(2*pi)*exp(r))", "C = -sum(s, log(p[s]))"],
        {"x": (5,), "a": (), "r": ()}, ["a", "r"], lambda x, a, r: anp.sum((x - a) ** 2 / (2 * anp.exp(2 * r)) + r + anp.log(2 * anp.pi) / 2),
    ),
    "focal loss": (
        ["p[s] = 1/(1 + exp(-z[s]))", "C = -sum(s, y[s]*(1 - p[s])**2*log(p[s]) + (1 - y[s])*p[s]**2*log(1 - p[s]))"],
        {"z": (5,), "y": (5,)}, ["z"], focal,
    ),
    "a product of probabilities": (
        ["p[s] = sigmoid(u[s])*(1 - sigmoid(v[s]))", "C = -sum(s, log(p[s]))"], {"u": (4,), "v": (4,)}, ["u", "v"],
        lambda u, v: anp.sum(softplus(-u) + softplus(v)),
    ),
    "odds": (
        ["p[s] = sigmoid(z[s])", "C = sum(s, (log(p[s]/(1 - p[s])) - y[s])**2)"], {"z": (5,), "y": (5,)}, ["z"],
        lambda z, y: anp.sum((z - y) ** 2),
    ),
    "a density that a tanh squeezes": (
        ["a[j] = tanh(u[j])", "C = sum(j, -1/2*u[j]**2 - log(1 - a[j]**2))"], {"u": (4,)}, ["u"],
        lambda u: anp.sum(-(u**2) / 2 - 2 * (np.log(2) - u - softplus(-2 * u))),
    ),
    "zeros before the largest exponentials": (
        ["a[s,j] = B[s,j]*exp(z[s,j])/sum(k, B[s,k]*exp(z[s,k]))", "C = sum(s, j, (a[s,j] - t[s,j])**2)"],
        {"z": (3, 4), "B": (3, 4), "t": (3, 4)}, ["z"], lambda z, B, t: anp.sum((softmax(anp.where(B > 0, z, -1e30)) - t) ** 2),
    ),
    "exponentials under a condition": (
        ["a[s,j] = where(B[s,j] > 0, exp(z[s,j]), 0)/sum(k, where(B[s,k] > 0, exp(z[s,k]), 0))", "C = sum(s, j, (a[s,j] - t[s,j])**2)"],
        {"z": (3, 4), "B": (3, 4), "t": (3, 4)}, ["z"], lambda z, B, t: anp.sum((softmax(anp.where(B > 0, z, -1e30)) - t) ** 2),
    ),
    "who is at risk": (
        ["C = -sum(i, z[i] - log(sum(j, B[i,j]*exp(z[j]))))"], {"z": (4,), "B": (4, 4)}, ["z"],
        lambda z, B: -anp.sum(z - lse(anp.where(B > 0, np.ones((4, 1)) * z, -1e30))[:, 0]),
    ),
    "the probability of what was chosen": (
        ["p[s,j] = exp(z[s,j])/sum(k, exp(z[s,k]))", "C = -sum(s, log(sum(j, E[s,j]*p[s,j])))"], {"z": (4, 4), "E": (4, 4)}, ["z"],
        lambda z, E: -anp.sum(E * log_softmax(z)),
    ),
    "a power of it": (
        ["p[s,j] = exp(z[s,j])/sum(k, exp(z[s,k]))", "C = sum(s, (1 - sum(j, E[s,j]*p[s,j])**0.7)/0.7)"], {"z": (4, 4), "E": (4, 4)}, ["z"],
        lambda z, E: anp.sum((1 - anp.exp(0.7 * anp.sum(E * log_softmax(z), axis=1))) / 0.7),
    ),
    "roots of probabilities": (
        ["p[s,j] = exp(z[s,j])/sum(k, exp(z[s,k]))", "q[s,j] = p[s,j]**(1/2)/sum(k, p[s,k]**(1/2))", "C = sum(s, j, (q[s,j] - t[s,j])**2)"],
        {"z": (3, 4), "t": (3, 4)}, ["z"], lambda z, t: anp.sum((softmax(z / 2) - t) ** 2),
    ),
    "a one more below": (
        ["p[s,j] = exp(z[s,j])/(1 + sum(k, exp(z[s,k])))", "C = sum(s, j, (t[s,j] - p[s,j])**2)"], {"z": (3, 4), "t": (3, 4)}, ["z"],
        lambda z, t: anp.sum((t - anp.exp(z - anp.logaddexp(lse(z), 0))) ** 2),
    ),
    "something small below": (
        ["p[s,j] = exp(z[s,j])/(sum(k, exp(z[s,k])) + 1e-9)", "C = sum(s, j, (t[s,j] - p[s,j])**2)"], {"z": (3, 4), "t": (3, 4)}, ["z"],
        lambda z, t: anp.sum((t - anp.exp(z - anp.logaddexp(lse(z), anp.log(1e-9)))) ** 2),
    ),
    "divergence from the mean": (
        ["p[j] = exp(a[j])/sum(k, exp(a[k]))", "q[j] = exp(b[j])/sum(k, exp(b[k]))", "h[j] = (p[j] + q[j])/2", "C = sum(j, p[j]*log(p[j]/h[j]))"],
        {"a": (4,), "b": (4,)}, ["a", "b"],
        lambda a, b: anp.sum(softmax(a) * (log_softmax(a) - anp.logaddexp(log_softmax(a), log_softmax(b)) + np.log(2))),
    ),
    "the logarithm of cosh": (
        ["C = sum(s, log((exp(z[s]) + exp(-z[s]))/2))"], {"z": (5,)}, ["z"], lambda z: anp.sum(anp.logaddexp(z, -z) - np.log(2)),
    ),
}  # fmt: skip
POSITIVE, MILD, BINARY, UNITS = {"h", "M"}, {"h", "r"}, {"y"}, {"B", "E"}


def values_for(shapes: dict[str, Any], scale: float) -> dict[str, Any]:
    """Numbers of a size; what must be positive is a square, whose root the costs take."""
    rng = np.random.default_rng(7)
    made = {name: rng.normal(size=shape) * (1 if name in MILD else scale) for name, shape in shapes.items()}
    made |= {name: np.sign(made[name]) / 2 + 0.5 for name in BINARY & {*made}}
    made |= {name: np.eye(*shapes[name]) for name in UNITS & {*made}}
    made |= {name: np.maximum(made[name], rng.integers(0, 2, size=shapes[name])) for name in {"B"} & {*made}}
    return {name: np.asarray(1 / 2 + np.abs(x) if name in POSITIVE else x) for name, x in made.items()}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", CASES)
def test_loss_and_gradients_where_exponentials_overflow(name: str, dtype: str) -> None:
    equations, shapes, parameters, cost = CASES[name]
    f = sb.compile(sb.Network.from_equations(equations, tensors=shapes, parameters=parameters), dtype=dtype)
    order = list(inspect.signature(cost).parameters)
    for scale in (1, 30, 1e4):
        roots = values_for(shapes, scale)
        given = {k: np.asarray(x**2 if k in POSITIVE else x, dtype) for k, x in roots.items()}
        roots = {k: np.sqrt(x.astype(float)) if k in POSITIVE else x.astype(float) for k, x in given.items()}
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            loss, grads = f({p: given[p] for p in parameters}, *(given[g.name] for g in f.program.inputs))
            wanted, slopes = value_and_grad(lambda p, r=roots: cost(*({**r, **p}[k] for k in order)))({p: roots[p] for p in parameters})
        digits = 1e-11 if dtype == "float64" else 1e-4
        np.testing.assert_allclose(loss, wanted, rtol=digits, atol=digits)
        for p in parameters:
            slope = slopes[p] / (2 * roots[p]) if p in POSITIVE else slopes[p]
            np.testing.assert_allclose(grads[p], slope, rtol=digits, atol=digits * max(1, np.abs(slope).max()))


@pytest.mark.parametrize("backend", ["numba", "jax", "torch"])
@pytest.mark.parametrize("name", ["zeros before the largest exponentials", "mixture of densities, in four", "softmax in three steps"])
def test_every_backend_computes_the_same(name: str, backend: str) -> None:
    """NumPy's is the oracle, which is tested above."""
    need(backend)
    equations, shapes, parameters, _ = CASES[name]
    net = sb.Network.from_equations(equations, tensors=shapes, parameters=parameters)
    f, wanted = sb.compile(net, backend, "float32"), sb.compile(net, dtype="float32")
    given = {k: x.astype("float32") for k, x in values_for(shapes, 1e4).items()}
    call = {p: given[p] for p in parameters}, *(given[g.name] for g in f.program.inputs)
    (loss, grads), (expected, slopes) = f(*call), wanted(*call)
    assert np.isclose(loss, expected, rtol=1e-5)
    for p in parameters:
        np.testing.assert_allclose(np.asarray(grads[p]), slopes[p], rtol=1e-5, atol=1e-5 * max(1, np.abs(slopes[p]).max()))


@pytest.mark.parametrize("equations", [
    ["C = sum(j, log(x[j]**2))"],
    ["C = sum(j, exp(x[j])*log(exp(x[j])**2 + x[j]**2))"],
    ["p[j] = sigmoid(x[j])", "C = -sum(j, t[j]*log(p[j]) + (1 - t[j])*log(1 - p[j]))"],
    ["C = sum(j, t[j]/(2 + exp(x[j])))"],
    ["C = sum(j, log(-t[j]*x[j]))", "D = sum(j, exp(x[j])) + C"],
    ["C = log(sum(j, t[j]*x[j])) + sum(j, exp(t[j]))"],
    ["p[j] = sigmoid(x[j])", "C = sum(j, log(p[j] + 0.001))"],
    ["C = sum(j, exp(x[j])/(x[j]**2 + exp(x[j])))"],
])  # fmt: skip
def test_what_has_no_exponential_to_be_taken_out_stays(equations: list[str]) -> None:
    net = sb.Network.from_equations(equations, tensors={"x": (3,), "t": (3,)}, parameters=["x"])
    assert with_logarithms(net).equations == net.equations


def test_a_mask_of_other_exponentials_masks_nothing() -> None:
    """exp(z_j) / sum_k M_k exp(z_k) is no weight where M_j is zero, but a number all the same."""
    net = sb.Network.from_equations(["C = sum(j, t[j]*exp(z[j])/sum(k, M[k]*exp(z[k])))"], tensors=dict.fromkeys("ztM", (3,)), parameters=["z"])
    z, t, M = np.array([0.3, -1.0, 2.0]), np.array([1.0, 2.0, 3.0]), np.array([1.0, 0.0, 1.0])
    loss, grads = sb.compile(net)({"z": z}, t, M)
    wanted, slope = value_and_grad(lambda z: anp.sum(t * anp.exp(z)) / anp.sum(M * anp.exp(z)))(z)
    assert np.isclose(loss, wanted)
    np.testing.assert_allclose(grads["z"], slope)


def test_the_derivative_by_a_mask_is_right_where_it_is_zero() -> None:
    equations, shapes, _, _ = CASES["zeros before the largest exponentials"]
    f = sb.compile(sb.Network.from_equations(equations, tensors=shapes, parameters=["z"]), wrt=["B"])
    given = values_for(shapes, 1)
    found = f({"z": given["z"]}, *(given[g.name] for g in f.program.inputs))[1]["B"]

    def plain(B: Any) -> Any:
        w = B * anp.exp(given["z"])
        return anp.sum((w / anp.sum(w, axis=1, keepdims=True) - given["t"]) ** 2)

    np.testing.assert_allclose(found, grad(plain)(given["B"]), rtol=1e-12, atol=1e-13)


def test_builders_have_forms_of_their_own() -> None:
    net = sb.mlp([3, 2], output="softmax", loss="cross_entropy")
    assert with_logarithms(net) is net


def test_a_product_whose_signs_are_not_known_is_not_split() -> None:
    """log(a b exp(u)) with a and b below zero is a number; log a is none."""
    net = sb.Network.from_equations(["C = sum(j, log(x[j]*t[j]*exp(x[j])))"], tensors={"x": (2,), "t": (2,)}, parameters=["x"])
    x, t = np.array([-1.0, -2.0]), np.array([-3.0, -0.5])
    loss, grads = sb.compile(net)({"x": x}, t)
    assert np.isclose(loss, np.sum(np.log(x * t) + x))
    np.testing.assert_allclose(grads["x"], 1 / x + 1)


def test_what_an_exponential_was_computed_as_is_read_again() -> None:
    net = sb.Network.from_equations(CASES["softmax along two axes"][0], tensors={"z": (3, 4), "t": (3, 4)}, parameters=["z"])
    assert sb.compile(net).source.count("np.exp(z - lse") == 1


@pytest.mark.parametrize("name", ["mixture of densities, in one formula", "the logarithm of cosh", "a product of probabilities", "its logarithm"])
def test_the_hessian_times_a_vector(name: str) -> None:
    """Differentiated twice by autograd."""
    equations, shapes, parameters, cost = CASES[name]
    h = sb.compile(sb.directional(sb.Network.from_equations(equations, tensors=shapes, parameters=parameters)))
    given, order = values_for(shapes, 1), list(inspect.signature(cost).parameters)
    rng = np.random.default_rng(2)
    p, v = {k: given[k] for k in parameters}, {k: rng.normal(size=shapes[k]) for k in parameters}

    def slope(p: Any) -> Any:
        g = grad(lambda p: cost(*({**given, **p}[k] for k in order)))(p)
        return sum(anp.sum(g[k] * v[k]) for k in parameters)

    along = {**given, **{f"v{k}": d for k, d in v.items()}}
    found, product = h(p, *(along[g.name] for g in h.program.inputs))
    assert np.isclose(found, slope(p))
    for k, expected in grad(slope)(p).items():
        np.testing.assert_allclose(product[k], expected, rtol=1e-9, atol=1e-9)
