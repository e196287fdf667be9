"""What a program is made of: arrays that are given, and statements that compute others from them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from symbackprop.codegen.arrays import Op, walk
from symbackprop.equations import Equation, Tensor
from symbackprop.lift import Layout, MatrixEquation, lift_equation

__all__ = ["Given", "Statement", "needed", "owned"]


@dataclass(frozen=True)
class Given:
    """An array that the caller gives: its name in the code, what it is, its shape as stored, and which axes of the index form these are."""

    name: str
    tensor: Tensor
    shape: tuple[Any, ...]
    axes: tuple[int, ...]


@dataclass(frozen=True)
class Statement:
    """`name = value`, with the shape as stored, what the notes call it and the equation it computes; `layout` is that of its matrix form."""

    name: str
    value: Op
    shape: tuple[Any, ...]
    label: str
    equation: Equation
    layout: Layout | None = None

    @cached_property
    def matrix(self) -> MatrixEquation | None:
        """The matrix form of the equation, where it has one."""
        return None if self.layout is None else lift_equation(self.equation, self.layout)

    @cached_property
    def uses(self) -> set[str]:
        """The names that its value mentions."""
        return {op.data for op in walk(self.value) if op.op == "name"}


def needed(statements: list[Statement], wanted: set[str]) -> list[Statement]:
    """The statements that lead to what is wanted."""
    kept: list[Statement] = []
    for s in reversed(statements):
        if s.name in wanted:
            kept.append(s)
            wanted |= s.uses
    return kept[::-1]


def owned(s: Statement) -> Statement:
    """What is returned shares no memory with anything else."""
    return replace(s, value=Op("copy", (s.value,))) if s.value.op in ("name", "permute", "select") else s
