"""Arrays that gradients are written to, the caller's own or those of the last call: of the right kind, and apart from all that is read."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Mapping, Sequence
from itertools import pairwise
from operator import is_
from typing import Any

import numpy as np
from numpy.lib.array_utils import byte_bounds

from symbackprop.errors import InputError, one_of

__all__ = ["Outputs", "Written"]


class Written:
    """Memory that is written to, and the arrays that were last found apart from it, which are mostly those of the next call."""

    def __init__(self, arrays: Sequence[Any]) -> None:
        self.bounds = sorted(map(byte_bounds, arrays))
        self._apart: Sequence[Any] = ()  # as long as they are held, no other array has the identity of one of them
        self._known: set[int] = set()

    def met(self, arrays: Sequence[Any]) -> int | None:
        """The place of the first array that shares this memory.

        >>> g = np.zeros((2, 3))
        >>> Written([g]).met([np.zeros(6), g.T]), Written([g]).met([g.copy()])
        (1, None)
        """
        if self._known.issuperset(map(id, arrays)):
            return None
        found = next((n for n, x in enumerate(arrays) if id(x) not in self._known and self._meets(*byte_bounds(x))), None)
        if found is None:
            self._apart, self._known = arrays, {*map(id, arrays)}
        return found

    def _meets(self, start: int, end: int) -> bool:
        """Whether memory from `start` to `end` is written to."""
        k = bisect(self.bounds, (start, start))
        return (k > 0 and self.bounds[k - 1][1] > start) or (k < len(self.bounds) and self.bounds[k][0] < end)


class Outputs:
    """What was found about the arrays of the last call, which are mostly those of the next."""

    def __init__(self) -> None:
        self.out: list[Any] = []
        self.shapes: list[tuple[int, ...]] = []
        self.written = Written(())

    def take(self, shapes: Mapping[str, tuple[int, ...]], out: Any, dtype: Any) -> list[Any]:
        """The arrays in `out`, by name and of the shapes wanted; `InputError` says which of them cannot be written to, and why."""
        given = [out.get(name) for name in shapes] if isinstance(out, Mapping) else []
        if not (given and len(out) == len(given) == len(self.out) and all(map(is_, given, self.out)) and self.shapes == [*shapes.values()]):
            self._look(shapes, out, given, dtype)
        return given

    def _look(self, shapes: Mapping[str, tuple[int, ...]], out: Any, given: list[Any], dtype: Any) -> None:
        self.out = []
        if not isinstance(out, Mapping):
            raise InputError(f"out is a dict of arrays, {', '.join(shapes)}; not {type(out).__name__}")
        for name in out:
            one_of("gradient", str(name), shapes)
        for (name, shape), g in zip(shapes.items(), given, strict=True):
            if type(g) is not np.ndarray or g.shape != shape or g.dtype != dtype or not g.flags.writeable:
                no_array = type(g).__name__ if name in out else "missing"
                found = f"an array of shape {g.shape} and dtype {g.dtype}" if isinstance(g, np.ndarray) else no_array
                found += "" if not isinstance(g, np.ndarray) or g.flags.writeable else ", which is read-only"
                raise InputError(f"out['{name}'] must be an array of shape {shape} and dtype {dtype} that can be written to; it is {found}")
            if _folded(g):
                raise InputError(f"out['{name}'] must have a place of its own for every entry, but some of its entries lie in one place")
        written = Written(given)
        if any(end > start for (_, end), (start, _) in pairwise(written.bounds)):
            raise InputError("two arrays of out share memory; gradients need arrays of their own")
        self.out, self.shapes, self.written = given, [*shapes.values()], written


def _folded(array: Any) -> bool:
    """Whether entries of an array may share memory: steps along its axes, shortest first, each beyond all that the shorter ones reach."""
    reach = array.itemsize
    for step, n in sorted((abs(s), n) for s, n in zip(array.strides, array.shape, strict=True) if n > 1):
        if step < reach:
            return True
        reach += step * (n - 1)
    return False
