"""The cost as a notation has it: its loss, the mean or the sum of the losses of a batch, and what stands before the squares of the weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from sympy import Pow, S, Sum

from symbackprop.equations import Entry, Equation, Tensor, add, index, mul, summation, tensors
from symbackprop.network import Network
from symbackprop.notation.record import Notation
from symbackprop.rules import LOSSES, PENALTIES

__all__ = ["with_cost_of"]


def with_cost_of(net: Network, notation: Notation) -> Network:
    """The network with the cost of a notation: its quadratic loss, the mean or the sum of the losses, and its factor of the penalty l2.

    Equations that somebody typed stay as they are, and so do a loss of which the notation says nothing and every other penalty.

    >>> from symbackprop.builders import mlp
    >>> net = mlp([2, 1], loss="quadratic")
    >>> mine = with_cost_of(net, Notation("mine", losses={"quadratic": "squared_error"}))
    >>> net.equations[-1].rule, mine.equations[-1].rule
    ('quadratic', 'squared_error')
    """
    loss = net.details.get("loss", "")
    wanted = notation.losses.get(loss, loss)
    if not net.details:
        return net
    equations = tuple(_regularised(_summed(_of_loss(e, net, loss, wanted), notation), net, notation) for e in net.equations)
    return net if equations == net.equations else replace(net, equations=equations, details={**net.details, "loss": wanted})


def _of_loss(e: Equation, net: Network, loss: str, wanted: str) -> Equation:
    """The equation of a loss, the formula of the one in it put in the place of the other's; a penalty beside it stays."""
    if e.rule != loss or loss == wanted:
        return e
    final = next(t for t in tensors(e.rhs) if t not in net.targets and t not in net.parameters)
    (target,) = net.targets
    old, new = (LOSSES[name].of(_reader(final), _reader(target), final.shape[0]) for name in (loss, wanted))
    terms = e.rhs.args if e.rhs.is_Add else (e.rhs,)
    return replace(e, rhs=add(*(new if t == old else t for t in terms)), rule=wanted)


def _reader(tensor: Tensor) -> Callable[..., Any]:
    return lambda *j: Entry(tensor, *(j if len(j) == tensor.rank else (*j, index("s"))))


def _summed(e: Equation, notation: Notation) -> Equation:
    """The mean of the losses, or their sum where the notation takes that."""
    if e.rule != "mean" or notation.batch_cost == "mean":
        return e
    terms = e.rhs.args if e.rhs.is_Add else (e.rhs,)
    losses = [f for t in terms for f in t.args if isinstance(f, Sum)]
    mean = next(t for t in terms if losses and losses[0] in t.args)
    total = summation(losses[0].function, *losses[0].limits)
    return replace(e, rhs=add(*(total if t == mean else t for t in terms)), rule="sum")


def _regularised(e: Equation, net: Network, notation: Notation) -> Equation:
    """The squares of the weights, with the factor that the notation has before them; for one example m is 1."""
    if e.lhs != net.loss or not e.rhs.is_Add:
        return e
    divisor = (2 if "/2" in notation.regulariser else 1) * (net.samples if net.samples is not None and notation.regulariser.endswith("m") else 1)
    penalties = {PENALTIES["l2"].of(_reader(w), *w.shape) for w in net.parameters if w.rank == 2}
    return replace(e, rhs=add(*(_over(t, S(divisor)) if t in penalties else t for t in e.rhs.args)))


def _over(term: Any, divisor: Any) -> Any:
    """The letter of a penalty over a divisor, times the squares."""
    letter, squares = (f for f in term.args if not f.is_number)
    return mul(letter, *(() if divisor == 1 else (Pow(divisor, -1, evaluate=False),)), squares)
