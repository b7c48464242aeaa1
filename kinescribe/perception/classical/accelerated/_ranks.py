"""Medians on a device, exact, without sorting."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["medians", "quantiles_by_owner"]


def medians(values: Tensor, held: Tensor | None = None) -> tuple[Tensor, Tensor | int]:
    """Median over the first axis, of an even number the mean of the middle two.

    The lower of both is found bit by bit, as the largest number below which no more values lie than its rank: a few passes over the
    memory, where sorting short columns by the million is slow. Floats of 0 and above are ordered as their bits are.

    Args:
        values: (S, …), uint8, or float32 of 0 and above.
        held: bool, such as broadcasts with `values`: which of them count; None for all.

    Returns:
        float32, (…), of no meaning where nothing counts; how many count, int or int64 such as broadcasts with the first.
    """
    keys, digits = (values, 8) if values.dtype == torch.uint8 else (values.contiguous().view(torch.int32), 31)
    count: Tensor | int = len(values) if held is None else held.sum(0)
    low, high = _middle_ranks(count)
    lower = torch.zeros_like(keys[0])
    for digit in reversed(range(digits)):
        trial = lower | (1 << digit)
        lower = torch.where(_how_many(keys < trial, held) <= low, trial, lower)
    above = keys > lower
    if held is not None:
        above &= held
    next_higher = torch.where(above, keys, torch.iinfo(keys.dtype).max).amin(0)
    upper = torch.where(_how_many(keys <= lower, held) > high, lower, next_higher)
    a, b = (found if found.dtype == torch.uint8 else found.view(torch.float32) for found in (lower, upper))
    return (a.to(torch.float32) + b.to(torch.float32)) / 2, count


def _middle_ranks(count: Tensor | int) -> tuple[Tensor | int, Tensor | int]:
    if isinstance(count, int):
        return (count - 1) // 2, count // 2
    return ((count - 1) // 2).clamp_(min=0), count // 2


def _how_many(chosen: Tensor, held: Tensor | None) -> Tensor:
    return (chosen if held is None else chosen & held).sum(0, dtype=torch.int32)


def quantiles_by_owner(values: Tensor, owners: Tensor, share: Tensor) -> Tensor:
    """A quantile for each owner's values, between two of them by linear interpolation.

    Args:
        values: (P,), float32. owners: (P,), int64, whose each is; none is without a value. share: (N,), of each owner's quantile, [0, 1].

    Returns:
        (N,), float32.
    """
    order = torch.argsort(values)
    order = order[torch.argsort(owners[order], stable=True)]
    ordered = values[order]
    counts = torch.bincount(owners, minlength=len(share))
    starts = counts.cumsum(0) - counts
    place = share * (counts - 1)
    below = place.floor().to(torch.int64)
    above = torch.minimum(below + 1, counts - 1)
    a, b = ordered[starts + below], ordered[starts + above]
    between = place - below
    return torch.where(between == 0.5, (a + b) / 2, a + (b - a) * between)  # the halves as numpy's median rounds them
