r"""What stands beside a formula: conditions on it (`i \ne j`, `l = 1, \dots, L`), remarks, and formulas of their own (`..., \quad b = c`)."""

from __future__ import annotations

from symbackprop.checker.context import Misfit, Quantity, Unreadable
from symbackprop.checker.reading import Reader
from symbackprop.checker.symbols import key, letters_of
from symbackprop.parse.prose import opens
from symbackprop.parse.tree import Dots, Formula, Infix, Link, Listed, Name, Number, Relation, Script, Signed, Span, Text, Tree

__all__ = ["heading", "parted"]

_EQUAL = ("=", ":=", "equiv", "triangleq", "approx")


Chain = tuple[Link, ...]


def heading(formula: Formula, reader: Reader) -> Relation | None:
    """The condition that stands in front of a formula, `i = j: a = b`; None where the first chain says something itself."""
    if len(formula.items) != 2 or not any(isinstance(t, Relation) for t in formula.conditions):
        return None
    first, second = formula.items
    if first.tree is None or second.tree is None or not (_is_plain(first.tree) and _is_plain(second.tree)):
        return None
    found = Relation(second.relation, first.tree, second.tree, span=Span(first.tree.span.start, second.tree.span.end))
    return None if _is_equation(found, reader) else found


def parted(formula: Formula, text: str, reader: Reader) -> tuple[list[Chain], list[Chain], list[Tree]]:
    """The names that are given beside a formula, the other chains there, and the conditions on the formula."""
    conditions: list[Tree] = []
    chains: list[list[Link]] = []
    for tree in formula.conditions:
        goes_on = bool(chains) and isinstance(tree, Relation) and chains[-1][-1].tree is tree.left
        if isinstance(tree, Text):
            conditions += [tree] if opens(tree.text) else []
        elif not isinstance(tree, Relation) or not (goes_on or _is_equation(tree, reader)):
            conditions.append(tree)
        else:
            link = Link(tree.op, tree.right, Span(tree.left.span.end, tree.right.span.end))
            if goes_on:
                chains[-1].append(link)
            else:
                chains.append([Link("", tree.left, tree.left.span), link])
    found = [tuple(links) for links in chains]
    names = [chain for chain in found if _names(chain, reader)]
    return names, [chain for chain in found if chain not in names], conditions


def _is_equation(tree: Relation, reader: Reader) -> bool:
    """Whether a relation says what something is, not for which indices, layers, classes or numbers a formula holds."""
    left, right = tree.left, tree.right
    if tree.op in ("implies", "iff"):
        return True
    if tree.op not in _EQUAL or isinstance(left, (Number, Listed)):
        return False
    if not letters_of(left).isdisjoint(reader.context.families) and isinstance(left, Name):
        return False
    if not isinstance(left, (Name, Script)):
        return True
    found = reader.lookup(left)
    if found is None:
        return not isinstance(left, Name) or not _is_plain(right)
    meaning = found[0].meaning
    if not isinstance(meaning, Quantity):
        return not _is_plain(right)
    given = all(t not in reader.context.uses for t in meaning.tensors.values())
    return not meaning.classes and not (given and isinstance(right, (Number, Signed)) and _is_plain(right))


def _is_plain(tree: Tree) -> bool:
    """Whether a tree says a number, an index or a list of them."""
    match tree:
        case Number() | Name() | Dots():
            return True
        case Signed(_, arg):
            return _is_plain(arg)
        case Script(_, sub, sup, primes):
            return not primes and (sub is None or sup is None)
        case Infix("+" | "-", left, right):
            return _is_plain(left) and _is_plain(right)
        case Listed(items):
            return all(map(_is_plain, items))
    return False


def _names(chain: Chain, reader: Reader) -> bool:
    """Whether a chain gives a meaning to a letter that has none."""
    left = chain[0].tree
    return isinstance(left, (Name, Script)) and key(left) not in reader.context.named and reader.lookup(left) is None and not _gradient(left, reader)


def _gradient(left: Tree, reader: Reader) -> bool:
    """Whether a letter without a declaration has a meaning all the same: dW, e, a Kronecker delta."""
    try:
        reader.read(left)
    except (Misfit, Unreadable):
        return False
    return True
