"""The array libraries a program can be printed for, one file and one line here each."""

from __future__ import annotations

from collections.abc import Mapping

from symbackprop.codegen.backends import jax, numba, numpy, torch
from symbackprop.codegen.backends.record import Backend, Run

__all__ = ["BACKENDS", "Backend", "Run"]

BACKENDS: Mapping[str, Backend] = {
    backend.name: backend
    for backend in (
        numpy.BACKEND,
        numba.BACKEND,
        jax.BACKEND,
        torch.BACKEND,
    )
}  # fmt: skip
