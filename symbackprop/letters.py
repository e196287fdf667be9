r"""How a letter of a notation is written: a name, in a style, under a mark, with a subscript. TeX for the same is read too.

    delta        a name of `glyphs`, or a letter            hat:y      under a mark: hat, tilde, bar, vec
    W_o, w_1     with a subscript                           bold:W     in a style: bold, upright, calligraphic, ...
    E_upright:total    with a word for a subscript
    d z          several in a row                           \hat{y}    the same as hat:y
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches

from symbackprop.errors import SpecError, one_of
from symbackprop.glyphs import ACCENTS, GLYPHS, STYLES

__all__ = ["Letter", "checked_letters", "letters"]

_COMMANDS = {
    **{glyph.latex[1:]: name for name, glyph in GLYPHS.items()},
    **{command[1:]: f"{mark}:" for mark, (narrow, wide, _, _) in ACCENTS.items() for command in (narrow, wide)},
    "mathbf": "bold_upright:", "boldsymbol": "bold:", "bm": "bold:", "mathcal": "calligraphic:", "mathbb": "blackboard:", "mathit": "italic:",
    "mathrm": "upright:", "text": "upright:", "operatorname": "upright:",
}  # fmt: skip
_COMMAND = re.compile(r"\\([A-Za-z]+)")
_GROUP = re.compile(r"\{\s*([^{}]*?)\s*\}")
_PREFIX = re.compile(r"(bold_upright|[^\W_]+):")
_NAME = re.compile(r"[^\W\d_][^\W_]*")


@dataclass(frozen=True)
class Letter:
    """One letter: its name, its style ("" for that of the surroundings), the marks over it, innermost last, and its subscript."""

    name: str
    style: str = ""
    marks: tuple[str, ...] = ()
    sub: Letter | None = None


def letters(text: str, where: str = "") -> tuple[Letter, ...]:
    r"""The letters that a text of a notation names, one or several in a row.

    >>> letters("hat:y_1")
    (Letter(name='y', style='', marks=('hat',), sub=Letter(name='1', style='', marks=(), sub=None)),)
    >>> letters(r"\mathcal{L}") == letters("calligraphic:L")
    True

    Raises:
        UnknownName: a style, a mark or a command that does not exist.
        SpecError: braces that do not match, or a text that names no letter.
    """
    place = f"{where}: " if where else ""
    found = tuple(_letter(word, place, text) for word in _spelled(text, place).split())
    if not found:
        raise SpecError(f"{place}'{text}' names no letter")
    return found


def checked_letters(text: str, where: str) -> tuple[Letter, ...]:
    """The letters that somebody typed: a name that is nearly one of `glyphs` is answered with it (`SpecError`).

    >>> checked_letters("detla", "mine.toml")
    Traceback (most recent call last):
    ...
    symbackprop.errors.SpecError: mine.toml: 'detla' is no letter; did you mean 'delta'? A word is written upright:detla
    """
    found = letters(text, where)
    for letter in found:
        near = get_close_matches(letter.name, GLYPHS, 1, 0.8)
        if len(letter.name) > 2 and letter.name not in GLYPHS and not letter.style and near:
            raise SpecError(f"{where}: '{letter.name}' is no letter; did you mean '{near[0]}'? A word is written upright:{letter.name}")
    return found


def _spelled(text: str, place: str) -> str:
    """A text without commands and braces."""
    depth = 0
    for char in text:
        depth += {"{": 1, "}": -1}.get(char, 0)
        if depth < 0:
            break
    if depth:
        raise SpecError(f"{place}the braces of '{text}' do not match; a letter is a name such as delta, hat:y or calligraphic:L")

    def named(match: re.Match[str]) -> str:
        command = one_of("command", match[1], _COMMANDS, place.removesuffix(": "))
        return _COMMANDS[command]

    plain = _COMMAND.sub(named, text)
    while "{" in plain:
        plain = _GROUP.sub(lambda match: match[1].replace(" ", ""), plain)
    return plain


def _letter(word: str, place: str, text: str) -> Letter:
    prefixes, rest = [], word
    while match := _PREFIX.match(rest):
        prefixes.append(one_of("style or mark", match[1], (*STYLES, *ACCENTS), place.removesuffix(": ")))
        rest = rest[match.end() :]
    styles = [p for p in prefixes if p in STYLES]
    if len(styles) > 1:
        raise SpecError(f"{place}'{text}' is in two styles at once, {' and '.join(styles)}; choose one")
    name, _, sub = rest.rstrip("_").partition("_") if rest.rstrip("_") else (rest, "", "")
    digits = re.fullmatch(r"([A-Za-z]|[a-z]+)(\d+)", name)
    if digits and not sub and (len(digits[1]) == 1 or digits[1] in GLYPHS):
        name, sub = digits[1], digits[2]
    if not _NAME.fullmatch(name):
        raise SpecError(f"{place}'{text}' is no letter; a letter is a name such as delta, hat:y or calligraphic:L")
    below = None if not sub else Letter(sub) if sub.isdigit() else _letter(sub, place, text)
    return Letter(name, styles[0] if styles else "", tuple(p for p in prefixes if p in ACCENTS), below)
