"""How NumPy writes the result of an operation into an array that is there already."""

from __future__ import annotations

import numpy as np

from symbackprop.codegen.fast.graph import Graph, Node

__all__ = ["FUNCTIONS", "is_ufunc", "ufunc", "written_into"]

_UFUNCS = {"add": "add", "sub": "subtract", "mul": "multiply", "div": "divide", "neg": "negative", "pow": "power"}
_SIGNS = {">": "greater", ">=": "greater_equal", "<": "less", "<=": "less_equal", "==": "equal", "!=": "not_equal"}
FUNCTIONS = ("array", "concatenate", "copyto", "einsum", "empty", "eye", "finfo", "ones", "take", "vdot", *_UFUNCS.values(), *_SIGNS.values())
"""The functions of NumPy that a fast module may call by their bare names."""


def ufunc(node: Node) -> str | None:
    """The universal function that computes an operation entry by entry.

    >>> ufunc(Node("sub")), ufunc(Node("call", data="exp")), ufunc(Node("compare", data=">"))
    ('subtract', 'exp', 'greater')
    """
    if node.op == "compare":
        return _SIGNS[node.data]
    if node.op == "call":
        return node.data if isinstance(getattr(np, node.data, None), np.ufunc) else None
    return _UFUNCS.get(node.op)


def is_ufunc(node: Node) -> bool:
    """Whether an operation goes entry by entry, so that it may overwrite what it reads."""
    return ufunc(node) is not None


def written_into(graph: Graph, node: Node) -> bool:
    """Whether an operation can write its result into an array."""
    of = [graph[a] for a in node.args]
    if not node.holds or node.shape is None or any(n.shape is None for n in of):
        return False
    match node.op:
        case "matmul" | "max" | "einsum":
            return all(n.kind == "f" for n in of)
        case "sum" | "where" | "full" | "one_hot" | "shift" | "log_share":
            return True
    return is_ufunc(node) and (node.kind == "b" or any(n.kind == "f" for n in of))
