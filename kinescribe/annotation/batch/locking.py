"""One run on a data set at a time, or several shards of one, each once. A lock ends with its process, however that ends."""

from __future__ import annotations

import os
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO

from kinescribe.errors import UsageError
from kinescribe.llm.text import one_line

__all__ = ["locked", "running", "seen_running"]

_TRIES, _BETWEEN_S = 5, 0.02
_HOLDER = "holder.txt"


@contextmanager
def locked(folder: Path, shard: tuple[int, int] | None = None) -> Iterator[None]:
    """Hold the data set while the block runs: all of it, or one shard.

    Args:
        folder: where the locks lie.
        shard: which of how many, from 1; None for a run over all, which no other run may be beside.

    Raises:
        UsageError: another run holds it.
    """
    with ExitStack() as stack:
        whole = _opened(stack, folder / "run.lock")
        if not _take_soon(whole, shared=shard is not None):
            raise UsageError(f"another run is writing '{folder.parent}' ({_holder(folder)}); wait for it, or give another -o")
        if shard is not None:
            own = _opened(stack, folder / f"shard-{shard[0]}-of-{shard[1]}.lock")
            if not _take_soon(own, shared=False):
                raise UsageError(f"another run is at shard {shard[0]}/{shard[1]} of '{folder.parent}'; each shard takes one run")
            with suppress(OSError):  # of a run over all that is over, as a shard holds the data set: it would be named in our place
                (folder / _HOLDER).unlink(missing_ok=True)
        else:
            with suppress(OSError):  # it only helps people; that the disk is full is told where it matters
                (folder / _HOLDER).write_text(f"process {os.getpid()} on {socket.gethostname()}\n", encoding="utf-8")
        yield
        # the lock files stay: removing one would let two runs hold two files of one name


def _opened(stack: ExitStack, path: Path) -> IO[bytes]:
    try:
        return stack.enter_context(path.open("a+b"))
    except OSError as error:
        raise UsageError(f"cannot write '{path}': {error.strerror}; give an -o that is yours") from error


def _take_soon(file: IO[bytes], *, shared: bool) -> bool:
    """Take a lock, also where somebody who asked for the status holds it for a moment."""
    for _ in range(_TRIES):
        if _take(file, shared=shared):
            return True
        time.sleep(_BETWEEN_S)
    return _take(file, shared=shared)


def running(folder: Path) -> bool:
    """Whether a run or a shard is known to hold the data set now."""
    return seen_running(folder) is True


def seen_running(folder: Path) -> bool | None:
    """Whether a run or a shard holds the data set now; None where that can't be told, as the lock can't be opened or tried."""
    try:
        # for reading: who may not write may ask, and asking makes no file
        with (folder / "run.lock").open("rb") as whole:
            return not _take(whole, shared=False)
    except FileNotFoundError:
        return False
    except (OSError, UsageError):  # it belongs to somebody else, or the file system locks only what may be written
        return None


def _holder(folder: Path) -> str:
    try:
        return one_line((folder / _HOLDER).read_text(encoding="utf-8", errors="replace"), 100) or "unknown"
    except OSError:
        return "one or more shards"


if sys.platform == "win32":
    import msvcrt

    def _take(file: IO[bytes], *, shared: bool) -> bool:
        """Windows has no shared locks of this kind: there shards run one after the other, which is said as for any other run."""
        try:
            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
else:
    import fcntl

    def _take(file: IO[bytes], *, shared: bool) -> bool:
        try:
            fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError as error:
            raise UsageError(f"'{file.name}' can't be locked: {error.strerror}; give an -o on a file system with locks") from error
        return True
