"""An executor whose workers can be trusted with anything: a call that hangs or crashes costs its worker, never the rest."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any, ParamSpec, TypeVar, cast

import symbackprop

__all__ = ["Pool", "WorkerLost", "serve"]

P = ParamSpec("P")
T = TypeVar("T")

_START = "from symbackprop.checker.pool import serve; serve()"
_START_PATIENCE = 120.0  # seconds in which a worker has to have imported what it needs


class WorkerLost(Exception):
    """The worker ended before it answered: it was stopped for taking too long, or it crashed."""

    def __init__(self, late: bool) -> None:
        self.late = late
        super().__init__("it took too long" if late else "its process ended without an answer")


class Pool(ThreadPoolExecutor):
    """Runs each call in one of several processes of its own, which are replaced when they are lost or have grown.

    `patience` is the number of seconds after which a call is stopped from outside, whatever it does; `growth` the number of
    megabytes by which a worker may grow over its life; `prepare` is called in each worker before anything else. Functions and
    arguments are pickled.

    >>> with Pool(1) as pool:
    ...     pool.submit(os.abort).exception()
    ...     pool.submit(len, "abc").result()
    WorkerLost('its process ended without an answer')
    3
    """

    def __init__(self, workers: int | None = None, patience: float = 60.0, growth: int = 512, prepare: Callable[[], object] = os.getpid) -> None:
        super().__init__(max_workers=workers or os.cpu_count() or 1, thread_name_prefix="checker", initializer=_uninterrupted)
        self._patience, self._growth, self._prepare = patience, growth, prepare
        self._mine = threading.local()
        self._all: list[_Worker] = []
        self._closing = False
        self._starting = threading.Lock()

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """The future result of a call; `WorkerLost` is its exception if it took its worker down."""
        return super().submit(cast(Callable[P, T], self._call), fn, *args, **kwargs)  # type: ignore[arg-type]

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the workers; with `cancel_futures` also those that are at work."""
        if cancel_futures:
            with self._starting:
                self._closing = True
            for worker in list(self._all):
                worker.end()
        super().shutdown(wait=wait, cancel_futures=cancel_futures)
        for worker in self._all:
            worker.end()

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.shutdown(cancel_futures=kind is not None)  # nobody waits for answers after an error

    def _call(self, fn: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        worker: _Worker | None = getattr(self._mine, "worker", None)
        if worker is None or not worker.usable(self._growth):
            if worker is not None:
                self._mine.worker = None
                self._all.remove(worker)
                worker.end()
            with self._starting:  # no worker starts after the last has been ended
                if self._closing:
                    raise WorkerLost(late=False)
                worker = _Worker()
                self._all.append(worker)
            worker.call(_START_PATIENCE, self._prepare, (), {})
            self._mine.worker = worker
        return cast(T, worker.call(self._patience, fn, args, kwargs))


class _Worker:
    """One process that answers calls, one after the other."""

    def __init__(self) -> None:
        home = str(Path(symbackprop.__file__).parent.parent)
        # threads of a linear algebra library each reserve memory, and there is a process for every core already
        alone = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join([home, *filter(None, sys.path)])}
        self._process = subprocess.Popen(
            [sys.executable, "-c", _START], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=os.environ | alone,
        )  # fmt: skip
        self._grown = 0

    def usable(self, growth: int) -> bool:
        return self._process.poll() is None and self._grown <= growth * 2**20

    def call(self, patience: float, fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        asked = pickle.dumps((fn, args, kwargs))
        late = threading.Event()

        def stop() -> None:
            late.set()
            self._process.kill()

        timer = threading.Timer(patience, stop)
        timer.daemon = True
        timer.start()
        try:
            stdin, stdout = cast(IO[bytes], self._process.stdin), cast(IO[bytes], self._process.stdout)
            stdin.write(len(asked).to_bytes(8, "big") + asked)
            stdin.flush()
            self._grown, good, value = pickle.load(stdout)
        except (OSError, EOFError, ValueError, pickle.UnpicklingError) as error:  # ValueError: another thread has closed the pipe
            self.end()
            raise WorkerLost(late.is_set()) from error
        finally:
            timer.cancel()
        if not good:
            raise value
        return value

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):  # what was still to be sent is for nobody
                    pipe.close()


def _uninterrupted() -> None:
    """A worker inherits what its thread blocks: an interrupt is for whoever started the workers, from their first moment."""
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})


def serve() -> None:
    """The life of a worker: read a call, answer it, until there are no more."""
    from symbackprop.checker.limits import mapped

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # where a mask is not inherited
    calls, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a call prints is no answer
    start = 0
    while header := calls.read(8):
        asked = calls.read(int.from_bytes(header, "big"))
        try:
            fn, args, kwargs = pickle.loads(asked)
            good, value = True, fn(*args, **kwargs)
        except Exception as error:
            good, value = False, error
        start = start or mapped()
        try:
            answers.write(pickle.dumps((mapped() - start, good, value)))
            answers.flush()
        except BrokenPipeError:  # whoever asked is gone
            os._exit(1)
