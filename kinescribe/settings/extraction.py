"""The settings of one extraction."""

from __future__ import annotations

import dataclasses
import math
import os
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from kinescribe.errors import UsageError, unknown_value
from kinescribe.settings.values import Value, fitted, shown, without_credentials

__all__ = ["FIELDS", "ExtractionSettings", "check_interval", "checked_options", "displaced"]

OF_THE_WORLD = ("scale", "pixels_per_unit", "unit", "origin", "angle")
OF_THE_VLM = ("model", "url", "cache", "replay", "timeout", "max_calls", "max_tokens", "max_cost", "prices")
AS_NUMBERS = {"detect_every": int, "start": int | float, "end": int | float}
"""Texts that a file may give as a number of a kind."""
DISPLACES = {"scale": ("pixels_per_unit", "unit"), "pixels_per_unit": ("scale",)}
"""Two ways to say the same: who says it the one way takes back what was said the other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtractionSettings:
    """All options of `kinescribe.pipeline.extract_states` that aren't about one video's files, as plain texts, numbers and truths.

    What they mean stands there, and in the table of ``kinescribe extract`` in the documentation. None is "not said". Holds no key of an
    endpoint: that stays in the environment.

    Attributes:
        detect_every: a number of frames as text, or "auto".
        vlm_model, vlm_url: the environment's (KINESCRIBE_MODEL, KINESCRIBE_BASE_URL) where they aren't said.
        vlm_cache: a folder; relative to the current one.
        vlm_timeout: seconds.
        vlm_prices: "IN,OUT", of a million tokens each.
        scale: a stick, "0.30 m: 120,400 480,402", image pixels.
        pixels_per_unit: image pixels that one `unit` spans.
        origin: "X,Y", image pixels.
        angle: degrees, counter-clockwise on the screen.
        frame_interval: seconds.
        stride: frames from one that is looked at to the next.
        start, end: seconds, "1:30", or a frame's number, "450f".
    """

    objects: str | None = None
    backend: str = "classical"
    detector: str | None = None
    segmenter: str | None = None
    propagator: str | None = None
    concept_tracker: str | None = None
    verifier: str | None = None
    detect_every: str | None = None
    one_each: bool = False
    device: str = "auto"
    precision: str = "auto"
    compile: bool = False
    batch_size: int | None = None
    tracker: str = "offline"
    vlm_model: str | None = None
    vlm_url: str | None = None
    vlm_cache: str | None = None
    vlm_replay: bool = False
    vlm_timeout: float | None = None
    vlm_max_calls: int | None = None
    vlm_max_tokens: int | None = None
    vlm_max_cost: float | None = None
    vlm_prices: str | None = None
    scale: str | None = None
    pixels_per_unit: float | None = None
    unit: str | None = None
    origin: str | None = None
    angle: float | None = None
    frame_interval: float | None = None
    stride: int = 1
    start: str | None = None
    end: str | None = None
    ends: bool = True
    review: bool = False

    @classmethod
    def of(cls, mapping: Mapping[str, Any], where: str = "") -> ExtractionSettings:
        """Settings from names and values, as a file has them; what isn't named is at its default.

        Args:
            mapping: by option, with - or _ in its name.
            where: what the mapping came from, such as "run.toml, [extract]"; stands before every message.

        Raises:
            UsageError: a name that is no option's, or a value of another kind than the option takes.
        """
        return cls().replaced(checked_options(mapping, where))

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """The options, with _ in their names, in the order of `to_dict`."""
        return tuple(field.name for field in dataclasses.fields(cls))

    def replaced(self, changes: Mapping[str, Value]) -> ExtractionSettings:
        """These settings with some of them changed. A scale that is said in one way takes back one that was said in the other.

        Args:
            changes: by field, as `checked_options` gives them.
        """
        return dataclasses.replace(self, **(displaced(changes) | dict(changes)))  # type: ignore[arg-type]

    def to_dict(self) -> dict[str, Value]:
        """All settings as plain JSON values, always in the same order; `of` reads them."""
        return {name: getattr(self, name) for name in self.names()}

    def with_endpoint(self) -> ExtractionSettings:
        """The same with the model and endpoint of the environment written down, where none was said: what a run would use here."""
        from kinescribe.llm.settings import MODEL_VARIABLE, URL_VARIABLE

        model = self.vlm_model or os.environ.get(MODEL_VARIABLE) or None
        return dataclasses.replace(self, vlm_model=model, vlm_url=self.vlm_url or os.environ.get(URL_VARIABLE) or None)

    def command(self, video: str) -> str:
        """What a user types to extract one video with these settings alone, as a shell takes it."""
        return shlex.join(["extract-states", video, *self.flags()])

    def flags(self, names: Iterable[str] | None = None) -> list[str]:
        """These settings as words of a command line, credentials in URLs left out.

        Args:
            names: of the settings to say, whatever they are; None: those that aren't at their default.
        """
        words, default = [], ExtractionSettings()
        told = None if names is None else set(names)
        for name, value in self.to_dict().items():
            option = f"--{name.replace('_', '-')}"
            if value is None or (value == getattr(default, name) if told is None else name not in told):
                continue
            if isinstance(value, bool):
                words.append(option if value else f"--no-{option[2:]}")
            else:
                words += [option, repr(value) if isinstance(value, float) else without_credentials(str(value))]
        return words

    @property
    def asks_vlm(self) -> bool:
        """Whether a VLM is asked, for the objects' names or for a second look."""
        from kinescribe.labelling import asks_vlm

        return self.verifier == "vlm" or asks_vlm(self.objects)

    def keywords(self) -> dict[str, Any]:
        """The keyword arguments for `kinescribe.pipeline.extract_states`.

        Raises:
            UsageError: a value that makes no sense, alone or beside another.
        """
        from kinescribe.settings.endpoint import vlm_settings
        from kinescribe.states import resolve_calibration
        from kinescribe.video.selection import Selection

        check_interval(self.frame_interval)
        Selection.of(self.stride, self.start, self.end)
        kept = {name: value for name, value in self.to_dict().items() if not name.startswith("vlm_") and name not in OF_THE_WORLD}
        calibration = resolve_calibration(self.scale, self.pixels_per_unit, self.unit, self.origin, self.angle)
        return kept | {"calibration": calibration, "vlm": vlm_settings(**{name: getattr(self, f"vlm_{name}") for name in OF_THE_VLM})}

    def check(self) -> None:
        """Everything that can be told without a video: that values make sense, and that the backend's parts are here.

        Raises:
            UsageError: a value that makes no sense, or a name that is unknown.
            InputError: a part of the backend that can't run here, such as one without its weights.
        """
        from kinescribe.settings.checking import check_settings

        check_settings(self)


FIELDS = {field.name: str(field.type).split(" | ") for field in dataclasses.fields(ExtractionSettings)}
"""By option the kind of its values, and "None" after it where it need not be said."""


def checked_options(mapping: Mapping[str, Any], where: str = "") -> dict[str, Value]:
    """Options of an extraction that were named somewhere, by field and as the fields' own types; nothing is filled in.

    Args:
        mapping: by option, with - or _ in its name.
        where: what the mapping came from; stands before every message.

    Raises:
        UsageError: a name that is no option's, one that is there twice, or a value of another kind than the option takes.
    """
    lead = f"{where}: " if where else ""
    out: dict[str, Value] = {}
    for key, value in mapping.items():
        name = str(key).replace("-", "_")
        if name not in FIELDS:
            raise UsageError(f"{lead}{unknown_value('option', shown(str(key)).strip(chr(39)), FIELDS)}")
        if name in out:
            raise UsageError(f"{lead}{name} is there twice, with - and with _; leave one out")
        if name in AS_NUMBERS and isinstance(value, AS_NUMBERS[name]) and not isinstance(value, bool):
            value = str(fitted(name, "float" if isinstance(value, float) else "int", value, may_lack=False, where=where))
        out[name] = fitted(name, FIELDS[name][0], value, may_lack="None" in FIELDS[name], where=where)
    return out


def displaced(changes: Mapping[str, Value]) -> dict[str, Value]:
    """The fields that some changes take back: None by name."""
    return {other: None for name, others in DISPLACES.items() if changes.get(name) is not None for other in others}


def check_interval(frame_interval: float | None) -> None:
    """Raise UsageError for a time between frames, seconds, that is none."""
    if frame_interval is not None and not (math.isfinite(frame_interval) and frame_interval > 0):
        raise UsageError(f"--frame-interval {frame_interval:g} must be a number of seconds above 0, such as 0.00417")
