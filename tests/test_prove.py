"""The prover must accept every derivation the package makes and refute every wrong step.

Oracle: the mutations. A step known to be right is changed by hand-written mutators into one that is wrong; a mutant is set aside only if
its normal form, derivatives worked out by SymPy, equals the original's (the mutation changed nothing), or if it no longer conforms and
is refused as an input error.
Some wrong and right equations are also written out by hand.
"""

# ruff: noqa: E501 - a case of a table is one line

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
import sympy as sp
from sympy import Derivative, KroneckerDelta, S

import symbackprop.prove as prover
from symbackprop.backprop import Named, backpropagate
from symbackprop.builders import deep, mlp
from symbackprop.derivation import Derivation, Step, activation_derivation, gradient_derivation
from symbackprop.equations import (
    Entry,
    Equation,
    Func,
    Grad,
    Partial,
    Tensor,
    add,
    entries,
    evaluated,
    index,
    mul,
    rebuild,
    rename_bound,
    scalar,
    size,
    substitute,
    summation,
)  # fmt: skip
from symbackprop.errors import InputError, NotProved
from symbackprop.evaluate import Undecided
from symbackprop.lift import layout
from symbackprop.network import Network
from symbackprop.normal import equal
from symbackprop.prove import Proof, naming_equations, prove, prove_derivation, require
from symbackprop.rules import ACTIVATIONS

ACCEPTED = {"for all sizes", "exact at sizes", "agrees"}
DELTA = {"z": Named("delta")}
j, k, i, s = (index(c) for c in "jkis")


def derivations(net: Network, named: dict[str, Named], matrix: Any = None) -> list[Derivation]:
    """Every derivation of a network's notes, the local ones included; each may use those before it."""
    found: list[Derivation] = []
    known: list[Equation] = []
    for b in backpropagate(net, named):
        d = gradient_derivation(net, b, name=str(b.tensor), insert=known, layout=matrix)
        if b.definition is None:
            known.append(Equation(b.equation.lhs, d.result.rhs))
        found += [d, *d.local]
    return found


NETWORKS: dict[str, tuple[Network, Any]] = {
    "deep": (deep(), layout()),
    "deep sigmoid": (deep(activation="sigmoid", loss="quadratic"), layout()),
    "deep softmax samples": (deep(activation="sigmoid", output="softmax", loss="cross_entropy", samples="m"), layout(samples="columns")),
    "binary": (mlp([2, 3, 2], loss="binary_cross_entropy"), layout()),
    "one output": (mlp([2, 3, 1], loss="binary_cross_entropy"), layout()),
    "tanh softmax": (mlp([2, 3, 4], activation="tanh", output="softmax", loss="cross_entropy"), layout()),
    "square": (mlp([3, 3, 3], activation="softplus", loss="mean_squared_error"), layout()),
    "relu logits samples": (mlp([2, 3, 4], activation="relu", output="identity", loss="cross_entropy_logits", samples=5), layout(samples="columns")),
    "penalised": (mlp([2, 3, 4], activation="silu", penalty="l2", samples="m"), layout(samples="columns")),
}  # fmt: skip
_MADE: dict[tuple[str, bool], list[Derivation]] = {}


def made(name: str, lettered: bool) -> list[Derivation]:
    if (name, lettered) not in _MADE:
        net, matrix = NETWORKS[name]
        _MADE[name, lettered] = derivations(net, DELTA if lettered else {}, matrix)
    return _MADE[name, lettered]


# ---------------------------------------------------------------- must accept


@pytest.mark.parametrize("lettered", [True, False], ids=["delta", "dC/dz"])
@pytest.mark.parametrize("name", NETWORKS)
def test_every_step_of_a_gradient_derivation_is_proved(name: str, lettered: bool) -> None:
    net = NETWORKS[name][0]
    definitions = naming_equations(net, DELTA if lettered else {})
    for d in made(name, lettered):
        proofs = prove_derivation(d, definitions)
        assert len(proofs) == len(d.steps) + (d.matrix is not None)
        for step, proof in zip([*d.steps, None], proofs, strict=False):
            allowed = {"definition"} if step is not None and step.relation == "equiv" else ACCEPTED
            assert proof.kind in allowed, f"{d.name}: {step and step.expression} is {proof}"
        require(d, proofs)


@pytest.mark.parametrize("name", [n for n, rule in ACTIVATIONS.items() if not rule.vector])
def test_every_step_of_an_activation_derivation_is_proved_for_all_sizes(name: str) -> None:
    d = activation_derivation(name)
    proofs = prove_derivation(d)
    assert [p.kind for p in proofs] == ["for all sizes"] * len(d.steps)


def test_a_proof_at_concrete_sizes_only_says_so() -> None:
    u = Tensor("u", (2,))
    net = Network((Equation(Tensor("C")(), summation(u[j] ** 2, (j, 1, 2))),), Tensor("C")(), (u,))
    assert prove(summation(u[j], (j, 1, 2)), add(u[1], u[2]), net, {}).kind == "exact at sizes"


# ---------------------------------------------------------------- mutations: places and changes


def places(e: Any, path: tuple[int, ...] = ()) -> Iterator[tuple[tuple[int, ...], Any]]:
    """The subexpressions that a mutator may change, and the way to each."""
    yield path, e
    if isinstance(e, (Entry, Tensor)) or not getattr(e, "args", ()):
        return
    inner = range(1) if isinstance(e, (sp.Sum, Derivative)) else (1,) if isinstance(e, Func) else range(len(e.args))
    for n in inner:
        if isinstance(e.args[n], sp.Basic) and not isinstance(e, KroneckerDelta):
            yield from places(e.args[n], (*path, n))


def put(e: Any, path: tuple[int, ...], new: Any) -> Any:
    if not path:
        return new
    n, *rest = path
    args = list(e.args)
    args[n] = put(args[n], tuple(rest), new)
    if isinstance(e, Partial):
        return Partial(*args)
    if isinstance(e, Derivative):
        return Derivative(args[0], *e.variables, evaluate=False)
    return rebuild(e, tuple(args))


def is_condition(e: Any) -> bool:
    return isinstance(e, (sp.logic.boolalg.Boolean, sp.functions.elementary.piecewise.ExprCondPair)) and not isinstance(e, (sp.Symbol, Entry))


def mutants(e: Any, net: Network, free: list[Any]) -> Iterator[tuple[str, Any]]:
    """Wrong versions of an expression, each with the name of the mutator that made it."""
    named = {x.tensor.name: x.tensor for x in entries(e)}
    for path, node in places(e):
        if is_condition(node) or not isinstance(node, sp.Expr):
            continue
        for kind, new in changes(node, net, free, named):
            yield kind, put(e, path, new)
    letters = [f for f in free if f.is_Symbol]
    for n, a in enumerate(letters):
        for b in letters[n + 1 :]:
            yield "swap free indices", swapped(e, a, b)


def swapped(e: Any, a: Any, b: Any) -> Any:
    hold = index("hold")
    return substitute(substitute(substitute(e, {a: hold}), {b: a}), {hold: b})


def changes(node: Any, net: Network, free: list[Any], named: dict[str, Tensor]) -> Iterator[tuple[str, Any]]:
    if isinstance(node, sp.Add):
        for n, term in enumerate(node.args):
            others = (node.args[:n], node.args[n + 1 :])
            yield "sign of a term", add(*others[0], mul(-1, term), *others[1])
            yield "drop a term", add(*others[0], *others[1])
            yield "scale a term", add(*others[0], mul(2, term), *others[1])
    elif isinstance(node, sp.Mul):
        yield "sign of a product", mul(-1, node)
        for n, factor in enumerate(node.args):
            kind = "drop a delta" if isinstance(factor, KroneckerDelta) else "drop the slope" if isinstance(factor, Func) and factor.order else "drop a factor"
            yield kind, mul(*node.args[:n], *node.args[n + 1 :])
    elif isinstance(node, sp.Sum):
        bound = node.limits[0]
        for letter in free:
            yield "drop a sum", substitute(node.function, {bound[0]: letter}) if len(node.limits) == 1 else node.func(
                substitute(node.function, {bound[0]: letter}), *node.limits[1:])  # fmt: skip
        yield "scale a sum", mul(2, node)
        yield "scale a sum", mul(S.Half, node)
        yield "scale a sum", mul(S.One / (net.samples or bound[2] + 1), node)
    elif isinstance(node, Func):
        if node.order:
            yield "f for its slope", Func(node.name, node.argument, node.order - 1)
        else:
            yield "slope for f", Func(node.name, node.argument, 1)
        if isinstance(node.argument, Entry) and node.argument.tensor.name == "z":
            yield "slope at a, not z", Func(node.name, operand(node.argument, "a"), node.order)
    elif isinstance(node, sp.Pow) and not isinstance(node, sp.exp):
        yield "drop a power", node.base
    elif isinstance(node, sp.exp):
        yield "sign of an exponent", sp.exp(-node.args[0])
    elif isinstance(node, KroneckerDelta):
        yield "negate a delta", add(1, mul(-1, node))
    elif isinstance(node, Entry):
        yield from entry_changes(node, free, named)


def entry_changes(x: Entry, free: list[Any], named: dict[str, Tensor]) -> Iterator[tuple[str, Any]]:
    tensor = x.tensor
    if len(x.indices) == 2:
        yield "transpose", Entry(tensor, *x.indices[::-1])
    for step in (1, -1):
        if tensor.layer is not None and not (isinstance(tensor.layer, sp.Integer) and tensor.layer + step < 1):
            yield "shift the layer", Entry(shifted(tensor, step), *x.indices)
    for n in range(len(x.indices)):
        for letter in free:
            if letter not in x.indices:
                yield "another index", Entry(tensor, *x.indices[:n], letter, *x.indices[n + 1 :])
    if tensor.name in ("z", "a"):
        yield "z for a, a for z", operand(x, "a" if tensor.name == "z" else "z")
    if isinstance(tensor, Grad):
        inner = tensor.wrt
        if inner.name in ("z", "a"):
            yield "dz for da, da for dz", Entry(Grad(tensor.of, renamed(inner, "a" if inner.name == "z" else "z")), *x.indices)
    elif tensor.name in ("a", "y"):
        for other in named.values():
            if other.name in ("a", "y") and other.name != tensor.name and other.rank == tensor.rank:
                yield "y for a, a for y", Entry(other, *x.indices)


def renamed(tensor: Tensor, name: str) -> Tensor:
    return Tensor(name, tensor.shape, tensor.layer)


def operand(x: Entry, name: str) -> Entry:
    return Entry(renamed(x.tensor, name), *x.indices)


def shifted(tensor: Tensor, step: int) -> Tensor:
    """The tensor of the same name in a neighbouring layer; its sizes move with it where they are symbolic."""
    if isinstance(tensor, Grad):
        return Grad(tensor.of, shifted(tensor.wrt, step))
    if isinstance(tensor.layer, sp.Integer):
        return Tensor(tensor.name, tensor.shape, tensor.layer + step)
    return tensor.xreplace({symbol: symbol + step for symbol in sp.sympify(tensor.layer).free_symbols})


# ---------------------------------------------------------------- mutations: the trial


def worked_out(e: Any, net: Network) -> Any:
    """The expression with its derivatives taken by SymPy: what stands in a derivative and does not depend on its variable vanishes."""
    if isinstance(e, Partial) and e.of != net.loss and (definition := net.equation(e.of.tensor)) is not None:
        e = Derivative(definition.at_indices(e.of.indices), e.wrt, evaluate=False)
    if isinstance(e, Derivative):
        variable = e.variables[0]
        return evaluated(rename_bound(e.expr, {i for i in variable.free_symbols if i.is_Symbol})).diff(variable)
    if isinstance(e, (Entry, Tensor)) or not getattr(e, "args", ()):
        return e
    return rebuild(e, tuple(worked_out(a, net) for a in e.args))


def spelled_out(e: Any, net: Network, backward: dict[Tensor, Equation]) -> Any:
    """The expression with outputs `a` and errors `dC/dz` put in: sum_i a_i is 1 for a softmax, and the slope of relu is its own square."""
    if isinstance(e, Entry):
        by = backward.get(e.tensor) or (net.equation(e.tensor) if e.tensor.name == "a" else None)
        return e if by is None or isinstance(by.rhs, Func) else by.at_indices(e.indices)
    if isinstance(e, Tensor) or not getattr(e, "args", ()):
        return e
    return rebuild(e, tuple(spelled_out(a, net, backward) for a in e.args))


def changes_nothing(wrong: Any, right: Any, net: Network) -> bool:
    if equal(wrong, right, net.facts):
        return True
    wrong, right = worked_out(wrong, net), worked_out(right, net)
    if equal(wrong, right, net.facts):
        return True
    backward = {b.equation.tensor: b.equation for b in backpropagate(net) if b.tensor.name == "z"}
    return equal(spelled_out(wrong, net, backward), spelled_out(right, net, backward), net.facts)


def trials() -> Iterator[tuple[str, str, Derivation, tuple[Equation, ...], Any, Step, Any]]:
    """Mutator, place, derivation, definitions, the expression before, the right step, the wrong expression."""
    for name, (net, _) in NETWORKS.items():
        if name == "one output":
            continue  # along an axis of size 1 every index is the same, and a sum is its one term
        for lettered in (True, False):
            definitions = naming_equations(net, DELTA if lettered else {})
            for d in made(name, lettered):
                before = d.lhs
                for step in d.steps:
                    if step.relation != "equiv":
                        free = [f for f in prover._ranges(d.lhs, d.net) if f != index("l")]
                        for kind, wrong in mutants(step.expression, net, free):
                            yield kind, f"{name} {d.lhs}", d, definitions, before, step, wrong
                    before = step.expression


# How many mutants of each kind are tried, and how many must at least be refuted: fewer, for some change nothing or fit no axis.
SAMPLE, LEAST = 40, 12
FEWER = {"drop a delta": 5, "negate a delta": 5, "sign of an exponent": 3, "drop a power": 5, "slope for f": 5, "transpose": 5, "dz for da, da for dz": 5}


def test_every_wrong_step_is_refuted_with_a_counterexample() -> None:
    draw = Random(20240607)
    by_kind: dict[str, list[Any]] = {}
    for trial in trials():
        by_kind.setdefault(trial[0], []).append(trial)
    refuted: Counter[str] = Counter()
    alike: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    pointless: Counter[str] = Counter()
    missed: list[str] = []
    for kind, found in sorted(by_kind.items()):
        for _, where, d, definitions, before, step, wrong in draw.sample(found, min(SAMPLE, len(found))):
            if equal(wrong, step.expression, d.net.facts):
                alike[kind] += 1
                continue
            try:
                proof = prove(before, wrong, d.net, prover._ranges(d.lhs, d.net), uses=(*step.uses, *definitions), definitions=definitions)
            except InputError:
                refused[kind] += 1
                continue
            counterexample = proof.counterexample
            if proof.kind == "undecided" and re.search("no finite value|cannot tell the sign of 0", proof.detail):
                pointless[kind] += 1  # 1/(1 - 1), log(-a) and the slope at a kink have no value that could differ
            elif proof.kind == "refuted" and counterexample is not None and not (counterexample.left - counterexample.right).contains(0):
                refuted[kind] += 1
            elif changes_nothing(wrong, step.expression, d.net):
                alike[kind] += 1
            else:
                missed.append(f"[{kind}] {where}: {before} = {wrong} instead of {step.expression} is {proof.kind}: {proof.detail}")
    counts = "\n".join(f"{n:26} {refuted[n]:4} refuted {refused[n]:4} refused {alike[n]:4} alike of {len(f):5}" for n, f in sorted(by_kind.items()))
    assert not missed, f"{len(missed)} wrong steps passed:\n" + "\n".join(missed[:40]) + f"\n{counts}"
    assert refuted.total() > 650, counts
    assert pointless.total() <= 10, f"{pointless}\n{counts}"
    assert not {n: refuted[n] for n in by_kind if refuted[n] < FEWER.get(n, LEAST)}, counts
    assert set(FEWER) <= set(by_kind), counts


# ---------------------------------------------------------------- wrong and right by hand

NET = mlp([2, 3, 4], activation="tanh", output="softmax", loss="cross_entropy")
Z1, Z2, A1, A2, W1, W2, B2 = (Tensor(n, shape, layer) for n, shape, layer in [
    ("z", (3,), 1), ("z", (4,), 2), ("a", (3,), 1), ("a", (4,), 2), ("w", (3, 2), 1), ("w", (4, 3), 2), ("b", (4,), 2)])  # fmt: skip
C, X, Y = Tensor("C"), Tensor("x", (2,)), Tensor("y", (4,))


def d(t: Tensor, *at: Any) -> Entry:
    return Entry(Grad(C, t), *at)


@pytest.mark.parametrize(("left", "right", "ranges"), [
    (d(Z2, j), add(A2[j], mul(-1, Y[j])), {j: 4}),
    (d(W2, j, k), mul(d(Z2, j), A1[k]), {j: 4, k: 3}),
    (d(W2, j, k), mul(add(A2[j], mul(-1, Y[j])), A1[k]), {j: 4, k: 3}),
    (d(Z1, k), mul(Func("tanh", Z1[k], 1), d(A1, k)), {k: 3}),
    (d(B2, j), d(Z2, j), {j: 4}),
    (summation(d(Z2, j), (j, 1, 4)), S.Zero, {}),
    (Partial(A2[i], Z2[j]), mul(A2[i], add(KroneckerDelta(i, j), mul(-1, A2[j]))), {i: 4, j: 4}),
])  # fmt: skip
def test_textbook_results_hold(left: Any, right: Any, ranges: Any) -> None:
    assert prove(left, right, NET, ranges).kind in ACCEPTED


@pytest.mark.parametrize(("left", "right", "ranges"), [
    (d(Z2, j), add(Y[j], mul(-1, A2[j])), {j: 4}),
    (d(Z2, j), mul(add(A2[j], mul(-1, Y[j])), A2[j], add(1, mul(-1, A2[j]))), {j: 4}),
    (d(Z2, j), mul(2, add(A2[j], mul(-1, Y[j]))), {j: 4}),
    (d(W2, j, k), mul(d(Z2, j), Z1[k]), {j: 4, k: 3}),
    (d(Z1, k), mul(add(1, mul(-1, Z1[k] ** 2)), summation(mul(W2[j, k], d(Z2, j)), (j, 1, 4))), {k: 3}),
    (d(Z1, k), mul(add(1, mul(-1, A1[k])), summation(mul(W2[j, k], d(Z2, j)), (j, 1, 4))), {k: 3}),
    (d(Z1, k), summation(mul(W2[j, k], d(Z2, j)), (j, 1, 4)), {k: 3}),
    (Partial(A2[i], Z2[j]), mul(A2[i], add(1, mul(-1, A2[j]))), {i: 4, j: 4}),
    (Partial(A2[i], Z2[j]), mul(A2[i], add(KroneckerDelta(i, j), mul(-1, A2[i]))), {i: 4, j: 4}),
    (Partial(C(), Z2[j]), d(A2, j), {j: 4}),
    (summation(d(Z2, j), (j, 1, 4)), S.One, {}),
])  # fmt: skip
def test_well_known_mistakes_are_refuted(left: Any, right: Any, ranges: Any) -> None:
    proof = prove(left, right, NET, ranges)
    assert proof.kind == "refuted"
    assert proof.counterexample is not None
    assert set(proof.counterexample.indices) == {str(symbol) for symbol in ranges}


def test_a_difference_in_the_thirtieth_digit_is_refuted() -> None:
    assert prove(d(Z2, j), mul(1 + S(10) ** -30, add(A2[j], mul(-1, Y[j]))), NET, {j: 4}).kind == "refuted"


@pytest.mark.parametrize("number", range(1, 8))
def test_what_holds_at_one_size_only_is_refuted(number: int) -> None:
    net, m = mlp([2, 3], samples="m"), index("m")
    t = index("t")
    assert prove(summation(add(1, mul(-1, KroneckerDelta(s, t))), (s, 1, m)), m - 1, net, {t: m}).holds
    assert prove(summation(add(1, mul(-1, KroneckerDelta(s, t))), (s, 1, m)), S(number), net, {t: m}).kind == "refuted"
    assert prove(summation(S.One, (k, 1, size("n", index("L")))), S(number), deep(activation="sigmoid", loss="quadratic"), {}).kind == "refuted"


@pytest.mark.parametrize("name", [n for n, rule in ACTIVATIONS.items() if not rule.vector])
@pytest.mark.parametrize("factor", [S(2), S(-1), 1 + S(10) ** -12])
def test_a_wrong_slope_of_an_activation_is_refuted(name: str, factor: Any) -> None:
    derivation = activation_derivation(name)
    wrong = mul(factor, derivation.steps[-1].expression)
    assert prove(derivation.lhs, wrong, derivation.net, {}).kind == "refuted"


def test_a_fact_belongs_to_its_target_only() -> None:
    # without the one-hot target sum_j y_j = 1 the step of softmax and cross-entropy is wrong
    free = Network(NET.equations, NET.loss, NET.parameters, NET.inputs, NET.targets)
    assert prove(d(Z2, j), add(A2[j], mul(-1, Y[j])), NET, {j: 4}).holds
    assert prove(d(Z2, j), add(A2[j], mul(-1, Y[j])), free, {j: 4}).kind == "refuted"


def test_a_fact_given_as_text_holds_at_the_points_of_the_proof() -> None:
    text = ["p[j] = exp(z[j])/sum(k, exp(z[k]))", "C = -sum(j, y[j]*log(p[j]))"]
    net = Network.from_equations(text, tensors={"z": (4,), "y": (4,)}, targets=["y"], parameters=["z"], facts=["sum(j, y[j]) = 1"])
    p, y, z = net.equations[0].tensor, net.targets[0], net.parameters[0]
    assert prove(d(z, j), add(p[j], mul(-1, y[j])), net, {j: 4}).holds
    assert prove(d(z, j), add(y[j], mul(-1, p[j])), net, {j: 4}).kind == "refuted"


def test_where_the_facts_cannot_be_met_nothing_is_refuted() -> None:
    text = ["C = sum(j, y[j]*x[j])"]
    net = Network.from_equations(text, tensors={"x": (3,), "y": (3,)}, targets=["y"], facts=["sum(j, y[j]) = 2"])
    y = net.targets[0]
    assert prove(summation(y[j], (j, 1, 3)), S(2), net, {}).kind == "for all sizes"
    assert prove(summation(y[j], (j, 1, 3)), S(3), net, {}).kind == "undecided"


# ---------------------------------------------------------------- no proof out of a failure

TRUE_BY_FORM = (d(W2, j, k), mul(d(Z2, j), A1[k]), {j: 4, k: 3})
TRUE_BY_VALUE = (sp.log(sp.exp(X[j]) ** 2 + 2 * sp.exp(X[j]) + 1), 2 * sp.log(1 + sp.exp(X[j])), {j: 2})
FALSE = (d(W2, j, k), mul(2, d(Z2, j), A1[k]), {j: 4, k: 3})


def no_point(*args: Any, **kwargs: Any) -> Any:
    raise Undecided("a ball straddles zero")


def test_the_examples_are_what_they_are_called() -> None:
    assert prove(*TRUE_BY_FORM[:2], NET, TRUE_BY_FORM[2]).kind == "for all sizes"
    assert prove(*TRUE_BY_VALUE[:2], NET, TRUE_BY_VALUE[2]).kind in ("agrees", "exact at sizes")
    assert prove(*FALSE[:2], NET, FALSE[2]).kind == "refuted"


@pytest.mark.parametrize("claim", [FALSE, TRUE_BY_VALUE], ids=["false", "true, but not by its form"])
def test_without_numbers_only_the_normal_form_can_prove(monkeypatch: pytest.MonkeyPatch, claim: Any) -> None:
    monkeypatch.setattr(prover, "compare", no_point)
    left, right, ranges = claim
    proof = prove(left, right, NET, ranges)
    assert proof.kind == "undecided"
    assert not proof.holds
    assert "straddles" in proof.detail


def test_a_proof_without_numbers_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prover, "compare", no_point)
    left, right, ranges = TRUE_BY_FORM
    assert "no numerical check" in prove(left, right, NET, ranges).detail


@pytest.mark.parametrize("broken", ["compare", "equal"])
@pytest.mark.parametrize("error", [ZeroDivisionError, RecursionError, MemoryError, TypeError, ValueError])
def test_an_exception_is_never_a_proof(monkeypatch: pytest.MonkeyPatch, broken: str, error: type[BaseException]) -> None:
    def fail(*args: Any, **kwargs: Any) -> Any:
        raise error("broken")

    monkeypatch.setattr(prover, broken, fail)
    left, right, ranges = TRUE_BY_FORM
    try:
        kind = prove(left, right, NET, ranges).kind
    except error:
        kind = "undecided"
    assert kind == "undecided"


def test_a_disagreement_wins_over_the_normal_form(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prover, "equal", lambda *args: True)
    left, right, ranges = FALSE
    assert prove(left, right, NET, ranges).kind == "refuted"


@pytest.mark.parametrize("kind", ["refuted", "undecided"])
def test_a_derivation_with_a_step_that_does_not_hold_is_refused(kind: str) -> None:
    derivation = activation_derivation("sigmoid")
    proofs = [Proof("for all sizes", "")] * (len(derivation.steps) - 1)
    with pytest.raises(NotProved, match=f"step {len(derivation.steps)} of activation-sigmoid .*{kind}: because"):
        require(derivation, [*proofs, Proof(kind, "because")])
    require(derivation, [*proofs, Proof("agrees", "")])


@pytest.mark.parametrize(("left", "right", "ranges"), [
    (W2[j, k], W2[k, j], {j: 4, k: 3}),
    (A2[j], A1[j], {j: 4}),
    (A2[j], A2[k], {j: 4}),
    (scalar("eta") * A2[5], A2[1], {}),
])  # fmt: skip
def test_a_claim_that_fits_no_axis_is_refused_or_refuted(left: Any, right: Any, ranges: Any) -> None:
    try:
        kind = prove(left, right, NET, ranges).kind
    except InputError:
        kind = "refused"
    assert kind in ("refuted", "refused")
