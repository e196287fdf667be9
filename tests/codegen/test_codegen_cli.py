"""`symbackprop compile`: source to the screen or to a file that is written whole or not at all."""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from unicodedata import east_asian_width

import pytest

import symbackprop as sb
from symbackprop import cli
from symbackprop.codegen.function import emit
from symbackprop.codegen.module import WIDTH

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
    assert "Z2 = w2 @ X + b2[:, None]" in capsys.readouterr().out


def test_a_layout_and_another_derivative(spec: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The printed module is what `emit` gives for the same words."""
    net = sb.mlp([3, 2], activation="tanh", samples="m")
    for arguments, options in (
        (["--layout", "columns"], {"layout": "columns"}),
        (["-l", "columns", "-b", "jax"], {"layout": "columns", "backend": "jax"}),
        (["--wrt", "W1"], {"wrt": ["W1"]}),
        (["--wrt", "b1, X"], {"wrt": ["b1", "X"]}),
        (["--of", "A1", "--wrt", "Z1"], {"of": "A1", "wrt": ["Z1"]}),
        (["--of", "A1[0, 1]"], {"of": "A1[0, 1]"}),
    ):
        assert run(monkeypatch, spec, *arguments) == 0
        printed, expected = capsys.readouterr().out, emit(net, **options)  # type: ignore[arg-type]
        assert printed.replace("'net'", "'mlp'") == expected
        assert printed != emit(net)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--layout", "row"], "unknown layout 'row'; did you mean 'rows'? Known: columns, rows, single."),
        (["--layout", "single"], "layout='single' has no axis for the m samples"),
        (["--of", "A3"], "unknown computed quantity 'A3'. Known: A1, J, L, Z1."),
        (["--of", "A1[0, 2]"], "'A1[0, 2]' is no entry: the array has shape (m, 2)"),
        (["--wrt", "W1,W2"], "unknown quantity 'W2'. Known: A1, J, L, W1, X, Z1, b1."),
        (["--wrt", ""], "unknown quantity ''"),
        (["--dtype", "float32"], "No such option"),
        (["--lay", "rows"], "--layout"),
    ],
)
def test_what_cannot_be_asked_for(
    spec: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str], says: str
) -> None:
    assert run(monkeypatch, spec, *arguments, "-o", spec.parent / "gradients.py") == 2
    said = capsys.readouterr()
    assert says in said.err
    assert said.err.startswith("symbackprop: ")
    assert said.err.count("\n") == 1
    assert [p.name for p in spec.parent.iterdir()] == ["net.toml"]


def test_a_network_that_has_no_code_is_named_with_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "deep.toml"
    path.write_text('[deep]\nactivation = "tanh"\nloss = "quadratic"\n', encoding="utf-8")
    assert run(monkeypatch, path) == 2
    assert f"{path}: 'deep' has a symbolic depth L" in capsys.readouterr().err


def test_what_cannot_be_done_is_said_in_one_line(spec: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, spec, "-b", "nunpy") == 2
    assert "did you mean 'numpy'" in capsys.readouterr().err
    assert run(monkeypatch, spec, "-o", spec / "below" / "a_file.py") == 2
    assert "cannot write" in capsys.readouterr().err
    (spec.parent / "folder").mkdir()
    assert run(monkeypatch, spec, "-o", spec.parent / "folder") == 2
    assert sorted(p.name for p in spec.parent.iterdir()) == ["folder", "net.toml"]


@pytest.mark.parametrize("backend", ["numpy", "numba", "jax", "torch"])
@pytest.mark.parametrize(("language", "says"), [("vi", "đạo hàm của A1 theo W1"), ("zh_Hans", "A1 的值及其对 W1 的导数"), ("zh_Hant", "輸入 (m, 3)")])
def test_docstrings_are_in_the_language_asked_for(
    backend: str, language: str, says: str, spec: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """The statements are those of the English module, and no line that was translated is too long for a page of 110 columns."""
    assert run(monkeypatch, spec, "--of", "A1", "--wrt", "W1", "-b", backend) == 0
    english = capsys.readouterr().out
    assert run(monkeypatch, spec, "--of", "A1", "--wrt", "W1", "-b", backend, "--lang", language) == 0
    printed = capsys.readouterr().out
    assert says in printed
    assert ast.dump(_bare(printed)) == ast.dump(_bare(english))
    assert max(columns(line) for line in printed.splitlines() if line not in english) <= WIDTH


def columns(line: str) -> int:
    return sum(2 if east_asian_width(char) in "WF" else 1 for char in line)


def _bare(source: str) -> ast.Module:
    """A module without its docstrings."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.FunctionDef) and ast.get_docstring(node) is not None:
            del node.body[0]
    return tree


def test_an_unknown_language_is_an_error(spec: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, spec, "--lang", "vii") == 2
    assert "did you mean 'vi'" in capsys.readouterr().err
