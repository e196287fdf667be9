"""A network is a list of equations: what it holds, how it is read from text, and what makes it hold together."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from sympy import Basic, Sum, Symbol, sympify

from symbackprop.equations import Entry, Equation, Tensor, index, indices_apart
from symbackprop.equations import tensors as tensors_of
from symbackprop.errors import SpecError, one_of
from symbackprop.formula import Scope, read_equation, read_expression
from symbackprop.rules import elementwise_names

__all__ = ["Network", "check_equation", "read_equations", "read_size"]

_NAME = r"[A-Za-z_]\w*"


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
        a computed quantity follows from the axes its indices run over. An index that is called as a size is gets another letter.
        `SpecError` names what does not fit.
        """
        ordered = read_equations(equations, tensors, scalars)
        final = ordered[-1] if loss is None else next((e for e in ordered if e.tensor.name == loss), None)
        if final is None:
            raise SpecError(f"the loss '{loss}' has no equation; the equations define {', '.join(str(e.tensor) for e in ordered)}")
        if final.tensor.rank:
            raise SpecError(f"the loss must be a single number, but {final.lhs} has {final.tensor.rank} axes; sum over them")
        parameters, targets = tuple(parameters), tuple(targets)
        known = {t.name: t for e in ordered for t in (e.tensor, *tensors_of(e.rhs))}
        known |= {key: tensor for key, tensor in _declared(tensors).items() if key not in known}
        for label, names in (("parameters", parameters), ("targets", targets)):
            for n in names:
                one_of(f"tensor among the {label}", n, known)
        scope = _scope(known, scalars)
        whole = indices_apart((*ordered, *(_read_fact(f, scope) for f in facts)))
        return Network(
            whole[: len(ordered)], final.lhs, tuple(known[p] for p in parameters), targets=tuple(known[t] for t in targets),
            inputs=tuple(t for t in _free(ordered) if t.name not in {*parameters, *targets}),
            facts=whole[len(ordered) :], name=name,
        )  # fmt: skip

    def equation(self, tensor: Tensor) -> Equation | None:
        """The equation that defines `tensor`, at its layer; None for a quantity that is given."""
        if tensor in self._by_tensor:
            return self._by_tensor[tensor]
        for e in self._layered:
            if e.tensor.name == tensor.name and tensor.layer is not None and self.holds(e, tensor.layer):
                return e.at_layer(tensor.layer)
        return None

    @property
    def typed(self) -> bool:
        """Whether the equations were typed by somebody, and not made by a builder: then their axes and letters are the author's."""
        return self.depth is None and not self.details

    @cached_property
    def _by_tensor(self) -> dict[Tensor, Equation]:
        return {e.tensor: e for e in self.equations}

    @cached_property
    def _layered(self) -> tuple[Equation, ...]:
        return tuple(e for e in self.equations if e.layers)

    @cached_property
    def last_layer(self) -> Any:
        """The layer of the last pre-activation z; None where no z has a layer."""
        if self.depth is not None:
            return self.depth
        return max((e.tensor.layer for e in self.equations if e.tensor.name == "z" and e.tensor.layer is not None), default=None)

    @cached_property
    def labels(self) -> frozenset[str]:
        """What its equations are called."""
        return frozenset(e.label for e in self.equations if e.label)

    def using(self, tensors: Iterable[Tensor]) -> list[Equation]:
        """The equations whose right sides mention one of `tensors`, in their order."""
        found = {n: e for t in tensors for n, e in self._users.get(t, ())}
        return [found[n] for n in sorted(found)]

    @cached_property
    def _users(self) -> dict[Tensor, list[tuple[int, Equation]]]:
        users: dict[Tensor, list[tuple[int, Equation]]] = {}
        for n, e in enumerate(self.equations):
            for t in tensors_of(e.rhs):
                users.setdefault(t, []).append((n, e))
        return users

    def holds(self, equation: Equation, layer: Any) -> bool:
        """Whether a layered equation covers `layer`; the symbol l stands for any layer with 1 <= l < L."""
        if equation.layers is None:
            return True
        inner = {s: self.depth - Symbol("_above", integer=True, positive=True) for s in sympify(layer, strict=True).free_symbols if s != self.depth}
        at = sympify(layer, strict=True).xreplace(inner)
        low, high = sympify(equation.layers.low, strict=True), sympify(equation.layers.high, strict=True)
        below = (high - at).is_nonnegative
        # A symbolic layer l stands for the hidden layers, so it is at least 1 by its meaning.
        above = (at - low).is_nonnegative if not inner and self.depth not in at.free_symbols else low <= 1
        return bool(below) and bool(above)


def read_equations(
    equations: Sequence[str | Equation], tensors: Mapping[str, Sequence[Any]], scalars: Sequence[str] = ()
) -> tuple[Equation, ...]:
    """The equations, typed as text or given, in the order in which they are evaluated.

    `tensors` gives the shape of what is not computed. `SpecError` for what is defined twice, in a circle, or of axes that do not fit.

    >>> [str(e.lhs) for e in read_equations(["a[j] = tanh(z[j])", "z[j] = sum(k, w[j, k]*x[k])"], {"w": (3, 2), "x": (2,)})]
    ['z[j]', 'a[j]']
    """
    if not equations or isinstance(equations, str) or not all(isinstance(e, (str, Equation)) for e in equations):
        raise SpecError("equations must be a list of at least one equation, such as 'C = sum(j, x[j]**2)'")
    known = _declared(tensors)
    single = {m[1] for e in equations if isinstance(e, str) and (m := re.match(rf"\s*({_NAME})\s*=", e))}
    read: list[Equation] = []
    pending = list(equations)
    while pending:
        left: list[str] = []
        for item in pending:
            if isinstance(item, str) and not _readable(item, known, single):
                left.append(item)
                continue
            equation = item if isinstance(item, Equation) else _read_one(item, known, scalars)
            known.setdefault(equation.tensor.name, equation.tensor)
            read.append(equation)
        if len(left) == len(pending):
            raise _unreadable(left, known)
        pending = [*left]
    return tuple(_in_order(read))


def _declared(tensors: Mapping[str, Sequence[Any]]) -> dict[str, Tensor]:
    for key, shape in tensors.items():
        if not key.isidentifier() or not isinstance(shape, (list, tuple)):
            raise SpecError(f"tensors gives each name a list of sizes, such as w = [3, 2], not {key} = {shape!r}")
    return {key: Tensor(key, [read_size(n, key) for n in shape]) for key, shape in tensors.items()}


def read_size(value: Any, where: str) -> Any:
    """A size, given as a positive whole number, a name or an expression; `where` is what it is the size of."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 1:
        return sympify(value, strict=True)
    if isinstance(value, str) and value.isidentifier():
        return index(value)
    if isinstance(value, Basic):
        return value
    raise SpecError(f"{where}: a size is a positive whole number or a name, not {value!r}")


def _readable(text: str, known: Mapping[str, Tensor], single: set[str]) -> bool:
    """Whether every subscripted name on the right, and every `single` number an equation defines, is known already."""
    right = text.partition("=")[2]
    return all(n in known for n in (*re.findall(rf"({_NAME})\s*\[", right), *single.intersection(re.findall(_NAME, right))))


def _read_one(text: str, known: Mapping[str, Tensor], scalars: Sequence[str]) -> Equation:
    """Read an equation; a left side not declared gets the sizes of the axes its indices run over on the right."""
    match = re.match(rf"\s*({_NAME})\s*(?:\[([^\]]*)\])?\s*=", text)
    if match is None:
        raise SpecError(f"'{text}' is no equation: 'name[indices] = formula' was expected")
    name, letters = match[1], [s.strip() for s in (match[2] or "").split(",") if s.strip()]
    if name not in known:
        ranges = _ranges(read_expression(text.partition("=")[2].strip(), _scope(known, scalars)))
        shape = []
        for letter in letters:
            found = ranges.get(index(letter), set())
            if len(found) != 1:
                count = f"{len(found)} candidates"
                raise SpecError(f"'{text}': the size of axis '{letter}' of {name} does not follow from the right side ({count}); declare it")
            shape.append(found.pop())
        known = {**known, name: Tensor(name, shape)}
    return read_equation(text, _scope(known, scalars))


def _scope(known: Mapping[str, Tensor], scalars: Sequence[str]) -> Scope:
    """What names mean in the formulas of a network: its tensors, the registered functions, its numbers and the sizes of its axes."""
    return Scope(known, elementwise_names(), scalars, {str(s) for t in known.values() for n in t.shape for s in n.free_symbols})


def _read_fact(text: str, scope: Scope) -> Equation:
    left, sign, right = text.partition("=")
    if not sign:
        raise SpecError(f"the fact '{text}' is no equation")
    return Equation(read_expression(left.strip(), scope), read_expression(right.strip(), scope))


def _unreadable(left: Sequence[str], known: Mapping[str, Tensor]) -> SpecError:
    """Why no equation of `left` can be read: a name that nothing defines (`UnknownName` is raised), or a cycle."""
    defined = {re.split(r"[\[\s=]", text.strip())[0] for text in left}
    for text in left:
        for n in re.findall(rf"({_NAME})\s*\[", text.partition("=")[2]):
            if n not in known and n not in defined:
                one_of("tensor", n, [*known, *defined], where=f"in the equation '{text}'")
    return SpecError(f"the equations of {', '.join(sorted(defined))} need each other: a network has no cycles")


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
        if i.is_Integer and any(n.is_Integer and not 1 <= i <= n for n in sizes):
            raise SpecError(f"in {equation}: the index {i} leaves its axis, which runs from 1 to {min(sizes)}")
        if i.is_Symbol and i not in equation.lhs.indices and not isinstance(i, Entry):
            raise SpecError(f"in {equation}: the index {i} stands neither on the left side nor under a sum")
    _check_shifts(equation)


def _check_shifts(equation: Equation) -> None:
    """An index such as i + u - 1 stays on its axis wherever all sizes are numbers."""
    spans = {i: n for i, n in zip(equation.lhs.indices, equation.tensor.shape, strict=True) if i.is_Symbol}
    for total in equation.rhs.atoms(Sum):
        spans |= {k: high for k, _, high in total.limits}
    for entry in equation.rhs.atoms(Entry):
        for i, n in zip(entry.indices, entry.tensor.shape, strict=True):
            if not i.is_Add or not n.is_Integer or not all(spans.get(s, s).is_Integer for s in i.free_symbols):
                continue
            ends = [(1, spans[s]) if i.coeff(s) > 0 else (spans[s], 1) for s in i.free_symbols]
            low, high = (i.xreplace({s: sympify(end[n], strict=True) for s, end in zip(i.free_symbols, ends, strict=True)}) for n in (0, 1))
            if low < 1 or high > n:
                raise SpecError(f"in {equation}: the index {i} runs from {low} to {high}, but the axis of {entry.tensor} from 1 to {n}")


def _free(equations: Sequence[Equation]) -> list[Tensor]:
    computed = {e.tensor for e in equations}
    return list(dict.fromkeys(t for e in equations for t in tensors_of(e.rhs) if t not in computed))


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
        stack = [(start, iter(tensors_of(by_tensor[start].rhs)))] if start not in state else []
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
                stack.append((following, iter(tensors_of(by_tensor[following].rhs))))
    return list(ordered.values())
