"""All small changes of a right side, the likely ones first."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from symbackprop.checker.symbols import key, parts
from symbackprop.parse.tree import Big, Call, Derivative, Fence, Fraction, Infix, Name, Number, Relation, Root, Script, Signed, Tree

from .kinds import COSTS
from .line import Edit, walk
from .products import constants, fraction, product
from .scene import Scene
from .symbols import braced, called, symbol
from .terms import added, axes, big, compared, is_sum, total
from .writing import ATOM, SUM, Written

__all__ = ["changes", "rank"]


def changes(s: Scene) -> list[Edit]:
    r"""Every change at every part of the line, in the order in which they are tried: the likely kinds first, of one kind the shorter result.

    >>> from symbackprop.checker.problem import problem_from
    >>> from symbackprop.parse.latex import read_formula
    >>> context = problem_from({"shapes": {"x": [], "u": []}}).context
    >>> left = read_formula("u", context.vocabulary).items[0].tree
    >>> line = Scene.of("x - u", left, "u", context, {}, False)
    >>> [e.done(line.text) for e in changes(line)][:3]
    ['u - x', 'x + u', '-x - u']
    """
    found: dict[str, Edit] = {}
    for e in (*_whole(s), *(e for tree, parent in s.parts(s.tree) for e in _at(s, tree, parent))):
        text = e.done(s.text)
        known = found.get(text)
        if known is None or COSTS[e.kind] < COSTS[known.kind]:
            found[text] = e
    found.pop(s.text, None)
    return sorted(found.values(), key=rank)


def rank(e: Edit) -> tuple[int, int]:
    """What comes first when changes are tried."""
    return COSTS[e.kind], len(e.new) - (e.end - e.start)


def _at(s: Scene, tree: Tree, parent: Tree | None) -> Iterator[Edit]:
    """The changes at one part."""
    yield from symbol(s, tree, parent)
    if is_sum(tree) and not (parent is not None and is_sum(parent) and tree is not _last(parent)):
        yield from total(s, tree, parent)
    if s.is_product(tree) and not (parent is not None and s.is_product(parent)):
        yield from product(s, tree, parent)
    if not is_sum(tree) and not (parent is not None and s.is_product(parent)):
        yield from constants(s, tree, parent)
        yield from added(s, tree, parent)
    match tree:
        case Fraction(above, below) | Infix("/", above, below):
            yield from fraction(s, tree, above, below, parent)
        case Number("1") if not s.python:
            for i, j in combinations(s.letters, 2):
                yield s.edit("off the diagonal", tree, parent, Written(f"\\delta_{{{i}{j}}}", ATOM))
        case Root(arg, None):
            yield s.edit("power", tree, parent, s.written(arg))
        case Relation():
            yield from compared(s, tree)
        case Big():
            yield from big(s, tree, parent)
        case Call():
            yield from called(s, tree, parent)
            yield from axes(s, tree, parent)


def _last(tree: Tree) -> Tree | None:
    return tree.right if isinstance(tree, Infix) else None


def _whole(s: Scene) -> Iterator[Edit]:
    """The changes of the line as a whole: its sign, its transpose, two letters exchanged throughout."""
    whole = s.written(s.tree)
    if not is_sum(s.tree):
        yield s.edit("sign", s.tree, None, Written(f"-{whole.fit(ATOM) if whole.level == SUM else whole.text}", SUM))
    else:
        yield s.edit("sign", s.tree, None, Written(f"-({whole.text})", SUM))
    if not isinstance(s.tree, Fence) and not s.is_product(_dividend(s.tree)):
        yield s.edit("transpose", s.tree, None, s.dialect.transposed(whole))
    if not isinstance(s.tree, (Fraction, Number)):
        kind = "inverse derivative" if isinstance(s.left, Derivative) else "inverse"
        yield s.edit(kind, s.tree, None, s.dialect.over(Written("1", ATOM), whole))
    for i, j in combinations(s.letters, 2):
        yield from _exchanged(s, i, j)
    for step in (1, -1):
        yield from _moved(s, step)
    yield from _renamed(s)


def _renamed(s: Scene) -> Iterator[Edit]:
    """A symbol that stands in several places taken for another in all of them: z (1 - z) for a (1 - a)."""
    places: dict[str, list[Tree]] = {}
    for t, _ in s.parts(s.tree):
        if s.is_symbol(t):
            places.setdefault(s.slice(t), []).append(t)
    for old, found in places.items():
        for new in s.whole_symbols if len(found) > 1 else ():
            if new != old and s.shape(new) == s.shape(old):
                text, at = "", s.tree.span.start
                for t in found:
                    text, at = text + s.text[at : t.span.start] + new, t.span.end
                yield Edit("operand", *s.tree.span, text + s.text[at : s.tree.span.end], old, new)


def _dividend(tree: Tree) -> Tree:
    """What a line is, but for its sign and a number below it."""
    match tree:
        case Signed(_, arg):
            return _dividend(arg)
        case Infix("/", above, _):
            return _dividend(above)
    return tree


def _moved(s: Scene, step: int) -> Iterator[Edit]:
    """Every layer in the line one further up or down: the formula of a neighbour."""
    found = [(p, n) for t in walk(s.tree) if isinstance(t, Script) for p in (*parts(t.sub), *parts(t.sup)) for n in [_layer(s, p)] if n is not None]
    text = s.text
    for part, (letter, offset) in sorted(found, key=lambda f: -f[0].span.start):
        inner = part.body if isinstance(part, Fence) else part
        new = f"{letter}{offset + step:+d}" if offset + step else letter
        text = text[: inner.span.start] + braced(s, inner, new) + text[inner.span.end :]
    if len(found) > 1:
        yield s.replaced("layer", *s.tree.span, text[s.tree.span.start : len(text) - (len(s.text) - s.tree.span.end)])


def _layer(s: Scene, part: Tree) -> tuple[str, int] | None:
    """A layer as a letter and what is added to it."""
    match part:
        case Fence(_, body, _):
            return _layer(s, body)
        case Name() if key(part) in s.context.families:
            return s.slice(part), 0
        case Infix("+" | "-" as op, Name() as letter, Number(n)) if key(letter) in s.context.families:
            return s.slice(letter), int(op + n)
    return None


def _exchanged(s: Scene, i: str, j: str) -> Iterator[Edit]:
    """Two letters in one another's place, or one in both, in every symbol of the line."""
    places = [p for t, _ in s.parts(s.tree) if isinstance(t, Script) for p in s.index_places(t) if key(p) in (i, j)]
    places += [k for t, _ in s.parts(s.tree) if isinstance(t, Big) for k in t.indices if key(k) in (i, j) and k.span.end > k.span.start]
    for names, kind in (({i: j, j: i}, "indices"), ({i: j}, "index"), ({j: i}, "index")):
        new, at, start = "", s.tree.span.start, s.tree.span.start
        for p in sorted(places, key=lambda p: p.span.start):
            if key(p) in names:
                new += s.text[at : p.span.start] + names[key(p)]
                at = p.span.end
        if at > start:
            yield s.replaced(kind, start, s.tree.span.end, new + s.text[at : s.tree.span.end])
