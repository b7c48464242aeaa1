"""Somebody who answers without looking is found out, and nothing follows from what he says."""

import numpy as np
import pytest
from verification_scenes import Teller, cart_pole_evidence, disc, evidence, film

from kinescribe.perception.verification import VlmVerifier
from kinescribe.perception.verification.guessing import Answer, guess_told

FRAMES, COLOR = 60, (200, 40, 40)


class ByPlace:
    """Always names the same place of the list: of all answers, or of the names."""

    def __init__(self, place: int, *, names_only: bool = False) -> None:
        self.place, self.names_only = place, names_only

    def __call__(self, question) -> str:
        offered = [answer for answer in question.answers if answer != "unsure" and not (self.names_only and answer == "not there")]
        return offered[self.place]


def pucks(count: int, names: tuple[str, ...]):
    paths = {k + 1: [disc(30 + 4 * t, 40 + 70 * k, 12) for t in range(FRAMES)] for k in range(count)}
    shot = film({number: (masks, [COLOR] * FRAMES) for number, masks in paths.items()}, FRAMES)
    return evidence(shot, dict.fromkeys(paths, names[0]), names, dict.fromkeys(paths, "disc"))


@pytest.mark.parametrize("place", [0, -1])
@pytest.mark.parametrize("names_only", [False, True])
@pytest.mark.parametrize("names", [("ball", "box"), ("white cart", "blue puck", "brown puck")])
@pytest.mark.parametrize("seed", [0, 3])
def test_who_likes_a_place_settles_nothing_and_is_told_once(place: int, names_only: bool, names: tuple[str, ...], seed: int):
    verifier = VlmVerifier(ask=ByPlace(place, names_only=names_only), seed=seed)
    found = verifier.verify(pucks(2, names))
    assert {verdict.verdict for verdict in found} == {"unsure"}
    assert {verdict.label for verdict in found} == {names[0]}
    (line,) = verifier.warnings
    assert "seems to guess" in line
    assert ("first" if place == 0 else "last") in line


def test_who_is_asked_about_one_name_alone_and_likes_a_place_is_told_too():
    verifier = VlmVerifier(ask=ByPlace(0))
    assert {verdict.verdict for verdict in verifier.verify(pucks(2, ("ball",)))} == {"unsure"}
    assert len(verifier.warnings) == 1


def test_names_drawn_by_lot_settle_nothing():
    rng = np.random.default_rng(4)
    names = ("white cart", "blue puck", "brown puck", "pole", "rod")
    verifier = VlmVerifier(ask=lambda question: str(rng.choice(names)))
    assert {verdict.verdict for verdict in verifier.verify(pucks(3, names))} == {"unsure"}
    (line,) = verifier.warnings
    assert "no better than chance" in line


def test_who_looks_is_believed_wherever_the_names_stand():
    verifier = VlmVerifier(ask=Teller({1: "box", 2: "ball"}))
    assert [(verdict.verdict, verdict.label) for verdict in verifier.verify(pucks(2, ("ball", "box")))] == [
        ("corrected", "box"),
        ("yes", "ball"),
    ]
    assert verifier.warnings == []


@pytest.mark.parametrize(("said", "verdict"), [("pole", "unsure"), ("black cart", "yes")])
def test_a_name_needs_more_answers_than_any_other(said: str, verdict: str):
    """However much the look speaks for it: the black box is the black cart."""
    (cart,) = (track for track in cart_pole_evidence() if track.track_id == 2)

    class Once(Teller):
        def name(self, track: int, frame: int) -> str:
            return said if len(self.questions) == 1 else "unsure"

    (found,) = VlmVerifier(ask=Once({})).verify([cart])
    assert (found.verdict, found.label) == (verdict, "black cart")
    assert [vote.answer for vote in found.votes if vote.answer != "unsure"] == [said]


def test_nothing_but_unsure_is_told():
    assert "all 8 answers are 'unsure'" in (guess_told([Answer(0, -1, 2, -1, -1)] * 8) or "")
    assert guess_told([Answer(0, -1, 2, -1, -1)] * 3) is None
    assert guess_told([]) is None
