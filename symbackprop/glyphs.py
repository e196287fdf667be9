"""Every glyph with a name: what LaTeX calls it, which Unicode character it is, how it is spaced.

The tables are data for the writers; a glyph is added here, in one line, and nowhere else.
"""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Collection
from typing import NamedTuple


class Glyph(NamedTuple):
    """A letter with a name; `upright` letters stay upright where others are set in italics."""

    latex: str
    char: str
    upright: bool = False


class Sign(NamedTuple):
    """An operator, relation or punctuation mark; `kind` is bin, rel, punct, prefix or ord."""

    latex: str
    char: str
    kind: str


class Big(NamedTuple):
    """An operator with limits above and below; `width` is in ems."""

    latex: str
    char: str
    width: float


class Delimiter(NamedTuple):
    """A fence: plain form, form after `\\left` or `\\right`, Unicode character."""

    latex: str
    growing: str
    char: str


GLYPHS: dict[str, Glyph] = {
    "alpha": Glyph(r"\alpha", "α"),
    "beta": Glyph(r"\beta", "β"),
    "gamma": Glyph(r"\gamma", "γ"),
    "delta": Glyph(r"\delta", "δ"),
    "epsilon": Glyph(r"\epsilon", "ϵ"),
    "varepsilon": Glyph(r"\varepsilon", "ε"),
    "zeta": Glyph(r"\zeta", "ζ"),
    "eta": Glyph(r"\eta", "η"),
    "theta": Glyph(r"\theta", "θ"),
    "vartheta": Glyph(r"\vartheta", "ϑ"),
    "iota": Glyph(r"\iota", "ι"),
    "kappa": Glyph(r"\kappa", "κ"),
    "lambda": Glyph(r"\lambda", "λ"),
    "mu": Glyph(r"\mu", "μ"),
    "nu": Glyph(r"\nu", "ν"),
    "xi": Glyph(r"\xi", "ξ"),
    "pi": Glyph(r"\pi", "π"),
    "rho": Glyph(r"\rho", "ρ"),
    "sigma": Glyph(r"\sigma", "σ"),
    "tau": Glyph(r"\tau", "τ"),
    "upsilon": Glyph(r"\upsilon", "υ"),
    "phi": Glyph(r"\phi", "ϕ"),
    "varphi": Glyph(r"\varphi", "φ"),
    "chi": Glyph(r"\chi", "χ"),
    "psi": Glyph(r"\psi", "ψ"),
    "omega": Glyph(r"\omega", "ω"),
    "Gamma": Glyph(r"\Gamma", "Γ", True),
    "Delta": Glyph(r"\Delta", "Δ", True),
    "Theta": Glyph(r"\Theta", "Θ", True),
    "Lambda": Glyph(r"\Lambda", "Λ", True),
    "Xi": Glyph(r"\Xi", "Ξ", True),
    "Pi": Glyph(r"\Pi", "Π", True),
    "Sigma": Glyph(r"\Sigma", "Σ", True),
    "Upsilon": Glyph(r"\Upsilon", "Υ", True),
    "Phi": Glyph(r"\Phi", "Φ", True),
    "Psi": Glyph(r"\Psi", "Ψ", True),
    "Omega": Glyph(r"\Omega", "Ω", True),
    "nabla": Glyph(r"\nabla", "∇", True),
    "partial": Glyph(r"\partial", "∂"),
    "ell": Glyph(r"\ell", "ℓ", True),
    "infty": Glyph(r"\infty", "∞", True),
    "top": Glyph(r"\top", "⊤", True),
    "intercal": Glyph(r"\intercal", "⊺", True),
    "dagger": Glyph(r"\dagger", "†", True),
    "ast": Glyph(r"\ast", "∗", True),
    "emptyset": Glyph(r"\emptyset", "∅", True),
}
"""Letters by name. A `Symbol` may also be named by the character itself."""

GLYPH_OF_CHAR: dict[str, Glyph] = {glyph.char: glyph for glyph in GLYPHS.values()}

FUNCTIONS: frozenset[str] = frozenset(
    {
        "arg",
        "cos",
        "cosh",
        "cot",
        "coth",
        "deg",
        "det",
        "dim",
        "exp",
        "inf",
        "ker",
        "lim",
        "ln",
        "log",
        "max",
        "min",
        "sin",
    }
    | {"sinh", "sup", "tan", "tanh", "arccos", "arcsin", "arctan", "gcd"}
)
"""Upright words for which LaTeX has a command of the same name."""

SIGNS: dict[str, Sign] = {
    "+": Sign("+", "+", "bin"),
    "-": Sign("-", "−", "bin"),
    "minus_unary": Sign("-", "−", "prefix"),
    "pm": Sign(r"\pm", "±", "bin"),
    "cdot": Sign(r"\cdot", "⋅", "bin"),
    "times": Sign(r"\times", "×", "bin"),
    "odot": Sign(r"\odot", "⊙", "bin"),
    "oslash": Sign(r"\oslash", "⊘", "bin"),
    "otimes": Sign(r"\otimes", "⊗", "bin"),
    "oplus": Sign(r"\oplus", "⊕", "bin"),
    "circ": Sign(r"\circ", "∘", "bin"),
    "star": Sign(r"\star", "⋆", "bin"),
    "ast": Sign(r"\ast", "∗", "bin"),
    "*": Sign("*", "∗", "bin"),
    "bullet": Sign(r"\bullet", "•", "bin"),
    "=": Sign("=", "=", "rel"),
    "ne": Sign(r"\ne", "≠", "rel"),
    "equiv": Sign(r"\equiv", "≡", "rel"),
    "triangleq": Sign(r"\triangleq", "≜", "rel"),
    "approx": Sign(r"\approx", "≈", "rel"),
    "define": Sign(":=", "≔", "rel"),
    "propto": Sign(r"\propto", "∝", "rel"),
    "sim": Sign(r"\sim", "∼", "rel"),
    "le": Sign(r"\le", "≤", "rel"),
    "ge": Sign(r"\ge", "≥", "rel"),
    "lt": Sign("<", "<", "rel"),
    "gt": Sign(">", ">", "rel"),
    "ll": Sign(r"\ll", "≪", "rel"),
    "gg": Sign(r"\gg", "≫", "rel"),
    "in": Sign(r"\in", "∈", "rel"),
    "notin": Sign(r"\notin", "∉", "rel"),
    "subset": Sign(r"\subset", "⊂", "rel"),
    "to": Sign(r"\to", "→", "rel"),
    "gets": Sign(r"\gets", "←", "rel"),
    "mapsto": Sign(r"\mapsto", "↦", "rel"),
    "implies": Sign(r"\implies", "⟹", "rel"),
    "iff": Sign(r"\iff", "⟺", "rel"),
    "mid": Sign(r"\mid", "∣", "rel"),
    "colon": Sign(r"\colon", ":", "punct"),
    "comma": Sign(",", ",", "punct"),
    "semicolon": Sign(";", ";", "punct"),
    "period": Sign(".", ".", "ord"),
    "slash": Sign("/", "/", "ord"),
    "prime": Sign(r"\prime", "′", "ord"),
    "ldots": Sign(r"\ldots", "…", "ord"),
    "cdots": Sign(r"\cdots", "⋯", "ord"),
    "vdots": Sign(r"\vdots", "⋮", "ord"),
    "ddots": Sign(r"\ddots", "⋱", "ord"),
    "forall": Sign(r"\forall", "∀", "ord"),
}
"""Operators by name."""

BIG: dict[str, Big] = {
    "sum": Big(r"\sum", "∑", 1.44),
    "prod": Big(r"\prod", "∏", 1.28),
    "max": Big(r"\max", "max", 1.9),
    "min": Big(r"\min", "min", 1.7),
    "argmax": Big(r"\operatorname*{arg\,max}", "arg max", 3.6),
    "argmin": Big(r"\operatorname*{arg\,min}", "arg min", 3.4),
}
"""Operators that take limits."""

FENCES: dict[str, Delimiter] = {
    "(": Delimiter("(", "(", "("),
    ")": Delimiter(")", ")", ")"),
    "[": Delimiter("[", "[", "["),
    "]": Delimiter("]", "]", "]"),
    "{": Delimiter(r"\{", r"\{", "{"),
    "}": Delimiter(r"\}", r"\}", "}"),
    "langle": Delimiter(r"\langle", r"\langle", "⟨"),
    "rangle": Delimiter(r"\rangle", r"\rangle", "⟩"),
    "none": Delimiter("", ".", ""),
    "|": Delimiter(r"\vert", r"\vert", "|"),
    "norm": Delimiter(r"\Vert", r"\Vert", "‖"),
}
"""Delimiters by name; the bars open on the left and close on the right."""

MATRIX_FENCES: dict[str, tuple[str, str, str]] = {
    "[": ("bmatrix", "[", "]"),
    "(": ("pmatrix", "(", ")"),
    "{": ("Bmatrix", "{", "}"),
    "|": ("vmatrix", "|", "|"),
    "norm": ("Vmatrix", "norm", "norm"),
    "none": ("matrix", "none", "none"),
}
"""A matrix fence: LaTeX environment, left delimiter, right delimiter."""

ACCENTS: dict[str, tuple[str, str, str, str]] = {
    "hat": (r"\hat", r"\widehat", "\u02c6", "\u0302"),
    "tilde": (r"\tilde", r"\widetilde", "\u02dc", "\u02dc"),
    "bar": (r"\bar", r"\overline", "\u00af", ""),
    "vec": (r"\vec", r"\overrightarrow", "\u2192", "\u2192"),
}
"""An accent: LaTeX over one letter and over more, character over one letter and over more (none: a rule)."""

SPACES: dict[str, tuple[str, float]] = {"thin": (r"\,", 0.167), "quad": (r"\quad", 1.0)}
"""A space: LaTeX, width in ems."""

STYLES: tuple[str, ...] = ("italic", "bold", "upright", "bold_upright", "word", "calligraphic", "blackboard")
"""The styles of a `Symbol`; `bold` is bold italic, an upright name of several letters a function and a word a quantity."""


_ALPHABETS: dict[str, tuple[str, ...]] = {
    "italic": ("MATHEMATICAL ITALIC",),
    "bold": ("MATHEMATICAL BOLD ITALIC", "MATHEMATICAL BOLD"),
    "bold_upright": ("MATHEMATICAL BOLD",),
    "calligraphic": ("MATHEMATICAL SCRIPT", "SCRIPT"),
    "blackboard": ("MATHEMATICAL DOUBLE-STRUCK", "DOUBLE-STRUCK"),
}


def styled(char: str, style: str) -> str:
    """The character in one of Unicode's mathematical alphabets, or as it is where there is none.

    >>> styled("w", "bold"), styled("R", "blackboard"), styled("-", "bold")
    ('𝒘', 'ℝ', '-')
    """
    if char == "h" and style == "italic":
        return "\N{PLANCK CONSTANT}"
    name = unicodedata.name(char, "")
    for word in ("LATIN ", "GREEK ", "LETTER ", "LUNATE "):
        name = name.replace(word, "")
    for alphabet in _ALPHABETS.get(style, ()):
        try:
            return unicodedata.lookup(f"{alphabet} {name}")
        except KeyError:
            continue
    return char


def known(name: str, names: Collection[str], what: str) -> None:
    """Raise ValueError, with the nearest valid name, unless `name` is one of `names`.

    >>> known("odott", SIGNS, "operator")
    Traceback (most recent call last):
    ...
    ValueError: unknown operator 'odott'; did you mean 'odot'?
    """
    if name not in names:
        near = difflib.get_close_matches(name, names, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"choose from {', '.join(names)}"
        raise ValueError(f"unknown {what} {name!r}; {hint}")
