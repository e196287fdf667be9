r"""Letters, words, accents and brackets, and the table of what each kind of sign reads."""

from __future__ import annotations

import re

from symbackprop.languages import Message

from .attached import attached
from .blocks import begin, big
from .derivatives import fraction, inline, inline_follows, nabla, root, slope
from .pratt import Grammar, Parser, upright
from .tokens import ACCENTS, Token
from .tree import STYLES, Cases, Dots, Indicator, Juxtaposed, Matrix, Name, Number, Relation, Script, Text, Tree

__all__ = ["GRAMMAR"]

_JOINED = re.compile(r"\s*\\([a-zA-Z]+)\s*\{?\s*\\?([A-Za-z]*)")


def _name(p: Parser, token: Token) -> Tree:
    if p.text.startswith(("d", "\\delta"), token.start) and inline_follows(p, token.start):
        return inline(p, token)
    joined = _joined(p, token) if token.run else None
    if joined is not None:
        return joined
    run = p.text[token.start : token.run] if token.run else ""
    return Name(token.text, word=run, span=p.span(token.start))


def _joined(p: Parser, token: Token) -> Name | None:
    r"""The word that a run of letters makes with the command behind it, if it is known: `d\gamma`, `d\tilde c`."""
    if not p.text.startswith("\\", token.run):
        return None
    behind = _JOINED.match(p.text, token.run)
    letter = behind and (behind.group(2) if behind.group(1) in ACCENTS else behind.group(1))
    if not letter or p.text[token.start : token.run] + letter not in p.vocabulary.known:
        return None
    p.move(token.run)
    rest = p.atom()
    while isinstance(rest, Script):
        rest = rest.base
    accents = rest.accents if isinstance(rest, Name) else ()
    return Name(p.text[token.start : token.run] + letter, accents, span=p.span(token.start))


def _word(p: Parser, token: Token) -> Tree:
    return upright(token.text, p.span(token.start))


def _accent(p: Parser, token: Token) -> Tree:
    if ACCENTS[token.text] == "roman" and inline_follows(p, token.start):
        return inline(p, token)
    return _accented(p, p.argument(f"\\{token.text}"), ACCENTS[token.text], token)


def _accented(p: Parser, tree: Tree, accent: str, token: Token) -> Tree:
    """What is set over a name belongs to the name, below its scripts; a style is that of each letter."""
    span = p.span(token.start)
    match tree:
        case Name():
            added = () if accent == "italic" or (accent == "roman" and len(tree.name) > 1) else (accent,)
            return Name(tree.name, tuple(sorted((*tree.accents, *added))), word=tree.word, span=span)
        case Number():
            return Name(tree.text, (accent,), span=span) if accent != "roman" else tree
        case Script():
            return Script(_accented(p, tree.base, accent, token), tree.sub, tree.sup, tree.primes, span=span)
        case Juxtaposed() if accent in STYLES or accent == "double":
            return Juxtaposed(tuple(_accented(p, i, accent, token) for i in tree.items), span=span)
        case _ if accent in STYLES or accent == "double":
            return tree
    raise p.fail(Message("{sign} is read over a name only", sign=f"\\{token.text}"), token.start)


def _number(p: Parser, token: Token) -> Tree:
    return Number(token.text, span=p.span(token.start))


def _dots(p: Parser, token: Token) -> Tree:
    return Dots(span=p.span(token.start))


def _transparent(p: Parser, token: Token) -> Tree:
    return p.argument(f"\\{token.text}")


def _brace(p: Parser, token: Token) -> Tree:
    """What stands over or under a brace; the remark at the brace says nothing of it."""
    found = p.argument(f"\\{token.text}")
    if p.token.kind in ("_", "^"):
        p.advance()
        p.argument(Message("the brace"))
    return found


def _open(p: Parser, token: Token) -> Tree:
    fence = p.fence(token)
    if fence.open == "[" and fence.close == "]" and isinstance(fence.body, Relation):
        return Indicator(fence.body, span=fence.span)
    if fence.open == "{" and fence.close == "." and isinstance(fence.body, Matrix) and all(len(row) <= 2 for row in fence.body.rows):
        return Cases(tuple((row[0], row[1] if len(row) == 2 and not isinstance(row[1], Text) else None) for row in fence.body.rows), span=fence.span)
    return fence


GRAMMAR = Grammar({
    "name": _name, "word": _word, "function": _word, "number": _number, "dots": _dots, "accent": _accent, "open": _open, "bar": _open,
    "slope": slope, "{": lambda p, token: p.group(token), "pass_": _transparent, "brace": _brace, "fraction": fraction, "sqrt": root,
    "partial": inline, "nabla": nabla, "big": big, "begin": begin,
}, attached)  # fmt: skip
