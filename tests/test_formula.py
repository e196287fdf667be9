"""Typed formulas: the oracle is Python itself, which evaluates the same text with numbers, and expressions built by hand.

Nothing that is typed may be run: each hostile text must be refused, and quickly.
"""

# ruff: noqa: E501 - a case of a table is one line

from __future__ import annotations

import math
import time
from typing import Any

import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from symbackprop.equations import Entry, Func, Tensor, evaluated, index, summation
from symbackprop.errors import FormulaError, InputError
from symbackprop.formula import Scope, read_equation, read_expression

z, x, w, u = Tensor("z", (3,)), Tensor("x"), Tensor("w", (4, 3)), Tensor("u", (4,))
SCOPE = Scope({"z": z, "x": x, "w": w, "u": u}, functions=["sigmoid"], scalars=["beta"], sizes=["n"])
j, k = index("j"), index("k")


def read(text: str) -> Any:
    return read_expression(text, SCOPE)


# ---------------------------------------------------------------- what is read


@pytest.mark.parametrize(("text", "args"), [
    ("z[j] + x", (z[j], x())), ("x + z[j]", (x(), z[j])), ("z[j]*2*x", (z[j], 2, x())), ("x*z[j]*2", (x(), z[j], 2)),
    ("z[j] + beta + x", (z[j], sp.Symbol("beta", real=True), x())), ("1 - x", (1, -x())), ("-x + 1", (-x(), 1)),
])  # fmt: skip
def test_terms_and_factors_keep_the_order_they_were_typed_in(text: str, args: tuple[Any, ...]) -> None:
    assert read(text).args == args


@pytest.mark.parametrize(("text", "limits"), [
    ("sum(k, w[j, k]*z[k])", [(k, 1, 3)]), ("sum(j, w[j, k]*u[j])", [(j, 1, 4)]), ("sum(k, exp(z[k]))", [(k, 1, 3)]),
])  # fmt: skip
def test_the_range_of_a_sum_is_the_axis_its_index_runs_over(text: str, limits: list[Any]) -> None:
    assert list(map(tuple, read(text).limits)) == limits


def test_a_double_sum_gives_each_index_its_own_range() -> None:
    found = read("sum(j, k, w[j, k]**2)")
    ranges = {str(i): int(n) for s in found.atoms(sp.Sum) for i, _, n in s.limits}
    assert ranges == {"j": 4, "k": 3}


def test_functions_names_and_cases_are_read() -> None:
    assert read("sigmoid(z[j])") == Func("sigmoid", z[j])
    assert read("delta(j, k)") == sp.KroneckerDelta(j, k)
    cases = read("where(x > 0, x, beta*x)")
    assert isinstance(cases, sp.Piecewise)
    assert [value.subs(x(), 2) for value, _ in cases.args] == [2, 2 * sp.Symbol("beta", real=True)]
    assert read("z[j + 1]") == z[j + 1]


def test_decimals_are_exact() -> None:
    assert read("0.044715") == sp.Rational(44715, 10**6)
    assert read("1e-3") == sp.Rational(1, 1000)
    assert read("0.0") == 0


NUMBERS = st.integers(0, 9).map(str) | st.sampled_from(["0.5", "2.25", "pi"])
ARITHMETIC = st.recursive(
    NUMBERS,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from([" + ", " - ", "*", "-"]), inner).map("".join), inner.map("({})".format), inner.map("-{}".format),
        inner.map("exp(-abs({}))".format), inner.map("sin({})".format), inner.map("({})**2".format), inner.map("{}/7".format),
        st.tuples(inner, inner).map(lambda p: "max({}, {})".format(*p)),
    ),
    max_leaves=10,
)  # fmt: skip


@settings(max_examples=200, deadline=None, derandomize=True)
@given(text=ARITHMETIC)
def test_arithmetic_means_what_it_means_in_python(text: str) -> None:
    names = {"exp": math.exp, "sin": math.sin, "abs": abs, "max": max, "pi": math.pi, "__builtins__": {}}
    expected = eval(text, names)  # our own text, made above
    assert float(evaluated(read(text))) == pytest.approx(float(expected), rel=1e-9, abs=1e-9)


def test_an_equation_has_an_entry_on_the_left() -> None:
    equation = read_equation("u[j] = sum(k, w[j, k]*z[k])", SCOPE)
    assert equation.lhs == u[j]
    assert evaluated(equation.rhs) == summation(w[j, k] * z[k], (k, 1, 3))


def test_a_bound_index_of_the_right_side_is_kept_apart_from_the_left() -> None:
    equation = read_equation("u[k] = sum(k, z[k])*u[k]", Scope({**SCOPE.tensors, "v": Tensor("v", (4,))}))
    bound = {i for s in equation.rhs.atoms(sp.Sum) for i, *_ in s.limits}
    assert k not in bound
    assert Entry(u, k) in equation.rhs.args


# ---------------------------------------------------------------- what is refused

HOSTILE = [
    "__import__('os').system('true')", "__import__", "x.__class__", "z.shape", "lambda: x", "(lambda y: y)(x)", "[x for x in z]", "{x: x}", "{x}", "[x]",
    "(x, x)", "f'{x}'", "'x'", "b'x'", "x if x > 0 else 1", "x and x", "not x", "~x", "x @ x", "x % 2", "x // 2", "x << 2", "x | x", "(x := 1)",
    "exp(*z)", "exp(**z)", "exp(x=1)", "z[1:2]", "z[...]", "z['a']", "x; x", "x\nx", "yield x", "await x", "import os", "1j", "True", "None", "...",
    "eval('1')", "exec('1')", "open('f')", "getattr(x, 'y')", "print(x)", "x()()", "exp(x)(x)", "globals()", "0 < x < 1", "x in x", "x is x",
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
def test_what_is_no_formula_is_refused_with_its_place(text: str) -> None:
    with pytest.raises(FormulaError, match=r"column \d+"):
        read(text)


HEAVY = [
    "9**9**9", "x*9**9**9", "x**9**9**9", "(9**999)**999", "9**9**9 - 9**9**9", "max(9**9**9, 1)", "abs(9**9**9)", "sin(9**9**9)", "where(9**9**9 > 1, x, 0)",
    "delta(9**9**9, 1)", "2**-9**9**9", "(1/3)**9**9", "1e999999999", "1e-999999999", "9"*6000, "-" * 5000 + "x", "(" * 5000 + "x" + ")" * 5000,
    " + ".join(["1"] * 20000), "exp(" * 2000 + "x" + ")" * 2000,
]  # fmt: skip


@pytest.mark.parametrize("text", HEAVY, ids=lambda text: text[:20])
def test_a_formula_that_would_take_for_ever_is_refused_at_once(text: str) -> None:
    started = time.perf_counter()
    with pytest.raises(FormulaError):
        read(text)
    assert time.perf_counter() - started < 2


@pytest.mark.parametrize(("text", "value"), [("9**9", 9**9), ("2**0.5*2**0.5", 2), ("(1/2)**10", sp.Rational(1, 1024)), ("10**-3", sp.Rational(1, 1000))])
def test_powers_of_an_ordinary_size_are_read(text: str, value: Any) -> None:
    assert evaluated(read(text)) == value


@pytest.mark.parametrize(("text", "words"), [
    ("sigmod(x)", "did you mean 'sigmoid'"), ("bta*x", "did you mean 'beta'"), ("zz[j]", "did you mean 'z'"), ("z[j, k]", "1 axes, not 2"), ("z", r"z\[j\]"),
    ("w[j]", "2 axes, not 1"), ("exp", "needs an argument"), ("exp(x, x)", "does not take 2"), ("sum(k, x)", "no axis"), ("sum(x)", r"sum\(k"),
    ("sum(k, z[k] + u[k])", "3 and 4"), ("z[1.5]", "index"), ("z[j*2]", "index"), ("x > 0", "condition"), ("1 + (x > 0)", "condition"),
    ("where(x, x, x)", "no condition"), ("x/0", "division by zero"), ("0**-1", "division by zero"), ("log(0)", "no logarithm"), ("", "not a formula"),
    ("x +", "not a formula"), ("2 x", "not a formula"), ("nan", "not defined"), ("inf", "not defined"),
])  # fmt: skip
def test_an_error_says_what_is_wrong(text: str, words: str) -> None:
    with pytest.raises(FormulaError, match=words):
        read(text)


@pytest.mark.parametrize(("text", "column"), [("x + qqq", 5), ("x*exp(qqq)", 7), ("qqq", 1), ("x + z[1.5]", 7), ("1 + 2*w[j]", 7)])
def test_an_error_names_the_column(text: str, column: int) -> None:
    with pytest.raises(FormulaError, match=f"at column {column}:"):
        read(text)


@pytest.mark.parametrize("text", ["u[j]", "u[j] == z[j]", "u[1] = x", "u[j + 1] = x", "w[j, j] = x", "2*u[j] = x", "exp(x) = x", "= x", "u[j] =", "qq[j] = x", "x > 1 = x"])
def test_what_is_no_equation_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        read_equation(text, SCOPE)


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("where(2 > 1, x, 3)", "x"),
        ("where(2 < 1, x, 3)", "3"),
        ("where(sqrt(2)**2 > 2, x, 3)", "3"),
        ("where(where(2 > 1, 3, x) > 0.1, x**2, 2)", "x**2"),
        ("where(where(x > 1, 3, 2) > 0.1, x**2, 2)", "x**2"),  # SymPy decides it: all its cases are greater
    ],
)
def test_a_condition_between_numbers_is_decided(text: str, same: str) -> None:
    """SymPy's conditions of conditions divide by the coefficient of the unknown, which a number does not have."""
    for value in (-2, 0, 2):
        assert evaluated(read(text)).xreplace({x(): value}) == evaluated(read(same)).xreplace({x(): value})
