"""Is this equation true? Proved for all sizes, exact at given sizes, agreeing to many digits, refuted with a point, or undecided.

Two judges look at every step. The first compares normal forms after putting in the equations the step says it uses; the calculus
writes its results in that same normal form, so this judge alone would not do. The second shares no code with the calculus: it
evaluates both sides in ball arithmetic at random points, taking derivatives by power series. A step counts as proved only if the
first finds it true and the second finds nothing against it; a disagreement of the second is a theorem, and its point a
counterexample. An exception or a doubt is never a proof.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any

from sympy import Sum, sympify
from sympy.core.function import AppliedUndef

from symbackprop.backprop import Named, backpropagate, unnamed
from symbackprop.derivation import Derivation, Step
from symbackprop.equations import (
    Entry,
    Equation,
    Func,
    Grad,
    Partial,
    Tensor,
    entries,
    mul,
    tensors,
)  # fmt: skip
from symbackprop.errors import NotProved
from symbackprop.evaluate import Disagreement, Point, Undecided, compare, simplex
from symbackprop.languages import Message
from symbackprop.lift import MatrixEquation, lower
from symbackprop.network import Network
from symbackprop.normal import equal
from symbackprop.oracle import Report, compare_with_oracle
from symbackprop.rules import formula_of
from symbackprop.unfolding import by_chain_rule, exact_at_sizes, unfolded, with_formulas

__all__ = ["Proof", "checked", "end_to_end", "naming_equations", "point_for", "prove", "prove_derivation", "prove_matrix", "require"]

ALL_SIZES, EXACT, AGREES, DEFINITION = Message("for all sizes"), Message("exact at sizes"), Message("agrees"), Message("definition")
REFUTED, UNDECIDED = "refuted", "undecided"
_DIGITS = 50
_POINTS = 2
_PLACES = 40
_DEPTH = 3  # what a symbolic number of layers stands for at a point


@dataclass(frozen=True)
class Proof:
    """What is known of one equation: its `kind`, and in words how it was found."""

    kind: str
    detail: str
    counterexample: Disagreement | None = None

    @property
    def holds(self) -> bool:
        """Whether the equation may be printed."""
        return self.kind not in (REFUTED, UNDECIDED)


def naming_equations(net: Network, named: Mapping[str, Named]) -> tuple[Equation, ...]:
    """The definitions of the letters given to gradients: `delta^l_j = factor * dC/dz^l_j`."""
    found = []
    for e in net.equations:
        name = named.get(e.tensor.name)
        if name is not None:
            letter = Entry(Tensor(name.symbol, e.tensor.shape, e.tensor.layer), *e.lhs.indices)
            found.append(Equation(letter, mul(name.factor, Entry(Grad(net.loss.tensor, e.tensor), *e.lhs.indices)), layers=e.layers))
    for t in net.parameters:
        name = named.get(t.name)
        if name is not None:
            at = _indices_of(net, t)
            layers = next((e.layers for e in net.equations if e.layers and t in tensors(e.rhs)), None)
            letter = Entry(Tensor(name.symbol, t.shape, t.layer), *at)
            found.append(Equation(letter, mul(name.factor, Entry(Grad(net.loss.tensor, t), *at)), layers=layers))
    return tuple(found)


def _indices_of(net: Network, tensor: Tensor) -> tuple[Any, ...]:
    return next(e.indices for eq in net.equations for e in entries(eq.rhs) if e.tensor == tensor)


@lru_cache(maxsize=16)
def point_for(net: Network, definitions: tuple[Equation, ...] = (), seed: int = 0) -> Point:
    """A generic point of a network: pairwise different sizes, targets that satisfy the facts, all other values random."""
    free: dict[Tensor, Any] = {}
    for fact in net.facts:
        if isinstance(fact.lhs, Sum) and isinstance(fact.lhs.function, Entry) and fact.rhs == 1:
            free[fact.lhs.function.tensor] = simplex(fact.lhs.function.indices.index(fact.lhs.limits[0][0]))
    for y in net.targets:
        if net.target == "class":
            free[y] = lambda indices, draw: Fraction(draw.randint(1, 2))
    return Point([*net.equations, *definitions], _sizes(net, seed), seed=seed, functions=formula_of, free=free)


def _sizes(net: Network, seed: int) -> dict[Any, int]:
    """Numbers for symbolic sizes, pairwise different and different at each point: what holds at one size only is found out."""
    shapes = dict.fromkeys(n for e in net.equations for t in (e.tensor, *tensors(e.rhs)) for n in t.shape)
    symbols = [n for n in shapes if n.is_Symbol]
    symbols += [f(layer) for f in dict.fromkeys(n.func for n in shapes if isinstance(n, AppliedUndef)) for layer in range(_DEPTH + 1)]
    numbers = [n for n in range(2, 2 + len(shapes) + len(symbols) + 1) if n not in shapes][: len(symbols) + 1]
    return {s: numbers[(position + seed) % len(numbers)] for position, s in enumerate(symbols)}


def prove(
    left: Any, right: Any, net: Network, ranges: Mapping[Any, Any], *, uses: Sequence[Equation] = (), definitions: Sequence[Equation] = ()
) -> Proof:
    """Whether `left = right` in `net` for every value of the indices in `ranges`.

    >>> from symbackprop.builders import mlp
    >>> from symbackprop.equations import index
    >>> net = mlp([2, 3], activation="identity")
    >>> z, C, j = net.equations[0].tensor, net.loss.tensor, index("j")
    >>> prove(Entry(Grad(C, z), j), Entry(Grad(C, net.equations[1].tensor), j), net, {j: 3}).kind
    'for all sizes'
    """
    try:
        refutation = _search_counterexample(left, right, net, ranges, definitions)
        doubt = ""
    except Undecided as undecided:
        refutation, doubt = None, str(undecided)
    if refutation is not None:
        at = ", ".join(f"{k} = {v}" for k, v in refutation.indices.items()) or "a random point"
        sides = [side.str(8, radius=False) for side in (refutation.left, refutation.right)]
        return Proof(REFUTED, f"at {at} the left side is {sides[0]} and the right side {sides[1]}", refutation)
    normal = Proof(ALL_SIZES, "the normal forms of both sides agree" + (f" (no numerical check: {doubt})" if doubt else ""))
    if _same_normal_form(left, right, uses, net):
        return normal
    if not doubt and exact_at_sizes(unfolded(left, uses, net), unfolded(right, uses, net), ranges):
        return Proof(EXACT, "the difference is the zero polynomial at pairwise different sizes")
    if _same_by_forward_pass(left, right, uses, net):
        return normal
    return Proof(UNDECIDED, doubt) if doubt else Proof(AGREES, f"both sides agree to {_DIGITS} digits at {_POINTS} random points")


def _same_normal_form(left: Any, right: Any, uses: Sequence[Equation], net: Network) -> bool:
    """Whether both sides have one normal form: with what the step uses, with the formulas put in, or by the chain rule once."""
    ours, theirs = unfolded(left, uses, net), unfolded(right, uses, net)
    if equal(ours, theirs, net.facts):
        return True
    if (ours.has(Func) or theirs.has(Func)) and equal(with_formulas(ours), with_formulas(theirs), net.facts):
        return True
    return equal(unfolded(by_chain_rule(left, net), uses, net), theirs, net.facts)


def _same_by_forward_pass(left: Any, right: Any, uses: Sequence[Equation], net: Network) -> bool:
    """The same with the forward pass put in, by the chain rule as often as it takes: it may grow large, so it comes last."""
    if any(e.layers for e in net.equations):
        return False  # of a network of any depth the chain rule never comes to an end
    # Activations and the loss are put in, pre-activations keep their names: written out in full an expression grows beyond measure.
    named = set(net.parameters)
    forward = (*uses, *(e for e in net.equations if not named & set(tensors(e.rhs))))
    theirs = with_formulas(unfolded(right, forward, net))
    for _ in net.equations:
        left = by_chain_rule(left, net)
        if equal(with_formulas(unfolded(left, forward, net)), theirs, net.facts):
            return True
        left = unfolded(left, uses, net)
    return False


def prove_derivation(derivation: Derivation, definitions: Sequence[Equation] = ()) -> tuple[Proof, ...]:
    """A proof for each step of a chain, each against the expression before it, and one for the matrix form."""
    ranges = _ranges(derivation.lhs, derivation.net)
    proofs = []
    before = derivation.lhs
    for step in derivation.steps:
        if step.relation == "equiv":
            proofs.append(Proof(DEFINITION, "a name is given"))
        else:
            proofs.append(prove(before, step.expression, derivation.net, ranges, uses=_uses(step, definitions), definitions=definitions))
        before = step.expression
    if derivation.matrix is not None:
        proofs.append(prove_matrix(derivation.result, derivation.matrix, derivation.net))
    return tuple(proofs)


def require(derivation: Derivation, proofs: Sequence[Proof]) -> None:
    """`NotProved` naming the first step that does not hold."""
    for number, proof in enumerate(proofs, 1):
        if not proof.holds:
            where = f"step {number} of {derivation.name}" if number <= len(derivation.steps) else f"the matrix form of {derivation.name}"
            claim = derivation.steps[number - 1].expression if number <= len(derivation.steps) else derivation.matrix
            raise NotProved(f"{where} ({claim}) is {proof.kind}: {proof.detail}")


def _uses(step: Step, definitions: Sequence[Equation]) -> tuple[Equation, ...]:
    return (*step.uses, *definitions)


def _ranges(lhs: Any, net: Network) -> dict[Any, Any]:
    """The free indices of a left side and what they run over; a symbolic layer runs over the hidden layers."""
    ranges: dict[Any, Any] = {}
    found = [lhs.of, lhs.wrt] if isinstance(lhs, Partial) else [lhs] if isinstance(lhs, Entry) else []
    depth = net.depth
    layers = {s for e in found if e.tensor.layer is not None for s in sympify(e.tensor.layer, strict=True).free_symbols if s != depth}
    for layer in layers:
        ranges[layer] = (1, 2)
    for e in found:
        for i, n in zip(e.indices, e.tensor.shape, strict=True):
            if i.is_Symbol:
                ranges[i] = n
    return ranges


def _search_counterexample(left: Any, right: Any, net: Network, ranges: Mapping[Any, Any], definitions: Sequence[Equation]) -> Disagreement | None:
    for seed in range(_POINTS):
        point = point_for(net, tuple(definitions), seed)
        found = compare(left, right, point, ranges, limit=_PLACES)
        if found is not None and not all(_meets(point, fact) for fact in net.facts):
            raise Undecided("the values at this point do not satisfy the facts")
        if found is not None:
            return found
    return None


def _meets(point: Point, fact: Equation) -> bool:
    bound = {k for s in fact.lhs.atoms(Sum) for k, _, _ in s.limits}
    ranges = {i: n for e in entries(fact.lhs) for i, n in zip(e.indices, e.tensor.shape, strict=True) if i.is_Symbol and i not in bound}
    return compare(fact.lhs, fact.rhs, point, ranges, limit=_PLACES) is None


def prove_matrix(equation: Equation, matrix: MatrixEquation, net: Network) -> Proof:
    """The matrix form, lowered to indices again, is the index form."""
    lhs = equation.lhs if isinstance(equation.lhs, Entry) else equation.lhs.wrt
    row, column = (1 if axis is None else lhs.indices[axis] for axis in matrix.lhs.axes)
    return prove(equation.rhs, lower(matrix.rhs, row, column), net, _ranges(equation.lhs, net))


def checked(proof: Proof, claim: Any) -> Proof:
    """The proof, if the claim holds by it; else `NotProved`."""
    if not proof.holds:
        raise NotProved(f"{claim} is {proof.kind}: {proof.detail}")
    return proof


def end_to_end(net: Network) -> Report:
    """Compare the parameter gradients that the whole backward list computes with `sympy.diff` of the expanded loss.

    `NotProved` if a single entry differs. The network must be small and concrete.

    >>> from symbackprop.builders import mlp
    >>> end_to_end(mlp([2, 1])).count
    3
    """
    backward = backpropagate(net)
    letters = {b.tensor: Tensor(f"d_{b.tensor.name}", b.tensor.shape, b.tensor.layer) for b in backward}
    point = point_for(net, tuple(unnamed(backward, net.loss.tensor)))
    report = compare_with_oracle(point, net.loss, net.parameters, lambda wrt, at: point.value(Entry(letters[wrt], *at)))
    if report.disagreements:
        raise NotProved(f"the gradients of {net.name} differ from the derivative of the expanded loss: {report.disagreements[0]}")
    return report
