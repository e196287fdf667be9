r"""Conditions that the words between formulas make: `$a = b$ for $i \ne j$`, `wenn $z > 0$, dann $a = z$`, `当 $z > 0$ 时`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

__all__ = ["Piece", "closes", "conditioned", "opens"]

_CONDITIONAL = (
    "if", "when", "whenever", "for", "for all", "for every", "for each", "provided that", "provided", "unless", "wenn", "falls", "für", "für alle",
    "sofern", "si", "pour", "pour tout", "quand", "lorsque", "nếu", "khi", "với", "với mọi", "若", "如果", "当", "當", "对", "對", "对于",
    "對於", "對所有", "对所有", "where", "assuming", "except", "as long as", "only", "außer", "sauf", "trừ",
)  # fmt: skip
_CLOSING = ("时", "時", "的时候", "的時候")
_TURNED = {"unless", "where", "except", "only", "außer", "sauf", "trừ"}  # what follows is no plain condition
_OPENING = re.compile(rf"\s*(?:{'|'.join(_CONDITIONAL)})(?![a-zà-ỹ])", re.IGNORECASE)
_WORDS = "|".join(sorted(set(_CONDITIONAL) - _TURNED, key=len, reverse=True))
_BEHIND = re.compile(rf"[\s,，、(（]*(?:{_WORDS})\s*", re.IGNORECASE)
_BEFORE = re.compile(rf"(?:(?<!\w)(?:{_WORDS})|[若当當对對])\s*\Z", re.IGNORECASE)
_LIMITS = re.compile(r"[<>≠≤≥∈]|\\(?:neq?|leq?|geq?|lt|gt|in)(?![a-zA-Z])|\A\s*\\?[A-Za-z]+(?:[_^](?:\w|\{[^{}]*\}))?\s*=[^=()^_]*\Z")
_STOP = re.compile(r"[.;。；!?](?:\s|\Z|[^\x00-\x7f])|\n\s*\n|[。；]")

L = TypeVar("L")


@dataclass(frozen=True, slots=True)
class Piece(Generic[L]):
    """The formulas between two marks of a document, and where the marks stand; `inside` them the formula, where it stands in a sentence."""

    lines: tuple[L, ...]
    start: int
    end: int
    inside: tuple[int, int] | None = None


def opens(words: str) -> bool:
    """Whether words say under which condition something holds.

    >>> opens("falls die Klasse stimmt"), opens("since a = b")
    (True, False)
    """
    return _OPENING.match(words) is not None


def closes(words: str) -> bool:
    """Whether words stand behind a condition and say nothing themselves.

    >>> closes(" 时 "), closes("for all")
    (True, False)
    """
    return words.strip(" ,.，。") in _CLOSING


def conditioned(pieces: Iterable[Piece[L]], text: str, join: Callable[[L, L], L]) -> Iterator[L]:
    """The formulas, each with the conditions that the sentence sets on it; a condition is no formula of its own.

    One that directly follows a formula belongs to it, any other to the formulas behind it in the same sentence.
    """
    before: Piece[L] | None = None
    waiting: L | None = None
    at = 0
    for piece in pieces:
        between = text[at : piece.start]
        if waiting is not None and _STOP.search(between):
            waiting = None
        if piece.inside and len(piece.lines) == 1 and _LIMITS.search(text[slice(*piece.inside)]) and _BEFORE.search(between):
            if before is not None and _BEHIND.fullmatch(between):
                before = replace(before, lines=(*before.lines[:-1], join(before.lines[-1], piece.lines[0])))
            else:
                if before is not None:
                    yield from before.lines
                before, waiting = None, piece.lines[0]
            at = piece.end
            continue
        if before is not None:
            yield from before.lines
        condition = waiting
        before = piece if condition is None else replace(piece, lines=tuple(join(line, condition) for line in piece.lines))
        waiting, at = None, piece.end
    if before is not None:
        yield from before.lines
