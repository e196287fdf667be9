"""An array program as functions that numba compiles: one for each kind of statement, loops over entries and matrix products."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sympy import Symbol

from symbackprop.codegen.arrays import renamed
from symbackprop.codegen.indexed import Kind
from symbackprop.codegen.loops import Loops
from symbackprop.codegen.module import WIDTH, arguments, function_docstring, loaded_arrays, module_docstring, spelled_shape, stated
from symbackprop.codegen.numba_parts import IMPORTS, JIT, forms, function_of, groups, kinds_of, like_of, read_by, with_called
from symbackprop.codegen.program import Program, Statement
from symbackprop.languages import ENGLISH, Language, Message

__all__ = ["numba_source"]

_CALLS = 80  # statements that one compiled function calls; each costs 40 ms of compiling, and half a microsecond if Python calls it


def numba_source(program: Program, language: Language = ENGLISH) -> str:
    """The module that computes the loss and all gradients, compiled by numba when it is first called and kept on disk; comments are in `language`.

    >>> from symbackprop.builders import mlp
    >>> from symbackprop.codegen.program import array_program
    >>> "Z1 = compute_Z1(X, W1, b1)" in numba_source(array_program(mlp([3, 2], samples="m")))
    True
    """
    kinds = kinds_of(program)
    given = (*program.params, *program.inputs, *program.targets)
    like = like_of(program, kinds)
    functions, body = _compiled(program, language)
    taken = [*([] if like else ["like"]), *(g.name for g in given), *program.scalars]
    lines = [
        *module_docstring(program, _ABOUT, language), "", *IMPORTS, "", "", *functions,
        *([JIT] if len(program.statements) <= _CALLS else []), f"def computed({', '.join(taken)}):",
        '    """The statements, of arrays in C order."""', *_shapes(program), *body,
        *_wrapped(f"return {', '.join([program.loss, *program.gradients.values()])}"), "", "",
        "def contiguous(array, dtype):", '    """An array as the compiled functions take it, or a copy that is so."""',
        '    return array if array.dtype == dtype and array.flags.carray else np.array(array, dtype, order="C")', "", "",
        f"def loss_and_gradients({arguments(program)}):", *function_docstring(program, language), *loaded_arrays(program), "",
        *_call(program, like, kinds), "",
    ]  # fmt: skip
    return "\n".join(lines)


def _compiled(program: Program, language: Language) -> tuple[list[str], list[str]]:
    """The functions, and the lines that call them."""
    kinds = kinds_of(program)
    known: dict[Any, str] = {}
    functions: list[str] = []
    body: list[str] = []
    for group in groups(program):
        used = read_by(group, program, kinds)
        key = (*(renamed(s.value, {n: f"_{k}" for k, n in enumerate(used)}) for s in group), tuple(kinds[n] for n in used))
        if key not in known:
            known[key] = f"compute_{group[0].name}"
            functions += _function(group, known[key], used, kinds)
        body += stated(group, ", ".join(s.name for s in group) + " = ", f"{known[key]}({', '.join(used)})", language)
    return with_called([*forms(program, language), *functions]), body


def _function(group: Sequence[Statement], name: str, used: list[str], kinds: Mapping[str, Kind]) -> list[str]:
    """The function of statements; others that differ in names alone call it too."""
    loops = Loops({n: kinds[n] for n in used}, [s.name for s in group])
    loops.write({s.name: s.value for s in group})
    return function_of(group, name, used, used, kinds, loops.lines)


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
    yield from _wrapped(f"{program.loss}, *gradients = computed({', '.join(taken)})")
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


_ABOUT = Message("Each compute function is compiled by numba for the dtype of its arrays when it is first called, and kept on disk.")
