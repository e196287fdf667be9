"""The files of a worksheet: three sheets in each format, the problem that grades, and the file to be filled in."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from symbackprop.documents.formats import Style
from symbackprop.documents.markdown import MARKDOWN, displays, single_spaced, with_files
from symbackprop.documents.pdf import TYPST, pdf_engine
from symbackprop.documents.rendering import HTML, LATEX, Medium
from symbackprop.documents.saving import templates_named, wanted
from symbackprop.documents.templates import environment
from symbackprop.languages import Message
from symbackprop.typeset.mathml import CSS
from symbackprop.worksheet.grading import answer_file, problem_file
from symbackprop.worksheet.rendering import INSTRUCTOR, KEY, SHEETS, STUDENT, rendered
from symbackprop.worksheet.sheet import Worksheet

__all__ = ["FORMATS", "PROBLEM", "files"]

PROBLEM = "problem.toml"


def files(sheet: Worksheet, formats: Sequence[str], templates: str | Path | None = None, engine: str = "auto") -> dict[str, str | bytes]:
    """Every file of a worksheet by its name; errors as in `Worksheet.documents`."""
    names, style = wanted(formats, templates, engine, FORMATS, sheet.notes.language)
    found: dict[str, str | bytes] = {}
    with templates_named():
        for which in SHEETS:
            found |= {f"{which}.{name}": FORMATS[name](sheet, which, style) for name in names}
        if "md" in names:
            found |= with_files(rendered(sheet, STUDENT, MARKDOWN))
        return {**found, PROBLEM: problem_file(sheet), "answer.md": answer_file(sheet, templates=style.templates)}


def _page(sheet: Worksheet, which: str, medium: Medium, style: Style, template: str, **more: Any) -> str:
    language = sheet.notes.language
    name = " ".join(language.text(sheet.notes.title).split())
    page, sections = environment(medium.name, language, style.templates).get_template(template), rendered(sheet, which, medium)
    with_files(sections)
    return page.render(
        title=medium.text(name), plain_title=json.dumps(name, ensure_ascii=False), sheet=which, points=sheet.points,
        heading=medium.text(language.say(_HEADINGS[which])), told=medium.text(language.say(_told(sheet, which))),
        sections=sections, language=language, **more,
    )  # fmt: skip


_HEADINGS = {STUDENT: Message("Worksheet"), KEY: Message("Answer key"), INSTRUCTOR: Message("Answers and common mistakes")}


def _told(sheet: Worksheet, which: str) -> Message:
    """What stands at the head of a sheet."""
    if which == INSTRUCTOR:
        return Message("Every line was proved, and each wrong formula was judged wrong. Seed {seed} and blanks {blanks} make the same sheets again.",
                       seed=sheet.seed, blanks=", ".join(sheet.asked))  # fmt: skip
    if sheet.choices:
        return Message("In each box belongs one of the formulas below it: write its letter. The sentence before a box says why the step holds.")
    return Message("Fill in the boxes. The sentence before a box says why the step holds.")


def _tex(sheet: Worksheet, which: str, style: Style) -> str:
    return _page(sheet, which, LATEX, style, "worksheet.tex")


def _typ(sheet: Worksheet, which: str, style: Style) -> str:
    return _page(sheet, which, TYPST, style, "worksheet.typ")


def _html(sheet: Worksheet, which: str, style: Style) -> str:
    return _page(sheet, which, HTML, style, "worksheet.html", css=CSS)


def _md(sheet: Worksheet, which: str, style: Style) -> str:
    return single_spaced(_page(sheet, which, MARKDOWN, style, "worksheet.md", displays=displays))


def _pdf(sheet: Worksheet, which: str, style: Style) -> bytes:
    chosen = pdf_engine(style.pdf_engine, sheet.notes.language)
    return chosen.run(str(FORMATS[chosen.form](sheet, which, style)), sheet.notes.language)


FORMATS: Mapping[str, Callable[[Worksheet, str, Style], str | bytes]] = {"tex": _tex, "html": _html, "md": _md, "typ": _typ, "pdf": _pdf}
