"""Where templates are found and how they are read: Jinja with delimiters that LaTeX leaves alone."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

__all__ = ["environment"]

_PACKAGE = Path(__file__).resolve().parent.parent


def _folders() -> list[str]:
    """The live folder of a checkout first: an editable install leaves an old copy in the package."""
    checkout = [_PACKAGE.parent / "templates"] if (_PACKAGE.parent / "pyproject.toml").is_file() else []
    return [str(p) for p in (*checkout, _PACKAGE / "templates") if p.is_dir()]


@lru_cache(maxsize=4)
def environment(medium: str) -> Environment:
    """The Jinja environment of a medium; every string a template receives is already escaped for it.

    >>> environment("latex").variable_start_string
    '<<'
    """
    if medium == "latex":
        return Environment(
            loader=FileSystemLoader(_folders()), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=False,
            block_start_string="<%", block_end_string="%>", variable_start_string="<<", variable_end_string=">>",
            comment_start_string="<#", comment_end_string="#>", keep_trailing_newline=True,
        )  # fmt: skip
    return Environment(
        loader=FileSystemLoader(_folders()), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        autoescape=select_autoescape(enabled_extensions=(), default=False), keep_trailing_newline=True,
    )  # fmt: skip
