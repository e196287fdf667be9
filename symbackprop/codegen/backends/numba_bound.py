"""numba, bound to arrays: the compiled function is handed one address, where those of all arrays stand, instead of array after array."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from symbackprop.codegen.bound import Step, standing
from symbackprop.codegen.fast.scalars import fewer_than_calls, sized, statements
from symbackprop.codegen.fast.simplify import reduced
from symbackprop.codegen.numba_source import IMPORTS, JIT, compiled, is_product
from symbackprop.codegen.program import Program

__all__ = ["at_address", "bound"]

_MATH = "from math import cos, cosh, erf, erfc, exp, expm1, isfinite, log, log1p, nan, sin, sinh, sqrt, tanh\n"
_HEAD = '''import numpy as np
from numba import carray, njit, types
from numba.extending import intrinsic


@intrinsic
def pointer(typing, address):
    """The memory at an address."""

    def generated(context, builder, signature, arguments):
        return builder.inttoptr(arguments[0], context.get_value_type(types.voidptr))

    return types.voidptr(types.int64), generated


'''


def at_address(program: Program, dtypes: Sequence[str], sizes: Mapping[Any, int]) -> str:
    """A module with `computed_at(address, *numbers)`: it writes the gradients and returns the loss, or not a number if it is not sure.

    At the address stand those of the arrays that are given, of these `dtypes`, then those of the gradients. Few numbers are computed
    with one by one; otherwise products of matrices that are gradients are written where they belong, and the others copied.
    """
    small = reduced(program)
    by_number = fewer_than_calls(small, sizes)
    given = (*program.params, *program.inputs, *program.targets)
    used = [g.name for g in given] + [s.name for s in program.statements] + [*program.scalars, *program.size_names.values()]
    end = "_" * (1 + max(len(name) - len(name.rstrip("_")) for name in used))  # what ends so is no name of the program
    called = {g.name: f"x{n}{end}" if by_number else g.name for n, g in enumerate(given)}
    grads = {f"g{n}{end}": g for n, g in enumerate(program.params)}
    shapes = [sized(g.shape, sizes) for g in (*given, *grads.values())]
    kinds = [*dtypes, *dtypes[: len(grads)]]
    places = [f"carray(pointer(at{end}[{n}]), {s}, np.{d})" for n, (s, d) in enumerate(zip(shapes, kinds, strict=True))]
    function = [f"def computed_at({', '.join([f'address{end}', *program.scalars])}):"]
    function += [f"    at{end} = carray(pointer(address{end}), {len(places)}, np.int64)"]
    function += [f"    {name} = {place}" for name, place in zip([*called.values(), *grads], places, strict=True)]
    if by_number:
        lines, mark, (loss, *entries) = statements(small, sizes, called)
        targets = [f"{g}[{', '.join(map(str, at))}]" for g, p in grads.items() for at in np.ndindex(*sized(p.shape, sizes))]
        function += [f"    {line}" for line in (*lines, *map(" = ".join, zip(targets, entries, strict=True)))]
        marks = " + ".join([mark, f"loss{end}", *dict.fromkeys(entries)])
        function += [f"    loss{end} = {loss}", f"    return loss{end} if isfinite({marks}) else nan", ""]
        return "\n".join([_MATH, _HEAD, JIT, *function])
    names = [*zip(program.gradients.values(), grads, strict=True)]
    products = {s.name for s in program.statements if is_product(s)}
    into = {name: g for name, g in reversed(names) if name in products}
    functions, body, sound = compiled(program, into)
    function += [f"    {name} = {sizes[n]}" for n, name in program.size_names.items()] + body
    function += [f"    {g}[...] = {name}" for name, g in names if into.get(name) != g]
    function += [f"    return {program.loss} if {sound} else {program.loss} * np.nan", ""]
    return "\n".join([*IMPORTS, "", "", *functions, _HEAD, JIT, *function])


def bound(
    program: Program, dtype: str, run: Callable[..., Any], function_at: Callable[[tuple[str, ...], tuple[int, ...]], Callable[..., Any]] | None,
    params: Mapping[str, Any], data: Sequence[Any], scalars: Mapping[str, Any],
) -> Step:  # fmt: skip
    """The step for these arrays, by the function that `function_at` gives for their dtypes and sizes; where it is not sure, `run` answers.

    A network of many layers has no one compiled function, and `run` answers always.
    """
    sizes, arrays, numbers = standing(program, dtype, params, data, scalars, packed=True)
    own = {name: np.empty(x.shape, dtype) for name, x in zip(program.gradients, arrays, strict=False)}
    names = [g.name for g in program.params]

    def called() -> tuple[Any, dict[str, Any]]:
        loss, grads = run(dict(zip(names, arrays, strict=False)), *arrays[len(names) :], **scalars)
        for name, g in grads.items():
            own[name][...] = g
        return loss, own

    if function_at is None:
        return called
    addresses = np.array([x.ctypes.data for x in (*arrays, *own.values())], np.int64)
    held = arrays, addresses  # as long as the step is, so that the addresses stay theirs
    function, real = function_at(tuple(x.dtype.name for x in arrays), sizes), np.dtype(dtype).type
    computed_at = partial(function, addresses.ctypes.data, *numbers)

    def step(_: Any = held) -> tuple[Any, dict[str, Any]]:
        loss = computed_at()
        return (real(loss), own) if loss == loss else called()  # it is itself where it is a number

    return step
