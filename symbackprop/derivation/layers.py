"""For which layers an equation holds that backpropagation finds: where all the equations that it leans on hold."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sympy import sympify

from symbackprop.backprop import Backward
from symbackprop.equations import Equation, Layers, Tensor, tensors
from symbackprop.network import Network

__all__ = ["layers_of", "within"]


def layers_of(net: Network, b: Backward, leaning_on: Iterable[Equation] = ()) -> Layers | None:
    """The layers at which a gradient is found in this way: of its own equation, of those that use it, and of what was put in.

    None where it belongs to one layer, or to none.

    >>> from symbackprop.backprop import backpropagate
    >>> from symbackprop.builders import deep
    >>> net = deep()
    >>> [(str(b.wrt), str(found.low), str(found.high)) for b in backpropagate(net) if (found := layers_of(net, b))]
    [('a(l)[j]', '1', 'L - 1'), ('z(l)[j]', '1', 'L'), ('b(l)[j]', '1', 'L'), ('w(l)[j, k]', '1', 'L')]
    """
    layer = b.tensor.layer
    if layer is None or layer == net.depth or not layer.is_Symbol:
        return None
    families = [_family(net, t, layer) for t in (b.tensor, *(p.source.tensor for p in b.paths))]
    return within([found for found in (*families, *(e.layers for e in leaning_on)) if found is not None])


def within(ranges: Iterable[Layers]) -> Layers | None:
    """The layers that all the ranges have in common; None if there are none.

    >>> from symbackprop.equations import index
    >>> l, L = index("l"), index("L")
    >>> within([Layers(l, 1, L - 1), Layers(l, 0, L)])
    Layers(symbol=l, low=1, high=L - 1)
    """
    found: Layers | None = None
    for one in ranges:
        found = one if found is None else Layers(found.symbol, _largest(found.low, one.low), _least(found.high, one.high))
    return found


def _largest(one: Any, other: Any) -> Any:
    return other if sympify(other - one, strict=True).is_positive else one


def _least(one: Any, other: Any) -> Any:
    return other if sympify(one - other, strict=True).is_positive else one


def _family(net: Network, tensor: Tensor, symbol: Any) -> Layers | None:
    """The layers that the equation of a tensor at l, or at l + 1, allows to l; for what is given, those of the equation that uses it."""
    for e in net.equations:
        named = e.tensor.name == tensor.name or (net.equation(tensor) is None and tensor in tensors(e.rhs))
        if e.layers is not None and named and tensor.layer is not None:
            ahead = tensor.layer - symbol
            return Layers(symbol, sympify(e.layers.low, strict=True) - ahead, sympify(e.layers.high, strict=True) - ahead)
    return None
