"""Stable forms: equal to the rules they stand for (mpmath is the judge), finite and right where the plain formula overflows."""

from __future__ import annotations

import importlib
import warnings
from contextlib import nullcontext
from typing import Any

import mpmath
import numpy as np
import pytest
import sympy

import symbackprop as sb
from symbackprop.codegen.backends import BACKENDS
from symbackprop.codegen.error_function import erf, erfc
from symbackprop.codegen.forms import FORMS, LOSS_FORMS
from symbackprop.equations import Func, Tensor, evaluated, index
from symbackprop.rules import ACTIVATIONS, LOSSES

Z = np.array([-30.0, -8.0, -1.5, -1e-3, 0.0, 0.4, 2.0, 9.0, 30.0])
EXTREME = np.array([[1e4, -1e4, 0.0], [-1e4, -1e4, -1e4], [1e4, 1e4, 9999.0]])


def activation(name: str, z: Any, dtype: str = "float64") -> Any:
    """A compiled activation of the rows of z, read off a network whose loss it is: J = sum of v times f(z)."""
    net = sb.graph({"x": z.shape[1]}, [
        {"name": "h", "rule": "linear", "inputs": ["x"], "size": z.shape[1]},
        {"name": "f", "rule": "elementwise", "inputs": ["h"], "activation": name},
    ], loss="quadratic", samples="m")  # fmt: skip
    f = sb.compile(net, dtype=dtype)
    spied = f.source.replace("return J,", "return f,")
    assert spied != f.source
    from symbackprop.codegen.loading import loaded

    numbers = dict.fromkeys(f.program.scalars, 0.3)
    return loaded(spied)["loss_and_gradients"]({"W1": np.eye(z.shape[1], dtype=dtype)}, z.astype(dtype), np.zeros(z.shape, dtype), **numbers)[0]


def exact(name: str, z: Any) -> Any:
    """The registered formula in 60 digits."""
    rule = ACTIVATIONS[name]
    with mpmath.workdps(60):
        if not rule.vector:
            symbol = sympy.Symbol("z", real=True)
            formula = rule.of(symbol)
            plain = inlined(formula)
            f = sympy.lambdify([symbol, sympy.Symbol("alpha", real=True)], plain, "mpmath")
            return np.array([[float(f(mpmath.mpf(float(v)), mpmath.mpf("0.3"))) for v in row] for row in z])
        rows = []
        for row in z:
            t = Tensor("z", (len(row),))
            out = []
            for j in range(1, len(row) + 1):
                expr = evaluated(rule.entry(lambda i, t=t: t[i], index("j"), len(row))).subs(index("j"), j).doit()
                values = {t[i]: mpmath.mpf(float(row[i - 1])) for i in range(1, len(row) + 1)}
                symbols = {e: sympy.Symbol(f"v{n}") for n, e in enumerate(values)}
                f = sympy.lambdify(list(symbols.values()), expr.xreplace(symbols), "mpmath")
                out.append(float(f(*values.values())))
            rows.append(out)
        return np.array(rows)


def inlined(formula: Any) -> Any:
    """The formula with the named functions in it written out."""
    from symbackprop.equations import Func

    while formula.atoms(Func):
        formula = formula.xreplace({f: ACTIVATIONS[f.name].of(f.argument) for f in formula.atoms(Func)})
    return formula


@pytest.mark.parametrize("name", [n for n in FORMS if n in ACTIVATIONS])
def test_a_stable_form_equals_the_rule(name: str) -> None:
    z = Z.reshape(3, 3)
    np.testing.assert_allclose(activation(name, z), exact(name, z), rtol=2e-14, atol=2e-16 if ACTIVATIONS[name].vector else 0)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_stay_finite_and_right_at_extreme_inputs(name: str, dtype: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = activation(name, EXTREME, dtype)
    assert np.isfinite(found).all()
    assert found.dtype == dtype
    with mpmath.workdps(60):
        expected = exact(name, EXTREME)
    np.testing.assert_allclose(found, expected, rtol=2e-15 if dtype == "float64" else 1e-6, atol=1e-300 if dtype == "float64" else 1e-37)


def extreme_case(loss: str, output: str, dtype: str) -> tuple[Any, Any, Any, Any]:
    net = sb.mlp([3, 3], output=output, activation="identity", loss=loss, samples="m")
    f = sb.compile(net, dtype=dtype)
    params = {"W1": np.eye(3, dtype=dtype), "b1": np.zeros(3, dtype)}
    return f, params, EXTREME.astype(dtype), net.target


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(
    ("loss", "output"),
    [("cross_entropy", "softmax"), ("softmax_cross_entropy", "identity"), ("cross_entropy_logits", "identity"),
     ("negative_log_likelihood", "softmax")],
)  # fmt: skip
def test_cross_entropy_of_extreme_logits(loss: str, output: str, dtype: str) -> None:
    f, params, z, target = extreme_case(loss, output, dtype)
    labels = np.array([1, 0, 2])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found, grads = f(params, z, labels if target == "class" else np.eye(3, dtype=dtype)[labels])
    with mpmath.workdps(60):
        rows = [mpmath.log(sum(mpmath.exp(mpmath.mpf(float(v))) for v in row)) - mpmath.mpf(float(row[k])) for row, k in zip(z, labels, strict=True)]
        expected = float(sum(rows) / 3)
    assert np.isclose(found, expected, rtol=1e-15 if dtype == "float64" else 3e-7)
    assert all(np.isfinite(g).all() for g in grads.values())
    np.testing.assert_allclose(grads["b1"].sum(), 0, atol=1e-6)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("loss", "output"), [("binary_cross_entropy", "sigmoid"), ("binary_cross_entropy_logits", "identity")])
@pytest.mark.parametrize("wrong", [False, True])
def test_binary_cross_entropy_of_extreme_logits(loss: str, output: str, dtype: str, wrong: bool) -> None:
    f, params, _, _ = extreme_case(loss, output, dtype)
    z = np.array([[1e4, -1e4, 20.0], [30.0, -30.0, -20.0]], dtype)
    y = ((z > 0) != wrong).astype(dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found, grads = f(params, z, y)
    with mpmath.workdps(60):
        signs = np.where(y > 0, -1.0, 1.0) * z
        expected = float(sum(mpmath.log1p(mpmath.exp(mpmath.mpf(float(s)))) for s in signs.flat) / 2)
    assert np.isclose(found, expected, rtol=1e-15 if dtype == "float64" else 3e-7, atol=0)
    assert all(np.isfinite(g).all() for g in grads.values())


@pytest.mark.parametrize("name", LOSS_FORMS)
def test_a_loss_form_equals_the_loss_where_its_targets_are(name: str) -> None:
    from dataclasses import replace

    rule = LOSSES[name]
    a, y = Tensor("a", (3,)), Tensor("y", (3,))
    rng = np.random.default_rng(5)
    targets = [0.0, 1.0, 0.0] if rule.target == "one_hot" else [0.3, 1.0, 0.0]
    entries = [t[i] for t in (a, y) for i in (1, 2, 3)]
    values = {e: mpmath.mpf(float(v)) for e, v in zip(entries, [*rng.normal(size=3), *targets], strict=True)}
    symbols = {e: sympy.Symbol(f"v{n}") for n, e in enumerate(values)}
    results = []
    for formula in (rule.formula, LOSS_FORMS[name]):
        expr = inlined(evaluated(replace(rule, formula=formula).of(lambda j: a[j], lambda j: y[j], 3)).doit())
        with mpmath.workdps(40):
            results.append(sympy.lambdify(list(symbols.values()), expr.xreplace(symbols), "mpmath")(*values.values()))
    assert abs(results[0] - results[1]) < 1e-30


def test_what_somebody_typed_is_recognized_as_well() -> None:
    net = sb.Network.from_equations(
        ["p[j] = exp(z[j])/sum(k, exp(z[k]))", "C = -sum(j, y[j]*log(p[j])) + log(1 + exp(z[1])) + 1/(1 + exp(-z[2])) + log(sum(k, exp(z[k])))"],
        tensors={"z": (3,), "y": (3,)}, parameters=["z"], targets=["y"],
    )  # fmt: skip
    f = sb.compile(net)
    for form in ("softmax(z", "log_softmax(z", "z_C = z[0]", "np.logaddexp(0, z_C)", "z_C2 = z[1]", "sigmoid(z_C2)", "logsumexp(z"):
        assert form in f.source
    assert "np.exp(z[" not in f.source
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loss, grads = f({"z": np.array([1e4, -1e4, 0.0])}, np.array([0.0, 1.0, 0.0]))
    assert np.isclose(loss, 4e4)
    assert np.isfinite(grads["z"]).all()
    assert f.check({"z": np.array([0.3, -0.2, 1.0])}, np.array([0.0, 1.0, 0.0])).ok


TYPED = {
    "1/(1 + exp(-z[i]))": "sigmoid(z)", "exp(z[i])/(1 + exp(z[i]))": "sigmoid(z)", "exp(z[i]/2)/(exp(z[i]/2) + exp(-z[i]/2))": "sigmoid(z)",
    "(exp(z[i]) - exp(-z[i]))/(exp(z[i]) + exp(-z[i]))": "np.tanh(z)", "(1 - exp(-2*z[i]))/(1 + exp(-2*z[i]))": "np.tanh(z)",
}  # fmt: skip


@pytest.mark.parametrize("formula", TYPED)
def test_quotients_of_exponentials_are_the_functions_they_are(formula: str) -> None:
    """The program is that of the function's own name, which is tested above; mpmath says what the formula as it was typed gives."""

    def compiled(text: str) -> Any:
        equations = [f"h[i] = {text}", "C = sum(i, v[i]*h[i])"]
        return sb.compile(sb.Network.from_equations(equations, tensors={"z": (4,), "v": (4,)}, parameters=["z", "v"]))

    f = compiled(formula)
    named = TYPED[formula].removeprefix("np.").replace("z", "z[i]")
    assert f"h = {TYPED[formula]}" in f.source
    assert f.source == compiled(named).source
    z = np.array([1e4, -300.0, 0.3, -2.0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _, grads = f({"z": z, "v": np.ones(4)})
    with mpmath.workdps(20000):
        exact = sympy.lambdify("z", sympy.sympify(formula.replace("[i]", "")), "mpmath")
        wanted = [float(exact(mpmath.mpf(float(v)))) for v in z]
    np.testing.assert_allclose(grads["v"], wanted, rtol=4e-16)


@pytest.mark.parametrize("formula", ["1/(2 + exp(-z[i]))", "exp(z[i])/(1 - exp(z[i]))", "exp(2*z[i])/(1 + exp(z[i]))", "1/(exp(z[i]) + exp(-z[i]))"])
def test_quotients_of_exponentials_that_are_no_function_of_the_registry_stay(formula: str) -> None:
    net = sb.Network.from_equations([f"h[i] = {formula}", "C = sum(i, h[i]**2)"], tensors={"z": (4,)}, parameters=["z"])
    f, z = sb.compile(net), np.array([0.7, -1.0, 0.3, -2.0])
    assert " h = sigmoid(" not in f.source
    assert " h = np.tanh(" not in f.source
    exact = sympy.lambdify("z", sympy.sympify(formula.replace("[i]", "")), "numpy")
    assert np.isclose(f({"z": z})[0], np.sum(exact(z) ** 2), rtol=1e-14)
    assert f.check({"z": z}).ok


@pytest.mark.parametrize("scale", [1, 50, 1e4])
@pytest.mark.parametrize("equations", [
    ["C = log(sum(k, l, exp(s[k,l])))"],
    ["p[i,j] = exp(s[i,j])/sum(k, l, exp(s[k,l]))", "C = sum(i, j, t[i,j]*p[i,j])"],
])  # fmt: skip
def test_exponentials_summed_along_two_axes(equations: list[str], scale: float) -> None:
    net = sb.Network.from_equations(equations, tensors={"s": (3, 4), "t": (3, 4)}, parameters=["s"])
    rng = np.random.default_rng(1)
    s, t = scale * rng.normal(size=(3, 4)), rng.normal(size=(3, 4))
    f = sb.compile(net)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found, grads = f({"s": s}, *[t][: len(f.program.inputs)])
    with mpmath.workdps(60):
        top = mpmath.mpf(float(s.max()))
        powers = np.vectorize(lambda v: mpmath.exp(mpmath.mpf(float(v)) - top), otypes=[object])(s)
        whole = mpmath.fsum(powers.ravel())
        p = powers / whole
        value = top + mpmath.log(whole) if len(equations) == 1 else mpmath.fsum((p * t).ravel())
        slopes = p if len(equations) == 1 else p * (t - value)
    tolerance = 8e-16 * max(1, np.abs(s).max())  # an exponent of x rounds by x parts in itself
    assert np.isclose(float(found), float(value), rtol=tolerance)
    np.testing.assert_allclose(grads["s"], slopes.astype(float), rtol=0 if scale > 1 else 2e-14, atol=tolerance)


def test_an_exponential_over_a_sum_of_others() -> None:
    net = sb.Network.from_equations(["C = sum(i, exp(s[i])/sum(k, exp(t[k])))"], tensors={"s": (2,), "t": (3,)}, parameters=["s", "t"])
    s, t = np.array([800.0, 801.0]), np.array([799.0, 801.0, -800.0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found, grads = sb.compile(net)({"s": s, "t": t})
    below = np.sum(np.exp(t - 800))
    assert np.isclose(found, np.sum(np.exp(s - 800)) / below, rtol=1e-12)
    np.testing.assert_allclose(grads["s"], np.exp(s - 800) / below, rtol=1e-12)
    np.testing.assert_allclose(grads["t"], -np.sum(np.exp(s - 800)) * np.exp(t - 800) / below**2, rtol=1e-12)


def test_binary_cross_entropy_that_was_typed_is_taken_from_its_logits() -> None:
    net = sb.Network.from_equations(
        ["p[i] = 1/(1 + exp(-z[i]))", "C = -sum(i, y[i]*log(p[i]) + (1 - y[i])*log(1 - p[i]))"],
        tensors={"z": (4,), "y": (4,)}, parameters=["z"], targets=["y"],
    )  # fmt: skip
    z, y = np.array([1e4, -1e4, 40.0, -0.5]), np.array([0.0, 1.0, 1.0, 0.25])
    loss, grads = sb.compile(net)({"z": z}, y)
    with mpmath.workdps(60):
        m = [mpmath.mpf(float(v)) for v in z]
        wanted = float(sum(t * mpmath.log1p(mpmath.exp(-v)) + (1 - t) * mpmath.log1p(mpmath.exp(v)) for v, t in zip(m, y, strict=True)))
        slopes = [float(1 / (1 + mpmath.exp(-v)) - t) for v, t in zip(m, y, strict=True)]
    assert np.isclose(loss, wanted, rtol=4e-16, atol=0)
    np.testing.assert_allclose(grads["z"], slopes, rtol=4e-16, atol=5e-17)


def test_a_sum_of_softmax_weights_in_a_gradient_is_recognized() -> None:
    net = sb.Network.from_equations(
        ["p[i,j] = exp(s[i,j])/sum(k, exp(s[i,k]))", "C = 1/2*sum(i, j, (p[i,j] - y[i,j])**2)"],
        tensors={"s": (3, 4), "y": (3, 4)}, parameters=["s"], targets=["y"],
    )  # fmt: skip
    f = sb.compile(net)
    assert f.source.count("np.exp(") == 1
    assert np.isfinite(f({"s": np.eye(3, 4) * 1e4}, np.zeros((3, 4)))[1]["s"]).all()


def test_the_error_function_is_right_to_two_units_in_the_last_place() -> None:
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.uniform(-7, 7, 2000), rng.uniform(-1.2, 1.2, 2000), 10.0 ** rng.uniform(-300, 0, 200), [0.0, 1.0, -1.0, 6.0, 7.0, 1e300]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = erf(x)
    with mpmath.workdps(40):
        expected = [mpmath.erf(mpmath.mpf(float(v))) for v in x]
        wrong = [abs(mpmath.mpf(float(f)) - e) / float(np.spacing(abs(float(e)))) for f, e in zip(found, expected, strict=True)]
    assert max(wrong) < 2
    assert erf(np.array([0.3], "float32")).dtype == "float32"
    assert np.signbit(erf(np.array([-0.0])))[0]


def test_what_the_error_function_lacks_of_one_keeps_its_digits() -> None:
    """But for those of exp(-x**2), which are x**2 units in the last place."""
    x = np.concatenate([np.linspace(-7, 26.5, 3000), [0.0, 1e-300, 1e300, -1e300]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = erfc(x)
    with mpmath.workdps(40):
        expected = [mpmath.erfc(mpmath.mpf(float(v))) for v in x[:-2]]
        wrong = [abs(mpmath.mpf(float(f)) - e) / float(np.spacing(float(e))) for f, e in zip(found, expected, strict=False)]
    assert max(w / max(2, a * a) for w, a in zip(wrong, x, strict=False)) < 2
    assert list(found[-2:]) == [0, 2]
    assert erfc(np.array([0.3], "float32")).dtype == "float32"


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("count", [8, 200])
@pytest.mark.parametrize("text", ["gelu(w[j])", "1/2*w[j]*(1 + erf(w[j]/sqrt(2)))", "w[j]*(0.5 - erf(-w[j]/sqrt(2))/2)"])
def test_the_left_tail_of_gelu(backend: str, count: int, text: str) -> None:
    """z Phi(z) and its slope where 1 + erf has no digits left; few entries are computed as plain numbers, many as arrays."""
    pytest.importorskip(BACKENDS[backend].needs)
    net = sb.Network.from_equations([f"C = sum(j, v[j]*{text})"], tensors={"w": (count,), "v": (count,)}, parameters=["w", "v"])
    w, v = np.linspace(-8, -1, count), np.ones(count)
    with importlib.import_module("jax").enable_x64(True) if backend == "jax" else nullcontext():
        _, grads = sb.compile(net, backend)({"w": w, "v": v})
    with mpmath.workdps(40):
        z = [mpmath.mpf(float(x)) for x in w]
        np.testing.assert_allclose(np.asarray(grads["v"]), [float(x * mpmath.ncdf(x)) for x in z], rtol=2e-14)
        np.testing.assert_allclose(np.asarray(grads["w"]), [float(mpmath.ncdf(x) + x * mpmath.npdf(x)) for x in z], rtol=5e-14)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("count", [8, 200])
@pytest.mark.parametrize("text", ["gelu_tanh(w[j])", "w[j]*(0.5 - tanh(-sqrt(2/pi)*(w[j] + 0.044715*w[j]**3))/2)"])
def test_the_left_tail_of_gelu_by_tanh(backend: str, count: int, text: str) -> None:
    """z (1 + tanh u)/2 and its slope, where tanh u is -1 but for its last digit; the rounding of u is counted in the exponent."""
    pytest.importorskip(BACKENDS[backend].needs)
    net = sb.Network.from_equations([f"C = sum(j, v[j]*{text})"], tensors={"w": (count,), "v": (count,)}, parameters=["w", "v"])
    w, v = np.linspace(-8, -1, count), np.ones(count)
    with importlib.import_module("jax").enable_x64(True) if backend == "jax" else nullcontext():
        _, grads = sb.compile(net, backend)({"w": w, "v": v})
    with mpmath.workdps(200):

        def of(z: Any) -> Any:
            return z * (1 + mpmath.tanh(mpmath.sqrt(2 / mpmath.pi) * (z + mpmath.mpf("0.044715") * z**3))) / 2

        z = [mpmath.mpf(float(x)) for x in w]
        np.testing.assert_allclose(np.asarray(grads["v"]), [float(of(x)) for x in z], rtol=1e-13)
        np.testing.assert_allclose(np.asarray(grads["w"]), [float(mpmath.diff(of, x)) for x in z], rtol=5e-13)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", [n for n, rule in ACTIVATIONS.items() if not rule.vector])
def test_the_value_of_an_activation_keeps_its_digits_from_end_to_end(name: str, dtype: str) -> None:
    """From -50 to 50 against mpmath, wherever the value is a normal number; an exponent of x rounds by x parts in itself."""
    z = sympy.Symbol("z", real=True)
    formula = ACTIVATIONS[name].of(z)
    while formula.atoms(Func):
        formula = formula.xreplace({f: ACTIVATIONS[f.name].of(f.argument) for f in formula.atoms(Func)})
    exact = sympy.lambdify(z, evaluated(formula).subs({s: sympy.Rational(5, 4) for s in formula.free_symbols - {z}}), "mpmath")
    net = sb.Network.from_equations([f"C = sum(j, v[j]*{name}(w[j]))"], tensors={"w": (201,), "v": (201,)}, parameters=["w", "v"])
    f, w = sb.compile(net, dtype=dtype), np.linspace(-50, 50, 201).astype(dtype)
    _, grads = f({"w": w, "v": np.ones_like(w)}, **dict.fromkeys(f.program.scalars, 1.25))
    with mpmath.workdps(1200):
        wanted = [exact(mpmath.mpf(float(x))) for x in w]
    info = np.finfo(dtype)
    for x, found, value in zip(w, grads["v"], wanted, strict=True):
        if abs(value) > 4 * info.tiny:
            assert abs(float((mpmath.mpf(float(found)) - value) / value)) <= info.eps * max(4, 2 * float(x) ** 2), (x, found)
