"""The one data type: an equation between entries of named tensors, written in index notation.

An expression is a SymPy expression whose atoms are entries of tensors. Two forms of the same expression are used:
the *authored* form keeps factors and terms in the order somebody wrote them (unevaluated `Mul` and `Add`), and
`evaluated` gives SymPy's own canonical form, which compares and differentiates well but prints in alphabetical order.
"""

from __future__ import annotations

from symbackprop.equations.clashes import indices_apart
from symbackprop.equations.equation import Equation, Layers
from symbackprop.equations.expressions import (
    Total,
    add,
    entries,
    evaluated,
    fresh,
    index,
    mul,
    rebuild,
    rename_bound,
    rename_tensors,
    scalar,
    size,
    substitute,
    summation,
    tensors,
)  # fmt: skip
from symbackprop.equations.nodes import Abstract, Direction, Entry, Func, Grad, Partial, Tensor

__all__ = [
    "Abstract", "Direction", "Entry", "Equation", "Func", "Grad", "Layers", "Partial", "Tensor", "Total", "add", "entries", "evaluated", "fresh",
    "index", "indices_apart", "mul", "rebuild", "rename_bound", "rename_tensors", "scalar", "size", "substitute", "summation", "tensors",
]  # fmt: skip
