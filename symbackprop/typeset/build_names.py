"""What a quantity is called in a notation: letters, layers, indices and sizes, as typographic nodes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from sympy import Add, Integer, Mul, Symbol, sympify
from sympy.core.function import AppliedUndef

from symbackprop.equations import Entry, Grad, Layers, Tensor, index
from symbackprop.glyphs import GLYPHS
from symbackprop.languages import Message
from symbackprop.letters import Letter, letters
from symbackprop.notation import Notation
from symbackprop.typeset import tree as t

WORDS: dict[str, str] = {"if": Message("if"), "otherwise": Message("otherwise"), "and": Message("and"), "or": Message("or")}
"""The words that stand inside formulas, in English; a translation replaces the values."""

_PARTIAL = t.Symbol("partial")
BOLD = {"none": "", "upright": "bold_upright", "italic": "bold"}


@cache
def glyph(text: str, style: str = "") -> t.Node:
    """The letters that a text of a notation names, in their own style or in `style`.

    >>> glyph("calligraphic:L"), glyph("x_1").sub
    (Symbol(name='L', style='calligraphic'), Number(text='1'))
    """
    nodes = [_drawn(letter, style) for letter in letters(text)]
    return nodes[0] if len(nodes) == 1 else t.row(*nodes)


def _drawn(letter: Letter, style: str) -> t.Node:
    style = letter.style or style or "italic"
    if style == "upright" and len(letter.name) > 1 and letter.name not in GLYPHS:
        style = "word"
    node: t.Node = t.Symbol(letter.name, "bold" if style == "bold_upright" and letter.name in GLYPHS else style)
    for mark in reversed(letter.marks):
        node = t.Accent(node, mark)
    if letter.sub is None:
        return node
    below: t.Node = t.Number(letter.sub.name) if letter.sub.name.isdigit() else _drawn(letter.sub, "")
    return t.Scripts(node, below)


def tall(node: t.Node) -> bool:
    """Whether fences around a node must grow.

    >>> tall(t.row(t.Symbol("x"), t.Fraction(t.Number("1"), t.Number("2"))))
    True
    """
    match node:
        case t.Fraction() | t.BigOperator() | t.Matrix() | t.Cases() | t.Aligned() | t.Brace():
            return True
        case t.Row(items):
            return any(map(tall, items))
        case t.Scripts(base) | t.Prime(base) | t.Accent(base):
            return tall(base)
        case t.Fence(body, _, _, grow):
            return grow or tall(body)
        case t.Root(body):
            return tall(body)
    return False


def fence(node: t.Node, left: str = "(", right: str = ")") -> t.Fence:
    """A node between delimiters that fit its height.

    >>> fence(t.Symbol("x")).grow
    False
    """
    return t.Fence(node, left, right, tall(node))


def juxtaposed(nodes: Sequence[t.Node]) -> t.Node:
    """Factors side by side, with a dot or a thin space where two of them would be misread as one.

    >>> juxtaposed([t.Symbol("x"), t.Number("2")]).items[1]
    Operator(name='cdot')
    """
    parts: list[t.Node] = []
    before: tuple[t.Node, ...] = ()
    for node in nodes:
        items = t.row(node).items
        if parts and _starts_with_number(node):
            parts.append(t.Operator("cdot"))
        elif parts and items and _needs_gap(before, items):
            parts.append(t.Space("thin"))
        parts += items
        before = items or before
    return parts[0] if len(parts) == 1 else t.Row(tuple(parts))


def _needs_gap(factor: tuple[t.Node, ...], items: tuple[t.Node, ...]) -> bool:
    """Between fractions, and beside a name of several letters such as dW or net, which would run into the letters beside it."""
    before, after = factor[-1], items[0]
    if t.is_word(after):  # the name of a function brings its own space
        return False
    if _is_word(after) or (_is_word(before) and not isinstance(after, t.Fence)):
        return not any(isinstance(n, (t.Operator, t.Space)) for n in (before, after))
    if isinstance(before, t.Fraction):
        return isinstance(after, t.Fraction)
    return _is_spelled(items) or (_is_spelled(factor) and isinstance(after, _LETTERS))


def _is_spelled(items: tuple[t.Node, ...]) -> bool:
    """Whether a factor is a name of several letters, dW."""
    return len(items) > 1 and not t.is_word(items[0]) and all(isinstance(i, (t.Symbol, t.Scripts)) for i in items)


_LETTERS = (t.Symbol, t.Scripts, t.Accent, t.Prime)


def _is_word(node: t.Node) -> bool:
    """Whether a node is a quantity whose letter is a word, with scripts or without."""
    base = node.base if isinstance(node, (t.Scripts, t.Accent)) else node
    return isinstance(base, t.Symbol) and base.style == "word"


def _starts_with_number(node: t.Node) -> bool:
    match node:
        case t.Number():
            return True
        case t.Row(items):
            return bool(items) and _starts_with_number(items[0])
        case t.Scripts(base):
            return _starts_with_number(base)
        case t.Fraction(num, den):
            return isinstance(num, t.Number) and isinstance(den, t.Number)
    return False


class Names:
    """Letters, layers, indices and sizes in one notation.

    `samples` is the number of examples where it is not `m`; `last` is the last layer where it is not `L`; `words` translates the
    words that stand inside formulas; `ahead` is added to the letter l of a layer, and where it is None each equation chooses it.
    """

    def __init__(
        self, notation: Notation, samples: Any = None, words: Mapping[str, str] | None = None, last: Any = None, ahead: int | None = None
    ) -> None:
        self.notation = notation
        self.last = index("L") if last is None else last
        self.ahead = ahead
        fit = not isinstance(self.last, Integer) or self.numbered(self.last) == len(notation.layer_names) - 1
        self.layer_names = notation.layer_names if fit else ()
        self.weights = notation.with_gradients({*notation.weight_names, "b"})
        self.samples = index("m") if samples is None else Integer(samples) if isinstance(samples, int) else samples
        self.words = {**WORDS, **(words or {})}
        self.transposed = glyph(notation.transpose)

    def expr(self, expr: Any) -> t.Node:
        """Any expression; overridden by the room that knows them."""
        raise NotImplementedError

    def entry(self, entry: Entry) -> t.Node:
        """One entry, w^l_jk; that of a gradient as a fraction."""
        tensor, indices = entry.tensor, entry.indices
        if isinstance(tensor, Grad):
            return self.partial(Entry(tensor.of), Entry(tensor.wrt, *indices))
        tensor = self._as_output(tensor)
        return self.scripted(tensor, self.notation.symbols.get(tensor.name, tensor.name), indices)

    def partial(self, of: Any, wrt: Entry) -> t.Node:
        """The fraction of ∂ of one entry by another; a gradient above the line makes it a second derivative."""
        if isinstance(of, Entry) and isinstance(of.tensor, Grad):
            below = t.row(_PARTIAL, self.entry(wrt), t.Space("thin"), _PARTIAL, self.entry(Entry(of.tensor.wrt, *of.indices)))
            return t.Fraction(t.row(t.Scripts(_PARTIAL, None, t.Number("2")), self.entry(Entry(of.tensor.of))), below)
        above = self.entry(of) if isinstance(of, Entry) else fence(self.expr(of))
        return t.Fraction(t.row(_PARTIAL, above), t.row(_PARTIAL, self.entry(wrt)))

    def whole(self, tensor: Tensor, more: t.Node | None = None) -> t.Node:
        """A tensor without indices, as matrix form calls it; `more` is joined to its superscript."""
        if isinstance(tensor, Grad):
            by = self.whole(tensor.wrt)
            if tensor.wrt.name in self.notation.nabla and tensor.rank:
                bare = tensor.rank == 1 and tensor.wrt.name in self.notation.nabla_bare
                last = bare and tensor.layer is not None and tensor.layer == index("L")
                letter = self.whole(Tensor(tensor.wrt.name, tensor.shape)) if last else by
                return t.row(t.Scripts(t.Symbol("nabla"), letter), self.whole(tensor.of))
            return t.Fraction(t.row(_PARTIAL, self.whole(tensor.of)), t.row(_PARTIAL, by))
        tensor = self._as_output(tensor)
        table = {0: {}, 1: self.notation.vector, 2: self.notation.matrix}.get(tensor.rank, {})
        text = table.get(tensor.name) or self.notation.symbols.get(tensor.name, tensor.name)
        return self.scripted(tensor, text, (), BOLD[self.notation.bold] if tensor.rank else "", more)

    def _as_output(self, tensor: Tensor) -> Tensor:
        """What the notation calls a quantity of the last layer, if it has a name of its own for it."""
        if tensor.name in self.notation.output and tensor.layer is not None and tensor.layer == self.last:
            return Tensor(self.notation.output[tensor.name], tensor.shape)
        return tensor

    def scripted(self, tensor: Tensor, text: str, indices: tuple[Any, ...], style: str = "", more: t.Node | None = None) -> t.Node:
        """The letters `text` with the layer, the indices and `more` where the notation puts them."""
        *front, own = letters(text)
        base = _drawn(own, style)
        below: list[t.Node] = []
        if isinstance(base, t.Scripts):
            below = [] if base.sub is None else [base.sub]
            base = base.base
        indices, sample = self._split(tensor, indices)
        above: list[t.Node] = []
        if tensor.layer is not None:
            (below if self.notation.layer_style == "subscript" else above).append(self.layer(self.layer_of(tensor)))
        if sample is not None and self.notation.sample_style == "superscript":
            above.append(fence(self.number(sample)))
        elif sample is not None:
            indices = (sample, *indices) if self.notation.sample_style == "first" else (*indices, sample)
        if indices:
            below.append(self.subscript(indices))
        above += [] if more is None else [more]
        lettered = tensor.layer is not None and self.lettered(self.layer_of(tensor)) is not None
        sub = None if not below else t.row(*below) if lettered else t.join(below, t.Operator("comma"))
        plain = t.Scripts(base, sub, t.row(*above) if above else None) if above or below else base
        return t.row(*(_drawn(f, style) for f in front), plain) if front else plain

    def _split(self, tensor: Tensor, indices: tuple[Any, ...]) -> tuple[tuple[Any, ...], Any]:
        """The indices in the order of print, and the index of the example apart from them."""
        notation = self.notation
        if tensor.rank == 2 and indices and tensor.name in notation.with_gradients(notation.weight_names):
            return (indices if notation.weight_index == "to_from" else indices[::-1]), None
        if indices and (indices[-1] == index("s") or tensor.shape[-1] == self.samples):
            return indices[:-1], indices[-1]
        return indices, None

    def layer_of(self, tensor: Tensor) -> Any:
        """The layer that is written on a quantity; that of a weight may be the one it comes from."""
        return self.numbered(tensor.layer, -1 if self.notation.weight_layer == "from" and tensor.name in self.weights else 0)

    def numbered(self, layer: Any, shift: int = 0) -> Any:
        """A layer as the notation counts it: a number from that of its input layer, the letters as they are."""
        layer = sympify(layer, strict=True)
        if isinstance(layer, Integer):
            return layer + self.notation.input_layer + shift
        return layer + shift + ((self.ahead or 0) if layer.has(index("l")) else 0)

    def layer(self, number: Any) -> t.Node:
        """A layer as a script: l, (l) or [l]; or its letter, where the notation has letters for numbers."""
        letter = self.lettered(number)
        node = self.number(number) if letter is None else glyph(letter)
        match self.notation.layer_style:
            case "parentheses":
                return t.Fence(node)
            case "brackets":
                return t.Fence(node, "[", "]")
        return node

    def lettered(self, number: Any) -> str | None:
        """The letter that the notation has for a layer, if it has one."""
        return self.layer_names[int(number)] if isinstance(number, Integer) and 0 <= number < len(self.layer_names) else None

    def ends(self, layers: Layers) -> tuple[Any, Any]:
        """The first and the last layer that an equation holds for, as the notation counts them."""
        low, high = (self.numbered(end) - (self.ahead or 0) for end in (layers.low, layers.high))
        return low, high

    def layers(self, layers: Layers) -> t.Node:
        """The layers that an equation holds for, l = 1, ..., L, as the notation counts them."""
        low, high = map(self.number, self.ends(layers))
        return t.row(self.number(layers.symbol), t.Operator("="), low, t.Operator("comma"), t.Operator("ldots"), t.Operator("comma"), high)

    def subscript(self, indices: Sequence[Any]) -> t.Node:
        """Indices side by side, with commas where they would run together: jk, but j,k+1 and 1,10."""
        nodes = [self.number(i) for i in indices]
        single = all(isinstance(n, t.Symbol) or (isinstance(n, t.Number) and len(n.text) == 1) for n in nodes)
        return t.row(*nodes) if single else t.join(nodes, t.Operator("comma"))

    def number(self, expr: Any) -> t.Node:
        """An index, a layer or a size: a whole number, its letters before its digits, l + 1."""
        if isinstance(expr, Symbol):
            return self.scalar(expr)
        if isinstance(expr, Integer) and expr >= 0:
            return t.Number(str(int(expr)))  # SymPy's own str calls a printer
        if isinstance(expr, AppliedUndef):
            return self.size(expr)
        if isinstance(expr, Add):
            terms = sorted(expr.args, key=lambda a: a.is_number)
            return t.row(*(part for n, term in enumerate(terms) for part in self._signed(term, first=n == 0)))
        if isinstance(expr, Mul) and not expr.args[0].is_negative and all(isinstance(a, (Symbol, Integer, AppliedUndef)) for a in expr.args):
            return juxtaposed([self.number(a) for a in expr.args])
        return self.expr(expr)

    def _signed(self, term: Any, first: bool) -> tuple[t.Node, ...]:
        negative = term.could_extract_minus_sign()
        sign = "minus_unary" if first else "-" if negative else "+"
        return (*(() if first and not negative else (t.Operator(sign),)), self.number(-term if negative else term))

    def size(self, size: AppliedUndef) -> t.Node:
        """The width of a layer, n_l."""
        letter = glyph(self.notation.scalars.get(size.func.__name__, size.func.__name__))
        if self.notation.size_style == "layer" and self.notation.layer_style != "subscript":
            return t.Scripts(letter, None, self.layer(self.numbered(size.args[0])))
        return t.Scripts(letter, self.number(self.numbered(size.args[0])))

    def scalar(self, symbol: Symbol) -> t.Node:
        """A number with a name, or an index."""
        name = symbol.name
        tables = (self.notation.indices, self.notation.scalars) if symbol.is_integer else (self.notation.scalars,)
        return glyph(next((table[name] for table in tables if name in table), name))
