"""symbackprop: each backend that its registry holds, with arrays of the caller's and with its own, and the readable sources alone."""

from __future__ import annotations

import runpy
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.speed.cases import Case, Data
from benchmarks.speed.record import Call, Candidate, Result

_CONVERTED = {"jax": ("jax.numpy", "asarray"), "torch": ("torch", "from_numpy")}  # the others take NumPy's arrays
_BOUND = ("numpy", "numba")  # backends whose calls can be bound to arrays
_SOURCES = {"numpy": "symbackprop source", "jax": "symbackprop jax source, jit", "torch": "symbackprop torch source"}


def _network(case: Case) -> Any:
    import symbackprop as sb

    ends: dict[str, Any] = {"output": "softmax", "loss": "cross_entropy"} if case.classes else {"output": "sigmoid", "loss": "quadratic"}
    return sb.mlp(case.widths, activation=case.activation, samples="m", name=case.shape, **ends)


def _compiled(backend: str, **options: Any) -> Any:
    """`f(params, X, Y)` as a user calls it, checks of what is given included."""

    def make(case: Case, data: Data) -> Call:
        import symbackprop as sb

        return _call(backend, sb.compile(_network(case), backend=backend, dtype=case.dtype), data, options)

    return make


def _bound(backend: str) -> Any:
    """`step()`, bound once to the arrays that every call reads."""

    def make(case: Case, data: Data) -> Call:
        import symbackprop as sb

        return Call(sb.compile(_network(case), backend=backend, dtype=case.dtype).bind(data.params, data.X, data.Y), _in_numpy)

    return make


def _source(backend: str) -> Any:
    """The emitted module as a file of its own, loaded by nobody but Python; for jax its function is handed to `jax.jit`."""

    def make(case: Case, data: Data) -> Call:
        from symbackprop.codegen.function import emit

        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "gradients.py"
            path.write_text(emit(_network(case), backend), encoding="utf-8")
            function = runpy.run_path(str(path))["loss_and_gradients"]
        if backend == "jax":
            import jax

            function = jax.jit(function)
        return _call(backend, function, data, {})

    return make


def _call(backend: str, function: Any, data: Data, options: dict[str, Any]) -> Call:
    """The function with arrays as users of that library hold them; jax answers before it has computed, so it is waited for."""
    params, X, Y = data.params, data.X, data.Y
    if backend in _CONVERTED:
        library, name = _CONVERTED[backend]
        convert = getattr(import_module(library), name)
        params, X, Y = {name: convert(p) for name, p in params.items()}, convert(X), convert(Y)
    if backend == "jax":
        from jax import block_until_ready

        return Call(lambda: block_until_ready(function(params, X, Y)), _in_numpy)
    if options:
        return Call(lambda: function(params, X, Y, **options), _in_numpy)
    return Call(lambda: function(params, X, Y), _in_numpy)


def _in_numpy(answer: Any) -> Result:
    return float(answer[0]), {name: np.asarray(g) for name, g in answer[1].items()}


def _candidates() -> list[Candidate]:
    from symbackprop.codegen.backends import BACKENDS

    found = []
    for name, backend in BACKENDS.items():
        writable = name not in _CONVERTED
        found.append(Candidate(f"symbackprop {name}", _compiled(name), (backend.needs,), writable=writable, ours=True))
        if backend.owns:
            found.append(Candidate(f"symbackprop {name}, reuse", _compiled(name, reuse=True), (backend.needs,), writable=writable, ours=True))
        if name in _BOUND:
            found.append(Candidate(f"symbackprop {name}, bound", _bound(name), (backend.needs,), writable=writable, ours=True))
    for name, title in _SOURCES.items():
        found.append(Candidate(title, _source(name), (BACKENDS[name].needs,), writable=name not in _CONVERTED, ours=True))
    return found


OURS = _candidates()
