"""Makes the pictures of the documentation from real runs: ``python docs/make_images.py``.

``images/demo.png``: the drawn scene of ``kinescribe demo``, extracted with default settings; a frame of the overlay beside y and speed.
``images/predicted.jpg``, ``images/moon.jpg``: frames of what the README's two ``predict-video`` commands make of that scene.
``images/wrong-*``: what comes of the drawn examples of ``wrong_examples.py``; with ``python docs/make_images.py wrong`` these alone.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from PIL import Image
from wrong_examples import EXAMPLES, bounce

import kinescribe as ks
from kinescribe.evaluation.scenes import demo_scene
from kinescribe.renderers import draw_overlay
from kinescribe.renderers.colors import color_of

IMAGES = Path(__file__).parent / "images"
TARGET = IMAGES / "demo.png"
PREDICTED_S = 3.27  # the frame of the predictions that is shown
LAW, ABOUT = "free-fall + walls + discs", "red disc 1, blue disc 1, green disc 1"
QUALITY = 88  # of JPEG
SHOWN_S = 2.3  # the frame that is shown
MOST_BYTES = 400_000
MOST_WRONG_BYTES = 60_000
COLORS = 256  # of the picture: it is half as large as in full colour, and looks the same


def main() -> None:
    """Make all pictures, or those alone of what goes wrong."""
    if sys.argv[1:] != ["wrong"]:
        draw_demo()
    draw_wrong()


def draw_demo() -> None:
    """Run the demonstration and write its picture; end with an error if the file gets too large."""
    scene = demo_scene(seed=0)
    assert scene.pixels_per_unit is not None
    with tempfile.TemporaryDirectory() as folder:
        video, overlay = Path(folder, "video.mp4"), Path(folder, "overlay.mp4")
        scene.write(video)
        states = ks.extract_states(video, calibration=ks.Calibration.from_scale(scene.pixels_per_unit, scene.unit))
        draw_overlay(ks.open_video(video), states, overlay)
        index = int(np.abs(scene.times - SHOWN_S).argmin())
        frame = next(iter(ks.open_video(overlay).sample([index])))
        draw_predictions(video, states, Path(folder))
    figure = compose(frame.image[:, :, ::-1], frame.time_s, states)
    figure.canvas.draw()
    pixels = np.asarray(figure.canvas.buffer_rgba())[:, :, :3]  # type: ignore[attr-defined]
    TARGET.parent.mkdir(exist_ok=True)
    Image.fromarray(pixels).quantize(COLORS, dither=Image.Dither.NONE).save(TARGET, optimize=True)
    size = TARGET.stat().st_size
    print(f"{TARGET}: {size / 1000:.0f} kB, {len(states.object_ids)} objects: {', '.join(states.labels.values())}")
    if size > MOST_BYTES:
        raise SystemExit(f"{TARGET} has {size} bytes; at most {MOST_BYTES} are wanted: lower COLORS")


def draw_predictions(video: Path, states: ks.States, folder: Path) -> None:
    """What comes next beside what came, and what would have come on the Moon."""
    about = [name.strip() for name in ABOUT.split(",")]
    ks.predict_video(video, folder / "predicted.mp4", law=LAW, law_objects=about, seen=2.5, compare="side", trails=True)
    ks.predict_video(
        video,
        folder / "moon.mp4",
        states=states,
        law=LAW,
        law_objects=about,
        do=["gravity=1.62"],
        at=2.5,
        until=4.0,
        ghost=True,
        trails=True,
    )
    for name in ("predicted", "moon"):
        film = ks.open_video(folder / f"{name}.mp4")
        shown = min(film, key=lambda frame: abs(frame.time_s - PREDICTED_S))
        path = IMAGES / f"{name}.jpg"
        Image.fromarray(np.ascontiguousarray(shown.image[:, :, ::-1])).save(path, quality=QUALITY, optimize=True)
        print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


def compose(picture: np.ndarray, time_s: float, states: ks.States) -> Figure:
    """The overlay's frame (H, W, 3) RGB at the left; y and speed of each whole body over time at the right."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figure = Figure(figsize=(13.6, 4.3), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.add_gridspec(2, 2, width_ratios=(1.5, 1))
    left = figure.add_subplot(grid[:, 0])
    left.imshow(picture)
    left.set_axis_off()
    left.set_title(f"kinescribe demo, overlay at {time_s:.2f} s", fontsize=10)
    top = figure.add_subplot(grid[0, 1])
    bottom = figure.add_subplot(grid[1, 1], sharex=top)
    for object_id, label in states.labels.items():
        if states.meta.objects[object_id].part_of is not None:
            continue  # the ends of the rod stand in the overlay; here they would hide the rest
        own = states.of(object_id)
        color = color_of(object_id)
        for axes, values in ((top, own["y"]), (bottom, np.hypot(own["vx"], own["vy"]))):
            axes.plot(own["time_s"], values, color=color, linewidth=0.9, linestyle=":")
            axes.plot(own["time_s"], np.where(own["status"] == "observed", values, np.nan), color=color, linewidth=1.4, label=label)
    for axes, name in ((top, f"y ({states.unit})"), (bottom, f"speed ({states.unit}/s)")):
        for event in states.meta.events:
            axes.axvline(event.time_s, color="0.85", linewidth=0.8, zorder=0)
        axes.axvline(time_s, color="0.35", linewidth=0.8, linestyle="--")
        axes.set_ylabel(name)
        axes.margins(x=0.01)
        axes.grid(alpha=0.25)
    speeds = np.hypot(states["vx"], states["vy"])
    bottom.set_ylim(0, 1.1 * float(np.nanpercentile(speeds, 99)))
    top.tick_params(labelbottom=False)
    top.set_title("grey lines: contacts; dotted: not seen", fontsize=9)
    bottom.set_xlabel("time (s)")
    handles, labels = top.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower right", ncols=4, fontsize=8, frameon=False)
    return figure


def draw_wrong() -> None:
    """Extract the examples of what goes wrong, and write a small picture of each."""
    with tempfile.TemporaryDirectory() as folder:
        seen = Extracted(Path(folder))
        noisy = seen.picture("nothing", 30)
        told = (noisy.astype(float) - np.median(noisy, axis=(0, 1))) * 8 + 128
        save("nothing", [noisy, np.clip(told, 0, 255).astype(np.uint8)])
        named = seen.drawn("shadow", 30, objects="red ball")
        save("shadow", [seen.drawn("shadow", 30), named])
        save("touching", [seen.drawn("touching", 30), seen.drawn("touching", 30, objects="red disc, blue disc")])
        save("new-id", [seen.drawn("hidden", frame) for frame in (50, 170)])
        save("combed", [enlarged(seen.picture("interlaced", 10)[85:145, 90:170])])
        save("cut", [seen.drawn("cut", frame) for frame in (38, 44)])
        save("camera", [seen.drawn("panned", frame) for frame in (5, 40)])
        save("light", [seen.drawn("lamp", frame) for frame in (44, 46)])
        save("hand", [seen.drawn("hand", 45), seen.drawn("hand", 45, objects="red ball")])
        right, wide = seen.states("broken", whole=True), (6.4, 2.2)
        doubled = seen.states("doubled")
        with Plot("repeats", wide, "speed (px/s)") as axes:
            draw_speed(axes, doubled, "each frame twice", "tab:red")
            draw_speed(axes, right, "repeats taken out", "tab:blue")
        with Plot("breaks-off", wide, "x (px)") as axes:
            for states, name, color in ((right, "the whole file", "0.75"), (seen.states("broken"), "what is left of it", "tab:red")):
                ball = moving(states)
                axes.plot(ball["time_s"], ball["x"], color=color, linewidth=2.2, label=name)
        with Plot("factor", wide, "speed (px/s)") as axes:
            draw_speed(axes, right, "as the file says: 1/30 s a frame", "tab:red")
            draw_speed(axes, seen.states("broken", whole=True, frame_interval=1 / 60), "--frame-interval 0.0166667", "tab:blue")
        with Plot("sigma", wide, "σ of x (px)") as axes:
            ball = moving(seen.states("passing"))
            shown = ball["status"] == "observed"
            axes.plot(ball["time_s"], ball["sigma_x"], color="0.8", linewidth=1)
            axes.plot(ball["time_s"][shown], ball["sigma_x"][shown], ".", color="tab:blue", label="measured")
            axes.plot(ball["time_s"][~shown], ball["sigma_x"][~shown], ".", color="tab:red", label="not measured")


class Extracted:
    """What `extract-states` makes of the examples, in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def video(self, name: str, whole: bool = False) -> Path:
        """That of an example; of the broken one, `whole` is how it was before."""
        path = self.folder / f"{name}{'-whole' if whole else ''}.mp4"
        if not path.exists():
            bounce().write(path) if whole else EXAMPLES[name].write(path)
        return path

    def states(self, name: str, whole: bool = False, **options: Any) -> ks.States:
        """The table."""
        return ks.extract_states(self.video(name, whole), **options)

    def picture(self, name: str, frame: int) -> np.ndarray:
        """A frame of the video, (H, W, 3) RGB."""
        return next(iter(ks.open_video(self.video(name)).sample([frame]))).image[:, :, ::-1]

    def drawn(self, name: str, frame: int, **options: Any) -> np.ndarray:
        """The same with what was found in it."""
        overlay = self.folder / "overlay.mp4"
        draw_overlay(ks.open_video(self.video(name)), self.states(name, **options), overlay)
        return next(iter(ks.open_video(overlay).sample([frame]))).image[:, :, ::-1]


class Plot:
    """A block that draws into the axes of a small picture over time, which is saved at its end."""

    def __init__(self, name: str, size: tuple[float, float], what: str) -> None:
        from matplotlib.backends.backend_agg import FigureCanvasAgg

        self.name, self.figure = name, Figure(figsize=size, dpi=100, layout="constrained")
        FigureCanvasAgg(self.figure)
        self.axes = self.figure.add_subplot()
        self.axes.set(xlabel="time (s)", ylabel=what)

    def __enter__(self) -> Any:
        return self.axes

    def __exit__(self, *_: object) -> None:
        self.axes.grid(alpha=0.25)
        self.axes.legend(fontsize=8, frameon=False)
        self.figure.canvas.draw()
        save(self.name, [np.asarray(self.figure.canvas.buffer_rgba())[:, :, :3]], "png")  # type: ignore[attr-defined]


def moving(states: ks.States) -> dict[str, np.ndarray]:
    """The columns of what moves farthest."""
    return max((states.of(number).columns for number in states.object_ids), key=lambda columns: float(np.ptp(columns["x"])))


def draw_speed(axes: Any, states: ks.States, name: str, color: str) -> None:
    """The speed of what moves farthest."""
    ball = moving(states)
    axes.plot(ball["time_s"], np.hypot(ball["vx"], ball["vy"]), color=color, linewidth=1.3, label=name)


def enlarged(image: np.ndarray, times: int = 5) -> np.ndarray:
    """Each pixel as a square."""
    return image.repeat(times, 0).repeat(times, 1)


def save(name: str, images: list[np.ndarray], kind: str = "jpg") -> None:
    """Pictures side by side, a white line between, as a file of the documentation; an error if that gets too large."""
    height = images[0].shape[0]
    between = np.full((height, 6, 3), 255, np.uint8)
    joined = np.concatenate([part for image in images for part in (image, between)][:-1], axis=1)
    picture, path = Image.fromarray(np.ascontiguousarray(joined)), IMAGES / f"wrong-{name}.{kind}"
    if kind == "png":
        picture.quantize(64, dither=Image.Dither.NONE).save(path, optimize=True)
    else:
        picture.save(path, quality=82, optimize=True)
    print(f"{path}: {path.stat().st_size / 1000:.0f} kB")
    if path.stat().st_size > MOST_WRONG_BYTES:
        raise SystemExit(f"{path} has {path.stat().st_size} bytes; at most {MOST_WRONG_BYTES} are wanted")


if __name__ == "__main__":
    main()
