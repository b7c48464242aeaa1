"""Who is who: the cost of a pairing and the best set of pairings."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import linear_sum_assignment
from scipy.sparse import csgraph

__all__ = ["UNLIKE", "appearance_cost", "assign"]

Float = NDArray[np.float64]

COLOR_SIGMA = 12.0  # ΔE; a body's median colour moves by this with light, blur and partial cover
LOG_AREA_SIGMA = 0.5
MOST = 12.0  # that colour costs, and that size costs
UNLIKE = 2 * MOST  # what two things cost that differ in both by more than is counted


def appearance_cost(colors_a: Float, areas_a: Float, colors_b: Float, areas_b: Float) -> Float:
    """How unlike two sets of bodies are in colour and size, (N, M); χ²-like, capped so that one bad look can't outvote the motion.

    Args:
        colors_a, colors_b: (N, 3) and (M, 3), CIELAB.
        areas_a, areas_b: (N,) and (M,), px².
    """
    color = ((colors_a[:, None] - colors_b[None]) ** 2).sum(-1) / COLOR_SIGMA**2
    area = (np.log(np.maximum(areas_a, 1.0))[:, None] - np.log(np.maximum(areas_b, 1.0))[None]) ** 2 / LOG_AREA_SIGMA**2
    return np.asarray(np.minimum(color, MOST) + np.minimum(area, MOST))


def assign(cost: Float, limit: float) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The pairings of rows with columns whose total cost is least, where leaving a pair apart costs `limit`.

    Entries above `limit` are never paired. Solved exactly, one connected component of the possible pairs at a time.

    Returns:
        rows and columns of the pairs.
    """
    possible = cost < limit
    rows, columns = np.nonzero(possible)
    if len(rows) == 0:
        return np.zeros(0, np.intp), np.zeros(0, np.intp)
    n, m = cost.shape
    graph = sparse.coo_matrix((np.ones(len(rows), np.int8), (rows, columns + n)), shape=(n + m, n + m))
    count, labels = csgraph.connected_components(graph, directed=False)
    members: list[list[int]] = [[] for _ in range(count)]
    for node, label in enumerate(labels):
        members[label].append(node)
    out_rows: list[int] = []
    out_columns: list[int] = []
    for group in members:
        r = np.array([node for node in group if node < n], np.intp)
        c = np.array([node - n for node in group if node >= n], np.intp)
        if len(r) == 0 or len(c) == 0:
            continue
        block = np.minimum(cost[np.ix_(r, c)], limit) - limit  # what pairing saves
        i, j = linear_sum_assignment(block)
        good = block[i, j] < 0
        out_rows += r[i[good]].tolist()
        out_columns += c[j[good]].tolist()
    return np.array(out_rows, np.intp), np.array(out_columns, np.intp)
