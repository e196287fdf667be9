"""The only caller of SymPy's `diff`: local derivatives of equations, said with the names the forward pass already has."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

from sympy import (
    Add,
    DiracDelta,
    Dummy,
    Function,
    Mul,
    Piecewise,
    Poly,
    Pow,
    S,
    Sum,
    Symbol,
    cancel,
    collect,
    denom,
    exp,
    expand,
    factor,
    log,
    numer,
    preorder_traversal,
    roots,
    together,
)  # fmt: skip

from symbackprop.deltas import collapse
from symbackprop.equations import Entry, Equation, Func, Tensor, evaluated, rebuild, rename_bound, substitute
from symbackprop.normal import canonical, equal
from symbackprop.rules import ACTIVATIONS, formula_of
from symbackprop.rules.record import VARIABLE
from symbackprop.writing import length, lettered, order_of, tidy

__all__ = ["activation_derivative", "expand_named", "fold", "local_derivative", "raw_derivative"]

VALUE = Symbol("a", real=True)  # stands for f(z) in the derivative of an activation


def raw_derivative(equation: Equation, wrt: Entry) -> Any:
    """d rhs / d wrt as SymPy finds it, Kronecker deltas under their sums; a step is level on both sides, and taken so at its kink."""
    taken = {s for i in wrt.indices for s in i.free_symbols}
    found = evaluated(rename_bound(equation.rhs, taken)).diff(wrt)
    return found.replace(DiracDelta, lambda *_: S.Zero) if found.has(DiracDelta) else found


def local_derivative(equation: Equation, wrt: Entry, facts: Iterable[Equation] = ()) -> Any:
    """d rhs / d wrt with deltas collapsed, in the shortest of its forms, forward names folded back.

    >>> from symbackprop.equations import index, summation
    >>> j, k, p = index("j"), index("k"), index("p")
    >>> z, w, a = Tensor("z", (3,)), Tensor("w", (3, 2)), Tensor("a", (2,))
    >>> local_derivative(Equation(z[j], summation(w[j, k]*a[k], (k, 1, 2))), a[p])
    w[j, p]
    """
    raw = raw_derivative(equation, wrt)
    forms = [collapse(raw)]
    if forms[0].has(Sum, Pow):
        forms.append(canonical(forms[0], facts))
    forms = [recognized(expand_named(fold(f, equation))) for f in forms]
    return lettered(tidy(min(forms, key=length), order_of(equation.rhs, equation.lhs)), {s for i in wrt.indices for s in i.free_symbols})


# ---------------------------------------------------------------- forward names


def fold(expr: Any, equation: Equation) -> Any:
    """Say `expr` with the left side of `equation`: sigma'(z_j) as a_j(1 - a_j), e^{z_j}/sum as p_j.

    The name is found by elimination: the equation is solved for what its right side is made of, and put in.
    """
    rhs = equation.rhs
    if not isinstance(equation.lhs, Entry):
        return expr
    if isinstance(rhs, Func):
        found = activation_derivative(rhs.name)
        if found is None:
            return expr
        value = substitute(found, {VALUE: equation.lhs, VARIABLE: rhs.argument})
        slopes = (f for f in expr.atoms(Func) if f.name == rhs.name and f.order == 1)
        return substitute(expr, {f: value for f in slopes if _same_letters(f.argument) == _same_letters(rhs.argument)})
    if isinstance(rhs, exp):
        return expr.xreplace({rhs: equation.lhs})
    if not isinstance(rhs, (Mul, Add, Pow)):
        return expr
    if not equation.lhs.indices:
        return _fold_scalar(expr, equation)
    for j in equation.lhs.indices:
        for kernel in _kernels(rhs, j):
            solved = _solve_for(kernel, equation, j)
            if solved is None:
                continue
            # Equal sums must look equal, whatever letter they are summed over, or they would not cancel.
            replaced = canonical(_replace_outside_sums(_same_letters(expr), kernel, _same_letters(solved), j))
            if length(replaced) < length(expr):
                return _factor_common(replaced)
    return expr


def _fold_scalar(expr: Any, equation: Equation) -> Any:
    """The same for a single number, u = 1/v: solve for each quantity on the right side and take what comes out shorter."""
    plain = {e: Dummy(str(e)) for e in (equation.lhs, *equation.rhs.atoms(Entry))}  # polynomials know symbols only
    back = {v: k for k, v in plain.items()}
    relation = numer(together(evaluated(equation.rhs).xreplace(plain) - plain[equation.lhs]))
    for kernel in sorted(equation.rhs.atoms(Entry), key=str):
        if kernel.indices or not expr.has(kernel) or not relation.is_polynomial(*back):
            continue
        polynomial = Poly(relation, plain[kernel])
        if polynomial.degree() == 1:  # only then is the solution the only one
            root = -polynomial.nth(0) / polynomial.nth(1)
            replaced = canonical(expr.xreplace({kernel: root.xreplace(back)}))
            if length(replaced) < length(expr):
                return replaced
    return expr


def _same_letters(expr: Any) -> Any:
    return expr.xreplace({s: canonical(s) for s in expr.atoms(Sum)})


def _kernels(rhs: Any, j: Any) -> list[Any]:
    """What the right side is made of at an index of its own: e^{z_j}, then z_j itself."""
    outer = [a for a in rhs.atoms(exp) if a.has(j)]
    return outer + [e for e in rhs.atoms(Entry) if j in e.indices]


def _solve_for(kernel: Any, equation: Equation, j: Any) -> Any:
    unknown = Dummy("K", positive=True)
    rhs = evaluated(equation.rhs).xreplace({kernel: unknown})
    if rhs.has(kernel) or j in rhs.free_symbols:
        return None
    coefficient = rhs.coeff(unknown)
    rest = rhs - coefficient * unknown
    if coefficient == 0 or coefficient.has(unknown) or canonical(rest).has(unknown):
        return None
    return (equation.lhs - rest) / coefficient


def _replace_outside_sums(expr: Any, kernel: Any, solved: Any, j: Any) -> Any:
    """Put the solution in at every index but under sums, where the kernel belongs to what is being named."""
    if isinstance(expr, (Sum, Tensor)):
        return expr
    if expr.func is kernel.func:
        i = _matching_index(expr, kernel, j)
        if i is not None:
            return solved.xreplace({j: i})
    if isinstance(expr, Entry) or not getattr(expr, "args", ()):
        return expr
    return expr.func(*(_replace_outside_sums(a, kernel, solved, j) for a in expr.args))


def _matching_index(expr: Any, kernel: Any, j: Any) -> Any:
    ours, theirs = list(kernel.atoms(Entry)), list(expr.atoms(Entry))
    if len(ours) != 1 or len(theirs) != 1 or ours[0].tensor != theirs[0].tensor:
        return None
    i = theirs[0].indices[ours[0].indices.index(j)]
    return i if kernel.xreplace({j: i}) == expr else None


def _factor_common(expr: Any) -> Any:
    """Draw out the factors that all terms share, sparing Kronecker deltas: p_j delta_jk - p_j p_k = p_j (delta_jk - p_k).

    Under a delta both its indices are the same, so either may carry the shared factor.
    """
    if not isinstance(expr, Add):
        return expr
    terms = [list(Mul.make_args(t)) for t in expr.args]
    shared = [f for f in terms[0] if not f.is_Number and all(f in t for t in terms[1:])]
    if not shared:
        return expr
    for f in shared:
        for t in terms:
            t.remove(f)
    return Mul(*shared) * Add(*(Mul(*t) for t in terms))


@cache
def activation_derivative(name: str) -> Any:
    """f'(z) of a registered elementwise activation, in `z` and, where it is shorter, in its value `a`; None if f is abstract.

    >>> activation_derivative("sigmoid")
    a*(1 - a)
    >>> activation_derivative("softplus")
    sigmoid(z)
    """
    rule = formula_of(name)
    if rule is None:
        return None
    z, formula = rule
    derivative = expand_named(evaluated(formula).diff(z))
    found = _eliminated(evaluated(formula), derivative, z)
    for other in ACTIVATIONS.values():
        if not other.vector and other.name != name and len(other.formula) > 1 and not other.kinks and _same(evaluated(other.of(z)), derivative):
            found = min(found, Func(other.name, z), key=length)
    return _in_the_words_of(formula, tidy(found))


def _in_the_words_of(formula: Any, expr: Any) -> Any:
    """Write parts of `expr` that stand in the formula as its author wrote them, z/sqrt(2) and not sqrt(2) z/2."""
    wording = {evaluated(part): part for part in preorder_traversal(formula) if part.args and evaluated(part) != part}

    def visit(e: Any) -> Any:
        if e.args and evaluated(e) in wording:
            return wording[evaluated(e)]
        return rebuild(e, tuple(visit(a) for a in e.args)) if e.args and not isinstance(e, (Entry, Func)) else e

    return visit(expr)


def recognized(expr: Any) -> Any:
    """Call terms that are multiples of a registered function of e^u by its name: e^u / (1 + e^u) is sigma(u)."""
    if not isinstance(expr, (Add, Mul)) or not expr.has(exp):
        return expr
    terms = []
    for term in Add.make_args(expr):
        for u in sorted({e.args[0] for e in term.atoms(exp)}, key=str) if not term.has(Sum) else ():
            power = Dummy("K", positive=True)
            for rule in ACTIVATIONS.values():
                if rule.vector or rule.kinks or not rule.of(u).has(exp):
                    continue
                ratio = cancel((term / evaluated(rule.of(u))).xreplace({exp(u): power, exp(-u): 1 / power}))
                if not ratio.has(power, exp, log):
                    term = ratio * Func(rule.name, u)
                    break
        terms.append(term)
    return Add(*terms)


def expand_named(expr: Any) -> Any:
    """Replace the derivatives of registered functions, sigmoid'(u), by what they are, sigmoid(u)(1 - sigmoid(u))."""
    known = {f: activation_derivative(f.name) for f in expr.atoms(Func) if f.order == 1 and formula_of(f.name)}
    return substitute(expr, {f: substitute(d, {VALUE: Func(f.name, f.argument), VARIABLE: f.argument}) for f, d in known.items()})


def _roots(expr: Any, symbol: Symbol) -> list[Any]:
    """Where a rational expression vanishes; none are known of any other."""
    above = numer(together(expr))
    return list(roots(Poly(above, symbol))) if above.is_polynomial(symbol) else []


def _same(left: Any, right: Any) -> bool:
    made_of = [{f.func for f in e.atoms(Function)} for e in (left, right)]  # what equal normal forms share, and quickly seen
    return made_of[0] == made_of[1] and not (left.has(Piecewise) or right.has(Piecewise)) and equal(left, right)


def _eliminated(value: Any, derivative: Any, z: Symbol) -> Any:
    if isinstance(value, Piecewise):
        branches = []
        for (v, c), (d, _) in zip(value.args, derivative.args, strict=True):
            branches.append((_eliminated(v, d, z), c))
        return Piecewise(*branches, evaluate=False)
    best = evaluated(derivative)
    kernel = next((k for k in (*value.atoms(Func), exp(z)) if value.has(k) or (k == exp(z) and value.has(exp))), None)
    if kernel is None:
        return best
    unknown = Dummy("K", positive=True)
    in_kernel, slope = (together(e.xreplace({kernel: unknown, exp(-z): 1 / unknown})) for e in (value, best))
    for symbol in (z, unknown):
        if not in_kernel.has(symbol):
            continue
        for root in _roots(in_kernel - VALUE, symbol):
            rational = cancel(slope.subs(symbol, root))
            form = min((factor(rational), expand(rational), collect(expand(rational), VALUE)), key=length)
            if denom(together(form)).is_number and not form.has(symbol) and length(form) < length(best):
                best = form.xreplace({unknown: kernel})
    return best
