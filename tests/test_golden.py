"""What is printed, character by character; `tests/golden/write.py` writes the files anew when a change is meant."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

HERE = Path(__file__).parent / "golden"


def _writer() -> ModuleType:
    spec = importlib.util.spec_from_file_location("golden_writer", HERE / "write.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("file", ["rules.tex", "four_equations.tex"])
def test_what_is_printed_is_what_was_read_and_accepted(file: str) -> None:
    printed = list(_writer().FILES[file]())
    accepted = (HERE / file).read_text(encoding="utf-8").splitlines()
    assert printed == accepted
