"""What a user may have meant otherwise than he said it: signs and times that the fit makes odd."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kinescribe.dynamics.clip import Clip
from kinescribe.dynamics.fitting import Fit

__all__ = ["hints"]

DOWNWARD = "gravity"  # the library's name for what pulls towards −y


def hints(fit: Fit, clips: Sequence[Clip] = ()) -> list[str]:
    """One line each, none twice; without the clips, nothing on inputs."""
    return list(dict.fromkeys([*_upside_down(fit), *_inputs(fit, clips)]))


def _upside_down(fit: Fit) -> Iterator[str]:
    """Things that fall upwards, in a table that doesn't say which way its y points."""
    for name in fit.at_bound:
        one = fit.estimates.get(name)
        if one is not None and name.rpartition(".")[2] == DOWNWARD and one.value <= 0.0 and not fit.unit:
            yield (
                f"{name} would go below 0, as if things fell upwards: does the table's y point down? "
                "Call columns of image pixels x_px and y_px in place of x and y"
            )


def _inputs(fit: Fit, clips: Sequence[Clip]) -> Iterator[str]:
    for clip in clips:
        yield from clip.inputs.doubts(fit.law.inputs, float(clip.times[0]), float(clip.times[-1]), fit.law.title)
