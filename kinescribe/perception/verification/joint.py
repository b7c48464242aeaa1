"""One label for each physical thing: all tracks are named together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["assigned", "grouped"]

Float = NDArray[np.float64]

FLOOR = -60.0  # log; −inf would make some assignments impossible to compare


def grouped(posterior: Float, apart: NDArray[np.bool_]) -> list[list[int]]:
    """Tracks that must be one thing: of the same likeliest label, and no two of them ever seen apart.

    Args:
        posterior: (N, H), log; the last column is "not there".
        apart: (N, N), whether two tracks are seen at the same time in different places.
    """
    best = posterior.argmax(axis=1)
    groups: list[list[int]] = []
    for track in np.argsort(-posterior.max(axis=1), kind="stable").tolist():
        home = next(
            (
                group
                for group in groups
                if best[track] < posterior.shape[1] - 1 and best[group[0]] == best[track] and not apart[track, group].any()
            ),
            None,
        )
        if home is None:
            groups.append([track])
        else:
            home.append(track)
    return groups


def assigned(posterior: Float, groups: Sequence[Sequence[int]]) -> tuple[NDArray[np.intp], Float]:
    """(N,) the hypothesis of each track and (N,) its probability, so that no two groups bear the same label.

    Of all such namings the likeliest is taken (Hungarian method, scipy's linear_sum_assignment); how much likelier it is than the best one
    in which a group is called otherwise gives that group's confidence. Any number of groups may be "not there".
    """
    from scipy.optimize import linear_sum_assignment  # a quarter of a second to import

    names = posterior.shape[1] - 1
    scores = np.maximum(np.stack([posterior[list(group)].sum(axis=0) for group in groups]), FLOOR * 2)
    table = np.full((len(groups), names + len(groups)), -1e6)
    table[:, :names] = scores[:, :names]
    table[np.arange(len(groups)), names + np.arange(len(groups))] = scores[:, names]  # each its own place to be nothing

    def best(values: Float) -> tuple[NDArray[np.intp], float]:
        rows, columns = linear_sum_assignment(values, maximize=True)
        return columns, float(values[rows, columns].sum())

    columns, total = best(table)
    choice = np.zeros(len(posterior), np.intp)
    confidence = np.zeros(len(posterior))
    for row, group in enumerate(groups):
        without = table.copy()
        without[row, columns[row]] = -1e6
        lead = total - best(without)[1]
        choice[list(group)] = min(int(columns[row]), names)
        confidence[list(group)] = 1 / (1 + np.exp(-min(lead, 700.0)))
    return choice, confidence
