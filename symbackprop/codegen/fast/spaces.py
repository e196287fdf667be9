"""What is kept for one thread and one set of sizes: the arrays that are computed in, or a function of plain numbers."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from contextvars import copy_context
from math import isfinite
from typing import Any, Protocol

import numpy as np

from symbackprop.codegen.bound import Step
from symbackprop.codegen.fast.outputs import Written
from symbackprop.codegen.fast.results import Returned
from symbackprop.codegen.loading import loaded

__all__ = ["REFUSED", "ArraySpace", "Direct", "ScalarSpace", "Space"]

# What plain numbers raise when they overflow, and lists when they are not of the shape that is taken apart.
REFUSED = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, struct.error)

Direct = Callable[..., tuple[Any, dict[str, Any]] | None]
"""What answers a call at once, or not at all."""


class ArraySpace:
    """Calls `function(*arrays, *numbers, *gradients)`, which writes the gradients and returns the loss and the mark of what is not finite.

    `door` makes `direct(reuse, params, data)`, which does so for what a caller gives, if it is of the usual kind.
    """

    form = "arrays"

    def __init__(self, function: Callable[..., Any], returned: Returned, door: Callable[..., Any], sizes: Sequence[int]) -> None:
        quiet = copy_context()  # numbers may overflow on the way to a result that is right; entering a context is the quickest way to say so
        quiet.run(np.seterr, all="ignore")
        self.shapes, self._run, self._returned, self._reused = returned.shapes, (quiet.run, function), returned, returned.reused()
        self.direct: Direct = door(returned.take, self._reused, *self._run, *sizes)

    def written(self, arrays: Sequence[Any], numbers: Sequence[float], grads: Sequence[Any]) -> tuple[Any, float]:
        """The loss and the mark; the gradients are written to `grads`."""
        enter, function = self._run
        return enter(function, *arrays, *numbers, *grads)  # type: ignore[no-any-return]

    def fresh(self, arrays: Sequence[Any], numbers: Sequence[float]) -> tuple[Any, float, list[Any]]:
        """The loss, the mark and the gradients in arrays that nobody else holds."""
        taken = self._returned.take()
        return (*self.written(arrays, numbers, taken.arrays), [*taken.named().values()])

    def reused(self, arrays: Sequence[Any], numbers: Sequence[float]) -> tuple[Any, float, list[Any]]:
        """The same in arrays of this space, which its next call writes over."""
        grads = self._reused.arrays
        return (*self.written(arrays, numbers, grads), grads)

    def bound(self, arrays: Sequence[Any], numbers: Sequence[float], labelled: Callable[[Sequence[Any]], bool], look: Callable[[], None]) -> Step:
        """The step for these arrays, which writes where `reused` does; `look` is called where it is not sure that all is well."""
        enter, function = self._run
        own, named = self._reused.arrays, self._reused.named()
        everything = (*arrays, *numbers, *own)

        def step() -> tuple[Any, dict[str, Any]]:
            if labelled(arrays):
                loss, mark = enter(function, *everything)
                if isfinite(mark):
                    return loss, named
            look()
            return self.written(arrays, numbers, own)[0], named

        return step

    @property
    def own(self) -> Written:
        """The memory of those arrays."""
        return self._reused.memory


class ScalarSpace:
    """Calls `run(*lists, *numbers)`, which returns the mark, the loss and every entry of the gradients as plain numbers.

    `direct(reuse, params, data)` of the module `doors` does so for what a caller gives, if it is of the usual kind, and `bind` for
    arrays that stay where they are. Where plain numbers raise, as an exponential that overflows does, `otherwise` answers.
    """

    form = "scalars"

    def __init__(self, run: Callable[..., Any], doors: str, names: Sequence[str], dtype: Any, otherwise: ArraySpace) -> None:
        self._run, self._otherwise, self._number = run, otherwise, dtype.type
        self.shapes, self._names = otherwise.shapes, names
        fields = [(n, dtype, s) for n, s in zip(names, self.shapes, strict=True)]
        self._kind = np.dtype([("mark and loss", dtype, (2,)), *fields])
        layout, memory = struct.Struct(f"{self._kind.itemsize // dtype.itemsize}{dtype.char}"), bytearray(self._kind.itemsize)
        self._pack, self._own = layout.pack, self._arrays(memory)
        self.own = Written([*self._own.values()])
        known = {"run": run, "dtype": dtype, "number": dtype.type, "kind": self._kind, "ndarray": np.ndarray, "isfinite": isfinite}
        known |= {"pack": layout.pack, "pack_into": layout.pack_into, "memory": memory, "own": self._own, "met": self.own.met, "REFUSED": REFUSED}
        module = loaded(doors, known)
        self.direct: Direct = module["direct"]
        self._bind = module["bind"]

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

    def bound(self, arrays: Sequence[Any], numbers: Sequence[float], labelled: Callable[[Sequence[Any]], bool], look: Callable[[], None]) -> Step:
        """The step for these arrays, which writes where `reused` does; the mark of the numbers tells whether labels fit."""

        def otherwise() -> tuple[Any, dict[str, Any]]:
            look()
            return self.written(arrays, numbers, [*self._own.values()])[0], self._own

        return self._bind(arrays, numbers, otherwise)  # type: ignore[no-any-return]

    def _arrays(self, memory: bytearray) -> dict[str, Any]:
        """The gradients as fields of one record: NumPy makes no array faster."""
        record = np.ndarray((), self._kind, memory)
        return {n: record[n] for n in self._names}


Space = ArraySpace | ScalarSpace


class Spaces(Protocol):
    """What makes workspaces for arrays of given sizes."""

    @property
    def source(self) -> str:
        """The module that does the work."""

    def fitted(self, arrays: tuple[Any, ...]) -> tuple[Any, ...]:
        """Arrays that are fit to be computed with as the workspaces take them."""

    def made(self, sizes: tuple[int, ...], returned: Callable[[Sequence[tuple[int, ...]]], Returned]) -> Space:
        """A workspace; `returned` gives the arrays for gradients of given shapes."""

    def small(self, sizes: Mapping[Any, int]) -> bool:
        """Whether arrays of these sizes are computed with entry by entry."""
