"""Mistakes in a product: its order, its sign, a factor too many, an inner product for an outer one, and constant factors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations, pairwise

from symbackprop.checker.symbols import key
from symbackprop.parse.tree import Fence, Fraction, Infix, Juxtaposed, Name, Number, Script, Signed, Tree

from .line import Edit, Piece
from .scene import Scene
from .symbols import toggled
from .writing import ATOM, FACTOR, PRODUCT, RUN, SUM, Written, level

__all__ = ["constants", "fraction", "product"]

_ENTRYWISE = ("\\odot", "\\circ", ".*", "\\bullet", "\\ast", "\\star", "*")
_MATRIX = ("", "@", "\\cdot", "\\times")


def product(s: Scene, tree: Tree, parent: Tree | None) -> Iterator[Edit]:
    """The changes of one whole product."""
    found = s.factors(tree)
    for n in range(len(found)):
        yield from _dropped(s, tree, found, n)
    for n in range(1, len(found) - 1):
        yield s.replaced("extra factor", found[n - 1].end, found[n + 1].end, "", tree)
    matrices = [not s.is_number(p.tree) for p in found]
    for i, j in combinations(range(len(found)), 2):
        if matrices[i] and matrices[j]:
            yield from _swapped(s, tree, found[i], found[j])
    for n, (a, b) in enumerate(pairwise(found)):
        if matrices[n] and matrices[n + 1]:
            yield from _outer(s, tree, a, b)
        if any(matrices[: n + 1]) and any(matrices[n + 1 :]):
            yield from _signs(s, tree, parent, found, n)
    if sum(matrices) > 2:
        yield from _grouped(s, tree, found)
    for p in found:
        yield from _unbracketed(s, tree, found, p)


def _dropped(s: Scene, tree: Tree, found: Sequence[Piece], n: int) -> Iterator[Edit]:
    """One factor less, with the sign beside it."""
    if len(found) < 2:
        return
    piece = found[n]
    start, end = (found[n - 1].end, piece.end) if n else (piece.start, found[1].start)
    same = any(key(p.tree) == key(piece.tree) for p in found if p is not piece)
    kind = "counted twice" if same else "factor" if _constant(s, piece.tree) else "extra factor"
    yield s.replaced(kind, start, end, "", tree)


def _constant(s: Scene, tree: Tree) -> bool:
    match tree:
        case Number():
            return True
        case Name() | Script():
            return s.slice(tree) in s.constants
        case Fraction(a, b) | Infix("/", a, b):
            return _constant(s, a) and _constant(s, b)
        case Fence(_, body, _) | Signed(_, body):
            return _constant(s, body)
    parts = s.factors(tree)
    return len(parts) > 1 and all(_constant(s, p.tree) for p in parts)


def _swapped(s: Scene, tree: Tree, a: Piece, b: Piece) -> Iterator[Edit]:
    between = s.text[a.end : b.start]
    yield s.replaced("order", a.start, b.end, s.text[b.start : b.end] + between + s.text[a.start : a.end], tree)


def _outer(s: Scene, tree: Tree, a: Piece, b: Piece) -> Iterator[Edit]:
    """`x^T y` for `x y^T`, and all else that two transposes and an exchange make of two factors side by side."""
    x, y = s.piece(a), s.piece(b)
    u, v = toggled(s, a.tree), toggled(s, b.tree)
    sign = s.text[a.end : b.start] or " "
    vectors = s.is_vector(a.tree) and s.is_vector(b.tree)
    for first, second in ((u, v), (y, u), (v, x), (v, u), (y, x)):
        yield s.replaced("outer product" if vectors else "order", a.start, b.end, first.fit(FACTOR) + sign + second.fit(FACTOR), tree)


def _signs(s: Scene, tree: Tree, parent: Tree | None, found: Sequence[Piece], n: int) -> Iterator[Edit]:
    """The other product between two factors, or between all before and all after."""
    start, end = found[n].end, found[n + 1].start
    between = s.text[start:end].replace("\\,", "").strip(" ~")
    ways = []
    if between not in _ENTRYWISE:
        ways.append(("hadamard", s.dialect.hadamard))
    if between in _ENTRYWISE or between in ("\\cdot", "\\times"):
        ways.append(("matrix product", s.dialect.product))
    for kind, way in ways:
        yield s.replaced(kind, start, end, way[0], tree)
        left = Written(s.text[found[0].start : start], PRODUCT if n else FACTOR)
        right = Written(s.text[end : found[-1].end], PRODUCT if n < len(found) - 2 else FACTOR)
        if left.level == PRODUCT or right.level == PRODUCT:
            new = Written(f"{left.fit(FACTOR)}{way[0]}{right.fit(FACTOR)}", way[1])
            yield s.edit(kind, tree, parent, new)


def _grouped(s: Scene, tree: Tree, found: Sequence[Piece]) -> Iterator[Edit]:
    """Some of the factors multiplied first."""
    for i, j in combinations(range(len(found)), 2):
        if j - i < len(found) - 1:
            start, end = found[i].start, found[j].end
            yield s.replaced("bracket", start, end, f"({s.text[start:end]})", tree)


def _unbracketed(s: Scene, tree: Tree, found: Sequence[Piece], p: Piece) -> Iterator[Edit]:
    """A bracket left out, or closed one factor later or earlier."""
    if not isinstance(p.tree, Fence) or not isinstance(p.tree.body, (Infix, Juxtaposed, Signed)):
        return
    body, n = p.tree.body, found.index(p)
    inside = s.slice(body)
    if not n or not inside[0].isdigit():
        yield s.replaced("bracket", p.start, p.end, inside, tree)
    if level(body) > SUM:
        return
    opening, closing = s.text[p.start : body.span.start], s.text[body.span.end : p.end]
    text = s.text
    if n + 1 < len(found):
        after = found[n + 1]
        with_next = f"{inside}{text[p.end : after.start] or ' '}{text[after.start : after.end]}"
        yield s.replaced("bracket", p.start, after.end, f"{opening}{with_next}{closing}", tree)
    if n and not inside[0].isdigit():
        before = found[n - 1]
        with_last = f"{text[before.start : before.end]}{text[before.end : p.start] or ' '}{inside}"
        yield s.replaced("bracket", before.start, p.end, f"{opening}{with_last}{closing}", tree)


def fraction(s: Scene, tree: Tree, above: Tree, below: Tree, parent: Tree | None) -> Iterator[Edit]:
    """A fraction turned over, and one with its denominator or numerator gone."""
    one, a, b = Written("1", ATOM), s.written(above), s.written(below)
    constant = _constant(s, below)
    yield s.edit("inverse", tree, parent, s.dialect.over(b, a))
    if key(above) == "1":
        yield s.edit("inverse", tree, parent, b)
    yield s.edit("factor" if constant else "extra factor", tree, parent, a)
    if key(above) != "1":
        yield s.edit("factor" if _constant(s, above) else "extra factor", tree, parent, s.dialect.over(one, b))


def constants(s: Scene, tree: Tree, parent: Tree | None) -> Iterator[Edit]:
    """A term times or over 2, a size or a named number; once or twice."""
    whole = s.written(tree)
    if whole.level == PRODUCT and not s.is_product(tree):
        whole = Written(whole.text, RUN)  # a sum with its sign takes a factor in front as it stands
    for c in ("2", *s.constants):
        c1, c2 = Written(c, ATOM), s.dialect.squared(Written(c, ATOM))
        for new in (s.dialect.join(s.dialect.scaled, c1, whole), s.dialect.divided(whole, c1)):
            yield s.edit("factor", tree, parent, new)
        if c != "2" and c not in s.typed:  # one that stands in the line has the wrong power
            root = s.dialect.root(c1)
            for new in (s.dialect.join(s.dialect.scaled, root, whole), s.dialect.divided(whole, root)):
                yield s.edit("factor", tree, parent, new)
            for new in (s.dialect.join(s.dialect.scaled, c2, whole), s.dialect.divided(whole, c2)):
                yield s.edit("factor", tree, parent, new)
    if isinstance(tree, Number) and tree.text.isdigit():
        for n in (int(tree.text) - 1, int(tree.text) + 1):
            if n > 0:
                yield s.edit("factor", tree, parent, Written(str(n), ATOM))
