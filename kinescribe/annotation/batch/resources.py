"""What this machine lets a run use: cores, memory, GPUs; in a container what that may use."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil

__all__ = ["MEMORY_SHARE", "available_memory", "cores", "gpus"]

MEMORY_SHARE = 0.8
"""Of the memory that workers may fill together, where nothing else is asked for."""
_CGROUP, _MINE = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")


def cores() -> int:
    """How many cores this process may use, at least 1."""
    mine = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    for text in _limits("cpu.max"):
        quota, _, period = text.partition(" ")
        if quota.isdecimal() and period.isdecimal() and int(period):
            mine = min(mine, round(int(quota) / int(period)))
    return max(1, mine)


def available_memory() -> int:
    """Bytes that this machine has in all, or that a container or a scheduler lets this process have."""
    told = [*_limits("memory.max"), *_limits("memory.limit_in_bytes", "memory")]
    return min([int(psutil.virtual_memory().total), *(int(text) for text in told if text.isdecimal())])


def _limits(name: str, controller: str = "") -> Iterator[str]:
    """What the control groups of this process say, its own and those around it; of version 1 those of a controller."""
    try:
        lines = _MINE.read_text().splitlines()
    except OSError:
        return  # no Linux
    root = _CGROUP / controller
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controller not in controllers.split(","):
            continue
        group = root / path.strip("/")
        for folder in [group, *group.parents]:
            with suppress(OSError):  # what a container sees of its own group may lie elsewhere
                yield (folder / name).read_text().strip()
            if folder == root:
                break


def gpus() -> list[str]:
    """Names of the CUDA devices, as CUDA_VISIBLE_DEVICES has them; empty without torch or without a device."""
    # in a process of its own: torch takes seconds and a GB, and would hold the device; -P: not a torch.py of the current folder
    code = "import torch; print(torch.cuda.device_count())"
    try:
        told = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, timeout=120, check=True).stdout
        count = int(told.strip() or 0)
    except (OSError, subprocess.SubprocessError, ValueError):
        return []
    visible = [name for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name.strip()]
    return visible[:count] if visible else [str(k) for k in range(count)]
