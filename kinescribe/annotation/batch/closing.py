"""The end of a run: the formats and the page of the whole, made in a process of its own."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from kinescribe.annotation.batch.events import Stage, Watch
from kinescribe.annotation.batch.finishing import Finishing, sizes_of
from kinescribe.annotation.batch.folders import DataSet
from kinescribe.annotation.batch.listing import Listing
from kinescribe.annotation.batch.manifest import Manifest, beside
from kinescribe.annotation.batch.options import DataSetOptions
from kinescribe.annotation.batch.planning import Plan
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


def close(whole: Whole, data: DataSet, manifest: Manifest, listing: Listing, plan: Plan, result: Annotated, watch: Watch | None) -> None:
    """Write the formats and the page, where anything has changed since they were written.

    Raises:
        UsageError, InputError, NothingFoundError: why the formats can't be written; the tables are done all the same.
    """
    last = manifest.last_export()
    before = {} if last is None else last[1]
    page = whole.page
    asks = {"asked": _asked(whole, listing, plan), "seen": _seen(data, manifest)}
    there = not whole.formats or before.get("files", {}) == sizes_of(data.folder, before.get("files", {}))
    if {name: before.get(name) for name in asks} == asks and there and (page is None or page.exists()):
        result.report = page
        result.warnings += before.get("warnings", [])
        result.notes += before.get("notes", [])
        return
    listed = _written(data, listing, plan)
    title = one_line(Path(listing.root).resolve().name if listing.root else data.folder.name, 80)
    key = last[0] if last is not None and there else None
    asked = Finishing(str(data.folder), str(listed), whole.formats, whole.into.to_dict(), key, page is not None, whole.typed, title)
    # a run that is killed from here on leaves formats of which nobody knows what is in them
    manifest.exported("", {name: before[name] for name in ("made", "results") if name in before})
    process = WorkerProcess(cores())
    try:
        told = process.call(
            {"task": "data set", "finishing": asdict(asked)},
            lambda stage, done, total: None if watch is None else watch(Stage(stage, done, total)),
        )
    finally:
        process.stop()
    result.report = page
    result.warnings += told["warnings"]
    if "error" in told:
        kind: type[KinescribeError] = {2: UsageError, 3: InputError, 4: NothingFoundError}.get(told["exit_code"], KinescribeError)
        raise kind(f"the tables are done, the formats are not: {told['error']}; mend that and run again: only the formats are made then")
    result.export = told["export"]
    made, results = (whole.formats, told["results"]) if whole.formats else (before.get("made", []), before.get("results"))
    notes = []
    if made and not whole.formats and results != told["results"]:
        notes.append(f"{', '.join(made)}: still as they were written, though tables changed since; name them with --format")
    result.notes += notes
    files = told["files"] if whole.formats else before.get("files", {})
    content = told["content"] if whole.formats else "" if last is None else last[0]
    manifest.exported(content, {**asks, "made": made, "results": results, "files": files, "warnings": told["warnings"], "notes": notes})


def _seen(data: DataSet, own: Manifest) -> dict[str, int]:
    """How far each manifest goes: what has been noted since the formats were written isn't in them."""
    return {own.path.name: own.last()} | {other.path.name: other.last() for other in beside(own, data.manifests())}


def _written(data: DataSet, listing: Listing, plan: Plan) -> Path:
    """A file with one video a line, as `Finishing` takes it: a whole listing would be a long message."""
    listed = data.work() / "listing.jsonl"
    try:
        listed.parent.mkdir(parents=True, exist_ok=True)
        with listed.open("w", encoding="utf-8") as lines:
            for video in listing.videos:
                state = plan.states[video.name]
                one = {"name": video.name, "path": str(video.path.absolute()), "state": state}
                if state == "duplicate":
                    one["other"] = plan.duplicates[video.name]
                lines.write(json.dumps(one) + "\n")
    except OSError as error:
        raise UsageError(f"cannot write '{data.inner}': {error.strerror}; make room, and run again: what is done stays done") from error
    return listed


def _asked(whole: Whole, listing: Listing, plan: Plan) -> Any:
    """What the formats and the page were asked to hold, to be compared."""
    names = "\0".join(f"{video.name}\0{plan.states[video.name]}" for video in listing.videos)
    listed = hashlib.sha256(names.encode("utf-8", "surrogatepass")).hexdigest()
    asked = [whole.formats, whole.into.to_dict(), whole.typed, whole.page is not None, listed]
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()
