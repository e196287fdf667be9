"""The one data type: an equation between entries of named tensors, written in index notation.

An expression is a SymPy expression whose atoms are entries of tensors. Two forms of the same expression are used:
the *authored* form keeps factors and terms in the order somebody wrote them (unevaluated `Mul` and `Add`), and
`evaluated` gives SymPy's own canonical form, which compares and differentiates well but prints in alphabetical order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from sympy import Add, Basic, Expr, Function, Integer, KroneckerDelta, Mul, Piecewise, Pow, S, Sum, Symbol, Tuple, sympify
from sympy.core.function import AppliedUndef
from sympy.core.relational import Relational
from sympy.core.symbol import Str
from sympy.functions.elementary.piecewise import ExprCondPair

__all__ = [
    "Abstract", "Entry", "Equation", "Func", "Grad", "Layers", "Partial", "Tensor", "add", "entries", "evaluated", "fresh",
    "index", "mul", "rebuild", "rename_bound", "rename_tensors", "scalar", "size", "substitute", "summation", "tensors",
]


class Tensor(Basic):  # type: ignore[misc]
    """A named quantity: a name, the layer it belongs to (if any), and a size for each axis.

    >>> w = Tensor("w", (3, 2), layer=1)
    >>> w.name, w.shape, w.layer, w.rank
    ('w', (3, 2), 1, 2)
    """

    def __new__(cls, name: str | Str, shape: Any = (), layer: Any = None) -> Tensor:
        layers = layer if isinstance(layer, Tuple) else Tuple() if layer is None else Tuple(sympify(layer))
        return Basic.__new__(cls, name if isinstance(name, Str) else Str(name), layers, Tuple(*shape))  # type: ignore[no-any-return]

    # SymPy rebuilds a node by `func(*args)`, and its arguments come in storage order.
    @property
    def func(self) -> Callable[..., Tensor]:
        return lambda name, layers, shape: Tensor(name, shape, layers)

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
    """The tensor of all partial derivatives of a scalar `of` with respect to the entries of `wrt`.

    It has the shape and the layer of `wrt`. The derivative is total: every path from `wrt` to `of` counts.

    >>> str(Grad(Tensor("C"), Tensor("w", (3, 2), layer=1)))
    'dC/dw(1)'
    """

    def __new__(cls, of: Tensor, wrt: Tensor) -> Grad:
        return Basic.__new__(cls, of, wrt)  # type: ignore[no-any-return]

    @property
    def func(self) -> Callable[..., Tensor]:
        return Grad

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
        return self.wrt.shape


class Entry(Expr):  # type: ignore[misc]
    """One entry of a tensor, `w^l_{jk}`: the atom of every expression.

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
        return Expr.__new__(cls, tensor, *map(sympify, indices))  # type: ignore[no-any-return]

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
        return Expr.__new__(cls, name if isinstance(name, Str) else Str(name), sympify(argument), Integer(order))  # type: ignore[no-any-return]

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
        mapping = {self.layers.symbol: sympify(layer)}
        return replace(self, lhs=substitute(self.lhs, mapping), rhs=substitute(self.rhs, mapping), layers=None)

    def at_indices(self, indices: tuple[Any, ...]) -> Any:
        """The right side with the left side's indices replaced by `indices` and bound indices kept apart from them."""
        taken = {s for i in indices for s in sympify(i).free_symbols}
        body = rename_bound(self.rhs, taken)
        return substitute(body, dict(zip(self.lhs.indices, indices, strict=True)))


_INDEX_LETTERS = "jkiqprstuvcdefghabmnoxyzlw"


@cache
def index(name: str) -> Symbol:
    """An index: a positive whole number that runs over an axis.

    >>> index("j").is_integer
    True
    """
    return Symbol(name, integer=True, positive=True)


@cache
def scalar(name: str, positive: bool = False) -> Symbol:
    """A real number with a name: a learning rate, a factor, a sample count."""
    return Symbol(name, positive=True) if positive else Symbol(name, real=True)


def size(name: str, layer: Any = None) -> Any:
    """A symbolic size, `m` or the width `n(l)` of a layer."""
    if layer is None:
        return index(name)
    return Function(name, integer=True, positive=True)(layer)


def fresh(taken: set[Basic], like: str = "") -> Symbol:
    """An index that is not among `taken`, the letter `like` first."""
    names = {str(s) for s in taken}
    for letter in like + _INDEX_LETTERS:
        if letter not in names:
            return index(letter)
    number = 1
    while f"j_{number}" in names:
        number += 1
    return index(f"j_{number}")


def add(*terms: Any) -> Any:
    """The sum of `terms` in this order; zeros vanish."""
    kept = [t for t in map(sympify, terms) if t != 0]
    return S.Zero if not kept else kept[0] if len(kept) == 1 else Add(*kept, evaluate=False)


def mul(*factors: Any) -> Any:
    """The product of `factors` in this order; ones vanish, inner products are opened, a zero wins.

    >>> x, y = scalar("x"), scalar("y")
    >>> mul(y, 2, x).args
    (y, 2, x)
    """
    flat: list[Any] = []
    for factor in map(sympify, factors):
        flat.extend(factor.args if isinstance(factor, Mul) else (factor,))
    numbers = [f for f in flat if f.is_Number]  # SymPy is slow to compare other expressions with a number
    if any(f == 0 for f in numbers):
        return S.Zero
    kept = [f for f in flat if not f.is_Number or (f != 1 and f != -1)]
    if sum(f == -1 for f in numbers) % 2:
        kept = [-kept[0], *kept[1:]] if kept and kept[0].is_Rational else [S.NegativeOne, *kept]
    return S.One if not kept else kept[0] if len(kept) == 1 else Mul(*kept, evaluate=False)


class Total(Sum):  # type: ignore[misc]
    """A sum whose body stays as its author wrote it.

    SymPy's own constructor sorts the body and folds conditions outwards, even a condition on the index of an inner sum, which
    then stands outside the sum that binds it. Every rebuilding of a sum goes through the constructor of its class.
    """

    def __new__(cls, function: Any, *limits: Any, **assumptions: Any) -> Total:
        total = Expr.__new__(cls, function, *(limit if isinstance(limit, Tuple) else Tuple(*limit) for limit in limits))
        total.is_commutative = True
        return total  # type: ignore[no-any-return]


def summation(body: Any, *limits: Any) -> Any:
    """The sum of `body` over `(index, 1, size)` ranges.

    >>> x, k = Tensor("x", (3,)), index("k")
    >>> summation(x[k], (k, 1, 3))
    Sum(x[k], (k, 1, 3))
    """
    return Total(sympify(body), *limits)


def rebuild(expr: Any, args: tuple[Any, ...]) -> Any:
    """`expr` with other arguments, products and sums in the order given."""
    if isinstance(expr, Mul):
        return mul(*args)
    if isinstance(expr, Add):
        return add(*args)
    if isinstance(expr, Pow):
        base, exponent = args
        return S.One if exponent == 0 or base == 1 else base if exponent == 1 else Pow(base, exponent, evaluate=False)
    if isinstance(expr, Sum):
        return summation(*args)
    if isinstance(expr, Piecewise):
        return Piecewise(*args, evaluate=False)
    if isinstance(expr, Relational):
        return expr.func(*args, evaluate=False)
    return expr.func(*args)


def substitute(expr: Any, mapping: Mapping[Any, Any]) -> Any:
    """Replace whole subexpressions, everything else staying in its place and order."""
    if expr in mapping:
        return mapping[expr]
    if not getattr(expr, "args", ()) or isinstance(expr, Str):
        return expr
    if isinstance(expr, (Tensor, Entry, Tuple, AppliedUndef, KroneckerDelta)) and not isinstance(expr, ExprCondPair):
        # Layers, sizes and indices are arithmetic of whole numbers: there l - 1 + 1 must become l.
        return expr.xreplace(dict(mapping))
    args = tuple(substitute(a, mapping) for a in expr.args)
    return expr if all(a is b for a, b in zip(args, expr.args, strict=True)) else rebuild(expr, args)


def rename_tensors(expr: Any, names: Mapping[Tensor, Tensor]) -> Any:
    """Replace whole tensors by others of the same rank, order kept."""
    if isinstance(expr, Entry):
        return Entry(names[expr.tensor], *expr.indices) if expr.tensor in names else expr
    if not getattr(expr, "args", ()) or isinstance(expr, (Tensor, Str)):
        return expr
    args = tuple(rename_tensors(a, names) for a in expr.args)
    return expr if all(a is b for a, b in zip(args, expr.args, strict=True)) else rebuild(expr, args)


def evaluated(expr: Any) -> Any:
    """SymPy's own canonical form of an authored expression.

    >>> x, y = scalar("x"), scalar("y")
    >>> evaluated(mul(y, 2, x))
    2*x*y
    """
    if not getattr(expr, "args", ()) or isinstance(expr, (Str, Tensor, Entry)):
        return expr
    args = tuple(evaluated(a) for a in expr.args)
    return rebuild(expr, args) if isinstance(expr, (Sum, Piecewise, Relational)) else expr.func(*args)


def rename_bound(expr: Any, taken: set[Basic]) -> Any:
    """Rename summation indices that stand among `taken`, to letters that occur nowhere in `expr`."""
    avoid = {*taken, *expr.atoms(Symbol)}

    def visit(e: Any) -> Any:
        if isinstance(e, Sum):
            body, limits = e.function, list(e.limits)
            for n, (k, low, high) in enumerate(limits):
                if k in taken:
                    new = fresh(avoid)
                    avoid.add(new)
                    body = substitute(body, {k: new})
                    limits[n] = Tuple(new, low, high)
            return summation(visit(body), *limits)
        if not getattr(e, "args", ()) or isinstance(e, (Str, Tensor, Entry)):
            return e
        args = tuple(visit(a) for a in e.args)
        return e if all(a is b for a, b in zip(args, e.args, strict=True)) else rebuild(e, args)

    return visit(expr) if expr.has(Sum) else expr


def entries(expr: Any) -> Iterator[Entry]:
    """Every entry that stands in `expr`, left to right, repetitions included."""
    if isinstance(expr, Entry):
        yield expr
    elif not isinstance(expr, (Tensor, Str)):
        for argument in getattr(expr, "args", ()):
            yield from entries(argument)


def tensors(expr: Any) -> tuple[Tensor, ...]:
    """The tensors of `expr` in order of first appearance, those an abstract cost depends on included."""
    found: dict[Tensor, None] = {}

    def visit(e: Any) -> None:
        if isinstance(e, Entry):
            found.setdefault(e.tensor)
        elif isinstance(e, Abstract):
            found.update(dict.fromkeys(e.arguments))
        elif not isinstance(e, (Tensor, Str)):
            for argument in getattr(e, "args", ()):
                visit(argument)

    visit(expr)
    return tuple(found)
