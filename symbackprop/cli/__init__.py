"""The command line: one command, one call. Nothing heavy is imported before a command needs it."""

from __future__ import annotations

import signal
import sys
from types import FrameType

__all__ = ["main"]


def main() -> None:
    """Run the command line: 0 done, 1 something was found wrong, 2 the input could not be used; 128 and a signal's number if that ended it."""
    try:
        for name in ("SIGTERM", "SIGHUP"):
            number = getattr(signal, name, None)
            if number is not None and signal.getsignal(number) is signal.SIG_DFL:
                signal.signal(number, _ended)  # so that what is being written is taken away, as after an interrupt
        from symbackprop.cli.commands import run

        sys.exit(run())
    except KeyboardInterrupt:  # while something was still being imported
        sys.exit(128 + signal.SIGINT)


def _ended(number: int, frame: FrameType | None) -> None:
    sys.exit(128 + number)
