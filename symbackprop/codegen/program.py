"""The array program of a network: its forward and backward equations in order, each a statement over arrays.

Every statement comes from an equation of the notes: the same result, lifted to the same matrix tree under the same layout. What
has no matrix form is spelled out from its index form; what would overflow is put into its stable form first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from sympy import Integer, Symbol

from symbackprop.codegen.arrays import Array, Op, full, renamed
from symbackprop.codegen.backward import Found, backward_equations
from symbackprop.codegen.forms import FORMS
from symbackprop.codegen.logarithms import as_computed
from symbackprop.codegen.lowering import Lowering, storage
from symbackprop.codegen.naming import Names
from symbackprop.codegen.quantities import sought
from symbackprop.codegen.stable import Special, Stabilizer, sizes_of
from symbackprop.codegen.statements import Given, Statement, needed, owned
from symbackprop.equations import Abstract, Equation, Func, Grad, Tensor, entries, rename_tensors, scalar, tensors
from symbackprop.errors import InputError, SpecError, one_of
from symbackprop.languages import Message
from symbackprop.lift import Layout, lift_equation
from symbackprop.local import stand_ins
from symbackprop.network import Network
from symbackprop.notation import Notation, load_notation
from symbackprop.rules import ACTIVATIONS

__all__ = ["LAYOUTS", "Given", "Program", "Statement", "array_program", "stored_as"]


@dataclass(frozen=True)
class Program:
    """What is given, what is computed in which order, and what is returned.

    `sizes` says of which array and axis a size with a name is read; `gradients` names the gradient of each parameter.
    """

    net: Network
    notation: Notation
    params: tuple[Given, ...]
    inputs: tuple[Given, ...]
    targets: tuple[Given, ...]
    scalars: tuple[str, ...]
    sizes: Mapping[str, tuple[str, int]] = field(hash=False)
    size_names: Mapping[Any, str] = field(hash=False)
    statements: tuple[Statement, ...]
    loss: str
    gradients: Mapping[str, str] = field(hash=False)
    legend: tuple[str, ...] = ()

    @cached_property
    def least(self) -> Mapping[Any, int]:
        """How large each size with a name must be: no array is empty, and an entry that is read by its number is there."""
        found = dict.fromkeys(self.size_names, 1)
        for e in (entry for equation in self.net.equations for entry in entries(equation.rhs)):
            for i, n in zip(e.indices, e.tensor.shape, strict=True):
                if n in found and isinstance(i, Integer):
                    found[n] = max(found[n], int(i))
        return found

    @property
    def whole(self) -> bool:
        """Whether it computes the loss and its gradient by every parameter."""
        return not self.net.loss.indices and [*self.gradients] == [g.name for g in self.params]

    @property
    def title(self) -> str:
        """What it computes, in a few words."""
        if self.whole:
            return Message("loss and gradients")
        return Message("value and derivative of {name} by {names}", name=self.loss, names=", ".join(self.gradients))

    @property
    def returns(self) -> str:
        """What it returns, in a sentence."""
        if self.whole:
            return Message("The loss and its gradient with respect to every parameter, under the same keys and in the same shapes as params.")
        names = ", ".join(self.gradients)
        if self.net.loss.indices:
            return Message(
                "{name}, and a dict of its derivatives by {names}; each has the axes of {name}, then those of what it is taken by.",
                name=self.loss, names=names,
            )  # fmt: skip
        return Message("{name}, and a dict of its derivatives by {names}; each has the shape of what it is taken by.", name=self.loss, names=names)


def array_program(
    net: Network, notation: str | Notation | None = None, *, layout: str | None = None, of: str | None = None, wrt: Sequence[str] | None = None
) -> Program:
    """The array program of a network with concrete layers: the loss and all gradients, or the derivative of `of` by what is in `wrt`.

    `layout` says how arrays are stored where that is not to be as the notation has it: rows, columns or single.

    >>> from symbackprop.builders import mlp
    >>> [s.name for s in array_program(mlp([3, 2], samples="m")).statements]
    ['Z1', 'A1', 'L', 'J', 'Delta1', 'dW1', 'db1']

    Raises:
        SpecError: the network has a symbolic depth, an abstract cost, or no parameters.
        InputError: an expression has no array form that is known; the message names it.
    """
    if net.depth is not None:
        raise SpecError(f"'{net.name}' has a symbolic depth {net.depth}; code needs a number of layers, as mlp([784, 30, 10]) gives")
    for e in net.equations:
        if e.rhs.has(Abstract):
            raise SpecError(f"{e} leaves the cost open; code needs a registered loss or a formula")
    net = as_computed(net, {t.name for t in (*net.inputs, *net.targets)} if wrt is None else ())
    chosen = stored_as(_chosen(net, notation), layout, net)
    lies = chosen.layout(net.samples is not None, _weights(net, chosen))
    asked = sought(net, chosen, lies, of, wrt)
    return _Writer(asked.net, chosen, lies, asked.wrt).program(of is not None)


def _chosen(net: Network, notation: str | Notation | None) -> Notation:
    """The notation asked for; by default rows for samples, and for equations that somebody typed their own letters and axes."""
    if notation is None:
        return load_notation("rows") if net.details else replace(load_notation("nielsen"), matrix={})
    return notation if isinstance(notation, Notation) else load_notation(notation)


LAYOUTS: Mapping[str, Mapping[str, str]] = {
    "rows": {"samples": "rows", "vectors": "row", "weights": "from_to"},
    "columns": {"samples": "columns", "vectors": "column", "weights": "to_from"},
    "single": {"samples": "none", "vectors": "column", "weights": "to_from"},
}


def stored_as(notation: Notation, layout: str | None, net: Network) -> Notation:
    """The notation with arrays stored otherwise: `rows` X W + b, `columns` W A + b, `single` W a + b without an axis of samples.

    >>> from symbackprop.builders import mlp
    >>> stored_as(load_notation("nielsen"), "rows", mlp([2, 1], samples="m")).weights
    'from_to'
    """
    if layout is None:
        return notation
    if one_of("layout", layout, LAYOUTS) == "single" and net.samples is not None:
        raise InputError(f"layout='single' has no axis for the {net.samples} samples of '{net.name}'; choose rows or columns")
    return replace(notation, **LAYOUTS[layout])  # type: ignore[arg-type]


class _Writer:
    def __init__(self, net: Network, notation: Notation, layout: Layout, wrt: tuple[Tensor, ...]) -> None:
        self.net, self.notation, self.layout, self.wrt = net, notation, layout, wrt
        self.names = Names(notation, FORMS, net.loss.tensor)
        self.scalars = tuple(self.names.symbol(s) for s in _open_numbers(net))
        self.lowering = Lowering(self.names, self.layout)
        self.stable = Stabilizer(net)
        self._values: dict[Any, tuple[tuple[str, ...], Op]] = {}

    def given(self, tensors: tuple[Tensor, ...]) -> tuple[Given, ...]:
        return tuple(Given(self.names.of(t), t, self.shape(t), storage(t, self.layout)) for t in tensors)

    def shape(self, tensor: Tensor) -> tuple[Any, ...]:
        return tuple(tensor.shape[a] for a in storage(tensor, self.layout))

    def program(self, only_what_is_used: bool) -> Program:
        """The program; data and numbers that it does not use are left out of what is given where only some quantity is asked for."""
        net, names, scalars = self.net, self.names, self.scalars
        params, inputs, targets = map(self.given, (net.parameters, net.inputs, net.targets))
        statements = [s for e in net.equations for s in self.statements(e, e.label or Message("forward"))]
        found = list(backward_equations(net, {} if net.loss.indices else self.notation.named(net.samples is not None, net.samples), self.wrt))
        gradients: dict[str, str] = {}
        sought = {*self.wrt}
        for b in found:
            statements += self.statements(b.equation, names.called(b.label, b.tensor))
            if b.tensor in sought:
                statements[-1] = owned(statements[-1])
                gradients[names.of(b.tensor)] = statements[-1].name
        for p in self.wrt:
            if names.of(p) not in gradients:
                statements.append(self.nothing(Grad(net.loss.tensor, p)))
                gradients[names.of(p)] = statements[-1].name
        loss = names.of(net.loss.tensor)
        kept = needed(statements, {loss, *gradients.values()})
        used = {u for s in kept for u in s.uses}
        if only_what_is_used:
            inputs, targets = (tuple(g for g in group if g.name in used) for group in (inputs, targets))
            scalars = tuple(s for s in scalars if s in used)
        where: dict[Any, tuple[str, int]] = {}
        for g in (*inputs, *targets, *params):
            for axis, n in enumerate(g.shape):
                if n.is_Symbol:
                    where.setdefault(n, (g.name, axis))
        sizes = {names.symbol(n): place for n, place in where.items()}
        unknown = used - {s.name for s in kept} - {g.name for g in (*params, *inputs, *targets)} - {*scalars} - {*sizes}
        if unknown:
            raise SpecError(f"the size {', '.join(sorted(unknown))} cannot be read off any array that is given")
        return Program(
            net, self.notation, params, inputs, targets, scalars, {k: v for k, v in sizes.items() if k in used},
            {n: names.symbol(n) for n in where}, tuple(kept), loss,
            {names.of(p): gradients[names.of(p)] for p in self.wrt}, tuple(_legend(found, kept, loss, names)),
        )  # fmt: skip

    def nothing(self, gradient: Grad) -> Statement:
        """The gradient by what is on no way to what is differentiated."""
        shape, letters = self.shape(gradient), self._letters(gradient)
        value = full(Array(Op("number", (), Integer(0))), letters, [self.lowering.scalar(n).op for n in shape])
        return Statement(self.names.of(gradient), value, shape, "no path", Equation(gradient[letters], Integer(0)))

    def _letters(self, tensor: Tensor) -> tuple[Any, ...]:
        return tuple(self.lowering.new() for _ in range(tensor.rank))

    def statements(self, equation: Equation, label: str) -> Iterator[Statement]:
        """The statement of an equation, after those of the quantities that its stable form needs."""
        for item in self.stable.rewrite(equation):
            tensor = item.lhs.tensor
            said = equation if tensor == equation.tensor or isinstance(item, Special) else item
            own = self.layout if tensor == equation.tensor else None
            yield Statement(self.names.of(tensor), self.value(item), self.shape(tensor), label, said, own)

    def value(self, item: Special | Equation) -> Op:
        """The operation that computes an equation; those that differ only in what their tensors are called share one."""
        if isinstance(item, Special):
            return self.aligned(item, self.special(item))
        involved = tuple(dict.fromkeys((item.tensor, *tensors(item.rhs))))
        stand_in, _ = stand_ins(involved)
        pattern = rename_tensors(item.lhs, stand_in), rename_tensors(item.rhs, stand_in), tuple(storage(t, self.layout) for t in involved)
        names = tuple(map(self.names.of, involved))
        if pattern not in self._values:
            self._values[pattern] = names, self.aligned(item, self.array(item))
        known, value = self._values[pattern]
        return renamed(value, dict(zip(known, names, strict=True)))

    def special(self, item: Special) -> Array:
        source = self.lowering.stored(item.source.tensor, item.source.indices)
        if item.form != "one_hot":
            return self.lowering.vector(item.form, source, item.over)
        return self.lowering.one_hot(source, item.lhs.tensor.shape[item.lhs.indices.index(item.over)], item.over)

    def array(self, item: Equation) -> Array:
        """The right side of an equation: its matrix tree, or the index expression where it has none."""
        tree = lift_equation(item, self.layout)
        if tree is None:
            self.lowering.sizes = sizes_of(item)
            self.lowering.order = [item.lhs.indices[a] for a in storage(item.tensor, self.layout)]
            return self.lowering.entries(item.rhs)
        called = [None if a is None else item.lhs.indices[a] for a in tree.lhs.axes]
        return self.lowering.node(tree.rhs, *(self.lowering.new() if k is None else k for k in called))

    def aligned(self, item: Special | Equation, array: Array) -> Op:
        """The array laid out as the left side is stored."""
        tensor, indices = item.lhs.tensor, item.lhs.indices
        axes = tuple(indices[a] for a in storage(tensor, self.layout))
        if not {*array.axes} <= {*axes}:
            raise InputError(f"no code is known for {item}: it has more axes than its left side")
        if not axes and isinstance(item, Equation) and not tensors(item.rhs):
            return Op("full", (array.op,))  # what is made of numbers alone takes the dtype of the arrays, and libraries' functions take it
        return full(array, axes, [self.lowering.scalar(n).op for n in self.shape(tensor)])


def _weights(net: Network, notation: Notation) -> set[str]:
    """The weight matrices: parameters of two axes, all stored the same way."""
    return {*notation.weight_names} | {p.name for p in net.parameters if p.rank == 2}


def _open_numbers(net: Network) -> list[Any]:
    """The numbers a network leaves open, those of its activations included, by name."""
    found = {s for e in net.equations for s in e.rhs.atoms(Symbol) if s.is_integer is not True}
    functions = {f.name for e in net.equations for f in e.rhs.atoms(Func)} & {*ACTIVATIONS}
    return sorted(found | {scalar(s) for f in functions for s in ACTIVATIONS[f].scalars}, key=str)


def _legend(found: list[Found], kept: list[Statement], loss: str, names: Names) -> Iterator[str]:
    """What a letter of a gradient stands for where its name does not say it."""
    present = {s.name for s in kept}
    for b in found:
        letter, of = names.of(b.equation.tensor), names.of(b.tensor)
        if letter in present and (letter != f"d{of}" or b.factor != 1):
            yield f"{letter} = {'' if b.factor == 1 else f'{b.factor} '}d{loss}/d{of}"

