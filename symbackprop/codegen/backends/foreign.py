"""What a caller gives to a function of another library: its arrays or NumPy's, checked as NumPy's are, wherever they lie."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from weakref import ref

import numpy as np

from symbackprop.codegen.given import Checked, checked, fitting
from symbackprop.codegen.glance import Glance
from symbackprop.errors import InputError

__all__ = ["Seen", "converted", "stand_in"]


class Seen:
    """The arrays of the last call that were found to fit: what cannot be written to fits again."""

    def __init__(self) -> None:
        self._last: tuple[list[str], list[int], list[ref[Any]]] = [], [], []

    def again(self, params: Mapping[str, Any], data: tuple[Any, ...]) -> bool:
        """Whether these are the same arrays under the same names."""
        names, places, _ = self._last
        return [*map(id, params.values()), *map(id, data)] == places and [*params] == names

    def keep(self, params: Mapping[str, Any], data: tuple[Any, ...]) -> None:
        """Remember arrays, as long as somebody else holds all of them: what comes after one may lie in its place."""
        given = (*params.values(), *data)
        self._last = [*params], [*map(id, given)], [ref(x, self._forget) for x in given]

    def _forget(self, gone: ref[Any]) -> None:
        if any(gone is r for r in self._last[2]):
            self._last = [], [], []


View = Callable[[str, Any], tuple[Any, bool]]


def converted(
    glance: Glance, view: View, array: Callable[[Any, str | None], Any], params: Any, data: tuple[Any, ...], scalars: Mapping[str, Any]
) -> Checked:
    """The arguments of a call as arrays of the library, once they are found to fit.

    `view(name, x)` is a NumPy array of the same shape and dtype, and whether it holds the values of `x`; an array that lies on an
    accelerator or is being traced is checked for its shape and dtype alone. `array(x, dtype)` is `x` in the library.
    """
    program, dtype = glance.program, glance.dtype
    wanted = (*program.inputs, *program.targets)
    if not isinstance(params, Mapping) or len(data) != len(wanted):
        fitting(program, dtype, params, data, scalars)
    seen = {str(name): view(str(name), x) for name, x in params.items()}
    looked = [view(g.name, x) for g, x in zip(wanted, data, strict=True)]
    visible = all(holds for _, holds in (*seen.values(), *looked))
    named, rest = {name: x for name, (x, _) in seen.items()}, tuple(x for x, _ in looked)
    numbers: Mapping[str, Any] = scalars
    if not visible or not glance.fits(named, rest, scalars):
        numbers = (checked if visible else fitting)(program, dtype, named, rest, scalars).scalars
    labels = {g.name for g in program.targets if program.net.target == "class"}
    return Checked(
        {g.name: array(params[g.name], dtype) for g in program.params},
        tuple(array(x, None if g.name in labels else dtype) for g, x in zip(wanted, data, strict=True)),
        dict(numbers),
    )


def stand_in(name: str, shape: tuple[int, ...], dtype: str) -> Any:
    """An array of a shape and a dtype that takes no memory; `InputError` for a dtype that NumPy does not know."""
    try:
        kind = np.dtype(dtype)
    except TypeError as error:
        raise InputError(f"{name} has dtype {dtype}; the function computes in float32 or float64") from error
    return np.broadcast_to(np.zeros((), kind), shape)
