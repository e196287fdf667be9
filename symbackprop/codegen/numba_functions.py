"""What compiled statements call: functions of single numbers, tests of arrays and small products, whose source goes into the module.

`exp`, `expm1` and `tanh` are here because a call of the C library keeps a loop from becoming vector instructions. None branches:
`x * log2(e)` is rounded to a whole number n by adding 1.5 * 2**52, which leaves n in the last bits; a polynomial gives the exponential
of what remains, and numbers whose bits are made of n scale it, half of n at a time, as 2**n alone may not be a number.
"""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from symbackprop.codegen import numba_single

__all__ = ["called_functions"]


def exp(x: Any) -> Any:
    """The exponential, right but for the last digit."""
    r, n = parted(-750.0 if x < -750 else (750.0 if x > 750 else x))
    half = n >> 1
    return (1 + series(r)) * power_of_two(half) * power_of_two(n - half)


def expm1(x: Any) -> Any:
    """exp(x) - 1, right but for the last digits where it is small too."""
    r, n = parted(-50.0 if x < -50 else (750.0 if x > 750 else x))
    half = n >> 1
    return (series(r) + (1 - power_of_two(-half) * power_of_two(half - n))) * power_of_two(half) * power_of_two(n - half)


def tanh(x: Any) -> Any:
    """The hyperbolic tangent, (exp(2 x) - 1) / (exp(2 x) + 1); it is 1 but for its last digit from 20 on."""
    r, n = parted(2 * (-20.0 if x < -20 else (20.0 if x > 20 else x)))
    e = (series(r) + (1 - power_of_two(-n))) * power_of_two(n)
    return e / (e + 2)


def parted(x: Any) -> Any:
    """r and the whole number n with x = r + n log(2); in double precision, whatever x is."""
    wide = np.float64(x)
    shifted = wide * 1.4426950408889634 + 6755399441055744.0
    k = shifted - 6755399441055744.0
    return (wide - k * 0.6931471803691238) - k * 1.9082149292705877e-10, np.float64(shifted).view(np.int64) - 0x4338000000000000


def series(r: Any) -> Any:
    """exp(r) - 1 for r between -0.35 and 0.35: r**n / n! up to n = 13, in pairs that do not wait for each other."""
    r2 = r * r
    r4 = r2 * r2
    low = (1 / 2 + 1 / 6 * r) + (1 / 24 + 1 / 120 * r) * r2
    middle = (1 / 720 + 1 / 5040 * r) + (1 / 40320 + 1 / 362880 * r) * r2
    high = (1 / 3628800 + 1 / 39916800 * r) + (1 / 479001600 + 1 / 6227020800 * r) * r2
    return r + r2 * (low + r4 * (middle + r4 * high))


def power_of_two(n: Any) -> Any:
    """2**n for a whole number between -1022 and 1023."""
    return np.int64((n + 1023) << 52).view(np.float64)


def maximum(a: Any, b: Any) -> Any:
    """The larger number, or the one that is none."""
    return a if a >= b or a != a else b


def minimum(a: Any, b: Any) -> Any:
    """The smaller number, or the one that is none."""
    return a if a <= b or a != a else b


def logaddexp(a: Any, b: Any) -> Any:
    """log(exp(a) + exp(b)) without overflow."""
    return maximum(a, b) + math.log1p(exp(-abs(a - b)))


def heaviside(a: Any, b: Any) -> Any:
    """0 below zero, 1 above, b at zero."""
    return a if a != a else (b if a == 0 else (1.0 if a > 0 else 0.0))


def finite(A: Any) -> Any:
    """Whether every number is finite: the difference of one that is not and itself is none."""
    flat, bad = A.ravel(), 0
    for i in range(A.size):
        bad |= flat[i] - flat[i] != 0
    return bad == 0


def between(A: Any, low: Any, high: Any) -> Any:
    """Whether every number lies between two others."""
    flat, inside = A.ravel(), 1
    for i in range(A.size):
        inside &= (low <= flat[i]) & (flat[i] <= high)
    return inside == 1


def signs(A: Any) -> Any:
    """Whether every number is 1 or -1."""
    flat, fit = A.ravel(), 1
    for i in range(A.size):
        fit &= abs(flat[i]) == 1
    return fit == 1


def shares(A: Any) -> Any:
    """Whether the numbers along the second of three axes sum to 1."""
    bad = 0
    for i in range(A.shape[0]):
        for k in range(A.shape[2]):
            total = 0.0
            for j in range(A.shape[1]):
                total += A[i, j, k]
            bad |= not abs(total - 1) <= 1e-3
    return bad == 0


def loops_into(A: Any, B: Any, C: Any) -> Any:
    """A @ B, added to C."""
    for i in range(A.shape[0]):
        for k in range(A.shape[1]):
            for j in range(B.shape[1]):
                C[i, j] += A[i, k] * B[k, j]
    return C


def dot_22(A: Any, B: Any) -> Any:
    """A @ B, in loops where calling BLAS takes longer than the product itself."""
    if A.shape[0] * A.shape[1] * B.shape[1] > 400:
        return np.dot(A, B)
    return loops_into(A, B, np.zeros((A.shape[0], B.shape[1]), A.dtype))


def dot_into(A: Any, B: Any, C: Any) -> Any:
    """A @ B, written to C."""
    if A.shape[0] * A.shape[1] * B.shape[1] > 400:
        return np.dot(A, B, C)
    C[...] = 0
    return loops_into(A, B, C)


def dot_21(A: Any, B: Any) -> Any:
    """A @ B, in loops where calling BLAS takes longer than the product itself."""
    if A.size > 400:
        return np.dot(A, B)
    C = np.zeros(A.shape[0], A.dtype)
    for i in range(A.shape[0]):
        for k in range(A.shape[1]):
            C[i] += A[i, k] * B[k]
    return C


def dot_12(A: Any, B: Any) -> Any:
    """A @ B, in loops where calling BLAS takes longer than the product itself."""
    if B.size > 400:
        return np.dot(A, B)
    C = np.zeros(B.shape[1], A.dtype)
    for k in range(B.shape[0]):
        for j in range(B.shape[1]):
            C[j] += A[k] * B[k, j]
    return C


def dot_11(A: Any, B: Any) -> Any:
    """A @ B, in a loop where calling BLAS takes longer than the product itself."""
    if A.size > 400:
        return np.dot(A, B)
    c = A.dtype.type(0)
    for k in range(A.shape[0]):
        c += A[k] * B[k]
    return c


_FUNCTIONS: tuple[Callable[..., Any], ...] = (
    power_of_two, series, parted, exp, expm1, tanh, maximum, minimum, logaddexp, heaviside,
    finite, between, signs, shares, loops_into, dot_22, dot_into, dot_21, dot_12, dot_11,
)  # fmt: skip


def called_functions(text: str, decorator: str, dtype: str = "") -> Iterator[str]:
    """The lines of the functions that source calls and of those that they call, each after those it needs.

    Where all numbers are known to be of `dtype` float32, they are computed with as such.

    >>> print(*called_functions("a = minimum(b, c)", "@njit"), sep=chr(10))
    @njit
    def minimum(a, b):
        \"\"\"The smaller number, or the one that is none.\"\"\"
        return a if a <= b or a != a else b
    <BLANKLINE>
    <BLANKLINE>
    """
    wanted: list[list[str]] = []
    for function in reversed(_FUNCTIONS):
        if re.search(rf"\b{function.__name__}\(", text):
            function = getattr(numba_single, function.__name__, function) if dtype == "float32" else function
            source = re.sub(r": Any| -> Any", "", inspect.getsource(function))
            wanted.append([decorator, *source.splitlines(), "", ""])
            text += source
    for lines in reversed(wanted):
        yield from lines
