"""A d that may be a differential or a gradient, where the course does not say: a line is read by where its quantities stand.

Oracle: matrix calculus by hand. A differential follows from those of what a quantity is made of; a gradient from those of what it leads to.
"""

from __future__ import annotations

import pytest

from symbackprop.checker import check

NEURONS = {
    "equations": ["z = W x + b", r"a = \sigma(z)", r"L = \frac12 \lVert a - y \rVert^2"], "loss": "L", "functions": {r"\sigma": "sigmoid"},
    "shapes": {"W": ["m", "n"], "x": ["n"], "b": ["m"], "y": ["m"]},
}  # fmt: skip
MOVES, FLOWS, LOSS = r"da = \sigma'(z) \odot dz", r"dz = da \odot \sigma'(z)", "dL = (a - y)^T da"
ELSEWHERE = "right in another convention"


def statuses(*lines: str, **more: object) -> list[str]:
    return [str(s.status) for s in check("\n\n".join(lines), {**NEURONS, **more}).steps]


@pytest.mark.parametrize("line", [MOVES, "dz = W dx", "dz = dW x + W dx + db"])
def test_a_line_that_only_differentials_make_true_says_so(line: str) -> None:
    (step,) = check(line, NEURONS).steps
    assert str(step.status) == ELSEWHERE
    assert "differential" in step.before.because


@pytest.mark.parametrize("line", [r"da = \sigma(z) \odot dz", r"da = -\sigma'(z) \odot dz", "dz = W^T dx", r"dx = W dz", r"dz = \sigma'(z) \odot dy"])
def test_a_line_that_neither_makes_true_is_wrong(line: str) -> None:
    assert statuses(line) == ["wrong"]


def test_behind_a_line_of_gradients_the_same_line_is_the_slip_that_it_looks_like() -> None:
    assert statuses("dx = W^T dz", MOVES) == ["right", "wrong"]
    assert statuses(FLOWS, MOVES) == ["right", "wrong"]


def test_behind_a_line_with_the_d_of_the_loss_it_is_right() -> None:
    assert statuses(LOSS, MOVES) == ["right", "right"]
    assert statuses(MOVES, LOSS) == [ELSEWHERE, "right"]


def test_what_the_course_says_goes_before() -> None:
    assert statuses(MOVES, conventions={"d": "gradient"}) == ["wrong"]
    assert statuses(MOVES, conventions={"d": "differential"}) == ["right"]
    assert statuses(MOVES, names={"da": r"\frac{\partial L}{\partial a}", "dz": r"\frac{\partial L}{\partial z}"}) == ["wrong"]
