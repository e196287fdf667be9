"""Modules that the printers of this package wrote, loaded; the only place where text is executed, and never a user's."""

from __future__ import annotations

import builtins
import importlib.util
import itertools
import linecache
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from symbackprop.errors import CannotWrite

__all__ = ["imported", "loaded"]

_number = itertools.count(1)


def loaded(source: str, known: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The names that a module of our own making defines, `known` among them; tracebacks show its lines.

    >>> loaded("b = a + 1", {"a": 1})["b"]
    2
    """
    filename = f"<symbackprop gradients {next(_number)}>"
    linecache.cache[filename] = (len(source), None, source.splitlines(True), filename)
    namespace: dict[str, Any] = {"__name__": "gradients", **(known or {})}
    exec(builtins.compile(source, filename, "exec"), namespace)
    return namespace


def imported(path: Path) -> dict[str, Any]:
    """The names that a file of our own making defines, as a module under the file's name; a second call for that file finds it loaded."""
    name = path.stem
    if getattr(sys.modules.get(name), "__file__", None) != str(path):
        spec = importlib.util.spec_from_file_location(name, path)
        if spec is None or spec.loader is None:
            raise CannotWrite(f"'{path}' cannot be loaded as a module")
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        try:
            spec.loader.exec_module(module)
        except BaseException:
            del sys.modules[name]
            raise
    return vars(sys.modules[name])
