"""Which few arrays show that all given numbers were finite: one that is not leaves its mark on all that comes of it strictly.

A sum, a product or a matrix product with an infinity or a NaN in it is never finite; an exponential of minus infinity is.
"""

from __future__ import annotations

from math import prod

from symbackprop.codegen.arrays import Op
from symbackprop.codegen.program import Program

__all__ = ["witnesses"]

_STRICT = ("add", "mul", "neg", "copy", "permute", "matmul", "outer", "sum", "full", "pad")
_BATCH = 64  # what a size with a name is taken for when costs are compared


def witnesses(program: Program) -> list[str]:
    """The names whose values are all finite only if every given number is, each the smallest that can be had.

    >>> from symbackprop.builders import mlp
    >>> from symbackprop.codegen.program import array_program
    >>> witnesses(array_program(mlp([784, 30, 10], output="softmax", loss="cross_entropy", samples="m")))
    ['b1', 'b2', 'Z1', 'J', 'db1']
    """
    best: dict[str, tuple[int, int, str]] = {}
    order = {s.name: n for n, s in enumerate(program.statements)}
    given = (*program.params, *program.inputs, *program.targets)
    arrays = [*((g.name, g.shape, set[str]()) for g in given), *((s.name, s.shape, _strict(s.value)) for s in program.statements)]
    for name, shape, marked in reversed(arrays):
        cost = prod([int(n) if n.is_Integer else _BATCH for n in shape])
        own = (cost, order.get(name, -1), name)
        best[name] = min(best.get(name, own), own)
        for of in marked:
            best[of] = min(best.get(of, best[name]), best[name])
    whole = program.targets if program.net.target == "class" else ()
    found = {best[g.name] for g in given if g not in whole}
    return [name for _, _, name in sorted(found, key=lambda f: (f[1], f[2]))]


def _strict(op: Op) -> set[str]:
    """The names whose infinities and NaNs are still seen in the result."""
    if op.op == "name":
        return {op.data}
    if op.op in _STRICT:
        return {name for a in op.args for name in _strict(a)}
    if op.op == "div" or (op.op == "select" and all(s in (":", None) for s in op.data)):
        return _strict(op.args[0])
    if op.op == "pow" and op.args[1].op == "number" and op.args[1].data.is_Integer:
        return _strict(op.args[0])
    if op.op == "einsum" and all(len(set(call)) == len(call) for call in op.data.partition("->")[0].split(",")):
        return {name for a in op.args for name in _strict(a)}
    return set()
