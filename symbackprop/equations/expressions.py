"""Making and rebuilding expressions, factors and terms kept in the order their author wrote them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from sympy import Add, Basic, Expr, Function, KroneckerDelta, Mul, Piecewise, Pow, S, Sum, Symbol, Tuple, sympify
from sympy.core.function import AppliedUndef
from sympy.core.relational import Relational
from sympy.core.symbol import Str
from sympy.functions.elementary.piecewise import ExprCondPair

from symbackprop.equations.nodes import Abstract, Entry, Tensor

__all__ = [
    "Total", "add", "entries", "evaluated", "fresh", "index", "mul", "rebuild", "rename_bound", "rename_tensors", "scalar", "size",
    "substitute", "summation", "tensors",
]  # fmt: skip

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
    kept = [t for t in (sympify(term, strict=True) for term in terms) if t != 0]
    return S.Zero if not kept else kept[0] if len(kept) == 1 else Add(*kept, evaluate=False)


def mul(*factors: Any) -> Any:
    """The product of `factors` in this order; ones vanish, inner products are opened, a zero wins.

    >>> x, y = scalar("x"), scalar("y")
    >>> mul(y, 2, x).args
    (y, 2, x)
    """
    flat: list[Any] = []
    for factor in (sympify(f, strict=True) for f in factors):
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
    return Total(sympify(body, strict=True), *limits)


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
    if not expr.args or isinstance(expr, (Tensor, Str)) or type(expr) is Tuple:  # the limits of a sum hold no entries
        return expr
    args = tuple(rename_tensors(a, names) for a in expr.args)
    if all(a is b for a, b in zip(args, expr.args, strict=True)):
        return expr
    # An entry for an entry: nothing can cancel, so products and sums need no second look.
    return expr._from_args(args) if isinstance(expr, (Add, Mul)) else rebuild(expr, args)


def evaluated(expr: Any) -> Any:
    """SymPy's own canonical form of an authored expression.

    >>> x, y = scalar("x"), scalar("y")
    >>> evaluated(mul(y, 2, x))
    2*x*y
    """
    if not getattr(expr, "args", ()) or isinstance(expr, (Str, Tensor, Entry)):
        return expr
    args = tuple(evaluated(a) for a in expr.args)
    if isinstance(expr, Piecewise):
        return _decided(args)
    open_ = isinstance(expr, Relational) and not all(a.is_number for a in args)
    return rebuild(expr, args) if open_ or isinstance(expr, Sum) else expr.func(*args)


def _decided(cases: tuple[Any, ...]) -> Any:
    """Cases without those whose numbers say that they never hold, up to the first that always does."""
    left = [case for case in cases if case.cond != S.false]
    always = next((n for n, case in enumerate(left) if case.cond == S.true), len(left))
    return left[0].expr if always == 0 and left else Piecewise(*left[: always + 1], evaluate=False)


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
