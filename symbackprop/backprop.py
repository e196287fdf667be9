"""Reverse accumulation over the equation graph: the forward list of equations becomes the backward list.

For each quantity x the chain rule runs over the equations that use x: `dC/dx_p = sum over them, sum_i dC/dy_i dy_i/dx_p`.
The result is a list of equations again, so a second derivative can be taken of it. Time is linear in the number of equations:
equations that differ only in their layer share one local derivative.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from sympy import Add, Derivative, KroneckerDelta, Mul, S

from symbackprop.deltas import collapse
from symbackprop.equations import (
    Entry,
    Equation,
    Grad,
    Partial,
    Tensor,
    add,
    entries,
    evaluated,
    index,
    mul,
    rename_bound,
    rename_tensors,
    summation,
    tensors,
)  # fmt: skip
from symbackprop.local import letters, local, stand_ins
from symbackprop.network import Network
from symbackprop.writing import draw_out, order_of, tidy

__all__ = ["Backward", "Named", "Path", "backpropagate", "unnamed"]


@dataclass(frozen=True)
class Named:
    """A letter of its own for a gradient: `delta^l_j = factor * dC/dz^l_j`."""

    symbol: str
    factor: Any = S.One


@dataclass(frozen=True)
class Path:
    """One way from x to the loss: the equation that uses x, the index summed over, the local derivative, what arrives from above."""

    source: Equation
    indices: tuple[Any, ...]
    summed: tuple[tuple[Any, Any], ...]
    local: Partial
    derivative: Any
    gradient: Any
    upstream: Any

    @cached_property
    def consumer(self) -> Equation:
        """The equation that uses x, its indices apart from those of x."""
        lhs = Entry(self.source.tensor, *self.indices)
        taken = letters(self.source.rhs) | letters(self.local.wrt) | letters(lhs)
        return Equation(lhs, rename_bound(self.source.at_indices(self.indices), taken), self.source.rule)

    @property
    def target(self) -> Entry:
        """What is differentiated."""
        if not isinstance(self.gradient, Entry):
            return self.consumer.lhs  # type: ignore[no-any-return]
        of = self.gradient.tensor.of
        return Entry(of, *self.gradient.indices[: of.rank])

    @property
    def body(self) -> Any:
        """Upstream gradient and local derivative: a weight stands before the error, an activation's slope behind it."""
        plain = all(isinstance(f, (Entry, KroneckerDelta)) or f.is_number for f in Mul.make_args(self.derivative))
        return mul(self.derivative, self.upstream) if plain else mul(self.upstream, self.derivative)

    @property
    def product(self) -> Any:
        """The body under the sum over the consumer's entries."""
        return _total(self.body, self.summed)

    @property
    def spelled_out(self) -> Any:
        """The same with both derivatives as fractions, as the chain rule states it."""
        if self.upstream == 1:
            # The loss formula may reach x by other ways too: name the terms that mention it, not the whole derivative.
            terms = [t for t in Add.make_args(self.consumer.rhs) if self.local.wrt.tensor in tensors(t)]
            return Derivative(add(*terms), self.local.wrt, evaluate=False)
        return _total(mul(Partial(self.target, self.consumer.lhs), self.local), self.summed)


@dataclass(frozen=True)
class Backward:
    """The gradient of one quantity: the chain rule over its `paths` and the `equation` it ends in.

    `definition` says what the left side means where it has a letter of its own; None where it is written dC/dx.
    """

    wrt: Entry
    paths: tuple[Path, ...]
    equation: Equation
    definition: Equation | None = None

    @property
    def tensor(self) -> Tensor:
        return self.wrt.tensor


def _total(body: Any, summed: tuple[tuple[Any, Any], ...]) -> Any:
    return summation(body, *((k, 1, n) for k, n in summed)) if summed else body


def backpropagate(
    net: Network, named: Mapping[str, Named] | None = None, wrt: Iterable[Tensor] | None = None, loss: Entry | None = None
) -> tuple[Backward, ...]:
    """The backward equations of `net`, from the loss to the inputs.

    `named` gives gradients a letter (`{"z": Named("delta")}`); `wrt` chooses the quantities (all that can be reached by default).
    `loss` is what is differentiated; one with letters for its indices, `p[i]`, gives Jacobians: `dp/dz[i, j]`, its own axes first.

    >>> from symbackprop.builders import mlp
    >>> [str(b.equation) for b in backpropagate(mlp([2, 2]), {"z": Named("delta")})][-2:]
    ['dC/db(1)[j] = delta(1)[j]', 'dC/dw(1)[j, k] = delta(1)[j]*x[k]']
    """
    named = named or {}
    target = loss or net.loss
    users = _users(net, target.tensor)
    result, level = [], set[Tensor]()
    for tensor in _reversed_quantities(net, target.tensor, users) if wrt is None else wrt:
        found = _gradient(net, target, tensor, users, named, level)
        if found is not None:
            result.append(found)
    return tuple(result)


def _users(net: Network, target: Tensor) -> dict[str, list[Equation]]:
    """The equations on a way to the target that use each quantity, by its name and layer where these are concrete."""
    called = _key if net.depth is None else _name
    leading, on_the_way = {called(target)}, []
    for e in reversed(net.equations):
        if called(e.tensor) in leading:
            leading |= {called(t) for t in tensors(e.rhs)}
            on_the_way.append(e)
    users: dict[str, list[Equation]] = {}
    for e in reversed(on_the_way):
        for key in {_key(t) if e.layers is None else t.name for t in tensors(e.rhs)}:
            users.setdefault(key, []).append(e)
    return users


def _key(tensor: Tensor) -> str:
    return str(tensor)


def _name(tensor: Tensor) -> str:
    return tensor.name


def _reversed_quantities(net: Network, target: Tensor, users: dict[str, list[Equation]]) -> Iterator[Tensor]:
    """Everything the loss depends on, nearest first: layered quantities at the last layer L, then those at any l; then what is given."""
    seen: set[Tensor] = set()
    wanted = {*net.parameters, *net.inputs}
    last: list[Equation] = []
    below: list[Equation] = []
    for e in reversed(net.equations):
        if e.layers and e.layers.high == net.depth:
            last.append(e.at_layer(net.depth))
        (below if e.layers or (below and e.tensor.layer != net.depth) else last).append(e)
    for e in (*last, *below):
        if e.tensor != target and e.tensor not in seen:
            seen.add(e.tensor)
            if e.tensor not in net.targets:
                yield e.tensor
    first_use = {t: -n for n, e in reversed([*enumerate(net.equations)]) for t in tensors(e.rhs)}
    for t in sorted(first_use, key=lambda t: (first_use[t], t.rank)):
        if t not in seen and t in wanted:
            seen.add(t)
            yield t


def _gradient(
    net: Network, target: Entry, tensor: Tensor, users: dict[str, list[Equation]], named: Mapping[str, Named], level: set[Tensor]
) -> Backward | None:
    """The gradient by one quantity; those it vanishes by are gathered in `level`, and nothing arrives through them."""
    wrt = _entry_of(net, tensor, users)
    paths: list[Path] = []
    for e in _consumers(net, tensor, users):
        path = None if e.tensor in level else _path(net, target, e, wrt, named)
        if path is not None:
            paths.append(path)
    if not paths:
        level.add(tensor)
    if not paths or any(_is_given(p.derivative, target.tensor) for p in paths):
        return None
    total = add(*(_simplified(p) for p in paths))
    lhs: Any = Entry(Grad(target.tensor, tensor), *target.indices, *wrt.indices)
    definition = None
    name = named.get(tensor.name)
    if name is not None:
        letter = Tensor(name.symbol, tensor.shape, tensor.layer)
        definition = Equation(Entry(letter, *wrt.indices), mul(name.factor, Partial(target, wrt)), rule="definition", relation="equiv")
        total = tidy_factor(name.factor, total)
        lhs = definition.lhs
    return Backward(wrt, tuple(paths), Equation(lhs, total, rule="backward"), definition)


def _is_given(derivative: Any, target: Tensor) -> bool:
    """Whether a derivative is only its own name, as that of an abstract cost by its output."""
    return isinstance(derivative, Entry) and isinstance(derivative.tensor, Grad) and bool(derivative.tensor.of == target)


def tidy_factor(number: Any, total: Any) -> Any:
    """`number` times a sum of products, the number cancelled inside where it can be."""
    if number == 1:
        return total
    parts = []
    for part in total.args if total.is_Add else (total,):
        parts.append(tidy(evaluated(mul(number, part)), order_of(part)))
    return add(*parts)


def _entry_of(net: Network, tensor: Tensor, users: dict[str, list[Equation]]) -> Entry:
    """The entry of `tensor` with the indices its defining equation uses, or those it is first used with."""
    defined = net.equation(tensor)
    if defined is not None:
        return defined.lhs  # type: ignore[no-any-return]
    using = (*users.get(_key(tensor), ()), *users.get(tensor.name, ()))
    uses = (e for equation in using for e in entries(equation.rhs) if e.tensor.name == tensor.name)
    for e in uses:
        if len(set(e.indices)) == len(e.indices) and all(i.is_Symbol for i in e.indices):
            return Entry(tensor, *e.indices)
    return Entry(tensor, *(index(c) for c in "jkpqrt"[: tensor.rank]))


def _consumers(net: Network, tensor: Tensor, users: dict[str, list[Equation]]) -> Iterator[Equation]:
    for e in users.get(_key(tensor), ()):
        if e.layers is None:
            yield e
    if tensor.layer is None:
        return
    for e in users.get(tensor.name, ()):
        if e.layers is None:
            continue
        for layer in dict.fromkeys(t.layer for t in tensors(e.rhs) if t.name == tensor.name and t.layer is not None):
            at = tensor.layer - (layer - e.layers.symbol)
            if net.holds(e, at):
                yield e.at_layer(at)


def _path(net: Network, target: Entry, consumer: Equation, wrt: Entry, named: Mapping[str, Named]) -> Path | None:
    last = consumer.tensor == target.tensor
    indices, summed, derivative = local(consumer, wrt, net.samples, net.facts, target.indices if last else None)
    if derivative == 0:
        return None
    spelled = Partial(Entry(consumer.tensor, *indices), wrt)
    if last:
        return Path(consumer, indices, (), spelled, derivative, S.One, S.One)
    gradient = Entry(Grad(target.tensor, consumer.tensor), *target.indices, *indices)
    return Path(consumer, indices, summed, spelled, derivative, gradient, _upstream(gradient, named))


def _upstream(gradient: Entry, named: Mapping[str, Named]) -> Any:
    y = gradient.tensor.wrt
    name = named.get(y.name)
    return gradient if name is None else mul(Entry(Tensor(name.symbol, y.shape, y.layer), *gradient.indices), S.One / name.factor)


def _simplified(path: Path) -> Any:
    """The product under its sum, deltas collapsed: `sum_k g_k f'(z_k) delta_kj` becomes `g_j f'(z_j)`."""
    if path.upstream == 1:
        return path.derivative
    body = path.body
    if not path.derivative.has(KroneckerDelta):
        return draw_out(_total(body, path.summed))
    total = _total(body, path.summed)
    stand_in, back = stand_ins(tensors(total))
    return rename_tensors(_collapsed(rename_tensors(total, stand_in)), back)


@lru_cache(maxsize=4096)
def _collapsed(total: Any) -> Any:
    return draw_out(tidy(collapse(total), order_of(total)))


def unnamed(backward: Iterable[Backward], loss: Tensor) -> list[Equation]:
    """The backward list as plain equations for new tensors `d_x`, ready to be differentiated again."""
    listed = list(backward)
    names = {Grad(loss, b.tensor): Tensor(f"d_{b.tensor.name}", b.tensor.shape, b.tensor.layer) for b in listed}
    return [Equation(rename_tensors(b.equation.lhs, names), rename_tensors(b.equation.rhs, names), "backward") for b in listed]
