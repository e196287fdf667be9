"""Pieces of the four texts that the lecture has not: updates of all layers, the chain rule with whole matrices, a check by differences."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Any

from sympy import N, S

from symbackprop.builders import deep, mlp
from symbackprop.documents.about_network import Progress, backward_chains, forward_blocks, layout_of, letters_of
from symbackprop.documents.blocks import Block, Equations, Prose, Proved, Section, Table, definition
from symbackprop.equations import Entry, Equation, Grad, Layers, Tensor, add, index, mul, scalar
from symbackprop.languages import Message
from symbackprop.lift import lift_equation
from symbackprop.notation import Notation
from symbackprop.prove import DEFINITION, Proof
from symbackprop.rules import ACTIVATIONS, LOSSES
from symbackprop.typeset import tree as t
from symbackprop.typeset.build import Builder
from symbackprop.typeset.build_names import juxtaposed

__all__ = ["differences", "two_layers", "updates"]


def updates(notation: Notation, progress: Progress) -> Iterator[Section]:
    """The update of every weight and bias of a network of any depth, by entries and with matrices."""
    progress("updates")
    net = deep(samples="m")
    rate, l, named = scalar("alpha", positive=True), index("l"), letters_of(net, notation)  # noqa: E741 - the letter of a layer
    rows: list[Proved] = []
    forms: list[Proved] = []
    for parameter in net.parameters:
        tensor = parameter.xreplace(dict.fromkeys(parameter.layer.free_symbols, l))
        at = (index("j"), index("k"))[: tensor.rank]
        letter = named.get(tensor.name)
        slope = Entry(Grad(net.loss.tensor, tensor), *at)
        if letter is not None:
            slope = mul(S.One / letter.factor, Entry(Tensor(letter.symbol, tensor.shape, l), *at))
        step = Equation(tensor[at], add(tensor[at], mul(-1, rate, slope)), relation="define", layers=Layers(l, 1, net.depth))
        lifted = lift_equation(step, layout_of(net, notation))
        rows.append(definition(step))
        forms += [definition(lifted)] if lifted is not None else []
    blocks: list[Block] = [
        Prose("Gradient descent applied to every weight and bias, all at once, with the rate {rate}:", {"rate": rate}),
        Equations(tuple(rows)), Prose("In matrix form:"), Equations(tuple(forms)),
    ]  # fmt: skip
    yield Section("updates", "The updates of the layers", tuple(blocks), notation)


def two_layers(notation: Notation, progress: Progress) -> Iterator[Section]:
    """Two layers in a batch, and the chain rule for the first weights: as a scheme of whole matrices, then as it is."""
    progress("two layers with matrices")
    net = mlp([2, 2, 1], samples="m", loss="binary_cross_entropy", name="two layers")
    style = replace(notation, gradients={}, kept=("a", "z"))  # each link stays as it is, as the scheme has it
    chains = backward_chains(net, style, progress=progress)
    cost = net.loss.tensor
    w, z, a = (next(x for x in (*net.parameters, *(e.tensor for e in net.equations)) if x.name == n and x.layer == 1) for n in "wza")
    builder = Builder(style, net.samples, last=net.last_layer)
    scheme = Equation(Entry(Grad(cost, w), index("j"), index("k")), juxtaposed([builder.whole(Grad(x, y)) for x, y in ((cost, a), (a, z), (z, w))]))
    links = [c for c in chains if c.derivation.name in ("dJ-da-1", "BP2-1", "BP4-1")]
    blocks: list[Block] = [
        Prose("Two inputs, two hidden neurons, one output, and {m} examples as the rows of a matrix:", {"m": index("m")}),
        *forward_blocks(net, style),
        Prose("Written with whole matrices, the chain rule for the first weights reads"),
        Equations((Proved(replace(scheme, lhs=builder.whole(Grad(cost, w))), Proof(DEFINITION, "a scheme, no equation")),)),
        Prose(
            "This is a scheme, not a product: a matrix differentiated by a matrix has four indices, and the line does not say over which of "
            "them one sums, nor in which order the factors stand. It says which links the chain has. Each of them, from the cost down, as it "
            "is computed:"
        ),
        *links,
    ]
    yield Section("two-layers", "The same with matrices, and a chain rule that is a scheme", tuple(blocks), style, last=net.last_layer)


_LOGITS, _TARGET, _STEP = (Fraction(3, 10), Fraction(29, 10), Fraction(4)), (0, 0, 1), Fraction(1, 10_000)


def differences(notation: Notation, progress: Progress) -> Iterator[Section]:
    """Softmax and cross-entropy at three numbers: the formula for the gradient beside central differences of the cost."""
    progress("central differences")
    n, j = 3, index("j")
    z, y, p = (Tensor(name, (n,)) for name in "zyp")
    softmax = ACTIVATIONS["softmax"].entry(lambda i: z[i], j, S(n))
    loss = LOSSES["cross_entropy_logits"].of(lambda i: z[i], lambda i: y[i], S(n))

    def at(expr: Any, logits: Any) -> Any:
        values = {z[k + 1]: S(v.numerator) / v.denominator for k, v in enumerate(logits)} | {y[k + 1]: S(v) for k, v in enumerate(_TARGET)}
        return expr.doit().xreplace(values)

    rows = []
    for k, number in enumerate(_LOGITS, 1):
        high, low = (at(loss, [v + sign * _STEP * (i == k) for i, v in enumerate(_LOGITS, 1)]) for sign in (1, -1))
        quotient = N((high - low) / (2 * S(_STEP.numerator) / _STEP.denominator), 30)
        exact = N(at(softmax.xreplace({j: S(k)}), _LOGITS) - _TARGET[k - 1], 30)
        shown = [t.number(f"{float(v):.8f}") for v in (quotient, exact)]
        rows.append((S(k), t.number(str(float(number))), S(_TARGET[k - 1]), *shown))
    blocks: list[Block] = [
        Prose(
            "A last check needs no calculus: move one number up and down by {h}, and divide the change of the cost by the way between. "
            "The quotient and the formula agree but for the error of the quotient, which is of the order of the square of the step:",
            {"h": t.number(str(float(_STEP)))},
        ),
        Table(
            (j, z[j], y[j], Message("central difference"), add(p[j], mul(-1, y[j]))), tuple(rows),
            Message("The gradient of softmax and cross-entropy, checked"),
        ),
    ]  # fmt: skip
    yield Section("differences", "Numerical differentiation as a check", tuple(blocks), notation)
