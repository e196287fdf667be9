"""What a rule is: a record that states a formula; and the registry that holds rules by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Generic, Protocol, TypeVar

from sympy import Sum, Tuple

from symbackprop.equations import Entry, Tensor, entries, index, rebuild, rename_bound, scalar, size, substitute, summation, tensors
from symbackprop.errors import UnknownName
from symbackprop.formula import Scope, read_expression

__all__ = ["ACTIVATIONS", "FUNCTIONS", "LAYERS", "LOSSES", "PENALTIES", "Activation", "Layer", "Loss", "Penalty", "Registry", "elementwise_names"]


class Named(Protocol):
    @property
    def name(self) -> str: ...


R = TypeVar("R", bound=Named)


class Registry(Mapping[str, R], Generic[R]):
    """Rules by name; a name stands for one rule only, and an unknown name is answered with the near miss."""

    def __init__(self, what: str) -> None:
        self.what = what
        self._rules: dict[str, R] = {}

    def add(self, rule: R) -> R:
        """Register a rule; `ValueError` if the name is taken."""
        if rule.name in self._rules:
            raise ValueError(f"there is already a {self.what} '{rule.name}'")
        self._rules[rule.name] = rule
        return rule

    def __getitem__(self, name: str) -> R:
        if name not in self._rules:
            raise UnknownName(self.what, name, self._rules)
        return self._rules[name]

    def __contains__(self, name: object) -> bool:
        return name in self._rules

    def __iter__(self) -> Iterator[str]:
        return iter(self._rules)

    def __len__(self) -> int:
        return len(self._rules)


@dataclass(frozen=True)
class Activation:
    """An activation `a = f(z)`: elementwise, or entry `j` of a function of the whole vector.

    `domain` is the open interval in which `f` is tested; `scalars` are the parameters its formula leaves open.
    """

    name: str
    formula: str
    symbol: str
    vector: bool = False
    scalars: tuple[str, ...] = ()
    kinks: tuple[tuple[int, int | str], ...] = ()
    domain: tuple[float, float] = (-8.0, 8.0)

    def of(self, z: Any) -> Any:
        """The formula of an elementwise activation at the expression `z`, in the order its author wrote it."""
        return substitute(_elementwise(self), {VARIABLE: z})

    def entry(self, z: Callable[[Any], Any], j: Any, length: Any) -> Any:
        """Entry `j` of a vector activation of the `length` values `z(1), z(2), ...`."""
        return _instantiate(_read(self.formula, {"z": (N,)}, self.scalars), {"z": z}, {index("j"): j, N: length})


@dataclass(frozen=True)
class Loss:
    """The loss of one example, from the output `a` (or the logits `z`) and the target `y`.

    `input` says what the formula takes: values, probabilities in (0, 1) or logits; `target` what it compares with:
    real values, zeros and ones, one-hot vectors, signs or the number of the class.
    """

    name: str
    formula: str
    input: str = "values"
    target: str = "real"
    scalars: tuple[str, ...] = ()
    kinks: str = ""

    def of(self, a: Callable[[Any], Any], y: Callable[..., Any], length: Any) -> Any:
        """The loss as an expression in the entries `a(j)` and `y(j)` (or the class number `y()`)."""
        shapes: dict[str, tuple[Any, ...]] = {"a": (N,), "y": () if self.target == "class" else (N,)}
        return _instantiate(_read(self.formula, shapes, self.scalars), {"a": a, "y": y}, {N: length})


@dataclass(frozen=True)
class Penalty:
    """A term added to the cost for each weight matrix, a formula in the entries `w[j, k]`."""

    name: str
    formula: str
    scalars: tuple[str, ...] = ("lambda_",)
    kinks: str = ""

    def of(self, w: Callable[[Any, Any], Any], rows: Any, columns: Any) -> Any:
        """The penalty of one `rows` x `columns` weight matrix."""
        return _instantiate(_read(self.formula, {"w": (N, M)}, self.scalars), {"w": w}, {N: rows, M: columns})


@dataclass(frozen=True)
class Layer:
    """A layer: the formula of entry `j` of its output from its inputs `a` (and `c`), its parameters and its activation `f`."""

    name: str
    formula: str
    parameters: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ("a",)
    activation: bool = False

    def of(self, made: Mapping[str, Callable[..., Any]], j: Any, rows: Any, columns: Any) -> Any:
        """Entry `j` of the output: `rows` long, made from inputs that are `columns` long."""
        shapes = {"w": (N, M), "b": (N,), **dict.fromkeys(self.inputs, (M,) if "w" in self.parameters else (N,))}
        read = _read(self.formula, {k: shapes[k] for k in (*self.parameters, *self.inputs)}, ())
        return _instantiate(read, made, {index("j"): j, N: rows, M: columns})


ACTIVATIONS = Registry[Activation]("activation")
FUNCTIONS = Registry[Activation]("function")
LOSSES = Registry[Loss]("loss")
PENALTIES = Registry[Penalty]("penalty")
LAYERS = Registry[Layer]("layer")

VARIABLE = scalar("z")
N, M = size("n"), size("m")


def elementwise_names() -> list[str]:
    """The activations that a formula may apply to a number."""
    return [a.name for a in ACTIVATIONS.values() if not a.vector]


@cache
def _elementwise(rule: Activation) -> Any:
    others = [name for name in elementwise_names() if name != rule.name]
    return read_expression(rule.formula, Scope({}, functions=others, scalars=("z", *rule.scalars)))


@cache
def _read_cached(formula: str, shapes: tuple[tuple[str, tuple[Any, ...]], ...], scalars: tuple[str, ...]) -> Any:
    tensors = {name: Tensor(name, shape) for name, shape in shapes}
    return read_expression(formula, Scope(tensors, [*elementwise_names(), "f"], scalars, sizes=("n", "m")))


def _read(formula: str, shapes: Mapping[str, tuple[Any, ...]], scalars: tuple[str, ...]) -> Any:
    return _read_cached(formula, tuple(shapes.items()), scalars)


def _instantiate(expr: Any, make: Mapping[str, Callable[..., Any]], names: Mapping[Any, Any]) -> Any:
    """Put actual entries, indices and sizes into a rule's formula; no sum runs over an index that a size is called by."""
    made = {t for e in entries(expr) for t in tensors(make[e.tensor.name](*e.indices))}
    said = [*names, *names.values(), *(n for t in made for n in t.shape)]
    expr = rename_bound(expr, {s for value in said for s in getattr(value, "free_symbols", ())})

    def visit(e: Any) -> Any:
        if isinstance(e, Entry):
            return make[e.tensor.name](*(i.xreplace(dict(names)) for i in e.indices))
        if isinstance(e, Sum):
            limits = [Tuple(k, low, high.xreplace(dict(names))) for k, low, high in e.limits]
            return summation(visit(e.function), *limits)
        if e in names:
            return names[e]
        if not getattr(e, "args", ()):
            return e
        args = tuple(visit(a) for a in e.args)
        return e if all(x is y for x, y in zip(args, e.args, strict=True)) else rebuild(e, args)

    return visit(expr)
