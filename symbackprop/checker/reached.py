"""Whether a derivation reaches what was asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from symbackprop.checker.compare import instances
from symbackprop.checker.context import Context, Misfit, Unreadable
from symbackprop.checker.reading import Reader
from symbackprop.checker.steps import Judged
from symbackprop.checker.terms import Derived, Leaf, Mul, Scalar, Slope, Term, parts_of
from symbackprop.checker.verdicts import Status
from symbackprop.parse.tree import Tree

__all__ = ["reached", "same"]

_GOOD = (Status.RIGHT, Status.CONVENTION, Status.SCHEMATIC)


def reached(target: Tree, steps: Sequence[Judged], context: Context) -> int | None:
    """The last step that says rightly what the target is; a line that only names it, or leaves a derivative to be found, does not."""
    last = None
    for s in steps:
        if s.opening is None or s.tree is None or (s.step.opening or s.step.before).status not in _GOOD:
            continue
        for env in instances((target, s.opening, s.tree), context):
            terms = [_term(t, env, context) for t in (target, s.opening, s.tree)]
            wanted, opening, found = map(_head, terms)
            if wanted is not None and wanted == opening and found != wanted and _is_result(terms[2], context):
                last = s.step.number
    return last


def same(first: Tree, second: Tree, context: Context) -> bool:
    """Whether two trees are one quantity or one derivative at every layer at which both have a meaning, a factor before a derivative aside."""
    found = [[_unscaled(_head(_term(t, env, context))) for t in (first, second)] for env in instances((first, second), context)]
    known = [(a, b) for a, b in found if a is not None and b is not None]
    return bool(known) and all(a == b for a, b in known)


def _unscaled(head: Any) -> Any:
    return head[1:] if isinstance(head, tuple) and len(head) == 3 else head


def _term(tree: Tree, env: Mapping[str, int], context: Context) -> Term | None:
    """What a tree means at a layer; None if it has no meaning there."""
    try:
        return Reader(context, env).read(tree).term
    except (Unreadable, Misfit):
        return None


def _is_result(term: Term | None, context: Context) -> bool:
    """Whether a term has no derivative left in it but gradients of the loss, which come from upstream."""
    return term is not None and all(not isinstance(t, Slope) and not (isinstance(t, Derived) and t.of != context.loss) for t in parts_of(term))


def _head(term: Term | None) -> Any:
    """The quantity or derivative that a term is, whatever its indices are called; None for any other."""
    match term:
        case Leaf(tensor, _):
            return tensor
        case Derived(of, _, by, _):
            return of, by
        case Mul((Scalar(factor), Derived(of, _, by, _))):
            return factor, of, by
    return None
