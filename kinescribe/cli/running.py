"""Running an application: the one place where errors become a line on stderr and an exit code."""

from __future__ import annotations

import sys
import traceback
import warnings
from typing import TextIO

import typer
from typer.main import get_command

from kinescribe.errors import KinescribeError

__all__ = ["INTERRUPTED", "NOT_WHOLE", "run", "single"]

NOT_WHOLE = 5
INTERRUPTED = 130


def single() -> typer.Typer:
    """An application without commands yet, with the settings that all of ours share.

    Help is plain text: the markup of rich takes longer to import than everything else together.
    """
    return typer.Typer(add_completion=False, rich_markup_mode=None, context_settings={"help_option_names": ["-h", "--help"]})


def run(application: typer.Typer, name: str, argv: list[str]) -> int:
    """Run an application and return the exit code; every error is one line on stderr, with a traceback only under ``--debug``."""
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _show_warning
            code = get_command(application).main(args=argv, prog_name=name, standalone_mode=False)
    except KinescribeError as error:
        return _report(str(error), error.exit_code, argv)
    except typer.TyperException as error:  # a usage error that the parser found
        return _report(_usage_message(error, name, argv), error.exit_code, argv)
    except (typer.Abort, KeyboardInterrupt):
        code = INTERRUPTED
    except Exception as error:  # a defect of ours: said so in one line, with the way to its traceback
        return _report(f"unexpected {type(error).__name__}: {error}; this is a defect: --debug shows where it happened", 1, argv)
    if code == INTERRUPTED:  # what the parser makes of Ctrl-C
        print("kinescribe: interrupted; unfinished outputs were removed, finished ones stay", file=sys.stderr)
    return code if isinstance(code, int) else 0


def _show_warning(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, file: TextIO | None = None, line: str | None = None
) -> None:
    """A warning of ours as a line like all others; those that libraries mean for programmers are left out."""
    if category is UserWarning:
        print(f"kinescribe: warning: {' '.join(str(message).split())}", file=sys.stderr)


def _report(message: str, code: int, argv: list[str]) -> int:
    """Print an error's line, after its traceback where that is asked for."""
    if "--debug" in argv:
        traceback.print_exc()
    print(f"kinescribe: error: {' '.join(message.split())}", file=sys.stderr)
    return code


def _usage_message(error: typer.TyperException, name: str, argv: list[str]) -> str:
    """The parser's complaint in our form: the value, the nearest match, and where the options are listed."""
    context = getattr(error, "ctx", None)
    message = error.format_message().rstrip(".")
    option = getattr(error, "option_name", None)
    possibilities = getattr(error, "possibilities", None)  # nearest first
    if option and message.startswith("No such option"):
        message = f"unknown option '{option}'" + (f"; did you mean '{possibilities[0]}'?" if possibilities else "")
    for opt in getattr(getattr(error, "param", None), "opts", []):  # the parser names the option, and not what was given for it
        given = [after for word, after in zip(argv, [*argv[1:], ""], strict=True) if word == opt]
        given += [word.removeprefix(f"{opt}=") for word in argv if word.startswith(f"{opt}=")]
        if given and ": " in message:
            message = f"{opt} '{given[-1]}': {message.split(': ', 1)[1]}"
    help_for = context.command_path if context is not None else name
    return f"{message[0].lower()}{message[1:]}{'' if message.endswith('?') else ';'} '{help_for} --help' lists what there is"
