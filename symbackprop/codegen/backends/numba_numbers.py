"""numba, number by number: a network of few numbers as one function of plain arithmetic, which reads and writes at addresses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from symbackprop.codegen.fast.scalars import sized, statements
from symbackprop.codegen.fast.simplify import Reduced
from symbackprop.codegen.numba_parts import JIT
from symbackprop.codegen.numba_tape import ADDRESSES

__all__ = ["by_number"]

_IMPORTS = """from math import cos, cosh, erf, erfc, exp, expm1, isfinite, log, log1p, nan, sin, sinh, sqrt, tanh

import numpy as np
from numba import njit
"""


def by_number(reduced: Reduced, dtypes: Sequence[str], sizes: Mapping[Any, int]) -> str:
    """A module with `computed_at(address, *numbers)`: it writes the gradients and returns the loss, or not a number if it is not sure.

    At the address stand those of the arrays that are given, of these `dtypes`, then those of the gradients.

    >>> from symbackprop.builders import mlp
    >>> from symbackprop.codegen.fast.simplify import reduced
    >>> from symbackprop.codegen.program import array_program
    >>> source = by_number(reduced(array_program(mlp([1, 1], activation="identity"))), ["float64"] * 4, {})
    >>> next(line.strip() for line in source.splitlines() if "x2_" in line)
    'x2_ = carray(pointer(at_[2]), (1,), np.float64)'
    """
    program = reduced.program
    given = (*program.params, *program.inputs, *program.targets)
    used = [g.name for g in given] + [*program.scalars, *program.size_names.values()]
    end = "_" * (1 + max(len(name) - len(name.rstrip("_")) for name in used))  # what ends so is no name of the program
    called = {g.name: f"x{n}{end}" for n, g in enumerate(given)}
    grads = {f"g{n}{end}": g for n, g in enumerate(program.params)}
    shapes = [sized(g.shape, sizes) for g in (*given, *grads.values())]
    kinds = [*dtypes, *dtypes[: len(grads)]]
    places = [f"carray(pointer(at{end}[{n}]), {s}, np.{d})" for n, (s, d) in enumerate(zip(shapes, kinds, strict=True))]
    lines, mark, (loss, *entries) = statements(reduced, sizes, called)
    targets = [f"{g}[{', '.join(map(str, at))}]" for g, p in grads.items() for at in np.ndindex(*sized(p.shape, sizes))]
    marks = " + ".join([mark, f"loss{end}", *dict.fromkeys(entries)])
    return "\n".join([
        _IMPORTS + ADDRESSES, JIT, f"def computed_at({', '.join([f'address{end}', *program.scalars])}):",
        f"    at{end} = carray(pointer(address{end}), {len(places)}, np.int64)",
        *(f"    {name} = {place}" for name, place in zip([*called.values(), *grads], places, strict=True)),
        *(f"    {line}" for line in (*lines, *map(" = ".join, zip(targets, entries, strict=True)))),
        f"    loss{end} = {loss}", f"    return loss{end} if isfinite({marks}) else nan", "",
    ])  # fmt: skip
