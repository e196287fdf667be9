"""Notes written to files: beside their place first, then moved there, so that nothing half-written is left behind."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Sequence
from contextlib import suppress
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
    title = " ".join(notes.title.split())
    context: dict[str, Any] = {"counts": notes.counts(), "oracle": notes.oracle, "total": len(notes.proofs)}
    for kind in formats:
        one_of("format", kind, FORMATS)
    if "tex" in formats:
        sections = render_notes(notes, LATEX)
        tex = environment("latex")
        found["notes.tex"] = tex.get_template("article.tex").render(sections=sections, title=LATEX.text(title), **context)
        for s in sections:
            found[f"fragments/{s['key']}.tex"] = tex.get_template("fragment.tex").render(section=s, title=LATEX.text(title))
        found["fragments/proofs.tex"] = tex.get_template("proofs.tex").render(**context)
    if "html" in formats:
        page = environment("html").get_template("page.html")
        found["notes.html"] = page.render(sections=render_notes(notes, HTML), css=CSS, title=HTML.text(title), **context)
    return found


def save(notes: Notes, folder: str | Path, formats: Sequence[str] = FORMATS) -> list[Path]:
    """Write all files or none; returns their paths. Raises `CannotWrite` with the reason."""
    target = Path(folder)
    files = documents(notes, formats)
    new: list[Path] = []
    try:
        new += _missing(target, files)
        target.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(prefix=".writing-", dir=target))
        try:
            for name, text in files.items():
                place = beside / "new" / name
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_text(text, encoding="utf-8")
            return _moved(beside, target, list(files))
        finally:
            shutil.rmtree(beside, ignore_errors=True)
    except BaseException as error:
        for made in new:
            with suppress(OSError):
                made.rmdir()
        if isinstance(error, OSError):
            raise CannotWrite(f"cannot write to the folder '{target}': {error.strerror or error}; name another with -o") from error
        raise


def _missing(target: Path, names: Iterable[str]) -> list[Path]:
    """The folders that do not exist yet, the innermost first."""
    needed = {p for name in names for p in (target / name).parents} | {target}
    return sorted((p for p in needed if not p.exists()), key=lambda p: len(p.parts), reverse=True)


def _moved(beside: Path, target: Path, names: Sequence[str]) -> list[Path]:
    """Every file moved to its place; if one cannot be, those before it are put back as they were."""
    done: list[tuple[Path, Path | None]] = []
    try:
        for name in names:
            place, old = target / name, beside / "old" / name
            place.parent.mkdir(parents=True, exist_ok=True)
            if place.exists():
                old.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(place, old)
            kept = old if old.exists() else None
            (beside / "new" / name).replace(place)
            done.append((place, kept))
    except BaseException:
        for place, kept in done:
            if kept is None:
                place.unlink()
            else:
                kept.replace(place)
        raise
    return [place for place, _ in done]
