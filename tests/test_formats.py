"""Every format, opened by the program it is for: pdflatex, typst, latexmk, Chromium, KaTeX, and a kernel that runs the notebook."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from programs import needs

import symbackprop as sb
from symbackprop.cli.documents import notes
from symbackprop.derivation import DETAILS
from symbackprop.documents import pdf
from symbackprop.documents.blocks import Notes
from symbackprop.documents.formats import FORMATS
from symbackprop.documents.saving import documents
from symbackprop.errors import CannotWrite, InputError, MissingLibrary, UnknownName
from symbackprop.glyphs import ACCENTS, BIG, FENCES, GLYPHS, MATRIX_FENCES, SIGNS, STYLES
from symbackprop.languages import load_language
from symbackprop.notation import notation_names
from symbackprop.typeset import tree as t
from symbackprop.typeset.typst import display, escape, inline
from symbackprop.worksheet import worksheet

NETWORKS: dict[str, dict[str, Any]] = {
    "a batch with a penalty": {
        "sizes": [3, 4, 2], "activation": "tanh", "output": "softmax", "loss": "cross_entropy", "samples": "m", "penalty": "l2",
    },
    "class numbers": {"sizes": [3, 2], "output": "softmax", "loss": "negative_log_likelihood", "samples": 4},
    "hinge and leaky": {"sizes": [2, 3], "activation": "leaky_relu", "output": "identity", "loss": "hinge"},
    "sizes with names": {"sizes": ["d", "h", "c"], "activation": "elu", "output": "sigmoid", "loss": "binary_cross_entropy", "samples": "m"},
    "50% of a_b & #c <d>": {"sizes": [2, 1], "loss": "huber", "name": "50% of a_b & #c <d> | $e$ {f} [g] *h* `i` \"j\" @k ~l ^m"},
}  # fmt: skip


@pytest.fixture(scope="session")
def full(lecture: Notes) -> Notes:
    return replace(lecture, detail="full")


@cache
def network(kind: str, notation: str = "nielsen", detail: str = "steps") -> Notes:
    return sb.derive(sb.mlp(**NETWORKS[kind]), notation, detail)


def written(notes: Notes, folder: Path, kind: str, **style: str) -> dict[str, Path]:
    return {Path(p).relative_to(folder).as_posix(): Path(p) for p in notes.save(str(folder), [kind], **style)}


# ---------------------------------------------------------------- names


def test_the_formats_are_those_of_the_command_line() -> None:
    assert set(FORMATS) == {"tex", "html", "md", "ipynb", "beamer", "typ", "pdf"}
    option = next(p for p in notes.params if p.name == "formats")
    assert all(name in option.help for name in FORMATS)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("asked", "says"),
    [({"formats": ["beemer"]}, "did you mean 'beamer'"), ({"formats": ["pdf"], "pdf_engine": "typest"}, "did you mean 'typst'"),
     ({"templates": "nowhere"}, "there is no folder 'nowhere'")],
)  # fmt: skip
def test_what_does_not_exist_is_refused_before_anything_is_written(asked: dict[str, Any], says: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=says):
        network("class numbers").save(str(tmp_path / "o"), **asked)
    assert not (tmp_path / "o").exists()


def test_without_the_extra_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf, "find_spec", lambda name: None)
    with pytest.raises(MissingLibrary, match=r"pip install 'symbackprop\[pdf\]'"):
        documents(network("class numbers"), ["pdf"], engine="typst")
    monkeypatch.setattr(pdf.shutil, "which", lambda name: None)
    with pytest.raises(MissingLibrary, match=r"pip install"):
        documents(network("class numbers"), ["pdf"])
    with pytest.raises(InputError, match="latexmk, which is not on this machine"):
        documents(network("class numbers"), ["pdf"], engine="latexmk")
    monkeypatch.setattr(pdf.shutil, "which", lambda name: None if name == "xelatex" else name)
    assert pdf.pdf_engine("auto") == pdf.ENGINES["latexmk"]
    chinese = replace(network("class numbers"), language=load_language("zh_Hans"))
    with pytest.raises(InputError, match="PDF by TeX in 简体中文 needs the program xelatex"):
        documents(chinese, ["pdf"], engine="latexmk")
    monkeypatch.setattr(pdf, "find_spec", lambda name: name)
    assert pdf.pdf_engine("auto", chinese.language) == pdf.ENGINES["typst"]
    with pytest.raises(UnknownName):
        pdf.pdf_engine("tex")


def test_a_worksheet_needs_the_program_of_its_language(monkeypatch: pytest.MonkeyPatch) -> None:
    sheet = worksheet(sb.mlp([1, 1], bias=False), blanks="results", language="zh_Hans")
    monkeypatch.setattr(pdf.shutil, "which", lambda name: None if name == "xelatex" else name)
    with pytest.raises(InputError, match="PDF by TeX in 简体中文 needs the program xelatex"):
        sheet.documents(["pdf"], pdf_engine="latexmk")


@pytest.mark.parametrize("kind", [k for k in FORMATS if k != "pdf"])
def test_a_format_is_the_same_text_each_time(kind: str) -> None:
    notes = network("a batch with a penalty")
    assert documents(notes, [kind]) == documents(notes, [kind])


# ---------------------------------------------------------------- slides


@needs("pdflatex")
@pytest.mark.parametrize("detail", DETAILS)
def test_nothing_runs_off_a_slide_of_the_lecture(detail: str, lecture: Notes, tmp_path: Path) -> None:
    """TeX itself measures: no box is too wide, no slide too full."""
    _slides(replace(lecture, detail=detail), tmp_path)


@needs("pdflatex")
@pytest.mark.parametrize("notation", notation_names())
def test_slides_on_a_network_in_every_notation(notation: str, tmp_path: Path) -> None:
    _slides(network("a batch with a penalty", notation, "full"), tmp_path)


@needs("pdflatex")
@pytest.mark.parametrize("kind", NETWORKS)
def test_slides_on_networks(kind: str, tmp_path: Path) -> None:
    _slides(network(kind, "rows", "full"), tmp_path)


def _slides(notes: Notes, folder: Path) -> None:
    source = written(notes, folder, "beamer")["slides.tex"]
    done = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", source.name],
        cwd=folder, env={**os.environ, "max_print_line": "1000"}, capture_output=True, text=True, errors="replace", timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:]
    log = source.with_suffix(".log").read_text(encoding="latin-1")
    assert not re.findall(r"^(?:Overfull|! |Missing character|LaTeX Warning: Reference).*", log, re.M)


def test_each_step_is_an_overlay_and_no_step_is_lost() -> None:
    notes = network("a batch with a penalty")
    slides = str(documents(notes, ["beamer"])["slides.tex"])
    derived = [f for f in slides.split(r"\begin{frame}[t]") if f.startswith(("{The error", "{The derivative"))]
    overlays = sum(max(map(int, re.findall(r"\\onstep\{(\d+)\}", f))) for f in derived)
    assert overlays == sum(len(c.derivation.shown("steps")) + (c.derivation.matrix is not None) for c in notes.chains)
    assert slides.count(r"\tag*") == len(notes.chains)
    formulas = re.sub(r"\\usepackage\{adjustbox\}|\\adjustbox\{[^{}]*\}\{%\n\\begin\{tikzpicture\}", "", slides)  # pictures alone are fitted
    assert not re.search(r"\\(tiny|scriptsize|footnotesize|small|resizebox|adjustbox)\b", formulas)


# ---------------------------------------------------------------- Typst and PDF


def test_every_glyph_and_every_node_is_read_by_typst(tmp_path: Path) -> None:
    typst = pytest.importorskip("typst")
    x, y = t.Symbol("x"), t.Symbol("y")
    nodes: list[t.Node] = [t.Symbol(name, style) for name in (*GLYPHS, "w", "net", "1", "a-b") for style in STYLES]
    nodes += [t.row(x, t.Operator(name), y) for name in SIGNS]
    nodes += [t.BigOperator(name, x, above, y) for name in BIG for above in (None, y)]
    nodes += [t.Fence(t.Fraction(x, y), left, right, grow) for left in FENCES for right in FENCES for grow in (True, False)]
    nodes += [t.Matrix(((x, t.EMPTY), (y, t.Operator("comma"))), fence) for fence in MATRIX_FENCES]
    nodes += [t.Accent(base, kind) for kind in ACCENTS for base in (x, t.row(x, y))]
    nodes += [
        t.Cases(((x, t.row(t.Text("if "), y)), (y, t.Text("otherwise")))), t.Root(x), t.Brace(x, y), t.Marked(x), t.number("-1.5e-3"),
        t.Text('a "b" \\ c'), t.Scripts(t.Prime(x, 2), y, t.row(x, y)), t.Prime(t.Scripts(x, y)), t.row(x, t.Space("quad"), y),
        t.Aligned(((x, t.row(t.Operator("="), y), t.Text("why")), (t.EMPTY, y, None))),
    ]  # fmt: skip
    text = "\n\n".join([*map(inline, nodes), *map(display, nodes[-20:]), escape(str(NETWORKS["50% of a_b & #c <d>"]["name"]))])
    pages = typst.compile(text.encode())
    assert pages.startswith(b"%PDF")


@pytest.mark.parametrize("engine", ["typst", pytest.param("latexmk", marks=needs("latexmk"))])
@pytest.mark.parametrize("kind", ["a batch with a penalty", "50% of a_b & #c <d>"])
def test_pdf_of_a_network(kind: str, engine: str, tmp_path: Path) -> None:
    if engine == "typst":
        pytest.importorskip("typst")
    made = written(network(kind), tmp_path, "pdf", pdf_engine=engine)["notes.pdf"]
    _not_blank(made, ["Results", "How the equations were proved"])


def test_pdf_of_the_lecture_without_tex(full: Notes, tmp_path: Path) -> None:
    pytest.importorskip("typst")
    made = written(full, tmp_path, "pdf", pdf_engine="typst")["notes.pdf"]
    _not_blank(made, ["Softmax", "How the equations were proved", "BP4"])


def test_pdf_in_a_language_without_a_font_for_it_is_refused_in_words() -> None:
    pytest.importorskip("typst")
    unknown = replace(load_language("zh_Hant"), fonts=("No Such Font",))
    with pytest.raises(InputError, match=r"PDF in 繁體中文 needs a font with its letters.*No Such Font.*TYPST_FONT_PATHS"):
        documents(replace(network("class numbers"), language=unknown), ["pdf"], engine="typst")


@needs("fc-list")
def test_fonts_are_found_where_the_variable_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A font that the machine has, alone in a folder."""
    typst = pytest.importorskip("typst")
    listed = subprocess.run(["fc-list", ":family=Noto Serif CJK TC", "file"], capture_output=True, text=True, check=True, timeout=60).stdout
    if not listed:
        pytest.skip("the machine has no Noto Serif CJK TC")
    (tmp_path / "font.ttc").symlink_to(listed.splitlines()[0].rstrip(": "))
    families = typst.Fonts
    monkeypatch.setattr(typst, "Fonts", lambda font_paths: families(include_system_fonts=False, font_paths=font_paths))
    chinese = replace(network("class numbers"), language=load_language("zh_Hant"))
    for folder in ("", str(tmp_path)):
        monkeypatch.setenv("TYPST_FONT_PATHS", folder)
        pdf.typst_fonts.cache_clear()
        if folder:
            assert documents(chinese, ["pdf"], engine="typst")["notes.pdf"]
        else:
            with pytest.raises(InputError, match="needs a font"):
                documents(chinese, ["pdf"], engine="typst")
    pdf.typst_fonts.cache_clear()


def _not_blank(made: Path, words: list[str]) -> None:
    """Poppler reads the words, and draws no page without ink."""
    if shutil.which("pdftotext") is None:
        pytest.skip("poppler is not installed")
    text = subprocess.run(["pdftotext", "-layout", str(made), "-"], capture_output=True, text=True, check=True, timeout=60).stdout
    assert all(w in text for w in words)
    subprocess.run(["pdftoppm", "-gray", "-r", "20", str(made), str(made.with_suffix(""))], check=True, timeout=120)
    pictures = sorted(made.parent.glob("notes*.pgm"))
    assert pictures
    assert all(min(p.read_bytes()[15:]) < 200 for p in pictures)


# ---------------------------------------------------------------- Markdown


def displays_of(page: str) -> list[str]:
    return re.findall(r"^\$\$\n(.*?)\n\$\$$", page, re.M | re.S)


def test_the_markdown_of_the_lecture_is_for_katex(full: Notes) -> None:
    page = str(documents(full, ["md"])["notes.md"])
    assert page.startswith('---\ntitle: "Backpropagation, derived and proved"\nlang: en\n---\n')
    shown = displays_of(page)
    assert len(shown) > 300
    for formula in shown:
        assert formula.startswith(r"\begin{aligned}")
        assert formula.count(r"\tag{") <= 1
        assert not re.search(r"\\label|\\ref|\\eqref|\\intertext|\\begin\{align\*?\}|[<>|$]", formula), formula
    anchors = re.findall(r'<a id="([^"]+)"', page)
    assert len(anchors) == len(set(anchors))
    assert set(re.findall(r"\]\(#([^)]+)\)", page)) <= set(anchors)
    assert "\n\n\n" not in page


def test_a_name_cannot_be_taken_for_markup() -> None:
    page = str(documents(network("50% of a_b & #c <d>"), ["md"])["notes.md"])
    front = page.split("---")[1]
    assert json.loads(re.search(r"title: (.*)", front)[1]) == NETWORKS["50% of a_b & #c <d>"]["name"]  # type: ignore[index]


@needs("node")
def test_katex_takes_every_formula_at_its_strictest(full: Notes, tmp_path: Path) -> None:
    checker = Path(__file__).parent.parent / ".ci" / "katex.js"
    if subprocess.run(["node", "-e", "require('katex')"], capture_output=True, timeout=60).returncode:
        pytest.skip("node finds no katex; CI has it")
    page = str(documents(full, ["md"])["notes.md"])
    formulas = [*displays_of(page), *re.findall(r"(?<![$\\])\$([^$\n]+)\$", page)]
    (tmp_path / "formulas.json").write_text(json.dumps(formulas), encoding="utf-8")
    done = subprocess.run(["node", str(checker), str(tmp_path / "formulas.json")], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout


# ---------------------------------------------------------------- the notebook


def _ran(notes: Notes) -> list[Any]:
    """The code cells after a kernel has run the whole notebook; nbformat and nbclient are the judges."""
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    notebook = nbformat.reads(str(documents(notes, ["ipynb"])["notes.ipynb"]), 4)
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    assert len({c.id for c in notebook.cells}) == len(notebook.cells)
    nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    return [c for c in notebook.cells if c.cell_type == "code"]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", NETWORKS)
def test_the_notebook_of_a_network_runs_and_its_gradients_agree(kind: str) -> None:
    source, _, check = _ran(network(kind))
    assert "def loss_and_gradients(" in source.source
    printed = "".join(o.get("text", "") for o in check.outputs)
    errors = [float(e) for e in re.findall(r"largest difference (\S+),", printed)]
    assert len(errors) == len(network(kind).chains[0].derivation.net.parameters)
    assert max(errors) < 1e-5


@pytest.mark.filterwarnings("ignore")
def test_the_notebook_of_the_lecture_runs_from_top_to_bottom(full: Notes) -> None:
    cells = _ran(full)
    assert len([c for c in cells if "def loss_and_gradients(" in c.source]) >= 4
    assert not [o for c in cells for o in c.outputs if o.output_type == "error"]


def test_the_check_of_the_notebook_catches_a_wrong_gradient() -> None:
    """The cells as one program, one sign turned round: the assertion stops it."""
    cells = json.loads(str(documents(network("a batch with a penalty"), ["ipynb"])["notes.ipynb"]))["cells"]
    program = "\n".join(c["source"] for c in cells if c["cell_type"] == "code")
    right = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    wrong = subprocess.run([sys.executable, "-c", program.replace('"w2": dw2', '"w2": -dw2')], capture_output=True, text=True, timeout=120)
    assert right.returncode == 0, right.stderr
    assert "AssertionError: w2" in wrong.stderr


# ---------------------------------------------------------------- templates of one's own

OWN = {
    "article.tex": '<% extends "shipped/article.tex" %>\n<% block title %>\\title{My course}\\author{A. Teacher}\\date{}<% endblock %>\n',
    "page.html": '{% extends "shipped/page.html" %}\n{% block front %}<h1>My course</h1>{% endblock %}\n',
    "page.md": '{% extends "shipped/page.md" %}\n{% block front %}\n---\ntitle: My course\n---\n{% endblock %}\n',
    "article.typ": '<% extends "shipped/article.typ" %>\n<% block title %>#align(center)[My course]<% endblock %>\n',
    "slides.tex": '<% extends "shipped/slides.tex" %>\n<% block title %>\\begin{frame}My course\\end{frame}<% endblock %>\n',
    "title.md": "# My course\n",
}


@pytest.mark.parametrize(("kind", "template"), [*zip(["tex", "html", "md", "typ", "beamer", "ipynb"], OWN, strict=True)])
def test_a_block_of_a_page_is_replaced_and_the_rest_stays(kind: str, template: str, tmp_path: Path) -> None:
    notes = network("class numbers")
    (tmp_path / template).write_text(OWN[template], encoding="utf-8")
    own, shipped = (next(iter(documents(notes, [kind], folder).values())) for folder in (tmp_path, None))
    assert "My course" in str(own)
    assert "My course" not in str(shipped)
    assert len(str(own)) > 0.8 * len(str(shipped))


BLOCKS = {
    "tex": "blocks/heading.tex", "html": "blocks/heading.html", "md": "blocks/heading.md", "typ": "blocks/heading.typ", "ipynb": "blocks/heading.md",
    "beamer": "slides/prose.tex",
}  # fmt: skip


@pytest.mark.parametrize("kind", BLOCKS)
def test_a_single_block_is_ones_own_in_every_format(kind: str, tmp_path: Path) -> None:
    notes = network("class numbers")
    own = tmp_path / BLOCKS[kind]
    own.parent.mkdir()
    opening, closing = ("{{", "}}") if own.suffix in (".html", ".md") else ("<<", ">>")
    own.write_text(f"\nOURS {opening} b.text {closing}\n\n", encoding="utf-8")
    files = [next(iter(documents(notes, [kind], folder).values())) for folder in (tmp_path, None)]
    assert str(files[0]).count("OURS") > 1
    assert "OURS" not in str(files[1])


def test_a_single_block_is_ones_own_in_pdf_and_in_fragments(tmp_path: Path) -> None:
    """What a wrong block is answered with shows that it is read."""
    pytest.importorskip("typst")
    (tmp_path / "blocks").mkdir()
    (tmp_path / "blocks" / "heading.typ").write_text("#no-such-function()\n", encoding="utf-8")
    (tmp_path / "blocks" / "heading.tex").write_text("OURS << b.text >>\n\n", encoding="utf-8")
    with pytest.raises(CannotWrite, match="unknown variable: no-such-function"):
        documents(network("class numbers"), ["pdf"], tmp_path, "typst")
    files = documents(network("class numbers"), ["tex"], tmp_path)
    assert any("OURS" in str(text) for name, text in files.items() if name.startswith("fragments/"))


def test_the_words_of_a_kind_of_step_can_be_ones_own(tmp_path: Path) -> None:
    (tmp_path / "blocks").mkdir()
    (tmp_path / "blocks" / "chain.md").write_text(
        '{% from "shipped/blocks/lines.md" import lines with context %}\n'
        '{% for r in b.rows if r.rule == "chain rule" %}{% set _ = r.update(words="As we saw on Monday:") %}{% endfor %}\n{{ lines(b.rows) }}\n',
        encoding="utf-8",
    )  # fmt: skip
    page = str(documents(network("class numbers"), ["md"], tmp_path)["notes.md"])
    assert "As we saw on Monday:" in page
    assert "By the chain rule" not in page


@pytest.mark.parametrize(("text", "says"), [("<% if %>", r"article\.tex, line 1"), ("<< nothing >>", "'nothing' is undefined")])
def test_a_template_that_is_wrong_is_named(text: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "article.tex").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=says):
        documents(network("class numbers"), ["tex"], tmp_path)


@needs("latexmk")
def test_a_template_that_tex_cannot_read_is_answered_with_what_tex_says(tmp_path: Path) -> None:
    (tmp_path / "article.tex").write_text("\\documentclass{article}\\begin{document}\\nosuchcommand\\end{document}", encoding="utf-8")
    with pytest.raises(CannotWrite, match="Undefined control sequence"):
        documents(network("class numbers"), ["pdf"], tmp_path, "latexmk")


# ---------------------------------------------------------------- Jupyter


def test_a_derivation_and_its_steps_show_themselves_in_the_notation_of_the_notes() -> None:
    notes = network("a batch with a penalty", "ng")
    found = notes["BP4-1"]
    assert r"\frac{1}{m}" in found._repr_latex_()
    assert found._repr_latex_().startswith("$$\n\\begin{aligned}\n")
    assert "By the chain rule" in found._repr_html_()
    assert "<style>" in found._repr_html_()
    step = found.steps[-1]
    assert step._repr_latex_().count("=") >= 1
    assert step._repr_latex_().splitlines()[2] in found._repr_latex_() or r"\\" not in step._repr_latex_()
    assert "<math" in step._repr_html_()


def test_a_step_after_one_that_is_about_equal_is_about_equal(lecture: Notes) -> None:
    assert r"\approx" in lecture["descent"].steps[-1]._repr_latex_()
