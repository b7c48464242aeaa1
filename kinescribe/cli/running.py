"""Running an application: the one place where errors become a line on stderr and an exit code."""

from __future__ import annotations

import errno
import os
import sys
import traceback
import warnings
from collections.abc import Callable
from typing import Any

import typer
from typer.main import get_command
from typer.models import CommandFunctionType

from kinescribe.cli.complaints import complaint, empty_path
from kinescribe.cli.completion import check_shell, completed
from kinescribe.cli.interrupts import INTERRUPTED, interrupts, pending
from kinescribe.cli.logging_options import telling
from kinescribe.cli.typed import as_typed, command_of, flags_of
from kinescribe.errors import KinescribeError, UsageError

__all__ = ["BROKEN_PIPE", "INTERRUPTED", "NOT_WHOLE", "run", "single"]

NOT_WHOLE = 5
BROKEN_PIPE = 141  # as a shell tells of a program that the signal ended


class Application(typer.Typer):
    """An application each of whose commands takes the options that say how much it tells of itself."""

    def command(self, *given: Any, **options: Any) -> Callable[[CommandFunctionType], CommandFunctionType]:
        """As typer's; the function itself stays as it is."""
        register = super().command(*given, **options)

        def decorate(function: CommandFunctionType) -> CommandFunctionType:
            register(telling(function))
            return function

        return decorate


def single() -> Application:
    """An application without commands yet, with the settings that all of ours share.

    Help is plain text: the markup of rich takes longer to import than everything else together.
    """
    return Application(rich_markup_mode=None, context_settings={"help_option_names": ["-h", "--help"]})


def run(application: typer.Typer, name: str, argv: list[str]) -> int:
    """Run an application and return the exit code; every error is one line on stderr, with a traceback only under ``--debug``.

    Where whoever reads stdout has gone (``| head``), it ends quietly with 141. Ctrl-C is handled as `interrupts` says.
    With ``--log-json`` all that is said on stderr becomes JSON, an object a line.
    """
    answered = completed(application, name)
    if answered is not None:
        return answered
    if "--log-json" not in argv or sys.stderr is None:
        return _run(application, name, argv)
    from kinescribe.logs import JsonLines

    plain = sys.stderr
    sys.stderr = lines = JsonLines(plain)  # a text stream, as far as one is needed
    try:
        return _run(application, name, argv)
    finally:
        lines.write("\n")  # what waits for the end of its line
        sys.stderr = plain


def _run(application: typer.Typer, name: str, argv: list[str]) -> int:
    try:
        try:
            with interrupts():
                code = _code(application, name, argv)
                if pending():  # it was lost on the way, with nothing left to stop
                    code = INTERRUPTED
        except KeyboardInterrupt:
            code = INTERRUPTED
        if code == INTERRUPTED:
            print("kinescribe: interrupted; unfinished outputs were removed, finished ones stay", file=sys.stderr)
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        _throw_away()
        return BROKEN_PIPE
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        _throw_away()
        return _report(f"no room for what goes to stdout ({error.strerror}); send it elsewhere", 2, argv)
    return code


def _code(application: typer.Typer, name: str, argv: list[str]) -> int:
    """Run, and tell what went wrong; the exit code."""
    shown: list[str] = []

    def show(message: Warning | str, category: type[Warning], *place: Any, **options: Any) -> None:
        if _show_warning(message, category):
            shown.append(str(message))

    # not `main`, which takes a reader who has gone for an error and ends the process
    command = get_command(application)
    try:
        with warnings.catch_warnings():
            warnings.showwarning = show
            check_shell(argv)
            empty = empty_path(command_of(command, argv), argv)
            if empty is not None:
                raise UsageError(empty)
            with command.make_context(name, list(argv)) as context:
                code = command.invoke(context)
    except KinescribeError as error:
        return _report(as_typed(str(error), flags_of(command_of(command, argv)), argv), error.exit_code, argv)
    except typer.Exit as end:
        code = end.exit_code
    except SystemExit as end:  # the parser's own way to leave when it has set up completion
        code = end.code if isinstance(end.code, int) else 1
    except typer.TyperException as error:  # a usage error that the parser found
        return _report(complaint(error, name, argv), error.exit_code, argv)
    except typer.Abort:
        code = INTERRUPTED
    except Exception as error:  # a defect of ours: said so in one line, with the way to its traceback
        if isinstance(error, OSError) and error.errno in (errno.EPIPE, errno.ENOSPC):
            raise
        return _report(f"unexpected {type(error).__name__}: {error}; this is a defect: --debug shows where it happened", 1, argv)
    code = code if isinstance(code, int) else 0
    # a warning of the library may come after the command has looked at its own
    return NOT_WHOLE if code == 0 and shown and "--strict" in argv else code


def _throw_away() -> None:
    """Throw away what still waits for standard streams that fail: it would fail once more when the process ends."""
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except OSError:  # it's told by the caller
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)


def _show_warning(message: Warning | str, category: type[Warning]) -> bool:
    """A warning of ours as a line like all others; whether it is one. Those that libraries mean for programmers are left out."""
    if category is not UserWarning:
        return False
    print(f"kinescribe: warning: {' '.join(str(message).split())}", file=sys.stderr)
    return True


def _report(message: str, code: int, argv: list[str]) -> int:
    """Print an error's line, after its traceback where that is asked for."""
    as_json = getattr(sys.stderr, "tell_error", None)
    if as_json is not None:
        as_json(" ".join(message.split()), code, traceback.format_exc() if "--debug" in argv else None)
        return code
    if "--debug" in argv:
        traceback.print_exc()
    print(f"kinescribe: error: {' '.join(message.split())}", file=sys.stderr)
    return code
