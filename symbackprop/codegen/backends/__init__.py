"""The array libraries a program can be printed for, one file and one name here each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module

from symbackprop.codegen.backends.record import Backend, Run

__all__ = ["BACKENDS", "Backend", "Run"]


class _Backends(Mapping[str, Backend]):
    """The backends by name, each imported when it is asked for: what prints for one library needs nothing of the others."""

    _names = ("numpy", "numba", "jax", "torch")

    def __getitem__(self, name: str) -> Backend:
        if name not in self._names:
            raise KeyError(name)
        found: Backend = import_module(f"{__name__}.{name}").BACKEND
        return found

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


BACKENDS: Mapping[str, Backend] = _Backends()
