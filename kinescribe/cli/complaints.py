"""What the parser of a command line complains of, in our form: the value, and the way out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import PurePath

import typer

__all__ = ["complaint"]

_EXTRA = re.compile(r"Got unexpected extra arguments?(?:\(s\))? \((.*)\)", re.DOTALL)
_COMMA = re.compile(r"[+-]?\d+,\d+")
_PLAIN = {"Input should be a valid integer": "not a whole number", "Input should be a valid number": "not a number"}
ONE_VIDEO = ("extract", "extract-states")
"""The commands whose only argument is a video."""


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


def _file_with_dash(option: str, argv: Sequence[str]) -> str | None:
    """The word that the parser took for options, of which it doesn't know this one, and that ends as a file's name does."""
    letter = option.lstrip("-")
    words = [word for word in argv if word.startswith("-") and letter in word and "=" not in word]
    return next((word for word in words if PurePath(word).suffix), None)


def _plain(reason: str) -> str:
    """A reason without the words of the library that reads values."""
    return next((plain for theirs, plain in _PLAIN.items() if reason.startswith(theirs)), reason)
