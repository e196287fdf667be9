"""Derivations and steps that show themselves in Jupyter, in the notation and the language of the notes they come from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

from symbackprop.derivation import Derivation, Step
from symbackprop.documents.blocks import Chain, Section
from symbackprop.documents.markdown import MARKDOWN
from symbackprop.documents.rendering import HTML, Medium, render_section
from symbackprop.documents.templates import environment
from symbackprop.languages import ENGLISH, Language
from symbackprop.notation import Notation
from symbackprop.typeset.mathml import CSS

__all__ = ["Place", "ShownDerivation", "ShownStep", "shown"]


@dataclass(frozen=True)
class Place:
    """Where a derivation stands: what its formulas are printed by."""

    notation: Notation
    samples: Any = None
    last: Any = None
    language: Language = ENGLISH

    def rows(self, derivation: Derivation, medium: Medium, detail: str = "full") -> list[dict[str, Any]]:
        """The lines of a derivation alone, with no number, since no document is around it."""
        section = Section(derivation.name, derivation.name, (Chain(replace(derivation, local=()), ()),), self.notation, self.samples, self.last)
        rows = render_section(section, detail, medium, language=self.language)["blocks"][0]["rows"]
        return [{key: value for key, value in r.items() if key != "number"} for r in rows]

    def html(self, derivation: Derivation) -> str:
        """The derivation as HTML with MathML, its style sheet included."""
        page = environment("html", self.language).get_template("derivation.html")
        return page.render(rows=self.rows(derivation, HTML), css=CSS, language=self.language)

    def latex(self, derivation: Derivation) -> str:
        """The derivation as one display that KaTeX and MathJax take, without its words."""
        return _display(self.rows(derivation, MARKDOWN))


def _display(rows: Sequence[dict[str, Any]]) -> str:
    lines = " \\\\\n".join(f"{r['left']} &{r['right']}".strip() for r in rows)
    return f"$$\n\\begin{{aligned}}\n{lines}\n\\end{{aligned}}\n$$"


@dataclass(frozen=True, kw_only=True)
class ShownStep(Step):
    """A step that knows what it is a step of."""

    alone: Derivation = field(repr=False, compare=False)
    place: Place = field(repr=False, compare=False)

    def _repr_html_(self) -> str:
        return self.place.html(self.alone)

    def _repr_latex_(self) -> str:
        return self.place.latex(self.alone)


@dataclass(frozen=True, kw_only=True)
class ShownDerivation(Derivation):
    """A derivation that knows in which notation it is printed."""

    place: Place = field(repr=False, compare=False)

    def _repr_html_(self) -> str:
        return self.place.html(self)

    def _repr_latex_(self) -> str:
        return self.place.latex(self)


def shown(derivation: Derivation, place: Place) -> ShownDerivation:
    """The derivation and its steps, which now show themselves.

    A step alone says what the left side is by then: about equal, once a step before it was only that.
    """
    steps: list[Step] = []
    relation = "="
    for s in derivation.steps:
        relation = "approx" if "approx" in (relation, s.relation) else s.relation
        alone = replace(derivation, name="", steps=(replace(s, relation=relation),), matrix=None, local=())
        steps.append(ShownStep(**_values(s), alone=alone, place=place))
    return ShownDerivation(**{**_values(derivation), "steps": tuple(steps)}, place=place)


def _values(of: Derivation | Step) -> dict[str, Any]:
    return {f.name: getattr(of, f.name) for f in fields(of)}
