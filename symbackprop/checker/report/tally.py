"""Many reports counted: by verdict, by step, by target and by kind of mistake."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from symbackprop.checker.report.words import PASSED, STATUSES
from symbackprop.checker.verdicts import Report, Status
from symbackprop.languages import Message

__all__ = ["Tally"]


@dataclass
class Tally:
    """Numbers that grow with each report; the reports themselves are not kept.

    >>> tally = Tally()
    >>> tally.add(Report((), failure="too large"))
    >>> tally.submissions, tally.failures
    (1, 1)
    """

    submissions: int = 0
    failures: int = 0
    statuses: Counter[Status] = field(default_factory=Counter)
    steps: dict[int, Counter[Status]] = field(default_factory=dict)
    kinds: Counter[str] = field(default_factory=Counter)
    targets: dict[str, Counter[bool]] = field(default_factory=dict)
    slips: int = 0

    def add(self, report: Report) -> None:
        """Count one more report."""
        self.submissions += 1
        self.failures += bool(report.failure)
        self.statuses[report.status] += 1
        self.slips += report.right_answer_wrong_step
        for step in report.steps:
            self.steps.setdefault(step.number, Counter())[step.status] += 1
            if step.status is Status.WRONG:
                self.kinds[step.diagnosis.kind if step.diagnosis is not None else Message("not named")] += 1
        for target in report.targets:
            self.targets.setdefault(target.name, Counter())[target.step is not None] += 1

    def tables(self) -> Iterator[tuple[str, tuple[str, ...], list[tuple[str, ...]]]]:
        """The tables to show, each a title, its columns and its rows; a table without rows is left out."""
        yield Message("Submissions"), (Message("verdict"), Message("submissions")), [(STATUSES[s], str(n)) for s in Status if (n := self.statuses[s])]
        by_step = [(str(number), *_numbers(self.steps[number])) for number in sorted(self.steps)]
        if by_step:
            shown = (STATUSES[s] for s in (Status.RIGHT, Status.DEFINITION, Status.WRONG, Status.UNDECIDED))
            yield Message("By step"), (Message("step"), *shown), by_step
        if self.kinds:
            yield Message("By kind of mistake"), (Message("mistake"), Message("steps")), [(kind, str(n)) for kind, n in self.kinds.most_common()]
        if self.targets:
            reached: list[tuple[str, ...]] = [(name, str(count[True]), str(count[False])) for name, count in self.targets.items()]
            yield Message("By target"), (Message("asked for"), Message("reached"), Message("missed")), reached


def _numbers(count: Counter[Status]) -> tuple[str, ...]:
    passed = sum(count[s] for s in PASSED)
    return tuple(map(str, (passed, count[Status.DEFINITION], count[Status.WRONG], count[Status.UNDECIDED])))
