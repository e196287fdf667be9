"""Arithmetic of balls (Arb) and of truncated power series over them. What cannot be decided is `Undecided`, never guessed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from typing import Any

from flint import arb, arb_series, ctx, fmpq

from symbackprop.errors import InputError, NotProved

__all__ = ["CAP", "Undecided", "apply", "ball", "lift", "power", "precision", "sign", "whole_number"]

CAP = 64  # the longest series: length 2**d for derivatives nested d deep


class Undecided(NotProved):
    """Ball arithmetic cannot tell: a ball straddles a condition, a value is not finite, or a ball is too wide."""


@contextmanager
def precision(digits: int) -> Iterator[None]:
    """Compute with `digits` decimal digits and some to spare; the settings of flint are global, so they are put back."""
    before = ctx.prec, ctx.cap
    ctx.prec, ctx.cap = int(digits * 3.33) + 64, CAP
    try:
        yield
    finally:
        ctx.prec, ctx.cap = before


def ball(value: Any) -> Any:
    """The ball of an exact number."""
    if isinstance(value, arb):
        return value
    exact = Fraction(value)
    return arb(fmpq(exact.numerator, exact.denominator))


def whole_number(e: Any, value: Any) -> int:
    """The one whole number in the ball `value` of the expression `e`."""
    number = value.unique_fmpz()
    if number is None or value != arb(number):
        raise InputError(f"{e} has the value {value.str(10)}, and counts where only whole numbers do")
    return int(number)


def lift(value: Any, length: int) -> Any:
    """A series as one of another length; a ball is a series of any length."""
    if isinstance(value, arb_series) and value.prec != length:
        return arb_series(value.coeffs(), length)
    return value


def sign(value: Any) -> int:
    """The sign of a ball or series, decided; at a kink a series has none, for its two sides may differ."""
    head = value[0] if isinstance(value, arb_series) else value
    if head > 0:
        return 1
    if head < 0:
        return -1
    if head.is_zero() and not (isinstance(value, arb_series) and any(not c.is_zero() for c in value.coeffs())):
        return 0
    raise Undecided(f"cannot tell the sign of {head}, on which a case distinction depends")


def apply(name: str, u: Any) -> Any:
    """An elementary function, by the name Arb gives it, of a ball or series."""
    if isinstance(u, arb) or name not in ("tanh", "sinh", "cosh"):
        return _finite(getattr(u, name)())
    # A series has no hyperbolic functions: through e^u. The constant term is not used on its own, so nothing cancels badly.
    up, down = _finite(u.exp()), _finite((-u).exp())
    if name == "tanh":
        return (up - down) * (up + down).inv()
    return (up - down if name == "sinh" else up + down) / 2


def power(u: Any, n: int) -> Any:
    """`u**n` for a whole number n."""
    if n >= 0:
        return u**n
    # Not 1/u for a series: a quotient would cancel powers of eps, and turn 0/0 into a number.
    return _finite((u**-n).inv()) if isinstance(u, arb_series) else 1 / u**-n


def _finite(u: Any) -> Any:
    # A series that is exactly 0 times one that is not finite is 0 to Arb: what is not finite must stop here.
    if isinstance(u, arb_series) and not all(c.is_finite() for c in u.coeffs()):
        raise Undecided("a quantity on the way has no finite value or slope at this point")
    return u
