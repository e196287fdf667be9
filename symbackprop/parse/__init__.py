"""Reading what people write: formulas in LaTeX, Python-like lines, and the documents they stand in."""

from __future__ import annotations

from .document import Document, Line, read_document
from .latex import read_formula
from .python import read_python
from .tree import Formula, Limits, Link, Tree, Vocabulary

__all__ = ["Document", "Formula", "Limits", "Line", "Link", "Tree", "Vocabulary", "read_document", "read_formula", "read_python"]
