"""Reading what people write: formulas in LaTeX, Python-like lines, and the documents they stand in."""

from __future__ import annotations

from .latex import read_formula
from .tree import Formula, Limits, Link, Tree, Vocabulary

__all__ = ["Formula", "Limits", "Link", "Tree", "Vocabulary", "read_formula"]
