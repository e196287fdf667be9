"""How documents look in every language: in the browser, on slides and in print; Chromium and TeX are the judges."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from html import escape
from pathlib import Path

import pytest
from programs import needs

import symbackprop as sb
from symbackprop.documents.blocks import Notes
from symbackprop.documents.saving import documents
from symbackprop.languages import LANGUAGES, load_language

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run", "--disable-background-networking"]
NOTATIONS = ("nielsen", "ng", "goodfellow")  # letters with numbers, brackets with examples in them, bold
COMPLAINTS = re.compile(r"^(?:Overfull|Underfull \\hbox|! |Missing character|LaTeX Warning|LaTeX Font Warning|Package \w+ Warning).*", re.M)
SETTLING = re.compile(r"Rerun|has changed|undefined references|Label\(s\) may have")  # said by a first pass only


@cache
def small(notation: str = "nielsen") -> Notes:
    net = sb.mlp([3, 4, 2], activation="leaky_relu", output="softmax", loss="cross_entropy", samples="m", penalty="l2")
    return sb.derive(net, notation, "full")


def in_language(notes: Notes, code: str) -> Notes:
    return replace(notes, language=load_language(code))


# ---------------------------------------------------------------- the browser


@pytest.fixture
def profile(tmp_path: Path) -> Iterator[Path]:
    """A folder for what the browser keeps, gone after the test."""
    yield tmp_path / "profile"
    shutil.rmtree(tmp_path / "profile", ignore_errors=True)


def shown(page: str, profile: Path, script: str, width: int) -> str:
    """What a script finds in a page that is laid out in a window of a width; Chromium itself has none below 500, so the page is in a frame."""
    frame = f'<iframe style="width:{width}px;height:1500px;border:0" srcdoc="{escape(page)}"></iframe>'
    found = f"<script>onload = () => {{ const page = frames[0].document; document.title = {script} }}</script>"
    outer = profile.with_suffix(".html")
    outer.write_text(f"<!DOCTYPE html><title></title>{frame}{found}", encoding="utf-8")
    command = ["chromium", *FLAGS, "--dump-dom", f"--user-data-dir={profile}", f"--window-size={max(width, 500)},1500", outer.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return re.search(r"<title>(.*?)</title>", done.stdout)[1]  # type: ignore[index]


OUTSIDE = """[page.documentElement.scrollWidth,
  [...page.querySelectorAll('.right')].filter(e => e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).overflowX != 'auto').length,
  page.documentElement.lang].join(' ')"""


@needs("chromium")
@pytest.mark.parametrize("width", [390, 1200])
@pytest.mark.parametrize("code", LANGUAGES)
def test_a_page_is_no_wider_than_its_window_and_long_formulas_scroll(code: str, width: int, profile: Path) -> None:
    page = str(documents(in_language(small("ng"), code), ["html"])["notes.html"])
    needed, lost, lang = shown(page, profile, OUTSIDE, width).split()
    assert int(needed) <= width
    assert lost == "0"
    assert lang == LANGUAGES[code].tag


@needs("chromium")
def test_the_lecture_fits_a_telephone(lecture: Notes, profile: Path) -> None:
    page = str(documents(replace(lecture, detail="full"), ["html"])["notes.html"])
    needed, lost, _ = shown(page, profile, OUTSIDE, 390).split()
    assert int(needed) <= 390
    assert lost == "0"


@needs("chromium")
@pytest.mark.parametrize(("setting", "dark"), [("0", True), ("1", False)])
def test_a_page_is_dark_where_its_reader_wants_it_dark(setting: str, dark: bool, profile: Path, tmp_path: Path) -> None:
    source, picture = tmp_path / "page.html", tmp_path / "page.ppm"
    source.write_text(str(documents(small(), ["html"])["notes.html"]), encoding="utf-8")
    shot = picture.with_suffix(".png")
    command = ["chromium", *FLAGS, f"--user-data-dir={profile}", f"--blink-settings=preferredColorScheme={setting}", f"--screenshot={shot}"]
    subprocess.run([*command, "--window-size=800,900", source.as_uri()], capture_output=True, timeout=120, check=True)
    script = "getComputedStyle(page.body).color"
    assert shot.stat().st_size > 10_000
    light = shown(source.read_text(encoding="utf-8"), profile, script, 800)
    assert light.startswith("rgb(26, 26, 26")
    image = pytest.importorskip("PIL.Image").open(shot).convert("L")
    assert (image.getpixel((2, 2)) < 60) == dark


# ---------------------------------------------------------------- slides and articles


def tex(source: Path, passes: int) -> list[str]:
    """What TeX complains of in its last pass."""
    program = re.findall(r"^% !TEX program = (\w+)", source.read_text(encoding="utf-8"), re.M)[0]
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    for _ in range(passes):
        done = subprocess.run(
            [program, "-interaction=nonstopmode", "-halt-on-error", source.name],
            cwd=source.parent, env={**os.environ, "max_print_line": "1000"}, capture_output=True, text=True, errors="replace", timeout=300,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout[-2000:]
    found = COMPLAINTS.findall(source.with_suffix(".log").read_text(encoding="utf-8", errors="replace"))
    return [line for line in found if passes > 1 or not SETTLING.search(line)]


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.parametrize("notation", NOTATIONS)
def test_nothing_runs_off_a_slide_in_any_language(notation: str, code: str, tmp_path: Path) -> None:
    """No box is too wide and no slide too full, and every character has a glyph."""
    paths = in_language(small(notation), code).save(str(tmp_path), ["beamer"])
    assert tex(Path(paths[0]), passes=1) == []


@pytest.mark.parametrize("code", LANGUAGES)
def test_an_article_is_set_without_a_warning(code: str, tmp_path: Path) -> None:
    in_language(small(), code).save(str(tmp_path), ["tex"])
    assert tex(tmp_path / "notes.tex", passes=3) == []


# ---------------------------------------------------------------- Typst

@needs("pdffonts")
@pytest.mark.parametrize("code", LANGUAGES)
def test_pdf_by_typst_has_the_fonts_of_its_language(code: str, tmp_path: Path) -> None:
    """Poppler names the fonts: one for Chinese, and no other that fills gaps."""
    pytest.importorskip("typst")
    made = in_language(small(), code).save(str(tmp_path), ["pdf"], pdf_engine="typst")
    listed = subprocess.run(["pdffonts", made[0]], capture_output=True, text=True, check=True, timeout=60).stdout
    families = {re.match(r"[A-Z]{6}\+(\w+)", line)[1] for line in listed.splitlines()[2:]}  # type: ignore[index]
    assert len({f for f in families if not f.startswith("NewCM")}) == code.startswith("zh")
    words = subprocess.run(["pdftotext", made[0], "-"], capture_output=True, text=True, check=True, timeout=60).stdout
    assert load_language(code).text("How the equations were proved") in words.replace("\n", "")


# ---------------------------------------------------------------- the notebook


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("code", LANGUAGES)
def test_a_notebook_runs_and_speaks_its_language(code: str) -> None:
    """A kernel runs it from top to bottom; comments and what is printed are in the language too."""
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    notebook = nbformat.reads(str(documents(in_language(small(), code), ["ipynb"])["notes.ipynb"]), 4)
    nbformat.validate(notebook)
    nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    cells = [c for c in notebook.cells if c.cell_type == "code"]
    printed = "".join(o["text"] for c in cells for o in c.outputs)
    errors = [float(e) for e in re.findall(r"\d\.\de-\d+", printed)]
    assert len(errors) == len(small().chains[0].derivation.net.parameters)
    assert max(errors) < 1e-5
    english = re.compile(r"\b(The|the|loss|largest|entries|equation|overflows|Network|forward|input)\b(?!_)")
    said = printed + "".join(line for c in cells for line in re.findall(r'"""(?s:.*?)"""|  # .*', c.source))
    assert bool(english.search(said)) == (code == "en")
