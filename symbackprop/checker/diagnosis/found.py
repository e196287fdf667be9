"""A diagnosis that has been found: its kind, and what is shown of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from symbackprop.checker.verdicts import Diagnosis
from symbackprop.languages import Message

from .kinds import KINDS

__all__ = ["Found"]


@dataclass(frozen=True)
class Found:
    """A kind of mistake, the stretch of the right side that it is about, the mended text, and the words for the slots of its sentence."""

    kind: str
    start: int
    end: int
    mended: str = ""
    words: Mapping[str, str] = field(default_factory=dict, hash=False)

    def at(self, start: int) -> Diagnosis:
        """The diagnosis, counted from the start of the step; the right side begins at `start`."""
        return Diagnosis(self.kind, Message(KINDS[self.kind], **self.words), self.mended, start + self.start, start + self.end)
