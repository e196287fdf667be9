"""An array program as a module that needs nothing but NumPy, written as one would write it by hand from the notes."""

from __future__ import annotations

from symbackprop.codegen.arrays import Op
from symbackprop.codegen.dialects import Dialect, Printer
from symbackprop.codegen.module import module_source
from symbackprop.codegen.program import Program
from symbackprop.languages import ENGLISH, Language

__all__ = ["NUMPY", "numpy_expression", "numpy_source"]

NUMPY = Dialect("numpy", "np", imports=("import numpy as np",), functions={"erf": "erf", "erfc": "erfc"}, contraction=", optimize=True")


def numpy_source(program: Program, language: Language = ENGLISH) -> str:
    """The module that computes the loss and all gradients, its comments in a language.

    >>> from symbackprop.builders import mlp
    >>> from symbackprop.codegen.program import array_program
    >>> print(numpy_source(array_program(mlp([3, 2], activation="tanh", samples="m"))).partition("A1 =")[2].splitlines()[0])
     np.tanh(Z1)  # forward (m, 2)
    """
    return module_source(program, NUMPY, language)


def numpy_expression(op: Op, like: str = "x") -> str:
    """One operation as NumPy source; new arrays take the dtype of the array `like`.

    >>> from symbackprop.codegen.arrays import name, times
    >>> numpy_expression(times(name("a", "r"), name("b", "c")).op)
    'a[:, None] * b'
    """
    return Printer(NUMPY, like).text(op)
