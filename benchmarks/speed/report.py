"""What was found as tables: the same sheets for a terminal, for Markdown, and the numbers behind them as JSON."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from rich.box import SIMPLE
from rich.table import Table

from benchmarks.speed.timing import Row
from symbackprop.files import write_beside

_LIBRARIES = ("symbackprop", "numpy", "sympy", "numba", "jax", "torch", "pytensor", "casadi", "autograd")


@dataclass
class Found:
    """Everything that a run has measured, kept in a file if there is one; `first` and `descent` hold one record a measurement."""

    path: Path | None = None
    rows: list[Row] = field(default_factory=list)
    first: list[dict[str, Any]] = field(default_factory=list)
    descent: list[dict[str, Any]] = field(default_factory=list)

    def add(self, rows: Iterable[Row] = (), first: Iterable[dict[str, Any]] = (), descent: Iterable[dict[str, Any]] = ()) -> None:
        """Take up measurements; the file is written anew beside its place, so that an interrupted run loses none."""
        self.rows += rows
        self.first += first
        self.descent += descent
        if self.path is not None:
            write_beside(self.path, json.dumps(self.as_json(), indent=1))

    def as_json(self) -> dict[str, Any]:
        return {"machine": machine(), "rows": [asdict(r) for r in self.rows], "first": self.first, "descent": self.descent}


@dataclass(frozen=True)
class Sheet:
    """A table: a title, the heads of its columns, its lines, and remarks below."""

    title: str
    head: Sequence[str]
    lines: Sequence[Sequence[str]]
    remarks: Sequence[str] = ()

    def markdown(self) -> str:
        rule = ["---", *["---:"] * (len(self.head) - 1)]
        rows = [f"| {' | '.join(line)} |" for line in (self.head, rule, *self.lines)]
        return "\n".join([f"**{self.title}**", "", *rows, *(f"\n{remark}" for remark in self.remarks), ""])

    def rich(self) -> Table:
        below = "\n".join(self.remarks)
        table = Table(title=self.title, caption=below, caption_justify="left", title_justify="left", box=SIMPLE, pad_edge=False, padding=(0, 0))
        for i, column in enumerate(self.head):
            table.add_column(column, justify="right" if i else "left", no_wrap=True)
        for line in self.lines:
            table.add_row(*line)
        return table


def machine() -> dict[str, str]:
    """What the numbers were measured with."""
    info = Path("/proc/cpuinfo")
    models = [line.partition(":")[2].strip() for line in info.read_text().splitlines() if line.startswith("model name")] if info.exists() else []
    found = {"processor": f"{len(models)} x {models[0]}" if models else platform.processor(), "python": platform.python_version()}
    for library in _LIBRARIES:
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            found[library] = "missing"
    return found


def case_sheet(rows: Sequence[Row]) -> Sheet:
    """One case in detail, the fastest first: ratios to the products alone and to NumPy by hand, rounds that no other process disturbed."""
    head = ("candidate", "a call", "+-", "bound", "hand", "error", "quiet")
    timed = sorted((r for r in rows if r.seconds is not None), key=lambda r: r.seconds or 0.0)
    lines = [
        (
            r.candidate, duration(r.seconds), _spread(r), _ratio(r.of_products), _ratio(r.of_by_hand),
            "WRONG" if r.note else "" if r.error is None else f"{r.error:.0e}", f"{r.rounds - r.disturbed}/{r.rounds}",
        )
        for r in timed
    ]  # fmt: skip
    return Sheet(f"{rows[0].case}, {_threads(rows[0].threads)}", head, lines, _remarks((r.candidate, r.note) for r in rows))


def sheets(found: Found) -> list[Sheet]:
    """Shapes side by side, one sheet for each activation, dtype and number of threads; then what else was measured."""
    groups: dict[tuple[int, str, str], list[Row]] = {}
    for r in found.rows:
        groups.setdefault((r.threads, r.case.dtype, r.case.activation), []).append(r)
    made = [_side_by_side(f"{activation}, {dtype}, {_threads(n)}", rows) for (n, dtype, activation), rows in groups.items()]
    if found.rows:
        made.append(_against_peers(found.rows))
    if found.first:
        made.append(_first_sheet(found.first))
    if found.descent:
        made.append(_descent_sheet(found.descent))
    return made


def _side_by_side(title: str, rows: Sequence[Row]) -> Sheet:
    shapes = list(dict.fromkeys(r.case.shape for r in rows))
    at = {(r.candidate, r.case.shape): r for r in rows}
    names = dict.fromkeys(r.candidate for r in rows)
    lines = [(name, *(_cell(at.get((name, shape))) for shape in shapes)) for name in names]
    return Sheet(f"{title}: a call, and how many times the products alone", ("", *shapes), lines, _remarks((r.candidate, r.note) for r in rows))


def _cell(row: Row | None) -> str:
    if row is None or row.seconds is None:
        return "" if row is None else row.note.partition(":")[0]
    return f"{duration(row.seconds)} ({_ratio(row.of_products)})" + (", WRONG" if row.note else "")


def _against_peers(rows: Sequence[Row]) -> Sheet:
    """The fastest of ours beside the fastest of all others; under 1 ours is ahead."""
    lines = []
    for case, threads in dict.fromkeys((r.case, r.threads) for r in rows):
        here = [r for r in rows if (r.case, r.threads) == (case, threads) and r.seconds is not None and not r.note]
        ours = [r for r in here if r.ours]
        peers = [r for r in here if not r.ours and not r.bound]
        if ours and peers:
            one, other = (min(side, key=lambda r: r.of_by_hand or float("inf")) for side in (ours, peers))
            quotient = (one.of_by_hand or 0.0) / (other.of_by_hand or 1.0)
            lines.append((f"{case.shape} {case.activation} {case.dtype}", str(threads), one.candidate, other.candidate, f"{quotient:.2f}"))
    return Sheet("The fastest of ours over the fastest other", ("case", "threads", "ours", "other", "ratio"), lines)


def _first_sheet(first: Sequence[dict[str, Any]]) -> Sheet:
    shapes = list(dict.fromkeys(f["shape"] for f in first))
    at = {(f["candidate"], f["shape"]): f for f in first}
    lines = []
    for name in dict.fromkeys(f["candidate"] for f in first):
        cells = []
        for shape in shapes:
            f = at.get((name, shape), {})
            cells.append(f["note"].partition(":")[0] if f.get("note") else duration(f["build"] + f["first"]) if f else "")
        lines.append((name, *cells))
    title = "From the network to its first gradient, libraries imported, caches empty (sigmoid, float64, one thread)"
    return Sheet(title, ("", *shapes), lines, _remarks((f["candidate"], f.get("note", "")) for f in first))


def _descent_sheet(descent: Sequence[dict[str, Any]]) -> Sheet:
    lines = []
    for d in descent:
        measured = ("", "", "") if d.get("note") else (duration(d["call"]), duration(d["step"]), f"{d['faults']:.0f}")
        lines.append((f"{d['shape']}, {d['dtype']}: {d['candidate']}", str(d["threads"]), *measured))
    remarks = _remarks((d["candidate"], d.get("note", "")) for d in descent)
    return Sheet("Gradient descent in a fresh process (sigmoid)", ("", "threads", "a call", "a step", "page faults a step"), lines, remarks)


def _spread(row: Row) -> str:
    """Half of the distance between the quartiles."""
    low, high = row.quartiles or (0.0, 0.0)
    return f"{(high - low) / 2 / (row.seconds or 1.0):.0%}"


def _remarks(notes: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """Each note once, with the candidates that it is about."""
    about: dict[str, list[str]] = {}
    for name, note in notes:
        if note and name not in about.setdefault(note, []):
            about[note].append(name)
    return tuple(f"{note} ({', '.join(names)})" for note, names in about.items())


def duration(seconds: float | None) -> str:
    """Three digits and a unit.

    >>> duration(0.0000034), duration(0.0127), duration(14.0)
    ('3.4 us', '12.7 ms', '14 s')
    """
    if seconds is None:
        return ""
    size, unit = next((s, u) for s, u in ((1e-6, "us"), (1e-3, "ms"), (1.0, "s")) if seconds < 999.5 * s or s == 1.0)
    value = seconds / size
    return f"{value:.3g} {unit}" if value < 999.5 else f"{value:.0f} {unit}"


def _ratio(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}" if value < 9.995 else f"{value:.3g}"


def _threads(n: int) -> str:
    return "one thread" if n == 1 else f"{n} threads"
