"""From what the user writes (``cuda:0,1``, ``bf16``) to devices and number formats."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kinescribe.errors import UsageError, pip_install, unknown_value

if TYPE_CHECKING:
    import torch

__all__ = ["BATCH_SIZES", "PRECISIONS", "choose_batch_size", "choose_devices", "choose_dtype"]

PRECISIONS = ("auto", "fp32", "bf16", "fp16")
FORMS = "auto, cpu, mps, cuda, cuda:1, cuda:0,1"
CUDA = re.compile(r"cuda(?::(\d{1,3}(?:,\d{1,3})*))?")
BATCH_SIZES = ((20, 16), (10, 8), (0, 4))
"""Pictures a batch to begin with, by GiB of a GPU's memory at least; what does not fit is halved."""


def choose_devices(spec: str) -> tuple[torch.device, ...]:
    """The devices that ``auto``, ``cpu``, ``mps``, ``cuda``, ``cuda:1`` or ``cuda:0,1`` mean here; ``auto`` is the first GPU, else the CPU.

    Raises:
        UsageError: where torch isn't installed, a device of that kind isn't there, or the text means none.
    """
    try:
        import torch
    except ImportError as error:
        raise UsageError(f"learned models need torch, which is not installed; {pip_install('sam')}") from error
    name = "".join(spec.lower().split())
    if name == "auto":
        if torch.cuda.is_available():
            return (torch.device("cuda", 0),)
        return (torch.device("mps" if torch.backends.mps.is_available() else "cpu"),)
    if name == "cpu":
        return (torch.device("cpu"),)
    if name == "mps":
        if not torch.backends.mps.is_available():
            raise UsageError("device 'mps': this machine, or this build of torch, has no Metal GPU; use --device cpu")
        return (torch.device("mps"),)
    match = CUDA.fullmatch(name)
    if match is None:
        raise unknown_value("device", spec, FORMS.split(", "))
    return _cuda_devices(spec, match.group(1))


def _cuda_devices(spec: str, indices: str | None) -> tuple[torch.device, ...]:
    import torch

    if not torch.cuda.is_available():
        if torch.version.cuda is None and torch.version.hip is None:
            reason = f"torch {torch.__version__} is built without CUDA; install the CUDA build (https://pytorch.org/get-started)"
        else:
            reason = "torch finds no CUDA GPU; check that nvidia-smi lists one and that the driver fits torch"
        raise UsageError(f"device '{spec}': {reason}, or use --device cpu")
    wanted = [int(index) for index in indices.split(",")] if indices else [0]
    count = torch.cuda.device_count()
    for index in wanted:
        if index >= count:
            there = ", ".join(f"cuda:{i}" for i in range(count))
            raise UsageError(f"device '{spec}': there is no cuda:{index} here; available: {there}, cpu")
    if len(set(wanted)) < len(wanted):
        raise UsageError(f"device '{spec}' names a GPU twice; name each once, such as cuda:0,1")
    return tuple(torch.device("cuda", index) for index in wanted)


def choose_dtype(precision: str, devices: tuple[torch.device, ...]) -> torch.dtype:
    """The format that matrix products are computed in; ``auto`` is bf16 on CUDA, fp16 where a GPU lacks bf16, fp32 elsewhere.

    Raises:
        UsageError: for an unknown precision, or bf16 on a GPU without it.
    """
    import torch

    if precision not in PRECISIONS:
        raise unknown_value("precision", precision, PRECISIONS)
    named = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
    gpus = [device for device in devices if device.type == "cuda"]
    if precision not in ("auto", "bf16") or not gpus:
        return named["fp32" if precision == "auto" else precision]
    without = [device for device in gpus if not _has_bf16(device)]
    if not without:
        return torch.bfloat16
    if precision == "auto":
        return torch.float16
    raise UsageError(f"precision 'bf16': {torch.cuda.get_device_name(without[0])} ({without[0]}) lacks bf16; use --precision fp16 or auto")


def _has_bf16(device: torch.device) -> bool:
    """Whether the GPU computes in bf16 itself; emulation is slower than fp16."""
    import torch

    with torch.cuda.device(device):
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))


def choose_batch_size(devices: tuple[torch.device, ...]) -> int:
    """Pictures a batch to begin with: by the smallest GPU's memory; 4 on MPS; 1 on a CPU, where more would only take memory."""
    import torch

    if devices[0].type != "cuda":
        return 4 if devices[0].type == "mps" else 1
    smallest = min(torch.cuda.get_device_properties(device).total_memory for device in devices) / 2**30
    return next(size for at_least, size in BATCH_SIZES if smallest >= at_least)
