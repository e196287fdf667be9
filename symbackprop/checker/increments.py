"""A d that is a differential: what moves freely in a line, and how everything that is made of it moves along."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from symbackprop.checker.context import Context, Misfit, Unreadable
from symbackprop.checker.reading import Reader
from symbackprop.checker.slopes import depends
from symbackprop.checker.symbols import letters_of
from symbackprop.equations import Tensor
from symbackprop.parse.tree import Tree

__all__ = ["in_differentials", "moved_by"]


def in_differentials(
    sides: Sequence[Tree], context: Context, env: Mapping[str, int], python: bool = False, opening: Tree | None = None
) -> Context:
    """The context of a comparison in which each d is a differential, where it is one; else the context as it is.

    Where the course does not say, the d of the loss beside another is one: the gradient of the loss by itself is 1, which nobody writes.
    """
    way = context.conventions.d
    if way == "gradient" or (way == "auto" and python) or context.increments is not None:
        return context
    moved = moved_by(sides, context, env, python)
    said = moved if opening is None else moved | moved_by((opening,), context, env, python)
    if not moved or (way == "auto" and not (context.loss in said and len(said) > 1)):
        return context
    free = tuple(t for t in moved if not any(depends(context, t, other) for other in moved if other != t))
    return replace(context, increments=free)


def moved_by(trees: Sequence[Tree], context: Context, env: Mapping[str, int], python: bool = False) -> dict[Tensor, None]:
    """The quantities before which a d stands, in their order."""
    moved: dict[Tensor, None] = {}
    for tree in trees:
        if any(k.split(" ")[-1].startswith("d") for k in letters_of(tree)):
            reader = Reader(replace(context, increments=()), env, python=python)
            with suppress(Misfit, Unreadable):
                reader.read(tree)
            moved |= reader.moved
    return moved
