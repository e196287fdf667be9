"""JAX: the module compiled by jax.jit, callable with arrays of JAX or NumPy and inside other traced functions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from symbackprop.codegen.backends.foreign import Seen, converted, stand_in
from symbackprop.codegen.backends.record import Backend, Run
from symbackprop.codegen.glance import Glance
from symbackprop.codegen.jax_source import jax_source
from symbackprop.codegen.loading import loaded
from symbackprop.codegen.program import Program
from symbackprop.errors import InputError

__all__ = ["BACKEND"]


def _build(program: Program, source: str, dtype: str) -> Run:
    import jax
    import jax.numpy as jnp

    written, names = loaded(source)["loss_and_gradients"], tuple(program.gradients)

    def listed(params: Mapping[str, Any], *data: Any, **scalars: Any) -> tuple[Any, list[Any]]:
        loss, grads = written(params, *data, **scalars)
        return loss, [grads[name] for name in names]  # a dict would come back in the order of the alphabet

    function = jax.jit(listed)
    glance, seen, real = Glance(program, dtype), Seen(), np.dtype(dtype)

    def fits() -> None:
        # Without it JAX computes in float32 and says nothing; the switch is the whole process's, so it is the caller's to turn.
        if dtype == "float64" and not jax.config.jax_enable_x64:
            raise InputError(
                "the jax backend computes in float32 while jax_enable_x64 is off, but dtype='float64' was asked for; "
                "call jax.config.update('jax_enable_x64', True) first, or compile with dtype='float32'"
            )

    def view(name: str, x: Any) -> tuple[Any, bool]:
        if not isinstance(x, jax.Array):
            return x, True
        if isinstance(x, jax.core.Tracer) or any(d.platform != "cpu" for d in x.devices()):
            return stand_in(name, x.shape, x.dtype.name), False
        return np.asarray(x), True

    def array(x: Any, dtype: str | None) -> Any:
        return x if isinstance(x, jax.Array) and (dtype is None or x.dtype == real) else jnp.asarray(x, dtype)

    def run(params: Mapping[str, Any], *data: Any, **scalars: Any) -> tuple[Any, dict[str, Any]]:
        fits()
        if isinstance(params, dict) and not scalars and seen.again(params, data):
            loss, grads = function(params, *data)
        else:
            given = converted(glance, view, array, params, data, scalars)
            loss, grads = function(given.params, *given.data, **given.scalars)
            if all(isinstance(x, jax.Array) and not isinstance(x, jax.core.Tracer) for x in (*params.values(), *data)):
                seen.keep(params, data)
        return loss, dict(zip(names, grads, strict=True))

    fits()
    return run


BACKEND = Backend("jax", jax_source, _build, needs="jax", extra="jax")
