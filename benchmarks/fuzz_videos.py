"""Damaged videos through the real command line: no crash, no hang, no traceback, and never a short table that looks whole.

    python benchmarks/fuzz_videos.py [--count 1000] [--seed 0] [--jobs 1] [--keep DIR] [--json FILE]

Tiny videos are drawn and written in twelve containers and codecs and as folders of pictures, and damaged: cut, bits flipped, runs zeroed
or overwritten, blocks swapped, doubled and left out, fields of headers edited. Each goes through `extract-states`, in a process of its
own or, most of them, in one that does several, so that whatever ends or stops it is seen and counted. Held against what is known:

* the process ends by itself, in time, with exit code 0, 3, 4 or 5, and without a traceback;
* 0: table and sidecar are there, `partial` is null, and the table's frames are at least as many as were drawn: damage that takes frames
  away has to be told. Counted apart are sound shorter files: a transport stream that is cut between two packets, in which a decoder of
  another build (OpenCV's) finds no more frames either, and an MP4 whose edit list was changed, which a warning tells;
* 5: the sidecar's `partial` says where and why the video breaks off;
* 3 and 4: one line on stderr, and no table.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import resource
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from common import Record, finish, print_table
from numpy.typing import NDArray

FRAMES, SIZE = 20, (64, 48)
LONGEST_S = 120.0  # for one video; the usual one takes a fifth of a second, and a busy machine is no hang
MEMORY = 4 << 30  # bytes of address space that a process may come to have beyond its own start
PER_PROCESS = 40
CODES = (0, 3, 4, 5)
COUNTED = (".ts",)  # no index, no length anywhere: cut between two packets, it's a sound shorter file
EDITED = (".mp4", ".mov")  # an edit list says which pictures are shown; one that is changed shows others, which a warning tells

# by name: codec, pixel format, ticks of the time base a second, options of the container
KINDS: dict[str, tuple[str, str, int, dict[str, str]]] = {
    "h264.mp4": ("libx264", "yuv420p", 90_000, {}),
    "front.mp4": ("libx264", "yuv420p", 90_000, {"movflags": "faststart"}),
    "fragments.mp4": ("libx264", "yuv420p", 90_000, {"movflags": "frag_keyframe+empty_moov"}),
    "mpeg4.mov": ("mpeg4", "yuv420p", 30, {}),
    "mjpeg.avi": ("mjpeg", "yuvj420p", 30, {}),
    "mpeg4.avi": ("mpeg4", "yuv420p", 30, {}),
    "ffv1.mkv": ("ffv1", "yuv420p", 1000, {}),
    "vp9.mkv": ("libvpx-vp9", "yuv420p", 1000, {}),
    "vp8.webm": ("libvpx", "yuv420p", 1000, {}),
    "h264.ts": ("libx264", "yuv420p", 90_000, {}),
    "h264.flv": ("libx264", "yuv420p", 1000, {}),
    "a.gif": ("gif", "gray", 100, {}),
}
FOLDERS = ("png", "jpg")


def picture(index: int) -> NDArray[np.uint8]:
    """A bright disc that falls across a ground with a slope of grey and some grain."""
    import cv2

    across = np.linspace(40, 80, SIZE[0]).astype(np.float32)[None, :, None].repeat(SIZE[1], 0).repeat(3, 2)
    grain = np.random.default_rng(index).normal(0, 2, across.shape)
    image = np.clip(across + grain, 0, 255).astype(np.uint8)
    centre = (8 + 2.4 * index, 8 + 0.09 * index**2)
    cv2.circle(image, (round(centre[0] * 16), round(centre[1] * 16)), 5 * 16, (60, 200, 240), -1, cv2.LINE_AA, 4)
    return image


def write_video(path: Path, codec: str, pix_fmt: str, rate: int, options: dict[str, str]) -> None:
    """The drawn pictures, 10 a second."""
    import av

    with av.open(str(path), "w", options=options) as container:
        stream: Any = container.add_stream(codec, rate=10)
        stream.width, stream.height, stream.pix_fmt = *SIZE, pix_fmt
        base = Fraction(1, rate)
        stream.codec_context.time_base = base
        stream.codec_context.gop_size = 8
        for index in range(FRAMES):
            frame = av.VideoFrame.from_ndarray(picture(index), format="bgr24")
            frame.pts, frame.time_base = index * rate // 10, base
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def write_all(folder: Path) -> dict[str, Path]:
    """Every sound video, by its name."""
    import cv2

    folder.mkdir(parents=True, exist_ok=True)
    out = {}
    for name, how in KINDS.items():
        out[name] = folder / name
        write_video(out[name], *how)
    for ending in FOLDERS:
        out[f"{ending} folder"] = into = folder / ending
        into.mkdir(exist_ok=True)
        for index in range(FRAMES):
            assert cv2.imwrite(str(into / f"{index:03d}.{ending}"), picture(index))
    return out


def _span(data: bytearray, rng: random.Random, most: int = 400) -> tuple[int, int]:
    start = rng.randrange(len(data))
    return start, min(len(data), start + rng.randint(1, most))


def _cut(data: bytearray, rng: random.Random) -> str:
    at = rng.randrange(len(data))
    del data[at:]
    return f"cut at {at}"


def _flip(data: bytearray, rng: random.Random) -> str:
    places = [rng.randrange(len(data)) for _ in range(rng.choice((1, 1, 2, 5, 30)))]
    for at in places:
        data[at] ^= 1 << rng.randrange(8)
    return f"bits flipped at {places[:5]}"


def _zero(data: bytearray, rng: random.Random) -> str:
    start, end = _span(data, rng)
    data[start:end] = bytes(end - start)
    return f"zeroed {start} to {end}"


def _overwrite(data: bytearray, rng: random.Random) -> str:
    start, end = _span(data, rng)
    data[start:end] = rng.randbytes(end - start)
    return f"overwritten {start} to {end}"


def _swap(data: bytearray, rng: random.Random) -> str:
    length = rng.randint(1, max(1, min(300, len(data) // 3)))
    one, other = (rng.randrange(len(data) - length + 1) for _ in range(2))
    data[one : one + length], data[other : other + length] = data[other : other + length], data[one : one + length]
    return f"swapped {length} at {one} and {other}"


def _double(data: bytearray, rng: random.Random) -> str:
    start, end = _span(data, rng)
    data[end:end] = data[start:end]
    return f"doubled {start} to {end}"


def _leave_out(data: bytearray, rng: random.Random) -> str:
    start, end = _span(data, rng)
    del data[start:end]
    return f"left out {start} to {end}"


def _edit_header(data: bytearray, rng: random.Random) -> str:
    """Numbers of one, two, four or eight bytes near either end become extreme, or others."""
    width = rng.choice((1, 2, 4, 8))
    near = min(len(data) - width, 900)
    at = rng.randrange(max(1, near))
    if rng.random() < 0.5:
        at = len(data) - width - at
    at = max(0, at)
    value = rng.choice((bytes(width), b"\xff" * width, b"\x7f" + b"\xff" * (width - 1), b"\x80" + bytes(width - 1), rng.randbytes(width)))
    data[at : at + width] = value
    return f"{width} bytes at {at} set to {value.hex()}"


DAMAGES: dict[str, Callable[[bytearray, random.Random], str]] = {
    "cut": _cut,
    "bits flipped": _flip,
    "zeroed run": _zero,
    "overwritten run": _overwrite,
    "swapped blocks": _swap,
    "doubled block": _double,
    "left-out block": _leave_out,
    "edited header": _edit_header,
}


def damage(sound: Path, into: Path, kind: str, seed: int) -> tuple[Path, str]:
    """A damaged copy of a video, and in words what was done; the same for the same seed."""
    rng = random.Random(seed)
    target = into / sound.name
    if sound.is_dir():
        shutil.copytree(sound, target)
        place = rng.choice(sorted(target.iterdir()))
    else:
        shutil.copyfile(sound, target)
        place = target
    data = bytearray(place.read_bytes())
    said = DAMAGES[kind](data, rng)
    place.write_bytes(data)
    return target, f"{place.name}: {said}"


@dataclass(slots=True)
class Outcome:
    """How one video went.

    Attributes:
        seed, name, kind, said: what was damaged, and how.
        code: exit code; None where the process crashed or hung.
        seconds: it took.
        frames: of the sidecar; None without a table.
        partial: of the sidecar.
        wrong: what is wrong with the outcome, in words.
        sound_shorter: fewer frames than drawn with exit code 0, in a file that is a sound shorter one.
        stderr: of the command.
    """

    seed: int
    name: str
    kind: str
    said: str
    code: int | None = None
    seconds: float = 0.0
    frames: int | None = None
    partial: str | None = None
    wrong: list[str] = field(default_factory=list)
    sound_shorter: bool = False
    stderr: str = ""


class Process:
    """A process that runs the command line on one video after another, until it crashes, hangs or has done its share."""

    def __init__(self) -> None:
        self.done = 0
        self._process = subprocess.Popen(
            [sys.executable, __file__, "--serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )

    def run(self, argv: list[str], log: Path) -> int | str:
        """Exit code; or in words how the process ended."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self.done += 1
        try:
            self._process.stdin.write((json.dumps({"argv": argv, "log": str(log)}) + "\n").encode())
            self._process.stdin.flush()
        except BrokenPipeError:
            return f"the process was gone before ({self._process.wait()})"
        ready, _, _ = select.select([self._process.stdout], [], [], LONGEST_S)
        if not ready:
            self._process.kill()
            self._process.wait()
            return f"hangs: not done after {LONGEST_S:.0f} s"
        answer = self._process.stdout.readline()
        return int(answer) if answer else f"crashed: process ended with {self._process.wait()}"

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()


def serve() -> None:
    """What such a process does: a line of JSON in, an exit code out; all output of the command goes to a file."""
    from kinescribe.cli.extract import main

    answers = os.dup(1)
    base = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    resource.setrlimit(resource.RLIMIT_AS, (base + MEMORY, base + MEMORY))
    for line in sys.stdin:
        asked = json.loads(line)
        log = os.open(asked["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(log, 1)
        os.dup2(log, 2)
        try:
            code = main(asked["argv"])
        except BaseException as error:  # it would be a traceback: the command line lets none out
            os.write(2, f"Traceback: {type(error).__name__}: {error}\n".encode())
            code = 1
        sys.stdout.flush()
        sys.stderr.flush()
        os.close(log)
        os.write(answers, f"{code}\n".encode())


def other_count(path: Path) -> int:
    """How many frames OpenCV's own build of a decoder finds, in a process of its own; −1 where that ends badly."""
    program = "import sys, cv2\nv, n = cv2.VideoCapture(sys.argv[1], cv2.CAP_FFMPEG), 0\nwhile n < 10000 and v.grab(): n += 1\nprint(n)"
    try:
        done = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, timeout=LONGEST_S, check=False)
        return int(done.stdout)
    except (ValueError, subprocess.TimeoutExpired):
        return -1


def judge(outcome: Outcome, path: Path, table: Path, ended: int | str) -> None:
    """Fill in what came out and what is wrong with it."""
    wrong = outcome.wrong
    if isinstance(ended, str):
        wrong.append(ended)
        return
    outcome.code = ended
    if ended not in CODES:
        wrong.append(f"exit code {ended}")
    if "Traceback" in outcome.stderr:
        wrong.append("a traceback")
    sidecar = table.with_suffix(".meta.json")
    if ended in (0, 5):
        if not (table.exists() and sidecar.exists()):
            wrong.append(f"exit code {ended} without a table")
            return
        meta = json.loads(sidecar.read_text())
        outcome.frames, outcome.partial = meta["video"]["frame_count"], meta["partial"]
        last = max(int(line.split(",", 1)[0]) for line in table.read_text().splitlines()[1:])
        if last >= outcome.frames:
            wrong.append("rows of frames that aren't there")
        if ended == 5 and not outcome.partial:
            wrong.append("exit code 5 and no word on what isn't whole")
        if ended == 0 and outcome.partial:
            wrong.append("exit code 0 for a table that isn't whole")
        if ended == 0 and outcome.frames < FRAMES:
            others = other_count(path) if path.is_file() else outcome.frames
            edited = path.suffix in EDITED and "its edit list leaves out" in outcome.stderr
            outcome.sound_shorter = edited or (path.suffix in COUNTED and others <= outcome.frames)
            if not outcome.sound_shorter:
                wrong.append(f"a short table that looks whole: {outcome.frames} frames of {FRAMES}; another decoder finds {others}")
        return
    errors = [line for line in outcome.stderr.splitlines() if "error:" in line]
    if ended in (3, 4) and len(errors) != 1:
        wrong.append(f"{len(errors)} lines of errors")
    if table.exists() or sidecar.exists():
        wrong.append(f"exit code {ended} and a table")


def one(seed: int, sound: dict[str, Path], work: Path, process: Process | None, keep: Path | None) -> Outcome:
    """Damage a video, run the command on it, and judge."""
    names, kinds = sorted(sound), sorted(DAMAGES)
    name, kind = names[seed % len(names)], kinds[(seed // len(names)) % len(kinds)]
    into = Path(tempfile.mkdtemp(dir=work))
    path, said = damage(sound[name], into, kind, seed)
    outcome = Outcome(seed, name, kind, said)
    table, log = into / "out.csv", into / "log.txt"
    argv = [str(path), "-o", str(table), "-q", *(["--frame-interval", "0.1"] if path.is_dir() else [])]
    start = time.perf_counter()
    if process is None:
        command = [sys.executable, "-c", "import sys; from kinescribe.cli.extract import main; sys.exit(main())", *argv]
        with log.open("wb") as stream:
            try:
                ended: int | str = subprocess.run(command, stdout=stream, stderr=stream, timeout=LONGEST_S, check=False).returncode
            except subprocess.TimeoutExpired:
                ended = f"hangs: not done after {LONGEST_S:.0f} s"
        if isinstance(ended, int) and ended < 0:
            ended = f"crashed: process ended with {ended}"
    else:
        ended = process.run(argv, log)
    outcome.seconds = time.perf_counter() - start
    outcome.stderr = log.read_text(errors="replace") if log.exists() else ""
    judge(outcome, path, table, ended)
    if outcome.wrong and keep is not None:
        shutil.copytree(into, keep / f"{seed}", dirs_exist_ok=True)
        (keep / f"{seed}" / "why.txt").write_text(f"{name}: {kind}: {said}\n{outcome.wrong}\n{outcome.stderr}")
    shutil.rmtree(into, ignore_errors=True)
    return outcome


def share(seeds: list[int], sound: dict[str, Path], work: Path, keep: Path | None) -> Iterator[Outcome]:
    """Run these seeds; the first of every forty in a process of its own."""
    process: Process | None = None
    try:
        for seed in seeds:
            if seed % PER_PROCESS == 0:
                yield one(seed, sound, work, None, keep)
                continue
            if process is None or process.done >= PER_PROCESS:
                if process is not None:
                    process.close()
                process = Process()
            outcome = one(seed, sound, work, process, keep)
            if outcome.code is None:
                process.close()
                process = None
            yield outcome
    finally:
        if process is not None:
            process.close()


def fuzz(count: int, first: int, jobs: int, keep: Path | None) -> list[Outcome]:
    """Outcomes of that many damaged videos, in the order of their seeds."""
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        sound = write_all(work / "sound")
        warm = [sys.executable, "-c", "import sys; from kinescribe.cli.extract import main; sys.exit(main())", str(sound["h264.mp4"]), "-q"]
        # what is compiled once is compiled before the clock runs
        if (code := subprocess.run([*warm, "-o", str(work / "warm.csv")], check=False).returncode) != 0:
            sys.exit(f"the sound video ends with exit code {code}: nothing can be told of damaged ones")
        seeds = list(range(first, first + count))

        def several(number: int) -> list[Outcome]:
            out = []
            for outcome in share(seeds[number::jobs], sound, work, keep):
                out.append(outcome)
                for line in outcome.wrong:
                    print(f"seed {outcome.seed} ({outcome.name}, {outcome.said}): {line}", file=sys.stderr, flush=True)
            return out

        with ThreadPoolExecutor(jobs) as pool:
            found = [outcome for part in pool.map(several, range(jobs)) for outcome in part]
    return sorted(found, key=lambda outcome: outcome.seed)


def records_of(found: list[Outcome]) -> list[Record]:
    """The figures."""

    def count(of: Callable[[Outcome], bool]) -> float:
        return float(sum(of(outcome) for outcome in found))

    figures: dict[str, tuple[float, float | None]] = {
        "videos": (float(len(found)), None),
        "wrong outcomes": (count(lambda o: bool(o.wrong)), 0),
        "crashes and hangs": (count(lambda o: o.code is None), 0),
        "short tables that look whole": (count(lambda o: any("short table" in line for line in o.wrong)), 0),
        "sound shorter files": (count(lambda o: o.sound_shorter), None),
        **{f"exit code {code}": (count(lambda o, code=code: o.code == code), None) for code in CODES},  # type: ignore[misc]
        "longest": (max(o.seconds for o in found), None),
    }
    return [
        Record("fuzz_videos", "all", measure, value, "s" if measure == "longest" else "", "lower", goal)
        for measure, (value, goal) in figures.items()
    ]


def main() -> int:
    """Run and print; exit code 1 where an outcome is wrong."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--count", type=int, default=1000, metavar="N", help="damaged videos (default: %(default)s)")
    made.add_argument("--seed", type=int, default=0, metavar="N", help="of the first one; the next has the next (default: %(default)s)")
    made.add_argument("--jobs", type=int, default=1, metavar="N", help="processes at a time (default: %(default)s)")
    made.add_argument("--keep", type=Path, metavar="DIR", help="copy videos with a wrong outcome there")
    made.add_argument("--json", type=Path, metavar="FILE", help="write the figures as a JSON list of records")
    made.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    asked = made.parse_args()
    if asked.serve:
        serve()
        return 0
    if asked.keep is not None:
        asked.keep.mkdir(parents=True, exist_ok=True)
    found = fuzz(asked.count, asked.seed, asked.jobs, asked.keep)
    rows = []
    for name in sorted({outcome.name for outcome in found}):
        mine = [outcome for outcome in found if outcome.name == name]
        codes = Counter(outcome.code for outcome in mine)
        wrong = sum(bool(outcome.wrong) for outcome in mine)
        shorter = sum(outcome.sound_shorter for outcome in mine)
        rows.append([name, len(mine), *(codes[code] for code in CODES), shorter, wrong])
    print_table("Damaged videos", ["video", "count", *(f"exit {code}" for code in CODES), "sound shorter", "wrong"], rows)
    finish(records_of(found), asked.json)
    return int(any(outcome.wrong for outcome in found))


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main())
