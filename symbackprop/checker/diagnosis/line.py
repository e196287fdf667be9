"""The line that is being mended: its text and its tree, and the changes that can be made to them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

from symbackprop.checker.context import Context, Misfit, Unreadable
from symbackprop.checker.faces import Labels, Typed
from symbackprop.checker.reading import Reader
from symbackprop.checker.symbols import family_number, key, letter_key, parts
from symbackprop.errors import ReadError
from symbackprop.parse.latex import read_formula
from symbackprop.parse.python import read_python
from symbackprop.parse.tree import Big, Call, Derivative, Infix, Juxtaposed, Name, Script, Span, Tree, children

from .rereading import Path, paths, spliced
from .writing import ATOM, LATEX, PRODUCTS, PYTHON, Dialect, Written, fitting, level

__all__ = ["Edit", "Line", "Piece", "walk"]

Shape = tuple[Any, Any] | None


@dataclass(frozen=True)
class Edit:
    """`text[start:end]` replaced by `new`: undoes a mistake of `kind`; `old` and `mended` are what is shown of it.

    Where all of the change is within one part `of` the tree, `part` is the new text of that part.
    """

    kind: str
    start: int
    end: int
    new: str
    old: str
    mended: str
    of: Tree | None = field(default=None, compare=False, repr=False)
    part: str = field(default="", compare=False, repr=False)

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
    shape, so that what stands in the place of a part has its shape too; `misfits` that shapes are what is wrong.
    """

    text: str
    tree: Tree
    left: Tree
    left_text: str
    context: Context
    env: Mapping[str, int]
    python: bool
    fits: bool = False
    misfits: bool = False
    _read: dict[str, Tree | None] = field(default_factory=dict)

    @cached_property
    def dialect(self) -> Dialect:
        return PYTHON if self.python else LATEX.like(self.text + self.left_text)

    def read(self, text: str) -> Tree | None:
        """The tree of a text that is one expression."""
        return _tree(text, self.context, self.python)

    def slice(self, tree: Tree) -> str:
        return self.text[tree.span.start : tree.span.end]

    def written(self, tree: Tree) -> Written:
        return Written(self.slice(tree), level(tree))

    def edit(self, kind: str, tree: Tree, parent: Tree | None, new: Written) -> Edit:
        """A part replaced by something else, in brackets where its place asks for them."""
        text = fitting(new, tree, parent)
        return Edit(kind, *tree.span, text, self.slice(tree), new.text or text, tree, text)

    def replaced(self, kind: str, start: int, end: int, new: str, within: Tree | None = None) -> Edit:
        """A stretch of text replaced; `within` is the part that is shown, where the stretch alone says too little."""
        if within is None:
            return Edit(kind, start, end, new, self.text[start:end], new)
        a, b = within.span
        part = self.text[a:start] + new + self.text[end:b]
        return Edit(kind, start, end, new, self.text[a:b], part, within if a <= start and end <= b else None, part)

    def mended(self, edit: Edit) -> Tree | None:
        """What the line is after a change; what is not in the changed part is the very same as before, so that it need not be read again."""
        path = self._paths.get(id(edit.of))
        if path is None:
            return self.read(edit.done(self.text))
        if edit.part not in self._read:
            self._read[edit.part] = self.read(edit.part)
        new = self._read[edit.part]
        return None if new is None else spliced(self.tree, path, new)

    @cached_property
    def _paths(self) -> dict[int, Path]:
        return paths(self.tree)

    def shape(self, text: str) -> tuple[bool, Shape]:
        """Whether a text has a meaning on its own, and the sizes of its rows and columns."""
        return _shape(text, self.context, tuple(self.env.items()), self.python)

    def is_number(self, tree: Tree) -> bool:
        """Whether a part has neither rows nor columns: it commutes, and has no transpose."""
        readable, shape = self.shape(self.slice(tree))
        return readable and shape == (None, None)

    def is_vector(self, tree: Tree) -> bool:
        """Whether a part has one row or one column."""
        shape = self.shape(self.slice(tree))[1]
        return shape is not None and (shape[0] is None) != (shape[1] is None)

    def is_upright(self, text: str) -> bool:
        """Whether a text is a column."""
        shape = self.shape(text)[1]
        return shape is not None and shape[0] is not None and shape[1] is None

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
        """The parts that are expressions of their own, each with what it stands in: not what stands in scripts, nor what a differential is of."""
        yield tree, parent
        inside: list[Tree]
        match tree:
            case Script(base, _, _, _):
                inside = [base] if not isinstance(base, Name) else []
            case Derivative(of):
                inside = [of] if of is not None and not self.is_symbol(of) else []
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


def _tree(text: str, context: Context, python: bool) -> Tree | None:
    try:
        items = (read_python if python else read_formula)(text, context.vocabulary).items
    except ReadError:
        return None
    return items[0].tree if len(items) == 1 else None


@lru_cache(maxsize=4096)
def _shape(text: str, context: Context, env: tuple[tuple[str, int], ...], python: bool) -> tuple[bool, Shape]:
    labels, tree = Labels(), _tree(text, context, python)
    try:
        read = None if tree is None else Reader(context, dict(env), labels=labels, python=python).read(tree)
    except (Misfit, Unreadable):
        read = None
    return read is not None, _sizes(read, labels)


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

