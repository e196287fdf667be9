"""What array libraries spell differently, as a table for each, and the one printer of expressions that reads it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sympy import Integer, Rational

from symbackprop.codegen.arrays import Op, walk
from symbackprop.codegen.forms import Form
from symbackprop.errors import InputError

__all__ = ["ATOM", "Dialect", "Printer"]

_COMPARE, _ADD, _MUL, _NEG, _POW, ATOM = range(6)
_MAKERS = ("eye", "one_hot", "full")
_LONG = 2**53  # whole numbers from here on are written as decimals are: libraries have no integers for them
_MATH = ("exp", "log", "sqrt", "erf", "erfc", "tanh", "sin", "cos", "sinh", "cosh", "expm1", "log1p")


@dataclass(frozen=True)
class Dialect:
    """How a library spells an operation, as format strings: `{0}` is its first argument, `{like}` an array of the dtype wanted.

    Functions are called as `prefix.name` unless `functions` gives the whole spelling, or the whole call. `has` are the stable forms
    that the library has itself, `forms` those that only its modules define; `lets_go` says that its modules drop what only an
    activation was computed from, so that the memory is used again. `number` and `condition` make arrays of numbers where the
    library's functions take nothing else; `traced` says that a number of the caller's may be an array in disguise, which Python's
    own functions would refuse. `about` goes into the docstring of the module.
    """

    library: str
    prefix: str
    imports: tuple[str, ...]
    about: str = ""
    functions: Mapping[str, str] = field(default_factory=dict)
    axis: str = "axis"
    keep: str = "keepdims=True"
    like: str = "dtype={like}.dtype"
    cast: str = "{0}.astype({like}.dtype)"
    copy: str = "{0}.copy()"
    transpose: str = "{0}.transpose{order}"
    labels: str = "{0}"
    full: str = "{prefix}.full({shape}, {0}, dtype={like}.dtype)"
    contraction: str = ""
    pad: str = "{prefix}.pad({0}, [{ends}])"
    number: str = ""
    condition: str = ""
    traced: bool = False
    has: Mapping[str, str] = field(default_factory=dict)
    forms: Mapping[str, Form] = field(default_factory=dict)
    lets_go: bool = False


class Printer:
    """Operations as source in one dialect; new arrays take the dtype of the array `like`, `numbers` are names of single numbers."""

    def __init__(self, dialect: Dialect, like: str, numbers: frozenset[str] = frozenset()) -> None:
        self.dialect, self.like, self.numbers = dialect, like, numbers

    def is_array(self, op: Op) -> bool:
        """Whether an operation holds more than numbers of Python's own."""
        return any(o.op in _MAKERS or (o.op == "name" and o.data not in self.numbers) for o in walk(op))

    def text(self, op: Op, above: int = -1) -> str:
        """The source of an operation, in parentheses where what stands around it binds tighter."""
        text, binding = self.bound(op)
        return f"({text})" if binding < above else text

    def bound(self, op: Op) -> tuple[str, int]:
        """The source of an operation and how tightly it holds together."""
        args = op.args
        match op.op:
            case "name":
                return op.data, ATOM
            case "number":
                return _number(op.data)
            case "constant":
                return f"math.{op.data}", ATOM
            case "add":
                return self.sum(args), _ADD
            case "neg":
                return f"-{self.text(args[0], _MUL)}", _ADD
            case "mul":
                return " * ".join(self.text(a, _binding(args, n)) for n, a in enumerate(args)), _MUL
            case "div":
                return f"{self.text(args[0], _MUL)} / {self.text(args[1], _NEG)}", _MUL
            case "matmul":
                return f"{self.text(args[0], _NEG)} @ {self.text(args[1], _NEG)}", _MUL
            case "pow":
                return f"{self.text(args[0], ATOM)}**{self.text(args[1], ATOM)}", _POW
            case "compare":
                return f"{self.text(args[0], _ADD)} {op.data} {self.text(args[1], _ADD)}", _COMPARE
            case "permute" if op.data == (1, 0):
                return f"{self.text(args[0], ATOM)}.T", ATOM
            case "permute":
                return self.dialect.transpose.format(self.text(args[0], ATOM), order=op.data), ATOM
            case "select":
                return f"{self.text(args[0], ATOM)}[{', '.join(map(str, op.data))}]", ATOM
            case "copy":
                return self._put(self.dialect.copy, self.text(args[0], ATOM)), ATOM
        return self.call(op), ATOM

    def sum(self, terms: Iterable[Op]) -> str:
        """Terms with their signs."""
        text = ""
        for t in sorted(terms, key=lambda t: t.op == "neg"):  # a minus sign reads better inside than in front
            minus = t.op == "neg"
            body = self.text(t.args[0], _MUL) if minus else self.text(t, _ADD)
            text = (f"-{body}" if minus else body) if not text else f"{text} {'-' if minus else '+'} {body}"
        return text

    def all(self, args: Iterable[Op]) -> str:
        """Arguments of a call."""
        return ", ".join(map(self.text, args))

    def call(self, op: Op) -> str:
        """An operation that is written as a call."""
        args, d = op.args, self.dialect
        match op.op:
            case "form" if isinstance(op.data, tuple):
                form, axis, rank = op.data
                return self._put(d.has.get(form, f"{form}({{0}}, axis={{axis}})"), self.text(args[0]), axis=str(axis if rank > 1 else 0))
            case "form" if op.data in d.has:
                return self._put(d.has[op.data], *map(self.array, args))
            case "form":
                # Numbers that come after the array stay numbers; the array itself may be a number.
                return self._plain(args, f"{op.data}({', '.join([self.array(args[0]), *map(self.text, args[1:])])})")
            case "call" if op.data in _MATH and not any(map(self.is_array, args)) and not (d.traced and _has_names(op)):
                return f"math.{op.data}({self.all(args)})"  # a Python number leaves the dtype of the arrays alone, a NumPy one does not
            case "call" if "{" in self.function(op.data):
                return self._put(self.function(op.data), *map(self.text, args))
            case "call":
                return self._plain(args, f"{self.function(op.data)}({', '.join(map(self.array, args))})")
            case "reduce":
                keep = "" if op.data == "squeeze" else f", {d.keep}"
                return f"{self.function(op.data)}({self.all(args)}, {d.axis}=axis{keep})"
            case "where":
                return self._where(args)
            case "sum":
                of, axes = _summed(op)
                over = "" if axes is None else f", {d.axis}={axes if len(axes) > 1 else axes[0]}"
                return f"{d.prefix}.sum({self.text(of)}{over})"
            case "outer":
                return f"{d.prefix}.outer({self.all(args)})"
            case "einsum":
                return f'{d.prefix}.einsum("{op.data}", {self.all(args)}{d.contraction if len(args) > 1 else ""})'
            case "eye":
                return f"{d.prefix}.eye({self.all(args)}, {self._put(d.like)})"
            case "one_hot":
                return f"{d.prefix}.eye({self.text(args[0])}, {self._put(d.like)})[{self._put(d.labels, self.text(args[1], ATOM))}]"
            case "full":
                value, *sizes = args
                shape = f"({self.all(sizes)}{',' if len(sizes) == 1 else ''})"
                if self.is_array(value):
                    return self._put(d.copy, f"{d.prefix}.broadcast_to({self.text(value)}, {shape})")
                return self._put(d.full, self.text(value), shape=shape, prefix=d.prefix)
            case "most":
                return f"max({self.all(args)})"
            case "window":
                return self._window(args, *op.data)
            case "pad":
                ends = [self.text(a) for a in args[1:]]
                return self._put(d.pad, self.text(args[0]), ends=", ".join(f"({b}, {a})" for b, a in zip(ends[::2], ends[1::2], strict=True)),
                                 flat=", ".join(e for k in range(len(ends) - 2, -1, -2) for e in ends[k : k + 2]), prefix=d.prefix)  # fmt: skip
        raise InputError(f"the {d.library} backend has no operation '{op.op}'")

    def function(self, name: str) -> str:
        """The spelling of a function of the library."""
        return self.dialect.functions.get(name, f"{self.dialect.prefix}.{name}")

    def array(self, op: Op) -> str:
        """An argument of a function, made an array where the library insists on one."""
        return self.text(op) if self.is_array(op) or not self.dialect.number else self._put(self.dialect.number, self.text(op))

    def _plain(self, args: tuple[Op, ...], text: str) -> str:
        """A function of nothing but numbers is a number of Python's own again, so that it leaves the dtype of the arrays alone."""
        array = any(map(self.is_array, args)) or self.dialect.traced or self.dialect.number
        return text if array else f"float({text})"

    def _where(self, args: tuple[Op, ...]) -> str:
        d = self.dialect
        condition, *values = args
        said = self.text(condition) if self.is_array(condition) or not d.condition else self._put(d.condition, self.text(condition))
        if any(map(self.is_array, values)):
            return f"{d.prefix}.where({said}, {self.all(values)})"
        text = f"{d.prefix}.where({said}, {self.array(values[0])}, {self.text(values[1])})"
        if d.number or not self.is_array(condition):
            return self._plain(args, text)
        return self._put(d.cast, text)

    def _window(self, args: tuple[Op, ...], count: int, places: tuple[Any, ...]) -> str:
        """Slices, and sums of ranges that lie across each other: `x[np.arange(4)[:, None] + np.arange(3)]`."""
        ranges = []
        for n, size in enumerate(args[1 : count + 1]):
            across = ", ".join([":", *["None"] * (count - 1 - n)])
            ranges.append(f"{self.dialect.prefix}.arange({self.text(size)})" + (f"[{across}]" if n < count - 1 else ""))
        written = []
        for place in places:
            if place == ":":
                written.append(":")
            elif place[-1] == ":":
                written.append(":".join(self.text(args[k]) for k in place[:2]))
            else:
                start, coefficients = place
                terms = [(c, f"{abs(c)} * {r}" if abs(c) != 1 else r) for c, r in zip(coefficients, ranges, strict=True) if c]
                terms.sort(key=lambda term: term[0] < 0)
                plain = args[start] == Op("number", (), Integer(0)) and bool(terms) and terms[0][0] > 0
                text = "" if plain else self.text(args[start], _ADD)
                for c, r in terms:
                    text = f"{text} {'+' if c > 0 else '-'} {r}" if text else r
                written.append(text)
        return f"{self.text(args[0], ATOM)}[{', '.join(written)}]"

    def _put(self, spelling: str, *args: str, **more: str) -> str:
        return spelling.format(*args, like=self.like, **more)


def _binding(factors: Sequence[Op], n: int) -> int:
    """How tightly a factor must hold together to stand bare: numbers in front of a quotient may be multiplied first."""
    f = factors[n]
    if f.op == "div":
        return _MUL if all(before.op == "number" for before in factors[:n]) else _POW
    return _POW if f.op == "matmul" else _NEG if n and f.op != "mul" else _MUL


def _summed(op: Op) -> tuple[Op, tuple[int, ...] | None]:
    """What a sum of sums is taken of, and along which of its axes; None for all of them."""
    of, axes = op.args[0], None if op.data is None else [op.data]
    while of.op == "sum":
        axes = None if axes is None else [of.data, *(n + (n >= of.data) for n in axes)]
        of = of.args[0]
    return of, None if axes is None else tuple(sorted(axes))


def _has_names(op: Op) -> bool:
    return any(o.op == "name" for o in walk(op))


def _number(value: Any) -> tuple[str, int]:
    if value.is_Integer and abs(value) < _LONG:
        return str(value), ATOM
    if isinstance(value, Rational):
        decimal = repr(float(value))
        return (decimal, ATOM) if Rational(decimal) == value else (f"{value.p} / {value.q}", _MUL)
    return repr(float(value)), ATOM
