"""Libraries that differentiate arrays, each asked in the way its documentation asks it."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.speed.cases import Case, Data
from benchmarks.speed.record import Call, Candidate, Result


def autograd(case: Case, data: Data) -> Call:
    import autograd.numpy as anp
    from autograd import value_and_grad

    f = {"sigmoid": lambda Z: 1 / (1 + anp.exp(-Z)), "relu": lambda Z: anp.maximum(Z, 0), "tanh": anp.tanh}[case.activation]
    X, Y, m, last = data.X, data.Y, case.batch, len(case.layers)

    def loss(params: Any) -> Any:
        A = X
        for layer in range(1, last):
            A = f(anp.dot(A, params[f"W{layer}"]) + params[f"b{layer}"])
        Z = anp.dot(A, params[f"W{last}"]) + params[f"b{last}"]
        if not case.classes:
            return anp.sum((1 / (1 + anp.exp(-Z)) - Y) ** 2) / 2 / m
        Z = Z - anp.max(Z, axis=1, keepdims=True)
        return (anp.sum(anp.log(anp.sum(anp.exp(Z), axis=1))) - anp.sum(Y * Z)) / m

    both = value_and_grad(loss)
    params = data.params
    return Call(lambda: both(params))


def jax(case: Case, data: Data) -> Call:
    import jax
    import jax.numpy as jnp

    f = {"sigmoid": jax.nn.sigmoid, "relu": jax.nn.relu, "tanh": jnp.tanh}[case.activation]
    m, last = case.batch, len(case.layers)

    def loss(params: Any, X: Any, Y: Any) -> Any:
        A = X
        for layer in range(1, last):
            A = f(A @ params[f"W{layer}"] + params[f"b{layer}"])
        Z = A @ params[f"W{last}"] + params[f"b{last}"]
        if not case.classes:
            return jnp.sum((jax.nn.sigmoid(Z) - Y) ** 2) / 2 / m
        return -jnp.sum(Y * jax.nn.log_softmax(Z)) / m

    both = jax.jit(jax.value_and_grad(loss))
    params, X, Y = {name: jnp.asarray(p) for name, p in data.params.items()}, jnp.asarray(data.X), jnp.asarray(data.Y)
    return Call(lambda: jax.block_until_ready(both(params, X, Y)), _in_numpy)


def _in_numpy(answer: Any) -> Result:
    return float(answer[0]), {name: np.asarray(g) for name, g in answer[1].items()}


def _torch_loss(case: Case) -> Any:
    import torch
    from torch.nn import functional

    f = {"sigmoid": torch.sigmoid, "relu": torch.relu, "tanh": torch.tanh}[case.activation]

    def loss(params: list[Any], X: Any, Y: Any) -> Any:
        A = X
        for i in range(0, len(params) - 2, 2):
            A = f(torch.addmm(params[i + 1], A, params[i]))
        Z = torch.addmm(params[-1], A, params[-2])
        if case.classes:
            return functional.cross_entropy(Z, Y)
        return ((torch.sigmoid(Z) - Y) ** 2).sum() / 2 / len(X)

    return loss


def _torch(case: Case, data: Data, compiled: bool) -> Call:
    import torch

    loss = _torch_loss(case)
    if compiled:
        torch._dynamo.reset()  # after eight networks through the same lines it would fall back to eager without a word
        loss = torch.compile(loss, dynamic=False, fullgraph=True)
    params = [torch.from_numpy(p).requires_grad_() for p in data.params.values()]
    X, Y = torch.from_numpy(data.X), torch.from_numpy(data.Y)

    def run() -> Any:
        value = loss(params, X, Y)
        return value, torch.autograd.grad(value, params)

    return Call(run, lambda answer: (answer[0].item(), dict(zip(data.params, (g.numpy() for g in answer[1]), strict=True))))


def pytensor(case: Case, data: Data) -> Call:
    import pytensor
    import pytensor.tensor as pt

    f = {"sigmoid": pt.sigmoid, "relu": lambda Z: pt.maximum(Z, np.zeros((), case.dtype)), "tanh": pt.tanh}[case.activation]
    X, Y = pt.matrix("X", dtype=case.dtype), pt.matrix("Y", dtype=case.dtype)
    params = {name: (pt.matrix if p.ndim == 2 else pt.vector)(name, dtype=case.dtype) for name, p in data.params.items()}
    m, last, A = np.array(case.batch, case.dtype), len(case.layers), X
    for layer in range(1, last):
        A = f(A @ params[f"W{layer}"] + params[f"b{layer}"])
    Z = A @ params[f"W{last}"] + params[f"b{last}"]
    if case.classes:
        loss = -(Y * pt.special.log_softmax(Z, axis=1)).sum() / m
    else:
        loss = np.array(0.5, case.dtype) * ((pt.sigmoid(Z) - Y) ** 2).sum() / m
    symbols = list(params.values())
    both = pytensor.function([X, Y, *symbols], [loss, *pytensor.grad(loss, symbols)], trust_input=True)
    given = (data.X, data.Y, *data.params.values())
    return Call(lambda: both(*given), lambda answer: (float(answer[0]), dict(zip(data.params, answer[1:], strict=True))))


PEERS = [
    Candidate("autograd", autograd, ("autograd",), writable=True),
    Candidate("jax.jit", jax, ("jax",)),
    Candidate("torch eager", lambda case, data: _torch(case, data, compiled=False), ("torch",)),
    Candidate("torch.compile", lambda case, data: _torch(case, data, compiled=True), ("torch",)),
    Candidate("pytensor", pytensor, ("pytensor",), writable=True),
]
