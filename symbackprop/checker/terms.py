"""What a line means: expressions over labelled axes, the one form that index and matrix notation are both read into.

A label names an axis: a letter that somebody wrote (`j`), or one made up for the rows or columns of a matrix (`#3`). A term is a
number for each value of its free labels; a matrix product is a product and a sum over the label in between. Terms are light, for
the search for a mistake makes thousands of them; `symbackprop.checker.indexed` writes them as index expressions for the prover.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from fractions import Fraction
from functools import cached_property
from typing import Any

from symbackprop.equations import Tensor

__all__ = [
    "Add", "Affine", "Compare", "Delta", "Derived", "Div", "Extreme", "Fn", "Index", "Leaf", "Mul", "Num", "Pow", "Scalar", "Slope", "Sum",
    "Term", "Where", "add", "free", "leaves", "mul", "negative", "parts_of", "relabel",
]  # fmt: skip


@dataclass(frozen=True)
class Affine:
    """An index `i + u - 1`: labels with whole coefficients, and a number or a size."""

    parts: tuple[tuple[str, int], ...]
    constant: Any = 0


Index = str | int | Affine


@dataclass(frozen=True)
class Term:
    """An expression; its parts are its fields."""

    @cached_property
    def parts(self) -> tuple[Term, ...]:
        found: list[Term] = []
        for f in fields(self):
            value = getattr(self, f.name)
            found += [value] if isinstance(value, Term) else [v for v in value if isinstance(v, Term)] if isinstance(value, tuple) else []
        return tuple(found)


@dataclass(frozen=True)
class Num(Term):
    """An exact number."""

    value: Fraction


@dataclass(frozen=True)
class Scalar(Term):
    """A number with a name: a SymPy symbol, or a size."""

    symbol: Any


@dataclass(frozen=True)
class Position(Term):
    """The value of an index, as a number."""

    index: Index


@dataclass(frozen=True)
class Leaf(Term):
    """An entry of a quantity."""

    tensor: Tensor
    indices: tuple[Index, ...]


@dataclass(frozen=True)
class Derived(Term):
    """The derivative of an entry of one quantity by an entry of another: along every path, or `local`ly in the equation that defines it."""

    of: Tensor
    of_indices: tuple[Index, ...]
    by: Tensor
    by_indices: tuple[Index, ...]
    local: bool = False


@dataclass(frozen=True)
class Slope(Term):
    """The derivative of a written expression by an entry of a quantity."""

    of: Term
    by: Tensor
    by_indices: tuple[Index, ...]


@dataclass(frozen=True)
class Delta(Term):
    """1 where two indices agree, else 0."""

    left: Index
    right: Index


@dataclass(frozen=True)
class Add(Term):
    """The sum of terms."""

    terms: tuple[Term, ...]


@dataclass(frozen=True)
class Mul(Term):
    """The product of terms."""

    factors: tuple[Term, ...]


@dataclass(frozen=True)
class Div(Term):
    """A quotient."""

    above: Term
    below: Term


@dataclass(frozen=True)
class Pow(Term):
    """A power."""

    base: Term
    exponent: Term


@dataclass(frozen=True)
class Fn(Term):
    """A function of one number, or its derivative of some order."""

    name: str
    arg: Term
    order: int = 0


@dataclass(frozen=True)
class Extreme(Term):
    """The largest (`max`) or smallest (`min`) of several terms."""

    name: str
    args: tuple[Term, ...]


@dataclass(frozen=True)
class Compare(Term):
    """1 where a relation holds (`=`, `!=`, `<`, `<=`, `>`, `>=`), else 0."""

    sign: str
    left: Term
    right: Term


@dataclass(frozen=True)
class Where(Term):
    """One term where a condition is 1, the other where it is 0."""

    condition: Term
    then: Term
    otherwise: Term


@dataclass(frozen=True)
class Sum(Term):
    """The sum (or product, `kind`) over a label that runs over `size` values."""

    body: Term
    label: str
    size: Any
    kind: str = "sum"


ZERO, ONE, MINUS = Num(Fraction(0)), Num(Fraction(1)), Num(Fraction(-1))


def add(*terms: Term) -> Term:
    """The sum of terms."""
    flat = [t for part in terms for t in (part.terms if isinstance(part, Add) else (part,))]
    return flat[0] if len(flat) == 1 else Add(tuple(flat))


def mul(*factors: Term) -> Term:
    """The product of terms; ones vanish."""
    flat = [f for part in factors for f in (part.factors if isinstance(part, Mul) else (part,)) if f != ONE]
    return ONE if not flat else flat[0] if len(flat) == 1 else Mul(tuple(flat))


def negative(term: Term) -> Term:
    """`-term`."""
    return Num(-term.value) if isinstance(term, Num) else mul(MINUS, term)


def labels_of(index: Index) -> tuple[str, ...]:
    """The labels in an index."""
    return (index,) if isinstance(index, str) else tuple(name for name, _ in index.parts) if isinstance(index, Affine) else ()


def _indices(term: Term) -> tuple[Index, ...]:
    match term:
        case Leaf(_, indices):
            return indices
        case Derived(_, of, _, by, _):
            return (*of, *by)
        case Slope(_, _, by):
            return by
        case Delta(left, right):
            return (left, right)
        case Position(index):
            return (index,)
    return ()


def free(term: Term) -> frozenset[str]:
    """The labels that stand free in a term."""
    found = term.__dict__.get("_free")
    if found is None:
        found = frozenset(label for i in _indices(term) for label in labels_of(i)).union(*(free(p) for p in term.parts))
        if isinstance(term, Sum):
            found -= {term.label}
        term.__dict__["_free"] = found
    return found


def parts_of(term: Term) -> Iterator[Term]:
    """A term and all that it is made of."""
    yield term
    for p in term.parts:
        yield from parts_of(p)


def leaves(term: Term) -> Iterator[Term]:
    """Every part of a term that has none itself."""
    if not term.parts:
        yield term
    for p in term.parts:
        yield from leaves(p)


def _moved(index: Index, names: Mapping[str, Index]) -> Index:
    if isinstance(index, str):
        return names.get(index, index)
    if isinstance(index, int) or not any(label in names for label in labels_of(index)):
        return index
    total: dict[str, int] = {}
    constant = index.constant
    for label, count in index.parts:
        new = names.get(label, label)
        pieces = new.parts if isinstance(new, Affine) else ((new, 1),) if isinstance(new, str) else ()
        constant += count * (new.constant if isinstance(new, Affine) else new if isinstance(new, int) else 0)
        for name, factor in pieces:
            total[name] = total.get(name, 0) + count * factor
    parts = tuple((n, c) for n, c in total.items() if c)
    return parts[0][0] if len(parts) == 1 and parts[0][1] == 1 and not constant else Affine(parts, constant) if parts else constant


def relabel(term: Term, names: Mapping[str, Index]) -> Term:
    """The term with free labels replaced; bound labels are unique, so nothing is caught."""
    if not names or free(term).isdisjoint(names):
        return term
    changed: dict[str, Any] = {}
    for f in fields(term):
        value = getattr(term, f.name)
        if isinstance(value, Term):
            changed[f.name] = relabel(value, names)
        elif isinstance(value, tuple) and value and isinstance(value[0], Term):
            changed[f.name] = tuple(relabel(v, names) for v in value)
        elif f.name in ("indices", "of_indices", "by_indices"):
            changed[f.name] = tuple(_moved(i, names) for i in value)
        elif f.name in ("index",) or (isinstance(term, Delta) and f.name in ("left", "right")):
            changed[f.name] = _moved(value, names)
    return replace(term, **changed)
