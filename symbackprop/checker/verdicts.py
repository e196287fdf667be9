"""What a check finds: a verdict for each step, the evidence for it, and what is wrong with a wrong one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

__all__ = ["Counterexample", "Diagnosis", "Judgement", "Report", "Status", "Step", "Target"]


class Status(StrEnum):
    """What is known of a step."""

    RIGHT = "right"
    CONVENTION = "right in another convention"
    SCHEMATIC = "right but schematic"
    DEFINITION = "definition"
    WRONG = "wrong"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class Counterexample:
    """Numbers at which two sides differ for certain.

    `given` are the numbers of what no equation defines (`W^{(1)}_{21}`: "0.5") as far as both sides depend on them, `entry` is
    the place (`j = 1, k = 2`), `expected` and `found` are the two values there.
    """

    entry: str
    expected: str
    found: str
    given: Mapping[str, str] = field(default_factory=dict, hash=False)
    sizes: Mapping[str, int] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class Judgement:
    """One comparison: its status, in words why, and where the sides differ the numbers that show it."""

    status: Status
    because: str
    counterexample: Counterexample | None = None


@dataclass(frozen=True)
class Diagnosis:
    """Why a step is wrong: the `kind` of mistake (a key of `diagnose.KINDS`), a sentence for whoever wrote it, the part of the
    source it is about (`start` to `end`, counted from the start of the step), and the mended formula in the student's own letters.
    """

    kind: str
    sentence: str
    mended: str = ""
    start: int = 0
    end: int = 0


@dataclass(frozen=True)
class Step:
    """One relation of a derivation: `text` stands at `line` and `column` of the submission (counted from 1).

    `before` judges it against the expression just before it, `opening` against the left side that opens its chain (None where the
    two are the same). `syntax` is latex or python.
    """

    number: int
    text: str
    line: int
    column: int
    syntax: str
    before: Judgement
    opening: Judgement | None = None
    diagnosis: Diagnosis | None = None
    notes: tuple[str, ...] = ()

    @property
    def status(self) -> Status:
        """The verdict on the step itself: what came before it is taken as it stands."""
        return self.before.status


@dataclass(frozen=True)
class Target:
    """A quantity that was asked for: the number of the step that reaches it rightly, or None."""

    name: str
    step: int | None


@dataclass(frozen=True)
class Report:
    """The verdicts on one submission, step by step; `source` is its whole text, `problem` the title of what was asked.

    `failure` says why nothing could be judged (too large, out of time), and is empty otherwise.
    """

    steps: tuple[Step, ...]
    problem: str = ""
    name: str = ""
    source: str = ""
    targets: tuple[Target, ...] = ()
    failure: str = ""
    seconds: float = 0.0

    @cached_property
    def first_wrong(self) -> Step | None:
        """The first wrong step of the whole derivation."""
        return next((s for s in self.steps if s.status is Status.WRONG), None)

    @property
    def status(self) -> Status:
        """Wrong if a step is or a target is missed by what can be read, undecided if a step is, else right."""
        if self.first_wrong is not None:
            return Status.WRONG
        if self.failure or not self.steps or any(s.status is Status.UNDECIDED for s in self.steps):
            return Status.UNDECIDED
        return Status.WRONG if any(t.step is None for t in self.targets) else Status.RIGHT

    @property
    def right_answer_wrong_step(self) -> bool:
        """Whether a step is wrong although the last one of its chain agrees with the left side that opens the chain."""
        chains: list[list[Step]] = []
        for step in self.steps:
            if step.opening is None or not chains:
                chains.append([])
            chains[-1].append(step)
        slipped = [chain for chain in chains if any(s.status is Status.WRONG for s in chain)]
        return any((chain[-1].opening or chain[-1].before).status is Status.RIGHT for chain in slipped)

    def __str__(self) -> str:
        from symbackprop.checker.report.terminal import plain

        return plain(self)

    def _repr_html_(self) -> str:
        from symbackprop.checker.report.page import fragment

        return fragment(self)
