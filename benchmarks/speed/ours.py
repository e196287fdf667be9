"""symbackprop: each backend that its registry holds, with arrays of the caller's and with its own, and the readable source alone."""

from __future__ import annotations

import dataclasses
import runpy
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.speed.cases import Case, Data
from benchmarks.speed.record import Call, Candidate, Result

BACKENDS = ("numpy", "numba", "jax", "torch")
_CONVERTED = {"jax": ("jax.numpy", "asarray"), "torch": ("torch", "from_numpy")}


def _network(case: Case) -> Any:
    import symbackprop as sb

    ends: dict[str, Any] = {"output": "softmax", "loss": "cross_entropy"} if case.classes else {"output": "sigmoid", "loss": "quadratic"}
    return sb.mlp(case.widths, activation=case.activation, samples="m", name=case.shape, **ends)


def _compiled(backend: str, **options: Any) -> Any:
    def make(case: Case, data: Data) -> Call:
        import symbackprop as sb

        f = sb.compile(_network(case), backend=backend, dtype=case.dtype)
        params, X, Y = _native(backend, data)
        finish = _finished(backend)
        if finish is not None:
            return Call(lambda: finish(f(params, X, Y, **options)), _in_numpy)
        if options:
            return Call(lambda: f(params, X, Y, **options), _in_numpy)
        return Call(lambda: f(params, X, Y), _in_numpy)

    return make


def _native(backend: str, data: Data) -> tuple[dict[str, Any], Any, Any]:
    """The arrays as users of that library hold them."""
    if backend not in _CONVERTED:
        return data.params, data.X, data.Y
    library, function = _CONVERTED[backend]
    convert = getattr(import_module(library), function)
    return {name: convert(p) for name, p in data.params.items()}, convert(data.X), convert(data.Y)


def _finished(backend: str) -> Any:
    """jax answers before it has computed; this waits."""
    if backend != "jax":
        return None
    from jax import block_until_ready

    return block_until_ready


def _in_numpy(answer: Any) -> Result:
    return float(answer[0]), {name: np.asarray(g) for name, g in answer[1].items()}


def source_alone(case: Case, data: Data) -> Call:
    """The emitted module as a file of its own, run by nobody but Python and NumPy."""
    import symbackprop as sb

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "gradients.py"
        path.write_text(sb.compile(_network(case), dtype=case.dtype).source, encoding="utf-8")
        function = runpy.run_path(str(path))["loss_and_gradients"]
    return Call(lambda: function(data.params, data.X, data.Y))


def _backends() -> list[Candidate]:
    from symbackprop.codegen.backends import BACKENDS as registry

    found = []
    for name in BACKENDS:
        backend = registry.get(name)
        needs = (backend.needs,) if backend else (f"symbackprop's {name} backend",)
        plain = Candidate(f"symbackprop {name}", _compiled(name), needs, writable=name in ("numpy", "numba"), ours=True)
        found.append(plain)
        if name == "numpy" or getattr(backend, "owns", False):
            found.append(dataclasses.replace(
                plain, name=f"{plain.name}, reuse", make=_compiled(name, reuse=True),
                needs=needs if getattr(backend, "owns", False) else (f"symbackprop's reuse for {name}",),
            ))  # fmt: skip
    return [*found, Candidate("symbackprop's source alone", source_alone, writable=True, ours=True)]


OURS = _backends()
