"""A tree as it is typed, for what is said about it: one spelling for every way of writing the same."""

from __future__ import annotations

from .tokens import ACCENTS, is_command
from .tree import Call, Derivative, Fence, Fraction, Infix, Juxtaposed, Listed, Name, Number, Script, Signed, Tree

__all__ = ["shown"]

_ACCENT = {says: command for command, says in reversed(ACCENTS.items())} | {"double": "mathbb", "bold": "mathbf", "roman": "mathrm"}


def shown(tree: Tree | None) -> str:
    r"""What somebody types for a tree.

    >>> from symbackprop.parse import Vocabulary, read_formula
    >>> shown(read_formula(r"\mathbf w _{jk} ^ {l + 1}", Vocabulary()).items[0].tree)
    '\\mathbf{w}_{jk}^{l+1}'
    """
    match tree:
        case None:
            return ""
        case Number(text):
            return text
        case Name(name, accents, word=word):  # a word that was typed without its backslash is shown so
            letter = f"\\{name}" if is_command(name) and word != name else name
            for accent in reversed(accents):
                letter = f"\\{_ACCENT.get(accent, accent)}{{{letter}}}"
            return letter
        case Script(base, sub, sup, primes):
            return shown(base) + "'" * primes + _script("_", sub) + _script("^", sup)
        case Juxtaposed(items):
            return _beside([shown(i) for i in items])
        case Listed(items, separator):
            return separator.join(map(shown, items))
        case Infix(op, left, right):
            return _beside([shown(left), f"\\{op}" if is_command(op) else op, shown(right)])
        case Signed(op, arg):
            return op + shown(arg)
        case Fraction(above, below):
            return f"\\frac{{{shown(above)}}}{{{shown(below)}}}"
        case Derivative(of, by, sign):
            d = {"partial": "\\partial ", "d": "d ", "delta": "\\delta "}[sign]
            return f"\\frac{{{d}{shown(of)}}}{{{' '.join(d + shown(b) for b in by)}}}"
        case Fence(opening, body, close):
            return f"{_SIDES.get(opening, opening)}{shown(body)}{_SIDES.get(close, close)}"
        case Call(function, args, _):
            return f"{shown(function)}({', '.join(map(shown, args))})"
    return "..."


_SIDES = {"{": "\\{", "}": "\\}", "||": "\\|", ".": ""}


def _script(sign: str, tree: Tree | None) -> str:
    text = shown(tree)
    if tree is None:
        return ""
    return f"{sign}{text}" if len(text) <= 1 else f"{sign}{{{text}}}"


def _beside(texts: list[str]) -> str:
    """Texts one after the other, a space where a command would run into a letter."""
    found = ""
    for text in texts:
        runs = text[:1].isalpha() and found[-1:].isalpha() and "\\" in found and found[found.rfind("\\") + 1 :].isalpha()
        found += f" {text}" if runs else text
    return found
