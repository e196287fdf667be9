r"""Letters with brackets behind them on the left of an equation: `f(x) = ...` defines a function, `J(\theta)` and `h_\theta(x^{(i)})` quantities."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from symbackprop.checker.context import Applied, Function, Quantity, Symbol
from symbackprop.checker.symbols import key, letter_key, letters_of, parts, pattern_of
from symbackprop.equations import Tensor
from symbackprop.parse.tree import Call, Derivative, Fence, Juxtaposed, Listed, Name, Script, Tree, children

__all__ = ["applied_to", "argument_of", "bare", "dummy", "indexed", "listed", "with_dummies", "written_with"]


def applied_to(tree: Tree | None) -> tuple[Tree, tuple[Tree, ...]] | None:
    """The letter and the arguments of `J(w, b)`, which is read as a call or as a product with a bracket."""
    match tree:
        case Call(Name() | Script() as function, arguments, ()):
            return function, arguments
        case Juxtaposed((Name() | Script() as function, Fence("(", body, ")"))):
            return function, listed(body)
    return None


def listed(body: Tree) -> tuple[Tree, ...]:
    """The arguments in a bracket, however they are parted."""
    return tuple(i for item in body.items for i in listed(item)) if isinstance(body, Listed) else (body,)


def bare(tree: Tree) -> Tree:
    """`J` for `J(w)`."""
    found = applied_to(tree)
    return tree if found is None else found[0]


def argument_of(tree: Tree) -> str | None:
    """The letter x if a tree is `f(x)`, a function of one letter."""
    found = applied_to(tree)
    if found is None or len(found[1]) != 1 or not isinstance(found[1][0], Name) or not isinstance(found[0], Name):
        return None
    return key(found[1][0])


def written_with(known: Applied, function: Tree, arguments: tuple[Tree, ...]) -> Tree | None:
    """The quantity without its bracket, at the indices that stand where the declared arguments have theirs; None for a factor in brackets."""
    found: dict[str, Tree] = {}
    same = len(known.arguments) == len(arguments) and all(_fill(a, b, known.letters, found) for a, b in zip(known.arguments, arguments, strict=True))
    if same:
        return indexed(function, tuple(found[letter] for letter in known.letters))
    return function if all(isinstance(a, (Name, Script)) for a in arguments) else None


def _fill(pattern: Tree, tree: Tree, letters: tuple[str, ...], found: dict[str, Tree]) -> bool:
    if key(pattern) in letters:
        return key(found.setdefault(key(pattern), tree)) == key(tree)
    if letters_of(pattern).isdisjoint(letters):
        return key(pattern) == key(tree)
    inside, theirs = list(children(pattern)), list(children(tree))
    alike = type(pattern) is type(tree) and len(inside) == len(theirs)
    return alike and all(_fill(a, b, letters, found) for a, b in zip(inside, theirs, strict=True))


def indexed(function: Tree, indices: tuple[Tree, ...]) -> Tree:
    r"""`h_\theta` with the indices of its argument among its own."""
    if not indices:
        return function
    below = (*parts(function.sub), *indices) if isinstance(function, Script) else indices
    sub = below[0] if len(below) == 1 else Juxtaposed(below)
    return Script(function.base, sub, function.sup, function.primes, span=function.span) if isinstance(function, Script) else Script(function, sub)


def dummy(name: str) -> tuple[Tensor, Symbol]:
    """A number that any letter may stand for."""
    tensor = Tensor(name)
    return tensor, Symbol(pattern_of(Name(name), ())[0], Quantity({None: tensor}, {tensor: (None, None)}))


def with_dummies(tree: Tree, symbols: Mapping[str, tuple[Symbol, ...]]) -> Mapping[str, tuple[Symbol, ...]]:
    r"""The symbols with those letters that stand for any number: the x of `\sigma(x)` and of `\frac{d}{dx}`, where nothing else defines it."""
    found = {name: (dummy(name)[1],) for name in _dummies(tree, symbols) if name not in symbols}
    return {**symbols, **found} if found else symbols


def _dummies(tree: Tree, symbols: Mapping[str, Any]) -> Iterator[str]:
    match tree:
        case Call(Name() | Script() as function, (Name() as argument,)):
            if any(isinstance(s.meaning, Function) for s in symbols.get(letter_key(function), ())):
                yield key(argument)
        case Derivative(of, (Name() as by,)) if of is not None and key(by) in letters_of(of):
            yield key(by)
