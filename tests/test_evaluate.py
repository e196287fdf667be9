"""The judge is judged by what shares nothing with it: mpmath, finite differences at 80 digits, a NumPy backward pass by hand."""

from __future__ import annotations

import time
from fractions import Fraction
from typing import Any

import flint
import mpmath
import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from symbackprop.equations import (
    Abstract,
    Entry,
    Equation,
    Func,
    Grad,
    Layers,
    Partial,
    Tensor,
    index,
    mul,
    scalar,
    size,
)
from symbackprop.errors import InputError, SpecError
from symbackprop.evaluate import OutOfRange, Point, Undecided, compare, one_hot, simplex

i, j, k, p, q, t = map(index, "ijkpqt")
ell, L = index("l"), index("L")
x = scalar("x")


def n(layer: Any) -> Any:
    return size("n", layer)


def w(layer: Any) -> Tensor:
    return Tensor("w", (n(layer), n(layer - 1)), layer)


def vector(name: str, layer: Any) -> Tensor:
    return Tensor(name, (n(layer),), layer)


def z(layer: Any) -> Tensor:
    return vector("z", layer)


def a(layer: Any) -> Tensor:
    return vector("a", layer)


def b(layer: Any) -> Tensor:
    return vector("b", layer)


C, y = Tensor("C"), Tensor("y", (n(L),))
FAMILY = Layers(ell, 1, L)
Z = Equation(z(ell)[j], sp.Sum(w(ell)[j, k] * a(ell - 1)[k], (k, 1, n(ell - 1))) + b(ell)[j], layers=FAMILY)
A = Equation(a(ell)[j], Func("sigma", z(ell)[j]), layers=FAMILY)
COST = Equation(C(), Abstract(C, a(L), y))
QUADRATIC = Equation(C(), sp.Rational(1, 2) * sp.Sum((a(L)[j] - y[j]) ** 2, (j, 1, n(L))))


def delta(layer: Any, j: Any) -> Entry:
    return Grad(C, z(layer))[j]


def sigmoid(name: str) -> tuple[Any, Any] | None:
    return (x, 1 / (1 + sp.exp(-x))) if name == "sigma" else None


def near(value: flint.arb, expected: Any, digits: int = 45) -> bool:
    with mpmath.workdps(80), flint.ctx.workdps(70):
        text = value.mid().str(65, radius=False)
        return bool(abs(mpmath.mpf(text) - expected) < mpmath.mpf(10) ** -digits)


# Scalars: mpmath is the oracle.

FORMULAS: list[tuple[Any, Any]] = [
    (sp.exp(x), mpmath.exp), (sp.log(x + 3), lambda v: mpmath.log(v + 3)), (sp.sqrt(x + 2), lambda v: mpmath.sqrt(v + 2)),
    (1 / (1 + sp.exp(-x)), lambda v: 1 / (1 + mpmath.exp(-v))), (sp.tanh(x), mpmath.tanh), (sp.sinh(x), mpmath.sinh),
    (sp.cosh(x), mpmath.cosh), (sp.erf(x / sp.sqrt(2)), lambda v: mpmath.erf(v / mpmath.sqrt(2))),
    (sp.cos(sp.pi * x), lambda v: mpmath.cos(mpmath.pi * v)),
    (sp.sin(x) ** 3, lambda v: mpmath.sin(v) ** 3), ((x + 2) ** sp.Rational(1, 3), lambda v: mpmath.cbrt(v + 2)),
    ((x + 2) ** x, lambda v: (v + 2) ** v), (sp.E ** (2 * x), lambda v: mpmath.exp(2 * v)), (sp.atan(x), mpmath.atan),
    ((x + 2) ** -3, lambda v: (v + 2) ** -3),
    (sp.Max(0, x), lambda v: max(mpmath.mpf(0), v)), (sp.Min(x, x**2), lambda v: min(v, v * v)), (sp.Abs(x) * x, lambda v: abs(v) * v),
    (sp.sign(x) * x**2, lambda v: mpmath.sign(v) * v * v), (sp.Heaviside(x) * x, lambda v: v if v > 0 else mpmath.mpf(0)),
    (sp.Piecewise((x, x > 0), (sp.exp(x) - 1, True)), lambda v: v if v > 0 else mpmath.expm1(v)),
    (sp.Piecewise((1, sp.And(x > -1, x <= sp.Rational(1, 4))), (x, sp.Ne(x, 5))), lambda v: mpmath.mpf(1) if -1 < v <= 0.25 else v),
]


@pytest.mark.parametrize(("formula", "function"), FORMULAS, ids=lambda f: str(f)[:30] if isinstance(f, sp.Basic) else "")
@pytest.mark.parametrize("at", [Fraction(-7, 5), Fraction(-3, 10), Fraction(2, 7), Fraction(13, 10)])
def test_formulas_and_their_derivatives(formula: Any, function: Any, at: Fraction) -> None:
    if sp.log(x + 3) == formula and at < -3:
        return
    point = Point([], {}, values={x: at, Tensor("u"): at}, functions=lambda name: (x, formula) if name == "f" else None)
    u = Tensor("u")
    with mpmath.workdps(80):
        v = mpmath.mpf(at.numerator) / at.denominator
        assert near(point.value(formula), function(v))
        assert near(point.value(Func("f", u())), function(v))
        for order in (1, 2):
            expected = mpmath.diff(function, v, order, h=mpmath.mpf(10) ** -25)
            assert near(point.value(sp.Derivative(formula, (x, order), evaluate=False)), expected, 18)
            assert near(point.value(Func("f", u(), order)), expected, 18)


def test_higher_orders_are_exact() -> None:
    u = Tensor("u")
    point = Point([], {}, values={u: Fraction(1, 3)}, functions=lambda name: (x, sp.exp(2 * x)))
    for order in range(5):
        with mpmath.workdps(70):
            assert near(point.value(Func("f", u(), order)), 2**order * mpmath.exp(mpmath.mpf(2) / 3), 50)


def test_abstract_functions_have_consistent_orders() -> None:
    u = Tensor("u")
    point = Point([], {})
    for order in range(3):
        assert compare(sp.Derivative(Func("g", u() ** 2, order), u(), evaluate=False), Func("g", u() ** 2, order + 1) * 2 * u(), point, {}) is None
    assert compare(Func("g", u()), Func("h", u()), point, {}) is not None
    assert compare(Func("g", u()), Func("g", u(), 1), point, {}) is not None


def test_a_kink_is_undecided_only_for_derivatives() -> None:
    u = Tensor("u")
    point = Point([], {}, values={u: Fraction(0)})
    assert point.value(sp.Max(0, u())) == 0
    assert point.value(sp.Abs(u())) == 0
    for kinked in (sp.Max(0, u()), sp.Abs(u()), sp.Piecewise((u(), u() > 0), (0, True))):
        with pytest.raises(Undecided):
            point.value(sp.Derivative(kinked, u(), evaluate=False))


# x^2 * (1/x) has a removable singularity at 0: a quotient of series would give it a value.
@pytest.mark.parametrize("expr", [
    sp.log(x), 1 / x, sp.Derivative(sp.sqrt(x), x, evaluate=False), mul(x**2, 1 / x),
    sp.Derivative(mul(x**2, 1 / x), x, evaluate=False), sp.Derivative(mul(x**2, sp.log(x)), x, evaluate=False),
])
def test_what_has_no_value_is_undecided(expr: Any) -> None:
    with pytest.raises(Undecided):
        Point([], {}, values={x: Fraction(0)}).value(expr)


# Indices, sums, sizes.

def test_sums_deltas_and_cases() -> None:
    m = size("m")
    u, v = Tensor("u", (m,)), Tensor("v", (m, m))
    square = {(r, s): Fraction(r - 2 * s, 7) for r in range(1, 5) for s in range(1, 5)}
    point = Point([], {m: 4}, values={u: {(s,): Fraction(s, 3) for s in range(1, 5)}, v: square})
    U = [Fraction(s, 3) for s in range(1, 5)]
    V = [[Fraction(r - 2 * s, 7) for s in range(1, 5)] for r in range(1, 5)]

    def check(expr: Any, expected: Fraction, **indices: int) -> None:
        assert near(point.value(expr, {index(s): value for s, value in indices.items()}), mpmath.mpf(expected.numerator) / expected.denominator, 14)

    check(sp.Sum(u[j], (j, 1, m)) / m, sum(U, Fraction(0)) / 4)
    check(sp.Sum(v[j, k], (k, 1, j), (j, 1, m)), sum((V[r][s] for r in range(4) for s in range(r + 1)), Fraction(0)))
    check(sp.Sum(v[i, j] * u[j], (j, 1, m)), sum((V[1][s] * U[s] for s in range(4)), Fraction(0)), i=2)
    check(sp.Product(u[j], (j, 1, m)), U[0] * U[1] * U[2] * U[3])
    check(sp.Sum(u[j], (j, 2, 1)), Fraction(0))
    check(sp.Sum(sp.KroneckerDelta(j, k + 1) * u[j], (j, 1, m)), U[2], k=2)
    check(mul(u[k + 1], sp.KroneckerDelta(k, 1)), Fraction(0), k=4)  # u[5] does not exist; its factor is 0
    check(sp.Sum(sp.Piecewise((u[j - k], sp.And(j - k >= 1, j - k <= m)), (0, True)), (j, 1, m)), U[0], k=3)
    check(Tensor("u", (m,))[m], U[3])
    check((-1) ** j * u[j], -U[2], j=3)
    check(u[sp.floor((j + 1) / 2)], U[1], j=4)


def test_bound_indices_are_not_captured() -> None:
    u, v, s = Tensor("u", (2,)), Tensor("v", (3,)), Tensor("s", (3,))
    definition = Equation(s[j], v[j] * sp.Sum(u[k], (k, 1, 2)))
    point = Point([definition], {})
    left = sp.Sum(s[k] * u[1], (k, 1, 3))
    assert compare(left, u[1] * sp.Sum(v[k], (k, 1, 3)) * (u[1] + u[2]), point, {}) is None


def test_indices_outside_the_range_are_named() -> None:
    u = Tensor("u", (3,))
    with pytest.raises(OutOfRange, match=r"u\[4\].*1 to 3") as error:
        Point([], {}).value(u[j], {j: 4})
    assert isinstance(error.value, IndexError)
    assert isinstance(error.value, InputError)
    with pytest.raises(InputError, match="index j"):
        Point([], {}).value(u[j])
    with pytest.raises(InputError, match="layer l"):
        Point([Z, A], {L: 2}).value(z(ell)[1])


def test_sizes_are_assigned_pairwise_different() -> None:
    point = Point([Z, A, COST], {L: 3, n(1): 3})
    point.value(C())
    widths = [point.size(n(s)) for s in range(4)]
    assert widths[1] == 3
    assert len(set(widths)) == 4
    assert min(widths) == 2
    assert point.sizes[n(2)] == point.size(n(ell), {ell: 2})


def test_what_does_not_hold_together_is_refused() -> None:
    u, v = Tensor("u"), Tensor("v")
    with pytest.raises(SpecError, match="through itself"):
        Point([Equation(u(), v() + 1), Equation(v(), u())], {}).value(u())
    with pytest.raises(SpecError, match="twice"):
        Point([Equation(u(), v()), Equation(u(), v() + 1)], {})
    with pytest.raises(SpecError, match="an equation defines"):
        Point([Equation(u(), v())], {}, values={u: Fraction(1)})
    with pytest.raises(SpecError, match="shape"):
        Point([], {}).value(Tensor("u", (2,))[1] + Tensor("u", (3,))[1])
    with pytest.raises(InputError, match="exactly"):
        Point([], {}).value(v() * sp.Float("0.1"))


def test_values_are_deterministic_distinct_and_of_both_signs() -> None:
    u, positive, real = Tensor("u", (6, 7)), scalar("eta", positive=True), scalar("beta")
    entries = [u[r, s] for r in range(1, 7) for s in range(1, 8)]
    first, again, other = (Point([], {}, seed=seed) for seed in (1, 1, 2))
    values = [float(first.value(e).mid()) for e in entries]
    assert values == [float(again.value(e).mid()) for e in reversed(entries)][::-1]
    assert values != [float(other.value(e).mid()) for e in entries]
    assert len(set(values)) == 42
    assert min(values) < 0 < max(values)
    assert all(0.2 <= abs(v) < 1.5 for v in values)
    assert all(Point([], {}, seed=s).value(positive) > 0 for s in range(20))
    assert any(Point([], {}, seed=s).value(real) < 0 for s in range(20))


def test_samplers_see_the_whole_tensor() -> None:
    m = size("m")
    target, share = Tensor("y", (4, m)), Tensor("p", (4, m), layer=ell)
    point = Point([], {m: 6}, free={target: one_hot(), share: simplex()})
    for s in range(1, 7):
        assert compare(sp.Sum(target[j, s], (j, 1, 4)), 1, point, {}) is None
        assert compare(sp.Sum(Tensor("p", (4, m), layer=2)[j, s], (j, 1, 4)), 1, point, {}) is None
    hot = {j for s in range(1, 7) for j in range(1, 5) if point.value(target[j, s]) == 1}
    assert len(hot) > 1


def test_precision_is_not_leaked() -> None:
    before = flint.ctx.prec, flint.ctx.cap
    Point([Z, A, COST], {L: 2}).value(delta(1, 1))
    with pytest.raises(InputError):
        Point([], {}).value(Tensor("u", (1,))[2])
    assert (flint.ctx.prec, flint.ctx.cap) == before


# Networks.

def numpy_gradients(point: Point, layers: int) -> tuple[float, dict[tuple[str, int], np.ndarray]]:
    """The sigmoid network with quadratic loss, forward and backward, as a textbook writes them."""
    def read(tensor: Tensor) -> np.ndarray:
        shape = tuple(point.size(s) for s in tensor.shape)
        return np.array([float(point.value(tensor[tuple(c + 1 for c in at)]).mid()) for at in np.ndindex(shape)]).reshape(shape)

    W = {s: read(w(s)) for s in range(1, layers + 1)}
    B = {s: read(b(s)) for s in range(1, layers + 1)}
    acts, target = {0: read(a(0))}, read(Tensor("y", (n(layers),)))
    for s in W:
        acts[s] = 1 / (1 + np.exp(-(W[s] @ acts[s - 1] + B[s])))
    d = (acts[layers] - target) * acts[layers] * (1 - acts[layers])
    grads = {}
    for s in reversed(W):
        grads["z", s], grads["b", s], grads["w", s] = d, d, np.outer(d, acts[s - 1])
        d = (W[s].T @ d) * acts[s - 1] * (1 - acts[s - 1])
    return float(((acts[layers] - target) ** 2).sum() / 2), grads


def test_gradients_agree_with_numpy_by_hand() -> None:
    point = Point([Z, A, QUADRATIC], {L: 4}, functions=sigmoid)
    loss, grads = numpy_gradients(point, 4)
    assert float(point.value(C()).mid()) == pytest.approx(loss, rel=1e-12)
    for (name, layer), expected in grads.items():
        tensor = {"z": z, "b": b, "w": w}[name](layer)
        for at in np.ndindex(expected.shape):
            place = tuple(c + 1 for c in at)
            assert float(point.value(Grad(C, tensor)[place]).mid()) == pytest.approx(expected[at], rel=1e-10, abs=1e-14)


def test_a_gradient_agrees_with_finite_differences() -> None:
    base = Point([Z, A, COST], {L: 3})
    given_values = {(r, s): Fraction(base.value(w(2)[r, s]).mid().str(12, radius=False)) for r in range(1, base.size(n(2)) + 1)
                    for s in range(1, base.size(n(1)) + 1)}

    def cost(v: Any) -> Any:
        values = {**given_values, (1, 2): flint.arb(mpmath.nstr(v, 75))}
        point = Point([Z, A, COST], base.sizes, values={w(2): values})
        with flint.ctx.workdps(80):
            return mpmath.mpf(point.value(C()).mid().str(75, radius=False))

    with mpmath.workdps(80), flint.ctx.workdps(80):
        v = given_values[1, 2]
        expected = mpmath.diff(cost, mpmath.mpf(v.numerator) / v.denominator, h=mpmath.mpf(10) ** -20)
    exact = Point([Z, A, COST], base.sizes, values={w(2): given_values})
    assert near(exact.value(Grad(C, w(2))[1, 2]), expected, 15)


BP1 = (delta(L, j), Grad(C, a(L))[j] * Func("sigma", z(L)[j], 1))
BP2 = (delta(ell, j), sp.Sum(w(ell + 1)[k, j] * delta(ell + 1, k), (k, 1, n(ell + 1))) * Func("sigma", z(ell)[j], 1))
BP3 = (Grad(C, b(ell))[j], delta(ell, j))
BP4 = (Grad(C, w(ell))[j, k], a(ell - 1)[k] * delta(ell, j))
CHAIN = (delta(ell, j), sp.Sum(Partial(C(), z(ell + 1)[k]) * Partial(z(ell + 1)[k], a(ell)[j]) * Partial(a(ell)[j], z(ell)[j]), (k, 1, n(ell + 1))))


@pytest.mark.parametrize("functions", [lambda name: None, sigmoid], ids=["any sigma", "sigmoid"])
@pytest.mark.parametrize("seed", [0, 1])
def test_bp_equations_hold(functions: Any, seed: int) -> None:
    point = Point([Z, A, COST], {L: 4}, functions=functions, seed=seed)
    assert compare(*BP1, point, {j: n(L)}) is None
    assert compare(*BP2, point, {ell: range(1, 4), j: n(ell)}) is None
    assert compare(*CHAIN, point, {ell: range(1, 4), j: n(ell)}) is None
    assert compare(*BP3, point, {ell: L, j: n(ell)}) is None
    assert compare(*BP4, point, {ell: L, j: n(ell), k: n(ell - 1)}, limit=500) is None


WRONG = {
    "sigma' missing": (delta(ell, j), sp.Sum(w(ell + 1)[k, j] * delta(ell + 1, k), (k, 1, n(ell + 1)))),
    "sigma for sigma'": (delta(ell, j), sp.Sum(w(ell + 1)[k, j] * delta(ell + 1, k), (k, 1, n(ell + 1))) * Func("sigma", z(ell)[j])),
    "wrong layer of sigma'": (delta(ell, j), sp.Sum(w(ell + 1)[k, j] * delta(ell + 1, k) * Func("sigma", z(ell + 1)[k], 1), (k, 1, n(ell + 1)))),
    "sign": (delta(ell, j), -BP2[1]),
    "one term short": (delta(ell, j), sp.Sum(w(ell + 1)[k, j] * delta(ell + 1, k), (k, 2, n(ell + 1))) * Func("sigma", z(ell)[j], 1)),
    "no sum": (delta(ell, j), w(ell + 1)[1, j] * delta(ell + 1, 1) * Func("sigma", z(ell)[j], 1)),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_recursions_are_refuted(name: str) -> None:
    point = Point([Z, A, COST], {L: 4})
    found = compare(*WRONG[name], point, {ell: range(1, 4), j: n(ell)})
    assert found is not None
    assert found.indices["l"] == 1
    with flint.ctx.workdps(60):
        assert not found.left.overlaps(found.right)


def test_a_transposed_weight_is_refuted_or_out_of_range() -> None:
    transposed = sp.Sum(w(ell + 1)[j, k] * delta(ell + 1, k), (k, 1, n(ell + 1))) * Func("sigma", z(ell)[j], 1)
    places = {ell: range(1, 4), j: n(ell)}
    assert compare(delta(ell, j), transposed, Point([Z, A, COST], {L: 4, **{n(s): 3 for s in range(5)}}), places) is not None
    with pytest.raises(OutOfRange):
        compare(delta(ell, j), transposed, Point([Z, A, COST], {L: 4}), places)


def test_a_named_delta_is_evaluated_and_backward_claims_are_no_definitions() -> None:
    named = Equation(vector("delta", ell)[j], delta(ell, j), layers=FAMILY)
    claim = Equation(Grad(C, b(ell))[j], 2 * delta(ell, j), layers=FAMILY)
    update = Equation(b(ell)[j], b(ell)[j] - scalar("eta") * Grad(C, b(ell))[j], relation=":=", layers=FAMILY)
    point = Point([Z, A, COST, named, claim, update], {L: 3})
    assert compare(vector("delta", ell)[j], BP2[1], point, {ell: range(1, 3), j: n(ell)}) is None
    assert compare(Partial(C(), b(2)[j]), vector("delta", 2)[j], point, {j: n(2)}) is None
    assert compare(claim.lhs, claim.rhs, point, {ell: [1], j: n(ell)}) is not None


def test_partial_is_local_but_total_for_the_loss() -> None:
    u, v, s = Tensor("u"), Tensor("v"), Tensor("s")
    point = Point([Equation(v(), u() ** 2), Equation(s(), u() * v()), Equation(C(), s() + v())], {})
    assert compare(Partial(s(), u()), v(), point, {}) is None              # v held
    assert compare(Partial(C(), u()), 3 * u() ** 2 + 2 * u(), point, {}) is None
    assert compare(Partial(C(), v()), u() + 1, point, {}) is None          # s is downstream of v, u upstream
    assert compare(sp.Derivative(s() * u(), u(), evaluate=False), s(), point, {}) is None
    h = Tensor("h", (3,))
    assert compare(Partial(h[j], h[k]), sp.KroneckerDelta(j, k), point, {j: 3, k: 3}) is None


def test_a_cost_inside_a_regularised_loss() -> None:
    J, lam, m = Tensor("J"), scalar("lambda", positive=True), size("m")
    squares = sp.Sum(w(ell)[j, k] ** 2, (k, 1, n(ell - 1)), (j, 1, n(ell)), (ell, 1, L))
    point = Point([Z, A, Equation(J(), Abstract(C, a(L), y) + lam / (2 * m) * squares)], {L: 3, m: 5})
    assert compare(Grad(J, w(ell))[j, k], Grad(C, w(ell))[j, k] + lam / 5 * w(ell)[j, k], point, {ell: L, j: n(ell), k: n(ell - 1)}) is None
    assert compare(*BP2, point, {ell: range(1, 3), j: n(ell)}) is None


def test_a_recurrent_tensor_is_differentiated_through_time() -> None:
    h, u, r = Tensor("h", (4,)), Tensor("u", (4,)), Tensor("r")
    step = Equation(h[t], sp.Piecewise((u[1], sp.Eq(t, 1)), (sp.tanh(r() * h[t - 1]) + u[t], True)))
    point = Point([step, Equation(C(), h[4] ** 2 + h[2])], {})
    slope = [1 - sp.tanh(r() * h[s]) ** 2 for s in (1, 2, 3)]
    assert compare(Grad(C, h)[3], 2 * h[4] * slope[2] * r(), point, {}) is None
    assert compare(Grad(C, h)[2], 1 + Grad(C, h)[3] * slope[1] * r(), point, {}) is None
    total = sum(Grad(C, h)[s] * slope[s - 2] * h[s - 1] for s in (2, 3, 4))
    assert compare(Grad(C, r)(), total, point, {}) is None


def test_second_derivatives_nest() -> None:
    D, u, v, P = Tensor("D"), Tensor("u", (3,)), Tensor("v", (3,)), Tensor("P")
    critic = Equation(D(), sp.sin(sp.Sum(v[j] * u[j], (j, 1, 3))))
    penalty = Equation(P(), sp.Sum(Grad(D, u)[j] ** 2, (j, 1, 3)))       # |grad D|^2 = cos(s)^2 |v|^2
    point = Point([critic, penalty], {})
    s, norm = sp.Sum(v[j] * u[j], (j, 1, 3)), sp.Sum(v[j] ** 2, (j, 1, 3))
    assert compare(P(), sp.cos(s) ** 2 * norm, point, {}) is None
    assert compare(Grad(P, v)[k], 2 * sp.cos(s) ** 2 * v[k] - 2 * sp.cos(s) * sp.sin(s) * u[k] * norm, point, {k: 3}) is None
    assert compare(Grad(P, v)[k], 2 * sp.cos(s) ** 2 * v[k], point, {k: 3}) is not None
    mixed = sp.Derivative(sp.Derivative(sp.sin(u[1] * u[2] ** 2), u[1], evaluate=False), u[2], evaluate=False)
    assert compare(mixed, sp.diff(sp.sin(u[1] * u[2] ** 2), u[1], u[2]), point, {}) is None


def test_a_second_derivative_across_a_named_quantity_is_undecided() -> None:
    u, v, P = Tensor("u"), Tensor("v"), Tensor("P")
    point = Point([Equation(v(), u() ** 2), Equation(C(), v() ** 2), Equation(P(), Grad(C, u)() + v())], {})
    with pytest.raises(Undecided, match="second derivative"):
        point.value(Grad(P, v)())


def test_softmax_couples_its_entries() -> None:
    s, pr, target = Tensor("s", (4,)), Tensor("p", (4,)), Tensor("y", (4,))
    soft = Equation(pr[j], sp.exp(s[j]) / sp.Sum(sp.exp(s[k]), (k, 1, 4)))
    cross = Equation(C(), -sp.Sum(target[j] * sp.log(pr[j]), (j, 1, 4)))
    point = Point([soft, cross], {}, free={target: simplex()})
    assert compare(Grad(C, s)[j], pr[j] - target[j], point, {j: 4}) is None
    assert compare(Partial(pr[i], s[j]), pr[i] * (sp.KroneckerDelta(i, j) - pr[j]), point, {i: 4, j: 4}) is None
    other = Point([soft, cross], {})                       # the targets do not sum to 1: the fact is needed
    assert compare(Grad(C, s)[j], pr[j] - target[j], other, {j: 4}) is not None


def test_the_number_of_a_class_is_an_index() -> None:
    s, target = Tensor("s", (4,)), Tensor("y")
    cross = Equation(C(), sp.log(sp.Sum(sp.exp(s[k]), (k, 1, 4))) - sp.Sum(sp.KroneckerDelta(j, target()) * s[j], (j, 1, 4)))
    point = Point([cross], {}, values={target: Fraction(3)})
    soft = sp.exp(s[j]) / sp.Sum(sp.exp(s[k]), (k, 1, 4))
    assert compare(Grad(C, s)[j], soft - sp.KroneckerDelta(j, 3), point, {j: 4}) is None
    assert compare(s[target()], s[3], point, {}) is None
    with pytest.raises(InputError, match="whole"):
        Point([], {}, values={target: Fraction(1, 2)}).value(s[target()])


def test_too_wide_a_difference_is_undecided() -> None:
    u = Tensor("u")
    point = Point([], {}, digits=5, values={u: Fraction(1, 3)})
    with pytest.raises(Undecided, match="too wide"):
        compare(sp.exp(40 * u()), sp.exp(20 * u()) ** 2, point, {})


def test_many_layers_do_not_exhaust_the_stack() -> None:
    widths = {n(s): 2 for s in range(201)}
    point = Point([Z, A, COST], {L: 200, **widths}, functions=sigmoid)
    assert compare(*BP2, point, {ell: [1, 150], j: n(ell)}) is None


def test_one_error_of_a_four_layer_net_takes_milliseconds() -> None:
    point = Point([Z, A, COST], {L: 4})
    point.value(BP2[0], {ell: 1, j: 1})
    point.value(BP2[1], {ell: 1, j: 1})
    start = time.perf_counter()
    for row in (1, 2):
        point.value(BP2[0], {ell: 1, j: row})
        point.value(BP2[1], {ell: 1, j: row})
    assert time.perf_counter() - start < 0.1


# Random polynomials in two variables: the partial derivative is known coefficient by coefficient.

@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(-5, 5), st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=5))
def test_derivatives_of_polynomials(terms: list[tuple[int, int, int]]) -> None:
    u, v = Tensor("u"), Tensor("v")
    polynomial = Equation(C(), sum((c * u() ** r * v() ** s for c, r, s in terms), sp.S.Zero))
    derivative = sum((c * r * u() ** max(r - 1, 0) * v() ** s for c, r, s in terms), sp.S.Zero)
    assert compare(Grad(C, u)(), derivative, Point([polynomial], {}), {}) is None
