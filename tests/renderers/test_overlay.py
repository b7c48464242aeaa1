from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kinescribe.errors import UsageError
from kinescribe.evaluation.scenes import many_discs, two_pucks_collision
from kinescribe.renderers import draw_overlay
from kinescribe.renderers import overlay as overlay_module
from kinescribe.renderers.colors import COLORS, color_of, text_color_of
from kinescribe.states import States
from kinescribe.video import open_video


def bgr(color: str) -> np.ndarray:
    return np.array([int(color[i : i + 2], 16) for i in (5, 3, 1)], float)


def near(image: np.ndarray, color: str, tolerance: float = 60.0) -> np.ndarray:
    """Pixels that look like a colour; the video's chroma is halved, so lines blur."""
    return np.linalg.norm(image.astype(float) - bgr(color), axis=-1) < tolerance


def overlay(tmp_path: Path, scene, table: States) -> list[np.ndarray]:
    scene.write(tmp_path / "video.mp4")
    draw_overlay(open_video(tmp_path / "video.mp4"), table, tmp_path / "overlay.mp4")
    return [frame.image for frame in open_video(tmp_path / "overlay.mp4")]


def test_frames_and_time_stamps_are_kept(tmp_path, table_of):
    scene = two_pucks_collision(frame_count=8)
    overlay(tmp_path, scene, table_of(scene))
    before = [frame.time_s for frame in open_video(tmp_path / "video.mp4")]
    after = [frame.time_s for frame in open_video(tmp_path / "overlay.mp4")]
    assert after == pytest.approx(before, abs=1e-4)


def test_boxes_labels_and_trails_are_drawn_where_the_objects_are(tmp_path, table_of):
    scene = many_discs(n=1, frame_count=12)
    table = table_of(scene)
    drawn = overlay(tmp_path, scene, table)
    plain = [frame.image for frame in open_video(tmp_path / "video.mp4")]
    truth = next(iter(scene.truth.values()))
    last, color = len(drawn) - 1, color_of(1)
    changed = np.abs(drawn[last].astype(int) - plain[last].astype(int)).max(axis=-1) > 40
    ys, xs = np.nonzero(changed)
    x, y = truth.positions[last]
    assert abs(xs - x).max() < 120
    assert abs(ys - y).max() < 120
    assert near(drawn[last], color).sum() > 50
    start_x, start_y = np.round((truth.positions[0] + truth.positions[last]) / 2).astype(int)
    assert changed[start_y - 3 : start_y + 4, start_x - 3 : start_x + 4].any(), "no trail halfway back"


def test_what_is_not_seen_is_dimmed(tmp_path, table_of):
    scene = many_discs(n=1, frame_count=6)
    seen = overlay(tmp_path, scene, table_of(scene))
    hidden = overlay(tmp_path, scene, table_of(scene, hidden=(5,)))
    assert near(hidden[4], color_of(1)).sum() == pytest.approx(near(seen[4], color_of(1)).sum(), rel=0.05)
    assert near(hidden[5], color_of(1)).sum() < near(seen[5], color_of(1)).sum() / 2
    assert np.abs(hidden[5].astype(int) - hidden[4].astype(int)).max() > 40


def test_rows_without_a_box_or_a_place(tmp_path, table_of):
    scene = many_discs(n=2, frame_count=5)
    table = table_of(scene)
    columns = {name: values.copy() for name, values in table.columns.items()}
    first = columns["object_id"] == 1
    for name in ("bbox_x", "bbox_y", "bbox_w", "bbox_h"):
        columns[name][first] = np.nan
    columns["x_px"][~first] = np.nan
    drawn = overlay(tmp_path, scene, States.from_columns(columns, table.meta))
    assert near(drawn[2], color_of(1)).any()


def test_another_video_is_refused(tmp_path, table_of):
    scene = two_pucks_collision(frame_count=3)
    two_pucks_collision(frame_count=3, width=160, height=120).write(tmp_path / "other.mp4")
    with pytest.raises(UsageError, match="160×120"):
        draw_overlay(open_video(tmp_path / "other.mp4"), table_of(scene), tmp_path / "overlay.mp4")
    assert not (tmp_path / "overlay.mp4").exists()


def test_progress_is_told(tmp_path, table_of):
    scene = two_pucks_collision(frame_count=4)
    scene.write(tmp_path / "video.mp4")
    told: list[tuple[str, int]] = []
    draw_overlay(
        open_video(tmp_path / "video.mp4"),
        table_of(scene),
        tmp_path / "o.mp4",
        progress=lambda stage, done, total: told.append((stage, done)),
    )
    assert told == [("overlay", done) for done in (1, 2, 3, 4)]


def test_colours_depend_on_the_id_alone_and_can_be_read():
    assert color_of(1) == color_of(1 + len(COLORS)) != color_of(2)

    def luminance(color: str) -> float:
        parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    for color in COLORS:
        lighter, darker = sorted((luminance(color), luminance(text_color_of(color))), reverse=True)
        assert (lighter + 0.05) / (darker + 0.05) > 3, f"{text_color_of(color)} on {color}"  # WCAG's least contrast for large text


def relabelled(table: States, label: str) -> States:
    columns = table.columns | {"label": np.full(len(table.columns["label"]), label, object)}
    return States.from_columns(columns, table.meta)


@pytest.mark.parametrize("label", ["μπάλα", "шар", "bålle"])
def test_letters_beyond_ascii_are_written(tmp_path, table_of, label):
    """Labels of as many letters differ where the letters do; question marks for all of them would not."""
    scene = many_discs(n=1, frame_count=2, radius=14)
    table = table_of(scene)
    written = overlay(tmp_path, scene, relabelled(table, label))[0].astype(int)
    other = overlay(tmp_path, scene, relabelled(table, "".join("ж" if ord(c) > 127 else c for c in label)))[0].astype(int)
    assert (np.abs(written - other).max(axis=-1) > 60).sum() > 5


def test_what_no_font_can_write_is_left_to_the_id_and_told(tmp_path, table_of, monkeypatch):
    scene = many_discs(n=1, frame_count=2, radius=14)
    table = table_of(scene)
    monkeypatch.setattr(overlay_module, "font_for", lambda text, *, shaping: None)
    with pytest.warns(UserWarning, match="红球.*ids alone") as caught:
        drawn = overlay(tmp_path, scene, relabelled(table, "红球"))
    assert len(caught) == 1
    plain = overlay(tmp_path, scene, relabelled(table, ""))
    assert all(np.array_equal(a, b) for a, b in zip(drawn, plain, strict=True))
