"""The command line: one command, one call. Nothing heavy is imported before a command needs it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from symbackprop import __version__
from symbackprop.errors import InputError, NotProved, SpecError, UnknownName, one_of

if TYPE_CHECKING:
    from symbackprop.documents.blocks import Notes

__all__ = ["main"]

_LISTS = ("activations", "losses", "penalties", "layers", "notations", "languages")

_PATH = click.Path(path_type=Path)
_SPEC = click.argument("spec", type=_PATH)
_SPEC_OR_NONE = click.argument("spec", required=False, type=_PATH)
_NOTATION = click.option("--notation", "-n", metavar="NAME", help="A shipped notation, or the path of a TOML file that extends one.")
_LANGUAGE = click.option("--lang", "-l", "language", default="en", show_default=True, metavar="CODE",
                         help="The language of what is written; symbackprop list languages.")  # fmt: skip
_FORMATS = click.option("--format", "-f", "formats", default="tex,html", show_default=True, metavar="NAMES",
                        help="tex, html, md, ipynb, beamer, typ, pdf; with commas.")  # fmt: skip
_PDF_ENGINE = click.option("--pdf-engine", "engine", default="auto", show_default=True, metavar="NAME",
                           help="typst, latexmk or auto: latexmk where there is one.")  # fmt: skip
_TEMPLATES = click.option("--templates", metavar="DIR", help="A folder of templates of your own; docs/templates.md says how.")
_FOLDER = click.option("--output", "-o", default="output", show_default=True, type=_PATH, metavar="DIR", help="The folder to write to.")


@click.group(context_settings={"help_option_names": ["-h", "--help"]}, no_args_is_help=False)
@click.version_option(__version__, prog_name="symbackprop")
def command() -> None:
    """Backpropagation from a network's equations: derived, proved, typeset.

    SPEC is a TOML file that describes a network, such as

    \b
        [mlp]
        sizes = [2, 3, 2]
        activation = "tanh"
        output = "softmax"
        loss = "cross_entropy"
    """


@command.command(short_help="Notes on a network, or the built-in lecture.")
@_SPEC_OR_NONE
@_NOTATION
@click.option("--detail", "-d", metavar="NAME", help="How much is shown: results, steps or full.")
@click.option("--source", "-s", metavar="LETTER", help="One of the four texts that the package answers to, as it is written: A, B, C or D.")
@click.option("--lang", "-l", "language", metavar="CODE", help="The language of the notes, English if none is said; symbackprop list languages.")
@_FORMATS
@_PDF_ENGINE
@_TEMPLATES
@_FOLDER
def notes(
    spec: Path | None, notation: str | None, detail: str | None, source: str | None, language: str | None, formats: str, engine: str,
    templates: str | None, output: Path,
) -> None:  # fmt: skip
    """Write notes on the network that SPEC describes, or the built-in lecture."""
    from symbackprop.documents.saving import save, wanted
    from symbackprop.languages import load_language

    names, _ = wanted([f.strip() for f in formats.split(",")], templates, engine)
    if source is not None and (spec is not None or notation is not None):
        raise InputError("--source stands for a whole text in its own notation: leave out SPEC and --notation")
    spoken = None if language is None else load_language(language).code
    found = _made(spec, notation, detail, source, spoken)
    written = save(found, output, names, templates, engine)
    _summary(found, written)


def _made(spec: Path | None, notation: str | None, detail: str | None, source: str | None, spoken: str | None) -> Notes:
    """The notes, proved while a line on the terminal says what is being done."""
    from rich.console import Console

    from symbackprop.doors import derive, lecture

    console = Console(stderr=True)
    with console.status("reading") as status:
        def progress(name: str) -> None:
            status.update(f"deriving and proving: {name}")

        if source is not None:
            from symbackprop.sources import source_notes

            return source_notes(source, _first(detail, "steps"), progress, spoken)
        language = _first(spoken, "en")
        if spec is None:
            return lecture(_first(notation, "nielsen"), _first(detail, "steps"), progress, language)
        from symbackprop.derivation import DETAILS
        from symbackprop.specification import load_specification

        described = load_specification(spec)
        if detail is None and described.detail is not None:
            one_of("detail", described.detail, DETAILS, str(spec))
        if notation is None and described.notation is not None and not described.notation.endswith(".toml"):
            one_of("notation", described.notation, _names("notations"), str(spec))
        try:
            notation, detail = _first(notation, described.notation, "nielsen"), _first(detail, described.detail, "steps")
            return derive(described.network, notation, detail, progress, language)
        except SpecError as error:
            raise SpecError(f"{spec}: {error}") from error


def _first(*choices: str | None) -> str:
    """The first choice that was made."""
    return next(c for c in choices if c is not None)


def _summary(found: Notes, written: list[Path]) -> None:
    total = len(found.proofs)
    click.echo(f"{total} equations: " + ", ".join(f"{number} {kind}" for kind, number in found.counts().items()))
    if found.oracle:
        click.echo(
            f"end to end: {found.oracle['entries']} gradient entries of {found.oracle['networks']} small networks against the expanded loss, "
            f"{found.oracle['disagreements']} disagreements"
        )
    shown = [p for p in written if p.parent.name != "fragments"]
    for path in shown:
        click.echo(f"wrote {path}")
    if len(shown) < len(written):
        click.echo(f"wrote {len(written) - len(shown)} fragments in {next(p.parent for p in written if p.parent.name == 'fragments')}")


@command.command("compile", short_help="A module that computes loss and gradients.")
@_SPEC
@click.option("--backend", "-b", default="numpy", show_default=True, metavar="NAME", help="The array library: numpy, numba, jax or torch.")
@click.option("--notation", "-n", metavar="NAME", help="Letters and layout: a shipped notation, or the path of a TOML file.")
@click.option("--layout", "-l", metavar="NAME", help="How arrays are stored: rows (X W + b), columns (W A + b) or single (no axis of samples).")
@click.option("--of", metavar="NAME", help="What is differentiated instead of the loss: A2, or one entry of it, 'A2[0, 3]'.")
@click.option("--wrt", metavar="NAMES", help="By what instead of all parameters: names separated by commas, W1,X.")
@click.option("--output", "-o", type=_PATH, metavar="FILE", help="The file to write; without it the source is printed.")
def compile_(
    spec: Path, backend: str, notation: str | None, layout: str | None, of: str | None, wrt: str | None, output: Path | None,
) -> None:  # fmt: skip
    """Write a module that computes the loss and all gradients of the network that SPEC describes, or another derivative.

    The module computes in the dtype of the arrays that it is given.
    """
    from symbackprop.codegen.function import emit
    from symbackprop.specification import load_specification

    described = load_specification(spec)
    letters = notation if notation is not None else described.notation
    by = None if wrt is None else [name.strip() for name in wrt.split(",")]
    try:
        source = emit(described.network, backend, letters, layout=layout, of=of, wrt=by)
    except SpecError as error:
        raise SpecError(f"{spec}: {error}") from error
    if output is None:
        click.echo(source, nl=False)
        return
    from symbackprop.files import write_beside

    write_beside(output, source)
    click.echo(f"wrote {output}")


@command.command(short_help="Two notations side by side.")
@_SPEC_OR_NONE
@click.option("--from", "-a", "first", metavar="NAME", help="The notation on the left, by default that of SPEC, or nielsen.")
@click.option("--to", "-b", "second", required=True, metavar="NAME", help="The notation on the right: a shipped one, or the path of a TOML file.")
@click.option("--output", "-o", type=_PATH, metavar="FILE", help="A file, .tex or .html; without it only the list is printed.")
def translate(spec: Path | None, first: str | None, second: str, output: Path | None) -> None:
    """Derivations in two notations side by side, and a list of where the two differ.

    They are those of the network that SPEC describes, or the four equations of backpropagation.
    """
    from symbackprop.builders import deep
    from symbackprop.specification import load_specification
    from symbackprop.translate import side_by_side

    described = None if spec is None else load_specification(spec)
    chosen = _first(first, None if described is None else described.notation, "nielsen")
    found = side_by_side(deep() if described is None else described.network, chosen, second)
    written = None if output is None else found.save(output)
    click.echo(f"{len(found.differences)} differences between {found.first.notation.title} and {found.second.notation.title}")
    for difference in found.differences:
        click.echo(f"  {difference}")
    if written is not None:
        click.echo(f"wrote {written}")


@command.command(short_help="A derivation with numbers in it.")
@_SPEC
@click.option("--digits", type=int, help="Significant digits of the numbers; by default those of SPEC, or 6.")
@click.option("--exact", is_flag=True, help="Fractions wherever a number is one.")
@_NOTATION
@_LANGUAGE
@_FORMATS
@_PDF_ENGINE
@_FOLDER
def worked(
    spec: Path, digits: int | None, exact: bool, notation: str | None, language: str, formats: str, engine: str, output: Path,
) -> None:  # fmt: skip
    """Put the numbers of SPEC into its network: forward pass, gradients, updates; docs/worked.md says how SPEC gives them."""
    from symbackprop.documents.saving import save, wanted
    from symbackprop.languages import load_language
    from symbackprop.worked import worked_file

    names, _ = wanted([f.strip() for f in formats.split(",")], engine=engine, language=load_language(language))
    found = worked_file(spec, digits, exact, notation, language)
    _summary(found, save(found, output, names, engine=engine))


@command.command("worksheet", short_help="A sheet with blanks, its key, and what grades it.")
@_SPEC_OR_NONE
@_NOTATION
@_LANGUAGE
@click.option("--seed", "-s", default=0, show_default=True, help="What draws the blanks and the wrong answers; another number, another sheet.")
@click.option("--blanks", "-b", multiple=True, default=("every:3",), show_default=True, metavar="WHICH",
              help="results, every:3, kind:'chain rule' or steps:2,5; may be given more than once.")  # fmt: skip
@click.option("--choices", "-c", is_flag=True, help="Students choose one of four formulas instead of writing them.")
@click.option("--format", "-f", "formats", default="tex,html", show_default=True, metavar="NAMES", help="tex, html, md, typ, pdf; with commas.")
@_PDF_ENGINE
@_TEMPLATES
@_FOLDER
def worksheet_(
    spec: Path | None, notation: str | None, language: str, seed: int, blanks: tuple[str, ...], choices: bool, formats: str, engine: str,
    templates: str | None, output: Path,
) -> None:  # fmt: skip
    """Write a worksheet on the network that SPEC describes, its key, and the problem that grades what comes back.

    Without SPEC it is the network of any depth, with the four equations of backpropagation.
    """
    from rich.console import Console

    from symbackprop.builders import deep
    from symbackprop.documents.saving import wanted
    from symbackprop.specification import load_specification
    from symbackprop.worksheet import worksheet
    from symbackprop.worksheet.files import FORMATS

    names, _ = wanted([f.strip() for f in formats.split(",")], templates, engine, FORMATS)
    described = None if spec is None else load_specification(spec)
    letters = _first(notation, None if described is None else described.notation, "nielsen")
    net = deep() if described is None else described.network
    with Console(stderr=True).status("reading") as status:
        def progress(name: str) -> None:
            status.update(f"making: {name}")

        try:
            sheet = worksheet(net, letters, blanks=blanks, seed=seed, choices=choices, language=language, progress=progress)
        except SpecError as error:
            raise SpecError(f"{_first(None if spec is None else str(spec), net.name)}: {error}") from error
    click.echo(f"{len(sheet.blanks)} blanks, {sheet.points} points")
    for path in sheet.save(output, names, templates, engine):
        click.echo(f"wrote {path}")


@command.command(short_help="One picture: the graph or the neurons.")
@_SPEC
@click.option("--kind", "-k", default="graph", show_default=True, metavar="NAME", help="graph (what is computed) or network (neurons or layers).")
@_NOTATION
@click.option("--format", "-f", "formats", default="svg", show_default=True, metavar="NAMES", help="svg, tex (TikZ) and typ (Typst); with commas.")
@_FOLDER
def picture(spec: Path, kind: str, notation: str | None, formats: str, output: Path) -> None:
    """Draw the network of SPEC; its computational graph has numbers where SPEC gives values."""
    from symbackprop.documents.saving import write_all
    from symbackprop.drawing import picture_files

    for path in write_all(output, picture_files(spec, kind, notation, tuple(f.strip() for f in formats.split(",")))):
        click.echo(f"wrote {path}")


@command.command(short_help="Verdicts on derivations written by hand.")
@click.argument("submissions", nargs=-1, required=True, metavar="SUBMISSION...")
@click.option("--problem", "-p", metavar="P.toml", help="The file that says what the symbols mean; else each front matter does.")
@click.option("--format", "-f", "form", default="text", show_default=True, metavar="NAME", help="text, json, html, junit or gradescope.")
@click.option("--output", "-o", type=_PATH, help="The file to write, or the folder for many submissions.")
@click.option("--kind", "-k", default="txt", show_default=True, metavar="NAME", help="How standard input is written: tex, md, ipynb, txt or py.")
@click.option("--jobs", "-j", type=int, help="Submissions checked at a time; without it one on every core.")
@click.option("--timeout", default=10.0, show_default=True, help="Seconds for each submission.")
@_LANGUAGE
@click.option("--memory", default=1024, show_default=True, help="Megabytes for each submission.")
def check(
    submissions: tuple[str, ...], problem: str | None, form: str, output: Path | None, kind: str, jobs: int | None, timeout: float, memory: int,
    language: str,
) -> None:  # fmt: skip
    """Check derivations written by hand: files, folders, patterns, or - for standard input.

    Ends with 0 if everything is right, 1 if something is wrong or undecided, 2 if the input cannot be used.
    """
    from symbackprop.checker.marking import Job, mark

    sys.exit(mark(Job(submissions, problem, form, output, kind, jobs, timeout, memory, language)))


@command.command("list", short_help="The names that options and SPEC take.")
@click.argument("what", required=False)
def list_(what: str | None) -> None:
    """List what can be named: activations, losses, penalties, layers, notations or languages."""
    for name in _LISTS if what is None else (one_of("list", what, _LISTS),):
        click.echo(f"{name}: {', '.join(_names(name))}")


def _names(what: str) -> list[str]:
    if what == "notations":
        from symbackprop.notation import notation_names

        return notation_names()
    if what == "languages":
        from symbackprop.languages import LANGUAGES

        return sorted(LANGUAGES)
    from symbackprop import rules

    registries: dict[str, Any] = {"activations": rules.ACTIVATIONS, "losses": rules.LOSSES, "penalties": rules.PENALTIES, "layers": rules.LAYERS}
    return sorted(registries[what])


def main() -> None:
    """Run the command line: 0 done, 1 something was found wrong, 2 the input could not be used."""
    try:
        command(prog_name="symbackprop", standalone_mode=False)
    except click.exceptions.Abort:
        click.echo("symbackprop: stopped", err=True)
        sys.exit(130)
    except click.exceptions.UsageError as error:
        _fail(_with_near_miss(error))
    except click.ClickException as error:
        _fail(error.format_message())
    except InputError as error:
        _fail(str(error))
    except NotProved as error:
        click.echo(f"symbackprop: not proved: {error}", err=True)
        sys.exit(1)


def _with_near_miss(error: click.exceptions.UsageError) -> str:
    if error.message == "Missing command.":
        return f"name a command: {', '.join(sorted(command.commands))}; symbackprop --help says what each does"
    if isinstance(error, click.exceptions.NoSuchOption) or not error.message.startswith("No such command"):
        return error.format_message()
    name = error.message.split("'")[1]
    return str(UnknownName("command", name, command.commands))


def _fail(message: str) -> None:
    click.echo(f"symbackprop: {message}", err=True)
    sys.exit(2)
