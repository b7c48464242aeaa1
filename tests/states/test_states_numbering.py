"""Tables of some of a video's frames: called by the video's numbers, and telling which frames these are."""

from __future__ import annotations

import pytest

from kinescribe.states import ContactEvent, LeftOutMeta, Metadata, ObjectMeta, States, VerificationMeta, VideoMeta, VoteMeta
from kinescribe.states.frames_read import FramesRead, frame_step, frames_looked_at, frames_read
from kinescribe.states.numbering import numbered_as, renamed

NUMBERS = [10, 13, 16, 19]


def test_every_place_that_names_a_frame_is_renumbered():
    told = VerificationMeta(
        verdict="corrected", detected="a", confidence=0.9, by="rules", frames=[0, 3], reason="called 'a' before frame 2",
        votes=[VoteMeta(frames=[1], prompt="p", answer="b", weight=1.0)],
    )  # fmt: skip
    meta = Metadata(
        events=[ContactEvent(time_s=0.4, frame=1, partners=[1])],
        objects={1: ObjectMeta(first_frame=0, last_frame=3, verification=told), 2: ObjectMeta()},
        left_out=[LeftOutMeta(label="x", first_frame=1, last_frame=2, reason="seen in frames 1 to 2", verification=told)],
        warnings=["frame 1"],
    )
    rows = {"frame": [0, 1, 3], "time_s": [1.0, 1.3, 1.9], "object_id": [1, 1, 1], "x": [0.0, 1.0, 2.0], "y": [0.0, 0.0, 0.0]}
    states = numbered_as(States.from_columns(rows, meta), NUMBERS)
    assert states["frame"].tolist() == [10, 13, 19]
    assert states["time_s"].tolist() == [1.0, 1.3, 1.9]
    assert states.meta.events[0].frame == 13
    assert (states.meta.objects[1].first_frame, states.meta.objects[1].last_frame) == (10, 19)
    assert states.meta.objects[2].first_frame is None
    out = states.meta.left_out[0]
    assert (out.first_frame, out.last_frame, out.reason) == (13, 16, "seen in frames 13 to 16")
    for verification in (out.verification, states.meta.objects[1].verification):
        assert verification is not None
        assert verification.frames == [10, 19]
        assert verification.votes[0].frames == [13]
        assert verification.reason == "called 'a' before frame 16"
    assert states.meta.warnings == ["frame 1"]  # whoever wrote them knows how frames are counted there
    assert meta.events[0].frame == 1  # what came in is as it was


@pytest.mark.parametrize(
    ("line", "called"),
    [
        ("cut off, first in frame 2", "cut off, first in frame 16"),
        ("frames 0 to 3 (blue)", "frames 10 to 19 (blue)"),
        ("frames 0 and 1", "frames 10 and 13"),
        ("frame 4 is none of them", "frame 4 is none of them"),
        ("30 frames 1/s", "30 frames 13/s"),
        ("keyframe 1, frame1", "keyframe 1, frame1"),
        ("frame 99999999999999", "frame 99999999999999"),
    ],
)
def test_frames_are_renamed_in_words(line, called):
    assert renamed(line, NUMBERS) == called


def test_which_frames_were_read_is_told_by_the_metadata():
    read = {"first": 4, "last": 10, "stride": 3}
    meta = Metadata(configuration={"frames_read": read}, video=VideoMeta(name="v", width=1, height=1, frame_count=99))
    assert frames_read(meta) == FramesRead(4, 10, 3)
    assert list(FramesRead(4, 10, 3).numbers) == [4, 7, 10]
    assert frames_looked_at(meta) == 3
    assert frames_looked_at(Metadata(video=meta.video)) == 99
    assert frames_looked_at(Metadata()) is None
    table = States.from_columns({name: [0] for name in ("frame", "time_s", "object_id", "x", "y")}, meta)
    assert frame_step(table) == 3


@pytest.mark.parametrize(
    "told",
    [
        None,
        [],
        3,
        {},
        {"first": 4, "last": 10},
        {"first": 4, "last": 3, "stride": 1},
        {"first": 0, "last": 9, "stride": 0},
        {"first": "0", "last": 9, "stride": 1},
        {"first": 0, "last": True, "stride": 1},
        {"first": 0, "last": 10**12, "stride": 1},
        {"first": -1, "last": 9, "stride": 1},
    ],
)
def test_metadata_that_make_no_sense_tell_nothing(told):
    assert frames_read(Metadata(configuration={"frames_read": told})) is None
