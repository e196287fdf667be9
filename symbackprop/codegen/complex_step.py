"""A loss at complex parameters: the imaginary part of f(x + ih) is h f'(x), with no difference taken and so no digit lost."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from symbackprop.codegen.fast.graph import Node
from symbackprop.codegen.fast.operations import ufunc
from symbackprop.codegen.fast.simplify import Reduced
from symbackprop.errors import InputError

__all__ = ["complex_loss"]

_ANALYTIC = ("exp", "log", "sqrt", "tanh", "sin", "cos", "sinh", "cosh", "expm1", "log1p", "square", "power")


def complex_loss(reduced: Reduced) -> Callable[[Mapping[str, Any]], complex]:
    """The loss as a function of everything given, by name; `InputError` names an operation of it that is not analytic.

    >>> from symbackprop.builders import mlp
    >>> from symbackprop.codegen.fast.simplify import reduced
    >>> from symbackprop.codegen.program import array_program
    >>> loss = complex_loss(reduced(array_program(mlp([1, 1]))))
    >>> given = {"W1": np.array([[2 + 1e-30j]]), "b1": np.zeros(1), "x": np.ones(1), "y": np.ones(1)}
    >>> bool(np.isclose(loss(given).imag / 1e-30, (1 / (1 + np.exp(-2)) - 1) * 0.10499358540350662))
    True
    """
    graph, order = reduced.graph, reduced.graph.ordered([reduced.loss], list(reduced.said))
    for place in order:
        node = graph[place]
        if node.args and _operation(node) is None:
            what = node.data if node.op in ("call", "compare") else node.op
            raise InputError(f"the complex step needs a loss that is analytic, but this one uses '{what}'; use method='differences'")
    everything = (*reduced.program.params, *reduced.program.inputs, *reduced.program.targets)
    sizes = {n: (g.name, axis) for g in everything for axis, n in enumerate(g.shape)}

    def loss(given: Mapping[str, Any]) -> complex:
        values: dict[int, Any] = {}
        for place in order:
            node = graph[place]
            if node.op == "size":
                name, axis = sizes[node.data]
                values[place] = given[name].shape[axis]
            elif node.op == "number":
                values[place] = float(node.data)
            elif node.op == "name":
                values[place] = given[node.data]
            else:
                operation = _operation(node)
                assert operation is not None
                values[place] = operation(*(values[a] for a in node.args))
        return complex(values[reduced.loss])

    return loss


def _operation(node: Node) -> Callable[..., Any] | None:
    """What NumPy does for a node, with complex numbers; None for what is not analytic or not known."""
    data = node.data
    match node.op:
        case "matmul":
            return np.dot
        case "vdot":
            return lambda a, b: np.dot(np.ravel(a), np.ravel(b))
        case "sum":
            return lambda a: np.sum(a, axis=data)
        case "max":  # of the real parts: it is only taken off, so that its own imaginary part cancels
            return lambda a: np.max(a.real, axis=data)
        case "within":
            return lambda a: False
        case "shift":
            return lambda a, small: a - np.max(a.real, axis=data, keepdims=True)
        case "log_share":
            return lambda s, p, t, small: s - np.log(t)
        case "einsum":
            return lambda *a: np.einsum(data, *a)
        case "permute":
            return lambda a: np.transpose(a, data)
        case "select":
            return lambda a: np.asarray(a)[tuple(slice(None) if d == ":" else d for d in data)]
        case "one_hot":
            return lambda n, y: np.eye(int(n))[y]
        case "eye":
            return lambda n: np.eye(int(n))
        case "full":
            return lambda a, *sizes: np.broadcast_to(a, tuple(map(int, sizes)))
        case "call" if data == "logaddexp":
            return _logaddexp
        case "call" if data not in _ANALYTIC:
            return None
    name = None if node.op == "compare" else ufunc(node)
    return None if name is None else getattr(np, name)


def _logaddexp(a: Any, b: Any) -> Any:
    """log(exp(a) + exp(b)), the larger taken out."""
    top = np.where(np.real(a) > np.real(b), a, b)
    return top + np.log1p(np.exp(np.where(np.real(a) > np.real(b), b, a) - top))
