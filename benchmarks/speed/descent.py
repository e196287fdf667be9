"""Plain gradient descent in a fresh process: seconds and page faults a step.

Memory that is given back to the system after every call and taken again in the next costs a fault for every page. Timing all
candidates in one process hides that, since the arrays of one keep the memory of another alive.
"""

from __future__ import annotations

import resource
import time
from statistics import median
from typing import Any

from benchmarks.speed.candidates import CANDIDATES
from benchmarks.speed.cases import Case, data

SHAPES = ("S3", "S4")
NAMES = ("products alone", "NumPy by hand", "symbackprop numpy", "symbackprop numpy, reuse", "symbackprop source")
SECONDS = 1.0  # of steps that are timed, ten at least
_RATE = 1e-3


def descend(name: str, case: Case) -> dict[str, float]:
    """In this process: medians of a call and of a whole step, `W -= eta dW` included, and page faults a step."""
    given = data(case)
    call = CANDIDATES[name].make(case, given)
    run, arrays, params = call.run, call.arrays, given.params

    def step() -> tuple[float, float]:
        start = time.perf_counter()
        answer = run()
        called = time.perf_counter() - start
        for name, g in arrays(answer)[1].items():
            params[name] -= _RATE * g
        return called, time.perf_counter() - start

    for _ in range(3):
        slowest = step()[1]
    steps = max(10, round(SECONDS / slowest))
    before = _faults()
    found = [step() for _ in range(steps)]
    faults = (_faults() - before) / steps
    return {"call": median(c for c, _ in found), "step": median(s for _, s in found), "faults": faults}


def _faults() -> Any:
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
