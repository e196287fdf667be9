"""Calls: functions of numbers entry by entry, functions of vectors, and the NumPy functions that people type in derivations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any

from symbackprop.checker.applied import written_with
from symbackprop.checker.context import Function, Misfit, OutOfLayers, Quantity, Unreadable
from symbackprop.checker.faces import Typed
from symbackprop.checker.products import power, product, squared_norm
from symbackprop.checker.slopes import depends_on
from symbackprop.checker.sums import test, where
from symbackprop.checker.symbols import key, letter_key, parts
from symbackprop.checker.terms import ONE, Delta, Div, Extreme, Fn, Num, Position, Pow, Scalar, Sum, Term, add, mul, relabel
from symbackprop.checker.walk import Walk
from symbackprop.languages import Message
from symbackprop.parse.shown import shown
from symbackprop.parse.tree import Call, Indicator, Number, Relation, Script, Signed, Tree
from symbackprop.rules import ACTIVATIONS

__all__ = ["ELEMENTARY", "KNOWN", "SYMBOLS", "call", "coupled"]

ELEMENTARY = {
    "exp": "exp", "log": "log", "ln": "log", "sin": "sin", "cos": "cos", "sinh": "sinh", "cosh": "cosh", "erf": "erf", "abs": "abs",
    "sign": "sign", "sgn": "sign", "sqrt": "sqrt", "arctan": "atan",
}  # fmt: skip
SYMBOLS = {
    **{a.name: a.name for a in ACTIVATIONS.values()}, "ReLU": "relu", "relu": "relu", "Softmax": "softmax",
    "logsoftmax": "log_softmax", "expit": "sigmoid",
}  # fmt: skip


def call(reader: Walk, tree: Call) -> Typed:
    """What a call means. Raises `Unreadable` for a function that nothing defines."""
    base = tree.function
    if key(base) in reader.context.applied:
        written = written_with(reader.context.applied[key(base)], base, tree.args)
        return _applied(reader, tree) if written is None else reader.read(written)
    order, exponents = 0, []
    if isinstance(base, Script):
        order = base.primes
        for part in parts(base.sup):
            if isinstance(part, (Number, Signed)):
                exponents.append(part)
            elif key(part) in ("prime", "'"):
                order += 1
    name = letter_key(base).removeprefix("np ").rpartition(".")[2]
    declared = reader.lookup(_unprimed(base))
    meaning = declared[0].meaning if declared is not None else None
    if isinstance(meaning, Function):
        name = meaning.name
        if tree.args and tree.args[-1].span.end == tree.span.end:  # no bracket closes behind the argument
            raise Unreadable(Message("the function {name} needs its argument in brackets, or it stands as a factor", name=shown(base)), tree.span)
    elif declared is not None and isinstance(meaning, Quantity):
        # J(W, b; x, y), h(x): a quantity with what it depends on said behind it; or W(x + y), a product
        return _applied(reader, tree)
    elif name in SYMBOLS:
        name = SYMBOLS[name]
    arguments = tree.args
    if name in _SPECIAL and arguments and not isinstance(meaning, Function):
        found = _SPECIAL[name](reader, tree)
    elif len(arguments) != 1:
        raise Unreadable(Message("the function {name} with {count} arguments is not defined", name=shown(base), count=len(arguments)), tree.span)
    elif name in ELEMENTARY and not isinstance(meaning, Function):
        found = _to_base(reader, _entrywise(reader, arguments[0], ELEMENTARY[name], order), base, order)
    elif name in ACTIVATIONS and ACTIVATIONS[name].vector:
        found = vector_function(reader, name, reader.read(arguments[0]), tree)
    elif isinstance(meaning, Function) and meaning.coupled:
        found = coupled(reader, name, reader.read(arguments[0]), order, tree)
    elif name in ACTIVATIONS or isinstance(meaning, Function):
        found = _entrywise(reader, arguments[0], name, order)
    elif declared is not None:
        return _applied(reader, tree)
    elif any(isinstance(s.meaning, Function) for s in reader.context.symbols.get(letter_key(base), ())):
        raise OutOfLayers(Message("the function {name} is not defined at this layer", name=shown(base)), tree.span)
    else:
        raise Unreadable(Message("there is no such function: {undefined}", undefined=reader.undefined(name)), tree.span)
    for exponent in exponents:
        found = power(reader, found, reader.read(exponent), tree.span)
    return found


def _unprimed(tree: Tree) -> Tree:
    return replace(tree, primes=0) if isinstance(tree, Script) and tree.primes else tree


def _applied(reader: Walk, tree: Call) -> Typed:
    found = reader.read(tree.function)
    if len(tree.args) == 1 and not (isinstance(tree.function, Script) and tree.function.primes) and not depends_on(reader, found, tree.args[0]):
        return product(reader, "", found, reader.read(tree.args[0]), tree.span)
    return found


def _to_base(reader: Walk, found: Typed, function: Tree, order: int) -> Typed:
    """The logarithm to the base below it; no other elementary function has anything there."""
    if not isinstance(function, Script) or function.sub is None:
        return found
    if ELEMENTARY.get(letter_key(function)) != "log" or order:
        raise Unreadable(Message("the function {name} is not read with what stands below it", name=shown(function)), function.span)
    base = reader.read(function.sub)
    return replace(found, term=Div(found.term, Fn("log", base.term)))


def _entrywise(reader: Walk, argument: Tree, name: str, order: int) -> Typed:
    found = reader.read(argument)
    if name == "sqrt" and not order:
        return power(reader, found, Typed(Num(Fraction(1, 2))), argument.span)
    return replace(found, term=Fn(name, found.term, order))


def units(reader: Walk, x: Typed, span: Any) -> str:
    """The label that a function of a vector works along: not the examples; else what the conventions say."""
    axes = [k for k in x.face if k is not None]
    if not axes:
        raise Misfit(Message("a function of a vector was given a number"), span)
    if len(axes) == 1:
        return axes[0]
    where = reader.sample_axis(x)
    if where is not None:
        return next(k for k in axes if k != where)
    return axes[1] if reader.context.conventions.softmax == "rows" else axes[0]


def coupled(reader: Walk, name: str, x: Typed, order: int, tree: Tree) -> Typed:
    """A function of a vector of which nothing is known: each entry of its value depends on all entries, in a way of its own.

    Its derivative is the Jacobian of a vector.
    """
    along = units(reader, x, tree.span)
    size = reader.labels.sizes.get(along)
    other, by = reader.labels.new(size), reader.labels.new(size)

    def weight(j: str, k: str) -> Term:
        angle = add(mul(Num(Fraction(2)), Position(j)), mul(Num(Fraction(3)), Position(k)))
        return mul(Num(Fraction(1, 2)), Fn("cos", angle))

    mixed = add(x.term, Sum(mul(weight(along, other), relabel(x.term, {along: other})), other, size))
    if not order:
        return replace(x, term=Fn(name, mixed))
    if order > 1 or not x.is_vector:
        raise Unreadable("the derivative of a function of a vector is read at one vector, and once: it is a Jacobian", tree.span)
    term = mul(Fn(name, mixed, 1), add(Delta(along, by), weight(along, by)))
    return Typed(term, along, by) if reader.context.conventions.jacobian == "numerator" else Typed(term, by, along)


def vector_function(reader: Walk, name: str, x: Typed, tree: Call) -> Typed:
    """softmax and its like, along the units of each example."""
    along = _axis(reader, x, tree) or units(reader, x, tree.span)
    exponential = Fn("exp", x.term)
    total = reader.labels.sum_over(exponential, along)
    if name == "softmax":
        return replace(x, term=Div(exponential, total))
    if name == "log_softmax":
        return reader.labels.total([x, replace(x, term=mul(Num(Fraction(-1)), Fn("log", total)))], tree.span, True)
    raise Unreadable(Message("the function {name} of a vector is not read", name=name), tree.span)


def _axis(reader: Walk, x: Typed, tree: Call) -> str | None:
    """The label of the axis that an option names."""
    option = dict(tree.options).get("axis")
    if option is None and len(tree.args) == 2 and key(tree.function).endswith(("sum", "mean", "max")):
        option = tree.args[1]
    if option is None or key(option) == "None":
        return None
    number = int(reader.number(option))
    axes = [k for k in x.face if k is not None]
    if number < 0:
        number += 2 if len(axes) == 2 else 1
    if len(axes) == 1 and number == 0 and x.rows is None:  # a sum over axis 0 leaves a row; of its own axis 0 there are two readings
        way = reader.choose("the row that axis 0 is taken of", ("a matrix of one row", "an array of one axis"), tree.span)
        return None if way == "a matrix of one row" else axes[0]
    if not 0 <= number < 2 or x.face[number] is None:
        return None
    return x.face[number]


def _sum(reader: Walk, tree: Call) -> Typed:
    x = reader.read(tree.args[0])
    if "axis" not in dict(tree.options) and len(tree.args) < 2:
        return reader.labels.summed(x, "all")
    along = _axis(reader, x, tree)
    return x if along is None else reader.labels.summed(x, "rows" if along == x.rows else "cols")


def _mean(reader: Walk, tree: Call) -> Typed:
    x = reader.read(tree.args[0])
    if "axis" in dict(tree.options) or len(tree.args) > 1:
        along = [_axis(reader, x, tree)]
    else:
        where = reader.sample_axis(x)
        along = [where] if where is not None else list(x.face)
    for label in along:
        if label is not None:
            size = reader.labels.sizes.get(label)
            x = reader.labels.summed(x, "rows" if label == x.rows else "cols")
            x = replace(x, term=Div(x.term, Scalar(size)))
    return x


def _variance(reader: Walk, tree: Call) -> Typed:
    middle = _mean(reader, tree)
    x = reader.read(tree.args[0])
    difference = reader.labels.total([x, replace(middle, term=mul(Num(Fraction(-1)), middle.term))], tree.span, True)
    square = replace(difference, term=Pow(difference.term, Num(Fraction(2))))
    return _averaged(reader, square, middle)


def _averaged(reader: Walk, x: Typed, like: Typed) -> Typed:
    for label, kept in zip(x.face, like.face, strict=True):
        if label is not None and kept is None:
            size = reader.labels.sizes.get(label)
            x = reader.labels.summed(x, "rows" if label == x.rows else "cols")
            x = replace(x, term=Div(x.term, Scalar(size)))
    return x


def _extreme(reader: Walk, tree: Call) -> Typed:
    found = [reader.read(a) for a in tree.args]
    if len(found) < 2:
        raise Unreadable(Message("max and min take two things or more"), tree.span)
    name = "max" if letter_key(tree.function).rpartition(".")[2] in ("max", "maximum") else "min"
    result = found[0]
    for other in found[1:]:
        result, other = reader.labels.onto(result, other, tree.span, name, reader.broadcast)
        result = Typed(Extreme(name, (result.term, other.term)), result.rows or other.rows, result.cols or other.cols)
    return result


def _product(op: str) -> Callable[[Walk, Call], Typed]:
    def of(reader: Walk, tree: Call) -> Typed:
        if len(tree.args) != 2:
            raise Unreadable(Message("{name} takes two arguments", name=shown(tree.function)), tree.span)
        return product(reader, op, reader.read(tree.args[0]), reader.read(tree.args[1]), tree.span)

    return of


def _power(reader: Walk, tree: Call) -> Typed:
    base, exponent = (reader.read(a) for a in tree.args)
    return power(reader, base, exponent, tree.span)


def _outer(reader: Walk, tree: Call) -> Typed:
    x, y = (reader.read(a) for a in tree.args)
    x, y = (reader.labels.transpose(v) if v.rows is None and v.cols is not None else v for v in (x, y))
    return reader.labels.matmul(x, reader.labels.transpose(y), tree.span)


def _diag(reader: Walk, tree: Call) -> Typed:
    x = reader.read(tree.args[0])
    if x.is_vector:
        return reader.labels.diag(x, tree.span)
    if x.rows is None or x.cols is None:
        raise Misfit(Message("diag takes a vector or a matrix, not a number"), tree.span)
    return Typed(relabel(x.term, {x.cols: x.rows}), rows=x.rows)


def _trace(reader: Walk, tree: Call) -> Typed:
    x = reader.read(tree.args[0])
    if x.is_scalar:
        return x
    if x.rows is None or x.cols is None:
        raise Misfit(Message("a trace is of a square matrix"), tree.span)
    return Typed(reader.labels.sum_over(relabel(x.term, {x.cols: x.rows}), x.rows))


def _transpose(reader: Walk, tree: Call) -> Typed:
    return reader.labels.transpose(reader.read(tree.args[0]))


def _where(reader: Walk, tree: Call) -> Typed:
    condition, then, otherwise = tree.args
    return where(reader, test(reader, condition), reader.read(then), reader.read(otherwise), tree.span)


def _indicator(reader: Walk, tree: Call) -> Typed:
    (argument,) = tree.args
    if isinstance(argument, Relation):
        return reader.read(Indicator(argument, span=tree.span))
    raise Unreadable(Message("{name} takes a condition", name=shown(tree.function)), tree.span)


def _quotient(above: str, below: str) -> Callable[[Walk, Call], Typed]:
    def of(reader: Walk, tree: Call) -> Typed:
        if len(tree.args) != 1 or (isinstance(tree.function, Script) and tree.function.primes):
            raise Unreadable(Message("{name} is read of one argument and without primes", name=shown(tree.function)), tree.span)
        x = reader.read(tree.args[0])
        return replace(x, term=Div(Fn(above, x.term) if above else ONE, Fn(below, x.term)))

    return of


def _same(reader: Walk, tree: Call) -> Typed:
    return reader.read(tree.args[0])


def _norm(reader: Walk, tree: Call) -> Typed:
    return power(reader, squared_norm(reader, reader.read(tree.args[0])), Typed(Num(Fraction(1, 2))), tree.span)


_SPECIAL: Mapping[str, Callable[[Any, Call], Typed]] = {
    "sum": _sum, "mean": _mean, "average": _mean, "Mean": _mean, "var": _variance, "Var": _variance, "max": _extreme, "min": _extreme,
    "maximum": _extreme, "minimum": _extreme, "dot": _product("@"), "matmul": _product("@"), "multiply": _product("odot"), "outer": _outer,
    "diag": _diag, "tr": _trace, "trace": _trace, "Tr": _trace, "transpose": _transpose, "where": _where, "I": _indicator,
    "power": _power, "square": lambda reader, tree: power(reader, reader.read(tree.args[0]), Typed(Num(Fraction(2))), tree.span),
    "tan": _quotient("sin", "cos"), "cot": _quotient("cos", "sin"), "sec": _quotient("", "cos"), "csc": _quotient("", "sin"),
    "coth": _quotient("cosh", "sinh"), "sech": _quotient("", "cosh"), "csch": _quotient("", "sinh"),
    "reshape": _same, "asarray": _same, "astype": _same, "float": _same, "copy": _same, "norm": _norm,
}  # fmt: skip
KNOWN = frozenset({*ELEMENTARY, *SYMBOLS, *_SPECIAL})
