"""From equations to operations on arrays: lifted matrix trees node by node, and index expressions that no matrix tree holds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import sympy
from sympy import Add, Float, Integer, KroneckerDelta, Max, Min, Mul, Piecewise, Pow, Rational, Sum, Symbol
from sympy.core.relational import Relational

from symbackprop.calculus import VALUE, activation_derivative
from symbackprop.codegen.arrays import Array, Op, align, apply, compare, inner, name, number, plus, power, select, times, total
from symbackprop.codegen.forms import FORMS, Erfc, read_form, with_tails
from symbackprop.codegen.indices import ONES, collapsed, counted_from_one, is_shifted, opened, window
from symbackprop.codegen.naming import Names
from symbackprop.equations import Entry, Func, Grad, Tensor, index, scalar
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
from symbackprop.rules import ACTIVATIONS
from symbackprop.rules.record import VARIABLE

__all__ = ["Lowering", "storage"]

_FUNCTIONS = {
    sympy.exp: "exp", sympy.log: "log", sympy.Abs: "abs", sympy.sign: "sign", sympy.erf: "erf", Erfc: "erfc", sympy.tanh: "tanh", sympy.sin: "sin",
    sympy.cos: "cos", sympy.sinh: "sinh", sympy.cosh: "cosh",
}  # fmt: skip
_CONSTANTS = {sympy.pi: "pi", sympy.E: "e"}
_SIGNS = {
    sympy.StrictGreaterThan: ">", sympy.GreaterThan: ">=", sympy.StrictLessThan: "<", sympy.LessThan: "<=", sympy.Eq: "==", sympy.Ne: "!=",
}  # fmt: skip

Leaf = Callable[[Any], Array | None]


def storage(tensor: Tensor, layout: Layout) -> tuple[int, ...]:
    """The axes of the index form in the order in which an array holds them; a vector is an array of one axis."""
    if isinstance(tensor, Grad):
        return (*storage(tensor.of, layout), *(tensor.of.rank + a for a in storage(tensor.wrt, layout)))
    if tensor.rank != 2:
        return tuple(range(tensor.rank))
    return tuple(a for a in layout.axes(tensor) if a is not None)


@dataclass
class Lowering:
    """What is needed to spell an expression out in arrays: the names and the layout of its tensors, how far indices run, which
    entries are read beyond their ends, where they are zero, and the order in which axes are wanted."""

    names: Names
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
                return plus(*(self.node(a, row, column) for a in args))
            case Scale(factor, arg):
                return times(*self.factors(factor), self.node(arg, row, column))
            case Apply(function, order, arg):
                return self.function(function, order, self.node(arg, row, column))
            case Map(function, args):
                holes = {placeholder(n): self.node(a, row, column) for n, a in enumerate(args, 1)}
                return self.arithmetic(function, holes.get)
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
        return self.arithmetic(expr, self._leaf)

    def _leaf(self, expr: Any) -> Array | None:
        if isinstance(expr, Entry):
            return self._entry(expr)
        if isinstance(expr, KroneckerDelta):
            return self._delta(*expr.args[:2])
        if isinstance(expr, Sum):
            return self._sum(expr)
        return None

    def _delta(self, i: Any, j: Any) -> Array:
        """The identity matrix where two letters run equally far; any other is a single one among zeros, read at a distance."""
        sizes = self.sizes
        if isinstance(i, Symbol) and isinstance(j, Symbol) and i in sizes and sizes[i] == sizes.get(j):
            return self.identity(sizes[i], i, j)
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
            letters = {k: "abcdefgh"[n] for n, k in enumerate(kept)}
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
        return self.arithmetic(sympy.sympify(n), lambda e: Array(Op("most", tuple(map(self._extent, e.args)))) if isinstance(e, Max) else None).op

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
        if len(arrays) > 1 and all(any(k in a.axes for a in arrays) for k in bound):
            free = dict.fromkeys(k for a in arrays for k in a.axes if k not in bound)
            kept = (*(k for k in self.order if k in free), *(k for k in free if k not in self.order))
            letters = {k: "abcdefghijklmnop"[n] for n, k in enumerate(dict.fromkeys(k for a in arrays for k in a.axes))}
            spelled = ["".join(letters[k] for k in axes) for axes in (*(a.axes for a in arrays), kept)]
            found = Array(Op("einsum", tuple(a.op for a in arrays), f"{','.join(spelled[:-1])}->{spelled[-1]}"), kept)
            return times(*(f for f in factors if not f.axes), found)
        whole = times(*factors)
        for k, size in bound.items():
            whole = total(whole, k, size)
        return whole

    # -- formulas ----------------------------------------------------------------------------------------------------------

    def scalar(self, expr: Any) -> Array:
        """A formula of numbers: sizes, rates, single quantities."""
        return self.arithmetic(sympy.sympify(expr), self._leaf)

    def factors(self, expr: Any) -> list[Array]:
        return [self.scalar(f) for f in Mul.make_args(expr)]

    def arithmetic(self, expr: Any, leaf: Leaf) -> Array:
        """A formula over arrays; `leaf` answers with the array of a part that it knows."""
        found = leaf(expr)
        if found is not None:
            return found
        if isinstance(expr, (Integer, Rational, Float)):
            return number(expr)
        if expr in _CONSTANTS:
            return Array(Op("constant", (), _CONSTANTS[expr]))
        if isinstance(expr, Symbol):
            return name(self.names.symbol(expr))
        if isinstance(expr, Func):
            return self.function(expr.name, expr.order, self.arithmetic(expr.argument, leaf))
        if isinstance(expr, Piecewise):
            return self._cases(expr, leaf)
        if type(expr) in _SIGNS:
            return compare(_SIGNS[type(expr)], *(self.arithmetic(a, leaf) for a in expr.args))
        if isinstance(expr, sympy.Heaviside):  # the slope of max(z, 0), one half at the kink as SymPy has it
            return apply("heaviside", self.arithmetic(expr.args[0], leaf), number(Rational(1, 2)))
        if type(expr) in _FUNCTIONS:
            return apply(_FUNCTIONS[type(expr)], self.arithmetic(expr.args[0], leaf))
        if isinstance(expr, Add):
            stable = with_tails(expr)
            return plus(*(self.arithmetic(a, leaf) for a in expr.args)) if stable is expr else self.arithmetic(stable, leaf)
        arguments = [self.arithmetic(a, leaf) for a in expr.args] if isinstance(expr, (Mul, Max, Min)) else []
        if isinstance(expr, Mul):
            return times(*arguments)
        if isinstance(expr, (Max, Min)):
            function = "maximum" if isinstance(expr, Max) else "minimum"
            found = arguments[0]
            for a in arguments[1:]:
                found = apply(function, found, a)
            return found
        if isinstance(expr, Pow) and expr.exp.is_Rational:
            return power(self.arithmetic(expr.base, leaf), expr.exp)
        if isinstance(expr, Pow):
            return apply("power", *(self.arithmetic(a, leaf) for a in expr.args))
        raise InputError(f"no code is known for {expr} ({type(expr).__name__})")

    def _cases(self, expr: Any, leaf: Leaf) -> Array:
        *cases, last = expr.args
        if last.cond is not sympy.true:
            raise InputError(f"{expr} cannot be compiled: it says nothing of the case in which no condition holds")
        found = self.arithmetic(last.expr, leaf)
        for value, condition in reversed(cases):
            if not isinstance(condition, Relational):
                raise InputError(f"no code is known for the condition {condition}")
            found = select(self.arithmetic(condition, leaf), self.arithmetic(value, leaf), found)
        return found

    def function(self, function: str, order: int, argument: Array) -> Array:
        """A registered function of an array by its stable form, else by its formula; its derivative by the derived formula."""
        if function not in ACTIVATIONS or order > 1:
            raise InputError(f"'{function}{chr(39) * order}' has no formula: only registered activations and their first derivatives can be compiled")
        rule = ACTIVATIONS[function]
        if order:
            value = self.function(function, 0, argument)
            known = {VALUE: value, VARIABLE: argument}
            return self.arithmetic(activation_derivative(function), lambda e: known.get(e))
        form = FORMS.get(function)
        if form is None:
            return self.arithmetic(rule.of(VARIABLE), lambda e: argument if e == VARIABLE else None)
        scalars = [self.scalar(scalar(s)) for s in form.arguments[1:]]
        if form.inline:
            known_names = dict(zip(form.arguments, (argument, *scalars), strict=True))
            return self._put_in(read_form(form.lines[0]), known_names)
        return apply(function, argument, *scalars, op="form")

    def _put_in(self, op: Op, known: dict[str, Array]) -> Array:
        """A form with arrays in place of its names."""
        if op.op == "name":
            return known[op.data]
        axes = max((a.axes for a in known.values()), key=len)
        return Array(_renamed(op, {key: align(a, axes) for key, a in known.items()}), axes)

    def vector(self, form: str, source: Array, over: Any) -> Array:
        """A form along the axis of the units."""
        op = Op("form", (source.op,), (form, source.axes.index(over), len(source.axes)))
        reduced = FORMS[form].reduces
        return Array(op, tuple(k for k in source.axes if k != over) if reduced else source.axes)

    def one_hot(self, labels: Array, size: Any, j: Any) -> Array:
        """Row by row the unit vector that class labels, counted from 0, stand for."""
        return Array(Op("one_hot", (self.scalar(size).op, labels.op)), (*labels.axes, j))


def _renamed(op: Op, known: dict[str, Op]) -> Op:
    return known[op.data] if op.op == "name" else Op(op.op, tuple(_renamed(a, known) for a in op.args), op.data)


