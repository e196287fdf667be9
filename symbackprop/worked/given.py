"""The numbers that somebody gives to a network, by name, as exact fractions; each complaint names the array and the place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any

from sympy import Symbol

from symbackprop.equations import Abstract, Entry, Tensor, scalar, tensors
from symbackprop.errors import InputError, SpecError, one_of
from symbackprop.network import Network
from symbackprop.rules import ACTIVATIONS

__all__ = ["fraction", "given_numbers", "name_of", "wanted"]


def name_of(source: Any) -> str:
    """What an array is called where its numbers are given: `w1` for the weights of layer 1, `x`, `y`, or the name of a number."""
    return str(source) if isinstance(source, Symbol) or source.layer is None else f"{source.name}{source.layer}"


def wanted(net: Network) -> dict[str, Any]:
    """Everything that needs numbers, by its name: parameters, inputs, targets, and numbers that formulas leave open.

    Raises `SpecError` for a network of symbolic depth, of open sizes or of an open cost.

    >>> from symbackprop.builders import mlp
    >>> list(wanted(mlp([2, 3, 1])))
    ['w1', 'b1', 'w2', 'b2', 'x', 'y']
    """
    if net.depth is not None:
        raise SpecError(f"'{net.name}' has the depth {net.depth}; numbers need a number of layers, as sizes = [2, 3, 1] gives")
    for e in net.equations:
        if e.rhs.has(Abstract):
            raise SpecError(f"{e} leaves the cost open; numbers need a registered loss or a formula")
        for t in (e.tensor, *tensors(e.rhs)):
            if free := [str(n) for n in t.shape if not n.is_Integer]:
                raise SpecError(f"the size {free[0]} of {t} is open; numbers need sizes that are numbers")
    scalars = {s for e in net.equations for s in e.rhs.atoms(Symbol) if not s.is_integer}
    scalars |= {scalar(name) for e in net.equations if e.rule in ACTIVATIONS for name in ACTIVATIONS[e.rule].scalars}
    return {name_of(t): t for t in (*net.parameters, *net.inputs, *net.targets, *sorted(scalars, key=str))}


def given_numbers(net: Network, values: Mapping[str, Any]) -> dict[Any, Fraction]:
    """The number of each entry that no equation computes, from arrays by name, their axes as in the equations: `w1[j][k]` from k to j.

    A decimal is taken as it is written, and "1/3" is a third. Raises `UnknownName` for a name, `InputError` for numbers that are
    missing, do not fit or are none.

    >>> from symbackprop.builders import mlp
    >>> net = mlp([2, 1], bias=False)
    >>> {str(e): str(v) for e, v in given_numbers(net, {"w1": [[0.5, "1/3"]], "x": [1, 2], "y": [0]}).items()}
    {'w(1)[1, 1]': '1/2', 'w(1)[1, 2]': '1/3', 'x[1]': '1', 'x[2]': '2', 'y[1]': '0'}
    """
    sources = wanted(net)
    for name in values:
        one_of("array of numbers", name, sources)
    if missing := [name for name in sources if name not in values]:
        raise InputError(f"no numbers are given for {', '.join(missing)}; they stand in the table [values], as docs/worked.md shows")
    found: dict[Any, Fraction] = {}
    for name, source in sources.items():
        shape = tuple(map(int, source.shape)) if isinstance(source, Tensor) else ()
        for place, number in _entries(name, values[name], shape):
            found[Entry(source, *place) if isinstance(source, Tensor) else source] = number
    if net.target == "class":
        _classes(net, found)
    return found


def fraction(name: str, value: Any) -> Fraction:
    """A number as it is written: 0.1 is a tenth."""
    try:
        if not isinstance(value, bool) and isinstance(value, (int, float, str, Decimal, Fraction)):
            return Fraction(str(value))
    except (ValueError, ZeroDivisionError):
        raise InputError(f'{name} must be a number, such as 0.5 or "1/3", not {value!r}') from None
    raise InputError(f'{name} must be a number, such as 0.5 or "1/3", not {value!r}')


def _entries(name: str, value: Any, shape: tuple[int, ...], at: tuple[int, ...] = ()) -> Iterator[tuple[tuple[int, ...], Fraction]]:
    value = value.tolist() if hasattr(value, "tolist") else value
    where = name + "".join(f"[{i - 1}]" for i in at)
    if not shape:
        yield at, fraction(where, value)
        return
    size = " by ".join(map(str, shape))
    if not isinstance(value, (list, tuple)) or len(value) != shape[0]:
        found = f"{len(value)} of them" if isinstance(value, (list, tuple)) else repr(value)
        raise InputError(f"{where} must be a list of {size} numbers, one axis within the other, not {found}")
    for i, part in enumerate(value, 1):
        yield from _entries(name, part, shape[1:], (*at, i))


def _classes(net: Network, found: Mapping[Any, Fraction]) -> None:
    scored = next(e.tensor for e in reversed(net.equations) if e.tensor.rank > net.targets[0].rank)
    for entry, number in found.items():
        if isinstance(entry, Entry) and entry.tensor in net.targets and number not in range(1, int(scored.shape[0]) + 1):
            raise InputError(f"{name_of(entry.tensor)} is the number of a class, from 1 to {scored.shape[0]}, not {number}")
