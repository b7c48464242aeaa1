"""transformers while it reads a stranger's folder: without the network, and without its own messages."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from kinescribe.perception.weights.wording import plain

__all__ = ["quiet_offline", "reason_of"]

LONGEST_REASON = 200


@contextmanager
def quiet_offline() -> Iterator[None]:
    """Inside it the library downloads nothing and prints nothing; afterwards everything is set as before.

    What matters of its messages (progress bars, tables of keys, advice) is raised or handed on by those who call it.
    """
    from huggingface_hub import constants
    from transformers.utils import logging

    offline, level, bar = constants.HF_HUB_OFFLINE, logging.get_verbosity(), logging.is_progress_bar_enabled()
    constants.HF_HUB_OFFLINE = True  # what the environment's variable of that name sets; it is read once, when the library is imported
    logging.set_verbosity(logging.CRITICAL)
    logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        constants.HF_HUB_OFFLINE = offline
        logging.set_verbosity(level)
        if bar:
            logging.enable_progress_bar()


def reason_of(error: Exception) -> str:
    """Kind and text of another library's exception on one line."""
    return f"{type(error).__name__}: {plain(' '.join(str(error).split()), LONGEST_REASON)}"
