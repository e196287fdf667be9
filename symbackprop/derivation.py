"""Derivations: chains of equal expressions, each link with its rule and its reason, made from the equations themselves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sympy import Add, KroneckerDelta, Mul, S, Sum

from symbackprop.backprop import Backward, Path
from symbackprop.calculus import VALUE, activation_derivative, expand_named, fold, local_derivative, raw_derivative
from symbackprop.differentiation import derivative_of, worked_rounds
from symbackprop.equations import Entry, Equation, Func, Partial, Tensor, add, entries, evaluated, mul, rebuild, rename_bound, substitute, tensors
from symbackprop.errors import one_of
from symbackprop.languages import Message
from symbackprop.lift import Layout, MatrixEquation, lift_equation
from symbackprop.network import Network
from symbackprop.rules import ACTIVATIONS
from symbackprop.rules.record import VARIABLE
from symbackprop.writing import cancelled, length, lettered, numbers_first, order_of, tidy

__all__ = [
    "DETAILS", "Derivation", "Reason", "Reference", "Step", "activation_derivation", "gradient_derivation", "known_put_in",
    "local_derivation", "name_of", "path_derivation",
]  # fmt: skip

DETAILS = ("results", "steps", "full")


@dataclass(frozen=True)
class Reference:
    """A reference to the result of another derivation, by its name."""

    name: str


@dataclass(frozen=True)
class Reason:
    """Why a step holds: its rule, and a sentence with formulas in its slots."""

    rule: str
    text: str
    slots: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Step:
    """One link of a chain: it equals the expression before it. `uses` are the equations that the link leans on."""

    expression: Any
    reason: Reason
    relation: str = "="
    detail: str = "steps"
    uses: tuple[Equation, ...] = ()


@dataclass(frozen=True)
class Derivation:
    """A chain of steps from `lhs` to its result, and the result's matrix form where it has one.

    `net` is what gives the symbols their meaning when the chain is proved. `local` holds the derivations of the local derivatives
    that `detail="full"` shows before the chain.
    """

    name: str
    lhs: Any
    steps: tuple[Step, ...]
    net: Network
    matrix: MatrixEquation | None = None
    local: tuple[Derivation, ...] = ()

    @property
    def result(self) -> Equation:
        """The equation the chain ends in."""
        return Equation(self.lhs, self.steps[-1].expression, label=self.name)

    def __iter__(self) -> Iterator[Step]:
        return iter(self.steps)

    def shown(self, detail: str) -> tuple[Step, ...]:
        """The steps that a document of this detail prints."""
        one_of("detail", detail, DETAILS)
        if detail == "results":
            return self.steps[-1:]
        return self.steps if detail == "full" else tuple(s for s in self.steps if s.detail != "full" or s is self.steps[-1])


def gradient_derivation(
    net: Network, b: Backward, *, name: str, insert: Sequence[Equation] = (), offer: Sequence[Equation] = (), layout: Layout | None = None
) -> Derivation:
    """How one backward equation comes about: definition, chain rule, local derivatives put in, the surviving term, known gradients put in.

    `insert` are gradients found before (`dC/da^l_j = ...`) that the last step puts in; those of `offer`, which have a letter of
    their own, are put in only where that makes the result shorter.
    """
    steps: list[Step] = []
    factor = b.definition.rhs.args[0] if b.definition is not None and not isinstance(b.definition.rhs, Partial) else S.One
    lhs = b.equation.lhs
    if b.definition is not None:
        steps.append(Step(b.definition.rhs, Reason("definition", "We write {letter} for this derivative:", {"letter": lhs}), "equiv"))
    else:
        lhs = Partial(Entry(lhs.tensor.of), b.wrt)
    direct = [p for p in b.paths if p.upstream == 1]
    if len(direct) == len(b.paths):
        steps += _direct_steps(direct, factor)
    else:
        steps += _chain_steps(b, factor)
    expr = steps[-1].expression
    steps += known_put_in(expr, insert, offer, net.facts, net.using(t for e in (expr, *(k.rhs for k in (*insert, *offer))) for t in tensors(e)))
    found = replace(b.equation, rhs=steps[-1].expression)
    matrix = lift_equation(found, layout) if layout is not None and b.tensor.rank else None
    local = tuple(d for d in (local_derivation(net, p) for p in b.paths if p.upstream != 1) if d is not None)
    return Derivation(name, lhs, tuple(steps), net, matrix, local)


def name_of(net: Network, b: Backward) -> str:
    """BP1 for the error of the output, BP2 for the others, BP3 for biases, BP4 for weights; concrete layers get their number.

    What differentiates something else, or a loss that has gradients among its equations already, is called by what it is.
    """
    tensor, layer = b.tensor, b.tensor.layer
    names = {"b": "BP3", "w": "BP4"} if net.equation(tensor) is None else {"z": "BP1" if layer == net.last_layer else "BP2"}
    kind = None if layer is None or net.loss.indices else names.get(tensor.name)
    numbered = getattr(layer, "is_Integer", False) and kind != "BP1"
    name = f"{kind}-{layer}" if numbered else kind
    if kind is not None and name not in net.labels:
        return str(name)
    return f"d{net.loss.tensor}-d{tensor.name}" + (f"-{layer}" if layer is not None else "")


def _direct_steps(paths: Sequence[Path], factor: Any) -> list[Step]:
    """The loss itself mentions the quantity: differentiate its formula."""
    consumer = paths[0].consumer
    wrt = paths[0].local.wrt
    steps = [
        Step(
            mul(factor, derivative_of(consumer.rhs, wrt)), uses=(consumer,),
            reason=Reason("definition", "Differentiate the formula for {loss}:", {"loss": consumer.lhs}),
        )
    ]  # fmt: skip
    steps += [replace(s, detail="steps") for s in _worked_steps(consumer.rhs, wrt, factor)]
    return _ending_in(steps, mul(factor, paths[0].derivative), Reason("simplify", "Collect the terms:"))


def _ending_in(steps: list[Step], result: Any, reason: Reason, uses: tuple[Equation, ...] = ()) -> list[Step]:
    """The steps, the last of them in the form of `result`; with a step more where that says something new."""
    if evaluated(result) == evaluated(steps[-1].expression) and len(steps) > 1:
        return [*steps[:-1], replace(steps[-1], expression=result)]
    return [*steps, Step(result, reason, uses=uses)]


def _worked_steps(expr: Any, wrt: Any, factor: Any = S.One) -> list[Step]:
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


def _chain_steps(b: Backward, factor: Any) -> list[Step]:
    through = [p.consumer.lhs for p in b.paths if p.upstream != 1]
    loss = b.paths[0].target
    direct = any(p.upstream == 1 for p in b.paths)
    words = Message("By the chain rule, since {x} acts on {loss} only through {through}:")
    if direct:
        words = Message("By the chain rule, since {x} acts on {loss} through {through} and directly:")
    steps = [
        Step(mul(factor, add(*(p.spelled_out for p in b.paths))), Reason("chain rule", words, {"x": b.wrt, "loss": loss, "through": through}))
    ]
    put_in = mul(factor, add(*(p.product for p in b.paths)))
    uses = tuple(Equation(p.local if p.upstream != 1 else p.spelled_out, p.derivative) for p in b.paths)
    names = tuple(Equation(p.gradient, p.upstream) for p in b.paths if p.upstream not in (1, p.gradient))
    steps.append(Step(put_in, Reason("substitute", "Insert {equations}:", {"equations": (*uses, *names)}), uses=(*uses, *names)))
    if b.equation.rhs != put_in:
        survivors = [pair for p in b.paths for pair in _forced(p)]
        if survivors:
            words = Message("Only the term with {equal} survives:")
            if any(isinstance(f, Add) for p in b.paths for f in Mul.make_args(p.derivative)) and b.equation.rhs.has(Sum):
                words = Message("Split the bracket; of the part with the Kronecker delta only the term with {equal} survives:")
            reason = Reason("one term", words, {"equal": tuple(dict.fromkeys(survivors))})
        else:
            reason = Reason("factor", "Take what does not depend on the summation index out of the sum:")
        steps.append(Step(b.equation.rhs, reason))
    return steps


_UNSEEN = 3  # by so many symbols two forms may differ that look the same on paper, one fraction or two


def _forced(path: Path) -> list[Equation]:
    """Which summation index each delta of a local derivative forces to be which index: `k = j`."""
    summed = {k for k, _ in path.summed}
    pairs = (d.args if d.args[0] in summed else d.args[::-1] for d in sorted(path.derivative.atoms(KroneckerDelta), key=str))
    return [Equation(k, j) for k, j in pairs if k in summed]


def known_put_in(
    expr: Any, insert: Sequence[Equation], offer: Sequence[Equation], facts: Sequence[Equation], forward: Sequence[Equation]
) -> list[Step]:
    """The steps that put gradients found before into `expr`: all of `insert`, those of `offer` where that makes the result shorter.

    What cancels is cancelled; the facts are used, and the names that the `forward` equations give.
    """
    steps = _inserted(expr, insert, facts, forward)
    current = steps[-1].expression if steps else expr
    offered = _inserted(current, offer, facts, forward)
    return steps + offered if offered and length(offered[-1].expression) < length(current) else steps


def _inserted(expr: Any, known: Sequence[Equation], facts: Sequence[Equation], forward: Sequence[Equation]) -> list[Step]:
    used: list[Equation] = []
    by_tensor = {e.lhs.tensor: e for e in known}
    taken = {s for e in entries(expr) for i in e.indices for s in i.free_symbols}

    def visit(e: Any) -> Any:
        if isinstance(e, Entry) and e.tensor in by_tensor:
            equation = by_tensor[e.tensor]
            used.append(equation)
            return rename_bound(equation.at_indices(e.indices), taken)
        if not e.args or isinstance(e, Tensor):
            return e
        return rebuild(e, tuple(visit(a) for a in e.args))

    replaced = numbers_first(visit(expr))
    if not used:
        return []
    uses = tuple(dict.fromkeys(used))
    references = tuple(Reference(e.label) for e in uses if e.label)
    words = Message("Insert {equations} from {references}:") if references else Message("Insert {equations}:")
    steps = [Step(replaced, Reason("substitute", words, {"equations": uses, "references": references}), uses=uses)]
    order = order_of(replaced)
    plain = cancelled(replaced, (), order)
    if length(plain) < length(replaced) - _UNSEEN:
        steps.append(Step(plain, Reason("cancel", "Multiply out and cancel:")))
    if any(t in order for f in facts for t in tensors(f.lhs)):
        factual = cancelled(replaced, facts, order)
        if evaluated(factual) != evaluated(plain) and length(factual) < length(steps[-1].expression):
            steps.append(Step(factual, Reason("fact", "Use the fact that {facts}:", {"facts": facts}), uses=tuple(facts)))
    for equation in forward:
        if equation.layers is None and isinstance(equation.rhs, Mul):
            current = steps[-1].expression
            found = fold(evaluated(current), equation)
            folded = lettered(tidy(found, order_of(current)))
            if found != evaluated(current) and length(folded) < length(current):
                uses = (equation,)
                steps.append(Step(folded, Reason("fold", "In terms of the forward pass, where {equations}:", {"equations": uses}), uses=uses))
    return steps


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
    steps += [replace(s, detail="steps") for s in _worked_steps(rhs, wrt)]
    if value.has(consumer.lhs):
        reason = Reason("fold", "In terms of {value}, which the forward pass has already computed:", {"value": consumer.lhs})
    else:
        reason = Reason("fold", "In terms of known functions:")
    steps = _ending_in(steps, value, reason, (consumer,))
    return Derivation(name, Partial(consumer.lhs, wrt), tuple(steps), net)


def activation_derivation(name: str) -> Derivation:
    """f'(z) of a registered elementwise activation, from its definition.

    >>> [s.reason.rule for s in activation_derivation("sigmoid")]
    ['definition', 'differentiate', 'differentiate', 'fold']
    """
    rule = ACTIVATIONS[name]
    z = VARIABLE
    formula = rule.of(z)
    value = Equation(Func(name, z), formula)
    lhs = Func(name, z, 1)
    steps = [Step(derivative_of(formula, z), Reason("definition", "Differentiate the definition:"), uses=(value,))]
    steps += [replace(s, detail="steps") for s in _worked_steps(formula, z)]
    current = steps[-1].expression
    named = expand_named(current)
    if named != current:
        known = tuple(
            Equation(f, substitute(activation_derivative(f.name), {VALUE: Func(f.name, f.argument), VARIABLE: f.argument}))
            for f in sorted(current.atoms(Func), key=str)
            if f.order == 1
        )
        steps.append(Step(named, Reason("substitute", "Insert {equations}:", {"equations": known}), uses=known))
    final = substitute(activation_derivative(name), {VALUE: Func(name, z)})
    if evaluated(final) == evaluated(steps[-1].expression):
        steps = _ending_in(steps, final, Reason("simplify", "Simplify:"))
    else:
        shorter = Message("This is a function we know:") if final.has(Func) else Message("Simplify:")
        words = Message("In terms of {f} itself:") if final.has(Func(name, z)) else shorter
        functions = sorted(final.atoms(Func), key=str)
        others = tuple(Equation(f, ACTIVATIONS[f.name].of(f.argument)) for f in functions if f.order == 0 and f.name != name)
        steps.append(Step(final, Reason("fold", words, {"f": Func(name, z)}), uses=(value, *others)))
    net = Network((), Entry(Tensor("C")), name=name)
    return Derivation(f"activation-{name}", lhs, tuple(steps), net)


def path_derivation(net: Network, wrt: Entry, name: str, layout: Layout | None = None) -> Derivation:
    """The derivative along a network that is one chain, as a product of local derivatives from the quantity up to the loss.

    The factors stand in the order of the way: `dz/dw da/dz dC/da`.
    """
    links: list[tuple[Equation, Entry]] = []
    current = wrt
    while current != net.loss:
        users = [e for e in _instances(net) if any(x == current for x in entries(e.rhs))]
        if len(users) != 1:
            raise ValueError(f"{current} is used by {len(users)} equations; a path needs one")
        links.append((users[0], current))
        current = users[0].lhs
    partials = [Partial(e.lhs, x) for e, x in links]
    values = [local_derivative(Equation(e.lhs, e.rhs), x, net.facts) for e, x in links]
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


def _instances(net: Network) -> Iterable[Equation]:
    return net.equations


