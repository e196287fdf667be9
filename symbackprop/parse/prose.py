r"""Conditions that the words between formulas make: `$a = b$ for $i \ne j$`, `wenn $z > 0$, dann $a = z$`, `当 $z > 0$ 时`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

__all__ = ["Piece", "closes", "conditioned", "negated", "opens"]

_CONDITIONAL = (
    "if", "when", "whenever", "for", "for all", "for every", "for each", "provided that", "provided", "unless", "wenn", "falls", "für", "für alle",
    "sofern", "si", "pour", "pour tout", "quand", "lorsque", "nếu", "khi", "với", "với mọi", "若", "如果", "当", "當", "对", "對", "对于",
    "對於", "對所有", "对所有", "where", "assuming", "except", "as long as", "only", "außer", "sauf", "trừ",
    "case", "in the case", "in case", "the case", "im Fall", "Fall", "cas", "dans le cas", "trường hợp", "情况", "情況", "情形",
)  # fmt: skip
_CLOSING = ("时", "時", "的时候", "的時候")
_TURNED = {"unless", "where", "except", "only", "außer", "sauf", "trừ"}  # what follows is no plain condition
_OPENING = re.compile(rf"\s*(?:{'|'.join(_CONDITIONAL)})(?![a-zà-ỹ])", re.IGNORECASE)
_WORDS = "|".join(sorted(set(_CONDITIONAL) - _TURNED, key=len, reverse=True))
_BEHIND = re.compile(rf"[\s,，、(（]*(?:{_WORDS})\s*", re.IGNORECASE)
_BEFORE = re.compile(rf"(?:(?<!\w)(?:{_WORDS})(?:\s+(?:that|\w{{1,3}}[.:,)]?))?|[若当當对對])[\s*_:,(]*\Z", re.IGNORECASE)  # "case 2: $i = j$"
_CAPITAL = re.compile(r"[\W_]*[A-ZÀ-Ỹ]")
_PLACES = re.compile(r"\s*[i-n]\s*(?:=|≠|\\neq?(?![a-zA-Z]))\s*[i-n]\s*\Z")  # which entries are meant: no step, whatever the words are
_LIMITS = re.compile(r"[<>≠≤≥∈]|\\(?:neq?|leq?|geq?|lt|gt|in)(?![a-zA-Z])|\A\s*\\?[A-Za-z]+(?:[_^](?:\w|\{[^{}]*\}))?\s*=[^=()^_]*\Z")
_AND = re.compile(r"[\s,，、]*(?:and|und|et|và|和|且|与|與)?[\s,，、]*", re.IGNORECASE)
_ELSE = re.compile(
    r"[\s,，、;；.。]*(?:(?:and|und|et|và)\s+)?"
    r"(?:otherwise|or else|else|sonst|andernfalls|sinon|ngược lại|否则|否則|其他情况|其他情況)(?!\w*[a-zà-ỹ])",
    re.IGNORECASE,
)
_OPPOSITE = {
    "<": r"\ge", ">": r"\le", "=": r"\ne", r"\le": ">", r"\leq": ">", "≤": ">", r"\ge": "<", r"\geq": "<", "≥": "<", r"\lt": r"\ge", r"\gt": r"\le",
    r"\ne": "=", r"\neq": "=", "≠": "=",
}  # fmt: skip
_RELATION = re.compile(r"[<>=≤≥≠]|\\(?:leq?|geq?|neq?|lt|gt)(?![a-zA-Z])")
_STOP = re.compile(r"[.;。；!?](?:\s|\Z|[^\x00-\x7f])|(?<![:：])(?<![:：][*_])(?<![:：][*_][*_])\n\s*\n|[。；]")

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


def negated(condition: str) -> str | None:
    """The opposite of a condition of one relation; None for any other.

    >>> negated("z > 0"), negated("0 < z < 1")
    ('z \\\\le 0', None)
    """
    found = list(_RELATION.finditer(condition))
    if len(found) != 1:
        return None
    before, after = condition[: found[0].start()], condition[found[0].end() :]
    return f"{before.rstrip()} {_OPPOSITE[found[0][0]]} {after.lstrip()}"


def conditioned(pieces: Iterable[Piece[L]], text: str, join: Callable[[L, L], L], opposite: Callable[[L], L | None]) -> Iterator[L]:
    """The formulas, each with the conditions that the sentence sets on it; a condition is no formula of its own.

    One that directly follows a formula belongs to it, any other to the formula behind it in the same sentence and to those that a comma
    or an `and` adds to that, unless they have conditions of their own; behind an `otherwise` its `opposite` holds.
    """
    before: Piece[L] | None = None
    waiting: L | None = None
    carried: L | None = None
    own: Piece[L] | None = None  # `before` without what it only took over
    at = 0
    for piece in pieces:
        between = text[at : piece.start]
        if waiting is not None and _STOP.search(between):
            waiting = None
        said = text[slice(*piece.inside)] if piece.inside and len(piece.lines) == 1 else ""
        if said and (_PLACES.match(said) or (_LIMITS.search(said) and _BEFORE.search(between))):
            if before is not None and _goes_with_it(text[before.start : before.end], between):
                alone = before if own is None else own
                before, own = replace(alone, lines=(*alone.lines[:-1], join(alone.lines[-1], piece.lines[0]))), None
            else:
                if before is not None:
                    yield from before.lines
                before, own, waiting = None, None, piece.lines[0]
            at = piece.end
            continue
        if before is not None:
            yield from before.lines
        if waiting is None and carried is not None and _ELSE.match(between):
            waiting = opposite(carried)
        condition = waiting if waiting is not None else carried if _AND.fullmatch(between) else None
        own = piece if waiting is None and condition is not None else None
        before = piece if condition is None else replace(piece, lines=tuple(join(line, condition) for line in piece.lines))
        waiting, carried, at = None, condition, piece.end
    if before is not None:
        yield from before.lines


def _goes_with_it(formula: str, between: str) -> bool:
    """Whether a condition belongs to the formula that it follows: with a word between them, or in brackets, and in the same sentence."""
    if _STOP.search(between) or _CAPITAL.match(between) or formula.rstrip(" $])\\\n").endswith((".", "。")):
        return False
    return _BEHIND.fullmatch(between) is not None or between.strip(" ~,") == "("
