"""How each rule is computed without overflow and without losing digits: one formula a rule, equal to the registered one.

A form is written in a small array language read with `ast`: entrywise functions, and `max` and `sum` over the axis of the units.
A form of several lines becomes a function of the emitted module, one line is put in where it is used. A rule that is not listed
is computed as it is registered.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from sympy import Add, Function, Mul, Pow, Rational, erf

from symbackprop.codegen.arrays import Array, Op, apply, compare, name, negative, number, plus, power, select, times
from symbackprop.equations import Func, add, mul
from symbackprop.languages import Message

__all__ = ["FORMS", "LOSS_FORMS", "UNGUARDED", "Erfc", "Form", "is_tanh", "read_form", "with_tails"]


@dataclass(frozen=True)
class Form:
    """Lines `name = formula`, the last a formula alone; `arguments` are the array and the numbers it takes, `why` its docstring."""

    lines: tuple[str, ...]
    why: str = ""
    arguments: tuple[str, ...] = ("z",)
    vector: bool = False
    reduces: bool = False

    @property
    def inline(self) -> bool:
        return len(self.lines) == 1 and not self.vector


FORMS: Mapping[str, Form] = {
    "sigmoid": Form(("e = exp(-abs(z))", "where(z >= 0, 1, e) / (1 + e)"), Message("1 / (1 + exp(-z)); the exponential never grows.")),
    "tanh": Form(("tanh(z)",)),
    "relu": Form(("maximum(z, 0)",)),
    "elu": Form(("where(z > 0, z, alpha * expm1(minimum(z, 0)))",), arguments=("z", "alpha")),
    "softplus": Form(("logaddexp(0, z)",)),
    "softmax": Form(
        ("e = exp(z - max(z))", "e / sum(e)"), Message("exp(z_j) / sum_k exp(z_k), with the maximum taken off first so that nothing overflows."),
        vector=True,
    ),
    "log_softmax": Form(
        ("s = z - max(z)", "s - log(sum(exp(s)))"), Message("z_j - log sum_k exp(z_k), with the maximum taken off first."), vector=True
    ),
    "logsumexp": Form(
        ("top = max(z)", "squeeze(log(sum(exp(z - top))) + top)"), Message("log sum_k exp(z_k), with the maximum taken off first."),
        vector=True, reduces=True,
    ),
}  # fmt: skip

# The same in fewer steps, where overflow on the way is not reported: 1 / (1 + inf) is 0, as it should be.
UNGUARDED: Mapping[str, Form] = {"sigmoid": Form(("1 / (1 + exp(-z))",), "1 / (1 + exp(-z)), 0 where the exponential is infinite.")}

# Losses of logits in the language of the registry: each term is of one sign, so that no digits cancel.
LOSS_FORMS: Mapping[str, str] = {
    "binary_cross_entropy_logits": "sum(j, y[j]*softplus(-a[j]) + (1 - y[j])*softplus(a[j]))",
    "cross_entropy_logits": "-sum(j, y[j]*log(exp(a[j]) / sum(k, exp(a[k]))))",
}


class Erfc(Function):  # type: ignore[misc]
    """1 - erf(u) as it stands: SymPy's own erfc(-u) turns into 2 - erfc(u), whose digits cancel."""


def with_tails(total: Add) -> Any:
    """A sum with what is left of it where its terms cancel: erfc(-u) for 1 + erf(u), 2 sigmoid(2 u) for 1 + tanh(u).

    Where u is far below zero erf(u) and tanh(u) are -1 but for a tiny part, and that part is the sum: in a difference its digits are
    lost. So are those of 1 - tanh(u)^2, which is 4 sigmoid(2 u) sigmoid(-2 u).

    >>> from sympy import Symbol
    >>> z = Symbol("z")
    >>> with_tails(z + (1 - erf(z)) / 2)
    z + Erfc(z)/2
    >>> with_tails(1 + Func("tanh", z))
    2*sigmoid(2*z)
    """
    terms = list(total.args)
    for term in total.args:
        factors = Mul.make_args(term)
        inside = next((f for f in factors if isinstance(f, erf) or is_tanh(f) or (isinstance(f, Pow) and f.exp == 2 and is_tanh(f.base))), None)
        c = Mul(*(f for f in factors if f is not inside))
        alone = next((sign * c for sign in ((-1,) if isinstance(inside, Pow) else (1, -1)) if c.is_Rational and sign * c in terms), None)
        if inside is not None and alone is not None:
            terms[terms.index(term)] = mul(alone, _rest(inside, alone == c))
            terms.remove(alone)
    return total if len(terms) == len(total.args) else add(*terms)


def is_tanh(f: Any) -> bool:
    """Whether an expression is the hyperbolic tangent of another."""
    return isinstance(f, Func) and f.name == "tanh" and f.order == 0


def _rest(function: Any, above: bool) -> Any:
    """1 + f(u), or if not `above` 1 - f(u); of a square the latter."""
    if isinstance(function, Pow):
        u = function.base.argument
        return mul(4, Func("sigmoid", mul(2, u)), Func("sigmoid", mul(-2, u)))
    if isinstance(function, erf):
        return Erfc(mul(-1 if above else 1, function.args[0]))
    return mul(2, Func("sigmoid", mul(2 if above else -2, function.argument)))


REDUCED = ("max", "sum", "squeeze")
_SIGNS = {ast.Gt: ">", ast.GtE: ">=", ast.Lt: "<", ast.LtE: "<="}


@cache
def read_form(text: str) -> Op:
    """The operation a line of a form stands for.

    >>> read_form("maximum(z, 0)").data
    'maximum'
    """
    return _read(ast.parse(text, mode="eval").body).op


def _read(node: Any) -> Array:
    match node:
        case ast.Name(id=identifier):
            return name(identifier)
        case ast.Constant(value=value):
            return number(Rational(str(value)))
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return negative(_read(operand))
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return plus(_read(left), _read(right))
        case ast.BinOp(left=left, op=ast.Sub(), right=right):
            return plus(_read(left), negative(_read(right)))
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            return times(_read(left), _read(right))
        case ast.BinOp(left=left, op=ast.Div(), right=right):
            return times(_read(left), power(_read(right), -1))
        case ast.Compare(left=left, ops=[sign], comparators=[right]):
            return compare(_SIGNS[type(sign)], _read(left), _read(right))
        case ast.Call(func=ast.Name(id="where"), args=[condition, then, otherwise]):
            return select(_read(condition), _read(then), _read(otherwise))
        case ast.Call(func=ast.Name(id=function), args=arguments):
            return apply(function, *map(_read, arguments), op="reduce" if function in REDUCED else "call")
    raise ValueError(f"a form cannot hold {ast.unparse(node)}")
