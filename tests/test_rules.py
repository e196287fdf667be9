"""Every registered rule against hand-written counterparts.

Oracles: mpmath's own functions and its numerical `diff` for elementwise activations; HIPS autograd of formulas written by hand in
`autograd.numpy` for vector activations, losses and penalties. A rule without a counterpart fails the completeness tests.
"""

# ruff: noqa: E501 - a case of a table is one line

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import Any

import autograd.numpy as anp
import mpmath
import numpy as np
import pytest
import sympy as sp
from autograd import grad, jacobian

from symbackprop.backprop import backpropagate, unnamed
from symbackprop.builders import mlp
from symbackprop.calculus import VALUE, activation_derivative, local_derivative
from symbackprop.equations import Entry, Equation, Func, Tensor, evaluated, index, scalar
from symbackprop.errors import InputError, UnknownName
from symbackprop.formula import Scope, read_equation
from symbackprop.network import Network
from symbackprop.rules import ACTIVATIONS, LAYERS, LOSSES, PENALTIES, Activation, Layer, Loss, Penalty
from symbackprop.rules.record import VARIABLE, Registry

DIGITS = 40
SCALARS = {"alpha": mpmath.mpf("0.2"), "kappa": mpmath.mpf("0.75"), "lambda_": mpmath.mpf("0.3")}
ALPHA, KAPPA, LAMBDA = 0.2, 0.75, 0.3

j, k, p = index("j"), index("k"), index("p")


# ---------------------------------------------------------------- counterparts written by hand

ELEMENTWISE: dict[str, Callable[[Any], Any]] = {
    "identity": lambda z: z,
    "sigmoid": lambda z: 1 / (1 + mpmath.exp(-z)),
    "tanh": mpmath.tanh,
    "relu": lambda z: max(z, mpmath.mpf(0)),
    "leaky_relu": lambda z: max(z, SCALARS["alpha"] * z),
    "elu": lambda z: z if z > 0 else SCALARS["alpha"] * mpmath.expm1(z),
    "softplus": lambda z: mpmath.log1p(mpmath.exp(z)),
    "silu": lambda z: z / (1 + mpmath.exp(-z)),
    "gelu": lambda z: z * mpmath.ncdf(z),
    "gelu_tanh": lambda z: z / (1 + mpmath.exp(-2 * mpmath.sqrt(2 / mpmath.pi) * (z + mpmath.mpf("0.044715") * z**3))),
}
VECTOR: dict[str, Callable[[Any], Any]] = {
    "softmax": lambda z: anp.exp(z) / anp.sum(anp.exp(z)),
    "log_softmax": lambda z: z - anp.log(anp.sum(anp.exp(z))),
}
HAND_LOSSES: dict[str, Callable[[Any, Any], Any]] = {
    "quadratic": lambda a, y: anp.sum((a - y) ** 2) / 2,
    "squared_error": lambda a, y: anp.sum((a - y) ** 2),
    "mean_squared_error": lambda a, y: anp.mean((a - y) ** 2),
    "l1": lambda a, y: anp.sum(anp.abs(a - y)),
    "huber": lambda a, y: anp.sum(anp.where(anp.abs(a - y) <= KAPPA, (a - y) ** 2 / 2, KAPPA * (anp.abs(a - y) - KAPPA / 2))),
    "binary_cross_entropy": lambda a, y: -anp.sum(y * anp.log(a)) - anp.sum((1 - y) * anp.log(1 - a)),
    "binary_cross_entropy_logits": lambda a, y: anp.sum(anp.logaddexp(0.0, a)) - anp.dot(y, a),
    "cross_entropy": lambda a, y: -anp.dot(y, anp.log(a)),
    "softmax_cross_entropy": lambda a, y: -anp.dot(y, anp.log(VECTOR["softmax"](a))),
    "cross_entropy_logits": lambda a, y: -anp.dot(y, VECTOR["log_softmax"](a)),
    "negative_log_likelihood": lambda a, y: -anp.log(a[int(y) - 1]),
    "hinge": lambda a, y: anp.sum(anp.maximum(0.0, 1 - y * a)),
    "multiclass_hinge": lambda a, y: anp.dot(1 - y, anp.maximum(0.0, 1 + a - anp.dot(y, a))),
}
HAND_PENALTIES: dict[str, Callable[[Any], Any]] = {
    "l2": lambda w: LAMBDA / 2 * anp.sum(w**2),
    "l2_full": lambda w: LAMBDA * anp.sum(w**2),
    "l1": lambda w: LAMBDA * anp.sum(anp.abs(w)),
}
HAND_LAYERS: dict[str, str] = {
    "affine": "w a + b", "linear": "w a", "elementwise": "f(a)", "add": "a + c", "multiply": "a c",
}  # fmt: skip

SCALAR_RULES = [name for name, rule in ACTIVATIONS.items() if not rule.vector]
VECTOR_RULES = [name for name, rule in ACTIVATIONS.items() if rule.vector]


# ---------------------------------------------------------------- index expressions in mpmath

Values = Mapping[Tensor, Mapping[tuple[int, ...], Any]]


def number(e: Any, values: Values, env: Mapping[Any, Any]) -> Any:
    """The value of an index expression; loops, no tricks."""
    if isinstance(e, Entry):
        return values[e.tensor][tuple(int(number(i, values, env)) for i in e.indices)]
    if e in env:
        return env[e]
    if isinstance(e, sp.Symbol):
        return SCALARS[str(e)]
    if isinstance(e, Func):
        assert e.order == 0, f"{e} is left undone"
        return ELEMENTWISE[e.name](number(e.argument, values, env))
    if isinstance(e, sp.Sum):
        spans = [range(int(low), int(high) + 1) for _, low, high in e.limits]
        return mpmath.fsum(number(e.function, values, {**env, **dict(zip((m for m, *_ in e.limits), map(mpmath.mpf, at), strict=True))}) for at in product(*spans))
    if isinstance(e, sp.Piecewise):
        return next(number(v, values, env) for v, c in e.args if c == sp.true or holds(c, values, env))
    if isinstance(e, sp.KroneckerDelta):
        return mpmath.mpf(number(e.args[0], values, env) == number(e.args[1], values, env))
    if e.is_Rational:
        return mpmath.mpf(e.p) / e.q
    args = [number(x, values, env) for x in e.args]
    if isinstance(e, sp.exp):
        return mpmath.exp(*args)
    if isinstance(e, sp.Pow):
        return mpmath.power(*args)
    if isinstance(e, sp.Add):
        return mpmath.fsum(args)
    if isinstance(e, sp.Mul):
        return mpmath.fprod(args)
    table = {sp.log: mpmath.log, sp.erf: mpmath.erf, sp.Abs: abs, sp.sign: mpmath.sign, sp.pi.func: lambda: mpmath.pi}
    return table[e.func](*args)


def holds(c: Any, values: Values, env: Mapping[Any, Any]) -> bool:
    left, right = (number(x, values, env) for x in c.args)
    return bool({">": left > right, "<": left < right, ">=": left >= right, "<=": left <= right}[c.rel_op])


def compute(equations: Sequence[Equation], values: dict[Tensor, dict[tuple[int, ...], Any]]) -> None:
    for e in equations:
        places = product(*(range(1, int(n) + 1) for n in e.tensor.shape))
        values[e.tensor] = {at: number(e.rhs, values, dict(zip(e.lhs.indices, map(mpmath.mpf, at), strict=True))) for at in places}


def table(array: Any) -> dict[tuple[int, ...], Any]:
    return {tuple(i + 1 for i in at): mpmath.mpf(float(v)) for at, v in np.ndenumerate(np.asarray(array))}


def array(values: Mapping[tuple[int, ...], Any], shape: Sequence[int]) -> Any:
    return np.array([float(values[at]) for at in product(*(range(1, n + 1) for n in shape))]).reshape(shape)


# ---------------------------------------------------------------- the tables are complete


@pytest.mark.parametrize(
    ("registry", "by_hand"),
    [(ACTIVATIONS, {**ELEMENTWISE, **VECTOR}), (LOSSES, HAND_LOSSES), (PENALTIES, HAND_PENALTIES), (LAYERS, HAND_LAYERS)],
    ids=["activations", "losses", "penalties", "layers"],
)
def test_every_registered_rule_has_a_counterpart_written_by_hand(registry: Mapping[str, Any], by_hand: Mapping[str, Any]) -> None:
    assert set(registry) == set(by_hand)


# ---------------------------------------------------------------- elementwise activations


def points(rule: Activation) -> list[Any]:
    """Points of the rule's domain, on both sides of each kink and never on it."""
    low, high = rule.domain
    inside = [mpmath.mpf(low) + (mpmath.mpf(high) - low) * n / 14 + mpmath.mpf("0.0123") for n in range(14)]
    near = [mpmath.mpf(at) + d for at, _ in rule.kinks for d in (mpmath.mpf("-0.01"), mpmath.mpf("0.01"))]
    return inside + near


def derivative_at(name: str, z: Any, derivative: Any = None) -> Any:
    derivative = activation_derivative(name) if derivative is None else derivative
    return number(derivative, {}, {VARIABLE: z, VALUE: ELEMENTWISE[name](z)})


def close(left: Any, right: Any) -> bool:
    return bool(abs(left - right) <= mpmath.mpf(10) ** -20 * (1 + abs(right)))


@pytest.mark.parametrize("name", SCALAR_RULES)
def test_the_formula_of_an_activation_is_the_function_mpmath_knows(name: str) -> None:
    with mpmath.workdps(DIGITS):
        for z in points(ACTIVATIONS[name]):
            assert close(number(ACTIVATIONS[name].of(VARIABLE), {}, {VARIABLE: z}), ELEMENTWISE[name](z))


@pytest.mark.parametrize("name", SCALAR_RULES)
def test_the_derivative_of_an_activation_agrees_with_mpmath_diff(name: str) -> None:
    with mpmath.workdps(DIGITS):
        for z in points(ACTIVATIONS[name]):
            expected = mpmath.diff(lambda t: number(ACTIVATIONS[name].of(VARIABLE), {}, {VARIABLE: t}), z)
            assert close(derivative_at(name, z), expected), f"{name}' at {z}"


@pytest.mark.parametrize("name", SCALAR_RULES)
def test_the_comparison_sees_an_error_in_the_fifteenth_digit(name: str) -> None:
    with mpmath.workdps(DIGITS):
        wrong = activation_derivative(name) * (1 + sp.Rational(1, 10**15))
        assert not all(close(derivative_at(name, z, wrong), mpmath.diff(ELEMENTWISE[name], z)) for z in points(ACTIVATIONS[name]))


@pytest.mark.parametrize(("name", "kink"), [(name, kink) for name in SCALAR_RULES for kink in ACTIVATIONS[name].kinks])
def test_at_a_kink_the_derivative_is_the_declared_slope(name: str, kink: tuple[int, int | str]) -> None:
    at, slope = kink
    expected = SCALARS[slope] if isinstance(slope, str) else slope
    assert derivative_at(name, mpmath.mpf(at)) == expected


@pytest.mark.parametrize("name", [n for n in SCALAR_RULES if n not in ("identity",)])
def test_an_activation_jumps_in_slope_only_where_it_declares_a_kink(name: str) -> None:
    with mpmath.workdps(DIGITS):
        declared = {mpmath.mpf(at) for at, _ in ACTIVATIONS[name].kinks}
        step = mpmath.mpf(10) ** -25
        for at in {mpmath.mpf(0), mpmath.mpf(1), mpmath.mpf(-1), *declared}:
            jump = abs(derivative_at(name, at + step) - derivative_at(name, at - step))
            assert (jump > mpmath.mpf("1e-3")) == (at in declared), f"{name} at {at}"


def test_derivatives_are_said_with_the_value_where_that_is_shorter() -> None:
    z = VARIABLE
    assert sp.expand(activation_derivative("sigmoid") - VALUE * (1 - VALUE)) == 0
    assert sp.expand(activation_derivative("tanh") - (1 - VALUE**2)) == 0
    assert activation_derivative("softplus") == Func("sigmoid", z)
    assert activation_derivative("identity") == 1


def test_a_function_no_registry_holds_has_no_known_derivative() -> None:
    assert activation_derivative("sigma") is None


# ---------------------------------------------------------------- vector activations


def logits(size: int, seed: int = 1) -> Any:
    return np.random.default_rng(seed).normal(size=size)


@pytest.mark.parametrize("name", VECTOR_RULES)
@pytest.mark.parametrize("size", [1, 2, 5])
def test_the_jacobian_of_a_vector_activation_agrees_with_autograd(name: str, size: int) -> None:
    z, a = Tensor("z", (size,)), Tensor("a", (size,))
    at = logits(size)
    definition = Equation(a[j], ACTIVATIONS[name].entry(lambda i: z[i], j, sp.Integer(size)))
    values = {z: table(at)}
    compute([definition], values)
    np.testing.assert_allclose(array(values[a], [size]), VECTOR[name](at), rtol=1e-13)
    local = Tensor("D", (size, size))
    compute([Equation(local[j, p], local_derivative(definition, z[p]))], values)
    np.testing.assert_allclose(array(values[local], [size, size]), jacobian(VECTOR[name])(at), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("name", VECTOR_RULES)
def test_the_jacobian_of_a_vector_activation_is_not_that_of_its_rescaling(name: str) -> None:
    at = logits(3)
    assert not np.allclose(jacobian(VECTOR[name])(at), jacobian(VECTOR[name])(2 * at), rtol=1e-6)


# ---------------------------------------------------------------- losses


def target(rule: Loss, size: int, seed: int) -> Any:
    draw = np.random.default_rng(seed + 100)
    if rule.target == "class":
        return np.array(float(draw.integers(1, size + 1)))
    if rule.target == "one_hot":
        return np.eye(size)[draw.integers(size)]
    if rule.target == "binary":
        return draw.integers(0, 2, size).astype(float)
    if rule.target == "sign":
        return draw.choice([-1.0, 1.0], size)
    assert rule.target == "real", f"no targets are known for '{rule.target}'"
    return draw.normal(size=size)


def outputs(rule: Loss, size: int, seed: int) -> Any:
    z = 1.5 * logits(size, seed)
    if rule.input != "probabilities":
        return z
    return VECTOR["softmax"](z) if rule.target in ("one_hot", "class") else 1 / (1 + np.exp(-z))


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("seed", range(4))
def test_a_loss_and_its_local_derivative_agree_with_autograd(name: str, seed: int) -> None:
    rule, size = LOSSES[name], 4
    a, y = outputs(rule, size, seed), target(rule, size, seed)
    at, to, cost, slope = Tensor("a", (size,)), Tensor("y", y.shape), Tensor("C"), Tensor("g", (size,))
    definition = Equation(cost(), rule.of(lambda i: at[i], lambda *i: to[i], sp.Integer(size)))
    values = {at: table(a), to: table(y)}
    compute([definition, Equation(slope[p], local_derivative(definition, at[p]))], values)
    assert float(values[cost][()]) == pytest.approx(float(HAND_LOSSES[name](a, y)), rel=1e-12)
    np.testing.assert_allclose(array(values[slope], [size]), grad(HAND_LOSSES[name])(a, y), rtol=1e-11, atol=1e-12)


OUTPUT = {"negative_log_likelihood": "softmax", "cross_entropy": "softmax", "binary_cross_entropy": "sigmoid"}
ACTIVATE: dict[str, Callable[[Any], Any]] = {**VECTOR, "sigmoid": lambda z: 1 / (1 + anp.exp(-z)), "identity": lambda z: z, "tanh": anp.tanh}


def one_layer(loss: str, penalty: str | None = None) -> tuple[Network, str]:
    """A network of one layer whose output fits the loss: tanh unless the loss asks for probabilities or logits."""
    output = OUTPUT.get(loss, "identity" if LOSSES[loss].input == "logits" else "tanh")
    return mlp([3, 4], output=output, loss=loss, penalty=penalty), output


def gradients(net: Network, given: Mapping[str, Any]) -> dict[str, Any]:
    """Forward, then backward, in mpmath; the gradients by the name of what they belong to, and the loss as C."""
    values: dict[Tensor, dict[tuple[int, ...], Any]] = {}
    for tensor in (*net.parameters, *net.inputs, *net.targets):
        values[tensor] = table(given[tensor.name])
    backward = unnamed(backpropagate(net), net.loss.tensor)
    compute([*net.equations, *backward], values)
    found = {t.name: array(v, [int(n) for n in t.shape]) for t, v in values.items() if t.name.startswith("d_") or t == net.loss.tensor}
    return {name.removeprefix("d_"): value for name, value in found.items()}


@pytest.mark.parametrize("name", LOSSES)
def test_the_gradients_of_one_layer_under_a_loss_agree_with_autograd(name: str) -> None:
    net, output = one_layer(name)
    draw = np.random.default_rng(7)
    given = {"w": draw.normal(size=(4, 3)), "b": draw.normal(size=4), "x": draw.normal(size=3), "y": target(LOSSES[name], 4, 3)}
    found = gradients(net, given)

    def cost(w: Any, b: Any, x: Any) -> Any:
        return HAND_LOSSES[name](ACTIVATE[output](anp.dot(w, x) + b), given["y"])

    arguments = given["w"], given["b"], given["x"]
    assert float(found["C"]) == pytest.approx(float(cost(*arguments)), rel=1e-12)
    for place, letter in enumerate("wbx"):
        np.testing.assert_allclose(found[letter], grad(cost, place)(*arguments), rtol=1e-11, atol=1e-12, err_msg=letter)


def test_a_loss_is_not_confused_with_another_of_the_same_inputs() -> None:
    a, y = logits(4), logits(4, 9)
    names = [n for n, rule in LOSSES.items() if rule.input == "values" and rule.target == "real"]
    values = {n: round(float(HAND_LOSSES[n](a, y)), 12) for n in names}
    assert len(set(values.values())) == len(names)


@pytest.mark.parametrize(("loss", "output", "word"), [
    ("cross_entropy", "sigmoid", "softmax"), ("cross_entropy", "identity", "softmax"), ("negative_log_likelihood", "tanh", "softmax"),
    ("binary_cross_entropy", "softmax", "sigmoid"), ("softmax_cross_entropy", "softmax", "identity"),
    ("binary_cross_entropy_logits", "sigmoid", "identity"), ("cross_entropy_logits", "relu", "identity"),
])  # fmt: skip
def test_a_loss_refuses_an_output_it_does_not_fit_and_names_one_that_does(loss: str, output: str, word: str) -> None:
    with pytest.raises(InputError, match=f"{loss}.*{word}"):
        mlp([2, 3], output=output, loss=loss)


# ---------------------------------------------------------------- penalties


@pytest.mark.parametrize("name", PENALTIES)
def test_a_penalty_adds_its_gradient_to_every_weight_and_to_nothing_else(name: str) -> None:
    draw = np.random.default_rng(11)
    given = {"w": draw.normal(size=(4, 3)), "b": draw.normal(size=4), "x": draw.normal(size=3), "y": draw.normal(size=4)}
    plain, penalised = (gradients(one_layer("quadratic", penalty)[0], given) for penalty in (None, name))
    assert float(penalised["C"] - plain["C"]) == pytest.approx(float(HAND_PENALTIES[name](given["w"])), rel=1e-12)
    np.testing.assert_allclose(penalised["w"] - plain["w"], grad(HAND_PENALTIES[name])(given["w"]), rtol=1e-11, atol=1e-12)
    for letter in "bx":
        np.testing.assert_array_equal(penalised[letter], plain[letter])


@pytest.mark.parametrize("name", PENALTIES)
def test_each_layer_is_penalised_once(name: str) -> None:
    terms = mlp([2, 3, 4], penalty=name).equations[-1].rhs.args
    layers = [t.layer for term in terms for t in {e.tensor for e in term.atoms(Entry)} if t.name == "w"]
    assert sorted(layers) == [1, 2]


# ---------------------------------------------------------------- layers


@pytest.mark.parametrize(("rule", "bias"), [("affine", True), ("linear", False)])
def test_the_layer_that_mlp_builds_is_the_registered_formula(rule: str, bias: bool) -> None:
    built = mlp([2, 3], bias=bias).equations[0]
    shapes = {"z": (3,), "w": (3, 2), "a": (2,), "b": (3,)}
    known = {t: Tensor(t, shape) for t, shape in shapes.items()}
    read = read_equation(f"z[j] = {LAYERS[rule].formula}", Scope(known))
    renamed = built.rhs.xreplace({e: known["a" if e.tensor.name == "x" else e.tensor.name][e.indices] for e in built.rhs.atoms(Entry)})
    assert evaluated(renamed) == evaluated(read.rhs)
    assert built.rule == rule


@pytest.mark.parametrize("name", [n for n in LAYERS if "w" not in LAYERS[n].parameters])
def test_the_formula_of_a_junction_can_be_read(name: str) -> None:
    known = {t: Tensor(t, (3,)) for t in ("z", *LAYERS[name].inputs)}
    read = read_equation(f"z[j] = {LAYERS[name].formula}", Scope(known, functions=["f"]))
    assert {e.tensor.name for e in read.rhs.atoms(Entry)} == set(LAYERS[name].inputs)


# ---------------------------------------------------------------- the registry

ONE_OF_EACH = [
    (ACTIVATIONS, Activation("sigmoid", "z", symbol="s"), "sigmod", "sigmoid"),
    (LOSSES, Loss("quadratic", "0"), "quadratc", "quadratic"),
    (PENALTIES, Penalty("l2_full", "0"), "l2_ful", "l2_full"),
    (LAYERS, Layer("affine", "0"), "afine", "affine"),
]


@pytest.mark.parametrize(("registry", "rule", "typo", "meant"), ONE_OF_EACH)
def test_the_registry_refuses_a_second_rule_of_the_same_name(registry: Registry[Any], rule: Any, typo: str, meant: str) -> None:
    before = dict(registry)
    with pytest.raises(ValueError, match=f"already.*{rule.name}"):
        registry.add(rule)
    assert dict(registry) == before


@pytest.mark.parametrize(("registry", "rule", "typo", "meant"), ONE_OF_EACH)
def test_an_unknown_name_is_answered_with_the_near_miss_and_the_valid_choices(registry: Registry[Any], rule: Any, typo: str, meant: str) -> None:
    with pytest.raises(UnknownName, match=f"{typo}.*did you mean '{meant}'.*Known:") as caught:
        registry[typo]
    assert all(name in str(caught.value) for name in registry)
    assert isinstance(caught.value, InputError)


def test_a_name_like_no_other_gets_no_guess() -> None:
    with pytest.raises(UnknownName) as caught:
        ACTIVATIONS["qqqqqq"]
    assert "did you mean" not in str(caught.value)


def test_a_registered_rule_is_found_and_the_others_stay() -> None:
    registry: Registry[Activation] = Registry("activation")
    cube = registry.add(Activation("cube", "z**3", symbol="c"))
    assert registry["cube"] is cube
    assert len(registry) == 1
    assert "cube" not in ACTIVATIONS


def test_a_scalar_of_a_rule_is_a_symbol_of_its_own_formula() -> None:
    for rule in (r for r in ACTIVATIONS.values() if not r.vector):
        assert rule.of(VARIABLE).free_symbols - {VARIABLE} == {scalar(s) for s in rule.scalars}
