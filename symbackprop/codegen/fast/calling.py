"""The fast form as a function: one workspace for each thread and batch size, and checks that cost little when nothing is wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextvars import copy_context
from functools import partial
from math import isfinite
from threading import local
from typing import Any

import numpy as np

from symbackprop.codegen.fast.outputs import Outputs
from symbackprop.codegen.given import Checked, checked, label_tests
from symbackprop.codegen.loading import loaded
from symbackprop.codegen.program import Program

__all__ = ["ArrayForm"]

_WORKSPACES = 4  # of different sizes that a thread keeps


class _Space:
    """The function of one workspace and, once asked for, the gradients that it writes over."""

    def __init__(self, run: Callable[..., Any]) -> None:
        quiet = copy_context()  # numbers may overflow on the way to a result that is right; entering a context is the quickest way to say so
        quiet.run(np.seterr, all="ignore")
        self.run, self._gradients = partial(quiet.run, run), list[Any]()

    def gradients(self, like: Sequence[Any]) -> list[Any]:
        self._gradients = self._gradients or [np.empty(x.shape, x.dtype) for x in like]
        return self._gradients


class _Kept(local):
    """What one thread keeps: its workspaces, the last used at the end, and what is known of the arrays it writes to."""

    def __init__(self) -> None:
        self.spaces: dict[tuple[int, ...], _Space] = {}
        self.last: tuple[tuple[int, ...], _Space] | None = None
        self.outputs = Outputs()


class ArrayForm:
    """`loss, grads = run(params, *data, **numbers)` through the fast module `source`, whose helpers are those of the readable one.

    What is given is looked at closely only if its kind or the result is out of the ordinary: the values that come of it are
    finite only if all that was given is.
    """

    def __init__(self, program: Program, source: str, dtype: str, known: Mapping[str, Any]) -> None:
        self.program, self.source, self.dtype = program, source, np.dtype(dtype)
        module = loaded(source, {**known, "dtype": self.dtype})
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
        params = arrays[: len(self._names)]
        if out is not None:
            grads = self._kept.outputs.take(self._names, out, arrays, self.dtype)
            results = [g if g.flags.c_contiguous else np.empty(g.shape, self.dtype) for g in grads]
        elif reuse:
            grads = results = space.gradients(params)
        else:
            grads = results = [np.empty(x.shape, self.dtype) for x in params]
        loss, seen = space.run(*arrays, *numbers, *results)
        if usual and not isfinite(seen):
            checked(self.program, self.dtype.name, given, data, scalars)
        for g, r in zip(grads, results, strict=True) if grads is not results else ():
            if g is not r:
                np.copyto(g, r)
        return loss, dict(zip(self._names, grads, strict=True))

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

    def _space(self, sizes: tuple[int, ...]) -> _Space:
        """The workspace of this thread for these sizes; the one that was not used for longest makes room."""
        kept = self._kept
        if kept.last is None or kept.last[0] != sizes:
            space = kept.spaces.pop(sizes, None) or _Space(self._workspace(*sizes))
            kept.spaces[sizes] = space
            if len(kept.spaces) > _WORKSPACES:
                del kept.spaces[next(iter(kept.spaces))]
            kept.last = sizes, space
        return kept.last[1]
