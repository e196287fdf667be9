"""Arrays of the caller's own that gradients are written to: of the right kind, and apart from all that is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import is_
from typing import Any

import numpy as np
from numpy.lib.array_utils import byte_bounds

from symbackprop.errors import InputError, one_of

__all__ = ["Outputs"]


class Outputs:
    """What was found about the arrays of the last call, which are mostly those of the next."""

    def __init__(self) -> None:
        self.out: list[Any] = []
        self.params: list[Any] = []
        self.bounds: list[tuple[int, int]] = []

    def take(self, names: Sequence[str], out: Any, arrays: Sequence[Any], dtype: Any) -> list[Any]:
        """The arrays in `out`, one for each of the first of `arrays`; `InputError` says which of them cannot be written to, and why."""
        params, data = arrays[: len(names)], arrays[len(names) :]
        given = [out.get(name) for name in names] if isinstance(out, Mapping) else []
        same = len(given) == len(self.out) == len(out) and all(map(is_, given, self.out)) and all(map(is_, params, self.params))
        if not same:
            self._look(names, out, given, params, dtype)
        low, high = self.bounds[0][0], max(b for _, b in self.bounds)
        for x in data:
            a, b = byte_bounds(x)
            if a < high and low < b and any(a < end and start < b for start, end in self.bounds):
                raise InputError("an array of out shares memory with the data; gradients need arrays of their own")
        return given

    def _look(self, names: Sequence[str], out: Any, given: list[Any], params: Sequence[Any], dtype: Any) -> None:
        if not isinstance(out, Mapping):
            raise InputError(f"out is a dict of arrays, {', '.join(names)}; not {type(out).__name__}")
        for name in out:
            one_of("parameter", str(name), names)
        for name, g, x in zip(names, given, params, strict=True):
            if type(g) is not np.ndarray or g.shape != x.shape or g.dtype != dtype or not g.flags.writeable:
                found = f"an array of shape {g.shape} and dtype {g.dtype}" if isinstance(g, np.ndarray) else f"{type(g).__name__}"
                found += "" if not isinstance(g, np.ndarray) or g.flags.writeable else ", which is read-only"
                raise InputError(f"out['{name}'] must be an array of shape {x.shape} and dtype {dtype} that can be written to; it is {found}")
        self.bounds = sorted(map(byte_bounds, given))
        read = [byte_bounds(x) for x in params]
        marked = sorted([*((a, b, True) for a, b in self.bounds), *((a, b, False) for a, b in read)])
        end, writes = 0, False
        for a, b, own in marked:
            if a < end and (own or writes):
                raise InputError("an array of out shares memory with a parameter or with another array of out; gradients need arrays of their own")
            end, writes = (max(end, b), own) if a >= end else (max(end, b), own or writes)
        self.out, self.params = given, list(params)
