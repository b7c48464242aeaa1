"""The append-only record of a data set: what it refuses, what it survives, and what several of them come to."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from kinescribe.annotation.batch import status
from kinescribe.annotation.batch.files import Signature
from kinescribe.annotation.batch.jobs import Outcome
from kinescribe.annotation.batch.manifest import _APPLICATION as APPLICATION
from kinescribe.annotation.batch.manifest import _SCHEMA as SCHEMA
from kinescribe.annotation.batch.manifest import Manifest, merged
from kinescribe.errors import InputError, UsageError

DONE = Outcome("done", sha256="a" * 64, size=5, mtime_ns=7, key="k", files={"states.csv": 3}, seconds=1.5, rows=12, objects=1)
NO_TEXT = os.fsdecode(b"byte\xff.mp4")


def fill(path: Path, name: str = "a.mp4", outcome: Outcome = DONE) -> Path:
    with Manifest(path, "run") as manifest:
        manifest.queue([name])
        manifest.note(name, "running", worker="worker 1")
        manifest.finished(name, outcome, "setup", looked_ns=9, worker="worker 1")
    return path


def test_the_last_row_of_a_video_holds(tmp_path: Path):
    with Manifest(tmp_path / "manifest.sqlite", "run") as manifest:
        manifest.queue(["b.mp4", "a.mp4", "c.mp4"])
        manifest.note("a.mp4", "running", worker="worker 1")
        manifest.finished("a.mp4", DONE, "setup", looked_ns=9, worker="worker 1")
        manifest.finished("b.mp4", Outcome("failed", "timeout", "not done after 3 s"), "setup", looked_ns=9)
        rows = list(manifest.latest())
    assert [(row.video, row.state, row.kind) for row in rows] == [
        ("a.mp4", "done", None),
        ("b.mp4", "failed", "timeout"),
        ("c.mp4", "queued", None),
    ]
    assert rows[0].files == {"states.csv": 3}
    assert rows[0].row_count == 12
    assert (rows[0].sha256, rows[0].size, rows[0].mtime_ns, rows[0].looked_ns, rows[0].setup) == ("a" * 64, 5, 7, 9, "setup")


@pytest.mark.parametrize("statement", ["UPDATE log SET state = 'done'", "DELETE FROM log", "UPDATE log SET reason = 'x' WHERE id = 1"])
def test_nothing_in_the_log_can_be_changed(tmp_path: Path, statement: str):
    path = fill(tmp_path / "manifest.sqlite")
    database = sqlite3.connect(path)
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        database.execute(statement)
    database.close()
    with Manifest(path, read_only=True) as manifest:
        assert [row.state for row in manifest.latest()] == ["done"]


@pytest.mark.parametrize("name", [NO_TEXT, "new\nline.mp4", "caf\u00e9.mp4", "cafe\u0301.mp4", "'; DROP TABLE log; --", "a" * 3000])
def test_any_name_comes_back_as_it_was(tmp_path: Path, name: str):
    path = tmp_path / "manifest.sqlite"
    with Manifest(path, "run") as manifest:
        manifest.queue([name, "z.mp4"])
        manifest.note(name, "running")
        manifest.finished(name, Outcome("failed", "unreadable", f"'{name}' can't be read"), "setup", looked_ns=1)
        manifest.duplicates([("z.mp4", name, "a" * 64, Signature(1, 2), 3), (name + "2", "z.mp4", "a" * 64, Signature(1, 2), 3)])
    rows = merged([path])
    assert rows.keys() == {name, "z.mp4", name + "2"}
    assert rows[name].reason == f"'{name}' can't be read"
    assert rows["z.mp4"].reason == name


def test_a_name_and_another_whose_bytes_it_has_stay_apart(tmp_path: Path):
    """é as one character and as two, and as a byte that is no UTF-8."""
    apart = ["caf\u00e9", "cafe\u0301", os.fsdecode(b"caf\xe9")]
    with Manifest(tmp_path / "manifest.sqlite", "run") as manifest:
        manifest.queue(apart)
    assert merged([tmp_path / "manifest.sqlite"]).keys() == set(apart)


def damaged(path: Path) -> None:
    fill(path)
    raw = bytearray(path.read_bytes())
    raw[4096:] = b"\xa5" * (len(raw) - 4096)
    path.write_bytes(raw)


def cut_off(path: Path) -> None:
    fill(path)
    path.write_bytes(path.read_bytes()[:5000])


def no_database(path: Path) -> None:
    path.write_bytes(b"this is a text, and no database at all\n" * 200)


def foreign(path: Path) -> None:
    database = sqlite3.connect(path)
    database.execute("CREATE TABLE books (title)")
    database.commit()
    database.close()


def edited(path: Path) -> None:
    fill(path)
    database = sqlite3.connect(path)
    database.execute("INSERT INTO log (at, run, video, state, files) VALUES ('', '', 'b.mp4', 'done', '[1')")
    database.commit()
    database.close()


def with_a_row_of(columns: str, values: str, path: Path) -> None:
    fill(path)
    database = sqlite3.connect(path)
    database.execute(f"INSERT INTO log (at, run, video, state, {columns}) VALUES ('', '', 'b.mp4', 'done', {values})")
    database.commit()
    database.close()


def newer(path: Path) -> None:
    fill(path)
    database = sqlite3.connect(path)
    database.execute("PRAGMA user_version=2")
    database.commit()
    database.close()


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (damaged, "damaged"),
        (cut_off, "damaged"),
        (no_database, "damaged"),
        (edited, "damaged"),
        (partial(with_a_row_of, "files", '\'{"states.csv": "many"}\''), "damaged"),
        (partial(with_a_row_of, "files", "'{\"states.csv\": 1e999}'"), "damaged"),
        (partial(with_a_row_of, "files", "'{\"states.csv\": null}'"), "damaged"),
        (partial(with_a_row_of, "kind", "x'1b5b33316d'"), "damaged"),
        (partial(with_a_row_of, "seconds", "'long'"), "damaged"),
        (partial(with_a_row_of, "size", "x'00'"), "damaged"),
        (partial(with_a_row_of, "kind", "CAST(x'1b5b33316dff' AS TEXT)"), "damaged"),
        (foreign, "no manifest"),
        (newer, "format 2"),
    ],
)
@pytest.mark.parametrize("read_only", [True, False])
def test_what_is_no_manifest_of_ours_is_told_with_the_way_out(tmp_path: Path, spoil, says: str, read_only: bool):
    path = tmp_path / "manifest.sqlite"
    spoil(path)
    with pytest.raises(InputError, match=says) as told, Manifest(path, read_only=read_only) as manifest:
        list(manifest.latest())
    assert str(told.value).isprintable()
    assert "manifest.sqlite" in str(told.value)
    assert "move it away" in str(told.value) or "use that version" in str(told.value)


def test_a_manifest_that_a_run_was_about_to_fill_is_empty_and_no_error(tmp_path: Path):
    """A run that is killed right after it made the file leaves it with no byte, or with a header alone."""
    empty, header = tmp_path / "manifest-1-of-2.sqlite", tmp_path / "manifest-2-of-2.sqlite"
    empty.touch()
    database = sqlite3.connect(header)
    database.execute("PRAGMA journal_mode=WAL")
    database.close()
    assert header.stat().st_size > 0
    assert merged([empty, header]) == {}
    assert merged([fill(empty), header]).keys() == {"a.mp4"}


@pytest.mark.skipif(os.name == "nt", reason="permissions are others there")
def test_the_status_of_a_folder_that_cant_be_written_is_told():
    code = (
        "import os, sys\n"
        "from kinescribe.annotation.batch import status\n"
        "if os.geteuid() == 0: os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "print(dict(status(sys.argv[1]).states))\n"
    )
    # not tmp_path, which lies in a folder that is closed to others
    with tempfile.TemporaryDirectory() as name:
        inner = Path(name) / "out" / ".kinescribe"
        inner.mkdir(parents=True)
        Path(name).chmod(0o755)
        fill(inner / "manifest.sqlite").chmod(0o444)
        inner.chmod(0o555)
        try:
            told = subprocess.run([sys.executable, "-c", code, f"{name}/out"], capture_output=True, text=True, check=False)
        finally:
            inner.chmod(0o755)
    assert told.stdout.strip() == "{'done': 1}", told.stderr


def test_a_manifest_that_is_made_between_two_looks_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Whoever asks for the status in the moment in which a run fills it sees it empty or whole, and not as somebody else's."""
    path = tmp_path / "manifest-1-of-2.sqlite"
    path.touch()
    real = Manifest._opened

    class Slow:
        def __init__(self, db: sqlite3.Connection) -> None:
            self.db, self.made = db, False

        def __getattr__(self, name: str) -> Any:
            return getattr(self.db, name)

        def execute(self, statement: str, *more: Any) -> Any:
            if "user_version" in statement and not self.made:  # the other look is over
                self.made = True
                writer = sqlite3.connect(path, timeout=0, isolation_level=None)
                with contextlib.suppress(sqlite3.OperationalError):  # a real one would wait until the looks are over
                    writer.executescript(f"BEGIN; {SCHEMA} PRAGMA application_id={APPLICATION}; PRAGMA user_version=1; COMMIT;")
                writer.close()
            return self.db.execute(statement, *more)

    monkeypatch.setattr(Manifest, "_opened", lambda manifest: Slow(real(manifest)))
    assert merged([path]) == {}


def test_the_manifest_of_a_run_over_all_is_in_wal_mode_and_that_of_a_shard_is_not(tmp_path: Path):
    """WAL keeps an index in shared memory, which other machines that read a shard's manifest don't have."""
    for name, mode in (("manifest.sqlite", "wal"), ("manifest-1-of-2.sqlite", "delete")):
        fill(tmp_path / name)
        database = sqlite3.connect(tmp_path / name)
        assert database.execute("PRAGMA journal_mode").fetchone() == (mode,)
        database.close()


def test_whoever_reads_a_shards_manifest_writes_nothing_beside_it_and_keeps_the_shard_from_nothing(tmp_path: Path):
    path = tmp_path / "manifest-1-of-2.sqlite"
    with Manifest(path, "run") as shard:
        shard.queue(f"{k:04}.mp4" for k in range(1200))
        shard._db.execute("PRAGMA busy_timeout=50")
        with Manifest(path, read_only=True) as reading:
            rows = reading.latest()
            first = next(rows)
            assert list(tmp_path.iterdir()) == [path]
            shard.note("0000.mp4", "running")
            shard.note("1199.mp4", "running")
            assert [first.video, *(row.video for row in rows)] == [f"{k:04}.mp4" for k in range(1200)]
        assert list(tmp_path.iterdir()) == [path]
        assert merged([path])["1199.mp4"].state == "running"


def test_what_a_killed_shard_had_half_written_is_taken_back_by_whoever_reads_next(tmp_path: Path):
    path = fill(tmp_path / "manifest-1-of-2.sqlite")
    code = (
        "import os, signal, sys; from pathlib import Path\n"
        "from kinescribe.annotation.batch.manifest import Manifest\n"
        "manifest = Manifest(Path(sys.argv[1]), 'other')\n"
        "manifest._db.execute('PRAGMA cache_size=5'); manifest._db.execute('BEGIN')\n"
        "row = \"INSERT INTO log (at, run, video, state, reason) VALUES ('', '', ?, 'failed', ?)\"\n"
        "manifest._db.executemany(row, ((f'{k}.mp4', 'x' * 500) for k in range(500)))\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    assert subprocess.run([sys.executable, "-c", code, str(path)], check=False).returncode == -9
    assert (tmp_path / f"{path.name}-journal").stat().st_size > 0
    assert {row.video: row.state for row in merged([path]).values()} == {"a.mp4": "done"}


def test_one_process_reads_what_another_one_writes(tmp_path: Path):
    path = tmp_path / "manifest.sqlite"
    code = (
        "import sys; from pathlib import Path\n"
        "from kinescribe.annotation.batch.manifest import Manifest\n"
        "with Manifest(Path(sys.argv[1]), 'other') as manifest:\n"
        "    for k in range(200): manifest.note(f'{k}.mp4', 'running')\n"
        "    print('all', flush=True); sys.stdin.read()\n"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdin is not None
        assert other.stdout.readline().strip() == b"all"
        assert len(merged([path])) == 200
        with Manifest(path, "mine") as mine:
            mine.note("mine.mp4", "running")
            assert len(list(mine.latest())) == 201
        other.stdin.close()
    assert len(merged([path])) == 201


def test_what_was_written_is_there_after_a_kill(tmp_path: Path):
    path = tmp_path / "manifest.sqlite"
    code = (
        "import os, signal, sys; from pathlib import Path\n"
        "from kinescribe.annotation.batch.manifest import Manifest\n"
        "manifest = Manifest(Path(sys.argv[1]), 'other')\n"
        "manifest.queue(['a.mp4', 'b.mp4']); manifest.note('a.mp4', 'running')\n"
        "manifest._db.execute('BEGIN')\n"
        "manifest._db.execute(\"INSERT INTO log (at, run, video, state) VALUES ('', '', 'c.mp4', 'done')\")\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    assert subprocess.run([sys.executable, "-c", code, str(path)], check=False).returncode == -9
    assert {row.video: row.state for row in merged([path]).values()} == {"a.mp4": "running", "b.mp4": "queued"}


def test_of_several_manifests_an_end_counts_over_a_beginning_and_else_the_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    clock = iter(f"2026-01-01T00:00:{second:02}" for second in range(60))
    monkeypatch.setattr("kinescribe.annotation.batch.manifest._now", lambda: next(clock))
    one, two = tmp_path / "manifest-1-of-2.sqlite", tmp_path / "manifest.sqlite"
    with Manifest(one, "one") as manifest:
        manifest.finished("begun again", DONE, "s", looked_ns=1)
        manifest.finished("failed since", DONE, "s", looked_ns=1)
        manifest.finished("mended since", Outcome("failed", "crash", "died"), "s", looked_ns=1)
        manifest.finished("only here", DONE, "s", looked_ns=1)
    with Manifest(two, "two") as manifest:
        manifest.queue(["begun again", "failed since"])
        manifest.finished("failed since", Outcome("failed", "crash", "died"), "s", looked_ns=1)
        manifest.finished("mended since", DONE, "s", looked_ns=1)
    expected = {"begun again": "done", "failed since": "failed", "mended since": "done", "only here": "done"}
    for order in ([one, two], [two, one]):
        assert {name: row.state for name, row in merged(order).items()} == expected


def test_the_last_export_is_known(tmp_path: Path):
    with Manifest(tmp_path / "manifest.sqlite", "run") as manifest:
        assert manifest.last_export() is None
        before = manifest.last()
        manifest.exported("one", {"warnings": []})
        manifest.exported("two", {"warnings": ["a"]})
        assert manifest.last_export() == ("two", {"warnings": ["a"]})
        assert manifest.last() == before
        manifest.note("a.mp4", "running")
        assert manifest.last() > before


def test_a_manifest_that_another_program_holds_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = fill(tmp_path / "manifest.sqlite")
    holding = sqlite3.connect(path, isolation_level=None)
    holding.execute("BEGIN IMMEDIATE")
    with Manifest(path, "run") as manifest:
        manifest._db.execute("PRAGMA busy_timeout=50")
        with pytest.raises(UsageError, match="in use by another program"):
            manifest.note("a.mp4", "running")
    holding.close()


def test_a_manifest_in_a_place_that_cant_be_written_is_told(tmp_path: Path):
    (tmp_path / "folder.sqlite").mkdir()
    for path in (tmp_path / "missing" / "manifest.sqlite", tmp_path / "folder.sqlite"):
        with pytest.raises(UsageError, match="cannot write the manifest"):
            Manifest(path)


def test_a_damaged_manifest_is_told_by_the_status(tmp_path: Path):
    (tmp_path / ".kinescribe").mkdir()
    damaged(tmp_path / ".kinescribe" / "manifest.sqlite")
    with pytest.raises(InputError, match="finished videos are found again without it"):
        status(tmp_path)
