"""The value of a term at a point: an array of balls (Arb) with a label for each axis.

A derivative that stands in a line is taken from the point, which knows the forward equations only and differentiates by power
series; a written expression is differentiated here by the chain rule on pairs of values and slopes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import numpy as np
from flint import arb, arb_series

from symbackprop.checker.differentials import differential
from symbackprop.checker.terms import (
    Add,
    Affine,
    Compare,
    Delta,
    Derived,
    Div,
    Extreme,
    Fn,
    Index,
    Leaf,
    Mul,
    Num,
    Position,
    Pow,
    Scalar,
    Slope,
    Sum,
    Term,
    Where,
    labels_of,
)
from symbackprop.equations import Tensor
from symbackprop.evaluate import Point, Undecided
from symbackprop.evaluate.balls import apply, ball, precision, sign

__all__ = ["Labelled", "World", "evaluate"]

_ELEMENTARY = {"exp", "log", "sin", "cos", "tanh", "sinh", "cosh", "erf", "sqrt", "atan"}
_SIGNS: Mapping[str, tuple[int, ...]] = {"=": (0,), "!=": (-1, 1), "<": (-1,), "<=": (-1, 0), ">": (1,), ">=": (0, 1)}
_ZERO = arb(0)


@dataclass(frozen=True, eq=False)
class Labelled:
    """An array of balls; `labels` name its axes, each a different one."""

    array: Any
    labels: tuple[str, ...] = ()

    def along(self, labels: Iterable[str]) -> Any:
        """The array with its axes in the order of `labels`, of length one along those it lacks."""
        wanted = tuple(labels)
        turned = self.array.transpose([self.labels.index(k) for k in wanted if k in self.labels]) if self.labels else self.array
        sizes = iter(turned.shape)
        return turned.reshape([next(sizes) if k in self.labels else 1 for k in wanted])


@dataclass(eq=False)
class World:
    """The numbers of everything at one point: quantities, their derivatives, and how far each label runs."""

    point: Point
    _tables: dict[Any, Any] = field(default_factory=dict)

    def size(self, size: Any) -> int:
        """The number that a size stands for."""
        return self.point.size(size)

    def table(self, tensor: Tensor) -> Any:
        """All entries of a quantity."""
        if tensor not in self._tables:
            shape = tuple(self.size(n) for n in tensor.shape)
            self._tables[tensor] = _filled(shape, lambda place: self.point.value(tensor[place] if place else tensor()))
        return self._tables[tensor]

    def defines(self, tensors: Iterable[Tensor]) -> bool:
        """Whether all these quantities have values here."""
        try:
            return all(value.is_finite() for tensor in tensors for value in self.table(tensor).flat)
        except Undecided:
            return False

    def slopes(self, of: Tensor, by: Tensor, local: bool) -> Any:
        """The derivative of every entry of one quantity by every entry of another."""
        key = (of, by, local)
        if key not in self._tables:
            found = self.point.jacobian(of, by, local=local)
            first = tuple(self.size(n) for n in of.shape)
            shape = (*first, *(self.size(n) for n in by.shape))
            self._tables[key] = _filled(shape, lambda place: found[place[: len(first)], place[len(first) :]])
        return self._tables[key]


def _filled(shape: tuple[int, ...], entry: Callable[[tuple[int, ...]], Any]) -> Any:
    array = np.empty(shape, dtype=object)
    for place in product(*(range(n) for n in shape)):
        array[place] = entry(tuple(i + 1 for i in place))
    return array


def evaluate(term: Term, world: World, sizes: Mapping[str, int]) -> Labelled:
    """The value of a term for every value of its free labels, which run over `sizes`; beyond the ends of its axis an entry is zero.

    Raises `Undecided` where it has none: a division by zero, a sign that a ball does not tell.
    """
    with precision(world.point.digits):
        try:
            found = _Values(world, sizes).of(term)
        except ZeroDivisionError:
            raise Undecided("a division by zero") from None
        if not all(v.is_finite() for v in found.array.flat):
            raise Undecided("a value is not finite")
        return found


def _each(function: Callable[..., Any]) -> Callable[..., Any]:
    ufunc = np.frompyfunc(function, function.__code__.co_argcount if hasattr(function, "__code__") else 1, 1)
    return lambda *arrays: _array(ufunc(*arrays))


def _array(found: Any) -> Any:
    """NumPy gives a bare object for an array without axes."""
    if isinstance(found, np.ndarray):
        return found
    array = np.empty((), dtype=object)
    array[()] = found
    return array


def _number(value: Any) -> Labelled:
    return Labelled(_array(ball(value)))


_divide = _each(lambda a, b: a / b)
_choose = _each(lambda c, a, b: a if c == 1 else b)


@dataclass
class _Values:
    world: World
    sizes: Mapping[str, int]
    bound: dict[str, int] = field(default_factory=dict)

    def length(self, label: str) -> int:
        return self.bound[label] if label in self.bound else self.sizes[label]

    def of(self, term: Term) -> Labelled:
        match term:
            case Num(value):
                return _number(value)
            case Scalar(symbol):
                return Labelled(_array(self.world.point.value(symbol)))
            case Leaf(tensor, indices):
                return self.pick(self.world.table(tensor), indices)
            case Derived(of, of_indices, by, by_indices, local):
                return self.pick(self.world.slopes(of, by, local), (*of_indices, *by_indices))
            case Delta(left, right):
                return self.relation("=", self.position(left), self.position(right))
            case Position(index):
                return self.position(index)
            case Add(terms):
                return self.combine(np.add, [self.of(t) for t in terms])
            case Mul(factors):
                return self.product(factors)
            case Div(above, below):
                return self.combine(_divide, [self.of(above), self.of(below)])
            case Pow(base, exponent):
                return self.power(base, exponent)
            case Fn(name, arg, order):
                found = self.of(arg)
                return Labelled(_each(partial_of(self.world, name, order))(found.array), found.labels)
            case Extreme(name, args):
                return self.combine(_each((lambda a, b: a.max(b)) if name == "max" else (lambda a, b: a.min(b))), [self.of(a) for a in args])
            case Compare(relation, left, right):
                return self.relation(relation, self.of(left), self.of(right))
            case Where(condition, then, otherwise):
                return self.combine3(_choose, self.of(condition), self.of(then), self.of(otherwise))
            case Sum(body, label, size, kind):
                return self.total(body, label, self.world.size(size), kind)
            case Slope(of, by, by_indices):
                return self.slope(of, by, by_indices)
        raise TypeError(f"not a term: {term!r}")

    def product(self, factors: tuple[Term, ...]) -> Labelled:
        return self.combine(np.multiply, [self.of(f) for f in factors])

    def pick(self, table: Any, indices: tuple[Index, ...]) -> Labelled:
        """The entries of a table at indices: its axes called by labels, and looked up where an index is more than a label."""
        plain = all(isinstance(i, str) and self.length(i) == n for i, n in zip(indices, table.shape, strict=True))
        if plain and len(set(indices)) == len(indices):
            return Labelled(table, tuple(map(str, indices)))
        labels = tuple(dict.fromkeys(k for i in indices for k in labels_of(i)))
        places = [self._whole(i, labels) - 1 for i in indices]
        outside = np.logical_or.reduce([(p < 0) | (p >= n) for p, n in zip(places, table.shape, strict=True)])
        inside = tuple(np.clip(p, 0, n - 1) for p, n in zip(places, table.shape, strict=True))
        return Labelled(_array(np.where(outside, _ZERO, table[inside])), labels)

    def _whole(self, i: Index, labels: tuple[str, ...]) -> Any:
        """The values of an index over the grid of `labels`."""
        grid = np.zeros([self.length(k) for k in labels], dtype=int)
        parts = ((i, 1),) if isinstance(i, str) else i.parts if isinstance(i, Affine) else ()
        for label, count in parts:
            axis = labels.index(label)
            grid = grid + count * (np.arange(self.length(label)) + 1).reshape([-1 if n == axis else 1 for n in range(len(labels))])
        return grid + (i if isinstance(i, int) else self.world.size(i.constant) if isinstance(i, Affine) else 0)

    def position(self, index: Index) -> Labelled:
        labels = labels_of(index)
        return Labelled(_each(arb)(self._whole(index, labels).astype(object)), labels)

    def combine(self, function: Callable[..., Any], parts: list[Labelled]) -> Labelled:
        found = parts[0]
        for part in parts[1:]:
            labels = tuple(dict.fromkeys((*found.labels, *part.labels)))
            found = Labelled(_array(function(found.along(labels), part.along(labels))), labels)
        return found

    def combine3(self, function: Callable[..., Any], *parts: Labelled) -> Labelled:
        labels = tuple(dict.fromkeys(k for p in parts for k in p.labels))
        return Labelled(_array(function(*(p.along(labels) for p in parts))), labels)

    def relation(self, name: str, left: Labelled, right: Labelled) -> Labelled:
        wanted = _SIGNS[name]
        return self.combine(_each(lambda a, b: arb(int(sign(a - b) in wanted))), [left, right])

    def power(self, base: Term, exponent: Term) -> Labelled:
        found = self.of(base)
        match exponent:
            case Num(n) if n.denominator == 1:
                whole = int(n)
                return Labelled(_each(lambda u: u**whole if whole >= 0 else 1 / u**-whole)(found.array), found.labels)
            case Num(n):
                root, whole = n.denominator, n.numerator
                if root != 2:
                    return Labelled(_each(lambda u: (u.log() * whole / root).exp())(found.array), found.labels)
                return Labelled(_each(lambda u: u.sqrt() ** whole if whole >= 0 else 1 / u.sqrt() ** -whole)(found.array), found.labels)
        return self.combine(_each(lambda u, v: (u.log() * v).exp()), [found, self.of(exponent)])

    def total(self, body: Term, label: str, size: int, kind: str) -> Labelled:
        before = self.bound.get(label)
        self.bound[label] = size
        found = self.of(body)
        if before is None:
            del self.bound[label]
        else:
            self.bound[label] = before
        adds = kind == "sum"
        if label not in found.labels:
            return Labelled(_each(lambda u: u * size if adds else u**size)(found.array), found.labels)
        axis = found.labels.index(label)
        summed = (np.add if adds else np.multiply).reduce(found.array, axis=axis)
        return Labelled(_array(summed), tuple(k for k in found.labels if k != label))

    # -- slopes of written expressions -------------------------------------------------------------------------------------

    def slope(self, of: Term, by: Tensor, by_indices: tuple[Index, ...]) -> Labelled:
        axes = tuple(f"@{n}" for n in range(by.rank))
        self.bound |= {k: self.world.size(n) for k, n in zip(axes, by.shape, strict=True)}
        try:
            return self._taken(self.of(differential(of, by, axes)), dict(zip(axes, by_indices, strict=True)))
        finally:
            for k in axes:
                del self.bound[k]

    def _taken(self, found: Labelled, at: Mapping[str, Index]) -> Labelled:
        """The entries where each axis of `at` takes the value of an index."""
        order = (*at, *(k for k in found.labels if k not in at))
        array = np.broadcast_to(found.along(order), [self.length(k) for k in order])
        return self.pick(array, tuple(at.get(k, k) for k in order))


def partial_of(world: World, name: str, order: int) -> Callable[[Any], Any]:
    """A function of one ball: an elementary one by its power series, any other by the point's own machinery."""
    if name == "abs":
        return (lambda u: abs(u)) if order == 0 else (lambda u: arb(sign(u)) if order == 1 else _ZERO)
    if name == "sign":
        return lambda u: arb(sign(u)) if order == 0 else _ZERO
    if name not in _ELEMENTARY:
        return lambda u: world.point.function(name, order, u)
    if order == 0:
        return lambda u: apply(name, u)
    scale = arb(1)
    for k in range(2, order + 1):
        scale = scale * k
    return lambda u: apply(name, arb_series([u, 1], order + 1))[order] * scale
