"""The derivative of a term by a quantity: with the axes of what is differentiated and of what it is taken by."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from symbackprop.checker.context import Context, Unreadable
from symbackprop.checker.faces import Typed
from symbackprop.checker.terms import Derived, Leaf, Mul, Num, Scalar, Slope, Sum, Term, add, free, mul, relabel
from symbackprop.checker.walk import Walk
from symbackprop.equations import Tensor
from symbackprop.languages import Message
from symbackprop.parse.tree import Name, Script, Span, Tree

__all__ = ["depends", "depends_on", "derived", "entrywise", "increment", "jacobian", "slope"]


def derived(reader: Walk, of: Typed, by: Typed, span: Span) -> Typed:
    """The derivative of a term by a quantity."""
    match by.term:
        case Sum(Mul((Leaf() as chosen, Leaf() as entry)), label, size) if label not in by.face:  # by s_y: by the entries, against the target
            found = derived(reader, of, replace(by, term=entry), span)
            return replace(found, term=Sum(mul(chosen, found.term), label, size))
    if isinstance(by.term, Scalar):
        name = str(by.term.symbol)
        raise Unreadable(Message("{name} is a plain number: to differentiate by it, the problem declares it under shapes as []", name=name), span)
    if not isinstance(by.term, Leaf):
        raise Unreadable(Message("what stands below the line is no quantity of the network, so nothing is differentiated by it"), span)
    shared = (free(of.term) & free(by.term)) & {k for k in (*of.face, *by.face) if k is not None}
    if shared:
        by = reader.labels.moved(by, {k: reader.labels.new(reader.labels.sizes.get(k)) for k in shared})
    assert isinstance(by.term, Leaf)
    source = by.term
    if not of.is_scalar and not by.is_scalar:
        if not (of.is_vector and by.is_vector):
            raise Unreadable(Message("the derivative of a matrix by a vector or matrix has more than two axes: write it with indices"), span)
        return jacobian(reader, of, by, source, span)
    if of.is_scalar and by.is_vector and reader.context.conventions.gradient == "jacobian":
        by = replace(by, rows=by.cols, cols=by.rows)
    return Typed(slope(reader, of.term, source), of.rows or by.rows, of.cols or by.cols)


def jacobian(reader: Walk, of: Typed, by: Typed, source: Leaf, span: Span) -> Typed:
    """A vector by a vector: the Jacobian, or where one is the other entry by entry perhaps its diagonal as a vector."""
    down, across = of.rows or of.cols, by.rows or by.cols
    assert down is not None
    assert across is not None
    if isinstance(of.term, Leaf) and entrywise(reader.context, of.term.tensor, source.tensor):
        way = reader.context.conventions.partial
        if way == "auto":
            way = reader.choose("the derivative of a vector by a vector", ("jacobian", "elementwise"), span)
        if way == "elementwise":
            inside = relabel(source, {across: down})
            assert isinstance(inside, Leaf)
            return replace(of, term=slope(reader, of.term, inside))
    term = slope(reader, of.term, source)
    return Typed(term, down, across) if reader.context.conventions.jacobian == "numerator" else Typed(term, across, down)


def entrywise(context: Context, of: Tensor, by: Tensor) -> bool:
    """Whether each entry of a quantity depends on the same entry of another alone, along every path."""
    if by in context.uses.get(of, ()):
        return by in context.entrywise.get(of, ())
    through = [t for t in context.uses.get(of, ()) if depends(context, t, by)]
    return bool(through) and all(t in context.entrywise.get(of, ()) and entrywise(context, t, by) for t in through)


def depends(context: Context, of: Tensor, by: Tensor) -> bool:
    """Whether one quantity is made of another."""
    return any(t == by or depends(context, t, by) for t in context.uses.get(of, ()))


def depends_on(reader: Walk, of: Typed, argument: Tree) -> bool:
    r"""Whether what stands in the bracket of `\ell(\theta)` is what a quantity is made of; any other bracket is a factor."""
    if not isinstance(of.term, Leaf) or not isinstance(argument, (Name, Script)) or reader.lookup(argument) is None:
        return False
    by = reader.read(argument).term
    return isinstance(by, Leaf) and depends(reader.context, of.term.tensor, by.tensor)


def slope(reader: Walk, of: Term, by: Leaf) -> Term:
    """The derivative of a term by an entry."""
    if isinstance(of, Leaf):
        local = reader.context.conventions.total == "local" and of.tensor != reader.context.loss
        return Derived(of.tensor, of.indices, by.tensor, by.indices, local)
    if isinstance(of, Num):
        return Num(Fraction(0))
    return Slope(of, by.tensor, by.indices)


def increment(reader: Walk, of: Typed, span: Span) -> Typed:
    """`dz` as a differential: what moves freely moves on its own, and all that is made of it moves by its slopes.

    Raises `Unreadable` for what nothing moves.
    """
    term, moving = of.term, reader.context.increments or ()
    if isinstance(term, Leaf):
        reader.moved[term.tensor] = None
        if term.tensor in moving:
            return replace(of, term=Leaf(_step(term.tensor), term.indices))
        if moving and not any(depends(reader.context, term.tensor, source) for source in moving):
            raise Unreadable(Message("nothing in this line moves {name}", name=str(term.tensor)), span)
    moves: list[Term] = []
    for source in moving:
        labels = tuple(reader.labels.new(n) for n in source.shape)
        along: Term = mul(slope(reader, term, Leaf(source, labels)), Leaf(_step(source), labels))
        for label, size in zip(labels, source.shape, strict=True):
            along = Sum(along, label, size)
        moves.append(along)
    return replace(of, term=add(*moves) if moves else Num(Fraction(0)))


def _step(tensor: Tensor) -> Tensor:
    return Tensor(f"d{tensor.name}", tensor.shape, tensor.layer)
