"""How a run is asked for, checked before the night's work begins."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from kinescribe import plugins
from kinescribe.annotation.batch.jobs import Limits, Products
from kinescribe.errors import UsageError, unknown_value
from kinescribe.llm.text import one_line

__all__ = ["STATES_FORMAT", "DataSetOptions", "RunOptions", "checked_formats", "checked_shard", "products_of"]

STATES_FORMAT = "states"
"""The tables themselves: always written, so that naming it alone means that nothing else is."""
HOUR = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSetOptions:
    """What `kinescribe.annotation.export` is asked for; names and meaning as there."""

    stride: int = 1
    split: Mapping[str, float] | None = None
    seed: int = 0
    classes: Any = None
    labels: Sequence[str] | None = None
    verified_only: bool = False
    hidden: bool = False
    pictures: str = "jpg"

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values; `DataSetOptions(**…)` reads them."""
        return asdict(self)

    def check(self) -> None:
        """Raise UsageError for what can be told without a table."""
        from kinescribe.annotation.exporting.classes import classes_of
        from kinescribe.annotation.exporting.pictures import SUFFIXES
        from kinescribe.annotation.exporting.splits import checked_split

        if not _whole(self.stride) or self.stride < 0:
            raise UsageError(f"stride={_shown(self.stride)} must be a whole number: 1 for every frame, 0 for no pictures")
        if not _whole(self.seed):
            raise UsageError(f"seed={_shown(self.seed)} must be a whole number")
        _check_truths(self, "verified_only", "hidden")
        if self.labels is not None and not _texts(self.labels):
            raise UsageError(f"labels={_shown(self.labels)} must be a list of labels or patterns, such as ['red ball', 'cart*']")
        if not isinstance(self.pictures, str) or self.pictures not in SUFFIXES:
            raise unknown_value("picture format", str(self.pictures), SUFFIXES)
        checked_split(self.split)
        classes_of({}, self.classes, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """How videos are gone through.

    Attributes:
        workers: processes at a time; "auto": one a GPU where models run on them, else one a core.
        threads: that the libraries in one process use; None: 1, and where models run on the CPU its share of the cores.
        timeout: seconds that a video may take; 0 for no limit.
        max_memory: bytes that the process of one video may fill; None: its share of 80 % of what there is; 0 for no limit.
        retries: how often a video is begun again whose process died.
        retry_failed: whether videos that failed in an earlier run are done again.
        redo: whether all are.
        only: names or patterns; of the others nothing is done.
        shard: which of how many, from 1.
        image_folders: whether folders of numbered pictures are videos.
        engine: "local" or "ray".
        address: of the Ray cluster; None: the one that is there, else one of this machine.
        exchange: an fsspec URL through which videos and results go, where workers don't share our folders.
    """

    workers: int | str = "auto"
    threads: int | None = None
    timeout: float = HOUR
    max_memory: float | None = None
    retries: int = 1
    retry_failed: bool = False
    redo: bool = False
    only: Sequence[str] = ()
    shard: tuple[int, int] | None = None
    image_folders: bool = False
    engine: str = "local"
    address: str | None = None
    exchange: str | None = None

    def check(self) -> None:
        """Raise UsageError for what makes no sense."""
        if self.workers != "auto" and not (_whole(self.workers) and 1 <= int(self.workers) <= 4096):
            raise UsageError(f"workers={self.workers!r} must be a whole number from 1, or 'auto'")
        if self.threads is not None and not (_whole(self.threads) and 1 <= self.threads <= 4096):
            raise UsageError(f"threads={self.threads!r} must be a whole number from 1 to 4096")
        if not _number(self.timeout) or self.timeout < 0:
            raise UsageError(f"timeout={_shown(self.timeout)} must be a number of seconds, or 0 for no limit")
        if self.max_memory is not None and not (_number(self.max_memory) and (self.max_memory == 0 or self.max_memory >= 2**26)):
            raise UsageError(f"max_memory={_shown(self.max_memory)} must be bytes, 64 MB (2**26) or more, or 0 for no limit")
        if not _whole(self.retries) or not 0 <= self.retries <= 100:
            raise UsageError(f"retries={self.retries!r} must be a whole number from 0 to 100")
        _check_truths(self, "retry_failed", "redo", "image_folders")
        if not _texts(self.only):
            raise UsageError(f"only={_shown(self.only)} must be a list of names or patterns")
        for name in ("address", "exchange"):
            if not isinstance(getattr(self, name), str | None):
                raise UsageError(f"{name}={_shown(getattr(self, name))} must be a text, or None")
        if self.engine not in ("local", "ray"):
            raise unknown_value("engine", str(self.engine), ("local", "ray"))
        if self.engine == "local" and (self.address is not None or self.exchange is not None):
            raise UsageError("an address and an exchange belong to the engine 'ray': give --engine ray, or leave them out")
        checked_shard(self.shard)

    def limits(self, workers: int) -> Limits:
        """Of each video, where so many go at a time."""
        from kinescribe.annotation.batch.resources import MEMORY_SHARE, available_memory

        memory = MEMORY_SHARE * available_memory() / workers if self.max_memory is None else self.max_memory or math.inf
        return Limits(self.timeout or math.inf, memory, self.retries)


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _texts(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes) and all(isinstance(one, str) for one in value)


def _shown(value: Any) -> str:
    return one_line(repr(value), 80)


def _check_truths(options: Any, *names: str) -> None:
    for name in names:
        if not isinstance(getattr(options, name), bool):
            raise UsageError(f"{name}={_shown(getattr(options, name))} must be True or False")


def checked_formats(formats: Sequence[str]) -> list[str]:
    """The formats without `STATES_FORMAT`, each once. Raises UsageError for none, and for unknown ones."""
    if isinstance(formats, str) or not formats or not all(isinstance(name, str) for name in formats):
        raise UsageError(f"formats={formats!r} must be a list of names, such as ['states', 'coco'] (kinescribe list exporters)")
    known = {STATES_FORMAT, *(plugin.name for plugin in plugins.plugins("exporters"))}
    for name in formats:
        if name not in known:
            raise unknown_value("format", name, known)
    out = [name for name in dict.fromkeys(formats) if name != STATES_FORMAT]
    if out:
        from kinescribe.annotation.exporting.export import exporters_of

        exporters_of(out)  # what can't be written is told before the first video, not after the last
    return out


def checked_shard(shard: Any) -> None:
    """Raise UsageError for a shard that isn't one of its number."""
    if shard is None:
        return
    whole = isinstance(shard, tuple) and len(shard) == 2 and all(_whole(k) for k in shard)
    if not whole or not 1 <= shard[0] <= shard[1]:
        raise UsageError(f"shard={shard!r} must be (which, of how many), from (1, 1), such as (3, 8)")


def products_of(overlay: bool, report: bool | None) -> tuple[Products, list[str]]:
    """What is made of each video, and a line where a page was to be made by default and can't.

    Raises:
        UsageError: another kind of value, or pages that were asked for and can't be made.
    """
    if not isinstance(overlay, bool):
        raise UsageError(f"overlay={_shown(overlay)} must be True or False")
    if not isinstance(report, bool | None):
        raise UsageError(f"report={_shown(report)} must be True, False, or None: where jinja2 is installed")
    if report is False:
        return Products(overlay=overlay, report=False), []
    from kinescribe.annotation.reporting import check_pages

    try:
        check_pages()
    except UsageError as error:
        if report:
            raise
        return Products(overlay=overlay, report=False), [f"no report pages: {error}"]
    return Products(overlay=overlay, report=True), []
