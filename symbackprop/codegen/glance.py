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

__all__ = ["Found", "Glance", "everything", "kind_tests", "packed_tests", "shape_tests"]

Found = tuple[tuple[int, ...], tuple[Any, ...], list[float]]
"""The sizes with a name, the arrays and the numbers of a call."""


class Glance:
    """The arrays of a call if they are exactly of the kind that is computed with; what is not may still be right, or wrong.

    For arrays of another library `kinds` are the conditions that they are such arrays, and `known` what these mention.
    """

    def __init__(
        self, program: Program, dtype: str, kinds: Sequence[str] | None = None, known: Mapping[str, Any] | None = None
    ) -> None:
        self.program, self.dtype, self._scalars = program, dtype, program.scalars
        conditions = list(kind_tests(program, "==") if kinds is None else kinds)
        self._apart = loaded(_taking(program, conditions), known or {"dtype": np.dtype(dtype), "ndarray": np.ndarray})["apart"]
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


def _taking(program: Program, kinds: Sequence[str]) -> str:
    """The function that takes arrays apart: one expression, which Python evaluates faster than any loop over arrays."""
    called = everything(program)
    sizes = {n: f"n{k}" for k, n in enumerate(program.size_names)}
    where: dict[str, str] = {}
    for g, x in called.items():
        for axis, n in enumerate(g.shape):
            if n in sizes:
                where.setdefault(sizes[n], f"{x}.shape[{axis}]")
    tests = [*(f"{name} >= {program.least[n]}" for n, name in sizes.items()), *kinds, *shape_tests(program, sizes)]
    return "\n".join([
        f"def apart({', '.join(['params', *[*called.values()][len(program.params) :]])}):",
        "    if type(params) is not dict:", "        return None",  # reading what it lacks could change another mapping
        *(f'    {called[g]} = params["{g.name}"]' for g in program.params),
        *(f"    {n} = {place}" for n, place in where.items()),
        f"    return (({''.join(f'{n}, ' for n in sizes.values())}), ({', '.join(called.values())},)) if {' and '.join(tests)} else None",
    ])  # fmt: skip


def everything(program: Program) -> dict[Given, str]:
    """All that is given, in order, and what it is called where a look at it is written out."""
    return {g: f"x{n}" for n, g in enumerate((*program.params, *program.inputs, *program.targets))}


def kind_tests(program: Program, same: str) -> list[str]:
    """The conditions that these are arrays of the dtype, class numbers integers; dtypes are compared by `same`, `==` or the quicker `is`."""
    called = everything(program)
    labels = [x for g, x in called.items() if program.net.target == "class" and g in program.targets]
    return [
        f"len(params) == {len(program.params)}", f"{' is '.join(f'type({x})' for x in called.values())} is ndarray",
        *(f'{x}.dtype.kind in "iu" and {x}.dtype.isnative' for x in labels),
        f" {same} ".join([*(f"{x}.dtype" for x in called.values() if x not in labels), "dtype"]),
    ]  # fmt: skip


def packed_tests(program: Program) -> list[str]:
    """The conditions that arrays lie in C order and could be written to, class numbers of eight bytes."""
    called = everything(program)
    labels = [x for g, x in called.items() if program.net.target == "class" and g in program.targets]
    return [*(f"{x}.flags.carray" for x in called.values()), *(f'{x}.dtype.kind == "i" and {x}.itemsize == 8' for x in labels)]


def shape_tests(program: Program, sizes: Mapping[Any, str]) -> list[str]:
    """The conditions that all shapes fit, sizes by the names that they are given."""
    return [f"{x}.shape == {_shape(g, sizes)}" for g, x in everything(program).items()]


def _shape(given: Given, sizes: Mapping[Any, str]) -> str:
    """The shape that an array must have, sizes by the names that they are given."""
    return spelled_shape(tuple(n.xreplace({k: Symbol(text) for k, text in sizes.items()}) for n in given.shape))
