"""A quick look at what a call is given: whether it is of the usual kind, so that nothing has to be looked at closely."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from operator import call
from typing import Any

import numpy as np
from sympy import Symbol

from symbackprop.codegen.given import label_tests
from symbackprop.codegen.loading import loaded
from symbackprop.codegen.module import spelled_shape
from symbackprop.codegen.program import Given, Program

__all__ = ["Found", "Glance"]

Found = tuple[tuple[int, ...], tuple[Any, ...], list[float]]
"""The sizes with a name, the arrays and the numbers of a call."""


class Glance:
    """The arrays of a call if they are exactly of the kind that is computed with; what is not may still be right, or wrong.

    With `packed`, only arrays in C order that could be written to are of the usual kind.
    """

    def __init__(self, program: Program, dtype: str, packed: bool = False) -> None:
        self.program, self.dtype, self._scalars = program, dtype, program.scalars
        self._apart = loaded(_taking(program, packed), {"dtype": np.dtype(dtype), "ndarray": np.ndarray})["apart"]
        self._labels, self._first = label_tests(program, dtype), len(program.params) + len(program.inputs)

    def kind(self, params: Any, data: Sequence[Any], scalars: Mapping[str, Any]) -> Found | None:
        """The sizes with a name, the arrays in order and the numbers if types, shapes and dtypes fit; what they hold is not looked at."""
        try:
            found = self._apart(params, *data)
            numbers = [scalars[n] for n in self._scalars] if scalars or self._scalars else []
        except (AttributeError, LookupError, TypeError):
            return None
        if found is None or len(scalars) != len(numbers) or (numbers and not all(type(x) is float and isfinite(x) for x in numbers)):
            return None
        return (*found, numbers)

    def labelled(self, arrays: Sequence[Any]) -> bool:
        """Whether the targets among arrays of the usual kind are certainly such as the loss takes."""
        return all(map(call, self._labels, arrays[self._first :]))

    def fits(self, params: Any, data: Sequence[Any], scalars: Mapping[str, Any]) -> bool:
        """Whether the arrays are of the usual kind, hold finite numbers that do not overflow when squared, and labels that fit."""
        found = self.kind(params, data, scalars)
        if found is None:
            return False
        flat = (x.ravel(order="K") for x in found[1] if x.dtype.kind == "f")
        with np.errstate(all="ignore"):
            return all(isfinite(np.dot(x, x)) for x in flat) and self.labelled(found[1])


def _taking(program: Program, packed: bool) -> str:
    """The function that takes arrays apart: one expression, which Python evaluates faster than any loop over arrays."""
    given = (*program.params, *program.inputs, *program.targets)
    labels = program.targets if program.net.target == "class" else ()
    called = {g.name: f"x{n}" for n, g in enumerate(given)}
    sizes = {n: f"n{k}" for k, n in enumerate(program.size_names)}
    where: dict[str, str] = {}
    for g in given:
        for axis, n in enumerate(g.shape):
            if n in sizes:
                where.setdefault(sizes[n], f"{called[g.name]}.shape[{axis}]")
    tests = [f"len(params) == {len(program.params)}", *(f"{n} > 0" for n in where)]
    tests.append(f"{' is '.join(f'type({x})' for x in called.values())} is ndarray")
    for g in given:
        x = called[g.name]
        tests.append(f'{x}.dtype.kind in "iu" and {x}.dtype.isnative' if g in labels else f"{x}.dtype == dtype")
        tests += [f"{x}.shape == {_shape(g, sizes)}", *([f"{x}.flags.carray"] if packed else [])]
    return "\n".join([
        f"def apart({', '.join(['params', *(called[g.name] for g in given[len(program.params) :])])}):",
        *(f'    {called[g.name]} = params["{g.name}"]' for g in program.params),
        *(f"    {n} = {place}" for n, place in where.items()),
        f"    return (({''.join(f'{n}, ' for n in sizes.values())}), ({', '.join(called.values())},)) if {' and '.join(tests)} else None",
    ])  # fmt: skip


def _shape(given: Given, sizes: Mapping[Any, str]) -> str:
    """The shape that an array must have, sizes by the names that they are given."""
    return spelled_shape(tuple(n.xreplace({k: Symbol(text) for k, text in sizes.items()}) for n in given.shape))
