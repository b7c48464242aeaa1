"""How much of each pixel a body covers, and what its moments are, for many bodies at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kinescribe.perception.classical.accelerated._pixels import Pixels, joined
from kinescribe.perception.classical.accelerated._ranks import quantiles_by_owner
from kinescribe.perception.classical.blobs import fill_holes
from kinescribe.perception.classical.detector import Body
from kinescribe.perception.classical.matting import LEAST_CONTRAST, LEAST_INSIDE_PX, NOISE_CORRELATION
from kinescribe.perception.classical.measure import BRIGHT_SHARE, Moments

__all__ = ["Weighed", "weigh"]

RIM = 1  # px about a mask that may be covered in part


@dataclass(frozen=True, slots=True, eq=False)
class Weighed:
    """A body's soft mask, float32, (h, w), of its whole window, the moments, and its contrast in units of the noise.

    Where the mask is 0 everywhere, so is the moments' total, and the other moments mean nothing.
    """

    weights: NDArray[np.float32]
    moments: Moments
    contrast: float


def weigh(bodies: Sequence[Body], device: torch.device) -> list[Weighed]:
    """The soft masks of bodies as `soft_mask` gives them, with the moments of `Moments.of`, all in one go."""
    filled = [fill_holes(body.mask) for body in bodies]
    boxes = [_box(mask) for mask in filled]  # in a window of a large blob there may be many small bodies
    with torch.inference_mode():
        pixels = Pixels([(rows.stop - rows.start, columns.stop - columns.start) for rows, columns in boxes], device)

        def sent(crops: Sequence[NDArray[np.float32]] | Sequence[NDArray[np.bool_]]) -> Tensor:
            return torch.from_numpy(joined([crop[box] for crop, box in zip(crops, boxes, strict=True)])).to(device)

        difference, sigma = sent([body.difference for body in bodies]), sent([body.sigma for body in bodies])
        weights, contrast = _soft_masks(pixels, difference, sent(filled))
        mask = sent([body.mask for body in bodies])
        half = torch.full_like(contrast, 0.5)
        noise = quantiles_by_owner(sigma[mask], pixels.owner[mask], half)
        outline = (weights > 0) & (weights < 1)
        variance = torch.where(outline, (sigma / contrast[pixels.owner]) ** 2, 0.0) * NOISE_CORRELATION
        table = _sums(pixels, weights, variance).cpu().numpy()
        snr = (contrast.double() / noise.double() if device.type != "mps" else contrast / noise).cpu().numpy()
        crops = pixels.split(weights.cpu().numpy())
    out = []
    for body, box, crop, row, ratio in zip(bodies, boxes, crops, table, snr, strict=True):
        whole = np.zeros(body.mask.shape, np.float32)
        whole[box] = crop
        corner = np.array([box[1].start, box[0].start])
        moments = Moments(float(row[0]), row[1:3] + corner, row[3:6], row[6:9], row[9:12])
        out.append(Weighed(whole, moments, float(ratio)))
    return out


def _box(mask: NDArray[np.bool_]) -> tuple[slice, slice]:
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    ends = (slice(max(int(along[0]) - RIM, 0), int(along[-1]) + 1 + RIM) for along in (rows, columns))
    down, across = (slice(end.start, min(end.stop, size)) for end, size in zip(ends, mask.shape, strict=True))
    return down, across


def _soft_masks(pixels: Pixels, difference: Tensor, filled: Tensor) -> tuple[Tensor, Tensor]:
    """Weights, (P,), and contrasts, (N,)."""
    inside = pixels.erode(filled)
    enough = torch.bincount(pixels.owner[inside], minlength=len(pixels.sizes)) >= LEAST_INSIDE_PX
    core = torch.where(enough[pixels.owner], inside, filled)
    share = torch.where(enough, 0.5, BRIGHT_SHARE)
    contrast = quantiles_by_owner(difference[core], pixels.owner[core], share)
    covered = (difference / contrast.clamp(min=1e-6)[pixels.owner]).clamp(max=1.0)
    weights = torch.where(pixels.dilate(filled), covered, 0.0)
    return weights.masked_fill_(pixels.erode(inside), 1.0), contrast.clamp(min=LEAST_CONTRAST)


def _sums(pixels: Pixels, weights: Tensor, variance: Tensor) -> Tensor:
    """(N, 12), float64: the fields of `Moments` one after the other, the centroid in the crop."""
    # Metal has no float64; the sums are too delicate for less
    where = torch.device("cpu") if weights.device.type == "mps" else weights.device
    owner, x, y = pixels.owner.to(where), pixels.x.to(where).double(), pixels.y.to(where).double()
    w, v = weights.to(where).double(), variance.to(where).double()

    def by_owner(*columns: Tensor) -> Tensor:
        values = torch.stack(columns, dim=1)
        return values.new_zeros((len(pixels.sizes), len(columns))).index_add_(0, owner, values)

    first = by_owner(w, w * x, w * y)
    area = first[:, :1]
    total = torch.where(area > 0, area, 1.0)
    centroid = first[:, 1:] / total
    dx, dy = x - centroid[owner, 0], y - centroid[owner, 1]
    xx, xy, yy = dx * dx, dx * dy, dy * dy
    second = by_owner(w * xx, w * xy, w * yy) / total
    noise = by_owner(v * xx, v * xy, v * yy, v * (xx * xx + yy * yy), v * xx * yy, v * xy * (yy - xx)) / total**2
    return torch.cat([area, centroid, second, noise], dim=1)
