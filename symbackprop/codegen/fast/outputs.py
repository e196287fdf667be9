"""Arrays of the caller's own that gradients are written to: of the right kind, and apart from all that is read."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Mapping, Sequence
from itertools import pairwise
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
        self.arrays: list[Any] = []
        self.shapes: list[tuple[int, ...]] = []
        self.bounds: list[tuple[int, int]] = []

    def take(self, shapes: Mapping[str, tuple[int, ...]], out: Any, arrays: Sequence[Any], dtype: Any) -> list[Any]:
        """The arrays in `out`, by name and of the shapes wanted; `InputError` says which of them cannot be written to, and why."""
        given = [out.get(name) for name in shapes] if isinstance(out, Mapping) else []
        if not (given and len(out) == len(given) == len(self.out) and all(map(is_, given, self.out)) and self.shapes == [*shapes.values()]):
            self._look(shapes, out, given, dtype)
            self.arrays = []
        known = {id(x) for x in self.arrays}
        for x in arrays:
            if id(x) not in known and self._meets(*byte_bounds(x)):
                raise InputError("an array of out shares memory with what is given; gradients need arrays of their own")
        self.arrays = list(arrays)
        return given

    def _meets(self, start: int, end: int) -> bool:
        """Whether memory from `start` to `end` is written to."""
        k = bisect(self.bounds, (start, start))
        return (k > 0 and self.bounds[k - 1][1] > start) or (k < len(self.bounds) and self.bounds[k][0] < end)

    def _look(self, shapes: Mapping[str, tuple[int, ...]], out: Any, given: list[Any], dtype: Any) -> None:
        self.out = []
        if not isinstance(out, Mapping):
            raise InputError(f"out is a dict of arrays, {', '.join(shapes)}; not {type(out).__name__}")
        for name in out:
            one_of("gradient", str(name), shapes)
        for (name, shape), g in zip(shapes.items(), given, strict=True):
            if type(g) is not np.ndarray or g.shape != shape or g.dtype != dtype or not g.flags.writeable:
                found = f"an array of shape {g.shape} and dtype {g.dtype}" if isinstance(g, np.ndarray) else f"{type(g).__name__}"
                found += "" if not isinstance(g, np.ndarray) or g.flags.writeable else ", which is read-only"
                raise InputError(f"out['{name}'] must be an array of shape {shape} and dtype {dtype} that can be written to; it is {found}")
        self.bounds = sorted(map(byte_bounds, given))
        if any(end > start for (_, end), (start, _) in pairwise(self.bounds)):
            raise InputError("two arrays of out share memory; gradients need arrays of their own")
        self.out, self.shapes = given, [*shapes.values()]
