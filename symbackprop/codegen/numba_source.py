"""An array program as functions that numba compiles: one for each kind of statement, loops over entries and matrix products."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Any

from symbackprop.codegen.arrays import renamed, walk
from symbackprop.codegen.entries import entry_printer, size_text
from symbackprop.codegen.forms import FORMS, UNGUARDED, read_form
from symbackprop.codegen.loops import Kind, Loops
from symbackprop.codegen.module import WIDTH, arguments, function_docstring, loaded_arrays, module_docstring, read_sizes, stated
from symbackprop.codegen.numpy_source import numpy_expression
from symbackprop.codegen.program import Program, Statement
from symbackprop.codegen.witnesses import witnesses

__all__ = ["numba_source"]

_CALLS = 80  # statements that one compiled function calls; each costs 40 ms of compiling, and half a microsecond if Python calls it
_JIT = '@njit(cache=True, error_model="numpy", nogil=True)'
_SMALL = 400  # multiplications below which a product in loops is done before BLAS has begun

_HELPERS = {
    "maximum": ("a, b", "The larger number, or the one that is none.", ["return a if a >= b or a != a else b"]),
    "minimum": ("a, b", "The smaller number, or the one that is none.", ["return a if a <= b or a != a else b"]),
    "logaddexp": ("a, b", "log(exp(a) + exp(b)) without overflow.", ["return maximum(a, b) + math.log1p(math.exp(-abs(a - b)))"]),
    "heaviside": ("a, b", "0 below zero, 1 above, b at zero.", ["return a if a != a else (b if a == 0 else (1.0 if a > 0 else 0.0))"]),
}
_TESTS = {
    "finite": ("A", "Whether every number is finite: the difference of one that is not and itself is none.", [
        "sound = True", "for x in A.ravel():", "    sound &= x - x == 0", "return sound",
    ]),
    "between": ("A, low, high", "Whether every number lies between two others.", [
        "inside = True", "for x in A.ravel():", "    inside &= (low <= x) & (x <= high)", "return inside",
    ]),
    "signs": ("A", "Whether every number is 1 or -1.", [
        "inside = True", "for x in A.ravel():", "    inside &= abs(x) == 1", "return inside",
    ]),
    "shares": ("A, axis", "Whether the numbers along an axis sum to 1.", [
        "for total in np.sum(A, axis).ravel():", "    if not abs(total - 1) <= 1e-3:", "        return False", "return True",
    ]),
}  # fmt: skip
_NEEDS = {"logaddexp": ("maximum",)}


def numba_source(program: Program) -> str:
    """The module that computes the loss and all gradients, compiled by numba when it is first called and kept on disk.

    >>> from symbackprop.builders import mlp
    >>> from symbackprop.codegen.program import array_program
    >>> "Z1 = compute_Z1(X, W1, b1)" in numba_source(array_program(mlp([3, 2], samples="m")))
    True
    """
    kinds = _kinds(program)
    given = (*program.params, *program.inputs, *program.targets)
    like = next((g.name for g in given if g.shape and not kinds[g.name].whole), "")
    known: dict[Any, str] = {}
    functions: list[str] = []
    body: list[str] = []
    for s in program.statements:
        used = list(dict.fromkeys(op.data for op in walk(s.value) if op.op == "name"))
        if not any(kinds[n].rank and not kinds[n].whole for n in used):
            used.append(like or "like")  # for its dtype
        key = (renamed(s.value, {n: f"_{k}" for k, n in enumerate(used)}), tuple(kinds[n] for n in used))
        if key not in known:
            known[key] = f"compute_{s.name}"
            functions += [*_function(s, known[key], used, kinds), "", ""]
        body += stated(s, f"{s.name} = ", f"{known[key]}({', '.join(used)})")
        kinds[s.name] = Kind(len(s.shape))
    forms = _forms(program)
    tests = [*_tests(program, kinds)]
    taken = [*([] if like else ["like"]), *(g.name for g in given), *program.scalars]
    lines = [
        *module_docstring(program, _ABOUT), "", "import math", "", "import numpy as np", "from numba import njit", "", "",
        *_shared("\n".join([*functions, *forms, *tests])), *forms, *functions,
        *([_JIT] if len(program.statements) <= _CALLS else []), f"def computed({', '.join(taken)}):",
        '    """The statements, of arrays in C order."""', *read_sizes(program), *body,
        "    # a number given that is not finite leaves its mark on these", *_wrapped(f"sound = ({' and '.join(tests) or 'True'})"),
        *_wrapped(f"return {', '.join([program.loss, *program.gradients.values(), 'sound'])}"), "", "",
        "def contiguous(array, dtype):", '    """An array as the compiled functions take it, or a copy that is so."""',
        '    return array if array.dtype == dtype and array.flags.carray else np.array(array, dtype, order="C")', "", "",
        f"def loss_and_gradients({arguments(program)}):", *function_docstring(program), *loaded_arrays(program), "",
        *_call(program, like, kinds), "",
    ]  # fmt: skip
    return "\n".join(lines)


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
    """Conditions that hold if everything that was given is finite, and targets are of the kind that the loss takes."""
    for name in witnesses(program):
        yield f"finite({name})" if kinds[name].rank else f"math.isfinite({name})"
    units = [op.args[0] for s in program.statements for op in walk(s.value) if op.op == "one_hot"]
    for g in program.targets if all(g.shape for g in program.targets) else ():
        match program.net.target:
            case "binary":
                yield f"between({g.name}, 0, 1)"
            case "one_hot":
                yield f"between({g.name}, 0, 1) and shares({g.name}, {g.axes.index(0)})"
            case "sign":
                yield f"signs({g.name})"
            case "class" if units:
                yield f"between({g.name}, 0, {size_text(units[0])} - 1)"


_ABOUT = "Each compute function is compiled by numba for the dtype of its arrays when it is first called, and kept on disk."


def _kinds(program: Program) -> dict[str, Kind]:
    whole = {g.name for g in program.targets if program.net.target == "class"}
    found = {g.name: Kind(len(g.shape), g.name in whole) for g in (*program.params, *program.inputs, *program.targets)}
    return found | {n: Kind(0) for n in (*program.scalars, *program.sizes)} | {"like": Kind(1)}


def _function(s: Statement, name: str, used: list[str], kinds: dict[str, Kind]) -> list[str]:
    """The function of a statement; others that differ in names alone call it too."""
    loops = Loops({n: kinds[n] for n in used}, s.name)
    loops.write(s.value)
    array = next(n for n in used if kinds[n].rank and not kinds[n].whole)
    lines = [f"    {line}" for line in loops.lines]
    real = [f"    real = {array}.dtype.type"] if any("real" in line for line in lines) else []
    return [_JIT, f"def {name}({', '.join(used)}):", f'    """{numpy_expression(s.value, array)}"""', *real, *lines]


def _forms(program: Program) -> list[str]:
    """The functions of single entries."""
    lines: list[str] = []
    ops = [op for s in program.statements for op in walk(s.value)]
    for key in dict.fromkeys(op.data for op in ops if op.op == "form" and isinstance(op.data, str)):
        form, printer = UNGUARDED.get(key, FORMS[key]), entry_printer()
        lines += [_JIT, f"def {key}(real, {', '.join(form.arguments)}):", f'    """{form.why}"""']
        for line in form.lines[:-1]:
            left, _, right = line.partition(" = ")
            lines.append(f"    {left} = {printer.text(read_form(right))}")
        lines += [f"    return {printer.text(read_form(form.lines[-1]))}", "", ""]
    return lines


def _shared(text: str) -> Iterator[str]:
    """The functions that others call, each after those it needs."""
    wanted = [name for name in _HELPERS if f"{name}(" in text]
    for name in dict.fromkeys(n for w in wanted for n in (*_NEEDS.get(w, ()), w)):
        taken, why, lines = _HELPERS[name]
        yield from [_JIT, f"def {name}({taken}):", f'    """{why}"""', *(f"    {line}" for line in lines), "", ""]
    for name, (taken, why, lines) in _TESTS.items():
        if f"{name}(" in text:
            yield from [_JIT, f"def {name}({taken}):", f'    """{why}"""', *(f"    {line}" for line in lines), "", ""]
    for name, (sizes, result, loops, line) in _PRODUCTS.items():
        if f"{name}(" in text:
            yield from [_JIT, f"def {name}(A, B):", '    """A @ B, in loops where calling BLAS takes longer than the product itself."""']
            yield from [f"    if {sizes} > {_SMALL}:", "        return np.dot(A, B)", f"    C = {result}"]
            yield from [f"{'    ' * n}for {k} in range({size}):" for n, (k, size) in enumerate(loops, 1)]
            yield from [f"{'    ' * (len(loops) + 1)}{line}", "    return C", "", ""]


_PRODUCTS = {
    "dot_22": (
        "A.shape[0] * A.shape[1] * B.shape[1]", "np.zeros((A.shape[0], B.shape[1]), A.dtype)",
        [("i", "A.shape[0]"), ("k", "A.shape[1]"), ("j", "B.shape[1]")], "C[i, j] += A[i, k] * B[k, j]",
    ),
    "dot_21": ("A.size", "np.zeros(A.shape[0], A.dtype)", [("i", "A.shape[0]"), ("k", "A.shape[1]")], "C[i] += A[i, k] * B[k]"),
    "dot_12": ("B.size", "np.zeros(B.shape[1], A.dtype)", [("k", "B.shape[0]"), ("j", "B.shape[1]")], "C[j] += A[k] * B[k, j]"),
    "dot_11": ("A.size", "A.dtype.type(0)", [("k", "A.shape[0]")], "C += A[k] * B[k]"),
}  # fmt: skip
