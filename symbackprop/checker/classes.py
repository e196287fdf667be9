"""The number of a class as an index: `p_{y_i}`, `s_y` and the row `W_y`, sums against the one-hot target that it is stored as."""

from __future__ import annotations

from symbackprop.checker.context import Quantity, Unreadable
from symbackprop.checker.faces import Typed, size_words
from symbackprop.checker.symbols import letter_key
from symbackprop.checker.terms import Index, Leaf, Term, mul
from symbackprop.checker.walk import Walk
from symbackprop.equations import Tensor
from symbackprop.languages import Message
from symbackprop.parse.shown import shown
from symbackprop.parse.tree import Name, Script, Tree

__all__ = ["class_entry", "class_index", "is_class", "upright"]


def class_index(reader: Walk, tree: Tree) -> tuple[Tensor, tuple[Index, ...]] | None:
    """The class numbers and the example, if `tree` is the number of a class such as y_i, or y where there is one example."""
    if not isinstance(tree, (Name, Script)):
        return None
    found = reader.lookup(tree)
    if found is None or not isinstance(found[0].meaning, Quantity) or not found[0].meaning.classes:
        return None
    symbol, rest, _ = found
    assert isinstance(symbol.meaning, Quantity)
    tensor = reader.tensor(symbol.meaning, rest, tree)
    if tensor.rank == 1:
        return tensor, ()
    return tensor, (reader.index(rest.sub[0], tree) if rest.sub else reader.implied(),)


def is_class(reader: Walk, number: Tree, other: Tree, of: Tree) -> Term | None:
    """1 where an index is the number of a class, if `number` is one."""
    found = class_index(reader, number)
    if found is None:
        return None
    y, example = found
    k = reader.index(other, of)
    if isinstance(k, str):
        reader.labels.note(k, y.shape[-1], shown(number), of.span)
    return Leaf(y, (*example, k))


def upright(reader: Walk, x: Typed, of: Tree) -> Typed:
    """A row of a matrix, which many writers set upright."""
    ways = ("a row set upright", "a row") if reader.context.conventions.vectors == "column" else ("a row", "a row set upright")
    way = reader.choices.agreed(letter_key(of), ways, of.span) if x.rows is None else "a row"
    return reader.labels.transpose(x) if way == "a row set upright" else x


def class_entry(reader: Walk, x: Typed, tree: Tree, of: Tree) -> Typed:
    """The entries of the right class, `p_{y_i}` of its example: along the axis that has as many places as there are classes."""
    found = class_index(reader, tree)
    assert found is not None
    y, example = found
    where = reader.sample_axis(x)
    if example and where is not None:
        x = reader.labels.at(x, where, example[0], shown(of), of.span)
    sizes = {k: reader.labels.sizes.get(k) for k in x.face if k is not None}
    axis = next((k for k, n in sizes.items() if n == y.shape[-1]), next(iter(sizes), None) if len(sizes) == 1 else None)
    if axis is None:
        raise Unreadable(
            Message("{name}: no axis has as many places as there are classes, {size}", name=shown(of), size=size_words(y.shape[-1])), of.span
        )
    reader.labels.note(axis, y.shape[-1], shown(of), of.span)
    total = reader.labels.sum_over(mul(Leaf(y, (*example, axis)), x.term), axis)
    entries = Typed(total, None if x.rows == axis else x.rows, None if x.cols == axis else x.cols)
    return entries if entries.is_scalar else upright(reader, entries, of)
