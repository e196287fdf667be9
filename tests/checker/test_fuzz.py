r"""Lines that nobody wrote: mutations of the published ones, and lines made at random whose truth NumPy knows.

Three oracles, none of which shares code with the package. The clock and the absence of errors, for mutated samples. For lines in
Python, NumPy itself: it runs the line on random arrays, and the gradients that are named in it come from complex steps of a forward
pass written here. For index formulas in LaTeX, `numpy.einsum` on the same arrays: each formula is printed from a small tree that is
evaluated here too.
"""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, note, reject, settings
from hypothesis import strategies as st

from symbackprop.checker import Problem, Status, check, load_problem, steps
from symbackprop.checker.problem import problem_from

ROOT = Path(__file__).resolve().parents[2]
CASES = tomllib.loads((ROOT / "tests/checker/cases.toml").read_text(encoding="utf-8"))["case"]
LINES = [(case["problem"], kind, line) for case in CASES for kind, key in (("txt", "lines"), ("py", "python")) for line in case.get(key, ())]
OFTEN = settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
SECONDS = 8.0  # of the clock, on a machine that has other work too


@pytest.fixture(autouse=True)
def _short_diagnoses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "SECONDS", 0.1)  # a diagnosis changes no verdict, and takes as long as it is given


@cache
def problem(name: str) -> Problem:
    """A problem that has been used: its numbers are made once, and no check is charged with them."""
    found = load_problem(ROOT / "examples/problems" / f"{name}.toml")
    for case in CASES:
        if case["problem"] == name:
            check("\n".join(case["lines"]), found)
    return found


def verdict(text: str, of: Problem, kind: str) -> Status:
    """The status of the only step, within the time and without a failure of the checker."""
    report = check(text, of, kind=kind)
    assert report.seconds < SECONDS
    assert not any("the checker failed" in step.before.because for step in report.steps), report.steps[-1].before.because
    assert str(report)
    return report.steps[-1].status if report.steps else Status.UNDECIDED


# ---------------------------------------------------------------- mutated samples

TOKEN = re.compile(r"\\[a-zA-Z]+|\\.|[a-zA-Z]+|\d+|\s+|.", re.DOTALL)
INSERTED = [
    r"\frac", r"\sum_k", r"\partial", r"\left(", r"\odot", r"\\", r"\hat", "^T", "_", "^", "{", "}", "'", "=", "-", "&",
    "d", "np.sum", "@", ".T", ",", "0",
]  # fmt: skip


@st.composite
def mutated(draw: st.DrawFn) -> tuple[str, str, str]:
    """A sample with one to three changes: signs swapped, dropped, doubled or put in, letters exchanged, brackets taken out, lines spliced."""
    name, kind, line = draw(st.sampled_from(LINES))
    tokens = TOKEN.findall(line)
    for _ in range(draw(st.sampled_from([1, 1, 1, 2, 3]))):
        i, j = (draw(st.integers(0, len(tokens) - 1)) for _ in range(2))
        match draw(st.sampled_from(["swap", "drop", "double", "insert", "letter", "digit", "bracket", "splice"])):
            case "swap":
                tokens[i], tokens[j] = tokens[j], tokens[i]
            case "drop" if len(tokens) > 1:
                del tokens[i]
            case "double":
                tokens.insert(i, tokens[j])
            case "insert":
                tokens.insert(i, draw(st.sampled_from(INSERTED)))
            case "letter":
                tokens = other(draw, tokens, str.isalpha, "ijklmnxyzWT")
            case "digit":
                tokens = other(draw, tokens, str.isdigit, "0123")
            case "bracket":
                tokens = other(draw, tokens, lambda t: t in "()[]{}", [""])
            case "splice":
                tail = TOKEN.findall(draw(st.sampled_from(LINES))[2])
                tokens = tokens[: i + 1] + tail[draw(st.integers(0, len(tail) - 1)) :]
    return name, kind, "".join(tokens)


def other(draw: st.DrawFn, tokens: list[str], kind: Callable[[str], bool], choices: Any) -> list[str]:
    places = [n for n, token in enumerate(tokens) if token and kind(token)]
    if not places:
        return tokens
    place = draw(st.sampled_from(places))
    return [*tokens[:place], draw(st.sampled_from(choices)), *tokens[place + 1 :]]


@given(mutated())
@settings(OFTEN, max_examples=400)
def test_mutated_samples_end_with_a_verdict(sample: tuple[str, str, str]) -> None:
    name, kind, text = sample
    note(text)
    assert isinstance(verdict(text, problem(name), kind), Status)


# ---------------------------------------------------------------- lines in Python against NumPy

PERCEPTRON = problem_from({
    "equations": ["Z1 = X @ W1 + b1", "A1 = np.tanh(Z1)", "Z2 = A1 @ W2 + b2", "A2 = np.tanh(Z2)", "C = 0.5 * np.sum((A2 - Y)**2)"],
    "loss": "C",
    "shapes": {"X": ["N", "D"], "W1": ["D", "H"], "b1": [1, "H"], "W2": ["H", "K"], "b2": [1, "K"], "Y": ["N", "K"]},
    "conventions": {"broadcast": True},
})  # fmt: skip
SHAPES = {"X": (5, 3), "W1": (3, 4), "b1": (1, 4), "W2": (4, 2), "b2": (1, 2), "Y": (5, 2)}
RIGHT = [
    "dA2 = A2 - Y", "dZ2 = dA2 * (1 - A2**2)", "dZ2 = (A2 - Y) * (1 - A2 * A2)", "dW2 = A1.T @ dZ2", "db2 = np.sum(dZ2, axis=0, keepdims=True)",
    "dA1 = dZ2 @ W2.T",
    "dZ1 = dA1 * (1 - A1**2)", "dZ1 = (dZ2 @ W2.T) * (1 - np.tanh(Z1)**2)", "dW1 = X.T @ dZ1", "db1 = np.sum(dZ1, axis=0, keepdims=True)",
    "dX = dZ1 @ W1.T",
    "Z1 = X @ W1 + b1", "A2 = np.tanh(A1 @ W2 + b2)", "dW1 = X.T @ ((dZ2 @ W2.T) * (1 - A1**2))", "dW2 = (dZ2.T @ A1).T",
    "C = np.sum((A2 - Y)**2) / 2", "C = 0.5 * np.sum((Y - A2) * (Y - A2))",
]  # fmt: skip


def forward(given: dict[str, Any]) -> dict[str, Any]:
    z1 = given["X"] @ given["W1"] + given["b1"] + given.get("at Z1", 0)
    a1 = np.tanh(z1) + given.get("at A1", 0)
    z2 = a1 @ given["W2"] + given["b2"] + given.get("at Z2", 0)
    a2 = np.tanh(z2) + given.get("at A2", 0)
    return {**given, "Z1": z1, "A1": a1, "Z2": z2, "A2": a2, "C": 0.5 * np.sum((a2 - given["Y"]) ** 2)}


@cache
def values() -> dict[str, Any]:
    """Everything a line may name: the forward pass at random arrays, and each gradient dV from a complex step at every entry of V."""
    rng = np.random.default_rng(3)
    given = {name: rng.normal(size=shape) for name, shape in SHAPES.items()}
    found = forward(given)
    for name in ("X", "W1", "b1", "Z1", "A1", "W2", "b2", "Z2", "A2"):
        gradient = np.zeros(found[name].shape)
        for place in np.ndindex(*gradient.shape):
            step = np.zeros(gradient.shape, dtype=complex)
            step[place] = 1e-30j
            moved = given | ({name: given[name] + step} if name in given else {f"at {name}": step})
            gradient[place] = forward(moved)["C"].imag / 1e-30
        found[f"d{name}"] = gradient
    return found


def numpy_says(line: str) -> tuple[bool, bool]:
    """Whether both sides of a line have one value and one shape, and whether they do where an array of one axis counts as the row or
    the column that it broadcasts to. The line was made here, from the names above and nothing else.
    """
    left, _, right = line.partition(" = ")
    names = {"np": SimpleNamespace(sum=np.sum, tanh=np.tanh), "__builtins__": {}}
    try:
        with np.errstate(all="ignore"):
            a, b = (np.asarray(eval(side, names, dict(values()))) for side in (left, right))
    except AttributeError:  # a number of Python's own has no transpose
        reject()
    except (ValueError, np.exceptions.AxisError, TypeError):
        return False, False
    alike = a.shape == b.shape or (a.ndim != b.ndim and a.size == b.size > 1 and max(a.shape) == max(b.shape) == a.size)
    equal = alike and bool(np.allclose(a.ravel(), b.ravel(), rtol=1e-9, atol=1e-9))
    return equal and a.shape == b.shape, equal


NAMES = ["X", "W1", "b1", "Z1", "A1", "W2", "b2", "Z2", "A2", "Y", "dX", "dW1", "db1", "dZ1", "dA1", "dW2", "db2", "dZ2", "dA2"]


class _Change(ast.NodeTransformer):
    """One change at the n-th place where there is something to change."""

    def __init__(self, draw: st.DrawFn, place: int) -> None:
        self.draw, self.left = draw, place

    def here(self) -> bool:
        self.left -= 1
        return self.left == -1

    def visit(self, node: ast.AST) -> Any:
        if isinstance(node, ast.expr) and not (isinstance(node, ast.Name) and node.id == "np") and self.here():
            return self.changed(node)
        if isinstance(node, ast.Call):  # the name of the function stays
            node.args = [self.visit(a) for a in node.args]
            return node
        return self.generic_visit(node)

    def changed(self, node: ast.expr) -> ast.expr:
        options: list[Callable[[], ast.expr]] = [
            lambda: ast.UnaryOp(ast.USub(), node), lambda: ast.BinOp(ast.Constant(2), ast.Mult(), node), lambda: ast.Attribute(node, "T"),
            lambda: ast.BinOp(node, ast.Div(), ast.Constant(1)), lambda: ast.UnaryOp(ast.USub(), ast.UnaryOp(ast.USub(), node)),
        ]  # fmt: skip
        match node:
            case ast.Name():
                options += [lambda: ast.Name(self.draw(st.sampled_from(NAMES)))] * 4
            case ast.Attribute(value=value, attr="T"):
                options += [lambda: value] * 3
            case ast.BinOp(left=left, op=op, right=right):
                options += [
                    lambda: ast.BinOp(right, op, left), lambda: left, lambda: right,
                    lambda: ast.BinOp(left, self.draw(st.sampled_from([ast.Add(), ast.Sub(), ast.Mult(), ast.MatMult()])), right),
                    lambda: ast.BinOp(ast.Attribute(right, "T"), op, ast.Attribute(left, "T")),
                ] * 2  # fmt: skip
            case ast.Call(func=func, args=args, keywords=keywords):
                options += [
                    lambda: args[0], lambda: ast.Call(func, args, keywords[:1]), lambda: ast.Call(func, args, []),
                    lambda: ast.Call(func, args, [ast.keyword("axis", ast.Constant(1)), *keywords[1:]] if keywords else []),
                ] * 2  # fmt: skip
            case ast.Constant(value=value):
                options += [lambda: ast.Constant(value + 1), lambda: ast.Constant(value / 2)] * 2
        return self.draw(st.sampled_from(options))()


@st.composite
def python_lines(draw: st.DrawFn) -> str:
    """A right line with up to three changes of its tree."""
    left, _, right = draw(st.sampled_from(RIGHT)).partition(" = ")
    tree = ast.parse(right, mode="eval")
    for _ in range(draw(st.integers(0, 3))):
        count = sum(isinstance(node, ast.expr) for node in ast.walk(tree))
        tree = ast.fix_missing_locations(_Change(draw, draw(st.integers(0, count - 1))).visit(tree))
    return f"{left} = {ast.unparse(tree)}"


@pytest.mark.parametrize("line", RIGHT)
def test_numpy_and_the_checker_find_the_lines_right(line: str) -> None:
    assert numpy_says(line) == (True, True)
    assert verdict(line, PERCEPTRON, "py") is Status.RIGHT


def test_python_lines_are_right_where_numpy_says_so() -> None:
    undecided: list[str] = []

    @given(python_lines())
    @settings(OFTEN, max_examples=300)
    def check_one(line: str) -> None:
        note(line)
        found = verdict(line, PERCEPTRON, "py")
        exactly, loosely = numpy_says(line)
        assert loosely if found is Status.RIGHT else found is Status.UNDECIDED or not exactly
        undecided.extend([line] * (found is Status.UNDECIDED))

    check_one()
    assert len(undecided) < 15, undecided


# ---------------------------------------------------------------- index formulas against einsum

NEURONS = problem_from({
    "equations": [r"z_j = \sum_k w_{jk} x_k + b_j", r"a_j = \tanh(z_j)", r"C = \frac{1}{2} \sum_j (a_j - y_j)^2"],
    "loss": "C",
    "shapes": {"x": ["n"], "w": ["m", "n"], "b": ["m"], "y": ["m"]},
})  # fmt: skip
OUT, IN = "jlr", "kst"  # letters of indices that run over the neurons, and over the inputs
SIZES = {**dict.fromkeys(OUT, 3), **dict.fromkeys(IN, 4)}
FACTORS = {  # how each is typed, and what its axes are
    "w": (r"w_{%s%s}", "oi"), "x": (r"x_%s", "i"), "b": (r"b_%s", "o"), "z": (r"z_%s", "o"), "a": (r"a_%s", "o"), "y": (r"y_%s", "o"),
    "dC/dw": (r"\frac{\partial C}{\partial w_{%s%s}}", "oi"), "dC/dx": (r"\frac{\partial C}{\partial x_%s}", "i"),
    "dC/db": (r"\frac{\partial C}{\partial b_%s}", "o"), "dC/dz": (r"\frac{\partial C}{\partial z_%s}", "o"),
    "dC/da": (r"\frac{\partial C}{\partial a_%s}", "o"), "da/dz": (r"\frac{\partial a_%s}{\partial z_%s}", "oo"),
    "dz/dx": (r"\frac{\partial z_%s}{\partial x_%s}", "oi"), "delta o": (r"\delta_{%s%s}", "oo"), "delta i": (r"\delta_{%s%s}", "ii"),
}  # fmt: skip


@dataclass(frozen=True)
class Product:
    """A whole number times factors at indices, summed over the letters that `summed` lists."""

    number: int
    factors: tuple[tuple[str, str], ...]
    summed: str = ""

    def typed(self) -> str:
        sums = "".join(rf"\sum_{k} " for k in self.summed)
        inside = " ".join(FACTORS[name][0] % tuple(at) for name, at in self.factors) or "1"
        return f"{self.number} {sums}{inside}" if self.number != 1 else sums + inside

    def value(self, free: str) -> Any:
        terms = ",".join(at for _, at in self.factors)
        ones = {k: np.ones(SIZES[k]) for k in free + self.summed}
        return self.number * np.einsum(f"{terms},{','.join(ones)}->{free}", *(arrays()[name] for name, _ in self.factors), *ones.values())


@cache
def arrays() -> dict[str, Any]:
    """The arrays of all factors; derivatives by complex steps."""
    rng = np.random.default_rng(5)
    given = {"x": rng.normal(size=4), "w": rng.normal(size=(3, 4)), "b": rng.normal(size=3), "y": rng.normal(size=3)}

    def run(**moved: Any) -> dict[str, Any]:
        v = {name: array + moved.get(name, 0) for name, array in given.items()}
        z = v["w"] @ v["x"] + v["b"] + moved.get("z", 0)
        a = np.tanh(z) + moved.get("a", 0)
        return {**v, "z": z, "a": a, "C": 0.5 * np.sum((a - v["y"]) ** 2)}

    def slope(of: str, by: str) -> Any:
        found = run()
        rows = []
        for place in np.ndindex(*found[by].shape):
            step = np.zeros(found[by].shape, dtype=complex)
            step[place] = 1e-30j
            rows.append(run(**{by: step})[of].imag / 1e-30)
        return np.moveaxis(np.array(rows).reshape(*found[by].shape, *found[of].shape), range(found[by].ndim), range(-found[by].ndim, 0))

    slopes = {f"d{of}/d{by}": slope(of, by) for of, by in [*(("C", by) for by in ("w", "x", "b", "z", "a")), ("a", "z"), ("z", "x")]}
    return {**{k: v for k, v in run().items() if k != "C"}, **slopes, "delta o": np.eye(3), "delta i": np.eye(4)}


TRUE = [  # sides that are equal, each a sum of products
    ([Product(1, (("dC/dz", "j"),))], [Product(1, (("dC/db", "j"),))]),
    ([Product(1, (("dC/dw", "jk"),))], [Product(1, (("dC/dz", "j"), ("x", "k")))]),
    ([Product(1, (("dC/dx", "k"),))], [Product(1, (("w", "jk"), ("dC/dz", "j")), "j")]),
    ([Product(1, (("dC/dz", "j"),))], [Product(1, (("dC/da", "l"), ("da/dz", "lj")), "l")]),
    ([Product(1, (("dC/da", "j"),))], [Product(1, (("a", "j"),)), Product(-1, (("y", "j"),))]),
    ([Product(1, (("da/dz", "jl"),))], [Product(1, (("delta o", "jl"),)), Product(-1, (("delta o", "jl"), ("a", "j"), ("a", "l")))]),
    ([Product(1, (("dz/dx", "jk"),))], [Product(1, (("w", "jk"),))]),
    ([Product(1, (("z", "j"),))], [Product(1, (("w", "jk"), ("x", "k")), "k"), Product(1, (("b", "j"),))]),
    ([Product(1, (("dC/dx", "k"),))], [Product(1, (("dC/dz", "j"), ("dz/dx", "jk")), "j")]),
    ([Product(1, (("dC/dx", "k"),))], [Product(1, (("dC/da", "l"), ("da/dz", "lj"), ("dz/dx", "jk")), "lj")]),
]


@st.composite
def index_lines(draw: st.DrawFn) -> tuple[str, bool]:
    """A true equation, its sides rewritten, and some of them spoilt; with what einsum makes of it."""
    sides = draw(st.sampled_from(TRUE))
    free = "".join(sorted({k for p in sides[0] for _, at in p.factors for k in at}))
    left, right = ([rewritten(draw, p) for p in side] for side in sides)
    for _ in range(draw(st.integers(0, 2))):
        n = draw(st.integers(0, len(right) - 1))
        right[n] = spoilt(draw, right[n], free)
    typed = [" + ".join(p.typed() for p in draw(st.permutations(side))).replace("+ -1 ", "- ").replace("+ -", "- ") for side in (left, right)]
    a, b = (sum(p.value(free) for p in side) for side in (left, right))
    return " = ".join(typed), bool(np.allclose(a, b, rtol=1e-9, atol=1e-9))


def rewritten(draw: st.DrawFn, p: Product) -> Product:
    """The same product: other letters for what is summed, another order, an index handed on by a delta."""
    used = {k for _, at in p.factors for k in at}
    for k in p.summed:
        new = draw(st.sampled_from([k, *sorted(set(OUT if k in OUT else IN) - used)]))
        used.add(new)
        p = Product(p.number, tuple((name, at.replace(k, new)) for name, at in p.factors), p.summed.replace(k, new))
    spare = {kind: sorted(set(letters) - used) for kind, letters in (("o", OUT), ("i", IN))}
    if draw(st.booleans()) and p.factors:
        (name, at), *rest = p.factors
        kind = FACTORS[name][1][0]
        if spare[kind]:
            new = spare[kind][0]
            p = Product(p.number, ((name, new + at[1:]), (f"delta {kind}", at[0] + new), *rest), p.summed + new)
    return replace(p, factors=tuple(draw(st.permutations(p.factors))), summed="".join(draw(st.permutations(p.summed))))


def spoilt(draw: st.DrawFn, p: Product, free: str) -> Product:
    """Perhaps another product: a factor exchanged, dropped or put in, an index changed, another number or sign."""
    known = free + p.summed
    n = draw(st.integers(0, len(p.factors) - 1))
    name, at = p.factors[n]
    new = (name, at)
    match draw(st.sampled_from(["factor", "index", "number", "add"])):
        case "factor":
            new = (draw(st.sampled_from([k for k, (_, axes) in FACTORS.items() if axes == FACTORS[name][1]])), at)
        case "index":
            new = (name, "".join(draw(st.sampled_from([k for k in known if k in (OUT if axis == "o" else IN)])) for axis in FACTORS[name][1]))
        case "number":
            return replace(p, number=draw(st.sampled_from([-1, 1, 2, -2])))
        case "add":
            name = draw(st.sampled_from(["x", "b", "a", "z"]))
            letters = [k for k in known if k in (OUT if FACTORS[name][1] == "o" else IN)]
            return replace(p, factors=(*p.factors, (name, draw(st.sampled_from(letters))))) if letters else p
    return replace(p, factors=(*p.factors[:n], new, *p.factors[n + 1 :]))


def test_index_formulas_are_right_where_einsum_says_so() -> None:
    undecided: list[str] = []

    @given(index_lines())
    @settings(OFTEN, max_examples=300)
    def check_one(sample: tuple[str, bool]) -> None:
        text, true = sample
        note(text)
        found = verdict(text, NEURONS, "txt")
        assert found is Status.UNDECIDED or (found is Status.RIGHT) == true
        # how far an index runs that stands in a delta only is not read off the other index of the delta
        undecided.extend([text] * (found is Status.UNDECIDED and r"\delta" not in text))

    check_one()
    assert len(undecided) < 15, undecided
