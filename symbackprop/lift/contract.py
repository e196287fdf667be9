"""Products of matrices and vectors that share indices: which matrix product, sum or outer product they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from symbackprop.equations import mul
from symbackprop.lift.layout import NotLiftable
from symbackprop.lift.matrix import Broadcast, Const, Diag, Identity, Node, Ones
from symbackprop.lift.tidy import hadamard, matmul, plus, scale, sum_axis, transpose

Sizes = Mapping[Any, Any]


@dataclass(frozen=True)
class Piece:
    """A matrix and the indices it runs over: none (one entry), one (a column), or two (down, across)."""

    node: Node
    indices: tuple[Any, ...] = ()


def union(pieces: Sequence[Piece]) -> tuple[Any, ...]:
    """The indices of all pieces; where one of them is a matrix, in its order."""
    first = next((p.indices for p in pieces if len(p.indices) == 2), ())
    found = tuple(dict.fromkeys((*first, *(i for p in pieces for i in p.indices))))
    if len(found) > 2:
        raise NotLiftable(f"{len(found)} indices stand free in one term: {', '.join(map(str, found))}")
    return found


def orient(piece: Piece, down: Any) -> Node:
    """The matrix of a piece with the index `down` along its rows; any other index runs across."""
    return piece.node if not piece.indices or piece.indices[0] == down else transpose(piece.node)


def spread(piece: Piece, down: Any, across: Any, sizes: Sizes) -> Node:
    """The matrix of a piece, repeated along an index that it does not depend on; None stands for an axis of one."""
    rows, columns = (1 if k is None else sizes[k] for k in (down, across))
    missing = [k not in piece.indices and k is not None for k in (down, across)]
    if not any(missing):
        return orient(piece, down)
    if isinstance(piece.node, Const):
        return scale(piece.node.value, Ones(rows, columns))
    node = orient(piece, down)
    if missing[0]:
        node = Broadcast(node, "rows", rows)
    return Broadcast(node, "columns", columns) if missing[1] else node


def aligned(pieces: Sequence[Piece], sizes: Sizes) -> tuple[list[Node], tuple[Any, ...]]:
    """The matrices of `pieces`, repeated so that all have one shape, and the indices of that shape."""
    indices = union(pieces)
    down, across = (*indices, None, None)[:2]
    return [spread(p, down, across, sizes) for p in pieces], indices


def total(pieces: Sequence[Piece], sizes: Sizes) -> Piece:
    """The sum of `pieces`."""
    nodes, indices = aligned(pieces, sizes)
    return Piece(plus(*nodes), indices)


def product(pieces: Sequence[Piece], bound: Sequence[Any], sizes: Sizes) -> Piece:
    """The product of `pieces` summed over the `bound` indices, `sum_k A_ik B_kj = (A B)_ij`.

    Raises:
        NotLiftable: a bound index joins three others, or more than two indices are left.
    """
    pieces, left = list(pieces), list(bound)
    while left:
        # An index that joins few others goes first: what it leaves behind is a vector or a matrix, never more.
        k = min(left, key=lambda i: max(1, len(_others(i, pieces))))
        left.remove(k)
        touching = [p for p in pieces if k in p.indices]
        if not touching:
            pieces.append(Piece(Const(sizes[k])))
            continue
        place = pieces.index(touching[0])
        pieces = [p for p in pieces if k not in p.indices]
        pieces.insert(place, _summed_out(k, touching))
    return _multiplied(pieces, sizes)


def _others(k: Any, pieces: Sequence[Piece]) -> tuple[Any, ...]:
    return tuple(dict.fromkeys(i for p in pieces if k in p.indices for i in p.indices if i != k))


def _summed_out(k: Any, pieces: Sequence[Piece]) -> Piece:
    others = _others(k, pieces)
    vectors = [p.node for p in pieces if p.indices == (k,)]
    if len(others) > 2:
        raise NotLiftable(f"the sum over {k} joins {len(others)} indices: {', '.join(map(str, others))}")
    if not others:
        first, *rest = vectors
        return Piece(matmul(transpose(first), hadamard(*rest)) if rest else sum_axis(first, "all"))
    i, *ends = others
    left = hadamard(*(orient(p, i) for p in pieces if i in p.indices))
    if ends:
        scaled = [Diag(hadamard(*vectors))] if vectors else []
        right = hadamard(*(orient(p, k) for p in pieces if ends[0] in p.indices))
        return Piece(matmul(left, *scaled, right), others)
    return Piece(matmul(left, hadamard(*vectors)) if vectors else sum_axis(left, "columns"), others)


def _multiplied(pieces: Sequence[Piece], sizes: Sizes) -> Piece:
    indices = union(pieces)
    full = [p for p in pieces if len(p.indices) == 2]
    if len(indices) == 2 and not full:
        # Scalars go with the column, so that the outer product stays a product of two.
        columns = [p for p in pieces if p.indices in ((), indices[:1])]
        rows = [p for p in pieces if p.indices == indices[1:]]
        left = hadamard(*(spread(p, indices[0], None, sizes) for p in columns))
        return Piece(matmul(left, transpose(hadamard(*(p.node for p in rows)))), indices)
    if full and len(pieces) > 1 and all(isinstance(p.node, Identity) for p in full):
        # delta_ij v_j = delta_ij v_i: on the diagonal a vector along either axis is the same vector.
        vectors = [Piece(p.node, indices[:1] if p.indices else ()) for p in pieces if len(p.indices) < 2]
        if any(p.indices for p in vectors):
            return Piece(Diag(hadamard(*(spread(p, indices[0], None, sizes) for p in vectors))), indices)
    factor = mul(*(p.node.value for p in pieces if isinstance(p.node, Const)))
    nodes, indices = aligned([p for p in pieces if not isinstance(p.node, Const)], sizes)
    return Piece(scale(factor, hadamard(*nodes)), indices) if nodes else Piece(Const(factor))
