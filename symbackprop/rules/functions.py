"""Functions in whose words derivatives are said; they are no activations, and no specification names them."""

from __future__ import annotations

from symbackprop.rules.record import FUNCTIONS, Activation

for _record in (
    Activation("normal_distribution", "1/2 * (1 + erf(z / sqrt(2)))", symbol="Phi"),
    Activation("normal_density", "exp(-z**2 / 2) / sqrt(2 * pi)", symbol="phi"),
):
    FUNCTIONS.add(_record)
