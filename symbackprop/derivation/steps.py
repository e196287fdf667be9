"""What a derivation is: a chain of equal expressions, each link with its rule and its reason."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from symbackprop.equations import Equation, Layers
from symbackprop.errors import one_of
from symbackprop.lift import MatrixEquation
from symbackprop.network import Network

__all__ = ["DETAILS", "Derivation", "Reason", "Reference", "Step"]

DETAILS = ("results", "steps", "full")


@dataclass(frozen=True)
class Reference:
    """A reference to the result of another derivation, by its name."""

    name: str


@dataclass(frozen=True)
class Reason:
    """Why a step holds: its rule, and a sentence with formulas in its slots."""

    rule: str
    text: str
    slots: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Step:
    """One link of a chain: it equals the expression before it. `uses` are the equations that the link leans on."""

    expression: Any
    reason: Reason
    relation: str = "="
    detail: str = "steps"
    uses: tuple[Equation, ...] = ()


@dataclass(frozen=True)
class Derivation:
    """A chain of steps from `lhs` to its result, and the result's matrix form where it has one.

    `net` is what gives the symbols their meaning when the chain is proved. `local` holds the derivations of the local derivatives
    that `detail="full"` shows before the chain. `layers` are those it holds for, where it holds for many at once.
    """

    name: str
    lhs: Any
    steps: tuple[Step, ...]
    net: Network
    matrix: MatrixEquation | None = None
    local: tuple[Derivation, ...] = ()
    layers: Layers | None = None

    @property
    def result(self) -> Equation:
        """The equation the chain ends in."""
        return Equation(self.lhs, self.steps[-1].expression, label=self.name, relation=self.relation, layers=self.layers)

    @property
    def relation(self) -> str:
        """How the result stands to the left side: equal, or approximately equal if one of the links is that."""
        return "approx" if any(s.relation == "approx" for s in self.steps) else "="

    def __iter__(self) -> Iterator[Step]:
        return iter(self.steps)

    def shown(self, detail: str) -> tuple[Step, ...]:
        """The steps that a document of this detail prints."""
        one_of("detail", detail, DETAILS)
        if detail == "results":
            return self.steps[-1:]
        return self.steps if detail == "full" else tuple(s for s in self.steps if s.detail != "full" or s is self.steps[-1])
