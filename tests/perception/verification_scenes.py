"""Drawn tracks with known names, and people who answer questions about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np

from kinescribe.perception.detections import MaskCrop
from kinescribe.perception.evidence import Evidence, Other, View
from kinescribe.perception.naming.color_space import lab_from_rgb

HEIGHT, WIDTH = 240, 320
BLACK, BROWN, RED, BLUE, GREEN, WHITE = (0, 0, 0), (202, 152, 101), (200, 40, 40), (40, 80, 190), (30, 140, 50), (255, 255, 255)  # RGB


def crop(full: np.ndarray) -> MaskCrop:
    ys, xs = np.nonzero(full)
    return MaskCrop(int(xs.min()), int(ys.min()), full[ys.min() : ys.max() + 1, xs.min() : xs.max() + 1].astype(bool))


def disc(x: float, y: float, radius: float) -> np.ndarray:
    ys, xs = np.mgrid[:HEIGHT, :WIDTH]
    return (xs - x) ** 2 + (ys - y) ** 2 <= radius**2


def box(x: float, y: float, width: float, height: float) -> np.ndarray:
    ys, xs = np.mgrid[:HEIGHT, :WIDTH]
    return (np.abs(xs - x) <= width / 2) & (np.abs(ys - y) <= height / 2)


def rod(x: float, y: float, length: float, width: float, angle: float) -> np.ndarray:
    """From (x, y), its lower end, upwards, leaning to the right by `angle` radians."""
    ys, xs = np.mgrid[:HEIGHT, :WIDTH]
    along = (xs - x) * np.sin(angle) - (ys - y) * np.cos(angle)
    across = (xs - x) * np.cos(angle) + (ys - y) * np.sin(angle)
    return (along >= 0) & (along <= length) & (np.abs(across) <= width / 2)


def film(things: dict[int, tuple[Sequence[np.ndarray | None], Sequence[tuple[int, int, int]]]], frames: int, ground: int = 255) -> dict:
    """Pictures and masks. `things`: by id the mask in each frame (None: unseen) and the colour in each; later ones are in front."""
    pictures, masks = [], []
    for frame in range(frames):
        image = np.full((HEIGHT, WIDTH, 3), ground, np.uint8)
        seen: dict[int, np.ndarray] = {}
        for number, (shapes, colors) in things.items():
            shape = shapes[frame]
            if shape is None:
                continue
            image[shape] = colors[frame][::-1]
            for other in seen.values():
                other &= ~shape
            seen[number] = shape.copy()
        pictures.append(image)
        masks.append({number: mask for number, mask in seen.items() if mask.any()})
    return {"pictures": pictures, "masks": masks}


def evidence(shot: dict, labels: dict[int, str], candidates: tuple[str, ...], shapes: dict[int, str], *, views: int = 8) -> list[Evidence]:
    """What a verifier gets about each track that has a label."""
    out = []
    for number, label in labels.items():
        rows = [frame for frame, masks in enumerate(shot["masks"]) if number in masks]
        masks = [shot["masks"][frame][number] for frame in rows]
        shown = [rows[k] for k in np.unique(np.linspace(0, len(rows) - 1, views).round().astype(int))]
        out.append(
            Evidence(
                track_id=number,
                label=label,
                candidates=candidates,
                votes={label: 4.0},
                views=tuple(view(shot, frame, number) for frame in shown),
                frames=np.array(rows),
                areas=np.array([float(mask.sum()) for mask in masks]),
                positions=np.array([np.argwhere(mask).mean(0)[::-1] for mask in masks]),
                colors=np.array([color(shot["pictures"][frame], mask) for frame, mask in zip(rows, masks, strict=True)]),
                sizes=np.array([size(mask) for mask in masks]),
                shape=shapes[number],
            )
        )
    return out


def view(shot: dict, frame: int, number: int) -> View:
    masks = shot["masks"][frame]
    others = tuple(Other(other, crop(mask)) for other, mask in masks.items() if other != number)
    return View(frame, frame / 25, shot["pictures"][frame], crop(masks[number]), others)


def color(picture: np.ndarray, mask: np.ndarray) -> np.ndarray:
    return lab_from_rgb(np.median(picture[mask], axis=0)[::-1] / 255)


def size(mask: np.ndarray) -> tuple[float, float]:
    (_, lengths, _) = cv2.minAreaRect(np.argwhere(mask)[:, ::-1].astype(np.float32))
    return max(lengths) + 1, min(lengths) + 1


def cart_pole(frames: int = 40) -> dict:
    """Track 1 the pole, track 2 the cart, in front of a line on the ground."""
    poles, carts = [], []
    for t in range(frames):
        x, angle = 160 + 40 * np.sin(t / 9), 0.3 * np.cos(t / 7)
        carts.append(box(x, 185, 44, 26))
        poles.append(rod(x, 180, 90, 9, angle))
    shot = film({2: (carts, [BLACK] * frames), 1: (poles, [BROWN] * frames)}, frames)
    for image, masks in zip(shot["pictures"], shot["masks"], strict=True):
        row = image[198:199]
        row[~(masks[1] | masks[2])[198:199]] = 0
    return shot


def cart_pole_evidence(**changes: object) -> list[Evidence]:
    """The detector calls both the black cart."""
    names = {1: "black cart", 2: "black cart"}
    tracks = evidence(cart_pole(), names, ("pole", "black cart"), {1: "rod", 2: "box"})
    return [replace(track, **changes) for track in tracks]  # type: ignore[arg-type]


class Teller:
    """Answers truthfully: the name of each track (or of each track and frame); ids of the same name's group are the same thing."""

    def __init__(self, truth: dict[int, str], same: Sequence[set[int]] = ()) -> None:
        self.truth, self.same = truth, same
        self.questions: list = []

    def __call__(self, question) -> str:
        self.questions.append(question)
        if question.kind == "same":
            return "same" if any(set(question.track_ids) <= group for group in self.same) else "different"
        return self.name(question.track_ids[0], question.frames[0])

    def name(self, track: int, frame: int) -> str:
        return self.truth[track]
