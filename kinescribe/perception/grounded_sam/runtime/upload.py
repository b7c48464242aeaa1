"""The way of pictures from numpy to the device."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kinescribe.errors import InputError, UsageError

if TYPE_CHECKING:
    import torch
    from torch import Tensor

__all__ = ["Uploader"]


class Uploader:
    """Copies pictures to one device. On CUDA from two page-locked buffers in turn: one is filled while the other is on its way.

    Several threads may use it; their pictures go one batch after the other.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._lock = threading.Lock()
        self._buffers = (_Pinned(), _Pinned())
        self._turn = 0

    def __call__(self, images: Sequence[NDArray[np.uint8]]) -> Tensor:
        """Equal-sized uint8 (H, W, 3) BGR pictures → uint8 (B, 3, H, W) RGB on the device, contiguous.

        Raises:
            UsageError: for no picture at all.
            InputError: for pictures of several sizes, or that aren't uint8 (H, W, 3).
        """
        import torch

        _check(images)
        height, width, _ = images[0].shape
        if self.device.type != "cuda":
            batch = np.empty((len(images), 3, height, width), np.uint8)
            for row, image in zip(batch, images, strict=True):
                row[:] = image[:, :, ::-1].transpose(2, 0, 1)
            return torch.from_numpy(batch).to(self.device)
        with self._lock:
            buffer = self._buffers[self._turn]
            self._turn = 1 - self._turn
            staged = buffer.fill(images)
            with torch.cuda.device(self.device):
                sent = staged.to(self.device, non_blocking=True)
                buffer.sent = torch.cuda.Event()
                buffer.sent.record()
        # channels are put first and turned round over there, where it takes no time
        return sent.permute(0, 3, 1, 2).flip(1).contiguous()


class _Pinned:
    """One page-locked buffer, which grows with the batches."""

    def __init__(self) -> None:
        self.memory: Any = None
        self.sent: Any = None  # the event after the last copy out of the buffer

    def fill(self, images: Sequence[NDArray[np.uint8]]) -> Tensor:
        """The pictures as uint8 (B, H, W, 3) in the buffer, once what was sent from it before has arrived."""
        import torch

        if self.sent is not None:
            self.sent.synchronize()
        count = len(images) * images[0].size
        if self.memory is None or self.memory.numel() < count:
            self.memory = torch.empty(count, dtype=torch.uint8, pin_memory=True)
        staged = self.memory[:count].view(len(images), *images[0].shape)
        view = staged.numpy()
        for row, image in zip(view, images, strict=True):
            np.copyto(row, image)
        return staged


def _check(images: Sequence[NDArray[np.uint8]]) -> None:
    if not images:
        raise UsageError("no picture to send to the device; give at least one")
    shape = images[0].shape
    for image in images:
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
            raise InputError(f"a picture of {image.dtype} {image.shape} can't be sent to the device; uint8 (H, W, 3) is wanted")
        if image.shape != shape:
            raise InputError(f"pictures of {shape[1]}×{shape[0]} and {image.shape[1]}×{image.shape[0]} px don't fit into one batch")
