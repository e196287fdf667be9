r"""How quantities are written: patterns such as `W^{[l]}` or `c_{next}`, and what remains of a symbol once its pattern is taken off.

`a^{[2](i)T}_j` against the pattern `a^{[l]}`: the layer is 2, and what remains is the superscript `(i)`, a transpose and the index `j`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from unicodedata import category

from symbackprop.glyphs import GLYPHS
from symbackprop.parse.tree import STYLES, Call, Derivative, Fence, Fraction, Infix, Juxtaposed, Listed, Nabla, Name, Number, Script, Signed, Tree

__all__ = [
    "GREEK", "TRANSPOSES", "Found", "Pattern", "Unwritable", "bare", "family_number", "index_parts", "key", "letter_key", "letters_of", "match",
    "parts", "pattern_of", "stripped", "style_of", "swapped_case", "unscripted",
]  # fmt: skip

TRANSPOSES = {"T", "top", "intercal", "transpose", "t"}
GREEK = frozenset(name for name, glyph in GLYPHS.items() if glyph.latex == f"\\{name}" and category(glyph.char) in ("Ll", "Lu"))
_TWO_CASES = frozenset(name.lower() for name in GREEK if name[0].isupper())


class Unwritable(ValueError):
    """A declared symbol that no pattern can be made of."""


def key(tree: Tree | None) -> str:
    """A text that two trees share when they are the same symbol, however their letters are set."""
    match tree:
        case None:
            return ""
        case Name(name, accents):
            return " ".join((*sorted(set(accents) - STYLES), name)) if accents and name != "1" else name
        case Number(text):
            return text
        case Script(base, sub, sup, primes):
            return key(base) + (f"_{{{key(sub)}}}" if sub else "") + (f"^{{{key(sup)}}}" if sup else "") + "'" * primes
        case Juxtaposed(items):
            return " ".join(map(key, items))
        case Listed(items, separator):
            return separator.join(map(key, items))
        case Infix(op, left, right):
            return f"{key(left)}{op}{key(right)}"
        case Signed(op, arg):
            return f"{op}{key(arg)}"
        case Fence(opening, body, close):
            return f"{opening}{key(body)}{close}"
        case Call(function, args, _):
            return f"{key(function)}({','.join(map(key, args))})"
        case Fraction(above, below):
            return f"{{{key(above)}}}/{{{key(below)}}}"
        case Derivative(of, by, _):
            return f"d{{{key(of)}}}/d{{{','.join(map(key, by))}}}"
        case Nabla(of, by):
            return f"nabla_{{{key(by)}}} {key(of)}"
    return repr(tree)


def parts(tree: Tree | None) -> tuple[Tree, ...]:
    """What stands in a subscript or superscript, one by one."""
    match tree:
        case None:
            return ()
        case Juxtaposed(items) | Listed(items):
            return tuple(p for item in items for p in parts(item))
    return (tree,)


@dataclass(frozen=True)
class Pattern:
    """A declared symbol: its letter, the literal parts of its scripts, and the place and brackets of its layer.

    `style` is how the letter is set; it tells two quantities apart that share a letter, and is free otherwise.
    """

    base: str
    sub: tuple[str, ...] = ()
    sup: tuple[str, ...] = ()
    where: str = ""  # sub or sup: where the layer stands
    bracket: str = ""
    only: int | None = None  # the one layer it is for, where it is written as a number: g^{[2]}
    style: frozenset[str] = field(default=frozenset(), compare=False, repr=False)

    @property
    def weight(self) -> int:
        return len(self.sub) + len(self.sup) + bool(self.where)


@dataclass(frozen=True)
class Found:
    """A symbol taken apart: the pattern it fits, its layer, and what is left of its scripts."""

    pattern: Pattern
    layer: int | None
    sub: tuple[Tree, ...]
    sup: tuple[Tree, ...]
    primes: int


def unscripted(tree: Tree) -> tuple[Tree, tuple[Tree, ...], tuple[Tree, ...], int]:
    """A letter, what stands below it, what stands above it, and its primes."""
    if isinstance(tree, Script):
        base, sub, sup, primes = unscripted(tree.base) if isinstance(tree.base, Script) else (tree.base, (), (), 0)
        return base, (*sub, *parts(tree.sub)), (*sup, *parts(tree.sup)), primes + tree.primes
    return tree, (), (), 0


def bare(tree: Tree) -> tuple[str, Tree]:
    """The bracket around a layer, and the layer."""
    return (tree.open, tree.body) if isinstance(tree, Fence) else ("", tree)


def family_number(tree: Tree, env: Mapping[str, int]) -> int | None:
    """The number of a layer `l + 1`, `L`, `2`; None for what is no layer."""
    match tree:
        case Number(text):
            return int(text) if text.isdigit() else None
        case Infix("+" | "-" as op, left, right):
            a, b = family_number(left, env), family_number(right, env)
            return None if a is None or b is None else a + b if op == "+" else a - b
        case Fence("(" | "{", body, _):
            return family_number(body, env)
    return env.get(key(tree))


def pattern_of(tree: Tree, families: Iterable[str]) -> tuple[Pattern, Tree | None]:
    """The pattern of a declared symbol, and what stands where its layer does (`l`, `l-1`).

    >>> from symbackprop.parse.latex import read_formula
    >>> from symbackprop.parse.tree import Vocabulary
    >>> pattern_of(read_formula("W^{[l]}", Vocabulary()).items[0].tree, ["l"])[0]
    Pattern(base='W', sub=(), sup=(), where='sup', bracket='[', only=None)
    """
    names = set(families)
    base, sub, sup, primes = unscripted(tree)
    if primes or not isinstance(base, Name):
        raise Unwritable(f"'{key(tree)}' is no letter with scripts")
    layered = [("sub", p) for p in sub if _mentions(p, names)] + [("sup", p) for p in sup if _mentions(p, names)]
    if len(layered) > 1:
        raise Unwritable(f"'{key(tree)}' has more than one layer")
    below, above = (tuple(key(p) for p in found if (name, p) not in layered) for name, found in (("sub", sub), ("sup", sup)))
    where, part = layered[0] if layered else ("", None)
    bracket = bare(part)[0] if part is not None else ""
    return Pattern(key(base), below, above, where, bracket, style=style_of(base)), None if part is None else bare(part)[1]


def style_of(tree: Tree) -> frozenset[str]:
    """How a letter is set: bold, calligraphic ..."""
    letter, *_ = unscripted(tree)
    return frozenset(letter.accents) & STYLES - {"roman", "italic"} if isinstance(letter, Name) else frozenset()


def _mentions(tree: Tree, names: set[str]) -> bool:
    if key(tree) in names:
        return True
    match tree:
        case Infix(_, left, right):
            return _mentions(left, names) or _mentions(right, names)
        case Fence(_, body, _):
            return _mentions(body, names)
    return False


def match(tree: Tree, pattern: Pattern, env: Mapping[str, int], base: str | None = None) -> Found | None:
    """The symbol `tree` by a pattern, whose letter may be called `base`; None if it does not fit.

    A layer that is not written is None in what is found: the reader decides which one is meant.
    """
    letter, sub, sup, primes = unscripted(tree)
    if key(letter) != (pattern.base if base is None else base):
        return None
    if tuple(map(key, sub[: len(pattern.sub)])) != pattern.sub:
        return None
    sub = sub[len(pattern.sub) :]
    for wanted in pattern.sup:
        place = next((n for n, p in enumerate(sup) if key(p) == wanted), None)
        if place is None:
            return None
        sup = sup[:place] + sup[place + 1 :]
    if not pattern.where:
        return Found(pattern, None, sub, sup, primes)
    written = False
    candidates = sub[:1] if pattern.where == "sub" else sup
    for n, part in enumerate(candidates):
        bracket, inner = bare(part)
        number = family_number(inner, env) if bracket == pattern.bracket else None
        written = written or number is not None
        if number is not None and pattern.only in (None, number):
            if pattern.where == "sub":
                return Found(pattern, number, sub[1:], sup, primes)
            return Found(pattern, number, sub, sup[:n] + sup[n + 1 :], primes)
    if written and pattern.only is not None:
        return None
    return Found(pattern, None, sub, sup, primes)


def letter_key(tree: Tree) -> str:
    """The key of the letter of a symbol, its scripts taken off."""
    return key(unscripted(tree)[0])


def swapped_case(base: str) -> str | None:
    """`hat Y` for `hat y`, `delta` for `Delta`: the letter in the other case, for a single letter or a Greek name."""
    *accents, name = base.split(" ")
    if len(name) > 1 and name[0] == "d" and name not in _TWO_CASES and name.lower() not in _TWO_CASES:
        inner = swapped_case(name[1:])
        return None if inner is None else " ".join((*accents, f"d{inner}"))
    if len(name) == 1 or name in _TWO_CASES or name.lower() in _TWO_CASES:
        return " ".join((*accents, name.swapcase() if len(name) == 1 else name.lower() if name[0].isupper() else name.capitalize()))
    return None


def letters_of(tree: Any, closed: Collection[str] = ()) -> set[str]:
    """The keys of all names in a tree; those `closed` are not looked into, so that n_l is no l."""
    found: set[str] = set()
    stack = [tree]
    while stack:
        node = stack.pop()
        if isinstance(node, tuple):
            stack += node
        elif hasattr(node, "__dataclass_fields__"):
            if isinstance(node, (Name, Script)):
                found.add(key(node))
                if key(node) in closed:
                    continue
            stack += [getattr(node, f) for f in node.__dataclass_fields__ if f != "span"]
    return found


def index_parts(tree: Tree) -> list[Tree]:
    """What may be an index on a left side: subscripts, and the example in a superscript."""
    if not isinstance(tree, Script):
        return []
    return [*parts(tree.sub), *(p.body for p in parts(tree.sup) if isinstance(p, Fence))]


def stripped(tree: Tree, gone: set[str]) -> Tree:
    """A left side without its indices."""
    if not isinstance(tree, Script):
        return tree
    sub = tuple(p for p in parts(tree.sub) if key(p) not in gone)
    sup = tuple(p for p in parts(tree.sup) if not (isinstance(p, Fence) and key(p.body) in gone))
    if not sub and not sup and not tree.primes:
        return tree.base
    return replace(tree, sub=_beside(sub), sup=_beside(sup))


def _beside(found: tuple[Tree, ...]) -> Tree | None:
    return None if not found else found[0] if len(found) == 1 else Juxtaposed(found)
