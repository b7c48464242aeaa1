"""The append-only record of a data set: what became of every video, and when. An SQLite database; the last row of a video holds."""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kinescribe.annotation.batch.jobs import Outcome
from kinescribe.errors import InputError, UsageError
from kinescribe.llm.text import one_line

__all__ = ["WHOLE", "Manifest", "Row", "beside", "merged"]

WHOLE = "manifest.sqlite"
"""Of a run over all, in WAL mode. A shard's manifest has another name and a rollback journal: it is read from other machines while it's
written, and WAL's shared memory doesn't cross machines."""

_APPLICATION = 0x6B696E65  # "kine", so that `file` and we tell it from other databases
_VERSION = 1
_SCHEMA = """
CREATE TABLE log (
    id INTEGER PRIMARY KEY,
    at TEXT NOT NULL,            -- when, UTC
    run TEXT NOT NULL,           -- which run wrote it
    video NOT NULL,              -- relative path; a blob where it is no text
    state TEXT NOT NULL,         -- queued, running, done, failed, duplicate
    kind TEXT,                   -- of a failure, in a word
    reason TEXT,                 -- in a line
    seconds REAL,
    setup TEXT,                  -- hash of settings, revisions, version, products
    key TEXT,                    -- of the result: the setup and the video's bytes
    sha256 TEXT,                 -- of the video
    size INTEGER, mtime_ns INTEGER, looked_ns INTEGER,  -- of the video's file, and when that was looked at
    files TEXT,                  -- bytes by name, of what was made, JSON
    object_count INTEGER, row_count INTEGER, warnings INTEGER,
    worker TEXT
);
CREATE INDEX log_video ON log (video, id);
CREATE TABLE exports (id INTEGER PRIMARY KEY, at TEXT NOT NULL, run TEXT NOT NULL, key TEXT NOT NULL, told TEXT NOT NULL);
CREATE VIEW videos AS SELECT * FROM log WHERE id IN (SELECT max(id) FROM log GROUP BY video);
CREATE TRIGGER log_no_update BEFORE UPDATE ON log BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END;
CREATE TRIGGER log_no_delete BEFORE DELETE ON log BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END;
"""
_OPEN = ("queued", "running")
_COLUMNS = (
    "video", "state", "kind", "reason", "seconds", "setup", "key", "sha256", "size",
    "mtime_ns", "looked_ns", "files", "object_count", "row_count", "warnings", "worker", "at", "id",
)  # fmt: skip
_TEXTS = frozenset({"state", "kind", "setup", "key", "sha256", "worker", "at"})
_NUMBERS = frozenset(_COLUMNS) - _TEXTS - {"video", "reason", "files"}
_AT_ONCE = 500  # rows that are read in one go: whoever holds a reader's lock for long keeps a shard from writing


@dataclass(frozen=True, slots=True)
class Row:
    """The last that is known of a video; names as in the log."""

    video: str
    state: str
    kind: str | None = None
    reason: str | None = None
    seconds: float | None = None
    setup: str | None = None
    key: str | None = None
    sha256: str | None = None
    size: int | None = None
    mtime_ns: int | None = None
    looked_ns: int | None = None
    files: Mapping[str, int] = field(default_factory=dict)
    object_count: int | None = None
    row_count: int | None = None
    warnings: int | None = None
    worker: str | None = None
    at: str = ""
    id: int = 0


class Manifest:
    """A manifest that is open for writing, or with `read_only` for looking."""

    def __init__(self, path: Path, run: str = "", *, read_only: bool = False) -> None:
        """Open it, and make it where it isn't there.

        Raises:
            InputError: it is no manifest, or damaged.
            UsageError: it can't be written.
        """
        self.path, self._run, self._read_only = path, run, read_only
        self._lock = threading.Lock()
        self._empty = False
        with self._told():
            self._db = self._opened()
            self._check()

    def _opened(self) -> sqlite3.Connection:
        if not self._read_only:
            db = sqlite3.connect(self.path, timeout=30, isolation_level=None, check_same_thread=False)
            db.execute(f"PRAGMA journal_mode={'WAL' if self.path.name == WHOLE else 'DELETE'}")
            db.execute("PRAGMA synchronous=FULL")  # what it says is done has to be so after a power cut
            return db
        # not mode=ro: whoever closes it last folds the WAL into the file and removes it, and whoever comes after a shard that was killed
        # takes back what it had half written, which only a connection that may write can; beside a shard at work it writes nothing
        db = sqlite3.connect(f"{self.path.resolve().as_uri()}?mode=rw", uri=True, timeout=30, check_same_thread=False)
        try:
            db.execute("PRAGMA query_only=ON")
            db.execute("SELECT count(*) FROM sqlite_master").fetchone()
        except sqlite3.OperationalError:  # a folder that can't be written has no room for the WAL's index
            db.close()
            db = sqlite3.connect(f"{self.path.resolve().as_uri()}?immutable=1", uri=True, check_same_thread=False)
        return db

    def _check(self) -> None:
        self._db.execute("BEGIN")  # else another run could fill it between two of the looks, and it would seem to be of somebody else
        application, version = (self._db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version"))
        empty = self._db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0
        self._db.execute("COMMIT")
        if empty and self._read_only:  # a run is about to fill it, or was killed before it could
            self._empty = True
        elif empty:
            # one transaction: a run that is killed here leaves an empty file or a whole one
            self._db.executescript(f"BEGIN; {_SCHEMA} PRAGMA application_id={_APPLICATION}; PRAGMA user_version={_VERSION}; COMMIT;")
        elif application != _APPLICATION:
            raise InputError(f"'{self.path}' is no manifest of a data set; move it away: finished videos are found again without it")
        elif version != _VERSION:
            raise InputError(f"'{self.path}' was written by another version of kinescribe (format {version}); use that version")

    @contextmanager
    def _told(self) -> Iterator[None]:
        """What the database says, as errors of ours."""
        try:
            yield
        except (sqlite3.DatabaseError, sqlite3.OperationalError) as error:
            told = one_line(str(error))  # it may quote what stands in the file
            if "full" in told or "readonly" in told or "unable to open" in told or "disk I/O" in told:
                raise UsageError(f"cannot write the manifest '{self.path}': {told}; make room, or give an -o that is yours") from error
            if "locked" in told:
                raise UsageError(f"the manifest '{self.path}' is in use by another program; close that first") from error
            raise InputError(
                f"the manifest '{self.path}' is damaged ({told}); move it away: finished videos are found again without it"
            ) from error

    def close(self) -> None:
        """Fold the WAL into the file, and close it."""
        with self._told():
            self._db.close()

    def __enter__(self) -> Manifest:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def latest(self) -> Iterator[Row]:
        """The last row of every video, in the order of their names; in pieces, between which others may write."""
        if self._empty:
            return
        with self._told():
            # the log is append-only: what these rows say stays, whatever is added meanwhile
            last = [number for (number,) in self._db.execute("SELECT max(id) FROM log GROUP BY video ORDER BY video")]
            for start in range(0, len(last), _AT_ONCE):
                some = last[start : start + _AT_ONCE]
                asked = f"SELECT {', '.join(_COLUMNS)} FROM log WHERE id IN ({', '.join('?' * len(some))}) ORDER BY video"
                yield from map(_row, self._db.execute(asked, some).fetchall())

    def last(self) -> int:
        """The number of the last row; it grows with whatever is noted of a video."""
        if self._empty:
            return 0
        with self._told():
            return int(self._db.execute("SELECT coalesce(max(id), 0) FROM log").fetchone()[0])

    def queue(self, names: Iterable[str]) -> None:
        """Note that these videos are going to be done."""
        now = _now()
        with self._told(), self._lock, self._db:
            self._db.execute("BEGIN")
            self._db.executemany(
                "INSERT INTO log (at, run, video, state) VALUES (?, ?, ?, 'queued')", ((now, self._run, _cell(name)) for name in names)
            )

    def note(self, name: str, state: str, *, worker: str | None = None, reason: str | None = None) -> None:
        """Note that a video is in a state without a result."""
        self._insert(video=name, state=state, worker=worker, reason=reason)

    def finished(self, name: str, outcome: Outcome, setup: str, *, looked_ns: int, worker: str | None = None) -> None:
        """Note how a video went; one that was there already keeps the seconds that it took."""
        seconds = round(outcome.seconds, 3) if not outcome.adopted else self._took(name)
        self._insert(
            video=name, state=outcome.state, kind=outcome.kind, reason=outcome.reason, seconds=seconds,
            setup=setup, key=outcome.key, sha256=outcome.sha256, size=outcome.size, mtime_ns=outcome.mtime_ns, looked_ns=looked_ns,
            files=json.dumps(dict(outcome.files), sort_keys=True), object_count=outcome.objects, row_count=outcome.rows,
            warnings=outcome.warnings, worker=worker,
        )  # fmt: skip

    def _took(self, name: str) -> float | None:
        with self._told():
            query = "SELECT seconds FROM log WHERE video = ? AND state = 'done' AND seconds IS NOT NULL ORDER BY id DESC LIMIT 1"
            row = self._db.execute(query, (_cell(name),)).fetchone()
        return None if row is None else float(row[0])

    def duplicates(self, pairs: Iterable[tuple[str, str, str, Any, int]]) -> None:
        """Note that videos have the same bytes as another one.

        Args:
            pairs: name, the other's name, hash, signature, when that was looked at (ns).
        """
        now = _now()
        with self._told(), self._lock, self._db:
            self._db.execute("BEGIN")
            self._db.executemany(
                "INSERT INTO log (at, run, video, state, reason, sha256, size, mtime_ns, looked_ns) VALUES (?,?,?,'duplicate',?,?,?,?,?)",
                (
                    (now, self._run, _cell(name), _cell(other), sha, sig.size, sig.mtime_ns, looked)
                    for name, other, sha, sig, looked in pairs
                ),
            )

    def exported(self, key: str, told: Mapping[str, Any]) -> None:
        """Note that the data set's formats were written."""
        with self._told(), self._lock, self._db:
            self._db.execute("BEGIN")
            self._db.execute(
                "INSERT INTO exports (at, run, key, told) VALUES (?, ?, ?, ?)", (_now(), self._run, key, json.dumps(dict(told)))
            )

    def last_export(self) -> tuple[str, dict[str, Any]] | None:
        """Key of the last export, and what was told of it."""
        with self._told():
            row = self._db.execute("SELECT key, told FROM exports ORDER BY id DESC LIMIT 1").fetchone()
            return None if row is None else (str(row[0]), _object(row[1]))

    def _insert(self, **values: Any) -> None:
        values = {name: _cell(value) if isinstance(value, str) else value for name, value in values.items()}
        values |= {"at": _now(), "run": self._run}
        with self._told(), self._lock, self._db:
            self._db.execute("BEGIN")
            self._db.execute(f"INSERT INTO log ({', '.join(values)}) VALUES ({', '.join('?' * len(values))})", tuple(values.values()))


def beside(own: Manifest, paths: Iterable[Path]) -> Iterator[Manifest]:
    """The manifests of other runs, one after the other, to be looked at."""
    for path in paths:
        if path != own.path:
            with Manifest(path, read_only=True) as other:
                yield other


def merged(paths: Iterable[Path], wanted: Mapping[str, Collection[str]] | None = None) -> dict[str, Row]:
    """The last that the manifests of a data set's shards know of each video: how it ended counts over that it was begun, else the later.

    Args:
        paths: of the manifests.
        wanted: the videos that are asked for, and the states that count of each, as whoever asks knows how it stands; None: all.
    """
    out: dict[str, Row] = {}
    for path in paths:
        with Manifest(path, read_only=True) as manifest:
            for row in manifest.latest():
                if wanted is not None and row.state not in wanted.get(row.video, ()):
                    continue
                other = out.get(row.video)
                # clocks of machines differ: the time decides only between two ends
                if other is None or (row.state not in _OPEN, row.at) > (other.state not in _OPEN, other.at):
                    out[row.video] = row
    return out


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _cell(name: str) -> str | bytes:
    """A name, or a line with one in it, as SQLite can hold it: bytes where the file system's name is no text."""
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return os.fsencode(name)
    return name


def _name(cell: str | bytes) -> str:
    return os.fsdecode(cell) if isinstance(cell, bytes) else str(cell)


def _row(values: tuple[Any, ...]) -> Row:
    """A row as it was read. What we would not have written counts as damage, as SQLite lets anybody put anything anywhere."""
    row = dict(zip(_COLUMNS, values, strict=True))
    for name, value in row.items():
        if value is not None and not isinstance(value, str if name in _TEXTS else int | float if name in _NUMBERS else str | bytes):
            raise sqlite3.DatabaseError(f"{name}={value!r} in row {row['id']}")
    reason = None if row["reason"] is None else _name(row["reason"])
    return Row(**{**row, "video": _name(row["video"]), "reason": reason, "files": _files(row["files"])})


def _files(text: str | bytes | None) -> dict[str, int]:
    if text is None:
        return {}
    try:
        return {name: int(size) for name, size in _object(text).items()}
    except (ValueError, TypeError, OverflowError) as error:
        raise sqlite3.DatabaseError(f"no size in a row: {error}") from error


def _object(text: Any) -> dict[str, Any]:
    """A JSON object that we wrote; somebody's edit counts as damage."""
    try:
        made = json.loads(text)
    except (ValueError, TypeError, RecursionError) as error:
        raise sqlite3.DatabaseError(f"no JSON in a row: {error}") from error
    if not isinstance(made, dict):
        raise sqlite3.DatabaseError("no JSON object in a row")
    return made
