"""numba, bound to arrays: the compiled function is handed one address, where those of all arrays stand, instead of array after array."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import isfinite
from typing import Any

import numpy as np
from sympy import Symbol

from symbackprop.codegen.bound import Step, closer_look, standing
from symbackprop.codegen.module import spelled_shape
from symbackprop.codegen.program import Program

__all__ = ["bound", "with_addresses"]

_HEAD = '''

@intrinsic
def pointer(typing, address):
    """The memory at an address."""

    def generated(context, builder, signature, arguments):
        return builder.inttoptr(arguments[0], context.get_value_type(types.voidptr))

    return types.voidptr(types.int64), generated

'''


def with_addresses(program: Program, source: str, dtypes: Sequence[str]) -> str:
    """The module `source` with `computed_at(address, *sizes, *numbers)`: the loss, not a number if that is not sound; gradients are written.

    At the address stand those of the arrays that are given, of these `dtypes`, then those of the gradients.
    """
    given = (*program.params, *program.inputs, *program.targets)
    sizes = {n: Symbol(name) for n, name in program.size_names.items()}
    shapes = [spelled_shape(tuple(n.xreplace(sizes) for n in g.shape)) for g in given]
    places = [f"carray(pointer(at[{n}]), {shape}, np.{dtype})" for n, (shape, dtype) in enumerate(zip(shapes, dtypes, strict=True))]
    grads = [f"g{n}" for n, _ in enumerate(program.gradients)]
    return "\n".join([
        source.rstrip().replace("from numba import njit", "from numba import carray, njit, types\nfrom numba.extending import intrinsic", 1), _HEAD,
        '@njit(cache=True, error_model="numpy", nogil=True)',
        f"def computed_at({', '.join(['address', *program.size_names.values(), *program.scalars])}):",
        f"    at = carray(pointer(address), {len(given) + len(grads)}, np.int64)",
        f"    loss, {', '.join(grads)}, sound = computed({', '.join([*places, *program.scalars])})",
        *(f"    carray(pointer(at[{len(given) + n}]), {shapes[n]}, np.{dtypes[n]})[...] = {g}" for n, g in enumerate(grads)),
        "    return loss if sound else loss * np.nan", "",
    ])  # fmt: skip


def bound(
    program: Program, dtype: str, run: Callable[..., Any], function_at: Callable[[tuple[str, ...]], Callable[..., Any]],
    params: Mapping[str, Any], data: Sequence[Any], scalars: Mapping[str, Any],
) -> Step:  # fmt: skip
    """The step for these arrays, by the function that `function_at` gives for their dtypes; where it is not sure, `run` answers."""
    sizes, arrays, numbers = standing(program, dtype, params, data, scalars, packed=True)
    own = {name: np.empty(x.shape, dtype) for name, x in zip(program.gradients, arrays, strict=False)}
    addresses = np.array([x.ctypes.data for x in (*arrays, *own.values())], np.int64)
    held = arrays, addresses  # as long as the step is, so that the addresses stay theirs
    function, at, real = function_at(tuple(x.dtype.name for x in arrays)), (addresses.ctypes.data, *sizes, *numbers), np.dtype(dtype).type
    names = [g.name for g in program.params]

    def step() -> tuple[Any, dict[str, Any]]:
        loss = function(*at)
        if isfinite(loss):
            return real(loss), own
        closer_look(program, dtype, held[0], scalars)
        loss, grads = run(dict(zip(names, arrays, strict=False)), *arrays[len(names) :], **scalars)
        for name, g in grads.items():
            own[name][...] = g
        return loss, own

    return step
