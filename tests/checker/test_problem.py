"""Problem files: what they declare is what lines are judged by, and what is wrong with them is said in words, with the place.

The oracle for bad files is that they are bad: each was made from a good one by spoiling one thing, and must be refused or be harmless.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from symbackprop.checker.context import CHOICES, Conventions
from symbackprop.checker.judge import check
from symbackprop.checker.problem import load_problem, problem_from
from symbackprop.checker.tables import FORMS
from symbackprop.errors import InputError, SpecError

PROBLEMS = sorted((Path(__file__).parents[2] / "examples" / "problems").glob("*.toml"))
TABLES = {p.stem: tomllib.loads(p.read_text(encoding="utf-8")) for p in PROBLEMS}
SMALL: dict[str, Any] = {
    "equations": ["z = W x + b", r"a = \sigma(z)", r"C = \frac{1}{2} \|a - y\|^2"],
    "loss": "C",
    "shapes": {"x": ["n"], "W": ["m", "n"], "b": ["m"], "y": ["m"]},
    "functions": {r"\sigma": "sigmoid"},
    "names": {r"\delta": r"\frac{\partial C}{\partial z}"},
}


@pytest.mark.parametrize("path", PROBLEMS, ids=lambda p: p.stem)
def test_sizes_of_a_problem_are_pairwise_different(path: Path) -> None:
    problem = load_problem(path)
    for seed in range(3):
        sizes = problem.sizes(seed)
        assert len(set(sizes.values())) == len(sizes)
        assert all(n >= 2 for n in sizes.values())


def test_the_same_equations_in_index_and_matrix_form_and_in_python() -> None:
    forms = [
        SMALL["equations"],
        [r"z_i = \sum_j W_{ij} x_j + b_i", r"a_i = \sigma(z_i)", r"C = \frac{1}{2} \sum_i (a_i - y_i)^2"],
        ["z = W @ x + b", r"a = \sigma(z)", "C = 0.5 * np.sum((a - y)**2)"],
    ]
    line = r"\frac{\partial C}{\partial W} = ((a - y) \odot \sigma'(z)) x^T"
    for equations in forms:
        report = check(line, problem_from({**SMALL, "equations": equations}))
        assert [s.status for s in report.steps] == ["right"], equations


BAD = {
    "a key": ({"equation": []}, "did you mean 'equations'"),
    "a convention": ({"conventions": {"cdott": "matrix"}}, "did you mean 'cdot'"),
    "the value of a convention": ({"conventions": {"cdot": "both"}}, "matrix, elementwise, auto"),
    "an unknown name": ({"equations": ["z = W x + c", *SMALL["equations"][1:]]}, "'c' is not defined"),
    "an unknown function": ({"equations": ["z = W x + b", r"a = \mathrm{sigmod}(z)", SMALL["equations"][2]]}, "'sigmod' is not defined"),
    "shapes that do not fit": ({"equations": ["z = x W + b", *SMALL["equations"][1:]]}, "z = x W + b"),
    "a cycle": ({"equations": ["z = W a + b", r"x = z", r"a = \sigma(z)"]}, "'a' is not defined"),
    "a shape that is no list": ({"shapes": {**SMALL["shapes"], "b": "m"}}, "list of sizes"),
    "a size that is nothing": ({"shapes": {**SMALL["shapes"], "b": [0]}}, "b"),
    "a size below nothing": ({"shapes": {**SMALL["shapes"], "b": [-2]}}, "'shapes'"),
    "two equations for one": ({"equations": [*SMALL["equations"], "z = b"]}, "defined twice"),
    "brackets": ({"equations": ["z = (W x + b", *SMALL["equations"][1:]]}, "never closed"),
    "no equation": ({"equations": ["W x + b"]}, "left = right"),
    "a loss without equation": ({"loss": "L"}, "L"),
    "a list that is none": ({"equations": "z = W x"}, "list of texts"),
    "a fact": ({"facts": {"one_hott": ["y"]}}, "one_hott"),
    "a fact of nothing": ({"facts": {"one_hot": ["t"]}}, "t is no quantity"),
    "facts in no list": ({"facts": {"one_hot": 3}}, "one_hot"),
    "layers": ({"layers": {"l": 0}}, "l"),
    "layers that are none": ({"layers": {"l": [1]}}, "l"),
    "a function's name": ({"functions": {r"\sigma": "sigmoidd"}}, "sigmoid"),
    "upstream of nothing": ({"loss": "L", "upstream": {"g": "q"}}, "q is no quantity"),
    "points for a rubric": ({"rubric": {"steps": "many"}}, "steps"),
    "a name that is no text": ({"names": {"d": 3}}, "d"),
}


@pytest.mark.parametrize("what", BAD)
def test_a_bad_problem_is_refused_in_words(what: str) -> None:
    changed, words = BAD[what]
    with pytest.raises(InputError) as error:
        problem_from({**SMALL, **changed}, "hw.toml").worlds  # noqa: B018
    assert words in str(error.value)
    assert "hw.toml" in str(error.value)
    assert "Traceback" not in str(error.value)


LINES = {
    r"\delta = \nabla_a C \odot \sigm'(z)": "sigm",
    r"\delta = (aa - y) \odot \sigma'(z)": "",
    r"\delta_i = \sum_i (a_i - y_i) \sigma'(z_i)": "",
    r"\delta = (a - t) \odot \sigma'(z)": "'t' is not defined",
    r"\delta = (a - y) \odot f(z)": "'f' is not defined",
    r"\operatorname{vec}(W) = b": "'vec' is not defined",
}


@pytest.mark.parametrize("line", LINES)
def test_a_line_that_cannot_be_judged_says_why(line: str) -> None:
    (step,) = check(line, problem_from(SMALL)).steps
    assert step.status in ("undecided", "wrong")
    assert LINES[line] in step.before.because
    assert "the checker failed" not in step.before.because


def test_a_letter_that_is_free_and_summed() -> None:
    (step,) = check(r"\delta_i = \sum_i (a_i - y_i) \sigma'(z_i)", problem_from(SMALL)).steps
    assert step.status == "wrong"


VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 5), st.floats(allow_nan=False), st.text(max_size=6), st.lists(st.integers(0, 3), max_size=2),
    st.dictionaries(st.sampled_from(["x", "l", "y"]), st.sampled_from(["n", "L", 3]), max_size=2),
)  # fmt: skip


@st.composite
def spoilt(draw: st.DrawFn) -> dict[str, Any]:
    """A problem with one thing replaced, removed, renamed or cut short."""
    data = dict(TABLES[draw(st.sampled_from(sorted(TABLES)))])
    name = draw(st.sampled_from(sorted(data)))
    value = data[name]
    way = draw(st.sampled_from(["replace", "remove", "inside", "letter"]))
    if way == "remove":
        del data[name]
    elif way == "inside" and isinstance(value, dict) and value:
        inner = draw(st.sampled_from(sorted(value)))
        data[name] = {**value, inner: draw(VALUES)}
    elif way == "letter":
        texts = list(value) if isinstance(value, list) else [value]
        place = draw(st.integers(0, len(texts) - 1)) if texts else 0
        if texts and isinstance(texts[place], str) and texts[place]:
            at = draw(st.integers(0, len(texts[place]) - 1))
            texts[place] = texts[place][:at] + draw(st.sampled_from(["", "q", "{", "_", "^", "\\", "9", ")"])) + texts[place][at + 1 :]
        data[name] = texts if isinstance(value, list) else texts[0]
    else:
        data[name] = draw(VALUES)
    return data


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(spoilt())
def test_a_spoilt_problem_is_refused_in_words_or_still_one(data: dict[str, Any]) -> None:
    try:
        problem = problem_from(data, "hw.toml")
        problem.worlds  # noqa: B018
    except InputError as error:
        assert "hw.toml" in str(error)  # noqa: PT017 - not every spoilt problem is refused
    else:
        assert problem.equations is not None


def test_a_file_that_is_no_toml(tmp_path: Path) -> None:
    bad = tmp_path / "bad.toml"
    bad.write_text("equations = [", encoding="utf-8")
    with pytest.raises(InputError, match=r"bad\.toml"):
        load_problem(bad)
    with pytest.raises(InputError, match=r"missing\.toml"):
        load_problem(tmp_path / "missing.toml")


def test_a_declaration_that_does_not_hold_together_is_a_spec_error() -> None:
    with pytest.raises(SpecError, match=r"hw\.toml: b is declared twice"):
        problem_from({**SMALL, "scalars": ["b", "b"]}, "hw.toml")


def test_the_documentation_names_every_key_and_every_convention_with_its_default_first() -> None:
    text = (Path(__file__).parents[2] / "docs" / "problems.md").read_text(encoding="utf-8")
    assert [key for key in FORMS if f"`{key}`" not in text and f"[{key}]" not in text] == []
    said = dict(re.findall(r"^\| `(\w+)` \| ([\w, ]+) \|", text.partition("## Conventions")[2], re.M))
    for name, choices in CHOICES.items():
        values = [str(v).lower() for v in choices]
        assert sorted(said[name].split(", ")) == sorted(values), name
        assert said[name].split(", ")[0] == str(getattr(Conventions(), name)).lower(), name
    assert said.keys() == CHOICES.keys()
