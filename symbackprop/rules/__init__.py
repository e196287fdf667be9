"""The registry of formulas: activations, losses, penalties and layers, each one record; SymPy derives everything else."""

from __future__ import annotations

from typing import Any

from symbackprop.rules import activations, functions, layers, losses
from symbackprop.rules.record import ACTIVATIONS, FUNCTIONS, LAYERS, LOSSES, PENALTIES, VARIABLE, Activation, Layer, Loss, Penalty, elementwise_names

__all__ = [
    "ACTIVATIONS", "FUNCTIONS", "LAYERS", "LOSSES", "PENALTIES", "Activation", "Layer", "Loss", "Penalty", "elementwise_names", "formula_of",
]  # fmt: skip

_REGISTERED = (activations, functions, layers, losses)


def formula_of(name: str) -> tuple[Any, Any] | None:
    """The variable and the formula of a registered function of one number; None for a function that is left abstract.

    >>> formula_of("sigmoid")
    (z, 1/(1 + exp(-z)))
    """
    rule = next((registry[name] for registry in (ACTIVATIONS, FUNCTIONS) if name in registry), None)
    return None if rule is None or rule.vector else (VARIABLE, rule.of(VARIABLE))
