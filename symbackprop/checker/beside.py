r"""What stands beside a formula: conditions on it (`i \ne j`, `l = 1, \dots, L`), remarks, and formulas of their own (`..., \quad b = c`)."""

from __future__ import annotations

from collections.abc import Sequence

from symbackprop.checker.context import Context, Quantity
from symbackprop.checker.reading import Reader
from symbackprop.checker.symbols import key, letters_of
from symbackprop.parse.tree import Dots, Formula, Infix, Link, Listed, Name, Number, Relation, Script, Signed, Span, Text, Tree

__all__ = ["parted"]

_CONDITIONS = ("if", "when", "for", "where", "unless", "provided", "assuming", "whenever", "except", "as long as", "only")


def parted(formula: Formula, context: Context) -> list[Formula]:
    """A formula and those beside it, each with the conditions that are none of them; definitions come first, for the others lean on them."""
    conditions: list[Tree] = []
    chains: list[list[Link]] = []
    for tree in formula.conditions:
        if isinstance(tree, Text):
            conditions += [tree] if tree.text.lower().startswith(_CONDITIONS) else []
        elif not isinstance(tree, Relation) or _is_condition(tree, context, chains):
            conditions.append(tree)
        elif chains and chains[-1][-1].tree is tree.left:
            chains[-1].append(Link(tree.op, tree.right, Span(tree.left.span.end, tree.right.span.end)))
        else:
            right = Link(tree.op, tree.right, Span(tree.left.span.end, tree.right.span.end))
            chains.append([Link("", tree.left, tree.left.span), right])
    others = [Formula(tuple(links), tuple(conditions)) for links in chains]
    naming = [f for f in others if _names(f, context)]
    return [*naming, Formula(formula.items, tuple(conditions), formula.labels), *(f for f in others if f not in naming)]


def _is_condition(tree: Relation, context: Context, chains: Sequence[Sequence[Link]]) -> bool:
    """Whether a relation says for which indices, layers, classes or numbers a formula holds."""
    if chains and chains[-1][-1].tree is tree.left:
        return False
    if tree.op in ("implies", "iff"):
        return False
    if tree.op not in ("=", ":=", "equiv", "triangleq", "approx"):
        return True
    left, right = tree.left, tree.right
    if not letters_of(left).isdisjoint(context.families) and _is_plain(right):
        return True
    if isinstance(left, (Number, Listed)):
        return True
    if not isinstance(left, (Name, Script)):
        return False
    found = Reader(context).lookup(left)
    if found is None:
        return isinstance(left, Name) and _is_plain(right)
    meaning = found[0].meaning
    if not isinstance(meaning, Quantity) or meaning.classes:
        return not isinstance(left, Script) or _is_plain(right)
    given = all(t not in context.uses for t in meaning.tensors.values())
    return given and isinstance(right, (Number, Signed)) and _is_plain(right)


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


def _names(formula: Formula, context: Context) -> bool:
    """Whether a formula gives a meaning to a letter that has none."""
    left = formula.items[0].tree
    return isinstance(left, (Name, Script)) and key(left) not in context.named and Reader(context).lookup(left) is None
