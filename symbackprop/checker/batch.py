"""Many submissions checked at once, on all cores, each within its limits of time and memory."""

from __future__ import annotations

import pickle
import warnings
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Executor, Future
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from symbackprop.checker.limits import limits
from symbackprop.checker.pool import Pool, WorkerLost
from symbackprop.checker.submissions import Submission
from symbackprop.checker.verdicts import Report
from symbackprop.errors import InputError
from symbackprop.languages import Message

if TYPE_CHECKING:
    from symbackprop.checker.problem import Problem

__all__ = ["check_many", "checking_pool"]

_AHEAD = 256  # submissions handed to the executor before the first is answered: enough to pass a slow one, few enough to hold
_GRACE = 1.0  # seconds between the alarm inside a worker and its end from outside


def check_many(
    submissions: Iterable[Submission], problem: Problem | None, executor: Executor | None = None, timeout: float = 10.0, memory: int = 1024,
    notation: str | None = None,
) -> Iterator[Report]:  # fmt: skip
    r"""Check each submission against the problem, or its own front matter where that is None, then in the `notation` where one is named.

    The reports come in the order of the submissions, as they are ready.

    A submission has `timeout` seconds and may take `memory` megabytes; one that takes more, or that brings its process down, is
    reported as undecided, and the rest goes on. Without an executor there is a process for every core. Any other executor is
    used as it is: where its workers let no limits be set, a `RuntimeWarning` says so.

    >>> from symbackprop.checker.problem import problem_from
    >>> handed_in = [Submission("a.md", r"$$\frac{d}{dx} x^2 = 2 x$$", "md"), Submission("b.md", refused="no such file")]
    >>> [str(report.status) for report in check_many(handed_in, problem_from({"shapes": {"x": []}}))]
    ['right', 'undecided']
    """
    pool = checking_pool(None, timeout, memory) if executor is None else executor
    asked = pickle.dumps((problem and replace(problem), notation))  # a copy, without the numbers that the problem may have made already
    pending: deque[tuple[Submission, Future[tuple[Report, bool]]]] = deque()
    unheld = False
    try:
        for submission in _and_end(submissions):
            if submission is not None:
                pending.append((submission, _submitted(pool, asked, submission, timeout, memory)))
            while pending and (submission is None or len(pending) > _AHEAD):
                report, held = _answer(*pending.popleft(), timeout, memory)
                if not held and not unheld:
                    unheld = True
                    warnings.warn(
                        "the workers of this executor let no limits of time and memory be set: a submission that hangs is not stopped",
                        RuntimeWarning, stacklevel=2,
                    )  # fmt: skip
                yield report
    finally:
        for _, future in pending:
            future.cancel()
        if executor is None:
            pool.shutdown(cancel_futures=True)


def checking_pool(jobs: int | None, timeout: float, memory: int) -> Pool:
    """Processes that are ready to check, as many as there are jobs, or cores."""
    return Pool(jobs, patience=timeout + _GRACE, growth=memory, prepare=_prepare)


def _and_end(submissions: Iterable[Submission]) -> Iterator[Submission | None]:
    yield from submissions
    yield None


def _prepare() -> None:
    """What a worker imports before its first call, so that no submission pays for it."""
    import symbackprop.checker.declaring
    import symbackprop.checker.judge
    import symbackprop.checker.restating  # noqa: F401


@lru_cache(maxsize=4)
def _asked(asked: bytes) -> tuple[Problem | None, str | None]:
    """The problem, made once in each worker, None where each submission declares its own; and the notation that is taken for these."""
    problem, notation = pickle.loads(asked)
    return problem, notation


def _submitted(pool: Executor, asked: bytes, submission: Submission, timeout: float, memory: int) -> Future[tuple[Report, bool]]:
    try:
        if not submission.refused:
            return pool.submit(_check, asked, submission, timeout, memory)
        answer: tuple[Report, bool] | Exception = (Report((), name=submission.name, failure=submission.refused), True)
    except RuntimeError as error:  # an executor that has broken or was shut down
        answer = error
    future: Future[tuple[Report, bool]] = Future()
    if isinstance(answer, Exception):
        future.set_exception(answer)
    else:
        future.set_result(answer)
    return future


def _answer(submission: Submission, future: Future[tuple[Report, bool]], timeout: float, memory: int) -> tuple[Report, bool]:
    try:
        return future.result()
    except WorkerLost as lost:
        lost_to = Message("undecided: its process ended without an answer; most likely it needed more than {memory} MB", memory=memory)
        why = Message("undecided: out of time: it takes more than {timeout} s", timeout=f"{timeout:g}") if lost.late else lost_to
    except Exception as error:
        why = Message("undecided: the executor failed: {error}", error=f"{type(error).__name__}: {error}")
    return Report((), name=submission.name, source=submission.text, failure=why), True


def _check(asked: bytes, submission: Submission, timeout: float, memory: int) -> tuple[Report, bool]:
    """The report on one submission, and whether the limits were held."""
    from symbackprop.checker.judge import check

    problem, notation = _asked(asked)
    try:
        report = check(
            submission.text, problem, kind=submission.kind, name=submission.name, notation=notation, timeout=timeout, memory=memory
        )
    except InputError as error:  # the problem in its front matter
        report = Report((), "", submission.name, submission.text, failure=Message("undecided: {error}", error=str(error)))
    except Exception as error:
        why = Message("undecided: the checker failed on it: {error}", error=f"{type(error).__name__}: {error}")
        report = Report((), problem.title if problem else "", submission.name, submission.text, failure=why)
    return report, all(limits())
