"""The commands that show a network in other ways: as code, in two notations, as a picture."""

from __future__ import annotations

from pathlib import Path

import click

from symbackprop.cli.options import FOLDER, LANGUAGE, NOTATION, PATH, SPEC, SPEC_OR_NONE, given, split
from symbackprop.cli.progress import busy
from symbackprop.errors import SpecError, one_of
from symbackprop.files import apart, write_beside

__all__ = ["compile_", "picture", "translate"]


@click.command("compile", short_help="A module that computes loss and gradients.")
@SPEC
@click.option("--backend", "-b", default="numpy", show_default=True, metavar="NAME", help="The array library: numpy, numba, jax or torch.")
@click.option("--notation", "-n", metavar="NAME", help="Letters and layout: a shipped notation, or the path of a TOML file.")
@click.option("--layout", "-l", metavar="NAME", help="How arrays are stored: rows (X W + b), columns (W A + b) or single (no axis of samples).")
@click.option("--of", metavar="NAME", help="What is differentiated instead of the loss: A2, or one entry of it, 'A2[0, 3]'.")
@click.option("--wrt", metavar="NAMES", help="By what instead of all parameters: names separated by commas, W1,X.")
@click.option("--lang", "language", default="en", show_default=True, metavar="CODE",
              help="The language of docstrings and comments; symbackprop list languages.")
@click.option("--output", "-o", type=PATH, metavar="FILE", help="The file to write; without it the source is printed.")
def compile_(
    spec: Path, backend: str, notation: str | None, layout: str | None, of: str | None, wrt: str | None, language: str, output: Path | None,
) -> None:  # fmt: skip
    """Write a module that computes the loss and all gradients of the network that SPEC describes, or another derivative.

    The module computes in the dtype of the arrays that it is given.

    \b
        symbackprop compile net.toml -o gradients.py
        symbackprop compile net.toml --backend jax --wrt W1
        symbackprop compile net.toml --lang vi -o gradients.py
    """
    with busy("deriving"):
        from symbackprop.codegen.function import emit
        from symbackprop.specification import load_specification

        described = load_specification(spec)
        letters = notation if notation is not None else described.notation
        by = None if wrt is None else split(wrt)
        try:
            source = emit(described.network, backend, letters, layout=layout, of=of, wrt=by, language=language)
        except SpecError as error:
            raise SpecError(f"{spec}: {error}") from error
    if output is None:
        click.echo(source, nl=False)
        return
    write_beside(apart(output, [spec]), source)
    click.echo(f"wrote {output}")


@click.command(short_help="Two notations side by side.")
@SPEC_OR_NONE
@click.option("--from", "-a", "first", metavar="NAME", help="The notation on the left, by default that of SPEC, or nielsen.")
@click.option("--to", "-b", "second", required=True, metavar="NAME", help="The notation on the right: a shipped one, or the path of a TOML file.")
@LANGUAGE
@click.option("--output", "-o", type=PATH, metavar="FILE", help="A file, .tex or .html; without it only the list is printed.")
def translate(spec: Path | None, first: str | None, second: str, language: str, output: Path | None) -> None:
    """Derivations in two notations side by side, and a list of where the two differ.

    They are those of the network that SPEC describes, or the four equations of backpropagation.

    \b
        symbackprop translate --to ng
        symbackprop translate net.toml --from nielsen --to rows -o both.html
        symbackprop translate --to d2l --lang zh_Hans -o both.tex
    """
    with busy("deriving in two notations"):
        from symbackprop.builders import deep
        from symbackprop.specification import load_specification
        from symbackprop.translate import side_by_side
        from symbackprop.translate.pages import FORMATS

        if output is not None:
            one_of("ending", output.suffix, FORMATS, str(output))
        described = None if spec is None else load_specification(spec)
        chosen = given(first, None if described is None else described.notation, "nielsen")
        found = side_by_side(deep() if described is None else described.network, chosen, second, language)
        written = None if output is None else found.save(output)
    click.echo(f"{len(found.differences)} differences between {found.first.notation.title} and {found.second.notation.title}")
    for difference in found.differences:
        click.echo(f"  {difference.said(found.language)}")
    if written is not None:
        click.echo(f"wrote {written}")


@click.command(short_help="One picture: the graph or the neurons.")
@SPEC
@click.option("--kind", "-k", default="graph", show_default=True, metavar="NAME", help="graph (what is computed) or network (neurons or layers).")
@NOTATION
@click.option("--format", "-f", "formats", default="svg", show_default=True, metavar="NAMES", help="svg, tex (TikZ) and typ (Typst); with commas.")
@FOLDER
def picture(spec: Path, kind: str, notation: str | None, formats: str, output: Path) -> None:
    """Draw the network of SPEC; its computational graph has numbers where SPEC gives values.

    \b
        symbackprop picture net.toml --kind network
        symbackprop picture numbers.toml --format svg,tex -o pictures/
    """
    with busy("drawing"):
        from symbackprop.documents.saving import write_all
        from symbackprop.drawing import picture_files

        written = write_all(output, picture_files(spec, kind, notation, tuple(split(formats))))
    for path in written:
        click.echo(f"wrote {path}")
