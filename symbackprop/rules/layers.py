"""Layers: how entry `j` of a pre-activation or of a junction is made from what feeds it."""

from __future__ import annotations

from symbackprop.rules.record import LAYERS, Layer

for _layer in (
    Layer("affine", "sum(k, w[j, k]*a[k]) + b[j]", parameters=("w", "b")),
    Layer("linear", "sum(k, w[j, k]*a[k])", parameters=("w",)),
    Layer("elementwise", "f(a[j])", activation=True),
    Layer("add", "a[j] + c[j]", inputs=("a", "c")),
    Layer("multiply", "a[j] * c[j]", inputs=("a", "c")),
):
    LAYERS.add(_layer)
