"""The command that judges what people wrote."""

from __future__ import annotations

import click

from symbackprop.cli.options import LANGUAGE

__all__ = ["check"]


@click.command(short_help="Verdicts on derivations written by hand.")
@click.argument("submissions", nargs=-1, required=True, metavar="SUBMISSION...")
@click.option("--problem", "-p", metavar="P.toml", help="The file that says what the symbols mean; else each front matter does.")
@click.option("--notation", "-n", metavar="NAME", help="The notation of the submissions, by default that of the problem.")
@click.option("--format", "-f", "form", default="text", show_default=True, metavar="NAME", help="text, json, html, junit or gradescope.")
@click.option("--output", "-o", metavar="PATH", help="The file to write, or the folder for many submissions.")
@click.option("--kind", "-k", default="txt", show_default=True, metavar="NAME", help="How standard input is written: tex, md, ipynb, txt or py.")
@click.option("--jobs", "-j", type=int, help="Submissions checked at a time; without it one on every core.")
@click.option("--timeout", default=10.0, show_default=True, help="Seconds for each submission.")
@click.option("--memory", default=1024, show_default=True, help="Megabytes for each submission.")
@LANGUAGE
def check(
    submissions: tuple[str, ...], problem: str | None, notation: str | None, form: str, output: str | None, kind: str, jobs: int | None,
    timeout: float, memory: int, language: str,
) -> None:  # fmt: skip
    """Check derivations written by hand: files, folders, patterns, or - for standard input.

    A problem is a network as for the notes, or equations with the shapes of what they start from.

    \b
        symbackprop check derivation.md --problem homework.toml
        symbackprop check submissions/ --problem homework.toml --format html -o reports/

    Ends with 0 if everything is right, 1 if something is wrong or undecided, 2 if the input cannot be used.
    """
    from symbackprop.checker.marking import Job, mark

    raise click.exceptions.Exit(mark(Job(submissions, problem, notation, form, output, kind, jobs, timeout, memory, language)))
