"""A worksheet's sheets as the strings that a template receives: the sections of the notes, with boxes in the place of lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any

from symbackprop.documents.blocks import Block, Section
from symbackprop.documents.rendering import Medium, render_notes, render_section
from symbackprop.typeset.tree import EMPTY, Operator, Row
from symbackprop.typeset.widths import break_line, width
from symbackprop.worksheet.boxes import BOXES, LETTER, room_for
from symbackprop.worksheet.sheet import Blank, Worksheet

__all__ = ["INSTRUCTOR", "KEY", "SHEETS", "STUDENT", "rendered"]

STUDENT, KEY, INSTRUCTOR = SHEETS = ("worksheet", "key", "instructor")
_BESIDE = 0.44  # of the line: formulas to choose from that are narrower stand two in a row


def rendered(sheet: Worksheet, which: str, medium: Medium) -> list[dict[str, Any]]:
    """The sections of one of the `SHEETS`; a derivation with blanks is followed by what there is to choose from."""
    return [{**s, "blocks": list(_blocks(s["blocks"], sheet, which, medium))} for s in render_notes(sheet.notes, medium)]


def _blocks(blocks: Sequence[dict[str, Any]], sheet: Worksheet, which: str, medium: Medium) -> Iterator[dict[str, Any]]:
    for block in blocks:
        mine = [b for b in sheet.blanks if block["kind"] == "chain" and b.line.derivation == block["name"]]
        yield {**block, "rows": _rows(block["rows"], mine, sheet, which, medium)} if mine else block
        offered = [b for b in mine if b.options] if which == INSTRUCTOR or sheet.choices else []
        if offered:
            yield {"kind": "choices", "blanks": [_choices(b, sheet, which, medium) for b in offered], "told": which == INSTRUCTOR}


def _rows(rows: Sequence[dict[str, Any]], blanks: Sequence[Blank], sheet: Worksheet, which: str, medium: Medium) -> list[dict[str, Any]]:
    """The rows of a derivation; those of a line that is a blank give way to its box."""
    numbers = {id(r): n for n, r in _numbered(rows)}
    found: list[dict[str, Any]] = []
    for number, group in groupby(rows, key=lambda r: numbers[id(r)]):
        of_line = list(group)
        blank = next((b for b in blanks if b.line.number == number), None)
        found += of_line if blank is None else _boxed(of_line, blank, sheet, which, medium)
    return found


def _numbered(rows: Sequence[dict[str, Any]]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Each row with the number of the line that it belongs to."""
    number = 0
    for r in rows:
        number += not r["continued"]
        yield number, r


def _boxed(rows: Sequence[dict[str, Any]], blank: Blank, sheet: Worksheet, which: str, medium: Medium) -> list[dict[str, Any]]:
    """An empty box, or the answer in boxes, a row each; the first row keeps the words, the last its number."""
    boxes, line = BOXES[medium.name], blank.line
    relation = medium.display(Operator(line.relation)) + boxes.joined
    if which == STUDENT:
        size = LETTER if sheet.choices and blank.options else room_for(line.shown, medium.line - 4)
        rights = [relation + boxes.empty(blank.label, blank.points, size)]
    else:
        label = blank.label + (f": {blank.answer.letter}" if blank.answer and (sheet.choices or which == INSTRUCTOR) else "")
        pieces = break_line(line.shown if isinstance(line.shown, Row) else Row((line.shown,)), medium.line - 5)
        filled = [boxes.filled("" if n else label, medium.display(piece)) for n, piece in enumerate(pieces)]
        rights = [relation + filled[0], *filled[1:]]
    if line.after != EMPTY:
        rights[-1] += boxes.joined + medium.display(line.after)
    number: dict[str, Any] = {k: rows[-1][k] for k in ("number", "label") if k in rows[-1]}
    first = {k: v for k, v in rows[0].items() if k not in ("number", "label")}
    more = {**first, "left": "", "words": "", "continued": "1"}
    made = [{**(more if n else first), "right": right} for n, right in enumerate(rights)]
    return [*made[:-1], made[-1] | number]


def _choices(blank: Blank, sheet: Worksheet, which: str, medium: Medium) -> dict[str, Any]:
    told = which == INSTRUCTOR
    section = sheet.notes.sections[-1]
    options = [
        {"letter": o.letter, "formula": medium.display(o.shown), "right": told and o.why is None, "kind": o.kind if told else "",
         "why": _said(o.why, section, sheet, medium) if told and o.why is not None else ""}
        for o in blank.options
    ]  # fmt: skip
    beside = not told and max(width(o.shown) for o in blank.options) < _BESIDE * (medium.line + 8)
    return {"label": blank.label, "options": options, "beside": beside}


def _said(block: Block, section: Section, sheet: Worksheet, medium: Medium) -> str:
    """A sentence as the medium writes it."""
    alone = render_section(replace(section, blocks=(block,)), "steps", medium, language=sheet.notes.language)
    return str(alone["blocks"][0]["text"])
