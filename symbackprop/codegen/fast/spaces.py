"""What is kept for one thread and one set of sizes: the arrays that are computed in, or a function of plain numbers."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Sequence
from contextvars import copy_context
from functools import cached_property, partial
from typing import Any

import numpy as np

from symbackprop.codegen.fast.outputs import Written
from symbackprop.codegen.loading import loaded

__all__ = ["REFUSED", "ArraySpace", "ScalarSpace", "Space"]

# What plain numbers raise when they overflow, and lists when they are not of the shape that is taken apart.
REFUSED = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, struct.error)


class ArraySpace:
    """Calls `run(*arrays, *numbers, *gradients)`, which writes the gradients and returns the loss and the mark of what is not finite."""

    form = "arrays"

    def __init__(self, run: Callable[..., Any], shapes: Sequence[tuple[int, ...]], dtype: Any) -> None:
        quiet = copy_context()  # numbers may overflow on the way to a result that is right; entering a context is the quickest way to say so
        quiet.run(np.seterr, all="ignore")
        self.shapes, self._dtype, self._run = shapes, dtype, partial(quiet.run, run)
        # A block that is freed tells the allocator of C how much to keep; else memory for the gradients goes back to the system
        # after every call, and comes from it again page by page, which takes as long as computing them.
        np.empty(2 * sum(math.prod(s) for s in shapes), dtype)

    def direct(self, reuse: bool, params: Any, *data: Any) -> None:
        """Nothing is computed before it is known that the arrays fit."""

    def written(self, arrays: Sequence[Any], numbers: Sequence[float], grads: Sequence[Any]) -> tuple[Any, float]:
        """The loss and the mark; the gradients are written to `grads`."""
        return self._run(*arrays, *numbers, *grads)  # type: ignore[no-any-return]

    def fresh(self, arrays: Sequence[Any], numbers: Sequence[float]) -> tuple[Any, float, list[Any]]:
        """The loss, the mark and new arrays for the gradients."""
        grads = [np.empty(s, self._dtype) for s in self.shapes]
        return (*self._run(*arrays, *numbers, *grads), grads)

    def reused(self, arrays: Sequence[Any], numbers: Sequence[float]) -> tuple[Any, float, list[Any]]:
        """The same in arrays of this space, which its next call writes over."""
        return (*self._run(*arrays, *numbers, *self._own), self._own)

    @cached_property
    def _own(self) -> list[Any]:
        return [np.empty(s, self._dtype) for s in self.shapes]

    @cached_property
    def own(self) -> Written:
        """The memory of those arrays."""
        return Written(self._own)


class ScalarSpace:
    """Calls `run(*lists, *numbers)`, which returns the mark, the loss and every entry of the gradients as plain numbers.

    `direct(reuse, params, *data)` of the module `reader` does so for what a caller gives, if it is of the usual kind. Where plain
    numbers raise, as an exponential that overflows does, `otherwise` answers.
    """

    form = "scalars"

    def __init__(self, run: Callable[..., Any], reader: str, names: Sequence[str], dtype: Any, otherwise: ArraySpace) -> None:
        self._run, self._otherwise, self._number = run, otherwise, dtype.type
        self.shapes, self._names = otherwise.shapes, names
        fields = [(n, dtype, s) for n, s in zip(names, self.shapes, strict=True)]
        self._kind = np.dtype([("mark and loss", dtype, (2,)), *fields])
        layout, memory = struct.Struct(f"{self._kind.itemsize // dtype.itemsize}{dtype.char}"), bytearray(self._kind.itemsize)
        self._pack, self._own = layout.pack, self._arrays(memory)
        self.own = Written([*self._own.values()])
        known = {"run": run, "dtype": dtype, "number": dtype.type, "kind": self._kind, "ndarray": np.ndarray, "isfinite": math.isfinite}
        known |= {"pack": layout.pack, "pack_into": layout.pack_into, "memory": memory, "own": self._own, "met": self.own.met}
        self.direct: Callable[..., tuple[Any, dict[str, Any]] | None] = loaded(reader, known)["direct"]

    def fresh(self, arrays: Sequence[Any], numbers: Sequence[float]) -> tuple[Any, float, list[Any]]:
        """The loss, the mark and new arrays for the gradients."""
        try:
            mark, loss, *rest = self._run(*[x.tolist() for x in arrays], *numbers)
            return self._number(loss), mark, [*self._arrays(bytearray(self._pack(mark, loss, *rest))).values()]
        except REFUSED:
            return self._otherwise.fresh(arrays, numbers)

    def reused(self, arrays: Sequence[Any], numbers: Sequence[float]) -> tuple[Any, float, list[Any]]:
        """The same in arrays of this space, which its next call writes over."""
        own = [*self._own.values()]
        return (*self.written(arrays, numbers, own), own)

    def written(self, arrays: Sequence[Any], numbers: Sequence[float], grads: Sequence[Any]) -> tuple[Any, float]:
        """The loss and the mark; the gradients are written to `grads`."""
        loss, mark, found = self.fresh(arrays, numbers)
        for g, x in zip(grads, found, strict=True):
            g[...] = x
        return loss, mark

    def _arrays(self, memory: bytearray) -> dict[str, Any]:
        """The gradients as fields of one record: NumPy makes no array faster."""
        record = np.ndarray((), self._kind, memory)
        return {n: record[n] for n in self._names}


Space = ArraySpace | ScalarSpace
