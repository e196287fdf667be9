"""Where two expressions differ for certain: the search for a counterexample."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

import sympy as sp
from flint import arb

from symbackprop.evaluate.balls import Undecided, precision
from symbackprop.evaluate.nodes import Env
from symbackprop.evaluate.point import Point

__all__ = ["Disagreement", "compare"]


@dataclass(frozen=True)
class Disagreement:
    """A place where two expressions differ for certain: a counterexample."""

    indices: dict[str, int]
    left: arb
    right: arb
    point: Point


def compare(
    left: Any, right: Any, point: Point, ranges: Mapping[Any, Any], *, limit: int = 200,
) -> Disagreement | None:
    """The first place where `left - right` cannot be 0, over the free indices; None if they agree everywhere.

    `ranges` maps an index to its size (it runs from 1), or to the numbers it takes; a later one may depend on an earlier one.
    Of more than `limit` places, `limit` are drawn pseudo-randomly. Raises `Undecided` if a difference is wider than 1e-30.

    >>> from symbackprop.equations import Tensor, index
    >>> u, j = Tensor("u", (3,)), index("j")
    >>> compare(u[j] * u[j], u[j]**2, Point([], {}), {j: 3})
    >>> compare(u[j] + u[j], u[j]**2, Point([], {}), {j: 3}).indices
    {'j': 1}
    """
    places: list[Env] = [{}]
    for symbol, span in ranges.items():
        places = [{**place, symbol: v} for place in places for v in (
            range(1, point.size(span, place) + 1) if isinstance(span, (int, sp.Basic)) else span)]
    if len(places) > limit:
        places = Random(f"{point.seed}|places").sample(places, limit)
    for place in places:
        a, b = point.value(left, place), point.value(right, place)
        with precision(point.digits):
            difference = a - b
            if not difference.contains(0):
                return Disagreement({str(s): v for s, v in place.items()}, a, b, point)
            if not difference.rad() <= arb("1e-30"):
                raise Undecided(f"{left} and {right} differ by {difference.str(5)}, which is too wide to tell")
    return None
