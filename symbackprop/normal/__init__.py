"""A normal form for index expressions: a sum of terms, each a number times a monomial of entries under sums.

Two expressions with the same normal form are equal for all sizes. Products are multiplied out, summation indices get
canonical names, Kronecker deltas collapse under the sums they meet, and a fact such as `sum_j y_j = 1` is used wherever
its sum stands. Indices are typed by the axes they run over, so a collapsed index never leaves its range.
"""

from __future__ import annotations

from symbackprop.normal.equality import equal
from symbackprop.normal.facts import one_hot
from symbackprop.normal.form import canonical, normal_terms

__all__ = ["canonical", "equal", "normal_terms", "one_hot"]
