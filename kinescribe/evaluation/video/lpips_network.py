"""The network of LPIPS: a backbone's convolutions up to five taps, and a weight for every channel there. Imports torch."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import conv2d, max_pool2d, relu

from kinescribe.errors import InputError, UsageError
from kinescribe.perception.weights.wording import plain

__all__ = ["LpipsNetwork"]

State = Mapping[str, torch.Tensor]

# Of RGB in [-1, 1]: what ImageNet's mean and spread are there, as the weights of version 0.1 were trained with.
SHIFT, SPREAD = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)
EPSILON = 1e-10  # added to lengths, so that places without any feature stay zero
SLICE = re.compile(r"net\.slice\d+\.(\d+\.(?:weight|bias))")  # how the package lpips calls the backbone's features
TAPS = 5


@dataclass(frozen=True, slots=True)
class Backbone:
    """How torchvision numbers the layers of a network, and what its tensors don't tell.

    Attributes:
        convolutions: stride and padding, by the layer's number; a ReLU follows each.
        pools: numbers of the poolings; only those before the last tap.
        pool: their window and stride.
        taps: numbers of the ReLUs behind which features are compared.
    """

    convolutions: Mapping[int, tuple[int, int]]
    pools: tuple[int, ...]
    pool: tuple[int, int]
    taps: tuple[int, ...]


BACKBONES = {
    "alexnet": Backbone({0: (4, 2), 3: (1, 2), 6: (1, 1), 8: (1, 1), 10: (1, 1)}, (2, 5), (3, 2), (1, 4, 7, 9, 11)),
    "vgg16": Backbone(dict.fromkeys((0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28), (1, 1)), (4, 9, 16, 23), (2, 2), (3, 8, 15, 22, 29)),
}


class LpipsNetwork:
    """Computes distances; made by `of`."""

    def __init__(self, kind: str, layers: Mapping[int, tuple[torch.Tensor, torch.Tensor]], weights: list[torch.Tensor]) -> None:
        """Args: kind: of `BACKBONES`; layers: weight and bias of the convolutions; weights: of each tap's channels, shape (1, C, 1, 1)."""
        self.kind = kind
        self._backbone = BACKBONES[kind]
        self._layers, self._weights = layers, weights
        self._shift, self._spread = (torch.tensor(v, device=weights[0].device).reshape(1, 3, 1, 1) for v in (SHIFT, SPREAD))

    @classmethod
    def of(cls, state: State, name: str, device: torch.device) -> LpipsNetwork:
        """Take what is needed out of a table of tensors; other tensors, such as the backbone's classifier, are left.

        Raises:
            InputError: it isn't one of the backbones with the linear layers that belong to it.
        """
        renamed = {SLICE.sub(r"features.\1", key): tensor for key, tensor in state.items()}
        numbers = {int(m.group(1)) for key in renamed if (m := re.fullmatch(r"features\.(\d{1,3})\.weight", key))}
        kind = next((kind for kind, backbone in BACKBONES.items() if set(backbone.convolutions) == numbers), None)
        if kind is None:
            found = f"convolutions {sorted(numbers)}" if numbers else "no features.0.weight"
            raise InputError(f"'{name}' has {found}: LPIPS needs the backbone too, torchvision's AlexNet or VGG-16")
        layers: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}
        channels, at_taps = 3, []
        for number in BACKBONES[kind].convolutions:
            weight, bias = (_tensor(renamed, f"features.{number}.{part}", name) for part in ("weight", "bias"))
            if weight.ndim != 4 or weight.shape[1] != channels or bias.shape != weight.shape[:1] or 0 in weight.shape:
                shapes = f"{list(weight.shape)} and {list(bias.shape)}"
                raise InputError(f"'{name}': layer features.{number} of shapes {shapes} does not follow one of {channels} channels")
            layers[number] = weight.to(device), bias.to(device)
            channels = weight.shape[0]
            if number + 1 in BACKBONES[kind].taps:
                at_taps.append(channels)
        linear = [_tensor(renamed, f"lin{k}.model.1.weight", name) for k in range(TAPS)]
        for k, (tensor, wanted) in enumerate(zip(linear, at_taps, strict=True)):
            if tensor.shape != (1, wanted, 1, 1):
                raise InputError(
                    f"'{name}': lin{k}.model.1.weight has shape {list(tensor.shape)}, and {kind} has {wanted} channels there: "
                    "the linear layers are another network's"
                )
        return cls(kind, layers, [tensor.to(device) for tensor in linear])

    def distance(self, real: NDArray[np.float64], predicted: NDArray[np.float64]) -> float:
        """Of two pictures in [0, 1], (H, W, 3) BGR or (H, W) grey, of one shape."""
        if real.shape != predicted.shape:
            raise UsageError(f"pictures of shapes {real.shape} and {predicted.shape} can't be compared: scale one of them")
        both = np.stack([real, predicted])
        rgb = both[..., ::-1] if both.ndim == 4 else both[..., None].repeat(3, axis=3)
        pixels = torch.from_numpy(np.ascontiguousarray(rgb.transpose(0, 3, 1, 2), np.float32)).to(self._shift.device)
        total = 0.0
        # a GPU's convolutions in TF32 would move the fourth digit of a measure
        with torch.inference_mode(), torch.backends.cudnn.flags(enabled=torch.backends.cudnn.enabled, allow_tf32=False):
            for features, weight in zip(self._features((2 * pixels - 1 - self._shift) / self._spread), self._weights, strict=True):
                scaled = features / (features.square().sum(dim=1, keepdim=True).sqrt() + EPSILON)
                total += float(((scaled[:1] - scaled[1:]).square() * weight).sum(dim=1).mean())
        return total

    def _features(self, pixels: torch.Tensor) -> list[torch.Tensor]:
        """Behind each tap, shape (2, C, h, w)."""
        height, width = pixels.shape[2:]
        window, stride = self._backbone.pool
        taps = []
        for number in range(self._backbone.taps[-1]):
            if number in self._layers:
                step, padding = self._backbone.convolutions[number]
                weight, bias = self._layers[number]
                self._fits(pixels, max(weight.shape[2:]) - 2 * padding, height, width)
                pixels = relu(conv2d(pixels, weight, bias, stride=step, padding=padding))
                if number + 1 in self._backbone.taps:
                    taps.append(pixels)
            elif number in self._backbone.pools:
                self._fits(pixels, window, height, width)
                pixels = max_pool2d(pixels, window, stride)
        return taps

    def _fits(self, pixels: torch.Tensor, window: int, height: int, width: int) -> None:
        if min(pixels.shape[2:]) < window:
            raise UsageError(f"LPIPS on {self.kind} can't look at pictures of {width} x {height} px: they are too small for its layers")


def _tensor(state: State, key: str, name: str) -> torch.Tensor:
    """One of the tensors, float32. Raises InputError where it is missing, no floats, or not finite."""
    tensor = state.get(key)
    if tensor is None:
        raise InputError(
            f"'{name}' lacks the tensor '{key}': a backbone of torchvision and the linear layers of LPIPS v0.1 belong together"
        )
    if not tensor.is_floating_point() or not bool(tensor.isfinite().all()):
        raise InputError(f"'{name}': the tensor '{plain(key)}' holds other things than finite floats; download it again")
    return tensor.float()
