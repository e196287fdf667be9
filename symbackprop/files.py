"""A file written beside its place first, then moved there, so that nothing half-written is left behind."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from difflib import get_close_matches
from pathlib import Path

from symbackprop.errors import CannotWrite

__all__ = ["nearest", "reason", "write_beside"]


def nearest(path: Path) -> str:
    """The file beside the place of a missing one whose name is nearest, as words that go on a sentence, or nothing.

    >>> nearest(Path("no such folder/net.toml"))
    ''
    """
    names: list[str] = []
    with suppress(OSError):
        names = [p.name for p in path.parent.iterdir()]
    near = get_close_matches(path.name, names, n=1)
    return f"; did you mean '{path.with_name(near[0])}'?" if near else ""


def reason(error: OSError) -> str:
    """Why a place cannot be written.

    >>> reason(FileExistsError(17, "File exists"))
    'a file stands where a folder is needed'
    """
    if isinstance(error, (FileExistsError, NotADirectoryError)):
        return "a file stands where a folder is needed"
    return error.strerror or str(error)


def write_beside(path: Path, text: str) -> None:
    """Write `text` to `path` whole or not at all; `CannotWrite` says why it cannot be."""
    beside = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        number, beside = tempfile.mkstemp(prefix=".writing-", dir=path.parent)
        with os.fdopen(number, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(beside, path.stat().st_mode & 0o777 if path.exists() else 0o644)
        Path(beside).replace(path)
    except OSError as error:
        if beside is not None:
            with suppress(OSError):
                Path(beside).unlink()
        raise CannotWrite(f"cannot write '{path}': {reason(error)}; name another file with -o") from error
