"""The derivative of a formula: the rules of differentiation, one at a time, then the names of the forward pass."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sympy import Add, Dummy, Mul, Piecewise, S, erf, exp, expand, preorder_traversal, together

from symbackprop.backprop import Path
from symbackprop.calculus import VALUE, activation_derivative, expand_named, local_derivative, raw_derivative
from symbackprop.derivation.steps import Derivation, Reason, Step
from symbackprop.differentiation import derivative_of, worked_rounds
from symbackprop.equations import Entry, Equation, Func, Partial, Tensor, entries, evaluated, mul, rename_bound, substitute
from symbackprop.languages import Message
from symbackprop.lift import Layout
from symbackprop.network import Network
from symbackprop.rules import ACTIVATIONS, FUNCTIONS, formula_of
from symbackprop.rules.record import VARIABLE
from symbackprop.writing import length, order_of, tidy

__all__ = ["activation_derivation", "ending_in", "formula_derivation", "local_derivation", "named_derivative", "path_derivation", "worked_steps"]


def ending_in(steps: list[Step], result: Any, reason: Reason, uses: tuple[Equation, ...] = ()) -> list[Step]:
    """The steps, the last of them in the form of `result`; with a step more where that says something new."""
    if evaluated(result) == evaluated(steps[-1].expression) and len(steps) > 1:
        return [*steps[:-1], replace(steps[-1], expression=result)]
    return [*steps, Step(result, reason, uses=uses)]


def worked_steps(expr: Any, wrt: Any, factor: Any = S.One) -> list[Step]:
    """A step for each round of the rules of differentiation, `factor` before each."""
    return [Step(mul(factor, r.expression), _rules_reason(r.rules), detail="full") for r in worked_rounds(expr, wrt)]


def _rules_reason(rules: tuple[str, ...]) -> Reason:
    if rules == ("one term",):
        return Reason("one term", "In each sum only the term whose indices agree survives:")
    return Reason("differentiate", "By {rules}:", {"rules": tuple(_RULES[r] for r in rules)})


_RULES: Mapping[str, str] = {
    "quotient rule": Message("the quotient rule"), "product rule": Message("the product rule"), "chain rule": Message("the chain rule"),
    "power rule": Message("the power rule"), "sum rule": Message("linearity"), "constant factor": Message("linearity"),
    "case by case": Message("differentiating case by case"), "exponential function": Message("the derivative of the exponential function"),
    "logarithm": Message("the derivative of the logarithm"), "absolute value": Message("the derivative of the absolute value"),
    "table of derivatives": Message("the table of derivatives"), "error function": Message("the derivative of the error function"),
    "derivative of a known function": Message("writing a prime for the derivative"),
}  # fmt: skip


def local_derivation(net: Network, path: Path) -> Derivation | None:
    """The local derivative of one equation, from its formula; None where the equation is abstract."""
    consumer, wrt = path.consumer, path.local.wrt
    return formula_derivation(net, consumer, wrt, path.derivative)


def formula_derivation(net: Network, consumer: Equation, wrt: Entry, value: Any = None, name: str = "") -> Derivation:
    """d lhs / d wrt worked from the formula: the rules of differentiation, the surviving terms, forward names."""
    value = local_derivative(consumer, wrt, net.facts) if value is None else value
    rhs = rename_bound(consumer.rhs, {s for i in wrt.indices for s in i.free_symbols})
    formula = Equation(consumer.lhs, rhs)
    steps = [Step(derivative_of(rhs, wrt), Reason("definition", "Differentiate {equation}:", {"equation": formula}), uses=(formula,))]
    steps += [replace(s, detail="steps") for s in worked_steps(rhs, wrt)]
    if value.has(consumer.lhs):
        reason = Reason("fold", "In terms of {value}, which the forward pass has already computed:", {"value": consumer.lhs})
    else:
        reason = Reason("fold", "In terms of known functions:")
    steps = ending_in(steps, value, reason, (consumer,))
    return Derivation(name, Partial(consumer.lhs, wrt), tuple(steps), net)


def activation_derivation(name: str) -> Derivation:
    """f'(z) of a registered elementwise activation, from its definition.

    >>> [s.reason.rule for s in activation_derivation("sigmoid")]
    ['definition', 'differentiate', 'differentiate', 'simplify', 'simplify', 'fold']
    """
    rule = ACTIVATIONS[name]
    z = VARIABLE
    formula = rule.of(z)
    value = Equation(Func(name, z), formula)
    lhs = Func(name, z, 1)
    steps = [Step(derivative_of(formula, z), Reason("definition", "Differentiate the definition:"), uses=(value,))]
    steps += [replace(s, detail="steps") for s in worked_steps(formula, z)]
    current = steps[-1].expression
    named = expand_named(current)
    if named != current:
        known = tuple(
            Equation(f, substitute(activation_derivative(f.name), {VALUE: Func(f.name, f.argument), VARIABLE: f.argument}))
            for f in sorted(current.atoms(Func), key=str)
            if f.order == 1
        )
        steps.append(Step(named, Reason("substitute", "Insert {equations}:", {"equations": known}), uses=known))
    plain, final = _with_value(name), named_derivative(name)
    if plain == final and evaluated(plain) == evaluated(steps[-1].expression):
        steps = ending_in(steps, plain, Reason("simplify", "Simplify:"))
    if final != steps[-1].expression:
        steps = _folded(steps, final, name)
    net = Network((), Entry(Tensor("C")), name=name)
    return Derivation(f"activation-{name}", lhs, tuple(steps), net)


def named_derivative(name: str) -> Any:
    """f'(z) of a registered elementwise activation, said with its value f(z) and with functions that have a name.

    >>> named_derivative("sigmoid"), named_derivative("gelu")
    ((1 - sigmoid(z))*sigmoid(z), z*normal_density(z) + normal_distribution(z))
    """
    plain = _with_value(name)
    found = evaluated(plain)
    for rule in FUNCTIONS.values():
        formula = evaluated(rule.of(VARIABLE))
        for kernel in formula.atoms(exp, erf):
            rest = formula.xreplace({kernel: S.Zero})
            found = expand(found.xreplace({kernel: (Func(rule.name, VARIABLE) - rest) / formula.coeff(kernel)}))
    return tidy(found) if found.has(*(Func(rule, VARIABLE) for rule in FUNCTIONS)) else plain


def _with_value(name: str) -> Any:
    return substitute(activation_derivative(name), {VALUE: Func(name, VARIABLE)})


def _folded(steps: list[Step], final: Any, name: str) -> list[Step]:
    """The algebra to a derivative in named functions: factor by factor, then with the definitions of these, then with their names."""
    known = steps[-1].expression.atoms(Func)
    functions = [f for f in dict.fromkeys(preorder_traversal(final)) if isinstance(f, Func) and f not in known]
    formulas = {f: formula_of(f.name)[1] for f in functions}  # type: ignore[index]
    defined = tuple(Equation(f, formula) for f, formula in formulas.items())
    forms = [(_defined(final, formulas), Reason("simplify", "Rearrange:"))]
    if isinstance(final, Mul):
        factors = (_one_fraction(substitute(f, formulas)) for f in final.args)
        forms.insert(0, (mul(*factors), Reason("simplify", "As a product of fractions:")))
    for form, reason in forms:
        if form != final:
            last = steps[-1].expression
            nicer = steps[-1].reason.rule != "differentiate" and evaluated(form) == evaluated(last) and length(form) <= length(last)
            steps = [*steps[:-1], replace(steps[-1], expression=form)] if nicer else [*steps, Step(form, reason)]
    words = Message("In terms of {names}, where {equations}:") if functions else Message("Simplify:")
    if isinstance(final, Func):
        words = Message("This is a function we know:")
    elif Func(name, VARIABLE) in functions:
        words = Message("In terms of {f} itself:")
    slots = {"f": Func(name, VARIABLE), "names": tuple(functions), "equations": defined}
    return [*steps, Step(final, Reason("fold", words, slots), uses=defined)]


def _defined(expr: Any, formulas: Mapping[Any, Any]) -> Any:
    """The definitions put in; where both have branches, that of each branch."""
    if not isinstance(expr, Piecewise):
        return substitute(expr, formulas)
    branches = []
    for n, (value, condition) in enumerate(expr.args):
        here = {f: formula.args[n][0] if isinstance(formula, Piecewise) else formula for f, formula in formulas.items()}
        branches.append((substitute(value, here), condition))
    return Piecewise(*branches, evaluate=False)


def _one_fraction(expr: Any) -> Any:
    """A sum over one denominator, exponentials left as they are."""
    if not isinstance(expr, Add):
        return expr
    plain = {power: Dummy(positive=True) for power in evaluated(expr).atoms(exp)}
    return tidy(together(evaluated(expr).xreplace(plain)).xreplace({letter: power for power, letter in plain.items()}))


def path_derivation(net: Network, wrt: Entry, name: str, layout: Layout | None = None) -> Derivation:
    """The derivative along a network that is one chain, as a product of local derivatives from the quantity up to the loss.

    The factors stand in the order of the way: `dz/dw da/dz dC/da`.
    """
    links: list[tuple[Equation, Entry]] = []
    current = wrt
    while current != net.loss:
        users = [e for e in net.equations if any(x == current for x in entries(e.rhs))]
        if len(users) != 1:
            raise ValueError(f"{current} is used by {len(users)} equations; a path needs one")
        links.append((users[0], current))
        current = users[0].lhs
    partials = [Partial(e.lhs, x) for e, x in links]
    values = [local_derivative(e, x, net.facts) for e, x in links]
    plain = [tidy(raw_derivative(e, x), order_of(e.rhs)) for e, x in links]
    equations = tuple(Equation(p, v) for p, v in zip(partials, plain, strict=True))
    way = [e.lhs for e, _ in links]
    steps = [
        Step(mul(*partials), Reason("chain rule", "By the chain rule, from {x} up through {through}:", {"through": way, "x": wrt})),
        Step(mul(*plain), Reason("substitute", "Insert the local derivatives {equations}:", {"equations": equations}), uses=equations),
    ]
    if values != plain:
        folded = tuple(Equation(p, v) for p, v in zip(plain, values, strict=True) if p != v)
        steps.append(Step(mul(*values), Reason("fold", "Insert {equations}:", {"equations": folded}), uses=tuple(e for e, _ in links)))
    return Derivation(name, Partial(net.loss, wrt), tuple(steps), net)
