"""Why a line is wrong: the kind that a teacher would name, and a formula that is right.

Oracle for the mended formulas: the verdict of `check` on them, which evaluates both sides in ball arithmetic at points of its own
and takes derivatives from the forward equations by power series; the search compares floating-point numbers at one point.
"""

from __future__ import annotations

import random
import time
import tomllib
from collections import Counter, defaultdict
from functools import lru_cache
from pathlib import Path
from statistics import median

import pytest

from symbackprop.checker.compare import compared
from symbackprop.checker.conventions import leading_block
from symbackprop.checker.diagnose import KINDS, diagnose
from symbackprop.checker.diagnosis.changes import changes
from symbackprop.checker.diagnosis.kinds import COSTS
from symbackprop.checker.diagnosis.scene import Scene
from symbackprop.checker.diagnosis.target import Target
from symbackprop.checker.diagnosis.where import where_they_differ
from symbackprop.checker.judge import check
from symbackprop.checker.problem import load_problem
from symbackprop.checker.verdicts import Status
from symbackprop.parse.latex import read_formula
from symbackprop.parse.python import read_python

HERE = Path(__file__).parent
MISTAKES = tomllib.loads((HERE / "mistakes.toml").read_text(encoding="utf-8"))
CASES = tomllib.loads((HERE / "cases.toml").read_text(encoding="utf-8"))["case"]
LINES = [(kind, name, line) for kind, table in MISTAKES.items() for name, lines in table.items() for line in lines]
UNMENDED = {"shapes", "only equal", "only different", "some entries", "every entry"}  # said where no small change mends a line
UNMENDED |= {"mixed conventions", "restored"}  # said of several lines together
UNMENDED |= {"path"}
WHOLE = {"another quantity", "missing path", "value for derivative", "inverse derivative", "diagonal"}  # about the formula as a whole


@lru_cache(None)
def problem(name):
    return load_problem(HERE.parents[1] / "examples" / "problems" / f"{name}.toml")


def syntax(name):
    return "py" if name.endswith(".py") else "txt"


@pytest.mark.parametrize(("kind", "name", "line"), LINES)
def test_the_kind_is_named_and_the_mended_formula_is_right(kind, name, line):
    declared = problem(name.removesuffix(".py"))
    (step,) = check(line, declared, kind=syntax(name)).steps
    assert step.status is Status.WRONG
    found = step.diagnosis
    assert found is not None
    assert found.kind == kind, found
    assert found.sentence
    assert 0 <= found.start <= found.end <= len(step.text)
    assert found.mended or kind in WHOLE
    if found.mended:
        mended = f"{line.partition(' = ')[0]} = {found.mended}"
        assert check(mended, declared, kind=syntax(name)).steps[0].status is Status.RIGHT, mended


def test_every_kind_has_lines_and_a_cost():
    assert set(MISTAKES) == set(KINDS) - UNMENDED
    assert set(COSTS) == set(KINDS)
    assert all(sum(map(len, table.values())) >= 4 for table in MISTAKES.values())


@pytest.mark.parametrize(("name", "line", "part", "sentence"), [
    ("transposed_weights", r"\frac{\partial J}{\partial\mathbf{W}^{(1)}} = \mathbf{A}^{(1)}\mathbf{E}^{(1)T}", "1",
     r"The layer is wrong: \mathbf{A}^{(1)} should be \mathbf{A}^{(0)}."),
    ("nielsen", r"\delta^L = (a^L-y)\odot\sigma(z^L)", r"\sigma(z^L)",
     r"The function and its derivative are mixed up: \sigma(z^L) should be \sigma'(z^L)."),
    ("ng.py", "dW1 = (1/m) * dZ1 @ X", "X", "A transpose is missing or one too many: X should be X.T."),
])  # fmt: skip
def test_the_span_lies_under_the_part_that_the_sentence_is_about(name, line, part, sentence):
    (step,) = check(line, problem(name.removesuffix(".py")), kind=syntax(name)).steps
    assert step.text[step.diagnosis.start : step.diagnosis.end] == part
    assert step.diagnosis.sentence == sentence


def test_a_line_in_the_middle_of_a_chain_is_mended_where_it_stands():
    text = "\\delta^l_j = \\sum_k \\frac{\\partial z^{l+1}_k}{\\partial z^l_j} \\delta^{l+1}_k\n= \\sum_k w^{l+1}_{kj} \\delta^{l}_k \\sigma'(z^l_j)"
    right, wrong = check(text, problem("nielsen")).steps
    assert right.status is Status.RIGHT
    assert wrong.diagnosis.kind == "layer"
    assert wrong.text[wrong.diagnosis.start : wrong.diagnosis.end] == "l"
    assert wrong.diagnosis.mended == r"\sum_k w^{l+1}_{kj} \delta^{l+1}_k \sigma'(z^l_j)"


@pytest.mark.parametrize(("name", "line", "kind"), [
    ("softmax_vector", r"\frac{\partial s_i}{\partial z_j} = -s_is_j", "only equal"),
    ("softmax_vector", r"\frac{\partial s_i}{\partial z_j} = s_i(1-s_i)", "only different"),
    ("softmax_vector", r"\frac{\partial s_i}{\partial z_j} = z_i", "every entry"),
    ("affine_rows", r"\frac{\partial L}{\partial x} = x^T", "shapes"),
    ("affine_rows", r"\frac{\partial L}{\partial x} = x x", "shapes"),
])  # fmt: skip
def test_where_the_sides_differ_is_said(name, line, kind):
    s, target = scene(line, problem(name), python=False)
    assert where_they_differ(s, target).kind == kind


def scene(line, declared, python):
    left, right = (read_python if python else read_formula)(line, declared.context.vocabulary).items
    target = Target.of(left.tree, right.tree, declared.worlds[1], declared.context, (), python, None)
    span = right.tree.span
    left_text = line[left.tree.span.start : left.tree.span.end]
    return Scene.of(line[span.start : span.end], left.tree, left_text, declared.context, target.places[0].env, python), target


def right_lines():
    for case in CASES:
        for key in ("lines", "python"):
            for line, verdict in zip(case.get(key, ()), case["expect"], strict=False):
                formula = (read_python if key == "python" else read_formula)(line, problem(case["problem"]).context.vocabulary)
                if verdict == "right" and [link.relation for link in formula.items] == ["", "="] and not formula.conditions:
                    yield case["problem"], line, key == "python"


def mutants(each):
    """Right lines with one change made, up to `each` of every kind, and whether they are wrong by their values."""
    found = defaultdict(list)
    for name, line, python in right_lines():
        s, _ = scene(line, problem(name), python)
        for change in changes(s):
            found[change.kind].append((name, s, change, python))
    for kind, here in sorted(found.items()):
        random.Random(kind).shuffle(here)
        wrong = (m for m in here if is_wrong(*m))
        yield from (m for _, m in zip(range(each), wrong, strict=False))


def is_wrong(name, s, change, python):
    tree = s.read(change.done(s.text))
    return tree is not None and compared(s.left, tree, problem(name), python=python).kind in ("differ", "misfit")


def is_right(name, left, tree, python):
    declared = problem(name)
    whole = compared(left, tree, declared, python=python).kind == "agree"
    return whole or leading_block(left, tree, declared, declared.context, python) is not None


def test_mutants_of_right_lines_are_mended():
    tried, missed, table, seconds = 0, [], defaultdict(Counter), []
    for name, s, change, python in mutants(4):
        text = f"{s.left_text} = {change.done(s.text)}"
        read = read_python if python else read_formula
        left, right = read(text, problem(name).context.vocabulary).items
        start = time.thread_time()
        found = diagnose(left.tree, right.tree, problem(name), problem(name).context, (), python, text, 0)
        seconds.append(time.thread_time() - start)
        tried += 1
        table[change.kind][found.kind if found else "none"] += 1
        if found is None or not found.mended:
            missed.append((name, text, found))
        else:
            assert is_right(name, left.tree, s.read(found.mended), python), (text, found)
    for kind, counts in sorted(table.items()):
        print(f"{kind:18}{dict(counts.most_common())}")
    print(f"{tried - len(missed)} of {tried} mended; median {median(seconds):.3f} s, longest {max(seconds):.2f} s")
    assert tried > 60
    assert len(missed) <= 0.15 * tried, missed
    assert median(seconds) < 0.15
    assert max(seconds) < 2.0  # measured below 1.5; a slower machine is let pass


ONE_COLUMN = {
    "equations": ["y = X w + b"], "loss": "L", "shapes": {"X": ["N", "D"], "w": ["D", "M"], "b": ["M"]},
    "conventions": {"broadcast": True, "vectors": "row"}, "upstream": {r"\frac{\partial L}{\partial y}": "y"},
}  # fmt: skip


@pytest.mark.parametrize(
    ("line", "mended"),
    [
        (r"\frac{\partial L}{\partial b} = \frac{\partial L}{\partial y}", r"\mathbf{1}^T \frac{\partial L}{\partial y}"),
        (r"\frac{\partial L}{\partial b} = 2 np.sum(\frac{\partial L}{\partial y}, axis=0)", r"np.sum(\frac{\partial L}{\partial y}, axis=0)"),
    ],
)
def test_a_sum_is_in_the_words_of_the_line(line, mended):
    """LaTeX that has no word of NumPy gets none."""
    (step,) = check(line, ONE_COLUMN).steps
    assert step.diagnosis.mended == mended
    assert ("np." in step.diagnosis.sentence) == ("np." in line)


DISCRIMINATOR = {
    "equations": [r"d = \sigma(v)", r"d_G = \sigma(u)", r"L = -\log d - \log(1 - d_G)"], "loss": "L", "shapes": {"u": [], "v": []},
    "functions": {r"\sigma": "sigmoid"},
}  # fmt: skip


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (r"\frac{\partial d_G}{\partial v} = d (1 - d)", r"zero: d (1 - d) should be 0."),
        (r"\frac{\partial d}{\partial u} = u", r"zero: u should be 0."),
        (r"\frac{\partial d_G}{\partial u} = d (1 - d)", r"d should be d_G."),
        (r"\frac{d}{du} (u - u^2) = u - 2 u", r"u should be 1."),
    ],
)
def test_nothing_is_proposed_that_nobody_would_write(line, says):
    """No x - x for 0, no d_G (1 - d) that happens to fit, no (1/u) u for 1, no dL/dL."""
    (step,) = check(line, DISCRIMINATOR).steps
    assert step.diagnosis.sentence.endswith(says)
