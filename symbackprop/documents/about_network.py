"""Notes on one network: its equations, a derivation for each gradient, the results in every view, all of it proved."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any

from sympy import S, Symbol, preorder_traversal
from sympy.core.function import AppliedUndef

from symbackprop.backprop import Named, backpropagate
from symbackprop.derivation import Derivation, Reference, gradient_derivation, name_of
from symbackprop.documents.blocks import Block, Chain, Equations, Heading, Prose, Proved, Section, Table, definition
from symbackprop.documents.drawn import graph_figure, network_figures
from symbackprop.elements import instances, written_out
from symbackprop.equations import Entry, Equation, Func, Grad, Layers, Partial, Tensor, entries, index, scalar, tensors
from symbackprop.languages import Message
from symbackprop.lift import Layout, lift_equation
from symbackprop.network import Network
from symbackprop.notation import Notation
from symbackprop.prove import checked, naming_equations, prove, prove_derivation, prove_matrix, require
from symbackprop.rules import ACTIVATIONS, LOSSES, formula_of
from symbackprop.rules.record import VARIABLE
from symbackprop.typeset.build import Builder
from symbackprop.typeset.tree import Node, Operator, Space, row

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

_MEANINGS: Mapping[str, str] = {
    "w": Message("weights, from each unit below to each unit of the layer"), "b": Message("biases"), "z": Message("pre-activations"),
    "a": Message("activations"), "L": Message("losses of the examples"),
}  # fmt: skip

Progress = Callable[[str], None]


def layout_of(net: Network, notation: Notation) -> Layout:
    """How a network's quantities are stored: as the notation says, but equations that somebody typed keep their own axes."""
    return Layout("as written", row_vectors=notation.vectors == "row") if net.typed else notation.layout(net.samples is not None)


def style_of(net: Network, notation: Notation) -> Notation:
    """The notation a network is printed in: equations that somebody typed keep their own order of indices."""
    return replace(notation, weight_index="to_from", sample_style="subscript") if net.typed else notation


def letters_of(net: Network, notation: Notation) -> dict[str, Named]:
    """The gradients that get a letter: where there are layers, so that the error cannot be taken for a Kronecker delta."""
    return {} if net.typed else notation.named(net.samples is not None, net.samples)


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
            (known if b.definition is None and b.tensor.name not in notation.kept else lettered).append(found)
        chains.append(proved_chain(derivation, definitions))
    return chains


def forward_blocks(net: Network, notation: Notation) -> list[Block]:
    """The forward equations in index form and, where they have one, in matrix form."""
    blocks: list[Block] = [Equations(tuple(definition(e) for e in net.equations), label="forward")]
    layout = layout_of(net, notation)
    forms = [(e, lift_equation(e, layout)) for e in net.equations if any(t.rank for t in (e.tensor, *tensors(e.rhs)))]
    shown = tuple(Proved(m, checked(prove_matrix(e, m, net), m)) for e, m in forms if m is not None)
    if shown:
        blocks += [Prose("In matrix form:"), Equations(shown, label="forward-matrix")]
    if net.facts:
        blocks += [Prose("The targets satisfy"), Equations(tuple(definition(f) for f in net.facts))]
    return blocks


def symbols_table(net: Network, notation: Notation) -> Table:
    """Every symbol of the network, what it is, and its shape as it is stored."""
    layout = layout_of(net, notation)
    found = [t for e in net.equations for t in (*tensors(e.rhs), e.tensor) if t.layer is None or not (t.layer.is_Add or t.layer == net.depth)]
    last = [t for e in net.equations for t in [e.at_layer(net.depth).tensor] if e.layers is not None and t.name in notation.output]
    builder = Builder(notation, net.samples, last=net.last_layer)
    with_entries = {e.tensor.name for equation in net.equations for e in (equation.lhs, *entries(equation.rhs))}
    rows: list[tuple[Any, ...]] = [
        (_letters(builder, t) if t.name in with_entries else t, _meaning(net, t), Shape(t, layout)) for t in dict.fromkeys(found)
    ]
    rows += [(_letters(builder, t), _LAST.get(t.name, _COMPUTED), Shape(t, layout)) for t in last]
    for of, name in letters_of(net, notation).items():
        for t in (t for t in dict.fromkeys(found) if t.name == of):
            letter = Tensor(name.symbol, t.shape, t.layer)
            rows.append((_letters(builder, letter), _of_gradient(t, name), Shape(letter, layout)))
    for function in dict.fromkeys(f.name for e in net.equations for f in sorted(e.rhs.atoms(Func), key=str)):
        words = Prose("the activation {name}", {"name": function.replace("_", " ")}) if formula_of(function) else _ANY
        rows.append((builder.function_name(function), words, Message("a function of one number")))
    return Table((Message("symbol"), Message("meaning"), Message("shape")), (*rows, *_numbers(net, found)), Message("Symbols"))


def _letters(builder: Builder, tensor: Tensor) -> Node:
    """The letter of a whole tensor, and of its entries where they have another."""
    whole, notation = builder.whole(tensor), builder.notation
    letter = {1: notation.vector, 2: notation.matrix}.get(tensor.rank, {}).get(tensor.name)
    if letter is None or letter == notation.symbols.get(tensor.name, tensor.name):
        return whole
    at = "s" if tensor.shape[0] == builder.samples else "js" if tensor.shape[-1] == builder.samples else "jk"
    entry = builder.entry(Entry(tensor, *(index(c) for c in at[: tensor.rank])))
    return row(whole, Operator("comma"), Space("thin"), entry)


def _numbers(net: Network, found: Sequence[Tensor]) -> Iterator[tuple[Any, ...]]:
    """The rows of the sizes, and of the numbers that formulas leave open."""
    sizes = dict.fromkeys(n for t in found for n in t.shape if not n.is_Integer)
    l, a_number = index("l"), Message("a number")  # noqa: E741 - the letter of a layer
    for n in dict.fromkeys(n.func(l) if isinstance(n, AppliedUndef) else n for n in sizes):
        words = Prose("number of units in layer {l}", {"l": l}) if isinstance(n, AppliedUndef) else Message("a size")
        yield n, _EXAMPLES if n == net.samples else words, a_number
    if net.depth is not None:
        yield net.depth, Message("number of the last layer"), a_number
    scalars = {s for e in net.equations for s in e.rhs.atoms(Symbol) if not s.is_integer}
    for e in net.equations:
        if e.rule in ACTIVATIONS:
            scalars |= {scalar(name) for name in ACTIVATIONS[e.rule].scalars}
    for s in sorted(scalars, key=str):
        yield s, _SCALARS.get(str(s), Message("a given number")), a_number


def _of_gradient(tensor: Tensor, name: Named) -> str | Prose:
    """What the letter of a gradient stands for."""
    if tensor.name == "z":
        return _ERROR if name.factor == 1 else _SUMMED
    if name.factor == 1:
        return Prose("derivative of the cost with respect to {x}", {"x": tensor})
    return Prose("{factor} times the derivative of the cost with respect to {x}", {"factor": name.factor, "x": tensor})


_ANY, _EXAMPLES = Message("the activation, any differentiable function"), Message("number of examples")
_COSTS: Mapping[str, str] = {"mean": Message("cost, averaged over the examples"), "sum": Message("cost, summed over the examples")}
_LAST: Mapping[str, str] = {"z": Message("pre-activations of the last layer"), "a": Message("activations of the last layer")}
_PARAMETER, _COMPUTED = Message("parameter"), Message("computed")
_ERROR = Message("error: the derivative of the cost with respect to the pre-activations")
_SUMMED = Message("error: the derivative of the sum of the losses with respect to the pre-activations")
_SCALARS: Mapping[str, str] = {
    "alpha": Message("parameter of the activation"), "lambda_": Message("strength of the penalty"), "kappa": Message("threshold of the loss"),
}  # fmt: skip


def _meaning(net: Network, tensor: Tensor) -> str:
    """What a symbol is: from its part in the network, and from its letter only where a builder gave it that letter."""
    if tensor in net.targets:
        return Message("target")
    if tensor == net.loss.tensor:
        kind = next(e.rule for e in net.equations if e.tensor == tensor)
        return _COSTS.get(kind, Message("cost of one example") if net.samples is None and not net.typed else Message("cost"))
    if tensor in net.parameters:
        return _MEANINGS.get(tensor.name, _PARAMETER) if tensor.layer is not None else _PARAMETER
    if tensor in net.inputs:
        return Message("input")
    return _MEANINGS.get(tensor.name, _COMPUTED) if not net.typed else _COMPUTED


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
    """Where two branches of an activation meet, and the derivative that is taken there."""
    value = scalar(slope) if isinstance(slope, str) else S(slope)
    return Prose(
        "At {at} two branches meet, in general with a kink: then there is no derivative, and {slope} is taken.",
        {"at": Equation(VARIABLE, S(at)), "slope": Equation(Func(name, S(at), 1), value)},
    )


class Shape:
    """The shape of a tensor as a layout stores it, for a cell of a table."""

    def __init__(self, tensor: Tensor, layout: Layout) -> None:
        sizes = tensor.shape
        axes = [a for a in layout.axes(tensor) if a is not None] if tensor.rank <= 2 else range(tensor.rank)
        self.sizes = tuple(sizes[a] for a in axes)
        both = layout.axes(tensor) if 0 < tensor.rank <= 2 else ()
        self.stored = tuple(S.One if a is None else sizes[a] for a in both)


@dataclass(frozen=True)
class Held:
    """The layers that an equation holds for, in the letter that suits the equation, for a cell of a table."""

    layers: Layers
    equation: Equation


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


_SMALL = 12  # numbers in all parameters of a network whose equations are written out


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
    shapes = [x.shape for x in (*(e.tensor for e in net.equations), *net.parameters)]
    known = all(n.is_Integer for shape in shapes for n in shape)
    return known and sum(prod(map(int, x.shape)) for x in net.parameters) <= _SMALL
