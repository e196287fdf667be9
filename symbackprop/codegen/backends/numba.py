"""numba: the module compiled to machine code when it is first called, from a file in the user's cache, where numba keeps what it made."""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from collections.abc import Mapping
from functools import cache
from math import isfinite
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from symbackprop.codegen.backends.numba_bound import bound
from symbackprop.codegen.backends.record import Backend, Run
from symbackprop.codegen.bound import Step
from symbackprop.codegen.given import checked
from symbackprop.codegen.glance import Glance
from symbackprop.codegen.loading import imported, loaded
from symbackprop.codegen.numba_source import numba_source
from symbackprop.codegen.program import Program
from symbackprop.errors import CannotWrite, InputError
from symbackprop.files import write_beside

__all__ = ["BACKEND"]


_COMPILING = Lock()


def _build(program: Program, source: str, dtype: str) -> Run:
    module = imported(_kept(source, dtype))
    function, computed = module["loss_and_gradients"], module["computed"]
    direct = loaded(_direct(program), {"computed": computed, "real": np.dtype(dtype).type, "isfinite": isfinite})["direct"]
    usual = program.whole and all(g.shape for g in (*program.params, *program.inputs, *program.targets))
    usual &= {*program.least.values()} <= {1}  # machine code reads on behind the end of an array
    # numba's own look at types is the quickest, once it compiles no more: it takes arrays of the dtype in C order and no others.
    compiled, looks, glance = not usual, hasattr(computed, "disable_compile"), Glance(program, dtype, packed=True)

    def run(params: Mapping[str, Any], *data: Any, **scalars: Any) -> tuple[Any, dict[str, Any]]:
        nonlocal compiled
        if usual and type(params) is dict and (compiled if looks else glance.kind(params, data, scalars)):
            try:
                found = direct(params, *data, **scalars)
            except (AttributeError, LookupError, TypeError, ValueError):  # of another type, name or shape: said below
                found = None
            if found is not None:
                return found  # type: ignore[no-any-return]
        given = checked(program, dtype, params, data, scalars)
        if compiled or not looks:
            return function(given.params, *given.data, **given.scalars)  # type: ignore[no-any-return]
        with _COMPILING:
            answer = function(given.params, *given.data, **given.scalars)
            computed.disable_compile()
            compiled = True
        return answer  # type: ignore[no-any-return]

    @cache
    def computed_at(text: str) -> Any:
        return imported(_kept(text, dtype))["computed_at"]

    def bind(params: Mapping[str, Any], /, *data: Any, **scalars: Any) -> Step:
        if not usual:
            raise InputError("the numba backend binds a loss, its gradient by every parameter, and arrays that have axes; compile for numpy")
        return bound(program, dtype, run, computed_at, params, data, scalars)

    run.bind = bind  # type: ignore[attr-defined]
    return run


def _direct(program: Program) -> str:
    """The function that hands to the compiled one what a caller gives, and answers nothing if that is not sound."""
    taken = ["params", *(g.name for g in (*program.inputs, *program.targets)), "/", *program.scalars]
    given = [*(f'params["{g.name}"]' for g in program.params), *(g.name for g in (*program.inputs, *program.targets)), *program.scalars]
    grads = dict(zip(program.gradients, (f"g{n}" for n, _ in enumerate(program.gradients)), strict=True))
    tests = ["sound", f"len(params) == {len(program.params)}", *(f"type({n}) is float and isfinite({n})" for n in program.scalars)]
    answer = ", ".join(f'"{p}": {g}' for p, g in grads.items())
    return "\n".join([
        f"def direct({', '.join(taken)}):", f"    loss, {', '.join(grads.values())}, sound = computed({', '.join(given)})",
        f"    if {' and '.join(tests)}:", f"        return real(loss), {{{answer}}}", "    return None",
    ])  # fmt: skip


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


BACKEND = Backend("numba", numba_source, _build, needs="numba", extra="fast")
