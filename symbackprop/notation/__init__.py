"""A notation is data: the letters, the styles and the layout of a textbook, read from one TOML file."""

from symbackprop.notation.costs import with_cost_of
from symbackprop.notation.loading import load_notation, notation_names
from symbackprop.notation.record import CHOICES, Notation

__all__ = ["CHOICES", "Notation", "load_notation", "notation_names", "with_cost_of"]
