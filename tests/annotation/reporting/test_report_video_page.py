"""The page of a video: the same bytes each time, one file, and whatever the table holds."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np
import pytest
from report_tables import FRAMES, calm, entry, film, meta, row, table, troubled

from kinescribe.annotation.reporting import check_pages, summarise, write_video_page
from kinescribe.annotation.reporting.gathered import gathered
from kinescribe.errors import InputError, UsageError
from kinescribe.states import Calibration, Metadata, States
from kinescribe.states.metadata import VideoMeta
from kinescribe.video import Video

EVIL = "<script>alert(1)</script>{{ 7*7 }}\"'&\u202e"


def page(states: States, video: Video | None, folder: Path, command: str | None = None) -> str:
    write_video_page(states, video, folder / "page.html", command=command)
    return (folder / "page.html").read_text(encoding="utf-8")


def words(text: str) -> str:
    """What a reader sees of it, without scripts and styles."""
    bare = re.sub(r"<(script|style)\b.*?</\1>", " ", text, flags=re.S)
    return " ".join(re.sub(r"<[^>]+>", " ", bare).split())


def test_the_page_tells_what_the_table_holds(tmp_path: Path):
    text = page(troubled(), film(), tmp_path, command="extract-states 'my film.mp4'")
    told = words(text)
    assert "2 cart: seen in 10 of 14 frames, 2 gaps, the longest of 3 frames" in told
    assert "the light flickers" in told
    assert "1 further object of the table is a point of a body (an end, a pivot), not counted here." in told
    assert "1 sudden change of velocity" in told
    assert "1 ball and 2 cart" in told
    assert "ghost 2 to 5 not there" in told
    assert "extract-states &#39;my film.mp4&#39;" in text
    assert "classical" in told
    assert "Nothing does" not in told


def test_a_page_has_the_name_and_the_way_home_that_are_given(tmp_path: Path):
    target = tmp_path / "page.html"
    write_video_page(calm(), film(), target, name="cam 1/<ball>.mp4", home="../../../report.html")
    text = target.read_text(encoding="utf-8")
    assert '<h1 dir="auto">cam 1/&lt;ball&gt;.mp4</h1>' in text
    assert "<title>cam 1/&lt;ball&gt;.mp4</title>" in text
    assert re.findall(r'href="(?!data:)([^"]*)"', text) == ["./../../../report.html"]
    write_video_page(calm(), film(), target, name="cam 1/<ball>.mp4", home="../../../report.html")
    assert target.read_text(encoding="utf-8") == text
    write_video_page(calm(), film(), target, name="\n", home="javascript:alert(1)")
    text = target.read_text(encoding="utf-8")
    assert '<h1 dir="auto">film.mp4</h1>' in text
    assert re.findall(r'href="(?!data:)([^"]*)"', text) == ["./javascript%3Aalert%281%29"]


def test_a_calm_page_says_so(tmp_path: Path):
    told = words(page(calm(), film(), tmp_path))
    assert "Nothing does: no warning" in told
    assert "extract-states" not in told


def test_the_same_table_makes_the_same_bytes_without_a_trace_of_where(tmp_path: Path):
    (tmp_path / "other").mkdir()
    one, two = page(troubled(), film(), tmp_path), page(troubled(), film(), tmp_path / "other")
    assert one == two
    assert str(tmp_path) not in one


def test_it_is_one_file_that_asks_for_nothing(tmp_path: Path):
    text = page(troubled(), film(), tmp_path)
    assert re.findall(r"\b(?:src|href)=\"(?!data:)[^\"]*", text) == []
    assert not re.search(r"https?://|url\(|@import|<iframe|<object|<embed", text)
    assert "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'" in text
    assert not re.search(r"\son\w+=", text), "no handlers in attributes"


@pytest.mark.parametrize("where", ["label", "review", "warning", "video", "configuration", "command"])
def test_strange_texts_are_shown_as_text(tmp_path: Path, where: str):
    about = meta(
        warnings=[EVIL] if where == "warning" else [],
        configuration={"objects": EVIL} if where == "configuration" else {},
        video=VideoMeta(name=EVIL if where == "video" else "film.mp4", width=96, height=64, frame_count=FRAMES),
    )
    rows = [row(frame, label=EVIL if where == "label" else "", review=EVIL if where == "review" else "") for frame in range(3)]
    text = page(table(rows, about), film(), tmp_path, command=EVIL if where == "command" else None)
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;{{ 7*7 }}" in text
    assert text.count("</script>") == 2, "the data and the script end where they should"


@pytest.mark.parametrize("video", [None, film()])
def test_it_copes_with_tables_of_next_to_nothing(tmp_path: Path, video: Video | None):
    nothing = words(page(table([], Metadata()), video, tmp_path))
    assert "no object was found" in nothing
    bare = {"frame": [0, 1], "time_s": [0.0, 0.1], "object_id": [4, 4], "x": [np.nan] * 2, "y": [np.nan] * 2}
    unknown = page(States.from_columns(bare), video, tmp_path)
    assert "nan" not in words(unknown).lower()
    one = page(States.from_columns(bare | {"x": [1e300, -1e300], "y": [0.0, 5.0]}), video, tmp_path)
    assert not re.search(r"\b(nan|inf)\b", one)


def test_a_video_that_is_not_at_hand_is_said(tmp_path: Path):
    told = words(page(calm(), None, tmp_path))
    assert "The video was not at hand" in told
    assert "Paths on one scale" in told
    assert "Paths over frame" in words(page(calm(), film(), tmp_path))


def test_partial_videos_and_their_unit_are_told(tmp_path: Path):
    about = meta(partial="breaks off after frame 2", calibration=Calibration.from_scale(20.0, "cm"))
    text = page(table([row(0, x_px=np.nan, y_px=np.nan)], about), film(), tmp_path)
    assert text.count('class="curve dots"') == 3, "a lone row is a dot in every drawing"
    told = words(text)
    assert "breaks off after frame 2" in told
    assert "path (cm)" in told


def test_a_crowd_is_capped_and_said(tmp_path: Path):
    rows = [row(frame, i, label="x" * 300, x=float(frame * i), x_px=float(i % 90), y_px=30.0) for i in range(1, 201) for frame in range(3)]
    text = page(table(rows), film(), tmp_path)
    told = words(text)
    assert "The 12 of 200 objects with the longest paths." in told
    assert "40 of 200 objects: those that want a look" in told
    assert len(re.findall(r"<tr>\s*<td class=\"n\"><span class=\"swatch\"", text)) == 40
    assert text.count('"s":"#') == 200
    assert len(text) < 1_500_000


def test_jinja2_that_is_missing_is_told_with_its_install_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(UsageError, match=r"need jinja2: pip install 'kinescribe\[report\]'"):
        check_pages()
    with pytest.raises(UsageError, match="jinja2"):
        write_video_page(calm(), None, tmp_path / "page.html")


def test_wrong_arguments_are_told_and_nothing_is_left(tmp_path: Path):
    with pytest.raises(InputError, match=r"gone\.mp4"):
        write_video_page(calm(), tmp_path / "gone.mp4", tmp_path / "page.html")
    with pytest.raises(UsageError, match="cannot write"):
        write_video_page(calm(), None, tmp_path / "nowhere" / "page.html")
    with pytest.raises(UsageError, match=r"kinescribe\.States"):
        write_video_page("states.csv", None, tmp_path / "page.html")  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def test_spans_count_the_frames_that_were_looked_at(tmp_path: Path):
    """With a stride the others are as good as not there, in every figure alike."""
    about = meta(configuration={"frames_read": {"first": 0, "last": 18, "stride": 2}})
    states = table([row(frame) for frame in range(0, 20, 2) if frame not in (4, 6, 8, 10)], about)
    told = words(page(states, film(), tmp_path))
    assert "seen in 6 of 10 frames, 1 gap, the longest of 4 frames" in told
    assert "seen, of their spans 60 %" in told
    rows = gathered([entry("film.mp4", summary=summarise(states))]).rows
    assert any('"60 %"' in one for ordered in rows.values() for one in ordered)
