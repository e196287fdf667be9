"""Notes on one network: its equations, a derivation for each gradient, the results in every view, all of it proved."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any

from sympy import S, Sum, preorder_traversal

from symbackprop.backprop import Named, backpropagate
from symbackprop.derivation import Derivation, Reference, gradient_derivation, name_of, single, single_equation
from symbackprop.documents.blocks import Block, Chain, Equations, Heading, Prose, Proved, Section, Table, definition
from symbackprop.documents.drawn import graph_figure, network_figures
from symbackprop.documents.manner import Held, Shape, is_layered, layout_of, letters_of, style_of
from symbackprop.documents.symbols import symbols_table
from symbackprop.elements import instances, written_out
from symbackprop.equations import Entry, Equation, Func, Grad, Partial, scalar, tensors
from symbackprop.languages import Message
from symbackprop.lift import Layout, lift_equation
from symbackprop.network import Network
from symbackprop.notation import Notation
from symbackprop.prove import checked, naming_equations, prove, prove_derivation, prove_matrix, require
from symbackprop.rules import ACTIVATIONS, LOSSES
from symbackprop.rules.record import VARIABLE
from symbackprop.writing import length

__all__ = [
    "Held",
    "Shape",
    "as_entry",
    "backward_chains",
    "elementwise_blocks",
    "forward_blocks",
    "kink_note",
    "layout_of",
    "letters_of",
    "network_sections",
    "proved_chain",
    "results_table",
    "samples_of",
    "section_on",
    "style_of",
    "symbols_table",
    "with_headings",
]  # fmt: skip

Progress = Callable[[str], None]


def proved_chain(derivation: Derivation, definitions: Sequence[Equation] = ()) -> Chain:
    """A derivation with the proof of each step, those of the local derivatives included; `NotProved` if one fails."""
    found = []
    for d in (*derivation.local, derivation):
        found.append(prove_derivation(d, definitions))
        require(d, found[-1])
    return Chain(derivation, found[-1], tuple(p for proofs in found[:-1] for p in proofs))


def with_headings(chains: Sequence[Chain]) -> list[Block]:
    """The chains, each under a heading that says what it finds."""
    blocks: list[Block] = []
    for c in chains:
        lhs = c.derivation.lhs
        found = next((p for p in preorder_traversal(c.derivation.steps[0].expression) if isinstance(p, Partial)), lhs)
        if not isinstance(lhs, Partial) and found.wrt.tensor.name == "z":
            blocks += [Heading("The error {x}", {"x": lhs}), c]
        else:
            blocks += [Heading("The derivative with respect to {x}", {"x": (lhs if isinstance(lhs, Partial) else found).wrt}), c]
    return blocks


def backward_chains(
    net: Network, notation: Notation, *, named: Mapping[str, Named] | None = None, prefix: str = "",
    layout: Layout | None = None, progress: Progress = lambda name: None,
) -> list[Chain]:  # fmt: skip
    """A proved derivation for each gradient, from the loss to the parameters, each using those before it."""
    named = letters_of(net, notation) if named is None else named
    definitions = naming_equations(net, named)
    layout = layout_of(net, notation) if layout is None else layout
    known: list[Equation] = []
    lettered: list[Equation] = []
    chains = []
    for b in backpropagate(net, named):
        if b.tensor in net.inputs:
            continue
        name = prefix + name_of(net, b)
        progress(name)
        derivation = gradient_derivation(net, b, name=name, insert=known, offer=lettered, layout=layout)
        if b.tensor not in net.parameters:
            found = Equation(b.equation.lhs, derivation.result.rhs, label=name, layers=derivation.layers)
            put_in = b.definition is None and b.tensor.name not in notation.kept and (is_layered(net) or _is_short(found.rhs))
            (known if put_in else lettered).append(found)
        chains.append(proved_chain(single(derivation), definitions))
    return chains


_SHORT = 24  # symbols and signs; what is longer, or a sum, is better called by its name


def _is_short(expr: Any) -> bool:
    """Whether a gradient is put in where it is used, though the network has no layers: the next would carry it, and so on down."""
    return not expr.has(Sum) and length(expr) <= _SHORT


def forward_blocks(net: Network, notation: Notation) -> list[Block]:
    """The forward equations in index form and, where they have one, in matrix form."""
    blocks: list[Block] = [Equations(tuple(definition(single_equation(e)) for e in net.equations), label="forward")]
    layout = layout_of(net, notation)
    forms = [(e, lift_equation(e, layout)) for e in net.equations if any(t.rank for t in (e.tensor, *tensors(e.rhs)))]
    shown = tuple(Proved(m, checked(prove_matrix(e, m, net), m)) for e, m in forms if m is not None)
    if shown:
        blocks += [Prose("In matrix form:"), Equations(shown, label="forward-matrix")]
    if net.facts:
        blocks += [Prose("The targets satisfy"), Equations(tuple(definition(single_equation(f)) for f in net.facts))]
    return blocks


def kink_notes(net: Network) -> list[Block]:
    """What is taken for the derivative where an activation or the loss has none."""
    notes: list[Block] = []
    for name in dict.fromkeys(e.rule for e in net.equations):
        if name in ACTIVATIONS:
            notes += [kink_note(name, at, slope) for at, slope in ACTIVATIONS[name].kinks]
        elif name in LOSSES and LOSSES[name].kinks:
            notes.append(Prose("The loss has a kink at {kinks}, where the derivative is taken as 0.", {"kinks": LOSSES[name].kinks}))
    return notes


def kink_note(name: str, at: int, slope: int | str) -> Prose:
    """Where two branches of an activation meet, and the derivative that is taken there; whether they do so smoothly may hang on a parameter."""
    value = scalar(slope) if isinstance(slope, str) else S(slope)
    words = Message("At {at} there is a kink and so no derivative; {slope} is taken.")
    if ACTIVATIONS[name].scalars:
        words = Message("At {at} two branches meet, in general with a kink: then there is no derivative, and {slope} is taken.")
    return Prose(words, {"at": Equation(VARIABLE, S(at)), "slope": Equation(Func(name, S(at), 1), value)})


def results_table(chains: Sequence[Chain], caption: str = Message("Results")) -> Table:
    """The last line of each derivation, with its matrix form."""
    layered = any(c.derivation.layers is not None for c in chains)
    rows = []
    for d in (c.derivation for c in chains):
        held = (Held(d.layers, d.result) if d.layers is not None else "",) if layered else ()
        rows.append((Reference(d.name), d.result, d.matrix if d.matrix is not None else Message("no matrix form"), *held))
    columns = ("", Message("index form"), Message("matrix form"), *((Message("layers"),) if layered else ()))
    return Table(columns, tuple(rows), caption)


def elementwise_blocks(net: Network, equations: Sequence[Equation], definitions: Sequence[Equation] = ()) -> list[Block]:
    """Each equation written out for every value of its indices, sums term by term; each is proved."""
    items: list[Proved] = []
    for e in equations:
        for one in instances(e):
            shown = Equation(one.lhs, written_out(one.rhs), e.rule, e.label, e.relation)
            items.append(Proved(shown, checked(prove(one.rhs, shown.rhs, net, {}, definitions=definitions), shown)))
    return [Equations(tuple(items))]


_SMALL = 12  # numbers in all parameters of a network whose equations are written out, and as many in all that it computes


def samples_of(net: Network) -> Any:
    """The number of examples where it is a number, not a letter; else None."""
    return net.samples if getattr(net.samples, "is_Integer", False) else None


def section_on(net: Network, notation: Notation, key: str, title: str, blocks: Sequence[Block]) -> Section:
    """A section on a network, its layers and its examples counted as in the network.

    >>> from symbackprop.builders import mlp
    >>> from symbackprop.notation import load_notation
    >>> str(section_on(mlp([2, 3, 1]), load_notation("nielsen"), "forward", "The network", []).last)
    '2'
    """
    return Section(key, title, tuple(blocks), notation, samples_of(net), net.last_layer)


def network_sections(net: Network, notation: Notation, progress: Progress = lambda name: None) -> list[Section]:
    """The notes on one network: symbols and forward pass, the gradients, the results, and for a small network every element."""
    named = letters_of(net, notation)
    notation = style_of(net, notation)
    chains = backward_chains(net, notation, named=named, progress=progress)
    layout = layout_of(net, notation)
    forward = [*network_figures(net, layout), symbols_table(net, notation), Prose("Forward pass:"), *forward_blocks(net, notation), *kink_notes(net)]
    sections = [
        section_on(net, notation, "forward", "The network", forward),
        section_on(net, notation, "backward", "The gradients", (*graph_figure(net, layout, named), *with_headings(chains))),
        section_on(net, notation, "results", "Results", (results_table(chains),)),
    ]
    if _is_small(net):
        definitions = naming_equations(net, named)
        results = [Equation(as_entry(c.derivation.result.lhs), c.derivation.result.rhs) for c in chains]
        blocks = [
            Prose("The forward pass, element by element:"), *elementwise_blocks(net, net.equations),
            Prose("And the gradients:"), *elementwise_blocks(net, results, definitions),
        ]  # fmt: skip
        sections.append(section_on(net, notation, "elements", "Element by element", blocks))
    return sections


def as_entry(lhs: Any) -> Any:
    """dC/dx, spelled as a fraction, as the entry of its tensor."""
    return Entry(Grad(lhs.of.tensor, lhs.wrt.tensor), *lhs.wrt.indices) if isinstance(lhs, Partial) else lhs


def _is_small(net: Network) -> bool:
    parts = ([e.tensor for e in net.equations], net.parameters)
    known = all(n.is_Integer for part in parts for x in part for n in x.shape)
    return known and all(sum(prod(map(int, x.shape)) for x in part) <= _SMALL for part in parts)
