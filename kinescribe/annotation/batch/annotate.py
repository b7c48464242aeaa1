"""The one function that annotates a data set."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shlex
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from kinescribe.annotation.batch.engines import Engine, Event, Finished, LocalEngine, Started
from kinescribe.annotation.batch.files import Signature, signature_at
from kinescribe.annotation.batch.finishing import Finishing
from kinescribe.annotation.batch.folders import DataSet
from kinescribe.annotation.batch.jobs import DISK, Job, Products
from kinescribe.annotation.batch.keys import revisions_of, setup_of
from kinescribe.annotation.batch.listing import Listing, list_videos
from kinescribe.annotation.batch.manifest import Manifest, Row
from kinescribe.annotation.batch.options import DataSetOptions, RunOptions, checked_formats, products_of
from kinescribe.annotation.batch.planning import Plan, folder_of, plan, select
from kinescribe.annotation.batch.process import WorkerProcess
from kinescribe.annotation.batch.resources import cores, gpus
from kinescribe.errors import InputError, KinescribeError, NothingFoundError, UsageError
from kinescribe.llm.text import one_line
from kinescribe.settings import ExtractionSettings, Overrides

__all__ = ["Annotated", "Begun", "Finishes", "annotate"]


@dataclass(frozen=True, slots=True)
class Begun:
    """The run knows what there is to do.

    Attributes:
        videos: of this run.
        todo: of them to be done now.
        bytes: of those, together.
        workers: how many at a time.
    """

    videos: int
    todo: int
    bytes: int
    workers: int


@dataclass(frozen=True, slots=True)
class Finishes:
    """All videos are done; what is made of all together is on its way: ``export`` or ``report``."""

    stage: str


Watch = Callable[[Event | Begun | Finishes], None]


@dataclass(slots=True)
class Annotated:
    """How a run went.

    Attributes:
        folder: of the data set.
        videos: how many there are in this run.
        done: done now.
        adopted: of them those that were there already, made by an earlier run that couldn't say so.
        unchanged: done by an earlier run.
        partial: of all that are done, those that break off.
        failed: that failed, now or in an earlier run.
        duplicates: that have the same bytes as another one.
        rows, objects: in what was done now.
        warned: tables of those done now that have warnings.
        seconds: that it took.
        export: what was exported, None where nothing had to be.
        report: the page of the whole; None where none was made.
        warnings: one line each.
        notes: on what was passed over.
    """

    folder: Path
    videos: int = 0
    done: int = 0
    adopted: int = 0
    unchanged: int = 0
    partial: int = 0
    failed: int = 0
    duplicates: int = 0
    rows: int = 0
    objects: int = 0
    warned: int = 0
    seconds: float = 0.0
    export: dict[str, Any] | None = None
    report: Path | None = None
    warnings: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def whole(self) -> bool:
        """Whether every video is done and none breaks off."""
        return not (self.failed or self.partial)

    def failures(self) -> Iterator[Row]:
        """The videos of the data set that failed or break off, in the order of their names, read from the manifests."""
        from kinescribe.annotation.batch.manifest import merged

        rows = merged(DataSet(self.folder.resolve()).manifests())
        return (row for _, row in sorted(rows.items()) if row.state == "failed" or row.kind == "partial")


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
    data = DataSet(Path(output).resolve())
    if os.path.exists(data.folder) and not os.path.isdir(data.folder):  # noqa: PTH110, PTH112 - these don't raise on any name
        raise UsageError(f"cannot write the data set '{output}': it is a file; name a folder")
    sources = [source] if isinstance(source, str | os.PathLike) else list(source)
    listing = list_videos(sources, leave_out=data.folder, image_folders=how.image_folders)
    if not listing.videos:
        raise NothingFoundError(f"no videos in {', '.join(repr(str(one)) for one in sources)}{_passed(listing)}; name where they are")
    setups = _Setups(videos, products)
    unused = videos.unused(video.name for video in listing.videos)
    warnings += [f"'{one_line(pattern, 80)}' of the configuration fits no video" for pattern in unused]
    typed = command or _typed(sources, output, formats)
    result = Annotated(data.folder, warnings=warnings, notes=listing.told())
    with ExitStack() as stack:
        chosen = select(listing.videos, how.only, how.shard)
        setups.check(video.name for video in chosen)
        stack.enter_context(data.held(how.shard))
        name = f"{int(time.time())}-{os.getpid()}-{secrets.token_hex(2)}"
        manifest = stack.enter_context(Manifest(data.manifest(how.shard), name))
        plans = plan(
            chosen, listing.videos, _rows(data, manifest), setups.of, data.states,
            retry_failed=how.retry_failed, redo=how.redo, progress=None,
        )  # fmt: skip
        result.videos, result.unchanged, result.partial = len(chosen), len(plans.done), len(plans.partial)
        result.failed, result.duplicates = len(plans.failed), len(plans.duplicates)
        manifest.duplicates(plans.new_duplicates)
        manifest.queue(todo.video.name for todo in plans.todo)
        engine = _engine(how, setups, len(plans.todo)) if plans.todo else None
        if watch is not None:
            watch(Begun(len(chosen), len(plans.todo), sum(one.bytes for one in plans.todo), engine.workers if engine else 0))
        if engine is not None:
            jobs = _jobs(plans, setups, data, how, products)
            engine.run(jobs, _Keeper(manifest, setups, result, watch))
        if how.shard is None:
            _finish(result, data, manifest, listing, plans, exported, into, products, typed, watch)
        elif exported:
            result.notes.append("the formats are written by a run without a shard, when all shards are done")
    result.seconds = time.perf_counter() - began
    return result


def _options(
    given: Mapping[str, Any], run: RunOptions | None, data_set: DataSetOptions | None, settings: Overrides | ExtractionSettings | None
) -> tuple[RunOptions, DataSetOptions, Overrides]:
    """The options by what they belong to. Raises UsageError for unknown ones, and for what is said twice."""
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


def _passed(listing: Listing) -> str:
    told = listing.told()
    return f" ({'; '.join(told)})" if told else ""


def _typed(sources: Sequence[Any], output: Any, formats: Sequence[str]) -> str:
    words = ["kinescribe", "annotate", *(str(one) for one in sources), "-o", str(output), "--format", ",".join(formats)]
    return shlex.join(words)


class _Setups:
    """What the result of each video depends on besides its bytes, worked out once for all that share their settings."""

    def __init__(self, videos: Overrides, products: Products) -> None:
        self.videos, self._products = videos, products
        self._hash = lru_cache(maxsize=None)(self._hashed)
        self.revisions = lru_cache(maxsize=None)(revisions_of)

    def settings(self, name: str) -> ExtractionSettings:
        """Of a video; with the environment's endpoint, which a worker elsewhere need not have."""
        settings = self.videos.of(name)
        asks = settings.verifier == "vlm" or (settings.objects or "").strip().lower() == "auto" or settings.vlm_model or settings.vlm_url
        return settings.with_endpoint() if asks else settings

    def of(self, name: str) -> str:
        return self._hash(self.settings(name))

    def _hashed(self, settings: ExtractionSettings) -> str:
        return setup_of(settings.to_dict(), self.revisions(settings), self._products)

    def check(self, names: Iterator[str]) -> None:
        """Raise what is wrong with the settings of any of the videos."""
        for settings in dict.fromkeys(self.settings(name) for name in names):
            settings.check()
            self.revisions(settings)

    @property
    def learned(self) -> bool:
        """Whether models with weights run."""
        settings = self.videos.settings
        return any("weights " in revision for revision in self.revisions(settings).values()) or settings.device.startswith("cuda")


def _rows(data: DataSet, own: Manifest) -> Iterator[Row]:
    """Of all manifests; those of other runs are only looked at."""
    yield from own.latest()
    for path in data.manifests():
        if path != own.path:
            with Manifest(path, read_only=True) as other:
                yield from other.latest()


def _engine(how: RunOptions, setups: _Setups, videos: int) -> Engine:
    """The engine that was asked for, with no more workers than there are videos."""
    if how.engine == "ray":
        from kinescribe.annotation.batch.ray_engine import RayEngine

        return RayEngine(how, learned=setups.learned, videos=videos)
    mine, devices = cores(), []
    if setups.learned:
        devices = gpus() if setups.videos.settings.device in ("auto", "cuda") else []
    workers = how.workers if isinstance(how.workers, int) else (max(1, len(devices)) if setups.learned else mine)
    workers = max(1, min(workers, videos))
    threads = how.threads or (max(1, mine // workers) if setups.learned else 1)
    return LocalEngine(workers, how.limits(workers), threads=threads, gpus=devices)


def _jobs(plans: Plan, setups: _Setups, data: DataSet, how: RunOptions, products: Products) -> Iterator[Job]:
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


class _Keeper:
    """Writes down what happens, and stops the run where going on would only make it worse."""

    def __init__(self, manifest: Manifest, setups: _Setups, result: Annotated, watch: Watch | None) -> None:
        self._manifest, self._setups, self._result, self._watch = manifest, setups, result, watch
        self._looked: dict[str, tuple[int, Signature | None]] = {}

    def __call__(self, event: Event) -> None:
        if isinstance(event, Started):
            self._looked[event.job.name] = time.time_ns(), signature_at(Path(event.job.path))
            self._manifest.note(event.job.name, "running", worker=event.worker)
        elif isinstance(event, Finished):
            self._finished(event)
        if self._watch is not None:
            self._watch(event)

    def _finished(self, event: Finished) -> None:
        name, outcome, result = event.job.name, event.outcome, self._result
        looked, signature = self._looked.pop(name, (0, None))
        if outcome.state == "failed" and outcome.size is None and signature is not None:
            # its process had no chance to say which file it failed at
            outcome = replace(outcome, size=signature.size, mtime_ns=signature.mtime_ns)
        self._manifest.finished(name, outcome, self._setups.of(name), looked_ns=looked, worker=event.worker)
        if outcome.kind == DISK:
            raise UsageError(f"{outcome.reason}; make room or give an -o that can be written, and run again: what is done stays done")
        if outcome.state == "failed":
            result.failed += 1
            return
        result.done += 1
        result.adopted += outcome.adopted
        result.partial += outcome.kind == "partial"
        result.rows += outcome.rows or 0
        result.objects += outcome.objects or 0
        result.warned += outcome.warnings > 0


def _finish(
    result: Annotated, data: DataSet, manifest: Manifest, listing: Listing, plans: Plan, formats: list[str], into: DataSetOptions,
    products: Products, typed: str, watch: Watch | None,
) -> None:  # fmt: skip
    """Write the formats and the page, where anything has changed since they were written."""
    last = manifest.last_export()
    page = data.report if products.report else None
    asks = {"asked": _asked(formats, into, typed, listing), "seen": _seen(data, manifest)}
    as_before = last is not None and {name: last[1].get(name) for name in asks} == asks
    there = last is not None and all((data.folder / str(name)).exists() for name in last[1].get("entries", []))
    if as_before and there and last is not None and (page is None or page.exists()):
        result.report = page
        result.warnings += last[1].get("warnings", [])
        return
    listed = data.work() / "listing.jsonl"
    try:
        listed.parent.mkdir(parents=True, exist_ok=True)
        with listed.open("w", encoding="utf-8") as lines:
            for video in listing.videos:
                one = {"name": video.name, "path": str(video.path.absolute()), "duplicate": plans.duplicates.get(video.name)}
                lines.write(json.dumps(one) + "\n")
    except OSError as error:
        raise UsageError(f"cannot write '{data.inner}': {error.strerror}; make room, and run again: what is done stays done") from error
    title = one_line(listing.root, 80) or data.folder.name
    before = last[0] if last is not None and there else None
    asked = Finishing(str(data.folder), str(listed), formats, into.to_dict(), before, page is not None, typed, title)
    # a run that is killed from here on leaves formats of which nobody knows what is in them
    manifest.exported("", {})
    process = WorkerProcess(cores())
    try:
        told = process.call(
            {"task": "data set", "finishing": asdict(asked)},
            lambda stage, done, total: None if watch is None else watch(Finishes(stage)),
        )
    finally:
        process.stop()
    if "error" in told:
        kind: type[KinescribeError] = {2: UsageError, 3: InputError, 4: NothingFoundError}.get(told["exit_code"], KinescribeError)
        raise kind(f"the tables are done, the formats are not: {told['error']}; mend that and run again: only the formats are made then")
    result.export, result.report = told["export"], page
    result.warnings += told["warnings"]
    manifest.exported(told["content"], {**asks, "entries": told["entries"], "warnings": told["warnings"]})


def _seen(data: DataSet, own: Manifest) -> dict[str, int]:
    """How far each manifest goes: what has been noted since the formats were written isn't in them."""
    seen = {own.path.name: own.last()}
    for path in data.manifests():
        if path != own.path:
            with Manifest(path, read_only=True) as other:
                seen[path.name] = other.last()
    return seen


def _asked(formats: list[str], into: DataSetOptions, typed: str, listing: Listing) -> Any:
    """What the formats and the page were asked to hold, to be compared."""
    names = hashlib.sha256("\0".join(video.name for video in listing.videos).encode("utf-8", "surrogatepass")).hexdigest()
    # as it comes back from JSON, where tuples are lists
    return json.loads(json.dumps([formats, into.to_dict(), typed, names]))
