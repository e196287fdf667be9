"""Which few values show that all given numbers were finite: one that is not finite leaves its mark on all that comes of it strictly.

A sum, a product or a matrix product with an infinity or a NaN in it is never finite; an exponential of minus infinity is. So the
gradient of the first layer vouches for the weights of all later ones, and nothing as large as the weights has to be read again.
"""

from __future__ import annotations

from math import prod

from symbackprop.codegen.fast.graph import ARRAY, VIEWS, Node
from symbackprop.codegen.fast.simplify import Reduced

__all__ = ["witnesses"]

_STRICT = {"neg": (0,), "div": (0,), "sum": (0,), "shift": (0,), "log_share": (0,), **dict.fromkeys(("add", "sub", "mul", "matmul", "vdot"), (0, 1))}
_STRICT_CALLS = ("square", "sqrt", "abs", "log", "log1p", "sinh", "sin", "cos")
_BATCH = 64  # what a size with a name is taken for when costs are compared


def witnesses(reduced: Reduced) -> frozenset[int]:
    """The places whose values are all finite only if every given number is, each the smallest that can be had.

    >>> from symbackprop.builders import mlp
    >>> from symbackprop.codegen.fast.simplify import reduced
    >>> from symbackprop.codegen.program import array_program
    >>> found = reduced(array_program(mlp([784, 30, 10], output="softmax", loss="cross_entropy", samples="m")))
    >>> sorted(found.graph[p].op for p in witnesses(found))
    ['matmul', 'name', 'vdot']
    """
    graph, program = reduced.graph, reduced.program
    leaves = [reduced.places[g.name] for g in (*program.params, *program.inputs, *program.targets)]
    best: dict[int, tuple[int, int]] = {}  # what vouches for a place at the least cost: itself, or what comes of it
    for place in reversed(dict.fromkeys([*leaves, *reduced.order])):
        node = graph[place]
        if _tested(node):
            best[place] = min(best.get(place, (_cost(node), place)), (_cost(node), place))
        for a in _strict(node) if place in best else ():
            best[a] = min(best.get(a, best[place]), best[place])
    return frozenset(best[leaf][1] for leaf in leaves if graph[leaf].kind == "f")


def _strict(node: Node) -> tuple[int, ...]:
    """The arguments whose infinities and NaNs are still seen in the result."""
    if node.op in VIEWS:
        return () if node.op == "select" and any(isinstance(d, int) for d in node.data) else node.args
    if node.op == "call" and node.data in _STRICT_CALLS:
        return node.args
    return tuple(node.args[k] for k in _STRICT.get(node.op, ()))


def _tested(node: Node) -> bool:
    return node.kind == "f" and node.shape is not None and node.op not in VIEWS and node.level == ARRAY


def _cost(node: Node) -> int:
    return prod(n if isinstance(n, int) else _BATCH for n in node.shape or ())
