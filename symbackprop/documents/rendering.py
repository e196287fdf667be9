"""Blocks into the strings that a template receives, once for each medium: LaTeX and HTML with MathML."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, reduce
from html import escape as escape_html
from string import Formatter
from typing import Any, cast, get_args

from symbackprop.derivation import Derivation, Reference, Step
from symbackprop.documents.about_network import Held, Shape
from symbackprop.documents.blocks import Block, Chain, Equations, Figure, Heading, Notes, Prose, Section, SectionReference, Table
from symbackprop.documents.proofs import proofs_section
from symbackprop.documents.templates import environment
from symbackprop.equations import Layers
from symbackprop.languages import ENGLISH, Language, Message
from symbackprop.notation import Notation
from symbackprop.pictures.shapes import Picture
from symbackprop.pictures.svg import svg
from symbackprop.pictures.tikz import tikz
from symbackprop.typeset.build import Builder
from symbackprop.typeset.build_names import WORDS
from symbackprop.typeset.latex import escape as escape_latex
from symbackprop.typeset.latex import inline as latex_inline
from symbackprop.typeset.latex import latex
from symbackprop.typeset.mathml import CSS, mathml
from symbackprop.typeset.tree import EMPTY, Node, Operator, Row, row
from symbackprop.typeset.widths import break_line

__all__ = ["HTML", "LATEX", "Medium", "html_body", "latex_body", "render_notes", "render_proofs", "render_section"]

_BETWEEN_HAN = re.compile(r"(?<=[\u4e00-\u9fff]) (?=[\u4e00-\u9fff])")  # a space that stood there for a formula, where words came
_COMMA, _AND = Message("{first}, {second}"), Message("{first} and {last}")
_RELATIONS = {"=": "=", "equiv": "equiv", "approx": "approx", "to": "gets", "define": "define"}


@dataclass(frozen=True)
class Medium:
    """How a medium writes text, a formula in a line, a formula on a line of its own, a reference, and a picture with its title.

    `words` name a section in a sentence.
    """

    name: str
    text: Callable[[str], str]
    inline: Callable[[Node], str]
    display: Callable[[Node], str]
    reference: Callable[[str, str], str]
    section: Callable[[str, str], str]
    words: Message
    picture: Callable[[Picture, str], str]
    line: float = 34.0  # ems of the right side of a formula; a page of 16 cm
    room: tuple[float, float] = (42.0, 44.0)  # ems of a picture


LATEX = Medium(
    "latex", escape_latex, latex_inline, latex, lambda label, number: rf"\eqref{{eq:{label}}}", lambda key, title: rf"\ref{{sec:{key}}}",
    Message("Section\u00a0{section}"), lambda picture, title: tikz(picture),
)  # fmt: skip
HTML = Medium(
    "html", escape_html, lambda node: mathml(node, "inline"), lambda node: mathml(node, "block"),
    lambda label, number: f'<a href="#eq-{label}">({number})</a>', lambda key, title: f'<a href="#sec-{key}">{escape_html(title)}</a>',
    Message("the section {section}"), svg,
)  # fmt: skip


class _Numbers:
    """The number or tag of each derivation's result, the same in every medium."""

    def __init__(self, sections: Sequence[Section], language: Language) -> None:
        self.by_label: dict[str, str] = {}
        self.by_name: dict[str, str] = {}
        titles = {**{s.key: s.title for s in sections}, "proofs": Message("How the equations were proved")}
        self.titles = {key: language.text(title) for key, title in titles.items()}
        used: set[str] = set()
        count = 0
        for section in sections:
            for block in section.blocks:
                if isinstance(block, Chain):
                    name = block.derivation.name
                    number = Builder(section.notation).called(name, block.derivation.lhs)
                    if not name.startswith("BP") or number in used:
                        count += 1
                        number = str(count)
                    used.add(number)
                    label = label_of(section, name)
                    self.by_label[label] = number
                    self.by_name.setdefault(name, label)


def label_of(section: Section, name: str) -> str:
    """The label of a derivation's result, unique in a document."""
    plain = "".join(c if c.isalnum() else "-" for c in name)
    return f"{section.key}-{plain}"


def render_notes(notes: Notes, medium: Medium) -> list[dict[str, Any]]:
    """What the template of a whole document receives: the sections with their blocks as strings."""
    numbers = _Numbers(notes.sections, notes.language)
    return [render_section(s, notes.detail, medium, numbers, notes.language) for s in notes.sections]


def render_section(
    section: Section, detail: str, medium: Medium, numbers: _Numbers | None = None, language: Language = ENGLISH
) -> dict[str, Any]:
    """What the template of one section receives."""
    writer = _Writer(section, detail, medium, numbers or _Numbers([section], language), language)
    return {"key": section.key, "title": medium.text(language.text(section.title)), "blocks": [writer.block(b) for b in section.blocks]}


def render_proofs(notes: Notes, medium: Medium) -> dict[str, Any]:
    """What the template of a section receives for the section on how the equations were proved."""
    return render_section(proofs_section(notes), notes.detail, medium, language=notes.language)


def latex_body(notes: Notes) -> str:
    """All sections as LaTeX without a preamble."""
    return environment("latex", notes.language).get_template("sections.tex").render(sections=render_notes(notes, LATEX))


def html_body(notes: Notes) -> str:
    """All sections as HTML with MathML, the style sheet included, for a notebook."""
    page = environment("html", notes.language).get_template("sections.html")
    return page.render(sections=render_notes(notes, HTML), css=CSS, language=notes.language)


@lru_cache(maxsize=1 << 13)
def _built(value: Any, notation: Notation, samples: Any, words: tuple[tuple[str, str], ...], last: Any, ahead: int | None) -> Node:
    """The tree of a formula: the same for all media, which only print it."""
    builder = Builder(notation, samples, dict(words), last, ahead)
    if isinstance(value, Held):
        return builder.about(value.equation.lhs, value.equation.rhs).layers(value.layers)
    return builder.shape(value.stored or value.sizes) if isinstance(value, Shape) else builder.build(value)


_LONG = 40  # letters that fill half a line


def _wordy(table: Table) -> int | None:
    """The column of a table that is words in every row, and long ones, which may be broken into lines."""
    for n, column in enumerate(zip(*table.rows, strict=True)):
        words = [cell.text if isinstance(cell, Prose) else cell for cell in column]
        if all(isinstance(text, str) for text in words) and max(map(len, words)) > _LONG:
            return n
    return None


@dataclass(frozen=True)
class _Writer:
    section: Section
    detail: str
    medium: Medium
    numbers: _Numbers
    language: Language
    ahead: int | None = None

    @property
    def notation(self) -> Notation:
        return self.section.notation

    def block(self, block: Block) -> dict[str, Any]:
        match block:
            case Prose():
                return {"kind": "prose", "text": self.prose(block.text, block.slots)}
            case Heading():
                return {"kind": "heading", "text": self.prose(block.text, block.slots)}
            case Equations():
                return {"kind": "equations", "rows": [r for item in block.items for r in self.equation_rows(item.equation)]}
            case Chain():
                return self.chain(block)
            case Table():
                cells = [[self.cell(c) for c in r] for r in block.rows]
                columns = [self.cell(c) for c in block.columns]
                return {"kind": "table", "columns": columns, "rows": cells, "caption": self.words(block.caption), "wordy": _wordy(block)}
            case Figure():
                picture = block.drawing.fitted(self.builder, self.medium.room)
                drawn = self.medium.picture(picture, self.language.text(block.caption))
                return {"kind": "figure", "picture": drawn, "size": picture.size, "caption": self.words(block.caption)}
        raise TypeError(f"unknown block {type(block).__name__}")

    # ------------------------------------------------------------ prose

    def words(self, message: str) -> str:
        """A message without slots in the language of the notes."""
        return self.medium.text(self.language.text(message))

    def prose(self, text: str, slots: Mapping[str, Any]) -> str:
        """A message with each slot as the medium writes it."""
        return self.filled(text, {name: self.slot(slots[name]) for _, name, _, _ in Formatter().parse(text) if name is not None})

    def filled(self, text: str, slots: Mapping[str, str]) -> str:
        parts = []
        for literal, name, _, _ in Formatter().parse(self.language.text(text)):
            parts.append(self.medium.text(literal))
            if name is not None:
                parts.append(slots[name])
        return _BETWEEN_HAN.sub("", "".join(parts))

    def slot(self, value: Any) -> str:
        if isinstance(value, (tuple, list)):
            *front, last = [self.slot(v) for v in value]
            if not front:
                return last
            listed = reduce(lambda first, second: self.filled(_COMMA, {"first": first, "second": second}), front)
            return self.filled(_AND, {"first": listed, "last": last})
        return self.cell(value)

    def label(self, reference: Reference) -> str:
        """The label of a derivation of this section, or of the notes on the same network; empty if it is not shown."""
        own = label_of(self.section, reference.name)
        elsewhere = self.numbers.by_name.get(reference.name, "") if self.section.key == "results" else ""
        return own if own in self.numbers.by_label else elsewhere

    @property
    def builder(self) -> Builder:
        notation, samples, words, last, ahead = self._manner
        return Builder(notation, samples, dict(words), last, ahead)

    @property
    def _manner(self) -> tuple[Any, ...]:
        """What a builder is made of."""
        words = tuple((name, self.language.say(word)) for name, word in WORDS.items())
        return self.notation, self.section.samples, words, self.section.last, self.ahead

    def about(self, *things: Any) -> _Writer:
        """The writer that calls layers by letters that suit `things`."""
        return replace(self, ahead=self.builder.about(*things).ahead)

    def node(self, value: Any) -> Node:
        if isinstance(value, get_args(Node)):  # a formula that was typed, not derived
            return cast(Node, value)
        return _built(value, *self._manner)

    def cell(self, value: Any) -> str:
        if isinstance(value, str):
            return self.medium.text(self.language.say(value))
        if isinstance(value, Prose):
            return self.prose(value.text, value.slots)
        if isinstance(value, Reference):
            label = self.label(value)
            return self.medium.reference(label, self.numbers.by_label[label]) if label else ""
        if isinstance(value, SectionReference):
            link = self.medium.section(value.key, self.numbers.titles.get(value.key, value.key))
            return self.filled(self.medium.words, {"section": link})
        return self.medium.inline(self.node(value))

    # ------------------------------------------------------------ equations and chains

    def equation_rows(self, equation: Any) -> list[dict[str, str]]:
        left, right = equation.lhs, equation.rhs
        writer = self.about(left, right) if self.ahead is None else self
        return writer.rows(left, getattr(equation, "relation", "="), right, getattr(equation, "layers", None))

    def rows(self, left: Any, relation: str, right: Any, layers: Layers | None = None) -> list[dict[str, str]]:
        """A line `left = right`, and the layers it holds for; its right side broken where it is too long for the page."""
        body = self.node(right)
        pieces = break_line(body if isinstance(body, Row) else Row((body,)), self.medium.line)
        pieces = (*pieces[:-1], row(self.builder.on_layers(pieces[-1], layers)))
        first = row(Operator(_RELATIONS[relation]), pieces[0])
        left_node = EMPTY if left is None else self.node(left)
        rows = [self.line(left_node, first) | {"relation": relation}]
        return rows + [self.line(EMPTY, row(Operator("="), piece), continued=True) for piece in pieces[1:]]

    def line(self, left: Node, right: Node, continued: bool = False) -> dict[str, str]:
        if continued and isinstance(right, Row):
            right = Row(right.items[1:])
        shown = self.medium.display(left) if left is not EMPTY else ""
        return {"left": shown, "right": self.medium.display(right), "continued": "1" if continued else "", "words": "", "rule": ""}

    def chain(self, chain: Chain) -> dict[str, Any]:
        d = chain.derivation
        label = label_of(self.section, d.name)
        writer = self.about(d.lhs, *(step.expression for step in d))
        local = [self.about(x.lhs, *(step.expression for step in x)).derivation(x) for x in d.local] if self.detail == "full" else []
        lines = writer.derivation(d)
        lines[-1] |= {"number": self.numbers.by_label[label], "label": label}
        if d.matrix is not None:
            matrix = writer.equation_rows(d.matrix)
            matrix[0]["words"] = self.words(Message("In matrix form:"))
            lines += matrix
        return {"kind": "chain", "local": local, "rows": lines, "name": d.name}

    def derivation(self, d: Derivation) -> list[dict[str, str]]:
        """The lines of a chain: the words of each step, then the step."""
        lines: list[dict[str, str]] = []
        for number, step in enumerate(d.shown(self.detail)):
            left, layers = (d.lhs, d.layers) if number == 0 else (None, None)
            new = self.rows(left, step.relation if self.detail != "results" else d.relation, step.expression, layers)
            new[0]["words"] = self.reason(step) if self.detail != "results" else ""
            new[0]["rule"] = step.reason.rule
            lines += new
        return lines

    def reason(self, step: Step) -> str:
        slots = dict(step.reason.slots)
        text = step.reason.text
        if "references" in slots:
            slots["references"] = tuple(r for r in slots["references"] if self.label(r))
            text = text if slots["references"] else text.replace(" from {references}", "")
        return self.prose(text, slots)
