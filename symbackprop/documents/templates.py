"""Where templates are found and how they are read: Jinja with delimiters that LaTeX leaves alone."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import BaseLoader, ChoiceLoader, Environment, FileSystemLoader, PrefixLoader, StrictUndefined

from symbackprop.languages import ENGLISH, Language

__all__ = ["environment"]

_ANGLES = {
    "block_start_string": "<%", "block_end_string": "%>", "variable_start_string": "<<", "variable_end_string": ">>",
    "comment_start_string": "<#", "comment_end_string": "#>",
}  # fmt: skip
_DELIMITERS: dict[str, dict[str, Any]] = {"latex": _ANGLES, "typst": _ANGLES, "html": {}, "markdown": {}}
_PACKAGE = Path(__file__).resolve().parent.parent


def _folders() -> list[str]:
    """The live folder of a checkout first: an editable install leaves an old copy in the package."""
    checkout = [_PACKAGE.parent / "templates"] if (_PACKAGE.parent / "pyproject.toml").is_file() else []
    return [str(p) for p in (*checkout, _PACKAGE / "templates") if p.is_dir()]


def _loader(own: str) -> BaseLoader:
    """Templates of the folder `own` before the shipped ones, which a template of one's own names as `shipped/article.tex` to extend them."""
    shipped = FileSystemLoader(_folders())
    return ChoiceLoader([*([FileSystemLoader(own)] if own else []), shipped, PrefixLoader({"shipped": shipped})])


@lru_cache(maxsize=16)
def environment(medium: str, language: Language = ENGLISH, own: str = "") -> Environment:
    """The Jinja environment of a medium and a language; every string a template receives is already escaped for it.

    A template in the folder `own` is taken instead of the shipped one of the same name.

    >>> environment("latex").variable_start_string
    '<<'
    """
    made = Environment(
        loader=_loader(own), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True,
        autoescape=False, extensions=["jinja2.ext.i18n"], **_DELIMITERS[medium],
    )  # fmt: skip
    made.install_gettext_translations(language.catalogue, newstyle=True)  # type: ignore[attr-defined]
    return made
