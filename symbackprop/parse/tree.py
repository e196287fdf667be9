"""The tree of what was typed: which sign stands where, and no meaning yet.

A letter is a `Name` whether it is a tensor, an index or a size, `W^T` is a `Script` whether it is transposed or a power,
and `f(x)` is a `Call` only if the vocabulary says that `f` is a function. Every node knows the piece of text it was
read from (`span`); two trees are equal when they say the same, wherever it stood.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, TypeAlias

__all__ = [
    "STYLES", "Big", "Call", "Cases", "Command", "Derivative", "Dots", "Fence", "Formula", "Fraction", "Indicator", "Infix", "Juxtaposed", "Limits",
    "Link", "Listed", "Matrix", "Nabla", "Name", "Node", "Number", "Relation", "Root", "Script", "Signed", "Span", "Text", "Tree", "Vocabulary",
    "children",
]  # fmt: skip

STYLES = frozenset({"bold", "cal", "fraktur", "italic", "mono", "roman", "sans", "script"})  # how a letter is set, not which letter it is


class Span(NamedTuple):
    """A piece of the text: from the offset `start` up to, but not including, `end`."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Node:
    """What all nodes share: the piece of text they were read from, which plays no part in equality."""

    span: Span = field(default=Span(0, 0), compare=False, repr=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class Number(Node):
    """A number, digit for digit as typed: `2`, `0.5`, `1e-3`."""

    text: str


@dataclass(frozen=True, slots=True)
class Name(Node):
    r"""A letter, a command without its backslash (`delta`) or a word (`dZ`, `np.sum`), with what is set over it in alphabetical order.

    Accents are `bar`, `bold`, `cal`, `hat`, `roman` (single letters only: a word is upright anyhow), `tilde` and the like.
    `word` is the whole run of letters that the name was cut from: `jk` for the `j` of `w_{jk}`.
    """

    name: str
    accents: tuple[str, ...] = ()
    word: str = field(default="", compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Script(Node):
    """A base with a subscript, a superscript and primes; what was typed in several superscripts stands juxtaposed in one."""

    base: Tree
    sub: Tree | None = None
    sup: Tree | None = None
    primes: int = 0


@dataclass(frozen=True, slots=True)
class Juxtaposed(Node):
    """Two things or more side by side with no sign between them, in a product or in a subscript such as `jk`."""

    items: tuple[Tree, ...]


@dataclass(frozen=True, slots=True)
class Listed(Node):
    """Two things or more with a separator between them: `,`, `;` or `|`."""

    items: tuple[Tree, ...]
    separator: str = ","


@dataclass(frozen=True, slots=True)
class Infix(Node):
    """Two operands and the sign between them: `+ - /`, or the sign of a product as it was typed (`cdot`, `odot`, `*`, `@`, `.*`, ...).

    Signs of one strength group from the left; side by side binds as strongly as `/`, and more strongly than the other signs
    of a product: `1/2 m` is `Juxtaposed((Infix("/", 1, 2), m))`, and `W d \\odot s` is `Infix("odot", Juxtaposed((W, d)), s)`.
    """

    op: str
    left: Tree
    right: Tree


@dataclass(frozen=True, slots=True)
class Signed(Node):
    """A term with its own sign, `+` or `-`; it reaches to the next sum sign."""

    op: str
    arg: Tree


@dataclass(frozen=True, slots=True)
class Fraction(Node):
    """A fraction set one above the other."""

    above: Tree
    below: Tree


@dataclass(frozen=True, slots=True)
class Root(Node):
    """A root, square if it has no degree."""

    arg: Tree
    degree: Tree | None = None


@dataclass(frozen=True, slots=True)
class Derivative(Node):
    """A derivative as a fraction of differentials; one variable in `by` for each differentiation, and no `of` if nothing follows."""

    of: Tree | None
    by: tuple[Tree, ...]
    sign: Literal["partial", "d", "delta"] = "partial"


@dataclass(frozen=True, slots=True)
class Nabla(Node):
    """The gradient of a quantity, with respect to `by` where that is said."""

    of: Tree
    by: Tree | None = None


@dataclass(frozen=True, slots=True)
class Big(Node):
    """A sum, product, maximum ... of a body, which reaches to the next sum sign or relation.

    `low` is what stands after `k =`, `high` what stands above; every other thing said below the sign is the condition.
    """

    kind: str
    indices: tuple[Tree, ...]
    low: Tree | None
    high: Tree | None
    condition: Tree | None
    body: Tree


@dataclass(frozen=True, slots=True)
class Call(Node):
    """A function, possibly primed or raised to a power, its arguments and its named options (`axis=1`)."""

    function: Tree
    args: tuple[Tree, ...]
    options: tuple[tuple[str, Tree], ...] = ()


@dataclass(frozen=True, slots=True)
class Fence(Node):
    r"""A bracketed piece; the sides are `(`, `)`, `[`, `]`, `{`, `}`, `<`, `>`, `|`, `||`, and `.` for a side left open with `\left.`."""

    open: str
    body: Tree
    close: str


@dataclass(frozen=True, slots=True)
class Relation(Node):
    """Two sides compared inside a formula: `= != < > <= >= in notin`, or another relation of `Link`."""

    op: str
    left: Tree
    right: Tree


@dataclass(frozen=True, slots=True)
class Indicator(Node):
    """One where the condition holds, zero elsewhere."""

    condition: Tree


@dataclass(frozen=True, slots=True)
class Cases(Node):
    """Values with the conditions under which they hold; the value for all other cases has none."""

    pieces: tuple[tuple[Tree, Tree | None], ...]


@dataclass(frozen=True, slots=True)
class Matrix(Node):
    """A matrix written out, or things stacked."""

    rows: tuple[tuple[Tree, ...], ...]


@dataclass(frozen=True, slots=True)
class Dots(Node):
    """And so on."""


@dataclass(frozen=True, slots=True)
class Text(Node):
    """Words among the mathematics."""

    text: str


Tree: TypeAlias = (
    Number | Name | Script | Juxtaposed | Listed | Infix | Signed | Fraction | Root | Derivative | Nabla | Big | Call | Fence | Relation
    | Indicator | Cases | Matrix | Dots | Text
)  # fmt: skip


def children(tree: Tree) -> Iterator[Tree]:
    """The trees that stand directly inside `tree`, in the order of its fields.

    >>> list(children(Script(Name("a"), sup=Number("2"))))
    [Name(name='a', accents=()), Number(text='2')]
    """
    waiting = [getattr(tree, name) for name in reversed(tree.__match_args__)]
    while waiting:
        part = waiting.pop()
        if isinstance(part, Node):
            yield part  # type: ignore[misc]
        elif type(part) is tuple:
            waiting.extend(reversed(part))


@dataclass(frozen=True, slots=True)
class Link:
    """One link of a chain: the relation that leads to it (empty for the first) and what stands there, if anything does."""

    relation: str
    tree: Tree | None
    span: Span = field(default=Span(0, 0), compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Formula:
    r"""A chain `a = b = c`, the conditions said beside it and its `\tag` and `\label`.

    Relations are `=`, `:=`, `equiv`, `triangleq`, `approx`, `propto`, `sim`, `implies`, `iff`, `to`, `gets`, `!=`, `<`, `>`,
    `<=`, `>=`, `in`, `notin`. A continuation `= c` starts with the link `=`; a line that stops at a relation ends in a link without tree.
    An equation after a comma, as in `p = e/S, S = \sum e`, is among the conditions.
    """

    items: tuple[Link, ...]
    conditions: tuple[Tree, ...] = ()
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Command:
    """A command that a document defines: how many arguments it takes, and its body with `#1` where they stand."""

    count: int
    body: str


@dataclass(frozen=True)
class Vocabulary:
    """The names that are more than one letter, the names that are functions when a bracket follows, and commands of the writer's own.

    >>> Vocabulary(frozenset({"dZ", "scores"}), frozenset({"sigma", "softmax"})).longest
    7
    """

    words: frozenset[str] = frozenset()
    functions: frozenset[str] = frozenset()
    macros: Mapping[str, Command] = field(default_factory=dict, hash=False)
    known: frozenset[str] = field(init=False, repr=False, compare=False)
    longest: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "known", self.words | self.functions)
        object.__setattr__(self, "longest", max(map(len, self.known), default=1))


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is read: characters of a formula and of a document, nesting of brackets and arguments, signs, and height of a tree.

    Nesting and height are low enough that plain recursion over a tree stays far from Python's own limit.
    """

    formula: int = 20_000
    document: int = 4_000_000
    nesting: int = 40
    signs: int = 5_000
    height: int = 150
