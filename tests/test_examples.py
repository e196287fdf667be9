"""The examples run as their first lines say, each in a process of its own; the benchmark compares like with like."""

from __future__ import annotations

import ast
import re
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.speed.by_hand import BY_HAND
from benchmarks.speed.candidates import CANDIDATES
from benchmarks.speed.cases import ACTIVATIONS, Case, data
from benchmarks.speed.timing import error_of

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


QUICK = ("symbackprop numpy", "symbackprop numpy, reuse", "symbackprop source", "SymPy lambdify, cse", "autograd")  # to build


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("shape", ["S1", "S2"])
def test_what_is_timed_computes_the_same(shape: str, activation: str) -> None:
    """NumPy by hand is the oracle of the others, and central differences along a random line are its own."""
    case = Case(shape, activation)
    given = data(case)
    reference = BY_HAND.make(case, given).run()
    rng, h = np.random.default_rng(5), 1e-6
    along = {name: rng.normal(size=p.shape) for name, p in given.params.items()}
    for name in QUICK:
        if not CANDIDATES[name].misfit(case):
            call = CANDIDATES[name].make(case, given)
            assert error_of(call.arrays(call.run()), reference) < 1e-12, name
    losses = []
    for move in (1, -2):
        for name, p in given.params.items():
            p += move * h * along[name]
        losses.append(BY_HAND.make(case, given).run()[0])
    slope = sum(float((reference[1][name] * along[name]).sum()) for name in along)
    assert np.isclose((losses[0] - losses[1]) / 2 / h, slope, rtol=1e-5)


def test_a_wrong_candidate_is_seen() -> None:
    case = Case("S2")
    reference = BY_HAND.make(case, data(case)).run()
    for spoil in (lambda g: g * 1.001, lambda g: g[:-1], lambda g: g * np.nan):
        assert error_of((reference[0], reference[1] | {"W1": spoil(reference[1]["W1"])}), reference) > 5e-4
    assert error_of((reference[0], {"W1": reference[1]["W1"]}), reference) == np.inf
