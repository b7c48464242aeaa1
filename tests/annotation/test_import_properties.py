"""Whatever the order, delimiter and digits, the same table; whatever the text, a table or one line."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from foreign_tracks import LAYOUTS, Layout, fall
from hypothesis import given, settings
from hypothesis import strategies as st

from kinescribe.annotation.importing import FORMATS, import_tracks
from kinescribe.errors import KinescribeError
from kinescribe.states import validate

TABLES = [layout for layout in LAYOUTS if layout.suffix in (".csv", ".txt")]
coordinates = st.floats(-1e6, 1e6).map(lambda value: round(value, 6) + 0.0)
sights = st.dictionaries(st.tuples(st.integers(0, 50), st.integers(0, 3)), st.tuples(coordinates, coordinates), min_size=1, max_size=20)


def written(text: str, suffix: str = ".csv") -> Path:
    folder = Path(tempfile.mkdtemp(prefix="kinescribe-import-"))
    path = folder / f"tracks{suffix}"
    path.write_text(text, encoding="utf-8")
    return path


def thrown_away(path: Path) -> None:
    path.unlink()
    path.parent.rmdir()


def faults(path: Path, **options: Any) -> list[str]:
    """What is wrong with the table that is read, or with the message that says why there is none."""
    try:
        states = import_tracks(path, **options)
    except KinescribeError as error:
        return [str(error)] if len(str(error).splitlines()) > 1 else []
    return [str(problem) for problem in validate(states) if problem.severity == "error"]


def number(value: float, comma: bool) -> str:
    text = repr(value)
    return text.replace(".", ",") if comma else text


@settings(max_examples=40)
@given(sights, st.sampled_from([(",", False), (";", False), (";", True), ("\t", True)]), st.randoms(use_true_random=False))
def test_trackpy_rows_in_any_order_and_dialect(seen, dialect, chance):
    mark, comma = dialect
    rows = [mark.join([str(frame), number(x, comma), number(y, comma), str(one)]) for (frame, one), (x, y) in seen.items()]
    chance.shuffle(rows)
    path = written("\r\n".join([mark.join(["frame", "x", "y", "particle"]), *rows]))
    states = import_tracks(path, frame_interval=0.5, smooth=False)
    thrown_away(path)
    keys = list(zip(states["frame"].tolist(), states["object_id"].tolist(), strict=True))
    assert keys == sorted(seen)
    np.testing.assert_array_equal(np.stack([states["x_px"], states["y_px"]], axis=1), [seen[key] for key in keys])


@settings(max_examples=40)
@given(sights, st.sampled_from(["sleap", "deeplabcut"]))
def test_pose_tables_hold_every_point(seen, format):
    frames = sorted({frame for frame, _ in seen})
    cells = {frame: [seen.get((frame, one), ("", "")) for one in range(4)] for frame in frames}
    if format == "sleap":
        head = ["track,frame_idx,instance.score," + ",".join(f"n{k}.x,n{k}.y" for k in range(4))]
        rows = [f"a,{frame},1," + ",".join(f"{x},{y}" for x, y in points) for frame, points in cells.items()]
    else:
        head = ["scorer" + ",net" * 8, "bodyparts" + "".join(f",n{k},n{k}" for k in range(4)), "coords" + ",x,y" * 4]
        rows = [f"{frame}," + ",".join(f"{x},{y}" for x, y in points) for frame, points in cells.items()]
    path = written("\n".join([*head, *rows]))
    states = import_tracks(path, frame_interval=1, smooth=False)
    thrown_away(path)
    found = {
        (int(frame), int(name[-1])): (x, y)
        for frame, name, x, y in zip(states["frame"], states["label"], states["x"], states["y"], strict=True)
    }
    assert found == seen


@settings(max_examples=60)
@given(
    st.sampled_from(sorted(FORMATS)),
    st.sampled_from(["", "{", "<", "frame,particle,x,y\n", "t\tx\ty\n", "track,frame_idx,a.x,a.y\n"]),
    st.text(),
)
def test_any_text_is_a_table_or_one_line(format, start, text):
    path = written((start + text).encode("utf-8", "replace").decode())
    for name in ("auto", format):
        assert not faults(path, format=name, frame_interval=0.1, unit="px" if name == "tracker" else None)
    thrown_away(path)


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.name)
@settings(max_examples=25)
@given(data=st.data())
def test_a_file_with_something_changed_is_a_table_or_one_line(layout: Layout, data):
    text = layout.write(fall(count=6))
    place = data.draw(st.integers(0, len(text)))
    cut = data.draw(st.integers(0, 8))
    path = written((text[:place] + data.draw(st.text(max_size=4)) + text[place + cut :]).encode("utf-8", "replace").decode(), layout.suffix)
    assert not faults(path, **layout.options)
    thrown_away(path)
