"""The workspaces of NumPy: arrays that the fast module computes in, or plain numbers where there are few."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import isfinite
from typing import Any

import numpy as np

from symbackprop.codegen.fast.door import array_door, number_door, number_step
from symbackprop.codegen.fast.memory import side_by_side
from symbackprop.codegen.fast.results import Returned
from symbackprop.codegen.fast.scalars import fewer_than_calls, written_out
from symbackprop.codegen.fast.simplify import Reduced
from symbackprop.codegen.fast.source import fast_source
from symbackprop.codegen.fast.spaces import ArraySpace, ScalarSpace, Space
from symbackprop.codegen.given import label_tests
from symbackprop.codegen.glance import everything
from symbackprop.codegen.loading import loaded

__all__ = ["NumpySpaces"]


class NumpySpaces:
    """Workspaces of the fast module of a program, which may call what `known` names."""

    def __init__(self, reduced: Reduced, dtype: str, known: Mapping[str, Any]) -> None:
        self.reduced, self.source, self._dtype = reduced, fast_source(reduced), np.dtype(dtype)
        program, called = reduced.program, everything(reduced.program)
        labels = {f"label{n}": test for n, test in enumerate(label_tests(program, dtype))}
        conditions = [f"{label}({called[g]})" for label, g in zip(labels, program.targets, strict=False)]
        self._workspace = loaded(self.source, {**known, "dtype": self._dtype, "side_by_side": side_by_side})["workspace"]
        of_door = {"dtype": self._dtype, "ndarray": np.ndarray, "isfinite": isfinite, **labels}
        self._door = loaded(array_door(program, conditions), of_door)["door"]

    def fitted(self, arrays: tuple[Any, ...]) -> tuple[Any, ...]:
        """The arrays: NumPy takes them as they lie."""
        return arrays

    def made(self, sizes: tuple[int, ...], returned: Callable[[Sequence[tuple[int, ...]]], Returned]) -> Space:
        """A workspace for these sizes."""
        program = self.reduced.program
        function, shapes = self._workspace(*sizes)
        arrays = ArraySpace(function, returned(shapes), self._door, sizes)
        known = dict(zip(program.size_names, sizes, strict=True))
        if not self.small(known):
            return arrays
        doors, run = number_door(program) + number_step(program), written_out(self.reduced, known)
        return ScalarSpace(run, doors, tuple(program.gradients), self._dtype, arrays)

    def small(self, sizes: Mapping[Any, int]) -> bool:
        """Whether operations on plain numbers take less time than calls of NumPy."""
        return fewer_than_calls(self.reduced, sizes)
