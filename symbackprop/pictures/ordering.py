"""Where the nodes of a drawing in columns stand: few crossings, straight lines, enough room between neighbours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate, pairwise

__all__ = ["crossings", "ordered", "settled", "spread"]

_SWEEPS = 8


def ordered(columns: Sequence[Sequence[int]], links: Sequence[tuple[int, int]]) -> list[list[int]]:
    """The nodes of each column in an order in which few `links` between neighbouring columns cross, by barycentres.

    >>> ordered([[0, 1], [2, 3]], [(0, 3), (1, 2)])
    [[0, 1], [3, 2]]
    """
    best = current = [list(c) for c in columns]
    near: dict[int, list[int]] = {}
    for a, b in links:
        near.setdefault(a, []).append(b)
        near.setdefault(b, []).append(a)
    for sweep in range(_SWEEPS):
        forward = sweep % 2 == 0
        current = [list(c) for c in current]
        pairs = range(1, len(current)) if forward else range(len(current) - 2, -1, -1)
        for n in pairs:
            place = {node: i for i, node in enumerate(current[n - 1 if forward else n + 1])}
            at = {node: i for i, node in enumerate(current[n])}
            centre = {v: _mean([place[u] for u in near.get(v, ()) if u in place], at[v]) for v in current[n]}
            current[n].sort(key=lambda v, centre=centre: centre[v])  # type: ignore[misc]
        if crossings(current, links) < crossings(best, links):
            best = current
    return best


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def crossings(columns: Sequence[Sequence[int]], links: Sequence[tuple[int, int]]) -> int:
    """How many pairs of links cross.

    >>> crossings([[0, 1], [2, 3]], [(0, 3), (1, 2)])
    1
    """
    at = {v: (n, i) for n, column in enumerate(columns) for i, v in enumerate(column)}
    found = 0
    for i, (a, b) in enumerate(links):
        for c, d in links[:i]:
            if at[a][0] == at[c][0] and (at[a][1] - at[c][1]) * (at[b][1] - at[d][1]) < 0:
                found += 1
    return found


def spread(wanted: Sequence[float], apart: Sequence[float], weights: Sequence[float]) -> list[float]:
    """The places nearest to those `wanted`, in weighted squares, that keep their order and stand `apart` (one distance fewer than places).

    >>> spread([0, 0], [2], [1, 1])
    [-1.0, 1.0]
    """
    shift = list(accumulate(apart, initial=0.0))[: len(wanted)]
    blocks: list[tuple[float, float, int]] = []  # mean, weight, how many
    for value, moved, weight in zip(wanted, shift, weights, strict=True):
        blocks.append((value - moved, weight, 1))
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            (m0, w0, n0), (m1, w1, n1) = blocks[-2:]
            blocks[-2:] = [((m0 * w0 + m1 * w1) / (w0 + w1), w0 + w1, n0 + n1)]
    places = [mean for mean, _, count in blocks for _ in range(count)]
    return [p + moved for p, moved in zip(places, shift, strict=True)]


def settled(
    columns: Sequence[Sequence[int]], links: Sequence[tuple[int, int]], rooms: Mapping[int, tuple[float, float]], light: frozenset[int]
) -> dict[int, float]:
    """The height of each node, upwards, with `rooms` above and below it; `light` nodes give way.

    A node that alone in its column has light neighbours stays straight with the others; where there are more, each goes to its own.

    >>> settled([[0, 1], [2]], [(0, 2), (1, 2)], {0: (1, 1), 1: (1, 1), 2: (1, 1)}, frozenset({1}))
    {0: 0.0, 1: -2.0, 2: 0.0}
    """
    near: dict[int, list[int]] = {}
    for a, b in links:
        near.setdefault(a, []).append(b)
        near.setdefault(b, []).append(a)
    down = {v: 0.0 for column in columns for v in column}
    weights = {v: 1e-6 if v in light else 1.0 for v in down}
    loaded = [sum(any(u in light for u in near.get(v, ())) for v in column) for column in columns]
    for sweep in range(6 * _SWEEPS + 1):
        turn = list(zip(columns, loaded, strict=True))
        for column, load in turn if sweep % 2 == 0 else reversed(turn):
            wanted = []
            for v in column:
                around = near.get(v, [])
                heavy = [u for u in around if u not in light] if load == 1 else around
                wanted.append(_mean([down[u] for u in heavy or around], down[v]))
            apart = [rooms[a][1] + rooms[b][0] for a, b in pairwise(column)]
            down |= zip(column, spread(wanted, apart, [weights[v] for v in column]), strict=True)
    return {v: round(0.0 - d, 3) + 0.0 for v, d in down.items()}
