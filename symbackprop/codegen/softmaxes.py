"""Softmax quantities: exponents under a name, the softmax of them along one axis or several, and masks before they are compared."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sympy import Float, Ne, Piecewise, Pow, exp, log

from symbackprop.codegen.apart import Parts
from symbackprop.codegen.stable import sizes_of
from symbackprop.equations import Entry, Equation, Tensor, add, fresh, mul, rename_bound, substitute, summation, tensors

__all__ = ["Softmaxes", "softmax_key"]

_LEAST = Float("-1e30")  # an exponent that no other is below, in single precision too


class Softmaxes(Parts):
    """One equation with softmaxes of its own; `defined` are the quantities before it.

    What is `given` may be a mask or a unit vector: an exponential that it multiplies by zero is left out before the largest of them
    is sought, for that may be larger than the rest by more than a number holds. The derivative by the mask would be left out too.
    """

    def __init__(
        self, equation: Equation, known: dict[Any, Tensor], taken: set[tuple[str, Any]], defined: Mapping[Tensor, Equation], given: Collection[str]
    ) -> None:
        super().__init__(equation, known, taken)
        self.defined, self.given = defined, given

    def inside(self, limits: Sequence[Any], letters: tuple[Any, ...]) -> tuple[Any, ...]:
        """The letters that are bound within a sum."""
        self.sizes |= {k: high for k, _, high in limits}
        return (*letters, *(k for k, *_ in limits))

    def definition(self, e: Any, letters: tuple[Any, ...]) -> Any:
        """What an entry was computed as; none for what is given, and for what is no entry."""
        equation = self.defined.get(e.tensor) if isinstance(e, Entry) else None
        if equation is None:
            return None
        value = replace(equation, rhs=rename_bound(equation.rhs, {*letters})).at_indices(e.indices)
        self.sizes = {**sizes_of(Equation(e, value)), **self.sizes}
        return value

    def is_given(self, weight: Any) -> bool:
        factors = [t.name for t in tensors(weight)]
        return bool(factors) and all(name in self.given for name in factors)

    def masked(self, u: Any, weight: Any) -> Any:
        """The exponents of `weight * exp(u)` where a weight that is given is not zero, and none as large elsewhere."""
        holds = weight.args[0].cond if isinstance(weight, Piecewise) else Ne(weight, 0)
        return Piecewise((u, holds), (_LEAST, True), evaluate=False) if self.is_given(weight) else u

    def softmax_of(self, z: Entry, limits: Sequence[Any], letters: tuple[Any, ...]) -> Entry:
        """The softmax of z along the axes of `limits`, as a quantity."""
        key = softmax_key(z, limits)
        if key not in self.known:
            value = self.softmax(z, z, limits, letters)
            tensor = self.known[key] = Tensor(self.name("softmax", value), z.tensor.shape, self.equation.tensor.layer)
            self.before.append(Equation(Entry(tensor, *z.indices), value))
        return Entry(self.known[key], *z.indices)

    def softmax(self, place: Entry, z: Entry, limits: Sequence[Any], letters: tuple[Any, ...]) -> Any:
        """exp(z_j) / sum_k exp(z_k) at a place; along several axes exp(z_ij - log sum_kl exp(z_kl))."""
        if len(limits) > 1:
            return exp(add(place, mul(-1, self.entry("lse", log(summation(exp(z), *limits)), letters))))
        (k, low, high) = limits[0]
        i = fresh({*letters, *z.indices}, "kr") if k in place.indices else k
        return mul(exp(place), Pow(summation(exp(substitute(z, {k: i})), (i, low, high)), -1, evaluate=False))


def softmax_key(z: Entry, limits: Sequence[Any]) -> Any:
    """What a softmax is known by: its exponents and the axes."""
    return "softmax", z.tensor, frozenset(z.indices.index(k) for k, *_ in limits)
