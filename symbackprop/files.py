"""Files: a TOML file read with words for what is wrong, and any file written beside its place first, so that none is left half-written."""

from __future__ import annotations

import codecs
import os
import tempfile
import tomllib
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from symbackprop.errors import CannotWrite, InputError, near

__all__ = ["alike", "apart", "decoded", "nearest", "read_toml", "reason", "within", "write_beside"]

LARGEST = 8 * 2**20
_LISTED = 8
_MARKS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}


def read_toml(path: str | Path, what: str = "", parse_float: Callable[[str], Any] = float) -> dict[str, Any]:
    """The tables of a TOML file; `what` the file is for stands in the messages.

    Raises `InputError` where it cannot be read, is larger than 8 MB, is no text or no TOML; a file that is missing is answered with
    the nearest name in its folder.
    """
    place, name = Path(path), f"the {what} '{path}'" if what else f"'{path}'"
    if not str(path):
        raise InputError(f"the name of {f'the {what}' if what else 'a file'} is empty; name a TOML file")
    try:
        with place.open("rb") as file:
            data = file.read(LARGEST + 1)
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have
        why = reason(error) if isinstance(error, OSError) else str(error)
        broken = place.is_symlink() and not place.exists()
        hint = f"; it is a link to '{os.readlink(place)}', which is not there" if broken else nearest(place)
        raise InputError(f"cannot read {name}: {why}{hint}") from error
    if len(data) > LARGEST:
        raise InputError(f"{name} has more than {LARGEST // 2**20} MB; a TOML file of a few lines is wanted")
    try:
        return tomllib.loads(decoded(data), parse_float=parse_float)
    except UnicodeDecodeError as error:
        raise InputError(f"{name} is not a TOML file: it is not text in UTF-8, byte {error.start + 1} cannot be read") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{name} is not a TOML file: {error}") from error


def within(path: str | Path, data: Mapping[str, Any]) -> dict[str, Any]:
    """The tables of a file, in which a notation that is a file too is found from where the first one stands.

    >>> within("course/net.toml", {"notation": "mine.toml"}), within("course/net.toml", {"notation": "ng"})
    ({'notation': 'course/mine.toml'}, {'notation': 'ng'})
    """
    named = data.get("notation")
    return {**data, "notation": str(Path(path).parent / named)} if isinstance(named, str) and named.endswith(".toml") else dict(data)


def decoded(data: bytes) -> str:
    r"""Text in UTF-8, or in what the mark at its beginning says, which editors on Windows write.

    >>> decoded("σ".encode()), decoded("σ".encode("utf-16"))
    ('σ', 'σ')
    """
    mark = next((m for m in _MARKS if data.startswith(m)), b"")
    return data[len(mark) :].decode(_MARKS.get(mark, "utf-8"))


def nearest(path: Path) -> str:
    """For a file that is missing the one beside its place whose name is nearest, or those of its kind, as words that go on a sentence.

    >>> nearest(Path("no such folder/net.toml"))
    "; there is no folder 'no such folder'"
    """
    if path.is_dir():
        return alike(path)
    if not path.parent.exists():
        return f"; there is no folder '{path.parent}'{nearest(path.parent)}"
    names = sorted(_names(path.parent), key=lambda name: Path(name).suffix == path.suffix)
    found = near(path.stem, stems := {Path(name).stem: name for name in names if name != path.name})
    return f"; did you mean '{path.with_name(stems[found])}'?" if found else alike(path.parent, path.suffix) if path.suffix else ""


def alike(folder: Path, suffix: str = ".toml") -> str:
    """The files of a kind in a folder, as words that go on a sentence; nothing where there is none."""
    names = [str(folder / name) for name in _names(folder) if Path(name).suffix == suffix and (folder / name).is_file()]
    return f"; there {'is' if len(names) == 1 else 'are'} {', '.join(names[:_LISTED])}{', ...' if len(names) > _LISTED else ''}" if names else ""


def _names(folder: Path) -> list[str]:
    with suppress(OSError):
        return sorted(p.name for p in folder.iterdir() if not p.name.startswith(".") and p.exists())
    return []


def reason(error: OSError) -> str:
    """Why a place cannot be read or written.

    >>> reason(FileExistsError(17, "File exists"))
    'a file stands where a folder is needed'
    """
    if isinstance(error, (FileExistsError, NotADirectoryError)):
        return "a file stands where a folder is needed"
    if isinstance(error, IsADirectoryError):
        return "it is a folder"
    return error.strerror or str(error)


def apart(place: Path, read: Iterable[Path]) -> Path:
    """The place, if nothing that is read stands there; else `CannotWrite`, so that no input is lost."""
    if place.exists() and any(other.exists() and place.samefile(other) for other in read):
        raise CannotWrite(f"cannot write '{place}': it is read, and would be lost; name another file with -o")
    return place


def write_beside(path: Path, text: str) -> None:
    """Write `text` to `path` whole or not at all; `CannotWrite` says why it cannot be.

    A link is followed. What is no file, such as a pipe or a device, is written to as it is.
    """
    try:
        if path.exists() and not path.is_file() and not path.is_dir():
            path.write_text(text, encoding="utf-8")
        else:
            _replace(path.resolve() if path.is_symlink() else path, text)
    except (OSError, ValueError) as error:
        why = reason(error) if isinstance(error, OSError) else str(error)
        raise CannotWrite(f"cannot write '{path}': {why}; name another file with -o") from error


def _replace(path: Path, text: str) -> None:
    if path.is_dir():
        raise IsADirectoryError
    path.parent.mkdir(parents=True, exist_ok=True)
    number, beside = tempfile.mkstemp(prefix=".writing-", dir=path.parent)
    try:
        with os.fdopen(number, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(beside, path.stat().st_mode & 0o777 if path.exists() else 0o644)
        Path(beside).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(beside).unlink()
        raise
