"""What is missing from a line, told by its values: a number it is off by, a factor of one term, a term."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations, combinations_with_replacement, product
from typing import Any

import numpy as np

from symbackprop.checker.compare import on_one_face
from symbackprop.checker.context import Misfit, OutOfLayers, Unreadable
from symbackprop.parse.tree import Call, Derivative, Fence, Span

from .kinds import COSTS
from .scene import Edit, Scene, expressions
from .target import Place, Target, close
from .terms import Addend, addends, is_sum
from .writing import ATOM, FACTOR, PRODUCT, SUM, Written

__all__ = ["CHEAPEST", "missing", "scaled"]

CHEAPEST = min(COSTS[k] for k in ("inner derivative", "missing factor", "missing term"))
_ATOMS = 40
_DENOMINATOR = 60


@dataclass(frozen=True)
class _Atom:
    """A symbol or a short formula that may be missing, and its value over the axes of the left side."""

    written: Written
    value: Any
    matrix: bool = False
    kind: str = "missing factor"


def scaled(s: Scene, target: Target) -> Iterator[Edit]:
    """The line times the number that it lacks, where it is off by one."""
    for place, value in target.values(s.tree):
        ratio = place.ratio(value)
        number = Fraction(1 / ratio).limit_denominator(_DENOMINATOR) if ratio else None
        if number and number != 1 and abs(float(number) * ratio - 1) < 1e-9:  # type: ignore[operator]
            factor, whole = abs(number), s.written(s.tree)
            new = whole if factor == 1 else s.dialect.join(s.dialect.scaled, _number(s, factor), whole)
            yield s.edit("sign" if number == -1 else "factor", s.tree, None, Written(f"-{new.fit(PRODUCT)}", SUM) if number < 0 else new)


def _number(s: Scene, n: Fraction) -> Written:
    if n.denominator == 1:
        return Written(str(n), ATOM)
    return s.dialect.over(Written(str(n.numerator), ATOM), Written(str(n.denominator), ATOM))


def missing(s: Scene, target: Target) -> Iterator[Edit]:
    """A factor that one term lacks, and a term that the sum lacks, made of what the line and the problem speak of."""
    for place, value in target.values(s.tree):
        atoms = list(_atoms(s, target, place))
        with np.errstate(all="ignore"):
            yield from _factors(s, target, place, value, atoms)
            yield from _terms(s, target, place, value, atoms)
        return


def _factors(s: Scene, target: Target, place: Place, value: Any, atoms: list[_Atom]) -> Iterator[Edit]:
    """The wanted value of one term over its own is the factor that it lacks."""
    terms = addends(s, s.tree)
    for t in (*terms, *([Addend(s.tree, "", None)] if is_sum(s.tree) else ())):
        own = _value(target, place, t.tree)
        if own is None:
            continue
        own = own[0] if t.sign != "-" else -own[0]
        wanted = (own + place.value - value) / own
        if not np.all(np.isfinite(wanted)):
            continue
        parent = s.tree if t.tree is not s.tree else None
        for kind, factor, over, matrix in _products(s, wanted, atoms):
            way = s.dialect.hadamard if matrix else s.dialect.scaled
            whole = s.written(t.tree)
            new = s.dialect.divided(whole, factor) if over else s.dialect.join(way, whole, factor) if matrix else s.dialect.join(way, factor, whole)
            yield s.edit(kind, t.tree, parent, new)


def _products(s: Scene, wanted: Any, atoms: list[_Atom]) -> Iterator[tuple[str, Written, bool, bool]]:
    """What has a value: an atom, one minus it, one over it, or two of them together."""
    for a in atoms:
        if close(a.value, wanted):
            yield a.kind, a.written, False, a.matrix
        elif close(1 - a.value, wanted):
            yield "missing factor", Written(f"(1 - {a.written.text})", ATOM), False, a.matrix
        elif close(1 / a.value, wanted):
            yield "missing factor", a.written, True, a.matrix
    for a, b in combinations_with_replacement(atoms, 2):
        both = (s.dialect.hadamard if a.matrix and b.matrix else s.dialect.scaled, a.matrix or b.matrix)
        if close(a.value * b.value, wanted):
            yield "missing factor", s.dialect.join(both[0], a.written, b.written), False, both[1]
        elif close(a.value * (1 - b.value), wanted):
            yield "missing factor", s.dialect.join(both[0], a.written, Written(f"(1 - {b.written.text})", ATOM)), False, both[1]


def _terms(s: Scene, target: Target, place: Place, value: Any, atoms: list[_Atom]) -> Iterator[Edit]:
    """What is wanted beyond the value is the term that is missing."""
    rest = place.value - value
    whole = s.slice(s.tree)
    for sign, wanted in (("+", rest), ("-", -rest)):
        for _, factor, over, _ in _products(s, wanted, atoms):
            term = s.dialect.over(Written("1", ATOM), factor) if over else factor
            yield s.edit("missing term", s.tree, None, Written(f"{whole} {sign} {term.fit(PRODUCT)}", SUM))
    if place.typed.is_scalar:
        return
    for term, found in _matrix_products(s, target, place):
        for sign, wanted in (("+", rest), ("-", -rest)):
            if close(found, wanted):
                yield s.edit("missing term", s.tree, None, Written(f"{whole} {sign} {term.fit(PRODUCT)}", SUM))


def _matrix_products(s: Scene, target: Target, place: Place) -> Iterator[tuple[Written, Any]]:
    """The matrix products of two symbols that have the shape of the left side."""
    sizes = tuple(None if k is None else str(place.labels.sizes.get(k)) for k in place.typed.face)
    symbols = []
    for text in s.whole_symbols:
        known, shape = s.shape(text)
        if known and shape is not None and shape != (None, None):
            written = Written(text, FACTOR if "^" in text else ATOM)
            symbols += [(written, shape), (s.dialect.transposed(written), shape[::-1])]
    for (a, first), (b, second) in product(symbols, symbols):
        if first[1] == second[0] and (first[0], second[1]) == sizes:
            both = s.dialect.join(s.dialect.product, a, b)
            tree = s.read(both.text)
            found = None if tree is None else _value(target, place, tree)
            if found is not None:
                yield both, found[0]


def _atoms(s: Scene, target: Target, place: Place) -> Iterator[_Atom]:
    """The symbols of the line and the problem, the functions of them, and Kronecker's delta."""
    texts = dict.fromkeys((*s.constants, *s.whole_symbols), "missing factor")
    texts |= {s.slice(t): "missing factor" for t, _ in expressions(s.tree) if isinstance(t, (Call, Fence, Derivative))}
    if not s.python:
        texts |= {f"{f}'({t})": "inner derivative" for f, t in product(s.functions, s.whole_symbols)}
        texts |= {f"\\delta_{{{i}{j}}}": "missing factor" for i, j in combinations(s.left_letters, 2)}
    seen = 0
    for text, kind in texts.items():
        tree = s.read(text)
        found = None if tree is None else _value(target, place, tree)
        if found is not None and seen < _ATOMS:
            seen += 1
            yield _Atom(Written(text, FACTOR if "^" in text or "(" in text else ATOM), found[0], found[1], kind)


def _value(target: Target, place: Place, tree: Any) -> tuple[Any, bool] | None:
    """The value of a part over the axes of the left side, and whether it has rows or columns; None if it does not go with them."""
    try:
        for found, labels in target.readings(tree, place):
            if found.is_scalar:
                value = target.number(found.term, place, labels)
            else:
                value = target.number(on_one_face(place.typed, found, labels, Span(0, 0))[1].term, place, labels)
            if value is not None:
                return value, not found.is_scalar
    except (Misfit, Unreadable, OutOfLayers):
        return None
    return None
