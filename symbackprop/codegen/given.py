"""What a caller gives to a compiled function, checked: names, shapes, dtypes and values, each complaint with the array's name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import permutations
from numbers import Real
from typing import Any

import numpy as np
from sympy import Integer, KroneckerDelta, oo

from symbackprop.codegen.program import Given, Program
from symbackprop.codegen.stable import sizes_of
from symbackprop.equations import Entry
from symbackprop.errors import InputError, UnknownName

__all__ = ["SUM_TOLERANCE", "Checked", "array_of", "checked", "classes", "finite_numbers", "fitting", "label_tests", "named", "sizes_read"]

_OPTIONS = ("out", "reuse")  # arguments by name that are no numbers
SUM_TOLERANCE = 1e-3  # by so much the sum of a row of float32 shares may miss 1


@dataclass(frozen=True)
class Checked:
    """The arrays and numbers of a call, fit to be computed with."""

    params: dict[str, Any]
    data: tuple[Any, ...]
    scalars: dict[str, Any]


@dataclass
class _Sizes:
    """The sizes seen so far, and of which array each was read; `least` is how large they must be."""

    least: Mapping[Any, int]
    seen: dict[Any, tuple[int, str]] = field(default_factory=dict)

    def fit(self, given: Given, found: tuple[int, ...]) -> None:
        wanted = f"({', '.join(map(str, given.shape))}{',' if len(given.shape) == 1 else ''})"
        if len(found) != len(given.shape):
            raise InputError(f"{given.name} has shape {found}; expected {wanted}")
        for n, size in zip(given.shape, found, strict=True):
            if size == 0:
                raise InputError(f"{given.name} has shape {found}: it is empty")
            if isinstance(n, Integer) and int(n) != size:
                raise InputError(f"{given.name} has shape {found}; expected {wanted}")
            if not isinstance(n, Integer):
                known, where = self.seen.setdefault(n, (size, given.name))
                if known != size:
                    raise InputError(f"{given.name} has shape {found}, so {n} is {size}; but {where} has {n} = {known}")
                if size < self.least.get(n, 1):
                    raise InputError(f"{given.name} has shape {found}, so {n} is {size}; but entry number {self.least[n]} along it is read")


def checked(program: Program, dtype: str, params: Any, data: Sequence[Any], scalars: Mapping[str, Any]) -> Checked:
    """The arguments of a call; `InputError` names the first that cannot be used, and what was expected."""
    found = fitting(program, dtype, params, data, scalars)
    wanted = (*program.params, *program.inputs, *program.targets)
    arrays = (*found.params.values(), *found.data)
    for g, x in zip(wanted, arrays, strict=True):
        _values(g, x)
        if g in program.targets:
            _labels(program, g, x, sizes_read(program, arrays))
    return Checked(found.params, found.data, finite_numbers(scalars))


def fitting(program: Program, dtype: str, params: Any, data: Sequence[Any], scalars: Mapping[str, Any]) -> Checked:
    """The arguments of a call with names, shapes and dtypes checked; what stands in the arrays is not looked at."""
    names = [g.name for g in program.params]
    named(params, names)
    wanted = (*program.inputs, *program.targets)
    if any(g.name in scalars for g in wanted):
        raise InputError(f"arrays are given in order and not by name: f({', '.join(['params', *(g.name for g in wanted)])})")
    if len(data) != len(wanted):
        raise InputError(f"{len(wanted)} arrays come after params, {', '.join(g.name for g in wanted)}; {len(data)} were given")
    sizes = _Sizes(program.least)
    found = [_array(g, params[g.name], dtype, False) for g in program.params]
    found += [_array(g, x, dtype, g in program.targets, program.net.target) for g, x in zip(wanted, data, strict=True)]
    for g, x in zip((*program.params, *wanted), found, strict=True):
        sizes.fit(g, x.shape)
    _numbers(program, scalars)
    return Checked(dict(zip(names, found, strict=False)), tuple(found[len(names) :]), dict(scalars))


def named(params: Any, names: Sequence[str]) -> None:
    """Parameters come in a mapping that has these names and no others; `InputError` says which it lacks, with the near miss."""
    if not isinstance(params, Mapping):
        raise InputError(f"params is a dict of arrays, {', '.join(names)}; not {type(params).__name__}")
    for key in params:
        if key not in names:
            raise UnknownName("parameter", str(key), names)
    missing = [n for n in names if n not in params]
    if missing:
        raise InputError(f"params lacks {', '.join(missing)}; it needs {', '.join(names)}")


def array_of(name: str, value: Any) -> Any:
    """A value as an array of NumPy; `InputError` if it is none, or if entries of it are masked."""
    if np.ma.is_masked(value):
        raise InputError(f"{name} has masked entries, and nothing is left out here; say what stands in their place, {name}.filled(0)")
    try:
        return np.asarray(value)
    except (RuntimeError, TypeError, ValueError) as error:  # lists of unequal lengths, and arrays of other libraries that NumPy cannot read
        raise InputError(f"{name} is no array: {error}") from error


def sizes_read(program: Program, arrays: Sequence[Any]) -> dict[Any, int]:
    """The sizes with a name, read off arrays that fit: parameters, inputs, targets."""
    wanted = (*program.params, *program.inputs, *program.targets)
    found = {n: size for g, x in zip(wanted, arrays, strict=True) for n, size in zip(g.shape, x.shape, strict=True)}
    return {n: found[n] for n in program.size_names}


def _array(given: Given, value: Any, dtype: str, target: bool, kind: str = "real") -> Any:
    array = array_of(given.name, value)
    if target and kind == "class":
        if array.dtype.kind not in "iu":
            raise InputError(f"{given.name} holds class numbers, so its dtype must be an integer, not {array.dtype}")
        return array
    if target and array.dtype.kind in "iub":
        return array.astype(dtype)  # labels are often counted in integers, which become numbers without loss
    if array.dtype != np.dtype(dtype):
        order = "" if array.dtype.isnative else ", bytes in this machine's order"
        remedy = _remedy(given.name, value, array, dtype)
        raise InputError(f"{given.name} has dtype {array.dtype}, but the function computes in {dtype}{order}; {remedy}")
    return array


def _remedy(name: str, value: Any, array: Any, dtype: str) -> str:
    """What to do with an array of another dtype."""
    if array.dtype.kind == "c":
        return f"complex numbers have no place in it, so give {name}.real and {name}.imag as two arrays"
    if array.dtype.kind in "mMV" or (array.dtype.kind in "OSU" and not isinstance(value, np.ndarray)):
        return f"{'what it holds' if isinstance(value, np.ndarray) else type(value).__name__} is no array of numbers"
    remedy = f"use {name}.astype('{dtype}')" if hasattr(value, "astype") else f"use np.asarray({name}, '{dtype}')"
    known = array.dtype.name in ("float32", "float64") and array.dtype.name != dtype
    return f"{remedy}, or compile with dtype='{array.dtype.name}'" if known else remedy


def _values(given: Given, array: Any) -> None:
    """Every number is finite. A sum shows most of what is not, at a fraction of the time; a finite sum can overflow, so it is no proof."""
    if array.dtype.kind != "f":
        return
    with np.errstate(all="ignore"):
        if np.isfinite(array.sum()):
            return
    bad = np.argwhere(~np.isfinite(array))
    if len(bad):
        first = f"{given.name}[{', '.join(map(str, bad[0]))}]" if array.ndim else given.name
        raise InputError(f"{given.name} is not finite in {len(bad)} of {array.size} entries, the first at {first}: {array[tuple(bad[0])]}")


def _labels(program: Program, given: Given, y: Any, sizes: Mapping[Any, int]) -> None:
    """Targets are of the kind that the loss takes."""
    kind = program.net.target
    if kind == "class":
        count = classes(program).xreplace(dict(sizes))
        if y.min() < 0 or y.max() >= count:
            raise InputError(f"{given.name} holds class numbers from 0 to {count - 1}, but {y.min()} to {y.max()} were found")
    if kind == "sign" and not np.isin(y, (-1, 1)).all():
        raise InputError(f"{given.name} holds signs, -1 and 1; other values were found")
    if kind in ("binary", "one_hot") and (y.min() < 0 or y.max() > 1):
        raise InputError(f"{given.name} holds {'shares' if kind == 'one_hot' else 'values'} from 0 to 1, but {y.min()} to {y.max()} were found")
    if kind == "one_hot" and np.abs(y.sum(axis=given.axes.index(0)) - 1).max() > SUM_TOLERANCE:
        raise InputError(f"{given.name} must sum to 1 over the classes of each example: the gradients lean on that")


def classes(program: Program) -> Any:
    """How many classes there are: as many as the index has that class numbers are compared with."""
    deltas = ((e, d) for e in program.net.equations for d in e.rhs.atoms(KroneckerDelta))
    of = ((e, j) for e, d in deltas for j, y in permutations(d.args[:2]) if isinstance(y, Entry) and y.tensor in program.net.targets)
    return next((sizes_of(e)[j] for e, j in of), oo)


def label_tests(program: Program, dtype: str) -> tuple[Callable[[Any], bool], ...]:
    """For each target, if targets are to be of a kind, a cheap test of arrays of its dtype that only targets of that kind pass.

    Positive numbers are in the order of their bits read as whole numbers, and all others come after: one comparison finds what
    is negative, larger than 1 or no number. No class number passes while it is unknown how many classes there are.
    """
    one = np.ones((), dtype)
    bits, one_bytes = f"u{one.itemsize}", one.tobytes()
    top, count = int(one.view(bits)), classes(program) if program.net.target == "class" else Integer(0)

    known = int(count) if count.is_Integer else 0

    def share(y: Any) -> bool:
        ordered = y.view(bits)
        return ordered.item(ordered.argmax()) <= top  # type: ignore[no-any-return]

    def sign(y: Any) -> bool:
        off = y * y
        off -= one
        return bool(np.vdot(off, off) == 0)

    def class_number(y: Any) -> bool:
        ordered = y.view(f"u{y.itemsize}")
        return ordered.item(ordered.argmax()) < known  # type: ignore[no-any-return]

    def one_hot(g: Given) -> Callable[[Any], bool]:
        axis = g.axes.index(0)
        ones = np.ones(int(g.shape[axis]) if isinstance(g.shape[axis], Integer) else 0, dtype)
        most = SUM_TOLERANCE**2

        def shares(y: Any, sums: Any) -> bool:
            if sums.tobytes() == one_bytes * sums.size and y.item(y.argmin()) >= 0:  # so that none is larger than its sum, which is 1
                return True
            sums -= one
            return bool(np.vdot(sums, sums) <= most) and share(y)

        def of_columns(y: Any) -> bool:
            return shares(y, np.add.reduce(y, axis))

        def of_rows(y: Any) -> bool:
            return shares(y, y.dot(ones))

        return of_rows if axis == 1 and len(g.shape) == 2 and ones.size else of_columns

    tests: Mapping[str, Callable[[Any], bool]] = {"binary": share, "sign": sign, "class": class_number}
    if program.net.target == "one_hot":
        return tuple(map(one_hot, program.targets))
    return tuple(tests[program.net.target] for _ in program.targets if program.net.target in tests)


def _numbers(program: Program, scalars: Mapping[str, Any]) -> None:
    """The numbers that the formulas leave open are given, and no others."""
    for key in scalars:
        if key in _OPTIONS:
            raise InputError(f"{key}= says where a call puts its gradients; it has no meaning here")
        if key not in program.scalars:
            raise UnknownName("argument", key, (*program.scalars, *_OPTIONS), "" if program.scalars else "the formulas leave no number open")
    missing = [n for n in program.scalars if n not in scalars]
    if missing:
        raise InputError(f"the formulas leave numbers open: give {', '.join(f'{n}=...' for n in missing)}")


def finite_numbers(scalars: Mapping[str, Any]) -> dict[str, float]:
    """The numbers given by name as floats; `InputError` names one that is no number, or not finite."""
    for key, value in scalars.items():
        if not isinstance(value, Real) or isinstance(value, bool) or not np.isfinite(float(value)):
            raise InputError(f"{key} is a finite number, not {value!r}")
    return {key: float(value) for key, value in scalars.items()}
