"""Reports for other programs. The oracles: the published schema read by `jsonschema`, the standard library's XML parser, and sums by hand."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from jsonschema import Draft202012Validator, ValidationError
from sample_reports import ALL_RIGHT, EVERY, FAILED, HOSTILE, LUCKY, MIXED, SLIP

from symbackprop.checker.report.data import VERSION, as_data, json_text
from symbackprop.checker.report.gradescope import gradescope_text, results
from symbackprop.checker.report.junit import junit_text
from symbackprop.checker.report.tally import Tally
from symbackprop.checker.verdicts import Report, Status

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "report-schema.json").read_text(encoding="utf-8"))
VALIDATOR = Draft202012Validator(SCHEMA)


def name_of(report: Report) -> str:
    return report.name or "nameless"


# ---------------------------------------------------------------- JSON


def test_the_schema_is_one_and_says_its_version() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["properties"]["version"] == {"const": VERSION}
    assert SCHEMA["$defs"]["status"]["enum"] == [str(s) for s in Status]


def documented(part: dict[str, Any]) -> set[str]:
    return set(part["properties"])


def test_every_field_is_documented() -> None:
    data = as_data(MIXED)
    step = data["steps"][1]
    shown = {
        "report": data, "target": data["targets"][0], "step": step, "judgement": step["before"], "diagnosis": step["diagnosis"],
        "counterexample": step["before"]["counterexample"],
    }  # fmt: skip
    assert {name: set(part) for name, part in shown.items()} == {name: documented(SCHEMA["$defs"][name]) for name in shown}


@pytest.mark.parametrize("report", EVERY, ids=name_of)
def test_every_report_is_valid_and_comes_back_from_json(report: Report) -> None:
    data = json.loads(json_text([report, MIXED]))
    VALIDATOR.validate(data)
    assert data["reports"] == [as_data(report), as_data(MIXED)]


def test_the_schema_refuses_what_is_no_report() -> None:
    for change in ({"status": "fine"}, {"steps": None}, {"first_wrong": 0}, {"seconds": "1"}):
        with pytest.raises(ValidationError):
            VALIDATOR.validate({"version": 1, "reports": [as_data(MIXED) | change]})
    with pytest.raises(ValidationError):
        VALIDATOR.validate({"version": 2, "reports": []})


def test_json_says_what_was_found() -> None:
    data = as_data(MIXED)
    assert (data["status"], data["first_wrong"], data["failure"]) == ("wrong", 2, "")
    assert data["targets"] == [{"name": "dC/dW1", "step": 3}, {"name": "dC/db1", "step": None}]
    wrong = data["steps"][1]
    assert wrong["text"][wrong["diagnosis"]["start"] : wrong["diagnosis"]["end"]] == "W^{(2)}"
    assert wrong["before"]["counterexample"]["given"] == {r"W^{(2)}_{21}": "0.5", r"z^{(1)}_2": "-1"}
    assert as_data(LUCKY)["right_answer_wrong_step"] is True


# ---------------------------------------------------------------- JUnit


def test_junit_has_a_suite_for_each_submission_and_counts_that_agree() -> None:
    root = ET.fromstring(junit_text(EVERY).encode())
    assert root.tag == "testsuites"
    suites = root.findall("testsuite")
    assert [s.get("name") for s in suites] == ["alice.tex", "bob.tex", "carol.tex", "dave.tex", "<b>.tex", "submission"]
    for suite in suites:
        assert suite.get("tests") == str(len(suite.findall("testcase")))
        assert suite.get("failures") == str(len(suite.findall("testcase/failure")))
        assert suite.get("errors") == str(len(suite.findall("testcase/error")))
        assert float(suite.attrib["time"]) >= 0
    for kind in ("tests", "failures", "errors"):
        assert root.get(kind) == str(sum(int(s.attrib[kind]) for s in suites))


def test_junit_has_a_case_for_each_step_and_each_target() -> None:
    suite = ET.fromstring(junit_text([MIXED]).encode())[0]
    cases = suite.findall("testcase")
    assert len(cases) == len(MIXED.steps) + len(MIXED.targets)
    assert [next((child.tag for child in c), "passed") for c in cases] == [
        "passed", "failure", "passed", "passed", "error", "passed", "passed", "failure",
    ]  # fmt: skip
    failure = cases[1][0]
    assert failure.get("type") == "transpose"
    assert failure.get("message") == "W^{(2)} has to be transposed here."
    assert SLIP in str(failure.text)
    assert "found: -0.75" in str(failure.text)
    assert (cases[1].get("classname"), cases[1].get("file"), cases[1].get("line")) == ("alice.tex", "alice.tex", "4")


def test_junit_reports_what_could_not_be_judged_as_an_error() -> None:
    suite = ET.fromstring(junit_text([FAILED]).encode())[0]
    assert suite.get("errors") == "1"
    assert suite[0][0].get("message") == FAILED.failure


def test_junit_is_xml_whatever_was_submitted() -> None:
    failure = ET.fromstring(junit_text([HOSTILE]).encode())[0][0][0]
    assert "<script>alert(1)</script>" in str(failure.get("message"))
    assert "\N{REPLACEMENT CHARACTER}" in str(failure.text)


# ---------------------------------------------------------------- Gradescope


def test_gradescope_without_a_rubric_gives_each_claim_a_point() -> None:
    graded = json.loads(gradescope_text(MIXED, {}))
    assert [(t["score"], t["max_score"], t["status"]) for t in graded["tests"]] == [
        (0.0, 1.0, "failed"), (1.0, 1.0, "passed"), (1.0, 1.0, "passed"), (0.0, 1.0, "failed"), (1.0, 1.0, "passed"),
    ]  # fmt: skip
    assert graded["score"] == 3.0
    assert graded["execution_time"] == 0.41


def test_gradescope_shares_the_points_of_the_steps_and_grades_targets() -> None:
    graded = results(MIXED, {"steps": 10, "dC/dW1": 4, "dC/db1": 5.5})
    assert [(t["name"], t["score"], t["max_score"]) for t in graded["tests"]][:2] == [("dC/dW1", 4.0, 4.0), ("dC/db1", 0.0, 5.5)]
    assert [t["max_score"] for t in graded["tests"][2:]] == [2.0] * 5
    assert graded["score"] == pytest.approx(4 + 3 * 2)
    assert sum(t["max_score"] for t in graded["tests"]) == pytest.approx(10 + 4 + 5.5)


@pytest.mark.parametrize("steps", [10, 7.0, 1, 0.125, 48, 0.01, 1 / 3])
@pytest.mark.parametrize("number", [1, 3, 7, 14, 97])
def test_gradescope_shares_add_up_to_the_points_of_the_rubric(steps: float, number: int) -> None:
    """The oracle is the sum in decimals of what is written; shares differ by a hundredth at most."""
    claim = MIXED.steps[1]
    written = json.loads(gradescope_text(replace(MIXED, steps=(claim,) * number), {"steps": steps}), parse_float=Decimal)
    shares = [t["max_score"] for t in written["tests"]]
    assert sum(shares) == Decimal(str(round(steps, 6)))
    assert all(abs(share - Decimal(str(steps)) / number) <= Decimal("0.0100001") for share in shares)
    assert all(0 <= t["score"] <= t["max_score"] for t in written["tests"])
    assert written["score"] == sum(t["score"] for t in written["tests"])


def test_gradescope_grades_targets_alone_if_the_rubric_says_so() -> None:
    graded = results(MIXED, {"dC/dW1": 4})
    assert graded["score"] == 4
    assert [t["max_score"] for t in graded["tests"]] == [4.0, 0, 0, 0, 0, 0]


@pytest.mark.parametrize("rubric", [{}, {"steps": 6, "dC/dW1": 4}], ids=["none", "rubric"])
def test_gradescope_gives_nothing_to_what_could_not_be_judged_and_says_why(rubric: dict[str, float]) -> None:
    graded = results(FAILED, rubric)
    assert graded["score"] == 0
    assert sum(t["max_score"] for t in graded["tests"]) == (10 if rubric else 1)
    assert graded["tests"][-1]["output"] == FAILED.failure


@pytest.mark.parametrize("report", EVERY, ids=name_of)
def test_gradescope_gets_the_fields_and_words_it_knows(report: Report) -> None:
    graded = json.loads(gradescope_text(report, {}))
    assert {"score", "execution_time", "output", "output_format", "visibility", "tests"} == set(graded)
    for test in graded["tests"]:
        assert set(test) == {"name", "score", "max_score", "status", "output", "output_format", "visibility"}
        assert test["status"] in ("passed", "failed")
        assert test["visibility"] == "visible"
        assert 0 <= test["score"] <= test["max_score"]


# ---------------------------------------------------------------- many


def test_many_are_counted_by_verdict_step_target_and_kind() -> None:
    tally = Tally()
    for report in (MIXED, ALL_RIGHT, LUCKY, FAILED):
        tally.add(report)
    tables = {title: rows for title, _, rows in tally.tables()}
    assert tables["Submissions"] == [("right", "1"), ("wrong", "2"), ("undecided", "1")]
    assert tables["By step"][:2] == [("1", "0", "1", "1", "0"), ("2", "0", "0", "2", "0")]
    assert tables["By kind of mistake"] == [("transpose", "2"), ("not named", "1")]
    assert tables["By target"] == [("dC/dW1", "1", "0"), ("dC/db1", "0", "1")]
    assert (tally.submissions, tally.failures, tally.slips) == (4, 1, 1)
