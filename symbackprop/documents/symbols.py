"""The table of symbols: every letter of a network, what it is, and its shape."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from sympy import S, Symbol
from sympy.core.function import AppliedUndef

from symbackprop.backprop import Named
from symbackprop.documents.blocks import Prose, Table
from symbackprop.documents.manner import Shape, is_layered, layout_of, letters_of
from symbackprop.equations import Entry, Func, Layers, Tensor, entries, index, scalar, size, tensors
from symbackprop.languages import Message
from symbackprop.network import Network
from symbackprop.notation import Notation
from symbackprop.rules import ACTIVATIONS, formula_of
from symbackprop.typeset.build import Builder
from symbackprop.typeset.tree import Node, Operator, Space, join, row

__all__ = ["symbols_table"]

_MEANINGS: Mapping[str, str] = {
    "w": Message("weights, from each unit below to each unit of the layer"), "b": Message("biases"), "z": Message("pre-activations"),
    "a": Message("activations"), "L": Message("losses of the examples"),
}  # fmt: skip


def symbols_table(net: Network, notation: Notation, known: Mapping[str, str] = MappingProxyType({})) -> Table:
    """Every symbol of the network, what it is, and its shape as it is stored; `known` says what letters mean that somebody typed."""
    layout = layout_of(net, notation)
    found = [t for e in net.equations for t in (*tensors(e.rhs), e.tensor) if t.layer is None or not (t.layer.is_Add or t.layer == net.depth)]
    last = [t for e in net.equations for t in [e.at_layer(net.depth).tensor] if e.layers is not None and t.name in notation.output]
    units = _units(found, net.samples) if is_layered(net) else {}  # in a graph the number of a weight is no layer of units
    meanings: dict[Tensor, str] = {}
    for t in found:
        meaning = _LAST.get(t.name, _COMPUTED) if _is_output(net, notation, t) else known.get(t.name, _meaning(net, t))
        meanings.setdefault(_at_any_layer(net, notation, t, found, units), meaning)
    found = [*meanings]
    builder = Builder(notation, net.samples, last=net.last_layer)
    with_entries = {e.tensor.name for equation in net.equations for e in (equation.lhs, *entries(equation.rhs))}
    rows: list[tuple[Any, ...]] = [(_letters(builder, t) if t.name in with_entries else t, meanings[t], Shape(t, layout)) for t in found]
    rows += [(_letters(builder, t), _LAST.get(t.name, _COMPUTED), Shape(t, layout)) for t in last]
    for of, name in letters_of(net, notation).items():
        for t in (t for t in found if t.name == of):
            letter = Tensor(name.symbol, t.shape, t.layer)
            rows.append((_letters(builder, letter), _of_gradient(t, name), Shape(letter, layout)))
    for function in dict.fromkeys(f.name for e in net.equations for f in sorted(e.rhs.atoms(Func), key=str)):
        words = Prose("the activation {name}", {"name": function.replace("_", " ")}) if formula_of(function) else _ANY
        rows.append((builder.function_name(function), words, Message("a function of one number")))
    return Table((Message("symbol"), Message("meaning"), Message("shape")), (*rows, *_numbers(net, builder, found, units, known)), Message("Symbols"))


_MANY = 3  # layers, from which on one row says it for all of them


def _units(found: Sequence[Tensor], samples: Any) -> dict[int, Any]:
    """The number of units of each layer that has a number, that of the input included."""
    units: dict[int, Any] = {}
    for t in found:
        if t.rank and getattr(t.layer, "is_Integer", False):
            units[int(t.layer)] = t.shape[0]
            if t.rank == 2 and t.shape[1] != samples:
                units.setdefault(int(t.layer) - 1, t.shape[1])
    return dict(sorted(units.items()))


def _at_any_layer(net: Network, notation: Notation, tensor: Tensor, found: Sequence[Tensor], units: Mapping[int, Any]) -> Tensor:
    """The tensor at a layer l that stands for one at each of many layers; a tensor that is one of few, or unlike the others, itself."""
    alike = {t for t in found if t.name == tensor.name and t.layer is not None and not _is_output(net, notation, t)}
    if tensor not in alike or len(alike) < _MANY or not all(int(t.layer) in units for t in alike if t.layer.is_Integer):
        return tensor
    layer = index("l")
    sizes = (size("n", layer), size("n", layer - 1) if tensor in net.parameters else net.samples)[: tensor.rank]
    at = {n: {size("n", layer): n_l, size("n", layer - 1): units.get(n - 1)} for n, n_l in units.items()}
    if all(t.layer.is_Integer and t.shape == tuple(at[int(t.layer)].get(n, n) for n in sizes) for t in alike):
        return Tensor(tensor.name, sizes, layer)
    return tensor


def _is_output(net: Network, notation: Notation, tensor: Tensor) -> bool:
    """Whether a notation has a letter of its own for a quantity in the last layer."""
    return tensor.name in notation.output and bool(tensor.layer == net.last_layer)


def _letters(builder: Builder, tensor: Tensor) -> Node:
    """The letter of a whole tensor, and of its entries where they have another."""
    whole, notation = builder.whole(tensor), builder.notation
    letter = {1: notation.vector, 2: notation.matrix}.get(tensor.rank, {}).get(tensor.name)
    if letter is None or letter == notation.symbols.get(tensor.name, tensor.name):
        return whole
    units = iter("jk")
    entry = builder.entry(Entry(tensor, *(index("s" if n == builder.samples else next(units)) for n in tensor.shape)))
    return row(whole, Operator("comma"), Space("thin"), entry)


def _numbers(
    net: Network, builder: Builder, found: Sequence[Tensor], units: Mapping[int, Any], known: Mapping[str, str]
) -> Iterator[tuple[Any, ...]]:  # fmt: skip
    """The rows of the sizes, and of the numbers that formulas leave open."""
    sizes = dict.fromkeys(n for t in found for n in t.shape if not n.is_Integer)
    l, a_number = index("l"), Message("a number")  # noqa: E741 - the letter of a layer
    for n in dict.fromkeys(n.func(l) if isinstance(n, AppliedUndef) else n for n in sizes):
        if isinstance(n, AppliedUndef) and units:
            layers = builder.layers(Layers(l, S(min(units)), S(max(units))))
            counted = join([builder.number(count) for count in units.values()], Operator("comma"))
            yield n, Prose("number of units in layer {l}, for {layers}", {"l": l, "layers": layers}), counted
            continue
        words = Prose("number of units in layer {l}", {"l": l}) if isinstance(n, AppliedUndef) else known.get(str(n), Message("a size"))
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
