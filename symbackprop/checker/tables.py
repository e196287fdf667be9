"""The form of a problem file: which keys there are, and what stands under each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from symbackprop.errors import SpecError, one_of

__all__ = ["FORMS", "checked"]


class Form(NamedTuple):
    """What may stand in a place, in words, and whether something may."""

    words: str
    holds: Callable[[Any], bool]


def _table(inner: Form) -> Form:
    return Form(f"a table with {inner.words} for each name", lambda v: isinstance(v, Mapping) and all(inner.holds(x) for x in v.values()))


def _list(inner: Form) -> Form:
    return Form(f"a list of {inner.words}s".replace("a text", "text"), lambda v: isinstance(v, (list, tuple)) and all(inner.holds(x) for x in v))


def _whole(v: Any) -> bool:
    return isinstance(v, int) and not isinstance(v, bool) and v >= 1


_TEXT = Form("a text", lambda v: isinstance(v, str))
_TEXTS = _list(_TEXT)
_SIZE = Form("a size", lambda v: isinstance(v, str) or _whole(v))
_LAYERS = Form("a whole number from 1 or a letter such as 'L'", lambda v: isinstance(v, str) or _whole(v))
_POINTS = Form("a number of points", lambda v: isinstance(v, (int, float)) and not isinstance(v, bool) and 0 <= v < float("inf"))
_FACT = Form("a list of texts, or for classes a table of sizes", lambda v: _TEXTS.holds(v) or _table(_SIZE).holds(v))
_ANY = Form("anything", lambda v: True)

FORMS: Mapping[str, Form] = {
    "title": _TEXT, "equations": _TEXTS, "loss": _TEXT, "samples": _TEXT, "sample_letters": _TEXTS, "layers": _table(_LAYERS),
    "shapes": _table(Form("a list of sizes, such as ['n_l', 'm'],", _list(_SIZE).holds)), "functions": _table(_TEXT), "names": _table(_TEXT),
    "scalars": _TEXTS, "same": _table(_TEXT), "upstream": _table(_TEXT), "abstract": _table(_TEXTS), "facts": _table(_FACT),
    "conventions": _table(_ANY), "targets": _TEXTS, "rubric": _table(_POINTS), "notation": _ANY,
}  # fmt: skip


def checked(data: Mapping[str, Any], where: str) -> Mapping[str, Any]:
    """The table of a problem, if each key is known and holds what it should.

    Raises `UnknownName` for another key and `SpecError` for what has another form.

    >>> checked({"layers": {"l": 0}}, "hw.toml")
    Traceback (most recent call last):
    symbackprop.errors.SpecError: hw.toml: 'layers' is a table with a whole number from 1 or a letter such as 'L' for each name, not {'l': 0}
    """
    for name, value in data.items():
        form = FORMS[one_of("key", name, FORMS, where)]
        if not form.holds(value):
            raise SpecError(f"{where}: '{name}' is {form.words}, not {str(value)[:200]}")
    return data
