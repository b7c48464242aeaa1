from dataclasses import replace

import numpy as np
import pytest
from verification_scenes import BLACK, BLUE, GREEN, RED, box, cart_pole_evidence, disc, evidence, film, rod

from kinescribe.perception.verification import RulesVerifier

N = 30


def still(mask: np.ndarray, color: tuple[int, int, int]) -> tuple[list, list]:
    return [mask] * N, [color] * N


def verdicts(tracks, *, unique: bool = False) -> dict[int, tuple[str, str]]:
    found = RulesVerifier().verify(tracks, unique=unique)
    assert [verdict.track_id for verdict in found] == [track.track_id for track in tracks]
    assert all(0 <= verdict.confidence <= 1 and verdict.reason for verdict in found)
    return {verdict.track_id: (verdict.verdict, verdict.label) for verdict in found}


@pytest.mark.parametrize("unique", [False, True])
def test_cart_pole_is_mended(unique: bool):
    found = verdicts(cart_pole_evidence(), unique=unique)
    assert found == {1: ("corrected", "pole"), 2: ("yes", "black cart")}


def test_swapped_colours_are_swapped_back():
    shot = film({1: still(disc(80, 100, 20), RED), 2: still(disc(200, 100, 20), BLUE)}, N)
    tracks = evidence(shot, {1: "blue ball", 2: "red ball"}, ("red ball", "blue ball"), {1: "disc", 2: "disc"})
    assert verdicts(tracks) == {1: ("corrected", "red ball"), 2: ("corrected", "blue ball")}


def test_sizes_are_relative():
    shot = film({1: still(disc(80, 100, 30), RED), 2: still(disc(200, 100, 10), RED)}, N)
    names, shapes = ("big ball", "small ball"), {1: "disc", 2: "disc"}
    assert verdicts(evidence(shot, {1: "small ball", 2: "big ball"}, names, shapes), unique=True) == {
        1: ("corrected", "big ball"),
        2: ("corrected", "small ball"),
    }
    assert verdicts(evidence(shot, {1: "big ball", 2: "small ball"}, names, shapes)) == {1: ("yes", "big ball"), 2: ("yes", "small ball")}


@pytest.mark.parametrize("label", ["giraffe", "黒い台車", "fluffy thing", "", "x" * 200, "a, b"])
def test_words_that_are_not_known_leave_it_open(label: str):
    shot = film({1: still(disc(80, 100, 20), RED), 2: still(box(200, 100, 60, 20), GREEN)}, N)
    tracks = evidence(shot, {1: label, 2: label}, (label, "zebra"), {1: "disc", 2: "box"})
    assert verdicts(tracks) == {1: ("unsure", label), 2: ("unsure", label)}


def test_a_name_in_part_unknown_is_not_given_to_anything():
    shot = film({1: still(disc(80, 100, 20), GREEN)}, N)
    assert verdicts(evidence(shot, {1: "zebra"}, ("zebra", "green giraffe"), {1: "disc"}))[1] == ("unsure", "zebra")


def test_only_a_colour_that_clashes_with_every_name_makes_a_no():
    shot = film({1: still(disc(80, 100, 20), BLUE)}, N)
    shape = {1: "disc"}
    assert verdicts(evidence(shot, {1: "red ball"}, ("red ball", "yellow box"), shape))[1][0] == "no"
    assert verdicts(evidence(shot, {1: "red ball"}, ("red ball", "box"), shape))[1][0] == "unsure"
    assert verdicts(evidence(shot, {1: "stick"}, ("stick",), shape))[1][0] == "unsure"


def test_a_label_that_the_detector_left_out_is_filled_in():
    shot = film({1: still(disc(80, 100, 20), RED)}, N)
    tracks = evidence(shot, {1: ""}, ("red ball", "blue box"), {1: "disc"})
    assert verdicts(tracks)[1] == ("corrected", "red ball")


def test_a_track_that_turns_into_another_thing_is_split_where_it_turns():
    moving = [disc(60 + 4 * t, 100, 18) for t in range(N)]
    shot = film({1: (moving, [RED if t < 19 else BLUE for t in range(N)])}, N)
    tracks = evidence(shot, {1: "red ball"}, ("red ball", "blue ball"), {1: "disc"})
    (verdict,) = RulesVerifier().verify(tracks)
    assert (verdict.verdict, verdict.label) == ("yes", "red ball")
    assert [(split.frame, split.label) for split in verdict.splits] == [(19, "blue ball")]
    same = film({1: (moving, [RED] * N)}, N)
    assert RulesVerifier().verify(evidence(same, {1: "red ball"}, ("red ball", "blue ball"), {1: "disc"}))[0].splits == ()


def test_two_ids_on_one_thing_are_one():
    moving = [disc(60 + 4 * t, 100, 18) for t in range(N)]
    shot = film({1: (moving, [RED] * N)}, N)
    for masks in shot["masks"]:
        masks[5] = np.roll(masks[1], 2, axis=1)
    shot["masks"][0].pop(5)
    tracks = evidence(shot, {1: "red ball", 5: "red ball"}, ("red ball",), {1: "disc", 5: "disc"})
    found = RulesVerifier().verify(tracks)
    assert [verdict.same_as for verdict in found] == [None, 1]
    beside = film({1: (moving, [RED] * N), 5: ([disc(60 + 4 * t, 140, 18) for t in range(N)], [RED] * N)}, N)
    tracks = evidence(beside, {1: "red ball", 5: "red ball"}, ("red ball",), {1: "disc", 5: "disc"})
    assert [verdict.same_as for verdict in RulesVerifier().verify(tracks)] == [None, None]


def test_nothing_to_look_at_is_no_error():
    assert RulesVerifier().verify([]) == []
    shot = film({1: still(rod(80, 150, 80, 8, 0.1), BLACK)}, N)
    (track,) = evidence(shot, {1: "black stick"}, ("black stick", "red ball"), {1: "rod"})
    blind = replace(track, colors=np.full((N, 3), np.nan), sizes=np.full((N, 2), np.nan), views=())
    assert RulesVerifier().verify([blind])[0].verdict == "unsure"
    empty = replace(
        blind,
        frames=np.zeros(0, int),
        areas=np.zeros(0),
        positions=np.zeros((0, 2)),
        colors=np.zeros((0, 3)),
        sizes=np.zeros((0, 2)),
        shape="blob",
    )
    assert RulesVerifier().verify([empty, track])[0].verdict == "unsure"
    assert RulesVerifier.missing() is None


def test_a_name_without_a_rival_needs_a_colour_that_speaks_for_it():
    shot = film({1: still(disc(80, 100, 20), RED)}, N)

    def say(label: str) -> tuple[str, float]:
        (verdict,) = RulesVerifier().verify(evidence(shot, {1: label}, (label,), {1: "disc"}))
        return verdict.verdict, verdict.confidence

    assert say("ball")[0] == say("giraffe")[0] == "unsure"
    assert say("giraffe")[1] <= say("ball")[1] <= 0.8
    verdict, sure = say("red ball")
    assert verdict == "yes"
    assert 0.9 < sure < 1


@pytest.mark.parametrize("label", ["ball", "giraffe", "red ball"])
def test_one_of_each_makes_nothing_surer(label: str):
    shot = film({1: still(disc(80, 100, 20), RED), 2: still(disc(200, 100, 20), RED)}, N)
    tracks = evidence(shot, {1: label, 2: label}, (label,), {1: "disc", 2: "disc"})
    free, bound = (RulesVerifier().verify(tracks, unique=unique) for unique in (False, True))
    assert [one.verdict for one in bound] == ["unsure", "unsure"]
    assert all(b.confidence <= f.confidence for f, b in zip(free, bound, strict=True))
    assert len({one.verdict for one in free}) == 1
    if label == "red ball":
        assert "another track goes by the same name" in bound[0].reason
