"""Notations read from TOML files, those that come with the package and others, which may start from one of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from symbackprop.errors import SpecError, one_of
from symbackprop.files import read_toml
from symbackprop.notation.checks import check_notation
from symbackprop.notation.record import CHOICES, Notation

__all__ = ["load_notation", "notation_names"]


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
        InputError: the file cannot be read, is no TOML, holds a value of the wrong kind, or settings that contradict each other.

    >>> load_notation("ng").layer_style, load_notation("nielsen").matrix["delta"]
    ('brackets', 'Delta')
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
    data = read_toml(path, "notation")
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
        if type(value) is not kind:
            raise SpecError(f"{where}: '{key}' is a {_KINDS[kind]}, not {value!r}")
        if key in CHOICES:
            one_of(f"choice for {key}", str(value), map(str, CHOICES[key]), where)
        values[key] = value
    found = Notation(name, **values)
    check_notation(found, where)
    return found


_PLAIN = Notation("plain")
_KINDS = {str: "text", int: "number", bool: "true or false", dict: "table", tuple: "list"}
