"""Annotating data sets: videos an hour with one worker and two, Ray against the local engine, the cost of going on, memory.

    python benchmarks/annotate.py [--clips 24] [--frames 90] [--only throughput,ray,resume,memory]

* throughput: drawn clips (320 x 240) through whole processes, from the command's start to its end; the same work by one worker and by two,
  in turns, best of `--repeats`. The reference is one worker.
* ray: the same clips by the local engine and by Ray on a cluster that runs already, as many workers each.
* resume: 1,000 videos that are done; the reference is to list the folder and to read the manifest's last rows.
* memory: peak of the coordinator's own resident memory at 10,000 videos against 100, which a stand-in does at once (its workers are other
  processes), each count in a process of its own.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from kinescribe.annotation.batch import annotate
from kinescribe.annotation.batch import annotate as _annotate_function
from kinescribe.annotation.batch.committing import Recorded, commit, files_in, write_record
from kinescribe.annotation.batch.events import Finished, Started
from kinescribe.annotation.batch.files import signature_of
from kinescribe.annotation.batch.folders import DataSet
from kinescribe.annotation.batch.jobs import Job, Outcome
from kinescribe.annotation.batch.keys import key_of, setup_of
from kinescribe.annotation.batch.listing import list_videos
from kinescribe.annotation.batch.manifest import Manifest
from kinescribe.evaluation.scenes import two_pucks_collision

PARTS = ("throughput", "ray", "resume", "memory")


class StandIn:
    """An engine that does no work: results of a plausible size take their place at once."""

    workers = 1
    warnings: tuple[str, ...] = ()

    def run(self, jobs: Iterator[Job], on_event: Callable[[Any], None]) -> None:
        """Do all jobs."""
        for job in jobs:
            on_event(Started(job, "stand-in"))
            on_event(Finished(job, "stand-in", self._do(job)))

    def _do(self, job: Job) -> Outcome:
        signature, sha256 = signature_of(Path(job.path)), "0" * 64
        key = key_of(sha256, setup_of(job.settings, job.revisions, job.products))
        staging = Path(job.staging)
        staging.mkdir(parents=True)
        for name in ("states.csv", "states.meta.json", "states.masks.jsonl.gz", "summary.json", "thumbnail.jpg", "report.html"):
            (staging / name).write_bytes(b"x" * 100)
        made = write_record(staging, job.name, Recorded(key, files_in(staging), None, 100, 2, 0))
        commit(staging, Path(job.folder))
        return Outcome(
            "done", sha256=sha256, size=signature.size, mtime_ns=signature.mtime_ns, key=key, files=dict(made.files), seconds=1.0, rows=100,
            objects=2,
        )  # fmt: skip


def draw(folder: Path, clips: int, frames: int) -> None:
    """Clips of different length, so that none is another's duplicate."""
    folder.mkdir()
    for k in range(clips):
        two_pucks_collision(frame_count=frames + k % 7, width=320, height=240, speed=100.0 + k).write(folder / f"clip-{k:03}.mp4")


def command(clips: Path, out: Path, *more: str) -> float:
    """Seconds of a whole run in a new process."""
    shutil.rmtree(out, ignore_errors=True)
    began = time.perf_counter()
    code = "import sys; from kinescribe.cli import main; sys.exit(main())"
    subprocess.run([sys.executable, "-c", code, "annotate", str(clips), "-o", str(out), "-q", *more], check=True)
    return time.perf_counter() - began


def throughput(clips: Path, count: int, repeats: int, scratch: Path) -> None:
    """One worker against two."""
    seconds: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(repeats):
        for workers in seconds:
            seconds[workers].append(command(clips, scratch / "out", "--workers", str(workers)))
    one, two = (min(values) for values in seconds.values())
    print(f"throughput: {count} clips: 1 worker {one:.1f} s ({3600 * count / one:.0f} videos/h), 2 workers {two:.1f} s", end="")
    print(f" ({3600 * count / two:.0f} videos/h): {one / two:.2f} x (goal 1.8)")


def ray_against_local(clips: Path, count: int, repeats: int, scratch: Path) -> None:
    """The same work by both engines, two workers each; the cluster runs already."""
    import ray

    os.environ.setdefault("RAY_AUTH_MODE", "disabled")  # or it leaves a token in the home folder
    ray.init(num_cpus=2, include_dashboard=False, object_store_memory=2**27, logging_level="ERROR")
    address = ray.get_runtime_context().gcs_address
    seconds: dict[str, list[float]] = {"local": [], "ray": []}
    for _ in range(repeats):
        for engine, values in seconds.items():
            more = ["--address", address] if engine == "ray" else []
            values.append(command(clips, scratch / "out", "--workers", "2", "--engine", engine, *more))
    ray.shutdown()
    local, over = (min(values) for values in seconds.values())
    print(f"ray: {count} clips, 2 workers: local {local:.1f} s, Ray {over:.1f} s: {over / local:.3f} x (goal 1.1)")


def empty_videos(folder: Path, count: int) -> None:
    """Files of different sizes that pass for videos, an hour old."""
    folder.mkdir()
    for k in range(count):
        path = folder / f"video-{k:05}.mp4"
        with path.open("wb") as file:
            file.truncate(1000 + k)
        os.utime(path, (time.time() - 3600,) * 2)


def stand_in() -> None:
    """Put the engine that does no work in the place of all others."""
    module = sys.modules[_annotate_function.__module__]
    vars(module)["_engine"] = lambda *_: StandIn()


def resume(scratch: Path, count: int = 1000, repeats: int = 7) -> None:
    """Going on where all is done, against listing the videos and reading the manifest."""
    stand_in()
    videos, out = scratch / "thousand", scratch / "thousand-out"
    empty_videos(videos, count)
    annotate(videos, out, report=False)
    reference, going_on = [], []
    for _ in range(repeats):
        began = time.perf_counter()
        listed = list_videos([videos]).videos
        for video in listed:
            signature_of(video.path)
        with Manifest(DataSet(out).manifest(), read_only=True) as manifest:
            known = sum(1 for _ in manifest.latest())
        reference.append(time.perf_counter() - began)
        began = time.perf_counter()
        done = annotate(videos, out, report=False)
        going_on.append(time.perf_counter() - began)
        assert (known, done.unchanged) == (count, count)
    least, took = min(reference), min(going_on)
    print(f"resume: {count} finished videos: {1e3 * took:.0f} ms, listing and manifest {1e3 * least:.0f} ms: {took / least:.2f} x (goal 3)")


def peak(folder: str, count: int) -> None:
    """In a process of its own: a run over so many videos, twice, and the peak of its memory."""
    import resource

    stand_in()
    annotate(folder, f"{folder}-out", report=False)
    annotate(folder, f"{folder}-out", report=False)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, count)


def memory(scratch: Path) -> None:
    """The coordinator at 10,000 videos against 100."""
    peaks = {}
    for count in (100, 10_000):
        folder = scratch / f"many-{count}"
        empty_videos(folder, count)
        words = [sys.executable, __file__, "--peak", str(folder), str(count)]
        peaks[count] = int(subprocess.run(words, check=True, capture_output=True, text=True).stdout.split()[0])
    few, many = peaks.values()
    print(f"memory: coordinator {few / 2**20:.0f} MB at 100 videos, {many / 2**20:.0f} MB at 10,000: {many / few:.2f} x (goal 1.2)")


def main() -> None:
    """Run the parts that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=24)
    parser.add_argument("--frames", type=int, default=90)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", default=",".join(PARTS))
    parser.add_argument("--peak", nargs=2, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.peak:
        peak(asked.peak[0], int(asked.peak[1]))
        return
    parts = asked.only.split(",")
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        clips = scratch / "clips"
        if {"throughput", "ray"} & {*parts}:
            draw(clips, asked.clips, asked.frames)
        if "throughput" in parts:
            throughput(clips, asked.clips, asked.repeats, scratch)
        if "ray" in parts:
            ray_against_local(clips, asked.clips, asked.repeats, scratch)
        if "resume" in parts:
            resume(scratch)
        if "memory" in parts:
            memory(scratch)


if __name__ == "__main__":
    main()
