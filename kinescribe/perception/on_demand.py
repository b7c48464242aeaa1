"""Where and how models run, settled when the first of them needs it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kinescribe.perception.grounded_sam.runtime import Runtime

__all__ = ["RuntimeOnDemand"]


class RuntimeOnDemand:
    """A runtime that is made for the first part that asks: torch is imported then, and need not be installed where none does.

    Args:
        device, precision, compile, batch_size: as `Runtime.choose` has them.

    Attributes:
        device: the argument.
        compiles: whether models are compiled.
        options: the arguments; equal ones make equal runtimes.
        used: the runtime; None as long as no part has asked.
    """

    def __init__(self, device: str, precision: str, compile: bool, batch_size: int | None) -> None:
        self.device, self._precision, self._compile, self._batch_size = device, precision, compile, batch_size
        self.compiles = compile
        self.options = (device, precision, compile, batch_size)
        self.used: Runtime | None = None

    def choose(self) -> Runtime:
        """The same one for all parts."""
        if self.used is None:
            from kinescribe.perception.grounded_sam.runtime import Runtime

            self.used = Runtime.choose(self.device, precision=self._precision, compile=self._compile, batch_size=self._batch_size)
        return self.used

    def idle(self) -> dict[str, Any]:
        """The options that are not at their defaults, where no part has asked; without the device cpu, where everything runs."""
        if self.used is not None:
            return {}
        options: dict[str, Any] = {} if self.device in ("auto", "cpu") else {"device": self.device}
        defaults = {"precision": (self._precision, "auto"), "compile": (self._compile, False), "batch-size": (self._batch_size, None)}
        return options | {name: value for name, (value, default) in defaults.items() if value != default}

    @property
    def warnings(self) -> list[str]:
        """What it had to say so far."""
        return [] if self.used is None else self.used.warnings

    def describe(self) -> dict[str, Any]:
        """For the sidecar; empty where no model ran."""
        return {} if self.used is None else self.used.describe()
