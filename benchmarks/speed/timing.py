"""All candidates of a case in turns: in every round each is timed once, in random order, after a pause.

The pause matters: the threads of a BLAS spin for about a tenth of a second after a call and would take a core from whoever comes
next. With one thread nothing spins, and a short pause leaves time for more rounds. Ratios are taken within a round and their median
reported, so a slow spell of the machine meets both sides; the shorter a round, the shorter a spell may be.
"""

from __future__ import annotations

import gc
import os
import random
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import numpy as np

from benchmarks.speed.by_hand import BY_HAND, PRODUCTS
from benchmarks.speed.cases import Case, Data, data
from benchmarks.speed.record import Call, Candidate, Result

LEAST = 3  # rounds
_WORSE = 5.0  # times the error of NumPy by hand, in the same dtype, is still rounding
_EXACT = {"float64": 1e-10, "float32": 1e-4}  # or so much, where by-hand NumPy happens to be lucky


@dataclass(frozen=True)
class Pace:
    """How candidates take turns: seconds of pause before each, seconds of calls that it then makes, one at least, and rounds at most."""

    pause: float
    block: float
    rounds: int


BLOCKS = Pace(0.02, 0.03, 40)
APART = Pace(0.25, 0.03, 20)  # with threads that spin
CALLS = Pace(0.0, 0.002, 1000)  # nearly call by call: rounds of milliseconds


@dataclass(frozen=True)
class Row:
    """What was found for one candidate: seconds a call, quartiles, ratios to the products alone and to NumPy by hand, or why there are none.

    `error` is the largest error of the loss and of any gradient, relative to the largest entry, against float64 by hand.
    """

    case: Case
    threads: int
    candidate: str
    note: str = ""
    seconds: float | None = None
    quartiles: tuple[float, float] | None = None
    of_products: float | None = None
    of_by_hand: float | None = None
    error: float | None = None
    rounds: int = 0
    disturbed: int = 0
    ours: bool = False
    bound: bool = False


@dataclass
class _Timed:
    """One candidate, built, and what its rounds took."""

    candidate: Candidate
    call: Call
    error: float | None
    repeats: int
    seconds: list[float] = field(default_factory=list)
    quiet: list[bool] = field(default_factory=list)


def time_case(
    case: Case, candidates: Iterable[Candidate], threads: int, pace: Pace, seconds: float, progress: Callable[[str], None]
) -> list[Row]:
    """A row for each candidate, those that cannot take part included; done after about `seconds`, but not before the least number of rounds."""
    deadline = time.perf_counter() + seconds
    given = data(case)
    reference = BY_HAND.make(Case(case.shape, case.activation), given.astype("float64")).run()
    rounding = error_of(BY_HAND.make(case, given).run(), reference)
    built: list[_Timed] = []
    rows: dict[str, Row] = {}
    for candidate in candidates:
        progress(f"{case}: building {candidate.name}")
        row = Row(case, threads, candidate.name, _excuse(candidate, case), ours=candidate.ours, bound=candidate.bound)
        if not row.note:
            try:
                timed = _build(candidate, case, given, reference, pace)
            except Exception as error:  # a peer may break in any way; the table says how
                row = replace(row, note=f"failed: {type(error).__name__}: {str(error).strip()[:200]}")
            else:
                built.append(timed)
                wrong = timed.error is not None and not timed.error <= max(_EXACT[case.dtype], _WORSE * rounding)
                row = replace(row, note="wrong" if wrong else "", error=timed.error)
        rows[candidate.name] = row
    done = 0
    while done < LEAST or (done < pace.rounds and time.perf_counter() + _round(built, pace) < deadline):
        progress(f"{case}: round {done + 1}")
        gc.collect()
        for timed in random.sample(built, len(built)):
            _measure(timed, pace)
        done += 1
    for timed in built:
        rows[timed.candidate.name] = _with_times(rows[timed.candidate.name], timed, built)
    return list(rows.values())


def error_of(found: Result, reference: Result) -> float:
    """The largest error of the loss and of each array, relative to its largest entry; infinite if an array is missing or of another shape."""
    pairs = [(found[0], reference[0])]
    for name, wanted in reference[1].items():
        if name not in found[1] or np.shape(found[1][name]) != wanted.shape:
            return float("inf")
        pairs.append((found[1][name], wanted))
    errors = [float(np.max(np.abs(np.asarray(f, "float64") - w)) / max(np.max(np.abs(w)), 1e-300)) for f, w in pairs]
    return max(errors) if np.all(np.isfinite(errors)) else float("inf")


def _excuse(candidate: Candidate, case: Case) -> str:
    absent = candidate.absent()
    if absent:
        return f"missing: {absent}"
    misfit = candidate.misfit(case)
    return f"left out: {misfit}" if misfit else ""


def _build(candidate: Candidate, case: Case, given: Data, reference: Result, pace: Pace) -> _Timed:
    call = candidate.make(case, given)
    call.run()  # what compiles on the first call
    found = call.arrays(call.run())
    error = None if call.meaningless else error_of(found, reference)
    repeats, spent = 0, 0.0
    start = time.perf_counter()
    while spent < pace.block / 3:
        call.run()
        repeats, spent = repeats + 1, time.perf_counter() - start
    return _Timed(candidate, call, error, max(1, round(pace.block * repeats / spent)))


def _measure(timed: _Timed, pace: Pace) -> None:
    run, repeats = timed.call.run, range(timed.repeats)
    time.sleep(pace.pause)
    before = _others()
    for _ in range(min(3, timed.repeats)):
        run()
    gc.disable()
    start = time.perf_counter()
    for _ in repeats:
        run()
    spent = time.perf_counter() - start
    gc.enable()
    timed.seconds.append(spent / timed.repeats)
    timed.quiet.append(_others() - before <= max(0.02, 0.2 * spent))


def _round(built: list[_Timed], pace: Pace) -> float:
    """The seconds that a round takes."""
    return sum(pace.pause + (t.repeats + 3) * (t.seconds[-1] if t.seconds else 0.0) for t in built)


def _others() -> float:
    """Seconds of processor time that other processes have used so far, where the system tells."""
    stat = Path("/proc/stat")
    if not stat.exists():
        return 0.0
    user, nice, system, _idle, _waiting, *interrupts = map(int, stat.read_text().splitlines()[0].split()[1:9])
    return (user + nice + system + sum(interrupts)) / os.sysconf("SC_CLK_TCK") - time.process_time()


def _with_times(row: Row, timed: _Timed, built: list[_Timed]) -> Row:
    kept = [s for s, quiet in zip(timed.seconds, _kept(timed.quiet), strict=True) if quiet]
    low, _, high = quantiles(kept, n=4, method="inclusive")
    return replace(
        row, seconds=median(kept), quartiles=(low, high), rounds=len(timed.seconds), disturbed=timed.quiet.count(False),
        of_products=ratio(timed, _named(built, PRODUCTS.name)), of_by_hand=ratio(timed, _named(built, BY_HAND.name)),
    )  # fmt: skip


def _named(built: list[_Timed], name: str) -> _Timed | None:
    return next((t for t in built if t.candidate.name == name), None)


def ratio(one: _Timed, other: _Timed | None) -> float | None:
    """The median over the rounds of the time of one over that of the other."""
    if other is None:
        return None
    quiet = _kept([a and b for a, b in zip(one.quiet, other.quiet, strict=True)])
    return median(a / b for a, b, q in zip(one.seconds, other.seconds, quiet, strict=True) if q)


def _kept(quiet: list[bool]) -> list[bool]:
    """Rounds that other processes disturbed are dropped, as long as three remain."""
    return quiet if sum(quiet) >= 3 else [True] * len(quiet)


def rows_of(found: Any) -> list[Row]:
    """Rows that came as JSON from another process."""
    return [Row(**{**row, "case": Case(**row["case"])}) for row in found]
