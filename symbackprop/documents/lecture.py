"""The built-in lecture on backpropagation: which networks, in which order, and the prose between them.

Every formula comes from the engine; this file only chooses networks and says in words why one would look at them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from sympy import Eq, KroneckerDelta, Piecewise, S

from symbackprop.builders import deep, mlp
from symbackprop.derivation import activation_derivation, path_derivation
from symbackprop.documents.about_network import (
    Progress,
    as_entry,
    backward_chains,
    elementwise_blocks,
    forward_blocks,
    kink_note,
    layout_of,
    letters_of,
    proved_chain,
    results_table,
    symbols_table,
    with_headings,
)  # fmt: skip
from symbackprop.documents.blocks import Block, Equations, Heading, Prose, Section, SectionReference, definition
from symbackprop.documents.classics import (
    activation_table,
    chain_network,
    descent_chains,
    descent_picture,
    gate_sections,
    log_sum_exp_chain,
    softmax_jacobian_blocks,
)  # fmt: skip
from symbackprop.documents.drawn import graph_figure, network_figures
from symbackprop.documents.manner import as_typed
from symbackprop.equations import Entry, Equation, Func, Partial, Tensor, index, mul, size, summation
from symbackprop.languages import Message
from symbackprop.lift import lift_equation
from symbackprop.network import Network
from symbackprop.notation import Notation, load_notation, with_cost_of
from symbackprop.prove import naming_equations
from symbackprop.rules import ACTIVATIONS
from symbackprop.rules.record import VARIABLE

__all__ = ["LECTURE", "lecture_sections"]

TITLE = Message("Backpropagation, derived and proved")


def lecture_sections(notation: Notation, progress: Progress = lambda name: None) -> Iterator[Section]:
    """The sections of the lecture in order, each proved before it is yielded."""
    for build in LECTURE:
        yield from build(notation, progress)


def conventions(notation: Notation, progress: Progress) -> Iterator[Section]:
    progress("conventions")
    j, k, n, q = index("j"), index("k"), size("n"), size("q")
    x, u, v, cost = Tensor("x", (n,)), Tensor("u", (n,)), Tensor("v", (n,)), Tensor("C")
    through = Tensor("u", (q,))
    product = Equation(x[j], mul(u[j], v[j]))
    delta = Equation(KroneckerDelta(j, k), Piecewise((1, Eq(j, k)), (0, True), evaluate=False))
    chain_rule = Equation(Partial(cost(), x[j]), summation(mul(Partial(cost(), through[k]), Partial(through[k], x[j])), (k, 1, q)))
    net = deep()
    lifted = lift_equation(product, notation.layout(False))
    blocks: list[Block] = [
        Prose(
            "A network is a list of equations, and so is its backpropagation. Each is stated twice: in index form, where every sum is "
            "visible, and in matrix form, which is the same equation with its indices hidden. These symbols are used throughout:"
        ),
        symbols_table(net, notation),
        Prose("The Kronecker delta, which always has two lower indices and no layer, picks one term out of a sum:"),
        Equations((definition(delta),)),
        Prose("Entrywise multiplication has a sign of its own in matrix form:"),
        Equations((definition(product), *((definition(lifted),) if lifted is not None else ()))),
        Prose(
            "Everything rests on the chain rule: if {x} acts on {C} only through quantities {y}, then each of them contributes,",
            {"x": x[j], "C": cost, "y": through[k]},
        ),
        Equations((definition(chain_rule),)),
        Prose(
            "Every equation of these notes, the definitions apart, has been proved before it was printed; {proofs} says how.",
            {"proofs": SectionReference("proofs")},
        ),
    ]
    yield Section("conventions", "Symbols and conventions", tuple(blocks), notation)


def activations(notation: Notation, progress: Progress) -> Iterator[Section]:
    blocks: list[Block] = [
        Prose(
            "An activation is applied to each pre-activation by itself. Backpropagation needs its derivative, and it is cheapest to say it "
            "with the value that the forward pass has computed already. Each derivation starts from the definition and applies one rule at a time."
        )
    ]
    for name, rule in ACTIVATIONS.items():
        if rule.vector:
            continue
        progress(f"activation {name}")
        blocks.append(Heading(name.replace("_", " ")))
        blocks.append(Equations((definition(Equation(Func(name, VARIABLE), rule.of(VARIABLE))),)))
        blocks.append(proved_chain(activation_derivation(name)))
        blocks += [kink_note(name, at, slope) for at, slope in rule.kinks]
    blocks.append(activation_table())
    yield Section("activations", "Activations and their derivatives", tuple(blocks), notation)


def descent(notation: Notation, progress: Progress) -> Iterator[Section]:
    progress("gradient descent")
    yield Section("descent", "Gradient descent", tuple(descent_chains(notation)), notation)
    yield Section("one-variable", "One variable, seen as a picture", tuple(descent_picture()), notation)


def one_neuron(notation: Notation, progress: Progress) -> Iterator[Section]:
    progress("one neuron a layer")
    net = chain_network()
    w = next(t for t in net.parameters if t.name == "w")
    b = next(t for t in net.parameters if t.name == "b")
    chains: list[Block] = [
        Prose(
            "Take the last layer of a network with a single neuron in each layer. The cost of one example depends on the weight {w} through "
            "a chain of three equations:", {"w": w()},
        ),
        Equations(tuple(definition(e) for e in net.equations)),
        *graph_figure(net, layout_of(net, notation), {}),
        Prose("The chain rule multiplies the three local derivatives, in the order of the way from the weight up to the cost."),
        proved_chain(path_derivation(net, w(), "weight")),
        Prose("The bias and the activation below go the same way; only the first factor changes."),
        proved_chain(path_derivation(net, b(), "bias")),
        proved_chain(path_derivation(net, net.inputs[0](), "activation below")),
    ]  # fmt: skip
    yield Section("one-neuron", "One neuron per layer", tuple(chains), notation)


_NEURON: Mapping[str, str] = {
    "w": Message("weights"), "b": Message("bias"), "z": Message("pre-activation"), "a": Message("output: the estimated probability"),
    "n": Message("number of inputs"),
}  # fmt: skip


def logistic(notation: Notation, progress: Progress) -> Iterator[Section]:
    progress("logistic regression")
    net, two = (
        Network.from_equations(
            ["z = sum(k, w[k]*x[k]) + b", "a = sigmoid(z)", "C = -(y*log(a) + (1 - y)*log(1 - a))"],
            tensors={"w": (n,), "x": (n,), "b": (), "y": ()}, parameters=["w", "b"], targets=["y"], name="logistic regression",
        ) for n in ("n", 2)
    )  # fmt: skip
    chains = backward_chains(net, notation, named=notation.named(False), progress=progress)
    blocks: list[Block] = [
        Prose("Logistic regression is one neuron with a sigmoid and the cross-entropy of its output; {a} is the estimated probability of {y}.",
              {"a": Entry(Tensor("a")), "y": Equation(Entry(Tensor("y")), S.One)}),
        symbols_table(net, notation, _NEURON), *forward_blocks(net, notation),
        Prose("Written out for two inputs; the bias is the weight of a third one that is always 1:"), *elementwise_blocks(two, two.equations[:1]),
        *graph_figure(net, layout_of(net, notation), notation.named(False)), *with_headings(chains),
        Prose(
            "In the error the derivative of the sigmoid has cancelled: the cross-entropy divides by the same {slope} that the sigmoid "
            "multiplies with. A neuron that is badly wrong therefore learns fast, where a quadratic cost would make it learn slowly.",
            {"slope": mul(Entry(Tensor("a")), 1 - Entry(Tensor("a")))},
        ),
    ]  # fmt: skip
    yield Section("logistic", "Logistic regression: sigmoid and cross-entropy", tuple(blocks), notation)


def two_two_one(notation: Notation, progress: Progress) -> Iterator[Section]:
    progress("the 2-2-1 network")
    net = with_cost_of(mlp([2, 2, 1], activation="sigmoid", name="2-2-1"), notation)
    named = notation.named(False)
    chains = backward_chains(net, notation, named=named, prefix="2-2-1: ")
    results = [Equation(as_entry(c.derivation.lhs), c.derivation.result.rhs) for c in chains]
    blocks: list[Block] = [
        Prose("A network with two inputs, two hidden neurons and one output, written out in full before any matrix is used. The forward pass:"),
        *network_figures(net, layout_of(net, notation)),
        *elementwise_blocks(net, net.equations),
        *graph_figure(net, layout_of(net, notation), named),
        Prose("The chain rule, from output to input; {general} does the same for any depth.", {"general": SectionReference("four-equations")}),
        *with_headings(chains),
        Prose("Each result written out for its indices:"),
        *elementwise_blocks(net, results, naming_equations(net, named)),
        Prose("And all of it in one table, with matrices:"),
        results_table(chains, Message("The gradients of the 2-2-1 network")),
    ]
    yield Section("two-two-one", "The 2-2-1 network, element by element", tuple(blocks), notation, last=net.last_layer)


def four_equations(notation: Notation, progress: Progress) -> Iterator[Section]:
    net = deep()
    chains = backward_chains(net, notation, progress=progress)
    blocks: list[Block] = [
        Prose("Now a network of any depth, with any differentiable activation and any differentiable cost of its output."),
        *network_figures(net, layout_of(net, notation)),
        symbols_table(net, notation),
        *forward_blocks(net, notation),
        *graph_figure(net, layout_of(net, notation), letters_of(net, notation)),
        Prose(
            "The error of a unit is the derivative of the cost with respect to its pre-activation. Once the errors are known, the "
            "gradients of weights and biases follow at once; so the errors are computed first, from the last layer to the first."
        ),
        *with_headings(chains),
        results_table(chains, Message("The four equations of backpropagation")),
    ]
    yield Section("four-equations", "The four equations of backpropagation", tuple(blocks), notation)


def chosen(notation: Notation, progress: Progress) -> Iterator[Section]:
    quadratic = with_cost_of(deep(activation="sigmoid", loss="quadratic", name="sigmoid and quadratic cost"), notation)
    entropy = deep(activation="tanh", output="softmax", loss="cross_entropy", name="softmax and cross-entropy")
    for key, net, title, words in (
        (
            "quadratic", quadratic, Message("The four equations for sigmoid and quadratic cost"),
            Message("With sigmoid neurons and the quadratic cost every symbol of the four equations gets a formula."),
        ),
        (
            "entropy", entropy, Message("The four equations for softmax and cross-entropy"),
            Message("With hidden tanh layers, a softmax and the cross-entropy, the error of the output is a plain difference."),
        ),
    ):  # fmt: skip
        chains = backward_chains(net, notation, progress=progress)
        shown = [c for c in chains if c.derivation.name in ("BP1", "BP2") or "-da" in c.derivation.name]
        blocks = (Prose(words), *forward_blocks(net, notation), *with_headings(shown), results_table(chains, title))
        yield Section(f"chosen-{key}", title, blocks, notation)


def batches(notation: Notation, progress: Progress) -> Iterator[Section]:
    """Many examples, first as columns and then as rows: in this notation where its examples lie so, else in one whose examples do."""
    columns = notation if notation.samples == "columns" else load_notation("ng")
    rows = notation if notation.samples == "rows" else load_notation("rows")
    net = deep(activation="g", output="sigmoid", loss="binary_cross_entropy", samples="m")
    words = [Prose("In this section examples are the columns of a matrix.")]
    yield _batch("columns", Message("Many examples as columns"), net, columns, words, Message("Examples as columns"), progress)
    net = deep(samples="m", activation="sigmoid", loss="quadratic")
    words = [
        Prose("Now examples are the rows of a matrix. The transposes move to other places; a formula copied from the other convention is wrong."),
    ]
    if rows.weights == "from_to":
        words.append(Prose("Weights are stored from input to output, so that a layer multiplies from the right."))
    yield _batch("rows", Message("Many examples as rows"), net, rows, words, Message("Examples as rows"), progress)


def _batch(
    key: str, title: str, net: Network, notation: Notation, words: Sequence[Block], caption: str, progress: Progress
) -> Section:  # fmt: skip
    """A network of any depth on a batch, with a word on what the cost is and where its 1/m stands."""
    net = with_cost_of(net, notation)
    named = letters_of(net, notation)
    chains = backward_chains(net, notation, named=named, progress=progress)
    m, factor = index("m"), named["z"].factor if "z" in named else S.One
    said: list[Block] = [*words]
    if net.equations[-1].rule == "sum":
        said.append(Prose("With {m} examples the cost is the sum of their losses.", {"m": m}))
    elif factor == 1:
        said.append(
            Prose(
                "With {m} examples the cost is the mean of their losses, and the error is the derivative of that mean: it carries the {inverse}, "
                "and the gradients of the parameters carry none of their own.", {"m": m, "inverse": S.One / m},
            )
        )  # fmt: skip
    else:
        said.append(
            Prose(
                "With {m} examples the cost is the mean of their losses. The letter of a pre-activation's gradient stands for {factor} times the "
                "derivative of that mean, so that it carries no {inverse}; the gradients of the parameters do.",
                {"m": m, "factor": factor, "inverse": S.One / m},
            )
        )  # fmt: skip
    blocks = (*said, symbols_table(net, notation), *forward_blocks(net, notation), *with_headings(chains), results_table(chains, caption))
    return Section(key, title, blocks, notation)


def softmax(notation: Notation, progress: Progress) -> Iterator[Section]:
    progress("softmax")
    yield Section("softmax", "The Jacobian of the softmax", tuple(softmax_jacobian_blocks()), notation)


def softmax_entropy(notation: Notation, progress: Progress) -> Iterator[Section]:
    progress("softmax and cross-entropy")
    net = Network.from_equations(
        ["p[j] = exp(z[j]) / sum(k, exp(z[k]))", "C = -sum(k, y[k]*log(p[k]))"],
        tensors={"z": ("n",), "y": ("n",)}, targets=["y"], facts=["sum(k, y[k]) = 1"], parameters=["z"], name="softmax and cross-entropy",
    )  # fmt: skip
    net = Network(net.equations, net.loss, net.parameters, net.inputs, net.targets, net.facts, "one_hot", net.name)
    chains = backward_chains(net, notation, named={}, progress=progress)
    blocks: list[Block] = [
        Prose("First way: the chain rule in index form. That the targets add up to one is used in the last step, and only there."),
        *forward_blocks(net, notation), *with_headings(chains),
        Prose("Second way: simplify the cost first. The logarithm of a quotient is a difference, and the targets add up to one."),
        *log_sum_exp_chain(net),
        Prose("Third way: gate by gate, as a computer does it; see the end of {gates}.", {"gates": SectionReference("gates")}),
    ]  # fmt: skip
    yield Section("softmax-cross-entropy", "Softmax and cross-entropy", tuple(blocks), notation)


def gates(notation: Notation, progress: Progress) -> Iterator[Section]:
    blocks: list[Block] = [
        Prose(
            "A network can be taken apart until each equation is a single operation, a gate. A gate needs to know nothing but its own inputs and "
            "the gradient that arrives at its output; what it hands down is that gradient times its local derivative."
        )
    ]
    notation = as_typed(notation)
    blocks += gate_sections(notation, progress)
    yield Section("gates", "Backpropagation gate by gate", tuple(blocks), notation)


LECTURE: tuple[Callable[[Notation, Progress], Iterator[Section]], ...] = (
    conventions, activations, descent, one_neuron, logistic, two_two_one, four_equations, softmax, chosen, batches, softmax_entropy, gates,
)  # fmt: skip

