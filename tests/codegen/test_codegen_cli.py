"""`symbackprop compile`: source to the screen or to a file that is written whole or not at all."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from symbackprop import cli

SPEC = '[mlp]\nsizes = [3, 2]\nactivation = "tanh"\nsamples = "m"\n'


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "net.toml"
    path.write_text(SPEC, encoding="utf-8")
    return path


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr(sys, "argv", ["symbackprop", "compile", *map(str, arguments)])
    try:
        cli.main()
    except SystemExit as stopped:
        return int(stopped.code or 0)
    return 0


def test_the_source_is_printed(spec: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, spec) == 0
    printed = capsys.readouterr().out
    assert "Z1 = X @ W1 + b1" in printed
    compile(printed, "gradients.py", "exec")


def test_the_source_is_written_and_nothing_else_is_left(spec: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    place = spec.parent / "made" / "gradients.py"
    assert run(monkeypatch, spec, "-o", place, "-n", "ng", "--backend", "numpy") == 0
    assert f"wrote {place}" in capsys.readouterr().out
    assert "Z1 = W1 @ X + b1[:, None]" in place.read_text(encoding="utf-8")
    assert [p.name for p in place.parent.iterdir()] == ["gradients.py"]


def test_the_notation_of_the_file_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "net.toml"
    path.write_text('notation = "nielsen"\n' + SPEC, encoding="utf-8")
    assert run(monkeypatch, path) == 0
    assert "Z1 = w1 @ X + b1[:, None]" in capsys.readouterr().out


def test_what_cannot_be_done_is_said_in_one_line(spec: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, spec, "-b", "nunpy") == 2
    assert "did you mean 'numpy'" in capsys.readouterr().err
    assert run(monkeypatch, spec, "-o", spec / "below" / "a_file.py") == 2
    assert "cannot write" in capsys.readouterr().err
    (spec.parent / "folder").mkdir()
    assert run(monkeypatch, spec, "-o", spec.parent / "folder") == 2
    assert sorted(p.name for p in spec.parent.iterdir()) == ["folder", "net.toml"]
