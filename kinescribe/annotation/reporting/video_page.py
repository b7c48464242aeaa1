"""The page of one video: what its table says, what wants a look, and pictures to look at."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from kinescribe.annotation.reporting.courses import MOST_CURVES, courses_of, over_picture, over_time, over_world
from kinescribe.annotation.reporting.looking import named, reasons_to_look
from kinescribe.annotation.reporting.moments import Moment, moments
from kinescribe.annotation.reporting.object_rows import object_columns, object_rows
from kinescribe.annotation.reporting.pictures import Shot, Shots, last_frame_of, opened, take_shots
from kinescribe.annotation.reporting.strips import strips
from kinescribe.annotation.reporting.summarising import summarise
from kinescribe.annotation.reporting.summary import Summary
from kinescribe.annotation.reporting.templates import check_pages, link_to, write_page
from kinescribe.annotation.reporting.words import count, number, percent, seconds
from kinescribe.llm.text import one_line
from kinescribe.renderers.arguments import output_path
from kinescribe.renderers.colors import color_of
from kinescribe.states import States

if TYPE_CHECKING:
    from kinescribe.video import Video

__all__ = ["write_video_page"]

SPREAD, FLAGGED = 6, 6  # pictures over the video, and of what is flagged
PICTURE_WIDTH = 640
MOST_LINES = 200  # contacts, and things left out, that are listed


def write_video_page(
    states: States,
    video: Video | str | os.PathLike[str] | None,
    path: str | os.PathLike[str],
    *,
    command: str | None = None,
    name: str | None = None,
    home: str | None = None,
) -> None:
    """Write one self-contained HTML page on a video: the same bytes for the same table, video, command, name and home.

    The video is decoded once, up to the last frame that is shown, and never held.

    Args:
        states: the table.
        video: that it was made from, open or its path; None where it isn't at hand: the page then has no pictures, and says so.
        path: of the page; written whole or not at all.
        command: the line that makes the table again, shown to be copied.
        name: what the video is called, such as its relative path in a data set; None: its file name.
        home: relative path from this page to that of its data set, "/" between folders, not yet quoted for links; None: no link is shown.

    Raises:
        UsageError: jinja2 is missing, the video has another size than the table's, or the file can't be written.
        InputError: the video can't be read.
    """
    check_pages()
    summary = summarise(states)
    target = output_path("report", path)
    source = None if video is None else opened(video)
    shown = moments(states, SPREAD, FLAGGED, None if source is None else last_frame_of(source))
    background = shown[len(shown) // 2].frame if shown else None
    shots = Shots() if source is None else take_shots(source, states, [one.frame for one in shown], PICTURE_WIDTH, plain=background)
    called = one_line(name or "", 300) or summary.video or ("" if source is None else one_line(source.info.name))
    content = {
        "title": called or "A table of states",
        "home": link_to(home),
        "facts": _facts(summary),
        "reasons": reasons_to_look(summary),
        "object_columns": object_columns(summary.unit),
        "object_rows": object_rows(summary),
        "points": _points(summary),
        **_pictures(shown, shots, missing=source is None),
        **_curves(states, summary, source, None if background is None else shots.by_frame.get(background)),
        **_timeline(states, summary),
        **_contacts(states),
        **_left_out(summary),
        "command": command,
        "settings": _settings(states),
        "unit": f" ({summary.unit})" if summary.unit else "",
    }
    write_page("video.html.j2", content, target)


def _facts(summary: Summary) -> list[dict[str, str]]:
    seen, spans = sum(one.observed for one in summary.objects), sum(one.span for one in summary.objects)
    size = f"{summary.width} × {summary.height} px" if summary.width else "–"
    facts = [
        ("objects", f"{len(summary.objects):,}", f"and {count(summary.points, 'point')}" if summary.points else ""),
        ("seen, of their spans", percent(seen / spans if spans else None), ""),
        ("rows", f"{summary.rows:,}", ""),
        ("flagged rows", f"{sum(one.flagged for one in summary.objects) + summary.points_flagged:,}", ""),
        ("contacts", f"{summary.contacts:,}", ""),
        ("frames", "–" if summary.frames is None else f"{summary.frames:,}", ""),
        ("duration", seconds(summary.duration_s), ""),
        ("frame rate", number(summary.frame_rate), "a second" if summary.frame_rate else ""),
        ("picture", size, ""),
        ("unit of length", summary.unit or "not known", ""),
    ]
    return [{"name": name, "value": value, "more": more} for name, value, more in facts]


def _points(summary: Summary) -> str:
    if not summary.points:
        return ""
    which = "is a point of a body (an end, a pivot)" if summary.points == 1 else "are points of bodies (ends, pivots)"
    return f"{count(summary.points, 'further object')} of the table {which}, not counted here."


def _pictures(shown: Sequence[Moment], shots: Shots, *, missing: bool) -> dict[str, Any]:
    notes = [one_line(note, 400) for note in shots.notes]
    if missing:
        notes = ["The video was not at hand when this page was written, so there are no pictures."]
    pictures = [
        {
            "frame": one.frame,
            "time": f"{one.time_s:.3f}",
            "seen": one.seen,
            "flags": one.flags,
            "data": base64.b64encode(shot.drawn).decode("ascii"),
            "width": shot.width,
            "height": shot.height,
        }
        for one in shown
        if (shot := shots.by_frame.get(one.frame)) is not None
    ]
    return {"picture_notes": notes, "pictures": pictures, "flagged_pictures": any(one.flags for one in shown)}


def _curves(states: States, summary: Summary, video: Video | None, shot: Shot | None) -> dict[str, Any]:
    """Paths over a picture where there is one and the table says where in it things were, else between axes; and x and y over time."""
    courses = courses_of(states, summary.objects)
    calibration = states.meta.calibration
    down = calibration is None or not calibration.y_up
    unit = f" ({summary.unit})" if summary.unit else ""
    total = len(summary.objects)
    names = {one.object_id: named(one) for one in summary.objects}
    content: dict[str, Any] = {
        "curves_shown": bool(courses),
        "curves_told": f"The {MOST_CURVES} of {total} objects with the longest paths." if total > MOST_CURVES else "",
        "legend": [{"id": one.object_id, "name": names[one.object_id], "color": color_of(one.object_id)} for one in courses],
        "over_time_x": over_time(courses, "x", f"x{unit}", down=False),
        "over_time_y": over_time(courses, "y", f"y{unit}", down=down),
    }
    if video is None or shot is None or shot.plain is None or not any(np.isfinite(one.x_px + one.y_px).any() for one in courses):
        return content | {"over_picture": None, "over_world": over_world(courses, summary.unit, down=down)}
    drawing = over_picture(courses, (shot.width, shot.height), (video.info.width, video.info.height))
    background = {"data": base64.b64encode(shot.plain).decode("ascii"), "frame": shot.frame}
    return content | {"over_picture": drawing | {"background": background}}


def _timeline(states: States, summary: Summary) -> dict[str, Any]:
    if not summary.objects:
        return {"timeline": None, "timeline_told": ""}
    drawn = strips(states, summary.objects, summary.frames)
    told = []
    if drawn["shown"] < drawn["total"]:
        told.append(f"{drawn['shown']} of {drawn['total']} objects: those that want a look, then those with most rows.")
    if drawn["frames_a_place"] > 1:
        told.append(f"A pixel stands for up to {drawn['frames_a_place']} frames: it shows what most of them are, and flags of any.")
    return {"timeline": drawn, "timeline_told": " ".join(told)}


def _contacts(states: States) -> dict[str, Any]:
    names = states.labels
    events = states.meta.events

    def called(object_id: int) -> str:
        return one_line(f"{object_id} {names.get(object_id, '')}".rstrip(), 60)

    rows = [
        {
            "time": f"{one.time_s:.4g}",
            "frame": one.frame,
            "who": " and ".join(map(called, one.partners)) + (" alone, as against a wall" if len(one.partners) == 1 else ""),
            "place": "–" if one.position is None else ", ".join(number(at) for at in one.position),
        }
        for one in events[:MOST_LINES]
    ]
    more = f"and {len(events) - MOST_LINES:,} more contacts" if len(events) > MOST_LINES else ""
    return {"contacts": rows, "contacts_told": more, "contacts_count": count(len(events), "sudden change") + " of velocity"}


def _left_out(summary: Summary) -> dict[str, Any]:
    rows = [
        {
            "label": one.label,
            "frames": f"{one.first_frame}" if one.first_frame == one.last_frame else f"{one.first_frame} to {one.last_frame}",
            "reason": one.reason,
        }
        for one in summary.left_out[:MOST_LINES]
    ]
    more = len(summary.left_out) - MOST_LINES
    return {"left_out": rows, "left_out_told": f"and {more:,} more" if more > 0 else ""}


def _settings(states: States) -> list[dict[str, str]]:
    """What the table's metadata say of how it was made, as JSON, part by part."""
    data = states.meta.model_dump(mode="json", include={"calibration", "time", "video", "configuration", "versions", "models"})
    texts = {name: json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True) for name, value in data.items() if value}
    return [{"name": name, "text": text} for name, text in texts.items()]
