"""Derivatives as terms: of a written expression by the chain rule, and along all paths through the equations by local ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import partial
from itertools import count
from typing import Any

from symbackprop.checker.terms import (
    MINUS,
    ZERO,
    Add,
    Compare,
    Delta,
    Derived,
    Div,
    Extreme,
    Fn,
    Index,
    Leaf,
    Mul,
    Num,
    Pow,
    Slope,
    Sum,
    Term,
    Where,
    add,
    mul,
)
from symbackprop.equations import Equation, Tensor, tensors
from symbackprop.evaluate import Undecided

__all__ = ["Paths", "differential"]


def differential(term: Term, by: Tensor, at: Sequence[Index]) -> Term:
    """The derivative of a term by the entry of `by` at indices: the chain rule, each named quantity by its own Jacobian.

    Raises `Undecided` for derivatives of derivatives and of products over an index.

    >>> x = Tensor("x", (3,))
    >>> differential(Pow(Leaf(x, ("j",)), Num(2)), x, ["k"]) == mul(Num(2), Leaf(x, ("j",)), Derived(x, ("j",), x, ("k",)))
    True
    """
    d = partial(differential, by=by, at=at)
    match term:
        case Leaf(tensor, indices):
            return Derived(tensor, indices, by, tuple(at))
        case Derived() | Slope():
            raise Undecided("a derivative of a derivative is not evaluated")
        case Add(terms):
            return Add(tuple(d(t) for t in terms))
        case Mul(factors):
            return Add(tuple(mul(d(f), *factors[:n], *factors[n + 1 :]) for n, f in enumerate(factors)))
        case Div(above, below):
            return Add((Div(d(above), below), mul(MINUS, d(below), Div(above, mul(below, below)))))
        case Pow(base, Num(n)):
            return mul(Num(n), base if n == 2 else Pow(base, Num(n - 1)), d(base))
        case Pow(base, exponent):
            return mul(term, Add((mul(d(exponent), Fn("log", base)), Div(mul(exponent, d(base)), base))))
        case Fn(name, arg, order):
            return mul(Fn(name, arg, order + 1), d(arg))
        case Extreme(name, args):
            first, *rest = args
            if not rest:
                return d(first)
            other = Extreme(name, tuple(rest))
            return Where(Compare(">" if name == "max" else "<", first, other), d(first), d(other))
        case Where(condition, then, otherwise):
            return Where(condition, d(then), d(otherwise))
        case Sum(body, label, size, "sum"):
            return Sum(d(body), label, size)
        case Sum():
            raise Undecided("the derivative of a product over an index is not evaluated")
    return ZERO


_MOST_PATHS = 60  # pieces of paths in one term: networks that branch have exponentially many


@dataclass
class Paths:
    """Derivatives along all paths written as sums of products of local ones; those of the loss stay, for they come from upstream."""

    equations: Mapping[Tensor, Equation]
    loss: Tensor | None
    fresh: count[int] = field(default_factory=lambda: count(1))
    pieces: int = 0

    def written_out(self, term: Term) -> Term:
        """The term with every derivative written out. Raises `Undecided` where there is no end of them."""
        match term:
            case Derived(of, of_indices, by, by_indices, False) if of != self.loss:
                return self.along(of, of_indices, by, by_indices)
            case Slope(of, by, by_indices):
                return self.written_out(differential(of, by, by_indices))
        changed: dict[str, Any] = {}
        for f in fields(term):
            value = getattr(term, f.name)
            if isinstance(value, Term):
                changed[f.name] = self.written_out(value)
            elif isinstance(value, tuple) and value and isinstance(value[0], Term):
                changed[f.name] = tuple(map(self.written_out, value))
        return replace(term, **changed) if changed else term

    def along(self, of: Tensor, of_indices: tuple[Index, ...], by: Tensor, by_indices: tuple[Index, ...]) -> Term:
        """The derivative of an entry by another: through everything that the one is made of and the other leads to."""
        if of == by:
            return mul(*(Delta(i, j) for i, j in zip(of_indices, by_indices, strict=True)))
        terms: list[Term] = []
        for middle in self.made_of(of):
            if middle != by and not self.depends(middle, by):
                continue
            self.pieces += 1
            if self.pieces > _MOST_PATHS:
                raise Undecided("there are too many paths to write out")
            if middle == by:
                terms.append(Derived(of, of_indices, by, by_indices, True))
                continue
            labels = tuple(f"path#{next(self.fresh)}" for _ in middle.shape)
            through: Term = mul(Derived(of, of_indices, middle, labels, True), self.along(middle, labels, by, by_indices))
            for label, size in zip(labels, middle.shape, strict=True):
                through = Sum(through, label, size)
            terms.append(through)
        return add(*terms) if terms else ZERO

    def made_of(self, tensor: Tensor) -> tuple[Tensor, ...]:
        """What the equation of a quantity is made of."""
        return tuple(dict.fromkeys(tensors(self.equations[tensor].rhs))) if tensor in self.equations else ()

    def depends(self, of: Tensor, by: Tensor) -> bool:
        """Whether a path leads from one quantity to another."""
        waiting, seen = [of], {of}
        while waiting:
            for middle in self.made_of(waiting.pop()):
                if middle == by:
                    return True
                if middle not in seen:
                    seen.add(middle)
                    waiting.append(middle)
        return False
