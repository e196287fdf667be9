"""The forms in which a report can be written, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from symbackprop.checker.report.data import json_text
from symbackprop.checker.report.gradescope import gradescope_text
from symbackprop.checker.report.junit import junit_text
from symbackprop.checker.report.page import index_page, page
from symbackprop.checker.report.tally import Tally
from symbackprop.checker.report.terminal import plain
from symbackprop.checker.verdicts import Report
from symbackprop.languages import Language

__all__ = ["FORMATS", "Format"]

Rubric: TypeAlias = Mapping[str, float]


@dataclass(frozen=True)
class Format:
    """How one report is written in a language, to a file of what suffix, and the page that leads to many if there is one.

    JSON is for programs: its words stay English.

    >>> FORMATS["junit"].suffix
    '.xml'
    """

    suffix: str
    write: Callable[[Report, Rubric, Language], str]
    index: Callable[[Sequence[Mapping[str, str]], Tally, Language], str] | None = None


FORMATS: Mapping[str, Format] = {
    "text": Format(".report.txt", lambda report, rubric, language: plain(report, language) + "\n"),
    "json": Format(".json", lambda report, rubric, language: json_text([report])),
    "html": Format(".html", lambda report, rubric, language: page(report, language), index_page),
    "junit": Format(".xml", lambda report, rubric, language: junit_text([report], language)),
    "gradescope": Format(".results.json", gradescope_text),
}
