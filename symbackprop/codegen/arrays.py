"""The operations of an array program, and arrays that know which index each of their axes runs over.

Index names decide where an axis is added, two arrays are transposed or a matrix product is taken; the operations that come
out no longer know of indices, so that one short printer for each array library is enough.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sympy import Integer, Rational, sympify

__all__ = [
    "Array", "Op", "align", "apply", "compare", "full", "inner", "name", "negative", "number", "plus", "power", "renamed", "select",
    "times", "total", "walk",
]  # fmt: skip


@dataclass(frozen=True)
class Op:
    """One operation: what is done, to what, and how.

    name (data: identifier), number (a SymPy number), add, mul, div, neg, pow, matmul, outer, call (the function), form (the
    form, the axis or None), compare (the sign), where, select (slices), permute (the order), sum (the axis), einsum (the
    subscripts), eye (the size), one_hot (the size), full (the shape), copy.
    """

    op: str
    args: tuple[Op, ...] = ()
    data: Any = None


@dataclass(frozen=True)
class Array:
    """An operation and the index each axis of its result runs over; no axes for a number."""

    op: Op
    axes: tuple[Any, ...] = ()


def walk(op: Op) -> Iterator[Op]:
    """`op` and all that it is made of."""
    yield op
    for a in op.args:
        yield from walk(a)


def renamed(op: Op, names: Mapping[str, str]) -> Op:
    """`op` with other identifiers for its arrays."""
    if op.op == "name":
        return Op("name", (), names.get(op.data, op.data))
    return Op(op.op, tuple(renamed(a, names) for a in op.args), op.data) if op.args else op


def name(identifier: str, axes: Sequence[Any] = ()) -> Array:
    """A stored array or a number with a name."""
    return Array(Op("name", (), identifier), tuple(axes))


def number(value: Any) -> Array:
    """A whole number, a fraction or a decimal."""
    found = sympify(value, strict=True)
    return negative(number(-found)) if found.is_negative else Array(Op("number", (), found))


def negative(array: Array) -> Array:
    """`-array`; two signs cancel."""
    return Array(array.op.args[0], array.axes) if array.op.op == "neg" else Array(Op("neg", (array.op,)), array.axes)


def align(array: Array, order: Sequence[Any]) -> Op:
    """The operation with its axes in `order`, those it lacks added as axes of one, none in front that broadcasting adds itself."""
    op = array.op
    if op.op == "neg":
        return Op("neg", (align(Array(op.args[0], array.axes), order),))
    if op.op == "mul" and op.args[0].op == "number" and len(op.args) == 2:
        return Op("mul", (op.args[0], align(Array(op.args[1], array.axes), order)))
    wanted = tuple(k for k in order if k in array.axes)
    if wanted != array.axes:
        op = Op("permute", (op,), tuple(array.axes.index(k) for k in wanted))
    slices = [k in array.axes for k in order]
    while slices and not slices[0]:
        slices.pop(0)
    return op if all(slices) else Op("select", (op,), tuple(":" if s else None for s in slices))


def common(arrays: Sequence[Array], order: Sequence[Any] = ()) -> tuple[list[Op], tuple[Any, ...]]:
    """The operations aligned with each other, and the axes of what comes of them."""
    first = max(arrays, key=lambda a: len(a.axes)).axes if arrays else ()
    axes = tuple(dict.fromkeys((*order, *first, *(k for a in arrays for k in a.axes))))
    return [align(a, axes) for a in arrays], axes


def plus(*terms: Array) -> Array:
    """The sum of arrays, repeated along axes they lack; zeros vanish."""
    terms = tuple(t for t in terms if t.op != Op("number", (), Integer(0))) or (number(0),)
    if len(terms) == 1:
        return terms[0]
    shared = _shared(terms)
    if shared:
        return times(*(Array(f, terms[0].axes) for f in shared), plus(*(_without(t, shared) for t in terms)))
    ops, axes = common(terms)
    return Array(Op("add", tuple(ops)), axes)


def _shared(terms: Sequence[Array]) -> list[Op]:
    """The arrays that all terms are multiplied with: `p * q - p * r` has p."""
    if not terms[0].axes or any(t.axes != terms[0].axes for t in terms):
        return []
    return [f for f in dict.fromkeys(_factors(terms[0].op)) if f.op != "number" and all(f in _factors(t.op) for t in terms)]


def _factors(op: Op) -> list[Op]:
    op = op.args[0] if op.op == "neg" else op
    return [f for a in op.args for f in ([a] if a.op == "neg" else _factors(a))] if op.op == "mul" else [op]


def _without(term: Array, shared: Sequence[Op]) -> Array:
    left = _factors(term.op)
    for f in shared:
        left.remove(f)
    rest = Array(left[0] if len(left) == 1 else Op("mul", tuple(left)), term.axes) if left else number(1)
    return negative(rest) if term.op.op == "neg" else rest


def times(*factors: Array) -> Array:
    """The product of arrays: the sign and the number in front, what divides last."""
    coefficient, above, below = Rational(1), list[Array](), list[Array]()
    for f in factors:
        if f.op.op == "neg":
            coefficient, f = -coefficient, Array(f.op.args[0], f.axes)
        while f.op.op == "mul" and _is_fraction(f.op.args[0]):
            coefficient *= f.op.args[0].data
            f = Array(_without_first(f.op), f.axes)
        while f.op.op == "div" and f.op.args[0].op == "mul" and _is_fraction(f.op.args[0].args[0]):
            coefficient *= f.op.args[0].args[0].data
            f = Array(Op("div", (_without_first(f.op.args[0]), f.op.args[1])), f.axes)
        if _is_fraction(f.op):
            coefficient *= f.op.data
        elif f.op.op == "div" and f.op.args[0] == Op("number", (), Integer(1)):
            below.append(Array(f.op.args[1], f.axes))
        else:
            above.append(f)
    if coefficient == 0:
        return number(0)
    above, below, size = _rooted(above, below, abs(coefficient))
    if _is_decimal(size):
        above = [number(size), *above] if size != 1 else above
    else:
        above = [number(size.p), *above] if size.p != 1 else above
        below = [*below, number(size.q)] if size.q != 1 else below
    above = _without_switches(above)
    above.sort(key=lambda a: bool(a.axes))
    below.sort(key=lambda a: not a.axes)
    found = _quotient(above or [number(1)], below)
    return negative(found) if coefficient < 0 else found


def _without_first(op: Op) -> Op:
    """A product without its first factor."""
    return Op("mul", op.args[1:]) if len(op.args) > 2 else op.args[1]


def _is_fraction(op: Op) -> bool:
    return op.op == "number" and bool(op.data.is_Rational)


def _rooted(above: list[Array], below: list[Array], size: Any) -> tuple[list[Array], list[Array], Any]:
    """Roots of numbers as one writes them: 1/4 sqrt(2) divides by sqrt(8), sqrt(2) sqrt(pi) below is sqrt(2 pi)."""
    root = next((f for f in above if _is_root(f) and f.op.args[0].op == "number" and (1 / (size**2 * f.op.args[0].data)).is_Integer), None)
    if root is not None:
        above = [f for f in above if f is not root]
        below, size = [power(number(1 / (size**2 * root.op.args[0].data)), Rational(1, 2)), *below], Integer(1)
    roots = [f for f in below if _is_root(f)]
    if len(roots) > 1:
        below = [f for f in below if f not in roots]
        below.append(apply("sqrt", times(*(Array(f.op.args[0]) for f in roots))))
    return above, below, size


def _is_root(f: Array) -> bool:
    """Whether a factor is the square root of a number that is known."""
    return f.op.op == "call" and f.op.data == "sqrt" and f.op.args[0].op in ("number", "constant")


def _without_switches(factors: list[Array]) -> list[Array]:
    """A factor that is one or nothing is its condition, which counts as a number beside an array of numbers."""
    ones = (number(1).op, number(0).op)
    switches = [f for f in factors if f.op.op == "where" and f.op.args[1:] == ones]
    if not any(f.axes and f not in switches for f in factors):
        return factors
    return [Array(f.op.args[0], f.axes) if f in switches else f for f in factors]


def _quotient(above: list[Array], below: list[Array]) -> Array:
    ops, axes = common([*above, *below])
    top, bottom = ops[: len(above)], ops[len(above) :]
    upper = top[0] if len(top) == 1 else Op("mul", tuple(top))
    if not bottom:
        return Array(upper, axes)
    return Array(Op("div", (upper, bottom[0] if len(bottom) == 1 else Op("mul", tuple(bottom)))), axes)


def _is_decimal(value: Any) -> bool:
    """Whether a fraction reads well as a decimal: 0.5, 0.01, 0.044715, but not 1/16."""
    if value.p == 1 and len(str(float(value))) > 4 and str(value.q).strip("0") != "1":
        return False
    rest = int(value.q)
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    return rest == 1 and len(str(float(value))) < 12


def power(base: Array, exponent: Any) -> Array:
    """`base**exponent` for a number; roots and fractions written as such."""
    exponent = sympify(exponent, strict=True)
    if exponent.is_negative:
        return Array(Op("div", (number(1).op, power(base, -exponent).op)), base.axes)
    if exponent == 1:
        return base
    if exponent == Rational(1, 2):
        return apply("sqrt", base)
    return Array(Op("pow", (base.op, number(exponent).op)), base.axes)


def apply(function: str, *arguments: Array, op: str = "call") -> Array:
    """A function of the entries of arrays."""
    ops, axes = common(arguments)
    return Array(Op(op, tuple(ops), function), axes)


def compare(sign: str, left: Array, right: Array) -> Array:
    """A condition on entries."""
    return apply(sign, left, right, op="compare")


def select(condition: Array, then: Array, otherwise: Array) -> Array:
    """Entry by entry the one or the other."""
    ops, axes = common([condition, then, otherwise])
    return Array(Op("where", tuple(ops)), axes)


def total(array: Array, k: Any, size: Array) -> Array:
    """The sum over the index `k`, which runs over `size` values."""
    if k not in array.axes:
        return times(array, size)
    if array.op.op == "neg" or (array.op.op == "add" and all(a.op == "neg" for a in array.op.args)):
        return negative(total(_opposite(array), k, size))
    axis = array.axes.index(k)
    axes = tuple(a for a in array.axes if a != k)
    if array.op.op == "sum" and not axes:
        return Array(Op("sum", array.op.args, None), axes)  # a sum of sums is one sum over all
    return Array(Op("sum", (array.op,), axis if axes else None), axes)


def _opposite(array: Array) -> Array:
    """The array with the minus signs of its terms taken away."""
    if array.op.op == "neg":
        return negative(array)
    return Array(Op("add", tuple(a.args[0] for a in array.op.args)), array.axes)


def inner(left: Array, right: Array, k: Any, size: Array) -> Array:
    """The sum over `k` of left times right, as a matrix product where it is one."""
    if k not in left.axes or k not in right.axes:
        if k not in left.axes and k not in right.axes:
            if size.op != number(1).op:
                left = times(left, size)
            if len(left.axes) == len(right.axes) == 1:
                return Array(Op("outer", (left.op, right.op)), (*left.axes, *right.axes))
            return times(left, right)
        return times(*(total(a, k, size) if k in a.axes else a for a in (left, right)))
    rows = tuple(a for a in left.axes if a != k)
    columns = tuple(a for a in right.axes if a != k)
    if len(rows) > 1 or len(columns) > 1 or set(rows) & set(columns):
        return total(times(left, right), k, size)
    return Array(Op("matmul", (align(left, (*rows, k)), align(right, (k, *columns)))), (*rows, *columns))


def full(array: Array, axes: Sequence[Any], sizes: Sequence[Op]) -> Op:
    """The operation with exactly these axes, filled up where the array is the same along one of them."""
    if set(array.axes) == set(axes):
        return align(array, axes)
    return Op("full", (align(array, axes), *sizes))
