r"""Bars: a function or its derivative at a point, `\left.\sigma'\right|_{z}`, and what stands between two of them, `|x|`."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from symbackprop.checker.context import Function, Unreadable
from symbackprop.checker.faces import Typed
from symbackprop.checker.products import power, squared_norm
from symbackprop.checker.symbols import key
from symbackprop.checker.terms import Fn, Num
from symbackprop.checker.walk import Walk
from symbackprop.languages import Message
from symbackprop.parse.shown import shown
from symbackprop.parse.tree import Call, Derivative, Name, Relation, Script, Span, Tree

__all__ = ["at_point", "function_name", "magnitude"]


def function_name(reader: Walk, tree: Tree) -> str | None:
    """The name of the function that a tree is, if it is one."""
    found = reader.lookup(tree) if isinstance(tree, (Name, Script)) else None
    return found[0].meaning.name if found is not None and isinstance(found[0].meaning, Function) else None


def at_point(reader: Walk, body: Tree, at: Tree, tree: Tree) -> Typed:
    """What stands before a bar at what stands below it: a function, its derivative, or a derivative at the place where all others are."""
    variable, value = (at.left, at.right) if isinstance(at, Relation) and at.op == "=" else (None, at)
    match body:
        case Name() | Script(primes=int()) as function if (name := function_name(reader, _unprimed(function))) is not None:
            return _at(reader, name, function.primes if isinstance(function, Script) else 0, value)
        case Derivative((Name() | Script()) as of, (_,)) if (name := function_name(reader, of)) is not None:
            return _at(reader, name, 1, value)
        case Derivative(Call(function, (argument,), ()), (by,)) if key(argument) == key(by) and variable in (None, by):
            name = function_name(reader, function)
            if name is not None:
                return _at(reader, name, 1, value)
        case Derivative(_, (by,)) if key(by) == key(value):
            return reader.read(body)
    raise Unreadable(Message("the value at {name} is not read: write what it is a function of in brackets", name=shown(at)), tree.span)


def _at(reader: Walk, name: str, order: int, value: Tree) -> Typed:
    found = reader.read(value)
    return replace(found, term=Fn(name, found.term, order))


def _unprimed(tree: Tree) -> Tree:
    return replace(tree, primes=0) if isinstance(tree, Script) else tree


def magnitude(reader: Walk, body: Tree, span: Span) -> Typed:
    """`|x|`: of a number its absolute value; of a vector its length, or the absolute value of each entry."""
    found = reader.read(body)
    if found.is_vector and reader.choices.agreed("the bars of |x|", ("the length", "the absolute values"), span) == "the length":
        return power(reader, squared_norm(reader, found), Typed(Num(Fraction(1, 2))), span)
    return replace(found, term=Fn("abs", found.term))
