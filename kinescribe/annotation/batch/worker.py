"""A worker: a process of its own that does jobs one after the other. ``python -m kinescribe.annotation.batch.worker`` starts one.

Jobs come in as lines of JSON on stdin, what there is to say goes out as lines of JSON on what was stdout. It isn't a fork, nor does it
import the program that started it: notebooks and scripts without a main guard can start workers. It ends when stdin does, so
that none outlives its run, however that ends.
"""

from __future__ import annotations

import faulthandler
import json
import os
import queue
import sys
import threading
import time
from collections.abc import Callable
from typing import IO, Any

__all__ = ["main"]

_EVERY_S = 0.2  # between two reports of progress
_SAYING = threading.Lock()
LOG_LEVEL = "KINESCRIBE_WORKER_LOG_LEVEL"
"""The variable that says from which level on whoever started the worker wants records."""


def main() -> int:
    """Do jobs until stdin ends."""
    faulthandler.enable()  # where a decoder takes the process down, its last words say where
    _end_with_parent()
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print is no message of ours
    jobs: queue.Queue[dict[str, Any] | None] = queue.Queue()
    threading.Thread(target=_listen, args=(jobs,), daemon=True).start()
    _say(out, {"ready": os.getpid()})
    if os.environ.get(LOG_LEVEL, "").isdecimal():
        from kinescribe.logs import forward

        forward(lambda record: _say(out, {"log": record}), int(os.environ[LOG_LEVEL]))
    while (job := jobs.get()) is not None:
        _say(out, {"result": _do(job, _reporter(out))})
    return 0


def _do(job: dict[str, Any], progress: Callable[[str, int, int | None], None]) -> dict[str, Any]:
    if job["task"] == "video":
        from kinescribe.annotation.batch.jobs import Job
        from kinescribe.annotation.batch.work import work

        return work(Job.of(job["job"]), progress).to_dict()
    from kinescribe.annotation.batch.finishing import carry_out

    return carry_out(job, progress)


def _listen(jobs: queue.Queue[dict[str, Any] | None]) -> None:
    """Hand on what comes in; when nothing more can come, the run is over, and so is whatever this process is at."""
    for line in sys.stdin:
        jobs.put(json.loads(line))
    os._exit(0)


def _say(out: IO[str], message: dict[str, Any]) -> None:
    with _SAYING:  # records may come from any thread
        out.write(json.dumps(message) + "\n")
        out.flush()


def _reporter(out: IO[str]) -> Callable[[str, int, int | None], None]:
    last: dict[str, float] = {}

    def report(stage: str, done: int, total: int | None) -> None:
        now = time.monotonic()
        if done == total or now - last.get(stage, 0.0) >= _EVERY_S:
            last[stage] = now
            _say(out, {"progress": [stage, done, total]})

    return report


def _end_with_parent() -> None:
    """Where the system can: end at once when the parent does, even in the middle of a call into C that never comes back."""
    if sys.platform == "linux":
        from kinescribe.dynamics.sandbox.kernel import die_with_parent

        die_with_parent(os.getppid())


if __name__ == "__main__":
    sys.exit(main())
