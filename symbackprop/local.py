"""Local derivatives for the chain rule, each found once for all equations that differ only in what their tensors are called."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from typing import Any

from sympy import Add, Mul, Rational, S, Tuple

from symbackprop.calculus import local_derivative
from symbackprop.equations import (
    Abstract,
    Entry,
    Equation,
    Tensor,
    add,
    entries,
    fresh,
    index,
    rebuild,
    rename_bound,
    rename_tensors,
    size,
    substitute,
    tensors,
)

__all__ = ["Local", "letters", "local", "stand_ins"]

Local = tuple[tuple[Any, ...], tuple[tuple[Any, Any], ...], Any]
"""The indices of an equation, apart from those of what it is differentiated by; those of them that are summed over; its derivative."""


def local(consumer: Equation, wrt: Entry, samples: Any, facts: tuple[Equation, ...] = (), at: tuple[Any, ...] | None = None) -> Local:
    """d lhs / d wrt of one equation; where it is what is differentiated, it is taken `at` given indices, and nothing is summed.

    >>> from symbackprop.builders import mlp
    >>> z, j = mlp([2, 3]).equations[0], index("j")
    >>> local(z, Tensor("x", (2,))[j], None)
    ((i,), ((i, 3),), w(1)[i, j])
    """
    consumer = _part(consumer, wrt.tensor)
    involved = dict.fromkeys((*tensors(consumer.lhs), *tensors(consumer.rhs), wrt.tensor))
    if consumer.rhs.has(Abstract) or any(t in involved for f in facts for t in tensors(f.lhs)):
        return _found(consumer, wrt, samples, facts, at)
    sizes = _sizes(consumer, involved)
    stand_in, back = stand_ins(involved, sizes)
    generic = Equation(rename_tensors(consumer.lhs, stand_in), _resized(rename_tensors(consumer.rhs, stand_in), sizes), consumer.rule)
    indices, summed, derivative = _generic(generic, rename_tensors(wrt, stand_in), sizes.get(samples, samples), at)
    numbers = {letter: n for n, letter in sizes.items()}
    derivative = _resized(rename_tensors(derivative, back), numbers)
    if derivative.has(*numbers):  # a size that counts, as that of a sum of equal terms
        return _found(consumer, wrt, samples, facts, at)
    return indices, tuple((i, numbers.get(n, n)) for i, n in summed), derivative


@lru_cache(maxsize=4096)
def _generic(consumer: Equation, wrt: Entry, samples: Any, at: tuple[Any, ...] | None) -> Local:
    return _found(consumer, wrt, samples, (), at)


def _found(consumer: Equation, wrt: Entry, samples: Any, facts: tuple[Equation, ...], at: tuple[Any, ...] | None) -> Local:
    lhs = consumer.lhs
    own = tuple(zip(lhs.indices, lhs.tensor.shape, strict=True)) if isinstance(lhs, Entry) else ()  # a part of a sum has no name
    shared = _shared_axes(samples, consumer, wrt, {i for i, _ in own})
    taken = letters(wrt) | letters(consumer.rhs)
    renamed = dict(zip((i for i, _ in own), at or (), strict=False))
    summed: list[tuple[Any, Any]] = []
    for i, n in own:
        if i in renamed:
            continue
        if i in shared:
            renamed[i] = shared[i]
            continue
        letter = i if i == index("s") and i not in wrt.indices else fresh(taken, "ki" if i != index("s") else "t")
        taken.add(letter)
        renamed[i] = letter
        summed.append((letter, n))
    indices = tuple(renamed[i] for i, _ in own)
    rhs = rename_bound(consumer.at_indices(indices) if own else consumer.rhs, taken)
    return indices, tuple(summed), local_derivative(Equation(substitute(lhs, renamed), rhs, consumer.rule), wrt, facts)


def _sizes(consumer: Equation, involved: Iterable[Tensor]) -> dict[Any, Any]:
    """Letters for the sizes that are numbers, so that layers of every width share one derivative; none where a size may matter.

    It does where an index is computed with, and where the equation has the same number elsewhere.
    """
    found = [e for side in (consumer.lhs, consumer.rhs) for e in entries(side)]
    if not all(i.is_Symbol for e in found for i in e.indices):
        return {}
    sizes = dict.fromkeys(n for t in involved for n in t.shape if n.is_Integer and n > 1)
    elsewhere = _numbers(consumer.rhs)
    return {} if any(n in elsewhere for n in sizes) else {n: _size(k) for k, n in enumerate(sizes)}


def _numbers(expr: Any) -> set[int]:
    """The whole numbers in an expression, those that end sums left out."""
    if isinstance(expr, (Entry, Tensor)):
        return set()
    if isinstance(expr, Rational):
        return {abs(int(expr.p)), int(expr.q)}
    return {n for a in (expr.args[:-1] if type(expr) is Tuple else expr.args) for n in _numbers(a)}


def _resized(expr: Any, sizes: Mapping[Any, Any]) -> Any:
    """Sums up to other sizes, order kept."""
    if isinstance(expr, (Entry, Tensor)) or not expr.args or not sizes:
        return expr
    if type(expr) is Tuple:
        return Tuple(*expr.args[:-1], sizes.get(expr.args[-1], expr.args[-1]))
    args = tuple(_resized(a, sizes) for a in expr.args)
    if all(a is b for a, b in zip(args, expr.args, strict=True)):
        return expr
    return expr._from_args(args) if isinstance(expr, (Add, Mul)) else rebuild(expr, args)


@cache
def _size(number: int) -> Any:
    return size(f"size {number}")


def letters(expr: Any) -> set[Any]:
    """The letters of all indices in `expr`, and of the sizes that they run up to.

    >>> sorted(letters(Tensor("x", (2, size("m")))[index("j"), index("k")]), key=str)
    [j, k, m]
    """
    return {s for e in entries(expr) for i in (*e.indices, *e.tensor.shape) for s in i.free_symbols}


def _shared_axes(samples: Any, consumer: Equation, wrt: Entry, own: set[Any]) -> dict[Any, Any]:
    """Sample indices that the consumer hands through unchanged: example s of x only touches example s of y."""
    if samples is None:
        return {}
    uses = [e for e in entries(consumer.rhs) if e.tensor == wrt.tensor]
    shared = {}
    for axis, n in enumerate(wrt.tensor.shape):
        found = {e.indices[axis] for e in uses}
        if n == samples and len(found) == 1 and found <= own:
            shared[found.pop()] = wrt.indices[axis]
    return shared


def _part(consumer: Equation, tensor: Tensor) -> Equation:
    """Of a number that is a sum, the terms that mention a tensor: a cost with a penalty for each layer has many that do not."""
    if not isinstance(consumer.rhs, Add) or consumer.lhs.indices:
        return consumer
    terms = _terms(consumer.rhs).get(tensor, ())
    return consumer if len(terms) in (0, len(consumer.rhs.args)) else Equation(S.Zero, add(*terms))


@lru_cache(maxsize=64)
def _terms(total: Add) -> Mapping[Tensor, list[Any]]:
    found: dict[Tensor, list[Any]] = {}
    for term in total.args:
        for t in tensors(term):
            found.setdefault(t, []).append(term)
    return found


def stand_ins(involved: Iterable[Tensor], sizes: Mapping[Any, Any] | None = None) -> tuple[dict[Tensor, Tensor], dict[Tensor, Tensor]]:
    """Tensors that differ in their number and shape only, in place of those involved; and the way back."""
    stand_in = {t: _numbered(n, tuple(sizes.get(k, k) for k in t.shape) if sizes else t.shape) for n, t in enumerate(involved)}
    return stand_in, {v: k for k, v in stand_in.items()}


@cache
def _numbered(number: int, shape: Any) -> Tensor:
    return Tensor(f"t{number}", shape)
