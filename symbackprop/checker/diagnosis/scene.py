"""The line that is being mended: its text, its tree, and what may stand in it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from symbackprop.checker.context import Constant, Context, Function, Macro, Misfit, Quantity, Size, Unreadable
from symbackprop.checker.faces import Labels, Typed
from symbackprop.checker.reading import Reader
from symbackprop.checker.symbols import family_number, key, letter_key, parts
from symbackprop.errors import ReadError
from symbackprop.parse.latex import read_formula
from symbackprop.parse.python import read_python
from symbackprop.parse.tree import Big, Call, Derivative, Infix, Juxtaposed, Name, Script, Span, Tree, children

from .writing import ATOM, LATEX, PRODUCTS, PYTHON, Dialect, Written, fitting, level, typed

__all__ = ["Edit", "Piece", "Scene"]

Shape = tuple[Any, Any] | None
_GRADIENT = re.compile(r"(?<![A-Za-z\\])d(?=[A-Z\\]|[a-z]\w*\b)(?!x\b)")


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
class Scene:
    """A right side, what it was read from, and the left side it should equal at the layers `env`.

    `left_text` is what the left side was read from, empty where it stands in another line.
    """

    text: str
    tree: Tree
    left: Tree
    left_text: str
    context: Context
    env: Mapping[str, int]
    python: bool
    _shapes: dict[str, tuple[bool, Shape]] = field(default_factory=dict)

    @staticmethod
    def of(text: str, left: Tree, left_text: str, context: Context, env: Mapping[str, int], python: bool) -> Scene | None:
        """The scene of a right side; None if its text cannot be read apart from the left side."""
        scene = Scene(text, left, left, left_text, context, env, python)
        tree = scene.read(text)
        return None if tree is None else replace(scene, tree=tree)

    def after(self, edit: Edit, tree: Tree) -> Scene:
        """The scene with a change made; `tree` is what its text reads as."""
        return replace(self, text=edit.done(self.text), tree=tree)

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

    # -- what may stand here -----------------------------------------------------------------------------------------------

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

    @cached_property
    def reads(self) -> bool:
        """Whether the line has a meaning as it stands."""
        return self.shape(self.text, self.tree)[0]

    @cached_property
    def names(self) -> tuple[str, ...]:
        """How the quantities of the problem are typed, and their gradients where the line has such names."""
        found = self._typed(lambda s: isinstance(s.meaning, (Quantity, Macro)))
        gradients = tuple(f"d{n}" for n in found) if _GRADIENT.search(f"{self.left_text} {self.text}") else ()
        return (*found, *(g for g in gradients if g not in found))

    @cached_property
    def functions(self) -> tuple[str, ...]:
        """How the functions of the problem are typed."""
        return self._typed(lambda s: isinstance(s.meaning, Function) and not s.pattern.sup and not s.pattern.where)

    @cached_property
    def constants(self) -> tuple[str, ...]:
        """How the sizes and the named numbers of the problem are typed."""
        return self._typed(lambda s: isinstance(s.meaning, (Size, Constant)) and not s.pattern.where and not s.pattern.sub and not s.pattern.sup)

    def _typed(self, wanted: Callable[[Any], bool]) -> tuple[str, ...]:
        both = self.text + self.left_text
        bases = [base for base, symbols in self.context.symbols.items() if any(wanted(s) for s in symbols)]
        return tuple(dict.fromkeys(typed(base, both, self.python) for base in bases))

    @cached_property
    def whole_symbols(self) -> tuple[str, ...]:
        """Symbols with their scripts, as they stand in the line and as the problem has them."""
        found = {self.slice(t): None for t, _ in self.parts(self.tree) if self.is_symbol(t)}
        found |= dict.fromkeys((*self.constants, *self.like_the_left))
        for base, symbols in self.context.symbols.items():
            letter = typed(base, self.text + self.left_text, self.python)
            for s in symbols:
                if isinstance(s.meaning, (Quantity, Macro, Constant)) and not s.pattern.where:
                    scripts = "".join(f"{sign}{{{' '.join(part)}}}" for sign, part in (("_", s.pattern.sub), ("^", s.pattern.sup)) if part)
                    found |= dict.fromkeys(f"{name}{scripts}" for name in (letter, f"d{letter}") if name in (letter, *self.names))
        return _once(found)

    @cached_property
    def other_symbols(self) -> tuple[str, ...]:
        """The letters of the problem with any scripts that stand in the line."""
        found = [t for t, _ in self.parts(self.tree) if isinstance(t, Script) and isinstance(t.base, Name)]
        scripts = dict.fromkeys(self.text[t.base.span.end : t.span.end] for t in found)
        return _once((*self.whole_symbols, *(name + rest for rest in scripts for name in self.names)))

    @cached_property
    def like_the_left(self) -> tuple[str, ...]:
        """The letters of the problem with the scripts of the symbols on the left side, and derivatives by them: z^l beside delta^l."""
        at = self.left.span.start
        found = []
        for t in _walk(self.left):
            if isinstance(t, Script) and isinstance(t.base, Name) and not self.is_layer(t) and self.left_text:
                a, b, end = t.span.start - at, t.base.span.end - at, t.span.end - at
                found += [name + self.left_text[b:end] for name in self.names]
                if isinstance(self.left, Derivative):
                    found += [self.left_text[:a] + name + self.left_text[b:] for name in self.names]
        return tuple(dict.fromkeys(found))

    @cached_property
    def left_letters(self) -> tuple[str, ...]:
        """The indices of the left side."""
        return tuple(dict.fromkeys(k for t in _walk(self.left) if isinstance(t, Script) for k in self.indices_of(t)))

    @cached_property
    def letters(self) -> tuple[str, ...]:
        """The indices in play: of the left side, of the line and of its sums."""
        inside = [k for t in _walk(self.tree) if isinstance(t, Script) for k in self.indices_of(t)]
        sums = [key(k) for t in _walk(self.tree) if isinstance(t, Big) for k in t.indices]
        return tuple(dict.fromkeys((*self.left_letters, *inside, *sums)))

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


def _once(texts: Iterable[str]) -> tuple[str, ...]:
    """Texts that differ in more than braces."""
    found: dict[str, str] = {}
    for text in texts:
        found.setdefault(re.sub(r"[{} ]", "", text), text)
    return tuple(found.values())


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


def _walk(tree: Tree) -> Iterator[Tree]:
    yield tree
    for child in children(tree):
        yield from _walk(child)

