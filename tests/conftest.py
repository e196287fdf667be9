"""What tests in several files look at, made once; time for diagnoses; and that nothing is skipped where CI is set."""

from __future__ import annotations

import os
from collections.abc import Generator
from typing import TypeVar

import pytest

import symbackprop as sb
from symbackprop.documents.blocks import Notes

Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)


@pytest.fixture(scope="session")
def lecture() -> Notes:
    """The built-in lecture, with steps; `replace(lecture, detail="full")` shows all that was derived."""
    return sb.lecture()


@pytest.fixture(autouse=True)
def _enough_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A diagnosis that ends for want of time is another one on a machine that is slow or busy."""
    monkeypatch.setattr("symbackprop.checker.steps.SECONDS", 5.0)
    monkeypatch.setattr("symbackprop.checker.steps._SHARE", 1)
    monkeypatch.setattr("symbackprop.checker.diagnosis.search._PAIRS", 2.5)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    return failed_in_ci((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    return failed_in_ci((yield))


def failed_in_ci(report: Report) -> Report:
    """A test is skipped where a program, a font or a library is missing; CI installs them all, so there it fails."""
    if os.environ.get("CI") and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped, where CI is set and nothing may be: {report.longrepr}"
    return report
