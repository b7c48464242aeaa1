"""Videos and results through a folder or an object store that both ends reach, where workers don't share the data set's folders."""

from __future__ import annotations

import errno
import hashlib
import importlib
import re
import secrets
import shutil
import socket
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

from kinescribe.annotation.batch.committing import recorded
from kinescribe.annotation.batch.files import Signature, hash_of, signature_of
from kinescribe.annotation.batch.jobs import CHANGED, DISK, Job, Outcome
from kinescribe.annotation.batch.keys import key_of, setup_of
from kinescribe.annotation.batch.process import Stopped
from kinescribe.annotation.batch.work import done_as, place, told
from kinescribe.errors import InputError, KinescribeError, UsageError, pip_install
from kinescribe.llm.text import one_line
from kinescribe.settings.values import without_credentials

__all__ = ["Exchange", "carry_out", "is_plain", "settled", "there_already"]

_CHUNK = 4 * 2**20
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)

Stops = Callable[[], bool]


class Exchange:
    """The run's side: a folder of its own in the exchange, with one folder a video that goes through."""

    def __init__(self, url: str) -> None:
        """Nothing is written yet.

        Args:
            url: a folder, or an fsspec URL such as ``s3://bucket/prefix``.

        Raises:
            UsageError: no package reaches it, or workers couldn't.
        """
        self.url = url if "://" in url else str(Path(url).absolute())
        self._shown = one_line(without_credentials(url), 100)
        try:
            self._files, root = _reach(self.url)
        except ImportError as error:
            raise UsageError(
                f"the exchange '{self._shown}' needs another package ({_why(error)}): {pip_install('ray')}, and for object "
                "stores s3fs, gcsfs or adlfs"
            ) from error
        except (ValueError, OSError) as error:
            raise UsageError(
                f"the exchange '{self._shown}' is nothing that fsspec knows ({_why(error)}); give a folder or s3://…"
            ) from error
        if "memory" in _protocols(self._files):
            raise UsageError(f"the exchange '{self._shown}' is this process's memory, which no worker sees; give a folder or s3://…")
        # random, so that two runs with one exchange don't meet
        self._root = f"{root.rstrip('/')}/kinescribe-{secrets.token_hex(12)}"

    def open(self) -> None:
        """Make the run's folder. Raises UsageError where that can't be written."""
        try:
            self._files.makedirs(self._root, exist_ok=True)
            with self._files.open(f"{self._root}/probe", "wb") as probe:
                probe.write(b"kinescribe")
        except Exception as error:  # each kind of store has errors of its own
            raise UsageError(
                f"cannot write to the exchange '{self._shown}': {_why(error)}; "
                "give one that is yours, and see that its credentials are there"
            ) from error

    def close(self) -> None:
        """Take away everything that is left of the run. Raises KinescribeError where that can't be done."""
        self._remove(self._root)

    def through(self) -> dict[str, str]:
        """Where one video goes through, for `send`, the worker and `fetch`."""
        return {"url": self.url, "at": f"{self._root}/{secrets.token_hex(8)}"}

    def send(self, through: Mapping[str, str], job: Job, stopped: Stops) -> dict[str, Any]:
        """Put a job's video there: what the worker needs to know to get it, and the hash of a file's bytes as they were sent.

        Raises:
            OSError: the video can't be read, or the exchange can't be written.
            Stopped: the run is over.
        """
        path = Path(job.path)
        folder = path.is_dir()
        files = sorted(one for one in path.iterdir() if one.is_file()) if folder else [path]
        at = f"{through['at']}/video"
        self._files.makedirs(at, exist_ok=True)
        digest = hashlib.sha256()
        for k, file in enumerate(files):
            with file.open("rb") as source, self._files.open(f"{at}/{k}", "wb") as sink:
                _copy(source, sink, stopped, digest)
        return {
            "folder": folder,
            "name": path.name,
            "files": [file.name for file in files],
            "sha256": None if folder else digest.hexdigest(),
        }

    def fetch(self, through: Mapping[str, str], job: Job, outcome: Outcome, sent: str | None, stopped: Stops) -> Outcome:
        """Take a finished video's files into the data set, whole; the outcome, or what came in its way.

        Args:
            through: of `through`.
            job: as the run has it.
            outcome: what the worker says, of whom nothing is believed that can be checked.
            sent: the hash of what was sent, None where the worker read the video itself.
            stopped: whether the run is over.
        """
        staging = Path(job.staging)
        try:
            expected = key_of(outcome.sha256 or "", setup_of(job.settings, job.revisions, job.products))
            if outcome.key != expected or (sent is not None and outcome.sha256 != sent):
                return replace(_refused("it was read as another video than was sent"), seconds=outcome.seconds)
            staging.mkdir(parents=True)
            for name, size in outcome.files.items():
                if not is_plain(name) or size < 0:
                    return _refused(f"its worker names a file '{one_line(str(name), 80)}'")
                with self._files.open(f"{through['at']}/results/{name}", "rb") as source, (staging / name).open("xb") as sink:
                    _copy(source, sink, stopped, most=size)
            made = recorded(staging)
            if made is None or made.key != expected or dict(made.files) != dict(outcome.files):
                return _refused("its results didn't come whole through the exchange")
            place(staging, Path(job.folder), expected)
            return outcome
        except Stopped:
            raise
        except Exception as error:  # a full disk here, a store that doesn't answer there
            kind, reason, state = told(error, staging)
            if isinstance(error, KinescribeError) or kind == DISK:
                return Outcome(state, kind, reason)
            return Outcome("queued", DISK, f"cannot fetch from the exchange '{self._shown}': {reason}")
        finally:
            shutil.rmtree(staging, ignore_errors=True)
            shutil.rmtree(staging.with_name(f"{staging.name}.old"), ignore_errors=True)

    def clear(self, through: Mapping[str, str]) -> None:
        """Take away what went through for one video."""
        with suppress(KinescribeError):  # what is left now, `close` takes, or says that it can't
            self._remove(through["at"])

    def _remove(self, path: str) -> None:
        try:
            self._files.invalidate_cache()
            self._files.rm(path, recursive=True)
        except FileNotFoundError:
            pass
        except Exception as error:  # each kind of store has errors of its own
            shown = one_line(without_credentials(path), 200)
            raise KinescribeError(f"cannot remove '{shown}' from the exchange: {_why(error)}; remove it by hand") from error


def there_already(job: Job) -> Outcome | None:
    """The outcome where an earlier run made these very results, None else. It reads the video only where there are some."""
    began, folder = time.perf_counter(), Path(job.folder)
    there = None if job.again else recorded(folder)
    if there is None:
        return None
    try:
        before = signature_of(Path(job.path))
        sha256 = hash_of(Path(job.path))
    except (OSError, InputError):
        return None  # the worker says why
    if there.key != key_of(sha256, setup_of(job.settings, job.revisions, job.products)):
        return None
    seen = {"sha256": sha256, "size": before.size, "mtime_ns": before.mtime_ns}
    return done_as(there, seen, began, adopted=True)


def settled(outcome: Outcome, before: Signature | None, job: Job) -> Outcome:
    """An outcome with the signature of the video here, in place of the worker's copy; failed where it changed meanwhile."""
    if before is None or outcome.sha256 is None:
        return outcome
    try:
        now = signature_of(Path(job.path))
    except OSError:
        now = None
    if now != before:
        return Outcome("failed", CHANGED, "it changed while it was being read; run again when it is finished", seconds=outcome.seconds)
    return replace(outcome, size=before.size, mtime_ns=before.mtime_ns)


def carry_out(
    through: Mapping[str, str], job: Job, video: Mapping[str, Any] | None, do: Callable[[Job], Outcome], stopped: Stops
) -> Outcome:
    """The worker's side: get the video, do it in a folder of this machine, put the results there.

    Args:
        through: of `Exchange.through`.
        job: as the run has it.
        video: of `Exchange.send`; None where the video is here at its own path.
        do: does a job.
        stopped: whether the run is over.
    """
    host = socket.gethostname()
    try:
        files, _ = _reach(through["url"])
        with tempfile.TemporaryDirectory(prefix="kinescribe-", ignore_cleanup_errors=True) as here:
            path = Path(job.path) if video is None else _get(files, through, video, Path(here) / "video", stopped)
            outcome = do(replace(job, path=str(path), folder=f"{here}/made/video", staging=f"{here}/work/video"))
            if outcome.state == "done":
                files.makedirs(f"{through['at']}/results", exist_ok=True)
                for name in outcome.files:
                    made, at = Path(here) / "made" / "video" / name, f"{through['at']}/results/{name}"
                    with made.open("rb") as source, files.open(at, "wb") as sink:
                        _copy(source, sink, stopped)
            elif outcome.kind == DISK:
                outcome = replace(outcome, reason=f"{host}: {outcome.reason}")
            return outcome
    except Stopped:
        raise
    except Exception as error:  # each kind of store has errors of its own
        if isinstance(error, OSError) and error.errno in _NO_ROOM:
            return Outcome("queued", DISK, f"{host}: cannot write '{tempfile.gettempdir()}': {error.strerror}")
        return Outcome("queued", DISK, f"{host}: cannot go through the exchange: {_why(error)}")


def is_plain(name: Any) -> bool:
    """Whether a name is that of a file in a folder and can't lead out of it, on any system."""
    return isinstance(name, str) and 0 < len(name) <= 255 and name not in (".", "..") and not re.search(r'[\x00-\x1f/\\:*?"<>|]', name)


def _get(files: Any, through: Mapping[str, str], video: Mapping[str, Any], into: Path, stopped: Stops) -> Path:
    into.mkdir()
    path = into / str(video["name"])
    if video["folder"]:
        path.mkdir()
    for k, name in enumerate(video["files"]):
        with files.open(f"{through['at']}/video/{k}", "rb") as source, (path / name if video["folder"] else path).open("wb") as sink:
            _copy(source, sink, stopped)
    return path


def _reach(url: str) -> tuple[Any, str]:
    found: tuple[Any, str] = importlib.import_module("fsspec.core").url_to_fs(url)
    return found


def _protocols(files: Any) -> tuple[str, ...]:
    return (files.protocol,) if isinstance(files.protocol, str) else tuple(files.protocol)


def _copy(source: BinaryIO, sink: Any, stopped: Stops, digest: Any = None, most: int | None = None) -> None:
    """Copy to the end, in pieces; one byte over `most` at the most, which the sizes tell of afterwards."""
    left = None if most is None else most + 1
    while piece := source.read(_CHUNK if left is None else min(_CHUNK, left)):
        if stopped():
            raise Stopped
        sink.write(piece)
        if digest is not None:
            digest.update(piece)
        if left is not None:
            left -= len(piece)
            if not left:
                return


def _why(error: Exception) -> str:
    """What a store's error says, in a line."""
    return one_line(without_credentials(str(error)), 200) or type(error).__name__


def _refused(why: str) -> Outcome:
    return Outcome("failed", "exchange", f"{why}; run again with --retry-failed")
