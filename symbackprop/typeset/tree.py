"""The tree of typographic nodes in which an equation is laid out once, before any writer prints it.

Nodes say what stands where, never what it means; names of glyphs are those of `glyphs`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias, Union

from symbackprop.glyphs import ACCENTS, BIG, FENCES, GLYPHS, MATRIX_FENCES, SIGNS, SPACES, STYLES, known


@dataclass(frozen=True, slots=True)
class Symbol:
    """A letter (`w`), a named glyph (`delta`, or the character itself) or a word (`softmax`)."""

    name: str
    style: str = "italic"

    def __post_init__(self) -> None:
        known(self.style, STYLES, "style")
        if not self.name:
            raise ValueError("a Symbol needs a name")


@dataclass(frozen=True, slots=True)
class Number:
    """A number, printed digit for digit."""

    text: str


@dataclass(frozen=True, slots=True)
class Operator:
    """A binary operator, relation or punctuation mark, by its name in `glyphs.SIGNS`."""

    name: str

    def __post_init__(self) -> None:
        known(self.name, SIGNS, "operator")


@dataclass(frozen=True, slots=True)
class Row:
    """Nodes side by side; rows inside rows are printed as one row."""

    items: tuple[Node, ...] = ()


@dataclass(frozen=True, slots=True)
class Fraction:
    """A numerator over a denominator."""

    num: Node
    den: Node


@dataclass(frozen=True, slots=True)
class Scripts:
    """A base with a subscript, a superscript, or both stacked."""

    base: Node
    sub: Node | None = None
    sup: Node | None = None


@dataclass(frozen=True, slots=True)
class Prime:
    """A base with `order` primes: f', f''."""

    base: Node
    order: int = 1

    def __post_init__(self) -> None:
        if self.order < 1:
            raise ValueError(f"a Prime has order 1 or more, not {self.order}")


@dataclass(frozen=True, slots=True)
class BigOperator:
    """A sum, product, maximum or minimum with its limits, followed by its body."""

    name: str
    below: Node | None
    above: Node | None
    body: Node

    def __post_init__(self) -> None:
        known(self.name, BIG, "big operator")


@dataclass(frozen=True, slots=True)
class Fence:
    """A body between delimiters (names of `glyphs.FENCES`), as tall as the body if `grow`."""

    body: Node
    left: str = "("
    right: str = ")"
    grow: bool = False

    def __post_init__(self) -> None:
        known(self.left, FENCES, "fence")
        known(self.right, FENCES, "fence")


@dataclass(frozen=True, slots=True)
class Root:
    """A square root."""

    body: Node


@dataclass(frozen=True, slots=True)
class Accent:
    """A hat, tilde, bar or arrow (`vec`) over a base."""

    base: Node
    kind: str

    def __post_init__(self) -> None:
        known(self.kind, ACCENTS, "accent")


@dataclass(frozen=True, slots=True)
class Matrix:
    """Rows of cells between fences; every row has the same number of cells."""

    rows: tuple[tuple[Node, ...], ...]
    fence: str = "["

    def __post_init__(self) -> None:
        known(self.fence, MATRIX_FENCES, "matrix fence")
        if len({len(cells) for cells in self.rows}) != 1:
            raise ValueError(f"a Matrix needs rows of one length, not {[len(cells) for cells in self.rows]}")


@dataclass(frozen=True, slots=True)
class Cases:
    """Values, each with its condition, behind one brace."""

    rows: tuple[tuple[Node, Node], ...]


@dataclass(frozen=True, slots=True)
class Text:
    """Words inside mathematics; the writers escape them, and keep the spaces at their ends."""

    text: str


@dataclass(frozen=True, slots=True)
class Space:
    """A `thin` or a `quad` space."""

    kind: str = "thin"

    def __post_init__(self) -> None:
        known(self.kind, SPACES, "space")


@dataclass(frozen=True, slots=True)
class Brace:
    """A body with a brace and a label below it."""

    body: Node
    below: Node


@dataclass(frozen=True, slots=True)
class Marked:
    """A part that is pointed at: boxed, or coloured where the medium can."""

    body: Node


@dataclass(frozen=True, slots=True)
class Aligned:
    """Lines `(left, right, note)`, aligned where `right` begins (with its relation); a note is set in parentheses."""

    lines: tuple[tuple[Node, Node, Node | None], ...]


Node: TypeAlias = Union[  # noqa: UP007  # the names are classes defined above, but `X | Y` on 18 of them does not fit a line
    Symbol, Number, Operator, Row, Fraction, Scripts, Prime, BigOperator, Fence, Root, Accent, Matrix, Cases, Text, Space,
    Brace, Marked, Aligned,
]  # fmt: skip

EMPTY = Row()


def row(*items: Node) -> Row:
    """A row of the given nodes, rows among them spliced in.

    >>> row(Symbol("x"), row(Operator("+"), Symbol("y"))) == Row((Symbol("x"), Operator("+"), Symbol("y")))
    True
    """
    leaves: list[Node] = []
    for item in items:
        leaves += row(*item.items).items if isinstance(item, Row) else (item,)
    return Row(tuple(leaves))


def join(items: Iterable[Node], separator: Node) -> Row:
    """A row of the given nodes with a separator between neighbours.

    >>> join((Symbol("x"), Symbol("y")), Operator("comma")).items[1]
    Operator(name='comma')
    """
    parts: list[Node] = []
    for item in items:
        parts += [separator, item] if parts else [item]
    return row(*parts)


def is_letter(node: Node) -> bool:
    """Whether a node is one letter, which an accent fits without growing.

    >>> is_letter(Symbol("delta")), is_letter(Symbol("loss"))
    (True, False)
    """
    return isinstance(node, Symbol) and (len(node.name) == 1 or node.name in GLYPHS)


def is_word(node: Node) -> bool:
    """Whether a node is the name of a function, set upright (`log`, `softmax`), with or without scripts.

    >>> is_word(Prime(Symbol("ReLU", "upright"))), is_word(Symbol("sigma"))
    (True, False)
    """
    match node:
        case Symbol(name, "upright"):
            return len(name) > 1 and name not in GLYPHS
        case Scripts(base) | Prime(base):
            return is_word(base)
        case _:
            return False


def merge_scripts(node: Scripts | Prime) -> Scripts:
    """The scripts to print, primes and nested scripts gathered on one base, so that no base has two superscripts.

    >>> merge_scripts(Scripts(Prime(Symbol("f")), Symbol("j")))
    Scripts(base=Symbol(name='f', style='italic'), sub=Symbol(name='j', style='italic'), sup=Operator(name='prime'))
    """
    if isinstance(node, Prime):
        primes: Node = Operator("prime") if node.order == 1 else Row((Operator("prime"),) * node.order)
        if not isinstance(node.base, (Scripts, Prime)):
            return Scripts(node.base, None, primes)
        inner = merge_scripts(node.base)
        return Scripts(inner.base, inner.sub, row(inner.sup, primes) if inner.sup else primes)
    if not isinstance(node.base, (Scripts, Prime)):
        return node
    inner = merge_scripts(node.base)
    if not (inner.sup and node.sup) and not (inner.sub and node.sub):
        return Scripts(inner.base, inner.sub or node.sub, inner.sup or node.sup)
    if isinstance(node.base, Prime) and inner.sup and not (inner.sub and node.sub):
        return Scripts(inner.base, inner.sub or node.sub, row(inner.sup, Space("thin"), node.sup or EMPTY))
    return Scripts(row(inner), node.sub, node.sup)


def number(text: str) -> Node:
    """A number as Python prints it, a sign and a power of ten set as mathematics.

    >>> number("-1e-05")
    Row(items=(Operator(name='minus_unary'), Number(text='1'), Operator(name='times'), \
Scripts(base=Number(text='10'), sub=None, sup=Row(items=(Operator(name='minus_unary'), Number(text='5'))))))
    """
    if text.startswith("-"):
        return row(Operator("minus_unary"), number(text[1:]))
    if text in ("inf", "nan"):
        return Symbol("infty") if text == "inf" else Text("nan")
    mantissa, power, exponent = text.lower().partition("e")
    if not power:
        return Number(text)
    return row(Number(mantissa), Operator("times"), Scripts(Number("10"), None, number(str(int(exponent)))))


__all__ = [
    "EMPTY", "Accent", "Aligned", "BigOperator", "Brace", "Cases", "Fence", "Fraction", "Marked", "Matrix", "Node", "Number",
    "Operator", "Prime", "Root", "Row", "Scripts", "Space", "Symbol", "Text", "is_letter", "is_word", "join", "merge_scripts", "number", "row",
]  # fmt: skip
