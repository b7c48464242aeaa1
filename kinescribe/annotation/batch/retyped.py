"""What a user types to do a run again, for the pages: from what was settled, wherever that had been said."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any

from kinescribe.annotation.batch.options import DataSetOptions, RunOptions
from kinescribe.settings import Overrides
from kinescribe.settings.values import without_credentials

__all__ = ["FLAGS", "changed", "retyped"]

FLAGS = {"stride": "--picture-stride", "classes": "--class", "labels": "--label"}
"""Options whose flag isn't their name."""
_OF_ONE_RUN = ("retry_failed", "redo", "only", "shard")
_NUMBERED = re.compile(r".+:\d{1,9}", re.ASCII | re.DOTALL)
_IN_PYTHON = "# {}, which no flags can say: call annotate() in Python as before"


def retyped(
    sources: Iterable[Any],
    output: Any,
    formats: Sequence[str],
    videos: Overrides,
    how: RunOptions,
    into: DataSetOptions,
    *,
    overlay: bool = False,
    report: bool | None = None,
    config: str | None = None,
    beside: Iterable[str] = (),
) -> str:
    """The command as a shell takes it, without credentials and without what belongs to one run alone; a comment where none says it.

    Args:
        sources, output, formats, overlay, report: as of `annotate`.
        videos: settings; those of single videos stand in `config`, for no flag can say them.
        how: of the run; checked, as `into` is.
        into: what goes into the formats.
        config: path of the configuration file; None where there is none.
        beside: settings that were said elsewhere than in that file, and hold for all videos.
    """
    if videos.videos and config is None:
        return _IN_PYTHON.format("the settings differ from video to video")
    if not _can_be_said(into.classes):
        return _IN_PYTHON.format("the classes have names with '=' or ':'")
    words = ["kinescribe", "annotate", *(_place(source) for source in sources), "-o", str(os.fspath(output)), "--format", ",".join(formats)]
    if videos.videos and config is not None:
        # what flags say holds for every video: only what did so before may be a flag
        words += ["--config", config, *videos.settings.flags(beside)]
    else:
        settings = videos.settings
        asks = settings.asks_vlm or settings.vlm_model or settings.vlm_url
        words += (settings.with_endpoint() if asks else settings).flags()
    for options in (how, into):
        default = type(options)()
        for field in fields(options):
            value = getattr(options, field.name)
            # with the file the defaults are said too: a flag may have gone before what stands there
            said = value is not None and not isinstance(value, bool) if config is not None and videos.videos else False
            if field.name not in _OF_ONE_RUN and (said or value != getattr(default, field.name)):
                words += _flags(field.name, value)
    words += ["--overlay"] if overlay else []
    words += [] if report is None else ["--report" if report else "--no-report"]
    return shlex.join(without_credentials(word) for word in words)


def changed(into: DataSetOptions) -> list[str]:
    """The flags of those options that aren't at their defaults."""
    default = DataSetOptions()
    return [_flag(one.name) for one in fields(into) if getattr(into, one.name) != getattr(default, one.name)]


def _flag(name: str) -> str:
    return FLAGS.get(name, f"--{name.replace('_', '-')}")


def _flags(name: str, value: Any) -> list[str]:
    flag = _flag(name)
    if isinstance(value, bool):
        return [flag] if value else []
    if name == "max_memory":
        return [flag, _size(value)]
    if name == "split":
        return [flag, ",".join(f"{part}={fraction!r}" for part, fraction in value.items())]
    if name == "classes":
        return [word for label, given in _pairs(value) for word in (flag, f"{label}={_class(given)}")]
    if name == "labels":
        return [word for label in value for word in (flag, label)]
    return [flag, f"{value:g}" if isinstance(value, float) and value == int(value) < 1e6 else str(value)]


def _place(source: Any) -> str:
    text = str(os.fspath(source))
    return f"./{text}" if text.startswith("-") else text


def _size(size: float) -> str:
    if not size:
        return "0"
    number, unit = size / 1024, "KB"
    for larger in ("MB", "GB", "TB"):
        if number % 1024:
            break
        number, unit = number / 1024, larger
    return f"{number:f}".rstrip("0").rstrip(".") + unit


def _pairs(classes: Any) -> list[tuple[str, Any]]:
    return list(classes.items()) if isinstance(classes, Mapping) else [(name, name) for name in classes or ()]


def _class(given: Any) -> str:
    return "" if given is None else given if isinstance(given, str) else f"{given[0]}:{given[1]}"


def _can_be_said(classes: Any) -> bool:
    for _, given in _pairs(classes):
        name = given if isinstance(given, str | None) else given[0]
        if name is not None and ("=" in name or (isinstance(given, str) and _NUMBERED.fullmatch(name))):
            return False
    return True
