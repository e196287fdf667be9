"""What a document is made of. Every formula in a block is an equation or a derivation of the engine, never typed-in text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from symbackprop.derivation import Derivation, Step
from symbackprop.equations import Equation
from symbackprop.errors import SpecError, one_of
from symbackprop.languages import ENGLISH, Language
from symbackprop.lift import MatrixEquation
from symbackprop.network import Network
from symbackprop.notation import Notation, load_notation, with_cost_of
from symbackprop.pictures.graph import Drawing
from symbackprop.prove import DEFINITION, Proof

__all__ = ["Block", "Chain", "Equations", "Figure", "Heading", "Notes", "Prose", "Proved", "Section", "SectionReference", "Table"]


@dataclass(frozen=True)
class Prose:
    """A paragraph; `{name}` in the text stands for the formula, the reference, the text or the phrase `slots["name"]`, or a list of them."""

    text: str
    slots: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class SectionReference:
    """A reference to another section, by its key."""

    key: str


@dataclass(frozen=True)
class Heading:
    """A small heading inside a section, formulas in its slots."""

    text: str
    slots: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Proved:
    """An equation with its proof; a definition's proof says that it is one."""

    equation: Any
    proof: Proof


@dataclass(frozen=True)
class Equations:
    """Equations one below the other: definitions of a network, results in one view, or a formula element by element."""

    items: tuple[Proved, ...]
    label: str = ""


@dataclass(frozen=True)
class Chain:
    """A derivation and the proof of each of its steps; `local_proofs` are those of the local derivatives it leans on."""

    derivation: Derivation
    proofs: tuple[Proof, ...]
    local_proofs: tuple[Proof, ...] = ()


@dataclass(frozen=True)
class Table:
    """A table; a cell is a `Message`, a name, or anything that can be typeset as a formula."""

    columns: tuple[Any, ...]
    rows: tuple[tuple[Any, ...], ...]
    caption: str = ""


@dataclass(frozen=True)
class Figure:
    """A picture with its caption: what is drawn is laid out in the notation and printed as TikZ, SVG or Typst where it is written."""

    drawing: Drawing
    caption: str = ""


Block = Prose | Heading | Equations | Chain | Table | Figure


@dataclass(frozen=True)
class Section:
    """A titled run of blocks in one notation; `samples` is the number of examples where it is a number, `last` the last layer likewise."""

    key: str
    title: str
    blocks: tuple[Block, ...]
    notation: Notation
    samples: Any = None
    last: Any = None


@dataclass(frozen=True)
class Notes:
    """Proved notes: iterate over the steps, look a derivation up by its name, save them in several formats.

    `net` is the network that they are on, as it was described; None for notes on several.

    >>> import symbackprop as sb
    >>> notes = sb.derive(sb.mlp([2, 3, 1]))
    >>> str(notes["BP4-1"].result)
    'dC/dw(1)[j, k] = delta(1)[j]*x[k]'
    """

    title: str
    sections: tuple[Section, ...]
    detail: str
    oracle: Mapping[str, int] = field(default_factory=dict, hash=False)
    language: Language = ENGLISH
    net: Network | None = None

    def __repr__(self) -> str:
        return f"Notes({self.title!r}, {len(self.chains)} derivations, {len(self.proofs)} equations proved)"

    @property
    def chains(self) -> tuple[Chain, ...]:
        """Every derivation with its proofs, in order; each shows itself in Jupyter as it is printed here."""
        from symbackprop.documents.display import Place, shown

        places = {s.key: Place(s.notation, s.samples, s.last, self.language) for s in self.sections}
        found = ((b, places[s.key]) for s in self.sections for b in s.blocks if isinstance(b, Chain))
        return tuple(replace(b, derivation=shown(b.derivation, place)) for b, place in found)

    @property
    def proofs(self) -> tuple[Proof, ...]:
        """The proofs of all steps and all equations, those of the local derivatives included, in order."""
        found: list[Proof] = []
        for section in self.sections:
            for block in section.blocks:
                if isinstance(block, Chain):
                    found += (*block.local_proofs, *block.proofs)
                elif isinstance(block, Equations):
                    found += [item.proof for item in block.items]
        return tuple(found)

    def counts(self) -> dict[str, int]:
        """How many equations are proved how."""
        totals: dict[str, int] = {}
        for proof in self.proofs:
            totals[proof.kind] = totals.get(proof.kind, 0) + 1
        return totals

    def __iter__(self) -> Iterator[Step]:
        for chain in self.chains:
            yield from chain.derivation

    def __getitem__(self, name: str) -> Derivation:
        derivations = {c.derivation.name: c.derivation for c in reversed(self.chains)}  # of one name the first counts
        return derivations[one_of("derivation", name, derivations)]

    def in_notation(self, notation: str | Notation) -> Notes:
        """The same notes in another notation, derived and proved anew, the cost as that notation has it.

        Raises `SpecError` for notes that are on several networks, `UnknownName` for a notation that does not exist.

        >>> import symbackprop as sb
        >>> notes = sb.derive(sb.mlp([2, 3, 1]), "nielsen")
        >>> str(notes.in_notation("ng")["BP4-1"].result)
        'dw(1)[j, k] = dz(1)[j]*x[k]'
        """
        from symbackprop.documents.about_network import network_sections

        if self.net is None:
            raise SpecError("these notes are on several networks; derive the one that is wanted, and ask its notes for another notation")
        chosen = notation if isinstance(notation, Notation) else load_notation(notation)
        return replace(self, sections=tuple(network_sections(with_cost_of(self.net, chosen), chosen)))

    def save(
        self, folder: str = "output", formats: Sequence[str] = ("tex", "html"), templates: str | None = None, pdf_engine: str = "auto"
    ) -> list[str]:
        """Write the notes into `folder`; returns the paths written.

        `formats` are tex, html, md, ipynb, beamer, typ and pdf; `templates` is a folder whose templates are taken before the shipped
        ones; `pdf_engine` is typst, latexmk, or auto: latexmk where it is on the machine. Raises `UnknownName` for a format or an
        engine that does not exist, `MissingLibrary` for PDF without the package typst, `InputError` for a template that cannot be
        used, `CannotWrite` for a folder that cannot be written.
        """
        from symbackprop.documents.saving import save

        return [str(p) for p in save(self, folder, formats, templates, pdf_engine)]

    def _repr_html_(self) -> str:
        from symbackprop.documents.rendering import html_body

        return html_body(self)

    def _repr_latex_(self) -> str:
        from symbackprop.documents.rendering import latex_body

        return latex_body(self)


def definition(equation: Equation | MatrixEquation) -> Proved:
    """An equation that says what a symbol means: there is nothing to prove."""
    return Proved(equation, Proof(DEFINITION, "a name is given"))
