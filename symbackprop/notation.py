"""A notation is data: the letters, the styles and the layout of a textbook, read from one TOML file.

A letter is a name (`delta`), several in a row (`d z`), or one in a style (`calligraphic:L`); the names are those of `typeset.symbols`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from sympy import S

from symbackprop.backprop import Named
from symbackprop.equations import index
from symbackprop.errors import InputError, SpecError, one_of
from symbackprop.lift import Layout, layout

__all__ = ["Notation", "load_notation", "notation_names"]

CHOICES: dict[str, tuple[str, ...]] = {
    "layer_style": ("plain", "parentheses", "brackets", "subscript"),
    "sample_style": ("subscript", "superscript", "first"),
    "size_style": ("subscript", "layer"),
    "weight_index": ("to_from", "from_to"),
    "samples": ("none", "columns", "rows"),
    "vectors": ("column", "row"),
    "weights": ("to_from", "from_to"),
    "hadamard": ("odot", "circ", "star", "otimes"),
    "transpose": ("T", "upright:T", "top"),
    "transpose_style": ("outside", "merged"),
    "division": ("fraction", "oslash"),
    "exponential": ("power", "function"),
    "function_powers": ("after", "name"),
    "sum_limits": ("full", "index"),
}


@dataclass(frozen=True)
class Notation:
    """Letters, styles and layout. Tables are keyed by the names the equations use.

    Styles: `layer_style` w^l, w^(l), w^[l] or w_l; `sample_style` where an example's index stands (last or first among the
    subscripts, or a superscript in parentheses); `size_style` n_l, or the layer written as on a weight; `weight_index` w_jk
    (to, from) or w_kj; `sum_limits` with both ends or only the index; `nabla` names the quantities whose gradient prints as
    ∇_a C in matrix form.

    Layout: `samples` are columns or rows of a batch; `vectors`; `weights` W a (to_from) or W^T a, X W (from_to).

    Letters: `symbols` of tensors with indices; `vector` and `matrix` of whole tensors with one and two axes where these have
    others, all of them bold if `bold`; `scalars` of numbers and sizes; `indices`, a permutation; `functions`; `weight_names`, the
    tensors that are weights; and `gradients`, the quantities whose gradient has a letter of its own, `{symbol = "dz", factor = "m"}`
    for dz = m ∂J/∂z in a batch of m.

    >>> load_notation("ng").layer_style, load_notation("nielsen").matrix["delta"]
    ('brackets', 'Delta')
    """

    name: str
    title: str = ""
    source: str = ""
    layer_style: str = "plain"
    sample_style: str = "subscript"
    size_style: str = "subscript"
    weight_index: str = "to_from"
    samples: str = "columns"
    vectors: str = "column"
    weights: str = "to_from"
    bold: bool = False
    hadamard: str = "odot"
    transpose: str = "T"
    transpose_style: str = "outside"
    division: str = "fraction"
    exponential: str = "power"
    function_powers: str = "after"
    sum_limits: str = "full"
    explicit_broadcast: bool = False
    kronecker: str = "delta"
    weight_names: tuple[str, ...] = ("w",)
    nabla: tuple[str, ...] = ()
    symbols: Mapping[str, str] = field(default_factory=dict, hash=False)
    vector: Mapping[str, str] = field(default_factory=dict, hash=False)
    matrix: Mapping[str, str] = field(default_factory=dict, hash=False)
    scalars: Mapping[str, str] = field(default_factory=dict, hash=False)
    indices: Mapping[str, str] = field(default_factory=dict, hash=False)
    functions: Mapping[str, str] = field(default_factory=dict, hash=False)
    gradients: Mapping[str, Mapping[str, str]] = field(default_factory=dict, hash=False)

    def layout(self, batched: bool, weight_names: Iterable[str] | None = None) -> Layout:
        """Where the axes of each tensor lie, for one example or for a batch; `weight_names` are the weight matrices of the network.

        >>> load_notation("rows").layout(batched=True).row_vectors
        True
        """
        return layout(
            self.samples if batched else "none", self.weights, vectors=self.vectors, name=self.name,
            weight_names=self.with_gradients(self.weight_names if weight_names is None else weight_names), sample_vectors=self.with_gradients(("L",)),
        )  # fmt: skip

    def named(self, batched: bool, samples: Any = None) -> dict[str, Named]:
        """The gradients that have a letter of their own; `samples` is the number of examples, `m` if not given.

        >>> load_notation("ng").named(batched=True)["z"]
        Named(symbol='dz', factor=m)
        """
        m = index("m") if samples is None else S(samples)
        return {of: Named(g["symbol"], m if batched and g.get("factor", "1") == "m" else S.One) for of, g in self.gradients.items()}

    def with_gradients(self, names: Iterable[str]) -> frozenset[str]:
        """`names` and the letters of their gradients.

        >>> sorted(load_notation("ng").with_gradients(["w"]))
        ['dw', 'w']
        """
        plain = frozenset(names)
        return plain | {self.gradients[n]["symbol"] for n in plain if n in self.gradients}


def notation_names() -> list[str]:
    """The notations that come with the package.

    >>> "nielsen" in notation_names()
    True
    """
    return sorted(f.name.removesuffix(".toml") for f in files("symbackprop").joinpath("notations").iterdir() if f.name.endswith(".toml"))


def load_notation(name_or_path: str | Path) -> Notation:
    """A notation by its name, or from a TOML file, which may start from another: `extends = "nielsen"`.

    A table of the file is laid over that of the notation it extends; an empty table clears it.

    Raises:
        UnknownName: a notation, key or choice that does not exist, with the near miss.
        InputError: the file cannot be read, is no TOML, or holds a value of the wrong kind.
    """
    if isinstance(name_or_path, Path) or name_or_path.endswith(".toml"):
        return _notation(Path(name_or_path).stem, _data(Path(name_or_path), ()), str(name_or_path))
    return _shipped(one_of("notation", name_or_path, notation_names()))


@cache
def _shipped(name: str) -> Notation:
    return _notation(name, _data(Path(str(files("symbackprop").joinpath("notations", f"{name}.toml"))), ()), f"notation '{name}'")


def _data(path: Path, below: tuple[Path, ...]) -> dict[str, Any]:
    """The settings of a file over those of the notation it extends."""
    if path in below:
        raise SpecError(f"{path}: the notations extend each other in a circle")
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot read the notation '{path}': {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"the notation '{path}' is not a TOML file: {error}") from error
    base = data.pop("extends", None)
    if base is None:
        return data
    if not isinstance(base, str):
        raise SpecError(f"{path}: 'extends' is the name of a notation, not {base!r}")
    parent = path.parent / base
    if not base.endswith(".toml"):
        parent = Path(str(files("symbackprop").joinpath("notations", f"{one_of('notation', base, notation_names(), str(path))}.toml")))
    result = _data(parent, (*below, path))
    for key, value in data.items():
        both_tables = isinstance(value, dict) and value and isinstance(result.get(key), dict)
        result[key] = {**result[key], **value} if both_tables else value
    return result


def _notation(name: str, data: Mapping[str, Any], where: str) -> Notation:
    kinds = {f.name: type(getattr(_PLAIN, f.name)) for f in fields(Notation) if f.name != "name"}
    values: dict[str, Any] = {}
    for key, value in data.items():
        kind = kinds[one_of("key", key, kinds, where)]
        value = tuple(value) if kind is tuple and isinstance(value, list) else value
        if not isinstance(value, kind):
            raise SpecError(f"{where}: '{key}' is a {_KINDS[kind]}, not {value!r}")
        if key in CHOICES:
            one_of(f"choice for {key}", value, CHOICES[key], where)
        parts = value.items() if kind is dict else enumerate(value) if kind is tuple else ()
        for part, letter in parts:
            if key != "gradients" and not (isinstance(letter, str) and letter.strip()):
                raise SpecError(f"{where}: '{key}.{part}' is a letter, not {letter!r}")
        values[key] = value
    for of, gradient in values.get("gradients", {}).items():
        _check_gradient(gradient, f"{where}: gradients.{of}")
    moved = values.get("indices", {})
    if set(moved) != set(moved.values()):
        raise SpecError(f"{where}: 'indices' must be a permutation, or two indices could share a letter; it takes {[*moved]} to {[*moved.values()]}")
    return Notation(name, **values)


def _check_gradient(gradient: Any, where: str) -> None:
    if not isinstance(gradient, dict) or not isinstance(gradient.get("symbol"), str) or not gradient["symbol"].isidentifier():
        raise SpecError(f'{where} must look like {{symbol = "dz", factor = "m"}}, not {gradient!r}')
    for key, value in gradient.items():
        one_of("key", key, ("symbol", "factor"), where)
        if not isinstance(value, str):
            raise SpecError(f"{where}.{key} is text, not {value!r}")
    one_of("factor", gradient.get("factor", "1"), ("1", "m"), where)


_PLAIN = Notation("plain")
_KINDS = {str: "text", bool: "true or false", dict: "table", tuple: "list"}
