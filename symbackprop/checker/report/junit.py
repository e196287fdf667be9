"""Reports as JUnit XML: a suite for each submission, a case for each step and for each thing that was asked for."""

from __future__ import annotations

import re
from collections.abc import Iterable
from xml.etree import ElementTree as ET

from symbackprop.checker.report.words import judged, numbers, place
from symbackprop.checker.verdicts import Report, Status, Step

__all__ = ["junit_text"]

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_FAILS = {Status.WRONG: "failure", Status.UNDECIDED: "error"}


def junit_text(reports: Iterable[Report]) -> str:
    """One XML document of all reports; a wrong step is a failure, an undecided one an error.

    >>> print(junit_text([Report((), name="empty.tex", failure="too large")]).splitlines()[1])
    <testsuites name="symbackprop" tests="1" failures="0" errors="1" time="0.000">
    """
    suites = [_suite(r) for r in reports]
    root = ET.Element("testsuites", {"name": "symbackprop", **_totals(suites), "time": f"{sum(float(s.attrib['time']) for s in suites):.3f}"})
    root.extend(suites)
    ET.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _totals(suites: list[ET.Element]) -> dict[str, str]:
    return {name: str(sum(int(s.attrib[name]) for s in suites)) for name in ("tests", "failures", "errors")}


def _suite(report: Report) -> ET.Element:
    name = _xml(report.name or "submission")
    cases = [_step(s, name) for s in report.steps] + [_target(t.name, t.step, name) for t in report.targets]
    if report.failure or not cases:
        cases.append(_case("reading", name, "error", report.failure or "no step was found that could be judged"))
    counts = {f"{kind}s": str(sum(c.find(kind) is not None for c in cases)) for kind in ("failure", "error")}
    suite = ET.Element("testsuite", {"name": name, "tests": str(len(cases)), **counts, "skipped": "0", "time": f"{report.seconds:.3f}"})
    suite.extend(cases)
    return suite


def _step(step: Step, submission: str) -> ET.Element:
    said = [step.text, judged(step.before)]
    if step.before.counterexample is not None:
        said += [f"{label}: {text}" for label, text in numbers(step.before.counterexample)]
    if step.diagnosis is not None and step.diagnosis.mended:
        said.append(f"mended: {step.diagnosis.mended}")
    message = step.diagnosis.sentence if step.diagnosis is not None else step.before.because
    kind = step.diagnosis.kind if step.diagnosis is not None else str(step.status)
    case = _case(f"step {step.number} ({place(step)})", submission, _FAILS.get(step.status, ""), message, kind, "\n".join(said))
    case.set("file", submission)
    case.set("line", str(step.line))
    return case


def _target(name: str, step: int | None, submission: str) -> ET.Element:
    return _case(f"reached: {name}", submission, "failure" if step is None else "", "no step reaches it rightly", "target")


def _case(name: str, submission: str, fails: str, message: str, kind: str = "undecided", text: str = "") -> ET.Element:
    case = ET.Element("testcase", name=_xml(name), classname=submission, time="0.000")
    if fails:
        ET.SubElement(case, fails, message=_xml(message), type=_xml(kind)).text = _xml(text)
    return case


def _xml(text: str) -> str:
    """Text without the characters that XML has no way to write."""
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)
