"""The examples run as their first lines say, each in a process of its own, and do what they promise."""

from __future__ import annotations

import ast
import re
import struct
import subprocess
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).parent.parent
DIGITS = TOP / "examples" / "digits.py"


def run(*arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    before = f"import sys; sys.path.insert(0, {str(TOP)!r}); "  # the checkout, installed or not
    start = f"import runpy; sys.argv = {list(map(str, arguments))!r}; runpy.run_path({str(DIGITS)!r}, run_name='__main__')"
    return subprocess.run([sys.executable, "-c", before + start], cwd=cwd, capture_output=True, text=True, timeout=120)


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """What the example prints, and where it wrote."""
    pytest.importorskip("sklearn")
    pytest.importorskip("matplotlib")
    place = tmp_path_factory.mktemp("digits")
    done = run("digits.py", cwd=place)
    assert done.returncode == 0, done.stderr
    return done.stdout, place / "output"


def test_the_digits_are_learned(digits: tuple[str, Path]) -> None:
    found = re.search(r"test accuracy ([0-9.]+)% of 359 images", digits[0])
    assert found is not None
    assert float(found[1]) > 95
    first, last = map(float, re.findall(r"loss ([0-9.]+) -> ([0-9.]+)", digits[0])[0])
    assert 2.2 < first < 2.7  # log 10 is what a guess costs
    assert last < 0.1


def test_the_picture_and_the_gradients_are_written_and_named(digits: tuple[str, Path]) -> None:
    said, place = digits
    assert sorted(p.name for p in place.iterdir()) == ["digits.png", "digits_gradients.py"]
    for path in place.iterdir():
        assert f"wrote output/{path.name}" in said.replace("\\", "/")
    head = (place / "digits.png").read_bytes()[:24]
    assert head.startswith(b"\x89PNG")
    width, height = struct.unpack(">II", head[16:])
    assert min(width, height) > 500


def test_what_trains_is_the_emitted_file_and_numpy(digits: tuple[str, Path]) -> None:
    """The emitted module imports NumPy and nothing else; outside of `write_gradients` the example never asks symbackprop."""
    emitted = ast.parse((digits[1] / "digits_gradients.py").read_text(encoding="utf-8"))
    assert [a.name for node in ast.walk(emitted) if isinstance(node, ast.Import) for a in node.names] == ["numpy"]
    assert not [node for node in ast.walk(emitted) if isinstance(node, ast.ImportFrom)]
    example = ast.parse(DIGITS.read_text(encoding="utf-8"))
    functions = [f for f in example.body if isinstance(f, ast.FunctionDef)]
    asking = [f.name for f in functions for n in ast.walk(f) if isinstance(n, ast.Import) and n.names[0].name == "symbackprop"]
    assert asking == ["write_gradients"]


def test_an_epoch_number_that_cannot_be_is_refused(tmp_path: Path) -> None:
    done = run("digits.py", "--epochs", "-1", cwd=tmp_path)
    assert done.returncode == 2
    assert "--epochs counts from 0, not -1" in done.stderr
    assert not list(tmp_path.iterdir())
