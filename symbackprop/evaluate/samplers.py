"""The numbers of what no equation defines: given, sampled to satisfy a fact, or short decimals drawn from (seed, name, layer)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import partial
from itertools import product
from random import Random
from typing import Any

from symbackprop.errors import InputError

__all__ = ["Draw", "Sampler", "Values", "one_hot", "simplex"]

Place = tuple[int, ...]


class Draw(Random):
    """The random source handed to a sampler: seeded by tensor and entry; `key` is the same for all entries of the tensor."""

    def __init__(self, key: str, indices: Place, shape: Place) -> None:
        super().__init__(f"{key}|{indices}")
        self.key, self.shape = key, shape


Sampler = Callable[[Place, Draw], Fraction]


def one_hot(axis: int = 0) -> Sampler:
    """A sampler of targets that are 1 at one place along `axis` and 0 elsewhere."""
    return partial(_one_hot, axis)


def simplex(axis: int = 0) -> Sampler:
    """A sampler of positive numbers that sum to 1 along `axis`."""
    return partial(_simplex, axis)


# functions with a name of their own, so that what holds a sampler can be sent to another process
def _one_hot(axis: int, indices: Place, draw: Draw) -> Fraction:
    return Fraction(int(indices[axis] == _of_line(indices, axis, draw).randint(1, draw.shape[axis])))


def _simplex(axis: int, indices: Place, draw: Draw) -> Fraction:
    size = draw.shape[axis]
    weights = _of_line(indices, axis, draw).sample(range(10, 10 + 9 * size), size)
    return Fraction(weights[indices[axis] - 1], sum(weights))


def _of_line(indices: Place, axis: int, draw: Draw) -> Random:
    """The random source that all entries along `axis` share."""
    return Random(f"{draw.key}|{indices[:axis] + indices[axis + 1 :]}")


class Values:
    """Numbers for free tensors and scalars: `given` and `samplers` by the key of a node, or `(name, "*")` for all layers."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.given: dict[Any, Any] = {}
        self.samplers: dict[Any, Sampler] = {}
        self._drawn: dict[Any, dict[Place, Fraction]] = {}

    def draw(self, key: Any, label: str, shape: Place, indices: Place) -> Any:
        """The number of one entry of a free tensor."""
        for name in (key, (key[0], "*")) if isinstance(key, tuple) else (key,):
            if name in self.given:
                given = self.given[name]
                try:
                    return given[indices] if isinstance(given, Mapping) else given
                except KeyError:
                    raise InputError(f"no value is given for {label}{list(indices)}") from None
            if name in self.samplers:
                return self.samplers[name](indices, Draw(f"{self.seed}|{label}", indices, shape))
        if key not in self._drawn:
            positive = getattr(key, "is_positive", False)
            self._drawn[key] = self._decimals(label, shape, (1,) if positive else (-1, 1))
        return self._drawn[key][indices]

    def _decimals(self, label: str, shape: Place, signs: tuple[int, ...]) -> dict[Place, Fraction]:
        """Pairwise different decimals of size 0.2 to 1.5."""
        count = math.prod(shape)
        unit = 10 ** max(3, len(str(count)) + 1)
        random = Random(f"{self.seed}|{label}")
        numbers = random.sample(range(unit // 5, unit * 3 // 2), count)
        places = product(*(range(1, n + 1) for n in shape))
        return {place: Fraction(number * random.choice(signs), unit) for place, number in zip(places, numbers, strict=True)}
