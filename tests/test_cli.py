"""The command line: what it writes, how it fails, and that a failure leaves nothing half-written behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from symbackprop import cli, doors
from symbackprop.builders import mlp
from symbackprop.cli.commands import command
from symbackprop.documents.saving import save
from symbackprop.errors import CannotWrite, InputError, NotProved

SMALL = '[mlp]\nsizes = [2, 1]\nactivation = "identity"\n'


class Ran(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> Callable[..., Ran]:
    """Run `symbackprop ARGUMENTS` inside `tmp_path` as the installed command does."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> Ran:
        monkeypatch.setattr(sys, "argv", ["symbackprop", *arguments])
        code: Any = 0
        try:
            cli.main()
        except SystemExit as stop:
            code = stop.code
        return Ran(code, *capfd.readouterr())

    return call


def files_in(folder: Path) -> dict[str, str]:
    """Every file below a folder with its text, hidden ones included."""
    return {str(p.relative_to(folder)): p.read_text(encoding="utf-8") for p in sorted(folder.rglob("*")) if p.is_file()}


def assert_refused(ran: Ran, *says: str) -> None:
    """Exit code 2, one paragraph on stderr that says what it must, and nothing on stdout."""
    assert ran.code == 2
    assert ran.out == ""
    assert ran.err.startswith("symbackprop: ")
    assert ran.err.count("\n") == 1
    assert "Traceback" not in ran.err
    for words in says:
        assert words in ran.err


# ---------------------------------------------------------------- help, and what it does not import


def fresh(code: str, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Python code in a process of its own that finds the package as this one does."""
    path = os.pathsep.join([str(Path(cli.__file__).parent.parent), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": path}
    return subprocess.run([sys.executable, "-c", code, *arguments], cwd=cwd, env=environment, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize(
    "arguments", [("--help",), ("-h",), ("--version",), ("notes", "--help"), ("list", "--help"), ("check", "--help")], ids=" ".join
)
def test_help_does_not_wait_for_sympy(arguments: tuple[str, ...], tmp_path: Path) -> None:
    code = (
        "import sys\nfrom symbackprop.cli import main\ntry:\n    main()\nexcept SystemExit as stop:\n    assert not stop.code\n"
        "heavy = {'sympy', 'numpy', 'flint', 'jinja2'} & set(sys.modules)\nassert not heavy, heavy"
    )
    done = fresh(code, *arguments, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "symbackprop" in done.stdout


def test_help_names_every_command_and_option(run: Callable[..., Ran]) -> None:
    assert {"list", "notes"} <= set(run("--help").out.split())
    assert {"--notation", "--detail", "--format", "--output"} <= set(re.findall(r"--\w+", run("notes", "--help").out))


def test_help_says_what_each_option_takes(run: Callable[..., Ran]) -> None:
    """The oracle is the registries: every name that an option knows stands in the help of its command."""
    from symbackprop.checker.report.formats import FORMATS as REPORTS
    from symbackprop.codegen.backends import BACKENDS
    from symbackprop.derivation import DETAILS
    from symbackprop.documents.formats import FORMATS
    from symbackprop.worksheet.files import FORMATS as SHEETS

    for name, known in (("notes", (*FORMATS, *DETAILS)), ("worked", FORMATS), ("worksheet", SHEETS), ("compile", BACKENDS), ("check", REPORTS)):
        assert set(known) <= set(re.findall(r"\w+", run(name, "--help").out)), name
    for name in command.commands:
        shown = run(name, "--help").out
        assert not re.search(r"\bTEXT\b", shown), f"{name}: {shown}"
    assert "..." not in run("--help").out.split("Commands:")[1]


def examples(shown: str) -> list[str]:
    """The lines of a help that are to be typed."""
    return re.findall(r"^ +symbackprop (.+)$", shown, re.MULTILINE)


def table_in(shown: str) -> str:
    """The file that a help shows."""
    return "".join(re.findall(r"^ {6}(\[.+\]\n|\w+ = .+\n)", shown, re.MULTILINE))


@pytest.mark.parametrize("name", sorted(set(command.commands) - {"notes", "translate"}))
def test_what_help_shows_can_be_typed(name: str, run: Callable[..., Ran], tmp_path: Path) -> None:
    """In a folder with the files that the examples name; the table in the help of `worked` is one of them."""
    for place, arguments in (("net.toml", ()), ("homework.toml", ()), ("numbers.toml", ("worked",))):
        (tmp_path / place).write_text(table_in(run(*arguments, "--help").out), encoding="utf-8")
    (tmp_path / "submissions").mkdir()
    for place in ("derivation.md", "submissions/alice.md"):
        (tmp_path / place).write_text(r"$$\delta^3 = a^3 - y$$", encoding="utf-8")
    typed = examples(run(name, "--help").out)
    assert typed
    for line in typed:
        ran = run(*line.split())
        assert (ran.code, ran.err) == (0, ""), line


def test_what_the_help_of_slow_commands_shows_is_understood() -> None:
    """Parsed, not run: other tests write the lecture and translate."""
    for name in ("notes", "translate"):
        shown = command.commands[name]
        typed = examples(shown.get_help(shown.make_context(name, [] if name == "notes" else ["--to", "ng"])))
        assert typed
        for line in typed:
            assert shown.make_context(name, line.split()[1:]).params


def test_list_names_what_the_options_take(run: Callable[..., Ran]) -> None:
    assert "nielsen" in run("list", "notations").out
    everything = run("list").out
    assert [line.split(":")[0] for line in everything.splitlines()] == ["activations", "losses", "penalties", "layers", "notations", "languages"]
    assert "sigmoid" in everything


# ---------------------------------------------------------------- what is written


def test_notes_are_written_from_a_process_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "net.toml").write_text(SMALL, encoding="utf-8")
    done = fresh("from symbackprop.cli import main; main()", "notes", "net.toml", "-o", "made/here", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    written = files_in(tmp_path / "made" / "here")
    fragments = [name for name in written if name.startswith("fragments")]
    assert sorted(written) == sorted([*fragments, "notes.html", "notes.tex"])
    assert len(fragments) >= 3
    assert r"\begin{document}" in written["notes.tex"]
    assert "<math" in written["notes.html"]
    lines = done.stdout.splitlines()
    first = re.fullmatch(r"(\d+) equations: (.+)", lines[0])
    assert first is not None
    assert int(first[1]) == sum(int(n) for n in re.findall(r"(?:^|, )(\d+) ", first[2]))
    assert f"wrote {len(fragments)} fragments in {Path('made/here/fragments')}" in lines


def test_the_formats_asked_for_are_written_and_no_other(run: Callable[..., Ran], tmp_path: Path) -> None:
    (tmp_path / "net.toml").write_text(SMALL, encoding="utf-8")
    assert run("notes", "net.toml", "-f", "html", "-o", "o").code == 0
    assert sorted(files_in(tmp_path / "o")) == ["notes.html"]
    assert run("notes", "net.toml", "-f", "tex, tex", "-o", "p").code == 0
    assert "notes.tex" in files_in(tmp_path / "p")
    assert "notes.html" not in files_in(tmp_path / "p")


def test_the_file_says_notation_and_detail_and_the_command_line_overrules_it(run: Callable[..., Ran], tmp_path: Path) -> None:
    (tmp_path / "net.toml").write_text('notation = "wt"\ndetail = "results"\n' + SMALL, encoding="utf-8")
    (tmp_path / "mine.toml").write_text('extends = "nielsen"\n[symbols]\na = "h"\n', encoding="utf-8")

    def fragment(*arguments: str) -> str:
        assert run("notes", "net.toml", "-f", "tex", "-o", "o", *arguments).code == 0
        return (tmp_path / "o" / "fragments" / "backward.tex").read_text(encoding="utf-8")

    said = fragment()
    assert "^{(1)}" in said
    assert "chain rule" not in said
    assert "chain rule" in fragment("-d", "steps")
    assert "^{(1)}" not in fragment("-n", "nielsen")
    assert "h^2_1" in fragment("-n", "mine.toml")


def test_a_name_is_text_and_never_markup(run: Callable[..., Ran], tmp_path: Path) -> None:
    (tmp_path / "net.toml").write_text(r'name = "50% of <b>a_b</b> & \\x"' + "\n" + SMALL, encoding="utf-8")
    assert run("notes", "net.toml", "-o", "o").code == 0
    written = files_in(tmp_path / "o")
    assert "<title>50% of &lt;b&gt;a_b&lt;/b&gt; &amp; \\x</title>" in written["notes.html"]
    assert "<b>" not in written["notes.html"]
    assert r"50\% of" in written["notes.tex"]
    assert r"a\_b" in written["notes.tex"]


def test_a_second_run_replaces_what_the_first_wrote(run: Callable[..., Ran], tmp_path: Path) -> None:
    (tmp_path / "net.toml").write_text(SMALL, encoding="utf-8")
    (tmp_path / "o").mkdir()
    (tmp_path / "o" / "mine.txt").write_text("mine", encoding="utf-8")
    (tmp_path / "o" / "notes.tex").write_text("old", encoding="utf-8")
    assert run("notes", "net.toml", "-o", "o").code == 0
    written = files_in(tmp_path / "o")
    assert written["mine.txt"] == "mine"
    assert written["notes.tex"] != "old"
    assert not [p for p in (tmp_path / "o").iterdir() if p.name.startswith(".")]


# ---------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), ["name a command", "notes"]),
        (("note",), ["unknown command 'note'", "did you mean 'notes'?"]),
        (("notes", "--formt", "tex"), ["--formt", "--format"]),
        (("notes", "-o"), ["-o", "argument"]),
        (("notes", "a.toml", "b.toml"), ["b.toml"]),
        (("notes", "-f", "htlm"), ["unknown format 'htlm'; did you mean 'html'?"]),
        (("notes", "-f", "tex,htlm"), ["did you mean 'html'?"]),
        (("notes", "-f", ""), ["unknown format ''", "html, ipynb, md"]),
        (("notes", "-n", "nilsen"), ["unknown notation 'nilsen'; did you mean 'nielsen'?"]),
        (("notes", "-n", ""), ["unknown notation ''"]),
        (("notes", "-n", "nowhere.toml"), ["nowhere.toml", "No such file"]),
        (("notes", "-d", "stepz"), ["unknown detail 'stepz'; did you mean 'steps'?"]),
        (("notes", "nowhere.toml"), ["cannot read 'nowhere.toml'", "No such file"]),
        (("notes", "."), ["cannot read '.'", "it is a folder"]),
        (("compile", "nowhere/net.toml"), ["cannot read 'nowhere/net.toml': No such file or directory; there is no folder 'nowhere'\n"]),
        (("translate", "--to", "ng", "-o", "both.pdf"), ["both.pdf: unknown ending '.pdf'. Known: .html, .tex."]),
        (("list", "activatons"), ["unknown list 'activatons'; did you mean 'activations'?"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_arguments_that_cannot_be_used(arguments: tuple[str, ...], says: list[str], run: Callable[..., Ran], tmp_path: Path) -> None:
    assert_refused(run(*arguments), *says)
    assert files_in(tmp_path) == {}


TENSORS = "\n[tensors]\nw = [3, 2]\nx = [2]\n"
BAD_FILES = {
    "not TOML": ("[mlp\n", ["is not a TOML file", "line 1"]),
    "nothing": ("", ["no network is described", "[mlp]"]),
    "unknown key": ('colour = "red"\n[mlp]\nsizes = [2, 1]\n', ["unknown key 'colour'"]),
    "misspelt key": ('[mlp]\nsizes = [2, 1]\nactivatoin = "tanh"\n', ["[mlp]", "'activatoin'; did you mean 'activation'?"]),
    "value of the wrong kind": ('[mlp]\nsizes = "2, 1"\n', ["sizes must be a list"]),
    "misspelt activation": ('[mlp]\nsizes = [2, 1]\nactivation = "sigmod"\n', ["unknown activation 'sigmod'; did you mean 'sigmoid'?"]),
    "misspelt loss": ('[mlp]\nsizes = [2, 1]\nloss = "quadratc"\n', ["unknown loss 'quadratc'; did you mean 'quadratic'?"]),
    "unknown penalty": ('[mlp]\nsizes = [2, 1]\npenalty = "l3"\n', ["unknown penalty 'l3'", "l2"]),
    "one size": ("[mlp]\nsizes = [2]\n", ["at least an input and an output size"]),
    "a size of zero": ("[mlp]\nsizes = [2, 0]\n", ["positive whole number", "0"]),
    "two descriptions": ("[mlp]\nsizes = [2, 1]\n[deep]\n", ["leave out deep"]),
    "loss that does not fit": ('[mlp]\nsizes = [2, 1]\noutput = "tanh"\nloss = "cross_entropy"\n', ["takes probabilities", "use 'softmax'"]),
    "loss on logits": ('[mlp]\nsizes = [2, 1]\nloss = "cross_entropy_logits"\n', ["takes logits", "use output = 'identity'"]),
    "sizes that do not chain": ('equations = ["z[j] = sum(k, w[j, k]*x[k])", "C = sum(j, z[j])"]\n[tensors]\nw = [3, 2]\nx = [4]\n', ["2 and 4"]),
    "undefined quantity": ('equations = ["C = sum(j, v[j])"]' + TENSORS, ["'C = sum(j, v[j])'", "unknown tensor 'v'"]),
    "unknown function": ('equations = ["C = sum(j, tanhh(x[j]))"]' + TENSORS, ["'tanhh'"]),
    "defined twice": ('equations = ["C = sum(j, x[j])", "C = sum(j, x[j]**2)"]' + TENSORS, ["C is defined twice"]),
    "needs itself": ('equations = ["a[j] = tanh(b[j])", "b[j] = tanh(a[j])", "C = sum(j, a[j])"]\n', ["a, b", "no cycles"]),
    "goes round in a circle": (
        'equations = ["a[j] = tanh(b[j])", "b[j] = tanh(a[j])", "C = sum(j, a[j])"]\n[tensors]\na = [2]\nb = [2]\n',
        ["in a circle", "a needs b needs a"],
    ),
    "loss with axes": ('equations = ["z[j] = x[j]"]' + TENSORS, ["the loss must be a single number"]),
    "unknown loss equation": ('equations = ["C = sum(j, x[j])"]\nloss = "D"' + TENSORS, ["the loss 'D' has no equation"]),
    "unknown parameter": ('equations = ["C = sum(j, x[j])"]\nparameters = ["u"]' + TENSORS, ["among the parameters 'u'"]),
    "no parameter": ('equations = ["C = sum(j, x[j])"]' + TENSORS, ["depends on no parameter"]),
    "constant loss": ('equations = ["C = 1"]\nparameters = ["x"]' + TENSORS, ["depends on no parameter"]),
    "code": ('equations = ["C = __import__(os)"]' + TENSORS, ["cannot read the formula"]),
    "misspelt notation": ('notation = "nilsen"\n' + SMALL, ["did you mean 'nielsen'?"]),
    "misspelt detail": ('detail = "stepz"\n' + SMALL, ["did you mean 'steps'?"]),
}  # fmt: skip


@pytest.mark.parametrize("kind", BAD_FILES)
def test_a_file_that_cannot_be_used_is_named_with_what_is_wrong(kind: str, run: Callable[..., Ran], tmp_path: Path) -> None:
    text, says = BAD_FILES[kind]
    (tmp_path / "net.toml").write_text(text, encoding="utf-8")
    assert_refused(run("notes", "net.toml", "-o", "o"), "net.toml", *says)
    assert sorted(files_in(tmp_path)) == ["net.toml"]
    assert not (tmp_path / "o").exists()


@pytest.mark.parametrize("command", ["notes", "compile", "worked", "worksheet", "picture"])
def test_a_file_that_is_missing_is_answered_with_the_one_beside_it(command: str, run: Callable[..., Ran], tmp_path: Path) -> None:
    (tmp_path / "net.toml").write_text(SMALL, encoding="utf-8")
    assert_refused(run(command, "net.tml"), "cannot read 'net.tml'", "did you mean 'net.toml'?")


def test_a_notation_that_a_file_names_stands_beside_that_file(run: Callable[..., Ran], tmp_path: Path) -> None:
    (tmp_path / "course").mkdir()
    (tmp_path / "course" / "mine.toml").write_text('extends = "nielsen"\n[symbols]\na = "h"\n', encoding="utf-8")
    (tmp_path / "course" / "net.toml").write_text('notation = "mine.toml"\n' + SMALL, encoding="utf-8")
    (tmp_path / "hand.md").write_text("$$h^2 = z^2$$", encoding="utf-8")
    assert run("picture", "course/net.toml", "-f", "tex", "-o", "o").code == 0
    assert "h^2" in (tmp_path / "o" / "graph.tex").read_text(encoding="utf-8")
    assert run("check", "hand.md", "-p", "course/net.toml").code == 0
    (tmp_path / "course" / "mine.toml").rename(tmp_path / "mine.toml")
    for arguments in (("picture", "course/net.toml"), ("check", "hand.md", "-p", "course/net.toml")):
        assert_refused(run(*arguments), "cannot read the notation 'course/mine.toml'", "there is course/net.toml")


@pytest.mark.parametrize("arguments", [("--kind", "grph"), ("--notation", "nilsen")])
def test_what_is_wrong_on_the_command_line_is_not_said_of_the_file(arguments: tuple[str, ...], run: Callable[..., Ran], tmp_path: Path) -> None:
    (tmp_path / "net.toml").write_text(SMALL, encoding="utf-8")
    ran = run("picture", "net.toml", *arguments)
    assert_refused(ran, "did you mean")
    assert "net.toml" not in ran.err


def test_numbers_that_are_not_given_are_asked_for(run: Callable[..., Ran], tmp_path: Path) -> None:
    (tmp_path / "net.toml").write_text(SMALL, encoding="utf-8")
    assert_refused(run("worked", "net.toml"), "net.toml: no numbers are given for w1, b1, x, y", "[values]")


NETWORK = ("picture", "{}")
PROBLEM = ("check", "hand.md", "-p", "{}")
LETTERS = ("picture", "net.toml", "-n", "{}")
SPECIFIED = b'[mlp]\nsizes = [2, 1]\nactivation = "identity"\n'


@pytest.mark.parametrize("arguments", [NETWORK, PROBLEM, LETTERS], ids=["network", "problem", "notation"])
@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"\xff\xfe\x00", "not a TOML file"),
        (b"[mlp\n", "not a TOML file: Expected"),
        (b"a = \xff", "is not text in UTF-8, byte 5 cannot be read"),
        (bytes(range(256)) * 10, "not a TOML file"),
        (b"a = " + b"[" * 100_000, "not a TOML file"),
        (b"#" * (9 * 2**20), "has more than 8 MB"),
    ],
    ids=["mark alone", "no TOML", "Latin-1", "bytes", "nested", "huge"],
)
def test_a_file_that_cannot_be_read(arguments: tuple[str, ...], content: bytes, says: str, run: Callable[..., Ran], tmp_path: Path) -> None:
    (tmp_path / "net.toml").write_bytes(SPECIFIED)
    (tmp_path / "hand.md").write_text("$$x = x$$", encoding="utf-8")
    (tmp_path / "odd.toml").write_bytes(content)
    assert_refused(run(*[a.format("odd.toml") for a in arguments]), "'odd.toml'", says)


@pytest.mark.parametrize("arguments", [NETWORK, PROBLEM, LETTERS], ids=["network", "problem", "notation"])
def test_a_place_where_no_file_is(arguments: tuple[str, ...], run: Callable[..., Ran], tmp_path: Path) -> None:
    (tmp_path / "net.toml").write_bytes(SPECIFIED)
    (tmp_path / "hand.md").write_text("$$x = x$$", encoding="utf-8")
    (tmp_path / "folder.toml").mkdir()
    (tmp_path / "broken.toml").symlink_to("nowhere.toml")
    for name, says in (
        ("NTE.toml", "did you mean 'net.toml'?"),
        ("Net.toml", "did you mean 'net.toml'?"),
        ("homework.toml", "No such file or directory; there is net.toml"),
        ("folder.toml", "it is a folder"),
        ("broken.toml", "it is a link to 'nowhere.toml', which is not there"),
        ("below/net.toml", "there is no folder 'below'"),
        ("net.toml/net.toml", "a file stands where a folder is needed"),
        ("x" * 300 + ".toml", "File name too long"),
    ):
        assert_refused(run(*[a.format(name) for a in arguments]), name, says)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le-mark", "crlf"])
def test_what_editors_write_is_read(encoding: str, run: Callable[..., Ran], tmp_path: Path) -> None:
    text = 'name = "größe"\r\n' if encoding == "crlf" else 'name = "größe"\n'
    text += SPECIFIED.decode()
    data = ("\ufeff" + text).encode("utf-16-le") if encoding == "utf-16-le-mark" else text.encode("utf-8" if encoding == "crlf" else encoding)
    (tmp_path / "net.toml").write_bytes(data)
    (tmp_path / "hand.md").write_bytes("$$w^2 x = w^2 x$$".encode("utf-8" if encoding == "crlf" else "utf-16"))
    assert run("picture", "net.toml").code == 0
    ran = run("check", "hand.md", "-p", "net.toml")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("hand.md: größe\n")


# ---------------------------------------------------------------- places that cannot be written


@pytest.mark.parametrize("place", ["file", "file/below", "file/below/that", "folder", "o" * 300])
def test_an_output_place_that_cannot_be_written(place: str, run: Callable[..., Ran], tmp_path: Path) -> None:
    """A file stands where the folder should be, a folder where a file should be, or the name is too long."""
    (tmp_path / "net.toml").write_text(SMALL, encoding="utf-8")
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    (tmp_path / "folder" / "notes.html").mkdir(parents=True)
    before = sorted(p for p in tmp_path.rglob("*"))
    assert_refused(run("notes", "net.toml", "-o", place), f"cannot write to the folder '{place}'", "name another with -o")
    if place.startswith("file"):
        assert_refused(run("notes", "net.toml", "-o", place), "a file stands where a folder is needed")
    assert sorted(p for p in tmp_path.rglob("*")) == before
    assert (tmp_path / "file").read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize("existing", [True, False], ids=["over old files", "into a new folder"])
@pytest.mark.parametrize("kind", [OSError(28, "No space left on device"), OSError("odd"), KeyboardInterrupt()], ids=["full", "odd", "interrupt"])
@pytest.mark.parametrize(("method", "at"), [("write_text", 1), ("write_text", 3), ("replace", 1), ("replace", 2), ("replace", 4)])
def test_an_interrupted_write_leaves_everything_as_it_was(
    method: str, at: int, kind: BaseException, existing: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes = doors.derive(mlp([2, 1], activation="identity"))
    folder = tmp_path / "a" / "b"
    if existing:
        save(notes, folder, ("tex",))
        for p in folder.rglob("*.tex"):
            p.write_text("old", encoding="utf-8")
    before, all_before = files_in(tmp_path), sorted(tmp_path.rglob("*"))
    calls, real = 0, getattr(Path, method)

    def failing(self: Path, *args: Any, **keywords: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == at:
            raise kind
        return real(self, *args, **keywords)

    with monkeypatch.context() as patch:
        patch.setattr(Path, method, failing)
        with pytest.raises(CannotWrite if isinstance(kind, OSError) else KeyboardInterrupt) as caught:
            save(notes, folder)
    assert calls >= at
    if isinstance(kind, OSError):
        assert "None" not in str(caught.value)
    assert files_in(tmp_path) == before
    assert sorted(tmp_path.rglob("*")) == all_before


def test_what_is_no_file_is_written_to_as_it_is(run: Callable[..., Ran], tmp_path: Path) -> None:
    """A pipe stays one, and so would a device; a link is followed."""
    (tmp_path / "net.toml").write_text(SMALL, encoding="utf-8")
    os.mkfifo(tmp_path / "pipe")
    with subprocess.Popen(["cat", str(tmp_path / "pipe")], stdout=subprocess.PIPE) as reader:
        assert run("compile", "net.toml", "-o", "pipe").code == 0
        assert reader.communicate(timeout=20)[0].startswith(b'"""Loss and gradients')
    assert (tmp_path / "pipe").is_fifo()
    (tmp_path / "link.py").symlink_to("target.py")
    assert run("compile", "net.toml", "-o", "link.py").code == 0
    assert (tmp_path / "link.py").is_symlink()
    assert (tmp_path / "target.py").read_text(encoding="utf-8").startswith('"""Loss and gradients')


@pytest.mark.parametrize(
    "arguments", [("compile", "net.toml", "-o", "net.toml"), ("compile", "net.toml", "-o", "link.toml"), ("worksheet", "problem.toml", "-o", ".")],
    ids=["itself", "a link", "among the files"],
)  # fmt: skip
def test_no_input_is_written_over(arguments: tuple[str, ...], run: Callable[..., Ran], tmp_path: Path) -> None:
    for name in ("net.toml", "problem.toml"):
        (tmp_path / name).write_text(SMALL, encoding="utf-8")
    (tmp_path / "link.toml").symlink_to("net.toml")
    before = files_in(tmp_path)
    assert_refused(run(*arguments), "it is read, and would be lost; name another")
    assert files_in(tmp_path) == before


# ---------------------------------------------------------------- the terminal


MAIN = "from symbackprop.cli import main; main()"


@pytest.mark.parametrize("arguments", ["list", "notes --help", "compile net.toml", "check hand.md -p net.toml", "check hand.md -p net.toml -f json"])
def test_a_pipe_that_nobody_reads_and_a_device_that_is_full(arguments: str, tmp_path: Path) -> None:
    """128 and the number of SIGPIPE, as of any other program; a full device is a place that cannot be written."""
    (tmp_path / "net.toml").write_text(SMALL, encoding="utf-8")
    (tmp_path / "hand.md").write_text("$$w^2 x = w^2 x$$", encoding="utf-8")
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-c", MAIN, *arguments.split()]
    environment = {**os.environ, "PYTHONPATH": str(Path(cli.__file__).parents[2])}
    with os.fdopen(write, "wb") as out:
        done = subprocess.run(command, cwd=tmp_path, env=environment, stdout=out, stderr=subprocess.PIPE, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (141, "")
    if Path("/dev/full").is_char_device():
        with open("/dev/full", "wb") as full:
            done = subprocess.run(command, cwd=tmp_path, env=environment, stdout=full, stderr=subprocess.PIPE, text=True, timeout=120)
        assert (done.returncode, done.stderr) == (2, "symbackprop: cannot write to standard output: No space left on device\n")


def test_a_terminal_without_the_letters_shows_their_numbers_and_files_are_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "net.toml").write_text('name = "größe"\n' + SMALL, encoding="utf-8")
    (tmp_path / "hand.md").write_text("$$w^2 x = w^2 x$$", encoding="utf-8")
    command = [sys.executable, "-c", MAIN, "check", "hand.md", "-p", "net.toml"]
    environment = {**os.environ, "PYTHONPATH": str(Path(cli.__file__).parents[2]), "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, timeout=120)
    assert done.stdout.startswith(rb"hand.md: gr\xf6\xdfe")
    page = subprocess.run([*command, "-f", "html"], cwd=tmp_path, env=environment, capture_output=True, timeout=120)
    assert "größe" in page.stdout.decode("utf-8")


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
@pytest.mark.parametrize("after", [0.7, 1.5])
def test_a_signal_to_the_whole_group_ends_all_without_a_trace(name: str, after: float, tmp_path: Path) -> None:
    """As a terminal sends it, while workers start or work."""
    (tmp_path / "net.toml").write_text(SMALL, encoding="utf-8")
    for number in range(40):
        (tmp_path / f"s{number}.md").write_text("$$w^2 x = w^2 x$$\n" * 50, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(Path(cli.__file__).parents[2])}
    # where tests run in the background SIGINT is ignored, and stays so in what they start
    start = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); print(flush=True); "
    command = [sys.executable, "-c", start + MAIN, "check", ".", "-p", "net.toml", "-o", "reports"]
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as done:
        assert done.stdout is not None
        done.stdout.readline()
        time.sleep(after)
        os.killpg(done.pid, getattr(signal, name))
        err = done.communicate(timeout=60)[1]
    assert done.returncode == 128 + getattr(signal, name)
    assert "Traceback" not in err
    assert not list(tmp_path.rglob(".writing-*"))


def test_the_package_is_a_command_too(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(cli.__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, "-m", "symbackprop", "list", "languages"], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout) == (0, "languages: en, vi, zh_Hans, zh_Hant\n")


# ---------------------------------------------------------------- the other ends


def _raises(error: BaseException) -> Callable[..., Any]:
    def fail(*args: Any, **keywords: Any) -> Any:
        raise error

    return fail


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (NotProved("step 2 of BP1 is refuted: 1 is not 2"), 1, "symbackprop: not proved: step 2 of BP1 is refuted: 1 is not 2\n"),
        (InputError("no"), 2, "symbackprop: no\n"),
        (KeyboardInterrupt(), 130, "\nsymbackprop: stopped\n"),
    ],
    ids=["not proved", "input", "interrupt"],
)
def test_exit_codes(
    error: BaseException, code: int, says: str, run: Callable[..., Ran], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doors, "lecture", _raises(error))
    ran = run("notes", "-o", "o")
    assert ran.code == code
    assert ran.err == says
    assert not (tmp_path / "o").exists()
