"""From declarations to a problem: symbols get their shapes, equations their order, and the loss what it is made of."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import product
from typing import Any

from sympy import Integer

from symbackprop.checker.context import (
    Constant,
    Context,
    Function,
    Macro,
    Meaning,
    Misfit,
    OutOfLayers,
    Quantity,
    Size,
    Symbol,
    Unreadable,
)
from symbackprop.checker.faces import Typed
from symbackprop.checker.functions import KNOWN
from symbackprop.checker.indexed import index_expression, index_of
from symbackprop.checker.names import differential
from symbackprop.checker.problem import SAMPLERS, Problem, conventions_from, strings, table
from symbackprop.checker.reading import Reader
from symbackprop.checker.symbols import Unwritable, family_number, key, letter_key, match, parts, pattern_of
from symbackprop.checker.terms import free
from symbackprop.checker.walk import symbol_size
from symbackprop.equations import Abstract, Entry, Equation, Tensor, mul, scalar, summation
from symbackprop.equations import tensors as tensors_of
from symbackprop.errors import SpecError
from symbackprop.parse.latex import read_formula
from symbackprop.parse.python import read_python
from symbackprop.parse.tree import Derivative, Fence, Formula, Infix, Juxtaposed, Nabla, Name, Number, Script, Tree, Vocabulary

__all__ = ["declare", "letters_of", "parsed"]

DEPTH = 3
_INDICES = re.compile(r"[i-np-v]{2,3}")  # what stands on the left of an equation as y_{ij} are two indices, unless it is declared as a word
_PYTHON = re.compile(r"@|\.T\b|np\.|\*\*|\w\[")


def parsed(text: str, vocabulary: Vocabulary) -> Formula:
    """A formula in whichever of the two ways it is typed."""
    return read_python(text, vocabulary) if "\\" not in text and _PYTHON.search(text) else read_formula(text, vocabulary)


def declare(data: Mapping[str, Any], where: str) -> Problem:
    """The problem that the tables of a file declare; `SpecError` names the declaration that does not fit."""
    return _Declaring(data, where).problem()


@dataclass
class _Declaring:
    data: Mapping[str, Any]
    where: str
    symbols: dict[str, list[Symbol]] = field(default_factory=dict)
    named: dict[str, Tree] = field(default_factory=dict)
    uses: dict[Tensor, tuple[Tensor, ...]] = field(default_factory=dict)
    equations: list[Equation] = field(default_factory=list)
    samplers: dict[Tensor, Any] = field(default_factory=dict)
    facts: list[Equation] = field(default_factory=list)

    def problem(self) -> Problem:
        data, where = self.data, self.where
        self.vocabulary = self._vocabulary()
        self.families, self.depths = self._layers()
        self.conventions = conventions_from(table(data, "conventions", where), where)
        for text, name in table(data, "functions", where).items():
            self.function(self.tree(text), Function(str(name)))
        for text in strings(data, "scalars", where):
            tree = self.tree(text)
            self.add(tree, Constant(scalar(_plain(key(tree)), positive=True)))
        self._sizes()
        for text, shape in table(data, "shapes", where).items():
            self.quantity(text, shape)
        for text, of in table(data, "same", where).items():
            self.same(text, of)
        loss = self._loss_tree()
        for text, formula in table(data, "names", where).items():
            self.name(text, formula)
        self._upstream(loss)
        self._facts()
        pending = [(text, tree) for text in strings(data, "equations", where) for tree in [self.formula(text)]]
        self._equations(pending)
        self._abstract(loss)
        self._upstream_loss(loss)
        self._prune()
        context = self.context(self._loss_tensor(loss))
        self._facts_of_computed(context)
        targets = tuple((text, self.tree(text)) for text in strings(data, "targets", where))
        rubric = {str(k): float(v) for k, v in table(data, "rubric", where).items()}
        return Problem(str(data.get("title", "")), context, tuple(self.equations), self.samplers, tuple(self.facts), targets, rubric)

    # -- text --------------------------------------------------------------------------------------------------------------

    def _vocabulary(self) -> Vocabulary:
        """The words that stand in declared symbols, and for each quantity its differential."""
        data = self.data
        keys = [*table(data, "shapes", self.where), *table(data, "names", self.where), *table(data, "functions", self.where)]
        keys += [*table(data, "upstream", self.where), *strings(data, "scalars", self.where), *table(data, "abstract", self.where)]
        lefts = [re.split(r":=|=", e, maxsplit=1)[0] for e in strings(data, "equations", self.where)]
        declared, defined = ({w for text in texts for w in re.findall(r"(?<![\\A-Za-z])[A-Za-z][A-Za-z0-9]+", text)} for texts in (keys, lefts))
        words = declared | {w for w in defined if not _INDICES.fullmatch(w)}
        words |= {w for text in keys for w in re.findall(r"\\(?:mathrm|text|operatorname|mathit)\{([A-Za-z]\w+)\}", text)}
        letters = {m for text in (*keys, *lefts) for m in re.findall(r"(?<![\\A-Za-z])[A-Za-z](?![A-Za-z])", text)}
        functions = {k.lstrip("\\") for k in table(data, "functions", self.where)}
        single = {re.split(r"[\^_']", f)[0] for f in functions}
        return Vocabulary(frozenset(words | {f"d{w}" for w in (*words, *letters)}), frozenset(single | KNOWN))

    def formula(self, text: str) -> Formula:
        try:
            return parsed(text, self.vocabulary)
        except ValueError as error:
            raise SpecError(f"{self.where}: '{text}' cannot be read: {error}") from error

    def tree(self, text: str) -> Tree:
        found = self.formula(text).items
        if len(found) != 1 or found[0].tree is None:
            raise SpecError(f"{self.where}: '{text}' is no single expression")
        return found[0].tree

    # -- symbols -----------------------------------------------------------------------------------------------------------

    def add(self, tree: Tree, meaning: Meaning) -> Symbol:
        try:
            pattern, _ = pattern_of(tree, self.families)
        except Unwritable as error:
            raise SpecError(f"{self.where}: {error}") from error
        symbol = Symbol(pattern, meaning)
        known = self.symbols.setdefault(pattern.base, [])
        if any(s.pattern == pattern for s in known):
            raise SpecError(f"{self.where}: {key(tree)} is declared twice")
        known.append(symbol)
        return symbol

    def _layers(self) -> tuple[dict[str, tuple[int, int]], dict[str, int]]:
        families, depths = dict[str, tuple[int, int]](), dict[str, int]()
        for letter, last in table(self.data, "layers", self.where).items():
            tree = self.tree(letter)
            if isinstance(last, int):
                families[key(tree)] = (1, last)
            else:
                for part in str(last).split(","):
                    name, _, number = part.partition("=")
                    depth = int(number) if number.strip().isdigit() else DEPTH
                    depths[key(self.tree(name.strip()))] = depth
                families[key(tree)] = (1, max(depths.values()))
        return families, depths

    def _sizes(self) -> None:
        """Every letter in a shape is a size, and so is what counts examples."""
        texts = [n for shape in table(self.data, "shapes", self.where).values() for n in self._shape(shape, "")]
        if "samples" in self.data:
            texts.append(self.data["samples"])
        for text in dict.fromkeys(str(t) for t in texts):
            for leaf in _summands(self.tree(text)):
                if isinstance(leaf, Number):
                    continue
                base = letter_key(leaf)
                layered = isinstance(leaf, Script) and any(self._is_layer(p) for p in (*parts(leaf.sub), *parts(leaf.sup)))
                if layered:
                    where = "sub" if leaf.sub is not None and any(self._is_layer(p) for p in parts(leaf.sub)) else "sup"
                    generic = self.tree_like(leaf, where)
                    if not any(isinstance(s.meaning, Size) and s.pattern == generic for s in self.symbols.get(base, ())):
                        self.symbols.setdefault(base, []).append(Symbol(generic, Size(base)))
                elif not any(isinstance(s.meaning, Size) for s in self.symbols.get(base, ()) if s.pattern == pattern_of(leaf, ())[0]):
                    self.add(leaf, Size(key(leaf)))

    def tree_like(self, leaf: Script, where: str) -> Any:
        from symbackprop.checker.symbols import Pattern, bare

        part = next(p for p in parts(leaf.sub if where == "sub" else leaf.sup) if self._is_layer(p))
        return Pattern(letter_key(leaf), (), (), where, bare(part)[0])

    def _is_layer(self, tree: Tree) -> bool:
        """Whether a script is a layer: it mentions a layer letter, the depth, or a whole number where there are layers."""
        inner = tree.body if isinstance(tree, Fence) else tree
        return bool(self.families) and family_number(inner, {**dict.fromkeys(self.families, 1), **self.depths}) is not None

    def _shape(self, shape: Any, text: str) -> list[Any]:
        if not isinstance(shape, (list, tuple)) or not all(isinstance(n, (str, int)) for n in shape):
            raise SpecError(f"{self.where}: the shape of {text} is a list of sizes, such as ['n_l', 'm'], not {shape!r}")
        return list(shape)

    def quantity(self, text: str, shape: Any) -> None:
        """A declared quantity: its shape at every layer at which the shape makes sense."""
        tree = self.tree(text)
        sizes = [self.tree(str(n)) for n in self._shape(shape, text)]
        pattern, part = pattern_of(tree, self.families)
        tensors: dict[int | None, Tensor] = {}
        faces: dict[Tensor, Any] = {}
        letter = None if part is None else next((f for f in self.families if f in letters_of(part)), None)
        numbered = self._numbered(tree) if part is None and isinstance(tree, Script) else None
        if numbered is not None:  # a layer written as a number: A^{(0)}
            pattern = numbered[0]
        for n in (None,) if letter is None else range(0, self.families[letter][1] + 1):
            env = dict(self.depths) if n is None or letter is None else {**self.depths, letter: n}
            layer = numbered[1] if numbered is not None else None if part is None else family_number(part, env)
            try:
                lengths = [self.size(s, env) for s in sizes]
            except OutOfLayers:
                continue
            kept = [s for s in lengths if s != 1]
            tensors[layer] = Tensor(_name(tree if layer is None else Name(pattern.base)), kept, layer)
            faces[tensors[layer]] = self._face(lengths)
        if not tensors:
            raise SpecError(f"{self.where}: {text} has no layer at which its shape makes sense")
        known = self.symbols.setdefault(pattern.base, [])
        for n, s in enumerate(known):
            if s.pattern == pattern and isinstance(s.meaning, Quantity):
                if not s.meaning.tensors.keys().isdisjoint(tensors):
                    raise SpecError(f"{self.where}: {text} is declared twice")
                known[n] = Symbol(pattern, replace(s.meaning, tensors={**s.meaning.tensors, **tensors}, faces={**s.meaning.faces, **faces}))
                return
        known.append(Symbol(pattern, Quantity(tensors, faces)))

    def function(self, tree: Tree, meaning: Function) -> None:
        """A function, of one layer where it is written with a number."""
        numbered = self._numbered(tree) if isinstance(tree, Script) else None
        if numbered is None:
            self.add(tree, meaning)
        else:
            pattern = replace(numbered[0], only=numbered[1])
            self.symbols.setdefault(pattern.base, []).append(Symbol(pattern, meaning))

    def same(self, text: str, of: str) -> None:
        """Another letter for a quantity at one of its layers: y-hat for a^L."""
        tensor = self._tensor_of(of)
        found = Reader(self.context(), self.depths).lookup(self.tree(of))
        assert found is not None and isinstance(found[0].meaning, Quantity)
        self.add(self.tree(text), Quantity({None: tensor}, {tensor: found[0].meaning.faces[tensor]}))

    def _face(self, lengths: Sequence[Any]) -> Any:
        """Which axes run down and across: one axis is a vector as the conventions have it, an axis of one is none."""
        axes, count = [], 0
        for n in lengths:
            axes.append(None if n == 1 else count)
            count += n != 1
        if len(lengths) == 0:
            return None, None
        if len(lengths) == 1:
            return (axes[0], None) if self.conventions.vectors == "column" else (None, axes[0])
        return tuple(axes) if len(lengths) == 2 else None

    def size(self, tree: Tree, env: Mapping[str, int]) -> Any:
        """A size as SymPy has it; `OutOfLayers` for the width of a layer below the input."""
        match tree:
            case Number(text):
                return Integer(int(text))
            case Infix("+" | "-" | "*" | "cdot" as op, left, right):
                a, b = self.size(left, env), self.size(right, env)
                return a + b if op == "+" else a - b if op == "-" else a * b
        base = letter_key(tree)
        for s in self.symbols.get(base, ()):
            found = match(tree, s.pattern, env) if isinstance(s.meaning, Size) else None
            if found is not None and not found.sub and not found.sup and (found.layer is not None or not s.pattern.where):
                assert isinstance(s.meaning, Size)
                if found.layer is not None and found.layer < 0:
                    raise OutOfLayers(f"{key(tree)} at layer {found.layer}")
                return symbol_size(s.meaning.name, found.layer)
        raise SpecError(f"{self.where}: '{key(tree)}' is no size")

    def name(self, text: str, formula: str) -> None:
        """A name for a formula, with its layer; what is no letter with scripts is known by its whole text."""
        tree, meaning = self.tree(text), self.tree(formula)
        if isinstance(tree, Juxtaposed) and len(tree.items) == 2 and key(tree.items[0]) == "d":
            tree = differential(tree.items[1])
        letters = [p for p in index_parts(tree) if isinstance(p, Name) and key(p) in letters_of(meaning) - set(self.families) - set(self.depths)]
        letters = [p for p in letters if not self.symbols.get(key(p))]
        tree = stripped(tree, {key(p) for p in letters})
        try:
            pattern, part = pattern_of(tree, self.families)
        except Unwritable:
            self.named[key(tree)] = meaning
            return
        letter = "" if part is None else next((f for f in self.families if f in letters_of(part)), "")
        offset = 0 if part is None or not letter else (family_number(part, {letter: 0, **self.depths}) or 0)
        self.symbols.setdefault(pattern.base, []).append(Symbol(pattern, Macro(meaning, letter, offset, tuple(map(key, letters)))))

    # -- the context and the equations -------------------------------------------------------------------------------------

    def context(self, loss: Tensor | None = None) -> Context:
        samples = None if "samples" not in self.data else self.size(self.tree(self.data["samples"]), self.depths)
        letters = tuple(self.data.get("sample_letters", ("i",)))
        return Context(
            {k: tuple(v) for k, v in self.symbols.items()}, dict(self.named), self.families, self.depths, samples, letters, loss, self.uses,
            self.conventions, self.vocabulary,
        )  # fmt: skip

    def _equations(self, pending: list[tuple[str, Formula]]) -> None:
        """Read equations, at each of their layers, in the order in which they can be computed."""
        jobs = [(text, f, env) for text, f in pending for env in self._instances(text, f)]
        while jobs:
            left, trouble = [], None
            for text, f, env in jobs:
                try:
                    self.equation(text, f, env)
                except (Unreadable, Misfit) as error:
                    trouble = trouble if trouble is not None and not isinstance(trouble[1], OutOfLayers) else (text, error)
                    left.append((text, f, env))
            if len(left) == len(jobs):
                assert trouble is not None
                raise SpecError(f"{self.where}: the equation '{trouble[0]}' cannot be used: {trouble[1]}")
            jobs = left

    def _instances(self, text: str, f: Formula) -> list[dict[str, int]]:
        used = [letter for letter in self.families if any(i.tree is not None and letter in letters_of(i.tree, self.depths) for i in f.items[:1])]
        ranges = [range(self.families[k][0], self.families[k][1] + 1) for k in used]
        return [dict(zip(used, numbers, strict=True)) for numbers in product(*ranges)]

    def equation(self, text: str, f: Formula, env: Mapping[str, int]) -> None:
        if len(f.items) < 2 or f.items[0].tree is None or f.items[-1].tree is None:
            raise SpecError(f"{self.where}: '{text}' is no equation 'left = right'")
        left, right = f.items[0].tree, f.items[-1].tree
        if self._above(left, env) or (env and self._place(left, env) in self._placed):
            return
        reader = Reader(self.context(), env, python="\\" not in text and bool(_PYTHON.search(text)))
        self._note(left, reader)
        found = reader.read(right)
        tensor, labels = self._left(left, found, reader, env)
        rhs = index_expression(found.term)
        equation = Equation(Entry(tensor, *map(index_of, labels)), rhs)
        if any((e.tensor.name, e.tensor.layer) == (tensor.name, tensor.layer) for e in self.equations):
            raise SpecError(f"{self.where}: {key(left)} is defined twice")
        self.equations.append(equation)
        self.uses[tensor] = tuple(t for t in tensors_of(rhs))

    def _prune(self) -> None:
        """A quantity has the layers that equations speak of: the shape of b^l makes sense at layer 0, where there is none."""
        if not self.equations:
            return
        spoken = {(t.name, t.layer) for e in self.equations for t in (e.tensor, *self.uses.get(e.tensor, ()))}
        for symbols in self.symbols.values():
            for n, s in enumerate(symbols):
                if isinstance(s.meaning, Quantity) and s.pattern.where:
                    kept = {k: t for k, t in s.meaning.tensors.items() if (t.name, t.layer) in spoken}
                    symbols[n] = Symbol(s.pattern, replace(s.meaning, tensors=kept or s.meaning.tensors))

    @cached_property
    def _placed(self) -> set[tuple[Any, int | None]]:
        """What has an equation at one layer of its own, which counts there before that for all layers."""
        lefts = [f.items[0].tree for text in strings(self.data, "equations", self.where) for f in [self.formula(text)]]
        return {self._place(left, {}) for left in lefts if left is not None and not letters_of(left, self.depths) & set(self.families)}

    def _place(self, left: Tree, env: Mapping[str, int]) -> tuple[Any, int | None]:
        """The letter and the layer of a left side."""
        found = Reader(self.context(), dict(env)).lookup(left) if isinstance(left, (Name, Script)) else None
        if found is not None and isinstance(found[0].meaning, Quantity) and len(found[0].meaning.tensors) == 1:
            ((_, tensor),) = found[0].meaning.tensors.items()
            return tensor.name, tensor.layer
        _, part = pattern_of(left, self.families)
        number = None if part is None else family_number(part, {**self.depths, **env})
        numbered = self._numbered(left) if part is None and isinstance(left, Script) else None
        return _name(Name(letter_key(left))), number if numbered is None else numbered[1]

    def _note(self, left: Tree, reader: Reader) -> None:
        """The indices of a quantity whose shape is declared run along its axes, whatever the right side says of them."""
        found = reader.lookup(left)
        if found is None or found[2] or not isinstance(found[0].meaning, Quantity):
            return
        tensor = found[0].meaning.tensors.get(found[1].layer)
        indices = [p for p in index_parts(left) if isinstance(p, Name)]
        if tensor is not None and tensor.rank == len(indices) == len(found[1].sub):
            for p, n in zip(indices, tensor.shape, strict=True):
                reader.labels.note(key(p), n, key(left), left.span)

    def _above(self, left: Tree, env: Mapping[str, int]) -> bool:
        """Whether an equation defines a layer beyond the last: z^{(l+1)} at the last l."""
        _, part = pattern_of(left, self.families)
        number = None if part is None else family_number(part, {**self.depths, **env})
        return number is not None and any(number > self.families[f][1] for f in env)

    def _left(self, left: Tree, found: Typed, reader: Reader, env: Mapping[str, int]) -> tuple[Tensor, list[str]]:
        """The tensor on the left of an equation and the labels of its axes; declared on the way if it is new."""
        letters = {k for k in free(found.term) if k not in found.face}
        indices = [p for p in index_parts(left) if key(p) in letters]
        declared = reader.lookup(left)
        rank = len(indices) or sum(k is not None for k in found.face)
        if (
            declared is not None and not declared[2] and isinstance(declared[0].meaning, Quantity)
            and {key(p) for p in declared[1].sub} <= {key(p) for p in indices} and declared[1].layer in declared[0].meaning.tensors and declared[0].meaning.tensors[declared[1].layer].rank == rank
        ):  # fmt: skip
            quantity = declared[0].meaning
            tensor = quantity.tensors[declared[1].layer]
            labels = [key(p) for p in indices] if indices else [k for k in found.face if k is not None]
            face = quantity.faces[tensor]
            if face is not None and not indices and (face[0] is None) != (found.rows is None):
                raise SpecError(f"{self.where}: {key(left)} has the shape {tuple(tensor.shape)}, its equation {reader.labels.shape(found)}")
        else:
            labels = [key(p) for p in indices] if indices else [k for k in found.face if k is not None]
            sizes = [reader.labels.sizes.get(k) for k in labels]
            if None in sizes:
                raise Unreadable(f"nothing says how far the indices of {key(left)} run")
            tensor = self._new(left, indices, sizes, found, env)
        sizes = [reader.labels.sizes.get(k) for k in labels]
        if tuple(sizes) != tuple(tensor.shape) or not letters <= set(labels):
            raise SpecError(f"{self.where}: {key(left)} has the shape {tuple(tensor.shape)}, its equation {tuple(sizes)}")
        return tensor, labels

    def _new(self, left: Tree, indices: Sequence[Tree], sizes: Sequence[Any], found: Typed, env: Mapping[str, int]) -> Tensor:
        tree = stripped(left, {key(i) for i in indices})
        pattern, part = pattern_of(tree, self.families)
        layer = None if part is None else family_number(part, {**self.depths, **env})
        if layer is None and self.families and isinstance(tree, Script):  # a layer written as a number: A^{(1)}
            generic = self._numbered(tree)
            if generic is not None:
                pattern, layer = generic
        tensor = Tensor(_name(tree if layer is None else Name(pattern.base)), sizes, layer)
        if indices:
            face = ((0, None) if self.conventions.vectors == "column" else (None, 0)) if len(sizes) == 1 else (0, 1) if len(sizes) == 2 else None
            face = (None, None) if not sizes else face
        else:
            count = iter(range(2))
            face = (None if found.rows is None else next(count), None if found.cols is None else next(count))
        known = self.symbols.setdefault(pattern.base, [])
        same = [s.meaning for s in known if s.pattern == pattern and isinstance(s.meaning, Quantity)]
        if any((t.name, t.layer) == (tensor.name, tensor.layer) for q in same for t in q.tensors.values() if t.rank != tensor.rank):
            tensor = Tensor(f"{tensor.name}~{len(sizes)}", sizes, layer)  # L and L_i are two quantities
        for n, s in enumerate(known):
            if s.pattern == pattern and isinstance(s.meaning, Quantity) and (layer not in s.meaning.tensors or s.meaning.tensors[layer].rank == tensor.rank):
                known[n] = Symbol(pattern, replace(s.meaning, tensors={**s.meaning.tensors, layer: tensor}, faces={**s.meaning.faces, tensor: face}))
                return tensor
        known.append(Symbol(pattern, Quantity({layer: tensor}, {tensor: face})))
        return tensor

    def _numbered(self, tree: Script) -> tuple[Any, int] | None:
        from symbackprop.checker.symbols import Pattern, bare

        for where, found in (("sup", parts(tree.sup)), ("sub", parts(tree.sub))):
            for p in found:
                bracket, inner = bare(p)
                number = family_number(inner, self.depths) if self._is_layer(p) else None
                if number is not None:
                    others = lambda ps, p=p: tuple(key(q) for q in ps if q is not p)  # noqa: E731 - used twice in the next line
                    return Pattern(letter_key(tree), others(parts(tree.sub)), others(parts(tree.sup)), where, bracket), number
        return None

    # -- the loss ----------------------------------------------------------------------------------------------------------

    def _loss_tree(self) -> Tree | None:
        return self.tree(self.data["loss"]) if "loss" in self.data else None

    def _loss_tensor(self, loss: Tree | None) -> Tensor | None:
        if loss is None:
            return None
        found = Reader(self.context(), {}).lookup(loss)
        if found is None or not isinstance(found[0].meaning, Quantity):
            raise SpecError(f"{self.where}: the loss {key(loss)} has no equation; give one, or [abstract] or [upstream] for what it is made of")
        return Reader(self.context(), {}).tensor(found[0].meaning, found[1], loss)

    def _scalar(self, loss: Tree) -> Tensor:
        tensor = Tensor(_name(loss))
        self.symbols.setdefault(letter_key(loss), []).append(Symbol(pattern_of(loss, ())[0], Quantity({None: tensor}, {tensor: (None, None)})))
        return tensor

    def _abstract(self, loss: Tree | None) -> None:
        for text, arguments in table(self.data, "abstract", self.where).items():
            tensor = self._scalar(self.tree(text))
            found = tuple(self._tensor_of(a) for a in arguments)
            self.equations.append(Equation(Entry(tensor), Abstract(tensor, *found)))
            self.uses[tensor] = found

    def _tensor_of(self, text: str) -> Tensor:
        reader = Reader(self.context(), self.depths)
        found = reader.lookup(self.tree(text))
        if found is None or not isinstance(found[0].meaning, Quantity):
            raise SpecError(f"{self.where}: {text} is no quantity")
        return reader.tensor(found[0].meaning, found[1], self.tree(text))

    def _upstream(self, loss: Tree | None) -> None:
        if table(self.data, "upstream", self.where) and loss is None:
            raise SpecError(f"{self.where}: [upstream] needs the loss whose gradient is given")

    def _upstream_loss(self, loss: Tree | None) -> None:
        """A loss of which only the gradients that arrive are known: the sum of each quantity times its gradient."""
        given = table(self.data, "upstream", self.where)
        if not given or loss is None:
            return
        terms, found = [], []
        for text, of in given.items():
            tree, quantity = self.tree(text), self._tensor_of(of)
            gradient = Tensor(f"upstream {quantity.name}" if isinstance(tree, (Derivative, Nabla)) else _name(tree), quantity.shape, quantity.layer)
            if not isinstance(tree, (Derivative, Nabla)):
                reader = Reader(self.context(), self.depths)
                like = reader.lookup(self.tree(of))
                assert like is not None and isinstance(like[0].meaning, Quantity)
                self.symbols.setdefault(letter_key(tree), []).append(Symbol(pattern_of(tree, ())[0], Quantity({None: gradient}, {gradient: like[0].meaning.faces[quantity]})))
            at = [index_of(f"#{n}") for n in range(quantity.rank)]
            body = mul(Entry(gradient, *at), Entry(quantity, *at))
            terms.append(summation(body, *((k, 1, n) for k, n in zip(at, quantity.shape, strict=True))) if at else body)
            found += [gradient, quantity]
        tensor = self._scalar(loss)
        total = terms[0]
        for t in terms[1:]:
            total = total + t
        self.equations.append(Equation(Entry(tensor), total))
        self.uses[tensor] = tuple(found)

    # -- facts -------------------------------------------------------------------------------------------------------------

    def _facts(self) -> None:
        for text, size in table(table(self.data, "facts", self.where), "classes", self.where).items():
            tree = self.tree(text)
            found = Reader(self.context(), {}).lookup(tree)
            if found is None or not isinstance(found[0].meaning, Quantity) or len(found[0].meaning.tensors) != 1:
                raise SpecError(f"{self.where}: the class numbers {text} need a shape")
            ((layer, tensor),) = found[0].meaning.tensors.items()
            whole = Tensor(tensor.name, (*tensor.shape, self.size(self.tree(str(size)), self.depths)), layer)
            known = self.symbols[found[0].pattern.base]
            known[known.index(found[0])] = Symbol(found[0].pattern, Quantity({layer: whole}, {whole: (0, 1)}, classes=True))
            self.samplers[whole] = SAMPLERS["one_hot"](1)
            self.facts.append(_sums_to_one(whole, 1))

    def _facts_of_computed(self, context: Context) -> None:
        for kind, texts in table(self.data, "facts", self.where).items():
            if kind == "classes":
                continue
            if kind not in SAMPLERS:
                raise SpecError(f"{self.where}: unknown fact '{kind}'. Known: classes, {', '.join(SAMPLERS)}")
            for text in texts:
                tree = self.tree(text)
                found = Reader(context, self.depths).lookup(tree)
                if found is None or not isinstance(found[0].meaning, Quantity):
                    raise SpecError(f"{self.where}: {text} is no quantity")
                for tensor in found[0].meaning.tensors.values():
                    samples = context.samples
                    axis = next((n for n, s in enumerate(tensor.shape) if s != samples), 0)
                    self.samplers[tensor] = SAMPLERS[kind](axis)
                    if kind == "one_hot":
                        self.facts.append(_sums_to_one(tensor, axis))


def _sums_to_one(tensor: Tensor, axis: int) -> Equation:
    """The fact that a one-hot target has one 1 along an axis."""
    at = [index_of(c) for c in "jstu"[: tensor.rank]]
    return Equation(summation(Entry(tensor, *at), (at[axis], 1, tensor.shape[axis])), Integer(1))


def _plain(name: str) -> str:
    return "".join(c if c.isalnum() else "_" for c in name)


def _name(tree: Tree) -> str:
    """The name of a quantity in equations; its layer is kept apart."""
    base = letter_key(tree)
    if isinstance(tree, Script):
        scripts = [p for p in (*parts(tree.sub), *parts(tree.sup)) if not isinstance(p, Infix) and key(p) not in "lt"]
        rest = "_".join(key(p) for p in scripts if not isinstance(p, Fence) or isinstance(p.body, Number))
        base = f"{base}_{rest}" if rest else base
    return base


def letters_of(tree: Any, closed: Collection[str] = ()) -> set[str]:
    """The keys of all names in a tree; those `closed` are not looked into, so that n_l is no l."""
    found: set[str] = set()
    stack = [tree]
    while stack:
        node = stack.pop()
        if isinstance(node, tuple):
            stack += node
        elif hasattr(node, "__dataclass_fields__"):
            if isinstance(node, (Name, Script)):
                found.add(key(node))
                if key(node) in closed:
                    continue
            stack += [getattr(node, f) for f in node.__dataclass_fields__ if f != "span"]
    return found


def _summands(tree: Tree) -> list[Tree]:
    match tree:
        case Infix("+" | "-" | "*" | "cdot", left, right):
            return [*_summands(left), *_summands(right)]
    return [tree]


def index_parts(tree: Tree) -> list[Tree]:
    """What may be an index on a left side: subscripts, and the example in a superscript."""
    if not isinstance(tree, Script):
        return []
    return [*parts(tree.sub), *(p.body for p in parts(tree.sup) if isinstance(p, Fence))]


def stripped(tree: Tree, gone: set[str]) -> Tree:
    """A left side without its indices."""
    if not isinstance(tree, Script):
        return tree
    sub = tuple(p for p in parts(tree.sub) if key(p) not in gone)
    sup = tuple(p for p in parts(tree.sup) if not (isinstance(p, Fence) and key(p.body) in gone))
    join = lambda found: None if not found else found[0] if len(found) == 1 else Juxtaposed(found)  # noqa: E731 - two uses
    if not sub and not sup and not tree.primes:
        return tree.base
    return replace(tree, sub=join(sub), sup=join(sup))


