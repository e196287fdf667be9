"""The forward equations of a problem: read at each of their layers, in the order in which they can be computed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import islice, product
from typing import Any

from symbackprop.checker.applied import bare
from symbackprop.checker.context import Misfit, OutOfLayers, Quantity, Symbol, Unreadable
from symbackprop.checker.declarations import Declarations, name_of
from symbackprop.checker.faces import Typed
from symbackprop.checker.indexed import index_expression, index_of
from symbackprop.checker.problem import strings
from symbackprop.checker.reading import Reader, readings
from symbackprop.checker.symbols import family_number, index_parts, key, letter_key, letters_of, pattern_of, stripped
from symbackprop.checker.terms import free
from symbackprop.checker.vocabulary import PYTHON
from symbackprop.checker.walk import READINGS, Choices
from symbackprop.equations import Entry, Equation, Tensor
from symbackprop.equations import tensors as tensors_of
from symbackprop.errors import SpecError
from symbackprop.languages import Message
from symbackprop.parse.shown import shown
from symbackprop.parse.tree import Formula, Name, Script, Tree

__all__ = ["instances_of", "is_above", "left_side", "new_quantity", "note_indices", "place_of", "placed", "prune", "read_equation", "read_equations"]


def read_equations(problem: Declarations, pending: list[tuple[str, Formula]]) -> None:
    """Read equations, at each of their layers, in the order in which they can be computed."""
    jobs = [(text, f, env) for text, f in pending for env in instances_of(problem, text, f)]
    while jobs:
        left, trouble = [], None
        for text, f, env in jobs:
            try:
                read_equation(problem, text, f, env)
            except (Unreadable, Misfit) as error:
                trouble = trouble if trouble is not None and not isinstance(trouble[1], OutOfLayers) else (text, error)
                left.append((text, f, env))
        if len(left) == len(jobs):
            assert trouble is not None
            hint = "; an array of one axis is a column: declare a row as [1, 'n'], or set conventions.vectors to 'row'"
            hint = hint if isinstance(trouble[1], Misfit) and problem.conventions.broadcast and problem.conventions.vectors == "column" else ""
            raise SpecError(f"{problem.where}: the equation '{trouble[0]}' cannot be used: {trouble[1]}{hint}")
        jobs = left


def instances_of(problem: Declarations, text: str, f: Formula) -> list[dict[str, int]]:
    """The numbers of the layer letters on the left side of an equation."""
    used = [letter for letter in problem.families if any(i.tree is not None and letter in letters_of(i.tree, problem.depths) for i in f.items[:1])]
    ranges = [range(problem.families[k][0], problem.families[k][1] + 1) for k in used]
    return [dict(zip(used, numbers, strict=True)) for numbers in product(*ranges)]


def read_equation(problem: Declarations, text: str, f: Formula, env: Mapping[str, int]) -> None:
    """Read one equation at one layer; what is new on its left is declared by it."""
    if len(f.items) < 2 or f.items[0].tree is None or f.items[-1].tree is None:
        raise SpecError(f"{problem.where}: '{text}' is no equation 'left = right'")
    left, right = problem.left(f.items[0].tree), f.items[-1].tree
    if left is None:  # it defines a function
        return
    if is_above(problem, left, env) or (env and place_of(problem, left, env) in placed(problem)):
        return
    reader, found = _reading(problem, left, right, env, "\\" not in text and bool(PYTHON.search(text)))
    tensor, labels = left_side(problem, left, found, reader, env)
    rhs = index_expression(found.term)
    equation = Equation(Entry(tensor, *map(index_of, labels)), rhs)
    if any((e.tensor.name, e.tensor.layer) == (tensor.name, tensor.layer) for e in problem.equations):
        raise SpecError(f"{problem.where}: {key(left)} is defined twice")
    problem.equations.append(equation)
    problem.uses[tensor] = tuple(t for t in tensors_of(rhs))
    elsewhere = {e.tensor for e in rhs.atoms(Entry) if e.indices != equation.lhs.indices}
    problem.entrywise[tensor] = tuple(t for t in problem.uses[tensor] if t.shape == tensor.shape and t not in elsewhere)


def _reading(problem: Declarations, left: Tree, right: Tree, env: Mapping[str, int], python: bool) -> tuple[Reader, Typed]:
    """The right side of an equation in the one reading that fits its left side."""
    context = problem.context()
    found: list[tuple[Reader, Typed]] = []
    failed: Unreadable | Misfit | None = None
    for taken in islice(readings((right,), context, env, python), READINGS):
        reader = Reader(context, env, Choices(taken), python=python)
        note_indices(problem, left, reader)
        try:
            typed = reader.read(right)
        except (Unreadable, Misfit) as error:
            failed = failed or error
            continue
        if _fits(problem, reader, left, typed):
            found.append((reader, typed))
    if not found:
        raise failed or Misfit(Message("no reading of the right side has the shape of {name}", name=shown(left)))
    if isinstance(left, Script) and any(typed.is_scalar for _, typed in found):
        found = [(reader, typed) for reader, typed in found if typed.is_scalar or not _has_index(left, typed)]
    found = [f for f in found if _lies_like(f[0], left, f[1])] or found
    shapes = {reader.labels.shape(typed) for reader, typed in found}
    if len(shapes) > 1:
        words = "; or ".join(f"{reader.choices.words()}, which has the shape {reader.labels.shape(typed)}" for reader, typed in found[:2])
        ask = f"declare the shape of {key(left)}, or set a convention"
        raise SpecError(f"{problem.where}: the right side of {key(left)} can be read with {words}: {ask}")
    return found[0]


def _has_index(left: Tree, typed: Typed) -> bool:
    """Whether the scripts on the left are indices of the right side: an equation between numbers goes before one between matrices."""
    return any(key(p) in free(typed.term) and key(p) not in typed.face for p in index_parts(left))


def _fits(problem: Declarations, reader: Reader, left: Tree, typed: Typed) -> bool:
    """Whether a right side has the shape that is known of its left side: as it was declared, or none for the loss."""
    if typed.is_scalar:
        return True
    known = reader.lookup(left) if isinstance(left, (Name, Script)) else None
    if known is None or known[2] or not isinstance(known[0].meaning, Quantity):
        return "loss" not in problem.data or key(left) != key(bare(problem.tree(problem.data["loss"])))
    tensor = known[0].meaning.tensors.get(known[1].layer)
    return tensor is None or tensor.rank > 0


def _lies_like(reader: Reader, left: Tree, typed: Typed) -> bool:
    """Whether a right side has its rows and columns where the left side was declared to have them."""
    known = reader.lookup(left) if isinstance(left, Name) else None
    if known is None or known[2] or not isinstance(known[0].meaning, Quantity):
        return True
    face = next((f for t, f in known[0].meaning.faces.items() if t.layer == known[1].layer), None)
    return face is None or [k is None for k in face] == [k is None for k in typed.face]


def prune(problem: Declarations) -> None:
    """A quantity has the layers that equations speak of: the shape of b^l makes sense at layer 0, where there is none."""
    if not problem.equations:
        return
    spoken = {(t.name, t.layer) for e in problem.equations for t in (e.tensor, *problem.uses.get(e.tensor, ()))}
    for symbols in problem.symbols.values():
        for n, s in enumerate(symbols):
            if isinstance(s.meaning, Quantity) and s.pattern.where:
                kept = {k: t for k, t in s.meaning.tensors.items() if (t.name, t.layer) in spoken}
                symbols[n] = Symbol(s.pattern, replace(s.meaning, tensors=kept or s.meaning.tensors))


def placed(problem: Declarations) -> set[tuple[Any, int | None]]:
    """What has an equation at one layer of its own, which counts there before that for all layers."""
    texts = strings(problem.data, "equations", problem.where)
    lefts = [tree if tree is None else bare(tree) for text in texts for tree in [problem.formula(text).items[0].tree]]
    return {place_of(problem, left, {}) for left in lefts if left is not None and not letters_of(left, problem.depths) & set(problem.families)}


def place_of(problem: Declarations, left: Tree, env: Mapping[str, int]) -> tuple[Any, int | None]:
    """The letter and the layer of a left side."""
    found = Reader(problem.context(), dict(env)).lookup(left) if isinstance(left, (Name, Script)) else None
    if found is not None and not found[0].pattern.where and isinstance(found[0].meaning, Quantity) and len(found[0].meaning.tensors) == 1:
        ((_, tensor),) = found[0].meaning.tensors.items()
        return tensor.name, tensor.layer
    _, part = pattern_of(left, problem.families)
    number = None if part is None else family_number(part, {**problem.depths, **env})
    numbered = problem.numbered(left) if part is None and isinstance(left, Script) else None
    return name_of(Name(letter_key(left))), number if numbered is None else numbered[1]


def note_indices(problem: Declarations, left: Tree, reader: Reader) -> None:
    """The indices of a quantity whose shape is declared run along its axes, whatever the right side says of them."""
    found = reader.lookup(left)
    if found is None or found[2] or not isinstance(found[0].meaning, Quantity):
        return
    tensor = found[0].meaning.tensors.get(found[1].layer)
    indices = [p for p in index_parts(left) if isinstance(p, Name)]
    if tensor is not None and tensor.rank == len(indices) == len(found[1].sub):
        for p, n in zip(indices, tensor.shape, strict=True):
            reader.labels.note(key(p), n, shown(left), left.span)


def is_above(problem: Declarations, left: Tree, env: Mapping[str, int]) -> bool:
    """Whether an equation defines a layer beyond the last: z^{(l+1)} at the last l."""
    _, part = pattern_of(left, problem.families)
    number = None if part is None else family_number(part, {**problem.depths, **env})
    return number is not None and any(number > problem.families[f][1] for f in env)


def left_side(problem: Declarations, left: Tree, found: Typed, reader: Reader, env: Mapping[str, int]) -> tuple[Tensor, list[str]]:
    """The tensor on the left of an equation and the labels of its axes; declared on the way if it is new."""
    letters = {k for k in free(found.term) if k not in found.face}
    indices = [p for p in index_parts(left) if key(p) in letters]
    labels = [*map(key, indices), *(k for k in found.face if k is not None)]  # z_i = W x_i: a vector for each i
    if len(indices) == 2 and len(labels) > 2:
        words = Message("{name} is a number, but its equation reads as a matrix of shape {shape}", name=shown(left), shape=reader.labels.shape(found))
        raise Misfit(words, left.span)
    quantity, known = _declared(reader, left, indices)
    if quantity is not None and known is not None and known.rank == len(labels):
        tensor = known
        if indices and tuple(reader.labels.sizes.get(k) for k in labels) != tuple(tensor.shape):
            labels = [*labels[len(indices) :], *labels[: len(indices)]]  # declared with the examples as columns
        face = quantity.faces[tensor]
        if face is not None and not indices and (face[0] is None) != (found.rows is None):
            raise SpecError(f"{problem.where}: {key(left)} has the shape {tuple(tensor.shape)}, its equation {reader.labels.shape(found)}")
    else:
        sizes = [reader.labels.sizes.get(k) for k in labels]
        if None in sizes:
            raise Unreadable(Message("nothing says how far the indices of {name} run", name=shown(left)))
        tensor = new_quantity(problem, left, indices, sizes, found, env)
    sizes = [reader.labels.sizes.get(k) for k in labels]
    if tuple(sizes) != tuple(tensor.shape) or not letters <= set(labels):
        raise SpecError(f"{problem.where}: {key(left)} has the shape {tuple(tensor.shape)}, its equation {tuple(sizes)}")
    return tensor, labels


def _declared(reader: Reader, left: Tree, indices: Sequence[Tree]) -> tuple[Quantity, Tensor | None] | tuple[None, None]:
    """The declared quantity that a left side with these indices is, if it is one."""
    found = reader.lookup(left)
    if found is None or found[2] or not isinstance(found[0].meaning, Quantity) or not {key(p) for p in found[1].sub} <= {key(p) for p in indices}:
        return None, None
    return found[0].meaning, found[0].meaning.tensors.get(found[1].layer)


def new_quantity(problem: Declarations, left: Tree, indices: Sequence[Tree], sizes: Sequence[Any], found: Typed, env: Mapping[str, int]) -> Tensor:
    """A quantity that its equation declares, with the axes of the right side."""
    tree = stripped(left, {key(i) for i in indices})
    pattern, part = pattern_of(tree, problem.families)
    layer = None if part is None else family_number(part, {**problem.depths, **env})
    if layer is None and problem.families and isinstance(tree, Script):  # a layer written as a number: A^{(1)}
        generic = problem.numbered(tree)
        if generic is not None:
            pattern, layer = generic
    tensor = Tensor(name_of(tree if layer is None else Name(pattern.base)), sizes, layer)
    if indices:
        face = problem.face(sizes)
    else:
        count = iter(range(2))
        face = (None if found.rows is None else next(count), None if found.cols is None else next(count))
    known = problem.quantities(pattern, tree)
    same = [s.meaning for s in known if s.pattern == pattern and isinstance(s.meaning, Quantity)]
    if any((t.name, t.layer) == (tensor.name, tensor.layer) for q in same for t in q.tensors.values() if t.rank != tensor.rank):
        tensor = Tensor(f"{tensor.name}~{len(sizes)}", sizes, layer)  # L and L_i are two quantities
    for n, s in enumerate(known):
        if (
            s.pattern == pattern
            and isinstance(s.meaning, Quantity)
            and (layer not in s.meaning.tensors or s.meaning.tensors[layer].rank == tensor.rank)
        ):
            known[n] = Symbol(pattern, replace(s.meaning, tensors={**s.meaning.tensors, layer: tensor}, faces={**s.meaning.faces, tensor: face}))
            return tensor
    known.append(Symbol(pattern, Quantity({layer: tensor}, {tensor: face})))
    return tensor
