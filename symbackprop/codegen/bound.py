"""A call that is bound to arrays which stay where they are: it takes no arguments and reads them as they then are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from symbackprop.codegen.given import checked, finite_numbers, fitting, sizes_read
from symbackprop.codegen.glance import Found
from symbackprop.codegen.program import Program
from symbackprop.errors import InputError

__all__ = ["Step", "closer_look", "standing"]

Step = Callable[[], tuple[Any, dict[str, Any]]]
"""`loss, grads = step()`."""


def standing(
    program: Program, dtype: str, params: Any, data: Sequence[Any], scalars: Mapping[str, Any], fitted: Callable[[tuple[Any, ...]], tuple[Any, ...]]
) -> Found:
    """The sizes, arrays and numbers to bind to, arrays that need not be `fitted`; what they hold is not looked at, since it will change.

    Raises `InputError` for what a call would refuse, and for what it would convert: a step would not see that change.
    """
    fit = fitting(program, dtype, params, data, scalars)
    wanted, arrays = (*program.params, *program.inputs, *program.targets), fitted((*fit.params.values(), *fit.data))
    for g, x, array in zip(wanted, (*(params[name] for name in fit.params), *data), arrays, strict=True):
        if type(x) is not np.ndarray or x is not array:
            order = ", in C order and not read-only" if type(x) is np.ndarray and x.dtype == array.dtype else ""
            found = type(x).__name__ + (f" of dtype {x.dtype}" if isinstance(x, np.ndarray) else "")
            raise InputError(f"bind reads arrays where they are: {g.name} must be an ndarray of dtype {array.dtype}{order}, not {found}")
    numbers = finite_numbers(scalars)
    return tuple(sizes_read(program, arrays).values()), arrays, [numbers[n] for n in program.scalars]


def closer_look(program: Program, dtype: str, arrays: Sequence[Any], scalars: Mapping[str, Any]) -> None:
    """Raises `InputError` for the first of the arrays that is not fit to be computed with."""
    params = {g.name: x for g, x in zip(program.params, arrays, strict=False)}
    checked(program, dtype, params, arrays[len(params) :], scalars)
