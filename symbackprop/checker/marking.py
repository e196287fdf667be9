"""The command that checks: submissions found, checked on all cores, and what was found shown or written."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from symbackprop.checker.batch import check_many, checking_pool
from symbackprop.checker.report.formats import FORMATS, Format
from symbackprop.checker.report.tally import Tally
from symbackprop.checker.report.terminal import STYLES, terminal_lines
from symbackprop.checker.report.words import STATUSES, closing, printable
from symbackprop.checker.submissions import KINDS, Submission, find, read
from symbackprop.checker.verdicts import Report, Status
from symbackprop.errors import InputError, SpecError, one_of
from symbackprop.files import write_beside
from symbackprop.languages import ENGLISH, Language, Message, load_language

__all__ = ["Job", "mark"]

_FOLDER = Path("output")


@dataclass(frozen=True)
class Job:
    """What is to be done: the submissions and the problem, the form of the reports and their place, and the limits of each check."""

    arguments: Sequence[str]
    problem: str | None
    format: str = "text"
    output: Path | None = None
    kind: str = "txt"
    jobs: int | None = None
    timeout: float = 10.0
    memory: int = 1024
    language: str = "en"


def mark(job: Job) -> int:
    """Check, show and write; the exit code is 0 if all is right, 1 if something is wrong or undecided, 2 if nothing could be read.

    Raises `InputError` for a problem, a format or a place that cannot be used.
    """
    form = FORMATS[one_of("format", job.format, FORMATS)]
    one_of("kind", job.kind, KINDS)
    for name, number in (("jobs", job.jobs), ("timeout", job.timeout), ("memory", job.memory)):
        if number is not None and not number > 0:
            raise SpecError(f"--{name} is a positive number, not {number:g}")
    language = load_language(job.language)
    names = find(job.arguments)
    if job.problem is None and "-" not in names and not any(_has_front(read(n, job.kind)) for n in names):
        raise InputError("no problem is given with --problem, and no submission declares one in its front matter")
    workers = min(job.jobs or os.cpu_count() or 1, len(names))
    with checking_pool(workers, job.timeout, job.memory) as pool:
        for _ in range(workers):
            pool.submit(os.getpid)  # a worker imports what it needs while the problem is read here
        from symbackprop.checker.problem import load_problem

        problem = None if job.problem is None else load_problem(job.problem)
        rubric = {} if problem is None else problem.rubric
        results = _Results(form, rubric, _places(names, form, job), job.output or _FOLDER, len(names) > 1, language)
        for report in _shown(check_many(_read(names, job.kind, results), problem, pool, job.timeout, job.memory), len(names)):
            results.take(report)
            if problem is None and report.failure and not report.steps and report.name not in results.refused:
                results.refused.append(report.name)
    results.close()
    return 2 if len(results.refused) == len(names) else int(results.tally.statuses[Status.RIGHT] < len(names))


def _has_front(submission: Submission) -> bool:
    """Whether a submission may declare a problem of its own."""
    return submission.text.startswith(("+++", "---")) or submission.kind == "ipynb"


def _read(names: Sequence[str], kind: str, results: _Results) -> Iterator[Submission]:
    for name in names:
        submission = read(name, kind)
        if submission.refused:
            results.refused.append(name)
        yield submission


def _shown(reports: Iterator[Report], total: int) -> Iterator[Report]:
    """The reports, and a bar on the terminal while there are many."""
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=total < 2 or not console.is_terminal) as progress:
        yield from progress.track(reports, total=total, description="checking")


def _places(names: Sequence[str], form: Format, job: Job) -> Iterator[Path | None]:
    """Where the report on each submission is written; None for what goes to the terminal."""
    output = job.output
    if output is None and (len(names) == 1 or job.format == "text"):
        yield from (None for _ in names)
        return
    if output is not None and len(names) == 1 and not output.is_dir():
        yield output
        return
    used: set[Path] = set()
    for name in names:
        inside = Path(*[part for part in Path(name).parts if part not in (Path(name).anchor, "..", ".")])
        place, number = inside.with_name(inside.name + form.suffix), 1
        while place in used:
            number += 1
            place = inside.with_name(f"{inside.name}-{number}{form.suffix}")
        used.add(place)
        yield (output or _FOLDER) / place


@dataclass
class _Results:
    """What becomes of each report as it comes; none is kept."""

    form: Format
    rubric: Mapping[str, float]
    places: Iterator[Path | None]
    folder: Path
    many: bool
    language: Language = ENGLISH
    tally: Tally = field(default_factory=Tally)
    refused: list[str] = field(default_factory=list)
    rows: list[dict[str, str]] = field(default_factory=list)
    written: list[Path] = field(default_factory=list)

    def take(self, report: Report) -> None:
        """Count a report, and show or write it."""
        self.tally.add(report)
        place = next(self.places)
        if place is not None:
            write_beside(place, self.form.write(report, self.rubric, self.language))
            self.written.append(place)
            said = " ".join(map(self.language.say, closing(report)))
            status = report.status.replace(" ", "-")
            self.rows.append({"name": printable(report.name), "verdict": STATUSES[report.status], "status": status, "said": said})
        elif self.form is FORMATS["text"]:
            out = Console()
            for line in terminal_lines(report, self.language):
                out.print(line, soft_wrap=True)
        else:
            sys.stdout.write(self.form.write(report, self.rubric, self.language))

    def close(self) -> None:
        """The tables of many, the page that leads to them, and where all was written."""
        out = Console()
        if self.many:
            for title, columns, rows in self.tally.tables():
                out.print(Text(self.language.say(title), "bold"))
                out.print(_table(columns, rows, self.language))
                out.print()
        if not self.written:
            return
        if self.many and self.form.index is not None:
            links = [quote(p.relative_to(self.folder).as_posix()) for p in self.written]
            index = self.form.index([row | {"link": link} for row, link in zip(self.rows, links, strict=True)], self.tally, self.language)
            write_beside(self.folder / "index.html", index)
            self.written.append(self.folder / "index.html")
        where = self.written[-1] if self.form.index is not None else self.folder
        many = Message("wrote {number} files: see {place}", number=len(self.written), place=where)
        words = many if self.many else Message("wrote {place}", place=self.written[0])
        out.print(Text(self.language.say(words)), soft_wrap=True)


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]], language: Language) -> Table:
    table = Table(box=None, pad_edge=False)
    for number, column in enumerate(columns):
        table.add_column(language.say(column), justify="right" if number else "left")
    for row in rows:
        table.add_row(*(Text(printable(language.say(cell)), STYLES.get(cell, "")) for cell in row))  # type: ignore[call-overload]
    return table
