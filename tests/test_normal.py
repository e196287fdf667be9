"""The normal form: equal expressions have one, different ones have not.

Oracle: exact rational arithmetic. Sums are written out at small sizes and entries replaced by random fractions, in the few lines of
`worth` below; an equality that the normal form claims must hold there.
"""

# ruff: noqa: E501 - a case of a table is one line

from __future__ import annotations

from fractions import Fraction
from itertools import product
from random import Random
from typing import Any

import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy import KroneckerDelta, Piecewise, S, exp, log

from symbackprop.equations import Entry, Equation, Func, Tensor, add, index, mul, size, summation
from symbackprop.normal import canonical, equal, normal_terms, one_hot

j, k, i, q, p, s = (index(c) for c in "jkiqps")
n, m = size("n"), size("m")
w, v, x, y, u = Tensor("w", (n, m)), Tensor("v", (n, n)), Tensor("x", (m,)), Tensor("y", (n,)), Tensor("u", (n,))
SIZES = {n: 3, m: 2}


def worth(e: Any, seed: int, env: dict[Any, int] | None = None) -> Fraction:
    """The exact value of a rational index expression, entries random but fixed by the seed."""
    env = env or {}
    if isinstance(e, Entry):
        at = tuple(int(worth(a, seed, env)) for a in e.indices)
        return Fraction(Random(f"{seed} {e.tensor} {at}").randint(-50, 50) or 1, 7)
    if isinstance(e, sp.Symbol):
        return Fraction(env[e] if e in env else SIZES[e])
    if isinstance(e, sp.Sum):
        spans = [range(1, int(worth(high, seed, env)) + 1) for _, _, high in e.limits]
        return sum((worth(e.function, seed, {**env, **dict(zip((b for b, *_ in e.limits), at, strict=True))}) for at in product(*spans)), Fraction(0))
    if isinstance(e, KroneckerDelta):
        return Fraction(int(worth(e.args[0], seed, env) == worth(e.args[1], seed, env)))
    if e.is_Rational:
        return Fraction(int(e.p), int(e.q))
    args = [worth(a, seed, env) for a in e.args]
    if isinstance(e, sp.Pow):
        return args[0] ** int(args[1])
    result = args[0]
    for a in args[1:]:
        result = result + a if isinstance(e, sp.Add) else result * a
    return result


def total(body: Any, *limits: Any) -> Any:
    return summation(body, *((b, 1, high) for b, high in limits))


# ---------------------------------------------------------------- equal

EQUAL = {
    "bound indices have no name": (total(w[j, k] * x[k], (k, m)), total(w[j, q] * x[q], (q, m))),
    "factors in any order": (mul(y[j], 2, u[j]), mul(u[j], y[j], 2)),
    "sums in any order": (total(w[i, k] * y[i] * x[k], (i, n), (k, m)), total(total(x[p] * w[q, p], (p, m)) * y[q], (q, n))),
    "a factor leaves its sum": (total(y[j] * x[k], (k, m)), y[j] * total(x[k], (k, m))),
    "the square of a sum": (total(x[k], (k, m)) ** 2, total(x[k] * x[i], (k, m), (i, m))),
    "a product of sums": (total(x[k], (k, m)) * total(y[k], (k, n)), total(x[i] * y[q], (i, m), (q, n))),
    "a product of sums over one letter": (mul(total(x[k], (k, m)), total(x[k], (k, m))), total(x[k] * x[i], (k, m), (i, m))),
    "a delta takes its sum": (total(w[j, k] * KroneckerDelta(k, q), (k, m)), w[j, q]),
    "a delta inside a bracket": (total(y[k] * (KroneckerDelta(k, j) - u[j]), (k, n)), y[j] - u[j] * total(y[k], (k, n))),
    "two deltas": (total(v[i, k] * KroneckerDelta(i, j) * KroneckerDelta(k, i), (i, n), (k, n)), v[j, j]),
    "the square of a delta": (KroneckerDelta(j, k) ** 2, KroneckerDelta(j, k)),
    "under a delta both indices are one": (KroneckerDelta(j, k) * y[j], KroneckerDelta(j, k) * y[k]),
    "a sum over nothing": (total(S(2), (k, m)), 2 * m),
    "multiplied out": ((y[j] - u[j]) * (y[j] + u[j]), y[j] ** 2 - u[j] ** 2),
    "a mean": (mul(1 / m, total(x[k], (k, m))), total(x[k] / m, (k, m))),
    "a denominator": ((1 - y[j]) / (y[j] * (1 - y[j])), 1 / y[j]),
    "two denominators": (y[j] / (y[j] - u[j]) - u[j] / (y[j] - u[j]), S.One),
    "the sum in a denominator": (exp(y[j]) / total(exp(y[k]), (k, n)) * total(exp(y[q]), (q, n)), exp(y[j])),
    "softmax sums to one": (total(exp(y[j]), (j, n)) / total(exp(y[k]), (k, n)), S.One),
    "exponents add": (exp(y[j]) * exp(-y[j]), S.One),
    "the logarithm of a softmax": (log(exp(y[j]) / total(exp(y[k]), (k, n))), y[j] - log(total(exp(y[i]), (i, n)))),
    "cases as indicators": (Piecewise((y[j], y[j] > 0), (0, True)), y[j] * Piecewise((1, y[j] > 0), (0, True))),
    "a condition turned round": (Piecewise((1, y[j] > 0), (0, True)), Piecewise((1, sp.StrictLessThan(0, y[j], evaluate=False)), (0, True))),
    "a condition and its opposite": (Piecewise((y[j], y[j] > u[j]), (u[j], True)), Piecewise((u[j], y[j] <= u[j]), (y[j], True))),
    "a condition times minus one": (Piecewise((1, y[j] - u[j] >= 0), (0, True)), Piecewise((1, u[j] - y[j] <= 0), (0, True))),
    "two conditions at once": (
        Piecewise((1, sp.And(y[j] > 0, u[j] > 0)), (0, True)), Piecewise((1, y[j] > 0), (0, True)) * Piecewise((1, u[j] > 0), (0, True)),
    ),
    "the larger of two": (sp.Max(0, y[j]), y[j] * Piecewise((1, y[j] > 0), (0, True))),
    "all but one": (total(Piecewise((y[k], sp.Ne(k, j)), (0, True)), (k, n)) + y[j], total(y[q], (q, n))),
    "one of all": (total(Piecewise((y[k], sp.Eq(k, j)), (0, True)), (k, n)), y[j]),
    "inside a function": (Func("f", total(x[k], (k, m)) + y[j]), Func("f", y[j] + total(x[i], (i, m)))),
    "an inner sum that knows the outer index": (total(exp(total(w[i, k], (k, m))), (i, n)), total(exp(total(w[q, p], (p, m))), (q, n))),
}  # fmt: skip

DIFFERENT = {
    "transposed": (v[j, k], v[k, j]),
    "transposed under a sum": (total(v[j, k] * y[k], (k, n)), total(v[k, j] * y[k], (k, n))),
    "a quadratic form is not the sum of the squares": (total(y[i] * y[k], (i, n), (k, n)), total(y[i] ** 2, (i, n))),
    "the sum of products is no product of sums": (total(y[k] * u[k], (k, n)), total(y[k], (k, n)) * total(u[k], (k, n))),
    "a free index is not a bound one": (y[j], total(y[k], (k, n))),
    "another free index": (y[j], y[k]),
    "a sign": (y[j] - u[j], u[j] - y[j]),
    "a factor of two": (total(x[k], (k, m)), 2 * total(x[k], (k, m))),
    "a missing delta": (total(y[k] * KroneckerDelta(k, j), (k, n)), total(y[k], (k, n))),
    "the delta of other indices": (KroneckerDelta(j, k) * y[j], KroneckerDelta(j, i) * y[j]),
    "another axis": (total(S.One, (k, m)), total(S.One, (k, n))),
    "another size of denominator": (total(x[k], (k, m)) / m, total(x[k], (k, m)) / n),
    "the trace is not the sum": (total(v[i, i], (i, n)), total(v[i, k], (i, n), (k, n))),
    "an inner sum over the other axis of a square": (total(y[k] / total(v[k, i], (i, n)), (k, n)), total(y[k] / total(v[i, k], (i, n)), (k, n))),
    "an inner sum over the diagonal": (total(exp(total(v[k, i], (i, n))), (k, n)), total(exp(total(v[i, i], (i, n))), (k, n))),
    "a slope": (Func("f", y[j], 1), Func("f", y[j])),
    "a slope elsewhere": (Func("f", y[j], 1), Func("f", u[j], 1)),
    "a condition the other way": (Piecewise((1, y[j] > 0), (0, True)), Piecewise((1, y[j] < 0), (0, True))),
    "a strict condition": (Piecewise((1, y[j] > 0), (0, True)), Piecewise((1, y[j] >= 0), (0, True))),
    "the larger is not the smaller": (sp.Max(y[j], u[j]), sp.Min(y[j], u[j])),
    "all is not all but one": (total(Piecewise((y[k], sp.Ne(k, j)), (0, True)), (k, n)), total(y[q], (q, n))),
    "all but another": (total(Piecewise((y[k], sp.Ne(k, j)), (0, True)), (k, n)), total(Piecewise((y[k], sp.Ne(k, i)), (0, True)), (k, n))),
    "one of two conditions": (Piecewise((1, sp.And(y[j] > 0, u[j] > 0)), (0, True)), Piecewise((1, y[j] > 0), (0, True))),
    "the logarithm of a sum": (log(total(exp(y[k]), (k, n))), total(y[k], (k, n))),
    "one over a sum": (1 / (y[j] + u[j]), 1 / y[j] + 1 / u[j]),
    "a power": (total(y[k] ** 2, (k, n)), total(y[k], (k, n)) ** 2),
    "a layer": (Tensor("a", (n,), 1)[j], Tensor("a", (n,), 2)[j]),
    "a delta that leaves the range": (total(KroneckerDelta(j, 5) * y[j], (j, 3)), y[5]),
    "deltas between axes of two lengths": (total(KroneckerDelta(j, k) * y[j] * x[k], (j, n), (k, m)), total(y[j] * x[j], (j, n))),
}  # fmt: skip


@pytest.mark.parametrize("name", EQUAL)
def test_equal_expressions_have_one_normal_form(name: str) -> None:
    left, right = EQUAL[name]
    assert equal(left, right)
    assert equal(right, left)


@pytest.mark.parametrize("name", DIFFERENT)
def test_different_expressions_have_different_normal_forms(name: str) -> None:
    left, right = DIFFERENT[name]
    assert not equal(left, right)
    assert not equal(right, left)
    assert equal(left, left)
    assert equal(right, right)


@pytest.mark.parametrize("name", EQUAL)
def test_the_normal_form_is_its_own(name: str) -> None:
    for side in EQUAL[name]:
        assert equal(canonical(side), side)
        assert normal_terms(canonical(side)) == normal_terms(side)


# ---------------------------------------------------------------- facts

t = Tensor("t", (n, m))
ONE_HOT = Equation(total(y[k], (k, n)), S.One)
COLUMNS = Equation(total(t[k, s], (k, n)), S.One)
WEIGHTED = Equation(total(t[k, s], (k, n)), x[s])


@pytest.mark.parametrize(("left", "right", "fact"), [
    (total(y[q], (q, n)), S.One, ONE_HOT), (total(y[i] * u[j], (i, n)), u[j], ONE_HOT), (total(t[i, q], (i, n)), S.One, COLUMNS),
    (total(t[i, k], (i, n), (k, m)), m, COLUMNS), (total(t[i, q], (i, n)), x[q], WEIGHTED), (total(t[i, p] * x[p], (i, n), (p, m)), total(x[p] ** 2, (p, m)), WEIGHTED),
])  # fmt: skip
def test_a_fact_is_used_wherever_its_sum_stands(left: Any, right: Any, fact: Equation) -> None:
    assert equal(left, right, [fact])
    assert not equal(left, right)


@pytest.mark.parametrize(("left", "right", "fact"), [
    (total(u[q], (q, n)), S.One, ONE_HOT), (total(y[q] ** 2, (q, n)), S.One, ONE_HOT), (total(y[q] * u[q], (q, n)), total(u[q], (q, n)), ONE_HOT),
    (total(t[j, q], (q, m)), S.One, COLUMNS), (total(v[q, q], (q, n)), S.One, Equation(total(v[k, s], (k, n)), S.One)),
    (total(t[i, 2], (i, n)), S.One, Equation(total(t[i, 1], (i, n)), S.One)), (total(t[i, s], (i, n)), S.One, Equation(total(t[i, s], (i, n), (s, m)), S.One)),
    (total(v[i, s], (i, n)), S.One, Equation(total(v[i, i], (i, n)), S.One)), (total(y[k], (k, m)), S.One, ONE_HOT), (total(t[i, q], (i, n)), x[s], WEIGHTED),
])  # fmt: skip
def test_a_fact_says_nothing_about_anything_else(left: Any, right: Any, fact: Equation) -> None:
    assert not equal(left, right, [fact])


CHOICE = one_hot(y, 0)
EACH_COLUMN = one_hot(t, 0)


@pytest.mark.parametrize(("left", "right", "facts"), [
    (total(y[q], (q, n)), S.One, CHOICE), (y[j] ** 3, y[j], CHOICE), (total(y[q] * y[k] * u[k], (q, n), (k, n)), total(y[k] * u[k], (k, n)), CHOICE),
    (log(total(y[k] * u[k], (k, n))), total(y[k] * log(u[k]), (k, n)), CHOICE), (y[j] / total(y[k] * u[k], (k, n)), y[j] / u[j], CHOICE),
    (Func("f", total(y[k] * u[k], (k, n))), total(y[k] * Func("f", u[k]), (k, n)), CHOICE),
    (1 / total(t[k, s] * v[k, i], (k, n)), total(t[k, s] / v[k, i], (k, n)), EACH_COLUMN),
    (t[j, s] * t[k, s], t[j, s] * KroneckerDelta(j, k), EACH_COLUMN),
])  # fmt: skip
def test_one_entry_of_a_one_hot_target_is_one(left: Any, right: Any, facts: Any) -> None:
    assert equal(left, right, facts)
    assert not equal(left, right)


@pytest.mark.parametrize(("left", "right", "facts"), [
    (u[j] ** 2, u[j], CHOICE), (y[j] * y[k], y[j], CHOICE), (y[j] * y[k], S.Zero, CHOICE), (log(total(u[k], (k, n))), total(log(u[k]), (k, n)), CHOICE),
    (t[j, s] * t[j, p], t[j, s], EACH_COLUMN), (total(t[j, q], (q, m)), S.One, EACH_COLUMN), (1 / total(t[j, q] * x[q], (q, m)), total(t[j, q] / x[q], (q, m)), EACH_COLUMN),
    (log(total(y[k] * u[k], (k, n)) + 1), total(y[k] * log(u[k]), (k, n)) + 1, CHOICE),
])  # fmt: skip
def test_a_choice_along_one_axis_says_nothing_about_another(left: Any, right: Any, facts: Any) -> None:
    assert not equal(left, right, facts)


# ---------------------------------------------------------------- any polynomial

BOUND = (i, q, p)


@st.composite
def term(draw: Any) -> tuple[int, list[tuple[str, int]], list[int]]:
    """A coefficient, factors by kind and the positions of their indices; the first index of all is the free j."""
    axes = draw(st.lists(st.integers(0, 1), min_size=1, max_size=3))
    choices = []
    for _ in range(draw(st.integers(1, 4))):
        choices.append((draw(st.sampled_from(["w", "v", "x", "y", "delta"])), draw(st.integers(0, 60))))
    return draw(st.integers(-3, 3).filter(bool)), choices, axes


def build(parts: tuple[int, list[tuple[str, int]], list[int]], names: list[Any], order: Random) -> Any:
    """The term with these names for its bound indices, factors and sums in a random order."""
    coefficient, choices, axes = parts
    rows = [j, *(a for a, axis in zip(names, axes, strict=False) if axis == 0)]
    columns = [a for a, axis in zip(names, axes, strict=False) if axis == 1] or [S.One]
    factors: list[Any] = [S(coefficient)]
    for kind, choice in choices:
        r, r2, c = rows[choice % len(rows)], rows[choice // 4 % len(rows)], columns[choice // 2 % len(columns)]
        factors.append({"w": w[r, c], "v": v[r, r2], "x": x[c], "y": y[r], "delta": KroneckerDelta(r, r2)}[kind])
    order.shuffle(factors)
    limits = [(a, n if axis == 0 else m) for a, axis in zip(names, axes, strict=False)]
    order.shuffle(limits)
    body = mul(*factors)
    return total(body, *limits) if order.random() < 0.5 else nested(body, limits)


def nested(body: Any, limits: list[Any]) -> Any:
    for limit in limits:
        body = total(body, limit)
    return body


@settings(max_examples=150, deadline=None, derandomize=True)
@given(parts=st.lists(term(), min_size=1, max_size=4), order=st.randoms(use_true_random=False))
def test_a_polynomial_equals_itself_shuffled_and_renamed(parts: list[Any], order: Random) -> None:
    def version() -> Any:
        built = [build(one, order.sample([*BOUND, k, s], 3), order) for one in parts]
        order.shuffle(built)
        return add(*built)

    left, right = version(), version()
    assert equal(left, right)
    assert all(worth(left, seed, {j: 2}) == worth(right, seed, {j: 2}) == worth(canonical(left), seed, {j: 2}) for seed in range(2))


@settings(max_examples=150, deadline=None, derandomize=True)
@given(left=st.lists(term(), min_size=1, max_size=3), right=st.lists(term(), min_size=1, max_size=3), order=st.randoms(use_true_random=False))
def test_equal_is_exactly_equality_of_values(left: list[Any], right: list[Any], order: Random) -> None:
    ours = add(*(build(one, list(BOUND), order) for one in left))
    theirs = add(*(build(one, list(BOUND), order) for one in right))
    same = all(worth(ours, seed, {j: at}) == worth(theirs, seed, {j: at}) for seed in range(3) for at in (1, 3))
    assert equal(ours, theirs) == same


@settings(max_examples=60, deadline=None, derandomize=True)
@given(parts=st.lists(term(), min_size=1, max_size=2), others=st.lists(term(), min_size=1, max_size=2), order=st.randoms(use_true_random=False))
def test_a_product_of_polynomials_is_multiplied_out(parts: list[Any], others: list[Any], order: Random) -> None:
    first, second = (add(*(build(one, list(BOUND), order) for one in group)) for group in (parts, others))
    product_ = mul(first, second)
    assert worth(product_, 1, {j: 3}) == worth(canonical(product_), 1, {j: 3})
    assert equal(product_, mul(second, first))
