"""Networks built layer by layer from the registered rules: a perceptron of given sizes, and the network of any depth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from sympy import S, sympify

from symbackprop.equations import Abstract, Entry, Equation, Func, Layers, Tensor, add, index, mul, size, summation, tensors
from symbackprop.errors import SpecError
from symbackprop.network import Network, check_equation, read_size
from symbackprop.rules import ACTIVATIONS, LOSSES, PENALTIES, Loss

__all__ = ["deep", "mlp"]

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
    _check_names(activation=activation, output=output, loss=loss, penalty="none" if penalty is None else penalty)
    widths, batch = [read_size(n, "sizes") for n in sizes], _batch(samples)
    last = len(widths) - 1
    x = a = Tensor("x", _shape(widths[0], batch))
    equations: list[Equation] = []
    parameters: list[Tensor] = []
    for layer in range(1, last + 1):
        equations.append(_affine(a, widths[layer], layer, bias))
        parameters += _parameters(equations[-1])
        kind = output if layer == last else activation
        if layer < last or not _takes_logits(loss, kind):
            equations.append(_activate(equations[-1].tensor, kind))
        a = equations[-1].tensor
    return _with_loss(equations, a, x, parameters, loss=loss, output=output, batch=batch, penalty=penalty, name=name)


def deep(
    *, activation: str = "sigma", output: str | None = None, loss: str | None = None, samples: Any = None, first: int = 1, name: str = "deep",
) -> Network:  # fmt: skip
    """The network of any depth L: `z^l_j = sum_k w^l_jk a^{l-1}_k + b^l_j`, `a^l_j = f(z^l_j)` for `first <= l <= L`.

    Names that no registry holds stay abstract: `activation="sigma"` is any differentiable function, `loss=None` any cost C(a^L, y).

    >>> [str(e.lhs) for e in deep().equations]
    ['z(l)[j]', 'a(l)[j]', 'C']
    """
    output = activation if output is None else output
    _check_names(activation=activation, output=output, loss="any" if loss is None else loss)
    layer, depth, batch = index("l"), index("L"), _batch(samples)

    def at(name: str, layer: Any) -> Tensor:
        return Tensor(name, _shape(size("n", layer), batch), layer)

    affine = _affine(at("a", layer - 1), size("n", layer), layer)
    activated = _activate(affine.tensor, activation)
    logits = loss is not None and _takes_logits(loss, output)
    apart = logits or output != activation
    equations = [
        replace(affine, layers=Layers(layer, first, depth)),
        replace(activated, layers=Layers(layer, first, depth - 1 if apart else depth)),
    ]
    if apart and not logits:
        equations.append(_activate(at("z", depth), output))
    final, a = at("z" if logits else "a", depth), at("a", sympify(first - 1))
    if loss is not None:
        return _with_loss(equations, final, a, _parameters(affine), loss=loss, output=output, batch=batch, name=name, depth=depth)
    y, cost = Tensor("y", final.shape), Tensor("C")
    equations.append(Equation(cost(), Abstract(cost, final, y), rule="abstract"))
    return Network(tuple(equations), cost(), _parameters(affine), (a,), (y,), name=name, depth=depth, samples=batch)


def _check_names(**names: Any) -> None:
    for key, value in names.items():
        if not isinstance(value, str) or not value.isidentifier():
            raise SpecError(f"{key} must be a name, not {value!r}")


def _batch(samples: Any) -> Any:
    return None if samples is None else read_size(samples, "samples")


def _shape(width: Any, batch: Any) -> tuple[Any, ...]:
    return (width,) if batch is None else (width, batch)


def _at(tensor: Tensor, *j: Any) -> Entry:
    """An entry of one example: the sample index, where there is one, is always s."""
    return tensor[j] if tensor.rank == len(j) else tensor[*j, index("s")]


def _affine(a: Tensor, width: Any, layer: Any, bias: bool = True) -> Equation:
    j, k, fan_in = index("j"), index("k"), a.shape[0]
    w, b, z = Tensor("w", (width, fan_in), layer), Tensor("b", (width,), layer), Tensor("z", (width, *a.shape[1:]), layer)
    total = summation(mul(w[j, k], _at(a, k)), (k, 1, fan_in))
    return Equation(_at(z, j), add(total, b[j]) if bias else total, rule="affine" if bias else "linear")


def _parameters(affine: Equation) -> tuple[Tensor, ...]:
    return tuple(t for t in tensors(affine.rhs) if t.name in ("w", "b"))


def _activate(z: Tensor, activation: str) -> Equation:
    j = index("j")
    a = Tensor("a", z.shape, z.layer)
    if activation in ACTIVATIONS and ACTIVATIONS[activation].vector:
        value = ACTIVATIONS[activation].entry(lambda i: _at(z, i), j, z.shape[0])
    elif activation == "identity":
        value = _at(z, j)
    else:
        if len(activation) > 1 and activation not in _ABSTRACT:
            ACTIVATIONS[activation]  # an unknown name is answered with the near miss
        value = Func(activation, _at(z, j))
    return Equation(_at(a, j), value, rule=activation)


def _takes_logits(loss: str, output: str) -> bool:
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


def _with_loss(
    equations: Sequence[Equation], final: Tensor, x: Tensor, parameters: Sequence[Tensor],
    *, loss: str, output: str, batch: Any, name: str, penalty: str | None = None, depth: Any = None,
) -> Network:  # fmt: skip
    """The network that ends in a registered loss of `final`, its mean over the examples of a batch, and a penalty on the weights."""
    rule, s = LOSSES[loss], index("s")
    y = Tensor("y", final.shape if rule.target != "class" else final.shape[1:])
    one = rule.of(lambda j: _at(final, j), lambda *j: _at(y, *j), final.shape[0])
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
    k = index("k")
    return (Equation(summation(_at(y, k), (k, 1, y.shape[0])), S.One, rule="one_hot"),)
