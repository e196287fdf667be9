"""Pages. The oracles: the standard library's parsers of HTML and XML, and what a browser would load or run."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import pytest
from sample_reports import ALL_RIGHT, EVERY, FAILED, HOSTILE, MIXED, SLIP, STEPS

from symbackprop.checker.report.page import fragment, index_page, page
from symbackprop.checker.report.tally import Tally
from symbackprop.checker.verdicts import Report

_VOID = {"meta", "br", "img", "link", "input", "hr"}


class Reader(HTMLParser):
    """Every element with its attributes and its text; elements have to close in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self.marked: list[str] = []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in _VOID:
            self.open.append(tag)
        if tag == "mark":
            self.marked.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text += data
        if "mark" in self.open:
            self.marked[-1] += data

    def classes(self) -> list[str]:
        return [name for _, attributes in self.elements for name in attributes.get("class", "").split()]


@pytest.mark.parametrize("report", EVERY, ids=lambda r: r.name or "nameless")
def test_a_page_is_whole_and_loads_and_runs_nothing(report: Report) -> None:
    read = Reader(page(report))
    tags = {tag for tag, _ in read.elements}
    assert not tags & {"script", "link", "img", "iframe", "object", "form", "base"}
    for _, attributes in read.elements:
        assert not set(attributes) & {"src", "style"}
        assert not any(name.startswith("on") for name in attributes)
    assert "url(" not in page(report)
    assert "@import" not in page(report)
    assert read.classes().count("step") == len(report.steps)


def test_every_verdict_stands_beside_its_step() -> None:
    read = Reader(page(MIXED))
    steps = [attributes["class"].split() for tag, attributes in read.elements if attributes.get("class", "").startswith("step ")]
    assert [classes[1] for classes in steps] == ["definition", "wrong", "right", "right-in-another-convention", "undecided", "right"]
    assert [classes[2:] for classes in steps] == [[], ["first"], [], [], [], []]


def test_the_derivation_is_typeset_and_the_part_marked() -> None:
    text = page(MIXED)
    maths = re.findall(r"<math.*?</math>", text, re.DOTALL)
    for formula in maths:
        ET.fromstring(formula)
    assert len([m for m in maths if 'display="block"' in m]) == len(STEPS) + 1  # every step, and one mended
    (marked,) = re.findall(r'<mrow class="sb-marked">(.*?)</mrow></msup>|<mrow class="sb-marked">(.*?)</mrow>', text)
    assert "W" in "".join(marked)
    assert Reader(text).marked == ["W^{(2)}"]
    assert SLIP in Reader(text).text


def test_what_was_found_is_on_the_page() -> None:
    text = Reader(page(MIXED)).text
    for said in ("alice.tex", "Two layers", "The first wrong step is step 2", "not reached", "in step 3", "has to be transposed here.",
                 "0.375", "−0.75", "line 4, column 10", "note: a note", "right with samples as columns"):  # fmt: skip
        assert said in text


def test_what_cannot_be_typeset_is_shown_as_it_is() -> None:
    text = page(HOSTILE)
    assert "<script" not in text
    assert "&lt;script&gt;" in text
    assert all(c.isprintable() or c == "\n" for c in text)
    assert "<code>" in text


def test_what_could_not_be_judged_says_why() -> None:
    assert FAILED.failure in Reader(page(FAILED)).text


def test_a_notebook_gets_the_body_and_the_style() -> None:
    body = MIXED._repr_html_()
    assert body == fragment(MIXED)
    assert "<html" not in body
    assert Reader(body).classes().count("step") == len(STEPS)


def test_the_index_leads_to_every_page() -> None:
    tally = Tally()
    for report in (MIXED, ALL_RIGHT):
        tally.add(report)
    rows = [{"name": f"<{n}>", "link": f"{n}.html", "status": "wrong", "verdict": "wrong", "said": "a & b"} for n in "ab"]
    read = Reader(index_page(rows, tally))
    assert [attributes["href"] for tag, attributes in read.elements if tag == "a"] == ["a.html", "b.html"]
    assert "<a>" in read.text
    assert "By kind of mistake" in read.text


def test_pages_are_for_dark_screens_and_paper_too() -> None:
    text = page(MIXED)
    assert "@media (prefers-color-scheme: dark)" in text
    assert "@media print" in text
