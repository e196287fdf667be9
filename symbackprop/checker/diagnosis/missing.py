"""What should stand in a place, told by values.

A line depends on most of its parts affinely, so the value that a part should have follows from that of the line; what the line and the
problem speak of is searched for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import combinations, product
from typing import Any

import numpy as np

from symbackprop.checker.compare import on_one_face
from symbackprop.checker.context import Misfit, OutOfLayers, Unreadable
from symbackprop.checker.symbols import key
from symbackprop.parse.tree import Big, Call, Derivative, Fence, Relation, Signed, Span, Tree

from .kinds import COSTS
from .line import Edit
from .scene import Scene
from .target import Place, Target
from .terms import is_sum
from .writing import ATOM, FACTOR, PRODUCT, SUM, Written

__all__ = ["CHEAPEST", "missing", "scaled"]

CHEAPEST = min(COSTS[k] for k in ("operand", "inner derivative", "missing factor", "missing term"))
_ATOMS = 40
_DENOMINATOR = 60
_ROOM = 2_000_000  # numbers kept of products of two atoms
_ONE = Written("1", ATOM)


def scaled(s: Scene, target: Target) -> Iterator[Edit]:
    """The line times the number that it lacks, where it is off by one."""
    for place, value in target.values(s.tree):
        ratio = place.ratio(value)
        number = Fraction(1 / ratio).limit_denominator(_DENOMINATOR) if ratio else None
        if ratio and number and number != 1 and abs(float(number) * ratio - 1) < 1e-9:
            factor, whole = abs(number), s.written(s.tree)
            new = whole if factor == 1 else s.dialect.join(s.dialect.scaled, _number(s, factor), whole)
            yield s.edit("sign" if number == -1 else "factor", s.tree, None, Written(f"-{new.fit(PRODUCT)}", SUM) if number < 0 else new)


def _number(s: Scene, n: Fraction) -> Written:
    if n.denominator == 1:
        return Written(str(n), ATOM)
    return s.dialect.over(Written(str(n.numerator), ATOM), Written(str(n.denominator), ATOM))


def missing(s: Scene, target: Target) -> Iterator[Edit]:
    """A factor or a term that some part lacks, or what should stand in its place."""
    for place, value in target.values(s.tree):
        with np.errstate(all="ignore"):
            known = _Known.of(s, target, place)
            for tree, parent in _affine(s):
                yield from _told(s, target, place, value, known, tree, parent)
            yield from _matrix_term(s, target, place, value)
        break
    for tree, parent in s.parts(s.tree):
        if not s.fits or _inside_sum(s, tree):
            yield from _inserted(s, tree, parent)


@dataclass(frozen=True, eq=False)
class _Atom:
    """A symbol or a short formula: the kind of mistake it is to leave it out, how it is typed, whether it has rows or columns, its value."""

    kind: str
    written: Written
    matrix: bool
    value: Any


@dataclass(frozen=True)
class _Known:
    """Atoms and the products of two of them; their values over the axes of the left side stand one in a row."""

    scene: Scene
    first: tuple[_Atom, ...]
    second: tuple[_Atom, ...]
    values: Any

    @staticmethod
    def of(s: Scene, target: Target, place: Place) -> _Known:
        atoms = tuple(_atoms(s, target, place))
        plain = [a for a in atoms if "frac" not in a.written.text]
        less = tuple(_Atom("missing factor", Written(f"(1 - {a.written.text})", ATOM), a.matrix, 1 - a.value) for a in plain)
        d = s.dialect
        squares = tuple(_Atom("missing factor", Written(f"(1 - {d.squared(a.written).text})", ATOM), a.matrix, 1 - a.value**2) for a in atoms)
        over = tuple(replace(a, kind="missing factor", written=d.over(_ONE, a.written), value=1 / a.value) for a in atoms if not a.matrix)
        two = _Atom("missing factor", Written("2", ATOM), False, np.full(place.shape, 2.0))
        second = (*atoms, *less, *squares, *over, two)
        if not second:
            return _Known(s, (), (), np.zeros((0, 1)))
        x, y = (np.array([a.value.ravel() for a in part]) for part in (atoms, second))
        pairs = x[: _ROOM // y.size, None, :] * y[None, :, :]
        return _Known(s, atoms, second, np.concatenate([y, pairs.reshape(-1, y.shape[1])]))

    def like(self, wanted: Any) -> Iterator[_Atom]:
        """What has a value."""
        w = wanted.ravel()
        if not self.second or not np.all(np.isfinite(w)) or not np.any(w):  # nothing is told from another thing that is zero
            return
        for n in np.flatnonzero(np.all(np.abs(self.values - w) <= 1e-9 * np.abs(w) + 1e-11, axis=1))[:4]:
            row, column = divmod(int(n), len(self.second))
            yield self.second[column] if not row else self.both(self.first[row - 1], self.second[column], wanted)

    def both(self, a: _Atom, b: _Atom, value: Any) -> _Atom:
        """The product of two; a number stands in front of a matrix."""
        d = self.scene.dialect
        left, right = (b, a) if (a.matrix and not b.matrix) or b.written.text.isdigit() else (a, b)
        way = d.hadamard if a.matrix and b.matrix else d.scaled
        return _Atom("missing factor", d.join(way, left.written, right.written), a.matrix or b.matrix, value)


def _told(s: Scene, target: Target, place: Place, value: Any, known: _Known, tree: Tree, parent: Tree | None) -> Iterator[Edit]:
    """What a part should be worth is what it is worth and the difference of the sides over its weight."""
    found = _value(target, place, tree)
    whole = s.written(tree)
    moved = s.read(s.edit("", tree, parent, Written(f"{whole.text} + 1", SUM)).done(s.text))
    after = next((v for p, v in target.values(moved) if p is place), None) if moved is not None else None
    if found is None or after is None:
        return
    own, matrix = found
    wanted = own + (place.value - value) / (after - value)
    if not np.any(np.abs(wanted) > 1e-9 * (1 + np.abs(own))):  # it should not stand there at all
        return
    alone = parent is None or is_sum(parent)
    if s.is_symbol(tree) and alone and not matrix and (number := _one_number(wanted)) is not None and number > 0:
        yield s.edit("operand", tree, parent, _number(s, number))
    if s.is_symbol(tree) or key(tree) == "1":
        for a in known.like(wanted):
            if a in known.first:
                yield s.edit("function" if a.kind == "inner derivative" else "operand", tree, parent, a.written)
    one = key(tree) == "1" and parent is not None and is_sum(parent)  # another term stands there, or none
    for a in known.like(wanted / own) if not isinstance(tree, Signed) and not one else ():  # a factor stands behind the sign
        if matrix and a.matrix:
            yield s.edit(a.kind, tree, parent, s.dialect.join(s.dialect.hadamard, whole, a.written))
        else:
            left, right = (whole, a.written) if whole.text[0].isdigit() else (a.written, whole)
            yield s.edit(a.kind, tree, parent, s.dialect.join(s.dialect.scaled, left, right))
    for sign, rest in (("+", wanted - own), ("-", own - wanted)):
        if (number := _one_number(rest)) is not None and number > 0 and not matrix:
            yield s.edit("missing term", tree, parent, Written(f"{whole.text} {sign} {_number(s, number).text}", SUM))
        for a in known.like(rest):
            if a not in known.second and not alone:
                continue  # only a term of the line itself is looked for among products
            yield s.edit("missing term", tree, parent, Written(f"{whole.text} {sign} {a.written.fit(PRODUCT)}", SUM))
    if not is_sum(tree):
        for a in known.like(wanted + own):
            if a in known.first:
                yield s.edit("missing term", tree, parent, Written(f"{a.written.fit(PRODUCT)} - {whole.fit(PRODUCT)}", SUM))


def _one_number(values: Any) -> Fraction | None:
    """The simple fraction that all values are."""
    if not values.size or not np.all(np.isfinite(values)):
        return None
    found = Fraction(float(values.flat[0])).limit_denominator(_DENOMINATOR)
    return found if np.allclose(values, float(found), rtol=1e-9, atol=1e-12) else None


def _affine(s: Scene) -> Iterator[tuple[Tree, Tree | None]]:
    """The parts that no sum has gone over."""
    for t, p in s.parts(s.tree):
        if not isinstance(p, Relation) and not isinstance(t, Relation) and not _inside_sum(s, t):
            yield t, p


def _inside_sum(s: Scene, part: Tree) -> bool:
    return any(isinstance(t, Big) and t is not part and t.span.start <= part.span.start and part.span.end <= t.span.end for t, _ in s.parts(s.tree))


def _matrix_term(s: Scene, target: Target, place: Place, value: Any) -> Iterator[Edit]:
    """A term that is a matrix product of two symbols."""
    if place.typed.is_scalar:
        return
    for term, found in _matrix_products(s, target, place):
        for sign, wanted in (("+", place.value - value), ("-", value - place.value)):
            if np.allclose(found, wanted, rtol=1e-9, atol=1e-12):
                yield s.edit("missing term", s.tree, None, Written(f"{s.text} {sign} {term.fit(PRODUCT)}", SUM))


def _matrix_products(s: Scene, target: Target, place: Place) -> Iterator[tuple[Written, Any]]:
    """The matrix products of two symbols that have the shape of the left side."""
    sizes = tuple(None if k is None else str(place.labels.sizes.get(k)) for k in place.typed.face)
    symbols = []
    for written in _matrices(s):
        shape = s.shape(written.text)[1]
        assert shape is not None
        symbols += [(written, shape), (s.dialect.transposed(written), shape[::-1])]
    for (a, first), (b, second) in product(symbols, symbols):
        if first[1] == second[0] and (first[0], second[1]) == sizes:
            both = s.dialect.join(s.dialect.product, a, b)
            tree = s.read(both.text)
            found = None if tree is None else _value(target, place, tree)
            if found is not None:
                yield both, found[0]


def _matrices(s: Scene) -> Iterator[Written]:
    for text in s.whole_symbols:
        if s.shape(text)[1] not in (None, (None, None)):
            yield Written(text, FACTOR if "^" in text else ATOM)


def _inserted(s: Scene, tree: Tree, parent: Tree | None) -> Iterator[Edit]:
    """A symbol before or after a term, where values do not tell which: under a sum, and where the shapes do not fit."""
    if is_sum(tree) or (parent is not None and s.is_product(parent)):
        return
    whole = s.written(tree)
    if s.is_number(tree):
        for a in _numbers(s):
            yield s.edit("missing factor", tree, parent, s.dialect.divided(whole, a))
    for a in _numbers(s):
        yield s.edit("missing factor", tree, parent, s.dialect.join(s.dialect.scaled, a, whole))
    for a in () if s.is_number(tree) else _matrices(s):
        for x in (a, s.dialect.transposed(a)):
            for way in (s.dialect.product, s.dialect.hadamard):
                yield s.edit("missing factor", tree, parent, s.dialect.join(way, x, whole))
                yield s.edit("missing factor", tree, parent, s.dialect.join(way, whole, x))


def _numbers(s: Scene) -> Iterator[Written]:
    for text in s.other_symbols:
        if s.shape(text)[1] == (None, None):
            yield Written(text, FACTOR)


def _atoms(s: Scene, target: Target, place: Place) -> Iterator[_Atom]:
    """The symbols of the line and the problem, the functions of them, and Kronecker's delta."""
    texts = dict.fromkeys(s.whole_symbols, "missing factor")
    texts |= {s.slice(t): "missing factor" for t, _ in s.parts(s.tree) if isinstance(t, (Call, Fence, Derivative))}
    if not s.python:
        texts |= {f"{f}'({t})": "inner derivative" for f, t in product(s.declared_functions, s.whole_symbols)}
        texts |= {f"\\delta_{{{i}{j}}}": "missing factor" for i, j in combinations(s.left_letters, 2)}
    seen = 0
    for text, kind in texts.items():
        tree = s.read(text)
        found = None if tree is None or target.is_left(tree) else _value(target, place, tree)
        if found is not None and seen < _ATOMS:
            seen += 1
            yield _Atom(kind, Written(text, FACTOR if "^" in text or "(" in text or "frac" in text else ATOM), found[1], found[0])


def _value(target: Target, place: Place, tree: Tree) -> tuple[Any, bool] | None:
    """The value of a part over the axes of the left side, and whether it has rows or columns; None if it does not go with them."""
    try:
        for found, labels in target.readings(tree, place):
            moved = found if found.is_scalar else on_one_face(place.typed, found, labels, Span(0, 0))[1]
            value = target.number(moved.term, place, labels)
            if value is not None:
                return value, not found.is_scalar
    except (Misfit, Unreadable, OutOfLayers):
        return None
    return None
