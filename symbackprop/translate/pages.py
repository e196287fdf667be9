"""A translation as a page: a table of two columns in LaTeX and in HTML."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from html import escape as escape_html
from pathlib import Path
from typing import Any

from symbackprop.documents.templates import environment
from symbackprop.errors import SpecError, one_of
from symbackprop.files import write_beside
from symbackprop.languages import Language, load_language
from symbackprop.network import Network
from symbackprop.notation import Notation, load_notation
from symbackprop.translate.differences import Difference, called, differences
from symbackprop.translate.sides import Side, side_of
from symbackprop.typeset.latex import escape as escape_latex
from symbackprop.typeset.latex import latex
from symbackprop.typeset.mathml import CSS, mathml
from symbackprop.typeset.tree import Node

__all__ = ["FORMATS", "Translation", "side_by_side"]

Written = tuple[Callable[[str], str], Callable[[Node], str]]
_WRITERS: Mapping[str, Written] = {"latex": (escape_latex, latex), "html": (escape_html, lambda node: mathml(node, "inline"))}
FORMATS: Mapping[str, tuple[str, str]] = {".tex": ("latex", "translation.tex"), ".html": ("html", "translation.html")}


@dataclass(frozen=True)
class Row:
    """A formula of one side beside that of the other; None where one side has none."""

    name: str
    first: Node | None
    second: Node | None


@dataclass(frozen=True)
class Translation:
    """One network in two notations: `rows` of formulas side by side, and the `differences` between the two.

    >>> from symbackprop.builders import deep
    >>> t = side_by_side(deep(), "nielsen", "ufldl")
    >>> print(next(d for d in t.differences if d.kind == "sign"))
    the product entry by entry: \\odot | \\bullet
    """

    title: str
    first: Side
    second: Side
    rows: tuple[Row, ...]
    differences: tuple[Difference, ...]

    @property
    def language(self) -> Language:
        """The language of everything between the formulas."""
        return self.first.language

    def latex(self) -> str:
        """A document of its own in LaTeX."""
        return self._written("latex", "translation.tex")

    def html(self) -> str:
        """A page in HTML with MathML."""
        return self._written("html", "translation.html")

    def save(self, path: str | Path) -> Path:
        """Write the translation as its name ends, in .tex or .html; `UnknownName` for another ending, `CannotWrite` with the reason."""
        place = Path(path)
        medium, template = FORMATS[one_of("ending", place.suffix, FORMATS, str(place))]
        write_beside(place, self._written(medium, template))
        return place

    def _repr_html_(self) -> str:
        return self._written("html", "translation_body.html")

    def _repr_latex_(self) -> str:
        return self._written("latex", "translation_body.tex")

    def _written(self, medium: str, template: str) -> str:
        text, formula = _WRITERS[medium]

        def written(side: Node | str | None) -> dict[str, Any]:
            words = isinstance(side, str)
            return {"words": words, "text": "" if side is None else text(self.language.say(side)) if isinstance(side, str) else formula(side)}

        rows = [{"name": text(self.language.say(r.name)), "first": written(r.first), "second": written(r.second)} for r in self.rows]
        found = [{"what": text(self.language.say(d.what)), "first": written(d.first), "second": written(d.second)} for d in self.differences]
        titles = {"first": text(self.first.notation.title), "second": text(self.second.notation.title), "title": text(self.language.say(self.title))}
        page = environment(medium, self.language).get_template(template)
        return page.render(rows=rows, differences=found, css=CSS, language=self.language, **titles)


def side_by_side(net: Network, first: str | Notation, second: str | Notation, language: str = "en") -> Translation:
    """The derivations of a network in two notations: names or paths of notations, or notations themselves.

    The cost is taken as each notation has it: its quadratic loss, the mean or the sum over a batch. `language` is one of
    `symbackprop list languages`. Raises `UnknownName` for a notation or a language that does not exist, `SpecError` for a loss that
    depends on no parameter, `NotProved` if a step does not hold.
    """
    spoken = load_language(language)
    sides = [side_of(net, n if isinstance(n, Notation) else load_notation(n), spoken) for n in (first, second)]
    if not sides[0].chains:
        raise SpecError(f"{net.loss} depends on no parameter; list under parameters what gradients are wanted for")
    return Translation(net.name, sides[0], sides[1], tuple(_rows(*sides)), differences(*sides))


def _rows(first: Side, second: Side) -> Iterator[Row]:
    for (one, matrix), (other, its) in zip(first.forward, second.forward, strict=True):
        yield Row("", first.equation(one), second.equation(other))
        if _shown(one, matrix) or _shown(other, its):
            yield Row("", None if matrix is None else first.equation(matrix), None if its is None else second.equation(its))
    for name in dict.fromkeys((*first.derivations, *second.derivations)):
        found = [(s, s.derivations.get(name)) for s in (first, second)]
        yield Row(called(first, second, name), *(None if d is None else s.steps(d) for s, d in found))
        forms = [None if d is None or d.matrix is None else s.equation(d.matrix) for s, d in found]
        if any(form is not None for form in forms):
            yield Row("", *forms)


def _shown(equation: Any, matrix: Any) -> bool:
    """Whether a matrix form says something that the equation itself does not."""
    return matrix is not None and bool(equation.lhs.indices or equation.rhs.atoms(type(equation.lhs)))
