"""A law in the sandbox does what it does outside, wherever a law is used."""

from __future__ import annotations

import multiprocessing
from pathlib import Path
from typing import Any

import law_sources
import numpy as np
import pytest

from kinescribe.dynamics import Bodies, Clip, Inputs, Law, Rollout, Schedule, State, Values, simulate
from kinescribe.dynamics.composition import Restricted, Sum
from kinescribe.dynamics.fitting import Fit, fit_law
from kinescribe.dynamics.library import FreeFall
from kinescribe.dynamics.sandbox import Limits, SandboxedLaw, SandboxError, isolation, law_of_file, law_of_source, worker
from kinescribe.dynamics.sandbox.lockdown import Shut
from kinescribe.dynamics.sandbox.syscalls import machine
from kinescribe.dynamics.saving import load, save
from kinescribe.errors import InputError, UsageError

needs_walls = pytest.mark.skipif(machine() is None, reason="the sandbox needs 64-bit Linux")
INPUTS = Inputs.of([0.0, 0.5, 1.0, 3.0], push=[1.0, -1.0, 0.0, 0.0])


def start_of(clips: int, bodies: Bodies) -> State:
    rng = np.random.default_rng(3)
    n = len(bodies)
    return State.of(
        bodies,
        x=rng.uniform(0.5, 1.0, (clips, n)) + np.arange(n),
        y=rng.uniform(0.5, 2.0, (clips, n)),
        angle=rng.uniform(0, 1, (clips, n)),
        vx=rng.uniform(1.0, 3.0, (clips, n)),
        vy=rng.uniform(1.0, 3.0, (clips, n)),
        angular_velocity=rng.uniform(0, 1, (clips, n)),
    )


def moved(law: Law, clips: int = 5, seconds: float = 1.5, objects: int = 2) -> Rollout:
    bodies = Bodies.make(objects, radius=0.1)
    rng = np.random.default_rng(4)
    values = {
        name: one.start * rng.uniform(0.9, 1.1, (clips, objects if one.per == "object" else 1)) for name, one in law.parameters.items()
    }
    times = np.arange(0.0, seconds, 1 / 30)
    schedule = Schedule.of(
        [times] * clips, [INPUTS] * clips, names=law.inputs, substeps=1 if law.kind == "rollout" else 3,
        time_step=law.time_step if law.kind == "step" else None,
    )  # fmt: skip
    if law.kind == "rollout":
        frames = np.tile(np.arange(len(times)), (clips, 1))
        schedule = Schedule(
            np.tile(times, (clips, 1)), frames, 0.0 * frames, {name: INPUTS.at(np.tile(times, (clips, 1)))[name] for name in law.inputs}
        )
    return simulate(law, Values(values), start_of(clips, bodies), schedule)


def clips_of(law: Law, **given: float) -> list[Clip]:
    """Four clips of what a law does, with known noise."""
    bodies = Bodies.make(1, radius=0.1)
    times = np.arange(0.0, 1.5, 1 / 30)
    schedule = Schedule.of([times] * 4, [INPUTS] * 4, names=law.inputs, substeps=4, time_step=law.time_step if law.kind == "step" else None)
    values = Values({name: np.full((4, 1), given.get(name, one.start)) for name, one in law.parameters.items()})
    path = simulate(law, values, start_of(4, bodies), schedule)
    rng = np.random.default_rng(5)
    made = []
    for k in range(4):
        x, y = (path.component(name)[k] + rng.normal(0, 0.002, (len(times), 1)) for name in ("x", "y"))
        none, sigma = np.full_like(x, np.nan), np.full_like(x, 0.002)
        made.append(Clip(f"clip {k}", times, bodies, x, y, none, none, none, none, sigma, sigma, none, inputs=INPUTS, unit="m"))
    return made


@needs_walls
@pytest.mark.parametrize("kind", ["drag", "bounce", "steady", "euler", "black box", "starts"])
def test_motions_are_the_same_to_the_last_bit(kind: str):
    here, there = (moved(law) for law in (law_sources.in_process(law_sources.ALL[kind]), SandboxedLaw.of(law_sources.ALL[kind])))
    assert np.isfinite(here.data).all()
    assert np.array_equal(here.data, there.data)
    assert np.array_equal(here.impacts, there.impacts)
    assert here.walls == there.walls
    assert len(here.impacts) > 0 or kind not in ("bounce", "steady")


@needs_walls
def test_constraints_and_potentials_are_the_laws_own():
    here, there = law_sources.in_process(law_sources.RING), SandboxedLaw.of(law_sources.RING)
    bodies = Bodies.make(1)
    start = State.of(bodies, x=[[1.1]], y=[[0.3]], vx=[[0.5]], vy=[[0.2]], angular_velocity=[[1.0]])
    values = Values({"gravity": np.full((1, 1), 9.0), "ring": np.full((1, 1), 1.2)})
    schedule = Schedule.of([np.linspace(0, 1, 31)], substeps=4)
    paths = [simulate(law, values, start, schedule) for law in (here, there)]
    assert np.isfinite(paths[0].data).all()
    assert np.array_equal(paths[0].data, paths[1].data)
    assert np.allclose(np.hypot(paths[1].component("x"), paths[1].component("y")), 1.2)
    assert there.constrained(bodies) == 2
    assert np.array_equal(there.potential(start, values), here.potential(start, values))
    assert SandboxedLaw.of(law_sources.DRAG).potential(start, values) is None
    assert there.turns


@needs_walls
def test_it_declares_what_the_law_declares():
    for source in law_sources.ALL.values():
        here, there = law_sources.in_process(source), SandboxedLaw.of(source)
        assert list(here.parameters.items()) == list(there.parameters.items())
        for name in ("title", "equation", "kind", "inputs", "objects", "time_step", "turns", "steady", "difference_step", "array_library"):
            assert getattr(here, name) == getattr(there, name), name
        for method in ("project", "contacts", "starts", "potential", "constrained"):
            ours = getattr(type(here), method) is getattr(Law, method)
            assert (getattr(type(there), method) is getattr(Law, method)) == ours, method


@needs_walls
@pytest.mark.parametrize(
    ("kind", "truth"), [("drag", {"gravity": 7.0, "drag": 0.1}), ("steady", {"gravity": 7.0}), ("euler", {"strength": 3.0})]
)
def test_a_fit_finds_the_same(kind: str, truth: dict[str, float]):
    here = law_sources.in_process(law_sources.ALL[kind])
    clips = clips_of(here, **truth)
    ours, theirs = (fit_law(law, clips) for law in (here, SandboxedLaw.of(law_sources.ALL[kind])))
    assert theirs.ok
    assert np.array_equal(ours.theta, theirs.theta)
    assert ours.rollouts == theirs.rollouts
    for name, value in truth.items():
        assert abs(theirs.estimates[name].value - value) < 4 * theirs.estimates[name].sigma


@needs_walls
def test_sums_restrictions_and_other_starts_work():
    drag = law_sources.DRAG.replace(", -parameters.gravity - ", ", -0.0 * parameters.gravity - ")
    here, there = law_sources.in_process(drag), SandboxedLaw.of(drag)
    names = ("object 1",)
    for make in (lambda law: Sum(FreeFall(), law), lambda law: Restricted(law, names), lambda law: Sum(FreeFall(), law.on(*names))):
        ours, theirs = moved(make(here)), moved(make(there))
        assert np.array_equal(ours.data, theirs.data)
    assert there.starting(drag=0.2).parameters["drag"].start == 0.2
    assert there.parameters["drag"].start == 0.05
    assert repr(there) == repr(here)


@needs_walls
def test_starts_are_asked_of_a_process_that_is_not_asked_again():
    law = SandboxedLaw.of(law_sources.STARTS)
    assert law.session.worker is not None
    first = law.session.worker.pid
    clips = clips_of(law, gravity=7.0)
    for clip in clips[:2]:
        found = law.starts(clip)
        assert abs(found["gravity"] - 7.0) < 0.5
        assert np.array_equal(found["mass"], [1.0])
        # each has seen this one clip, and none of the others
        assert found["memory"] == 1.0
    assert law.session.worker.pid == first
    # what has seen data is not what simulates: there the law's memory is empty
    fallen = moved(law, clips=1, objects=1)
    assert np.array_equal(fallen.data, moved(law_sources.in_process(law_sources.STARTS), clips=1, objects=1).data)


@needs_walls
def test_no_data_and_no_score_goes_into_a_worker(monkeypatch: pytest.MonkeyPatch):
    sent: list[bytes] = []
    through = worker.Worker.call

    def call(self: Any, op: str, text: Any, arrays: Any, most: int) -> Any:
        sent.extend(np.ascontiguousarray(one, float).tobytes() for one in arrays)
        return through(self, op, text, arrays, most)

    monkeypatch.setattr(worker.Worker, "call", call)
    here = law_sources.in_process(law_sources.DRAG)
    clips = clips_of(here, gravity=7.0)
    assert fit_law(SandboxedLaw.of(law_sources.DRAG), clips).ok
    everything = b"".join(sent)
    assert np.ascontiguousarray(clips[0].times).tobytes()[8:16] in everything
    for clip in clips:
        # the middle of the clip; where it begins, the state is what the law starts from
        assert all(value.tobytes() not in everything for value in np.concatenate([clip.x[5:, 0], clip.y[5:, 0]]))


@needs_walls
def test_long_batches_are_split_so_that_none_takes_too_long():
    law = SandboxedLaw.of(law_sources.DRAG, limits=Limits(seconds=1.0))
    law._pace = 1.0
    assert np.array_equal(moved(law, clips=3).data, moved(law_sources.in_process(law_sources.DRAG), clips=3).data)


@needs_walls
def test_a_saved_fit_runs_again_from_its_own_text(tmp_path: Path):
    law = SandboxedLaw.of(law_sources.DRAG, file="model.py").starting(drag=0.07)
    clips = clips_of(law, gravity=7.0, drag=0.1)
    fit = fit_law(law, clips)
    save(fit, tmp_path / "law.json", clips=clips)
    back = load(tmp_path / "law.json")
    assert isinstance(back.law, SandboxedLaw)
    assert back.warnings == fit.warnings
    assert back.law.parameters["drag"].start == 0.07
    assert np.array_equal(back.rollout(clips[0].times).data, fit.rollout(clips[0].times).data)
    again = tmp_path / "again.json"
    save(back, again)
    assert isinstance(load(again).law, SandboxedLaw)
    trusted = load(again, trust=True)
    assert not isinstance(trusted.law, SandboxedLaw)
    assert np.array_equal(trusted.rollout(clips[0].times).data, fit.rollout(clips[0].times).data)


@needs_walls
def test_a_text_that_was_changed_since_the_fit_is_said(tmp_path: Path):
    law = SandboxedLaw.of(law_sources.DRAG, file="model.py")
    path = tmp_path / "law.json"
    save(fit_law(law, clips_of(law)), path)
    path.write_text(path.read_text(encoding="utf-8").replace("A thrown ball", "A thrown brick"), encoding="utf-8")
    assert any("the text of model.py in law.json has changed" in one for one in load(path).warnings)


def settings(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace('"kind": "file",', '"kind": "file", "settings": {"session": 1},'), encoding="utf-8")


@needs_walls
def test_a_saved_fit_sets_nothing_of_a_law_in_the_sandbox(tmp_path: Path):
    law = SandboxedLaw.of(law_sources.DRAG)
    save(fit_law(law, clips_of(law)), tmp_path / "law.json")
    settings(tmp_path / "law.json")
    with pytest.raises(UsageError, match="no settings, and this one has session"):
        load(tmp_path / "law.json")


@needs_walls
def test_several_laws_in_a_source_need_a_name():
    both = law_sources.DRAG + law_sources.EULER
    with pytest.raises(SandboxError, match=r"holds 2 laws: AirDrag, Euler"):
        SandboxedLaw.of(both)
    assert SandboxedLaw.of(both, name="Euler").title == "euler"
    with pytest.raises(SandboxError, match="unknown law in the source 'Eule'"):
        SandboxedLaw.of(both, name="Eule")


CLASS = "from kinescribe.dynamics import Law\nclass A(Law):\n    "
STEP = "\n    def step(self): return 1"


@needs_walls
@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("x = 1", "holds no law"),
        ("x = 1 / 0", "line 1: raises ZeroDivisionError"),
        (f"{CLASS}pass", "must define one of acceleration, step and rollout"),
        (f"{CLASS}def __init__(self):\n        raise ValueError('no'){STEP}", "ValueError: no"),
        (f"{CLASS}array_library = 'torch'{STEP}", "written with numpy, not torch"),
        (f"{CLASS}def read(self, clip): return clip{STEP}", "may add project, .*, not read"),
        (f"{CLASS}time_step = 1e999{STEP}", "law"),
    ],
)
def test_a_source_that_is_no_law_says_why(source: str, said: str):
    with pytest.raises(SandboxError, match=said):
        SandboxedLaw.of(source)


def test_it_is_not_made_but_of_a_source():
    with pytest.raises(TypeError, match=r"SandboxedLaw\.of"):
        SandboxedLaw()


# where there is no isolation


def test_without_isolation_nothing_runs_unless_it_is_trusted(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(worker, "machine", lambda: None)
    with pytest.raises(SandboxError, match=r"no isolation here: .*--trust \(trust=True\)") as caught:
        law_of_source(law_sources.DRAG)
    assert caught.value.reason == "unavailable"
    assert isolation().level == "none"
    law = law_of_source(law_sources.DRAG, trust=True)
    assert not isinstance(law, SandboxedLaw)
    assert np.array_equal(moved(law).data, moved(law_sources.in_process(law_sources.DRAG)).data)


def test_trusted_text_that_does_not_run_is_told_with_its_line():
    with pytest.raises(InputError, match=r"mine\.py: line 2: ZeroDivisionError"):
        law_of_source("x = 1\ny = x / 0\n", file="mine.py", trust=True)


@needs_walls
def test_a_kernel_without_a_filter_is_found_out_before_anything_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    # the worker as it would greet from such a kernel
    begin = worker._BEGIN.replace(
        "from kinescribe.dynamics.sandbox.child import main;",
        f"import kinescribe.dynamics.sandbox.child as child; from kinescribe.dynamics.sandbox.lockdown import Shut; "
        f"child.lock_down = lambda *_: {Shut(0, False)!r}; main = child.main;",
    )
    monkeypatch.setattr(worker, "_BEGIN", begin)
    with pytest.raises(SandboxError, match=r"takes no filter of system calls \(seccomp\)") as caught:
        law_of_source(law_sources.DRAG)
    assert caught.value.reason == "unavailable"
    # and one that claims what the kernel does not confirm
    monkeypatch.setattr(worker, "_BEGIN", begin.replace("seccomp=False", "seccomp=True"))
    with pytest.raises(SandboxError, match="no isolation here"):
        law_of_source(law_sources.DRAG)


@needs_walls
def test_an_interpreter_that_does_not_start_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(worker.sys, "executable", str(tmp_path / "python"))
    with pytest.raises(SandboxError, match="does not start") as caught:
        law_of_source(law_sources.DRAG)
    assert caught.value.reason == "unavailable"
    monkeypatch.setattr(worker, "_BEGIN", "import sys; sys.exit(7)")
    monkeypatch.undo()
    monkeypatch.setattr(worker, "_BEGIN", "import sys; sys.exit(7)")
    with pytest.raises(SandboxError, match="does not start: it ended with code 7"):
        law_of_source(law_sources.DRAG)


@needs_walls
def test_the_level_is_told():
    found = isolation()
    assert found.level in ("full", "filter")
    assert "seccomp" in found.text


def _forked(law: SandboxedLaw, results: Any) -> None:
    other = SandboxedLaw.of(law_sources.EULER)
    # the same law moves here too, by a worker of this process, and letting go of it leaves the parent's alone
    results.put((other.title, float(moved(law).data.sum())))
    law.close()


@needs_walls
def test_a_process_that_was_forked_starts_workers_of_its_own():
    law = SandboxedLaw.of(law_sources.DRAG)
    first = law.session.worker
    context = multiprocessing.get_context("fork")
    results = context.Queue()
    process = context.Process(target=_forked, args=(law, results))
    process.start()
    assert results.get(timeout=60) == ("euler", float(moved(law).data.sum()))
    process.join(60)
    assert law.session.worker is first
    assert first is not None
    assert first.alive
    assert isinstance(fit_law(law, clips_of(law)), Fit)


@needs_walls
def test_a_file_of_a_stranger_is_read_and_held(tmp_path: Path):
    path = tmp_path / "theirs.py"
    path.write_text(law_sources.DRAG + law_sources.EULER, encoding="utf-8")
    law = law_of_file(path, name="AirDrag")
    assert isinstance(law, SandboxedLaw)
    assert (law.title, law.file) == ("air drag", "theirs.py")
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="not Python in UTF-8"):
        law_of_file(path)
    path.write_bytes(b"#" * 70_000)
    with pytest.raises(InputError, match="70000 bytes are too many"):
        law_of_file(path)
    with pytest.raises(InputError, match="No such file"):
        law_of_file(tmp_path / "none.py")


@needs_walls
def test_a_law_that_is_not_as_steady_as_it_says_is_found_out():
    for force in ("-parameters.gravity * state.y", "-parameters.gravity * t", "-parameters.gravity + 0.1 * state.vx"):
        law = SandboxedLaw.of(law_sources.STEADY.replace("return 0.0 * state.x, -parameters.gravity", f"return 0.0, {force}"))
        with pytest.raises(UsageError, match="says steady = True"):
            moved(law)


@needs_walls
def test_a_steady_law_is_asked_once_for_what_does_not_change(monkeypatch: pytest.MonkeyPatch):
    law = SandboxedLaw.of(law_sources.STEADY)
    asked: list[str] = []
    through = worker.Worker.call
    monkeypatch.setattr(worker.Worker, "call", lambda self, op, *rest: (asked.append(op), through(self, op, *rest))[1])
    moved(law)
    assert asked == ["steady"]
    # other objects, or other parameters, are another question, and fewer clips of the same are not
    bodies, other = Bodies.make(2, radius=0.1), Bodies.make(2, radius=0.2)
    few, many = ({"gravity": np.full((clips, 1), 5.0), "restitution": np.full((clips, 1), 0.5)} for clips in (2, 3))
    start, nothing = State.of(bodies, x=np.ones((3, 2))), Values({})
    cases = [
        (many, bodies, 3, 2),
        (many, bodies, 3, 2),
        (few, bodies, 2, 2),
        (many, other, 3, 3),
        (few, bodies, 2, 4),
        (many, bodies, 3, 5),
    ]
    for values, about, clips, questions in cases:
        state = State(start.data[:, :clips], about)
        ax, ay = law.acceleration(np.zeros((clips, 1)), state, Values(values), nothing)
        assert ax.shape == ay.shape == (clips, 2)
        assert (ay == -5.0).all()
        assert law.contacts(about, Values(values)).walls[0].restitution.shape == (clips, 1)
        assert len(asked) == questions
    moons = {"gravity": np.array([[1.6], [9.8]]), "restitution": np.full((2, 1), 0.5)}
    assert law.acceleration(np.zeros((2, 1)), State(start.data[:, :2], bodies), Values(moons), nothing)[1].tolist() == [
        [-1.6] * 2,
        [-9.8] * 2,
    ]


@needs_walls
def test_steps_are_asked_for_several_at_a_time_until_something_is_struck(monkeypatch: pytest.MonkeyPatch):
    law, here = SandboxedLaw.of(law_sources.BOUNCE), law_sources.in_process(law_sources.BOUNCE)
    asked: list[str] = []
    through = worker.Worker.call
    monkeypatch.setattr(worker.Worker, "call", lambda self, op, *rest: (asked.append(op), through(self, op, *rest))[1])
    bodies, times = Bodies.make(1, radius=0.1), np.arange(0.0, 2.0, 1 / 30)
    values = Values({name: np.full((2, 1), one.start) for name, one in law.parameters.items()})
    for height, struck in ((50.0, False), (0.5, True)):
        asked.clear()
        start = State.of(bodies, x=np.zeros((2, 1)), y=[[height], [height + 0.2]], vx=0.1)
        ours, theirs = (simulate(one, values, start, Schedule.of([times] * 2)) for one in (here, law))
        assert np.array_equal(ours.data, theirs.data)
        assert (len(ours.impacts) > 0) == struck
        # 59 steps: where nothing is struck 1 + 2 + 4 + 8 + …
        assert asked.count("steps") == 10 if not struck else 10 < asked.count("steps") < 59
        assert ("move" in asked) == struck
