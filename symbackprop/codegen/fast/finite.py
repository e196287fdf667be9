"""Which few values show that all given numbers were finite: one that is not finite leaves its mark on all that comes of it strictly.

A sum, a product or a matrix product with an infinity or a NaN in it is never finite; an exponential of minus infinity is. So the
gradient of the first layer vouches for the weights of all later ones, and nothing as large as the weights has to be read again.
"""

from __future__ import annotations

from collections import Counter
from math import prod

from symbackprop.codegen.fast.graph import ARRAY, VIEWS, Graph, Node
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
    ['mul', 'sub']
    """
    graph, program = reduced.graph, reduced.program
    leaves = [reduced.places[g.name] for g in (*program.params, *program.inputs, *program.targets)]
    best: dict[int, tuple[int, int]] = {}  # what vouches for a place at the least cost: itself, or what comes of it, the last for most
    for place in reversed(dict.fromkeys([*leaves, *reduced.order])):
        node = graph[place]
        if _tested(graph, node):
            best[place] = min(best.get(place, (_cost(node), -place)), (_cost(node), -place))
        for a in _strict(node) if place in best else ():
            best[a] = min(best.get(a, best[place]), best[place])
    chosen = {-best[leaf][1] for leaf in leaves if graph[leaf].kind == "f"}
    vouched = {place: _vouched(graph, place) & set(leaves) for place in sorted(chosen, key=lambda p: -_cost(graph[p]))}
    times = Counter(leaf for found in vouched.values() for leaf in found)
    for place, found in vouched.items():  # what others vouch for as well is not looked at again
        if all(times[leaf] > 1 for leaf in found):
            times.subtract(found)
            chosen.remove(place)
    return frozenset(chosen)


def _vouched(graph: Graph, place: int) -> set[int]:
    """All whose infinities and NaNs are still seen in a value, itself included."""
    found, waiting = {place}, [place]
    while waiting:
        new = set(_strict(graph[waiting.pop()])) - found
        found |= new
        waiting += new
    return found


def _strict(node: Node) -> tuple[int, ...]:
    """The arguments whose infinities and NaNs are still seen in the result."""
    if node.op in VIEWS:
        return () if node.op == "select" and any(isinstance(d, int) for d in node.data) else node.args
    if node.op == "call" and node.data in _STRICT_CALLS:
        return node.args
    return tuple(node.args[k] for k in _STRICT.get(node.op, ()))


def _tested(graph: Graph, node: Node) -> bool:
    """Whether a value may vouch for others; what is made of one array, entry by entry, says no more than that array."""
    alone = [graph[a].shape for a in _strict(node)] == [node.shape]
    return node.kind == "f" and node.shape is not None and node.op not in VIEWS and node.level == ARRAY and not alone


def _cost(node: Node) -> int:
    return prod(n if isinstance(n, int) else _BATCH for n in node.shape or ())
