"""How a backward equation comes about: chain rule, local derivatives put in, the surviving term, known gradients put in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sympy import Add, KroneckerDelta, Mul, S, Sum

from symbackprop.backprop import Backward, Path
from symbackprop.calculus import fold
from symbackprop.derivation.formulas import ending_in, local_derivation, worked_steps
from symbackprop.derivation.layers import layers_of
from symbackprop.derivation.steps import Derivation, Reason, Reference, Step
from symbackprop.equations import Entry, Equation, Partial, Tensor, add, entries, evaluated, mul, rebuild, rename_bound, tensors
from symbackprop.languages import Message
from symbackprop.lift import Layout, lift_equation
from symbackprop.network import Network
from symbackprop.writing import cancelled, length, lettered, numbers_first, order_of, tidy

__all__ = ["gradient_derivation", "known_put_in", "name_of"]


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
    used = {e.lhs for step in steps for e in step.uses}
    layers = layers_of(net, b, [e for e in (*insert, *offer) if e.lhs in used])
    found = replace(b.equation, rhs=steps[-1].expression, layers=layers)
    matrix = lift_equation(found, layout) if layout is not None and b.tensor.rank else None
    local = tuple(d for d in (local_derivation(net, p) for p in b.paths if p.upstream != 1) if d is not None)
    return Derivation(name, lhs, tuple(steps), net, matrix, local, layers)


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
    path, consumer, wrt = paths[0], paths[0].consumer, paths[0].local.wrt
    words = Message("Differentiate the formula for {loss}:")
    if path.spelled_out.expr != consumer.rhs:
        words = Message("Differentiate the formula for {loss}, of which only this part contains {x}:")
    steps = [Step(mul(factor, path.spelled_out), Reason("definition", words, {"loss": consumer.lhs, "x": wrt}), uses=(consumer,))]
    steps += [replace(s, detail="steps") for s in worked_steps(path.spelled_out.expr, wrt, factor)]
    return ending_in(steps, mul(factor, paths[0].derivative), Reason("simplify", "Collect the terms:"))


def _chain_steps(b: Backward, factor: Any) -> list[Step]:
    through = tuple(p.consumer.lhs for p in b.paths if p.upstream != 1)
    loss = b.paths[0].target
    direct = any(p.upstream == 1 for p in b.paths)
    words = Message("By the chain rule, since {x} acts on {loss} only through {through}:")
    if direct:
        words = Message("By the chain rule, since {x} acts on {loss} through {through} and directly:")
    steps = [Step(mul(factor, add(*(p.spelled_out for p in b.paths))), Reason("chain rule", words, {"x": b.wrt, "loss": loss, "through": through}))]
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
            used.append(replace(equation, layers=None))  # put in at its own layer, not at others
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
