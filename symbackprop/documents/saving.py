"""Documents written to files: beside their place first, then moved there, so that nothing half-written is left behind."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from jinja2 import TemplateError

from symbackprop.documents.blocks import Notes
from symbackprop.documents.formats import FORMATS, Style
from symbackprop.documents.pdf import ENGINES, pdf_engine
from symbackprop.errors import CannotWrite, InputError, one_of
from symbackprop.files import reason
from symbackprop.languages import ENGLISH, Language

__all__ = ["DEFAULT", "documents", "save", "templates_named", "wanted", "write_all"]

DEFAULT = ("tex", "html")


def wanted(
    formats: Sequence[str], templates: str | Path | None = None, engine: str = "auto", known: Iterable[str] = FORMATS,
    language: Language = ENGLISH,
) -> tuple[tuple[str, ...], Style]:  # fmt: skip
    """What was asked for, each format once; `UnknownName`, `MissingLibrary` or `InputError` if it cannot be had."""
    names = tuple(dict.fromkeys(one_of("format", name, known) for name in formats))
    one_of("PDF engine", engine, ("auto", *ENGINES))
    if "pdf" in names:
        pdf_engine(engine, language)
    if templates is not None and not Path(templates).is_dir():
        raise InputError(f"there is no folder '{templates}' to take templates from; --templates names a folder, docs/templates.md says what is in it")
    return names, Style("" if templates is None else str(Path(templates).resolve()), engine)


def documents(notes: Notes, formats: Sequence[str], templates: str | Path | None = None, engine: str = "auto") -> dict[str, str | bytes]:
    """The files of the notes by their name relative to the output folder."""
    names, style = wanted(formats, templates, engine, language=notes.language)
    found: dict[str, str | bytes] = {}
    with templates_named():
        for name in names:
            found |= FORMATS[name](notes, style)
    return found


@contextmanager
def templates_named() -> Iterator[None]:
    """Where a template is wrong an `InputError` names it with the place."""
    try:
        yield
    except TemplateError as error:
        place = f"{getattr(error, 'filename', None) or getattr(error, 'name', None) or 'a template'}"
        line = getattr(error, "lineno", None)
        where = f"{place}, line {line}" if line else place
        raise InputError(f"a template cannot be used: {where}: {error}; docs/templates.md names what a template receives") from error


def save(
    notes: Notes, folder: str | Path, formats: Sequence[str] = DEFAULT, templates: str | Path | None = None, engine: str = "auto"
) -> list[Path]:
    """Write the notes, all files or none; returns their paths. Raises `CannotWrite` with the reason."""
    return write_all(folder, documents(notes, formats, templates, engine))


def write_all(folder: str | Path, files: Mapping[str, str | bytes]) -> list[Path]:
    """Write all files, by their names in the folder, or none; returns their paths. Raises `CannotWrite` with the reason."""
    target = Path(folder)
    new: list[Path] = []
    try:
        new += _missing(target, files)
        target.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(prefix=".writing-", dir=target))
        try:
            for name, content in files.items():
                place = beside / "new" / name
                place.parent.mkdir(parents=True, exist_ok=True)
                if isinstance(content, str):
                    place.write_text(content, encoding="utf-8")
                else:
                    place.write_bytes(content)
            return _moved(beside, target, list(files))
        finally:
            shutil.rmtree(beside, ignore_errors=True)
    except BaseException as error:
        for made in new:
            with suppress(OSError):
                made.rmdir()
        if isinstance(error, OSError):
            raise CannotWrite(f"cannot write to the folder '{target}': {reason(error)}; name another with -o") from error
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
