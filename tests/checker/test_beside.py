"""Equations and conditions beside a formula, and points that are no kinks. Oracle: backpropagation as every textbook has it."""

from __future__ import annotations

import pytest

import symbackprop as sb

DEEP = sb.deep(activation="sigmoid", loss="quadratic")
SOFTMAX = {
    "equations": [r"p_i = \frac{e^{z_i}}{\sum_k e^{z_k}}", r"L = -\sum_i y_i \log p_i"], "loss": "L",
    "shapes": {"z": ["n"], "y": ["n"]}, "facts": {"one_hot": ["y"]},
}  # fmt: skip
WEIGHTS = r"\frac{\partial C}{\partial w_{jk}^l} = a_k^{l-1}\delta_j^l"
BETWEEN = [", ", r", \quad ", r" \quad \text{and} \quad ", r" \qquad ", "; ", r" \text{ where } "]


def statuses(text: str, problem: object, **options: str) -> list[str]:
    return [s.status.value for s in sb.check(text, problem, **options).steps]


@pytest.mark.parametrize("between", BETWEEN)
def test_every_equation_of_a_line_is_judged(between: str) -> None:
    right, wrong = rf"\frac{{\partial C}}{{\partial b_j^l}} = \delta_j^l", rf"\frac{{\partial C}}{{\partial b_j^l}} = 2 \delta_j^l"
    assert statuses(f"{WEIGHTS}{between}{right}", DEEP, notation="nielsen") == ["right", "right"]
    assert statuses(f"{WEIGHTS}{between}{wrong}", DEEP, notation="nielsen") == ["right", "wrong"]
    assert statuses(f"{right}{between}{right} = a_j^l", DEEP, notation="nielsen") == ["right", "right", "wrong"]


def test_an_equation_beside_a_wrong_one_does_not_excuse_it() -> None:
    assert statuses(r"\frac{\partial C}{\partial b_j^l} = 2 \delta_j^l, a_j^l = \sigma(z_j^l) + 1", DEEP, notation="nielsen") == ["wrong", "wrong"]


@pytest.mark.parametrize(
    "line",
    [
        r"\frac{\partial p_i}{\partial z_j} = p_i (1 - p_i), i = j", r"\frac{\partial p_i}{\partial z_j} = -p_i p_j, \quad i \ne j",
        r"\frac{\partial p_i}{\partial z_j} = p_i (1 - p_i) \quad \text{if } i = j", r"\frac{\partial L}{\partial p_i} = -\frac{1}{p_i}, y_i = 1",
        r"\frac{\partial L}{\partial z_i} = p_i - 1 \text{ for } y_i = 1", r"\frac{\partial L}{\partial z_i} = p_i, \text{ falls } y_i = 0",
    ],
)  # fmt: skip
def test_a_condition_says_where_a_formula_holds(line: str) -> None:
    assert statuses(line, SOFTMAX) == ["right"]


@pytest.mark.parametrize(
    "line", [r"\frac{\partial p_i}{\partial z_j} = p_i (1 - p_i), i \ne j", r"\frac{\partial L}{\partial z_i} = p_i \text{ for } y_i = 1"]
)
def test_a_formula_that_holds_elsewhere_is_wrong(line: str) -> None:
    assert statuses(line, SOFTMAX) == ["wrong"]


def test_a_name_given_beside_a_formula_is_known_in_it() -> None:
    assert statuses(r"p_i = \frac{e^{z_i}}{S}, \quad S = \sum_k e^{z_k}", SOFTMAX) == ["definition", "right"]
    assert statuses(r"p_i = \frac{e^{z_i}}{S}, \quad S = \sum_k z_k", SOFTMAX) == ["definition", "wrong"]


@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.parametrize("form", ["dZ2 = A2 - Y", "dW2 = 1/m * np.dot(dZ2, A1.T)", "db1 = np.sum(dZ1, axis=1, keepdims=True) / m"])
def test_lines_of_numpy_name_the_gradients_of_the_notation(activation: str, form: str) -> None:
    net = sb.mlp([3, 4, 2], activation=activation, output="softmax", loss="cross_entropy", samples="m")
    assert statuses(form, net, notation="ng") == ["right"]
    assert statuses(form.replace("= ", "= 2 * ", 1), net, notation="ng") == ["wrong"]


def test_no_point_lies_on_a_kink() -> None:
    net = sb.mlp([3, 5, 4, 2], activation="relu", output="softmax", loss="cross_entropy", samples="m")
    lines = "dZ2 = np.dot(W3.T, dZ3) * (Z2 > 0)\ndZ1 = np.dot(W2.T, dZ2) * (Z1 > 0)\ndZ1 = np.dot(W2.T, dZ2) * (Z1 < 0)"
    assert statuses(lines, net, notation="ng") == ["right", "right", "wrong"]
