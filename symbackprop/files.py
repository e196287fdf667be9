"""A file written beside its place first, then moved there, so that nothing half-written is left behind."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from symbackprop.errors import CannotWrite

__all__ = ["write_beside"]


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
        raise CannotWrite(f"cannot write '{path}': {error.strerror or error}; name another file with -o") from error
