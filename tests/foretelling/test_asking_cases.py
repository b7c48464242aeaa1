"""Questions, what a model makes of them, and what the answer must then be."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from predicted import TIMES, bouncing_fit, bouncing_table, pair_fit, pair_table, table, truth
from scripted_replies import Scripted, edits, told

from kinescribe.dynamics import Clip
from kinescribe.dynamics.finding import find_law
from kinescribe.dynamics.fitting import Fit, fit_law
from kinescribe.dynamics.prediction import Predictor
from kinescribe.foretelling.asking.computing import Computed, compute
from kinescribe.foretelling.asking.inquiry import Inquiry
from kinescribe.foretelling.asking.translating import translate
from kinescribe.foretelling.asking.wording import sentence
from kinescribe.states import States

NONE = math.nan  # it doesn't happen
ANY = math.inf  # not looked at
FALL = 2.8  # m, from the ball's start to the floor
G = 9.8  # m/s²
SEEN, UNTIL = 2.0, 3.0  # s


def landing(gravity: float = G, fall: float = FALL) -> float:
    return math.sqrt(2 * fall / gravity)


def bounces(count: int = 9, restitution: float = 0.8) -> list[float]:
    """Times of the ball's contacts with the floor."""
    times, speed = [landing()], restitution * math.sqrt(2 * G * FALL)
    while len(times) < count:
        times.append(times[-1] + 2 * speed / G)
        speed *= restitution
    return times


def height_at(time: float) -> float:
    """Of the ball that bounces as it was seen."""
    last = max(hit for hit in (-1.0, *bounces()) if hit <= time)
    if last < 0:
        return 3.0 - 0.5 * G * time**2
    speed = 0.8 ** (bounces().index(last) + 1) * math.sqrt(2 * G * FALL)
    return 0.2 + speed * (time - last) - 0.5 * G * (time - last) ** 2


LATER = next(time for time in bounces() if time > SEEN)
HALF = edits(("gravity", "*=", 0.5))


@dataclass(frozen=True)
class Case:
    """`told` and `factual`: true numbers of the first finding; `words`: of the sentence."""

    world: str
    question: str
    reply: dict[str, Any]
    flags: str
    told: tuple[float, ...]
    factual: tuple[float, ...] | None = None
    words: tuple[str, ...] = ()


def changed(world: str, question: str, do: Any, report: Any, flags: str, told: Any, factual: Any, *words: str, **fields: Any) -> Case:
    return Case(world, question, edits(*do, report=[report], **fields), flags, tuple(told), tuple(factual), words)


def plain(world: str, question: str, report: Any, told: Any, *words: str, flags: str = "--until 3", **fields: Any) -> Case:
    return Case(world, question, edits(report=[report], **fields), flags, tuple(told), None, ("By the fitted law, ", *words))


CASES = [
    changed("ball", "What if gravity were halved? When would it land?", [("gravity", "*=", 0.5)], told("contact", other="floor"),
            "--do gravity*=0.5 --until 3", [landing(G / 2)], [landing()],
            "With gravity × 0.5 (9.", " → 4.", "m/s²) from 0 s on, ball strikes floor at 1.0", "instead of at 0.75"),
    changed("ball", "And on the Moon?", [("gravity", "=", 1.62)], told("contact", other="floor"), "--do gravity=1.62 --until 3",
            [landing(1.62)], [landing()]),
    changed("ball", "What if there were no gravity: does it still hit the floor?", [("gravity", "*=", 0)], told("contact", other="floor"),
            "--do gravity*=0 --until 3", [NONE], [landing()], "doesn't strike floor by 3 s, which without the change it does at 0.75"),
    changed("ball", "Had it been twice as fast sideways, where would it be after half a second?", [("ball.vx", "*=", 2)],
            told("position", time=0.5), "--do ball.vx*=2 --until 3", [1.0, height_at(0.5)], [0.5, height_at(0.5)], "With ball.vx × 2 from"),
    changed("ball", "How high had it got, thrown up at 2 m/s?", [("ball.vy", "=", 2)], told("highest"), "--do ball.vy=2 --until 3",
            [3 + 4 / (2 * G), 2 / G], [3.0, 0.0], "With ball.vy = 2 m/s from", "the highest point of ball is y = 3.2"),
    changed("ball", "¿Y si el suelo estuviera un metro más abajo?", [("floor", "-=", 1)], told("contact", other="floor"),
            "--do floor-=1 --until 3", [landing(fall=3.8)], [landing()]),
    changed("ball", "Wie hoch käme er nach dem ersten Aufprall, wenn nichts verloren ginge?", [("restitution", "=", 1)],
            told("highest", since=1.0), "--do restitution=1 --until 3", [3.0, 2 * landing()],
            [1.992, 1.8 * landing()], "the highest point of ball after 1 s is y ="),
    changed("ball", "若弹性减半,弹起多高?", [("restitution", "/=", 2)], told("highest", since=0.8), "--do restitution/=2 --until 3",
            [0.2 + 0.16 * FALL, landing() + 0.4 * landing()], [1.992, landing() + 0.8 * landing()]),
    changed("ball", "What if there were no floor?", [], told("position", time=3.0), "--remove floor --until 3",
            [3.0, 3.0 - 0.5 * G * 9], [3.0, height_at(3.0)], "Without floor from 0 s on", remove=["floor"]),
    changed("ball", "What if gravity vanished at 1.5 s?", [("gravity", "*=", 0)], told("position", time=2.5),
            "--do gravity*=0 --at 1.5 --until 3", [2.5, height_at(1.5) + 0.8 * math.sqrt(2 * G * FALL) - G * (1.5 - landing())],
            [2.5, height_at(2.5)], "from 1.5 s on", at=1.5),
    changed("ball", "Halve gravity and its speed: how far does it fly?", [("gravity", "*=", 0.5), ("ball.vx", "/=", 2)], told("range"),
            "--do gravity*=0.5 --do ball.vx/=2 --until 3", [0.5 * landing(G / 2), landing(G / 2)], [landing(), landing()],
            "the range of ball is 0.53", "instead of 0.75"),
    changed("ball", "What if it went left?", [("ball.vx", "=", -1)], told("leftmost"), "--do ball.vx=-1 --until 3", [-3.0, 3.0],
            [0.0, 0.0]),
    changed("ball", "How long would its way be without gravity?", [("gravity", "*=", 0)], told("path"), "--do gravity*=0 --until 2",
            [2.0], [ANY], until=2.0),
    changed("ball", "What if object 1 had not moved sideways?", [("1.vx", "=", 0)], told("position", "1", time=0.5),
            "--do 1.vx=0 --until 3", [0.0, height_at(0.5)], [0.5, height_at(0.5)]),
    changed("ball", "Had gravity always been half?", [("gravity", "*=", 0.5)], told("contact"), "--do gravity*=0.5 --until 3",
            [landing(G / 2)], [landing()], "strikes something at", at=-1.0),
    changed("ball", "Does the floor's height matter in the first half second?", [("floor", "-=", 1)], told("position", time=0.5),
            "--do floor-=1 --until 3", [0.5, height_at(0.5)], [0.5, height_at(0.5)], "as without the change"),
    changed("ball", "When does it pass 1.5 m height under half gravity?", [("gravity", "*=", 0.5)], told("reaches", axis="y", value=1.5),
            "--do gravity*=0.5 --until 3", [math.sqrt(3 / (G / 2))], [math.sqrt(3 / G)], "passes y = 1.5 m at 0.78"),
    changed("ball", "And later, with more time?", [("gravity", "*=", 0.1)], told("contact", nth=2), "--do gravity*=0.1 --until 8",
            [landing(0.98) * 2.6], [bounces()[1]], "strikes something for the 2nd time at", until=8.0),
    plain("ball", "Where will the ball be at 3 s?", told("position", time=3.0), [3.0, height_at(3.0)], "ball at 3 s is at x = 3"),
    plain("ball", "When does it hit the floor next?", told("contact", other="floor"), [LATER], "ball strikes floor at"),
    plain("ball", "When did it first hit the floor?", told("contact", other="floor", since=0.0), [landing()]),
    plain("ball", "And for the third time?", told("contact", other="floor", since=0.0, nth=3), [bounces()[2]], "for the 3rd time"),
    plain("ball", "How often does it bounce in all?", told("contacts", other="floor", since=0.0),
          [float(sum(time < UNTIL for time in bounces()))], "the number of times that ball strikes floor between 0 s and 3 s is "),
    plain("ball", "When is it at x = 2.5 m?", told("reaches", axis="x", value=2.5), [2.5], "passes x = 2.5 m"),
    plain("ball", "When is it 5 m high again?", told("reaches", axis="y", value=5.0), [NONE], "doesn't pass y = 5 m between 2 s and 3 s"),
    plain("ball", "How fast is it at most?", told("fastest"), [math.hypot(1, math.sqrt(2 * G * FALL)), landing()]),
    plain("ball", "How fast after half a second?", told("speed", time=0.5), [math.hypot(1, G / 2)], "the speed of ball at 0.5 s is"),
    plain("ball", "Its velocity then?", told("velocity", time=0.5), [1.0, -G / 2], "the velocity of ball at 0.5 s is vx = ", ", vy = −4."),
    plain("ball", "Where will it be in an hour's tenth of a minute?", told("position", time=6.0), [6.0, ANY], flags="--until 6"),
    plain("ball", "How low does it get?", told("lowest"), [0.2, landing()], "the lowest point of ball is y = 0.2"),
    plain("ball", "How far right by the end?", told("rightmost"), [3.0, 3.0]),
    plain("ball", "Does it come to rest?", told("rest"), [NONE], "doesn't come to rest between 2 s and 3 s"),
    changed("pair", "What if blue had not been there: would red still hit it?", [], told("contact", "red", other="blue"),
            "--remove blue --until 3", [NONE], [1.26], "red doesn't strike blue by 3 s", remove=["blue"]),
    changed("pair", "If both fell more slowly, how near would they come in the first second?", [("gravity", "*=", 0.5)],
            told("distance", "red", other="blue", time=0.5), "--do gravity*=0.5 --until 3", [math.hypot(2.0, 0.1)], [math.hypot(2.0, 0.1)]),
    changed("pair", "What if blue were three times as heavy?", [("blue.mass", "*=", 3)], told("contact", "red", other="blue"),
            "--do blue.mass*=3 --until 3", [1.26], [1.26], "With blue.mass × 3 from 0 s on", "as without the change"),
    plain("pair", "How near do they come?", told("closest", "red", other="blue", since=0.0), [0.5, ANY],
          "the nearest that red comes to blue"),
    plain("pair", "When does each first touch anything?", told("contact", None, since=0.0), [landing(fall=1.8)],
          "red strikes", "; blue strikes"),
    changed("spring", "What if the spring were four times as stiff?", [("stiffness", "*=", 4)], told("period", "bob"),
            "--do stiffness*=4 --until 6", [math.pi / 2], [math.pi], "the period of bob is 1.57"),
    plain("spring", "How far does it swing?", told("amplitude", "bob"), [0.5], "the amplitude of bob is ", flags="--until 6"),
    changed("slide", "With half the friction, when does it stop?", [("friction", "*=", 0.5)], told("rest", "puck"),
            "--do friction*=0.5 --until 3", [2.0], [1.0], "puck comes to rest at"),
    plain("rod", "How is the rod turned after a second?", told("angle", "rod", time=1.0), [-114.805], "the angle of rod at 1 s is −114.",
          flags="--until 4.5"),
    changed("rod", "Under half its pull, how far and how slowly does it swing?", [("swing", "*=", 0.5)], told("amplitude", "rod"),
            "--do swing*=0.5 --until 4.5", [math.degrees(0.6)], [math.degrees(0.6)], "the amplitude of rod is 34.", "°, instead of 34."),
]  # fmt: skip


def rod() -> tuple[States, Fit]:
    values = {"swing": 16.0, "damping": 0.0, "hanging": -math.pi / 2, "pivot_x": 1.0, "pivot_y": 2.0, "distance": 0.4}
    turned = {"x": 1 + 0.4 * math.sin(0.6), "y": 2 - 0.4 * math.cos(0.6), "angle": 0.6 - math.pi / 2}
    seen = table(truth("rod-pendulum", values, TIMES, names=("rod",), **turned), TIMES, 91)
    sides = {"shape": ["rod"] * len(seen), "width": np.full(len(seen), 0.8), "height": np.full(len(seen), 0.1)}
    states = States.from_columns({**seen.columns, **sides}, seen.meta)
    return states, fit_law(find_law("rod-pendulum"), [Clip.from_states(states)])


def swinging() -> tuple[States, Fit]:
    times = np.arange(121) / 30
    values = {"stiffness": 4.0, "anchor_x": 1.0, "anchor_y": 1.0, "rest_length": 0.0}
    seen = table(truth("anchored-spring", values, times, names=("bob",), x=1.5, y=1.0), times, 121)
    return seen, fit_law(find_law("anchored-spring"), [Clip.from_states(seen)], fixed={"rest_length": 0.0})


def sliding() -> tuple[States, Fit]:
    times = np.arange(61) / 30
    seen = table(truth("coulomb-friction", {"friction": 2.0, "settling": 0.02}, times, names=("puck",), x=0.0, y=1.0, vx=2.0), times, 61)
    return seen, fit_law(find_law("coulomb-friction"), [Clip.from_states(seen)])


@pytest.fixture(scope="module")
def worlds() -> Callable[[str], tuple[States, Predictor]]:
    """States and predictor of a world by its name, each made once."""
    known: dict[str, tuple[States, Predictor]] = {}

    def found(name: str) -> tuple[States, Predictor]:
        if name not in known:
            balls = {"ball": (bouncing_table, bouncing_fit), "pair": (pair_table, pair_fit)}
            if name in balls:
                seen, fitted = balls[name]
                states = seen()
                fit = fitted(states)
            else:
                states, fit = {"spring": swinging, "slide": sliding, "rod": rod}[name]()
            known[name] = states, Predictor.of(states, fit)
        return known[name]

    return found


def answered(world: tuple[States, Predictor], question: str, *replies: dict[str, Any]) -> tuple[Inquiry, Computed, Scripted]:
    states, predictor = world
    seen = float(states["time_s"].max())
    model = Scripted(*replies)
    inquiry, _ = translate(model, predictor, states, question, seen_until=seen, video_ends=seen, until=1.5 * seen)
    return inquiry, compute(predictor, inquiry, seen), model


def close(found: Any, expected: float) -> bool:
    """Within errors."""
    if math.isinf(expected):
        return True
    return not found.known if math.isnan(expected) else abs(found.value - expected) < 5 * found.sigma + 2e-3


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.question)
def test_question_to_changes_to_numbers(worlds, case: Case):
    inquiry, computed, model = answered(worlds(case.world), case.question, case.reply)
    assert " ".join(inquiry.flags) == case.flags
    assert len(model.asked) == 1
    assert case.question in model.asked[0][-1].text
    finding = computed.findings[0]
    for row, expected in ((finding.told, case.told), (finding.factual, case.factual)):
        assert (row is None) == (expected is None)
        for found, value in zip((row or {}).values(), expected or (), strict=True):
            assert close(found, value), (found, value)
    said = sentence(inquiry, computed)
    assert said.endswith(".")
    assert "nan" not in said
    assert [words for words in case.words if words not in said] == []
