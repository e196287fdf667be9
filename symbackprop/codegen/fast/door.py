"""The door of a form: one function that lets in what is of the usual kind, and answers nothing where a closer look is needed.

It is written out array by array, which Python runs faster than any loop.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from symbackprop.codegen.glance import everything, kind_tests, shape_tests
from symbackprop.codegen.program import Program

__all__ = ["array_door", "number_door", "number_step"]


def array_door(program: Program, conditions: Sequence[str]) -> str:
    """The module whose `door` makes `direct(reuse, params, data)` for given sizes and arrays that meet these conditions besides.

    Arrays that are `reused` share memory only with arrays that have a base, so that most need not be compared with them.

    >>> from symbackprop.builders import mlp
    >>> from symbackprop.codegen.program import array_program
    >>> text = array_door(array_program(mlp([2, 1], samples="m")), [])
    >>> print(*(line.strip() for line in text.splitlines()[7:10]), sep="\\n")
    if not reuse:
    gradients = take()
    elif x0.base is x1.base is x2.base is x3.base is None or reused.memory.met((x0, x1, x2, x3,)) is None:
    """
    names = everything(program)
    sizes = {n: f"n{k}" for k, n in enumerate(program.size_names)}
    tests = [*kind_tests(program, "is"), *shape_tests(program, sizes), *conditions]
    return "\n".join([
        f"def door(take, reused, enter, function, {_each(sizes.values())}):",
        "    def direct(reuse, params, data):", *(f"        {line}" for line in _read(program)),
        f"        if not ({' and '.join(tests)}):", "            return None",
        "        if not reuse:", "            gradients = take()",
        f"        elif {_apart(program)} or reused.memory.met(({_each(names.values())})) is None:", "            gradients = reused",
        "        else:", "            return None",
        f"        loss, mark = enter(function, {', '.join(names.values())}, *gradients.arrays)",
        "        if not isfinite(mark):", "            return None", "        if reuse:", "            return loss, gradients.named()",
        f"        [{_each(f'g{n}' for n, _ in enumerate(program.gradients))}] = gradients.arrays",
        f"        return loss, {{{', '.join(f'{name!r}: g{n}[...]' for n, name in enumerate(program.gradients))}}}",
        "    return direct",
    ])  # fmt: skip


def number_door(program: Program) -> str:
    """The module whose `direct(reuse, params, data)` hands what is of the usual kind to `run` as lists and puts what it returns into arrays.

    >>> from symbackprop.builders import mlp
    >>> from symbackprop.codegen.program import array_program
    >>> print(number_door(array_program(mlp([2, 1]))).splitlines()[8].strip())
    values = run(x0.tolist(), x1.tolist(), x2.tolist(), x3.tolist())
    """
    names = everything(program).values()
    return "\n".join([
        "def direct(reuse, params, data):", *(f"    {line}" for line in _read(program)),
        f"    if not ({' and '.join(kind_tests(program, 'is'))}):", "        return None",
        f"    if reuse and not ({_apart(program)}) and met(({_each(names)})) is not None:", "        return None",
        f"    values = run({', '.join(f'{x}.tolist()' for x in names)})",
        "    if not isfinite(values[0]):", "        return None",
        "    if reuse:", "        pack_into(memory, 0, *values)", "        return number(values[1]), {**own}",
        "    record = ndarray((), kind, bytearray(pack(*values)))",
        f"    return number(values[1]), {{{', '.join(f'{name!r}: record[{name!r}]' for name in program.gradients)}}}", "",
    ])  # fmt: skip


def number_step(program: Program) -> str:
    """The module whose `bind` makes `step()`, which hands the arrays to `run` as they then are; where `direct` is not sure, `otherwise()` answers.

    >>> from symbackprop.builders import mlp
    >>> from symbackprop.codegen.program import array_program
    >>> print(number_step(array_program(mlp([2, 1]))).splitlines()[9].strip())
    values = run(x0(), x1(), x2(), x3())
    """
    names, numbers = everything(program).values(), [f"k{n}" for n, _ in enumerate(program.scalars)]
    return "\n".join([
        "def bind(arrays, numbers, otherwise):", f"    [{_each(names)}] = arrays", f"    [{_each(numbers)}] = numbers",
        *(f"    {x} = {x}.tolist" for x in names),
        "    def step():", "        try:", f"            values = run({', '.join([*(f'{x}()' for x in names), *numbers])})",
        "            if isfinite(values[0]):", "                pack_into(memory, 0, *values)", "                return number(values[1]), own",
        "        except REFUSED:", "            return otherwise()",
        "        return otherwise()", "    return step", "",
    ])  # fmt: skip


def _each(names: Iterable[str]) -> str:
    return "".join(f"{n}, " for n in names).rstrip()


def _read(program: Program) -> list[str]:
    names = everything(program)
    data = [*names.values()][len(program.params) :]
    return [*(f'{names[g]} = params["{g.name}"]' for g in program.params), f"[{_each(data)}] = data"]


def _apart(program: Program) -> str:
    """The condition that all arrays hold memory of their own."""
    return " is ".join([*(f"{x}.base" for x in everything(program).values()), "None"])
