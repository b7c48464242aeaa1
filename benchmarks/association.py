"""Association: who is who, and how fast, against the four trackers of the PyPI package `trackers` on the same boxes in the same run.

Accuracy: HOTA, MOTA, IDF1 and id switches, by `trackers.eval`, on TUD-Campus (public detections) and on drawn scenes: people who walk past
each other, discs all alike that cross, a crowd. All trackers run with their defaults; camera motion compensation, which needs pictures, is
off. Those that decide frame by frame report what they report; the offline tracker fills the gaps of its tracks with straight lines.

Time: one update at 10, 100, 1,000 and 10,000 objects, the trackers in turn within each frame, processor time, median. At 10,000 ours alone,
with the peak of the memory that updates allocate.

    pip install 'trackers>=2.6,<3'
    python benchmarks/association.py [--data DIR] [--quick] [--json FIGURES.json]
"""

from __future__ import annotations

import sys
import time
import tracemalloc
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from association_scenes import Sequence, crowd, discs, people
from common import Record, finish, need_folder, parser, print_table

from kinescribe.tracking import OfflineTracker, OnlineTracker, detections_from_boxes

TABLE = "association"
OTHERS = {"SORT": "SORTTracker", "ByteTrack": "ByteTrackTracker", "OC-SORT": "OCSORTTracker", "BoT-SORT": "BoTSORTTracker"}
OURS = ("online", "offline", "offline, steady")
MEASURES = {"HOTA": "higher", "MOTA": "higher", "IDF1": "higher", "id_switches": "lower"}
COUNTS = (10, 100, 1000)
LARGEST = 10_000
GOAL = 0.2  # of the fastest other's time, at 1,000 objects
GOAL_BYTES = 1.0  # of one matrix of all with all, of a byte each

Answer = list[tuple[np.ndarray, np.ndarray]]  # per frame ids (N,) and boxes (N, 4)


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--quick", action="store_true", help="two drawn scenes of each kind, and fewer frames")
    chosen = options.parse_args()
    try:
        import trackers
    except ImportError:
        sys.exit("the package 'trackers' is not installed; pip install 'trackers>=2.6,<3'")
    warnings.filterwarnings("ignore", module="trackers")
    records = accuracy(chosen.data, trackers, scenes=2 if chosen.quick else 20)
    records += speed(trackers, frames=12 if chosen.quick else 40)
    finish(records, chosen.json)


def accuracy(data: Path, trackers: Any, scenes: int) -> list[Record]:
    """Scores of all trackers on all scenes; drawn ones are means over scenes, id switches sums."""
    cases = {
        "TUD-Campus": [tud_campus(need_folder(data / "mot" / "TUD-Campus"))],
        "people": [people(seed) for seed in range(scenes)],
        "discs": [discs(seed) for seed in range(scenes)],
        "crowd": [crowd(0, 300, 30)],
    }
    records, rows = [], []
    for case, sequences in cases.items():
        scored = {}
        for name in (*OTHERS, *OURS):
            each = [score(one, answers(name, one, trackers)) for one in sequences]
            scored[name] = {m: float((np.sum if m == "id_switches" else np.mean)([s[m] for s in each])) for m in MEASURES}
            rows.append([case, name, *(round(v, 3) for v in scored[name].values())])
        for name in OURS:
            for measure, better in MEASURES.items():
                best = (max if better == "higher" else min)(OTHERS, key=lambda other: scored[other][measure])
                value, reference = scored[name][measure], scored[best][measure]
                records.append(Record(TABLE, f"{case}/{name}", measure, value, "", better, None, reference, best))
    print_table("Who is who", ["scenes", "tracker", "HOTA", "MOTA", "IDF1", "id switches"], rows)
    return records


def tud_campus(folder: Path) -> Sequence:
    """TUD-Campus with its public detections."""
    found, marked = (np.loadtxt(folder / name, delimiter=",", ndmin=2) for name in ("det.txt", "gt.txt"))
    out = Sequence((640, 480), 25.0)
    for frame in range(1, int(marked[:, 0].max()) + 1):
        here, truth = found[found[:, 0] == frame], marked[marked[:, 0] == frame]
        out.ids.append(truth[:, 1].astype(np.int64))
        out.truth.append(np.column_stack([truth[:, 2:4], truth[:, 2:4] + truth[:, 4:6]]))
        out.boxes.append(np.column_stack([here[:, 2:4], here[:, 2:4] + here[:, 4:6]]))
        out.scores.append(here[:, 6])
    return out


def answers(name: str, sequence: Sequence, trackers: Any) -> Answer:
    """What a tracker says of a sequence."""
    if name.startswith("offline"):
        return offline(sequence, "steady" if name.endswith("steady") else "free")
    step = stepper(name, trackers, sequence.rate)
    out = []
    for frame, (boxes, scores) in enumerate(zip(sequence.boxes, sequence.scores, strict=True)):
        ids = step(frame, boxes, scores)
        out.append((ids[ids >= 0], boxes[ids >= 0]))
    return out


def stepper(name: str, trackers: Any, rate: float) -> Callable[[int, np.ndarray, np.ndarray], np.ndarray]:
    """A fresh tracker's update: from frame, boxes and scores to ids in the order of the boxes, −1 for none."""
    if name == "online":
        ours = OnlineTracker()
        return lambda frame, boxes, scores: ours.update(detections_from_boxes(frame, frame / rate, boxes, scores))
    import supervision

    theirs = getattr(trackers, OTHERS[name])(**({"enable_cmc": False} if name == "BoT-SORT" else {}))

    def step(frame: int, boxes: np.ndarray, scores: np.ndarray) -> np.ndarray:
        # they may hand detections back in another order: their number travels with them
        number = {"number": np.arange(len(boxes))}
        given = supervision.Detections(xyxy=boxes, confidence=scores, class_id=np.zeros(len(boxes), int), data=number)
        back = theirs.update(given)
        out = np.full(len(boxes), -1)
        if len(back):
            out[back.data["number"]] = back.tracker_id
        return out

    return step


def offline(sequence: Sequence, motion: str) -> Answer:
    """The offline tracker's ids and boxes, with straight lines through gaps."""
    pairs = zip(sequence.boxes, sequence.scores, strict=True)
    found = [detections_from_boxes(k, k / sequence.rate, boxes, scores) for k, (boxes, scores) in enumerate(pairs)]
    ids: list[list[int]] = [[] for _ in found]
    boxes: list[list[np.ndarray]] = [[] for _ in found]
    for track in OfflineTracker(motion=motion).track(found, sequence.size):
        frames = np.arange(track.frames[0], track.frames[-1] + 1)
        for frame, box in zip(frames, np.column_stack([np.interp(frames, track.frames, side) for side in track.boxes.T]), strict=True):
            ids[frame].append(track.track_id)
            boxes[frame].append(box)
    return [(np.array(i, np.int64), np.array(b).reshape(-1, 4)) for i, b in zip(ids, boxes, strict=True)]


def score(sequence: Sequence, answer: Answer) -> dict[str, float]:
    """HOTA, MOTA, IDF1 (IoU 0.5) and id switches."""
    from trackers.eval import box_iou, compute_clear_metrics, compute_hota_metrics, compute_identity_metrics

    truth = numbered(sequence.ids)
    found = numbered([ids for ids, _ in answer])
    alike = [
        box_iou(true, boxes) if len(true) and len(boxes) else np.zeros((len(true), len(boxes)))
        for true, (_, boxes) in zip(sequence.truth, answer, strict=True)
    ]
    clear, identity = compute_clear_metrics(truth, found, alike), compute_identity_metrics(truth, found, alike)
    hota = compute_hota_metrics(truth, found, alike)
    return {"HOTA": hota["HOTA"], "MOTA": clear["MOTA"], "IDF1": identity["IDF1"], "id_switches": clear["IDSW"]}


def numbered(ids: list[np.ndarray]) -> list[np.ndarray]:
    """The same ids, from 0 on without gaps, as the measures want them."""
    names = np.unique(np.concatenate([*ids, np.zeros(0, np.int64)]))
    return [np.searchsorted(names, one) for one in ids]


def speed(trackers: Any, frames: int) -> list[Record]:
    """Times of one update, each against the fastest of the others at the same number of objects."""
    records, rows = [], []
    for count in COUNTS:
        times = update_times(("online", *OTHERS), crowd(1, count, frames), trackers)
        fastest = min(OTHERS, key=lambda name: times[name])
        ratio = times["online"] / times[fastest]
        rows.append([count, *(1e3 * times[name] for name in ("online", *OTHERS)), ratio])
        goal = GOAL if count == max(COUNTS) else None
        records.append(Record(TABLE, f"{count} objects", "time_ratio", ratio, "", "lower", goal, 1.0, fastest))
        records.append(
            Record(TABLE, f"{count} objects", "update", 1e3 * times["online"], "ms", "lower", None, 1e3 * times[fastest], fastest)
        )
    many = crowd(1, LARGEST, max(frames // 4, 4))
    alone = update_times(("online",), many, trackers)["online"]
    peak = peak_bytes(many)
    rows.append([LARGEST, 1e3 * alone, *(None for _ in OTHERS), None])
    records.append(Record(TABLE, f"{LARGEST} objects", "update", 1e3 * alone, "ms", "lower"))
    records.append(Record(TABLE, f"{LARGEST} objects", "peak_over_square", peak / LARGEST**2, "B", "lower", GOAL_BYTES))
    print_table("One update, ms of processor time", ["objects", "kinescribe online", *OTHERS, "over the fastest"], rows)
    print(f"\n{LARGEST} objects: updates allocate {peak / 2**20:.0f} MiB at most")
    return records


def update_times(names: tuple[str, ...], sequence: Sequence, trackers: Any) -> dict[str, float]:
    """Median seconds of processor time of one update, the first three left out; all trackers take each frame before any takes the next."""
    steps = {name: stepper(name, trackers, sequence.rate) for name in names}
    spent: dict[str, list[float]] = {name: [] for name in names}
    for frame, (boxes, scores) in enumerate(zip(sequence.boxes, sequence.scores, strict=True)):
        for name, step in steps.items():
            began = time.process_time()
            step(frame, boxes, scores)
            spent[name].append(time.process_time() - began)
    return {name: float(np.median(seconds[3:] or seconds)) for name, seconds in spent.items()}


def peak_bytes(sequence: Sequence) -> float:
    """The most that updates had allocated at a time."""
    tracker = OnlineTracker()
    frames = [
        detections_from_boxes(k, k / sequence.rate, *pair) for k, pair in enumerate(zip(sequence.boxes, sequence.scores, strict=True))
    ]
    tracemalloc.start()
    for frame in frames:
        tracker.update(frame)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return float(peak)


if __name__ == "__main__":
    main()
