"""The same model on several devices, each working on batches of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Generic, TypeVar

from kinescribe.perception.grounded_sam.runtime.batching import name_of

if TYPE_CHECKING:
    from kinescribe.perception.grounded_sam.runtime.runtime import Runtime

__all__ = ["Replicas"]

Model = TypeVar("Model")
Item = TypeVar("Item")
Result = TypeVar("Result")


class Replicas(Generic[Model]):
    """Models that are equal, one a device. Made by `Runtime.replicate`.

    Attributes:
        models: one for each of the runtimes.
        runtimes: one for each device.
    """

    def __init__(self, models: Sequence[Model], runtimes: Sequence[Runtime]) -> None:
        self.models = tuple(models)
        self.runtimes = tuple(runtimes)

    @property
    def first(self) -> Model:
        """The model on the first device."""
        return self.models[0]

    def in_batches(
        self, function: Callable[[Model, Runtime, list[Item]], list[Result]], items: Sequence[Item], *, size: int | None = None
    ) -> list[Result]:
        """What the function makes of the items, in their order, as `Runtime.in_batches`; it is also given a model and its device's runtime.

        With several devices each has a thread, which takes the next batch as soon as it is done with one. The first exception of any
        of them is raised once all have stopped.
        """
        key = name_of(function)
        if len(self.models) == 1:
            model, runtime = self.models[0], self.runtimes[0]
            return runtime.batches.run(lambda batch: function(model, runtime, batch), items, size, key)
        step = min(size or self.runtimes[0].batch_size, max(1, -(-len(items) // len(self.models))))
        starts = iter(range(0, len(items), step))
        made: dict[int, list[Result]] = {}
        errors: list[BaseException] = []
        lock = threading.Lock()

        def work(model: Model, runtime: Runtime) -> None:
            try:
                while not errors:
                    with lock:
                        start = next(starts, None)
                    if start is None:
                        return
                    part = runtime.batches.run(lambda batch: function(model, runtime, batch), items[start : start + step], size, key)
                    with lock:
                        made[start] = part
            except BaseException as error:  # raised in the caller's thread
                errors.append(error)

        threads = [threading.Thread(target=work, args=pair, daemon=True) for pair in zip(self.models, self.runtimes, strict=True)]
        try:
            for thread in threads:
                thread.start()
            for thread in threads:
                while thread.is_alive():
                    thread.join(0.2)
        except BaseException as error:  # an interrupt: let the threads end after the batch at hand
            errors.append(error)
            raise
        if errors:
            raise errors[0]
        return [result for start in sorted(made) for result in made[start]]
