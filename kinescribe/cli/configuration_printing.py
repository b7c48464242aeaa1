"""Resolved options as a configuration file, with the place that each is from."""

from __future__ import annotations

import os
from collections.abc import Iterable
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from kinescribe.cli.configuration_file import EXTRACT, PATHS, VIDEOS, ConfigurationFile, own_options
from kinescribe.llm.text import one_line
from kinescribe.settings import checked_options

if TYPE_CHECKING:
    from kinescribe.cli.configuration import Configuration

__all__ = ["printed"]

Line = tuple[str, Any, str]
"""Key, value and where that is from; None for what isn't said."""


def printed(configuration: Configuration, table: str | None, context: typer.Context) -> str:
    """The text of a file that says what a configuration says, wherever it is put: paths in it are absolute.

    Args:
        configuration: what was resolved.
        table: of the command's own options, None where they aren't a file's.
        context: of the command.

    Raises:
        UsageError: a text that no file can hold, from bytes on the command line that aren't UTF-8.
    """
    from kinescribe.cli.configuration import FILE

    file: ConfigurationFile | None = context.meta.get(FILE)
    blocks = [_block(f"[{EXTRACT}]", _extract(configuration))]
    if table is not None:
        blocks.append(_block(f"[{table}]", _own(configuration, context)))
    for one in configuration.overrides.videos:
        changes = [(name, _absolute(name, value), configuration.file) for name, value in one.changes.items()]
        blocks.append(_block(f"[[{VIDEOS}]]", [("match", one.match, configuration.file), *changes]))
    if file is not None:
        blocks += [f"# [{other}] of {file.name} is another command's, and left out here\n" for other in file.others]
    return "\n".join(blocks)


def _extract(configuration: Configuration) -> list[Line]:
    """Options of extraction; the model and endpoint of the environment stand for those that weren't said."""
    from kinescribe.llm.settings import MODEL_VARIABLE, URL_VARIABLE

    settings = configuration.settings
    sources = dict(configuration.sources)
    values = checked_options(settings.with_endpoint().to_dict(), "--print-config")
    for name, variable in (("vlm_model", MODEL_VARIABLE), ("vlm_url", URL_VARIABLE)):
        if values[name] is not None and not getattr(settings, name):
            sources[name] = f"${variable}"
    return [(name, _absolute(name, value), sources[name]) for name, value in values.items()]


def _own(configuration: Configuration, context: typer.Context) -> list[Line]:
    places = {"COMMANDLINE": "command line", "DEFAULT_MAP": configuration.file}
    lines = []
    for key, option in own_options(context, ("config", "print_config")).items():
        source = getattr(context.get_parameter_source(option.name), "name", "")
        variable = option.envvar if isinstance(option.envvar, str) else " or ".join(option.envvar or ())
        place = f"${variable}" if source == "ENVIRONMENT" else places.get(source, "default")
        lines.append((key, _plain(context.params[option.name]), place))
    return lines


def _absolute(name: str, value: Any) -> Any:
    return os.path.abspath(value) if name in PATHS and value else value  # noqa: PTH100  # without resolving links


def _plain(value: Any) -> Any:
    """An option's value as TOML has it; paths are absolute, for nobody knows where the file will be put."""
    if isinstance(value, Path):
        return os.path.abspath(value)  # noqa: PTH100
    if isinstance(value, Enum):
        return value.value
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value


def _block(head: str, lines: Iterable[Line]) -> str:
    import tomli_w

    out = [head]
    for key, value, source in lines:
        said = f"# {key} =" if value is None else tomli_w.dumps({key: value}).strip()
        out.append(f"{said}  # {one_line(source)}")
    return "\n".join(out) + "\n"
