"""The error function in NumPy alone, which has none: the source that is put into a module that needs it."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["erf", "erfc"]


def erfc(x: Any) -> Any:
    """What the error function lacks of 1: exp(-x**2) / (1 + 2*x) times a polynomial in (x - 3) / (x + 3).

    It keeps its digits where it is tiny, but for those of exp(-x**2): about x**2 units in the last place.
    """
    coefficients = (
        9.862533510353046e-10, -3.1813541434965493e-09, -1.3312919661042785e-08, 2.7843881265500237e-08,
        1.0183620603843713e-07, -1.2054142286488932e-07, -6.166011460398858e-07, 3.3669790806407023e-07,
        3.4723709449771796e-06, -7.187883834404222e-07, -2.0100542268525616e-05, 4.944124342223658e-06,
        0.0001250993424583729, -0.00010515831297813128, -0.0007798322696543306, 0.0018886900977441495,
        0.0025293918156939696, -0.023770514891530075, 0.0683080273440099, -0.11927366341676002,
        0.1296451587027594, -0.04756229435342038, -0.13562110612458117, 1.2530080582697296,
    )
    wide = np.asarray(x, dtype="float64")
    a = np.minimum(np.abs(wide), 28)
    tail = np.exp(-a * a) / (1 + 2 * a) * np.polyval(coefficients, (a - 3) / (a + 3))
    return np.where(wide < 0, 2 - tail, tail).astype(np.asarray(x).dtype)


def erf(x: Any) -> Any:
    """The error function: x times a polynomial in x**2 up to 1, then 1 - erfc(x).

    Wrong by less than two units in the last place.
    """
    near = (
        -7.795898827002142e-10, 1.3720064546777686e-08, -1.6208483801871705e-07, 1.6447424703317362e-06,
        -1.492473690741966e-05, 0.00012055294904839707, -0.0008548325975389692, 0.0052239776071164225,
        -0.02686617064323777, 0.11283791670945006, -0.37612638903183543, 1.1283791670955126,
    )
    a = np.abs(np.asarray(x, dtype="float64"))
    value = np.where(a < 1, a * np.polyval(near, np.minimum(a, 1) ** 2), 1 - erfc(a))
    return np.copysign(value, x).astype(np.asarray(x).dtype)
