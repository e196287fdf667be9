"""An array program as a tape: a compiled function that reads which step comes next and where its arrays stand.

A network of many layers has many statements but few kinds of them, so that the function is as small as that of a few layers, and
it is compiled for all sizes at once. No result is allocated or copied: each statement writes where its own belongs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate, groupby
from typing import Any

import numpy as np

from symbackprop.codegen.arrays import Op, renamed
from symbackprop.codegen.indexed import Kind
from symbackprop.codegen.loops import Loops
from symbackprop.codegen.numba_parts import IMPORTS, JIT, conditions, forms, function_of, groups, kinds_of, read_by, with_called
from symbackprop.codegen.program import Program, Statement
from symbackprop.languages import ENGLISH

__all__ = ["ADDRESSES", "POINTING", "Step", "Tape", "numba_tape", "written_down"]

ADDRESSES = '''import ctypes

from numba import carray, types
from numba.extending import intrinsic, overload


@intrinsic
def to_pointer(typing, address):
    def generated(context, builder, signature, arguments):
        return builder.inttoptr(arguments[0], context.get_value_type(types.voidptr))

    return types.voidptr(types.int64), generated


def pointer(address):
    """The memory at an address."""
    return ctypes.c_void_p(int(address))


@overload(pointer)
def compiled_pointer(address):
    return lambda address: to_pointer(address)


'''
_SIZE = "size"
_TOGETHER = 16  # arrays whose addresses one function reads


def _pointing(count: int) -> Iterator[str]:
    """The function that writes down where so many arrays are."""
    arrays = [f"x{n}" for n in range(count)]
    yield from ("", "", JIT, f"def point_{count}(table, at, {', '.join(arrays)}):")
    yield from (f"    table[at + {n}] = {x}.ctypes.data" for n, x in enumerate(arrays))


POINTING = "\n".join(["from numba import njit", *(line for n in range(_TOGETHER) for line in _pointing(n + 1)), ""])


@dataclass(frozen=True)
class Step:
    """Which of the compiled functions is called, what it reads and what it writes."""

    kind: int
    reads: tuple[str, ...]
    writes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Tape:
    """A program as steps, and what takes them.

    The `source` for numba is the same for all networks whose steps are of the same kinds. It has `computed(table, tape)`: the steps are
    the `tape` once `written_down`, the `table` holds the addresses of arrays, and the answer is whether what was given is sound.

    `entry` is Python that calls it and the functions of `POINTING`. Its `entry(table, tape, numbers, loss)` makes `answer()`, which writes
    the gradients and returns the loss and 0, or not a number where it is not sure; `point(*arrays, *numbers, *gradients)`, which says
    where all that is passed to it stands; and `function`, which does both. The table starts with the arrays that are `passed`; `shapes`
    are those of all that has a place in it.
    """

    source: str
    entry: str
    steps: tuple[Step, ...]
    passed: tuple[str, ...]
    shapes: Mapping[str, tuple[Any, ...]]


def numba_tape(program: Program, dtype: str) -> Tape:
    """The tape of a program that computes in `dtype`; whole numbers are int64.

    >>> from symbackprop.builders import mlp
    >>> from symbackprop.codegen.program import array_program
    >>> found = numba_tape(array_program(mlp([3] * 99, activation="tanh", loss="quadratic", samples="m")), "float64")
    >>> len(found.steps), len({step.kind for step in found.steps})
    (592, 10)
    """
    kinds = kinds_of(program)
    copies, gradients = _copies(program)
    kinds |= {s.name: Kind(len(s.shape)) for s in copies}
    dtypes = {n: "int64" if kind.whole else dtype for n, kind in kinds.items()}
    writer = _Writer(kinds, dtypes | dict.fromkeys(program.scalars, "float64") | dict.fromkeys(program.sizes, _SIZE))
    given = (*program.params, *program.inputs, *program.targets)
    checks: dict[str, list[tuple[tuple[str, ...], str]]] = {}
    for names, condition in conditions(program, kinds):
        checks.setdefault(names[0], []).append((names, condition))
    steps = [writer.checked(*check) for g in given for check in checks.get(g.name, ())]
    for group in (*groups(program), *([s] for s in copies)):
        steps.append(writer.computed(group, read_by(group, program, kinds)))
        steps += [writer.checked(*check) for s in group for check in checks.get(s.name, ())]
    shapes = {g.name: g.shape for g in given} | {s.name: s.shape for s in (*program.statements, *copies)} | dict.fromkeys(program.scalars, ())
    passed = [*(g.name for g in given), *gradients]
    order = sorted(passed, key=lambda n: (dtypes[n], kinds[n].rank))
    return Tape(writer.source(forms(program, ENGLISH), dtype), _entry(program, passed, order, kinds), tuple(steps), tuple(order), shapes)


def _copies(program: Program) -> tuple[list[Statement], list[str]]:
    """By which names the gradients are written; one that is that of an earlier parameter too is copied."""
    by_name = {s.name: s for s in program.statements}
    taken = {*kinds_of(program)}
    copies: list[Statement] = []
    written: list[str] = []
    for name in program.gradients.values():
        free = name
        if name in written:
            while free in taken:
                free += "_"
            copies.append(replace(by_name[name], name=free, value=Op("name", (), name)))
        taken.add(free)
        written.append(free)
    return copies, written


@dataclass
class _Writer:
    """The functions and the branches that call them, one for each kind of step, in which names are x0, x1, ... and results y0, y1, ..."""

    kinds: Mapping[str, Kind]
    dtypes: Mapping[str, str]
    functions: list[str] = field(default_factory=list)
    readers: dict[str, str] = field(default_factory=dict)
    calls: dict[Any, tuple[int, str]] = field(default_factory=dict)

    def computed(self, group: Sequence[Statement], used: Sequence[str]) -> Step:
        """The step of statements, each written to an array that is there, a number to one of a single entry."""
        called = {n: f"x{k}" for k, n in enumerate(used)}
        alike = [replace(s, name=f"y{k}", value=renamed(s.value, called)) for k, s in enumerate(group)]
        key = tuple(s.value for s in alike), tuple(self.ranks(used))
        if key not in self.calls:
            kinds = {called[n]: self.kinds[n] for n in used}
            loops = Loops(kinds, [s.name for s in alike], [s.name for s in alike if s.shape])
            there = [s.name if s.shape else f"{s.name}_at" for s in alike]
            for s, place in zip(alike, there, strict=True):
                found = loops.value(s.value, s.name)
                loops.lines += [] if s.shape else [f"{place}[0] = {found}"]
            function = f"compute_{len(self.calls)}"
            self.functions += function_of(alike, function, [*kinds, *there], [*kinds], kinds, loops.lines)
            self.called(key, f"{function}(%s)", [*self.ranks(used), *((self.dtypes[s.name], len(s.shape) or 1) for s in group)])
        return Step(self.calls[key][0], tuple(used), tuple(s.name for s in group))

    def checked(self, names: tuple[str, ...], condition: str) -> Step:
        """The step of a condition under which what was given is sound."""
        called = {n: f"x{k}" for k, n in enumerate(names)}
        alike = re.sub(r"\b\w+\b", lambda word: called.get(word[0], word[0]), condition)
        key = alike, tuple(self.ranks(names))
        if key not in self.calls:
            function = f"check_{len(self.calls)}"
            self.functions += [JIT, f"def {function}({', '.join(called.values())}):", f"    return {alike}", "", ""]
            self.called(key, f"sound &= {function}(%s)", self.ranks(names))
        return Step(self.calls[key][0], names)

    def ranks(self, names: Sequence[str]) -> list[tuple[str, int]]:
        return [(self.dtypes[n], self.kinds[n].rank) for n in names]

    def called(self, key: Any, text: str, taken: Sequence[tuple[str, int]]) -> None:
        """Notes down how a kind of step is called with what stands in the tape."""
        at, arguments = 2, []
        for dtype, rank in taken:
            reader = f"{dtype}_{rank}"
            shape = "1" if rank == 0 else "".join(f"tape[at + {n}], " for n in range(1, rank + 1))
            array = f"carray(pointer(table[tape[at]]), ({shape}), np.{dtype}){'' if rank else '[0]'}"
            self.readers[reader] = "tape[at]" if dtype == _SIZE else array
            arguments.append(f"{reader}(table, tape, at + {at})")
            at += 1 + rank
        self.calls[key] = len(self.calls), text % ", ".join(arguments)

    def source(self, before: Sequence[str], dtype: str) -> str:
        """The module that computes in `dtype`, with other functions before these."""
        readers = [line for name, text in self.readers.items() for line in (JIT, f"def {name}(table, tape, at):", f"    return {text}", "", "")]
        branches = [f"        {'elif' if kind else 'if'} kind == {kind}:\n            {text}" for kind, text in self.calls.values()]
        return "\n".join([
            *IMPORTS, ADDRESSES, *with_called([*before, *self.functions], dtype), *readers, JIT, "def computed(table, tape):",
            "    sound, at = True, 0", "    while at < tape.size:", "        kind = tape[at]", *branches, "        at += tape[at + 1]",
            "    return sound", "",
        ])  # fmt: skip


def _entry(program: Program, passed: Sequence[str], order: Sequence[str], kinds: Mapping[str, Kind]) -> str:
    """The module that makes the function of arrays; those of one kind are next to each other, so that few functions read their addresses."""
    called = {name: f"x{n}" for n, name in enumerate(passed)}
    numbers = [f"n{n}" for n, _ in enumerate(program.scalars)]
    first = len(passed) - len(program.gradients)
    runs = [[*order]] if len(order) <= _TOGETHER else [[*run] for _, run in groupby(order, key=lambda n: kinds[n])]
    parts = [run[k : k + _TOGETHER] for run in runs for k in range(0, len(run), _TOGETHER)]
    starts = accumulate(map(len, parts), initial=0)
    arguments = [*map(called.__getitem__, passed[:first]), *numbers, *map(called.__getitem__, passed[first:])]
    pointing = [f"point_{len(part)}(table, {at}, {', '.join(map(called.__getitem__, part))})" for at, part in zip(starts, parts, strict=False)]
    pointing += [f"numbers[{n}] = {x}" for n, x in enumerate(numbers)]
    loss = f"loss{'.copy()' if kinds[program.loss].rank else '[()]'}"
    return "\n".join([
        "def entry(table, tape, numbers, loss):",
        "    def answer():", "        sound = computed(table, tape)", f"        return {loss}, 0.0 if sound else nan",
        f"    def point({', '.join(arguments)}):", *(f"        {line}" for line in pointing),
        f"    def function({', '.join(arguments)}):", *(f"        {line}" for line in pointing), "        return answer()",
        "    return function, point, answer", "",
    ])  # fmt: skip


def written_down(tape: Tape, slots: Mapping[str, int], shapes: Mapping[str, tuple[int, ...]], sizes: Mapping[str, int]) -> Any:
    """The steps as whole numbers: of each its kind and its length, then of every array its place in the table and its shape.

    A size stands for itself. A number is an array without axes, and has one of a single entry where it is written.
    """
    words: list[int] = []
    for step in tape.steps:
        places = [word for n in step.reads for word in ((sizes[n],) if n in sizes else (slots[n], *shapes[n]))]
        places += [word for n in step.writes for word in (slots[n], *(shapes[n] or (1,)))]
        words += [step.kind, 2 + len(places), *places]
    return np.array(words, np.int64)
