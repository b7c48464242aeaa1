"""How well a track goes by each candidate, judged by words for colour, shape and relative size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kinescribe.errors import UsageError
from kinescribe.perception.evidence import Evidence
from kinescribe.perception.naming import Phrase, match_color, match_phrase, parse_objects

__all__ = ["CLASHES", "FITS", "Looks", "contradicted", "log_likelihood", "looks", "relative_sizes"]

Float = NDArray[np.float64]

BIGGER = ("big", "bigger", "biggest", "large", "larger", "largest", "huge", "giant", "tall", "taller", "long", "longer")
SMALLER = ("small", "smaller", "smallest", "little", "tiny", "mini", "short", "shorter")
FITS, CLASHES = 0.5, 0.1  # matches above and below which the words speak for or against a name
HALF_UNDERSTOOD = 0.8  # of a match by words of which some aren't known
NO_WORDS = 0.35  # the match of a name that says nothing of looks
LEAST = 0.02  # no look rules a name out altogether: light and masks deceive
MOST_ROWS = 60
SIZE_STEP = 0.35  # log of the area's ratio to the others that makes a thing plainly larger


@dataclass(frozen=True, slots=True)
class Looks:
    """What the words of the candidates say of one track.

    Attributes:
        match: (K,), in [0, 1]; NaN where a candidate has no word that is known.
        color: (K,), of the colour words alone; NaN where there are none.
        whole: (K,) bool, whether every word of the candidate is known.
    """

    match: Float
    color: Float
    whole: NDArray[np.bool_]


def looks(evidence: Evidence, size: float, rows: slice | None = None) -> Looks:
    """The candidates against a track's colour, shape and size.

    Args:
        evidence: of the track.
        size: log of its area relative to the other tracks', 0 without others.
        rows: of the track to look at, all if not given.
    """
    phrases = [_phrase(label) for label in evidence.candidates]
    colors, shape_size = _typical(evidence, rows or slice(None))
    match, color = np.full(len(phrases), np.nan), np.full(len(phrases), np.nan)
    whole = np.ones(len(phrases), bool)
    for k, phrase in enumerate(phrases):
        unknown = [word for word in phrase.unknown if _direction(word) == 0]
        sizes = [_direction(word) for word in phrase.unknown if _direction(word) != 0]
        whole[k] = not unknown
        values = []
        if phrase.is_visual and len(colors):
            values.append(float(np.median([match_phrase(phrase, lab, evidence.shape, shape_size) for lab in colors])))
            if phrase.color:
                color[k] = float(np.median([match_color(lab, phrase.color) for lab in colors]))
        values += [float(1 / (1 + np.exp(-2 * direction * size / SIZE_STEP))) for direction in sizes if size != 0]
        if values:
            match[k] = np.prod(values) * (1.0 if whole[k] else HALF_UNDERSTOOD)
    return Looks(match, color, whole)


def log_likelihood(seen: Looks) -> Float:
    """(K,), of what is seen under each candidate; a name that says nothing of looks is neither helped nor harmed much."""
    return np.asarray(np.log(np.clip(np.where(np.isnan(seen.match), NO_WORDS, seen.match), LEAST, 1.0)))


def contradicted(seen: Looks) -> bool:
    """Whether every candidate has a colour word and none of these goes with the thing's colour."""
    return bool(np.isfinite(seen.color).all() and (seen.color < CLASHES / 2).all())


def relative_sizes(tracks: Sequence[Evidence]) -> Float:
    """(N,), log of each track's median area over the median of the other tracks' median areas; 0 for a single one."""
    areas = np.array([float(np.median(item.areas)) if len(item.areas) else np.nan for item in tracks])
    out = np.zeros(len(tracks))
    for k in range(len(tracks)):
        others = np.delete(areas, k)
        others = others[np.isfinite(others) & (others > 0)]
        if len(others) and areas[k] > 0:
            out[k] = np.log(areas[k] / np.median(others))
    return out


def _phrase(label: str) -> Phrase:
    """The label's words; a label that can't be read, in whatever script, says nothing of looks."""
    try:
        return parse_objects(label.replace(",", " ").replace(";", " "))[0]
    except UsageError:
        return Phrase(label, unknown=(label,))


def _typical(evidence: Evidence, rows: slice) -> tuple[Sequence[ArrayLike], tuple[float, float] | None]:
    """Colours of a sample of the rows, and the median size."""
    colors = evidence.colors[rows]
    colors = colors[np.isfinite(colors).all(axis=1)] if len(colors) else colors
    picked = colors[np.unique(np.linspace(0, len(colors) - 1, min(len(colors), MOST_ROWS)).round().astype(int))] if len(colors) else []
    sizes = evidence.sizes[rows]
    if not len(sizes) or not np.isfinite(sizes).all(axis=1).any():
        return list(picked), None
    length, width = np.nanmedian(sizes, axis=0)
    return list(picked), (float(length), float(width))


def _direction(word: str) -> int:
    folded = word.casefold()
    return 1 if folded in BIGGER else -1 if folded in SMALLER else 0
