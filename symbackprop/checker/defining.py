r"""Equations with a bracket on the left: `f(x) = \max(0.1 x, x)` defines a function, `J(\theta) = ...` a quantity with what it depends on."""

from __future__ import annotations

from dataclasses import replace

from sympy import Symbol as Letter

from symbackprop.checker.applied import applied_to, argument_of, dummy
from symbackprop.checker.context import Applied, Function
from symbackprop.checker.declarations import Declarations
from symbackprop.checker.indexed import index_expression
from symbackprop.checker.reading import Reader
from symbackprop.checker.symbols import index_parts, key
from symbackprop.equations import tensors
from symbackprop.errors import SpecError
from symbackprop.parse.tree import Formula, Name, Tree
from symbackprop.rules import ACTIVATIONS

__all__ = ["define"]


def define(problem: Declarations, pending: list[tuple[str, Formula]]) -> None:
    """Note what the brackets on left sides say: which letters are functions, and which quantities are written with a bracket."""
    for text, f in pending:
        left = f.items[0].tree
        found = None if left is None else applied_to(left)
        if left is None or found is None:
            continue
        name = argument_of(left)
        if name is not None and not problem.symbols.get(name) and not any(key(i.items[0].tree) == name for _, i in pending):
            _function(problem, text, left, f.items[-1].tree, name)
            continue
        indices = dict.fromkeys(p for a in found[1] for p in index_parts(a) if isinstance(p, Name) and not problem.symbols.get(key(p)))
        problem.applied[key(found[0])] = Applied(found[1], tuple(dict.fromkeys(map(key, indices))))


def _function(problem: Declarations, text: str, left: Tree, right: Tree | None, name: str) -> None:
    """A function of one number, by its formula."""
    tensor, symbol = dummy(name)
    context = problem.context()
    reader = Reader(replace(context, symbols={**context.symbols, name: (symbol,)}))
    if right is None:
        raise SpecError(f"{problem.where}: '{text}' says nothing of {key(left)}")
    found = reader.read(right)
    formula = index_expression(found.term)
    if not found.is_scalar or set(tensors(formula)) - {tensor}:
        words = f"is no formula in {name} alone, so it defines no function; declare {name} if {key(left)} is a quantity"
        raise SpecError(f"{problem.where}: '{text}' {words}")
    function = applied_to(left)
    assert function is not None
    called = key(function[0])
    called = f"{called}~" if called in ACTIVATIONS else called
    variable = Letter(name, real=True)
    problem.functions[called] = variable, formula.subs(tensor(), variable)
    problem.add(function[0], Function(called))
