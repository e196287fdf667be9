"""Mistakes in a single symbol: its transpose, layer, indices, power, prime, or another symbol altogether."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction

from symbackprop.checker.symbols import TRANSPOSES, key, letter_key, parts
from symbackprop.parse.tree import Call, Derivative, Fence, Infix, Nabla, Name, Number, Relation, Script, Signed, Tree, children

from .line import Edit, walk
from .scene import Scene
from .writing import ATOM, FACTOR, RUN, SUM, Written

__all__ = ["braced", "called", "symbol", "toggled"]


# derivatives of functions that nobody writes with a prime
_SLOPES = {
    "ln": (r"\frac{{1}}{{{}}}", FACTOR), "log": (r"\frac{{1}}{{{}}}", FACTOR), "sin": (r"\cos({})", FACTOR), "cos": (r"-\sin({})", SUM),
    "sqrt": (r"\frac{{1}}{{2 \sqrt{{{}}}}}", FACTOR),
}  # fmt: skip


def symbol(s: Scene, tree: Tree, parent: Tree | None) -> Iterator[Edit]:
    """The changes of one symbol or of what is used like one."""
    if s.is_symbol(tree) or isinstance(tree, (Fence, Derivative, Nabla, Call)):
        if not s.is_number(tree):
            yield s.edit("transpose", tree, parent, toggled(s, tree))
        yield from _powers(s, tree, parent)
    if s.is_symbol(tree):
        yield from _layers(s, tree, parent)
        yield from _others(s, tree, parent)
        yield from _wrapped(s, tree, parent)
    if key(tree) == "I" and s.fits:
        for x in (x for x in s.whole_symbols if s.is_upright(x)):
            yield s.edit("operand", tree, parent, Written(f"\\operatorname{{diag}}({x})", FACTOR))
    if isinstance(tree, Derivative):
        yield from _by_another(s, tree, parent)
    if s.is_gradient(tree) or isinstance(tree, Derivative):
        inside = [t for t in walk(tree) if isinstance(t, Script)]
        yield from (e for t in inside for e in (*_indices(s, t), *_layers(s, t, tree)))
    if isinstance(tree, Script):
        yield from _indices(s, tree)
        if tree.primes:
            yield s.edit("prime", tree, parent, Written(s.slice(tree).replace("'", "", 1), ATOM))


def toggled(s: Scene, tree: Tree) -> Written:
    """A part with its transpose taken off, or put on."""
    text = s.slice(tree)
    if isinstance(tree, Script):
        for part in parts(tree.sup):
            if key(part) in TRANSPOSES:
                return Written(_without(s, tree, part), ATOM)
        brackets = tree.sup is not None and text.endswith("}") and isinstance(parts(tree.sup)[-1], Fence) and tree.sup.span.end >= tree.span.end - 1
        if brackets and not s.python:
            return Written(f"{text[:-1]}{s.dialect.transpose}}}", ATOM)
    return s.dialect.transposed(s.written(tree))


def _without(s: Scene, tree: Script, part: Tree) -> str:
    """A symbol without one part of its scripts."""
    text, at = s.slice(tree), part.span.start - tree.span.start
    left, right = text[:at], text[part.span.end - tree.span.start :]
    if left.endswith("{") and right.startswith("}"):
        left, right = left[:-1], right[1:]
    return (left.rstrip("^._ ") if left.endswith(("^", "_", ".")) else left) + right


def _powers(s: Scene, tree: Tree, parent: Tree | None) -> Iterator[Edit]:
    """An exponent more or less, none at all, a square or a root."""
    if isinstance(tree, Script) and tree.sup is not None and (isinstance(tree.sup, Number) or not s.is_layer(tree.sup)):
        written = s.slice(tree.sup)
        if re.fullmatch(r"-?\d+(/\d+)?", written):
            lower = Fraction(written) - 1
            start, end = tree.sup.span.start, tree.sup.span.end
            rest = s.text[tree.span.start : start] + braced(s, tree.sup, str(lower)) + s.text[end : tree.span.end]
            below = _without(s, tree, tree.sup) if lower == 1 else rest
            yield s.edit("prime", tree, parent, Written(f"{written} {below}", RUN))
            for n in (lower, lower + 2):
                if n not in (0, 1):
                    yield s.replaced("power", *tree.sup.span, braced(s, tree.sup, str(n)), tree)
    if isinstance(tree, Script) and key(tree.base) == "e" and tree.sup is not None:
        yield _negated(s, tree.sup, tree)
    if isinstance(tree, Script):
        for part in parts(tree.sup):
            if (isinstance(part, (Number, Signed)) and not s.is_layer(part)) or isinstance(part, Number):
                yield s.edit("power", tree, parent, Written(_without(s, tree, part), ATOM))
    if isinstance(tree, Call) and isinstance(tree.function, Script):
        for part in parts(tree.function.sup):
            if isinstance(part, Number):
                for whole in (int(part.text) - 1, int(part.text) + 1) if part.text.isdigit() else ():
                    if whole > 1:
                        yield s.replaced("power", *part.span, braced(s, part, str(whole)), tree)
                head = _without(s, tree.function, part)
                yield s.edit("power", tree, parent, Written(head + s.text[tree.function.span.end : tree.span.end], FACTOR))
    if not (isinstance(parent, Infix) and parent.op == "**"):
        yield s.edit("power", tree, parent, s.dialect.squared(s.written(tree)))
    if s.slice(tree) in s.constants:
        yield s.edit("power", tree, parent, s.dialect.root(s.written(tree)))


def _layers(s: Scene, tree: Tree, parent: Tree | None) -> Iterator[Edit]:
    """The neighbouring layers and times."""
    if not s.context.families:
        return
    if isinstance(tree, Script):
        for part in (p for script in _layered(s, tree) for p in parts(script)):
            inner = part.body if isinstance(part, Fence) else part
            if s.is_layer(inner):
                for new in _neighbours(s, inner):
                    yield s.replaced("layer", *inner.span, braced(s, inner, new), tree)
    inner = tree.base if isinstance(tree, Script) else tree
    if s.python and (found := re.fullmatch(r"(.*?)(\d+)", s.slice(inner))):
        for n in (int(found[2]) - 1, int(found[2]) + 1):
            yield s.replaced("layer", *inner.span, f"{found[1]}{n}", tree)


def _layered(s: Scene, tree: Script) -> list[Tree | None]:
    """The scripts in which a symbol may have a layer: another number is an index or a power."""
    if not isinstance(tree.base, Name):
        return []
    patterns = [known.pattern for known in s.context.symbols.get(letter_key(tree), ())]
    below = not patterns or any(p.where == "sub" or p.sub for p in patterns)
    above = not patterns or any(p.where == "sup" or p.sup for p in patterns)
    return [script for script, wanted in ((tree.sub, below), (tree.sup, above)) if wanted]


def braced(s: Scene, tree: Tree, new: str) -> str:
    """A script of several signs where there was one that needed no braces."""
    bare = tree.span.start > 0 and s.text[: tree.span.start].rstrip().endswith(("^", "_"))
    return f"{{{new}}}" if bare and len(new) > 1 and not s.python else new


def _neighbours(s: Scene, inner: Tree) -> list[str]:
    written = s.slice(inner)
    match inner:
        case Number(text):
            return [str(n) for n in (int(text) - 1, int(text) + 1) if n >= 0]
        case Infix("+" | "-", a, _):
            letter = s.slice(a)
            return [letter, *(t for t in (f"{letter}-1", f"{letter}+1") if t != written.replace(" ", ""))]
    families = [k for k in s.context.families if k != written] if written in s.context.depths else []
    return [f"{written}-1", f"{written}+1", *families]


def _indices(s: Scene, tree: Script) -> Iterator[Edit]:
    places = s.index_places(tree)
    for n, p in enumerate(places):
        for q in places[n + 1 :]:
            if key(p) != key(q):
                a, b = p.span.start, q.span.end
                yield s.replaced("indices", a, b, s.slice(q) + s.text[p.span.end : q.span.start] + s.slice(p), tree)
        for letter in s.letters:
            if letter != key(p):
                yield s.replaced("index", *p.span, letter, tree)
    for part in parts(tree.sub):
        if isinstance(part, Infix) and not s.is_layer(part):
            yield from _shifts(s, part, tree)


def _shifts(s: Scene, part: Tree, tree: Tree) -> Iterator[Edit]:
    """An index such as i + u - 1 with another sign, or moved by one."""
    text = s.slice(part)
    for new in (f"{text}+1", f"{text}-1", text.translate(str.maketrans("+-", "-+"))):
        yield s.replaced("index", *part.span, new, tree)
    while isinstance(part, Infix):
        at = s.text.index(part.op, part.left.span.end)
        yield s.replaced("index", at, at + 1, "-" if part.op == "+" else "+", tree)
        yield s.replaced("index", part.span.start, part.span.end, s.slice(part.left), tree)
        part = part.left


def _by_another(s: Scene, tree: Derivative, parent: Tree | None) -> Iterator[Edit]:
    """The derivative by another quantity of the same shape, with the same scripts."""
    readable, shape = s.shape(s.slice(tree))
    for by in tree.by:
        inner = by.base if isinstance(by, Script) else by
        scripts = s.text[inner.span.end : by.span.end]
        new = dict.fromkeys(name for name in (*(name + scripts for name in s.names), *s.declared) if name.removesuffix(scripts) not in s.loss_names)
        for other in new:
            text = s.text[tree.span.start : by.span.start] + other + s.text[by.span.end : tree.span.end]
            known, its = s.shape(text)
            if other != s.slice(by) and known and (not readable or not s.fits or its == shape):
                yield s.edit("operand", tree, parent, Written(text, FACTOR))


def _others(s: Scene, tree: Tree, parent: Tree | None) -> Iterator[Edit]:
    """Another letter with the same scripts, or another symbol of the line or the problem."""
    if isinstance(parent, Relation):
        return
    text = s.slice(tree)
    symbol = list(children(tree))[-1] if s.is_gradient(tree) else tree
    kind = "evaluation point" if isinstance(parent, Call) and s.is_function(parent.function) else "operand"
    inner = symbol.base if isinstance(symbol, Script) else symbol
    letter = s.slice(inner)
    if s.python and not isinstance(tree, Script) and (found := re.fullmatch(r"(.*?)(\d*)", text)):
        letter = found[1]
    new = [text.replace(letter, name, 1) for name in s.names] + list(s.other_symbols)
    if isinstance(tree, Script) and any(key(p) in TRANSPOSES for p in parts(tree.sup)):
        new += [s.dialect.transposed(Written(name, ATOM)).text for name in s.declared if "^" not in name]
    readable, shape = s.shape(text)
    for other in dict.fromkeys(new):
        if other != text:
            known, its = s.shape(other)
            if known and (not readable or not s.fits or its == shape):
                yield s.edit(kind, tree, parent, Written(other, ATOM if "^" not in other else FACTOR))


def _wrapped(s: Scene, tree: Tree, parent: Tree | None) -> Iterator[Edit]:
    """A function that was left out."""
    if isinstance(parent, Call):
        return
    for f in s.functions:
        for prime in ("", "'") if f in s.declared_functions and not s.python else ("",):
            yield s.edit("function", tree, parent, Written(f"{f}{prime}({s.slice(tree)})", FACTOR))


def called(s: Scene, tree: Call, parent: Tree | None) -> Iterator[Edit]:
    """A function for its derivative and back, another function, or none."""
    head, rest = s.slice(tree.function), s.text[tree.function.span.end : tree.span.end]
    if not s.is_function(tree.function):
        return
    if isinstance(tree.function, Script) and tree.function.primes:
        yield s.edit("prime", tree, parent, Written(head.replace("'", "", 1) + rest, FACTOR))
        yield s.edit("prime", tree, parent, Written(head.replace("'", "", 1).replace("^{}", "") + rest, FACTOR))
    elif isinstance(tree.function, Script) and head.endswith("}") and tree.function.sup is not None:
        yield s.edit("prime", tree, parent, Written(f"{head[:-1]}'}}{rest}", FACTOR))
    elif (slope := _SLOPES.get(letter_key(tree.function))) is not None and len(tree.args) == 1 and not s.python:
        inner = tree.args[0].body if isinstance(tree.args[0], Fence) else tree.args[0]
        yield s.edit("prime", tree, parent, Written(slope[0].format(s.slice(inner)), slope[1]))
    else:
        yield s.edit("prime", tree, parent, Written(f"{head}'{rest}", FACTOR))
    for f in (f for f in s.functions if f != head.rstrip("'")):
        yield s.edit("function", tree, parent, Written(f + head[len(head.rstrip("'")) :] + rest, FACTOR))
    if len(tree.args) == 1:
        yield s.edit("function", tree, parent, s.written(tree.args[0]))
        yield _negated(s, tree.args[0], tree)


def _negated(s: Scene, tree: Tree, within: Tree) -> Edit:
    """An argument or an exponent with the other sign."""
    inner = tree.body if isinstance(tree, Fence) else tree
    whole = s.written(inner)
    new = s.slice(inner.arg) if isinstance(inner, Signed) else braced(s, inner, s.dialect.negative(whole).text)
    return s.replaced("sign", *inner.span, new, within)
