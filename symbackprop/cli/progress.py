"""What the terminal shows while a command is at work."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["busy"]


@contextmanager
def busy(doing: str) -> Iterator[Callable[[str], None]]:
    """A line on the terminal, never on standard output, which says what is being done and with what: the function given takes that."""
    from rich.console import Console

    with Console(stderr=True).status(doing) as status:
        yield lambda name: status.update(f"{doing}: {name}")
