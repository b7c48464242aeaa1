"""What a run tells of itself while it goes on: records of the loggers below ``kinescribe``, as lines for people or as JSON.

The library only makes records, with `logging.getLogger(__name__)`; nothing is set up at import. A record's ``extra={"fields": {…}}`` holds
what a program would want of it: plain JSON values by name.
"""

from __future__ import annotations

import io
import json
import logging
import re
import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, TextIO

__all__ = ["LEVELS", "JsonLines", "forward", "hand_on", "level_for_workers", "set_up"]

LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
ROOT = "kinescribe"
_SAID = re.compile(r"^kinescribe: (warning|error|partial|note|debug|info): ?")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_OWN = ("time", "level", "logger", "event")


def set_up(level: int) -> Callable[[], None]:
    """Show records from this level on, on whatever is stderr when they come; call what comes back to end that."""
    return _use(_Shown(), level)


def forward(send: Callable[[dict[str, Any]], None], level: int) -> Callable[[], None]:
    """Hand records from this level on, as plain JSON values, to a function: of a worker, whose stderr nobody reads."""
    return _use(_Sent(send), level)


def hand_on(said: Mapping[str, Any], **fields: Any) -> None:
    """A record that another process sent, as if it had been made here, with more fields."""
    logger = logging.getLogger(str(said.get("logger", ROOT)))
    level = LEVELS.get(str(said.get("level")), logging.INFO)
    if logger.isEnabledFor(level):
        logger.log(level, "%s", said.get("event", ""), extra={"fields": {**said.get("fields", {}), **fields}})


def level_for_workers() -> int | None:
    """From which level on somebody here wants records; None where nobody does."""
    logger = logging.getLogger(ROOT)
    return logger.level if any(isinstance(one, _Shown | _Sent) for one in logger.handlers) else None


class JsonLines(io.TextIOBase):
    """A text stream that writes each line that comes in as a JSON object: ``time``, ``level``, ``event`` and fields.

    In the place of stderr it makes JSON of all that is said there, whoever says it.
    """

    def __init__(self, target: TextIO) -> None:
        """Args: target: where the lines go."""
        self._target, self._rest = target, ""

    def write(self, text: str) -> int:
        """Whole lines go on at once; the rest waits for its end."""
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            if line.strip():
                said = _SAID.match(line)
                kind = said[1] if said else "info"
                level = {"partial": "warning", "note": "info"}.get(kind, kind)
                self.say(level, line[said.end() :] if said else line, **({"kind": kind} if level != kind else {}))
        return len(text)

    def say(self, level: str, event: str, logger: str = ROOT, /, **fields: Any) -> None:
        """One object. Fields that are no JSON are told as texts."""
        named = {f"{key}_" if key in _OWN else key: value for key, value in fields.items()}
        head = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), "level": level, "logger": logger, "event": event}
        self._target.write(json.dumps({**head, **named}, ensure_ascii=True, default=str) + "\n")

    def tell_error(self, message: str, code: int, trace: str | None) -> None:
        """The error that a command ends with."""
        self.say("error", message, exit_code=code, **({} if trace is None else {"traceback": trace}))

    def flush(self) -> None:
        """Hand on to the target what can be handed on."""
        self._target.flush()

    def fileno(self) -> int:
        """As the target's."""
        return self._target.fileno()

    def isatty(self) -> bool:
        """Never: no bars and colours."""
        return False

    def writable(self) -> bool:
        """Always."""
        return True

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """All that is written is ASCII."""
        return "ascii"


class _Shown(logging.Handler):
    """Writes records to the stderr of the moment, for a progress bar may stand there in its place."""

    def __init__(self) -> None:
        super().__init__()
        self._began = time.perf_counter()

    def emit(self, record: logging.LogRecord) -> None:
        fields = getattr(record, "fields", {})
        if isinstance(sys.stderr, JsonLines):
            sys.stderr.say(record.levelname.lower(), record.getMessage(), record.name, **fields)
        elif sys.stderr is not None:
            told = " ".join(f"{name}={value}" for name, value in fields.items())
            line = f"{record.getMessage()}{' | ' if told else ''}{told}"
            passed = time.perf_counter() - self._began
            print(f"kinescribe: {record.levelname.lower()}: {passed:.3f} s: {_one_line(line)}", file=sys.stderr)


class _Sent(logging.Handler):
    def __init__(self, send: Callable[[dict[str, Any]], None]) -> None:
        super().__init__()
        self._send = send

    def emit(self, record: logging.LogRecord) -> None:
        fields = json.loads(json.dumps(getattr(record, "fields", {}), default=str))
        said = {"level": record.levelname.lower(), "logger": record.name, "event": record.getMessage(), "fields": fields}
        self._send(said)


def _use(handler: logging.Handler, level: int) -> Callable[[], None]:
    logger = logging.getLogger(ROOT)
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(level)

    def end() -> None:
        logger.removeHandler(handler)
        logger.setLevel(before)

    return end


def _one_line(text: str) -> str:
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)
