"""The sampled frames on a device, for the background's estimate."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kinescribe.perception.background import FrameSample, FrameStack, Near, least_still
from kinescribe.perception.classical.accelerated._pictures import mean_square, rms, smooth_across, smooth_down
from kinescribe.perception.classical.accelerated._ranks import medians
from kinescribe.perception.grounded_sam.runtime import Runtime
from kinescribe.perception.grounded_sam.runtime.batching import MemoryFullError, is_out_of_memory

__all__ = ["DeviceStack"]

Float32 = NDArray[np.float32]

STRIP_BYTES = 1 << 28  # of a strip's intermediate results
VALUE_BYTES = 16  # of intermediate results for each value in the stack


class DeviceStack(FrameStack):
    """Sorts and sums over the frames on the device, some rows at a time; fewer where memory runs out.

    Raises:
        MemoryFullError: where the device can't even hold the frames as they are.
    """

    def __init__(self, sample: FrameSample, runtime: Runtime) -> None:
        super().__init__(sample)
        self._runtime, self._where = runtime, runtime.device
        try:
            self._images = torch.from_numpy(self.images).to(self._where)  # (S, H, W, 3)
            self._moves = torch.from_numpy(self._moving).to(self._where, copy=True)  # (S, H, W); it is changed
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            held = f"the {len(self.images)} sampled frames ({self.images.nbytes / 1e6:.0f} MB)"
            raise MemoryFullError(f"{self._where} has no memory for {held}; use --device cpu or smaller pictures") from error

    def median(self) -> Float32:
        return self._by_rows(lambda rows: medians(self._images[:, rows])[0])

    def spread(self, plate: Float32, *, still: bool = False) -> Float32:
        def find(rows: slice) -> Tensor:
            distance = self._distance(rows, plate)
            if not still:
                return medians(distance)[0]
            spread, count = medians(distance, ~self._moves[:, rows])
            return torch.where(count > 0, spread, 255.0)

        return self._by_rows(find)

    def forget_motion_within(self, plate: Float32, reach: Float32) -> None:
        def find(rows: slice) -> Tensor:
            changes = (self._distance(rows, plate) > self._sent(reach[rows])).any(0)
            self._moves[:, rows] &= changes
            return changes

        self._by_rows(find)

    def median_of_still(self, median: Float32) -> Float32:
        least = least_still(len(self.images))

        def find(rows: slice) -> Tensor:
            value, count = medians(self._images[:, rows], ~self._moves[:, rows, :, None])
            return torch.where(count >= least, value, self._sent(median[rows]))

        return self._by_rows(find)

    def near(self, plate: Float32, reach: Float32) -> Near:
        def find(rows: slice) -> Tensor:
            height = len(plate)
            around = [min(abs(y), 2 * (height - 1) - y) if height > 1 else 0 for y in range(rows.start - 1, rows.stop + 1)]
            difference = self._images[:, around].to(torch.float32) - self._sent(plate[around])
            within = difference[:, 1:-1]
            agrees = rms(within) <= self._sent(reach[rows])
            smooth = smooth_across(smooth_down(difference, 1), 2) / 16
            sums = [torch.where(agrees, mean_square(values), 0.0).sum(0) for values in (within, smooth)]
            return torch.stack([agrees.sum(0).to(torch.float32), *sums], dim=-1)

        sums = self._by_rows(find)
        return Near(sums[..., 0].astype(np.int64), sums[..., 1], sums[..., 2])

    def _distance(self, rows: slice, plate: Float32) -> Tensor:
        difference = self._images[:, rows].to(torch.float32) - self._sent(plate[rows])
        return rms(difference)

    def _sent(self, values: NDArray[Any]) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(values)).to(self._where)

    def _by_rows(self, find: Callable[[slice], Tensor]) -> NDArray[Any]:
        """What is found for a slice of rows, (rows, …), for all of them."""

        def several(rows: list[int]) -> list[NDArray[Any]]:
            with torch.inference_mode():
                return list(find(slice(rows[0], rows[-1] + 1)).cpu().numpy())

        count, height, width, _ = self.images.shape
        size = max(1, STRIP_BYTES // (count * width * 3 * VALUE_BYTES))
        found: list[NDArray[Any]] = self._runtime.in_batches(several, range(height), size=size)
        return np.stack(found)
