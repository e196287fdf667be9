"""An equation, and the layers it holds for."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from sympy import Symbol, sympify

from symbackprop.equations.expressions import rename_bound, substitute
from symbackprop.equations.nodes import Tensor

__all__ = ["Equation", "Layers"]


@dataclass(frozen=True)
class Layers:
    """The layers an equation holds for: `low <= symbol <= high`, where `high` may be symbolic."""

    symbol: Symbol
    low: Any
    high: Any


@dataclass(frozen=True)
class Equation:
    """`lhs = rhs`: what defines a quantity, what backpropagation finds, and what a student writes.

    `rule` names the record of the registry it came from, `label` is what a text calls it (BP2), `relation` the sign between
    the sides, and `layers` the layers it holds for where it holds for many at once.

    >>> from symbackprop.equations import Func, Tensor, index
    >>> a, z, j = Tensor("a", (3,)), Tensor("z", (3,)), index("j")
    >>> str(Equation(a[j], Func("sigmoid", z[j])))
    'a[j] = sigmoid(z[j])'
    """

    lhs: Any
    rhs: Any
    rule: str = ""
    label: str = ""
    relation: str = "="
    layers: Layers | None = field(default=None)

    def __str__(self) -> str:
        return f"{self.lhs} {self.relation} {self.rhs}"

    @property
    def tensor(self) -> Tensor:
        return self.lhs.tensor  # type: ignore[no-any-return]

    def at_layer(self, layer: Any) -> Equation:
        """The same equation with its layer symbol replaced, `l -> l + 1` or `l -> 3`."""
        if self.layers is None:
            return self
        mapping = {self.layers.symbol: sympify(layer, strict=True)}
        return replace(self, lhs=substitute(self.lhs, mapping), rhs=substitute(self.rhs, mapping), layers=None)

    def at_indices(self, indices: tuple[Any, ...]) -> Any:
        """The right side with the left side's indices replaced by `indices` and bound indices kept apart from them."""
        taken = {s for i in indices for s in sympify(i, strict=True).free_symbols}
        body = rename_bound(self.rhs, taken)
        return substitute(body, dict(zip(self.lhs.indices, indices, strict=True)))
