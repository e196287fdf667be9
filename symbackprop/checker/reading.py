"""From what was typed to what it means: each node of a parsed formula as a term with rows and columns, in one context, at one layer.

Where two readings are possible, `Reader.choose` answers with one and records that there was a choice; the judge tries them all.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

from sympy import Integer

from symbackprop.checker.context import (
    Constant,
    Context,
    Function,
    Macro,
    Misfit,
    OutOfLayers,
    Quantity,
    Size,
    Symbol,
    Unreadable,
)
from symbackprop.checker.faces import Labels, Typed
from symbackprop.checker.symbols import TRANSPOSES, Found, family_number, key, letter_key, match, swapped_case
from symbackprop.checker.terms import (
    ONE,
    Add,
    Affine,
    Compare,
    Delta,
    Derived,
    Div,
    Fn,
    Index,
    Leaf,
    Num,
    Position,
    Pow,
    Scalar,
    Slope,
    Term,
    Where,
    free,
    mul,
    negative,
    relabel,
)
from symbackprop.equations import Tensor
from symbackprop.equations import size as size_symbol
from symbackprop.parse.tree import (
    Big,
    Call,
    Cases,
    Derivative,
    Dots,
    Fence,
    Indicator,
    Infix,
    Juxtaposed,
    Listed,
    Matrix,
    Nabla,
    Name,
    Number,
    Relation,
    Root,
    Script,
    Signed,
    Span,
    Text,
    Tree,
)
from symbackprop.parse.tree import (
    Fraction as Frac,
)

__all__ = ["Choices", "Reader", "symbol_size"]

_ELEMENTWISE = {"odot", "circ", ".*", "bullet", "ast", "star", "./", "oslash"}
_NOWHERE = Span(0, 0)
_DEEPEST, _MOST = 200, 5_000  # trees read inside each other, and in all: a name stands for its formula wherever it is used


@dataclass
class Choices:
    """Which reading is taken at each place where there are several: by number, the first where nothing is said."""

    taken: Sequence[int] = ()
    offered: list[tuple[str, tuple[str, ...], Span]] = field(default_factory=list)

    def choose(self, what: str, options: tuple[str, ...], span: Span) -> str:
        number = len(self.offered)
        self.offered.append((what, options, span))
        return options[self.taken[number] if number < len(self.taken) else 0]


class Reader:
    """Reads the trees of one line in one context; `env` gives each layer letter its number."""

    def __init__(
        self, context: Context, env: Mapping[str, int] = {}, choices: Choices | None = None, labels: Labels | None = None, python: bool = False
    ) -> None:
        self.context, self.env = context, dict(env)
        self.choices = choices or Choices()
        self.labels = labels or Labels()
        self.python = python
        self.bound: dict[str, Index] = {}
        self.depth = self.count = 0

    @property
    def broadcast(self) -> bool:
        return self.python or self.context.conventions.broadcast

    # -- the walk ----------------------------------------------------------------------------------------------------------

    def read(self, tree: Tree) -> Typed:
        """What a tree means. Raises `Misfit` for shapes that do not fit, `Unreadable` for what has no meaning."""
        self.depth += 1
        self.count += 1
        if self.depth > _DEEPEST or self.count > _MOST:
            raise Unreadable("the line is too large once its names are written out", tree.span)
        try:
            return self._read(tree)
        finally:
            self.depth -= 1

    def _read(self, tree: Tree) -> Typed:
        from symbackprop.checker.functions import call

        named = self.context.named.get(key(tree)) if isinstance(tree, (Call, Script, Juxtaposed, Nabla)) else None
        if named is not None:
            return self.read(named)
        match tree:
            case Number(text):
                if len(text.lower().partition("e")[2]) > 4:
                    raise Unreadable("this number is too large", tree.span)
                return Typed(Num(Fraction(text)))
            case Name() | Script():
                return self.symbol(tree)
            case Signed(op, arg):
                found = self.read(arg)
                return replace(found, term=negative(found.term)) if op == "-" else found
            case Infix("+" | "-" as op, left, right):
                a, b = self.read(left), self.read(right)
                return self.labels.total([a, replace(b, term=negative(b.term)) if op == "-" else b], tree.span, self.broadcast)
            case Infix("/" | "./" | "oslash", above, below) | Frac(above, below):
                return self.quotient(self.read(above), self.read(below), tree.span)
            case Infix("**", base, exponent):
                return self.power(self.read(base), self.read(exponent), tree.span)
            case Infix(op, left, right):
                return self.product(op, self.read(left), self.read(right), tree.span)
            case Juxtaposed(items):
                return self.side_by_side(items, tree.span)
            case Fence("|", body, "|"):
                found = self.read(body)
                return replace(found, term=Fn("abs", found.term))
            case Fence("||", body, "||"):
                return self.power(self.squared_norm(self.read(body)), Typed(Num(Fraction(1, 2))), tree.span)
            case Fence("<", Listed((left, right)), ">"):
                return self.labels.inner(self.read(left), self.read(right), tree.span)
            case Fence("[" | "(", Listed(items, ";" | ","), _):
                return self.stacked([self.read(i) for i in items], tree.span)
            case Fence(_, body, _):
                return self.read(body)
            case Root(arg, degree):
                order = Typed(Num(Fraction(2))) if degree is None else self.read(degree)
                return self.power(self.read(arg), self.quotient(Typed(ONE), order, tree.span), tree.span)
            case Derivative():
                return self.derivative(tree)
            case Nabla():
                return self.nabla(tree)
            case Big():
                return self.big(tree)
            case Call():
                return call(self, tree)
            case Indicator(condition):
                return self.test(condition)
            case Cases(pieces):
                return self.cases(pieces, tree.span)
            case Matrix(rows) if all(len(r) == 1 for r in rows):
                return self.stacked([self.read(r[0]) for r in rows], tree.span)
            case Relation():
                return self.test(tree)
            case Dots():
                raise Unreadable("dots are not read: write the sum with its sign", tree.span)
            case Text(text):
                raise Unreadable(f"the words '{text}' stand where a formula should", tree.span)
        raise Unreadable("this construct is not read", tree.span)

    def choose(self, what: str, options: tuple[str, ...], span: Span) -> str:
        return self.choices.choose(what, options, span)

    def number(self, tree: Tree) -> Fraction:
        found = self.read(tree).term
        if not isinstance(found, Num):
            raise Unreadable("a number was expected here", tree.span)
        return found.value

    # -- products ----------------------------------------------------------------------------------------------------------

    def side_by_side(self, items: tuple[Tree, ...], span: Span) -> Typed:
        """A product without a sign; `d` before a quantity makes it a gradient, and a differential that was declared is one thing."""
        factors: list[Typed] = []
        rest = [t for t in items if not isinstance(t, Text)]
        while rest:
            count = next((n for n in range(len(rest), 1, -1) if key(Juxtaposed(tuple(rest[:n]))) in self.context.named), 0)
            if count:
                factors.append(self.read(self.context.named[key(Juxtaposed(tuple(rest[:count])))]))
                rest = rest[count:]
            elif len(rest) > 1 and key(rest[0]) == "d" and "d" not in self.context.symbols and _is_letter(rest[1]):
                whole = differential(rest[1])
                factors.append(self.symbol(whole) if self.lookup(whole) is not None else self.gradient(rest[1]))
                rest = rest[2:]
            else:
                factors.append(self.read(rest[0]))
                rest = rest[1:]
        found = factors[0]
        for factor in factors[1:]:
            found = self.product("", found, factor, span)
        return found

    def product(self, op: str, x: Typed, y: Typed, span: Span) -> Typed:
        """The product of two terms, by the sign between them and what the conventions say of it."""
        if op == "@" and (isinstance(x.term, Num) or isinstance(y.term, Num)):
            raise Misfit("the sign @ stands between matrices, not beside a number", span)
        if x.is_scalar or y.is_scalar:
            return Typed(mul(x.term, y.term), x.rows or y.rows, x.cols or y.cols)
        conventions, labels = self.context.conventions, self.labels
        if op in _ELEMENTWISE:
            return labels.elementwise(x, y, span, self.broadcast)
        if op == "otimes":
            return labels.matmul(x, labels.transpose(y), span)
        if op == "@" or (op == "" and conventions.juxtaposition == "matrix"):
            return self.matrix_product(x, y, span)
        way = "elementwise" if self.python else conventions.star if op == "*" else conventions.juxtaposition if op == "" else conventions.cdot
        if way == "elementwise":
            return labels.elementwise(x, y, span, self.broadcast)
        if way == "matrix":
            return labels.matmul(x, y, span)
        fits, conforms = labels.fits(x, y), labels.conforms(x, y)
        if fits and (conforms or x.is_vector):
            other = "matrix product" if conforms else "inner product"
            way = self.choose(f"the sign {op or 'of juxtaposition'}", ("product entry by entry", other), span)
            return labels.elementwise(x, y, span) if way == "product entry by entry" else labels.matmul(x, y, span) if conforms else labels.inner(x, y, span)
        return labels.elementwise(x, y, span) if fits else labels.matmul(x, y, span)

    def matrix_product(self, x: Typed, y: Typed, span: Span) -> Typed:
        """A matrix product; in Python a vector lies as it is needed."""
        if self.python and not self.labels.conforms(x, y):
            for a, b in ((x, self.labels.transpose(y)) if y.is_vector else (x, y), (self.labels.transpose(x) if x.is_vector else x, y)):
                if self.labels.conforms(a, b):
                    return self.labels.matmul(a, b, span)
        return self.labels.matmul(x, y, span)

    def quotient(self, x: Typed, y: Typed, span: Span) -> Typed:
        if y.term == Num(Fraction(0)):
            raise Unreadable("a division by zero", span)
        x, y = self.labels.onto(x, y, span, "a quotient entry by entry", self.broadcast)
        if isinstance(x.term, Num) and isinstance(y.term, Num):
            return Typed(Num(x.term.value / y.term.value))
        return Typed(Div(x.term, y.term), x.rows or y.rows, x.cols or y.cols)

    def power(self, x: Typed, exponent: Typed, span: Span) -> Typed:
        """A power, entry by entry."""
        if not exponent.is_scalar:
            raise Misfit(f"an exponent is a number, not a matrix of shape {self.labels.shape(exponent)}", span)
        match x.term, exponent.term:
            case Pow(base, Num(a)), Num(b) if (a * b).denominator == 1 and a.denominator == 2:
                return replace(x, term=base if a * b == 1 else Pow(base, Num(a * b)))
            case Num(a), Num(b) if b.denominator == 1 and abs(b) <= 64 and (a or b > 0):
                return Typed(Num(Fraction(a) ** int(b)))
            case _, Num(b) if abs(b) > 10**6:
                raise Unreadable("this power is too large", span)
        return replace(x, term=Pow(x.term, exponent.term))

    def squared_norm(self, x: Typed) -> Typed:
        return self.labels.summed(replace(x, term=Pow(x.term, Num(Fraction(2)))), "all")

    def stacked(self, pieces: Sequence[Typed], span: Span) -> Typed:
        """Column vectors one below the other."""
        if not all(p.rows is not None and p.cols is None for p in pieces):
            raise Unreadable("only column vectors are stacked", span)
        sizes = [self.labels.sizes.get(p.rows or "") for p in pieces]
        if any(n is None for n in sizes):
            raise Unreadable("the pieces of a stack need known sizes", span)
        label, start, found = self.labels.new(sum(sizes, Integer(0))), Integer(0), []
        for p, n in zip(pieces, sizes, strict=True):
            shifted: Index = Affine(((label, 1),), -start) if start != 0 else label
            inside = mul(Compare(">", Position(label), Scalar(start)), Compare("<=", Position(label), Scalar(start + n)))
            found.append(Where(inside, relabel(p.term, {p.rows or "": shifted}), Num(Fraction(0))))
            start += n
        return Typed(Add(tuple(found)), rows=label)

    # -- symbols -----------------------------------------------------------------------------------------------------------

    def symbol(self, tree: Tree) -> Typed:
        """A letter with its scripts: a quantity, a name for a formula, a size, a number, a gradient such as dW, or a bracket indexed."""
        inner = tree.base if isinstance(tree, Script) else tree
        while isinstance(inner, Script):
            inner = inner.base
        if not isinstance(inner, Name):
            rest = _rest(tree)
            if isinstance(inner, Fence) and inner.open == "||" and rest.sub:
                return self.raised(self.norm(inner.body, rest.sub, tree), rest.sup, tree)
            return self.scripted(self.read(inner), tree, key(tree), rest)
        found = self.lookup(tree)
        if found is None and self.python:
            typed = self.identifier(inner.name)
            if typed is not None:
                return self.scripted(typed, tree, inner.name, _rest(tree))
        if inner.name == "delta" and (found is None or (found[1].layer is None and found[1].pattern.where)):
            kronecker = self.kronecker(tree)
            if kronecker is not None:
                return kronecker
        if found is None:
            return self.unknown(tree)
        symbol, rest, alias = found
        return self.meant(symbol, rest, alias, tree)

    def norm(self, body: Tree, sub: tuple[Tree, ...], tree: Tree) -> Typed:
        """A norm with its name below it: 2 and F are Euclid's, 1 is the sum of absolute values."""
        found = self.read(body)
        match tuple(map(key, sub)):
            case ("F",) | ("2",):
                return self.power(self.squared_norm(found), Typed(Num(Fraction(1, 2))), tree.span)
            case ("1",) if not (found.rows and found.cols):
                return self.labels.summed(replace(found, term=Fn("abs", found.term)), "all")
        raise Unreadable(f"the norm {key(tree)} is not read; \\|x\\|_1 of a vector, \\|x\\|_2 and \\|X\\|_F are", tree.span)

    def identifier(self, name: str) -> Typed | None:
        """A Python name for a symbol: `dZ2` for dZ^{[2]}, `yhat` for a y with a hat, `a_prev` with its subscript."""
        for tree in identifiers(name, self.context):
            found = self.lookup(tree)
            if found is not None and not found[1].sub and (found[1].layer is not None or not found[0].pattern.where):
                return self.symbol(tree)
        if name.startswith("d") and len(name) > 1 and self.context.loss is not None:
            for tree in (Name(name[1:].lstrip("_")), *identifiers(name[1:].lstrip("_"), self.context)):
                if self.lookup(tree) is not None:
                    return self.gradient(tree)
        return None

    def kronecker(self, tree: Tree) -> Typed | None:
        """A delta with two indices and no layer."""
        rest = _rest(tree)
        pieces = [c for p in rest.sub for c in (p.text if isinstance(p, Number) and len(rest.sub) == 1 else [p])]
        if len(pieces) != 2 or rest.sup or rest.primes:
            return None
        return Typed(Delta(*self.indices(rest.sub, 2, tree)))

    def lookup(self, tree: Tree) -> tuple[Symbol, Found, bool] | None:
        """The declared symbol that `tree` is written with; the flag says that its letter stands in the other case."""
        letter = letter_key(tree)
        other = swapped_case(letter)
        for base, alias in ((letter, False), (other, True)):
            if base is None:
                continue
            fitting = []
            for symbol in self.context.symbols.get(base, ()):
                found = match(tree, symbol.pattern, {**self.env, **self.context.depths}, letter)
                if found is not None and not (alias and not isinstance(symbol.meaning, (Quantity, Macro))):
                    missing = found.layer is None and symbol.pattern.where != ""
                    fitting.append((symbol.pattern.weight - missing + self.fit(symbol, found) / 2, symbol, found))
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

    def meant(self, symbol: Symbol, rest: Found, alias: bool, tree: Tree) -> Typed:
        meaning = symbol.meaning
        match meaning:
            case Constant(value):
                base = Typed(Num(Fraction(int(value))) if getattr(value, "is_Integer", False) else Scalar(value))
            case Size():
                return self.scripted(Typed(Scalar(self.size_of(meaning, rest, tree))), tree, key(tree), rest)
            case Function():
                raise Unreadable(f"the function {key(tree)} needs an argument", tree.span)
            case Macro(formula, variable, offset, letters):
                env = self.env if rest.layer is None or not variable else {**self.env, variable: rest.layer - offset}
                if variable and rest.layer is not None and variable in self.context.families:
                    low, high = self.context.families[variable]
                    if not low <= rest.layer - offset <= high:
                        raise OutOfLayers(f"{key(tree)} has no layer {rest.layer}", tree.span)
                base = self.expanded(formula, env, letters)
            case Quantity(tensors):
                tensor = self.tensor(meaning, rest, tree)
                if rest.primes:
                    return self.primed(tensor, meaning, rest, tree)
                return self.entries(tensor, meaning, rest, alias, tree)
        return self.scripted(base, tree, key(tree), rest, alias)

    def expanded(self, formula: Tree, env: Mapping[str, int], letters: tuple[str, ...]) -> Typed:
        """A name's formula, read on its own; the letters it was given with become rows and columns."""
        outer, self.bound = self.bound, {}
        try:
            with self.at(env):
                found = self.read(formula)
        finally:
            self.bound = outer
        if letters and found.is_scalar:
            axes = [self.labels.new(self.labels.sizes.get(k)) for k in letters]
            term = relabel(found.term, dict(zip(letters, axes, strict=True)))
            found = Typed(term, *(axes if len(axes) == 2 else (axes[0], None) if self.context.conventions.vectors == "column" else (None, axes[0])))
        caught = {k: self.bound[k] for k in free(found.term) if k in self.bound}
        return self.labels.moved(found, caught)

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
                raise Unreadable(f"{key(tree)} needs its layer", tree.span)
        if layer not in quantity.tensors:
            raise OutOfLayers(f"{key(tree)} has no layer {layer}", tree.span)
        return quantity.tensors[layer]

    def size_of(self, meaning: Size, rest: Found, tree: Tree) -> Any:
        if rest.pattern.where and rest.layer is None:
            raise Unreadable(f"{key(tree)} needs its layer", tree.span)
        return symbol_size(meaning.name, rest.layer)

    def whole(self, tensor: Tensor, quantity: Quantity) -> Typed:
        """A quantity with all its entries."""
        face = quantity.faces[tensor]
        if face is None:
            raise Unreadable(f"{tensor} has {tensor.rank} axes: write its indices")
        labels = [self.labels.new(n) for n in tensor.shape]
        row, col = (None if axis is None else labels[axis] for axis in face)
        return Typed(Leaf(tensor, tuple(labels)), row, col)

    def entries(self, tensor: Tensor, quantity: Quantity, rest: Found, alias: bool, tree: Tree) -> Typed:
        if quantity.faces[tensor] is None:
            indices = self.indices(rest.sub, tensor.rank, tree)
            for i, n in zip(indices, tensor.shape, strict=True):
                if isinstance(i, str):
                    self.labels.note(i, n, key(tree), tree.span)
            return self.raised(Typed(Leaf(tensor, tuple(indices))), rest.sup, tree)
        return self.scripted(self.whole(tensor, quantity), tree, key(tree), rest, alias, quantity.classes)

    def primed(self, tensor: Tensor, quantity: Quantity, rest: Found, tree: Tree) -> Typed:
        """`a'` for a quantity that is a function of one other, entry by entry: its derivative by that one."""
        sources = self.context.uses.get(tensor, ())
        if rest.primes != 1 or len(sources) != 1 or sources[0].shape != tensor.shape:
            raise Unreadable(f"{key(tree)}: a prime needs a function, and {tensor} is none of one other quantity", tree.span)
        whole = self.whole(tensor, quantity)
        assert isinstance(whole.term, Leaf)
        found = replace(whole, term=Derived(tensor, whole.term.indices, sources[0], whole.term.indices))
        return self.scripted(found, tree, key(tree), replace(rest, primes=0))

    def unknown(self, tree: Tree) -> Typed:
        """A gradient such as dW, the number e, a transposed bracket; else a name that nothing defines."""
        letter = letter_key(tree)
        if letter == "e" and isinstance(tree, Script) and tree.sup is not None and tree.sub is None:
            return self._exponential(tree)
        if letter == "pi":
            from sympy import pi

            return Typed(Scalar(pi))
        inner = letter[1:].lstrip("_")
        if letter.startswith("d") and inner and self.context.loss is not None and self.known(inner):
            return self.gradient(_renamed(tree, inner))
        if letter == "I":
            return self.scripted(self.labels.identity(), tree, key(tree), _rest(tree))
        if letter in ("1", "one", "ones") and isinstance(tree, (Name, Script)):
            return self.scripted(self.labels.ones(rows=True), tree, key(tree), _rest(tree))
        run = _word(tree)
        name = run if len(run) > 1 and not self.known(run) else letter
        raise Unreadable(f"'{name}' is not defined{self.near(name)}", tree.span)

    def _exponential(self, tree: Script) -> Typed:
        assert tree.sup is not None
        found = self.read(tree.sup)
        return replace(found, term=Fn("exp", found.term))

    def known(self, letter: str) -> bool:
        other = swapped_case(letter)
        return letter in self.context.symbols or (other is not None and other in self.context.symbols)

    def near(self, name: str) -> str:
        from difflib import get_close_matches

        found = get_close_matches(name, list(self.context.symbols), n=1)
        return f"; did you mean '{found[0]}'?" if found else f". Known: {', '.join(sorted(self.context.symbols))}"

    # -- indices -----------------------------------------------------------------------------------------------------------

    def indices(self, trees: tuple[Tree, ...], wanted: int, of: Tree) -> list[Index]:
        """The indices in a subscript; digits or letters that make one word, as in `w_{12}` or `w_{tr}`, come apart where so many are wanted."""
        pieces = list(trees)
        match pieces:
            case [Number(text)] if len(text) == wanted:
                pieces = [Number(c, span=pieces[0].span) for c in text]
            case [Name(word, ())] if len(word) == wanted > 1:
                pieces = [Name(c, span=pieces[0].span) for c in word]
        return [self.index(p, of) for p in pieces]

    def index(self, tree: Tree, of: Tree) -> Index:
        """An index: a letter, a number, or their sum."""
        match tree:
            case Number(text) if text.isdigit():
                return int(text)
            case Fence("(" | "{" | "[", body, _):
                return self.index(body, of)
            case Infix("+" | "-" as op, left, right):
                sign = 1 if op == "+" else -1
                a, b = self.index(left, of), self.index(right, of)
                return _affine(a, b, sign)
            case Signed("-", arg):
                return _affine(0, self.index(arg, of), -1)
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
        raise Unreadable(f"this is no index of {key(of)}", tree.span)

    def scripted(self, x: Typed, tree: Tree, what: str, rest: Found, alias: bool = False, classes: bool = False) -> Typed:
        """A matrix with what is left of its scripts: an example in a superscript, indices, a transpose, a power."""
        sup = list(rest.sup)
        samples = self.context.samples
        where = self.sample_axis(x)
        for n, part in enumerate(sup):
            if isinstance(part, Fence) and part.open in "([" and where is not None:
                x = self.labels.at(x, where, self.index(part.body, tree), what, tree.span)
                where = None
                del sup[n]
                break
        if rest.sub:
            x = self.picked(x, rest.sub, tree, where, alias, classes)
        elif alias and where is not None and not x.is_scalar and samples is not None and self.in_other_case(tree):
            x = self.labels.at(x, where, self.implied(), what, tree.span)
        return self.raised(x, tuple(sup), tree)

    def in_other_case(self, tree: Tree) -> bool:
        """A small letter for a matrix is one example of it."""
        name = letter_key(tree).split(" ")[-1]
        return name[-1:].islower() if len(name) <= 2 else name[:1].islower()

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

    def picked(self, x: Typed, sub: tuple[Tree, ...], tree: Tree, where: str | None, alias: bool, classes: bool) -> Typed:
        """The entries of a matrix at the indices in its subscript."""
        axes = [k for k in x.face if k is not None]
        if classes and len(sub) == 1:
            # a class number as such: y_i in 1{y_i = k} and p_{y_i} is read where it stands
            raise Unreadable(f"{key(tree)} is the number of a class: use it as an index or in a condition", tree.span)
        if len(sub) == 1 and len(axes) == 2 and self.class_index(sub[0]) is not None:
            return self.class_entry(x, sub[0], tree)
        if len(sub) == 2 and len(axes) == 2 and self.class_index(sub[1]) is not None:
            x = self.labels.at(x, axes[0], self.index(sub[0], tree), key(tree), tree.span)
            return self.of_class(x, axes[1], sub[1], tree)
        indices = self.indices(sub, len(axes), tree)
        if self.beyond(axes, indices):  # w_{21} of a column is its second entry
            indices = self.indices(sub, 2, tree)
        if len(indices) == len(axes) + 1 <= 2:  # along an axis of one there is nothing to choose
            single = x.face.index(None) if axes else 0
            if indices.pop(single) != 1:
                raise Misfit(f"{key(tree)}: the quantity is one long there, so this index is 1", tree.span)
        if len(indices) == len(axes):
            for axis, i in zip(axes, indices, strict=True):
                x = self.labels.at(x, axis, i, key(tree), tree.span)
            return x
        if len(indices) == 1 and len(axes) == 2 and where is not None:
            other = next(k for k in axes if k != where)
            (i,) = indices
            known = self.labels.sizes.get(i) if isinstance(i, str) else None
            letter = i.partition("#")[0] if isinstance(i, str) else ""
            means_sample = known == self.context.samples if known is not None else letter in self.context.sample_letters
            if means_sample:
                return self.labels.at(x, where, i, key(tree), tree.span)
            x = self.labels.at(x, other, i, key(tree), tree.span)
            return self.labels.at(x, where, self.implied(), key(tree), tree.span)
        raise Unreadable(f"{key(tree)} has {len(indices)} indices, but the quantity has {len(axes)} axes", tree.span)

    def beyond(self, axes: Sequence[str], indices: Sequence[Index]) -> bool:
        """Whether one number of several digits lies beyond a single axis, so that its digits are several indices."""
        size = self.labels.sizes.get(axes[0]) if len(axes) == len(indices) == 1 else None
        return isinstance(size, Integer) and isinstance(indices[0], int) and indices[0] > size

    def class_index(self, tree: Tree) -> tuple[Tensor, Index] | None:
        """The class numbers and the example, if `tree` is the number of a class such as y_i."""
        if not isinstance(tree, (Name, Script)):
            return None
        found = self.lookup(tree)
        if found is None or not isinstance(found[0].meaning, Quantity) or not found[0].meaning.classes:
            return None
        symbol, rest, _ = found
        assert isinstance(symbol.meaning, Quantity)
        i = self.index(rest.sub[0], tree) if rest.sub else self.implied()
        return self.tensor(symbol.meaning, rest, tree), i

    def class_entry(self, x: Typed, tree: Tree, of: Tree) -> Typed:
        """`p_{y_i}`: the entry of the right class, a sum against the one-hot target."""
        found = self.class_index(tree)
        assert found is not None
        _, i = found
        where = self.sample_axis(x)
        other = next((k for k in x.face if k is not None and k != where), None)
        if where is None or other is None:
            raise Unreadable(f"{key(of)}: the number of a class is an index of a matrix with examples", of.span)
        x = self.labels.at(x, where, i, key(of), of.span)
        return self.of_class(x, other, tree, of)

    def of_class(self, x: Typed, axis: str, tree: Tree, of: Tree) -> Typed:
        """The entry of the right class along an axis."""
        found = self.class_index(tree)
        assert found is not None
        y, i = found
        self.labels.note(axis, y.shape[-1], key(of), of.span)
        return Typed(self.labels.sum_over(mul(Leaf(y, (i, axis)), x.term), axis))

    def raised(self, x: Typed, sup: tuple[Tree, ...], tree: Tree) -> Typed:
        """Transposes and powers in a superscript."""
        for part in sup:
            if key(part) in TRANSPOSES and not self.is_number(part):
                x = self.labels.transpose(x)
            elif isinstance(part, (Number, Signed, Frac, Infix, Fence, Name, Script)):
                if key(part) in ("-1",) and not x.is_scalar:
                    raise Unreadable("the inverse of a matrix is not read", part.span)
                x = self.power(x, self.read(part), tree.span)
            elif not isinstance(part, Text):
                raise Unreadable(f"the superscript of {key(tree)} is not read", part.span)
        return x

    def is_number(self, tree: Tree) -> bool:
        """Whether a letter was declared as a number or a size, and so may be a power."""
        return any(isinstance(s.meaning, (Constant, Size)) for s in self.context.symbols.get(key(tree), ()))

    # -- derivatives -------------------------------------------------------------------------------------------------------

    def gradient(self, tree: Tree) -> Typed:
        """`dW`: the derivative of the loss."""
        if self.context.loss is None:
            raise Unreadable(f"d{key(tree)}: no loss is declared", tree.span)
        return self.derived(Typed(Leaf(self.context.loss, ())), tree, tree.span)

    def derivative(self, tree: Derivative) -> Typed:
        if len(tree.by) != 1:
            raise Unreadable("second derivatives are not read", tree.span)
        if tree.of is None:
            raise Unreadable("nothing is differentiated here", tree.span)
        by = self.read(tree.by[0]) if self.is_quantity(tree.by[0]) else None
        function = self.function_name(tree.of)
        if function is not None and by is not None:
            return replace(by, term=Fn(function, by.term, 1))
        return self.derived(self.read(tree.of), tree.by[0], tree.span, tree.sign)

    def is_quantity(self, tree: Tree) -> bool:
        return isinstance(tree, (Name, Script)) and self.lookup(tree) is not None

    def function_name(self, tree: Tree) -> str | None:
        found = self.lookup(tree) if isinstance(tree, (Name, Script)) else None
        return found[0].meaning.name if found is not None and isinstance(found[0].meaning, Function) else None

    def derived(self, of: Typed, variable: Tree, span: Span, sign: str = "partial") -> Typed:
        """The derivative of a term by a quantity."""
        by = self.variable(variable)
        if not isinstance(by.term, Leaf):
            raise Unreadable(f"{key(variable)} is no quantity of the network, so nothing is differentiated by it", variable.span)
        shared = (free(of.term) & free(by.term)) & {k for k in (*of.face, *by.face) if k is not None}
        if shared:
            by = self.labels.moved(by, {k: self.labels.new(self.labels.sizes.get(k)) for k in shared})
        assert isinstance(by.term, Leaf)
        source = by.term
        if not of.is_scalar and not by.is_scalar:
            if not (of.is_vector and by.is_vector):
                raise Unreadable("the derivative of a matrix by a vector or matrix has more than two axes: write it with indices", span)
            return self.jacobian(of, by, source, span)
        if of.is_scalar and by.is_vector and self.context.conventions.gradient == "jacobian":
            by = replace(by, rows=by.cols, cols=by.rows)
        return Typed(self.slope(of.term, source), of.rows or by.rows, of.cols or by.cols)

    def jacobian(self, of: Typed, by: Typed, source: Leaf, span: Span) -> Typed:
        """A vector by a vector: the Jacobian, or where one is the other entry by entry perhaps its diagonal as a vector."""
        down, across = of.rows or of.cols, by.rows or by.cols
        assert down is not None and across is not None
        if isinstance(of.term, Leaf) and self.context.uses.get(of.term.tensor) == (source.tensor,) and self.labels.sizes.get(down) == self.labels.sizes.get(across):
            way = self.context.conventions.partial
            if way == "auto":
                way = self.choose("the derivative of a vector by a vector", ("jacobian", "elementwise"), span)
            if way == "elementwise":
                inside = relabel(source, {across: down})
                assert isinstance(inside, Leaf)
                return replace(of, term=self.slope(of.term, inside))
        term = self.slope(of.term, source)
        return Typed(term, down, across) if self.context.conventions.jacobian == "numerator" else Typed(term, across, down)

    def slope(self, of: Term, by: Leaf) -> Term:
        if isinstance(of, Leaf):
            return Derived(of.tensor, of.indices, by.tensor, by.indices)
        if isinstance(of, Num):
            return Num(Fraction(0))
        return Slope(of, by.tensor, by.indices)

    def variable(self, tree: Tree) -> Typed:
        """The quantity that something is differentiated by; without its layer the last one that the loss is made of."""
        found = self.lookup(tree) if isinstance(tree, (Name, Script)) else None
        if found is not None and isinstance(found[0].meaning, Quantity) and found[1].layer is None and found[1].pattern.where:
            tensors = found[0].meaning.tensors
            direct = self.context.uses.get(self.context.loss, ()) if self.context.loss is not None else ()
            layer = next((n for n, t in tensors.items() if t in direct), None)
            if layer is not None:
                return self.meant(found[0], replace(found[1], layer=layer), found[2], tree)
        return self.read(tree)

    def nabla(self, tree: Nabla) -> Typed:
        if tree.by is None:
            raise Unreadable("the gradient needs what it is taken by, as in \\nabla_a C", tree.span)
        return self.derived(self.read(tree.of), tree.by, tree.span)

    # -- sums, conditions, cases -------------------------------------------------------------------------------------------

    def big(self, tree: Big) -> Typed:
        """A sum or product over indices, over layers, or over all entries."""
        if tree.kind not in ("sum", "prod"):
            raise Unreadable(f"'{tree.kind}' over an index is not read", tree.span)
        if not tree.indices:
            return self.labels.summed(self.read(tree.body), "all")
        if key(tree.indices[0]) in self.context.families and key(tree.indices[0]) not in self.bound:
            return self.over_layers(tree)
        first, *others = tree.indices
        letter = key(first)
        label = self.labels.new(like=letter)
        before = self.bound.get(letter)
        self.bound[letter] = label
        try:
            body = self.read(replace(tree, indices=tuple(others), low=None, high=None)) if others else self.read(tree.body)
            guard = None if tree.condition is None or others else self.condition(tree.condition)
            start = ONE if tree.low is None else self.read(tree.low).term
        finally:
            if before is None:
                del self.bound[letter]
            else:
                self.bound[letter] = before
        size = self.labels.sizes.get(label)
        if tree.high is not None:
            size = self.range(tree, letter, size, start)
        if size is None:
            raise Unreadable(f"nothing says how far the sum over {letter} runs", tree.span)
        self.labels.sizes[label] = size
        term = body.term if guard is None else Where(guard, body.term, Num(Fraction(0 if tree.kind == "sum" else 1)))
        if start != ONE and start != Num(Fraction(0)):
            term = Where(Compare(">=", Position(label), start), term, Num(Fraction(0 if tree.kind == "sum" else 1)))
        return replace(body, term=Sum_(term, label, size, tree.kind))

    def range(self, tree: Big, letter: str, size: Any, start: Term) -> Any:
        """How far a sum runs by its limits, which must be its axis."""
        assert tree.high is not None
        term = self.read(tree.high).term
        if start == Num(Fraction(0)) and isinstance(term, Add):  # from 0 to n - 1 are n, as from 1 to n
            rest = [t for t in term.terms if t != Num(Fraction(-1))]
            term = rest[0] if len(rest) == 1 else term
        high = term.symbol if isinstance(term, Scalar) else Integer(int(term.value)) if isinstance(term, Num) and term.value.denominator == 1 else None
        if high is None:
            raise Unreadable(f"the upper end of the sum over {letter} is no size", tree.high.span)
        if size is not None and high != size:
            raise Misfit(f"the sum over {letter} runs to {high}, but its axis has {size}", tree.span)
        return high

    def over_layers(self, tree: Big) -> Typed:
        """A sum over layers, written out."""
        letter = key(tree.indices[0])
        low, high = self.context.families[letter]
        everything = {**self.env, **self.context.depths}
        if tree.low is not None:
            low = family_number(tree.low, everything) or low
        if tree.high is not None:
            found = family_number(tree.high, everything)
            if found is None:
                raise Unreadable(f"the upper end of the sum over the layers {letter} is no layer", tree.high.span)
            high = found
        pieces = []
        for n in range(low, high + 1):
            with self.at({**self.env, letter: n}):
                pieces.append(self.read(tree.body))
        if not pieces:
            return Typed(Num(Fraction(0)))
        if tree.kind == "sum":
            return self.labels.total(pieces, tree.span, False)
        found_product = pieces[0]
        for piece in pieces[1:]:
            found_product = self.product("", found_product, piece, tree.span)
        return found_product

    def condition(self, tree: Tree) -> Term:
        """A relation between numbers, as 1 or 0."""
        found = self.test(tree)
        if not found.is_scalar:
            raise Misfit(f"a condition on single numbers was expected, not on a matrix of shape {self.labels.shape(found)}", tree.span)
        return found.term

    def test(self, tree: Tree) -> Typed:
        """A relation between numbers, indices or class numbers as 1 or 0, entry by entry between matrices."""
        match tree:
            case Relation(op, left, right) if op in ("=", "!=", "<", "<=", ">", ">="):
                for number, other in ((left, right), (right, left)):
                    found = self.class_index(number)
                    if found is not None and op in ("=", "!="):
                        y, i = found
                        k = self.index(other, tree)
                        if isinstance(k, str):
                            self.labels.note(k, y.shape[-1], key(number), tree.span)
                        entry = Leaf(y, (i, k))
                        return Typed(entry if op == "=" else Add((ONE, negative(entry))))
                a, b = self.labels.onto(self.compared(left), self.compared(right), tree.span, "a condition entry by entry", self.broadcast)
                return Typed(Compare(op, a.term, b.term), a.rows or b.rows, a.cols or b.cols)
            case Fence(_, body, _):
                return self.test(body)
            case Listed(items):
                return Typed(mul(*(self.condition(i) for i in items)))
        raise Unreadable("a condition such as z > 0 was expected here", tree.span)

    def compared(self, tree: Tree) -> Typed:
        """One side of a condition: an index or a quantity."""
        if isinstance(tree, Name) and key(tree) in self.bound:
            return Typed(Position(self.bound[key(tree)]))
        if isinstance(tree, (Name, Script)) and self.lookup(tree) is None and not (self.python and isinstance(tree, Name) and self.identifier(tree.name)):
            return Typed(Position(self.index(tree, tree)))
        return self.read(tree)

    def cases(self, pieces: Sequence[tuple[Tree, Tree | None]], span: Span) -> Typed:
        *first, (last, _) = pieces
        found = self.read(last)
        for value, when in reversed(first):
            if when is None:
                raise Unreadable("each case but the last needs a condition", span)
            found = self.where(self.test(when), self.read(value), found, span)
        return found

    def where(self, test: Typed, then: Typed, otherwise: Typed, span: Span) -> Typed:
        """One matrix where a condition holds, the other elsewhere."""
        then, otherwise = self.labels.onto(then, otherwise, span, "the cases", self.broadcast)
        whole, test = self.labels.onto(otherwise if then.is_scalar else then, test, span, "a condition and its cases", self.broadcast)
        return Typed(Where(test.term, then.term, otherwise.term), whole.rows or test.rows, whole.cols or test.cols)


def identifiers(name: str, context: Context) -> list[Tree]:
    """The symbols that a Python name may stand for."""
    base, digits = re.fullmatch(r"(.*?)_?(\d*)", name).groups()  # type: ignore[union-attr]
    found: list[Tree] = []
    letters: list[Tree] = [Name(base)] if base else []
    for accent in ("hat", "tilde", "bar"):
        if base.endswith(accent) and len(base) > len(accent):
            letters.append(Name(base[: -len(accent)].rstrip("_"), (accent,)))
    for letter in letters:
        found += [letter] if not digits else []
        for s in context.symbols.get(key(letter), ()) if digits else ():
            number: Tree = Number(digits)
            if s.pattern.where:
                closing = {"[": "]", "(": ")", "{": "}"}
                number = Fence(s.pattern.bracket, number, closing[s.pattern.bracket]) if s.pattern.bracket else number
            found.append(Script(letter, None, number) if s.pattern.where == "sup" else Script(letter, number))
    head, _, tail = name.partition("_")
    if tail:
        found.append(Script(Name(head), Name(tail) if not tail.isdigit() else Number(tail)))
        found.append(Script(Name(head), None, Name(tail)))
    return found


def symbol_size(name: str, layer: int | None) -> Any:
    """The SymPy size of a declared one."""
    plain = "".join(c if c.isalnum() else "_" for c in name if c not in "{}")
    return size_symbol(plain) if layer is None else size_symbol(plain, layer)


def Sum_(term: Term, label: str, size: Any, kind: str) -> Term:
    from symbackprop.checker.terms import Sum

    return Sum(term, label, size, kind)


def _affine(a: Index, b: Index, sign: int) -> Index:
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


def _rest(tree: Tree) -> Found:
    """All scripts of a tree, for what is no declared symbol."""
    from symbackprop.checker.symbols import Pattern, _unscripted

    _, sub, sup, primes = _unscripted(tree)
    return Found(Pattern(""), None, sub, sup, primes)


def _is_letter(tree: Tree) -> bool:
    """Whether a tree is a letter with or without scripts."""
    return isinstance(tree, Name) or (isinstance(tree, Script) and _is_letter(tree.base))


def differential(tree: Tree) -> Tree:
    """`dZ` as one letter, for a d before a quantity."""
    return _renamed(tree, "d" + letter_key(tree).split(" ")[-1])


def _renamed(tree: Tree, letter: str) -> Tree:
    """The tree with another letter under its scripts: W^{[1]} for dW^{[1]}."""
    if isinstance(tree, Script):
        return replace(tree, base=_renamed(tree.base, letter))
    assert isinstance(tree, Name)
    return replace(tree, name=letter.split(" ")[-1])


def _word(tree: Tree) -> str:
    while isinstance(tree, Script):
        tree = tree.base
    return tree.word if isinstance(tree, Name) else ""
