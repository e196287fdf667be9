"""A network described in a TOML file: an `[mlp]`, `[deep]` or `[graph]` table, or equations with the shapes of what they start from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from symbackprop.builders import deep, mlp
from symbackprop.errors import InputError, SpecError, one_of
from symbackprop.files import read_toml, within
from symbackprop.graphs import graph
from symbackprop.network import Network

__all__ = ["DESCRIBES", "Specification", "described", "load_network", "load_specification"]


@dataclass(frozen=True)
class Specification:
    """What a file describes: a network, the notation and the detail its author wants it in, and numbers to put in.

    `values` are arrays by name, `update` the rate, steps and digits of an example with numbers; decimals are as they are written.
    """

    network: Network
    notation: str | None = None
    detail: str | None = None
    values: Mapping[str, Any] = field(default_factory=dict, hash=False)
    update: Mapping[str, Any] = field(default_factory=dict, hash=False)


def load_network(path: str | Path) -> Network:
    """The network that a TOML file describes; errors as in `load_specification`."""
    return load_specification(path).network


def load_specification(path: str | Path) -> Specification:
    """Read a TOML file: an `[mlp]`, `[deep]` or `[graph]` table, or `equations` with `[tensors]`; `name`, `notation` and `detail` may stand above.

    `[values]` and `[update]` are for examples with numbers.

    `InputError` says which file cannot be read, `SpecError` or `UnknownName` which key cannot be used, and what was expected.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "net.toml"
    >>> _ = path.write_text('notation = "nielsen"\\n[mlp]\\nsizes = [2, 3, 1]\\nactivation = "tanh"\\n')
    >>> spec = load_specification(path)
    >>> spec.network.name, spec.notation, len(spec.network.equations)
    ('net', 'nielsen', 5)
    """
    path = Path(path)
    data = within(path, read_toml(path, parse_float=Decimal))
    try:
        return Specification(described(data, path.stem), data.get("notation"), data.get("detail"), data.get("values", {}), data.get("update", {}))
    except InputError as error:
        # The reader of the message has a file before them, which those who raise it know nothing of.
        error.args = (f"{path}: {error}",)
        raise


@dataclass(frozen=True)
class _Kind:
    """What the value of a key must be, in words and as a test."""

    words: str
    fits: Callable[[Any], bool]


def _is_size(value: Any) -> bool:
    return isinstance(value, (int, str)) and not isinstance(value, bool)


def _is_list(of: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, list) and all(map(of, value))


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


_TEXT = _Kind("a string in quotes", _is_text)
_TEXTS = _Kind("a list of strings in quotes", _is_list(_is_text))
_SIZE = _Kind("a whole number or a name in quotes", _is_size)
_SIZES = _Kind("a list of whole numbers or names in quotes, such as [2, 3, 1]", _is_list(_is_size))
_SWITCH = _Kind("true or false", lambda value: isinstance(value, bool))
_TABLE = _Kind("a table", lambda value: isinstance(value, dict))

_ABOUT = {"name": _TEXT, "notation": _TEXT, "detail": _TEXT, "values": _TABLE, "update": _TABLE}
_DEEP = {"activation": _TEXT, "output": _TEXT, "loss": _TEXT, "samples": _SIZE}
_MLP = {"sizes": _SIZES, **_DEEP, "bias": _SWITCH, "penalty": _TEXT}
_EQUATIONS = {
    "equations": _TEXTS, "tensors": _TABLE, "loss": _TEXT, "parameters": _TEXTS, "targets": _TEXTS, "facts": _TEXTS, "scalars": _TEXTS,
}  # fmt: skip
_LAYERS = _Kind("an array of tables, [[graph.layers]]", _is_list(lambda value: isinstance(value, dict)))
_GRAPH = {"inputs": _TABLE, "layers": _LAYERS, "loss": _TEXT, "samples": _SIZE, "penalty": _TEXT}
_BUILT: Mapping[str, tuple[Callable[..., Network], Mapping[str, _Kind]]] = {"mlp": (mlp, _MLP), "deep": (deep, _DEEP), "graph": (graph, _GRAPH)}

_NEEDED = {"mlp": ("sizes",), "graph": ("inputs", "layers")}


DESCRIBES = tuple(_BUILT)


def described(data: Mapping[str, Any], stem: str) -> Network:
    """The network that the tables of a file describe; `stem` is its name where none is given."""
    _check(data, {**_ABOUT, **_EQUATIONS, **dict.fromkeys(_BUILT, _TABLE)})
    name = data.get("name", stem)
    for kind, (build, keys) in _BUILT.items():
        if kind in data:
            if beside := [key for key in data if key not in _ABOUT and key != kind]:
                raise SpecError(f"[{kind}] describes the whole network; leave out {', '.join(beside)}")
            _check(data[kind], keys, kind)
            for needed in _NEEDED.get(kind, ()):
                if needed not in data[kind]:
                    raise SpecError(f"[{kind}] needs {needed}, {keys[needed].words}")
            return build(**data[kind], name=name)
    tensors = data.get("tensors", {})
    if "equations" not in data:
        if "equations" in tensors:
            raise SpecError("equations stands below [tensors] and so belongs to it: move it above")
        raise SpecError("no network is described: give [mlp], [deep], [graph], or equations = [...] with [tensors]")
    _check(tensors, dict.fromkeys(tensors, _SIZES), "tensors")
    given = {key: data[key] for key in _EQUATIONS if key in data and key != "tensors"}
    return Network.from_equations(given.pop("equations"), tensors=tensors, name=name, **given)


def _check(table: Mapping[str, Any], keys: Mapping[str, _Kind], within: str = "") -> None:
    """Every key of `table` is among `keys`, and its value of the kind that is said there."""
    for key, value in table.items():
        kind = keys[one_of(f"key of [{within}]" if within else "key", key, keys)]
        if not kind.fits(value):
            raise SpecError(f"{within and f'[{within}] '}{key} must be {kind.words}, not {_shown(value)}")


def _shown(value: Any) -> str:
    """A value as it stands in the file, or near enough."""
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list):
        return f"[{', '.join(map(_shown, value))}]"
    return repr(value) if isinstance(value, str) else str(value).lower()
