"""The arrays that gradients are returned in: memory of an earlier call once nobody refers to it any longer, else new memory."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import cached_property
from operator import itemgetter
from typing import Any

import numpy as np

from symbackprop.codegen.fast.memory import side_by_side
from symbackprop.codegen.fast.outputs import Written

__all__ = ["Gradients", "Returned", "Reused"]

_KEPT = 2  # sets: a loop `loss, grads = f(...)` holds the last one while the next is computed
_ALONE = max(map(sys.getrefcount, (object(),)))  # references to what stands in a tuple and nowhere else
_COUNTED = getattr(sys, "_is_gil_enabled", lambda: True)()  # without the lock of the interpreter, references are not all counted in one place
_whole = itemgetter(...)


class Gradients:
    """Arrays to write all gradients to, which a caller sees by views alone: a view refers to its array, and whatever is made of it does so too."""

    def __init__(self, names: Sequence[str], arrays: Sequence[Any]) -> None:
        self._names, self.arrays = names, tuple(arrays)

    def named(self) -> dict[str, Any]:
        """New views, by name."""
        return dict(zip(self._names, map(_whole, self.arrays), strict=True))

    def unseen(self) -> bool:
        """Whether no view is left.

        >>> grads = Gradients(["b"], [np.zeros(3)])
        >>> part = grads.named()["b"][:2]
        >>> grads.unseen()
        False
        >>> del part
        >>> grads.unseen()
        True
        """
        return max(map(sys.getrefcount, self.arrays)) == _ALONE


class Returned:
    """Gradients that a caller may keep. Memory that nobody keeps is written again: to ask the system for it page by page takes as long as computing.

    >>> returned = Returned(["b"], [(3,)], np.dtype("float64"))
    >>> first, second = (returned.take().named()["b"] for _ in range(2))
    >>> np.shares_memory(first, second)
    False
    >>> where = first.ctypes.data
    >>> del first
    >>> returned.take().named()["b"].ctypes.data == where
    True
    """

    def __init__(self, names: Sequence[str], shapes: Sequence[tuple[int, ...]], dtype: Any) -> None:
        self._names, self.shapes, self._dtype = names, [*shapes], dtype
        self._sets: list[Gradients] = []

    def take(self) -> Gradients:
        """Those made last of which no view is left, or new ones."""
        for known in self._sets:
            if _COUNTED and known.unseen():
                return known
        new = Gradients(self._names, [np.empty(s, self._dtype) for s in self.shapes])
        self._sets = [new, *self._sets[: _KEPT - 1]]
        return new

    def reused(self) -> Reused:
        """Arrays of the same kind that every call writes over."""
        return Reused(self._names, self.shapes, self._dtype)


class Reused:
    """Arrays that every call writes over, made when they are first asked for; parts of one block, so that whatever shares their memory has a base."""

    def __init__(self, names: Sequence[str], shapes: Sequence[tuple[int, ...]], dtype: Any) -> None:
        self._names, self._shapes, self._dtype = names, shapes, dtype

    @cached_property
    def arrays(self) -> list[Any]:
        """The arrays."""
        return side_by_side(self._dtype, *self._shapes)

    @cached_property
    def _named(self) -> dict[str, Any]:
        return dict(zip(self._names, self.arrays, strict=True))

    def named(self) -> dict[str, Any]:
        """The same arrays, by name."""
        return self._named.copy()

    @cached_property
    def memory(self) -> Written:
        """Where they lie."""
        return Written(self.arrays)
