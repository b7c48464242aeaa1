"""Makes the pictures of the documentation from real runs: ``python docs/make_images.py``.

``images/demo.png``: the drawn scene of ``kinescribe demo``, extracted with default settings; a frame of the overlay beside y and speed.
``images/predicted.jpg``, ``images/moon.jpg``: frames of what the README's two ``predict-video`` commands make of that scene.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

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
COLORS = 256  # of the picture: it is half as large as in full colour, and looks the same


def main() -> None:
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


if __name__ == "__main__":
    main()
