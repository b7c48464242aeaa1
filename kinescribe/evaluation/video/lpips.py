"""LPIPS, a distance of pictures as people see it, from weights on the disk. Nothing is downloaded."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kinescribe.errors import InputError, UsageError
from kinescribe.evaluation.video.pictures import Picture, checked, unit

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch

    from kinescribe.evaluation.video.lpips_network import LpipsNetwork

__all__ = ["Lpips"]

ENDINGS = (".pth", ".pt", ".bin", ".safetensors")
WAY_OUT = (
    "a folder for LPIPS holds torchvision's alexnet-owt-7be5be79.pth with alex.pth of github.com/richzhang/PerceptualSimilarity "
    "(lpips/weights/v0.1), or vgg16-397923af.pth with vgg.pth"
)


class Lpips:
    """Learned perceptual image patch similarity (Zhang et al. 2018, arXiv 1801.03924), version 0.1, on AlexNet or VGG-16.

    The features of both pictures behind five layers of the network are scaled to length one at every place; the squared differences of
    their channels are summed with learned weights and averaged over the places; the five means are added.
    """

    def __init__(self, network: LpipsNetwork) -> None:
        self._network = network

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, device: str = "auto") -> Lpips:
        """Read the weights of one network; no code in them is run.

        Args:
            path: a folder with the backbone (``features.0.weight`` …) and the linear layers (``lin0.model.1.weight`` …), or a file
                that holds both, such as the state of the package lpips.
            device: ``auto``, ``cpu``, ``cuda``, ``cuda:1`` or ``mps``.

        Raises:
            InputError: nothing there, damaged, of another network, or not a whole one.
            UsageError: torch is not installed, or there is no such device.
        """
        from kinescribe.perception.grounded_sam.runtime.devices import choose_devices

        where = Path(path)
        files = _files(where)
        chosen = choose_devices(device)
        if len(chosen) > 1:
            raise UsageError(f"device '{device}' is several; LPIPS runs on one, such as {chosen[0]}")
        from kinescribe.evaluation.video.lpips_network import LpipsNetwork

        return cls(LpipsNetwork.of(_state(files), str(where), chosen[0]))

    @property
    def kind(self) -> str:
        """``alexnet`` or ``vgg16``, as the weights have it."""
        return self._network.kind

    def distance(self, real: Picture, predicted: Picture) -> float:
        """Distance of two pictures, from 0 (equal) on; the order of the two makes no difference.

        Args:
            real, predicted: of one shape (H, W, 3), BGR, or (H, W), grey; uint8, or floats in [0, 1].

        Raises:
            UsageError: other shapes or types, values that are not finite, or pictures too small for the network.
        """
        one, other = (unit(checked(picture, f"the {name} picture")) for name, picture in (("real", real), ("predicted", predicted)))
        return self._network.distance(one, other)


def _files(path: Path) -> list[Path]:
    """The files with tensors. Raises InputError where there are none."""
    from kinescribe.perception.weights.regular import entries, is_file, is_folder

    if is_file(path):
        return [path]
    if not is_folder(path):
        raise InputError(f"there are no LPIPS weights at '{path}', and none are downloaded: {WAY_OUT}")
    files = [file for file in entries(path) if file.suffix.lower() in ENDINGS and is_file(file)]
    if not files:
        raise InputError(f"folder '{path}' holds no weights ({', '.join(ENDINGS)}): {WAY_OUT}")
    return files


def _state(files: list[Path]) -> Mapping[str, torch.Tensor]:
    """All tensors, by name. Raises InputError where two files have one of the same name."""
    from kinescribe.perception.weights import load_state
    from kinescribe.perception.weights.wording import plain

    state: dict[str, Any] = {}
    for file in files:
        part = load_state(file)
        twice = sorted(state.keys() & part.keys())
        if twice:
            raise InputError(f"'{file}' has '{plain(twice[0])}' as another file beside it: leave the weights of one network in the folder")
        state |= part
    return state
