"""A configuration file: TOML in, options out, every one of them checked."""

from __future__ import annotations

import math
import os
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperOption

from kinescribe.cli.logging_options import LOG_OPTIONS
from kinescribe.errors import InputError, UsageError, unknown_value
from kinescribe.settings import ExtractionSettings, checked_options
from kinescribe.settings.values import Value, shown

__all__ = ["EXTRACT", "VIDEOS", "ConfigurationFile", "key_of", "own_options", "read_configuration"]

EXTRACT, VIDEOS = "extract", "videos"
TABLES = {EXTRACT: "[extract]", "annotate": "[annotate]", VIDEOS: "[[videos]]"}
"""By table, how it is written."""
LARGEST = 1_000_000  # bytes
PATHS = ("vlm_cache",)


@dataclass(frozen=True, slots=True)
class ConfigurationFile:
    """What a file says.

    Attributes:
        name: of the file, for people; one line.
        extract: options of extraction, by field.
        videos: the tables of ``[[videos]]``, of which only the paths were looked at.
        own: options of the command itself, by key, converted as the command line converts them.
        others: tables that are another command's.
    """

    name: str
    extract: Mapping[str, Value]
    videos: Sequence[Any]
    own: Mapping[str, Any]
    others: tuple[str, ...]


def one_line(text: str, longest: int = 200) -> str:
    """As `kinescribe.llm.text.one_line`, whose package takes longer to load than the rest of a command's start."""
    from kinescribe.llm.text import one_line as shortened

    return shortened(text, longest)


def key_of(option: TyperOption) -> str:
    """What an option is called in a file: its long name, with _."""
    long = [name for name in option.opts if name.startswith("--")]
    return (long or option.opts)[0].lstrip("-").replace("-", "_")


def own_options(context: typer.Context, beside: Sequence[str] = ()) -> dict[str, TyperOption]:
    """A command's own options by key: neither those of extraction, nor `beside`, nor ``--help``."""
    listed = [option for option in context.command.params if isinstance(option, TyperOption)]
    hidden = {*ExtractionSettings.names(), *beside, *LOG_OPTIONS, "help"}
    # the parser's own ones, which set up completion, have no value
    return {key_of(option): option for option in listed if option.name not in hidden and option.expose_value}


def read_configuration(path: str, table: str | None, options: Mapping[str, TyperOption], context: typer.Context) -> ConfigurationFile:
    """Read a file for a command.

    Args:
        path: of the file; paths in it are relative to its folder.
        table: where the options of the command itself stand, such as "annotate"; None where they can't stand in a file.
        options: the command's own, by key.
        context: of the command.

    Raises:
        InputError: a file that can't be read, or isn't TOML.
        UsageError: a table or option that is unknown or stands in the wrong place, or a value that an option doesn't take.
    """
    name, folder = one_line(Path(path).name or path, 80), os.path.dirname(path)  # noqa: PTH120  # "" stays "", so that paths stay short
    tables = _parsed(_text(path, name), name)
    _check_tables(tables, name)
    extract = tables.get(EXTRACT, {})
    _check_places(extract, name, table, options)
    found = _in_folder(checked_options(extract, f"{name}, [{EXTRACT}]"), folder)
    videos = [_in_folder(one, folder) if isinstance(one, dict) else one for one in tables.get(VIDEOS, [])]
    own = {} if table is None else _own(tables.get(table, {}), f"{name}, [{table}]", options, context, folder)
    others = tuple(other for other in tables if other not in (EXTRACT, VIDEOS, table))
    return ConfigurationFile(name, found, videos, own, others)


def _text(path: str, name: str) -> str:
    if not path:
        raise UsageError("--config is empty; give it the path of a TOML file, or leave it out")
    file = Path(path)
    try:
        if file.is_dir():
            raise InputError(f"the configuration '{name}' is a folder; name the file in it")
        if file.exists() and not file.is_file():
            raise InputError(f"the configuration '{name}' is no regular file; save it to one first")
        with file.open("rb") as opened:
            content = opened.read(LARGEST + 1)
    except (OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        reason = getattr(error, "strerror", None) or one_line(str(error))
        raise InputError(f"the configuration '{name}' can't be read ({reason}); give --config the path of a TOML file") from error
    if len(content) > LARGEST:
        raise InputError(f"the configuration '{name}' has over {LARGEST:,} bytes; that is no list of options")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise InputError(
            f"the configuration '{name}' is not UTF-8: line {line} has byte 0x{content[error.start]:02x}; save it as UTF-8"
        ) from error


def _parsed(text: str, name: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except RecursionError as error:
        raise InputError(f"the configuration '{name}' is nested too deep; options need no nesting") from error
    except ValueError as error:
        known = isinstance(error, tomllib.TOMLDecodeError)
        reason = one_line(str(error).replace("(at ", "at ").rstrip(")")) if known else "a number of thousands of digits"
        if "end of document" in reason:
            lines = text.split("\n")
            reason += f", line {len(lines)}, column {len(lines[-1]) + 1}"
        if "overwrite" in reason or "Cannot declare" in reason or "Cannot mutate" in reason:
            reason += ": a key or table that is there already"
        raise InputError(f"the configuration '{name}' is no TOML: {reason}; mend that line") from error


def _check_tables(tables: Mapping[str, Any], name: str) -> None:
    for key, value in tables.items():
        if key not in TABLES:
            if key.replace("-", "_") in ExtractionSettings.names():
                raise UsageError(f"{name}: '{key}' stands in no table; write [{EXTRACT}] on a line above it")
            raise UsageError(f"{name}: {unknown_value('table', one_line(key, 60), TABLES)}")
        if not isinstance(value, list if key == VIDEOS else dict):
            raise UsageError(f"{name}: '{key}' is {_kind(value)}; write {TABLES[key]} on a line of its own, and options below it")


def _kind(value: Any) -> str:
    return "a single table" if isinstance(value, dict) else "several tables" if isinstance(value, list) else "no table"


def _check_places(extract: Mapping[str, Any], name: str, table: str | None, options: Mapping[str, TyperOption]) -> None:
    """Raise UsageError for an option of the command itself among those of extraction."""
    for key in extract:
        if key.replace("-", "_") in options:
            flag = f"--{key.replace('_', '-')}"
            way = f"put it into [{table}]" if table else f"it is about one run, not about extraction: give {flag} on the command line"
            raise UsageError(f"{name}, [{EXTRACT}]: '{key}' can't stand here; {way}")


def _in_folder(options: Mapping[str, Any], folder: str) -> dict[str, Any]:
    """Options with the paths among them taken as relative to a folder."""
    paths = {key: value for key, value in options.items() if key.replace("-", "_") in PATHS and isinstance(value, str) and value}
    return {**options, **{key: os.path.join(folder, value) for key, value in paths.items()}}  # noqa: PTH118


def _own(found: Mapping[str, Any], where: str, options: Mapping[str, TyperOption], context: typer.Context, folder: str) -> dict[str, Any]:
    """Options of the command itself, each converted as the command line would."""
    out: dict[str, Any] = {}
    for key, value in found.items():
        name = key.replace("-", "_")
        if name not in options:
            if name in ExtractionSettings.names():
                raise UsageError(f"{where}: '{key}' can't stand here; put it into [{EXTRACT}]")
            raise UsageError(f"{where}: {unknown_value('option', one_line(key, 60), options)}")
        if name in out:
            raise UsageError(f"{where}: {name} is there twice, with - and with _; leave one out")
        out[name] = _converted(options[name], value, f"{where}: {key}", context, folder)
    return out


def _pair(key: str, value: Any, lead: str) -> str:
    """An entry of a table as KEY=VALUE: the natural form in a file of what is given one by one on the command line."""
    if value is False or value == "":
        return f"{key}="
    if isinstance(value, list) and len(value) == 2 and isinstance(value[0], str) and type(value[1]) is int:
        value = f"{value[0]}:{value[1]}"
    if not isinstance(value, str) or "=" in value:
        raise UsageError(f"{lead}: {shown(key)} = {shown(value)} must be a text without '=', or false to leave it out")
    return f"{key}={value}"


def _converted(option: TyperOption, value: Any, lead: str, context: typer.Context, folder: str) -> Any:
    """One value as its option takes it; raises UsageError for another kind of value than that of the option."""
    if option.multiple and isinstance(value, dict) and "=" in (option.metavar or ""):
        value = [_pair(key, one, lead) for key, one in value.items()]
    items = value if option.multiple and isinstance(value, list) else [value]
    for item in items:
        if option.is_flag != isinstance(item, bool):
            raise UsageError(f"{lead} = {shown(item)} must be {'true or false' if option.is_flag else 'a text or number'}")
        if not isinstance(item, str | int | float) or (isinstance(item, float) and not math.isfinite(item)):
            raise UsageError(f"{lead} = {shown(item)} must be {'texts or numbers' if option.multiple else 'a text or number'}")
    try:
        made = option.process_value(context, items if option.multiple else value)
    except typer.BadParameter as error:
        raise UsageError(f"{lead} = {shown(value)}: {one_line(error.message).rstrip('.')}") from error
    for item, result in zip(items, made if option.multiple else [made], strict=True):
        if isinstance(result, int | float) and (isinstance(item, str) or result != item):
            kind = "a number without quotes" if isinstance(item, str) else "a whole number"
            raise UsageError(f"{lead} = {shown(item)} must be {kind}")
        if isinstance(result, str | Path) and item == "":
            raise UsageError(f"{lead} is empty; say something, or leave it out")
    if option.multiple:
        return [Path(folder) / one if isinstance(one, Path) else one for one in made]
    return Path(folder) / made if isinstance(made, Path) else made
