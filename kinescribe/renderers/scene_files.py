"""Scenes as folders that people can look into: pictures as PNG, and ``scene.json``."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from kinescribe.errors import InputError, UsageError, why_not_written
from kinescribe.renderers.matte import carried
from kinescribe.renderers.pictures import Pictures, write_picture
from kinescribe.renderers.scene import Edges, Scene, SceneObject, Sprite, ViewsBy

__all__ = ["FILE", "check_folder", "read_scene", "write_scene"]

Float32 = NDArray[np.float32]
Level = Annotated[float, Field(ge=0.0, le=255.0)]
FILE = "scene.json"
PLATE, CONFIDENCE = "plate.png", "confidence.png"
MOST_BYTES = 10 * 2**20
OPAQUE = 0.02  # alpha, below which a colour is rounding
MOST_CORNERS, MOST_VIEWS = 10_000, 1_000


class SpriteModel(BaseModel):
    """One view, in ``scene.json``.

    Attributes:
        file: of the picture, RGBA, inside the folder. anchor: sprite pixels of the centroid. angle_deg: of the object there, in the image
            from +x towards +y. fineness: sprite pixels in one of the video's. size_px: (length, breadth) of the object there, if it is not
            the object's own. at: where along the object's `views_by` it looks so, if there are several views; of angles in radians.
    """

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)
    file: str
    anchor: tuple[float, float]
    angle_deg: float = 0.0
    fineness: int = Field(1, ge=1, le=16)
    size_px: tuple[float, float] | None = None
    at: float | None = None


class ObjectModel(BaseModel):
    """One object, in ``scene.json``. Without sprites it is drawn from shape, size_px (or outline_px) and color_rgb."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)
    id: int = Field(ge=0)
    label: str = ""
    shape: str = ""
    depth: int = 0
    turns: bool = False
    edges: Edges = "soft"
    plain: bool = False
    size_px: tuple[float, float] = (0.0, 0.0)
    color_rgb: tuple[Level, Level, Level] | None = None
    outline_px: list[tuple[float, float]] = Field([], max_length=MOST_CORNERS)
    views_by: ViewsBy = "angle"
    sprites: list[SpriteModel] = Field([], max_length=MOST_VIEWS)


class SceneModel(BaseModel):
    """All of ``scene.json``."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)
    format_version: int = Field(1, ge=1, le=1)
    width: int = Field(gt=0)
    height: int = Field(gt=0)
    plate: str = PLATE
    confidence: str = CONFIDENCE
    exposure_s: float = Field(0.0, ge=0.0, le=60.0)
    video: str = ""
    video_sha256: str = ""
    objects: list[ObjectModel]


def write_scene(scene: Scene, folder: Path, *, overwrite: bool = False) -> None:
    """Raises as `Scene.write` does. What stood there under the same names is replaced; nothing else is touched.

    All of it is written beside the folder first, so that a disk that is full, or an interrupt, leaves what was there as it was.
    """
    check_folder(folder, overwrite=overwrite)
    folder = folder.absolute()
    height, width = scene.confidence.shape
    try:
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", suffix=".part", dir=folder.parent) as name:
            staged = Path(name)
            (staged / "sprites").mkdir()
            write_picture(staged / PLATE, _eight_bit(scene.plate))
            write_picture(staged / CONFIDENCE, _eight_bit(255.0 * scene.confidence))
            objects = [_object_model(thing, _write_sprites(thing, staged)) for thing in scene.objects.values()]
            model = SceneModel(
                format_version=1,
                width=width,
                height=height,
                exposure_s=scene.exposure,
                video=scene.source[0],
                video_sha256=scene.source[1],
                objects=objects,
            )
            (staged / FILE).write_text(model.model_dump_json(indent=2) + "\n", encoding="utf-8")
            (folder / "sprites").mkdir(parents=True, exist_ok=True)
            pictures = [path.relative_to(staged) for path in sorted(staged.rglob("*.png"))]
            # the file that names the others last, so that a folder that has it is whole
            for part in (*pictures, Path(FILE)):
                (staged / part).replace(folder / part)
    except OSError as error:
        raise UsageError(f"the scene can't be written to '{folder}': {why_not_written(error)}") from error


def _write_sprites(thing: SceneObject, folder: Path) -> list[SpriteModel]:
    views = []
    for number, sprite in enumerate(thing.sprites, 1):
        name = f"sprites/{thing.object_id}_{number}.png"
        write_picture(folder / name, _straight(sprite))
        several = len(thing.sprites) > 1
        views.append(
            SpriteModel(
                file=name,
                anchor=sprite.anchor,
                angle_deg=float(np.degrees(sprite.angle)),
                fineness=sprite.fineness,
                size_px=sprite.size if several and np.isfinite(sprite.size).all() else None,
                at=sprite.at if several and np.isfinite(sprite.at) else None,
            )
        )
    return views


def _object_model(thing: SceneObject, sprites: list[SpriteModel]) -> ObjectModel:
    size = tuple(side if np.isfinite(side) else 0.0 for side in thing.size)
    return ObjectModel(
        id=thing.object_id,
        label=thing.label,
        shape=thing.shape,
        depth=thing.depth,
        turns=thing.turns,
        edges=thing.edges,
        plain=thing.plain,
        size_px=(size[0], size[1]),
        color_rgb=None if thing.color is None else thing.color[::-1],
        outline_px=list(thing.outline),
        views_by=thing.views_by,
        sprites=sprites,
    )


def check_folder(folder: Path, *, overwrite: bool) -> None:
    """Raise `UsageError` for what can't become a scene's folder."""
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"'{folder}' is a file: a scene is a folder")
    if not folder.exists() and not folder.absolute().parent.is_dir():
        raise UsageError(f"there is no folder '{folder.parent}' for the scene '{folder}'; make it first, or write somewhere else")
    if folder.is_dir() and any(folder.iterdir()) and not overwrite:
        raise UsageError(f"'{folder}' holds something already; name another folder, or say overwrite=True to replace the scene in it")


def read_scene(folder: Path) -> Scene:
    """Raises as `Scene.read` does."""
    path = folder / FILE
    try:
        if path.stat().st_size > MOST_BYTES:
            raise InputError(f"{path}: {path.stat().st_size} bytes are too many for a scene")
        model = SceneModel.model_validate_json(path.read_bytes())
    except OSError as error:
        if folder.exists() and not folder.is_dir():
            raise InputError(f"'{folder}' is a file; a scene is a folder, and `kinescribe scene` makes one") from None
        raise InputError(f"{path}: {error.strerror or error}; `kinescribe scene` makes one") from None
    except ValidationError as error:
        first = error.errors()[0]
        raise InputError(f"{path}: {_where(first['loc'])}: {first['msg']}") from None
    pictures = Pictures(folder, path)
    plate = pictures.read(model.plate, 3).astype(np.float32)
    if plate.shape[:2] != (model.height, model.width):
        found = f"{plate.shape[1]}×{plate.shape[0]}"
        raise InputError(f"{path}: the plate '{model.plate}' is {found}, the scene {model.width}×{model.height}")
    confidence = pictures.read(model.confidence, 1).astype(np.float32) / 255.0
    if confidence.shape != plate.shape[:2]:
        raise InputError(f"{path}: '{model.confidence}' has another size than the plate")
    objects: dict[int, SceneObject] = {}
    for one in model.objects:
        if one.id in objects:
            raise InputError(f"{path}: object {one.id} stands there twice")
        try:
            objects[one.id] = _object(pictures, one)
        except UsageError as error:
            raise InputError(f"{path}: {error}") from None
    return Scene(plate, confidence, objects, model.exposure_s, (model.video, model.video_sha256))


def _where(places: tuple[int | str, ...]) -> str:
    """A place in the file, in words: things in lists are counted from 1."""
    words = [f"{places[k - 1]} number {place + 1}" if isinstance(place, int) else str(place) for k, place in enumerate(places)]
    named = [word for k, word in enumerate(words) if k + 1 == len(places) or not isinstance(places[k + 1], int)]
    return ", ".join(named) or "the file"


def _object(pictures: Pictures, one: ObjectModel) -> SceneObject:
    return SceneObject(
        one.id,
        one.label,
        one.shape,
        tuple(_sprite(pictures, view) for view in one.sprites),
        one.depth,
        one.turns,
        one.size_px,
        color=None if one.color_rgb is None else one.color_rgb[::-1],
        edges=one.edges,
        outline=tuple(one.outline_px),
        plain=one.plain,
        views_by=one.views_by,
    )


def _sprite(pictures: Pictures, view: SpriteModel) -> Sprite:
    four = pictures.read(view.file, 4).astype(np.float32)
    alpha = four[..., 3] / 255.0
    if not alpha.any():
        raise InputError(f"{pictures.folder / view.file}: all of it is transparent, so that there is nothing to draw")
    own = float("nan")
    return Sprite(
        four[..., :3] * alpha[..., None],
        alpha,
        view.anchor,
        float(np.radians(view.angle_deg)),
        view.fineness,
        view.size_px or (own, own),
        own if view.at is None else view.at,
    )


def _straight(sprite: Sprite) -> NDArray[np.uint8]:
    """RGBA as PNG has it: colours not multiplied by alpha, carried outwards where alpha is 0, so that editing meets no dark rim."""
    color: Float32 = np.asarray(sprite.color / np.maximum(sprite.alpha, 1e-3)[..., None], np.float32)
    covered = sprite.alpha > OPAQUE
    if covered.any():
        color = carried(color, covered)
    return _eight_bit(np.dstack([color, 255.0 * sprite.alpha]))


def _eight_bit(values: NDArray[Any]) -> NDArray[np.uint8]:
    return np.clip(np.asarray(values) + 0.5, 0.0, 255.0).astype(np.uint8)
