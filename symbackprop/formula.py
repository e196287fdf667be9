"""Formulas typed as text, `sum(k, w[j, k]*a[k]) + b[j]`, read into index expressions in the order they were typed.

The text is parsed by Python's own `ast` and walked against a whitelist: nothing in it is ever evaluated. The range of a
sum is the size of the axis its index runs over, so it need not be typed.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

import sympy
from sympy import Integer, KroneckerDelta, Piecewise, Pow, Rational, S, false, true
from sympy.core.relational import Relational

from symbackprop.equations import Entry, Equation, Func, Layers, Tensor, add, entries, index, mul, rename_bound, scalar, substitute, summation
from symbackprop.errors import FormulaError

__all__ = ["Scope", "read_equation", "read_expression"]

_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "exp": sympy.exp, "log": sympy.log, "sqrt": lambda x: Pow(x, S.Half, evaluate=False), "abs": sympy.Abs, "erf": sympy.erf,
    "max": sympy.Max, "min": sympy.Min, "sin": sympy.sin, "cos": sympy.cos, "sign": sympy.sign,
}  # fmt: skip
_CONSTANTS: Mapping[str, Any] = {"pi": sympy.pi}
_RELATIONS: Mapping[type[ast.cmpop], Any] = {
    ast.Lt: sympy.StrictLessThan, ast.LtE: sympy.LessThan, ast.Gt: sympy.StrictGreaterThan, ast.GtE: sympy.GreaterThan,
    ast.Eq: sympy.Eq, ast.NotEq: sympy.Ne,
}  # fmt: skip


@dataclass(frozen=True)
class Scope:
    """What the names in a formula mean: tensors, elementwise functions by name, real scalars, sizes and layer symbols."""

    tensors: Mapping[str, Tensor]
    functions: Collection[str] = ()
    scalars: Collection[str] = ()
    sizes: Collection[str] = field(default=())

    def names(self) -> list[str]:
        return [*self.tensors, *self.functions, *self.scalars, *self.sizes, *_FUNCTIONS, *_CONSTANTS]


def read_expression(text: str, scope: Scope) -> Any:
    """Read one expression; `FormulaError` names the column of what cannot be read.

    >>> z = Tensor("z", (3,))
    >>> read_expression("exp(z[j]) / sum(k, exp(z[k]))", Scope({"z": z}))
    exp(z[j])/Sum(exp(z[k]), (k, 1, 3))
    """
    return _Reader(text, scope).expression()


def read_equation(text: str, scope: Scope, rule: str = "", label: str = "", layers: Layers | None = None) -> Equation:
    """Read `lhs = rhs`; the left side is an entry of a tensor with plain, different indices.

    >>> a, z = Tensor("a", (3,)), Tensor("z", (3,))
    >>> str(read_equation("a[j] = sigmoid(z[j])", Scope({"a": a, "z": z}, ["sigmoid"])))
    'a[j] = sigmoid(z[j])'
    """
    left, sign, right = text.partition("=")
    if not sign or right.startswith("="):
        raise FormulaError(text, 1, "an equation 'left = right' was expected")
    lhs = _Reader(left.strip(), scope).expression()
    if not isinstance(lhs, Entry):
        raise FormulaError(text, 1, "the left side must be one entry of a tensor, such as z[j]")
    if len(set(lhs.indices)) != len(lhs.indices) or not all(i.is_Symbol for i in lhs.indices):
        raise FormulaError(text, 1, "the indices of the left side must be different letters")
    rhs = rename_bound(_Reader(right.strip(), scope).expression(), set(lhs.indices))
    return Equation(lhs, rhs, rule, label, layers=layers)


def _bits(expr: Any) -> float:
    """About how many binary digits the numbers in `expr` have when powers of numbers are worked out."""
    if expr.is_Rational:
        return float(expr.p.bit_length() + expr.q.bit_length())
    inner = sum(map(_bits, expr.args)) if not isinstance(expr, (Entry, Tensor)) else 0.0
    return inner * max(1.0, abs(float(expr.exp))) if expr.is_Pow and expr.is_number else inner


class _Reader:
    def __init__(self, text: str, scope: Scope) -> None:
        self.text, self.scope = text, scope

    def expression(self) -> Any:
        try:
            tree = ast.parse(self.text.strip(), mode="eval")
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            raise FormulaError(self.text, getattr(error, "offset", 1) or 1, "it is not a formula") from error
        try:
            return self.number(tree.body)
        except RecursionError as error:
            raise FormulaError(self.text, 1, "it is nested too deep") from error

    def number(self, node: ast.AST) -> Any:
        found = self.read(node)
        if isinstance(found, Relational):
            raise self.fail(node, f"'{ast.unparse(node)}' is a condition, which has its place only in where(condition, then, otherwise)")
        return found

    def fail(self, node: ast.AST, problem: str) -> FormulaError:
        return FormulaError(self.text, getattr(node, "col_offset", 0) + 1, problem)

    def read(self, node: ast.AST) -> Any:
        match node:
            case ast.Constant(value=bool()):
                raise self.fail(node, "true and false are no numbers")
            case ast.Constant(value=int() as number):
                return Integer(number)
            case ast.Constant(value=float() as number):
                digits = ast.get_source_segment(self.text.strip(), node) or "0"
                if not (1e-99 < number < 1e99 or set(digits.lower().partition("e")[0]) <= set("0._")):
                    raise self.fail(node, f"the number {digits} is too large or too small")
                return Rational(digits) if number else S.Zero
            case ast.Name():
                return self.name(node)
            case ast.UnaryOp(op=ast.USub()):
                return mul(-1, self.number(node.operand))
            case ast.UnaryOp(op=ast.UAdd()):
                return self.number(node.operand)
            case ast.BinOp():
                return self.operation(node)
            case ast.Compare(ops=[op], comparators=[right]) if type(op) in _RELATIONS:
                return _RELATIONS[type(op)](self.number(node.left), self.number(right), evaluate=False)
            case ast.Subscript():
                return self.entry(node)
            case ast.Call(func=ast.Name()) if not node.keywords:
                return self.call(node)
        raise self.fail(node, f"'{ast.unparse(node)}' has no meaning here")

    def operation(self, node: ast.BinOp) -> Any:
        left, right = self.number(node.left), self.number(node.right)
        match node.op:
            case ast.Add():
                return add(*(left.args if left.is_Add else (left,)), right)
            case ast.Sub():
                return add(*(left.args if left.is_Add else (left,)), mul(-1, right))
            case ast.Mult():
                return mul(left, right)
            case ast.Div() if right == 0:
                raise self.fail(node, "division by zero")
            case ast.Div() if left.is_Rational and right.is_Rational:
                return left / right
            case ast.Div():
                return mul(left, Pow(right, -1, evaluate=False))
            case ast.Pow() if left == 0 and right.is_number and not right.is_positive:
                raise self.fail(node, "division by zero")
            case ast.Pow() if _bits(right) > 64 or (right.is_number and _bits(left) * abs(float(right)) > 4096):
                raise self.fail(node, "this power is too large")
            case ast.Pow():
                return Pow(left, right, evaluate=False)
        raise self.fail(node, "the operators are + - * / **")

    def name(self, node: ast.Name) -> Any:
        scope = self.scope
        if node.id in scope.tensors:
            tensor = scope.tensors[node.id]
            if tensor.rank:
                raise self.fail(node, f"'{node.id}' has {tensor.rank} axes: write its indices, {node.id}[{', '.join('jkst'[: tensor.rank])}]")
            return tensor()
        if node.id in _CONSTANTS:
            return _CONSTANTS[node.id]
        if node.id in scope.scalars:
            return scalar(node.id)
        if node.id in scope.functions or node.id in _FUNCTIONS:
            raise self.fail(node, f"the function '{node.id}' needs an argument, {node.id}(...)")
        if node.id in scope.sizes or len(node.id) == 1:
            return index(node.id)
        near = get_close_matches(node.id, scope.names(), n=1)
        raise self.fail(node, f"'{node.id}' is not defined" + (f"; did you mean '{near[0]}'?" if near else ""))

    def whole(self, node: ast.AST) -> Any:
        """An index, a layer or a size: letters and whole numbers joined by + and -."""
        match node:
            case ast.Constant(value=int() as number) if not isinstance(number, bool):
                return Integer(number)
            case ast.Name():
                return index(node.id)
            case ast.BinOp(op=ast.Add()):
                return self.whole(node.left) + self.whole(node.right)
            case ast.BinOp(op=ast.Sub()):
                return self.whole(node.left) - self.whole(node.right)
        raise self.fail(node, "an index is a letter, a whole number, or their sum or difference")

    def tensor(self, node: ast.AST) -> Tensor:
        match node:
            case ast.Name() if node.id in self.scope.tensors:
                return self.scope.tensors[node.id]
            case ast.Call(func=ast.Name() as head, args=[layer]) if head.id in self.scope.tensors:
                tensor = self.scope.tensors[head.id]
                if tensor.layer is None:
                    raise self.fail(node, f"'{head.id}' has no layers")
                return substitute(tensor, {tensor.layer: self.whole(layer)})  # type: ignore[no-any-return]
        named = ast.unparse(node)
        near = get_close_matches(named, list(self.scope.tensors), n=1)
        raise self.fail(node, f"'{named}' is no tensor" + (f"; did you mean '{near[0]}'?" if near else ""))

    def entry(self, node: ast.Subscript) -> Any:
        tensor = self.tensor(node.value)
        items = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        if len(items) != tensor.rank:
            raise self.fail(node, f"'{tensor}' has {tensor.rank} axes, not {len(items)}")
        return tensor[tuple(self.whole(i) for i in items)]

    def call(self, node: ast.Call) -> Any:
        name = node.func.id  # type: ignore[attr-defined]
        if name in self.scope.tensors:
            tensor = self.tensor(node)
            if tensor.rank:
                raise self.fail(node, f"'{name}' has {tensor.rank} axes: write its indices")
            return tensor()
        if name == "sum":
            return self.sum(node)
        if name == "where" and len(node.args) == 3:
            condition, then, otherwise = self.read(node.args[0]), self.number(node.args[1]), self.number(node.args[2])
            if not isinstance(condition, Relational):
                raise self.fail(node.args[0], f"'{ast.unparse(node.args[0])}' is no condition, such as z > 0")
            decided = condition.doit() if condition.lhs.is_number and condition.rhs.is_number else condition
            if decided in (true, false):  # SymPy divides by the coefficient of the unknown in conditions of conditions
                return then if decided == true else otherwise
            return Piecewise((then, condition), (otherwise, True), evaluate=False)
        arguments = [self.number(a) for a in node.args]
        if name == "log" and arguments == [0]:
            raise self.fail(node, "zero has no logarithm")
        if name == "delta" and len(arguments) == 2:
            return KroneckerDelta(*arguments)
        if name in self.scope.functions and len(arguments) == 1:
            return Func(name, arguments[0])
        if name in _FUNCTIONS and (len(arguments) == 1 or (name in ("max", "min") and len(arguments) > 1)):
            return _FUNCTIONS[name](*arguments)
        if name in self.scope.functions or name in _FUNCTIONS:
            raise self.fail(node, f"'{name}' does not take {len(arguments)} arguments")
        near = get_close_matches(name, self.scope.names(), n=1)
        raise self.fail(node, f"there is no function '{name}'" + (f"; did you mean '{near[0]}'?" if near else ""))

    def sum(self, node: ast.Call) -> Any:
        if len(node.args) < 2 or not all(isinstance(a, ast.Name) for a in node.args[:-1]):
            raise self.fail(node, "a sum is written sum(k, ...), the index first")
        body = self.number(node.args[-1])
        for letter in reversed(node.args[:-1]):
            k = index(letter.id)  # type: ignore[attr-defined]
            sizes = {n for e in entries(body) for i, n in zip(e.indices, e.tensor.shape, strict=True) if i == k}
            if len(sizes) != 1:
                found = "no axis" if not sizes else " and ".join(sorted(map(str, sizes)))
                raise self.fail(node, f"the range of '{k}' must follow from the axes it runs over; found {found}")
            body = summation(body, (k, 1, sizes.pop()))
        return body
