"""What is skipped elsewhere fails where CI is set; a run of pytest by itself over a few small tests is the judge."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

CASES = {
    "mark": "import pytest\nfrom programs import needs\n@needs('no-such-program')\ndef test_a(): pass\n",
    "words": "import pytest\ndef test_a(): pytest.skip('no font')\n",
    "library": "import pytest\ndef test_a(): pytest.importorskip('no_such_library')\n",
    "module": "import pytest\npytest.importorskip('no_such_library')\ndef test_a(): pass\n",
}


def outcome(folder: Path, source: str, **environment: str) -> str:
    """The last line of pytest."""
    (folder / "conftest.py").write_text(Path(__file__).with_name("conftest.py").read_text(encoding="utf-8"), encoding="utf-8")
    (folder / "test_a.py").write_text(source, encoding="utf-8")
    run = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-c", os.devnull, "--rootdir", str(folder), str(folder / "test_a.py")]
    kept = {k: v for k, v in os.environ.items() if k != "CI" and not k.startswith("PYTEST")}
    paths = os.pathsep.join((str(Path(__file__).parent), str(Path(__file__).parent.parent)))
    done = subprocess.run(run, env={**kept, "PYTHONPATH": paths, **environment}, cwd=folder, capture_output=True, text=True, timeout=120)
    return done.stdout.strip().splitlines()[-1] + (" with the reason" if "skipped, where CI is set" in done.stdout else "")


@pytest.mark.parametrize("kind", CASES)
def test_a_skip_fails_in_ci_and_there_only(kind: str, tmp_path: Path) -> None:
    assert "1 skipped" in outcome(tmp_path, CASES[kind])
    found = outcome(tmp_path, CASES[kind], CI="true")
    assert "1 error" in found or "1 failed" in found
    assert found.endswith("with the reason")


def test_an_expected_failure_is_no_skip(tmp_path: Path) -> None:
    found = outcome(tmp_path, "import pytest\n@pytest.mark.xfail\ndef test_a(): assert False\ndef test_b(): pass\n", CI="true")
    assert "1 passed, 1 xfailed" in found
