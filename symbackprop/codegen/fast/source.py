"""The fast form as a module: a workspace for given sizes, and the statements as instructions on its arrays."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
from sympy import Symbol

from symbackprop.codegen.arrays import Op
from symbackprop.codegen.dialects import Printer
from symbackprop.codegen.fast.exponentials import GUARDED, guarded, within
from symbackprop.codegen.fast.finite import witnesses
from symbackprop.codegen.fast.graph import ARRAY, CALL, FIXED, VIEWS, Node
from symbackprop.codegen.fast.memory import Memory, laid_out
from symbackprop.codegen.fast.operations import FUNCTIONS, ufunc
from symbackprop.codegen.fast.simplify import Reduced
from symbackprop.codegen.module import spelled_shape
from symbackprop.codegen.numpy_source import NUMPY

__all__ = ["fast_source"]

_OWN = ("dtype", "side_by_side", "workspace")
_NARROW = 64  # columns, up to which it pays
_SMALL = (256, 6400)  # entries of a matrix that is cheaper to copy than to multiply by transposed


def _taken(name: str) -> bool:
    """Whether a name of the program means something else in a fast module."""
    return name in (*_OWN, *FUNCTIONS) or isinstance(getattr(np, name, None), np.ufunc) or re.fullmatch("[BGRVcstv][0-9]+", name) is not None


def fast_source(reduced: Reduced) -> str:
    """The module of the fast form: `workspace(sizes)` allocates once and returns the function that works on it.

    >>> from symbackprop.builders import mlp
    >>> from symbackprop.codegen.fast.simplify import reduced
    >>> from symbackprop.codegen.program import array_program
    >>> text = fast_source(reduced(array_program(mlp([3, 2], activation="tanh", samples="m"))))
    >>> print("\\n".join(line.strip() for line in text.splitlines() if "A1," in line or "tanh(" in line))
    # A1, forward (m, 2)
    tanh(B0, B0)
    """
    return _Writer(reduced).text()


@dataclass
class _Writer:
    reduced: Reduced
    fixed: list[str] = field(default_factory=list)
    body: list[str] = field(default_factory=list)
    names: dict[Any, str] = field(default_factory=dict)
    marks: list[str] = field(default_factory=list)
    rooms: dict[tuple[Any, ...], str] = field(default_factory=dict)
    beside: dict[str, tuple[Any, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.graph, self.program = self.reduced.graph, self.reduced.program
        self.order, results = self.reduced.order, self.results()
        self.memory: Memory = laid_out(self.graph, self.order, results, [self.reduced.loss, *self.reduced.gradients])
        self.results_at = {place: name for place, name in results.items() if self.memory.of.get(place) == name}
        self.seen = witnesses(self.reduced)
        program = self.program
        known = [g.name for g in (*program.params, *program.inputs, *program.targets)], program.size_names.values(), program.scalars
        self.called = {name: f"{name}__" if _taken(name) else name for group in known for name in group}
        self.printer = Printer(NUMPY, self.called[known[0][0]], frozenset(self.called[n] for group in known[1:] for n in group))

    def results(self) -> dict[int, str]:
        """The array that each gradient is computed in; one that is another's gradient too, or is given, is copied."""
        found: dict[int, str] = {}
        for n, place in enumerate(self.reduced.gradients):
            if self.graph[place].op not in (*VIEWS, "name"):
                found.setdefault(place, f"G{n}")
        return found

    # -- text --------------------------------------------------------------------------------------------------------------

    def text(self) -> str:
        program = self.program
        vectors = self.side_by_side()
        for place in self.order:
            if self.graph[place].level > FIXED:
                self.computed(place)
        written = set(self.results_at.values())
        for n, place in enumerate(self.reduced.gradients):
            if f"G{n}" not in written:
                self.body.append(f"G{n}[...] = {self.operand(place)}")
        self.marks += [self.squared(p) for p in sorted(self.seen) if self.graph[p].op == "name" and p not in vectors]
        given = [self.called[g.name] for g in (*program.params, *program.inputs, *program.targets)]
        arguments = ", ".join([*given, *(self.called[s] for s in program.scalars), *(f"G{n}" for n in range(len(program.gradients)))])
        loss = self.operand(self.reduced.loss, inline=True)
        loss = f"array({loss})" if self.graph[self.reduced.loss].holds or self.graph[self.reduced.loss].op == "name" else loss
        loss = f"dtype.type({loss})" if self.graph[self.reduced.loss].number else loss
        shapes = "".join(f"{self.shape(self.graph[p].shape or ())}, " for p in self.reduced.gradients)
        arrays = {name: (self.shape(s), "bool" if kind == "b" else "dtype") for name, (s, kind) in self.memory.arrays.items()}
        own = {name: s for s, name in self.rooms.items()} | self.beside
        arrays |= {name: (self.shape(s), "dtype") for name, s in own.items()}
        return "\n".join([
            f'"""The fast form of {program.title} of \'{program.net.name}\': arrays are allocated once and written over."""', "",
            "import math", "",  # what is said of numbers alone calls math.tanh
            "import numpy as np",  # what is printed as the readable module has it calls np.square
            f"from numpy import {', '.join(sorted(self.functions()))}", "", "",
            f"def workspace({', '.join(self.called[n] for n in program.size_names.values())}):",
            *(f"    {line}" for dtype in ("dtype", "bool") for line in self.blocks(dtype, {n: s for n, (s, d) in arrays.items() if d == dtype})),
            *(f"    {line}" for line in self.fixed), "",
            f"    def loss_and_gradients({arguments}):", *(f"        {line}" for line in self.body),
            f"        return {loss}, {' + '.join(self.marks) or '0.0'}", "",
            f"    return loss_and_gradients, ({shapes})", "",
        ])  # fmt: skip

    def side_by_side(self) -> frozenset[int]:
        """The vectors that are given and looked at or negated, copied into one array, so that one call serves them all."""
        graph = self.graph
        given = {p for p in self.order if graph[p].op == "name" and graph[p].rank == 1 and graph[p].kind == "f"}
        negated = {graph[p].args[0]: p for p in self.order if graph[p].op == "neg" and graph[p].args[0] in given and p in self.memory.of}
        vectors = {p: graph[p].shape[0] for p in sorted(given & (self.seen | negated.keys()))}  # type: ignore[index]
        if len(vectors) < 3:
            return frozenset()
        ends = [*accumulate(vectors.values(), initial=0)]
        self.beside["V0"] = (ends[-1],)
        self.body.append(f"concatenate(({', '.join(map(self.operand, vectors))}), out=V0)")
        self.marks.append("V0.dot(V0)")
        if len(negated) > 2:
            self.beside["V1"] = (ends[-1],)
            self.body.append("negative(V0, V1)")
            for p, (start, end) in zip(vectors, pairwise(ends), strict=True):
                if p in negated:
                    self.memory.of[negated[p]] = self.keep(f"V1[{self.size(start)}:{self.size(end)}]", "v")
        return frozenset(vectors)

    def functions(self) -> set[str]:
        used = {ufunc(self.graph[p]) for p in self.order} | {"maximum", "add", "log"}
        return {*FUNCTIONS, *(u for u in used if u)}

    def shape(self, shape: Sequence[Any]) -> str:
        return spelled_shape(tuple(map(self.size, shape)))

    def size(self, n: Any) -> str:
        return str(n if isinstance(n, int) else n.xreplace({k: Symbol(self.called[name]) for k, name in self.program.size_names.items()}))

    def keep(self, text: str, prefix: str = "c") -> str:
        """The name of something that the workspace holds."""
        if text not in self.names:
            self.names[text] = f"{prefix}{len(self.names)}"
            self.fixed.append(f"{self.names[text]} = {text}")
        return self.names[text]

    def room(self, shape: tuple[Any, ...]) -> str:
        """The name of an array for what is needed within one statement."""
        return self.rooms.setdefault(shape, f"R{len(self.rooms)}")

    def blocks(self, dtype: str, shapes: dict[str, str]) -> list[str]:
        """The lines that allocate arrays of one dtype."""
        return [f"[{', '.join(shapes)}] = side_by_side({', '.join([dtype, *shapes.values()])})"] if shapes else []

    # -- operands ----------------------------------------------------------------------------------------------------------

    def op(self, place: int) -> Op:
        """A number as an operation to be printed; what has an array or a name stands as that."""
        node = self.graph[place]
        match node.op:
            case "size":
                return Op("name", (), self.called[self.program.size_names[node.data]])
            case "number" if not node.data.is_Rational:
                return Op("number", (), node.data.evalf(17))
            case "number" if node.data.is_negative:
                return Op("neg", (Op("number", (), -node.data),))
            case "number":
                return Op("number", (), node.data)
            case "name":
                return Op("name", (), self.called[node.data])
        if node.level == ARRAY or node.holds:
            return Op("name", (), self.operand(place))
        return self.spelled(node)

    def spelled(self, node: Node) -> Op:
        args = tuple(map(self.op, node.args))
        if node.op == "sub":
            return Op("add", (args[0], Op("neg", (args[1],))))
        return Op(node.op, args, node.data)

    def operand(self, place: int, inline: bool = False) -> str:
        """What is written where a function reads a value; numbers become arrays of the dtype unless `inline`."""
        node = self.graph[place]
        if place in self.memory.of:
            return self.memory.of[place]
        if node.op == "name":
            return self.called[node.data]
        if node.level == FIXED and node.holds:
            return self.keep(self.value(node).replace(f"{self.printer.like}.dtype", "dtype"))
        if node.number:
            text = self.printer.text(self.op(place))
            return text if inline or node.level == CALL else self.keep(f"array({text}, {'bool' if node.kind == 'b' else 'dtype'})")
        if node.op in VIEWS:
            base = self.operand(node.args[0])
            text = self.printer.text(Op(node.op, (Op("name", (), base),), node.data))
            kept = node.holds and (base in self.memory.arrays or base in self.names.values())
            return self.keep(text, "v") if kept else text
        return f"t{place}"

    # -- instructions ------------------------------------------------------------------------------------------------------

    def computed(self, place: int) -> None:
        """The instructions that compute a place."""
        node = self.graph[place]
        self.body += [f"# {said} {spelled_shape(node.shape or ())}" for said in self.reduced.said.get(place, ())]
        out = self.memory.of.get(place)
        if node.op in ("name", *VIEWS) or node.number or out in self.names.values():
            return
        self.body += [f"t{place} = {self.value(node)}"] if out is None else self.into(node, out)
        if place in self.seen:
            self.marks.append(f"s{place}" if node.holds else f"t{place}")
            if node.holds:
                self.body.append(f"s{place} = {self.squared(place)}")

    def value(self, node: Node) -> str:
        """An expression that makes its own array or number."""
        a = [self.operand(k) for k in node.args]
        match node.op:
            case "vdot":
                return f"{self.flat(node.args[0])}.dot({self.flat(node.args[1])})"
            case "within":
                return within(self.flat(node.args[0]), self.keep("float(log(finfo(dtype).max)) / 3"))
            case "matmul" if node.shape == ():
                return f"{a[0]}.dot({a[1]})"
            case "sum" if node.data is None and self.graph[node.args[0]].rank == 1 and self.graph[node.args[0]].kind == "f":
                return f"{a[0]}.dot({self.ones(self.graph[node.args[0]].shape, 0)})"
            case "sum" if node.data is None:
                return f"add.reduce({a[0]}, None, dtype)"
            case "max":
                return f"maximum.reduce({a[0]}, {node.data})"
            case "where" if node.shape == ():
                return f"{a[1]} if {a[0]} else {a[2]}"
        return self.printer.text(self.spelled(node))

    def into(self, node: Node, out: str) -> Iterator[str]:
        """The instructions that write a result into an array."""
        of = [self.graph[k] for k in node.args]
        a = [self.operand(k) for k in node.args]
        match node.op:
            case "matmul":
                yield from self.product(node, a, out)
            case "sum" if of[0].rank == 2 and of[0].kind == "f":
                pair = (self.ones(of[0].shape, 0), a[0]) if node.data == 0 else (a[0], self.ones(of[0].shape, 1))
                yield f"{pair[0]}.dot({pair[1]}, {out})"
            case "sum":
                yield f"add.reduce({a[0]}, {node.data}, dtype, {out})"
            case "max":
                yield f"maximum.reduce({a[0]}, {node.data}, None, {out})"
            case "einsum":
                yield f'einsum("{node.data}", {", ".join(a)}, out={out})'
            case "one_hot":
                yield f"take({self.keep(f'eye({self.size(node.shape[-1])}, dtype=dtype)')}, {a[1]}, 0, {out})"  # type: ignore[index]
            case "full":
                yield f"{out}[...] = {a[0]}"
            case "where":
                if a[2] != out:
                    yield f"{out}[...] = {a[2]}"
                yield f"copyto({out}, {a[1]}, where={a[0]})"
            case _ if node.op in GUARDED:
                row = (*(node.shape or ())[: node.data], 1, *(node.shape or ())[node.data + 1 :])
                yield from guarded(node, a, self.room(row), out)
            case _:
                for k in self.spread(node, of):
                    copy = out if out not in a else self.room(node.shape or ())
                    yield f"{copy}[...] = {a[k]}"
                    a[k] = copy
                function = ufunc(node)
                keyword = "out=" if function in ("maximum", "minimum") else ""
                yield f"{function}({', '.join(a)}, {keyword}{out})"

    def spread(self, node: Node, of: Sequence[Node]) -> list[int]:
        """The operands that are copied first: NumPy repeats short rows slowly, and makes numbers of truth values piece by piece."""
        if node.kind != "f" or node.shape is None:
            return []
        narrow = node.rank == 2 and node.shape[1] in range(_NARROW + 1)
        held = [(k, part) for k, part in enumerate(of) if part.holds]
        return [k for k, part in held if part.kind == "b" or (narrow and part.kind == "f" and part.shape != node.shape)]

    def product(self, node: Node, a: Sequence[str], out: str) -> Iterator[str]:
        """A matrix product; a small matrix that comes transposed is copied first, BLAS being slow on it."""
        right = self.graph[node.args[1]]
        known = tuple(n for n in right.shape or () if isinstance(n, int))
        if right.op == "permute" and len(known) == 2 and _SMALL[0] <= known[0] * known[1] <= _SMALL[1] and node.rank == 2:
            copy = self.room(known)
            yield f"{self.keep(f'{copy}.T', 'v')}[...] = {self.operand(right.args[0])}"
            yield f"{a[0]}.dot({copy}, {out})"
        else:
            yield f"{a[0]}.dot({a[1]}, {out})"

    def flat(self, place: int) -> str:
        """All entries of an array as one vector."""
        text = self.operand(place)
        if self.graph[place].rank == 1:
            return text
        return self.keep(f"{text}.reshape(-1)", "v") if text in self.memory.arrays else f"{text}.ravel()"

    def squared(self, place: int) -> str:
        """The sum of the squares of all entries."""
        vector = self.flat(place)
        return f"vdot({self.operand(place)}, {self.operand(place)})" if vector.endswith(".ravel()") else f"{vector}.dot({vector})"

    def ones(self, shape: Any, axis: int) -> str:
        return self.keep(f"ones({self.size(shape[axis])}, dtype)")
