"""Mistakes in a sum: signs, terms, brackets, the index it runs over, and the axis of a sum in NumPy's words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from symbackprop.checker.symbols import key
from symbackprop.parse.tree import Big, Call, Infix, Name, Number, Relation, Script, Signed, Tree

from .line import Edit, walk
from .scene import Scene
from .writing import FACTOR, PRODUCT, RUN, SUM, Written

__all__ = ["Addend", "added", "addends", "axes", "big", "compared", "is_sum", "total"]


@dataclass(frozen=True)
class Addend:
    """A term of a sum: where it stands and where its sign does, if it has one."""

    tree: Tree
    sign: str
    at: int | None


def is_sum(tree: Tree) -> bool:
    """Whether a part is terms with signs between them."""
    return isinstance(tree, Signed) or (isinstance(tree, Infix) and tree.op in "+-")


def addends(s: Scene, tree: Tree) -> list[Addend]:
    """The terms of a sum, from the left."""
    match tree:
        case Infix("+" | "-" as op, a, b):
            return [*addends(s, a), Addend(b, op, s.text.index(op, a.span.end))]
        case Signed(op, arg):
            return [Addend(arg, op, tree.span.start)]
    return [Addend(tree, "", None)]


def total(s: Scene, tree: Tree, parent: Tree | None) -> Iterator[Edit]:
    """The changes of one whole sum."""
    terms = addends(s, tree)
    if len(terms) == 2 and terms[1].sign == "-" and not terms[0].sign:
        a, b = (s.written(t.tree) for t in terms)
        between = s.text[terms[0].tree.span.end : terms[1].tree.span.start]
        yield s.edit("sign", tree, parent, Written(f"{b.fit(PRODUCT)}{between}{a.fit(PRODUCT)}", SUM))
    for n, t in enumerate(terms):
        if t.at is None:
            yield s.replaced("sign", t.tree.span.start, t.tree.span.start, "-", tree)
        elif n:
            yield s.replaced("sign", t.at, t.at + 1, "-" if t.sign == "+" else "+", tree)
        else:
            yield s.replaced("sign", t.at, t.tree.span.start, "" if t.sign == "-" else "-", tree)
        if len(terms) > 1:
            yield from _dropped(s, tree, terms, n)
    if len(terms) > 1:
        yield from _brackets(s, tree, terms)


def _dropped(s: Scene, tree: Tree, terms: Sequence[Addend], n: int) -> Iterator[Edit]:
    """One term less."""
    t = terms[n]
    if n:
        assert t.at is not None
        yield s.replaced("extra term", t.at, t.tree.span.end, "", tree)
        return
    after = terms[1]
    assert after.at is not None
    yield s.replaced("extra term", tree.span.start, after.tree.span.start, "-" if after.sign == "-" else "", tree)


def _brackets(s: Scene, tree: Tree, terms: Sequence[Addend]) -> Iterator[Edit]:
    """A bracket that opens within the first term or closes within the last."""
    for n, t in enumerate(terms):
        if not s.is_product(t.tree):
            continue
        pieces = s.factors(t.tree)
        for i in range(1, len(pieces)):
            if n:
                start, end = tree.span.start, pieces[i - 1].end
                yield s.replaced("bracket", start, end, f"({s.text[start:end]})", tree)
                start = terms[n - 1].tree.span.start
                yield s.replaced("bracket", start, end, f"({s.text[start:end]})", tree)
            if n < len(terms) - 1:
                start = pieces[i].start
                for end in (tree.span.end, terms[n + 1].tree.span.end):
                    yield s.replaced("bracket", start, end, f"({s.text[start:end]})", tree)


def big(s: Scene, tree: Big, parent: Tree | None) -> Iterator[Edit]:
    """A sum with its sign: none, over another index, over all of it, its bracket elsewhere."""
    yield s.edit("sum", tree, parent, s.written(tree.body))
    for k in tree.indices:
        for letter in s.letters:
            if letter != key(k) and k.span.end > k.span.start:
                yield s.replaced("index", *k.span, letter, tree)
    for end in (tree.low, tree.high):
        if end is not None and end.span.end > end.span.start:
            for new in _moved(s, end):
                yield s.replaced("range", *end.span, new, tree)
    if len(tree.indices) == 1 and tree.condition is not None:
        yield s.edit("sum condition", tree, parent, s.dialect.summed(s.slice(tree.indices[0]), s.written(tree.body)))
    for other in s.left_letters:
        if len(tree.indices) == 1 and tree.condition is None and tree.low is None:
            under = f"{s.slice(tree.indices[0])} \\neq {other}"
            yield s.edit("sum condition", tree, parent, s.dialect.summed(under, s.written(tree.body)))


def _moved(s: Scene, end: Tree) -> Iterator[str]:
    """An end of a sum one further or one before."""
    text = s.slice(end)
    match end:
        case Number() if text.isdigit():
            yield from (str(n) for n in (int(text) - 1, int(text) + 1) if n >= 0)
        case Infix("+" | "-" as op, letter, Number(n)) if n.isdigit():
            yield from (f"{s.slice(letter)}{k:+d}" if k else s.slice(letter) for k in (int(op + n) + 1, int(op + n) - 1))
        case Name() | Script():
            yield from (f"{text}-1", f"{text}+1")


_PAIRS = (("<", ">"), ("<=", ">="), ("\\le", "\\ge"), ("\\leq", "\\geq"), ("\\lt", "\\gt"))
_TURNED = {a: b for pair in _PAIRS for a, b in (pair, pair[::-1])}


def compared(s: Scene, tree: Relation) -> Iterator[Edit]:
    """A comparison turned round."""
    start, end = tree.left.span.end, tree.right.span.start
    sign = s.text[start:end].strip()
    if sign in _TURNED:
        at = s.text.index(sign, start)
        turned = s.replaced("comparison", at, at + len(sign), _TURNED[sign], tree)
        yield replace(turned, of=None, part="")  # a comparison alone is no expression


def added(s: Scene, tree: Tree, parent: Tree | None) -> Iterator[Edit]:
    """A sum around a term: over a letter that is free in it, or along an axis."""
    whole = s.written(tree)
    if not s.python:
        inside = {k for t in walk(tree) if isinstance(t, Script) for k in s.indices_of(t)}
        for k in s.letters:
            if k in inside and k not in s.left_letters:
                over_examples = s.context.samples is not None and k in s.context.sample_letters
                yield s.edit("examples" if over_examples else "sum", tree, parent, s.dialect.summed(k, whole))
    readable, shape = s.shape(s.slice(tree))
    for axis in (0, 1):
        size = shape[axis] if shape is not None else None
        if not readable or size is not None:
            kind = "examples" if size is not None and size == str(s.context.samples) else "sum"
            yield s.edit(kind, tree, parent, s.dialect.total(axis, whole))
    if readable and shape is not None and None not in shape and not s.python:
        ones = f"\\mathbf{{1}} \\mathbf{{1}}^{s.dialect.transpose}"  # sums along an axis, each in all its places
        for new in (f"{whole.fit(FACTOR)} {ones}", f"{ones} {whole.fit(FACTOR)}"):
            yield s.edit("sum", tree, parent, Written(new, RUN))
    if readable and shape is not None and (shape[0] is None) != (shape[1] is None) and not s.python:
        along = s.dialect.total(1 if shape[0] is None else 0, whole)
        yield s.edit("sum", tree, parent, Written(f"{s.dialect.sum}({whole.text})", FACTOR) if s.dialect.numpy else along)


def axes(s: Scene, tree: Call, parent: Tree | None) -> Iterator[Edit]:
    """A sum in NumPy's words: along the other axis, none at all, a mean."""
    name = key(tree.function).rpartition(".")[2]
    if name not in ("sum", "mean"):
        return
    axis = dict(tree.options).get("axis")
    if isinstance(axis, Number) and axis.text in ("0", "1"):
        yield s.replaced("axis", *axis.span, "10"[int(axis.text)], tree)
    head = s.slice(tree.function)
    yield s.replaced("factor", *tree.function.span, head.replace(name, "mean" if name == "sum" else "sum"), tree)
    if len(tree.args) == 1:
        yield s.edit("sum", tree, parent, s.written(tree.args[0]))
