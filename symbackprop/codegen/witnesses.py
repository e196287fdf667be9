"""Which few values show that all given numbers were finite: one that is not finite leaves its mark on all that comes of it strictly.

A sum, a product or a matrix product with an infinity or a NaN in it is never finite; an exponential of minus infinity is. So the
gradient of the first layer vouches for the weights of all later ones, and nothing as large as the weights has to be read again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, TypeVar

from sympy import Integer

from symbackprop.codegen.arrays import Op
from symbackprop.codegen.program import Program

__all__ = ["Value", "cost", "least", "strict", "witnesses"]

T = TypeVar("T")
K = TypeVar("K", bound=Hashable)

_FIRST = ("neg", "div", "sum", "copy", "permute", "full", "pad", "shift", "log_share")
_ALL = ("add", "sub", "mul", "matmul", "vdot", "outer")
_CALLS = ("square", "sqrt", "abs", "log", "log1p", "sinh", "sin", "cos", "addmm")
_BATCH = 64  # what a size with a name is taken for when costs are compared


def strict(op: str, args: tuple[T, ...], data: Any) -> tuple[T, ...]:
    """The arguments of an operation whose infinities and NaNs are still seen in its result.

    >>> strict("div", ("a", "b"), None), strict("call", ("a",), "exp")
    (('a',), ())
    """
    if op == "select":
        return () if any(isinstance(d, int) for d in data) else args
    if op == "einsum":
        return args if all(len(set(call)) == len(call) for call in data.partition("->")[0].split(",")) else ()
    whole = op in _ALL or (op == "call" and data in _CALLS)
    return args if whole else args[:1] if op in _FIRST else ()


def cost(shape: Iterable[Any]) -> int:
    """How many numbers are read."""
    return prod(int(n) if isinstance(n, (int, Integer)) else _BATCH for n in shape)


@dataclass(frozen=True)
class Value:
    """What a value costs to read, on which others it bears their marks, and whether it may be read at all."""

    cost: int
    marked_by: tuple[Any, ...] = ()
    tested: bool = True


def least(values: Mapping[K, Value], leaves: Sequence[K]) -> set[K]:
    """Of values in the order in which they are computed, those that vouch for the leaves at the least cost, the last for most.

    >>> sorted(least({"W": Value(100), "b": Value(5), "z": Value(5, ("W", "b")), "dW": Value(100, ("z",))}, ["W", "b"]))
    ['z']
    """
    order = {key: place for place, key in enumerate(values)}
    best: dict[K, tuple[int, int, K]] = {}
    for key in reversed([*values]):
        value = values[key]
        own = value.cost, -order[key], key
        if value.tested:
            best[key] = min(best.get(key, own), own)
        for a in value.marked_by if key in best else ():
            best[a] = min(best.get(a, best[key]), best[key])
    chosen = {best[leaf][2] for leaf in leaves}
    vouched = {key: _marks(values, key) & {*leaves} for key in sorted(chosen, key=lambda k: (-values[k].cost, order[k]))}
    times = Counter(leaf for found in vouched.values() for leaf in found)
    for key, found in vouched.items():  # what others vouch for as well is not looked at again
        if all(times[leaf] > 1 for leaf in found):
            times.subtract(found)
            chosen.remove(key)
    return chosen


def _marks(values: Mapping[K, Value], key: K) -> set[K]:
    """All whose infinities and NaNs are still seen in a value, itself included."""
    found, waiting = {key}, [key]
    while waiting:
        new = set(values[waiting.pop()].marked_by) - found
        found |= new
        waiting += new
    return found


def witnesses(program: Program) -> list[str]:
    """The names whose values are all finite only if every given number is, each the smallest that can be had.

    >>> from symbackprop.builders import mlp
    >>> from symbackprop.codegen.program import array_program
    >>> witnesses(array_program(mlp([784, 30, 10], output="softmax", loss="cross_entropy", samples="m")))
    ['b2', 'Z1', 'db1']
    """
    given = (*program.params, *program.inputs, *program.targets)
    values = {g.name: Value(cost(g.shape)) for g in given}
    for s in program.statements:
        values[s.name] = Value(cost(s.shape), tuple(n for n in _names(s.value) if n in values))
    whole = program.targets if program.net.target == "class" else ()
    found = least(values, [g.name for g in given if g not in whole])
    return [name for name in values if name in found]


def _names(op: Op) -> dict[str, None]:
    """The names whose infinities and NaNs are still seen in an operation."""
    if op.op == "name":
        return {op.data: None}
    return {name: None for a in strict(op.op, op.args, op.data) for name in _names(a)}
