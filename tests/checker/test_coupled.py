r"""An activation of which nothing is known but that it is a function of the whole vector.

The oracle is softmax, whose formula the checker knows: what is said of any such function is true of softmax, and what is wrong for
softmax because its Jacobian is no diagonal matrix is wrong for any.
"""

from __future__ import annotations

from typing import Any

import pytest

from symbackprop.checker import Problem, check
from symbackprop.checker.problem import problem_from


def declared(activation: str, **more: Any) -> Problem:
    return problem_from({
        "equations": ["z = W x + b", f"a = {activation}(z)"], "loss": "C", "abstract": {"C": ["a"]},
        "shapes": {"x": ["m"], "W": ["n", "m"], "b": ["n"], "a": ["n"]}, "conventions": {"partial": "jacobian"}, **more,
    })  # fmt: skip


COUPLED, SOFTMAX = declared("f", functions={"f": "coupled"}), declared(r"\mathrm{softmax}")
LINES = {
    r"\nabla_z C = \left( \frac{\partial a}{\partial z} \right)^T \nabla_a C": "right",
    r"\frac{\partial C}{\partial z_j} = \sum_k \frac{\partial C}{\partial a_k} \frac{\partial a_k}{\partial z_j}": "right",
    r"\nabla_W C = \left( \left( \frac{\partial a}{\partial z} \right)^T \nabla_a C \right) x^T": "right",
    r"\nabla_x C = W^T \left( \frac{\partial a}{\partial z} \right)^T \nabla_a C": "right",
    r"\frac{\partial C}{\partial z_j} = \frac{\partial C}{\partial a_j} \frac{\partial a_j}{\partial z_j}": "wrong",
    r"\frac{\partial C}{\partial z_j} = \sum_{k \neq j} \frac{\partial C}{\partial a_k} \frac{\partial a_k}{\partial z_j}": "wrong",
    r"\nabla_W C = \left( \frac{\partial a}{\partial z} \nabla_a C \right) x": "wrong",
}


@pytest.mark.parametrize("line", LINES)
def test_what_holds_for_any_coupled_function_holds_for_softmax(line: str) -> None:
    (step,), (concrete,) = check(line, COUPLED).steps, check(line, SOFTMAX).steps
    assert step.status == concrete.status == LINES[line]


@pytest.mark.parametrize("line", [
    r"\nabla_z C = \frac{\partial a}{\partial z} \nabla_a C", r"\frac{\partial a_j}{\partial z_k} = \frac{\partial a_k}{\partial z_j}",
])  # fmt: skip
def test_what_holds_for_softmax_alone_is_wrong(line: str) -> None:
    """The Jacobian of softmax is symmetric."""
    assert check(line, SOFTMAX).steps[0].status == "right"
    assert check(line, COUPLED).steps[0].status in ("wrong", "right in another convention")


@pytest.mark.parametrize(("line", "status"), [
    (r"\frac{\partial a}{\partial z} = f'(z)", "right"), (r"\frac{\partial f}{\partial z} = f'(z)", "right"),
    (r"\nabla_z C = f'(z)^T \nabla_a C", "right"),
    (r"\nabla_z C = f'(z) \nabla_a C", "right in another convention"),
    (r"\nabla_z C = f'(z) \odot \nabla_a C", "wrong"), (r"\nabla_z C = \mathrm{diag}(f'(z)) \odot \nabla_a C", "wrong"),
    (r"\nabla_z C = f''(z)", "undecided"),
])  # fmt: skip
def test_its_derivative_is_the_jacobian(line: str, status: str) -> None:
    assert check(line, COUPLED).steps[0].status == status


def test_each_example_has_its_own() -> None:
    batch = problem_from({
        "equations": ["Z = W X", "A = f(Z)"], "loss": "C", "abstract": {"C": ["A"]}, "functions": {"f": "coupled"}, "samples": "m",
        "shapes": {"X": ["d", "m"], "W": ["n", "d"], "A": ["n", "m"]},
    })  # fmt: skip
    right = r"\frac{\partial C}{\partial Z_{ji}} = \sum_k \frac{\partial C}{\partial A_{ki}} \frac{\partial A_{ki}}{\partial Z_{ji}}"
    assert check(right, batch).steps[0].status == "right"
    assert check(right.replace(r"\sum_k ", "").replace("ki", "ji"), batch).steps[0].status == "wrong"


def test_two_functions_of_which_nothing_is_known_are_two() -> None:
    two = problem_from({
        "equations": ["h = f(x)", "a = g(h)"], "loss": "C", "abstract": {"C": ["a"]}, "functions": {"f": "abstract", "g": "abstract"},
        "shapes": {"x": ["n"], "h": ["n"], "a": ["n"]},
    })  # fmt: skip
    assert check(r"\nabla_x C = \nabla_a C \odot g'(h) \odot f'(x)", two).steps[0].status == "right"
    assert check(r"\nabla_x C = \nabla_a C \odot f'(h) \odot f'(x)", two).steps[0].status == "wrong"
