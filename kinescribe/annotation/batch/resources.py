"""What this machine lets a run use: cores, memory, GPUs; in a container what that may use."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil

__all__ = ["MEMORY_SHARE", "available_memory", "cores", "gpus"]

MEMORY_SHARE = 0.8
"""Of the memory that workers may fill together, where nothing else is asked for."""
_CGROUP = Path("/sys/fs/cgroup")


def cores() -> int:
    """How many cores this process may use, at least 1."""
    mine = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = (_CGROUP / "cpu.max").read_text().split()
        if quota != "max":
            mine = min(mine, max(1, round(int(quota) / int(period))))
    except (OSError, ValueError):
        pass  # no container, or one that says nothing
    return max(1, mine)


def available_memory() -> int:
    """Bytes that this machine, or the container, has in all."""
    whole = int(psutil.virtual_memory().total)
    try:
        text = (_CGROUP / "memory.max").read_text().strip()
        return whole if text == "max" else min(whole, int(text))
    except (OSError, ValueError):
        return whole


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
