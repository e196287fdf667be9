"""The commands that write documents: notes, a derivation with numbers, and worksheets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from symbackprop.cli.options import FOLDER, FORMATS, LANGUAGE, NOTATION, PDF_ENGINE, SPEC, SPEC_OR_NONE, TEMPLATES, given, split
from symbackprop.cli.progress import busy
from symbackprop.errors import InputError, SpecError, one_of
from symbackprop.files import apart

if TYPE_CHECKING:
    from symbackprop.documents.blocks import Notes
    from symbackprop.worksheet import Worksheet

__all__ = ["counted", "notes", "worked", "worksheet_"]


@click.command(short_help="Notes on a network, or the built-in lecture.")
@SPEC_OR_NONE
@NOTATION
@click.option("--detail", "-d", metavar="NAME", help="How much is shown: results, steps or full.")
@click.option("--source", "-s", metavar="LETTER", help="One of the four texts that the package answers to, as it is written: A, B, C or D.")
@click.option("--lang", "-l", "language", metavar="CODE", help="The language of the notes, English if none is said; symbackprop list languages.")
@FORMATS
@PDF_ENGINE
@TEMPLATES
@FOLDER
def notes(
    spec: Path | None, notation: str | None, detail: str | None, source: str | None, language: str | None, formats: str, engine: str,
    templates: str | None, output: Path,
) -> None:  # fmt: skip
    """Write notes on the network that SPEC describes, or the built-in lecture.

    \b
        symbackprop notes
        symbackprop notes net.toml --notation ng --detail full -o mine/
        symbackprop notes net.toml --format md,ipynb --lang vi
    """
    from symbackprop.documents.saving import save, wanted
    from symbackprop.languages import load_language

    names, _ = wanted(split(formats), templates, engine)
    if source is not None and (spec is not None or notation is not None):
        raise InputError("--source stands for a whole text in its own notation: leave out SPEC and --notation")
    spoken = None if language is None else load_language(language).code
    found = _made(spec, notation, detail, source, spoken)
    written = save(found, output, names, templates, engine)
    _summary(found, written)


def _made(spec: Path | None, notation: str | None, detail: str | None, source: str | None, spoken: str | None) -> Notes:
    """The notes, proved while a line on the terminal says what is being done."""
    with busy("deriving and proving") as progress:
        from symbackprop.doors import derive, lecture

        if source is not None:
            from symbackprop.sources import source_notes

            return source_notes(source, given(detail, "steps"), progress, spoken)
        language = given(spoken, "en")
        if spec is None:
            return lecture(given(notation, "nielsen"), given(detail, "steps"), progress, language)
        from symbackprop.derivation import DETAILS
        from symbackprop.notation import notation_names
        from symbackprop.specification import load_specification

        described = load_specification(spec)
        if detail is None and described.detail is not None:
            one_of("detail", described.detail, DETAILS, str(spec))
        if notation is None and described.notation is not None and not described.notation.endswith(".toml"):
            one_of("notation", described.notation, notation_names(), str(spec))
        try:
            notation, detail = given(notation, described.notation, "nielsen"), given(detail, described.detail, "steps")
            return derive(described.network, notation, detail, progress, language)
        except SpecError as error:
            raise SpecError(f"{spec}: {error}") from error


_PROVED = {
    "definition": "by definition", "for all sizes": "proved for all sizes", "exact at sizes": "proved at given sizes",
    "agrees": "agreeing to 50 digits", "at the given values": "agreeing at the given values",
}  # fmt: skip


def counted(found: Notes) -> str:
    """How many equations of notes hold, and for what reason."""
    return f"{len(found.proofs)} equations: " + ", ".join(f"{number} {_PROVED[kind]}" for kind, number in found.counts().items())


def _summary(found: Notes, written: list[Path]) -> None:
    click.echo(counted(found))
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


@click.command(short_help="A derivation with numbers in it.")
@SPEC
@click.option("--digits", type=int, help="Significant digits of the numbers; by default those of SPEC, or 6.")
@click.option("--exact", is_flag=True, help="Fractions wherever a number is one.")
@NOTATION
@LANGUAGE
@FORMATS
@PDF_ENGINE
@FOLDER
def worked(
    spec: Path, digits: int | None, exact: bool, notation: str | None, language: str, formats: str, engine: str, output: Path,
) -> None:  # fmt: skip
    """Put the numbers of SPEC into its network: forward pass, gradients, updates.

    SPEC gives them in tables, [values] and [update], of which docs/worked.md says more:

    \b
        [mlp]
        sizes = [2, 1]
        activation = "sigmoid"
        [values]
        w1 = [[0.5, -0.25]]
        b1 = [0.1]
        x = [1, 2]
        y = [1]
        [update]
        rate = 0.5

    \b
        symbackprop worked numbers.toml --digits 4 -o worked/
    """
    from symbackprop.documents.saving import save, wanted
    from symbackprop.languages import load_language
    from symbackprop.worked import worked_file

    names, _ = wanted(split(formats), engine=engine, language=load_language(language))
    with busy("putting in numbers"):
        found = worked_file(spec, digits, exact, notation, language)
    _summary(found, save(found, output, names, engine=engine))


@click.command("worksheet", short_help="A sheet with blanks, its key, and what grades it.")
@SPEC_OR_NONE
@NOTATION
@LANGUAGE
@click.option("--section", "sections", multiple=True, metavar="NAME",
              help="A section of the built-in lecture, or all; may be given more than once. Each has a folder of its own.")  # fmt: skip
@click.option("--seed", "-s", default=0, show_default=True, help="What draws the blanks and the wrong answers; another number, another sheet.")
@click.option("--blanks", "-b", multiple=True, default=("every:3",), show_default=True, metavar="WHICH",
              help="results, every:3, kind:'chain rule' or steps:2,5; may be given more than once.")  # fmt: skip
@click.option("--choices", "-c", is_flag=True, help="Students choose one of four formulas instead of writing them.")
@click.option("--format", "-f", "formats", default="tex,html", show_default=True, metavar="NAMES", help="tex, html, md, typ, pdf; with commas.")
@PDF_ENGINE
@TEMPLATES
@FOLDER
def worksheet_(
    spec: Path | None, notation: str | None, language: str, sections: tuple[str, ...], seed: int, blanks: tuple[str, ...], choices: bool,
    formats: str, engine: str, templates: str | None, output: Path,
) -> None:  # fmt: skip
    """Write a worksheet on the network that SPEC describes, its key, and the problem that grades what comes back.

    Without SPEC it is the network of any depth, with the four equations of backpropagation.

    \b
        symbackprop worksheet net.toml --blanks every:4 --seed 7 -o week3/
        symbackprop worksheet --blanks results --choices --format html
    """
    from symbackprop.builders import deep
    from symbackprop.documents.saving import wanted
    from symbackprop.specification import load_specification
    from symbackprop.worksheet import lecture_worksheet, worksheet
    from symbackprop.worksheet.files import FORMATS, PROBLEM
    from symbackprop.worksheet.lectured import SECTIONS

    if spec is not None and sections:
        raise InputError("--section names a section of the built-in lecture: leave out SPEC, or the section")
    asked = tuple(one_of("section", name, ("all", *SECTIONS)) for name in sections)
    names, _ = wanted(split(formats), templates, engine, FORMATS)
    described = None if spec is None else load_specification(spec)
    letters = given(notation, None if described is None else described.notation, "nielsen")
    net = deep() if described is None else described.network
    if spec is not None:
        apart(output / PROBLEM, [spec])
    made: list[tuple[Path, Worksheet]] = []
    with busy("making") as progress:
        try:
            for key in SECTIONS if "all" in asked else dict.fromkeys(asked):
                sheet = lecture_worksheet(key, letters, blanks=blanks, seed=seed, choices=choices, language=language, progress=progress)
                made.append((output / key, sheet))
            if not asked:
                sheet = worksheet(net, letters, blanks=blanks, seed=seed, choices=choices, language=language, progress=progress)
                made.append((output, sheet))
        except SpecError as error:
            raise SpecError(f"{given(None if spec is None else str(spec), net.name)}: {error}") from error
    for folder, sheet in made:
        click.echo(f"{sheet.notes.language.text(sheet.notes.title)}: {len(sheet.blanks)} blanks, {sheet.points} points")
        for path in sheet.save(folder, names, templates, engine):
            click.echo(f"wrote {path}")
