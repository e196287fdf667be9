"""Notes as slides: each step an overlay, and a derivation that is too long for one slide goes on on the next."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from symbackprop.documents.blocks import Notes
from symbackprop.documents.packing import ROOM, WIDTH, Piece, heights, lines_of_words, measure_heights, measure_widths, packed, widths
from symbackprop.documents.rendering import LATEX, render_notes, render_proofs
from symbackprop.documents.templates import environment
from symbackprop.languages import Message
from symbackprop.typeset.latex import escape

__all__ = ["slides_source"]

_CAPTION = 3.0  # below a picture, and what is around it
SLIDES = replace(
    LATEX, line=28.0, room=(WIDTH, ROOM - _CAPTION), reference=lambda label, number: rf"\hyperlink{{eq:{label}}}{{({number})}}",
    section=lambda key, title: rf"\hyperlink{{sec:{key}}}{{{escape(title)}}}", words=Message("the section {section}"),
)  # fmt: skip
_LINE, _PARAGRAPH = 1.24, 0.5  # from one line of words to the next, and between paragraphs
_BETWEEN = 0.25  # between two lines of formulas
_AROUND = 0.8  # above and below words between two lines of formulas
_FORMULA = 1.3  # above and below a formula
_STRUT = 1.55  # a row of a table
_TABLE = 4.4  # its rules, its head, its caption and what is around it
_NARROWEST = 10.0  # of a column of text
_COLUMNS = 1.1  # between two columns
_NUMBER = 3.5
_WRAPPED = r">{\raggedright\arraybackslash}p{%.2fem}"  # a column of text: justified, a narrow one has holes


def slides_source(notes: Notes, own: str = "") -> str:
    """The slides as one LaTeX document of the class beamer."""
    media = (SLIDES, measure_widths(SLIDES), measure_heights(SLIDES))
    measured = zip(*([*render_notes(notes, m), render_proofs(notes, m)] for m in media), strict=True)
    sections = [
        {"key": s["key"], "title": s["title"], "frames": list(_frames(s["title"], list(zip(s["blocks"], w["blocks"], h["blocks"], strict=True))))}
        for s, w, h in measured
    ]
    title = LATEX.text(" ".join(notes.language.text(notes.title).split()))
    return environment("latex", notes.language, own).get_template("slides.tex").render(sections=sections, title=title, language=notes.language)


Measured = tuple[dict[str, Any], dict[str, Any], dict[str, Any]]


def _frames(section: str, blocks: Sequence[Measured]) -> Iterator[dict[str, Any]]:
    """The slides of a section; each part of it begins a slide of its own."""
    for title, part in _parts(section, blocks):
        pieces: list[Piece] = []
        for number, (block, wide, high) in enumerate(part):
            kind = block["kind"]
            if kind == "prose":
                pieces.append(Piece("prose", _words(wide["text"], high["text"]), block))
            elif kind == "equations":
                pieces += _lines(block["rows"], wide["rows"], high["rows"])
            elif kind == "chain":
                chains = zip(*([*m["local"], m["rows"]] for m in (block, wide, high)), strict=True)
                for n, (shown, w, h) in enumerate(chains):
                    pieces += _lines(shown, w, h, group=f"{number}-{n}")
            elif kind == "table":
                pieces += _table(block, wide, high, group=str(number))
            else:
                pieces.append(Piece("figure", _picture(*block["size"]), block))
        slides = packed(pieces)
        for number, slide in enumerate(slides, 1):
            yield {"title": title, "number": number, "of": len(slides), "items": _items(slide)}


def _picture(wide: float, high: float) -> float:
    """The height of a picture with its caption, made smaller where it is too wide or too high for a slide."""
    return high * min(1.0, WIDTH / wide, (ROOM - _CAPTION) / high) + _CAPTION


def _parts(section: str, blocks: Sequence[Measured]) -> Iterator[tuple[str, list[Measured]]]:
    """The blocks under each title: a heading holds for its derivations, and no longer once prose or a table leads to something else."""
    title, part, derived = section, list[Measured](), False
    for number, measured in enumerate(blocks):
        kind = measured[0]["kind"]
        following = blocks[number + 1][0]["kind"] if number + 1 < len(blocks) else ""
        ends = derived and title != section and (kind == "table" or (kind == "prose" and following in ("equations", "table")))
        if kind == "heading" or ends:
            if part:
                yield title, part
            title, part, derived = measured[0]["text"] if kind == "heading" else section, [], False
        if kind != "heading":
            part.append(measured)
            derived = derived or kind == "chain"
    if part:
        yield title, part


def _words(wide: str, high: str) -> float:
    """The height of a paragraph: its lines, and what the highest formulas in it stick out."""
    lines = lines_of_words(wide)
    out = sorted((max(h - _LINE, 0.0) for h in heights(high)), reverse=True)
    return _LINE * lines + sum(out[:lines]) + _PARAGRAPH


def _lines(rows: Sequence[Any], wide: Sequence[Any], high: Sequence[Any], group: str = "") -> list[Piece]:
    """A piece for each line; where one is too wide beside its left side, the left sides of all stand on lines of their own."""
    margin = max(sum(widths(w["left"])) for w in wide)
    low = any(
        margin + sum(widths(w["right"])) + 2.0 * bool(r["continued"]) + _NUMBER * ("number" in r) > WIDTH for r, w in zip(rows, wide, strict=True)
    )
    found, left, equal = [], "", True
    for r, w, h in zip(rows, wide, high, strict=True):
        if r["left"]:
            left, equal = r["left"], True
        above, beside = (max([_LINE, *heights(h[side])]) + _BETWEEN for side in ("left", "right"))
        tall = above + beside if low and r["left"] else max(above, beside)
        words = _words(w["words"], h["words"]) - _PARAGRAPH + _AROUND if r["words"] else 0
        again = left if equal and not r["continued"] else ""
        joined = bool(r["continued"])
        found.append(Piece("line", tall + words, {**r, "low": low, "again": again}, _FORMULA, group, bool(group) and not joined, joined))
        equal = equal and r.get("relation", "=") in ("=", "equiv")
    return found


def _table(block: dict[str, Any], wide: dict[str, Any], high: dict[str, Any], group: str) -> list[Piece]:
    """A piece for each row; text wraps in its column, and a row that is wider than the slide has each cell on a line of its own."""
    texts = {n for n, _ in enumerate(block["columns"]) if not any(_is_formula(r[n]) for r in block["rows"])}
    head = [sum(widths(c)) for c in wide["columns"]]
    cells = [[sum(widths(c)) for c in r] for r in wide["rows"]]
    room = 0.94 * WIDTH - _COLUMNS * (len(head) - 1)  # many cells are a little wider than was guessed
    least = [min(_NARROWEST, max(column)) if n in texts else 0.0 for n, column in enumerate(zip(head, *cells, strict=True))]
    beside = _beside(head, [[least[n] or w for n, w in enumerate(r)] for r in cells], room)
    needed = [max(head[n], *(cells[r][n] for r in beside or [0])) if beside or n == 0 else head[n] for n, _ in enumerate(head)]
    spare = room - sum(w for n, w in enumerate(needed) if n not in texts)
    wanted = sum(needed[n] for n in texts)
    narrow = {n: spare * needed[n] / wanted for n in texts if wanted > spare}
    about = {
        "head": block["columns"], "columns": [_WRAPPED % narrow[n] if n in narrow else "l" for n, _ in enumerate(needed)],
        "caption": block["caption"],
    }  # fmt: skip
    found = []
    for number, (row, w, h) in enumerate(zip(block["rows"], wide["rows"], high["rows"], strict=True)):
        struts = [max([_STRUT, *(x + 0.5 for x in heights(c))]) for c in h]
        if number in beside:
            wrapped = max([1, *(lines_of_words(w[n], narrowed) for n, narrowed in narrow.items())])
            lines, total = [(max(struts), " & ".join(row))], max(struts) + _LINE * (wrapped - 1)
        else:
            lines = [(struts[n], _alone(row, n, needed, cells[number][n])) for n, cell in enumerate(row) if cell and n]
            total = sum(strut for strut, _ in lines)
        found.append(Piece("row", total, {"lines": lines, **about}, _TABLE, group))
    return found


def _is_formula(cell: str) -> bool:
    """Whether a cell is a formula alone, which cannot be wrapped; words with formulas among them can."""
    return cell.startswith("\\(") and cell.endswith("\\)") and cell.count("\\(") == 1


def _beside(head: Sequence[float], cells: Sequence[Sequence[float]], room: float) -> set[int]:
    """The rows whose cells stand beside each other: as many of the narrow ones as their columns leave room for."""
    found: set[int] = set()
    columns = list(head)
    for number in sorted(range(len(cells)), key=lambda n: sum(cells[n])):
        wider = [max(pair) for pair in zip(columns, cells[number], strict=True)]
        if sum(wider) <= room:
            columns = wider
            found.add(number)
    return found


def _alone(row: Sequence[str], n: int, columns: Sequence[float], wide: float) -> str:
    """A cell on a line of its own, in its column where that has the room, else further to the left; the first cell stands beside the second."""
    start = max([1, *(c for c in range(1, n + 1) if sum(columns[c:]) + _COLUMNS * (len(columns) - c - 1) >= wide)])
    return " & ".join([row[0] if n == 1 else "", *[""] * (start - 1), f"\\multicolumn{{{len(columns) - start}}}{{@{{}}l@{{}}}}{{{row[n]}}}"])


def _items(slide: Sequence[Piece]) -> list[dict[str, Any]]:
    """What the template of a slide receives: neighbouring lines as one formula, neighbouring rows as one table, steps numbered."""
    items: list[dict[str, Any]] = []
    before = None
    steps = 0
    for p in slide:
        steps += p.step
        step = max(steps, 1)
        fresh = before is None or not p.follows(before)
        if p.kind == "line":
            shown = {**p.data, "step": step}
            if fresh:
                items.append({"kind": "lines", "low": p.data["low"], "rows": [], "step": step})
                shown["left"] = p.data["left"] or p.data["again"]
            items[-1]["rows"].append(shown)
        elif p.kind == "row":
            if fresh:
                items.append({**p.data, "kind": "table", "rows": [], "step": step})
            items[-1]["rows"].append(p.data["lines"])
        else:
            items.append({**p.data, "kind": p.kind, "step": step})
        before = p
    return items
