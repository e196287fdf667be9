"""Limits of time and memory that one call may not pass, as far as the place where it runs lets them be set."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import FrameType

try:
    import resource
except ImportError:  # not a POSIX system
    resource = None  # type: ignore[assignment]

__all__ = ["OutOfTime", "limited", "limits", "mapped"]


class OutOfTime(BaseException):
    """The time is over; no handler of `Exception` on the way out may swallow it."""


@contextmanager
def limited(seconds: float, megabytes: int) -> Iterator[bool]:
    """Run a block for at most `seconds`, letting it take at most `megabytes` more than the process has already.

    Yields whether both limits hold: an alarm reaches the main thread only, and not every system counts memory. Within the block
    `OutOfTime` is raised when the time is over, and `MemoryError` when the memory is used up.

    >>> with limited(0.05, 512):
    ...     while True:
    ...         pass
    Traceback (most recent call last):
    ...
    symbackprop.checker.limits.OutOfTime
    """
    timed, bounded = limits()
    with ExitStack() as held:
        if timed:
            held.enter_context(_alarm(seconds))
        if bounded:
            held.enter_context(_bounded(mapped() + megabytes * 2**20))
        yield timed and bounded


def limits() -> tuple[bool, bool]:
    """Whether time and whether memory can be limited here.

    >>> from threading import Thread
    >>> thread = Thread(target=lambda: print(limits()))
    >>> thread.start(); thread.join()
    (False, False)
    """
    alone = threading.current_thread() is threading.main_thread()
    return alone and hasattr(signal, "setitimer"), alone and resource is not None and mapped() > 0


def mapped() -> int:
    """The bytes of memory that this process has mapped, 0 where the system does not say."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    except (OSError, ValueError, IndexError):
        return 0
    return pages * resource.getpagesize()


@contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    def ring(number: int, frame: FrameType | None) -> None:
        raise OutOfTime

    before, start = signal.signal(signal.SIGALRM, ring), time.monotonic()
    left = again = 0.0
    try:
        # an exception may be lost where C code calls back into Python, so the alarm rings again
        left, again = signal.setitimer(signal.ITIMER_REAL, seconds, 0.2)
        yield
    finally:
        while True:
            with suppress(OutOfTime):
                signal.setitimer(signal.ITIMER_REAL, 0)
                break
        signal.signal(signal.SIGALRM, before)
        if left:  # an alarm that somebody else had set goes on
            signal.setitimer(signal.ITIMER_REAL, max(left - (time.monotonic() - start), 1e-6), again)


@contextmanager
def _bounded(size: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    within = [s for s in (size, soft, hard) if s != resource.RLIM_INFINITY]
    resource.setrlimit(resource.RLIMIT_AS, (min(within), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
