r"""Formulas in LaTeX read as chains: `a = b = c`, the conditions said beside them, their tags and labels."""

from __future__ import annotations

from symbackprop.errors import ReadError, TooLarge
from symbackprop.languages import Message

from .blocks import conditions
from .letters import spelled_out
from .macros import expanded
from .parts import GRAMMAR
from .pratt import Parser
from .tree import Fence, Formula, Juxtaposed, Limits, Link, Listed, Name, Number, Relation, Span, Text, Tree, Vocabulary, children

__all__ = ["check_height", "read_formula"]

_LIMITS = Limits()


def read_formula(text: str, vocabulary: Vocabulary, limits: Limits = _LIMITS) -> Formula:
    r"""Read one formula or chain of formulas typed in LaTeX; spans are offsets into `text`.

    Raises `ReadError` where the text cannot be read, and `TooLarge` where it is beyond `limits`.

    >>> formula = read_formula(r"\delta_{ij} = 1", Vocabulary())
    >>> [link.relation for link in formula.items], formula.items[1].tree
    (['', '='], Number(text='1'))
    """
    if len(text) > limits.formula:
        raise TooLarge(text, 0, Message("the formula has {count} characters; {most} are read", count=len(text), most=limits.formula))
    origin: list[int] | None = None
    plain = text
    if vocabulary.macros:
        plain, origin = expanded(text, vocabulary.macros, limits.formula)
    if not plain.isascii() or "$" in plain:
        plain, spelled = spelled_out(plain)
        origin = spelled if origin is None else [origin[at] for at in spelled]
    try:
        p = Parser(plain, vocabulary, limits, GRAMMAR, origin)
        formula = _chain(p)
    except ReadError as error:
        raise type(error)(text, origin[error.offset] if origin else error.offset, error.problem) from None
    if p.signs > limits.height:
        for tree in (*(link.tree for link in formula.items), *formula.conditions):
            check_height(tree, text, limits)
    return formula


def check_height(tree: Tree | None, text: str, limits: Limits) -> None:
    """Raise `TooLarge` if a tree is too high for recursion over it."""
    level = [tree] if tree is not None else []
    for _ in range(limits.height):
        level = [child for node in level for child in children(node)]
        if not level:
            return
    raise TooLarge(text, 0, Message("the formula has more than {most} signs in one chain or nested in each other", most=limits.height))


def _chain(p: Parser) -> Formula:
    while p.token.kind in ("text", "quad") or (p.token.kind == "," and not p.last):
        p.advance()
    links: list[Link] = []
    relation, start = "", p.token.start
    stopped: int | None = None
    while p.token.kind != "end":
        if p.token.kind == "relation":
            start = p.token.start
            relation = p.advance().text
            if relation == ":" and _is_heading(links):  # "i = j: the formula"
                relation = ""
                break
            if p.token.kind in ("end", "."):
                links.append(Link(relation, None, p.span(start)))
        elif not links or relation:
            tree = p.expression()
            links.append(Link(relation, tree, p.span(start)))
            relation = ""
        elif p.token.kind in (",", "quad", "text", "forall"):
            break
        elif p.token.kind == ".":
            p.advance()
            stopped = p.token.start
            break
        else:
            raise p.unexpected()
        if p.token.kind == "relation" and relation:
            raise p.unexpected()
    if not links:
        raise p.fail(Message("there is no formula"))
    said = _said(p, links)
    if p.token.kind != "end":
        raise p.unexpected()
    if stopped is not None and not all(isinstance(item, (Relation, Text)) for item in said):
        raise p.fail(Message("the formula goes on after its full stop"), stopped)
    links = [part for link in links for part in _unboxed(link)]
    if not said and links[-1].relation and (aside := _aside(links[-1].tree)) is not None:
        links[-1] = Link(links[-1].relation, aside[0], links[-1].span)
        said = [aside[1]]
    return Formula(tuple(links), tuple(said), tuple(p.labels))


def _is_heading(links: list[Link]) -> bool:
    """Whether a chain compares two letters or numbers and says no more: what follows holds there."""
    return len(links) == 2 and all(isinstance(link.tree, (Name, Number)) for link in links)


def _unboxed(link: Link) -> list[Link]:
    r"""The links of a chain that stands in a box or in braces as a whole, `\boxed{a = b}`."""
    found = [link]
    relations = link.tree.items if isinstance(link.tree, Listed) else (link.tree,)
    if all(isinstance(r, Relation) for r in relations):
        first = relations[0]
        assert isinstance(first, Relation)
        found = [Link(link.relation, first.left, first.left.span)]
        for r in relations:
            assert isinstance(r, Relation)
            found.append(Link(r.op, r.right, Span(r.left.span.end, r.right.span.end)))
    return found


def _said(p: Parser, links: list[Link]) -> list[Tree]:
    """The conditions behind a chain; of a list behind `j =`, as in `j = 1, ..., n`, the list belongs to the last link."""
    comma = p.token.kind == ","
    said = [item for item in conditions(p) if not _is_label(item)]
    last = links[-1].tree
    if comma and last is not None and said and not isinstance(said[0], (Relation, Text)):
        more = [item for item in said if not isinstance(item, (Relation, Text))]
        links[-1] = Link(links[-1].relation, Listed((last, *more), span=last.span), links[-1].span)
        return [item for item in said if isinstance(item, (Relation, Text))]
    return said


def _is_label(tree: Tree) -> bool:
    """Whether a tree is the number of an equation, `(6.1)`."""
    return isinstance(tree, Fence) and tree.open == "(" and isinstance(tree.body, Number)


def _aside(tree: Tree | None) -> tuple[Tree, Tree] | None:
    r"""A formula and the condition in brackets behind it, `-p_i p_j \quad (i \ne j)`."""
    if isinstance(tree, Juxtaposed) and isinstance(tree.items[-1], Fence) and isinstance(tree.items[-1].body, Relation):
        before = tree.items[:-1]
        return (before[0] if len(before) == 1 else Juxtaposed(before, span=tree.span)), tree.items[-1].body
    return None
