"""A program as a module in one dialect, written as one would write it by hand from the notes."""

from __future__ import annotations

import inspect
import re
import textwrap
from collections import Counter
from collections.abc import Sequence
from itertools import chain
from typing import Any
from unicodedata import east_asian_width

from symbackprop.codegen.arrays import walk
from symbackprop.codegen.dialects import Dialect, Printer
from symbackprop.codegen.error_function import erf, erfc
from symbackprop.codegen.forms import FORMS, Form, read_form
from symbackprop.codegen.program import Given, Program, Statement
from symbackprop.codegen.wrapping import operands, wrapped
from symbackprop.languages import ENGLISH, Language, Message

__all__ = ["WIDTH", "arguments", "function_docstring", "loaded_arrays", "module_docstring", "module_source", "read_sizes", "spelled_shape", "stated"]

WIDTH = 110


def module_source(program: Program, dialect: Dialect, language: Language = ENGLISH) -> str:
    """The module whose `loss_and_gradients` computes the loss and all gradients with one library; comments are in `language`.

    >>> from symbackprop.builders import mlp
    >>> from symbackprop.codegen.program import array_program
    >>> from symbackprop.codegen.numpy_source import NUMPY
    >>> "import numpy as np" in module_source(array_program(mlp([3, 2], samples="m")), NUMPY)
    True
    """
    printer = Printer(dialect, (*program.params, *program.inputs)[0].name, frozenset({*program.scalars, *program.sizes}))
    body: list[str] = []
    gone = _let_go(program) if dialect.lets_go else {}
    for before, s in zip((None, *program.statements), program.statements, strict=False):
        body += [""] if before is not None and _is_backward(before) != _is_backward(s) else []
        body += stated([s], f"{s.name} = ", printer.text(s.value), language)
        body += [f"    del {gone[s.name]}"] if s.name in gone else []
    returned = ", ".join(f'"{p}": {g}' for p, g in program.gradients.items())
    result = wrapped(f"return {program.loss}, {{{returned}}}", WIDTH - 4)
    functions = _functions(program, printer, language)
    written = "\n".join((*functions, *body))
    imports = ["import math", ""] if "math." in written else []
    imports += [line for line in dialect.imports if re.search(rf"\b{line.split()[-1]}\.", written)]
    lines = [
        *module_docstring(program, dialect.about, language), "", *imports, "", "", *functions,
        f"def loss_and_gradients({arguments(program)}):", *function_docstring(program, language),
        *loaded_arrays(program), *read_sizes(program), "", *body, *(f"    {r}" for r in result), "",
    ]  # fmt: skip
    return "\n".join(lines)


def _let_go(program: Program) -> dict[str, str]:
    """For each activation the quantity that it is computed from, where nothing else is."""
    uses = Counter(chain([program.loss], program.gradients.values(), *(s.uses for s in program.statements)))
    computed = {s.name for s in program.statements}
    applied = (s for s in program.statements if s.value.op in ("call", "form") and [a.op for a in s.value.args] == ["name"])
    return {s.name: z for s in applied if (z := s.value.args[0].data) in computed and uses[z] == 1}


def _is_backward(statement: Statement) -> bool:
    return statement.equation.rule == "backward"


def arguments(program: Program) -> str:
    """The arguments of the function: params, the data, and by name the numbers that the formulas leave open."""
    data = [g.name for g in (*program.inputs, *program.targets)]
    return ", ".join(["params", *data, *(["*", *program.scalars] if program.scalars else [])])


def loaded_arrays(program: Program) -> list[str]:
    """The lines that take the parameters from their dict."""
    return [f'    {g.name} = params["{g.name}"]  # {spelled_shape(g.shape)}' for g in program.params]


def read_sizes(program: Program) -> list[str]:
    """The lines that read the sizes with a name off the arrays."""
    return [f"    {name} = {array}.shape[{axis}]" for name, (array, axis) in program.sizes.items()]


def stated(computed: Sequence[Statement], left: str, text: str, language: Language = ENGLISH) -> list[str]:
    """A line with the labels and shapes behind it; a comment too far right stands above."""
    said = f"# {', '.join(dict.fromkeys(f'{language.say(s.label)} {spelled_shape(s.shape)}' for s in computed))}"
    line = f"    {left}{text}"
    if len(line) + len(said) + 2 <= WIDTH:
        return [f"{line}  {said}"]
    if len(line) <= WIDTH:
        return [f"    {said}", line]
    if len(operands(text)) == 1:
        return [f"    {said}", *(f"    {part}" for part in wrapped(f"{left}{text}", WIDTH - 4))]
    return [f"    {said}", f"    {left}(", *(f"        {part}" for part in wrapped(text, WIDTH - 8)), "    )"]


def spelled_shape(shape: tuple[Any, ...]) -> str:
    """A shape as Python writes it.

    >>> spelled_shape(("m",))
    '(m,)'
    """
    spelled = [str(n) for n in shape]
    return f"({', '.join(spelled)}{',' if len(spelled) == 1 else ''})"


def module_docstring(program: Program, about: str = "", language: Language = ENGLISH) -> list[str]:
    """What the module is, of which network, in which notation."""
    net = program.net
    rules = list(dict.fromkeys(e.rule for e in net.equations if e.rule))
    title = language.say(Message("{what} of the network '{name}'.", what=program.title, name=_plain(net.name)))
    network = Message("Network: {rules}.", rules=", ".join(rules)) if rules else Message("Network: {number} equations.", number=len(net.equations))
    words = Message(
        "Written by symbackprop from the equations of the network and the gradients derived from them (notation: {notation}). "
        "The comment behind each statement names the equation and gives the shape.", notation=_plain(program.notation.name),
    )  # fmt: skip
    lines = [f'"""{title[0].upper()}{title[1:]}', "", language.say(network)]
    return [*lines, *_wrapped(language.say(words), WIDTH - 10), *_wrapped(language.say(about), WIDTH - 10), '"""']


def _wrapped(text: str, width: int, indent: str = "") -> list[str]:
    """Text in lines. Between Chinese characters, which take two columns, a line may end anywhere but before a sign that closes something.

    >>> _wrapped("损失，及其梯度 dW1。", 8)
    ['损失，及', '其梯度', 'dW1。']
    """
    if _columns(text) == len(text):
        return textwrap.wrap(text, width, subsequent_indent=indent)
    lines = [""]
    for part in _UNBROKEN.findall(text):
        if lines[-1].strip() and _columns(lines[-1] + part.rstrip()) > width:
            lines = [*lines[:-1], lines[-1].rstrip(), indent]
        lines[-1] += part
    return [*lines[:-1], lines[-1].rstrip()]


_UNBROKEN = re.compile(r"(?:[!-~]+|[^!-~])[，。；：、）」”’]* ?")


def _columns(text: str) -> int:
    return sum(2 if east_asian_width(char) in "WF" else 1 for char in text)


def _functions(program: Program, printer: Printer, language: Language) -> list[str]:
    """The functions that the statements call, each after those it needs."""
    lines: list[str] = []
    ops = [op for s in program.statements for op in walk(s.value)]
    forms = {**FORMS, **printer.dialect.forms}
    for key in dict.fromkeys(op.data[0] if isinstance(op.data, tuple) else op.data for op in ops if op.op == "form"):
        if key not in printer.dialect.has:
            lines += [*_function(key, forms[key], printer.dialect, language), "", ""]
    called = {op.data for op in ops if op.op == "call" and printer.is_array(op) and printer.function(op.data) == op.data}
    for function in (erfc, erf):
        if called & _NEEDED_BY[function.__name__]:
            lines += [*inspect.getsource(function).replace("(x: Any) -> Any", "(x)").splitlines(), "", ""]
    return lines


_NEEDED_BY = {"erfc": {"erfc", "erf"}, "erf": {"erf"}}


def _function(name: str, form: Form, dialect: Dialect, language: Language) -> list[str]:
    printer = Printer(dialect, "z")
    head = f"def {name}({', '.join(form.arguments)}{', axis' if form.vector else ''}):"
    lines = [head, f'    """{language.say(form.why)}"""']
    for line in form.lines[:-1]:
        left, _, right = line.partition(" = ")
        lines.append(f"    {left} = {printer.text(read_form(right))}")
    return [*lines, f"    return {printer.text(read_form(form.lines[-1]))}"]


def _plain(text: str) -> str:
    """Text that cannot end a docstring."""
    return "".join(c for c in text if c.isprintable() and c not in "\"\\")


def function_docstring(program: Program, language: Language = ENGLISH) -> list[str]:
    """What the function returns, and what each argument is."""
    lines = [f'    """{language.say(program.returns)}', ""]
    lines += [f"    params: {', '.join(f'{g.name} {spelled_shape(g.shape)}' for g in program.params)}"]
    for what, group in ((Message("input"), program.inputs), (Message("target"), program.targets)):
        lines += [f"    {g.name}: {language.say(what)} {spelled_shape(g.shape)}{language.say(_kind(program, g))}" for g in group]
    lines += [f"    {s}: {language.say(_SCALAR)}" for s in program.scalars]
    lines += [f"    {line}" for line in program.legend]
    wrapped = [w for n, line in enumerate(lines) for w in (_wrapped(line, WIDTH, " " * (8 if n else 4)) if line else [""])]
    indented = [w if not w or w.startswith("    ") else f"    {w}" for w in wrapped]
    return [*indented, '    """']


def _kind(program: Program, given: Given) -> str:
    return _KINDS.get(program.net.target, "") if given in program.targets else ""


_SCALAR = Message("a number of the formulas")
_KINDS = {
    "one_hot": Message(", one-hot"), "binary": Message(", zeros and ones"), "sign": Message(", signs -1 and 1"),
    "class": Message(", class numbers counted from 0"),
}  # fmt: skip
