"""A verdict on each step of a submission."""

from __future__ import annotations

import threading
import time
import tomllib
from typing import Any

from symbackprop.checker.limits import OutOfTime, limited
from symbackprop.checker.mixing import told
from symbackprop.checker.problem import Problem, problem_from
from symbackprop.checker.reached import reached
from symbackprop.checker.steps import Judge, Judged
from symbackprop.checker.verdicts import Report, Target
from symbackprop.errors import InputError, ReadError, TooLarge
from symbackprop.languages import Message
from symbackprop.parse.document import characters, read_document

__all__ = ["check"]

_ALONE = threading.Lock()  # the precision of ball arithmetic is one setting of the whole process


def check(
    text: str, problem: Problem | Any = None, *, kind: str = "txt", name: str = "", notation: Any = None, timeout: float = 10.0, memory: int = 1024,
) -> Report:  # fmt: skip
    r"""A verdict on each step of what somebody wrote, judged by what the problem declares.

    `kind` says how the text is laid out: tex, md, ipynb, txt or py. A problem may be a `Problem`, the mapping that declares one, or
    a `Network`; without one, the front matter of the text declares it, in TOML between +++ lines. `notation` is the one in which the
    text is written, taken before that of the mapping or of the front matter; a `Problem` has its own already. What cannot be read
    is undecided, with words why; nothing in the text is ever evaluated. What takes more than `timeout` seconds or `memory` megabytes is
    not judged any further (outside the main thread neither can be limited).

    >>> report = check(r"\frac{d}{dv} (x - u v)^2 = 2 (x - u v) u", {"shapes": {"x": [], "u": [], "v": []}})
    >>> report.first_wrong.number, report.first_wrong.diagnosis.kind
    (1, 'sign')
    """
    start = time.perf_counter()
    text = characters(text)
    asked = None if problem is None else as_problem(problem, notation)
    steps: list[Judged] = []
    targets: tuple[Target, ...] = ()
    failure = ""
    try:
        with _ALONE, limited(timeout, memory):
            document = read_document(text, kind)
            asked = asked or _declared(document.front, name, notation)
            steps.extend(Judge(asked, document.macros, 0.6 * timeout).steps(document.lines))
            steps = told(steps, asked)
            targets = tuple(Target(label, reached(tree, steps, asked.context)) for label, tree in asked.targets)
    except (ReadError, TooLarge) as error:
        failure = Message("undecided: {error}", error=str(error))
    except OutOfTime:
        failure = Message("undecided: out of time: it takes more than {timeout} s", timeout=f"{timeout:g}")
    except MemoryError:
        failure = Message("undecided: too large: it needs more than {memory} MB", memory=memory)
    title = "" if asked is None else asked.title
    return Report(tuple(s.step for s in steps), title, name, text, targets, failure, time.perf_counter() - start)


def _declared(front: str, name: str, notation: str | None) -> Problem:
    """The problem that the front matter of a submission declares."""
    where = name or "the submission"
    if not front.strip():
        raise InputError(f"{where} declares no problem in its front matter, and none is given with --problem")
    try:
        return problem_from(tomllib.loads(front), where, notation)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"the front matter of {where} is no TOML: {error}") from error


def as_problem(problem: Any, notation: Any = None) -> Problem:
    """A problem from whatever declares one; `InputError` for a notation beside a problem that has been read in its own."""
    if isinstance(problem, Problem):
        if notation is not None:
            raise InputError("this problem has been read in a notation already: give the notation to load_problem instead")
        return problem
    if isinstance(problem, dict):
        return problem_from(problem, notation=notation)
    from symbackprop.checker.of_network import problem_of

    return problem_of(problem, notation)
