"""Worked numbers: three examples that people published, fractions done by hand, updates against NumPy, and what is refused."""

from __future__ import annotations

import re
import tomllib
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import symbackprop as sb
from symbackprop.cli.commands import command
from symbackprop.documents.blocks import Notes, Table
from symbackprop.documents.proofs import proofs_section
from symbackprop.documents.rendering import latex_body
from symbackprop.errors import InputError, NotProved, SpecError, UnknownName
from symbackprop.typeset.latex import inline
from symbackprop.worked import notes as made
from symbackprop.worked import worked
from symbackprop.worked.given import fraction

PUBLISHED: dict[str, Any] = tomllib.loads(Path(__file__).with_name("worked_numbers.toml").read_text(encoding="utf-8"), parse_float=Decimal)
ONE = {"w1": [["1/2"]], "b1": [1], "x": [3], "y": [1]}


def table(notes: Notes) -> dict[str, str]:
    """The table of all values: what is printed beside each quantity and each gradient."""
    rows = next(b for b in notes.sections[-1].blocks if isinstance(b, Table)).rows
    return {str(row[n]): inline(row[n + 1]) for row in rows for n in (0, 2) if row[n] != ""}


def number(printed: str) -> Decimal:
    """A decimal, read back from what TeX is given."""
    plain = re.sub(r"[\\()$ ]", "", printed).replace("times10^", "e").replace("{", "").replace("}", "")
    return Decimal(plain)


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_numbers_come_out_to_the_last_digit_printed(name: str) -> None:
    """The oracle is the text; a number of float64 with 16 digits and more may be off in the last two."""
    text = PUBLISHED[name]
    reached = table(worked(sb.mlp(**text["mlp"]), text["values"], digits=20))
    for key, printed in {**text["reached"], **text.get("computed", {})}.items():
        theirs = Decimal(printed)
        digits = len(theirs.normalize().as_tuple().digits)
        unit = Decimal(1).scaleb(int(theirs.as_tuple().exponent))
        assert abs(number(reached[key]) - theirs) <= (unit / 2 if digits < 16 else 100 * unit), (key, reached[key])


def test_the_page_says_what_agreeing_at_the_given_values_means() -> None:
    """Every kind of proof that the table counts has its sentence below."""
    notes = worked(sb.mlp([1, 1], activation="identity"), ONE)
    section = str(proofs_section(notes).blocks)
    assert [kind for kind in notes.counts() if f"{kind[0].upper()}{kind[1:]}:" not in section] == []


def test_fractions_stay_fractions() -> None:
    """By hand: z = 1/2*3 + 1 = 5/2, C = (5/2 - 1)^2/2 = 9/8, dC/dw = 3/2*3, w - 1/3*9/2 = -1."""
    notes = worked(sb.mlp([1, 1], activation="identity"), ONE, rate="1/3", exact=True)
    page = latex_body(notes)
    assert table(notes)["C"] == inline_fraction(9, 8)
    assert table(notes)["dC/dw(1)[1, 1]"] == inline_fraction(9, 2)
    costs = [b for b in notes.sections[-1].blocks if isinstance(b, Table)][1].rows
    assert inline(costs[1][1]) == inline_fraction(49, 8)  # w = -1, b = 1/2: z = -5/2, C = (7/2)^2/2
    assert r"\frac{1}{2} \cdot 3 + 1 = \frac{5}{2}" in page
    assert r"\frac{1}{2} - \frac{1}{3} \cdot \frac{9}{2} = -1" in page


def inline_fraction(p: int, q: int) -> str:
    from symbackprop.typeset.tree import Fraction as Over
    from symbackprop.typeset.tree import Number

    return inline(Over(Number(str(p)), Number(str(q))))


def test_formula_numbers_and_result_stand_below_one_another() -> None:
    page = latex_body(worked(sb.mlp([1, 1]), ONE, digits=4))
    assert "w^2_{11} x_1 + b^2_1" in page
    assert r"\sigma(2.5) \approx 0.9241" in page


def test_three_updates_are_those_of_a_loop_over_the_compiled_function() -> None:
    net = sb.mlp([2, 2, 2], activation="tanh", output="softmax", loss="cross_entropy", samples=3)
    rng = np.random.default_rng(1)
    shapes = {"w1": (2, 2), "b1": (2,), "w2": (2, 2), "b2": (2,)}
    values = {name: rng.normal(size=shape).round(3) for name, shape in shapes.items()}
    x, y = rng.normal(size=(2, 3)).round(3), np.array([[1, 0, 1], [0, 1, 0]])
    notes = worked(net, {**values, "x": x, "y": y}, rate=0.25, steps=3, digits=12)
    f = sb.compile(net)
    params = {name.upper() if name[0] == "w" else name: v.T.copy() for name, v in values.items()}
    costs = []
    for _ in range(4):
        cost, grads = f(params, x.T.copy(), y.T.astype(float))
        costs.append(float(cost))
        params = {name: v - 0.25 * grads[name] for name, v in params.items()}
    rows = [b for b in notes.sections[-1].blocks if isinstance(b, Table)][1].rows
    assert [float(number(inline(cost))) for _, cost in rows] == pytest.approx(costs, rel=1e-10)


@pytest.mark.parametrize("notation", ["nielsen", "ng", "rows", "goodfellow"])
def test_numbers_in_other_notations(notation: str) -> None:
    """What a gradient is called, and by what factor it differs, does not change the cost after an update; the loss is one that stays as it is."""
    net = sb.mlp([1, 2], samples=2, loss="squared_error")
    values = {"w1": [[1], [2]], "b1": [0, 1], "x": [[1, 2]], "y": [[1, 0], [0, 1]]}
    last = worked(net, values, rate=1, notation=notation).sections[-1].blocks[1]
    first = worked(net, values, rate=1).sections[-1].blocks[1]
    assert isinstance(last, Table)
    assert isinstance(first, Table)
    assert last.rows == first.rows


@pytest.mark.parametrize(
    ("net", "values"),
    [
        (sb.mlp([1, 2], output="softmax", loss="negative_log_likelihood", bias=False), {"w1": [[1], [2]], "x": [1], "y": 2}),
        (sb.mlp([1, 1], activation="leaky_relu", penalty="l2", bias=False), {"w1": [[-1]], "x": [1], "y": [2], "alpha": 0.1, "lambda_": 0.5}),
        (sb.Network.from_equations(["C = sum(j, (w[j]*x[j] - y)**2)"], tensors={"w": (2,), "x": (2,), "y": ()}, parameters=["w"]),
         {"w": [2, 1], "x": [3, 4], "y": 5}),
    ],
)  # fmt: skip
def test_classes_open_numbers_and_typed_equations(net: sb.Network, values: dict[str, Any]) -> None:
    assert worked(net, values, rate=0.1).counts()["at the given values"] > 0


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        ({"W1": [[1]]}, UnknownName, "unknown array of numbers 'W1'"),
        ({"x": [1, 2]}, InputError, "x must be a list of 1 numbers, one axis within the other, not 2 of them"),
        ({"x": ["one"]}, InputError, r"x\[0\] must be a number"),
        ({"x": [float("nan")]}, InputError, r"x\[0\] must be a number"),
        ({"x": [True]}, InputError, r"x\[0\] must be a number"),
    ],
)  # fmt: skip
def test_numbers_that_do_not_fit_are_named(change: dict[str, Any], error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        worked(sb.mlp([1, 1]), {**ONE, **change})


def test_what_is_missing_or_open_is_named() -> None:
    with pytest.raises(InputError, match="no numbers are given for b1, y"):
        worked(sb.mlp([1, 1]), {"w1": [[1]], "x": [1]})
    with pytest.raises(SpecError, match="the size m of z"):
        worked(sb.mlp([1, 1], samples="m"), ONE)
    with pytest.raises(SpecError, match="depth L"):
        worked(sb.deep(), {})
    with pytest.raises(InputError, match="must satisfy"):
        worked(sb.mlp([1, 2], output="softmax", loss="cross_entropy", bias=False), {"w1": [[1], [1]], "x": [1], "y": [1, 1]})
    with pytest.raises(InputError, match="2 steps need a rate"):
        worked(sb.mlp([1, 1]), ONE, steps=2)
    with pytest.raises(InputError, match="digits must be a whole number from 1 to 40, not 0"):
        worked(sb.mlp([1, 1]), ONE, digits=0)


def test_a_compiled_function_that_differs_stops_the_notes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The numbers are compared with a function of another activation."""
    monkeypatch.setattr(made, "compiled", lambda net: sb.compile(sb.mlp([1, 1], activation="tanh")))
    with pytest.raises(NotProved, match="the compiled function has"):
        worked(sb.mlp([1, 1]), ONE)


def test_a_decimal_is_taken_as_it_is_written() -> None:
    assert fraction("x", 0.1) == fraction("x", "1/10") == fraction("x", Decimal("0.1")) == Fraction(1, 10)


def test_the_command_writes_tex_and_html(tmp_path: Path) -> None:
    spec = tmp_path / "one.toml"
    spec.write_text("[mlp]\nsizes = [1, 1]\n[values]\nw1 = [[0.5]]\nb1 = [1]\nx = [3]\ny = [1]\n[update]\nrate = 0.5\ndigits = 3\n", encoding="utf-8")
    ran = CliRunner().invoke(command, ["worked", str(spec), "-o", str(tmp_path / "out")], catch_exceptions=False)
    assert ran.exit_code == 0
    assert r"\sigma(2.5) \approx 0.924" in (tmp_path / "out" / "notes.tex").read_text(encoding="utf-8")
    assert (tmp_path / "out" / "notes.html").exists()
    spec.write_text("[mlp]\nsizes = [1, 1]\n[update]\nrat = 0.5\n", encoding="utf-8")
    with pytest.raises(UnknownName, match=r"one.toml: unknown key of \[update\] 'rat'; did you mean 'rate'"):
        CliRunner().invoke(command, ["worked", str(spec)], catch_exceptions=False)
