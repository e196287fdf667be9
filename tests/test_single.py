"""Layers of one unit: their index is 1, sums over them are one term, and steps that say nothing more are gone.

Oracle: the lines that a lecturer writes for the 2-2-1 network, typed here; and for what must stay, the derivation as it was.
"""

from __future__ import annotations

import pytest

import symbackprop as sb
from symbackprop.backprop import Named, backpropagate
from symbackprop.derivation import gradient_derivation, single, single_equation
from symbackprop.documents.rendering import LATEX, render_section
from symbackprop.equations import Grad, add, evaluated, index, mul, summation
from symbackprop.network import Network
from symbackprop.prove import prove

j = index("j")


def lines(net: Network, name: str) -> list[tuple[str, str]]:
    """The words and the right side of each line of a derivation, as they are printed."""
    section = next(s for s in sb.derive(net, language="en").sections if s.key == "backward")
    chain = next(b for b in render_section(section, "steps", LATEX)["blocks"] if b.get("name") == name)
    return [(r["words"], r["right"].removeprefix("= ")) for r in chain["rows"]]


NET = sb.mlp([2, 2, 1], activation="sigmoid", output="sigmoid", loss="quadratic")


def test_the_cost_of_one_output_is_one_square() -> None:
    assert [right for _, right in lines(NET, "dC-da-2")][:4] == [
        r"\frac{\partial}{\partial a^3_1}\!\left( \frac{1}{2} (y_1 - a^3_1)^2 \right)",
        r"\frac{1}{2} \, \frac{\partial}{\partial a^3_1} \, (y_1 - a^3_1)^2",
        r"\frac{1}{2}(-2)(y_1 - a^3_1)",
        r"a^3_1 - y_1",
    ]


def test_the_chain_rule_through_one_unit_has_one_term() -> None:
    words, right = zip(*lines(NET, "dC-da-1"), strict=True)
    assert words[0] == r"By the chain rule, since \(a^2_j\) acts on \(C\) only through \(z^3_1\):"
    assert right[:2] == (r"\frac{\partial C}{\partial z^3_1} \, \frac{\partial z^3_1}{\partial a^2_j}", r"w^3_{1j} \delta^3_1")
    assert [r for _, r in lines(NET, "BP2-1")][-2:] == [
        r"w^3_{1j} \delta^3_1 a^2_j(1 - a^2_j)", r"((w^3)^T \delta^3) \odot a^2 \odot (\mathbf{1} - a^2)",
    ]  # fmt: skip


def test_no_line_picks_the_only_term() -> None:
    words = [w for w, _ in lines(NET, "BP4-2")]
    assert not any("survives" in w for w in words)
    assert any("survives" in w for w, _ in lines(NET, "BP4-1"))


@pytest.mark.parametrize("sizes", [[2, 3], [3, 2, 2]])
def test_what_has_no_such_axis_stays_as_it_is(sizes: list[int]) -> None:
    net = sb.mlp(sizes, output="softmax", loss="cross_entropy")
    for b in backpropagate(net, {"z": Named("delta")}):
        derivation = gradient_derivation(net, b, name="x")
        assert single(derivation) == derivation
    assert [single_equation(e) for e in net.equations] == list(net.equations)


def test_a_size_that_is_a_letter_is_not_one() -> None:
    net = sb.mlp([2, 1], samples="m")
    assert str(single_equation(net.equations[-1])) == str(net.equations[-1])
    found = single_equation(net.equations[0])
    k, s = index("k"), index("s")
    w, b, x = net.parameters[0], net.parameters[1], net.inputs[0]
    assert found.lhs == net.equations[0].tensor[1, s]
    assert evaluated(found.rhs) == evaluated(add(summation(mul(w[1, k], x[k, s]), (k, 1, 2)), b[1]))


def test_one_sum_over_two_axes_keeps_the_longer() -> None:
    net = Network.from_equations(
        ["C = sum(j, k, w[j, k]**2)"], tensors={"w": (1, 3)}, parameters=["w"], targets=[],
    )  # fmt: skip
    assert str(single_equation(net.equations[0])) in ("C = Sum(w[1, k]**2, (k, 1, 3))", "C = Sum(w[1, j]**2, (j, 1, 3))")


def test_the_prover_tells_the_one_term_from_another() -> None:
    a = NET.equations[3].tensor
    C, y = NET.loss.tensor, NET.targets[0]
    error = Grad(C, a)
    assert prove(error[1], a[1] - y[1], NET, {}).kind == "for all sizes"
    assert prove(error[j], a[1] - y[1], NET, {j: 1}).holds
    assert prove(error[1], y[1] - a[1], NET, {}).kind == "refuted"
    wide = sb.mlp([2, 2], activation="sigmoid", loss="quadratic")
    b = wide.equations[1].tensor
    assert prove(Grad(C, b)[j], b[1] - wide.targets[0][1], wide, {j: 2}).kind == "refuted"


def test_the_worked_example_does_not_say_a_definition_twice() -> None:
    from symbackprop.worked import worked

    notes = worked(sb.mlp([2, 1]), {"w1": [[1, 2]], "b1": [0], "x": [1, 2], "y": [1]})
    forward = notes.sections[0].blocks
    shown = [[str(p.equation.lhs) for p in b.items if p.equation.lhs is not None] for b in forward]
    assert shown == [["z(1)[1]", "z(1)[1]"], ["a(1)[1]"], ["C"]]


@pytest.mark.parametrize("loss", ["binary_cross_entropy", "squared_error", "huber"])
@pytest.mark.parametrize("more", [{}, {"samples": "m"}, {"samples": "m", "penalty": "l2"}])
def test_no_sum_from_1_to_1_is_printed(loss: str, more: dict[str, str]) -> None:
    body = sb.derive(sb.mlp([3, 1, 1], activation="relu", output="sigmoid", loss=loss, **more), "ng", "full")._repr_latex_()
    assert "=1}^1 " not in body
    assert r"\sum_{i=1}^m" in body if more else r"\sum_{k=1}^3" in body
