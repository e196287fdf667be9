"""What a step leans on, put in: the equations it names, the formulas of known functions, and the chain rule.

This is the prover's own reading of an expression. It differentiates with SymPy where a derivative stands, looks for the users of a
quantity through all equations, and shares no code with reverse accumulation, so that an error there cannot hide here.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import lru_cache
from itertools import product
from typing import Any

from sympy import Add, Derivative, Dummy, Integer, Max, Min, Mul, Piecewise, Sum, cancel, sympify

from symbackprop.equations import (
    Entry,
    Equation,
    Func,
    Grad,
    Partial,
    Tensor,
    evaluated,
    mul,
    rebuild,
    rename_bound,
    substitute,
    summation,
    tensors,
)  # fmt: skip
from symbackprop.network import Network
from symbackprop.rules import formula_of

__all__ = ["by_chain_rule", "derivative_at", "exact_at_sizes", "unfolded", "with_formulas"]


def unfolded(expr: Any, uses: Sequence[Equation], net: Network) -> Any:
    """Put in what the step uses; differentiate what still stands as a derivative; apply the chain rule to total derivatives."""
    for _ in range(4):
        unfolded = _once(expr, uses, net)
        if unfolded == expr:
            break
        expr = unfolded
    return expr


def _once(expr: Any, uses: Sequence[Equation], net: Network) -> Any:
    for use in uses:
        found = _match(use, expr)
        if found is not None:
            return found
    if isinstance(expr, Derivative):
        return evaluated(expr.expr).rewrite((Max, Min), Piecewise).diff(expr.variables[0])
    if isinstance(expr, Partial):
        return _partial(expr, uses, net)
    if not getattr(expr, "args", ()) or isinstance(expr, (Entry, Tensor)):
        return expr
    args = tuple(_once(a, uses, net) for a in expr.args)
    return expr if all(a is b for a, b in zip(args, expr.args, strict=True)) else rebuild(expr, args)


def _match(use: Equation, expr: Any) -> Any:
    """The right side of `use` if `expr` is an instance of its left side at other indices, layers or arguments."""
    lhs = use.lhs
    if expr == lhs:
        return use.rhs
    if type(expr) is not type(lhs):
        return None
    bindings: dict[Any, Any] = {}
    if isinstance(expr, Func):
        if expr.name != lhs.name or expr.order != lhs.order or not lhs.argument.is_Symbol or isinstance(lhs.argument, Entry):
            return None
        return substitute(use.rhs, {lhs.argument: expr.argument})
    pairs = [(lhs.of, expr.of), (lhs.wrt, expr.wrt)] if isinstance(expr, Partial) else [(lhs, expr)] if isinstance(expr, Entry) else []
    if not pairs:
        return None
    if use.layers is not None and isinstance(expr, Entry) and expr.tensor.layer is not None and expr.tensor.name == lhs.tensor.name:
        shifted = use.at_layer(expr.tensor.layer)
        return _match(Equation(shifted.lhs, shifted.rhs), expr)
    for pattern, found in pairs:
        if pattern.tensor != found.tensor:
            return None
        for i, value in zip(pattern.indices, found.indices, strict=True):
            if not i.is_Symbol or bindings.setdefault(i, value) != value:
                return None
    taken = {s for v in bindings.values() for s in sympify(v, strict=True).free_symbols}
    return substitute(rename_bound(use.rhs, taken), bindings)


def _partial(expr: Partial, uses: Sequence[Equation], net: Network) -> Any:
    """A total derivative as the entry of its tensor, a local one as the derivative of the formula it belongs to."""
    if expr.of == net.loss:
        return Entry(Grad(net.loss.tensor, expr.wrt.tensor), *expr.wrt.indices)
    for use in uses:
        if isinstance(use.lhs, Entry) and use.lhs == expr.of:
            return Derivative(use.rhs, expr.wrt, evaluate=False)
    defined = net.equation(expr.of.tensor)
    if defined is None:
        return expr
    taken = {s for i in expr.wrt.indices for s in i.free_symbols}
    return Derivative(rename_bound(defined.at_indices(expr.of.indices), taken), expr.wrt, evaluate=False)


def derivative_at(function: Callable[[Any], Any], order: int, argument: Any) -> Any:
    """The derivative of an elementary function at an argument.

    >>> from sympy import Symbol, log
    >>> derivative_at(log, 1, Symbol("u"))
    1/u
    """
    x = Dummy("x", real=True)
    return function(x).diff(x, order).xreplace({x: argument})


def with_formulas(expr: Any) -> Any:
    """Registered functions and their derivatives replaced by their formulas."""
    if isinstance(expr, Func) and (rule := formula_of(expr.name)) is not None:
        z, formula = rule
        formula = evaluated(with_formulas(formula))
        for _ in range(expr.order):
            formula = formula.diff(z)
        return substitute(formula, {z: with_formulas(expr.argument)})
    if not getattr(expr, "args", ()) or isinstance(expr, (Entry, Tensor)):
        return expr
    return rebuild(expr, tuple(with_formulas(a) for a in expr.args))


def _is_total(expr: Any, net: Network) -> bool:
    if isinstance(expr, Partial):
        return bool(expr.of == net.loss)
    return isinstance(expr, Entry) and isinstance(expr.tensor, Grad) and bool(expr.tensor.of == net.loss.tensor)


def by_chain_rule(expr: Any, net: Network, kept: Collection[Tensor] = ()) -> Any:
    """Total derivatives of the loss written out by the chain rule over every equation that uses the quantity; those in `kept` stay."""
    if _is_total(expr, net):
        if not isinstance(expr, Partial) and expr.tensor in kept:
            return expr
        x = expr.wrt if isinstance(expr, Partial) else Entry(expr.tensor.wrt, *expr.indices)
        return Add(*(t for e in net.equations for f in _instances_using(e, x.tensor, net) for t in _chain_terms(f, x, net)), evaluate=False)
    if not getattr(expr, "args", ()) or isinstance(expr, (Entry, Tensor)):
        return expr
    return rebuild(expr, tuple(by_chain_rule(a, net, kept) for a in expr.args))


def _chain_terms(equation: Equation, x: Entry, net: Network) -> list[Any]:
    # Dummies, because the chain rule is applied to its own results: a letter would bind itself again.
    letters = {i: Dummy(str(i), integer=True, positive=True) for i in equation.lhs.indices}
    lhs = substitute(equation.lhs, letters)
    rhs = rename_bound(equation.at_indices(lhs.indices), {s for i in x.indices for s in i.free_symbols})
    local = Derivative(rhs, x, evaluate=False)
    if equation.lhs == net.loss:
        return [local]
    body = Mul(Entry(Grad(net.loss.tensor, lhs.tensor), *lhs.indices), local, evaluate=False)
    return [summation(body, *((i, 1, n) for i, n in zip(lhs.indices, lhs.tensor.shape, strict=True))) if lhs.indices else body]


@lru_cache(maxsize=64)
def _leading_to_loss(net: Network) -> frozenset[str]:
    """The names of the quantities that the loss depends on, itself included."""
    found = {net.loss.tensor.name}
    for e in reversed(net.equations):
        if e.tensor.name in found:
            found |= {t.name for t in tensors(e.rhs)}
    return frozenset(found)


def _instances_using(e: Equation, x: Tensor, net: Network) -> list[Equation]:
    if e.tensor.name not in _leading_to_loss(net):
        return []
    if e.layers is None:
        return [e] if x in tensors(e.rhs) else []
    shifts = dict.fromkeys(t.layer - e.layers.symbol for t in tensors(e.rhs) if t.name == x.name and t.layer is not None)
    return [e.at_layer(x.layer - c) for c in shifts if x.layer is not None and net.holds(e, x.layer - c)]


def exact_at_sizes(left: Any, right: Any, ranges: Mapping[Any, Any]) -> bool:
    """Whether the difference is the zero rational function of the entries, sums written out at small pairwise different sizes."""
    difference = Add(left, mul(-1, right), evaluate=False)
    sizes: dict[Any, int] = {}
    symbols = [i for i in ranges if not isinstance(ranges[i], tuple)]
    spans = [range(1, _number(ranges[i], sizes) + 1) for i in symbols]
    for values in product(*spans):
        at = substitute(difference, dict(zip(symbols, map(Integer, values), strict=True)))
        if cancel(evaluated(_written_out(at, sizes))) != 0:
            return False
    return True


def _number(size: Any, sizes: dict[Any, int]) -> int:
    size = sympify(size, strict=True)
    return int(size) if size.is_Integer else sizes.setdefault(size, 2 + len(sizes))


def _written_out(expr: Any, sizes: dict[Any, int]) -> Any:
    if isinstance(expr, Sum):
        terms = [expr.function]
        for k, _, high in expr.limits:
            terms = [substitute(t, {k: Integer(v)}) for t in terms for v in range(1, _number(high, sizes) + 1)]
        return Add(*(_written_out(t, sizes) for t in terms))
    if not getattr(expr, "args", ()) or isinstance(expr, (Entry, Tensor)):
        return expr
    return rebuild(expr, tuple(_written_out(a, sizes) for a in expr.args))
