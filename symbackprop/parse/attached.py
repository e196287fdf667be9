"""What is attached to a quantity: scripts and primes, `.T`, powers with `**`, and the brackets that make a call of it."""

from __future__ import annotations

import re

from symbackprop.languages import Message

from .pratt import Parser
from .tokens import FUNCTIONS, Token
from .tree import Call, Fence, Indicator, Infix, Juxtaposed, Listed, Name, Number, Relation, Script, Tree

__all__ = ["attached"]

_PRIMED = re.compile(r"\{((?:\s|'|\\prime(?![a-zA-Z]))+)\}")


def attached(p: Parser, base: Tree, start: int, kind: str) -> Tree:
    """The quantity with the scripts, primes and brackets that follow it; `kind` is that of its first sign."""
    while True:
        token = p.token
        match token.kind:
            case "^" | "_" | "primes":
                base = _scripts(p, base, start)
            case "op" if token.text == "**":
                p.advance()
                base = Infix("**", base, p.factor(), span=p.span(start))
            case "attribute":
                base = _attribute(p, base, start)
            case "open" if _is_call(p, base, kind, token):
                base = _call(p, base, start, token)
            case "bar" | "close" if token.text == "|" and not _bar_awaited(p) and p.text[token.end : token.end + 1] == "_":
                p.advance()
                base = Fence(".", base, "|", span=p.span(start))
            case _:
                return _applied(p, base, start, kind)


_ENTRYWISE = re.compile(r"\{\s*(?:\\(?:odot|otimes|circ|bullet|ast|star)|\*)\s*(?=\d)")  # a power entry by entry, as every power is


def _bar_awaited(p: Parser) -> bool:
    return bool(p.open) and p.open[-1].sign in ("|", "||", ".")


def _scripts(p: Parser, base: Tree, start: int) -> Tree:
    sub: Tree | None = None
    sup: Tree | None = None
    primes = 0
    if isinstance(base, Script):
        script = base
        base, sub, sup, primes = script.base, script.sub, script.sup, script.primes
    while p.token.kind in ("^", "_", "primes"):
        token = p.advance()
        primed = _PRIMED.match(p.text, p.token.start) if token.kind == "^" else None
        if token.kind == "primes":
            primes += len(token.text)
        elif token.kind == "_":
            sub = _beside(p, sub, p.argument("_"), token.start)
        elif p.token.kind == "primes":
            primes += len(p.advance().text)
        elif primed:
            primes += primed.group(1).count("'") + primed.group(1).count("prime")
            p.last = primed.end()
            p.move(primed.end())
        else:
            entrywise = _ENTRYWISE.match(p.text, p.token.start)
            raised = p.group(p.token._replace(end=entrywise.end())) if entrywise else p.argument("^")
            match raised:
                case Script(Fence() as bracket, None, None, more):  # g^{[l]'} is the derivative of g^{[l]}
                    raised, primes = bracket, primes + more
            sup = _beside(p, sup, raised, token.start)
    if sub is not None and sup is None and not primes and _is_one(base) and _conditional(sub):
        return Indicator(sub.body if isinstance(sub, Fence) else sub, span=p.span(start))
    return Script(base, sub, sup, primes, span=p.span(start))


def _beside(p: Parser, before: Tree | None, after: Tree, start: int) -> Tree:
    if before is None:
        return after
    items = [i for tree in (before, after) for i in (tree.items if isinstance(tree, Juxtaposed) else (tree,))]
    return Juxtaposed(tuple(items), span=p.span(start)._replace(start=before.span.start))


def _attribute(p: Parser, base: Tree, start: int) -> Tree:
    token = p.advance()
    name = Name(token.text[1:], span=p.span(token.start))
    if p.token.kind == "open" and p.token.text == "(":
        opened = p.token
        if p.text[opened.end : opened.end + 1] == ")":
            p.last = opened.end + 1
            p.move(p.last)
            return Call(name, (base,), span=p.span(start))
        call = _called(name, p.fence(opened, options=True))
        return Call(name, (base, *call.args), call.options, span=p.span(start))
    if name.name != "T":
        raise p.fail(Message("'.{name}' is not read here; the transpose is .T", name=name.name), token.start)
    return _scripted(p, base, name, start)


def _scripted(p: Parser, base: Tree, sup: Tree, start: int) -> Script:
    if isinstance(base, Script):
        return Script(base.base, base.sub, _beside(p, base.sup, sup, start), base.primes, span=p.span(start))
    return Script(base, None, sup, span=p.span(start))


def _function(p: Parser, base: Tree, kind: str) -> bool:
    name = base.base if isinstance(base, Script) else base
    if not isinstance(name, Name):
        return False
    upright_word = kind == "word" and name.name not in p.vocabulary.words
    return name.name in p.vocabulary.functions or name.name in FUNCTIONS or upright_word


def _is_call(p: Parser, base: Tree, kind: str, opened: Token) -> bool:
    at = opened.end - 1
    if _is_one(base) and at in p.survey.relations:
        return True
    if opened.text not in ("(", "[", "{"):
        return False
    name = base.base if isinstance(base, Script) else base
    return _function(p, base, kind) or (opened.text == "(" and isinstance(name, Name) and (at in p.survey.lists or at in p.survey.given))


def _call(p: Parser, base: Tree, start: int, opened: Token) -> Tree:
    name = base.base if isinstance(base, Script) else base
    fence = p.fence(opened, options=isinstance(name, Name) and len(name.name) > 1)
    if _is_one(base) and _conditional(fence):
        return Indicator(fence.body, span=p.span(start))
    call = _called(base, fence)
    return Call(base, call.args, call.options, span=p.span(start))


def _applied(p: Parser, base: Tree, start: int, kind: str) -> Tree:
    """A function without brackets takes the next factor; a single letter does not, since `f x` is a product more often."""
    name = base.base if isinstance(base, Script) else base
    if not isinstance(name, Name) or len(name.name) == 1 or not _function(p, base, kind):
        return base
    if kind == "function" and p.token.kind == "op" and p.token.text in ("+", "-"):
        raise p.fail(Message("the function {name} lacks its argument: put it in brackets", name=name.name))
    named = kind == "function" or (name.name in p.vocabulary.functions and not (isinstance(base, Script) and base.sub is not None))
    if not named or not p.factor_follows() or isinstance(base, Call):
        return base
    return Call(base, (p.factor(),), span=p.span(start))


def _is_one(tree: Tree) -> bool:
    return (isinstance(tree, Number) and tree.text == "1") or (isinstance(tree, Name) and tree.name in ("1", "I"))


def _conditional(tree: Tree) -> bool:
    body = tree.body if isinstance(tree, Fence) else tree
    return isinstance(body, Relation) or (isinstance(body, Listed) and all(isinstance(i, Relation) for i in body.items))


def _called(function: Tree, fence: Fence) -> Call:
    """The call with what the bracket holds: a list is several arguments, however it is parted, and `axis=1` an option."""
    groups = fence.body.items if isinstance(fence.body, Listed) else (fence.body,)
    items = [i for g in groups for i in (g.items if isinstance(g, Listed) else (g,))]
    args = tuple(i for i in items if not _is_option(i))
    options = tuple((i.left.name, i.right) for i in items if isinstance(i, Relation) and isinstance(i.left, Name) and _is_option(i))
    return Call(function, args, options)


def _is_option(tree: Tree) -> bool:
    return isinstance(tree, Relation) and tree.op == "=" and isinstance(tree.left, Name) and len(tree.left.name) > 1
