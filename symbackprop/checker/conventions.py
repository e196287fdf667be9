"""Steps that are right otherwise: in another layout of derivatives, as a schematic chain rule, as an update of a parameter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from symbackprop.checker.compare import compared, difference_of, instances, on_one_face
from symbackprop.checker.context import Context, Function, Misfit, Quantity, Unreadable
from symbackprop.checker.faces import Labels, Typed
from symbackprop.checker.increments import moved_by
from symbackprop.checker.problem import Problem
from symbackprop.checker.reading import Reader
from symbackprop.checker.slopes import depends, entrywise
from symbackprop.checker.symbols import key
from symbackprop.checker.terms import Add, Derived, Leaf, Mul, Term, add, free, leaves, negative
from symbackprop.checker.values import evaluate
from symbackprop.checker.verdicts import Judgement, Status
from symbackprop.equations import Tensor
from symbackprop.evaluate import Undecided
from symbackprop.languages import Message
from symbackprop.parse.tree import Derivative, Fence, Infix, Juxtaposed, Name, Script, Span, Tree, children

__all__ = ["in_another_convention", "is_schematic", "leading_block", "may_move", "on_leading_block", "update"]

_FLIPPED = {
    "denominator": Message("right if Jacobians have the denominator's layout; this course puts what is differentiated along the rows"),
    "numerator": Message("right if Jacobians have the numerator's layout; this course puts what is differentiated along the columns"),
}
_TURNED = Message(
    "right if the gradient by a vector is written as its transpose; this course gives a gradient the shape of what it is taken by"
)
_LOCAL = Message("right if the derivative is local, all other quantities held fixed; this problem does not say so, and counts every path")
_DIFFERENTIAL = Message("right if each d is a differential; in this course the d before a quantity makes it the gradient of the loss")
_SCHEMATIC = Message(
    "the chain rule along the right path; as matrices these factors do not multiply, so it stands for a sum over indices"
)


def in_another_convention(
    left: Tree, right: Tree, problem: Problem, context: Context, conditions: Sequence[Tree], python: bool, moving: bool
) -> str | None:
    """In words, the convention in which a step that is wrong here would be right; None if there is none.

    `moving` says that nothing before it has made a d a gradient.
    """
    flipped = "denominator" if context.conventions.jacobian == "numerator" else "numerator"
    if _has_jacobian(left, context) or _has_jacobian(right, context) or _has_coupled(context):
        other = replace(context, conventions=replace(context.conventions, jacobian=flipped))
        if compared(left, right, problem, other, conditions, python).kind == "agree":
            return _FLIPPED[flipped]
    if isinstance(left, Derivative) and _of_vector(left, context):
        turned = Script(Fence("(", right, ")", span=right.span), None, Name("T"), span=right.span)
        if compared(left, turned, problem, context, conditions, python).kind == "agree":
            return _TURNED
    if context.conventions.total == "auto" and (isinstance(left, Derivative) or any(isinstance(t, Derivative) for t in children(right))):
        local = replace(context, conventions=replace(context.conventions, total="local"))
        if compared(left, right, problem, local, conditions, python).kind == "agree":
            return _LOCAL
    if moving and context.conventions.d == "auto" and may_move(left, right, context, python):
        freely = replace(context, conventions=replace(context.conventions, d="differential"))
        if compared(left, right, problem, freely, conditions, python).kind == "agree":
            return _DIFFERENTIAL
    return leading_block(left, right, problem, context, python)


def may_move(left: Tree, right: Tree, context: Context, python: bool) -> bool:
    """Whether each d may be a differential: there are several on the right, or what is on the left is made of what is on the right.

    Gradients come from above: a line of them has on the right what the left side leads to.
    """
    env = next(iter(instances((left, right), context)), {})
    made, of = (moved_by((side,), context, env, python) for side in (left, right))
    return len(of) > 1 or (len(made) == len(of) == 1 and all(depends(context, a, b) for a in made for b in of))


def _has_jacobian(tree: Tree, context: Context) -> bool:
    if isinstance(tree, Derivative) and tree.of is not None and len(tree.by) == 1:
        try:
            reader = Reader(context, next(iter(instances((tree,), context)), {}))
            return reader.read(tree.of).is_vector and reader.read(tree.by[0]).is_vector
        except (Unreadable, Misfit):
            return False
    return any(_has_jacobian(part, context) for part in children(tree))


def _has_coupled(context: Context) -> bool:
    """Whether a derivative f' is a Jacobian."""
    return any(isinstance(s.meaning, Function) and s.meaning.coupled for symbols in context.symbols.values() for s in symbols)


def _of_vector(tree: Derivative, context: Context) -> bool:
    try:
        reader = Reader(context, next(iter(instances((tree,), context)), {}))
        return tree.of is not None and reader.read(tree.of).is_scalar and reader.read(tree.by[0]).is_vector
    except (Unreadable, Misfit):
        return False


def leading_block(left: Tree, right: Tree, problem: Problem, context: Context, python: bool) -> str | None:
    """In words, the stack of which the left side is the first block, where the right side is the gradient by the whole stack."""
    for env in instances((left, right), context):
        reader = Reader(context, env, python=python)
        try:
            a, b = reader.read(left), reader.read(right)
            block = on_leading_block(a, b, reader.labels)
            if block is None:
                return None
            if difference_of(a.term, block.term, reader.labels, problem, env) is None:
                small, large = (reader.labels.sizes[k] for k in (a.rows, b.rows) if k is not None)
                words = {"small": small, "large": large, "name": key(left)}
                return Message("right for the first {small} of its {large} rows, the block that belongs to {name}", **words)
        except (Unreadable, Misfit):
            continue
        except Undecided:
            return None
    return None


def on_leading_block(a: Typed, b: Typed, labels: Labels) -> Typed | None:
    """The first rows of a stack, as many as another vector has; None where that is no block of it."""
    if a.rows is None or b.rows is None or a.cols is not None or b.cols is not None:
        return None
    small, large = labels.sizes.get(a.rows), labels.sizes.get(b.rows)
    if small is None or large is None or not large.is_Add or small not in large.args:
        return None
    return labels.moved(b, {b.rows: a.rows})


def is_schematic(left: Tree, right: Tree, problem: Problem, context: Context) -> Judgement | None:
    """A chain rule of whole matrices: the derivatives link up from what is differentiated to what it is taken by, and stand for no product."""
    ends = _ends(left, context)
    factors = _factors(right)
    if ends is None or len(factors) < 2:
        return None
    links = [_ends(f, context) for f in factors]
    if any(x is None for x in links):
        return None
    chain = dict(x for x in links if x is not None)
    at, seen = ends[0], 0
    while at in chain and seen < len(links):
        at, seen = chain[at], seen + 1
    if at == ends[1] and seen == len(links) and (not _by_entries(right) or all(_is_entrywise(f, context) for f in factors)):
        return Judgement(Status.SCHEMATIC, _SCHEMATIC)
    return None


def _by_entries(tree: Tree) -> bool:
    """Whether a product is written as one entry by entry."""
    return (isinstance(tree, Infix) and tree.op in ("odot", "circ")) or any(map(_by_entries, children(tree)))


def _is_entrywise(tree: Tree, context: Context) -> bool:
    """Whether a derivative is that of the loss, or of a quantity by one that it takes entry by entry."""
    if not isinstance(tree, Derivative) or tree.of is None:
        return False
    reader = Reader(context, context.depths)
    of, by = (reader.lookup(t) for t in (tree.of, tree.by[0]))
    if of is None or by is None or not isinstance(of[0].meaning, Quantity) or not isinstance(by[0].meaning, Quantity):
        return False
    above, below = of[0].meaning.tensors.get(of[1].layer), by[0].meaning.tensors.get(by[1].layer)
    return above is not None and below is not None and (above == context.loss or entrywise(context, above, below))


def _factors(tree: Tree) -> list[Tree]:
    match tree:
        case Juxtaposed(items):
            return [f for i in items for f in _factors(i)]
        case Infix("cdot" | "times" | "*" | "odot" | "circ" | "@", a, b):
            return [*_factors(a), *_factors(b)]
        case Fence(_, body, _):
            return _factors(body)
    return [tree]


def _ends(tree: Tree, context: Context) -> tuple[str, str] | None:
    """What is differentiated and by what."""
    if isinstance(tree, Derivative) and tree.of is not None and len(tree.by) == 1:
        return key(tree.of), key(tree.by[0])
    return None


def update(left: Tree, right: Tree, problem: Problem, context: Context, python: bool) -> Judgement | None:
    """`W := W - alpha dW`: a step against the gradient; None for a line that is no update.

    What keeps values of its own from step to step, as a velocity does, is not judged.
    """
    reader = Reader(context, next(iter(instances((left, right), context)), {}), python=python)
    found = reader.lookup(left) if isinstance(left, (Name, Script)) else None
    if context.loss is None or found is None or not isinstance(found[0].meaning, Quantity):
        return None
    worst: Judgement | None = None
    for env in instances((left, right), context):
        reader = Reader(context, env, python=python)
        try:
            a, b = reader.read(left), reader.read(right)
            if not isinstance(a.term, Leaf) or not any(isinstance(t, Leaf) and t.tensor == a.term.tensor for t in _terms(b)):
                return None
            if a.term.tensor in {e.tensor for e in problem.equations}:
                return None
            kept = [t for t in (a.term, *leaves(b.term)) if isinstance(t, Leaf) and t.tensor not in _below(context.loss, context)]
            if kept:
                words = Message("a step with {name}, which the loss is not made of, is not judged", name=str(kept[0].tensor))
                return Judgement(Status.UNDECIDED, words)
            _, b = _on(a, b, reader)
            change = add(b.term, negative(a.term))
            gradient = Derived(context.loss, (), a.term.tensor, a.term.indices)
            worst = _against(change, gradient, reader, problem, env) or worst
        except (Unreadable, Misfit, Undecided):
            continue
    return worst


def _below(loss: Tensor, context: Context) -> set[Tensor]:
    """What a loss is made of, itself included."""
    found: set[Tensor] = set()
    waiting = [loss]
    while waiting:
        tensor = waiting.pop()
        if tensor not in found:
            found.add(tensor)
            waiting += context.uses.get(tensor, ())
    return found


def _terms(x: Typed) -> list[object]:
    outer = x.term.terms if isinstance(x.term, Add) else (x.term,)
    return [f for t in outer for f in (t.factors if isinstance(t, Mul) else (t,))]


def _on(a: Typed, b: Typed, reader: Reader) -> tuple[Typed, Typed]:
    return on_one_face(a, b, reader.labels, Span(0, 0))


def _against(change: object, gradient: Derived, reader: Reader, problem: Problem, env: object) -> Judgement | None:
    """Whether a change is a negative multiple of the gradient: at every entry by the same number."""
    assert isinstance(change, Term)
    letters = tuple(sorted(free(change) | free(gradient)))
    for world in problem.worlds:
        sizes = {k: world.size(reader.labels.sizes[k]) for k in letters}
        shape = [sizes[k] for k in letters]
        x, g = (np.broadcast_to(evaluate(t, world, sizes).along(letters), shape) for t in (change, gradient))
        rates = [a / b for a, b in zip(x.flat, g.flat, strict=True) if not b.contains(0)]
        if not rates:
            return None
        if any(not (r - rates[0]).contains(0) for r in rates):
            return Judgement(Status.WRONG, Message("the change of the parameter is no multiple of the gradient"))
        if not rates[0] < 0:
            return Judgement(Status.WRONG, Message("the step goes along the gradient: the loss grows; it must go against it"))
    return Judgement(Status.RIGHT, Message("a step against the gradient"))


