"""PhyWorld, what perception alone gives: velocity from the first two, three, four frames, and the position error of every frame.

Velocities come from a straight line through the states' positions; the reference, measured in the same run on the same frames, is the
same line through plain intensity-weighted centroids. In uniform motion and parabolas that velocity predicts the rest of the clip and
is scored as "velocity error"; in collisions it is held against the true speeds before the contact, mean of both balls. "smoothed" is
the states' own vx, averaged over those frames. A clip whose ball is not found counts as a prediction that it stands still.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from common import Record, finish, load_extract_states, need_folder, number, parallel, parser, print_table
from numpy.typing import NDArray
from phyworld_data import EXTENT, SETS, Clip, pick, read_clips, to_world, weighted_centroids

from kinescribe.errors import NothingFoundError
from kinescribe.evaluation import line_velocity, scored_frames, velocity_error

Float = NDArray[np.float64]
FIRST_FRAMES = (2, 3, 4)
REFERENCE = "plain weighted centroid, same run"
GOAL_RATIO = 0.8


def ball_states(clip: Clip, images: NDArray[np.uint8]) -> tuple[Float, Float, int]:
    """World positions and vx of each ball, (T, balls, 2) and (T, balls), NaN where not found, and the number of ids that are no ball."""
    from kinescribe.states import Calibration

    height, width = images.shape[1:3]
    calibration = Calibration.from_scale((width - 1) / EXTENT, "unit", origin=(0.0, height - 1.0))
    positions = np.full((len(images), len(clip.radii), 2), np.nan)
    speeds = np.full((len(images), len(clip.radii)), np.nan)
    try:
        states = load_extract_states()(images, times=clip.times[: len(images)], calibration=calibration)
    except NothingFoundError:
        return positions, speeds, 0
    columns = states.columns
    ids = np.asarray(columns["object_id"], np.int64)
    known = np.isfinite(np.asarray(columns["x"], float))
    candidates = sorted(set(ids[known].tolist()), key=lambda i: -int((ids[known] == i).sum()))
    balls: dict[int, int] = {}
    for i in candidates:
        balls.setdefault(_ball_of(columns, np.flatnonzero((ids == i) & known), images, len(clip.radii)), i)
    for ball, i in balls.items():
        rows = np.flatnonzero((ids == i) & known)
        frames = np.asarray(columns["frame"], np.int64)[rows]
        positions[frames, ball] = np.stack([columns["x"][rows], columns["y"][rows]], axis=1)
        speeds[frames, ball] = columns["vx"][rows]
    return positions, speeds, len(candidates) - len(balls)


def _ball_of(columns: Any, rows: NDArray[np.intp], images: NDArray[np.uint8], balls: int) -> int:
    """Which ball an id stands for: with two of them, 0 where the picture is redder at its place, 1 where it is bluer."""
    if balls == 1:
        return 0
    height, width = images.shape[1:3]
    x = np.clip(np.rint(columns["x_px"][rows]).astype(int), 0, width - 1)
    y = np.clip(np.rint(columns["y_px"][rows]).astype(int), 0, height - 1)
    colors = images[columns["frame"][rows], y, x].astype(float).mean(axis=0)
    return 0 if colors[2] >= colors[0] else 1


def clip_velocity_error(clip: Clip, velocity: Float, start: Float) -> float:
    """Error of a velocity, (balls, 2), that the first frames gave; `start` is the predicted position at time 0."""
    if clip.kind == "collision":
        return float(np.abs(velocity[:, 0] - clip.speeds * (1.0, -1.0)).mean())  # ball 1 moves right, ball 2 left
    predicted = start + clip.times[:, None, None] * velocity
    return velocity_error(predicted, clip.positions, scored_frames(clip.positions, clip.radii))


def line_error(clip: Clip, positions: Float) -> float:
    """Error of the straight line through the given first positions, (K, balls, 2); balls seen less than twice stand still."""
    velocity = np.zeros(positions.shape[1:])
    for ball in range(positions.shape[1]):
        seen = np.isfinite(positions[:, ball]).all(axis=1)
        if seen.sum() >= 2:
            velocity[ball] = line_velocity(clip.times[: len(positions)][seen], positions[seen, ball])
    return clip_velocity_error(clip, velocity, clip.positions[0])


def first_frames(clip: Clip, reference_only: bool) -> list[dict[str, float]]:
    """Per K the errors of one clip."""
    out = []
    for k in FIRST_FRAMES:
        images = clip.images(k)
        plain = to_world(weighted_centroids(images, len(clip.radii)), *images.shape[1:3])
        errors = {"reference": line_error(clip, plain)}
        if not reference_only:
            positions, speeds, extra = ball_states(clip, images)
            smoothed = np.zeros(positions.shape[1:])
            for ball in range(positions.shape[1]):
                known = speeds[np.isfinite(speeds[:, ball]), ball]
                smoothed[ball, 0] = known.mean() if len(known) else 0.0
            errors |= {
                "ours": line_error(clip, positions),
                "smoothed": clip_velocity_error(clip, smoothed, clip.positions[0]),
                "lost": float(np.isnan(positions).any()),
                "extra": float(extra),
            }
        out.append(errors)
    return out


def whole_clip(clip: Clip, reference_only: bool) -> dict[str, Float]:
    """Distance to the truth in every frame with all balls whole in view, (frames · balls,), world units; NaN where a ball isn't found."""
    images = clip.images()
    height, width = images.shape[1:3]
    inside = clip.positions - clip.radii[:, None] >= 0
    inside &= clip.positions + clip.radii[:, None] <= EXTENT
    frames = inside.all(axis=(1, 2))
    plain = to_world(weighted_centroids(images, len(clip.radii)), height, width)
    found = {"reference": plain} if reference_only else {"reference": plain, "ours": ball_states(clip, images)[0]}
    return {name: np.linalg.norm(p - clip.positions, axis=-1)[frames].ravel() for name, p in found.items()} | {
        "px": np.array([(width - 1) / EXTENT])
    }


def velocity_records(clips: Sequence[Clip], results: Sequence[list[dict[str, float]]]) -> list[Record]:
    records = []
    for split in ("in", "ood"):
        chosen = [result for clip, result in zip(clips, results, strict=True) if clip.split == split]
        if not chosen:
            continue
        for position, k in enumerate(FIRST_FRAMES):
            mean = {name: float(np.mean([result[position][name] for result in chosen])) for name in chosen[0][position]}
            reference, case = number(mean["reference"]), f"{clips[0].kind}/{split}/k{k}"
            made = partial(Record, "phyworld_perception", case, better="lower", reference=reference, reference_name=REFERENCE)
            if "ours" not in mean:
                records.append(Record("phyworld_perception", case, "reference_velocity_error", reference, "world/s", "lower"))
                continue
            # the goal is stated for uniform motion from three frames
            judged = clips[0].kind == "uniform_motion" and k == 3
            goal = number(GOAL_RATIO * mean["reference"]) if judged else None
            records += [
                made("velocity_error", number(mean["ours"]), "world/s", goal=goal),
                made("velocity_error_smoothed", number(mean["smoothed"]), "world/s"),
                made("clips_with_a_ball_lost", number(mean["lost"]), "", reference=None, reference_name=None),
                made("ids_beyond_the_balls", number(mean["extra"]), "per clip", reference=None, reference_name=None),
            ]
    return records


def position_records(clips: Sequence[Clip], results: Sequence[dict[str, Float]]) -> list[Record]:
    records = []
    for split in ("in", "ood"):
        chosen = [result for clip, result in zip(clips, results, strict=True) if clip.split == split]
        if not chosen:
            continue
        pooled = {name: np.concatenate([result[name] for result in chosen]) for name in chosen[0]}
        case, px = f"{clips[0].kind}/{split}/whole", float(pooled["px"][0])
        plain = {"mean": float(np.nanmean(pooled["reference"])), "median": float(np.nanmedian(pooled["reference"]))}
        if "ours" not in pooled:
            records += [
                Record("phyworld_perception", case, f"reference_position_error_{kind}", number(e), "world", "lower")
                for kind, e in plain.items()
            ]
            continue
        ours = pooled["ours"]
        records.append(Record("phyworld_perception", case, "coverage", number(float(np.isfinite(ours).mean())), "", "higher"))
        for kind, of in (("mean", np.mean), ("median", np.median)):
            error = float(of(ours[np.isfinite(ours)])) if np.isfinite(ours).any() else float("nan")
            for unit, scale in (("world", 1.0), ("px", px)):
                value, reference = number(error * scale), number(plain[kind] * scale)
                name = f"position_error_{kind}"
                records.append(Record("phyworld_perception", case, name, value, unit, "lower", None, reference, REFERENCE))
    return records


def report(records: Sequence[Record]) -> None:
    def row(record: Record) -> list[object]:
        ratio = record.value / record.reference if record.value is not None and record.reference else None
        return [record.case, record.measure, record.value, record.reference, ratio, record.unit]

    print_table("PhyWorld perception", ["case", "measure", "value", REFERENCE, "ratio", "unit"], map(row, records))


def main(arguments: Sequence[str] | None = None) -> int:
    options = parser(__doc__)
    options.add_argument("--limit", type=int, metavar="N", help="at most N clips of each file, for a quick run")
    options.add_argument("--whole", type=int, default=12, metavar="N", help="clips of each file for position errors (default: %(default)s)")
    options.add_argument("--all", action="store_true", help="every clip for the position errors too")
    options.add_argument("--only", action="append", choices=SETS, help="only this set (may be repeated)")
    options.add_argument("--reference-only", action="store_true", help="only the plain centroid")
    chosen = options.parse_args(arguments)
    folder = need_folder(chosen.data / "phyworld")
    if not chosen.reference_only:
        load_extract_states()
    records: list[Record] = []
    sums: dict[str, int] = defaultdict(int)
    for name in chosen.only or SETS:
        clips = pick(read_clips(folder / f"{name}_eval.hdf5"), chosen.limit)
        sums[name] = len(clips)
        records += velocity_records(clips, list(parallel(partial(first_frames, reference_only=chosen.reference_only), clips, chosen.jobs)))
        some = clips if chosen.all else pick(clips, chosen.whole)
        records += position_records(some, list(parallel(partial(whole_clip, reference_only=chosen.reference_only), some, chosen.jobs)))
    report(records)
    finish(records, chosen.json, "clips: " + ", ".join(f"{name} {count}" for name, count in sums.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
