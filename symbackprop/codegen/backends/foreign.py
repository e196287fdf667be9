"""What a caller gives to a function of another library: its arrays or NumPy's, checked as NumPy's are, wherever they lie."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from symbackprop.codegen.arrays import Op
from symbackprop.codegen.given import Checked, checked, fitting
from symbackprop.codegen.glance import Glance
from symbackprop.codegen.program import Program
from symbackprop.codegen.witnesses import witnesses
from symbackprop.errors import InputError

__all__ = ["converted", "stand_in", "watched"]

View = Callable[[str, Any], tuple[Any, bool]]


def watched(program: Program) -> tuple[Program, tuple[str, ...]]:
    """The program that returns, beside the gradients, what is finite only if all that is given is; and under which names.

    >>> from symbackprop.builders import mlp
    >>> from symbackprop.codegen.program import array_program
    >>> watched(array_program(mlp([784, 30, 10], output="softmax", loss="cross_entropy", samples="m")))[1]
    ('seen b2', 'seen Z1', 'seen db1')
    """
    chosen = replace(program, statements=tuple(replace(s, value=_with_choices(s.value)) for s in program.statements))
    seen = {f"seen {name}": name for name in witnesses(chosen)}
    return replace(program, gradients={**program.gradients, **seen}), tuple(seen)


def _with_choices(op: Op) -> Op:
    """A product with a condition as the choice that a compiler may take it for: what is not chosen leaves no mark."""
    args = tuple(map(_with_choices, op.args))
    return Op("where" if op.op == "mul" and any(a.op == "compare" for a in args) else op.op, args, op.data)


def converted(
    glance: Glance, view: View, array: Callable[[Any, str | None], Any], params: Any, data: tuple[Any, ...], scalars: Mapping[str, Any]
) -> Checked:
    """The arguments of a call as arrays of the library, once they are found to fit.

    `view(name, x)` is a NumPy array of the same shape and dtype, and whether it holds the values of `x`; an array that lies on an
    accelerator or is being traced is checked for its shape and dtype alone. `array(x, dtype)` is `x` in the library.
    """
    program, dtype = glance.program, glance.dtype
    wanted = (*program.inputs, *program.targets)
    if not isinstance(params, Mapping) or len(data) != len(wanted):
        fitting(program, dtype, params, data, scalars)
    seen = {str(name): view(str(name), x) for name, x in params.items()}
    looked = [view(g.name, x) for g, x in zip(wanted, data, strict=True)]
    visible = all(holds for _, holds in (*seen.values(), *looked))
    named, rest = {name: x for name, (x, _) in seen.items()}, tuple(x for x, _ in looked)
    numbers: Mapping[str, Any] = scalars
    if not visible or not glance.fits(named, rest, scalars):
        numbers = (checked if visible else fitting)(program, dtype, named, rest, scalars).scalars
    labels = {g.name for g in program.targets if program.net.target == "class"}
    return Checked(
        {g.name: array(params[g.name], dtype) for g in program.params},
        tuple(array(x, None if g.name in labels else dtype) for g, x in zip(wanted, data, strict=True)),
        dict(numbers),
    )


def stand_in(name: str, shape: tuple[int, ...], dtype: str) -> Any:
    """An array of a shape and a dtype that takes no memory; `InputError` for a dtype that NumPy does not know."""
    try:
        kind = np.dtype(dtype)
    except TypeError as error:
        raise InputError(f"{name} has dtype {dtype}; the function computes in float32 or float64") from error
    return np.broadcast_to(np.zeros((), kind), shape)
