"""Identifiers for the quantities of a network: the letters of the notation where Python can spell them, each used once."""

from __future__ import annotations

import keyword
from collections.abc import Iterable
from typing import Any

from symbackprop.equations import Direction, Grad, Tensor
from symbackprop.notation import Notation

__all__ = ["Names"]

_RESERVED = (
    "np", "math", "jax", "jnp", "torch", "numba", "njit", "params", "grads", "loss_and_gradients", "erf", "erfc", "int", "abs", "float", "max", "pow",
    "range", "real", "like", "dtype", "computed", "contiguous", "maximum", "minimum", "logaddexp", "heaviside", "exp", "expm1", "tanh",
    "dot_11", "dot_12", "dot_21", "dot_22", "dot_into", "loops_into",
    "sigmoid_backward", "tanh_backward", "relu_backward", "finite", "between", "signs", "shares", "out", "reuse", "method",
)  # fmt: skip


class Names:
    """The identifiers of one program; `loss` is what a gradient that says no more is the gradient of.

    >>> from symbackprop.notation import load_notation
    >>> names = Names(load_notation("rows"))
    >>> names.of(Tensor("w", (3, 2), 1)), names.of(Tensor("b", (3,), 1)), names.of(Grad(Tensor("J"), Tensor("w", (3, 2), 1)))
    ('W1', 'b1', 'dW1')
    """

    def __init__(self, notation: Notation, reserved: Iterable[str] = (), loss: Tensor | None = None) -> None:
        self.notation, self.loss = notation, loss
        self._taken = {*_RESERVED, *reserved}
        self._of: dict[Any, str] = {}

    def of(self, tensor: Tensor) -> str:
        """The identifier of a tensor; that of a gradient without a letter is the quantity's with a d before it."""
        if tensor not in self._of:
            self._of[tensor] = self._free(self._wanted(tensor))
        return self._of[tensor]

    def _wanted(self, tensor: Tensor) -> str:
        if isinstance(tensor, Direction):
            return f"v{self.of(tensor.of)}"
        if isinstance(tensor, Grad):
            return f"d{self.of(tensor.wrt)}" if self.loss in (None, tensor.of) else f"d{self.of(tensor.of)}_d{self.of(tensor.wrt)}"
        return self._letter(tensor)

    def called(self, label: str, tensor: Tensor) -> str:
        """The label of an equation by the number of the layer that the notation gives to the quantity, as in the notes.

        >>> from symbackprop.notation import load_notation
        >>> Names(load_notation("nielsen")).called("BP4-1", Tensor("w", (3, 2), 1))
        'BP4-2'
        """
        kind, _, number = label.rpartition("-")
        return f"{kind}-{self.notation.layer_number(tensor.name, tensor.layer)}" if number.isdigit() and tensor.layer is not None else label

    def symbol(self, symbol: Any) -> str:
        """The identifier of a number or a size with a name."""
        if symbol not in self._of:
            self._of[symbol] = self._free(str(symbol))
        return self._of[symbol]

    def _letter(self, tensor: Tensor) -> str:
        letter = tensor.name
        if tensor.rank == 2:
            spelled = self.notation.matrix.get(tensor.name, "").replace(" ", "").rpartition(":")[2]
            letter = spelled if spelled.isidentifier() else letter
        letter = letter.partition("~")[0]  # what the letter is of stands behind, to tell tensors apart
        return letter if tensor.layer is None else f"{letter}{self.notation.layer_number(tensor.name, tensor.layer)}"

    def _free(self, wanted: str) -> str:
        while wanted in self._taken or keyword.iskeyword(wanted):
            wanted += "_"
        self._taken.add(wanted)
        return wanted
