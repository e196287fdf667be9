"""The numbers of a network at given values: every quantity, every gradient, the updates; each found in two ways, and by the compiled function."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from flint import arb
from sympy import Integer, Rational, S, Sum, Symbol

from symbackprop.codegen.function import GradientFunction
from symbackprop.codegen.program import Given
from symbackprop.documents.about_network import as_entry
from symbackprop.elements import instances, places, written_out
from symbackprop.equations import Entry, Equation, Tensor, add, entries, mul, substitute, tensors
from symbackprop.errors import InputError, NotProved
from symbackprop.evaluate import Point, compare
from symbackprop.evaluate.balls import ball, precision
from symbackprop.network import Network
from symbackprop.rules import formula_of
from symbackprop.unfolding import with_formulas
from symbackprop.worked.given import name_of

__all__ = ["DIGITS", "Line", "Number", "Slope", "at_values", "given", "lines", "require_compiled", "require_facts", "updated"]

DIGITS = 60
_AGREE = 40  # so many digits both sides of a line must have in common
_FLOAT = 1e-7  # by so much of the largest entry of its array a number in float64 may miss


@dataclass(frozen=True)
class Number:
    """A number as a ball, and as a fraction where it is known to be one; `given` is one that the author wrote."""

    ball: Any
    fraction: Fraction | None = None
    given: bool = False


@dataclass(frozen=True)
class Line:
    """One entry, the formula it is computed by with its sums written out, and its number."""

    lhs: Any
    formula: Any
    number: Number
    relation: str = "="


@dataclass(frozen=True)
class Slope:
    """The entry that a gradient of the cost is called by, `factor` times that gradient."""

    entry: Entry
    factor: Any = S.One

    def at(self, place: Sequence[Any]) -> Entry:
        """The same gradient by the entry at a place."""
        return Entry(self.entry.tensor, *place)


def given(value: Fraction) -> Number:
    """A number that the author wrote."""
    with precision(DIGITS):
        return Number(ball(value), value, True)


def at_values(net: Network, definitions: Sequence[Equation], numbers: Mapping[Any, Number]) -> Point:
    """The point of ball arithmetic at which the parameters, the inputs and the targets have these numbers."""
    values: dict[Any, Any] = {}
    for entry, number in numbers.items():
        exact = number.ball if number.fraction is None else number.fraction
        if isinstance(entry, Entry):
            values.setdefault(entry.tensor, {})[tuple(map(int, entry.indices))] = exact
        else:
            values[entry] = exact
    return Point([*net.equations, *definitions], {}, digits=DIGITS, functions=formula_of, values=values)


def lines(net: Network, equation: Equation, point: Point, numbers: dict[Any, Number], exact: bool) -> Iterator[Line]:
    """Each entry of an equation with its number, which joins `numbers`; `NotProved` if the two sides differ at the point.

    A gradient on the left is found by power series, which knows nothing of the formula on the right.
    """
    for one in instances(Equation(as_entry(equation.lhs), equation.rhs)):
        formula = substitute(written_out(one.rhs), _labels(net, numbers))
        left, right = point.value(one.lhs), point.value(formula)
        with precision(DIGITS):
            difference, scale = left - right, abs(left) + 1
            if not difference.contains(0) or not difference.rad() <= scale * arb(f"1e-{_AGREE}"):
                raise NotProved(f"{one.lhs} is {left.str(15)}, but {formula} is {right.str(15)}")
        found = Number(left, _rational(formula, numbers) if exact else None)
        numbers[one.lhs] = found
        yield Line(one.lhs, formula, found)


def _labels(net: Network, numbers: Mapping[Any, Number]) -> dict[Any, Any]:
    """The class of each example, which chooses an entry."""
    if net.target != "class":
        return {}
    return {e: Integer(n.fraction) for e, n in numbers.items() if isinstance(e, Entry) and e.tensor in net.targets}


def _rational(formula: Any, numbers: Mapping[Any, Number]) -> Fraction | None:
    """The value of a formula whose numbers are all fractions, where it is a fraction again."""
    known = {e: Rational(n.fraction.numerator, n.fraction.denominator) for e, n in numbers.items() if n.fraction is not None}
    value = with_formulas(formula).xreplace(known).doit()
    return Fraction(int(value.p), int(value.q)) if value.is_Rational else None


def updated(numbers: Mapping[Any, Number], slopes: Mapping[Tensor, Slope], rate: Symbol) -> Iterator[Line]:
    """One step of gradient descent, `w - eta dC/dw` for each entry of each parameter that the cost depends on."""
    for t, slope in slopes.items():
        for w in places(t):
            g = slope.at(w.indices)
            formula = add(w, mul(-1, rate, S.One / slope.factor, g))
            value, eta, gradient = numbers[w], numbers[rate], numbers[g]
            exact = None
            if value.fraction is not None and gradient.fraction is not None and eta.fraction is not None:
                exact = value.fraction - eta.fraction * gradient.fraction / Fraction(str(slope.factor))
            with precision(DIGITS):
                moved = value.ball - eta.ball * gradient.ball / ball(Fraction(str(slope.factor)))
            yield Line(w, formula, Number(moved, exact), "to")


def require_facts(net: Network, point: Point) -> None:
    """`InputError` if the targets do not meet what the gradients lean on, such as that they sum to 1."""
    for fact in net.facts:
        bound = {k for s in fact.lhs.atoms(Sum) for k, _, _ in s.limits}
        ranges = {i: n for e in entries(fact.lhs) for i, n in zip(e.indices, e.tensor.shape, strict=True) if i.is_Symbol and i not in bound}
        if compare(fact.lhs, fact.rhs, point, ranges) is not None:
            names = ", ".join(name_of(t) for t in tensors(fact.lhs))
            raise InputError(f"the numbers of {names} must satisfy {fact}: the gradients lean on that")


def require_compiled(f: GradientFunction, net: Network, numbers: Mapping[Any, Number], slopes: Mapping[Tensor, Slope]) -> int:
    """How many numbers the compiled function was asked for, the cost and every gradient; `NotProved` if one differs."""
    program = f.program
    arrays = {g.name: _stored(g, g.tensor, numbers) for g in (*program.params, *program.inputs, *program.targets)}
    if net.target == "class":
        arrays |= {g.name: arrays[g.name].astype(int) - 1 for g in program.targets}  # arrays count classes from 0, equations from 1
    scalars: dict[str, Any] = {str(s): float(n.ball) for s, n in numbers.items() if str(s) in program.scalars}
    params = {g.name: arrays[g.name] for g in program.params}
    loss, grads = f(params, *(arrays[g.name] for g in (*program.inputs, *program.targets)), **scalars)
    found: list[tuple[Any, Any, Any]] = [(net.loss, np.asarray(loss), np.asarray(float(numbers[net.loss].ball)))]
    for g in program.params:
        if g.tensor in slopes:
            slope = slopes[g.tensor]
            found.append((g.name, np.asarray(grads[g.name]) * float(slope.factor), _stored(g, slope.entry.tensor, numbers)))
    for name, theirs, ours in found:
        if not np.allclose(theirs, ours, rtol=0, atol=_FLOAT * float(np.max(np.abs(ours)))):
            raise NotProved(f"the numbers of {name} are {ours.tolist()}, but the compiled function has {theirs.tolist()}")
    return sum(ours.size for _, _, ours in found)


def _stored(g: Given, tensor: Tensor, numbers: Mapping[Any, Number]) -> Any:
    """The numbers of a tensor, that of `g` or its gradient, as an array stored as the compiled function has it."""
    array = np.empty(tuple(map(int, tensor.shape)))
    for place in np.ndindex(*array.shape):
        array[place] = float(numbers[Entry(tensor, *(i + 1 for i in place))].ball)
    return array.transpose(g.axes)
