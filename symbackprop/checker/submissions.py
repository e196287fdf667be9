"""What is handed in: files, folders, patterns and standard input, found first and read one at a time."""

from __future__ import annotations

import glob
import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from symbackprop.files import decoded, nearest, reason

__all__ = ["KINDS", "STANDARD", "Submission", "find", "read", "top"]

KINDS = ("tex", "md", "ipynb", "txt", "py")
"""How a submission is written; for a file its suffix says which."""

STANDARD = "standard input"
_LARGEST = 8 * 2**20


@dataclass(frozen=True)
class Submission:
    """One text to be judged; `refused` says why it cannot be used, and is empty otherwise."""

    name: str
    text: str = ""
    kind: str = "tex"
    refused: str = ""


def find(arguments: Iterable[str]) -> list[str]:
    """The files that arguments name: a file, a folder (all files of a known kind in it), a pattern, or `-`; each once, however it is named.

    What names nothing stays in the list, so that `read` can say so.

    >>> find(["-", "no such file.tex"])
    ['-', 'no such file.tex']
    """
    found: dict[str, str] = {}
    for name in (name for argument in arguments for name in _named(argument)):
        found.setdefault(name if name in ("-", "") else os.path.abspath(name), name)
    return list(found.values())


def top(arguments: Iterable[str]) -> str:
    """The innermost folder that holds all that arguments name, whatever is found there: reports keep their places below it.

    >>> os.path.relpath(top(["hw/a", "hw/b/*.md", "hw/c.tex"]))
    'hw'
    """
    folders = [os.path.abspath(_folder(a)) for a in arguments if a not in ("-", "")]
    return os.path.commonpath(folders) if folders else os.getcwd()


def _folder(argument: str) -> Path:
    """What an argument lies in: a folder itself, the part of a pattern before its signs, the folder of a file."""
    path = Path(argument)
    if path.is_dir():
        return path
    return next(p for p in path.parents if path.exists() or not glob.has_magic(str(p)))


def read(name: str, kind: str = "txt") -> Submission:
    """The submission in a file, or on standard input (`-`), which is of the given kind.

    >>> read("no such file.tex").refused
    "there is no file 'no such file.tex'"
    """
    if name == "-":
        if sys.stdin is None:
            return Submission(STANDARD, refused="standard input is closed")
        return _decoded(STANDARD, sys.stdin.buffer.read(_LARGEST + 1), kind)
    path = Path(name)
    suffix = path.suffix.lower().removeprefix(".")
    try:
        if not name:
            return Submission(name, refused="the name of a submission is empty")
        if not path.exists():
            return Submission(name, refused=_missing(path))
        if path.is_dir():
            return Submission(name, refused=f"the folder '{name}' holds no file with one of the suffixes {_suffixes()}")
        if not path.is_file():
            return Submission(name, refused=f"'{name}' is no file; what comes through a pipe is handed in as -")
        if suffix not in KINDS:
            return Submission(name, refused=f"the suffix of '{name}' does not say what it is written in; known are {_suffixes()}")
        with path.open("rb") as file:
            return _decoded(name, file.read(_LARGEST + 1), suffix)
    except OSError as error:
        return Submission(name, refused=f"cannot read '{name}': {reason(error)}")


def _named(argument: str) -> Iterator[str]:
    path = Path(argument)
    if argument in ("-", "") or path.is_file():
        yield argument
        return
    if path.is_dir():
        inside = (p for p in sorted(path.rglob("*")) if p.suffix.lower().removeprefix(".") in KINDS and p.is_file())
        found = [str(p) for p in inside if not any(part.startswith(".") for part in p.relative_to(path).parts)]
    else:
        found = [name for name in sorted(glob.glob(argument, recursive=True)) if Path(name).is_file()]
    yield from found or [argument]


def _decoded(name: str, data: bytes, kind: str) -> Submission:
    if len(data) > _LARGEST:
        return Submission(name, kind=kind, refused=f"undecided: too large: '{name}' has more than {_LARGEST // 2**20} MB")
    try:
        return Submission(name, decoded(data), kind)
    except UnicodeDecodeError as error:
        return Submission(name, kind=kind, refused=f"'{name}' is not text in UTF-8: byte {error.start + 1} cannot be read")


def _missing(path: Path) -> str:
    if glob.has_magic(str(path)):
        return f"no file matches '{path}'"
    return f"there is no file '{path}'{nearest(path)}"


def _suffixes() -> str:
    return ", ".join(f".{kind}" for kind in KINDS)
