"""The oracle against gradients worked by hand and against the series evaluator, with which it shares no rule."""

from __future__ import annotations

from typing import Any

import flint
import pytest
import sympy as sp

from symbackprop.equations import Abstract, Entry, Equation, Func, Grad, Layers, Tensor, index, scalar, size
from symbackprop.errors import InputError
from symbackprop.evaluate import Point, Undecided, one_hot
from symbackprop.oracle import compare_with_oracle, expanded, oracle_gradient

j, k, i, ell, L = map(index, "jkilL")
x, alpha = scalar("x"), scalar("alpha", positive=True)


def n(layer: Any) -> Any:
    return size("n", layer)


def w(layer: Any) -> Tensor:
    return Tensor("w", (n(layer), n(layer - 1)), layer)


def vector(name: str, layer: Any) -> Tensor:
    return Tensor(name, (n(layer),), layer)


C, y = Tensor("C"), Tensor("y", (n(L),))
NET = [
    Equation(vector("z", ell)[j], sp.Sum(w(ell)[j, k] * vector("a", ell - 1)[k], (k, 1, n(ell - 1))) + vector("b", ell)[j], layers=Layers(ell, 1, L)),
    Equation(vector("a", ell)[j], Func("f", vector("z", ell)[j]), layers=Layers(ell, 1, L - 1)),
    Equation(vector("a", L)[j], sp.exp(vector("z", L)[j]) / sp.Sum(sp.exp(vector("z", L)[k]), (k, 1, n(L)))),
    Equation(C(), -sp.Sum(y[j] * sp.log(vector("a", L)[j]), (j, 1, n(L)))),
]
SIZES = {L: 2, n(0): 2, n(1): 3, n(2): 2}
FORMULAS = {
    "tanh": sp.tanh(x), "sigmoid": 1 / (1 + sp.exp(-x)), "leaky": sp.Piecewise((x, x > 0), (alpha * x, True)), "relu": sp.Max(0, x),
    "gelu": x * (1 + sp.erf(x / sp.sqrt(2))) / 2, "softsign": x / (1 + sp.Abs(x)), "softplus": sp.log(1 + sp.exp(x)),
    "silu": x * Func("sigmoid", x), "its slope": Func("silu", x, 1),
}


def network(name: str) -> Point:
    return Point(NET, SIZES, functions=lambda f: (x, FORMULAS[name if f == "f" else f]), free={y: one_hot()})


def test_a_hand_expanded_loss() -> None:
    w1, x1, t1 = sp.symbols("w_1_1 x_1 y", real=True)
    weights, inputs, out = Tensor("w", (1, 1)), Tensor("x", (1,)), Tensor("o", (1,))
    equations = [Equation(out[j], sp.Sum(weights[j, k] * inputs[k], (k, 1, 1))), Equation(C(), (out[1] - Tensor("y")()) ** 2 / 2)]
    assert sp.expand(expanded(equations, C(), {}) - (w1 * x1 - t1) ** 2 / 2) == 0
    gradient = oracle_gradient(equations, C(), weights, {})
    assert sp.expand(gradient[1, 1] - (w1 * x1 - t1) * x1) == 0
    assert list(oracle_gradient(equations, C(), out, {})) == [(1,)]
    assert sp.expand(oracle_gradient(equations, C(), out, {})[1,] - (sp.Symbol("o_1", real=True) - t1)) == 0


@pytest.mark.parametrize("name", FORMULAS)
def test_the_series_evaluator_agrees_with_the_oracle(name: str) -> None:
    point = network(name)
    wrt = [w(1), w(2), vector("b", 1), vector("z", 2), vector("z", 1), vector("a", 1)]
    report = compare_with_oracle(point, C(), wrt, lambda tensor, place: point.value(Grad(C, tensor)[place]))
    assert report.count == 6 + 6 + 3 + 2 + 3 + 3
    assert not report.disagreements


def test_a_wrong_gradient_is_refuted() -> None:
    point = network("tanh")

    def missing_slope(tensor: Tensor, place: tuple[int, ...]) -> flint.arb:
        upstream = sp.Sum(w(2)[k, place[0]] * (vector("a", 2)[k] - y[k]), (k, 1, n(2)))
        return point.value(upstream)

    report = compare_with_oracle(point, C(), [vector("z", 1)], missing_slope)
    assert report.count == 3
    assert len(report.disagreements) == 3
    tensor, found = report.disagreements[0]
    assert tensor == vector("z", 1)
    assert found.indices == {"1": 1}
    assert not found.left.overlaps(found.right)

    def right(tensor: Tensor, place: tuple[int, ...]) -> flint.arb:
        return point.value(vector("a", 2)[place[0]] - y[place[0]])

    assert not compare_with_oracle(point, C(), [vector("z", 2)], right).disagreements


def test_a_convolution_keeps_to_its_window() -> None:
    u, kernel, out = Tensor("u", (4,)), Tensor("w", (2,)), Tensor("o", (3,))
    equations = [
        Equation(out[j], sp.Sum(sp.Piecewise((kernel[k - j + 1], sp.And(k >= j, k <= j + 1)), (0, True)) * u[k], (k, 1, 4))),
        Equation(C(), sp.Sum(out[j] ** 2, (j, 1, 3))),
    ]
    point = Point(equations, {})
    report = compare_with_oracle(point, C(), [u, kernel], lambda tensor, place: point.value(Grad(C, tensor)[place]))
    assert report.count == 6
    assert not report.disagreements
    by_hand = sp.Sum(2 * out[j] * u[j + 1], (j, 1, 3))
    assert not compare_with_oracle(point, C(), [kernel], lambda tensor, place: point.value(
        by_hand if place == (2,) else sp.Sum(2 * out[j] * u[j], (j, 1, 3)))).disagreements


def test_layers_are_summed_over() -> None:
    loss = Equation(C(), sp.Sum(w(ell)[j, k] ** 2, (k, 1, n(ell - 1)), (j, 1, n(ell)), (ell, 1, L)) * alpha / 2)
    point = Point([loss], SIZES)
    report = compare_with_oracle(point, C(), [w(1), w(2)], lambda tensor, place: point.value(alpha * Entry(tensor, *place)))
    assert report.count == 12
    assert not report.disagreements


def test_what_the_oracle_cannot_do_it_says() -> None:
    u = Tensor("u", (2,))
    with pytest.raises(InputError, match="formula"):
        expanded([Equation(C(), Abstract(C, u))], C(), {})
    with pytest.raises(InputError, match="formula of g"):
        expanded([Equation(C(), Func("g", u[1]))], C(), {})
    with pytest.raises(InputError, match="number for"):
        expanded([Equation(C(), sp.Sum(u[j], (j, 1, size("m"))))], C(), {})
    with pytest.raises(InputError, match="rename"):
        expanded([Equation(C(), Tensor("u_1", (3,))[2] * Tensor("u", (3,), layer=1)[2])], C(), {})
    with pytest.raises(Undecided, match="smaller sizes"):
        compare_with_oracle(network("tanh"), C(), [w(1)], lambda tensor, place: flint.arb(0), budget=50)
