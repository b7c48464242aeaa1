"""The first run of a model that a stranger configured."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kinescribe.errors import InputError, KinescribeError
from kinescribe.perception.weights.library import reason_of

__all__ = ["FirstRun"]

MISFITS = (
    *(RuntimeError, ValueError, TypeError, IndexError, KeyError, AttributeError, AssertionError, ArithmeticError),
    *(NotImplementedError, OSError),
)
"""What parts that don't fit each other raise."""


class FirstRun:
    """Tells a configuration that only shows in use to be wrong from a defect of ours: models that ran once keep their exceptions.

    Attributes:
        over: whether the model has run.
    """

    def __init__(self) -> None:
        self.over = False

    @contextmanager
    def of(self, folder: Path | None, *, last: bool = False) -> Iterator[None]:
        """Around building or running a model.

        Args:
            folder: with its weights; None where it isn't loaded.
            last: whether a model that comes through has shown that all of it works.

        Raises:
            InputError: the model of this folder, which hasn't run yet, fails for another reason than memory.
        """
        try:
            yield
        except KinescribeError:
            raise
        except MISFITS as error:
            from kinescribe.perception.grounded_sam.runtime.batching import is_out_of_memory

            if self.over or folder is None or is_out_of_memory(error):
                raise
            raise InputError(
                f"the model in {folder} can't be run ({reason_of(error)}); its configuration and its weights don't belong together: "
                "download it again"
            ) from error
        self.over = self.over or last
