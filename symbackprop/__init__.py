"""Backpropagation from a network's equations: proved derivations for lecture notes, from one description."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from symbackprop.builders import deep, mlp
    from symbackprop.checker import check, check_many, load_problem
    from symbackprop.codegen.function import compile
    from symbackprop.codegen.quantities import directional
    from symbackprop.doors import derive, lecture
    from symbackprop.graphs import graph
    from symbackprop.network import Network
    from symbackprop.notation import load_notation
    from symbackprop.specification import load_specification

__all__ = [
    "Network", "check", "check_many", "compile", "deep", "derive", "directional", "graph", "lecture", "load_notation", "load_problem",
    "load_specification", "mlp",
]  # fmt: skip

# Importing SymPy takes a second or two; the command line's help must not wait for it.
_HOMES = {
    "Network": "network", "check": "checker", "check_many": "checker", "compile": "codegen.function", "deep": "builders", "derive": "doors",
    "directional": "codegen.quantities", "graph": "graphs", "lecture": "doors", "load_notation": "notation", "load_problem": "checker",
    "load_specification": "specification", "mlp": "builders",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"symbackprop.{_HOMES[name]}"), name)
    if name == "__version__":
        metadata = import_module("importlib.metadata")  # it imports the modules of e-mail
        try:
            return metadata.version("symbackprop")
        except metadata.PackageNotFoundError:  # a checkout that was never installed
            return "0"
    raise AttributeError(f"module 'symbackprop' has no attribute '{name}'")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
