"""NumPy: the readable module, and the same statements as a function over arrays of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from symbackprop.codegen.backends.record import Backend, Run
from symbackprop.codegen.given import checked
from symbackprop.codegen.loading import loaded
from symbackprop.codegen.numpy_source import numpy_source
from symbackprop.codegen.program import Program

__all__ = ["BACKEND"]


def _build(program: Program, source: str, dtype: str) -> Run:
    function = loaded(source)["loss_and_gradients"]

    def run(params: Mapping[str, Any], *data: Any, **scalars: Any) -> tuple[Any, dict[str, Any]]:
        given = checked(program, dtype, params, data, scalars)
        loss, grads = function(given.params, *given.data, **given.scalars)
        return loss, {name: np.asarray(g) for name, g in grads.items()}

    return run


BACKEND = Backend("numpy", numpy_source, _build, needs="numpy")
