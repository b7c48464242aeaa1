"""Models on their way to the device."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kinescribe.errors import InputError
from kinescribe.perception.grounded_sam.runtime.batching import is_out_of_memory, release

if TYPE_CHECKING:
    import torch

__all__ = ["lower_weights", "move"]


def move(model: Any, device: torch.device) -> Any:
    """The model on the device. Raises `InputError` where its memory is too small."""
    try:
        return model.to(device)
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        size = sum(p.numel() * p.element_size() for p in model.parameters()) / 1e9
        elsewhere = "" if device.type == "cpu" else " or --device cpu"
        release(device.type)
        raise InputError(
            f"{type(model).__name__} ({size:.1f} GB) doesn't fit into the memory of {device}; use a smaller model{elsewhere}"
        ) from error


def lower_weights(model: Any, dtype: torch.dtype) -> None:
    """Keeps the weights of linear layers and convolutions in `dtype`, so that autocast needn't convert them at every call.

    All others stay as they are: normalisations, embeddings and free parameters, and weights that are shared with one of these.
    """
    import torch
    from torch import nn

    if dtype == torch.float32:
        return
    safe = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose2d)
    delicate = {
        id(parameter) for module in model.modules() if not isinstance(module, safe) for parameter in module.parameters(recurse=False)
    }
    for module in model.modules():
        if isinstance(module, safe):
            for parameter in module.parameters(recurse=False):
                if id(parameter) not in delicate and parameter.dtype == torch.float32:
                    parameter.data = parameter.data.to(dtype)
