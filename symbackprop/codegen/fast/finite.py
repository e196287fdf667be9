"""The witnesses of the fast form: single operations that show whether all given numbers were finite."""

from __future__ import annotations

from symbackprop.codegen.fast.graph import ARRAY, VIEWS, Graph, Node
from symbackprop.codegen.fast.simplify import Reduced
from symbackprop.codegen.witnesses import Value, cost, least, strict

__all__ = ["witnesses"]


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
    values = {p: Value(cost(graph[p].shape or ()), _strict(graph[p]), _tested(graph, graph[p])) for p in dict.fromkeys([*leaves, *reduced.order])}
    return frozenset(least(values, [leaf for leaf in leaves if graph[leaf].kind == "f"]))


def _strict(node: Node) -> tuple[int, ...]:
    return strict(node.op, node.args, node.data)


def _tested(graph: Graph, node: Node) -> bool:
    """Whether a value may vouch for others; what is made of one array, entry by entry, says no more than that array."""
    alone = [graph[a].shape for a in _strict(node)] == [node.shape]
    return node.kind == "f" and node.shape is not None and node.op not in VIEWS and node.level == ARRAY and not alone
