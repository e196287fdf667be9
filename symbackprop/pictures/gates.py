"""What stands in the gate of an equation: one sign where it is one operation, else its right side; and what it takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sympy import Add, Mul, Pow, Sum, exp, log

from symbackprop.equations import Abstract, Entry, Equation, Func, tensors
from symbackprop.lift import Layout, lift_equation
from symbackprop.pictures.layers import Gate
from symbackprop.pictures.shapes import extent
from symbackprop.rules import ACTIVATIONS
from symbackprop.typeset import tree as t
from symbackprop.typeset.build import Builder

__all__ = ["gate", "right_side", "taken"]

_WIDEST = 14.0  # ems of a formula in a box; what is wider is called by its letter
_SUM = t.BigOperator("sum", None, None, t.EMPTY)


def gate(equation: Equation, builder: Builder, layout: Layout | None) -> Gate:
    """The node of an equation in a computational graph; without a layout its formula has no matrix form."""
    sign = _sign(equation, builder)
    if sign is not None:
        return Gate((sign,), round=extent(sign)[0] < 1.9, sign=True)
    return Gate((right_side(equation, builder, layout),))


def taken(equation: Equation) -> tuple[Any, ...] | None:
    """The entries and the numbers that a single operation takes; None for an equation that is more.

    >>> from symbackprop.equations import Tensor, mul
    >>> taken(Equation(Tensor("q")(), mul(-1, Tensor("x")())))
    (-1, x)
    """
    operands = _operands(equation.rhs)
    return None if operands is None else tuple(operands)


def right_side(equation: Equation, builder: Builder, layout: Layout | None) -> t.Node:
    """The right side in matrix form where there is one, in index form elsewhere; as `C(a, y)` where it is too wide for a box."""
    lifted = lift_equation(equation, layout) if layout and any(x.rank for x in (equation.tensor, *tensors(equation.rhs))) else None
    shown = builder.build(equation.rhs if lifted is None else lifted.rhs)
    if extent(shown)[0] <= _WIDEST:
        return shown
    return builder.abstract(Abstract(equation.tensor, *tensors(equation.rhs)))


def _operands(rhs: Any) -> Sequence[Any] | None:
    """The entries and the numbers of a right side that is a single operation on them."""
    if isinstance(rhs, Func) and isinstance(rhs.argument, Entry) and rhs.order == 0:
        return (rhs.argument,)
    if isinstance(rhs, Sum):
        return (rhs.function,) if isinstance(rhs.function, Entry) and len(rhs.limits) == 1 else None
    if isinstance(rhs, Pow) and rhs.exp == -1:
        found: tuple[Any, ...] = (rhs.base,)
    elif isinstance(rhs, (exp, log)):
        found = rhs.args
    elif isinstance(rhs, Mul):
        found = tuple(a.base if isinstance(a, Pow) and a.exp == -1 else a for a in rhs.args)
        if sum(isinstance(a, Pow) for a in rhs.args) > (len(found) == 2):
            return None
    elif isinstance(rhs, Add):
        found = rhs.args
    else:
        return None
    single = all(isinstance(o, Entry) or o.is_Number for o in found)
    return found if single and len(set(found)) == len(found) else None


def _sign(equation: Equation, builder: Builder) -> t.Node | None:
    """The sign of a single operation; None for what is more."""
    rhs = equation.rhs
    if equation.rule in ACTIVATIONS:
        return builder.function_name(equation.rule)
    operands = _operands(rhs)
    if operands is None:
        return None
    match rhs:
        case Func():
            return builder.function_name(rhs.name)
        case Sum():
            return _SUM
        case exp() | log():
            return t.Symbol(type(rhs).__name__, "upright")
        case Pow():
            return t.Operator("slash")
        case Add():
            return t.Operator("+")
        case _ if any(isinstance(a, Pow) for a in rhs.args):
            return t.Operator("slash")
    entrywise = any(isinstance(o, Entry) and any(i.is_Symbol for i in o.indices) for o in operands) and all(isinstance(o, Entry) for o in operands)
    if entrywise and len({o.indices for o in operands}) > 1:
        return None
    return t.Operator(builder.notation.hadamard if entrywise else "times")
