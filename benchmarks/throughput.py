"""How long extraction takes against reading the video, how long it takes to start, and what memory it holds.

Videos are drawn: a mottled ground, one or ten discs and boxes that bounce about, sensor noise, H.264. Of each case there is a short
and a ten times longer one. Steady state is the time of the long one less that of the short one, over the same difference for reading
both to BGR by the same reader: what starting costs is in neither. Every run is a process of its own, and readings and extractions
take turns.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import cv2
import numpy as np
from common import Record, finish, parser, print_table
from numpy.typing import NDArray

RATE = 30  # frames a second
NOISE = 3.0  # grey levels
CRF = 16  # keeps half of the noise, at some 17 Mbit/s for 1920 x 1080: what a phone writes
GOAL_STEADY, GOAL_START_S, GOAL_MEMORY = 2.5, 1.5, 1.1
SIZES = {"640x480": (640, 480), "1920x1080": (1920, 1080)}
COLORS = ((40, 60, 220), (220, 160, 30), (50, 200, 60), (30, 210, 230), (200, 60, 200), (240, 240, 240), (20, 20, 20), (0, 128, 255))


@dataclass(frozen=True)
class Run:
    """One process: wall time in seconds from its start to its end, its own time for the work, and its peak resident memory, bytes."""

    wall_s: float
    work_s: float
    peak_bytes: int
    rows: int


def draw(path: Path, size: tuple[int, int], objects: int, frames: int, seed: int = 0) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Writes a video of `frames` frames, the same scene whatever its length; true places (frames, objects, 2) and radii (objects,), px."""
    from kinescribe.video import VideoWriter

    width, height = size
    rng = np.random.default_rng(seed)
    mottled = cv2.resize(rng.normal(0, 1, (height // 16, width // 16, 3)).astype(np.float32), size, interpolation=cv2.INTER_CUBIC)
    ground = 120 + 18 * mottled
    noise = [rng.normal(0, NOISE, (height, width, 3)).astype(np.float32) for _ in range(6)]
    radii = rng.uniform(0.018, 0.035, objects) * height * 1.4
    positions = rng.uniform(radii[:, None] + 2, np.array(size) - radii[:, None] - 2, (objects, 2))
    angles = rng.uniform(0, 2 * np.pi, objects)
    velocities = rng.uniform(0.15, 0.35, objects)[:, None] * height / RATE * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    places = np.empty((frames, objects, 2))
    with VideoWriter(path, frame_rate_hint=RATE, crf=CRF) as writer:
        for k in range(frames):
            places[k] = positions
            clean = ground.copy()
            for i in range(objects):
                _put(clean, positions[i], radii[i], COLORS[i % len(COLORS)], box=is_box(i))
            roll = rng.integers(0, (height, width))
            noisy = clean + np.roll(noise[int(rng.integers(len(noise)))], tuple(roll), axis=(0, 1))
            writer.write(np.clip(noisy.round(), 0, 255).astype(np.uint8), k / RATE)
            positions += velocities
            beyond = ((positions < radii[:, None] + 2) & (velocities < 0)) | (
                (positions > np.array(size) - radii[:, None] - 2) & (velocities > 0)
            )
            velocities[beyond] *= -1
    return places, radii


def is_box(number: int) -> bool:
    """Whether a thing is a box, of a height of 1 / 1.3 of its width; the others are discs. Later ones lie above earlier ones."""
    return number % 3 == 2


def _put(picture: NDArray[np.float32], centre: NDArray[np.float64], radius: float, color: tuple[int, ...], *, box: bool) -> None:
    """Lays a disc or a box over the picture, its outline covering pixels in part."""
    x0, y0 = (np.floor(centre - radius) - 2).astype(int)
    x1, y1 = (np.ceil(centre + radius) + 3).astype(int)
    x0, y0 = max(x0, 0), max(y0, 0)
    view = picture[y0:y1, x0:x1]
    ys, xs = np.mgrid[y0 : y0 + view.shape[0], x0 : x0 + view.shape[1]]
    away = np.maximum(abs(xs - centre[0]), abs(ys - centre[1]) * 1.3) if box else np.hypot(xs - centre[0], ys - centre[1])
    alpha = np.clip(radius + 0.5 - away, 0, 1)[..., None].astype(np.float32)
    view += alpha * (np.array(color, np.float32) - view)


READ = "from kinescribe.video import open_video\nrows = sum(1 for frame in open_video(path))"
EXTRACT = "from kinescribe.pipeline import extract_states\nrows = len(extract_states(path).columns['frame'])"


def run(work: str, path: Path) -> Run:
    """Runs a piece of Python, which sets `rows`, in a process of its own."""
    code = (
        "import sys, time, resource, json\npath = sys.argv[1]\nbegan = time.perf_counter()\n" + work + "\n"
        "peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024\n"
        "print(json.dumps([time.perf_counter() - began, peak, rows]))"
    )
    began = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False)
    wall = time.perf_counter() - began
    if done.returncode:
        sys.exit(f"the run on '{path.name}' failed:\n{done.stderr}")
    work_s, peak, rows = json.loads(done.stdout.splitlines()[-1])
    return Run(wall, work_s, peak, rows)


def command(*arguments: str) -> float:
    """Seconds that a command line takes."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", "from kinescribe.cli import main; main()", *arguments], capture_output=True, check=True)
    return time.perf_counter() - began


def measure(name: str, size: tuple[int, int], objects: int, seconds: int, repeats: int, folder: Path) -> list[Record]:
    """The records of one case."""
    case = f"{name}/{objects}"
    short, long = folder / f"{name}-{objects}-short.mp4", folder / f"{name}-{objects}-long.mp4"
    draw(short, size, objects, seconds * RATE // 10)
    draw(long, size, objects, seconds * RATE)
    read: dict[Path, list[Run]] = {short: [], long: []}
    made: dict[Path, list[Run]] = {short: [], long: []}
    for _ in range(repeats):
        for path in (short, long):
            read[path].append(run(READ, path))
            made[path].append(run(EXTRACT, path))

    def slope(runs: dict[Path, list[Run]]) -> float:
        return (median(r.work_s for r in runs[long]) - median(r.work_s for r in runs[short])) / (0.9 * seconds * RATE)

    reading, extracting = slope(read), slope(made)
    memory = median(r.peak_bytes for r in made[long]) / median(r.peak_bytes for r in made[short])
    return [
        Record("throughput", case, "steady_state", extracting / reading, "× reading", "lower", GOAL_STEADY, 1.0, "reading to BGR"),
        Record("throughput", case, "reading", 1000 * reading, "ms/frame", "lower"),
        Record("throughput", case, "extraction", 1000 * extracting, "ms/frame", "lower"),
        Record("throughput", case, "memory_10x", memory, "× the short video", "lower", GOAL_MEMORY),
        Record("throughput", case, "peak_memory", median(r.peak_bytes for r in made[long]) / 2**20, "MiB", "lower"),
    ]


def measure_start(folder: Path, repeats: int) -> list[Record]:
    """What a video of one second takes from the command line, and `--help`."""
    video = folder / "second.mp4"
    draw(video, SIZES["640x480"], 1, RATE)
    command("extract", str(video), "-o", str(folder / "warm.csv"))  # what is compiled once is kept on the disk
    whole = median(command("extract", str(video), "-o", str(folder / f"states{k}.csv")) for k in range(max(repeats, 3)))
    helped = median(command("--help") for _ in range(max(repeats, 3)))
    return [
        Record("throughput", "640x480/1", "start_up", whole, "s", "lower", GOAL_START_S),
        Record("throughput", "--help", "start_up", helped, "s", "lower", 0.5),
    ]


def main() -> None:
    """Prints and writes the table."""
    options = parser(__doc__)
    options.add_argument("--seconds", type=int, default=60, help="length of the long videos (default: %(default)s)")
    options.add_argument("--repeats", type=int, default=3, help="runs of each, of which the median counts (default: %(default)s)")
    options.add_argument("--size", choices=SIZES, help="this one alone")
    options.add_argument("--objects", type=int, choices=(1, 10), help="so many alone")
    chosen = options.parse_args()
    if chosen.seconds < 10:
        sys.exit(f"--seconds {chosen.seconds}: give 10 or more, for the short videos take a tenth of it")
    records: list[Record] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        records += measure_start(folder, chosen.repeats)
        for size in [chosen.size] if chosen.size else SIZES:
            for objects in [chosen.objects] if chosen.objects else (1, 10):
                found = measure(size, SIZES[size], objects, chosen.seconds, chosen.repeats, folder)
                told = ", ".join(f"{record.measure} {record.value} {record.unit}" for record in found)
                print(f"{size}/{objects}: {told}", file=sys.stderr, flush=True)  # whoever stops it here has this much
                records += found
    print_table("Throughput", ["case", "measure", "value", "unit"], [[r.case, r.measure, r.value, r.unit] for r in records])
    finish(records, chosen.json)


if __name__ == "__main__":
    main()
