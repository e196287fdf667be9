"""What grades a worksheet: its problem as a TOML file, and the file that students fill in."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from symbackprop.documents.markdown import MARKDOWN, single_spaced
from symbackprop.documents.templates import environment
from symbackprop.worksheet.sheet import Worksheet

__all__ = ["answer_file", "problem_file", "toml"]


def problem_file(sheet: Worksheet) -> str:
    """The declarations of the network, what is asked for and the points, as `symbackprop check --problem` reads them."""
    return toml(sheet.table)


def toml(table: Mapping[str, Any]) -> str:
    r"""A table as TOML: texts, numbers, truth values, lists and tables of them.

    >>> print(toml({"loss": "C", "layers": {"l": 2}, "names": {r"\delta^l": "z"}}))
    loss = 'C'
    <BLANKLINE>
    [layers]
    l = 2
    <BLANKLINE>
    [names]
    '\delta^l' = 'z'
    <BLANKLINE>
    """
    plain = [f"{_key(key)} = {_value(value)}\n" for key, value in table.items() if not isinstance(value, Mapping)]
    tables = [f"\n[{_key(key)}]\n" + "".join(f"{_key(name)} = {_value(v)}\n" for name, v in value.items()) for key, value in table.items()
              if isinstance(value, Mapping) and value]  # fmt: skip
    return "".join([*plain, *tables])


def _value(value: Any) -> str:
    match value:
        case bool():
            return str(value).lower()
        case int() | float():
            return repr(value)
        case str():
            return _text(value)
        case list() | tuple():
            items = [_value(v) for v in value]
            one = f"[{', '.join(items)}]"
            return one if len(one) < 100 else "[\n" + "".join(f"    {item},\n" for item in items) + "]"
        case Mapping():
            return "{ " + ", ".join(f"{_key(name)} = {_value(v)}" for name, v in value.items()) + " }"
    raise TypeError(f"TOML has no {type(value).__name__}")


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _text(name)


def _text(text: str) -> str:
    """A text in single quotes, which leave backslashes alone, where that can be."""
    if text.isprintable() and "'" not in text:
        return f"'{text}'"
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def answer_file(sheet: Worksheet, answers: Mapping[str, str] | None = None, templates: str = "") -> str:
    """The Markdown that students fill in: a formula for each blank, its left side given; with `answers` by label it is filled in.

    What `symbackprop check` reads of it are the formulas alone; a question mark that still stands is undecided, and earns nothing.
    """
    given = answers or {}
    blanks = [{"label": b.label, "line": b.line.with_right(given.get(b.label, "?"))} for b in sheet.blanks]
    title = MARKDOWN.text(" ".join(sheet.notes.language.text(sheet.notes.title).split()))
    page = environment("markdown", sheet.notes.language, templates).get_template("answer.md")
    return single_spaced(page.render(title=title, blanks=blanks, choices=sheet.choices))
