"""The networks that are timed, and the numbers put into them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

SHAPES: Mapping[str, tuple[int, tuple[int, ...]]] = {
    "S1": (1, (2, 2, 1)),
    "S2": (32, (784, 30, 10)),
    "S3": (128, (784, 512, 256, 10)),
    "S4": (1024, (256, 1024, 1024, 10)),
    "S5": (64, (64,) * 51),
}
ACTIVATIONS = ("sigmoid", "relu", "tanh")
DTYPES = ("float64", "float32")
_DEEP = 10  # layers, from which on a sigmoid needs larger weights, or the first gradients vanish in the rounding


@dataclass(frozen=True)
class Case:
    """A perceptron, its hidden activation and its dtype. A single output is a sigmoid's with the quadratic loss, several are a softmax's."""

    shape: str
    activation: str = "sigmoid"
    dtype: str = "float64"

    @property
    def batch(self) -> int:
        return SHAPES[self.shape][0]

    @property
    def widths(self) -> tuple[int, ...]:
        return SHAPES[self.shape][1]

    @property
    def layers(self) -> range:
        return range(1, len(self.widths))

    @property
    def classes(self) -> bool:
        """Whether the output is a softmax with cross-entropy; else it is a sigmoid with the quadratic loss."""
        return self.widths[-1] > 1

    def __str__(self) -> str:
        widths = "-".join(map(str, self.widths)) if len(self.layers) < _DEEP else f"{self.widths[0]} wide, {len(self.layers)} layers"
        return f"{self.shape}: {self.batch} x {widths}, {self.activation}, {self.dtype}"


@dataclass(frozen=True)
class Data:
    """X (m, n), one-hot or 0/1 targets Y (m, k), and params W1 (n, n1), b1 (n1,), W2..."""

    params: dict[str, Any]
    X: Any
    Y: Any

    def astype(self, dtype: str) -> Data:
        return Data({name: p.astype(dtype) for name, p in self.params.items()}, self.X.astype(dtype), self.Y.astype(dtype))


def data(case: Case) -> Data:
    """The same numbers for every candidate; weights of a size that keeps activations and gradients from vanishing."""
    rng = np.random.default_rng(0)
    gain = {"sigmoid": 4.0 if len(case.layers) > _DEEP else 1.0, "tanh": 1.0, "relu": np.sqrt(2.0)}[case.activation]
    params = {}
    for layer, (n, width) in enumerate(pairwise(case.widths), 1):
        params[f"W{layer}"] = gain * rng.normal(size=(n, width)) / np.sqrt(n)
        params[f"b{layer}"] = 0.1 * rng.normal(size=width)
    X = rng.normal(size=(case.batch, case.widths[0]))
    k = case.widths[-1]
    Y = np.eye(k)[rng.integers(k, size=case.batch)] if case.classes else rng.integers(2, size=(case.batch, k))
    return Data(params, X, Y).astype(case.dtype)
