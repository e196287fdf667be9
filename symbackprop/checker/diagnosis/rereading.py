"""Reading a line again and again with a small change: what was not changed is not read twice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

from symbackprop.checker.context import Context, Misfit, Unreadable
from symbackprop.checker.faces import Labels, Typed
from symbackprop.checker.reading import Reader
from symbackprop.checker.terms import Index
from symbackprop.checker.walk import Choices
from symbackprop.parse.tree import Node, Tree

__all__ = ["Memory", "Path", "Rereader", "paths", "spliced"]

Path = tuple[tuple[str, int | None], ...]  # fields from the root down, and places in those that hold several parts

_FRESH = 10_000  # labels count from here, past those of the left side


@dataclass(frozen=True)
class _Read:
    """What a part meant: its value or why it has none, how far its labels run, and the letters that sums had bound around it."""

    tree: Tree  # kept, for it is known by its identity
    found: Typed | Misfit | Unreadable
    sizes: Mapping[str, Any]
    twins: Mapping[str, str]
    bound: Mapping[str, Index]


@dataclass
class Memory:
    """The parts read so far in one context at one layer, beside a left side whose labels run over `sizes`."""

    sizes: Mapping[str, Any] = field(default_factory=dict)
    fresh: count[int] = field(default_factory=lambda: count(_FRESH))
    parts: dict[Any, _Read] = field(default_factory=dict)

    def labels(self) -> Labels:
        """Labels that know how far the letters of the left side run; none is given out twice."""
        return Labels(dict(self.sizes), self.fresh)


class Rereader(Reader):
    """A reader that knows the parts that it, or another with the same memory, has read before; they are told by their identity.

    Each part is read with labels of its own, so that what it means does not depend on what was read before it.
    """

    def __init__(self, context: Context, env: Mapping[str, int], memory: Memory, choices: Choices | None = None, python: bool = False) -> None:
        super().__init__(context, env, choices, memory.labels(), python)
        self.memory = memory

    def read(self, tree: Tree) -> Typed:
        key = (id(tree), tuple(self.bound), tuple(self.env.items()))
        known = self.memory.parts.get(key)
        names = None if known is None else _renamed(known.bound, self.bound)
        if known is None or names is None:
            offered = len(self.choices.offered)
            known, names = self._first(tree), {}
            if len(self.choices.offered) == offered:
                self.memory.parts[key] = known
        for label, size in known.sizes.items():
            self.labels.note(str(names.get(label, label)), size, "another", tree.span)
        self.labels._twins.update(known.twins)
        if not isinstance(known.found, Typed):
            raise known.found.with_traceback(None)
        return self.labels.moved(known.found, names) if names else known.found

    def _first(self, tree: Tree) -> _Read:
        outer, self.labels = self.labels, self.memory.labels()
        found: Typed | Misfit | Unreadable
        try:
            found = super().read(tree)
        except (Misfit, Unreadable) as error:
            found = error
        finally:
            inner, self.labels = self.labels, outer
        return _Read(tree, found, {k: n for k, n in inner.sizes.items() if self.memory.sizes.get(k) is not n}, inner._twins, dict(self.bound))


def _renamed(before: Mapping[str, Index], now: Mapping[str, Index]) -> dict[str, Index] | None:
    """The labels that bound letters had before and those they have now; None where what they stood for was no label."""
    changed = [(before[k], i) for k, i in now.items() if before[k] != i]
    return {a: b for a, b in changed if isinstance(a, str)} if all(isinstance(a, str) and isinstance(b, str) for a, b in changed) else None


def paths(tree: Tree) -> dict[int, Path]:
    """The way from the root to each part, by the identity of the part."""
    found: dict[int, Path] = {}
    waiting: list[tuple[Any, Path]] = [(tree, ())]
    while waiting:
        node, path = waiting.pop()
        found[id(node)] = path
        for name in node.__match_args__:
            part = getattr(node, name)
            if isinstance(part, Node):
                waiting.append((part, (*path, (name, None))))
            elif type(part) is tuple:
                waiting += [(p, (*path, (name, n))) for n, p in enumerate(part) if isinstance(p, Node)]
    return found


def spliced(tree: Any, path: Path, new: Tree) -> Tree:
    """The tree with another part at the end of a path; all that is not on the path is the same as before."""
    if not path:
        return new
    name, place = path[0]
    part = getattr(tree, name)
    inner = spliced(part if place is None else part[place], path[1:], new)
    whole: Tree = replace(tree, **{name: inner if place is None else (*part[:place], inner, *part[place + 1 :])})
    return whole
