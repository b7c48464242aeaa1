"""The run's side of a worker: starts it, hands it one job at a time, holds it to its limits, and tells what became of the job."""

from __future__ import annotations

import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

import kinescribe
from kinescribe.annotation.batch.jobs import Job, Limits, Outcome
from kinescribe.annotation.batch.keys import has_weights_in
from kinescribe.annotation.batch.worker import LOG_LEVEL
from kinescribe.errors import KinescribeError
from kinescribe.llm.text import one_line
from kinescribe.logs import hand_on, level_for_workers

__all__ = ["Stopped", "WorkerProcess"]

_LOOK_S = 0.1  # between two looks at the clock and at the memory
_RENEW_SHARE = 0.5  # of the memory limit: a worker that holds so much after a job is replaced
_END_S = 2.0  # that a process which can't be heard any more has to end by itself
_CHILDREN_S = 3  # every so many seconds the memory of a worker's children counts too
_START_S = 120.0  # until a new process must have answered
_TAIL = 64_000  # of what it wrote: after a crash Python lists all modules that are loaded
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
_OF_TORCH = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


# the folder of our own package last: an installed one is the same; -P, so that no json.py of the current folder is taken for Python's
_BEGIN = "import sys; sys.path.append(sys.argv[1]); from kinescribe.annotation.batch.worker import main; sys.exit(main())"
_ROOT = str(Path(kinescribe.__file__).parents[1])


class Stopped(Exception):
    """The run is over, and the job with it."""


class _Gone(Exception):
    """The process ended without an answer."""


class WorkerProcess:
    """One worker, started when it is first needed and replaced when it ended. One job at a time; `stop` may come from any thread."""

    def __init__(self, threads: int = 1, environment: Mapping[str, str] | None = None) -> None:
        """Nothing is started yet.

        Args:
            threads: that OpenCV may use in it, and where models with weights run torch too.
            environment: variables that it gets besides ours, such as CUDA_VISIBLE_DEVICES.
        """
        self._threads, self._more = threads, dict(environment or {})
        self._learned = False
        self._process: subprocess.Popen[bytes] | None = None
        self._said: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._words: _Tail | None = None
        self._stopped = threading.Event()
        self._guard = threading.Lock()

    def do(self, job: Job, limits: Limits, progress: Callable[[str, int, int | None], None]) -> Outcome:
        """Do a video; an outcome comes back whatever happens to the process.

        Raises:
            Stopped: `stop` was called.
        """
        began = time.monotonic()
        for attempt in range(limits.retries + 1):
            try:
                answer = self._ask({"task": "video", "job": job.to_dict()}, limits, progress, learned=has_weights_in(job.revisions))
                break
            except TimeoutError:
                _clear(job)
                reason = f"not done after {limits.seconds:g} s; give --timeout more seconds, or look at the video"
                return Outcome("failed", "timeout", reason, seconds=time.monotonic() - began)
            except MemoryError:
                _clear(job)
                reason = f"it took more than {limits.memory / 2**20:.0f} MB of memory; give --max-memory more, or fewer --workers"
                return Outcome("failed", "memory", reason, seconds=time.monotonic() - began)
            except _Gone as gone:
                _clear(job)
                if attempt == limits.retries:
                    times = f", {attempt + 1} times" if attempt else ""
                    return Outcome("failed", "crash", f"its process died ({gone}){times}", seconds=time.monotonic() - began)
        outcome = Outcome.of(answer)
        self._renew(limits)
        return outcome

    def call(self, task: Mapping[str, Any], progress: Callable[[str, int, int | None], None]) -> dict[str, Any]:
        """Have it do something else than a video, without limits.

        Raises:
            KinescribeError: its process died.
            Stopped: `stop` was called.
        """
        try:
            return self._ask(dict(task), Limits(), progress)
        except _Gone as gone:
            raise KinescribeError(f"the process that was to do the {task['task']} died ({gone}); run again to go on") from None

    def stop(self) -> None:
        """End it, and whatever it is at; it can't be used any more."""
        self._stopped.set()
        self._end()

    @property
    def pid(self) -> int | None:
        """Of the process, None where none runs."""
        return self._process.pid if self._process is not None else None

    def _ask(
        self, message: dict[str, Any], limits: Limits, progress: Callable[[str, int, int | None], None], *, learned: bool = False
    ) -> dict[str, Any]:
        self._start(learned)
        process = self._process
        assert process is not None
        assert process.stdin is not None
        try:
            process.stdin.write(json.dumps(message).encode() + b"\n")
            process.stdin.flush()
        except OSError:
            raise _Gone(self._last_words()) from None
        began = time.monotonic()
        while True:
            try:
                said = self._said.get(timeout=_LOOK_S)
            except queue.Empty:
                said = {}
            if self._stopped.is_set():
                raise Stopped
            if said is None or (not said and self._gone_quietly(process)):
                raise _Gone(self._last_words())
            if "result" in said:
                return dict(said["result"])
            if "progress" in said:
                progress(*said["progress"])
            if "log" in said:
                hand_on(said["log"], **({"for": message["job"]["name"]} if "job" in message else {}))
            if time.monotonic() - began > limits.seconds:
                self._end()
                raise TimeoutError
            if limits.memory < float("inf") and _memory_of(process.pid) > limits.memory:
                self._end()
                raise MemoryError

    def _start(self, learned: bool) -> None:
        with self._guard:
            if self._stopped.is_set():
                raise Stopped
            if self._process is not None and self._process.poll() is None:
                if learned == self._learned:
                    return
                _kill(self._process)  # how many threads its libraries take is settled when they are loaded
            self._close()
            self._learned = learned
            self._said = queue.Queue()
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-c", _BEGIN, _ROOT],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self._environment(learned),
                start_new_session=os.name != "nt",  # Ctrl-C is the run's to handle, and the whole group can be ended
            )  # fmt: skip
            self._words = _Tail(self._process)
            threading.Thread(target=_hear, args=(self._process, self._said), daemon=True).start()
        self._wait_ready()

    def _environment(self, learned: bool) -> dict[str, str]:
        # BLAS sums in another order with more threads: one always, so that results are the same bytes on any machine; but torch takes
        # the number for its models from the same variables
        blas = dict.fromkeys(_THREADS, "1") | (dict.fromkeys(_OF_TORCH, str(self._threads)) if learned else {})
        level = level_for_workers()
        told = {} if level is None else {LOG_LEVEL: str(level)}
        return {**os.environ, **blas, "OPENCV_FOR_THREADS_NUM": str(self._threads), **told, **self._more}

    def _wait_ready(self) -> None:
        end = time.monotonic() + _START_S
        while time.monotonic() < end:
            try:
                said = self._said.get(timeout=_LOOK_S)
            except queue.Empty:
                said = {}
            if self._stopped.is_set():
                raise Stopped
            if said is None or (not said and self._gone_quietly(self._process)):
                raise _Gone(self._last_words())
            if "ready" in said:
                return
        self._end()
        raise _Gone(f"it didn't start within {_START_S:g} s")

    def _gone_quietly(self, process: subprocess.Popen[bytes] | None) -> bool:
        """Whether it ended while a child of its own still holds the pipe, so that no end of the pipe tells so."""
        return process is not None and process.poll() is not None and self._said.empty()

    def _renew(self, limits: Limits) -> None:
        if self._process is not None and limits.memory < float("inf") and _memory_of(self._process.pid) > _RENEW_SHARE * limits.memory:
            self._end()

    def _end(self) -> None:
        with self._guard:
            if self._process is not None:
                _kill(self._process)
            self._close()

    def _close(self) -> None:
        if self._process is not None:
            for stream in (self._process.stdin, self._process.stdout):
                with suppress(OSError):
                    if stream is not None:
                        stream.close()
            self._process = None
        self._words = None

    def _last_words(self) -> str:
        """How the process ended, and the last lines that it wrote."""
        with self._guard:
            if self._process is None:
                return "it was ended"
            try:
                code = self._process.wait(_END_S)
            except subprocess.TimeoutExpired:  # it closed the pipe, or wrote into it what is no message, and lives on
                code = None
            _kill(self._process)  # with whatever it started
            words = ""
            if self._words is not None:
                words = _telling(self._words.text())
            self._close()
        if code is None:
            return f"it no longer answered{words}"
        if code < 0:
            with suppress(ValueError):
                name = signal.Signals(-code).name
                # no process of ours sends it to a worker that is at a video, but a system that runs out of memory does
                return f"{name}{', perhaps for want of memory: fewer --workers take less' if name == 'SIGKILL' else ''}{words}"
        return f"exit code {code}{words}"


class _Tail:
    """The last that a process wrote on stderr, however much that is: a decoder may complain of every frame of a long film."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._kept = b""
        self._reader = threading.Thread(target=self._read, args=(process,), daemon=True)
        self._reader.start()

    def _read(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stderr is not None
        with process.stderr as stream, suppress(ValueError, OSError):
            while block := os.read(stream.fileno(), 65536):
                self._kept = (self._kept + block)[-_TAIL:]

    def text(self) -> str:
        """Of a process that has ended."""
        self._reader.join(_END_S)
        return self._kept.decode("utf-8", "replace")


def _clear(job: Job) -> None:
    """Remove what a process was at when it was ended."""
    shutil.rmtree(job.staging, ignore_errors=True)


def _telling(text: str) -> str:
    """The line that says most: the fatal error that Python tells of, else the last one."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    told = next((line for line in lines if line.startswith("Fatal Python error")), lines[-1] if lines else "")
    return f": {one_line(told, 200)}" if told else ""


def _hear(process: subprocess.Popen[bytes], said: queue.Queue[dict[str, Any] | None]) -> None:
    assert process.stdout is not None
    with suppress(ValueError, OSError):  # the pipe was closed, or a line was cut off with its process
        for line in process.stdout:
            message = json.loads(line)
            if not isinstance(message, dict):
                break
            said.put(message)
    said.put(None)


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End it and its group, where it may have ended already but not what it started."""
    with suppress(ProcessLookupError, PermissionError):
        if os.name == "nt":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _memory_of(pid: int) -> int:
    """Resident bytes of a process and its children; 0 where it's gone."""
    try:
        process = psutil.Process(pid)
        # looking for children goes through all processes of the machine; a worker hardly ever has any
        children = process.children(recursive=True) if int(time.monotonic()) % _CHILDREN_S == 0 else []
        return sum(_resident(one) for one in [process, *children])
    except psutil.Error:
        return 0


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0
