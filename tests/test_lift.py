"""Lifting and lowering against plain loops over indices, in every layout."""

from __future__ import annotations

import itertools
import math
import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy import (
    Abs,
    Add,
    Integer,
    KroneckerDelta,
    Max,
    Mul,
    Piecewise,
    Pow,
    Rational,
    Symbol,
    exp,
    lambdify,
    log,
    tanh,
)
from sympy.logic.boolalg import BooleanAtom

from symbackprop.equations import (
    Abstract,
    Entry,
    Equation,
    Func,
    Grad,
    Partial,
    Tensor,
    add,
    index,
    mul,
    scalar,
    size,
)
from symbackprop.equations import Total as Sum  # sums as the package builds them
from symbackprop.lift import (
    Apply,
    Broadcast,
    Const,
    Diag,
    Hadamard,
    Identity,
    Layout,
    Map,
    MatMul,
    Node,
    NotLiftable,
    Ones,
    Plus,
    Scale,
    ShapeError,
    SquaredNorm,
    SumAxis,
    Transpose,
    Var,
    layout,
    lift,
    lift_equation,
    lift_expression,
    lower,
    placeholder,
    shape,
    transpose,
)

i, j, k, p, q, s = map(index, "ijkpqs")
OUT, IN, UP, M = 3, 4, 2, 5
ETA, LAM = scalar("eta"), scalar("lambda")
SCALARS = {ETA: 0.3, LAM: 0.7}
LAYOUTS = [
    layout(samples, weights, vectors=vectors, weight_names=("w", "v"), sample_vectors=("c",))
    for samples, weights, vectors in itertools.product(
        ("none", "columns", "rows"), ("to_from", "from_to"), ("column", "row")
    )
]


class Values(dict[Tensor, Any]):
    """An array for each tensor, drawn when first asked for."""

    def __missing__(self, tensor: Tensor) -> Any:
        self[tensor] = np.random.default_rng(len(self) + 17).uniform(0.2, 1.5, tuple(map(int, tensor.shape)))
        return self[tensor]


def func(name: str, order: int, x: Any) -> Any:
    return np.sin(x * (order + 1) + len(name))


def number(e: Any, values: Values, at: dict[Any, int]) -> Any:
    """An index expression by plain loops."""
    if isinstance(e, Entry):
        return float(values[e.tensor][tuple(number(x, values, at) - 1 for x in e.indices)])
    if e in at:
        return at[e]
    if e in SCALARS:
        return SCALARS[e]
    if isinstance(e, Sum):
        total, (limit, *rest) = 0.0, reversed(e.limits)
        body = Sum(e.function, *reversed(rest)) if rest else e.function
        for n in range(int(limit[1]), int(limit[2]) + 1):
            total += number(body, values, {**at, limit[0]: n})
        return total
    if isinstance(e, KroneckerDelta):
        return int(number(e.args[0], values, at) == number(e.args[1], values, at))
    if isinstance(e, Func):
        return func(e.name, e.order, number(e.argument, values, at))
    if isinstance(e, BooleanAtom):
        return e
    if not e.args:
        return int(e) if e.is_Integer else float(e)
    args = [number(a, values, at) for a in e.args]
    if isinstance(e, Add):
        return sum(args)
    if isinstance(e, Mul):
        return math.prod(args)
    if isinstance(e, Pow):
        return args[0] ** float(args[1])
    result = e.func(*args)
    return float(result) if getattr(result, "is_number", False) else result


def array(node: Node, values: Values) -> Any:
    """A matrix node in NumPy; nothing broadcasts unless a node says so."""
    result = _array(node, values)
    assert result.shape == tuple(map(int, shape(node))), node
    return result


def _array(node: Node, values: Values) -> Any:
    def same(args: tuple[Node, ...]) -> list[Any]:
        arrays = [array(a, values) for a in args]
        assert len({a.shape for a in arrays}) == 1, node
        return arrays

    match node:
        case Var(tensor, (row, column)):
            order = [axis for axis in (row, column) if axis is not None]
            stored = np.transpose(values[tensor], order)
            return stored.reshape([1 if axis is None else int(tensor.shape[axis]) for axis in (row, column)])
        case Const(value):
            return np.full((1, 1), number(value, values, {}))
        case Ones(rows, columns):
            return np.ones((int(rows), int(columns)))
        case Identity(n):
            return np.eye(int(n))
        case Diag(vector):
            column = array(vector, values)
            assert column.shape[1] == 1
            return np.diag(column[:, 0])
        case Transpose(arg):
            return array(arg, values).T
        case MatMul(args):
            result = array(args[0], values)
            for a in args[1:]:
                right = array(a, values)
                assert result.shape[1] == right.shape[0]
                result = result @ right
            return result
        case Hadamard(args):
            return np.prod(same(args), axis=0)
        case Plus(args):
            return np.sum(same(args), axis=0)
        case Scale(factor, arg):
            return number(factor, values, {}) * array(arg, values)
        case Apply(name, order, arg):
            return func(name, order, array(arg, values))
        case Map(function, args):
            arrays = same(args)
            entry = lambdify([placeholder(n + 1) for n in range(len(args))], function.subs(SCALARS), "math")
            flat = [entry(*at) for at in zip(*(a.ravel() for a in arrays), strict=True)]
            return np.array(flat, dtype=float).reshape(arrays[0].shape)
        case SumAxis(arg, axis):
            return array(arg, values).sum(axis={"rows": 0, "columns": 1, "all": None}[axis], keepdims=True)
        case Broadcast(arg, axis, n):
            inner, along = array(arg, values), {"rows": 0, "columns": 1}[axis]
            assert inner.shape[along] == 1
            return np.repeat(inner, int(n), axis=along)
        case SquaredNorm(arg):
            return (array(arg, values) ** 2).sum().reshape(1, 1)
    raise TypeError(node)


def agrees(eq: Equation, lay: Layout) -> None:
    """The lifted equation has the right entries, and so has what it lowers to."""
    lifted, values = lift(eq, lay), Values()
    assert shape(lifted.lhs) == shape(lifted.rhs)
    got = array(lifted.rhs, values)
    tensor, names = eq.lhs.tensor, eq.lhs.indices
    row, column = (1 if axis is None else names[axis] for axis in lay.axes(tensor))
    back = lower(lifted.rhs, row, column)
    for at in itertools.product(*(range(1, int(n) + 1) for n in tensor.shape)):
        env = dict(zip(names, at, strict=True))
        place = tuple(env.get(x, 1) - 1 for x in (row, column))
        want = number(eq.rhs, values, env)
        assert got[place] == pytest.approx(want, rel=1e-9, abs=1e-9), (lay.name, str(eq), lifted.rhs)
        assert number(back, values, env) == pytest.approx(want, rel=1e-9, abs=1e-9), (lay.name, str(eq), str(back))


def network(batched: bool) -> list[Equation]:
    """The equations of a layer, forward and backward, for one sample or for M."""
    tail, at = ((M,), (s,)) if batched else ((), ())
    z, a, y, pr, x = (Tensor(name, (OUT, *tail)) for name in ("z", "a", "y", "p", "x"))
    a0, d, d1 = Tensor("a", (IN, *tail), 0), Tensor("delta", (OUT, *tail), 1), Tensor("delta", (UP, *tail), 2)
    w, w1, b, C = Tensor("w", (OUT, IN), 1), Tensor("w", (UP, OUT), 2), Tensor("b", (OUT,), 1), Tensor("C")
    g = Tensor("g", (OUT, *tail))

    def e(tensor: Tensor, at_: Any) -> Any:
        return tensor[(at_, *at)]

    def mean(expr: Any) -> Any:
        return mul(Rational(1, M), Sum(expr, (s, 1, M))) if batched else expr

    step = Sum(mul(w1[k, j], e(d1, k)), (k, 1, UP))
    error = add(e(a, j), -e(y, j))
    half = Rational(1, 2)
    return [
        Equation(e(z, j), add(Sum(mul(w[j, k], e(a0, k)), (k, 1, IN)), b[j])),
        Equation(e(z, j), Func("sigma", add(Sum(mul(w[j, k], e(a0, k)), (k, 1, IN)), b[j]))),
        Equation(e(d, j), mul(error, Func("sigma", e(z, j), 1))),
        Equation(e(d, j), mul(step, Func("sigma", e(z, j), 1))),
        Equation(e(d, j), mul(step, e(a, j), add(1, -e(a, j)))),
        Equation(e(d, j), mul(step, add(1, -(e(a, j) ** 2)))),
        Equation(Grad(C, b)[j], mean(e(d, j))),
        Equation(Grad(C, w)[j, k], mean(mul(e(d, j), e(a0, k)))),
        Equation(Grad(C, w)[j, k], mean(mul(error, e(a0, k)))),
        Equation(Grad(C, w)[j, k], mean(mul(e(a0, k), error, Func("sigma", e(z, j), 1)))),
        Equation(Grad(C, w)[j, k], add(mean(mul(e(d, j), e(a0, k))), mul(LAM, w[j, k]))),
        Equation(w[j, k], add(w[j, k], mul(-1, ETA, mean(mul(e(d, j), e(a0, k)))))),
        Equation(w[j, k], add(mul(add(1, -ETA * LAM), w[j, k]), mul(-1, ETA, Grad(C, w)[j, k]))),
        Equation(e(pr, j), mul(exp(e(z, j)), Pow(Sum(exp(e(z, k)), (k, 1, OUT)), -1))),
        Equation(e(pr, j), mul(exp(e(z, j)), Pow(Sum(exp(e(z, j)), (j, 1, OUT)), -1))),
        Equation(C(), mean(mul(half, Sum(error**2, (j, 1, OUT))))),
        Equation(C(), mul(half, mean(Sum(error**2, (j, 1, OUT))))),
        Equation(
            C(), add(mean(mul(half, Sum(error**2, (j, 1, OUT)))), mul(LAM, Sum(w[j, k] ** 2, (j, 1, OUT), (k, 1, IN))))
        ),
        Equation(C(), mean(mul(-1, Sum(mul(e(y, j), log(e(pr, j))), (j, 1, OUT))))),
        Equation(C(), mean(Sum(Abs(add(e(a, j), -e(y, j))), (j, 1, OUT)))),
        Equation(e(d, j), Sum(mul(e(g, k), e(pr, k), add(KroneckerDelta(k, j), -e(pr, j))), (k, 1, OUT))),
        Equation(e(d, j), Sum(mul(e(g, k), KroneckerDelta(k, j)), (k, 1, OUT))),
        Equation(e(a, j), Max(0, e(z, j))),
        Equation(e(a, j), Piecewise((e(z, j), e(z, j) > 1), (LAM * e(z, j), True))),
        Equation(e(a, j), mul(e(z, j), Pow(add(1, exp(-e(z, j))), -1))),
        Equation(e(a, j), tanh(e(z, j) / e(x, j))),
        Equation(e(a, j), mul(add(e(x, j), -mul(Rational(1, OUT), Sum(e(x, k), (k, 1, OUT)))), 2)),
        Equation(e(a, j), Integer(3)),
        Equation(e(a, j), b[j]),
        Equation(e(a, j), mul(C(), b[j])),
    ]


x2, q2, k2 = Tensor("x", (M, IN)), Tensor("q", (M, UP)), Tensor("k", (IN, UP))
u, v1, c, t2 = Tensor("u", (OUT,)), Tensor("r", (OUT,)), Tensor("c", (M,)), Tensor("t", (OUT, M))
A, B, D = Tensor("A", (OUT, IN)), Tensor("B", (IN, UP)), Tensor("D", (OUT, UP))
J, H = Tensor("J", (OUT, OUT)), Tensor("h", (M, OUT))
N = Tensor("N", (OUT, IN))
VW = Tensor("v", (IN, OUT))
# Authored, so it keeps its indices although it is zero.
NOTHING = Mul(0, A[j, k], evaluate=False)
OTHER = [
    Equation(J[i, j], mul(u[i], add(KroneckerDelta(i, j), -u[j]))),
    Equation(J[i, j], mul(KroneckerDelta(i, j), u[j], Func("f", v1[i], 1))),
    Equation(J[i, j], KroneckerDelta(i, j)),
    Equation(J[i, j], add(KroneckerDelta(i, j), -u[j])),
    Equation(J[i, j], mul(u[i], v1[j], 2)),
    Equation(H[s, j], Sum(mul(x2[s, k], VW[k, j]), (k, 1, IN))),
    Equation(Tensor("S", (M, IN))[s, k], mul(Pow(UP, Rational(-1, 2)), Sum(mul(q2[s, p], k2[k, p]), (p, 1, UP)))),
    Equation(D[i, j], Sum(mul(A[i, k], B[k, j]), (k, 1, IN))),
    Equation(D[i, j], Sum(mul(A[i, k], B[k, j], Tensor("f", (IN,))[k]), (k, 1, IN))),
    Equation(D[i, j], mul(D[i, j], Sum(mul(A[i, k], B[k, j]), (k, 1, IN)), u[i])),
    Equation(D[i, j], Sum(add(mul(A[i, k], B[k, j]), D[i, j]), (k, 1, IN))),
    Equation(u[i], Sum(mul(A[i, k], N[i, k]), (k, 1, IN))),
    Equation(u[i], Sum(mul(A[i, k], N[i, k], Tensor("f", (IN,))[k]), (k, 1, IN))),
    Equation(Tensor("C")(), Sum(mul(u[i], A[i, k], Tensor("f", (IN,))[k]), (i, 1, OUT), (k, 1, IN))),
    Equation(Tensor("C")(), Sum(mul(A[i, k], N[i, k]), (i, 1, OUT), (k, 1, IN))),
    Equation(Tensor("C")(), Sum(mul(u[i], v1[j]), (i, 1, OUT), (j, 1, OUT))),
    Equation(u[j], mul(u[j], Sum(mul(u[k], Sum(mul(A[k, p], A[j, p]), (p, 1, IN))), (k, 1, OUT)))),
    Equation(c[s], mul(Rational(1, 2), Sum(add(t2[j, s], -u[j]) ** 2, (j, 1, OUT)))),
    Equation(c[s], mul(-1, Sum(mul(t2[j, s], log(t2[j, s])), (j, 1, OUT)))),
    Equation(u[j], Sum(mul(t2[j, s], c[s]), (s, 1, M))),
    Equation(t2[j, s], mul(t2[j, s], c[s])),
    Equation(t2[j, s], mul(u[j], c[s])),
    Equation(t2[j, s], add(u[j], c[s])),
    Equation(u[j], Sum(u[j], (k, 1, IN))),
    Equation(u[j], Sum(mul(add(u[j], NOTHING), v1[j]), (k, 1, IN))),
    Equation(u[j], Sum(add(u[j], NOTHING), (k, 1, IN))),
    Equation(Tensor("C")(), Sum(add(u[j], NOTHING) ** 2, (j, 1, OUT), (k, 1, IN))),
    Equation(Tensor("C")(), Sum(add(1, NOTHING) ** 2, (j, 1, OUT), (k, 1, IN))),
    Equation(Tensor("C")(), Sum(KroneckerDelta(i, j), (i, 1, OUT), (j, 1, OUT))),
    Equation(u[i], Sum(mul(KroneckerDelta(i, j), KroneckerDelta(i, j)), (j, 1, OUT))),
    Equation(Tensor("C")(), mul(Sum(u[i], (i, 1, OUT)), Sum(v1[i], (i, 1, OUT)))),
    Equation(u[i], mul(u[i], Sum(mul(u[i], v1[i]), (i, 1, OUT)))),
]
EQUATIONS = [*network(False), *network(True), *OTHER]


@pytest.mark.parametrize("lay", LAYOUTS, ids=lambda lay: lay.name)
@pytest.mark.parametrize("eq", EQUATIONS, ids=str)
def test_round_trip(eq: Equation, lay: Layout) -> None:
    agrees(eq, lay)


@pytest.mark.parametrize("eq", EQUATIONS, ids=str)
def test_the_same_input_gives_the_same_tree(eq: Equation) -> None:
    assert lift(eq, LAYOUTS[0]) == lift(eq, LAYOUTS[0])


# --- what a textbook prints ---

COLUMNS, WT, ROWS = layout("columns"), layout("columns", "from_to"), layout("rows", "from_to")


def text(node: Node) -> str:
    match node:
        case Var(tensor, _):
            return tensor.name
        case Const(value):
            return str(value)
        case Ones():
            return "1"
        case Identity():
            return "I"
        case Diag(vector):
            return f"diag({text(vector)})"
        case Transpose(arg):
            return f"{_part(arg)}^T"
        case MatMul(args):
            return " ".join(map(_part, args))
        case Hadamard(args):
            return " o ".join(map(_part, args))
        case Plus(args):
            return " + ".join(map(text, args))
        case Scale(factor, arg):
            return f"{factor}*{_part(arg)}"
        case Apply(name, order, arg):
            return f"{name}{chr(39) * order}({text(arg)})"
        case Map(function, args):
            return f"[{function}]({', '.join(map(text, args))})"
        case SumAxis(arg, axis):
            return f"sum_{axis}({text(arg)})"
        case Broadcast(arg, _, _):
            return f"<{text(arg)}>"
        case SquaredNorm(arg):
            return f"|{text(arg)}|^2"
    raise TypeError(node)


def _part(node: Node) -> str:
    return f"({text(node)})" if isinstance(node, (Plus, Hadamard, MatMul, Scale)) else text(node)


@pytest.mark.parametrize(
    ("number_", "batched", "lay", "expected"),
    [
        (0, False, COLUMNS, "w a + b"),
        (0, False, WT, "w^T a + b"),
        (0, False, ROWS, "a w + b"),
        (0, True, COLUMNS, "w a + <b>"),
        (0, True, ROWS, "a w + <b>"),
        (0, True, layout("rows"), "a w^T + <b>"),
        (2, False, COLUMNS, "(a + -1*y) o sigma'(z)"),
        (2, True, ROWS, "(a + -1*y) o sigma'(z)"),
        (3, False, COLUMNS, "(w^T delta) o sigma'(z)"),
        (3, False, WT, "(w delta) o sigma'(z)"),
        (3, False, ROWS, "(delta w^T) o sigma'(z)"),
        (3, True, ROWS, "(delta w^T) o sigma'(z)"),
        (4, True, COLUMNS, "(w^T delta) o a o (1 + -1*a)"),
        (6, False, COLUMNS, "delta"),
        (6, True, COLUMNS, "1/5*sum_columns(delta)"),
        (6, True, ROWS, "1/5*sum_rows(delta)"),
        (7, False, COLUMNS, "delta a^T"),
        (7, False, WT, "a delta^T"),
        (7, False, ROWS, "a^T delta"),
        (7, True, COLUMNS, "1/5*(delta a^T)"),
        (7, True, ROWS, "1/5*(a^T delta)"),
        (8, False, WT, "a (a + -1*y)^T"),
        (10, True, ROWS, "1/5*(a^T delta) + lambda*w"),
        (13, False, COLUMNS, "[exp(x_1)](z) o <[1/x_1](sum_all([exp(x_1)](z)))>"),
        (13, True, COLUMNS, "[exp(x_1)](z) o <[1/x_1](sum_rows([exp(x_1)](z)))>"),
        (13, True, ROWS, "[exp(x_1)](z) o <[1/x_1](sum_columns([exp(x_1)](z)))>"),
        (15, False, COLUMNS, "1/2*|a + -1*y|^2"),
        (18, False, COLUMNS, "-1*(y^T [log(x_1)](p))"),
        (18, True, ROWS, "-1/5*sum_all(y o [log(x_1)](p))"),
    ],
)
def test_reads_like_the_textbook(number_: int, batched: bool, lay: Layout, expected: str) -> None:
    assert text(lift(network(batched)[number_], lay).rhs) == expected


@pytest.mark.parametrize(
    ("number_", "expected"),
    [(0, "diag(u) + -1*(u u^T)"), (1, "diag(u o f'(r))"), (2, "I"), (5, "x v"), (7, "A B"), (8, "A diag(f) B")],
)
def test_matrix_forms(number_: int, expected: str) -> None:
    assert text(lift(OTHER[number_], layout(weight_names=())).rhs) == expected


def test_symbolic_sizes() -> None:
    layer = Symbol("l", integer=True)
    n, n0, m = size("n", layer), size("n", layer - 1), size("m")
    z, a, w = Tensor("z", (n, m), layer), Tensor("a", (n0, m), layer - 1), Tensor("w", (n, n0), layer)
    lifted = lift(Equation(z[j, s], Sum(mul(w[j, k], a[k, s]), (k, 1, n0))), ROWS)
    assert shape(lifted.rhs) == (m, n)
    assert lower(lifted.rhs, s, j) == Sum(mul(a[k, s], w[j, k]), (k, 1, n0))


# --- what must be refused ---

T3 = Tensor("T", (OUT, IN, UP))
REFUSED = [
    Equation(T3[i, j, k], mul(A[i, j], D[i, k])),
    Equation(u[i], Sum(T3[i, j, k], (j, 1, IN), (k, 1, UP))),
    Equation(J[i, i], u[i]),
    Equation(J[1, j], u[j]),
    Equation(u[i], J[i, i]),
    Equation(u[i], u[j]),
    Equation(u[i], v1[1]),
    Equation(u[i], mul(i, v1[i])),
    Equation(u[i], KroneckerDelta(i, 2)),
    Equation(u[i], KroneckerDelta(i, k)),
    Equation(u[i], Sum(u[k], (k, 1, i))),
    Equation(u[i], Sum(u[k], (k, 1, OUT - 1))),
    Equation(u[i], Sum(u[k], (k, 2, OUT))),
    Equation(u[i], Tensor("f", (IN,))[i]),
    Equation(u[i], u[i + 1]),
    Equation(u[i], Partial(u[i], v1[i])),
    Equation(u[i] + 1, v1[i]),
    # Every bound index joins the three others: summing over any of them first leaves rank three.
    Equation(
        Tensor("C")(),
        Sum(
            mul(A[i, k], B[k, j], D[i, j], Tensor("F", (M, IN))[s, k], Tensor("G", (UP, M))[j, s], t2[i, s]),
            (k, 1, IN),
            (i, 1, OUT),
            (j, 1, UP),
            (s, 1, M),
        ),
    ),
    Equation(D[i, j], Sum(Func("f", add(A[i, k], B[k, j])), (k, 1, IN))),
]


@pytest.mark.parametrize("eq", REFUSED, ids=str)
def test_refused_with_a_reason(eq: Equation) -> None:
    for lay in LAYOUTS:
        assert lift_equation(eq, lay) is None
        with pytest.raises(NotLiftable, match=r"\w+ \w+"):
            lift(eq, lay)


def test_an_index_that_joins_three_others_is_named() -> None:
    with pytest.raises(NotLiftable, match="joins 3 indices"):
        lift(REFUSED[-2], COLUMNS)


def test_an_abstract_cost_is_a_scalar() -> None:
    C, a = Tensor("C"), Tensor("a", (OUT,))
    assert lift(Equation(C(), Abstract(C, a)), COLUMNS).rhs == Const(Abstract(C, a))
    assert text(lift(Equation(a[j], Grad(C, a)[j]), ROWS).rhs) == "dC/da"


def test_one_letter_bound_twice() -> None:
    inner = Sum(mul(A[i, k], Sum(Tensor("f", (IN,))[k], (k, 1, IN))), (k, 1, IN))
    for lay in LAYOUTS:
        agrees(Equation(u[i], inner), lay)
        agrees(Equation(Tensor("C")(), Sum(mul(2, Sum(mul(u[i], v1[i]), (i, 1, OUT))), (i, 1, OUT))), lay)


def test_shapes_are_checked() -> None:
    a, b = Var(A, (0, 1)), Var(B, (0, 1))
    assert shape(MatMul((a, b))) == (OUT, UP)
    for wrong in (MatMul((b, a)), Plus((a, b)), Hadamard((a, b)), Diag(a), Broadcast(a, "rows", 3)):
        with pytest.raises(ShapeError):
            shape(wrong)
        with pytest.raises(ShapeError):
            lower(wrong, i, j)
    assert transpose(transpose(MatMul((a, b)))) == MatMul((a, b))


def test_options_are_named() -> None:
    with pytest.raises(ValueError, match="to_from, from_to"):
        layout("rows", "from-to")
    with pytest.raises(NotLiftable):
        lift_expression(u[i], i, i)
    with pytest.raises(NotLiftable):
        lift_expression(KroneckerDelta(i, j), i, j)
    assert lift_expression(KroneckerDelta(i, j), i, j, sizes={i: 3, j: 3}) == Identity(3)


# --- random terms ---

EXTENT = {i: 2, j: 3, k: 4, p: 5, q: 2}


def random_expression(rng: random.Random, free: list[Any], depth: int) -> Any:
    """An expression whose free indices are among `free`."""
    if depth == 0 or rng.random() < 0.2:
        picked = rng.sample(free, min(len(free), rng.choice((0, 1, 1, 2, 2))))
        if len(picked) == 2 and EXTENT[picked[0]] == EXTENT[picked[1]] and rng.random() < 0.7:
            return KroneckerDelta(*picked)
        if not picked:
            return rng.choice((Integer(2), LAM, Tensor("e")(), Integer(-1)))
        return Tensor(rng.choice("wabc"), tuple(EXTENT[x] for x in picked))[tuple(picked)]
    kind = rng.choice(("mul", "mul", "mul", "add", "add", "sum", "sum", "sum", "func", "map"))
    if kind in ("mul", "add"):
        parts = [random_expression(rng, free, depth - 1) for _ in range(rng.choice((2, 2, 3)))]
        return mul(*parts) if kind == "mul" else add(*parts)
    if kind == "sum":
        # A bound letter may hide a free one.
        bound = rng.sample(list(EXTENT), rng.choice((1, 1, 2)))
        inner = [x for x in free if x not in bound][:2] + bound
        parts = [random_expression(rng, inner, depth - 1) for _ in range(rng.choice((1, 2, 3)))]
        return Sum(mul(*parts), *((x, 1, EXTENT[x]) for x in bound))
    inside = random_expression(rng, free, depth - 1)
    if kind == "func":
        return Func("f", inside, rng.choice((0, 1)))
    return rng.choice((tanh, lambda e: Pow(e, 2, evaluate=False), lambda e: Pow(add(7, tanh(e)), -1)))(inside)


def check_random(seed: int) -> bool:
    rng = random.Random(seed)
    indices = rng.sample([i, j, k, p, q], rng.choice((0, 1, 2)))
    lhs = Tensor("L", tuple(EXTENT[x] for x in indices))
    eq = Equation(Entry(lhs, *indices), random_expression(rng, indices, 3))
    lay = rng.choice(LAYOUTS)
    if lift_equation(eq, lay) is None:
        return False
    agrees(eq, lay)
    return True


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 10**9))
def test_random_expressions_lift_right_or_not_at_all(seed: int) -> None:
    check_random(seed)


def test_most_random_expressions_lift() -> None:
    assert sum(map(check_random, range(60))) > 50
