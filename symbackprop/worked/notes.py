"""Notes with numbers: the forward pass, the gradients and the updates of one network at given values, and a table of them all."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from sympy import S

from symbackprop.backprop import Named
from symbackprop.codegen.function import compile as compiled
from symbackprop.derivation import single_equation
from symbackprop.documents.about_network import (
    as_entry,
    backward_chains,
    kink_notes,
    layout_of,
    letters_of,
    samples_of,
    section_on,
    style_of,
    with_headings,
)  # fmt: skip
from symbackprop.documents.blocks import Block, Chain, Notes, Prose, Section, Table, definition
from symbackprop.elements import places
from symbackprop.equations import Grad, Tensor, scalar
from symbackprop.errors import InputError, SpecError, one_of
from symbackprop.languages import Message, load_language
from symbackprop.network import Network
from symbackprop.notation import load_notation, with_cost_of
from symbackprop.prove import naming_equations
from symbackprop.specification import load_specification
from symbackprop.worked.drawn import numbers_figure
from symbackprop.worked.given import fraction, given_numbers
from symbackprop.worked.lines import Printer
from symbackprop.worked.numbers import Number, Slope, at_values, given, lines, require_compiled, require_facts, updated

__all__ = ["worked", "worked_file"]

_ETA = scalar("eta")
_FEW = 4  # digits of the numbers in a picture
_MOST = 40  # digits that are asked for, fewer than are known


def worked(
    net: Network, values: Mapping[str, Any], rate: Any = None, steps: int = 1, digits: int = 6, exact: bool = False,
    *, notation: str = "nielsen", language: str = "en", progress: Callable[[str], None] = lambda name: None,
) -> Notes:  # fmt: skip
    """A derivation with numbers put in: formula, formula with numbers and result, for the forward pass, each gradient and each update.

    `values` are arrays by name, w1, b1, x, y, their axes as in the equations: w1[j][k] leads from unit k to unit j. `rate` is the
    learning rate of `steps` updates; without one nothing is updated. Numbers have `digits` significant digits, or with `exact`
    are fractions wherever they are. The numbers are those of the formulas that are printed, compared with derivatives by power series
    in ball arithmetic and with the compiled function. Raises `UnknownName` or `InputError` for numbers that do not fit, `SpecError`
    for a network of open sizes, `NotProved` where two ways to a number do not agree.

    >>> from symbackprop.builders import mlp
    >>> notes = worked(mlp([1, 1], activation="identity"), {"w1": [[3]], "b1": [1], "x": [2], "y": [5]}, rate=0.5)
    >>> [section.key for section in notes.sections]
    ['forward-1', 'gradients-1', 'update-1', 'values']
    """
    _whole("steps", steps, 10_000)
    _whole("digits", digits, _MOST)
    if rate is None and steps != 1:
        raise InputError(f"{steps} steps need a rate, by which the parameters are moved")
    state = {e: given(v) for e, v in given_numbers(net, values).items()}
    eta = {} if rate is None else {_ETA: given(fraction("rate", rate))}
    chosen, spoken = load_notation(notation), load_language(language)
    net = with_cost_of(net, chosen)
    named, style = letters_of(net, chosen), style_of(net, chosen)
    chains = backward_chains(net, style, named=named, progress=progress)
    if not chains:
        raise SpecError(f"{net.loss} depends on no parameter; list under parameters what gradients are wanted for")
    slopes, definitions, function = _slopes(chains, net, named), naming_equations(net, named), compiled(net)
    by = {t: slopes[t] for t in net.parameters if t in slopes}
    samples = samples_of(net)
    sections: list[Section] = []
    costs: list[Number] = []

    def section(key: str, title: str, blocks: Sequence[Block]) -> None:
        sections.append(section_on(net, style, key, title, blocks))

    for step in range(1, steps + 1):
        progress(f"step {step}")
        numbers = {**state, **eta}
        printer = Printer(numbers, digits, exact, style, spoken, samples, net.last_layer)
        point = at_values(net, definitions, state)
        require_facts(net, point)
        after = Prose("The parameters are those after update {number}.", {"number": str(step - 1)})
        forward: list[Block] = [*(kink_notes(net) if step == 1 else (after,))]
        forward += [printer.block(lines(net, e, point, numbers, exact), definition(single_equation(e))) for e in net.equations]
        backward: list[Block] = []
        for block in with_headings(chains):
            if step == 1 or not isinstance(block, Chain):
                backward.append(block)
            if isinstance(block, Chain):
                words = (Prose("With numbers:"),) if step == 1 else ()
                backward += [*words, printer.block(lines(net, block.derivation.result, point, numbers, exact))]
        require_compiled(function, net, numbers, by)
        if step == 1:
            few = Printer(numbers, min(digits, _FEW), exact, style, spoken, samples, net.last_layer)
            backward += numbers_figure(net, layout_of(net, style), named, slopes, few)
        costs.append(numbers[net.loss])
        section(f"forward-{step}", Message("The forward pass in numbers"), forward)
        section(f"gradients-{step}", Message("The gradients in numbers"), backward)
        if rate is not None:
            moved = [*updated(numbers, by, _ETA)]
            section(f"update-{step}", Message("The update in numbers"), [printer.block(moved)])
            state = {**state, **{line.lhs: line.number for line in moved}}
    blocks: list[Block] = [_table(printer, net, slopes, state if rate is not None else {})]
    if rate is not None:
        last = {**state}
        after_all = at_values(net, definitions, state)
        for e in net.equations:
            deque(lines(net, e, after_all, last, exact), maxlen=0)  # run through: the numbers join those known
        costs.append(last[net.loss])
        rows = tuple((str(n), printer.number_of(cost)[0]) for n, cost in enumerate(costs))
        blocks.append(Table((Message("updates"), Message("cost")), rows, Message("The cost after each update")))
    section("values", Message("All values"), [*blocks, Prose(_CHECKED)])
    return Notes(net.name, tuple(sections), "results", language=spoken)


def worked_file(path: str | Path, digits: int | None = None, exact: bool = False, notation: str | None = None, language: str = "en") -> Notes:
    """The notes with numbers that a TOML file describes: a network, `[values]` by name, and `[update]` with rate, steps and digits.

    `digits` and `notation` are taken before those of the file. Errors as in `worked` and `load_specification`, with the file named.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "one.toml"
    >>> _ = path.write_text('[mlp]\\nsizes = [1, 1]\\nbias = false\\n[values]\\nw1 = [[0.5]]\\nx = [2]\\ny = [1]\\n[update]\\nrate = 0.1\\n')
    >>> worked_file(path).title
    'one'
    """
    spec = load_specification(path)
    try:
        for key in spec.update:
            one_of("key of [update]", key, _UPDATE)
        update = {**spec.update, **({} if digits is None else {"digits": digits})}
        chosen = next(name for name in (notation, spec.notation, "nielsen") if name is not None)
        return worked(spec.network, spec.values, **update, exact=exact, notation=chosen, language=language)
    except InputError as error:
        error.args = (f"{path}: {error}",)
        raise


_UPDATE = ("rate", "steps", "digits")
_CHECKED = Message(
    "Every number is computed with 60 digits and rounded only where it is printed. Derivatives were compared with power series in ball "
    "arithmetic, the cost and the gradients of all parameters with the compiled function."
)


def _whole(name: str, value: Any, most: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
        raise InputError(f"{name} must be a whole number from 1 to {most}, not {value!r}")


def _slopes(chains: Sequence[Chain], net: Network, named: Mapping[str, Named]) -> dict[Tensor, Slope]:
    """What the gradient by each quantity is called in the chains, and by what it differs from the gradient."""
    found = {}
    for tensor in (*net.parameters, *(e.tensor for e in net.equations)):
        name = named.get(tensor.name)
        wanted = Grad(net.loss.tensor, tensor) if name is None else Tensor(name.symbol, tensor.shape, tensor.layer)
        called = (as_entry(c.derivation.result.lhs) for c in chains)
        entry = next((e for e in called if e.tensor == wanted), None)
        if entry is not None:
            found[tensor] = Slope(entry, S.One if name is None else name.factor)
    return found


def _table(printer: Printer, net: Network, slopes: Mapping[Tensor, Slope], after: Mapping[Any, Number]) -> Table:
    """Every entry with its number, its gradient and, where the parameters were moved, its number after the last update."""
    tensors = dict.fromkeys((*net.inputs, *net.parameters, *(e.tensor for e in net.equations), *net.targets))
    rows = []
    for t in tensors:
        for entry in places(t):
            row: tuple[Any, ...] = (entry, printer.value(entry))
            row += (gradient := slopes[t].at(entry.indices), printer.value(gradient)) if t in slopes else ("", "")
            if after:
                row += (printer.number_of(after[entry])[0],) if t in net.parameters else ("",)
            rows.append(row)
    columns = (Message("quantity"), Message("value"), Message("gradient"), Message("value"), *((Message("after the update"),) if after else ()))
    return Table(columns, tuple(rows))
