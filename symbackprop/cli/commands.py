"""All commands, and how each ends: what a user can cause is said in one paragraph, with an exit code."""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

import click
from click.shell_completion import shell_complete

from symbackprop import __version__
from symbackprop.cli.checking import check
from symbackprop.cli.documents import notes, worked, worksheet_
from symbackprop.cli.views import compile_, picture, translate
from symbackprop.errors import InputError, NotProved, UnknownName, one_of
from symbackprop.files import reason

__all__ = ["command", "run"]

_LISTS = ("activations", "losses", "penalties", "layers", "notations", "languages")
_COMPLETION = "_SYMBACKPROP_COMPLETE"
_UNREAD = 128 + 13  # nobody reads what is printed: what a shell says of a program that SIGPIPE has ended


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

    or layers joined as a graph, or equations. Each command followed by --help
    shows how it is used, and symbackprop list what can be named.
    """


@command.command("list", short_help="The names that options and SPEC take.")
@click.argument("what", required=False)
def list_(what: str | None) -> None:
    """List what can be named: activations, losses, penalties, layers, notations or languages.

    \b
        symbackprop list
        symbackprop list notations
    """
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


for each in (notes, compile_, translate, worked, worksheet_, picture, check):
    command.add_command(each)


def run() -> int:
    """Run the command that the arguments name; the exit code."""
    if sys.stdout is not None:
        sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # a terminal may lack letters, and names of files may be bytes
    try:
        code = _invoked()
        if sys.stdout is not None:
            sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        click.echo("\nsymbackprop: stopped", err=True)  # below the ^C that the terminal shows
        return 128 + signal.SIGINT
    except click.exceptions.UsageError as error:
        return _refused(_with_near_miss(error))
    except click.ClickException as error:
        return _refused(error.format_message())
    except InputError as error:
        return _refused(str(error))
    except NotProved as error:
        click.echo(f"symbackprop: not proved: {error}", err=True)
        return 1
    except SystemExit as stop:  # what rich makes of a pipe that nobody reads
        if not isinstance(stop.__context__, BrokenPipeError):
            raise
        return _UNREAD
    except OSError as error:
        _quiet()
        if isinstance(error, BrokenPipeError):
            return _UNREAD
        return _refused(f"cannot write to {'standard output' if error.filename is None else repr(error.filename)}: {reason(error)}")


def _invoked() -> int:
    """What click does, but for the pipe that nobody reads: that ends with the code of something wrong there."""
    asked = os.environ.get(_COMPLETION)
    if asked is not None:
        return shell_complete(command, {}, "symbackprop", _COMPLETION, asked)
    try:
        with command.make_context("symbackprop", sys.argv[1:]) as context:
            command.invoke(context)
    except click.exceptions.Exit as end:
        return end.exit_code
    return 0


def _with_near_miss(error: click.exceptions.UsageError) -> str:
    if error.message == "Missing command.":
        return f"name a command: {', '.join(sorted(command.commands))}; symbackprop --help says what each does"
    if error.message.startswith("No such command"):
        return str(UnknownName("command", error.message.split("'")[1], command.commands))
    path = "symbackprop" if error.ctx is None else error.ctx.command_path
    return f"{error.format_message().rstrip('.')}; {path} --help says what it takes"


def _refused(message: str) -> int:
    click.echo(f"symbackprop: {message}", err=True)
    return 2


def _quiet() -> None:
    """What is left in the buffer of standard output goes nowhere, so that the end of the process says nothing more of it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
