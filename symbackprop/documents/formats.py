"""Every format that notes are written in, by its name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from symbackprop.documents.article import latex_files, page_source
from symbackprop.documents.blocks import Notes
from symbackprop.documents.markdown import markdown_files
from symbackprop.documents.notebook import notebook_source
from symbackprop.documents.pdf import notes_pdf, typst_source
from symbackprop.documents.slides import slides_source

__all__ = ["FORMATS", "Style"]


@dataclass(frozen=True)
class Style:
    """The folder of templates that are taken before the shipped ones, and the program that sets PDF."""

    templates: str = ""
    pdf_engine: str = "auto"


FORMATS: Mapping[str, Callable[[Notes, Style], Mapping[str, str | bytes]]] = {
    "tex": lambda notes, style: latex_files(notes, style.templates),
    "html": lambda notes, style: {"notes.html": page_source(notes, style.templates)},
    "md": lambda notes, style: markdown_files(notes, style.templates),
    "ipynb": lambda notes, style: {"notes.ipynb": notebook_source(notes, style.templates)},
    "beamer": lambda notes, style: {"slides.tex": slides_source(notes, style.templates)},
    "typ": lambda notes, style: {"notes.typ": typst_source(notes, style.templates)},
    "pdf": lambda notes, style: {"notes.pdf": notes_pdf(notes, style.templates, style.pdf_engine)},
}
