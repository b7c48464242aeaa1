"""Who is who: the cost of a pairing and the best set of pairings."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["MOST", "UNLIKE", "assign_pairs", "look_cost"]

Float = NDArray[np.float64]
Rows = NDArray[np.intp]

COLOR_SIGMA = 12.0  # ΔE; a body's median colour moves by this with light, blur and partial cover
LOG_AREA_SIGMA = 0.5
MOST = 12.0  # that colour costs, and that size costs
UNLIKE = 2 * MOST  # what two things cost that differ in both by more than is counted
LARGEST_MATRIX = 4096  # entries of what is solved as a full matrix; what is larger is solved as the sparse graph it is
CHOICES = 64  # pairs a row keeps, its cheapest


def look_cost(colors_a: Float, areas_a: Float, colors_b: Float, areas_b: Float) -> Float:
    """How unlike bodies are in colour and size, pair by pair; χ²-like, capped so that one bad look can't outvote the motion.

    Args:
        colors_a, colors_b: (…, 3), CIELAB, broadcast against each other.
        areas_a, areas_b: (…,), px².
    """
    color = np.square(colors_a - colors_b).sum(-1) / COLOR_SIGMA**2
    area = (np.log(np.maximum(areas_a, 1.0)) - np.log(np.maximum(areas_b, 1.0))) ** 2 / LOG_AREA_SIGMA**2
    return np.asarray(np.minimum(color, MOST) + np.minimum(area, MOST))


def assign_pairs(rows: Rows, columns: Rows, costs: Float, limit: float) -> tuple[Rows, Rows]:
    """The pairings of rows with columns whose total cost is least, where leaving a pair apart costs `limit`.

    Exact, in memory that grows with the number of possible pairs, not with rows times columns. What no other choice could better is paired
    at once; the rest is solved by shortest augmenting paths (Jonker and Volgenant 1987), in the sparse graph if it is large.

    Args:
        rows, columns: (K,), the pairs that are possible, each once.
        costs: (K,), of these pairs. Those of `limit` or above are never paired, nor are any but a row's 64 cheapest looked at.

    Returns:
        rows and columns of the chosen pairs, (P,) each, by row.
    """
    left = np.flatnonzero(costs < limit)
    if not len(left):
        return np.zeros(0, np.intp), np.zeros(0, np.intp)
    left = left[_cheapest(rows[left], costs[left])]
    savings = costs - limit
    chosen = []
    while len(left):
        sure = left[_undisputed(rows[left], columns[left], savings[left])]
        if not len(sure):
            chosen.append(left[_solve(rows[left], columns[left], savings[left])])
            break
        chosen.append(sure)
        gone_rows, gone_columns = np.zeros(rows.max() + 1, bool), np.zeros(columns.max() + 1, bool)
        gone_rows[rows[sure]] = gone_columns[columns[sure]] = True
        left = left[~(gone_rows[rows[left]] | gone_columns[columns[left]])]
    picked = np.concatenate(chosen)
    picked = picked[np.argsort(rows[picked])]
    return rows[picked], columns[picked]


def _cheapest(rows: Rows, costs: Float) -> Rows:
    """Which pairs are among their row's `CHOICES` cheapest, in the order they have."""
    counts = np.bincount(rows)
    if counts.max() <= CHOICES:
        return np.arange(len(rows))
    order = np.lexsort((costs, rows))
    rank = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
    return np.asarray(np.sort(order[rank < CHOICES]), np.intp)


def _undisputed(rows: Rows, columns: Rows, savings: Float) -> Rows:
    """Which pairs are in the best set for sure: those that save more than the next best of their row and of their column do together.

    Any set that has those two instead, or one of them, gets better by giving them up for this pair.
    """
    best_of_row, next_of_row = _best_two(rows, savings)
    best_of_column, next_of_column = _best_two(columns, savings)
    best = best_of_row[best_of_row >= 0]
    best = best[best_of_column[columns[best]] == best]
    return np.asarray(best[savings[best] < next_of_row[rows[best]] + next_of_column[columns[best]]], np.intp)


def _best_two(groups: Rows, savings: Float) -> tuple[Rows, Float]:
    """Of each group the pair that saves most, −1 where there is none, and what the next one saves, 0 where there is none."""
    count = int(groups.max()) + 1
    least = np.zeros(count)
    np.minimum.at(least, groups, savings)
    ties = np.flatnonzero(savings == least[groups])
    best = np.full(count, -1, np.intp)
    best[groups[ties]] = ties
    others = savings.copy()
    others[best[best >= 0]] = 0.0
    following = np.zeros(count)
    np.minimum.at(following, groups, others)
    return best, following


def _solve(rows: Rows, columns: Rows, savings: Float) -> Rows:
    """Which of the pairs make the best set, by their savings, < 0."""
    row_names, r = np.unique(rows, return_inverse=True)
    column_names, c = np.unique(columns, return_inverse=True)
    n, m = len(row_names), len(column_names)
    if n * m <= LARGEST_MATRIX:
        from scipy.optimize import linear_sum_assignment  # a quarter of a second to import

        block, number = np.zeros((n, m)), np.full((n, m), -1, np.intp)
        block[r, c] = savings
        number[r, c] = np.arange(len(r))
        picked = number[linear_sum_assignment(block)]
        return np.asarray(picked[picked >= 0], np.intp)
    from scipy import sparse
    from scipy.sparse import csgraph

    # every row may stay apart, in a column of its own at no saving; all weights are raised alike, since the solver takes none of zero
    weights = np.concatenate([savings, np.zeros(n)]) + (1.0 - savings.min())
    places = (np.concatenate([r, np.arange(n)]), np.concatenate([c, m + np.arange(n)]))
    i, j = csgraph.min_weight_full_bipartite_matching(sparse.csr_matrix((weights, places), shape=(n, m + n)))
    paired = j < m
    keys = r * m + c
    order = np.argsort(keys)
    return np.asarray(order[np.searchsorted(keys, i[paired] * m + j[paired], sorter=order)], np.intp)
