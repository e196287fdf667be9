"""Softmax and its logarithm: the largest entry of each row is looked for only where an exponential could leave the range of its dtype.

Where all logits lie within a third of that range, exponentials, their sums and the probabilities are computed as they stand, with
as many digits, and the logarithm of a probability from the probability. A quick look at the logits tells.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from symbackprop.codegen.fast.graph import Node
from symbackprop.codegen.forms import Form

__all__ = ["GUARDED", "SHIFTED", "guarded", "within"]

_SUMS = ("small = within(z)", "s = shift(z, small)", "e = exp(s)", "t = sum(e)")

SHIFTED: Mapping[str, Form] = {
    "softmax": Form((*_SUMS, "e / t"), vector=True),
    "log_softmax": Form((*_SUMS, "log_share(s, e / t, t, small)"), vector=True),
}
"""The forms by which both share all that they have in common."""

GUARDED = ("within", "shift", "log_share")
"""The operations of these forms that are no functions of NumPy; `shift` and `log_share` are known by their axis."""


def within(z: str, bound: str) -> str:
    """The condition that no entry of a vector leaves the bounds, nor is no number; its length often tells at once.

    >>> within("z", "c")
    'z.dot(z) < c * c or (z.item(z.argmax()) < c and z.item(z.argmin()) > -c)'
    """
    return f"{z}.dot({z}) < {bound} * {bound} or ({z}.item({z}.argmax()) < {bound} and {z}.item({z}.argmin()) > -{bound})"


def guarded(node: Node, a: Sequence[str], row: str, out: str) -> Iterator[str]:
    """The instructions of `shift` and `log_share`; `row` has room for one number of each row."""
    if node.op == "shift":
        if a[0] != out:
            yield f"{out}[...] = {a[0]}"
        yield f"if not {a[1]}:"
        yield f"    maximum.reduce({out}, {node.data}, None, {row}, True)"
        yield f"    subtract({out}, {row}, {out})"
    else:
        yield f"if {a[3]}:"
        yield f"    log({a[1]}, {out})"
        yield "else:"
        yield f"    log({a[2]}, {row})"
        yield f"    subtract({a[0]}, {row}, {out})"
