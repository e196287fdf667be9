"""What a reader of lines knows: the declared symbols and what each stands for, the layers, and the conventions of the course."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from symbackprop.checker.symbols import Pattern
from symbackprop.equations import Tensor
from symbackprop.errors import InputError
from symbackprop.parse.tree import Span, Tree, Vocabulary

__all__ = [
    "Applied", "Constant", "Context", "Conventions", "Function", "Macro", "Meaning", "Misfit", "OutOfLayers", "Quantity", "Size", "Symbol",
    "Unreadable",
]  # fmt: skip

NOWHERE = Span(0, 0)


class Misfit(Exception):
    """Shapes or ranges that do not fit together: a mistake in the mathematics, not in the typing."""

    def __init__(self, message: str, span: Span = NOWHERE) -> None:
        super().__init__(message)
        self.words, self.span = message, span


class Unreadable(InputError):
    """Something in a line that has no meaning here: an undefined name, a construct that is not read."""

    def __init__(self, message: str, span: Span = NOWHERE) -> None:
        super().__init__(message)
        self.words, self.span = message, span


class OutOfLayers(Unreadable):
    """A symbol at a layer that it does not have: the line says nothing about this layer."""


@dataclass(frozen=True)
class Applied:
    """What a quantity was said to depend on, as in `J(w, b)`: the trees in its brackets, and the indices among their letters."""

    arguments: tuple[Tree, ...]
    letters: tuple[str, ...] = ()


Face = tuple[int | None, int | None] | None  # None for more than two axes


@dataclass(frozen=True)
class Quantity:
    """A tensor, at each of its layers; `faces` say which axes run down the rows and across the columns (None: one long)."""

    tensors: Mapping[int | None, Tensor] = field(hash=False)
    faces: Mapping[Tensor, Face] = field(default_factory=dict, hash=False)
    classes: bool = False  # class numbers, stored one-hot with the class along the last axis


@dataclass(frozen=True)
class Macro:
    """A name for a formula; at layer n it is the formula with `variable` + `offset` = n. `letters` are the indices it was given with."""

    tree: Tree
    variable: str = ""
    offset: int = 0
    letters: tuple[str, ...] = ()


@dataclass(frozen=True)
class Size:
    """A size; with a layer, a width such as n_l."""

    name: str


@dataclass(frozen=True)
class Function:
    """A function of one number or of a vector, by its registered name or abstract.

    An abstract one is taken entry by entry, unless it is `coupled`: then each entry of its value depends on all entries of a vector.
    """

    name: str
    coupled: bool = False


@dataclass(frozen=True)
class Constant:
    """A number with a name, as SymPy has it."""

    symbol: Any


Meaning = Quantity | Macro | Size | Function | Constant


@dataclass(frozen=True)
class Symbol:
    """A pattern and what it stands for."""

    pattern: Pattern
    meaning: Meaning


@dataclass(frozen=True)
class Conventions:
    """How signs are read where writers differ.

    `cdot`, `star` and `juxtaposition` are matrix, elementwise or auto (whatever fits; asked if both do and differ); `broadcast`
    says whether a column may be added to each column of a matrix; `partial` how the derivative of a vector by a vector is read
    where one is the other entry by entry: jacobian, elementwise or auto; `jacobian` numerator (rows are what is differentiated)
    or denominator; `gradient` shape (that of what it is taken by) or jacobian (by a vector it is a Jacobian of one row); `total`
    whether the derivative of what is no loss counts every path (total), only its own equation (local), or both are tried; `softmax`
    the axis of a matrix that sums to one, where no samples say: rows (each row does) or columns; `first` the number of the first
    entry along an axis, 0 where a sum in an equation of the problem runs from 0 to n - 1; `d` whether dW is the gradient of the loss,
    a differential, or auto: a differential in a line with the d of the loss.
    """

    cdot: str = "auto"
    star: str = "elementwise"
    juxtaposition: str = "matrix"
    broadcast: bool = False
    partial: str = "auto"
    jacobian: str = "numerator"
    gradient: str = "shape"
    total: str = "auto"
    softmax: str = "rows"
    vectors: str = "column"
    first: int = 1
    d: str = "auto"


CHOICES: Mapping[str, tuple[Any, ...]] = {
    "cdot": ("matrix", "elementwise", "auto"), "star": ("matrix", "elementwise", "auto"), "juxtaposition": ("matrix", "elementwise", "auto"),
    "broadcast": (True, False), "partial": ("jacobian", "elementwise", "auto"), "jacobian": ("numerator", "denominator"),
    "gradient": ("shape", "jacobian"), "total": ("total", "local", "auto"),
    "softmax": ("rows", "columns"), "vectors": ("column", "row"), "first": (0, 1),
    "d": ("gradient", "differential", "auto"),
}  # fmt: skip


@dataclass(frozen=True)
class Context:
    """Everything declared; `families` gives for each layer letter the first and last layer, `samples` the size that counts examples."""

    symbols: Mapping[str, tuple[Symbol, ...]] = field(default_factory=dict, hash=False)
    named: Mapping[str, Tree] = field(default_factory=dict, hash=False)  # whole trees that stand for a formula: h_{W,b}(x)
    applied: Mapping[str, Applied] = field(default_factory=dict, hash=False)  # what is written with a bracket behind it: J(w)
    families: Mapping[str, tuple[int, int]] = field(default_factory=dict, hash=False)
    depths: Mapping[str, int] = field(default_factory=dict, hash=False)
    samples: Any = None
    sample_letters: tuple[str, ...] = ("i",)
    loss: Tensor | None = None
    uses: Mapping[Tensor, tuple[Tensor, ...]] = field(default_factory=dict, hash=False)  # what each equation is made of
    entrywise: Mapping[Tensor, tuple[Tensor, ...]] = field(default_factory=dict, hash=False)  # those of them it takes entry by entry
    conventions: Conventions = field(default_factory=Conventions)
    vocabulary: Vocabulary = field(default_factory=Vocabulary)
    increments: tuple[Tensor, ...] | None = None  # what moves freely where a d is a differential
