"""How a change is typed: products, brackets, transposes and letters in the way that the text around them is typed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from symbackprop.checker.symbols import GREEK
from symbackprop.parse.tree import (
    Big,
    Call,
    Derivative,
    Fence,
    Fraction,
    Indicator,
    Infix,
    Juxtaposed,
    Nabla,
    Name,
    Number,
    Root,
    Script,
    Signed,
    Tree,
)

__all__ = ["ATOM", "FACTOR", "LATEX", "PRODUCT", "PRODUCTS", "PYTHON", "RUN", "SUM", "Dialect", "Written", "fitting", "level", "slot", "typed"]

# How strongly a text holds together, and so where it can stand without brackets.
SUM, PRODUCT, RUN, FACTOR, ATOM = range(5)
PRODUCTS = ("cdot", "times", "odot", "circ", "*", ".*", "@", "bullet", "ast", "star")


@dataclass(frozen=True)
class Written:
    """A text and how strongly it holds together."""

    text: str
    level: int

    def fit(self, wanted: int) -> str:
        """The text, in brackets where it has to hold together more strongly than it does.

        >>> Written("a + b", SUM).fit(FACTOR)
        '(a + b)'
        """
        return self.text if self.level >= wanted else f"({self.text})"


@dataclass(frozen=True)
class Dialect:
    """How operations are typed: a pattern, how strongly the result holds together, and what its operands need."""

    python: bool
    product: tuple[str, int]
    hadamard: tuple[str, int]
    scaled: tuple[str, int]
    transpose: str = "T"
    numpy: bool = False  # whether LaTeX says sums in NumPy's words

    def join(self, way: tuple[str, int], a: Written, b: Written) -> Written:
        """Two factors by one of the products; the right one needs brackets around a product of the same strength."""
        sign, result = way
        if way is self.scaled and "1" in (a.text, b.text):
            return b if a.text == "1" else a
        return Written(f"{a.fit(result)}{sign}{b.fit(min(result + 1, FACTOR))}", result)

    def over(self, a: Written, b: Written) -> Written:
        return Written(f"{a.fit(PRODUCT)} / {b.fit(FACTOR)}", PRODUCT) if self.python else Written(f"\\frac{{{a.text}}}{{{b.text}}}", FACTOR)

    def divided(self, a: Written, b: Written) -> Written:
        """`1/b a`, as a factor in front where that is the custom."""
        return self.over(a, b) if self.python or a.text == "1" else self.join(self.scaled, self.over(Written("1", ATOM), b), a)

    def negative(self, a: Written) -> Written:
        return Written(f"-{a.fit(PRODUCT)}", SUM)

    def squared(self, a: Written) -> Written:
        return Written(f"{a.fit(ATOM)}**2" if self.python else f"{a.fit(ATOM)}^2", FACTOR)

    def root(self, a: Written) -> Written:
        return Written(f"np.sqrt({a.text})" if self.python else f"\\sqrt{{{a.text}}}", FACTOR)

    def transposed(self, a: Written) -> Written:
        return Written(f"{a.fit(ATOM)}.T", ATOM) if self.python else Written(f"{a.fit(ATOM)}^{self.transpose}", FACTOR)

    def summed(self, letter: str, a: Written) -> Written:
        return Written(f"\\sum_{{{letter}}} {a.fit(PRODUCT)}", PRODUCT)

    def total(self, axis: int, a: Written) -> Written:
        """The sum along an axis of a matrix: in NumPy's words, or in LaTeX that has none of them the product with a vector of ones."""
        if self.python or self.numpy:
            return Written(f"{self.sum}({a.text}, axis={axis}, keepdims=True)", FACTOR)
        ones = Written("\\mathbf{1}", ATOM)
        return self.join(self.product, a, ones) if axis else self.join(self.product, self.transposed(ones), a)

    @property
    def sum(self) -> str:
        """NumPy's word for a sum."""
        return "np.sum" if self.python else "\\mathrm{np.sum}"

    def like(self, text: str) -> Dialect:
        """The dialect with the signs that a text uses."""
        if self.python:
            return self
        sign = next((s for s in ("\\odot", "\\circ", "\\ast", "*") if s in text), "\\odot")
        transpose = next((s for s in ("\\top", "\\intercal") if s in text), "T")
        return replace(self, hadamard=(f" {sign} ", PRODUCT), transpose=transpose, numpy="np." in text)


LATEX = Dialect(False, product=(" ", RUN), hadamard=(" \\odot ", PRODUCT), scaled=(" ", RUN))
PYTHON = Dialect(True, product=(" @ ", PRODUCT), hadamard=(" * ", PRODUCT), scaled=(" * ", PRODUCT))


def level(tree: Tree) -> int:
    """How strongly a part holds together as it was typed."""
    match tree:
        case Infix("+" | "-") | Signed():
            return SUM
        case Infix("**"):
            return FACTOR
        case Infix() | Big():
            return PRODUCT
        case Juxtaposed() | Nabla():
            return RUN
        case Fraction() | Call() | Derivative() | Root():
            return FACTOR
        case Script(_, None, None, 0) | Name() | Number() | Fence() | Indicator():
            return ATOM
        case Script():
            return ATOM if tree.sup is None else FACTOR
    return SUM


def slot(tree: Tree, parent: Tree | None) -> int:
    """How strongly what stands in the place of `tree` has to hold together."""
    match parent:
        case Infix("+" | "-", left, _):
            return SUM if tree is left else PRODUCT
        case Infix("**"):
            return ATOM
        case Infix("/", left, _):
            return PRODUCT if tree is left else FACTOR
        case Infix(_, left, _):
            return PRODUCT if tree is left else RUN
        case Juxtaposed():
            return FACTOR
        case Signed() | Big():
            return PRODUCT
        case Script():
            return ATOM
    return SUM


def fitting(new: Written, tree: Tree, parent: Tree | None) -> str:
    """A text that can stand in the place of `tree`."""
    return new.fit(slot(tree, parent))


def typed(base: str, text: str, python: bool) -> str:
    """A letter as it would be typed: `hat y` is `\\hat y`, `delta` is `\\delta`, in the style that the text uses; `yhat` in Python."""
    *accents, name = base.split(" ")
    if python:
        return name + "".join(accents)
    letter = name if len(name) == 1 or not name.isalpha() or (f"\\{name}" not in text and name not in GREEK) else f"\\{name}"
    for style in ("\\mathbf", "\\boldsymbol", "\\mathrm"):
        if f"{style}{{{letter}}}" in text or (len(letter) == 1 and style == "\\mathbf" and re.search(r"\\mathbf\{\\?[A-Za-z]", text)):
            letter = f"{style}{{{letter}}}"
            break
    return _accented(letter, accents)


def _accented(letter: str, accents: Iterable[str]) -> str:
    for accent in accents:
        letter = f"\\{accent}{{{letter}}}"
    return letter

