"""Look at the written notes as a reader would: through the TeX program that they name and through headless Chromium. Standard library only.

    python3 .ci/check_output.py output

Exits with 1 and a list of what is wrong: a TeX error or warning that shows on the page, a slide that is too full, a blank page, a section
missing, markup the browser could not make sense of, anything fetched from elsewhere.
"""

from __future__ import annotations

import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import zlib
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

LOG = re.compile(r"undefined|multiply[ -]defined|Missing character|Overfull|Rerun to get|^!", re.M)
CHROMIUM = [
    "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--hide-scrollbars",
]  # fmt: skip
MATHML = {
    "math", "semantics", "mrow", "mi", "mn", "mo", "ms", "mtext", "mspace", "mfrac", "msqrt", "mroot", "msub", "msup", "msubsup", "munder", "mover",
    "munderover", "mmultiscripts", "mprescripts", "mtable", "mtr", "mtd", "mstyle", "mpadded", "mphantom",
}  # fmt: skip
VOID = {"meta", "link", "br", "hr", "img", "input"}
FEWEST_COLOURS = 16  # smooth black text on white alone gives more shades than this
PASSES = 4

GEOMETRY = r"\usepackage[margin=25mm]{geometry}"
FRAGMENTS = r"""%s
\usepackage{amsmath,amssymb,booktabs,adjustbox,tikz}
\allowdisplaybreaks
\begin{document}
%s
\end{document}
"""


def main(folder: Path) -> list[str]:
    fragments = sorted((folder / "fragments").glob("*.tex"))
    missing = [str(p) for p in (folder / "notes.tex", folder / "notes.html") if not p.is_file()]
    if missing or not fragments:
        return [f"not written: {', '.join(missing) or 'fragments'}"]
    keys = [p.stem for p in fragments]
    slides = folder / "slides.tex"
    return [
        *tex_problems(folder / "notes.tex", folder), *fragment_problems(fragments, folder), *page_problems(folder / "notes.html", keys),
        *(tex_problems(slides, folder) if slides.is_file() else []),
    ]  # fmt: skip


# ---------------------------------------------------------------- TeX


def tex_problems(source: Path, folder: Path) -> list[str]:
    """Compile in a folder of its own until the references have settled; then read the log, and look at the pages."""
    with tempfile.TemporaryDirectory() as work:
        shutil.copytree(folder, work, dirs_exist_ok=True)
        (Path(work) / source.name).write_bytes(source.read_bytes())
        program, log = re.findall(r"^% !TEX program = (\w+)", source.read_text(encoding="utf-8"), re.M)[0], ""
        for number in range(PASSES):
            done = subprocess.run(
                [program, "-interaction=nonstopmode", "-halt-on-error", source.name],
                cwd=work, env={**os.environ, "max_print_line": "100000"}, capture_output=True, timeout=300,
            )  # fmt: skip
            log = (Path(work) / source.with_suffix(".log").name).read_text(encoding="latin-1")
            if done.returncode:
                return [f"{source.name}: {program} failed:\n" + "\n".join(log[m.start() :][:600] for m in list(re.finditer(r"^!", log, re.M))[:1])]
            if number and "Rerun to get" not in log:
                break
        found = [f"{source.name}: {line.strip()}" for line in log.splitlines() if LOG.search(line)]
        pages = blank_pages(Path(work) / source.with_suffix(".pdf").name)
        print(f"{source.name}: {len(pages)} pages, {number + 1} passes of {program}, {len(found)} complaints in the log")
        return found + [f"{source.name}: page {n} is blank" for n, blank in enumerate(pages, 1) if blank]


def fragment_problems(fragments: list[Path], folder: Path) -> list[str]:
    """Every fragment in one small document that loads the fonts of the notes, and no more than a fragment says it needs."""
    with tempfile.TemporaryDirectory() as work:
        source = Path(work) / "fragments.tex"
        fonts, loaded, _ = (folder / "notes.tex").read_text(encoding="utf-8").partition(GEOMETRY)
        inputs = "\n".join(rf"\input{{fragments/{p.stem}}}" for p in fragments)
        source.write_text(FRAGMENTS % (fonts + loaded, inputs), encoding="utf-8")
        return tex_problems(source, folder)


def blank_pages(pdf: Path) -> list[bool]:
    """For each page whether nothing stands on it, from a coarse grey picture."""
    with tempfile.TemporaryDirectory() as work:
        subprocess.run(["pdftoppm", "-gray", "-r", "20", str(pdf), f"{work}/page"], check=True, timeout=300)
        return [min(p.read_bytes()[15:]) > 200 for p in sorted(Path(work).glob("page*.pgm"))]


# ---------------------------------------------------------------- HTML


class Page(HTMLParser):
    """What is in a page: ids, elements, formulas, foreign references, and elements that are left open or closed twice."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: Counter[str] = Counter()
        self.ids: Counter[str] = Counter()
        self.links: set[str] = set()
        self.foreign: list[str] = []
        self.unknown: set[str] = set()
        self.unbalanced: list[str] = []
        self.empty_formulas = 0
        self._open: list[str] = []
        self._formula = ""
        self.feed(text)
        self.close()
        self.unbalanced += self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        if "math" in self._open and tag not in MATHML:
            self.unknown.add(tag)
        if tag == "math":
            self._formula = ""
        if tag not in VOID:
            self._open.append(tag)
        for name, value in attrs:
            value = value or ""
            if name == "id":
                self.ids[value] += 1
            if name == "href" and value.startswith("#"):
                self.links.add(value[1:])
            elif name in ("src", "href", "srcset", "data", "action") and not value.startswith("#"):
                self.foreign.append(f"{tag} {name}={value}")
            if name.startswith("on"):
                self.foreign.append(f"{tag} {name}")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open[-1] != tag:
            self.unbalanced.append(f"/{tag}")
            return
        self._open.pop()
        if tag == "math" and not self._formula.strip():
            self.empty_formulas += 1

    def handle_data(self, data: str) -> None:
        self._formula += data


def page_problems(source: Path, keys: list[str]) -> list[str]:
    text = source.read_text(encoding="utf-8")
    written, found = Page(text), []
    with tempfile.TemporaryDirectory() as work:
        dom = chromium(source, work, "--dump-dom").decode("utf-8")
        picture = Path(work) / "page.png"
        chromium(source, work, f"--screenshot={picture}")
        colours, ink = colours_of(picture) if picture.is_file() else (0, 0.0)
    shown = Page(dom)
    for words, page, markup in (("as written", written, text), ("in the browser", shown, dom)):
        where = f"{source.name} {words}"
        found += [f"{where}: section '{key}' is missing" for key in [*keys, "proofs"] if f"sec-{key}" not in page.ids]
        found += [f"{where}: contains {what}" for what in ("<merror", "\ufffd", "<script", "@import", "url(http") if what in markup.lower()]
        found += [f"{where}: refers to something elsewhere: {what}" for what in page.foreign]
        found += [f"{where}: <{tag}> inside a formula" for tag in sorted(page.unknown)]
        found += [f"{where}: the id '{key}' stands twice" for key, n in page.ids.items() if n > 1]
        found += [f"{where}: nothing has the id '{key}' that is linked to" for key in sorted(page.links - set(page.ids))]
        found += [f"{where}: <{tag}> is not closed or not opened" for tag in page.unbalanced]
        if page.empty_formulas:
            found.append(f"{where}: {page.empty_formulas} empty formulas")
    lost = {t: (n, shown.tags[t]) for t, n in written.tags.items() if shown.tags[t] != n}
    if lost:
        found.append(f"{source.name}: the browser changed the markup, elements (written, shown): {lost}")
    if colours < FEWEST_COLOURS or not 0.002 < ink < 0.5:
        found.append(f"{source.name}: the screenshot looks blank: {colours} colours, {ink:.2%} of it dark")
    print(f"{source.name}: {shown.tags['section']} sections, {shown.tags['math']} formulas, a screenshot of {colours} colours, {ink:.1%} dark")
    return found


def chromium(source: Path, work: str, *wanted: str) -> bytes:
    with tempfile.TemporaryDirectory(dir=work) as profile:
        command = [*CHROMIUM, f"--user-data-dir={profile}", "--window-size=900,1800", *wanted, source.resolve().as_uri()]
        return subprocess.run(command, check=True, capture_output=True, timeout=180).stdout


def colours_of(picture: Path) -> tuple[int, float]:
    """How many different colours a PNG of 8 bits a channel has, and which part of its points is dark."""
    data = picture.read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n", "not a PNG"
    at, packed, width, channels = 8, b"", 0, 0
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at : at + 8])
        body = data[at + 8 : at + 8 + size]
        if kind == b"IHDR":
            width, _, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", body)
            channels = {0: 1, 2: 3, 6: 4}[colour]
            assert (depth, interlaced) == (8, 0), "a PNG of an unexpected kind"
        elif kind == b"IDAT":
            packed += body
        at += 12 + size
    raw, stride = zlib.decompress(packed), width * channels
    counts: Counter[bytes] = Counter()
    above = bytearray(stride)
    for start in range(0, len(raw), stride + 1):
        line = unfiltered(raw[start], bytearray(raw[start + 1 : start + 1 + stride]), above, channels)
        counts.update(bytes(line[i : i + channels]) for i in range(0, stride, channels))
        above = line
    dark = sum(n for colour, n in counts.items() if sum(colour[:3]) < 128 * min(channels, 3))
    return len(counts), dark / max(counts.total(), 1)


def unfiltered(kind: int, line: bytearray, above: bytearray, step: int) -> bytearray:
    """One line of a PNG with its filter undone (the PNG specification, section 9)."""
    for i in range(len(line)):
        a = line[i - step] if i >= step else 0
        b = above[i]
        if kind == 1:
            line[i] = line[i] + a & 255
        elif kind == 2:
            line[i] = line[i] + b & 255
        elif kind == 3:
            line[i] = line[i] + (a + b) // 2 & 255
        elif kind == 4:
            c = above[i - step] if i >= step else 0
            p = a + b - c
            near = min((abs(p - a), 0, a), (abs(p - b), 1, b), (abs(p - c), 2, c))[2]
            line[i] = line[i] + near & 255
    return line


if __name__ == "__main__":
    problems = main(Path(sys.argv[1]))
    for problem in problems:
        print(problem)
    sys.exit(1 if problems else 0)
