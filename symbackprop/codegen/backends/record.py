"""What a backend is: how a program is printed for a library, and how what was printed becomes a function."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from symbackprop.codegen.program import Program
from symbackprop.errors import MissingLibrary
from symbackprop.languages import Language

__all__ = ["Backend", "Run"]

Run = Callable[..., tuple[Any, dict[str, Any]]]
"""`loss, grads = run(params, *data, **scalars)`: it checks what a caller gives, then computes."""


@dataclass(frozen=True)
class Backend:
    """One array library: `source(program, language)` is the readable module, `build(program, source, dtype)` the function it becomes.

    `needs` is the package that is imported, by `build` alone, and `extra` the extra of this package that installs it. The run of a
    backend that `owns` its arrays also takes `reuse=True` and `out=`, which say where gradients are written.
    """

    name: str
    source: Callable[[Program, Language], str]
    build: Callable[[Program, str, str], Run]
    needs: str
    extra: str = ""
    owns: bool = False

    def run(self, program: Program, source: str, dtype: str) -> Run:
        """The function of a printed module; `MissingLibrary` says how the library is installed if it is not."""
        if find_spec(self.needs) is None:
            raise MissingLibrary(f"the {self.name} backend", self.needs, self.extra)
        return self.build(program, source, dtype)
