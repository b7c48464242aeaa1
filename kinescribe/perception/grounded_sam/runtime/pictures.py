"""Pictures as models want them, computed on the device that they lie on."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from typing import TYPE_CHECKING

from kinescribe.errors import UsageError

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["normalize", "resize"]


def resize(images: Tensor, size: tuple[int, int]) -> Tensor:
    """Pictures in another size: uint8 (B, 3, H, W) → float32 (B, 3, *size), whole numbers in 0..255, size as (height, width).

    Bilinear with antialiasing: the weights are a triangle of the width of one output pixel where the picture shrinks. On the CPU the
    result is that of ``torchvision.transforms.v2.functional.resize(images, size, antialias=True)`` bit for bit, for the same kernel
    computes it: torch's own for uint8, with 16-bit fixed-point weights, where the processor has AVX2 or is an ARM, else float32
    rounded half to even (so also for a size of 1×1, at which the uint8 kernel of torch 2.13 fails). On other devices it is float32,
    rounded: each value lies within one grey level of the CPU's, for sides of two pixels at least. (The fixed-point kernel rounds
    after each of its two passes, the float one once at the end.)

    Raises:
        UsageError: for pictures that aren't uint8 (B, 3, H, W) or hold no pixel, and for sizes below 1.
    """
    import torch
    from torch.nn.functional import interpolate

    if images.dtype != torch.uint8 or images.ndim != 4 or images.shape[1] != 3 or not images.shape[2] * images.shape[3]:
        raise UsageError(f"pictures of {images.dtype} {tuple(images.shape)} can't be resized; uint8 (B, 3, H, W) is wanted")
    height, width = size = int(size[0]), int(size[1])
    if height < 1 or width < 1:
        raise UsageError(f"pictures can't be resized to {height}×{width}; both sides must be at least 1")
    if tuple(images.shape[-2:]) == (height, width) or not len(images):
        return images.new_zeros((0, 3, height, width), dtype=torch.float32) if not len(images) else images.to(torch.float32)
    if not (images.device.type == "cpu" and _has_uint8_kernel() and size != (1, 1)):
        resized = interpolate(images.to(torch.float32), (height, width), mode="bilinear", align_corners=False, antialias=True)
        return resized.round_().clamp_(0, 255)
    return interpolate(images, (height, width), mode="bilinear", align_corners=False, antialias=True).to(torch.float32)


def _has_uint8_kernel() -> bool:
    import torch

    return torch.backends.cpu.get_cpu_capability() in ("AVX2", "AVX512") or platform.machine() in ("aarch64", "arm64")


def normalize(images: Tensor, mean: Sequence[float], std: Sequence[float], scale: float = 1 / 255) -> Tensor:
    """(images · scale − mean) / std for each channel: (B, C, H, W) of any kind → float32 of the same shape and device.

    Computed in float32, in this order; for pictures in 0..255 and the usual mean and std (std ≥ 0.2) exact to 1e-6.
    """
    import torch

    shape = (1, -1, 1, 1)
    means = torch.tensor(mean, dtype=torch.float32, device=images.device).view(shape)
    stds = torch.tensor(std, dtype=torch.float32, device=images.device).view(shape)
    # the product is a new tensor, so that the steps after it may be done in place
    return (images.to(torch.float32) * scale).sub_(means).div_(stds)
