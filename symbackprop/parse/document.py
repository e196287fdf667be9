r"""Finding the formulas in what was handed in: LaTeX, Markdown, a notebook, plain text or Python, each with its place in the file."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from symbackprop.errors import ReadError, TooLarge, one_of
from symbackprop.languages import Message

from .macros import defined
from .prose import Piece, conditioned, negated
from .tree import Command, Limits

__all__ = ["KINDS", "Document", "Line", "characters", "read_document"]

KINDS = ("tex", "md", "ipynb", "txt", "py")
_LIMITS = Limits()
Syntax = Literal["latex", "python"]


@dataclass(frozen=True, slots=True)
class Line:
    """One formula of a document and where it stands: line and column from 1, offset from 0, and the cell of a notebook from 1.

    `joins` says that it goes on with the chain of the line before: it starts with a relation inside the same display.
    """

    text: str
    syntax: Syntax
    line: int
    column: int
    offset: int
    joins: bool = False
    cell: int | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """The formulas of a document in their order, its front matter (between `---` or `+++` lines), empty if there is none, and its commands."""

    lines: tuple[Line, ...]
    front: str = ""
    macros: Mapping[str, Command] = field(default_factory=dict)


_NAMES = r"(?:equation|align(?:ed|at)?|gather(?:ed)?|multline|eqnarray|flalign|displaymath|dmath|split)\*?"
_FRONT = re.compile(r"\A(---|\+\+\+)[ \t]*\n(.*?)^\1[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)
_VERBATIM = ("verbatim", "lstlisting", "minted")
_OPENING = (
    r"\\[$\\%`]|^[ \t]*(?P<fence>```|~~~)[`~]*[ \t]*(?P<language>\w*)[^\n]*\n"
    rf"|\\begin\{{(?P<name>{_NAMES}|{'|'.join(_VERBATIM)})\}}|(?P<display>\$\$|\\\[)|(?P<paren>\\\()|(?P<inline>\$)"
)
_OPENERS = {kind: re.compile((r"%[^\n]*|" if kind == "tex" else "") + _OPENING, re.MULTILINE) for kind in KINDS}
_INLINE = re.compile(r"(?:[^$\\\n]|\\.|\n(?!\s*\n))+?\$")
_FENCES = {mark: re.compile(rf"^[ \t]*{mark}+[ \t]*$", re.MULTILINE) for mark in ("```", "~~~")}
_SIGNS = r"[=<>≡≈≤≥≠∝]|:=|\\(?:equiv|approx|triangleq|propto|leq?|geq?|neq?|Rightarrow|implies|iff|coloneqq|gets|leftarrow)(?![a-zA-Z])"
_RELATION = re.compile(_SIGNS)
_LEADING = re.compile(rf"(?:[\s&~{{}}]|\\[,;:! ]|\\q?quad(?![a-zA-Z]))*(?:{_SIGNS})")
_ROW = re.compile(
    r"\\\\\*?(?:[ \t]*\[[^\]\n]*\])?|\\(?:short)?intertext\s*\{[^{}]*(?:\{[^{}]*\}[^{}]*)*\}"
    r"|\\(begin|end)\s*\{([a-zA-Z]+\*?)\}|\\.|[{}]|(?<!\\)%[^\n]*",
    re.DOTALL,
)
_DEFINES = re.compile(r"\s*[A-Za-z_]\w*(?:\.T)?(?:\[[^\]\n]*\])?\s*(?:[-+*/@]?=)(?!=)|\s*=(?!=)")
_HALF = re.compile(r"[\ud800-\udfff]")
_SIDE_BY_SIDE = re.compile(r"[\w)\]] +(?!(?:if|else|and|or|not|in|is|for)\b)[\w(\[]")  # a product without a sign, which Python has none of
_LATEX = re.compile(r"\\[a-zA-Z,;:! ]|[_^]\{|\^|[A-Za-z)]'")


def read_document(text: str, kind: str, limits: Limits = _LIMITS) -> Document:
    r"""Find the formulas of a document of one of the `KINDS`; text between formulas is skipped.

    Raises `UnknownName` for another kind, `TooLarge` beyond `limits` and `ReadError` for a notebook that is none.

    >>> [line.text for line in read_document("So \\[ a &= b \\\\ &= c \\] holds.", "tex").lines]
    ['a &= b', '&= c']
    """
    one_of("kind of document", kind, KINDS)
    if len(text) > limits.document:
        raise TooLarge(text[:200], 0, Message("the document has {count} characters; {most} are read", count=len(text), most=limits.document))
    if kind == "ipynb":
        return _notebook(text)
    front = _FRONT.match(text)
    start = front.end() if front else 0
    places = _Places(text)
    found = _python(text, start, len(text), places) if kind == "py" else _mathematics(text, start, kind, places)
    return Document(tuple(found), front.group(2) if front else "", {} if kind == "py" else defined(text))


class _Places:
    """Lines and columns of offsets that are asked for in rising order or nearly so."""

    def __init__(self, text: str) -> None:
        self.text, self.offset, self.line = text, 0, 1

    def line_of(self, text: str, offset: int, syntax: Syntax, joins: bool) -> Line:
        if offset < self.offset:
            self.offset, self.line = 0, 1
        self.line += self.text.count("\n", self.offset, offset)
        self.offset = offset
        return Line(text, syntax, self.line, offset - self.text.rfind("\n", 0, offset), offset, joins)


class _Closers:
    """Where the next closing of each kind stands; what was not found once is not looked for again, so the search stays linear."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.missing: set[str] = set()

    def find(self, closer: str, start: int) -> tuple[int, int] | None:
        if closer in self.missing:
            return None
        if closer in _FENCES:
            found = _FENCES[closer].search(self.text, start)
            at, end = found.span() if found else (-1, -1)
        else:
            at = self.text.find(closer, start)
            end = at + len(closer)
        if at < 0:
            self.missing.add(closer)
            return None
        return at, end


def _mathematics(text: str, start: int, kind: str, places: _Places) -> Iterator[Line]:
    return conditioned(_pieces(text, start, kind, places), text, _under, _otherwise)


def _otherwise(condition: Line) -> Line | None:
    """The opposite of a condition."""
    found = negated(condition.text.rstrip(" .,"))
    return None if found is None else replace(condition, text=found)


def _under(line: Line, condition: Line) -> Line:
    r"""A line with a condition that stands beside it in the text, as if it were typed behind it."""
    return replace(line, text=rf"{line.text.rstrip(' .,')}, \quad \text{{for }} {condition.text}") if line.syntax == "latex" else line


def _pieces(text: str, start: int, kind: str, places: _Places) -> Iterator[Piece[Line]]:
    closers = _Closers(text)
    done = pos = start
    while (piece := _OPENERS[kind].search(text, pos)) is not None:
        pos = piece.end()
        closing = None
        what = piece.lastgroup
        if what == "language":
            closing = closers.find(piece["fence"], pos)
        elif what == "name":
            closing = closers.find(f"\\end{{{piece['name']}}}", pos)
        elif what == "display":
            closing = closers.find("$$" if piece["display"] == "$$" else "\\]", pos)
        elif what == "paren":
            closing = closers.find("\\)", pos)
        elif what == "inline":
            inline = _INLINE.match(text, pos)
            closing = (inline.end() - 1, inline.end()) if inline else None
        if closing is None:
            continue
        end, pos_after = closing
        yield from _plain(text, done, piece.start(), kind, places)
        found: tuple[Line, ...] = ()
        if what == "language" and piece["language"] in ("python", "py", "python3"):
            found = tuple(_python(text, pos, end, places))
        elif (
            (what == "language" and piece["language"] in ("math", "latex", "tex"))
            or what == "display"
            or (what == "name" and piece["name"] not in _VERBATIM)
            or (what in ("paren", "inline") and _RELATION.search(text, pos, end))
        ):
            found = tuple(_rows(text, pos, end, places))
        if found:
            yield Piece(found, piece.start(), pos_after, (pos, end) if what in ("paren", "inline") else None)
        done = pos = pos_after
    yield from _plain(text, done, len(text), kind, places)


def _plain(text: str, start: int, end: int, kind: str, places: _Places) -> Iterator[Piece[Line]]:
    """Lines of plain text that hold a relation; joined to the line before if they start with one."""
    if kind != "txt":
        return
    last = -1
    syntax: Syntax = "latex"
    for found in re.compile(r"[^\n]+").finditer(text, start, end):
        line = found.group()
        if not _RELATION.search(line) or line.lstrip().startswith("#"):
            continue
        joins = last == found.start() - 1 and bool(_LEADING.match(line))
        if not joins:
            syntax = "latex" if _LATEX.search(line) or not _DEFINES.match(line) or _SIDE_BY_SIDE.search(line) else "python"
        yield Piece(tuple(_line(text, found.start(), found.end(), syntax, joins, places)), found.start(), found.end())
        last = found.end()


def _rows(text: str, start: int, end: int, places: _Places) -> Iterator[Line]:
    r"""The rows of a display, parted where `\\` stands outside braces and inner environments."""
    depth, row, first = 0, start, True
    cuts: list[tuple[int, int]] = []
    for sign in _ROW.finditer(text, start, end):
        said = sign.group()
        if said.startswith(("\\\\", "\\intertext", "\\shortintertext")):
            if depth <= 0:
                cuts.append((row, sign.start()))
                row = sign.end()
        elif sign.group(2):
            if not re.fullmatch(_NAMES, sign.group(2)):
                depth += 1 if sign.group(1) == "begin" else -1
        elif said in "{}":
            depth += 1 if said == "{" else -1
    for left, right in (*cuts, (row, end)):
        joins = not first and bool(_LEADING.match(text, left, right))
        for line in _line(text, left, right, "latex", joins, places):
            yield line
            first = False


def _line(text: str, start: int, end: int, syntax: Syntax, joins: bool, places: _Places) -> Iterator[Line]:
    piece = text[start:end]
    stripped = piece.strip()
    if stripped and not re.fullmatch(rf"(?:\s|&|\\(?:begin|end)\{{{_NAMES}\}}|%[^\n]*|\\(?:label|tag)\{{[^{{}}]*\}}|\\nonumber|\\notag)*", stripped):
        yield places.line_of(stripped, start + len(piece) - len(piece.lstrip()), syntax, joins)


def _python(text: str, start: int, end: int, places: _Places) -> Iterator[Line]:
    """Lines that define a name, with the lines a bracket reaches over; comments and statements are skipped."""
    opened = 0
    begin = start
    joining = False
    for found in re.compile(r"[^\n]*\n?").finditer(text, start, end):
        code = re.sub(r"#[^\n]*", "", found.group()).rstrip()
        if opened <= 0:
            begin, opened, joining = found.start(), 0, bool(re.match(r"\s*=(?!=)", code))
            if not _DEFINES.match(code):
                continue
        opened += len(re.findall(r"[(\[{]", code)) - len(re.findall(r"[)\]}]", code))
        if opened <= 0:
            whole = text[begin : found.start()] + code
            lead = len(whole) - len(whole.lstrip())
            yield places.line_of(whole.strip(), begin + lead, "python", joining)


def characters(text: str) -> str:
    """A text without halves of characters, which nothing can print; as long as before.

    >>> characters("a \\ud800 b")
    'a � b'
    """
    return _HALF.sub("\N{REPLACEMENT CHARACTER}", text)


def _notebook(text: str) -> Document:
    try:
        cells = json.loads(text)["cells"]
        sources = [(cell["cell_type"], cell["source"]) for cell in cells]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise ReadError(text[:200], 0, Message("this is no notebook: a JSON object with 'cells' was expected")) from None
    lines: list[Line] = []
    front = ""
    macros: dict[str, Command] = {}
    for number, (kind, source) in enumerate(sources, 1):
        whole = characters("".join(map(str, source)) if isinstance(source, list) else str(source))
        if kind not in ("markdown", "code"):
            continue
        found = read_document(whole, "md" if kind == "markdown" else "py")
        front = front or found.front
        macros |= found.macros
        lines.extend(Line(i.text, i.syntax, i.line, i.column, i.offset, i.joins, number) for i in found.lines)
    return Document(tuple(lines), front, macros)
