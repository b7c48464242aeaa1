"""Whole frames against the background, a batch at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kinescribe.perception.classical.accelerated._pictures import close, rms, smooth
from kinescribe.perception.classical.accelerated._pixels import Pixels
from kinescribe.perception.classical.detector import Window
from kinescribe.perception.classical.foreground import LEAST_OFFSET, Foreground, ForegroundModel
from kinescribe.perception.grounded_sam.runtime import Runtime

__all__ = ["Blob", "DeviceForeground", "Seen"]

Image = NDArray[np.uint8]
Float32 = NDArray[np.float32]

EXTENT, STRONG = 1, 2  # bits of what comes back for each pixel


@dataclass(frozen=True, slots=True, eq=False)
class Blob:
    """A blob's label, the window about it, and there frame − background, (h, w, 3), and its RMS over channels, (h, w)."""

    label: int
    window: Window
    delta: Float32
    difference: Float32


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What stands out in one frame."""

    foreground: Foreground
    blobs: list[Blob]


class DeviceForeground:
    """A `ForegroundModel` on a device: the same pixels stand out, bit for bit."""

    def __init__(self, model: ForegroundModel, runtime: Runtime) -> None:
        self._model, self._runtime, self._where = model, runtime, runtime.device
        self._smooth_plate = self._planes(model.smooth_plate).to(torch.int16)
        self._plate = self._planes(model.background.plate).flatten(1)  # (3, H·W)
        self._high, self._low = (torch.from_numpy(level.astype(np.int16)).to(self._where) for level in (model.high, model.low))
        self._buffer: Any = None

    def see(self, images: Sequence[Image], windows: Callable[[Foreground], list[tuple[int, Window]]]) -> list[Seen]:
        """The foreground of each (H, W, 3) picture, BGR, and the difference in those of its windows that `windows` chooses."""
        with torch.inference_mode():
            sent, offsets = self._sent(images)
            bits = self._fetched(self.bits(sent, offsets))
            foregrounds = [Foreground.of(here & EXTENT, (here & STRONG) > 0, offset) for here, offset in zip(bits, offsets, strict=True)]
            chosen = [windows(foreground) for foreground in foregrounds]
            blobs = iter(self._blobs(sent, offsets, chosen))
        return [Seen(foreground, [next(blobs) for _ in here]) for foreground, here in zip(foregrounds, chosen, strict=True)]

    def masks(self, images: Sequence[Image]) -> Image:
        """The bits of `bits` for (H, W, 3) pictures, BGR, on the CPU; the next call overwrites them."""
        with torch.inference_mode():
            return self._fetched(self.bits(*self._sent(images)))

    def bits(self, sent: Tensor, offsets: Float32) -> Tensor:
        """uint8, (B, H, W): EXTENT where a blob is, STRONG where the upper threshold is exceeded.

        Args:
            sent: uint8, (B, 3, H, W), RGB.
            offsets: (B, 3), BGR, each picture's brightness offset.
        """
        levels = smooth(sent)
        lit = np.flatnonzero(np.abs(offsets).max(1) >= LEAST_OFFSET)
        if len(lit):
            index = torch.from_numpy(lit).to(self._where)
            taken_out = self._rgb(offsets[lit])[:, :, None, None]
            levels[index] = (levels[index] - taken_out).clamp_(0, 255).round_().to(torch.int16)
        strongest = (levels - self._smooth_plate).abs_().amax(1)
        extent = close(strongest > self._low)
        return extent.to(torch.uint8) * EXTENT + (strongest > self._high).to(torch.uint8) * STRONG

    def _blobs(self, sent: Tensor, offsets: Float32, chosen: list[list[tuple[int, Window]]]) -> list[Blob]:
        """The difference in all windows of all pictures, in one go."""
        flat = [(k, label, window) for k, here in enumerate(chosen) for label, window in here]
        if not flat:
            return []
        pixels = Pixels([(rows.stop - rows.start, columns.stop - columns.start) for _, _, (rows, columns) in flat], self._where)
        corners = [(k, rows.start, columns.start) for k, _, (rows, columns) in flat]
        picture, top, left = torch.tensor(corners, device=self._where)[pixels.owner].unbind(1)
        place = (top + pixels.y) * sent.shape[-1] + left + pixels.x
        values = sent.flatten(2)[picture, :, place].to(torch.float32)  # (P, 3)
        delta = (values - self._rgb(offsets)[picture] - self._plate[:, place].T).flip(1)  # BGR
        both = torch.cat([delta, rms(delta)[:, None]], dim=1).cpu().numpy()
        return [
            Blob(label, window, np.ascontiguousarray(here[..., :3]), np.ascontiguousarray(here[..., 3]))
            for (_, label, window), here in zip(flat, pixels.split(both), strict=True)
        ]

    def _sent(self, images: Sequence[Image]) -> tuple[Tensor, Float32]:
        return self._runtime.upload(images), np.stack([self._model.exposure_offset(image) for image in images])

    def _planes(self, image: NDArray[Any]) -> Tensor:
        """(H, W, 3) BGR → (3, H, W) RGB on the device."""
        return torch.from_numpy(np.ascontiguousarray(image[..., ::-1].transpose(2, 0, 1))).to(self._where)

    def _rgb(self, offsets: Float32) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(offsets[:, ::-1])).to(self._where)

    def _fetched(self, bits: Tensor) -> Image:
        """On the CPU; from CUDA by way of one page-locked buffer, which the next call overwrites."""
        if bits.device.type != "cuda":
            return np.asarray(bits.cpu().numpy(), np.uint8)
        if self._buffer is None or self._buffer.numel() < bits.numel():
            self._buffer = torch.empty(bits.numel(), dtype=torch.uint8, pin_memory=True)
        staged = self._buffer[: bits.numel()].view(bits.shape)
        staged.copy_(bits)
        return np.asarray(staged.numpy(), np.uint8)
