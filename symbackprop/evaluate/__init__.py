"""The value of an index expression at a point, in ball arithmetic: the independent judge of every derivation.

Nothing here differentiates symbolically. A derivative is the coefficient of `eps` in `f(x + eps)`, computed with truncated
power series over balls (Arb), that is rigorous forward mode. So an error in the calculus cannot hide here: the two share no rule.
"""

from __future__ import annotations

from symbackprop.evaluate.balls import Undecided
from symbackprop.evaluate.comparison import Disagreement, compare
from symbackprop.evaluate.nodes import OutOfRange
from symbackprop.evaluate.point import Point
from symbackprop.evaluate.samplers import Draw, one_hot, simplex

__all__ = ["Disagreement", "Draw", "OutOfRange", "Point", "Undecided", "compare", "one_hot", "simplex"]
