"""Worksheets: the key is right and every distractor wrong by the written problem file, in every notation; sheets are set by their programs."""

from __future__ import annotations

import doctest
import os
import re
import subprocess
import tomllib
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from programs import needs

import symbackprop as sb
from symbackprop import cli
from symbackprop.checker.diagnosis.kinds import KINDS
from symbackprop.checker.problem import Problem, load_problem, problem_from
from symbackprop.checker.report.gradescope import results
from symbackprop.checker.verdicts import Status
from symbackprop.documents.blocks import Chain
from symbackprop.errors import InputError, SpecError, UnknownName
from symbackprop.notation import notation_names
from symbackprop.typeset.latex import latex
from symbackprop.worksheet import Worksheet, lecture_worksheet, worksheet
from symbackprop.worksheet.choosing import chosen
from symbackprop.worksheet.files import FORMATS
from symbackprop.worksheet.grading import answer_file, problem_file, toml
from symbackprop.worksheet.lectured import SECTIONS
from symbackprop.worksheet.lines import MATRIX, Line, lines_of
from symbackprop.worksheet.rendering import SHEETS

NETWORKS = {
    "batch": sb.mlp([3, 4, 2], activation="sigmoid", output="softmax", loss="cross_entropy", samples="m", name="a batch"),
    "flat": sb.mlp([3, 2], activation="tanh", output="softmax", loss="cross_entropy", samples="m"),
    "one": sb.mlp([3, 2], activation="tanh", output="identity", loss="quadratic", name="50% of a_b & #c <d> | $e$ {f}"),
    "deep": sb.deep(activation="sigmoid"),
    "skip": sb.Network.from_equations(
        ["z[j] = sum(k, w[j, k]*x[k])", "h[j] = tanh(z[j]) + x[j]", "C = 1/2*sum(j, (y[j] - h[j])**2)"],
        tensors={"w": (3, 3), "x": (3,), "y": (3,)}, parameters=["w"], targets=["y"], name="a skip connection"),
    "conv": sb.Network.from_equations(
        ["z[i, j] = sum(p, q, w[p, q]*x[i + p - 1, j + q - 1]) + b", "a[i, j] = tanh(z[i, j])", "C = 1/2*sum(i, j, (a[i, j] - y[i, j])**2)"],
        tensors={"w": (2, 3), "x": (4, 6), "b": (), "y": (3, 4), "z": (3, 4), "a": (3, 4)}, parameters=["w", "b"], targets=["y"],
        name="a convolution"),
    "attention": sb.Network.from_equations(
        ["e[i, j] = sum(k, q[i, k]*x[j, k])", "p[i, j] = exp(e[i, j])/sum(k, exp(e[i, k]))", "o[i, j] = sum(k, p[i, k]*v[k, j])",
         "C = 1/2*sum(i, j, (o[i, j] - y[i, j])**2)"],
        tensors={"x": (3, 4), "q": (3, 4), "v": (3, 5), "y": (3, 5)}, parameters=["q", "v"], targets=["y"], name="attention"),
}  # fmt: skip


@cache
def made(kind: str, notation: str = "nielsen", blanks: tuple[str, ...] = ("every:3",), seed: int = 0, **options: Any) -> Worksheet:
    return worksheet(NETWORKS[kind], notation, blanks=blanks, seed=seed, **options)


def problem(sheet: Worksheet) -> Problem:
    """The problem as the file says it, which is all that the command knows."""
    return problem_from(tomllib.loads(problem_file(sheet)))


# ---------------------------------------------------------------- right and wrong answers


@pytest.mark.parametrize("notation", notation_names())
def test_the_key_is_right_and_every_distractor_wrong_by_the_written_problem(notation: str) -> None:
    """The oracle is the checker, which reads the problem file and the submission and knows nothing of the sheet.

    It names the mistake by itself, as the sheet does in most cases; several small changes may mend one line.
    """
    sheet = made("flat", notation, ("every:4", "results"), 5)
    asked = problem(sheet)
    key = sb.check(answer_file(sheet, {b.label: b.line.right for b in sheet.blanks}), asked, kind="md", timeout=100)
    assert [(s.status, s.text) for s in key.steps if s.status is not Status.RIGHT] == []
    assert len(key.steps) == len(sheet.blanks)
    assert key.status is Status.RIGHT
    assert results(key, asked.rubric)["score"] == pytest.approx(sheet.points, abs=1e-3)
    assert sum(asked.rubric.values()) == sheet.points
    kinds: list[tuple[str, str]] = []
    for n in range(3):
        picked = {b.label: wrong[n] for b in sheet.blanks if len(wrong := [o for o in b.options if o.why is not None]) > n}
        report = sb.check(answer_file(sheet, {label: o.text for label, o in picked.items()}), asked, kind="md", timeout=100)
        found = dict(zip((b.label for b in sheet.blanks), report.steps, strict=True))
        assert [(label, found[label].text) for label in picked if found[label].status is not Status.WRONG] == []
        diagnoses = {label: found[label].diagnosis for label in picked}
        kinds += [(o.kind, d.kind) for label, o in picked.items() if (d := diagnoses[label]) is not None]
    assert sum(ours == theirs for ours, theirs in kinds) >= 0.7 * len(kinds), kinds
    assert len(kinds) > 0.9 * sum(len(b.options) - 1 for b in sheet.blanks if b.options)


@pytest.mark.parametrize("kind", ["one", "deep"])
def test_answers_for_one_example_and_any_depth(kind: str) -> None:
    sheet = made(kind, "ng", ("every:1",), 1)
    report = sb.check(answer_file(sheet, {b.label: b.line.right for b in sheet.blanks}), problem(sheet), kind="md", timeout=100)
    assert report.status is Status.RIGHT
    assert len(report.steps) == len(sheet.blanks) > 10


@pytest.mark.parametrize("notation", notation_names())
@pytest.mark.parametrize("kind", ["skip", "conv", "attention"])
def test_the_key_of_equations_that_were_typed_is_right_in_every_notation(kind: str, notation: str) -> None:
    """Such a network keeps its own axes whatever the notation stores; the problem file reads it as the sheet prints it."""
    sheet = made(kind, notation, ("results",))
    report = sb.check(answer_file(sheet, {b.label: b.line.right for b in sheet.blanks}), problem(sheet), kind="md", timeout=100)
    assert [(s.status, s.text) for s in report.steps if s.status is not Status.RIGHT] == []
    assert len(report.steps) == len(sheet.blanks)
    wrong = {b.label: next((o.text for o in b.options if o.why is not None), "?") for b in sheet.blanks}
    report = sb.check(answer_file(sheet, wrong), problem(sheet), kind="md", timeout=100)
    assert Status.RIGHT not in {s.status for s in report.steps}


@pytest.mark.parametrize("section", SECTIONS)
def test_the_key_of_a_section_of_the_lecture_is_right(section: str) -> None:
    """In two notations each line of each derivation, judged by the written problem; the sheet stops before the lecture's tables of results."""
    for notation in ("nielsen", "ng"):
        sheet = lecture_worksheet(section, notation, blanks="results")
        report = sb.check(answer_file(sheet, {b.label: b.line.right for b in sheet.blanks}), problem(sheet), kind="md", timeout=100)
        assert [(s.status, s.text) for s in report.steps if s.status is not Status.RIGHT] == []
        assert len(report.steps) == len(sheet.blanks) > 3
        assert sum(problem(sheet).rubric.values()) == sheet.points
        assert isinstance(sheet.notes.sections[0].blocks[-1], Chain)


def test_a_line_that_holds_for_some_layers_is_asked_for_with_them() -> None:
    """The last layer has another activation: for it the line is wrong, so the file to be filled in says for which layers it is asked."""
    sheet = lecture_worksheet("chosen-entropy", blanks="steps:BP2.4")
    assert r", \quad l = 2, \ldots, L - 1" in answer_file(sheet)
    right = answer_file(sheet, {b.label: b.line.right for b in sheet.blanks})
    assert sb.check(right, problem(sheet), kind="md", timeout=100).status is Status.RIGHT
    everywhere = right.replace(r", \quad l = 2, \ldots, L - 1", "")
    assert sb.check(everywhere, problem(sheet), kind="md", timeout=100).status is Status.WRONG


def test_a_section_that_the_lecture_does_not_have_is_refused() -> None:
    with pytest.raises(UnknownName, match="did you mean 'four-equations'"):
        lecture_worksheet("four-equation")


def test_an_empty_sheet_earns_nothing() -> None:
    sheet = made("one", blanks=("results",))
    asked = problem(sheet)
    report = sb.check(answer_file(sheet), asked, kind="md")
    assert {s.status for s in report.steps} == {Status.UNDECIDED}
    assert results(report, asked.rubric)["score"] == 0


def test_every_blank_has_one_right_option_and_three_different_mistakes() -> None:
    sheet = made("batch", "ng", ("every:2",), 3)
    assert [len(b.options) for b in sheet.blanks].count(4) > 0.8 * len(sheet.blanks)
    for b in sheet.blanks:
        assert [o.text for o in b.options if o.why is None] == [b.line.right]
        assert b.answer is not None
        assert "".join(o.letter for o in b.options) == "ABCD"[: len(b.options)]
        assert len({latex(o.shown) for o in b.options}) == len(b.options)
        assert {o.kind for o in b.options if o.why is not None} <= set(KINDS)
    assert len({o.kind for b in sheet.blanks for o in b.options if o.kind}) > 7
    assert len({b.answer.letter for b in sheet.blanks if b.answer}) > 2


def test_a_wrong_formula_is_explained_by_what_was_changed_in_it() -> None:
    for b in made("one", blanks=("every:1",)).blanks:
        for o in b.options:
            if o.why is not None:
                assert o.why.text == KINDS[o.kind]
                assert set(o.why.slots) == {"old", "new"}
                assert latex(o.why.slots["new"]) != latex(o.why.slots["old"])


# ---------------------------------------------------------------- which lines are blank

LINES = [
    [Line("A", 1, "definition", "a", "1", "equiv", None, False), Line("A", 2, "chain rule", "a", "2", "=", None),  # type: ignore[arg-type]
     Line("A", 3, "one term", "a", "3", "=", None), Line("A", 4, MATRIX, "A", "4", "=", None)],  # type: ignore[arg-type]
    [Line("B-1", 1, "chain rule", "b", "5", "=", None), Line("B-1", 2, "substitute", "b", "6", "=", None)],  # type: ignore[arg-type]
]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "rights"),
    [(["results"], "346"), (["kind:chain rule"], "25"), (['kind:"chain rule",substitute'], "256"), (["steps:2"], "26"),
     (["steps:A.2, B-1.1"], "25"), (["kind: matrix form"], "4"), (["every:1"], "23456"), (["results", "steps:2"], "2346"), (["steps:3"], "34")],
)  # fmt: skip
def test_blanks_are_chosen(words: list[str], rights: str) -> None:
    """A matrix form is asked for with its result; a definition never is."""
    assert "".join(line.right for line in chosen(words, LINES, Random(0))) == rights


def test_every_third_is_one_of_each_three() -> None:
    lines = [[Line("A", n, "one term", "a", str(n), "=", None) for n in range(1, 13)]]  # type: ignore[arg-type]
    seen = set()
    for seed in range(20):
        numbers = [line.number for line in chosen(["every:3"], lines, Random(seed))]
        assert [(n - 1) // 3 for n in numbers] == [0, 1, 2, 3]
        seen.add(tuple(numbers))
    assert len(seen) > 5


@pytest.mark.parametrize(
    ("word", "kind", "says"),
    [("evry:3", UnknownName, "did you mean 'every'"), ("", UnknownName, "Known: every, kind, results, steps."),
     ("every:0", InputError, "a whole number from 1"), ("every", InputError, "as in every:3"), ("every:x", InputError, "every:x"),
     ("kind:chian rule", UnknownName, "did you mean 'chain rule'"), ("kind:", UnknownName, "Known: chain rule, matrix form, one term, substitute."),
     ("steps:two", InputError, "as in steps:2,5"), ("steps:BP1.2", UnknownName, "unknown derivation 'BP1'"), ("steps:2,,5", InputError, "steps"),
     ("results:2", InputError, "nothing stands after 'results'"),
     ("steps:9", InputError, "leaves no blanks: there are 2 derivations of up to 4 lines"),
     ("steps:A.1", InputError, "leaves no blanks")],
)  # fmt: skip
def test_a_choice_that_cannot_be_is_answered_with_those_that_can(word: str, kind: type[Exception], says: str) -> None:
    with pytest.raises(kind, match=re.escape(says)):
        chosen([word], LINES, Random(0))


def test_no_blanks_at_all_are_refused() -> None:
    with pytest.raises(InputError, match="leaves no blanks"):
        worksheet(NETWORKS["one"], blanks=())


def test_what_is_no_worksheet_is_refused() -> None:
    fixed = sb.Network.from_equations(["C = 1/2*sum(j, (y[j] - x[j])**2)"], tensors={"x": (2,), "y": (2,)}, parameters=[], targets=["y"])
    with pytest.raises(SpecError, match="depends on no parameter"):
        worksheet(fixed)
    with pytest.raises(UnknownName, match="did you mean 'nielsen'"):
        worksheet(NETWORKS["one"], "nilsen")
    with pytest.raises(UnknownName, match="unknown format 'beamer'"):
        made("one").documents(["beamer"])


# ---------------------------------------------------------------- the same again


def test_one_seed_makes_the_same_bytes_and_another_another_sheet() -> None:
    formats = [f for f in FORMATS if f != "pdf"]
    net = sb.mlp([3, 2], activation="tanh", output="identity", loss="quadratic", name=NETWORKS["one"].name)
    first, again, other = (worksheet(net, "ng", seed=seed).documents(formats) for seed in (1, 1, 2))
    assert first == again
    assert set(first) == {f"{sheet}.{f}" for sheet in SHEETS for f in formats} | {"problem.toml", "answer.md", "figures/forward-1.svg"}
    assert {name for name in first if first[name] == other[name]} <= {"problem.toml", "figures/forward-1.svg"}


def test_a_blank_has_the_same_options_whatever_else_is_blank() -> None:
    few, all_ = made("one", blanks=("results",), seed=4), made("one", blanks=("every:1",), seed=4)
    by_line = {(b.line.derivation, b.line.number): b.options for b in all_.blanks}
    assert all(by_line[b.line.derivation, b.line.number] == b.options for b in few.blanks)


# ---------------------------------------------------------------- what the sheets hold


@pytest.mark.parametrize("blanks", [("results",), ("every:3",), ("every:5",)])
@pytest.mark.parametrize(("kind", "notation"), [("batch", "nielsen"), ("batch", "ng"), ("batch", "rows"), ("batch", "bishop"), ("skip", "nielsen"),
                                                ("flat", "cs224n")])  # fmt: skip
def test_the_student_sheet_does_not_say_what_it_asks_for(kind: str, notation: str, blanks: tuple[str, ...]) -> None:
    """No reason repeats a result that is asked for, and no line that is shown has it in it; the oracle are the printed texts."""
    sheet = made(kind, notation, blanks)
    files = sheet.documents(["tex"])
    student, key = str(files["worksheet.tex"]), str(files["key.tex"])
    gradients = student[student.index("sec:backward") :]
    reasons = re.findall(r"\\\((.*?)\\\)", gradients)
    results = [b for b in sheet.blanks if b.points == 2]
    assert {f"{b.line.left} = {b.line.right}" for b in results}.isdisjoint(reasons)
    assert student.count(r"\emptybox{") == len(sheet.blanks)
    assert r"\emptybox{a}" not in key
    assert all(rf"\filledbox{{{b.label}}}" in key for b in sheet.blanks)
    hidden = {(b.line.derivation, b.line.number) for b in sheet.blanks}
    shown = [line for lines in lines_of(sheet.notes.sections, sheet.notes.language) for line in lines if (line.derivation, line.number) not in hidden]
    for b in results:
        formula = _anonymous(b.line.right)
        others = [_anonymous(line.right) for line in shown if line.derivation != b.line.derivation]
        sums = formula.startswith(r"\sum")  # of one thing: that it stands within another says nothing
        assert sums or len(formula) < 20 or not [text for text in others if formula in text]


def _anonymous(text: str) -> str:
    """The text without a sign in front and with one letter for all indices."""
    return re.sub(r"_\{?[a-z]+\}?", "_.", text.removeprefix("-"))


def test_a_line_into_which_a_result_is_put_is_a_blank_with_it() -> None:
    first = [Line("A", 1, "one term", "a", "1", "=", None), Line("A", 2, "one term", "a", "2", "=", None)]  # type: ignore[arg-type]
    then = [Line("B", 1, "chain rule", "b", "3", "=", None), Line("B", 2, "substitute", "b", "4", "=", None, shows=frozenset("A"))]  # type: ignore[arg-type]
    last = [Line("C", 1, "chain rule", "c", "5", "=", None), Line("C", 2, "substitute", "c", "6", "=", None, shows=frozenset("B")),  # type: ignore[arg-type]
            Line("C", 3, "cancel", "c", "7", "=", None)]  # type: ignore[arg-type]  # fmt: skip
    for word, rights in (("steps:A.2", "246"), ("steps:A.1", "1"), ("steps:B.2", "46"), ("steps:C.3", "7")):
        assert "".join(line.right for line in chosen([word], [first, then, last], Random(0))) == rights


def test_the_hint_of_a_blank_stays() -> None:
    sheet = made("one", blanks=("kind:chain rule",))
    text = str(sheet.documents(["tex"])["worksheet.tex"])
    assert text.count("By the chain rule, since") == len(sheet.blanks)


def test_students_get_options_only_when_they_are_to_choose() -> None:
    written, choosing = (made("one", seed=2, choices=c).documents(["tex", "html", "md", "typ"]) for c in (False, True))
    for f in ("tex", "html", "md", "typ"):
        assert "should be" not in str(written[f"worksheet.{f}"]) + str(choosing[f"worksheet.{f}"]) + str(choosing[f"key.{f}"])
        assert "should be" in str(written[f"instructor.{f}"])
        assert str(written[f"instructor.{f}"]) == str(choosing[f"instructor.{f}"])
    assert r"\choice{A}" in str(choosing["worksheet.tex"])
    assert r"\choice{A}" not in str(written["worksheet.tex"])
    assert r"\goodchoice{" not in str(choosing["worksheet.tex"]).split(r"\begin{document}")[1]


def test_whoever_chooses_is_told_to_type_the_formula_and_a_letter_earns_nothing() -> None:
    """The checker reads formulas: a letter typed in the place of one is never right."""
    sheet = made("one", choices=True)
    assert "not its letter" in answer_file(sheet)
    assert "not its letter" not in answer_file(made("one"))
    letters = {b.label: b.answer.letter for b in sheet.blanks if b.answer}
    typed = answer_file(sheet, letters)
    report = sb.check(typed, problem(sheet), kind="md", timeout=100)
    judged = [s for s in report.steps if typed.splitlines()[s.line - 1].endswith(("= A", "= B", "= C", "= D"))]
    assert len(judged) == len(letters)
    assert not any(str(s.status) == "right" for s in judged)


def test_points_and_a_line_for_the_name_stand_on_the_student_sheet_alone() -> None:
    sheet = made("one")
    files = sheet.documents(["tex", "html", "md"])
    assert f"/ {sheet.points}" in str(files["worksheet.html"])
    for f in ("tex", "html", "md"):
        assert "Name:" in str(files[f"worksheet.{f}"])
        assert "Name:" not in str(files[f"key.{f}"]) + str(files[f"instructor.{f}"])


# ---------------------------------------------------------------- the files

TEXTS = st.text(max_size=20)
VALUES = st.one_of(TEXTS, st.integers(-(2**60), 2**60), st.booleans(), st.floats(allow_nan=False, allow_infinity=False), st.lists(TEXTS, max_size=4))


@given(st.dictionaries(TEXTS, st.one_of(VALUES, st.dictionaries(TEXTS, VALUES, min_size=1, max_size=4)), max_size=6))
def test_what_is_written_as_toml_is_read_as_it_was(table: dict[str, Any]) -> None:
    """The oracle is the standard library's reader."""
    assert tomllib.loads(toml(table)) == table


def test_what_toml_does_not_know_is_no_value() -> None:
    with pytest.raises(TypeError, match="TOML has no NoneType"):
        toml({"a": None})


def test_the_files_are_checked_by_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.toml").write_text('[mlp]\nsizes = [3, 2]\nactivation = "tanh"\nloss = "quadratic"\n', encoding="utf-8")

    def run(*arguments: str) -> int:
        monkeypatch.setattr("sys.argv", ["symbackprop", *arguments])
        try:
            cli.main()
        except SystemExit as stop:
            return int(stop.code or 0)
        return 0

    assert run("worksheet", "net.toml", "--blanks", "results", "--seed", "3", "--format", "md", "-o", "sheets") == 0
    assert "blanks, " in capfd.readouterr().out
    answer = tmp_path / "sheets" / "answer.md"
    assert run("check", str(answer), "--problem", "sheets/problem.toml", "--jobs", "1") == 1
    sheet = worksheet(sb.load_specification(tmp_path / "net.toml").network, blanks="results", seed=3)
    assert answer.read_text(encoding="utf-8") == answer_file(sheet)
    assert load_problem(tmp_path / "sheets" / "problem.toml").targets
    answer.write_text(answer_file(sheet, {b.label: b.line.right for b in sheet.blanks}), encoding="utf-8")
    assert run("check", str(answer), "--problem", "sheets/problem.toml", "--jobs", "1") == 0
    capfd.readouterr()
    assert run("worksheet", "--section", "logistic", "--section", "two-two-one", "--blanks", "results", "--format", "md", "-o", "lecture") == 0
    assert {p.parent.name for p in (tmp_path / "lecture").glob("*/problem.toml")} == {"logistic", "two-two-one"}
    assert (tmp_path / "lecture" / "two-two-one" / "figures" / "two-two-one-1.svg").exists()
    capfd.readouterr()
    for arguments, says in (
        (("--section", "logistic"), "leave out SPEC, or the section"),
        (("--blanks", "evry:2"), "unknown choice of blanks 'evry'; did you mean 'every'?"),
        (("--format", "beamer"), "Known: html, md, pdf, tex, typ."),
        (("--blanks", "steps:99"), "leaves no blanks"), (("--lang", "klingon"), "unknown language"), (("--seed", "x"), "--seed"),
    ):  # fmt: skip
        assert run("worksheet", "net.toml", *arguments, "-o", "nothing") == 2
        assert says in capfd.readouterr().err
    assert not (tmp_path / "nothing").exists()


def test_a_template_of_ones_own_is_taken(tmp_path: Path) -> None:
    (tmp_path / "worksheet.md").write_text("My sheet on {{ title }}, {{ points }} points\n", encoding="utf-8")
    assert str(made("one").documents(["md"], tmp_path)["worksheet.md"]).startswith("My sheet on 50% of")
    (tmp_path / "worksheet.md").write_text("{{ nothing }}", encoding="utf-8")
    with pytest.raises(InputError, match=r"worksheet\.md, line 1|'nothing' is undefined"):
        made("one").documents(["md"], tmp_path)


# ---------------------------------------------------------------- set by their programs


def _set(sheet: Worksheet, folder: Path, program: str) -> None:
    """TeX runs twice without a complaint."""
    sheet.save(folder, ["tex"])
    for name in SHEETS:
        for _ in range(2):
            run = [program, "-interaction=nonstopmode", "-halt-on-error", f"{name}.tex"]
            done = subprocess.run(run, cwd=folder, env={**os.environ, "max_print_line": "1000"}, capture_output=True, text=True, errors="replace",
                                  timeout=300)  # fmt: skip
            assert done.returncode == 0, done.stdout[-2000:]
        log = (folder / f"{name}.log").read_text(encoding="utf-8", errors="replace")
        assert re.findall(r".*(?:Missing character|undefined|multiply defined|Overfull).*", log) == []


@needs("pdflatex")
@pytest.mark.parametrize(("kind", "notation", "choices"), [("batch", "ng", True), ("batch", "three_blue_one_brown", False), ("one", "nielsen", True),
                                                           ("deep", "rows", False)])  # fmt: skip
def test_pdflatex_sets_the_three_sheets(kind: str, notation: str, choices: bool, tmp_path: Path) -> None:
    _set(made(kind, notation, ("every:2",), 1, choices=choices), tmp_path, "pdflatex")


@needs("xelatex")
@pytest.mark.parametrize("language", ["vi", "zh_Hans", "zh_Hant"])
def test_xelatex_sets_them_in_every_language(language: str, tmp_path: Path) -> None:
    _set(made("one", "nielsen", ("every:2",), 1, choices=True, language=language), tmp_path, "xelatex")


@needs("pdftotext")
@pytest.mark.parametrize("choices", [False, True])
def test_typst_sets_them_and_no_page_is_blank(choices: bool, tmp_path: Path) -> None:
    pytest.importorskip("typst")
    sheet = made("batch", "ng", ("every:3",), 0, choices=choices)
    sheet.save(tmp_path, ["pdf"], pdf_engine="typst")
    for name in SHEETS:
        pdf = tmp_path / f"{name}.pdf"
        text = subprocess.run(["pdftotext", "-layout", str(pdf), "-"], capture_output=True, text=True, check=True, timeout=60).stdout
        assert all(f"({b.label}" in text for b in sheet.blanks)
        subprocess.run(["pdftoppm", "-gray", "-r", "20", str(pdf), str(tmp_path / name)], check=True, timeout=120)
        assert all(min(p.read_bytes()[15:]) < 200 for p in tmp_path.glob(f"{name}*.pgm"))


@needs("chromium")
@pytest.mark.parametrize("name", SHEETS)
def test_chromium_shows_every_box_within_the_window(name: str, tmp_path: Path) -> None:
    """A script added to a copy writes down how wide the page came out, and how many boxes have a size."""
    sheet = made("batch", "ng", ("every:3",), 0, choices=True)
    page = str(sheet.documents(["html"])[f"{name}.html"])
    script = """<script>
    const seen = [...document.querySelectorAll(".blank, .chain .answer")].filter(b => b.getBoundingClientRect().width > 40 && b.offsetHeight > 15)
    document.title = [document.documentElement.scrollWidth, window.innerWidth, seen.length].join("/")</script></body>"""
    (tmp_path / "page.html").write_text(page.replace("</body>", script), encoding="utf-8")
    done = subprocess.run(
        ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom", f"--user-data-dir={tmp_path}/profile", "--window-size=700,1500",
         (tmp_path / "page.html").as_uri()],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    needed, room, boxes = map(int, re.search(r"<title>(\d+)/(\d+)/(\d+)</title>", done.stdout).groups())  # type: ignore[union-attr]
    assert needed <= room
    assert boxes >= len(sheet.blanks)


# ---------------------------------------------------------------- the page


def test_the_page_of_the_manual_runs() -> None:
    page = Path(__file__).parent.parent / "docs" / "worksheets.md"
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    assert doctest.testfile(str(page), module_relative=False, optionflags=flags).failed == 0
