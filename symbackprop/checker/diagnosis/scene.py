"""What may stand in the line that is being mended: the letters, functions and indices of the problem, typed as the line is."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from itertools import product
from typing import Any

from symbackprop.checker.context import Constant, Context, Function, Macro, Quantity, Size
from symbackprop.checker.functions import ELEMENTARY, SYMBOLS
from symbackprop.checker.symbols import key, letter_key, letters_of
from symbackprop.parse.tree import Big, Derivative, Name, Script, Tree

from .line import Edit, Line, walk
from .writing import typed

__all__ = ["Scene"]

_COMMON = ("tanh", "exp", "log")
_GRADIENT = re.compile(r"d_?([A-Za-z]+)")


class Scene(Line):
    """A line and the problem it belongs to."""

    @staticmethod
    def of(text: str, left: Tree, left_text: str, context: Context, env: Mapping[str, int], python: bool) -> Scene | None:
        """The scene of a right side; None if its text cannot be read apart from the left side."""
        scene = Scene(text, left, left, left_text, context, env, python)
        tree = scene.read(text)
        return None if tree is None else replace(scene, tree=tree)

    def after(self, edit: Edit, tree: Tree) -> Scene:
        """The scene with a change made; `tree` is what its text reads as."""
        return replace(self, text=edit.done(self.text), tree=tree, fits=False, misfits=False)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """How the quantities of the problem are typed, and their gradients where the line has such names."""
        found = self._typed(lambda s: isinstance(s.meaning, (Quantity, Macro)))
        gradients = tuple(f"d{n}" for n in found if n not in self.loss_names) if self._has_gradients else ()
        return (*found, *(g for g in gradients if g not in found))

    @cached_property
    def _has_gradients(self) -> bool:
        """Whether a d stands before a quantity, as in dW; that of `diag` or of dL/dW does not."""
        letters = letters_of(self.tree) | letters_of(self.left)
        known = self.context.symbols
        return ("d" in letters and "d" not in known) or any(found[1] in known for k in letters if (found := _GRADIENT.match(k)))

    @cached_property
    def loss_names(self) -> tuple[str, ...]:
        """How the loss is typed."""
        return self._typed(lambda s: isinstance(s.meaning, Quantity) and self.context.loss in s.meaning.tensors.values())

    @cached_property
    def functions(self) -> tuple[str, ...]:
        """How the functions of the problem are typed, and those that anybody knows."""
        return (*self.declared_functions, *(f"{'np.' if self.python else chr(92)}{name}" for name in _COMMON))

    def is_function(self, tree: Tree) -> bool:
        """Whether the head of a call is a function of numbers."""
        name = letter_key(tree)
        declared = self.context.symbols.get(name, ())
        return any(isinstance(s.meaning, Function) for s in declared) or name.rpartition(".")[2] in {*ELEMENTARY, *SYMBOLS}

    @cached_property
    def declared_functions(self) -> tuple[str, ...]:
        """How the functions of the problem are typed."""
        return self._typed(lambda s: isinstance(s.meaning, Function) and not s.pattern.sup and not s.pattern.where)

    @cached_property
    def constants(self) -> tuple[str, ...]:
        """How the sizes and the named numbers of the problem are typed."""
        plain = re.sub(r"\\(mathbf|boldsymbol|mathrm)\b", "", self.text + self.left_text)  # numbers are not set like the matrices beside them
        return self._typed(lambda s: isinstance(s.meaning, (Size, Constant)) and not (s.pattern.where or s.pattern.sub or s.pattern.sup), plain)

    def _typed(self, wanted: Callable[[Any], bool], like: str = "") -> tuple[str, ...]:
        both = like or self.text + self.left_text
        known = ((base, symbols) for base, symbols in self.context.symbols.items() if self.python or not base[-1].isdigit())
        bases = [base for base, symbols in known if any(wanted(s) for s in symbols)]
        return tuple(dict.fromkeys(typed(base, both, self.python) for base in bases))

    @cached_property
    def whole_symbols(self) -> tuple[str, ...]:
        """Symbols with their scripts, as they stand in the line and as the problem has them."""
        found = {self.slice(t): None for t, _ in self.parts(self.tree) if self.is_symbol(t)}
        found |= dict.fromkeys((*self.constants, *self.like_the_left))
        found |= dict.fromkeys(self.declared)
        return _once(found)

    @cached_property
    def typed(self) -> frozenset[str]:
        """The symbols of the line, as they stand there."""
        return frozenset(self.slice(t) for t, _ in self.parts(self.tree) if self.is_symbol(t))

    @cached_property
    def declared(self) -> tuple[str, ...]:
        """Symbols that the problem declares with no layer, and their gradients."""
        found = []
        for base, symbols in self.context.symbols.items():
            letter = typed(base, self.text + self.left_text, self.python)
            for s in symbols:
                if isinstance(s.meaning, (Quantity, Macro, Constant)) and not s.pattern.where:
                    scripts = "".join(f"{sign}{{{' '.join(part)}}}" for sign, part in (("_", s.pattern.sub), ("^", s.pattern.sup)) if part)
                    found += [f"{name}{scripts}" for name in (letter, f"d{letter}") if name in self.names]
        return tuple(found)

    @cached_property
    def other_symbols(self) -> tuple[str, ...]:
        """The letters of the problem with any scripts that stand in the line."""
        found = [t for t in walk(self.tree) if isinstance(t, Script) and isinstance(t.base, Name)]
        scripts = dict.fromkeys(self.text[t.base.span.end : t.span.end] for t in found)
        return _once((*self.whole_symbols, *(name + rest for rest in scripts for name in self.names)))

    @cached_property
    def like_the_left(self) -> tuple[str, ...]:
        """The letters of the problem with the scripts of the symbols on the left side, and derivatives by them: z^l beside delta^l."""
        at, found = self.left.span.start, list(self.derivatives([""]))
        for t in walk(self.left):
            if isinstance(t, Script) and isinstance(t.base, Name) and not self.is_layer(t) and self.left_text:
                found += [name + self.left_text[t.base.span.end - at : t.span.end - at] for name in self.names]
        if self.python and (number := re.search(r"\d+$", self.left_text)):
            found += [name + number[0] for name in self.names]
        return tuple(dict.fromkeys(found))

    def derivatives(self, steps: Iterable[str]) -> Iterator[str]:
        """The derivative on the left taken by other quantities, at the same layer or one some steps (`-1`) away."""
        at = self.left.span.start
        for by in self.left.by if isinstance(self.left, Derivative) and self.left_text else ():
            start, end = by.span.start - at, by.span.end - at
            before, whole, after = self.left_text[:start], self.left_text[start:end], self.left_text[end:]
            letter = by.base if isinstance(by, Script) else by
            scripts = whole[letter.span.end - letter.span.start :]
            yield from (before + name + after for name in self.declared if name not in self.loss_names)
            for step, name in product(steps, self.names):
                if name not in self.loss_names:
                    yield f"{before}{name}{self._moved(scripts, step)}{after}"

    def beside(self, steps: Iterable[str]) -> Iterator[str]:
        """The letters of the problem with the scripts of the left side, at the same layer or one some steps away."""
        at = self.left.span.start
        inside = [t for t in walk(self.left) if isinstance(t, Script) and isinstance(t.base, Name)] if self.left_text else []
        scripts = dict.fromkeys(self.left_text[t.base.span.end - at : t.span.end - at] for t in inside)
        yield from (f"{name}{self._moved(rest, step)}" for rest, step, name in product(scripts, steps, self.names))

    def _moved(self, scripts: str, step: str) -> str:
        """Scripts with their layer some steps away."""
        families = "|".join(self.context.families)
        return re.sub(rf"(?<![A-Za-z\\])({families})(?![A-Za-z])", rf"{{\1{step}}}", scripts) if families and step else scripts

    @cached_property
    def left_letters(self) -> tuple[str, ...]:
        """The indices of the left side."""
        return tuple(dict.fromkeys(k for t in walk(self.left) if isinstance(t, Script) for k in self.indices_of(t)))

    @cached_property
    def letters(self) -> tuple[str, ...]:
        """The indices in play: of the left side, of the line and of its sums."""
        inside = [k for t in walk(self.tree) if isinstance(t, Script) for k in self.indices_of(t)]
        sums = [key(k) for t in walk(self.tree) if isinstance(t, Big) for k in t.indices]
        return tuple(dict.fromkeys((*self.left_letters, *inside, *sums)))


def _once(texts: Iterable[str]) -> tuple[str, ...]:
    """Texts that differ in more than braces."""
    found: dict[str, str] = {}
    for text in texts:
        found.setdefault(re.sub(r"[{} ]", "", text), text)
    return tuple(found.values())
