"""The mask of least energy: evidence of each pixel against the length of an outline that likes to run along edges.

The convex form of the binary problem (Chan, Esedoğlu & Nikolova 2006; Unger et al. 2008), solved by the primal-dual method of Chambolle
and Pock (2011).
"""

from __future__ import annotations

import cv2
import numpy as np

from kinescribe.perception.classical.propagating.windows import Field

__all__ = ["edge_cost", "least_energy"]

STEP = 0.35  # squared times 8 is below 1, as the method asks
ROUNDS = 60
FLOOR = 0.08  # cost of an outline along the strongest edge


def edge_cost(colors: Field) -> Field:
    """What a pixel of outline costs, in (0, 1.08], from CIELAB colours (rows, columns, 3): little where the picture has an edge."""
    smooth = cv2.GaussianBlur(colors, (0, 0), 0.7)
    jump = np.zeros(colors.shape[:2], np.float32)
    jump[:, :-1] += ((smooth[:, 1:] - smooth[:, :-1]) ** 2).sum(-1)
    jump[:-1] += ((smooth[1:] - smooth[:-1]) ** 2).sum(-1)
    return np.asarray(FLOOR + np.exp(-jump / (2 * float(jump.mean()) + 1e-3)), np.float32)


def least_energy(evidence: Field, cost: Field, start: Field) -> Field:
    """Membership in [0, 1], (rows, columns), for log-odds `evidence`; `start` only speeds it up."""
    inside = start.copy()
    ahead = inside.copy()
    dual_x, dual_y = np.zeros_like(inside), np.zeros_like(inside)
    pull = np.float32(STEP) * evidence
    for _ in range(ROUNDS):
        dual_x[:, :-1] += STEP * (ahead[:, 1:] - ahead[:, :-1])
        dual_y[:-1] += STEP * (ahead[1:] - ahead[:-1])
        length = np.maximum(1, np.sqrt(dual_x * dual_x + dual_y * dual_y) / cost)
        dual_x /= length
        dual_y /= length
        flow = dual_x + dual_y
        flow[:, 1:] -= dual_x[:, :-1]
        flow[1:] -= dual_y[:-1]
        after = np.clip(inside + STEP * flow + pull, 0, 1)
        ahead = 2 * after - inside
        inside = after
    return inside
