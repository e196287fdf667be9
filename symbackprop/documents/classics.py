"""The classical pieces of a lecture that are no network of layers: gradient descent, one neuron a layer, softmax, gates."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate
from typing import Any

from sympy import Integer, KroneckerDelta, Pow, Rational, S, log

from symbackprop.calculus import VALUE, activation_derivative, local_derivative
from symbackprop.derivation import Derivation, Reason, Reference, Step, formula_derivation, named_derivative
from symbackprop.documents.about_network import Progress, Shape, backward_chains, proved_chain
from symbackprop.documents.blocks import Block, Equations, Figure, Heading, Prose, Proved, Table, definition
from symbackprop.documents.drawn import graph_figure
from symbackprop.equations import (
    Abstract,
    Entry,
    Equation,
    Func,
    Grad,
    Partial,
    Tensor,
    add,
    index,
    mul,
    rebuild,
    scalar,
    size,
    substitute,
    summation,
)
from symbackprop.equations import tensors as tensors_of
from symbackprop.languages import Message
from symbackprop.lift import Layout, layout, lift_equation
from symbackprop.network import Network, read_equations
from symbackprop.notation import Notation
from symbackprop.pictures.descent import DescentDrawing
from symbackprop.prove import checked, prove
from symbackprop.rules import ACTIVATIONS, LOSSES
from symbackprop.rules.record import VARIABLE
from symbackprop.writing import length

__all__ = ["activation_table", "chain_network", "descent_chains", "descent_picture", "gate_sections", "log_sum_exp_chain", "softmax_jacobian_blocks"]


_WIDEST = 30  # symbols that fit a column


def activation_table() -> Table:
    """Every elementwise activation with its derivative."""
    rows = []
    for name, rule in ACTIVATIONS.items():
        if not rule.vector:
            slope = named_derivative(name)
            shown = slope if length(slope) <= _WIDEST else Reference(f"activation-{name}")
            rows.append((name.replace("_", " "), rule.of(VARIABLE), shown))
    return Table((Message("activation"), Message("value"), Message("derivative")), tuple(rows), Message("Activations and their derivatives"))


# ---------------------------------------------------------------- gradient descent


def descent_chains(notation: Notation) -> Iterator[Block]:
    """The first-order argument: a small step changes the cost by the inner product of gradient and step."""
    n, i, eta = size("n"), index("i"), scalar("eta", positive=True)
    v, cost, change = Tensor("v", (n,)), Tensor("J"), Tensor(f"Delta {notation.symbols.get('J', 'J')}")
    step = Tensor("Delta v", (n,))
    gradient = Entry(Grad(cost, v), i)
    first_order = summation(mul(gradient, step[i]), (i, 1, n))
    choice = Equation(step[i], mul(-1, eta, gradient))
    net = Network((Equation(cost(), Abstract(cost, v)),), cost(), inputs=(v,), name="gradient descent")
    flat = layout()
    linear = Equation(change(), first_order)
    yield Prose(
        "Let {C} be a differentiable function of {n} variables, and let {change} be the change of the cost, to first order, when each variable "
        "changes by {step}. To make the cost fall, step against the gradient, with a small positive learning rate {eta}:",
        {"C": net.equations[0].rhs, "n": n, "change": change(), "step": step[i], "eta": eta},
    )
    yield Equations(_both(choice, flat))
    yield Prose("The derivatives by all variables together are the gradient, {gradient}.", {"gradient": Grad(cost, v)})
    inserted = summation(mul(gradient, -1, eta, gradient), (i, 1, n))
    square = mul(-1, eta, summation(Pow(gradient, 2, evaluate=False), (i, 1, n)))
    chain = Derivation(
        "descent", change(),
        (
            Step(first_order, Reason("definition", "To first order, each step counts with the slope in its direction:"), "approx", uses=(linear,)),
            Step(inserted, Reason("substitute", "Insert {equations}:", {"equations": (choice,)}), uses=(choice,)),
            Step(square, Reason("factor", "Take what does not depend on the summation index out of the sum:")),
        ),
        net, matrix=lift_equation(Equation(change(), square, relation="approx"), flat),
    )  # fmt: skip
    yield proved_chain(chain, (choice, linear))
    lifted = lift_equation(Equation(change(), first_order, relation="approx"), flat)
    if lifted is not None:
        yield Prose("The first line is the inner product of gradient and step:")
        yield Equations((definition(lifted),))
    yield Prose("A sum of squares is never negative: to first order, and so for a learning rate that is small enough, the cost does not rise.")
    yield Prose("This gives the update rule, repeated until the gradient is small:")
    update = Equation(v[i], add(v[i], mul(-1, eta, gradient)), relation="to")
    yield Equations(_both(update, flat))
    layer, j, k = index("l"), index("j"), index("k")
    w, b = Tensor("w", (size("n", layer), size("n", layer - 1)), layer), Tensor("b", (size("n", layer),), layer)
    updates = [Equation(e, add(e, mul(-1, eta, Partial(cost(), e))), relation="to") for e in (w[j, k], b[j])]
    yield Prose("For a network the variables are its weights and biases:")
    yield Equations(tuple(definition(u) for u in updates))


def _both(equation: Equation, stored: Layout) -> tuple[Proved, ...]:
    """A definition in index form and in matrix form."""
    lifted = lift_equation(equation, stored)
    return (definition(equation), *((definition(lifted),) if lifted is not None else ()))


def descent_picture() -> Iterator[Block]:
    """One variable: J(w) = (w - 2)^2 / 2 + 1/2 with exact steps, as a table and a picture."""
    w = Tensor("w")
    cost = Tensor("J")
    alpha = Rational(2, 5)
    formula = add(mul(S.Half, Pow(add(w(), -2), 2, evaluate=False)), S.Half)
    equation = Equation(cost(), formula)
    net = Network((equation,), cost(), (w,), name="one variable")
    yield Prose(
        "With one variable the rule moves a point downhill on a curve: where the curve rises, the derivative is positive and the "
        "step goes to the left; where it falls, the step goes to the right. Both ways lead down."
    )
    yield Equations((definition(Equation(w(), add(w(), mul(-1, scalar("alpha"), Partial(cost(), w()))), relation="to")),))
    yield Prose("As an example take")
    yield Equations((definition(equation),))
    yield proved_chain(formula_derivation(net, equation, w(), name="slope"))
    start, rate = Equation(w(), Integer(-1)), Equation(scalar("alpha"), alpha)
    yield Prose("Starting from {start} with {rate}, in exact numbers:", {"start": start, "rate": rate})
    slope = local_derivative(equation, w())
    left, right = (_path(w(), slope, alpha, Integer(at)) for at in (-1, 5))
    rows = [(str(number), at, formula.subs(w(), at), slope.subs(w(), at)) for number, at in enumerate(left)]
    yield Table((Message("step"), w(), cost(), Partial(cost(), w())), tuple(rows))
    drawing = DescentDrawing(equation, w(), slope, (left, right), Rational(-3, 2), Rational(11, 2))
    yield Figure(drawing, Message("Gradient descent on a curve of one variable"))


def _path(w: Any, slope: Any, rate: Any, start: Any) -> tuple[Any, ...]:
    """A start and the five places to which steps against the slope lead."""
    return tuple(accumulate(range(5), lambda at, _: at - rate * slope.subs(w, at), initial=start))


# ---------------------------------------------------------------- one neuron a layer


def chain_network() -> Network:
    """The last layer of a network with one neuron a layer, with the squared error of one example."""
    last = index("L")
    w, b, z, a = (Tensor(n, (), last) for n in "wbza")
    below, y, cost = Tensor("a", (), last - 1), Tensor("y"), Tensor("C_0")
    equations = (
        Equation(z(), add(mul(w(), below()), b()), rule="affine"),
        Equation(a(), Func("sigma", z()), rule="sigma"),
        Equation(cost(), Pow(add(a(), mul(-1, y())), 2, evaluate=False), rule="squared_error"),
    )
    return Network(equations, cost(), (w, b), (below,), (y,), name="one neuron a layer", depth=last)


# ---------------------------------------------------------------- softmax


def softmax_jacobian_blocks() -> Iterator[Block]:
    """The derivative of p_j by z_k: from the quotient rule, in one line and as two cases."""
    n, j, k = size("n"), index("j"), index("k")
    z, p = Tensor("z", (n,)), Tensor("p", (n,))
    equation = Equation(p[j], ACTIVATIONS["softmax"].entry(lambda i: z[i], j, n), rule="softmax")
    cost = Tensor("C")
    net = Network((equation, Equation(cost(), Abstract(cost, p))), cost(), (z,), name="softmax")
    yield Prose("The softmax turns pre-activations into probabilities: positive numbers that add up to one.")
    yield Equations((definition(equation),))
    chain = proved_chain(formula_derivation(net, equation, z[k], name="softmax-jacobian"))
    yield chain
    value = chain.derivation.result.rhs
    yield Prose("This one line holds two cases. On the diagonal, and off it:")
    same = substitute(value, {k: j})
    diagonal = Equation(Partial(p[j], z[j]), _deltas(same, S.One))
    other = Equation(Partial(p[j], z[k]), _deltas(value, S.Zero))
    proof = checked(prove(diagonal.lhs, diagonal.rhs, net, {j: n}), diagonal)
    apart = checked(prove(other.lhs, other.rhs, net, {j: (1,), k: (2,)}), other)
    yield Equations((Proved(diagonal, proof), Proved(other, apart)))
    yield Prose("where in the second case {j} and {k} differ.", {"j": j, "k": k})
    g = Tensor("g", (n,))
    logarithm = Equation(g[j], ACTIVATIONS["log_softmax"].entry(lambda i: z[i], j, n), rule="log_softmax")
    yield Prose("The logarithm of the softmax, which a program computes in its place, has a Jacobian that is simpler still:")
    yield Equations((definition(logarithm),))
    log_net = Network((logarithm, Equation(cost(), Abstract(cost, g))), cost(), (z,), name="log softmax")
    yield proved_chain(formula_derivation(log_net, logarithm, z[k], name="log-softmax-jacobian"))


def _deltas(expr: Any, value: Any) -> Any:
    """`expr` with its Kronecker deltas replaced by 0 or 1."""
    if isinstance(expr, KroneckerDelta):
        return value
    if not getattr(expr, "args", ()) or isinstance(expr, (Entry, Tensor)):
        return expr
    return rebuild(expr, tuple(_deltas(a, value) for a in expr.args))


def log_sum_exp_chain(net: Network) -> Iterator[Block]:
    """The cross-entropy of a softmax as log-sum-exp minus a linear term, and its derivative."""
    softmax, entropy = net.equations
    z, y, n = next(iter(net.parameters)), net.targets[0], softmax.tensor.shape[0]
    k = index("k")
    inserted = mul(-1, summation(mul(y[k], log(softmax.at_indices((k,)))), (k, 1, n)))
    split = mul(-1, summation(mul(y[k], ACTIVATIONS["log_softmax"].entry(lambda i: z[i], k, n)), (k, 1, n)))
    short = LOSSES["cross_entropy_logits"].of(lambda i: z[i], lambda i: y[i], n)
    chain = Derivation(
        "log-sum-exp", net.loss,
        (
            Step(inserted, Reason("substitute", "Insert {equations}:", {"equations": (entropy, softmax)}), uses=(entropy, softmax)),
            Step(split, Reason("logarithm", "The logarithm of a quotient is a difference:")),
            Step(short, Reason("fact", "Use the fact that {facts}:", {"facts": net.facts}), uses=net.facts),
        ),
        net,
    )  # fmt: skip
    yield proved_chain(chain)
    short_net = Network((softmax, Equation(net.loss, short)), net.loss, net.parameters, (), net.targets, net.facts, net.target, "log-sum-exp")
    j = index("j")
    plain = formula_derivation(short_net, Equation(net.loss, short), z[j], name="log-sum-exp-gradient")
    named = add(softmax.lhs, mul(-1, y[j]))
    words = Message("In terms of {value}, which the forward pass has already computed:")
    last = Step(named, Reason("fold", words, {"value": softmax.lhs}), uses=(softmax,))
    yield proved_chain(Derivation(plain.name, plain.lhs, (*plain.steps, last), short_net))


# ---------------------------------------------------------------- gates


def _together(net: Network, last: Derivation) -> Derivation:
    """The gradient that the four gates hand down, said with the output u of the last: u(1 - u) times the upstream gradient."""
    output = net.equations[-2].lhs
    upstream = Entry(Grad(net.loss.tensor, output.tensor))
    value = mul(upstream, substitute(activation_derivative("sigmoid"), {VALUE: output}))
    forward = net.equations[:-1]
    r, v = (e.lhs for e in forward[1:3])
    first, second = Equation(r, add(v, -1)), Equation(v, Pow(output, -1, evaluate=False))
    handed_down = last.result.rhs
    fraction = substitute(handed_down, {r: first.rhs})
    steps = (
        Step(handed_down, Reason("substitute", "What the gates hand down:"), uses=forward),
        Step(fraction, Reason("substitute", "Insert {equations}:", {"equations": (first,)}), uses=forward),
        Step(substitute(fraction, {v: second.rhs}), Reason("substitute", "Insert {equations}:", {"equations": (second,)}), uses=forward),
        Step(value, Reason("cancel", "Multiply out and cancel:"), uses=forward),
    )
    return Derivation("four gates together", last.lhs, steps, net)


def _gate(equations: list[str], tensors: dict[str, tuple[object, ...]], name: str) -> Network:
    """A piece of a network whose output feeds some cost C of which nothing else is known."""
    body = read_equations(equations, tensors)
    loss = Tensor("C")
    computed = {e.tensor for e in body}
    given = dict.fromkeys(t for e in body for t in tensors_of(e.rhs) if t not in computed)
    samples = index("m") if any("m" in shape for shape in tensors.values()) else None
    return Network((*body, Equation(loss(), Abstract(loss, body[-1].tensor))), loss(), tuple(given), name=name, samples=samples)


_GATES: tuple[tuple[str, str, list[str], dict[str, tuple[object, ...]]], ...] = (
    (Message("Multiply"), Message("Each input receives the upstream gradient times the other input."), ["u = x*v"], {"x": (), "v": ()}),
    (Message("Add"), Message("Both inputs receive the upstream gradient unchanged."), ["u = x + v"], {"x": (), "v": ()}),
    (Message("Matrix product"), Message("With examples as rows, the gradient is multiplied with the other factor, transposed."),
     ["u[s, j] = sum(k, x[s, k]*w[k, j])"], {"x": ("m", "d"), "w": ("d", "n")}),
    (Message("Broadcast add"), Message("Adding one row to every example: the bias receives the sum over the examples."),
     ["u[s, j] = x[s, j] + b[j]"], {"x": ("m", "n"), "b": ("n",)}),
    (Message("Affine layer in two gates"), Message("An affine layer is a matrix product followed by a broadcast add."),
     ["v[s, j] = sum(k, x[s, k]*w[k, j])", "u[s, j] = v[s, j] + b[j]"], {"x": ("m", "d"), "w": ("d", "n"), "b": ("n",)}),
    (Message("Sigmoid in four gates"), Message("The sigmoid taken apart: change the sign, exponentiate, add one, invert."),
     ["q = -x", "r = exp(q)", "v = 1 + r", "u = 1/v"], {"x": ()}),
)  # fmt: skip


_AS_WRITTEN = Layout("as written", row_vectors=True)  # the gates' index forms have the example first already


def gate_sections(notation: Notation, progress: Progress) -> Iterator[Block]:
    """Each gate with its forward equations and a derivation for each of its inputs; softmax with cross-entropy last."""
    for title, words, equations, tensors in _GATES:
        name = title.lower()
        progress(f"gate: {name}")
        net = _gate(equations, tensors, name)
        yield Heading(title)
        yield Prose(words)
        yield Equations(tuple(definition(e) for e in net.equations[:-1]))
        yield from _shapes(net)
        yield from graph_figure(net, _AS_WRITTEN, {})
        chains = backward_chains(net, notation, named={}, prefix=f"{name}: ", layout=_AS_WRITTEN)
        yield from chains
        if name == "sigmoid in four gates":
            yield Prose("Together the four gates give what the definition gave:")
            yield proved_chain(_together(net, chains[-1].derivation))
    progress("gate: softmax with cross-entropy")
    net = Network.from_equations(
        ["u[j] = exp(z[j])", "r = sum(k, u[k])", "p[j] = u[j]/r", "g[j] = log(p[j])", "h[j] = y[j]*g[j]", "v = sum(k, h[k])", "C = -v"],
        tensors={"z": ("n",), "y": ("n",)}, targets=["y"], facts=["sum(k, y[k]) = 1"], parameters=["z"], name="softmax with cross-entropy in gates",
    )  # fmt: skip
    net = Network(net.equations, net.loss, net.parameters, net.inputs, net.targets, net.facts, "one_hot", net.name)
    yield Heading("Softmax with cross-entropy")
    yield Prose("Exponentiate, sum, divide; take the logarithm, weigh with the target, sum, change the sign.")
    yield Equations(tuple(definition(e) for e in net.equations))
    yield from _shapes(net)
    yield from graph_figure(net, _AS_WRITTEN, {})
    yield from backward_chains(net, notation, named={}, prefix="softmax with cross-entropy: ", layout=_AS_WRITTEN)


def _shapes(net: Network) -> Iterator[Block]:
    """The shapes of what is no number: a vector is a row, like one example among many."""
    alike: dict[tuple[Any, ...], list[Tensor]] = {}
    for t in (*net.parameters, *net.targets, *(e.tensor for e in net.equations)):
        if t.rank:
            alike.setdefault(t.shape, []).append(t)
    if alike:
        many_first = sorted(alike.values(), key=len, reverse=True)  # "b is 1 x n and v and u are m x n" is misread
        yield Prose("The shapes: {shapes}.", {"shapes": [_said(tensors) for tensors in many_first]})


def _said(tensors: list[Tensor]) -> Prose:
    """The shape that some tensors have."""
    shape = Shape(tensors[0], _AS_WRITTEN)
    if len(tensors) == 1:
        return Prose("{tensor} is {shape}", {"tensor": tensors[0], "shape": shape})
    return Prose("{tensors} are {shape}", {"tensors": tensors, "shape": shape})
