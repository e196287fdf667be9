"""An array program as functions that numba compiles: one for each kind of statement, loops over entries and matrix products."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sympy import Symbol

from symbackprop.codegen.arrays import renamed, walk
from symbackprop.codegen.entries import SIZES, entry_printer, size_text
from symbackprop.codegen.forms import FORMS, UNGUARDED, read_form
from symbackprop.codegen.indexed import Kind
from symbackprop.codegen.loops import Loops, is_stored
from symbackprop.codegen.module import WIDTH, arguments, function_docstring, loaded_arrays, module_docstring, spelled_shape, stated
from symbackprop.codegen.numba_functions import called_functions
from symbackprop.codegen.numpy_source import numpy_expression
from symbackprop.codegen.program import Program, Statement
from symbackprop.codegen.witnesses import witnesses
from symbackprop.languages import ENGLISH, Language, Message

__all__ = ["IMPORTS", "JIT", "compiled", "is_product", "numba_source"]

_CALLS = 80  # statements that one compiled function calls; each costs 40 ms of compiling, and half a microsecond if Python calls it
IMPORTS = ("import math", "", "import numpy as np", "from numba import njit")
JIT = '@njit(cache=True, error_model="numpy", nogil=True)'


def numba_source(program: Program, language: Language = ENGLISH) -> str:
    """The module that computes the loss and all gradients, compiled by numba when it is first called and kept on disk; comments are in `language`.

    >>> from symbackprop.builders import mlp
    >>> from symbackprop.codegen.program import array_program
    >>> "Z1 = compute_Z1(X, W1, b1)" in numba_source(array_program(mlp([3, 2], samples="m")))
    True
    """
    kinds = _kinds(program)
    given = (*program.params, *program.inputs, *program.targets)
    like = _like(program, kinds)
    functions, body, sound = compiled(program, {}, language)
    taken = [*([] if like else ["like"]), *(g.name for g in given), *program.scalars]
    lines = [
        *module_docstring(program, _ABOUT, language), "", *IMPORTS, "", "", *functions,
        *([JIT] if len(program.statements) <= _CALLS else []), f"def computed({', '.join(taken)}):",
        '    """The statements, of arrays in C order."""', *_shapes(program), *body,
        "    # a number given that is not finite leaves its mark on these", *_wrapped(f"sound = ({sound})"),
        *_wrapped(f"return {', '.join([program.loss, *program.gradients.values(), 'sound'])}"), "", "",
        "def contiguous(array, dtype):", '    """An array as the compiled functions take it, or a copy that is so."""',
        '    return array if array.dtype == dtype and array.flags.carray else np.array(array, dtype, order="C")', "", "",
        f"def loss_and_gradients({arguments(program)}):", *function_docstring(program, language), *loaded_arrays(program), "",
        *_call(program, like, kinds), "",
    ]  # fmt: skip
    return "\n".join(lines)


class Compiled(NamedTuple):
    """Source for numba: functions, the lines that call them, and the condition that what was given is sound."""

    functions: list[str]
    body: list[str]
    sound: str


def compiled(program: Program, into: Mapping[str, str], language: Language = ENGLISH) -> Compiled:
    """The statements for numba; a product of matrices that is named in `into` is written to that array, each other into one of its own.

    The condition holds if everything that was given is finite, and targets are of the kind that the loss takes.
    """
    kinds = _kinds(program)
    known: dict[Any, str] = {}
    functions: list[str] = []
    body: list[str] = []
    for group in _groups(program):
        used = list(dict.fromkeys(op.data for s in group for op in walk(s.value) if op.op == "name"))
        if not any(kinds[n].rank and not kinds[n].whole for n in used):
            used.append(_like(program, kinds) or "like")  # for its dtype
        if group[0].name in into:
            call = f"dot_into({', '.join(map(SIZES.text, group[0].value.args))}, {into[group[0].name]})"
        else:
            key = (*(renamed(s.value, {n: f"_{k}" for k, n in enumerate(used)}) for s in group), tuple(kinds[n] for n in used))
            if key not in known:
                known[key] = f"compute_{group[0].name}"
                functions += [*_function(group, known[key], used, kinds), "", ""]
            call = f"{known[key]}({', '.join(used)})"
        body += stated(group, ", ".join(s.name for s in group) + " = ", call, language)
    forms, sound = _forms(program, language), " and ".join(_tests(program, kinds)) or "True"
    called = called_functions("\n".join([*functions, *forms, *body, sound]), JIT)
    return Compiled([*called, *forms, *functions], body, sound)


def is_product(statement: Statement) -> bool:
    """Whether a statement is the product of two matrices and nothing else."""
    return statement.value.op == "matmul" and len(statement.shape) == 2 and all(map(is_stored, statement.value.args))


def _like(program: Program, kinds: Mapping[str, Kind]) -> str:
    """An array that is given, for its dtype."""
    return next((g.name for g in (*program.params, *program.inputs, *program.targets) if g.shape and not kinds[g.name].whole), "")


def _shapes(program: Program) -> Iterator[str]:
    """The lines that read all sizes and refuse arrays of other shapes, whose entries would be read beyond their ends."""
    given = [g for g in (*program.params, *program.inputs, *program.targets) if g.shape]
    places = {n: (g.name, axis) for g in reversed(given) for axis, n in reversed([*enumerate(g.shape)]) if n in program.size_names}
    sizes = {n: Symbol(name) for n, name in program.size_names.items()}
    conditions = []
    for n, (array, axis) in sorted(places.items(), key=lambda place: str(sizes[place[0]])):
        yield f"    {sizes[n]} = {array}.shape[{axis}]"
        conditions.append((f"{sizes[n]} == 0", f"{array} is empty"))
    for g in given:
        shape = spelled_shape(tuple(n.xreplace(sizes) for n in g.shape))
        conditions.append((f"{g.name}.shape != {shape}", f"{g.name} has another shape than {shape}"))
    for condition, said in conditions:
        yield from (f"    if {condition}:", f'        raise ValueError("{said}")')


def _call(program: Program, like: str, kinds: dict[str, Kind]) -> Iterator[str]:
    """The lines that call the compiled function; a single number passes as one."""
    given = (*program.params, *program.inputs, *program.targets)
    yield f"    dtype = {like or given[0].name}.dtype"
    arrays = [f"contiguous({g.name}, {'np.int64' if kinds[g.name].whole else 'dtype'})" for g in given]
    arrays = [text if g.shape else f"{text}[()]" for g, text in zip(given, arrays, strict=True)]
    taken = [*([] if like else ["np.empty(0, dtype)"]), *arrays, *program.scalars]
    yield from _wrapped(f"{program.loss}, *gradients, _ = computed({', '.join(taken)})")
    names = "".join(f'"{p}", ' for p in program.gradients)
    loss = program.loss if kinds[program.loss].rank else f"dtype.type({program.loss})"
    yield from _wrapped(f"return {loss}, {{name: np.asarray(g, dtype) for name, g in zip(({names}), gradients)}}".replace(", )", ",)"))


def _wrapped(text: str) -> list[str]:
    """A long line broken where its last bracket is open, or put into brackets of its own."""
    if len(text) <= WIDTH - 4:
        return [f"    {text}"]
    if text.endswith((")", "}")):
        return textwrap.wrap(text, WIDTH, initial_indent="    ", subsequent_indent=" " * 8, break_long_words=False, break_on_hyphens=False)
    start, _, rest = text.partition(" ")
    inner = textwrap.wrap(rest, WIDTH, initial_indent=" " * 8, subsequent_indent=" " * 8, break_long_words=False)
    return [f"    {start} (", *inner, "    )"]


def _tests(program: Program, kinds: dict[str, Kind]) -> Iterator[str]:
    for name in witnesses(program):
        yield f"finite({name})" if kinds[name].rank else f"math.isfinite({name})"
    units = [op.args[0] for s in program.statements for op in walk(s.value) if op.op == "one_hot"]
    for g in program.targets if all(g.shape for g in program.targets) else ():
        match program.net.target:
            case "binary":
                yield f"between({g.name}, 0, 1)"
            case "one_hot":
                axis = g.axes.index(0)
                later = " * ".join(f"{g.name}.shape[{n}]" for n in range(axis + 1, len(g.shape))) or "1"
                yield f"between({g.name}, 0, 1) and shares({g.name}.reshape((-1, {g.name}.shape[{axis}], {later})))"
            case "sign":
                yield f"signs({g.name})"
            case "class" if units:
                yield f"between({g.name}, 0, {size_text(units[0])} - 1)"


_ABOUT = Message("Each compute function is compiled by numba for the dtype of its arrays when it is first called, and kept on disk.")


def _kinds(program: Program) -> dict[str, Kind]:
    whole = {g.name for g in program.targets if program.net.target == "class"}
    found = {g.name: Kind(len(g.shape), g.name in whole) for g in (*program.params, *program.inputs, *program.targets)}
    found |= {n: Kind(0) for n in (*program.scalars, *program.sizes)} | {"like": Kind(1)}
    return found | {s.name: Kind(len(s.shape)) for s in program.statements}


def _groups(program: Program) -> list[list[Statement]]:
    """The statements in order; forms along an axis of one array stand together, for they share exponentials and sums."""
    found: dict[Any, list[Statement]] = {}
    for s in program.statements:
        along = s.value.op == "form" and isinstance(s.value.data, tuple)
        found.setdefault((s.value.args, s.value.data[1:]) if along else s.name, []).append(s)
    return [*found.values()]


def _function(group: Sequence[Statement], name: str, used: list[str], kinds: dict[str, Kind]) -> list[str]:
    """The function of statements; others that differ in names alone call it too."""
    loops = Loops({n: kinds[n] for n in used}, *(s.name for s in group))
    loops.write({s.name: s.value for s in group})
    array = next(n for n in used if kinds[n].rank and not kinds[n].whole)
    lines = [f"    {line}" for line in loops.lines]
    real = [f"    real = {array}.dtype.type"] if any("real" in line for line in lines) else []
    said = ", ".join(numpy_expression(s.value, array) for s in group)
    return [JIT, f"def {name}({', '.join(used)}):", f'    """{said}"""', *real, *lines]


def _forms(program: Program, language: Language) -> list[str]:
    """The functions of single entries."""
    lines: list[str] = []
    ops = [op for s in program.statements for op in walk(s.value)]
    for key in dict.fromkeys(op.data for op in ops if op.op == "form" and isinstance(op.data, str)):
        form, printer = UNGUARDED.get(key, FORMS[key]), entry_printer()
        lines += [JIT, f"def {key}(real, {', '.join(form.arguments)}):", f'    """{language.say(form.why)}"""']
        for line in form.lines[:-1]:
            left, _, right = line.partition(" = ")
            lines.append(f"    {left} = {printer.text(read_form(right))}")
        lines += [f"    return {printer.text(read_form(form.lines[-1]))}", "", ""]
    return lines
