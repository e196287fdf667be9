"""An array program as a tape: a compiled function that reads which step comes next and at which addresses its arrays stand.

A network of many layers has many statements but few kinds of them, so that the function is as small as that of a few layers, and
it is compiled for all sizes at once. Nothing is allocated or copied on the way: each statement writes where its result belongs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from symbackprop.codegen.arrays import Op
from symbackprop.codegen.indexed import Kind
from symbackprop.codegen.loops import Loops
from symbackprop.codegen.numba_parts import IMPORTS, JIT, forms, function_of, groups, kinds_of, pattern, read_by, tests, with_called
from symbackprop.codegen.program import Program, Statement
from symbackprop.languages import ENGLISH

__all__ = ["ADDRESSES", "Step", "Tape", "numba_tape", "written_down"]

ADDRESSES = '''from numba import carray, types
from numba.extending import intrinsic


@intrinsic
def pointer(typing, address):
    """The memory at an address."""

    def generated(context, builder, signature, arguments):
        return builder.inttoptr(arguments[0], context.get_value_type(types.voidptr))

    return types.voidptr(types.int64), generated


'''


@dataclass(frozen=True)
class Step:
    """Which of the compiled functions is called, what it reads and what it writes."""

    kind: int
    reads: tuple[str, ...]
    writes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Tape:
    """The source of `computed_at(place, steps, loss)`, the steps in order, and by which name each gradient is written.

    The steps are written down from the address `place` on; the answer is the loss, which stands at its address once they are done, or
    not a number where it is not sure that what was given is sound.
    """

    source: str
    steps: tuple[Step, ...]
    gradients: Mapping[str, str]


def numba_tape(program: Program, dtype: str, labels: Mapping[str, str]) -> Tape:
    """The tape of a program that computes in `dtype`; `labels` are the dtypes of what is given as whole numbers.

    >>> from symbackprop.builders import mlp
    >>> from symbackprop.codegen.program import array_program
    >>> found = numba_tape(array_program(mlp([3] * 99, activation="tanh", loss="quadratic", samples="m")), "float64", {})
    >>> len(found.steps), len({step.kind for step in found.steps})
    (490, 12)
    """
    kinds = kinds_of(program)
    copies, gradients = _copies(program)
    kinds |= {s.name: Kind(len(s.shape)) for s in copies}
    dtypes = {n: labels.get(n, dtype) for n in kinds} | dict.fromkeys(program.scalars, "float64") | dict.fromkeys(program.sizes, "int64")
    writer = _Writer(kinds, dtypes)
    checks = {names[0]: (names, text) for names, text in tests(program, kinds)}
    computed = {s.name for s in program.statements}
    steps = [writer.checked(*checks[n]) for n in checks if n not in computed]
    for group in (*groups(program), *([s] for s in copies)):
        steps.append(writer.computed(group, read_by(group, program, kinds)))
        steps += [writer.checked(*checks[s.name]) for s in group if s.name in checks]
    return Tape(writer.source([*forms(program, ENGLISH)], dtype), tuple(steps), gradients)


def _copies(program: Program) -> tuple[list[Statement], dict[str, str]]:
    """By which name each gradient is written; one that is that of an earlier parameter too is copied."""
    by_name = {s.name: s for s in program.statements}
    taken = {*kinds_of(program)}
    copies: list[Statement] = []
    written: dict[str, str] = {}
    for parameter, name in program.gradients.items():
        free = name
        if name in written.values():
            while free in taken:
                free += "_"
            copies.append(replace(by_name[name], name=free, value=Op("name", (), name)))
        taken.add(free)
        written[parameter] = free
    return copies, written


@dataclass
class _Writer:
    """The functions and the branches that call them, one for each kind of step."""

    kinds: Mapping[str, Kind]
    dtypes: Mapping[str, str]
    functions: list[str] = field(default_factory=list)
    readers: dict[str, str] = field(default_factory=dict)
    calls: dict[Any, tuple[int, str, int]] = field(default_factory=dict)

    def computed(self, group: Sequence[Statement], used: Sequence[str]) -> Step:
        """The step of statements, each written to an array that is there, a number to one of a single entry."""
        key = pattern(group, used, self.kinds), tuple(self.dtypes[n] for n in used)
        names = tuple(s.name for s in group)
        if key not in self.calls:
            function = f"compute_{names[0]}"
            loops = Loops({n: self.kinds[n] for n in used}, names, [s.name for s in group if s.shape])
            there = [s.name if s.shape else loops.free(f"{s.name}_at") for s in group]
            for s, place in zip(group, there, strict=True):
                found = loops.value(s.value, s.name)
                loops.lines += [] if s.shape else [f"{place}[0] = {found}"]
            self.functions += function_of(group, function, [*used, *there], used, self.kinds, loops.lines)
            self.called(key, f"{function}(%s)", [*self.ranks(used), *((self.dtypes[s.name], len(s.shape) or 1) for s in group)])
        return Step(self.calls[key][0], tuple(used), names)

    def checked(self, names: tuple[str, ...], condition: str) -> Step:
        """The step of a condition under which what was given is sound."""
        key = re.sub(rf"\b{names[0]}\b", "", condition), names[1:], tuple(self.ranks(names))
        if key not in self.calls:
            function = f"check_{names[0]}"
            self.functions += [JIT, f"def {function}({', '.join(names)}):", f"    return {condition}", "", ""]
            self.called(key, f"if not ({function}(%s)):\n                return np.nan", self.ranks(names))
        return Step(self.calls[key][0], names)

    def ranks(self, names: Sequence[str]) -> list[tuple[str, int]]:
        return [(self.dtypes[n], self.kinds[n].rank) for n in names]

    def called(self, key: Any, text: str, taken: Sequence[tuple[str, int]]) -> None:
        """Notes down how a kind of step is called with what stands at the addresses."""
        at, arguments = 2, []
        for dtype, rank in taken:
            reader = f"{dtype}_{rank}"
            shape = "1" if rank == 0 else "".join(f"at[k + {n}], " for n in range(1, rank + 1))
            self.readers[reader] = f"carray(pointer(at[k]), ({shape}), np.{dtype}){'' if rank else '[0]'}"
            arguments.append(f"{reader}(at, {at})")
            at += 1 + rank
        self.calls[key] = len(self.calls), text % ", ".join(arguments), at

    def source(self, before: Sequence[str], dtype: str) -> str:
        """The module."""
        readers = [line for name, text in self.readers.items() for line in (JIT, f"def {name}(at, k):", f"    return {text}", "", "")]
        branches = [f"        {'elif' if kind else 'if'} kind == {kind}:\n            {text}" for kind, text, _ in self.calls.values()]
        return "\n".join([
            *IMPORTS, ADDRESSES, *with_called([*before, *self.functions], []), *readers, JIT, "def computed_at(place, steps, loss):",
            "    for _ in range(steps):", f"        at = carray(pointer(place), {max(length for *_, length in self.calls.values())}, np.int64)",
            "        kind = at[0]", *branches, "        place += 8 * at[1]", f"    return carray(pointer(loss), 1, np.{dtype})[0]", "",
        ])  # fmt: skip


def written_down(tape: Tape, arrays: Mapping[str, Any]) -> Any:
    """The steps as whole numbers: of each its kind and its length, then of every array its address and its shape.

    A number is an array without axes, and has one of a single entry where it is written.
    """
    words: list[int] = []
    for step in tape.steps:
        places = [word for n in step.reads for word in (arrays[n].ctypes.data, *arrays[n].shape)]
        places += [word for n in step.writes for word in (arrays[n].ctypes.data, *(arrays[n].shape or (1,)))]
        words += [step.kind, 2 + len(places), *places]
    return np.array(words, np.int64)
