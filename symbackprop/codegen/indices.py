"""Indices that are more than a letter: shifts, sums of letters, and the Kronecker deltas that differentiating them leaves.

`x[i + u - 1]` reads windows of x, and `sum_i g_i delta(i + u - 1, q)` is `g[q - u + 1]`, nothing wherever that leaves the axis of
g: a window of g with zeros around it. So both directions of a convolution are one operation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from sympy import Add, Integer, KroneckerDelta, Max, Mul, Piecewise, Pow, Sum, Symbol, exp, log

from symbackprop.codegen.arrays import Array, Op
from symbackprop.equations import Entry, Tensor, entries, fresh, mul, substitute

__all__ = ["ONES", "collapsed", "counted_from_one", "is_shifted", "opened", "window"]

Sizes = Mapping[Any, Any]
Limits = tuple[tuple[Any, Any], ...]
ONES = "ones~"  # a tensor of ones: where it ends, what is multiplied with it ends


def is_shifted(i: Any) -> bool:
    """Whether an index is more than a letter or a number."""
    return not isinstance(i, (Symbol, Integer))


def window(op: Op, indices: Sequence[Any], shape: Sequence[Any], sizes: Sizes, scalar: Callable[[Any], Op], padded: bool) -> Array:
    """The entries of an array at sums of letters and numbers, `x[i + u - 1]`; `padded` with zeros as far as they leave an axis.

    `shape` says how far each axis runs, `sizes` how far each letter, both from 1; `scalar` makes the operation of a formula of sizes.
    """
    around = [_around(i, n, sizes) if padded else (Integer(0), Integer(0)) for i, n in zip(indices, shape, strict=True)]
    if any(n != 0 for ends in around for n in ends):
        op = Op("pad", (op, *(scalar(n) for ends in around for n in ends)))
    alone = [len(ks := _letters(i, sizes)) == 1 and i.coeff(ks[0]) == 1 and sum(i2.has(ks[0]) for i2 in indices) == 1 for i in indices]
    places = [n for n, one in enumerate(alone) if not one]
    # Arrays of indices stand side by side, so that their axes come to lie where they stand.
    together = range(places[0], places[-1] + 1) if places else range(0)
    letters = tuple(dict.fromkeys(k for n in together for k in _letters(indices[n], sizes)))
    args, data = [op, *(scalar(sizes[k]) for k in letters)], list[Any]()
    axes: dict[Any, None] = {}
    for n, (i, size, (before, after)) in enumerate(zip(indices, shape, around, strict=True)):
        ks = list(letters) if n in together else _letters(i, sizes)
        coefficients = tuple(int(i.coeff(k)) for k in ks)
        start = i + sum(c * (1 - k) for c, k in zip(coefficients, ks, strict=True)) - 1 + before  # an array counts from 0
        axes |= dict.fromkeys(ks)
        if n in together:
            data.append((len(args), coefficients))
            args.append(scalar(start))
        elif start == 0 and after == 0 and sizes[ks[0]] == size + before:
            data.append(":")
        else:
            data.append((len(args), len(args) + 1, ":"))
            args += [scalar(start), scalar(start + sizes[ks[0]])]
    if all(place == ":" for place in data):
        return Array(op, tuple(axes))
    return Array(Op("window", tuple(args), (len(letters), tuple(data))), tuple(axes))


def _letters(i: Any, sizes: Sizes) -> list[Any]:
    return sorted((k for k in i.free_symbols if k in sizes), key=list(sizes).index)


def _around(i: Any, size: Any, sizes: Sizes) -> tuple[Any, Any]:
    """How many zeros an index needs before and behind its axis."""
    ends = [(1, sizes[k]) if i.coeff(k) > 0 else (sizes[k], 1) for k in _letters(i, sizes)]
    low, high = (i.xreplace({k: Integer(1) * end[n] for k, end in zip(_letters(i, sizes), ends, strict=True)}) for n in (0, 1))
    return Max(0, 1 - low), Max(0, high - size)


def counted_from_one(expr: Sum) -> tuple[Any, Limits]:
    """The body and the indices of a sum, each index running from 1."""
    body, limits = expr.function, []
    for k, low, high in expr.limits:
        body = body if low == 1 else substitute(body, {k: k + low - 1})
        limits.append((k, high - low + 1))
    return body, tuple(limits)


def opened(body: Any, limits: Limits, taken: set[Any]) -> Iterator[tuple[list[Any], Limits]]:
    """The factors of a sum of products and its indices, sums among them opened: `sum_i g_i sum_u w_u` has the factors g_i and w_u.

    A bracket that holds a Kronecker delta is multiplied out, so that each delta meets its sum: one product for each of its terms.
    """
    taken = taken | body.atoms(Symbol)
    factors, waiting = list[Any](), list(Mul.make_args(body))
    while waiting:
        f = waiting.pop(0)
        if isinstance(f, Sum):
            inside, more = counted_from_one(f)
            for k, n in more:
                letter = fresh(taken, str(k)) if k in dict(limits) else k
                taken.add(letter)
                inside, limits = substitute(inside, {k: letter}), (*limits, (letter, n))
            waiting = [*Mul.make_args(inside), *waiting]
        elif isinstance(f, Add) and f.has(KroneckerDelta):
            for term in f.args:
                yield from opened(mul(*factors, term, *waiting), limits, taken)
            return
        else:
            factors += _switched(f)
    yield factors, limits


def _switched(f: Any) -> list[Any]:
    """`y_j where c_i, else nothing` as y_j times one where c_i, else nothing: then no array needs both indices."""
    cases: tuple[Any, ...] = f.args if isinstance(f, Piecewise) and len(f.args) == 2 else ()
    values = Mul.make_args(cases[0].expr) if cases and cases[1].expr == 0 else ()
    if not values or values == (1,) or not all(isinstance(v, Entry) or v.is_number for v in values):
        return [f]
    return [Piecewise((Integer(1), cases[0].cond), cases[1], evaluate=False), *values]


def collapsed(factors: Sequence[Any], limits: Limits, sizes: Sizes) -> tuple[list[Any], Limits, set[Entry]]:
    """The factors with each Kronecker delta that meets its sum used up, the indices left, and the entries that may leave their axis.

    `sum_i g_i delta(i + u - 1, q)` leaves `g[q - u + 1]`: it is zero where that leaves the range of i.
    """
    factors, loose = list(factors), set[Entry]()
    while (hit := _hit(factors, limits, sizes)) is not None:
        delta, k, value = hit
        rest = [f for f in factors if f is not delta]
        touched = {e for f in rest for e in entries(f) if e.has(k)}
        size = dict(limits)[k]
        if _around(value, size, sizes) != (0, 0):
            if not any(_ends_with(f, k, size) for f in rest):
                rest.append(Tensor(ONES, (size,))[k])
                touched.add(rest[-1])
            loose |= touched
        loose = {e.xreplace({k: value}) for e in loose}
        factors = [substitute(f, {k: value}) for f in rest]
        limits = tuple(pair for pair in limits if pair[0] != k)
    return factors, limits, loose


def _hit(factors: Sequence[Any], limits: Limits, sizes: Sizes) -> tuple[Any, Any, Any] | None:
    """A delta, a summation index that it fixes, and at what; the longest sum goes first, so that the short one is left."""
    found = []
    for delta in (f for f in factors if isinstance(f, KroneckerDelta)):
        difference = delta.args[0] - delta.args[1]
        for k, n in limits:
            c = difference.coeff(k)
            value = k - difference / c if abs(c) == 1 else None
            if value is None or any(isinstance(f, Entry) for f in delta.args) or not {*value.free_symbols} <= {*sizes}:
                continue
            others = (f for f in factors if f is not delta and f.has(k))
            if _around(value, n, sizes) == (0, 0) or all(map(_is_finite_at_zero, others)):
                found.append((delta, k, value, n))
    if not found:
        return None
    return max(found, key=lambda hit: int(hit[3]) if hit[3].is_Integer else 0)[:3]


def _is_finite_at_zero(f: Any) -> bool:
    """Whether a factor made of entries that are read as zero beyond their ends is a number there."""
    return not f.has(log) and all(p.exp.is_nonnegative for p in f.atoms(Pow) if not isinstance(p, exp) and p.base.atoms(Entry))


def _is_power(f: Any) -> bool:
    return isinstance(f, Pow) and isinstance(f.base, Entry) and bool(f.exp.is_positive)


def _ends_with(f: Any, k: Any, size: Any) -> bool:
    """Whether an entry ends where the index k ends, so that reading on gives zero."""
    entry = f.base if _is_power(f) else f
    return isinstance(entry, Entry) and any(i == k and n == size for i, n in zip(entry.indices, entry.tensor.shape, strict=True))
