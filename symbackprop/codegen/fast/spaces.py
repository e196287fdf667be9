"""What is kept for one thread and one set of sizes: the arrays that are computed in, or a function of plain numbers."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from contextvars import copy_context
from functools import partial
from itertools import accumulate
from typing import Any

import numpy as np

__all__ = ["ArraySpace", "ScalarSpace", "Space"]


class ArraySpace:
    """Calls `run(*arrays, *numbers, *gradients)`, which writes the gradients and returns the loss and the mark of what is not finite."""

    form = "arrays"

    def __init__(self, run: Callable[..., Any]) -> None:
        quiet = copy_context()  # numbers may overflow on the way to a result that is right; entering a context is the quickest way to say so
        quiet.run(np.seterr, all="ignore")
        self._run, self._own = partial(quiet.run, run), list[Any]()

    def written(self, arrays: Sequence[Any], numbers: Sequence[float], grads: Sequence[Any]) -> tuple[Any, float]:
        """The loss and the mark; the gradients are written to `grads`."""
        return self._run(*arrays, *numbers, *grads)  # type: ignore[no-any-return]

    def fresh(self, arrays: Sequence[Any], numbers: Sequence[float], count: int) -> tuple[Any, float, list[Any]]:
        """The loss, the mark and new arrays for the gradients by the first `count` of the arrays."""
        grads = [np.empty(x.shape, x.dtype) for x in arrays[:count]]
        return (*self._run(*arrays, *numbers, *grads), grads)

    def reused(self, arrays: Sequence[Any], numbers: Sequence[float], count: int) -> tuple[Any, float, list[Any]]:
        """The same in arrays of this space, which its next call writes over."""
        self._own = self._own or [np.empty(x.shape, x.dtype) for x in arrays[:count]]
        return (*self._run(*arrays, *numbers, *self._own), self._own)


class ScalarSpace:
    """Calls `run(*lists, *numbers)`, which returns the mark, the loss and every entry of the gradients as plain numbers.

    Where plain numbers raise, as an exponential that overflows does, `otherwise` answers.
    """

    form = "scalars"

    def __init__(self, run: Callable[..., Any], shapes: Sequence[tuple[int, ...]], dtype: Any, otherwise: ArraySpace) -> None:
        self._run, self._otherwise, self._number = run, otherwise, dtype.type
        counts = [int(np.prod(s, dtype=int)) for s in shapes]
        self._pack = struct.Struct(f"{2 + sum(counts)}{dtype.char}").pack
        offsets = [dtype.itemsize * (2 + n) for n in accumulate(counts[:-1], initial=0)]
        self._places = tuple((s, dtype, offset) for s, offset in zip(shapes, offsets, strict=True))
        self._own = list[Any]()

    def fresh(self, arrays: Sequence[Any], numbers: Sequence[float], count: int) -> tuple[Any, float, list[Any]]:
        """The loss, the mark and new arrays for the gradients."""
        try:
            values = self._run(*[x.tolist() for x in arrays], *numbers)
            memory = bytearray(self._pack(*values))
        except (ArithmeticError, TypeError, ValueError, struct.error):
            return self._otherwise.fresh(arrays, numbers, count)
        return self._number(values[1]), values[0], [np.ndarray(s, dtype, memory, offset) for s, dtype, offset in self._places]

    def written(self, arrays: Sequence[Any], numbers: Sequence[float], grads: Sequence[Any]) -> tuple[Any, float]:
        """The loss and the mark; the gradients are written to `grads`."""
        loss, mark, found = self.fresh(arrays, numbers, len(grads))
        for g, x in zip(grads, found, strict=True):
            g[...] = x
        return loss, mark

    def reused(self, arrays: Sequence[Any], numbers: Sequence[float], count: int) -> tuple[Any, float, list[Any]]:
        """The same in arrays of this space, which its next call writes over."""
        self._own = self._own or [np.empty(x.shape, x.dtype) for x in arrays[:count]]
        return (*self.written(arrays, numbers, self._own), self._own)


Space = ArraySpace | ScalarSpace
