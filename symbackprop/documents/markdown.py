"""Notes as Markdown whose formulas KaTeX takes: for Quarto, Jupyter Book, and the cells of a notebook."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from symbackprop.documents.blocks import Notes
from symbackprop.documents.rendering import Medium, render_notes, render_proofs
from symbackprop.documents.templates import environment
from symbackprop.languages import Message
from symbackprop.pictures.svg import svg_file
from symbackprop.typeset.latex import latex
from symbackprop.typeset.tree import Node

__all__ = ["MARKDOWN", "displays", "markdown_files", "markdown_sections", "single_spaced", "with_files"]

_SPECIAL = re.compile(r"[\\`*_{}\[\]<>#$|~^&]")


def _escape(text: str) -> str:
    return _SPECIAL.sub(lambda found: f"\\{found[0]}", " ".join(f"_{text}_".split())[1:-1])


def _formula(node: Node) -> str:
    """A formula that a reader of Markdown takes for neither HTML nor a column of a table."""
    return latex(node).replace("<", r"\lt ").replace(">", r"\gt ").replace("|", r"\vert ")


MARKDOWN = Medium(
    "markdown", _escape, lambda node: f"${_formula(node)}$", _formula, lambda label, number: f"[({number})](#eq-{label})",
    lambda key, title: f"[{_escape(title)}](#sec-{key})", Message("the section {section}"), svg_file,
)  # fmt: skip


def displays(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The lines of a chain as displays, one for each step: its words, its lines, its number.

    Each display begins with the left side of the chain again, as long as all before it are equal.

    >>> rows = [{"left": "x", "right": "= y", "relation": "=", "words": "By a:"}, {"left": "", "right": "= z", "relation": "=", "words": "By b:"}]
    >>> [(d["words"], [(r["left"], r["right"]) for r in d["rows"]]) for d in displays(rows)]
    [('By a:', [('x', '= y')]), ('By b:', [('x', '= z')])]
    """
    found: list[dict[str, Any]] = []
    left, equal = "", True
    for r in rows:
        left, equal = (r["left"], True) if r["left"] else (left, equal)
        if not found or r["words"]:
            found.append({"words": r["words"], "rows": [r if r["left"] or not equal else {**r, "left": left}], "number": "", "label": ""})
        else:
            found[-1]["rows"].append(r)
        equal = equal and r.get("relation", "=") in ("=", "equiv")
        if "number" in r:
            found[-1] |= {"number": r["number"], "label": r["label"]}
    return found


def markdown_sections(notes: Notes) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """The sections with the name of a file for each picture, and these files."""
    sections = [*render_notes(notes, MARKDOWN), render_proofs(notes, MARKDOWN)]
    return sections, with_files(sections)


def with_files(sections: Sequence[dict[str, Any]]) -> dict[str, str]:
    """The pictures of sections by their names, each block of a picture told the name of its file."""
    files = {}
    for s in sections:
        for number, b in enumerate((b for b in s["blocks"] if b["kind"] == "figure"), 1):
            b["file"] = f"figures/{s['key']}-{number}.svg"
            files[b["file"]] = b["picture"]
    return files


def markdown_files(notes: Notes, own: str = "") -> dict[str, str]:
    """The page and its pictures by their names."""
    sections, files = markdown_sections(notes)
    title = " ".join(notes.language.text(notes.title).split())
    page = environment("markdown", notes.language, own).get_template("page.md")
    text = page.render(sections=sections, title=json.dumps(title, ensure_ascii=False), language=notes.language, displays=displays)
    return {"notes.md": single_spaced(text), **files}


def single_spaced(text: str) -> str:
    """The text with one blank line between paragraphs, whatever the templates left there."""
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"
