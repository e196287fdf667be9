"""JAX: the module compiled by jax.jit, callable with arrays of JAX or NumPy and inside other traced functions."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Any

import numpy as np
from sympy import Integer, sympify

from symbackprop.codegen.backends.foreign import converted, stand_in, watched
from symbackprop.codegen.backends.record import Backend, Run
from symbackprop.codegen.given import SUM_TOLERANCE, classes, fitting, sizes_read
from symbackprop.codegen.glance import Glance
from symbackprop.codegen.jax_source import JAX, jax_source
from symbackprop.codegen.loading import loaded
from symbackprop.codegen.module import module_source
from symbackprop.codegen.program import Given, Program
from symbackprop.errors import InputError

__all__ = ["BACKEND"]


def _build(program: Program, source: str, dtype: str) -> Run:
    import jax
    import jax.numpy as jnp

    watching, marks = watched(program)
    written, names = loaded(module_source(watching, JAX))["loss_and_gradients"], tuple(program.gradients)
    given = (*program.params, *program.inputs, *program.targets)
    first, count = len(program.params), len(program.inputs) + len(program.targets)
    glance, whole = Glance(program, dtype), {g.name for g in program.targets if program.net.target == "class"}

    def listed(*arrays: Any, **scalars: Any) -> tuple[Any, list[Any], Any]:
        """The loss, the gradients in order, and whether what is given can be used; shapes and dtypes are checked while this is traced."""
        bare = [stand_in(g.name, x.shape, x.dtype.name) for g, x in zip(given, arrays, strict=True)]
        fitting(program, dtype, dict(zip(program_names, bare, strict=False)), bare[first:], scalars)
        arrays = tuple(x if g.name in whole else jnp.asarray(x, dtype) for g, x in zip(given, arrays, strict=True))
        loss, found = written(dict(zip(program_names, arrays, strict=False)), *arrays[first:], **scalars)
        sound = jnp.isfinite(sum(jnp.vdot(found[m], found[m]) for m in marks))
        for g, y in zip(program.targets, arrays[len(given) - len(program.targets) :], strict=True):
            sound &= _fit(program, g, y, sizes_read(program, arrays))
        return loss, [found[name] for name in names], sound

    program_names, numbers = [g.name for g in program.params], frozenset(program.scalars)
    function = jax.jit(listed)
    concrete: set[type] = {np.ndarray}  # and JAX's own type of arrays, once one was seen
    # JAX without a word makes smaller numbers of those of NumPy that are not among these
    kept = {np.dtype(k) for k in (dtype, "int8", "int16", "int32", "uint8", "uint16", "uint32", *(("int64", "uint64") if dtype == "float64" else ()))}

    def fits() -> None:
        # Without it JAX computes in float32 and says nothing; the switch is the whole process's, so it is the caller's to turn.
        if dtype == "float64" and not jax.config.jax_enable_x64:
            raise InputError(
                "the jax backend computes in float32 while jax_enable_x64 is off, but dtype='float64' was asked for; "
                "call jax.config.update('jax_enable_x64', True) first, or compile with dtype='float32'"
            )

    def usual(params: Any, data: tuple[Any, ...], scalars: Mapping[str, Any]) -> list[Any] | None:
        """The arrays of a call in order, if jit takes all of them as they are."""
        if type(params) is not dict or len(params) != first or len(data) != count or scalars.keys() != numbers:
            return None
        try:
            arrays = [*map(params.__getitem__, program_names), *data]
        except KeyError:
            return None
        plain = all(type(x) in concrete and x.dtype in kept for x in arrays)
        return arrays if plain and all(type(x) is float and isfinite(x) for x in scalars.values()) else None

    def view(name: str, x: Any) -> tuple[Any, bool]:
        if not isinstance(x, jax.Array):
            return x, True
        if isinstance(x, jax.core.Tracer):
            return stand_in(name, x.shape, x.dtype.name), False
        concrete.add(type(x))
        return (np.asarray(x), True) if _on_cpu(x) else (stand_in(name, x.shape, x.dtype.name), False)

    def array(x: Any, kind: str | None) -> Any:
        if isinstance(x, jax.Array):
            return x if kind is None or x.dtype == kind else x.astype(kind)
        return jnp.array(x, kind)  # a copy: the caller may write to what was given before JAX has read it

    def run(params: Mapping[str, Any], *data: Any, **scalars: Any) -> tuple[Any, dict[str, Any]]:
        fits()
        arrays = usual(params, data, scalars)
        if arrays is None:
            found = converted(glance, view, array, params, data, scalars)
            loss, grads, _ = function(*found.params.values(), *found.data, **found.scalars)
        else:
            loss, grads, sound = function(*arrays, **scalars)
            if (_on_cpu(sound) or any(type(x) is np.ndarray for x in arrays)) and not sound.item():
                converted(glance, view, array, params, data, scalars)  # it says what cannot be used
        return loss, dict(zip(names, grads, strict=True))

    fits()
    return run


def _on_cpu(x: Any) -> bool:
    return all(d.platform == "cpu" for d in x.devices())


def _fit(program: Program, given: Given, y: Any, sizes: Mapping[Any, int]) -> Any:
    """Whether targets are of the kind that the loss takes, in operations that are traced."""
    match program.net.target:
        case "class":
            count = sympify(classes(program), strict=True).xreplace({n: Integer(size) for n, size in sizes.items()})
            return (y >= 0).all() & ((y < int(count)).all() if count.is_Integer else True)
        case "sign":
            return (abs(y) == 1).all()
        case "binary":
            return ((y >= 0) & (y <= 1)).all()
        case "one_hot":
            return ((y >= 0) & (y <= 1)).all() & (abs(y.sum(given.axes.index(0)) - 1) <= SUM_TOLERANCE).all()
    return True


BACKEND = Backend("jax", jax_source, _build, needs="jax", extra="jax")
