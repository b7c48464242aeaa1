"""Recorded answers: a folder with one JSON file for each question, named by the hash of the whole request."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kinescribe.errors import InputError

from .messages import Message
from .text import one_line

__all__ = ["Cache", "Entry", "key_of"]

FORMAT = 1
MOST_BYTES = 20_000_000  # of an entry; replies are at most half as long
SHOWN_CHARACTERS = 500  # of the question, for people who look into the folder


@dataclass(frozen=True, slots=True)
class Entry:
    """An answer as it was recorded.

    Attributes:
        text: what the model wrote.
        fits: whether it has the form that was asked for (always where none was). Answers that don't are recorded, so that a replay goes
            the same way, but are asked anew otherwise.
        prompt_tokens, completion_tokens: that the answer took.
        model: as the endpoint names it.
    """

    text: str
    fits: bool
    prompt_tokens: int
    completion_tokens: int
    model: str


def key_of(
    *,
    model: str,
    base_url: str,
    messages: Sequence[Message],
    schema: dict[str, Any] | None,
    temperature: float,
    max_reply_tokens: int | None,
    seed: int | None,
    n_tag: int,
) -> str:
    """SHA-256, as hexadecimal digits, of everything that the answer may depend on, pictures included."""
    request = {
        "format": FORMAT,
        "model": model,
        "base_url": base_url,
        "messages": [message.wire() for message in messages],
        "schema": schema,
        "temperature": float(temperature),
        "max_reply_tokens": max_reply_tokens,
        "seed": seed,
        "n_tag": n_tag,
    }
    return hashlib.sha256(json.dumps(request, sort_keys=True, ensure_ascii=True).encode()).hexdigest()


class Cache:
    """A folder of entries. Several processes may use it at once: entries are written beside their place and moved there whole.

    Attributes:
        folder: made at the first writing.
        warnings: one line for each entry that couldn't be read.
    """

    def __init__(self, folder: Path) -> None:
        """Raises `InputError` if the path is something else than a folder, or can't be looked at."""
        try:
            found = folder.stat().st_mode
        except FileNotFoundError:
            found = None
        except (OSError, ValueError) as error:
            raise InputError(
                f"the cache of answers can't be at '{one_line(str(folder))}' ({_reason(error)}); name another folder"
            ) from error
        if found is not None and not stat.S_ISDIR(found):
            raise InputError(f"'{folder}' is a file, but the cache of answers is a folder; name another place")
        self.folder = folder
        self.warnings: list[str] = []

    def get(self, key: str) -> Entry | None:
        """The entry, None where there is none or none that can be read (see `warnings`)."""
        path = self._path(key)
        try:
            if not stat.S_ISREG(path.stat().st_mode):
                raise ValueError("it is no file")  # a pipe would be waited for, and some devices have no end
            with path.open("rb") as file:
                data = file.read(MOST_BYTES + 1)
            if len(data) > MOST_BYTES:
                raise ValueError(f"it is larger than {MOST_BYTES // 1_000_000} MB")
            return _entry(json.loads(data.decode("utf-8")), key)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except PermissionError as error:  # of the folder's, mostly: one line for all its entries
            self.warn(f"recorded answers in '{self.folder}' can't be read ({_reason(error)}) and are passed over")
            return None
        except (OSError, ValueError, RecursionError) as error:
            self.warn(f"the recorded answer {path} can't be used ({_reason(error)}) and is passed over")
            return None

    def warn(self, line: str) -> None:
        """Keep a line for people, once."""
        if line not in self.warnings:
            self.warnings.append(line)

    def put(self, key: str, entry: Entry, *, base_url: str, question: str) -> None:
        """Record an answer, over an older one. Raises `InputError` if the folder can't be written."""
        content = {
            "format": FORMAT,
            "key": key,
            "model": entry.model,
            "base_url": base_url,
            "question": question[:SHOWN_CHARACTERS],
            "text": entry.text,
            "fits": entry.fits,
            "prompt_tokens": entry.prompt_tokens,
            "completion_tokens": entry.completion_tokens,
        }
        path = self._path(key)
        # escapes, for a reply may hold half of a surrogate pair, which UTF-8 can't
        data = json.dumps(content, indent=1, ensure_ascii=True)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor, temporary = tempfile.mkstemp(prefix=".writing-", dir=path.parent)
            try:
                with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                    file.write(data)
                Path(temporary).replace(path)
            except BaseException:
                Path(temporary).unlink(missing_ok=True)
                raise
        except IsADirectoryError as error:
            raise InputError(f"the answer can't be recorded as {path}, which is a folder; move it away") from error
        except OSError as error:
            raise InputError(f"answers can't be recorded in '{self.folder}' ({_reason(error)}); name another folder") from error

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}.json"


def _entry(content: Any, key: str) -> Entry:
    """Raises `ValueError` where the content isn't what `Cache.put` writes."""
    if not isinstance(content, dict) or content.get("format") != FORMAT or content.get("key") != key:
        raise ValueError("it isn't the entry that its name promises")
    text, fits, model = content.get("text"), content.get("fits"), content.get("model")
    prompt, completion = content.get("prompt_tokens"), content.get("completion_tokens")
    if not (isinstance(text, str) and isinstance(fits, bool) and isinstance(model, str)):
        raise ValueError("it lacks a part of what an entry holds")
    if type(prompt) is not int or type(completion) is not int or min(prompt, completion) < 0:
        raise ValueError("it holds no counts of tokens")
    return Entry(text, fits, prompt, completion, model)


def _reason(error: Exception) -> str:
    said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return one_line(said) or type(error).__name__
