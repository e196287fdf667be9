"""The emitted file as a reader sees it: no line too long, nothing assigned in vain, names and brackets where one would put them by hand."""

from __future__ import annotations

import ast
import itertools
from typing import Any

import numpy as np
import pytest
from sympy import Rational

import symbackprop as sb
from symbackprop.codegen.arrays import Op, name, negative, number, plus, power, times, total
from symbackprop.codegen.module import WIDTH
from symbackprop.codegen.numpy_source import numpy_expression
from symbackprop.codegen.wrapping import operands, wrapped
from symbackprop.equations import index
from symbackprop.rules import ACTIVATIONS

ATTENTION = [
    "q[h, t, d] = sum(e, x[t, e]*wq[h, e, d])", "k[h, t, d] = sum(e, x[t, e]*wk[h, e, d])", "v[h, t, d] = sum(e, x[t, e]*wv[h, e, d])",
    "s[h, t, u] = sum(d, q[h, t, d]*k[h, u, d])/sqrt(8)", "p[h, t, u] = exp(s[h, t, u])/sum(r, exp(s[h, t, r]))",
    "o[h, t, d] = sum(u, p[h, t, u]*v[h, u, d])", "f[t, e] = sum(h, d, o[h, t, d]*wo[h, d, e])", "C = 1/2*sum(t, e, (f[t, e] - y[t, e])**2)",
]  # fmt: skip
CONVOLUTION = [
    "z[n, o, i, j] = sum(c, u, v, w[o, c, u, v]*x[n, c, i + u - 1, j + v - 1]) + b[o]", "a[n, o, i, j] = relu(z[n, o, i, j])",
    "C = 1/2*sum(n, o, i, j, (a[n, o, i, j] - y[n, o, i, j])**2)",
]  # fmt: skip
LAYER_NORM = [
    "mu[s] = 1/5*sum(j, x[s, j])", "v[s] = 1/5*sum(j, (x[s, j] - mu[s])**2)", "h[s, j] = (x[s, j] - mu[s])/sqrt(v[s] + eps)",
    "y[s, j] = g[j]*h[s, j] + b[j]", "C = 1/2*sum(s, j, (y[s, j] - t[s, j])**2)",
]  # fmt: skip


def typed(equations: list[str], tensors: dict[str, Any], parameters: list[str], **more: Any) -> sb.Network:
    return sb.Network.from_equations(equations, tensors=tensors, parameters=parameters, **more)


NETWORKS = {
    **{f"mlp of {a}": sb.mlp([4, 3, 2], activation=a, output="identity", samples="m") for a in ACTIVATIONS if not ACTIVATIONS[a].vector},
    **{f"a batch of {n}": sb.mlp([4, 3, 2], output="softmax", loss="cross_entropy", samples=n) for n in (16, 100, "m", None)},
    "many layers": sb.mlp([4] * 9, samples="m"),
    "attention": typed(
        ATTENTION, {"x": ("T", 6), **{f"w{c}": (2, 6, 8) for c in "qkv"}, "wo": (2, 8, 6), "y": ("T", 6)}, ["wq", "wk", "wv", "wo"], targets=["y"]
    ),
    "convolution": typed(
        CONVOLUTION, {"w": (4, 2, 3, 3), "b": (4,), "x": ("N", 2, 10, 10), **dict.fromkeys("zay", ("N", 4, 8, 8))}, ["w", "b"], targets=["y"]
    ),
    "layer normalisation": typed(
        LAYER_NORM, {"x": ("m", 5), "g": (5,), "b": (5,), "t": ("m", 5)}, ["g", "b", "x"], targets=["t"], scalars=["eps"]
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", NETWORKS)
def test_a_linter_would_have_nothing_to_say(name: str) -> None:
    source = sb.compile(NETWORKS[name]).source
    for line in source.splitlines():
        assert len(line) <= WIDTH, line
        assert line == line.rstrip()
        assert "reshape" not in line
    body = next(f for f in ast.parse(source).body if isinstance(f, ast.FunctionDef) and f.name == "loss_and_gradients")
    assigned = [t.id for s in body.body if isinstance(s, ast.Assign) for t in s.targets if isinstance(t, ast.Name)]
    used = {n.id for n in ast.walk(body) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
    assert len(set(assigned)) == len(assigned)
    assert {*assigned} <= used
    imported = {a.asname or a.name for s in ast.parse(source).body if isinstance(s, ast.Import) for a in s.names}
    assert all(f"{n}." in source for n in imported)


def test_the_letters_of_the_author_stand_under_einsum() -> None:
    source = sb.compile(NETWORKS["attention"]).source
    assert 'q = np.einsum("te,hed->htd", x, wq, optimize=True)  # forward (2, T, 8)' in source
    assert 's = np.einsum("htd,hud->htu", q, k, optimize=True) / math.sqrt(8)  # forward (2, T, T)' in source
    assert 'dwo = np.einsum("hkd,ke->hde", o, f - y, optimize=True)  # dC-dwo (2, 8, 6)' in source


def test_sums_over_several_axes_are_one_sum() -> None:
    source = sb.compile(NETWORKS["convolution"]).source
    assert "db = np.sum(delta, axis=(0, 2, 3))  # dC-db (4,)" in source
    assert "C = 0.5 * np.sum((a - y)**2)  # forward ()" in source


def test_the_backward_pass_stands_apart() -> None:
    lines = sb.compile(NETWORKS["a batch of 16"]).source.splitlines()
    assert lines[lines.index("    Delta2 = (A2 - Y) / 16  # BP1 (16, 2)") - 1] == ""


A, B, E = (name(letter, (index("i"), index("j"))) for letter in "ABE")
TWO = number(2)


@pytest.mark.parametrize(
    ("made", "written"),
    [
        (times(power(TWO, Rational(1, 2)), number(Rational(1, 4)), A), "A / math.sqrt(8)"),
        (times(power(TWO, Rational(1, 2)), number(Rational(-1, 2)), A), "-A / math.sqrt(2)"),
        (times(power(TWO, Rational(1, 2)), number(Rational(3, 4)), A), "0.75 * math.sqrt(2) * A"),
        (times(A, power(power(TWO, Rational(1, 2)), -1), power(power(number(3), Rational(1, 2)), -1)), "A / math.sqrt(6)"),
        (times(number(Rational(1, 16)), A), "A / 16"),
        (times(number(Rational(1, 4)), A), "0.25 * A"),
        (times(number(Rational(1, 1000)), A), "0.001 * A"),
        (times(number(Rational(1, 3)), A), "A / 3"),
        (times(number(10**30), A), "1e+30 * A"),
        (times(number(10**12), A), "1000000000000 * A"),
        (times(number(4), times(number(Rational(1, 2)), A, B)), "2 * A * B"),
        (times(A, times(B, E)), "A * B * E"),
        (times(A, times(B, power(E, -1))), "A * (B / E)"),
        (times(number(2), times(number(2), A, power(B, -1))), "4 * A / B"),
        (plus(times(A, B), negative(times(A, E))), "A * (B - E)"),
        (plus(A, times(A, B)), "A * (1 + B)"),
        (plus(times(A, B), E), "A * B + E"),
        (total(plus(negative(A), negative(B)), index("i"), TWO), "-np.sum(A + B, axis=0)"),
        (total(total(A, index("j"), TWO), index("i"), TWO), "np.sum(A)"),
    ],
)  # fmt: skip
def test_numbers_and_brackets(made: Any, written: str) -> None:
    assert numpy_expression(made.op) == written


def test_sums_of_sums_name_the_axes_of_the_array() -> None:
    """NumPy's own sums, one after the other, are the oracle."""
    x = np.arange(120.0).reshape(2, 3, 4, 5)
    for first, second, third in itertools.product(range(4), range(3), range(2)):
        op = Op("sum", (Op("sum", (Op("sum", (Op("name", (), "x"),), first),), second),), third)
        text = numpy_expression(op)
        assert text.count("np.sum") == 1
        np.testing.assert_array_equal(eval(text), x.sum(axis=first).sum(axis=second).sum(axis=third))


@pytest.mark.parametrize("width", [20, 30, 40, 60])
@pytest.mark.parametrize(
    "text",
    [
        'np.einsum("a,b + c,d->a", x[:, np.arange(3)[:, None] + np.arange(8)], weights, optimize=True) + bias[:, None, None] - 1e-05',
        "-first * second[0, :] @ (third - fourth) / math.sqrt(2 * math.pi)",
        'return C, {"first": dfirst, "second": dsecond, "third": dthird, "fourth": dfourth}',
        "where(first > second, third, function(fourth, fifth, sixth)) ** 2",
        'first * second / (np.einsum("ai,ai->a", third, fourth, optimize=True)**2)[:, None, None, None]',
    ],
)
def test_wrapping_changes_nothing_but_white_space(text: str, width: int) -> None:
    lines = wrapped(text, width)
    joined = " ".join(line.strip() for line in lines)

    def tree(source: str) -> str:
        start, _, rest = source.rpartition("return ")
        return ast.dump(ast.parse(f"def f():\n    {start}return ({rest})"))

    assert tree(joined) == tree(text)
    if not text.startswith("return"):
        assert tree("\n".join(lines)) == tree(text)
    for line in lines:
        assert len(line) <= width or len(operands(line.strip())) == 1 or '"' in line


def test_what_fits_stays_on_its_line() -> None:
    assert wrapped("a + b", 5) == ["a + b"]
    assert wrapped("unbreakable_name", 5) == ["unbreakable_name"]


def test_the_derivative_of_an_entry_reads_a_row_of_the_identity() -> None:
    """By hand, p_0 (e_0 - p)."""
    net = typed(["p[j] = exp(z[j])/sum(k, exp(z[k]))", "C = sum(j, p[j]**2)"], {"z": (4,)}, ["z"])
    f = sb.compile(net, of="p[0]")
    assert "np.pad" not in f.source
    assert "np.einsum" not in f.source
    z = np.array([0.5, -1.0, 2.0, 0.0])
    p = np.exp(z) / np.exp(z).sum()
    np.testing.assert_allclose(f({"z": z})[1]["z"], p[0] * (np.eye(4)[0] - p), rtol=1e-14)


@pytest.mark.parametrize("backend", ["numba", "jax", "torch"])
def test_a_row_of_the_identity_in_every_library(backend: str) -> None:
    pytest.importorskip(backend)
    net = typed(["C = sum(j, delta(j, 2)*x[j]**2) + sum(j, x[j])"], {"x": (3,)}, ["x"])
    x = np.array([0.5, -1.0, 2.0], dtype="float32")
    _, grads = sb.compile(net, backend=backend, dtype="float32")({"x": x})
    np.testing.assert_allclose(np.asarray(grads["x"]), [1.0, -1.0, 1.0])
