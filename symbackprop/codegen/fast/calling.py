"""The fast form as a function: one workspace for each thread and batch size, and checks that cost little when nothing is wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from math import isfinite
from threading import local
from typing import Any

import numpy as np

from symbackprop.codegen.bound import Step, closer_look, standing
from symbackprop.codegen.fast.outputs import Outputs, Written
from symbackprop.codegen.fast.results import Returned
from symbackprop.codegen.fast.spaces import REFUSED, Direct, Space, Spaces
from symbackprop.codegen.given import Checked, checked, sizes_read
from symbackprop.codegen.glance import Found, Glance
from symbackprop.codegen.program import Program
from symbackprop.errors import InputError

__all__ = ["FastForm"]

_WORKSPACES = 4  # of different sizes that a thread keeps


class _Kept(local):
    """What one thread keeps: its workspaces, the last used at the end and its door, arrays for gradients, and what is known of a caller's own."""

    def __init__(self) -> None:
        self.spaces: dict[tuple[int, ...], Space] = {}
        self.last: tuple[tuple[int, ...], Space] | None = None
        self.direct: Direct | None = None
        self.returned: Returned | None = None
        self.outputs = Outputs()


class FastForm:
    """`loss, grads = run(params, *data, **numbers)` in the workspaces that `spaces` makes.

    What is given is looked at closely only if its kind or the result is out of the ordinary: the values that come of it are
    finite only if all that was given is.
    """

    def __init__(self, program: Program, dtype: str, spaces: Spaces) -> None:
        self.program, self.dtype, self.spaces, self._glance = program, np.dtype(dtype), spaces, Glance(program, dtype)
        self._names = tuple(program.gradients)
        self._kept = _Kept()

    @property
    def source(self) -> str:
        """The module that does the work."""
        return self.spaces.source

    def __call__(self, given: Mapping[str, Any], /, *data: Any, out: Any = None, reuse: bool = False, **scalars: Any) -> tuple[Any, dict[str, Any]]:
        direct = self._kept.direct
        if direct is not None and out is None and not scalars and type(given) is dict:
            try:
                answer = direct(reuse, given, data)
            except REFUSED:
                answer = None
            if answer is not None:
                return answer
        found = self._glance.kind(given, data, scalars)
        usual = found is not None and self._glance.labelled(found[1])
        sizes, arrays, numbers = found if found is not None and usual else self._taken(checked(self.program, self.dtype.name, given, data, scalars))
        space = self._space(sizes)
        if reuse:
            self._apart(space.own, arrays, "those of the last call with reuse=True")
            loss, mark, grads = space.reused(self.spaces.fitted(arrays), numbers)
        elif out is None:
            loss, mark, grads = space.fresh(self.spaces.fitted(arrays), numbers)
        else:
            loss, mark, grads = self._written(space, out, arrays, numbers)
        if usual and not isfinite(mark):
            checked(self.program, self.dtype.name, given, data, scalars)
        return loss, dict(zip(self._names, grads, strict=True))

    def bind(self, given: Mapping[str, Any], /, *data: Any, **scalars: Any) -> Step:
        """The step for these arrays, in a workspace of its own."""
        sizes, arrays, numbers = standing(self.program, self.dtype.name, given, data, scalars, self.spaces.fitted)
        look = partial(closer_look, self.program, self.dtype.name, arrays, scalars)
        return self._made(sizes).bound(arrays, numbers, self._glance.labelled, look)

    def _written(self, space: Space, out: Any, arrays: tuple[Any, ...], numbers: Sequence[float]) -> tuple[Any, float, list[Any]]:
        """The loss, the mark and the arrays of `out`, written to directly unless they lie scattered in memory."""
        outputs = self._kept.outputs
        grads = outputs.take(dict(zip(self._names, space.shapes, strict=True)), out, self.dtype)
        self._apart(outputs.written, arrays, "an array of out")
        whole = [g if g.flags.c_contiguous else np.empty(g.shape, self.dtype) for g in grads]
        loss, mark = space.written(self.spaces.fitted(arrays), numbers, whole)
        for g, x in zip(grads, whole, strict=True):
            if g is not x:
                g[...] = x
        return loss, mark, grads

    def _apart(self, written: Written, arrays: Sequence[Any], whose: str) -> None:
        """Nothing that is given lies where the gradients go."""
        place = written.met(arrays)
        if place is not None:
            given = (*self.program.params, *self.program.inputs, *self.program.targets)[place].name
            raise InputError(f"gradients are written to {whose}, with which {given} shares memory; give {given}.copy(), or other arrays to write to")

    def _taken(self, found: Checked) -> Found:
        """The sizes, arrays and numbers of what was looked at closely."""
        arrays = (*found.params.values(), *found.data)
        return tuple(sizes_read(self.program, arrays).values()), arrays, [found.scalars[n] for n in self.program.scalars]

    def _space(self, sizes: tuple[int, ...]) -> Space:
        """What this thread keeps for these sizes; what was not used for longest makes room."""
        kept = self._kept
        if kept.last is None or kept.last[0] != sizes:
            space = kept.spaces.pop(sizes, None) or self._made(sizes)
            kept.spaces[sizes] = space
            if len(kept.spaces) > _WORKSPACES:
                del kept.spaces[next(iter(kept.spaces))]
            kept.last, kept.direct = (sizes, space), space.direct
        return kept.last[1]

    def _made(self, sizes: tuple[int, ...]) -> Space:
        return self.spaces.made(sizes, self._returned)

    def _returned(self, shapes: Sequence[tuple[int, ...]]) -> Returned:
        """The arrays that this thread returns gradients in; mostly their shapes do not depend on the batch."""
        kept = self._kept
        if kept.returned is None or kept.returned.shapes != [*shapes]:
            kept.returned = Returned(self._names, shapes, self.dtype)
        return kept.returned
