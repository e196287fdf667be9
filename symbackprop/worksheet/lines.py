"""The lines of derivations that a blank can stand for, each with the LaTeX that the checker reads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sympy import Add, Mul, preorder_traversal

from symbackprop.derivation import Derivation, Reference, Step
from symbackprop.documents.blocks import Chain, Section
from symbackprop.equations import Entry, Equation
from symbackprop.languages import Language
from symbackprop.typeset.build import Builder
from symbackprop.typeset.build_names import WORDS
from symbackprop.typeset.latex import latex
from symbackprop.typeset.tree import EMPTY, Node

__all__ = ["MATRIX", "Line", "ends", "lines_of"]

MATRIX = "matrix form"
"""What the rule of the line is called that says a result in matrix form."""


@dataclass(frozen=True)
class Line:
    """The line `number` of a derivation, counted from 1: both sides in LaTeX as they are printed, and the right side as it is laid out.

    `rule` is the kind of the step, `after` what stands behind the right side: for which layers the line holds. A line that only gives a
    name, such as the letter of a gradient, asks for nothing: it is not `open`. `shows` are the derivations whose results can be read off it,
    `holds` says in LaTeX for which layers it holds, for whoever reads the line without those around it.
    """

    derivation: str
    number: int
    rule: str
    left: str
    right: str
    relation: str
    shown: Node
    open: bool = True
    after: Node = EMPTY
    shows: frozenset[str] = frozenset()
    holds: str = ""

    def with_right(self, text: str) -> str:
        """The line with another right side, in LaTeX."""
        return f"{self.left} = {text}{self.holds}"


def lines_of(sections: Sequence[Section], language: Language) -> Iterator[tuple[Line, ...]]:
    """The lines of each derivation of the sections, its matrix form last where it has one."""
    for section in sections:
        words = {name: language.say(word) for name, word in WORDS.items()}
        text, shown = (Builder(section.notation, section.samples, w, section.last) for w in (None, words))
        for block in section.blocks:
            if isinstance(block, Chain):
                yield tuple(_lines(block.derivation, text, shown))


def ends(lines: Sequence[Line]) -> Sequence[Line]:
    """The last step of a derivation, and its matrix form if it has one."""
    return lines[-2:] if lines[-1].rule == MATRIX else lines[-1:]


def _lines(d: Derivation, text: Builder, shown: Builder) -> Iterator[Line]:
    steps = d.shown("steps")
    sides = (d.lhs, *(s.expression for s in d.steps))
    said, seen = text.about(*sides), shown.about(*sides)
    left, holds = latex(said.build(d.lhs)), latex(said.on_layers(EMPTY, d.layers))
    shows: frozenset[str] = frozenset()
    for number, (s, shows) in enumerate(zip(steps, _shows(steps), strict=True), 1):
        names = s.relation == "equiv"
        after = seen.on_layers(EMPTY, d.layers if number == 1 else None)
        right = latex(said.build(s.expression))
        yield Line(d.name, number, s.reason.rule, left, right, s.relation, seen.build(s.expression), not names, after, shows, holds)
    if d.matrix is not None:
        said, seen = text.about(d.matrix.lhs, d.matrix.rhs), shown.about(d.matrix.lhs, d.matrix.rhs)
        left, right = (latex(said.build(side)) for side in (d.matrix.lhs, d.matrix.rhs))
        after, holds = seen.on_layers(EMPTY, d.matrix.layers), latex(said.on_layers(EMPTY, d.matrix.layers))
        yield Line(d.name, len(steps) + 1, MATRIX, left, right, "=", seen.build(d.matrix.rhs), after=after, shows=shows, holds=holds)


def _shows(steps: Sequence[Step]) -> Iterator[frozenset[str]]:
    """Of each step the derivations whose results it puts in, or has kept since as they were."""
    inserted: list[Equation] = []
    for s in steps:
        put_in = [e for e in s.reason.slots.get("equations", ()) if Reference(e.label) in s.reason.slots.get("references", ())]
        inserted += put_in
        yield frozenset(e.label for e in inserted if e in put_in or any(_stands(e.rhs, part) for part in preorder_traversal(s.expression)))


def _stands(formula: Any, whole: Any) -> bool:
    """Whether a formula is `whole`, or some of its terms or factors, but for the letters of indices."""
    if isinstance(formula, (Add, Mul)) and isinstance(whole, type(formula)):
        left = list(whole.args)
        for part in formula.args:
            same = next((n for n, other in enumerate(left) if _same(part, other)), None)
            if same is None:
                return False
            del left[same]
        return True
    return _same(formula, whole)


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, Entry) and isinstance(other, Entry):
        return bool(one.tensor == other.tensor)
    if one.is_Symbol and other.is_Symbol and one.is_integer:
        return bool(other.is_integer)
    if not one.args or not other.args:
        return bool(one == other)
    return type(one) is type(other) and len(one.args) == len(other.args) and all(map(_same, one.args, other.args))
