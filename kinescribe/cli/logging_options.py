"""The options of every command that say how much it tells of itself."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from inspect import Parameter
from typing import Annotated, Any

import typer

from kinescribe.cli.completion import with_completion
from kinescribe.errors import UsageError, unknown_value

__all__ = ["LOG_OPTIONS", "telling"]

LOG_OPTIONS = ("log_level", "verbose", "log_json")


def telling(function: Callable[..., Any]) -> Callable[..., Any]:
    """A command with the options besides its own; its `quiet`, where it has one, is on with ``--log-json``: tables are for people."""
    own = [parameter.replace(kind=Parameter.KEYWORD_ONLY) for parameter in inspect.signature(function, eval_str=True).parameters.values()]

    @functools.wraps(function)
    def command(**values: Any) -> Any:
        level, verbose, as_json = (values.pop(name) for name in LOG_OPTIONS)
        number = _level(level, verbose, as_json=as_json)
        if as_json and "quiet" in values:
            values["quiet"] = True
        if number is None:
            return function(**values)
        from kinescribe.logs import set_up

        end = set_up(number)
        try:
            return function(**values)
        finally:
            end()

    options = [
        Parameter(name, Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
        for name, default, annotation in (
            (
                "log_level",
                None,
                Annotated[
                    str | None,
                    typer.Option(metavar="LEVEL", help="Tell what goes on, on stderr: debug, info, warning, error."),
                ],
            ),
            (
                "verbose",
                0,
                Annotated[int, typer.Option("--verbose", "-v", count=True, help="As --log-level info; twice: debug.", show_default=False)],
            ),
            ("log_json", False, Annotated[bool, typer.Option("--log-json", help="Everything on stderr as JSON, an object a line.")]),
        )
    ]
    listed = [with_completion(parameter) for parameter in [*own, *options]]
    command.__signature__ = inspect.Signature(listed)  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in listed}
    return command


def _level(level: str | None, verbose: int, *, as_json: bool) -> int | None:
    """From which level on records are shown; None: none are. Raises UsageError for an unknown level, or both ways to say one."""
    if level is not None and verbose:
        raise UsageError(f"--log-level {level} and {'-' + 'v' * min(verbose, 9)} both say how much is told; give one of them")
    if level is None and not verbose and not as_json:
        return None
    from kinescribe.logs import LEVELS

    if level is not None and level.lower() not in LEVELS:
        raise unknown_value("log level", level, LEVELS)
    return LEVELS[level.lower() if level is not None else "debug" if verbose > 1 else "info"]
