"""The terms of the normal form: numbers times monomials of entries under sums."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from itertools import groupby, permutations, product
from typing import Any

from sympy import Add, Dummy, Expr, KroneckerDelta, Max, Min, Mul, Piecewise, Pow, S, Sum, Symbol, Tuple, exp, log

from symbackprop.equations import Entry, Equation, Func, Tensor, evaluated, summation

from .conditions import indicators
from .facts import one_of_each, through_choice, use_fact

__all__ = ["Term", "canonical", "normal_terms"]

Term = tuple[Any, tuple[Any, ...]]  # a monomial, and the (index, low, high) of the sums it stands under
_LARGEST_POWER = 8
_MOST_PERMUTED = 6


def canonical(expr: Any, facts: Iterable[Equation] = ()) -> Any:
    """The normal form of `expr` as an expression.

    >>> from symbackprop.equations import index, Tensor
    >>> j, k, q = index("j"), index("k"), index("q")
    >>> w = Tensor("w", (3, 2))
    >>> canonical(Sum(w[j, q] * KroneckerDelta(q, k), (q, 1, 2)))
    w[j, k]
    """
    return Add(*(c * (summation(m, *lim) if lim else m) for (m, lim), c in normal_terms(expr, facts).items()))


def normal_terms(expr: Any, facts: Iterable[Equation] = ()) -> dict[Term, Any]:
    """The terms of the normal form and their coefficients."""
    facts = tuple(facts)
    collected: dict[Term, Any] = {}
    for monomial, limits in _terms(expr, facts):
        coefficient, term = _finish(monomial, limits, facts)
        if coefficient != 0:
            collected[term] = collected.get(term, S.Zero) + coefficient
    return {term: c for term, c in collected.items() if c != 0}


def _terms(expr: Any, facts: tuple[Equation, ...]) -> list[Term]:
    if isinstance(expr, Add):
        return [t for a in expr.args for t in _terms(a, facts)]
    if isinstance(expr, Mul):
        return _multiply([_terms(a, facts) for a in expr.args])
    if isinstance(expr, Sum):
        body, limits = expr.function, []
        for k, low, high in expr.limits:
            if low == high:  # the one term
                body = body.xreplace({k: low})
                continue
            bound = Dummy("k", integer=True, positive=True)
            body = body.xreplace({k: bound})
            limits.append((bound, low, high))
        return [(m, (*lim, *limits)) for m, lim in _terms(body, facts)]
    if isinstance(expr, Pow):
        return _power(expr.base, expr.exp, facts)
    if isinstance(expr, Piecewise):
        return _cases(expr, facts)
    if isinstance(expr, (log, Func)) and (inside := through_choice(expr, canonical(expr.args[isinstance(expr, Func)], facts), facts)) is not None:
        return _terms(inside, facts)
    if isinstance(expr, (Max, Min)):
        return _terms(expr.rewrite(Piecewise), facts)
    if isinstance(expr, log):
        return _logarithm(canonical(expr.args[0], facts))
    if isinstance(expr, (Entry, Symbol, Tensor, KroneckerDelta)) or not expr.args:
        return [(expr, ())]
    if isinstance(expr, Func):
        return [(Func(expr.name, canonical(expr.argument, facts), expr.order), ())]
    if isinstance(expr, Expr) and all(isinstance(a, Expr) for a in expr.args):
        inner = expr.func(*(canonical(a, facts) for a in expr.args))
        return [(inner, ())] if inner.func is expr.func else _terms(inner, facts)
    return [(expr, ())]


def _multiply(factors: list[list[Term]]) -> list[Term]:
    result: list[Term] = [(S.One, ())]
    for terms in factors:
        result = [(m * n, (*lim, *_lim)) for (m, lim), (n, _lim) in ((x, _apart(x, y)) for x, y in product(result, terms))]
    return result


def _apart(left: Term, right: Term) -> Term:
    taken = {k for k, _, _ in left[1]}
    clash = {k: Dummy("k", integer=True, positive=True) for k, _, _ in right[1] if k in taken}
    if not clash:
        return right
    return right[0].xreplace(clash), tuple((clash.get(k, k), low, high) for k, low, high in right[1])


def _power(base: Any, exponent: Any, facts: tuple[Equation, ...]) -> list[Term]:
    if exponent.is_Integer and 0 < exponent <= _LARGEST_POWER:
        return _multiply([_terms(base, facts)] * int(exponent))
    inner = canonical(base, facts)
    if (inside := through_choice(Pow(base, exponent, evaluate=False), inner, facts)) is not None:
        return _terms(inside, facts)
    if isinstance(inner, Add) and exponent.is_Integer:
        content, inner = inner.primitive()
        if inner.could_extract_minus_sign():
            content, inner = -content, Add(*(-a for a in inner.args))
        return [(Pow(content, exponent) * Pow(inner, exponent), ())]
    if isinstance(inner, Mul) and exponent.is_Integer:
        return _multiply([_power(b, e * exponent, facts) for b, e in (f.as_base_exp() for f in inner.args)])
    return [(Pow(inner, evaluated(exponent)), ())]


def _cases(expr: Piecewise, facts: tuple[Equation, ...]) -> list[Term]:
    """Conditions become factors 1 or 0, so that `1{z > 0} z` and the cases `z if z > 0 else 0` agree."""
    terms: list[Term] = []
    otherwise: list[list[Term]] = []
    for value, condition in expr.args:
        if condition == S.true:
            terms += _multiply([*otherwise, _terms(value, facts)])
            break
        holds = indicators(condition, partial(canonical, facts=facts))
        if holds is None:
            return [(expr, ())]
        both = _multiply([[(part, ()) for part in Add.make_args(h)] for h in holds])
        terms += _multiply([*otherwise, both, _terms(value, facts)])
        otherwise.append([(S.One, ()), *((-m, lim) for m, lim in both)])
    return terms


def _logarithm(argument: Any) -> list[Term]:
    factors = [f.as_base_exp() for f in Mul.make_args(argument)]
    doubtful = [b for b, e in factors if not b.is_positive]
    if (len(factors) == 1 and factors[0][1] == 1) or len(doubtful) > 1:
        return [(log(argument), ())]
    terms: list[Term] = []
    for base, exponent in factors:
        terms += _terms(exponent * log(base), ()) if base == S.Exp1 else [(exponent * log(base), ())]
    return terms


def _finish(monomial: Any, limits: tuple[Any, ...], facts: tuple[Equation, ...]) -> tuple[Any, Term]:
    """Collapse deltas, drop sums over nothing, use facts, and name the remaining summation indices."""
    bound = {k: (low, high) for k, low, high in limits}
    while True:
        monomial = one_of_each(_one_exponential(_idempotent(monomial)), facts)
        step = _collapse_one(monomial, bound) or use_fact(monomial, bound, facts)
        if step is None:
            break
        monomial = step
    for k in [k for k in bound if not monomial.has(k)]:
        low, high = bound.pop(k)
        monomial *= high - low + 1
    coefficient, monomial = monomial.as_coeff_Mul()
    return coefficient, _name_bound(monomial, bound)


def _idempotent(monomial: Any) -> Any:
    """Deltas and indicators are 0 or 1: their powers are themselves."""
    factors = []
    for f in Mul.make_args(monomial):
        base, exponent = f.as_base_exp()
        zero_or_one = isinstance(base, KroneckerDelta) or (isinstance(base, Piecewise) and {v for v, _ in base.args} == {S.Zero, S.One})
        factors.append(base if zero_or_one and exponent.is_Integer and exponent > 0 else f)
    return Mul(*factors)


def _one_exponential(monomial: Any) -> Any:
    """SymPy leaves e^(u + v) e^(-u - v) as it stands; here exponents add up."""
    factors = Mul.make_args(monomial)
    exponents = [f.args[0] for f in factors if isinstance(f, exp)]
    if len(exponents) < 2:
        return monomial
    return Mul(exp(Add(*exponents)), *(f for f in factors if not isinstance(f, exp)))


def _collapse_one(monomial: Any, bound: dict[Any, Any]) -> Any:
    factors = Mul.make_args(monomial)
    for delta in factors:
        if not isinstance(delta, KroneckerDelta):
            continue
        for k, other in (delta.args, delta.args[::-1]):
            if k in bound and (other.is_Symbol or other.is_Integer or isinstance(other, Entry)) and _within(other, bound[k], bound):
                del bound[k]
                return Mul(*(f for f in factors if f is not delta)).xreplace({k: other})
        i, j = sorted(delta.args, key=str)
        rest = Mul(*(f for f in factors if f is not delta))
        if j.is_Symbol and rest.has(j):
            return rest.xreplace({j: i}) * delta
    return None


def _within(value: Any, span: tuple[Any, Any], bound: dict[Any, Any]) -> bool:
    """Whether an index that takes the place of another stays in its range; a free index has the range of its axis, which starts at 1."""
    if value not in bound and not value.is_Integer and span[0] != 1:
        return False
    return bound.get(value, span) == span and (not value.is_Integer or (bool(span[0] <= value) and (value == 1 or value <= span[1]) == True))  # noqa: E712


def _name_bound(monomial: Any, bound: dict[Any, Any]) -> Term:
    if not bound:
        return monomial, ()
    groups = _told_apart(monomial, bound)
    inner = {str(k) for s in monomial.atoms(Sum) for k, _, _ in s.limits}  # sums inside a function bind these, and would capture ours
    free = [name for n in range(len(bound) + len(inner)) if (name := f"_{n}") not in inner]

    def named(order: tuple[Any, ...]) -> Term:
        names = {k: Symbol(name, integer=True, positive=True) for name, k in zip(free, order, strict=False)}
        return monomial.xreplace(names), tuple(Tuple(names[k], *bound[k]) for k in order)

    if all(len(g) == 1 for g in groups):
        return named(tuple(k for g in groups for k in g))
    return min(map(named, _orders(groups)), key=lambda term: str(term[0]))


def _told_apart(monomial: Any, bound: dict[Any, Any]) -> list[list[Any]]:
    """Summation indices by where they stand, whatever they are called; those that stand alike are in one group."""
    if len(bound) == 1:
        return [list(bound)]
    blank = {k: Symbol("_") for k in bound}
    marked = {k: str(bound[k]) + str(monomial.xreplace({**blank, k: Symbol("__")})) for k in bound}
    return [list(group) for _, group in groupby(sorted(bound, key=marked.__getitem__), key=marked.__getitem__)]


def _orders(groups: list[list[Any]]) -> Iterator[tuple[Any, ...]]:
    choices = [permutations(g) if len(g) <= _MOST_PERMUTED else [tuple(g)] for g in groups]
    for combination in product(*choices):
        yield tuple(k for group in combination for k in group)
