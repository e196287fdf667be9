"""How an expression found by SymPy is written: an order of terms and factors that an author would choose."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sympy import Add, KroneckerDelta, Mul, Piecewise, Pow, S, Sum, Symbol, cancel, exp
from sympy.core.function import AppliedUndef
from sympy.core.relational import Relational

from symbackprop.equations import Entry, Func, Tensor, add, evaluated, fresh, mul, rebuild, substitute, summation, tensors
from symbackprop.normal import canonical

__all__ = ["cancelled", "draw_out", "length", "lettered", "numbers_first", "order_of", "tidy"]

Order = Mapping[Tensor, int]


def order_of(*expressions: Any) -> Order:
    """The order in which tensors first appear in what an author wrote."""
    found: dict[Tensor, int] = {}
    for e in expressions:
        for t in tensors(e):
            found.setdefault(t, len(found))
    return found


def tidy(expr: Any, order: Order = {}) -> Any:  # noqa: B006 - never written to
    """An authored form: numbers and signs in front, positive terms first, fractions last, factors in the given order.

    >>> y, a = Tensor("y"), Tensor("a")
    >>> tidy(-(y() - a())).args
    (a, -y)
    """
    if isinstance(expr, (Entry, Tensor, AppliedUndef)) or not getattr(expr, "args", ()):
        return expr
    if isinstance(expr, Add):
        return _tidy_sum(expr, order)
    if isinstance(expr, Mul):
        return _tidy_product(expr, order)
    if isinstance(expr, Relational) and not expr.lhs.has(Entry) and expr.rhs.has(Entry):
        expr = expr.reversed
    return rebuild(expr, tuple(tidy(a, order) for a in expr.args))


def _tidy_sum(expr: Add, order: Order) -> Any:
    content, inner = evaluated(expr).primitive()
    if not content.is_Integer:
        content, inner = S.One, evaluated(expr)
    if not isinstance(inner, Add):
        return tidy(mul(content, inner), order)
    terms = sorted(inner.args, key=lambda t: (_negative(t), not t.is_number, t.has(Sum), _position(t, order), length(t), str(t)))
    if all(_negative(t) for t in terms):
        content, terms = -content, [-t for t in terms]
    return mul(content, add(*(tidy(t, order) for t in terms)))


def _negative(term: Any) -> bool:
    """Whether a term is written with a minus sign in front: not if a difference in it can swallow the sign."""
    coefficient, rest = term.as_coeff_Mul()
    return bool(coefficient < 0) and not (coefficient == -1 and any(_swallows(f) for f in Mul.make_args(rest)))


def _swallows(factor: Any) -> bool:
    return isinstance(factor, Add) and len(factor.args) == 2 and any(t.as_coeff_Mul()[0] < 0 for t in factor.args)


def _tidy_product(expr: Mul, order: Order) -> Any:
    above, below = _split_fraction(expr)
    tidied = [g for f in sorted(above, key=lambda f: _rank(f, order)) for g in Mul.make_args(tidy(f, order))]
    number = Mul(*(f for f in tidied if f.is_Number))
    factors = [f for f in tidied if not f.is_Number]
    if number == -1 and len(factors) == 1 and not below and isinstance(factors[0], Add):
        opened = Add(*(-t for t in evaluated(factors[0]).args))
        if not all(_negative(t) for t in opened.args):
            return _tidy_sum(opened, order)
    if number == -1:
        # A difference swallows the sign: -(y - a) is a - y.
        for n, f in enumerate(factors):
            if _swallows(f):
                factors[n], number = tidy(evaluated(-f), order), S.One
                break
    if below and all(f.is_Symbol for f in below) and factors:
        # A mean is written 1/m sum, not a long fraction over m.
        return mul(number, *(Pow(f, -1, evaluate=False) for f in below), *factors)
    under = [Pow(tidy(mul(*below), order), -1, evaluate=False)] if below else []
    return mul(number, *factors, *under)


def _split_fraction(expr: Mul) -> tuple[list[Any], list[Any]]:
    above, below = [], []
    for f in expr.args:
        base, exponent = f.as_base_exp()
        if not isinstance(f, exp) and exponent.is_Rational and exponent < 0:
            below.append(Pow(base, -exponent))
        else:
            above.append(f)
    return above, below


def _rank(factor: Any, order: Order) -> tuple[int, int, bool, str]:
    if factor.is_number:
        return 0 if factor.is_Number else 1, 0, False, str(factor)
    if isinstance(factor, Symbol):
        return 2, 0, False, str(factor)
    if isinstance(factor, KroneckerDelta):
        return 4, 0, False, str(factor)
    return 3, _position(factor, order), isinstance(factor, (Add, Piecewise, Func)), str(factor)


def _position(expr: Any, order: Order) -> int:
    return min((order[t] for t in tensors(expr) if t in order), default=len(order))


def length(expr: Any) -> int:
    """How long an expression is to a reader: the number of symbols and signs in it."""
    if isinstance(expr, (Entry, Tensor, AppliedUndef)) or not getattr(expr, "args", ()):
        return 1
    if isinstance(expr, Func):
        return 1 + expr.order + (length(expr.argument) if length(expr.argument) > 1 else 0)
    inverse = isinstance(expr, Pow) and expr.exp.is_negative
    return 1 + sum(length(a) for a in expr.args) + (2 + bool(expr.exp < -1) if inverse else 0)


def lettered(expr: Any, taken: Iterable[Any] = ()) -> Any:
    """Give summation indices that the normal form numbered a letter that is free."""
    bound = sorted({k for s in expr.atoms(Sum) for k, _, _ in s.limits if str(k).startswith("_")}, key=str)
    used = {*taken, *expr.atoms(Symbol)}
    for k in bound:
        letter = fresh(used, "k")
        expr, used = substitute(expr, {k: letter}), {*used, letter}
    return expr


def draw_out(expr: Any) -> Any:
    """Take what carries no summation index out of a sum of products: `sum_t x_t / m` is `1/m sum_t x_t`."""
    if isinstance(expr, Add):
        return add(*(draw_out(a) for a in expr.args))
    if isinstance(expr, Mul):
        return mul(*(draw_out(a) for a in expr.args))
    if not isinstance(expr, Sum) or not isinstance(expr.function, Mul):
        return expr
    bound = {k for k, _, _ in expr.limits}
    outside = [f for f in expr.function.args if not f.free_symbols & bound]
    inside = [f for f in expr.function.args if f.free_symbols & bound]
    return mul(*outside, summation(mul(*inside), *expr.limits)) if inside else expr


def numbers_first(expr: Any) -> Any:
    """Numbers that have come to stand inside a product moved to its front, `x 2 y` to `2 x y`."""
    if isinstance(expr, (Entry, Tensor, AppliedUndef)) or not getattr(expr, "args", ()):
        return expr
    args = tuple(numbers_first(a) for a in expr.args)
    if isinstance(expr, Mul):
        numbers = [a for a in args if a.is_Number]
        return mul(Mul(*numbers), *(a for a in args if not a.is_Number)) if numbers else mul(*args)
    return rebuild(expr, args)


def cancelled(expr: Any, facts: Iterable[Any] = (), order: Order = {}) -> Any:  # noqa: B006 - never written to
    """What an expression comes to when equal factors cancel; multiplied out only where that makes it much shorter."""
    plain = evaluated(expr)
    forms = [canonical(expr, facts)]
    if not forms[0].has(Sum, Piecewise):
        forms.append(cancel(forms[0]))
    shortest = min(forms, key=length)
    chosen = shortest if length(shortest) <= 0.65 * length(plain) else plain
    return lettered(tidy(evaluated(draw_out(chosen)), order))
