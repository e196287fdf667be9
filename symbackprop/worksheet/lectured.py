"""Worksheets on sections of the built-in lecture: its networks, its words and its derivations, up to what gives the answers away."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise

from symbackprop.backprop import Named
from symbackprop.documents.about_network import Progress
from symbackprop.documents.blocks import Block, Chain, Heading, Prose, Section, SectionReference
from symbackprop.documents.lecture import batches, chosen, four_equations, logistic, softmax_entropy, two_two_one
from symbackprop.errors import one_of
from symbackprop.languages import load_language
from symbackprop.notation import Notation, load_notation
from symbackprop.worksheet.sheet import Worksheet, sheet_of

__all__ = ["SECTIONS", "lecture_worksheet"]

SECTIONS: Mapping[str, Callable[[Notation, Progress], Iterator[Section]]] = {
    "logistic": logistic, "two-two-one": two_two_one, "four-equations": four_equations, "chosen-quadratic": chosen, "chosen-entropy": chosen,
    "columns": batches, "rows": batches, "softmax-cross-entropy": softmax_entropy,
}  # fmt: skip
"""The sections of the lecture that derive the gradients of one network, and what makes them."""


def lecture_worksheet(
    section: str, notation: str = "nielsen", *, blanks: str | Sequence[str] = "every:3", seed: int = 0, choices: bool = False,
    language: str = "en", progress: Progress = lambda name: None,
) -> Worksheet:  # fmt: skip
    """The worksheet of a section of the built-in lecture, in the notation that the lecture has there; the rest is as in `worksheet`.

    Raises `UnknownName` for a section that is none of `SECTIONS`, and what `worksheet` raises.

    >>> sheet = lecture_worksheet("softmax-cross-entropy", blanks="results", seed=1)
    >>> [(b.label, b.line.left, b.line.right) for b in sheet.blanks if b.points == 2]
    [('a', '\\\\frac{\\\\partial C}{\\\\partial p_j}', '-\\\\frac{y_j}{p_j}'), ('d', '\\\\frac{\\\\partial C}{\\\\partial z_j}', 'p_j - y_j')]
    """
    made = SECTIONS[one_of("section", section, SECTIONS)](load_notation(notation), progress)
    found = next(s for s in made if s.key == section)
    asked = Section(found.key, found.title, tuple(_asked(found.blocks)), found.notation, found.samples, found.last)
    nets = [b.derivation.net for b in asked.blocks if isinstance(b, Chain)]
    return sheet_of(found.title, nets[0], found.notation, (asked,), _letters(asked), blanks, seed, choices, load_language(language), progress)


def _asked(blocks: Sequence[Block]) -> Iterator[Block]:
    """The blocks up to the last derivation that has a heading; without what refers to other sections."""
    end = max(n for n, (before, b) in enumerate(pairwise(blocks), 1) if isinstance(before, Heading) and isinstance(b, Chain))
    for b in blocks[: end + 1]:
        if not (isinstance(b, Prose) and any(isinstance(value, SectionReference) for value in b.slots.values())):
            yield b


def _letters(section: Section) -> dict[str, Named]:
    """The gradients to which the section gives a letter."""
    chains = [b.derivation for b in section.blocks if isinstance(b, Chain)]
    used = {d.lhs.tensor.name for d in chains if d.steps[0].relation == "equiv"}
    net = chains[0].net
    return {of: n for of, n in section.notation.named(net.samples is not None, net.samples).items() if n.symbol in used}
