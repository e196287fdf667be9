"""Arguments and options that several commands take."""

from __future__ import annotations

from pathlib import Path

import click

__all__ = ["given", "split"]  # and the options below, which stand in capitals

PATH = click.Path(path_type=Path)
SPEC = click.argument("spec", type=PATH)
SPEC_OR_NONE = click.argument("spec", required=False, type=PATH)
NOTATION = click.option("--notation", "-n", metavar="NAME", help="A shipped notation, or the path of a TOML file that extends one.")
LANGUAGE = click.option("--lang", "-l", "language", default="en", show_default=True, metavar="CODE",
                         help="The language of what is written; symbackprop list languages.")  # fmt: skip
FORMATS = click.option("--format", "-f", "formats", default="tex,html", show_default=True, metavar="NAMES",
                        help="tex, html, md, ipynb, beamer, typ, pdf; with commas.")  # fmt: skip
PDF_ENGINE = click.option("--pdf-engine", "engine", default="auto", show_default=True, metavar="NAME",
                           help="typst, latexmk or auto: latexmk where there is one.")  # fmt: skip
TEMPLATES = click.option("--templates", metavar="DIR", help="A folder of templates of your own; docs/templates.md says how.")
FOLDER = click.option("--output", "-o", default="output", show_default=True, type=PATH, metavar="DIR", help="The folder to write to.")


def given(*choices: str | None) -> str:
    """The first choice that was made."""
    return next(c for c in choices if c is not None)


def split(names: str) -> list[str]:
    """Names with commas between them, one by one.

    >>> split("tex, html")
    ['tex', 'html']
    """
    return [name.strip() for name in names.split(",")]
