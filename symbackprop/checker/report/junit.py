"""Reports as JUnit XML: a suite for each submission, a case for each step and for each thing that was asked for."""

from __future__ import annotations

import re
from collections.abc import Iterable
from xml.etree import ElementTree as ET

from symbackprop.checker.report.words import judged, numbers, place, said
from symbackprop.checker.verdicts import Report, Status, Step
from symbackprop.languages import ENGLISH, Language, Message

__all__ = ["junit_text"]

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_FAILS = {Status.WRONG: "failure", Status.UNDECIDED: "error"}


def junit_text(reports: Iterable[Report], language: Language = ENGLISH) -> str:
    """One XML document of all reports; a wrong step is a failure, an undecided one an error.

    >>> print(junit_text([Report((), name="empty.tex", failure="too large")]).splitlines()[1])
    <testsuites name="symbackprop" tests="1" failures="0" errors="1" time="0.000">
    """
    suites = [_suite(r, language) for r in reports]
    root = ET.Element("testsuites", {"name": "symbackprop", **_totals(suites), "time": f"{sum(float(s.attrib['time']) for s in suites):.3f}"})
    root.extend(suites)
    ET.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _totals(suites: list[ET.Element]) -> dict[str, str]:
    return {name: str(sum(int(s.attrib[name]) for s in suites)) for name in ("tests", "failures", "errors")}


def _suite(report: Report, language: Language) -> ET.Element:
    name = _xml(report.name or "submission")
    cases = [_step(s, name, language) for s in report.steps] + [_target(t.name, t.step, name, language) for t in report.targets]
    if report.failure or not cases:
        nothing = report.failure or Message("No step was found that could be judged.")
        cases.append(_case("reading", name, "error", said(nothing, language)))
    counts = {f"{kind}s": str(sum(c.find(kind) is not None for c in cases)) for kind in ("failure", "error")}
    suite = ET.Element("testsuite", {"name": name, "tests": str(len(cases)), **counts, "skipped": "0", "time": f"{report.seconds:.3f}"})
    suite.extend(cases)
    return suite


def _step(step: Step, submission: str, language: Language) -> ET.Element:
    words = [judged(step.before)]
    if step.before.counterexample is not None:
        words += [Message("{label}: {value}", label=label, value=text) for label, text in numbers(step.before.counterexample)]
    if step.diagnosis is not None and step.diagnosis.mended:
        words.append(Message("mended: {formula}", formula=step.diagnosis.mended))
    message = step.diagnosis.sentence if step.diagnosis is not None else step.before.because
    kind = step.diagnosis.kind if step.diagnosis is not None else str(step.status)
    name = language.say(Message("Step {number} ({place})", number=step.number, place=place(step)))
    text = "\n".join([step.text, *(said(w, language) for w in words)])
    case = _case(name, submission, _FAILS.get(step.status, ""), said(message, language), kind, text)
    case.set("file", submission)
    case.set("line", str(step.line))
    return case


def _target(name: str, step: int | None, submission: str, language: Language) -> ET.Element:
    words = language.say(Message("no step reaches it rightly"))
    return _case(language.say(Message("reached: {name}", name=name)), submission, "failure" if step is None else "", words, "target")


def _case(name: str, submission: str, fails: str, message: str, kind: str = "undecided", text: str = "") -> ET.Element:
    case = ET.Element("testcase", name=_xml(name), classname=submission, time="0.000")
    if fails:
        ET.SubElement(case, fails, message=_xml(message), type=_xml(kind)).text = _xml(text)
    return case


def _xml(text: str) -> str:
    """Text without the characters that XML has no way to write."""
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)
