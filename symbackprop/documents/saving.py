"""Notes written to files: beside their place first, then moved there, so that nothing half-written is left behind."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from symbackprop.documents.blocks import Notes
from symbackprop.documents.rendering import HTML, LATEX, render_notes
from symbackprop.documents.templates import environment
from symbackprop.errors import CannotWrite, one_of
from symbackprop.typeset.mathml import CSS

__all__ = ["FORMATS", "documents", "save"]

FORMATS = ("tex", "html")


def documents(notes: Notes, formats: Sequence[str]) -> dict[str, str]:
    """The files of the notes by their name relative to the output folder."""
    found: dict[str, str] = {}
    context: dict[str, Any] = {"title": notes.title, "counts": notes.counts(), "oracle": notes.oracle, "total": len(notes.proofs)}
    for kind in formats:
        one_of("format", kind, FORMATS)
    if "tex" in formats:
        sections = render_notes(notes, LATEX)
        tex = environment("latex")
        found["notes.tex"] = tex.get_template("article.tex").render(sections=sections, **context)
        for s in sections:
            found[f"fragments/{s['key']}.tex"] = tex.get_template("fragment.tex").render(section=s, title=notes.title)
    if "html" in formats:
        found["notes.html"] = environment("html").get_template("page.html").render(sections=render_notes(notes, HTML), css=CSS, **context)
    return found


def save(notes: Notes, folder: str | Path, formats: Sequence[str] = FORMATS) -> list[Path]:
    """Write all files or none; returns their paths. Raises `CannotWrite` with the reason."""
    target = Path(folder)
    files = documents(notes, formats)
    try:
        target.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(prefix=".writing-", dir=target))
    except OSError as error:
        raise CannotWrite(f"cannot write to the folder '{target}': {error.strerror}; name another with -o") from error
    try:
        for name, text in files.items():
            place = beside / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text, encoding="utf-8")
        written = []
        for name in files:
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            written.append((beside / name).replace(target / name))
        return written
    except OSError as error:
        raise CannotWrite(f"cannot write to '{target}': {error.strerror}; name another folder with -o") from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)
