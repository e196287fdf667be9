"""One derivation in two notations, side by side, and where the two really differ."""

from symbackprop.translate.differences import Difference
from symbackprop.translate.pages import Translation, side_by_side
from symbackprop.translate.sides import Side

__all__ = ["Difference", "Side", "Translation", "side_by_side"]
