"""Gradients against central differences or complex steps: per parameter the largest relative error and where it is, in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from math import inf, isfinite
from typing import Any

import numpy as np

__all__ = ["METHODS", "Comparison", "Differences", "compare_with_differences"]

_MOST = 200  # entries of one parameter that are tried; every one costs two calls
_STEP = float(np.finfo("float64").eps) ** (1 / 3)
_TINY = 1e-30  # of a complex step: nothing is taken off from anything, so it can be as small as one likes
METHODS = {"differences": {"float64": 1e-5, "float32": 1e-2}, "complex": {"float64": 1e-9, "float32": 1e-2}}
"""How derivatives are measured, and what relative error is called right in each precision."""


@dataclass(frozen=True)
class Comparison:
    """One parameter: the largest relative error, at which entry, and the two values there."""

    name: str
    error: float
    at: tuple[int, ...]
    computed: float
    measured: float
    tried: int
    entries: int
    by: str = "differences"

    def __str__(self) -> str:
        place = f"{self.name}[{', '.join(map(str, self.at))}]" if self.at else self.name
        return (
            f"{self.name}: largest relative error {self.error:.1e} at {place}, where the function gives {self.computed:.6g} "
            f"and {self.by} give {self.measured:.6g} ({self.tried} of {self.entries} entries tried)"
        )


@dataclass(frozen=True)
class Differences:
    """The comparison of every parameter; `ok` if no error is larger than rounding explains."""

    parameters: tuple[Comparison, ...]
    tolerance: float

    @property
    def ok(self) -> bool:
        return all(c.error <= self.tolerance for c in self.parameters)

    def __str__(self) -> str:
        return "\n".join(map(str, self.parameters))


def compare_with_differences(
    loss: Callable[[Mapping[str, Any]], Any], params: Mapping[str, Any], grads: Mapping[str, Any], dtype: str, method: str = "differences"
) -> Differences:
    """Central differences of `loss`, which computes in float64, or complex steps of one that takes complex numbers, against `grads`.

    An error is taken relative to the entry, or to a thousandth of the parameter's largest entry where that is more: below it,
    differences measure rounding alone.
    """
    measure = _MEASURES[method]
    kind = "complex128" if method == "complex" else "float64"
    plain = {name: np.array(value, dtype=kind) for name, value in params.items()}
    base = abs(loss(plain))
    rows = []
    for name, value in plain.items():
        gradient = np.asarray(grads[name], dtype="float64").reshape(-1)
        flat = value.reshape(-1)
        tried = np.unique(np.linspace(0, flat.size - 1, min(flat.size, _MOST)).astype(int))
        floor = max(1e-3 * float(np.abs(gradient).max()), 1e-6 * base, 1e-12)
        worst = (-1.0, 0, 0.0)
        for i in tried:
            measured = measure(partial(loss, plain), flat, i)
            error = abs(measured - gradient[i]) / max(abs(measured), abs(gradient[i]), floor)
            worst = max(worst, (error if isfinite(error) else inf, int(i), measured))
        at = tuple(int(k) for k in np.unravel_index(worst[1], value.shape)) if value.shape else ()
        rows.append(Comparison(name, float(worst[0]), at, float(gradient[worst[1]]), worst[2], len(tried), flat.size, _SAID[method]))
    return Differences(tuple(rows), METHODS[method][dtype])


def _central(loss: Callable[[], Any], flat: Any, i: int) -> float:
    kept, h = flat[i], _STEP * max(1.0, abs(float(flat[i])))
    flat[i] = kept + h
    above = float(loss())
    flat[i] = kept - h
    below = float(loss())
    flat[i] = kept
    return float((above - below) / (2 * h))


def _complex(loss: Callable[[], Any], flat: Any, i: int) -> float:
    kept = flat[i]
    flat[i] = kept + 1j * _TINY
    found = float(loss().imag)
    flat[i] = kept
    return found / _TINY


_SAID = {"differences": "differences", "complex": "complex steps"}
_MEASURES: Mapping[str, Callable[[Callable[[], Any], Any, int], float]] = {"differences": _central, "complex": _complex}
