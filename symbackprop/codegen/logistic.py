"""Formulas of exponentials by the names of the functions they are, so that they are computed and differentiated as these.

`1/(1 + exp(-z))` overflows where sigmoid does not, `log(1 + exp(z))` where softplus does not, and the slope of a function is said by
its value only where it has a name.
"""

from __future__ import annotations

from typing import Any

from sympy import Add, Integer, Mul, Pow, exp, log

from symbackprop.equations import Entry, Func, evaluated, mul, rebuild

__all__ = ["logistic", "one_plus_exp", "one_power", "with_names", "without"]


def with_names(expr: Any) -> Any:
    """An expression in which quotients of exponentials of quantities are sigmoid and tanh, and log(1 + exp(z)) is softplus.

    >>> from symbackprop.equations import Tensor, index
    >>> z = Tensor("z", (3,))[index("j")]
    >>> with_names(1 / (1 + exp(-z))), with_names((exp(z) - exp(-z)) / (exp(z) + exp(-z)))
    (sigmoid(z[j]), tanh(z[j]))
    """
    if isinstance(expr, Entry) or not expr.args or not expr.has(exp):
        return expr
    found = logistic([one_power(f) for f in Mul.make_args(expr)]) if isinstance(expr, (Mul, Pow)) and not isinstance(expr, exp) else None
    if found is not None and found[0].has(Entry):
        return mul(with_names(found[0]), *map(with_names, found[1]))
    exponent = one_plus_exp(expr.args[0]) if isinstance(expr, log) else None
    if exponent is not None and exponent.has(Entry):
        return Func("softplus", with_names(exponent))
    return rebuild(expr, tuple(map(with_names, expr.args)))


def one_plus_exp(expr: Any) -> Any:
    """u in 1 + exp(u)."""
    if isinstance(expr, Add) and len(expr.args) == 2 and 1 in expr.args:
        other = expr.args[0] if expr.args[1] == 1 else expr.args[1]
        return other.args[0] if isinstance(other, exp) else None
    return None


def logistic(factors: list[Any]) -> tuple[Any, list[Any]] | None:
    """The function that a divisor exp(a) + exp(b) and what stands above it are, and the factors that are left.

    exp(a) above is sigmoid(a - b), the difference of both is tanh((a - b)/2).
    """
    for below in factors:
        divides = isinstance(below, Pow) and not isinstance(below, exp) and below.exp.is_Integer and below.exp.is_negative
        pair = _exponents(below.base) if divides else None
        if pair is None:
            continue
        left = [] if below.exp == -1 else [Pow(below.base, below.exp + 1, evaluate=False)]
        for above in (*factors, Integer(1)):
            function = _quotient(above, *pair)
            if function is not None:
                return function, [*left, *without(factors, below, above if above in factors else None)]
    return None


def _exponents(total: Any) -> tuple[Any, Any] | None:
    """a and b in exp(a) + exp(b); b is 0 in exp(a) + 1."""
    terms = total.args if isinstance(total, Add) else ()
    if len(terms) != 2 or not all(t == 1 or isinstance(t, exp) for t in terms):
        return None
    a, b = sorted((Integer(0) if t == 1 else t.args[0] for t in terms), key=lambda u: u == 0 or u.could_extract_minus_sign())
    return a, b


def _quotient(above: Any, a: Any, b: Any) -> Any:
    """The function that `above` / (exp(a) + exp(b)) is, if it is one."""
    for u, v in ((a, b), (b, a)):
        if evaluated(above - exp(u)) == 0:
            return Func("sigmoid", evaluated(u - v))
        if evaluated(above - exp(u) + exp(v)) == 0:
            return Func("tanh", evaluated((u - v) / 2))
    return None


def one_power(f: Any) -> Any:
    """1 / x**2 as one power of x."""
    nested = isinstance(f, Pow) and isinstance(f.base, Pow) and not isinstance(f.base, exp) and f.exp.is_Integer and f.base.exp.is_Integer
    return Pow(f.base.base, f.base.exp * f.exp, evaluate=False) if nested else f


def without(factors: list[Any], *taken: Any) -> list[Any]:
    """The factors but for those taken, each once: two that are equal may be one object."""
    left = list(factors)
    for f in taken:
        if f is not None:
            left.remove(f)
    return left
