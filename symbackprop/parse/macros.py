r"""Commands that a document defines for itself, `\newcommand{\pd}[2]{\frac{\partial #1}{\partial #2}}`, put out where they are used."""

from __future__ import annotations

import re
from collections.abc import Mapping

from symbackprop.errors import ReadError, TooLarge
from symbackprop.languages import Message

from .tree import Command

__all__ = ["defined", "expanded"]

_ROUNDS = 12  # commands may use each other, but not without end
_BODY = r"\{(?P<body>(?:[^{}\\]|\\.|\{(?:[^{}\\]|\\.|\{(?:[^{}\\]|\\.|\{[^{}]*\})*\})*\})*)\}"
_DEFINITION = re.compile(
    r"(?<!%)\\(?:(?P<new>(?:re|provide)?newcommand|providecommand)\*?\s*(?:\{\s*\\(?P<braced>[A-Za-z]+)\s*\}|\\(?P<plain>[A-Za-z]+))"
    rf"\s*(?:\[(?P<count>\d)\])?\s*|def\s*\\(?P<defined>[A-Za-z]+)\s*(?=\{{)|DeclareMathOperator\*?\s*\{{\s*\\(?P<operator>[A-Za-z]+)\s*\}}\s*){_BODY}"
)
_ARGUMENT = re.compile(r"\s*(?:\{((?:[^{}\\]|\\.|\{(?:[^{}\\]|\\.|\{[^{}]*\})*\})*)\}|(\\[A-Za-z]+|[^\s{}\\]))")
_PLACE = re.compile(r"#(\d)")


def defined(text: str) -> dict[str, Command]:
    r"""The commands that a text defines, by name.

    >>> defined(r"\newcommand{\pd}[2]{\frac{\partial #1}{\partial #2}} \DeclareMathOperator{\relu}{relu}")["relu"]
    Command(count=0, body='\\operatorname{relu}')
    """
    found: dict[str, Command] = {}
    for piece in _DEFINITION.finditer(text):
        name = piece["braced"] or piece["plain"] or piece["defined"] or piece["operator"]
        body = f"\\operatorname{{{piece['body']}}}" if piece["operator"] else piece["body"]
        found[name] = Command(int(piece["count"] or 0), body)
    return found


def expanded(text: str, macros: Mapping[str, Command], most: int) -> tuple[str, list[int]]:
    r"""The text with its own commands put out, and for each of its offsets the offset in `text` it came from.

    Raises `TooLarge` where more than `most` characters come of it, and `ReadError` where an argument is missing.

    >>> expanded(r"\bx_1", {"bx": Command(0, r"\mathbf{x}")}, 100)[0]
    '\\mathbf{x}_1'
    """
    origin = list(range(len(text) + 1))
    if not macros:
        return text, origin
    command = re.compile(r"\\(" + "|".join(sorted(map(re.escape, macros), key=len, reverse=True)) + r")(?![A-Za-z])")
    now = text
    for _ in range(_ROUNDS):
        pieces: list[str] = []
        places: list[int] = []
        done = 0
        for found in command.finditer(now):
            if found.start() < done:  # inside an argument: the next round
                continue
            pieces.append(now[done : found.start()])
            places += origin[done : found.start()]
            piece, place, done = _put(now, origin, found, macros[found.group(1)], text)
            pieces.append(piece)
            places += place
            if len(places) > most:
                raise TooLarge(text, origin[found.start()], Message("the formula has more than {most} signs", most=most))
        if not done:
            return now, origin
        now, origin = "".join([*pieces, now[done:]]), [*places, *origin[done:]]
    raise TooLarge(text, 0, Message("the formula is nested deeper than {most} levels", most=_ROUNDS))


def _put(now: str, origin: list[int], found: re.Match[str], macro: Command, text: str) -> tuple[str, list[int], int]:
    """The body of a command with its arguments, where its characters came from, and where the text goes on."""
    end = found.end()
    arguments: list[tuple[int, int]] = []
    for _ in range(macro.count):
        argument = _ARGUMENT.match(now, end)
        if argument is None:
            raise ReadError(text, origin[found.start()], Message("{of} lacks its argument", of=found.group()))
        arguments.append(argument.span(1) if argument.group(1) is not None else argument.span(2))
        end = argument.end()
    piece, place, done = "", list[int](), 0
    start = origin[found.start()]
    for hole in _PLACE.finditer(macro.body):
        number = int(hole.group(1))
        if not 1 <= number <= macro.count:
            continue
        left, right = arguments[number - 1]
        piece += macro.body[done : hole.start()] + now[left:right]
        place += [start] * (hole.start() - done) + origin[left:right]
        done = hole.end()
    piece += macro.body[done:]
    place += [start] * (len(macro.body) - done)
    if place:
        place[-1] = origin[end - 1]  # what ends with the command ends where its call does
    return piece, place, end
