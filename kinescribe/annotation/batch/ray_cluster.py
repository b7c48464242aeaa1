"""The Ray cluster that a run is on: found or started, what it has room for, and left as it was."""

from __future__ import annotations

import importlib
import os
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from kinescribe.annotation.batch.jobs import Limits
from kinescribe.annotation.batch.options import RunOptions
from kinescribe.annotation.batch.resources import MEMORY_SHARE, cores
from kinescribe.errors import UsageError, pip_install
from kinescribe.llm.text import one_line

__all__ = ["Cluster", "Room", "import_ray", "room_in"]

_STORE = 80 * 2**20  # bytes; nothing large goes through Ray
_CLEAR_S = 5.0
_KNOCK_S = 10.0
_MODE = "RAY_AUTH_MODE"


def import_ray() -> Any:
    """The package ray. Raises UsageError where it's missing."""
    with _signals_kept():
        try:
            return importlib.import_module("ray")
        except ImportError as error:
            raise UsageError(f"the engine 'ray' needs the package ray ({error}): {pip_install('ray')}") from error


class Cluster:
    """A connection to a cluster; one that was started here ends with it."""

    def __init__(self, address: str | None, processors: int) -> None:
        """Connect, or start a cluster on this machine.

        Args:
            address: as ``ray.init`` takes it; None: the one that RAY_ADDRESS names or that `ray start` started here, else one
                is started for the run.
            processors: that one started here has at least.

        Raises:
            UsageError: ray is missing, or there is no cluster at the address, or it has another version.
        """
        self.ray = import_ray()
        self._folder: str | None = None
        self._ours = not self.ray.is_initialized()
        if not self._ours:
            return  # the program that calls us is connected already, and stays so
        named = address or os.environ.get("RAY_ADDRESS") or None
        with _signals_kept(), _environment({}):
            if named == "local" or not (self._join(named) if named else self._join_one_here()):
                self._start(processors)

    @property
    def nodes(self) -> list[dict[str, Any]]:
        """Of the nodes that are alive, what Ray says of them."""
        return [node for node in self.ray.nodes() if node.get("Alive")]

    def close(self) -> None:
        """Leave the cluster, and end it if it was started here."""
        if self._ours:
            self._ours = False
            with _signals_kept():
                self.ray.shutdown()
            if self._folder is not None:
                _clear(self._folder)

    def _join(self, address: str) -> bool:
        _knock(address)
        try:
            self.ray.init(address=address, log_to_driver=False, logging_level="ERROR")
        except (ConnectionError, RuntimeError, ValueError, OSError, ImportError) as error:
            raise UsageError(
                f"cannot connect to the Ray cluster '{one_line(address, 100)}': {one_line(str(error), 300)}; "
                "give another --address, or RAY_AUTH_MODE=token where it wants a token"
            ) from error
        return True

    def _join_one_here(self) -> bool:
        there = _current()
        # as "auto": Ray looks for the token of a cluster only where it looks for the cluster too
        return there is not None and _answers(there) is None and self._join("auto")

    def _start(self, processors: int) -> None:
        # a short path: Ray makes sockets in there, whose names may have 107 bytes
        self._folder = tempfile.mkdtemp(prefix="ks-", dir=None if os.name == "nt" else "/tmp")
        try:
            with _environment({"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}):
                self.ray.init(
                    address="local", num_cpus=max(cores(), processors), include_dashboard=False, object_store_memory=_STORE,
                    log_to_driver=False, logging_level="ERROR", _temp_dir=self._folder,
                    _system_config={"memory_monitor_refresh_ms": 0},  # our own limits hold each video to its share
                )  # fmt: skip
        except BaseException as error:
            self.ray.shutdown()
            shutil.rmtree(self._folder, ignore_errors=True)
            if isinstance(error, RuntimeError | ValueError | OSError):
                raise UsageError(f"Ray cannot start on this machine: {one_line(str(error), 300)}; leave out --engine ray") from error
            raise


@dataclass(frozen=True, slots=True)
class Room:
    """How many workers a cluster takes, and what each asks for.

    Attributes:
        workers: together.
        threads: cores that each asks for and uses.
        gpus: that each asks for, 0 or 1.
        on: by id of a node, how many fit there.
    """

    workers: int
    threads: int
    gpus: int
    on: Mapping[str, int]

    def limits(self, how: RunOptions, node: str, memory: int) -> Limits:
        """Of each video on a node that has so many bytes of memory."""
        limits = how.limits(1)
        if how.max_memory is None:
            beside = max(1, min(self.on.get(node, 1), self.workers))
            limits = replace(limits, memory=MEMORY_SHARE * memory / beside)
        return limits


def room_in(nodes: Sequence[Mapping[str, Any]], how: RunOptions, *, learned: bool, videos: int | None = None) -> Room:
    """How many workers there should be on the nodes that Ray tells of, and of what size.

    Args:
        nodes: as `Cluster.nodes`.
        how: the run's workers and threads.
        learned: whether models with weights run: on GPUs where there are some, else with several threads each.
        videos: how many there are to do, where that is known.

    Raises:
        UsageError: no node has a processor, and the number of workers is not given.
    """
    have = {str(node["NodeID"]): node.get("Resources", {}) for node in nodes}
    processors = {name: int(has.get("CPU", 0)) for name, has in have.items()}
    devices = {name: int(has.get("GPU", 0)) for name, has in have.items()}
    gpus = 1 if learned and any(devices.values()) else 0
    asked = how.workers if isinstance(how.workers, int) else None
    if gpus:
        threads = how.threads or max(1, min(processors[name] // count for name, count in devices.items() if count))
        on = {name: min(devices[name], processors[name] // threads) for name in have}
    else:
        threads = how.threads or (_shared_out(processors.values(), asked) if learned else 1)
        on = {name: count // threads for name, count in processors.items()}
    fit = sum(on.values())
    if asked is None and not fit:
        raise UsageError(
            f"no node of the Ray cluster has {threads} processor(s){' and a GPU' if gpus else ''} ({len(have)} nodes); "
            "add nodes, or give --workers if it adds them by itself"
        )
    workers = asked or fit
    return Room(max(1, workers if videos is None else min(workers, videos)), threads, gpus, on)


def _shared_out(processors: Iterable[int], workers: int | None) -> int:
    """Threads for each worker: with no number asked for, one worker takes the smallest node whole."""
    counts = [count for count in processors if count]
    if not counts:
        return 1
    if workers is None:
        return min(counts)
    return max((t for t in range(1, max(counts) + 1) if sum(count // t for count in counts) >= workers), default=1)


def _knock(address: str) -> None:
    """Raise UsageError where nobody answers at an address that names a host and a port."""
    where = (_current() if address == "auto" else None) or address
    if where == "auto":
        return  # Ray looks for one itself
    try:
        parts = urlsplit(where if "://" in where else f"//{where}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if host is None or (port is None and not parts.scheme):
        raise UsageError(f"address='{one_line(address, 100)}' must be HOST:PORT, ray://HOST:PORT, auto or local")
    if port is None or parts.scheme not in ("", "ray"):
        return  # a service's own scheme
    why = _answers(f"{host}:{port}")
    if why is not None:
        raise UsageError(
            f"no Ray cluster answers at '{one_line(where, 100)}' ({why}); `ray status` there tells whether one runs, 6379 is the usual port"
        )


def _answers(address: str) -> str | None:
    """None where somebody listens at HOST:PORT, else why not. Ray itself would wait for minutes."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_KNOCK_S).close()
    except (OSError, ValueError) as error:
        return one_line(str(getattr(error, "strerror", None) or error), 100)
    return None


def _current() -> str | None:
    """The address of the cluster that `ray start` started last on this machine, which need not run any more."""
    folder = os.environ.get("RAY_TMPDIR") or (os.environ.get("TMPDIR") if sys.platform == "linux" else None)
    folder = folder or (tempfile.gettempdir() if os.name == "nt" else "/tmp")
    try:
        return (Path(folder) / "ray" / "ray_current_cluster").read_text(encoding="utf-8").strip() or None
    except (OSError, UnicodeDecodeError):
        return None


def _clear(folder: str) -> None:
    """Remove Ray's own files; its last processes may still write some while they end."""
    end = time.monotonic() + _CLEAR_S
    while Path(folder).exists() and time.monotonic() < end:
        shutil.rmtree(folder, ignore_errors=True)
        time.sleep(0.05)


@contextmanager
def _signals_kept() -> Iterator[None]:
    """Ray sets handlers of its own when it starts; a run's stay."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            if handler is not None:
                signal.signal(number, handler)


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Set variables that aren't set, while the block runs; afterwards they are as before, and so is what Ray sets itself."""
    before = {name: os.environ.get(name) for name in (*variables, _MODE)}
    for name, value in variables.items():
        os.environ.setdefault(name, value)
    try:
        yield
    finally:
        for name, was in before.items():
            if was is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = was
