"""The line that is being mended: its text and its tree, and the changes that can be made to them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from symbackprop.checker.context import Context, Misfit, Unreadable
from symbackprop.checker.faces import Labels, Typed
from symbackprop.checker.reading import Reader
from symbackprop.checker.symbols import family_number, key, letter_key, parts
from symbackprop.errors import ReadError
from symbackprop.parse.latex import read_formula
from symbackprop.parse.python import read_python
from symbackprop.parse.tree import Big, Call, Derivative, Infix, Juxtaposed, Name, Script, Span, Tree, children

from .writing import ATOM, LATEX, PRODUCTS, PYTHON, Dialect, Written, fitting, level

__all__ = ["Edit", "Line", "Piece", "walk"]

Shape = tuple[Any, Any] | None


@dataclass(frozen=True)
class Edit:
    """`text[start:end]` replaced by `new`: undoes a mistake of `kind`; `old` and `mended` are what is shown of it."""

    kind: str
    start: int
    end: int
    new: str
    old: str
    mended: str

    def done(self, text: str) -> str:
        """The text with the change made."""
        return text[: self.start] + self.new + text[self.end :]


@dataclass(frozen=True)
class Piece:
    """A factor or a term: where it stands."""

    start: int
    end: int
    tree: Tree


@dataclass(frozen=True)
class Line:
    """A right side, what it was read from, and the left side it should equal at the layers `env`.

    `left_text` is what the left side was read from, empty where it stands in another line; `fits` says that the two sides have one
    shape, so that what stands in the place of a part has its shape too.
    """

    text: str
    tree: Tree
    left: Tree
    left_text: str
    context: Context
    env: Mapping[str, int]
    python: bool
    fits: bool = False
    _shapes: dict[str, tuple[bool, Shape]] = field(default_factory=dict)

    @cached_property
    def dialect(self) -> Dialect:
        return PYTHON if self.python else LATEX.like(self.text + self.left_text)

    def read(self, text: str) -> Tree | None:
        """The tree of a text that is one expression."""
        try:
            items = (read_python if self.python else read_formula)(text, self.context.vocabulary).items
        except ReadError:
            return None
        return items[0].tree if len(items) == 1 else None

    def slice(self, tree: Tree) -> str:
        return self.text[tree.span.start : tree.span.end]

    def written(self, tree: Tree) -> Written:
        return Written(self.slice(tree), level(tree))

    def edit(self, kind: str, tree: Tree, parent: Tree | None, new: Written) -> Edit:
        """A part replaced by something else, in brackets where its place asks for them."""
        return self.replaced(kind, tree.span.start, tree.span.end, fitting(new, tree, parent), shown=new.text)

    def replaced(self, kind: str, start: int, end: int, new: str, within: Tree | None = None, shown: str = "") -> Edit:
        """A stretch of text replaced; `within` is the part that is shown, where the stretch alone says too little."""
        if within is None:
            return Edit(kind, start, end, new, self.text[start:end], shown or new)
        a, b = within.span
        return Edit(kind, start, end, new, self.text[a:b], self.text[a:start] + new + self.text[end:b])

    def shape(self, text: str, tree: Tree | None = None) -> tuple[bool, Shape]:
        """Whether a text has a meaning on its own, and the sizes of its rows and columns."""
        if text not in self._shapes:
            found, labels = tree or self.read(text), Labels()
            try:
                read = Reader(self.context, self.env, labels=labels, python=self.python).read(found) if found is not None else None
            except (Misfit, Unreadable):
                read = None
            self._shapes[text] = (read is not None, _sizes(read, labels))
        return self._shapes[text]

    def is_number(self, tree: Tree) -> bool:
        """Whether a part has neither rows nor columns: it commutes, and has no transpose."""
        readable, shape = self.shape(self.slice(tree), tree)
        return readable and shape == (None, None)

    def is_vector(self, tree: Tree) -> bool:
        """Whether a part has one row or one column."""
        shape = self.shape(self.slice(tree), tree)[1]
        return shape is not None and (shape[0] is None) != (shape[1] is None)

    def indices_of(self, tree: Script) -> list[str]:
        """The letters in a subscript that are indices."""
        return [key(p) for p in self.index_places(tree)]

    def index_places(self, tree: Script) -> list[Tree]:
        """The letters in a subscript that are indices, where they stand."""
        literal = {p for s in self.context.symbols.get(letter_key(tree), ()) for p in s.pattern.sub}
        found = [n for p in parts(tree.sub) for n in _names(p)]
        return [n for n in found if not self.is_layer(n) and key(n) not in literal]

    def is_layer(self, tree: Tree) -> bool:
        return family_number(tree, {**dict.fromkeys(self.context.families, 1), **self.context.depths}) is not None

    # -- parts -------------------------------------------------------------------------------------------------------------

    def is_gradient(self, tree: Tree) -> bool:
        """Whether a part is a `d` and what it stands before: one thing, and no product."""
        return isinstance(tree, Juxtaposed) and len(tree.items) == 2 and key(tree.items[0]) == "d" and "d" not in self.context.symbols

    def is_product(self, tree: Tree) -> bool:
        """Whether a part is factors with signs between them, or none."""
        return (isinstance(tree, Juxtaposed) and not self.is_gradient(tree)) or (isinstance(tree, Infix) and tree.op in PRODUCTS)

    def is_symbol(self, tree: Tree) -> bool:
        return isinstance(tree, (Name, Script)) or self.is_gradient(tree)

    def factors(self, tree: Tree) -> list[Piece]:
        """The factors of a product, whatever sign stands between them."""
        if isinstance(tree, Infix) and tree.op in PRODUCTS:
            return [*self.factors(tree.left), *self.factors(tree.right)]
        return [Piece(*t.span, t) for t in (self.items(tree) if self.is_product(tree) else (tree,))]

    def items(self, tree: Tree) -> Iterator[Tree]:
        """Things side by side; a `d` and what follows it are one."""
        waiting = list(children(tree))
        while waiting:
            item = waiting.pop(0)
            pair = Juxtaposed((item, waiting[0]), span=Span(item.span.start, waiting[0].span.end)) if waiting else item
            yield pair if self.is_gradient(pair) else item
            del waiting[: pair is not item and self.is_gradient(pair)]

    def parts(self, tree: Tree, parent: Tree | None = None) -> Iterator[tuple[Tree, Tree | None]]:
        """The parts that are expressions of their own, each with what it stands in: not what stands in scripts or under a differential."""
        yield tree, parent
        inside: list[Tree]
        match tree:
            case Script(base, _, _, _):
                inside = [base] if not isinstance(base, Name) else []
            case Derivative():
                inside = []
            case Big(_, _, _, _, _, body):
                inside = [body]
            case Call(_, args, _):
                inside = list(args)
            case Juxtaposed():
                inside = [] if self.is_gradient(tree) else list(self.items(tree))
            case _:
                inside = list(children(tree))
        for child in inside:
            yield from self.parts(child, tree)

    def piece(self, p: Piece) -> Written:
        return Written(self.text[p.start : p.end], ATOM if re.fullmatch(r"\w+", self.text[p.start : p.end]) else level(p.tree))


def _sizes(read: Typed | None, labels: Labels) -> Shape:
    return None if read is None else tuple(None if k is None else str(labels.sizes.get(k, "?")) for k in read.face)  # type: ignore[return-value]


def _names(tree: Tree) -> Iterator[Tree]:
    match tree:
        case Name():
            yield tree
        case Script() if tree.primes:
            yield tree
        case Infix(_, a, b):
            yield from _names(a)
            yield from _names(b)


def walk(tree: Tree) -> Iterator[Tree]:
    """A part and all that is in it, scripts and indices too."""
    yield tree
    for child in children(tree):
        yield from walk(child)

