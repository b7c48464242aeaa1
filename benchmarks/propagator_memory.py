"""Memory of the streaming propagator: the process's peak over a long video against that over a short one, with a small random SAM 2 video.

Each length runs in a process of its own, with prompts that are repeated and things that come and go. The model's size doesn't matter to the
question whether memory grows with the video: a small one shows growth of a hundredth of what a frame's features take.

    python benchmarks/propagator_memory.py [--quick] [--json FIGURES.json]
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from common import Record, write_records

SHORT, LONG = 500, 10_000
GOAL = 1.1  # peak over the long video, over that of the short one
EVERY = 50  # frames from one round of prompts to the next


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a tenth of the frames")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    parser.add_argument("--follow", nargs=2, metavar=("FOLDER", "FRAMES"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.follow:
        follow(Path(arguments.follow[0]), int(arguments.follow[1]))
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
        return
    short, long = (SHORT // 10, LONG // 10) if arguments.quick else (SHORT, LONG)
    with tempfile.TemporaryDirectory() as folder:
        write_model(Path(folder))
        peaks = {count: peak_kib(folder, count) for count in (short, long)}
    for count, peak in peaks.items():
        print(f"{count:>6} frames: peak {peak / 1024:8.1f} MiB")
    ratio = peaks[long] / peaks[short]
    print(f"ratio {ratio:.3f} (at most {GOAL})")
    if arguments.json:
        records = [Record("propagator_memory", f"{n} frames", "peak_memory", p / 1024, "MiB", "lower") for n, p in peaks.items()]
        write_records([*records, Record("propagator_memory", f"{long} / {short}", "ratio", ratio, "", "lower", GOAL)], arguments.json)
    sys.exit(0 if ratio <= GOAL else 1)


def write_model(folder: Path) -> None:
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "perception"))
    from small_video_models import write_sam2_video

    write_sam2_video(folder)


def peak_kib(folder: str, count: int) -> int:
    """Peak of the resident memory of a process that follows things through so many frames."""
    command = [sys.executable, __file__, "--follow", folder, str(count)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return int(done.stdout.split()[-1])


def follow(folder: Path, count: int) -> None:
    import numpy as np
    import torch

    from kinescribe.perception.detections import MaskCrop
    from kinescribe.perception.grounded_sam.runtime import Runtime
    from kinescribe.perception.grounded_sam.sam2_video import Sam2VideoPropagator
    from kinescribe.video import Frame

    torch.set_num_threads(1)
    propagator = Sam2VideoPropagator(weights=str(folder), runtime=Runtime.choose("cpu"))
    rng = np.random.default_rng(0)
    for index in range(count):
        frame = Frame(index, index / 25, rng.integers(0, 255, (48, 64, 3), np.uint8))
        propagator.step(frame)
        if index % EVERY == 0:
            masks = {number: MaskCrop(4 + 18 * number, 9, rng.random((20, 16)) < 0.9) for number in (0, 1)}
            propagator.prompt(frame, masks | {2 + index // EVERY: MaskCrop(40, 20, np.ones((12, 15), bool))})
            if index:
                propagator.drop([1 + index // EVERY])


if __name__ == "__main__":
    main()
