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
    right, wrong = r"\frac{\partial C}{\partial b_j^l} = \delta_j^l", r"\frac{\partial C}{\partial b_j^l} = 2 \delta_j^l"
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


LINES = {  # what a course writes of its networks: notation, activation, lines that are right, lines that are wrong
    "the input is the layer before the first": (
        "ng", "tanh", [r"dW^{[1]} = \frac{1}{m} dZ^{[1]} A^{[0]T}"],
        [r"dW^{[1]} = \frac{1}{m} dZ^{[1]} A^{[1]T}", r"dW^{[2]} = \frac{1}{m} dZ^{[2]} A^{[0]T}"],
    ),
    "layers stand below": (
        "ng", "tanh",
        ["$$Z_1 = W_1 X + b_1$$", "$$dZ_2 = A_2 - Y$$", r"$$dW_2 = \frac{1}{m} dZ_2 A_1^T$$", r"$$db_2 = \frac{1}{m} \sum_{i=1}^m dZ_2^{(i)}$$"],
        ["$$Z_1 = W_2 X + b_1$$", "$$dZ_2 = Y - A_2$$", "$$dW_2 = dZ_2 A_1^T$$", r"$$db_2 = \sum_{i=1}^m dZ_2^{(i)}$$"],
    ),
    "g is the activation": ("ng", "tanh", [r"dZ^{[1]} = W^{[2]T} dZ^{[2]} * g'(Z^{[1]})"], [r"dZ^{[1]} = W^{[2]T} dZ^{[2]} * g(Z^{[1]})"]),
}  # fmt: skip


@pytest.mark.parametrize("name", LINES)
def test_a_network_is_declared_with_what_its_course_says(name: str) -> None:
    notation, activation, right, wrong = LINES[name]
    net = sb.mlp([3, 4, 2], activation=activation, output="softmax", loss="cross_entropy", samples="m")
    for lines, verdict in ((right, "right"), (wrong, "wrong")):
        assert statuses("\n".join(lines), net, notation=notation) == [verdict] * len(lines)


@pytest.mark.parametrize(
    ("line", "verdict"),
    [
        (r"\frac{\partial C}{\partial w^3_{jk}} = a^2_k \delta^3_j", "right"), (r"\frac{\partial C}{\partial w^3_{jk}} = a^2_j \delta^3_k", "wrong"),
        (r"\delta^3_j = (a^3_j - y_j) \sigma'(z^3_j)", "right"), (r"\delta^3_j = (y_j - a^3_j) \sigma'(z^3_j)", "wrong"),
        (r"C = \frac12 \sum_j (y_j - a^3_j)^2", "right"), (r"\frac{\partial C}{\partial b^2_j} = \sum_k w^3_{kj} \delta^3_k \sigma'(z^2_j)", "right"),
        (r"\frac{\partial C}{\partial b^2_j} = \sum_k w^3_{jk} \delta^3_k \sigma'(z^2_j)", "wrong"),
    ],
)  # fmt: skip
def test_an_index_runs_along_an_axis_of_one(line: str, verdict: str) -> None:
    assert statuses(line, sb.mlp([2, 3, 1], activation="sigmoid", loss="quadratic"), notation="nielsen") == [verdict]


def test_what_follows_a_schematic_product_is_compared_with_what_opened_the_chain() -> None:
    net = sb.mlp([3, 4, 2], activation="tanh", output="softmax", loss="cross_entropy", samples="m")
    path = r"\frac{\partial J}{\partial Z^{[2]}} \frac{\partial Z^{[2]}}{\partial W^{[2]}}"
    chain = rf"\frac{{\partial J}}{{\partial W^{{[2]}}}} = {path} = \frac{{1}}{{m}} (A^{{[2]}} - Y) "
    assert statuses(chain + "A^{[1]T}", net, notation="ng")[1] == "right"
    assert statuses(chain + "A^{[1]}", net, notation="ng")[1] == "wrong"


LEAST_SQUARES = {
    "equations": [r"L = \frac{1}{n} \|X w - y\|^2 + \lambda \|w\|^2"], "loss": "L", "shapes": {"X": ["n", "d"], "w": ["d"], "y": ["n"]},
    "scalars": [r"\lambda"],
}  # fmt: skip


def test_an_equation_that_is_to_be_solved_is_no_mistake() -> None:
    assert statuses(r"\nabla_w L = 0 \implies (X^T X + n \lambda I) w = X^T y", LEAST_SQUARES) == ["undecided", "undecided"]
    assert statuses(r"0 = \nabla_w L", LEAST_SQUARES) == ["undecided"]
    assert statuses(r"\frac{\partial L}{\partial w_j} = 0", LEAST_SQUARES) == ["wrong"]


@pytest.mark.parametrize(
    ("line", "verdict"),
    [
        (r"\frac{\partial p}{\partial z} = p \odot (1 - p)", "wrong"), (r"\frac{\partial p}{\partial z} = \mathrm{diag}(p) - p p^T", "right"),
        (r"\frac{\partial L}{\partial z} = \frac{\partial L}{\partial p} \odot \frac{\partial p}{\partial z}", "wrong"),
    ],
)  # fmt: skip
def test_only_what_is_taken_entry_by_entry_has_a_derivative_entry_by_entry(line: str, verdict: str) -> None:
    assert statuses(line, SOFTMAX) == [verdict]


GATED = {
    "equations": [r"z = \sigma(W x)", r"\tilde h = \tanh(U x)", r"h = (1 - z) \odot h_0 + z \odot \tilde h"], "loss": "L",
    "shapes": {"W": ["n", "d"], "U": ["n", "d"], "x": ["d"], "h_0": ["n"]}, "functions": {r"\sigma": "sigmoid"}, "upstream": {"dh": "h"},
}  # fmt: skip


def test_a_gate_has_a_derivative_entry_by_entry() -> None:
    assert statuses(r"\frac{\partial h}{\partial z} = \tilde h - h_0", GATED) == ["right"]
    assert statuses(r"\frac{\partial h}{\partial z} = h_0 - \tilde h", GATED) == ["wrong"]
    assert statuses(r"\frac{\partial h}{\partial x} = \tilde h - h_0", GATED) == ["wrong"]


def test_no_axis_is_empty() -> None:
    problem = {
        "equations": [r"y_i = \sum_{k=1}^{3} w_k x_{i+k-1}"], "loss": "L", "shapes": {"w": [3], "x": ["n"], "y": ["n-2"]},
        "upstream": {r"\frac{\partial L}{\partial y}": "y"},
    }  # fmt: skip
    assert statuses(r"\frac{\partial L}{\partial w_k} = \sum_i \frac{\partial L}{\partial y_i} x_{i+k-1}", problem) == ["right"]
    assert statuses(r"\frac{\partial L}{\partial w_k} = \sum_i \frac{\partial L}{\partial y_i} x_{i+k}", problem) == ["wrong"]


@pytest.mark.parametrize(
    ("line", "verdict"),
    [
        (r"L = -\log p_o", "undecided"), (r"L = -y_k \log p_k", "wrong"), (r"\frac{\partial L}{\partial z_j} = p_j - y_k", "wrong"),
        (r"\frac{\partial L}{\partial z} = p - y_k", "wrong"),
    ],
)  # fmt: skip
def test_a_letter_that_may_be_the_class_is_asked_for(line: str, verdict: str) -> None:
    assert statuses(line, SOFTMAX) == [verdict]


def test_an_index_that_is_summed_and_free_is_said() -> None:
    problem = {"equations": [r"y_j = \sum_i A_{ij} u_i", r"L = \sum_j y_j^2"], "loss": "L", "shapes": {"A": ["n", "m"], "u": ["n"]}}
    (step,) = sb.check(r"y_j = \sum_i A_{ij} u_i + u_i", problem).steps
    assert (step.status.value, step.before.because) == ("wrong", "the index i is summed and stands free as well")
    (step,) = sb.check(r"\frac{\partial L}{\partial u_i} = \sum_i 2 y_j A_{ij}", problem).steps
    assert step.status.value == "wrong"
    assert "free" not in step.before.because
    assert statuses(r"\frac{\partial L}{\partial u_i} = \sum_j 2 y_j A_{ij}", problem) == ["right"]
