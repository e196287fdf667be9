"""A quick look at what a call is given: whether it is of the usual kind, so that nothing has to be looked at closely."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from operator import call
from typing import Any

import numpy as np
from sympy import Symbol

from symbackprop.codegen.given import label_tests
from symbackprop.codegen.loading import loaded
from symbackprop.codegen.module import spelled_shape
from symbackprop.codegen.program import Given, Program

__all__ = ["Glance"]


class Glance:
    """The arrays of a call if they are exactly of the kind that is computed with; what is not may still be right, or wrong.

    With `packed`, only arrays in C order that could be written to are of the usual kind.
    """

    def __init__(self, program: Program, dtype: str, packed: bool = False) -> None:
        self.program, self.dtype, self._scalars = program, dtype, program.scalars
        self._arrays = loaded(_taking(program, packed), {"dtype": np.dtype(dtype), "ndarray": np.ndarray})["arrays"]
        self._labels = label_tests(program, dtype)

    def kind(self, params: Mapping[str, Any], data: tuple[Any, ...], scalars: Mapping[str, Any]) -> tuple[Any, ...] | None:
        """The arrays in order if types, shapes and dtypes fit; what they hold is not looked at."""
        try:
            found = self._arrays(params, *data)
            numbers = len(scalars) == len(self._scalars) and all(type(scalars[n]) is float and isfinite(scalars[n]) for n in self._scalars)
        except (AttributeError, IndexError, KeyError, TypeError):
            return None
        return found if found and numbers else None

    def fits(self, params: Mapping[str, Any], data: tuple[Any, ...], scalars: Mapping[str, Any]) -> bool:
        """Whether the arrays are of the usual kind, hold finite numbers that do not overflow when squared, and labels that fit."""
        arrays = self.kind(params, data, scalars)
        if arrays is None:
            return False
        flat = (x.ravel(order="K") for x in arrays if x.dtype.kind == "f")
        with np.errstate(all="ignore"):
            return all(isfinite(np.dot(x, x)) for x in flat) and all(map(call, self._labels, data[len(self.program.inputs) :]))


def _taking(program: Program, packed: bool) -> str:
    """The function that takes arrays apart: one expression, which Python evaluates faster than any loop over arrays."""
    given = (*program.params, *program.inputs, *program.targets)
    labels = program.targets if program.net.target == "class" else ()
    called = {g.name: f"x{n}" for n, g in enumerate(given)}
    sizes: dict[Any, str] = {}
    for g in given:
        for axis, n in enumerate(g.shape):
            if n.is_Symbol:
                sizes.setdefault(n, f"{called[g.name]}.shape[{axis}]")
    tests = [f"len(params) == {len(program.params)}", *(f"{size} > 0" for size in sizes.values())]
    for g in given:
        x = called[g.name]
        kind = f'{x}.dtype.kind in "iu"' if g in labels else f"{x}.dtype == dtype"
        tests.append(f"type({x}) is ndarray and {kind} and {x}.shape == {_shape(g, sizes)}{f' and {x}.flags.carray' if packed else ''}")
    data = [called[g.name] for g in given[len(program.params) :]]
    lines = [f"def arrays({', '.join(['params', *data])}):", *(f'    {called[g.name]} = params["{g.name}"]' for g in program.params)]
    return "\n".join([*lines, f"    return ({', '.join(called.values())},) if {' and '.join(tests)} else None"])


def _shape(given: Given, sizes: Mapping[Any, str]) -> str:
    """The shape that an array must have, read off the arrays where it is no number."""
    return spelled_shape(tuple(n.xreplace({k: Symbol(text) for k, text in sizes.items()}) for n in given.shape))
