"""Reading what people write: formulas in LaTeX, Python-like lines, and the documents they stand in."""

from __future__ import annotations
