"""numba, bound to arrays: the compiled function is handed addresses, where the arrays stand, instead of array after array."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from symbackprop.codegen.bound import Step, standing
from symbackprop.codegen.fast.memory import side_by_side
from symbackprop.codegen.fast.scalars import fewer_than_calls, sized, statements
from symbackprop.codegen.fast.simplify import reduced
from symbackprop.codegen.numba_parts import JIT
from symbackprop.codegen.numba_tape import ADDRESSES, Tape, numba_tape, written_down
from symbackprop.codegen.program import Program

__all__ = ["bound"]

_WRITTEN_OUT = 80  # statements that are written out number by number
_IMPORTS = """from math import cos, cosh, erf, erfc, exp, expm1, isfinite, log, log1p, nan, sin, sinh, sqrt, tanh

import numpy as np
from numba import njit
"""


def _by_number(program: Program, dtypes: Sequence[str], sizes: Mapping[Any, int]) -> str:
    """A module with `computed_at(address, *numbers)`: it writes the gradients and returns the loss, or not a number if it is not sure.

    At the address stand those of the arrays that are given, of these `dtypes`, then those of the gradients.
    """
    given = (*program.params, *program.inputs, *program.targets)
    used = [g.name for g in given] + [*program.scalars, *program.size_names.values()]
    end = "_" * (1 + max(len(name) - len(name.rstrip("_")) for name in used))  # what ends so is no name of the program
    called = {g.name: f"x{n}{end}" for n, g in enumerate(given)}
    grads = {f"g{n}{end}": g for n, g in enumerate(program.params)}
    shapes = [sized(g.shape, sizes) for g in (*given, *grads.values())]
    kinds = [*dtypes, *dtypes[: len(grads)]]
    places = [f"carray(pointer(at{end}[{n}]), {s}, np.{d})" for n, (s, d) in enumerate(zip(shapes, kinds, strict=True))]
    lines, mark, (loss, *entries) = statements(reduced(program), sizes, called)
    targets = [f"{g}[{', '.join(map(str, at))}]" for g, p in grads.items() for at in np.ndindex(*sized(p.shape, sizes))]
    marks = " + ".join([mark, f"loss{end}", *dict.fromkeys(entries)])
    return "\n".join([
        _IMPORTS + ADDRESSES, JIT, f"def computed_at({', '.join([f'address{end}', *program.scalars])}):",
        f"    at{end} = carray(pointer(address{end}), {len(places)}, np.int64)",
        *(f"    {name} = {place}" for name, place in zip([*called.values(), *grads], places, strict=True)),
        *(f"    {line}" for line in (*lines, *map(" = ".join, zip(targets, entries, strict=True)))),
        f"    loss{end} = {loss}", f"    return loss{end} if isfinite({marks}) else nan", "",
    ])  # fmt: skip


def bound(
    program: Program, dtype: str, run: Callable[..., Any], compiled: Callable[[str], Callable[..., Any]],
    params: Mapping[str, Any], data: Sequence[Any], scalars: Mapping[str, Any],
) -> Step:  # fmt: skip
    """The step for these arrays, by the function that `compiled` gives for its source; where that is not sure, `run` answers.

    Few numbers are computed with one by one, others array by array.
    """
    sizes, arrays, numbers = standing(program, dtype, params, data, scalars, packed=True)
    known = dict(zip(program.size_names, sizes, strict=True))
    names, real = [g.name for g in program.params], np.dtype(dtype).type
    if len(program.statements) <= _WRITTEN_OUT and fewer_than_calls(reduced(program), known):
        own = {name: np.empty(x.shape, dtype) for name, x in zip(program.gradients, arrays, strict=False)}
        addresses = np.array([x.ctypes.data for x in (*arrays, *own.values())], np.int64)
        computed_at = partial(compiled(_by_number(program, [x.dtype.name for x in arrays], known)), addresses.ctypes.data, *numbers)
        held: tuple[Any, ...] = arrays, addresses
    else:
        given = dict(zip([g.name for g in (*program.params, *program.inputs, *program.targets)], arrays, strict=True))
        tape = numba_tape(program, dtype, {name: x.dtype.name for name, x in given.items() if x.dtype.kind != "f"})
        given |= {name: np.array(x, np.float64) for name, x in zip(program.scalars, numbers, strict=True)}
        given |= {name: np.array(known[n], np.int64) for n, name in program.size_names.items()}
        memory = given | _workspace(program, tape, dtype, known)
        own = {name: memory[g] for name, g in tape.gradients.items()}
        words = written_down(tape, memory)
        computed_at = partial(compiled(tape.source), words.ctypes.data, len(tape.steps), memory[program.loss].ctypes.data)
        held = memory, words

    def called() -> tuple[Any, dict[str, Any]]:
        loss, grads = run(dict(zip(names, arrays, strict=False)), *arrays[len(names) :], **scalars)
        for name, g in grads.items():
            own[name][...] = g
        return loss, own

    def step(_: Any = held) -> tuple[Any, dict[str, Any]]:  # held as long as the step is, so that addresses stay what they are
        loss = computed_at()
        return (real(loss), own) if loss == loss else called()  # it is itself where it is a number

    return step


def _workspace(program: Program, tape: Tape, dtype: str, sizes: Mapping[Any, int]) -> dict[str, Any]:
    """The arrays that are written: each as soon as another of its shape is read for the last time in the place of that."""
    by_name = {s.name: sized(s.shape, sizes) for s in program.statements}
    shapes = by_name | {g: by_name[program.gradients[p]] for p, g in tape.gradients.items()}
    last = {name: n for n, step in enumerate(tape.steps) for name in (*step.reads, *step.writes)}
    last |= dict.fromkeys((*tape.gradients.values(), program.loss), len(tape.steps))
    slots: list[tuple[int, ...]] = []
    of: dict[str, int] = {}
    free: dict[tuple[int, ...], list[int]] = {}
    for n, step in enumerate(tape.steps):
        for name in step.writes:
            waiting = free.get(shapes[name], [])
            of[name] = waiting.pop() if waiting else len(slots)
            slots += [shapes[name]] if of[name] == len(slots) else []
        for name in {*step.reads, *step.writes}:
            if last[name] == n and name in of:
                free.setdefault(shapes[name], []).append(of[name])
    arrays = side_by_side(dtype, *slots)
    return {name: arrays[slot] for name, slot in of.items()}
