"""The workspaces of numba: arrays that stand where the steps of a tape find them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from math import isfinite, nan
from typing import Any

import numpy as np

from symbackprop.codegen.backends.numba_numbers import by_number
from symbackprop.codegen.bound import Step
from symbackprop.codegen.fast.door import array_door
from symbackprop.codegen.fast.memory import side_by_side
from symbackprop.codegen.fast.results import Returned
from symbackprop.codegen.fast.scalars import fewer_than_calls, sized
from symbackprop.codegen.fast.simplify import reduced
from symbackprop.codegen.fast.spaces import ArraySpace, Space
from symbackprop.codegen.glance import everything, packed_tests
from symbackprop.codegen.loading import loaded
from symbackprop.codegen.numba_parts import kinds_of
from symbackprop.codegen.numba_tape import POINTING, Tape, numba_tape, written_down
from symbackprop.codegen.program import Program

__all__ = ["NumbaSpaces"]

Compiled = Callable[[str], Mapping[str, Any]]
"""The names that a module defines, their machine code kept on disk."""

_WRITTEN_OUT = 80  # statements that are written out number by number


class NumbaSpaces:
    """Workspaces of the tape of a program."""

    def __init__(self, program: Program, dtype: str, compiled: Compiled) -> None:
        self.program, self._compiled, self._dtype, self._tape = program, compiled, np.dtype(dtype), numba_tape(program, dtype)
        self.source, kinds = self._tape.source, kinds_of(program)
        self._dtypes = [np.dtype("int64") if kinds[g.name].whole else self._dtype for g in everything(program)]
        of_door = {"dtype": self._dtype, "ndarray": np.ndarray, "isfinite": isfinite}
        self._door = loaded(array_door(program, packed_tests(program)), of_door)["door"]
        self._entry = loaded(self._tape.entry, {**compiled(POINTING), **compiled(self.source), "nan": nan})["entry"]

    def fitted(self, arrays: tuple[Any, ...]) -> tuple[Any, ...]:
        """The arrays, or copies in C order and of the dtype that is read."""
        pairs = zip(arrays, self._dtypes, strict=True)
        return tuple(x if x.dtype == dtype and x.flags.carray else np.array(x, dtype, order="C") for x, dtype in pairs)

    def made(self, sizes: tuple[int, ...], returned: Callable[[Sequence[tuple[int, ...]]], Returned]) -> Space:
        """A workspace for these sizes."""
        program, tape = self.program, self._tape
        known = dict(zip(program.size_names, sizes, strict=True))
        shapes = {name: sized(shape, known) for name, shape in tape.shapes.items()}
        memory, numbers = _memory(tape, shapes, {program.loss}, self._dtype), np.empty(len(program.scalars))
        places = {name: x.ctypes.data for name, x in memory.items()}
        places |= {name: numbers[k:].ctypes.data for k, name in enumerate(program.scalars)}
        table = np.array([*(0 for _ in tape.passed), *places.values()], np.int64)
        slots = {name: k for k, name in enumerate((*tape.passed, *places))}
        words = written_down(tape, slots, shapes, {name: known[n] for n, name in program.size_names.items()})
        grads = returned([shapes[g] for g in program.gradients.values()])
        return _NumbaSpace(self._entry(table, words, numbers, memory[program.loss]), grads, self._door, sizes, partial(self._by_number, known))

    def small(self, sizes: Mapping[Any, int]) -> bool:
        """Never: a call takes the steps of the tape, whatever the sizes."""
        return False

    def _by_number(self, sizes: Mapping[Any, int]) -> Callable[..., Any] | None:
        """`computed_at(address, *numbers)` for a bound step, where numbers one by one take less time than the steps of the tape."""
        if len(self.program.statements) > _WRITTEN_OUT or not self.program.whole or not all(g.shape for g in everything(self.program)):
            return None
        small = reduced(self.program)
        if not fewer_than_calls(small, sizes):
            return None
        dtypes = [dtype.name for dtype in self._dtypes]
        return self._compiled(by_number(small, dtypes, sizes))["computed_at"]  # type: ignore[no-any-return]


class _NumbaSpace(ArraySpace):
    """A workspace of a tape; labels are looked at by the steps."""

    def __init__(
        self, entry: Sequence[Callable[..., Any]], returned: Returned, door: Callable[..., Any], sizes: Sequence[int],
        by_number: Callable[[], Callable[..., Any] | None],
    ) -> None:  # fmt: skip
        function, self._point, self._answer = entry
        super().__init__(function, returned, door, sizes)
        self._by_number = by_number

    def bound(self, arrays: Sequence[Any], numbers: Sequence[float], labelled: Callable[[Sequence[Any]], bool], look: Callable[[], None]) -> Step:
        """The step for these arrays, whose places are written down once; `look` is called where it is not sure that all is well."""
        own, named = self._reused.arrays, self._reused.named()
        self._point(*arrays, *numbers, *own)
        answer, computed_at = self._answer, self._by_number()

        def step(_: Any = (self, arrays)) -> tuple[Any, dict[str, Any]]:  # held, so that all stays where it is
            loss, mark = answer()
            if mark != 0:
                look()
            return loss, named

        if computed_at is None:
            return step
        addresses, real = np.array([x.ctypes.data for x in (*arrays, *own)], np.int64), own[0].dtype.type
        computed = partial(computed_at, addresses.ctypes.data, *numbers)

        def step_by_number(_: Any = addresses) -> tuple[Any, dict[str, Any]]:
            loss = computed()
            return (real(loss), named) if loss == loss else step()  # it is itself where it is a number

        return step_by_number


def _memory(tape: Tape, shapes: Mapping[str, tuple[int, ...]], kept: Collection[str], dtype: Any) -> dict[str, Any]:
    """The arrays that are written on the way, each where another of its shape was read for the last time; those `kept` stay to the end."""
    last = {name: n for n, step in enumerate(tape.steps) for name in (*step.reads, *step.writes)}
    slots: list[tuple[int, ...]] = []
    of: dict[str, int] = {}
    free: dict[tuple[int, ...], list[int]] = {}
    for n, step in enumerate(tape.steps):
        for name in step.writes:
            if name not in tape.passed:
                waiting = free.get(shapes[name])
                of[name] = waiting.pop() if waiting else len(slots)
                slots += [shapes[name]] if of[name] == len(slots) else []
        for name in dict.fromkeys((*step.reads, *step.writes)):
            if last[name] == n and name in of and name not in kept:
                free.setdefault(shapes[name], []).append(of[name])
    arrays = side_by_side(dtype, *slots)
    return {name: arrays[slot] for name, slot in of.items()}
