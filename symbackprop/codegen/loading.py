"""Modules that the printers of this package wrote, loaded; the only place where text is executed, and never a user's."""

from __future__ import annotations

import builtins
import itertools
import linecache
from collections.abc import Mapping
from typing import Any

__all__ = ["loaded"]

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
