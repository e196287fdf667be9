"""A network is a list of equations: read from Python, from a TOML file, or built layer by layer from the registered rules."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from sympy import S, Sum, Symbol, sympify

from symbackprop.equations import Abstract, Entry, Equation, Func, Grad, Layers, Tensor, add, index, mul, scalar, size, summation, tensors
from symbackprop.errors import SpecError, one_of
from symbackprop.formula import Scope, read_equation
from symbackprop.rules import ACTIVATIONS, LAYERS, LOSSES, PENALTIES, Loss, elementwise_names

__all__ = ["Network", "deep", "mlp"]

_PROBABILITIES = {"binary_cross_entropy": ("sigmoid",), "cross_entropy": ("softmax",), "negative_log_likelihood": ("softmax",)}


@dataclass(frozen=True)
class Network:
    """Forward equations in the order they are evaluated, the scalar that is differentiated, and the facts that hold.

    `parameters` are what gradients are wanted for, `inputs` and `targets` what is given. `target` says what kind of target
    it is (real, binary, one_hot, sign, class). `depth` is the symbolic number of layers of a network of any depth.

    >>> net = Network.from_equations(["h[j] = sum(k, w[j, k]*x[k])", "C = 1/2*sum(j, (y[j] - h[j])**2)"],
    ...                              tensors={"w": (3, 2), "x": (2,), "y": (3,)}, parameters=["w"])
    >>> [str(e.lhs) for e in net.equations]
    ['h[j]', 'C']
    """

    equations: tuple[Equation, ...]
    loss: Entry
    parameters: tuple[Tensor, ...] = ()
    inputs: tuple[Tensor, ...] = ()
    targets: tuple[Tensor, ...] = ()
    facts: tuple[Equation, ...] = ()
    target: str = "real"
    name: str = "network"
    depth: Any = None
    samples: Any = None
    details: Mapping[str, str] = field(default_factory=dict, hash=False)

    @staticmethod
    def from_equations(
        equations: Sequence[str | Equation], *, tensors: Mapping[str, Sequence[Any]], parameters: Iterable[str] = (),
        targets: Iterable[str] = (), loss: str | None = None, facts: Sequence[str] = (), scalars: Sequence[str] = (), name: str = "network",
    ) -> Network:  # fmt: skip
        """A network from its equations, typed as text in index notation or given as `Equation`s, in any order.

        `tensors` gives the shape of everything that is not computed, and may give that of what is; otherwise the shape of
        a computed quantity follows from the axes its indices run over. `SpecError` names what does not fit.
        """
        known = {key: Tensor(key, [_size(n, key) for n in shape]) for key, shape in tensors.items()}
        read: list[Equation] = []
        pending = list(equations)
        while pending:
            left: list[str | Equation] = []
            for item in pending:
                if isinstance(item, Equation):
                    read.append(item)
                    known.setdefault(item.tensor.name, item.tensor)
                elif _readable(item, known):
                    equation = _read_one(item, known, scalars)
                    known.setdefault(equation.tensor.name, equation.tensor)
                    read.append(equation)
                else:
                    left.append(item)
            if len(left) == len(pending):
                _explain_unreadable(left, known)
            pending = left
        ordered = _in_order(read)
        final = ordered[-1] if loss is None else next((e for e in ordered if e.tensor.name == loss), None)
        if final is None:
            raise SpecError(f"the loss '{loss}' has no equation; the equations define {', '.join(str(e.tensor) for e in ordered)}")
        if final.tensor.rank:
            raise SpecError(f"the loss must be a single number, but {final.lhs} has {final.tensor.rank} axes; sum over them")
        for label, names in (("parameters", parameters), ("targets", targets)):
            for n in names:
                one_of(f"tensor among the {label}", n, known)
        scope = Scope(known, elementwise_names(), scalars)
        return Network(
            tuple(ordered), final.lhs, tuple(known[p] for p in parameters), targets=tuple(known[t] for t in targets),
            inputs=tuple(t for t in _free(ordered) if t.name not in {*parameters, *targets}),
            facts=tuple(_read_fact(f, scope) for f in facts), name=name,
        )  # fmt: skip

    @staticmethod
    def load(path: str | Path) -> Network:
        """A network from a TOML file: either an `[mlp]` table or `[tensors]` and `equations`. `SpecError` names file and key."""
        path = Path(path)
        try:
            data = tomllib.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise SpecError(f"cannot read '{path}': {error.strerror}") from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise SpecError(f"'{path}' is not a TOML file: {error}") from error
        return _from_table(data, str(path))

    def equation(self, tensor: Tensor) -> Equation | None:
        """The equation that defines `tensor`, at its layer; None for a quantity that is given."""
        if tensor in self._by_tensor:
            return self._by_tensor[tensor]
        for e in self._layered:
            if e.tensor.name == tensor.name and tensor.layer is not None and self.holds(e, tensor.layer):
                return e.at_layer(tensor.layer)
        return None

    @cached_property
    def _by_tensor(self) -> dict[Tensor, Equation]:
        return {e.tensor: e for e in self.equations}

    @cached_property
    def _layered(self) -> tuple[Equation, ...]:
        return tuple(e for e in self.equations if e.layers)

    def holds(self, equation: Equation, layer: Any) -> bool:
        """Whether a layered equation covers `layer`; the symbol l stands for any layer with 1 <= l < L."""
        if equation.layers is None:
            return True
        inner = {s: self.depth - Symbol("_above", integer=True, positive=True) for s in sympify(layer).free_symbols if s != self.depth}
        at = sympify(layer).xreplace(inner)
        low, high = sympify(equation.layers.low), sympify(equation.layers.high)
        below = (high - at).is_nonnegative
        # A symbolic layer l stands for the hidden layers, so it is at least 1 by its meaning.
        above = (at - low).is_nonnegative if not inner and self.depth not in at.free_symbols else low <= 1
        return bool(below) and bool(above)


def _size(value: Any, where: str) -> Any:
    if isinstance(value, bool) or isinstance(value, int) and value < 1:
        raise SpecError(f"{where}: a size is a positive whole number or a name, not {value!r}")
    return sympify(value) if isinstance(value, int) else index(value) if isinstance(value, str) else value


def _readable(text: str, known: Mapping[str, Tensor]) -> bool:
    """Whether every subscripted name on the right is known already."""
    import re

    return all(n in known for n in re.findall(r"([A-Za-z_]\w*)\s*\[", text.partition("=")[2]))


def _read_one(text: str, known: Mapping[str, Tensor], scalars: Sequence[str]) -> Equation:
    """Read an equation; a left side not declared gets the sizes of the axes its indices run over on the right."""
    import re

    match = re.match(r"\s*([A-Za-z_]\w*)\s*(?:\[([^\]]*)\])?\s*=", text)
    if match is None:
        raise SpecError(f"'{text}' is no equation: 'name[indices] = formula' was expected")
    name, letters = match[1], [s.strip() for s in (match[2] or "").split(",") if s.strip()]
    scope = Scope(known, elementwise_names(), scalars)
    if name not in known:
        probe = read_equation(f"probe_ = {text.partition('=')[2]}", Scope({**known, "probe_": Tensor("probe_")}, elementwise_names(), scalars))
        shape = []
        for letter in letters:
            found = _ranges(probe.rhs).get(index(letter), set())
            if len(found) != 1:
                raise SpecError(f"'{text}': the size of axis '{letter}' of {name} does not follow from the right side ({len(found)} candidates); declare it")
            shape.append(found.pop())
        scope = Scope({**known, name: Tensor(name, shape)}, elementwise_names(), scalars)
    return read_equation(text, scope)


def _read_fact(text: str, scope: Scope) -> Equation:
    left, sign, right = text.partition("=")
    if not sign:
        raise SpecError(f"the fact '{text}' is no equation")
    from symbackprop.formula import read_expression

    return Equation(read_expression(left.strip(), scope), read_expression(right.strip(), scope))


def _explain_unreadable(left: Sequence[str | Equation], known: Mapping[str, Tensor]) -> None:
    import re

    defined = {re.split(r"[\[\s=]", str(t).strip())[0] for t in left}
    for text in map(str, left):
        for n in re.findall(r"([A-Za-z_]\w*)\s*\[", text.partition("=")[2]):
            if n not in known and n not in defined:
                one_of("tensor", n, [*known, *defined], where=f"in the equation '{text}'")
    raise SpecError(f"the equations of {', '.join(sorted(defined))} need each other: a network has no cycles")


def _ranges(expr: Any) -> dict[Any, set[Any]]:
    """The sizes of the axes that each free index of `expr` runs over."""
    found: dict[Any, set[Any]] = {}
    if isinstance(expr, Entry):
        for i, n in zip(expr.indices, expr.tensor.shape, strict=True):
            found.setdefault(i, set()).add(n)
        return found
    for argument in (expr.function,) if isinstance(expr, Sum) else () if isinstance(expr, Tensor) else expr.args:
        for i, sizes in _ranges(argument).items():
            found.setdefault(i, set()).update(sizes)
    if isinstance(expr, Sum):
        for k, _, high in expr.limits:
            _one_size(k, found.pop(k, set()) | {high}, expr)
    return found


def _one_size(i: Any, sizes: set[Any], where: Any) -> None:
    if i.is_Symbol and len(sizes) > 1:
        raise SpecError(f"in {where}: the index {i} runs over axes of different sizes, {' and '.join(sorted(map(str, sizes)))}")


def check_equation(equation: Equation) -> None:
    """Every index runs over axes of one size; `SpecError` names the index and the sizes."""
    ranges = _ranges(equation.rhs)
    for i, n in zip(equation.lhs.indices, equation.tensor.shape, strict=True):
        ranges.setdefault(i, set()).add(n)
    for i, sizes in ranges.items():
        _one_size(i, sizes, equation)


def _free(equations: Iterable[Equation]) -> list[Tensor]:
    equations = list(equations)
    computed = {e.tensor for e in equations}
    return list(dict.fromkeys(t for e in equations for t in tensors(e.rhs) if t not in computed))


def _in_order(equations: Sequence[Equation]) -> list[Equation]:
    """The equations sorted so that everything is computed before it is used."""
    by_tensor: dict[Tensor, Equation] = {}
    for e in equations:
        if e.tensor in by_tensor:
            raise SpecError(f"{e.tensor} is defined twice: {by_tensor[e.tensor]}, and {e}")
        by_tensor[e.tensor] = e
        check_equation(e)
    ordered: dict[Tensor, Equation] = {}
    state: dict[Tensor, int] = {}
    for start in by_tensor:
        stack = [(start, iter(tensors(by_tensor[start].rhs)))] if start not in state else []
        state.setdefault(start, 1)
        while stack:
            tensor, needed = stack[-1]
            following = next((t for t in needed if t in by_tensor and state.get(t) != 2), None)
            if following is None:
                state[tensor] = 2
                ordered[tensor] = by_tensor[tensor]
                stack.pop()
            elif state.get(following) == 1:
                loop = [t for t, _ in stack][[t for t, _ in stack].index(following) :]
                raise SpecError("the equations go round in a circle: " + " needs ".join(map(str, [*loop, following])))
            else:
                state[following] = 1
                stack.append((following, iter(tensors(by_tensor[following].rhs))))
    return list(ordered.values())


# ---------------------------------------------------------------- networks made of layers


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
    if len(sizes) < 2:
        raise SpecError(f"a network needs at least an input and an output size, not {list(sizes)}")
    widths = [_size(n, "sizes") for n in sizes]
    last = len(widths) - 1
    equations: list[Equation] = []
    x = Tensor("x", _shape(widths[0], samples))
    previous, parameters = x, []
    for layer in range(1, last + 1):
        affine = _affine(previous, widths[layer], widths[layer - 1], layer, samples, bias)
        equations.append(affine)
        parameters += [t for t in tensors(affine.rhs) if t.name in ("w", "b")]
        kind = (output or activation) if layer == last else activation
        if layer == last and _takes_logits(loss, kind):
            previous = affine.tensor
            continue
        equations.append(_activate(affine.tensor, kind, layer, samples))
        previous = equations[-1].tensor
    return _with_loss(equations, previous, loss, samples, penalty, parameters, x, output or activation, name)


def deep(
    *, activation: str = "sigma", output: str | None = None, loss: str | None = None, samples: Any = None, first: int = 1, name: str = "deep",
) -> Network:  # fmt: skip
    """The network of any depth L: `z^l_j = sum_k w^l_jk a^{l-1}_k + b^l_j`, `a^l_j = f(z^l_j)` for `first <= l <= L`.

    Names that no registry holds stay abstract: `activation="sigma"` is any differentiable function, `loss=None` any cost C(a^L, y).

    >>> [str(e.lhs) for e in deep().equations]
    ['z(l)[j]', 'a(l)[j]', 'C']
    """
    layer, depth = index("l"), index("L")
    n = lambda at: size("n", at)  # noqa: E731 - the letter of the mathematics
    a = Tensor("a", _shape(n(layer - 1), samples), layer - 1)
    affine = _affine(a, n(layer), n(layer - 1), layer, samples, True)
    kind = output or activation
    z = affine.tensor
    equations = [_layered(affine, layer, first, depth)]
    logits = loss is not None and _takes_logits(loss, kind)
    top = depth if kind == activation and not logits else depth - 1
    equations.append(_layered(_activate(z, activation, layer, samples), layer, first, top))
    final = Tensor("z" if logits else "a", _shape(n(depth), samples), depth)
    if top != depth and not logits:
        equations.append(_activate(Tensor("z", _shape(n(depth), samples), depth), kind, depth, samples))
    parameters = [t for t in tensors(affine.rhs) if t.name in ("w", "b")]
    inputs = Tensor("a", _shape(n(first - 1), samples), first - 1)
    if loss is None:
        y, cost = Tensor("y", final.shape), Tensor("C")
        equations.append(Equation(cost(), Abstract(cost, final, y), rule="abstract"))
        return Network(tuple(equations), cost(), tuple(parameters), (inputs,), (y,), name=name, depth=depth, samples=_samples(samples))
    net = _with_loss(equations, final, loss, samples, None, parameters, inputs, kind, name)
    return Network(net.equations, net.loss, net.parameters, net.inputs, net.targets, net.facts, net.target, name, depth, net.samples, net.details)


def _layered(equation: Equation, layer: Any, low: Any, high: Any) -> Equation:
    return Equation(equation.lhs, equation.rhs, equation.rule, layers=Layers(layer, low, high))


def _samples(samples: Any) -> Any:
    return None if samples is None else _size(samples, "samples")


def _shape(width: Any, samples: Any) -> tuple[Any, ...]:
    return (width,) if samples is None else (width, _samples(samples))


def _at(tensor: Tensor, j: Any) -> Entry:
    """Entry j of one example: the sample index, where there is one, is always s."""
    return tensor[j] if tensor.rank == 1 else tensor[j, index("s")]


def _affine(a: Tensor, width: Any, fan_in: Any, layer: Any, samples: Any, bias: bool) -> Equation:
    j, k = index("j"), index("k")
    w, b = Tensor("w", (width, fan_in), layer), Tensor("b", (width,), layer)
    z = Tensor("z", _shape(width, samples), layer)
    rule = LAYERS["affine" if bias else "linear"]
    total = summation(mul(w[j, k], _at(a, k)), (k, 1, fan_in))
    return Equation(_at(z, j), add(total, b[j]) if bias else total, rule=rule.name)


def _activate(z: Tensor, activation: str, layer: Any, samples: Any) -> Equation:
    j = index("j")
    a = Tensor("a", z.shape, layer)
    if activation in ACTIVATIONS and ACTIVATIONS[activation].vector:
        return Equation(_at(a, j), ACTIVATIONS[activation].entry(lambda i: _at(z, i), j, z.shape[0]), rule=activation)
    if activation == "identity":
        return Equation(_at(a, j), _at(z, j), rule=activation)
    if len(activation) > 1 and activation not in ("sigma", "phi"):
        ACTIVATIONS[activation]  # an unknown name is answered with the near miss
    return Equation(_at(a, j), Func(activation, _at(z, j)), rule=activation)


def _takes_logits(loss: str, output: str) -> bool:
    """Whether the loss is taken of the last pre-activation; `SpecError` if the loss does not fit the output."""
    rule = LOSSES[loss]
    if rule.input == "logits":
        if output != "identity":
            raise SpecError(f"the loss '{loss}' takes logits, but the output activation is '{output}'; use output = 'identity'")
        return True
    allowed = _PROBABILITIES.get(loss)
    if allowed and output not in allowed:
        raise SpecError(f"the loss '{loss}' takes probabilities, but the output activation '{output}' gives none; use {' or '.join(map(repr, allowed))}")
    return False


def _with_loss(
    equations: list[Equation], final: Tensor, loss: str, samples: Any, penalty: str | None, parameters: list[Tensor],
    x: Tensor, output: str, name: str,
) -> Network:  # fmt: skip
    rule = LOSSES[loss]
    width, s = final.shape[0], index("s")
    y = Tensor("y", _shape(width, samples)) if rule.target != "class" else Tensor("y", () if samples is None else (_samples(samples),))
    read = (lambda *i: _at(y, *i)) if rule.target != "class" else (lambda *i: y() if samples is None else y[s])
    one = rule.of(lambda j: _at(final, j), read, width)
    batch = _samples(samples)
    cost = Tensor("C" if samples is None else "J")
    if samples is None:
        total = one
    else:
        each = Tensor("L", (batch,))
        equations.append(Equation(each[s], one, rule=loss))
        total = mul(S.One / batch, summation(each[s], (s, 1, batch)))
    if penalty is not None:
        weights = [w for w in parameters if w.name == "w"]
        terms = [PENALTIES[penalty].of(lambda i, q, w=w: w[i, q], *w.shape) for w in weights]  # type: ignore[misc]
        total = add(*(total.args if total.is_Add else (total,)), *terms)
    equations.append(Equation(cost(), total, rule=loss if samples is None else "mean"))
    for e in equations:
        check_equation(e)
    details = {"output": output, "loss": loss}
    return Network(tuple(equations), cost(), tuple(parameters), (x,), (y,), _target_facts(rule, y), rule.target, name, None, batch, details)


def _target_facts(rule: Loss, y: Tensor) -> tuple[Equation, ...]:
    if rule.target != "one_hot":
        return ()
    k = index("k")
    return (Equation(summation(_at(y, k), (k, 1, y.shape[0])), S.One, rule="one_hot"),)


_TABLES: Mapping[str, tuple[str, ...]] = {
    "mlp": ("sizes", "activation", "output", "loss", "samples", "bias", "penalty"),
    "deep": ("activation", "output", "loss", "samples"),
}


def _from_table(data: Mapping[str, Any], where: str) -> Network:
    top = ("name", "mlp", "deep", "tensors", "equations", "loss", "parameters", "targets", "facts", "scalars")
    for key in data:
        one_of("key", key, top, where)
    name = str(data.get("name", Path(where).stem))
    for kind, build in (("mlp", mlp), ("deep", deep)):
        if kind in data:
            table = data[kind]
            if not isinstance(table, Mapping):
                raise SpecError(f"{where}: [{kind}] must be a table with {', '.join(_TABLES[kind])}")
            for key in table:
                one_of(f"key of [{kind}]", key, _TABLES[kind], where)
            if kind == "mlp" and not isinstance(table.get("sizes"), list):
                raise SpecError(f"{where}: [mlp] needs sizes, a list such as [2, 3, 1]")
            arguments = {k: v for k, v in table.items() if k != "sizes"}
            return build(*([table["sizes"]] if kind == "mlp" else []), **arguments, name=name)  # type: ignore[operator, no-any-return]
    if "equations" not in data:
        raise SpecError(f"{where}: give either [mlp], [deep], or equations = [...] with [tensors]")
    strings = lambda key: _strings(data.get(key, []), key, where)  # noqa: E731 - used four times on the next lines
    shapes = data.get("tensors", {})
    if not isinstance(shapes, Mapping) or not all(isinstance(s, list) for s in shapes.values()):
        raise SpecError(f"{where}: [tensors] gives each tensor a list of sizes, such as w = [3, 2]")
    return Network.from_equations(
        strings("equations"), tensors=shapes, parameters=strings("parameters"), targets=strings("targets"), loss=data.get("loss"),
        facts=strings("facts"), scalars=strings("scalars"), name=name,
    )  # fmt: skip


def _strings(value: Any, key: str, where: str) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
        raise SpecError(f"{where}: {key} must be a list of strings")
    return value


def gradient(net: Network, tensor: Tensor) -> Grad:
    """The tensor of derivatives of the network's loss with respect to `tensor`."""
    return Grad(net.loss.tensor, tensor)


def learning_rate() -> Symbol:
    """The learning rate, eta > 0."""
    return scalar("eta", positive=True)
