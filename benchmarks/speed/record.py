"""What a candidate is: a way to compute the loss and all gradients of a case."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from benchmarks.speed.cases import Case, Data

Result = tuple[Any, dict[str, Any]]


@dataclass(frozen=True)
class Call:
    """`run()` computes loss and gradients once, and is done when it returns; `arrays` puts its answer into NumPy arrays by parameter.

    What the candidate's library wants converted is converted before, once. A run that computes no answer (the products alone) says so.
    """

    run: Callable[[], Any]
    arrays: Callable[[Any], Result] = lambda answer: answer
    meaningless: bool = False


@dataclass(frozen=True)
class Candidate:
    """`make(case, data)` builds the call; `needs` are the packages it imports, `misfit(case)` says why a case is not for it.

    `writable`: the call reads NumPy arrays of the caller, so that a training loop can change them in place. `bound`: it leaves out some
    of the work of a function of its arguments; what is faster than it may still not be possible.
    """

    name: str
    make: Callable[[Case, Data], Call]
    needs: tuple[str, ...] = ()
    misfit: Callable[[Case], str] = lambda case: ""
    writable: bool = False
    ours: bool = False
    bound: bool = False

    def absent(self) -> str:
        """Which of the needed packages are not installed."""
        return ", ".join(n for n in self.needs if find_spec(n) is None)


def tiny(case: Case) -> str:
    """Why expanded scalars are no way to compute a case."""
    return "" if case.batch == 1 and sum(case.widths) <= 10 else "one scalar expression a gradient: tiny networks only"
