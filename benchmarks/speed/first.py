"""How long it takes from a network to its first gradient, each candidate in a fresh process with empty caches.

Libraries are imported before the clock starts, and a network of another shape is not: what a library sets up on its first use
(SymPy's caches, a compiler, a thread pool) is part of what a user waits for.
"""

from __future__ import annotations

import importlib
import time

from benchmarks.speed.candidates import CANDIDATES
from benchmarks.speed.cases import Case, data

_HOME = "symbackprop.codegen.function"
SHAPES = ("S1", "S3", "S5")
LIMIT = 120.0  # seconds, then it is given up


def first_call(name: str, case: Case) -> dict[str, float]:
    """In this process: seconds to build the function and to get the first gradient from it."""
    candidate = CANDIDATES[name]
    for library in (*candidate.needs, *([_HOME] if candidate.ours else [])):
        importlib.import_module(library)
    given = data(case)
    start = time.perf_counter()
    call = candidate.make(case, given)
    built = time.perf_counter()
    call.run()
    return {"build": built - start, "first": time.perf_counter() - built}
