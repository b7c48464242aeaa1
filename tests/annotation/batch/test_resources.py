"""What a container or a scheduler lets a process have."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from kinescribe.annotation.batch import resources

WHOLE = 64 * 2**30


@pytest.fixture
def groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that stands for the control groups; a machine of 64 GB and 16 cores."""
    monkeypatch.setattr(resources, "_CGROUP", tmp_path / "groups")
    monkeypatch.setattr(resources, "_MINE", tmp_path / "mine")
    memory = psutil.virtual_memory()
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory._replace(total=WHOLE))
    monkeypatch.setattr(resources.os, "sched_getaffinity", lambda pid: set(range(16)), raising=False)
    return tmp_path


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_nothing_but_the_machine(groups: Path):
    assert (resources.available_memory(), resources.cores()) == (WHOLE, 16)


def test_a_job_of_a_scheduler_lies_deep_in_the_groups(groups: Path):
    write(groups / "mine", "0::/system.slice/job_7/step_0\n")
    write(groups / "groups/system.slice/job_7/step_0/memory.max", "max\n")
    write(groups / "groups/system.slice/job_7/memory.max", "8589934592\n")
    write(groups / "groups/system.slice/job_7/step_0/cpu.max", "250000 100000\n")
    assert (resources.available_memory(), resources.cores()) == (2**33, 2)


def test_a_container_sees_its_own_group_as_the_root(groups: Path):
    write(groups / "mine", "0::/\n")
    write(groups / "groups/memory.max", "4294967296\n")
    write(groups / "groups/cpu.max", "50000 100000\n")
    assert (resources.available_memory(), resources.cores()) == (2**32, 1)


def test_groups_of_the_first_version(groups: Path):
    write(groups / "mine", "4:cpu,cpuacct:/\n3:memory:/jobs/7\n0::/\n")
    write(groups / "groups/memory/jobs/7/memory.limit_in_bytes", "2147483648\n")
    write(groups / "groups/memory/memory.limit_in_bytes", "9223372036854771712\n")
    assert resources.available_memory() == 2**31


@pytest.mark.parametrize("text", ["max 100000", "", "nonsense", "100 0", "-1 100000"])
def test_what_is_no_number_is_no_limit(groups: Path, text: str):
    write(groups / "mine", "0::/\n")
    write(groups / "groups/cpu.max", text)
    write(groups / "groups/memory.max", "max")
    assert (resources.available_memory(), resources.cores()) == (WHOLE, 16)
