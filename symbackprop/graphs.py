"""Networks joined from named layers: each layer is a registered rule, its inputs are named, and a name may be used many times."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from symbackprop.builders import activate, affine, batched, entry_at, letter_of, parameters_of, read_batch, with_loss
from symbackprop.equations import Equation, Tensor
from symbackprop.errors import SpecError, one_of
from symbackprop.network import Network, read_size
from symbackprop.rules import LAYERS, LOSSES, Layer

__all__ = ["graph"]

_KEYS = ("name", "rule", "inputs", "size", "activation")


def graph(
    inputs: Mapping[str, Any], layers: Sequence[Mapping[str, Any]], *, loss: str = "quadratic", samples: Any = None,
    penalty: str | None = None, name: str = "graph",
) -> Network:  # fmt: skip
    """A network of named layers: `inputs` gives names and sizes, each layer its `name`, `rule` and `inputs`.

    The rules are the registered layers: affine and linear (with `size`), elementwise (with `activation`), add and multiply. The
    loss is taken of the last layer. Raises `SpecError` for sizes that do not chain and `UnknownName` for what is not defined before.

    >>> net = graph({"x": 3}, [
    ...     {"name": "z", "rule": "affine", "inputs": ["x"], "size": 3},
    ...     {"name": "a", "rule": "elementwise", "inputs": ["z"], "activation": "tanh"},
    ...     {"name": "r", "rule": "add", "inputs": ["a", "x"]}])
    >>> [str(e.lhs) for e in net.equations]
    ['z[j]', 'a[j]', 'r[j]', 'C']
    """
    batch = read_batch(samples)
    known = {key: Tensor(key, batched(read_size(width, key), batch)) for key, width in inputs.items()}
    if not known or not layers:
        raise SpecError("a network of layers needs inputs, such as x = 3, and at least one layer")
    equations: list[Equation] = []
    parameters: list[Tensor] = []
    for number, layer in enumerate(layers, 1):
        label = f"layer {number}"
        for key in layer:
            one_of("key", key, _KEYS, where=label)
        output = layer.get("name")
        if not isinstance(output, str) or not output.isidentifier():
            raise SpecError(f"{label}: a layer needs a name")
        if output in known or output in ("C", "J", "L", "y", "w", "b"):
            raise SpecError(f"{label}: the name '{output}' is taken")
        number_of_weights = sum(t.name == "w" for t in parameters) + 1
        equations.append(_layer(LAYERS[str(layer.get("rule"))], layer, known, number_of_weights, f"{label} ({output})"))
        parameters += parameters_of(equations[-1])
        known[output] = equations[-1].tensor
    _check_loss(loss, layers[-1])
    first = known[next(iter(inputs))]
    net = with_loss(
        equations, equations[-1].tensor, first, parameters, loss=loss, output=str(layers[-1].get("activation", "identity")),
        batch=batch, name=name, penalty=penalty,
    )  # fmt: skip
    return Network(
        net.equations, net.loss, net.parameters, tuple(known[i] for i in inputs), net.targets, net.facts, net.target, name,
        None, batch, net.details,
    )  # fmt: skip


def _layer(rule: Layer, layer: Mapping[str, Any], known: Mapping[str, Tensor], number: int, where: str) -> Equation:
    names = layer.get("inputs", [])
    if not isinstance(names, list) or len(names) != len(rule.inputs):
        raise SpecError(f"{where}: the rule '{rule.name}' takes {len(rule.inputs)} inputs, not {names!r}")
    sources = [known[one_of("input", str(n), known, where=where)] for n in names]
    for key, wanted in (("size", bool(rule.parameters)), ("activation", rule.activation)):
        if wanted != (key in layer):
            raise SpecError(f"{where}: the rule '{rule.name}' {'needs' if wanted else 'takes no'} {key}")
    a = sources[0]
    if rule.parameters:
        z = Tensor(layer["name"], (read_size(layer["size"], where), *a.shape[1:]))
        return affine(a, z, number, bias="b" in rule.parameters)
    if rule.activation:
        return activate(a, Tensor(layer["name"], a.shape), str(layer["activation"]))
    if any(s.shape != a.shape for s in sources):
        raise SpecError(f"{where}: the inputs of '{rule.name}' have different sizes, {' and '.join(str(s.shape[0]) for s in sources)}")
    z = Tensor(layer["name"], a.shape)
    j = letter_of("j", z)
    entries = {name: _reader(s) for name, s in zip(rule.inputs, sources, strict=True)}
    return Equation(entry_at(z, j), rule.of(entries, j, z.shape[0], z.shape[0]), rule=rule.name)


def _reader(source: Tensor) -> Any:
    return lambda j: entry_at(source, j)


def _check_loss(loss: str, last: Mapping[str, Any]) -> None:
    """Losses of probabilities need an activation that gives some, losses of logits none."""
    activation = last.get("activation")
    takes = LOSSES[loss].input
    if takes == "probabilities" and activation not in ("sigmoid", "softmax"):
        raise SpecError(f"the loss '{loss}' takes probabilities: end in an elementwise layer with activation 'sigmoid' or 'softmax'")
    if takes == "logits" and activation in ("sigmoid", "softmax"):
        raise SpecError(f"the loss '{loss}' takes logits: leave the last activation '{activation}' out")
