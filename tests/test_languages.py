"""Languages: every message is translated, says the same with the same slots, and no English is left in a document or a report."""

from __future__ import annotations

import copy
import gettext
import os
import pickle
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from html import unescape
from pathlib import Path
from string import Formatter

import messages
import pytest

import symbackprop as sb
from symbackprop.checker.diagnosis.kinds import KINDS
from symbackprop.checker.report.gradescope import gradescope_text
from symbackprop.checker.report.junit import junit_text
from symbackprop.checker.report.page import page
from symbackprop.checker.report.terminal import plain
from symbackprop.checker.verdicts import Report
from symbackprop.documents.blocks import Notes
from symbackprop.documents.saving import documents
from symbackprop.errors import UnknownName
from symbackprop.languages import ENGLISH, LANGUAGES, Language, Message, load_language
from symbackprop.rules import ACTIVATIONS

GLOSSARY = messages.TOP / "docs" / "languages.md"


@cache
def extracted() -> dict[str, set[str]]:
    return {m.id: m.flags for m in messages.extracted() if m.id}


@cache
def lecture() -> Notes:
    return sb.lecture()


@cache
def small() -> Notes:
    return sb.derive(sb.mlp([2, 2, 1], activation="leaky_relu", loss="l1"), detail="full")


@cache
def report() -> Report:
    problem = {"shapes": {"x": [], "u": [], "v": []}}
    return sb.check(r"$$\frac{d}{dv} (x - u v)^2 = 2 (x - u v) u = -2 (x - u v) u$$ $$q < x$$ $$x = \frac{$$", problem, name="hand.tex")


# ---------------------------------------------------------------- the catalogues


@pytest.mark.parametrize("code", messages.CODES)
def test_a_catalogue_holds_each_message_once_and_nothing_else(code: str) -> None:
    """The oracle is Babel's extraction from the sources as they stand; tests/messages.py writes the catalogues anew."""
    found = messages.catalogue(code)
    assert {m.id for m in found if m.id} == set(extracted())
    assert not [m.id for m in found if m.id and m.fuzzy]
    assert not found.obsolete
    assert not [m.id for m in found if m.id and not m.string.strip()]


@pytest.mark.parametrize("code", messages.CODES)
def test_a_translation_has_the_slots_of_its_message(code: str) -> None:
    for m in messages.catalogue(code):
        if m.id:
            assert slots(m.string) == slots(m.id), m.id
            assert m.string.strip() == m.string, m.id
            assert not re.search(r"[\\<>&$#^~]", m.string), m.id  # templates write a message as it is, in LaTeX and in HTML


def slots(text: str) -> list[str]:
    braces = [name for _, name, _, _ in Formatter().parse(text) if name is not None]
    return sorted(braces + re.findall(r"%\(\w+\)s", text))


@pytest.mark.parametrize("code", messages.CODES)
def test_what_is_read_is_what_is_written(code: str) -> None:
    """The compiled catalogue, read by the standard library, against the text, read by Babel."""
    language = load_language(code)
    assert isinstance(language.catalogue, gettext.GNUTranslations)
    assert {m.id: language.text(m.id) for m in messages.catalogue(code) if m.id} == {m.id: m.string for m in messages.catalogue(code) if m.id}


@pytest.mark.parametrize(("code", "charset"), [("zh_Hans", "gb2312"), ("zh_Hant", "big5")])
def test_simplified_and_traditional_are_not_mixed(code: str, charset: str) -> None:
    """GB 2312 has no traditional characters and Big5 no simplified ones."""
    for m in messages.catalogue(code):
        m.string.replace("\u00a0", " ").encode(charset)


def test_a_row_lies_across_in_both_kinds_of_chinese() -> None:
    """A row is written 行 on the mainland and 列 in Taiwan, and a column the other way round."""
    assert "行" in load_language("zh_Hans").text("Examples as rows")
    assert "列" in load_language("zh_Hant").text("Examples as rows")


def glossary() -> list[list[str]]:
    terms = GLOSSARY.read_text(encoding="utf-8").partition("## Terms")[2]
    rows = re.findall(r"^\| ([^|]+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", terms, re.M)
    return [list(r) for r in rows if r[0] != "English"]


@pytest.mark.parametrize("row", glossary(), ids=lambda r: r[0])
def test_a_term_is_said_in_one_way(row: list[str]) -> None:
    """Wherever an English message has a term of the glossary, each translation has its term."""
    term, said = row[0], dict(zip(messages.CODES, row[1:], strict=True))
    having = [m for m in extracted() if re.search(rf"\b{re.escape(term)}(e?s)?\b", re.sub(r"\{\w+\}", "", m), re.I)]
    assert having, "the glossary holds terms that are used"
    for code, words in said.items():
        for message in having:
            found = load_language(code).text(message)
            assert any(w.lower() in found.lower() for w in words.split(", ")), (code, message, found)


# ---------------------------------------------------------------- documents and reports


class _Marked(gettext.NullTranslations):
    """Not a language: every message between brackets, so that what is not a message shows."""

    def gettext(self, message: str) -> str:
        return f"⟦{message}⟧"


MARKED = Language("en", "marked", "en", "pdflatex", catalogue=_Marked())


def outside_brackets(text: str) -> str:
    while "⟦" in text:
        text, before = re.sub(r"⟦[^⟦⟧]*⟧", " ", text), text
        assert text != before, "brackets that do not match"
    return text


def words(page: str) -> set[str]:
    """The words of a page that stand in no message and in no formula."""
    body = re.sub(r"<(style|script|math|code|pre)\b.*?</\1>|<svg.*?</svg>", " ", page[page.index("<body>") :], flags=re.S)
    return set(re.findall(r"[A-Za-z]{2,}", outside_brackets(unescape(re.sub(r"<[^>]+>", " ", body)))))


@pytest.mark.parametrize("notes", [lecture, small], ids=["lecture", "network"])
def test_all_english_of_notes_is_messages(notes: object) -> None:
    """What stands outside the messages are formulas, numbers and the names of rules, derivations and networks."""
    found = documents(replace(notes(), language=MARKED), ("html",))["notes.html"]  # type: ignore[operator]
    names = {part for name in ACTIVATIONS for part in name.split("_")}
    assert words(found) <= names | {"BP"} | set(re.findall(r"[A-Za-z]+", notes().title)), notes  # type: ignore[operator]
    assert all("⟦" in text for text in re.findall(r"<mtext>([^<]*[a-z][^<]*)</mtext>", found))  # if, otherwise


@pytest.mark.parametrize("code", messages.CODES)
def test_formulas_are_the_same_in_every_language(code: str) -> None:
    def formulas(language: Language) -> list[str]:
        text = documents(replace(small(), language=language), ("html",))["notes.html"]
        return sorted(re.sub(r"<mtext>.*?</mtext>", "", m) for m in re.findall(r"<math.*?</math>", text, re.S))

    assert formulas(load_language(code)) == formulas(ENGLISH)


@pytest.mark.parametrize("code", messages.CODES)
def test_a_page_says_what_language_it_is_in(code: str) -> None:
    language = load_language(code)
    for text in (documents(replace(small(), language=language), ("html",))["notes.html"], page(report(), language)):
        assert f'<html lang="{language.tag}">' in text
        assert f'lang="{language.tag}"]' in text, "the style sheet has fonts for it"
    assert f'lang="{language.tag}"' in replace(small(), language=language)._repr_html_()
    assert "代入" in documents(replace(small(), language=load_language("zh_Hans")), ("tex",))["notes.tex"]


def test_all_english_of_reports_is_messages() -> None:
    """Names, formulas, numbers and what a reader of formulas says of a formula that it cannot read are no messages."""
    assert not words(page(report(), MARKED)) - {"hand", "tex"} - reasons()
    for text in (plain(report(), MARKED), junit_text([report()], MARKED), gradescope_text(report(), {}, MARKED)):
        assert "⟦" in text
        assert not re.search(r"\b(right|wrong|undecided|step|line|column)\b", outside_brackets(re.sub(r"\w+=\"[\w.]*\"|\"status\": .*", "", text)))


def reasons() -> set[str]:
    """The words of the reader of formulas, in a report."""
    because = [s.before.because for s in report().steps]
    said = [str(b.slots["error"]) for b in because if isinstance(b, Message) and "error" in b.slots]
    return set(re.findall(r"[A-Za-z]{2,}", " ".join(said)))


@pytest.mark.parametrize("code", messages.CODES)
def test_every_kind_of_mistake_is_said_in_every_language(code: str) -> None:
    language = load_language(code)
    for sentence in KINDS.values():
        given = {name: "W" for _, name, _, _ in Formatter().parse(sentence) if name is not None}
        said = language.say(Message(sentence, **given))
        assert said != Message(sentence, **given)
        assert "{" not in said


def test_a_report_is_said_whole() -> None:
    wrong = report().first_wrong
    assert wrong is not None
    assert wrong.diagnosis is not None
    text = plain(report(), load_language("vi"))
    assert "Sai dấu:" in text
    assert "hai vế khác nhau" in text
    assert "Bước sai đầu tiên là bước 1 (dòng 1, cột 3)." in text
    assert "符号错误" in page(report(), load_language("zh_Hans"))


def test_lines_of_chinese_fit_a_terminal() -> None:
    from rich.cells import cell_len

    lines = plain(report(), load_language("zh_Hant")).splitlines()
    assert max(map(cell_len, lines)) <= 96


# ---------------------------------------------------------------- what a user types


@pytest.mark.parametrize(("typed", "code"), [("vi", "vi"), ("VI", "vi"), ("zh-Hans", "zh_Hans"), ("zh-TW", "zh_Hant"), ("zh_cn", "zh_Hans")])
def test_a_language_is_found_by_its_code_its_tag_or_its_country(typed: str, code: str) -> None:
    assert load_language(typed).code == code


@pytest.mark.parametrize(("typed", "near"), [("zh_Han", "did you mean 'zh_Han"), ("klingon", "Known: en, vi, zh_Hans, zh_Hant."), ("", "Known:")])
def test_an_unknown_language_is_named_with_the_near_miss(typed: str, near: str) -> None:
    with pytest.raises(UnknownName, match=re.escape(near)):
        load_language(typed)
    with pytest.raises(UnknownName, match="unknown language"):
        sb.derive(sb.mlp([2, 1]), language=typed)


def test_a_message_keeps_its_slots_on_the_way_to_another_process() -> None:
    message = Message("{status}: {because}", status=Message("wrong"), because="a {b}")
    for again in (pickle.loads(pickle.dumps(message)), copy.deepcopy(message)):
        assert again == "wrong: a {b}"
        assert load_language("vi").say(again) == "sai: a {b}"
    assert load_language("vi").say("wrong") == "wrong", "a plain string is a name"


def has_chinese_tex() -> bool:
    if shutil.which("xelatex") is None:
        return False
    files = ["xeCJK.sty", "FandolKai-Regular.otf", "bkai00mp.ttf"]
    return len(subprocess.run(["kpsewhich", *files], capture_output=True, text=True).stdout.splitlines()) == len(files)


def tex_logs(tmp_path: Path) -> Iterator[tuple[str, str]]:
    for code in messages.CODES:
        place = tmp_path / code
        replace(small(), language=load_language(code)).save(str(place), ("tex",))
        run = ["xelatex", "-interaction=nonstopmode", "-halt-on-error", "notes.tex"]
        for _ in range(2):
            done = subprocess.run(run, cwd=place, capture_output=True, text=True, timeout=300, errors="replace")
            assert done.returncode == 0, done.stdout[-2000:]
        yield code, (place / "notes.log").read_text(encoding="utf-8", errors="replace")


@pytest.mark.skipif(not has_chinese_tex() and "CI" not in os.environ, reason="xelatex is not installed, or not with Chinese")
def test_xelatex_sets_every_language_without_a_missing_character(tmp_path: Path) -> None:
    for code, log in tex_logs(tmp_path):
        assert not re.findall(r".*(?:Missing character|undefined|multiply defined|Overfull).*", log), code


def test_every_language_has_what_it_needs() -> None:
    for language in LANGUAGES.values():
        assert (messages.TOP / "templates" / "fonts" / f"{language.code}.tex").is_file()


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    from symbackprop.cli import main

    monkeypatch.setattr("sys.argv", ["symbackprop", *arguments])
    try:
        main()
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def test_the_command_line_writes_notes_in_a_language(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = tmp_path / "net.toml"
    spec.write_text('[mlp]\nsizes = [2, 1]\nactivation = "sigmoid"\nloss = "quadratic"\n', encoding="utf-8")
    assert run(monkeypatch, "notes", str(spec), "--lang", "zh-Hant", "-o", str(tmp_path / "out")) == 0
    assert '<html lang="zh-Hant">' in (tmp_path / "out" / "notes.html").read_text(encoding="utf-8")
    assert "Noto Serif CJK TC" in (tmp_path / "out" / "notes.tex").read_text(encoding="utf-8")


def test_the_command_line_reports_in_a_language(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    problem, hand = tmp_path / "p.toml", tmp_path / "hand.tex"
    problem.write_text("[shapes]\nx = []\nu = []\nv = []\n", encoding="utf-8")
    hand.write_text(r"\[\frac{d}{dv} (x - u v)^2 = 2 (x - u v) u\]", encoding="utf-8")
    assert run(monkeypatch, "check", str(hand), "--problem", str(problem), "--lang", "vi") == 1
    assert "Sai dấu:" in capsys.readouterr().out


@pytest.mark.parametrize("command", [("notes",), ("check", "hand.tex", "--problem", "p.toml")], ids=lambda c: c[0])
def test_the_command_line_names_the_near_miss(
    command: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(monkeypatch, *command, "--lang", "zh_Hanss") == 2
    assert "unknown language 'zh_Hanss'; did you mean 'zh_Hans'?" in capsys.readouterr().err


def test_the_command_line_lists_the_languages(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, "list", "languages") == 0
    assert capsys.readouterr().out == "languages: en, vi, zh_Hans, zh_Hant\n"
