import numpy as np
import pytest

from kinescribe.perception.verification.beliefs import AnswerModel, Ballots, log_posteriors, log_prior
from kinescribe.perception.verification.calibration import calibrated
from kinescribe.perception.verification.changes import change_of
from kinescribe.perception.verification.joint import assigned, grouped

MODEL = AnswerModel(np.array([0.8, 0.8]))


def posterior(*answers: tuple[int, int], prior=(0.5, 0.4, 0.1)) -> np.ndarray:
    """Of one track with two candidates; answers are (frame, hypothesis)."""
    ballots = Ballots()
    for frame, answer in answers:
        ballots.add(0, frame, 0, answer)
    return np.exp(log_posteriors(np.log([prior]), ballots, MODEL))[0]


def test_prior_follows_the_detector():
    prior = np.exp(log_prior("a", ("a", "b", "c"), {"a": 3.0}))
    assert prior.sum() == pytest.approx(1)
    assert prior[0] / prior[:3].sum() == pytest.approx(0.7)
    assert prior[1] == prior[2] > prior[3] > 0
    mixed = np.exp(log_prior("a", ("a", "b", "c"), {"a": 3.0, "b": 2.5}))
    assert prior[0] > mixed[0] > mixed[1] > mixed[2]
    nameless = np.exp(log_prior("", ("a", "b"), {}, absent=0.1))
    assert nameless == pytest.approx([0.45, 0.45, 0.1])


def test_a_detector_without_another_name_to_take_may_have_seen_something_else():
    assert np.exp(log_prior("a", ("a",), {}))[1] > np.exp(log_prior("a", ("a", "b"), {}))[2]


def test_answers_move_the_odds_by_their_accuracy():
    before, after = posterior(), posterior((1, 1))
    assert (after[1] / after[0]) / (before[1] / before[0]) == pytest.approx(4)
    assert posterior((1, -1), (2, -1)) == pytest.approx(before)
    assert posterior((1, 0), (2, 1))[:2] / posterior((1, 0), (2, 1))[:2].sum() == pytest.approx(before[:2] / before[:2].sum())


def test_another_frame_tells_more_than_the_same_again():
    once, again, other = posterior((1, 1)), posterior((1, 1), (1, 1)), posterior((1, 1), (2, 1))
    assert once[1] < again[1] < other[1]
    gain = np.log([again[1] / again[0], other[1] / other[0]]) - np.log(once[1] / once[0])
    assert gain[0] < 0.2 * gain[1]
    many = posterior(*[(1, 1)] * 50)
    assert many[1] / many[0] < 6 * (0.4 / 0.5)  # one frame, however often asked about, is hardly more than one answer


def test_tracks_with_fewer_candidates_share_a_table():
    priors = np.log(np.array([[0.5, 0.4, 0.1], [0.9, 1e-300, 0.1]]))
    priors[1, 1] = -np.inf
    ballots = Ballots()
    ballots.add(1, 5, 0, 0)
    out = np.exp(log_posteriors(priors, ballots, MODEL))
    assert out[1, 1] == 0
    assert out.sum(axis=1) == pytest.approx([1, 1])


def simulated(accuracy: float, repeats: bool, tracks: int = 150) -> tuple[np.ndarray, Ballots]:
    rng = np.random.default_rng(3)
    ballots = Ballots()
    priors = np.tile(np.log([0.5, 0.42, 0.08]), (tracks, 1))
    for track in range(tracks):
        truth = int(rng.integers(2))
        for frame in range(5):
            answer = truth if rng.random() < accuracy else 1 - truth
            ballots.add(track, frame, 0, answer)
            ballots.add(track, frame, 1, answer if repeats else truth if rng.random() < accuracy else 1 - truth)
    return priors, ballots


@pytest.mark.parametrize("repeats", [False, True])
@pytest.mark.parametrize("accuracy", [0.7, 0.8, 0.9])
def test_accuracy_is_learned_from_agreement(accuracy: float, repeats: bool):
    priors, ballots = simulated(accuracy, repeats)
    model = calibrated(priors, ballots, AnswerModel(np.array([0.8, 0.8])), steps=30)
    assert model.accuracy[0] == pytest.approx(accuracy, abs=0.04)
    assert (model.common > 0.9) if repeats else (model.common < 0.35)
    assert model.false_no < 0.06


def test_few_answers_change_little_and_bounds_hold():
    ballots = Ballots()
    ballots.add(0, 1, 0, 0)
    model = calibrated(np.log([[0.6, 0.3, 0.1]]), ballots, MODEL)
    assert model.accuracy == pytest.approx([0.8, 0.8], abs=0.02)
    assert calibrated(np.log([[0.6, 0.3, 0.1]]), Ballots(), MODEL) is MODEL
    priors, perfect = simulated(1.0, False)
    assert calibrated(priors, perfect, MODEL, steps=30).accuracy.max() <= 0.95


def likelihoods(*answers: int) -> np.ndarray:
    return np.log([[0.9 if k == answer else 0.1 for k in range(3)] for answer in answers])


def test_a_change_is_found_where_the_answers_turn():
    prior = np.log([0.6, 0.3, 0.1])
    chance = np.full(5, 0.02 / 5)
    change = change_of(likelihoods(0, 0, 0, 1, 1, 1), prior, chance)
    assert change is not None
    assert (change.cut, change.before, change.after) == (3, 0, 1)
    assert change.probability > 0.7
    for answers in [(0, 0, 0, 0, 0, 1), (0, 1, 0, 1, 0, 1), (0, 0, 0, 0, 0, 0), (0, 0, 0, 2, 2, 2)]:
        stays = change_of(likelihoods(*answers), prior, chance)
        assert stays is not None
        assert stays.probability < 0.3, answers
    assert change_of(likelihoods(0), prior, np.zeros(0)) is None


def test_one_label_for_each_thing_takes_the_likeliest_naming():
    posteriors = np.log([[0.6, 0.35, 0.05], [0.94, 0.01, 0.05]])
    together = grouped(posteriors, np.array([[False, True], [True, False]]))
    choice, confidence = assigned(posteriors, together)
    assert choice.tolist() == [1, 0]
    assert confidence.min() > 0.8
    apart = np.zeros((2, 2), bool)
    assert sorted(grouped(posteriors, apart)[0]) == [0, 1]


def test_a_third_thing_gets_no_second_hand_name():
    posteriors = np.log([[0.98, 0.01, 0.01], [0.01, 0.98, 0.01], [0.5, 0.3, 0.2]])
    groups = grouped(posteriors, ~np.eye(3, dtype=bool))
    choice, confidence = assigned(posteriors, groups)
    assert choice.tolist() == [0, 1, 2]
    assert confidence[2] > 0.9
