"""Notes as a LaTeX article, with a fragment for each section, and as a page of HTML."""

from __future__ import annotations

from typing import Any

from symbackprop.documents.blocks import Notes
from symbackprop.documents.rendering import HTML, LATEX, Medium, render_notes, render_proofs
from symbackprop.documents.templates import environment
from symbackprop.typeset.mathml import CSS

__all__ = ["article_source", "latex_files", "page_source"]


def article_source(notes: Notes, own: str = "") -> str:
    """The article: a document of its own."""
    return _article(notes, own, _sections(notes))


def latex_files(notes: Notes, own: str = "") -> dict[str, str]:
    """The article, and each section in a file of its own, to be read into a document by `\\input`."""
    sections = _sections(notes)
    fragment = environment("latex", notes.language, own).get_template("fragment.tex")
    parts = {s["key"]: fragment.render(section=s, title=_title(notes, LATEX), language=notes.language) for s in sections}
    return {"notes.tex": _article(notes, own, sections), **{f"fragments/{key}.tex": text for key, text in parts.items()}}


def _sections(notes: Notes) -> list[dict[str, Any]]:
    return [*render_notes(notes, LATEX), render_proofs(notes, LATEX)]


def _article(notes: Notes, own: str, sections: list[dict[str, Any]]) -> str:
    article = environment("latex", notes.language, own).get_template("article.tex")
    return article.render(sections=sections, title=_title(notes, LATEX), language=notes.language)


def page_source(notes: Notes, own: str = "") -> str:
    """The page: it stands alone, formulas as MathML."""
    sections = [*render_notes(notes, HTML), render_proofs(notes, HTML)]
    page = environment("html", notes.language, own).get_template("page.html")
    return page.render(sections=sections, title=_title(notes, HTML), language=notes.language, css=CSS)


def _title(notes: Notes, medium: Medium) -> str:
    return medium.text(" ".join(notes.language.text(notes.title).split()))
