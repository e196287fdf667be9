"""How tensors are stored: which axis of the index form runs down the rows, which across the columns."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from symbackprop.equations import Direction, Grad, Tensor

__all__ = ["Layout", "NotLiftable", "layout"]


class NotLiftable(ValueError):
    """An expression has no matrix form (of rank two at most) that is known here; the message says why."""


@dataclass(frozen=True)
class Layout:
    """The order in which the axes of each tensor are stored.

    A vector is a column, or a row where `row_vectors`; names in `across` go the other way (a loss per sample).
    A matrix is stored in the order of its indices, or swapped: names in `transposed` are, names in `upright` are not,
    and all others are where `others_transposed`. Where `jacobians` is shape, a gradient is stored like the tensor it is taken
    with respect to, and a Jacobian has what is differentiated down and the variable across; numerator is the same, but that a
    gradient by a vector is a Jacobian too, and lies across that vector; denominator has the variable down.

    >>> Layout("rows", row_vectors=True, upright=frozenset("w"), others_transposed=True).axes(Tensor("a", (3, 5)))
    (1, 0)
    """

    name: str
    row_vectors: bool = False
    transposed: frozenset[str] = frozenset()
    upright: frozenset[str] = frozenset()
    others_transposed: bool = False
    across: frozenset[str] = frozenset()
    jacobians: str = "shape"

    def axes(self, tensor: Tensor) -> tuple[int | None, int | None]:
        """The axes of the index form that run down the rows and across the columns; None stands for an axis of one."""
        stored, turned = tensor, False
        while isinstance(stored, (Grad, Direction)):
            if isinstance(stored, Grad) and stored.of.rank and stored.wrt.rank:
                if tensor.rank == 2:
                    return (1, 0) if self.jacobians == "denominator" else (0, 1)
                raise NotLiftable(f"{tensor} has {tensor.rank} axes; a matrix has two")
            if isinstance(stored, Grad):
                turned ^= self.jacobians == ("denominator" if stored.of.rank else "numerator")
            stored = stored.of if isinstance(stored, Direction) or stored.of.rank else stored.wrt
        name = stored.name
        if tensor.rank == 0:
            return None, None
        if tensor.rank == 1:
            return (None, 0) if self.row_vectors ^ (name in self.across) ^ turned else (0, None)
        if tensor.rank > 2:
            raise NotLiftable(f"{tensor} has {tensor.rank} axes; a matrix has two")
        swapped = name in self.transposed or (self.others_transposed and name not in self.upright)
        return (1, 0) if swapped else (0, 1)


def layout(
    samples: str = "none",
    weights: str = "to_from",
    *,
    vectors: str = "",
    weight_names: Iterable[str] = ("w",),
    sample_vectors: Iterable[str] = (),
    jacobians: str = "shape",
    gradient_letters: Iterable[str] = (),
    name: str = "",
) -> Layout:
    """The layout of a textbook: where samples stand, which way weights point, and which way vectors lie.

    `samples` is none, columns (A is units by samples) or rows (A is samples by units); `weights` is to_from (W a + b)
    or from_to (W^T a + b, X W + b); `vectors` is column or row, by default row just where samples are rows.
    In index form a weight is always w[to, from], and a batched tensor carries its sample index last. `weight_names` must
    name every weight matrix; `sample_vectors` names the rank-one tensors whose only index is the sample. `jacobians` is shape,
    numerator or denominator, and `gradient_letters` are the tensors that stand for gradients.

    >>> layout("rows", "from_to").axes(Tensor("w", (3, 2)))
    (1, 0)
    """
    vectors = vectors or ("row" if samples == "rows" else "column")
    options = (
        (samples, ("none", "columns", "rows")), (weights, ("to_from", "from_to")), (vectors, ("column", "row")),
        (jacobians, ("shape", "numerator", "denominator")),
    )  # fmt: skip
    for given, choices in options:
        if given not in choices:
            raise ValueError(f"unknown choice {given!r}; choose one of {', '.join(choices)}")
    names = frozenset(weight_names)
    return Layout(
        name or f"{samples}/{weights}/{vectors}",
        row_vectors=vectors == "row",
        transposed=names if weights == "from_to" else frozenset(),
        upright=names if weights == "to_from" else frozenset(),
        others_transposed=samples == "rows",
        across=frozenset(sample_vectors) ^ frozenset(gradient_letters if jacobians == "numerator" else ()),
        jacobians=jacobians,
    )
