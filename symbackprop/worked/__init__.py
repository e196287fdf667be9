"""Numbers put into a derivation: formula, formula with numbers, result, for the forward pass, the gradients and the updates."""

from __future__ import annotations

from symbackprop.worked.notes import worked, worked_file

__all__ = ["worked", "worked_file"]
