"""The error function in NumPy alone, which has none: the source that is put into a module that needs it."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["erf"]


def erf(x: Any) -> Any:
    """The error function: x times a polynomial in x**2 up to 1, then 1 - exp(-x**2) times a polynomial.

    The second is one in (x - 2) / (x + 2). Wrong by less than two units in the last place.
    """
    near = (
        -7.795898827002142e-10, 1.3720064546777686e-08, -1.6208483801871705e-07, 1.6447424703317362e-06,
        -1.492473690741966e-05, 0.00012055294904839707, -0.0008548325975389692, 0.0052239776071164225,
        -0.02686617064323777, 0.11283791670945006, -0.37612638903183543, 1.1283791670955126,
    )
    far = (
        1.340884871736239e-07, -6.144477167995065e-07, -5.060915438693049e-07, 1.2559897861345693e-06,
        3.7601677167193133e-06, 1.380584247725399e-06, -1.396149006742397e-05, -2.757901311902191e-05,
        2.752476736316505e-05, 0.00017436114311543651, 4.3555644272098927e-05, -0.0009819770269162648,
        -0.0008471432522752253, 0.006997461739228476, 0.0037328924043494834, -0.07897858101573253,
        0.24165819424246632, -0.4271858474139584, 0.25539567631050575,
    )
    a = np.minimum(np.abs(np.asarray(x, dtype="float64")), 6)
    tail = np.exp(-a * a) * np.polyval(far, (a - 2) / (a + 2))
    value = np.where(a < 1, a * np.polyval(near, np.minimum(a, 1) ** 2), 1 - tail)
    return np.copysign(value, x).astype(np.asarray(x).dtype)
