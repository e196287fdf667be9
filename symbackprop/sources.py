"""The four texts that this package answers to: the content of each in its own notation and language, proved, its slips mended and listed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from sympy import S

from symbackprop.checker.report.formulas import laid_out
from symbackprop.derivation import DETAILS
from symbackprop.documents.about_network import Progress, style_of
from symbackprop.documents.blocks import Block, Notes, Prose, Section
from symbackprop.documents.lecture import batches, chosen, descent, four_equations, gates, logistic, one_neuron, softmax, softmax_entropy, two_two_one
from symbackprop.documents.texts import differences, two_layers, updates
from symbackprop.drawing import graph_at
from symbackprop.equations import Equation, Tensor
from symbackprop.errors import one_of
from symbackprop.languages import Message, load_language
from symbackprop.network import Network
from symbackprop.notation import Notation, load_notation

__all__ = ["SOURCES", "Slip", "Source", "source_notes"]


@dataclass(frozen=True)
class Slip:
    """A formula as a text prints it, as it should be, and what is wrong with it."""

    printed: str
    mended: str
    why: Message


@dataclass(frozen=True)
class Source:
    """A text: its title, the notation and the language it is written in, what it covers in its order, and its slips."""

    title: Message
    notation: str
    language: str
    covers: tuple[Callable[[Notation, Progress], Iterator[Section]], ...]
    slips: tuple[Slip, ...] = ()


def _columns(notation: Notation, progress: Progress) -> Iterator[Section]:
    yield from (s for s in batches(notation, progress) if s.key == "columns")


def _quadratic(notation: Notation, progress: Progress) -> Iterator[Section]:
    yield from (s for s in chosen(notation, progress) if s.key == "chosen-quadratic")


def _one_neuron(notation: Notation, progress: Progress) -> Iterator[Section]:
    yield from one_neuron(load_notation("three_blue_one_brown"), progress)


def _rows(notation: Notation, progress: Progress) -> Iterator[Section]:
    yield from (s for s in batches(notation, progress) if s.key == "rows")


def _numbers(notation: Notation, progress: Progress) -> Iterator[Section]:
    """Two computational graphs with numbers on their lines."""
    progress("gates in numbers")
    product = Network.from_equations(
        ["h[j] = x[j]*w[j]", "u = sum(j, h[j])"], tensors={"x": (3,), "w": (3,)}, parameters=["x", "w"], name="inner product",
    )  # fmt: skip
    sigmoid = Network.from_equations(["q = -x", "r = exp(q)", "v = 1 + r", "u = 1/v"], tensors={"x": ()}, parameters=["x"], name="sigmoid")
    blocks: list[Block] = [
        Prose("An inner product, at numbers: what flows back through the gate of a product is the other factor."),
        graph_at(product, {"x": [1, 2, 3], "w": [4, 5, 8]}, notation.name),
        Prose("The sigmoid in its four gates, at {x}:", {"x": Equation(Tensor("x")(), S.One)}),
        graph_at(sigmoid, {"x": 1}, notation.name),
    ]
    yield Section("gates-in-numbers", "The gates in numbers", tuple(blocks), style_of(product, notation))


SOURCES: Mapping[str, Source] = {
    "A": Source(
        Message("Gradient descent and backpropagation, for one example and for many"), "ng", "vi",
        (descent, four_equations, _columns, updates),
    ),
    "B": Source(
        Message("Gradient descent, and one neuron a layer"), "nielsen", "zh_Hans", (descent, _one_neuron),
        (Slip(r"a = \sigma z", r"a = \sigma(z)", Message("A function is applied to its argument, not multiplied by it: the brackets are missing.")),),
    ),
    "C": Source(
        Message("From logistic regression to networks of any depth"), "rows", "vi",
        (logistic, two_two_one, two_layers, _rows, four_equations, _quadratic, updates),
        (
            Slip(
                r"Z^{(1)} = X W^{(2)} + b^{(1)}", r"Z^{(1)} = X W^{(1)} + b^{(1)}",
                Message("The first layer has the weights of the first layer: the layer is wrong, and the shapes do not fit."),
            ),
            Slip(
                r"\delta^{(l)} = ((W^{(l+1)})^T \delta^{(l+1)}) \odot \sigma'(Z^{(l)})",
                r"\delta^{(l)} = (\delta^{(l+1)} (W^{(l+1)})^T) \odot \sigma'(Z^{(l)})",
                Message("The forward equations have examples as rows, this one belongs to columns: with rows the weights multiply from the right."),
            ),
            Slip(
                r"\frac{\partial C}{\partial w^l_{jk}} = a^{l-1}_k \delta^l_j", r"\frac{\partial C}{\partial w^l_{kj}} = a^{l-1}_k \delta^l_j",
                Message("A weight is written from, to in the forward equations and to, from here: one order must do for both."),
            ),
            Slip(
                r"\mathrm{MSE} = \frac{1}{2} \|y - a\|^2", r"\mathrm{MSE} = \frac{1}{n} \sum_j (y_j - a_j)^2",
                Message("Half the squared norm is not the mean of the squares; their gradients differ by a factor."),
            ),
        ),
    ),
    "D": Source(
        Message("Backpropagation through a computational graph, gate by gate"), "saito", "zh_Hant",
        (gates, _numbers, softmax, softmax_entropy, differences),
        (
            Slip(r"1 \cdot 4 + 2 \cdot 5 + 3 \cdot 8 = 32", r"1 \cdot 4 + 2 \cdot 5 + 3 \cdot 8 = 38", Message("The sum is 38.")),
            Slip(
                r"dx_2 = \sum_j e^{x_j}", r"dx_2 = \frac{1}{\sum_j e^{x_j}}",
                Message("The derivative of the product by this factor is the other factor, the inverse of the sum."),
            ),
            Slip(
                r"dx_3 = -\frac{t}{S^2}", r"dx_3 = -\frac{\sum_k t_k}{S^2}",
                Message("The sum over the classes is missing: what was repeated forward is added up backward."),
            ),
            Slip(r"dx_3 = dW_2", r"dx_3 = W_3 dy", Message("The gradient that is handed down belongs to the input of the gate, not to its weight.")),
        ),
    ),
}  # fmt: skip


def source_notes(key: str, detail: str = "steps", progress: Progress = lambda name: None, language: str | None = None) -> Notes:
    """The notes on one of the four texts, in its notation and its language or another; `UnknownName` for a letter that stands for none.

    >>> notes = source_notes("B", progress=lambda name: None)
    >>> [s.key for s in notes.sections]
    ['descent', 'one-variable', 'one-neuron', 'slips']
    """
    source = SOURCES[one_of("source", key, SOURCES)]
    one_of("detail", detail, DETAILS)
    notation = load_notation(source.notation)
    sections = [s for build in source.covers for s in build(notation, progress)]
    if source.slips:
        sections.append(_slips(source, notation))
    return Notes(source.title, tuple(sections), detail, {}, load_language(language or source.language))


def _slips(source: Source, notation: Notation) -> Section:
    blocks: list[Block] = [Prose("These formulas of the text do not hold as they are printed; above they stand mended.")]
    for slip in source.slips:
        printed, mended = laid_out(slip.printed, "latex"), laid_out(slip.mended, "latex")
        blocks.append(Prose("For {printed} read {mended}. {why}", {"printed": printed, "mended": mended, "why": slip.why}))
    return Section("slips", "Slips that were mended", tuple(blocks), notation)


