"""Programs beside Python that a test runs."""

from __future__ import annotations

import shutil

import pytest

__all__ = ["needs"]


def needs(*programs: str) -> pytest.MarkDecorator:
    """A test that is skipped where one of the programs is missing; where CI is set, nothing is skipped (conftest.py)."""
    missing = [p for p in programs if shutil.which(p) is None]
    return pytest.mark.skipif(bool(missing), reason=f"{', '.join(missing)} is not installed")
