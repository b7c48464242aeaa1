"""The end of a run: the formats and the page of the whole, made in a process of its own."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from kinescribe.annotation.batch.events import Stage, Watch
from kinescribe.annotation.batch.finishing import Finishing
from kinescribe.annotation.batch.folders import DataSet
from kinescribe.annotation.batch.listing import Listing
from kinescribe.annotation.batch.manifest import Manifest
from kinescribe.annotation.batch.options import DataSetOptions
from kinescribe.annotation.batch.process import WorkerProcess
from kinescribe.annotation.batch.resources import cores
from kinescribe.annotation.batch.result import Annotated
from kinescribe.errors import InputError, KinescribeError, NothingFoundError, UsageError
from kinescribe.llm.text import one_line

__all__ = ["Whole", "close"]


@dataclass(frozen=True, slots=True)
class Whole:
    """What is asked of all videos together.

    Attributes:
        formats: that are written.
        into: what goes into them.
        page: where the page goes; None for none.
        typed: what the user typed, to which a single video's name is added.
    """

    formats: list[str]
    into: DataSetOptions
    page: Path | None
    typed: str


def close(
    whole: Whole, data: DataSet, manifest: Manifest, listing: Listing, duplicates: Mapping[str, str], result: Annotated, watch: Watch | None
) -> None:
    """Write the formats and the page, where anything has changed since they were written.

    Raises:
        UsageError, InputError, NothingFoundError: why the formats can't be written; the tables are done all the same.
    """
    last = manifest.last_export()
    page = whole.page
    asks = {"asked": _asked(whole, listing), "seen": _seen(data, manifest)}
    as_before = last is not None and {name: last[1].get(name) for name in asks} == asks
    there = last is not None and all((data.folder / str(name)).exists() for name in last[1].get("entries", []))
    if as_before and there and last is not None and (page is None or page.exists()):
        result.report = page
        result.warnings += last[1].get("warnings", [])
        return
    listed = _written(data, listing, duplicates)
    title = one_line(listing.root, 80) or data.folder.name
    before = last[0] if last is not None and there else None
    asked = Finishing(str(data.folder), str(listed), whole.formats, whole.into.to_dict(), before, page is not None, whole.typed, title)
    # a run that is killed from here on leaves formats of which nobody knows what is in them
    manifest.exported("", {})
    process = WorkerProcess(cores())
    try:
        told = process.call(
            {"task": "data set", "finishing": asdict(asked)},
            lambda stage, done, total: None if watch is None else watch(Stage(stage, done, total)),
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


def _written(data: DataSet, listing: Listing, duplicates: Mapping[str, str]) -> Path:
    """A file with one video a line, as `Finishing` takes it: a whole listing would be a long message."""
    listed = data.work() / "listing.jsonl"
    try:
        listed.parent.mkdir(parents=True, exist_ok=True)
        with listed.open("w", encoding="utf-8") as lines:
            for video in listing.videos:
                one = {"name": video.name, "path": str(video.path.absolute()), "duplicate": duplicates.get(video.name)}
                lines.write(json.dumps(one) + "\n")
    except OSError as error:
        raise UsageError(f"cannot write '{data.inner}': {error.strerror}; make room, and run again: what is done stays done") from error
    return listed


def _asked(whole: Whole, listing: Listing) -> Any:
    """What the formats and the page were asked to hold, to be compared."""
    names = hashlib.sha256("\0".join(video.name for video in listing.videos).encode("utf-8", "surrogatepass")).hexdigest()
    # as it comes back from JSON, where tuples are lists
    return json.loads(json.dumps([whole.formats, whole.into.to_dict(), whole.typed, names]))
