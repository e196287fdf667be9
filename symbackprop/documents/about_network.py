"""Notes on one network: its equations, a derivation for each gradient, the results in every view, all of it proved."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sympy import S, preorder_traversal

from symbackprop.backprop import Backward, Named, backpropagate
from symbackprop.derivation import Derivation, Reference, gradient_derivation
from symbackprop.documents.blocks import Block, Chain, Equations, Heading, Prose, Proved, Section, Table, definition
from symbackprop.elements import instances, written_out
from symbackprop.equations import Entry, Equation, Grad, Partial, Tensor, tensors
from symbackprop.lift import Layout, lift_equation
from symbackprop.network import Network
from symbackprop.notation import Notation
from symbackprop.prove import checked, naming_equations, prove, prove_derivation, prove_matrix, require

__all__ = [
    "Shape", "as_entry", "backward_chains", "elementwise_blocks", "forward_blocks", "network_sections", "proved_chain",
    "results_table", "symbols_table", "with_headings",
]  # fmt: skip

_MEANINGS: Mapping[str, str] = {
    "x": "input", "y": "target", "w": "weights, from each unit below to each unit of the layer", "b": "biases", "z": "pre-activations",
    "a": "activations", "C": "cost", "J": "cost, averaged over the examples", "L": "loss of one example",
    "delta": "error: the derivative of the cost with respect to the pre-activations", "p": "probabilities",
}  # fmt: skip

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
    named = notation.named(net.samples is not None) if named is None else named
    definitions = naming_equations(net, named)
    layout = notation.layout(net.samples is not None) if layout is None else layout
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
            (known if b.definition is None else lettered).append(Equation(b.equation.lhs, derivation.result.rhs, label=name))
        chains.append(proved_chain(derivation, definitions))
    return chains


def name_of(net: Network, b: Backward) -> str:
    """BP1 for the error of the output, BP2 for the others, BP3 for biases, BP4 for weights; concrete layers get their number."""
    tensor = b.tensor
    if tensor.layer is None:
        kind = None
    elif tensor in net.parameters:
        kind = {"b": "BP3", "w": "BP4"}.get(tensor.name)
    else:
        layers = [e.tensor.layer for e in net.equations if e.tensor.name == "z" and e.tensor.layer is not None]
        last = net.depth if net.depth is not None else max(layers, default=None)
        kind = None if tensor.name != "z" else "BP1" if tensor.layer == last else "BP2"
    if kind is None:
        return f"d{net.loss.tensor}-d{tensor.name}" + (f"-{tensor.layer}" if tensor.layer is not None else "")
    numbered = tensor.layer is not None and getattr(tensor.layer, "is_Integer", False) and kind != "BP1"
    return f"{kind}-{tensor.layer}" if numbered else kind


def forward_blocks(net: Network, notation: Notation) -> list[Block]:
    """The forward equations in index form and, where they have one, in matrix form."""
    blocks: list[Block] = [Equations(tuple(definition(e) for e in net.equations), label="forward")]
    layout = notation.layout(net.samples is not None)
    forms = [(e, lift_equation(e, layout)) for e in net.equations if any(t.rank for t in (e.tensor, *tensors(e.rhs)))]
    shown = tuple(Proved(m, checked(prove_matrix(e, m, net), m)) for e, m in forms if m is not None)
    if shown:
        blocks += [Prose("In matrix form:"), Equations(shown, label="forward-matrix")]
    if net.facts:
        blocks += [Prose("The targets satisfy"), Equations(tuple(definition(f) for f in net.facts))]
    return blocks


def symbols_table(net: Network, notation: Notation, extra: Sequence[tuple[Any, str, Any]] = ()) -> Table:
    """Every symbol of the network, what it is, and its shape as it is stored."""
    layout = notation.layout(net.samples is not None)
    seen: dict[str, tuple[Any, ...]] = {}
    for e in net.equations:
        for t in (*tensors(e.rhs), e.tensor):
            seen.setdefault(f"{t.name}{t.layer is None}", (t, _MEANINGS.get(t.name, "computed"), Shape(t, layout)))
    rows = [*seen.values()]
    for name in ("delta", "dz"):
        if any(n.symbol == name for n in notation.named(net.samples is not None).values()):
            z = next((e.tensor for e in net.equations if e.tensor.name == "z"), None)
            if z is not None:
                letter = Tensor(name, z.shape, z.layer)
                rows.append((letter, _MEANINGS["delta"], Shape(letter, layout)))
    return Table(("symbol", "meaning", "shape"), tuple(rows) + tuple(extra), "Symbols")


class Shape:
    """The shape of a tensor as a layout stores it, for a cell of a table."""

    def __init__(self, tensor: Tensor, layout: Layout) -> None:
        sizes = tensor.shape
        axes = [a for a in layout.axes(tensor) if a is not None] if tensor.rank <= 2 else range(tensor.rank)
        self.sizes = tuple(sizes[a] for a in axes)
        both = layout.axes(tensor) if 0 < tensor.rank <= 2 else ()
        self.stored = tuple(S.One if a is None else sizes[a] for a in both)


def results_table(chains: Sequence[Chain], caption: str = "Results") -> Table:
    """The last line of each derivation, with its matrix form."""
    rows = []
    for c in chains:
        d = c.derivation
        rows.append((Reference(d.name), d.result, d.matrix if d.matrix is not None else "no matrix form"))
    return Table(("", "index form", "matrix form"), tuple(rows), caption)


def elementwise_blocks(net: Network, equations: Sequence[Equation], definitions: Sequence[Equation] = ()) -> list[Block]:
    """Each equation written out for every value of its indices, sums term by term; each is proved."""
    items: list[Proved] = []
    for e in equations:
        for one in instances(e):
            shown = Equation(one.lhs, written_out(one.rhs), e.rule, e.label, e.relation)
            items.append(Proved(shown, checked(prove(one.rhs, shown.rhs, net, {}, definitions=definitions), shown)))
    return [Equations(tuple(items))]


_SMALL = 12


def network_sections(net: Network, notation: Notation, progress: Progress = lambda name: None) -> list[Section]:
    """The notes on one network: symbols and forward pass, the gradients, the results, and for a small network every element."""
    named = notation.named(net.samples is not None)
    chains = backward_chains(net, notation, named=named, progress=progress)
    sections = [
        Section("forward", "The network", (symbols_table(net, notation), Prose("Forward pass:"), *forward_blocks(net, notation)), notation),
        Section("backward", "The gradients", tuple(with_headings(chains)), notation),
        Section("results", "Results", (results_table(chains),), notation),
    ]
    if _is_small(net):
        definitions = naming_equations(net, named)
        results = [Equation(as_entry(c.derivation.result.lhs), c.derivation.result.rhs) for c in chains]
        blocks = [
            Prose("The forward pass, element by element:"), *elementwise_blocks(net, net.equations),
            Prose("And the gradients:"), *elementwise_blocks(net, results, definitions),
        ]  # fmt: skip
        sections.append(Section("elements", "Element by element", tuple(blocks), notation))
    return sections


def as_entry(lhs: Any) -> Any:
    """dC/dx, spelled as a fraction, as the entry of its tensor."""
    return Entry(Grad(lhs.of.tensor, lhs.wrt.tensor), *lhs.wrt.indices) if isinstance(lhs, Partial) else lhs


def _is_small(net: Network) -> bool:
    sizes = [n for e in net.equations for n in e.tensor.shape] + [n for t in net.parameters for n in t.shape]
    if not all(getattr(n, "is_Integer", False) for n in sizes):
        return False
    total = 0
    for t in net.parameters:
        count = 1
        for n in t.shape:
            count *= int(n)
        total += count
    return total <= _SMALL


