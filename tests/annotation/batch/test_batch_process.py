"""One video's process: what it may use, how it may die, and that none outlives its run."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from tiny_videos import draw

from kinescribe.annotation.batch.engines import LocalEngine
from kinescribe.annotation.batch.events import Finished
from kinescribe.annotation.batch.jobs import Job, Limits, Outcome, Products
from kinescribe.annotation.batch.process import Stopped, WorkerProcess
from kinescribe.errors import KinescribeError
from kinescribe.settings import ExtractionSettings

PLUGIN = '''
import ctypes, os, signal, subprocess, sys, time
from pathlib import Path
import numpy as np
from kinescribe.perception.classical import ClassicalDetector


class Odd(ClassicalDetector):
    """Does what the video's name says."""

    def prepare(self, video, phrases):
        name = Path(video.info.name).stem
        getattr(self, name.split("-")[0], lambda: None)()
        return super().prepare(video, phrases)

    def loop(self):
        while True:
            pass

    def busy(self):  # in C, without giving back Python's lock
        ctypes.PyDLL(None).sleep(1000)

    def hog(self):
        kept = []
        while True:
            kept.append(np.ones(2**24))

    def segv(self):
        os.kill(os.getpid(), signal.SIGSEGV)

    def once(self):
        mark = Path(os.environ["MARKS"]) / "once"
        if not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)

    def count(self):
        with open(Path(os.environ["MARKS"]) / "count", "a") as file:
            file.write("x")
        os.abort()

    def words(self):
        sys.exit("enough is enough")

    def threads(self):
        names = "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS", "OPENCV_FOR_THREADS_NUM"
        (Path(os.environ["MARKS"]) / "threads").write_text(" ".join(os.environ[name] for name in names))

    def silent(self):
        os._exit(0)

    def prints(self):
        print('{"result": {"state": "done"}}')
        print("no message at all")
        os.write(1, b'{"ready": 1}\\n')
        subprocess.run(["echo", "from a child"])

    def fails(self):
        raise RuntimeError("some\\nthing \\x1b[31m broke")

    def leaves(self):  # a child that holds the pipes, and dies
        if os.fork() == 0:
            time.sleep(1000)
        os.kill(os.getpid(), signal.SIGKILL)

    def closes(self):  # nothing can be heard of it any more, and it lives on
        os.closerange(3, 64)
        time.sleep(1000)
'''


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that is like an installed package that offers the detector 'odd'."""
    folder = tmp_path_factory.mktemp("installed")
    (folder / "oddities.py").write_text(PLUGIN)
    info = folder / "oddities-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: oddities\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[kinescribe.detectors]\nodd = oddities:Odd\n")
    return folder


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw(tmp_path_factory.mktemp("videos") / "fine.mp4")


@pytest.fixture(scope="module")
def worker(odd: Path) -> Iterator[WorkerProcess]:
    """One for all tests: each leaves it fit for the next, for that is what it promises."""
    one = WorkerProcess(1, {"PYTHONPATH": f"{odd}{os.pathsep}{os.environ.get('PYTHONPATH', '')}", "MARKS": str(odd)})
    yield one
    one.stop()


def job(video: Path, name: str, into: Path) -> Job:
    """The same clip under another name, which tells the plug-in what to do."""
    path = into / f"{name}.mp4"
    path.write_bytes(video.read_bytes())
    settings = ExtractionSettings.of({"detector": "odd"}).to_dict()
    return Job(path.name, str(path), str(into / "states" / path.name), str(into / "work" / name), settings, {}, Products(report=False))


def do(worker: WorkerProcess, video: Path, name: str, into: Path, limits: Limits | None = None) -> Outcome:
    return worker.do(job(video, name, into), limits or Limits(retries=0), lambda stage, done, total: None)


def is_alive(pid: int | None) -> bool:
    try:
        return pid is not None and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def gone_within(seconds: float, *pids: int) -> bool:
    end = time.monotonic() + seconds
    while any(is_alive(pid) for pid in pids):
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def test_a_video_is_done_and_the_process_serves_for_the_next_one(worker: WorkerProcess, video: Path, tmp_path: Path):
    first = do(worker, video, "fine", tmp_path)
    assert (first.state, first.kind, first.objects) == ("done", None, 1)
    pid = worker.pid
    assert do(worker, video, "prints", tmp_path).state == "done"
    failed = do(worker, video, "fails", tmp_path)
    assert failed.state == "failed"
    assert failed.reason is not None
    assert "detector 'odd'" in failed.reason
    assert "some thing" in failed.reason
    assert "\n" not in failed.reason
    assert "\x1b" not in failed.reason
    assert worker.pid == pid
    assert first.files == {path.name: path.stat().st_size for path in (tmp_path / "states" / "fine.mp4").iterdir()}
    assert sorted(path.name for path in (tmp_path / "states").iterdir()) == ["fine.mp4", "prints.mp4"]
    assert list((tmp_path / "work").iterdir()) == []


@pytest.mark.parametrize("name", ["loop", "busy"])
def test_a_video_that_hangs_is_ended_and_not_tried_again(worker: WorkerProcess, video: Path, tmp_path: Path, name: str):
    do(worker, video, "fine", tmp_path)  # so that starting up isn't part of the time
    pid = worker.pid
    outcome = do(worker, video, name, tmp_path, Limits(seconds=0.6, retries=3))
    assert (outcome.state, outcome.kind) == ("failed", "timeout")
    assert outcome.reason == "not done after 0.6 s; give --timeout more seconds, or look at the video"
    assert not is_alive(pid)
    assert not (tmp_path / "work" / name).exists()


def test_a_video_that_takes_too_much_memory_is_ended(worker: WorkerProcess, video: Path, tmp_path: Path):
    outcome = do(worker, video, "hog", tmp_path, Limits(memory=1.2e9, retries=3))
    assert (outcome.state, outcome.kind) == ("failed", "memory")
    assert outcome.reason is not None
    assert re.match(r"it took more than 1144 MB of memory; give --max-memory more, or fewer --workers", outcome.reason)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("segv", r"SIGSEGV: Fatal Python error: Segmentation fault"),
        ("words", r"exit code 1: enough is enough"),
        ("silent", r"exit code 0"),
        ("leaves", r"SIGKILL"),
        ("closes", r"it no longer answered"),
    ],
)
def test_a_process_that_dies_is_told_with_how(worker: WorkerProcess, video: Path, tmp_path: Path, name: str, says: str):
    do(worker, video, "fine", tmp_path)
    pid = worker.pid
    outcome = do(worker, video, name, tmp_path, Limits(seconds=20, retries=0))
    assert (outcome.state, outcome.kind) == ("failed", "crash")
    assert outcome.reason is not None
    assert re.match(rf"its process died \({says}", outcome.reason), outcome.reason
    assert not (tmp_path / "work" / name).exists()
    assert pid is not None
    assert gone_within(5.0, *(process.pid for process in psutil.process_iter() if _group(process.pid) == pid))


def _group(pid: int) -> int | None:
    try:
        return os.getpgid(pid)
    except OSError:
        return None


def test_a_process_that_dies_is_begun_again_so_many_times(worker: WorkerProcess, video: Path, odd: Path, tmp_path: Path):
    outcome = do(worker, video, "count", tmp_path, Limits(retries=1))
    assert (outcome.kind, (odd / "count").read_text()) == ("crash", "xx")
    assert outcome.reason is not None
    assert outcome.reason.startswith("its process died (SIGABRT")
    assert outcome.reason.endswith(", 2 times")
    outcome = do(worker, video, "once", tmp_path, Limits(retries=1))
    assert (outcome.state, outcome.kind) == ("done", None)


def test_after_any_of_these_the_next_video_is_done(worker: WorkerProcess, video: Path, tmp_path: Path):
    assert do(worker, video, "fine", tmp_path).state == "done"


def test_stopping_ends_a_process_in_the_middle_of_a_video(video: Path, odd: Path, tmp_path: Path):
    worker = WorkerProcess(1, {"PYTHONPATH": f"{odd}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"})
    raised: list[BaseException] = []

    def serve() -> None:
        try:
            do(worker, video, "busy", tmp_path)
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=serve)
    thread.start()
    while worker.pid is None:
        time.sleep(0.01)
    pid = worker.pid
    time.sleep(0.5)
    worker.stop()
    thread.join(5)
    assert not is_alive(pid)
    assert [type(error) for error in raised] == [Stopped]
    with pytest.raises(Stopped):
        do(worker, video, "fine", tmp_path)


def test_a_task_whose_process_dies_is_an_error_in_one_line(worker: WorkerProcess):
    with pytest.raises(KinescribeError, match="process that was to do the data set died"):
        worker.call({"task": "data set"}, lambda stage, done, total: None)


def test_an_engine_does_all_videos_and_an_error_of_the_caller_stops_it(video: Path, tmp_path: Path):
    jobs = [job(video, f"fine-{k}", tmp_path) for k in range(3)]
    jobs = [Job.of({**one.to_dict(), "settings": ExtractionSettings().to_dict()}) for one in jobs]
    engine = LocalEngine(2, Limits())
    seen: list[str] = []
    engine.run(iter(jobs), lambda event: seen.append(event.job.name) if isinstance(event, Finished) else None)
    assert sorted(seen) == [one.name for one in jobs]
    before = {process.pid for process in psutil.Process().children(recursive=True)}

    def refuse(event: object) -> None:
        raise OSError("the disk is on fire")

    with pytest.raises(OSError, match="on fire"):
        LocalEngine(2, Limits()).run(iter(jobs), refuse)
    assert {process.pid for process in psutil.Process().children(recursive=True) if is_alive(process.pid)} <= before


COORDINATOR = """
import sys, threading
from kinescribe.annotation.batch.jobs import Job, Limits
from kinescribe.annotation.batch.process import WorkerProcess
import json
workers = [WorkerProcess(1) for _ in range(2)]
jobs = [Job.of(one) for one in json.loads(sys.argv[1])]
threads = [
    threading.Thread(target=worker.do, args=(job, Limits(), lambda *words: None)) for worker, job in zip(workers, jobs)
]
for thread in threads: thread.start()
while not all(worker.pid for worker in workers): pass
print(*(worker.pid for worker in workers), flush=True)
threads[0].join()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent died while it is in C")
def test_no_process_outlives_a_run_that_was_killed(video: Path, odd: Path, tmp_path: Path):
    """Neither one in a loop of Python nor one in C that holds Python's lock."""
    jobs = json.dumps([job(video, name, tmp_path).to_dict() for name in ("busy", "loop")])
    environment = {**os.environ, "PYTHONPATH": f"{odd}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}
    with subprocess.Popen([sys.executable, "-c", COORDINATOR, jobs], stdout=subprocess.PIPE, env=environment) as run:
        assert run.stdout is not None
        pids = [int(word) for word in run.stdout.readline().split()]
        time.sleep(1.0)
        assert all(is_alive(pid) for pid in pids)
        run.send_signal(signal.SIGKILL)
    assert gone_within(5.0, *pids)


def test_models_take_the_threads_that_were_asked_for_and_everything_else_one(odd: Path, video: Path, tmp_path: Path):
    """BLAS sums in another order with more: what is done without models is the same bytes whatever is asked for."""
    worker = WorkerProcess(3, {"PYTHONPATH": f"{odd}{os.pathsep}{os.environ.get('PYTHONPATH', '')}", "MARKS": str(tmp_path)})
    told, pids = [], []
    try:
        for name, parts in (("threads-1", "odd"), ("threads-2", "odd of x, weights abc"), ("threads-3", "odd")):
            asked = replace(job(video, name, tmp_path), revisions={"detector": parts})
            assert worker.do(asked, Limits(retries=0), lambda stage, done, total: None).state == "done"
            told.append((tmp_path / "threads").read_text())
            pids.append(worker.pid)
    finally:
        worker.stop()
    assert told == ["1 1 1 1 3", "3 3 3 3 3", "1 1 1 1 3"]
    assert len(set(pids)) == 3, "libraries take the number when they are loaded"
    assert gone_within(5.0, *(pid for pid in pids if pid is not None))
