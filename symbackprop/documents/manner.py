"""How a network is printed: its axes, its order of indices, the letters of its gradients, and the shapes and layers in cells of tables."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sympy import S

from symbackprop.backprop import Named
from symbackprop.equations import Equation, Layers, Tensor, tensors
from symbackprop.letters import Letter, letters
from symbackprop.lift import Layout
from symbackprop.network import Network
from symbackprop.notation import Notation
from symbackprop.rules import LOSSES

__all__ = ["Held", "Shape", "as_typed", "is_layered", "layout_of", "letters_of", "style_of"]


def layout_of(net: Network, notation: Notation) -> Layout:
    """How a network's quantities are stored: as the notation says, but equations that somebody typed keep their own axes."""
    return Layout("as written", row_vectors=notation.vectors == "row") if net.typed else notation.layout(net.samples is not None)


def style_of(net: Network, notation: Notation) -> Notation:
    """The notation a network is printed in; of equations that somebody typed, and in a graph of named layers, no two quantities get one letter."""
    if is_layered(net):
        return notation
    return _apart(net, as_typed(notation) if net.typed else _as_graph(net, notation))


def is_layered(net: Network) -> bool:
    """Whether what a network computes has layers with numbers: no equations that somebody typed, and no graph of named layers."""
    return not net.typed and any(e.tensor.layer is not None for e in net.equations)


def _as_graph(net: Network, notation: Notation) -> Notation:
    """A notation for layers that have names and no numbers: the number of a weight only counts, and looks neither like a power nor like a layer.

    All that is computed has gradients that look like those by activations, whatever it is called; an error without a layer would
    look like a Kronecker delta.
    """
    style = "parentheses" if notation.layer_style == "plain" else notation.layer_style
    computed = tuple(e.tensor.name for e in net.equations if e.rule not in LOSSES)
    nabla = tuple(dict.fromkeys((*notation.nabla, *(computed if "a" in notation.nabla else ()))))
    lettered = notation.gradients.get("a")
    gradients = {**notation.gradients, **{name: {**lettered, "symbol": f"d{name}"} for name in computed}} if lettered is not None else {}
    symbols = {**{f"d{name}": f"d {notation.symbols.get(name, name)}" for name in computed if name in gradients}, **notation.symbols}
    return replace(
        notation, layer_style=style, input_layer=0, weight_layer="to", layer_names=(), nabla=nabla, gradients=gradients, symbols=symbols
    )  # fmt: skip


def _apart(net: Network, notation: Notation) -> Notation:
    """The notation without its letters for quantities that would be printed like others: these keep the names they were typed by."""
    by_letter: dict[tuple[Letter, ...], set[str]] = {}
    for t in dict.fromkeys(t for e in net.equations for t in (e.tensor, *tensors(e.rhs))):
        entry = notation.symbols.get(t.name, t.name)
        whole = {1: notation.vector, 2: notation.matrix}.get(t.rank, {}).get(t.name, entry)
        for text in (entry, whole):
            by_letter.setdefault(_look(text), set()).add(t.name)
    alike = {name for names in by_letter.values() if len(names) > 1 for name in names}
    tables = (notation.symbols, notation.vector, notation.matrix)
    symbols, vector, matrix = ({name: text for name, text in table.items() if name not in alike} for table in tables)
    return notation if (symbols, vector, matrix) == tables else _apart(net, replace(notation, symbols=symbols, vector=vector, matrix=matrix))


def _look(text: str) -> tuple[Letter, ...]:
    """Letters by what a reader tells apart: an upright word is the same word."""
    return tuple(replace(letter, style="" if letter.style == "upright" else letter.style) for letter in letters(text))


def as_typed(notation: Notation) -> Notation:
    """A notation for equations that somebody typed: they keep their own order of indices, and a letter that has a nabla elsewhere is any letter."""
    return replace(notation, weight_index="to_from", sample_style="subscript", nabla=(), nabla_bare=())


def letters_of(net: Network, notation: Notation) -> dict[str, Named]:
    """The gradients that get a letter: where there are layers, so that the error cannot be taken for a Kronecker delta."""
    return {} if net.typed else style_of(net, notation).named(net.samples is not None, net.samples)


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
