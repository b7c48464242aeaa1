"""The learned stack's speed: frames per second of each stage and of the whole pipeline, against the documented per-frame recipes.

Models have their full size and random weights. With --quick they are small, so that a CPU shows in under a minute that everything runs;
their ratios say nothing of the full ones', for what surrounds the models weighs more.

Random weights detect nothing sensible: the detector does all its work, its answer is dropped, and ten fixed boxes a frame go to the
segmenter and, as masks, to the propagator, which gets all ten anew at every detection (in practice only those that drifted). Nor do
random masks make sense: ours do all their work too, and then discs in the boxes take the place of their logits, so that what follows
the model has masks of a usual size to work on. One name is looked for; with --names more our detector does more work than the
recipe, which reads all names as one text.

Each speed is the median of several runs after a warm-up, waits for the GPU included; a ratio's two sides come from the same run of this
script, the runs taking turns. Frames are decoded from a video file in the pipelines, and held in memory for the stages. Every mask is
brought to the CPU and its pixels counted. Peak memory is what torch takes from the GPU, without the recipes' weights.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from common import Record, number, parser, print_goals, print_table, write_records
from gpu_models import WORDS, Models, fixed_boxes, segment_anything_network, write_models, write_video

from kinescribe.errors import KinescribeError
from kinescribe.perception.detections import MaskCrop, SoftMask
from kinescribe.perception.grounded_sam.runtime import Runtime, staged
from kinescribe.perception.grounded_sam.runtime.batching import release
from kinescribe.video import open_video
from kinescribe.video.frame import Frame

TABLE = "gpu"
THRESHOLD = 0.999  # of the detector: random weights shall find nothing
EVERY = 10  # frames from one detection to the next, where masks are propagated
GOALS = {"pipeline, detection in every frame": 3.0, f"pipeline, detection in every {EVERY}th": 8.0}
MEMORY_GB = 24.0


@dataclass(slots=True)
class Bench:
    """What all measurements share. `recipes`: run `few` frames each; `records`: all figures so far."""

    models: Models
    video: Path
    frames: list[Frame]
    boxes: np.ndarray[Any, np.dtype[np.float64]]
    names: list[str]
    repeats: int
    few: int
    small: bool
    options: dict[str, Any]
    judged: bool
    recipes: dict[str, Callable[[], int]] = field(default_factory=dict)
    records: list[Record] = field(default_factory=list)

    def runtime(self, batch_size: int) -> Runtime:
        return Runtime.choose(**self.options, batch_size=batch_size)

    def speeds(self, first: Callable[[], int], second: Callable[[], int], runtime: Runtime) -> tuple[float, float, float]:
        """Frames per second of both, and the second's over the first's; each returns how many frames it went through.

        They take turns, so that a machine that slows down slows both; medians over the turns, the first of which warms up.
        """
        speeds: list[tuple[float, float]] = []
        for _ in range(self.repeats + 1):
            pair = []
            for run in (first, second):
                runtime.synchronize()
                start = time.perf_counter()
                count = run()
                runtime.synchronize()
                pair.append(count / (time.perf_counter() - start))
            speeds.append((pair[0], pair[1]))
        del speeds[0]
        return median(a for a, _ in speeds), median(b for _, b in speeds), median(b / a for a, b in speeds)


class Parts:
    """Our detector, segmenters and propagator for one size of batch."""

    def __init__(self, bench: Bench, batch_size: int) -> None:
        from kinescribe.perception.grounded_sam.grounding_dino import GroundingDinoDetector
        from kinescribe.perception.grounded_sam.sam import Sam2Segmenter, SamSegmenter
        from kinescribe.perception.grounded_sam.sam2_video import Sam2VideoPropagator
        from kinescribe.perception.grounded_sam.segment_anything import SegmentAnythingSegmenter

        self.bench, self.runtime, self.batch_size = bench, bench.runtime(batch_size), batch_size
        models = bench.models
        self.detector = GroundingDinoDetector(weights=str(models.detector), runtime=self.runtime, box_threshold=THRESHOLD)
        self.detector.prepare(None, bench.names)
        self.segmenters: dict[str, Any] = {
            "SAM": SamSegmenter(weights=str(models.sam), runtime=self.runtime),
            "SAM 2": Sam2Segmenter(weights=str(models.sam2), runtime=self.runtime),
        }
        if models.segment_anything is not None:
            self.segmenters["segment-anything"] = SegmentAnythingSegmenter(weights=str(models.segment_anything), runtime=self.runtime)
        self.propagator = Sam2VideoPropagator(weights=str(models.sam2_video), runtime=self.runtime)
        for segmenter in self.segmenters.values():
            segment_discs(segmenter, models.side)
        propagate_discs(self.propagator, bench, models.side)
        self.prompts = {i: box_mask(box) for i, box in enumerate(bench.boxes)}

    def detect(self, frames: Sequence[Frame]) -> int:
        for batch in groups(frames, self.batch_size):
            self.detector.detect_batch(batch)
        return len(frames)

    def segment(self, name: str, frames: Sequence[Frame]) -> int:
        for batch in groups(frames, self.batch_size):
            for masks in self.segmenters[name].segment_batch(batch, [self.bench.boxes] * len(batch)):
                count_pixels(masks)
        return len(frames)

    def propagate(self, frames: Sequence[Frame]) -> int:
        """All ten things from the first frame on."""
        self.propagator.reset()
        self.propagator.encode_ahead(frames)
        for k, frame in enumerate(frames):
            count_pixels(self.propagator.step(frame).values())
            if k == 0:
                self.propagator.prompt(frame, self.prompts)
        return len(frames)

    def find(self, frames: list[Frame]) -> list[list[SoftMask]]:
        self.detector.detect_batch(frames)
        masks: list[list[SoftMask]] = self.segmenters["SAM"].segment_batch(frames, [self.bench.boxes] * len(frames))
        return masks

    def follow(self, window: list[Frame]) -> list[list[SoftMask]]:
        """Frames that begin with one to detect in, as is every EVERYth."""
        keys = window[::EVERY]
        for batch in groups(keys, self.batch_size):
            self.find(batch)
        self.propagator.encode_ahead(window)
        out = []
        for k, frame in enumerate(window):
            out.append(list(self.propagator.step(frame).values()))
            if k % EVERY == 0:
                self.propagator.prompt(frame, self.prompts)
        return out

    def pipeline(self, every: int, *, side_by_side: bool = True) -> int:
        """From the file to counted masks; decoding, inference and counting each in a thread of its own, or one after the other."""
        self.propagator.reset()
        window = self.batch_size if every == 1 else EVERY * max(1, self.batch_size // EVERY)
        work = self.find if every == 1 else self.follow
        source = groups(open_video(self.bench.video), window)
        made = staged(source, work) if side_by_side else map(work, source)
        return sum(1 for batch in made for masks in batch if count_pixels(masks) >= 0)


def disc_logits(boxes: Any, side: int, height: int, width: int) -> Any:
    """Logits (N, height, width) of discs that fill the boxes (N, 4), in px of a square of `side` that the logits span."""
    import torch

    y = (torch.arange(height, device=boxes.device) + 0.5)[:, None] * (side / height)
    x = (torch.arange(width, device=boxes.device) + 0.5) * (side / width)
    x0, y0, x1, y1 = (edge[:, None, None] for edge in boxes.float().unbind(1))
    return 10 * (1 - torch.hypot((2 * x - x0 - x1) / (x1 - x0), (2 * y - y0 - y1) / (y1 - y0)))


def segment_discs(segmenter: Any, side: int) -> None:
    """Lets a segmenter's model compute as ever, and puts discs in the place of its masks."""
    model = segmenter._loaded().first
    decode = model.decode

    def decoded(features: Any, boxes: Any, *, several: bool) -> Any:
        logits, trust = decode(features, boxes, several=several)
        return disc_logits(boxes, side, *logits.shape[-2:])[:, None].expand_as(logits), trust

    model.decode = decoded


def propagate_discs(propagator: Any, bench: Bench, side: int) -> None:
    """The same for a propagator: each thing is where its box is."""
    import torch

    model = propagator._load()[0]
    carry = model.carry
    height, width = bench.frames[0].image.shape[:2]
    boxes = torch.from_numpy(bench.boxes * (np.array([1 / width, 1 / height] * 2) * side))

    def carried(features: Any, things: Any, step: int) -> Any:
        out = carry(features, things, step)
        numbers = {id(thing): number for number, thing in propagator._things.items()}
        here = boxes[[numbers[id(thing)] for thing in things]].to(out[0][0].logits.device)
        discs = disc_logits(here, side, *out[0][0].logits.shape[-2:])
        return [(replace(masks, logits=disc[None, None]), memory) for (masks, memory), disc in zip(out, discs, strict=True)]

    model.carry = carried


def box_mask(box: Any) -> MaskCrop:
    x0, y0, x1, y1 = (round(float(value)) for value in box)
    return MaskCrop(x0, y0, np.ones((y1 - y0, x1 - x0), bool))


def count_pixels(masks: Iterable[SoftMask]) -> int:
    return sum(int(mask.binary().pixels.sum()) for mask in masks)


def groups(items: Iterable[Frame], size: int) -> Iterator[list[Frame]]:
    source = iter(items)
    while group := list(islice(source, size)):
        yield group


def load_recipes(bench: Bench) -> None:
    """Fills `bench.recipes`, by stage."""
    from gpu_recipes import DetectorRecipe, PredictorRecipe, SamRecipe, SessionRecipe

    device, boxes = bench.runtime(1).device, bench.boxes
    few = [frame.image for frame in bench.frames[: bench.few]]
    detect = DetectorRecipe(bench.models, device, bench.names, THRESHOLD)
    sam, sam2 = SamRecipe(bench.models, device, second=False), SamRecipe(bench.models, device, second=True)
    session = SessionRecipe(bench.models, device)

    def each(step: Callable[[Any], Any]) -> Callable[[], int]:
        return lambda: sum(1 for image in few if step(image) is not None)

    def whole() -> int:
        return sum(1 for frame in islice(open_video(bench.video), bench.few) if detect(frame.image) and sam(frame.image, boxes).sum() >= 0)

    bench.recipes = {
        "detect": each(detect),
        "segment, SAM": each(lambda image: sam(image, boxes).sum()),
        "segment, SAM 2": each(lambda image: sam2(image, boxes).sum()),
        "propagate, SAM 2 video": lambda: sum(1 for masks in session(few, boxes) if masks.sum() >= 0),
        **dict.fromkeys(GOALS, whole),
    }
    if bench.models.segment_anything is not None:
        predict = PredictorRecipe(segment_anything_network(bench.small), device)
        bench.recipes["segment, segment-anything"] = each(lambda image: predict(image, boxes).sum())


def measure_batch(bench: Bench, batch_size: int) -> None:
    """All stages and both pipelines at one size of batch."""
    held = memory_held(bench.runtime(1).device)
    parts = Parts(bench, batch_size)
    frames = bench.frames[: max(2 * batch_size, bench.few)]
    stages: dict[str, Callable[[], int]] = {"detect": partial(parts.detect, frames)}
    stages |= {f"segment, {name}": partial(parts.segment, name, frames) for name in parts.segmenters}
    stages["propagate, SAM 2 video"] = partial(parts.propagate, frames)
    pipelines = {name: partial(parts.pipeline, every) for name, every in zip(GOALS, (1, EVERY), strict=True)}
    for name, run in {**stages, **pipelines}.items():
        theirs, ours, ratio = bench.speeds(bench.recipes[name], run, parts.runtime)
        case, whose = f"{name}/batch {batch_size}", "segment-anything" if "anything" in name else "transformers"
        bench.records += [
            Record(TABLE, case, "frames_per_second", number(ours), "1/s", "higher", None, number(theirs), f"per-frame {whose}"),
            Record(TABLE, case, "speed_ratio", number(ratio), "", "higher", None, 1.0, f"per-frame {whose}"),
        ]
    for name, run in pipelines.items():
        peak = peak_memory(run, parts.runtime.device, held)
        if peak is not None:
            goal = MEMORY_GB if bench.judged else None
            bench.records.append(Record(TABLE, f"{name}/batch {batch_size}", "peak_memory", number(peak), "GB", "lower", goal))
    for line in parts.runtime.warnings:
        print(f"batch {batch_size}: {line}", file=sys.stderr)


def measure_effects(bench: Bench, batch_size: int) -> None:
    """What each optimisation brings, the rest being equal: its speed with over without."""
    parts = Parts(bench, batch_size)
    frames = bench.frames[: max(bench.few, batch_size)]
    boxes, sam = bench.boxes, parts.segmenters["SAM"]

    def text_each_frame() -> int:
        for frame in frames:
            parts.detector.prepare(None, bench.names)
            parts.detector.detect(frame)
        return len(frames)

    def text_once() -> int:
        for frame in frames:
            parts.detector.detect(frame)
        return len(frames)

    def box_by_box() -> int:
        return sum(count_pixels(sam.segment(frame, box[None])) >= 0 for frame in frames for box in boxes) // len(boxes)

    def boxes_together() -> int:
        return sum(count_pixels(sam.segment(frame, boxes)) >= 0 for frame in frames)

    def things(count: int) -> Callable[[], int]:
        """Ten things in groups of `count`, a propagator each, which all see every frame."""

        def run() -> int:
            for first in range(0, len(boxes), count):
                parts.propagator.reset()
                for k, frame in enumerate(frames):
                    count_pixels(parts.propagator.step(frame).values())
                    if k == 0:
                        parts.propagator.prompt(frame, {i: parts.prompts[i] for i in range(first, first + count)})
            return len(frames)

        return run

    def one_by_one() -> int:
        single.detect(frames)
        return single.segment("SAM", frames)

    def batched() -> int:
        parts.detect(frames)
        return parts.segment("SAM", frames)

    single = Parts(bench, 1)
    pairs: dict[str, tuple[Callable[[], int], Callable[[], int]]] = {
        "text features once": (text_each_frame, text_once),
        "ten boxes in one call, the picture encoded once": (box_by_box, boxes_together),
        "ten things propagated together, the frame encoded once": (things(1), things(len(boxes))),
        f"frames in batches of {batch_size}": (one_by_one, batched),
        f"detection in every {EVERY}th frame": (lambda: parts.pipeline(1), lambda: parts.pipeline(EVERY)),
        "decode, infer and write side by side": (
            lambda: parts.pipeline(EVERY, side_by_side=False),
            lambda: parts.pipeline(EVERY),
        ),
    }
    if str(parts.runtime.dtype) != "torch.float32":
        exact = Parts(replace(bench, options=bench.options | {"precision": "fp32"}), batch_size)
        pairs[f"{parts.runtime.describe()['precision']} for float32"] = (lambda: exact.pipeline(1), lambda: parts.pipeline(1))
    for name, (without, using) in pairs.items():
        _, _, ratio = bench.speeds(without, using, parts.runtime)
        bench.records.append(Record(TABLE, f"effect: {name}", "speed_ratio", number(ratio), "", "higher"))


def memory_held(device: Any) -> float:
    """GB that tensors take now, such as the recipes' weights; 0 where there is no such count."""
    import torch

    return torch.cuda.memory_allocated(device) / 1e9 if device.type == "cuda" else 0.0


def peak_memory(run: Callable[[], int], device: Any, held: float) -> float | None:
    """GB that torch takes from the GPU at most, less what was held before; None where there is no such count."""
    import torch

    release(device.type)
    if device.type != "cuda":
        return None
    torch.cuda.reset_peak_memory_stats(device)
    run()
    return torch.cuda.max_memory_reserved(device) / 1e9 - held


def judge(bench: Bench) -> None:
    """The best ratio of each pipeline, with its goal where it is to be reached: full size, on a GPU."""
    for name, goal in GOALS.items():
        ratios = [r.value for r in bench.records if r.measure == "speed_ratio" and r.case.startswith(f"{name}/") and r.value is not None]
        best = max(ratios, default=float("nan"))
        bench.records.append(
            Record(
                TABLE, name, "best_speed_ratio", number(best), "", "higher", goal if bench.judged else None, 1.0, "per-frame transformers"
            )
        )


def report(bench: Bench, batch_sizes: Sequence[int], title: str) -> None:
    values = {(record.case, record.measure): record for record in bench.records}
    stages = list(dict.fromkeys(r.case.split("/batch ")[0] for r in bench.records if r.measure == "frames_per_second"))
    rows: list[list[object]] = []
    for stage in stages:
        for size in batch_sizes:
            case = f"{stage}/batch {size}"
            fps, ratio, memory = values[case, "frames_per_second"], values[case, "speed_ratio"], values.get((case, "peak_memory"))
            rows.append([stage, size, fps.value, fps.reference, ratio.value, memory.value if memory else None])
    print_table(title, ["stage", "batch", "frames/s", "recipe, frames/s", "ratio", "peak GB"], rows)
    effects = [[r.case.removeprefix("effect: "), r.value] for r in bench.records if r.case.startswith("effect: ")]
    print_table("What each optimisation brings, speed with over without", ["optimisation", "ratio"], effects)


def main(arguments: Sequence[str] | None = None) -> int:
    options = parser(__doc__)
    options.add_argument("--quick", action="store_true", help="small models, small pictures, few frames; without --device on the CPU")
    options.add_argument("--device", help="auto, cpu, mps, cuda or cuda:1 (default: auto)")
    options.add_argument("--precision", default="auto", help="auto, fp32, bf16 or fp16 of our side; the recipes run in float32")
    options.add_argument("--compile", action="store_true", help="compile our models")
    options.add_argument("--batches", help="sizes of batch, by commas (default: 1,2,4,8,16,32; with --quick 1,2,4)")
    options.add_argument("--size", help="of the video, WIDTHxHEIGHT (default: 1280x720; with --quick 160x96)")
    options.add_argument("--names", type=int, default=1, metavar="N", help="names to look for, 1 to 7 (default: %(default)s)")
    options.add_argument("--frames", type=int, metavar="N", help="frames of the video (default: 80; with --quick 20)")
    options.add_argument("--repeats", type=int, metavar="N", help="runs after the one that warms up (default: 3; with --quick 2)")
    chosen = options.parse_args(arguments)
    try:
        width, height = map(int, (chosen.size or ("160x96" if chosen.quick else "1280x720")).lower().split("x"))
        batch_sizes = sorted({int(size) for size in (chosen.batches or ("1,2,4" if chosen.quick else "1,2,4,8,16,32")).split(",")})
    except ValueError:
        options.error("--size is such as 1280x720, --batches such as 1,2,4")
    if min(width, height) < 32 or batch_sizes[0] < 1 or not 1 <= chosen.names <= len(WORDS):
        options.error(f"--size must be at least 32x32, --batches at least 1, --names 1 to {len(WORDS)}")
    count = (2 * EVERY if chosen.quick else 8 * EVERY) if chosen.frames is None else chosen.frames
    repeats = (2 if chosen.quick else 3) if chosen.repeats is None else chosen.repeats
    if count < EVERY or repeats < 1:  # so that something is propagated
        options.error(f"--frames must be at least {EVERY}, --repeats at least 1")
    device = chosen.device or ("cpu" if chosen.quick else "auto")
    settings = {"device": device, "precision": chosen.precision, "compile": chosen.compile}
    try:
        runtime = Runtime.choose(**settings)
    except KinescribeError as error:
        sys.exit(str(error))
    with tempfile.TemporaryDirectory() as folder:
        models = write_models(Path(folder), small=chosen.quick)
        video = write_video(Path(folder) / "video.mp4", count, width, height)
        judged = runtime.device.type == "cuda" and not chosen.quick
        few = 3 if chosen.quick else 8
        bench = Bench(
            *(models, video, list(open_video(video)), fixed_boxes(width, height), WORDS[: chosen.names]),
            *(repeats, few, chosen.quick, settings, judged),
        )
        load_recipes(bench)
        for size in batch_sizes:
            measure_batch(bench, size)
            release(runtime.device.type)
        measure_effects(bench, 4 if chosen.quick else min(8, batch_sizes[-1]))
    judge(bench)
    told = runtime.describe()
    where = f"{told['devices']}, {told['precision']}, {'compiled, ' if chosen.compile else ''}torch {told['torch']}"
    size_of = "small models" if chosen.quick else "models of full size"
    report(bench, batch_sizes, f"{size_of}, {width}×{height}, ten boxes a frame, {chosen.names} name(s); {where}")
    if judged:
        print_goals(bench.records)
    if chosen.json:
        write_records(bench.records, chosen.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
