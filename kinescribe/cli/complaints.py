"""What the parser of a command line complains of, in our form: the value, and the way out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import PurePath
from typing import Any

import typer

__all__ = ["complaint", "empty_path"]

_EXTRA = re.compile(r"Got unexpected extra arguments?(?:\(s\))? \((.*)\)", re.DOTALL)
_COMMA = re.compile(r"[+-]?\d+,\d+")
_PLAIN = {"Input should be a valid integer": "not a whole number", "Input should be a valid number": "not a number"}
ONE_VIDEO = ("extract", "extract-states")
"""The commands whose only argument is a video."""
PATHS = ("output", "real", "predicted")
"""Paths that are taken as texts."""


def complaint(error: typer.TyperException, name: str, argv: Sequence[str]) -> str:
    """One line: what was typed, the nearest match or the way out, and where the options are listed."""
    context = getattr(error, "ctx", None)
    message = error.format_message().rstrip(".")
    help_for = context.command_path if context is not None else name
    option = getattr(error, "option_name", None)
    if option and message.startswith("No such option"):
        file = _file_with_dash(option, argv)
        if file is not None:
            return f"unknown option '{file}'; a file? write './{file}'"
        possibilities = getattr(error, "possibilities", None)  # nearest first
        message = f"unknown option '{option}'" + (f"; did you mean '{possibilities[0]}'?" if possibilities else "")
    extra = _EXTRA.fullmatch(message)
    if extra is not None and help_for.split()[-1] in ONE_VIDEO:
        return f"one video at a time, and '{extra[1]}' is more; for many: kinescribe annotate"
    for opt in getattr(getattr(error, "param", None), "opts", []):  # the parser names the option, and not what was given for it
        given = [after for word, after in pairwise([*argv, ""]) if word == opt]
        given += [word.removeprefix(f"{opt}=") for word in argv if word.startswith(f"{opt}=")]
        if given and ": " in message:
            reason = _plain(message.split(": ", 1)[1])
            if _COMMA.fullmatch(given[-1].strip()) and reason == _PLAIN["Input should be a valid number"]:
                reason += f", for it has a comma; write {given[-1].strip().replace(',', '.')}"
            message = f"{opt} '{given[-1]}': {reason}"
    return f"{message[0].lower()}{message[1:]}{'' if message.endswith('?') else ';'} '{help_for} --help' lists what there is"


def empty_path(command: Any, argv: Sequence[str]) -> str | None:
    """One line on a path that was given as an empty word, as a shell leaves of a variable that isn't set; None without one.

    The parser would make the current folder of it, and some commands write there.
    """
    params = list(getattr(command, "params", []))
    options = {name: param for param in params for name in param.opts if name.startswith("-")}
    for before, word in pairwise(["", *argv]):
        typed = word.removesuffix("=") if word.endswith("=") else before
        if word and not word.endswith("="):
            continue
        if typed in options and not getattr(options[typed], "is_flag", False):
            if _is_path(options[typed]):
                return f"{typed} is empty; give it a name (is a variable of the shell not set?)"
        elif not word:
            arguments = [param for param in params if param.param_type_name == "argument"]
            if any(map(_is_path, arguments)):
                words = " or ".join(param.metavar or param.name for param in arguments)
                return f"{words} is empty; name a file (is a variable of the shell not set?)"
    return None


def _is_path(param: Any) -> bool:
    annotation = getattr(getattr(param, "type_descriptor", None), "annotation", None)
    return param.name in PATHS or "Path" in str(annotation)


def _file_with_dash(option: str, argv: Sequence[str]) -> str | None:
    """The word that the parser took for options, of which it doesn't know this one, and that ends as a file's name does."""
    letter = option.lstrip("-")
    words = [word for word in argv if word.startswith("-") and letter in word and "=" not in word]
    return next((word for word in words if PurePath(word).suffix), None)


def _plain(reason: str) -> str:
    """A reason without the words of the library that reads values."""
    return next((plain for theirs, plain in _PLAIN.items() if reason.startswith(theirs)), reason)
