"""Annotating a data set while somebody kills it: each round is killed at a random moment, resumed, and held against a run in peace.

    python benchmarks/annotate_chaos.py [--rounds 50] [--clips 8] [--formats coco,yolo,mot] [--seed 0] [--workers 2]

Each round starts `kinescribe annotate` as a process, kills it and its group with SIGKILL at a moment drawn over the length of an
undisturbed run, once or twice, and lets the same command run to its end. Every other round doesn't start from nothing but from a finished
data set one of whose videos has changed since. Held against the undisturbed run: every file of the data set, byte for byte, but
`.kinescribe/` and the data set's own report.html, which tells how long things took. No process may be left five seconds after the kill, and
no unfinished file at the end.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

import psutil

from kinescribe.evaluation.scenes import two_pucks_collision

MARK = "KINESCRIBE_CHAOS_RUN"
GONE_S = 5.0  # after a kill, until no process may be left
LONGEST_S = 300.0
NOT_COMPARED = (".kinescribe", "report.html")


@dataclass(slots=True)
class Told:
    """How it went.

    Attributes:
        rounds: how many.
        kills: that hit a run before it was over.
        late: that came after its end.
        undisturbed_s: a run in peace, seconds.
        changed_s: one in peace after a video has changed.
        different: by round, files that aren't as in the undisturbed run.
        left: by round, processes and unfinished files that were left.
        codes: by round, exit codes of resumed runs that aren't 0.
        moments: by round, when it was killed, seconds.
    """

    rounds: int = 0
    kills: int = 0
    late: int = 0
    undisturbed_s: float = 0.0
    changed_s: float = 0.0
    different: dict[int, list[str]] = field(default_factory=dict)
    left: dict[int, list[str]] = field(default_factory=dict)
    codes: dict[int, str] = field(default_factory=dict)
    moments: dict[int, list[float]] = field(default_factory=dict)

    @property
    def fine(self) -> bool:
        """Whether every round came to the same bytes and left nothing behind."""
        return not (self.different or self.left or self.codes)


def tree_of(folder: Path) -> dict[str, bytes]:
    """Every file that is compared, by its path."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files if path.relative_to(folder).parts[0] not in NOT_COMPARED}


def unfinished(folder: Path) -> list[str]:
    """Paths that a run should have cleared away."""
    odd = (path for path in folder.rglob("*") if ".part" in path.name or path.name.endswith(".old") or path.name.startswith("work"))
    return sorted(str(path.relative_to(folder)) for path in odd)


def chaos(clips: Path, other: Path, into: Path, rounds: int, options: Sequence[str], seed: int = 0, *, talk: bool = False) -> Told:
    """Kill and resume `rounds` times.

    Args:
        clips: folder of videos; one of them is changed for a while.
        other: a video whose bytes stand in its place meanwhile.
        into: folder to work in.
        rounds: how often.
        options: of `kinescribe annotate` besides videos and output.
        seed: of the moments.
        talk: whether a line is printed for each round.
    """
    into.mkdir(parents=True, exist_ok=True)
    rng, told, peace, before = random.Random(seed), Told(), into / "peace", into / "before"
    changing = sorted(clips.iterdir())[0]
    command = [
        sys.executable,
        "-c",
        "import sys; from kinescribe.cli import main; sys.exit(main())",
        "annotate",
        str(clips),
        "-q",
        *options,
    ]
    with _standing_in(changing, other):
        _whole([*command, "-o", str(before)])
    shutil.copytree(before, into / "again")
    told.undisturbed_s = _whole([*command, "-o", str(peace)])
    told.changed_s = _whole([*command, "-o", str(into / "again")])
    expected = tree_of(peace)
    for number in range(rounds):
        out = into / "killed"
        shutil.rmtree(out, ignore_errors=True)
        if number % 2:
            shutil.copytree(before, out)
        told.moments[number] = []
        length = told.changed_s if number % 2 else told.undisturbed_s
        for time_of in range(rng.choice((1, 1, 2))):
            # the first in layers, so that few rounds too are spread over the whole run; what is left for a second one is shorter
            moment = length * (rng.uniform(0.1, 0.6) if time_of else (number // 2 + rng.random()) / ((rounds + 1) // 2))
            left = _killed([*command, "-o", str(out)], moment, f"{os.getpid()}-{number}", told)
            told.moments[number].append(round(moment, 3))
            if left:
                told.left.setdefault(number, []).extend(left)
        ended = subprocess.run([*command, "-o", str(out)], capture_output=True, text=True, timeout=LONGEST_S)
        if ended.returncode:
            told.codes[number] = f"{ended.returncode}: {ended.stderr.strip()[-300:]}"
        got = tree_of(out)
        different = sorted(name for name in expected.keys() | got.keys() if expected.get(name) != got.get(name))
        if different:
            told.different[number] = different
        if unfinished(out):
            told.left.setdefault(number, []).extend(unfinished(out))
        told.rounds += 1
        if talk:
            fine = "as undisturbed" if number not in told.different and number not in told.codes else "NOT as undisturbed"
            print(f"round {number + 1}: killed at {told.moments[number]} s of {length:.2f}, {fine}", flush=True)
    return told


@contextmanager
def _standing_in(path: Path, other: Path) -> Iterator[None]:
    """Another video's bytes in the place of one, for a while."""
    own, about = path.read_bytes(), path.stat()
    path.write_bytes(other.read_bytes())
    try:
        yield
    finally:
        path.write_bytes(own)
        os.utime(path, ns=(about.st_atime_ns, about.st_mtime_ns))


def _whole(command: list[str]) -> float:
    """Run to the end; seconds."""
    began = time.monotonic()
    ended = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST_S)
    if ended.returncode:
        raise SystemExit(f"a run in peace ended with {ended.returncode}: {ended.stderr.strip()[-500:]}")
    return time.monotonic() - began


def _killed(command: list[str], moment: float, mark: str, told: Told) -> list[str]:
    """Start, kill after so many seconds; what was left of it."""
    process = subprocess.Popen(
        command, env={**os.environ, MARK: mark}, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        process.wait(moment)
        told.late += 1
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        told.kills += 1
    end = time.monotonic() + GONE_S
    while (alive := _marked(mark)) and time.monotonic() < end:
        time.sleep(0.05)
    return [f"process {pid}" for pid in alive]


def _marked(mark: str) -> list[int]:
    """Processes of a run, by a variable that all of them inherit."""
    out = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == mark and process.status() != psutil.STATUS_ZOMBIE:
                out.append(process.pid)
        except psutil.Error:
            continue
    return out


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--clips", type=int, default=8)
    parser.add_argument("--formats", default="coco,yolo,mot")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, default=None, help="file for the figures")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "clips").mkdir()
        for k in range(asked.clips + 1):
            path = folder / ("other.mp4" if k == asked.clips else f"clips/clip-{k:02}.mp4")
            two_pucks_collision(radius=7.0, speed=100.0 + 9 * k, frame_count=16, width=160, height=120).write(path)
            os.utime(path, (1.7e9, 1.7e9))
        options = ["--format", f"states,{asked.formats}", "--workers", str(asked.workers)]
        told = chaos(folder / "clips", folder / "other.mp4", folder, asked.rounds, options, asked.seed, talk=True)
    same = told.rounds - len(told.different.keys() | told.codes.keys())
    print(
        f"{same} of {told.rounds} rounds byte-identical to an undisturbed run of {told.undisturbed_s:.2f} s "
        f"({told.changed_s:.2f} s after a change); {told.kills} kills hit, "
        f"{told.late} came after the end; left behind: {sum(map(len, told.left.values()))}"
    )
    for what in (told.different, told.left, told.codes):
        for number, lines in what.items():
            print(f"  round {number + 1}: {lines if isinstance(lines, str) else ', '.join(lines[:10])}")
    if asked.json:
        asked.json.write_text(json.dumps(asdict(told), indent=2) + "\n", encoding="utf-8")
    return 0 if told.fine else 1


if __name__ == "__main__":
    sys.exit(main())
