"""The functions of `numba_functions` that compute in double precision, in single: twice as many numbers fit into an instruction.

Every constant is of single precision, as one of Python's own would make a double of all that it meets.
"""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["exp", "expm1", "parted", "power_of_two", "series", "tanh"]


def exp(x: Any) -> Any:
    """The exponential, right but for the last digit."""
    low, high = np.float32(-110), np.float32(110)
    r, n = parted(low if x < low else (high if x > high else x))
    half = n >> np.int32(1)
    return (np.float32(1) + series(r)) * power_of_two(half) * power_of_two(n - half)


def expm1(x: Any) -> Any:
    """exp(x) - 1, right but for the last digits where it is small too."""
    low, high = np.float32(-25), np.float32(110)
    r, n = parted(low if x < low else (high if x > high else x))
    half = n >> np.int32(1)
    return (series(r) + (np.float32(1) - power_of_two(-half) * power_of_two(half - n))) * power_of_two(half) * power_of_two(n - half)


def tanh(x: Any) -> Any:
    """The hyperbolic tangent, (exp(2 x) - 1) / (exp(2 x) + 1); it is 1 but for its last digit from 10 on."""
    low, high = np.float32(-10), np.float32(10)
    r, n = parted(np.float32(2) * (low if x < low else (high if x > high else x)))
    e = (series(r) + (np.float32(1) - power_of_two(-n))) * power_of_two(n)
    return e / (e + np.float32(2))


def parted(x: Any) -> Any:
    """r and the whole number n with x = r + n log(2)."""
    shifted = x * np.float32(1.4426950408889634) + np.float32(12582912)
    k = shifted - np.float32(12582912)
    return (x - k * np.float32(0.693145751953125)) - k * np.float32(1.428606765330187e-06), np.float32(shifted).view(np.int32) - np.int32(0x4B400000)


def series(r: Any) -> Any:
    """exp(r) - 1 for r between -0.35 and 0.35: r**n / n! up to n = 7."""
    r2 = r * r
    low = np.float32(1 / 2) + np.float32(1 / 6) * r
    high = (np.float32(1 / 24) + np.float32(1 / 120) * r) + (np.float32(1 / 720) + np.float32(1 / 5040) * r) * r2
    return r + r2 * (low + r2 * high)


def power_of_two(n: Any) -> Any:
    """2**n for a whole number between -126 and 127."""
    return np.int32((n + np.int32(127)) << np.int32(23)).view(np.float32)
