"""Lists of items through a model, as many at once as memory allows."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

from kinescribe.errors import InputError, UsageError

__all__ = ["Batches", "MemoryFullError", "is_out_of_memory", "name_of", "release"]

Item = TypeVar("Item")
Result = TypeVar("Result")

OUT_OF_MEMORY = ("out of memory", "can't allocate memory", "not enough memory", "alloc_failed")
"""How the RuntimeErrors of the CPU's allocator, of MPS, cuDNN and cuBLAS say it, in lower case."""


class MemoryFullError(InputError):
    """Memory runs out at a single item. Exit code 3."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception says that the device's or the machine's memory is full."""
    import torch

    if isinstance(error, (torch.OutOfMemoryError, MemoryError, MemoryFullError)):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error).lower() for words in OUT_OF_MEMORY)


class Batches:
    """Runs functions over lists in batches, and remembers for each function the size of batch that fits.

    Attributes:
        size: items a batch to begin with.
        device_type: "cpu", "cuda" or "mps".
        warnings: receives one line for each function that ran out of memory.
        compiled_calls: how often a compiled model ran; whoever compiles counts it up.
    """

    def __init__(self, size: int, device_type: str, warnings: list[str]) -> None:
        self.size = size
        self.device_type = device_type
        self.warnings = warnings
        self.compiled_calls = 0
        self._fits: dict[str, int] = {}
        self._shapes: dict[str, set[int]] = {}  # sizes of batch that a compiled model has run with
        self._warned: dict[str, str] = {}
        self._lock = threading.Lock()

    def run(
        self, function: Callable[[list[Item]], list[Result]], items: Sequence[Item], size: int | None = None, key: str | None = None
    ) -> list[Result]:
        """What the function makes of the items, in their order; it is given a list and returns one of the same length.

        Where memory runs out the batch is halved, and what was done stays done. A function that calls compiled models sees few sizes
        of batch: its batches are filled up with copies of their last item, whose results are dropped.
        `size`: items a batch to begin with, instead of the usual; `key`: what the function is known by, instead of its name.

        Raises:
            MemoryFullError: where memory runs out at a single item.
            UsageError: for a size below 1.
        """
        if size is not None and size < 1:
            raise UsageError(f"a batch of {size} holds nothing; the size must be at least 1")
        key = key or name_of(function)
        first = current = self._first(key, size)
        results: list[Result] = []
        while len(results) < len(items):
            batch = list(items[len(results) : len(results) + current])
            full = self._padded(key, len(batch), current)
            compiled = self.compiled_calls
            try:
                made = function(batch + [batch[-1]] * (full - len(batch)))
            except (RuntimeError, MemoryError, MemoryFullError) as error:
                if not is_out_of_memory(error):
                    raise
                if full == 1:
                    raise MemoryFullError(self._too_small()) from error
            else:
                if len(made) != full:
                    raise ValueError(f"{key} returned {len(made)} results for {full} items")
                if self.compiled_calls > compiled:
                    self._shapes.setdefault(key, set()).add(full)
                results += made[: len(batch)]
                continue
            # here, where the exception no longer holds on to the tensors of the frames that it came through
            release(self.device_type)
            current = full // 2
            self._remember(key, first, current)
        return results

    def first_size(self, function: Callable[..., object], size: int | None = None) -> int:
        """The size of batch that the next run of this function begins with."""
        return self._first(name_of(function), size)

    def _first(self, key: str, size: int | None) -> int:
        wanted = size or self.size
        return min(wanted, self._fits.get(key, wanted))

    def _padded(self, key: str, count: int, limit: int) -> int:
        """The size to fill a batch up to: one that was compiled already, else a power of two, so that there are few of them."""
        if key not in self._shapes:
            return count
        known = [shape for shape in self._shapes[key] if count <= shape <= limit]
        return min(known) if known else min(limit, 1 << (count - 1).bit_length())

    def _remember(self, key: str, tried: int, current: int) -> None:
        """Notes the smaller size; a function has one warning, which tells where it stands."""
        line = f"{self._memory()} ran out at {tried} pictures a batch; going on with {current}"
        with self._lock:
            before = self._warned.get(key)
            self._fits[key] = current
            self._warned[key] = line
            if before in self.warnings:
                self.warnings[self.warnings.index(before)] = line
            else:
                self.warnings.append(line)

    def _memory(self) -> str:
        return "memory" if self.device_type == "cpu" else "GPU memory"

    def _too_small(self) -> str:
        elsewhere = "" if self.device_type == "cpu" else ", --device cpu"
        return f"{self._memory()} ran out at one picture a batch; use a smaller model{elsewhere} or smaller pictures"


def name_of(function: Callable[..., object]) -> str:
    """What a function is known by: module, qualified name and line; those of the class where it is an object that can be called."""
    named = function if hasattr(function, "__qualname__") else type(function)
    code = getattr(function, "__code__", None)
    return f"{named.__module__}.{named.__qualname__}" + (f":{code.co_firstlineno}" if code is not None else "")


def release(device_type: str) -> None:
    """Hands cached memory back to the device."""
    import torch

    gc.collect()
    if device_type == "cuda":
        torch.cuda.empty_cache()
    elif device_type == "mps":
        torch.mps.empty_cache()
