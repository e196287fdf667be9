"""The four texts: what they cover is proved, and each slip is one. Oracle: the checker, which shares no code with the derivations."""

from __future__ import annotations

import pytest

import symbackprop as sb
from symbackprop.sources import SOURCES, Slip, source_notes

_ROWS = {
    "equations": [
        "Z^{(1)} = X W^{(1)} + b^{(1)}", r"A^{(1)} = \sigma(Z^{(1)})", "Z^{(2)} = A^{(1)} W^{(2)} + b^{(2)}",
        r"J = \frac{1}{2} \sum (Y - Z^{(2)})^2",
    ],
    "loss": "J", "samples": "m", "layers": {"l": 2}, "functions": {r"\sigma": "sigmoid"}, "conventions": {"broadcast": True},
    "shapes": {
        "X": ["m", "n_0"], "Y": ["m", "n_2"], "W^{(1)}": ["n_0", "n_1"], "b^{(1)}": [1, "n_1"], "W^{(2)}": ["n_1", "n_2"], "b^{(2)}": [1, "n_2"],
    },
    "names": {r"\delta^{(l)}": r"\frac{\partial J}{\partial Z^{(l)}}"},
}  # fmt: skip
_TO_FROM = {
    "equations": [r"z^l_j = \sum_k a^{l-1}_k w^l_{kj} + b^l_j", r"a^l = \sigma(z^l)", r"C = \frac{1}{2} \|y - a^L\|^2"],
    "loss": "C", "layers": {"l": "L"},
    "shapes": {"a^l": ["n_l"], "w^l": ["n_{l-1}", "n_l"], "b^l": ["n_l"], "y": ["n_L"]}, "functions": {r"\sigma": "sigmoid"},
    "names": {r"\delta^l": r"\frac{\partial C}{\partial z^l}"},
}  # fmt: skip
_MEAN = {"equations": [r"\mathrm{MSE} = \frac{1}{n} \sum_j (y_j - a_j)^2"], "shapes": {"a": ["n"], "y": ["n"]}, "loss": r"\mathrm{MSE}"}
_SIGMOID = {"equations": [r"a = \sigma(z)"], "shapes": {"z": []}, "functions": {r"\sigma": "sigmoid"}}


@pytest.mark.parametrize("key", SOURCES)
def test_a_source_is_proved_in_its_notation_and_language(key: str) -> None:
    notes = source_notes(key)
    assert notes.language.code == SOURCES[key].language
    assert all(p.holds for p in notes.proofs)
    assert ("slips" in {s.key for s in notes.sections}) == bool(SOURCES[key].slips)


def slips() -> list[Slip]:
    return [s for source in SOURCES.values() for s in source.slips]


@pytest.mark.parametrize(
    ("start", "problem", "verdict"),
    [
        (r"a = \sigma z", _SIGMOID, "undecided"),  # said in words: the function needs an argument
        ("Z^{(1)}", _ROWS, "wrong"), (r"\delta^{(l)}", _ROWS, "wrong"), (r"\frac{\partial C}{\partial w^l_{jk}}", _TO_FROM, "wrong"),
        (r"\mathrm{MSE}", _MEAN, "wrong"), (r"1 \cdot 4", {"shapes": {"q": []}}, "wrong"),
    ],
)  # fmt: skip
def test_a_slip_is_found_and_what_is_mended_is_right(start: str, problem: dict[str, object], verdict: str) -> None:
    (slip,) = [s for s in slips() if s.printed.startswith(start)]
    assert [s.status.value for s in sb.check(slip.printed, problem).steps] == [verdict]
    assert [s.status.value for s in sb.check(slip.mended, problem).steps] == ["right"]


def test_an_unknown_source_is_answered_with_the_four() -> None:
    with pytest.raises(ValueError, match="Known: A, B, C, D"):
        source_notes("E")
