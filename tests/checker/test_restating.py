"""Submissions in another notation than the problem's. The oracle: one derivation written by hand in three notations, and what is wrong with each."""

from __future__ import annotations

import pytest

import symbackprop as sb
from symbackprop.checker.problem import problem_from
from symbackprop.errors import InputError, SpecError, UnknownName
from symbackprop.notation import notation_names
from symbackprop.worksheet.grading import toml

NETWORK = {
    "mlp": {"sizes": [3, 4, 2], "activation": "tanh", "output": "softmax", "loss": "cross_entropy", "samples": "m"},
}  # fmt: skip
TARGETS = {
    "ng": ["dZ^{[2]}", "dW^{[2]}", r"\frac{\partial J}{\partial W^{[1]}}"],
    "nielsen": [r"\Delta^3", r"\frac{\partial C}{\partial w^3}", r"\frac{\partial C}{\partial w^2_{jk}}"],
}
RIGHT = {
    "ng": [
        r"dZ^{[2]} = A^{[2]} - Y", r"dW^{[2]} = \frac{1}{m} dZ^{[2]} A^{[1]T}",
        r"dZ^{[1]} = W^{[2]T} dZ^{[2]} \odot (1 - A^{[1]} \odot A^{[1]})", r"dW^{[1]} = \frac{1}{m} dZ^{[1]} X^T",
    ],
    "nielsen": [
        r"\Delta^3 = \frac{1}{m} (A^3 - Y)", r"\frac{\partial C}{\partial w^3} = \Delta^3 (A^2)^T",
        r"\Delta^2 = (w^3)^T \Delta^3 \odot (1 - A^2 \odot A^2)", r"\frac{\partial C}{\partial w^2} = \Delta^2 X^T",
    ],
}  # fmt: skip
WRONG = {
    "ng": [r"dZ^{[2]} = \frac{1}{m} (A^{[2]} - Y)", r"dW^{[2]} = dZ^{[2]} A^{[1]T}"],
    "nielsen": [r"\Delta^3 = A^3 - Y", r"\frac{\partial C}{\partial w^3} = \frac{1}{m} \Delta^3 (A^2)^T"],
}


@pytest.mark.parametrize("said", TARGETS)
@pytest.mark.parametrize("written", RIGHT)
def test_a_derivation_is_judged_in_its_own_letters_and_reaches_the_targets_of_another(said: str, written: str) -> None:
    table = {**NETWORK, "notation": said, "targets": TARGETS[said], "rubric": {TARGETS[said][0]: 3, "steps": 1}}
    problem = problem_from(table, notation=written)
    report = sb.check("\n".join(RIGHT[written]), problem)
    assert [s.status.value for s in report.steps] == ["right"] * 4
    assert [(t.name, t.step) for t in report.targets] == list(zip(TARGETS[said], (1, 2, 4), strict=True))
    assert problem.rubric == {TARGETS[said][0]: 3, "steps": 1}
    refuted = sb.check("\n".join(WRONG[written]), table, notation=written)
    assert [s.status.value for s in refuted.steps] == ["wrong"] * 2
    assert [t.step for t in refuted.targets] == [None] * 3


def test_a_derivation_in_the_notation_of_the_problem_is_not_read_in_another() -> None:
    report = sb.check("\n".join(RIGHT["ng"]), {**NETWORK, "notation": "ng"}, notation="nielsen")
    assert "right" not in [s.status.value for s in report.steps]


@pytest.mark.parametrize("notation", notation_names())
def test_every_notation_restates_the_targets_of_every_other(notation: str) -> None:
    """The targets are those of the first notation; that each means the same is the test above, for two of them."""
    deep = {"deep": {"activation": "sigmoid", "loss": "quadratic"}, "notation": "nielsen", "targets": [r"\delta^L", r"\delta^l", "z^l"]}
    for table in ({**NETWORK, "notation": "ng", "targets": TARGETS["ng"]}, deep):
        assert [label for label, _ in problem_from(table, notation=notation).targets] == table["targets"]


def test_front_matter_is_read_in_another_notation() -> None:
    front = toml({"notation": "ng", "targets": ["dW^{[2]}"], **NETWORK})
    text = f"+++\n{front}+++\n" + "\n".join(f"$${line}$$\n" for line in RIGHT["nielsen"])
    report = sb.check(text, kind="md", notation="nielsen", timeout=60)
    assert str(report.status) == "right"
    assert [(t.name, t.step) for t in report.targets] == [("dW^{[2]}", 2)]


@pytest.mark.parametrize(
    ("table", "notation", "error", "says"),
    [
        ({**NETWORK, "notation": "ng"}, "nielson", UnknownName, "did you mean 'nielsen'"),
        ({**NETWORK, "notation": "ng"}, "nowhere.toml", InputError, "cannot read the notation 'nowhere.toml'"),
        ({**NETWORK, "notation": "ng", "targets": ["A^{[1]} + Y"]}, "nielsen", SpecError, "'A^{[1]} + Y' is no quantity of the network"),
        ({"equations": ["y = x w"], "shapes": {"x": ["N", "D"], "w": ["D", "M"]}}, "ng", SpecError, "leave the notation out"),
        ({**NETWORK, "notation": "ng", "rubric": {"dW^{[9]}": 1}}, "nielsen", UnknownName, "unknown rubric entry"),
    ],
    ids=["misspelt", "no file", "a sum", "typed", "rubric"],
)
def test_what_cannot_be_restated_is_said(table: dict[str, object], notation: str, error: type[InputError], says: str) -> None:
    with pytest.raises(error) as caught:
        problem_from(table, "hw.toml", notation)
    assert says in str(caught.value)


def test_a_problem_that_has_been_read_takes_no_notation() -> None:
    problem = problem_from({**NETWORK, "notation": "ng"})
    with pytest.raises(InputError, match="give the notation to load_problem"):
        sb.check("a = b", problem, notation="nielsen")


@pytest.mark.parametrize("table", [{}, {"title": "homework"}, {"notation": "ng", "targets": ["x"]}, {"rubric": {"steps": 1}}])
def test_a_problem_that_declares_nothing_is_refused_once(table: dict[str, object]) -> None:
    with pytest.raises(SpecError, match="no symbol is declared; give \\[mlp\\]"):
        problem_from(table, "hw.toml")


def test_a_blank_that_still_stands_is_not_filled_in() -> None:
    report = sb.check("$$dZ^{[2]} = ?$$ $$dW^{[2]} = ?$$", {**NETWORK, "notation": "ng"}, kind="md")
    assert [s.status.value for s in report.steps] == ["undecided"] * 2
    assert all(s.before.because.endswith("nothing is filled in here") for s in report.steps)
