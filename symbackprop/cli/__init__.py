"""The command line: one command, one call. Nothing heavy is imported before a command needs it."""

from __future__ import annotations

import signal
import sys
from types import FrameType

__all__ = ["main"]


def main() -> None:
    """Run the command line: 0 done, 1 something was found wrong, 2 the input could not be used; 128 and a signal's number if that ended it."""
    ours = [number for number in _ENDING if signal.getsignal(number) is signal.SIG_DFL]
    try:
        for number in ours:
            signal.signal(number, _ended)  # so that what is being written is taken away, as after an interrupt
        from symbackprop.cli.commands import run

        sys.exit(run())
    except KeyboardInterrupt:  # while something was still being imported
        sys.exit(128 + signal.SIGINT)
    finally:
        for number in ours:
            signal.signal(number, signal.SIG_DFL)


_ENDING = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]


def _ended(number: int, frame: FrameType | None) -> None:
    sys.exit(128 + number)
