"""Networks built layer by layer from the registered rules: a perceptron of given sizes, and the network of any depth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from sympy import S, sympify

from symbackprop.equations import Abstract, Entry, Equation, Func, Layers, Tensor, add, fresh, index, mul, size, summation, tensors
from symbackprop.errors import SpecError
from symbackprop.network import Network, check_equation, read_size
from symbackprop.rules import ACTIVATIONS, LAYERS, LOSSES, PENALTIES, Loss

__all__ = ["activate", "affine", "batched", "deep", "entry_at", "mlp", "parameters_of", "read_batch", "with_loss"]

_PROBABILITIES = {"binary_cross_entropy": ("sigmoid",), "cross_entropy": ("softmax",), "negative_log_likelihood": ("softmax",)}
_ABSTRACT = ("sigma", "phi")  # any differentiable function; so is a single letter


def mlp(
    sizes: Sequence[Any], *, activation: str = "sigmoid", output: str | None = None, loss: str = "quadratic",
    samples: Any = None, bias: bool = True, penalty: str | None = None, name: str = "mlp",
) -> Network:  # fmt: skip
    """A multilayer perceptron with concrete layers: `z^l = w^l a^{l-1} + b^l`, `a^l = f(z^l)`.

    `sizes` are the widths from input to output. `output` is the last activation (by default that of the hidden layers), `loss` a
    registered loss; with `samples` (a number or a name such as "m") every example carries an index and the cost is the mean of
    the losses. Raises `SpecError` for sizes that cannot be and for a loss that does not fit the output.

    >>> [str(e.lhs) for e in mlp([2, 3, 1]).equations]
    ['z(1)[j]', 'a(1)[j]', 'z(2)[j]', 'a(2)[j]', 'C']
    """
    if not isinstance(sizes, Sequence) or isinstance(sizes, str) or not isinstance(bias, bool):
        raise SpecError(f"sizes is a list of sizes and bias is true or false, not {sizes!r} and {bias!r}")
    if len(sizes) < 2:
        raise SpecError(f"a network needs at least an input and an output size, not {list(sizes)}")
    output = activation if output is None else output
    check_names(activation=activation, output=output, loss=loss, penalty="none" if penalty is None else penalty)
    widths, batch = [read_size(n, "sizes") for n in sizes], read_batch(samples)
    last = len(widths) - 1
    x = a = Tensor("x", batched(widths[0], batch))
    equations: list[Equation] = []
    parameters: list[Tensor] = []
    for layer in range(1, last + 1):
        z = Tensor("z", (widths[layer], *a.shape[1:]), layer)
        equations.append(affine(a, z, layer, bias))
        parameters += parameters_of(equations[-1])
        kind = output if layer == last else activation
        if layer < last or not takes_logits(loss, kind):
            equations.append(activate(z, Tensor("a", z.shape, layer), kind))
        a = equations[-1].tensor
    return with_loss(equations, a, x, parameters, loss=loss, output=output, batch=batch, penalty=penalty, name=name)


def deep(
    *, activation: str = "sigma", output: str | None = None, loss: str | None = None, samples: Any = None, first: int = 1, name: str = "deep",
) -> Network:  # fmt: skip
    """The network of any depth L: `z^l_j = sum_k w^l_jk a^{l-1}_k + b^l_j`, `a^l_j = f(z^l_j)` for `first <= l <= L`.

    Names that no registry holds stay abstract: `activation="sigma"` is any differentiable function, `loss=None` any cost C(a^L, y).

    >>> [str(e.lhs) for e in deep().equations]
    ['z(l)[j]', 'a(l)[j]', 'C']
    """
    output = activation if output is None else output
    check_names(activation=activation, output=output, loss="any" if loss is None else loss)
    layer, depth, batch = index("l"), index("L"), read_batch(samples)

    def at(name: str, layer: Any) -> Tensor:
        return Tensor(name, batched(size("n", layer), batch), layer)

    joined = affine(at("a", layer - 1), at("z", layer), layer)
    activated = activate(at("z", layer), at("a", layer), activation)
    logits = loss is not None and takes_logits(loss, output)
    apart = logits or output != activation
    equations = [
        replace(joined, layers=Layers(layer, first, depth)),
        replace(activated, layers=Layers(layer, first, depth - 1 if apart else depth)),
    ]
    if apart and not logits:
        equations.append(activate(at("z", depth), at("a", depth), output))
    final, a = at("z" if logits else "a", depth), at("a", sympify(first - 1, strict=True))
    if loss is not None:
        return with_loss(equations, final, a, parameters_of(joined), loss=loss, output=output, batch=batch, name=name, depth=depth)
    y, cost = Tensor("y", final.shape), Tensor("C")
    equations.append(Equation(cost(), Abstract(cost, final, y), rule="abstract"))
    return Network(tuple(equations), cost(), parameters_of(joined), (a,), (y,), name=name, depth=depth, samples=batch)


def check_names(**names: Any) -> None:
    """Every value is a name; `SpecError` says of which key it is not."""
    for key, value in names.items():
        if not isinstance(value, str) or not value.isidentifier():
            raise SpecError(f"{key} must be a name, not {value!r}")


def read_batch(samples: Any) -> Any:
    """The number of examples, or None for a single one."""
    return None if samples is None else read_size(samples, "samples")


def batched(width: Any, batch: Any) -> tuple[Any, ...]:
    """The shape of a quantity of `width` entries, one column an example."""
    return (width,) if batch is None else (width, batch)


def letter_of(letters: str, *among: Tensor) -> Any:
    """An index by the first of its usual letters that is no size of the tensors, or by another.

    >>> letter_of("j", Tensor("a", (size("j"), size("m"))))
    k
    """
    return fresh({s for t in among for n in t.shape for s in n.free_symbols}, letters)


def entry_at(tensor: Tensor, *j: Any, among: Sequence[Tensor] = ()) -> Entry:
    """An entry of one example, in an equation of the tensors `among`: the sample index, where there is one, is s."""
    return tensor[j] if tensor.rank == len(j) else tensor[*j, letter_of("st", tensor, *among)]


def affine(a: Tensor, z: Tensor, layer: Any, bias: bool = True) -> Equation:
    """`z_j = sum_k w_jk a_k + b_j` with the parameters of `layer`, by the registered rule."""
    width, fan_in = z.shape[0], a.shape[0]
    w, b = Tensor("w", (width, fan_in), layer), Tensor("b", (width,), layer)
    rule = LAYERS["affine" if bias else "linear"]
    entries: dict[str, Callable[..., Any]] = {"w": lambda i, k: w[i, k], "b": lambda i: b[i], "a": lambda k: entry_at(a, k, among=[z])}
    j = letter_of("j", z, a)
    return Equation(entry_at(z, j, among=[a]), rule.of(entries, j, width, fan_in), rule=rule.name)


def parameters_of(equation: Equation) -> tuple[Tensor, ...]:
    """The weights and biases of an affine equation."""
    return tuple(t for t in tensors(equation.rhs) if t.name in ("w", "b"))


def activate(z: Tensor, a: Tensor, activation: str) -> Equation:
    """`a_j = f(z_j)`, or entry j of a vector activation of z; an abstract f keeps its name."""
    j = letter_of("j", z)
    if activation in ACTIVATIONS and ACTIVATIONS[activation].vector:
        value = ACTIVATIONS[activation].entry(lambda i: entry_at(z, i), j, z.shape[0])
    elif activation == "identity":
        value = entry_at(z, j)
    else:
        if len(activation) > 1 and activation not in _ABSTRACT:
            ACTIVATIONS[activation]  # an unknown name is answered with the near miss
        value = Func(activation, entry_at(z, j))
    return Equation(entry_at(a, j), value, rule=activation)


def takes_logits(loss: str, output: str) -> bool:
    """Whether the loss is taken of the last pre-activation; `SpecError` if the loss does not fit the output."""
    if LOSSES[loss].input == "logits":
        if output != "identity":
            raise SpecError(f"the loss '{loss}' takes logits, but the output activation is '{output}'; use output = 'identity'")
        return True
    allowed = _PROBABILITIES.get(loss)
    if allowed and output not in allowed:
        fitting = " or ".join(map(repr, allowed))
        raise SpecError(f"the loss '{loss}' takes probabilities, but the output activation '{output}' gives none; use {fitting}")
    return False


def with_loss(
    equations: Sequence[Equation], final: Tensor, x: Tensor, parameters: Sequence[Tensor],
    *, loss: str, output: str, batch: Any, name: str, penalty: str | None = None, depth: Any = None,
) -> Network:  # fmt: skip
    """The network that ends in a registered loss of `final`, its mean over the examples of a batch, and a penalty on the weights."""
    rule, s = LOSSES[loss], letter_of("st", final, *parameters)
    y = Tensor("y", final.shape if rule.target != "class" else final.shape[1:])
    among = (final, *parameters)
    one = rule.of(lambda j: entry_at(final, j, among=among), lambda *j: entry_at(y, *j, among=among), final.shape[0])
    if batch is None:
        cost, total, means = Tensor("C"), one, []
    else:
        each = Tensor("L", (batch,))
        cost, total, means = Tensor("J"), mul(S.One / batch, summation(each[s], (s, 1, batch))), [Equation(each[s], one, rule=loss)]
    if penalty is not None:
        penalized = [PENALTIES[penalty].of(_reader(w), *w.shape) for w in parameters if w.name == "w"]
        total = add(*(total.args if total.is_Add else (total,)), *penalized)
    whole = (*equations, *means, Equation(cost(), total, rule=loss if batch is None else "mean"))
    for e in whole:
        check_equation(e)
    return Network(
        whole, cost(), tuple(parameters), (x,), (y,), _facts(rule, y), rule.target, name, depth, batch, {"output": output, "loss": loss},
    )  # fmt: skip


def _reader(w: Tensor) -> Callable[[Any, Any], Any]:
    return lambda i, j: w[i, j]


def _facts(rule: Loss, y: Tensor) -> tuple[Equation, ...]:
    if rule.target != "one_hot":
        return ()
    k = letter_of("k", y)
    return (Equation(summation(entry_at(y, k), (k, 1, y.shape[0])), S.One, rule="one_hot"),)
