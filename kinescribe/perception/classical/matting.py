"""How much of each pixel a plain body covers, by its own colour and the ground's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["LEAST_CONTRAST", "LEAST_INSIDE_PX", "NOISE_CORRELATION", "Matte", "matte", "telling"]

Float = NDArray[np.float64]
NOISE_CORRELATION = 2.0  # neighbouring pixels' noise is correlated by demosaicing and codecs: variance of sums grows by about this
LEAST_CONTRAST = 1e-3  # grey levels; less is none at all
LEAST_INSIDE_PX = 4  # without the outline's pixels; with fewer a body has no inside whose look tells anything
LEAST_LUMA = 0.5  # of the contrast: codecs and sensors sample colour at half the resolution of brightness
LUMA = np.array([0.114, 0.587, 0.299], np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Matte:
    """How much of each pixel the body covers, told by its own colour and the ground's, both as they are there.

    Attributes:
        coverage: (h, w), noisy: below 0 and above 1 too; 1 deep inside.
        variance: (h, w), of the coverage, 0 where it is no evidence.
        near: bool, (h, w), the body with its outline.
        uneven: whether the ground there differs by more than a frame's noise.
    """

    coverage: NDArray[np.float32]
    variance: Float
    near: NDArray[np.bool_]
    uneven: bool


def matte(image: NDArray[np.uint8], delta: NDArray[np.float32], weights: NDArray[np.float32], snr: float) -> Matte | None:
    """The coverage of a plain body on a ground that needn't be plain; None for any other.

    A soft mask takes one contrast for all of the outline, so that on a mottled ground the edge before its darker half counts for more,
    and takes noise without its sign, which never averages out.

    Args:
        image, delta: (h, w, 3), and its difference from the background.
        weights: (h, w), its soft mask. snr: its contrast in units of the noise.
    """
    from kinescribe.perception.classical.compiled import matting as compiled  # numba takes its time to come in

    image, delta, weights = np.ascontiguousarray(image), np.ascontiguousarray(delta), np.ascontiguousarray(weights)
    inside = np.empty(weights.shape, np.bool_)
    if compiled.sure_inside(weights, LEAST_INSIDE_PX, inside) < LEAST_INSIDE_PX:
        return None
    direction = telling(delta, inside)
    if direction is None:
        return None
    coverage, variance = np.empty(weights.shape, np.float32), np.empty(weights.shape)
    plain, uneven = compiled.fill_matte(image, delta, weights, inside, direction, snr, NOISE_CORRELATION, coverage, variance)
    return Matte(coverage, variance, weights > 0, uneven) if plain else None


def telling(delta: NDArray[np.float32], inside: NDArray[np.bool_]) -> NDArray[np.float32] | None:
    """What sum of a body's channels, (3,), tells it best from the background: brightness, where that shows the body; None without any.

    None where the body is on the whole as bright and of the same colour as the ground, such as a ring, or a pattern as much lighter as
    darker than it: there is no step at the rim, and its coverage's moments tell its place.

    Args:
        delta: (h, w, 3), difference from the background.
        inside: bool, (h, w), the body's pixels but those at its outline.
    """
    from kinescribe.perception.classical.compiled import matting as compiled

    step = np.zeros(3, np.float32)
    if not compiled.take_steps(np.ascontiguousarray(delta), inside, step):
        return None
    strongest = float(np.abs(step).max())
    if strongest < LEAST_CONTRAST:
        return None
    return LUMA if abs(step @ LUMA) >= LEAST_LUMA * strongest else step / strongest
