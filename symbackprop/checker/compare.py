"""Are two typed expressions equal? Every reading at every layer and point, in ball arithmetic; then proved where that is possible."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice, product
from typing import Any

import numpy as np
from flint import arb

from symbackprop.checker.context import NOWHERE, Context, Macro, Misfit, OutOfLayers, Unreadable
from symbackprop.checker.faces import Labels, Typed
from symbackprop.checker.increments import in_differentials
from symbackprop.checker.problem import POINTS, POSITIVE, Problem
from symbackprop.checker.reading import Reader, readings
from symbackprop.checker.sides import Sides, of_terms
from symbackprop.checker.sums import condition
from symbackprop.checker.symbols import family_number, letters_of
from symbackprop.checker.terms import Term, free, leaves, mul
from symbackprop.checker.values import World, evaluate
from symbackprop.checker.walk import READINGS, Choices
from symbackprop.equations import Total
from symbackprop.evaluate import Undecided
from symbackprop.languages import Message
from symbackprop.parse.tree import Dots, Listed, Relation, Span, Tree

__all__ = ["Difference", "Outcome", "compared", "instances", "measure", "outcome_of"]

_WIDE = arb("1e-30")


@dataclass(frozen=True)
class Difference:
    """A place where two sides differ for certain."""

    world: World
    place: Mapping[str, int]
    left: Any
    right: Any
    env: Mapping[str, int]


@dataclass(frozen=True)
class Outcome:
    """One comparison: `kind` is agree, differ, misfit (shapes), unreadable or undecided; `words` say why."""

    kind: str
    words: str = ""
    span: Span = NOWHERE
    difference: Difference | None = None
    terms: tuple[tuple[Term, Term, Labels], ...] = ()
    reading: str = ""
    readings: int = 1
    others: tuple[str, ...] = field(default=())


def compared(
    left: Tree, right: Tree, problem: Problem, context: Context | None = None, conditions: Sequence[Tree] = (), python: bool = False,
    opening: Tree | None = None,
) -> Outcome:  # fmt: skip
    """Whether two trees mean the same in a problem, under every reading and at every layer they speak of.

    What opens the chain says at which layers it holds, and how far its indices run.
    """
    context = context or problem.context
    found: list[Outcome] = []
    env = next(iter(instances((left, right), context)), {})
    read_in = in_differentials((left, right), context, env, python, opening)
    for choices in islice(readings((left, right), read_in, env, python), READINGS):
        found.append(_at_all_layers(left, right, problem, context, conditions, python, choices, opening))
    agree = [o for o in found if o.kind == "agree"]
    differ = [o for o in found if o.kind == "differ"]
    if agree and differ:
        read = {"good": agree[0].reading, "bad": differ[0].reading}
        words = Message("read with {good} it is right, read with {bad} it is wrong: say in the problem which is meant", **read)
        return Outcome("undecided", words)
    best = agree or differ or [o for o in found if o.kind == "undecided"] or [o for o in found if o.kind == "misfit"] or found
    return best[0]


def instances(trees: Sequence[Tree], context: Context) -> list[dict[str, int]]:
    """The numbers of the layer letters that trees use: one at a time, from the first layer to the last."""

    used = [f for f in context.families if any(f in letters_of(t) for t in trees)]
    implied = [f for f in context.families if f not in used and any(_implied(t, f, context) for t in trees)]
    ranges = [range(context.families[k][0] - 1, context.families[k][1] + 1) for k in (*used, *implied)]
    return [dict(zip((*used, *implied), numbers, strict=True)) for numbers in product(*ranges)]


def _implied(tree: Tree, family: str, context: Context) -> bool:
    """Whether a name without a layer of its own leans on one: g for the gradient at layer k."""

    for letter in letters_of(tree):
        for s in context.symbols.get(letter, ()):
            if isinstance(s.meaning, Macro) and not s.pattern.where and family in letters_of(s.meaning.tree):
                return True
    return False


def _at_all_layers(
    left: Tree, right: Tree, problem: Problem, context: Context, conditions: Sequence[Tree], python: bool, taken: tuple[int, ...],
    opening: Tree | None,
) -> Outcome:  # fmt: skip
    good: list[Outcome] = []
    away: Outcome | None = None
    for env in instances((left, right, *conditions, *(() if opening is None else (opening,))), context):
        found = outcome_of(left, right, problem, context, env, taken, conditions, python, opening)
        if found is None:
            continue
        if found.kind == "out of layers":
            away = away or found
        elif found.kind != "agree":
            return found
        else:
            good.append(found)
    if not good:
        return Outcome("unreadable", away.words if away else Message("the line speaks of no layer that there is"), away.span if away else Span(0, 0))
    return Outcome("agree", terms=tuple(t for o in good for t in o.terms), reading=good[0].reading)


def outcome_of(
    left: Tree, right: Tree, problem: Problem, context: Context, env: Mapping[str, int], taken: Sequence[int] = (),
    conditions: Sequence[Tree] = (), python: bool = False, opening: Tree | None = None,
) -> Outcome | None:  # fmt: skip
    """The comparison at one layer under one reading; None where the conditions leave this layer out."""
    choices = Choices(taken)
    context = in_differentials((left, right), context, env, python, opening)
    reader = Reader(context, env, choices, python=python)
    try:
        if opening is not None:
            Reader(context, env, labels=reader.labels, python=python).read(opening)
        masks = []
        for c in conditions:
            if not _about_layers(c, context):
                masks.append(condition(reader, c))
            elif not _layer_condition(c, reader):
                return None
        a, b = reader.read(left), reader.read(right)
        a, b = on_one_face(a, b, reader.labels, right.span)
        measure(masks, reader.labels)
    except OutOfLayers as error:
        return Outcome("out of layers", error.words, error.span)
    except Misfit as error:
        return Outcome("misfit", error.words, error.span, reading=choices.words())
    except Unreadable as error:
        return Outcome("unreadable", error.words, error.span, reading=choices.words())
    try:
        difference = difference_of(a.term, b.term, reader.labels, problem, env, masks)
    except Undecided as error:
        return Outcome("undecided", str(error), reading=choices.words())
    except KeyError as error:
        words = Message("nothing says how far the index {index} runs", index=str(error.args[0]).partition("#")[0])
        return Outcome("unreadable", words, right.span, reading=choices.words())
    if difference is not None:
        letter = _class_letter(a.term, b.term, reader.labels, problem)
        if letter is not None:
            words = Message("{letter} stands on one side only: if it is the class of the example, declare it under facts.classes", letter=letter)
            return Outcome("undecided", words, right.span, reading=choices.words())
        return Outcome("differ", difference=difference, terms=((a.term, b.term, reader.labels),), reading=choices.words())
    return Outcome("agree", terms=((mul(*masks, a.term), mul(*masks, b.term), reader.labels),), reading=choices.words())


def measure(masks: Sequence[Term], labels: Labels) -> None:
    """A letter that stands in a condition only runs as far as what it is compared with: j in `i = j` beside an entry i, i."""
    for mask in masks:
        known = next((labels.sizes[k] for k in sorted(free(mask)) if labels.sizes.get(k) is not None), None)
        labels.sizes |= {k: known for k in free(mask) if known is not None and labels.sizes.get(k) is None}


def _class_letter(a: Term, b: Term, labels: Labels, problem: Problem) -> str | None:
    """A letter that picks one class where the other side speaks of none: the o of `J = -\\log p_o` where the target is one-hot."""
    classes = {f.lhs.limits[0][2] for f in problem.facts if isinstance(f.lhs, Total)}
    lone = [k for k in free(b) - free(a) if labels.sizes.get(k) in classes and sum(k in free(leaf) for leaf in leaves(b)) == 1]
    spoken = any(labels.sizes.get(k) in classes for k in free(a))
    return lone[0].partition("#")[0] if lone and not spoken else None


def _about_layers(tree: Tree, context: Context) -> bool:

    return not letters_of(tree).isdisjoint(context.families)


def _layer_condition(tree: Tree, reader: Reader) -> bool:
    """Whether a condition on layers (`l = 1, ..., L - 1`, `l < L`) holds at this one; one that says nothing plain is let pass."""

    if not isinstance(tree, Relation):
        return True
    env = {**reader.env, **reader.context.depths}
    listed = tree.right.items if isinstance(tree.right, Listed) else ()
    a, numbers = family_number(tree.left, env), [family_number(item, env) for item in listed if not isinstance(item, Dots)]
    if a is not None and numbers and None not in numbers and tree.op == "=":
        known = [n for n in numbers if n is not None]
        return min(known) <= a <= max(known) if len(known) < len(listed) else a in known
    b = family_number(tree.right, env)
    if a is None or b is None:
        return True
    return {"=": a == b, "!=": a != b, "<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b}.get(tree.op, True)


def on_one_face(a: Typed, b: Typed, labels: Labels, span: Span) -> tuple[Typed, Typed]:
    """Both sides on the same labels; the sides of an equation have one shape, and nothing is repeated."""
    if not labels.fits(a, b):
        raise Misfit(Message("the left side has shape {shape}, the right side {other}", shape=labels.shape(a), other=labels.shape(b)), span)
    names: dict[str, Any] = {}
    for x, y in zip(a.face, b.face, strict=True):
        if x is not None and y is not None and x != y:
            if labels.sizes.get(x) is None:
                labels.sizes[x] = labels.sizes.get(y)
            names[y] = x
    return a, labels.moved(b, names)


def difference_of(a: Term, b: Term, labels: Labels, problem: Problem, env: Mapping[str, int], masks: Sequence[Term] = ()) -> Difference | None:
    """The first entry, at the first point, where two terms differ for certain.

    Further points are tried where the terms have no value, where no entry meets the conditions, and until each comparison in them
    went both ways. Raises `Undecided` where too few points tell.
    """
    letters = tuple(sorted(free(a) | free(b) | frozenset(k for m in masks for k in free(m))))
    sides = Sides(of_terms((a, b, *masks), labels.sizes))
    good, met, trouble = 0, False, Undecided("there is no point at which both sides have a value")
    for number, world in enumerate(problem.points()):
        if number >= len(problem.worlds) and ((good >= POINTS and met and sides.complete) or (number >= len(problem.worlds) + POSITIVE and not good)):
            break
        try:
            found, allowed = _difference_at(world, a, b, masks, letters, labels, env)
        except Undecided as error:
            trouble = trouble if number else error
            continue
        if found is not None:
            return found
        good, met = good + 1, met or allowed
        sides.visit(world)
    if good < POINTS:
        raise trouble
    if not met:
        raise Undecided("no point was found at which the condition holds")
    return None


def _difference_at(
    world: World, a: Term, b: Term, masks: Sequence[Term], letters: Sequence[str], labels: Labels, env: Mapping[str, int]
) -> tuple[Difference | None, bool]:
    """The first entry of those that meet the conditions where two terms differ at a point, and whether any entry meets them."""
    sizes = {k: world.size(labels.sizes[k]) for k in letters}
    left, right = evaluate(a, world, sizes), evaluate(b, world, sizes)
    shape = [sizes[k] for k in letters]
    x, y = (np.broadcast_to(v.along(letters), shape) for v in (left, right))
    allowed = np.ones(shape, dtype=bool)
    for m in masks:
        allowed &= np.broadcast_to(np.vectorize(lambda v: v == 1, otypes=[bool])(evaluate(m, world, sizes).along(letters)), shape)
    for place in np.ndindex(*shape):
        if not allowed[place]:
            continue
        difference = x[place] - y[place]
        if not difference.contains(0):
            return Difference(world, {k: n + 1 for k, n in zip(letters, place, strict=True)}, x[place], y[place], env), True
        if not difference.rad() <= _WIDE:
            raise Undecided("the two sides are too close to tell apart at this precision")
    return None, bool(allowed.any())
