"""The command that checks: submissions found, checked on all cores, and what was found shown or written."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from click import echo
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from symbackprop.checker.batch import check_many, checking_pool
from symbackprop.checker.report.formats import FORMATS, Format
from symbackprop.checker.report.tally import Tally
from symbackprop.checker.report.terminal import STYLES, terminal_lines
from symbackprop.checker.report.words import STATUSES, closing, printable
from symbackprop.checker.submissions import KINDS, STANDARD, Submission, find, read, top
from symbackprop.checker.verdicts import Report, Status
from symbackprop.errors import InputError, SpecError, one_of
from symbackprop.files import alike, apart, write_beside
from symbackprop.languages import ENGLISH, Language, Message, load_language

__all__ = ["Job", "mark"]

_FOLDER = "output"
_MOST = 1_000_000


@dataclass(frozen=True)
class Job:
    """What is to be done: the submissions and the problem, the form of the reports and their place, and the limits of each check."""

    arguments: Sequence[str]
    problem: str | None
    notation: str | None = None
    format: str = "text"
    output: str | None = None
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
        if number is not None and not 0 < number <= _MOST:
            raise SpecError(f"--{name} is a positive number of at most {_MOST:,}, not {number:g}")
    language = load_language(job.language)
    names = find(job.arguments)
    many = names != list(job.arguments) or len(names) > 1
    if job.problem is None and "-" not in names and not any(_has_front(read(n, job.kind)) for n in names):
        raise InputError(f"no problem is given with --problem, and no submission declares one in its front matter{alike(Path())}")
    workers = min(job.jobs or os.cpu_count() or 1, len(names))
    with checking_pool(workers, job.timeout, job.memory) as pool:
        for _ in range(workers):
            pool.submit(os.getpid)  # a worker imports what it needs while the problem is read here
        from symbackprop.checker.problem import load_problem
        from symbackprop.notation import load_notation

        if job.notation is not None:
            load_notation(job.notation)
        problem = None if job.problem is None else load_problem(job.problem, job.notation)
        rubric = {} if problem is None else problem.rubric
        read_too = [Path(n) for n in (*names, *filter(None, [job.problem]))]
        places = [place and apart(place, read_too) for place in _places(names, form, job, many)]
        results = _Results(form, rubric, iter(places), Path(job.output or _FOLDER), many, language)
        own = job.notation if problem is None else None
        reports = check_many(_read(names, job.kind, results), problem, pool, job.timeout, job.memory, own)
        for report in _shown(reports, len(names), None in places):
            results.take(report, undeclared=problem is None)
    results.close()
    return 2 if results.unusable == len(names) else int(results.tally.statuses[Status.RIGHT] < len(names))


def _has_front(submission: Submission) -> bool:
    """Whether a submission may declare a problem of its own."""
    return submission.text.startswith(("+++", "---")) or submission.kind == "ipynb"


def _read(names: Sequence[str], kind: str, results: _Results) -> Iterator[Submission]:
    for name in names:
        submission = read(name, kind)
        if submission.refused:
            results.refused.add(submission.name)
        yield submission


def _shown(reports: Iterator[Report], total: int, aloud: bool) -> Iterator[Report]:
    """The reports, and a bar on the terminal between them, out of the way of those that are shown there."""
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal, redirect_stdout=False) as progress:
        task = progress.add_task("checking", total=total)
        for report in reports:
            progress.advance(task)
            if aloud:
                progress.stop()
            yield report
            if aloud:
                progress.start()


def _places(names: Sequence[str], form: Format, job: Job, many: bool) -> Iterator[Path | None]:
    """Where the report on each submission is written: below the folder that all arguments lie in; None for what goes to the terminal."""
    if job.output is None and (not many or job.format == "text"):
        yield from (None for _ in names)
        return
    folder = Path(job.output or _FOLDER)
    if job.output is not None and not many and not folder.is_dir() and not job.output.endswith((os.sep, "/")):
        yield folder
        return
    above, used = top(job.arguments), set[Path]()
    for name in names:
        inside = Path(STANDARD.replace(" ", "-") if name == "-" else os.path.relpath(name or "nameless", above))
        place, number = inside.with_name(inside.name + form.suffix), 1
        while place in used:
            number += 1
            place = inside.with_name(f"{inside.name}-{number}{form.suffix}")
        used.add(place)
        yield folder / place


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
    refused: set[str] = field(default_factory=set)
    unusable: int = 0
    rows: list[dict[str, str]] = field(default_factory=list)
    written: list[Path] = field(default_factory=list)

    def take(self, report: Report, undeclared: bool) -> None:
        """Count a report, and show or write it; what cannot be used, or declares no problem where none is given, is said on standard error."""
        self.tally.add(report)
        place = next(self.places)
        useless = report.name in self.refused or bool(undeclared and report.failure and not report.steps)
        if useless:
            self.unusable += 1
            echo(f"symbackprop: {printable(report.failure.removeprefix('undecided: '))}", err=True)
            if place is None and self.form is FORMATS["text"]:
                return
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
            echo(self.form.write(report, self.rubric, self.language).encode(), nl=False)  # as in a file, whatever the terminal can show

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
