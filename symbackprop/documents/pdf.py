"""Notes as Typst, and as PDF: by the typst package where there is no TeX, or by latexmk."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from symbackprop.documents.article import article_source
from symbackprop.documents.blocks import Notes
from symbackprop.documents.rendering import Medium, render_notes, render_proofs
from symbackprop.documents.templates import environment
from symbackprop.errors import CannotWrite, InputError, MissingLibrary, one_of
from symbackprop.languages import ENGLISH, Language, Message
from symbackprop.pictures.typst import typst_picture
from symbackprop.typeset.typst import display, escape, inline

if TYPE_CHECKING:
    import typst

__all__ = ["ENGINES", "TYPST", "Engine", "notes_pdf", "pdf_by_latexmk", "pdf_by_typst", "pdf_engine", "typst_fonts", "typst_source"]

TYPST = Medium(
    "typst", escape, inline, display, lambda label, number: f"#link(<eq-{label}>)[({number})]",
    lambda key, title: f"#link(<sec-{key}>)[{escape(title)}]", Message("the section {section}"),
    lambda picture, title: typst_picture(picture), 31.0,
)  # fmt: skip
_SECONDS = 300


def typst_source(notes: Notes, own: str = "") -> str:
    """The notes as one Typst document."""
    title = " ".join(notes.language.text(notes.title).split())
    sections = [*render_notes(notes, TYPST), render_proofs(notes, TYPST)]
    article = environment("typst", notes.language, own).get_template("article.typ")
    return article.render(sections=sections, title=escape(title), plain_title=json.dumps(title, ensure_ascii=False), language=notes.language)


@lru_cache(maxsize=4)
def typst_fonts(folders: str) -> typst.Fonts:
    """The fonts of this machine and those in the folders; looking for them takes half as long as setting a short document."""
    import typst

    return typst.Fonts(font_paths=[f for f in folders.split(os.pathsep) if f])


def pdf_by_typst(source: str, language: Language) -> bytes:
    """A Typst document set by Typst; `CannotWrite` with what Typst says about templates that it cannot read.

    The folders that the variable TYPST_FONT_PATHS names are searched for fonts too, as they are by the program typst;
    `InputError` where no font has the letters of the language.
    """
    import typst

    fonts = typst_fonts(os.environ.get("TYPST_FONT_PATHS", ""))
    if language.fonts and not set(language.fonts) & set(fonts.families()):
        raise InputError(
            f"PDF in {language.name} needs a font with its letters, and none of those known is on this machine: {', '.join(language.fonts)}; install "
            "one (on Debian the package fonts-noto-cjk), or name a folder that holds one in the variable TYPST_FONT_PATHS"
        )
    try:
        return bytes(typst.compile(source.encode(), font_paths=fonts))
    except typst.TypstError as error:
        raise CannotWrite(f"typst cannot set the notes: {error}; look at the templates of your own, or at what --format typ writes") from error


def pdf_by_latexmk(source: str, language: Language) -> bytes:
    """A LaTeX document set by the TeX program of its language; `CannotWrite` with TeX's first complaint."""
    with tempfile.TemporaryDirectory() as work:
        place = Path(work) / "notes.tex"
        place.write_text(source, encoding="utf-8")
        way = "-pdf" if language.engine == "pdflatex" else f"-pdf{language.engine.removesuffix('latex')}"
        command = ["latexmk", way, "-interaction=nonstopmode", "-halt-on-error", place.name]
        try:
            done = subprocess.run(command, cwd=work, env={**os.environ, "max_print_line": "1000"}, capture_output=True, timeout=_SECONDS)
        except subprocess.TimeoutExpired as error:
            raise CannotWrite(f"latexmk did not finish within {_SECONDS} seconds; --pdf-engine typst needs no TeX") from error
        if done.returncode:
            complaint = re.search(r"^! .*|^.*not found.*", done.stdout.decode("utf-8", "replace"), re.M)
            said = complaint[0].removeprefix("! ") if complaint else f"it ended with {done.returncode}"
            raise CannotWrite(f"latexmk cannot set the notes: {said.rstrip('.')}; --pdf-engine typst needs no TeX")
        return place.with_suffix(".pdf").read_bytes()


class Engine(NamedTuple):
    """How PDF is made: the format of the source, and the program that sets it in its language."""

    form: str
    run: Callable[[str, Language], bytes]


ENGINES: Mapping[str, Engine] = {"typst": Engine("typ", pdf_by_typst), "latexmk": Engine("tex", pdf_by_latexmk)}
_SOURCES: Mapping[str, Callable[[Notes, str], str]] = {"typ": typst_source, "tex": article_source}


def notes_pdf(notes: Notes, own: str, engine: str) -> bytes:
    """The notes as PDF, set by the engine of a name; errors as in `pdf_engine`."""
    chosen = pdf_engine(engine, notes.language)
    return chosen.run(_SOURCES[chosen.form](notes, own), notes.language)


def pdf_engine(name: str, language: Language = ENGLISH) -> Engine:
    """The engine of a name, if it is there; `auto` is latexmk where it and the TeX program of the language are on the machine, else Typst.

    Raises `MissingLibrary` without the package typst, `InputError` without a program of TeX.
    """
    missing = [program for program in ("latexmk", language.engine) if shutil.which(program) is None]
    chosen = one_of("PDF engine", name, ("auto", *ENGINES)) if name != "auto" else "typst" if missing else "latexmk"
    if chosen == "latexmk" and missing:
        raise InputError(
            f"PDF by TeX in {language.name} needs the program {missing[0]}, which is not on this machine; --pdf-engine typst needs no TeX"
        )
    if chosen == "typst" and find_spec("typst") is None:
        raise MissingLibrary("PDF without TeX", "typst", "pdf")
    return ENGINES[chosen]
