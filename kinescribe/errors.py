"""Errors that a user can act on.

Every one of them prints as a single line that names the offending value and the way out, and carries the exit code that the
command line ends with. Anything else that escapes is a defect of ours.
"""

from __future__ import annotations

import difflib
import errno
from collections.abc import Iterable

__all__ = ["InputError", "KinescribeError", "NothingFoundError", "UsageError", "pip_install", "unknown_value", "why_not_written"]


class KinescribeError(Exception):
    """Base of all errors that carry a message for the user. Exit code 1."""

    exit_code = 1


class UsageError(KinescribeError, ValueError):
    """An option or argument that makes no sense. Exit code 2."""

    exit_code = 2


class InputError(KinescribeError, OSError):
    """A file that is missing, unreadable or not what it claims to be. Exit code 3."""

    exit_code = 3


class NothingFoundError(KinescribeError):
    """The input is fine and holds nothing of what was asked for. Exit code 4."""

    exit_code = 4


def pip_install(extra: str) -> str:
    """The command that adds one of our extras, as messages on a missing package quote it: ``pip install 'kinescribe[sam]'``."""
    return f"pip install 'kinescribe[{extra}]'"


def unknown_value(kind: str, value: str, allowed: Iterable[str]) -> UsageError:
    """The error for a name that is not in a list, with the nearest match: ``unknown backend 'clasical'; did you mean 'classical'? …``."""
    names = sorted(allowed)
    near = difflib.get_close_matches(value.lower(), names, n=1, cutoff=0.5)
    hint = f"; did you mean '{near[0]}'?" if near else ";"
    return UsageError(f"unknown {kind} '{value}'{hint} available: {', '.join(names)}")


def why_not_written(error: Exception) -> str:
    """Why a file could not be written, in the system's words, and the way out: ``Read-only file system; write to …``."""
    number = getattr(error, "errno", None)
    if number in (errno.ENOSPC, errno.EDQUOT):
        way_out = "make room, or write somewhere else"
    elif number == errno.ENAMETOOLONG:
        way_out = "give it a shorter name"
    elif number in (errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOENT, errno.ENOTDIR):
        way_out = "write to a folder that exists and is yours"
    else:
        way_out = "write somewhere else"
    return f"{getattr(error, 'strerror', None) or error}; {way_out}"
