"""Landlock: no file and no port, whatever the system calls allow (kernel 5.13; ports from 6.7, others' signals and sockets from 6.12)."""

from __future__ import annotations

import ctypes
import os

from kinescribe.dynamics.sandbox.kernel import called

__all__ = ["no_access", "version"]

CREATE, RESTRICT = 444, 446  # the same on every machine
ASK_VERSION = 1
_FILES = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1, 5: (1 << 16) - 1}
_PORTS = 0b11
_SCOPES = 0b11


class _Ruleset(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("ports", ctypes.c_uint64), ("scopes", ctypes.c_uint64))


def version() -> int:
    """Of Landlock in this kernel; 0 where there is none, or it is switched off."""
    try:
        return called("syscall", CREATE, None, 0, ASK_VERSION)
    except (OSError, AttributeError):
        return 0


def no_access() -> int:
    """Take all access from this process, for good; the version that did it, 0 where there is none.

    Raises:
        OSError: the kernel has Landlock and refuses.
    """
    found = version()
    if not found:
        return 0
    rules = _Ruleset(_FILES[min(found, 5)], _PORTS if found >= 4 else 0, _SCOPES if found >= 6 else 0)
    # older kernels know a shorter structure
    size = 8 if found < 4 else 16 if found < 6 else 24
    descriptor = called("syscall", CREATE, ctypes.byref(rules), size, 0)
    try:
        called("syscall", RESTRICT, descriptor, 0)
    finally:
        os.close(descriptor)
    return found
