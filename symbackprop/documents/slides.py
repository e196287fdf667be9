"""Notes as slides: each step an overlay, and a derivation that is too long for one slide goes on on the next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import Any

from symbackprop.documents.blocks import Notes
from symbackprop.documents.rendering import LATEX, Medium, render_notes, render_proofs
from symbackprop.documents.templates import environment
from symbackprop.languages import Message
from symbackprop.typeset.heights import height
from symbackprop.typeset.latex import escape
from symbackprop.typeset.widths import width

__all__ = ["slides_source"]

# A slide of 16 by 9 cm in 11 pt, in ems.
_WIDTH = 36.0
_HEIGHT = 18.5
_WORDS = 1.3  # from one line of words to the next
_PARAGRAPH = 0.8  # below a paragraph
_APART = 1.4  # above and below a formula
_AROUND = 1.2  # above and below words between two lines of formulas
_TABLE = 4.6  # the head, the rules and the caption of a table
_BETWEEN = 0.45  # between two lines of formulas

SLIDES = replace(
    LATEX, line=28.0, reference=lambda label, number: rf"\hyperlink{{eq:{label}}}{{({number})}}",
    section=lambda key, title: rf"\hyperlink{{sec:{key}}}{{{escape(title)}}}", words=Message("the section {section}"),
)  # fmt: skip
_MARK = "."


def _ruler(of: Any) -> Any:
    return lambda node: _MARK * round(10 * of(node))


def _measuring(formulas: Any) -> Medium:
    """A medium that writes a mark for each tenth of an em."""
    ruler = _ruler(formulas)
    return replace(
        SLIDES, text=lambda text: _MARK * round(4.6 * len(text)), inline=_ruler(width), display=ruler,
        reference=lambda label, number: _MARK * (20 + 6 * len(number)), section=lambda key, title: _MARK * 15,
    )  # fmt: skip


@dataclass(frozen=True)
class Piece:
    """What stays together on a slide: a paragraph, a line of a formula, a row of a table, a picture. `step` counts as an overlay."""

    kind: str
    high: float
    data: Mapping[str, Any]
    step: bool = False


def slides_source(notes: Notes, own: str = "") -> str:
    """The slides as one LaTeX document of the class beamer."""
    shown, wide, high = (_sections(notes, m) for m in (SLIDES, _measuring(width), _measuring(height)))
    sections = [
        {"key": s["key"], "title": s["title"], "frames": list(_frames(s["title"], list(zip(s["blocks"], w["blocks"], h["blocks"], strict=True))))}
        for s, w, h in zip(shown, wide, high, strict=True)
    ]
    title = LATEX.text(" ".join(notes.language.text(notes.title).split()))
    return environment("latex", notes.language, own).get_template("slides.tex").render(sections=sections, title=title, language=notes.language)


def _sections(notes: Notes, medium: Medium) -> list[dict[str, Any]]:
    return [*render_notes(notes, medium), render_proofs(notes, medium)]


def _ems(marks: str) -> float:
    return len(marks) / 10


def _paragraph(marks: str) -> float:
    return _WORDS * ceil(_ems(marks) / _WIDTH)


def _frames(title: str, blocks: Sequence[tuple[dict[str, Any], dict[str, Any], dict[str, Any]]]) -> Iterator[dict[str, Any]]:
    """The slides of a section: a heading, a derivation and a picture begin one of their own."""
    pieces: list[Piece] = []
    for block, wide, high in blocks:
        kind = block["kind"]
        if kind == "heading":
            yield from _packed(title, pieces)
            title, pieces = block["text"], []
        elif kind == "prose":
            pieces.append(Piece("prose", _paragraph(wide["text"]) + _PARAGRAPH, block))
        elif kind == "equations":
            pieces += _lines(block["rows"], wide["rows"], high["rows"], step=False)
        elif kind == "chain":
            for rows in zip(block["local"], wide["local"], high["local"], strict=True):
                yield from _packed(title, pieces)
                pieces = _lines(*rows, step=True)
            if any(p.kind != "prose" for p in pieces):
                yield from _packed(title, pieces)
                pieces = []
            yield from _packed(title, [*pieces, *_lines(block["rows"], wide["rows"], high["rows"], step=True)])
            pieces = []
        elif kind == "table":
            pieces += _table(block, wide)
        else:
            pieces.append(Piece("figure", _HEIGHT - 3, block))
    yield from _packed(title, pieces)


def _lines(rows: Sequence[Any], wide: Sequence[Any], high: Sequence[Any], step: bool) -> list[Piece]:
    """A piece for each line; where one is too wide beside its left side, the left sides of all stand on lines of their own."""
    margin = max(_ems(w["left"]) for w in wide)
    low = any(margin + _ems(w["right"]) + 2.0 * bool(r["continued"]) + 3.5 * ("number" in r) > _WIDTH for r, w in zip(rows, wide, strict=True))
    found, left, equal = [], "", True
    for r, w, h in zip(rows, wide, high, strict=True):
        if r["left"]:
            left, equal = r["left"], True
        lines = max(_ems(h["left"]), _ems(h["right"])) + _BETWEEN + (_ems(h["left"]) + _BETWEEN if low and r["left"] else 0)
        words = _paragraph(w["words"]) + _AROUND if r["words"] else 0
        again = left if equal and not r["continued"] else ""
        found.append(Piece("line", lines + words, {**r, "low": low, "again": again}, step and not r["continued"]))
        equal = equal and r.get("relation", "=") in ("=", "equiv")
    return found


def _table(block: dict[str, Any], wide: dict[str, Any]) -> list[Piece]:
    """A piece for each row; text wraps in its column, and rows wider than a slide have their cells one below the other."""
    texts = [n for n, _ in enumerate(block["columns"]) if all("\\(" not in r[n] for r in block["rows"])]
    widths = [max([_ems(wide["columns"][n]), *(_ems(r[n]) for r in wide["rows"])]) for n, _ in enumerate(block["columns"])]
    room = _WIDTH - 2.0 - 1.1 * (len(widths) - 1)
    spare = room - sum(w for n, w in enumerate(widths) if n not in texts)
    wanted = sum(widths[n] for n in texts)
    stacked = spare < min(wanted, 12.0 * len(texts))
    columns = ["l" if n not in texts or wanted <= spare else f"p{{{spare * widths[n] / wanted:.2f}em}}" for n, _ in enumerate(widths)]
    found = []
    for cells, w in zip(block["rows"], wide["rows"], strict=True):
        lines = max([1, *(ceil(_ems(w[n]) / (spare * widths[n] / wanted)) for n in texts if wanted > spare)])
        tall = 2.3 if any("\\frac" in c or "\\sum" in c for c in cells) else 1.7
        high = sum(tall + 0.2 for c in cells if c) if stacked else tall + _WORDS * (lines - 1)
        about = {"head": block["columns"], "columns": columns, "stacked": stacked, "caption": block["caption"]}
        found.append(Piece("row", high, {"cells": cells, **about}))
    return found


def _packed(title: str, pieces: Sequence[Piece]) -> Iterator[dict[str, Any]]:
    """Slides with as many pieces as fit, in order, the last lines before a formula not left behind on the slide before."""
    slides: list[list[Piece]] = []
    full = 0.0
    for n, p in enumerate(pieces):
        before = slides[-1][-1].kind if slides else ""
        around = {"line": _APART, "row": _TABLE}.get(p.kind, 0.0)
        opening = p.high + (0.0 if before == p.kind else around)
        coming = pieces[n + 1].high + _APART if p.kind == "prose" and n + 1 < len(pieces) and pieces[n + 1].kind in ("line", "row") else 0.0
        if not slides or full + opening + coming > _HEIGHT:
            slides.append([])
            full, opening = 0.0, p.high + around
        slides[-1].append(p)
        full += opening
    for number, slide in enumerate(slides, 1):
        yield {"title": title, "number": number, "of": len(slides), "items": _items(slide)}


def _items(slide: Sequence[Piece]) -> list[dict[str, Any]]:
    """What the template of a slide receives: neighbouring lines as one formula, neighbouring rows as one table, steps numbered."""
    items: list[dict[str, Any]] = []
    steps = 0
    for p in slide:
        steps += p.step
        fresh = not items or items[-1]["kind"] != p.kind
        if p.kind == "line":
            shown = {**p.data, "step": max(steps, 1)}
            if fresh:
                items.append({"kind": "line", "low": p.data["low"], "rows": []})
                shown["left"] = p.data["left"] or p.data["again"]
            items[-1]["rows"].append(shown)
        elif p.kind == "row":
            if fresh or items[-1]["head"] != p.data["head"]:
                items.append({**p.data, "kind": "row", "rows": []})
            items[-1]["rows"].append(p.data["cells"])
        else:
            items.append({**p.data, "kind": p.kind})
    return items
