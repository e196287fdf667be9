"""What is installed is complete: the package as the wheel lays it out writes notes far from any checkout; README's commands."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from symbackprop.documents.templates import environment

TOP = Path(__file__).parent.parent

WRITE = """
import sys
sys.path.insert(0, sys.argv[1])
import symbackprop
from symbackprop.documents.templates import environment
assert symbackprop.__file__.startswith(sys.argv[1]), symbackprop.__file__
assert environment("latex").get_template("article.tex").filename.startswith(sys.argv[1])
assert symbackprop.derive(symbackprop.mlp([2, 1])).save("out")
"""


def test_the_wheel_as_pyproject_describes_it_writes_notes(tmp_path: Path) -> None:
    """The same files in the same places as in the wheel, built by copying, since building one needs the network."""
    wheel = tomllib.loads((TOP / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["build"]["targets"]["wheel"]
    site = tmp_path / "site"
    for package in wheel["packages"]:
        shutil.copytree(TOP / package, site / package, ignore=shutil.ignore_patterns("__pycache__"))
    for source, target in wheel["force-include"].items():
        shutil.copytree(TOP / source, site / target)
    done = subprocess.run([sys.executable, "-I", "-c", WRITE, str(site)], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert {p.name for p in (tmp_path / "out").iterdir()} == {"notes.tex", "notes.html", "fragments"}


@pytest.mark.parametrize(("medium", "template"), [("latex", "article.tex"), ("latex", "fragment.tex"), ("html", "page.html"), ("html", "notes.css")])
def test_templates_are_found(medium: str, template: str) -> None:
    found = environment(medium).get_template(template).filename
    assert found is not None
    assert Path(found).is_file()


def test_readme_has_the_two_commands_that_ci_runs() -> None:
    blocks = re.findall(r"^```bash\n(.*?)^```", (TOP / "README.md").read_text(encoding="utf-8"), re.M | re.S)
    first, second = [b.strip() for b in blocks if "-m venv" in b]
    assert first == "python3 -m venv .venv && .venv/bin/pip install . && .venv/bin/symbackprop notes"
    assert re.fullmatch(r"python3 -m venv \.venv && \.venv/bin/pip install (-e )?'\.\[test\]' && \.venv/bin/pytest -n auto", second)
