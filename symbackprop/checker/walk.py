"""Where a reader of a line stands: its context, its layers, the letters bound by sums, and what names and indices mean there."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from fractions import Fraction
from typing import Any

from symbackprop.checker.context import Context, Macro, OutOfLayers, Quantity, Size, Symbol, Unreadable
from symbackprop.checker.faces import Labels, Typed
from symbackprop.checker.symbols import Found, key, letter_key, match, style_of, swapped_case
from symbackprop.checker.terms import Affine, Index, Num
from symbackprop.equations import Tensor
from symbackprop.equations import size as size_symbol
from symbackprop.languages import Message
from symbackprop.parse.shown import shown
from symbackprop.parse.tree import Fence, Infix, Juxtaposed, Name, Number, Script, Signed, Span, Tree

__all__ = ["READINGS", "Choices", "Walk", "affine", "symbol_size"]

READINGS = 16  # ambiguous signs multiply; beyond this many readings nothing more is tried


@dataclass
class Choices:
    """Which reading is taken at each place where there are several: by number, the first where nothing is said."""

    taken: Sequence[int] = ()
    offered: list[tuple[str, tuple[str, ...], Span]] = field(default_factory=list)

    def choose(self, what: str, options: tuple[str, ...], span: Span) -> str:
        number = len(self.offered)
        self.offered.append((what, options, span))
        return self._answer(number, options)

    def _answer(self, number: int, options: tuple[str, ...]) -> str:
        """What is offered may depend on what was taken before; then an answer counts around."""
        return options[self.taken[number] % len(options) if number < len(self.taken) else 0]

    def agreed(self, what: str, options: tuple[str, ...], span: Span) -> str:
        """The same answer wherever the same is asked: what the lines of a matrix are is settled once."""
        before = next((n for n, (said, known, _) in enumerate(self.offered) if said == what and known == options), None)
        if before is None:
            return self.choose(what, options, span) if len(options) > 1 else options[0]
        return self._answer(before, options)

    def words(self) -> str:
        """What was chosen at each place."""
        chosen = (self._answer(n, options) for n, (_, options, _) in enumerate(self.offered))
        return ", ".join(f"{what} as {option}" for (what, _, _), option in zip(self.offered, chosen, strict=True))


class Walk(ABC):
    """A reader of the trees of one line in one context; `env` gives each layer letter its number."""

    def __init__(
        self, context: Context, env: Mapping[str, int] = {}, choices: Choices | None = None, labels: Labels | None = None, python: bool = False
    ) -> None:
        self.context, self.env = context, dict(env)
        self.choices = choices or Choices()
        self.labels = labels or Labels()
        self.python = python
        self.bound: dict[str, Index] = {}
        self.from_zero: set[str] = set()
        self.moved: dict[Tensor, None] = {}
        self.depth = self.count = 0

    @property
    def broadcast(self) -> bool:
        return self.python or self.context.conventions.broadcast

    @abstractmethod
    def read(self, tree: Tree) -> Typed:
        """What a tree means. Raises `Misfit` for shapes that do not fit, `Unreadable` for what has no meaning."""

    def choose(self, what: str, options: tuple[str, ...], span: Span) -> str:
        return self.choices.choose(what, options, span)

    def number(self, tree: Tree) -> Fraction:
        found = self.read(tree).term
        if not isinstance(found, Num):
            raise Unreadable(Message("a number was expected here"), tree.span)
        return found.value

    def lookup(self, tree: Tree) -> tuple[Symbol, Found, bool] | None:
        """The declared symbol that `tree` is written with; the flag says that its letter stands in the other case."""
        letter, style = letter_key(tree), style_of(tree)
        other = swapped_case(letter)
        for base, alias in ((letter, False), (other, True)):
            if base is None:
                continue
            fitting = []
            for symbol in self.context.symbols.get(base, ()):
                found = match(tree, symbol.pattern, {**self.env, **self.context.depths}, letter)
                if isinstance(symbol.meaning, Size) and symbol.pattern.style != style:
                    continue
                if found is not None and not (alias and not isinstance(symbol.meaning, (Quantity, Macro))):
                    missing = found.layer is None and symbol.pattern.where != ""
                    likeness = self.fit(symbol, found) / 2 + (symbol.pattern.style == style) / 4 - 1.5 * missing
                    fitting.append((symbol.pattern.weight + likeness, symbol, found))
            if fitting:
                _, symbol, found = max(fitting, key=lambda f: f[0])
                return symbol, found, alias
        return None

    def fit(self, symbol: Symbol, found: Found) -> bool:
        """Whether a quantity has as many axes as the symbol has indices: L and L_i may be two."""
        meaning = symbol.meaning
        if isinstance(meaning, Macro):
            return len(meaning.letters) == len(found.sub) > 0
        return isinstance(meaning, Quantity) and any(t.rank == len(found.sub) for t in meaning.tensors.values())

    @contextmanager
    def at(self, env: Mapping[str, int]) -> Any:
        """Read at other layers, with no letter bound: a name stands for its formula wherever it is used."""
        before, self.env = self.env, dict(env)
        try:
            yield
        finally:
            self.env = before

    def tensor(self, quantity: Quantity, rest: Found, tree: Tree) -> Tensor:
        layer = rest.layer
        if rest.pattern.where and layer is None:
            if len(quantity.tensors) == 1:
                layer = next(iter(quantity.tensors))
            else:
                raise Unreadable(Message("{name} needs its layer", name=shown(tree)), tree.span)
        if layer not in quantity.tensors:
            raise OutOfLayers(Message("{name} has no layer {layer}", name=shown(tree), layer=layer), tree.span)
        return quantity.tensors[layer]

    def known(self, letter: str) -> bool:
        other = swapped_case(letter)
        return letter in self.context.symbols or (other is not None and other in self.context.symbols)

    def near(self, name: str) -> str | None:
        """The declared letter that is spelled most alike."""
        plain = {letter.lower(): letter for letter in self.context.symbols}
        return next((plain[k] for k in get_close_matches(name.lower(), plain, n=1)), None)

    def undefined(self, name: str) -> Message:
        """What is said of a name without a meaning."""
        near = self.near(name)
        if near is not None:
            return Message("'{name}' is not defined; did you mean '{near}'?", name=name, near=near)
        return Message("'{name}' is not defined. Known: {known}", name=name, known=", ".join(sorted(self.context.symbols)))

    def indices(self, trees: tuple[Tree, ...], wanted: int, of: Tree) -> list[Index]:
        """The indices in a subscript; digits or letters that make one word, as in `w_{12}` or `w_{tr}`, come apart where so many are wanted."""
        pieces = list(trees)
        match pieces:
            case [Number(text)] if len(text) == wanted:
                pieces = [Number(c, span=pieces[0].span) for c in text]
            case [Name(word, ())] if len(word) == wanted > 1:
                pieces = [Name(c, span=pieces[0].span) for c in word]
            case [Number(text) as number, Name() as letter] if wanted == 1 and text != "1":  # x_{2i}; along an axis of one there is no second place
                pieces = [Juxtaposed((number, letter), span=of.span)]
        return [self.index(p, of) for p in pieces]

    def index(self, tree: Tree, of: Tree) -> Index:
        """An index: a letter, a number, or their sum, counted from 1.

        The letters of a sum that starts at 0 count from there, and so does an axis that they alone run along.
        """
        found = self._index(tree, of)
        if isinstance(found, int):
            return found + 1 - self.first
        counts = [count for k, count in found.parts if self.counts_from_zero(k)] if isinstance(found, Affine) else []
        if not counts:
            return found
        assert isinstance(found, Affine)
        return replace(found, constant=found.constant - sum(counts) + (len(counts) == len(found.parts)))

    def counts_from_zero(self, label: str) -> bool:
        return self.first == 0 or label in self.from_zero

    @property
    def first(self) -> int:
        """The number of the first entry along an axis."""
        return 0 if self.python else self.context.conventions.first

    def _index(self, tree: Tree, of: Tree) -> Index:
        match tree:
            case Number(text) if text.isdigit():
                return int(text)
            case Fence("(" | "{" | "[", body, _):
                return self._index(body, of)
            case Infix("+" | "-" as op, left, right):
                sign = 1 if op == "+" else -1
                a, b = self._index(left, of), self._index(right, of)
                return affine(a, b, sign)
            case Signed("-", arg):
                return affine(0, self._index(arg, of), -1)
            case Juxtaposed((Number(text), arg)) | Infix("*" | "cdot" | "times", Number(text), arg) if text.isdigit():
                return affine(0, self._index(arg, of), int(text))
            case Name() | Script():
                letter = key(tree)
                if letter in self.bound:
                    return self.bound[letter]
                if letter in self.env:
                    return self.env[letter]
                if letter in self.context.depths:
                    return self.context.depths[letter]
                if isinstance(tree, Name) or (tree.sub is None and tree.sup is None) or not self.known(letter_key(tree)):
                    return letter
        raise Unreadable(Message("this is no index of {name}", name=shown(of)), tree.span)

    def sample_axis(self, x: Typed) -> str | None:
        samples = self.context.samples
        if samples is None:
            return None
        return next((k for k in (x.cols, x.rows) if k is not None and self.labels.sizes.get(k) == samples), None)

    def implied(self) -> Index:
        """The example that is meant where none is named."""
        for letter in self.context.sample_letters:
            if letter in self.bound:
                return self.bound[letter]
        return self.context.sample_letters[0]


def symbol_size(name: str, layer: int | None) -> Any:
    """The SymPy size of a declared one."""
    plain = "".join(c if c.isalnum() else "_" for c in name if c not in "{}")
    return size_symbol(plain) if layer is None else size_symbol(plain, layer)


def affine(a: Index, b: Index, sign: int) -> Index:
    """The sum or the difference of two indices."""
    total: dict[str, int] = {}
    constant = 0
    for index, factor in ((a, 1), (b, sign)):
        pieces = index.parts if isinstance(index, Affine) else ((index, 1),) if isinstance(index, str) else ()
        constant += factor * (index if isinstance(index, int) else index.constant if isinstance(index, Affine) else 0)
        for label, count in pieces:
            total[label] = total.get(label, 0) + factor * count
    found = tuple((k, c) for k, c in total.items() if c)
    if not found:
        return constant
    return found[0][0] if found == ((found[0][0], 1),) and not constant else Affine(found, constant)
