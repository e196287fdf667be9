"""Notes as a LaTeX article, with a fragment for each section, and as a page of HTML."""

from __future__ import annotations

from symbackprop.documents.blocks import Notes
from symbackprop.documents.rendering import HTML, LATEX, Medium, render_notes, render_proofs
from symbackprop.documents.templates import environment
from symbackprop.typeset.mathml import CSS

__all__ = ["article_source", "fragments", "page_source"]


def article_source(notes: Notes, own: str = "") -> str:
    """The article: a document of its own."""
    sections = [*render_notes(notes, LATEX), render_proofs(notes, LATEX)]
    article = environment("latex", notes.language, own).get_template("article.tex")
    return article.render(sections=sections, title=_title(notes, LATEX), language=notes.language)


def fragments(notes: Notes, own: str = "") -> dict[str, str]:
    """Each section by its key, to be read into a document by `\\input`."""
    fragment = environment("latex", notes.language, own).get_template("fragment.tex")
    sections = [*render_notes(notes, LATEX), render_proofs(notes, LATEX)]
    return {s["key"]: fragment.render(section=s, title=_title(notes, LATEX), language=notes.language) for s in sections}


def page_source(notes: Notes, own: str = "") -> str:
    """The page: it stands alone, formulas as MathML."""
    sections = [*render_notes(notes, HTML), render_proofs(notes, HTML)]
    page = environment("html", notes.language, own).get_template("page.html")
    return page.render(sections=sections, title=_title(notes, HTML), language=notes.language, css=CSS)


def _title(notes: Notes, medium: Medium) -> str:
    return medium.text(" ".join(notes.language.text(notes.title).split()))
