"""What a model's own image processor does, read from its configuration and done on the device."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kinescribe.errors import InputError
from kinescribe.perception.grounded_sam._preprocessing import FILES, edge, normalization, read_settings
from kinescribe.perception.weights.wording import plain

if TYPE_CHECKING:
    import torch

__all__ = ["ImageProcessor", "edge_limited_size"]

BILINEAR = 2


@dataclass(frozen=True, slots=True)
class ImageProcessor:
    """How pictures are scaled and normalised for a model.

    Attributes:
        shortest, longest: limits of the picture's edges, px, for models that keep the aspect ratio; 0 where `fixed` holds.
        fixed: height and width that every picture is brought to, px.
        mean, std: of each channel, R, G, B, after the multiplication by `scale`.
        scale: what grey levels 0..255 are multiplied by.
    """

    shortest: int
    longest: int
    fixed: tuple[int, int] | None
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    scale: float

    @classmethod
    def read(cls, folder: Path) -> ImageProcessor:
        """From a model's folder. Raises `InputError` where the configuration is missing, broken or asks for what isn't known here."""
        settings = read_settings(folder)
        if settings is None:
            raise InputError(f"{folder} holds no {FILES[0]}; download it beside the weights, from where they came")
        path, values = settings
        for key, wanted in (("do_resize", True), ("do_rescale", True), ("do_normalize", True), ("resample", BILINEAR), ("pad_size", None)):
            if values.get(key, wanted) != wanted:
                raise InputError(
                    f"{path} asks for {key} = {plain(repr(values[key]))}, which isn't supported; use the model's original files"
                )
        size = values.get("size")
        edges = size if isinstance(size, Mapping) else {"shortest_edge": size, "longest_edge": values.get("max_size", 1333)}
        fixed = None
        if "height" in edges:
            fixed = (edge(path, edges, "height"), edge(path, edges, "width"))
        return cls(
            0 if fixed else edge(path, edges, "shortest_edge"),
            0 if fixed else edge(path, edges, "longest_edge"),
            fixed,
            *normalization(path, values),
        )

    def size_for(self, height: int, width: int) -> tuple[int, int]:
        """Height and width, px, that a picture is scaled to."""
        return self.fixed or edge_limited_size(height, width, self.shortest, self.longest)

    def scaled(self, images: torch.Tensor) -> torch.Tensor:
        """Pictures (B, 3, H, W), uint8, RGB, scaled to `size_for` and normalised: float32."""
        from kinescribe.perception.grounded_sam.runtime import normalize, resize

        size = self.size_for(int(images.shape[2]), int(images.shape[3]))
        return normalize(resize(images, size), self.mean, self.std, self.scale)

    def squared(self, images: torch.Tensor) -> torch.Tensor:
        """Pictures (B, 3, H, W), uint8, RGB, black added to the right or below up to a square, scaled to `fixed` and normalised: float32.

        Scaling down is a Gaussian blur, σ = (factor − 1) / 2, then bilinear interpolation, as in scikit-image.
        """
        import torch
        from torch.nn import functional

        assert self.fixed is not None
        height, width = images.shape[2:]
        side = max(height, width)
        square = functional.pad(images.to(torch.float32) * self.scale, (0, side - width, 0, side - height))
        factors = [side / wanted for wanted in self.fixed]
        if min(factors) > 1:
            square = _blurred(square, [(factor - 1) / 2 for factor in factors])
        if (side, side) != self.fixed:
            square = functional.interpolate(square, size=self.fixed, mode="bilinear", align_corners=False)
        mean, std = (square.new_tensor(values).reshape(1, 3, 1, 1) for values in (self.mean, self.std))
        return (square - mean) / std


def edge_limited_size(height: int, width: int, shortest: int, longest: int) -> tuple[int, int]:
    """Height and width with the aspect ratio of these, the shorter one `shortest` unless the longer one came to exceed `longest`."""
    low, high = float(min(height, width)), float(max(height, width))
    exact: float = shortest
    if high / low * shortest > longest:
        exact = longest * low / high
    target = round(exact)
    if target == low:
        return height, width
    across = int(exact * high / low)  # rounding as the original: one pixel less is another picture
    target = max(target, 1)
    return (target, across) if height <= width else (across, target)


def _blurred(images: torch.Tensor, sigmas: list[float]) -> torch.Tensor:
    import torch
    from torch.nn import functional

    for axis, sigma in zip((2, 3), sigmas, strict=True):
        reach = math.ceil(3 * sigma)
        offsets = torch.arange(-reach, reach + 1, dtype=images.dtype, device=images.device)
        kernel = torch.exp(-0.5 * (offsets / sigma) ** 2)
        shape = [1, 1, 1, 1]
        shape[axis] = len(kernel)
        weight = (kernel / kernel.sum()).reshape(shape).expand(images.shape[1], 1, *shape[2:])
        padding = (0, 0, reach, reach) if axis == 2 else (reach, reach, 0, 0)
        images = functional.conv2d(functional.pad(images, padding, mode="reflect"), weight, groups=images.shape[1])
    return images
