"""What the names in an expression mean at a point: the equations that define tensors, as nodes that are compiled when needed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import sympy as sp
from sympy.core.function import AppliedUndef
from sympy.core.symbol import Str

from symbackprop.equations import Abstract, Entry, Equation, Grad, Partial, Tensor
from symbackprop.errors import InputError, SpecError
from symbackprop.evaluate import arithmetic, branches, quantities
from symbackprop.evaluate.balls import Undecided
from symbackprop.evaluate.nodes import Code, Definition, Env, Frame, Node
from symbackprop.evaluate.samplers import Sampler, Values
from symbackprop.evaluate.scope import Formula, Scope
from symbackprop.evaluate.sizes import Sizes

__all__ = ["Functions", "Model"]

Functions = Callable[[str], tuple[Any, Any] | None]


class Model:
    """Sizes, values, nodes and formulas: everything a `Scope` asks for.

    The key of a node is the name and the layer of its tensor, or the scalar symbol itself.
    """

    writers: Mapping[Any, Callable[[Scope, Any], Code]] = {**arithmetic.WRITERS, **branches.WRITERS, **quantities.WRITERS}

    def __init__(
        self, equations: tuple[Equation, ...], sizes: Mapping[Any, int], seed: int, functions: Functions,
        free: Mapping[Tensor, Sampler], values: Mapping[Any, Any],
    ) -> None:  # fmt: skip
        self.functions = functions
        self.root, self.values, self.sizes = Frame(), Values(seed), Sizes()
        self._nodes: dict[Any, Node] = {}
        self._formulas: dict[str, Formula | None] = {}
        self._definitions: dict[Any, list[Definition]] = {}
        self._set_sizes(equations, sizes)
        self._define(equations)
        # A loss is a scalar that no other equation uses; a mention inside a derivative is no use of its value.
        self.used = {t for e in equations for t in _used(e.rhs) if not isinstance(e.lhs, Entry) or t != e.tensor.name}
        self.values.samplers |= {self._family(k): v for k, v in free.items()}
        self.values.given |= {self._family(k): v for k, v in values.items()}
        for key in self.values.given.keys() & self._definitions.keys():
            raise SpecError(f"a value is given for {key[0]}, which an equation defines")

    def size(self, expr: Any, indices: Mapping[Any, int] = {}) -> int:
        """The whole number that a size stands for."""
        return int(self.scope(indices).whole(sp.sympify(expr, strict=True))({}))

    def scope(self, static: Mapping[Any, int] = {}, bound: Iterable[Any] = ()) -> Scope:
        """Where expressions are compiled: sizes, and what is `static`, are numbers; what is `bound` is not."""
        letters = frozenset(bound)
        numbers = {**self.sizes.numbers, **static}
        return Scope(self, {s: v for s, v in numbers.items() if isinstance(s, sp.Symbol) and s not in letters}, letters)

    def node(self, source: Any, static: Env) -> Node:
        """The node of a tensor, or of a scalar symbol, with its layer and its shape in whole numbers."""
        if isinstance(source, Grad):
            raise Undecided(f"a derivative with respect to the gradient {source} cannot be evaluated")
        key: Any = source
        shape: tuple[int, ...] = ()
        if isinstance(source, Tensor):
            key, shape = self._key(source, static), tuple(self.size(n, static) for n in source.shape)
        node = self._nodes.get(key)
        if node is None:
            label = str(key) if isinstance(key, sp.Symbol) else key[0] + ("" if key[1] is None else f"({key[1]})")
            draw = partial(self.values.draw, key, label, shape)
            node = self._nodes[key] = Node(label, shape, self._definitions.get(key, ()), self._compile, draw)
        if node.shape != shape:
            raise SpecError(f"{node.label} has the shape {node.shape} in one place and {shape} in another")
        return node

    def formula(self, name: str) -> Formula | None:
        """The compiled formula of a named function; None for one that is left abstract."""
        if name not in self._formulas:
            record = self.functions(name)
            if record is None:
                self._formulas[name] = None
            else:
                variable, formula = record
                scope = self.scope(bound=[variable])
                self._formulas[name] = Formula(variable, scope.code(formula), scope.below)
        return self._formulas[name]

    def _compile(self, definition: Definition, below: dict[Node, None]) -> tuple[list[Any], Code]:
        bound = [i for i in definition.lhs.indices if isinstance(i, sp.Symbol)]
        scope = replace(self.scope(definition.static, bound), below=below)
        pattern = [i if i in bound else int(scope.whole(i, index=True)({})) for i in definition.lhs.indices]
        return pattern, scope.code(definition.rhs)

    def _set_sizes(self, equations: tuple[Equation, ...], given: Mapping[Any, int]) -> None:
        self.sizes.numbers |= {k: int(v) for k, v in given.items() if isinstance(k, sp.Symbol)}
        for equation in equations:
            self.sizes.note(equation.lhs)
            self.sizes.note(equation.rhs)
        self.sizes.note_layers(equations)
        for key, number in given.items():
            if isinstance(key, AppliedUndef):
                self.sizes.give(key, tuple(self.size(a) for a in key.args), int(number))
            elif not isinstance(key, sp.Symbol):
                raise InputError(f"a size is given for {key!r}, which is neither a symbol nor a width such as n(2)")

    def _define(self, equations: tuple[Equation, ...]) -> None:
        costs: list[Definition] = []
        for e in equations:
            if e.relation != "=" or not isinstance(e.lhs, Entry) or isinstance(e.tensor, Grad):
                continue
            family: list[Env] = [{}]
            if e.layers is not None:
                symbol, low, high = e.layers.symbol, self.size(e.layers.low), self.size(e.layers.high)
                family = [{symbol: layer} for layer in range(low, high + 1)]
            for static in family:
                found = self._definitions.setdefault(self._key(e.tensor, static), [])
                if any(all(isinstance(i, sp.Symbol) for i in d.lhs.indices) for d in found):
                    raise SpecError(f"{e.tensor} is defined twice, the second time by {e}")
                found.append(Definition(e.lhs, e.rhs, static))
                costs.extend(Definition(c.value(), c, static) for c in e.rhs.atoms(Abstract) if c.value != e.tensor)
        for cost in costs:
            self._definitions.setdefault(self._key(cost.lhs.tensor, cost.static), [cost])

    def _key(self, tensor: Tensor, static: Env) -> tuple[str, int | None]:
        return tensor.name, None if tensor.layer is None else self.size(tensor.layer, static)

    def _family(self, source: Any) -> Any:
        """The key of a tensor or scalar; a tensor whose layer is no number here stands for all its layers."""
        if not isinstance(source, Tensor):
            return source
        if source.layer is not None and not source.layer.free_symbols <= self.sizes.numbers.keys():
            return source.name, "*"
        return self._key(source, {})


def _used(expr: Any) -> Iterator[str]:
    """The names of the tensors whose values `expr` uses, derivatives aside."""
    if isinstance(expr, Entry):
        if not isinstance(expr.tensor, Grad):
            yield expr.tensor.name
    elif isinstance(expr, Abstract):
        yield from (t.name for t in expr.arguments)
    elif not isinstance(expr, (Partial, Tensor, Str)):
        for argument in getattr(expr, "args", ()):
            yield from _used(argument)
