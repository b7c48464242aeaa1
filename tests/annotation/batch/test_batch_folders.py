"""The folder of a data set: who may begin in it, and what is cleared away."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kinescribe.annotation.batch.folders import DataSet


def test_shards_that_start_at_the_same_moment_do_not_stop_each_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """One starts and ends while the other tries whether it may write."""
    data, real, begun = DataSet(tmp_path / "out"), Path.write_bytes, []

    def write(path: Path, raw: bytes) -> Any:
        written = real(path, raw)
        if not begun:
            begun.append(path)
            with data.held((2, 2)):
                pass
        return written

    monkeypatch.setattr(Path, "write_bytes", write)
    with data.held((1, 2)):
        assert begun


def test_what_killed_runs_left_is_cleared_away_by_a_run_over_all_and_a_shard_touches_only_its_own(tmp_path: Path):
    data = DataSet(tmp_path / "out")
    for folder in (data.work(), data.work((1, 2)), data.work((2, 2))):
        (folder / "ab12").mkdir(parents=True)
    (data.inner / "probe-1234").touch()
    with data.held((1, 2)):
        assert sorted(path.name for path in data.inner.glob("work*")) == ["work", "work-2-of-2"]
    with data.held(None):
        assert {path.name for path in data.inner.iterdir()} <= {"run.lock", "shard-1-of-2.lock", "holder.txt"}
