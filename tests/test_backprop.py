"""Reverse accumulation against HIPS autograd, which differentiates programs written by hand, and against plain `sympy.diff`.

The backward equations are evaluated by a NumPy evaluator that exists only here; the expanded oracle is `symbackprop.oracle`, which
uses no chain rule between named quantities.
"""

# ruff: noqa: E501 - a case of a table is one line

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import autograd.numpy as anp
import numpy as np
import pytest
import sympy as sp
from autograd import elementwise_grad, grad, hessian_vector_product
from autograd.extend import defvjp, primitive
from hypothesis import given, settings
from hypothesis import strategies as st

from symbackprop.backprop import Named, backpropagate, unnamed
from symbackprop.builders import mlp
from symbackprop.equations import Entry, Equation, Func, Grad, Tensor, add, index, mul, summation
from symbackprop.errors import InputError
from symbackprop.evaluate import Point
from symbackprop.network import Network
from symbackprop.oracle import compare_with_oracle
from symbackprop.rules import formula_of

ALPHA, KAPPA, LAMBDA = 0.2, 0.75, 0.3
SCALARS = {"alpha": ALPHA, "kappa": KAPPA, "lambda_": LAMBDA}

erf = primitive(np.vectorize(math.erf, otypes=[float]))
defvjp(erf, lambda answer, z: lambda g: g * 2 / anp.sqrt(anp.pi) * anp.exp(-(z**2)))

FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "identity": lambda z: z,
    "sigmoid": lambda z: 1 / (1 + anp.exp(-z)),
    "tanh": anp.tanh,
    "relu": lambda z: anp.maximum(z, 0.0),
    "leaky_relu": lambda z: anp.where(z > 0, z, ALPHA * z),
    "elu": lambda z: anp.where(z > 0, z, ALPHA * (anp.exp(z) - 1)),
    "softplus": lambda z: anp.logaddexp(0.0, z),
    "silu": lambda z: z / (1 + anp.exp(-z)),
    "gelu": lambda z: z * (1 + erf(z / np.sqrt(2))) / 2,
    "gelu_tanh": lambda z: z * (1 + anp.tanh(np.sqrt(2 / np.pi) * (z + 0.044715 * z**3))) / 2,
}


def softmax(z: Any) -> Any:
    """Along the first axis: columns are samples."""
    e = anp.exp(z - anp.max(z, axis=0))
    return e / anp.sum(e, axis=0)


# ---------------------------------------------------------------- index expressions in NumPy


class Evaluator:
    """Index expressions in float64: every index in scope is an axis, a sum adds one more and sums over it."""

    def __init__(self, values: Mapping[Tensor, Any]) -> None:
        self.values: dict[Tensor, Any] = {t: np.asarray(v, float) for t, v in values.items()}

    def compute(self, equations: Iterable[Equation]) -> Evaluator:
        for e in equations:
            shape = tuple(int(n) for n in e.tensor.shape)
            axes = np.meshgrid(*(np.arange(1, n + 1) for n in shape), indexing="ij", sparse=True)
            with np.errstate(all="ignore"):  # both cases of a distinction are computed
                found = self.run(e.rhs, dict(zip(e.lhs.indices, axes, strict=True)), len(shape))
            assert e.tensor not in self.values, f"{e.tensor} is computed twice"
            self.values[e.tensor] = np.broadcast_to(found, shape).astype(float)
        return self

    def run(self, e: Any, env: Mapping[Any, Any], depth: int) -> Any:
        if isinstance(e, Entry):
            at = tuple(np.asarray(self.run(i, env, depth)).astype(int) - 1 for i in e.indices)
            assert all((i >= 0).all() for i in at), f"{e} leaves its range"
            return self.values[e.tensor][at]
        if isinstance(e, sp.Symbol):
            return env[e] if e in env else SCALARS[str(e)]
        if isinstance(e, sp.Sum):
            return self.total(e.function, list(e.limits), env, depth)
        if isinstance(e, Func):
            f = FUNCTIONS[e.name]
            for _ in range(e.order):
                f = elementwise_grad(f)
            return f(np.asarray(self.run(e.argument, env, depth), float))
        if isinstance(e, sp.Piecewise):
            result: Any = np.nan
            for value, condition in reversed(e.args):
                holds = True if condition == sp.true else self.condition(condition, env, depth)
                result = np.where(holds, self.run(value, env, depth), result)
            return result
        if e.is_number:
            return float(e)
        args = [self.run(a, env, depth) for a in e.args]
        if isinstance(e, (sp.Add, sp.Mul)):
            result = args[0]
            for a in args[1:]:
                result = result + a if isinstance(e, sp.Add) else result * a
            return result
        if isinstance(e, sp.KroneckerDelta):
            return (np.asarray(args[0]) == np.asarray(args[1])).astype(float)
        if isinstance(e, sp.Pow) and not isinstance(e, sp.exp):
            return np.power(np.asarray(args[0], float), args[1])
        return {sp.exp: np.exp, sp.log: np.log, sp.Abs: np.abs, sp.sign: np.sign, sp.sin: np.sin, sp.cos: np.cos, sp.erf: erf}[e.func](*args)

    def condition(self, c: Any, env: Mapping[Any, Any], depth: int) -> Any:
        left, right = (self.run(a, env, depth) for a in c.args)
        return {">": np.greater, "<": np.less, ">=": np.greater_equal, "<=": np.less_equal}[c.rel_op](left, right)

    def total(self, body: Any, limits: list[Any], env: Mapping[Any, Any], depth: int) -> Any:
        if not limits:
            return self.run(body, env, depth)
        *rest, (k, low, high) = limits
        span = np.arange(int(low), int(high) + 1).reshape((1,) * depth + (-1,))
        inner = {i: np.expand_dims(v, -1) for i, v in env.items()}
        terms = np.asarray(self.total(body, rest, {**inner, k: span}, depth + 1))
        terms = np.broadcast_to(terms, np.broadcast_shapes(terms.shape, span.shape))
        return terms.sum(-1)


def gradients(net: Network, given: Mapping[str, Any], named: Mapping[str, Named] | None = None) -> tuple[float, dict[str, Any]]:
    """The loss and its gradients by the name of the tensor, `w(2)`, everything computed with the two lists of equations."""
    backward = backpropagate(net, named)
    values = Evaluator({t: given[str(t)] for t in leaves_of(net)}).compute(net.equations)
    values.compute(b.equation for b in backward)
    return float(values.values[net.loss.tensor]), {str(b.tensor): values.values[b.equation.tensor] for b in backward}


def leaves_of(net: Network) -> list[Tensor]:
    computed = {e.tensor for e in net.equations}
    return list(dict.fromkeys(x.tensor for e in net.equations for x in sorted(e.rhs.atoms(Entry), key=str) if x.tensor not in computed))


def assert_same(found: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    assert expected
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-9, atol=1e-11, err_msg=name)


def check(net: Network, given: Mapping[str, Any], program: Callable[[Mapping[str, Any]], Any], wrt: Sequence[str]) -> dict[str, Any]:
    """Compare with autograd of `program`, a function of the dictionary of given arrays, and return the gradients."""
    loss, found = gradients(net, given)
    assert loss == pytest.approx(float(program(given)), rel=1e-11)
    assert_same(found, {n: grad(lambda v, n=n: program({**given, n: v}))(given[n]) for n in wrt})
    return found


def network(*equations: str, tensors: Mapping[str, Sequence[int]], parameters: Sequence[str] = ()) -> Network:
    return Network.from_equations(equations, tensors=tensors, parameters=parameters)


def normal(seed: int, **shapes: Sequence[int]) -> dict[str, Any]:
    draw = np.random.default_rng(seed)
    return {name: draw.normal(size=tuple(shape)) for name, shape in shapes.items()}


# ---------------------------------------------------------------- multilayer perceptrons


def one_hot_columns(shape: tuple[int, ...], draw: Any) -> Any:
    hot = np.zeros(shape)
    for s in np.ndindex(shape[1:]):
        hot[(draw.integers(shape[0]), *s)] = 1.0
    return hot


# The loss of one example a, y (or of columns of examples, one value each), by hand.
LOSSES: dict[str, tuple[str, Callable[[Any, Any], Any], str]] = {
    "quadratic": ("real", lambda a, y: anp.sum((a - y) ** 2, axis=0) / 2, ""),
    "mean_squared_error": ("real", lambda a, y: anp.mean((a - y) ** 2, axis=0), ""),
    "huber": ("real", lambda a, y: anp.sum(anp.where(anp.abs(a - y) <= KAPPA, (a - y) ** 2 / 2, KAPPA * anp.abs(a - y) - KAPPA**2 / 2), axis=0), ""),
    "binary_cross_entropy": ("binary", lambda a, y: -anp.sum(y * anp.log(a) + (1 - y) * anp.log(1 - a), axis=0), "sigmoid"),
    "cross_entropy": ("one_hot", lambda a, y: -anp.sum(y * anp.log(a), axis=0), "softmax"),
    "softmax_cross_entropy": ("one_hot", lambda z, y: -anp.sum(y * anp.log(softmax(z)), axis=0), "identity"),
    "hinge": ("sign", lambda a, y: anp.sum(anp.maximum(0.0, 1 - y * a), axis=0), ""),
    "negative_log_likelihood": ("class", lambda a, y: -anp.log(anp.sum((anp.arange(1, len(a) + 1).reshape(-1, *(1,) * (a.ndim - 1)) == y) * a, axis=0)), "softmax"),
}
COMBINATIONS = [
    ("sigmoid", "quadratic"), ("tanh", "mean_squared_error"), ("relu", "huber"), ("leaky_relu", "binary_cross_entropy"), ("elu", "cross_entropy"),
    ("softplus", "softmax_cross_entropy"), ("silu", "hinge"), ("gelu", "negative_log_likelihood"), ("gelu_tanh", "cross_entropy"), ("softmax", "quadratic"),
]  # fmt: skip


@pytest.mark.parametrize("samples", [None, 6, 3], ids=["one example", "six examples", "as many examples as neurons"])
@pytest.mark.parametrize(("activation", "loss"), COMBINATIONS)
@pytest.mark.parametrize("penalty", [None, "l2"])
def test_the_gradients_of_a_perceptron_agree_with_autograd(activation: str, loss: str, samples: int | None, penalty: str | None) -> None:
    target, cost, output = LOSSES[loss]
    sizes = [2, 3, 4, 3] if samples == 3 else [2, 3, 4, 5]
    net = mlp(sizes, activation=activation, output=output or None, loss=loss, samples=samples, penalty=penalty)
    draw = np.random.default_rng(len(activation) + len(loss))
    batch = () if samples is None else (samples,)
    given_ = {"x": draw.normal(size=(sizes[0], *batch))}
    for layer, (width, fan_in) in enumerate(zip(sizes[1:], sizes, strict=False), 1):
        given_[f"w({layer})"], given_[f"b({layer})"] = draw.normal(size=(width, fan_in)), draw.normal(size=width)
    of = (sizes[-1], *batch)
    given_["y"] = {
        "real": lambda: draw.normal(size=of), "binary": lambda: draw.integers(0, 2, of).astype(float), "one_hot": lambda: one_hot_columns(of, draw),
        "sign": lambda: draw.choice([-1.0, 1.0], of), "class": lambda: draw.integers(1, of[0] + 1, batch).astype(float),
    }[target]()  # fmt: skip

    def program(v: Mapping[str, Any]) -> Any:
        a = v["x"]
        for layer in range(1, len(sizes)):
            b = v[f"b({layer})"]
            z = anp.dot(v[f"w({layer})"], a) + (b if samples is None else b[:, None])
            kind = (output or activation) if layer == len(sizes) - 1 else activation
            a = softmax(z) if kind == "softmax" else FUNCTIONS[kind](z)
        extra = sum(LAMBDA / 2 * anp.sum(v[f"w({n})"] ** 2) for n in range(1, len(sizes))) if penalty else 0.0
        return anp.mean(cost(a, v["y"])) + extra

    check(net, given_, program, ["x", *(f"{p}({n})" for p in "wb" for n in range(1, len(sizes)))])


@pytest.mark.parametrize("factor", [sp.S.One, sp.Integer(6), sp.Integer(-2)])
def test_a_letter_for_a_gradient_stands_for_the_factor_times_it_and_changes_no_other(factor: Any) -> None:
    net = mlp([2, 3, 4], activation="tanh", samples=6)
    given_ = normal(3, **{"x": (2, 6), "w(1)": (3, 2), "b(1)": (3,), "w(2)": (4, 3), "b(2)": (4,), "y": (4, 6)})
    _, plain = gradients(net, given_)
    _, lettered = gradients(net, given_, {"z": Named("delta", factor)})
    assert_same(lettered, {n: v * (float(factor) if n.startswith("z") else 1.0) for n, v in plain.items()})
    assert {str(b.equation.tensor) for b in backpropagate(net, {"z": Named("delta", factor)})} >= {"delta(1)", "delta(2)"}


def test_the_test_evaluator_would_notice_a_factor_of_two() -> None:
    net = mlp([2, 3], activation="tanh")
    given_ = normal(4, **{"x": (2,), "w(1)": (3, 2), "b(1)": (3,), "y": (3,)})
    with pytest.raises(AssertionError):
        check(net, given_, lambda v: anp.sum((anp.tanh(anp.dot(v["w(1)"], v["x"]) + v["b(1)"]) - v["y"]) ** 2), ["w(1)"])


# ---------------------------------------------------------------- shared quantities


def test_a_quantity_added_to_itself_counts_twice() -> None:
    net = network("h[j] = sum(k, x[k]*w[k, j])", "y[j] = h[j] + h[j]", "C = sum(j, g[j]*y[j])", tensors={"x": (2,), "w": (2, 3), "g": (3,)}, parameters=["w"])
    given_ = normal(1, x=(2,), w=(2, 3), g=(3,))
    _, found = gradients(net, given_)
    np.testing.assert_allclose(found["h"], 2 * given_["g"])
    np.testing.assert_allclose(found["w"], np.outer(given_["x"], 2 * given_["g"]))
    np.testing.assert_allclose(found["x"], given_["w"] @ (2 * given_["g"]))


SHARED = {
    "used three times": (["h[j] = tanh(x[j])", "u[j] = h[j]*h[j]", "v[j] = sigmoid(h[j])", "C = sum(j, u[j]*v[j] + h[j])"],
                         lambda v: anp.sum(anp.tanh(v["x"]) ** 2 * FUNCTIONS["sigmoid"](anp.tanh(v["x"])) + anp.tanh(v["x"])), {"x": (3,)}),
    "gate x*x": (["h[j] = x[j]*x[j]", "C = sum(j, h[j]*y[j])"], lambda v: anp.sum(v["x"] ** 2 * v["y"]), {"x": (3,), "y": (3,)}),
    "cube": (["h[j] = x[j]*x[j]*x[j]", "C = sum(j, h[j])"], lambda v: anp.sum(v["x"] ** 3), {"x": (3,)}),
    "skip connection": (["h[j] = sum(k, w[j, k]*x[k])", "u[j] = tanh(h[j])", "r[j] = x[j] + sum(k, v[j, k]*u[k])", "C = 1/2*sum(j, r[j]**2)"],
                        lambda v: anp.sum((v["x"] + anp.dot(v["v"], anp.tanh(anp.dot(v["w"], v["x"])))) ** 2) / 2, {"x": (2,), "w": (3, 2), "v": (2, 3)}),
    "skip to the loss": (["h[j] = tanh(x[j])", "C = sum(j, h[j]*x[j])"], lambda v: anp.sum(anp.tanh(v["x"]) * v["x"]), {"x": (4,)}),
    "tied weights": (["h[j] = sum(k, w[j, k]*x[k])", "r[k] = sum(j, w[j, k]*tanh(h[j]))", "C = sum(k, (r[k] - x[k])**2)"],
                     lambda v: anp.sum((anp.dot(v["w"].T, anp.tanh(anp.dot(v["w"], v["x"]))) - v["x"]) ** 2), {"x": (2,), "w": (3, 2)}),
    "quadratic form": (["C = sum(j, k, x[j]*w[j, k]*x[k])"], lambda v: anp.dot(v["x"], anp.dot(v["w"], v["x"])), {"x": (3,), "w": (3, 3)}),
    "diagonal and trace": (["C = sum(j, w[j, j]*x[j])"], lambda v: anp.sum(anp.diag(v["w"]) * v["x"]), {"x": (3,), "w": (3, 3)}),
    "one fixed entry": (["C = x[2]*sum(j, x[j])"], lambda v: v["x"][1] * anp.sum(v["x"]), {"x": (3,)}),
    "normalised": (["s = sum(j, x[j]**2)", "h[j] = x[j]/sqrt(s)", "C = sum(j, h[j]*y[j])"],
                   lambda v: anp.dot(v["x"], v["y"]) / anp.sqrt(anp.sum(v["x"] ** 2)), {"x": (3,), "y": (3,)}),
    "softmax of itself": (["p[j] = exp(x[j])/sum(k, exp(x[k]))", "q[j] = exp(p[j])/sum(k, exp(p[k]))", "C = sum(j, q[j]*p[j])"],
                          lambda v: anp.dot(softmax(softmax(v["x"])), softmax(v["x"])), {"x": (4,)}),
    "a matrix of pairs": (["d[j, k] = (x[j] - u[k])**2", "C = sum(j, k, exp(-d[j, k]))"],
                          lambda v: anp.sum(anp.exp(-((v["x"][:, None] - v["u"][None, :]) ** 2))), {"x": (3,), "u": (2,)}),
    "attention": (["e[j, k] = sum(i, x[j, i]*x[k, i])", "p[j, k] = exp(e[j, k])/sum(q, exp(e[j, q]))", "h[j, i] = sum(k, p[j, k]*x[k, i])", "C = sum(j, i, h[j, i]**3)"],
                  lambda v: anp.sum(anp.dot(softmax(anp.dot(v["x"], v["x"].T).T).T, v["x"]) ** 3), {"x": (3, 2)}),
    "a double sum over weights": (["C = sum(j, k, v[j, k]*w[j, k]**2)"], lambda v: anp.sum(v["v"] * v["w"] ** 2), {"v": (3, 2), "w": (3, 2)}),
    "nested sums of one letter": (["C = sum(k, x[k]*sum(k, w[k]*x[k]))"], lambda v: anp.sum(v["x"]) * anp.dot(v["w"], v["x"]), {"x": (3,), "w": (3,)}),
}  # fmt: skip


@pytest.mark.parametrize("name", SHARED)
def test_every_way_to_the_loss_counts(name: str) -> None:
    equations, program, shapes = SHARED[name]
    given_ = normal(5, **shapes)
    check(network(*equations, tensors=shapes, parameters=list(shapes)), given_, program, list(shapes))


def test_a_quantity_that_does_not_reach_the_loss_has_no_gradient() -> None:
    net = network("h[j] = tanh(x[j])", "dead[j] = h[j]*u[j]", "C = sum(j, h[j])", tensors={"x": (2,), "u": (2,)}, parameters=["x", "u"])
    net = Network(net.equations, Entry(Tensor("C")), net.parameters, net.inputs)
    found = {b.tensor.name for b in backpropagate(net)}
    assert "h" in found
    assert "x" in found
    # what only feeds a dead end gets a gradient that is zero, or none at all
    values = normal(6, x=(2,), u=(2,))
    try:
        _, gradient = gradients(net, values)
    except KeyError as error:
        pytest.fail(f"the backward list leans on {error}, which no equation of it defines")
    assert not np.any(gradient.get("u", 0.0))
    np.testing.assert_allclose(gradient["x"], 1 - np.tanh(values["x"]) ** 2)


@pytest.mark.parametrize(("equations", "words"), [
    (["h[j] = g[j] + x[j]", "g[j] = tanh(h[j])", "C = sum(j, h[j])"], "cycle"),
    (["h[j] = h[j]*x[j]", "C = sum(j, h[j])"], "cycle"),
    (["a = 2*b", "b = 3*a", "C = a"], "cycle"),
    (["h[j] = tanh(q[j])", "C = sum(j, h[j])"], "unknown tensor 'q'"),
    (["h[j] = tanh(x[j])", "C = sum(j, hh[j])"], "did you mean 'h'"),
])  # fmt: skip
def test_equations_without_a_beginning_are_refused(equations: list[str], words: str) -> None:
    with pytest.raises(InputError, match=words):
        network(*equations, tensors={"x": (2,)})


# ---------------------------------------------------------------- random graphs


@dataclass
class Graph:
    """Equations as text, and the same program for autograd, grown together one operation at a time."""

    tensors: dict[str, tuple[int, ...]] = field(default_factory=lambda: {"x": (2,), "u": (3,)})
    equations: list[str] = field(default_factory=list)
    program: list[tuple[str, Callable[[dict[str, Any]], Any]]] = field(default_factory=list)
    vectors: list[tuple[str, int]] = field(default_factory=lambda: [("x", 2), ("u", 3)])
    weights: list[str] = field(default_factory=list)
    read: set[str] = field(default_factory=set)

    def new(self, size: int, text: str, run: Callable[[dict[str, Any]], Any]) -> None:
        name = f"h{len(self.equations)}"
        self.equations.append(f"{name}[j] = {text}")
        self.program.append((name, run))
        self.vectors.append((name, size))

    def pick(self, choice: int, size: int | None = None) -> tuple[str, int]:
        among = [v for v in self.vectors if size is None or v[1] == size]
        found = among[-1 - choice % len(among)]
        self.read.add(found[0])
        return found

    def grow(self, kind: str, first: int, second: int) -> None:
        a, n = self.pick(first)
        fitting = [w for w in self.weights if self.tensors[w][0] == n]
        if kind == "tied" and not fitting:
            kind = "affine"
        match kind:
            case "affine":
                m, number = 4 + len(self.weights), len(self.weights)
                w, b = f"w{number}", f"b{number}"
                self.tensors |= {w: (m, n), b: (m,)}
                self.weights.append(w)
                self.new(m, f"sum(k, {w}[j, k]*{a}[k]) + {b}[j]", lambda v: anp.dot(v[w], v[a]) + v[b])
            case "tied":
                w = fitting[second % len(fitting)]
                self.new(self.tensors[w][1], f"sum(k, {w}[k, j]*{a}[k])", lambda v: anp.dot(v[w].T, v[a]))
            case "tanh" | "sigmoid" | "softplus" | "silu" | "gelu":
                self.new(n, f"{kind}({a}[j])", lambda v: FUNCTIONS[kind](v[a]))
            case "sin":
                self.new(n, f"sin({a}[j])*exp(-{a}[j]**2)", lambda v: anp.sin(v[a]) * anp.exp(-(v[a] ** 2)))
            case "add" | "multiply" | "gate":
                b, _ = self.pick(second, n)
                if kind == "add":
                    self.new(n, f"{a}[j] + {b}[j]", lambda v: v[a] + v[b])
                elif kind == "multiply":
                    self.new(n, f"{a}[j]*{b}[j]", lambda v: v[a] * v[b])
                else:
                    self.new(n, f"{a}[j]*tanh({b}[j]) - {a}[j]/2", lambda v: v[a] * anp.tanh(v[b]) - v[a] / 2)
            case "sum":
                b, m = self.pick(second)
                self.new(m, f"{b}[j]*sum(k, {a}[k])/{n}", lambda v: v[b] * anp.sum(v[a]) / n)
            case "softmax":
                self.new(n, f"exp({a}[j])/sum(k, exp({a}[k]))", lambda v: softmax(v[a]))
            case "rational":
                self.new(n, f"{a}[j]/(1 + sum(k, {a}[k]**2))", lambda v: v[a] / (1 + anp.sum(v[a] ** 2)))

    def network(self, order: Any) -> Network:
        ends = [name for name, _ in self.vectors if name not in self.read]
        terms = [f"1/2*sum(j, {name}[j]**2)" for name in ends] + [f"sum(j, {self.vectors[-1][0]}[j])"]
        text = [*self.equations, "C = " + " + ".join(terms)]
        order.shuffle(text)
        self.ends = ends
        return Network.from_equations(text, tensors=self.tensors, parameters=list(self.tensors), loss="C")

    def loss(self, given_: Mapping[str, Any]) -> Any:
        v = dict(given_)
        for name, run in self.program:
            v[name] = run(v)
        return sum(anp.sum(v[name] ** 2) / 2 for name in self.ends) + anp.sum(v[self.vectors[-1][0]])


KINDS = ["affine", "affine", "tied", "tanh", "sigmoid", "softplus", "silu", "gelu", "sin", "add", "multiply", "gate", "sum", "softmax", "rational"]
OPERATIONS = st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 7), st.integers(0, 7)), min_size=1, max_size=9)


@settings(max_examples=250, deadline=None, derandomize=True)
@given(operations=OPERATIONS, order=st.randoms(use_true_random=False), seed=st.integers(0, 999))
def test_the_gradients_of_any_graph_agree_with_autograd(operations: list[tuple[str, int, int]], order: Any, seed: int) -> None:
    graph = Graph()
    for operation in operations:
        graph.grow(*operation)
    net = graph.network(order)
    draw = np.random.default_rng(seed)
    given_ = {name: 0.7 * draw.normal(size=shape) for name, shape in graph.tensors.items()}
    check(net, given_, graph.loss, list(graph.tensors))


@settings(max_examples=25, deadline=None, derandomize=True)
@given(operations=st.lists(st.tuples(st.sampled_from([k for k in KINDS if k not in ("softmax", "gelu")]), st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=3),
       order=st.randoms(use_true_random=False))  # fmt: skip
def test_the_gradients_of_any_small_graph_agree_with_the_expanded_loss(operations: list[tuple[str, int, int]], order: Any) -> None:
    graph = Graph()
    for operation in operations:
        graph.grow(*operation)
    net = graph.network(order)
    backward = backpropagate(net)
    letters = {Grad(net.loss.tensor, b.tensor): e.tensor for b, e in zip(backward, unnamed(backward, net.loss.tensor), strict=True)}
    equations = [*net.equations, *unnamed(backward, net.loss.tensor)]
    claims = Point(equations, {}, seed=1, functions=formula_of)
    point = Point(net.equations, {}, seed=1, functions=formula_of)
    wrt = [t for t in leaves_of(net) if Grad(net.loss.tensor, t) in letters]
    report = compare_with_oracle(point, net.loss, wrt, lambda t, at: claims.value(Entry(letters[Grad(net.loss.tensor, t)], *at)))
    assert report.count == sum(int(sp.prod(t.shape)) for t in leaves_of(net))
    assert not report.disagreements


def test_the_expanded_loss_refutes_a_gradient_with_a_wrong_sign() -> None:
    net = network("h[j] = tanh(sum(k, w[j, k]*x[k]))", "C = sum(j, h[j]**2)", tensors={"x": (2,), "w": (3, 2)}, parameters=["w"])
    w = net.parameters[0]
    point = Point(net.equations, {}, seed=1, functions=formula_of)
    report = compare_with_oracle(point, net.loss, [w], lambda t, at: -point.value(Entry(Grad(net.loss.tensor, t), *at)))
    assert len(report.disagreements) == report.count == 6


# ---------------------------------------------------------------- second derivatives

CURVED = {
    "tanh, quadratic": mlp([2, 3, 4], activation="tanh"),
    "sigmoid, binary cross-entropy": mlp([2, 3, 4], activation="sigmoid", loss="binary_cross_entropy"),
    "silu, softmax cross-entropy": mlp([3, 2, 4], activation="silu", output="softmax", loss="cross_entropy"),
    "softplus, six examples, l2": mlp([2, 3, 4], activation="softplus", samples=5, penalty="l2"),
}


@pytest.mark.parametrize("name", CURVED)
def test_backpropagating_the_backward_equations_gives_hessian_vector_products(name: str) -> None:
    net = CURVED[name]
    backward = unnamed(backpropagate(net), net.loss.tensor)
    slopes = {e.tensor.name.removeprefix("d_") + (f"({e.tensor.layer})" if e.tensor.layer is not None else ""): e for e in backward}
    letters = [index(c) for c in "jk"]
    terms, directions = [], {}
    for t in net.parameters:
        v = Tensor(f"v_{t.name}", t.shape, t.layer)
        directions[str(t)] = v
        at = letters[: t.rank]
        terms.append(summation(mul(v[tuple(at)], slopes[str(t)].tensor[tuple(at)]), *((i, 1, n) for i, n in zip(at, t.shape, strict=True))))
    s = Tensor("s")
    second = Network((*net.equations, *backward, Equation(s(), add(*terms))), s(), net.parameters, net.inputs, net.targets, samples=net.samples)

    draw = np.random.default_rng(8)
    given_ = {t: draw.normal(size=tuple(map(int, t.shape))) for t in (*net.parameters, *net.inputs, *net.targets)}
    y = net.targets[0]
    if net.target == "one_hot":
        given_[y] = np.eye(int(y.shape[0]))[1]
    elif net.target == "binary":
        given_[y] = (given_[y] > 0).astype(float)
    along = {n: draw.normal(size=tuple(map(int, v.shape))) for n, v in directions.items()}
    values = Evaluator({**given_, **{directions[n]: v for n, v in along.items()}}).compute(second.equations)
    found = values.compute(b.equation for b in backpropagate(second)).values

    ends = np.cumsum([given_[t].size for t in net.parameters])

    def split(flat: Any) -> dict[str, Any]:
        return {str(t): flat[end - given_[t].size : end].reshape(given_[t].shape) for t, end in zip(net.parameters, ends, strict=True)}

    def flat(parts: Iterable[Any]) -> Any:
        return np.concatenate([np.ravel(part) for part in parts])

    def cost(parameters: Any) -> Any:
        v = split(parameters)
        a = given_[net.inputs[0]]
        for layer in (1, 2):
            z = anp.dot(v[f"w({layer})"], a) + (v[f"b({layer})"] if a.ndim == 1 else v[f"b({layer})"][:, None])
            kind = next(e.rule for e in net.equations if str(e.tensor) == f"a({layer})")
            a = softmax(z) if kind == "softmax" else FUNCTIONS[kind](z)
        extra = sum(LAMBDA / 2 * anp.sum(v[f"w({n})"] ** 2) for n in (1, 2)) if "l2" in name else 0.0
        return anp.mean(LOSSES[net.details["loss"]][1](a, given_[y])) + extra

    expected = split(hessian_vector_product(cost)(flat(given_[t] for t in net.parameters), flat(along[str(t)] for t in net.parameters)))
    for t in net.parameters:
        np.testing.assert_allclose(found[Grad(s, t)], expected[str(t)], rtol=1e-8, atol=1e-10, err_msg=str(t))


# ---------------------------------------------------------------- size of the result


@pytest.mark.parametrize("depth", [1, 2, 5, 20])
def test_the_backward_list_has_one_equation_for_each_quantity(depth: int) -> None:
    backward = backpropagate(mlp([2] * (depth + 1), activation="tanh"))
    assert [str(b.tensor) for b in backward if b.tensor.name in "za"] == [f"{q}({n})" for n in range(depth, 0, -1) for q in "az"]
    assert len(backward) == len({b.tensor for b in backward}) == 4 * depth + 1


def test_the_backward_list_grows_linearly_with_depth() -> None:
    operations = [sum(int(sp.count_ops(b.equation.rhs)) for b in backpropagate(mlp([2] * (d + 1), activation="tanh"))) for d in (5, 10, 15, 20)]
    steps = np.diff(operations)
    assert steps[0] > 0
    assert len(set(steps.tolist())) == 1
    widths = [sum(int(sp.count_ops(b.equation.rhs)) for b in backpropagate(mlp([n, n, n], activation="tanh"))) for n in (3, 50, 5000)]
    assert len(set(widths)) == 1


def test_gradients_are_found_only_for_what_is_asked() -> None:
    net = mlp([2, 3, 4], activation="tanh")
    w = net.parameters[0]
    assert [b.tensor for b in backpropagate(net, wrt=[w])] == [w]
    assert not backpropagate(net, wrt=[Tensor("q", (2,))])
