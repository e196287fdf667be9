"""What modules for numba are made of: functions of statements that stand together, functions of single entries, tests of what is given."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from symbackprop.codegen.arrays import walk
from symbackprop.codegen.entries import entry_printer, size_text
from symbackprop.codegen.forms import FORMS, UNGUARDED, read_form
from symbackprop.codegen.indexed import Kind
from symbackprop.codegen.numba_functions import called_functions
from symbackprop.codegen.numpy_source import numpy_expression
from symbackprop.codegen.program import Program, Statement
from symbackprop.codegen.witnesses import witnesses
from symbackprop.languages import Language

__all__ = ["IMPORTS", "JIT", "conditions", "forms", "function_of", "groups", "kinds_of", "like_of", "read_by", "with_called"]

IMPORTS = ("import math", "", "import numpy as np", "from numba import njit")
JIT = '@njit(cache=True, error_model="numpy", nogil=True)'


def kinds_of(program: Program) -> dict[str, Kind]:
    """What every name of a program stands for; `like` is an array that is there for its dtype alone."""
    whole = {g.name for g in program.targets if program.net.target == "class"}
    found = {g.name: Kind(len(g.shape), g.name in whole) for g in (*program.params, *program.inputs, *program.targets)}
    found |= {n: Kind(0) for n in (*program.scalars, *program.sizes)} | {"like": Kind(1)}
    return found | {s.name: Kind(len(s.shape)) for s in program.statements}


def like_of(program: Program, kinds: Mapping[str, Kind]) -> str:
    """An array that is given, for its dtype; none if there is no such array."""
    return next((g.name for g in (*program.params, *program.inputs, *program.targets) if g.shape and not kinds[g.name].whole), "")


def groups(program: Program) -> list[list[Statement]]:
    """The statements in order; forms along an axis of one array stand together, for they share exponentials and sums."""
    found: dict[Any, list[Statement]] = {}
    for s in program.statements:
        along = s.value.op == "form" and isinstance(s.value.data, tuple)
        found.setdefault((s.value.args, s.value.data[1:]) if along else s.name, []).append(s)
    return [*found.values()]


def read_by(group: Sequence[Statement], program: Program, kinds: Mapping[str, Kind]) -> list[str]:
    """The names that statements read, an array of real numbers among them."""
    used = list(dict.fromkeys(op.data for s in group for op in walk(s.value) if op.op == "name"))
    return used if any(kinds[n].rank and not kinds[n].whole for n in used) else [*used, like_of(program, kinds) or "like"]


def function_of(
    group: Sequence[Statement], name: str, taken: Sequence[str], used: Sequence[str], kinds: Mapping[str, Kind], lines: Sequence[str]
) -> list[str]:
    """The function of statements whose lines are these; `real` in them is the type of the numbers."""
    array = next(n for n in used if kinds[n].rank and not kinds[n].whole)
    real = [f"real = {array}.dtype.type"] if any("real" in line for line in lines) else []
    said = ", ".join(numpy_expression(s.value, array) for s in group)
    return [JIT, f"def {name}({', '.join(taken)}):", *(f"    {line}" for line in (f'"""{said}"""', *real, *lines)), "", ""]


def forms(program: Program, language: Language) -> list[str]:
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


def with_called(functions: Sequence[str], dtype: str = "") -> list[str]:
    """Functions, after those that they call of what every module may call, in the versions for numbers of `dtype` alone if that is known."""
    return [*called_functions("\n".join(functions), JIT, dtype), *functions]


def conditions(program: Program, kinds: Mapping[str, Kind]) -> Iterator[tuple[tuple[str, ...], str]]:
    """The conditions under which what was given is sound, each with the names it reads.

    They hold if everything given is finite, and targets are of the kind that the loss takes.
    """
    for name in witnesses(program):
        yield (name,), f"finite({name})" if kinds[name].rank else f"math.isfinite({name})"
    units = [op.args[0] for s in program.statements for op in walk(s.value) if op.op == "one_hot"]
    for g in program.targets:
        match program.net.target:
            case "binary":
                yield (g.name,), f"between({g.name}, 0, 1)" if g.shape else f"0 <= {g.name} <= 1"
            case "one_hot":
                axis = g.axes.index(0)
                later = " * ".join(f"{g.name}.shape[{n}]" for n in range(axis + 1, len(g.shape))) or "1"
                yield (g.name,), f"between({g.name}, 0, 1) and shares({g.name}.reshape((-1, {g.name}.shape[{axis}], {later})))"
            case "sign":
                yield (g.name,), f"signs({g.name})" if g.shape else f"abs({g.name}) == 1"
            case "class":  # where no entry is picked by it, how many classes there are is not known, and none passes
                count, sizes = (size_text(units[0]), tuple(op.data for op in walk(units[0]) if op.op == "name")) if units else ("0", ())
                yield (g.name, *sizes), f"between({g.name}, 0, {count} - 1)" if g.shape else f"0 <= {g.name} < {count}"
