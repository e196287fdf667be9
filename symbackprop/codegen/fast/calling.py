"""The fast form as a function: one workspace for each thread and batch size, and checks that cost little when nothing is wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from threading import local
from typing import Any

import numpy as np

from symbackprop.codegen.fast.outputs import Outputs
from symbackprop.codegen.fast.scalars import fewer_than_calls, sized, written_out
from symbackprop.codegen.fast.simplify import Reduced
from symbackprop.codegen.fast.source import fast_source
from symbackprop.codegen.fast.spaces import ArraySpace, ScalarSpace, Space
from symbackprop.codegen.given import Checked, checked, label_tests
from symbackprop.codegen.loading import loaded

__all__ = ["FastForm"]

_WORKSPACES = 4  # of different sizes that a thread keeps


class _Kept(local):
    """What one thread keeps: its workspaces, the last used at the end, and what is known of the arrays it writes to."""

    def __init__(self) -> None:
        self.spaces: dict[tuple[int, ...], Space] = {}
        self.last: tuple[tuple[int, ...], Space] | None = None
        self.outputs = Outputs()


class FastForm:
    """`loss, grads = run(params, *data, **numbers)` through the fast module `source`, which may call what `known` names.

    What is given is looked at closely only if its kind or the result is out of the ordinary: the values that come of it are
    finite only if all that was given is.
    """

    def __init__(self, reduced: Reduced, dtype: str, known: Mapping[str, Any]) -> None:
        program = self.program = reduced.program
        self.reduced, self.source, self.dtype = reduced, fast_source(reduced), np.dtype(dtype)
        module = loaded(self.source, {**known, "dtype": self.dtype})
        self._arrays, self._workspace = module["arrays"], module["workspace"]
        self._names = tuple(g.name for g in program.params)
        self._labels = label_tests(program, dtype)
        self._kept = _Kept()

    def __call__(self, given: Mapping[str, Any], *data: Any, out: Any = None, reuse: bool = False, **scalars: Any) -> tuple[Any, dict[str, Any]]:
        try:
            found = self._arrays(given, *data)
            numbers = [scalars[n] for n in self.program.scalars]
        except (AttributeError, IndexError, KeyError, TypeError):
            found = None
        usual = found is not None and self._usual(data, numbers, scalars)
        if usual:
            sizes, arrays = found
        else:
            sizes, arrays, numbers = self._taken(checked(self.program, self.dtype.name, given, data, scalars))
        space = self._space(sizes)
        if out is not None:
            grads = self._kept.outputs.take(self._names, out, arrays, self.dtype)
            whole = [g if g.flags.c_contiguous else np.empty(g.shape, self.dtype) for g in grads]
            loss, mark = space.written(arrays, numbers, whole)
            for g, x in zip(grads, whole, strict=True):
                if g is not x:
                    g[...] = x
        else:
            loss, mark, grads = (space.reused if reuse else space.fresh)(arrays, numbers, len(self._names))
        if usual and not isfinite(mark):
            checked(self.program, self.dtype.name, given, data, scalars)
        return loss, dict(zip(self._names, grads, strict=True))

    def form(self, sizes: Mapping[Any, int]) -> str:
        """How a call with arrays of these sizes is computed: as arrays, or entry by entry as scalars."""
        return self._made(tuple(sizes[n] for n in self.program.size_names)).form

    def _usual(self, data: Sequence[Any], numbers: Sequence[Any], scalars: Mapping[str, Any]) -> bool:
        """Whether labels and numbers are certainly such as they should be."""
        for k, test in self._labels:
            if not test(data[k]):
                return False
        return not scalars or (len(scalars) == len(numbers) and all(type(x) is float and isfinite(x) for x in numbers))

    def _taken(self, found: Checked) -> tuple[tuple[int, ...], tuple[Any, ...], list[float]]:
        """The sizes, arrays and numbers of what was looked at closely."""
        arrays = (*found.params.values(), *found.data)
        wanted = (*self.program.params, *self.program.inputs, *self.program.targets)
        sizes = {n: size for g, x in zip(wanted, arrays, strict=True) for n, size in zip(g.shape, x.shape, strict=True)}
        return tuple(sizes[n] for n in self.program.size_names), arrays, [found.scalars[n] for n in self.program.scalars]

    def _space(self, sizes: tuple[int, ...]) -> Space:
        """What this thread keeps for these sizes; what was not used for longest makes room."""
        kept = self._kept
        if kept.last is None or kept.last[0] != sizes:
            space = kept.spaces.pop(sizes, None) or self._made(sizes)
            kept.spaces[sizes] = space
            if len(kept.spaces) > _WORKSPACES:
                del kept.spaces[next(iter(kept.spaces))]
            kept.last = sizes, space
        return kept.last[1]

    def _made(self, sizes: tuple[int, ...]) -> Space:
        arrays = ArraySpace(self._workspace(*sizes))
        known = dict(zip(self.program.size_names, sizes, strict=True))
        if not fewer_than_calls(self.reduced, known):
            return arrays
        shapes = [sized(g.shape, known) for g in self.program.params]
        return ScalarSpace(written_out(self.reduced, known), shapes, self.dtype, arrays)
