"""Processes that hang, crash or grow. The oracles are the operating system's: process ids, clocks, and the calls after the bad one."""

from __future__ import annotations

import ctypes
import faulthandler
import os
import signal
import threading
import time
from concurrent.futures import CancelledError
from contextlib import suppress

import pytest

from symbackprop.checker.limits import OutOfTime, limited, mapped
from symbackprop.checker.pool import Pool, WorkerLost

MB = 2**20


def test_a_call_runs_in_another_process_which_stays() -> None:
    with Pool(1) as pool:
        first, second = (pool.submit(os.getpid).result() for _ in range(2))
    assert first == second != os.getpid()


def test_a_worker_that_crashes_is_replaced() -> None:
    with Pool(1) as pool:
        before = pool.submit(os.getpid).result()
        with pytest.raises(WorkerLost) as lost:
            pool.submit(ctypes.string_at, 0).result()
        assert not lost.value.late
        assert pool.submit(os.getpid).result() != before


def test_a_worker_that_hangs_where_no_signal_is_heard_is_stopped_and_replaced() -> None:
    """No alarm is set for the call, as none is heard by C code that does not come back to Python."""
    start = time.monotonic()
    with Pool(2, patience=1.0) as pool:
        hanging = pool.submit(time.sleep, 60)
        assert pool.submit(abs, -1).result() == 1
        with pytest.raises(WorkerLost) as lost:
            hanging.result()
        assert lost.value.late
        assert pool.submit(abs, -2).result() == 2
    assert time.monotonic() - start < 20


def test_an_exception_comes_back_and_costs_nothing() -> None:
    with Pool(1) as pool:
        before = pool.submit(os.getpid).result()
        with pytest.raises(ZeroDivisionError):
            pool.submit(divmod, 1, 0).result()
        assert pool.submit(os.getpid).result() == before


def test_what_a_call_prints_is_no_answer(capfd: pytest.CaptureFixture[str]) -> None:
    with Pool(1) as pool:
        assert pool.submit(print, "hello").result() is None
        assert pool.submit(os.write, 1, b"there").result() == 5
    assert "hello" not in capfd.readouterr().out


def test_a_worker_that_has_grown_is_replaced() -> None:
    with Pool(1, growth=64) as pool:
        before = pool.submit(os.getpid).result()
        pool.submit(setattr, threading.Thread, "kept", bytearray(100 * MB)).result()
        assert pool.submit(os.getpid).result() != before


def test_every_worker_is_prepared_before_its_first_call() -> None:
    with Pool(1, prepare=faulthandler.enable) as pool:
        assert pool.submit(faulthandler.is_enabled).result()
        assert isinstance(pool.submit(os.abort).exception(), WorkerLost)
        assert pool.submit(faulthandler.is_enabled).result()


def test_closing_early_ends_workers_that_are_at_work() -> None:
    start = time.monotonic()
    pool = Pool(1)
    busy, waiting = pool.submit(time.sleep, 60), pool.submit(time.sleep, 60)
    time.sleep(0.5)
    pool.shutdown(cancel_futures=True)
    with pytest.raises(WorkerLost):
        busy.result(timeout=5)
    with pytest.raises(CancelledError):
        waiting.result(timeout=5)
    assert time.monotonic() - start < 20


def test_an_error_outside_does_not_wait_for_answers() -> None:
    start = time.monotonic()
    with suppress(KeyError), Pool(1) as pool:
        pool.submit(time.sleep, 60)
        raise KeyError
    assert time.monotonic() - start < 20


# ---------------------------------------------------------------- limits


def spin(seconds: float) -> None:
    """Work without end that takes every exception for its own."""
    with limited(seconds, 512) as held:
        assert held
        while True:
            try:
                time.sleep(0.01)
            except Exception:
                continue


def test_time_runs_out_whatever_is_caught_and_the_alarm_is_put_back() -> None:
    before = signal.getsignal(signal.SIGALRM)
    start = time.monotonic()
    with pytest.raises(OutOfTime):
        spin(0.1)
    assert time.monotonic() - start < 2
    assert signal.getsignal(signal.SIGALRM) is before
    assert signal.getitimer(signal.ITIMER_REAL)[0] == 0


def take(megabytes: int) -> bool:
    """Whether that much memory is given within a limit of 200 MB."""
    try:
        with limited(60, 200):
            return len(bytearray(megabytes * MB)) > 0
    except MemoryError:
        return False


def test_memory_runs_out_and_the_limit_is_put_back() -> None:
    assert mapped() > 0
    assert take(100)
    assert not take(400)
    assert len(bytearray(400 * MB)) > 0


def test_a_thread_says_that_its_limits_do_not_hold() -> None:
    found: list[bool] = []

    def work() -> None:
        with limited(1, 100) as held:
            found.append(held)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [False]
