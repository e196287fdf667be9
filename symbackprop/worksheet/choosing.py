"""Which lines become blanks: every n-th, those of a kind, those of given numbers, or the results."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from random import Random

from symbackprop.errors import InputError, UnknownName, one_of
from symbackprop.worksheet.lines import Line, ends

__all__ = ["WAYS", "chosen"]

Derivations = Sequence[Sequence[Line]]


def chosen(words: Sequence[str], derivations: Derivations, rng: Random) -> tuple[Line, ...]:
    """The lines that all `words` together make blanks, in the order of the derivations.

    A word is `results`, `every:3`, `kind:chain rule` or `steps:2,5`; `every` draws one of so many lines. Where the last step of a
    derivation is a blank its matrix form is one too, since it says the same, and so are the lines into which that result is put.

    Raises `UnknownName` for another word, kind or derivation, `InputError` for a word that is half one, and for words that leave no blanks.
    """
    picked: set[Line] = set()
    for word in words:
        name, colon, rest = (part.strip() for part in word.partition(":"))
        way = WAYS[one_of("choice of blanks", name, WAYS)]
        picked |= way(rest, f"{name}{colon}{rest}", derivations, rng)
    for lines in derivations:  # a result is put into later derivations only
        picked |= {line for line in lines if line.shows & {d[0].derivation for d in derivations if ends(d)[0] in picked}}
        if ends(lines)[0] in picked:
            picked |= set(ends(lines))
    found = tuple(line for line in _open(derivations) if line in picked)
    if not found:
        raise InputError(f"--blanks {' '.join(words)} leaves no blanks: {_what_there_is(derivations)}")
    return found


def _open(derivations: Derivations) -> list[Line]:
    return [line for lines in derivations for line in lines if line.open]


def _kinds(derivations: Derivations) -> list[str]:
    return list(dict.fromkeys(line.rule for line in _open(derivations)))


def _what_there_is(derivations: Derivations) -> str:
    longest = max((len(lines) for lines in derivations), default=0)
    return f"there are {len(derivations)} derivations of up to {longest} lines, of the kinds {', '.join(sorted(_kinds(derivations)))}"


def _every(rest: str, word: str, derivations: Derivations, rng: Random) -> set[Line]:
    if not re.fullmatch(r"[1-9]\d{0,5}", rest):
        raise InputError(f"--blanks {word}: after 'every' stands a whole number from 1, as in every:3")
    n, lines = int(rest), _open(derivations)
    return {rng.choice(lines[start : start + n]) for start in range(0, len(lines), n)}


def _kind(rest: str, word: str, derivations: Derivations, rng: Random) -> set[Line]:
    names = [name.strip().strip("\"'") for name in rest.split(",")]
    for name in names:
        one_of("kind of step", name, _kinds(derivations), f"--blanks {word}")
    return {line for line in _open(derivations) if line.rule in names}


def _steps(rest: str, word: str, derivations: Derivations, rng: Random) -> set[Line]:
    known = {lines[0].derivation: lines for lines in derivations}
    found: set[Line] = set()
    for part in rest.split(","):
        name, dot, number = part.strip().rpartition(".")
        if not re.fullmatch(r"[1-9]\d{0,5}", number):
            raise InputError(f"--blanks {word}: after 'steps' stand numbers of lines, as in steps:2,5, or steps:BP1.3 for one derivation")
        if dot and name not in known:
            raise UnknownName("derivation", name, known, f"--blanks {word}")
        among = [known[name]] if dot else derivations
        found |= {line for lines in among for line in lines if line.open and line.number == int(number)}
    return found


def _results(rest: str, word: str, derivations: Derivations, rng: Random) -> set[Line]:
    if rest:
        raise InputError(f"--blanks {word}: nothing stands after 'results'")
    return {ends(lines)[0] for lines in derivations}


WAYS: Mapping[str, Callable[[str, str, Derivations, Random], set[Line]]] = {
    "every": _every, "kind": _kind, "steps": _steps, "results": _results,
}  # fmt: skip
