"""Where two sides differ, when no small change mends the line."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from symbackprop.checker.context import Misfit, OutOfLayers, Unreadable
from symbackprop.checker.faces import Typed
from symbackprop.languages import Message

from .found import Found
from .scene import Scene
from .target import Place, Target

__all__ = ["misfit", "where_they_differ"]


def where_they_differ(s: Scene, target: Target) -> Found | None:
    """On the diagonal only, off it only, in some entries or in all; or that the shapes do not fit."""
    for place, value in target.values(s.tree):
        wrong = ~np.isclose(value, place.value, rtol=1e-9, atol=1e-12) & place.allowed
        if not wrong.any():
            continue
        for (m, a), (n, b) in combinations(enumerate(place.letters), 2):
            if place.labels.sizes[a] == place.labels.sizes[b]:
                equal = np.indices(place.shape)[m] == np.indices(place.shape)[n]
                for kind, part in (("only equal", equal), ("only different", ~equal)):
                    if wrong[part].any() and not wrong[~part].any():
                        return _said(s, kind, Message("{first}, {second}", first=_name(place, a), second=_name(place, b)))
        if wrong[place.allowed].all():
            return _said(s, "every entry", "")
        first = np.argwhere(wrong)[0]
        return _said(s, "some entries", ", ".join(f"{_name(place, k)} = {n + 1}" for k, n in zip(place.letters, first, strict=True)))
    return misfit(s, target)


def _said(s: Scene, kind: str, old: str) -> Found:
    return Found(kind, 0, len(s.text), words={"old": old, "new": ""})


def _name(place: Place, label: str) -> str:
    """A letter as it was typed; the rows or columns of a matrix have none."""
    typed: Typed = place.typed
    if not label.startswith("#"):
        return label
    return Message("the row") if label == typed.rows else Message("the column") if label == typed.cols else label


def misfit(s: Scene, target: Target) -> Found | None:
    """That shapes do not fit, if they do not."""
    for place in target.places:
        try:
            for found, labels in target.readings(s.tree, place):
                if not labels.fits(place.typed, found):
                    left, right = labels.shape(place.typed), labels.shape(found)
                    return _said(s, "shapes", Message("{left} on the left, {right} on the right", left=left, right=right))
            return None
        except Misfit as error:
            here = 0 <= error.span.start < error.span.end <= len(s.text)  # a name's formula has spans of its own
            start, end = error.span if here else (0, len(s.text))
            return Found("shapes", start, end, words={"old": error.words, "new": ""})
        except OutOfLayers:
            continue
        except Unreadable:
            return None
    return None
