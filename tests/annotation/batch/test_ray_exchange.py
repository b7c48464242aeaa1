"""Videos and results through an exchange, both ends in this process: whole or not at all, and nothing is believed that can be checked."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from annotation.batch.tiny_videos import draw, frames_of

from kinescribe.annotation.batch.committing import Recorded, commit, files_in, write_record
from kinescribe.annotation.batch.exchange import Exchange, carry_out, is_plain, settled, there_already
from kinescribe.annotation.batch.files import hash_of, signature_of
from kinescribe.annotation.batch.jobs import DISK, Job, Outcome, Products
from kinescribe.annotation.batch.keys import key_of, setup_of
from kinescribe.annotation.batch.options import RunOptions
from kinescribe.annotation.batch.process import Stopped
from kinescribe.errors import KinescribeError, UsageError

pytest.importorskip("fsspec", reason="needs fsspec: pip install 'kinescribe[ray]'")


def never() -> bool:
    return False


def job_of(path: Path, data: Path, **changes: Any) -> Job:
    job = Job(path.name, str(path), str(data / "states" / path.name), str(data / "work" / "one"), {}, {}, Products(report=False))
    return replace(job, **changes)


def make(job: Job) -> Outcome:
    """In place of an extraction: what a job makes, its bytes being those of the video."""
    path, staging = Path(job.path), Path(job.staging)
    sha256 = hash_of(path)
    key = key_of(sha256, setup_of(job.settings, job.revisions, job.products))
    staging.mkdir(parents=True)
    parts = sorted(path.iterdir()) if path.is_dir() else [path]
    (staging / "states.csv").write_bytes(b"".join(part.name.encode() + part.read_bytes() for part in parts))
    (staging / "summary.json").write_text("{}")
    made = write_record(staging, job.name, Recorded(key, files_in(staging), None, 3, 1, 0))
    commit(staging, Path(job.folder))
    shutil.rmtree(staging, ignore_errors=True)
    return Outcome("done", sha256=sha256, size=1, mtime_ns=1, key=key, files=dict(made.files), rows=3, objects=1)


@pytest.fixture
def video(tmp_path: Path) -> Path:
    return draw(tmp_path / "videos" / "clip one.mp4", 1)


@pytest.fixture
def exchange(tmp_path: Path) -> Exchange:
    out = Exchange(str(tmp_path / "exchange"))
    out.open()
    return out


def do_through(exchange: Exchange, job: Job, tamper: Callable[[Outcome, Path], Outcome] = lambda outcome, results: outcome) -> Outcome:
    """Send, do, fetch; `tamper` comes between the worker and us."""
    through = exchange.through()
    sent = exchange.send(through, job, never)
    outcome = carry_out(through, job, sent, make, never)
    outcome = tamper(outcome, Path(through["at"]) / "results")
    return exchange.fetch(through, job, outcome, sent["sha256"], never)


def test_there_and_back(exchange: Exchange, video: Path, tmp_path: Path) -> None:
    job = job_of(video, tmp_path / "data")
    outcome = do_through(exchange, job)
    assert outcome.state == "done"
    direct = job_of(video, tmp_path / "direct")
    make(direct)
    for name in ("states.csv", "record.json"):
        assert (Path(job.folder) / name).read_bytes() == (Path(direct.folder) / name).read_bytes()
    assert not Path(job.staging).exists()
    exchange.close()
    assert list((tmp_path / "exchange").iterdir()) == []


def test_folder_of_pictures(exchange: Exchange, tmp_path: Path) -> None:
    import cv2

    folder = tmp_path / "videos" / "pictures"
    folder.mkdir(parents=True)
    for k, image in enumerate(frames_of(2, 3)):
        cv2.imwrite(str(folder / f"frame {k}.png"), image)
    job = job_of(folder, tmp_path / "data")
    assert do_through(exchange, job).state == "done"
    direct = job_of(folder, tmp_path / "direct")
    make(direct)
    assert (Path(job.folder) / "states.csv").read_bytes() == (Path(direct.folder) / "states.csv").read_bytes()


def test_two_runs_do_not_meet(tmp_path: Path, video: Path) -> None:
    one, other = Exchange(str(tmp_path / "exchange")), Exchange(str(tmp_path / "exchange"))
    one.open()
    other.open()
    job = job_of(video, tmp_path / "data")
    through = one.through()
    sent = one.send(through, job, never)
    other.close()
    assert carry_out(through, job, sent, make, never).state == "done"


def escaping(outcome: Outcome, results: Path) -> Outcome:
    (results.parent / "evil").write_bytes(b"evil")
    return replace(outcome, files={**outcome.files, "../evil": 4})


def cut_off(outcome: Outcome, results: Path) -> Outcome:
    (results / "states.csv").write_bytes((results / "states.csv").read_bytes()[:-1])
    return outcome


def longer(outcome: Outcome, results: Path) -> Outcome:
    with (results / "states.csv").open("ab") as file:
        file.write(b"more" * 1000)
    return outcome


def other_video(outcome: Outcome, results: Path) -> Outcome:
    return replace(outcome, sha256="0" * 64)


def other_key(outcome: Outcome, results: Path) -> Outcome:
    text = (results / "record.json").read_text()
    assert outcome.key is not None
    (results / "record.json").write_text(text.replace(outcome.key, "f" * 64))
    return outcome


def one_less(outcome: Outcome, results: Path) -> Outcome:
    return replace(outcome, files={name: size for name, size in outcome.files.items() if name != "states.csv"})


@pytest.mark.parametrize(
    ("tamper", "told"),
    [
        (escaping, "names a file '../evil'"),
        (cut_off, "come whole"),
        (longer, "come whole"),
        (other_video, "another video"),
        (other_key, "come whole"),
        (one_less, "come whole"),
    ],
)
def test_what_is_not_what_was_asked_for_is_refused(
    exchange: Exchange, video: Path, tmp_path: Path, tamper: Callable[[Outcome, Path], Outcome], told: str
) -> None:
    job = job_of(video, tmp_path / "data")
    outcome = do_through(exchange, job, tamper)
    assert (outcome.state, outcome.kind) == ("failed", "exchange")
    assert told in (outcome.reason or "")
    assert not Path(job.folder).exists()
    assert not [path for path in tmp_path.rglob("*evil*") if tmp_path / "exchange" not in path.parents]


def gone(outcome: Outcome, results: Path) -> Outcome:
    (results / "states.csv").unlink()
    return outcome


def test_store_that_loses_files_stops_the_run(exchange: Exchange, video: Path, tmp_path: Path) -> None:
    outcome = do_through(exchange, job_of(video, tmp_path / "data"), gone)
    assert (outcome.state, outcome.kind) == ("queued", DISK)


def test_worker_that_cannot_reach_the_exchange_stops_the_run(video: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    through = {"url": str(tmp_path / "file"), "at": str(tmp_path / "file" / "run")}
    outcome = carry_out(through, job_of(video, tmp_path / "data"), None, make, never)
    assert (outcome.state, outcome.kind) == ("queued", DISK)


def test_failure_of_a_video_comes_back_as_it_is(exchange: Exchange, video: Path, tmp_path: Path) -> None:
    failed = Outcome("failed", "timeout", "not done after 1 s", seconds=1.0)
    job = job_of(video, tmp_path / "data")
    through = exchange.through()
    sent = exchange.send(through, job, never)
    assert carry_out(through, job, sent, lambda job: failed, never) == failed


def test_stop_comes_through(exchange: Exchange, video: Path, tmp_path: Path) -> None:
    with pytest.raises(Stopped):
        exchange.send(exchange.through(), job_of(video, tmp_path / "data"), lambda: True)


def test_results_that_are_there_are_known_by_their_key(video: Path, tmp_path: Path) -> None:
    job = job_of(video, tmp_path / "data")
    assert there_already(job) is None
    make(job)
    found = there_already(job)
    assert found is not None
    assert (found.adopted, found.rows, found.size) == (True, 3, video.stat().st_size)
    assert there_already(replace(job, again=True)) is None
    draw(video, 2)
    assert there_already(job) is None


def test_outcome_carries_the_signature_of_the_video_here(video: Path, tmp_path: Path) -> None:
    job, before = job_of(video, tmp_path / "data"), signature_of(video)
    outcome = Outcome("done", sha256="0" * 64, size=before.size, mtime_ns=12345)
    assert settled(outcome, before, job).mtime_ns == before.mtime_ns
    draw(video, 2, old=False)
    assert settled(outcome, before, job).kind == "changed"


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("memory://somewhere", "this process's memory"),
        ("nothing-known://bucket", "nothing that fsspec knows"),
    ],
)
def test_exchange_that_cannot_be_one(url: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        Exchange(url)


def test_exchange_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UsageError, match="cannot write to the exchange"):
        Exchange(str(tmp_path / "file")).open()


def test_passwords_of_an_url_are_not_shown() -> None:
    with pytest.raises(UsageError) as told:
        Exchange("nothing-known://me:secret@host/folder")
    assert "secret" not in str(told.value)


def test_what_cannot_be_removed_is_said(exchange: Exchange, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: Any, **options: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(exchange._files, "rm", refuse, raising=True)
    with pytest.raises(KinescribeError, match="remove it by hand"):
        exchange.close()


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a\\b", "/etc/passwd", "C:x", "a\0", "a\n", "x" * 256, None, 3])
def test_names_that_lead_elsewhere(name: Any) -> None:
    assert not is_plain(name)


@pytest.mark.parametrize("name", ["states.csv", "states.masks.jsonl.gz", "record.json", ".hidden"])
def test_plain_names(name: str) -> None:
    assert is_plain(name)


def test_passwords_in_what_a_store_says_are_not_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = Exchange(str(tmp_path / "exchange"))

    def refuse(*arguments: Any, **options: Any) -> None:
        raise OSError("no way to sftp://me:se@cret@host/folder")

    monkeypatch.setattr(made._files, "makedirs", refuse)
    with pytest.raises(UsageError, match=r"no way to sftp://…@host/folder"):
        made.open()
    monkeypatch.setattr(made._files, "rm", refuse)
    with pytest.raises(KinescribeError, match=r"no way to sftp://…@host/folder"):
        made.close()


def test_what_stays_in_the_exchange_is_a_warning_and_hides_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The videos are done then, and formats and pages are still to be made."""
    ray_engine = pytest.importorskip("kinescribe.annotation.batch.ray_engine")

    class NoCluster:
        ray, nodes = None, ()

        def __init__(self, address: str | None, processors: int) -> None: ...

        def close(self) -> None: ...

    monkeypatch.setattr(ray_engine, "Cluster", NoCluster)
    monkeypatch.setattr(ray_engine, "room_in", lambda *_, **__: SimpleNamespace(workers=1))
    engine = ray_engine.RayEngine(RunOptions(engine="ray", exchange=str(tmp_path / "exchange")), learned=False)

    def refuse(*arguments: Any, **options: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(engine._exchange._files, "rm", refuse)
    monkeypatch.setattr(engine, "_run", lambda *_: None)
    engine.run(iter(()), lambda event: None)
    (warning,) = engine.warnings
    assert "cannot remove" in warning
    assert "remove it by hand" in warning

    def fail(*arguments: Any) -> None:
        raise UsageError("nodes lack kinescribe")

    monkeypatch.setattr(engine, "_run", fail)
    with pytest.raises(UsageError, match="nodes lack kinescribe"):
        engine.run(iter(()), lambda event: None)
