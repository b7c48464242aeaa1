"""A worker's process as the parent has it: started bare, asked one thing at a time, ended when it takes too long or says odd things."""

from __future__ import annotations

import itertools
import os
import platform
import signal
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import kinescribe
from kinescribe.dynamics.sandbox.declaring import words
from kinescribe.dynamics.sandbox.frames import MOST_TEXT, Frame, FrameError
from kinescribe.dynamics.sandbox.limits import Limits
from kinescribe.dynamics.sandbox.pipes import Hung, Pipes, Silent
from kinescribe.dynamics.sandbox.refusal import Reason, SandboxError
from kinescribe.dynamics.sandbox.syscalls import machine

__all__ = ["Worker"]

_BEGIN = (
    "import os, sys; os.environ.update(dict.fromkeys(('OPENBLAS_NUM_THREADS', 'OMP_NUM_THREADS', 'MKL_NUM_THREADS'), '1')); "
    "sys.path += sys.argv[6:]; from kinescribe.dynamics.sandbox.child import main; main()"
)
ROOM = 65_536  # bytes of a reply beside its text and numbers
MOST_SAID = 300


class Worker:
    """One process that runs one source.

    Attributes:
        landlock: version of Landlock that bars it from files; 0: the filter of system calls does that alone.

    Raises:
        SandboxError: no process, or no isolation ("unavailable").
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._serial = itertools.count(1)
        self._lock = threading.Lock()
        if machine() is None:
            raise _unavailable(f"the sandbox needs 64-bit Linux on x86 or ARM, and this is {platform.system()} on {platform.machine()}")
        self._process, self._pipes = _SPAWNER.run(limits)
        self._owner = os.getpid()
        self._end = weakref.finalize(self, _end, self._process, self._pipes, self._owner)
        self.landlock = self._greeted()

    @property
    def alive(self) -> bool:
        """It runs, for this process: what is forked off it inherits its pipes, and needs workers of its own."""
        return self._owner == os.getpid() and self._end.alive and self._process.poll() is None

    @property
    def pid(self) -> int:
        """Number of the process."""
        return self._process.pid

    def call(self, op: str, text: Mapping[str, Any], arrays: Sequence[Any], most: int) -> Frame:
        """The reply to a request; `most`: bytes of numbers that it may have.

        Raises:
            SandboxError: the law raised an error or broke its contract, and the worker goes on; or it took too long, ended or said odd
                things, and the worker is no more.
        """
        with self._lock:
            serial = next(self._serial)
            until = time.monotonic() + self.limits.seconds
            try:
                self._pipes.send(Frame(serial, {**text, "op": op}, tuple(arrays)), until)
                reply = self._pipes.receive(serial, most + MOST_TEXT + ROOM, until)
            except Hung:
                self.close()
                raise SandboxError(f"{op} took longer than {self.limits.seconds:g} s in the sandbox and was ended", "time") from None
            except Silent:
                raise self._ended(op) from None
            except FrameError as error:
                self.close()
                raise SandboxError(f"its process answered {op} with {words(error, MOST_SAID)}, and was ended", "protocol") from None
            except BaseException:
                # interrupted on the way: what is left in the pipes belongs to nobody
                self.close()
                raise
        if "failed" in reply.text:
            raise _failure(reply.text)
        return reply

    def close(self) -> None:
        """End the process."""
        self._end()

    def _greeted(self) -> int:
        """Hear which walls stand, and look for oneself. Nothing of the law has run so far."""
        try:
            hello = self._pipes.receive(0, MOST_TEXT, time.monotonic() + self.limits.start_seconds).text
        except (Hung, Silent, FrameError) as error:
            self.close()
            said = "took too long" if isinstance(error, Hung) else f"ended with code {self._process.poll()}"
            raise _unavailable(f"a bare interpreter ({sys.executable}) does not start: it {said}") from None
        if hello.get("failed") or hello.get("seccomp") is not True or not _confirmed(self._process.pid):
            self.close()
            why = words(hello.get("failed") or "this kernel takes no filter of system calls (seccomp)", MOST_SAID)
            raise _unavailable(why)
        return int(hello.get("landlock", 0))

    def _ended(self, op: str) -> SandboxError:
        """Why the process is no more."""
        try:
            code: int | None = self._process.wait(1.0)
        except subprocess.TimeoutExpired:  # it has closed its end and lives on
            code = None
        self.close()
        how = {
            -signal.SIGSYS: "made a system call that is forbidden there",
            -signal.SIGKILL: f"used up its {self.limits.cpu_seconds} s of processor time, or memory ran out",
            -signal.SIGXCPU: f"used up its {self.limits.cpu_seconds} s of processor time",
            None: "closed its pipe",
        }.get(code, f"ended with code {code}")
        return SandboxError(f"its process {how} during {op}", "ended")


def _unavailable(why: str) -> SandboxError:
    return SandboxError(f"no isolation here: {why}", "unavailable")


def _failure(text: Mapping[str, Any]) -> SandboxError:
    """What went wrong in the worker, in words that can be shown."""
    line = text.get("line")
    where = f"line {line}: " if isinstance(line, int) and 0 < line < 10**6 else ""
    said = words(text.get("failed") or "no message", MOST_SAID)
    if text.get("reason") == "contract":
        reason: Reason = "contract"
        return SandboxError(f"{where}{said}", reason)
    return SandboxError(f"{where}raises {words(text.get('kind', 'an error'), 60)}: {said}", "raised")


def _confirmed(process: int) -> bool:
    """The kernel says of that process that a filter stands and that it can gain no rights; what is not told is taken from its own word."""
    try:
        told = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return True
    lines = dict(line.split(":\t", 1) for line in told.splitlines() if ":\t" in line)
    return lines.get("Seccomp", "2").strip() == "2" and lines.get("NoNewPrivs", "1").strip() == "1"


def _end(process: subprocess.Popen[bytes], pipes: Pipes, owner: int) -> None:
    if owner == os.getpid():
        process.kill()
        process.wait()
    pipes.close()


class _Spawner:
    """Starts processes from a thread that lives as long as the program: a worker ends with the thread that started it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._owner = 0
        self._pool: ThreadPoolExecutor | None = None

    def run(self, limits: Limits) -> tuple[subprocess.Popen[bytes], Pipes]:
        """A process and the pipes to it."""
        with self._lock:
            if self._pool is None or self._owner != os.getpid():
                # a fork takes no threads along
                self._pool, self._owner = ThreadPoolExecutor(1, "kinescribe sandbox"), os.getpid()
            return self._pool.submit(_started, limits).result()


_SPAWNER = _Spawner()


def _started(limits: Limits) -> tuple[subprocess.Popen[bytes], Pipes]:
    theirs_in, requests = os.pipe()
    replies, theirs_out = os.pipe()
    numbers = (theirs_in, theirs_out, os.getpid(), limits.memory, int(limits.cpu_seconds))
    # the one that an interpreter may need to find its own library; it is gone before a law is read
    kept = {name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ}
    try:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-B", "-X", "utf8", "-c", _BEGIN, *map(str, numbers), *_roots()],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, pass_fds=(theirs_in, theirs_out), env=kept,
            cwd="/", start_new_session=True,
        )  # fmt: skip
    except OSError as error:
        for one in (requests, replies):
            os.close(one)
        raise _unavailable(f"a bare interpreter ({sys.executable or 'none is known'}) does not start: {error.strerror}") from None
    finally:
        os.close(theirs_in)
        os.close(theirs_out)
    return process, Pipes(requests, replies)


def _roots() -> list[str]:
    """Folders that a bare interpreter does not know: this package's, and those that modules come from here."""
    ours = str(Path(kinescribe.__file__).resolve().parents[1])
    # what may not even be looked at is no folder to find modules in, which pathlib would raise an error for
    return list(dict.fromkeys([ours, *(path for path in sys.path if os.path.isabs(path) and os.path.isdir(path))]))  # noqa: PTH112, PTH117
