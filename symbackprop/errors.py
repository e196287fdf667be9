"""Every error a user can cause: what is wrong, where, what was expected, and the valid choices or the near miss."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

__all__ = [
    "CannotWrite", "FormulaError", "InputError", "MissingLibrary", "NotProved", "ReadError", "SpecError", "TooLarge", "UnknownName", "near", "one_of",
]  # fmt: skip


class InputError(ValueError):
    """The input cannot be used; the message is one paragraph for the person who typed it (exit code 2)."""


class UnknownName(InputError):
    """A name that no registry holds.

    >>> str(UnknownName("activation", "sigmod", ["sigmoid", "tanh"]))
    "unknown activation 'sigmod'; did you mean 'sigmoid'? Known: sigmoid, tanh."
    """

    def __init__(self, what: str, name: str, known: Iterable[str], where: str = "") -> None:
        names = sorted(known)
        found = near(name, names)
        hint = f"; did you mean '{found}'?" if found else "."
        place = f"{where}: " if where else ""
        super().__init__(f"{place}unknown {what} '{name}'{hint} Known: {', '.join(names)}.")


class FormulaError(InputError):
    """A formula that cannot be read, with the text and the column where reading stopped."""

    def __init__(self, text: str, column: int, problem: str) -> None:
        super().__init__(f"cannot read the formula '{text}' at column {column}: {problem}")


class ReadError(InputError):
    """A text that cannot be read: the text, the offset in it where reading stopped, and the problem in words.

    >>> str(ReadError("a = (b", 4, "the bracket opened here is never closed"))
    "cannot read 'a = (b' at line 1, column 5: the bracket opened here is never closed"
    """

    def __init__(self, text: str, offset: int, problem: str) -> None:
        self.text, self.offset, self.problem = text, offset, problem
        self.line = text.count("\n", 0, offset) + 1
        self.column = offset - text.rfind("\n", 0, offset)
        shown = " ".join(text[:120].split()) + (" ..." if len(text) > 120 else "")
        super().__init__(f"cannot read '{shown}' at line {self.line}, column {self.column}: {problem}")


class TooLarge(ReadError):
    """A text that is longer, deeper or larger than the limits allow."""


class SpecError(InputError):
    """A network that does not hold together: sizes, undefined names, cycles, a loss that does not fit."""


class CannotWrite(InputError):
    """An output place that cannot be written."""


class MissingLibrary(InputError):
    """A library that is wanted and not installed, with the command that installs it.

    >>> str(MissingLibrary("the jax backend", "jax", "jax"))
    "the jax backend needs the package jax, which is not installed; install it with: pip install 'symbackprop[jax]'"
    """

    def __init__(self, who: str, package: str, extra: str) -> None:
        what = f"'symbackprop[{extra}]'" if extra else package
        super().__init__(f"{who} needs the package {package}, which is not installed; install it with: pip install {what}")


class NotProved(Exception):
    """A step that is refuted or undecided; the document that holds it is not built (exit code 1)."""


def near(name: str, known: Iterable[str]) -> str:
    """The one of `known` that was most likely meant, capitals aside; empty if none is near.

    >>> near("Tahn", ["sigmoid", "tanh"]), near("NG", ["ng"]), near("x", ["ng"])
    ('tanh', 'ng', '')
    """
    folded = {k.casefold(): k for k in known}
    return next((folded[k] for k in get_close_matches(name.casefold(), folded, n=1, cutoff=0.6)), "")


def one_of(what: str, name: str, known: Iterable[str], where: str = "") -> str:
    """Return `name` if it is one of `known`, else raise `UnknownName` with the near miss.

    >>> one_of("detail", "steps", ["results", "steps", "full"])
    'steps'
    """
    choices = list(known)
    if name not in choices:
        raise UnknownName(what, name, choices, where)
    return name
