"""Errors of a track that neighbouring frames share: a path follows them as if they were motion, so that its own residuals don't tell them.

Two things tell them: what two looks at a body leave between them, and how the sides of a rigid body seem to change. The latter also has
what both looks have in common, such as what a codec does to the picture, and is all there is where the second look can't tell a turn.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kinescribe.perception.sightings import Sightings
from kinescribe.tracking.tracks import Track

__all__ = ["Drift", "slow"]

Float = NDArray[np.float64]

LEAST_SHARED, FAR = 8, 3.0  # frames that tell a drift; robust standard deviations
CHANGING = 4  # frames over which a drift's change is told, about as many as a velocity rests on
BOX, ELLIPSE, SMALL_PX, NEARLY = 12.0, 16.0, 150.0, 0.25  # side² over second moment; blobs up to this area have an ellipse's, to a factor
MOSTLY = 0.8  # of the frames, in which a body's outline is a circle's
THINNEST = 1.0  # px
MOST_SIDE = 0.5  # px by which a side errs; more is the body's own doing


@dataclass(frozen=True, slots=True)
class Drift:
    """Standard errors that neighbouring frames share.

    Attributes:
        place, turn, quick_turn: of a coordinate of the first look, px, and of its angle, rad, as the body's sides tell them; `place` and
            `quick_turn` are what of it changes within a few frames, as a rigid body's true sides don't when it moves in depth.
        place_each, rate_each, turn_each: of either look, as what is between both tells them; px, px a frame, rad.
    """

    place: float = 0.0
    turn: float = 0.0
    quick_turn: float = 0.0
    place_each: float = 0.0
    rate_each: float = 0.0
    turn_each: float = 0.0

    @classmethod
    def of(cls, track: Track) -> Drift:
        """What the first look's track tells by itself. Of parts nothing: what hides them changes their sides."""
        if track.is_part:
            return cls()
        moments = _second_moments(track)
        whole = ~track.partial
        sides, frames = np.sqrt(BOX * moments[whole]), track.frames[whole]
        place = 0.0
        if len(frames) > LEAST_SHARED:
            # a side's ends err each by itself: its middle by half of what its length does; a circle has √2 the error of its radius
            circles = float(np.mean(track.sizes[:, 0] == track.sizes[:, 1])) >= MOSTLY
            spread = np.mean([_quick(_even(sides[:, i : i + 1]), frames) ** 2 for i in range(2)])
            place = min(float(np.sqrt(spread)) / (2**0.5 if circles else 2), MOST_SIDE)
        known = np.isfinite(track.angles)
        if np.count_nonzero(known) <= LEAST_SHARED:
            return cls(place)
        moments, frames = moments[known], track.frames[known]
        elongation = moments[:, :1] - moments[:, 1:]
        usual = float(np.median(elongation))
        if usual <= 0:
            return cls(place)
        # the same outline's errors lengthen a body and turn it
        turning = turn_by_stretch(*(np.sqrt(BOX * np.median(moments, axis=0)) / 2).tolist())
        stretched = _even(elongation / usual)
        return cls(place, turning * slow(stretched, frames), turning * _quick(stretched, frames))

    def between(self, track: Track, found: Sightings, in_track: NDArray[np.intp], in_found: NDArray[np.intp]) -> Drift:
        """With what the second look, centred as the first, tells: of looks that err alike much each has half of the variance between them.

        Parts are left out: either look at them is right most of the time, and what is between them is what hides them.
        """
        whole = ~track.partial[in_track]
        if track.is_part or np.count_nonzero(whole) < LEAST_SHARED:
            return self
        in_track, in_found = in_track[whole], in_found[whole]
        frames = track.frames[in_track]
        apart = _even(found.positions[in_found] - track.positions[in_track])
        out = replace(self, place_each=slow(apart, frames) / 2**0.5, rate_each=_quick(apart, frames) / CHANGING)
        turned = track.angles[in_track] - found.axis - found.turns[in_found]
        known = np.isfinite(turned)
        if np.count_nonzero(known) < LEAST_SHARED:
            return out
        turned = (np.exp(2j * turned[known]) / np.exp(2j * turned[known]).mean())[:, None]
        return replace(out, turn_each=slow(_even(np.angle(turned) / 2), frames[known]) / 2**0.5)

    def first(self, track: Track) -> Track:
        """A track whose positions and angles are the first look's, with its drift."""
        drift, turn = max(self.place, self.place_each), max(self.turn, self.turn_each)
        if drift == turn == self.rate_each == 0:
            return track
        return replace(track, drift=drift, drift_rate=self.rate_each, angle_drift=turn)

    @property
    def place_found(self) -> float:
        """Of a coordinate of the second look, px."""
        return _with_common(self.place, self.place_each)

    @property
    def turn_found(self) -> float:
        """Of an angle of the second look, its axis aside, rad."""
        return _with_common(self.quick_turn, self.turn_each)


def slow(values: Float, frames: NDArray[np.int64]) -> float:
    """Spread of what changes slowly in values (n, D), a coordinate: all of it less what neighbouring frames don't share."""
    return float(np.sqrt(np.maximum(_shared(values, frames, 1), 0.0).mean()))


def turn_by_stretch(half_length: float, half_width: float) -> float:
    """Error of a rectangle's axis, rad, over the relative one of its elongation, both from errors evenly spread over its outline.

    Elongation is the difference of the second moments m along and across. An outline's error δ at (a, b) adds δ·ab to their product
    moment, which turns the axis by that over m_a − m_b, and δ·(a² − b² − (m_a − m_b)) to m_a − m_b.
    """
    p = max(half_length, THINNEST / 2)
    q = float(np.clip(half_width, THINNEST / 2, p))
    difference = (p * p - q * q) / 3
    # over the outline: integrals of 1, of a² − b², of its square, and of (ab)²
    length = 4 * (p + q)
    first = 4 * p**3 / 3 - 4 * p * q**2 + 4 * q * p**2 - 4 * q**3 / 3
    second = 4 * (p**5 / 5 - 2 * p**3 * q**2 / 3 + p * q**4) + 4 * (q**5 / 5 - 2 * q**3 * p**2 / 3 + q * p**4)
    product = 4 * p**2 * q**2 * (p + q) / 3
    return float(np.sqrt(product / max(second - 2 * difference * first + difference**2 * length, 1e-9)))


def _with_common(own: float, each: float) -> float:
    """The second look's drift: its half of what is between, and what of the first one's own is more than all of that, which both share."""
    return float(np.sqrt(each**2 + max(own**2 - 2 * each**2, 0.0)))


def _second_moments(track: Track) -> Float:
    """(n, 2), px², along and across, that the sizes were made from."""
    shapes, squares = np.array(track.shapes), track.sizes**2
    blob = shapes == "blob"
    over = np.where(np.isin(shapes, ("box", "rod")) | (blob & (track.areas >= SMALL_PX)), BOX, ELLIPSE)
    other = BOX + ELLIPSE - over
    usual = float(np.median(squares[:, 0] / over))
    # an area near the limit doesn't tell
    nearer = np.abs(np.log(squares[:, 0] / other / usual)) < np.abs(np.log(squares[:, 0] / over / usual))
    over = np.where(blob & (np.abs(np.log(np.maximum(track.areas, 1.0) / SMALL_PX)) < NEARLY) & nearer, other, over)
    return np.asarray(squares / over[:, None], np.float64)


def _even(values: Float) -> Float:
    """Values (n, D) less their medians, a few far ones drawn in: a look that misses in a few frames, however far, hasn't drifted."""
    away = values - np.median(values, axis=0)
    most = FAR * 1.48 * np.median(np.abs(away), axis=0)
    return np.asarray(np.clip(away, -most, most), np.float64)


def _quick(values: Float, frames: NDArray[np.int64]) -> float:
    """Spread of what neighbouring frames share in values (n, D), but no longer a few frames on, a coordinate."""
    return float(np.sqrt(max(float((_shared(values, frames, 1) - _shared(values, frames, 1 + CHANGING)).mean()), 0.0)))


def _shared(values: Float, frames: NDArray[np.int64], lag: int) -> Float:
    """Mean product of values (n, D) that lie `lag` frames apart, (D,); 0 with few such."""
    apart = frames[lag:] - frames[:-lag] == lag
    products = (values[lag:] * values[:-lag])[apart]
    return np.asarray(products.mean(axis=0) if len(products) >= LEAST_SHARED else np.zeros(values.shape[1]), np.float64)
