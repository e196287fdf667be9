"""What all tests of the checker need."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _enough_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A diagnosis that ends for want of time is another one on a machine that is slow or busy."""
    monkeypatch.setattr("symbackprop.checker.steps.SECONDS", 5.0)
    monkeypatch.setattr("symbackprop.checker.steps._SHARE", 1)
    monkeypatch.setattr("symbackprop.checker.diagnosis.search._PAIRS", 2.5)
