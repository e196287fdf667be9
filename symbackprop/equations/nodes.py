"""The atoms of an expression: tensors, their entries, named functions, and derivatives that keep their name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sympy import Basic, Expr, Integer, KroneckerDelta, Mul, S, Tuple, sympify
from sympy.core.symbol import Str

__all__ = ["Abstract", "Direction", "Entry", "Func", "Grad", "Partial", "Tensor"]


class Tensor(Basic):  # type: ignore[misc]
    """A named quantity: a name, the layer it belongs to (if any), and a size for each axis.

    >>> w = Tensor("w", (3, 2), layer=1)
    >>> w.name, w.shape, w.layer, w.rank
    ('w', (3, 2), 1, 2)
    """

    def __new__(cls, name: str | Str, shape: Any = (), layer: Any = None) -> Tensor:
        layers = layer if isinstance(layer, Tuple) else Tuple() if layer is None else Tuple(sympify(layer, strict=True))
        sizes = Tuple(*(sympify(n, strict=True) for n in shape))
        return Basic.__new__(cls, name if isinstance(name, Str) else Str(name), layers, sizes)  # type: ignore[no-any-return]

    # SymPy rebuilds a node by `func(*args)`, and its arguments come in storage order.
    @property
    def func(self) -> Callable[..., Tensor]:
        return lambda name, layers, shape: Tensor(name, shape, layers)

    def __getnewargs__(self) -> tuple[Basic, ...]:
        name, layers, shape = self.args
        return name, shape, layers

    @property
    def name(self) -> str:
        return str(self.args[0].name)

    @property
    def layer(self) -> Any:
        return self.args[1][0] if len(self.args[1]) else None

    @property
    def shape(self) -> Tuple:
        return self.args[2]

    @property
    def rank(self) -> int:
        return len(self.shape)

    def _eval_conjugate(self) -> Tensor:
        # `Abs` asks this of everything among an expression's free symbols; entries are real.
        return self

    def __getitem__(self, indices: Any) -> Entry:
        return Entry(self, *(indices if isinstance(indices, tuple) else (indices,)))

    def __call__(self) -> Entry:
        """The one entry of a tensor of rank 0."""
        return Entry(self)

    def __str__(self) -> str:
        return self.name if self.layer is None else f"{self.name}({self.layer})"

    __repr__ = __str__

    def _sympystr(self, printer: Any) -> str:
        return str(self)


class Grad(Tensor):
    """The tensor of all partial derivatives of `of` with respect to the entries of `wrt`.

    It has the axes of `of`, none for a number, then those of `wrt`, and the layer of `wrt`. The derivative is total: every path
    from `wrt` to `of` counts.

    >>> str(Grad(Tensor("C"), Tensor("w", (3, 2), layer=1)))
    'dC/dw(1)'
    """

    def __new__(cls, of: Tensor, wrt: Tensor) -> Grad:
        return Basic.__new__(cls, of, wrt)  # type: ignore[no-any-return]

    @property
    def func(self) -> Callable[..., Tensor]:
        return Grad

    def __getnewargs__(self) -> tuple[Basic, ...]:
        return self.args  # type: ignore[no-any-return]

    @property
    def of(self) -> Tensor:
        return self.args[0]  # type: ignore[no-any-return]

    @property
    def wrt(self) -> Tensor:
        return self.args[1]  # type: ignore[no-any-return]

    @property
    def name(self) -> str:
        return f"d{self.of.name}/d{self.wrt.name}"

    @property
    def layer(self) -> Any:
        return self.wrt.layer

    @property
    def shape(self) -> Tuple:
        return self.of.shape + self.wrt.shape


class Direction(Tensor):
    """The direction in which a tensor moves: one number for each of its entries, stored like it.

    >>> str(Direction(Tensor("w", (3, 2), layer=1)))
    'v_w(1)'
    """

    def __new__(cls, of: Tensor) -> Direction:
        return Basic.__new__(cls, of)  # type: ignore[no-any-return]

    @property
    def func(self) -> Callable[..., Tensor]:
        return Direction

    @property
    def of(self) -> Tensor:
        return self.args[0]  # type: ignore[no-any-return]

    @property
    def name(self) -> str:
        return f"v_{self.of.name}"

    @property
    def layer(self) -> Any:
        return self.of.layer

    @property
    def shape(self) -> Tuple:
        return self.of.shape


class Entry(Expr):  # type: ignore[misc]
    """One entry of a tensor, `w^l_{jk}`: the atom of every expression.

    >>> from symbackprop.equations import index
    >>> j, k, p = index("j"), index("k"), index("p")
    >>> a = Tensor("a", (3,))
    >>> a[k].diff(a[p])
    KroneckerDelta(k, p)
    """

    is_commutative = True
    is_real = True
    is_symbol = True
    _diff_wrt = True

    def __new__(cls, tensor: Tensor, *indices: Any) -> Entry:
        if len(indices) != tensor.rank:
            raise ValueError(f"{tensor} has {tensor.rank} axes, not {len(indices)}")
        return Expr.__new__(cls, tensor, *(sympify(i, strict=True) for i in indices))  # type: ignore[no-any-return]

    @property
    def tensor(self) -> Tensor:
        return self.args[0]  # type: ignore[no-any-return]

    @property
    def name(self) -> str:
        return str(self)

    @property
    def indices(self) -> tuple[Any, ...]:
        return tuple(self.args[1:])

    @property
    def free_symbols(self) -> set[Basic]:
        # The entry itself and its tensor stand among its free symbols, as SymPy's own Indexed does: `diff` asks there.
        inner: set[Basic] = set().union(*(i.free_symbols for i in self.indices)) if self.indices else set()
        return {self, self.tensor} | inner

    def _eval_derivative(self, wrt: Any) -> Any:
        if isinstance(wrt, Entry) and wrt.tensor == self.tensor:
            return Mul(*(KroneckerDelta(i, p) for i, p in zip(self.indices, wrt.indices, strict=True)))
        return S.Zero

    def __str__(self) -> str:
        return f"{self.tensor}[{', '.join(map(str, self.indices))}]" if self.indices else str(self.tensor)

    def _sympystr(self, printer: Any) -> str:
        return str(self)


class Func(Expr):  # type: ignore[misc]
    """A named function of one variable applied to an argument, `sigma(z)`, or its derivative of some order, `sigma'(z)`.

    >>> z = Tensor("z")
    >>> Func("sigmoid", z()).diff(z())
    sigmoid'(z)
    """

    is_commutative = True
    is_real = True

    def __new__(cls, name: str | Str, argument: Any, order: Any = 0) -> Func:
        of = sympify(argument, strict=True)
        return Expr.__new__(cls, name if isinstance(name, Str) else Str(name), of, Integer(order))  # type: ignore[no-any-return]

    @property
    def name(self) -> str:
        return str(self.args[0].name)

    @property
    def argument(self) -> Any:
        return self.args[1]

    @property
    def order(self) -> int:
        return int(self.args[2])

    def _eval_derivative(self, wrt: Any) -> Any:
        return Func(self.args[0], self.argument, self.order + 1) * self.argument.diff(wrt)

    def _sympystr(self, printer: Any) -> str:
        return f"{self.name}{chr(39) * self.order}({printer._print(self.argument)})"


class Abstract(Expr):  # type: ignore[misc]
    """A scalar function of whole tensors of which nothing is known but that it is smooth, such as the cost `C(a^L, y)`.

    Its derivative with respect to an entry keeps its name: `dC/da^L_j`.
    """

    is_commutative = True
    is_real = True

    def __new__(cls, value: Tensor, *arguments: Tensor) -> Abstract:
        return Expr.__new__(cls, value, *arguments)  # type: ignore[no-any-return]

    @property
    def value(self) -> Tensor:
        return self.args[0]  # type: ignore[no-any-return]

    @property
    def arguments(self) -> tuple[Tensor, ...]:
        return tuple(self.args[1:])

    @property
    def free_symbols(self) -> set[Basic]:
        return set(self.arguments)

    def _eval_derivative(self, wrt: Any) -> Any:
        if isinstance(wrt, Entry) and wrt.tensor in self.arguments:
            return Entry(Grad(self.value, wrt.tensor), *wrt.indices)
        return S.Zero

    def _sympystr(self, printer: Any) -> str:
        return f"{self.value}({', '.join(map(str, self.arguments))})"


class Partial(Expr):  # type: ignore[misc]
    """The derivative of one entry with respect to another, spelled out as a fraction: `dz^{l+1}_k / da^l_j`.

    Where `of` is a network's scalar loss the derivative is total; otherwise it is the local derivative of the equation
    that defines `of`, all its other arguments held fixed.
    """

    is_commutative = True
    is_real = True

    def __new__(cls, of: Any, wrt: Any) -> Partial:
        return Expr.__new__(cls, of, wrt)  # type: ignore[no-any-return]

    @property
    def of(self) -> Entry:
        return self.args[0]  # type: ignore[no-any-return]

    @property
    def wrt(self) -> Entry:
        return self.args[1]  # type: ignore[no-any-return]

    def _sympystr(self, printer: Any) -> str:
        return f"d{self.of}/d{self.wrt}"
