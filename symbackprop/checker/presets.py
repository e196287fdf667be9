"""A problem that leans on what exists: a network described as for notes, or the letters and the layout of a notation."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from symbackprop.checker.of_network import declarations
from symbackprop.checker.symbols import GREEK
from symbackprop.errors import SpecError
from symbackprop.network import Network
from symbackprop.notation import Notation, load_notation
from symbackprop.specification import DESCRIBES, described

__all__ = ["expanded", "network_of", "notation_of"]

_ABOUT = ("title", "name", "notation", "detail", "targets", "rubric", "names", "conventions", "facts")


def expanded(data: Mapping[str, Any], where: str) -> Mapping[str, Any]:
    """The table of a problem with what its network and its notation declare; what the table says itself goes before.

    >>> table = expanded({"notation": "ng", "mlp": {"sizes": [2, 1], "samples": "m"}}, "hw.toml")
    >>> table["equations"][0], sorted(table["names"])[0]
    ('Z^{[1]} = W^{[1]} X + b^{[1]}', 'd A^{[1]}')

    Raises `SpecError` for a problem that describes a network and declares symbols of its own beside it.
    """
    net = network_of(data, where)
    if net is None:
        if not set(data) - set(_ABOUT):
            raise SpecError(f"{where}: no symbol is declared; give [mlp], [deep], [graph], or equations = [...] with [shapes]")
        return _with_notation(data) if "notation" in data else data
    found = dict(declarations(net, notation_of(data)))
    for key in _ABOUT:
        if key in data and key not in ("notation", "detail", "name"):
            value = data[key]
            found[key] = {**found.get(key, {}), **value} if isinstance(value, Mapping) else value
    return found


def network_of(data: Mapping[str, Any], where: str) -> Network | None:
    """The network that a problem describes as files for the notes do; None where it types equations of its own."""
    kinds = [k for k in (*DESCRIBES, "tensors") if k in data]
    if not kinds:
        return None
    if "shapes" in data:
        raise SpecError(f"{where}: [{kinds[0]}] describes the whole network; [shapes] belongs to a problem that types its own equations")
    return described({k: v for k, v in data.items() if k not in _ABOUT or k in ("name", "detail")}, where)


def notation_of(data: Mapping[str, Any]) -> Notation:
    """The notation that a problem names, or Nielsen's."""
    return load_notation(data.get("notation", "nielsen"))


def _with_notation(data: Mapping[str, Any]) -> Mapping[str, Any]:
    """The conventions of a notation, and its names for gradients of the letters that are declared."""
    notation = notation_of(data)
    conventions = {"vectors": notation.vectors, "broadcast": "samples" in data, **data.get("conventions", {})}
    lefts = [e.partition("=")[0].strip() for e in data.get("equations", ()) if isinstance(e, str)]
    names: dict[str, str] = {}
    for of, gradient in notation.gradients.items():
        for letters, gradients in _spellings(of, gradient["symbol"], notation):
            for symbol in (*data.get("shapes", {}), *lefts):
                if re.match(rf"(?:\\mathbf\{{)?{re.escape(letters)}(?![A-Za-z])", symbol) and "loss" in data:
                    factor = f"{data['samples']} " if gradient.get("factor") == "m" and "samples" in data else ""
                    name = symbol.replace(letters, gradients, 1)
                    names[name] = f"{factor}\\frac{{\\partial {data['loss']}}}{{\\partial {symbol}}}"
    return {**{k: v for k, v in data.items() if k != "notation"}, "conventions": conventions, "names": {**names, **data.get("names", {})}}


def _spellings(of: str, gradient: str, notation: Notation) -> list[tuple[str, str]]:
    """How a quantity and its gradient are typed: as whole matrix, and in index form."""
    found = []
    for table in (notation.matrix, notation.symbols):
        letter, name = table.get(of, of), table.get(gradient, gradient)
        found.append((letter.replace(" ", ""), _typed(name)))
    return list(dict.fromkeys(found))


def _typed(name: str) -> str:
    text = name.rpartition(":")[2]
    return f"\\{text}" if text in GREEK else text.replace(" ", "")
