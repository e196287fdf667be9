"""How fast one call is that gives the loss and all gradients: symbackprop, NumPy by hand and the peers, in one run.

    python -m benchmarks.speed              # half an hour for one thread, half an hour for two
    python -m benchmarks.speed --quick      # S1 to S4, sigmoid, float64, one thread: 3 minutes
    python -m benchmarks.speed --turns      # ours, NumPy by hand and the products alone, nearly call by call: 3 minutes
    python -m benchmarks.speed --shapes S3 --activations relu --dtypes float32 --threads 2

Without options all shapes are timed with sigmoid units in float64 and float32, and with relu and tanh in float64. A candidate whose
library is not installed is named as missing; the extra `benchmarks` installs them all. Ends with 1 if a candidate computed something
wrong or one of ours failed.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console

from benchmarks.speed import processes
from benchmarks.speed.cases import ACTIVATIONS, DTYPES, SHAPES, Case


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a short look instead of everything")
    parser.add_argument("--turns", action="store_true", help="only what reads NumPy's arrays and is ours, by hand or the products, in short turns")
    parser.add_argument("--shapes", nargs="+", choices=list(SHAPES))
    parser.add_argument("--activations", nargs="+", choices=ACTIVATIONS)
    parser.add_argument("--dtypes", nargs="+", choices=DTYPES)
    parser.add_argument("--threads", nargs="+", type=int)
    parser.add_argument("--minutes", type=float, help="for each number of threads; rounds are added while there is time (28, quick and turns: 3)")
    parser.add_argument("--no-fresh", action="store_true", help="leave out first calls and gradient descent in fresh processes")
    parser.add_argument("--markdown", action="store_true", help="print the tables in Markdown")
    parser.add_argument("--json", type=Path, help="write all numbers to this file, after every measurement")
    parser.add_argument("--task", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.task:
        work(json.loads(options.task))
        return
    sys.exit(measure(options))


def work(task: dict[str, Any]) -> None:
    """One measurement, in a child."""
    processes.stay_on(task["threads"])
    if task["what"] == "times":
        from benchmarks.speed.by_hand import BY_HAND, PRODUCTS
        from benchmarks.speed.candidates import CANDIDATES
        from benchmarks.speed.timing import APART, BLOCKS, CALLS, time_case

        few = [c for c in CANDIDATES.values() if c.writable and (c.ours or c.name in (PRODUCTS.name, BY_HAND.name))]
        chosen, pace = (few, CALLS) if task["turns"] else (CANDIDATES.values(), APART if task["threads"] > 1 else BLOCKS)
        deadline = time.perf_counter() + task["seconds"]
        cases = [Case(**case) for case in task["cases"]]
        for i, case in enumerate(cases):
            if time.perf_counter() > deadline:
                say({"skipped": str(case)})
                continue
            share = (deadline - time.perf_counter()) / (len(cases) - i)
            rows = time_case(case, chosen, task["threads"], pace, share, lambda said: say({"doing": said}))
            say({"rows": [asdict(r) for r in rows]})
        return
    case = Case(**task["case"])
    if task["what"] == "first":
        from benchmarks.speed.first import first_call

        say(first_call(task["candidate"], case))
    else:
        from benchmarks.speed.descent import descend

        say(descend(task["candidate"], case))


def say(record: dict[str, Any]) -> None:
    print(json.dumps(record), flush=True)


def measure(options: argparse.Namespace) -> int:
    """Everything that was asked for, in children; tables as they come."""
    from benchmarks.speed.report import Found, case_sheet, machine, sheets
    from benchmarks.speed.timing import rows_of

    shapes = options.shapes or [s for s in SHAPES if not options.quick or s != "S5"]
    dtypes = options.dtypes or DTYPES[: 1 if options.quick else None]
    activations = options.activations or ACTIVATIONS[: 1 if options.quick or options.turns else None]
    counts = options.threads or ([1] if options.quick or options.turns else [1, 2])
    minutes = options.minutes or (3 if options.quick or options.turns else 28)
    cases = [
        Case(shape, activation, dtype) for activation in activations for dtype in dtypes for shape in shapes
        if options.dtypes or dtype == DTYPES[0] or activation == ACTIVATIONS[0]
    ]  # fmt: skip
    found, console = Found(options.json), Console(stderr=True)
    console.print(", ".join(f"{name} {value}" for name, value in machine().items()))
    with console.status("starting") as status:
        for i, threads in enumerate(counts):
            end = time.perf_counter() + 60 * minutes
            if not (options.quick or options.turns or options.no_fresh):
                if i == 0:
                    for record in first_calls(shapes, status.update):
                        found.add(first=[record])
                for record in descents(shapes, dtypes, threads, status.update):
                    found.add(descent=[record])
            task = {"what": "times", "cases": [asdict(c) for c in cases], "turns": options.turns, "seconds": end - time.perf_counter()}
            for record in processes.answers(task, threads):
                if "doing" in record:
                    status.update(f"{record['doing']}, {threads} threads; {max(0.0, end - time.perf_counter()) / 60:.0f} minutes left")
                elif "skipped" in record:
                    console.print(f"no time was left for {record['skipped']}, {threads} threads; give --minutes or fewer --shapes", style="red")
                else:
                    found.add(rows=rows_of(record["rows"]))
                    console.print(case_sheet(rows_of(record["rows"])).rich())
    if options.json:
        console.print(f"wrote {options.json}")
    out = Console()
    for sheet in sheets(found):
        if options.markdown:
            print(sheet.markdown())
        else:
            out.print(sheet.rich())
    bad = [r for r in found.rows if r.note == "wrong" or (r.ours and r.note.startswith("failed"))]
    for r in bad:
        console.print(f"{r.case}: {r.candidate}: {r.note} {r.error or ''}", style="red")
    return 1 if bad else 0


def first_calls(shapes: Sequence[str], progress: Any) -> Iterator[dict[str, Any]]:
    """Build and first call of every candidate, in fresh processes with empty caches; short ones three times."""
    from benchmarks.speed import first
    from benchmarks.speed.candidates import CANDIDATES

    def total(run: dict[str, Any]) -> float:
        return float(run["build"] + run["first"])

    for shape in (s for s in first.SHAPES if s in shapes):
        case = Case(shape)
        for name, candidate in CANDIDATES.items():
            if candidate.misfit(case) or candidate.bound:
                continue
            progress(f"first call of {name}, {shape}")
            record: dict[str, Any] = {"candidate": name, "shape": shape}
            absent = candidate.absent()
            runs = [{"note": f"missing: {absent}"} if absent else _first(name, case, first.LIMIT)]
            while "note" not in runs[-1] and len(runs) < 3 and total(runs[0]) < 1:
                runs.append(_first(name, case, first.LIMIT))
            noted = [r for r in runs if "note" in r]
            yield {**record, **(noted[0] if noted else sorted(runs, key=total)[len(runs) // 2])}


def _first(name: str, case: Case, limit: float) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as caches:
        return processes.answer({"what": "first", "candidate": name, "case": asdict(case)}, 1, limit, Path(caches))


def descents(shapes: Sequence[str], dtypes: Sequence[str], threads: int, progress: Any) -> Iterator[dict[str, Any]]:
    """Gradient descent with every candidate that reads arrays of the caller, three fresh processes each, in turns."""
    from benchmarks.speed import descent
    from benchmarks.speed.candidates import CANDIDATES

    for shape in (s for s in descent.SHAPES if s in shapes):
        for dtype in dtypes:
            runs: dict[str, list[dict[str, Any]]] = {name: [] for name in descent.NAMES}
            for turn in range(3):
                for name in descent.NAMES:
                    progress(f"descent with {name}, {shape}, {dtype}, {threads} threads, {turn + 1} of 3")
                    absent = CANDIDATES[name].absent()
                    task = {"what": "descent", "candidate": name, "case": asdict(Case(shape, dtype=dtype))}
                    runs[name].append({"note": f"missing: {absent}"} if absent else processes.answer(task, threads, 120))
            for name, measured in runs.items():
                record = {"candidate": name, "shape": shape, "dtype": dtype, "threads": threads}
                noted = [m for m in measured if "note" in m]
                yield {**record, **(noted[0] if noted else {key: median(m[key] for m in measured) for key in measured[0]})}


if __name__ == "__main__":
    main()
