"""The section that says how the equations of notes were proved."""

from __future__ import annotations

from symbackprop.documents.blocks import Block, Notes, Prose, Section, Table
from symbackprop.languages import Message

__all__ = ["proofs_section"]


_MEANINGS = (
    (
        "for all sizes", Message("For all sizes:"),
        Message("both sides have the same normal form in index notation, once the named quantities are put in."),
    ),
    ("exact at sizes", Message("Exact at sizes:"), Message("the difference is the zero polynomial for layers of given, pairwise different sizes.")),
    ("agrees", Message("Agrees:"), Message("both sides agree to 50 digits at random points.")),
    ("at the given values", Message("At the given values:"), Message("both sides agree to 40 digits once the given numbers are put in.")),
    ("definition", Message("Definition:"), Message("a symbol is given its meaning, and there is nothing to prove.")),
)  # fmt: skip


def proofs_section(notes: Notes) -> Section:
    """How many equations were proved how, what each kind of proof means, and what was compared end to end."""
    counts = tuple((Message(kind), str(number)) for kind, number in notes.counts().items())
    blocks: list[Block] = [
        Prose("Each of the {total} equations of these notes was checked before it was printed.", {"total": str(len(notes.proofs))}),
        Table((Message("kind of proof"), Message("equations")), counts),
        *(Prose("{kind} {meaning}", {"kind": words, "meaning": meaning}) for kind, words, meaning in _MEANINGS if kind in notes.counts()),
        Prose(
            "Besides, every equation but the definitions was evaluated at random points in ball arithmetic, derivatives by power series; "
            "a difference that cannot be zero would have stopped this document."
        ),
    ]
    if notes.oracle:
        words = Message(
            "End to end, {entries} entries of the final gradients of {networks} small networks with pairwise different sizes were compared "
            "with the derivative of the fully expanded loss: {disagreements} disagreements."
        )
        blocks.append(Prose(words, {name: str(number) for name, number in notes.oracle.items()}))
    return Section("proofs", Message("How the equations were proved"), tuple(blocks), notes.sections[0].notation)
