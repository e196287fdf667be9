"""An array program as a module that needs nothing but NumPy, written as one would write it by hand from the notes."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from typing import Any

from sympy import Rational

from symbackprop.codegen.arrays import Op, walk
from symbackprop.codegen.forms import FORMS, Form, read_form
from symbackprop.codegen.program import Given, Program, Statement
from symbackprop.errors import InputError

__all__ = ["numpy_expression", "numpy_source"]

WIDTH = 110
_ADD, _MUL, _NEG, _POW, _ATOM = 1, 2, 3, 4, 5
_COMPARE = 0
_MAKERS = ("eye", "one_hot", "full")
_MATH = ("exp", "log", "sqrt", "erf", "tanh", "sin", "cos", "sinh", "cosh")


def numpy_source(program: Program) -> str:
    """The module that computes the loss and all gradients.

    >>> from symbackprop.builders import mlp
    >>> from symbackprop.codegen.program import array_program
    >>> print(numpy_source(array_program(mlp([3, 2], activation="tanh", samples="m"))).partition("A1 =")[2].splitlines()[0])
     np.tanh(Z1)  # forward (m, 2)
    """
    writer = _NumPy(program.params[0].name, frozenset({*program.scalars, *program.sizes}))
    body = [line for s in program.statements for line in _statement(s, writer.text(s.value), program)]
    loads = [f'    {g.name} = params["{g.name}"]  # {_shape(g, program)}' for g in program.params]
    sizes = [f"    {name} = {array}.shape[{axis}]" for name, (array, axis) in program.sizes.items()]
    returned = ", ".join(f'"{p}": {g}' for p, g in program.gradients.items())
    result = textwrap.wrap(f"return {program.loss}, {{{returned}}}", WIDTH - 4, subsequent_indent=" " * 4, break_long_words=False)
    functions = _functions(program, writer)
    imports = ["import math"] if any("math." in line for line in (*body, *functions)) else []
    arguments = ", ".join(["params", *(g.name for g in (*program.inputs, *program.targets)), *(["*", *program.scalars] if program.scalars else [])])
    lines = [
        *_module_docstring(program), "", *imports, *([""] if imports else []), "import numpy as np", "", "", *functions,
        f"def loss_and_gradients({arguments}):", *_docstring(program), *loads, *sizes, "", *body, *(f"    {r}" for r in result), "",
    ]  # fmt: skip
    return "\n".join(lines)


def numpy_expression(op: Op, like: str = "x") -> str:
    """One operation as NumPy source; new arrays take the dtype of the array `like`.

    >>> from symbackprop.codegen.arrays import name, times
    >>> numpy_expression(times(name("a", "r"), name("b", "c")).op)
    'a[:, None] * b'
    """
    return _NumPy(like).text(op)


class _NumPy:
    def __init__(self, like: str, numbers: frozenset[str] = frozenset()) -> None:
        self.like, self.numbers = like, numbers

    def is_array(self, op: Op) -> bool:
        """Whether an operation holds more than numbers of Python's own."""
        return any(o.op in _MAKERS or (o.op == "name" and o.data not in self.numbers) for o in walk(op))

    def text(self, op: Op, above: int = -1) -> str:
        """The source of an operation, in parentheses where what stands around it binds tighter."""
        text, binding = self.bound(op)
        return f"({text})" if binding < above else text

    def bound(self, op: Op) -> tuple[str, int]:
        args = op.args
        match op.op:
            case "name":
                return op.data, _ATOM
            case "number":
                return _number(op.data)
            case "constant":
                return f"math.{op.data}", _ATOM
            case "add":
                return self.sum(args), _ADD
            case "neg":
                return f"-{self.text(args[0], _MUL)}", _ADD
            case "mul":
                return " * ".join(self.text(a, _POW if a.op in ("matmul", "div") else _NEG if n else _MUL) for n, a in enumerate(args)), _MUL
            case "div":
                return f"{self.text(args[0], _MUL)} / {self.text(args[1], _NEG)}", _MUL
            case "matmul":
                return f"{self.text(args[0], _NEG)} @ {self.text(args[1], _NEG)}", _MUL
            case "pow":
                return f"{self.text(args[0], _ATOM)}**{self.text(args[1], _ATOM)}", _POW
            case "compare":
                return f"{self.text(args[0], _ADD)} {op.data} {self.text(args[1], _ADD)}", _COMPARE
            case "permute":
                text = self.text(args[0], _ATOM)
                return (f"{text}.T" if op.data == (1, 0) else f"{text}.transpose{op.data}"), _ATOM
            case "select":
                return f"{self.text(args[0], _ATOM)}[{', '.join(map(str, op.data))}]", _ATOM
            case "copy":
                return f"{self.text(args[0], _ATOM)}.copy()", _ATOM
            case "form" if isinstance(op.data, tuple):
                form, axis, rank = op.data
                return f"{form}({self.text(args[0])}, axis={axis if rank > 1 else 0})", _ATOM
            case "form":
                return f"{op.data}({self.all(args)})", _ATOM
        return self.call(op), _ATOM

    def sum(self, terms: Iterable[Op]) -> str:
        text = ""
        for t in sorted(terms, key=lambda t: t.op == "neg"):  # a minus sign reads better inside than in front
            minus = t.op == "neg"
            body = self.text(t.args[0], _MUL) if minus else self.text(t, _ADD)
            text = (f"-{body}" if minus else body) if not text else f"{text} {'-' if minus else '+'} {body}"
        return text

    def all(self, args: Iterable[Op]) -> str:
        return ", ".join(map(self.text, args))

    def call(self, op: Op) -> str:
        args = op.args
        match op.op:
            case "call" if op.data in _MATH and not any(self.is_array(a) for a in args):
                return f"math.{op.data}({self.all(args)})"  # a Python number leaves the dtype of the arrays alone, a NumPy one does not
            case "call" if op.data == "erf":
                return f"erf({self.all(args)})"
            case "call":
                return f"np.{op.data}({self.all(args)})"
            case "reduce":
                keep = "" if op.data == "squeeze" else ", keepdims=True"
                return f"np.{op.data}({self.all(args)}, axis=axis{keep})"
            case "where":
                text = f"np.where({self.all(args)})"
                return text if any(self.is_array(a) for a in args[1:]) else f"{text}.astype({self.like}.dtype)"
            case "sum":
                return f"np.sum({self.text(args[0])}{'' if op.data is None else f', axis={op.data}'})"
            case "outer":
                return f"np.outer({self.all(args)})"
            case "einsum":
                return f'np.einsum("{op.data}", {self.all(args)})'
            case "eye":
                return f"np.eye({self.all(args)}, dtype={self.like}.dtype)"
            case "one_hot":
                return f"np.eye({self.text(args[0])}, dtype={self.like}.dtype)[{self.text(args[1])}]"
            case "full":
                value, *sizes = args
                shape = f"({self.all(sizes)}{',' if len(sizes) == 1 else ''})"
                if self.is_array(value):
                    return f"np.broadcast_to({self.text(value)}, {shape}).copy()"
                return f"np.full({shape}, {self.text(value)}, dtype={self.like}.dtype)"
        raise InputError(f"the numpy backend has no operation '{op.op}'")


def _number(value: Any) -> tuple[str, int]:
    if value.is_Integer:
        return str(value), _ATOM
    if isinstance(value, Rational):
        decimal = repr(float(value))
        return (decimal, _ATOM) if Rational(decimal) == value else (f"{value.p} / {value.q}", _MUL)
    return repr(float(value)), _ATOM


def _functions(program: Program, writer: _NumPy) -> list[str]:
    """The functions that the statements call, each after those it needs."""
    lines: list[str] = []
    ops = [op for s in program.statements for op in walk(s.value)]
    for key in dict.fromkeys(op.data[0] if isinstance(op.data, tuple) else op.data for op in ops if op.op == "form"):
        lines += [*_function(key, FORMS[key]), "", ""]
    if any(op.op == "call" and op.data == "erf" and writer.is_array(op) for op in ops):
        lines += [
            "def erf(x):", '    """The error function, which NumPy lacks, entry by entry."""',
            "    return np.vectorize(math.erf, otypes=[x.dtype])(x)", "", "",
        ]  # fmt: skip
    return lines


def _function(name: str, form: Form) -> list[str]:
    writer = _NumPy("z")
    head = f"def {name}({', '.join(form.arguments)}{', axis' if form.vector else ''}):"
    lines = [head, f'    """{form.why}"""']
    for line in form.lines[:-1]:
        left, _, right = line.partition(" = ")
        lines.append(f"    {left} = {writer.text(read_form(right))}")
    return [*lines, f"    return {writer.text(read_form(form.lines[-1]))}"]


def _statement(s: Statement, text: str, program: Program) -> list[str]:
    """A line with the label and the shape behind it; a comment too far right stands above."""
    said = f"# {s.label} {_shape_of(s.shape, program)}"
    line = f"    {s.name} = {text}"
    if len(line) + len(said) + 2 <= WIDTH:
        return [f"{line}  {said}"]
    if len(line) <= WIDTH:
        return [f"    {said}", line]
    inner = textwrap.wrap(text, WIDTH - 8, break_long_words=False, break_on_hyphens=False)
    return [f"    {said}", f"    {s.name} = (", *(f"        {part}" for part in inner), "    )"]


def _shape_of(shape: tuple[Any, ...], program: Program) -> str:
    """A shape as Python writes it."""
    spelled = [str(n) for n in shape]
    return f"({', '.join(spelled)}{',' if len(spelled) == 1 else ''})"


def _shape(given: Given, program: Program) -> str:
    return _shape_of(given.shape, program)


def _module_docstring(program: Program) -> list[str]:
    net = program.net
    rules = list(dict.fromkeys(e.rule for e in net.equations if e.rule))
    about = f"Network: {', '.join(rules)}." if rules else f"Network: {len(net.equations)} equations."
    lines = [f'"""Loss and gradients of the network \'{_plain(net.name)}\'.', "", about]
    lines += textwrap.wrap(
        f"Written by symbackprop from the equations of the network and the gradients derived from them (notation: {_plain(program.notation.name)}). "
        "The comment behind each statement names the equation and gives the shape.", WIDTH - 10,
    )  # fmt: skip
    return [*lines, '"""']


def _plain(text: str) -> str:
    """Text that cannot end a docstring."""
    return "".join(c for c in text if c.isprintable() and c not in "\"\\")


def _docstring(program: Program) -> list[str]:
    lines = ['    """The loss and its gradient with respect to every parameter, under the same keys and in the same shapes as params.', ""]
    lines += [f"    params: {', '.join(f'{g.name} {_shape(g, program)}' for g in program.params)}"]
    for what, group in (("input", program.inputs), ("target", program.targets)):
        for g in group:
            kind = _KINDS.get(program.net.target, "") if what == "target" else ""
            lines.append(f"    {g.name}: {what} {_shape(g, program)}{kind}")
    lines += [f"    {s}: a number of the formulas" for s in program.scalars]
    lines += [f"    {line}" for line in program.legend]
    wrapped = [w for line in lines for w in (textwrap.wrap(line, WIDTH, subsequent_indent=" " * 8, initial_indent="") if line else [""])]
    indented = [w if not w or w.startswith("    ") else f"    {w}" for w in wrapped]
    return [*indented, '    """']


_KINDS = {
    "one_hot": ", one-hot", "binary": ", zeros and ones", "sign": ", signs -1 and 1", "class": ", class numbers counted from 0",
}  # fmt: skip
