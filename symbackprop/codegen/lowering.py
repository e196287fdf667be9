"""From equations to operations on arrays: lifted matrix trees node by node, and index expressions that no matrix tree holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from string import ascii_letters
from typing import Any

import sympy
from sympy import Integer, KroneckerDelta, Max, Sum, Symbol

from symbackprop.codegen.arrays import Array, Op, inner, name, number, plus, times, total
from symbackprop.codegen.forms import FORMS
from symbackprop.codegen.formulas import Formulas, shared_factor
from symbackprop.codegen.indices import ONES, collapsed, counted_from_one, is_shifted, opened, window
from symbackprop.equations import Entry, Grad, Tensor, index
from symbackprop.errors import InputError
from symbackprop.lift import (
    Apply,
    Broadcast,
    Const,
    Diag,
    Hadamard,
    Identity,
    Layout,
    Map,
    MatMul,
    Node,
    Ones,
    Plus,
    Scale,
    SquaredNorm,
    SumAxis,
    Transpose,
    Var,
    placeholder,
    shape,
)

__all__ = ["Lowering", "storage"]


def storage(tensor: Tensor, layout: Layout) -> tuple[int, ...]:
    """The axes of the index form in the order in which an array holds them; a vector is an array of one axis."""
    if isinstance(tensor, Grad):
        return (*storage(tensor.of, layout), *(tensor.of.rank + a for a in storage(tensor.wrt, layout)))
    if tensor.rank != 2:
        return tuple(range(tensor.rank))
    return tuple(a for a in layout.axes(tensor) if a is not None)


@dataclass
class Lowering(Formulas):
    """What is needed to spell an expression out in arrays: the names and the layout of its tensors, how far indices run, which
    entries are read beyond their ends, where they are zero, and the order in which axes are wanted."""

    layout: Layout
    fresh: count[int] = field(default_factory=count)
    sizes: Mapping[Any, Any] = field(default_factory=dict)
    loose: frozenset[Any] = frozenset()
    order: Sequence[Any] = ()

    def stored(self, tensor: Tensor, indices: Sequence[Any]) -> Array:
        """A tensor as it is stored, its axes called by `indices`, which are given in index order."""
        return name(self.names.of(tensor), tuple(indices[a] for a in storage(tensor, self.layout)))

    # -- matrix trees ------------------------------------------------------------------------------------------------------

    def node(self, node: Node, row: Any, column: Any) -> Array:
        """A matrix tree whose rows and columns are called by two indices; where it does not vary, the array has no axis."""
        match node:
            case Var(tensor, axes):
                calls = {a: k for a, k in zip(axes, (row, column), strict=True) if a is not None}
                return self.stored(tensor, [calls[a] for a in range(tensor.rank)])
            case Const(value):
                return self.scalar(value)
            case Ones():
                return number(1)
            case Identity(size):
                return self.identity(size, row, column)
            case Diag(vector):
                return times(self.node(vector, row, self.new()), self.identity(shape(vector)[0], row, column))
            case Transpose(arg):
                return self.node(arg, column, row)
            case MatMul(args):
                return self.chain(args, row, column)
            case Hadamard(args):
                return times(*(self.node(a, row, column) for a in args))
            case Plus(args):
                scaled = [a for a in args if isinstance(a, Scale)]
                shared = shared_factor([a.factor for a in scaled]) if len(scaled) == len(args) else Integer(1)
                if shared != 1:
                    args = tuple(Scale(a.factor / shared, a.arg) for a in scaled)
                return times(number(shared), plus(*(self.node(a, row, column) for a in args)))
            case Scale(factor, arg):
                return times(*self.factors(factor), self.node(arg, row, column))
            case Apply(function, order, arg):
                return self.function(function, order, self.node(arg, row, column))
            case Map(function, args):
                holes = {placeholder(n): self.node(a, row, column) for n, a in enumerate(args, 1)}
                return self.arithmetic(function, lambda e: holes[e] if e in holes else self.known(e))
            case Broadcast(arg, axis, _):
                other = self.new()
                found = self.node(arg, *((other, column) if axis == "rows" else (row, other)))
                return total(found, other, number(1))
            case SumAxis(arg, axis):
                rows, columns = shape(arg)
                k, i = (self.new() if axis in way else None for way in (("rows", "all"), ("columns", "all")))
                found = self.node(arg, row if k is None else k, column if i is None else i)
                for label, size in ((i, columns), (k, rows)):
                    found = found if label is None else total(found, label, self.scalar(size))
                return found
            case SquaredNorm(arg):
                return self.node(SumAxis(Map(placeholder(1) ** 2, (arg,)), "all"), row, column)
        raise InputError(f"no code is known for the matrix form {type(node).__name__}")

    def chain(self, args: Sequence[Node], row: Any, column: Any) -> Array:
        left, found = row, None
        for n, arg in enumerate(args):
            right = column if n == len(args) - 1 else self.new()
            following = self.node(arg, left, right)
            found = following if found is None else inner(found, following, left, self.scalar(shape(arg)[0]))
            left = right
        assert found is not None
        return found

    def new(self) -> Symbol:
        """An index that nothing else uses."""
        return index(f"axis_{next(self.fresh)}")

    def identity(self, size: Any, row: Any, column: Any) -> Array:
        return Array(Op("eye", (self.scalar(size).op,)), (row, column))

    # -- index expressions -------------------------------------------------------------------------------------------------

    def entries(self, expr: Any) -> Array:
        """An index expression: an array with an axis for each index that stands free in it."""
        return self.arithmetic(expr, self.known)

    def known(self, expr: Any) -> Array | None:
        if isinstance(expr, Entry):
            return self._entry(expr)
        if isinstance(expr, KroneckerDelta):
            return self._delta(*expr.args[:2])
        if isinstance(expr, Sum):
            return self._sum(expr)
        return None

    def _delta(self, i: Any, j: Any) -> Array:
        """The identity matrix where two letters run equally far, a row of it at a number; any other is a one among zeros, read at a distance."""
        sizes = self.sizes
        if isinstance(i, Symbol) and isinstance(j, Symbol) and i in sizes and sizes[i] == sizes.get(j):
            return self.identity(sizes[i], i, j)
        for k, one in ((i, j), (j, i)):
            if k in sizes and isinstance(one, Integer) and (one == 1 or (sizes[k].is_Integer and one <= sizes[k])):
                row = Op("select", (self.identity(sizes[k], one, k).op,), (int(one) - 1, ":"))
                return Array(row, (k,))
        if not all(k in sizes for k in (i - j).free_symbols):
            raise InputError(f"no code is known for the Kronecker delta of {i} and {j}")
        return self._window(Tensor(ONES, (1,))[i - j + 1], padded=True)

    def _entry(self, expr: Entry) -> Array:
        order = storage(expr.tensor, self.layout)
        indices = [expr.indices[a] for a in order]
        part = (is_shifted(i) or self.sizes.get(i, n) != n for i, n in zip(expr.indices, expr.tensor.shape, strict=True))
        if expr in self.loose or any(part):
            return self._window(expr, expr in self.loose)
        op = name(self.names.of(expr.tensor)).op
        if any(isinstance(i, Integer) for i in indices):
            op = Op("select", (op,), tuple(int(i) - 1 if isinstance(i, Integer) else ":" for i in indices))
            indices = [i for i in indices if not isinstance(i, Integer)]
        if len(set(indices)) < len(indices):
            kept = tuple(dict.fromkeys(indices))
            letters = _letters(kept)
            return Array(Op("einsum", (op,), f"{''.join(letters[i] for i in indices)}->{''.join(letters.values())}"), kept)
        return Array(op, tuple(indices))

    def _window(self, expr: Entry, padded: bool) -> Array:
        order = storage(expr.tensor, self.layout)
        shape = [expr.tensor.shape[a] for a in order]
        one = Op("full", (number(1).op, *map(self._extent, shape)))
        op = one if expr.tensor.name == ONES else name(self.names.of(expr.tensor)).op
        return window(op, [expr.indices[a] for a in order], shape, self.sizes, self._extent, padded)

    def _extent(self, n: Any) -> Op:
        """A number of places: the largest of several is again a whole number."""
        size = sympy.sympify(n, strict=True)
        return self.arithmetic(size, lambda e: Array(Op("most", tuple(map(self._extent, e.args)))) if isinstance(e, Max) else None).op

    def _sum(self, expr: Any) -> Array:
        """A sum of a product is one contraction where its factors are arrays; any other is summed along an axis."""
        outside = self.sizes, self.loose
        body, limits = counted_from_one(expr)
        terms = []
        for factors, over in opened(body, limits, {*self.sizes}):
            self.sizes = {**outside[0], **dict(over)}
            left, over, loose = collapsed(factors, over, self.sizes)
            self.loose = outside[1] | loose
            terms.append(self._contraction([self.entries(f) for f in left], {k: self.scalar(n) for k, n in over}))
        self.sizes, self.loose = outside
        return plus(*terms)

    def _contraction(self, factors: Sequence[Array], bound: Mapping[Any, Array]) -> Array:
        arrays = [f for f in factors if f.axes]
        if bound and len(arrays) > 1 and all(any(k in a.axes for a in arrays) for k in bound):
            free = dict.fromkeys(k for a in arrays for k in a.axes if k not in bound)
            kept = (*(k for k in self.order if k in free), *(k for k in free if k not in self.order))
            letters = _letters(dict.fromkeys(k for a in arrays for k in a.axes))
            spelled = ["".join(letters[k] for k in axes) for axes in (*(a.axes for a in arrays), kept)]
            found = Array(Op("einsum", tuple(a.op for a in arrays), f"{','.join(spelled[:-1])}->{spelled[-1]}"), kept)
            return times(*(f for f in factors if not f.axes), found)
        whole = times(*factors)
        for k, size in bound.items():
            whole = total(whole, k, size)
        return whole

    def vector(self, form: str, source: Array, over: Any) -> Array:
        """A form along the axis of the units."""
        op = Op("form", (source.op,), (form, source.axes.index(over), len(source.axes)))
        reduced = FORMS[form].reduces
        return Array(op, tuple(k for k in source.axes if k != over) if reduced else source.axes)

    def one_hot(self, labels: Array, size: Any, j: Any) -> Array:
        """Row by row the unit vector that class labels, counted from 0, stand for."""
        return Array(Op("one_hot", (self.scalar(size).op, labels.op)), (*labels.axes, j))


def _letters(indices: Iterable[Any]) -> dict[Any, str]:
    """A letter for each index: its own where it has one that einsum takes, else another."""
    names = {k: str(k) for k in indices}
    own = {k: c for k, c in names.items() if len(c) == 1 and c in ascii_letters}
    others = (c for c in ascii_letters if c not in own.values())
    return {k: own[k] if k in own else next(others) for k in names}
