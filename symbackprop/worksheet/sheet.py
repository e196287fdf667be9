"""A worksheet: derivations of a network with blanks, the answers, wrong answers to choose from, and the problem that grades it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from string import ascii_lowercase, ascii_uppercase
from typing import Any

from symbackprop.backprop import Named, backpropagate
from symbackprop.checker.of_network import declarations
from symbackprop.checker.problem import Problem, problem_from
from symbackprop.checker.report.formulas import laid_out
from symbackprop.documents.about_network import (
    backward_chains,
    forward_blocks,
    kink_notes,
    layout_of,
    letters_of,
    section_on,
    style_of,
    symbols_table,
    with_headings,
)
from symbackprop.documents.blocks import Block, Chain, Notes, Prose, Section
from symbackprop.documents.drawn import network_figures
from symbackprop.errors import SpecError
from symbackprop.languages import Language, Message, load_language
from symbackprop.network import Network
from symbackprop.notation import Notation, load_notation, with_cost_of
from symbackprop.typeset.tree import Node
from symbackprop.worksheet.choosing import chosen
from symbackprop.worksheet.distractors import distractors
from symbackprop.worksheet.lines import Line, ends, lines_of

__all__ = ["Blank", "Option", "Worksheet", "sheet_of", "worksheet"]

_RESULT, _STEP = 2, 1  # points


@dataclass(frozen=True)
class Option:
    """A formula to choose, in LaTeX and laid out; `why` says what is wrong with it, and is None for the right one."""

    letter: str
    text: str
    shown: Node
    kind: str = ""
    why: Prose | None = None


@dataclass(frozen=True)
class Blank:
    """A line to be filled in: what it is called, what it is worth, and the formulas to choose from."""

    label: str
    line: Line
    points: int
    options: tuple[Option, ...]

    @property
    def answer(self) -> Option | None:
        """The option that is right; None where there is nothing to choose from."""
        return next((o for o in self.options if o.why is None), None)


@dataclass(frozen=True)
class Worksheet:
    """Derivations with blanks, as a sheet for students, its key, and the sheet of the instructor; `table` declares the problem.

    >>> from symbackprop.builders import mlp
    >>> sheet = worksheet(mlp([2, 1], activation="sigmoid"), blanks="results", seed=1)
    >>> [(b.label, b.line.left, b.line.right) for b in sheet.blanks][-1]
    ('h', '\\\\frac{\\\\partial C}{\\\\partial w^2}', '\\\\delta^2 x^T')
    >>> sheet.points, sheet.table["rubric"]["steps"]
    (12, 4.0)
    """

    notes: Notes
    blanks: tuple[Blank, ...]
    table: Mapping[str, Any] = field(hash=False)
    asked: tuple[str, ...]
    seed: int
    choices: bool = False

    @property
    def points(self) -> int:
        """What all blanks together are worth."""
        return sum(b.points for b in self.blanks)

    def documents(self, formats: Sequence[str] = ("tex", "html"), templates: str | Path | None = None, pdf_engine: str = "auto") -> dict[str, Any]:
        """Every file by its name: three sheets in each format, `problem.toml` that grades what comes back, and `answer.md` to be filled in.

        Raises `UnknownName` for a format that does not exist, `MissingLibrary` or `InputError` for PDF without a program that sets it.
        """
        from symbackprop.worksheet.files import files

        return files(self, formats, templates, pdf_engine)

    def save(
        self, folder: str | Path = "output", formats: Sequence[str] = ("tex", "html"), templates: str | Path | None = None, pdf_engine: str = "auto"
    ) -> list[str]:
        """Write the files of `documents` into a folder, all or none, and return their paths; `CannotWrite` if that cannot be."""
        from symbackprop.documents.saving import write_all

        return [str(p) for p in write_all(folder, self.documents(formats, templates, pdf_engine))]


def worksheet(
    net: Network, notation: str = "nielsen", *, blanks: str | Sequence[str] = "every:3", seed: int = 0, choices: bool = False,
    language: str = "en", progress: Callable[[str], None] = lambda name: None,
) -> Worksheet:  # fmt: skip
    """The worksheet of a network, with the cost of a notation: its derivations, proved, with the lines blank that `blanks` chooses.

    `blanks` is `results`, `every:3`, `kind:chain rule`, `steps:2,5`, or several of them; the seed draws the line of each three, the wrong
    answers and their order. Students choose among formulas with `choices`, otherwise they write them.

    Raises `UnknownName` or `InputError` for a notation, a language or blanks that cannot be, `SpecError` for a network that is not to be
    declared as a problem, `NotProved` if a step does not hold.
    """
    spoken, style = load_language(language), load_notation(notation)
    net = with_cost_of(net, style)
    if not backpropagate(net, wrt=net.parameters):
        raise SpecError(f"{net.loss} depends on no parameter; list under parameters what gradients are wanted for")
    sections = _sections(net, style, progress)
    return sheet_of(net.name, net, style, sections, letters_of(net, style), blanks, seed, choices, spoken, progress)


def sheet_of(
    title: str, net: Network, notation: Notation, sections: Sequence[Section], named: Mapping[str, Named], blanks: str | Sequence[str], seed: int,
    choices: bool, spoken: Language, progress: Callable[[str], None],
) -> Worksheet:  # fmt: skip
    """The worksheet of sections on one network, whose gradients have the letters `named`; the rest is as in `worksheet`."""
    table = {**declarations(net, notation, named), "title": spoken.text(title)}
    problem = problem_from(table, f"the network '{net.name}'")
    derivations = tuple(lines_of(sections, spoken))
    asked = (blanks,) if isinstance(blanks, str) else tuple(blanks)
    printed = [side for lines in derivations for line in lines for side in (line.left, line.right)]
    results = {ends(lines)[0] for lines in derivations}
    found: list[Blank] = []
    for number, line in enumerate(chosen(asked, derivations, Random(f"blanks {seed}"))):
        label = _label(number)
        progress(f"wrong answers for ({label})")
        options = _options(line, problem, Random(f"{line.derivation} {line.number} {seed}"), printed)
        found.append(Blank(label, line, _RESULT if line in results else _STEP, options))
    asks = {b.line.left: float(b.points) for b in found if b.points == _RESULT}
    steps = float(sum(b.points for b in found if b.points != _RESULT))
    graded = {**table, "targets": list(asks), "rubric": {**asks, **({"steps": steps} if steps else {})}}
    hidden = {b.line.derivation for b in found if b.points == _RESULT}
    notes = Notes(title, tuple(_covered(s, hidden) for s in sections), "steps", language=spoken)
    return Worksheet(notes, tuple(found), graded, asked, seed, choices)


def _sections(net: Network, notation: Notation, progress: Callable[[str], None]) -> tuple[Section, ...]:
    """The network and its gradients as in the notes on it, without what would give the answers away."""
    style, named = style_of(net, notation), letters_of(net, notation)
    chains = backward_chains(net, style, named=named, progress=progress)
    given = [
        *network_figures(net, layout_of(net, style)), symbols_table(net, style),
        Prose("Forward pass:"), *forward_blocks(net, style), *kink_notes(net),
    ]  # fmt: skip
    return (
        section_on(net, style, "forward", "The network", given),
        section_on(net, style, "backward", "The gradients", tuple(with_headings(chains))),
    )


def _options(line: Line, problem: Problem, rng: Random, printed: Sequence[str]) -> tuple[Option, ...]:
    """The right side among wrong ones, in the order of chance; none where no wrong one was found."""
    wrong = [(d.text, d.shown, d.kind, Prose(d.sentence, {"old": d.old, "new": d.new})) for d in distractors(line, problem, rng, printed)]
    mixed: list[tuple[Any, ...]] = [(line.right, laid_out(line.right, "latex")), *wrong] if wrong else []
    rng.shuffle(mixed)
    return tuple(Option(letter, *option) for letter, option in zip(ascii_uppercase, mixed, strict=False))


def _label(number: int) -> str:
    """a, b, ..., z, aa, ab, ..."""
    before, last = divmod(number, len(ascii_lowercase))
    return (_label(before - 1) if before else "") + ascii_lowercase[last]


def _covered(section: Section, hidden: set[str]) -> Section:
    """The section whose reasons name, and do not repeat, the results that are asked for."""
    return replace(section, blocks=tuple(_blocks(section.blocks, hidden)))


def _blocks(blocks: Sequence[Block], hidden: set[str]) -> Iterator[Block]:
    for block in blocks:
        if isinstance(block, Chain):
            steps = tuple(replace(s, reason=_told(s.reason, hidden)) for s in block.derivation.steps)
            block = replace(block, derivation=replace(block.derivation, steps=steps))
        yield block


def _told(reason: Any, hidden: set[str]) -> Any:
    if not any(r.name in hidden for r in reason.slots.get("references", ())):
        return reason
    open_ = tuple(e for e in reason.slots["equations"] if e.label not in hidden)
    if open_:
        return replace(reason, slots={**reason.slots, "equations": open_})
    return replace(reason, text=Message("Insert the result {references}:"), slots={"references": reason.slots["references"]})
