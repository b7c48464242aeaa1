"""Starting, asking and ending the program that runs `groundingdino-py` in its own environment."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
import weakref
from io import BufferedReader
from pathlib import Path
from typing import IO, Any

from kinescribe.errors import InputError, KinescribeError, UsageError
from kinescribe.perception.grounded_sam import groundingdino_worker as protocol

__all__ = ["PYTHON", "RECIPE", "WorkerProcess", "cleaned", "find_python", "python_missing"]

PYTHON = "KINESCRIBE_GROUNDINGDINO_PYTHON"
RECIPE = (
    "python3 -m venv gdino && gdino/bin/pip install 'torch<2.14' torchvision 'transformers<5' 'timm<2' groundingdino-py==0.4.0 && "
    f"export {PYTHON}=$PWD/gdino/bin/python"
)
START_S = 60.0
END_S = 2.0
SCRIPT = Path(protocol.__file__)
ONLY_LOCAL = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}

Message = tuple[dict[str, Any], dict[str, Any]]


def find_python(named: str | None) -> Path:
    """The interpreter beside groundingdino-py: the one named, else $KINESCRIBE_GROUNDINGDINO_PYTHON. Raises `UsageError` where it isn't."""
    text = named or os.environ.get(PYTHON, "")
    if not text:
        raise UsageError(f"groundingdino-py runs in an environment of its own, and ${PYTHON} doesn't name its python; make one: {RECIPE}")
    try:
        path = Path(text).expanduser().absolute()  # not resolved: the python of an environment is a link, and finds it by its own place
        is_folder, runs = path.is_dir(), path.is_file() and os.access(path, os.X_OK)
    except (OSError, RuntimeError) as error:  # no such user, a name that is too long, a folder that may not be looked into
        raise UsageError(f"the python of groundingdino-py '{cleaned(text, 80)}' can't be looked at ({cleaned(error)})") from error
    if is_folder:
        raise UsageError(f"the python of groundingdino-py '{text}' is a folder; name the program in it, such as {path / 'bin' / 'python'}")
    if not runs:
        raise UsageError(f"the python of groundingdino-py '{cleaned(text, 80)}' is no program here; make the environment: {RECIPE}")
    return path


def cleaned(text: object, longest: int = 300) -> str:
    """What a program said, in one line without control characters, and no longer than so many characters."""
    if isinstance(text, OSError) and text.strerror:
        text = text.strerror
    words = " ".join("".join(c if c.isprintable() else " " for c in str(text)[: 8 * longest]).split())
    return words if len(words) <= longest else words[: longest - 1] + "…"


def python_missing(named: str | None = None) -> str | None:
    """What the environment lacks, in one line, None where the package is in it. Starts its python, without torch."""
    try:
        worker = WorkerProcess(find_python(named), START_S, arguments=("--versions",))
    except KinescribeError as error:
        return str(error)
    installed = worker.hello.get("versions")
    worker.close()
    if not isinstance(installed, dict):
        return f"{worker.python} doesn't tell what is installed beside it; make an environment for groundingdino-py: {RECIPE}"
    if installed.get("groundingdino-py") is None:
        return f"groundingdino-py is not installed beside {worker.python}; make an environment that has it: {RECIPE}"
    version = cleaned(installed.get("transformers"), 40)
    if version.split(".")[0] != "4":
        return f"groundingdino-py needs transformers 4 and {worker.python} has {version}; make an environment: {RECIPE}"
    return None


class WorkerProcess:
    """The program, running. It ends with `close`, with this object, and with this process.

    Args:
        python: interpreter that runs it.
        timeout_s: longest wait for an answer.
        arguments: for the program.

    Attributes:
        hello: what the program said first.

    Raises:
        UsageError: it does not start, or is no such program.
    """

    def __init__(self, python: Path, timeout_s: float, *, arguments: tuple[str, ...] = ()) -> None:
        self.python = python
        self._timeout_s = timeout_s
        self._lock = threading.Lock()
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 (closed with the process)
        try:
            # -I: not the folder of the script, whose modules have the names of others, nor $PYTHONPATH, which is this interpreter's
            self._process = subprocess.Popen(
                [str(python), "-I", str(SCRIPT), *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                env={**os.environ, **ONLY_LOCAL},
                start_new_session=True,
            )
        except OSError as error:
            self._errors.close()
            raise UsageError(f"the python of groundingdino-py {python} does not start ({error.strerror}); make one: {RECIPE}") from error
        self._end = weakref.finalize(self, _end, self._process, self._errors)
        try:
            self.hello, _ = self._exchange(None, min(START_S, timeout_s))
        except InputError as error:
            raise UsageError(f"{error}; make an environment for groundingdino-py: {RECIPE}") from error
        if any(self.hello.get(key) != value for key, value in protocol.HELLO.items()):
            self.close()
            raise UsageError(f"{python} runs another program than {SCRIPT.name}; make an environment for groundingdino-py: {RECIPE}")

    @property
    def alive(self) -> bool:
        """Whether it can still be asked."""
        return self._end.alive and self._process.poll() is None

    @property
    def process_id(self) -> int:
        """Of the program."""
        return self._process.pid

    def close(self) -> None:
        """End the program and wait for its end. May be called again."""
        self._end()

    def ask(self, request: str, arrays: dict[str, Any] | None = None, **values: Any) -> Message:
        """The answer to a request, which is called like a method of `groundingdino_worker.Session`.

        Raises:
            MemoryFullError: memory ran out; the program goes on.
            UsageError, InputError: as the answer says; the program goes on.
            InputError: the program ended, was too slow or talked nonsense; it is ended.
        """
        reply, results = self._exchange(({"request": request, **values}, arrays or {}), self._timeout_s)
        if "error" not in reply:
            return reply, results
        kind, text = reply["error"], cleaned(reply.get("message"), 600)
        if kind == "memory":
            from kinescribe.perception.grounded_sam.runtime.batching import MemoryFullError

            raise MemoryFullError(f"groundingdino-py: memory ran out ({text})")
        if kind in ("package", "usage"):
            raise UsageError(f"{text}; make an environment for groundingdino-py: {RECIPE}" if kind == "package" else text)
        raise InputError(text if kind == "input" else f"groundingdino-py failed at '{request}': {text}")

    def _exchange(self, message: Message | None, timeout_s: float) -> Message:
        process = self._process
        assert process.stdin is not None
        assert isinstance(process.stdout, BufferedReader)
        with self._lock:
            if not self._end.alive:
                raise InputError("the program that runs groundingdino-py was ended; prepare the detector again")
            late = threading.Event()
            timer = threading.Timer(timeout_s, _give_up, (process, late))  # knows nothing of this object, which could not end otherwise
            timer.daemon = True
            timer.start()
            try:
                if message is not None:
                    protocol.write_message(process.stdin, *message)
                reply = protocol.read_message(process.stdout, protocol.MOST_REPLY_BYTES)
                if reply is not None:
                    return reply
                reason = self._ended()
            except protocol.ProtocolError as error:
                _kill(process)  # it wouldn't know the end of its input for a sign to leave, as ours does
                reason = f"sent no message of {SCRIPT.name}: {error}"
            except OSError:
                reason = self._ended()
            except BaseException:  # an interrupt leaves half a message in the pipe, after which no answer fits its question
                self.close()
                raise
            finally:
                timer.cancel()
            said = self._last_line()
            self.close()
        if late.is_set():
            reason = f"gave no answer within {timeout_s:g} s"
        raise InputError(f"the program of groundingdino-py ({self.python}) {reason}{f' ({said})' if said else ''}")

    def _ended(self) -> str:
        try:
            code = self._process.wait(END_S)
        except subprocess.TimeoutExpired:
            return "closed its output"
        killed = ", killed, as happens where memory runs out" if code == -9 else ""
        return f"ended with code {code}{killed}"

    def _last_line(self) -> str:
        """Of what the program wrote to its standard error."""
        size = self._errors.seek(0, os.SEEK_END)
        self._errors.seek(max(0, size - 4096))
        lines = self._errors.read().decode("utf-8", "replace").split("\n")
        return next((said for line in reversed(lines) if (said := cleaned(line))), "")


def _give_up(process: subprocess.Popen[bytes], late: threading.Event) -> None:
    late.set()
    _kill(process)


def _kill(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        if sys.platform == "win32":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)  # the group is the program's own; with it goes what it started


def _end(process: subprocess.Popen[bytes], errors: IO[bytes]) -> None:
    """Tell the program by the end of its input; where it doesn't heed, kill it."""
    assert process.stdin is not None
    assert process.stdout is not None
    with contextlib.suppress(OSError):  # what was not yet written finds no reader
        process.stdin.close()
    try:
        process.wait(END_S)
    except subprocess.TimeoutExpired:
        _kill(process)
        process.wait()
    process.stdout.close()
    errors.close()
