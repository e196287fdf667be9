"""Operations as their single entries: how far each axis of a result runs, and what stands at given indices."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from symbackprop.codegen.arrays import Op
from symbackprop.codegen.entries import size_text
from symbackprop.errors import InputError

__all__ = ["Indexed", "Kind", "at_indices"]

_ENTRYWISE = ("add", "mul", "div", "neg", "pow", "compare", "where", "call", "form")


@dataclass(frozen=True)
class Kind:
    """What a name stands for: an array of so many axes (0 for a number), of whole numbers or not."""

    rank: int
    whole: bool = False


class Indexed:
    """Operations on what is named; `kinds` says what the names stand for."""

    def __init__(self, kinds: Mapping[str, Kind]) -> None:
        self.kinds = dict(kinds)

    def rank(self, op: Op) -> int:
        """The number of axes of a result."""
        return len(self.extents(op))

    def extents(self, op: Op) -> list[str]:
        """How far each axis runs, as source."""
        args = op.args
        match op.op:
            case "name":
                return [f"{op.data}.shape[{n}]" for n in range(self.kinds[op.data].rank)]
            case "number" | "constant":
                return []
            case "permute":
                found = self.extents(args[0])
                return [found[n] for n in op.data]
            case "select":
                inner = iter(self.extents(args[0]))
                return [n for n in ("1" if s is None else next(inner) if s == ":" else next(inner) and "" for s in op.data) if n]
            case "squeeze":
                found = self.extents(args[0])
                return [*found[: op.data], *found[op.data + 1 :]]
            case "outer":
                return [*self.extents(args[0]), *self.extents(args[1])]
            case "eye":
                return [size_text(args[0])] * 2
            case "one_hot":
                return [*self.extents(args[1]), size_text(args[0])]
            case "full":
                return [size_text(n) for n in args[1:]]
            case "window":
                return self._window_extents(op)
        if op.op not in _ENTRYWISE:
            raise InputError(f"the numba backend has no operation '{op.op}'")
        found = list[str]()
        for other in map(self.extents, args):
            found, other = (found, other) if len(found) >= len(other) else (other, found)
            shift = len(found) - len(other)
            found = [n if k < shift or n != "1" else other[k - shift] for k, n in enumerate(found)]
        return found

    def _window_extents(self, op: Op) -> list[str]:
        count, places = op.data
        found, gathered = list[str](), False
        for place, n in zip(places, self.extents(op.args[0]), strict=True):
            if place == ":":
                found.append(n)
            elif place[-1] == ":":
                found.append(f"{size_text(op.args[place[1]])} - {size_text(op.args[place[0]])}")
            elif not gathered:
                gathered = True
                found += map(size_text, op.args[1 : count + 1])
        return found

    def _window_indices(self, op: Op, at: Iterator[str]) -> Iterator[str]:
        """Where the entry of a window stands in its array; the letters of all places that sum them come at the first."""
        count, places = op.data
        letters: list[str] = []
        for place in places:
            if place == ":":
                yield next(at)
            elif place[-1] == ":":
                yield f"{size_text(op.args[place[0]])} + {next(at)}"
            else:
                letters = letters or [next(at) for _ in range(count)]
                yield " + ".join([size_text(op.args[place[0]]), *(f"{c} * {k}" for c, k in zip(place[1], letters, strict=True) if c)])

    def entry(self, op: Op, at: tuple[str, ...]) -> Op:
        """The entry of `op` at the indices `at`, as an operation on single numbers."""
        args = op.args
        match op.op:
            case "name":
                kind = self.kinds[op.data]
                return op if kind.rank == 0 else Op("name", (), at_indices(op.data, at))
            case "number" | "constant":
                return op
            case "permute":
                return self.entry(args[0], tuple(at[op.data.index(n)] for n in range(len(at))))
            case "select":
                indices = iter(at)
                picked = [next(indices) if s in (":", None) else str(s) for s in op.data]
                return self.entry(args[0], tuple(k for k, s in zip(picked, op.data, strict=True) if s is not None))
            case "squeeze":
                return self.entry(args[0], (*at[: op.data], "0", *at[op.data :]))
            case "outer":
                n = self.rank(args[0])
                return Op("mul", (self.entry(args[0], at[:n]), self.entry(args[1], at[n:])))
            case "eye":
                return Op("compare", (Op("name", (), at[0]), Op("name", (), at[1])), "==")
            case "one_hot":
                return Op("compare", (self.entry(args[1], at[:-1]), Op("name", (), at[-1])), "==")
            case "full":
                return self.entry(args[0], at[len(at) - self.rank(args[0]) :])
            case "window":
                return self.entry(args[0], tuple(self._window_indices(op, iter(at))))
        return Op(op.op, tuple(self.entry(a, at[len(at) - self.rank(a) :]) for a in args), op.data)


def at_indices(name: str, indices: Sequence[str]) -> str:
    """An entry of an array as source, or a number.

    >>> at_indices("Z", ["i", "j"])
    'Z[i, j]'
    """
    return f"{name}[{', '.join(indices)}]" if indices else name
