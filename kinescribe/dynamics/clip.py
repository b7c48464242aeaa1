"""What a law is fitted to: one clip's objects over time, from a states table, y up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from kinescribe.dynamics.inputs import Inputs
from kinescribe.dynamics.state import Bodies
from kinescribe.errors import NothingFoundError, UsageError
from kinescribe.states import ContactEvent, States

__all__ = ["Clip", "Impact"]

Float = NDArray[np.float64]
EDGE_PX = 0.5  # a box that comes as near to the edge of the picture is cut off by it
CUT_PX = 0.5  # of a disc beyond the edge: less doesn't move its middle
LEAST_SIGHTINGS = 2  # of an object, to be fitted at all
ANGLE_COLUMNS = ("angle", "angular_velocity", "sigma_angle")


@dataclass(frozen=True, slots=True)
class Impact:
    """A contact that was seen, or that a simulation predicts.

    Attributes:
        time: seconds.
        objects: indices of the objects that took part, ascending.
        wall: name of the wall struck; "" where it is unknown, or where objects struck each other.
    """

    time: float
    objects: tuple[int, ...]
    wall: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Clip:
    """One clip's objects over time. All arrays are (T, n) for T times and n objects; NaN where an object was not seen.

    World frame, y up (a table in pixels, y down, is turned over), angles counter-clockwise, world units and seconds.

    Attributes:
        name: of the table, for messages.
        times: (T,) seconds, ascending.
        bodies: the n objects.
        x, y, angle: positions; NaN where not observed. Angles are unwrapped.
        vx, vy, angular_velocity: the table's smoothed rates, for starts alone.
        sigma_x, sigma_y, sigma_angle: one standard deviation; never 0.
        impacts: contacts that perception saw, in time order.
        inputs: known inputs.
        unit: of length; "px" without a scale.
        y_down: the table's y axis pointed down.
    """

    name: str
    times: Float
    bodies: Bodies
    x: Float
    y: Float
    angle: Float
    vx: Float
    vy: Float
    angular_velocity: Float
    sigma_x: Float
    sigma_y: Float
    sigma_angle: Float
    impacts: tuple[Impact, ...] = ()
    inputs: Inputs = field(default_factory=Inputs.none)
    unit: str = ""
    y_down: bool = False

    @classmethod
    def from_states(
        cls, states: States, *, objects: Sequence[str | int] | None = None, inputs: Inputs | None = None, name: str = "states"
    ) -> Clip:
        """The observed rows of a states table.

        Interpolated and occluded rows are no evidence, nor are those in which the picture's edge cuts the object off, for the middle of
        what is left is not the object's; contacts that stand there alone are left out with them.

        Args:
            objects: names, labels or ids to keep; None: every body seen at least twice (the ends of bodies, which are points of
                them, are left out).
            inputs: known inputs.

        Raises:
            UsageError: an object that the table does not have.
            NothingFoundError: no object with enough sightings.
        """
        everything = _body_ids(states)
        names = _names([states.labels[i] for i in everything], everything)
        ids = _chosen(everything, names, states, objects)
        seen = (states["status"] == "observed") | (states["status"] == "")
        cut = _cut_off(states)
        known = seen & ~cut & np.isfinite(states["x"]) & np.isfinite(states["y"])
        ids = [i for i in ids if (known & (states["object_id"] == i)).sum() >= LEAST_SIGHTINGS]
        if not ids:
            raise NothingFoundError(f"{name}: no object was seen at {LEAST_SIGHTINGS} times or more, so that there is nothing to fit")
        rows = known & np.isin(states["object_id"], ids)
        times, at = np.unique(states["time_s"][rows], return_inverse=True)
        column = np.searchsorted(ids, states["object_id"][rows])

        def table(source: str, sign: float = 1.0) -> Float:
            out = np.full((len(times), len(ids)), np.nan)
            out[at, column] = sign * states[source][rows]
            return out

        y_down = states.meta.calibration is not None and not states.meta.calibration.y_up
        up = -1.0 if y_down else 1.0
        x, y, angle = table("x"), table("y", up), table("angle", up)
        sigma_x, sigma_y = _positive([table("sigma_x"), table("sigma_y")], [x, y])
        (sigma_angle,) = _positive([table("sigma_angle")], [angle])
        return cls(
            name=name,
            times=times,
            bodies=_bodies(states, ids, [names[everything.index(i)] for i in ids]),
            x=x,
            y=y,
            angle=_unwrapped(angle),
            vx=table("vx"),
            vy=table("vy", up),
            angular_velocity=table("angular_velocity", up),
            sigma_x=sigma_x,
            sigma_y=sigma_y,
            sigma_angle=sigma_angle,
            impacts=tuple(
                Impact(event.time_s, tuple(sorted(ids.index(i) for i in event.partners if i in ids)))
                for event in states.meta.events
                if any(i in ids for i in event.partners) and not _at_edge(states, cut, event)
            ),
            inputs=inputs or Inputs.none(),
            unit=states.unit,
            y_down=y_down,
        )

    @property
    def seen(self) -> NDArray[np.bool_]:
        """(T, n) where a position was observed."""
        return np.isfinite(self.x) & np.isfinite(self.y)

    def until(self, time: float) -> Clip:
        """The part up to and with `time`, seconds."""
        return self._rows(self.times <= time + 1e-9)

    def first(self, count: int) -> Clip:
        """The first `count` times."""
        return self._rows(np.arange(len(self.times)) < count)

    def thinned(self, most: int) -> Clip:
        """At most `most` of the times, evenly chosen, the first and the last among them."""
        count = len(self.times)
        if count <= most:
            return self
        keep = np.zeros(count, bool)
        keep[np.unique(np.round(np.linspace(0, count - 1, most)).astype(int))] = True
        return self._rows(keep)

    def keeping(self, objects: Sequence[int]) -> Clip:
        """These objects alone, by index."""
        index = list(objects)
        place = {old: new for new, old in enumerate(index)}
        columns = {name: getattr(self, name)[:, index] for name in _TABLES}
        impacts = [
            replace(hit, objects=tuple(place[i] for i in hit.objects if i in place))
            for hit in self.impacts
            if set(hit.objects) & set(place)
        ]
        return replace(self, bodies=self.bodies.keeping(index), impacts=tuple(impacts), **columns)

    def _rows(self, keep: NDArray[np.bool_]) -> Clip:
        times = self.times[keep]
        columns = {name: getattr(self, name)[keep] for name in _TABLES}
        end = times[-1] if len(times) else -np.inf
        return replace(self, times=times, impacts=tuple(hit for hit in self.impacts if hit.time <= end), **columns)


_TABLES = ("x", "y", "angle", "vx", "vy", "angular_velocity", "sigma_x", "sigma_y", "sigma_angle")


def _body_ids(states: States) -> list[int]:
    """All ids but those of points of other bodies, ascending."""
    parts = {i for i, about in states.meta.objects.items() if about.part_of is not None}
    return [i for i in states.object_ids if i not in parts]


def _cut_off(states: States) -> NDArray[np.bool_]:
    """(rows,) the box touches the picture's edge; of what is known to be round, a part lies beyond it."""
    video = states.meta.video
    x, y, w, h = (states[name] for name in ("bbox_x", "bbox_y", "bbox_w", "bbox_h"))
    if video is None or not np.isfinite(x).any():
        return np.zeros(len(states), bool)
    out = (x <= EDGE_PX) | (y <= EDGE_PX) | (x + w >= video.width - EDGE_PX) | (y + h >= video.height - EDGE_PX)
    # a box holds whole pixels, and those of a soft rim: a disc may touch the edge with it and be whole
    scale = 1.0 if states.meta.calibration is None else states.meta.calibration.pixels_per_unit
    radius = 0.25 * scale * (states["width"] + states["height"])
    places = states["x_px"], states["y_px"]
    beyond = [
        np.maximum(radius - 0.5 - place, place + radius + 0.5 - size)
        for place, size in zip(places, (video.width, video.height), strict=True)
    ]
    whole = (states["shape"] == "disc") & (np.maximum(*beyond) <= CUT_PX)
    out &= ~whole
    for i in states.object_ids:
        mine = states["object_id"] == i
        if not (mine & ~out).any():
            # something that reaches the edge all the time is like that
            out[mine] = False
    return np.asarray(out)


def _at_edge(states: States, cut: NDArray[np.bool_], event: ContactEvent) -> bool:
    """An object alone changes its speed where the edge cuts it off."""
    if len(event.partners) > 1:
        return False
    near = (states["object_id"] == event.partners[0]) & (np.abs(states["frame"] - event.frame) <= 1)
    return bool((near & cut).any())


def _names(labels: Sequence[str], ids: Sequence[int]) -> list[str]:
    """Unique words: the label where it is the only one of its kind, else with a number, in the order of ids."""
    words = [label or "object" for label in labels]
    names = []
    for k, word in enumerate(words):
        alike = [j for j, other in enumerate(words) if other == word]
        names.append(word if len(alike) == 1 and word != "object" else f"{word} {alike.index(k) + 1 if word != 'object' else ids[k]}")
    return names


def _chosen(ids: list[int], names: list[str], states: States, wanted: Sequence[str | int] | None) -> list[int]:
    if wanted is None:
        return ids
    chosen: set[int] = set()
    for one in wanted:
        matches = [
            i
            for i, name in zip(ids, names, strict=True)
            if (i == one if isinstance(one, int) else one in (name, states.labels[i]) or one == str(i))
        ]
        if not matches:
            listed = ", ".join(f"{name} (id {i})" for i, name in zip(ids, names, strict=True)) or "none"
            raise UsageError(f"no object '{one}' in the states table; it has: {listed}")
        chosen.update(matches)
    return sorted(chosen)


def _bodies(states: States, ids: Sequence[int], names: Sequence[str]) -> Bodies:
    def median(name: str) -> Float:
        columns = [states[name][states["object_id"] == i] for i in ids]
        known = [column[np.isfinite(column)] for column in columns]
        return np.array([np.median(column) if len(column) else 0.0 for column in known])

    def shape(i: int) -> str:
        words = [word for word in states["shape"][states["object_id"] == i] if word]
        return max(set(words), key=words.count) if words else ""

    width, height = median("width"), median("height")
    return Bodies(
        names=tuple(names),
        labels=tuple(states.labels[i] for i in ids),
        object_ids=tuple(ids),
        shapes=tuple(shape(i) for i in ids),
        radius=(width + height) / 4.0,
        width=width,
        height=height,
        static=np.zeros(len(ids), bool),
    )


def _positive(sigmas: Sequence[Float], values: Sequence[Float]) -> list[Float]:
    """σ of coordinates that are measured alike, where it is known; elsewhere, and where it is 0, the median of the object's others in that
    coordinate, in any, of all objects, or as a last resort the scale of rounding in the values.
    """
    known = [np.where(np.isfinite(sigma) & (sigma > 0), sigma, np.nan) for sigma in sigmas]
    extent = max((float(np.ptp(one[np.isfinite(one)])) for one in values if np.isfinite(one).any()), default=0.0)
    floor = 1e-6 * max(extent, 1e-6)
    together = np.stack(known)
    if not np.isfinite(together).any():
        # a table without σ: all alike, and the scale comes from the residuals
        alike = max(1e-3 * extent, floor) if any(np.isfinite(one).any() for one in values) else 1.0
        return [np.full_like(sigma, alike) for sigma in sigmas]
    out = []
    for sigma in known:
        filled = sigma.copy()
        for k in range(sigma.shape[1]):
            sources = (sigma[:, k], together[:, :, k], together)
            usual = next(float(np.nanmedian(source)) for source in sources if np.isfinite(source).any())
            filled[np.isnan(sigma[:, k]), k] = usual
        out.append(np.maximum(filled, floor))
    return out


def _unwrapped(angle: Float) -> Float:
    out = angle.copy()
    for k in range(angle.shape[1]):
        known = np.isfinite(angle[:, k])
        out[known, k] = np.unwrap(angle[known, k])
    return out
