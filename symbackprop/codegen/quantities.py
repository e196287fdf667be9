"""What may be computed of a network besides its loss and all gradients: one gradient, a Jacobian, the Hessian times a vector.

Each is again a network: what is differentiated takes the place of the loss, and a derivative is a list of equations like any
other, so that it can be differentiated again.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sympy import Integer

from symbackprop.codegen.backward import backward_equations
from symbackprop.codegen.forms import FORMS
from symbackprop.codegen.logarithms import as_computed
from symbackprop.codegen.lowering import storage
from symbackprop.codegen.naming import Names
from symbackprop.equations import Direction, Entry, Equation, Tensor, add, index, mul, summation
from symbackprop.errors import InputError, SpecError, one_of
from symbackprop.lift import Layout
from symbackprop.network import Network
from symbackprop.notation import Notation

__all__ = ["Sought", "directional", "sought"]


@dataclass(frozen=True)
class Sought:
    """What is differentiated, as the loss of `net`, and by what; a loss with letters for its indices stands for all its entries."""

    net: Network
    wrt: tuple[Tensor, ...]


def sought(net: Network, notation: Notation, layout: Layout, of: str | None, wrt: Sequence[str] | None) -> Sought:
    """What the names `of` and `wrt`, as they stand in the code, ask for: the loss and all parameters where nothing is said.

    `of` is a quantity, `A2`, or one entry of it, `A2[0, 3]`, counted from 0 along the axes of its array.

    >>> from symbackprop.builders import mlp
    >>> from symbackprop.notation import load_notation
    >>> rows = load_notation("rows")
    >>> sought(mlp([2, 3], samples="m"), rows, rows.layout(True), "A1", ["W1"]).net.loss
    a(1)[i_1, i_2]
    """
    names = Names(notation, FORMS, net.loss.tensor)
    computed = {names.of(e.tensor): e.tensor for e in net.equations}
    given = {names.of(t): t for t in (*net.parameters, *net.inputs)}
    if isinstance(wrt, str):
        raise InputError(f"wrt is a list of names, wrt=['{wrt}'], not one name")
    by = net.parameters if wrt is None else tuple({**given, **computed}[one_of("quantity", n, {**given, **computed})] for n in dict.fromkeys(wrt))
    if wrt is not None and not by:
        raise InputError("wrt names nothing; leave it out for all parameters, or list some, wrt=['" + "', '".join(list(given)[:2]) + "']")
    if not by:
        raise SpecError(f"'{net.name}' has no parameters; list under parameters what gradients are wanted for")
    if of is None:
        return Sought(net, by)
    name, _, place = str(of).partition("[")
    tensor = computed[one_of("computed quantity", name.strip(), computed)]
    if tensor in by:
        raise InputError(f"{name} is to be differentiated by itself; leave it out of wrt")
    if not place:
        loss = tensor[tuple(index(f"i_{n}") for n in range(1, tensor.rank + 1))]
        return Sought(replace(net, loss=loss), by)
    at = _place(tensor, storage(tensor, layout), of, place)
    entry = Tensor("_".join([name.strip(), *(str(i - 1) for i in at)]))
    indices = dict(zip(storage(tensor, layout), at, strict=True))
    equation = Equation(entry(), tensor[tuple(indices[a] for a in range(tensor.rank))], label="entry")
    return Sought(replace(net, equations=(*net.equations, equation), loss=entry()), by)


def _place(tensor: Tensor, axes: Sequence[int], of: str, place: str) -> list[Any]:
    """The indices of one entry, along the axes of the array and counted from 1."""
    found = re.fullmatch(r"\s*(\d+(?:\s*,\s*\d+)*)\s*\]\s*", place)
    at = [int(n) for n in found[1].split(",")] if found else []
    sizes = [tensor.shape[a] for a in axes]
    if len(at) != len(sizes) or any(isinstance(n, Integer) and i >= n for i, n in zip(at, sizes, strict=True)):
        shape = f"({', '.join(map(str, sizes))}{',' if len(sizes) == 1 else ''})"
        raise InputError(f"'{of}' is no entry: the array has shape {shape}, and one number for each axis is expected, counted from 0")
    return [Integer(i + 1) for i in at]


def directional(net: Network) -> Network:
    """The network whose loss is the slope of the loss of `net` along a direction v, `sum_w sum_jk dC/dw_jk v_w_jk`.

    Its equations are those of `net`, those of its gradients, and this sum; its first inputs are the directions, one for each
    parameter and in its shape. Its gradient is therefore the Hessian times v. `SpecError` if the loss depends on no parameter.

    >>> import symbackprop as sb
    >>> f = sb.compile(directional(sb.mlp([2, 1], activation="identity", samples="m")))
    >>> [g.name for g in f.program.inputs]
    ['vW1', 'vb1', 'X']
    """
    net = as_computed(net)
    found = list(backward_equations(net, {}, net.parameters))
    along: dict[Tensor, Tensor] = {}
    for p in net.parameters:
        along[p] = Direction(p)
        while along[p] in net.inputs:  # the way along another direction is a direction itself
            along[p] = Direction(along[p])
    gradients = [f.equation.lhs for f in found if f.tensor in along]
    if not gradients:
        raise SpecError(f"{net.loss} depends on no parameter; list under parameters what gradients are wanted for")
    earlier = sum(e.label == "slope" for e in net.equations)
    name = f"slope{earlier + 1}_" if earlier else "slope"
    sums: list[Equation] = []
    for number, gradient in enumerate(gradients, 1):  # term by term, so that each equation is short however many there are
        product = mul(gradient, Entry(along[gradient.tensor.wrt], *gradient.indices))
        limits = tuple((i, 1, n) for i, n in zip(gradient.indices, gradient.tensor.shape, strict=True))
        layer, label = (number, f"slope-{number}") if number < len(gradients) else (None, "slope")
        total = add(*(e.lhs for e in sums[-1:]), summation(product, *limits) if limits else product)
        sums.append(Equation(Tensor(name, (), layer)(), total, label=label))
    return replace(
        net, equations=(*net.equations, *(replace(f.equation, label=f.label) for f in found), *sums), loss=sums[-1].lhs,
        inputs=(*along.values(), *net.inputs), name=f"{net.name}, along a direction",
    )  # fmt: skip
