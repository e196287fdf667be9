"""NumPy by hand: backpropagation as a good engineer writes it, and the matrix products alone, below which nobody gets."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.speed.cases import Case, Data
from benchmarks.speed.record import Call, Candidate, Result

# the activation, and its slope in terms of the activation
_ACTIVATIONS: dict[str, Any] = {
    "sigmoid": (lambda Z: 1 / (1 + np.exp(-Z)), lambda A: A * (1 - A)),
    "relu": (lambda Z: np.maximum(Z, 0), lambda A: A > 0),
    "tanh": (np.tanh, lambda A: 1 - A * A),
}


def by_hand(case: Case, data: Data) -> Call:
    """Vectorised over the batch, stored activations, fused softmax and cross-entropy; no tricks with buffers."""
    f, slope = _ACTIVATIONS[case.activation]
    params, X, Y, m, last = data.params, data.X, data.Y, case.batch, len(case.layers)

    def run() -> Result:
        A = [X]
        for layer in range(1, last):
            A.append(f(A[-1] @ params[f"W{layer}"] + params[f"b{layer}"]))
        Z = A[-1] @ params[f"W{last}"] + params[f"b{last}"]
        if case.classes:
            Z -= Z.max(axis=1, keepdims=True)
            E = np.exp(Z)
            total = E.sum(axis=1, keepdims=True)
            loss = (np.log(total).sum() - (Y * Z).sum()) / m
            Delta = (E / total - Y) / m
        else:
            P = 1 / (1 + np.exp(-Z))
            loss = ((P - Y) ** 2).sum() / 2 / m
            Delta = (P - Y) * P * (1 - P) / m
        grads = {}
        for layer in range(last, 0, -1):
            grads[f"W{layer}"] = A[layer - 1].T @ Delta
            grads[f"b{layer}"] = Delta.sum(axis=0)
            if layer > 1:
                Delta = (Delta @ params[f"W{layer}"].T) * slope(A[layer - 1])
        return loss, grads

    return Call(run)


def products(case: Case, data: Data) -> Call:
    """The matrix products of both passes through NumPy's BLAS, into arrays that exist already, and nothing else."""
    rng, m, dtype = np.random.default_rng(1), case.batch, case.dtype
    some = {layer: rng.normal(size=(m, case.widths[layer])).astype(dtype) for layer in case.layers}  # stands for activations and errors
    A = [data.X, *some.values()]
    Z = {layer: np.empty_like(a) for layer, a in some.items()}
    W = [data.params[f"W{layer}"] for layer in case.layers]
    grads = {name: np.zeros_like(p) for name, p in data.params.items()}
    forward = [(A[layer - 1], W[layer - 1], Z[layer]) for layer in case.layers]
    weights = [(A[layer - 1].T, some[layer], grads[f"W{layer}"]) for layer in reversed(case.layers)]
    errors = [(some[layer], W[layer - 1].T, Z[layer - 1]) for layer in reversed(case.layers[1:])]
    in_order = [*forward, weights[0], *(p for pair in zip(errors, weights[1:], strict=True) for p in pair)]

    def run(dot: Any = np.dot) -> Result:
        for left, right, out in in_order:
            dot(left, right, out)
        return 0.0, grads

    return Call(run, meaningless=True)


PRODUCTS = Candidate("products alone", products, writable=True, bound=True)
BY_HAND = Candidate("NumPy by hand", by_hand, writable=True)
