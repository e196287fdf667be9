"""numba: the module compiled to machine code when it is first called, from a file in the user's cache, where numba keeps what it made."""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from pathlib import Path

import numpy as np

from symbackprop.codegen.backends.numba_spaces import NumbaSpaces
from symbackprop.codegen.backends.record import Backend, Run
from symbackprop.codegen.fast.calling import FastForm
from symbackprop.codegen.loading import imported
from symbackprop.codegen.numba_source import numba_source
from symbackprop.codegen.program import Program
from symbackprop.errors import CannotWrite
from symbackprop.files import write_beside

__all__ = ["BACKEND"]


def _build(program: Program, source: str, dtype: str) -> Run:
    return FastForm(program, dtype, NumbaSpaces(program, dtype, lambda text: imported(_kept(text, dtype))))


def _kept(source: str, dtype: str) -> Path:
    """The file of a module, named after all that its machine code depends on; one of this process alone where no cache can be written."""
    import numba

    said = "\n".join([source, dtype, numba.__version__, np.__version__, sys.version])
    name = f"gradients_{hashlib.sha256(said.encode()).hexdigest()[:24]}.py"
    path = _cache() / name
    try:
        if path.is_file() and path.read_text(encoding="utf-8") == source:
            return path
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_beside(path, source)
    except (CannotWrite, OSError):
        path = Path(tempfile.mkdtemp(prefix="symbackprop-")) / name
        write_beside(path, source)
    return path


def _cache() -> Path:
    """Where programs of this user keep what they can make again."""
    home = Path.home()
    usual = {"win32": home / "AppData" / "Local", "darwin": home / "Library" / "Caches"}.get(sys.platform, home / ".cache")
    return Path(os.environ.get("XDG_CACHE_HOME") or usual) / "symbackprop"


BACKEND = Backend("numba", numba_source, _build, needs="numba", extra="fast", owns=True)
