"""Terms with rows and columns: matrix notation over labelled terms, with strict shapes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import count
from typing import Any

from sympy import Integer, sympify
from sympy.core.function import AppliedUndef

from symbackprop.checker.context import NOWHERE, Misfit, Unreadable
from symbackprop.checker.terms import Delta, Index, Num, Sum, Term, add, free, labels_of, mul, relabel
from symbackprop.languages import Message
from symbackprop.parse.tree import Span

__all__ = ["Labels", "Typed", "size_words"]


@dataclass(frozen=True)
class Typed:
    """A term and the labels of its rows and columns; None where it is one long. Other free labels are letters of index notation."""

    term: Term
    rows: str | None = None
    cols: str | None = None

    @property
    def face(self) -> tuple[str | None, str | None]:
        return self.rows, self.cols

    @property
    def is_scalar(self) -> bool:
        return self.rows is None and self.cols is None

    @property
    def is_vector(self) -> bool:
        return (self.rows is None) != (self.cols is None)


@dataclass
class Labels:
    """How far each label runs, and the operations that fit labels together. `flexible` labels take the size they meet."""

    sizes: dict[str, Any] = field(default_factory=dict)
    _fresh: count[int] = field(default_factory=lambda: count(1))
    _twins: dict[str, str] = field(default_factory=dict)  # the rows and columns of an identity matrix are as many

    def new(self, size: Any = None, like: str = "#") -> str:
        label = f"{like}{next(self._fresh)}" if like == "#" else f"{like}#{next(self._fresh)}"
        if size is not None:
            self.sizes[label] = size
        return label

    def note(self, label: str, size: Any, what: str, span: Span) -> None:
        """A label runs over an axis of `size`; `Misfit` if it runs over one of another size elsewhere."""
        known = self.sizes.get(label)
        if known is None:
            self.sizes[label] = size
            self._pass_on(label)
        elif size is not None and known != size:
            beyond = sympify(size - known, strict=True)
            if beyond.free_symbols and beyond.is_nonnegative:  # n places of an axis of n + k - 1
                return
            if beyond.free_symbols and beyond.is_nonpositive:
                self.sizes[label] = size
                return
            raise Misfit(
                Message(
                    "the index {index} runs to {known} in one place and to {size} in {what}",
                    index=label.partition("#")[0],
                    known=size_words(known),
                    size=size_words(size),
                    what=what,
                ),
                span,
            )

    def shape(self, x: Typed) -> str:
        return "(" + ", ".join(size_words(self.sizes[k]) if k in self.sizes else "?" if k is not None else "1" for k in x.face) + ")"

    def _equal(self, a: str, b: str) -> bool:
        first, second = self.sizes.get(a), self.sizes.get(b)
        return first is None or second is None or first == second

    def _join(self, a: str, b: str) -> None:
        """Two labels that meet are as long as the one whose length is known."""
        for label, other in ((a, b), (b, a)):
            if self.sizes.get(label) is None and self.sizes.get(other) is not None:
                self.sizes[label] = self.sizes[other]
                self._pass_on(label)

    def _pass_on(self, label: str) -> None:
        if label in self._twins and self.sizes.get(label) is not None:
            self._join(self._twins[label], label)

    def alike(self, a: str, b: str) -> None:
        """Two labels that a Kronecker delta compares run equally far, where nothing else says how far one of them runs."""
        self._join(a, b)
        if self.sizes.get(a) is None and self.sizes.get(b) is None:
            self._twins |= {a: b, b: a}

    # -- entry by entry ----------------------------------------------------------------------------------------------------

    def fits(self, x: Typed, y: Typed) -> bool:
        """Whether two matrices have one shape."""
        pairs = list(zip(x.face, y.face, strict=True))
        return all((a is None) == (b is None) and (a is None or b is None or self._equal(a, b)) for a, b in pairs)

    def onto(self, x: Typed, y: Typed, span: Span, what: str, broadcast: bool) -> tuple[Typed, Typed]:
        """Both on the same labels; scalars stay, and where broadcasting is allowed an axis of one is repeated."""
        if x.is_scalar or y.is_scalar:
            return x, y
        ok = all((a is None or b is None) or self._equal(a, b) for a, b in zip(x.face, y.face, strict=True)) if broadcast else self.fits(x, y)
        if not ok:
            raise Misfit(Message("{what}: shapes {shape} and {other} differ", what=what, shape=self.shape(x), other=self.shape(y)), span)
        names: dict[str, Index] = {}
        for a, b in zip(x.face, y.face, strict=True):
            if a is not None and b is not None and a != b:
                self._join(a, b)
                names[b] = a
        return x, self.moved(y, names)

    def moved(self, x: Typed, names: dict[str, Index]) -> Typed:
        face = [names.get(k, k) if k is not None else None for k in x.face]
        return Typed(relabel(x.term, names), *(k if isinstance(k, str) else None for k in face))

    def elementwise(self, x: Typed, y: Typed, span: Span, broadcast: bool = False) -> Typed:
        """The product entry by entry."""
        x, y = self.onto(x, y, span, Message("a product entry by entry"), broadcast)
        return Typed(mul(x.term, y.term), x.rows or y.rows, x.cols or y.cols)

    def total(self, parts: Sequence[Typed], span: Span, broadcast: bool) -> Typed:
        """The sum of terms of one shape."""
        found = parts[0]
        for part in parts[1:]:
            found, part = self.onto(found, part, span, Message("a sum"), broadcast)
            found = Typed(add(found.term, part.term), found.rows or part.rows, found.cols or part.cols)
        return found

    # -- matrices ----------------------------------------------------------------------------------------------------------

    def transpose(self, x: Typed) -> Typed:
        return Typed(x.term, x.cols, x.rows)

    def conforms(self, x: Typed, y: Typed) -> bool:
        """Whether the matrix product exists."""
        return (x.cols is None) == (y.rows is None) and (x.cols is None or y.rows is None or self._equal(x.cols, y.rows))

    def matmul(self, x: Typed, y: Typed, span: Span) -> Typed:
        """The matrix product; a scalar scales."""
        if x.is_scalar or y.is_scalar:
            return Typed(mul(x.term, y.term), x.rows or y.rows, x.cols or y.cols)
        if not self.conforms(x, y):
            raise Misfit(Message("a matrix product of shapes {shape} and {other} does not exist", shape=self.shape(x), other=self.shape(y)), span)
        x, y = self.apart(x, y)
        if x.cols is None or y.rows is None:
            return Typed(mul(x.term, y.term), x.rows, y.cols)
        self._join(x.cols, y.rows)
        k = self.new(self._length(x.cols, span))
        body = mul(relabel(x.term, {x.cols: k}), relabel(y.term, {y.rows: k}))
        return Typed(Sum(body, k, self.sizes.get(k)), x.rows, y.cols)

    def _length(self, label: str, span: Span) -> Any:
        """How far a label runs that is summed over; vectors of ones between themselves have no length."""
        if self.sizes.get(label) is None:
            raise Unreadable(Message("nothing says how far the index {index} runs", index=label.partition("#")[0] or "1"), span)
        return self.sizes[label]

    def apart(self, x: Typed, y: Typed) -> tuple[Typed, Typed]:
        """The same two with different labels, for a matrix may stand on both sides of a product."""
        shared = {k for k in y.face if k is not None} & (free(x.term) | {k for k in x.face if k is not None})
        names: dict[str, Index] = {k: self.new(self.sizes.get(k)) for k in shared}
        return x, self.moved(y, names)

    def inner(self, x: Typed, y: Typed, span: Span) -> Typed:
        """The inner product of two vectors of one shape."""
        both = self.elementwise(x, y, span)
        return self.summed(both, "all")

    def summed(self, x: Typed, axis: str) -> Typed:
        """The sum over the `rows` (one row is left), the `cols`, or `all`."""
        term, rows, cols = x.term, x.rows, x.cols
        if axis in ("rows", "all") and rows is not None:
            term, rows = self.sum_over(term, rows), None
        if axis in ("cols", "all") and cols is not None:
            term, cols = self.sum_over(term, cols), None
        return Typed(term, rows, cols)

    def sum_over(self, term: Term, label: str, kind: str = "sum") -> Term:
        """The sum over a label, which gets a name of its own."""
        k = self.new(self._length(label, NOWHERE), like=label.partition("#")[0] or "#")
        return Sum(relabel(term, {label: k}), k, self.sizes.get(label), kind)

    def diag(self, x: Typed, span: Span) -> Typed:
        """The diagonal matrix of a vector."""
        if not x.is_vector:
            raise Misfit(Message("diag takes a vector, not a matrix of shape {shape}", shape=self.shape(x)), span)
        label = x.rows or x.cols or ""
        other = self.new(self.sizes.get(label))
        return Typed(mul(Delta(label, other), x.term), label, other)

    def at(self, x: Typed, axis: str, index: Index, what: str, span: Span) -> Typed:
        """The matrix with the label `axis` of a face replaced by an index."""
        size = self.sizes.get(axis)
        for label in labels_of(index):
            if isinstance(index, str):
                self.note(label, size, what, span)
        if isinstance(index, int) and isinstance(size, Integer) and not 1 <= index <= size:
            raise Misfit(Message("the index {index} leaves its axis of {size} in {what}", index=index, size=size_words(size), what=what), span)
        return Typed(relabel(x.term, {axis: index}), None if x.rows == axis else x.rows, None if x.cols == axis else x.cols)

    def ones(self, rows: bool) -> Typed:
        """A vector of ones as long as what it meets."""
        label = self.new()
        unit = mul(Num(Fraction(1)))
        return replace(Typed(unit), rows=label) if rows else replace(Typed(unit), cols=label)

    def identity(self) -> Typed:
        """The identity matrix that fits what it meets."""
        rows, cols = self.new(), self.new()
        self._twins |= {rows: cols, cols: rows}
        return Typed(Delta(rows, cols), rows, cols)


def size_words(size: Any) -> str:
    """A size as people write it: n_2 for n(2)."""
    found = sympify(size, strict=True)
    names = {a: f"{a.func.__name__}_{a.args[0]}" for a in found.atoms(AppliedUndef)}
    text = str(found)
    for a, name in names.items():
        text = text.replace(str(a), name)
    return text
