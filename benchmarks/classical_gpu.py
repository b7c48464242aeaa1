"""The classical detector's arithmetic on a device against the same on the CPU by numpy and OpenCV, and whether both find the same.

Drawn discs cross a textured ground. Timed are, for each size of picture: the median over the sampled frames and the whole estimate of
the background; for each size of batch the difference (from the picture to what exceeds the thresholds), the moments (from the
bodies' masks to soft masks and their moments), and the whole detector, which on both sides also labels blobs, cuts bodies at necks and
fits circles on the CPU. What goes to the device and comes back is in the time. The two sides take turns; each time is the median
of several runs after one that warms up.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import cv2
import numpy as np
from common import Record, number, parser, print_goals, print_table, write_records

from kinescribe.errors import KinescribeError
from kinescribe.evaluation import scenes
from kinescribe.perception.background import FrameSample, FrameStack, estimate_background, sample_frames
from kinescribe.perception.classical import ClassicalDetector
from kinescribe.perception.classical.accelerated import AcceleratedClassicalDetector
from kinescribe.perception.classical.blobs import fill_holes
from kinescribe.perception.classical.detector import Body
from kinescribe.perception.classical.foreground import ForegroundModel
from kinescribe.perception.classical.measure import Moments, outline_variance, soft_mask
from kinescribe.perception.detections import Detections
from kinescribe.perception.grounded_sam.runtime import Runtime
from kinescribe.video import open_video
from kinescribe.video.frame import Frame

TABLE = "classical_gpu"
SAME_PX = 1e-3
STAGES = ("difference", "moments", "whole detector")


@dataclass(slots=True)
class Bench:
    """One size of picture. `records`: all figures so far, of other sizes too."""

    name: str
    frames: list[Frame]
    sample: FrameSample
    runtime: Runtime
    repeats: int
    records: list[Record] = field(default_factory=list)

    def compare(self, stage: str, frame_count: int, plainly: Callable[[], Any], there: Callable[[], Any]) -> None:
        """Milliseconds a frame of both sides and their ratio."""
        times: dict[str, list[float]] = {"plain": [], "device": []}
        for turn in range(self.repeats + 1):
            for side, run in (("plain", plainly), ("device", there)):
                start = time.perf_counter()
                run()
                self.runtime.synchronize()
                if turn:  # the first warms up
                    times[side].append((time.perf_counter() - start) / frame_count * 1e3)
        plain, device = median(times["plain"]), median(times["device"])
        case = f"{self.name}/{stage}"
        self.records.append(Record(TABLE, case, "time_per_frame", number(device), "ms", "lower", None, number(plain), "numpy and OpenCV"))
        self.records.append(Record(TABLE, case, "speed_ratio", number(plain / device), "", "higher", None, 1.0, "numpy and OpenCV"))


class Parts:
    """The plain detector, prepared, and the bodies that are in the frames."""

    def __init__(self, bench: Bench) -> None:
        self.bench, self.plain = bench, ClassicalDetector()
        self.plain.prepare(bench.frames)
        self.bodies: list[list[Body]] = []
        model, _ = self.plain._prepared()
        self.model: ForegroundModel = model
        for frame in bench.frames:
            seen = model.segment(frame.image)
            bodies: list[Body] = []
            for label, window in self.plain._windows(seen):
                bodies += self.plain._cut(frame, seen, label, window, *self.plain._difference(frame, seen, window))
            self.bodies.append(bodies)


def measure_background(bench: Bench) -> None:
    from kinescribe.perception.classical.accelerated._stack import DeviceStack

    count = len(bench.sample.images)
    plain, there = FrameStack(bench.sample), DeviceStack(bench.sample, bench.runtime)
    bench.compare("median", count, plain.median, there.median)

    def estimate_there() -> None:
        estimate_background(bench.sample, lambda sample: DeviceStack(sample, bench.runtime))

    bench.compare("whole background", count, lambda: estimate_background(bench.sample), estimate_there)


def measure_batches(bench: Bench, batch_sizes: Sequence[int]) -> None:
    from kinescribe.perception.classical.accelerated._foreground import DeviceForeground
    from kinescribe.perception.classical.accelerated._soft_masks import weigh

    parts = Parts(bench)
    runtime = Runtime([bench.runtime.device], bench.runtime.dtype, batch_size=max(batch_sizes))
    fast = AcceleratedClassicalDetector(runtime=runtime)
    fast.prepare(bench.frames)
    found_plainly = [parts.plain.detect(frame) for frame in bench.frames]
    there = DeviceForeground(parts.model, bench.runtime)
    for size in batch_sizes:
        frames, bodies = bench.frames[:size], [body for here in parts.bodies[:size] for body in here]
        images = [frame.image for frame in frames]
        runs: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {
            "difference": (
                lambda images=images: [parts.model.masks(image, parts.model.exposure_offset(image)) for image in images],
                lambda images=images: there.masks(images),
            ),
            "moments": (
                lambda bodies=bodies: [weigh_plainly(body) for body in bodies],
                lambda bodies=bodies: weigh(bodies, bench.runtime.device),
            ),
            "whole detector": (
                lambda frames=frames: [parts.plain.detect(frame) for frame in frames],
                lambda frames=frames: fast.detect_batch(frames),
            ),
        }
        for stage, (plainly, on_device) in runs.items():
            bench.compare(f"{stage}/batch {size}", size, plainly, on_device)
    away = difference_of(fast.detect_batch(bench.frames), found_plainly)
    bench.records.append(Record(TABLE, bench.name, "largest_difference_of_centroids", number(away), "px", "lower", SAME_PX))


def weigh_plainly(body: Body) -> Moments:
    weights, contrast = soft_mask(body.difference, fill_holes(body.mask))
    return Moments.of(weights, outline_variance(weights, body.sigma, contrast))


def difference_of(found: Sequence[Detections], expected: Sequence[Detections]) -> float:
    """Largest distance of any two centroids; infinite where one side finds more."""
    if [len(frame) for frame in found] != [len(frame) for frame in expected]:
        return float("inf")
    return max(float(np.abs(a.centroids - b.centroids).max(initial=0.0)) for a, b in zip(found, expected, strict=True))


def report(records: Sequence[Record], device: str) -> None:
    rows: list[list[object]] = []
    ratios = {record.case: record.value for record in records if record.measure == "speed_ratio"}
    for record in records:
        if record.measure == "time_per_frame":
            size, stage, batch = (*record.case.split("/"), "")[:3]
            rows.append([size, stage, batch.removeprefix("batch ") or None, record.value, record.reference, ratios[record.case]])
    title = f"The classical detector on {device}; plain side: OpenCV with {cv2.getNumThreads()} threads"
    print_table(title, ["pictures", "stage", "batch", "ms a frame", "plain, ms a frame", "ratio"], rows)
    same = [[r.case, r.value] for r in records if r.measure == "largest_difference_of_centroids"]
    print_table("Largest difference between the two sides' centroids", ["pictures", "px"], same)


def make_bench(size: tuple[int, int], count: int, bodies: int, runtime: Runtime, repeats: int) -> Bench:
    width, height = size
    radius = max(height / 40, 4.0)
    scene = scenes.many_discs(n=bodies, radius=radius, speed=8 * radius, width=width, height=height, frame_count=count, texture=2.0)
    video = open_video(scene.images(), times=scene.times)
    return Bench(f"{width}x{height}", list(video), sample_frames(video), runtime, repeats)


def main(arguments: Sequence[str] | None = None) -> int:
    options = parser(__doc__)
    options.add_argument("--quick", action="store_true", help="small pictures, small batches; without --device on the CPU")
    options.add_argument("--device", help="auto, cpu, mps, cuda or cuda:1 (default: auto)")
    options.add_argument("--sizes", help="of the pictures, by commas (default: 640x480,1920x1080; with --quick 160x120)")
    options.add_argument("--batches", help="sizes of batch, by commas (default: 1,2,4,8,16,32; with --quick 1,4)")
    options.add_argument("--bodies", type=int, default=10, metavar="N", help="in each frame (default: %(default)s)")
    options.add_argument("--repeats", type=int, metavar="N", help="runs after the one that warms up (default: 5; with --quick 2)")
    chosen = options.parse_args(arguments)
    texts = (chosen.sizes or ("160x120" if chosen.quick else "640x480,1920x1080")).lower().split(",")
    try:
        batch_sizes = sorted({int(size) for size in (chosen.batches or ("1,4" if chosen.quick else "1,2,4,8,16,32")).split(",")})
        sizes = [(int(width), int(height)) for width, height in (text.split("x") for text in texts)]
    except ValueError:
        options.error("--sizes are such as 640x480,1920x1080, --batches such as 1,8,32")
    repeats = (2 if chosen.quick else 5) if chosen.repeats is None else chosen.repeats
    if min(map(min, sizes)) < 64 or batch_sizes[0] < 1 or chosen.bodies < 1 or repeats < 1:
        options.error("--sizes must be at least 64x64, --batches, --bodies and --repeats at least 1")
    try:
        runtime = Runtime.choose(chosen.device or ("cpu" if chosen.quick else "auto"))
    except KinescribeError as error:
        sys.exit(str(error))
    records: list[Record] = []
    for size in sizes:
        bench = make_bench(size, max(batch_sizes[-1], 16), chosen.bodies, runtime, repeats)
        measure_background(bench)
        measure_batches(bench, batch_sizes)
        records += bench.records
    described = runtime.describe()
    report(records, f"{described['devices']}, torch {described['torch']}")
    print_goals(records)
    if chosen.json:
        write_records(records, chosen.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
