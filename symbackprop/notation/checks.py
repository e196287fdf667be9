"""Whether the settings of a notation make sense, and whether they agree: two quantities with one letter could not be told apart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import combinations
from typing import Any

from symbackprop.errors import SpecError, one_of
from symbackprop.letters import Letter, checked_letters, letters
from symbackprop.notation.record import FACTORS, Notation
from symbackprop.rules import LOSSES

__all__ = ["check_notation"]

_LETTERS = ("symbols", "vector", "matrix", "scalars", "indices")
_LISTS = ("weight_names", "nabla", "nabla_bare", "kept", "factor_order", "layer_names")
_MEANINGS: Mapping[str, str] = {
    "x": "the input", "z": "the pre-activations", "a": "the activations", "w": "the weights", "b": "the biases", "y": "the target",
    "L": "the losses of the examples", "C": "the cost of one example", "J": "the cost of a batch", "m": "the number of examples",
    "n": "the width of a layer",
}  # fmt: skip
_UNDERLAID = ("x", "y", "L")


def check_notation(notation: Notation, where: str) -> None:
    """Raise `SpecError` or `UnknownName` for a letter that is none, and for settings that contradict each other."""
    for table in _LETTERS:
        for key, letter in getattr(notation, table).items():
            _check_letter(letter, f"{where}: {table}.{key}")
    for name in _LISTS:
        for n, entry in enumerate(getattr(notation, name)):
            if not isinstance(entry, str) or not entry.strip():
                raise SpecError(f"{where}: '{name}.{n}' is a letter, not {entry!r}")
    for name, symbol in notation.functions.items():
        if not isinstance(symbol, str) or not symbol.strip() or "{" in symbol or "\\" in symbol:
            raise SpecError(f"{where}: functions.{name} is a letter or a word such as sgn, not {symbol!r}")
    for of, name in notation.output.items():
        if not isinstance(name, str) or not name.isidentifier():
            raise SpecError(f"{where}: output.{of} is the name of a quantity, such as yhat, to which symbols and matrix give letters; not {name!r}")
    for of, gradient in notation.gradients.items():
        _check_gradient(gradient, f"{where}: gradients.{of}")
    for general, loss in notation.losses.items():
        one_of("loss", general, LOSSES, f"{where}: losses")
        one_of("loss", str(loss), LOSSES, f"{where}: losses.{general}")
    moved = notation.indices
    if set(moved) != set(moved.values()):
        raise SpecError(f"{where}: 'indices' must be a permutation, or two indices could share a letter; it takes {[*moved]} to {[*moved.values()]}")
    _check_factors(notation, where)
    _check_layers(notation, where)
    _check_layout(notation, where)
    carried = [of for of, gradient in notation.gradients.items() if gradient.get("factor") == "m"]
    if carried and notation.batch_cost == "sum":
        raise SpecError(
            f'{where}: gradients.{carried[0]} leaves out the 1/m of a mean (factor = "m"), but batch_cost = "sum" has none; leave one of them out'
        )
    if notation.batch_cost == "sum" and notation.regulariser.endswith("m"):
        raise SpecError(
            f'{where}: regulariser = "{notation.regulariser}" divides the penalty by the number of examples, as a mean does, but '
            f'batch_cost = "sum" takes no mean; take "{notation.regulariser.removesuffix("m").removesuffix("/")}" instead'
        )
    _check_clashes(notation, where)


def _check_letter(letter: Any, where: str) -> None:
    if not isinstance(letter, str) or not letter.strip():
        raise SpecError(f"{where} is a letter, not {letter!r}")
    checked_letters(letter, where)


def _check_gradient(gradient: Any, where: str) -> None:
    if not isinstance(gradient, dict) or not isinstance(gradient.get("symbol"), str) or not gradient["symbol"].isidentifier():
        raise SpecError(f'{where} must look like {{symbol = "dz", factor = "m"}}, not {gradient!r}')
    for key, value in gradient.items():
        one_of("key", key, ("symbol", "factor"), where)
        if not isinstance(value, str):
            raise SpecError(f"{where}.{key} is text, not {value!r}")
    one_of("factor", gradient.get("factor", "1"), ("1", "m"), where)


def _check_factors(notation: Notation, where: str) -> None:
    known = {*_MEANINGS, *FACTORS, *notation.symbols, *notation.vector, *notation.matrix, *(g["symbol"] for g in notation.gradients.values())}
    for name in notation.factor_order:
        one_of("factor", name, known, f"{where}: factor_order")
    if len(set(notation.factor_order)) < len(notation.factor_order):
        raise SpecError(f"{where}: 'factor_order' names a factor twice: {', '.join(notation.factor_order)}")


def _check_layers(notation: Notation, where: str) -> None:
    if notation.weight_layer == "from" and notation.input_layer == 0:
        raise SpecError(
            f'{where}: weights that carry the number of the layer they come from (weight_layer = "from") need an input layer with the '
            f"number 1 (input_layer = 1), or the first of them would be number 0"
        )
    if notation.size_style == "layer" and notation.layer_style == "subscript":
        raise SpecError(
            f'{where}: size_style = "layer" writes a width as n^(l), but layer_style = "subscript" has no layers above; leave size_style out'
        )


def _check_layout(notation: Notation, where: str) -> None:
    if notation.weight_index != notation.weights:
        raise SpecError(
            f'{where}: weight_index = "{notation.weight_index}" names the entries of a weight matrix by row and column, but weights = '
            f'"{notation.weights}" stores it the other way round, so that w_12 would stand in row 2; give both the same value'
        )
    wanted = {"rows": "first", "columns": "subscript"}.get(notation.samples, notation.sample_style)
    if notation.sample_style not in ("superscript", wanted):
        raise SpecError(
            f'{where}: sample_style = "{notation.sample_style}" writes the index of the example where samples = "{notation.samples}" stores no '
            f'example: entries are named by row and column; take sample_style = "{wanted}" or "superscript"'
        )
    if notation.sample_style == "superscript" and notation.layer_style == "plain":
        raise SpecError(
            f'{where}: sample_style = "superscript" writes the example beside the layer, but layer_style = "plain" would make a^{{l(s)}} of it, '
            f"which reads as a function of s; bracket the layers"
        )
    if notation.transpose_style == "merged" and notation.layer_style == "plain":
        raise SpecError(
            f'{where}: transpose_style = "merged" writes a transpose beside the layer, but layer_style = "plain" would make w^{{l+1T}} of it, which '
            f'reads as a product; bracket the layers, or take transpose_style = "outside"'
        )


def _check_clashes(notation: Notation, where: str) -> None:
    """Quantities of one shape that would be printed alike, in index form and as whole vectors and matrices."""
    gradients = {of: g["symbol"] for of, g in notation.gradients.items()}
    layered = ("z", "a", "b", *(gradients[of] for of in ("z", "a", "b") if of in gradients))
    weights = ("w", *((gradients["w"],) if "w" in gradients else ()))
    batched = tuple(name for name in layered if name != "b" and name != gradients.get("b"))
    with_layers = ((layered, ("symbols",)), (layered, ("vector", "symbols")), ((*weights, *batched), ("matrix", "symbols")))
    for names, tables in with_layers:
        _distinct({_called(notation, name): _letters_of(notation, name, tables) for name in names}, where)
    for tables in (("symbols",), ("vector", "symbols"), ("matrix", "symbols")):
        last = {f"{_called(notation, of)} in the last layer": _letters_of(notation, name, tables) for of, name in notation.output.items()}
        _distinct({**{_called(notation, name): _letters_of(notation, name, tables) for name in _UNDERLAID}, **last}, where)
    _distinct({_called(notation, name): letters(notation.scalars.get(name, name)) for name in ("m", "n")}, where)


def _letters_of(notation: Notation, name: str, tables: Iterable[str]) -> tuple[Letter, ...]:
    return letters(next((getattr(notation, t)[name] for t in tables if name in getattr(notation, t)), name))


def _called(notation: Notation, name: str) -> str:
    """What a quantity is, in words, for a message."""
    of = next((_MEANINGS.get(of, of) for of, g in notation.gradients.items() if g["symbol"] == name), None)
    return f"{_MEANINGS.get(name, name)} ({name})" if of is None else f"the gradients of {of} ({name})"


def _distinct(found: Mapping[str, tuple[Letter, ...]], where: str) -> None:
    for (one, letter), (other, same) in combinations(found.items(), 2):
        if letter == same:
            shown = "".join(part.name for part in letter)
            raise SpecError(f"{where}: {one} and {other} have one letter, '{shown}', and could not be told apart; give one of them another")
