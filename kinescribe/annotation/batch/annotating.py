"""The one function that annotates a data set."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from kinescribe.annotation.batch.closing import Whole, close
from kinescribe.annotation.batch.engines import Engine, LocalEngine
from kinescribe.annotation.batch.events import Begun, Stage, Watch
from kinescribe.annotation.batch.folders import DataSet
from kinescribe.annotation.batch.jobs import Job, Products
from kinescribe.annotation.batch.keeper import Keeper
from kinescribe.annotation.batch.listing import Listing, list_videos
from kinescribe.annotation.batch.manifest import Manifest, Row, beside
from kinescribe.annotation.batch.options import DataSetOptions, RunOptions, checked_formats, products_of
from kinescribe.annotation.batch.planning import Plan, folder_of, plan, select
from kinescribe.annotation.batch.resources import cores, gpus
from kinescribe.annotation.batch.result import Annotated
from kinescribe.annotation.batch.retyped import changed, retyped
from kinescribe.annotation.batch.setups import Setups
from kinescribe.errors import NothingFoundError, UsageError, unknown_value
from kinescribe.llm.text import one_line
from kinescribe.settings import ExtractionSettings, Overrides
from kinescribe.settings.values import without_credentials

__all__ = ["annotate"]

_BESIDE = ("formats", "settings", "run", "data_set", "overlay", "report", "command", "watch")
_ELSEWHERE = {"picture_stride": "stride", "class": "classes", "label": "labels", "format": "formats", "progress": "watch"}
"""By what other functions, and the command line, call an option, what it is called here."""


def annotate(
    source: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    output: str | os.PathLike[str],
    formats: Sequence[str] = ("states",),
    *,
    settings: Overrides | ExtractionSettings | None = None,
    run: RunOptions | None = None,
    data_set: DataSetOptions | None = None,
    overlay: bool = False,
    report: bool | None = None,
    command: str | None = None,
    watch: Watch | None = None,
    **options: Any,
) -> Annotated:
    """Annotate a data set: the states of every video as tables, and formats for training and correcting, all of it resumable.

    Run again with the same arguments, it does what is missing or has changed and nothing else: a result hangs on the video's bytes, its
    settings, the revisions of models and plug-ins, and our version. Killed at any moment, the next run completes it, to the same bytes.

    Args:
        source: a folder, a list of paths (.txt), a pattern, a video, or several of these.
        output: folder of the data set.
        formats: "states" alone for the tables, or "coco", "yolo", "mot", "voc", "cvat", "parquet" …, as `kinescribe.annotation.export`.
        settings: how videos are extracted, with what is otherwise for some of them.
        run: how they are gone through.
        data_set: what goes into the formats.
        overlay: whether each video is drawn with ids, labels and trails.
        report: whether pages are made; None: where jinja2 is installed.
        command: what a user types to do this run again, for the pages; None: ``kinescribe annotate`` with source, output and formats.
        watch: called with what happens, in the caller's thread.
        options: fields of `RunOptions`, `DataSetOptions` or `ExtractionSettings` by name, in place of `run`, `data_set`, `settings`.

    Raises:
        UsageError: an option that makes no sense, an output that can't be written or that another run is writing, a full disk.
        InputError: a source that can't be read, models or weights that are missing.
        NothingFoundError: no videos.
    """
    began = time.perf_counter()
    how, into, videos = _options(options, run, data_set, settings)
    exported = checked_formats(formats)
    how.check()
    into.check()
    products, warnings = products_of(overlay, report)
    if not os.fspath(output).strip():
        raise UsageError("the output is empty; name the folder of the data set, such as 'dataset'")
    data = DataSet(Path(output).resolve())
    if os.path.exists(data.folder) and not os.path.isdir(data.folder):  # noqa: PTH110, PTH112 - these don't raise on any name
        raise UsageError(f"cannot write the data set '{output}': it is a file; name a folder")
    sources = [source] if isinstance(source, str | os.PathLike) else list(source)
    listing = list_videos(sources, leave_out=data.folder, image_folders=how.image_folders)
    if not listing.videos:
        raise NothingFoundError(f"no videos in {', '.join(repr(str(one)) for one in sources)}{_passed(listing)}; name where they are")
    setups = Setups(videos, products)
    unused = videos.unused(video.name for video in listing.videos)
    warnings += [f"'{one_line(pattern, 80)}' of the configuration fits no video" for pattern in unused]
    typed = command or retyped(sources, output, formats, videos, how, into, overlay=overlay, report=report)
    result = Annotated(data.folder, warnings=warnings, notes=listing.told() + ([] if exported else _idle(into)))
    with ExitStack() as stack:
        chosen = select(listing.videos, how.only, how.shard)
        setups.check(video.name for video in chosen)
        stack.enter_context(data.held(how.shard))
        name = f"{int(time.time())}-{os.getpid()}-{secrets.token_hex(2)}"
        manifest = stack.enter_context(Manifest(data.manifest(how.shard), name))
        plans = plan(
            chosen, listing.videos, _rows(data, manifest), setups.of, data.states,
            retry_failed=how.retry_failed, redo=how.redo,
            progress=lambda stage, done, total: None if watch is None else watch(Stage(stage, done, total)),
        )  # fmt: skip
        names = [video.name for video in chosen]
        result.videos, result.unchanged = len(names), sum(plans.states[one] == "done" for one in names)
        if how.shard is None and not how.only:
            _note_gone(plans, manifest, result)
        manifest.duplicates(plans.new_duplicates)
        manifest.queue(todo.video.name for todo in plans.todo)
        engine = _engine(how, setups, [todo.video.name for todo in plans.todo]) if plans.todo else None
        if watch is not None:
            watch(Begun(len(chosen), len(plans.todo), sum(one.bytes for one in plans.todo), engine.workers if engine else 0))
        if engine is not None:
            jobs = _jobs(plans, setups, data, how, products)
            engine.run(jobs, Keeper(manifest, setups, plans, result, watch))
        _sum_up(plans, names, result, sharded=how.shard is not None)
        result.warnings += [] if engine is None else engine.warnings
        if how.shard is None:
            whole = Whole(exported, into, data.report if products.report else None, without_credentials(typed))
            close(whole, data, manifest, listing, plans, result, watch)
        elif exported:
            result.notes.append("the formats are written by a run without a shard, when all shards are done")
    result.seconds = time.perf_counter() - began
    return result


def _options(
    given: Mapping[str, Any], run: RunOptions | None, data_set: DataSetOptions | None, settings: Overrides | ExtractionSettings | None
) -> tuple[RunOptions, DataSetOptions, Overrides]:
    """The options by what they belong to. Raises UsageError for unknown ones, and for what is said twice."""
    names = {*RunOptions.__dataclass_fields__, *DataSetOptions.__dataclass_fields__, *ExtractionSettings.names(), *_BESIDE}
    for name in given:
        if name not in names and name.replace("-", "_") not in ExtractionSettings.names():
            if name in _ELSEWHERE:
                raise UsageError(f"the option '{one_line(name, 60)}' is '{_ELSEWHERE[name]}' here")
            raise unknown_value("option", one_line(name, 60), names)
    mine: tuple[dict[str, Any], dict[str, Any]] = ({}, {})
    rest = dict(given)
    for kind, taken, instead in ((RunOptions, mine[0], run), (DataSetOptions, mine[1], data_set)):
        taken.update({name: rest.pop(name) for name in list(rest) if name in kind.__dataclass_fields__})
        if taken and instead is not None:
            raise UsageError(f"{next(iter(taken))} is given beside a whole {kind.__name__}; put it in there")
    if rest and settings is not None:
        raise UsageError(f"{next(iter(rest))} is given beside whole settings; put it in there")
    videos = settings if settings is not None else ExtractionSettings.of(rest)
    if isinstance(videos, ExtractionSettings):
        videos = Overrides(videos)
    return run or RunOptions(**mine[0]), data_set or DataSetOptions(**mine[1]), videos


def _note_gone(plans: Plan, manifest: Manifest, result: Annotated) -> None:
    """Take down the videos that an earlier run knew and that are no longer there."""
    for name in plans.gone:
        manifest.note(name, "gone")
    if plans.gone:
        more = f" and {len(plans.gone) - 1} more" if len(plans.gone) > 1 else ""
        named = f"'{one_line(plans.gone[0], 80)}'{more}"
        result.notes.append(f"{named} of an earlier run: no longer there; tables stay below states/, formats leave them out")


def _sum_up(plans: Plan, names: Sequence[str], result: Annotated, *, sharded: bool) -> None:
    """How the run's videos stand at its end."""
    failed = {name for name in names if plans.states[name] == "failed"}
    partial = plans.partial.intersection(names)
    made = [plans.made[name] for name in names if name in plans.made]
    result.failed, result.partial, result.not_whole = len(failed), len(partial), frozenset(failed | partial)
    result.rows, result.objects, result.warned = (sum(column) for column in zip(*made, strict=True)) if made else (0, 0, 0)
    others = [plans.duplicates[name] for name in names if plans.states[name] == "duplicate"]
    result.duplicates = len(others)
    if not sharded:  # the other one may be another shard's
        result.waiting = sum(plans.states.get(other) == "queued" for other in others)
        if result.waiting:
            result.notes.append(f"{result.waiting} duplicates of videos that are not done yet, and not part of this run")


def _passed(listing: Listing) -> str:
    told = listing.told()
    return f" ({'; '.join(told)})" if told else ""


def _idle(into: DataSetOptions) -> list[str]:
    """A line on options of formats where there is none."""
    flags = changed(into)
    return [f"{', '.join(flags)}: this says what goes into formats, and none is asked for: give --format, such as coco"] if flags else []


def _rows(data: DataSet, own: Manifest) -> Iterator[Row]:
    """Of all manifests; those of other runs are only looked at."""
    yield from own.latest()
    for other in beside(own, data.manifests()):
        yield from other.latest()


def _engine(how: RunOptions, setups: Setups, names: Sequence[str]) -> Engine:
    """The engine that was asked for, with no more workers than there are videos."""
    if how.engine == "ray":
        from kinescribe.annotation.batch.ray_engine import RayEngine

        return RayEngine(how, learned=bool(setups.learned(names)), videos=len(names))
    mine, learned = cores(), setups.learned(names)
    # where a video has a device of its own by its number, each worker has to see all of them
    devices = gpus() if learned & {"auto", "cuda"} and not any(":" in one for one in learned) else []
    workers = how.workers if isinstance(how.workers, int) else (max(1, len(devices)) if learned else mine)
    workers = max(1, min(workers, len(names)))
    threads = how.threads or (max(1, mine // workers) if learned else 1)
    return LocalEngine(workers, how.limits(workers), threads=threads, gpus=devices)


def _jobs(plans: Plan, setups: Setups, data: DataSet, how: RunOptions, products: Products) -> Iterator[Job]:
    for one in plans.todo:
        settings = setups.settings(one.video.name)
        yield Job(
            name=one.video.name,
            path=str(one.video.path.absolute()),
            folder=str(data.states / folder_of(one.video.name)),
            staging=str(data.work(how.shard) / secrets.token_hex(8)),
            settings=settings.to_dict(),
            revisions=setups.revisions(settings),
            products=products,
            command=settings.command(str(one.video.path)),
            sha256=None,  # the worker's own: the file may have changed since it was looked at
            bytes=one.bytes,
            again=how.redo,
        )
