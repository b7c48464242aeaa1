"""Carrying a given mask through DAVIS clips: region similarity J, beside DIS flow with a GrabCut pass in the same run.

Every folder of DIR/davis holds frames/ and masks/. The mask of the first frame is given, all others are predicted; J is the mean over
all frames but the first. The default propagator needs no weights; --propagator takes any that is installed.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from common import Record, finish, need_folder, number, parallel, parser, print_table
from numpy.typing import NDArray

from kinescribe.perception.detections import MaskCrop, SoftMask
from kinescribe.perception.protocols import Propagator
from kinescribe.plugins import load
from kinescribe.video.frame import Frame

TABLE = "davis_propagation"
GOAL = 0.70
REFERENCE = "DIS flow and GrabCut in the same run"
PUBLISHED = (("BVS", 0.600), ("OFL", 0.680))  # on the whole validation set of DAVIS-2016
BAND = 10  # px, on either side of the carried outline, that GrabCut decides on
SHEET_FRAMES = 12

Mask = NDArray[np.bool_]


@dataclass(slots=True)
class Outcome:
    """One clip: J of each frame but the first and seconds a frame, ours and the reference's."""

    name: str
    scores: list[float]
    reference: list[float]
    seconds: float
    reference_seconds: float


def read_clip(folder: Path) -> tuple[list[NDArray[np.uint8]], list[Mask]]:
    """Frames (H, W, 3) BGR and true masks."""
    frames = [cv2.imread(str(path)) for path in sorted((folder / "frames").iterdir())]
    masks = [cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) > 0 for path in sorted((folder / "masks").iterdir())]
    if len(frames) != len(masks) or len(frames) < 2:
        sys.exit(f"'{folder}' holds {len(frames)} frames and {len(masks)} masks; it needs as many of one as of the other, two at least")
    return frames, masks


def region_similarity(found: Mask, true: Mask) -> float:
    """Intersection over union; 1 where both are empty."""
    union = int((found | true).sum())
    return float((found & true).sum() / union) if union else 1.0


def propagated(propagator: Propagator, frames: Sequence[NDArray[np.uint8]], first: Mask) -> Iterator[Mask]:
    """The masks of all frames but the first."""
    propagator.reset()
    start = Frame(0, 0.0, frames[0])
    propagator.step(start)
    propagator.prompt(start, {1: SoftMask.of(MaskCrop(0, 0, first)).binary()})
    for index, image in enumerate(frames[1:], start=1):
        yield propagator.step(Frame(index, index / 24, image))[1].binary().full(*first.shape)


def flow_and_grabcut(frames: Sequence[NDArray[np.uint8]], first: Mask) -> Iterator[Mask]:
    """The reference: each mask carried by backward flow, a band along its outline given to GrabCut."""
    cv2.setRNGSeed(0)
    flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * BAND + 1, 2 * BAND + 1))
    x, y = np.meshgrid(np.arange(first.shape[1], dtype=np.float32), np.arange(first.shape[0], dtype=np.float32))
    mask, before = first, cv2.cvtColor(frames[0], cv2.COLOR_BGR2GRAY)
    for image in frames[1:]:
        now = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
        back = flow.calc(now, before, None)
        before = now
        mask = cv2.remap(mask.astype(np.float32), x + back[..., 0], y + back[..., 1], cv2.INTER_LINEAR) > 0.5
        near, core = (change(mask.astype(np.uint8), kernel) > 0 for change in (cv2.dilate, cv2.erode))
        trimap = np.full(mask.shape, cv2.GC_BGD, np.uint8)
        trimap[near], trimap[mask], trimap[core] = cv2.GC_PR_BGD, cv2.GC_PR_FGD, cv2.GC_FGD
        if mask.any():
            cv2.grabCut(image, trimap, None, np.zeros((1, 65)), np.zeros((1, 65)), 1, cv2.GC_INIT_WITH_MASK)
            mask = (trimap == cv2.GC_FGD) | (trimap == cv2.GC_PR_FGD)
        yield mask


def run_clip(folder: Path, name: str, sheets: Path | None) -> Outcome:
    frames, masks = read_clip(folder)
    propagator: Propagator = load("propagators", name)()
    start = time.perf_counter()
    found = list(propagated(propagator, frames, masks[0]))
    middle = time.perf_counter()
    reference = list(flow_and_grabcut(frames, masks[0]))
    end = time.perf_counter()
    scores, others = ([region_similarity(a, b) for a, b in zip(group, masks[1:], strict=True)] for group in (found, reference))
    if sheets is not None:
        write_sheet(sheets / f"{folder.name}.png", frames[1:], found, masks[1:], scores)
    count = len(frames) - 1
    return Outcome(folder.name, scores, others, (middle - start) / count, (end - middle) / count)


def write_sheet(
    path: Path, frames: Sequence[NDArray[np.uint8]], found: Sequence[Mask], true: Sequence[Mask], scores: Sequence[float]
) -> None:
    """A sheet of frames spread over the clip: the true outline green, ours red."""
    tiles = []
    for k in np.linspace(0, len(frames) - 1, SHEET_FRAMES).round().astype(int):
        image = frames[k].copy()
        for mask, color in ((true[k], (0, 255, 0)), (found[k], (0, 0, 255))):
            outlines, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
            cv2.drawContours(image, outlines, -1, color, 2)
        cv2.putText(image, f"{k + 1}: {scores[k]:.2f}", (10, 40), cv2.FONT_HERSHEY_SIMPLEX, 1.2, (0, 255, 255), 3)
        tiles.append(cv2.resize(image, (480, round(480 * image.shape[0] / image.shape[1])), interpolation=cv2.INTER_AREA))
    cv2.imwrite(str(path), np.vstack([np.hstack(tiles[row : row + 4]) for row in range(0, SHEET_FRAMES, 4)]))


def records_of(outcomes: Sequence[Outcome]) -> list[Record]:
    records = []
    for outcome in outcomes:
        ours, theirs = float(np.mean(outcome.scores)), float(np.mean(outcome.reference))
        records.append(Record(TABLE, outcome.name, "J", number(ours), "", "higher", None, number(theirs), REFERENCE))
        ratio = outcome.reference_seconds / outcome.seconds
        records.append(Record(TABLE, outcome.name, "speed_ratio", number(ratio), "", "higher", None, 1.0, REFERENCE))
    mean = float(np.mean([np.mean(outcome.scores) for outcome in outcomes]))
    reference = float(np.mean([np.mean(outcome.reference) for outcome in outcomes]))
    records.append(Record(TABLE, "all", "mean_J", number(mean), "", "higher", GOAL, number(reference), REFERENCE))
    return records


def report(outcomes: Sequence[Outcome]) -> None:
    rows: list[list[object]] = []
    for outcome in outcomes:
        scores = outcome.scores
        thirds = [f"{np.mean(part):.3f}" for part in np.array_split(scores, 3)]
        lost = sum(score < 0.1 for score in scores)
        rows.append(
            [
                *(outcome.name, f"{np.mean(scores):.3f}", f"{np.mean(outcome.reference):.3f}", *thirds, lost, len(scores)),
                *(f"{1 / outcome.seconds:.1f}", f"{1 / outcome.reference_seconds:.1f}"),
            ]
        )
    means = [f"{np.mean([np.mean(getattr(o, name)) for o in outcomes]):.3f}" for name in ("scores", "reference")]
    rows.append(["mean", *means, *[None] * 7])
    header = ["clip", "J", "J reference", "first third", "second", "last", "J < 0.1", "frames", "frames/s", "reference's"]
    print_table("Carrying the first mask through DAVIS clips", header, rows)
    print(f"\nreference: {REFERENCE}")
    print("published on the whole validation set of DAVIS-2016: " + ", ".join(f"{name} {value:.3f}" for name, value in PUBLISHED))


def main(arguments: Sequence[str] | None = None) -> int:
    options = parser(__doc__)
    options.add_argument("--only", action="append", metavar="NAME", help="only this clip (may be repeated)")
    options.add_argument("--propagator", default="flow", metavar="NAME", help="an installed propagator (default: %(default)s)")
    options.add_argument("--sheets", type=Path, metavar="DIR", help="write a picture a clip with true and found outlines into DIR")
    chosen = options.parse_args(arguments)
    root = need_folder(chosen.data / "davis")
    folders = sorted(path.parent for path in root.glob("*/masks") if not chosen.only or path.parent.name in chosen.only)
    missing = sorted(set(chosen.only or ()) - {folder.name for folder in folders})
    if missing or not folders:
        available = ", ".join(sorted(path.parent.name for path in root.glob("*/masks"))) or "none"
        sys.exit(f"no clip {', '.join(missing)} in '{root}'; available: {available}")
    if chosen.sheets:
        chosen.sheets.mkdir(parents=True, exist_ok=True)
    job = partial(run_clip, name=chosen.propagator, sheets=chosen.sheets)
    outcomes = list(parallel(job, folders, chosen.jobs))
    report(outcomes)
    finish(records_of(outcomes), chosen.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
