"""What a problem declares: its words, sizes, quantities, functions and names, and the context that lines are read in."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import Any

from sympy import Integer

from symbackprop.checker.applied import applied_to, indexed
from symbackprop.checker.context import Applied, Context, Function, Macro, Meaning, OutOfLayers, Quantity, Size, Symbol
from symbackprop.checker.names import differential
from symbackprop.checker.problem import conventions_from, strings, table
from symbackprop.checker.reading import Reader
from symbackprop.checker.symbols import (
    Pattern,
    Unwritable,
    bare,
    family_number,
    index_parts,
    key,
    letter_key,
    letters_of,
    match,
    parts,
    pattern_of,
    stripped,
    style_of,
)
from symbackprop.checker.vocabulary import parsed, vocabulary_of
from symbackprop.checker.walk import symbol_size
from symbackprop.equations import Equation, Tensor
from symbackprop.errors import SpecError, UnknownName
from symbackprop.parse.tree import Fence, Formula, Infix, Juxtaposed, Name, Number, Script, Tree
from symbackprop.rules import ACTIVATIONS

__all__ = ["DEPTH", "Declarations", "name_of"]

DEPTH = 3
_FROM_ZERO = re.compile(r"_\{?\s*\w\s*=\s*0\s*\}?\s*\^\s*\{[^{}]*-\s*1\s*\}")


@dataclass
class Declarations:
    """The tables of a problem and what is known from them so far: symbols, sizes, names, equations."""

    data: Mapping[str, Any]
    where: str
    symbols: dict[str, list[Symbol]] = field(default_factory=dict)
    named: dict[str, Tree] = field(default_factory=dict)
    applied: dict[str, Applied] = field(default_factory=dict)
    functions: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    uses: dict[Tensor, tuple[Tensor, ...]] = field(default_factory=dict)
    entrywise: dict[Tensor, tuple[Tensor, ...]] = field(default_factory=dict)
    equations: list[Equation] = field(default_factory=list)
    samplers: dict[Tensor, Any] = field(default_factory=dict)
    facts: list[Equation] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.vocabulary = vocabulary_of(self.data, self.where)
        self.families, self.depths = self.layers()
        from_zero = any(_FROM_ZERO.search(e) for e in strings(self.data, "equations", self.where))
        self.conventions = conventions_from({"first": 0 if from_zero else 1, **table(self.data, "conventions", self.where)}, self.where)

    def formula(self, text: str) -> Formula:
        try:
            return parsed(text, self.vocabulary)
        except ValueError as error:
            raise SpecError(f"{self.where}: {error}") from error

    def tree(self, text: str) -> Tree:
        found = self.formula(text).items
        if len(found) != 1 or found[0].tree is None:
            raise SpecError(f"{self.where}: '{text}' is no single expression")
        return found[0].tree

    def left(self, tree: Tree | None) -> Tree | None:
        r"""The letter that an equation defines, with the indices of its bracket: `h_i` for `h(x^{(i)})`; None where it defines a function."""
        found = None if tree is None else applied_to(tree)
        if found is None:
            return tree
        known = self.applied.get(key(found[0]))
        return None if known is None else indexed(found[0], tuple(Name(k) for k in known.letters))

    def add(self, tree: Tree, meaning: Meaning) -> Symbol:
        try:
            pattern, _ = pattern_of(tree, self.families)
        except Unwritable as error:
            raise SpecError(f"{self.where}: {error}") from error
        symbol = Symbol(pattern, meaning)
        known = self.symbols.setdefault(pattern.base, [])
        if any(s.pattern == pattern for s in known):
            raise SpecError(f"{self.where}: {key(tree)} is declared twice")
        known.append(symbol)
        return symbol

    def layers(self) -> tuple[dict[str, tuple[int, int]], dict[str, int]]:
        families, depths = dict[str, tuple[int, int]](), dict[str, int]()
        for letter, last in table(self.data, "layers", self.where).items():
            tree = self.tree(letter)
            if isinstance(last, int):
                families[key(tree)] = (1, last)
            else:
                lowest, dots, names = str(last).rpartition("...")
                low = int(lowest.strip(" ,")) if lowest.strip(" ,").isdigit() else 1
                if dots and str(low) != lowest.strip(" ,"):
                    raise SpecError(f"{self.where}: the layers of {letter} run from a whole number, as in '2, ..., L', not '{last}'")
                for part in names.strip(" ,").split(","):
                    name, _, number = part.partition("=")
                    depth = int(number) if number.strip().isdigit() else DEPTH + low - 1
                    depths[key(self.tree(name.strip()))] = depth
                families[key(tree)] = (low, max(depths.values()))
        return families, depths

    def declare_sizes(self) -> None:
        """Every letter in a shape is a size, and so is what counts examples."""
        texts = [n for shape in table(self.data, "shapes", self.where).values() for n in self.shape(shape, "")]
        if "samples" in self.data:
            texts.append(self.data["samples"])
        for text in dict.fromkeys(str(t) for t in texts):
            for leaf in _summands(self.tree(text)):
                if isinstance(leaf, Number):
                    continue
                base = letter_key(leaf)
                if isinstance(leaf, Script) and any(self.is_layer(p) for p in (*parts(leaf.sub), *parts(leaf.sup))):
                    where = "sub" if leaf.sub is not None and any(self.is_layer(p) for p in parts(leaf.sub)) else "sup"
                    generic = self.tree_like(leaf, where)
                    if not any(isinstance(s.meaning, Size) and s.pattern == generic for s in self.symbols.get(base, ())):
                        self.symbols.setdefault(base, []).append(Symbol(generic, Size(base)))
                elif not any(isinstance(s.meaning, Size) for s in self.symbols.get(base, ()) if s.pattern == pattern_of(leaf, ())[0]):
                    self.add(leaf, Size(key(leaf)))

    def tree_like(self, leaf: Script, where: str) -> Pattern:
        """The pattern of a width such as n_l."""
        part = next(p for p in parts(leaf.sub if where == "sub" else leaf.sup) if self.is_layer(p))
        return Pattern(letter_key(leaf), (), (), where, bare(part)[0])

    def is_layer(self, tree: Tree) -> bool:
        """Whether a script is a layer: it mentions a layer letter, the depth, or a whole number where there are layers."""
        inner = tree.body if isinstance(tree, Fence) else tree
        return bool(self.families) and family_number(inner, {**dict.fromkeys(self.families, 1), **self.depths}) is not None

    def shape(self, shape: Any, text: str) -> list[Any]:
        if not isinstance(shape, (list, tuple)) or not all(isinstance(n, (str, int)) for n in shape):
            raise SpecError(f"{self.where}: the shape of {text} is a list of sizes, such as ['n_l', 'm'], not {shape!r}")
        return list(shape)

    def quantity(self, text: str, shape: Any) -> None:
        """A declared quantity: its shape at every layer at which the shape makes sense."""
        tree = self.tree(text)
        sizes = [self.tree(str(n)) for n in self.shape(shape, text)]
        pattern, part = pattern_of(tree, self.families)
        tensors: dict[int | None, Tensor] = {}
        faces: dict[Tensor, Any] = {}
        letter = None if part is None else next((f for f in self.families if f in letters_of(part)), None)
        numbered = self.numbered(tree) if part is None and isinstance(tree, Script) else None
        if numbered is not None:  # a layer written as a number: A^{(0)}
            pattern = numbered[0]
        for n in (None,) if letter is None else range(0, self.families[letter][1] + 1):
            env = dict(self.depths) if n is None or letter is None else {**self.depths, letter: n}
            layer = numbered[1] if numbered is not None else None if part is None else family_number(part, env)
            try:
                lengths = [self.size(s, env) for s in sizes]
            except OutOfLayers:
                continue
            kept = [s for s in lengths if s != 1]
            tensors[layer] = Tensor(name_of(tree if layer is None else Name(pattern.base)), kept, layer)
            faces[tensors[layer]] = self.face(lengths)
        if not tensors:
            raise SpecError(f"{self.where}: {text} has no layer at which its shape makes sense")
        self.extend(pattern, tree, Quantity(tensors, faces), text)

    def extend(self, pattern: Pattern, tree: Tree, more: Quantity, text: str) -> None:
        """A quantity, or further layers of one."""
        known = self.quantities(pattern, tree)
        for n, s in enumerate(known):
            if s.pattern == pattern and isinstance(s.meaning, Quantity):
                if not s.meaning.tensors.keys().isdisjoint(more.tensors):
                    raise SpecError(f"{self.where}: {text} is declared twice")
                both = replace(s.meaning, tensors={**s.meaning.tensors, **more.tensors}, faces={**s.meaning.faces, **more.faces})
                known[n] = Symbol(pattern, both)
                return
        known.append(Symbol(pattern, more))

    def quantities(self, pattern: Pattern, tree: Tree) -> list[Symbol]:
        """The symbols of a letter, to which a quantity is added; a size set in the same type would not be told from it."""
        known = self.symbols.setdefault(pattern.base, [])
        if any(isinstance(s.meaning, Size) and s.pattern == pattern and s.pattern.style == pattern.style for s in known):
            raise SpecError(f"{self.where}: {key(tree)} is a size and a quantity; give one of them another letter, or set the quantity in bold")
        return known

    def function(self, tree: Tree, meaning: Function) -> None:
        """A function, of one layer where it is written with a number. A name that no rule has is abstract, unless a rule's is near."""
        if meaning.name not in ACTIVATIONS and get_close_matches(meaning.name, ACTIVATIONS, n=1, cutoff=0.75):
            raise UnknownName("function", meaning.name, ACTIVATIONS, self.where)
        numbered = self.numbered(tree) if isinstance(tree, Script) else None
        if numbered is None:
            self.add(tree, meaning)
        else:
            pattern = replace(numbered[0], only=numbered[1])
            self.symbols.setdefault(pattern.base, []).append(Symbol(pattern, meaning))

    def same(self, text: str, of: str) -> None:
        """Another letter for a quantity at one of its layers: y-hat for a^L, or a^0 for x."""
        tree, tensor = self.tree(text), self.tensor_of(of)
        found = Reader(self.context(), self.depths).lookup(self.tree(of))
        assert found is not None
        assert isinstance(found[0].meaning, Quantity)
        pattern, layer = (self.numbered(tree) if isinstance(tree, Script) else None) or (pattern_of(tree, self.families)[0], None)
        self.extend(pattern, tree, Quantity({layer: tensor}, {tensor: found[0].meaning.faces[tensor]}), text)

    def face(self, lengths: Sequence[Any]) -> Any:
        """Which axes run down and across: one axis is a vector as the conventions have it, an axis of one is none."""
        axes, count = [], 0
        for n in lengths:
            axes.append(None if n == 1 else count)
            count += n != 1
        if len(lengths) == 0:
            return None, None
        if len(lengths) == 1:
            return (axes[0], None) if self.conventions.vectors == "column" else (None, axes[0])
        return tuple(axes) if len(lengths) == 2 else None

    def size(self, tree: Tree, env: Mapping[str, int]) -> Any:
        """A size as SymPy has it; `OutOfLayers` for the width of a layer below the input."""
        match tree:
            case Number(text):
                return Integer(int(text))
            case Infix("+" | "-" | "*" | "cdot" as op, left, right):
                a, b = self.size(left, env), self.size(right, env)
                return a + b if op == "+" else a - b if op == "-" else a * b
        base = letter_key(tree)
        for s in self.symbols.get(base, ()):
            found = match(tree, s.pattern, env) if isinstance(s.meaning, Size) else None
            if found is not None and not found.sub and not found.sup and (found.layer is not None or not s.pattern.where):
                assert isinstance(s.meaning, Size)
                if found.layer is not None and found.layer < 0:
                    raise OutOfLayers(f"{key(tree)} at layer {found.layer}")
                return symbol_size(s.meaning.name, found.layer)
        raise SpecError(f"{self.where}: '{key(tree)}' is no size")

    def name(self, text: str, formula: str) -> None:
        """A name for a formula, with its layer; what is no letter with scripts is known by its whole text."""
        tree, meaning = self.tree(text), self.tree(formula)
        if isinstance(tree, Juxtaposed) and len(tree.items) == 2 and key(tree.items[0]) == "d":
            tree = differential(tree.items[1])
        letters = [p for p in index_parts(tree) if isinstance(p, Name) and key(p) in letters_of(meaning) - set(self.families) - set(self.depths)]
        letters = [p for p in letters if not self.symbols.get(key(p))]
        tree = stripped(tree, {key(p) for p in letters})
        try:
            pattern, part = pattern_of(tree, self.families)
        except Unwritable:
            self.named[key(tree)] = meaning
            return
        letter = "" if part is None else next((f for f in self.families if f in letters_of(part)), "")
        offset = 0 if part is None or not letter else (family_number(part, {letter: 0, **self.depths}) or 0)
        self.symbols.setdefault(pattern.base, []).append(Symbol(pattern, Macro(meaning, letter, offset, tuple(map(key, letters)))))

    def context(self, loss: Tensor | None = None) -> Context:
        samples = None if "samples" not in self.data else self.size(self.tree(self.data["samples"]), self.depths)
        letters = tuple(self.data.get("sample_letters", ("i",)))
        return Context(
            {k: tuple(v) for k, v in self.symbols.items()}, dict(self.named), dict(self.applied), self.families, self.depths, samples, letters,
            loss, self.uses, self.entrywise, self.conventions, self.vocabulary,
        )  # fmt: skip

    def numbered(self, tree: Script) -> tuple[Pattern, int] | None:
        """The pattern and the layer of a symbol whose layer is written as a number, W^{(2)}."""
        for where, found in (("sup", parts(tree.sup)), ("sub", parts(tree.sub))):
            for p in found:
                bracket, inner = bare(p)
                number = family_number(inner, self.depths) if self.is_layer(p) else None
                if number is not None:
                    below, above = (tuple(key(q) for q in parts(side) if q is not p) for side in (tree.sub, tree.sup))
                    return Pattern(letter_key(tree), below, above, where, bracket, style=style_of(tree)), number
        return None

    def tensor_of(self, text: str) -> Tensor:
        reader = Reader(self.context(), self.depths)
        found = reader.lookup(self.tree(text))
        if found is None or not isinstance(found[0].meaning, Quantity):
            raise SpecError(f"{self.where}: {text} is no quantity")
        return reader.tensor(found[0].meaning, found[1], self.tree(text))


def name_of(tree: Tree) -> str:
    """The name of a quantity in equations; its layer is kept apart."""
    base = letter_key(tree)
    if isinstance(tree, Script):
        scripts = [p for p in (*parts(tree.sub), *parts(tree.sup)) if not isinstance(p, Infix) and key(p) not in "lt"]
        rest = "_".join(key(p) for p in scripts if not isinstance(p, Fence) or isinstance(p.body, Number))
        base = f"{base}_{rest}" if rest else base
    return base


def _summands(tree: Tree) -> list[Tree]:
    match tree:
        case Infix("+" | "-" | "*" | "cdot", left, right):
            return [*_summands(left), *_summands(right)]
    return [tree]
