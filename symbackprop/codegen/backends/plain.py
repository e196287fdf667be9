"""The readable module itself as a function: for derivatives that are not gradients of a loss in the shapes of the parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from symbackprop.codegen.backends.record import Run
from symbackprop.codegen.given import checked
from symbackprop.codegen.loading import loaded
from symbackprop.codegen.program import Program

__all__ = ["plain_run"]


def plain_run(program: Program, source: str, dtype: str) -> Run:
    """The function of a printed NumPy module, behind the checks of what a caller gives."""
    function = loaded(source)["loss_and_gradients"]

    def run(params: Mapping[str, Any], *data: Any, **scalars: Any) -> tuple[Any, dict[str, Any]]:
        given = checked(program, dtype, params, data, scalars)
        return function(given.params, *given.data, **given.scalars)  # type: ignore[no-any-return]

    return run
