r"""Sums and their like, matrices, cases, and the conditions beside a formula."""

from __future__ import annotations

import re

from symbackprop.languages import Message

from .pratt import PRODUCT, Parser
from .prose import closes
from .tokens import Token
from .tree import Big, Cases, Fence, Juxtaposed, Listed, Matrix, Name, Number, Relation, Text, Tree

__all__ = ["begin", "big", "conditions"]

_ENVIRONMENT = re.compile(r"\s*\{([a-zA-Z]+)\*?\}")
_COLUMNS = re.compile(r"\s*(?:\[\w\])?\s*\{[^{}]*\}")
_MATRICES = frozenset({"matrix", "pmatrix", "bmatrix", "Bmatrix", "vmatrix", "Vmatrix", "smallmatrix", "array"})


def big(p: Parser, token: Token) -> Tree:
    r"""A sum or its like with what stands below and above it, and its body; `\max(0, z)` is the name of a function."""
    kind = token.text
    if kind == "arg":
        if p.token.kind != "big" or p.token.text not in ("max", "min"):
            raise p.fail(Message("{sign} is read before {one} and {other} only", sign="\\arg", one="\\max", other="\\min"))
        kind += p.advance().text
    below: Tree | None = None
    high: Tree | None = None
    while p.token.kind in ("_", "^"):
        sign = p.advance()
        if sign.kind == "_":
            below = p.argument("_")
        else:
            high = p.argument("^")
    if kind in ("max", "min") and below is None and p.token.kind == "open":
        return Name(kind, span=p.span(token.start))
    indices, low, condition = _below(below)
    if not (p.factor_follows() or (p.token.kind == "op" and p.token.text in ("+", "-"))):
        raise p.fail(Message("the {kind} lacks its body", kind=kind))
    return Big(kind, indices, low, high, condition, p.expression(PRODUCT), span=p.span(token.start))


def _below(tree: Tree | None) -> tuple[tuple[Tree, ...], Tree | None, Tree | None]:
    """What stands below a big sign, parted into indices, the lower end and the condition."""
    if tree is None:
        return (), None, None
    parts = _attached(tree.items if isinstance(tree, Listed) else (tree,))
    indices: list[Tree] = []
    low: Tree | None = None
    others: list[Tree] = []
    for part in parts:
        if not isinstance(part, Relation):
            indices.extend(part.items if isinstance(part, Juxtaposed) else (part,))
            continue
        index = part.right if isinstance(part.left, Number) else part.left
        if part.op == "=" and low is None:
            low = part.right
        elif part.op != ":":  # "i : y_i > 0" is a sum over i
            others.append(part)
        for letter in index.items if isinstance(index, (Listed, Juxtaposed)) else (index,):
            if letter not in indices and (part.op == "=" or not indices):
                indices.append(letter)
    condition = None if not others else others[0] if len(others) == 1 else Listed(tuple(others), span=tree.span)
    return tuple(indices), low, condition


def _attached(items: tuple[Tree, ...] | list[Tree]) -> list[Tree]:
    """The parts of a list, where what follows `l = 1` up to the next relation belongs to its right side: `l = 1, ..., L`."""
    found: list[Tree] = []
    for item in items:
        before = found[-1] if found else None
        if isinstance(before, Relation) and not isinstance(item, (Relation, Listed, Text)):
            more = before.right.items if isinstance(before.right, Listed) else (before.right,)
            found[-1] = Relation(before.op, before.left, Listed((*more, item), span=before.right.span), span=before.span)
        else:
            found.append(item)
    return found


# ---------------------------------------------------------------- matrices, cases, conditions


def begin(p: Parser, token: Token) -> Tree:
    r"""A matrix or cases, from `\begin` to `\end`."""
    named = _ENVIRONMENT.match(p.text, token.end)
    kind = named.group(1) if named else ""
    if named is None or kind not in _MATRICES | {"cases", "rcases", "dcases"}:
        raise p.fail(Message("the environment '{kind}' is not read here; cases, array, pmatrix and bmatrix are", kind=kind[:40]), token.start)
    columns = _COLUMNS.match(p.text, named.end()) if kind == "array" else None
    rows = _rows(p, token, columns.end() if columns else named.end(), kind)
    if kind not in _MATRICES:
        return Cases(tuple((row[0], row[1] if len(row) > 1 and not isinstance(row[1], Text) else None) for row in rows), span=p.span(token.start))
    matrix = Matrix(rows, span=p.span(token.start))
    bar = {"vmatrix": "|", "Vmatrix": "||"}.get(kind)
    return Fence(bar, matrix, bar, span=matrix.span) if bar else matrix


def _rows(p: Parser, token: Token, start: int, kind: str) -> tuple[tuple[Tree, ...], ...]:
    p.open_here("begin", token.start, start)
    rows: list[list[Tree]] = [[]]
    while p.token.kind != "end_of":
        if p.token.kind == "row":
            p.advance()
            rows.append([])
        elif p.token.kind == "&":
            if not rows[-1]:
                raise p.fail(Message("a cell of the {kind} is empty", kind=kind))
            p.advance()
        elif p.token.kind == "end":
            raise p.unexpected()
        else:
            rows[-1].extend(_cell(p))
    closing = _ENVIRONMENT.match(p.text, p.token.end)
    if closing is None or closing.group(1) != kind:
        raise p.fail(Message("the environment '{kind}' that begins at {place} is ended as another", kind=kind, place=p.place(token.start)))
    p.close_here(closing.end())
    found = tuple(tuple(row) for row in rows if row)
    if not found:
        raise p.fail(Message("the {kind} is empty", kind=kind), token.start)
    return found


def _cell(p: Parser) -> list[Tree]:
    """A value, or the conditions beside it."""
    if p.token.kind in ("text", "forall"):
        said = conditions(p)
        return [said[0] if len(said) == 1 else Listed(tuple(said))]
    value = p.compared()
    if p.token.kind == ",":
        p.advance()
    elif p.token.kind == "text":
        return [value, *_cell(p)]
    return [value]


def conditions(p: Parser) -> list[Tree]:
    """Conditions beside a formula, up to the end of the cell or the text; words are kept only where no formula follows them."""
    found: list[Tree] = []
    while p.token.kind not in ("end", "end_of", "row", "&", "}", "close"):
        kind = p.token.kind
        if kind in (",", "quad", "forall", "."):
            p.advance()
        elif kind == "text":
            token = p.advance()
            ends = p.token.kind in ("end", "end_of", "row", "&", "}", "close", ".", ",", "text")
            if ends and not (found and closes(token.text)):
                found.append(Text(token.text, span=p.span(token.start)))
        else:
            item = p.compared()
            found.extend(item.items if isinstance(item, Listed) else (item,))
    return _attached(found)
