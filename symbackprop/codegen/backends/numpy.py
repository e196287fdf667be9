"""NumPy: the readable module, and the same statements as a function over arrays of its own."""

from __future__ import annotations

from symbackprop.codegen.backends.record import Backend, Run
from symbackprop.codegen.fast.calling import FastForm
from symbackprop.codegen.fast.numpy_spaces import NumpySpaces
from symbackprop.codegen.fast.simplify import reduced
from symbackprop.codegen.loading import loaded
from symbackprop.codegen.numpy_source import numpy_source
from symbackprop.codegen.program import Program

__all__ = ["BACKEND"]


def _build(program: Program, source: str, dtype: str) -> Run:
    return FastForm(program, dtype, NumpySpaces(reduced(program), dtype, loaded(source)))


BACKEND = Backend("numpy", numpy_source, _build, needs="numpy", owns=True)
