"""The value of an index expression at a point, in ball arithmetic: the independent judge of every derivation.

Nothing here differentiates symbolically. A derivative is the coefficient of `eps` in `f(x + eps)`, computed with truncated
power series over balls (Arb), that is rigorous forward mode. So an error in the calculus cannot hide here: the two share no rule.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from random import Random
from typing import Any

import sympy as sp
from flint import arb, arb_series, ctx, fmpq
from sympy.core.function import AppliedUndef
from sympy.core.symbol import Str
from sympy.functions.elementary.integers import RoundFunction

from .equations import Abstract, Entry, Equation, Func, Grad, Partial, Tensor
from .errors import InputError, NotProved, SpecError

__all__ = ["Disagreement", "Draw", "OutOfRange", "Point", "Undecided", "compare", "one_hot", "simplex"]

Env = dict[Any, Any]
Code = Callable[[Env, "_Frame"], Any]
Sampler = Callable[[tuple[int, ...], Random], Fraction]

_CAP = 64        # the longest series: length 2**d for derivatives nested d deep
_STRIDE = 24     # layers evaluated at once by recursion; deeper graphs are filled in from below
_BUSY: Any = object()


class Undecided(NotProved):
    """Ball arithmetic cannot tell: a ball straddles a condition, a value is not finite, or a ball is too wide."""


class OutOfRange(InputError, IndexError):
    """An index that is not between 1 and the size of its axis."""


class Draw(Random):
    """The random source handed to a sampler: seeded by tensor and entry; `key` is the same for all entries of the tensor."""

    def __init__(self, key: str, indices: tuple[int, ...], shape: tuple[int, ...]) -> None:
        super().__init__(f"{key}|{indices}")
        self.key, self.shape = key, shape


def one_hot(axis: int = 0) -> Sampler:
    """A sampler of targets that are 1 at one place along `axis` and 0 elsewhere."""

    def sample(indices: tuple[int, ...], draw: Any) -> Fraction:
        others = indices[:axis] + indices[axis + 1:]
        return Fraction(int(indices[axis] == Random(f"{draw.key}|{others}").randint(1, draw.shape[axis])))

    return sample


def simplex(axis: int = 0) -> Sampler:
    """A sampler of positive numbers that sum to 1 along `axis`."""

    def sample(indices: tuple[int, ...], draw: Any) -> Fraction:
        others = indices[:axis] + indices[axis + 1:]
        weights = Random(f"{draw.key}|{others}").sample(range(10, 10 + 9 * draw.shape[axis]), draw.shape[axis])
        return Fraction(weights[indices[axis] - 1], sum(weights))

    return sample


class _Node:
    """A tensor at a concrete layer, or a scalar symbol: its shape, what defines it, and what that leans on."""

    def __init__(self, key: Any, shape: tuple[int, ...], definitions: Sequence[tuple[Any, Any, Env]]) -> None:
        self.key, self.shape, self.definitions = key, shape, definitions
        self.label = str(key) if isinstance(key, sp.Symbol) else key[0] + ("" if key[1] is None else f"({key[1]})")
        self.programs: list[tuple[list[Any], Code]] | None = None
        self.below: dict[_Node, None] = {}
        self.ancestors: frozenset[_Node] | None = None
        self.steps: list[_Node] | None = None
        self.drawn: dict[tuple[int, ...], Fraction] = {}


class _Frame:
    """Values of entries as series of one length. A child frame moves one entry by eps.

    With `wrt`, everything downstream of that node is computed anew (a total derivative); without, all else is held.
    """

    __slots__ = ("length", "memo", "parent", "point", "wrt")

    def __init__(self, point: Point, parent: _Frame | None = None, length: int = 1, wrt: _Node | None = None) -> None:
        self.point, self.parent, self.length, self.wrt = point, parent, length, wrt
        self.memo: dict[Any, Any] = {}

    def get(self, node: _Node, indices: tuple[int, ...]) -> Any:
        key = (node, indices)
        found = self.memo.get(key)
        if found is not None:
            if found is _BUSY:
                raise SpecError(f"{node.label}{list(indices)} is defined through itself")
            return found
        if self.parent is not None and (self.wrt is None or self.wrt not in self.point._ancestors(node)):
            value = _lift(self.parent.get(node, indices), self.length)
        else:
            self.memo[key] = _BUSY
            try:
                value = self.point._compute(node, indices, self)
            finally:
                del self.memo[key]
        self.memo[key] = value
        return value

    def solid(self) -> _Frame:
        """The nearest frame in which nothing is held: a total derivative does not vary with a local one's variable."""
        frame = self
        while frame.parent is not None and frame.wrt is None:
            frame = frame.parent
        return frame


def _lift(value: Any, length: int) -> Any:
    if isinstance(value, arb_series) and value.prec != length:
        return arb_series(value.coeffs(), length)
    return value


def _tangent(frame: _Frame, wrt: _Node | None, run: Callable[[_Frame, Any], Any]) -> Any:
    """The coefficient of eps of `run(inner frame, eps)`.

    The outer values are series in x of length n. With eps = x^n in series of length 2n,
    f(u + eps) - f(u) = x^n f'(u) + O(x^2n): so derivatives nest without a second variable.
    """
    n = frame.length
    if 2 * n > _CAP:
        raise Undecided("derivatives are nested too deep to be evaluated")
    result = run(_Frame(frame.point, frame, 2 * n, wrt), arb_series([0] * n + [1], 2 * n))
    if n > 1:
        result = result - run(_Frame(frame.point, frame, 2 * n, wrt), arb_series([], 2 * n))
    if not isinstance(result, arb_series):
        return arb(0)
    return result[1] if n == 1 else arb_series([result[i] for i in range(n, 2 * n)], n)


def _sign(value: Any) -> int:
    """The sign of a ball or series, decided; at a kink a series has none, for its two sides may differ."""
    head = value[0] if isinstance(value, arb_series) else value
    if head > 0:
        return 1
    if head < 0:
        return -1
    if head.is_zero() and not (isinstance(value, arb_series) and any(not c.is_zero() for c in value.coeffs())):
        return 0
    raise Undecided(f"cannot tell the sign of {head}, on which a case distinction depends")


class Point:
    """Values for everything: whole numbers for sizes, balls for free tensors and scalars, equations for the rest.

    An equation defines the entries of its left side; `relation` other than "=" (an update) and gradients on the left define
    nothing. Sizes that are not given become pairwise different numbers 2, 3, ... in order of need, recorded in `sizes`.
    Factors that are Kronecker deltas or 0-1 cases are evaluated first: where they vanish, the rest is not evaluated.

    >>> from symbackprop.equations import Equation, Func, Grad, Tensor, index
    >>> w, C, j = Tensor("w", (2,)), Tensor("C"), index("j")
    >>> square = Equation(C(), sp.Sum(w[j]**2, (j, 1, 2)))
    >>> p = Point([square], {}, values={w: {(1,): Fraction(3), (2,): Fraction(1, 2)}})
    >>> p.value(C()), p.value(Grad(C, w)[1])        # C = w_1^2 + w_2^2,  dC/dw_1 = 2 w_1
    (9.25000000000000, 6.00000000000000)
    """

    def __init__(
        self, equations: Sequence[Equation], sizes: Mapping[Any, int], *, seed: int = 0, digits: int = 60,
        functions: Callable[[str], tuple[Any, Any] | None] = lambda name: None,
        free: Mapping[Tensor, Sampler] = {}, values: Mapping[Any, Any] = {},
    ) -> None:
        self.equations, self.seed, self.digits, self.functions = tuple(equations), seed, digits, functions
        self.sizes: dict[Any, int] = {}
        self._widths: dict[tuple[str, tuple[int, ...]], int] = {}
        self._layers: set[Any] = set()
        self._nodes: dict[Any, _Node] = {}
        self._definitions: dict[tuple[str, int | None], list[tuple[Any, Any, Env]]] = {}
        self._programs: dict[Any, tuple[Code, list[_Node]]] = {}
        self._formulas: dict[str, tuple[Any, Code, list[_Node]] | None] = {}
        self._size_symbols: set[Any] = set()
        self._root = _Frame(self)
        plain = {k: int(v) for k, v in sizes.items() if isinstance(k, sp.Symbol)}
        self.sizes |= plain
        for equation in self.equations:
            self._note_sizes(equation.lhs)
            self._note_sizes(equation.rhs)
            if equation.layers is not None:
                ends = [sp.sympify(equation.layers.low), sp.sympify(equation.layers.high)]
                self._layers |= set().union(*(e.free_symbols for e in ends)) | {equation.layers.symbol}
        for symbol in sorted(self._layers - {e.layers.symbol for e in self.equations if e.layers}, key=str):
            self.sizes.setdefault(symbol, 3)
        for key, number in sizes.items():
            if isinstance(key, AppliedUndef):
                arguments = tuple(self.size(a) for a in key.args)
                self._widths[key.func.__name__, arguments] = int(number)
                self.sizes[key.func(*arguments)] = int(number)
            elif not isinstance(key, sp.Symbol):
                raise InputError(f"a size is given for {key!r}, which is neither a symbol nor a width such as n(2)")
        self._define()
        self._free = {self._family(k): v for k, v in free.items()}
        self._values = {self._family(k): v for k, v in values.items()}
        for key in self._values.keys() & self._definitions.keys():
            raise SpecError(f"a value is given for {key[0]}, which an equation defines")

    def value(self, expr: Any, indices: Mapping[Any, int] = {}) -> arb:
        """The value of `expr`, a ball that contains it, its free indices and layer symbols as in `indices`."""
        expr = sp.sympify(expr)
        with self._precision():
            structural = _structural(expr)
            static = {s: int(v) for s, v in indices.items() if s in structural}
            env = {s: int(v) for s, v in indices.items() if s not in structural}
            key = (expr, tuple(static.items()), frozenset(env))
            if key not in self._programs:
                self._note_sizes(expr)
                writer = _Compiler(self, {})
                code = writer.code(expr, {**self._statics(env), **static}, frozenset(env))
                self._programs[key] = code, list(writer.below)
            code, below = self._programs[key]
            try:
                self._warm(self._root, below)
                result: arb = code(env, self._root)
            except ZeroDivisionError:
                raise Undecided(f"a division by zero in {expr}") from None
            if not result.is_finite():
                raise Undecided(f"{expr} has no finite value at this point")
            return result

    def size(self, expr: Any, indices: Mapping[Any, int] = {}) -> int:
        """The whole number that a size stands for here, `n(l) -> 4`."""
        env = dict(indices)
        return int(_Compiler(self, {}).whole(sp.sympify(expr), {**self._statics(env), **env}, frozenset(), True)({}))

    def _statics(self, bound: Iterable[Any]) -> Env:
        return {s: v for s, v in self.sizes.items() if isinstance(s, sp.Symbol) and s not in bound}

    @contextmanager
    def _precision(self) -> Iterator[None]:
        before = ctx.prec, ctx.cap
        ctx.prec, ctx.cap = int(self.digits * 3.33) + 64, _CAP
        try:
            yield
        finally:
            ctx.prec, ctx.cap = before

    def _note_sizes(self, expr: Any) -> None:
        for node in sp.preorder_traversal(expr):
            if isinstance(node, Tensor) and not isinstance(node, Grad):
                self._size_symbols |= set().union(*(s.free_symbols for s in node.shape)) if node.rank else set()
            elif isinstance(node, (sp.Sum, sp.Product)):
                self._size_symbols |= {s for _, *ends in node.limits for e in ends for s in e.free_symbols}

    def _define(self) -> None:
        abstract: list[tuple[Any, Any, Env]] = []
        for e in self.equations:
            if e.relation != "=" or not isinstance(e.lhs, Entry) or isinstance(e.tensor, Grad):
                continue
            span: Iterable[Any] = [None]
            if e.layers is not None:
                span = range(self.size(e.layers.low), self.size(e.layers.high) + 1)
            costs = e.rhs.atoms(Abstract)
            for layer in span:
                static = {} if layer is None else {e.layers.symbol: layer}  # type: ignore[union-attr]
                name = self._name(e.tensor, static)
                found = self._definitions.setdefault(name, [])
                if any(all(isinstance(i, sp.Symbol) for i in lhs.indices) for lhs, _, _ in found):
                    raise SpecError(f"{e.tensor} is defined twice, the second time by {e}")
                found.append((e.lhs, e.rhs, static))
                abstract.extend((c.value(), c, static) for c in costs if c.value != e.tensor)
        for lhs, rhs, static in abstract:
            self._definitions.setdefault(self._name(lhs.tensor, static), [(lhs, rhs, static)])
        # A loss is a scalar that no other equation uses; a mention inside a derivative is no use of its value.
        self._used = {t for e in self.equations for t in _used(e.rhs) if not isinstance(e.lhs, Entry) or t != e.tensor.name}

    def _name(self, tensor: Tensor, static: Env = {}) -> tuple[str, int | None]:  # noqa: B006 - never written to
        return tensor.name, None if tensor.layer is None else self.size(tensor.layer, static)

    def _node(self, source: Any, static: Env) -> _Node:
        """The node of a tensor, or of a scalar symbol, with its layer and its shape in whole numbers."""
        if isinstance(source, Grad):
            raise Undecided(f"a derivative with respect to the gradient {source} cannot be evaluated")
        key = self._name(source, static) if isinstance(source, Tensor) else source
        shape = tuple(self.size(s, static) for s in source.shape) if isinstance(source, Tensor) else ()
        node = self._nodes.get(key)
        if node is None:
            node = self._nodes[key] = _Node(key, shape, self._definitions.get(key, ()))
        if node.shape != shape:
            raise SpecError(f"{node.label} has the shape {node.shape} in one place and {shape} in another")
        return node

    def _below(self, node: _Node) -> dict[_Node, None]:
        if node.programs is None:
            node.programs = []
            for lhs, rhs, static in node.definitions:
                bound = frozenset(i for i in lhs.indices if isinstance(i, sp.Symbol))
                writer = _Compiler(self, node.below)
                statics = {s: v for s, v in {**self._statics(bound), **static}.items() if s not in bound}
                fixed = [i if i in bound else int(writer.whole(i, statics, frozenset(), False)({})) for i in lhs.indices]
                node.programs.append((fixed, writer.code(rhs, statics, bound)))
        return node.below

    def _ancestors(self, node: _Node) -> frozenset[_Node]:
        """Everything `node` depends on, itself only if it is recurrent."""
        if node.ancestors is None:
            found: dict[_Node, None] = {}
            stack = [node]
            while stack:
                new = [b for b in self._below(stack.pop()) if b not in found]
                found.update(dict.fromkeys(new))
                stack.extend(new)
            node.ancestors = frozenset(found)
        return node.ancestors

    def _warm(self, frame: _Frame, nodes: Iterable[_Node]) -> None:
        """Fill in deep graphs from below, so that recursion stays shallow however many layers there are."""
        for node in nodes:
            if node.steps is None:
                node.steps = self._steps(node)
            for step in node.steps:
                for indices in product(*(range(1, s + 1) for s in step.shape)):
                    frame.get(step, indices)

    def _steps(self, top: _Node) -> list[_Node]:
        """The nodes below `top` whose depth is a multiple of the stride, deepest last; recurrent ones are left to recursion."""
        depth: dict[_Node, int] = {}
        found, stack = [], [(top, False)]
        while stack:
            node, done = stack.pop()
            if done:
                depth[node] = 1 + max((depth[b] for b in self._below(node)), default=0)
                if depth[node] % _STRIDE == 0 and node not in self._below(node):
                    found.append(node)
            elif node not in depth:
                depth[node] = 0
                stack.append((node, True))
                stack.extend((b, False) for b in self._below(node) if b not in depth)
        return found

    def _check(self, node: _Node, indices: tuple[int, ...]) -> None:
        for axis, (i, n) in enumerate(zip(indices, node.shape, strict=True), start=1):
            if not 1 <= i <= n:
                raise OutOfRange(f"{node.label}{list(indices)}: axis {axis} runs from 1 to {n}, not to {i}")

    def _compute(self, node: _Node, indices: tuple[int, ...], frame: _Frame) -> Any:
        self._check(node, indices)
        self._below(node)
        for pattern, code in node.programs or ():
            if all(isinstance(p, sp.Symbol) or p == i for p, i in zip(pattern, indices, strict=True)):
                return code(dict(zip(pattern, indices, strict=True)), frame)
        if node.programs:
            raise SpecError(f"no equation defines {node.label}{list(indices)}")
        return _ball(self._draw(node, indices))

    def _family(self, source: Any) -> Any:
        """The key of a tensor or scalar; a tensor whose layer is no number here stands for all its layers."""
        if isinstance(source, Tensor) and source.layer is not None and not source.layer.free_symbols <= self.sizes.keys():
            return source.name, "*"
        return self._name(source) if isinstance(source, Tensor) else source

    def _draw(self, node: _Node, indices: tuple[int, ...]) -> Any:
        """The number of a free entry: given, or sampled, or a short decimal drawn from (seed, name, layer)."""
        every = (node.key[0], "*") if isinstance(node.key, tuple) else None
        for key in (node.key, every):
            if key in self._values:
                given = self._values[key]
                try:
                    return given[indices] if isinstance(given, Mapping) else given
                except KeyError:
                    raise InputError(f"no value is given for {node.label}{list(indices)}") from None
            if key in self._free:
                return self._free[key](indices, Draw(f"{self.seed}|{node.label}", indices, node.shape))
        if not node.drawn:
            count = math.prod(node.shape)
            unit = 10 ** max(3, len(str(count)) + 1)
            random = Random(f"{self.seed}|{node.label}")
            sizes = random.sample(range(unit // 5, unit * 3 // 2), count)
            positive = isinstance(node.key, sp.Symbol) and node.key.is_positive
            entries = product(*(range(1, s + 1) for s in node.shape))
            node.drawn = {i: Fraction(s * (1 if positive else random.choice((-1, 1))), unit)
                          for i, s in zip(entries, sizes, strict=True)}
        return node.drawn[indices]

    def _width(self, name: str, arguments: tuple[int, ...], source: Any) -> int:
        if (name, arguments) not in self._widths:
            self._widths[name, arguments] = self.sizes[source] = self._next_size()
        return self._widths[name, arguments]

    def _next_size(self) -> int:
        used = {v for k, v in self.sizes.items() if k not in self._layers}
        return next(n for n in range(2, len(used) + 3) if n not in used)

    def _assign(self, symbol: Any) -> int:
        if symbol in self._layers:
            raise InputError(f"no value is given for the layer {symbol}")
        self.sizes[symbol] = self._next_size()
        return self.sizes[symbol]

    def _formula(self, name: str) -> tuple[Any, Code, list[_Node]] | None:
        if name not in self._formulas:
            record = self.functions(name)
            if record is None:
                self._formulas[name] = None
            else:
                writer = _Compiler(self, {})
                code = writer.code(record[1], self._statics([record[0]]), frozenset([record[0]]))
                self._formulas[name] = record[0], code, list(writer.below)
        return self._formulas[name]


def _ball(value: Any) -> Any:
    if isinstance(value, arb):
        return value
    exact = Fraction(value)
    return arb(fmpq(exact.numerator, exact.denominator))


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


def _structural(expr: Any) -> set[Any]:
    """The symbols that say which tensor or width is meant (layers): they need numbers before anything is compiled."""
    found: set[Any] = set()
    for node in sp.preorder_traversal(expr):
        if isinstance(node, (Tensor, AppliedUndef)):
            found |= node.free_symbols
    return found


_FUNCTIONS: dict[Any, str] = {
    sp.exp: "exp", sp.log: "log", sp.sin: "sin", sp.cos: "cos", sp.tan: "tan", sp.asin: "asin", sp.acos: "acos",
    sp.atan: "atan", sp.erf: "erf", sp.erfc: "erfc", sp.tanh: "tanh", sp.sinh: "sinh", sp.cosh: "cosh",
}
_CONSTANTS: dict[Any, Callable[[], Any]] = {sp.pi: arb.pi, sp.E: arb.const_e, sp.EulerGamma: arb.const_euler}
_RELATIONS: dict[Any, tuple[int, ...]] = {
    sp.StrictLessThan: (-1,), sp.LessThan: (-1, 0), sp.Equality: (0,), sp.Unequality: (-1, 1), sp.GreaterThan: (0, 1),
    sp.StrictGreaterThan: (1,),
}


def _finite(u: Any) -> Any:
    # A series that is exactly 0 times one that is not finite is 0 to Arb: what is not finite must stop here.
    if isinstance(u, arb_series) and not all(c.is_finite() for c in u.coeffs()):
        raise Undecided("a quantity on the way has no finite value or slope at this point")
    return u


def _apply(name: str, u: Any) -> Any:
    if isinstance(u, arb) or name not in ("tanh", "sinh", "cosh"):
        return _finite(getattr(u, name)())
    # A series has no hyperbolic functions: through e^u. The constant term is not used on its own, so nothing cancels badly.
    up, down = _finite(u.exp()), _finite((-u).exp())
    if name == "sinh":
        return (up - down) / 2
    return (up + down) / 2 if name == "cosh" else (up - down) * (up + down).inv()


def _inverse(u: Any) -> Any:
    # Not 1/u: a quotient of series would cancel powers of eps, and turn 0/0 into a number.
    return _finite(u.inv()) if isinstance(u, arb_series) else 1 / u


def _power(u: Any, n: int) -> Any:
    return u ** n if n >= 0 else _inverse(u ** -n)


class _Compiler:
    """Turns an expression into nested closures. Symbols in `static` are numbers already, those in `bound` come with the call."""

    def __init__(self, point: Point, below: dict[_Node, None]) -> None:
        self.point, self.below = point, below

    def node(self, source: Any, static: Env) -> _Node:
        node = self.point._node(source, static)
        self.below.setdefault(node)
        return node

    def whole(self, e: Any, static: Env, bound: frozenset[Any], size: bool) -> Callable[[Env], Any]:
        """Arithmetic of whole numbers: sizes, layers, indices. `size` says that an unknown symbol may be a size."""
        if isinstance(e, int) or e.is_Rational:
            number = int(e) if isinstance(e, int) or e.is_Integer else Fraction(int(e.p), int(e.q))
            return lambda env: number
        if isinstance(e, sp.Symbol):
            if e in bound:
                return lambda env: env[e]
            if e in static:
                return self.whole(static[e], static, bound, size)
            if e in self.point._values:
                return lambda env: _integer(e, _ball(self.point._values[e]))
            if not (size or e in self.point._size_symbols):
                raise InputError(f"no value is given for the index {e}")
            return self.whole(self.point._assign(e), static, bound, size)
        if isinstance(e, Entry):
            # The number of a class, as in log p_y: data, which no derivative moves.
            node, where = self.node(e.tensor, static), self.indices(e, static, bound)
            return lambda env: _integer(e, self.point._root.get(node, where(env)))
        parts = [self.whole(a, static, bound, size) for a in e.args]
        if isinstance(e, AppliedUndef):
            def width(env: Env) -> int:
                arguments = tuple(int(p(env)) for p in parts)
                return self.point._width(e.func.__name__, arguments, e.func(*arguments))
            return width
        fold: dict[Any, Callable[..., Any]] = {
            sp.Add: lambda *v: sum(v), sp.Mul: lambda *v: math.prod(v), sp.Max: max, sp.Min: min, sp.Abs: abs,
            sp.Pow: lambda b, n: Fraction(b) ** int(n), sp.floor: math.floor, sp.ceiling: math.ceil, sp.Mod: lambda a, b: a % b,
        }
        if e.func not in fold:
            raise InputError(f"cannot read {e} as a whole number")
        function = fold[e.func]
        if len(parts) == 2 and e.func is sp.Add:
            first, second = parts
            return lambda env: first(env) + second(env)
        return lambda env: function(*(p(env) for p in parts))

    def indices(self, e: Entry, static: Env, bound: frozenset[Any]) -> Callable[[Env], tuple[int, ...]]:
        if all(i in bound for i in e.indices):
            names = e.indices
            return lambda env: tuple([env[i] for i in names])
        parts = [self.whole(i, static, bound, False) for i in e.indices]

        def where(env: Env) -> tuple[int, ...]:
            values = [p(env) for p in parts]
            if any(v != int(v) for v in values):
                raise OutOfRange(f"{e}: the index {max(values, key=lambda v: v % 1)} is not whole")
            return tuple(map(int, values))

        return where

    def code(self, e: Any, static: Env, bound: frozenset[Any]) -> Code:
        for kind in type(e).__mro__:
            if kind in _WRITERS:
                return _WRITERS[kind](self, e, static, bound)
        raise InputError(f"cannot evaluate {type(e).__name__}: {e}")

    def many(self, args: Iterable[Any], static: Env, bound: frozenset[Any]) -> list[Code]:
        return [self.code(a, static, bound) for a in args]

    def constant(self, e: Any, static: Env, bound: frozenset[Any]) -> Code:
        if e not in _CONSTANTS and not e.is_Rational:
            raise InputError(f"cannot evaluate the number {e}: write it exactly, as a fraction")
        number = _CONSTANTS[e]() if e in _CONSTANTS else arb(fmpq(int(e.p), int(e.q)))
        return lambda env, frame: number

    def symbol(self, e: Any, static: Env, bound: frozenset[Any]) -> Code:
        if e in bound:
            return lambda env, frame: arb(env[e]) if isinstance(env[e], int) else env[e]
        if e in static or e.is_integer:
            number = arb(self.whole(e, static, bound, True)({}))
            return lambda env, frame: number
        node = self.node(e, static)
        return lambda env, frame: frame.get(node, ())

    def counted(self, e: Any, static: Env, bound: frozenset[Any]) -> Code:
        whole = self.whole(e, static, bound, True)
        return lambda env, frame: _ball(whole(env))

    def add(self, e: Any, static: Env, bound: frozenset[Any]) -> Code:
        first, *rest = self.many(e.args, static, bound)

        def run(env: Env, frame: _Frame) -> Any:
            value = first(env, frame)
            for part in rest:
                value = value + part(env, frame)
            return value

        return run

    def mul(self, e: Any, static: Env, bound: frozenset[Any]) -> Code:
        guards = self.many([a for a in e.args if _is_guard(a)], static, bound)
        first, *rest = self.many([a for a in e.args if not _is_guard(a)] or [sp.S.One], static, bound)

        def run(env: Env, frame: _Frame) -> Any:
            scale = None
            for guard in guards:
                factor = guard(env, frame)
                if factor.is_zero():
                    return factor
                scale = factor if scale is None else scale * factor
            value = first(env, frame)
            for part in rest:
                value = value * part(env, frame)
            return value if scale is None else value * scale

        return run

    def power(self, e: Any, static: Env, bound: frozenset[Any]) -> Code:
        if e.base is sp.E:
            return self.function(sp.exp(e.exp, evaluate=False), static, bound)
        base, n = self.code(e.base, static, bound), e.exp
        if n.is_Integer:
            return lambda env, frame: _power(base(env, frame), int(n))
        if n.is_integer and not n.has(Entry, Func):
            whole = self.whole(n, static, bound, True)
            return lambda env, frame: _power(base(env, frame), int(whole(env)))
        if n.is_Rational and n.q == 2:
            return lambda env, frame: _power(_apply("sqrt", base(env, frame)), int(n.p))
        exponent = self.code(n, static, bound)
        return lambda env, frame: _apply("exp", _apply("log", base(env, frame)) * exponent(env, frame))

    def function(self, e: Any, static: Env, bound: frozenset[Any]) -> Code:
        name, argument = _FUNCTIONS[e.func], self.code(e.args[0], static, bound)
        return lambda env, frame: _apply(name, argument(env, frame))

    def signed(self, e: Any, static: Env, bound: frozenset[Any]) -> Code:
        kind, argument = e.func, self.code(e.args[0], static, bound)
        middle = self.code(e.args[1], static, bound) if kind is sp.Heaviside else None

        def run(env: Env, frame: _Frame) -> Any:
            u = argument(env, frame)
            if kind is sp.Abs and isinstance(u, arb):
                return abs(u)
            s = _sign(u)
            if kind is sp.Abs:
                return u if s >= 0 else -u
            if middle is None:
                return arb(s)
            return middle(env, frame) if s == 0 else arb(int(s > 0))

        return run

    def extreme(self, e: Any, static: Env, bound: frozenset[Any]) -> Code:
        first, *rest = self.many(e.args, static, bound)
        wanted = 1 if isinstance(e, sp.Max) else -1

        def run(env: Env, frame: _Frame) -> Any:
            best = first(env, frame)
            for part in rest:
                u = part(env, frame)
                if isinstance(u, arb) and isinstance(best, arb):
                    best = best.max(u) if wanted > 0 else best.min(u)
                elif _sign(u - best) == wanted:
                    best = u
            return best

        return run

    def delta(self, e: Any, static: Env, bound: frozenset[Any]) -> Code:
        i, j = (self.whole(a, static, bound, False) for a in e.args[:2])
        zero, one = arb(0), arb(1)
        return lambda env, frame: one if i(env) == j(env) else zero

    def cases(self, e: Any, static: Env, bound: frozenset[Any]) -> Code:
        branches = [(self.condition(c, static, bound), self.code(v, static, bound)) for v, c in e.args]

        def run(env: Env, frame: _Frame) -> Any:
            for holds, value in branches:
                if holds(env, frame):
                    return value(env, frame)
            raise Undecided(f"no case of {e} applies")

        return run

    def condition(self, c: Any, static: Env, bound: frozenset[Any]) -> Callable[[Env, _Frame], bool]:
        if c in (sp.true, sp.false):
            truth = bool(c)
            return lambda env, frame: truth
        if type(c) in _RELATIONS:
            left, right = self.code(c.lhs, static, bound), self.code(c.rhs, static, bound)
            signs = _RELATIONS[type(c)]
            return lambda env, frame: _sign(left(env, frame) - right(env, frame)) in signs
        if not isinstance(c, (sp.And, sp.Or, sp.Not, sp.ITE)):
            raise InputError(f"cannot decide the condition {c}")
        parts = [self.condition(a, static, bound) for a in c.args]
        if isinstance(c, sp.ITE):
            return lambda env, frame: parts[1 if parts[0](env, frame) else 2](env, frame)
        if isinstance(c, sp.Not):
            return lambda env, frame: not parts[0](env, frame)
        every = all if isinstance(c, sp.And) else any
        return lambda env, frame: every(p(env, frame) for p in parts)

    def loop(self, e: Any, static: Env, bound: frozenset[Any]) -> Code:
        return self.limits(e, list(e.limits), isinstance(e, sp.Sum), static, bound)

    def limits(self, e: Any, limits: list[Any], adds: bool, static: Env, bound: frozenset[Any]) -> Code:
        if not limits:
            return self.code(e.function, static, bound)
        if len(limits[-1]) != 3:
            raise InputError(f"{e}: the summation index needs a lower and an upper limit")
        *inner, (k, low, high) = limits
        start, stop = (self.whole(end, static, bound, True) for end in (low, high))
        empty = arb(0 if adds else 1)
        unrolled = k in _structural(e)
        if unrolled:
            # The layer decides which tensor is meant, so each layer is compiled on its own.
            span = range(int(start({})), int(stop({})) + 1)
            parts = [self.limits(e, inner, adds, {**static, k: v}, bound - {k}) for v in span]
        else:
            body = self.limits(e, inner, adds, {s: v for s, v in static.items() if s != k}, bound | {k})

        def steps(env: Env) -> Iterable[tuple[Code, Env]]:
            if unrolled:
                return ((part, env) for part in parts)
            return ((body, {**env, k: v}) for v in range(int(start(env)), int(stop(env)) + 1))

        def run(env: Env, frame: _Frame) -> Any:
            value = None
            for part, inside in steps(env):
                term = part(inside, frame)
                value = term if value is None else value + term if adds else value * term
            return empty if value is None else value

        return run

    def entry(self, e: Entry, static: Env, bound: frozenset[Any]) -> Code:
        where = self.indices(e, static, bound)
        if isinstance(e.tensor, Grad):
            return self.total(self.node(e.tensor.of, static), self.node(e.tensor.wrt, static), lambda env: (), where)
        node = self.node(e.tensor, static)
        return lambda env, frame: frame.get(node, where(env))

    def total(self, of: _Node, wrt: _Node, which: Callable[[Env], Any], where: Callable[[Env], Any]) -> Code:
        """d of / d wrt[idx], every path from wrt to of counted."""
        point = self.point
        if of.shape:
            raise InputError(f"the gradient of {of.label}, which is no scalar")
        if not of.definitions:
            raise InputError(f"no equation defines {of.label}, whose gradient is asked for")

        def run(env: Env, frame: _Frame) -> Any:
            outer, moved = frame.solid(), (wrt, where(env))
            key = ("d", of, moved)
            if key not in outer.memo:
                ancestor: _Frame | None = outer
                while ancestor is not None and ancestor.wrt is not None:
                    if ancestor.wrt is not wrt and wrt in point._ancestors(ancestor.wrt):
                        raise Undecided(f"a second derivative by {wrt.label} and by {ancestor.wrt.label}, which depends on it")
                    ancestor = ancestor.parent
                value = outer.get(*moved)

                def shifted(inner: _Frame, eps: Any) -> Any:
                    inner.memo[moved] = _lift(value, inner.length) + eps
                    point._warm(inner, [of])
                    return inner.get(of, which(env))

                outer.memo[key] = _tangent(outer, wrt, shifted)
            return _lift(outer.memo[key], frame.length)

        return run

    def partial(self, e: Partial, static: Env, bound: frozenset[Any]) -> Code:
        of, wrt = self.node(e.of.tensor, static), self.node(e.wrt.tensor, static)
        which, where = self.indices(e.of, static, bound), self.indices(e.wrt, static, bound)
        if not of.shape and of.definitions and e.of.tensor.name not in self.point._used:
            return self.total(of, wrt, which, where)
        point = self.point

        def run(env: Env, frame: _Frame) -> Any:
            target, moved = which(env), (wrt, where(env))
            if (of, target) == moved:
                return arb(1)
            point._check(of, target)
            value = frame.get(*moved)
            if not of.definitions:
                return arb(0)

            def shifted(inner: _Frame, eps: Any) -> Any:
                inner.memo[moved] = _lift(value, inner.length) + eps
                return point._compute(of, target, inner)

            return _tangent(frame, None, shifted)

        return run

    def derivative(self, e: Any, static: Env, bound: frozenset[Any]) -> Code:
        (x, count), *rest = reversed(e.variable_count)
        inner = e.expr if not rest and count == 1 else sp.Derivative(
            e.expr, *reversed(rest), *([(x, count - 1)] if count > 1 else []), evaluate=False)
        if x in bound:
            raise InputError(f"{e}: cannot differentiate by the index {x}")
        node = self.node(x.tensor if isinstance(x, Entry) else x, static)
        where = self.indices(x, static, bound) if isinstance(x, Entry) else lambda env: ()
        code = self.code(inner, static, bound)

        def run(env: Env, frame: _Frame) -> Any:
            moved = node, where(env)
            value = frame.get(*moved)

            def shifted(inside: _Frame, eps: Any) -> Any:
                inside.memo[moved] = _lift(value, inside.length) + eps
                return code(env, inside)

            return _tangent(frame, None, shifted)

        return run

    def named(self, e: Func, static: Env, bound: frozenset[Any]) -> Code:
        argument, formula = self.code(e.argument, static, bound), self.point._formula(e.name)
        if formula is None:
            body = _generic(f"{self.point.seed}|{e.name}")
        else:
            z, code, below = formula
            self.below.update(dict.fromkeys(below))
            body = lambda u, frame: code({z: u}, frame)  # noqa: E731 - the counterpart of _generic

        def at(u: Any, frame: _Frame, order: int) -> Any:
            if order == 0:
                return body(u, frame)
            return _tangent(frame, None, lambda inner, eps: at(_lift(u, inner.length) + eps, inner, order - 1))

        order = e.order
        return lambda env, frame: at(argument(env, frame), frame, order)

    def cost(self, e: Abstract, static: Env, bound: frozenset[Any]) -> Code:
        nodes = [self.node(t, static) for t in e.arguments]
        places = [(n, i) for n in nodes for i in product(*(range(1, s + 1) for s in n.shape))]
        r, q, s = _coefficients(f"{self.point.seed}|{self.point._name(e.value, static)}", 3, len(places))

        def run(env: Env, frame: _Frame) -> Any:
            x = [frame.get(*place) for place in places]
            squares = sum((c * u * u for c, u in zip(r, x, strict=True)), arb(0))
            pairs = sum((c * u * v for c, u, v in zip(s, x, x[1:], strict=False)), arb(0))
            return squares + pairs + sum((c * u for c, u in zip(q, x, strict=True)), arb(0)).sin()

        return run


def _integer(e: Any, value: arb) -> int:
    number = value.unique_fmpz()
    if number is None or value != arb(number):
        raise InputError(f"{e} has the value {value.str(10)}, and counts where only whole numbers do")
    return int(number)


def _is_guard(e: Any) -> bool:
    return isinstance(e, sp.KroneckerDelta) or (isinstance(e, sp.Piecewise) and all(v.is_Integer for v, _ in e.args))


def _coefficients(key: str, rows: int, columns: int) -> list[list[Any]]:
    random = Random(key)
    return [[arb(random.randint(20, 150)) * random.choice((-1, 1)) / 100 for _ in range(columns)] for _ in range(rows)]


def _generic(key: str) -> Callable[[Any, _Frame], Any]:
    """A fixed analytic function in place of an unknown one: c1 sin(u + c0) + c3 sin(c2 u), bounded so that depth does no harm."""
    ((c0, c1, c2, c3),) = _coefficients(key, 1, 4)
    return lambda u, frame: c1 * (u + c0).sin() + c3 * (c2 * u).sin()


_WRITERS: dict[Any, Callable[[_Compiler, Any, Env, frozenset[Any]], Code]] = {
    Entry: _Compiler.entry, Func: _Compiler.named, Abstract: _Compiler.cost, Partial: _Compiler.partial,
    sp.Derivative: _Compiler.derivative, sp.Sum: _Compiler.loop, sp.Product: _Compiler.loop,
    sp.Add: _Compiler.add, sp.Mul: _Compiler.mul, sp.Pow: _Compiler.power,
    sp.Symbol: _Compiler.symbol, sp.Number: _Compiler.constant, sp.NumberSymbol: _Compiler.constant,
    sp.Max: _Compiler.extreme, sp.Min: _Compiler.extreme, sp.KroneckerDelta: _Compiler.delta,
    sp.Piecewise: _Compiler.cases, sp.Abs: _Compiler.signed, sp.sign: _Compiler.signed, sp.Heaviside: _Compiler.signed,
    AppliedUndef: _Compiler.counted, RoundFunction: _Compiler.counted, sp.Mod: _Compiler.counted,
    **dict.fromkeys(_FUNCTIONS, _Compiler.function),
}


@dataclass(frozen=True)
class Disagreement:
    """A place where two expressions differ for certain: a counterexample."""

    indices: dict[str, int]
    left: arb
    right: arb
    point: Point


def compare(
    left: Any, right: Any, point: Point, ranges: Mapping[Any, Any], *, limit: int = 200,
) -> Disagreement | None:
    """The first place where `left - right` cannot be 0, over the free indices; None if they agree everywhere.

    `ranges` maps an index to its size (it runs from 1), or to the numbers it takes; a later one may depend on an earlier one.
    Of more than `limit` places, `limit` are drawn pseudo-randomly. Raises `Undecided` if a difference is wider than 1e-30.

    >>> from symbackprop.equations import Tensor, index
    >>> u, j = Tensor("u", (3,)), index("j")
    >>> compare(u[j] * u[j], u[j]**2, Point([], {}), {j: 3})
    >>> compare(u[j] + u[j], u[j]**2, Point([], {}), {j: 3}).indices
    {'j': 1}
    """
    places: list[Env] = [{}]
    for symbol, span in ranges.items():
        places = [{**place, symbol: v} for place in places for v in (
            range(1, point.size(span, place) + 1) if isinstance(span, (int, sp.Basic)) else span)]
    if len(places) > limit:
        places = Random(f"{point.seed}|places").sample(places, limit)
    for place in places:
        a, b = point.value(left, place), point.value(right, place)
        with point._precision():
            difference = a - b
            if not difference.contains(0):
                return Disagreement({str(s): v for s, v in place.items()}, a, b, point)
            if not difference.rad() <= arb("1e-30"):
                raise Undecided(f"{left} and {right} differ by {difference.str(5)}, which is too wide to tell")
    return None
