"""Cart Pole, the whole chain: from ten training videos to a law, and from a clip's first four frames to the pictures of the next twenty.

Our own perception sees the training episodes whole and of every test episode the first four frames, `ks.fit` finds the law, `ks.predict`
goes on from those four frames under the known actions, and the scene of one training episode draws what it says. Test episodes start after
the same reset as the training ones, so that the prediction may take that into account (`start_prior`); four frames alone leave more open.

Cases: "auto" and "cart-pole" are the law that was asked for; "…/no prior" is without the starts of the training episodes. "/states" are the
same states drawn by gymnasium itself, so that errors of states and of rendering are told apart. "twice the pole" is the counterfactual
`length *= 2` against gymnasium with a pole of twice the length and the same mass, from the same start under the same actions.
Places are those of the picture: gymnasium rounds them down to whole pixels, so that what is drawn lies half a pixel to the left of what
is meant; "cart" is the distance to what is meant. Pixels are in [0, 1]; errors are pooled over all frames of all episodes.
"""

from __future__ import annotations

import os
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from cart_pole_data import HALF_LENGTH, MIDDLE, SCALE, Episode, World
from common import Record, finish, number, parallel, parser, print_table
from numpy.typing import NDArray

import kinescribe as ks
from kinescribe.dynamics import Inputs
from kinescribe.dynamics.fitting import Fit
from kinescribe.evaluation.video import pixel_errors, psnr
from kinescribe.renderers.compositor import compose
from kinescribe.renderers.poses import PoseTable
from kinescribe.states import States
from kinescribe.video import open_video

Float = NDArray[np.float64]
Pictures = NDArray[np.uint8]
PHRASES = "black cart, brown pole, blue disc"
CART, POLE = "black cart", "brown pole"
TRAINING, TRAINING_STEPS = 10, 60
FIRST, AHEAD = 4, 20  # frames that are seen, and that are foretold
TEST_SEED = 1000  # more than any number of training episodes
HALF_PIXEL = 0.5  # of what is drawn to the left of what is meant
LAWS = ("auto", "cart-pole")
GOALS = {"mae": 0.0008, "psnr": 35.0, "angle": 0.8, "cart": 1.0}
GOALS_TWICE = {"psnr": 30.0, "angle": 2.0}
UNITS = {"mae": "", "psnr": "dB", "angle": "deg", "cart": "px"}
REFERENCES = {"mae": 0.003, "psnr": 30.59}
REFERENCE = "ProgGen"


@dataclass(slots=True)
class Errors:
    """Errors of many frames, one number each.

    Attributes:
        mae, mse: of pixels in [0, 1]. angle: of the pole, degrees. cart: of its place, px.
    """

    mae: list[float] = field(default_factory=list)
    mse: list[float] = field(default_factory=list)
    angle: list[float] = field(default_factory=list)
    cart: list[float] = field(default_factory=list)

    def pictures(self, real: Pictures, made: Pictures) -> None:
        found = pixel_errors(real, made)
        self.mae += found.mae_by_frame.tolist()
        self.mse += found.mse_by_frame.tolist()

    def figures(self) -> dict[str, float]:
        out = {"mae": float(np.mean(self.mae)), "psnr": psnr(float(np.mean(self.mse)))}
        return out | {name: float(np.mean(values)) for name, values in (("angle", self.angle), ("cart", self.cart)) if values}


def states_of(episode: Episode) -> States:
    return ks.extract_states(episode.images, times=episode.times, objects=PHRASES)


def pushes(episode: Episode) -> Inputs:
    return Inputs.of(episode.times[:-1], push=2.0 * episode.actions - 1.0)


def train(tables: Sequence[States], episodes: Sequence[Episode], law: str, seed: int) -> Fit:
    """The law of the training episodes."""
    found = ks.fit(list(tables), law=law, inputs=[pushes(one) for one in episodes], objects=[CART, POLE], seed=seed)
    values = ", ".join(f"{name} = {one.value:.5g} ± {one.sigma:.2g}" for name, one in found.estimates.items() if not one.fixed)
    print(f"{law}: {found.law.title}: {values} ({found.rollouts:,} rollouts, {found.seconds:.1f} s)", flush=True)
    return found


def drawn(scene: ks.Scene, states: States, frames: Sequence[int]) -> Pictures:
    """The scene's pictures of these frames of a table."""
    table = PoseTable.of(states)
    place = {int(frame): k for k, frame in enumerate(table.frames)}
    return np.stack([compose(scene, table.poses[place[frame]]) for frame in frames])


def course(states: States, frames: Sequence[int]) -> tuple[Float, Float]:
    """(T,) where the cart is drawn, px, and how far the pole leans to the right, radians. Raises ValueError where a frame is missing."""
    ids = {label: i for i, label in states.labels.items()}
    rows = {label: states.of(ids[label]) for label in (CART, POLE)}
    keep = {label: _rows(label, one, frames) for label, one in rows.items()}
    lean = rows[POLE]["angle"][keep[POLE]] + np.pi / 2
    return rows[CART]["x_px"][keep[CART]], np.angle(np.exp(1j * lean))


def _rows(label: str, table: States, frames: Sequence[int]) -> list[int]:
    place = {int(frame): k for k, frame in enumerate(table["frame"])}
    if missing := [frame for frame in frames if frame not in place]:
        raise ValueError(f"the prediction says nothing of the {label} in frames {', '.join(map(str, missing))}")
    return [place[frame] for frame in frames]


def follow(
    case: str, future: States, truth: Episode, scene: ks.Scene, world: World, found: Mapping[str, Errors], half_length: float = HALF_LENGTH
) -> Pictures:
    """Adds one episode's errors to those of a case and of its states; the pictures."""
    frames = list(range(FIRST, FIRST + AHEAD))
    places, leans = course(future, frames)
    made = drawn(scene, future, frames)
    found[case].pictures(truth.images[frames], made)
    found[case].angle += np.degrees(np.abs(leans - truth.states[frames, 2])).tolist()
    found[case].cart += np.abs(places - (truth.states[frames, 0] * SCALE + MIDDLE)).tolist()
    meant = (places + HALF_PIXEL - MIDDLE) / SCALE
    theirs = [world.drawn(place, lean, half_length=half_length) for place, lean in zip(meant, leans, strict=True)]
    found[f"{case}/states"].pictures(truth.images[frames], np.stack(theirs))
    return made


def records_of(found: Mapping[str, Errors]) -> list[Record]:
    records = []
    for case, errors in found.items():
        twice, plain = case == "auto/twice the pole", case in LAWS
        goals = GOALS if plain else GOALS_TWICE if twice else {}
        for name, value in errors.figures().items():
            reference = REFERENCES.get(name) if plain else None
            better = "higher" if name == "psnr" else "lower"
            make = partial(Record, "cart_pole", case, name, number(value), UNITS[name], better, goals.get(name))
            records.append(make(reference, REFERENCE) if reference is not None else make())
    return records


def show(folder: Path, name: str, real: Pictures, made: Pictures) -> None:
    """Every fifth frame: the truth, what was made of it, and the difference, one above the other."""
    columns = [np.concatenate([real[k], made[k], 255 - cv2.absdiff(real[k], made[k])]) for k in range(4, len(real), 5)]
    folder.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(folder / f"{name}.png"), np.concatenate(columns, axis=1))


def main(arguments: Sequence[str] | None = None) -> int:
    options = parser(__doc__)
    options.add_argument("--seed", type=int, default=0, metavar="N", help="of the first episode, and of the fit (default: %(default)s)")
    options.add_argument("--episodes", type=int, default=20, metavar="N", help="test episodes (default: %(default)s)")
    options.add_argument("--law", action="append", choices=LAWS, help="only this law (may be repeated)")
    options.add_argument("--pictures", type=Path, metavar="DIR", help="write some frames: gymnasium's, ours, and the difference")
    chosen = options.parse_args(arguments)
    os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
    world = World()
    training = [world.episode(chosen.seed + k, TRAINING_STEPS) for k in range(TRAINING)]
    tests = [world.episode(chosen.seed + TEST_SEED + k, FIRST + AHEAD - 1) for k in range(chosen.episodes)]
    tables = list(parallel(states_of, training, chosen.jobs))
    scene = ks.Scene.from_video(open_video(training[0].images, times=training[0].times), tables[0])
    contexts = list(parallel(states_of, [one.first(FIRST) for one in tests], chosen.jobs))
    found: dict[str, Errors] = defaultdict(Errors)
    for law in chosen.law or LAWS:
        fit = train(tables, training, law, chosen.seed)
        for k, (truth, seen) in enumerate(zip(tests, contexts, strict=True)):
            ask = partial(ks.predict, seen, fit, until=float(truth.times[-1]), inputs=pushes(truth))
            made = follow(law, ask(start_prior=True), truth, scene, world, found)
            follow(f"{law}/no prior", ask(), truth, scene, world, found)
            longer = world.replay(truth.states[0], truth.actions, half_length=2.0 * HALF_LENGTH)
            what_if = ask(start_prior=True, do={"length": "*=2"})
            twice = follow(f"{law}/twice the pole", what_if, longer, scene, world, found, 2.0 * HALF_LENGTH)
            if chosen.pictures is not None and law == (chosen.law or LAWS)[0]:
                show(chosen.pictures, f"{k:02d}", truth.images[FIRST:], made)
                show(chosen.pictures, f"{k:02d} twice", longer.images[FIRST:], twice)
    for truth in tests:
        found["last frame repeated"].pictures(truth.images[FIRST:], np.repeat(truth.images[FIRST - 1 : FIRST], AHEAD, axis=0))
    world.close()
    records = records_of(found)
    print_table(
        "Cart Pole",
        ["case", "measure", "value", "goal", REFERENCE, "unit"],
        ([r.case, r.measure, r.value, r.goal, r.reference, r.unit] for r in records),
    )
    finish(records, chosen.json, f"episodes: {TRAINING} for training, {len(tests)} for the test")
    return 0


if __name__ == "__main__":
    sys.exit(main())
