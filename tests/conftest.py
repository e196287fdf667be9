"""What tests in several files look at, made once."""

from __future__ import annotations

import pytest

import symbackprop as sb
from symbackprop.documents.blocks import Notes


@pytest.fixture(scope="session")
def lecture() -> Notes:
    """The built-in lecture, with steps; `replace(lecture, detail="full")` shows all that was derived."""
    return sb.lecture()
