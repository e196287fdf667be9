r"""Unicode mathematics rewritten as LaTeX: `δ` as `\delta`, `ŷ` as `\hat{y}`, `⁽ˡ⁾` as `^{(l)}`, and where each character came from."""

from __future__ import annotations

import re
import unicodedata
from functools import cache

__all__ = ["spelled_out"]

_GREEK_LETTERS = "αβγδεζηθικλμνξπρςστυφχψωΓΔΘΛΞΠΣΥΦΨΩϵϑϕϱϖ"
_GREEK_NAMES = (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho varsigma sigma tau upsilon phi chi psi omega "
    "Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega epsilon vartheta phi varrho varpi"
)
_GREEK = dict(zip(_GREEK_LETTERS, _GREEK_NAMES.split(), strict=True))
_SIGNS = {
    "∂": "partial", "∇": "nabla", "∑": "sum", "∏": "prod", "∫": "int", "√": "sqrt", "⊙": "odot", "∘": "circ", "○": "circ", "•": "bullet",
    "∙": "cdot", "·": "cdot", "⋅": "cdot", "×": "times", "⊗": "otimes", "÷": "div", "∗": "ast", "±": "pm", "≠": "ne", "≤": "le", "≥": "ge",
    "≈": "approx", "≡": "equiv", "≜": "triangleq", "∝": "propto", "∈": "in", "∉": "notin", "∀": "forall", "∞": "infty", "ℓ": "ell",
    "⊤": "top", "⊺": "intercal", "→": "to", "←": "gets", "⇒": "implies", "⟹": "implies", "⇔": "iff", "∼": "sim", "…": "dots", "⋯": "dots",
    "‖": "|", "∥": "|", "⟨": "langle", "⟩": "rangle", "†": "dagger", "𝟙": "mathbb 1",
}  # fmt: skip
_PLAIN = {"−": "-", "–": "-", "′": "'", "’": "'", "″": "''", "∣": "|", "∕": "/", "≔": ":=", "。": ".", "、": ",", "\u200b": " "}
_MARKS = {"\u0302": "hat", "\u0303": "tilde", "\u0304": "bar", "\u0305": "bar", "\u0307": "dot", "\u20d7": "vec"}
_STYLES = (("BOLD", "mathbf"), ("DOUBLE-STRUCK", "mathbb"), ("SCRIPT", "mathcal"), ("FRAKTUR", "mathfrak"))
_SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁱⁿᵀᵗˡᵏʲᵐᴸᵃᵇᶜᵈᵉᶠᵍʰᵒᵖʳˢᵘᵛʷˣʸᶻᴺ"
_SUBSCRIPTS = "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎ᵢⱼₖₗₘₙₒₚₛₜᵤᵥₓₐₑₕᵣ"
_WORDS = r"\\(?:text\w*|mbox|tag|label)\s*\{[^{}]*\}"
_REWRITTEN = re.compile(
    rf"(?P<words>{_WORDS})|(?P<above>[{_SUPERSCRIPTS}]+)|(?P<below>[{_SUBSCRIPTS}]+)|(?P<sign>[^\x00-\x7f][{''.join(_MARKS)}]?|[a-zA-Z][{''.join(_MARKS)}])"
)


@cache
def _spelled(sign: str) -> str:
    """One character, perhaps with a mark over it, in LaTeX; itself if there is no such spelling."""
    if sign in _PLAIN:
        return _PLAIN[sign]
    if sign in _SIGNS or sign in _GREEK:
        return f"\\{_SIGNS.get(sign) or _GREEK[sign]} "
    parts = unicodedata.normalize("NFD", sign)
    if len(parts) == 2 and parts[1] in _MARKS:
        return f"\\{_MARKS[parts[1]]}{{{_spelled(parts[0])}}}"
    plain = unicodedata.normalize("NFKC", sign)
    if len(plain) == 1 and plain != sign and (plain.isascii() or plain in _GREEK):
        style = next((command for word, command in _STYLES if word in unicodedata.name(sign, "")), "")
        return f"\\{style}{{{_spelled(plain)}}}" if style else _spelled(plain)
    return sign


def spelled_out(text: str) -> tuple[str, list[int]]:
    r"""The text with its mathematics in ASCII, and for each of its offsets the offset in `text` it came from.

    Words inside `\text{...}` stay as they are, but for the mathematics between dollar signs in them, which is taken out.

    >>> spelled_out("δᵀ")
    ('\\delta ^{T}', [0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2])
    """
    pieces: list[str] = []
    origin: list[int] = []
    done = 0

    def copy(end: int) -> None:
        nonlocal done
        pieces.append(text[done:end])
        origin.extend(range(done, end))
        done = end

    def put(piece: str, end: int) -> None:
        nonlocal done
        pieces.append(piece)
        origin.extend([done] * len(piece))
        done = end

    for found in _REWRITTEN.finditer(text):
        copy(found.start())
        kind, whole = found.lastgroup, found.group()
        if kind == "words":
            inside = True
            for dollar in re.finditer(r"\$+", whole):
                copy(found.start() + dollar.start())
                put("}" if inside else r"\text{", found.start() + dollar.end())
                inside = not inside
            copy(found.end())
        elif kind in ("above", "below"):
            run = unicodedata.normalize("NFKC", whole).replace("−", "-")
            put(("^{" if kind == "above" else "_{") + run + "}", found.end())
        else:
            put(_spelled(whole), found.end())
    copy(len(text))
    return "".join(pieces), [*origin, len(text)]
