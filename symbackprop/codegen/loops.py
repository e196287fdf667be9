"""Operations as loops over single entries: what numba compiles best, and what needs no array but the result.

A statement becomes the lines of one function, as do forms along an axis of one array, which share what they have in common. Products
of matrices, sums and maxima are computed into arrays of their own first; what stands around them is written entry by entry, in one
loop over all entries where every array is read in order: the compiler makes vector instructions of it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence

from symbackprop.codegen.arrays import Op, renamed, walk
from symbackprop.codegen.entries import SIZES, entry_printer, size_text
from symbackprop.codegen.forms import FORMS, read_form
from symbackprop.codegen.indexed import Indexed, Kind, at_indices

__all__ = ["Loops", "is_stored"]


class Loops(Indexed):
    """The lines of the function of statements; `kinds` says what the names in them stand for, `results` what is computed.

    What is `there` is an array to be written to; other results get arrays of their own.
    """

    def __init__(self, kinds: Mapping[str, Kind], results: Collection[str], there: Collection[str] = ()) -> None:
        super().__init__(kinds)
        self.there = there
        self.lines: list[str] = []
        self.products: dict[str, tuple[int, str, str]] = {}  # in which line each is computed, the ranks of its factors, and these
        self._shared: dict[Op, Op] = {}  # what forms along an axis computed on the way
        self._taken = {*kinds, *results, "real", "so_far"}
        self._letters = [self.free(c) for c in "ijklpqrsuvwxyz"]

    def free(self, wanted: str) -> str:
        """A name that nothing else has."""
        while wanted in self._taken:
            wanted += "_"
        self._taken.add(wanted)
        return wanted

    def text(self, op: Op) -> str:
        """An operation on entries as source."""
        return entry_printer(frozenset(name for name, kind in self.kinds.items() if kind.rank == 0)).text(op)

    def write(self, values: Mapping[str, Op]) -> None:
        """The lines that compute what is named, and return it."""
        self.lines.append(f"return {', '.join([self.value(op, wanted) for wanted, op in values.items()])}")

    def value(self, op: Op, wanted: str) -> str:
        """The array `wanted`, or an expression where the value is a number."""
        op = self.prepared(op, wanted)
        if op.op == "name" and op.data == wanted:
            return wanted
        return self.text(self.entry(op, ())) if self.rank(op) == 0 else str(self.filled(op, wanted).data)

    # -- what has an array of its own --------------------------------------------------------------------------------------

    def prepared(self, op: Op, wanted: str = "") -> Op:
        """`op` with every part that needs a loop of its own computed and put in by name; the whole of it is called `wanted`."""
        if op.op == "form" and isinstance(op.data, tuple):
            return self.vector(op, wanted)
        if op.op in ("copy", "name"):
            return op if op.op == "name" else self.prepared(op.args[0])
        op = Op(op.op, tuple(self.prepared(a) for a in op.args), op.data)
        if op.op == "matmul":
            left, right = map(self.plain, op.args)
            rank = self.rank(left) + self.rank(right) - 2
            found = self.named(wanted, "t", rank)
            self.products[found.data] = len(self.lines), f"{self.rank(left)}{self.rank(right)}", f"{SIZES.text(left)}, {SIZES.text(right)}"
            self.lines.append("")
            self.multiplied(found.data, found.data)
            return found
        if op.op == "sum":
            axes = range(self.rank(op.args[0])) if op.data is None else (op.data,)
            return self.folded(op.args[0], tuple(axes), "sum", wanted)
        if op.op == "einsum":
            return self.einsum(op, wanted)
        return self.padded(op, wanted) if op.op == "pad" else op

    def plain(self, op: Op) -> Op:
        """An argument of a matrix product: a stored array or the transpose of one."""
        return op if is_stored(op) else self.filled(op)

    def named(self, wanted: str, hint: str, rank: int) -> Op:
        found = wanted or self.free(hint)
        self.kinds[found] = Kind(rank)
        return Op("name", (), found)

    def made(self, wanted: str, hint: str, sizes: Sequence[str], start: str = "") -> Op:
        """A new array."""
        found = self.named(wanted, hint, len(sizes))
        if found.data in self.there:
            self.lines += [f"{found.data}[...] = {start}"] if start else []
            return found
        if not sizes:
            self.lines.append(f"{found.data} = {start}")
            return found
        shape = f"({', '.join(sizes)}{',' if len(sizes) == 1 else ''})"
        self.lines.append(f"{found.data} = np.full({shape}, {start})" if start else f"{found.data} = np.empty({shape}, real)")
        return found

    def multiplied(self, product: str, wanted: str) -> None:
        """Lets a product be computed under the name `wanted`, in the array of that name if it is there."""
        line, ranks, factors = self.products.pop(product)
        self.products[wanted], self.kinds[wanted] = (line, ranks, factors), self.kinds[product]
        self.lines[:] = [re.sub(rf"\b{product}\b", wanted, text) for text in self.lines]
        into = f"dot_into({factors}, {wanted})" if ranks == "22" else f"{wanted}[...] = dot_{ranks}({factors})"
        self.lines[line] = into if wanted in self.there else f"{wanted} = dot_{ranks}({factors})"

    def loop(self, sizes: Sequence[str], line: str, letters: Sequence[str], inside: int = 0) -> None:
        depth = "    " * inside
        for k, n in zip(letters, sizes, strict=True):
            self.lines.append(f"{depth}for {k} in range({n}):")
            depth += "    "
        self.lines.append(f"{depth}{line}")

    def filled(self, op: Op, wanted: str = "") -> Op:
        """An array of all entries of `op`; one that was made on the way and is read at the same place only is written over."""
        sizes = self.extents(op)
        letters = self._letters[: len(sizes)]
        entry = self.entry(op, tuple(letters))
        if not sizes:
            return self.made(wanted, "t", sizes, self.text(entry))
        reuse = next((t for t in self.products if _read(entry, t) == {at_indices(t, letters)}), "")
        if reuse and wanted:
            self.multiplied(reuse, wanted)
            op = renamed(op, {reuse: wanted})
            sizes, entry, reuse = self.extents(op), self.entry(op, tuple(letters)), wanted
        found = Op("name", (), reuse) if reuse else self.made(wanted, "t", sizes)
        if len(sizes) > 1 and self.in_order(op):
            self.flat(op, found)
        else:
            self.loop(sizes, f"{at_indices(found.data, letters)} = {self.text(entry)}", letters)
        return found

    def in_order(self, op: Op) -> bool:
        """Whether every array in `op` is read as the result is written."""
        letters = self._letters[: self.rank(op)]
        read = [o.data.partition("[") for o in walk(self.entry(op, tuple(letters))) if o.op == "name"]
        arrays = [(name, at) for name, _, at in read if name not in letters and (at or (name in self.kinds and self.kinds[name].rank))]
        return bool(arrays) and all(at == f"{', '.join(letters)}]" for _, at in arrays) and not any(name in letters for name, _, _ in read)

    def flat(self, op: Op, found: Op) -> None:
        """One loop over all entries, every array taken as a vector."""
        arrays = list(dict.fromkeys([found.data, *(o.data for o in walk(op) if o.op == "name" and self.kinds[o.data].rank)]))
        vectors = {name: self.free(f"{name}_all") for name in arrays}
        self.lines += [f"{vector} = {name}.ravel()" for name, vector in vectors.items()]
        letters = self._letters[: self.rank(op)]
        flat = {at_indices(name, letters): at_indices(vector, letters[:1]) for name, vector in vectors.items()}
        entry = renamed(self.entry(op, tuple(letters)), flat)
        self.loop([f"{found.data}.size"], f"{flat[at_indices(found.data, letters)]} = {self.text(entry)}", letters[:1])

    def folded(self, op: Op, axes: tuple[int, ...], how: str, wanted: str = "") -> Op:
        """The sum or the maximum along axes."""
        sizes = self.extents(op)
        letters = self._letters[: len(sizes)]
        kept = [k for n, k in enumerate(letters) if n not in axes]
        entry = self.text(self.entry(op, tuple(letters)))
        start = "real(0)" if how == "sum" else "real(-np.inf)"
        inner, hint = letters[len(kept) :] if kept == letters[: len(kept)] else [], "total" if how == "sum" else "top"
        found = self.made(wanted, hint, [s for n, s in enumerate(sizes) if n not in axes], "" if kept and inner else start)
        place = "so_far" if kept and inner else at_indices(found.data, kept)
        folding = f"{place} += {entry}" if how == "sum" else f"{place} = maximum({place}, {entry})"
        if not (kept and inner):
            self.loop(sizes, folding, letters)
            return found
        outer = len(kept)  # a row at a time, in a number that needs no memory
        self.loop(sizes[:outer], f"{place} = {start}", kept)
        self.loop(sizes[outer:], folding, inner, outer)
        self.lines.append(f"{'    ' * outer}{at_indices(found.data, kept)} = {place}")
        return found

    def einsum(self, op: Op, wanted: str) -> Op:
        """A sum of products, spelled out."""
        inputs, _, output = op.data.partition("->")
        calls = inputs.split(",")
        order = dict.fromkeys([*output, *"".join(calls)])
        letters = dict(zip(order, self._letters, strict=False))
        extents = {c: n for call, a in zip(calls, op.args, strict=True) for c, n in zip(call, self.extents(a), strict=True)}
        entries = [self.entry(a, tuple(letters[c] for c in call)) for call, a in zip(calls, op.args, strict=True)]
        entry = self.text(Op("mul", tuple(entries)) if len(entries) > 1 else entries[0])
        found = self.made(wanted, "total", [extents[c] for c in output], "real(0)")
        self.loop([extents[c] for c in order], f"{at_indices(found.data, [letters[c] for c in output])} += {entry}", list(letters.values()))
        return found

    def padded(self, op: Op, wanted: str) -> Op:
        """An array with zeros around it."""
        inner, ends = op.args[0], [size_text(a) for a in op.args[1:]]
        sizes = self.extents(inner)
        found = self.made(wanted, "wide", [f"{n} + {b} + {a}" for n, b, a in zip(sizes, ends[::2], ends[1::2], strict=True)], "real(0)")
        letters = self._letters[: len(sizes)]
        place = at_indices(found.data, [f"{k} + {b}" for k, b in zip(letters, ends[::2], strict=True)])
        self.loop(sizes, f"{place} = {self.text(self.entry(inner, tuple(letters)))}", letters)
        return found

    def vector(self, op: Op, wanted: str) -> Op:
        """A form along an axis, line by line."""
        form, axis, rank = op.data
        known = {"z": self.plain(self.prepared(op.args[0]))}
        *before, last = FORMS[form].lines
        for line in before:
            left, _, right = line.partition(" = ")
            found = self._folds(read_form(right), known, axis, rank)
            known[left] = found if found.op in ("name", "select") else self.shared(found, left)
        return self.filled(self._folds(read_form(last), known, axis, rank), wanted)

    def shared(self, op: Op, hint: str = "t") -> Op:
        """An array of all entries of `op`, made once; it is not written over."""
        if op not in self._shared:
            self._shared[op] = self.filled(op, self.free(hint))
        return self._shared[op]

    def _folds(self, op: Op, known: Mapping[str, Op], axis: int, rank: int) -> Op:
        if op.op == "name":
            return known[op.data]
        args = tuple(self._folds(a, known, axis, rank) for a in op.args)
        if op.op == "call" and len(args) == 1 and args[0].op == "select":
            return Op("select", (self.shared(Op("call", args[0].args, op.data)),), args[0].data)  # once a row, not once an entry
        if op.op == "call":  # of an array of its own, so that one loop does all of it
            return self.shared(Op("call", tuple(a if a.op == "name" else self.shared(a, "shifted") for a in args), op.data), "e")
        if op.op != "reduce":
            return Op(op.op, args, op.data)
        if op.data == "squeeze":
            return Op("squeeze", args, axis)
        key = Op(op.data, args, axis)
        if key not in self._shared:
            self._shared[key] = self.folded(args[0], (axis,), op.data)
        return Op("select", (self._shared[key],), tuple(None if n == axis else ":" for n in range(rank)))


def is_stored(op: Op) -> bool:
    """Whether a factor of a product has an array, or is the transpose of a matrix that has one."""
    return op.op == "name" or (op.op == "permute" and op.data == (1, 0) and op.args[0].op == "name")


def _read(entry: Op, name: str) -> set[str]:
    """The places at which an array is read."""
    return {op.data for op in walk(entry) if op.op == "name" and op.data.startswith(f"{name}[")}
