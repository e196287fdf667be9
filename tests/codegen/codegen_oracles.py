"""Networks written by hand for autograd, in a style of their own: nothing here is derived from the package."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import autograd.numpy as anp
import numpy as np
from autograd.extend import defvjp, primitive

from symbackprop.network import Network

ALPHA, KAPPA, LAMBDA = 0.3, 0.4, 0.05
NUMBERS = {"alpha": ALPHA, "kappa": KAPPA, "lambda_": LAMBDA}


erf = primitive(np.vectorize(math.erf, otypes=[float]))
defvjp(erf, lambda ans, x: lambda g: g * 2 / np.sqrt(np.pi) * np.exp(-(x**2)))


def logsumexp(z: Any, axis: int, keepdims: bool) -> Any:
    return anp.log(anp.sum(anp.exp(z), axis=axis, keepdims=keepdims))


def softmax(z: Any) -> Any:
    return anp.exp(z - logsumexp(z, axis=1, keepdims=True))


def sigmoid(z: Any) -> Any:
    return 0.5 * (anp.tanh(z / 2) + 1)


ACTIVATIONS = {
    "identity": lambda z: z,
    "sigmoid": sigmoid,
    "tanh": anp.tanh,
    "relu": lambda z: anp.maximum(z, 0.0),
    "leaky_relu": lambda z: anp.where(z > 0, z, ALPHA * z),
    "elu": lambda z: anp.where(z > 0, z, ALPHA * (anp.exp(z) - 1)),
    "softplus": lambda z: anp.logaddexp(z, 0.0),
    "silu": lambda z: z * sigmoid(z),
    "gelu": lambda z: z * 0.5 * (1 + erf(z / np.sqrt(2))),
    "gelu_tanh": lambda z: 0.5 * z * (1 + anp.tanh(np.sqrt(2 / np.pi) * (z + 0.044715 * z**3))),
    "softmax": softmax,
    "log_softmax": lambda z: z - logsumexp(z, axis=1, keepdims=True),
}


def _multiclass_hinge(a: Any, y: Any) -> Any:
    margins = 1 + a - anp.sum(y * a, axis=1, keepdims=True)
    return anp.sum((1 - y) * anp.maximum(margins, 0.0), axis=1)


LOSSES = {
    "quadratic": lambda a, y: anp.sum((a - y) ** 2, axis=1) / 2,
    "squared_error": lambda a, y: anp.sum((a - y) ** 2, axis=1),
    "mean_squared_error": lambda a, y: anp.mean((a - y) ** 2, axis=1),
    "l1": lambda a, y: anp.sum(anp.abs(a - y), axis=1),
    "huber": lambda a, y: anp.sum(anp.where(anp.abs(a - y) <= KAPPA, (a - y) ** 2 / 2, KAPPA * anp.abs(a - y) - KAPPA**2 / 2), axis=1),
    "binary_cross_entropy": lambda a, y: -anp.sum(y * anp.log(a) + (1 - y) * anp.log(1 - a), axis=1),
    "binary_cross_entropy_logits": lambda a, y: -anp.sum(y * anp.log(sigmoid(a)) + (1 - y) * anp.log(sigmoid(-a)), axis=1),
    "cross_entropy": lambda a, y: -anp.sum(y * anp.log(a), axis=1),
    "softmax_cross_entropy": lambda a, y: -anp.sum(y * anp.log(softmax(a)), axis=1),
    "cross_entropy_logits": lambda a, y: -anp.sum(y * anp.log(softmax(a)), axis=1),
    "negative_log_likelihood": lambda a, y: -anp.log(a[np.arange(len(y)), y]),
    "hinge": lambda a, y: anp.sum(anp.maximum(1 - y * a, 0.0), axis=1),
    "multiclass_hinge": _multiclass_hinge,
}

PENALTIES = {
    "l2": lambda w: LAMBDA / 2 * anp.sum(w**2),
    "l2_full": lambda w: LAMBDA * anp.sum(w**2),
    "l1": lambda w: LAMBDA * anp.sum(anp.abs(w)),
}

OUTPUT = {"cross_entropy": "softmax", "negative_log_likelihood": "softmax", "binary_cross_entropy": "sigmoid"}


def cost(params: dict[str, Any], x: Any, y: Any, activation: str, output: str, loss: str, penalty: str | None = None) -> Any:
    """The mean loss of a perceptron with samples as rows, and its penalty."""
    depth = len(params) // 2
    a = x
    for layer in range(1, depth + 1):
        f = ACTIVATIONS[activation if layer < depth else output]
        a = f(anp.dot(a, params[f"W{layer}"]) + params[f"b{layer}"])
    total = anp.mean(LOSSES[loss](a, y))
    if penalty is not None:
        total = total + sum(PENALTIES[penalty](params[f"W{layer}"]) for layer in range(1, depth + 1))
    return total


def parameters(sizes: list[int], rng: np.random.Generator, dtype: str = "float64") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for layer, (n, m) in enumerate(pairwise(sizes), 1):
        found[f"W{layer}"] = rng.normal(size=(n, m)).astype(dtype)
        found[f"b{layer}"] = rng.normal(size=m).astype(dtype)
    return found


def targets(net: Network, count: int, width: int, rng: np.random.Generator, dtype: str = "float64") -> Any:
    """Targets of the kind that the loss of `net` takes."""
    labels = rng.integers(0, width, size=count)
    made = {
        "class": labels, "one_hot": np.eye(width, dtype=dtype)[labels], "binary": rng.integers(0, 2, size=(count, width)).astype(dtype),
        "sign": (2 * rng.integers(0, 2, size=(count, width)) - 1).astype(dtype), "real": rng.normal(size=(count, width)).astype(dtype),
    }  # fmt: skip
    return made[net.target]
