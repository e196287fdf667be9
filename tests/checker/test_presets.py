"""Problems that lean on a network or a notation: what these declare need not be declared again. Oracle: the verdicts on known lines."""

from __future__ import annotations

import pytest

import symbackprop as sb
from symbackprop.checker.presets import expanded
from symbackprop.checker.problem import problem_from
from symbackprop.errors import SpecError, UnknownName

RIGHT = [r"dZ^{[2]} = A^{[2]} - Y", r"dW^{[2]} = \frac1m dZ^{[2]} A^{[1]T}", r"dZ^{[1]} = W^{[2]T} dZ^{[2]} * (1 - A^{[1]2})"]
WRONG = [r"dZ^{[2]} = Y - A^{[2]}", r"dW^{[2]} = dZ^{[2]} A^{[1]T}", r"dZ^{[1]} = W^{[2]} dZ^{[2]} * (1 - A^{[1]2})"]
DESCRIBED = {
    "notation": "ng", "targets": ["dW^{[2]}"],
    "mlp": {"sizes": [3, 4, 2], "activation": "tanh", "output": "softmax", "loss": "cross_entropy", "samples": "m"},
}  # fmt: skip
TYPED = {
    "notation": "ng", "samples": "m", "loss": "J", "layers": {"l": 2}, "facts": {"one_hot": ["Y"]},
    "equations": [
        "Z^{[1]} = W^{[1]} X + b^{[1]}", r"A^{[1]} = \tanh(Z^{[1]})", "Z^{[2]} = W^{[2]} A^{[1]} + b^{[2]}",
        r"A^{[2]} = \mathrm{softmax}(Z^{[2]})", r"J = -\frac{1}{m} \sum Y \odot \log A^{[2]}",
    ],
    "shapes": {"X": [3, "m"], "Y": [2, "m"], "W^{[1]}": [4, 3], "b^{[1]}": [4, 1], "W^{[2]}": [2, 4], "b^{[2]}": [2, 1]},
}  # fmt: skip


@pytest.mark.parametrize("table", [DESCRIBED, TYPED], ids=["a network", "typed equations"])
def test_a_notation_names_the_gradients(table: dict[str, object]) -> None:
    problem = problem_from(table)
    assert [s.status.value for s in sb.check("\n".join(RIGHT), problem).steps] == ["right"] * 3
    assert [s.status.value for s in sb.check("\n".join(WRONG), problem).steps] == ["wrong"] * 3


def test_what_the_problem_says_itself_goes_before() -> None:
    assert expanded({**DESCRIBED, "names": {"e": r"\frac{\partial J}{\partial Z^{[2]}}"}}, "hw")["names"]["e"].endswith("Z^{[2]}}")
    assert expanded({**TYPED, "conventions": {"broadcast": False}}, "hw")["conventions"]["broadcast"] is False


def test_a_target_is_reached() -> None:
    report = sb.check("\n".join(RIGHT), problem_from(DESCRIBED))
    assert [t.step for t in report.targets] == [2]


def test_what_cannot_stand_together_is_said() -> None:
    with pytest.raises(SpecError, match="belongs to a problem that types its own equations"):
        problem_from({**DESCRIBED, "shapes": {"X": [1]}})
    with pytest.raises(UnknownName, match="did you mean 'nielsen'"):
        problem_from({**TYPED, "notation": "nielson"})
