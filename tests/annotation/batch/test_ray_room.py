"""How many workers a cluster takes, who gets which video, and what becomes of one whose workers are lost again and again."""

from __future__ import annotations

import math
import queue
import sys
import threading
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from kinescribe.annotation.batch.events import Finished, Started
from kinescribe.annotation.batch.jobs import Job, Limits
from kinescribe.annotation.batch.options import RunOptions
from kinescribe.annotation.batch.ray_cluster import Room, room_in
from kinescribe.annotation.batch.ray_crew import Attempt, Lost, Waiting
from kinescribe.annotation.batch.ray_seat import Seat
from kinescribe.annotation.batch.ray_worker import Hand, actor_class
from kinescribe.errors import KinescribeError, UsageError
from kinescribe.settings import ExtractionSettings


def node(name: str, **resources: float) -> dict[str, Any]:
    return {"NodeID": name, "Alive": True, "Resources": {"memory": 1e9, **resources}}


HEAD, SMALL, BIG, TWO_GPUS = node("head"), node("small", CPU=4.0), node("big", CPU=10.0), node("gpus", CPU=16.0, GPU=2.0)


@pytest.mark.parametrize(
    ("nodes", "options", "learned", "workers", "threads", "gpus"),
    [
        ([HEAD, SMALL, BIG], {}, False, 14, 1, 0),
        ([HEAD, SMALL, BIG], {"threads": 3}, False, 4, 3, 0),  # 1 and 3: none over two nodes
        ([HEAD, SMALL, BIG], {"workers": 5}, False, 5, 1, 0),
        ([HEAD], {"workers": 5}, False, 5, 1, 0),  # nodes may be added
        ([HEAD, SMALL, BIG], {}, True, 3, 4, 0),  # the smallest node whole, and as much of the big one
        ([HEAD, SMALL, BIG], {"workers": 2}, True, 2, 5, 0),
        ([HEAD, SMALL, TWO_GPUS], {}, True, 2, 8, 1),
        ([HEAD, SMALL, TWO_GPUS], {"threads": 2}, True, 2, 2, 1),
        ([HEAD, SMALL, TWO_GPUS], {}, False, 20, 1, 0),
    ],
)
def test_room(nodes: list[Any], options: dict[str, Any], learned: bool, workers: int, threads: int, gpus: int) -> None:
    room = room_in(nodes, RunOptions(engine="ray", **options), learned=learned)
    assert (room.workers, room.threads, room.gpus) == (workers, threads, gpus)


def test_no_more_workers_than_videos() -> None:
    assert room_in([SMALL], RunOptions(engine="ray"), learned=False, videos=3).workers == 3


def test_cluster_without_processors() -> None:
    with pytest.raises(UsageError, match="no node of the Ray cluster has 1 processor"):
        room_in([HEAD], RunOptions(engine="ray"), learned=False)


def test_limits_are_those_of_the_node() -> None:
    room = Room(14, 1, 0, {"small": 4, "big": 10})
    assert room.limits(RunOptions(), "small", 4 * 10**9).memory == pytest.approx(0.8e9)
    assert Room(2, 1, 0, {"small": 4}).limits(RunOptions(), "small", 4 * 10**9).memory == pytest.approx(1.6e9)
    assert room.limits(RunOptions(max_memory=2e9), "small", 4 * 10**9).memory == 2e9
    assert room.limits(RunOptions(max_memory=0), "small", 4 * 10**9).memory == math.inf
    assert room.limits(RunOptions(timeout=7, retries=3), "elsewhere", 10**9).seconds == 7


def jobs(count: int, folder: Path = Path("/nowhere")) -> list[Job]:
    return [Job(f"clip-{k}", f"{folder}/clip-{k}", f"{folder}/states/{k}", f"{folder}/work/{k}", {}) for k in range(count)]


def test_video_that_comes_back_goes_to_whoever_waits() -> None:
    waiting = Waiting(iter(jobs(1)))
    first = waiting.take()
    assert first is not None
    assert first.number == 0
    taken: list[Attempt | None] = []
    other = threading.Thread(target=lambda: taken.append(waiting.take()), daemon=True)
    other.start()
    time.sleep(0.05)
    assert taken == []  # nothing is there, but the first one may come back
    waiting.done(Attempt(first.job, 1))
    other.join(10)
    assert taken == [Attempt(first.job, 1)]
    assert not waiting.over
    waiting.done()
    assert waiting.over
    assert waiting.take() is None


class UnluckyCrew:
    """Whose actors are lost in the middle of a video, or before they have begun."""

    def __init__(self, begins: bool) -> None:
        self.begins, self.hired, self.ready = begins, 0, 0

    def hire(self) -> Any:
        self.hired += 1
        return self

    def meet(self, actor: Any, over: Any) -> dict[str, Any]:
        if not self.begins:
            raise Lost("it did not start")
        return {"host": "far\naway", "pid": 1, "node": "far", "memory": 10**9}

    @property
    def turn(self) -> Any:
        return self

    def remote(self, order: Any) -> None:
        return None

    def get(self, ref: Any) -> Any:
        raise Lost("its node died")

    def dismiss(self, actors: list[Any]) -> None:
        pass


def seat_of(crew: Any, waiting: Waiting, how: RunOptions) -> list[Any]:
    """What a seat says until its end."""
    events: queue.Queue[Any] = queue.Queue()
    # no break between two of its actors
    waiting.stopped.wait = lambda timeout=None: False  # type: ignore[method-assign]
    Seat(0, crew, waiting, events, how, Room(1, 1, 0, {}), None, "probe").run()
    said = []
    while (event := events.get_nowait()) is not None:
        said.append(event)
    return said


def test_video_whose_workers_are_always_lost_fails_alone(tmp_path: Path) -> None:
    waiting = Waiting(iter(jobs(2, tmp_path)))
    said = seat_of(UnluckyCrew(begins=True), waiting, RunOptions(retries=1))
    assert sum(isinstance(event, Started) for event in said) == 6
    finished = [event for event in said if isinstance(event, Finished)]
    assert [event.job.name for event in finished] == ["clip-0", "clip-1"]
    assert {(event.outcome.state, event.outcome.kind) for event in finished} == {("failed", "crash")}
    assert "lost 3 times (on 'far away': its node died)" in (finished[0].outcome.reason or "")
    assert waiting.over


def test_cluster_where_no_worker_stays_ends_the_run() -> None:
    crew = UnluckyCrew(begins=False)
    (said,) = seat_of(crew, Waiting(iter(jobs(1))), RunOptions())
    assert isinstance(said, KinescribeError)
    assert "no worker stays" in str(said)
    assert crew.hired == 5


def test_node_with_other_weights_says_so() -> None:
    job = Job("a", "/nowhere/a", "/nowhere/f", "/nowhere/s", ExtractionSettings().to_dict(), {"detector": "x of y, weights 1234"})
    hand = Hand(1, ".")
    try:
        ((kind, what),) = hand.turn({"job": job.to_dict(), "limits": asdict(Limits()), "through": None, "probe": "p", "signature": None})
    finally:
        hand.stop()
    assert kind == "models"
    assert "detector: 'classical of kinescribe" in what
    assert "instead of 'x of y, weights 1234'" in what


class OtherModels(UnluckyCrew):
    def get(self, ref: Any) -> Any:
        return [("models", "detector: 'a' instead of 'b'")]


def test_run_with_other_weights_on_a_node_stops() -> None:
    said = seat_of(OtherModels(begins=True), Waiting(iter(jobs(2))), RunOptions())
    assert [type(one) for one in said] == [Started, UsageError]
    assert "other models than this machine: detector: 'a' instead of 'b'" in str(said[1])


def test_actor_without_kinescribe_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "kinescribe", None)
    told = actor_class()().begin("1.0", 1, ".")
    assert "kinescribe" in told["missing"]
