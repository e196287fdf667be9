"""The registry of formulas: activations, losses, penalties and layers, each one record; SymPy derives everything else."""

from __future__ import annotations

from typing import Any

from symbackprop.rules import activations, layers, losses
from symbackprop.rules.record import ACTIVATIONS, LAYERS, LOSSES, PENALTIES, VARIABLE, Activation, Layer, Loss, Penalty, elementwise_names

__all__ = [
    "ACTIVATIONS", "LAYERS", "LOSSES", "PENALTIES", "Activation", "Layer", "Loss", "Penalty", "elementwise_names", "formula_of",
]  # fmt: skip

_REGISTERED = (activations, layers, losses)


def formula_of(name: str) -> tuple[Any, Any] | None:
    """The variable and the formula of a registered elementwise activation; None for a function that is left abstract.

    >>> formula_of("sigmoid")
    (z, 1/(1 + exp(-z)))
    """
    if name not in ACTIVATIONS or ACTIVATIONS[name].vector:
        return None
    return VARIABLE, ACTIVATIONS[name].of(VARIABLE)
