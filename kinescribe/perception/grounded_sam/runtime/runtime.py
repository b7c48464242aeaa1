"""Where a model runs: devices, number format, batches. One object, which detectors, segmenters and propagators share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from kinescribe.errors import UsageError
from kinescribe.perception.grounded_sam.runtime.batching import Batches
from kinescribe.perception.grounded_sam.runtime.compiling import compile_in_place, use_cache_folder
from kinescribe.perception.grounded_sam.runtime.devices import choose_batch_size, choose_devices, choose_dtype
from kinescribe.perception.grounded_sam.runtime.placing import lower_weights, move
from kinescribe.perception.grounded_sam.runtime.replicas import Replicas
from kinescribe.perception.grounded_sam.runtime.upload import Uploader

if TYPE_CHECKING:
    import torch
    from torch import Tensor

__all__ = ["Runtime"]

Item = TypeVar("Item")
Result = TypeVar("Result")
Model = TypeVar("Model")


class Runtime:
    """Devices, number format and batches.

    Attributes:
        devices: at least one, all of one type.
        dtype: what matrix products and convolutions are computed in; everything that is delicate stays float32.
        batch_size: pictures a batch to begin with.
        compile: whether models are compiled.
        warnings: lines for the user: batches that were halved, models that could not be compiled.
    """

    def __init__(
        self,
        devices: Sequence[torch.device],
        dtype: torch.dtype,
        *,
        batch_size: int = 1,
        compile: bool = False,
        warnings: list[str] | None = None,
    ) -> None:
        if batch_size < 1:
            raise UsageError(f"a batch of {batch_size} holds nothing; --batch-size must be at least 1")
        self.devices = tuple(devices)
        self.dtype = dtype
        self.batch_size = batch_size
        self.compile = compile
        self.warnings: list[str] = [] if warnings is None else warnings
        self.batches = Batches(batch_size, self.device.type, self.warnings)
        self._uploader = Uploader(self.device)
        if compile:
            use_cache_folder()

    @classmethod
    def choose(cls, device: str = "auto", *, precision: str = "auto", compile: bool = False, batch_size: int | None = None) -> Runtime:
        """The runtime that the user asks for.

        `device`: auto, cpu, mps, cuda, cuda:1 or cuda:0,1. `precision`: auto (bf16 on CUDA, or fp16 where the GPU lacks bf16; fp32
        elsewhere), fp32, bf16 or fp16. `batch_size`: pictures a batch; None chooses by the device's memory.

        Raises:
            UsageError: where torch isn't installed, or the device or precision isn't to be had, with the way out.
        """
        devices = choose_devices(device)
        dtype = choose_dtype(precision, devices)
        return cls(devices, dtype, batch_size=choose_batch_size(devices) if batch_size is None else batch_size, compile=compile)

    @property
    def device(self) -> torch.device:
        """The first device."""
        return self.devices[0]

    def describe(self) -> dict[str, str]:
        """What ran where, for the sidecar: devices with the GPU's name, number format, size of batch, version of torch."""
        import torch

        names = [f"{device} ({torch.cuda.get_device_name(device)})" if device.type == "cuda" else str(device) for device in self.devices]
        return {
            "devices": ", ".join(names),
            "precision": str(self.dtype).removeprefix("torch."),
            "batch_size": str(self.batch_size),
            "compiled": "yes" if self.compile else "no",
            "torch": str(torch.__version__),
        }

    def place(self, model: Any, parts: Sequence[str] = ()) -> Any:
        """The model, ready to run on the first device: evaluation mode, no gradients, weights in `dtype` where that is safe.

        With `compile`, its forward pass is compiled at the first call, or that of the `parts` instead, dotted names of submodules
        such as ``vision_encoder`` whose input has one shape; where that fails, a warning is added and it runs uncompiled.

        Raises:
            InputError: where the device's memory is too small for the model.
        """
        model.eval().requires_grad_(False)
        lower_weights(model, self.dtype)
        model = move(model, self.device)
        if self.compile:
            for module in [model.get_submodule(part) for part in parts] or [model]:
                compile_in_place(module, self.warnings, graphs=self.device.type == "cuda", ran=self._count_compiled)
        return model

    def _count_compiled(self) -> None:
        self.batches.compiled_calls += 1

    def autocast(self) -> AbstractContextManager[None]:
        """A context without gradients, in which matrix products and convolutions are computed in `dtype`. To be entered in each thread."""
        return _autocast(self.device.type, self.dtype)

    def upload(self, images: Sequence[NDArray[np.uint8]]) -> Tensor:
        """Equal-sized uint8 (H, W, 3) BGR pictures → uint8 (B, 3, H, W) RGB on the first device, from page-locked memory on CUDA.

        Raises:
            UsageError: for no picture at all.
            InputError: for pictures of several sizes, or that aren't uint8 (H, W, 3).
        """
        return self._uploader(images)

    def in_batches(self, function: Callable[[list[Item]], list[Result]], items: Sequence[Item], *, size: int | None = None) -> list[Result]:
        """What the function makes of the items, in their order; it is given a list and returns one of the same length.

        Batches hold `size` items, or `batch_size`. Where memory runs out the batch is halved; the size that fits is remembered by the
        function's name, and `warnings` tells. Functions that call compiled models have their batches filled up with copies of the last
        item, so that shapes stay the same.

        Raises:
            MemoryFullError: an `InputError`; where memory runs out at a single item.
            UsageError: for a size below 1.
        """
        return self.batches.run(function, items, size)

    def warm_up(self, function: Callable[[list[Item]], list[Result]], item: Item, *, size: int | None = None) -> None:
        """Runs the function on a full batch of copies of the item, so that compiling, choosing kernels and recording graphs are done."""
        for _ in range(3 if self.compile and self.device.type == "cuda" else 1):  # a graph is recorded at the second call
            self.batches.run(function, [item] * self.batches.first_size(function, size), size)
        self.synchronize()

    def synchronize(self) -> None:
        """Waits until the devices have done what they were given."""
        import torch

        for device in self.devices:
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            elif device.type == "mps":
                torch.mps.synchronize()

    def replicate(self, build: Callable[[Runtime], Model]) -> Replicas[Model]:
        """The same model on every device. `build` makes one with the runtime it is given, which has a single device."""
        if len(self.devices) == 1:
            return Replicas([build(self)], [self])
        singles = [
            Runtime([device], self.dtype, batch_size=self.batch_size, compile=self.compile, warnings=self.warnings)
            for device in self.devices
        ]
        return Replicas([build(single) for single in singles], singles)


@contextmanager
def _autocast(device_type: str, dtype: torch.dtype) -> Iterator[None]:
    import torch

    with torch.inference_mode(), torch.autocast(device_type, dtype=dtype, enabled=dtype != torch.float32):
        yield
