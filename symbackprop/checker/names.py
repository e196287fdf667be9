"""Letters with scripts: quantities, names for formulas, sizes, numbers, gradients such as dW, and the names of Python."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any

from symbackprop.checker.bars import at_point
from symbackprop.checker.classes import is_class
from symbackprop.checker.context import Constant, Context, Function, Macro, OutOfLayers, Quantity, Size, Symbol, Unreadable
from symbackprop.checker.entries import entries, raised, rest_of, scripted, whole
from symbackprop.checker.faces import Typed
from symbackprop.checker.products import power, squared_norm
from symbackprop.checker.slopes import derived, increment
from symbackprop.checker.symbols import Found, key, letter_key, parts
from symbackprop.checker.terms import Delta, Derived, Fn, Leaf, Num, Scalar, free, relabel
from symbackprop.checker.walk import Walk, symbol_size
from symbackprop.equations import Tensor
from symbackprop.languages import Message
from symbackprop.parse.shown import shown
from symbackprop.parse.tree import Fence, Juxtaposed, Name, Number, Script, Tree

__all__ = [
    "accented",
    "differential",
    "expanded",
    "exponential",
    "gradient",
    "identifier",
    "identifiers",
    "kronecker",
    "meant",
    "norm",
    "primed",
    "renamed",
    "size_of",
    "symbol",
    "unknown",
    "variable",
    "with_accent",
    "with_digits",
    "word_of",
]


_CLOSING = {"[": "]", "(": ")", "{": "}"}


def symbol(reader: Walk, tree: Tree) -> Typed:
    """A letter with its scripts: a quantity, a name for a formula, a size, a number, a gradient such as dW, or a bracket indexed."""
    inner = tree.base if isinstance(tree, Script) else tree
    while isinstance(inner, Script):
        inner = inner.base
    if not isinstance(inner, Name):
        rest = rest_of(tree)
        if isinstance(inner, Fence) and (inner.open, inner.close) == (".", "|") and isinstance(tree, Script) and len(rest.sub) == 1:
            return raised(reader, at_point(reader, inner.body, rest.sub[0], tree), rest.sup, tree)
        if isinstance(inner, Fence) and inner.open == "||" and rest.sub:
            return raised(reader, norm(reader, inner.body, rest.sub, tree), rest.sup, tree)
        return scripted(reader, reader.read(inner), tree, key(tree), rest)
    found = reader.lookup(tree)
    if (found is None or (found[1].layer is None and found[0].pattern.where)) and (written := layered(reader, tree, inner.name)) is not None:
        return symbol(reader, written)
    if found is None and (spelled := with_accent(reader, tree) or with_digits(reader, tree)) is not None:
        return reader.read(spelled)
    if found is None and (reader.python or inner.name[-1:].isdigit()):
        typed = identifier(reader, inner.name)
        if typed is not None:
            return scripted(reader, typed, tree, inner.name, rest_of(tree))
    if inner.name == "delta" and (found is None or (found[1].layer is None and found[1].pattern.where)):
        delta = kronecker(reader, tree)
        if delta is not None:
            return delta
    if found is None:
        return unknown(reader, tree)
    declared, rest, alias = found
    return meant(reader, declared, rest, alias, tree)


def with_accent(reader: Walk, tree: Tree) -> Tree | None:
    """`\\hat y` for `yhat`, as plain text has it."""
    name = letter_key(tree)
    for accent in ("hat", "tilde", "bar"):
        letter = name.removesuffix(accent)
        if letter != name and f"{accent} {letter}" in reader.context.symbols:
            return accented(tree, letter, accent)
    return None


def with_digits(reader: Walk, tree: Tree) -> Tree | None:
    """`Z1` for `Z_1`, and `dZ1` for `dZ_1`, where the digit was declared as part of the name."""
    if not isinstance(tree, Script) or not isinstance(tree.base, Name):
        return None
    digit, *rest = parts(tree.sub) or (None,)
    name = f"{tree.base.name}{key(digit)}"
    if not isinstance(digit, Number) or not {name, name.removeprefix("d")} & reader.context.symbols.keys():
        return None
    below = None if not rest else rest[0] if len(rest) == 1 else Juxtaposed(tuple(rest))
    letter = replace(tree.base, name=name)
    return replace(tree, base=letter, sub=below) if below is not None or tree.sup is not None or tree.primes else letter


def accented(tree: Tree, letter: str, accent: str) -> Tree:
    """The tree with another letter under its scripts, an accent over it."""
    if isinstance(tree, Script):
        return replace(tree, base=accented(tree.base, letter, accent))
    assert isinstance(tree, Name)
    return replace(tree, name=letter, accents=(accent,))


def layered(reader: Walk, tree: Tree, name: str) -> Tree | None:
    """A symbol of a batch whose layer stands below, `W_2` for W^{[2]}: of one example it could be an entry."""
    if reader.context.samples is None or not (isinstance(tree, Script) and isinstance(tree.base, Name) and isinstance(tree.sub, Number)):
        return None
    for written in identifiers(name + tree.sub.text, reader.context):
        above = written if tree.sup is None and not tree.primes else Script(written, None, tree.sup, tree.primes, span=tree.span)
        found = reader.lookup(above)
        if found is not None and not found[1].sub and (found[1].layer is not None or not found[0].pattern.where):
            return above
    return None


def norm(reader: Walk, body: Tree, sub: tuple[Tree, ...], tree: Tree) -> Typed:
    """A norm with its name below it: 2 and F are Euclid's, 1 is the sum of absolute values."""
    found = reader.read(body)
    match tuple(map(key, sub)):
        case ("F",) | ("2",):
            return power(reader, squared_norm(reader, found), Typed(Num(Fraction(1, 2))), tree.span)
        case ("1",) if not (found.rows and found.cols):
            return reader.labels.summed(replace(found, term=Fn("abs", found.term)), "all")
    read = ", ".join(("\\|x\\|_1", "\\|x\\|_2", "\\|X\\|_F"))
    raise Unreadable(Message("the norm {name} is not read; these are: {read}", name=shown(tree), read=read), tree.span)


def identifier(reader: Walk, name: str) -> Typed | None:
    """A Python name for a symbol: `dZ2` for dZ^{[2]}, `yhat` for a y with a hat, `a_prev` with its subscript."""
    for tree in identifiers(name, reader.context):
        found = reader.lookup(tree)
        if found is not None and not found[1].sub and (found[1].layer is not None or not found[0].pattern.where):
            return symbol(reader, tree)
    if name.startswith("d") and len(name) > 1 and reader.context.loss is not None:
        for tree in (Name(name[1:].lstrip("_")), *identifiers(name[1:].lstrip("_"), reader.context)):
            if reader.lookup(tree) is not None:
                return gradient(reader, tree)
    return None


def kronecker(reader: Walk, tree: Tree) -> Typed | None:
    """A delta with two indices and no layer."""
    rest = rest_of(tree)
    pieces = [c for p in rest.sub for c in (p.text if isinstance(p, Number) and len(rest.sub) == 1 else [p])]
    if len(pieces) != 2 or rest.sup or rest.primes:
        return None
    for number, other in (rest.sub[::-1], rest.sub) if len(rest.sub) == 2 else ():
        entry = is_class(reader, number, other, tree)
        if entry is not None:
            return Typed(entry)
    left, right = reader.indices(rest.sub, 2, tree)
    if isinstance(left, str) and isinstance(right, str):
        reader.labels.alike(left, right)
    return Typed(Delta(left, right))


def meant(reader: Walk, symbol: Symbol, rest: Found, alias: bool, tree: Tree) -> Typed:
    """What a declared symbol means, with what is left of its scripts."""
    meaning = symbol.meaning
    match meaning:
        case Constant(value):
            base = Typed(Num(Fraction(int(value))) if getattr(value, "is_Integer", False) else Scalar(value))
        case Size():
            return scripted(reader, Typed(Scalar(size_of(reader, meaning, rest, tree))), tree, key(tree), rest)
        case Function():
            raise Unreadable(Message("the function {name} needs an argument", name=shown(tree)), tree.span)
        case Macro(formula, variable, offset, letters):
            env = reader.env if rest.layer is None or not variable else {**reader.env, variable: rest.layer - offset}
            if variable and rest.layer is not None and variable in reader.context.families:
                low, high = reader.context.families[variable]
                if not low <= rest.layer - offset <= high:
                    raise OutOfLayers(Message("{name} has no layer {layer}", name=shown(tree), layer=rest.layer), tree.span)
            base = expanded(reader, formula, env, letters)
        case Quantity():
            tensor = reader.tensor(meaning, rest, tree)
            if rest.primes:
                return primed(reader, tensor, meaning, rest, tree)
            return entries(reader, tensor, meaning, rest, alias, tree)
    return scripted(reader, base, tree, key(tree), rest, alias)


def expanded(reader: Walk, formula: Tree, env: Mapping[str, int], letters: tuple[str, ...]) -> Typed:
    """A name's formula, read on its own; the letters it was given with become rows and columns."""
    outer, reader.bound = reader.bound, {}
    try:
        with reader.at(env):
            found = reader.read(formula)
    finally:
        reader.bound = outer
    if letters and found.is_scalar:
        axes = [reader.labels.new(reader.labels.sizes.get(k)) for k in letters]
        term = relabel(found.term, dict(zip(letters, axes, strict=True)))
        found = Typed(term, *(axes if len(axes) == 2 else (axes[0], None) if reader.context.conventions.vectors == "column" else (None, axes[0])))
    caught = {k: reader.bound[k] for k in free(found.term) if k in reader.bound}
    return reader.labels.moved(found, caught)


def size_of(reader: Walk, meaning: Size, rest: Found, tree: Tree) -> Any:
    """The size that a symbol stands for."""
    if rest.pattern.where and rest.layer is None:
        raise Unreadable(Message("{name} needs its layer", name=shown(tree)), tree.span)
    return symbol_size(meaning.name, rest.layer)


def primed(reader: Walk, tensor: Tensor, quantity: Quantity, rest: Found, tree: Tree) -> Typed:
    """`a'` for a quantity that is a function of one other, entry by entry: its derivative by that one; for a given matrix its transpose."""
    sources = reader.context.uses.get(tensor, ())
    if rest.primes == 1 and not sources and tensor.rank:  # X'X, as statisticians transpose
        return reader.labels.transpose(scripted(reader, whole(reader, tensor, quantity), tree, key(tree), replace(rest, primes=0)))
    if rest.primes != 1 or len(sources) != 1 or sources[0].shape != tensor.shape:
        raise Unreadable(Message("{name}: a prime needs a function, and this is none of one other quantity", name=shown(tree)), tree.span)
    value = whole(reader, tensor, quantity)
    assert isinstance(value.term, Leaf)
    found = replace(value, term=Derived(tensor, value.term.indices, sources[0], value.term.indices))
    return scripted(reader, found, tree, key(tree), replace(rest, primes=0))


def unknown(reader: Walk, tree: Tree) -> Typed:
    """A gradient such as dW, the number e, a transposed bracket; else a name that nothing defines."""
    letter = letter_key(tree)
    if letter == "e" and isinstance(tree, Script) and tree.sup is not None and tree.sub is None:
        return exponential(reader, tree)
    if letter == "pi":
        from sympy import pi

        return Typed(Scalar(pi))
    inner = letter[1:].lstrip("_")
    if letter.startswith("d") and inner and reader.context.loss is not None:
        plain = renamed(tree, inner)
        of = plain if reader.known(inner) else with_accent(reader, plain) or with_digits(reader, plain)
        if of is not None:
            return gradient(reader, of)
    if letter == "I":
        return scripted(reader, reader.labels.identity(), tree, key(tree), rest_of(tree))
    if letter in ("1", "one", "ones") and isinstance(tree, (Name, Script)):
        return scripted(reader, reader.labels.ones(rows=True), tree, key(tree), rest_of(tree))
    run = word_of(tree)
    name = run if len(run) > 1 and not reader.known(run) else letter
    raise Unreadable(reader.undefined(name), tree.span)


def exponential(reader: Walk, tree: Script) -> Typed:
    """The number e raised to something, entry by entry."""
    assert tree.sup is not None
    found = reader.read(tree.sup)
    return replace(found, term=Fn("exp", found.term))


def gradient(reader: Walk, tree: Tree) -> Typed:
    """`dW`: the derivative of the loss, or a differential."""
    if reader.context.increments is not None:
        return increment(reader, variable(reader, tree), tree.span)
    if reader.context.loss is None:
        raise Unreadable(Message("d{name}: no loss is declared", name=shown(tree)), tree.span)
    return derived(reader, Typed(Leaf(reader.context.loss, ())), variable(reader, tree), tree.span)


def variable(reader: Walk, tree: Tree) -> Typed:
    """The quantity that something is differentiated by; without its layer the last one that the loss is made of."""
    found = reader.lookup(tree) if isinstance(tree, (Name, Script)) else None
    if found is not None and isinstance(found[0].meaning, Quantity) and found[1].layer is None and found[1].pattern.where:
        tensors = found[0].meaning.tensors
        direct = reader.context.uses.get(reader.context.loss, ()) if reader.context.loss is not None else ()
        layer = next((n for n, t in tensors.items() if t in direct), None)
        if layer is not None:
            return meant(reader, found[0], replace(found[1], layer=layer), found[2], tree)
    return reader.read(tree)


def identifiers(name: str, context: Context) -> list[Tree]:
    """The symbols that a Python name may stand for."""
    base, digits = re.fullmatch(r"(.*?)_?(\d*)", name).groups()  # type: ignore[union-attr]
    found: list[Tree] = []
    letters: list[Tree] = [Name(base)] if base else []
    for accent in ("hat", "tilde", "bar"):
        if base.endswith(accent) and len(base) > len(accent):
            letters.append(Name(base[: -len(accent)].rstrip("_"), (accent,)))
    for letter in letters:
        found += [letter] if not digits else []
        for s in context.symbols.get(key(letter), ()) if digits else ():
            above = s.pattern.where == "sup" or any(part.strip("[](){}") == digits for part in s.pattern.sup)
            bracket = s.pattern.bracket or next((part[0] for part in (*s.pattern.sub, *s.pattern.sup) if part[0] in _CLOSING), "")
            number: Tree = Fence(bracket, Number(digits), _CLOSING[bracket]) if bracket else Number(digits)
            found.append(Script(letter, None, number) if above else Script(letter, number))
    head, _, tail = name.partition("_")
    if tail:
        found.append(Script(Name(head), Name(tail) if not tail.isdigit() else Number(tail)))
        found.append(Script(Name(head), None, Name(tail)))
    return found


def differential(tree: Tree) -> Tree:
    """`dZ` as one letter, for a d before a quantity."""
    return renamed(tree, "d" + letter_key(tree).split(" ")[-1])


def renamed(tree: Tree, letter: str) -> Tree:
    """The tree with another letter under its scripts: W^{[1]} for dW^{[1]}."""
    if isinstance(tree, Script):
        return replace(tree, base=renamed(tree.base, letter))
    assert isinstance(tree, Name)
    return replace(tree, name=letter.split(" ")[-1])


def word_of(tree: Tree) -> str:
    """The run of letters that a symbol was cut from."""
    while isinstance(tree, Script):
        tree = tree.base
    return tree.word if isinstance(tree, Name) else ""
