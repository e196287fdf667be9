"""Quantities with what is left of their scripts: entries, examples, the right class, transposes and powers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sympy import Integer

from symbackprop.checker.classes import class_entry, class_index, upright
from symbackprop.checker.context import Constant, Misfit, Quantity, Size, Unreadable
from symbackprop.checker.faces import Typed
from symbackprop.checker.products import power
from symbackprop.checker.slopes import slope
from symbackprop.checker.symbols import TRANSPOSES, Found, Pattern, key, letter_key, unscripted
from symbackprop.checker.terms import Fn, Index, Leaf, leaves, parts_of
from symbackprop.checker.walk import Walk
from symbackprop.equations import Tensor
from symbackprop.languages import Message
from symbackprop.parse.shown import shown
from symbackprop.parse.tree import Fence, Infix, Name, Number, Script, Signed, Text, Tree
from symbackprop.parse.tree import Fraction as Frac

__all__ = [
    "beyond",
    "entries",
    "in_other_case",
    "is_number",
    "line_of",
    "picked",
    "raised",
    "rest_of",
    "scripted",
    "whole",
]


def whole(reader: Walk, tensor: Tensor, quantity: Quantity) -> Typed:
    """A quantity with all its entries."""
    face = quantity.faces[tensor]
    if face is None:
        raise Unreadable(Message("{name} has {rank} axes: write its indices", name=str(tensor.name), rank=tensor.rank))
    labels = [reader.labels.new(n) for n in tensor.shape]
    row, col = (None if axis is None else labels[axis] for axis in face)
    return Typed(Leaf(tensor, tuple(labels)), row, col)


def entries(reader: Walk, tensor: Tensor, quantity: Quantity, rest: Found, alias: bool, tree: Tree) -> Typed:
    """A quantity at the indices in its subscript, or whole."""
    if quantity.faces[tensor] is None:
        indices = reader.indices(rest.sub, tensor.rank, tree)
        if not indices:
            raise Unreadable(Message("{name} has {rank} axes: write its indices", name=shown(tree), rank=tensor.rank), tree.span)
        if len(indices) != tensor.rank:
            raise unlike(tree, len(indices), tensor.rank)
        for i, n in zip(indices, tensor.shape, strict=True):
            if isinstance(i, str):
                reader.labels.note(i, n, shown(tree), tree.span)
        return raised(reader, Typed(Leaf(tensor, tuple(indices))), rest.sup, tree)
    return scripted(reader, whole(reader, tensor, quantity), tree, key(tree), rest, alias, quantity.classes)


def scripted(reader: Walk, x: Typed, tree: Tree, what: str, rest: Found, alias: bool = False, classes: bool = False) -> Typed:
    """A matrix with what is left of its scripts: an example in a superscript, indices, a transpose, a power."""
    sup = list(rest.sup)
    samples = reader.context.samples
    where = reader.sample_axis(x)
    for n, part in enumerate(sup):
        if isinstance(part, Fence) and part.open in "([" and where is not None:
            x = reader.labels.at(x, where, reader.index(part.body, tree), what, tree.span)
            where = None
            del sup[n]
            break
    if rest.sub:
        x = picked(reader, x, rest.sub, tree, where, alias, classes)
    elif alias and where is not None and not x.is_scalar and samples is not None and in_other_case(reader, tree):
        x = reader.labels.at(x, where, reader.implied(), what, tree.span)
    x = raised(reader, x, tuple(sup), tree)
    return dashed(reader, x, rest.primes, tree) if rest.primes else x


def dashed(reader: Walk, x: Typed, primes: int, tree: Tree) -> Typed:
    """A bracket with a prime: a matrix transposed, or the derivative of a number that is made of one other by that one."""
    made = {t for t in leaves(x.term) if isinstance(t, Leaf)}
    if primes == 1 and x.is_scalar and len(made) == 1:
        return replace(x, term=slope(reader, x.term, made.pop()))
    if primes == 1 and not x.is_scalar and not any(isinstance(p, Fn) for p in parts_of(x.term)):
        return reader.labels.transpose(x)
    raise Unreadable(Message("what the prime of {name} differentiates by is not said; write it as a fraction", name=shown(tree)), tree.span)


def in_other_case(reader: Walk, tree: Tree) -> bool:
    """A small letter for a matrix is one example of it."""
    name = letter_key(tree).split(" ")[-1]
    return name[-1:].islower() if len(name) <= 2 else name[:1].islower()


def picked(reader: Walk, x: Typed, sub: tuple[Tree, ...], tree: Tree, where: str | None, alias: bool, classes: bool) -> Typed:
    """The entries of a matrix at the indices in its subscript."""
    axes = [k for k in x.face if k is not None]
    if any(key(p) in (":", "None") for p in sub):
        return sliced(reader, x, sub, tree)
    if classes and len(sub) == 1:
        # a class number as such: y_i in 1{y_i = k} and p_{y_i} is read where it stands
        raise Unreadable(Message("{name} is the number of a class: use it as an index or in a condition", name=shown(tree)), tree.span)
    if len(sub) == 1 and axes and class_index(reader, sub[0]) is not None:
        return class_entry(reader, x, sub[0], tree)
    if len(sub) == 2 and len(axes) == 2 and class_index(reader, sub[1]) is not None:
        return class_entry(reader, reader.labels.at(x, axes[0], reader.index(sub[0], tree), shown(tree), tree.span), sub[1], tree)
    indices = reader.indices(sub, len(axes), tree)
    if beyond(reader, axes, indices):  # w_{21} of a column is its second entry
        indices = reader.indices(sub, 2, tree)
    while len(axes) < len(indices) <= 2:  # along an axis of one there is nothing to choose
        single = x.face.index(None) if axes else 0
        index = indices.pop(single)
        if isinstance(index, str):
            if not axes and reader.labels.sizes.get(index) not in (None, 1):
                raise Unreadable(Message("{name} has an index that the quantity does not have", name=shown(tree)), tree.span)
            reader.labels.note(index, Integer(1), shown(tree), tree.span)
        elif index != 1:
            raise Misfit(Message("{name}: the quantity is one long there, so this index is 1", name=shown(tree)), tree.span)
    if len(indices) == len(axes):
        for axis, i in zip(axes, indices, strict=True):
            x = reader.labels.at(x, axis, i, shown(tree), tree.span)
        return x
    if len(indices) == 1 and len(axes) == 2 and where is not None:
        other = next(k for k in axes if k != where)
        (i,) = indices
        known = reader.labels.sizes.get(i) if isinstance(i, str) else None
        letter = i.partition("#")[0] if isinstance(i, str) else ""
        means_sample = known == reader.context.samples if known is not None else letter in reader.context.sample_letters
        if means_sample:
            return upright(reader, reader.labels.at(x, where, i, shown(tree), tree.span), tree)
        x = reader.labels.at(x, other, i, shown(tree), tree.span)
        return reader.labels.at(x, where, reader.implied(), shown(tree), tree.span)
    if len(indices) == 1 and len(axes) == 2:
        return line_of(reader, x, indices[0], tree)
    raise unlike(tree, len(indices), len(axes))


def unlike(tree: Tree, count: int, axes: int) -> Unreadable:
    """Indices that are not as many as there are axes."""
    return Unreadable(Message("{name} has {count} indices, but the quantity has {most} axes", name=shown(tree), count=count, most=axes), tree.span)


def sliced(reader: Walk, x: Typed, sub: tuple[Tree, ...], tree: Tree) -> Typed:
    """`W[:, j]`, `x[:, None]`: whole axes, single places along others, and new axes that are one long."""
    left = [k for k in x.face if k is not None]
    found: list[str | None] = []
    for part in sub:
        if key(part) == "None":
            found.append(None)
        elif not left:
            raise Misfit(Message("{name} has more indices than the quantity has axes", name=shown(tree)), tree.span)
        elif key(part) == ":":
            found.append(left.pop(0))
        else:
            x = reader.labels.at(x, left.pop(0), reader.index(part, tree), shown(tree), tree.span)
    found += left
    if len(found) > 2:
        raise Unreadable(Message("{name} has more than two axes", name=shown(tree)), tree.span)
    if len(found) == 2:
        return Typed(x.term, found[0], found[1])
    return x if reader.python or x.rows is not None else upright(reader, x, tree)


def line_of(reader: Walk, x: Typed, index: Index, tree: Tree) -> Typed:
    """A row or a column of a matrix, `w_j`: writers differ in which it is, and many set a row upright."""
    assert x.rows is not None
    assert x.cols is not None
    fixed = reader.labels.sizes.get(index) if isinstance(index, str) else None
    down, across = (reader.labels.sizes.get(k) for k in (x.rows, x.cols))
    ways = [way for way, size in (("a row", down), ("a column", across)) if fixed in (None, size)]
    if not ways:
        raise Misfit(
            Message("the index in {name} runs to {fixed}, the axes to {down} and {across}", name=shown(tree), fixed=fixed, down=down, across=across),
            tree.span,
        )
    if reader.choices.agreed(f"the index of {letter_key(tree)}", tuple(ways), tree.span) == "a column":
        return reader.labels.at(x, x.cols, index, shown(tree), tree.span)
    return upright(reader, reader.labels.at(x, x.rows, index, shown(tree), tree.span), tree)


def beyond(reader: Walk, axes: Sequence[str], indices: Sequence[Index]) -> bool:
    """Whether one number of several digits lies beyond a single axis, or one that has one place, so that its digits are several indices."""
    if len(indices) != 1 or len(axes) > 1 or not isinstance(indices[0], int):
        return False
    size = reader.labels.sizes.get(axes[0]) if axes else Integer(1)
    return isinstance(size, Integer) and bool(indices[0] > size)


def raised(reader: Walk, x: Typed, sup: tuple[Tree, ...], tree: Tree) -> Typed:
    """Transposes and powers in a superscript."""
    for part in sup:
        if key(part) in TRANSPOSES and not is_number(reader, part):
            x = reader.labels.transpose(x)
        elif isinstance(part, (Number, Signed, Frac, Infix, Fence, Name, Script)):
            if key(part) in ("-1",) and not x.is_scalar:
                raise Unreadable(Message("the inverse of a matrix is not read"), part.span)
            x = power(reader, x, reader.read(part), tree.span)
        elif not isinstance(part, Text):
            raise Unreadable(Message("the superscript of {name} is not read", name=shown(tree)), part.span)
    return x


def is_number(reader: Walk, tree: Tree) -> bool:
    """Whether a letter was declared as a number or a size, and so may be a power."""
    return any(isinstance(s.meaning, (Constant, Size)) for s in reader.context.symbols.get(key(tree), ()))


def rest_of(tree: Tree) -> Found:
    """All scripts of a tree, for what is no declared symbol."""
    _, sub, sup, primes = unscripted(tree)
    return Found(Pattern(""), None, sub, sup, primes)
