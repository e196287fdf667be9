r"""A problem: what the symbols of a derivation mean. It is declared in a TOML file, in the submission's own front matter, or by a network.

equations = ['z^l = w^l a^{l-1} + b^l', 'a^l = \sigma(z^l)', 'C = \frac{1}{2}\|y - a^L\|^2']
loss = 'C'
[layers]
l = "L"
[shapes]
'a^l' = ["n_l"]
'w^l' = ["n_l", "n_{l-1}"]
'b^l' = ["n_l"]
'y' = ["n_L"]
[functions]
'\sigma' = "sigmoid"
[names]
'\delta^l' = '\frac{\partial C}{\partial z^l}'
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from fractions import Fraction
from functools import cached_property, partial
from pathlib import Path
from random import Random
from typing import Any

from sympy import Integer
from sympy.core.function import AppliedUndef

from symbackprop.checker.context import CHOICES, Context, Conventions, Misfit, Quantity, Unreadable
from symbackprop.checker.sides import Both, Sides, Turn, of_choice, of_equations
from symbackprop.checker.symbols import Unwritable
from symbackprop.checker.tables import checked
from symbackprop.checker.values import World
from symbackprop.equations import Equation, Tensor
from symbackprop.errors import SpecError, one_of
from symbackprop.evaluate import Draw, Point, one_hot
from symbackprop.files import read_toml, within
from symbackprop.parse.tree import Tree
from symbackprop.rules import formula_of

__all__ = ["Problem", "load_problem", "problem_from"]

POINTS = 3
LARGEST = 9  # from where sizes are counted, at most
DRAWS = 40  # of a point before it is taken as it is
FURTHER = 12  # points beyond these, for a line that has no value at them or that they show from one side only
POSITIVE = 3  # of them


@dataclass(frozen=True)
class Problem:
    """What a submission is judged by: the declared symbols, the forward equations, and numbers for everything at several points.

    `targets` are what was asked for, `rubric` the points for them and for "steps".
    """

    title: str
    context: Context
    equations: tuple[Equation, ...]
    samplers: Mapping[Tensor, Any] = field(default_factory=dict, hash=False)
    facts: tuple[Equation, ...] = ()
    targets: tuple[tuple[str, Tree], ...] = ()
    rubric: Mapping[str, float] = field(default_factory=dict, hash=False)
    functions: Mapping[str, tuple[Any, Any]] = field(default_factory=dict, hash=False)  # those that it defines: variable and formula

    @cached_property
    def worlds(self) -> tuple[World, ...]:
        """The points at which lines are judged: the first with short decimals, so that it can be shown.

        More than a few where these lie on one side of a kink of the equations only, or show one label only, or one side with one label.
        """
        found = [self._world(number) for number in range(POINTS)]
        turns, choices = tuple(of_equations(self.equations, self._formula)), tuple(self._choices())
        sides = Sides((*turns, *choices, *(Both(c, t) for c in choices for t in turns)))
        for world in found:
            sides.visit(world)
        for number in range(POINTS, 2 * FURTHER):
            if sides.complete:
                break
            world = self._world(number)
            if sides.visit(world):
                found.append(world)
        return tuple(found)

    def _choices(self) -> Iterator[Turn]:
        """The targets that are one of two numbers, or one of several classes."""
        for tensor, sampler in self.samplers.items():
            if isinstance(sampler, partial):
                (said,) = sampler.args
                yield of_choice(tensor, Fraction(sum(said), 2)) if sampler.func is _choice else of_choice(tensor, Fraction(1, 2), said)

    def points(self) -> Iterator[World]:
        """The worlds, and more for lines that need them: with positive numbers only, then with any."""
        yield from self.worlds
        for number in range(FURTHER):
            if number not in self._further:
                self._further[number] = self._world(POINTS + number, positive=number < POSITIVE)
            yield self._further[number]

    @cached_property
    def _further(self) -> dict[int, World]:
        return {}

    def _world(self, number: int, positive: bool = False) -> World:
        """A point where everything has a value: one on a kink, or beyond the domain of a logarithm, is drawn again, at last among positive ones."""
        found = (World(self._point(number, draw, positive or draw >= DRAWS // 2)) for draw in range(DRAWS))
        return next((w for w in found if w.defines(e.tensor for e in self.equations)), World(self._point(number, 0, positive)))

    def _point(self, number: int, draw: int, positive: bool) -> Point:
        free = dict(self.samplers)
        sampler = _positive if positive else _tenths if number == 0 else _of_some_size if number >= POINTS + POSITIVE else None
        for tensor in self._free() if sampler is not None else ():
            free.setdefault(tensor, sampler)
        return Point(self.equations, self.sizes(number), seed=number + POINTS * draw, functions=self._formula, free=free)

    def _formula(self, name: str) -> tuple[Any, Any] | None:
        return self.functions.get(name) or formula_of(name)

    def _free(self) -> list[Tensor]:
        """What no equation defines."""
        defined = {(e.tensor.name, e.tensor.layer) for e in self.equations}
        found = dict.fromkeys(t for s in self._quantities() for t in s.tensors.values())
        found |= dict.fromkeys(t for e in self.equations for t in self.context.uses.get(e.tensor, ()))
        return [t for t in found if (t.name, t.layer) not in defined]

    def _quantities(self) -> list[Quantity]:
        return [s.meaning for symbols in self.context.symbols.values() for s in symbols if isinstance(s.meaning, Quantity)]

    def sizes(self, seed: int = 0) -> dict[Any, int]:
        """Numbers for symbolic sizes, pairwise different and others at each point, so large that no axis such as n - 2 is shorter than 2."""
        shapes = {n for q in self._quantities() for t in q.tensors.values() for n in t.shape}
        symbols = sorted((a for n in shapes for a in (n.free_symbols or {n}) | n.atoms(AppliedUndef) if not isinstance(a, Integer)), key=str)
        symbols = list(dict.fromkeys(s for s in symbols if s.is_Symbol or isinstance(s, AppliedUndef)))
        taken = {int(n) for n in shapes if n.is_Integer}
        drawn = [_numbered(symbols, taken, low, seed) for low in range(2, LARGEST)]
        long: list[dict[Any, int]] = []
        for found in drawn:
            lengths = [n.subs(found) for n in shapes if not n.is_Integer]
            if all(n >= 2 for n in lengths):
                if len({*lengths} - taken) == len(lengths):
                    return found
                long.append(found)
        return (long or drawn)[0]


def _numbered(symbols: Sequence[Any], taken: Collection[int], low: int, seed: int) -> dict[Any, int]:
    numbers = [n for n in range(low, low + 1 + len(symbols) + len(taken)) if n not in taken][: len(symbols) + 1]
    return {s: numbers[(place + seed) % len(numbers)] for place, s in enumerate(symbols)}


def _tenths(indices: tuple[int, ...], draw: Draw) -> Any:
    """A short decimal, neither zero nor one.

    None is a binary fraction: what cancels is a ball about zero and never exactly zero, so a point on a kink shows itself.
    """
    return Fraction(draw.choice([-16, -13, -12, -8, -7, -6, -9, -4, -3, 3, 4, 9, 6, 7, 8, 12, 13, 14, 18]), 10)


def _of_some_size(indices: tuple[int, ...], draw: Draw) -> Any:
    """Small or large, all entries of a quantity alike: where all are of one size, a distance may stay above every margin."""
    return _tenths(indices, draw) * Random(draw.key).choice((Fraction(1, 8), Fraction(1, 2), 1, 3))


def _positive(indices: tuple[int, ...], draw: Draw) -> Any:
    return abs(_tenths(indices, draw))


def _choice(numbers: tuple[int, ...], indices: tuple[int, ...], draw: Draw) -> Any:
    return draw.choice(numbers)


SAMPLERS: Mapping[str, Any] = {
    "one_hot": one_hot,
    "positive": lambda axis: _positive,
    "binary": lambda axis: partial(_choice, (0, 1)),
    "sign": lambda axis: partial(_choice, (-1, 1)),
}


def load_problem(path: str | Path, notation: str | None = None) -> Problem:
    """The problem in a TOML file, for submissions in its own notation or in the one that is named.

    Raises:
        InputError: the file cannot be read or is no TOML.
        SpecError: a declaration that does not hold together; the message names it.
    """
    return problem_from(within(path, read_toml(path, "problem")), str(path), notation)


def problem_from(data: Mapping[str, Any], where: str = "problem", notation: str | None = None) -> Problem:
    r"""The problem that a mapping declares, as `load_problem` reads it from a file; `notation` is taken before the one it names.

    Only a network can be restated in another notation; its targets keep the names that the mapping gives them in its own.

    >>> shapes = {"x": ["N", "D"], "w": ["D", "M"]}
    >>> p = problem_from({"equations": ["y = x w"], "shapes": shapes, "upstream": {r"\partial L/\partial y": "y"}, "loss": "L"})
    >>> [(e.tensor, e.tensor.shape) for e in p.equations]
    [(y, (N, M)), (L, ())]
    """
    from symbackprop.checker.declaring import declare
    from symbackprop.checker.presets import expanded, network_of, notation_of
    from symbackprop.checker.restating import restated

    try:
        if notation is None:
            return declare(checked(expanded(data, where), where), where)
        net = network_of(data, where)
        if net is None:
            raise SpecError(f"{where}: its equations are typed in letters of their own, which no other notation restates: leave the notation out")
        again = {k: v for k, v in data.items() if k not in ("targets", "rubric")} | {"notation": notation}
        return restated(problem_from(data, where), problem_from(again, where), net, notation_of(data), notation_of(again), where)
    except (Misfit, Unreadable, Unwritable) as error:
        raise SpecError(f"{where}: {error}") from error


def conventions_from(data: Mapping[str, Any], where: str) -> Conventions:
    """The conventions that a table sets."""
    names = [f.name for f in fields(Conventions)]
    for name, value in data.items():
        one_of("convention", name, names, where)
        if isinstance(value, (list, dict)) or value not in CHOICES[name]:
            raise SpecError(f"{where}: '{name}' is one of {', '.join(map(str, CHOICES[name]))}, not {value!r}")
    return Conventions(**data)


def strings(data: Mapping[str, Any], name: str, where: str) -> Sequence[str]:
    """A list of texts under a key."""
    value = data.get(name, ())
    if not isinstance(value, (list, tuple)) or not all(isinstance(v, str) for v in value):
        raise SpecError(f"{where}: '{name}' is a list of texts, not {value!r}")
    return value


def table(data: Mapping[str, Any], name: str, where: str) -> Mapping[str, Any]:
    """A table under a key."""
    value = data.get(name, {})
    if not isinstance(value, Mapping):
        raise SpecError(f"{where}: '{name}' is a table, not {value!r}")
    return value
