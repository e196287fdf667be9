"""Formulas of single entries as operations on arrays: functions by their stable forms, cases, powers; the same in any order of axes."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import sympy
from sympy import Add, Float, Integer, Max, Min, Mul, Piecewise, Pow, Rational, Symbol
from sympy.core.relational import Relational

from symbackprop.calculus import VALUE, activation_derivative
from symbackprop.codegen.arrays import Array, Op, align, apply, compare, name, number, plus, power, select, times
from symbackprop.codegen.forms import FORMS, Erfc, read_form, with_tails
from symbackprop.codegen.naming import Names
from symbackprop.equations import Func, mul, scalar
from symbackprop.errors import InputError
from symbackprop.rules import ACTIVATIONS
from symbackprop.rules.record import VARIABLE

__all__ = ["Formulas", "shared_factor"]

_FUNCTIONS = {
    sympy.exp: "exp", sympy.log: "log", sympy.Abs: "abs", sympy.sign: "sign", sympy.erf: "erf", Erfc: "erfc", sympy.tanh: "tanh", sympy.sin: "sin",
    sympy.cos: "cos", sympy.sinh: "sinh", sympy.cosh: "cosh",
}  # fmt: skip
_CONSTANTS = {sympy.pi: "pi", sympy.E: "e"}
_SIGNS = {
    sympy.StrictGreaterThan: ">", sympy.GreaterThan: ">=", sympy.StrictLessThan: "<", sympy.LessThan: "<=", sympy.Eq: "==", sympy.Ne: "!=",
}  # fmt: skip

Leaf = Callable[[Any], Array | None]


@dataclass
class Formulas:
    """What is needed to spell a formula out in arrays: the names of numbers, and the arrays of the parts that are known."""

    names: Names

    @abstractmethod
    def known(self, expr: Any) -> Array | None:
        """The array of a part of an expression, if it is known as one."""

    def scalar(self, expr: Any) -> Array:
        """A formula of numbers: sizes, rates, single quantities."""
        return self.arithmetic(sympy.sympify(expr, strict=True), self.known)

    def factors(self, expr: Any) -> list[Array]:
        return [self.scalar(f) for f in Mul.make_args(expr)]

    def arithmetic(self, expr: Any, leaf: Leaf) -> Array:
        """A formula over arrays; `leaf` answers with the array of a part that it knows."""
        found = leaf(expr)
        if found is not None:
            return found
        if isinstance(expr, (Integer, Rational, Float)):
            return number(expr)
        if expr in _CONSTANTS:
            return Array(Op("constant", (), _CONSTANTS[expr]))
        if isinstance(expr, Symbol):
            return name(self.names.symbol(expr))
        if isinstance(expr, Func):
            return self.function(expr.name, expr.order, self.arithmetic(expr.argument, leaf))
        if isinstance(expr, Piecewise):
            return self._cases(expr, leaf)
        if type(expr) in _SIGNS:
            return compare(_SIGNS[type(expr)], *(self.arithmetic(a, leaf) for a in expr.args))
        if isinstance(expr, sympy.Heaviside):  # the slope of max(z, 0), one half at the kink as SymPy has it
            return apply("heaviside", self.arithmetic(expr.args[0], leaf), number(Rational(1, 2)))
        if type(expr) in _FUNCTIONS:
            return apply(_FUNCTIONS[type(expr)], self.arithmetic(expr.args[0], leaf))
        if isinstance(expr, Add):
            stable = with_tails(expr)
            if stable is not expr:
                return self.arithmetic(stable, leaf)
            shared = shared_factor(expr.args)
            found = plus(*(self.arithmetic(a if shared == 1 else mul(1 / shared, a), leaf) for a in expr.args))
            return times(number(shared), found) if shared != 1 else found
        arguments = [self.arithmetic(a, leaf) for a in expr.args] if isinstance(expr, (Mul, Max, Min)) else []
        if isinstance(expr, Mul):
            return times(*arguments)
        if isinstance(expr, (Max, Min)):
            function = "maximum" if isinstance(expr, Max) else "minimum"
            found = arguments[0]
            for a in arguments[1:]:
                found = apply(function, found, a)
            return found
        if isinstance(expr, Pow) and expr.exp.is_Rational:
            return power(self.arithmetic(expr.base, leaf), expr.exp)
        if isinstance(expr, Pow):
            return apply("power", *(self.arithmetic(a, leaf) for a in expr.args))
        raise InputError(f"no code is known for {expr} ({type(expr).__name__})")

    def _cases(self, expr: Any, leaf: Leaf) -> Array:
        *cases, last = expr.args
        if last.cond is not sympy.true:
            raise InputError(f"{expr} cannot be compiled: it says nothing of the case in which no condition holds")
        found = self.arithmetic(last.expr, leaf)
        for value, condition in reversed(cases):
            if not isinstance(condition, Relational):
                raise InputError(f"no code is known for the condition {condition}")
            found = select(self.arithmetic(condition, leaf), self.arithmetic(value, leaf), found)
        return found

    def function(self, function: str, order: int, argument: Array) -> Array:
        """A registered function of an array by its stable form, else by its formula; its derivative by the derived formula."""
        if function not in ACTIVATIONS or order > 1:
            raise InputError(f"'{function}{chr(39) * order}' has no formula: only registered activations and their first derivatives can be compiled")
        rule = ACTIVATIONS[function]
        if order:
            value = self.function(function, 0, argument)
            known = {VALUE: value, VARIABLE: argument}
            return self.arithmetic(activation_derivative(function), lambda e: known.get(e))
        form = FORMS.get(function)
        if form is None:
            return self.arithmetic(rule.of(VARIABLE), lambda e: argument if e == VARIABLE else None)
        scalars = [self.scalar(scalar(s)) for s in form.arguments[1:]]
        if form.inline:
            known_names = dict(zip(form.arguments, (argument, *scalars), strict=True))
            return self._put_in(read_form(form.lines[0]), known_names)
        return apply(function, argument, *scalars, op="form")

    def _put_in(self, op: Op, known: dict[str, Array]) -> Array:
        """A form with arrays in place of its names."""
        if op.op == "name":
            return known[op.data]
        axes = max((a.axes for a in known.values()), key=len)
        return Array(_renamed(op, {key: align(a, axes) for key, a in known.items()}), axes)


def shared_factor(terms: Sequence[Any]) -> Any:
    """The number that all terms of a sum are multiplied with, but for its sign; none where roots of numbers stand, which swallow it.

    >>> shared_factor([Symbol("a") / 16, -Symbol("y") / 16])
    1/16
    """
    if any(f.is_number and not f.is_rational for t in terms for f in Mul.make_args(t)):
        return Integer(1)
    found = {abs(Mul(*(f for f in Mul.make_args(t) if f.is_Rational))) for t in terms}
    return found.pop() if len(found) == 1 else Integer(1)


def _renamed(op: Op, known: dict[str, Op]) -> Op:
    return known[op.data] if op.op == "name" else Op(op.op, tuple(_renamed(a, known) for a in op.args), op.data)
