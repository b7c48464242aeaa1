"""Where options come from: the command line over the environment over a file over defaults.

A command that opts in lists ``configuration: Configuration`` among its keyword-only parameters::

    @configured("annotate")
    def annotate(folder: ..., *, output: ..., configuration: Configuration, workers: ... = "auto") -> int:
        configuration.settings  # of extraction, for a video that no [[videos]] fits
        configuration.settings_for("cam1/a.mp4")  # of one video: its path relative to the folder of all, with /
        configuration.overrides.unused(names)  # patterns of [[videos]] that fit none

and gets the options of extraction, ``--config`` and ``--print-config``. Its own options, here `output` and `workers`, may stand in the
file's table ``[annotate]`` under their long names; they arrive as if they had been given on the command line, which still overrules the
file. With ``--print-config`` the function isn't called, and what it requires need not be there.
"""

from __future__ import annotations

import functools
import os
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from inspect import Parameter
from io import TextIOWrapper
from typing import Annotated, Any

import typer

from kinescribe.cli.configuration_file import ConfigurationFile, own_options, read_configuration
from kinescribe.cli.extraction_options import EXTRACTION_OPTIONS, Command, expanded
from kinescribe.errors import UsageError
from kinescribe.settings import ExtractionSettings, Overrides, checked_options
from kinescribe.settings.extraction import FIELDS, displaced
from kinescribe.settings.values import Value

__all__ = ["Configuration", "configured", "variable_of"]

FILE = "kinescribe.configuration_file"
TRUE, FALSE = ("1", "true", "yes", "on", "y", "t"), ("0", "false", "no", "off", "n", "f")
FLAGS, DEFAULT = "command line", "default"


@dataclass(frozen=True, slots=True)
class Configuration:
    """The resolved options of extraction.

    Attributes:
        overrides: settings of all videos, and what is otherwise for some; what flags and the environment say holds for all of them.
        sources: by option of extraction, where the value for all videos comes from: "command line", "$VARIABLE", a file, or "default".
        file: name of the configuration file, "" without one.
        path: of it, as it was given; None without one.
    """

    overrides: Overrides
    sources: Mapping[str, str]
    file: str
    path: str | None = None

    @property
    def beside(self) -> list[str]:
        """The options that were said elsewhere than in the file: they hold for all videos."""
        return [option for option, source in self.sources.items() if source not in (DEFAULT, self.file)]

    @property
    def settings(self) -> ExtractionSettings:
        """Of a video that no pattern of ``[[videos]]`` fits."""
        return self.overrides.settings

    def settings_for(self, name: str) -> ExtractionSettings:
        """Of one video, by its path relative to the folder of all and with /, or its file name."""
        return self.overrides.of(name)


def variable_of(option: str) -> str:
    """The environment variable of an option of extraction: KINESCRIBE_FRAME_INTERVAL of frame_interval."""
    return f"KINESCRIBE_{option.upper()}"


def configured(table: str | None = None) -> Callable[[Command], Command]:
    """A decorator for a command with a keyword-only parameter ``configuration: Configuration``; the module says what that gives.

    Args:
        table: of the file, where the options of the command itself may stand; None where they belong to one run, and are refused there.
    """

    def load(context: typer.Context, path: str | None) -> str | None:
        if path is not None:
            options = own_options(context, ("config", "print_config"))
            file = read_configuration(path, table, options, context)
            context.meta[FILE] = file
            context.default_map = {options[key].name: value for key, value in file.own.items()}
        return path

    def need_nothing(context: typer.Context, wanted: bool) -> bool:
        if wanted:
            for parameter in context.command.params:  # made for this run alone
                parameter.required = False
        return wanted

    config = typer.Option(metavar="TOML", is_eager=True, callback=load, help="Take options from a file; flags and variables go before it.")
    print_config = typer.Option("--print-config", is_eager=True, callback=need_nothing, help="Print the options as such a file, and leave.")
    options = [
        Parameter("config", Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[str | None, config]),
        Parameter("print_config", Parameter.KEYWORD_ONLY, default=False, annotation=Annotated[bool, print_config]),
    ]

    def decorate(function: Command) -> Command:
        @functools.wraps(function)
        def placed(**values: Any) -> Any:
            try:
                return function(**values)
            except UsageError as error:
                configuration = values["configuration"]
                raise _placed(error, configuration.settings, configuration.sources) from error

        return expanded(placed, "configuration", [*EXTRACTION_OPTIONS, *options], make)  # type: ignore[return-value]

    def make(context: typer.Context, given: Mapping[str, Any]) -> Configuration:
        made = _resolved(context, given)
        if given["print_config"]:
            from kinescribe.cli.configuration_printing import printed

            if isinstance(sys.stdout, TextIOWrapper):
                sys.stdout.reconfigure(encoding="utf-8")  # as a configuration file has to be, whatever the locale
            print(printed(made, table, context), end="")
            raise typer.Exit(0)
        return made

    return decorate


def _resolved(context: typer.Context, given: Mapping[str, Any]) -> Configuration:
    """The options of extraction from all places, checked as far as that goes without a video and without looking for parts."""
    file: ConfigurationFile | None = context.meta.get(FILE)
    name = file.name if file is not None else ""
    flags = {option: given[option] for option in FIELDS if _on_the_command_line(context, option)}
    environment = _environment(flags)
    sources = dict.fromkeys(FIELDS, DEFAULT)
    for changes, source in ((file.extract if file is not None else {}, name), (environment, None), (flags, FLAGS)):
        sources |= dict.fromkeys(displaced(changes), DEFAULT)
        sources |= {option: f"${variable_of(option)}" if source is None else source for option in changes}
    settings = ExtractionSettings().replaced(file.extract if file is not None else {})
    overrides = Overrides.read(settings, file.videos if file is not None else (), name)
    made = overrides.topped(environment).topped(flags)
    try:
        made.check(name)
    except UsageError as error:
        raise _placed(error, made.settings, sources) from error
    return Configuration(made, sources, name, given.get("config"))


def _on_the_command_line(context: typer.Context, option: str) -> bool:
    source = context.get_parameter_source(option)
    return source is not None and source.name == "COMMANDLINE"


def _environment(flags: Mapping[str, Any]) -> dict[str, Value]:
    """Options from variables that are set and not empty, where no flag says otherwise. Raises UsageError, naming the variable."""
    out: dict[str, Value] = {}
    for option, kinds in FIELDS.items():
        text = os.environ.get(variable_of(option), "")
        if text and option not in flags:
            out |= checked_options({option: _from_text(kinds[0], text)}, f"${variable_of(option)}")
    return out


def _from_text(kind: str, text: str) -> Any:
    """A variable's text as a value of a kind; the text itself where it is none, which is told by whoever checks it."""
    word = text.strip().lower()
    if kind == "bool":
        return True if word in TRUE else False if word in FALSE else text
    try:
        return int(text) if kind == "int" else float(text) if kind == "float" else text
    except ValueError:
        return text


def _placed(error: UsageError, settings: ExtractionSettings, sources: Mapping[str, str]) -> UsageError:
    """The error with the places, other than the command line, of those options that it names: there they are to be mended."""
    message = str(error)
    places = []
    for option, source in sources.items():
        value = getattr(settings, option)
        # as a command says it, and as the library does, whose words become the command's later
        said = re.search(rf"--{option.replace('_', '-')} |(?<![\w.'\"=-]){option}=", message)
        named = bool(said) or (isinstance(value, str) and f"'{value}'" in message)
        if named and source not in (FLAGS, DEFAULT):
            places.append(f"{option} is from {source}")
    return UsageError(f"{message} ({'; '.join(places)})") if places and type(error) is UsageError else error
