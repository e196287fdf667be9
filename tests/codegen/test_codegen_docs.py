"""The loops in docs/compile.md that need another library run where it is installed; its other examples are doctests."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest

TEXT = (Path(__file__).parents[2] / "docs" / "compile.md").read_text(encoding="utf-8")
LOOPS = {m[1]: m[2] for m in re.finditer(r"```python\n# needs (\w+)\n(.*?)```", TEXT, re.DOTALL)}


@pytest.mark.parametrize("library", ["scipy", "jax", "torch"])
def test_a_loop_with_another_library(library: str) -> None:
    """It ends in an assertion that the loss has fallen."""
    pytest.importorskip(library)
    known: dict[str, object] = {}
    for example in doctest.DocTestParser().get_examples(TEXT):
        if example.exc_msg is None:
            exec(example.source, known)
    exec(LOOPS[library], known)


def test_every_loop_is_run() -> None:
    assert set(LOOPS) == {"scipy", "jax", "torch"}
    assert all("assert " in loop for loop in LOOPS.values())
