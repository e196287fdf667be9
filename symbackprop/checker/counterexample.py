"""A difference between two sides as numbers that a reader can work through, in the letters of the problem."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import numpy as np

from symbackprop.checker.compare import Difference, Outcome
from symbackprop.checker.context import Context, Quantity
from symbackprop.checker.faces import Typed, size_words
from symbackprop.checker.symbols import GREEK, Pattern
from symbackprop.checker.terms import Leaf, Term, labels_of, leaves
from symbackprop.checker.verdicts import Counterexample
from symbackprop.equations import Tensor

__all__ = ["counterexample_of", "short", "written"]

MOST = 16  # numbers that are shown


def counterexample_of(outcome: Outcome, left: Typed, context: Context) -> Counterexample:
    """The numbers that show a difference: of what both sides lean on directly, and the two values."""
    assert outcome.difference is not None
    difference = outcome.difference
    ((a, b, labels),) = outcome.terms
    given = {name: value for term in (a, b) for name, value in _leaves(term, difference, context).items()}
    layers = ", ".join(f"{k} = {v}" for k, v in difference.env.items())
    entry = _entry(difference.place, left)
    used = set(labels.sizes.values())
    sizes = {size_words(s): n for s, n in difference.world.point.sizes.items() if s in used}
    at = ", ".join(t for t in (layers, entry) if t)
    return Counterexample(at, short(difference.left), short(difference.right), given if len(given) <= MOST else {}, sizes)


def _leaves(term: Term, difference: Difference, context: Context) -> dict[str, str]:
    """The entries of quantities that a term mentions, at the place where the sides differ."""
    found: dict[str, str] = {}
    for leaf in leaves(term):
        if not isinstance(leaf, Leaf) or not all(not labels_of(i) or isinstance(i, str) for i in leaf.indices):
            continue
        table = difference.world.table(leaf.tensor)
        for place in np.ndindex(*table.shape):
            if all(difference.place.get(i, place[n] + 1) == place[n] + 1 for n, i in enumerate(leaf.indices) if isinstance(i, str)):
                found.setdefault(written(leaf.tensor, tuple(n + 1 for n in place), context), short(table[place]))
    return found


def written(tensor: Tensor, place: tuple[int, ...], context: Context) -> str:
    """An entry of a quantity in LaTeX, as the problem writes it: w^{(2)}_{11}."""
    pattern = next((p for p, q in _quantities(context) if tensor in q.tensors.values()), None)
    if pattern is None:
        return str(tensor) + (f"[{', '.join(map(str, place))}]" if place else "")
    *accents, letter = pattern.base.split(" ")
    found = letter if len(letter) == 1 else f"\\{letter}" if letter in GREEK else f"\\mathrm{{{letter}}}"
    for accent in accents:
        found = f"\\{accent}{{{found}}}"
    brackets = {"": ("", ""), "(": ("(", ")"), "[": ("[", "]"), "{": ("{", "}")}
    left, right = brackets[pattern.bracket]
    layer = [f"{left}{tensor.layer}{right}"] if pattern.where else []
    digits = "".join(map(str, place)) if all(n < 10 for n in place) else ",".join(map(str, place))
    sub = ", ".join(p for p in (*pattern.sub, *(layer if pattern.where == "sub" else ()), digits) if p)
    sup = "".join((*pattern.sup, *(layer if pattern.where == "sup" else ())))
    return found + (f"^{{{sup}}}" if sup else "") + (f"_{{{sub}}}" if sub else "")


def _quantities(context: Context) -> list[tuple[Pattern, Quantity]]:
    return [(s.pattern, s.meaning) for symbols in context.symbols.values() for s in symbols if isinstance(s.meaning, Quantity)]


def short(value: Any) -> str:
    """A ball as people write the number: whole or a short decimal where it is one."""
    text: str = value.str(6, radius=False)
    if len(text.partition("e")[2]) > 6:  # beyond what a decimal number holds
        return text
    number = Decimal(text).normalize()
    return f"{number:f}" if abs(number.adjusted()) < 7 else str(number)


def _entry(place: Mapping[str, int], left: Typed) -> str:
    """Where a difference lies, in words: the letters, then row and column."""
    letters = [f"{k} = {v}" for k, v in place.items() if not k.startswith("#")]
    for name, label in (("row", left.rows), ("column", left.cols)):
        if label is not None and label in place and label.startswith("#"):
            letters.append(f"{name} {place[label]}")
    return ", ".join(letters)
