"""One run at a time on a data set, or several shards of one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from kinescribe.annotation.batch.locking import locked, running, seen_running
from kinescribe.errors import UsageError

HOLDER = (
    "import ast, sys; from pathlib import Path\n"
    "from kinescribe.annotation.batch.locking import locked\n"
    "with locked(Path(sys.argv[1]), ast.literal_eval(sys.argv[2])):\n"
    "    print('held', flush=True); sys.stdin.read()\n"
)
Held = Callable[..., AbstractContextManager["subprocess.Popen[bytes]"]]


@contextmanager
def held(folder: Path, shard: tuple[int, int] | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """Another process that holds the lock."""
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(folder), repr(shard)], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdin is not None
        assert other.stdout.readline().strip() == b"held"
        try:
            yield other
        finally:
            other.stdin.close()


def test_a_second_run_is_refused_with_who_holds_it_and_the_first_goes_on(tmp_path: Path):
    with held(tmp_path) as other:
        assert running(tmp_path)
        with pytest.raises(UsageError, match=f"another run is writing .*process {other.pid} on "), locked(tmp_path):
            pytest.fail("two runs at once")
        assert other.poll() is None
        with pytest.raises(UsageError, match="another run is writing"), locked(tmp_path, (1, 2)):
            pytest.fail("a shard beside a whole run")
    assert other.returncode == 0
    assert not running(tmp_path)
    with locked(tmp_path):
        assert running(tmp_path)


def test_shards_go_beside_each_other_each_once_and_no_whole_run_beside_them(tmp_path: Path):
    with held(tmp_path, (1, 2)):
        with locked(tmp_path, (2, 2)):
            assert running(tmp_path)
        with pytest.raises(UsageError, match=r"shard 1/2 of .*each shard takes one run"), locked(tmp_path, (1, 2)):
            pytest.fail("one shard twice")
        with pytest.raises(UsageError, match="another run is writing"), locked(tmp_path):
            pytest.fail("a whole run beside a shard")
        with locked(tmp_path, (1, 3)):
            pass
    with locked(tmp_path):
        pass


@pytest.mark.parametrize("shard", [None, (1, 2)])
def test_a_lock_ends_with_its_process(tmp_path: Path, shard: tuple[int, int] | None):
    with held(tmp_path, shard) as other:
        os.kill(other.pid, signal.SIGKILL)
        other.wait()
        assert not running(tmp_path)
        with locked(tmp_path):
            pass


def test_a_lock_ends_with_its_block_also_by_an_error(tmp_path: Path):
    with pytest.raises(RuntimeError), locked(tmp_path):
        raise RuntimeError
    assert not running(tmp_path)


def test_asking_for_the_status_all_the_time_keeps_no_run_from_starting(tmp_path: Path):
    over = threading.Event()

    def ask() -> None:
        while not over.is_set():
            running(tmp_path)
            time.sleep(0.001)

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        for _ in range(60):
            with locked(tmp_path, (1, 2)):
                pass
            with locked(tmp_path):
                pass
    finally:
        over.set()
        asking.join()


def test_a_folder_that_nobody_can_write_is_told(tmp_path: Path):
    (tmp_path / "run.lock").mkdir()
    with pytest.raises(UsageError, match="cannot write"), locked(tmp_path):
        pytest.fail("a lock on a folder")
    assert not running(tmp_path)
    assert seen_running(tmp_path) is None


ASK = (
    "import os, sys; from pathlib import Path\n"
    "from kinescribe.annotation.batch.locking import seen_running\n"
    "if os.geteuid() == 0: os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
    "print(seen_running(Path(sys.argv[1])))\n"
)


@pytest.mark.skipif(os.name == "nt", reason="permissions are others there")
def test_who_may_not_write_sees_whether_a_run_is_at_it_and_who_may_not_read_that_it_cant_be_told():
    def asked(folder: Path) -> str:
        return subprocess.run([sys.executable, "-c", ASK, str(folder)], capture_output=True, text=True, check=True).stdout.strip()

    # not tmp_path, which lies in a folder that is closed to others
    with tempfile.TemporaryDirectory() as name:
        folder, lock = Path(name), Path(name) / "run.lock"
        folder.chmod(0o755)
        with held(folder, (1, 2)):
            lock.chmod(0o444)
            assert asked(folder) == "True"
            lock.chmod(0o000)
            assert asked(folder) == "None"
        lock.chmod(0o444)
        assert asked(folder) == "False"


def test_asking_makes_no_file(tmp_path: Path):
    assert seen_running(tmp_path) is False
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("killed", [False, True])
def test_a_run_that_is_refused_because_of_a_shard_names_no_earlier_run(tmp_path: Path, killed: bool):
    with held(tmp_path) as earlier:
        if killed:
            earlier.kill()
            earlier.wait()
    with held(tmp_path, (1, 2)), pytest.raises(UsageError, match=r"another run is writing .*\(one or more shards\)"), locked(tmp_path):
        pytest.fail("a whole run beside a shard")


def test_a_holder_that_somebody_wrote_is_shown_in_one_line(tmp_path: Path):
    with held(tmp_path):
        (tmp_path / "holder.txt").write_bytes(b"\x1b[31mred\nlines\xff\n" + b"x" * 10_000)
        with pytest.raises(UsageError, match="another run is writing") as told, locked(tmp_path):
            pytest.fail("two runs at once")
    assert "\n" not in str(told.value)
    assert "\x1b" not in str(told.value)
    assert len(str(told.value)) < 500
