"""The page of a data set: counts, failures by reason, a table of everything, and bounds."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from report_tables import entry, summary, table, troubled

from kinescribe.annotation.reporting import Entry, write_dataset_page
from kinescribe.annotation.reporting.gathered import MOST_THUMBNAILS, failures_of, gathered, slowest_of
from kinescribe.annotation.reporting.templates import link_to
from kinescribe.errors import UsageError

JPEG = bytes(cv2.imencode(".jpg", np.zeros((4, 4, 3), np.uint8))[1].tobytes())


def page(entries: Any, folder: Path, **more: Any) -> str:
    options: dict[str, Any] = {"title": "falling things", "command": "kinescribe annotate films -o dataset"} | more
    write_dataset_page(entries, folder / "report.html", **options)
    return (folder / "report.html").read_text(encoding="utf-8")


def words(text: str) -> str:
    bare = re.sub(r"<(script|style)\b.*?</\1>", " ", text, flags=re.S)
    return " ".join(re.sub(r"<[^>]+>", " ", bare).split())


def data(text: str, which: str = "data") -> Any:
    found = re.search(rf'<script type="application/json" id="videos-{which}">(.*?)</script>', text, flags=re.S)
    assert found is not None
    return json.loads(found[1])


def mixed() -> list[Entry]:
    return [
        entry("a.mp4", summary=summary(), thumbnail=JPEG, page="states/a.mp4/report.html", seconds=3.0),
        entry("b.mp4", summary=summary(troubled()), thumbnail=JPEG, seconds=9.0),
        entry("c 1.mp4", state="failed", reason="'c 1.mp4': took longer than 60 s", seconds=60.0),
        entry("c 2.mp4", state="failed", reason="'c 2.mp4': took longer than 61 s", seconds=61.0),
        entry("d.mp4", state="failed", reason="ended by signal 11", seconds=None),
        entry("e.mp4", state="duplicate", reason="the same bytes as a.mp4", seconds=None),
        entry("f.mp4", state="queued", seconds=None),
    ]


def test_headline_failures_and_slowest(tmp_path: Path):
    told = words(page(mixed(), tmp_path, warnings=["two links were not followed"], formats={"coco": {"images": 12}, "mot": "mot/"}))
    assert "videos 7 done 2 failed 3 queued 1 duplicate 1 want a look 4 objects 3 and 1 point of bodies rows of the tables 56" in told
    assert "two links were not followed" in told
    assert told.index("2 × took longer than … s") < told.index("1 × ended by signal 11")
    assert told.index("Failed videos") < told.index("Slowest videos")
    slowest = told[told.index("Slowest videos") :]
    assert slowest.index("c 2.mp4") < slowest.index("c 1.mp4") < slowest.index("b.mp4") < slowest.index("a.mp4")
    assert "d.mp4" not in slowest
    assert "coco {&#34;images&#34;: 12} mot mot/" in told


def test_rows_are_in_the_order_in_which_they_matter(tmp_path: Path):
    rows = data(page(mixed(), tmp_path))["rows"]
    assert [row["c"][0] for row in rows] == ["c 1.mp4", "c 2.mp4", "d.mp4", "f.mp4", "b.mp4", "a.mp4", "e.mp4"]
    by_name = {row["c"][0]: row for row in rows}
    assert [by_name[name]["l"] for name in ("a.mp4", "b.mp4", "c 1.mp4", "e.mp4", "f.mp4")] == [0, 1, 1, 0, 0]
    assert by_name["b.mp4"]["c"][3] == "the light flickers (and 5 more)"
    assert by_name["a.mp4"]["n"] == [1, 20, 20, 1.0, 0, 0, 3.0]
    assert by_name["f.mp4"]["n"] == [None] * 7
    assert by_name["a.mp4"]["h"] == "./states/a.mp4/report.html"
    assert by_name["e.mp4"]["c"][3] == "the same bytes as a.mp4"


def test_counts_of_objects():
    found = gathered(iter(mixed()))
    assert found.labels == {"ball": 2, "cart": 1}
    assert found.verdicts == {"yes": 1, "unsure": 1, "unchecked": 1}
    assert found.coverage == [0] * 7 + [1, 0, 2]
    assert found.gaps == [2, 0, 1, 0, 0, 0, 0]


def test_objects_of_videos_that_are_not_done_do_not_count():
    found = gathered([entry("a.mp4", state="running", summary=summary()), entry("b.mp4", state="duplicate", summary=summary())])
    assert (found.objects, sum(found.labels.values()), found.videos) == (0, 0, 2)


def test_the_ten_slowest_are_named_in_whatever_order_they_come():
    for order in (range(30), reversed(range(30))):
        named = [one["name"] for one in slowest_of(gathered(entry(f"{i}.mp4", seconds=float(i)) for i in order))]
        assert named == [f"{i}.mp4" for i in range(29, 19, -1)]


def test_a_video_that_is_done_and_not_whole_wants_a_look():
    found = gathered([entry("a.mp4", reason="breaks off after frame 9", summary=summary())])
    assert (found.wanting, found.failures) == (1, {})


def test_a_video_that_is_done_without_a_summary_wants_a_look(tmp_path: Path):
    [row] = data(page([entry("a.mp4")], tmp_path))["rows"]
    assert (row["l"], row["c"][3]) == (1, "its summary is not there, or can't be read")
    assert gathered([entry("a.mp4", state="queued")]).wanting == 0


def test_none_failed_and_none_at_all(tmp_path: Path):
    assert "None failed." in words(page([entry("a.mp4")], tmp_path))
    nothing = page([], tmp_path)
    assert "videos 0" in words(nothing)
    assert data(nothing)["rows"] == []


def test_strange_names_stay_text_and_links_stay_relative(tmp_path: Path):
    name = '</script><img src=x onerror="alert(1)">\n\udcff مرحبا.mp4'
    text = page([entry(name, state="failed", reason=name, page=name, command=f"run '{name}'")], tmp_path, title=name, command=name)
    assert "<img src=x" not in text
    assert text.count("</script>") == 3, "the data, the thumbnails and the script end where they should"
    [row] = data(text)["rows"]
    assert row["c"][0].startswith('</script><img src=x onerror="alert(1)"> ')
    assert re.fullmatch(r"\./[\w/.%-]+", row["h"])


@pytest.mark.parametrize(
    ("page_path", "link"),
    [
        (None, ""),
        ("states/a b#1?.mp4/report.html", "./states/a%20b%231%3F.mp4/report.html"),
        ("javascript:alert(1)", "./javascript%3Aalert%281%29"),
        ("//evil.example/x", "./evil.example/x"),
        ("states/\udcff.mp4/report.html", "./states/%FF.mp4/report.html"),
    ],
)
def test_links(page_path: str | None, link: str):
    assert link_to(page_path) == link


def test_thumbnails_of_what_wants_a_look_come_first_and_the_rest_is_said(tmp_path: Path):
    def entries() -> Iterator[Entry]:
        calm_one, troubled_one = summary(), summary(troubled())
        for i in range(3 * MOST_THUMBNAILS):
            yield entry(f"{i}.mp4", summary=troubled_one if i % 9 == 8 else calm_one, thumbnail=JPEG)

    text = page(entries(), tmp_path)
    thumbnails = data(text, "thumbs")
    assert len(thumbnails) == MOST_THUMBNAILS
    assert {str(i) for i in range(8, 3 * MOST_THUMBNAILS, 9)} <= thumbnails.keys()
    assert base64.b64decode(thumbnails["8"]) == JPEG
    assert f"{MOST_THUMBNAILS} of {3 * MOST_THUMBNAILS} thumbnails are in this page" in words(text)
    assert len(data(text)["rows"]) == 3 * MOST_THUMBNAILS
    assert len(re.findall(r"<tr><td class=\"text name\"", text)) == 100


@pytest.mark.parametrize("odd", [b"<svg onload=alert(1)>", b"", b"\xff\xd8" + bytes(10**6)])
def test_what_is_no_small_jpeg_is_no_thumbnail(odd: bytes):
    assert gathered([entry("a.mp4", thumbnail=odd)]).thumbnails == {}


def test_failures_of_one_video_each_are_one_group_where_they_are_of_one_kind(tmp_path: Path):
    reasons = {
        "a.mp4": "unreadable: 'a.mp4' is empty",
        "b.mp4": "unreadable: 'b.mp4' holds no video stream",
        "c.mp4": "timeout: took longer than 60 s",
        "d 1.mp4": "memory: 'd 1.mp4' filled more than 2 GB",
        "d 2.mp4": "memory: 'd 2.mp4' filled more than 2 GB",
        "e.mp4": "'quoted: odd'",
        "f.mp4": "'quoted: too'",
    }
    entries = [entry(name, state="failed", reason=reason) for name, reason in reasons.items()]
    groups = [(group.kind, [video["name"] for video in group.videos]) for group in failures_of(gathered(entries))]
    assert groups == [
        ("memory: … filled more than … GB", ["d 1.mp4", "d 2.mp4"]),
        ("unreadable, each for a reason of its own", ["a.mp4", "b.mp4"]),
        ("…", ["e.mp4", "f.mp4"]),
        ("timeout: took longer than 60 s", ["c.mp4"]),
    ]
    told = words(page(entries, tmp_path))
    assert "holds no video stream" in told
    assert told.count("took longer than 60 s") == 2, "once as the group's title, once in the table"


def test_time_of_what_an_earlier_run_made_is_not_known_and_said(tmp_path: Path):
    entries = [entry("a.mp4", seconds=3.0), entry("b.mp4", seconds=None), entry("c.mp4", state="queued", seconds=None)]
    assert "time worked, all workers 3 s not known of 1" in words(page(entries, tmp_path))


def test_failures_are_grouped_within_bounds(tmp_path: Path):
    many = [entry(f"{i}.mp4", state="failed", reason=f"took longer than {i} s") for i in range(70)]
    kinds = [entry(f"k{i}.mp4", state="failed", reason="reason " + "x" * i) for i in range(50)]
    found = gathered([*many, *kinds])
    assert sum(group.count for group in found.failures.values()) == 120
    assert len(found.failures) <= 31
    told = words(page([*many, *kinds], tmp_path))
    assert "70 × took longer than … s" in told
    assert "and 50 more: filter the table below by the state “failed”" in told
    assert "21 × other reasons" in told


def test_labels_beyond_the_first_are_counted_together(tmp_path: Path):
    labelled = []
    for i in range(300):
        states = table([{"frame": 0, "time_s": 0.0, "object_id": 1, "x": 1.0, "y": 1.0, "label": f"thing {i:03d}"}])
        labelled.append(entry(f"{i}.mp4", summary=summary(states)))
    text = page(labelled, tmp_path)
    assert "280 further labels" in words(text)
    assert "the 200 most frequent of 300 labels" in words(text)


def test_the_same_entries_make_the_same_bytes_and_ask_for_nothing(tmp_path: Path):
    one = page(mixed(), tmp_path)
    assert page(iter(mixed()), tmp_path) == one
    assert not re.search(r"https?://|url\(|@import", one)
    assert "default-src 'none'" in one


def test_what_is_no_entry_is_refused_and_nothing_is_left(tmp_path: Path):
    for odd in ("a.mp4", entry("a.mp4", state="asleep")):
        with pytest.raises(UsageError, match=r"entry 1 of the report is .*failed, running"):
            page([entry("b.mp4"), odd], tmp_path)
    for seconds in (float("nan"), float("inf"), -1.0):
        with pytest.raises(UsageError, match=r"'a\.mp4' took .* seconds"):
            page([entry("a.mp4", seconds=seconds)], tmp_path)
    assert list(tmp_path.iterdir()) == []
