"""The lines of derivations that a blank can stand for, each with the LaTeX that the checker reads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from symbackprop.derivation import Derivation
from symbackprop.documents.blocks import Chain, Section
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
    name, such as the letter of a gradient, asks for nothing: it is not `open`.
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
    left = latex(said.build(d.lhs))
    for number, s in enumerate(steps, 1):
        names = s.relation == "equiv"
        after = seen.on_layers(EMPTY, d.layers if number == 1 else None)
        yield Line(d.name, number, s.reason.rule, left, latex(said.build(s.expression)), s.relation, seen.build(s.expression), not names, after)
    if d.matrix is not None:
        said, seen = text.about(d.matrix.lhs, d.matrix.rhs), shown.about(d.matrix.lhs, d.matrix.rhs)
        left, right = (latex(said.build(side)) for side in (d.matrix.lhs, d.matrix.rhs))
        after = seen.on_layers(EMPTY, d.matrix.layers)
        yield Line(d.name, len(steps) + 1, MATRIX, left, right, "=", seen.build(d.matrix.rhs), after=after)
