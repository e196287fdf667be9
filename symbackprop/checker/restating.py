"""A problem about a network that is said in one notation, for submissions that are written in another."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from symbackprop.checker.of_network import declarations
from symbackprop.checker.problem import Problem
from symbackprop.checker.reached import same
from symbackprop.equations import Tensor, tensors
from symbackprop.errors import SpecError
from symbackprop.network import Network
from symbackprop.notation import Notation, with_cost_of
from symbackprop.parse.latex import read_formula
from symbackprop.parse.tree import Tree
from symbackprop.typeset.build import Builder
from symbackprop.typeset.latex import latex

__all__ = ["restated"]


def restated(said: Problem, read: Problem, net: Network, first: Notation, second: Notation, where: str) -> Problem:
    """`read`, the problem of a network in the second notation, with the targets and the points of `said`, that in the first.

    The targets keep the names that they were given. Raises `SpecError` for one that is neither a quantity of the network nor its gradient.
    """
    pairs = [(_tree(a, said), _tree(b, read)) for a, b in zip(_spelt(net, first), _spelt(net, second), strict=True)]
    targets = []
    for label, tree in said.targets:
        found = next((b for a, b in pairs if same(tree, a, said.context)), None)
        if found is None:
            raise SpecError(f"{where}: the target '{label}' is no quantity of the network and no gradient of one")
        targets.append((label, found))
    return replace(read, targets=tuple(targets), rubric=said.rubric)


def _tree(text: str, problem: Problem) -> Tree:
    (link,) = read_formula(text, problem.context.vocabulary).items
    assert link.tree is not None
    return link.tree


def _spelt(net: Network, notation: Notation) -> Iterator[str]:
    """Every quantity of the network and its gradient, as the notation writes them: in the same order in each."""
    table, own = declarations(net, notation), with_cost_of(net, notation)
    builder = Builder(notation, own.samples, last=own.last_layer)
    loss = latex(builder.whole(own.loss.tensor))
    for tensor in _quantities(own):
        whole = latex(builder.whole(tensor))
        gradient = f"\\frac{{\\partial {loss}}}{{\\partial {whole}}}"
        yield whole
        yield next((letter for letter, formula in table["names"].items() if formula.endswith(gradient)), gradient)


def _quantities(net: Network) -> list[Tensor]:
    found = [t for e in net.equations for t in (e.tensor, *tensors(e.rhs))]
    at_last = [e.at_layer(net.depth).tensor for e in net.equations if e.layers is not None]
    return list(dict.fromkeys((*found, *at_last)))
